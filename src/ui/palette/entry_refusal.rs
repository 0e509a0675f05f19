//! Why a user was not let in: into a room, or into an account.
//!
//! *Owns* [`JoinRefusal`], [`RoomRefusal`], [`LoginRefusal`], [`AccountRefusal`] and their sentences.
//! *Knows nothing of* states.

use std::fmt;
use std::time::Duration;

use super::refusal::{PASSWORD_LIKE_COMMAND, Refusal};
use crate::chat::action::NotShared;
use crate::chat::duration;
use crate::chat::names::{NameError, RoomName, UserName};
use crate::text::{people, seconds};

/// Why a room was not entered. Hidden and missing rooms give the same answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinRefusal {
    /// There is no public room of that name, and no password was given: the user is asked for it.
    NotPublic {
        /// As asked for.
        room: RoomName,
        /// A public room with a name like it.
        hint: Option<RoomName>,
    },
    /// The public room has a password, and none was given: the user is asked for it.
    NeedsPassword(RoomName),
    /// The password was wrong, or there is no such room.
    NoSuchRoomOrPassword,
    /// Too many wrong passwords from this address.
    Waiting(Duration),
    /// Too many passwords are being compared.
    Busy,
    /// The room is full.
    Full {
        /// Which room.
        room: RoomName,
        /// Its limit.
        limit: usize,
    },
    /// The user is in as many rooms as allowed.
    TooManyRooms(usize),
    /// Banned.
    Banned {
        /// Which room.
        room: RoomName,
        /// For how long, if there is an end.
        left: Option<Duration>,
        /// Why; may be empty.
        reason: String,
    },
    /// Kicked a moment ago.
    Kicked {
        /// Which room.
        room: RoomName,
        /// How long until they may come back.
        left: Duration,
    },
    /// The room is public and invite-only.
    InviteOnly(RoomName),
    /// The quick listener could not make the room.
    RoomRefusal(RoomRefusal),
    /// The other servers could not be told.
    NotShared(NotShared),
}

impl JoinRefusal {
    /// Whether the refusal is a question for the password.
    pub fn asks(&self) -> bool {
        matches!(self, JoinRefusal::NotPublic { .. } | JoinRefusal::NeedsPassword(_))
    }

    /// The sentence for a program. Instead of answering a question, it repeats the request with a password.
    #[cfg(feature = "json")]
    pub(super) fn for_programs(&self) -> String {
        match self {
            JoinRefusal::NotPublic { room, hint: Some(hint) } => {
                format!("No public room {room}; did you mean {hint}? A hidden room needs its password.")
            }
            JoinRefusal::NotPublic { room, hint: None } => {
                format!("No public room {room}. A hidden room needs its password.")
            }
            JoinRefusal::NeedsPassword(room) => format!("{room} has a password."),
            JoinRefusal::NoSuchRoomOrPassword
            | JoinRefusal::Waiting(_)
            | JoinRefusal::Busy
            | JoinRefusal::Full { .. }
            | JoinRefusal::TooManyRooms(_)
            | JoinRefusal::Banned { .. }
            | JoinRefusal::Kicked { .. }
            | JoinRefusal::InviteOnly(_)
            | JoinRefusal::NotShared(_)
            | JoinRefusal::RoomRefusal(_) => self.to_string(),
        }
    }
}

impl fmt::Display for JoinRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinRefusal::NotPublic { room, hint: Some(hint) } => write!(
                f,
                "No public room {room}; did you mean {hint}? For a hidden room give its password, Enter goes back."
            ),
            JoinRefusal::NotPublic { room, hint: None } => {
                write!(f, "No public room {room}. For a hidden room give its password, Enter goes back.")
            }
            JoinRefusal::NeedsPassword(room) => write!(f, "{room} has a password. Give it, or go back with Enter."),
            JoinRefusal::NoSuchRoomOrPassword => f.write_str("No such room, or not that password."),
            JoinRefusal::Waiting(wait) => {
                write!(f, "Too many wrong passwords: try again in {}.", seconds(*wait))
            }
            JoinRefusal::Busy => f.write_str("The server is too busy for that: try again in a moment."),
            JoinRefusal::Full { room, limit } => write!(f, "{room} is full: it takes {}.", people(*limit)),
            JoinRefusal::TooManyRooms(limit) => {
                write!(f, "You are in {limit} rooms, which is the limit. Leave one with :close first.")
            }
            JoinRefusal::Banned { room, left, reason } => {
                write!(f, "You are banned from {room}")?;
                if let Some(left) = left {
                    write!(f, " for {}", duration::in_words(*left))?;
                }
                if reason.is_empty() { f.write_str(".") } else { write!(f, " ({reason}).") }
            }
            JoinRefusal::Kicked { room, left } => {
                write!(f, "You were kicked from {room}: come back in {}.", seconds(*left))
            }
            JoinRefusal::InviteOnly(room) => write!(f, "{room} is for invited people only."),
            JoinRefusal::RoomRefusal(why) => why.fmt(f),
            JoinRefusal::NotShared(why) => write!(f, "Not done: {why}."),
        }
    }
}

/// Why no room was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomRefusal {
    /// There is a public room of that name.
    Exists(RoomName),
    /// There is a hidden room of that name, which nobody may find out: refused in the words for a reserved name.
    Reserved(RoomName),
    /// It looks like the name of another room, which is public or known to the user.
    LooksLike {
        /// The name wanted.
        room: RoomName,
        /// The existing room.
        other: RoomName,
    },
    /// The name breaks the rules for new names, which have changed.
    Unfit(NameError),
    /// This address has made as many rooms as it may.
    TooManyYours(usize),
    /// The server has as many rooms as it may.
    TooManyAll,
    /// The user is in as many rooms as allowed.
    TooManyRooms(usize),
    /// The password begins like a command.
    PasswordLikeCommand,
    /// Its password cannot be hashed now.
    Busy,
    /// The other servers could not be told.
    NotShared(NotShared),
}

impl fmt::Display for RoomRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoomRefusal::Exists(room) => write!(f, "The room {room} already exists; :join {room} enters it."),
            RoomRefusal::Reserved(room) => NameError::Reserved(room.to_string()).fmt(f),
            RoomRefusal::LooksLike { room, other } => {
                write!(f, "The name {room} looks like the room {other}. Try another one.")
            }
            RoomRefusal::Unfit(error) => error.fmt(f),
            RoomRefusal::TooManyYours(most) => {
                write!(
                    f,
                    "Too many rooms were made from your address: the limit is {most}. :destroy one of them first."
                )
            }
            RoomRefusal::TooManyAll => {
                f.write_str("The server has reached its limit of rooms. Please try again later.")
            }
            RoomRefusal::TooManyRooms(most) => JoinRefusal::TooManyRooms(*most).fmt(f),
            RoomRefusal::PasswordLikeCommand => f.write_str(PASSWORD_LIKE_COMMAND),
            RoomRefusal::Busy => JoinRefusal::Busy.fmt(f),
            RoomRefusal::NotShared(why) => write!(f, "Not done: {why}."),
        }
    }
}

/// Why a login failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// No such account, or a wrong password; the user is not told which.
    Wrong,
    /// Too many wrong passwords.
    Blocked,
    /// Too many passwords are being compared.
    Busy,
    /// Too many passwords were tried from this address, for any names. Holds how long it has to wait.
    TooMany(Duration),
    /// The accounts cannot be read, and why; without a full stop.
    Unreadable(String),
    /// The other servers could not be asked.
    NotShared,
    /// The address has reached its limit of connections on all servers together. This connection ends.
    AddressFull(usize),
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginRefusal::Wrong => f.write_str("Wrong name or password."),
            LoginRefusal::Blocked => {
                f.write_str("Your account is blocked due to multiple login failures. Please try again later.")
            }
            LoginRefusal::Busy => f.write_str("Too many people are logging in just now. Please try again in a moment."),
            LoginRefusal::TooMany(wait) => {
                write!(f, "Too many passwords were tried from your address: try again in {}.", seconds(*wait))
            }
            LoginRefusal::NotShared => f.write_str("Nobody can log in right now: try again in a minute."),
            LoginRefusal::AddressFull(most) => {
                write!(f, "Too many connections from your address: at most {most} at once.")
            }
            LoginRefusal::Unreadable(why) => {
                write!(f, "The server cannot read its accounts just now: {why}. Please try again later.")
            }
        }
    }
}

/// Why a dialogue about an account does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// This server keeps no accounts.
    NoAccounts,
    /// Only the admin creates and removes accounts.
    AdminOnly,
    /// The user is registered already, under this name.
    Registered(UserName),
    /// The user is logged in already, under this name.
    LoggedIn(UserName),
    /// The user is a guest.
    NotLoggedIn,
    /// The name of an operator, whose account only the admin creates.
    OperatorName(UserName),
    /// Somebody else has registered the name.
    Taken(UserName),
    /// The name could be mistaken for a registered one.
    LooksLike {
        /// The name wanted.
        name: UserName,
        /// The one that is registered.
        other: UserName,
    },
    /// The accounts cannot be read, and why; without a full stop.
    Unreadable(String),
    /// The other servers, which share the accounts, cannot be asked.
    NotShared,
    /// The connection to end is this one.
    OwnConnection(UserName),
    /// The connection to end is a guest's.
    Guest(UserName),
}

impl fmt::Display for AccountRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountRefusal::NoAccounts => Refusal::NoAccounts.fmt(f),
            AccountRefusal::AdminOnly => f.write_str("Only the admin creates and removes accounts here."),
            AccountRefusal::Registered(name) => {
                write!(f, "{name} is registered already; :passwd changes its password.")
            }
            AccountRefusal::LoggedIn(name) => write!(f, "You are logged in as {name}."),
            AccountRefusal::NotLoggedIn => {
                f.write_str("You are not logged in: :register creates an account, :login <name> uses yours.")
            }
            AccountRefusal::OperatorName(name) => {
                write!(f, "{name} is an operator's name: its account can only be created on the server itself.")
            }
            AccountRefusal::Taken(name) => {
                write!(f, "Somebody has registered {name}. If it was you, use :login {name}.")
            }
            AccountRefusal::LooksLike { name, other } => {
                write!(f, "{name} looks like {other}, which is registered: choose another name.")
            }
            AccountRefusal::Unreadable(why) => LoginRefusal::Unreadable(why.clone()).fmt(f),
            AccountRefusal::NotShared => write!(f, "Not done: {}.", NotShared::Unreachable),
            AccountRefusal::OwnConnection(name) => write!(f, "You are {name}: there is no other connection to end."),
            AccountRefusal::Guest(name) => write!(
                f,
                "{name} is a guest, and no password ends that connection. If it is lost, the name is free in at most 2 minutes."
            ),
        }
    }
}
