//! The exit code: printed at start, and whoever gives it stops the server.
//!
//! *Owns* its making, its comparison, and how often it may be guessed at. Pure but for the system's random generator:
//! `now` is an argument.
//! *Knows nothing of* commands, of printing and of stopping.
//! *Called by* `server` at start, by `session` when somebody gives one; `hub` keeps both.

use std::fmt;
use std::time::{Duration, Instant};

use crate::chat::secret::Secret;

/// Nothing in it has to be shifted or looked for on any keyboard.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Characters of a code. See [`Guesses`] for what ten of them are good for.
const LENGTH: usize = 10;

/// Where the dash stands.
const HALF: usize = LENGTH / 2;

/// The code of one run of the server. Only `Display` shows it, which is for standard output and never for the log.
#[derive(Clone)]
pub struct ShutdownCode([u8; LENGTH]);

impl ShutdownCode {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When the system's random generator gives nothing.
    pub fn generate() -> Result<ShutdownCode, getrandom::Error> {
        let mut code = [0; LENGTH];
        let mut filled = 0;
        while filled < LENGTH {
            let mut random = [0; 2 * LENGTH];
            getrandom::fill(&mut random)?;
            for (place, character) in code[filled..].iter_mut().zip(random.into_iter().filter_map(character)) {
                *place = character;
                filled += 1;
            }
        }
        Ok(ShutdownCode(code))
    }

    /// Whether this is the code. Small letters count as capitals, the dash and blanks around may be there or not.
    ///
    /// The time taken depends on what was given alone.
    pub fn matches(&self, given: &str) -> bool {
        let mut given = given.trim().to_ascii_uppercase();
        if given.as_bytes().get(HALF) == Some(&b'-') {
            given.remove(HALF);
        }
        Secret::new(&self.halves().concat()).is_some_and(|code| code.matches(&given))
    }

    fn halves(&self) -> [String; 2] {
        let (first, second) = self.0.split_at(HALF);
        [first, second].map(|half| half.iter().copied().map(char::from).collect())
    }
}

/// A random byte as a character, or `None` for the few bytes at the end that would make the first characters likelier
/// than the others: 256 is no multiple of 36.
fn character(random: u8) -> Option<u8> {
    const WHOLE: usize = 256 / ALPHABET.len() * ALPHABET.len();
    let random = usize::from(random);
    (random < WHOLE).then(|| ALPHABET[random % ALPHABET.len()])
}

impl fmt::Display for ShutdownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.halves().join("-"))
    }
}

impl fmt::Debug for ShutdownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExitCode(..)")
    }
}

/// Between two tries, over all connections. Nobody types faster.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Wrong tries in the life of the server before the long wait. More than people mistype, nothing to somebody who guesses.
const PATIENT_TRIES: u32 = 100;

/// Between two tries after that.
const BETWEEN_LATER_TRIES: Duration = Duration::from_secs(5 * 60);

/// How often the code may be guessed at, by all connections together: no number of addresses makes it faster.
///
/// There are 36^10 = 3.66e15 codes. The first 100 tries take a hundred seconds; at one per 5 minutes all the others take
/// 3.66e15 x 300 s = 1.1e18 s, which is 3.5e10 years, and half of that on average; the universe is 1.4e10 years old.
///
/// What it costs: whoever goes on guessing takes the turn of the one who knows the code. He then stops the server by a
/// signal, as he can always do who reads its standard output.
#[derive(Debug, Default)]
pub struct Guesses {
    wrong: u32,
    /// Nothing is compared before that moment; `None` before the first try.
    next: Option<Instant>,
}

impl Guesses {
    /// Asks for a turn to try one code, and takes it. To be asked before the code is looked at.
    ///
    /// # Errors
    ///
    /// How long to wait. The try is refused without a comparison, and the wait is not made longer by it.
    pub fn try_at(&mut self, now: Instant) -> Result<(), Duration> {
        let left = self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        if !left.is_zero() {
            return Err(left);
        }
        self.next = Some(now + self.pause());
        Ok(())
    }

    /// Notes that the code tried was wrong.
    pub fn wrong(&mut self, now: Instant) {
        self.wrong = self.wrong.saturating_add(1);
        // Somebody else may have had a turn since; his pause is not cut short.
        self.next = self.next.max(Some(now + self.pause()));
    }

    fn pause(&self) -> Duration {
        if self.wrong < PATIENT_TRIES { BETWEEN_TRIES } else { BETWEEN_LATER_TRIES }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    fn code() -> ShutdownCode {
        ShutdownCode(*b"0A9ZQ7K3XB")
    }

    #[test]
    fn a_code_is_ten_characters_of_the_alphabet_with_a_dash_in_the_middle() {
        assert_eq!(code().to_string(), "0A9ZQ-7K3XB");
        for _ in 0..100 {
            let shown = ShutdownCode::generate().unwrap().to_string();
            let (first, second) = shown.split_once('-').unwrap();
            for half in [first, second] {
                assert_eq!(half.len(), 5, "{shown}");
                assert!(half.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()), "{shown}");
            }
        }
    }

    #[test]
    fn two_codes_differ() {
        let codes: HashSet<_> = (0..100).map(|_| ShutdownCode::generate().unwrap().to_string()).collect();
        assert_eq!(codes.len(), 100);
    }

    #[test]
    fn every_character_comes_from_as_many_random_bytes_as_every_other() {
        let mut counts: HashMap<u8, u32> = HashMap::new();
        for made in (0..=u8::MAX).filter_map(character) {
            *counts.entry(made).or_default() += 1;
        }
        assert_eq!(counts.len(), 36);
        assert!(counts.values().all(|count| *count == 7), "{counts:?}");
        assert!(counts.keys().all(|made| ALPHABET.contains(made)));
    }

    #[test]
    fn all_characters_turn_up_in_all_places() {
        // A given character misses a given place of 2,000 codes once in 3e24 cases.
        let codes: Vec<_> = (0..2000).map(|_| ShutdownCode::generate().unwrap().0).collect();
        for place in 0..LENGTH {
            let seen: HashSet<_> = codes.iter().map(|code| code[place]).collect();
            assert_eq!(seen.len(), 36, "place {place}");
        }
    }

    #[test]
    fn case_dash_and_blanks_around_do_not_matter() {
        for right in ["0A9ZQ-7K3XB", "0A9ZQ7K3XB", "0a9zq-7k3xb", "0a9Zq7K3xb", "  0A9ZQ-7K3XB\t", " 0a9zq7k3xb "] {
            assert!(code().matches(right), "{right:?}");
        }
    }

    #[test]
    fn nothing_else_matches() {
        for wrong in [
            "",
            "-",
            "0A9ZQ",
            "0A9ZQ-",
            "0A9ZQ-7K3X",
            "0A9ZQ-7K3XC",
            "1A9ZQ-7K3XB",
            "0A9ZQ--7K3XB",
            "0A9ZQ 7K3XB",
            "0A9Z-Q7K3XB",
            "0A9ZQ-7K3XB0",
            "0A9ZQ7K3XB0A9ZQ7K3XB",
            "0A9ZQ\u{2013}7K3XB",
            "\u{17f}A9ZQ-7K3XB",
            "äöüäöüäöüä",
        ] {
            assert!(!code().matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn debug_output_shows_nothing_of_it() {
        assert_eq!(format!("{:?} {:#?}", code(), Some(code())), "ExitCode(..) Some(\n    ExitCode(..),\n)");
    }

    #[test]
    fn one_try_a_second_over_all_connections() {
        let now = Instant::now();
        let mut guesses = Guesses::default();
        assert_eq!(guesses.try_at(now), Ok(()));
        // Somebody else in the same moment, before it is known whether the first was right.
        assert_eq!(guesses.try_at(now), Err(SECOND));
        guesses.wrong(now);
        assert_eq!(guesses.try_at(now + SECOND / 4), Err(SECOND * 3 / 4));
        // The refusal has made nothing longer.
        assert_eq!(guesses.try_at(now + SECOND), Ok(()));
    }

    #[test]
    fn after_a_hundred_wrong_tries_one_in_five_minutes_for_ever() {
        let mut now = Instant::now();
        let mut guesses = Guesses::default();
        for _ in 0..99 {
            assert_eq!(guesses.try_at(now), Ok(()));
            guesses.wrong(now);
            assert_eq!(guesses.try_at(now), Err(SECOND));
            now += SECOND;
        }
        for _ in 0..50 {
            assert_eq!(guesses.try_at(now), Ok(()));
            guesses.wrong(now);
            assert_eq!(guesses.try_at(now + SECOND), Err(FIVE_MINUTES - SECOND));
            now += FIVE_MINUTES;
        }
        // Hours of quiet are not forgiveness.
        now += FIVE_MINUTES * 1000;
        assert_eq!(guesses.try_at(now), Ok(()));
        assert_eq!(guesses.try_at(now), Err(FIVE_MINUTES));
    }

    #[test]
    fn a_wrong_try_told_late_does_not_cut_the_pause_of_the_next_one_short() {
        let now = Instant::now();
        let mut guesses = Guesses::default();
        assert_eq!(guesses.try_at(now), Ok(()));
        assert_eq!(guesses.try_at(now + SECOND), Ok(()));
        guesses.wrong(now);
        assert_eq!(guesses.try_at(now + SECOND), Err(SECOND));
    }

    #[test]
    fn a_moment_before_the_last_try_waits_the_longer() {
        let now = Instant::now() + FIVE_MINUTES;
        let mut guesses = Guesses::default();
        assert_eq!(guesses.try_at(now), Ok(()));
        assert_eq!(guesses.try_at(now - SECOND), Err(SECOND * 2));
    }
}
