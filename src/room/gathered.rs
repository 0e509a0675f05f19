//! Arrivals and departures of a crowded room, put aside to be told in one line a second.
//!
//! *Owns* the counts and the few names that are told.
//! *Knows nothing of* the room.
//! *Called by* `room` alone, under its lock.

use crate::names::UserName;

/// Names told; the rest is a number. Bounds what a crowd of arrivals costs, too.
const NAMES_TOLD: usize = 2;

#[derive(Debug, Default)]
struct Tally {
    names: Vec<UserName>,
    count: usize,
}

impl Tally {
    fn add(&mut self, name: &UserName) {
        self.count += 1;
        if self.names.len() < NAMES_TOLD {
            self.names.push(name.clone());
        }
    }

    /// `bob, carol and 12 others joined`.
    fn sentence(&self, verb: &str) -> Option<String> {
        match (self.names.as_slice(), self.count) {
            ([], _) => None,
            ([first], _) => Some(format!("{first} {verb}")),
            ([first, second, ..], 2) => Some(format!("{first} and {second} {verb}")),
            ([first, second, ..], 3) => Some(format!("{first}, {second} and 1 other {verb}")),
            ([first, second, ..], count) => Some(format!("{first}, {second} and {} others {verb}", count - 2)),
        }
    }
}

/// What has gathered since the last line.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    joined: Tally,
    left: Tally,
    /// The first to be noted left: leaving is told first then, so that a return reads as one.
    left_first: bool,
    /// Somebody has been asked to flush it.
    due: bool,
}

impl Gathered {
    /// Notes an arrival. True if a flush has to be arranged.
    pub(super) fn joined(&mut self, name: &UserName) -> bool {
        self.joined.add(name);
        !std::mem::replace(&mut self.due, true)
    }

    /// Notes a departure. True if a flush has to be arranged.
    pub(super) fn left(&mut self, name: &UserName) -> bool {
        self.left_first |= self.joined.count == 0;
        self.left.add(name);
        !std::mem::replace(&mut self.due, true)
    }

    /// Whether anything has gathered: what comes after it has to wait with it, or it would be told before.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// The lines to tell, and nothing has gathered any more.
    pub(super) fn take(&mut self) -> Vec<String> {
        let gathered = std::mem::take(self);
        let (joined, left) = (gathered.joined.sentence("joined"), gathered.left.sentence("left"));
        let lines = if gathered.left_first { [left, joined] } else { [joined, left] };
        lines.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        UserName::parse(text, 1, 12).expect("a name")
    }

    #[test]
    fn a_crowd_is_two_names_and_a_number() {
        let mut gathered = Gathered::default();
        assert!(gathered.joined(&name("bob")));
        assert!(!gathered.joined(&name("carol")));
        for _ in 0..12 {
            assert!(!gathered.joined(&name("dave")));
        }
        assert!(!gathered.left(&name("erin")));
        assert_eq!(gathered.take(), ["bob, carol and 12 others joined", "erin left"]);
        assert!(gathered.take().is_empty());
        assert!(gathered.left(&name("bob")), "after a flush the next one has to be arranged");
    }

    #[test]
    fn who_leaves_and_comes_back_is_told_in_that_order() {
        let mut gathered = Gathered::default();
        gathered.left(&name("bob"));
        gathered.joined(&name("bob"));
        assert_eq!(gathered.take(), ["bob left", "bob joined"]);
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let mut gathered = Gathered::default();
        for who in ["ann", "bob", "carol"] {
            gathered.left(&name(who));
        }
        assert_eq!(gathered.take(), ["ann, bob and 1 other left"]);
        gathered.joined(&name("ann"));
        gathered.joined(&name("bob"));
        assert_eq!(gathered.take(), ["ann and bob joined"]);
    }
}
