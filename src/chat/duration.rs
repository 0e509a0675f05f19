//! Durations as people type and read them: `10m`, `1 hour 30 minutes`. Also the arithmetic of when a duration ends.
//!
//! *Owns* which part of jiff's format may be typed, where a duration ends and a reason begins, and the longest one.
//! *Knows nothing of* what lasts that long.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, SpanRelativeTo, Timestamp};

/// Longest duration that may be typed, in seconds: a leap year. Without a duration there is no end.
const MAX_SECONDS: u64 = 366 * DAY;
const LONGEST: Duration = Duration::from_secs(MAX_SECONDS);

/// Shortest duration that may be typed: anything shorter is a typing mistake.
const SHORTEST: Duration = Duration::from_secs(1);

const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 60 * MINUTE;
const MINUTE: u64 = 60;

/// Units from the largest, in seconds, as words.
const UNITS: [(u64, &str); 4] = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")];

/// Most words of a duration that is typed before a reason: ten are enough for every unit, each separated from its
/// number.
const MOST_WORDS: usize = 12;

/// The result of reading a text as a duration.
enum ParsedDuration {
    /// A duration.
    Valid(Duration),
    /// A duration that is zero, negative, or too long.
    OutOfRange,
    /// Something else.
    No,
}

/// Reads jiff's friendly format, in either case: `30s`, `1h30m`, `2 days`, `1 hour, 30 minutes`. A year counts as 365
/// days and a month as 30: a length is meant, not a date in the calendar.
fn read(text: &str) -> ParsedDuration {
    let text = text.trim().to_ascii_lowercase();
    let Ok(span) = SpanParser::new().parse_span(text.trim_end_matches(',')) else { return ParsedDuration::No };
    let days = i64::from(span.get_years()) * 365 + i64::from(span.get_months()) * 30;
    let lasts = span.years(0).months(0).to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    let lasts = lasts.and_then(|rest| rest.checked_add(SignedDuration::from_hours(days * 24)));
    match lasts.and_then(|lasts| Duration::try_from(lasts).ok()) {
        Some(lasts) if lasts >= SHORTEST && lasts <= LONGEST => ParsedDuration::Valid(lasts),
        _ => ParsedDuration::OutOfRange,
    }
}

/// Reads a duration as people type it: `30s`, `1h30m`, `2 days`. `None` for anything else, for less than a second, and for more
/// than 366 days.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    match read(text) {
        ParsedDuration::Valid(span) => Some(span),
        ParsedDuration::OutOfRange | ParsedDuration::No => None,
    }
}

/// A duration in words: its two largest units that are not zero, such as `1 hour 30 minutes`. Fractions of a second are
/// rounded up, so that nobody has to wait `0 seconds`; smaller units are left out.
pub(crate) fn in_words(span: Duration) -> String {
    let mut left = span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0));
    let mut words = Vec::new();
    for (size, unit) in UNITS {
        let count = left / size;
        left %= size;
        if count > 0 && words.len() < 2 {
            words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") }
}

/// The moment `length` after `at`, or the last one that can be represented.
pub(crate) fn after(at: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

/// The time from a moment to an end, or zero if that is past.
pub(crate) fn remaining(at: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(at)).unwrap_or(Duration::ZERO)
}

/// A text that looks like a duration but is not one, such as `5`, `-5m` or `1y2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LooksLikeDuration<'a>(pub &'a str);

/// Reads `[duration] [reason]`. The duration is the longest beginning of the text that can be read as one; without it
/// there is no end.
///
/// # Errors
///
/// A text at the beginning, or after a duration, that looks like a duration but is not one. If it were taken as a
/// reason, the length would not be the one that was meant.
pub(crate) fn lasts_and_reason(text: &str) -> Result<(Option<Duration>, &str), LooksLikeDuration<'_>> {
    let text = text.trim();
    let gaps = text.match_indices(' ').map(|(at, _)| at).filter(|at| !text[..*at].ends_with(' '));
    let ends: Vec<_> = gaps.chain([text.len()]).take(MOST_WORDS).collect();
    let mut found = (None, text);
    for end in ends.into_iter().rev() {
        let (beginning, rest) = text.split_at(end);
        match read(beginning) {
            ParsedDuration::Valid(lasts) => {
                found = (Some(lasts), rest.trim());
                break;
            }
            ParsedDuration::OutOfRange => return Err(LooksLikeDuration(beginning)),
            ParsedDuration::No => {}
        }
    }
    let (lasts, reason) = found;
    let begins_as_number = reason.trim_start_matches(['+', '-', '.']).starts_with(char::is_numeric);
    if begins_as_number {
        return Err(LooksLikeDuration(reason.split(' ').next().unwrap_or(reason)));
    }
    Ok((lasts, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn numbers_and_units_are_a_duration_in_either_case() {
        for (text, expected) in [
            ("30s", 30),
            ("10m", 600),
            ("2h", 7_200),
            ("7d", 604_800),
            ("1D", 86_400),
            ("007M", 420),
            ("366d", MAX_SECONDS),
            ("1h30m", 5_400),
            ("1H 30M", 5_400),
            ("1 hour, 30 minutes", 5_400),
            ("2 days", 172_800),
            ("2Days", 172_800),
            ("1 week", 604_800),
            ("1w2d", 777_600),
            ("1mo", 2_592_000),
            ("1 year", 31_536_000),
            ("1.5h", 5_400),
            ("10min", 600),
            ("+1m", 60),
            (" 1m ", 60),
            ("1 day 02:00:00", 93_600),
        ] {
            assert_eq!(parse(text), Some(seconds(expected)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_none() {
        let wrong = "|s|10|0s|000d|0.5s|-1m|-1 day|1 day ago|1y2|1h30|30m1h|1m1m|10x|٣s|1ſ|367d|8785h|13mo|2y\
                     |99999999999999999999s|PT5M|P1D|5.5.5s|1 2 m|m 1";
        for text in wrong.split('|').chain(["18446744073709551615d", "mm", "m", "字"]) {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_shown_in_their_two_largest_units() {
        for (span, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (30, "30 seconds"),
            (60, "1 minute"),
            (90, "1 minute 30 seconds"),
            (600, "10 minutes"),
            (3_601, "1 hour 1 second"),
            (5_400, "1 hour 30 minutes"),
            (5_459, "1 hour 30 minutes"),
            (7_200, "2 hours"),
            (86_399, "23 hours 59 minutes"),
            (604_800, "7 days"),
            (90_061, "1 day 1 hour"),
        ] {
            assert_eq!(in_words(seconds(span)), expected);
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        assert_eq!(in_words(Duration::from_nanos(1)), "1 second");
        assert_eq!(in_words(Duration::from_millis(59_001)), "1 minute");
        assert_eq!(in_words(Duration::MAX), "213503982334601 days 7 hours");
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn what_is_typed_in_any_unit_is_read_back(count in 1_u64..=366, unit in 0_usize..4) {
            let (size, word) = UNITS[unit];
            let span = seconds(count * size);
            let letter = word.get(..1).expect("a letter");
            prop_assert_eq!(parse(&format!("{count}{letter}")), Some(span));
            prop_assert_eq!(parse(&format!("{count}{}", letter.to_ascii_uppercase())), Some(span));
        }

        #[test]
        fn any_text_can_be_read_without_a_panic(text in any::<String>()) {
            prop_assert!(parse(&text).is_none_or(|span| span >= seconds(1) && span <= seconds(MAX_SECONDS)));
            let _ = lasts_and_reason(&text);
        }

        #[test]
        fn the_words_add_up_to_the_duration_without_its_smaller_units(span in 0_u64..MAX_SECONDS * 2) {
            let words = in_words(seconds(span));
            let mut parts = words.split(' ');
            let mut sum = 0;
            let mut smallest = DAY;
            while let (Some(count), Some(word)) = (parts.next(), parts.next()) {
                let (size, _) = UNITS.iter().find(|(_, unit)| word.trim_end_matches('s') == *unit).expect("a unit");
                sum += count.parse::<u64>().expect("a number") * size;
                smallest = *size;
            }
            prop_assert!(sum <= span && span - sum < smallest, "{} for {}", words, span);
        }
    }

    #[test]
    fn a_duration_and_a_reason_may_both_be_missing() {
        for (text, expected) in [
            ("", (None, "")),
            ("2h", (Some(seconds(7_200)), "")),
            ("2h  spam again ", (Some(seconds(7_200)), "spam again")),
            ("2 days spam", (Some(seconds(172_800)), "spam")),
            ("2  days  spam", (Some(seconds(172_800)), "spam")),
            ("1h30m spam", (Some(seconds(5_400)), "spam")),
            ("1 hour 30 minutes spam", (Some(seconds(5_400)), "spam")),
            ("1 hour, 30 minutes, spam", (Some(seconds(5_400)), "spam")),
            ("2 days, spam", (Some(seconds(172_800)), "spam")),
            ("5 m", (Some(seconds(300)), "")),
            ("spam 2h", (None, "spam 2h")),
            ("- spam", (None, "- spam")),
            ("...", (None, "...")),
            ("m 5", (None, "m 5")),
        ] {
            assert_eq!(lasts_and_reason(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_malformed_duration_is_never_read_as_a_reason() {
        for (text, piece) in [
            ("5", "5"),
            ("5 spam", "5"),
            ("-5m", "-5m"),
            ("-5m spam", "-5m"),
            ("1y2", "1y2"),
            ("0m", "0m"),
            ("2hors spam", "2hors"),
            ("367d spam", "367d"),
            ("2 days ago", "2 days ago"),
            ("1h 30", "30"),
            ("1h 30 spam", "30"),
            ("30m 1h", "1h"),
            (".5", ".5"),
            ("٣s", "٣s"),
            ("1st warning", "1st"),
        ] {
            assert_eq!(lasts_and_reason(text), Err(LooksLikeDuration(piece)), "{text}");
        }
    }
}
