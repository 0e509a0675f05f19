//! What a user gets back at a login: their settings, the messages that waited, their rooms, and what is unread.
//!
//! *Owns* the order in which these come, and which settings an account keeps.
//! *Knows nothing of* passwords, and of how any of it is stored.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Session;
use super::terminal::DisplayChoices;
use crate::chat::message::{Addressee, ClientId};
use crate::store::{AccountRecord, Settings};
use crate::ui::palette::Effect;
use crate::ui::screen::{Bell, Clock, LineKind};

/// How the kinds of bells are stored.
const BELLS: [(&str, Bell); 3] = [("off", Bell::Off), ("on", Bell::On), ("mentions", Bell::Mentions)];

impl Session {
    /// Restores what belongs to the account that this user logged in to in this turn, after they were greeted.
    pub(super) fn restore_login(&mut self, effects: &mut Vec<Effect>) {
        #[cfg(feature = "cluster")]
        self.welcome_back();
        let Some(account) = self.account.arrived.take() else {
            #[cfg(feature = "cluster")]
            if let Some(answer) = self.restore_places() {
                self.palette.answer(answer, effects);
            }
            return;
        };
        self.review_login();
        if self.is_over() {
            return;
        }
        self.apply_settings(&account);
        self.show_waiting_messages(account.id);
        let unread = self.load_unread(account.id);
        if let Some(answer) = self.restore_rooms(account.id) {
            self.palette.answer(answer, effects);
        }
        self.tell_unread(unread);
        let Some(user) = &self.user else { return };
        if self.hub.is_operator(&user.identity()) {
            self.hub.audit(&account.name, &format!("logged in from {}", self.ip()));
            self.outbox.tell(LineKind::News, "You are an operator.");
        }
    }

    /// Checks the account once more. It may have been changed from outside after the password was compared, but before
    /// this connection was among those that a change is checked against.
    pub(super) fn review_login(&self) {
        let (Some(user), hub) = (self.user.clone(), Arc::clone(&self.hub)) else { return };
        let now = self.now();
        let review = move || hub.review_login(&user, now);
        if let Ok(Err(error)) = self.compute(review) {
            log::error!("cannot check whether an account was changed: {error}");
        }
    }

    /// Applies an account's settings. Settings made under another name are dropped, or the next change would save them
    /// for this account.
    fn apply_settings(&mut self, account: &AccountRecord) {
        let Settings { color, bell, time_zone, ignored, timestamps, ids, quiet } = account.settings.clone();
        let choices = DisplayChoices { color, timestamps, ids, quiet };
        if choices != self.terminal.choices {
            self.terminal.choices = choices;
            self.update_style();
        }
        let known = BELLS.iter().find(|(word, _)| bell.as_deref() == Some(word));
        self.outbox.set_bell(known.map(|(_, bell)| *bell).unwrap_or_default());
        // Looking up a zone reads files and needs a deep stack, so it is done on a worker thread.
        let zone = time_zone.and_then(|name| self.compute(move || TimeZone::get(&name).ok()).ok().flatten());
        self.outbox.set_clock(zone.map(Clock::new), &self.hub.clock);
        for user in self.outbox.ignored() {
            self.outbox.unignore(&user.name, None);
        }
        for name in ignored {
            self.outbox.ignore(Addressee { client: ClientId::NONE, name });
        }
    }

    /// Saves this user's settings, if they have an account.
    pub(super) fn save_settings(&self) {
        let account = self.user.as_ref().and_then(|user| user.account());
        let (Some(accounts), Some(account)) = (self.hub.account_store(), account) else { return };
        let bell = self.outbox.bell();
        let word = BELLS.iter().find(|(_, known)| *known == bell).filter(|_| bell != Bell::default());
        let zone = self.outbox.clock().and_then(|clock| clock.zone().iana_name().map(Box::from));
        let DisplayChoices { color, timestamps, ids, quiet } = self.terminal.choices;
        let settings = Settings {
            color,
            timestamps,
            ids,
            quiet,
            bell: word.map(|(word, _)| (*word).into()),
            time_zone: zone,
            ignored: self.outbox.ignored().into_iter().map(|user| user.name).collect(),
        };
        if let Err(error) = accounts.save_settings(account, &settings) {
            self.tell_not_saved(&error);
        }
    }
}
