//! The options of a connected socket.
//!
//! *Owns* how soon a dead peer is noticed.
//! *Knows nothing of* what is sent.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Keepalive finds a dead peer within 60 + 4 x 15 = 120 s, and keeps NAT mappings alive, which last at least five minutes
/// (RFC 5382 asks for over two hours, but not all comply).
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TRIES: u32 = 4;

/// Ends a connection whose data is not acknowledged for this long (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(100);

/// Sets the options of a client's connection.
pub(crate) fn set_options(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_TRIES);
    let set = || -> io::Result<()> {
        // Without it, a reply after a reply waits 40 ms for the peer's delayed acknowledgement.
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        Ok(())
    };
    if let Err(error) = set() {
        // A socket that was reset refuses options; the first read will report it.
        log::debug!("socket options: {error}");
    }
}
