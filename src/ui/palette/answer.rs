//! The results of effects, which the palette waits for.
//!
//! *Owns* [`Answer`]. *Knows nothing of* states: `respond` decides where each answer leads.

use std::net::IpAddr;
use std::sync::Arc;

use super::effect::AccountAsk;
use super::entry_refusal::{JoinRefusal, LoginRefusal, RoomRefusal};
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::message::Addressee;
use crate::chat::names::{NameError, RoomName, UserName};
use crate::chat::secret::Secret;

/// The result of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name belongs to this user until they leave.
    NameClaimed {
        /// As typed.
        name: UserName,
        /// People online, this one included.
        people: usize,
        /// Public rooms.
        rooms: usize,
        /// A notice that the user needs before they say anything, if there is one.
        notice: Option<String>,
    },
    /// The name is taken.
    NameTaken {
        /// The name wanted.
        name: UserName,
        /// A similar one that is free, if one was found.
        free: Option<UserName>,
    },
    /// The name looks like that of another user.
    NameLooksLike {
        /// The name wanted.
        name: UserName,
        /// The other one.
        other: UserName,
    },
    /// There is no account with this name, and it is too short or too long for a guest.
    NameUnfit(NameError),
    /// The name belongs to an account, or everybody needs one: the password is asked for.
    PasswordNeeded {
        /// The name wanted.
        name: UserName,
    },
    /// The same, to end another connection of the account.
    GhostNeedsPassword {
        /// The account.
        name: UserName,
    },
    /// The password is right, and another connection has the account.
    Elsewhere {
        /// The account.
        name: UserName,
        /// Where it connects from.
        address: IpAddr,
        /// How long that connection has been idle, in words.
        idle: String,
    },
    /// The login failed.
    LoginRefused(LoginRefusal),
    /// The user has logged in and is back in the rooms the account was in.
    Returned {
        /// Those rooms, the current one last; some may have been open before.
        open: Vec<Conversation>,
        /// Where the user is now.
        to: ReturnTo,
    },
    /// The dialogue begins.
    PasswordWanted {
        /// Which one.
        ask: AccountAsk,
        /// A notice before the first question; may be empty. For `:passwd` the palette adds one of its own.
        prompt: String,
    },
    /// The room can be entered as soon as a name is known.
    RoomChecked {
        /// Which room.
        room: RoomName,
        /// With which password.
        password: Option<Secret>,
    },
    /// The user is in the room.
    Joined {
        /// Which room.
        room: Arc<RoomId>,
        /// Others in it.
        others: usize,
        /// How they entered.
        how: JoinedAs,
        /// What the room is about; may be empty.
        topic: String,
    },
    /// The conversation is open.
    DirectOpened(Addressee),
    /// No room was made.
    RoomRefusal(RoomRefusal),
    /// The user is not in the room.
    JoinRefused {
        /// The room asked for.
        room: RoomName,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The room is gone, or the user was removed from it, or the partner of a conversation has left.
    Lost(Conversation),
    /// The partner of a conversation has changed their name.
    PartnerRenamed(Addressee),
}

/// Where a user is after coming back into their rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnTo {
    /// In the palette of the last room. If they are in a view, they stay there.
    Palette,
    /// They took over a connection that was in the palette: in the palette of its last conversation.
    TakenPalette,
    /// They took over a connection that was in a chat view: in the view of its last conversation.
    TakenView,
}

/// How a user came into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedAs {
    /// As a new member.
    New,
    /// They were in it already.
    Back,
    /// They have created it.
    Creator,
    /// As a new member of an empty room, and so as its admin.
    Heir,
}
