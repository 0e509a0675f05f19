//! Lines out of typed bytes: as they come from a terminal that edits for itself, or edited here, key by key.
//!
//! *Owns* line ends, editing keys, what is drawn of a half-typed line, and recall.
//! *Knows nothing of* telnet, of what a line means, and of where bytes go.
//! *Called by* `session::input`; `screen` draws with it.

mod assembler;
mod editor;
mod keys;
mod layout;
mod recall;
#[cfg(test)]
mod tests;

pub use assembler::{Assembler, LineEvent};
pub use editor::{Editor, EditorEvent, Keep};
