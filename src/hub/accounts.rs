//! What all connections share about accounts and operators.
//!
//! *Owns* who counts as an operator, which names are taken by accounts, and what operators are told. *Knows nothing of* how accounts are stored, or of passwords.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{Checkpoint, Hub};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::action::Actor;
use crate::chat::identity::Identity;
use crate::chat::names::UserName;
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::outbox::DisconnectReason;
use crate::store::ReadError;
use crate::ui::screen::LineKind;

/// The last line on a connection that is ended from another one of the same account.
pub(crate) const THROWN_OUT: &str = "You were logged out from another connection of your account.";

/// How long messages are stored. Ordered from the shortest time to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Retention {
    Days(u64),
    Unlimited,
}

impl Retention {
    /// The setting: `None` means without limit.
    pub(crate) fn of_days(days: Option<u64>) -> Retention {
        days.map_or(Retention::Unlimited, Retention::Days)
    }
}

impl Hub {
    /// Says that messages are stored, and for how long. Users see it before they say anything. `None` if nothing is
    /// stored.
    pub(crate) fn storing_notice(&self) -> Option<String> {
        let how_long = match self.retention()? {
            Retention::Unlimited => "without a time limit".to_owned(),
            Retention::Days(1) => "for 1 day".to_owned(),
            Retention::Days(days) => format!("for {days} days"),
        };
        Some(format!("Messages in the server's own rooms and in kept rooms are stored {how_long}."))
    }

    /// What users are told about their accounts and messages when they log in.
    pub(crate) fn login_notice(&self) -> Option<String> {
        #[cfg(feature = "cluster")]
        if self.nodes().is_some_and(|nodes| nodes.has_lost_accounts()) {
            let lost = "All accounts are lost: until an administrator restores them, anybody can take any name.";
            return Some(self.storing_notice().map_or_else(|| lost.to_owned(), |stored| format!("{lost} {stored}")));
        }
        self.storing_notice()
    }

    /// How long messages are stored, if they are.
    fn retention(&self) -> Option<Retention> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.retention();
        }
        let store = self.store().filter(|store| store.keeps_history())?;
        Some(Retention::of_days(store.retention().map(|retention| retention.as_secs() / 86_400)))
    }

    /// Whether users have accounts here.
    pub(crate) fn accounts(&self) -> AccountPolicy {
        if self.account_store().is_some() { self.config().accounts() } else { AccountPolicy::Off }
    }

    /// Whether a name belongs to an account. If that cannot be read, the answer is yes: a broken disk must not give
    /// anybody a name.
    pub(crate) fn is_registered(&self, name: &UserName) -> bool {
        self.has_account(name).unwrap_or(true)
    }

    /// The same, where the difference matters.
    pub(crate) fn has_account(&self, name: &UserName) -> Result<bool, ReadError> {
        let accounts = self.account_store().filter(|_| self.accounts().are_enabled());
        accounts.map_or(Ok(false), |accounts| accounts.name_exists(name))
    }

    /// Whether a user is an operator: by the account they are logged in to, never by a name alone.
    pub(crate) fn is_operator(&self, who: &Identity) -> bool {
        who.account.is_some() && self.accounts().are_enabled() && self.config().operators.contains(&who.name)
    }

    /// A user as rooms see them.
    pub(crate) fn actor(&self, user: &User) -> Actor {
        let who = user.identity();
        Actor { operator: self.is_operator(&who), who }
    }

    /// Brings a room up to date on who one of its members is.
    pub(super) fn identify(&self, room: &Room, user: &User, now: Instant) {
        self.checkpoints.reach(Checkpoint::Identifying);
        if room.identify(user.client(), || self.actor(user), now) {
            self.save_room(room);
        }
    }

    /// Brings the rooms up to date on who is an operator.
    pub(super) fn identify_everyone(&self, now: Instant) {
        for user in self.roster.users() {
            // The server of a user knows whether they are an operator.
            if user.account().is_some() && !user.is_elsewhere() {
                for room in self.rooms.all() {
                    self.identify(&room, &user, now);
                }
            }
        }
    }

    /// Whether a name belongs to an operator who has no account yet. Such an account can only be created on the machine
    /// itself; otherwise the first user to claim the name would be operator.
    pub(crate) fn is_reserved(&self, name: &UserName, from: IpAddr) -> bool {
        let operators = self.accounts().are_enabled() && self.config().operators.contains(name);
        operators && !from.is_loopback() && !self.is_registered(name)
    }

    /// An account, or an operator without one, whose name looks like this guest's.
    pub(crate) fn look_alike(&self, name: &UserName, from: IpAddr) -> Result<Option<UserName>, ReadError> {
        let Some(accounts) = self.account_store().filter(|_| self.accounts().are_enabled()) else { return Ok(None) };
        if let Some(other) = accounts.look_alike(name)? {
            return Ok(Some(other));
        }
        let config = self.config();
        let mut others = config.operators.iter().filter(|other| *other != name && other.looks().overlap(&name.looks()));
        Ok(others.next().filter(|_| !from.is_loopback()).cloned())
    }

    /// Saves a room as it is now, if it is persistent. Waits for the store.
    pub(super) fn save_room(&self, room: &Room) {
        let Some(store) = self.store() else { return };
        let failed = |error: &dyn fmt::Display| {
            log::error!("the admins of {} have changed, but could not be saved: {error}", room.name());
        };
        loop {
            let snapshot = match room.snapshot() {
                Ok(Some(snapshot)) => snapshot,
                Ok(None) => return,
                Err(error) => return failed(&error),
            };
            // The session that has just set a password saves the room once that is hashed.
            if snapshot.password.is_some() {
                return;
            }
            if let Err(error) = store.save_room(snapshot.room) {
                return failed(&error);
            }
            if room.is_at(snapshot.revision) {
                return;
            }
        }
    }

    /// Restores a room whose stored data could not be read when it was created. Not inlined, because it is rarely
    /// needed.
    #[inline(never)]
    pub(super) fn restore_late(&self, room: &Room) {
        match room.restore_late() {
            // What changed in the meantime could not be saved either.
            Ok(()) => self.save_room(room),
            Err(error) => log::error!("room {} still cannot be read: {error}", room.name()),
        }
    }

    /// Ends a user's connection with a last line. Their name is free at once; everything else is released when that
    /// connection's thread wakes up.
    pub fn throw_out(&self, user: &Arc<User>, line: &str, reason: DisconnectReason) {
        self.release_name(user);
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes().filter(|_| user.is_elsewhere()) {
            return nodes.end_elsewhere(user);
        }
        user.outbox.farewell(Some((LineKind::Refusal, line)));
        user.outbox.disconnect(reason);
    }

    /// Shows a line to every operator online, at once.
    pub(crate) fn tell_operators(&self, line: &str) {
        for user in self.roster.users() {
            if self.is_operator(&user.identity()) {
                user.outbox.announce(LineKind::News, line);
            }
        }
    }
}
