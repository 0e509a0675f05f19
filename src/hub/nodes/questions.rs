//! Asks an archive for messages that this server no longer has.
//!
//! What a user may read is decided here before the question is sent; the archive answers anything. Answers are parsed as
//! untrusted input: messages that were not asked for are dropped.
//!
//! *Owns* the pending questions and their thread, and how long an answer may take.
//! *Knows nothing of* the archive's database.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Nodes;
use super::question::{ArchiveAnswer, MOST_MESSAGES, Question, Told, WantedMessages, WantedRoom};
use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::RoomName;
use crate::cluster::{Cluster, Command, NodeName, QuestionLine};
use crate::hub::accounts::Retention;
use crate::hub::room::{ArchiveRange, Room};
use crate::hub::stored_search::{StoredHit, StoredHits, StoredSearch};
use crate::store::MessageRecord;

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Most pending questions from this server.
const MOST_ASKED: usize = 64;

/// How long the thread waits for an answer before it checks for other questions.
const LOOK: Duration = Duration::from_millis(50);

/// Stack of the thread.
const STACK: usize = 256 * 1024;

/// Pending questions.
#[derive(Default)]
struct UnderWay {
    last: u64,
    unsent: VecDeque<(u64, String)>,
    asked: HashMap<u64, (Instant, SyncSender<ArchiveAnswer>)>,
    stopping: bool,
}

/// Sends this server's questions.
pub(crate) struct Asker {
    cluster: Arc<Cluster>,
    /// A leaf.
    state: Mutex<UnderWay>,
    changed: Condvar,
}

impl Asker {
    /// Starts the thread, which sleeps while there are no questions.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start(cluster: Arc<Cluster>) -> std::io::Result<(Arc<Asker>, JoinHandle<()>)> {
        let asker = Arc::new(Asker { cluster, state: Mutex::default(), changed: Condvar::new() });
        let asking = Arc::clone(&asker);
        let thread = thread::Builder::new().name("archive-ask".to_owned()).stack_size(STACK);
        Ok((asker, thread.spawn(move || asking.run())?))
    }

    /// Stops the thread. Waiting users get no answer.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        state.asked.clear();
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, UnderWay> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a question and waits for the answer.
    fn ask(&self, what: WantedMessages) -> Option<ArchiveAnswer> {
        let until = self.cluster.now().as_millisecond() + i64::try_from(PATIENCE.as_millis()).unwrap_or(0);
        // A buffer for the answer, so that the thread never waits for the asker.
        let (send, answered) = mpsc::sync_channel(1);
        let mut state = self.state();
        if state.stopping || state.asked.len() >= MOST_ASKED {
            return None;
        }
        state.last += 1;
        let number = state.last;
        let question = Question { from: self.cluster.node().to_string(), number, until, what };
        // Plain values: this cannot fail.
        let text = serde_json::to_string(&question).ok()?;
        state.asked.insert(number, (Instant::now() + PATIENCE, send));
        state.unsent.push_back((number, text));
        drop(state);
        self.changed.notify_all();
        let answer = answered.recv_timeout(PATIENCE);
        self.state().asked.remove(&number);
        answer.ok()
    }

    fn run(&self) {
        let mut line: Option<QuestionLine> = None;
        loop {
            let mut state = self.state();
            while state.asked.is_empty() && !state.stopping {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stopping {
                return;
            }
            let now = Instant::now();
            state.asked.retain(|_, (until, _)| *until > now);
            let unsent = std::mem::take(&mut state.unsent);
            drop(state);
            if let Err(why) = self.serve(&mut line, unsent) {
                log::debug!("cluster: an archive could not be asked: {why}");
                line = None;
                // Those who wait get no answer; the next question tries again.
                self.state().asked.clear();
            }
        }
    }

    fn serve(
        &self,
        line: &mut Option<QuestionLine>,
        unsent: VecDeque<(u64, String)>,
    ) -> Result<(), crate::cluster::ReadLogError> {
        let line = match line {
            Some(line) => line,
            None => line.insert(self.cluster.question_line()?),
        };
        for (number, text) in unsent {
            if !line.ask(&text)? {
                self.state().asked.remove(&number);
            }
        }
        let Some(text) = line.next_answer(self.cluster.node(), LOOK)? else { return Ok(()) };
        match serde_json::from_str::<ArchiveAnswer>(&text) {
            Ok(answer) if answer.told.len() <= MOST_MESSAGES => {
                if let Some((_, waiting)) = self.state().asked.remove(&answer.number) {
                    // The buffer has room for one answer, and this is the only one.
                    let _ = waiting.try_send(answer);
                }
            }
            Ok(_) | Err(_) => log::warn!("cluster: an answer of an archive cannot be read and is left out"),
        }
        Ok(())
    }
}

/// What all servers know about an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveFacts {
    /// Whether it stores messages.
    pub(super) history: bool,
    /// For how many days; `None`: without limit.
    pub(super) days: Option<u64>,
    /// How many accounts it has, if Redis has lost them all.
    pub(super) lost_accounts: u64,
}

impl ArchiveFacts {
    pub(super) fn new(history: bool, retention: Option<Duration>, lost_accounts: u64) -> ArchiveFacts {
        ArchiveFacts { history, days: retention.map(|retention| retention.as_secs() / 86_400), lost_accounts }
    }

    /// Tells all servers what is known about an archive; `None`: it is none any more.
    pub(super) fn command(node: &NodeName, facts: Option<ArchiveFacts>) -> Command {
        // Plain values: this cannot fail.
        let text: Box<str> = serde_json::to_string(&ArchiveNote { archive: facts }).unwrap_or_default().into();
        let kept = if facts.is_some() { text.clone() } else { Box::default() };
        Command::Note { text, kept: Some((format!("{KEPT}{node}").into(), kept)) }
    }
}

/// A server is an archive, or no longer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveNote {
    archive: Option<ArchiveFacts>,
}

/// The prefix of an archive's name in stored keys.
const KEPT: &str = "archive ";

/// The key of the summary of an imported database.
pub(crate) const IMPORTED: &str = "imported";

impl Nodes {
    /// Tells the other servers whether this one is an archive.
    pub(crate) fn tell_archive(&self, facts: Option<(bool, Option<Duration>)>) {
        let Some(cluster) = self.cluster.get() else { return };
        let node = cluster.node().clone();
        let facts = facts.map(|(history, retention)| ArchiveFacts::new(history, retention, 0));
        if facts.is_none() && !self.view().archives.contains_key(&node) {
            return;
        }
        self.learn_archive(&node, facts);
        // An archive repeats it whenever it begins to read.
        drop(self.submit(ArchiveFacts::command(&node, facts)));
    }

    fn learn_archive(&self, node: &NodeName, facts: Option<ArchiveFacts>) {
        let mut view = self.view();
        match facts {
            Some(facts) => drop(view.archives.insert(node.clone(), facts)),
            None => drop(view.archives.remove(node)),
        }
    }

    /// Whether a note says that its server is an archive or no longer is.
    pub(super) fn notes_archive(&self, text: &str, node: &NodeName) -> bool {
        let note = serde_json::from_str::<ArchiveNote>(text);
        if let Ok(ArchiveNote { archive }) = note {
            self.learn_archive(node, archive);
        }
        note.is_ok()
    }

    /// Takes over the list of archives.
    pub(super) fn learn_archives(&self, kept: &[(Box<str>, Box<str>)]) {
        let archive = |(key, text): &(Box<str>, Box<str>)| {
            let node = NodeName::parse(key.strip_prefix(KEPT)?)?;
            Some((node, serde_json::from_str::<ArchiveNote>(text).ok()?.archive?))
        };
        let archives = kept.iter().filter_map(archive).collect();
        let imported = kept.iter().find(|(key, _)| **key == *IMPORTED).map(|(_, text)| text.clone());
        let mut view = self.view();
        (view.archives, view.imported) = (archives, imported);
    }

    /// The summary of the database that the cluster was imported from.
    #[cfg(feature = "storage")]
    pub(crate) fn imported(&self) -> Option<Box<str>> {
        self.view().imported.clone()
    }

    /// How long the archives store messages: the longest of all. `None`: not at all.
    pub(crate) fn retention(&self) -> Option<Retention> {
        let view = self.view();
        view.archives.values().filter(|facts| facts.history).map(|facts| Retention::of_days(facts.days)).max()
    }

    /// Whether Redis has lost all accounts, and an archive has some.
    pub(crate) fn has_lost_accounts(&self) -> bool {
        self.view().archives.values().any(|facts| facts.lost_accounts > 0)
    }

    /// Enables questions.
    pub(crate) fn keep_asker(&self, asker: &Arc<Asker>) {
        // Set only here, at startup.
        let _ = self.asker.set(Arc::clone(asker));
    }

    /// Asks an archive. `None` if none answers.
    fn ask_archive(&self, what: WantedMessages) -> Option<ArchiveAnswer> {
        let view = self.view();
        let lives = view.archives.iter().any(|(node, facts)| facts.history && view.nodes.contains(node));
        drop(view);
        self.asker.get().filter(|_| lives)?.ask(what)
    }

    /// The last `count` messages of a part of a room, newest first, and whether time ran out before all were found.
    /// `None` if no archive answers.
    pub(crate) fn ask_page(
        &self,
        room: &Room,
        range: ArchiveRange,
        count: usize,
    ) -> Option<(Vec<MessageRecord>, bool)> {
        let count = count.min(MOST_MESSAGES);
        let ArchiveAnswer { told, cut, .. } =
            self.ask_archive(WantedMessages::Page { room: wanted(room, range), count })?;
        let of_room = told.iter().filter_map(Told::read).filter(|(name, _)| name == room.name());
        let mut messages: Vec<_> =
            of_room.map(|(_, message)| message).filter(|message| range.has(message.id)).collect();
        messages.sort_by_key(|message| std::cmp::Reverse(message.id));
        messages.dedup_by_key(|message| message.id);
        messages.truncate(count);
        Some((messages, cut))
    }

    /// The result of a search. `None` if no archive answers.
    pub(crate) fn ask_search(
        &self,
        rooms: &[(Arc<Room>, ArchiveRange)],
        search: &StoredSearch,
        pattern: &str,
        most: usize,
    ) -> Option<StoredHits> {
        let what = WantedMessages::Search {
            pattern: pattern.to_owned(),
            rooms: rooms.iter().map(|(room, range)| wanted(room, *range)).collect(),
            ignored: search.ignored.iter().map(|name| name.as_str().to_owned()).collect(),
            own: search.own.as_str().to_owned(),
            most,
        };
        let ArchiveAnswer { told, cut, .. } = self.ask_archive(what)?;
        let is_wanted = |hit: &StoredHit| {
            let StoredHit { room, message, .. } = hit;
            search.rooms.iter().any(|(name, range)| name == room && range.has(message.id))
                && (message.author == search.own || !search.ignored.contains(&message.author))
        };
        let mut hits: Vec<_> = told.iter().filter_map(Told::read_hit).filter(is_wanted).collect();
        hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.message.id));
        hits.dedup_by_key(|hit| hit.message.id);
        Some(StoredHits { hits, cut })
    }

    /// Finds a message and its room by number. `None` if no archive answers.
    pub(crate) fn ask_message(&self, id: MessageId, rooms: &[Arc<Room>]) -> Option<Option<(RoomName, MessageRecord)>> {
        let answer = self.ask_archive(WantedMessages::Message { id: id.0, rooms: all_of(rooms) })?;
        Some(answer.told.iter().filter_map(Told::read).find(|(_, message)| message.id == id))
    }

    /// An account's latest message in any of these rooms. `None` if no archive answers.
    pub(crate) fn ask_last_by(&self, account: AccountId, rooms: &[Arc<Room>]) -> Option<Option<MessageId>> {
        let answer = self.ask_archive(WantedMessages::LastBy { account: account.0, rooms: all_of(rooms) })?;
        let own = answer.told.iter().filter_map(Told::read).filter(|(_, message)| message.account == Some(account));
        Some(own.map(|(_, message)| message.id).max())
    }
}

fn all_of(rooms: &[Arc<Room>]) -> Vec<WantedRoom> {
    let all = ArchiveRange { before: MessageId(u64::MAX), after: MessageId(0) };
    rooms.iter().map(|room| wanted(room, all)).collect()
}

fn wanted(room: &Room, range: ArchiveRange) -> WantedRoom {
    let ArchiveRange { before, after } = range;
    WantedRoom { name: room.name().as_str().to_owned(), entry: room.log_sequence(), before: before.0, after: after.0 }
}
