//! Which options are on in each direction, and when to announce them: the Q method of RFC 1143.
//!
//! Two rules make loops impossible: answer only what changes a state, and count the answers to our own announcements, so
//! that an old answer is never taken for a new request.
//!
//! *Owns* the state of every option.
//! *Knows nothing of* what an option means and why it is wanted.

use super::{DO, DONT, IAC, WILL, WONT};

/// One option in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Switch {
    /// Both sides have agreed that it is on.
    on: bool,
    /// What we announced last.
    wanted: bool,
    /// Our announcements that may still be answered. They alternate between on and off and the last one is `wanted`, so
    /// their number tells what each of them was.
    unanswered: u8,
    /// How often the peer has switched it on unasked.
    agreed: u8,
    /// The peer has refused it.
    pub(super) refused: bool,
}

/// How often a peer may switch one option on unasked. A client does so once at most; a peer that echoes everything would
/// otherwise switch an option on and off without end.
const MOST_AGREED: u8 = 4;

/// What the peer's answer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SwitchChange {
    Nothing,
    SwitchedOn,
    SwitchedOff,
}

impl Switch {
    pub(super) fn is_on(self) -> bool {
        self.on
    }

    /// Announces that the option should be on or off, unless that was the last announcement. `yes` and `no` are WILL and
    /// WONT for our options, DO and DONT for the peer's.
    pub(super) fn want(&mut self, on: bool, option: u8, [yes, no]: [u8; 2], out: &mut Vec<u8>) {
        if self.wanted == on {
            return;
        }
        self.wanted = on;
        // A peer that never answers reaches the maximum. Dropping two keeps on and off alternating.
        self.unanswered = self.unanswered.checked_add(1).unwrap_or(u8::MAX - 1);
        self.on &= on;
        self.refused &= !on;
        out.extend_from_slice(&[IAC, if on { yes } else { no }, option]);
    }

    /// Takes DO or DONT (WILL or WONT) from the peer. `accept` is whether to agree to an unasked "on".
    pub(super) fn receive(
        &mut self,
        on: bool,
        accept: bool,
        option: u8,
        [yes, no]: [u8; 2],
        out: &mut Vec<u8>,
    ) -> SwitchChange {
        if self.unanswered > 0 {
            let offer_refused = self.settle(on);
            if self.unanswered > 0 {
                return SwitchChange::Nothing;
            }
            let before = self.on;
            self.on = on && self.wanted;
            self.refused = offer_refused;
            self.wanted = self.on;
            return match (before, self.on) {
                (false, true) => SwitchChange::SwitchedOn,
                (true, false) => SwitchChange::SwitchedOff,
                // A refusal counts too: the caller stops waiting for the option.
                (false, false) if self.refused => SwitchChange::SwitchedOff,
                _ => SwitchChange::Nothing,
            };
        }
        match (self.on, on) {
            (false, true) if accept && self.agreed < MOST_AGREED => {
                self.agreed += 1;
                (self.on, self.wanted, self.refused) = (true, true, false);
                out.extend_from_slice(&[IAC, yes, option]);
                SwitchChange::SwitchedOn
            }
            (false, true) => {
                if !std::mem::replace(&mut self.refused, true) {
                    out.extend_from_slice(&[IAC, no, option]);
                }
                SwitchChange::Nothing
            }
            (true, false) => {
                (self.on, self.wanted, self.refused) = (false, false, true);
                out.extend_from_slice(&[IAC, no, option]);
                SwitchChange::SwitchedOff
            }
            (false, false) => {
                self.refused = true;
                SwitchChange::Nothing
            }
            (true, true) => SwitchChange::Nothing,
        }
    }

    /// Counts an answer to the oldest announcement, or to the two oldest if one answer is all that both will get. True if it
    /// refuses what was offered, which is so even if the offer has been withdrawn meanwhile.
    fn settle(&mut self, on: bool) -> bool {
        let oldest = if self.unanswered.is_multiple_of(2) { !self.wanted } else { self.wanted };
        // If the peer refuses an offer, the "off" after it changes nothing for the peer and gets no answer (RFC 854).
        // If it agrees while an "off" is the oldest, it does not confirm those and has answered the "on" after it.
        let answered = if oldest == on { 1 } else { 2 };
        self.unanswered = self.unanswered.saturating_sub(answered);
        oldest && !on
    }
}

/// Our options, announced by WILL and WONT.
pub(super) const OURS: [u8; 2] = [WILL, WONT];
/// The peer's options, requested by DO and DONT.
pub(super) const THEIRS: [u8; 2] = [DO, DONT];

/// Unknown options, each refused once: 256 bits per direction, allocated with the first refusal.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    sets: Option<Box<[[u64; 4]; 2]>>,
}

impl Refusals {
    /// Takes a request for an unknown option. A refusal is written the first time only, even if the peer withdraws and
    /// repeats its request, so a connection has at most 512 refusals.
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
