//! What one person has set for his own screen: time zone, bell, whose texts he does not want to see.
//!
//! *Owns* these settings while the connection lasts.
//! *Knows nothing of* how they are changed.
//! *Called by* `outbox`, under its lock. Nearly nobody has any, so that they stand in a box of their own.

use crate::message::{Addressee, ClientId, Event, Message};
use crate::names::UserName;
use crate::screen::{Bell, Clock, mentioned};

/// Most people one person may ignore: each of their texts is compared with each of them.
pub const MOST_IGNORED: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Personal {
    /// `None`: the server's.
    pub(super) clock: Option<Clock>,
    pub(super) bell: Bell,
    pub(super) ignored: Vec<Addressee>,
}

impl Personal {
    /// Whether everything is as it is for everybody.
    pub(super) fn is_default(&self) -> bool {
        self.clock.is_none() && self.bell == Bell::Off && self.ignored.is_empty()
    }

    /// Whether somebody is ignored, by the name he had then or by his connection.
    pub(super) fn ignores(&self, client: ClientId, name: &UserName) -> bool {
        self.ignored.iter().any(|known| known.client.is(client) || known.name == *name)
    }

    /// Whether an event is not shown to a client. One's own is, whoever had one's name before.
    pub(super) fn hides(&self, event: &Event, client: ClientId) -> bool {
        let hidden = |message: &Message| message.from != client && self.ignores(message.from, &message.author);
        !self.ignored.is_empty() && event.message().is_some_and(hidden)
    }

    /// Whether the bell rings at an event.
    pub(super) fn rings(&self, event: &Event, client: ClientId, name: Option<&UserName>) -> bool {
        let Event::Said(message) = event else { return false };
        let others = message.from != client;
        match self.bell {
            Bell::Off => false,
            Bell::On => others,
            Bell::Mentions => {
                others && (!message.to().is_empty() || name.is_some_and(|name| mentioned(&message.text, name)))
            }
        }
    }
}
