//! The thread `bus:read`: it reads the logs and has their entries applied.
//!
//! *Owns* when the logs are read, and over which connection.
//! *Knows nothing of* what is sent.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::{ANSWER, BACKOFF, Cluster};
use crate::cluster::engine::{Engine, Unreachable};

/// A read is quick if it returns entries within this time. After several quick reads in a row, the next one is delayed a
/// little: a read costs Redis and this server as much as several entries, so in busy times entries are read in batches.
const QUICK: Duration = Duration::from_millis(1);
const QUICK_READS: u32 = 8;
const GATHER: Duration = Duration::from_micros(500);

/// After so many failures in a row, the other thread has noticed too if Redis is gone.
const ALONE: usize = 5;

impl Cluster {
    /// The thread `bus:read`.
    pub(super) fn read(&self) {
        let mut engine: Option<Box<dyn Engine>> = None;
        let (mut attempts, mut quick) = (0, 0);
        let fail = |why: Box<str>, attempts: &mut usize| {
            // The other thread reports that Redis does not answer, and asks as often. If it still does, only reading fails.
            if *attempts == ALONE && self.trouble.0.why().is_none() {
                log::warn!("cluster: the logs cannot be read: {why}");
            }
            self.trouble.1.is_new(&why);
            self.pause(BACKOFF[(*attempts).min(BACKOFF.len() - 1)]);
            *attempts += 1;
        };
        while !self.is_stopping() {
            let Some(connection) = &mut engine else {
                match (self.connect)(ANSWER) {
                    Ok(connection) => {
                        engine = Some(connection);
                        self.reads.store(true, Ordering::Release);
                    }
                    Err(Unreachable(why)) => fail(why, &mut attempts),
                }
                continue;
            };
            let from = self.core().read_from(connection.run());
            if from.is_empty() {
                if self.core().is_of(connection.run()) {
                    self.pause(Duration::from_millis(5));
                } else {
                    // The other thread has found another Redis, or is about to.
                    engine = None;
                    self.pause(BACKOFF[0]);
                }
                continue;
            }
            let asked = Instant::now();
            match connection.read(&from) {
                Ok(entries) => {
                    self.trouble.1.end();
                    attempts = 0;
                    quick = if !entries.is_empty() && asked.elapsed() < QUICK { quick + 1 } else { 0 };
                    let (mut core, now) = (self.core(), Instant::now());
                    // Check first whether the process was suspended while these arrived.
                    core.tick(now);
                    core.read(connection.run(), entries, now);
                    drop(core);
                    self.deliver();
                    if quick >= QUICK_READS {
                        // Waits for entries that do not exist yet; only time can tell.
                        thread::sleep(GATHER);
                    }
                }
                Err(Unreachable(why)) => {
                    engine = None;
                    // The other connection has probably ended, too. What is sent on it would count as perhaps executed.
                    self.core().doubt();
                    self.wake.notify_all();
                    fail(why, &mut attempts);
                }
            }
        }
    }
}
