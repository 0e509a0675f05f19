//! From when each user of a room may read back.
//!
//! The boundary is a message number: numbers grow along the order in which a room takes its messages, and all that were
//! given before it under the room's lock are at most the one last given. So `after` the boundary is what was said since.
//!
//! *Owns* who became a member when, and what of the history a user may read.
//! *Knows nothing of* who may be in the room.
//! *Called by* `room`, under its lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Room, State};
use crate::chat::action::ReadBack;
use crate::chat::identity::{AccountId, Identity};
use crate::chat::message::{ClientId, Event, MessageId};
use crate::store::MemberRecord;

/// Guests whose first coming is remembered. Each is a name and an address, and anybody can come by any number of names:
/// of more, the one who came first is forgotten, and reads back from the next coming on.
const MOST_GUESTS: usize = 200;

/// Nobody's boundary: everything may be read.
pub(super) const BEGINNING: MessageId = MessageId(0);

/// When users first became members or were invited. Accounts are known again for ever, and there are only as many as have
/// been made.
#[derive(Debug, Default)]
pub(super) struct Readers {
    accounts: HashMap<AccountId, MessageId>,
    guests: VecDeque<(Identity, MessageId)>,
}

/// What is known of a user after a coming or an invitation was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    /// What was said up to here, they may not read where only what came after they joined may be read.
    pub(super) since: MessageId,
    /// It is to be written down for this account.
    pub(super) written: Option<AccountId>,
}

impl Readers {
    /// Notes that somebody is a member or was invited when `last` was the last number given.
    pub(super) fn note(&mut self, who: &Identity, last: MessageId) -> First {
        let as_guest = self.guests.iter().find(|(known, _)| known.entitles(who)).map(|(_, since)| *since);
        let Some(account) = who.account else {
            if as_guest.is_none() {
                if self.guests.len() >= MOST_GUESTS {
                    self.guests.pop_front();
                }
                self.guests.push_back((who.clone(), last));
            }
            return First { since: as_guest.unwrap_or(last), written: None };
        };
        let known = self.accounts.get(&account).copied();
        // Who was a guest here before has the account by now.
        let since = [known, as_guest].into_iter().flatten().min().unwrap_or(last);
        let written = (known != Some(since)).then_some(account);
        self.accounts.insert(account, since);
        First { since, written }
    }

    /// A guest in the room has another name now.
    fn rename(&mut self, who: &Identity) {
        for (known, _) in self.guests.iter_mut().filter(|(known, _)| known.shares_connection(who)) {
            known.name = who.name.clone();
        }
    }

    /// An account is gone.
    pub(super) fn forget(&mut self, account: AccountId) {
        self.accounts.remove(&account);
    }

    /// What was written down.
    pub(super) fn restore(&mut self, members: Vec<MemberRecord>) {
        self.accounts.extend(members.into_iter().map(|member| (member.account, member.since)));
    }
}

impl Room {
    /// The last number given to a message. Called under the room's lock.
    pub(super) fn last_given(&self) -> MessageId {
        MessageId(self.shared.last_message.load(Ordering::Relaxed))
    }

    /// Hands to the store since when an account is a member, if that is to be written down. Called under the room's lock.
    pub(super) fn record_first(&self, state: &State, first: First) {
        if let (Some(store), Some(account)) = (self.recorder(state), first.written) {
            store.record_membership(account, &self.name, first.since, state.made.is_some());
        }
    }

    /// The same for all who are known.
    pub(super) fn record_members(&self, state: &State) {
        for (account, since) in &state.readers.accounts {
            self.record_first(state, First { since: *since, written: Some(*account) });
        }
    }

    /// A room that has just been made, from when its users may read back.
    pub fn begin_with(&self, read_back: ReadBack) {
        self.lock().read_back = read_back;
    }

    /// Whether what was said while a user was away is not for them when they come back.
    pub fn hides_past(&self) -> bool {
        self.lock().read_back == ReadBack::Nothing
    }

    /// Messages said in it after one, as far as they are in memory and will be for the account to read; not counted are its
    /// own.
    pub fn said_after(&self, last: MessageId, account: Option<AccountId>) -> u64 {
        let state = self.lock_to_show();
        if state.read_back == ReadBack::Nothing {
            return 0;
        }
        let newer = |event: &&Arc<Event>| event.message().is_some_and(|message| message.id > last);
        let others = |event: &&Arc<Event>| !event.message().is_some_and(|m| m.is_by(ClientId::NONE, account));
        state.history.last(usize::MAX).iter().rev().take_while(newer).filter(others).count() as u64
    }

    /// What this user may read here, in words for somebody who finds nothing there.
    pub fn read_back(&self) -> ReadBack {
        self.lock().read_back
    }
}

impl State {
    /// Who a member is has changed: from when they may read back follows whom the room knows by now. What an account may
    /// read is the account's, so another one, or none, on the same connection comes in just now.
    pub(super) fn reader_changed(&mut self, room: &Room, client: ClientId, before: &Identity) {
        let last = room.last_given();
        let Some(member) = self.members.get_mut(&client) else { return };
        let who = member.who.clone();
        if before.account == who.account {
            return self.readers.rename(&who);
        }
        let first = self.readers.note(&who, last);
        member.first = first.since;
        if before.account.is_some() {
            member.came_in = last;
        }
        room.record_first(self, first);
        self.bound_view(client);
    }

    /// The number up to which a user may read nothing here. Who is not in the room reads nothing where that matters.
    pub(super) fn boundary(&self, client: ClientId) -> MessageId {
        let member = self.members.get(&client);
        match self.read_back {
            ReadBack::All => BEGINNING,
            ReadBack::Joined => member.map_or(MessageId(u64::MAX), |member| member.first),
            ReadBack::Nothing => member.map_or(MessageId(u64::MAX), |member| member.came_in),
        }
    }

    /// Of some of the room's messages those that a user may read, as far as they may.
    pub(super) fn readable(&self, client: ClientId, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        let after = self.boundary(client);
        if after == BEGINNING { events } else { readable_after(after, events) }
    }

    /// The last messages that a user may read, oldest first.
    pub(super) fn last_readable(&self, client: ClientId, count: usize) -> Vec<Arc<Event>> {
        self.readable(client, self.history.last(count))
    }

    /// Brings the view of a user in line with what they may read, for the live text that is about older messages.
    fn bound_view(&self, client: ClientId) {
        if let Some(member) = self.members.get(&client).filter(|member| member.in_view) {
            member.outbox.set_read_limit(self.boundary(client));
        }
    }

    /// The same for everybody who looks at the room.
    pub(super) fn bound_views(&self) {
        self.members.keys().for_each(|client| self.bound_view(*client));
    }
}

/// Of some messages those that came after a number, without what they quote of one before.
pub fn readable_after(after: MessageId, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
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
        readers.note(who, MessageId(last)).since.0
    }

    #[test]
    fn the_first_coming_counts_however_often_a_user_comes_back() {
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
    fn what_an_account_may_read_is_nobodys_without_it() {
        let mut readers = Readers::default();
        readers.note(&account(1, "alice", 7), MessageId(10));
        assert_eq!(since(&mut readers, &guest(1, "alice"), 20), 20);
        assert_eq!(since(&mut readers, &account(1, "alice", 8), 30), 20, "what the guest may read");
        readers.forget(AccountId(7));
        assert_eq!(since(&mut readers, &account(2, "elsewhere", 7), 40), 40);
    }

    #[test]
    fn a_guest_who_makes_an_account_reads_on_from_where_the_guest_did() {
        let mut readers = Readers::default();
        readers.note(&guest(1, "alice"), MessageId(10));
        let first = readers.note(&account(1, "alice", 7), MessageId(20));
        assert_eq!(first, First { since: MessageId(10), written: Some(AccountId(7)) });
        assert_eq!(readers.note(&account(1, "alice", 7), MessageId(30)).written, None, "it is written down already");
    }

    #[test]
    fn guests_are_forgotten_where_there_are_too_many() {
        let mut readers = Readers::default();
        for number in 0..=MOST_GUESTS as u64 {
            readers.note(&guest(number + 1, &format!("g{number}")), MessageId(number));
        }
        let (first, second) = (guest(9001, "g0"), guest(9002, "g1"));
        assert_eq!(since(&mut readers, &second, 500), 1);
        assert_eq!(since(&mut readers, &first, 500), 500, "the first of them is the one that was forgotten");
    }
}
