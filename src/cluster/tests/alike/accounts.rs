//! Random calls about users' data.

use jiff::Timestamp;

use super::{Dice, LONG};
use crate::access::attempts::AttemptStep;
use crate::chat::message::{AccountId, ClientId, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Hashed;
use crate::cluster::engine::{AccountCall, SharedCount};
use crate::cluster::values::Log;
use crate::store::{AccountRecord, Settings};

fn name(dice: &mut Dice) -> UserName {
    // The second name looks like the first, and the third equals it.
    UserName::written(["alice", "aIice", "Alice", "bob", "eve"][dice.below(5) as usize]).expect("a name")
}

/// A number that no account of another name has: the names' second letters differ.
fn number(name: &UserName, dice: &mut Dice) -> AccountId {
    let second = name.folded().as_bytes()[1];
    AccountId(u64::from(second) * 10 + dice.below(2))
}

fn account(dice: &mut Dice) -> AccountId {
    number(&name(dice), dice)
}

fn hash(dice: &mut Dice) -> Hashed {
    Hashed::new(format!("$argon2id${}", dice.below(3)))
}

fn counts(dice: &mut Dice) -> Vec<SharedCount> {
    let count = |kind, key: &str, free, patience, dice: &mut Dice| {
        // Either over at once, or not before the test ends.
        let wait = if dice.one_in(4) { LONG.unsigned_abs() } else { 0 };
        let first_ms = if patience > 0 { wait } else { wait.min(900_000) };
        SharedCount { kind, key: key.to_owned(), free, first_ms, patience, late_ms: wait }
    };
    let key = ["192.0.2.1:alice", "192.0.2.1:bob", "192.0.2.2:alice"][dice.below(3) as usize];
    let mut counts = vec![count("user", key, 3, 0, dice)];
    if dice.one_in(2) {
        counts.push(count("address", "192.0.2.1", 5, 0, dice));
        counts.push(count("everyone", "all", 4, 6, dice));
    }
    counts
}

/// A random call, for the directory or for this log.
pub(super) fn call(dice: &mut Dice, log: Log) -> AccountCall {
    if log != Log::Directory {
        let account = account(dice);
        let room = RoomName::written(["general", "Tea", "games"][dice.below(3) as usize]).expect("a name");
        return match dice.below(6) {
            0 => AccountCall::ForgetVisits(log, account),
            1 => AccountCall::Visits(log, account),
            _ => {
                let (instance, last) = (dice.below(3), MessageId(dice.below(50)));
                AccountCall::Visit { partition: log, account, room, instance, last }
            }
        };
    }
    match dice.below(24) {
        0..2 => AccountCall::Find(name(dice)),
        2..5 => {
            let (name, created) = (name(dice), Timestamp::from_millisecond(1_700_000_000_000).expect("a time"));
            let id = number(&name, dice);
            let (hash, settings) = (hash(dice), Settings::default());
            AccountCall::Make(Box::new(AccountRecord { id, name, hash, created, settings }))
        }
        5 => AccountCall::SetPassword {
            name: name(dice),
            account: dice.one_in(2).then(|| account(dice)),
            before: dice.one_in(2).then(|| hash(dice)),
            hash: hash(dice),
            by: ClientId(dice.below(3)),
        },
        6 => AccountCall::Remove {
            name: name(dice),
            account: dice.one_in(2).then(|| account(dice)),
            hash: dice.one_in(2).then(|| hash(dice)),
            by: ClientId(dice.below(3)),
        },
        7 => {
            let settings = Settings { ids: Some(true), ignored: vec![name(dice)], ..Settings::default() };
            AccountCall::SaveSettings(account(dice), settings)
        }
        8 => AccountCall::NameOf(account(dice)),
        9 => AccountCall::List("0".into()),
        10 => AccountCall::Alike(name(dice)),
        11..14 => AccountCall::PutMessage {
            to: account(dice),
            id: MessageId(dice.below(40)),
            sender: ["a1", "g192.0.2.1"][dice.below(2) as usize].into(),
            text: "{\"text\":\"two\\nrows \u{1f980}\"}".into(),
        },
        14 => AccountCall::Messages(account(dice)),
        15 => AccountCall::ChangeMessage {
            to: account(dice),
            before: format!("{} a1 {{\"text\":\"two\\nrows \u{1f980}\"}}", dice.below(40)).into(),
            now: dice.one_in(2).then(|| format!("{} a1 other", dice.below(40)).into()),
        },
        16 => AccountCall::PutOpen(account(dice), format!("open {}", dice.below(9)).into()),
        17 => AccountCall::Open(account(dice)),
        _ => AccountCall::Attempt {
            step: match dice.below(6) {
                0..3 => AttemptStep::Begin,
                3 => AttemptStep::Right,
                4 => AttemptStep::Drop,
                _ => AttemptStep::Wrong,
            },
            hold_ms: LONG.unsigned_abs(),
            memory_ms: LONG.unsigned_abs(),
            counts: counts(dice),
        },
    }
}
