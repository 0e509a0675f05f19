//! What nodes, logs and places in a log are called.
//!
//! *Owns* the names of nodes, the partitions, and the order of positions.
//! *Knows nothing of* what stands in a log.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::chat::message::ClientId;
use crate::chat::names::RoomName;

/// Longest name of a node, in bytes: a host name of 253 bytes, a colon and a port.
const NODE_NAME_MAX: usize = 259;

/// The name of one chatsock process. No two processes that live have the same.
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

/// Which registration of a node it is. Given when a node comes in, and again when it comes back after its lease was over;
/// never twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a log, written `term-number` as the ids of a Redis stream are. Within a term numbers count up by one. The term
/// changes when another Redis takes over; its numbers begin far above all that were seen before, so that a number alone is
/// never given twice in one log.
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

    /// The place after this one in the same term.
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

/// Redis' clock, which all nodes share: as the last answer to a heartbeat told it, continued by the monotonic clock. Whatever is
/// shown with a time, and whatever ends at one, goes by it, so that the clocks of the machines do not matter.
#[derive(Debug)]
pub struct SharedClock {
    base: Instant,
    /// What it shows at the base, in milliseconds since 1970; before the first answer the lowest number.
    shown: AtomicI64,
}

impl SharedClock {
    pub(crate) fn new(base: Instant) -> SharedClock {
        SharedClock { base, shown: AtomicI64::new(i64::MIN) }
    }

    /// It shows this much now.
    pub(crate) fn set(&self, at_ms: i64, now: Instant) {
        let passed = i64::try_from(now.saturating_duration_since(self.base).as_millis()).unwrap_or(0);
        self.shown.store(at_ms - passed, Ordering::Relaxed);
    }

    /// What it shows at a moment, if that is known.
    pub fn at(&self, now: Instant) -> Option<Timestamp> {
        let shown = Timestamp::from_millisecond(self.shown.load(Ordering::Relaxed)).ok()?;
        let length = |length| SignedDuration::try_from(length).ok();
        match now.checked_duration_since(self.base) {
            Some(passed) => shown.checked_add(length(passed)?).ok(),
            None => shown.checked_sub(length(self.base.saturating_duration_since(now))?).ok(),
        }
    }

    /// The moment at which it shows this.
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
    /// Who is online, and what concerns the whole server.
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

/// How many partitions there are. Fixed by the first node that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partitions(u8);

impl Partitions {
    /// Most partitions: with 64 shards, one each.
    pub const MOST: u8 = 64;

    /// What the configuration says if it says nothing.
    pub(crate) const DEFAULT: Partitions = Partitions(16);

    /// From 1 to [`Partitions::MOST`].
    pub fn new(count: u8) -> Option<Partitions> {
        (1..=Partitions::MOST).contains(&count).then_some(Partitions(count))
    }

    /// How many.
    pub fn count(self) -> u8 {
        self.0
    }

    /// The directory's log, then those of the partitions.
    pub fn logs(self) -> impl Iterator<Item = Log> {
        std::iter::once(Log::Directory).chain((0..self.0).map(Log::Partition))
    }

    /// The log of a place.
    pub fn of_place(self, place: &Place) -> Log {
        self.of(&place.key())
    }

    fn of(self, key: &str) -> Log {
        // FNV-1a, which is the same in every version and on every machine.
        let hash = key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // Below 64.
        Log::Partition(u8::try_from(hash % u64::from(self.0)).unwrap_or(0))
    }
}

/// What an entry is about: the unit that has an order of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A room.
    Room(RoomName),
    /// Two users who talk with each other, the one who came first in front.
    Pair(ClientId, ClientId),
}

impl Place {
    /// What it is called in Redis: `r:general`, `d:1001:1007`.
    pub(crate) fn key(&self) -> String {
        match self {
            Place::Room(name) => format!("r:{}", name.folded()),
            Place::Pair(one, other) => format!("d:{one}:{other}"),
        }
    }

    /// The name as an entry carries it, which [`Place::parse`] reads: with the letters as they were typed.
    pub(crate) fn text(&self) -> String {
        match self {
            Place::Room(name) => format!("r:{name}"),
            Place::Pair(one, other) => format!("d:{one}:{other}"),
        }
    }

    /// Reads [`Place::text`].
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

/// What numbers are given out for, each unique over all nodes. Blocks of a thousand come from Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberKind {
    /// Messages. Those in rooms are numbered by the room's partition; this is for one that goes to several users.
    Message,
    /// Connections.
    Client,
    /// Rooms: see [`RoomId`](crate::chat::conversation::RoomId).
    Instance,
    /// Accounts.
    Account,
    /// Registrations of nodes, given out as they come in.
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
    fn the_shared_clock_goes_on_from_what_it_was_told_and_is_unknown_before() {
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
