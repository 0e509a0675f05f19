//! When a silent peer is pinged, and when it is given up. Pure: `now` is an argument.
//!
//! Proxies drop a connection that has been silent for a minute or so, and the page on a laptop that was shut has a socket
//! that only looks open. A ping, which browsers answer by themselves, helps against both. Timers in hidden tabs fire once
//! a minute, so no page can be expected to react faster.
//!
//! *Knows nothing of* sockets.

use std::time::{Duration, Instant};

/// Silence after which the peer is pinged.
const ASK: Duration = Duration::from_secs(30);

/// Silence after which it is given up: it has left a ping unanswered for 45 seconds.
const GIVE_UP: Duration = Duration::from_secs(75);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LivenessDue {
    /// Nothing until [`Liveness::next`].
    Nothing,
    /// A ping, once per silence.
    Ping,
    /// The end.
    End,
}

/// When a peer was last heard from.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    heard: Instant,
    asked: bool,
}

impl Liveness {
    /// For a peer that was just heard from.
    pub fn new(now: Instant) -> Liveness {
        Liveness { heard: now, asked: false }
    }

    /// Notes that bytes of any kind have arrived.
    pub fn heard(&mut self, now: Instant) {
        *self = Liveness::new(now);
    }

    /// What is due now.
    pub fn due(&mut self, now: Instant) -> LivenessDue {
        if now < self.next() {
            return LivenessDue::Nothing;
        }
        if self.asked {
            return LivenessDue::End;
        }
        // If this process was stopped meanwhile, the peer still gets the full time to answer.
        self.heard = self.heard.max(now.checked_sub(ASK).unwrap_or(now));
        self.asked = true;
        LivenessDue::Ping
    }

    /// When to look again.
    pub fn next(&self) -> Instant {
        self.heard + if self.asked { GIVE_UP } else { ASK }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_asked_after_30_seconds_and_given_up_after_75() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut peer = Liveness::new(start);
        assert_eq!(peer.due(after(29)), LivenessDue::Nothing);
        assert_eq!(peer.next(), after(30));
        assert_eq!(peer.due(after(30)), LivenessDue::Ping);
        assert_eq!(peer.due(after(31)), LivenessDue::Nothing);
        assert_eq!(peer.next(), after(75));
        assert_eq!(peer.due(after(74)), LivenessDue::Nothing);
        assert_eq!(peer.due(after(75)), LivenessDue::End);
    }

    #[test]
    fn any_input_restarts_the_timer() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut peer = Liveness::new(start);
        assert_eq!(peer.due(after(30)), LivenessDue::Ping);
        peer.heard(after(40));
        assert_eq!(peer.due(after(69)), LivenessDue::Nothing);
        assert_eq!(peer.due(after(70)), LivenessDue::Ping);
        assert_eq!(peer.due(after(115)), LivenessDue::End);
    }

    #[test]
    fn nobody_is_given_up_without_having_been_asked() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut peer = Liveness::new(start);
        assert_eq!(peer.due(after(500)), LivenessDue::Ping);
        assert_eq!(peer.due(after(544)), LivenessDue::Nothing);
        assert_eq!(peer.due(after(545)), LivenessDue::End);
    }
}
