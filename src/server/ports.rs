//! The ports of this server that a client at the wrong one is sent to.
//!
//! *Owns* the question who may connect without encryption. *Knows nothing of* connections.

use std::net::IpAddr;

use crate::config::{Config, Plain};

/// The first listener of each kind, for those who knock at the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ports {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody knocks at the wrong one"))]
    pub(super) plain: Option<u16>,
    pub(super) tls: Option<u16>,
}

#[cfg(feature = "tls")]
impl Ports {
    /// Those at which somebody may come in: nobody is sent to a door that would turn him away.
    pub(super) fn open_to(self, config: &Config, address: IpAddr) -> Ports {
        Ports { plain: self.plain.filter(|_| takes_plain(config, address)), ..self }
    }
}

/// Whether an address may come in without encryption.
pub(super) fn takes_plain(config: &Config, address: IpAddr) -> bool {
    match config.plain {
        Plain::Anywhere => true,
        Plain::Loopback => address.is_loopback(),
        // Nobody listens so, unless this was set by a reload.
        Plain::Off => false,
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_come_in_unencrypted_is_not_sent_to_the_plain_port() {
        let ports = Ports { plain: Some(5555), tls: Some(5556) };
        let told = |plain, address: &str| {
            ports.open_to(&Config { plain, ..Config::default() }, address.parse().unwrap()).plain
        };
        assert_eq!(told(Plain::Anywhere, "192.0.2.1"), Some(5555));
        assert_eq!(told(Plain::Loopback, "127.0.0.1"), Some(5555));
        assert_eq!(told(Plain::Loopback, "192.0.2.1"), None);
        assert_eq!(told(Plain::Off, "127.0.0.1"), None);
    }
}
