//! This server as one of several that share rooms, names, messages and presence.
//!
//! What users do here is decided here, goes into the logs of all servers, and is carried out when it is read back: by `apply`,
//! on the thread that reads the logs. Nobody is shown anything before that.
//!
//! *Owns* what is on its way, and what this server knows of the others.
//! *Knows nothing of* how the logs are kept: that is the cluster's.

mod accounts;
mod apply;
#[cfg(feature = "storage")]
mod archive;
mod chores;
mod direct;
mod elsewhere;
mod files;
mod note;
mod notes;
mod places;
mod question;
mod questions;
mod reload;
mod rooms;
mod safe;
mod shared_config;
mod submitting;
mod users;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::chat::conversation::MembershipId;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::room::Going;
use crate::cluster::{
    Cluster, Command, Epoch, Health, Log, NodeName, NumberKind, OpenRoomText, Partitions, Position, SharedAccounts,
    SharedClock, SharedVisit, Ticket,
};
use crate::hub::room::{Applied, Room};
use crate::hub::{FIRST_CLIENT, Hub};
use crate::outbox::{Outbox, OwnCopy};
#[cfg(feature = "storage")]
pub(crate) use archive::{Archive, kept_ban};
use chores::Chore;
use files::{FileAnswers, RemoteFiles};
use notes::KeptValues;
use places::KeptPlaces;
pub(crate) use places::{KeptPlace, WasOpen};
use questions::ArchiveFacts;
pub(crate) use questions::Asker;
#[cfg(feature = "storage")]
pub(crate) use questions::IMPORTED;

/// Most outcomes kept for threads that wait for them. Each is taken within a moment; those that nobody waits for make way.
const MOST_OUTCOMES: usize = 10_000;

/// Where long numbers of connections begin. Programs read numbers exactly up to 2^53, and a server begins at a random one of
/// 2^40 places, 4,096 apart.
const STRANGERS: u64 = 1 << 52;

/// The way to the logs of all servers.
pub(crate) trait NodeLink: Send + Sync {
    /// The name of this server.
    fn node(&self) -> &NodeName;
    /// How rooms are spread over the logs.
    fn partitions(&self) -> Partitions;
    /// Sends a command.
    fn submit(&self, command: Command) -> Ticket;
    /// A number that no other server gives; `None` if none can be had now.
    fn number(&self, kind: NumberKind) -> Option<u64>;
    /// Which registration this server has.
    fn epoch(&self) -> Epoch;
    /// What users of this server hold stays for this long after its end.
    fn leave_behind(&self, stays: Duration);
    /// The node itself, unless this is a test's.
    fn cluster(&self) -> Option<&Cluster> {
        None
    }
    /// The clock that all servers share.
    fn clock(&self) -> Option<&SharedClock> {
        self.cluster().map(Cluster::clock)
    }
}

impl NodeLink for Cluster {
    fn node(&self) -> &NodeName {
        Cluster::node(self)
    }

    fn partitions(&self) -> Partitions {
        Cluster::partitions(self)
    }

    fn submit(&self, command: Command) -> Ticket {
        Cluster::submit(self, command)
    }

    fn number(&self, kind: NumberKind) -> Option<u64> {
        Cluster::number(self, kind)
    }

    fn epoch(&self) -> Epoch {
        Cluster::epoch(self)
    }

    fn leave_behind(&self, stays: Duration) {
        Cluster::leave_behind(self, stays);
    }

    fn cluster(&self) -> Option<&Cluster> {
        Some(self)
    }
}

/// Something that is recorded for an account.
#[derive(Clone, Debug)]
enum AccountNote {
    /// How far it has read in a room.
    Visit(AccountId, SharedVisit),
    /// The rooms it is in.
    OpenRooms(AccountId, Vec<OpenRoomText>),
}

/// Something that has to be told and could not be.
enum Unfinished {
    Departure {
        room: Arc<Room>,
        client: ClientId,
        membership: MembershipId,
        going: Going,
    },
    Release {
        name: UserName,
        client: ClientId,
        address: Box<str>,
    },
    /// A line whose author does not know yet whether it was said.
    Line {
        ticket: Ticket,
        author: Weak<Outbox>,
    },
}

/// What is on its way.
#[derive(Default)]
struct OnItsWay {
    /// How the author of a direct message is shown it, by connection and time.
    own_copies: HashMap<(ClientId, Timestamp), OwnCopy>,
    /// What a change of a room has led to, for the thread that waits for it.
    outcomes: HashMap<(Log, Position), Applied>,
    /// Rooms in which something was carried out that is not delivered yet.
    undelivered: Vec<Arc<Room>>,
    /// What has to be told again.
    unfinished: Vec<Unfinished>,
    /// What could not be recorded for accounts.
    unsaved: VecDeque<AccountNote>,
}

/// The other servers, as this one deals with them.
pub(crate) struct Nodes {
    hub: Weak<Hub>,
    cluster: OnceLock<Arc<dyn NodeLink>>,
    /// The accounts of all servers.
    accounts: OnceLock<Arc<SharedAccounts>>,
    /// When a user is told that their line waits.
    patience: Duration,
    /// How long the others wait for this server.
    lease: Duration,
    /// A leaf.
    pending: Mutex<OnItsWay>,
    /// A leaf. What all servers keep beside names and rooms.
    kept: Mutex<KeptValues>,
    /// A leaf. What is kept for users who are on the way from one server to another.
    places: Mutex<KeptPlaces>,
    /// A leaf. Files offered to users here by users of other servers.
    files: Mutex<RemoteFiles>,
    file_answers: FileAnswers,
    /// A leaf. How it is with the others, and who they are, sorted.
    view: Mutex<OthersView>,
    /// The outbox of all users of other servers.
    nowhere: Arc<Outbox>,
    /// The last long number of a connection.
    last_stranger: AtomicU64,
    /// To the thread that may wait for the others.
    chores: OnceLock<Sender<Chore>>,
    /// The way to archives.
    asker: OnceLock<Arc<Asker>>,
    /// This server's database, if it is an archive.
    #[cfg(feature = "storage")]
    archive: OnceLock<Arc<Archive>>,
}

struct OthersView {
    health: Health,
    /// Users were told that this server is away from the others.
    told_away: bool,
    nodes: Vec<NodeName>,
    /// Those that are archives, whether they are there or not.
    archives: BTreeMap<NodeName, ArchiveFacts>,
    /// What was in the database that all of it began with.
    imported: Option<Box<str>>,
}

impl Nodes {
    /// `nowhere` is an outbox that leads to nobody.
    pub(crate) fn new(hub: &Arc<Hub>, patience: Duration, lease: Duration, nowhere: Arc<Outbox>) -> Arc<Nodes> {
        Arc::new(Nodes {
            hub: Arc::downgrade(hub),
            cluster: OnceLock::new(),
            accounts: OnceLock::new(),
            patience,
            lease,
            pending: Mutex::default(),
            kept: Mutex::default(),
            places: Mutex::default(),
            files: Mutex::default(),
            file_answers: FileAnswers::default(),
            view: Mutex::new(OthersView {
                health: Health::Well,
                told_away: false,
                nodes: Vec::new(),
                archives: BTreeMap::new(),
                imported: None,
            }),
            nowhere,
            last_stranger: AtomicU64::new(STRANGERS + (RandomState::new().hash_one(0) >> 24 << 12)),
            chores: OnceLock::new(),
            asker: OnceLock::new(),
            #[cfg(feature = "storage")]
            archive: OnceLock::new(),
        })
    }

    /// This server is an archive from now on.
    #[cfg(feature = "storage")]
    pub(crate) fn keep_archive(&self, archive: &Arc<Archive>) {
        // Once, at the start.
        let _ = self.archive.set(Arc::clone(archive));
    }

    /// This server is one of them from now on.
    pub(crate) fn join(&self, cluster: Arc<dyn NodeLink>) {
        // Once, at the start.
        let _ = self.cluster.set(cluster);
    }

    fn pending(&self) -> MutexGuard<'_, OnItsWay> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, KeptValues> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, RemoteFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, KeptPlaces> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What users of this server hold stays for this long after its end.
    fn stay_after_end(&self, stays: Duration) {
        if let Some(cluster) = self.cluster.get() {
            cluster.leave_behind(stays);
        }
    }

    fn view(&self) -> MutexGuard<'_, OthersView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, by the clock that all servers share.
    pub(crate) fn now(&self) -> Timestamp {
        let clock = self.cluster.get().and_then(|cluster| cluster.clock());
        clock.and_then(|clock| clock.at(Instant::now())).unwrap_or_else(Timestamp::now)
    }

    /// The node itself, unless this is a test's.
    pub(crate) fn node(&self) -> Option<&Cluster> {
        self.cluster.get()?.cluster()
    }

    /// Whether this is what the others know this server by now. One of its name that was here before may have left users behind.
    fn is_own(&self, node: &NodeName, epoch: Epoch) -> bool {
        self.cluster.get().is_some_and(|cluster| cluster.node() == node && cluster.epoch() == epoch)
    }

    /// How many of the servers come before this one by name.
    fn place(&self) -> usize {
        let Some(cluster) = self.cluster.get() else { return 0 };
        self.view().nodes.iter().filter(|node| *node < cluster.node()).count()
    }

    /// A number that no other server gives.
    pub(crate) fn number(&self, kind: NumberKind) -> Option<u64> {
        self.cluster.get()?.number(kind)
    }

    /// The number of the next connection. While the others cannot be reached and no number of theirs is left, a long one that
    /// nobody else gives.
    pub(crate) fn next_client(&self) -> ClientId {
        let number = self.number(NumberKind::Client).map(|number| number + FIRST_CLIENT - 1);
        ClientId(number.unwrap_or_else(|| self.last_stranger.fetch_add(1, Ordering::Relaxed) + 1))
    }
}
