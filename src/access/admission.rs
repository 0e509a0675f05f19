//! How many connections an address has, and how fast it opens them. Pure: `now` is an argument.
//!
//! *Owns* the counts, and the bound on the table that keeps them. *Knows nothing of* sockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::address::address_key;
use super::eviction::make_much_room;
use super::rate::{Bucket, Rate, RateDecision};

/// Why a connection from an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdmissionError {
    /// The address has as many open connections as it may have. Holds that limit.
    TooManyOpen(usize),
    /// The address opens connections too fast. Holds how long to wait.
    TooManyNew(Duration),
}

#[derive(Clone, Copy, Debug, Default)]
struct AddressUsage {
    open: usize,
    arrivals: Bucket,
}

/// Most addresses remembered without an open connection. Each has connected within the last minute and takes about 60
/// bytes. An attacker with more addresses than that is not slowed down by a limit per address anyway.
const MOST_IDLE_ADDRESSES: usize = 16 * 1024;

/// Connections by address. Bounded: a full table forgets addresses without a connection, starting with the network that
/// has most of them.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    addresses: HashMap<IpAddr, AddressUsage>,
    /// The size at which stale entries are dropped.
    tidy_at: usize,
}

impl Admission {
    /// Admits a connection, if the limits `open` and `new` allow it. Call [`Admission::leave`] when an admitted
    /// connection ends.
    pub(crate) fn enter(
        &mut self,
        address: IpAddr,
        open: Option<usize>,
        new: Option<Rate>,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        if self.addresses.len() >= self.tidy_at {
            self.addresses.retain(|_, usage| usage.open > 0 || !usage.arrivals.is_full(now));
            make_much_room(&mut self.addresses, MOST_IDLE_ADDRESSES, |usage| {
                (usage.open == 0).then_some(usage.arrivals.full_at)
            });
            let size = self.addresses.len();
            // Open connections have bounds of their own; a table full of them is not scanned for every newcomer.
            self.tidy_at =
                if size < MOST_IDLE_ADDRESSES { (size * 2).clamp(1024, MOST_IDLE_ADDRESSES) } else { size + 1024 };
        }
        let usage = self.addresses.entry(address_key(address)).or_default();
        if let Some(limit) = open
            && usage.open >= limit
        {
            return Err(AdmissionError::TooManyOpen(limit));
        }
        if let Some(rate) = new
            && let RateDecision::Refused(wait) = usage.arrivals.reserve(now, 1, rate, Duration::ZERO)
        {
            return Err(AdmissionError::TooManyNew(wait));
        }
        usage.open += 1;
        Ok(())
    }

    /// Counts an admitted connection as ended.
    pub(crate) fn leave(&mut self, address: IpAddr) {
        if let Some(usage) = self.addresses.get_mut(&address_key(address)) {
            usage.open = usage.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_flood_of_addresses_neither_fills_the_table_of_connections_nor_pushes_out_open_ones() {
        let now = Instant::now();
        let new = Rate::new(2, 2, Duration::from_secs(60));
        let mut admission = Admission::default();
        assert_eq!(admission.enter(address(1), Some(1), new, now), Ok(()));
        assert_eq!(admission.enter(address(2), Some(1), new, now), Ok(()));
        admission.leave(address(2));
        assert_eq!(admission.enter(address(2), Some(1), new, now), Ok(()));
        admission.leave(address(2));
        for n in 0..40_000u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let from = IpAddr::from([0x20, 1, 0xd, 0xb8, 0, a, b, c, 0, 0, 0, 0, 0, 0, 0, 1]);
            assert_eq!(admission.enter(from, Some(1), new, now), Ok(()));
            admission.leave(from);
        }
        assert!(admission.addresses.len() <= MOST_IDLE_ADDRESSES, "{}", admission.addresses.len());
        assert_eq!(admission.enter(address(1), Some(1), new, now), Err(AdmissionError::TooManyOpen(1)));
        assert!(matches!(admission.enter(address(2), Some(1), new, now), Err(AdmissionError::TooManyNew(_))));
    }

    #[test]
    fn open_and_new_connections_are_counted_apart() {
        let now = Instant::now();
        let address = "192.0.2.1".parse().expect("an address");
        let new = Rate::new(4, 4, Duration::from_secs(60));
        let mut admission = Admission::default();
        for _ in 0..2 {
            assert_eq!(admission.enter(address, Some(2), new, now), Ok(()));
        }
        assert_eq!(admission.enter(address, Some(2), new, now), Err(AdmissionError::TooManyOpen(2)));
        for _ in 0..2 {
            admission.leave(address);
            assert_eq!(admission.enter(address, Some(2), new, now), Ok(()));
        }
        admission.leave(address);
        assert_eq!(
            admission.enter(address, Some(2), new, now),
            Err(AdmissionError::TooManyNew(Duration::from_secs(15)))
        );
        assert_eq!(admission.enter(address, Some(2), new, now + Duration::from_secs(15)), Ok(()));
    }
}
