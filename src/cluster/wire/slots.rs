//! Hash slots of a Redis Cluster: which slot a key is in, and who has it.
//!
//! *Owns* what Redis' own documents define (Redis Cluster specification, "Key distribution model" and "Hash tags"; the command
//! `CLUSTER SLOTS`). *Knows nothing of* connections.

use crate::cluster::engine::Raw;
use crate::config::HostPort;

/// How many there are.
const SLOTS: u16 = 16_384;

/// Slots that one Redis is in charge of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) at: HostPort,
}

/// The slot of a key's tag: what is between the braces decides.
pub(super) fn slot_of(tag: &str) -> u16 {
    crc16(tag.as_bytes()) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, beginning with 0, nothing reflected.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

impl SlotRange {
    /// Reads `[[first, last, [host, port, ...], replicas...], ...]`, sorted by the first slot. A host without a name is the one
    /// that was asked. What makes no sense is left out, so its slots belong to nobody.
    pub(super) fn read_all(answer: &Raw, asked: &str) -> Vec<SlotRange> {
        let Raw::List(ranges) = answer else { return Vec::new() };
        let mut all: Vec<_> = ranges.iter().filter_map(|range| SlotRange::read(range, asked)).collect();
        all.sort_by_key(|range| range.first);
        all
    }

    fn read(range: &Raw, asked: &str) -> Option<SlotRange> {
        let Raw::List(parts) = range else { return None };
        let [Raw::Text(first), Raw::Text(last), Raw::List(owner), ..] = parts.as_slice() else { return None };
        let [host, Raw::Text(port), ..] = owner.as_slice() else { return None };
        let host = if let Raw::Text(host) = host
            && !host.is_empty()
            && host != "?"
        {
            host.clone()
        } else {
            asked.to_owned()
        };
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && last < SLOTS).then_some(SlotRange { first, last, at: (host, port.parse().ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The check value of CRC-16/XMODEM, which the specification gives too.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // As `CLUSTER KEYSLOT` of Redis 7.0 answers.
        for (tag, slot) in [("foo", 12_182), ("bar", 5061), ("", 0)] {
            assert_eq!(slot_of(tag), slot, "{tag}");
        }
    }

    #[test]
    fn who_has_which_slots_is_read_and_nonsense_is_left_out() {
        let text = |text: &str| Raw::Text(text.to_owned());
        let owner = |host: Raw, port: &str| Raw::List(vec![host, text(port), text("id")]);
        let range = |first: &str, last: &str, owner: Raw| Raw::List(vec![text(first), text(last), owner]);
        let answer = Raw::List(vec![
            range("5461", "16383", owner(text("10.0.0.2"), "7001")),
            range("0", "5460", owner(Raw::Nothing, "7000")),
            range("9", "3", owner(text("10.0.0.3"), "7002")),
            range("0", "16384", owner(text("10.0.0.3"), "7002")),
            range("0", "1", Raw::Nothing),
            text("x"),
        ]);
        let expected = [
            SlotRange { first: 0, last: 5460, at: ("10.0.0.1".to_owned(), 7000) },
            SlotRange { first: 5461, last: 16_383, at: ("10.0.0.2".to_owned(), 7001) },
        ];
        assert_eq!(SlotRange::read_all(&answer, "10.0.0.1"), expected);
        assert_eq!(SlotRange::read_all(&Raw::Nothing, "10.0.0.1"), []);
    }
}
