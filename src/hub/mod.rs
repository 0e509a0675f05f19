//! The state that all connections of one server share.
//!
//! *Owns* only the parts, each of which guards itself. *Knows nothing of* single connections.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod room;
pub mod timer;

pub(crate) mod address_bans;
pub(crate) mod direct;
pub(crate) mod limits;
pub(crate) mod mailbox;
#[cfg(feature = "cluster")]
pub(crate) mod nodes;
pub(crate) mod quotations;
pub(crate) mod rooms;
pub(crate) mod roster;
pub(crate) mod shutdown;
pub(crate) mod transfers;
pub(crate) mod worker_pool;

mod account_review;
mod account_store;
mod accounts;
mod checkpoint;
mod everywhere;
mod file_news;
mod membership;
pub(crate) mod older;
mod open_rooms;
#[cfg(feature = "web")]
pub(crate) mod page;
mod room_news;
pub(crate) mod stored_search;
mod tasks;
mod transfer_notices;
mod user_names;

#[cfg(any(feature = "web", feature = "cluster"))]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;

use crate::access::shutdown_code::ShutdownCode;
use crate::chat::message::ClientId;
use crate::chat::names::Alphabet;
use crate::config::Config;
use crate::metrics::SessionMetrics;
use crate::outbox::{OutboxLimits, SlowReaders};
use crate::store::{Store, StoredState};
use crate::ui::screen::Clock;
use account_review::PendingReviews;
use address_bans::AddressBans;
use direct::DirectChats;
use limits::Limits;
use mailbox::Mailbox;
#[cfg(feature = "cluster")]
use nodes::Nodes;
use open_rooms::OpenRooms;
use quotations::Quotations;
use room::EarlierRun;
use rooms::RoomTable;
use roster::Roster;
use shutdown::Shutdown;
use timer::Timer;
use transfers::Transfers;
use worker_pool::WorkerPool;

pub(crate) use account_store::AccountStore;
pub(crate) use accounts::THROWN_OUT;
#[doc(hidden)]
pub use checkpoint::{Checkpoint, Checkpoints};
pub(crate) use everywhere::Banned;
pub(crate) use file_news::{FileEvent, FileNews};
pub(crate) use membership::Membership;
pub(crate) use open_rooms::OpenRoom;
pub(crate) use room_news::RoomNews;
pub(crate) use transfer_notices::TransferOutcome;
#[cfg(feature = "cluster")]
pub(crate) use user_names::made_at;

/// The number of the first connection: four digits, so that `alice#1001` is not mistaken for a message's number.
const FIRST_CLIENT: u64 = 1001;

/// What a signal or a user can ask of a running server.
#[derive(Clone, Debug)]
pub enum ServerRequest {
    /// Apply a new configuration.
    Reconfigure(Box<Config>),
    /// Reply once every earlier request is done. It does no harm if the receiver is gone.
    Report(Sender<()>),
    /// Stop gracefully. Later requests are ignored.
    Stop,
    /// Stop together with all servers of the cluster, so users have nowhere else to go.
    StopWithAll,
}

/// The shared parts.
pub struct Hub {
    /// A leaf, replaced whole on a reload.
    config: RwLock<Arc<Config>>,
    /// Users and connections.
    pub roster: Roster,
    /// Rooms by name.
    pub rooms: RoomTable,
    /// Conversations of two.
    pub(crate) directs: DirectChats,
    /// Failed attempts, rates, and memory held for users.
    pub limits: Limits,
    /// Networks that are banned from the server.
    pub address_bans: AddressBans,
    /// Threads for slow jobs.
    pub work: WorkerPool,
    /// What `:quote` shows.
    pub(crate) quotations: Quotations,
    /// Clients whose sockets do not keep up.
    pub slow_readers: Arc<SlowReaders>,
    /// Deadlines that belong to no connection.
    pub(crate) timer: Timer,
    /// Files between users.
    pub transfers: Transfers,
    /// The database, if there is one.
    store: Option<Arc<Store>>,
    /// Direct messages for offline users, kept in memory when history is off.
    pub mailbox: Mailbox,
    /// The rooms that accounts are in.
    pub(crate) open_rooms: OpenRooms,
    /// Changes of accounts by another program.
    pending_reviews: PendingReviews,
    /// Counters of connections and sessions.
    pub(crate) metrics: SessionMetrics,
    /// The phases of a stop.
    pub shutdown: Arc<Shutdown>,
    /// The server's local time.
    pub(crate) clock: Clock,
    /// The code printed at start, if the configuration asked for one then.
    shutdown_code: Option<ShutdownCode>,
    /// For tests.
    #[doc(hidden)]
    pub checkpoints: Checkpoints,
    /// Some names may not be ASCII, because the configuration has allowed such names or the database holds one.
    has_other_names: AtomicBool,
    requests: Sender<ServerRequest>,
    last_client: AtomicU64,
    /// When the server started.
    #[cfg(feature = "json")]
    started: Timestamp,
    /// The other servers, if there are any.
    #[cfg(feature = "cluster")]
    nodes: OnceLock<Arc<Nodes>>,
    /// The page's listener, if there is one.
    #[cfg(feature = "web")]
    page: OnceLock<page::WebPage>,
}

impl Hub {
    /// The shared parts for a configuration. `requests` leads to the thread that runs the server.
    pub fn new(
        config: Config,
        clock: Clock,
        shutdown_code: Option<ShutdownCode>,
        requests: Sender<ServerRequest>,
        stored: Option<(Arc<Store>, StoredState)>,
    ) -> Hub {
        let (store, stored) = stored.unzip();
        let rooms = RoomTable::new(&config, clock.clone(), store.clone());
        let mut address_bans = Vec::new();
        if let Some(stored) = stored {
            let earlier = EarlierRun {
                last: stored.last_message,
                #[cfg(feature = "json")]
                broke_off: stored.broke_off,
            };
            rooms.restore(stored.rooms, stored.histories, earlier);
            address_bans = stored.address_bans;
        }
        let in_rooms = || rooms.all().iter().any(|room| !room.name().as_str().is_ascii());
        let in_accounts = || store.as_ref().is_some_and(|store| store.has_non_ascii_names().unwrap_or(true));
        let has_other_names = config.names == Alphabet::Unicode || in_rooms() || in_accounts();
        let hub = Hub {
            roster: Roster::default(),
            rooms,
            directs: DirectChats::default(),
            limits: Limits::new(&config),
            address_bans: AddressBans::new(address_bans, store.clone()),
            work: WorkerPool::default(),
            quotations: Quotations::new(config.quote_file.as_deref()),
            slow_readers: Arc::new(SlowReaders::new(outbox_limits(&config))),
            timer: Timer::default(),
            transfers: Transfers::default(),
            store,
            mailbox: Mailbox::default(),
            open_rooms: OpenRooms::default(),
            pending_reviews: PendingReviews::default(),
            metrics: SessionMetrics::default(),
            shutdown: Arc::new(Shutdown::default()),
            clock,
            shutdown_code,
            checkpoints: Checkpoints::default(),
            has_other_names: AtomicBool::new(has_other_names),
            requests,
            last_client: AtomicU64::new(FIRST_CLIENT - 1),
            #[cfg(feature = "json")]
            started: Timestamp::now(),
            #[cfg(feature = "cluster")]
            nodes: OnceLock::new(),
            #[cfg(feature = "web")]
            page: OnceLock::new(),
            config: RwLock::new(Arc::new(config)),
        };
        if hub.store.as_ref().is_some_and(|store| store.retention_start().is_some()) {
            hub.forget_old_later(Instant::now());
        }
        hub
    }

    /// Makes this server one of several: all changes to rooms go through their log.
    #[cfg(feature = "cluster")]
    pub(crate) fn join_nodes(&self, nodes: &Arc<Nodes>) {
        let log: Arc<dyn room::RoomLog> = nodes.clone();
        self.rooms.share(log);
        // Set only here, at startup.
        let _ = self.nodes.set(Arc::clone(nodes));
    }

    /// The other servers, if there are any.
    #[cfg(feature = "cluster")]
    pub(crate) fn nodes(&self) -> Option<&Arc<Nodes>> {
        self.nodes.get()
    }

    /// Sets the page's listener.
    #[cfg(feature = "web")]
    pub(crate) fn open_page(&self, page: page::WebPage) {
        // Set only here, at startup.
        let _ = self.page.set(page);
    }

    /// Always `None`: this build has no page.
    #[cfg(not(feature = "web"))]
    pub(crate) fn page_address(&self, _: &[u8], _: Option<std::net::SocketAddr>) -> Option<String> {
        None
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Applies a new configuration, except the listeners.
    pub fn reconfigure(&self, config: Config, now: Instant) {
        self.slow_readers.set_limits(outbox_limits(&config));
        self.limits.reconfigure(&config);
        if config.names == Alphabet::Unicode {
            self.has_other_names.store(true, Ordering::Relaxed);
        }
        let config = Arc::new(config);
        let mut in_force = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *in_force, Arc::clone(&config));
        drop(in_force);
        self.rooms.apply(&config, now);
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            nodes.apply_config(self, &old, now);
        }
        drop(old);
        // A shorter linger time applies to rooms that are already empty.
        self.rooms.all().iter().for_each(|room| self.let_linger(room));
        self.identify_everyone(now);
        self.quotations.reload(config.quote_file.as_deref());
    }

    /// The alphabet of names that may already be in use, whatever the configuration says about new ones.
    pub(crate) fn known_names(&self) -> Alphabet {
        if self.has_other_names.load(Ordering::Relaxed) { Alphabet::Unicode } else { Alphabet::Ascii }
    }

    /// The database, if there is one.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The current time for anything stored that has an end: see [`Store::now`].
    pub fn moment(&self) -> Timestamp {
        self.store.as_ref().map_or_else(Timestamp::now, |store| store.now())
    }

    /// The code that stops the server. `None` if none was made at the start, or if a reload has switched it off since.
    pub fn shutdown_code(&self) -> Option<&ShutdownCode> {
        self.shutdown_code.as_ref().filter(|_| self.config().exit_code)
    }

    /// When numbering started again from 1: at the start, if there is no database to remember the last number.
    #[cfg(feature = "json")]
    pub(crate) fn numbers_began(&self) -> Option<Timestamp> {
        // Servers that share rooms number their messages together, as long as at least one of them runs.
        (self.store.is_none() && !self.is_shared()).then_some(self.started)
    }

    /// Sends a request to the thread that runs the server. Returns at once; the request is carried out later.
    pub fn request(&self, request: ServerRequest) {
        // If the receiver is gone, the server has stopped already.
        let _ = self.requests.send(request);
    }

    /// The number of the next connection.
    pub fn next_client(&self) -> ClientId {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.next_client();
        }
        ClientId(self.last_client.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn outbox_limits(config: &Config) -> OutboxLimits {
    let limits = &config.limits;
    OutboxLimits { bytes: limits.outbox_bytes, total: limits.outbox_total_bytes, stall: limits.outbox_stall }
}
