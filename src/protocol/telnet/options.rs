//! Which options are on, in both directions, and when to say so: the Q method of RFC 1143.
//!
//! The rule that makes loops impossible: answer only what changes a state, and count the answers to what was announced
//! here, so that an old answer is never taken for a new request.
//!
//! *Owns* the state of every option.
//! *Knows nothing of* what an option means and why it is wanted.
//! *Called by* `telnet::link`.

use super::{DO, DONT, IAC, WILL, WONT};

/// One option in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Switch {
    /// Both sides agree that it is on.
    on: bool,
    /// What was last announced from here.
    wanted: bool,
    /// Announcements from here that may still be answered. They are on and off by turns and the last of them is
    /// `wanted`, so their number says what each of them was.
    unanswered: u8,
    /// Times the peer has switched it on unasked.
    agreed: u8,
    /// The peer has refused it.
    pub(super) refused: bool,
}

/// How often a peer may switch one option on unasked. A client does so once, if at all; a peer that sends everything
/// back would go on for ever with an option that it is told of twice, on and off.
const MOST_AGREED: u8 = 4;

/// What an answer of the peer's led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Nothing,
    SwitchedOn,
    SwitchedOff,
}

impl Switch {
    pub(super) fn is_on(self) -> bool {
        self.on
    }

    /// Announces that the option should be on or off, if that is news. `yes` and `no` are WILL and WONT for this side's
    /// options, DO and DONT for the peer's.
    pub(super) fn want(&mut self, on: bool, option: u8, [yes, no]: [u8; 2], out: &mut Vec<u8>) {
        if self.wanted == on {
            return;
        }
        self.wanted = on;
        // At the end of the scale, with a peer that answers nothing, two by turns are forgotten.
        self.unanswered = self.unanswered.checked_add(1).unwrap_or(u8::MAX - 1);
        self.on &= on;
        self.refused &= !on;
        out.extend_from_slice(&[IAC, if on { yes } else { no }, option]);
    }

    /// Takes DO or DONT (WILL or WONT) from the peer. `accept` says whether an unasked "on" is agreed to.
    pub(super) fn receive(
        &mut self,
        on: bool,
        accept: bool,
        option: u8,
        [yes, no]: [u8; 2],
        out: &mut Vec<u8>,
    ) -> Outcome {
        if self.unanswered > 0 {
            self.settle(on);
            if self.unanswered > 0 {
                return Outcome::Nothing;
            }
            let before = self.on;
            self.on = on && self.wanted;
            self.refused = self.wanted && !on;
            self.wanted = self.on;
            return match (before, self.on) {
                (false, true) => Outcome::SwitchedOn,
                (true, false) => Outcome::SwitchedOff,
                // A refusal is news too: whoever waits for the option stops waiting.
                (false, false) if self.refused => Outcome::SwitchedOff,
                _ => Outcome::Nothing,
            };
        }
        match (self.on, on) {
            (false, true) if accept && self.agreed < MOST_AGREED => {
                self.agreed += 1;
                (self.on, self.wanted, self.refused) = (true, true, false);
                out.extend_from_slice(&[IAC, yes, option]);
                Outcome::SwitchedOn
            }
            (false, true) => {
                if !std::mem::replace(&mut self.refused, true) {
                    out.extend_from_slice(&[IAC, no, option]);
                }
                Outcome::Nothing
            }
            (true, false) => {
                (self.on, self.wanted, self.refused) = (false, false, true);
                out.extend_from_slice(&[IAC, no, option]);
                Outcome::SwitchedOff
            }
            (false, false) => {
                self.refused = true;
                Outcome::Nothing
            }
            (true, true) => Outcome::Nothing,
        }
    }

    /// Strikes out the oldest unanswered announcement, and the one behind it if this answer was all that both will get.
    fn settle(&mut self, on: bool) {
        let oldest = if self.unanswered.is_multiple_of(2) { !self.wanted } else { self.wanted };
        // Refused what was offered: the "off" behind it changes nothing for the peer and gets no answer (RFC 854).
        // Agreed while an "off" was the oldest: the peer does not confirm those, and has answered the "on" behind it.
        let answered = if oldest == on { 1 } else { 2 };
        self.unanswered = self.unanswered.saturating_sub(answered);
    }
}

/// This side's options: announced by WILL and WONT.
pub(super) const OURS: [u8; 2] = [WILL, WONT];
/// The peer's options: asked for by DO and DONT.
pub(super) const THEIRS: [u8; 2] = [DO, DONT];

/// Options nobody here knows, refused once each: 256 bits for either direction, allocated with the first of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    sets: Option<Box<[[u64; 4]; 2]>>,
}

impl Refusals {
    /// Takes a request for an unknown option. A refusal is written the first time only, also if the peer takes its
    /// request back and repeats it: whatever a peer does, there are 512 refusals in a connection at most.
    pub(super) fn receive(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let (side, refusal) = match verb {
            WILL => (0, DONT),
            DO => (1, WONT),
            _ => return,
        };
        let word = &mut self.sets.get_or_insert_default()[side][usize::from(option / 64)];
        let bit = 1 << (option % 64);
        if *word & bit == 0 {
            *word |= bit;
            out.extend_from_slice(&[IAC, refusal, option]);
        }
    }
}
