//! The ports to name to a client on the wrong one.
//!
//! *Knows nothing of* connections.

#[cfg(feature = "tls")]
use std::net::IpAddr;

#[cfg(feature = "tls")]
use crate::config::Config;

/// The port of the first listener of each kind, for clients on the wrong one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS there is no wrong port"))]
    pub(super) plain: Option<u16>,
    pub(super) tls: Option<u16>,
}

#[cfg(feature = "tls")]
impl Ports {
    /// The ports open to a client at `address`, so that no client is sent to a listener that would refuse it.
    pub(super) fn open_to(self, config: &Config, address: IpAddr) -> Ports {
        Ports { plain: self.plain.filter(|_| config.takes_plain(address)), ..self }
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::config::Plain;

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
