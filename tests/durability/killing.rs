//! `kill -9` under load, over and over on the same files.
//!
//! The promise: accounts, bans and settings are on disk before they are confirmed, messages and deletions within 250 ms,
//! and no id is used twice. The first and the last must hold exactly. The second must hold within [`SLACK`], and the test
//! prints how close it came to 250 ms. That figure is for a disk and a processor with time to spare; here a debug build
//! of SQLite competes with users who talk without a pause and with other builds and tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::found::{Found, Message, look};
use crate::load::{ARCHIVE, Chatterer, Event, OPERATOR, come_back, keep_order, register};
use crate::place::{Place, stop};
use crate::promises::Promises;
use crate::support::PATIENCE;
use crate::support::random::Random;

const ROUNDS: usize = 52;

/// The promised delay.
const PROMISED: Duration = Duration::from_millis(250);

/// An acknowledgement that is older than this at the kill counts as a broken promise. Sixteen times the promised delay,
/// so that a machine that is busy for a few seconds causes no failure.
const SLACK: Duration = Duration::from_secs(4);

/// One in this many rounds, the server lives longer than the slack.
const LONG_EVERY: usize = 13;

/// When a server is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Before anybody can connect, while it opens the previous server's files.
    Starting,
    /// After this many messages.
    Said(usize),
    /// After this many requests that must be confirmed, while the last one is pending.
    Asked(usize),
    /// When the first messages are older than the slack.
    Late,
    /// The same, after a life in which users talked slowly and requested nothing else: such a request would also write
    /// whatever is queued before it.
    LateAtEase,
    /// Right after it was asked to stop, while it writes what is queued and closes.
    Stopping(usize),
}

impl Moment {
    fn choose(round: usize, random: &mut Random) -> Moment {
        if round % LONG_EVERY == LONG_EVERY - 1 {
            return if (round / LONG_EVERY).is_multiple_of(2) { Moment::LateAtEase } else { Moment::Late };
        }
        match random.below(10) {
            0 => Moment::Starting,
            1 => Moment::Stopping(1 + random.below(400)),
            2..6 => Moment::Said(1 + random.below(800)),
            _ => Moment::Asked(1 + random.below(16)),
        }
    }

    /// How many users talk, and how many lines of each may be pending.
    ///
    /// Three users who do not wait make a burst, and the short lives end with it. In a long life they would send more per
    /// second than a debug build can write, so everything would be late whether or not the promise is kept.
    fn talkers(self) -> (usize, usize) {
        if matches!(self, Moment::Said(_) | Moment::Stopping(_)) { (3, 32) } else { (1, 1) }
    }
}

/// What users have seen in one life of the server.
#[derive(Default)]
struct Seen {
    said: Vec<(u64, Message, Instant)>,
    /// Messages whose deletion was requested, and when that was acknowledged.
    deleted: BTreeMap<u64, Option<Instant>>,
    asked: usize,
    confirmed: usize,
}

impl Seen {
    fn note(&mut self, event: Event) {
        match event {
            Event::Said { id, room, text, at } => self.said.push((id, Message { room: room.to_owned(), text }, at)),
            Event::Deleting { id } => drop(self.deleted.insert(id, None)),
            Event::Deleted { id, at } => drop(self.deleted.insert(id, Some(at))),
            Event::Asked => self.asked += 1,
            Event::Confirmed => self.confirmed += 1,
        }
    }

    /// Whether the first message was acknowledged this long ago.
    fn lasts(&self, time: Duration) -> bool {
        self.said.first().is_some_and(|(_, _, at)| at.elapsed() > time)
    }

    fn wait(&mut self, moment: Moment, events: &Receiver<Event>) {
        let deadline = Instant::now() + PATIENCE;
        while !match moment {
            Moment::Starting => true,
            Moment::Said(count) | Moment::Stopping(count) => self.said.len() >= count,
            // On a slow machine, it is enough that this much time has passed.
            Moment::Asked(count) => self.asked >= count || self.lasts(SLACK),
            Moment::Late | Moment::LateAtEase => self.lasts(SLACK + 2 * PROMISED),
        } {
            match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.note(event),
                Err(RecvTimeoutError::Timeout) => panic!(
                    "{moment:?} does not come: {} said, {} asked, {} confirmed",
                    self.said.len(),
                    self.asked,
                    self.confirmed
                ),
                Err(RecvTimeoutError::Disconnected) => panic!("the server has ended by itself before {moment:?}"),
            }
        }
    }
}

/// All lives of the server so far.
struct Lives {
    place: Place,
    promises: Mutex<Promises>,
    random: Random,
    /// What must exist, from earlier rounds.
    there: BTreeMap<u64, Message>,
    /// What must be gone.
    gone: BTreeSet<u64>,
    /// The highest id that anybody has seen.
    highest: u64,
    measured: Measured,
}

/// What is printed at the end.
#[derive(Default)]
struct Measured {
    said: usize,
    asked: usize,
    confirmed: usize,
    lost: usize,
    /// For each round that lost messages: how long before the kill the oldest lost one was acknowledged.
    oldest: Vec<Duration>,
    /// The same for the rounds in which users talked at ease.
    at_ease: Vec<Duration>,
}

impl Lives {
    fn promises(&mut self) -> &mut Promises {
        self.promises.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// One life: start, load, kill. Returns when it was killed and what was seen until then.
    fn live(&mut self, round: usize, moment: Moment) -> (Instant, Seen) {
        let archived = self.promises().get(&format!("room {ARCHIVE}")).is_some();
        let accounts: Vec<_> =
            self.promises().beginning("account ").into_iter().filter(|name| name != OPERATOR).collect();
        let returning = accounts.get(self.random.below(accounts.len() * 3)).cloned();
        let mut seeds = [0; 5].map(|_| Random::new(self.random.number())).into_iter();
        let mut next = || seeds.next().unwrap_or_else(|| Random::new(0));
        let (place, promises) = (&self.place, &self.promises);
        let (sender, events) = mpsc::channel();
        let mut seen = Seen::default();
        let killed = thread::scope(|scope| {
            // Owned here, so that a failure ends the server and all its clients.
            let mut program = place.start();
            let address = if matches!(moment, Moment::Starting) { None } else { Some(program.address()) };
            if let Some(address) = address {
                let (talkers, window) = moment.talkers();
                for name in ["alice", "bob", "carol"].into_iter().take(talkers) {
                    let mut random = next();
                    let room = if archived && random.below(3) == 0 { ARCHIVE } else { "general" };
                    let (mark, at_ease) = (format!("{round} {name}"), matches!(moment, Moment::LateAtEase));
                    let chatterer = Chatterer { name, room, mark, window, at_ease, random };
                    let own = sender.clone();
                    scope.spawn(move || chatterer.talk(address, &own));
                }
            }
            if let Some(address) = address.filter(|_| !matches!(moment, Moment::LateAtEase)) {
                let (random, own) = (next(), sender.clone());
                scope.spawn(move || keep_order(address, round, random, promises, &own));
                let (random, own) = (next(), sender.clone());
                scope.spawn(move || register(address, &format!("new{round}"), random, promises, &own));
                if let Some(name) = returning {
                    scope.spawn(move || come_back(address, &name));
                }
            }
            drop(sender);
            seen.wait(moment, &events);
            if matches!(moment, Moment::Stopping(_)) {
                program.signal("TERM");
            }
            // Acknowledgements from here on do not count.
            let killed = Instant::now();
            program.signal("KILL");
            let status = program.wait();
            assert!(status.is_none() || matches!(moment, Moment::Stopping(_)), "it ended by itself: {}", program.log());
            assert_eq!(program.log(), "", "the server has complained");
            events.iter().for_each(|event| seen.note(event));
            killed
        });
        (killed, seen)
    }

    /// Compares what a life left behind with what was seen in it.
    fn check(&mut self, round: usize, moment: Moment, killed: Instant, seen: Seen) {
        let before = self.highest;
        let Found { facts, messages, last } = look(&self.place.database(), before);
        let mut broken = self.promises().compare(&facts);
        let mut ids = BTreeSet::new();
        let mut oldest = Duration::ZERO;
        for (id, message, at) in &seen.said {
            if *id <= before || !ids.insert(*id) {
                broken.push(format!("#{id} was given twice"));
            }
            let (age, deleted) = (killed.saturating_duration_since(*at), seen.deleted.get(id));
            match (messages.get(id), deleted) {
                (Some(found), _) if found != message => broken.push(format!("#{id} is {found:?} and was {message:?}")),
                (Some(_), Some(Some(at))) if killed.saturating_duration_since(*at) > SLACK => {
                    broken.push(format!("#{id} is there, and was deleted long ago"));
                }
                (Some(_), _) => {}
                (None, Some(Some(_))) => drop(self.gone.insert(*id)),
                // It may or may not be deleted.
                (None, Some(None)) => {}
                (None, None) => {
                    self.measured.lost += 1;
                    oldest = oldest.max(age);
                    if age > SLACK {
                        broken.push(format!("#{id} is lost, {age:?} after it was acknowledged"));
                    }
                }
            }
        }
        for (id, message) in &messages {
            if !message.text.starts_with(&format!("{round} ")) {
                broken.push(format!("#{id} is {message:?}, and nobody said that in this round"));
            }
        }
        self.highest = ids.last().copied().into_iter().chain(messages.keys().copied()).fold(before, u64::max);
        if last < self.highest {
            broken.push(format!("the next number would be {}, and #{} was given", last + 1, self.highest));
        }
        self.there.extend(messages);
        self.measured.said += seen.said.len();
        self.measured.asked += seen.asked;
        self.measured.confirmed += seen.confirmed;
        let measured =
            if matches!(moment, Moment::LateAtEase) { &mut self.measured.at_ease } else { &mut self.measured.oldest };
        measured.extend(Some(oldest).filter(|age| !age.is_zero()));
        assert!(
            broken.is_empty(),
            "{} promises are broken, the first of them: {:#?}",
            broken.len(),
            &broken[..broken.len().min(20)]
        );
    }
}

/// A number from the environment.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn confirmed_data_survives_a_kill_at_any_moment() {
    // Different moments in each run. Printed when the test fails.
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos().into());
    let seed = given("CHATSOCK_SEED").unwrap_or(clock);
    let rounds = given("CHATSOCK_ROUNDS").and_then(|rounds| rounds.try_into().ok()).unwrap_or(ROUNDS);
    println!("CHATSOCK_SEED={seed} CHATSOCK_ROUNDS={rounds}");
    let mut lives = Lives {
        place: Place::new(&format!("history_max = 5000\noperators = [\"{OPERATOR}\"]"), Some("history = true")),
        promises: Mutex::default(),
        random: Random::new(seed),
        there: BTreeMap::new(),
        gone: BTreeSet::new(),
        highest: 0,
        measured: Measured::default(),
    };
    for round in 0..rounds {
        let moment = Moment::choose(round, &mut lives.random);
        println!("round {round}: {moment:?}");
        let (killed, seen) = lives.live(round, moment);
        lives.check(round, moment, killed, seen);
    }
    // One life in which nobody sends anything, and a clean shutdown.
    let mut program = lives.place.start();
    program.address();
    stop(&mut program);
    let found = look(&lives.place.database(), 0);
    assert_eq!(lives.promises().compare(&found.facts), [""; 0]);
    assert!(found.messages == lives.there, "messages have gone or come back while nobody was there");
    assert!(lives.gone.iter().all(|id| !found.messages.contains_key(id)), "what was deleted has come back");
    lives.measured.print(rounds);
}

impl Measured {
    fn print(mut self, rounds: usize) {
        self.oldest.sort();
        let within = self.oldest.iter().filter(|age| **age <= PROMISED).count();
        println!(
            "{rounds} times killed; {} messages acknowledged, {} of them lost; {} changes asked for, {} confirmed",
            self.said, self.lost, self.asked, self.confirmed
        );
        println!(
            "the oldest message lost, over the {} rounds under load that lost any: {:?} before the killing at most, {:?} in the \
             middle; in {within} of them within {PROMISED:?}; where people talked at ease: {:?}",
            self.oldest.len(),
            self.oldest.last(),
            self.oldest.get(self.oldest.len() / 2),
            self.at_ease,
        );
    }
}
