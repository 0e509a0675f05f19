//! Bytes to lines and back, without any input or output of its own: sockets' bytes, telnet, and the line that is typed.

pub mod line;
pub mod telnet;
pub mod wire;
