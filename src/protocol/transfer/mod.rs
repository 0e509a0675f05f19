//! What the two ends of a transfer say: `put TOKEN SIZE` and `get TOKEN [OFFSET]` in one line, as nc sends them, or the same
//! as HTTP (RFC 9110 and 9112): `PUT`, `GET` and `HEAD` of `/f/TOKEN`.
//!
//! It is not the module `http`, which reads what a browser sends to the page and refuses every body: here one end *is* a body,
//! and this is in builds without the feature `web`, too.
//!
//! *Owns* both forms, their limits, and the bytes of answers.
//! *Knows nothing of* sockets, and of which tokens there are.

mod answer;
mod head;
mod reader;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{CONTINUE, Refused};
pub use reader::RequestReader;
pub use request::{RequestError, TransferRequest, TransferWish, Voice};
