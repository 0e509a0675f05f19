//! Changes to a channel's items after they arrived.
//!
//! *Owns* how a message changes, expires, or loses its number. *Knows nothing of* who caused it.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::{Channel, ChatMessage, Gone, ItemContent, Older};

impl Channel {
    /// Changes a message, by its number. False if it is not here.
    pub(in crate::cli::connect::model) fn change(
        &mut self,
        number: u64,
        change: impl FnOnce(&mut ChatMessage),
    ) -> bool {
        let Some(at) = self.find(number).and_then(|key| self.position(key)) else { return false };
        let Some(item) = self.items.get_mut(at) else { return false };
        let ItemContent::Message(message) = &mut item.content else { return false };
        change(message);
        item.revision += 1;
        self.touch();
        true
    }

    /// Changes what is shown here of a message of another channel, by its number.
    pub(in crate::cli::connect::model) fn change_copies(&mut self, number: u64, change: impl Fn(&mut ChatMessage)) {
        let mut any = false;
        for item in self.items.iter_mut().filter(|item| matches!(item.content, ItemContent::Copy(_))) {
            let Some(message) = item.said_mut().filter(|message| message.number == Some(number)) else { continue };
            change(message);
            item.revision += 1;
            any = true;
        }
        if any {
            self.touch();
        }
    }

    /// A message was deleted or edited: replies to it lose their quotes, or quote the new text.
    pub(in crate::cli::connect::model) fn change_quotes(&mut self, number: u64, start: &str) {
        for item in &mut self.items {
            let Some(message) = item.said_mut() else { continue };
            if let Some(quoted) = message.quoted.as_mut().filter(|quoted| quoted.number == number) {
                start.clone_into(&mut quoted.start);
                item.revision += 1;
            }
        }
    }

    /// Erases messages whose time is over. True if there was one.
    pub(in crate::cli::connect::model) fn expire(&mut self, now: Timestamp) -> bool {
        if self.expires.is_none_or(|first| first > now) {
            return false;
        }
        let mut any = false;
        self.expires = None;
        for item in &mut self.items {
            let Some(message) = item.said_mut() else { continue };
            let Some(temporary) = message.temporary.filter(|_| message.gone.is_none()) else { continue };
            if temporary.ends > now {
                self.expires = Some(self.expires.map_or(temporary.ends, |first| first.min(temporary.ends)));
                continue;
            }
            message.erase(Gone::Expired);
            item.revision += 1;
            any = true;
        }
        if any {
            self.touch();
        }
        any
    }

    /// The numbers of the messages here that are in a range and are not gone, lowest first.
    pub(in crate::cli::connect::model) fn present(&self, range: RangeInclusive<u64>) -> Vec<u64> {
        let is_present = |item: &super::Item| item.message().is_some_and(|message| message.gone.is_none());
        let at = |key: i64| self.position(key).and_then(|at| self.items.get(at));
        let in_range = self.numbers.iter().filter(|(number, _)| range.contains(number));
        let mut present: Vec<_> =
            in_range.filter(|(_, key)| at(**key).is_some_and(is_present)).map(|(number, _)| *number).collect();
        present.sort_unstable();
        present
    }

    /// The server never stored the messages with these numbers. They stay on the screen without a number. Returns how
    /// many there are.
    pub(in crate::cli::connect::model) fn forget_range(&mut self, range: RangeInclusive<u64>) -> usize {
        let mut count = 0;
        for item in &mut self.items {
            let ItemContent::Message(message) = &mut item.content else { continue };
            if message.number.is_some_and(|number| range.contains(&number)) {
                message.number = None;
                item.revision += 1;
                count += usize::from(message.gone.is_none());
            }
        }
        self.numbers.retain(|number, _| !range.contains(number));
        self.last = self.numbers.keys().max().copied();
        self.first = self.numbers.keys().min().copied();
        self.touch();
        count
    }

    /// The server has started again and gives the numbers to other messages, so these lose theirs.
    pub(in crate::cli::connect::model) fn forget_numbers(&mut self) {
        for item in &mut self.items {
            if let Some(message) = item.said_mut() {
                message.number = None;
            }
        }
        self.numbers.clear();
        (self.last, self.first, self.seen) = (None, None, 0);
        self.older = Older::Nothing;
        self.touch();
    }
}
