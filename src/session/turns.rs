//! When a line may run: rate limits, and the queue of lines that wait for them.
//!
//! *Owns* what a line is charged, and that lines keep their order.
//! *Knows nothing of* what a line does.
//! *Called by* `session` and `session::input`.

use std::time::{Duration, Instant};

use super::pending::Waiting;
use super::{Session, rules};
use crate::command::Cost;
use crate::config::Config;
use crate::palette::Input;
use crate::throttle::{Rate, Turn};

/// A line whose turn comes within this time is delayed, a later one refused.
const PATIENCE: Duration = Duration::from_secs(3);
/// Reading commands: so many at once,
const READS_AT_ONCE: u32 = 20;
/// and so many a second.
const READS_PER_SECOND: u32 = 10;

impl Session {
    /// When a line may run. Lines keep their order: none overtakes one that waits.
    pub(super) fn turn(&mut self, line: &str, config: &Config, now: Instant) -> Turn {
        let turn = self.charge(self.palette.cost(line, &rules(config)), config, now, PATIENCE);
        let behind = [self.held_until, self.pending.last_due()].into_iter().flatten().max();
        match (turn, behind) {
            (Turn::Now, Some(behind)) => Turn::At(behind.max(now)),
            (Turn::At(due), Some(behind)) => Turn::At(due.max(behind)),
            (turn, _) => turn,
        }
    }

    fn charge(&mut self, cost: Cost, config: &Config, now: Instant, patience: Duration) -> Turn {
        let (bucket, units, rate) = match cost {
            Cost::Free => return Turn::Now,
            Cost::Read(units) => (&mut self.reads, units, read_rate()),
            Cost::Post(units) => (&mut self.posts, units, message_rate(config)),
        };
        rate.map_or(Turn::Now, |rate| bucket.reserve(now, units, rate, patience))
    }

    /// Pays for people reached beyond the first. False if that is too much; then the person was told.
    pub(super) fn pay_for(&mut self, more: usize) -> bool {
        let units = u32::try_from(more).unwrap_or(u32::MAX);
        let config = self.hub.config();
        if let Turn::Refused(wait) = self.charge(Cost::Post(units), &config, Instant::now(), PATIENCE) {
            self.refuse_fast(wait);
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
                Waiting::Line { text, charged, typed } => self.run_waiting(text, charged, typed, now),
                Waiting::Interrupted => self.run_input(Input::Interrupted),
                Waiting::Ended => self.run_input(Input::Ended),
            }
            // `:mode` takes effect on telnet's side first, and nothing has to be read for it.
            self.take(&[]);
        }
    }

    /// A line whose turn has come. What it is was judged when it was typed; the lines before it may have led elsewhere
    /// meanwhile, and what has become a message is charged as one.
    fn run_waiting(&mut self, text: String, charged: Cost, typed: Instant, now: Instant) {
        // Somebody else's doing since it was typed may have put this person elsewhere.
        self.pick_up_notices();
        let cost = self.palette.cost(&text, &self.rules());
        if let Some(missing) = dearer(cost, charged) {
            let config = self.hub.config();
            let patience = (typed + PATIENCE).saturating_duration_since(now);
            match self.charge(missing, &config, now, patience) {
                Turn::Now => {}
                Turn::At(due) => {
                    return self.pending.push_back_to_head(due, Waiting::Line { text, charged: cost, typed });
                }
                Turn::Refused(wait) => return self.refuse_line(&text, wait),
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

pub(super) fn read_rate() -> Option<Rate> {
    Rate::new(READS_AT_ONCE, READS_PER_SECOND, Duration::from_secs(1))
}

fn message_rate(config: &Config) -> Option<Rate> {
    let units = |count: Option<usize>| u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX);
    Rate::new(units(config.limits.message_burst), units(config.limits.messages_per_second), Duration::from_secs(1))
}
