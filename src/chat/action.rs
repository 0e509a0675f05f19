//! What people do to keep order in a room, as values, and what is said when they may not.
//!
//! *Owns* [`RoomAction`], [`Setting`] and [`Denied`] with its sentences.
//! *Knows nothing of* rooms, and of who may do what: that is `permission`'s.
//! *Called by* `palette` (reads them), `session` (passes them on), `room` (does them).

use std::fmt;
use std::time::Duration;

use crate::chat::identity::{Identity, Target};
use crate::chat::names::{RoomName, UserName};
use crate::chat::permission::Role;
use crate::chat::secret::Secret;

/// Somebody who does something.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who he is.
    pub who: Identity,
    /// He keeps order on the whole server.
    pub operator: bool,
}

/// One thing done to a room or to somebody in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomAction {
    /// Put somebody out.
    Kick {
        /// Whom.
        whom: Target,
        /// Why; may be empty.
        reason: String,
    },
    /// Keep somebody out.
    Ban {
        /// Whom.
        whom: Target,
        /// For how long; nothing given: until it is lifted.
        lasts: Option<Duration>,
        /// Why; may be empty.
        reason: String,
    },
    /// Lift a ban.
    Unban(Target),
    /// Silence somebody.
    Mute {
        /// Whom.
        whom: Target,
        /// For how long; nothing given: until it is lifted.
        lasts: Option<Duration>,
    },
    /// End that.
    Unmute(Target),
    /// Make somebody admin.
    Promote(Target),
    /// End that.
    Demote(Target),
    /// Change how the room is set up.
    Set(Setting),
    /// Close the room for good.
    Destroy,
}

/// From when the users of a room may read back what was said in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadBack {
    /// From the beginning.
    #[default]
    All,
    /// From when each of them first became a member or was invited.
    Joined,
    /// From when each of them came in this time.
    Nothing,
}

impl ReadBack {
    /// Every choice, in the order in which they are told.
    pub const EVERY: [ReadBack; 3] = [ReadBack::All, ReadBack::Joined, ReadBack::Nothing];

    /// The word it is set by.
    pub fn word(self) -> &'static str {
        match self {
            ReadBack::All => "all",
            ReadBack::Joined => "joined",
            ReadBack::Nothing => "none",
        }
    }

    /// The choice of a word, in any case.
    pub fn of_word(word: &str) -> Option<ReadBack> {
        ReadBack::EVERY.into_iter().find(|choice| choice.word().eq_ignore_ascii_case(word))
    }
}

/// One setting of a room.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// One line for the list of rooms.
    Description(String),
    /// People at once.
    Limit(Option<usize>),
    /// What opens the room; `None`: nothing is asked for.
    Password(Option<Secret>),
    /// Whether it is shown to everybody.
    Public(bool),
    /// Whether only who is invited comes in.
    Invite(bool),
    /// Time between two messages of one person.
    Slow(Duration),
    /// From when users may read back.
    History(ReadBack),
    /// Whether it outlives its people and the server.
    Keep(bool),
}

impl fmt::Debug for Setting {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Setting {
    /// The word it is set by.
    pub fn key(&self) -> &'static str {
        match self {
            Setting::Description(_) => "description",
            Setting::Limit(_) => "limit",
            Setting::Password(_) => "password",
            Setting::Public(_) => "public",
            Setting::Invite(_) => "invite",
            Setting::Slow(_) => "slow",
            Setting::History(_) => "history",
            Setting::Keep(_) => "keep",
        }
    }
}

/// Why something was not done. Shown to the person as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// He is not in the room, or not any more.
    NotIn(RoomName),
    /// Only admins do that.
    NotAdmin(RoomName),
    /// Only admins do that, and one of the server's own rooms has none.
    NoAdmins(RoomName),
    /// Only the owner does that.
    NotOwner(RoomName),
    /// The room is not open: only admins invite there.
    NotOpen(RoomName),
    /// Nobody of that name is in the room.
    NotHere {
        /// Who was named.
        whom: Target,
        /// In which room.
        room: RoomName,
    },
    /// Nobody of that name is online.
    NotOnline(Target),
    /// Against oneself.
    Yourself(&'static str),
    /// The other one's role is as high or higher.
    Above {
        /// Whom it was against.
        name: UserName,
        /// What he is.
        role: Role,
        /// What was not done to him.
        verb: &'static str,
    },
    /// It is so already, or not so.
    AsItIs(String),
    /// The list of bans or of admins is full.
    ListFull,
    /// The room is one of the server's own.
    Configured(RoomName),
    /// Somebody who is silenced says something; until when is told if there is an end.
    Muted(RoomName, Option<Duration>),
    /// Too soon after his last message in a slow room.
    Slow(RoomName, Duration),
    /// The message is not there, or not to be seen.
    NoMessage,
    /// The message is somebody else's.
    NotYours,
    /// Nothing of one's own is there.
    NothingYours,
    /// As many temporary messages wait as can.
    TooManyTemporary,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::NotIn(room) => write!(f, "You are not in {room}."),
            Denied::NotAdmin(room) => write!(f, "Only admins of {room} can do that; :list marks them."),
            Denied::NoAdmins(room) => {
                write!(f, "{room} is one of the server's own rooms and has no admins; :create makes a room of yours.")
            }
            Denied::NotOwner(room) => write!(f, "Only the owner of {room} can do that."),
            Denied::NotOpen(room) => write!(f, "{room} is not open to everybody: only its admins invite people."),
            Denied::NotHere { whom, room } => write!(f, "{whom} is not in {room}; :list shows who is."),
            Denied::NotOnline(whom) => write!(f, "{whom} is not online; :listall shows who is."),
            Denied::Yourself(verb) => write!(f, "You cannot {verb} yourself."),
            Denied::Above { name, role, verb } => {
                let why = match role {
                    Role::Operator => "is an operator",
                    Role::Owner => "owns the room: nobody can",
                    _ => "is an admin: only the owner can",
                };
                write!(f, "You cannot {verb} {name}, who {why}.")
            }
            Denied::AsItIs(sentence) => f.write_str(sentence),
            Denied::ListFull => f.write_str("That list is full: take somebody out of it first."),
            Denied::Configured(room) => write!(f, "{room} is one of the server's own rooms and stays."),
            Denied::Muted(room, None) => write!(f, "Not said: you are muted in {room}."),
            Denied::Muted(room, Some(left)) => {
                write!(f, "Not said: you are muted in {room} for {}.", crate::chat::duration::told(*left))
            }
            Denied::Slow(room, left) => {
                write!(f, "Not said: {room} is slow, you can speak again in {}.", crate::chat::duration::told(*left))
            }
            Denied::NoMessage => f.write_str("There is no such message where you are; :history shows the numbers."),
            Denied::NotYours => f.write_str("That message is not yours."),
            Denied::NothingYours => f.write_str("There is no message of yours that is still kept."),
            Denied::TooManyTemporary => {
                f.write_str("Not said: too many temporary messages wait here for their end already.")
            }
        }
    }
}
