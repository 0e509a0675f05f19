//! The rules of a room: its state, which change a wish leads to, and what the change does.
//!
//! Two steps. [`RoomState::decide`] looks at a user's wish and returns the [`Change`] it leads to, or why not; it
//! changes nothing. [`RoomState::apply`] carries a change out, cannot fail, and returns what viewers are shown. Events
//! that need no permission, such as a lost connection or the end of a temporary message, go through
//! [`RoomState::respond`] instead of `decide`. Nothing else changes a room, so its changes, in order, describe it
//! completely: two copies that apply the same changes are equal. A change is a plain value and can be written as one
//! line of text (see `text_form`).
//!
//! *Owns* members, settings, moderation, history and read access of one room.
//! *Knows nothing of* locks, clocks, sockets, queues and threads: the time, and the last message number, come with each call.

mod apply;
mod change;
mod decide;
mod news;
mod read_access;
mod restore;
mod role;
mod text_form;
mod view;
mod wish;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use crate::chat::action::ReadBack;
use crate::chat::conversation::MembershipId;
use crate::chat::history::History;
use crate::chat::identity::Identity;
use crate::chat::message::{ClientId, MessageId};
use crate::chat::moderation::Moderation;
use crate::chat::names::{RoomName, UserName};
use crate::chat::room_settings::RoomSettings;
use read_access::Readers;

pub use change::{Change, ChangeKind, Going};
pub(crate) use news::destroyed;
pub(crate) use read_access::readable_after;
pub(crate) use restore::{StoredMade, StoredRoom};
pub use text_form::ParseChangeError;
#[cfg(any(test, feature = "cluster"))]
pub(crate) use text_form::{message_line, parse_message};
pub use wish::{Now, Occurrence, Wish};

/// How a room that is not in the configuration came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The user who created it.
    pub by: UserName,
    /// Their address, as it is counted.
    pub address: IpAddr,
    /// When.
    pub at: Timestamp,
}

/// A version of who can enter a room. It changes whenever the password or the access changes, so a password that was
/// right when its comparison began proves nothing once the room has a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorVersion(u64);

impl DoorVersion {
    fn change(&mut self) {
        self.0 += 1;
    }
}

/// A user in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which stay this is.
    pub membership: MembershipId,
    /// As the room knows them.
    pub who: Identity,
    /// They moderate the whole server.
    pub operator: bool,
    /// When they came in.
    pub since: Timestamp,
    /// When they last said something, for slow rooms.
    posted: Option<Timestamp>,
    /// The last message number given when they first became a member or were invited.
    first: MessageId,
    /// The last message number given when they came in this time.
    came_in: MessageId,
}

/// How a user creates a room.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Who created it, and when.
    pub creation: Creation,
    /// The user, who owns the room.
    pub founder: Identity,
    /// How far back its users may read.
    pub read_back: ReadBack,
}

/// What a room starts with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// How it is set up.
    pub settings: RoomSettings,
    /// Its founding, if a user creates it.
    pub founding: Option<Founding>,
    /// Messages kept in memory.
    pub history_max: usize,
    /// Whether the server can keep a room on disk.
    pub can_be_kept: bool,
    /// The moment.
    pub at: Timestamp,
}

/// A room.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    name: RoomName,
    settings: RoomSettings,
    door: DoorVersion,
    created: Option<Creation>,
    /// Created by a user and kept until it is destroyed, even after the last member has left or the server has stopped.
    kept: bool,
    can_be_kept: bool,
    /// Counts the changes of the stored data.
    revision: u64,
    moderation: Moderation,
    /// Time between two messages of one user; zero if only the server's limit counts.
    slow: Duration,
    /// How far back users may read.
    read_back: ReadBack,
    /// Whether `read_back` is a guess, because the stored data could not be read.
    read_back_guessed: bool,
    /// When each of them became a member.
    readers: Readers,
    /// By connection, so by arrival on the server. Boxed, since a node of the tree has room for eleven.
    members: BTreeMap<ClientId, Box<Member>>,
    history: History,
    history_max: usize,
    newest: Option<MessageId>,
    /// Messages ever said here. The difference to an earlier count is how many a user has not read.
    said: u64,
    empty_since: Option<Timestamp>,
    closed: bool,
}

impl RoomState {
    /// The parts of the room that matter when this connection enters: no messages, and no other members. A copy of
    /// everything would make entering a full room slow.
    #[cfg(feature = "cluster")]
    pub(crate) fn around(&self, client: ClientId) -> RoomState {
        RoomState {
            name: self.name.clone(),
            settings: self.settings.clone(),
            door: self.door,
            created: self.created.clone(),
            kept: self.kept,
            can_be_kept: self.can_be_kept,
            revision: self.revision,
            moderation: self.moderation.clone(),
            slow: self.slow,
            read_back: self.read_back,
            read_back_guessed: self.read_back_guessed,
            readers: self.readers.clone(),
            members: self
                .members
                .get_key_value(&client)
                .map(|(client, known)| (*client, known.clone()))
                .into_iter()
                .collect(),
            history: History::default(),
            history_max: self.history_max,
            newest: self.newest,
            said: self.said,
            empty_since: self.empty_since,
            closed: self.closed,
        }
    }

    /// A room that nobody is in yet.
    pub fn new(name: RoomName, beginning: Beginning) -> RoomState {
        let Beginning { settings, founding, history_max, can_be_kept, at } = beginning;
        let read_back = founding.as_ref().map_or(ReadBack::default(), |founding| founding.read_back);
        let (created, founder) = founding.map(|founding| (founding.creation, founding.founder)).unzip();
        RoomState {
            name,
            settings,
            door: DoorVersion::default(),
            created,
            kept: false,
            can_be_kept,
            revision: 0,
            moderation: founder.map(Moderation::founded_by).unwrap_or_default(),
            slow: Duration::ZERO,
            read_back,
            read_back_guessed: false,
            readers: Readers::default(),
            members: BTreeMap::new(),
            history: History::new(),
            history_max,
            newest: None,
            said: 0,
            empty_since: Some(at),
            closed: false,
        }
    }
}
