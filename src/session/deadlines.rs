//! The deadlines of a session: a login that takes too long, delayed lines, an idle user, midnight.
//!
//! *Owns* which deadline is next, and what happens when one has passed.
//! *Knows nothing of* waiting for it: the reading loop does that.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Session;
use super::idle::Due;
use crate::config::Config;
use crate::outbox::DisconnectReason;
#[cfg(feature = "web")]
use crate::protocol::websocket::LivenessDue;
use crate::ui::screen::LineKind;

/// How long a session waits at most before it checks its deadlines again.
///
/// A reload can set a limit where there was none, and only bytes and this timeout wake a thread that reads a socket:
/// within five seconds the limit holds for everyone. Waking ten thousand idle threads this often takes about one
/// hundredth of a processor.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

impl Session {
    /// Does what is due.
    #[inline(never)]
    pub(super) fn keep_deadlines(&mut self, now: Instant) {
        if self.pacing.end_hold(now) {
            // Lines typed meanwhile answer a question that has not been asked yet.
            self.update_place();
        }
        self.end_names_if_overdue(now);
        self.run_due_lines(now);
        self.take_held_keys(now);
        if let Some(flood) = self.pacing.take_due_flood(now) {
            self.answer_flood(&flood, now);
        }
        self.redraw_if_due(now);
        if self.day_ended() {
            self.outbox.write_date_if_due(&self.hub.clock);
        }
        self.keep_limits(now);
        #[cfg(feature = "web")]
        self.keep_alive(now);
    }

    /// Notes that the client of a WebSocket has sent something.
    #[cfg(feature = "web")]
    pub(super) fn heard(&mut self) {
        let now = self.now();
        self.liveness.iter_mut().for_each(|liveness| liveness.heard(now));
    }

    /// Asks the client of a WebSocket whether it is still there, or gives up on it.
    #[cfg(feature = "web")]
    #[inline(never)]
    fn keep_alive(&mut self, now: Instant) {
        match self.liveness.as_mut().map_or(LivenessDue::Nothing, |liveness| liveness.due(now)) {
            LivenessDue::Nothing => {}
            LivenessDue::Ping => self.outbox.ping(),
            LivenessDue::End => drop(self.disconnect.get_or_insert(DisconnectReason::Unresponsive)),
        }
    }

    /// Ends a login that takes too long, and an idle connection after its warning. No line is run.
    fn keep_limits(&mut self, now: Instant) {
        let config = self.hub.config();
        if self.user.is_none() {
            if login_deadline(&config, self.opened).is_some_and(|deadline| deadline <= now) && self.disconnect.is_none()
            {
                self.disconnect = Some(DisconnectReason::LoginTimeout);
            }
            return;
        }
        let Some(limit) = config.idle_timeout else { return };
        match self.idle.due(limit, now) {
            Due::Nothing => {}
            Due::Warning(_) | Due::End if self.moderates(now) => self.idle.typed(now),
            Due::Warning(left) => {
                let left = crate::text::seconds(left);
                let line = format!("You have been idle for a while and will be disconnected in {left}.");
                self.outbox.tell(LineKind::News, &line);
            }
            Due::End if self.disconnect.is_none() => self.disconnect = Some(DisconnectReason::Idle),
            Due::End => {}
        }
    }

    /// Whether this user is admin of a room with somebody else in it: a moderator may watch in silence. If an empty
    /// room counted, anybody could get around the limit with a room of their own.
    fn moderates(&self, now: Instant) -> bool {
        self.actor().is_some_and(|actor| self.rooms.rooms().any(|room| room.keeps_order(&actor, now)))
    }

    /// Whether the view shows a day that is over.
    fn day_ended(&self) -> bool {
        self.outbox.day_ends().is_some_and(|ends| Timestamp::now().as_second() >= ends)
    }

    /// Midnight, if a view is open. If the wall clock is set meanwhile, this comes early and is checked again, or the
    /// next message says which day it is.
    fn midnight(&self) -> Option<Instant> {
        let left = self.outbox.day_ends()?.checked_mul(1000)?.checked_sub(Timestamp::now().as_millisecond())?;
        self.now().checked_add(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Waits until the client has taken everything written for it: its own replies wait for its own backlog. The idle
    /// limit still applies meanwhile, even to a client that reads too slowly.
    pub(super) fn wait_drained(&mut self) {
        while !self.is_over() && !self.outbox.wait_drained(Some(self.next_check(self.tick()))) {
            let now = self.tick();
            self.keep_limits(now);
        }
    }

    /// When to check the deadlines: at the next one, or soon in any case, since a reload may have set another.
    pub(super) fn next_check(&self, now: Instant) -> Instant {
        let later = now + LOOK_AGAIN;
        self.next_deadline().map_or(later, |deadline| deadline.min(later))
    }

    /// When something is due next.
    #[inline(never)]
    fn next_deadline(&self) -> Option<Instant> {
        let config = self.hub.config();
        let idle = config.idle_timeout.filter(|_| self.user.is_some()).map(|limit| self.idle.next(limit));
        let login = login_deadline(&config, self.opened).filter(|_| self.user.is_none());
        #[cfg(feature = "web")]
        let alive = self.liveness.map(|liveness| liveness.next());
        #[cfg(not(feature = "web"))]
        let alive = None;
        let (keys, lines, terminal) = (self.input.held_until(), self.pacing.next_due(), self.terminal.next_due());
        [idle, login, keys, lines, terminal, alive, self.midnight()].into_iter().flatten().min()
    }
}

fn login_deadline(config: &Config, opened: Instant) -> Option<Instant> {
    config.limits.login.map(|limit| opened + limit)
}
