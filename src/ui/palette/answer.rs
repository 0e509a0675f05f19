//! What came of effects.
//!
//! *Owns* [`Answer`].
//! *Knows nothing of* states: which answer leads where is said in the state machine.
//! *Called by* `palette` and `session`.

use std::net::IpAddr;
use std::sync::Arc;

use super::effect::AccountAsk;
use super::entry_refusal::{JoinRefusal, LoginRefusal, RoomRefusal};
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::message::Addressee;
use crate::chat::names::{NameError, RoomName, UserName};
use crate::chat::secret::Secret;

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
        /// What is to be known before anything is said here.
        notice: Option<String>,
    },
    /// Somebody has the name.
    NameTaken {
        /// The name wanted.
        name: UserName,
        /// One like it that is free, if one was found.
        free: Option<UserName>,
    },
    /// The name could be taken for somebody else's.
    NameLooksLike {
        /// The name wanted.
        name: UserName,
        /// The other one.
        other: UserName,
    },
    /// The name is nobody's account and too short or too long for anybody else.
    NameUnfit(NameError),
    /// The name belongs to an account, or everybody needs one: the password is asked for.
    PasswordNeeded {
        /// The name wanted.
        name: UserName,
    },
    /// The same for an account whose connection is to be ended.
    GhostNeedsPassword {
        /// Whose.
        name: UserName,
    },
    /// The password is right, and somebody is logged in under the name.
    Elsewhere {
        /// The account's.
        name: UserName,
        /// From where.
        address: IpAddr,
        /// How long they have typed nothing, in words.
        idle: String,
    },
    /// Nobody came in as an account.
    LoginRefused(LoginRefusal),
    /// An account has come in, and is in the rooms again that it was in.
    Returned {
        /// Those, the current one last; some may have been open before.
        open: Vec<Conversation>,
        /// Where to be now.
        to: ReturnTo,
    },
    /// The dialogue begins.
    PasswordWanted {
        /// Which one.
        ask: AccountAsk,
        /// A line of news told before the first question; empty: none. `:passwd` has one of the palette's own behind it.
        prompt: String,
    },
    /// The room can be entered as soon as a name is known.
    RoomChecked {
        /// Which room.
        room: RoomName,
        /// With which password.
        password: Option<Secret>,
    },
    /// The person is in the room.
    Joined {
        /// Which room.
        room: Arc<RoomId>,
        /// Others in it.
        others: usize,
        /// How he came in.
        how: Came,
        /// What the room is about; may be empty.
        topic: String,
    },
    /// The conversation is open.
    DirectOpened(Addressee),
    /// No room was made.
    RoomRefusal(RoomRefusal),
    /// He is not.
    JoinRefused {
        /// The room asked for.
        room: RoomName,
        /// Why.
        refusal: JoinRefusal,
    },
    /// The room is gone, or the person was put out of it, or the other one of a conversation has left.
    Lost(Conversation),
    /// The other one of a conversation has another name.
    PartnerRenamed(Addressee),
}

/// Where somebody is after coming back into their rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnTo {
    /// In the palette of the last room; who looks at another one goes on doing so.
    Palette,
    /// Where the connection was that was taken over: in the palette of the last conversation,
    TakenPalette,
    /// or in its chat view.
    TakenView,
}

/// How somebody came into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// He was not in it before.
    In,
    /// He was in it already.
    Back,
    /// He has made it.
    Made,
    /// He was not in it before, nobody was, and he is its admin now.
    Heir,
}
