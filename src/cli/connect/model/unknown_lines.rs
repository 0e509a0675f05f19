//! Lines of which the server does not know yet whether they were said.
//!
//! It tells later, with the number of the request. Until then such a line may still appear, so it is never sent again.
//!
//! *Owns* which lines these are. *Knows nothing of* why the server does not know.

use super::ClientModel;
use super::channel::ChannelKey;
use super::incoming::ServerObject;
use super::intent::Moment;
use super::item::{ChatMessage, ItemContent};
use super::sending::{LineWork, Outgoing};

/// Most of them. The server tells what became of each, so only a faulty one leaves more.
const MOST_UNKNOWN: usize = 1000;

/// One of them.
#[derive(Debug)]
pub(super) struct LineInDoubt {
    request: u64,
    /// Its message has come.
    is_said: bool,
    line: Outgoing,
}

impl ClientModel {
    /// The server does not know yet what has become of a line.
    pub(super) fn doubt(&mut self, request: u64, line: Outgoing, why: String, now: Moment) {
        self.refuse(line.channel, line.shown.clone(), why, now);
        if self.unknown.len() < MOST_UNKNOWN {
            self.unknown.push(LineInDoubt { request, is_said: false, line });
        }
    }

    /// Takes what became of such a line, or returns the object if it is about something else.
    pub(super) fn settle_doubt(&mut self, object: ServerObject, now: Moment) -> Option<ServerObject> {
        let known = self.unknown.iter().position(|unknown| Some(unknown.request) == object.optional.request);
        let Some(at) = known else { return Some(object) };
        let LineInDoubt { line, .. } = self.unknown.remove(at);
        if object.action == "error" {
            self.refuse(line.channel, line.shown, object.content, now);
        } else if !matches!(line.work, LineWork::Post) {
            self.tell(line.channel, ItemContent::News(object.content), now);
        } else if object.optional.message.is_some() {
            // The message itself is on the screen.
            let channel = line.request.receiver.first().and_then(|room| self.room(room)).unwrap_or(line.channel);
            self.note_said(line, channel, object.optional.message);
        }
        None
    }

    /// Whether a message of the user's own is such a line.
    pub(super) fn was_in_doubt(&mut self, channel: ChannelKey, message: &ChatMessage) -> bool {
        let at =
            self.unknown.iter().position(|unknown| !unknown.is_said && self.is_line(&unknown.line, channel, message));
        let found = at.and_then(|at| self.unknown.get_mut(at));
        found.map(|unknown| unknown.is_said = true).is_some()
    }
}
