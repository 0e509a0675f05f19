//! This server as an archive: it copies the shared logs into its database.
//!
//! It reads on its own connection, starting from the positions in the database, as fast as the disk allows. So nothing is
//! lost or stored twice when Redis or the disk is slow or away for a while. What a log no longer has is fetched from the
//! histories in Redis; what is missing there too is logged.
//!
//! *Owns* the thread, retries, and how far the database has got.
//! *Knows nothing of* what an entry means: `entries` knows that, and `catching_up` after a gap. `answers` serves other
//! servers.

mod answers;
mod catching_up;
mod directory;
mod entries;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Nodes;
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::cluster::{Cluster, Log, LogReader, LogRecord, NumberKind, Position, ReadLogError, Recorded};
use crate::hub::room::Room;
use crate::store::{ArchivePlace, ArchiveWrite, ReadError, SaveError, Store, StoreError};
use entries::{ArchiveStep, RoomLedger};

/// How long the next batch builds up after one was stored.
const GATHER: Duration = Duration::from_millis(100);

/// Delay before a retry when Redis or the disk fails.
const AGAIN: Duration = Duration::from_secs(1);

/// Delay before checking again whether this server has joined.
const SOON: Duration = Duration::from_millis(50);

/// How long the last entries may take at shutdown.
const LAST_PIECE: Duration = Duration::from_secs(2);

/// Stack of the thread, which parses and decides.
const STACK: usize = 512 * 1024;

/// What interrupts reading for now.
#[derive(Debug)]
enum ArchiveError {
    Redis(ReadLogError),
    Disk(StoreError),
    /// The database is at an unexpected position.
    Moved,
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveError::Redis(why) => write!(f, "Redis: {why}"),
            ArchiveError::Disk(why) => why.fmt(f),
            ArchiveError::Moved => f.write_str("what was stored last is not known"),
        }
    }
}

impl From<ReadLogError> for ArchiveError {
    fn from(error: ReadLogError) -> ArchiveError {
        ArchiveError::Redis(error)
    }
}

impl From<SaveError> for ArchiveError {
    fn from(SaveError(reason): SaveError) -> ArchiveError {
        ArchiveError::Disk(reason)
    }
}

impl From<ReadError> for ArchiveError {
    fn from(ReadError(reason): ReadError) -> ArchiveError {
        ArchiveError::Disk(reason)
    }
}

/// What the thread shares with those who wait for it.
#[derive(Default)]
struct ReadingProgress {
    /// Empty until they have been compared with the logs: a Redis that has lost its data may number from the beginning.
    places: BTreeMap<Log, Position>,
    /// Somebody is waiting, so batches are stored at once.
    hurry: bool,
    /// Redis has none of the accounts stored here.
    lacks_accounts: bool,
    stopping: bool,
}

/// The archive on this server.
pub(crate) struct Archive {
    store: Arc<Store>,
    cluster: Arc<Cluster>,
    history_max: usize,
    /// A leaf.
    progress: Mutex<ReadingProgress>,
    changed: Condvar,
}

impl Nodes {
    /// This server's database, if it is an archive that stores messages. Waits a while until it has everything known
    /// about these rooms: `Some(None)` if Redis or the disk is too slow for that.
    pub(crate) fn archived<'a>(&self, rooms: impl IntoIterator<Item = &'a Arc<Room>>) -> Option<Option<Arc<Store>>> {
        let archive = self.archive.get().filter(|archive| archive.store.keeps_history())?;
        let until = Instant::now() + super::questions::PATIENCE;
        let has = |room: &Arc<Room>| {
            self.log_of(room.name()).is_none_or(|log| archive.wait_for(log, room.log_sequence(), until))
        };
        let is_complete = rooms.into_iter().all(has);
        Some(is_complete.then(|| Arc::clone(&archive.store)))
    }
}

/// The thread's own state.
struct Reading {
    places: BTreeMap<Log, Position>,
    rooms: RoomLedger,
    /// Whether more was read than the database has.
    ahead: bool,
}

impl Archive {
    /// Starts reading. `last`: the highest message number in the database.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(
        store: Arc<Store>,
        last: MessageId,
        cluster: Arc<Cluster>,
        history_max: usize,
    ) -> std::io::Result<(Arc<Archive>, JoinHandle<()>)> {
        let (progress, changed) = (Mutex::default(), Condvar::new());
        let archive = Arc::new(Archive { store, cluster, history_max, progress, changed });
        if let Err(trouble) = archive.number_above(last) {
            log::warn!("archive: could not make sure that message numbers do not repeat: {trouble}");
        }
        let reading = Arc::clone(&archive);
        let thread = thread::Builder::new().name("archive".to_owned()).stack_size(STACK);
        Ok((archive, thread.spawn(move || reading.run())?))
    }

    /// A Redis that has lost its data would start numbering messages and accounts from the beginning and repeat numbers in
    /// the database.
    fn number_above(&self, last: MessageId) -> Result<(), ArchiveError> {
        let Reading { places, .. } = self.begin()?;
        let Some(mut reader) = self.cluster.log_reader()? else { return Ok(()) };
        let mut is_behind = false;
        for (log, place) in &places {
            is_behind |= match *place {
                Position::START => !self.store.is_blank()?,
                place => reader.tail(*log, place)?.lost,
            };
        }
        if is_behind {
            reader.number_above(&places.keys().copied().collect::<Vec<_>>(), NumberKind::Message, last.0)?;
            let accounts = self.store.archived_accounts()?;
            let last = accounts.iter().map(|account| account.0).max().unwrap_or(0);
            reader.number_above(&[Log::Directory], NumberKind::Account, last)?;
        }
        Ok(())
    }

    /// The database.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Reads the rest of the logs, then stops.
    pub(crate) fn stop(&self) {
        self.progress().stopping = true;
        self.changed.notify_all();
    }

    fn progress(&self) -> MutexGuard<'_, ReadingProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.progress().stopping
    }

    /// Waits until everything up to this entry is in the database. False on timeout.
    pub(crate) fn wait_for(&self, log: Log, number: u64, until: Instant) -> bool {
        let mut progress = self.progress();
        loop {
            if progress.places.get(&log).is_some_and(|place| place.number >= number) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || progress.stopping {
                return false;
            }
            progress.hurry = true;
            self.changed.notify_all();
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps, but wakes for a stop and, if `hurries`, when somebody waits.
    fn pause(&self, length: Duration, hurries: bool) {
        let end = Instant::now() + length;
        let mut progress = self.progress();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || progress.stopping || (hurries && std::mem::take(&mut progress.hurry)) {
                return;
            }
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn run(&self) {
        let mut reading: Option<Reading> = None;
        let mut reported = false;
        while !self.is_stopping() {
            let reader = match self.cluster.log_reader() {
                Ok(Some(reader)) => reader,
                Ok(None) => {
                    self.pause(SOON, false);
                    continue;
                }
                // The cluster's own threads log it.
                Err(why) => {
                    log::debug!("archive: {why}");
                    self.pause(AGAIN, false);
                    continue;
                }
            };
            let followed = self.follow(reader, &mut reading);
            reading.take_if(|reading| reading.ahead);
            match followed {
                Ok(()) | Err(ArchiveError::Disk(StoreError::Closed)) => return,
                Err(ArchiveError::Redis(why)) => log::debug!("archive: {why}"),
                Err(trouble) => {
                    if !reported {
                        log::warn!("archive: reading is interrupted: {trouble}");
                    }
                    reported = true;
                }
            }
            self.pause(AGAIN, false);
        }
    }

    /// Reads until the connection is lost (an error) or the archive stops.
    fn follow(&self, mut reader: LogReader, known: &mut Option<Reading>) -> Result<(), ArchiveError> {
        let mut reading = match known.take() {
            Some(reading) => reading,
            None => self.begin()?,
        };
        let followed = self.follow_from(&mut reader, &mut reading);
        *known = Some(reading);
        followed
    }

    fn begin(&self) -> Result<Reading, ArchiveError> {
        let stored = self.store.archive_places()?;
        let place = |log: Log| {
            let known = stored.iter().find(|place| *place.log == *log.to_string());
            (log, known.map_or(Position::START, |place| Position { term: place.term, number: place.number }))
        };
        let places: BTreeMap<_, _> = self.cluster.partitions().logs().map(place).collect();
        let rooms = RoomLedger::new(self.store.archived_rooms()?, self.history_max);
        Ok(Reading { places, rooms, ahead: false })
    }

    fn follow_from(&self, reader: &mut LogReader, reading: &mut Reading) -> Result<(), ArchiveError> {
        for (log, place) in reading.places.clone() {
            let tail = reader.tail(log, place)?;
            if place == Position::START || tail.lost {
                self.catch_up(reader, reading, log, tail.lost)?;
            }
        }
        self.tell_about_itself(reader)?;
        self.progress().places.clone_from(&reading.places);
        self.changed.notify_all();
        let mut end: Option<Instant> = None;
        loop {
            let from: Vec<_> = reading.places.iter().map(|(log, place)| (*log, *place)).collect();
            let records = reader.read(&from)?;
            let is_last = records.is_empty();
            let gaps = self.take(reader, reading, records)?;
            for log in gaps {
                self.catch_up(reader, reading, log, false)?;
            }
            if self.is_stopping() {
                let end = *end.get_or_insert_with(|| Instant::now() + LAST_PIECE);
                if is_last || Instant::now() >= end {
                    return Ok(());
                }
            } else if !is_last {
                self.pause(GATHER, true);
            }
        }
    }

    /// Stores what was read. Returns the logs with a gap; entries after it are not stored.
    fn take(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        records: Vec<LogRecord>,
    ) -> Result<Vec<Log>, ArchiveError> {
        let (mut gaps, mut steps) = (Vec::new(), Vec::new());
        reading.ahead = true;
        let from = reading.places.clone();
        for record in records {
            let LogRecord { log, position, what, .. } = record;
            let Some(place) = reading.places.get_mut(&log).filter(|_| !gaps.contains(&log)) else { continue };
            let follows = match &what {
                Recorded::Term(last) => *last == *place,
                Recorded::Committed { .. }
                | Recorded::Noted { .. }
                | Recorded::AccountChanged { .. }
                | Recorded::Other => position == place.next(),
            };
            if !follows {
                gaps.push(log);
                continue;
            }
            *place = position;
            if log == Log::Directory {
                steps.extend(self.directory_writes(reader, &what)?.map(ArchiveStep::Write));
            } else if let Recorded::Committed { place, version, id, said, text, .. } = what {
                let last = id.map(|first| MessageId(first + said.saturating_sub(1)));
                last.into_iter().for_each(|last| self.store.record_id_used(last));
                self.learn(reader, reading, log, &place)?;
                steps.extend(reading.rooms.read(&place, version, id, &text));
            }
        }
        let writes = self.carry_out(reader, reading, steps)?;
        self.store_piece(&from, &reading.places, writes)?;
        reading.ahead = false;
        Ok(gaps)
    }

    /// Turns the rooms' steps into database writes.
    fn carry_out(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        steps: Vec<ArchiveStep>,
    ) -> Result<Vec<ArchiveWrite>, ArchiveError> {
        let mut writes = Vec::new();
        let mut fresh: Vec<RoomName> = Vec::new();
        for step in steps {
            match step {
                ArchiveStep::Write(write) => {
                    if let ArchiveWrite::RoomGone(room) = &write {
                        fresh.retain(|known| known != room);
                    }
                    writes.push(write);
                }
                ArchiveStep::Look { room, kept } => {
                    if fresh.contains(&room) && kept.is_none() {
                        continue;
                    }
                    writes.extend(self.look_at(reader, reading, &room, kept)?);
                    fresh.push(room);
                }
            }
        }
        Ok(writes)
    }

    /// Stores a batch with its positions, and notifies those who wait.
    fn store_piece(
        &self,
        from: &BTreeMap<Log, Position>,
        to: &BTreeMap<Log, Position>,
        writes: Vec<ArchiveWrite>,
    ) -> Result<(), ArchiveError> {
        let moved: Vec<_> = to.iter().filter(|(log, place)| from.get(log) != Some(place)).collect();
        if moved.is_empty() && writes.is_empty() {
            return Ok(());
        }
        let place = |log: &Log, place: &Position| ArchivePlace {
            log: log.to_string().into(),
            term: place.term,
            number: place.number,
        };
        let before = from.iter().map(|(log, known)| place(log, known)).collect();
        let after = moved.into_iter().map(|(log, known)| place(log, known)).collect();
        if !self.store.archive(before, after, writes)? {
            return Err(ArchiveError::Moved);
        }
        let mut progress = self.progress();
        if !progress.places.is_empty() {
            progress.places.clone_from(to);
            self.changed.notify_all();
        }
        Ok(())
    }
}
