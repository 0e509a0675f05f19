//! One attempt: who makes it, from where, and at what.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::access::address::address_key;
use crate::access::eviction::Sourced;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::{RoomName, UserName};

/// Whose failures are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempter {
    /// A connection that is not logged in to an account.
    Connection(ClientId),
    /// An account, on any connection and from any address.
    Account(AccountId),
    /// All connections of one address.
    Address(IpAddr),
}

/// The target of an attempt, as one word.
pub trait AttemptTarget: Clone + Eq + Hash {
    /// The word. Names that count as the same have the same word.
    fn word(&self) -> &str;
}

impl AttemptTarget for UserName {
    fn word(&self) -> &str {
        self.folded()
    }
}

impl AttemptTarget for RoomName {
    fn word(&self) -> &str {
        self.folded()
    }
}

impl AttemptTarget for () {
    fn word(&self) -> &'static str {
        ""
    }
}

#[cfg(test)]
impl AttemptTarget for &'static str {
    fn word(&self) -> &'static str {
        self
    }
}

/// An attempt at `target`, such as the password of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<T> {
    pub(super) who: Attempter,
    /// The address under which it is counted: IPv6 by its /64.
    pub(super) address: IpAddr,
    pub(super) target: T,
}

impl<T> Attempt<T> {
    /// An attempt by a connection or an account at this address.
    pub fn new(who: Attempter, address: IpAddr, target: T) -> Attempt<T> {
        Attempt { who, address: address_key(address), target }
    }

    /// An attempt that counts only against its address, so that failures at an account's password lock out nobody who
    /// connects from elsewhere.
    pub fn from_address(address: IpAddr, target: T) -> Attempt<T> {
        let address = address_key(address);
        Attempt { who: Attempter::Address(address), address, target }
    }
}

/// The key of a user's count. It holds the address because a full table evicts entries by address; the address does not
/// tell users apart.
#[derive(Clone, Debug)]
pub(super) struct UserKey<T>(pub(super) Attempt<T>);

impl<T: PartialEq> PartialEq for UserKey<T> {
    fn eq(&self, other: &UserKey<T>) -> bool {
        self.0.who == other.0.who && self.0.target == other.0.target
    }
}

impl<T: Eq> Eq for UserKey<T> {}

impl<T: Hash> Hash for UserKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.who.hash(state);
        self.0.target.hash(state);
    }
}

impl<T> Sourced for UserKey<T> {
    fn source(&self) -> IpAddr {
        self.0.address
    }
}
