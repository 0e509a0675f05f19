//! How far back each user of a room may read.
//!
//! The boundary is a message number. Numbers grow in the room's order, so messages with numbers after the boundary were
//! said after it was set.
//!
//! *Owns* when each user became a member, and what of the history they may read.
//! *Knows nothing of* who may be in the room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::RoomState;
use crate::chat::action::ReadBack;
use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, ClientId, Event, Message, MessageId};

/// Most guests whose first visit is remembered. Each is a name and an address, and anybody can use any number of names.
/// If there are more, the earliest is forgotten and can then read back only to their next visit.
pub(super) const MOST_GUESTS: usize = 200;

/// A boundary that hides nothing.
pub(super) const BEGINNING: MessageId = MessageId(0);

/// Guests, and since when each may read.
type GuestReaders = VecDeque<(Identity, MessageId)>;

/// When users first became members or were invited. Accounts are never forgotten: there are only as many as have been made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Readers {
    accounts: HashMap<AccountId, MessageId>,
    guests: GuestReaders,
}

impl Readers {
    /// Notes that a user became a member or was invited when `last` was the last number given. Returns the last message
    /// hidden from them in rooms where they may read only what was said after they joined.
    pub(super) fn note(&mut self, who: &Identity, last: MessageId) -> MessageId {
        let as_guest = self.guests.iter().find(|(known, _)| known.entitles(who)).map(|(_, since)| *since);
        if let Some(account) = who.account {
            return self.note_account(account, as_guest, last);
        }
        if as_guest.is_none() {
            if self.guests.len() >= MOST_GUESTS {
                self.guests.pop_front();
            }
            self.guests.push_back((who.clone(), last));
        }
        as_guest.unwrap_or(last)
    }

    /// Not inlined: when the list of guests has to grow, `note` is the deepest call of a session.
    #[inline(never)]
    fn note_account(&mut self, account: AccountId, as_guest: Option<MessageId>, last: MessageId) -> MessageId {
        // A guest who was here before is now logged in to the account.
        let known = self.accounts.get(&account).copied();
        let since = [known, as_guest].into_iter().flatten().min().unwrap_or(last);
        self.accounts.insert(account, since);
        since
    }

    /// A guest in the room has changed their name.
    pub(super) fn rename(&mut self, who: &Identity) {
        for (known, _) in self.guests.iter_mut().filter(|(known, _)| known.shares_connection(who)) {
            known.name = who.name.clone();
        }
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.accounts.remove(&account);
    }

    /// All entries: accounts, then guests in the order in which they came.
    #[cfg(any(test, feature = "cluster"))]
    pub(super) fn parts(&self) -> (Vec<(AccountId, MessageId)>, &GuestReaders) {
        let mut accounts: Vec<_> = self.accounts.iter().map(|(account, since)| (*account, *since)).collect();
        accounts.sort_unstable();
        (accounts, &self.guests)
    }

    /// Adds an account of [`parts`](Readers::parts).
    #[cfg(any(test, feature = "cluster"))]
    pub(super) fn put_account(&mut self, account: AccountId, since: MessageId) {
        self.accounts.insert(account, since);
    }

    /// Adds a guest of [`parts`](Readers::parts).
    #[cfg(any(test, feature = "cluster"))]
    pub(super) fn put_guest(&mut self, who: Identity, since: MessageId) {
        self.guests.push_back((who, since));
    }

    pub(super) fn since(&self, account: AccountId) -> Option<MessageId> {
        self.accounts.get(&account).copied()
    }
}

impl RoomState {
    /// The last message number given when an account became a member or was invited.
    pub(crate) fn member_since(&self, account: AccountId) -> Option<MessageId> {
        self.readers.since(account)
    }

    /// All accounts, each with the last message number given when it became a member.
    pub(crate) fn accounts_since(&self) -> impl Iterator<Item = (AccountId, MessageId)> {
        self.readers.accounts.iter().map(|(account, since)| (*account, *since))
    }

    /// Adds the stored accounts.
    pub(super) fn restore_readers(&mut self, accounts: impl IntoIterator<Item = (AccountId, MessageId)>) {
        self.readers.accounts.extend(accounts);
    }

    /// Adds the stored accounts to a room that users have entered meanwhile. The earlier visit counts.
    pub(super) fn restore_earlier_readers(&mut self, accounts: impl IntoIterator<Item = (AccountId, MessageId)>) {
        for (account, since) in accounts {
            let known = self.readers.accounts.entry(account).or_insert(since);
            *known = since.min(*known);
            for member in self.members.values_mut().filter(|member| member.who.account == Some(account)) {
                member.first = since.min(member.first);
            }
        }
    }

    /// A member has changed their identity. What an account may read belongs to the account, so for another account on
    /// the same connection, or a guest, the visit begins now.
    pub(super) fn reader_changed(&mut self, client: ClientId, before: &Identity, last: MessageId) {
        let Some(member) = self.members.get_mut(&client) else { return };
        if before.account == member.who.account {
            return self.readers.rename(&member.who);
        }
        member.first = self.readers.note(&member.who, last);
        if before.account.is_some() {
            member.came_in = last;
        }
    }

    /// The number up to which a user may read nothing here. If reading is limited, a user outside the room may read
    /// nothing.
    pub fn boundary(&self, client: ClientId) -> MessageId {
        let member = self.members.get(&client);
        match self.read_back {
            ReadBack::All => BEGINNING,
            ReadBack::Joined => member.map_or(MessageId(u64::MAX), |member| member.first),
            ReadBack::Nothing => member.map_or(MessageId(u64::MAX), |member| member.came_in),
        }
    }

    /// The parts of the room's messages that a user may read.
    pub(crate) fn readable(&self, client: ClientId, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        let after = self.boundary(client);
        if after == BEGINNING { events } else { readable_after(after, events) }
    }

    /// The last messages that a user may read, oldest first.
    pub(crate) fn last_readable(&self, client: ClientId, count: usize) -> Vec<Arc<Event>> {
        self.readable(client, self.history.last(count))
    }

    /// A user's last message that they may read.
    pub(crate) fn last_by(&self, who: &Identity) -> Option<MessageId> {
        let after = self.boundary(who.client);
        self.history.last_by(who.client, who.account).map(|message| message.id).filter(|id| *id > after)
    }

    /// A message that a user may read.
    pub fn readable_message(&self, client: ClientId, id: MessageId) -> Option<&Message> {
        self.history.find(id).filter(|_| id > self.boundary(client))
    }
}

/// The messages after a number, without their quotes of earlier ones.
pub(crate) fn readable_after(after: MessageId, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    let is_after = |event: &Arc<Event>| event.message().is_none_or(|message| message.id > after);
    events.into_iter().filter(is_after).map(|event| event.without_quotes_up_to(after).unwrap_or(event)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::names::UserName;

    fn guest(client: u64, name: &str) -> Identity {
        let name = UserName::parse(name, 1, 12).expect("a name");
        let address = "192.0.2.1".parse().expect("an address");
        Identity { client: ClientId(client), name, address, shared: false, account: None }
    }

    fn account(client: u64, name: &str, account: u64) -> Identity {
        Identity { account: Some(AccountId(account)), ..guest(client, name) }
    }

    fn since(readers: &mut Readers, who: &Identity, last: u64) -> u64 {
        readers.note(who, MessageId(last)).0
    }

    #[test]
    fn the_first_visit_counts_however_often_a_user_comes_back() {
        let mut readers = Readers::default();
        assert_eq!(since(&mut readers, &account(1, "alice", 7), 10), 10);
        assert_eq!(since(&mut readers, &account(2, "alice", 7), 20), 10);
        assert_eq!(since(&mut readers, &account(3, "bob", 8), 20), 20);
        assert_eq!(since(&mut readers, &guest(4, "carol"), 30), 30);
        assert_eq!(since(&mut readers, &guest(5, "carol"), 40), 30, "the same name from the same address");
        let elsewhere = Identity { address: "192.0.2.2".parse().expect("an address"), ..guest(6, "carol") };
        assert_eq!(since(&mut readers, &elsewhere, 40), 40);
    }

    #[test]
    fn nobody_else_may_read_what_an_account_may() {
        let mut readers = Readers::default();
        readers.note(&account(1, "alice", 7), MessageId(10));
        assert_eq!(since(&mut readers, &guest(1, "alice"), 20), 20);
        assert_eq!(since(&mut readers, &account(1, "alice", 8), 30), 20, "what the guest may read");
        readers.forget(AccountId(7));
        assert_eq!(since(&mut readers, &account(2, "elsewhere", 7), 40), 40);
    }

    #[test]
    fn a_guest_who_registers_reads_on_from_where_the_guest_did() {
        let mut readers = Readers::default();
        readers.note(&guest(1, "alice"), MessageId(10));
        assert_eq!(readers.since(AccountId(7)), None);
        assert_eq!(since(&mut readers, &account(1, "alice", 7), 20), 10);
        assert_eq!(readers.since(AccountId(7)), Some(MessageId(10)));
        assert_eq!(since(&mut readers, &account(1, "alice", 7), 30), 10);
    }

    #[test]
    fn the_first_guest_is_forgotten_if_there_are_too_many() {
        let mut readers = Readers::default();
        for number in 0..=MOST_GUESTS as u64 {
            readers.note(&guest(number + 1, &format!("g{number}")), MessageId(number));
        }
        let (first, second) = (guest(9001, "g0"), guest(9002, "g1"));
        assert_eq!(since(&mut readers, &second, 500), 1);
        assert_eq!(since(&mut readers, &first, 500), 500);
    }
}
