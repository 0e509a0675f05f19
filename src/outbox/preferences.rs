//! A user's own settings for their screen: name, time zone, bell, ignored users.
//!
//! *Owns* these settings while the connection lasts. *Knows nothing of* commands.
//!
//! Hardly anyone has any besides a name, so the rest is boxed.

use super::{NEVER, Outbox, OutboxState};
use crate::chat::message::{Addressee, ClientId, Event, Message};
use crate::chat::names::UserName;
use crate::ui::screen::{Bell, Clock, mentioned};

/// Most users that one may ignore: each message is compared with all of them.
pub(crate) const MAX_IGNORED: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Preferences {
    /// `None`: the server's.
    pub(super) clock: Option<Clock>,
    pub(super) bell: Bell,
    pub(super) ignored: Vec<Addressee>,
}

impl Preferences {
    /// Whether nothing differs from the defaults.
    pub(super) fn is_default(&self) -> bool {
        self.clock.is_none() && self.bell == Bell::Off && self.ignored.is_empty()
    }

    /// Whether a user is ignored, by their connection or by the name they had then.
    pub(super) fn ignores(&self, client: ClientId, name: &UserName) -> bool {
        self.ignored.iter().any(|known| known.client.is(client) || known.name == *name)
    }

    /// Whether an event is hidden from a client. Its own messages never are, even under an ignored name, and neither are
    /// events about the client itself: a user who is muted has to know.
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

    /// Whether the quote in an event is hidden from a client.
    pub(super) fn hides_quote(&self, event: &Event, client: ClientId) -> bool {
        let extra = event.message().filter(|_| !self.ignored.is_empty()).and_then(|message| message.extra.as_ref());
        let Some((extra, reply)) = extra.and_then(|extra| Some((extra, extra.reply.as_ref()?))) else { return false };
        extra.answers != client && self.ignores(extra.answers, &reply.author)
    }

    /// An ignored user was renamed. If their connection is known and still open, it stays ignored anyway; otherwise,
    /// `client` is their connection.
    pub(super) fn follow(&mut self, client: ClientId, before: &UserName, is_there: impl Fn(ClientId) -> bool) {
        let unknown = |known: &&mut Addressee| known.name == *before && !is_there(known.client);
        if let Some(known) = self.ignored.iter_mut().find(unknown) {
            known.client = client;
        }
    }

    /// Whether the bell rings for an event.
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

impl OutboxState {
    fn change<R>(&mut self, change: impl FnOnce(&mut Preferences) -> R) -> R {
        let preferences = self.preferences.get_or_insert_default();
        let result = change(preferences);
        if preferences.is_default() {
            self.preferences = None;
        }
        result
    }
}

impl Outbox {
    /// Sets the user's name.
    pub(crate) fn set_name(&self, name: &UserName) {
        self.lock().name = Some(name.clone());
    }

    /// Sets when the bell rings.
    pub(crate) fn set_bell(&self, bell: Bell) {
        self.lock().change(|preferences| preferences.bell = bell);
    }

    /// When the bell rings.
    pub fn bell(&self) -> Bell {
        self.lock().preferences.as_ref().map(|preferences| preferences.bell).unwrap_or_default()
    }

    /// Sets the time zone of what is shown; `None`: the server's.
    pub(crate) fn set_clock(&self, clock: Option<Clock>, servers: &Clock) {
        let mut guard = self.lock();
        guard.change(|preferences| preferences.clock = clock);
        if guard.day_ends != NEVER {
            // The date may differ in the new time zone. It needs no line, since the user has just asked for the change.
            guard.note_date(servers);
        }
    }

    /// The user's own clock, if they have one.
    pub(crate) fn clock(&self) -> Option<Clock> {
        self.lock().preferences.as_ref().and_then(|preferences| preferences.clock.clone())
    }

    /// Ignores a user. False if the list is full.
    pub fn ignore(&self, who: Addressee) -> bool {
        self.lock().change(|preferences| {
            preferences.ignored.retain(|known| !known.client.is(who.client) && known.name != who.name);
            let room = preferences.ignored.len() < MAX_IGNORED;
            if room {
                preferences.ignored.push(who);
            }
            room
        })
    }

    /// Stops ignoring a user. False if they were not ignored.
    pub fn unignore(&self, name: &UserName, client: Option<ClientId>) -> bool {
        self.lock().change(|preferences| {
            let before = preferences.ignored.len();
            preferences
                .ignored
                .retain(|known| known.name != *name && !client.is_some_and(|client| known.client.is(client)));
            preferences.ignored.len() < before
        })
    }

    /// A user was renamed. If the old name is ignored, so is their connection.
    pub(crate) fn follow_renamed(&self, client: ClientId, before: &UserName, is_there: impl Fn(ClientId) -> bool) {
        if let Some(preferences) = self.lock().preferences.as_mut() {
            preferences.follow(client, before, is_there);
        }
    }

    /// The ignored users.
    pub fn ignored(&self) -> Vec<Addressee> {
        self.lock().preferences.as_ref().map(|preferences| preferences.ignored.clone()).unwrap_or_default()
    }

    /// Whether a user is ignored.
    pub fn ignores(&self, client: ClientId, name: &UserName) -> bool {
        self.lock().preferences.as_ref().is_some_and(|preferences| preferences.ignores(client, name))
    }
}
