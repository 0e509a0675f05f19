//! Compares the in-memory Redis with a real one: both must give the same answers.

mod accounts;

use std::time::Duration;

use jiff::Timestamp;

use super::fake::Fake;
use super::server::Server;
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;
use crate::cluster::command::{Claim, Command, Commit, Effect};
use crate::cluster::engine::{AccountReply, Call, Caller, Engine as _, LogEntry, Reply};
use crate::cluster::values::{Epoch, Log, NodeName, NumberKind, Place, Position};
use crate::cluster::wire::{Address, Wire};
use crate::config::RedisAddress;

/// Numbers by a linear congruence (Knuth, MMIX): the same on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// An hour. Only leases that are over from the start end during this test.
const LONG: i64 = 3_600_000;

fn log(dice: &mut Dice) -> Log {
    if dice.one_in(3) { Log::Directory } else { Log::Partition(u8::from(dice.one_in(2))) }
}

/// The results of earlier calls, so that most later calls make sense.
#[derive(Default)]
struct Known {
    epochs: std::collections::BTreeMap<(Log, String), u64>,
    commands: std::collections::BTreeMap<(Log, String), u64>,
    versions: Vec<u64>,
    ids: u64,
    runs: u64,
    fills: u64,
    kept: u64,
    eras: Vec<Box<str>>,
}

impl Known {
    /// A number that no message has yet.
    fn fills(&mut self) -> u64 {
        self.fills += 1;
        self.fills
    }

    fn caller(&self, log: Log, dice: &mut Dice) -> Caller {
        let name = ["a", "b", "c:5555"][dice.below(3) as usize];
        let known = self.epochs.get(&(log, name.to_owned())).copied().unwrap_or(1);
        let epoch = if dice.one_in(20) { dice.below(5) } else { known };
        Caller { node: NodeName::parse(name).expect("a name"), epoch: Epoch(epoch) }
    }

    fn call(&mut self, dice: &mut Dice) -> Call {
        let log = log(dice);
        let caller = self.caller(log, dice);
        match dice.below(50) {
            40.. => Call::Account(accounts::call(dice, log)),
            0 => {
                self.runs += u64::from(dice.one_in(8));
                let known = Position { term: dice.below(4), number: dice.below(50) };
                let run = format!("{:04x}-run{}", self.runs * 7919 % 65_536, self.runs).into();
                let mut eras: Vec<Box<str>> = self.eras.iter().rev().take(4).cloned().collect();
                eras.retain(|_| dice.one_in(2));
                let is_directory = log == Log::Directory;
                let newest = if is_directory { 0 } else { dice.below(self.ids + 2) };
                let floors = if is_directory { vec![(NumberKind::Message, dice.below(300_000))] } else { Vec::new() };
                Call::NewTerm { log, run, known, eras, skip: dice.below(3) * 1000, newest, floors }
            }
            1..3 => {
                let epoch = if log == Log::Directory { 0 } else { caller.epoch.0 + 1 };
                let lease_ms = if dice.one_in(4) { -60_000 } else { LONG };
                let partitions = match log {
                    // The first call fixes the number of partitions.
                    Log::Directory => {
                        2 + u8::from(dice.one_in(9) && self.epochs.keys().any(|(log, _)| *log == Log::Directory))
                    }
                    Log::Partition(_) => 0,
                };
                Call::Enter { log, caller: Caller { epoch: Epoch(epoch), ..caller }, lease_ms, partitions }
            }
            3 if dice.one_in(4) => {
                Call::Leave { log, caller, stays_ms: [0, -60_000, 3_600_000][dice.below(3) as usize] }
            }
            3..5 => Call::Beat { log, caller, lease_ms: if dice.one_in(6) { -60_000 } else { LONG } },
            5 => Call::Block { kind: NumberKind::Message, count: 10 },
            6..8 => {
                let first = self.ids + 1;
                self.ids += 10;
                Call::Give { log, first, last: self.ids }
            }
            8 => Call::Look { log },
            9..11 => Call::Room { log, key: ["r:general", "r:tea", "r:attic"][dice.below(3) as usize].into() },
            11 if dice.one_in(4) => Call::Push { list: "ask".into(), text: "what was said".into() },
            11 if dice.one_in(4) => Call::Raise { log, kind: NumberKind::Message, floor: self.ids + dice.below(3) },
            11 if dice.one_in(6) && log == Log::Directory => Call::Found { partitions: 2 },
            11 if dice.one_in(6) && log == Log::Directory => Call::Keep { key: "imported".into(), value: "7".into() },
            11 if dice.one_in(6) && log != Log::Directory => Call::Fill {
                log,
                place: Place::Room(RoomName::parse("Attic").expect("a name")),
                core: "core 1".into(),
                said: 7,
                messages: vec![(self.ids + 1_000_000 + self.fills(), "from before".into())],
            },
            11 if dice.one_in(6) => Call::Gone { log },
            11 if dice.one_in(2) => Call::Tail { log, known: dice.below(6) },
            11 => Call::Numbers { log, key: ["r:general", "r:tea", "r:none"][dice.below(3) as usize].into() },
            _ => {
                let known = self.commands.entry((log, caller.node.to_string())).or_default();
                let n = match dice.below(12) {
                    0 => *known,
                    1 => *known + 2,
                    _ => *known + 1,
                };
                Call::Submit { log, caller, n, command: self.command(log, dice) }
            }
        }
    }

    fn command(&mut self, log: Log, dice: &mut Dice) -> Command {
        let client = ClientId(1001 + dice.below(6));
        let name = |dice: &mut Dice| ["bob", "Bob", "alice", "Dora"][dice.below(4) as usize].into();
        let address = |dice: &mut Dice| ["", "192.0.2.1", "2001:db8::"][dice.below(3) as usize].into();
        if log != Log::Directory {
            return Command::Commit(self.commit(client, dice));
        }
        match dice.below(4) {
            0 => Command::Release { name: name(dice), client, address: address(dice) },
            1 => {
                let key = ["ban x", "place x", "audit"][dice.below(3) as usize];
                let kept = (!dice.one_in(3)).then(|| (key.into(), if dice.one_in(2) { "" } else { "for ever" }.into()));
                Command::Note { text: "a line\nwith two rows and \u{1f980}".into(), kept }
            }
            _ => Command::Claim(Claim {
                name: name(dice),
                client,
                before: dice.one_in(3).then(|| name(dice)),
                instead_of: dice.one_in(4).then(|| ClientId(1001 + dice.below(6))),
                details: "{\"x\": 1}".into(),
                address: address(dice),
                most: dice.one_in(2).then(|| 1 + dice.below(2) as usize),
            }),
        }
    }

    fn commit(&mut self, client: ClientId, dice: &mut Dice) -> Commit {
        let place = match dice.below(6) {
            0 => Place::Pair(ClientId(1001), client),
            1..3 => Place::Room(RoomName::parse("Tea").expect("a name")),
            _ => Place::Room(RoomName::parse("general").expect("a name")),
        };
        let version = match dice.below(4) {
            0 => Some(0),
            1 => self.versions.get(dice.below(self.versions.len().max(1) as u64) as usize).copied(),
            _ => None,
        };
        let effects = (0..dice.below(5)).map(|_| match dice.below(15) {
            0..4 => Effect::Said(if dice.one_in(5) { "" } else { "hello \"you\"" }.into()),
            4 => Effect::Edited(dice.below(self.ids + 1), "edited".into()),
            5 => Effect::Erased(dice.below(self.ids + 1)),
            6..8 => {
                let limit = dice.one_in(2).then(|| dice.below(4) as usize);
                Effect::Member { client, text: "1 a b c".into(), limit }
            }
            8 => Effect::Left(client),
            9..11 => Effect::Core(format!("core {}", dice.below(9)).into()),
            _ if dice.one_in(4) => Effect::By(client),
            _ if dice.one_in(3) => {
                Effect::Rebuilt { from: dice.below(9), said: dice.below(9), newest: dice.below(self.ids + 2) }
            }
            _ if dice.one_in(2) => {
                self.kept += 1;
                Effect::Kept(1_000_000 - self.kept, "kept".into())
            }
            _ if dice.one_in(4) => Effect::Closed,
            _ => Effect::Left(client),
        });
        let effects = effects.collect();
        Commit { place, version, effects, history_max: dice.below(5) as usize, text: "change 1".into() }
    }

    fn learn(&mut self, call: &Call, reply: &Reply) {
        match (call, reply) {
            (_, Reply::Term { era, .. }) if self.eras.last() != Some(era) => self.eras.push(era.clone()),
            (Call::Enter { log, caller, .. }, Reply::Entered { epoch, .. }) => {
                let key = (*log, caller.node.to_string());
                self.commands.insert(key.clone(), 0);
                self.epochs.insert(key, epoch.0);
            }
            (Call::Submit { log, caller, n, .. }, reply) => {
                let done = matches!(
                    reply,
                    Reply::Committed { .. } | Reply::Stale { .. } | Reply::Full { .. } | Reply::Taken { .. }
                );
                if done {
                    self.commands.insert((*log, caller.node.to_string()), *n);
                }
                if let Reply::Committed { number, .. } = reply {
                    self.versions.push(*number);
                    let surplus = self.versions.len().saturating_sub(8);
                    self.versions.drain(..surplus);
                }
            }
            _ => {}
        }
    }
}

/// Removes the times, because each side has its own clock.
fn timeless(reply: Reply) -> Reply {
    match reply {
        Reply::Alive { n, number, left, .. } => Reply::Alive { n, at_ms: 0, number, left },
        Reply::Live { .. } => Reply::Live { left_ms: 0 },
        Reply::Account(AccountReply::Wait { .. }) => Reply::Account(AccountReply::Wait { left_ms: 0 }),
        other => other,
    }
}

#[test]
fn the_fake_and_a_real_redis_give_the_same_ten_thousand_answers() {
    let Some(server) = Server::start(&[]) else { return };
    let address = Address {
        redis: RedisAddress::One { at: ("127.0.0.1".to_owned(), server.port), tls: false },
        user: String::new(),
        password: None,
        authorities: None,
        prefix: "t:".to_owned(),
        replicas: 0,
    };
    let mut wire = Wire::connect(&address, Duration::from_secs(20)).expect("a connection");
    wire.load().expect("the functions");
    let mut fake = Fake::new("");
    let (mut dice, mut known) = (Dice(7), Known::default());
    let logs = [Log::Directory, Log::Partition(0), Log::Partition(1)];
    let mut positions = logs.map(|log| (log, Position::START));
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..100 {
        let mut calls = Vec::new();
        for _ in 0..100 {
            let call = known.call(&mut dice);
            // The next call depends on this one's result, which the fake knows at once.
            let expected = fake.call(&call);
            known.learn(&call, &expected);
            calls.push((call, expected));
        }
        let asked: Vec<Call> = calls.iter().map(|(call, _)| call.clone()).collect();
        let replies = wire.call(&asked).expect("answers");
        for ((call, expected), reply) in calls.into_iter().zip(replies) {
            let word = format!("{expected:?}");
            *counts.entry(word.split([' ', '(']).next().unwrap_or("").to_owned()).or_default() += 1;
            assert_eq!(timeless(reply), timeless(expected), "round {round}: {call:?}");
        }
        loop {
            let timeless = |entry: LogEntry| LogEntry { at: Timestamp::UNIX_EPOCH, ..entry };
            let found = wire.read(&positions).expect("entries");
            if found.is_empty() {
                break;
            }
            for (log, position) in &mut positions {
                let expected: Vec<_> = fake.after(*log, *position).into_iter().map(timeless).collect();
                let own: Vec<_> = found.iter().filter(|entry| entry.log == *log).cloned().map(timeless).collect();
                assert_eq!(own.as_slice(), &expected[..own.len()], "round {round}");
                *position = own.last().map_or(*position, |entry| entry.position);
            }
            if logs.iter().zip(&positions).all(|(log, (_, position))| fake.after(*log, *position).is_empty()) {
                break;
            }
        }
    }
    eprintln!("{counts:?}");
    for word in
        ["Committed", "Stale", "Full", "Taken", "Fenced", "Done", "Order", "NoNumbers", "Live", "Entered", "Alive"]
    {
        assert!(counts.get(word).is_some_and(|count| *count > 5), "too few {word}: {counts:?}");
    }
}
