//! This server as one of several that share rooms, names, messages and presence.
//!
//! What local users do is decided here and submitted to the shared logs. When it is read back, `apply` carries it out on
//! the thread that reads the logs. Nobody sees anything before that.
//!
//! *Owns* what is on its way, and what this server knows about the others.
//! *Knows nothing of* how the logs work: the cluster does.

mod accounts;
mod apply;
#[cfg(feature = "storage")]
mod archive;
mod background;
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
mod unknown;
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
#[cfg(all(feature = "storage", feature = "metrics"))]
use crate::store::Store;
#[cfg(feature = "storage")]
pub(crate) use archive::Archive;
use background::BackgroundTask;
use files::{FileAnswers, RemoteFiles};
use notes::SharedValues;
#[cfg(feature = "storage")]
pub(crate) use notes::kept_ban;
use places::ReservedPlaces;
pub(crate) use places::{ReservedPlace, WasOpen};
use questions::ArchiveFacts;
pub(crate) use questions::Asker;
#[cfg(feature = "storage")]
pub(crate) use questions::IMPORTED;
use unknown::UnknownLine;

/// Most outcomes kept for waiting threads. They are normally collected within moments; older ones that nobody collects
/// are dropped.
const MOST_OUTCOMES: usize = 10_000;

/// Where long connection numbers begin. Programs can represent numbers exactly up to 2^53. Each server starts at one of
/// 2^40 random places, 4,096 apart.
const STRANGERS: u64 = 1 << 52;

/// The connection to the shared logs.
pub(crate) trait NodeLink: Send + Sync {
    /// The name of this server.
    fn node(&self) -> &NodeName;
    /// How rooms are distributed over the logs.
    fn partitions(&self) -> Partitions;
    /// Sends a command.
    fn submit(&self, command: Command) -> Ticket;
    /// A number that is unique across all servers; `None` if there is none now.
    fn number(&self, kind: NumberKind) -> Option<u64>;
    /// This server's current registration.
    fn epoch(&self) -> Epoch;
    /// Keeps users' names and memberships for this long after the server ends.
    fn leave_behind(&self, stays: Duration);
    /// The real node; `None` in tests that fake it.
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

/// Something to record for an account.
#[derive(Clone, Debug)]
enum AccountNote {
    /// How far it has read in a room.
    Visit(AccountId, SharedVisit),
    /// The rooms it is in.
    OpenRooms(AccountId, Vec<OpenRoomText>),
}

/// Something that could not be shared yet.
enum Unfinished {
    Departure { room: Arc<Room>, client: ClientId, membership: MembershipId, going: Going },
    Release { name: UserName, client: ClientId, address: Box<str> },
}

/// Work in progress.
#[derive(Default)]
struct OnItsWay {
    /// How to show a direct message to its author, by connection and time.
    own_copies: HashMap<(ClientId, Timestamp), OwnCopy>,
    /// The result of a room change, for the thread that waits for it.
    outcomes: HashMap<(Log, Position), Applied>,
    /// Rooms with changes that have not been delivered yet.
    undelivered: Vec<Arc<Room>>,
    /// What must be shared again.
    unfinished: Vec<Unfinished>,
    /// Lines whose authors do not know yet whether they were said.
    unknown: Vec<UnknownLine>,
    /// What could not be recorded for accounts yet.
    unsaved: VecDeque<AccountNote>,
}

/// This server's view of the other servers.
pub(crate) struct Nodes {
    hub: Weak<Hub>,
    cluster: OnceLock<Arc<dyn NodeLink>>,
    /// The shared accounts.
    accounts: OnceLock<Arc<SharedAccounts>>,
    /// After this long, a user is told that their line waits.
    patience: Duration,
    /// How long the others wait for this server.
    lease: Duration,
    /// A leaf.
    pending: Mutex<OnItsWay>,
    /// A leaf. Shared values besides names and rooms.
    kept: Mutex<SharedValues>,
    /// A leaf. Places kept for users who are moving between servers.
    places: Mutex<ReservedPlaces>,
    /// A leaf. Files that users of other servers offer to local users.
    files: Mutex<RemoteFiles>,
    file_answers: FileAnswers,
    /// A leaf. The connection's state, and the sorted names of the living servers.
    view: Mutex<OthersView>,
    /// One outbox that stands in for all users of other servers.
    nowhere: Arc<Outbox>,
    /// The last long number of a connection.
    last_stranger: AtomicU64,
    /// The channel to the thread that may wait for other servers.
    background: OnceLock<Sender<BackgroundTask>>,
    /// The connection to the archives.
    asker: OnceLock<Arc<Asker>>,
    /// This server's database, if it is an archive.
    #[cfg(feature = "storage")]
    archive: OnceLock<Arc<Archive>>,
}

struct OthersView {
    health: Health,
    /// Whether users were told that this server is cut off.
    told_away: bool,
    nodes: Vec<NodeName>,
    /// The archives, whether they are running or not.
    archives: BTreeMap<NodeName, ArchiveFacts>,
    /// Summary of the imported database, if the cluster began with an import.
    imported: Option<Box<str>>,
}

impl Nodes {
    /// `nowhere` is an outbox without a connection.
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
            background: OnceLock::new(),
            asker: OnceLock::new(),
            #[cfg(feature = "storage")]
            archive: OnceLock::new(),
        })
    }

    /// Makes this server an archive.
    #[cfg(feature = "storage")]
    pub(crate) fn keep_archive(&self, archive: &Arc<Archive>) {
        // Set only here, at startup.
        let _ = self.archive.set(Arc::clone(archive));
    }

    /// The database, if this server is an archive.
    #[cfg(all(feature = "storage", feature = "metrics"))]
    pub(crate) fn archive_store(&self) -> Option<&Arc<Store>> {
        self.archive.get().map(|archive| archive.store())
    }

    /// Joins the other servers.
    pub(crate) fn join(&self, cluster: Arc<dyn NodeLink>) {
        // Set only here, at startup.
        let _ = self.cluster.set(cluster);
    }

    fn pending(&self) -> MutexGuard<'_, OnItsWay> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, SharedValues> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, RemoteFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, ReservedPlaces> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps users' names and memberships for this long after the server ends.
    fn stay_after_end(&self, stays: Duration) {
        if let Some(cluster) = self.cluster.get() {
            cluster.leave_behind(stays);
        }
    }

    fn view(&self) -> MutexGuard<'_, OthersView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, by the servers' shared clock.
    pub(crate) fn now(&self) -> Timestamp {
        let clock = self.cluster.get().and_then(|cluster| cluster.clock());
        clock.and_then(|clock| clock.at(Instant::now())).unwrap_or_else(Timestamp::now)
    }

    /// The real node; `None` in tests that fake it.
    pub(crate) fn node(&self) -> Option<&Cluster> {
        self.cluster.get()?.cluster()
    }

    /// Whether this is this server's current registration. An earlier process of the same name may have left users
    /// behind.
    fn is_own(&self, node: &NodeName, epoch: Epoch) -> bool {
        self.cluster.get().is_some_and(|cluster| cluster.node() == node && cluster.epoch() == epoch)
    }

    /// Whether a server of this name is with the others.
    fn lives(&self, node: &NodeName) -> bool {
        self.view().nodes.contains(node)
    }

    /// How many living servers sort before this one by name.
    fn place(&self) -> usize {
        let Some(cluster) = self.cluster.get() else { return 0 };
        self.view().nodes.iter().filter(|node| *node < cluster.node()).count()
    }

    /// A number that is unique across all servers.
    pub(crate) fn number(&self, kind: NumberKind) -> Option<u64> {
        self.cluster.get()?.number(kind)
    }

    /// The number of the next connection. While the cluster is unreachable and no number is left, a long one that no
    /// other server uses.
    pub(crate) fn next_client(&self) -> ClientId {
        let number = self.number(NumberKind::Client).map(|number| number + FIRST_CLIENT - 1);
        ClientId(number.unwrap_or_else(|| self.last_stranger.fetch_add(1, Ordering::Relaxed) + 1))
    }
}
