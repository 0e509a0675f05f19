//! The time on a message, in one time zone.
//!
//! *Owns* how a moment is shown, whether it is from today, and when today ends. *Knows nothing of* messages and
//! screens.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Bits of a [`Day`] that hold its length in seconds. A day has 25 hours once a year; 24 bits are enough for half a
/// year.
const LENGTH_BITS: u32 = 24;

/// A day in a time zone, in seconds of the Unix time.
#[derive(Clone, Copy)]
struct Day {
    start: i64,
    end: i64,
}

impl Day {
    /// A day that contains no moment.
    const NONE: Day = Day { start: 0, end: 0 };

    fn has(self, second: i64) -> bool {
        (self.start..self.end).contains(&second)
    }

    /// The day as one number. Days before 1970 cannot be represented.
    fn packed(self) -> u64 {
        match (u64::try_from(self.start), u64::try_from(self.end - self.start)) {
            (Ok(start), Ok(length)) if length < 1 << LENGTH_BITS => (start << LENGTH_BITS) | length,
            _ => 0,
        }
    }

    fn unpacked(packed: u64) -> Day {
        let start = (packed >> LENGTH_BITS).cast_signed();
        Day { start, end: start + (packed & ((1 << LENGTH_BITS) - 1)).cast_signed() }
    }
}

/// Formats moments as they are shown on a message.
///
/// Remembers the last minute: a batch of messages mostly needs the same one, and looking it up in a time zone costs
/// more than the rest of the line. Today is shared by all clones, since a room clones its clock for every batch.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    /// For tests: the clock is stopped at this moment.
    stopped_at: Option<Timestamp>,
    today: Arc<AtomicU64>,
    remembered: Option<Minute>,
}

/// A minute and how it is shown.
#[derive(Clone, Copy, Debug)]
struct Minute {
    /// Seconds of the Unix time at which it starts.
    start: i64,
    /// The start of the day on which it was looked up: on the next day it is shown with its date.
    today: i64,
    /// `14:03`, or with its date `2026-11-24 12:54`.
    shown: [u8; 16],
    length: u8,
}

impl Clock {
    /// A clock of a time zone.
    pub fn new(zone: TimeZone) -> Clock {
        let clock = Clock { zone, stopped_at: None, today: Arc::default(), remembered: None };
        // Looked up here, where there is stack for it.
        clock.today(clock.now().as_second());
        clock
    }

    /// A stopped clock, for tests.
    #[doc(hidden)]
    pub fn stopped(zone: TimeZone, at: Timestamp) -> Clock {
        Clock { zone, stopped_at: Some(at), today: Arc::default(), remembered: None }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.stopped_at.unwrap_or_else(Timestamp::now)
    }

    /// Appends `14:03`, or `2026-11-24 12:54` for a moment that is not from today.
    pub(crate) fn stamp(&mut self, at: Timestamp, out: &mut Vec<u8>) {
        let today = self.today(self.now().as_second());
        let second = at.as_second();
        let minute = match self.remembered {
            Some(minute) if minute.today == today.start && (minute.start..minute.start + 60).contains(&second) => {
                minute
            }
            _ => self.look_up(at, today),
        };
        out.extend_from_slice(&minute.shown[..usize::from(minute.length)]);
    }

    #[inline(never)]
    fn look_up(&mut self, at: Timestamp, today: Day) -> Minute {
        let moment = self.zone.to_datetime(at);
        let (date, time) = (moment.date(), moment.time());
        let second = at.as_second();
        let digits = |number: u16| [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8];
        let two = |number: i8| digits(u16::from(number.unsigned_abs()));
        let (mut shown, mut length) = ([0; 16], 0);
        let mut put = |bytes: &[u8]| {
            shown[length..length + bytes.len()].copy_from_slice(bytes);
            length += bytes.len();
        };
        if !today.has(second) {
            let year = date.year().unsigned_abs();
            put(&digits(year / 100));
            put(&digits(year % 100));
            put(b"-");
            put(&two(date.month()));
            put(b"-");
            put(&two(date.day()));
            put(b" ");
        }
        put(&two(time.hour()));
        put(b":");
        put(&two(time.minute()));
        let minute = Minute {
            start: second - i64::from(time.second()),
            today: today.start,
            shown,
            length: u8::try_from(length).unwrap_or(16),
        };
        self.remembered = Some(minute);
        minute
    }

    fn today(&self, now: i64) -> Day {
        let known = Day::unpacked(self.today.load(Ordering::Relaxed));
        if known.has(now) { known } else { self.look_up_today(now) }
    }

    #[inline(never)]
    fn look_up_today(&self, now: i64) -> Day {
        let Ok(moment) = Timestamp::from_second(now) else { return Day::NONE };
        let date = self.zone.to_datetime(moment).date();
        let midnight = |date: jiff::civil::Date| Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_second());
        let bounds = midnight(date).zip(date.tomorrow().ok().and_then(midnight));
        let day = bounds.map_or(Day::NONE, |(start, end)| Day { start, end });
        self.today.store(day.packed(), Ordering::Relaxed);
        day
    }

    /// When today ends in this zone, in seconds of the Unix time.
    pub fn midnight(&self) -> i64 {
        let now = self.now().as_second();
        // At the end of the calendar, nothing follows today.
        Some(self.today(now).end).filter(|end| *end > now).unwrap_or(i64::MAX)
    }

    /// Today's date in this zone: `Monday, 30 November 2026`.
    pub fn date(&self) -> String {
        self.now().to_zoned(self.zone.clone()).strftime("%A, %-d %B %Y").to_string()
    }

    /// The zone the clock shows.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn shown(clock: &mut Clock, at: &str) -> String {
        let mut out = Vec::new();
        clock.stamp(moment(at), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_clock_follows_the_minutes_and_its_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let mut clock = Clock::stopped(zone, moment("2026-11-22T10:00:00Z"));
        assert_eq!(shown(&mut clock, "2026-11-21T23:59:59Z"), "01:59");
        assert_eq!(shown(&mut clock, "2026-11-22T00:00:00Z"), "02:00");
        assert_eq!(shown(&mut clock, "2026-11-21T23:59:00Z"), "01:59");
    }

    #[test]
    fn a_moment_that_is_not_from_today_in_the_readers_zone_is_shown_with_its_date() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let mut clock = Clock::stopped(zone, moment("2026-11-22T10:00:00Z"));
        for (at, expected) in [
            ("2026-11-21T21:59:59Z", "2026-11-21 23:59"),
            ("2026-11-21T22:00:00Z", "00:00"),
            ("2026-11-22T21:59:59Z", "23:59"),
            ("2026-11-22T22:00:00Z", "2026-11-23 00:00"),
            ("0999-01-02T03:04:00Z", "0999-01-02 05:04"),
            ("9999-01-02T03:04:00Z", "9999-01-02 05:04"),
        ] {
            assert_eq!(shown(&mut clock, at), expected);
        }
        let mut utc = Clock::stopped(TimeZone::UTC, moment("2026-11-22T10:00:00Z"));
        assert_eq!(shown(&mut utc, "2026-11-21T22:00:00Z"), "2026-11-21 22:00");
    }

    #[test]
    fn a_minute_remembered_before_midnight_has_its_date_after_it() {
        let mut clock = Clock::stopped(TimeZone::UTC, moment("2026-11-21T23:59:30Z"));
        assert_eq!(shown(&mut clock, "2026-11-21T23:59:00Z"), "23:59");
        clock.stopped_at = Some(moment("2026-11-22T00:00:00Z"));
        assert_eq!(shown(&mut clock, "2026-11-21T23:59:00Z"), "2026-11-21 23:59");
        assert_eq!(shown(&mut clock, "2026-11-22T00:00:10Z"), "00:00");
    }

    #[test]
    fn today_ends_at_the_readers_midnight_also_where_the_clocks_change() {
        for (zone, now, midnight) in [
            ("UTC", "2026-11-29T23:59:59.999Z", "2026-11-30T00:00:00Z"),
            ("UTC", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("Asia/Tokyo", "2026-11-29T14:59:59Z", "2026-11-29T15:00:00Z"),
            // 25 and 23 hours long.
            ("Europe/Vienna", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("Europe/Vienna", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            // The day begins at one o'clock: there is no midnight.
            ("America/Asuncion", "2010-10-03T03:59:00Z", "2010-10-03T04:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            let clock = Clock::stopped(zone, moment(now));
            assert_eq!(clock.midnight(), moment(midnight).as_second(), "{now}");
        }
    }

    #[test]
    fn a_date_is_written_out() {
        let clock = Clock::stopped(TimeZone::UTC, moment("2026-11-30T00:00:00Z"));
        assert_eq!(clock.date(), "Monday, 30 November 2026");
        let clock = Clock::stopped(TimeZone::UTC, moment("2027-01-02T00:00:00Z"));
        assert_eq!(clock.date(), "Saturday, 2 January 2027");
    }

    #[test]
    fn clones_look_today_up_once_and_all_move_on() {
        let clock = Clock::stopped(TimeZone::UTC, moment("2026-11-21T12:00:00Z"));
        let mut clone = clock.clone();
        assert_eq!(shown(&mut clone, "2026-11-21T13:00:00Z"), "13:00");
        assert!(Day::unpacked(clock.today.load(Ordering::Relaxed)).has(moment("2026-11-21T23:59:59Z").as_second()));
        // Before 1970 no day is remembered, and the stamps are still right.
        let mut old = Clock::stopped(TimeZone::UTC, moment("1969-12-31T12:00:00Z"));
        assert_eq!(shown(&mut old, "1969-12-31T13:00:00Z"), "13:00");
        assert_eq!(shown(&mut old, "1970-01-01T13:00:00Z"), "1970-01-01 13:00");
    }
}
