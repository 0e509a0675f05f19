//! What the two ends of a transfer say: `put TOKEN SIZE` and `get TOKEN [OFFSET]` in one line, as nc sends them, or the same
//! as HTTP (RFC 9110 and 9112): `PUT`, `GET` and `HEAD` of `/f/TOKEN`.
//!
//! Not part of the module `http`, which reads what a browser sends to the page and refuses every body: here the file *is*
//! a body, and builds without the feature `web` have this too.
//!
//! *Owns* both forms, their limits, and the bytes of answers.
//! *Knows nothing of* sockets, or which tokens exist.

mod answer;
mod head;
mod reader;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use answer::CONTINUE;
pub use answer::Refused;
pub use reader::RequestReader;
pub use request::{RequestError, TransferRequest, TransferWish, Voice};
