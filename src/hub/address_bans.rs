//! Networks that are banned from the server.
//!
//! *Owns* the list. A ban is in force at once, whether or not it could be written to disk. *Knows nothing of* who bans,
//! or of connections.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use jiff::Timestamp;

use crate::access::network::Network;
use crate::store::{AddressBanRecord, SaveError, Store};

/// Most networks banned: each newcomer is compared with all of them.
pub(crate) const MOST_ADDRESS_BANS: usize = 1000;

pub struct AddressBans {
    /// A leaf, changed by operators. The newest last.
    bans: RwLock<Vec<AddressBanRecord>>,
    store: Option<Arc<Store>>,
}

impl AddressBans {
    /// Takes the bans from the disk, and the store to write new ones to.
    pub fn new(bans: Vec<AddressBanRecord>, store: Option<Arc<Store>>) -> AddressBans {
        AddressBans { bans: RwLock::new(bans), store }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<AddressBanRecord>> {
        self.bans.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ban of an address. The machine's own addresses are never banned: an operator must be able to log in.
    pub fn find(&self, address: IpAddr, now: Timestamp) -> Option<AddressBanRecord> {
        let bans = self.bans.read().unwrap_or_else(PoisonError::into_inner);
        let ban = bans.iter().find(|ban| holds(ban, now) && ban.network.contains(address));
        ban.filter(|_| !address.is_loopback()).cloned()
    }

    /// Every ban, the newest last.
    pub fn all(&self, now: Timestamp) -> Vec<AddressBanRecord> {
        let mut bans = self.write();
        bans.retain(|ban| holds(ban, now));
        bans.clone()
    }

    /// Bans a network, in place of an earlier ban of the same one.
    ///
    /// # Errors
    ///
    /// The ban is in force, but only until the server stops, because it could not be written to disk.
    pub(crate) fn add(&self, ban: AddressBanRecord) -> Result<(), SaveError> {
        let mut bans = self.write();
        bans.retain(|known| known.network != ban.network);
        bans.push(ban.clone());
        drop(bans);
        self.store.as_ref().map_or(Ok(()), |store| store.save_address_ban(ban))
    }

    /// Bans a network until the server stops, for a ban that is stored elsewhere.
    #[cfg(feature = "cluster")]
    pub(crate) fn apply(&self, ban: AddressBanRecord) {
        let mut bans = self.write();
        bans.retain(|known| known.network != ban.network);
        bans.push(ban);
    }

    /// Lifts a ban that is stored elsewhere.
    #[cfg(feature = "cluster")]
    pub(crate) fn lift(&self, network: Network) {
        self.write().retain(|known| known.network != network);
    }

    /// Replaces all bans, newest last.
    #[cfg(feature = "cluster")]
    pub(crate) fn replace(&self, bans: Vec<AddressBanRecord>) {
        *self.write() = bans;
    }

    /// Whether there is a ban of exactly this network.
    #[cfg(feature = "cluster")]
    pub(crate) fn holds(&self, network: Network, now: Timestamp) -> bool {
        let bans = self.bans.read().unwrap_or_else(PoisonError::into_inner);
        bans.iter().any(|ban| ban.network == network && holds(ban, now))
    }

    /// Lifts a ban. False if there was none.
    ///
    /// # Errors
    ///
    /// The ban is lifted, but returns at the next start, because it could not be removed from the disk.
    pub(crate) fn remove(&self, network: Network) -> Result<bool, SaveError> {
        let mut bans = self.write();
        let before = bans.len();
        bans.retain(|known| known.network != network);
        let known = bans.len() < before;
        drop(bans);
        let written = self.store.as_ref().map_or(Ok(false), |store| store.remove_address_ban(network))?;
        Ok(known || written)
    }
}

fn holds(ban: &AddressBanRecord, now: Timestamp) -> bool {
    ban.until.is_none_or(|until| until > now)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::chat::names::UserName;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn network(text: &str) -> Network {
        Network::parse(text).expect("a network")
    }

    fn ban(text: &str, minutes: Option<i64>) -> AddressBanRecord {
        AddressBanRecord {
            network: network(text),
            by: UserName::parse("alice", 1, 12).expect("a name"),
            reason: String::new().into(),
            at: NOW,
            until: minutes.map(|minutes| NOW + SignedDuration::from_mins(minutes)),
        }
    }

    fn banned(bans: &AddressBans, address: &str, now: Timestamp) -> bool {
        bans.find(address.parse().expect("an address"), now).is_some()
    }

    #[test]
    fn a_ban_holds_for_its_network_until_its_end() {
        let bans = AddressBans::new(vec![ban("192.0.2.0/24", None)], None);
        assert_eq!(bans.add(ban("2001:db8::/32", Some(10))), Ok(()));
        let end = NOW + SignedDuration::from_mins(10);
        for (address, now, expected) in [
            ("192.0.2.7", NOW, true),
            ("192.0.3.7", NOW, false),
            ("2001:db8::1", NOW, true),
            ("2001:db8::1", end, false),
            ("192.0.2.7", end, true),
        ] {
            assert_eq!(banned(&bans, address, now), expected, "{address} {now}");
        }
        assert_eq!((bans.all(NOW).len(), bans.all(end).len()), (2, 1));
    }

    #[test]
    fn a_second_ban_of_a_network_replaces_the_first_and_a_lifted_one_is_gone() {
        let bans = AddressBans::new(Vec::new(), None);
        assert_eq!(bans.add(ban("192.0.2.0/24", Some(10))), Ok(()));
        assert_eq!(bans.add(ban("192.0.2.0/24", None)), Ok(()));
        assert_eq!(bans.all(NOW), [ban("192.0.2.0/24", None)]);
        assert_eq!(bans.remove(network("192.0.2.0/25")), Ok(false));
        assert_eq!(bans.remove(network("192.0.2.0/24")), Ok(true));
        assert!(!banned(&bans, "192.0.2.7", NOW));
    }

    #[test]
    fn the_machine_itself_is_never_banned() {
        let bans = AddressBans::new(vec![ban("0.0.0.0/0", None), ban("::/0", None)], None);
        assert!(!banned(&bans, "127.0.0.1", NOW) && !banned(&bans, "::1", NOW));
        assert!(banned(&bans, "192.0.2.7", NOW) && banned(&bans, "2001:db8::1", NOW));
    }
}
