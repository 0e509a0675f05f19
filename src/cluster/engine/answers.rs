//! Parses Redis' answers.
//!
//! *Owns* what a valid answer to each call looks like.
//! *Knows nothing of* how it arrived.

use super::{Call, EndedEra, Past, Reply};
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;
use crate::cluster::entry::{MemberSnapshot, NameSnapshot, RoomSnapshot};
use crate::cluster::values::{Epoch, NodeName};

/// A raw answer. Numbers are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    Nothing,
    Text(String),
    List(Vec<Raw>),
    Error(String),
}

impl Raw {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) => Some(text),
            Raw::Nothing | Raw::List(_) | Raw::Error(_) => None,
        }
    }

    pub(super) fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.text()?.parse().ok()
    }

    fn list(&self) -> Option<&[Raw]> {
        match self {
            Raw::List(list) => Some(list),
            Raw::Nothing | Raw::Text(_) | Raw::Error(_) => None,
        }
    }

    /// A flat list of alternating keys and values, sorted.
    pub(super) fn pairs(&self) -> Option<Vec<(&str, &str)>> {
        let list = self.list()?;
        let mut pairs =
            list.chunks_exact(2).map(|pair| Some((pair[0].text()?, pair[1].text()?))).collect::<Option<Vec<_>>>()?;
        pairs.sort_unstable();
        Some(pairs)
    }
}

impl Call {
    /// Parses the answer to this call.
    pub(crate) fn read(&self, raw: &Raw) -> Reply {
        if let Raw::Error(error) = raw {
            return Reply::Failed(error.as_str().into());
        }
        self.understand(raw)
            .unwrap_or_else(|| Reply::Failed(format!("unexpected answer to {}", self.function()).into()))
    }

    fn understand(&self, raw: &Raw) -> Option<Reply> {
        let list = raw.list()?;
        let number = |index: usize| list.get(index)?.number::<u64>();
        match self {
            Call::NewTerm { .. } => {
                let end = crate::cluster::Position { term: number(0)?, number: number(1)? };
                let last = list.get(4)?.number::<i64>()?;
                let (index, next_message) = (number(3)?.checked_sub(1), number(5)?);
                let index = index.map(usize::try_from).transpose().ok()?;
                let past = index.map(|index| Past { index, last: u64::try_from(last).ok(), next_message });
                let words: Vec<&str> = list.get(6)?.text()?.split_whitespace().collect();
                let ended = words.chunks_exact(3).map(|words| {
                    let (last, next_message) = (words[1].parse().ok()?, words[2].parse().ok()?);
                    Some(EndedEra { era: words[0].into(), last, next_message })
                });
                Some(Reply::Term { end, era: list.get(2)?.text()?.into(), ended: ended.collect::<Option<_>>()?, past })
            }
            Call::Block { .. } | Call::Confirm { .. } => Some(Reply::Block { first: number(0)?, last: number(1)? }),
            Call::Give { .. } => Some(Reply::Given { left: number(0)?, end: number(1)? }),
            Call::Look { .. } => look(list),
            Call::Room { .. } => room(list),
            Call::Account(call) => call.understand(list).map(Reply::Account),
            Call::Tail { .. } => {
                let end = crate::cluster::Position { term: number(0)?, number: number(1)? };
                Some(Reply::Tail { end, ended: u64::try_from(list.get(2)?.number::<i64>()?).ok() })
            }
            Call::Gone { .. } => {
                let pair = |text: &Raw| {
                    let (room, id) = text.text()?.split_once(' ')?;
                    Some((room.into(), id.parse().ok()?))
                };
                Some(Reply::Gone(list.iter().filter_map(pair).collect()))
            }
            Call::Numbers { .. } => Some(Reply::Numbers(list.iter().filter_map(Raw::number).collect())),
            Call::Leave { .. } | Call::Raise { .. } | Call::Found { .. } | Call::Keep { .. } | Call::Fill { .. } => {
                Some(Reply::Nothing)
            }
            Call::Push { .. } => Some(Reply::Pushed(number(0)? == 1)),
            Call::Enter { .. } | Call::Beat { .. } | Call::Submit { .. } => {
                let is_beat = matches!(self, Call::Beat { .. });
                Some(match list.first()?.text()? {
                    "ok" if is_beat => Reply::Alive {
                        n: number(1)?,
                        at_ms: list.get(2)?.number()?,
                        number: number(3)?,
                        left: number(4)?,
                    },
                    "ok" if matches!(self, Call::Enter { .. }) => {
                        Reply::Entered { epoch: Epoch(number(1)?), number: number(2)? }
                    }
                    "ok" => Reply::Committed { number: number(1)?, id: number(2)?, left: number(3)? },
                    "format" => Reply::Format(number(1)?),
                    "partitions" => Reply::Partitions(number(1)?),
                    "live" => Reply::Live { left_ms: number(1)? },
                    "fenced" => Reply::Fenced { number: number(1)? },
                    "done" => Reply::Done { number: number(1)? },
                    "order" => Reply::Order,
                    "stale" => Reply::Stale { number: number(1)? },
                    "full" => Reply::Full { number: number(1)? },
                    "taken" => Reply::Taken { number: number(1)? },
                    "ids" => Reply::NoNumbers,
                    _ => return None,
                })
            }
        }
    }
}

/// Parses `node epoch rest`.
fn owned(text: &str) -> Option<(NodeName, Epoch, &str)> {
    let mut words = text.splitn(3, ' ');
    let node = NodeName::parse(words.next()?)?;
    Some((node, Epoch(words.next()?.parse().ok()?), words.next()?))
}

/// Skips anything unreadable: a faulty node may have written it.
fn look(list: &[Raw]) -> Option<Reply> {
    let [end, nodes, rooms, names, kept, parted] = list else { return None };
    let nodes = nodes.pairs()?.into_iter();
    let nodes = nodes
        .filter_map(|(node, record)| Some((NodeName::parse(node)?, Epoch(record.split(' ').next()?.parse().ok()?))));
    let mut rooms: Vec<Box<str>> = rooms.list()?.iter().filter_map(|room| room.text().map(Into::into)).collect();
    rooms.sort_unstable();
    let names = names.pairs()?.into_iter().filter_map(|(_, record)| {
        let (node, epoch, rest) = owned(record)?;
        let mut words = rest.splitn(3, ' ');
        let client = ClientId(words.next()?.parse().ok()?);
        let name = words.next()?.into();
        Some(NameSnapshot { name, client, node, epoch, details: words.next()?.into() })
    });
    let kept = kept.pairs()?.into_iter().map(|(key, value)| (key.into(), value.into()));
    Some(Reply::Look {
        end: end.text()?.parse().ok()?,
        nodes: nodes.collect(),
        rooms,
        names: names.collect(),
        kept: kept.collect(),
        parted: {
            let node = |held: &Raw| owned(&format!("{} ", held.text()?)).map(|(node, epoch, _)| (node, epoch));
            let mut parted: Vec<_> = parted.list()?.iter().filter_map(node).collect();
            parted.sort_unstable();
            parted
        },
    })
}

fn room(list: &[Raw]) -> Option<Reply> {
    if list.is_empty() {
        return Some(Reply::Room(None));
    }
    let [name, version, sequence, said, core, members, messages, restored_to, restored_by] = list else { return None };
    let members = members.pairs()?.into_iter().filter_map(|(client, record)| {
        let (node, epoch, text) = owned(record)?;
        Some(MemberSnapshot { client: ClientId(client.parse().ok()?), node, epoch, text: text.into() })
    });
    let messages =
        messages.list()?.chunks_exact(2).filter_map(|pair| Some((pair[0].number()?, pair[1].text()?.into())));
    let name = name.text()?;
    Some(Reply::Room(Some(Box::new(RoomSnapshot {
        room: RoomName::written(name.strip_prefix("r:")?).ok()?,
        version: version.number()?,
        sequence: sequence.number().unwrap_or(0),
        said: said.number()?,
        core: core.text()?.into(),
        members: members.collect(),
        messages: messages.collect(),
        restored_to: restored_to.number()?,
        restored_by: restored_by.number()?,
    }))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::values::Log;

    fn list(texts: &[&str]) -> Raw {
        Raw::List(texts.iter().map(|text| Raw::Text((*text).to_owned())).collect())
    }

    #[test]
    fn a_senseless_answer_is_a_failure_and_no_panic() {
        let call = Call::Look { log: Log::Directory };
        for raw in [Raw::Nothing, list(&[]), list(&["1-2"]), Raw::Error("ERR no".to_owned())] {
            assert!(matches!(call.read(&raw), Reply::Failed(_)), "{raw:?}");
        }
        let empty = || list(&[]);
        let names = list(&["bob", "a 1 1001 Bob {}", "x", "", "y", "a 1", "z", "a b c d e"]);
        let raw = Raw::List(vec![
            Raw::Text("1-7".to_owned()),
            list(&["a", "3 0 99", "b c", "1 1 1"]),
            empty(),
            names,
            empty(),
            list(&["a 1", "b", ""]),
        ]);
        let Reply::Look { nodes, names, parted, .. } = call.read(&raw) else { panic!("no look") };
        assert_eq!((nodes.len(), names.len(), parted.len()), (1, 1, 1), "{nodes:?} {names:?} {parted:?}");
    }
}
