//! Why no room was made.
//!
//! *Owns* [`RoomRefusal`] and its sentences. *Knows nothing of* states and rooms.
//! *Called by* `palette` and `session`.

use std::fmt;

use super::refusal::JoinRefusal;
use crate::chat::names::{NameError, RoomName};

/// Why a text is no password for a room.
pub(super) const PASSWORD_LIKE_COMMAND: &str = "A room's password cannot begin with : or /, because commands do.";

/// Why no room was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomRefusal {
    /// There is a public room of that name.
    Exists(RoomName),
    /// There is a hidden one, which is nobody's business: told in the words for a reserved name.
    Reserved(RoomName),
    /// It could be taken for another one, which is public or known to the user.
    LooksLike {
        /// The name wanted.
        room: RoomName,
        /// The room there is.
        other: RoomName,
    },
    /// A new room cannot be named so by now.
    Unfit(NameError),
    /// As many rooms from this address as there may be.
    TooManyYours(usize),
    /// As many rooms on the server as there may be.
    TooManyAll,
    /// In as many rooms as one person may be.
    TooManyRooms(usize),
    /// The password begins like a command.
    PasswordLikeCommand,
}

impl fmt::Display for RoomRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RoomRefusal::Exists(room) => write!(f, "There is a room {room} already; :join {room} enters it."),
            RoomRefusal::Reserved(room) => NameError::Reserved(room.to_string()).fmt(f),
            RoomRefusal::LooksLike { room, other } => {
                write!(f, "The name {room} looks like the room {other}. Try another one.")
            }
            RoomRefusal::Unfit(error) => error.fmt(f),
            RoomRefusal::TooManyYours(most) => {
                write!(f, "Too many rooms were made from your address: {most} is the most. :destroy one of them first.")
            }
            RoomRefusal::TooManyAll => {
                f.write_str("There are as many rooms as the server takes. Please try again later.")
            }
            RoomRefusal::TooManyRooms(most) => JoinRefusal::TooManyRooms(*most).fmt(f),
            RoomRefusal::PasswordLikeCommand => f.write_str(PASSWORD_LIKE_COMMAND),
        }
    }
}
