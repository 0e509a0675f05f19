//! Wrong passwords of rooms and wrong exit codes: whose they are counted as.
//!
//! Each counts twice: for the connection it came on, or the account that is logged in there, and for the address, which has
//! ten times the allowance. One count alone will not do. By address only, one user's guesses would lock out everybody behind
//! it; by connection only, connecting again would be a new allowance.
//!
//! *Owns* both counts and what a right attempt gives back. *Knows nothing of* passwords and codes, nor how they are compared.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::address::address_key;
use super::backoff::{Backoff, FREE_TRIES};
use super::eviction::Sourced;
use crate::chat::message::{AccountId, ClientId};

/// How many times the allowance of one user an address has: enough for a household or a small office that mistypes, and few
/// against the guesses that a password stands.
const ADDRESS_TIMES: u32 = 10;

/// Whose attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempter {
    /// A connection that is logged in to no account.
    Connection(ClientId),
    /// An account, from whatever connection and address.
    Account(AccountId),
}

/// The count of one user. The address is where it was made from, for a full table, and no part of what it is about.
#[derive(Clone, Debug)]
struct Own<T> {
    who: Attempter,
    at: T,
    address: IpAddr,
}

impl<T: PartialEq> PartialEq for Own<T> {
    fn eq(&self, other: &Own<T>) -> bool {
        self.who == other.who && self.at == other.at
    }
}

impl<T: Eq> Eq for Own<T> {}

impl<T: Hash> Hash for Own<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.who.hash(state);
        self.at.hash(state);
    }
}

impl<T> Sourced for Own<T> {
    fn source(&self) -> IpAddr {
        self.address
    }
}

/// Wrong attempts at things of one kind, such as rooms.
#[derive(Debug)]
pub struct Attempts<T> {
    own: Backoff<Own<T>>,
    by_address: Backoff<(IpAddr, T)>,
}

impl<T: Clone + Eq + Hash> Attempts<T> {
    /// Both tables have at most `capacity` entries.
    pub fn new(capacity: usize) -> Attempts<T> {
        Attempts {
            own: Backoff::new(capacity),
            by_address: Backoff::with_allowance(capacity, FREE_TRIES * ADDRESS_TIMES),
        }
    }

    fn keys(who: Attempter, address: IpAddr, at: &T) -> (Own<T>, (IpAddr, T)) {
        let address = address_key(address);
        (Own { who, at: at.clone(), address }, (address, at.clone()))
    }

    /// How long is left to wait, if anything: the attempt is refused then without a comparison.
    pub fn left(&self, who: Attempter, address: IpAddr, at: &T, now: Instant) -> Option<Duration> {
        let (own, address) = Attempts::keys(who, address, at);
        self.own.left(&own, now).max(self.by_address.left(&address, now))
    }

    /// Notes an attempt that was compared and wrong.
    pub fn wrong(&mut self, who: Attempter, address: IpAddr, at: &T, now: Instant) {
        let (own, address) = Attempts::keys(who, address, at);
        self.own.wrong(&own, now);
        self.by_address.wrong(&address, now);
    }

    /// A right one ends the count of its user, also as part of the count of their address: they mistyped. What others behind
    /// it got wrong still counts.
    pub fn right(&mut self, who: Attempter, address: IpAddr, at: &T) {
        let (own, address) = Attempts::keys(who, address, at);
        let mistyped = self.own.right(&own);
        self.by_address.give_back(&address, mistyped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAFF: &str = "staff";

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn guest(number: u64) -> Attempter {
        Attempter::Connection(ClientId(number))
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn three_wrong_ones_make_their_connection_wait_and_nobody_else_behind_its_address() {
        let now = Instant::now();
        let mut attempts = Attempts::new(64);
        for wait in [None, None, seconds(10), seconds(20), seconds(40)] {
            attempts.wrong(guest(1), address(1), &STAFF, now);
            assert_eq!(attempts.left(guest(1), address(1), &STAFF, now), wait);
            assert_eq!(attempts.left(guest(2), address(1), &STAFF, now), None);
        }
        assert_eq!(attempts.left(guest(1), address(1), &"games", now), None);
    }

    #[test]
    fn thirty_wrong_ones_make_their_address_wait_however_many_connections_they_came_on() {
        let now = Instant::now();
        let mut attempts = Attempts::new(64);
        for number in 0..30 {
            assert_eq!(attempts.left(guest(number), address(1), &STAFF, now), None, "{number}");
            attempts.wrong(guest(number), address(1), &STAFF, now);
        }
        assert_eq!(attempts.left(guest(99), address(1), &STAFF, now), seconds(10));
        assert_eq!(attempts.left(guest(99), address(2), &STAFF, now), None);
        let later = now + Duration::from_secs(10);
        assert_eq!(attempts.left(guest(99), address(1), &STAFF, later), None);
        attempts.wrong(guest(99), address(1), &STAFF, later);
        assert_eq!(attempts.left(guest(98), address(1), &STAFF, later), seconds(20));
    }

    #[test]
    fn an_account_waits_on_every_connection_and_at_every_address() {
        let now = Instant::now();
        let mut attempts = Attempts::new(64);
        let alice = Attempter::Account(AccountId(7));
        for last in 1..=3 {
            attempts.wrong(alice, address(last), &STAFF, now);
        }
        for last in 1..=4 {
            assert_eq!(attempts.left(alice, address(last), &STAFF, now), seconds(10));
            assert_eq!(attempts.left(guest(1), address(last), &STAFF, now), None);
        }
    }

    #[test]
    fn who_mistypes_and_then_gets_in_leaves_nothing_behind_and_takes_nothing_from_others_counts() {
        let now = Instant::now();
        let mut attempts = Attempts::new(64);
        for number in 0..29 {
            attempts.wrong(guest(number), address(1), &STAFF, now);
        }
        for round in 0..50 {
            let last = guest(100 + round);
            attempts.wrong(last, address(1), &STAFF, now);
            // The thirtieth: the address waits. Later it turns out that it was a slip.
            let later = now + Duration::from_secs(10);
            assert_eq!(attempts.left(last, address(1), &STAFF, later), None);
            attempts.right(last, address(1), &STAFF);
            assert_eq!(attempts.left(last, address(1), &STAFF, now), None);
        }
        attempts.right(guest(200), address(1), &STAFF);
        attempts.wrong(guest(0), address(1), &STAFF, now);
        assert_eq!(attempts.left(guest(201), address(1), &STAFF, now), seconds(10), "twenty-nine others were wrong");
    }
}
