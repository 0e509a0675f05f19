//! Rooms with real sockets but without a server: who sees what, in which order, and which thread delivers it.
//!
//! This file tests delivery; `permissions` who may do what, `actions` moderation and its news, `heirs` who inherits a
//! room, `messages` changes to messages, `missed` messages that a server has missed, `programs` what programs are sent,
//! `ranks` that no rank passes to another user.
//!
//! Tests that depend on the order of threads run under several seeds; `CHATSOCK_SEEDS` sets how many.

mod actions;
mod heirs;
mod messages;
#[cfg(feature = "cluster")]
mod missed;
mod permissions;
#[cfg(feature = "json")]
mod programs;
mod ranks;

use std::io::Read as _;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::chat::action::{Actor, Denied, EnterError, ReadBack, RoomAction, Setting};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::{Identity, Target};
use crate::chat::message::{Draft, MessageId};
use crate::chat::names::UserName;
use crate::chat::permission::Role;
use crate::chat::room::Going;
use crate::chat::room_settings::RoomAccess;
use crate::metrics::DeliveryMetrics;
use crate::outbox::{DisconnectReason, Notice, OutboxLimits, SlowReaders};
use crate::ui::screen::LineKind;

/// Long, because a loaded machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small generator (SplitMix64): the same seed gives the same order.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// The seeds of a test; more of them by `CHATSOCK_SEEDS`.
fn seeds(default: u64) -> std::ops::Range<u64> {
    0..std::env::var("CHATSOCK_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(default)
}

/// Waits for something that another thread does without announcing it.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

fn general() -> RoomName {
    RoomName::parse("general").expect("a room's name")
}

/// The same as a conversation.
fn here() -> Conversation {
    Conversation::Room(Arc::new(RoomId { name: general(), instance: 1 }))
}

/// Nobody here enters a room twice, or it does not matter.
const STAY: MembershipId = MembershipId(1);

fn shared(queue_bytes: usize) -> Arc<RoomLimits> {
    Arc::new(RoomLimits {
        store: None,
        last_message: AtomicU64::new(0),
        earlier: std::sync::OnceLock::new(),
        history_max: AtomicUsize::new(200),
        queue_bytes: AtomicUsize::new(queue_bytes),
        clock: SteadyClock::new(Timestamp::UNIX_EPOCH, Instant::now()),
        #[cfg(feature = "cluster")]
        log: std::sync::OnceLock::new(),
        #[cfg(feature = "cluster")]
        highest: AtomicU64::new(0),
        metrics: DeliveryMetrics::default(),
    })
}

fn room(queue_bytes: usize) -> Arc<Room> {
    room_with(RoomSettings::default(), queue_bytes)
}

fn room_with(config: RoomSettings, queue_bytes: usize) -> Arc<Room> {
    let clock = Clock::stopped(TimeZone::UTC, Timestamp::UNIX_EPOCH);
    Room::new(general(), 1, config, shared(queue_bytes), clock, None, Instant::now())
}

/// A room that a user has created and is in.
fn made_by(founder: &Person) -> Arc<Room> {
    made_with(founder, RoomSettings::default())
}

fn made_with(founder: &Person, config: RoomSettings) -> Arc<Room> {
    let creation = Creation { by: founder.who.name.clone(), address: founder.who.address, at: Timestamp::UNIX_EPOCH };
    let founded = Some(Founding { creation, founder: founder.who.clone(), read_back: ReadBack::All });
    let room = Room::new(
        general(),
        1,
        config,
        shared(100_000),
        Clock::stopped(TimeZone::UTC, Timestamp::UNIX_EPOCH),
        founded,
        Instant::now(),
    );
    founder.enter(&room);
    room
}

/// A member's role.
fn role(room: &Room, person: &Person, now: Instant) -> Option<Role> {
    let operator = Actor { who: person.who.clone(), operator: true };
    room.occupants(&operator, now).into_iter().find(|known| known.client == person.id()).map(|known| known.role)
}

/// The notice to a user who was removed.
fn lost() -> Notice {
    Notice::Lost { from: here(), membership: Some(STAY) }
}

/// A change of membership without consequences.
fn calm(others: usize) -> MembershipChange {
    MembershipChange { others, gathering: None, heir_awaited: false, empty: false, heir: false, as_operator: false }
}

/// No limits, and a sweep thread that runs as long as the tests: readers are slow here only if the machine is.
static LAGGARDS: LazyLock<Arc<SlowReaders>> = LazyLock::new(|| {
    let slow_readers = Arc::new(SlowReaders::new(OutboxLimits { bytes: None, total: None, stall: None }));
    let sweeping = Arc::clone(&slow_readers);
    thread::spawn(move || sweeping.run());
    slow_readers
});

/// A connection with a name. A thread reads everything sent to it.
struct Person {
    who: Identity,
    outbox: Arc<Outbox>,
    received: Option<JoinHandle<String>>,
}

impl Person {
    /// No two share an address unless a test says so: 10.0.0.1, 10.0.0.2, ...
    fn new(id: u64) -> Person {
        let address = Ipv4Addr::from(0x0A00_0000 + u32::try_from(id).expect("a small number"));
        Person::known_as(id, &format!("p{id}"), address)
    }

    fn known_as(id: u64, name: &str, address: Ipv4Addr) -> Person {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let ours = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let (mut theirs, _) = listener.accept().expect("accepted");
        let outbox = Outbox::new(ClientId(id), ours, Arc::clone(&LAGGARDS));
        let read = move || {
            let mut bytes = Vec::new();
            theirs.read_to_end(&mut bytes).expect("read");
            crate::ui::screen::without_blanks(&String::from_utf8(bytes).expect("text"))
        };
        let name = UserName::parse(name, 1, 12).expect("a name");
        let who = Identity { client: ClientId(id), name, address: address.into(), shared: false, account: None };
        Person { who, outbox, received: Some(thread::spawn(read)) }
    }

    fn id(&self) -> ClientId {
        self.outbox.id()
    }

    fn actor(&self) -> Actor {
        Actor { who: self.who.clone(), operator: false }
    }

    /// The same user as an operator.
    fn operator(&self) -> Actor {
        Actor { operator: true, ..self.actor() }
    }

    fn named(&self) -> Target {
        Target { name: self.who.name.clone(), client: None }
    }

    fn acts(&self, room: &Arc<Room>, act: RoomAction, now: Instant) -> Result<ActionOutcome, Denied> {
        room.act(&self.actor(), act, None, false, now)
    }

    fn visits(&self, room: &Room, now: Instant) -> Result<MembershipChange, EnterError> {
        self.comes(room, self.actor(), None, now)
    }

    fn comes(
        &self,
        room: &Room,
        actor: Actor,
        opened: Option<DoorVersion>,
        now: Instant,
    ) -> Result<MembershipChange, EnterError> {
        let who = || Some(actor.clone());
        room.enter(Entrant { who: &who, outbox: &self.outbox, opened, membership: STAY }, now)
    }

    fn enter(&self, room: &Room) {
        self.visits(room, Instant::now()).expect("let in");
    }

    fn open_view(&self, room: &Room, count: usize) {
        assert!(room.open_view(self.id(), count, Instant::now()));
        assert!(self.outbox.set_prompt(Prompt::ChatView(here()), &[here()]));
        self.outbox.settle();
    }

    /// Leaves the view and says so on the screen.
    fn close_view(&self, room: &Room) {
        room.close_view(self.id());
        assert!(self.outbox.set_prompt(Prompt::Palette(Some(here())), &[here()]));
        self.outbox.tell(LineKind::News, "closed");
        self.outbox.settle();
    }

    /// A user who has the room in view from the start.
    fn viewer(id: u64, room: &Arc<Room>) -> Person {
        let person = Person::new(id);
        person.enter(room);
        person.open_view(room, 0);
        person
    }

    fn posts(&self, room: &Arc<Room>, draft: Draft, now: Instant) -> Result<MessageId, Denied> {
        room.post(&self.actor(), draft, Timestamp::UNIX_EPOCH, now)
    }

    fn post(&self, room: &Arc<Room>, text: &str) -> u64 {
        self.posts(room, Draft::said(text), Instant::now()).expect("posted").0
    }

    fn say(&self, room: &Arc<Room>, text: &str) -> u64 {
        let id = self.post(room, text);
        room.deliver_pending();
        id
    }

    /// Everything shown on this screen, once it is over.
    fn screen(mut self) -> String {
        assert!(self.outbox.wait_drained(Some(Instant::now() + PATIENCE)) || self.outbox.disconnect_reason().is_some());
        self.outbox.stream().shutdown(Shutdown::Write).expect("shut down");
        self.received.take().expect("once").join().expect("read")
    }
}

/// The message numbers on a screen, in order.
fn ids(screen: &str) -> Vec<u64> {
    let number = |piece: &str| piece.split(' ').next().and_then(|digits| digits.parse().ok());
    screen.split("] #").skip(1).map(|piece| number(piece).expect("a number")).collect()
}

/// Nothing is queued and nobody delivers.
fn is_delivered(room: &Room) -> bool {
    let state = room.lock();
    state.queue.is_empty() && state.in_flight.is_none()
}

/// Runs the threads. Fails if one of them does not end, as after a lost wake-up.
fn run_all(what: &str, works: Vec<Box<dyn FnOnce() + Send>>) {
    let (done, finished) = mpsc::channel();
    let count = works.len();
    for work in works {
        let done = done.clone();
        thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            // Nobody listens after the test has failed.
            let _ = done.send(outcome.is_ok());
        });
    }
    for _ in 0..count {
        assert!(finished.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("a thread waits forever: {what}")), "{what}");
    }
}

/// Keeps an outbox locked, so that delivery blocks at this member.
struct LockedOutbox {
    release: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl LockedOutbox {
    fn hold(person: &Person, then_panic: bool) -> LockedOutbox {
        let outbox = Arc::clone(&person.outbox);
        let ((held, is_held), (release, released)) = (mpsc::channel(), mpsc::channel());
        let work = move || {
            let locked = || {
                outbox.with_display(|_, _| {
                    held.send(()).expect("the test waits");
                    released.recv().expect("the test releases");
                    assert!(!then_panic, "as planned");
                });
            };
            assert_eq!(catch_unwind(AssertUnwindSafe(locked)).is_err(), then_panic);
        };
        let thread = thread::spawn(work);
        is_held.recv().expect("held");
        LockedOutbox { release, thread }
    }

    fn release(self) {
        self.release.send(()).expect("it waits");
        self.thread.join().expect("released");
    }
}

/// Starts a delivery that blocks at a locked member.
fn deliver_into(room: &Arc<Room>) -> JoinHandle<()> {
    let delivering = Arc::clone(room);
    let deliverer = thread::spawn(move || delivering.deliver_pending());
    eventually("the delivery has begun", || room.lock().in_flight.is_some());
    deliverer
}

#[test]
fn a_room_lets_in_its_limit_and_one_more_after_a_member_left() {
    let room = room_with(RoomSettings { limit: Some(1), ..RoomSettings::default() }, 1000);
    let (first, second) = (Person::new(1), Person::new(2));
    let enter = |person: &Person| person.visits(&room, Instant::now());
    let leave = |person: &Person| room.leave(person.id(), STAY, Going::Asked, Instant::now());
    assert_eq!(enter(&first), Ok(calm(0)));
    assert_eq!(enter(&first), Ok(calm(0)), "who is in stays in");
    assert_eq!(enter(&second), Err(EnterError::Full(1)));
    assert_eq!(leave(&first), Some(calm(0)));
    assert_eq!(leave(&first), None);
    assert_eq!(enter(&second), Ok(calm(0)));
    assert_eq!(first.posts(&room, Draft::said("hello"), Instant::now()), Err(Denied::NotIn(general())));
}

#[test]
fn arrivals_in_a_crowded_view_share_one_line() {
    let room = room(100_000);
    let people: Vec<_> = (1..=GATHER_ABOVE as u64 + 1).map(|id| Person::viewer(id, &room)).collect();
    room.deliver_pending();
    let late: Vec<_> = (900..903).map(Person::new).collect();
    let gathering: Vec<_> =
        late.iter().map(|person| person.visits(&room, Instant::now()).expect("let in").gathering.is_some()).collect();
    assert_eq!(gathering, [true, false, false], "one flush is arranged for all");
    room.deliver_pending();
    room.flush_news();
    for person in people {
        let screen = person.screen();
        assert!(screen.contains("* p900, p901 and 1 other joined\r\n"), "{screen:?}");
        assert_eq!(screen.matches("p901").count(), 1);
    }
}

/// A crowded room, its owner, and a newcomer whose arrival nobody has seen yet.
fn crowd_with_newcomer() -> (Arc<Room>, Person, Vec<Person>, Person) {
    let owner = Person::new(1);
    let room = made_by(&owner);
    let people: Vec<_> = (2..=GATHER_ABOVE as u64 + 2).map(|id| Person::viewer(id, &room)).collect();
    room.flush_news();
    let bob = Person::known_as(900, "bob", Ipv4Addr::new(10, 1, 1, 1));
    bob.enter(&room);
    room.deliver_pending();
    (room, owner, people, bob)
}

#[test]
fn urgent_news_in_a_crowd_follows_earlier_arrivals() {
    let target = || Target { name: UserName::parse("bob", 1, 12).expect("a name"), client: None };
    let acts: [(&str, RoomAction); 5] = [
        ("* bob was kicked by p1", RoomAction::Kick { target: target(), reason: String::new() }),
        ("* bob was banned by p1", RoomAction::Ban { target: target(), lasts: None, reason: String::new() }),
        ("* bob was muted by p1", RoomAction::Mute { target: target(), lasts: None }),
        ("* p1 made bob admin", RoomAction::Promote(target())),
        ("* p1 set the description: for bob", RoomAction::Set(Setting::Description("for bob".to_owned()))),
    ];
    for (news, act) in acts {
        let (room, owner, mut people, _bob) = crowd_with_newcomer();
        owner.acts(&room, act, Instant::now()).expect("done");
        room.deliver_pending();
        let screen = people.swap_remove(0).screen();
        let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text} in {screen:?}"));
        assert!(place("* bob joined\r\n") < place(news), "{screen:?}");
    }
}

#[test]
fn renames_deletions_and_closing_follow_earlier_arrivals() {
    let (room, owner, mut people, bob) = crowd_with_newcomer();
    let before = bob.who.name.clone();
    let renamed = Identity { name: UserName::parse("rob", 1, 12).expect("a name"), ..bob.who.clone() };
    room.rename(bob.id(), &before, || Actor { who: renamed.clone(), operator: false }, Instant::now());
    let said = owner.say(&room, "regretted");
    let carol = Person::known_as(901, "carol", Ipv4Addr::new(10, 1, 1, 2));
    carol.enter(&room);
    room.delete(&owner.actor(), MessageId(said), Instant::now()).expect("deleted");
    let dave = Person::known_as(902, "dave", Ipv4Addr::new(10, 1, 1, 3));
    dave.enter(&room);
    room.close("The room general is closed.", Instant::now());
    let screen = people.swap_remove(0).screen();
    let place = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text} in {screen:?}"));
    for (first, second) in [
        ("* bob joined", "* bob is now known as rob"),
        ("* carol joined", "was deleted by p1"),
        ("* dave joined", "* The room general is closed."),
    ] {
        assert!(place(first) < place(second), "{screen:?}");
    }
}

/// A room, two users who post and one who enters and leaves the view, all on one thread, compared with a model that knows
/// exactly what must be on the screen.
#[test]
fn any_sequence_of_steps_shows_what_the_model_says() {
    for seed in seeds(150) {
        let mut random = Random(seed);
        let room = room(1 + random.below(2000) as usize);
        let (alice, bob, walker) = (Person::new(1), Person::new(2), Person::new(3));
        alice.enter(&room);
        bob.enter(&room);
        let mut expected = Vec::new();
        // Numbers: of the last message, of the last one delivered, and of the last one the walker saw on entering.
        let (mut posted, mut delivered, mut seen) = (0_u64, 0_u64, 0_u64);
        let (mut inside, mut in_view) = (false, false);
        for _ in 0..120 {
            match random.below(9) {
                0..=2 => {
                    let before = room.lock().queue.len();
                    posted = [&alice, &bob][random.below(2) as usize].post(&room, "hello");
                    if room.lock().queue.len() <= before {
                        // The queue was full, so the poster delivered first.
                        if in_view {
                            expected.extend(delivered.max(seen) + 1..posted);
                        }
                        delivered = posted - 1;
                    }
                }
                3 | 4 => {
                    room.deliver_pending();
                    if in_view {
                        expected.extend(delivered.max(seen) + 1..=posted);
                    }
                    delivered = posted;
                }
                5 if !inside => {
                    walker.enter(&room);
                    inside = true;
                }
                6 if inside => {
                    // Opened again, it shows its history again.
                    let count = random.below(30);
                    walker.open_view(&room, count as usize);
                    expected.extend((posted + 1).saturating_sub(count).max(1)..=posted);
                    (in_view, seen) = (true, posted);
                }
                7 if in_view => {
                    walker.close_view(&room);
                    in_view = false;
                }
                8 if inside => {
                    room.leave(walker.id(), STAY, Going::Asked, Instant::now());
                    (inside, in_view) = (false, false);
                }
                _ => {}
            }
        }
        let screen = walker.screen();
        assert_eq!(ids(&screen), expected, "seed {seed}: {screen}");
    }
}

#[test]
fn a_delivery_while_the_view_opens_shows_no_palette_prompt() {
    let room = room(10_000);
    let (alice, walker) = (Person::viewer(1, &room), Person::new(2));
    walker.enter(&room);
    assert!(walker.outbox.set_prompt(Prompt::Palette(Some(here())), &[here()]));
    walker.outbox.settle();
    // The session has opened the view but not finished its turn when another thread delivers.
    assert!(room.open_view(walker.id(), 5, Instant::now()));
    alice.say(&room, "hello");
    assert!(walker.outbox.set_prompt(Prompt::ChatView(here()), &[here()]));
    walker.outbox.settle();
    let screen = walker.screen();
    let (_, inside) = screen.split_once("* general: ").expect("the header");
    assert_eq!(ids(inside), [1]);
    assert!(!inside.contains("[general]> "), "{screen:?}");
}

/// What one user saw during one visit to the view.
struct ViewVisit {
    said_before: u64,
    said_after: u64,
}

#[test]
fn entering_and_leaving_the_view_while_others_post_shows_neither_gap_nor_repetition() {
    const HISTORY: usize = 5;
    for seed in seeds(12) {
        let mut random = Random(seed);
        let room = room(200 + random.below(1000) as usize);
        let posters: Vec<_> = (1..=2).map(|id| Person::viewer(id, &room)).collect();
        let walkers: Vec<_> = (11..=13).map(Person::new).collect();
        for walker in &walkers {
            walker.enter(&room);
        }
        let over = AtomicBool::new(false);
        let (posts, visits) = thread::scope(|scope| {
            let posting: Vec<_> = posters
                .iter()
                .map(|poster| {
                    let (mut random, room, over) = (Random(random.next()), &room, &over);
                    scope.spawn(move || {
                        let mut posts = 0;
                        while !over.load(Ordering::Relaxed) && posts < 3000 {
                            for _ in 0..=random.below(4) {
                                poster.post(room, "hello");
                                posts += 1;
                            }
                            room.deliver_pending();
                            if random.below(8) == 0 {
                                thread::yield_now();
                            }
                        }
                        posts
                    })
                })
                .collect();
            let walking: Vec<_> = walkers
                .iter()
                .map(|walker| {
                    let (mut random, room) = (Random(random.next()), &room);
                    scope.spawn(move || {
                        let mut visits = Vec::new();
                        for _ in 0..20 {
                            let said_before = room.said();
                            assert!(room.open_view(walker.id(), HISTORY, Instant::now()));
                            let said_after = room.said();
                            visits.push(ViewVisit { said_before, said_after });
                            if random.below(4) == 0 {
                                thread::yield_now();
                            }
                            assert!(walker.outbox.set_prompt(Prompt::ChatView(here()), &[here()]));
                            walker.outbox.settle();
                            // Not by yielding each time: on a loaded machine that takes minutes.
                            for _ in 0..random.below(5000) {
                                std::hint::spin_loop();
                            }
                            if random.below(3) == 0 {
                                room.catch_up(&walker.outbox);
                                walker.outbox.settle();
                            }
                            walker.close_view(room);
                        }
                        visits
                    })
                })
                .collect();
            let visits: Vec<_> = walking.into_iter().map(|thread| thread.join().expect("walked")).collect();
            over.store(true, Ordering::Relaxed);
            let posts: u64 = posting.into_iter().map(|thread| thread.join().expect("posted")).sum();
            (posts, visits)
        });
        room.deliver_pending();
        eventually("all is delivered", || is_delivered(&room));
        assert_eq!(room.said(), posts);
        for (walker, visits) in walkers.into_iter().zip(visits) {
            let screen = walker.screen();
            let mut episodes = screen.split("* general: ");
            assert_eq!(
                ids(episodes.next().unwrap_or_default()),
                [0_u64; 0],
                "seed {seed}: seen before the first visit"
            );
            let episodes: Vec<_> = episodes.collect();
            assert_eq!(episodes.len(), visits.len());
            for (episode, visit) in episodes.into_iter().zip(visits) {
                let (inside, outside) = episode.split_once("* closed").expect("an end");
                assert_eq!(ids(outside), [0_u64; 0], "seed {seed}: seen in the palette: {episode}");
                let ids = ids(inside);
                for pair in ids.windows(2) {
                    assert_eq!(pair[1], pair[0] + 1, "seed {seed}: {episode}");
                }
                let Some(first) = ids.first() else {
                    assert_eq!(visit.said_before, 0, "seed {seed}: history was not shown");
                    continue;
                };
                let earliest = (visit.said_before + 1).saturating_sub(HISTORY as u64).max(1);
                let latest = (visit.said_after + 1).saturating_sub(HISTORY as u64).max(1);
                assert!((earliest..=latest).contains(first), "seed {seed}: {first} not in {earliest}..={latest}");
            }
        }
        for poster in posters {
            let others: Vec<_> = ids(&poster.screen());
            assert!(others.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: out of order");
        }
    }
}

#[test]
fn a_poster_never_waits_on_a_full_queue_that_nobody_drains() {
    const POSTERS: u64 = 4;
    const POSTS: u64 = 120;
    for seed in seeds(12) {
        let mut random = Random(seed);
        // From "each message alone is too much" to a handful.
        let room = room(1 + random.below(150) as usize);
        let watcher = Person::viewer(100, &room);
        let posters: Vec<_> = (1..=POSTERS).map(|id| Arc::new(Person::viewer(id, &room))).collect();
        let works = posters.iter().map(|poster| {
            let (poster, room, mut random) = (Arc::clone(poster), Arc::clone(&room), Random(random.next()));
            let work = move || {
                for n in 0..POSTS {
                    poster.post(&room, &format!("{n}"));
                    // Mostly without delivering, so that the queue fills and the next poster has to.
                    match random.below(10) {
                        0 => room.deliver_pending(),
                        1 => thread::yield_now(),
                        _ => {}
                    }
                }
                room.deliver_pending();
            };
            Box::new(work) as Box<dyn FnOnce() + Send>
        });
        run_all(&format!("seed {seed}"), works.collect());
        eventually("all is delivered", || is_delivered(&room));
        let all: Vec<u64> = (1..=POSTERS * POSTS).collect();
        assert_eq!(ids(&watcher.screen()), all, "seed {seed}");
        for poster in posters {
            let poster = Arc::into_inner(poster).expect("the thread has dropped its share");
            let seen = ids(&poster.screen());
            assert_eq!(seen.len() as u64, (POSTERS - 1) * POSTS, "seed {seed}");
            assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}");
        }
    }
}

#[test]
fn a_poster_that_waits_for_space_goes_on_when_the_queue_is_taken() {
    let room = room(40);
    let (slow, poster) = (Person::viewer(1, &room), Person::viewer(2, &room));
    room.deliver_pending();
    let held = LockedOutbox::hold(&slow, false);
    poster.post(&room, "first");
    let deliverer = deliver_into(&room);
    poster.post(&room, "second, which fills the queue by itself");
    thread::scope(|scope| {
        let third = scope.spawn(|| poster.say(&room, "third"));
        eventually("the poster waits", || room.lock().waiting == 1);
        #[cfg(feature = "metrics")]
        assert_eq!(room.figures().waiting, 1);
        held.release();
        assert_eq!(third.join().expect("posted"), 3);
    });
    deliverer.join().expect("delivered");
    eventually("all is delivered", || is_delivered(&room));
    assert_eq!(ids(&slow.screen()), [1, 2, 3]);
}

#[test]
fn a_broken_outbox_costs_only_its_own_member() {
    let room = room(10_000);
    let people: Vec<_> = (1..=5).map(|id| Person::viewer(id, &room)).collect();
    let poster = Person::viewer(9, &room);
    room.deliver_pending();
    let held = LockedOutbox::hold(&people[2], true);
    poster.post(&room, "first");
    let deliverer = deliver_into(&room);
    held.release();
    deliverer.join().expect("the delivery goes on");
    poster.say(&room, "second");
    for (index, person) in people.into_iter().enumerate() {
        let broken = index == 2;
        assert_eq!(person.outbox.disconnect_reason(), broken.then_some(DisconnectReason::Panicked));
        assert_eq!(ids(&person.screen()), if broken { vec![] } else { vec![1, 2] });
    }
}

#[test]
fn under_pressure_a_room_gets_a_thread_that_ends_when_it_is_quiet() {
    let room = room(10_000);
    let (slow, poster) = (Person::viewer(1, &room), Person::viewer(2, &room));
    room.deliver_pending();
    assert_eq!(room.lock().deliverer, Deliverer::Nobody, "a quiet room has no thread");
    let mut posted = Vec::new();
    for _ in 0..2 {
        let held = LockedOutbox::hold(&slow, false);
        posted.push(poster.post(&room, "delivered by the poster"));
        let deliverer = deliver_into(&room);
        assert!(matches!(room.lock().deliverer, Deliverer::Poster { .. }));
        // Another thread is delivering, so this returns at once.
        posted.push(poster.say(&room, "delivered by the thread"));
        held.release();
        deliverer.join().expect("the poster goes back to reading");
        eventually("the thread has delivered", || is_delivered(&room));
        assert!(matches!(room.lock().deliverer, Deliverer::Thread | Deliverer::Parked | Deliverer::Nobody));
    }
    eventually("the thread has ended", || {
        let ended = room.lock().deliverer == Deliverer::Nobody;
        ended && Arc::strong_count(&room) == 1
    });
    // In a quiet room, posters deliver again.
    posted.push(poster.say(&room, "delivered by the poster"));
    assert_eq!(room.lock().deliverer, Deliverer::Nobody);
    assert_eq!(ids(&slow.screen()), posted);
}

#[test]
fn a_poster_sees_their_own_room_up_to_the_newest_line_before_others_are_served() {
    let room = room(10_000);
    let (slow, quick, poster) = (Person::viewer(1, &room), Person::viewer(2, &room), Person::viewer(3, &room));
    room.deliver_pending();
    let held = LockedOutbox::hold(&slow, false);
    poster.post(&room, "in flight");
    let deliverer = deliver_into(&room);
    poster.post(&room, "in the queue");
    room.catch_up(&quick.outbox);
    quick.outbox.tell(LineKind::News, "answer");
    quick.outbox.settle();
    assert!(!quick.outbox.is_behind(1, room.lock().sequence));
    held.release();
    deliverer.join().expect("delivered");
    eventually("all is delivered", || is_delivered(&room));
    let screen = quick.screen();
    assert_eq!(ids(&screen), [1, 2], "{screen}");
    let (before, _) = screen.split_once("* answer").expect("the answer");
    assert_eq!(ids(before), [1, 2], "{screen}");
    assert_eq!(ids(&slow.screen()), [1, 2]);
}

#[test]
fn closing_a_room_delivers_the_last_messages_once_and_removes_everyone() {
    for seed in seeds(20) {
        let room = room(10_000);
        let (slow, other, poster) = (Person::viewer(1, &room), Person::viewer(2, &room), Person::viewer(3, &room));
        room.deliver_pending();
        let held = LockedOutbox::hold(&slow, false);
        poster.post(&room, "in flight");
        let deliverer = deliver_into(&room);
        poster.post(&room, "in the queue");
        let closing = Arc::clone(&room);
        let closer = thread::spawn(move || closing.close("The room general is closed.", Instant::now()));
        eventually("the room is closed", || room.lock().room.is_closed());
        if seed % 2 == 0 {
            eventually("its members are out", || room.lock().room.member_count() == 0);
        }
        held.release();
        deliverer.join().expect("delivered");
        closer.join().expect("closed");
        eventually("all is delivered", || is_delivered(&room));
        assert_eq!(poster.posts(&room, Draft::said("too late"), Instant::now()), Err(Denied::NotIn(general())));
        assert_eq!(poster.visits(&room, Instant::now()), Err(EnterError::Closed));
        for person in [slow, other] {
            assert_eq!(person.outbox.take_notices(), [lost()]);
            let screen = person.screen();
            let (before, after) = screen.split_once("* The room general is closed.\r\n").expect("told");
            assert_eq!(ids(before), [1, 2], "seed {seed}: {screen}");
            assert_eq!(ids(after), [0_u64; 0], "seed {seed}: {screen}");
            assert!(screen.ends_with("> "), "{screen}");
        }
    }
}

#[test]
fn closing_a_room_releases_posters_that_wait_for_space() {
    let room = room(40);
    let (slow, poster) = (Person::viewer(1, &room), Person::viewer(2, &room));
    room.deliver_pending();
    let held = LockedOutbox::hold(&slow, false);
    poster.post(&room, "first");
    let deliverer = deliver_into(&room);
    poster.post(&room, "second, which fills the queue by itself");
    thread::scope(|scope| {
        let third = scope.spawn(|| poster.posts(&room, Draft::said("third"), Instant::now()));
        eventually("the poster waits", || room.lock().waiting == 1);
        let closer = scope.spawn(|| room.close("The room general is closed.", Instant::now()));
        // Even though the delivery is still blocked.
        assert_eq!(third.join().expect("no panic"), Err(Denied::NotIn(general())));
        held.release();
        closer.join().expect("closed");
    });
    deliverer.join().expect("delivered");
    assert_eq!(ids(&slow.screen()), [1, 2]);
}
