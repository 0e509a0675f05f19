//! The time zone of this machine, in which times are shown to users who have not chosen another.
//!
//! *Owns* the fallback if the system names a zone that does not exist.

use jiff::tz::TimeZone;

/// The time zone of the variable `TZ` or of the system. If there is no such zone, it is UTC, and the log says so.
pub(super) fn find() -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|error| {
        match std::env::var("TZ") {
            Ok(name) => log::warn!("there is no time zone {name:?}, which TZ names; times are in UTC"),
            Err(_) => log::warn!("the time zone of this machine is not known ({error}); times are in UTC"),
        }
        TimeZone::UTC
    })
}
