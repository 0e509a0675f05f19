//! Telnet: however the bytes are cut into packets, the same is typed and the same is answered.

#![no_main]

use chatsock::protocol::telnet::{Link, LinkEvent, Policy};
use libfuzzer_sys::fuzz_target;

/// What is typed, and what goes out, with packets of at most `longest` bytes.
fn run(policy: Policy, input: &[u8], longest: usize) -> (Vec<u8>, Vec<u8>) {
    let mut link = Link::new(policy);
    let (mut typed, mut out) = (Vec::new(), Vec::new());
    link.open(&mut out);
    for packet in input.chunks(longest) {
        let mut packet = packet;
        while let Some(event) = link.next(&mut packet, &mut out) {
            if let LinkEvent::Data(bytes) = event {
                typed.extend_from_slice(bytes);
            }
        }
    }
    (typed, out)
}

fuzz_target!(|data: &[u8]| {
    let [choice, input @ ..] = data else { return };
    let policy = [Policy::Auto, Policy::Always, Policy::Never][usize::from(choice % 3)];
    let whole = run(policy, input, usize::MAX);
    assert_eq!(run(policy, input, 1), whole);
    assert_eq!(run(policy, input, usize::from(choice / 3) + 1), whole);
});
