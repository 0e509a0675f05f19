//! Turns typed bytes into lines, from a terminal that edits its own line or key by key with an editor here.
//!
//! Line mode uses an [`Assembler`]; character mode uses an [`Editor`], which also draws. Their `next` takes bytes from the
//! input up to one event and leaves the rest, because a line may change the mode or the prompt or end the session, and the
//! rest has to be read accordingly.
//!
//! A line contains no control character except the breaks of a multi-line paste, which only an [`Editor`] makes.
//!
//! *Owns* line ends, editing keys, drawing a half-typed line, and recall.
//! *Knows nothing of* telnet, of what a line means, and of where bytes go.

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
pub(crate) use editor::WORK_AT_ONCE;
pub use editor::{Editor, EditorEvent, Keep};
