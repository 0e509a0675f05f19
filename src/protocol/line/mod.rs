//! Lines out of typed bytes: as they come from a terminal that edits for itself, or edited here, key by key.
//!
//! Line mode has an [`Assembler`] and nothing else; character mode has an [`Editor`], which also draws. Both are pulled:
//! `next` takes bytes from the input up to one event and leaves the rest, since a line may change the mode, the prompt or
//! the end of the session, and what follows it has to be read in that light.
//!
//! A line has no control character in it but the breaks of one that was pasted, which only an [`Editor`] makes.
//!
//! *Owns* line ends, editing keys, what is drawn of a half-typed line, and recall.
//! *Knows nothing of* telnet, of what a line means, and of where bytes go.
//! *Called by* `session::input`; `screen` draws with it.

mod assembler;
mod editor;
mod graphemes;
mod keys;
mod layout;
mod recall;
mod replies;
#[cfg(test)]
pub(crate) mod tests;

pub use assembler::{Assembler, LineEvent};
pub use editor::{Editor, EditorEvent, Keep, WORK_AT_ONCE};
