//! Parses one entry of a log.
//!
//! *Owns* the fields of entries.
//! *Knows nothing of* what nodes do with them.

use jiff::Timestamp;

use super::Caller;
use crate::chat::message::{AccountId, ClientId};
use crate::cluster::entry::{AccountChange, Happened};
use crate::cluster::values::{Epoch, Log, NodeName, Place, Position};

/// An entry as the node's core gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) log: Log,
    pub(crate) position: Position,
    pub(crate) at: Timestamp,
    pub(crate) kind: EntryKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// Another Redis took over. It has everything up to `last`.
    Term { last: Position },
    /// A lost room was restored: nodes that still have the old copy must read it again.
    Rebuilt { caller: Caller, n: u64, what: Happened },
    /// A node came in.
    In(Caller),
    /// A node said goodbye, but its users may reconnect to other nodes.
    Parted(Caller),
    /// A node's lease is over, or it said goodbye for good.
    Gone(Caller),
    /// A command.
    Command { caller: Caller, n: u64, what: Happened },
    /// Written by a faulty or newer node: this version logs it and goes on.
    Unreadable,
}

impl LogEntry {
    /// Parses the fields of an entry.
    pub(crate) fn read(log: Log, position: Position, fields: &[(&str, &str)]) -> LogEntry {
        let get = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
        if let Some((head, rebuilt)) = get("c").map(|head| (head, false)).or_else(|| Some((get("r")?, true))) {
            let commit = get("text").and_then(|text| commit(head, text, rebuilt));
            let (at, kind) = commit.unwrap_or((Timestamp::UNIX_EPOCH, EntryKind::Unreadable));
            return LogEntry { log, position, at, kind };
        }
        let at = get("at").and_then(|at| Timestamp::from_millisecond(at.parse().ok()?).ok());
        let kind = kind(&get).unwrap_or(EntryKind::Unreadable);
        LogEntry { log, position, at: at.unwrap_or(Timestamp::UNIX_EPOCH), kind }
    }
}

/// Commits are by far the most frequent, so everything except the text is in one field.
fn commit(head: &str, text: &str, rebuilt: bool) -> Option<(Timestamp, EntryKind)> {
    let mut words = head.splitn(8, ' ');
    let mut word = || words.next();
    let at = Timestamp::from_millisecond(word()?.parse().ok()?).ok()?;
    let caller = Caller { node: NodeName::parse(word()?)?, epoch: Epoch(word()?.parse().ok()?) };
    let mut number = || word()?.parse::<u64>().ok();
    let (n, version, first, said) = (number()?, number()?, number()?, number()?);
    let id = (first > 0 && said > 0).then_some(first);
    let what = Happened::Committed { place: Place::parse(words.next()?)?, version, id, said, text: text.into() };
    let kind = if rebuilt { EntryKind::Rebuilt { caller, n, what } } else { EntryKind::Command { caller, n, what } };
    Some((at, kind))
}

fn kind<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> Option<EntryKind> {
    let number = |name: &str| get(name)?.parse::<u64>().ok();
    let kind = get("k")?;
    if kind == "term" {
        return Some(EntryKind::Term { last: get("last")?.parse().ok()? });
    }
    let caller = Caller { node: NodeName::parse(get("node")?)?, epoch: Epoch(number("epoch")?) };
    let boxed = |name: &str| get(name).map(Box::<str>::from);
    let what = match kind {
        "in" => return Some(EntryKind::In(caller)),
        "gone" => return Some(EntryKind::Gone(caller)),
        "parted" => return Some(EntryKind::Parted(caller)),
        "claim" => Happened::Claimed {
            name: boxed("name")?,
            client: ClientId(number("client")?),
            before: boxed("before").filter(|before| !before.is_empty()),
            details: boxed("text")?,
        },
        "release" => Happened::Released { name: boxed("name")?, client: ClientId(number("client")?) },
        "note" => Happened::Noted(boxed("text")?),
        "account" => Happened::AccountChanged {
            change: AccountChange::parse(get("what")?)?,
            account: AccountId(number("id")?),
            name: boxed("name")?,
            by: ClientId(number("client")?),
        },
        _ => return None,
    };
    Some(EntryKind::Command { caller, n: number("n")?, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_entry_is_none_and_no_panic() {
        let read =
            |fields: &[(&str, &str)]| LogEntry::read(Log::Directory, Position { term: 1, number: 7 }, fields).kind;
        for fields in [
            &[][..],
            &[("k", "commit")],
            &[("k", "other"), ("node", "a"), ("epoch", "1")],
            &[("k", "gone"), ("node", "a b"), ("epoch", "1")],
            &[("k", "gone"), ("node", "a"), ("epoch", "-1")],
            &[("c", "0 a 1 1 1 0 0 r:\u{1b}[2J"), ("text", "")],
            &[("c", "0 a 1 1 1 0 0 r:general")],
            &[("c", "0 a 1 1 1 0 r:general"), ("text", "")],
            &[("c", "0 a 1 1 1 -1 0 r:general"), ("text", "")],
            &[("k", "term"), ("last", "x")],
        ] {
            assert_eq!(read(fields), EntryKind::Unreadable, "{fields:?}");
        }
        assert!(matches!(read(&[("k", "gone"), ("node", "a"), ("epoch", "1")]), EntryKind::Gone(_)));
        let read = read(&[("c", "0 a 1 2 3 40 2 r:general"), ("text", "x y")]);
        let EntryKind::Command {
            n: 2, what: Happened::Committed { version: 3, id: Some(40), said: 2, text, .. }, ..
        } = read
        else {
            panic!("{read:?}")
        };
        assert_eq!(&*text, "x y");
    }
}
