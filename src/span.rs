//! Spans of time as people type and read them: `10m`, `1 hour 30 minutes`.
//!
//! *Owns* the units, and the longest span that may be typed.
//! *Knows nothing of* what lasts that long.
//! *Called by* `command` and whoever tells people how long something lasts.

use std::time::Duration;

/// Longest span that may be typed, in seconds: a leap year. Whoever means for ever should say so.
const MAX_SECONDS: u64 = 366 * DAY;

const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 60 * MINUTE;
const MINUTE: u64 = 60;

/// Units from the largest, in seconds, as words.
const UNITS: [(u64, &str); 4] = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")];

/// Reads one whole number and one unit: `30s`, `10m`, `2h`, `7d`, in either case. `None` for anything else, for zero,
/// and for more than 366 days.
pub fn parse(text: &str) -> Option<Duration> {
    let (at, unit) = text.char_indices().next_back()?;
    let seconds = match unit.to_ascii_lowercase() {
        's' => 1,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    let digits = text.get(..at)?;
    // `u64::from_str` takes a plus sign too.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let total = digits.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=MAX_SECONDS).contains(&total).then(|| Duration::from_secs(total))
}

/// A span in words: its two largest units that are not zero, such as `1 hour 30 minutes`. A started second counts whole,
/// so that nobody is told to wait `0 seconds`; what is smaller than the two units is left out.
pub fn told(span: Duration) -> String {
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

/// Reads `[duration] [reason]`: nothing given is for ever, and for no reason. `None` for what is like a duration and is
/// none: it would be for ever.
pub fn lasts_and_reason(text: &str) -> Option<(Option<Duration>, &str)> {
    let (first, after) = text.split_once(' ').unwrap_or((text, ""));
    match parse(first) {
        Some(lasts) => Some((Some(lasts), after.trim())),
        None if first.starts_with(|c: char| c.is_ascii_digit()) => None,
        None => Some((None, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_number_and_a_unit_are_a_span_in_either_case() {
        for (text, expected) in [
            ("30s", 30),
            ("10m", 600),
            ("2h", 7_200),
            ("7d", 604_800),
            ("1D", 86_400),
            ("007M", 420),
            ("366d", MAX_SECONDS),
        ] {
            assert_eq!(parse(text), Some(seconds(expected)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_none() {
        let wrong = "|s|10|0s|000d|1.5h|-1m|+1m|1 m| 1m|1m |1h30m|10min|10w|٣s|1ſ|367d|8785h|99999999999999999999s";
        for text in wrong.split('|').chain(["18446744073709551615d", "mm", "m", "字"]) {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
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
            assert_eq!(told(seconds(span)), expected);
        }
    }

    #[test]
    fn a_started_second_counts_whole() {
        assert_eq!(told(Duration::from_nanos(1)), "1 second");
        assert_eq!(told(Duration::from_millis(59_001)), "1 minute");
        assert_eq!(told(Duration::MAX), "213503982334601 days 7 hours");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_typed_in_any_unit_is_read_back(count in 1_u64..=366, unit in 0_usize..4) {
            let (size, word) = UNITS[unit];
            let span = seconds(count * size);
            let letter = word.get(..1).expect("a letter");
            prop_assert_eq!(parse(&format!("{count}{letter}")), Some(span));
            prop_assert_eq!(parse(&format!("{count}{}", letter.to_ascii_uppercase())), Some(span));
        }

        #[test]
        fn no_text_is_too_strange_to_be_read(text in any::<String>()) {
            prop_assert!(parse(&text).is_none_or(|span| span >= seconds(1) && span <= seconds(MAX_SECONDS)));
        }

        #[test]
        fn what_is_told_adds_up_to_the_span_but_for_what_is_left_out(span in 0_u64..MAX_SECONDS * 2) {
            let words = told(seconds(span));
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
    fn a_duration_and_a_reason_may_both_be_missing_but_what_is_like_a_duration_must_be_one() {
        for (text, expected) in [
            ("", Some((None, ""))),
            ("2h", Some((Some(seconds(7_200)), ""))),
            ("2h  spam again ", Some((Some(seconds(7_200)), "spam again"))),
            ("spam 2h", Some((None, "spam 2h"))),
            ("0m", None),
            ("2hours spam", None),
        ] {
            assert_eq!(lasts_and_reason(text), expected, "{text}");
        }
    }
}
