//! Texts of other servers, made safe again: a faulty one must not be able to forge a line here.
//!
//! *Owns* which texts a change has. *Knows nothing of* what becomes of them.

use std::borrow::Cow;

use crate::chat::action::Setting;
use crate::chat::message::Message;
use crate::chat::room::{Change, ChangeKind};

/// Makes all texts of a change safe.
pub(super) fn make_safe(change: &mut Change) {
    match &mut change.kind {
        ChangeKind::Said(message) => clean_message(message),
        ChangeKind::ArchivedEdited { message, .. } => clean_message(message),
        ChangeKind::Edited { text, .. } => clean(text),
        ChangeKind::Kicked { reason, .. } => *reason = one_line(reason).into(),
        ChangeKind::Banned { ban, .. } => ban.reason = one_line(&ban.reason).into(),
        ChangeKind::Configured(settings) => settings.description = one_line(&settings.description),
        ChangeKind::Set { setting: Setting::Description(text), .. } => *text = one_line(text),
        _ => {}
    }
}

fn clean(text: &mut Box<str>) {
    if let Cow::Owned(safe) = crate::text::sanitize(text) {
        *text = safe.into();
    }
}

/// A text that is one line.
pub(super) fn one_line(text: &str) -> String {
    crate::text::sanitize(text).replace('\n', " ")
}

/// The same of one message.
pub(super) fn clean_message(message: &mut Message) {
    clean(&mut message.text);
    let reply = message.extra.as_mut().and_then(|extra| extra.reply.as_mut());
    if let Some(start) = reply.and_then(|reply| reply.start.as_mut()) {
        *start = one_line(start).into();
    }
}
