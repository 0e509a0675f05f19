//! Text that strangers typed, made safe and measured in terminal columns.
//!
//! Everything here counts in grapheme clusters (UAX #29), what a person calls one character: that is the unit of
//! limits, of backspace and of cutting. Columns are what a terminal gives a cluster (UAX #11 and the emoji rules).
//!
//! *Owns* which characters may leave the server, how wide they are, where a line is broken.
//! *Knows nothing of* sockets, telnet, the cursor, colours and who said what.
//! *Called by* `session` for every line that came in, `screen` and `editor` for drawing, `palette` for limits, and
//! whoever logs what a stranger sent.

mod charset;
mod counted;
mod sanitize;
#[cfg(test)]
mod tests;
mod width;
mod wrap;

pub use charset::{Charset, encode_latin1};
pub use counted::{others, people, seconds};
pub use sanitize::{
    MAX_LOGGED_BYTES, MAX_STACKED, TAB_SPACES, escape_for_log, sanitize, sanitize_bytes, sanitize_lines,
};
pub use width::{grapheme_count, grapheme_indices, grapheme_width, graphemes, pad, truncate, width};
pub use wrap::{wrap, wrap_lines};
