//! Sanitises texts from other servers: a faulty one must not be able to forge a line here.
//!
//! *Owns* the list of texts in a change. *Knows nothing of* what happens with them.

use std::borrow::Cow;

use crate::chat::action::Setting;
use crate::chat::message::Message;
use crate::chat::room::{Change, ChangeKind};

/// Sanitises all texts of a change.
pub(super) fn make_safe(change: &mut Change) {
    let kind = &mut change.kind;
    if let ChangeKind::Said(message) = kind {
        clean_message(message);
    } else if let ChangeKind::ArchivedEdited { message, .. } = kind {
        clean_message(message);
    } else if let ChangeKind::Edited { text, .. } = kind {
        clean(text);
    } else if let ChangeKind::Kicked { reason, .. } = kind {
        *reason = one_line(reason).into();
    } else if let ChangeKind::Banned { ban, .. } = kind {
        ban.reason = one_line(&ban.reason).into();
    } else if let ChangeKind::Configured(settings) = kind {
        settings.description = one_line(&settings.description);
    } else if let ChangeKind::Set { setting: Setting::Description(text), .. } = kind {
        *text = one_line(text);
    }
}

fn clean(text: &mut Box<str>) {
    if let Cow::Owned(safe) = crate::text::sanitize_lines(text) {
        *text = safe.into();
    }
}

/// Sanitises a text and makes it a single line.
pub(super) fn one_line(text: &str) -> String {
    crate::text::sanitize(&text.replace('\n', " ")).into_owned()
}

/// Sanitises all texts of one message.
pub(super) fn clean_message(message: &mut Message) {
    clean(&mut message.text);
    let reply = message.extra.as_mut().and_then(|extra| extra.reply.as_mut());
    if let Some(start) = reply.and_then(|reply| reply.start.as_mut()) {
        *start = one_line(start).into();
    }
}
