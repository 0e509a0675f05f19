//! Turns bytes into lines and lines into bytes, without I/O: encryption, telnet, and line editing.
//!
//! | folder | owns |
//! | --- | --- |
//! | `line` | lines from typed bytes, and the line editor |
//! | `telnet` | the telnet protocol |
//! | `wire` | TLS, and recognising other protocols by their first bytes |

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod line;
pub mod telnet;
pub mod wire;
