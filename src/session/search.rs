//! `:search`: finding messages in the rooms and conversations that this user may read.
//!
//! *Owns* what is searched, for how long, and how many hits are shown.
//! *Knows nothing of* patterns beyond that they match.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::chat::conversation::RoomId;
use crate::chat::message::Event;
use crate::chat::names::{RoomName, UserName};
use crate::chat::pattern;
use crate::hub::room::{ArchiveRange, Room, restored};
use crate::hub::worker_pool::Deadline;
use crate::store::Store;
use crate::ui::screen::{LineKind, render_hit};

/// Most hits shown: a screen of them.
const MOST_HITS: usize = 20;

/// How long one search may compute. The worst patterns allowed take three milliseconds for the longest message; a
/// history of ordinary ones takes a tenth of this time.
const PATIENCE: Duration = Duration::from_millis(80);

/// How long one search may read the disk.
const DISK_PATIENCE: Duration = Duration::from_millis(250);

/// How many of the newest messages are always searched. On a loaded machine the time may be over before the thread has
/// run, and with the worst pattern these take as long as a search may.
const ALWAYS: usize = 25;

pub(super) struct Hit {
    pub(super) place: Arc<str>,
    pub(super) event: Arc<Event>,
    pub(super) range: Range<usize>,
}

/// The result of a search.
pub(super) struct Found {
    pub(super) hits: Vec<Hit>,
    /// There are more hits than are shown.
    more: bool,
    /// Messages in memory that there was no time to search.
    unsearched: usize,
    /// There was no time to search everything on disk.
    cut: bool,
}

/// Where a search goes on after memory: what each room has in the archive, and the ignored users.
struct ArchiveSearch {
    store: Arc<Store>,
    rooms: Vec<(RoomName, ArchiveRange)>,
    ignored: Vec<UserName>,
    own: UserName,
}

/// Messages read from the disk at a time.
const PAGE: usize = 500;

impl Session {
    /// Runs on a worker thread, which has the stack for it, with no lock held.
    #[inline(never)]
    pub(super) fn search(&mut self, pattern: String, only: Option<&RoomId>) {
        let archive = self.archive_search(only);
        let (messages, archive) = (self.readable(only), archive.filter(|archive| !archive.rooms.is_empty()));
        let found = self.compute(move || {
            let pattern = pattern::compile(&pattern)?;
            let found = find(&pattern, &messages);
            Ok::<_, pattern::PatternError>((pattern, found))
        });
        let found = match (found, archive) {
            (Ok(Ok((pattern, mut found))), Some(archive)) if !found.more && found.unsearched == 0 => {
                // What has just left memory may not be written yet. If the disk is in trouble, what it has is searched.
                let _ = archive.store.sync();
                self.compute(move || {
                    archive.find(&pattern, &mut found);
                    Ok(found)
                })
            }
            (found, _) => found.map(|found| found.map(|(_, found)| found)),
        };
        match found {
            Ok(Ok(found)) => self.show_found(&found),
            Ok(Err(mistake)) => self.refuse(mistake),
            Err(busy) => self.refuse(busy),
        }
    }

    /// Every message this user may read and does not ignore, newest first, with its room or conversation; or those of one
    /// room.
    fn readable(&self, only: Option<&RoomId>) -> Vec<(Arc<str>, Arc<Event>)> {
        let Some(actor) = self.actor() else { return Vec::new() };
        let now = self.now();
        let mut all: Vec<(Arc<str>, Arc<Event>)> = Vec::new();
        let is_wanted = |room: &RoomId| only.is_none_or(|only| only.instance == room.instance);
        for room in self.rooms.rooms().filter(|room| is_wanted(room.id())) {
            let place: Arc<str> = room.name().as_str().into();
            let in_view = self.rooms.is_viewed(room.id());
            // A temporary message must not stay on the screen where nothing erases it.
            let lasting =
                |event: &Arc<Event>| in_view || event.message().is_some_and(|message| !message.is_temporary());
            let history = room.history(&actor, usize::MAX, now).into_iter().filter(lasting);
            all.extend(history.map(|event| (Arc::clone(&place), event)));
        }
        for pair in self.hub.directs.of(self.outbox.id()).into_iter().filter(|_| only.is_none()) {
            let place: Arc<str> = format!("@{}", pair.partner(self.outbox.id()).name()).into();
            all.extend(pair.history(usize::MAX).into_iter().map(|event| (Arc::clone(&place), event)));
        }
        let (ignored, own) = (self.outbox.ignored(), self.outbox.id());
        all.retain(|(_, event)| {
            let by = |event: &Event| event.message().map(|message| (message.from, message.author.clone()));
            let hidden = |from, author| ignored.iter().any(|who| who.client.is(from) || who.name == author);
            by(event).is_none_or(|(from, author)| from == own || !hidden(from, author))
        });
        let number = |event: &Event| event.message().map(|message| message.id);
        all.sort_unstable_by_key(|(_, event)| std::cmp::Reverse(number(event)));
        // A message to several users is in several conversations.
        all.dedup_by(|(_, one), (_, other)| number(one) == number(other));
        all
    }

    /// What this user's rooms have on disk and not in memory.
    fn archive_search(&self, only: Option<&RoomId>) -> Option<ArchiveSearch> {
        let store = self.hub.store().cloned().filter(|store| store.keeps_history())?;
        let (actor, now) = (self.actor()?, self.now());
        let is_wanted = |room: &&Arc<Room>| only.is_none_or(|only| only.instance == room.instance());
        let rooms = self.rooms.rooms().filter(is_wanted);
        Some(ArchiveSearch {
            store,
            rooms: rooms
                .filter_map(|room| Some((room.name().clone(), room.archived_range(&actor, now)?)))
                .filter(|(_, older)| older.is_any())
                .collect(),
            ignored: self.outbox.ignored().into_iter().map(|user| user.name).collect(),
            own: actor.who.name,
        })
    }

    fn show_found(&self, found: &Found) {
        #[cfg(feature = "json")]
        if self.is_program() {
            self.send_found(found);
            return self.tell_about_search(found);
        }
        self.show_hits(found);
        self.tell_about_search(found);
    }

    #[inline(never)]
    fn show_hits(&self, found: &Found) {
        let mut clock = self.outbox.clock().unwrap_or_else(|| self.hub.clock.clone());
        self.outbox.with_display(|display, out| {
            let mut rows = Vec::new();
            for hit in &found.hits {
                if let Some(message) = hit.event.message() {
                    render_hit(message, &hit.place, hit.range.clone(), display.look(), &mut clock, &mut rows);
                }
            }
            display.write_answer(&rows, out);
        });
        self.outbox.note_events(found.hits.iter().map(|hit| &hit.event));
    }

    #[inline(never)]
    fn tell_about_search(&self, found: &Found) {
        if found.unsearched > 0 {
            let line = format!("That pattern is slow: {} older messages were not searched.", found.unsearched);
            self.outbox.tell(LineKind::News, &line);
        }
        if found.cut {
            self.outbox.tell(LineKind::News, "Search ran out of time; this is only part of it.");
        }
        match (found.hits.len(), found.more) {
            (0, _) => self.outbox.tell(LineKind::News, "Nothing found where you may read."),
            (_, true) => self.outbox.tell(LineKind::News, &format!("There is more: these are the newest {MOST_HITS}.")),
            (_, false) => {}
        }
    }
}

impl ArchiveSearch {
    /// Searches the disk, room by room, newest first, while there is time, and appends what it finds in order.
    fn find(&self, pattern: &pattern::Pattern, found: &mut Found) {
        let deadline = Deadline::after(DISK_PATIENCE);
        let mut hits = Vec::new();
        for (name, older) in &self.rooms {
            let (place, mut before, mut here) = (Arc::<str>::from(name.as_str()), older.before, 0);
            // One hit more than are shown, to know whether there are more.
            while here <= MOST_HITS - found.hits.len() {
                let left = deadline.left();
                let page = match self.store.messages_before(name, before, PAGE, left) {
                    Ok(page) if !left.is_zero() => page,
                    _ => {
                        found.cut = true;
                        break;
                    }
                };
                found.cut |= page.cut;
                let Some(last) = page.messages.last().map(|message| message.id) else { break };
                before = last;
                // This user may not read anything further back.
                let over = last <= older.after;
                for record in page.messages.into_iter().filter(|record| older.has(record.id)) {
                    let shown = record.author == self.own || !self.ignored.contains(&record.author);
                    if let Some(range) = pattern.find(&record.text).filter(|_| shown) {
                        here += 1;
                        let event = Arc::new(Event::Said(restored(record)));
                        hits.push(Hit { place: Arc::clone(&place), event, range });
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
        let number = |hit: &Hit| hit.event.message().map(|message| message.id);
        hits.sort_unstable_by_key(|hit| std::cmp::Reverse(number(hit)));
        found.hits.extend(hits);
        found.more = found.hits.len() > MOST_HITS;
        found.hits.truncate(MOST_HITS);
    }
}

fn find(pattern: &pattern::Pattern, messages: &[(Arc<str>, Arc<Event>)]) -> Found {
    let deadline = Deadline::after(PATIENCE);
    let mut found = Found { hits: Vec::new(), more: false, unsearched: 0, cut: false };
    for (index, (place, event)) in messages.iter().enumerate() {
        if index >= ALWAYS && deadline.is_over() {
            found.unsearched = messages.len() - index;
            break;
        }
        let Some(range) = event.message().and_then(|message| pattern.find(&message.text)) else { continue };
        if found.hits.len() == MOST_HITS {
            found.more = true;
            break;
        }
        found.hits.push(Hit { place: Arc::clone(place), event: Arc::clone(event), range });
    }
    found
}
