//! What the client sends, on its way to lines: telnet, the line mode assembler, and keys that wait.
//!
//! *Owns* whether more input comes, how many lines were too long, and the input after keys that are not paid for.
//! *Knows nothing of* what a line does, and of waiting for bytes.

use std::time::{Duration, Instant};

use crate::protocol::line::{Assembler, LineEvent, WORK_AT_ONCE};
use crate::protocol::telnet::{Link, LinkEvent, Policy};
use crate::protocol::wire::{FirstBytes, OtherProtocol, Verdict};

/// Lines over `line_bytes` in one session before it is closed.
const MOST_LONG_LINES: u8 = 3;

/// The input of one connection. Pure: `now` is an argument.
pub(super) struct ClientInput {
    pub(super) link: Link,
    pub(super) assembler: Assembler,
    /// Telnet's part of the next bytes to send.
    pub(super) protocol: Vec<u8>,
    /// Tells other protocols from users.
    pub(super) first_bytes: FirstBytes,
    /// The outbox's codec decodes what is read.
    is_encoded: bool,
    /// The peer sends nothing more.
    is_over: bool,
    /// More can be read at once: no prompt is due before that.
    pub(super) more_waits: bool,
    /// The line being taken is all that one read brought.
    is_alone: bool,
    /// Nothing has been typed yet: the first line may turn out to be a program's.
    #[cfg(feature = "json")]
    pub(super) is_undecided: bool,
    long_lines: u8,
    /// The read timeout set on the socket: setting it costs a system call.
    read_timeout: Option<Duration>,
    /// Editor work not yet charged, in bytes looked at.
    unpaid_work: usize,
    /// Boxed because it is rare.
    held_keys: Option<Box<HeldKeys>>,
}

/// Keys that are not paid for, and the input after them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldKeys {
    until: Instant,
    /// Typed bytes, which telnet has seen already.
    pub(super) typed: Vec<u8>,
    /// Bytes after those, as they were read.
    pub(super) raw: Vec<u8>,
}

impl ClientInput {
    pub(super) fn new(policy: Policy, is_encoded: bool) -> ClientInput {
        ClientInput {
            link: Link::new(policy),
            assembler: Assembler::new(),
            protocol: Vec::new(),
            first_bytes: FirstBytes::new(),
            is_encoded,
            is_over: false,
            more_waits: false,
            is_alone: false,
            #[cfg(feature = "json")]
            is_undecided: true,
            long_lines: 0,
            read_timeout: None,
            unpaid_work: 0,
            held_keys: None,
        }
    }

    pub(super) fn is_encoded(&self) -> bool {
        self.is_encoded
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Notes whether `chunk`, which one read brought, is a single line.
    pub(super) fn note_chunk(&mut self, chunk: &[u8]) {
        self.is_alone = !self.more_waits && is_one_line(chunk);
    }

    /// Telnet's next event. Not inlined: what it needs is off the stack again when a line runs.
    #[inline(never)]
    pub(super) fn next_event<'a>(&mut self, input: &mut &'a [u8]) -> Option<LinkEvent<'a>> {
        self.link.next(input, &mut self.protocol)
    }

    /// The peer sends nothing more. Returns the other protocol that it speaks, if it does.
    pub(super) fn end(&mut self) -> Option<OtherProtocol> {
        self.is_over = true;
        match self.first_bytes.finish() {
            Verdict::OtherProtocol(protocol) => Some(protocol),
            Verdict::Undecided | Verdict::Person => None,
        }
    }

    /// The last line, if it came without its end. In character mode there is none: the editor holds it.
    pub(super) fn last_line(&mut self) -> Option<String> {
        if self.link.is_character_mode() {
            return None;
        }
        match self.assembler.finish()? {
            LineEvent::Entered(line) => Some(line.into_owned()),
            LineEvent::TooLong | LineEvent::Interrupted | LineEvent::Ended => None,
        }
    }

    /// Counts a line that was too long. True if it was one too many.
    pub(super) fn count_long_line(&mut self) -> bool {
        self.long_lines += 1;
        self.long_lines >= MOST_LONG_LINES
    }

    /// The read timeout to set on the socket so that a read returns within `left`, unless the current one is good
    /// enough. Waking early is harmless, since the deadlines are checked then; a system call per read is not.
    pub(super) fn timeout_to_set(&mut self, left: Duration) -> Option<Duration> {
        // A timeout of zero would mean none.
        let left = left.max(Duration::from_millis(1));
        if self.read_timeout.is_some_and(|set| set <= left && left < set * 2) {
            return None;
        }
        self.read_timeout = Some(left);
        Some(left)
    }

    pub(super) fn add_work(&mut self, work: usize) {
        self.unpaid_work += work;
    }

    /// Whether the editor has more work to be paid for than is done at once.
    pub(super) fn owes_work(&self) -> bool {
        self.unpaid_work >= WORK_AT_ONCE
    }

    /// Pays for the editor's work, in portions of what is done at once. The error is how long to wait for the rest.
    pub(super) fn pay_work(&mut self, mut pay: impl FnMut() -> Result<(), Duration>) -> Result<(), Duration> {
        while self.owes_work() {
            pay()?;
            self.unpaid_work -= WORK_AT_ONCE;
        }
        Ok(())
    }

    /// Holds typed bytes, and everything after them, until a moment.
    pub(super) fn hold_keys(&mut self, typed: &[u8], until: Instant) {
        self.held_keys = Some(Box::new(HeldKeys { until, typed: typed.to_vec(), raw: Vec::new() }));
    }

    /// Holds what was read if keys before it are held. False if none are.
    pub(super) fn hold_behind_keys(&mut self, raw: &[u8]) -> bool {
        let Some(held) = &mut self.held_keys else { return false };
        held.raw.extend_from_slice(raw);
        true
    }

    /// When held keys may be taken.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_keys.as_ref().map(|held| held.until)
    }

    pub(super) fn take_held_keys(&mut self, now: Instant) -> Option<Box<HeldKeys>> {
        self.held_keys.take_if(|held| held.until <= now)
    }
}

/// Whether one read brought a line, or the end of one, and nothing after it.
fn is_one_line(chunk: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let end = chunk.iter().position(is_end).unwrap_or(chunk.len());
    matches!(&chunk[end..], [] | [b'\r' | b'\n'] | [b'\r', b'\n' | 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> ClientInput {
        ClientInput::new(Policy::Never, false)
    }

    #[test]
    fn a_read_with_one_line_differs_from_one_with_several() {
        for alone in ["", "hello", "hello\n", "hello\r", "hello\r\n", "hello\r\0", "\r\n"] {
            assert!(is_one_line(alone.as_bytes()), "{alone:?}");
        }
        for more in ["a\nb", "a\r\nb", "\n\n", "a\r\n\r\n", "a\r\0b"] {
            assert!(!is_one_line(more.as_bytes()), "{more:?}");
        }
        let mut input = input();
        input.note_chunk(b"hello\r\n");
        assert!(input.is_alone());
        input.more_waits = true;
        input.note_chunk(b"hello\r\n");
        assert!(!input.is_alone(), "the rest is still to be read");
    }

    #[test]
    fn the_third_line_that_is_too_long_is_one_too_many() {
        let mut input = input();
        assert_eq!([(); 3].map(|()| input.count_long_line()), [false, false, true]);
    }

    #[test]
    fn a_read_timeout_is_set_again_only_when_the_old_one_is_too_long_or_far_too_short() {
        let mut input = input();
        let second = Duration::from_secs(1);
        assert_eq!(input.timeout_to_set(second), Some(second));
        assert_eq!(input.timeout_to_set(second * 3 / 2), None, "it wakes early");
        assert_eq!(input.timeout_to_set(second * 2), Some(second * 2));
        assert_eq!(input.timeout_to_set(second), Some(second), "it would wake late");
        assert_eq!(input.timeout_to_set(Duration::ZERO), Some(Duration::from_millis(1)), "zero would mean none");
    }

    #[test]
    fn keys_wait_until_the_editors_work_is_paid_for_and_so_does_everything_after_them() {
        let (mut input, now) = (input(), Instant::now());
        assert!(!input.hold_behind_keys(b"nothing is held"));
        input.add_work(3 * WORK_AT_ONCE);
        let mut money = 2;
        let mut pay = || {
            money -= 1;
            if money < 0 { Err(Duration::from_secs(1)) } else { Ok(()) }
        };
        assert_eq!(input.pay_work(&mut pay), Err(Duration::from_secs(1)));
        assert!(input.owes_work());
        let until = now + Duration::from_secs(1);
        input.hold_keys(b"typed", until);
        assert!(input.hold_behind_keys(b"first ") && input.hold_behind_keys(b"second"));
        assert_eq!((input.held_until(), input.take_held_keys(now)), (Some(until), None));
        let held = input.take_held_keys(until).expect("their time has come");
        assert_eq!((&*held.typed, &*held.raw), (&b"typed"[..], &b"first second"[..]));
        assert_eq!(input.pay_work(|| Ok(())), Ok(()));
        assert!(!input.owes_work() && input.held_until().is_none());
    }

    #[test]
    fn a_last_line_without_its_end_is_a_line() {
        let mut input = input();
        let mut bytes: &[u8] = b"goodbye";
        assert!(input.assembler.next(&mut bytes, 100).is_none());
        assert_eq!(input.end(), None);
        assert!(input.is_over());
        assert_eq!(input.last_line().as_deref(), Some("goodbye"));
        assert_eq!(input.last_line(), None);
    }
}
