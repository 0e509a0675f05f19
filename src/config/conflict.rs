//! Mistakes about settings that are valid by themselves but contradict each other.
//!
//! *Knows nothing of* which settings these are.

use std::net::SocketAddr;

use super::address::clash;
use super::value::{Section, ValueReader};

/// A listen address and the key that contains it.
pub(super) type TakenAddress = (SocketAddr, &'static str);

/// Reports an address that clashes with one of those in `taken`.
pub(super) fn refuse_clash(
    reader: &mut ValueReader<'_>,
    key: &str,
    address: SocketAddr,
    line: usize,
    taken: &[TakenAddress],
) {
    if let Some((other, where_)) = taken.iter().find(|(other, _)| clash(*other, address)) {
        let text = format!("{key} contains {address}, but {where_} already contains {other}; remove one of them");
        reader.mistake(Some(line), text);
    }
}

/// Reports a mistake about several keys, on the line of the first one set, unless one of them already has a mistake.
pub(super) fn contradiction(reader: &mut ValueReader<'_>, keys: &[(Section<'_, '_>, &str)], text: String) {
    let lines: Vec<usize> = keys.iter().filter_map(|(section, key)| reader.line_of(*section, key)).collect();
    if !lines.iter().any(|line| reader.has_mistake_on(*line)) {
        reader.mistake(lines.first().copied(), text);
    }
}
