//! What happens to the store, in sentences for the admin.
//!
//! *Owns* the events and their words. *Knows nothing of* who is shown them.

use std::fmt;

use jiff::SignedDuration;

use super::error::StoreFailure;

/// What an admin has to know. The sentence goes into the log, and behind `* ` to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// Nothing can be written. What is said waits in memory.
    DiskFailed(StoreFailure),
    /// Records that were thrown away since this was last said.
    WritesLost {
        /// How many.
        records: u64,
        /// Why.
        reason: StoreFailure,
    },
    /// The trouble is over.
    DiskRecovered {
        /// Records thrown away while it lasted, those already told included.
        lost: u64,
    },
    /// Numbers of messages could not be reserved: after a crash now they might be given again.
    IdsNotReserved(StoreFailure),
    /// So much was erased because it was older than messages are kept. The log alone hears of it.
    Expired {
        /// Messages of rooms.
        messages: u64,
        /// Direct messages that waited.
        directs: u64,
    },
    /// The clock is so far from where it should be: nothing is erased for its age, and nothing ends by the clock.
    ClockSuspect(SignedDuration),
    /// It is right, or has run for a day.
    ClockTrusted,
    /// Another program has written to the database, as `chatsock user` does: accounts may be gone, or have other passwords.
    /// Nothing is wrong: the log alone hears of it.
    ChangedExternally,
}

/// Receives news.
pub type StoreEventHandler = Box<dyn Fn(StoreEvent) + Send + Sync>;

/// `1 record`, `2 records`.
struct Counted(u64, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for StoreEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreEvent::DiskFailed(StoreFailure::FileReplaced) => f.write_str(
                "The database was deleted or replaced while the server runs: nothing is saved any more. Chat goes on, and what is \
                 said waits in memory; put back the files that were there, or restart the server.",
            ),
            StoreEvent::DiskFailed(reason) => write!(
                f,
                "The database cannot be written: {reason}. Chat goes on, and what is said waits in memory; see to the disk."
            ),
            StoreEvent::WritesLost { records, reason } => {
                write!(f, "{} (messages, edits, visits) could not be kept: {reason}.", Counted(*records, "record"))
            }
            StoreEvent::DiskRecovered { lost: 0 } => f.write_str("The database is written again; nothing was lost."),
            StoreEvent::DiskRecovered { lost } => {
                let verb = if *lost == 1 { "was" } else { "were" };
                write!(f, "The database is written again; {} {verb} lost.", Counted(*lost, "record"))
            }
            StoreEvent::Expired { messages, directs } => {
                let (messages, directs) = (Counted(*messages, "message"), Counted(*directs, "waiting direct message"));
                match (messages.0, directs.0) {
                    (_, 0) => write!(f, "Erased {messages}, older than retention_days."),
                    (0, _) => write!(f, "Erased {directs}, older than retention_days."),
                    _ => write!(f, "Erased {messages} and {directs}, older than retention_days."),
                }
            }
            StoreEvent::ClockSuspect(off) => {
                let (days, way) =
                    ((off.as_hours().abs() + 12) / 24, if off.is_negative() { "behind" } else { "ahead of" });
                write!(
                    f,
                    "The clock is {} {way} the last orderly run of this server. No old message is erased, and no ban, mute or \
                     invitation ends by it, until it is set right or has run for 24 hours.",
                    Counted(days.unsigned_abs(), "day")
                )
            }
            StoreEvent::ClockTrusted => f.write_str("The clock is trusted again: what is too old is erased."),
            StoreEvent::ChangedExternally => f.write_str("The accounts were changed by another program."),
            StoreEvent::IdsNotReserved(reason) => write!(
                f,
                "Numbers of messages could not be reserved: {reason}. If the server crashes now, some may be given twice."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_sentences_agree() {
        let lost = |lost| StoreEvent::DiskRecovered { lost }.to_string();
        assert_eq!(lost(0), "The database is written again; nothing was lost.");
        assert_eq!(lost(1), "The database is written again; 1 record was lost.");
        assert_eq!(lost(2), "The database is written again; 2 records were lost.");
    }
}
