//! Searching stored messages.
//!
//! *Owns* how long a search may read the disk, and in which order it reads.
//! *Knows nothing of* who may read what: the caller names the rooms, and how far back.

use std::ops::Range;
use std::time::Duration;

use super::room::ArchiveRange;
use super::worker_pool::Deadline;
use crate::chat::names::{RoomName, UserName};
use crate::chat::pattern::Pattern;
use crate::store::{MessageRecord, Store};

/// How long one search may read the disk.
const PATIENCE: Duration = Duration::from_millis(250);

/// Messages read from the disk at a time.
const PAGE: usize = 500;

/// What is searched.
#[derive(Clone, Debug)]
pub(crate) struct StoredSearch {
    /// The rooms, and what of each.
    pub(crate) rooms: Vec<(RoomName, ArchiveRange)>,
    /// Authors who are passed over.
    pub(crate) ignored: Vec<UserName>,
    /// The one who searches, who is never passed over.
    pub(crate) own: UserName,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub(crate) struct StoredHit {
    /// Where.
    pub(crate) room: RoomName,
    /// The message.
    pub(crate) message: MessageRecord,
    /// Which bytes of its text.
    pub(crate) range: Range<usize>,
}

/// What was found, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredHits {
    /// The newest of each room.
    pub(crate) hits: Vec<StoredHit>,
    /// There was no time to search everything.
    pub(crate) cut: bool,
}

impl StoredSearch {
    /// Searches the disk, room by room, newest first, while there is time: up to `most` hits in each room, and one more, so that
    /// it is known whether there are more.
    pub(crate) fn find(&self, store: &Store, pattern: &Pattern, most: usize) -> StoredHits {
        let deadline = Deadline::after(PATIENCE);
        let mut found = StoredHits::default();
        for (name, older) in &self.rooms {
            let (mut before, mut here) = (older.before, 0);
            while here <= most {
                let left = deadline.left();
                let page = match store.messages_before(name, before, PAGE, left) {
                    Ok(page) if !left.is_zero() => page,
                    Ok(_) | Err(_) => {
                        found.cut = true;
                        break;
                    }
                };
                found.cut |= page.cut;
                let Some(last) = page.messages.last().map(|message| message.id) else { break };
                before = last;
                // This user may not read anything further back.
                let over = last <= older.after;
                for message in page.messages.into_iter().filter(|message| older.has(message.id)) {
                    let shown = message.author == self.own || !self.ignored.contains(&message.author);
                    if let Some(range) = pattern.find(&message.text).filter(|_| shown) {
                        here += 1;
                        found.hits.push(StoredHit { room: name.clone(), message, range });
                    }
                    if deadline.is_over() {
                        found.cut = true;
                        break;
                    }
                }
                if found.cut || over {
                    break;
                }
            }
        }
        found.hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.message.id));
        found
    }
}
