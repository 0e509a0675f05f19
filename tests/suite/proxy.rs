//! Proxies: listeners that take the PROXY protocol, and `chatsock proxy` itself.

mod haproxy;
mod headers;
#[cfg(target_os = "linux")]
mod machines;
mod program;
mod relay;
#[cfg(feature = "tls")]
mod sealed;

use std::net::SocketAddr;

use crate::support::Server;

/// A server with a listener for proxies on this machine; `more` begins with keys at the top.
fn behind_proxies(more: &str) -> (Server, SocketAddr) {
    let server = Server::with(&format!("{more}\n[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.1\"]\n"));
    let address = server.addresses()[2];
    (server, address)
}
