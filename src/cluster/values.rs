//! Names of nodes, logs and places in a log.
//!
//! *Owns* the names of nodes, the partitions, and the order of positions.
//! *Knows nothing of* what is in a log.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::chat::message::ClientId;
use crate::chat::names::RoomName;

/// Longest name of a node, in bytes: a host name of 253 bytes, a colon and a port.
const NODE_NAME_MAX: usize = 259;

/// The name of one chatsock process. No two running processes share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Box<str>);

impl NodeName {
    /// Letters, digits and `.`, `-`, `_`, `:`, as in a host name with a port.
    pub fn parse(text: &str) -> Option<NodeName> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        (!text.is_empty() && text.len() <= NODE_NAME_MAX && text.chars().all(fits)).then(|| NodeName(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifies one registration of a node. Assigned when the node joins, and again when it returns after its lease was
/// over. Never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in a log, written `term-number` like the ids of a Redis stream. Within a term, numbers count up by one. The
/// term changes when another Redis takes over; its numbers begin far above all earlier ones, so that no number occurs
/// twice in one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which Redis.
    pub term: u64,
    /// Counts up.
    pub number: u64,
}

impl Position {
    /// Before everything.
    pub const START: Position = Position { term: 0, number: 0 };

    /// The next position in the same term.
    #[must_use]
    pub fn next(self) -> Position {
        Position { number: self.number + 1, ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.term, self.number)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Position, ()> {
        let (term, number) = text.split_once('-').ok_or(())?;
        Ok(Position { term: term.parse().map_err(drop)?, number: number.parse().map_err(drop)? })
    }
}

/// Redis' clock, which all nodes share: the time from the last heartbeat's answer, continued by the monotonic clock. All
/// displayed times and all deadlines use it, so the machines' own clocks do not matter.
#[derive(Debug)]
pub struct SharedClock {
    base: Instant,
    /// The clock's time at the base, in milliseconds since 1970; the lowest number before the first answer.
    shown: AtomicI64,
}

impl SharedClock {
    pub(crate) fn new(base: Instant) -> SharedClock {
        SharedClock { base, shown: AtomicI64::new(i64::MIN) }
    }

    /// Sets the clock to this time.
    pub(crate) fn set(&self, at_ms: i64, now: Instant) {
        let passed = i64::try_from(now.saturating_duration_since(self.base).as_millis()).unwrap_or(0);
        self.shown.store(at_ms - passed, Ordering::Relaxed);
    }

    /// The time at a moment, if it is known.
    pub fn at(&self, now: Instant) -> Option<Timestamp> {
        let shown = Timestamp::from_millisecond(self.shown.load(Ordering::Relaxed)).ok()?;
        let length = |length| SignedDuration::try_from(length).ok();
        match now.checked_duration_since(self.base) {
            Some(passed) => shown.checked_add(length(passed)?).ok(),
            None => shown.checked_sub(length(self.base.saturating_duration_since(now))?).ok(),
        }
    }

    /// The moment at which the clock will show this time.
    pub fn moment(&self, at: Timestamp) -> Option<Instant> {
        let shown = Timestamp::from_millisecond(self.shown.load(Ordering::Relaxed)).ok()?;
        let passed = at.duration_since(shown);
        match passed.is_negative() {
            false => self.base.checked_add(passed.unsigned_abs()),
            true => self.base.checked_sub(passed.unsigned_abs()),
        }
    }
}

/// One ordered log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// Who is online, and everything that concerns the whole server.
    Directory,
    /// The rooms and direct chats of one partition.
    Partition(u8),
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Log::Directory => f.write_str("dir"),
            Log::Partition(number) => write!(f, "p{number:02}"),
        }
    }
}

/// The number of partitions. The first node that joins fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partitions(u8);

impl Partitions {
    /// Most partitions: one for each of 64 shards.
    pub const MOST: u8 = 64;

    /// The default.
    pub(crate) const DEFAULT: Partitions = Partitions(16);

    /// `None` unless it is from 1 to [`Partitions::MOST`].
    pub fn new(count: u8) -> Option<Partitions> {
        (1..=Partitions::MOST).contains(&count).then_some(Partitions(count))
    }

    /// The number.
    pub fn count(self) -> u8 {
        self.0
    }

    /// The directory's log, then the partitions' logs.
    pub fn logs(self) -> impl Iterator<Item = Log> {
        std::iter::once(Log::Directory).chain((0..self.0).map(Log::Partition))
    }

    /// The log of a place.
    pub fn of_place(self, place: &Place) -> Log {
        self.of(&place.key())
    }

    fn of(self, key: &str) -> Log {
        // FNV-1a, because it gives the same result in every version and on every machine.
        let hash = key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // Always below 64.
        Log::Partition(u8::try_from(hash % u64::from(self.0)).unwrap_or(0))
    }
}

/// What an entry is about. Each place has its own order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A room.
    Room(RoomName),
    /// Two users who chat directly; the one who connected first comes first.
    Pair(ClientId, ClientId),
}

impl Place {
    /// Its key in Redis: `r:general`, `d:1001:1007`.
    pub(crate) fn key(&self) -> String {
        match self {
            Place::Room(name) => format!("r:{}", name.folded()),
            Place::Pair(one, other) => format!("d:{one}:{other}"),
        }
    }

    /// Its name in an entry, spelled as the user typed it. [`Place::parse`] reads it.
    pub(crate) fn text(&self) -> String {
        match self {
            Place::Room(name) => format!("r:{name}"),
            Place::Pair(one, other) => format!("d:{one}:{other}"),
        }
    }

    /// Parses [`Place::text`].
    pub(crate) fn parse(text: &str) -> Option<Place> {
        match text.split_once(':')? {
            ("r", name) => RoomName::written(name).ok().map(Place::Room),
            ("d", pair) => {
                let (one, other) = pair.split_once(':')?;
                Some(Place::Pair(ClientId(one.parse().ok()?), ClientId(other.parse().ok()?)))
            }
            _ => None,
        }
    }
}

/// What is numbered. Each kind's numbers are unique across all nodes and come from Redis in blocks of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberKind {
    /// Messages to several users. Messages in rooms get their numbers from the room's partition.
    Message,
    /// Connections.
    Client,
    /// Rooms: see [`RoomId`](crate::chat::conversation::RoomId).
    Instance,
    /// Accounts.
    Account,
    /// Registrations of nodes, numbered as they join.
    Epoch,
}

impl NumberKind {
    /// All of them.
    pub(crate) const ALL: [NumberKind; 5] =
        [NumberKind::Message, NumberKind::Client, NumberKind::Instance, NumberKind::Account, NumberKind::Epoch];

    /// The word for it in Redis.
    pub(crate) fn word(self) -> &'static str {
        match self {
            NumberKind::Message => "message",
            NumberKind::Client => "client",
            NumberKind::Instance => "instance",
            NumberKind::Account => "account",
            NumberKind::Epoch => "epoch",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_shared_clock_is_unknown_until_set_and_then_runs_on() {
        let (base, second) = (Instant::now(), Duration::from_secs(1));
        let clock = SharedClock::new(base);
        assert_eq!((clock.at(base), clock.moment(Timestamp::UNIX_EPOCH)), (None, None));
        clock.set(7_000, base + second * 2);
        for (moment, shown) in [(base, 5), (base + second, 6), (base - second, 4)] {
            let shown = Timestamp::from_second(shown).expect("a moment");
            assert_eq!((clock.at(moment), clock.moment(shown)), (Some(shown), Some(moment)));
        }
    }
}
