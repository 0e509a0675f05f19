//! Actions of users in a room, as values, and the sentences that refuse them.
//!
//! *Owns* [`RoomAction`], [`Setting`] and [`Denied`] with its sentences. *Knows nothing of* rooms, or of who may do
//! what, which is up to `permission`.

use std::fmt;
use std::time::Duration;

use crate::chat::duration::in_words;
use crate::chat::identity::{Identity, Target};
use crate::chat::names::{RoomName, UserName};
use crate::chat::permission::Role;
use crate::chat::secret::{Hashed, Secret};

/// A user who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who they are.
    pub who: Identity,
    /// They moderate the whole server.
    pub operator: bool,
}

/// One thing done to a room or to a user in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomAction {
    /// Remove a user for a minute.
    Kick {
        /// The user.
        target: Target,
        /// May be empty.
        reason: String,
    },
    /// Ban a user.
    Ban {
        /// The user.
        target: Target,
        /// For how long; `None`: until it is lifted.
        lasts: Option<Duration>,
        /// May be empty.
        reason: String,
    },
    /// Lift a ban.
    Unban(Target),
    /// Mute a user.
    Mute {
        /// The user.
        target: Target,
        /// For how long; `None`: until it is lifted.
        lasts: Option<Duration>,
    },
    /// Lift a mute.
    Unmute(Target),
    /// Make a user admin.
    Promote(Target),
    /// Make an admin an ordinary member.
    Demote(Target),
    /// Change a setting.
    Set(Setting),
    /// Close the room for good.
    Destroy,
}

/// How far back the users of a room may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadBack {
    /// To the beginning.
    #[default]
    All,
    /// To when each of them first became a member or was invited.
    Joined,
    /// To when each of them last came in.
    Nothing,
}

impl ReadBack {
    /// Every choice, in the order in which they are listed.
    pub(crate) const EVERY: [ReadBack; 3] = [ReadBack::All, ReadBack::Joined, ReadBack::Nothing];

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ReadBack::All => "all",
            ReadBack::Joined => "joined",
            ReadBack::Nothing => "none",
        }
    }

    /// The choice that a word stands for, in upper or lower case.
    pub(crate) fn of_word(word: &str) -> Option<ReadBack> {
        ReadBack::EVERY.into_iter().find(|choice| choice.word().eq_ignore_ascii_case(word))
    }
}

/// One setting of a room.
#[derive(Clone, PartialEq, Eq)]
pub enum Setting {
    /// One line for the list of rooms.
    Description(String),
    /// Members at once.
    Limit(Option<usize>),
    /// The password that opens the room; `None` if it needs none.
    Password(Option<Secret>),
    /// The same as a hash. In a cluster only the hash is shared with the other servers.
    PasswordHash(Hashed),
    /// Whether it is listed for everybody.
    Public(bool),
    /// Whether only invited users may enter.
    Invite(bool),
    /// Time between two messages of one user.
    Slow(Duration),
    /// How far back users may read.
    History(ReadBack),
    /// Whether it outlives its members and the server.
    Keep(bool),
}

impl fmt::Debug for Setting {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Setting {
    /// Its name in `:set`, and in the text form of a change.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Setting::Description(_) => "description",
            Setting::Limit(_) => "limit",
            Setting::Password(_) => "password",
            Setting::PasswordHash(_) => "password-hash",
            Setting::Public(_) => "public",
            Setting::Invite(_) => "invite",
            Setting::Slow(_) => "slow",
            Setting::History(_) => "history",
            Setting::Keep(_) => "keep",
        }
    }
}

/// Why a change that the servers of a cluster share was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotShared {
    /// This server cannot reach the others.
    Unreachable,
    /// The others have not answered in time, and the change may still be made.
    Unknown,
    /// Other users kept changing the same thing.
    TryAgain,
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotShared::Unreachable => "this server cannot reach the others right now",
            NotShared::Unknown => "the other servers have not answered, and it may still happen",
            NotShared::TryAgain => "somebody else is changing the same: try again in a moment",
        })
    }
}

/// Why a user cannot enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterError {
    /// The room is closed, or the user is gone.
    Closed,
    /// It is full. Holds the most members it may have.
    Full(usize),
    /// They are banned. Holds for how long, and why.
    Banned(Option<Duration>, String),
    /// They were kicked, and may come back after this time.
    Kicked(Duration),
    /// They need the password or an invitation.
    NotAdmitted,
    /// The other servers of the cluster could not be told.
    NotShared(NotShared),
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnterError::Closed => f.write_str("the room is closed"),
            EnterError::Full(limit) => write!(f, "the room is full ({limit})"),
            EnterError::Banned(None, _) => f.write_str("you are banned"),
            EnterError::Banned(Some(left), _) => write!(f, "you are banned for {}", in_words(*left)),
            EnterError::Kicked(left) => write!(f, "you were kicked and may come back in {}", in_words(*left)),
            EnterError::NotAdmitted => f.write_str("you need the password or an invitation"),
            EnterError::NotShared(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for EnterError {}

/// Why something was not done, shown to the user as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// They are not in the room, or no longer.
    NotIn(RoomName),
    /// They cannot enter.
    NotEntered(EnterError),
    /// Only admins can do that.
    NotAdmin(RoomName),
    /// Only admins can do that, and this room is one of the server's own, which have none.
    NoAdmins(RoomName),
    /// Only the owner can do that.
    NotOwner(RoomName),
    /// The room is not open to everybody, so only its admins invite people.
    NotOpen(RoomName),
    /// No such user is in the room.
    NotHere {
        /// As typed.
        target: Target,
        /// In which room.
        room: RoomName,
    },
    /// No such user is online.
    NotOnline(Target),
    /// They named themselves. Holds the verb for what they tried.
    Yourself(&'static str),
    /// The other user's role is as high or higher.
    Above {
        /// The other user.
        name: UserName,
        /// Their role.
        role: Role,
        /// What the user tried to do to them.
        verb: &'static str,
    },
    /// Nothing would change, or it does not apply; the sentence says which.
    AsItIs(String),
    /// The list of bans or of admins is full.
    ListFull,
    /// The room is one of the server's own.
    Configured(RoomName),
    /// The user is muted. If the mute has an end, the time left is shown.
    Muted(RoomName, Option<Duration>),
    /// Too soon after their last message in a slow room.
    Slow(RoomName, Duration),
    /// The message does not exist, or they may not see it.
    NoMessage,
    /// The message belongs to somebody else.
    NotYours,
    /// They have not said anything here.
    NothingYours,
    /// It may be about a message that is no longer in memory, and no archive answers.
    NotAtHand,
    /// Too many temporary messages are waiting to expire.
    TooManyTemporary,
    /// The other servers could not be told about a message.
    NotSaid(NotShared),
    /// The other servers could not be told about another change.
    NotDone(NotShared),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::NotIn(room) => write!(f, "You are not in {room}."),
            Denied::NotEntered(why) => write!(f, "You cannot come in: {why}."),
            Denied::NotSaid(NotShared::Unknown) => f.write_str("Whether #? was said is not known yet."),
            Denied::NotSaid(why) => write!(f, "Not said: {why}."),
            Denied::NotDone(why) => write!(f, "Not done: {why}."),
            Denied::NotAdmin(room) => write!(f, "Only admins of {room} can do that; :list marks them."),
            Denied::NoAdmins(room) => {
                write!(
                    f,
                    "{room} is one of the server's own rooms and has no admins; :create makes a room of your own."
                )
            }
            Denied::NotOwner(room) => write!(f, "Only the owner of {room} can do that."),
            Denied::NotOpen(room) => write!(f, "{room} is not open to everybody: only its admins invite people."),
            Denied::NotHere { target, room } => write!(f, "{target} is not in {room}; :list shows who is."),
            Denied::NotOnline(target) => write!(f, "{target} is not online; :listall shows who is."),
            Denied::Yourself(verb) => write!(f, "You cannot {verb} yourself."),
            Denied::Above { name, role, verb } => {
                let why = match role {
                    Role::Operator => "is an operator",
                    Role::Owner => "owns the room: nobody can",
                    Role::Stranger | Role::Banned | Role::Muted | Role::Member | Role::Admin => {
                        "is an admin: only the owner can"
                    }
                };
                write!(f, "You cannot {verb} {name}, who {why}.")
            }
            Denied::AsItIs(sentence) => f.write_str(sentence),
            Denied::ListFull => f.write_str("That list is full: remove somebody from it first."),
            Denied::Configured(room) => write!(f, "{room} is one of the server's own rooms and stays."),
            Denied::Muted(room, None) => write!(f, "Not sent: you are muted in {room}."),
            Denied::Muted(room, Some(left)) => write!(f, "Not sent: you are muted in {room} for {}.", in_words(*left)),
            Denied::Slow(room, left) => {
                write!(f, "Not sent: {room} is slow, you can speak again in {}.", in_words(*left))
            }
            Denied::NoMessage => f.write_str("There is no such message where you are; :history shows the numbers."),
            Denied::NotYours => f.write_str("That message is not yours."),
            Denied::NothingYours => f.write_str("There is no message of yours to change or delete."),
            Denied::NotAtHand => f.write_str("Older messages are not at hand right now."),
            Denied::TooManyTemporary => f.write_str("Not sent: too many temporary messages are already waiting here."),
        }
    }
}
