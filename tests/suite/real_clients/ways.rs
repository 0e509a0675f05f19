//! Ways from a client to a server: direct, and through `chatsock proxy` over TLS.

use std::net::SocketAddr;
use std::ops::Deref;

use crate::support::Server;
#[cfg(feature = "tls")]
use crate::support::{proxy::Running, scratch};

/// How a client connects to the server.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Directly.
    Direct,
    /// To a proxy, which speaks TLS to the server.
    #[cfg(feature = "tls")]
    Proxy,
}

/// A server, with a proxy in front of it or without.
pub struct Reached {
    door: SocketAddr,
    // Dropped before the server.
    #[cfg(feature = "tls")]
    _proxy: Option<Running>,
    server: Server,
}

impl Way {
    /// A server with these settings, and this way to it.
    pub fn start(self, settings: &str) -> Reached {
        match self {
            Way::Direct => {
                let server = Server::with(settings);
                Reached {
                    door: server.address(),
                    #[cfg(feature = "tls")]
                    _proxy: None,
                    server,
                }
            }
            #[cfg(feature = "tls")]
            Way::Proxy => {
                let directory = scratch();
                let tls =
                    format!("state_dir = \"{}\"\n{settings}\n[tls]\nlisten = [\"127.0.0.1:0\"]", directory.display());
                let server = Server::with(&tls);
                let certificate = directory.join("chatsock-certificate.pem");
                let protection = chatsock::cli::Protection::Authority(certificate);
                let proxy = Running::start(server.tls_address(), protection, false, 64);
                Reached { door: proxy.address(), _proxy: Some(proxy), server }
            }
        }
    }
}

impl Reached {
    /// The address that a client connects to.
    pub fn door(&self) -> SocketAddr {
        self.door
    }
}

impl Deref for Reached {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
