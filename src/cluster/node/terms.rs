//! A new Redis has taken over: what it has of a log, and which messages are lost.
//!
//! *Owns* the eras of a log, and the list of messages that users may have seen.
//! *Knows nothing of* how users are told.

use std::collections::VecDeque;

use super::Out;
use super::log_view::{LogView, Reading, RecentMessage};
use crate::cluster::engine::{EndedEra, Past};
use crate::cluster::entry::{Loss, RoomSnapshot};
use crate::cluster::ticket::Outcome;
use crate::cluster::values::{Place, Position};

/// Messages remembered in case Redis loses them: more than a healthy replica ever lags behind.
const RECENT: usize = 4096;

/// Eras remembered. A Redis that takes over may not know the last few.
const ERAS: usize = 16;

impl LogView {
    /// The eras that the node knows of, newest first.
    pub(super) fn eras(&self) -> Vec<Box<str>> {
        self.eras.iter().map(|(era, _)| era.clone()).collect()
    }

    /// A Redis has taken over that has the log up to `end`, in this era, and shares `past` with the node. If the node has
    /// read more than that, the rest is lost, and the log continues from the end once its state is loaded. Returns
    /// whether the era has changed.
    pub(super) fn begin_term(
        &mut self,
        end: Position,
        era: &str,
        ended: &[EndedEra],
        past: Option<Past>,
        out: &mut VecDeque<Out>,
    ) -> bool {
        // The loaded state may be newer than what was read.
        let known = self.position.number.max(self.known_to).max(self.loaded_to);
        let newest = self.recent.iter().map(|message| message.id).max().unwrap_or(0);
        let cut = match past {
            _ if self.eras.is_empty() => None,
            // It has nothing of this log.
            None => Some((0, 0)),
            Some(Past { index: 0, last, .. }) if last.unwrap_or(end.number) >= known => None,
            // It continues an earlier era, as if the later ones had never been.
            Some(Past { index: 1.., last: None, next_message }) => {
                let begun = self.eras.iter().take(past.map_or(0, |past| past.index)).next_back();
                Some((end.number, begun.map_or(next_message, |(_, first)| *first)))
            }
            Some(Past { last, next_message, .. }) => Some((last.unwrap_or(end.number), next_message)),
        };
        if let Some((last, next_message)) = cut {
            self.lost(last, next_message, past.is_none(), out);
            self.lost_after = Some(self.lost_after.map_or(last, |known| known.min(last)));
            self.late.iter_mut().for_each(|(number, ..)| *number = end.number.min(*number));
            self.position = end;
            (self.known_to, self.loaded_to, self.names_to) = (0, 0, 0);
            self.reading = Reading::Behind;
        }
        let is_new = self.eras.front().is_none_or(|(known, _)| **known != *era);
        if !is_new {
            return false;
        }
        // Message numbers increase from era to era, even if one Redis knows nothing of the other.
        let begun = match past {
            // It continues with numbers below those of the later eras, whose Redis may come back in turn.
            Some(Past { index: 1.., last: None, .. }) => {
                self.recent.iter().map(|message| message.id + 1).max().unwrap_or(1)
            }
            _ => ended.first().map_or(newest + 1, |before| before.next_message),
        };
        let mut eras = VecDeque::from([(era.into(), begun)]);
        for (index, EndedEra { era, .. }) in ended.iter().enumerate() {
            eras.push_back((era.clone(), ended.get(index + 1).map_or(0, |before| before.next_message)));
        }
        // The next Redis may know eras that this one does not.
        let others = std::mem::take(&mut self.eras).into_iter();
        let others: Vec<_> = others.filter(|(known, _)| eras.iter().all(|(era, _)| era != known)).collect();
        eras.extend(others);
        eras.truncate(ERAS);
        self.eras = eras;
        true
    }

    /// Redis has lost all entries after `last`, and the messages from `next_message` on.
    fn lost(&mut self, last: u64, next_message: u64, whole: bool, out: &mut VecDeque<Out>) {
        let mut counts: Vec<(Place, u64)> = Vec::new();
        self.recent.retain(|RecentMessage { id, place, since }| {
            let is_lost = *id >= next_message || *since > last;
            if is_lost {
                match counts.iter_mut().find(|(known, _)| known == place) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((place.clone(), 1)),
                }
            }
            !is_lost
        });
        out.extend(counts.into_iter().map(|(place, count)| Out::Lost(Loss { place, count, whole })));
    }

    pub(super) fn remember(&mut self, id: u64, place: &Place, since: u64) {
        self.recent.push_back(RecentMessage { id, place: place.clone(), since });
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    pub(super) fn newest_of(&self, place: &Place) -> u64 {
        self.recent.iter().filter(|known| known.place == *place).map(|known| known.id).max().unwrap_or(0)
    }

    /// Remembers messages that users see because the state was loaded.
    pub(super) fn loaded(&mut self, room: &RoomSnapshot) {
        self.loaded_to = self.loaded_to.max(room.sequence);
        let place = Place::Room(room.room.clone());
        let known = self.newest_of(&place);
        let has = |id: u64| self.recent.iter().any(|message| message.id == id);
        let is_back = |id: u64| id <= room.restored_to;
        let new = room.messages.iter().map(|(id, _)| *id).filter(|id| *id > known || is_back(*id) && !has(*id));
        for id in new.collect::<Vec<_>>() {
            self.remember(id, &place, if is_back(id) { room.restored_by } else { 0 });
        }
    }

    /// A new Redis has taken over, and has the log up to `end`. Commands beyond that were executed and lost before they
    /// were read back.
    pub(super) fn forget_unread(&mut self, out: &mut VecDeque<Out>, end: u64) {
        self.late.extend(self.unread.values().map(|unread| (end, unread.ticket.clone(), Outcome::NotSaid)));
        self.settle(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::names::RoomName;

    #[test]
    fn two_alternating_redis_servers_each_lose_the_others_messages() {
        let place = Place::Room(RoomName::parse("general").expect("a name"));
        let (mut view, mut out) = (LogView::new(), VecDeque::new());
        let mut turn = |term, number, era: &str, past, said: std::ops::RangeInclusive<u64>| {
            view.begin_term(Position { term, number }, era, &[], past, &mut out);
            said.for_each(|id| view.remember(id, &place, 0));
        };
        let goes_on = |next_message| Some(Past { index: 1, last: None, next_message });
        turn(1, 1, "a", None, 1..=4);
        turn(2, 1000, "b", None, 100..=102);
        turn(1, 9, "a", goes_on(5), 5..=9);
        turn(2, 1010, "b", goes_on(103), 103..=103);
        let lost = out.iter().map(|out| match out {
            Out::Lost(loss) => loss.count,
            other => panic!("{other:?}"),
        });
        assert_eq!(lost.collect::<Vec<_>>(), [4, 3, 5]);
    }
}
