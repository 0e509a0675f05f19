//! What is known of the person at the screen, as far as it decides what he is shown: his name and his own settings.
//!
//! *Owns* changing them.
//! *Knows nothing of* commands.
//! *Called by* `session`; `direct` asks whether somebody is ignored.

use super::{MAX_IGNORED, NEVER, Outbox, Preferences, State};
use crate::chat::message::{Addressee, ClientId};
use crate::chat::names::UserName;
use crate::ui::screen::{Bell, Clock};

impl State {
    fn change<R>(&mut self, change: impl FnOnce(&mut Preferences) -> R) -> R {
        let personal = self.personal.get_or_insert_default();
        let result = change(personal);
        if personal.is_default() {
            self.personal = None;
        }
        result
    }
}

impl Outbox {
    /// The person's name from now on.
    pub fn set_name(&self, name: &UserName) {
        self.lock().name = Some(name.clone());
    }

    /// When to ring.
    pub fn set_bell(&self, bell: Bell) {
        self.lock().change(|personal| personal.bell = bell);
    }

    /// When it rings.
    pub fn bell(&self) -> Bell {
        self.lock().personal.as_ref().map(|personal| personal.bell).unwrap_or_default()
    }

    /// Another time zone for what is shown; `None`: that of the server's clock.
    pub fn set_clock(&self, clock: Option<Clock>, servers: &Clock) {
        let mut guard = self.lock();
        guard.change(|personal| personal.clock = clock);
        if guard.day_ends != NEVER {
            // It may be another day there, which needs no word: they have just asked for it.
            guard.note_day(servers);
        }
    }

    /// The person's own clock, if he has one.
    pub fn clock(&self) -> Option<Clock> {
        self.lock().personal.as_ref().and_then(|personal| personal.clock.clone())
    }

    /// Shows nothing more of somebody. False if as many are ignored as can be.
    pub fn ignore(&self, who: Addressee) -> bool {
        self.lock().change(|personal| {
            personal.ignored.retain(|known| !known.client.is(who.client) && known.name != who.name);
            let room = personal.ignored.len() < MAX_IGNORED;
            if room {
                personal.ignored.push(who);
            }
            room
        })
    }

    /// Shows somebody again. False if he was not ignored.
    pub fn unignore(&self, name: &UserName, client: Option<ClientId>) -> bool {
        self.lock().change(|personal| {
            let before = personal.ignored.len();
            personal
                .ignored
                .retain(|known| known.name != *name && !client.is_some_and(|client| known.client.is(client)));
            personal.ignored.len() < before
        })
    }

    /// Somebody has another name now: if the one before is ignored, so is this connection.
    pub fn follow_renamed(&self, client: ClientId, before: &UserName, is_there: impl Fn(ClientId) -> bool) {
        if let Some(personal) = self.lock().personal.as_mut() {
            personal.follow(client, before, is_there);
        }
    }

    /// Whose texts are not shown.
    pub fn ignored(&self) -> Vec<Addressee> {
        self.lock().personal.as_ref().map(|personal| personal.ignored.clone()).unwrap_or_default()
    }

    /// Whether somebody's texts are not shown.
    pub fn ignores(&self, client: ClientId, name: &UserName) -> bool {
        self.lock().personal.as_ref().is_some_and(|personal| personal.ignores(client, name))
    }
}
