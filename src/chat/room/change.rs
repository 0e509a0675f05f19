//! What can happen to a room, as plain values.
//!
//! *Owns* the kinds of change and what each contains. *Knows nothing of* who may cause one, or of what it does to a
//! room.

use jiff::Timestamp;

use crate::chat::action::Setting;
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, Addressee, ClientId, Message, MessageId};
use crate::chat::moderation::Ban;
use crate::chat::names::UserName;
use crate::chat::room_settings::RoomSettings;
use crate::chat::secret::Hashed;

/// Why a user leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// They asked to.
    Asked,
    /// They were disconnected for being idle.
    Idle,
    /// Their connection was lost.
    Lost,
    /// The server they were on is gone.
    ServerGone,
}

/// One change of one room.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When it was decided. Durations, such as that of a ban, start here.
    pub at: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened. Each kind holds everything that its effect depends on, apart from the room itself.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// A user said something. `decide` leaves the number out. Whatever orders the changes assigns it, here the room's
    /// lock, so that numbers grow in the room's order.
    Said(Message),
    /// A message was edited.
    Edited {
        /// Which message.
        id: MessageId,
        /// The author's connection.
        by: ClientId,
        /// Sanitised.
        text: Box<str>,
    },
    /// A message that is only in the archive was edited.
    ArchivedEdited {
        /// As it is now.
        message: Box<Message>,
        /// The author's connection.
        by: ClientId,
    },
    /// A message was deleted.
    Deleted {
        /// Which message.
        id: MessageId,
        /// The user who deleted it.
        by: Addressee,
    },
    /// A message that is only in the archive was deleted.
    ArchivedDeleted {
        /// Which message.
        id: MessageId,
        /// Its author.
        author: Addressee,
        /// The user who deleted it.
        by: Addressee,
    },
    /// A temporary message has expired.
    Expired(MessageId),
    /// Messages from before this moment are too old and were forgotten.
    Forgotten(Timestamp),

    /// A user came in.
    Entered {
        /// Who they are.
        who: Identity,
        /// They moderate the whole server.
        operator: bool,
        /// They could enter only as an operator.
        as_operator: bool,
        /// Which stay this is.
        membership: MembershipId,
        /// The last message number given.
        last: MessageId,
        /// The room had no admin left, and they own it now.
        heir: bool,
    },
    /// A member entered again: only the stay is new.
    Reentered {
        /// Which member.
        client: ClientId,
        /// Which stay this is.
        membership: MembershipId,
    },
    /// A member left.
    Left {
        /// Which member.
        client: ClientId,
        /// How.
        going: Going,
    },
    /// Another connection of a member's account took their place.
    TakenOver {
        /// The member.
        from: ClientId,
        /// The other connection.
        who: Identity,
        /// They moderate the whole server.
        operator: bool,
        /// Which stay this is.
        membership: MembershipId,
    },
    /// A member logged in or out, changed their name, or became an operator.
    Identified {
        /// Who they are now.
        who: Identity,
        /// They moderate the whole server.
        operator: bool,
        /// Their former name, if viewers are told about it.
        before: Option<UserName>,
        /// The last message number given.
        last: MessageId,
    },
    /// The wait for an admin who lost their connection is over.
    GraceEnded,
    /// A room without an admin passed to this member.
    Inherited(Identity),
    /// An account was deleted, and with it the account's place here.
    AccountForgotten(AccountId),

    /// A user was invited.
    Invited {
        /// The user.
        guest: Identity,
        /// The member who invited them.
        by: Addressee,
        /// The invitation lifts their kick.
        forgiven: bool,
        /// The last message number given.
        last: MessageId,
    },
    /// A member was removed for a while.
    Kicked {
        /// The member.
        who: Identity,
        /// The admin.
        by: Addressee,
        /// May be empty.
        reason: Box<str>,
    },
    /// A user was banned. A member is removed.
    Banned {
        /// The ban.
        ban: Box<Ban>,
        /// The admin.
        by: Addressee,
    },
    /// A ban was lifted.
    Unbanned {
        /// The name, as typed.
        name: UserName,
        /// The person, if they are online.
        who: Option<Identity>,
        /// The admin.
        by: Addressee,
    },
    /// A member was muted, and is no longer an admin.
    Muted {
        /// The member.
        who: Identity,
        /// When it ends, if it does.
        until: Option<Timestamp>,
        /// The admin.
        by: Addressee,
    },
    /// A mute was lifted.
    Unmuted {
        /// The name, as typed.
        name: UserName,
        /// The person, if they are in the room or online.
        who: Option<Identity>,
        /// The admin.
        by: Addressee,
    },
    /// A member was made admin.
    Promoted {
        /// The member.
        who: Identity,
        /// The admin.
        by: Addressee,
    },
    /// An admin was made an ordinary member.
    Demoted {
        /// The member.
        who: Identity,
        /// The admin.
        by: Addressee,
    },
    /// A setting was changed.
    Set {
        /// The new value.
        setting: Setting,
        /// The admin.
        by: Addressee,
    },

    /// The configuration has other settings for one of the server's own rooms.
    Configured(RoomSettings),
    /// The configuration keeps another number of messages in memory.
    HistoryResized(usize),
    /// The room keeps a hash in place of its password.
    PasswordHashed(Hashed),
    /// The room is about to be deleted from disk, and is no longer stored.
    StorageEnded,
    /// The room is closed for good: nobody can enter it, and nothing is posted any more.
    Closed,
    /// Everybody who was still in a closed room was removed.
    Cleared,
}

#[cfg(feature = "cluster")]
impl ChangeKind {
    /// The message that is edited or deleted.
    pub(crate) fn message(&self) -> Option<MessageId> {
        if let ChangeKind::Edited { id, .. } | ChangeKind::Deleted { id, .. } = self { Some(*id) } else { None }
    }
}

impl Change {
    /// Whether a user said something.
    #[cfg(feature = "cluster")]
    pub(crate) fn is_said(&self) -> bool {
        matches!(self.kind, ChangeKind::Said(_))
    }

    /// Gives the message its number, if a user said one.
    pub fn number(&mut self, id: MessageId) {
        if let ChangeKind::Said(message) = &mut self.kind {
            message.id = id;
        }
    }
}
