//! Telnet, as much of it as stock clients need: RFC 854, 855, 856, 857, 858, 860, 1073, 1091, 1143, 2066.
//!
//! *Owns* the protocol between a socket's bytes and the bytes a user typed, and what is known of the terminal.
//! *Knows nothing of* sockets, users and rooms.

mod charset;
mod decode;
mod event;
mod link;
mod options;
mod recode;
mod terminal;
#[cfg(test)]
mod tests;

pub use event::{LinkEvent, Policy};
pub use link::Link;
pub(crate) use recode::recode_as_latin1;
pub use terminal::Terminal;

/// Interpret as command (RFC 854).
pub const IAC: u8 = 255;
/// Do not use the option (RFC 854).
pub const DONT: u8 = 254;
/// Please use the option (RFC 854).
pub const DO: u8 = 253;
/// I will not use the option (RFC 854).
pub const WONT: u8 = 252;
/// I will use the option (RFC 854).
pub const WILL: u8 = 251;
/// Subnegotiation begins (RFC 854).
pub const SB: u8 = 250;
/// Go ahead (RFC 854).
pub const GA: u8 = 249;
/// Erase line (RFC 854).
pub const EL: u8 = 248;
/// Erase character (RFC 854).
pub const EC: u8 = 247;
/// Are you there (RFC 854).
pub const AYT: u8 = 246;
/// Abort output (RFC 854).
pub const AO: u8 = 245;
/// Interrupt process (RFC 854).
pub const IP: u8 = 244;
/// Subnegotiation ends (RFC 854).
pub const SE: u8 = 240;
/// Abort process (RFC 1184).
pub const ABORT: u8 = 238;
/// Suspend process (RFC 1184).
pub const SUSP: u8 = 237;
/// End of file (RFC 1184).
pub const EOF: u8 = 236;

/// 8-bit data path (RFC 856).
pub const BINARY: u8 = 0;
/// The server echoes (RFC 857).
pub const ECHO: u8 = 1;
/// No go-aheads (RFC 858).
pub const SUPPRESS_GO_AHEAD: u8 = 3;
/// Timing mark, answered when it is reached (RFC 860).
pub const TIMING_MARK: u8 = 6;
/// Terminal type: the names of the terminal (RFC 1091).
pub const TERMINAL_TYPE: u8 = 24;
/// Window size (RFC 1073).
pub const NAWS: u8 = 31;
/// The charset of text (RFC 2066).
pub const CHARSET: u8 = 42;
