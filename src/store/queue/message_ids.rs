//! Message ids, reserved on disk in blocks so that none is given twice, not even after a crash.
//!
//! *Owns* how far ids are used and reserved. *Knows nothing of* who draws them, and of SQL.

use std::sync::atomic::{AtomicU64, Ordering};

/// Ids reserved at once. After a crash, up to this many are skipped, which users see as a jump; each block costs one more
/// row in a transaction.
///
/// While the writer is busy with one step, users draw from what is left of the block, which is about half of it. The queue
/// has room for as many (8 MiB of writes of 128 bytes and more): posting beyond that loses writes too, and is reported.
/// Users without a rate limit would use up half of a block of 10,000 in a tenth of a second, and no disk is always faster.
pub(crate) const BLOCK: u64 = 131_072;

/// Counts ids, without a lock: a poster reads two counters.
#[derive(Debug)]
pub(crate) struct MessageIds {
    used: AtomicU64,
    reserved: AtomicU64,
}

impl MessageIds {
    /// Ids up to `used` may have been given before; ids up to `reserved` are reserved.
    pub(crate) fn new(used: u64, reserved: u64) -> MessageIds {
        MessageIds { used: AtomicU64::new(used), reserved: AtomicU64::new(reserved) }
    }

    /// Notes that an id was given. True if half a block or less is left and the writer has to reserve more; true again for every
    /// id until it has done so.
    pub(crate) fn mark_used(&self, id: u64) -> bool {
        let before = self.used.fetch_max(id, Ordering::Relaxed);
        self.is_low(before.max(id))
    }

    fn is_low(&self, used: u64) -> bool {
        used.saturating_add(BLOCK / 2) >= self.reserved.load(Ordering::Relaxed)
    }

    /// The highest id given.
    pub(crate) fn highest_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The id to reserve up to, if more are needed now.
    pub(crate) fn to_reserve(&self) -> Option<u64> {
        let used = self.highest_used();
        self.is_low(used).then(|| used.saturating_add(BLOCK))
    }

    /// The id to reserve up to in any case.
    pub(crate) fn to_reserve_anyway(&self) -> u64 {
        self.to_reserve().unwrap_or_else(|| self.reserved.load(Ordering::Relaxed))
    }

    /// Notes that the ids up to this one are reserved on disk.
    pub(crate) fn mark_reserved(&self, to: u64) {
        self.reserved.fetch_max(to, Ordering::Relaxed);
    }

    /// Whether ids were given that are not reserved.
    pub(crate) fn has_unreserved(&self) -> bool {
        self.highest_used() > self.reserved.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_are_wanted_when_half_a_block_is_used() {
        let ids = MessageIds::new(0, BLOCK);
        assert!(!ids.mark_used(BLOCK / 2 - 1) && ids.to_reserve().is_none());
        assert!(ids.mark_used(BLOCK / 2));
        assert_eq!(ids.to_reserve(), Some(BLOCK / 2 + BLOCK));
        ids.mark_reserved(BLOCK / 2 + BLOCK);
        assert!(ids.to_reserve().is_none() && !ids.has_unreserved());
    }

    #[test]
    fn numbers_may_come_out_of_order() {
        let ids = MessageIds::new(0, BLOCK);
        ids.mark_used(7);
        ids.mark_used(5);
        assert_eq!(ids.highest_used(), 7);
        ids.mark_used(BLOCK + 1);
        assert!(ids.has_unreserved());
    }
}
