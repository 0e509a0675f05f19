//! HTTP/1.1 (RFC 9112), as much of it as one page and one WebSocket need: one request per connection, without a body.
//!
//! *Owns* finding and reading the head of a request, who may ask for what, the handshake of a WebSocket (RFC 6455, section 4.2),
//! and the bytes of answers.
//! *Knows nothing of* sockets, of what the page contains, and of the configuration.

mod head;
mod host;
mod refusal;
mod request;
mod response;
mod route;
#[cfg(test)]
mod tests;
mod upgrade;

pub use head::HeadReader;
pub use host::{Host, Origin, OriginError};
pub use refusal::HttpRefusal;
pub use request::{HttpRequest, Method};
pub use response::Body;
pub(crate) use response::{page_head, write_refusal, write_response};
pub use route::{Route, Site};
pub(crate) use upgrade::write_accepted;
pub use upgrade::{Protocol, Upgrade};
