//! Direct messages for offline users, kept in memory when history is off.
//!
//! *Owns* the messages until their reader logs in, and their bounds.
//! *Knows nothing of* accounts beyond their numbers, nor of who may write to which user.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::chat::message::{AccountId, MessageId};
use crate::store::{MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER, OfflineMessageError, OfflineMessageRecord};

/// Most messages that wait for all users together: at 150 characters each they take about two megabytes.
const MOST: usize = 10_000;

/// How many of these one account, or all guests of one address together, may have written: a tenth. Otherwise one
/// author could fill all of it.
const MOST_OF_ONE_IN_ALL: usize = MOST / 10;

/// The waiting messages of all accounts.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// A leaf.
    waiting: Mutex<HashMap<AccountId, VecDeque<OfflineMessageRecord>>>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, VecDeque<OfflineMessageRecord>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message for an account.
    ///
    /// # Errors
    ///
    /// The mailbox or all mailboxes are full, or the author has used up their share.
    pub(crate) fn put(&self, reader: AccountId, message: OfflineMessageRecord) -> Result<(), OfflineMessageError> {
        let mut waiting = self.lock();
        // Counted by a scan: there are ten thousand at most, and they come at typing speed.
        let shared = |waiting: &VecDeque<OfflineMessageRecord>| {
            waiting.iter().filter(|known| known.shares_with(&message)).count()
        };
        let (count, of_one) = waiting.get(&reader).map_or((0, 0), |own| (own.len(), shared(own)));
        if of_one >= MAX_OFFLINE_MESSAGES_PER_SENDER {
            return Err(OfflineMessageError::SenderShare);
        }
        if count >= MAX_OFFLINE_MESSAGES || waiting.values().map(VecDeque::len).sum::<usize>() >= MOST {
            return Err(OfflineMessageError::MailboxFull);
        }
        if waiting.values().map(shared).sum::<usize>() >= MOST_OF_ONE_IN_ALL {
            return Err(OfflineMessageError::SenderTotal);
        }
        // Only now, so that a refused message leaves no empty mailbox behind.
        waiting.entry(reader).or_default().push_back(message);
        Ok(())
    }

    /// The messages that wait for an account, oldest first. They stay.
    pub(crate) fn waiting(&self, reader: AccountId) -> Vec<OfflineMessageRecord> {
        self.lock().get(&reader).map(|waiting| waiting.iter().cloned().collect()).unwrap_or_default()
    }

    /// Drops delivered messages, unless they were edited meanwhile.
    pub(crate) fn shown(&self, reader: AccountId, shown: &[OfflineMessageRecord]) {
        let mut all = self.lock();
        if let Some(waiting) = all.get_mut(&reader) {
            waiting.retain(|message| !shown.iter().any(|seen| seen.id == message.id && seen.text == message.text));
            if waiting.is_empty() {
                all.remove(&reader);
            }
        }
    }

    /// The accounts with waiting messages.
    pub fn readers(&self) -> Vec<AccountId> {
        self.lock().keys().copied().collect()
    }

    /// Takes all messages that wait for an account, oldest first.
    pub(crate) fn take(&self, reader: AccountId) -> Vec<OfflineMessageRecord> {
        self.lock().remove(&reader).map(Vec::from).unwrap_or_default()
    }

    /// Edits a waiting message. False if it is not there.
    pub(crate) fn edit(&self, id: MessageId, text: &str) -> bool {
        let mut waiting = self.lock();
        let found = waiting.values_mut().flatten().find(|message| message.id == id);
        if let Some(message) = found {
            message.text = text.into();
            message.edited = true;
            return true;
        }
        false
    }

    /// Deletes a waiting message. False if it is not there.
    pub(crate) fn erase(&self, id: MessageId) -> bool {
        let mut waiting = self.lock();
        let before: usize = waiting.values().map(VecDeque::len).sum();
        waiting.values_mut().for_each(|messages| messages.retain(|message| message.id != id));
        waiting.retain(|_, messages| !messages.is_empty());
        waiting.values().map(VecDeque::len).sum::<usize>() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::names::UserName;
    use jiff::Timestamp;

    fn message(id: u64) -> OfflineMessageRecord {
        OfflineMessageRecord {
            id: MessageId(id),
            at: Timestamp::UNIX_EPOCH,
            from: UserName::parse("alice", 1, 12).expect("a name"),
            account: Some(AccountId(1)),
            address: None,
            text: "morning".into(),
            action: false,
            edited: false,
            reply: None,
        }
    }

    fn by(id: u64, account: u64) -> OfflineMessageRecord {
        OfflineMessageRecord { account: Some(AccountId(account)), ..message(id) }
    }

    fn from(id: u64, name: &str, address: &str) -> OfflineMessageRecord {
        let from = UserName::parse(name, 1, 12).expect("a name");
        OfflineMessageRecord { from, account: None, address: address.parse().ok(), ..message(id) }
    }

    #[test]
    fn waiting_messages_are_delivered_once_and_in_order() {
        let mailbox = Mailbox::default();
        for id in 1..=3 {
            mailbox.put(AccountId(7), message(id)).expect("room");
        }
        let ids: Vec<_> = mailbox.take(AccountId(7)).iter().map(|message| message.id.0).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert!(mailbox.take(AccountId(7)).is_empty() && mailbox.take(AccountId(8)).is_empty());
    }

    #[test]
    fn waiting_messages_are_removed_when_shown_not_when_read() {
        let mailbox = Mailbox::default();
        (1..=3).for_each(|id| mailbox.put(AccountId(7), message(id)).expect("room"));
        let asked = mailbox.waiting(AccountId(7));
        assert_eq!((asked.len(), mailbox.waiting(AccountId(7)).len()), (3, 3));
        // While these are shown, another one arrives and one is edited.
        mailbox.put(AccountId(7), message(4)).expect("room");
        mailbox.edit(MessageId(2), "evening");
        mailbox.shown(AccountId(7), &asked);
        let left: Vec<_> = mailbox.waiting(AccountId(7)).iter().map(|message| message.id.0).collect();
        assert_eq!(left, [2, 4]);
    }

    #[test]
    fn one_person_s_box_and_all_boxes_have_bounds() {
        let mailbox = Mailbox::default();
        for number in 0..MOST as u64 {
            let reader = AccountId(number / MAX_OFFLINE_MESSAGES as u64);
            // Nobody can write more than their share.
            assert_eq!(mailbox.put(reader, by(number, number / MAX_OFFLINE_MESSAGES_PER_SENDER as u64)), Ok(()));
        }
        let other = by(0, 10_000);
        assert_eq!(mailbox.put(AccountId(0), other.clone()), Err(OfflineMessageError::MailboxFull));
        assert_eq!(mailbox.put(AccountId(500), other.clone()), Err(OfflineMessageError::MailboxFull));
        assert_eq!(mailbox.lock().len(), MOST / MAX_OFFLINE_MESSAGES, "no box for what was refused");
        mailbox.take(AccountId(3));
        assert_eq!(mailbox.put(AccountId(0), other.clone()), Err(OfflineMessageError::MailboxFull));
        assert_eq!(mailbox.put(AccountId(500), other), Ok(()));
    }

    #[test]
    fn one_account_fills_a_fifth_of_a_box_and_leaves_the_rest_to_others() {
        let mailbox = Mailbox::default();
        for id in 1..=20 {
            assert_eq!(mailbox.put(AccountId(7), by(id, 1)), Ok(()));
        }
        assert_eq!(mailbox.put(AccountId(7), by(21, 1)), Err(OfflineMessageError::SenderShare));
        assert_eq!(mailbox.put(AccountId(7), by(21, 2)), Ok(()), "another account");
        assert_eq!(mailbox.put(AccountId(8), by(22, 1)), Ok(()), "another box");
        // Messages that were deleted or read no longer count.
        assert!(mailbox.erase(MessageId(3)));
        assert_eq!(mailbox.put(AccountId(7), by(23, 1)), Ok(()));
        mailbox.take(AccountId(7));
        assert_eq!(mailbox.put(AccountId(7), by(24, 1)), Ok(()));
    }

    #[test]
    fn guests_of_one_address_share_a_fifth_of_a_box_whatever_their_names() {
        let mailbox = Mailbox::default();
        for id in 0..20 {
            let name = format!("guest{id}");
            assert_eq!(mailbox.put(AccountId(7), from(id, &name, "192.0.2.1")), Ok(()));
        }
        let another = from(21, "another", "192.0.2.1");
        assert_eq!(mailbox.put(AccountId(7), another.clone()), Err(OfflineMessageError::SenderShare));
        assert_eq!(mailbox.put(AccountId(7), from(22, "another", "192.0.2.2")), Ok(()));
        // Those from an account do not count towards its address.
        assert_eq!(mailbox.put(AccountId(7), OfflineMessageRecord { account: Some(AccountId(1)), ..another }), Ok(()));
    }

    #[test]
    fn one_author_who_writes_to_everybody_leaves_room_for_others() {
        let mailbox = Mailbox::default();
        let mut refused = (0..).map(|number| mailbox.put(AccountId(number / 20), by(number, 1)));
        let first = refused.position(|kept| kept.is_err());
        assert_eq!((first, refused.next()), (Some(MOST_OF_ONE_IN_ALL), Some(Err(OfflineMessageError::SenderTotal))));
        assert_eq!(mailbox.put(AccountId(0), by(0, 2)), Ok(()));
    }

    #[test]
    fn a_waiting_message_can_be_edited_and_deleted() {
        let mailbox = Mailbox::default();
        mailbox.put(AccountId(7), message(1)).expect("room");
        mailbox.put(AccountId(7), message(2)).expect("room");
        assert!(mailbox.edit(MessageId(1), "evening") && !mailbox.edit(MessageId(3), "evening"));
        assert!(mailbox.erase(MessageId(2)) && !mailbox.erase(MessageId(2)));
        let waiting = mailbox.take(AccountId(7));
        assert_eq!(
            waiting.iter().map(|message| (&*message.text, message.edited)).collect::<Vec<_>>(),
            [("evening", true)]
        );
        assert!(!mailbox.edit(MessageId(1), "night"));
    }
}
