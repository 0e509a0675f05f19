//! Numbers of messages, reserved on the disk in blocks, so that none is given twice, not even after a crash.
//!
//! *Owns* how far numbers are used and reserved. *Knows nothing of* who draws them, and of SQL.
//! *Called by* `recording` for every number that is used, by `writer` to reserve more.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers reserved at once. After a crash at most so many are skipped, which people see as a leap; each block costs one
/// more row in a transaction.
///
/// While the writer is at one step, people use up what is left, which is about half of them. The queue has places for as
/// many (8 MiB of records of 128 bytes and more): who talks beyond it loses records too, and that is said. Of 10,000, half
/// is used up in a tenth of a second by people whose rate is not limited, and no disk is always faster than that.
pub const BLOCK: u64 = 131_072;

/// The count of numbers. No lock: whoever says something reads two counters.
#[derive(Debug)]
pub struct MessageIds {
    used: AtomicU64,
    reserved: AtomicU64,
}

impl MessageIds {
    /// All up to `used` may have been given before; all up to `reserved` are reserved.
    pub fn new(used: u64, reserved: u64) -> MessageIds {
        MessageIds { used: AtomicU64::new(used), reserved: AtomicU64::new(reserved) }
    }

    /// A number was given. True if the writer has to be told, as half of a block or less is left; it is told again for
    /// every number until it has reserved more.
    pub fn used(&self, number: u64) -> bool {
        let before = self.used.fetch_max(number, Ordering::Relaxed);
        self.is_short(before.max(number))
    }

    fn is_short(&self, used: u64) -> bool {
        used.saturating_add(BLOCK / 2) >= self.reserved.load(Ordering::Relaxed)
    }

    /// The highest given.
    pub fn last(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Up to where to reserve now, if more are needed.
    pub fn wanted(&self) -> Option<u64> {
        let used = self.last();
        self.is_short(used).then(|| used.saturating_add(BLOCK))
    }

    /// Up to where to reserve in any case.
    pub fn enough(&self) -> u64 {
        self.wanted().unwrap_or_else(|| self.reserved.load(Ordering::Relaxed))
    }

    /// All up to this one are reserved on the disk.
    pub fn reserved(&self, to: u64) {
        self.reserved.fetch_max(to, Ordering::Relaxed);
    }

    /// Whether numbers were given that are not reserved.
    pub fn is_over(&self) -> bool {
        self.last() > self.reserved.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_are_wanted_when_half_a_block_is_used() {
        let numbers = MessageIds::new(0, BLOCK);
        assert!(!numbers.used(BLOCK / 2 - 1) && numbers.wanted().is_none());
        assert!(numbers.used(BLOCK / 2));
        assert_eq!(numbers.wanted(), Some(BLOCK / 2 + BLOCK));
        numbers.reserved(BLOCK / 2 + BLOCK);
        assert!(numbers.wanted().is_none() && !numbers.is_over());
    }

    #[test]
    fn numbers_may_come_out_of_order() {
        let numbers = MessageIds::new(0, BLOCK);
        numbers.used(7);
        numbers.used(5);
        assert_eq!(numbers.last(), 7);
        numbers.used(BLOCK + 1);
        assert!(numbers.is_over());
    }
}
