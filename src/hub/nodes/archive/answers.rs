//! Answers other servers' questions from the database.
//!
//! The server that asks has already decided who may read what. Questions are still parsed as untrusted input: a faulty
//! server gets at most an answer of the usual size.
//!
//! *Owns* the answering thread. *Knows nothing of* users.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{AGAIN, Archive};
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::pattern;
use crate::cluster::{NodeName, Place, ReadLogError};
use crate::hub::nodes::question::{ArchiveAnswer, MOST_MESSAGES, Question, Told, WantedMessages, WantedRoom};
use crate::hub::nodes::questions::PATIENCE;
use crate::hub::room::ArchiveRange;
use crate::hub::stored_search::StoredSearch;

/// How long a page may take.
const PAGE: Duration = Duration::from_millis(500);

/// Time to send an answer to the server that waits for it.
const ON_THE_WAY: Duration = Duration::from_millis(200);

/// Most rooms in one question.
const MOST_ROOMS: usize = 1000;

/// Most search hits per room.
const MOST_HITS: usize = 100;

/// Stack of the thread. It compiles patterns, like the worker threads.
const STACK: usize = 2 * 1024 * 1024;

/// How long the thread waits for a question before it checks whether to stop.
const LOOK: Duration = Duration::from_millis(500);

impl Archive {
    /// Starts answering.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn answer_questions(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let archive = Arc::clone(self);
        let thread = thread::Builder::new().name("archive-answer".to_owned()).stack_size(STACK);
        thread.spawn(move || {
            while !archive.is_stopping() {
                if let Err(why) = archive.serve() {
                    log::debug!("archive: no questions can be answered: {why}");
                    archive.pause(AGAIN, false);
                }
            }
        })
    }

    fn serve(&self) -> Result<(), ReadLogError> {
        let mut line = self.cluster.question_line()?;
        while !self.is_stopping() {
            let Some(text) = line.next_question(LOOK)? else { continue };
            let Ok(question) = serde_json::from_str::<Question>(&text) else {
                log::warn!("archive: a question cannot be read and is left out");
                continue;
            };
            let Some(from) = NodeName::parse(&question.from) else { continue };
            // The asking server no longer waits.
            let left = question.until.saturating_sub(self.cluster.now().as_millisecond());
            let Ok(left) = u64::try_from(left) else { continue };
            let left = Duration::from_millis(left).min(PATIENCE).saturating_sub(ON_THE_WAY);
            // Without an answer the user is told that nothing is at hand, rather than shown a part with a gap.
            let Some(answer) = self.answer_to(question, Instant::now() + left) else { continue };
            // Plain values: this cannot fail.
            let text = serde_json::to_string(&answer).unwrap_or_default();
            if !line.answer(&from, &text)? {
                log::warn!("archive: the node {from} does not collect its answers");
            }
        }
        Ok(())
    }

    /// The answer, if there is one by then.
    fn answer_to(&self, question: Question, until: Instant) -> Option<ArchiveAnswer> {
        let number = question.number;
        match question.what {
            WantedMessages::Page { room, count } => {
                let (name, range) = self.room(&room, until)?;
                let count = count.min(MOST_MESSAGES);
                let page = self.store.messages_before(&name, range.before, count, PAGE).ok()?;
                let told = page.messages.into_iter().filter(|message| range.has(message.id));
                let told = told.map(|message| Told::new(&name, message, None)).collect();
                Some(ArchiveAnswer { number, told, cut: page.cut })
            }
            WantedMessages::Search { pattern, rooms, ignored, own, most } => {
                let pattern = pattern::compile(&pattern).ok()?;
                let search = StoredSearch {
                    rooms: self.all_rooms(&rooms, until)?,
                    ignored: ignored.iter().filter_map(|name| UserName::written(name).ok()).collect(),
                    own: UserName::written(&own).ok()?,
                };
                let found = search.find(&self.store, &pattern, most.min(MOST_HITS));
                let told = found.hits.into_iter().take(MOST_MESSAGES);
                let told = told.map(|hit| Told::new(&hit.room, hit.message, Some(hit.range))).collect();
                Some(ArchiveAnswer { number, told, cut: found.cut })
            }
            WantedMessages::Message { id, rooms } => {
                self.all_rooms(&rooms, until)?;
                let found = self.store.message(MessageId(id)).ok()?;
                let told = found.map(|(room, message)| Told::new(&room, message, None)).into_iter().collect();
                Some(ArchiveAnswer { number, told, cut: false })
            }
            WantedMessages::LastBy { account, rooms } => {
                let last = |(name, _): (RoomName, ArchiveRange)| {
                    let message = self.store.last_message_by(AccountId(account), &name).ok()??;
                    Some(Told::new(&name, message, None))
                };
                let told = self.all_rooms(&rooms, until)?.into_iter().filter_map(last).collect();
                Some(ArchiveAnswer { number, told, cut: false })
            }
        }
    }

    fn all_rooms(&self, wanted: &[WantedRoom], until: Instant) -> Option<Vec<(RoomName, ArchiveRange)>> {
        wanted.iter().take(MOST_ROOMS).map(|room| self.room(room, until)).collect()
    }

    /// Finds the requested room, once the database has caught up with the asking server. `None` if it will not in time.
    fn room(&self, wanted: &WantedRoom, until: Instant) -> Option<(RoomName, ArchiveRange)> {
        let name = RoomName::written(&wanted.name).ok()?;
        let log = self.cluster.partitions().of_place(&Place::Room(name.clone()));
        if !self.wait_for(log, wanted.entry, until) {
            return None;
        }
        // The database stores signed numbers.
        let before = MessageId(wanted.before.min(i64::MAX.unsigned_abs()));
        Some((name, ArchiveRange { before, after: MessageId(wanted.after) }))
    }
}
