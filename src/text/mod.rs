//! Text from strangers, made safe for a terminal and measured in its columns.
//!
//! The unit is the grapheme cluster (UAX #29), which a user sees as one character: limits, Backspace and cuts all count
//! clusters. A column is one terminal cell (UAX #11 and the emoji rules).
//!
//! *Owns* which characters may leave the server, how wide they are, and where a line is broken.
//! *Knows nothing of* sockets, telnet, the cursor, colours, and who wrote the text.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod charset;
mod counted;
mod sanitize;
#[cfg(test)]
mod tests;
mod width;
mod wrap;

pub use charset::Charset;
pub(crate) use charset::encode_latin1;
pub(crate) use counted::{others, people, seconds};
pub(crate) use sanitize::{escape_for_log, sanitize_lines};
pub use sanitize::{sanitize, sanitize_bytes};
#[cfg(test)]
pub(crate) use width::grapheme_indices;
pub use width::width;
pub(crate) use width::{grapheme_count, grapheme_width, graphemes, pad, trim_unseen_start, truncate};
pub use wrap::wrap;
pub(crate) use wrap::{wrap_lines, wrap_notice};
