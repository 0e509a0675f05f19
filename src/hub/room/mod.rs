//! One room on this server: its lock, its viewers, and the delivery of messages to them.
//!
//! The rules are pure and are in `chat::room`: under the lock, a room decides, applies, and queues what viewers are
//! shown. Nothing is sent under it. Delivery takes the whole queue, releases the lock, and gives every viewer the batch
//! in one write. The thread that posts also delivers, unless another one is delivering already; under pressure the room
//! gets a thread of its own (see `delivery`).
//!
//! *Owns* the room's lock, its viewers, its queue and its delivery. *Knows nothing of* the palette, configuration
//! files, or how a user came to post.

mod archived;
mod changes;
mod clock;
mod delivery;
mod header;
mod lingering;
mod membership;
mod messages;
mod moderation;
mod overview;
mod persistence;
mod presence_digest;
mod queue;
#[cfg(feature = "cluster")]
mod shared;
mod takeover;
#[cfg(test)]
mod tests;
#[cfg(feature = "json")]
mod watching;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::message::{ClientId, MessageId, Sequenced};
use crate::chat::names::RoomName;
use crate::chat::room::{Beginning, Creation, DoorVersion, Founding, Occurrence, RoomState};
use crate::chat::room_settings::RoomSettings;
use crate::chat::secret::Hashed;
use crate::metrics::{DeliveryMetrics, Earliest};
use crate::outbox::{Batch, Expulsion, Outbox};
use crate::store::Store;
use crate::ui::screen::{Clock, Prompt};
use delivery::Deliverer;
use presence_digest::PresenceDigest;

pub(crate) use archived::ArchiveRange;
pub(crate) use clock::{SteadyClock, both_clocks};
pub use membership::{Entrant, MembershipChange};
pub use messages::Erased;
pub use moderation::{ActionOutcome, BanList};
pub use overview::RoomOverview;
pub use persistence::Deciding;
#[cfg(feature = "cluster")]
pub(crate) use persistence::message_record;
#[cfg(all(feature = "cluster", feature = "storage"))]
pub(crate) use persistence::room_record;
pub(crate) use persistence::{EarlierRun, Snapshot, restored};
#[cfg(feature = "cluster")]
pub(crate) use shared::{Applied, Home, LogPlace, PlaceEntry, ProposalError, RoomLog};
#[cfg(feature = "json")]
pub(crate) use watching::{SeenBefore, Since};

/// With more viewers than this, arrivals and departures are batched into one line per second: with a thousand viewers,
/// a thousand arrivals would cost a million lines.
const GATHER_ABOVE: usize = 50;

/// One line of batched news per second, and a second more for every further thousand viewers. The line goes to each of
/// them, so its cost per second stays the same as for a thousand.
fn gathering_time(in_view: usize) -> Duration {
    Duration::from_millis(in_view.max(1000) as u64)
}

/// What all rooms share.
pub(crate) struct RoomLimits {
    /// The number of the last message, server-wide.
    pub last_message: AtomicU64,
    /// What an earlier run of the server has left in the database, once it is read.
    pub earlier: std::sync::OnceLock<EarlierRun>,
    /// Messages kept in memory per room, for new rooms.
    pub history_max: AtomicUsize,
    /// Records messages and persistent rooms.
    pub store: Option<Arc<Store>>,
    /// Most bytes in a room's delivery queue: a quarter of the backlog that a reader may have, so that no batch can overflow
    /// a healthy one.
    pub(crate) queue_bytes: AtomicUsize,
    /// The clock for the ends of bans and everything else in a room.
    pub clock: SteadyClock,
    /// The log that all changes go through, if several servers share the rooms.
    #[cfg(feature = "cluster")]
    pub(crate) log: std::sync::OnceLock<Arc<dyn RoomLog>>,
    /// The highest message number read from the logs.
    #[cfg(feature = "cluster")]
    pub(crate) highest: AtomicU64,
    /// Delivery metrics.
    pub metrics: DeliveryMetrics,
}

impl RoomLimits {
    /// The time: by the servers' shared clock, or this server's own.
    #[inline]
    fn at(&self, now: Instant) -> Timestamp {
        #[cfg(feature = "cluster")]
        if let Some(at) = self.shared_at(now) {
            return at;
        }
        self.clock.at(now)
    }

    /// The moment at which the clock shows this time, if the monotonic clock reaches that far.
    fn moment(&self, at: Timestamp) -> Option<Instant> {
        #[cfg(feature = "cluster")]
        if let Some(moment) = self.shared_moment(at) {
            return Some(moment);
        }
        self.clock.moment(at)
    }

    /// The number of the next message.
    pub(crate) fn next_message(&self) -> MessageId {
        let id = MessageId(self.last_message.fetch_add(1, Ordering::Relaxed) + 1);
        if let Some(store) = &self.store {
            store.record_id_used(id);
        }
        id
    }
}

struct Seat {
    outbox: Arc<Outbox>,
    in_view: bool,
    /// It gets objects, which are longer than lines.
    is_program: bool,
}

struct LockedRoom {
    room: RoomState,
    /// The hash of the password that opens this door, if the password is known in the clear and its hash was needed:
    /// see `Room::door_hash`.
    door_hash: Option<(DoorVersion, Hashed)>,
    /// What is stored of the room could not be read. Storing the room as it is would erase that, so it is read first.
    unrestored: bool,
    /// The newest message that was restored: see [`EarlierRun`].
    #[cfg(feature = "json")]
    restored_up_to: Option<MessageId>,
    /// A user is about to change whether the room is kept, or to close it for good: see [`Deciding`].
    deciding: bool,
    /// The connections of the members, one each.
    seats: BTreeMap<ClientId, Seat>,
    in_view: usize,
    /// The outboxes of those in view; `None` after a change, collected again by the next delivery. So arrivals stay cheap
    /// however many viewers there are.
    viewers: Option<Arc<[Arc<Outbox>]>>,
    /// One of them is a program.
    has_programs: bool,
    /// Sequence number of the newest event.
    sequence: u64,
    queue: Vec<Sequenced>,
    queue_bytes: usize,
    /// When the line was read whose message is the first in the queue.
    posted: Earliest,
    /// The batch being delivered.
    in_flight: Option<Arc<Vec<Sequenced>>>,
    deliverer: Deliverer,
    /// Posters waiting for space in the queue.
    waiting: usize,
    digest: PresenceDigest,
    /// Views wait to be redrawn, and the timer is set for it.
    redraw_due: bool,
    /// What is known of the other servers.
    #[cfg(feature = "cluster")]
    sharing: shared::RoomSharing,
    /// When the timer checks whether the room has been empty for long enough. At most one check per room is scheduled.
    close_due: Option<Instant>,
}

/// A room.
pub struct Room {
    name: RoomName,
    /// Tells this room from an earlier one of the same name.
    instance: u64,
    /// Name and instance, for everything that remembers the room.
    id: Arc<RoomId>,
    /// The prompt of its view.
    prompt: Arc<str>,
    shared: Arc<RoomLimits>,
    /// The last message, of any room, before this one was made.
    #[cfg(feature = "json")]
    begins_after: MessageId,
    clock: Clock,
    /// Rank 2 of 4: after the room table, before any outbox. Guards members, history and the delivery queue. No socket,
    /// no disk and no log line under it.
    state: Mutex<LockedRoom>,
    /// Signalled when the queue was taken, or users of this server may be members again, for waiting posters.
    space: Condvar,
    /// Signalled when the room's thread is handed the delivery.
    handed: Condvar,
}

impl Room {
    pub(crate) fn new(
        name: RoomName,
        instance: u64,
        settings: RoomSettings,
        shared: Arc<RoomLimits>,
        clock: Clock,
        founding: Option<Founding>,
        now: Instant,
    ) -> Arc<Room> {
        let id = Arc::new(RoomId { name: name.clone(), instance });
        let prompt = Prompt::ChatView(Conversation::Room(Arc::clone(&id))).text();
        let beginning = Beginning {
            settings,
            founding,
            history_max: shared.history_max.load(Ordering::Relaxed),
            can_be_kept: shared.store.is_some(),
            at: shared.clock.at(now),
        };
        Arc::new(Room {
            instance,
            id,
            prompt,
            #[cfg(feature = "json")]
            begins_after: MessageId(shared.last_message.load(Ordering::Relaxed)),
            shared,
            clock,
            state: Mutex::new(LockedRoom {
                room: RoomState::new(name.clone(), beginning),
                door_hash: None,
                unrestored: false,
                #[cfg(feature = "json")]
                restored_up_to: None,
                deciding: false,
                seats: BTreeMap::new(),
                in_view: 0,
                viewers: None,
                has_programs: false,
                sequence: 0,
                queue: Vec::new(),
                queue_bytes: 0,
                posted: Earliest::default(),
                in_flight: None,
                deliverer: Deliverer::Nobody,
                waiting: 0,
                digest: PresenceDigest::default(),
                redraw_due: false,
                close_due: None,
                #[cfg(feature = "cluster")]
                sharing: shared::RoomSharing::default(),
            }),
            space: Condvar::new(),
            handed: Condvar::new(),
            name,
        })
    }

    /// Which room it is.
    pub(crate) fn id(&self) -> &Arc<RoomId> {
        &self.id
    }

    /// The same as a conversation.
    pub(super) fn conversation(&self) -> Conversation {
        Conversation::Room(Arc::clone(&self.id))
    }

    /// As configured, or as typed when it was created.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The only place that takes the lock. A thread that panicked under it was changing one of many independent fields;
    /// continuing with the rest is better than losing the room.
    fn lock(&self) -> MutexGuard<'_, LockedRoom> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is set up now.
    #[cfg(test)]
    fn config(&self) -> RoomSettings {
        self.lock().room.settings().clone()
    }

    /// Applies an occurrence that needs no permission and causes no news.
    fn note(&self, occurrence: Occurrence, now: Instant) {
        let mut state = self.lock();
        if let Some(change) = state.room.respond(occurrence, self.now(now)) {
            self.carry_out(&mut state, change);
        }
    }

    /// Changes the settings of one of the server's own rooms after a reload; its members stay.
    pub(crate) fn set_config(&self, settings: RoomSettings, now: Instant) {
        self.note(Occurrence::Configured(settings), now);
    }

    /// Changes how many messages are kept in memory.
    pub(crate) fn set_history_max(&self, max: usize, now: Instant) {
        self.note(Occurrence::HistoryResized(max), now);
    }

    /// Who created it and when, if a user did.
    pub(crate) fn made(&self) -> Option<Creation> {
        self.lock().room.created().cloned()
    }

    /// Whether a user created it.
    pub(crate) fn is_made(&self) -> bool {
        self.lock().room.created().is_some()
    }

    /// Whether a user created it and it stays until it is destroyed.
    pub(crate) fn is_kept(&self) -> bool {
        self.lock().room.is_kept()
    }

    /// Which room of this name it is.
    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    /// Members in it.
    pub fn count(&self) -> usize {
        self.lock().room.member_count()
    }

    /// Messages ever said in it.
    pub fn said(&self) -> u64 {
        self.lock().room.said()
    }

    /// Queues the batched news. Called by the timer.
    pub(crate) fn flush_news(self: &Arc<Self>) {
        let mut state = self.lock();
        state.digest.flushed();
        state.flush_presence();
        drop(state);
        self.deliver_pending();
    }

    /// Closes the room for good: delivers all messages, and removes all members with a line.
    pub(crate) fn close(self: &Arc<Self>, line: &str, now: Instant) {
        self.note(Occurrence::Closing, now);
        self.lock().flush_presence();
        self.deliver_pending();
        let mut state = self.lock();
        state.viewers = None;
        state.in_view = 0;
        let seats = std::mem::take(&mut state.seats);
        let membership = |client: &ClientId| state.room.member(*client).map(|member| member.membership);
        let gone: Vec<_> = seats.into_iter().map(|(client, seat)| (seat.outbox, membership(&client))).collect();
        if let Some(change) = state.room.respond(Occurrence::Clearing, self.now(now)) {
            self.carry_out(&mut state, change);
        }
        // Another thread may still be delivering the last messages, so everybody is brought up to date first.
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        drop(state);
        self.space.notify_all();
        let mut batch = Batch::new(&self.id, Arc::clone(&self.prompt), &events, self.clock.clone());
        let conversation = self.conversation();
        for (outbox, membership) in gone {
            outbox.push(&mut batch);
            outbox.expel(&conversation, membership, &Expulsion::Closed, line);
        }
        self.note_pushed(batch.take_pushed());
    }
}

impl LockedRoom {
    /// Updates a user's view to what they may read, for live text about older messages.
    fn bound_view(&self, client: ClientId, room: u64) {
        if let Some(seat) = self.seats.get(&client).filter(|seat| seat.in_view) {
            seat.outbox.set_read_limit(room, self.room.boundary(client));
        }
    }

    /// The same for all viewers of the room.
    fn bound_views(&self, room: u64) {
        self.seats.keys().for_each(|client| self.bound_view(*client, room));
    }
}
