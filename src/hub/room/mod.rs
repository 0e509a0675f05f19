//! One room: who is in it, what was said, and the delivery of what is said to those who look at it.
//!
//! Posting and delivering are parted. Posting puts an event into history and queue, under the room's lock, and sends
//! nothing. Driving takes the whole queue, lets the lock go, and gives every viewer the batch in one write. Whoever posts
//! also drives, unless somebody is at it already; under pressure the room gets a thread of its own (see `drive`).
//!
//! Everything somebody does here is asked of `permission` first, under the lock, whatever way it came.
//!
//! *Owns* the room's state and its lock; who comes and goes stands in `membership`, what is said in `messages`, order in
//! `moderation`, who may look at what in `view`.
//! *Knows nothing of* the palette, configuration files, and how a person came to post.
//! *Called by* `room_table`, `session` and the timer.

mod archived;
mod delivery;
mod header;
mod lingering;
mod membership;
mod messages;
mod moderation;
mod naming;
mod overview;
mod persistence;
mod presence_digest;
mod read_access;
mod role;
mod settings;
mod takeover;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::chat::action::ReadBack;
use crate::chat::conversation::{Conversation, MembershipId, RoomId};
use crate::chat::history::History;
use crate::chat::identity::Identity;
use crate::chat::message::{ClientId, Event, EventKind, MessageId, People, Sequenced};
use crate::chat::moderation::Moderation;
use crate::chat::names::{RoomName, UserName};
use crate::chat::room_settings::RoomSettings;
use crate::chat::secret::Hashed;
use crate::outbox::{Batch, Outbox};
use crate::store::Store;
use crate::ui::screen::{Clock, Prompt};
use delivery::Driver;
use presence_digest::PresenceDigest;
use read_access::Readers;

pub use archived::ArchiveRange;
pub use membership::{DoorVersion, EnterError, Entrant, Going, MembershipChange};
pub use messages::Erased;
pub use moderation::ActionOutcome;
pub use overview::{Occupant, RoomOverview};
pub use persistence::{Deciding, Snapshot, restored};
pub use read_access::readable_after;

/// With more people in view than this, joined and left news are gathered into one line per second: among a thousand
/// people a thousand arrivals would cost a million lines.
const GATHER_ABOVE: usize = 50;

/// One line of gathered news per second, and for every further thousand people in view a second longer: the line goes to
/// each of them, and so its cost per second stays what it is for a thousand.
fn gathering_time(in_view: usize) -> Duration {
    Duration::from_millis(in_view.max(1000) as u64)
}

/// What all rooms share.
pub struct RoomLimits {
    /// The number of the last message, server-wide.
    pub last_message: AtomicU64,
    /// Messages kept per room.
    pub history_max: AtomicUsize,
    /// Where what is said is recorded, and what outlasts the server.
    pub store: Option<Arc<Store>>,
    /// Most bytes in a room's delivery queue. A quarter of what a reader may have waiting, so that no batch can overflow
    /// a healthy one.
    pub queue_bytes: AtomicUsize,
}

impl RoomLimits {
    /// The number of the next message.
    pub fn next_message(&self) -> MessageId {
        let id = MessageId(self.last_message.fetch_add(1, Ordering::Relaxed) + 1);
        if let Some(store) = &self.store {
            store.record_id_used(id);
        }
        id
    }
}

/// How a room came to be that the configuration does not name.
#[derive(Clone, Debug)]
pub struct Creation {
    /// Who made it.
    pub by: UserName,
    /// From which address, as it is counted.
    pub address: std::net::IpAddr,
    /// When.
    pub at: Timestamp,
}

struct Member {
    membership: MembershipId,
    who: Identity,
    operator: bool,
    outbox: Arc<Outbox>,
    since: Instant,
    in_view: bool,
    /// When they last said something, for slow rooms.
    posted: Option<Instant>,
    /// The last message given when they first became a member or were invited,
    first: MessageId,
    /// and when they came in this time.
    came_in: MessageId,
}

struct State {
    config: RoomSettings,
    /// Another one whenever the entry in `config` is.
    door: DoorVersion,
    /// Of the password that opens it, where that is known in the clear and its hash was needed: see `Room::door_hash`.
    door_hash: Option<(DoorVersion, Hashed)>,
    made: Option<Creation>,
    /// Made by somebody, and there until it is destroyed: after the last has left, and after the server has stopped.
    kept: bool,
    /// Somebody is about to change that, or to close the room for good: see [`Deciding`].
    deciding: bool,
    /// Counts the changes of what is written down of the room.
    revision: u64,
    order: Moderation,
    /// Between two messages of one person; zero: no limit but the server's.
    slow: Duration,
    /// From when users may read back,
    read_back: ReadBack,
    /// and when each of them became a member.
    readers: Readers,
    /// By connection, so by arrival.
    members: BTreeMap<ClientId, Box<Member>>,
    in_view: usize,
    /// The outboxes of those in view; `None` after a change, made anew by the next delivery. Arrivals so stay cheap
    /// however many people are there.
    viewers: Option<Arc<[Arc<Outbox>]>>,
    history: History,
    /// The newest message.
    newest: Option<MessageId>,
    /// Messages ever said here; the difference to what it was when somebody last looked is what he has not read.
    said: u64,
    /// Sequence number of the newest event.
    sequence: u64,
    queue: Vec<Sequenced>,
    queue_bytes: usize,
    /// The batch being delivered.
    in_flight: Option<Arc<Vec<Sequenced>>>,
    driver: Driver,
    /// Posters waiting for room in the queue.
    waiting: usize,
    gathered: PresenceDigest,
    /// Views wait to be drawn anew, and the timer has been asked to.
    redraw_due: bool,
    /// Nobody is in it; for rooms that somebody has made.
    empty_since: Option<Instant>,
    /// When the timer looks whether it has been empty for long enough: not more than one look per room is arranged.
    close_due: Option<Instant>,
    closed: bool,
}

/// A room.
pub struct Room {
    name: RoomName,
    /// Tells this room from an earlier one of the same name.
    instance: u64,
    /// Both, for those who remember it.
    id: Arc<RoomId>,
    /// The prompt of its view.
    prompt: Arc<str>,
    shared: Arc<RoomLimits>,
    clock: Clock,
    /// Rank 2 of 4: after the room table, before any outbox. Guards members, history and the delivery queue. No socket,
    /// no disk and no log line under it.
    state: Mutex<State>,
    /// Signalled when the queue was taken, for waiting posters.
    space: Condvar,
    /// Signalled when the room's thread is handed the delivery.
    handed: Condvar,
}

impl Room {
    pub(crate) fn new(
        name: RoomName,
        instance: u64,
        config: RoomSettings,
        shared: Arc<RoomLimits>,
        clock: Clock,
        founded: Option<(Creation, Identity)>,
    ) -> Arc<Room> {
        let id = Arc::new(RoomId { name: name.clone(), instance });
        let prompt = Prompt::ChatView(Conversation::Room(Arc::clone(&id))).prompt();
        let (made, founder) = founded.unzip();
        Arc::new(Room {
            name,
            instance,
            id,
            prompt,
            shared,
            clock,
            state: Mutex::new(State {
                config,
                door: DoorVersion::default(),
                door_hash: None,
                made,
                kept: false,
                deciding: false,
                revision: 0,
                order: founder.map(Moderation::founded_by).unwrap_or_default(),
                slow: Duration::ZERO,
                read_back: ReadBack::default(),
                readers: Readers::default(),
                members: BTreeMap::new(),
                in_view: 0,
                viewers: None,
                history: History::new(),
                newest: None,
                said: 0,
                sequence: 0,
                queue: Vec::new(),
                queue_bytes: 0,
                in_flight: None,
                driver: Driver::Nobody,
                waiting: 0,
                gathered: PresenceDigest::default(),
                redraw_due: false,
                empty_since: Some(Instant::now()),
                close_due: None,
                closed: false,
            }),
            space: Condvar::new(),
            handed: Condvar::new(),
        })
    }

    /// Which room it is.
    pub fn id(&self) -> &Arc<RoomId> {
        &self.id
    }

    /// The same as a place to talk.
    pub(super) fn conversation(&self) -> Conversation {
        Conversation::Room(Arc::clone(&self.id))
    }

    /// Its name, as configured.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The one place where the lock is taken. Whoever panics under it was changing one of many independent fields;
    /// going on with what is there beats losing the room.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is set up now.
    pub fn config(&self) -> RoomSettings {
        self.lock().config.clone()
    }

    /// What it is about; may be empty.
    pub fn topic(&self) -> String {
        self.lock().config.description.clone()
    }

    /// Another set-up for one of the server's own rooms; who is inside stays.
    pub fn set_config(&self, config: RoomSettings) {
        let mut state = self.lock();
        if state.config.entry != config.entry {
            state.door.change();
        }
        state.config = config;
    }

    /// How it came to be, if somebody has made it.
    pub fn made(&self) -> Option<Creation> {
        self.lock().made.clone()
    }

    /// Whether somebody has made it.
    pub fn is_made(&self) -> bool {
        self.lock().made.is_some()
    }

    /// Whether it was made by somebody and is there until it is destroyed.
    pub fn is_kept(&self) -> bool {
        self.lock().kept
    }

    /// Which room of this name it is.
    pub fn instance(&self) -> u64 {
        self.instance
    }

    /// People in it.
    pub fn count(&self) -> usize {
        self.lock().members.len()
    }

    /// Messages ever said in it.
    pub fn said(&self) -> u64 {
        self.lock().said
    }

    /// The newest message said in it.
    pub fn newest(&self) -> Option<MessageId> {
        self.lock().newest
    }

    /// Puts the gathered news on their way. Called by the timer.
    pub fn flush_news(self: &Arc<Self>) {
        let mut state = self.lock();
        state.gathered.flushed();
        state.flush_gathered();
        drop(state);
        self.drive();
    }

    /// Closes the room for good: what was said is delivered, everybody is put out with a word.
    pub fn close(self: &Arc<Self>, line: &str) {
        let mut state = self.lock();
        state.closed = true;
        state.flush_gathered();
        drop(state);
        self.drive();
        let mut state = self.lock();
        state.viewers = None;
        state.in_view = 0;
        let members = std::mem::take(&mut state.members);
        let gone: Vec<_> = members.into_values().map(|member| (member.outbox, member.membership)).collect();
        // Somebody else may be delivering the last words still: everybody is brought up to them first.
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        drop(state);
        self.space.notify_all();
        let mut batch = Batch::new(self.instance, Arc::clone(&self.prompt), &events, self.clock.clone());
        let conversation = self.conversation();
        for (outbox, membership) in gone {
            outbox.push(&mut batch);
            outbox.expel(&conversation, Some(membership), line);
        }
    }
}

impl State {
    /// Puts the gathered news before what cannot wait: nobody reads that bob was kicked before `bob joined`.
    fn flush_gathered(&mut self) {
        for (news, people) in self.gathered.take() {
            self.append(Event::Happened { news: news.into(), by: None, kind: EventKind::Presence, people });
        }
    }

    /// Something that is told to everybody in view at once, and not gathered.
    fn tell(&mut self, news: String, by: Option<ClientId>, people: People) {
        self.flush_gathered();
        self.append(Event::Happened { news: news.into(), by, kind: EventKind::Other, people });
    }

    /// The same of somebody who has joined, left or taken another name.
    fn tell_presence(&mut self, news: String, by: Option<ClientId>, people: People) {
        self.flush_gathered();
        self.append(Event::Happened { news: news.into(), by, kind: EventKind::Presence, people });
    }

    /// Gives an event its place. It is delivered by the next drive.
    fn append(&mut self, event: Event) -> Arc<Event> {
        self.sequence += 1;
        self.queue_bytes += event.weight();
        let event = Arc::new(event);
        self.queue.push(Sequenced { sequence: self.sequence, event: Arc::clone(&event) });
        event
    }

    fn viewers(&mut self) -> Arc<[Arc<Outbox>]> {
        let members = &self.members;
        let seen =
            || members.values().filter(|member| member.in_view).map(|member| Arc::clone(&member.outbox)).collect();
        Arc::clone(self.viewers.get_or_insert_with(seen))
    }
}
