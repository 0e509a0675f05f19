//! What is stored of rooms as they are in Redis: where a log does not reach back to what the database has, and where an entry
//! says only that something has changed.
//!
//! *Owns* what is reported as missing. *Knows nothing of* single entries.

use std::collections::HashSet;

use jiff::Timestamp;

use super::entries::RoomLedger;
use super::{Archive, Reading, Trouble};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room::{RoomState, parse_message};
use crate::cluster::{Log, LogReader, Place, Position, RoomSnapshot};
use crate::hub::nodes::safe::clean_message;
use crate::hub::room::{message_record, room_record};
use crate::store::{ArchiveWrite, MemberRecord, MessageRecord, RoomRecord};

/// A room as Redis has it.
struct FoundRoom {
    /// `None`: it is not to be stored.
    record: Option<RoomRecord>,
    messages: Vec<MessageRecord>,
    /// Messages ever said.
    said: u64,
}

impl FoundRoom {
    fn read(snapshot: &RoomSnapshot, at: Timestamp) -> Option<FoundRoom> {
        let name = &snapshot.room;
        let room = match RoomState::assemble(name.clone(), &snapshot.core, [], [], snapshot.said, 0) {
            Ok((room, _)) => room,
            Err(error) => {
                log::error!("archive: the room {name} cannot be read: {error}");
                return None;
            }
        };
        let messages = snapshot.messages.iter().filter_map(|(id, text)| {
            let mut message = parse_message(text).ok()?;
            message.id = MessageId(*id);
            clean_message(&mut message);
            (!message.is_temporary()).then(|| message_record(&message))
        });
        let messages = messages.collect();
        let record = (room.created().is_none() || room.is_kept()).then(|| {
            let mut lists = room.moderation().lists(at);
            // A guest is known by a connection, which ends with the server.
            lists.admins.retain(|admin| admin.who.account.is_some());
            let (mut record, _) = room_record(&room, name, lists);
            let members = room.accounts_since().map(|(account, since)| MemberRecord { account, since });
            record.members = members.collect();
            record.members.sort_by_key(|member| member.account);
            record
        });
        Some(FoundRoom { record, messages, said: snapshot.said })
    }
}

/// The messages of a room that is kept from now on: the last ones that were read, and what Redis has from before these.
fn last_messages(known: Vec<MessageRecord>, found: Vec<MessageRecord>, most: usize) -> Vec<MessageRecord> {
    let first = known.first().map_or(MessageId(u64::MAX), |message| message.id);
    let mut all: Vec<_> = found.into_iter().filter(|message| message.id < first).chain(known).collect();
    all.drain(..all.len().saturating_sub(most));
    all
}

impl Archive {
    /// Finds out whether a room that is not known yet is stored.
    pub(super) fn learn(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        log: Log,
        place: &Place,
    ) -> Result<(), Trouble> {
        let Place::Room(room) = place else { return Ok(()) };
        if reading.rooms.knows(room) {
            return Ok(());
        }
        // One that is gone by now was a user's. What was said in it since the database's place is still to be read.
        let found =
            reader.room(log, &key(room))?.and_then(|(snapshot, _)| FoundRoom::read(&snapshot, self.store.now()));
        let is_own = found.and_then(|found| found.record).is_some_and(|record| record.made.is_none());
        reading.rooms.learn(room, is_own, Vec::new());
        Ok(())
    }

    /// Stores a room as it is now. `kept`: it is kept from here on, with these last messages.
    pub(super) fn look_at(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        room: &RoomName,
        kept: Option<Vec<MessageRecord>>,
    ) -> Result<Vec<ArchiveWrite>, Trouble> {
        let log = self.cluster.partitions().of_place(&Place::Room(room.clone()));
        let found =
            reader.room(log, &key(room))?.and_then(|(snapshot, _)| FoundRoom::read(&snapshot, self.store.now()));
        // What follows in the log says what has become of it.
        let Some(FoundRoom { record: Some(record), messages, .. }) = found else { return Ok(Vec::new()) };
        let mut writes = Vec::new();
        if reading.rooms.is_new(&record) {
            writes.push(ArchiveWrite::Room(Box::new(record)));
        }
        if let Some(known) = kept {
            let said = last_messages(known, messages, self.history_max).into_iter();
            writes.extend(said.map(|message| ArchiveWrite::Said(room.clone(), Box::new(message))));
        }
        Ok(writes)
    }

    /// Brings the database to what Redis has of a log, where the log itself does not reach back far enough. `lost`: Redis has
    /// lost something that the database has.
    pub(super) fn catch_up(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        log: Log,
        lost: bool,
    ) -> Result<(), Trouble> {
        let from = reading.places.get(&log).copied().unwrap_or_default();
        let is_first = from == Position::START;
        if lost {
            log::warn!("archive: Redis has lost a part of the log {log}; what is stored of it stays");
        } else if !is_first {
            log::info!("archive: the log {log} no longer reaches back to {from}; the rest is read from the histories");
        }
        reading.ahead = true;
        if log == Log::Directory {
            self.catch_up_with_directory(reader, reading, is_first || lost)?;
            reading.ahead = false;
            return Ok(());
        }
        let (end, keys) = reader.rooms(log)?;
        let mut there = HashSet::new();
        let changed = if is_first { Vec::new() } else { reader.gone(log)? };
        for key in keys {
            let Some((snapshot, numbers)) = reader.room(log, &key)? else { continue };
            there.insert(snapshot.room.clone());
            let Some(found) = FoundRoom::read(&snapshot, self.store.now()) else { continue };
            let writes = {
                let mut writes = self.writes_of(&mut reading.rooms, &snapshot.room, found, &numbers, is_first)?;
                // One that was edited and has left the history has a text that nobody knows: the old one must not stay.
                let is_there = |number: &u64| snapshot.messages.iter().any(|(id, _)| id == number);
                let here = changed.iter().filter(|(room, _)| *room == key).map(|(_, number)| *number);
                let gone = here.filter(|number| !is_there(number)).map(MessageId);
                writes.extend(gone.map(|id| ArchiveWrite::Erased(snapshot.room.clone(), id)));
                writes
            };
            self.store_piece(&reading.places, &reading.places, writes)?;
        }
        let mut gone = Vec::new();
        if !is_first && !lost {
            let is_gone = |room: &RoomRecord| {
                room.made.is_some()
                    && !there.contains(&room.name)
                    && self.cluster.partitions().of_place(&Place::Room(room.name.clone())) == log
            };
            for room in self.store.archived_rooms()?.into_iter().filter(is_gone) {
                reading.rooms.forget(&room.name);
                gone.push(ArchiveWrite::RoomGone(room.name));
            }
        }
        let before = reading.places.clone();
        reading.places.insert(log, end);
        self.store_piece(&before, &reading.places, gone)?;
        reading.ahead = false;
        Ok(())
    }

    /// What is stored of one room of such a log.
    fn writes_of(
        &self,
        rooms: &mut RoomLedger,
        name: &RoomName,
        found: FoundRoom,
        numbers: &[u64],
        is_first: bool,
    ) -> Result<Vec<ArchiveWrite>, Trouble> {
        let FoundRoom { record, messages, said } = found;
        let Some(record) = record else {
            rooms.learn(name, false, messages);
            return Ok(Vec::new());
        };
        rooms.learn(name, true, Vec::new());
        if !is_first && let Some(first) = numbers.first() {
            let newest = self.store.newest_archived(name)?.map_or(0, |id| id.0);
            if newest < *first && said > numbers.len() as u64 {
                log::warn!("archive: messages of {name} between #{newest} and #{first} are in neither log nor history");
            }
        }
        let mut writes = Vec::new();
        if rooms.is_new(&record) {
            writes.push(ArchiveWrite::Room(Box::new(record)));
        }
        let there: HashSet<u64> = messages.iter().map(|message| message.id.0).collect();
        let erased = numbers.iter().filter(|number| !there.contains(number));
        writes.extend(erased.map(|number| ArchiveWrite::Erased(name.clone(), MessageId(*number))));
        let since = self.store.retention_start();
        for message in messages.into_iter().filter(|message| since.is_none_or(|since| message.at >= since)) {
            let edited = message.edited.then(|| (message.id, message.text.clone()));
            writes.push(ArchiveWrite::Said(name.clone(), Box::new(message)));
            writes.extend(edited.map(|(id, text)| ArchiveWrite::Edited(name.clone(), id, text)));
        }
        Ok(writes)
    }
}

fn key(room: &RoomName) -> String {
    format!("r:{}", room.folded())
}
