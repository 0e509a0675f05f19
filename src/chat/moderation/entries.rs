//! Entries of a room's moderation lists.
//!
//! *Owns* the fields of an admin, a ban, a mute and an invitation. *Knows nothing of* the lists they are in.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::chat::duration::remaining;
use crate::chat::identity::Identity;
use crate::chat::names::UserName;
use crate::chat::permission::Role;

/// Whether an entry with this end is still in force.
pub(super) fn holds(until: Option<Timestamp>, at: Timestamp) -> bool {
    until.is_none_or(|until| until > at)
}

/// Whether an entry replaces an older one.
pub(super) fn is_of_same_user(new: &ListEntry, old: &ListEntry) -> bool {
    new.who.account == old.who.account && new.who.is(&old.who)
}

/// An admin of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The user, as the room knows them.
    pub who: Identity,
    /// They own the room.
    pub owner: bool,
    /// They have lost their connection, and the room waits for them until then.
    pub until: Option<Timestamp>,
}

impl Admin {
    /// An admin who is there, or whose place has no end.
    pub fn new(who: Identity, owner: bool) -> Admin {
        Admin { who, owner, until: None }
    }

    pub(super) fn role(&self) -> Role {
        if self.owner { Role::Owner } else { Role::Admin }
    }
}

/// A ban of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The banned name.
    pub name: UserName,
    /// The banned user, under whatever name they come back; `None` if nobody of that name was online.
    pub who: Option<Identity>,
    /// The banned address; `None` if it is not known or is the machine's own.
    pub address: Option<IpAddr>,
    /// The admin who banned them.
    pub by: UserName,
    /// May be empty.
    pub reason: Box<str>,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
}

impl Ban {
    pub(super) fn is_about(&self, who: &Identity) -> bool {
        self.name == who.name
            || self.address == Some(who.address)
            || self.who.as_ref().is_some_and(|known| known.is(who))
    }

    /// How much longer it lasts; `None`: until it is lifted.
    pub(crate) fn left(&self, at: Timestamp) -> Option<Duration> {
        self.until.map(|until| remaining(at, until))
    }
}

/// A mute, kick, invitation or wait of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The user, as the room knows them.
    pub who: Identity,
    /// `None`: until it is lifted.
    pub until: Option<Timestamp>,
}

/// The lists that are stored. Kicks and waits are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModerationLists {
    /// Admins, each with the place they would come back to.
    pub admins: Vec<Admin>,
    /// Oldest first.
    pub bans: Vec<Ban>,
    /// Oldest first.
    pub mutes: Vec<ListEntry>,
    /// Oldest first. Each has an end.
    pub invitations: Vec<ListEntry>,
}

impl ModerationLists {
    /// The same lists for a clock that is ahead by `by`.
    #[must_use]
    pub(crate) fn shifted(mut self, by: SignedDuration) -> ModerationLists {
        let entries = self.mutes.iter_mut().chain(&mut self.invitations).map(|entry| &mut entry.until);
        let ends = entries.chain(self.bans.iter_mut().map(|ban| &mut ban.until)).flatten();
        for end in ends {
            let far = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
            *end = end.checked_add(by).unwrap_or(far);
        }
        self
    }
}
