//! Reads one entry of a log.
//!
//! *Owns* the fields of entries.
//! *Knows nothing of* what nodes do with them.

use jiff::Timestamp;

use super::Caller;
use crate::chat::message::{AccountId, ClientId};
use crate::cluster::entry::{AccountChange, Happened};
use crate::cluster::values::{Epoch, Log, NodeName, Place, Position};

/// An entry as the node's core sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) log: Log,
    pub(crate) position: Position,
    pub(crate) at: Timestamp,
    pub(crate) kind: EntryKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// Another Redis took over, with everything up to here.
    Term { last: Position },
    /// A node came in.
    In(Caller),
    /// A node is gone.
    Gone(Caller),
    /// A command.
    Command { caller: Caller, n: u64, what: Happened },
    /// Nothing that this version can read: the node logs it and goes on.
    Unreadable,
}

impl LogEntry {
    /// Reads the fields of an entry.
    pub(crate) fn read(log: Log, position: Position, fields: &[(String, String)]) -> LogEntry {
        let get = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let at = get("at").and_then(|at| Timestamp::from_millisecond(at.parse().ok()?).ok());
        let kind = kind(&get).unwrap_or(EntryKind::Unreadable);
        LogEntry { log, position, at: at.unwrap_or(Timestamp::UNIX_EPOCH), kind }
    }
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
        "commit" => Happened::Committed {
            place: Place::parse(get("place")?)?,
            version: number("ver")?,
            id: number("id").filter(|id| *id > 0),
            text: boxed("text")?,
        },
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
    fn an_entry_that_nobody_can_read_is_none_and_no_panic() {
        let read = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            LogEntry::read(Log::Directory, Position { term: 1, number: 7 }, &fields).kind
        };
        for fields in [
            &[][..],
            &[("k", "commit")],
            &[("k", "other"), ("node", "a"), ("epoch", "1")],
            &[("k", "gone"), ("node", "a b"), ("epoch", "1")],
            &[("k", "gone"), ("node", "a"), ("epoch", "-1")],
            &[
                ("k", "commit"),
                ("node", "a"),
                ("epoch", "1"),
                ("n", "1"),
                ("place", "r:\u{1b}[2J"),
                ("ver", "1"),
                ("text", ""),
            ],
            &[("k", "term"), ("last", "x")],
        ] {
            assert_eq!(read(fields), EntryKind::Unreadable, "{fields:?}");
        }
        assert!(matches!(read(&[("k", "gone"), ("node", "a"), ("epoch", "1")]), EntryKind::Gone(_)));
    }
}
