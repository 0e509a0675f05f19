//! Telling people from browsers, SSH and TLS clients: the verdict does not depend on packets, and does not change.

#![no_main]

use chatsock::protocol::wire::{FirstBytes, Verdict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut whole = FirstBytes::new();
    let at_once = whole.feed(data);
    let mut pieces = FirstBytes::new();
    let mut last = Verdict::Undecided;
    for byte in data {
        let verdict = pieces.feed(&[*byte]);
        assert!(last == Verdict::Undecided || verdict == last);
        last = verdict;
    }
    assert_eq!(last, at_once);
    assert_eq!(pieces.finish(), whole.finish());
    assert_ne!(whole.finish(), Verdict::Undecided);
});
