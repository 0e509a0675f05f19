//! `:search`: finding messages in the rooms and conversations that this user may read.
//!
//! *Owns* what is searched, for how long, and how many hits are shown.
//! *Knows nothing of* patterns beyond that they match.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::chat::action::Denied;
use crate::chat::conversation::RoomId;
use crate::chat::message::Event;
use crate::chat::pattern;
use crate::hub::older::OlderMessages;
use crate::hub::room::{ArchiveRange, Room, restored};
use crate::hub::stored_search::{StoredHit, StoredHits, StoredSearch};
use crate::hub::worker_pool::{BusyError, Deadline};
use crate::ui::screen::{LineKind, render_hit};

/// Most hits shown: a screen of them.
const MOST_HITS: usize = 20;

/// How long one search may compute. The worst patterns allowed take three milliseconds for the longest message; a
/// history of ordinary ones takes a tenth of this time.
const PATIENCE: Duration = Duration::from_millis(80);

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

/// The part of a search that follows the one in memory: what each room has in the archive, and the ignored users.
struct ArchiveSearch {
    older: OlderMessages,
    /// The rooms of `search`, in the same order.
    rooms: Vec<(Arc<Room>, ArchiveRange)>,
    search: StoredSearch,
}

impl Session {
    /// Searches on a worker thread, which has the stack for it, with no lock held.
    pub(super) fn search(&mut self, pattern: String, only: Option<&RoomId>) {
        let (messages, text) = (self.readable(only), pattern.clone());
        let found = self.compute(move || {
            let pattern = pattern::compile(&pattern)?;
            let found = find(&pattern, &messages);
            Ok::<_, pattern::PatternError>((pattern, found))
        });
        let (pattern, mut found) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(mistake)) => return self.refuse(mistake),
            Err(busy) => return self.refuse(busy),
        };
        let goes_on = !found.more && found.unsearched == 0;
        let archive = goes_on.then(|| self.archive_search(only)).flatten();
        let older = match archive {
            Some(archive) => self.search_archive(archive, pattern, &text, MOST_HITS - found.hits.len()),
            None => Ok(Some(StoredHits::default())),
        };
        match older {
            Ok(Some(older)) => {
                found.add(older);
                self.show_found(&found);
            }
            Ok(None) => {
                self.show_found(&found);
                self.refuse(Denied::NotAtHand);
            }
            Err(busy) => self.refuse(busy),
        }
    }

    /// Searches the archive. `None` if it cannot be reached.
    fn search_archive(
        &self,
        archive: ArchiveSearch,
        pattern: pattern::Pattern,
        text: &str,
        most: usize,
    ) -> Result<Option<StoredHits>, BusyError> {
        let ArchiveSearch { older, rooms, search } = archive;
        // Only a search on other servers needs these.
        #[cfg(not(feature = "cluster"))]
        let _ = (rooms, text);
        match older {
            OlderMessages::Stored(store) => self.compute(move || Some(search.find(&store, &pattern, most))),
            #[cfg(feature = "cluster")]
            OlderMessages::Asked(nodes) => Ok(nodes.ask_search(&rooms, &search, text, most)),
            #[cfg(all(feature = "cluster", feature = "storage"))]
            OlderMessages::Behind => Ok(None),
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

    /// What this user's rooms have on disk and not in memory. `None` if there is nothing of that kind.
    fn archive_search(&self, only: Option<&RoomId>) -> Option<ArchiveSearch> {
        let (actor, now) = (self.actor()?, self.now());
        let is_wanted = |room: &&Arc<Room>| only.is_none_or(|only| only.instance == room.instance());
        let rooms = self.rooms.rooms().filter(is_wanted);
        let rooms: Vec<_> = rooms
            .filter_map(|room| Some((Arc::clone(room), room.archived_range(&actor, now)?)))
            .filter(|(_, older)| older.is_any())
            .collect();
        if rooms.is_empty() {
            return None;
        }
        let search = StoredSearch {
            rooms: rooms.iter().map(|(room, range)| (room.name().clone(), *range)).collect(),
            ignored: self.outbox.ignored().into_iter().map(|user| user.name).collect(),
            own: actor.who.name,
        };
        let older = self.hub.older_messages(rooms.iter().map(|(room, _)| room))?;
        Some(ArchiveSearch { older, rooms, search })
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

impl Found {
    /// Adds hits from the archive, which are older than everything found before.
    fn add(&mut self, older: StoredHits) {
        let StoredHits { hits, cut } = older;
        self.cut |= cut;
        self.hits.extend(hits.into_iter().map(|StoredHit { room, message, range }| {
            let event = Arc::new(Event::Said(restored(message)));
            Hit { place: room.as_str().into(), event, range }
        }));
        self.more |= self.hits.len() > MOST_HITS;
        self.hits.truncate(MOST_HITS);
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
