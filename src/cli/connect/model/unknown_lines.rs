//! Lines that may or may not have been said.
//!
//! A server of a cluster that does not know yet tells later, with the number of the request. Until then such a line may
//! still appear, so it is never sent again.
//!
//! *Owns* which lines these are. *Knows nothing of* why it is not known.

use super::ClientModel;
use super::channel::ChannelKey;
use super::incoming::ServerObject;
use super::intent::Moment;
use super::item::{ChatMessage, ItemContent};
use super::sending::{LineWork, Outgoing, OutgoingState};

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

    /// The line that was sent when the connection broke: it is sent again only if doing it twice is harmless.
    pub(super) fn settle_unsure(&mut self, now: Moment) {
        let Some(first) = self.outgoing.front_mut().filter(|first| first.state == OutgoingState::Unsure) else {
            return;
        };
        if matches!(first.work, LineWork::Join { .. } | LineWork::Search | LineWork::Close(_)) {
            // These can safely be done twice.
            first.state = OutgoingState::Waiting;
            return;
        }
        if let Some(line) = self.outgoing.pop_front() {
            let why = "The connection broke before the answer came: it is not known whether this was done.".to_owned();
            self.refuse(line.channel, line.shown, why, now);
        }
    }

    /// Whether a message of the user's own is such a line.
    pub(super) fn was_in_doubt(&mut self, channel: ChannelKey, message: &ChatMessage) -> bool {
        let at =
            self.unknown.iter().position(|unknown| !unknown.is_said && self.is_line(&unknown.line, channel, message));
        let found = at.and_then(|at| self.unknown.get_mut(at));
        found.map(|unknown| unknown.is_said = true).is_some()
    }
}
