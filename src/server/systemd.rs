//! Tells systemd the server's state (sd_notify(3)), with the feature `systemd`. Without the feature, or without
//! `NOTIFY_SOCKET`, nothing happens.
//!
//! There is no watchdog: a thread that reports every few seconds that it is alive tells nothing about the threads that
//! people wait for.
//!
//! *Owns* these messages. *Knows nothing of* why the server starts, reloads or stops.

#[cfg(feature = "systemd")]
use std::ffi::OsStr;
#[cfg(all(feature = "systemd", target_os = "linux"))]
use std::os::linux::net::SocketAddrExt as _;
#[cfg(feature = "systemd")]
use std::os::unix::net::{SocketAddr, UnixDatagram};

use std::time::Duration;

#[cfg(feature = "systemd")]
use sd_notify::NotifyState;

/// All listeners are open, or a reload is over. `status` is what `systemctl status` shows.
#[cfg_attr(not(feature = "systemd"), expect(unused_variables, reason = "nobody is told"))]
pub fn tell_ready(status: &str) {
    #[cfg(feature = "systemd")]
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun. [`tell_ready`] ends it, whether anything has changed or not.
pub fn tell_reloading() {
    #[cfg(feature = "systemd")]
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now, NotifyState::Status("reloading the configuration")]),
        // Without the time, systemd treats the message as an error.
        Err(error) => log::warn!("systemd was not told of the reload: {error}"),
    }
}

/// How much longer than the announced delay a stop may take: for the goodbyes, and for a slow disk.
#[cfg(feature = "systemd")]
const AFTER_THE_DELAY: Duration = Duration::from_secs(30);

/// The graceful stop has begun. It takes at least `shutdown_delay`, which may be longer than systemd waits by default.
#[cfg_attr(not(feature = "systemd"), expect(unused_variables, reason = "nobody is told"))]
pub(super) fn tell_stopping(delay: Duration) {
    #[cfg(feature = "systemd")]
    {
        let status = format!("stopping in {}", crate::text::seconds(delay));
        let longest = u32::try_from((delay + AFTER_THE_DELAY).as_micros()).unwrap_or(u32::MAX);
        send(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(longest), NotifyState::Status(&status)]);
    }
}

#[cfg(feature = "systemd")]
fn send(states: &[NotifyState<'_>]) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    if let Err(error) = send_to(&name, message.as_bytes()) {
        log::warn!("systemd was not told {}: {error}", message.trim_end().replace('\n', ", "));
    }
}

/// Sent without the crate's help, since it knows only sockets with a path: a name that begins with `@` is in the abstract
/// namespace (unix(7)), as in some containers.
#[cfg(feature = "systemd")]
fn send_to(name: &OsStr, message: &[u8]) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold up the chat.
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    if let Some(name) = name.as_encoded_bytes().strip_prefix(b"@") {
        return socket.send_to_addr(message, &SocketAddr::from_abstract_name(name)?).map(drop);
    }
    socket.send_to_addr(message, &SocketAddr::from_pathname(name)?).map(drop)
}
