//! One room: who is in it, what was said, and the delivery of what is said to those who look at it.
//!
//! Posting and delivering are parted. Posting puts an event into history and queue, under the room's lock, and sends
//! nothing. Driving takes the whole queue, lets the lock go, and gives every viewer the batch in one write. Whoever posts
//! also drives, unless somebody is at it already; under pressure the room gets a thread of its own (see `drive`).
//!
//! *Owns* membership, history, the order of events, the delivery queue.
//! *Knows nothing of* the palette, configuration files, and how a person came to post.
//! *Called by* `room_table`, `session` and the timer.

mod drive;
mod gathered;
mod header;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::RoomConfig;
use crate::message::{ClientId, Event, Message, MessageId, Sequenced};
use crate::names::{RoomName, UserName};
use crate::outbox::{Batch, Outbox};
use crate::screen::{Clock, Place};
use drive::Driver;
use gathered::Gathered;
use header::header;

/// With more people in view than this, joined and left news are gathered into one line per second: among a thousand
/// people a thousand arrivals would cost a million lines.
const GATHER_ABOVE: usize = 50;

/// One line of gathered news per second, and for every further thousand people in view a second longer: the line goes to
/// each of them, and so its cost per second stays what it is for a thousand.
fn gathering_time(in_view: usize) -> Duration {
    Duration::from_millis(in_view.max(1000) as u64)
}

/// What all rooms share.
#[derive(Debug)]
pub struct RoomLimits {
    /// The number of the last message, server-wide.
    pub last_message: AtomicU64,
    /// Messages kept per room.
    pub history_max: AtomicUsize,
    /// Most bytes in a room's delivery queue. A quarter of what a reader may have waiting, so that no batch can overflow
    /// a healthy one.
    pub queue_bytes: AtomicUsize,
}

struct Member {
    name: UserName,
    outbox: Arc<Outbox>,
    since: Instant,
    in_view: bool,
}

struct State {
    config: RoomConfig,
    /// By connection, so by arrival.
    members: BTreeMap<ClientId, Member>,
    in_view: usize,
    /// The outboxes of those in view; `None` after a change, made anew by the next delivery. Arrivals so stay cheap
    /// however many people are there.
    viewers: Option<Arc<[Arc<Outbox>]>>,
    history: VecDeque<Arc<Event>>,
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
    gathered: Gathered,
    closed: bool,
}

/// A room.
pub struct Room {
    name: RoomName,
    /// Tells this room from an earlier one of the same name.
    instance: u64,
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

/// The room is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Why nobody more comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEntered {
    /// The room is gone.
    Closed,
    /// It has as many people as it takes.
    Full(usize),
}

/// A change of membership that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Others in the room now.
    pub others: usize,
    /// Its news was put aside: [`Room::flush_news`] is due after so long, and nobody has been asked to call it yet.
    pub gathering: Option<Duration>,
}

/// One person of a room, for lists.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// His name.
    pub name: UserName,
    /// Which connection.
    pub client: ClientId,
    /// When he came in.
    pub since: Instant,
}

impl Room {
    pub(crate) fn new(
        name: RoomName,
        instance: u64,
        config: RoomConfig,
        shared: Arc<RoomLimits>,
        clock: Clock,
    ) -> Arc<Room> {
        let prompt = Place::ChatView(name.clone()).prompt();
        Arc::new(Room {
            name,
            instance,
            prompt,
            shared,
            clock,
            state: Mutex::new(State {
                config,
                members: BTreeMap::new(),
                in_view: 0,
                viewers: None,
                history: VecDeque::new(),
                said: 0,
                sequence: 0,
                queue: Vec::new(),
                queue_bytes: 0,
                in_flight: None,
                driver: Driver::Nobody,
                waiting: 0,
                gathered: Gathered::default(),
                closed: false,
            }),
            space: Condvar::new(),
            handed: Condvar::new(),
        })
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
    pub fn config(&self) -> RoomConfig {
        self.lock().config.clone()
    }

    /// Another set-up from now on; who is inside stays.
    pub fn set_config(&self, config: RoomConfig) {
        self.lock().config = config;
    }

    /// People in it.
    pub fn count(&self) -> usize {
        self.lock().members.len()
    }

    /// Messages ever said in it.
    pub fn said(&self) -> u64 {
        self.lock().said
    }

    /// Whether a connection is in it.
    pub fn has(&self, client: ClientId) -> bool {
        self.lock().members.contains_key(&client)
    }

    /// Everybody in it, by arrival on the server.
    pub fn occupants(&self) -> Vec<Occupant> {
        let state = self.lock();
        let occupant = |(client, member): (&ClientId, &Member)| Occupant {
            name: member.name.clone(),
            client: *client,
            since: member.since,
        };
        state.members.iter().map(occupant).collect()
    }

    /// The last `count` messages, oldest first.
    pub fn history(&self, count: usize) -> Vec<Arc<Event>> {
        let state = self.lock();
        state.history.iter().skip(state.history.len().saturating_sub(count)).cloned().collect()
    }

    /// Takes somebody in. Whoever is in already stays as he is.
    pub fn enter(&self, name: &UserName, outbox: &Arc<Outbox>, now: Instant) -> Result<Change, NotEntered> {
        let mut state = self.lock();
        if state.closed {
            return Err(NotEntered::Closed);
        }
        let others = state.members.len();
        if state.members.contains_key(&outbox.id()) {
            return Ok(Change { others: others - 1, gathering: None });
        }
        if let Some(limit) = state.config.limit
            && others >= limit
        {
            return Err(NotEntered::Full(limit));
        }
        let member = Member { name: name.clone(), outbox: Arc::clone(outbox), since: now, in_view: false };
        state.members.insert(outbox.id(), member);
        let gathering = if state.in_view > GATHER_ABOVE || state.gathered.is_due() {
            state.gathered.joined(name).then(|| gathering_time(state.in_view))
        } else {
            let news = format!("{name} joined");
            state.append(Event::Happened { news: news.into(), by: Some(outbox.id()) });
            None
        };
        Ok(Change { others, gathering })
    }

    /// Lets somebody go; `None` if he was not in it. A panic elsewhere must not keep anybody in a room, so this never
    /// refuses.
    pub fn leave(&self, client: ClientId) -> Option<Change> {
        let mut state = self.lock();
        let member = state.members.remove(&client)?;
        if member.in_view {
            state.in_view -= 1;
            state.viewers = None;
            member.outbox.close_view();
        }
        let others = state.members.len();
        let gathering = if state.in_view > GATHER_ABOVE || state.gathered.is_due() {
            state.gathered.left(&member.name).then(|| gathering_time(state.in_view))
        } else {
            let news = format!("{} left", member.name);
            state.append(Event::Happened { news: news.into(), by: Some(client) });
            None
        };
        Some(Change { others, gathering })
    }

    /// Opens the room's view for one of its members: who is here, the last `count` messages, and live text from exactly
    /// there on. False if he is no member.
    pub fn open_view(&self, client: ClientId, count: usize) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        let header = header(&self.name, state, client);
        let Some(member) = state.members.get_mut(&client) else { return false };
        if !member.in_view {
            member.in_view = true;
            state.in_view += 1;
            state.viewers = None;
        }
        let history: Vec<_> = state.history.iter().skip(state.history.len().saturating_sub(count)).cloned().collect();
        let outbox = Arc::clone(&member.outbox);
        let place = Place::ChatView(self.name.clone());
        outbox.open_view(self.instance, state.sequence, &place, &header, &history, &mut self.clock.clone());
        true
    }

    /// Closes the view of a member; returns how many messages have been said here by now.
    pub fn close_view(&self, client: ClientId) -> u64 {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(member) = state.members.get_mut(&client)
            && std::mem::take(&mut member.in_view)
        {
            state.in_view -= 1;
            state.viewers = None;
            member.outbox.close_view();
        }
        state.said
    }

    /// Says something. It is in the history and in everybody's order when this returns, and on the screens once somebody
    /// has driven the room: the caller does, at the latest before it waits for anything.
    pub fn post(
        self: &Arc<Self>,
        author: &UserName,
        from: ClientId,
        text: &str,
        at: Timestamp,
    ) -> Result<MessageId, Closed> {
        let mut state = self.wait_for_space(text.len());
        if state.closed || !state.members.contains_key(&from) {
            return Err(Closed);
        }
        // Under the room's lock, so that numbers grow along the order in which the room sees the messages.
        let id = MessageId(self.shared.last_message.fetch_add(1, Ordering::Relaxed) + 1);
        let message = Message { id, at, author: author.clone(), from, text: text.into() };
        let event = state.append(Event::Said(message));
        state.said += 1;
        state.history.push_back(event);
        let keep = self.shared.history_max.load(Ordering::Relaxed);
        while state.history.len() > keep {
            state.history.pop_front();
        }
        Ok(id)
    }

    /// Puts the gathered news on their way. Called by the timer.
    pub fn flush_news(self: &Arc<Self>) {
        let mut state = self.lock();
        for news in state.gathered.take() {
            state.append(Event::Happened { news: news.into(), by: None });
        }
        drop(state);
        self.drive();
    }

    /// Brings one viewer's screen up to the newest event, ahead of whoever is delivering, so that his own lines stand
    /// above the reply to his next one.
    pub fn catch_up(&self, outbox: &Outbox) {
        let state = self.lock();
        if !outbox.is_behind(self.instance, state.sequence) {
            return;
        }
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        outbox.catch_up(&mut Batch::new(self.instance, Arc::clone(&self.prompt), &events, self.clock.clone()));
    }

    /// Closes the room for good: what was said is delivered, everybody is put out with a word.
    pub fn close(self: &Arc<Self>, line: &str) {
        let mut state = self.lock();
        state.closed = true;
        drop(state);
        self.drive();
        let mut state = self.lock();
        state.viewers = None;
        state.in_view = 0;
        let members = std::mem::take(&mut state.members);
        let gone: Vec<_> = members.into_values().map(|member| member.outbox).collect();
        // Somebody else may be delivering the last words still: everybody is brought up to them first.
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        drop(state);
        self.space.notify_all();
        let mut batch = Batch::new(self.instance, Arc::clone(&self.prompt), &events, self.clock.clone());
        for outbox in gone {
            outbox.push(&mut batch);
            outbox.expel(&self.name, self.instance, line);
        }
    }
}

impl State {
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
