//! Who a user is, as far as the server can tell, and how users name each other.
//!
//! *Owns* when two connections count as one person's, and the form `alice#4572` of a session's unique id.
//! *Knows nothing of* who is online.

use std::fmt;
use std::net::IpAddr;

use crate::chat::message::{AccountId, Addressee, ClientId};
use crate::chat::names::{Alphabet, NameError, USER_NAME_MAX, UserName};

/// Longest password of an account, in characters. Far more than people type, and no slower to hash than a short one.
/// Longer ones are refused before hashing.
pub(crate) const MAX_PASSWORD: usize = 256;

/// A user who is, or was, connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Their connection.
    pub client: ClientId,
    /// Their name at that time.
    pub name: UserName,
    /// Their address as it is counted: IPv4 whole, IPv6 by its /64.
    pub address: IpAddr,
    /// Strangers share this address: it is in `exempt`, for example because it belongs to a tunnel or a proxy. Then a
    /// name from it proves nothing.
    pub shared: bool,
    /// The account they are logged in to.
    pub account: Option<AccountId>,
}

impl Identity {
    /// A person as they were stored, without a connection.
    pub fn stored(account: Option<AccountId>, name: UserName, address: IpAddr) -> Identity {
        Identity { client: ClientId::NONE, name, address, shared: false, account }
    }

    /// Whether both are the same person: the same account or, unless both have accounts, the same connection, or the
    /// same name from the same address.
    ///
    /// Two accounts are two people, even on one connection. A name alone proves nothing, since anybody may take a free one;
    /// an address alone is a whole household.
    pub(crate) fn is(&self, other: &Identity) -> bool {
        match (self.account, other.account) {
            (Some(own), Some(others)) => own == others,
            _ => self.shares_connection(other) || (self.name == other.name && self.address == other.address),
        }
    }

    /// Whether the rank and the place in a room that this person was given belong to the other one, too. Like
    /// [`is`](Identity::is), with two differences: what an account was given belongs to the account alone, not to the
    /// connection that was logged in to it; and what a guest was given does not pass to the same name from a shared
    /// address. Kicks, bans and mutes follow [`is`](Identity::is): a stranger who takes a banned user's name takes the
    /// ban with it.
    pub(crate) fn entitles(&self, other: &Identity) -> bool {
        match (self.account, other.account) {
            (None, _) => self.shares_connection(other) || (self.is(other) && !self.shared && !other.shared),
            (Some(_), Some(_)) => self.is(other),
            (Some(_), None) => false,
        }
    }

    /// The person by connection and name.
    pub(crate) fn addressee(&self) -> Addressee {
        Addressee { client: self.client, name: self.name.clone() }
    }

    /// Whether this person could be recognised on another connection.
    pub(crate) fn can_come_back(&self) -> bool {
        self.account.is_some() || !self.shared
    }

    /// Whether both are on the same connection. A user known from before the server's start is on none.
    pub(crate) fn shares_connection(&self, other: &Identity) -> bool {
        self.client == other.client && self.client != ClientId::NONE
    }
}

/// A user named in a command: by name, or by the unique id of their session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub name: UserName,
    /// The session's number, if it was given.
    pub client: Option<ClientId>,
}

impl Target {
    /// Reads `alice`, `@alice` or `alice#4572`.
    pub fn parse(text: &str) -> Result<Target, NameError> {
        Target::parse_in(text, Alphabet::Ascii)
    }

    /// The same in an alphabet.
    pub(crate) fn parse_in(text: &str, alphabet: Alphabet) -> Result<Target, NameError> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let (name, number) = match text.split_once('#') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let name = UserName::parse_in(name, 1, USER_NAME_MAX, alphabet)?;
        let client = match number {
            None => None,
            Some(number) => Some(ClientId(number.parse().map_err(|_| NameError::BadCharacter { found: '#' })?)),
        };
        Ok(Target { name, client })
    }

    /// Whether this names the user of that name and connection.
    pub(crate) fn names(&self, name: &UserName, client: ClientId) -> bool {
        self.name == *name && self.client.is_none_or(|wanted| wanted == client)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.client {
            Some(client) => write!(f, "{}#{client}", self.name),
            None => self.name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(client: u64, name: &str, address: &str) -> Identity {
        let name = UserName::parse(name, 1, 32).expect("a name");
        let address = address.parse().expect("an address");
        Identity { client: ClientId(client), name, address, shared: false, account: None }
    }

    #[test]
    fn behind_a_shared_address_the_same_name_gets_no_rank_but_stays_banned() {
        let shared = |identity: Identity| Identity { shared: true, ..identity };
        let (alice, again) = (identity(1, "alice", "127.0.0.1"), identity(2, "alice", "127.0.0.1"));
        assert!(alice.entitles(&again) && alice.can_come_back());
        // The setting may have changed between the two.
        for (before, after) in [
            (shared(alice.clone()), again.clone()),
            (alice.clone(), shared(again.clone())),
            (shared(alice), shared(again)),
        ] {
            assert!(before.is(&after) && !before.entitles(&after));
            assert!(before.entitles(&Identity { client: ClientId(1), ..after.clone() }), "on the connection itself");
            let account = |identity: &Identity| Identity { account: Some(AccountId(7)), ..identity.clone() };
            assert!(account(&before).entitles(&account(&after)) && account(&before).can_come_back());
        }
    }

    #[test]
    fn the_same_connection_or_the_same_name_from_the_same_address_is_the_same_person() {
        let alice = identity(1, "alice", "192.0.2.1");
        assert!(alice.is(&identity(1, "renamed", "192.0.2.1")));
        assert!(alice.is(&identity(2, "Alice", "192.0.2.1")));
        assert!(!alice.is(&identity(2, "alice", "192.0.2.2")));
        assert!(!alice.is(&identity(2, "bob", "192.0.2.1")));
    }

    #[test]
    fn an_account_is_one_person_from_any_address_and_nobody_else() {
        let with = |client, name, address, account| Identity {
            account: Some(AccountId(account)),
            ..identity(client, name, address)
        };
        let alice = with(1, "alice", "192.0.2.1", 7);
        assert!(alice.is(&with(2, "alice", "192.0.2.9", 7)));
        assert!(!alice.is(&with(2, "alice", "192.0.2.1", 8)), "registered again by another user");
        assert!(alice.is(&identity(2, "alice", "192.0.2.1")), "before the name was registered");
        assert!(!alice.is(&identity(2, "alice", "192.0.2.9")));
    }

    #[test]
    fn what_an_account_was_given_is_not_for_a_guest_of_its_name() {
        let account = Identity { account: Some(AccountId(7)), ..identity(1, "alice", "192.0.2.1") };
        let guest = identity(2, "alice", "192.0.2.1");
        assert!(account.is(&guest) && !account.entitles(&guest));
        let elsewhere = Identity { account: Some(AccountId(7)), ..identity(3, "alice", "192.0.2.9") };
        assert!(
            account.entitles(&elsewhere) && guest.entitles(&account),
            "what they had before they registered stays theirs"
        );
        let out = Identity { account: None, ..account.clone() };
        assert!(account.is(&out) && !account.entitles(&out), "on the connection that was logged in to it");
    }

    #[test]
    fn two_accounts_on_one_connection_are_two_people() {
        let account = |account| Identity { account: Some(AccountId(account)), ..identity(1, "alice", "192.0.2.1") };
        assert!(!account(7).is(&account(8)) && !account(7).entitles(&account(8)));
        let guest = identity(1, "al", "192.0.2.9");
        assert!(guest.is(&account(8)) && guest.entitles(&account(8)), "what a guest was given follows the connection");
    }

    #[test]
    fn users_from_before_the_start_share_no_connection() {
        let known = identity(ClientId::NONE.0, "alice", "192.0.2.1");
        assert!(!known.is(&identity(ClientId::NONE.0, "bob", "192.0.2.1")));
    }

    #[test]
    fn people_are_named_by_name_or_by_session() {
        let target = |text: &str| Target::parse(text).map(|target| target.to_string());
        assert_eq!(target("alice").as_deref(), Ok("alice"));
        assert_eq!(target("@alice").as_deref(), Ok("alice"));
        assert_eq!(target("alice#4572").as_deref(), Ok("alice#4572"));
        for wrong in ["", "#1", "alice#", "alice#x", "alice#-1", "1alice", "server"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
        let bob = UserName::parse("bob", 1, 32).expect("a name");
        let named = |text: &str| Target::parse(text).expect("a name").names(&bob, ClientId(7));
        assert!(named("BOB") && named("bob#7"));
        assert!(!named("bob#8") && !named("alice#7"));
    }
}
