//! WebSocket (RFC 6455) without its handshake and without a socket: bytes to messages and back.
//!
//! The numbers and the layout of frames, and which close codes may be sent, are `tungstenite`'s. Messages are put
//! together here and not by its `WebSocketContext`, for four reasons: it checks masks, reserved bits, lengths and UTF-8
//! only once a whole frame has been buffered; it accepts lengths in more bytes than needed; it answers every ping; and
//! its read buffer would be a quarter of an idle connection's memory.
//!
//! *Owns* frames and messages in both directions, the limit of a message, close codes, and when a silent peer is pinged.
//! *Knows nothing of* HTTP, sockets, and what the messages say.

mod codec;
mod liveness;
mod reader;
#[cfg(test)]
mod tests;
mod utf8;
mod violation;
mod writer;

pub use codec::{Form, WebSocket};
pub use liveness::{Liveness, LivenessDue};
pub use reader::{FrameEvent, FrameReader, MessageKind};
pub use violation::Violation;
pub(crate) use writer::write_binary_header;
pub(crate) use writer::write_text_header;
pub use writer::{write_close, write_header};
