//! How long things may be that are typed.
//!
//! *Owns* these limits, but for those that the configuration sets.
//! *Knows nothing of* what is typed.

/// Longest message of many lines, in bytes: about a screen and a half of full rows. It goes to everybody in one write.
pub(super) const MOST_BYTES: usize = 4096;

/// Most lines of one message.
pub(super) const MOST_LINES: usize = 100;

/// Whether so many lines and bytes make a message.
pub(super) fn fits(lines: usize, bytes: usize) -> bool {
    lines <= MOST_LINES && bytes <= MOST_BYTES
}

/// Longest piece of an unknown command that is repeated to the person who typed it, in columns.
pub(super) const ECHOED_COLUMNS: usize = 24;

/// Most people one message may be addressed to. Each costs a message in the rate limit, which lets ten pass at once.
pub(super) const MOST_ADDRESSEES: usize = 10;

/// Longest password of an account, in characters.
pub(super) const LONGEST_ACCOUNT_PASSWORD: usize = crate::chat::identity::MAX_PASSWORD;

/// Longest password of a room, in characters, as in the configuration.
pub(super) const LONGEST_ROOM_PASSWORD: usize = 128;

/// Why a text is no password for a room.
pub(super) const PASSWORD_LIKE_COMMAND: &str = "A room's password cannot begin with : or /, because commands do.";
