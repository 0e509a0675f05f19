//! Copies rooms from their current state in Redis, for gaps between a log and the database, and for entries that only say
//! that something has changed.
//!
//! *Owns* what is logged as missing. *Knows nothing of* single entries.

use std::collections::HashSet;

use jiff::Timestamp;

use super::entries::RoomLedger;
use super::{Archive, ArchiveError, Reading};
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room::{RoomState, parse_message};
use crate::cluster::{Log, LogReader, Place, Position, RoomSnapshot};
use crate::hub::nodes::safe::clean_message;
use crate::hub::room::{message_record, room_record};
use crate::store::{ArchiveWrite, MemberRecord, MessageRecord, RoomRecord};

/// A room as found in Redis.
struct FoundRoom {
    /// `None` if it is not to be stored.
    record: Option<RoomRecord>,
    messages: Vec<MessageRecord>,
    /// How many messages were ever posted.
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
            // A guest is identified by a connection, which ends with the server.
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

/// The messages of a room that has just become persistent: the latest ones read, and older ones from Redis.
fn last_messages(known: Vec<MessageRecord>, found: Vec<MessageRecord>, most: usize) -> Vec<MessageRecord> {
    let first = known.first().map_or(MessageId(u64::MAX), |message| message.id);
    let mut all: Vec<_> = found.into_iter().filter(|message| message.id < first).chain(known).collect();
    all.drain(..all.len().saturating_sub(most));
    all
}

impl Archive {
    /// Finds out whether an unknown room is stored.
    pub(super) fn learn(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        log: Log,
        place: &Place,
    ) -> Result<(), ArchiveError> {
        let Place::Room(room) = place else { return Ok(()) };
        if reading.rooms.knows(room) {
            return Ok(());
        }
        // A room that no longer exists was a user's. What was posted in it since the database's position is still to be
        // read.
        let found =
            reader.room(log, &key(room))?.and_then(|(snapshot, _)| FoundRoom::read(&snapshot, self.store.now()));
        let is_own = found.and_then(|found| found.record).is_some_and(|record| record.made.is_none());
        reading.rooms.learn(room, is_own, Vec::new());
        Ok(())
    }

    /// Stores a room's current state. `kept`: it has just become persistent, with these latest messages.
    pub(super) fn look_at(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        room: &RoomName,
        kept: Option<Vec<MessageRecord>>,
    ) -> Result<Vec<ArchiveWrite>, ArchiveError> {
        let log = self.cluster.partitions().of_place(&Place::Room(room.clone()));
        let found =
            reader.room(log, &key(room))?.and_then(|(snapshot, _)| FoundRoom::read(&snapshot, self.store.now()));
        // Later entries in the log tell what happened to it.
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

    /// Brings the database up to date with Redis for a log that does not reach back far enough. `lost`: Redis has lost
    /// something that the database has.
    pub(super) fn catch_up(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        log: Log,
        lost: bool,
    ) -> Result<(), ArchiveError> {
        let from = reading.places.get(&log).copied().unwrap_or_default();
        let is_first = from == Position::START;
        if lost {
            log::warn!("archive: Redis has lost a part of the log {log}; what is already stored stays");
        } else if !is_first {
            log::info!("archive: the log {log} no longer reaches back to {from}; the rest is read from the histories");
        }
        reading.ahead = true;
        if log == Log::Directory {
            self.catch_up_with_directory(reader, reading, is_first, lost)?;
            reading.ahead = false;
            return Ok(());
        }
        let (end, keys) = reader.rooms(log)?;
        let mut there = HashSet::new();
        // The first time too: it may have been cut short, and what it stored may have been erased since.
        let changed = reader.gone(log)?;
        for key in keys {
            let Some((snapshot, numbers)) = reader.room(log, &key)? else { continue };
            there.insert(snapshot.room.clone());
            let Some(found) = FoundRoom::read(&snapshot, self.store.now()) else { continue };
            let writes = {
                let mut writes = self.writes_of(&mut reading.rooms, &snapshot.room, found, &numbers, is_first)?;
                // If a message was edited and has since left the history, its text is unknown, and the old text must not
                // stay.
                let is_there = |number: &u64| snapshot.messages.iter().any(|(id, _)| id == number);
                let here = changed.iter().filter(|(room, _)| *room == key).map(|(_, number)| *number);
                let gone = here.filter(|number| !is_there(number)).map(MessageId);
                writes.extend(gone.map(|id| ArchiveWrite::Erased(snapshot.room.clone(), id)));
                writes
            };
            self.store_piece(&reading.places, &reading.places, writes)?;
        }
        let mut gone = Vec::new();
        if !lost {
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

    /// What to store for one room of such a log.
    fn writes_of(
        &self,
        rooms: &mut RoomLedger,
        name: &RoomName,
        found: FoundRoom,
        numbers: &[u64],
        is_first: bool,
    ) -> Result<Vec<ArchiveWrite>, ArchiveError> {
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
