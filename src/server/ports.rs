//! The ports that a client on the wrong one is sent to, and which clients may connect without encryption.
//!
//! *Knows nothing of* connections.

use std::net::IpAddr;

use crate::config::{Config, Plain};

/// The port of the first listener of each kind, for clients on the wrong one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS there is no wrong port"))]
    pub(super) plain: Option<u16>,
    pub(super) tls: Option<u16>,
}

#[cfg(feature = "tls")]
impl Ports {
    /// The ports open to a client at `address`, so that none is sent to a listener that would refuse it.
    pub(super) fn open_to(self, config: &Config, address: IpAddr) -> Ports {
        Ports { plain: self.plain.filter(|_| takes_plain(config, address)), ..self }
    }
}

/// Whether a client at this address may connect without encryption.
pub(super) fn takes_plain(config: &Config, address: IpAddr) -> bool {
    match config.plain {
        Plain::Anywhere => true,
        Plain::Loopback => address.is_loopback(),
        // Only after a reload: at the start it means that there are no plain listeners.
        Plain::Off => false,
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_must_use_tls_is_not_sent_to_the_plain_port() {
        let ports = Ports { plain: Some(5555), tls: Some(5556) };
        let shown = |plain, address: &str| {
            ports.open_to(&Config { plain, ..Config::default() }, address.parse().unwrap()).plain
        };
        assert_eq!(shown(Plain::Anywhere, "192.0.2.1"), Some(5555));
        assert_eq!(shown(Plain::Loopback, "127.0.0.1"), Some(5555));
        assert_eq!(shown(Plain::Loopback, "192.0.2.1"), None);
        assert_eq!(shown(Plain::Off, "127.0.0.1"), None);
    }
}
