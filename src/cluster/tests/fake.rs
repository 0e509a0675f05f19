//! An in-memory Redis with the same functions, for tests. The test controls its clock, and can copy and restore it.

use std::collections::{BTreeMap, BTreeSet};

use super::fake_accounts::FakeAccounts;
use crate::chat::message::ClientId;
use crate::chat::names::{RoomName, fold};
use crate::cluster::command::{Command, Commit, Effect};
use crate::cluster::engine::{Call, Caller, EndedEra, EntryKind, FORMAT, LogEntry, Past, Reply};
use crate::cluster::entry::{Happened, MemberSnapshot, NameSnapshot, RoomSnapshot};
use crate::cluster::values::{Epoch, Log, NodeName, NumberKind, Place, Position};

const SLICE: usize = 500;
const FEW: u64 = 128;
const AUDITED: usize = 1000;
const TERM_GAP: u64 = 1 << 20;
const WAITING: usize = 1000;

/// Rules that a test can switch off, to see whether its checks notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) repeats: bool,
    pub(super) versions: bool,
    pub(super) fence: bool,
    pub(super) terms: bool,
    pub(super) burials: bool,
    pub(super) members: bool,
    pub(super) numbers: bool,
    pub(super) above: bool,
    pub(super) kept: bool,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    epoch: Epoch,
    n: u64,
    deadline: i64,
}

#[derive(Clone, Debug)]
struct FakeRoom {
    snapshot: RoomSnapshot,
    order: Vec<u64>,
    from: Option<u64>,
    /// The era in which it was restored.
    era: Box<str>,
    counted: u64,
    /// Restored messages that made way for those of a node that knew more.
    replaced: BTreeSet<u64>,
}

/// A dead node's name or membership, yet to be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Member(String, u64),
    Name(String),
    Address(String, u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct FakeLog {
    run: String,
    term: u64,
    pos: u64,
    /// The numbers of all messages ever posted.
    ids: BTreeSet<u64>,
    era: Box<str>,
    ended: Vec<EndedEra>,
    seen: i64,
    lease: i64,
    next: u64,
    end: u64,
    partitions: u8,
    nodes: BTreeMap<NodeName, Record>,
    parted: BTreeMap<(NodeName, Epoch), i64>,
    entries: Vec<LogEntry>,
    rooms: BTreeMap<String, FakeRoom>,
    names: BTreeMap<String, NameSnapshot>,
    kept: BTreeMap<Box<str>, Box<str>>,
    audit: Vec<Box<str>>,
    numbers: BTreeMap<NumberKind, u64>,
    held: BTreeMap<(NodeName, Epoch), BTreeSet<Held>>,
    swept: Vec<(NodeName, Epoch)>,
    /// Connections by address, each with its node.
    addresses: BTreeMap<String, BTreeMap<u64, (NodeName, Epoch)>>,
    accounts: FakeAccounts,
    /// How many texts wait in each list.
    lists: BTreeMap<Box<str>, usize>,
    gone: Vec<(Box<str>, u64)>,
}

/// The whole in-memory Redis.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    pub(super) run: String,
    /// Those with the same one have a common past.
    pub(super) life: u64,
    pub(super) now: i64,
    /// Entries that a log holds.
    pub(super) kept: usize,
    pub(super) broken: Broken,
    pub(super) logs: BTreeMap<Log, FakeLog>,
}

impl Fake {
    pub(super) fn new(run: &str) -> Fake {
        Fake {
            run: run.to_owned(),
            life: 0,
            now: 1_000_000,
            kept: 20_000,
            broken: Broken::default(),
            logs: BTreeMap::new(),
        }
    }

    pub(super) fn call(&mut self, call: &Call) -> Reply {
        let (now, kept, broken) = (self.now, self.kept, self.broken);
        let log = self.logs.entry(call.log()).or_default();
        let reply = log.call(call, now, broken);
        let surplus = log.entries.len().saturating_sub(kept);
        log.entries.drain(..surplus);
        reply
    }

    /// The numbers of all messages that it knows, or once knew.
    pub(super) fn ids(&self) -> BTreeSet<u64> {
        self.logs.values().flat_map(|log| &log.ids).copied().collect()
    }

    /// Restored messages that made way for those of a node that knew more.
    pub(super) fn replaced(&self) -> BTreeSet<u64> {
        let rooms = self.logs.values().flat_map(|log| log.rooms.values());
        rooms.flat_map(|room| room.replaced.iter().copied()).collect()
    }

    /// The era of a log; empty, if it has none yet.
    pub(super) fn era(&self, log: Log) -> &str {
        self.logs.get(&log).map_or("", |log| &log.era)
    }

    /// All stored members of rooms, including those on dead nodes.
    pub(super) fn members(&self) -> Vec<MemberSnapshot> {
        let rooms = self.logs.values().flat_map(|log| log.rooms.values());
        rooms.flat_map(|room| room.snapshot.members.clone()).collect()
    }

    /// The entries after a position.
    pub(super) fn after(&self, log: Log, position: Position) -> Vec<LogEntry> {
        let entries = self.logs.get(&log).map(|log| log.entries.as_slice()).unwrap_or_default();
        entries.iter().filter(|entry| entry.position > position).cloned().collect()
    }
}

impl FakeLog {
    fn call(&mut self, call: &Call, now: i64, broken: Broken) -> Reply {
        match call {
            Call::NewTerm { log, run, known, eras, skip, newest, floors } => {
                self.new_term(*log, run, *known, (!eras.is_empty(), *skip, floors), now, broken);
                let end = Position { term: self.term, number: self.pos };
                let past = eras.iter().enumerate().find_map(|(index, era)| self.past(index, era));
                let is_from_elsewhere = eras.first().is_some_and(|known| *known != self.era);
                if is_from_elsewhere && self.next <= *newest && !broken.above {
                    (self.next, self.end) = (newest + 1, *newest);
                }
                Reply::Term { end, era: self.era.clone(), ended: self.ended.clone(), past }
            }
            Call::Enter { log, caller, lease_ms, partitions } => self.enter(*log, caller, *lease_ms, *partitions, now),
            Call::Beat { log, caller, lease_ms } => self.beat(*log, caller, *lease_ms, now),
            Call::Leave { log, caller, stays_ms } => {
                let is_in = self.nodes.get(&caller.node).is_some_and(|record| record.epoch == caller.epoch);
                if is_in && *stays_ms == 0 {
                    self.bury(*log, caller.clone(), now);
                } else if is_in {
                    self.nodes.remove(&caller.node);
                    self.parted.insert((caller.node.clone(), caller.epoch), now + stays_ms);
                    self.append(*log, now, EntryKind::Parted(caller.clone()));
                }
                Reply::Nothing
            }
            Call::Submit { log, caller, n, command } => self.submit(*log, caller, *n, command, now, broken),
            Call::Confirm { log: _ } => Reply::Block { first: 1, last: 0 },
            Call::Block { kind, count } => {
                let last = self.numbers.entry(*kind).or_default();
                *last += count;
                Reply::Block { first: *last - count + 1, last: *last }
            }
            Call::Give { log: _, first, last } => {
                if self.left() < FEW && *first > self.end && *first >= self.next {
                    (self.next, self.end) = (*first, *last);
                }
                Reply::Given { left: self.left(), end: self.end }
            }
            Call::Look { log: _ } => Reply::Look {
                end: Position { term: self.term, number: self.pos },
                nodes: self.nodes.iter().map(|(node, record)| (node.clone(), record.epoch)).collect(),
                rooms: self.rooms.keys().map(|key| key.as_str().into()).collect(),
                names: self.names.values().cloned().collect(),
                kept: {
                    let values = self.kept.iter().map(|(key, value)| (key.clone(), value.clone()));
                    let mut kept: Vec<_> =
                        values.chain(self.audit.iter().map(|entry| ("audit".into(), entry.clone()))).collect();
                    kept.sort_unstable();
                    kept
                },
                parted: self.parted.keys().cloned().collect(),
            },
            Call::Account(call) => {
                let (reply, happened) = self.accounts.call(call, now);
                if let Some(what) = happened {
                    let caller = Caller { node: NodeName::parse("-").expect("a name"), epoch: Epoch(0) };
                    self.append(Log::Directory, now, EntryKind::Command { caller, n: 0, what });
                }
                Reply::Account(reply)
            }
            Call::Room { log: _, key } => {
                let is_in = |member: &MemberSnapshot| {
                    self.nodes.get(&member.node).is_some_and(|record| record.epoch == member.epoch)
                };
                let room = self.rooms.get(&**key).map(|room| {
                    let mut room = room.snapshot.clone();
                    room.members.retain(is_in);
                    Box::new(room)
                });
                Reply::Room(room)
            }
            Call::Raise { log, kind, floor } => {
                let number = self.numbers.entry(*kind).or_default();
                if *number < *floor {
                    *number = *floor;
                    let last = Position { term: self.term, number: self.pos };
                    self.append(*log, now, EntryKind::Term { last });
                }
                if *kind == NumberKind::Message && self.next <= *floor && self.end > 0 {
                    (self.next, self.end) = (*floor + 1, *floor);
                }
                Reply::Nothing
            }
            Call::Found { partitions } => {
                self.partitions = *partitions;
                Reply::Nothing
            }
            Call::Keep { key, value } => {
                self.kept.insert(key.clone(), value.clone());
                Reply::Nothing
            }
            Call::Fill { log: _, place, core, said, messages } => {
                let Place::Room(name) = place else { return Reply::Nothing };
                let number = self.pos;
                let room = self.rooms.entry(place.key()).or_insert_with(|| FakeRoom::new(name));
                let known = &mut room.snapshot;
                (known.room, known.core, known.said) = (name.clone(), core.clone(), *said);
                (known.version, known.sequence) = (number, number);
                room.order.extend(messages.iter().map(|(id, _)| *id));
                room.snapshot.messages.extend(messages.iter().cloned());
                Reply::Nothing
            }
            Call::Push { list, text: _ } => {
                let waiting = self.lists.entry(list.clone()).or_default();
                let fits = *waiting < WAITING;
                *waiting += usize::from(fits);
                Reply::Pushed(fits)
            }
            Call::Gone { log: _ } => Reply::Gone(self.gone.clone()),
            Call::Tail { log: _, known } => {
                Reply::Tail { end: Position { term: self.term, number: self.pos }, ended: self.last_of(*known) }
            }
            Call::Numbers { log: _, key } => {
                Reply::Numbers(self.rooms.get(&**key).map(|room| room.order.clone()).unwrap_or_default())
            }
        }
    }

    fn left(&self) -> u64 {
        (self.end + 1).saturating_sub(self.next)
    }

    fn append(&mut self, log: Log, now: i64, kind: EntryKind) -> u64 {
        self.pos += 1;
        let at = jiff::Timestamp::from_millisecond(now).expect("a moment");
        self.entries.push(LogEntry { log, position: Position { term: self.term, number: self.pos }, at, kind });
        self.pos
    }

    fn new_term(
        &mut self,
        log: Log,
        run: &str,
        known: Position,
        (has_eras, skip, floors): (bool, u64, &[(NumberKind, u64)]),
        now: i64,
        broken: Broken,
    ) {
        let before = self.numbers.clone();
        let mut raise = |unseen: u64| {
            for (kind, floor) in floors.iter().filter(|_| !broken.numbers) {
                let number = self.numbers.entry(*kind).or_default();
                *number = (*number + unseen).max(if floor > number { floor + 100_000 + skip } else { 0 });
            }
        };
        let last = Position { term: self.term, number: self.pos };
        if self.run == run {
            raise(0);
            let known = |kind: &NumberKind| before.get(kind).copied().unwrap_or(0);
            if self.numbers.iter().any(|(kind, number)| *number > known(kind)) {
                self.append(log, now, EntryKind::Term { last });
            }
            return;
        }
        if broken.terms && self.term > 0 {
            self.run = run.to_owned();
            return;
        }
        let fresh = self.term == 0 && known.number == 0 && !has_eras;
        raise(if fresh { 0 } else { skip + if self.term == 0 { 100_000 } else { 0 } });
        let first = self.next.max(1);
        if last.term > 0 {
            self.ended.insert(0, EndedEra { era: self.era.clone(), last: last.number, next_message: first });
            self.ended.truncate(16);
        }
        self.run = run.to_owned();
        self.term = self.term.max(known.term) + 1;
        if !fresh {
            let apart = run.get(..4).and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or(0);
            self.pos = self.pos.max(known.number) + TERM_GAP * (1 + apart);
        }
        self.era = format!("{run}/{}", self.pos + 1).into();
        (self.next, self.end) = (first, first - 1);
        self.append(log, now, EntryKind::Term { last });
    }

    /// Where the era of an entry ended.
    fn last_of(&self, number: u64) -> Option<u64> {
        let begun = |era: &str| era.rsplit_once('/').and_then(|(_, number)| number.parse().ok()).unwrap_or(0u64);
        let is_current = !self.era.is_empty() && begun(&self.era) <= number;
        let last = || self.ended.iter().find(|ended| begun(&ended.era) <= number).map_or(0, |ended| ended.last);
        (!is_current).then(last)
    }

    fn past(&self, index: usize, era: &str) -> Option<Past> {
        if *self.era == *era {
            return Some(Past { index, last: None, next_message: self.next });
        }
        let EndedEra { last, next_message, .. } = self.ended.iter().find(|ended| *ended.era == *era)?;
        Some(Past { index, last: Some(*last), next_message: *next_message })
    }

    fn excuse(&mut self, now: i64) {
        let gap = now - self.seen;
        if gap > self.lease / 2 {
            self.nodes.values_mut().for_each(|record| record.deadline += gap);
            self.seen = now;
        }
    }

    fn live(&mut self, caller: &Caller, now: i64) -> Option<Record> {
        let record = *self.nodes.get(&caller.node).filter(|record| record.epoch == caller.epoch)?;
        if record.deadline >= now {
            return Some(record);
        }
        self.excuse(now);
        self.nodes.get(&caller.node).copied().filter(|record| record.deadline >= now)
    }

    fn enter(&mut self, log: Log, caller: &Caller, lease_ms: i64, partitions: u8, now: i64) -> Reply {
        if partitions > 0 {
            if self.partitions > 0 && self.partitions != partitions {
                return Reply::Partitions(self.partitions.into());
            }
            self.partitions = partitions;
            assert_eq!(FORMAT, 1, "the fake knows this format");
        }
        let mut epoch = caller.epoch;
        if let Some(record) = self.nodes.get(&caller.node).copied() {
            let known = Caller { node: caller.node.clone(), epoch: record.epoch };
            if epoch == Epoch(0) && record.deadline >= now {
                return Reply::Live { left_ms: (record.deadline - now).unsigned_abs() };
            }
            if record.epoch != epoch {
                self.bury(log, known, now);
            }
        }
        if epoch == Epoch(0) {
            let last = self.numbers.entry(NumberKind::Epoch).or_default();
            *last += 1;
            epoch = Epoch(*last);
        }
        self.nodes.insert(caller.node.clone(), Record { epoch, n: 0, deadline: now + lease_ms });
        self.seen = now;
        if lease_ms > 0 {
            self.lease = lease_ms;
        }
        let number = self.append(log, now, EntryKind::In(Caller { node: caller.node.clone(), epoch }));
        Reply::Entered { epoch, number }
    }

    fn beat(&mut self, log: Log, caller: &Caller, lease_ms: i64, now: i64) -> Reply {
        self.excuse(now);
        let Some(mut record) = self.live(caller, now) else { return Reply::Fenced { number: self.pos } };
        record.deadline = now + lease_ms;
        self.nodes.insert(caller.node.clone(), record);
        self.seen = now;
        let dead: Vec<_> = self.nodes.iter().filter(|(_, record)| record.deadline < now).collect();
        let dead: Vec<_> =
            dead.into_iter().map(|(node, record)| Caller { node: node.clone(), epoch: record.epoch }).collect();
        dead.into_iter().for_each(|dead| self.bury(log, dead, now));
        self.bury_parted(log, now);
        self.sweep();
        Reply::Alive { n: record.n, at_ms: now, number: self.pos, left: self.left() }
    }

    fn bury(&mut self, log: Log, dead: Caller, now: i64) {
        self.nodes.remove(&dead.node);
        self.swept.push((dead.node.clone(), dead.epoch));
        self.append(log, now, EntryKind::Gone(dead));
    }

    fn bury_parted(&mut self, log: Log, now: i64) {
        let over = self.parted.iter().filter(|(_, deadline)| **deadline < now).map(|(held, _)| held.clone());
        let mut over: Vec<_> = over.collect();
        over.sort_by_key(|(node, epoch)| format!("{node} {epoch}"));
        for (node, epoch) in over {
            self.parted.remove(&(node.clone(), epoch));
            self.swept.push((node.clone(), epoch));
            self.append(log, now, EntryKind::Gone(Caller { node, epoch }));
        }
    }

    fn sweep(&mut self) {
        let Some((node, epoch)) = self.swept.first().cloned() else { return };
        let held = self.held.entry((node.clone(), epoch)).or_default();
        let mut items = Vec::new();
        while items.len() < SLICE
            && let Some(item) = held.pop_first()
        {
            items.push(item);
        }
        if items.len() < SLICE {
            self.swept.remove(0);
        }
        for item in items {
            match item {
                Held::Member(key, client) => {
                    if let Some(room) = self.rooms.get_mut(&key) {
                        room.snapshot
                            .members
                            .retain(|member| member.client.0 != client || member.node != node || member.epoch != epoch);
                    }
                }
                Held::Address(address, client) => {
                    let known = self.addresses.entry(address).or_default();
                    if known.get(&client).is_some_and(|held| *held == (node.clone(), epoch)) {
                        known.remove(&client);
                    }
                }
                Held::Name(folded) => {
                    if self.names.get(&folded).is_some_and(|held| held.node == node && held.epoch == epoch) {
                        self.names.remove(&folded);
                    }
                }
            }
        }
    }

    fn submit(&mut self, log: Log, caller: &Caller, n: u64, command: &Command, now: i64, broken: Broken) -> Reply {
        let record = match self.live(caller, now) {
            Some(record) => record,
            None if broken.fence => {
                let known = self.nodes.get(&caller.node).copied();
                known.unwrap_or(Record { epoch: caller.epoch, n: n - 1, deadline: now })
            }
            None => return Reply::Fenced { number: self.pos },
        };
        if n <= record.n && !broken.repeats {
            return Reply::Done { number: self.pos };
        }
        if n > record.n + 1 && !broken.fence {
            return Reply::Order;
        }
        self.note_n(caller, n);
        let what = match command {
            Command::Commit(commit) => return self.commit(log, caller, n, commit, now, broken),
            Command::Claim(claim) => {
                let folded = fold(&claim.name);
                let held = self.names.get(&folded).cloned();
                if let Some(held) = &held
                    && held.client != claim.client
                    && Some(held.client) != claim.instead_of
                {
                    let holder = Caller { node: held.node.clone(), epoch: held.epoch };
                    let waits = self.parted.get(&(holder.node.clone(), holder.epoch)).is_some_and(|end| *end >= now);
                    if waits || self.live(&holder, now).is_some() {
                        return Reply::Taken { number: self.pos };
                    }
                    let is_in = self.nodes.get(&holder.node).is_some_and(|record| record.epoch == holder.epoch);
                    if is_in && !broken.burials {
                        self.bury(log, holder, now);
                    }
                }
                let counted = Some(claim.address.to_string()).filter(|address| !address.is_empty());
                if let (Some(address), Some(most)) = (&counted, claim.most) {
                    let known = self.addresses.get(address);
                    let is_known = |client: ClientId| known.is_some_and(|known| known.contains_key(&client.0));
                    let gone = usize::from(claim.instead_of.is_some_and(is_known));
                    if !is_known(claim.client) && known.map_or(0, BTreeMap::len) - gone >= most {
                        return Reply::Full { number: self.pos };
                    }
                }
                if let Some(before) = &claim.before
                    && self.names.get(&fold(before)).is_some_and(|held| held.client == claim.client)
                {
                    self.forget(&fold(before));
                }
                self.forget(&folded);
                let (node, epoch) = (caller.node.clone(), caller.epoch);
                self.held.entry((node.clone(), epoch)).or_default().insert(Held::Name(folded.clone()));
                if let Some(address) = counted {
                    let item = Held::Address(address.clone(), claim.client.0);
                    self.held.entry((node.clone(), epoch)).or_default().insert(item);
                    self.addresses.entry(address).or_default().insert(claim.client.0, (node.clone(), epoch));
                }
                let (name, client, details) = (claim.name.clone(), claim.client, claim.details.clone());
                self.names.insert(folded, NameSnapshot { name, client, node, epoch, details });
                Happened::Claimed {
                    name: claim.name.clone(),
                    client: claim.client,
                    before: claim.before.clone(),
                    details: claim.details.clone(),
                }
            }
            Command::Release { name, client, address } => {
                if !address.is_empty() {
                    self.addresses.entry(address.to_string()).or_default().remove(&client.0);
                    let held = self.held.entry((caller.node.clone(), caller.epoch)).or_default();
                    held.remove(&Held::Address(address.to_string(), client.0));
                }
                if self.names.get(&fold(name)).is_some_and(|held| held.client == *client) {
                    self.forget(&fold(name));
                }
                Happened::Released { name: name.clone(), client: *client }
            }
            Command::Note { text, kept } => {
                if let Some((_, entry)) = kept.as_ref().filter(|(key, _)| &**key == "audit") {
                    self.audit.push(entry.clone());
                    self.audit.drain(..self.audit.len().saturating_sub(AUDITED));
                } else if let Some((key, value)) = kept.as_ref().filter(|(key, _)| !key.is_empty()) {
                    self.kept.insert(key.clone(), value.clone());
                    self.kept.retain(|_, value| !value.is_empty());
                }
                Happened::Noted(text.clone())
            }
        };
        let number = self.append(log, now, EntryKind::Command { caller: caller.clone(), n, what });
        Reply::Committed { number, id: 0, left: 0 }
    }

    fn forget(&mut self, folded: &str) {
        if let Some(held) = self.names.remove(folded)
            && let Some(items) = self.held.get_mut(&(held.node, held.epoch))
        {
            items.remove(&Held::Name(folded.to_owned()));
        }
    }

    fn note_n(&mut self, caller: &Caller, n: u64) {
        if let Some(record) = self.nodes.get_mut(&caller.node).filter(|record| record.epoch == caller.epoch) {
            record.n = record.n.max(n);
        }
    }

    fn commit(&mut self, log: Log, caller: &Caller, n: u64, commit: &Commit, now: i64, broken: Broken) -> Reply {
        let key = commit.place.key();
        let known = self.rooms.get(&key);
        let current = known.map_or(0, |room| room.snapshot.version);
        if commit.version.is_some_and(|version| version != current) && !broken.versions {
            return Reply::Stale { number: self.pos };
        }
        let is_member = |client| known.is_some_and(|room| room.snapshot.members.iter().any(|m| m.client == client));
        for effect in &commit.effects {
            let stands = match effect {
                Effect::By(client) if !broken.members => known.is_some_and(|room| {
                    let own = |member: &MemberSnapshot| member.node == caller.node && member.epoch == caller.epoch;
                    room.snapshot.members.iter().any(|member| member.client == *client && own(member))
                }),
                Effect::Rebuilt { from, .. } => {
                    known.is_none_or(|room| room.from.unwrap_or(*from) < *from && room.era == self.era)
                }
                _ => true,
            };
            if !stands {
                return Reply::Stale { number: self.pos };
            }
            if let Effect::Member { client, limit: Some(limit), .. } = effect
                && known.map_or(0, |room| room.snapshot.members.len()) >= (*limit).max(1)
                && !is_member(*client)
            {
                return Reply::Full { number: self.pos };
            }
        }
        let (said, mut left) = (commit.said(), self.left());
        if said > left {
            // This does not count as handled: the node will send it again.
            if let Some(record) = self.nodes.get_mut(&caller.node) {
                record.n = n - 1;
            }
            return Reply::NoNumbers;
        }
        let first = if said > 0 { self.next } else { 0 };
        self.next += said;
        let (number, mut id) = (self.pos + 1, first);
        let mut version = current;
        for effect in &commit.effects {
            if let (Effect::Core(core), Place::Room(name)) = (effect, &commit.place) {
                version = number;
                let room = self.rooms.entry(key.clone()).or_insert_with(|| FakeRoom::new(name));
                room.snapshot.room = name.clone();
                (room.snapshot.core, room.snapshot.version, room.from) = (core.clone(), version, None);
            }
            if let (Effect::Rebuilt { newest, .. }, Some(_)) = (effect, self.rooms.get(&key))
                && *newest >= self.next
            {
                (self.next, self.end, left) = (newest + 1, *newest, 0);
            }
            if *effect == Effect::Closed {
                self.rooms.remove(&key);
                version = 0;
            }
            if let (Effect::Edited(id, _) | Effect::Erased(id), Place::Room(_)) = (effect, &commit.place) {
                self.gone.push((key.as_str().into(), *id));
            }
            let room = self.rooms.get_mut(&key);
            if let Effect::Said(text) = effect {
                if let Some(room) = room {
                    room.said(id, text, commit.history_max);
                }
                id += 1;
                continue;
            }
            if let Some(room) = room.filter(|_| !broken.kept || !matches!(effect, Effect::Kept(..))) {
                if let Effect::Rebuilt { .. } = effect {
                    room.era.clone_from(&self.era);
                }
                room.change(effect, caller, number, commit.history_max);
                if let Effect::Kept(id, _) = effect
                    && room.order.contains(id)
                {
                    self.ids.insert(*id);
                }
                let held = self.held.entry((caller.node.clone(), caller.epoch)).or_default();
                match effect {
                    Effect::Member { client, .. } => drop(held.insert(Held::Member(key.clone(), client.0))),
                    Effect::Left(client) => drop(held.remove(&Held::Member(key.clone(), client.0))),
                    _ => {}
                }
            }
        }
        if let Some(room) = self.rooms.get_mut(&key) {
            room.snapshot.sequence = number;
        }
        let (place, text) = (commit.place.clone(), commit.text.clone());
        let what = Happened::Committed { place, version, id: (first > 0).then_some(first), said, text };
        let caller = caller.clone();
        let rebuilt = commit.effects.iter().any(|effect| matches!(effect, Effect::Rebuilt { .. }));
        let kind =
            if rebuilt { EntryKind::Rebuilt { caller, n, what } } else { EntryKind::Command { caller, n, what } };
        let number = self.append(log, now, kind);
        self.ids.extend(first..first + said);
        Reply::Committed { number, id: first, left: left.saturating_sub(said) }
    }
}

impl FakeRoom {
    fn new(name: &RoomName) -> FakeRoom {
        let snapshot = RoomSnapshot {
            room: name.clone(),
            version: 0,
            sequence: 0,
            said: 0,
            core: "".into(),
            members: Vec::new(),
            messages: Vec::new(),
            restored_to: 0,
            restored_by: 0,
        };
        FakeRoom { snapshot, order: Vec::new(), from: None, era: Box::default(), counted: 0, replaced: BTreeSet::new() }
    }

    fn said(&mut self, id: u64, text: &str, history_max: usize) {
        if text.is_empty() {
            return;
        }
        self.snapshot.said += 1;
        if history_max == 0 {
            return;
        }
        self.snapshot.messages.push((id, text.into()));
        self.order.push(id);
        while self.order.len() > history_max {
            let oldest = self.order.remove(0);
            self.snapshot.messages.retain(|(id, _)| *id != oldest);
        }
    }

    fn change(&mut self, effect: &Effect, caller: &Caller, number: u64, history_max: usize) {
        let RoomSnapshot { members, messages, said, restored_to, restored_by, .. } = &mut self.snapshot;
        match effect {
            Effect::Edited(id, text) => {
                self.from = None;
                if let Some(message) = messages.iter_mut().find(|(known, _)| known == id) {
                    message.1 = text.clone();
                }
            }
            Effect::Erased(id) => {
                self.from = None;
                messages.retain(|(known, _)| known != id);
            }
            Effect::Rebuilt { from, said: count, newest } => {
                while let Some(oldest) = self.order.first().copied().filter(|oldest| *oldest <= *restored_to) {
                    self.order.remove(0);
                    messages.retain(|(id, _)| *id != oldest);
                    self.replaced.insert(oldest);
                }
                *said = (*said + count).saturating_sub(self.counted);
                (self.from, self.counted) = (Some(*from), *count);
                (*restored_to, *restored_by) = (*newest, number);
            }
            Effect::Kept(id, text) => {
                if self.order.len() < history_max && messages.iter().all(|(known, _)| known != id) {
                    messages.insert(0, (*id, text.clone()));
                    self.order.insert(0, *id);
                }
            }
            Effect::Member { client, text, .. } => {
                members.retain(|member| member.client != *client);
                let (node, epoch) = (caller.node.clone(), caller.epoch);
                members.push(MemberSnapshot { client: *client, node, epoch, text: text.clone() });
                members.sort_by_key(|member| member.client.to_string());
            }
            Effect::Left(client) => members.retain(|member| member.client != *client),
            Effect::Said(_) | Effect::Core(_) | Effect::Closed | Effect::By(_) => {}
        }
    }
}
