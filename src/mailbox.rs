//! Direct messages for people who are not there, where none reach the disk.
//!
//! *Owns* the messages until their reader comes, in memory alone, and their bounds.
//! *Knows nothing of* accounts beyond their numbers, and of who may write to whom.
//! *Called by* `session`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::identity::AccountId;
use crate::message::MessageId;
use crate::store::WaitingDirect;

/// Messages that wait for one person. So many are read when he comes; one more is refused, and its author told.
pub const MOST_WAITING: usize = 100;

/// Messages that wait for all together: at 150 characters each they take about two megabytes.
const MOST: usize = 10_000;

/// As many messages wait as can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// All messages that wait.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// A leaf.
    waiting: Mutex<HashMap<AccountId, VecDeque<WaitingDirect>>>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, VecDeque<WaitingDirect>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message for somebody.
    pub fn put(&self, reader: AccountId, message: WaitingDirect) -> Result<(), Full> {
        let mut waiting = self.lock();
        // Counted and not remembered: there are a thousand mailboxes at most, and messages come at people's speed.
        let all: usize = waiting.values().map(VecDeque::len).sum();
        if waiting.get(&reader).map_or(0, VecDeque::len) >= MOST_WAITING || all >= MOST {
            return Err(Full);
        }
        // Only now, so that what is refused leaves no empty box behind.
        waiting.entry(reader).or_default().push_back(message);
        Ok(())
    }

    /// What waits for somebody, oldest first. It waits on.
    pub fn waiting(&self, reader: AccountId) -> Vec<WaitingDirect> {
        self.lock().get(&reader).map(|waiting| waiting.iter().cloned().collect()).unwrap_or_default()
    }

    /// These were shown: they wait no more, unless they were edited meanwhile.
    pub fn shown(&self, reader: AccountId, shown: &[WaitingDirect]) {
        let mut all = self.lock();
        if let Some(waiting) = all.get_mut(&reader) {
            waiting.retain(|message| !shown.iter().any(|seen| seen.id == message.id && seen.text == message.text));
            if waiting.is_empty() {
                all.remove(&reader);
            }
        }
    }

    /// Takes all that waits for somebody, oldest first.
    pub fn take(&self, reader: AccountId) -> Vec<WaitingDirect> {
        self.lock().remove(&reader).map(Vec::from).unwrap_or_default()
    }

    /// Gives a message that waits still another text. False if it is not there.
    pub fn edit(&self, id: MessageId, text: &str) -> bool {
        let mut waiting = self.lock();
        let found = waiting.values_mut().flatten().find(|message| message.id == id);
        if let Some(message) = found {
            message.text = text.into();
            message.edited = true;
            return true;
        }
        false
    }

    /// Takes a message that waits still away. False if it is not there.
    pub fn erase(&self, id: MessageId) -> bool {
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
    use crate::names::UserName;
    use jiff::Timestamp;

    fn message(id: u64) -> WaitingDirect {
        WaitingDirect {
            id: MessageId(id),
            at: Timestamp::UNIX_EPOCH,
            from: UserName::parse("alice", 1, 12).expect("a name"),
            account: Some(AccountId(1)),
            text: "morning".into(),
            action: false,
            edited: false,
            reply: None,
        }
    }

    #[test]
    fn what_waits_is_handed_out_once_and_in_order() {
        let mailbox = Mailbox::default();
        for id in 1..=3 {
            mailbox.put(AccountId(7), message(id)).expect("room");
        }
        let ids: Vec<_> = mailbox.take(AccountId(7)).iter().map(|message| message.id.0).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert!(mailbox.take(AccountId(7)).is_empty() && mailbox.take(AccountId(8)).is_empty());
    }

    #[test]
    fn what_waits_goes_when_it_was_shown_and_not_when_it_was_asked_for() {
        let mailbox = Mailbox::default();
        (1..=3).for_each(|id| mailbox.put(AccountId(7), message(id)).expect("room"));
        let asked = mailbox.waiting(AccountId(7));
        assert_eq!((asked.len(), mailbox.waiting(AccountId(7)).len()), (3, 3));
        // One comes, and one is edited, while the others are shown.
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
            let reader = AccountId(number / MOST_WAITING as u64);
            assert_eq!(mailbox.put(reader, message(number)), Ok(()));
        }
        assert_eq!(mailbox.put(AccountId(0), message(0)), Err(Full));
        assert_eq!(mailbox.put(AccountId(500), message(0)), Err(Full));
        assert_eq!(mailbox.lock().len(), MOST / MOST_WAITING, "no box for what was refused");
        mailbox.take(AccountId(3));
        assert_eq!(mailbox.put(AccountId(0), message(0)), Err(Full));
        assert_eq!(mailbox.put(AccountId(500), message(0)), Ok(()));
    }

    #[test]
    fn a_message_can_be_changed_and_taken_back_while_it_waits() {
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
