//! When a line may run: the rate limits, the newcomers' wait, and the lines that wait for them.
//!
//! *Owns* what a line is charged, and the order of lines. *Knows nothing of* what a line does.

use std::time::{Duration, Instant};

use super::Session;
#[cfg(feature = "json")]
use super::failure::Failure;
use super::flood_notice::FloodNotice;
use super::line_queue::{DueLine, LineQueue, Waiting};
use crate::access::allowance::Share;
use crate::access::rate::{Bucket, Rate, RateDecision};
use crate::chat::message::ClientId;
use crate::config::Config;
use crate::ui::command::Cost;
use crate::ui::palette::{ControlKey, Line};

/// A line that may run within this time is delayed; a later one is refused.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many reading commands may run at once.
const READS_AT_ONCE: u32 = 20;
/// How many may run per second after that.
const READS_PER_SECOND: u32 = 10;

/// The rates of one connection, and its lines that wait or were refused. Pure: `now` is an argument.
#[derive(Debug)]
pub(super) struct Pacing {
    posts: Bucket,
    reads: Bucket,
    queue: LineQueue,
    /// Nothing runs before this moment: `connection_timeout`.
    held_until: Option<Instant>,
    /// Lines that came too fast, not answered yet. Boxed because most connections never have any.
    flood: Option<Box<FloodNotice>>,
}

impl Pacing {
    pub(super) fn new(queue: LineQueue, held_until: Option<Instant>) -> Pacing {
        Pacing { posts: Bucket::default(), reads: Bucket::default(), queue, held_until, flood: None }
    }

    /// Charges a line, and says when it may run. Lines keep their order: none overtakes one that waits.
    fn schedule(&mut self, cost: Cost, messages: Option<Rate>, now: Instant, patience: Duration) -> RateDecision {
        let decision = self.charge(cost, messages, now, patience);
        self.in_order(decision, now)
    }

    /// When a key may run that has an effect like a line's, such as Ctrl-C. It costs as much as a reading command.
    pub(super) fn schedule_key(&mut self, now: Instant) -> RateDecision {
        let decision = self.charge(Cost::Read(1), None, now, PATIENCE);
        self.in_order(decision, now)
    }

    /// When a program's request may run. Unlike a blank line, every request is worth a wait.
    #[cfg(feature = "json")]
    pub(super) fn schedule_request(&mut self, cost: Cost, config: &Config, now: Instant) -> RateDecision {
        self.schedule(cost, message_rate(config), now, PATIENCE)
    }

    /// Pays for a key that is answered at once or not at all. It costs as much as a reading command; the error is how
    /// long to wait if that is too much now.
    pub(super) fn pay_reading(&mut self, now: Instant) -> Result<(), Duration> {
        match self.charge(Cost::Read(1), None, now, Duration::ZERO) {
            RateDecision::Now => Ok(()),
            RateDecision::At(at) => Err(at.saturating_duration_since(now)),
            RateDecision::Refused(wait) => Err(wait),
        }
    }

    /// Pays for the users that a line reaches beyond the first. The error is how long to wait if that is too much now.
    fn pay_posts(&mut self, more: usize, messages: Option<Rate>, now: Instant) -> Result<(), Duration> {
        let units = u32::try_from(more).unwrap_or(u32::MAX);
        match self.charge(Cost::Post(units), messages, now, PATIENCE) {
            RateDecision::Now | RateDecision::At(_) => Ok(()),
            RateDecision::Refused(wait) => Err(wait),
        }
    }

    /// Charges a delayed line what it costs beyond what was charged when it was typed.
    fn surcharge(&mut self, cost: Cost, line: &Charged, messages: Option<Rate>, now: Instant) -> RateDecision {
        let Some(missing) = beyond(cost, line.cost) else { return RateDecision::Now };
        self.charge(missing, messages, now, (line.typed + PATIENCE).saturating_duration_since(now))
    }

    fn charge(&mut self, cost: Cost, messages: Option<Rate>, now: Instant, patience: Duration) -> RateDecision {
        let (bucket, units, rate) = match cost {
            Cost::Free => return RateDecision::Now,
            Cost::Read(units) => (&mut self.reads, units, read_rate()),
            Cost::Post(units) => (&mut self.posts, units, messages),
        };
        rate.map_or(RateDecision::Now, |rate| bucket.reserve(now, units, rate, patience))
    }

    /// The same decision, with the line placed after those that wait.
    fn in_order(&self, decision: RateDecision, now: Instant) -> RateDecision {
        let behind = [self.held_until, self.queue.last_due()].into_iter().flatten().max();
        match (decision, behind) {
            (RateDecision::Now, Some(behind)) => RateDecision::At(behind.max(now)),
            (RateDecision::At(due), Some(behind)) => RateDecision::At(due.max(behind)),
            (decision @ (RateDecision::Now | RateDecision::At(_)), None) | (decision @ RateDecision::Refused(_), _) => {
                decision
            }
        }
    }

    /// Queues a line until it may run. False if there is no room for it.
    pub(super) fn delay_line(&mut self, text: &str, charged: Cost, due: Instant, now: Instant) -> bool {
        let typed = self.held_until.map_or(now, |until| until.max(now));
        self.queue.push(due, Waiting::Line { text: text.to_owned(), charged, typed })
    }

    /// Queues a key. Without room in the queue it is dropped: then it was pressed hundreds of times.
    pub(super) fn delay_key(&mut self, key: ControlKey, due: Instant) {
        let _queued = self.queue.push(due, Waiting::Key(key));
    }

    /// Queues the answer to a request that has failed, behind the requests that wait. Returns it if none do.
    #[cfg(feature = "json")]
    pub(super) fn delay_failure(&mut self, failure: Failure, now: Instant) -> Option<Failure> {
        let behind = [self.held_until, self.queue.last_due()].into_iter().flatten().max();
        let Some(due) = behind else { return Some(failure) };
        let queued = self.queue.push(due.max(now), Waiting::Failed(Box::new(failure.clone())));
        (!queued).then_some(failure)
    }

    /// When there may be room for a request of this many bytes behind those that wait, if there is none now.
    #[cfg(feature = "json")]
    pub(super) fn full_until(&self, bytes: usize) -> Option<Instant> {
        let due = self.queue.due().filter(|_| self.queue.is_full_for(bytes))?;
        Some(self.held_until.map_or(due, |held| held.max(due)))
    }

    /// The next line that may run by now.
    fn next_line(&mut self, now: Instant) -> Option<DueLine> {
        self.queue.pop(now)
    }

    pub(super) fn has_waiting_lines(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The connection is over: nothing that waits will run.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Whether the newcomers' wait still runs.
    pub(super) fn is_held(&self) -> bool {
        self.held_until.is_some()
    }

    /// True once, when the newcomers' wait is over.
    pub(super) fn end_hold(&mut self, now: Instant) -> bool {
        self.held_until.take_if(|until| *until <= now).is_some()
    }

    /// Notes a line that was refused; `start` is how the notice names it, if it is the first of its burst.
    pub(super) fn note_refused(&mut self, start: impl FnOnce() -> Box<str>, wait: Duration, now: Instant) {
        match &mut self.flood {
            Some(flood) => flood.add(wait, now),
            None => self.flood = Some(Box::new(FloodNotice::new(start(), wait, now))),
        }
    }

    /// The notice for a burst of refused lines that is over by now.
    pub(super) fn take_due_flood(&mut self, now: Instant) -> Option<Box<FloodNotice>> {
        self.flood.take_if(|flood| flood.due() <= now)
    }

    /// The same, whether the burst is over or not.
    pub(super) fn take_flood(&mut self) -> Option<Box<FloodNotice>> {
        self.flood.take()
    }

    /// Whether a burst of refused lines is still to be answered.
    pub(super) fn has_flood(&self) -> bool {
        self.flood.is_some()
    }

    /// When there is something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let line = self.queue.due().map(|due| self.held_until.map_or(due, |held| held.max(due)));
        let flood = self.flood.as_ref().map(|flood| flood.due());
        [line, flood, self.held_until].into_iter().flatten().min()
    }
}

/// What a delayed line was charged, and when it was typed.
struct Charged {
    cost: Cost,
    typed: Instant,
}

impl Session {
    /// Charges a line that was just typed, and says when it may run.
    pub(super) fn schedule_line(&mut self, line: &Line<'_>, config: &Config, now: Instant) -> RateDecision {
        // An empty line is not worth waiting for: nothing is lost without it.
        let patience = if is_blank(line.text()) { Duration::ZERO } else { PATIENCE };
        self.pacing.schedule(line.cost(), message_rate(config), now, patience)
    }

    /// Pays for the users that a line reaches beyond the first. If that is too much, the user sees why and this is
    /// false.
    pub(super) fn pay_for(&mut self, more: usize) -> bool {
        let rate = message_rate(&self.hub.config());
        let Err(wait) = self.pacing.pay_posts(more, rate, self.now()) else { return true };
        #[cfg(feature = "json")]
        self.note_too_fast(wait);
        self.refuse_fast(wait);
        self.mark_refused();
        false
    }

    pub(super) fn run_due_lines(&mut self, now: Instant) {
        if self.pacing.is_held() {
            return;
        }
        while !self.is_over()
            && let Some((waiting, held)) = self.pacing.next_line(now)
        {
            match waiting {
                Waiting::Line { text, charged, typed } => {
                    self.run_delayed(text, &Charged { cost: charged, typed }, now, held);
                }
                Waiting::Key(key) => self.run_key(key),
                #[cfg(feature = "json")]
                Waiting::Failed(failure) => self.answer_failure(*failure, now),
            }
            // `:mode` takes effect on telnet's side first, and nothing has to be read for it.
            self.take(&[]);
        }
    }

    /// Runs a delayed line. It was charged as what it was when it was typed. The lines before it may have led elsewhere
    /// since, and if it is a message now, it is charged as one.
    fn run_delayed(&mut self, text: String, charged: &Charged, now: Instant, held: Share<ClientId>) {
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.run_delayed_request(&text);
        }
        // Since it was typed, others may have moved this user elsewhere.
        self.pick_up_notices();
        let rules = self.rules();
        let line = self.palette.read(&text, &rules);
        let cost = line.cost();
        match self.pacing.surcharge(cost, charged, message_rate(&self.hub.config()), now) {
            RateDecision::Now => {
                self.palette.run(line, &rules, &mut self.effects);
                self.carry_out_input();
                self.return_line(&text);
            }
            RateDecision::At(due) => {
                let line = Waiting::Line { text, charged: cost, typed: charged.typed };
                self.pacing.queue.return_to_front(due, (line, held));
            }
            RateDecision::Refused(wait) => self.refuse_line(&line, wait),
        }
    }
}

/// What is still to be paid for a line that costs `cost`, after `paid` was paid.
fn beyond(cost: Cost, paid: Cost) -> Option<Cost> {
    match (cost, paid) {
        (Cost::Post(units), Cost::Post(paid)) => (units > paid).then(|| Cost::Post(units - paid)),
        (Cost::Post(units), Cost::Free | Cost::Read(_)) => Some(Cost::Post(units)),
        (Cost::Free | Cost::Read(_), _) => None,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::allowance::Allowance;

    const POST: Cost = Cost::Post(1);

    fn pacing(held_until: Option<Instant>) -> Pacing {
        Pacing::new(LineQueue::new(Allowance::new(1 << 16, 1 << 20), ClientId(1)), held_until)
    }

    /// One message at once, one per second.
    fn slow() -> Option<Rate> {
        Rate::new(1, 1, Duration::from_secs(1))
    }

    fn text((waiting, _): DueLine) -> String {
        match waiting {
            Waiting::Line { text, .. } => text,
            Waiting::Key(key) => format!("{key:?}"),
            #[cfg(feature = "json")]
            Waiting::Failed(failure) => format!("{failure:?}"),
        }
    }

    #[test]
    fn a_message_over_the_rate_waits_and_nothing_overtakes_it() {
        let now = Instant::now();
        let mut pacing = pacing(None);
        assert_eq!(pacing.schedule(POST, slow(), now, PATIENCE), RateDecision::Now);
        let RateDecision::At(due) = pacing.schedule(POST, slow(), now, PATIENCE) else { panic!("it waits") };
        assert!(pacing.delay_line("second", POST, due, now));
        assert_eq!(pacing.schedule(Cost::Free, slow(), now, PATIENCE), RateDecision::At(due));
        assert!(pacing.delay_line("third", Cost::Free, due, now));
        assert_eq!(pacing.schedule_key(now), RateDecision::At(due));
        pacing.delay_key(ControlKey::Interrupt, due);
        assert_eq!(pacing.next_due(), Some(due));
        assert!(pacing.next_line(now).is_none());
        let run: Vec<_> = std::iter::from_fn(|| pacing.next_line(due)).map(text).collect();
        assert_eq!(run, ["second", "third", "Interrupt"]);
        assert!(!pacing.has_waiting_lines() && pacing.next_due().is_none());
    }

    #[test]
    fn a_message_that_would_wait_too_long_is_refused() {
        let now = Instant::now();
        let mut pacing = pacing(None);
        for _ in 0..4 {
            assert!(!matches!(pacing.schedule(POST, slow(), now, PATIENCE), RateDecision::Refused(_)));
        }
        assert!(matches!(pacing.schedule(POST, slow(), now, PATIENCE), RateDecision::Refused(_)));
        assert!(matches!(pacing.schedule(POST, slow(), now + PATIENCE, Duration::ZERO), RateDecision::Refused(_)));
        assert_eq!(pacing.schedule(POST, None, now, PATIENCE), RateDecision::Now, "where there is no limit");
    }

    #[test]
    fn the_newcomers_wait_holds_everything_and_ends_once() {
        let now = Instant::now();
        let until = now + Duration::from_millis(2500);
        let mut pacing = pacing(Some(until));
        assert_eq!(pacing.schedule(Cost::Free, slow(), now, PATIENCE), RateDecision::At(until));
        assert!(pacing.delay_line("alice", Cost::Free, until, now));
        assert!(pacing.is_held() && !pacing.end_hold(now));
        assert_eq!(pacing.next_due(), Some(until));
        assert!(pacing.end_hold(until) && !pacing.end_hold(until) && !pacing.is_held());
        assert_eq!(pacing.next_line(until).map(text).as_deref(), Some("alice"));
    }

    #[test]
    fn a_delayed_line_that_became_a_message_pays_the_difference() {
        let now = Instant::now();
        let mut pacing = pacing(None);
        let charged = |cost| Charged { cost, typed: now };
        assert_eq!(pacing.surcharge(POST, &charged(POST), slow(), now), RateDecision::Now);
        assert_eq!(pacing.surcharge(POST, &charged(Cost::Read(3)), slow(), now), RateDecision::Now);
        assert!(matches!(pacing.surcharge(POST, &charged(Cost::Free), slow(), now), RateDecision::At(_)));
        let late = now + PATIENCE + Duration::from_secs(1);
        assert_eq!(pacing.surcharge(Cost::Post(3), &charged(Cost::Post(2)), slow(), late), RateDecision::Now);
        assert!(matches!(pacing.surcharge(POST, &charged(Cost::Free), slow(), late), RateDecision::Refused(_)));
        assert_eq!(pacing.surcharge(Cost::Read(3), &charged(Cost::Free), slow(), late), RateDecision::Now);
    }

    #[test]
    fn reading_is_paid_until_it_is_too_much() {
        let now = Instant::now();
        let mut pacing = pacing(None);
        for _ in 0..READS_AT_ONCE {
            assert_eq!(pacing.pay_reading(now), Ok(()));
        }
        let wait = pacing.pay_reading(now).expect_err("too much");
        assert!(wait <= Duration::from_secs(1) && !wait.is_zero());
        assert_eq!(pacing.pay_reading(now + wait), Ok(()));
    }

    #[test]
    fn refused_lines_are_answered_when_their_burst_is_over() {
        let now = Instant::now();
        let mut pacing = pacing(None);
        pacing.note_refused(|| "one".into(), Duration::from_secs(4), now);
        pacing.note_refused(|| panic!("only the first is named"), Duration::from_secs(4), now);
        assert!(pacing.has_flood() && pacing.take_due_flood(now).is_none());
        let due = pacing.next_due().expect("it will be answered");
        let notice = pacing.take_due_flood(due).expect("the burst is over");
        assert!(notice.sentence(now, false).ends_with("2 lines were not taken, the first is \"one\"."));
        assert!(!pacing.has_flood());
    }
}
