//! What the palette is told, what it refuses, and the words for both.
//!
//! *Owns* [`Answer`], [`Refusal`], [`JoinRefusal`] and their sentences.
//! *Knows nothing of* states: which answer leads where is said in the state machine.
//! *Called by* `palette` and `session`.

use std::fmt;
use std::time::Duration;

use crate::names::{RoomName, UserName};

/// What came of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name is this person's until he leaves.
    NameClaimed {
        /// As typed.
        name: UserName,
        /// People online, this one included.
        people: usize,
        /// Public rooms.
        rooms: usize,
    },
    /// Somebody has the name.
    NameTaken {
        /// The name wanted.
        name: UserName,
        /// One like it that is free, if one was found.
        free: Option<String>,
    },
    /// The room can be entered as soon as a name is known.
    RoomChecked {
        /// Which room.
        room: RoomName,
        /// With which password.
        password: Option<String>,
    },
    /// The person is in the room.
    Joined {
        /// Which room.
        room: RoomName,
        /// Others in it.
        others: usize,
        /// Whether he was in it before.
        already: bool,
    },
    /// He is not.
    JoinRefused {
        /// The room asked for.
        room: RoomName,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The room is gone, or the person was put out of it.
    RoomLost(RoomName),
}

/// Why a room was not entered. A hidden room and a missing one give the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinRefusal {
    /// No public room of that name, and no password was given: it is asked for.
    NotPublic {
        /// As asked for.
        room: RoomName,
        /// A public room with a name like it.
        hint: Option<RoomName>,
    },
    /// A public room with a password, and none was given: it is asked for.
    NeedsPassword(RoomName),
    /// The password was wrong, or there is no such room.
    NoSuchRoomOrPassword,
    /// Too many wrong passwords from this address.
    Waiting(Duration),
    /// As many people in it as it takes.
    Full {
        /// Which room.
        room: RoomName,
        /// How many it takes.
        limit: usize,
    },
    /// In as many rooms as one person may be.
    TooManyRooms(usize),
}

impl JoinRefusal {
    /// Whether the refusal is a question: the password is asked for.
    pub fn asks(&self) -> bool {
        matches!(self, JoinRefusal::NotPublic { .. } | JoinRefusal::NeedsPassword(_))
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
            JoinRefusal::Full { room, limit } => write!(f, "{room} is full: it takes {}.", people(*limit)),
            JoinRefusal::TooManyRooms(limit) => {
                write!(f, "You are in {limit} rooms, which is the most. Leave one with :close first.")
            }
        }
    }
}

/// What a person asked for and cannot have, known from the line alone. Never an error that travels: it is shown to him
/// and that is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Plain text in the palette.
    NotACommand,
    /// A mark and a word that is no command.
    NoCommand {
        /// The mark typed.
        mark: char,
        /// The word typed, cut to a sensible length.
        word: String,
        /// The nearest command.
        hint: Option<&'static str>,
    },
    /// A line in the chat view that looks like a palette command; it is neither said nor run.
    LooksLikeCommand {
        /// The command it looks like.
        meant: &'static str,
    },
    /// A command that needs a current room.
    NoRoom,
    /// `:q` outside the chat view.
    NotInView,
    /// The arguments do not fit.
    Usage {
        /// The command with its arguments.
        syntax: String,
        /// How to use it.
        example: String,
    },
    /// The message is too long.
    TooLong {
        /// Characters it has.
        length: usize,
        /// Characters it may have.
        limit: usize,
    },
    /// `@name text`: not said, lest something private became public.
    Addressed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotACommand => f.write_str("That is not a command. :chat enters the chat view."),
            Refusal::NoCommand { mark, word, hint: Some(hint) } => {
                write!(f, "No command {mark}{word}. Did you mean {mark}{hint}?")
            }
            Refusal::NoCommand { mark, word, hint: None } => {
                write!(f, "No command {mark}{word}. {mark}help lists them.")?;
                if *mark == '/' { f.write_str(" A leading space says the line as it is.") } else { Ok(()) }
            }
            Refusal::LooksLikeCommand { meant } => write!(
                f,
                "Not said, not run: it looks like a command. Type /{meant} here, or :q to go back; a leading space says it."
            ),
            Refusal::NoRoom => f.write_str("You are in no room. :rooms lists them, :join enters one."),
            Refusal::NotInView => f.write_str("You are not in the chat view. :chat opens it, :quit leaves the server."),
            Refusal::Usage { syntax, example } => write!(f, "Use it as {syntax}, for example {example}"),
            Refusal::TooLong { length, limit } => {
                write!(f, "Not said: {length} characters, and a message may have {limit}.")
            }
            Refusal::Addressed => {
                f.write_str("Not said: there are no direct messages yet. A leading space says the line to the room.")
            }
        }
    }
}

/// `1 person`, `2 people`.
pub fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// `1 second`, `2 seconds`; a started second counts whole.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    if whole == 1 { "1 second".to_owned() } else { format!("{whole} seconds") }
}

/// The greeting by name.
pub(super) fn hello(name: &UserName, online: usize, rooms: usize) -> String {
    let rooms = if rooms == 1 { "1 room".to_owned() } else { format!("{rooms} rooms") };
    format!("Hello {name}. {} online, {rooms}. :rooms lists them, :help explains.", people(online))
}

/// The name is somebody else's.
pub(super) fn name_taken(name: &UserName, free: Option<&str>) -> String {
    match free {
        Some(free) => format!("The name {name} is taken; {free} is free."),
        None => format!("The name {name} is taken. Try another one."),
    }
}

/// The room is entered.
pub(super) fn joined(room: &RoomName, others: usize, already: bool) -> String {
    let others = if others == 1 { "1 other".to_owned() } else { format!("{others} others") };
    if already {
        format!("Back to {room}, {others} here. :chat to talk, :close to leave.")
    } else {
        format!("Joined {room}, {others} here. :chat to talk, :close to leave.")
    }
}

/// The quick listener could not keep what it promised.
pub(super) fn quick_leftover() -> String {
    "You are in the palette now: :rooms lists the rooms, :join enters one.".to_owned()
}
