//! Which entries a full table evicts: those of the address that has most of them.
//!
//! Otherwise a stranger who fills a table would make it forget what everybody else did. This way they only push out
//! their own entries. The rates in front of each table bound how fast they can make new ones.
//!
//! *Owns* that choice. *Knows nothing of* what an entry means, beyond the order in which the table's owner gives
//! entries up.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::address::network_key;

/// A key of a table that strangers can fill.
pub(crate) trait Sourced {
    /// The address that made the entry.
    fn source(&self) -> IpAddr;
}

impl Sourced for IpAddr {
    fn source(&self) -> IpAddr {
        *self
    }
}

impl<T> Sourced for (IpAddr, T) {
    fn source(&self) -> IpAddr {
        self.0
    }
}

/// Makes room for one more in a table of `most` entries: evicts the entry with the lowest rank among those of the
/// address with most entries. `rank` is `None` for entries that must stay.
///
/// Scans the whole table, which takes about 100 us at 4,096 entries. It runs at most once per attempt that a rate lets
/// through.
pub(crate) fn make_room<K, V, R>(table: &mut HashMap<K, V>, most: usize, rank: impl Fn(&V) -> Option<R>)
where
    K: Sourced + Eq + Hash + Clone,
    R: Ord,
{
    while table.len() >= most {
        let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
        let can_go = || table.iter().filter_map(|(key, value)| Some((key, rank(value)?)));
        for (key, _) in can_go() {
            *crowds.entry(network_key(key.source())).or_default() += 1;
        }
        let crowd = |key: &K| crowds.get(&network_key(key.source())).copied().unwrap_or(0);
        let first = can_go().min_by(|(one, rank), (other, other_rank)| {
            crowd(other).cmp(&crowd(one)).then_with(|| rank.cmp(other_rank))
        });
        let Some(key) = first.map(|(key, _)| key.clone()) else { return };
        table.remove(&key);
    }
}

/// The same for a table that fills fast: evicts a quarter of its entries at once, so that the scan is rare.
pub(crate) fn make_much_room<K, V, R>(table: &mut HashMap<K, V>, most: usize, rank: impl Fn(&V) -> Option<R>)
where
    K: Sourced + Eq + Hash + Clone,
    R: Ord,
{
    if table.len() < most {
        return;
    }
    let mut crowds: HashMap<IpAddr, Vec<(R, K)>> = HashMap::new();
    for (key, value) in table.iter() {
        if let Some(rank) = rank(value) {
            crowds.entry(network_key(key.source())).or_default().push((rank, key.clone()));
        }
    }
    // Sorted by how many entries their address would have left, so that all addresses are cut down to the same number.
    let mut leaving: Vec<(usize, R, K)> = Vec::new();
    for mut crowd in crowds.into_values() {
        crowd.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let size = crowd.len();
        leaving.extend(crowd.into_iter().enumerate().map(|(index, (rank, key))| (size - index, rank, key)));
    }
    leaving
        .sort_unstable_by(|(left, rank, _), (other, other_rank, _)| other.cmp(left).then_with(|| rank.cmp(other_rank)));
    for (_, _, key) in leaving.into_iter().take((most / 4).max(1)) {
        table.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn left(table: &HashMap<(IpAddr, u32), u32>) -> Vec<u32> {
        let mut left: Vec<_> = table.values().copied().collect();
        left.sort_unstable();
        left
    }

    /// Entries 0 to 2 are the flood's, 3 is another user's and the oldest of all.
    fn crowded() -> HashMap<(IpAddr, u32), u32> {
        let flood = (0..3).map(|number| ((address("192.0.2.1"), number), number + 1));
        flood.chain([((address("192.0.2.2"), 0), 0)]).collect()
    }

    #[test]
    fn a_full_table_gives_up_an_entry_of_the_address_with_most_and_not_the_oldest_of_all() {
        let mut table = crowded();
        make_room(&mut table, 4, |age| Some(*age));
        assert_eq!(left(&table), [0, 2, 3]);
        make_room(&mut table, 4, |age| Some(*age));
        assert_eq!(left(&table), [0, 2, 3], "there was room");
    }

    #[test]
    fn an_entry_that_must_stay_stays_even_in_a_full_table() {
        let mut table = crowded();
        make_room(&mut table, 4, |age| (*age == 0).then_some(*age));
        assert_eq!(left(&table), [1, 2, 3]);
        make_room(&mut table, 3, |_| None::<u32>);
        assert_eq!(left(&table), [1, 2, 3]);
    }

    #[test]
    fn a_customers_whole_ipv6_block_counts_as_one_address() {
        let flood = (0..3).map(|number| ((address(&format!("2001:db8:0:1{number:02x}::1")), 0), number + 1));
        let mut table: HashMap<_, _> = flood.chain([((address("2001:db8:0:200::1"), 0), 0)]).collect();
        make_room(&mut table, 4, |age| Some(*age));
        assert_eq!(left(&table), [0, 2, 3]);
    }

    #[test]
    fn much_room_is_made_at_the_cost_of_the_largest_crowds() {
        let of = |last: u8, count: u32| (0..count).map(move |number| (([192, 0, 2, last].into(), number), number));
        let mut table: HashMap<(IpAddr, u32), u32> = of(1, 6).chain(of(2, 5)).chain(of(3, 1)).collect();
        make_much_room(&mut table, 12, |age| Some(*age));
        let count = |last: u8| table.keys().filter(|(address, _)| *address == IpAddr::from([192, 0, 2, last])).count();
        assert_eq!([1, 2, 3].map(count), [4, 4, 1]);
        assert!(!table.contains_key(&([192, 0, 2, 1].into(), 0)), "the oldest go first");
        make_much_room(&mut table, 12, |age| Some(*age));
        assert_eq!(table.len(), 9, "there was room");
    }
}
