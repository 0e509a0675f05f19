//! The causes of changes: wishes of users, and events that no user asks for.
//!
//! *Owns* the wishes and occurrences. *Knows nothing of* what they lead to.

use std::time::Duration;

use jiff::Timestamp;

use super::DoorVersion;
use super::change::Going;
use crate::chat::action::{Actor, RoomAction};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId, Draft, Message, MessageId};
use crate::chat::names::UserName;
use crate::chat::room_settings::RoomSettings;
use crate::chat::secret::{Hashed, Secret};

/// The moment in which something is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The time.
    pub at: Timestamp,
    /// The last message number given, in any room.
    pub last: MessageId,
}

/// What a user asks for. It may be denied.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Say something.
    Post {
        /// What.
        draft: Draft,
        /// When the server received it, as shown to viewers.
        said_at: Timestamp,
    },
    /// Edit a message.
    Edit {
        /// Which message.
        id: MessageId,
        /// Sanitised.
        text: Box<str>,
    },
    /// The same for one that is only in the archive.
    EditArchived {
        /// As it was.
        message: Box<Message>,
        /// Sanitised.
        text: Box<str>,
    },
    /// Delete a message.
    Delete(MessageId),
    /// The same for one that is only in the archive.
    DeleteArchived(Box<Message>),
    /// Come in.
    Enter {
        /// The door whose password they gave.
        opened: Option<DoorVersion>,
        /// Which stay this is.
        membership: MembershipId,
    },
    /// Invite a user.
    Invite(Identity),
    /// Moderate the room, change a setting, or destroy the room.
    Act {
        /// How.
        action: RoomAction,
        /// The user it is about, if they are online.
        online: Option<Actor>,
        /// Their address is the machine's own, which is never banned.
        local: bool,
    },
}

/// An event in a room that needs nobody's permission.
#[derive(Clone, Debug)]
pub enum Occurrence {
    /// A stay of a connection ends.
    Left {
        /// The connection.
        client: ClientId,
        /// Which stay: a later one continues.
        membership: MembershipId,
        /// How.
        going: Going,
    },
    /// A connection of the same account takes a member's place.
    TakenOver {
        /// The member.
        from: ClientId,
        /// The other connection.
        actor: Actor,
        /// Which stay this is.
        membership: MembershipId,
    },
    /// A member whose server has stopped is back on another connection, and has proved who they are.
    #[cfg(feature = "cluster")]
    Returned {
        /// The connection that they had.
        from: ClientId,
        /// The one they have now.
        actor: Actor,
        /// Its new stay in the room.
        membership: MembershipId,
    },
    /// A member logged in or out, changed their name, or became an operator.
    Identified {
        /// Who they are now.
        actor: Actor,
        /// Their former name, if viewers are told about it.
        before: Option<UserName>,
    },
    /// The wait for an admin who lost their connection may be over.
    GracePassed,
    /// The room may need another admin.
    AdminMissing {
        /// A member who was just demoted and must not get the room back.
        passed_over: Option<ClientId>,
    },
    /// An account was deleted.
    AccountDeleted(AccountId),
    /// The time of this temporary message is over.
    Expired(MessageId),
    /// Messages from before this moment are too old to be kept.
    RetentionPassed(Timestamp),
    /// The room is to close if it has been empty for this long.
    Lingered(Duration),
    /// The configuration was read again.
    Configured(RoomSettings),
    /// The configuration keeps another number of messages in memory.
    HistoryResized(usize),
    /// The hash of a password is known.
    PasswordHashed {
        /// The password, which the room may no longer have.
        password: Secret,
        /// Its hash.
        hash: Hashed,
    },
    /// The room is about to be deleted from disk.
    StorageEnds,
    /// The room is to close for good.
    Closing,
    /// The last messages of a closed room have been delivered, and all members are removed.
    Clearing,
}
