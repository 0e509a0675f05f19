//! Limits on the length of what users type.
//!
//! *Owns* these limits, except those that the configuration sets.
//! *Knows nothing of* what is typed.

/// Longest message of several lines, in bytes: about a screen and a half of full rows. It goes to everybody in one
/// write.
pub(super) const MOST_BYTES: usize = 4096;

/// Most lines of one message.
pub(super) const MOST_LINES: usize = 100;

/// Whether a message may have this many lines and bytes.
pub(super) fn fits(lines: usize, bytes: usize) -> bool {
    lines <= MOST_LINES && bytes <= MOST_BYTES
}

/// Longest piece of an unknown word that is echoed to the user who typed it, in columns.
pub(super) const ECHOED_COLUMNS: usize = 24;

/// Most users that one message may be addressed to. Each counts as a message in the rate limit, which allows ten at
/// once.
pub(super) const MOST_ADDRESSEES: usize = 10;

/// Most users that one line may invite.
pub(super) const MOST_INVITED: usize = 20;

/// Longest password of an account, in characters.
pub(super) const LONGEST_ACCOUNT_PASSWORD: usize = crate::chat::identity::MAX_PASSWORD;

/// Longest password of a room, in characters, as in the configuration.
pub(super) const LONGEST_ROOM_PASSWORD: usize = 128;

/// The longest a temporary message may last: a day. Until then it is an entry in the timer.
pub(super) const LONGEST_TEMPORARY: u64 = 86_400;

/// Most entries that `:audit` shows: about eight screens.
pub(super) const MOST_AUDIT_ENTRIES: usize = 200;
