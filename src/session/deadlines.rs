//! What becomes due in a session: the end of a login that takes too long, lines whose turn comes, and silence.
//!
//! *Owns* which deadline is next, and what follows when one has passed.
//! *Knows nothing of* waiting for it: whoever reads does that.
//! *Called by* `session`.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Session;
use super::idle::Due;
use crate::config::Config;
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

/// How long a session waits at most before it looks at its deadlines again.
///
/// A reload can set a limit where there was none, and a thread that reads a socket can be woken by nothing but bytes and
/// this: five seconds later the limit holds for everyone. Waking ten thousand idle threads this often takes about one
/// hundredth of a processor.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

impl Session {
    /// Carries out what has become due.
    #[inline(never)]
    pub(super) fn keep_deadlines(&mut self, now: Instant) {
        if self.pacing.end_hold(now) {
            // What was typed meanwhile answers a question that has not been asked yet.
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
    }

    /// Ends a login that takes too long, and a silence. Nothing is run.
    #[inline(never)]
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
            _ if self.keeps_order(now) => self.idle.typed(now),
            Due::Warning(left) => {
                let left = crate::text::seconds(left);
                let line = format!("You have typed nothing for a while: you will be logged out in {left}.");
                self.outbox.tell(LineKind::News, &line);
            }
            Due::End if self.disconnect.is_none() => self.disconnect = Some(DisconnectReason::Idle),
            Due::End => {}
        }
    }

    /// Whether this user is admin of a room with somebody else in it: those who keep order may watch in silence. A room
    /// of one's own that is empty would be a way round the limit for anybody.
    fn keeps_order(&self, now: Instant) -> bool {
        self.actor().is_some_and(|actor| self.rooms.rooms().any(|room| room.keeps_order(&actor, now)))
    }

    /// Whether the day is over that the view shows.
    fn day_ended(&self) -> bool {
        self.outbox.day_ends().is_some_and(|ends| Timestamp::now().as_second() >= ends)
    }

    /// Midnight, where a view is open. The wall clock may be set meanwhile: then this comes early and is looked at again, or
    /// the next message says which day it is.
    fn midnight(&self) -> Option<Instant> {
        let left = self.outbox.day_ends()?.checked_mul(1000)?.checked_sub(Timestamp::now().as_millisecond())?;
        self.now().checked_add(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Waits until the client has taken all that was written for it: its own replies wait for its own backlog. The limits
    /// on silence hold meanwhile, also for a client that reads too slowly to be waited for.
    #[inline(never)]
    pub(super) fn wait_drained(&mut self) {
        while !self.is_over() && !self.outbox.wait_drained(Some(self.look_at(self.tick()))) {
            let now = self.tick();
            self.keep_limits(now);
        }
    }

    /// When to look what is due: at the next deadline, or a little later, since a reload may have set another one.
    pub(super) fn look_at(&self, now: Instant) -> Instant {
        let later = now + LOOK_AGAIN;
        self.next_deadline().map_or(later, |deadline| deadline.min(later))
    }

    /// When something is due next.
    #[inline(never)]
    fn next_deadline(&self) -> Option<Instant> {
        let config = self.hub.config();
        let idle = config.idle_timeout.filter(|_| self.user.is_some()).map(|limit| self.idle.next(limit));
        let login = login_deadline(&config, self.opened).filter(|_| self.user.is_none());
        let (keys, lines, terminal) = (self.input.held_until(), self.pacing.next_due(), self.terminal.next_due());
        [idle, login, keys, lines, terminal, self.midnight()].into_iter().flatten().min()
    }
}

fn login_deadline(config: &Config, opened: Instant) -> Option<Instant> {
    config.limits.login.map(|limit| opened + limit)
}
