//! What a room's entry means for the archive.
//!
//! Configured and persistent rooms are stored, as on a standalone server. For other rooms the latest messages are
//! remembered, because they are stored if the room becomes persistent.
//!
//! *Owns* which rooms are stored. *Knows nothing of* the database, or of how entries arrive.

use std::collections::{HashMap, VecDeque};

use crate::chat::action::Setting;
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::chat::room::{ChangeKind, RoomState};
use crate::cluster::Place;
use crate::hub::nodes::safe::make_safe;
use crate::hub::room::{PlaceEntry, message_record};
use crate::store::{ArchiveWrite, MessageRecord, RoomRecord};

/// What to do about an entry.
#[derive(Debug)]
pub(super) enum ArchiveStep {
    /// Store this.
    Write(ArchiveWrite),
    /// Store the room as it is now in Redis. `kept`: it has just become persistent, with these latest messages.
    Look { room: RoomName, kept: Option<Vec<MessageRecord>> },
}

/// What is known about a room.
struct KnownRoom {
    /// Counts changes to its rules; 0 if unknown.
    version: u64,
    /// Its latest messages, if it is not stored.
    recent: Option<VecDeque<MessageRecord>>,
    /// What was last stored of it.
    stored: Option<RoomRecord>,
}

/// All rooms.
pub(super) struct RoomLedger {
    rooms: HashMap<RoomName, KnownRoom>,
    history_max: usize,
}

impl RoomLedger {
    /// `stored`: the rooms in the database.
    pub(super) fn new(stored: Vec<RoomRecord>, history_max: usize) -> RoomLedger {
        let known = |room: RoomRecord| {
            let name = room.name.clone();
            (name, KnownRoom { version: 0, recent: None, stored: Some(room) })
        };
        RoomLedger { rooms: stored.into_iter().map(known).collect(), history_max }
    }

    /// Whether it is known if the room is stored.
    pub(super) fn knows(&self, room: &RoomName) -> bool {
        self.rooms.contains_key(room)
    }

    /// Adds a room: whether it is stored, and its latest messages.
    pub(super) fn learn(&mut self, room: &RoomName, is_stored: bool, messages: Vec<MessageRecord>) {
        let recent = (!is_stored).then(|| VecDeque::from(messages));
        let stored = self.rooms.remove(room).and_then(|known| known.stored);
        self.rooms.insert(room.clone(), KnownRoom { version: 0, recent, stored });
    }

    /// Removes a closed room.
    pub(super) fn forget(&mut self, room: &RoomName) {
        self.rooms.remove(room);
    }

    /// Whether this differs from what was last stored for the room. Remembers it as stored.
    pub(super) fn is_new(&mut self, record: &RoomRecord) -> bool {
        let Some(known) = self.rooms.get_mut(&record.name) else { return true };
        let is_new = known.stored.as_ref() != Some(record);
        known.stored = Some(record.clone());
        is_new
    }

    /// The steps for an entry.
    pub(super) fn read(&mut self, place: &Place, version: u64, id: Option<u64>, text: &str) -> Vec<ArchiveStep> {
        // Direct messages are never stored.
        let Place::Room(room) = place else { return Vec::new() };
        // All servers log entries that cannot be read.
        let Some(entry) = PlaceEntry::parse(text) else { return Vec::new() };
        let mut change = match entry {
            PlaceEntry::Change(change) => *change,
            PlaceEntry::Said(changes) => {
                let said = changes.into_iter().zip(id.into_iter().flat_map(|first| first..));
                let mut steps: Vec<ArchiveStep> = said
                    .flat_map(|(mut change, id)| {
                        make_safe(&mut change);
                        change.number(MessageId(id));
                        self.message_steps(room, &change.kind)
                    })
                    .collect();
                steps.extend(self.noted(room, version));
                return steps;
            }
            PlaceEntry::Made(core) => {
                if !self.knows(room) {
                    let made = RoomState::assemble(room.clone(), &core, [], [], 0, 0).ok();
                    let is_own = made.is_some_and(|(made, _)| made.created().is_none());
                    self.learn(room, is_own, Vec::new());
                }
                return self.noted(room, version);
            }
            PlaceEntry::Closed(_) => {
                let was_stored = self.rooms.remove(room).is_some_and(|known| known.recent.is_none());
                return if was_stored {
                    vec![ArchiveStep::Write(ArchiveWrite::RoomGone(room.clone()))]
                } else {
                    Vec::new()
                };
            }
            PlaceEntry::Direct(..) => return Vec::new(),
        };
        make_safe(&mut change);
        id.into_iter().for_each(|id| change.number(MessageId(id)));
        let mut steps = self.message_steps(room, &change.kind);
        if let ChangeKind::Set { setting: Setting::Keep(keep), .. } = &change.kind {
            steps.extend(self.kept(room, *keep));
        } else if let ChangeKind::StorageEnded = &change.kind {
            steps.extend(self.kept(room, false));
        }
        steps.extend(self.noted(room, version));
        steps
    }

    /// Notes a room's new version.
    fn noted(&mut self, room: &RoomName, version: u64) -> Vec<ArchiveStep> {
        let Some(known) = self.rooms.get_mut(room) else { return Vec::new() };
        let changed = std::mem::replace(&mut known.version, version) != version;
        let looks = changed && known.recent.is_none();
        if looks { vec![ArchiveStep::Look { room: room.clone(), kept: None }] } else { Vec::new() }
    }

    /// A user makes a room persistent or not.
    fn kept(&mut self, room: &RoomName, keep: bool) -> Option<ArchiveStep> {
        let known = self.rooms.get_mut(room)?;
        if keep {
            let recent = known.recent.take()?;
            return Some(ArchiveStep::Look { room: room.clone(), kept: Some(recent.into()) });
        }
        if known.recent.is_some() {
            return None;
        }
        (known.recent, known.stored) = (Some(VecDeque::new()), None);
        Some(ArchiveStep::Write(ArchiveWrite::RoomGone(room.clone())))
    }

    fn message_steps(&mut self, room: &RoomName, kind: &ChangeKind) -> Vec<ArchiveStep> {
        let write = |write| vec![ArchiveStep::Write(write)];
        let keep = self.history_max;
        let recent = self.rooms.get_mut(room).map(|known| known.recent.as_mut());
        let Some(recent) = recent else { return Vec::new() };
        if let ChangeKind::Said(message) = kind {
            if message.is_temporary() {
                return Vec::new();
            }
            let record = message_record(message);
            let Some(recent) = recent else {
                return write(ArchiveWrite::Said(room.clone(), Box::new(record)));
            };
            if recent.iter().all(|known| known.id != record.id) {
                recent.push_back(record);
            }
            while recent.len() > keep {
                recent.pop_front();
            }
            return Vec::new();
        }
        let edited = if let ChangeKind::Edited { id, text, .. } = kind {
            Some((*id, text.clone()))
        } else if let ChangeKind::ArchivedEdited { message, .. } = kind {
            Some((message.id, message.text.clone()))
        } else {
            None
        };
        let erased = if let ChangeKind::Deleted { id, .. }
        | ChangeKind::ArchivedDeleted { id, .. }
        | ChangeKind::Expired(id) = kind
        {
            Some(*id)
        } else {
            None
        };
        match (recent, edited, erased) {
            (None, Some((id, text)), _) => write(ArchiveWrite::Edited(room.clone(), id, text)),
            (None, None, Some(id)) => write(ArchiveWrite::Erased(room.clone(), id)),
            (Some(recent), Some((id, text)), _) => {
                if let Some(known) = recent.iter_mut().find(|known| known.id == id) {
                    (known.text, known.edited) = (text, true);
                }
                Vec::new()
            }
            (Some(recent), None, Some(id)) => {
                recent.retain(|known| known.id != id);
                Vec::new()
            }
            (_, None, None) => Vec::new(),
        }
    }
}
