//! When a line may run: rate limits, and the queue of lines that wait for them.
//!
//! *Owns* what a line is charged, and that lines keep their order.
//! *Knows nothing of* what a line does.
//! *Called by* `session` and `session::input`.

use std::time::{Duration, Instant};

use super::Session;
use super::pending::Waiting;
use crate::access::allowance::Share;
use crate::access::rate::{Rate, RateDecision};
use crate::chat::message::ClientId;
use crate::config::Config;
use crate::ui::command::Cost;
use crate::ui::palette::Input;

/// A line whose turn comes within this time is delayed, a later one refused.
const PATIENCE: Duration = Duration::from_secs(3);
/// Reading commands: so many at once,
const READS_AT_ONCE: u32 = 20;
/// and so many a second.
const READS_PER_SECOND: u32 = 10;

impl Session {
    /// When a line may run. Lines keep their order: none overtakes one that waits.
    pub(super) fn turn(&mut self, line: &str, config: &Config, now: Instant) -> RateDecision {
        // One that is empty is not worth a wait: there is nothing in it to be lost.
        let patience = if is_blank(line) { Duration::ZERO } else { PATIENCE };
        let turn = self.charge(self.palette.cost(line, &self.rules()), config, now, patience);
        self.in_order(turn, now)
    }

    /// When a key may do what a line does, such as Ctrl-C. It costs a reading.
    pub(super) fn key_turn(&mut self, now: Instant) -> RateDecision {
        let turn = read_rate().map_or(RateDecision::Now, |rate| self.reads.reserve(now, 1, rate, PATIENCE));
        self.in_order(turn, now)
    }

    /// Pays for something that is answered at once or not at all, like a key pressed a thousand times. It costs a reading;
    /// how long to wait if that is too much now.
    pub(super) fn pay_reading(&mut self, now: Instant) -> Result<(), Duration> {
        match read_rate().map(|rate| self.reads.reserve(now, 1, rate, Duration::ZERO)) {
            None | Some(RateDecision::Now) => Ok(()),
            Some(RateDecision::At(at)) => Err(at.saturating_duration_since(now)),
            Some(RateDecision::Refused(wait)) => Err(wait),
        }
    }

    /// The same turn, behind those that wait.
    fn in_order(&self, turn: RateDecision, now: Instant) -> RateDecision {
        let behind = [self.held_until, self.pending.last_due()].into_iter().flatten().max();
        match (turn, behind) {
            (RateDecision::Now, Some(behind)) => RateDecision::At(behind.max(now)),
            (RateDecision::At(due), Some(behind)) => RateDecision::At(due.max(behind)),
            (turn, _) => turn,
        }
    }

    fn charge(&mut self, cost: Cost, config: &Config, now: Instant, patience: Duration) -> RateDecision {
        let (bucket, units, rate) = match cost {
            Cost::Free => return RateDecision::Now,
            Cost::Read(units) => (&mut self.reads, units, read_rate()),
            Cost::Post(units) => (&mut self.posts, units, message_rate(config)),
        };
        rate.map_or(RateDecision::Now, |rate| bucket.reserve(now, units, rate, patience))
    }

    /// Pays for people reached beyond the first. False if that is too much; then the person was told.
    pub(super) fn pay_for(&mut self, more: usize) -> bool {
        let units = u32::try_from(more).unwrap_or(u32::MAX);
        let config = self.hub.config();
        if let RateDecision::Refused(wait) = self.charge(Cost::Post(units), &config, Instant::now(), PATIENCE) {
            self.refuse_fast(wait);
            self.mark_refused();
            return false;
        }
        true
    }

    pub(super) fn run_pending(&mut self, now: Instant) {
        if self.held_until.is_some() {
            return;
        }
        while !self.is_over()
            && let Some(waiting) = self.pending.pop(now)
        {
            match waiting {
                (Waiting::Line { text, charged, typed }, held) => self.run_waiting(text, charged, typed, now, held),
                (Waiting::Interrupted, _) => self.run_input(Input::Interrupted),
                (Waiting::Ended, _) => self.run_input(Input::Ended),
            }
            // `:mode` takes effect on telnet's side first, and nothing has to be read for it.
            self.take(&[]);
        }
    }

    /// A line whose turn has come. What it is was judged when it was typed; the lines before it may have led elsewhere
    /// meanwhile, and what has become a message is charged as one.
    fn run_waiting(&mut self, text: String, charged: Cost, typed: Instant, now: Instant, held: Share<ClientId>) {
        // Somebody else's doing since it was typed may have put this person elsewhere.
        self.pick_up_notices();
        let cost = self.palette.cost(&text, &self.rules());
        if let Some(missing) = dearer(cost, charged) {
            let config = self.hub.config();
            let patience = (typed + PATIENCE).saturating_duration_since(now);
            match self.charge(missing, &config, now, patience) {
                RateDecision::Now => {}
                RateDecision::At(due) => {
                    let line = Waiting::Line { text, charged: cost, typed };
                    return self.pending.push_back_to_head(due, (line, held));
                }
                RateDecision::Refused(wait) => return self.refuse_line(&text, wait),
            }
        }
        self.run_line(&text);
    }
}

/// What is still to be paid for a line that turns out to cost this, when that was paid.
fn dearer(cost: Cost, charged: Cost) -> Option<Cost> {
    match (cost, charged) {
        (Cost::Post(units), Cost::Post(paid)) => (units > paid).then(|| Cost::Post(units - paid)),
        (Cost::Post(units), _) => Some(Cost::Post(units)),
        _ => None,
    }
}

/// Whether there is nothing in a line.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn read_rate() -> Option<Rate> {
    Rate::new(READS_AT_ONCE, READS_PER_SECOND, Duration::from_secs(1))
}

fn message_rate(config: &Config) -> Option<Rate> {
    let units = |count: Option<usize>| u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX);
    Rate::new(units(config.limits.message_burst), units(config.limits.messages_per_second), Duration::from_secs(1))
}
