//! Whose turn it is to have a room's password compared: of one address, one person after the other.
//!
//! A hash takes tens of milliseconds to compare, and a wrong one counts only afterwards. Compared side by side, an address
//! would have as many tries as connections. Counted beforehand, a crowd that knows the password would be taken for one
//! that guesses.
//!
//! *Owns* the turns, and how many wait for one.
//! *Knows nothing of* passwords, rooms and hashes. *Called by* `session`, with no lock held.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::hub::worker_pool::BusyError;

/// Who waits at most, of one address: the last of them for two seconds, as before the threads that compute.
const MOST_WAITING: u64 = 64;

/// Numbers drawn by those of one address, as at a counter.
#[derive(Debug, Default)]
struct Line {
    /// Whose turn it is.
    served: u64,
    /// What the next one draws.
    next: u64,
}

/// The turns of all addresses.
#[derive(Debug, Default)]
pub struct PasswordQueue {
    /// A leaf: nothing is done under it but counting. No line without somebody in it.
    lines: Mutex<HashMap<IpAddr, Line>>,
    /// Somebody's turn is over.
    over: Condvar,
}

/// A turn, until it is dropped. No lock: whoever has it waits for the threads that compute, and for no other turn.
#[derive(Debug)]
pub struct PasswordTurn<'a> {
    turns: &'a PasswordQueue,
    address: IpAddr,
}

impl PasswordQueue {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of whoever asks, in the order in which they asked.
    ///
    /// # Errors
    ///
    /// Too many of this address wait already.
    pub fn take(&self, address: IpAddr) -> Result<PasswordTurn<'_>, BusyError> {
        let mut lines = self.lock();
        let line = lines.entry(address).or_default();
        if line.next - line.served > MOST_WAITING {
            return Err(BusyError);
        }
        let number = line.next;
        line.next += 1;
        let others = |lines: &mut HashMap<IpAddr, Line>| lines.get(&address).is_some_and(|line| line.served < number);
        drop(self.over.wait_while(lines, others).unwrap_or_else(PoisonError::into_inner));
        Ok(PasswordTurn { turns: self, address })
    }
}

impl Drop for PasswordTurn<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        if let Some(line) = lines.get_mut(&self.address) {
            line.served += 1;
            if line.served == line.next {
                lines.remove(&self.address);
            }
        }
        drop(lines);
        self.turns.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn wait_for(turns: &PasswordQueue, in_line: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while turns.lock().get(&address(1)).is_none_or(|line| line.next - line.served != in_line) {
            assert!(Instant::now() < deadline, "{turns:?}");
            thread::yield_now();
        }
    }

    #[test]
    fn one_address_has_one_turn_at_a_time_in_the_order_of_asking_and_another_has_its_own() {
        let turns = PasswordQueue::default();
        let order = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let first = turns.take(address(1)).expect("a turn");
            for number in 0..10 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    let turn = turns.take(address(1)).expect("a turn");
                    order.lock().expect("a lock").push(number);
                    drop(turn);
                });
                wait_for(turns, number + 2);
            }
            drop(turns.take(address(2)).expect("a turn"));
            assert_eq!(*order.lock().expect("a lock"), [0; 0]);
            drop(first);
        });
        assert_eq!(order.into_inner().expect("a lock"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(turns.lock().is_empty(), "{turns:?}");
    }

    #[test]
    fn who_comes_when_as_many_wait_as_may_is_sent_away_and_those_who_wait_have_their_turns() {
        let turns = PasswordQueue::default();
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            let first = turns.take(address(1)).expect("a turn");
            for _ in 0..MOST_WAITING {
                scope.spawn(|| turns.take(address(1)).map(|_turn| served.fetch_add(1, Ordering::Relaxed)));
            }
            wait_for(&turns, MOST_WAITING + 1);
            assert_eq!(turns.take(address(1)).err(), Some(BusyError));
            drop(first);
        });
        assert_eq!(served.into_inner() as u64, MOST_WAITING);
        assert!(turns.lock().is_empty(), "{turns:?}");
    }
}
