//! Finding what was said, where this user may read.
//!
//! *Owns* what is looked through, for how long, and how many hits are shown.
//! *Knows nothing of* patterns beyond that they match.
//! *Called by* `session::effects`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::chat::message::Event;
use crate::chat::names::{RoomName, UserName};
use crate::chat::pattern;
use crate::hub::room::{ArchiveRange, restored};
use crate::hub::worker_pool::Deadline;
use crate::store::Store;
use crate::ui::screen::{LineKind, render_hit};

/// Most hits shown: a screen of them.
const MOST_HITS: usize = 20;

/// How long one search may compute. The worst patterns allowed take three milliseconds for the longest message; a
/// history of ordinary ones takes a tenth of this time.
const PATIENCE: Duration = Duration::from_millis(80);

/// The same for what has to be read from the disk.
const DISK_PATIENCE: Duration = Duration::from_millis(250);

/// Messages looked at in any case, the newest. On a loaded machine the time may be over before the thread has had its turn,
/// and with the worst pattern they take as long as a search may.
const ALWAYS: usize = 25;

/// One message found.
struct Hit {
    place: Arc<str>,
    event: Arc<Event>,
    range: Range<usize>,
}

/// What came of a search.
struct Found {
    hits: Vec<Hit>,
    /// There are more hits than are shown.
    more: bool,
    /// Messages in memory that there was no time for.
    unsearched: usize,
    /// There was no time for all that is on disk.
    cut: bool,
}

/// Where to go on looking when memory is through: every room with its oldest message in memory, and who is not read.
struct Beyond {
    store: Arc<Store>,
    rooms: Vec<(RoomName, ArchiveRange)>,
    ignored: Vec<UserName>,
    own: UserName,
}

/// Messages read from the disk at a time.
const PAGE: usize = 500;

impl Session {
    /// Looked for on a thread that has the stack for it, with no lock held.
    #[inline(never)]
    pub(super) fn search(&mut self, pattern: String) {
        let (messages, beyond) = (self.readable(), self.beyond().filter(|beyond| !beyond.rooms.is_empty()));
        let found = self.compute(move || {
            let pattern = pattern::compile(&pattern)?;
            let found = find(&pattern, &messages);
            Ok::<_, pattern::PatternError>((pattern, found))
        });
        let found = match (found, beyond) {
            (Ok(Ok((pattern, mut found))), Some(beyond)) if !found.more && found.unsearched == 0 => {
                // What has just left memory may not be written yet. Where the disk is in trouble, what it has is looked
                // through.
                let _ = beyond.store.sync();
                self.compute(move || {
                    beyond.find(&pattern, &mut found);
                    Ok(found)
                })
            }
            (found, _) => found.map(|found| found.map(|(_, found)| found)),
        };
        match found {
            Ok(Ok(found)) => self.show_found(&found),
            Ok(Err(mistake)) => self.outbox.tell(LineKind::Refusal, &mistake.to_string()),
            Err(busy) => self.outbox.tell(LineKind::Refusal, &busy.to_string()),
        }
    }

    /// Everything this user may read and does not ignore, newest first, with the place it was said in.
    fn readable(&self) -> Vec<(Arc<str>, Arc<Event>)> {
        let Some(actor) = self.actor() else { return Vec::new() };
        let now = self.now();
        let mut all: Vec<(Arc<str>, Arc<Event>)> = Vec::new();
        for room in self.rooms.rooms() {
            let place: Arc<str> = room.name().as_str().into();
            let in_view = self.rooms.is_viewed(room.id());
            // What is to be erased in time must not stand where nothing tells of its end.
            let lasting =
                |event: &Arc<Event>| in_view || event.message().is_some_and(|message| !message.is_temporary());
            let history = room.history(&actor, usize::MAX, now).into_iter().filter(lasting);
            all.extend(history.map(|event| (Arc::clone(&place), event)));
        }
        for pair in self.hub.directs.of(self.outbox.id()) {
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
        // What was sent to several people stands in several conversations.
        all.dedup_by(|(_, one), (_, other)| number(one) == number(other));
        all
    }

    /// What of the rooms this user may read is on disk and not in memory.
    fn beyond(&self) -> Option<Beyond> {
        let store = self.hub.store().cloned().filter(|store| store.keeps_history())?;
        let (actor, now) = (self.actor()?, self.now());
        let rooms = self.rooms.rooms();
        Some(Beyond {
            store,
            rooms: rooms
                .filter_map(|room| Some((room.name().clone(), room.older_than(&actor, now)?)))
                .filter(|(_, older)| older.is_any())
                .collect(),
            ignored: self.outbox.ignored().into_iter().map(|user| user.name).collect(),
            own: actor.who.name,
        })
    }

    fn show_found(&self, found: &Found) {
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
        if found.unsearched > 0 {
            let line = format!("That pattern takes long: {} older messages were not looked at.", found.unsearched);
            self.outbox.tell(LineKind::News, &line);
        }
        if found.cut {
            self.outbox.tell(LineKind::News, "There was no time to look at everything that is kept on disk.");
        }
        match (found.hits.len(), found.more) {
            (0, _) => self.outbox.tell(LineKind::News, "Nothing found where you may read."),
            (_, true) => self.outbox.tell(LineKind::News, &format!("There is more: these are the newest {MOST_HITS}.")),
            (_, false) => {}
        }
    }
}

impl Beyond {
    /// Goes on from memory to the disk: room by room, newest first, as long as there is time, and puts what it finds in
    /// order behind what was found before.
    fn find(&self, pattern: &pattern::Pattern, found: &mut Found) {
        let deadline = Deadline::after(DISK_PATIENCE);
        let mut hits = Vec::new();
        for (name, older) in &self.rooms {
            let (place, mut before, mut here) = (Arc::<str>::from(name.as_str()), older.before, 0);
            // One more than are shown, to know whether there are more.
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
                // Nothing further back is for this user either.
                let over = last <= older.after;
                for kept in page.messages.into_iter().filter(|kept| older.has(kept.id)) {
                    let shown = kept.author == self.own || !self.ignored.contains(&kept.author);
                    if let Some(range) = pattern.find(&kept.text).filter(|_| shown) {
                        here += 1;
                        let event = Arc::new(Event::Said(restored(kept)));
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
