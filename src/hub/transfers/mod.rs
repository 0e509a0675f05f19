//! File transfers: the table of them, and where their two ends meet.
//!
//! Each end is a connection with its own thread. The receiver's thread hands its connection over and waits; the
//! sender's thread takes it and passes the file on. Nothing is read from a sender before the receiver has connected.
//!
//! *Owns* the table of transfers, the ends that wait, and the ports for files. *Knows nothing of* users' screens, how a
//! file is passed on, or the configuration.

mod end;
mod hasher;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::transfer::{Claim, Side, Token, TransferLimits, TransferTable};
use crate::metrics::TrafficMetrics;

pub(crate) use end::{CHUNK, TransferEnd};
pub(crate) use hasher::Hasher;

/// How long a transfer may make no progress, unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is remembered of a transferred part: the hash of the file so far.
type Memory = Option<Hasher>;

/// A running transfer, as both ends and `:files` see it.
#[derive(Debug, Default)]
pub(crate) struct TransferProgress {
    passed: AtomicU64,
    stopped: AtomicBool,
}

impl TransferProgress {
    /// Notes how much of the file was passed on.
    pub(crate) fn note(&self, passed: u64) {
        self.passed.store(passed, Ordering::Relaxed);
    }

    /// How much of the file was passed on.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Whether the transfer was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Where the two ends of one transfer meet.
#[derive(Default)]
struct Meeting {
    /// The receiver's end, and the first byte it wants.
    receiver: Option<(TransferEnd, u64)>,
    progress: Arc<TransferProgress>,
}

/// The ports for files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilePorts {
    /// The port without encryption.
    pub(crate) plain: Option<u16>,
    /// The port for TLS, and the SHA-256 of the server's public key in base 64.
    pub(crate) tls: Option<(u16, String)>,
}

#[derive(Default)]
struct TransfersState {
    table: TransferTable<Memory>,
    meetings: HashMap<u64, Meeting>,
    /// Ends of receivers whose file has arrived, to be closed by their own threads.
    returned: HashMap<u64, TransferEnd>,
    ports: FilePorts,
    /// The connected ends, with their transfer and address.
    present: Vec<(u64, IpAddr)>,
    stopped: bool,
}

/// An end that can be found by its address until this is dropped.
pub(crate) struct PresentEnd<'a> {
    transfers: &'a Transfers,
    number: u64,
    address: IpAddr,
}

impl Drop for PresentEnd<'_> {
    fn drop(&mut self) {
        let mut state = self.transfers.lock();
        let gone = state.present.iter().position(|end| *end == (self.number, self.address));
        gone.map(|at| state.present.swap_remove(at));
    }
}

/// What the sender's end gets when both are connected.
pub(crate) struct Meet {
    /// The other end.
    pub(crate) receiver: TransferEnd,
    /// The first byte that it wants.
    pub(crate) wanted: u64,
    /// The hash of what was passed on before, if that is known.
    pub(crate) memory: Memory,
    /// To be updated and checked.
    pub(crate) progress: Arc<TransferProgress>,
}

/// How a receiver's wait has ended.
pub(crate) enum Received {
    /// The transfer has not begun, and will not.
    NotBegun(TransferEnd),
    /// Everything has been written, and the connection has to be closed in order.
    Ended(TransferEnd),
    /// The connection was reset.
    Reset,
}

/// The transfers of a server.
pub struct Transfers {
    /// A leaf. Guards the table, and the ends that wait. No socket is read or written under it.
    state: Mutex<TransfersState>,
    /// Signalled when an end has connected or a transfer is over.
    changed: Condvar,
    /// Milliseconds.
    patience: AtomicU64,
    /// Bytes of files passed on.
    pub(crate) traffic: TrafficMetrics,
}

impl Default for Transfers {
    fn default() -> Transfers {
        let patience = AtomicU64::new(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX));
        Transfers { state: Mutex::default(), changed: Condvar::new(), patience, traffic: TrafficMetrics::default() }
    }
}

impl Transfers {
    fn lock(&self) -> MutexGuard<'_, TransfersState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the ports for files.
    pub(crate) fn set_ports(&self, ports: FilePorts) {
        self.lock().ports = ports;
    }

    /// The server's certificate has changed.
    pub(crate) fn set_pin(&self, pin: String) {
        if let Some((_, known)) = &mut self.lock().ports.tls {
            *known = pin;
        }
    }

    /// The ports for files; `None` if there are none.
    pub(crate) fn ports(&self) -> Option<FilePorts> {
        let ports = self.lock().ports.clone();
        (ports != FilePorts::default()).then_some(ports)
    }

    /// How long a transfer may make no progress.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    /// Sets how long a transfer may make no progress, for tests.
    #[doc(hidden)]
    pub fn set_patience(&self, patience: Duration) {
        self.patience.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Looks at the table or changes it. Every end that waits looks again afterwards.
    pub(crate) fn with_table<R>(&self, change: impl FnOnce(&mut TransferTable<Memory>) -> R) -> R {
        let mut state = self.lock();
        let changed = change(&mut state.table);
        let TransfersState { table, meetings, .. } = &mut *state;
        // A waiting end takes back its connection itself.
        meetings.retain(|number, meeting| table.has(*number) || meeting.receiver.is_some());
        drop(state);
        self.changed.notify_all();
        changed
    }

    /// How much of a file was passed on.
    pub(crate) fn passed(&self, number: u64) -> u64 {
        self.lock().meetings.get(&number).map_or(0, |meeting| meeting.progress.passed())
    }

    /// Notes that an end of a transfer has connected from an address.
    pub(crate) fn arrive(&self, number: u64, address: IpAddr) -> PresentEnd<'_> {
        self.lock().present.push((number, address));
        PresentEnd { transfers: self, number, address }
    }

    /// The transfers with an end at such an address.
    pub(crate) fn with_end_at(&self, is_meant: impl Fn(IpAddr) -> bool) -> Vec<u64> {
        self.lock().present.iter().filter(|(_, address)| is_meant(*address)).map(|(number, _)| *number).collect()
    }

    /// Stops a running transfer; its thread notices at its next check.
    pub(crate) fn stop_one(&self, number: u64) {
        if let Some(meeting) = self.lock().meetings.get(&number) {
            meeting.progress.stopped.store(true, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }

    /// The server is stopping: ends everything that waits or runs.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.meetings.values().for_each(|meeting| meeting.progress.stopped.store(true, Ordering::Relaxed));
        drop(state);
        self.changed.notify_all();
    }

    /// Uses a token up, if it opens this end.
    pub(crate) fn claim(&self, token: &str, side: Side, now: Instant) -> Option<Claim> {
        let token = Token::parse(token)?;
        self.lock().table.claim(&token, side, now)
    }

    /// The file that a receiver's token opens. Uses nothing up.
    pub(crate) fn look_at(&self, token: &str, now: Instant) -> Option<FileName> {
        let token = Token::parse(token)?;
        self.lock().table.look_at(&token, now).filter(|claim| claim.side == Side::Receiver).map(|claim| claim.name)
    }

    /// The receiver's end has connected: waits until the transfer is over.
    pub(crate) fn receive(&self, claim: &Claim, link: TransferEnd, wanted: u64) -> Received {
        let mut state = self.lock();
        state.meetings.entry(claim.number).or_default().receiver = Some((link, wanted));
        self.changed.notify_all();
        loop {
            let is_parked = state.meetings.get(&claim.number).is_some_and(|meeting| meeting.receiver.is_some());
            let may_wait = state.table.begins_at(claim.number) == Some(claim.from) && !state.stopped;
            let left = claim.ends.saturating_duration_since(Instant::now());
            if is_parked && (!may_wait || left.is_zero()) {
                let meeting = state.meetings.remove(&claim.number);
                let parked = meeting.and_then(|meeting| meeting.receiver);
                return parked.map_or(Received::Reset, |(link, _)| Received::NotBegun(link));
            }
            if !is_parked && !state.table.has(claim.number) {
                return state.returned.remove(&claim.number).map_or(Received::Reset, Received::Ended);
            }
            // Once the end is taken, the sender's thread ends the transfer in any case.
            let wait = if is_parked { left } else { PATIENCE };
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The sender's end has connected, with a file of this size: waits for the receiver's end, and until the transfer
    /// may run. `None` if it ends before that.
    pub(crate) fn meet(&self, claim: &Claim, size: u64, limits: impl Fn() -> TransferLimits) -> Option<Meet> {
        let mut state = self.lock();
        loop {
            let left = claim.ends.saturating_duration_since(Instant::now());
            if state.stopped || left.is_zero() || state.table.begins_at(claim.number) != Some(claim.from) {
                return None;
            }
            if state.table.may_start(claim.number, &limits()) {
                let waiting = state.meetings.get_mut(&claim.number);
                let progress = waiting.as_ref().map(|meeting| Arc::clone(&meeting.progress));
                let receiver = waiting.and_then(|meeting| meeting.receiver.take());
                if let (Some((receiver, wanted)), Some(progress)) = (receiver, progress) {
                    let memory = state.table.start(claim.number, size).flatten();
                    return Some(Meet { receiver, wanted, memory, progress });
                }
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The file has arrived. The receiver's own thread closes its connection once the transfer is finished.
    pub(crate) fn give_back(&self, number: u64, link: TransferEnd) {
        self.lock().returned.insert(number, link);
    }

    /// Waits until the given time, or until the transfer is stopped.
    pub(crate) fn wait_until(&self, due: Instant, progress: &TransferProgress) {
        let mut state = self.lock();
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || progress.is_stopped() || state.stopped {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A user has another name.
    pub(crate) fn rename(&self, client: ClientId, name: &crate::chat::names::UserName) {
        self.lock().table.rename(client, name);
    }
}
