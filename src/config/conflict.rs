//! Settings that are fine alone and impossible together.
//!
//! *Owns* the mistakes about several keys, and about addresses that cannot both be listened on.
//! *Knows nothing of* which keys depend on each other.

use std::net::SocketAddr;

use super::address::clash;
use super::value::{Section, ValueReader};

/// An address to listen on, and the key that holds it.
pub(super) type TakenAddress = (SocketAddr, &'static str);

/// A mistake if an address cannot be listened on beside those that are taken.
pub(super) fn refuse_clash(
    reader: &mut ValueReader<'_>,
    key: &str,
    address: SocketAddr,
    line: usize,
    taken: &[TakenAddress],
) {
    if let Some((other, where_)) = taken.iter().find(|(other, _)| clash(*other, address)) {
        let text = format!("{key} holds {address}, but {where_} has {other} already; take one out");
        reader.mistake(Some(line), text);
    }
}

/// A mistake about several keys, on the line of the first that is set. Said only when each is fine by itself.
pub(super) fn contradiction(reader: &mut ValueReader<'_>, keys: &[(Section<'_, '_>, &str)], text: String) {
    let lines: Vec<usize> = keys.iter().filter_map(|(section, key)| reader.line_of(*section, key)).collect();
    if !lines.iter().any(|line| reader.has_mistake_on(*line)) {
        reader.mistake(lines.first().copied(), text);
    }
}
