//! Turns bytes into lines and lines into bytes, without I/O: encryption, telnet, JSON, and line editing.
//!
//! | folder | owns |
//! | --- | --- |
//! | `json` | requests and events of programs |
//! | `discovery` | the question that finds servers in the network, and its answer |
//! | `line` | lines from typed bytes, and the line editor |
//! | `telnet` | the telnet protocol |
//! | `proxy` | the client that a proxy connects for |
//! | `transfer` | what the ends of a file transfer say |
//! | `http` | the request for a page or a WebSocket, and the answer |
//! | `websocket` | WebSocket frames and messages |
//! | `wire` | TLS, and recognising other protocols by their first bytes |

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

#[cfg(feature = "discovery")]
pub mod discovery;
#[cfg(feature = "web")]
pub mod http;
#[cfg(feature = "json")]
pub mod json;
pub mod line;
pub mod proxy;
pub mod telnet;
pub mod transfer;
#[cfg(feature = "web")]
pub mod websocket;
pub mod wire;
