//! Lines refused because they came too fast: one line answers all of a burst.
//!
//! A terminal in line mode sends a pasted text line by line, so it arrives in many reads. The answer waits until no
//! more of it has come for a moment.
//!
//! *Owns* what is remembered of refused lines, when they are answered, and the sentence.
//! *Knows nothing of* rates.

use std::time::{Duration, Instant};

use super::Session;
use crate::chat::message::start;
use crate::text::seconds;
use crate::ui::palette::Line;

/// A burst is over when no line was refused for this long. Lines of a paste come milliseconds apart, also through a
/// slow network, and a user who types sees the answer before they look for it.
const QUIET: Duration = Duration::from_millis(250);

/// A burst that never stops is still answered this often.
const LONGEST: Duration = Duration::from_secs(3);

/// The refused lines of one burst.
#[derive(Debug)]
pub(super) struct FloodNotice {
    count: usize,
    /// The beginning of the first, without what may be a password.
    first: Box<str>,
    since: Instant,
    last: Instant,
    /// When the next line would be run at once.
    until: Instant,
}

impl FloodNotice {
    /// The first line of a burst, which starts with `first`, was refused: it could have run after `wait`.
    pub(super) fn new(first: Box<str>, wait: Duration, now: Instant) -> FloodNotice {
        FloodNotice { count: 1, first, since: now, last: now, until: now + wait }
    }

    /// Another line was refused.
    pub(super) fn add(&mut self, wait: Duration, now: Instant) {
        self.count += 1;
        self.last = now;
        self.until = now + wait;
    }

    /// When the burst is answered.
    pub(super) fn due(&self) -> Instant {
        (self.last + QUIET).min(self.since + LONGEST)
    }

    pub(super) fn sentence(&self, now: Instant, logged_in: bool) -> String {
        // Rounded up, and never "at once": the machine might not keep that promise.
        let wait = seconds(self.until.saturating_duration_since(now).max(Duration::from_secs(1)));
        let mut line = format!("Too fast: try again in {wait}.");
        match (self.count, &*self.first) {
            (1, "") => line += " 1 line was not taken.",
            (1, first) => line += &format!(" 1 line was not taken: \"{first}\"."),
            (count, "") => line += &format!(" {count} lines were not taken."),
            (count, first) => line += &format!(" {count} lines were not taken, the first is \"{first}\"."),
        }
        if logged_in {
            line += " :paste sends many lines as one.";
        }
        line
    }
}

impl Session {
    /// Refuses a line that could only run after `wait`.
    pub(super) fn refuse_line(&mut self, line: &Line<'_>, wait: Duration) {
        self.give_back(line.text());
        let now = self.now();
        self.pacing.note_refused(|| start(line.recallable().trim()), wait, now);
    }

    /// Answers the refused lines of a burst.
    pub(super) fn answer_flood(&self, flood: &FloodNotice, now: Instant) {
        self.refuse(flood.sentence(now, self.palette.is_logged_in()));
    }

    /// Answers refused lines at once, if there are any.
    pub(super) fn answer_refused_lines(&mut self) {
        if let Some(flood) = self.pacing.take_flood() {
            self.answer_flood(&flood, self.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(count: usize, first: &str, now: Instant) -> FloodNotice {
        FloodNotice { count, first: first.into(), since: now, last: now, until: now + Duration::from_millis(3_200) }
    }

    #[test]
    fn the_notice_says_how_many_lines_which_and_when() {
        let now = Instant::now();
        for (count, first, expected) in [
            (
                1,
                "one",
                "Too fast: try again in 4 seconds. 1 line was not taken: \"one\". :paste sends many lines as one.",
            ),
            (
                19,
                "one",
                "Too fast: try again in 4 seconds. 19 lines were not taken, the first is \"one\". :paste sends many lines as one.",
            ),
            (2, "", "Too fast: try again in 4 seconds. 2 lines were not taken. :paste sends many lines as one."),
        ] {
            assert_eq!(refused(count, first, now).sentence(now, true), expected);
        }
        let before = refused(1, "", now).sentence(now + Duration::from_secs(9), false);
        assert_eq!(before, "Too fast: try again in 1 second. 1 line was not taken.");
    }

    #[test]
    fn a_burst_is_answered_when_it_is_over_and_one_without_an_end_after_a_while() {
        let now = Instant::now();
        let mut burst = refused(1, "one", now);
        assert_eq!(burst.due(), now + QUIET);
        burst.add(Duration::from_secs(1), now + QUIET / 2);
        assert_eq!(burst.due(), now + QUIET / 2 + QUIET);
        burst.add(Duration::from_secs(1), now + LONGEST);
        assert_eq!(burst.due(), now + LONGEST);
    }
}
