//! How many connections an address has, and how fast it opens them. Pure: `now` is an argument.
//!
//! *Owns* the counts, and the bound on the table that keeps them. *Knows nothing of* sockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::address::address_key;
use super::eviction::make_much_room;
use super::rate::{Bucket, Rate, RateDecision};

/// Why an address is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionError {
    /// Open connections of one address.
    TooManyOpen(usize),
    /// New connections of one address within a minute.
    TooManyNew(Duration),
}

#[derive(Clone, Copy, Debug, Default)]
struct AddressUsage {
    open: usize,
    arrivals: Bucket,
}

/// Addresses remembered at most that have no connection open. Each has come within the last minute and takes some 60 bytes;
/// whoever has more addresses than that is not slowed down by a limit per address anyway.
const MOST_VISITORS: usize = 16 * 1024;

/// Connections by address. Bounded: a full table forgets addresses without a connection, of the network with most.
#[derive(Debug, Default)]
pub struct Admission {
    visitors: HashMap<IpAddr, AddressUsage>,
    /// Size at which entries that say nothing any more are looked for.
    tidy_at: usize,
}

impl Admission {
    /// Lets a connection in or not; `open` and `new` are the limits. Every one let in has to be [`Admission::leave`]d.
    pub fn enter(
        &mut self,
        address: IpAddr,
        open: Option<usize>,
        new: Option<Rate>,
        now: Instant,
    ) -> Result<(), AdmissionError> {
        if self.visitors.len() >= self.tidy_at {
            self.visitors.retain(|_, visitor| visitor.open > 0 || !visitor.arrivals.is_full(now));
            make_much_room(&mut self.visitors, MOST_VISITORS, |visitor| {
                (visitor.open == 0).then_some(visitor.arrivals.full_at)
            });
            let size = self.visitors.len();
            // Open connections have bounds of their own; a table full of them is not looked through for every newcomer.
            self.tidy_at = if size < MOST_VISITORS { (size * 2).clamp(1024, MOST_VISITORS) } else { size + 1024 };
        }
        let visitor = self.visitors.entry(address_key(address)).or_default();
        if let Some(limit) = open
            && visitor.open >= limit
        {
            return Err(AdmissionError::TooManyOpen(limit));
        }
        if let Some(rate) = new
            && let RateDecision::Refused(wait) = visitor.arrivals.reserve(now, 1, rate, Duration::ZERO)
        {
            return Err(AdmissionError::TooManyNew(wait));
        }
        visitor.open += 1;
        Ok(())
    }

    /// A connection let in is over.
    pub fn leave(&mut self, address: IpAddr) {
        if let Some(visitor) = self.visitors.get_mut(&address_key(address)) {
            visitor.open = visitor.open.saturating_sub(1);
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
    fn a_flood_of_addresses_does_not_fill_the_table_of_connections_nor_push_out_who_is_there() {
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
        assert!(admission.visitors.len() <= MOST_VISITORS, "{}", admission.visitors.len());
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
