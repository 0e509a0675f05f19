//! What all connections of one server share.
//!
//! *Owns* nothing but the shares: every part guards itself. Here stand the lock ranks' first users side by side.
//! *Knows nothing of* single connections.
//! *Called by* `session` and `server`; `main` asks it for the stop.

pub mod direct;
pub mod mailbox;
pub mod room;
pub mod rooms;
pub mod roster;
pub mod shutdown;
pub mod timer;
pub mod worker_pool;

mod accounts;
mod checkpoint;
mod membership;
mod open_rooms;
mod password_queue;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::access::admission::Admission;
use crate::access::allowance::Allowance;
use crate::access::attempts::{Attempter, Attempts};
use crate::access::exit_code::{Guesses, ShutdownCode};
use crate::access::login_limiter::LoginLimiter;
use crate::access::rate::Buckets;
use crate::chat::message::{ClientId, Event};
use crate::chat::names::{Alphabet, RoomName};
use crate::chat::quotes::{self, Quote};
use crate::config::Config;
use crate::hub::direct::{DirectChat, DirectChats};
use crate::hub::mailbox::Mailbox;
use crate::hub::room::{Erased, Room};
use crate::hub::rooms::RoomTable;
use crate::hub::roster::Roster;
use crate::hub::shutdown::Shutdown;
use crate::hub::timer::{Author, Task, Timer};
use crate::hub::worker_pool::WorkerPool;
use crate::outbox::{OutboxLimits, SlowReaders};
use crate::store::{AddressBanRecord, Store, StoredState};
use crate::ui::screen::Clock;

pub use accounts::MOST_ADDRESS_BANS;
#[doc(hidden)]
pub use checkpoint::{Checkpoint, Checkpoints};
pub use membership::Membership;
pub use open_rooms::{OpenRoom, OpenRooms};
pub use password_queue::{PasswordQueue, PasswordTurn};

/// Most entries in a table of what addresses have tried. One is about 100 bytes. When one is full, the address with most
/// entries gives one up.
const MOST_WAITS: usize = 4096;

/// What the lines that wait for one connection, or the temporary messages of one author, may take, in bytes: what a script
/// sends before its first prompt, and what a person has under way, fit many times.
const HELD_BY_ONE: usize = 64 * 1024;

/// The same for all of them together. A thousand who hold as much as they can fill it; the last part is for others.
const HELD_BY_ALL: usize = 64 * 1024 * 1024;

/// When views are drawn anew that could not be at once: those drawn within the second before may be again by then.
const REDRAW_AFTER: Duration = Duration::from_millis(1050);

/// When those are looked at again that were drawn anew only a moment before.
const REDRAW_AGAIN: Duration = Duration::from_millis(250);

/// How often rooms drop messages that are too old to be shown. No command shows them before that either; this frees memory,
/// and keeps them off redrawn screens.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// The number of the first connection: four digits, so that `alice#1001` looks like what it is and no message's number.
const FIRST_CLIENT: u64 = 1001;

/// What a running server can be asked for, by a signal or by somebody connected.
#[derive(Clone, Debug)]
pub enum Request {
    /// Another configuration.
    Reconfigure(Box<Config>),
    /// A word back, once what was asked before is done. Whoever does not wait for it costs nothing.
    Report(Sender<()>),
    /// The graceful stop. Further requests are not looked at.
    Stop,
}

/// The shared parts.
pub struct Hub {
    /// A leaf, replaced whole on a reload.
    config: RwLock<Arc<Config>>,
    /// Who is there.
    pub roster: Roster,
    /// Where they can be.
    pub rooms: RoomTable,
    /// Who talks with whom.
    pub directs: DirectChats,
    /// Lines that wait for their turn, by connection.
    pub waiting_lines: Arc<Allowance<ClientId>>,
    /// Temporary messages that are not over yet, by author.
    pub temporary: Arc<Allowance<Author>>,
    /// Threads for what computes long.
    pub work: WorkerPool,
    /// A leaf, replaced whole on a reload; `None`: the built-in ones.
    quotes: RwLock<Option<Arc<[Quote]>>>,
    /// Whose sockets do not keep up.
    pub laggards: Arc<SlowReaders>,
    /// Deadlines of no connection.
    pub timer: Timer,
    /// What is kept on disk, if anything is.
    store: Option<Arc<Store>>,
    /// Direct messages for people who are not there, where none reach the disk.
    pub mailbox: Mailbox,
    /// In which rooms the accounts are.
    pub open_rooms: OpenRooms,
    /// A leaf: wrong passwords by account and address.
    logins: Mutex<LoginLimiter>,
    /// A leaf: passwords of accounts tried, by address.
    attempts: Mutex<Buckets<IpAddr>>,
    /// Changes of accounts by another program that are not looked at yet. One thread at a time looks.
    reviews: AtomicUsize,
    /// Some attempt at a password has turned out right or wrong.
    login_decided: Condvar,
    /// A leaf: accounts made, by address.
    registrations: Mutex<Buckets<IpAddr>>,
    /// A leaf, changed by operators: who is kept out of the server.
    address_bans: RwLock<Vec<AddressBanRecord>>,
    /// The server's end.
    pub shutdown: Arc<Shutdown>,
    /// The server's local time.
    pub clock: Clock,
    /// Whose turn it is to have a room's password compared.
    pub comparing: PasswordQueue,
    /// A leaf: wrong passwords of rooms.
    waits: Mutex<Attempts<RoomName>>,
    /// A leaf: connections by address.
    admission: Mutex<Admission>,
    /// What the server printed at start, if it was switched on then.
    exit_code: Option<ShutdownCode>,
    /// A leaf: tries of exit codes.
    guesses: Mutex<Guesses>,
    /// A leaf: wrong exit codes.
    exit_waits: Mutex<Attempts<()>>,
    /// For tests.
    #[doc(hidden)]
    pub checkpoints: Checkpoints,
    /// Some name may be one that is not ASCII: the configuration has taken such names, or they were kept.
    has_other_names: AtomicBool,
    requests: Sender<Request>,
    last_client: AtomicU64,
}

impl Hub {
    /// A server's shared parts by its configuration. `requests` leads to whoever runs the server.
    pub fn new(
        config: Config,
        clock: Clock,
        exit_code: Option<ShutdownCode>,
        requests: Sender<Request>,
        stored: Option<(Arc<Store>, StoredState)>,
    ) -> Hub {
        let (store, kept) = stored.unzip();
        let rooms = RoomTable::new(&config, clock.clone(), store.clone());
        let mut address_bans = Vec::new();
        if let Some(kept) = kept {
            rooms.restore(kept.rooms, kept.histories, kept.last_message);
            address_bans = kept.address_bans;
        }
        let in_rooms = || rooms.all().iter().any(|room| !room.name().as_str().is_ascii());
        let in_accounts = || store.as_ref().is_some_and(|store| store.has_non_ascii_names().unwrap_or(true));
        let has_other_names = config.names == Alphabet::Unicode || in_rooms() || in_accounts();
        let timer = Timer::default();
        if store.as_ref().is_some_and(|store| store.retention_start().is_some()) {
            timer.schedule(Instant::now() + FORGET_EVERY, Task::ForgetOld);
        }
        Hub {
            roster: Roster::default(),
            rooms,
            store,
            mailbox: Mailbox::default(),
            open_rooms: OpenRooms::default(),
            logins: Mutex::new(LoginLimiter::new(MOST_WAITS)),
            attempts: Mutex::new(Buckets::new(MOST_WAITS)),
            reviews: AtomicUsize::new(0),
            login_decided: Condvar::new(),
            registrations: Mutex::new(Buckets::new(MOST_WAITS)),
            address_bans: RwLock::new(address_bans),
            directs: DirectChats::default(),
            waiting_lines: Allowance::new(HELD_BY_ONE, HELD_BY_ALL),
            temporary: Allowance::new(HELD_BY_ONE, HELD_BY_ALL),
            work: WorkerPool::default(),
            quotes: RwLock::new(read_quotes(&config)),
            laggards: Arc::new(SlowReaders::new(outbox_limits(&config))),
            timer,
            shutdown: Arc::new(Shutdown::default()),
            clock,
            comparing: PasswordQueue::default(),
            waits: Mutex::new(Attempts::new(MOST_WAITS)),
            admission: Mutex::new(Admission::default()),
            exit_code,
            guesses: Mutex::new(Guesses::default()),
            exit_waits: Mutex::new(Attempts::new(MOST_WAITS)),
            checkpoints: Checkpoints::default(),
            has_other_names: AtomicBool::new(has_other_names),
            requests,
            last_client: AtomicU64::new(FIRST_CLIENT - 1),
            config: RwLock::new(Arc::new(config)),
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The alphabet of the names that may be there already, whatever the configuration says of new ones.
    pub fn known_names(&self) -> Alphabet {
        if self.has_other_names.load(Ordering::Relaxed) { Alphabet::Unicode } else { Alphabet::Ascii }
    }

    /// Puts another configuration in force: everything but the listeners.
    pub fn reconfigure(&self, config: Config) {
        self.laggards.set_limits(outbox_limits(&config));
        if config.names == Alphabet::Unicode {
            self.has_other_names.store(true, Ordering::Relaxed);
        }
        let config = Arc::new(config);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&config);
        self.rooms.apply(&config);
        // A shorter time than before reaches those that are empty already.
        self.rooms.all().iter().for_each(|room| self.let_linger(room));
        self.name_operators();
        let quotes = read_quotes(&config);
        *self.quotes.write().unwrap_or_else(PoisonError::into_inner) = quotes;
    }

    /// A quotation, by a number of any size.
    pub fn quote(&self, number: u64) -> Option<Quote> {
        let own = self.quotes.read().unwrap_or_else(PoisonError::into_inner).clone();
        let quotes: &[Quote] = match &own {
            Some(own) => own,
            None => quotes::built_in(),
        };
        quotes::pick(quotes, number).cloned()
    }

    /// Does what has become due. Called by the timer.
    pub fn carry_out(&self, task: Task) {
        let now = Instant::now();
        match task {
            Task::FlushNews(room) => {
                if let Some(room) = room.upgrade() {
                    room.flush_news();
                }
            }
            Task::Expire(room, id) => {
                if let Some(room) = room.upgrade()
                    && let Some(erased) = room.expire(id)
                {
                    self.arrange_redraw(&room, erased);
                    room.drive();
                }
            }
            Task::ExpireDirect { id, author, to } => {
                let pairs: Vec<_> = to.iter().filter_map(|to| self.directs.find(author.client, *to)).collect();
                let erased: Vec<_> = pairs.iter().filter_map(|pair| pair.expire(id)).collect();
                if erased.is_empty() && !pairs.is_empty() {
                    // Deleted before.
                    return;
                }
                let (news, requoted) = (format!("{id} expired").into(), erased.concat().into());
                let (from, people) = (author.client, [author].into());
                let event = Arc::new(Event::Erased { id, news, people, requoted, redraw: true });
                // Told once to everybody who has it on his screen, whoever has left meanwhile.
                for outbox in to.iter().chain([&from]).filter_map(|client| self.roster.connection(*client)) {
                    outbox.show_direct(&event, &mut self.clock.clone());
                }
                for pair in &pairs {
                    self.arrange_direct_redraw(pair);
                }
            }
            Task::Redraw(room) => {
                if room.upgrade().is_some_and(|room| room.redraw_views()) {
                    self.timer.schedule(now + REDRAW_AGAIN, Task::Redraw(room));
                }
            }
            Task::RedrawDirect(pair) => {
                if pair.upgrade().is_some_and(|pair| pair.redraw_views(&self.clock)) {
                    self.timer.schedule(now + REDRAW_AGAIN, Task::RedrawDirect(pair));
                }
            }
            Task::NameHeir(room) => {
                if let Some(room) = room.upgrade() {
                    room.name_heir(now);
                }
            }
            Task::CloseIfEmpty(room) => {
                let linger = self.config().room_linger;
                let Some(room) = room.upgrade() else { return };
                if self.rooms.close_if_empty(&room, linger, now) {
                    log::info!("room {} closed: nobody was in it", room.name());
                } else {
                    // Somebody was in it meanwhile, or a reload has made the time longer.
                    self.let_linger(&room);
                }
            }
            Task::ForgetOld => {
                self.rooms.all().iter().for_each(|room| room.forget_old());
                self.timer.schedule(now + FORGET_EVERY, Task::ForgetOld);
            }
            Task::Close(stream) => drop(stream),
        }
    }

    /// A message was erased or edited: views that cannot be drawn anew at once are, a little later.
    pub fn arrange_redraw(&self, room: &Arc<Room>, erased: Erased) {
        if erased.redraw_due {
            self.timer.schedule(Instant::now() + REDRAW_AFTER, Task::Redraw(Arc::downgrade(room)));
        }
    }

    /// The same for a conversation of two.
    pub fn arrange_direct_redraw(&self, pair: &Arc<DirectChat>) {
        self.timer.schedule(Instant::now() + REDRAW_AFTER, Task::RedrawDirect(Arc::downgrade(pair)));
    }

    /// Somebody was in a room that somebody has made, and nobody is any more: it closes after a while.
    pub fn let_linger(&self, room: &Arc<Room>) {
        if let Some(due) = room.close_due(self.config().room_linger) {
            self.timer.schedule(due, Task::CloseIfEmpty(Arc::downgrade(room)));
        }
    }

    /// How long somebody waits before they may try an exit code again.
    pub fn exit_wait(&self, who: Attempter, address: IpAddr, now: Instant) -> Option<Duration> {
        self.exit_waits.lock().unwrap_or_else(PoisonError::into_inner).left(who, address, &(), now)
    }

    /// Notes a wrong exit code.
    pub fn exit_code_wrong(&self, who: Attempter, address: IpAddr, now: Instant) {
        self.guesses().wrong(now);
        self.exit_waits.lock().unwrap_or_else(PoisonError::into_inner).wrong(who, address, &(), now);
    }

    /// Asks whoever runs the server. Returns at once; what is asked for happens later.
    pub fn request(&self, request: Request) {
        // A server that is gone has stopped already, and that is the most one can ask for.
        let _ = self.requests.send(request);
    }

    /// The code that stops the server. `None` if none was made at start, or if a reload has switched it off since.
    pub fn exit_code(&self) -> Option<&ShutdownCode> {
        self.exit_code.as_ref().filter(|_| self.config().exit_code)
    }

    /// When the next exit code may be tried. To be asked before a code is compared, and told when it was wrong.
    pub fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next connection.
    pub fn next_client(&self) -> ClientId {
        ClientId(self.last_client.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The table of connections by address.
    pub fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long somebody waits before they may try a room's password again.
    pub fn password_wait(&self, who: Attempter, address: IpAddr, room: &RoomName, now: Instant) -> Option<Duration> {
        self.waits().left(who, address, room, now)
    }

    /// Notes a tried password.
    pub fn password_tried(&self, who: Attempter, address: IpAddr, room: &RoomName, right: bool, now: Instant) {
        let mut waits = self.waits();
        if right { waits.right(who, address, room) } else { waits.wrong(who, address, room, now) }
    }

    fn waits(&self) -> MutexGuard<'_, Attempts<RoomName>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The admin's own quotations; a file that cannot be read is said in the log, and the built-in ones serve.
fn read_quotes(config: &Config) -> Option<Arc<[Quote]>> {
    let path = config.quote_file.as_ref()?;
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    match text.and_then(|text| quotes::read(&text).map_err(|error| error.to_string())) {
        Ok(quotes) => Some(quotes.into()),
        Err(error) => {
            log::error!("{}: {error}; the built-in quotations serve", path.display());
            None
        }
    }
}

fn outbox_limits(config: &Config) -> OutboxLimits {
    let limits = &config.limits;
    OutboxLimits { bytes: limits.outbox_bytes, total: limits.outbox_total_bytes, stall: limits.outbox_stall }
}
