//! Requests and events as JSON (RFC 8259), an object per line, for programs.
//!
//! Both directions use the same eight fields: `id`, `action`, `sender`, `receiver`, `content`, `time`, `private` and
//! `optional`. A request is read into typed, flat fields; nothing here builds a tree, so nesting costs no stack.
//!
//! *Owns* how an object is written, and what is wrong with a line that is not a request.
//! *Knows nothing of* what an action does.

mod error;
mod lines;
mod object;
mod options;
mod request;
mod scan;
#[cfg(test)]
mod tests;

pub use error::JsonError;
pub use lines::{RequestLine, RequestLines};
pub use object::{Id, Object, Receiver, Value};
pub use options::{Hidden, Options};
pub use request::{JsonRequest, Receivers, parse, readable_id};
