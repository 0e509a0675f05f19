//! What happens to the store, in sentences for the admin.
//!
//! *Owns* the events and their words. *Knows nothing of* who is shown them.

use std::fmt;

use jiff::SignedDuration;

use super::error::StoreError;

/// An event that the admin has to know about. Its sentence goes into the log, and to operators after `* `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// The disk fails. Writes wait in memory.
    DiskFailed(StoreError),
    /// Writes were lost since this was last reported.
    WritesLost {
        /// How many.
        records: u64,
        /// Why.
        reason: StoreError,
    },
    /// The disk works again.
    DiskRecovered {
        /// Writes lost meanwhile, including those already reported.
        lost: u64,
    },
    /// Message ids could not be reserved: after a crash now, some might be given again.
    IdsNotReserved(StoreError),
    /// Messages were erased because they are older than the retention period. For the log only.
    Expired {
        /// Messages of rooms.
        messages: u64,
        /// Messages for offline users.
        directs: u64,
    },
    /// The clock is this far from where it should be: nothing expires until it is trusted again.
    ClockSuspect(SignedDuration),
    /// The clock was set right, or has run for a day.
    ClockTrusted,
    /// Another program has changed the database, as `chatsock user` does: accounts may be gone or have other passwords. This is
    /// normal, and for the log only.
    ChangedExternally,
}

/// Receives events.
pub(crate) type StoreEventHandler = Box<dyn Fn(StoreEvent) + Send + Sync>;

struct Plural(u64, &'static str);

impl fmt::Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for StoreEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreEvent::DiskFailed(StoreError::FileReplaced) => f.write_str(
                "The database was deleted or replaced while the server is running: nothing is being saved. Chat goes on, and new \
                 messages wait in memory; put the old files back, or restart the server.",
            ),
            StoreEvent::DiskFailed(reason) => write!(
                f,
                "The database cannot be written: {reason}. Chat goes on, and new messages wait in memory; check the disk."
            ),
            StoreEvent::WritesLost { records, reason } => {
                write!(f, "{} (messages, edits, visits) could not be saved: {reason}.", Plural(*records, "record"))
            }
            StoreEvent::DiskRecovered { lost: 0 } => f.write_str("The database is being written again; nothing was lost."),
            StoreEvent::DiskRecovered { lost } => {
                let verb = if *lost == 1 { "was" } else { "were" };
                write!(f, "The database is being written again; {} {verb} lost.", Plural(*lost, "record"))
            }
            StoreEvent::Expired { messages, directs } => {
                let (messages, directs) = (Plural(*messages, "message"), Plural(*directs, "waiting direct message"));
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
                    "The clock is {} {way} this server's last regular run. No old message is erased, and no ban, mute or \
                     invitation ends, until the clock is set right or has run for 24 hours.",
                    Plural(days.unsigned_abs(), "day")
                )
            }
            StoreEvent::ClockTrusted => f.write_str("The clock is trusted again: old messages are being erased."),
            StoreEvent::ChangedExternally => f.write_str("The accounts were changed by another program."),
            StoreEvent::IdsNotReserved(reason) => write!(
                f,
                "Message ids could not be reserved: {reason}. If the server crashes now, some may be used twice."
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
        assert_eq!(lost(0), "The database is being written again; nothing was lost.");
        assert_eq!(lost(1), "The database is being written again; 1 record was lost.");
        assert_eq!(lost(2), "The database is being written again; 2 records were lost.");
    }
}
