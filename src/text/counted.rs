//! Numbers with their nouns: `1 person`, `2 people`.

use std::time::Duration;

/// `1 person`, `2 people`.
pub(crate) fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// `1 second`, `2 seconds`; rounded up.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    if whole == 1 { "1 second".to_owned() } else { format!("{whole} seconds") }
}

/// `1 other`, `2 others`.
pub(crate) fn others(count: usize) -> String {
    if count == 1 { "1 other".to_owned() } else { format!("{count} others") }
}
