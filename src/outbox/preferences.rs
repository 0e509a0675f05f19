//! What one person has set for his own screen: time zone, bell, whose texts he does not want to see.
//!
//! *Owns* these settings while the connection lasts.
//! *Knows nothing of* how they are changed.
//! *Called by* `outbox`, under its lock. Nearly nobody has any, so that they stand in a box of their own.

use crate::chat::message::{Addressee, ClientId, Event, Message};
use crate::chat::names::UserName;
use crate::ui::screen::{Bell, Clock, mentioned};

/// Most people one person may ignore: each of their texts is compared with each of them.
pub const MAX_IGNORED: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Preferences {
    /// `None`: the server's.
    pub(super) clock: Option<Clock>,
    pub(super) bell: Bell,
    pub(super) ignored: Vec<Addressee>,
}

impl Preferences {
    /// Whether everything is as it is for everybody.
    pub(super) fn is_default(&self) -> bool {
        self.clock.is_none() && self.bell == Bell::Off && self.ignored.is_empty()
    }

    /// Whether somebody is ignored, by the name he had then or by his connection.
    pub(super) fn ignores(&self, client: ClientId, name: &UserName) -> bool {
        self.ignored.iter().any(|known| known.client.is(client) || known.name == *name)
    }

    /// Whether an event is not shown to a client. One's own is, whoever had one's name before, and what is about oneself:
    /// whom an admin mutes has to know it.
    pub(super) fn hides(&self, event: &Event, client: ClientId) -> bool {
        if self.ignored.is_empty() {
            return false;
        }
        let hidden = |message: &Message| message.from != client && self.ignores(message.from, &message.author);
        let people = event.people();
        let concerns = people.iter().any(|person| person.client.is(client));
        let named = || people.iter().any(|person| self.ignores(person.client, &person.name));
        event.message().is_some_and(hidden) || (!concerns && named())
    }

    /// Whether the words that an event quotes are hidden from a client.
    pub(super) fn hides_quote(&self, event: &Event, client: ClientId) -> bool {
        let extra = event.message().filter(|_| !self.ignored.is_empty()).and_then(|message| message.extra.as_ref());
        let Some((extra, reply)) = extra.and_then(|extra| Some((extra, extra.reply.as_ref()?))) else { return false };
        extra.answers != client && self.ignores(extra.answers, &reply.author)
    }

    /// Somebody who is ignored by name takes another one. Whose connection is known stays ignored anyway, as long as it is
    /// there; otherwise this is it.
    pub(super) fn follow(&mut self, client: ClientId, before: &UserName, is_there: impl Fn(ClientId) -> bool) {
        let unknown = |known: &&mut Addressee| known.name == *before && !is_there(known.client);
        if let Some(known) = self.ignored.iter_mut().find(unknown) {
            known.client = client;
        }
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
