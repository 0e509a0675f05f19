//! Discovery: answers to `chatsock find`, announcements by multicast DNS, and the file for avahi.
//!
//! Anything sent to a whole network is sent in a test network made of namespaces.

#![cfg(feature = "discovery")]

#[cfg(target_os = "linux")]
mod announced;
mod answers;
#[cfg(target_os = "linux")]
mod found;

use std::path::PathBuf;

use crate::support::machine::file;

/// A configuration for a server on a machine of its own.
fn configuration(discovery: &str) -> PathBuf {
    file(
        "chatsock.toml",
        &format!("listen = [\"0.0.0.0:5555\"]\nexit_code = false\nshutdown_delay = 0\n[discovery]\n{discovery}\n"),
    )
}
