//! The exit code, printed at start: a user who gives it stops the server.
//!
//! *Owns* how the code is made and compared, and how often it may be guessed. Pure except for the system's random
//! generator. *Knows nothing of* commands, of printing and of stopping.

use std::fmt;
use std::time::Duration;

use super::attempts::{AttemptPolicy, Backoff, Schedule};
use crate::chat::secret::Secret;

/// These are easy to find on every keyboard and need no modifier key.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Characters of a code. [`GUESSES`] says how long ten of them last.
const LENGTH: usize = 10;

/// A dash is shown before this character.
const HALF: usize = LENGTH / 2;

/// The code of one run of the server. Only `Display` shows it, and that is for standard output, never for the log.
#[derive(Clone)]
pub struct ShutdownCode([u8; LENGTH]);

impl ShutdownCode {
    /// Makes a new code.
    ///
    /// # Errors
    ///
    /// The system's random generator fails.
    pub(crate) fn generate() -> Result<ShutdownCode, getrandom::Error> {
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

    /// Whether this is the code, in upper or lower case. The dash is optional, and blanks around the code are ignored.
    ///
    /// The time taken depends only on `given`.
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

/// A random byte as a character. `None` for the last few bytes, which would make the first characters likelier than the
/// others: 256 is not a multiple of 36.
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
        f.write_str("ShutdownCode(..)")
    }
}

/// How often the code may be guessed.
///
/// A user and an address may fail as often as at the password of a room. Everyone together has one try a second, which
/// is faster than anybody types. After 100 wrong tries, more than people mistype, it is one in 5 minutes, from however
/// many addresses.
///
/// There are 36^10 = 3.66e15 codes. The first 100 tries take a hundred seconds; at one per 5 minutes all the others take
/// 3.66e15 x 300 s = 1.1e18 s, which is 3.5e10 years, and half of that on average; the universe is 1.4e10 years old.
///
/// The price: someone who keeps guessing can block the user who knows the code. But anyone who can read the server's
/// standard output can also stop it with a signal.
pub(crate) const GUESSES: AttemptPolicy = AttemptPolicy {
    everyone: Some(Backoff {
        attempts: 1,
        schedule: Schedule::Paced { early: Duration::from_secs(1), patience: 100, late: Duration::from_secs(5 * 60) },
    }),
    ..AttemptPolicy::PER_USER_AND_ADDRESS
};

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::access::attempts::{Attempt, AttemptError, AttemptLimiter, Attempter};
    use crate::chat::message::ClientId;

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
    fn all_characters_are_equally_likely() {
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
        assert_eq!(format!("{:?} {:#?}", code(), Some(code())), "ShutdownCode(..) Some(\n    ShutdownCode(..),\n)");
    }

    /// An attempt from a separate connection and address.
    fn guess(number: u8) -> Attempt<()> {
        Attempt::new(Attempter::Connection(ClientId(number.into())), [192, 0, 2, number].into(), ())
    }

    fn guesses() -> AttemptLimiter<()> {
        AttemptLimiter::new(GUESSES, 4096)
    }

    fn wait(guesses: &AttemptLimiter<()>, number: u8, now: Instant) -> Option<Duration> {
        guesses.wait_left(&guess(number), now)
    }

    /// Whether the try was let through; it was wrong then.
    fn fail(guesses: &AttemptLimiter<()>, number: u8, now: Instant) -> bool {
        let begun = guesses.begin(guess(number), now);
        begun.is_ok_and(|attempt| attempt.wrong(now))
    }

    #[test]
    fn one_try_a_second_over_all_connections() {
        let now = Instant::now();
        let guesses = guesses();
        let first = guesses.begin(guess(1), now).expect("the first try");
        assert!(first.wrong(now));
        // Another user at the same moment.
        assert_eq!(guesses.begin(guess(2), now).err(), Some(AttemptError::Waiting(SECOND)));
        assert_eq!(wait(&guesses, 2, now + SECOND / 4), Some(SECOND * 3 / 4));
        // The refusal did not extend the wait.
        assert!(fail(&guesses, 2, now + SECOND));
    }

    #[test]
    fn a_second_simultaneous_try_waits_for_the_outcome_of_the_first() {
        let now = Instant::now();
        let guesses = guesses();
        let first = guesses.begin(guess(1), now).expect("the first try");
        let impatient = guesses.begin_within(guess(2), now, Duration::ZERO);
        assert_eq!(impatient.err(), Some(AttemptError::Undecided), "it is not known yet whether there is a wait");
        thread::scope(|scope| {
            let second = scope.spawn(|| guesses.begin(guess(2), now).err());
            first.wrong(now);
            let refused = second.join().expect("joined");
            assert!(matches!(refused, Some(AttemptError::Waiting(left)) if left <= SECOND), "{refused:?}");
        });
    }

    #[test]
    fn after_a_hundred_wrong_tries_one_in_five_minutes_for_good() {
        let mut now = Instant::now();
        let guesses = guesses();
        for number in 0..99 {
            assert!(fail(&guesses, number, now));
            assert_eq!(wait(&guesses, 200, now), Some(SECOND));
            now += SECOND;
        }
        for number in 100..150 {
            assert!(fail(&guesses, number, now));
            assert_eq!(wait(&guesses, 200, now + SECOND), Some(FIVE_MINUTES - SECOND));
            now += FIVE_MINUTES;
        }
        // Hours without a try do not reset the count.
        now += FIVE_MINUTES * 1000;
        assert!(fail(&guesses, 201, now));
        assert_eq!(wait(&guesses, 202, now), Some(FIVE_MINUTES));
    }

    #[test]
    fn a_wrong_try_told_late_does_not_cut_the_pause_of_the_next_one_short() {
        let now = Instant::now();
        let guesses = guesses();
        let late = guesses.begin(guess(1), now).expect("a try");
        assert!(late.wrong(now + SECOND));
        assert_eq!(wait(&guesses, 2, now + SECOND), Some(SECOND));
        let next = guesses.begin(guess(2), now + SECOND * 2).expect("a try");
        assert!(next.wrong(now));
        assert_eq!(wait(&guesses, 3, now + SECOND), Some(SECOND));
    }

    #[test]
    fn a_clock_that_reads_earlier_than_the_last_try_makes_the_wait_longer() {
        let now = Instant::now() + FIVE_MINUTES;
        let guesses = guesses();
        assert!(fail(&guesses, 1, now));
        assert_eq!(wait(&guesses, 2, now - SECOND), Some(SECOND * 2));
    }

    #[test]
    fn a_connection_and_an_address_wait_as_at_the_password_of_a_room() {
        let mut now = Instant::now();
        let guesses = guesses();
        let address = [192, 0, 2, 1].into();
        let from = |number: u64| Attempt::new(Attempter::Connection(ClientId(number)), address, ());
        for number in 0..30 {
            assert_eq!(guesses.wait_left(&from(number / 3), now), None);
            guesses.begin(from(number / 3), now).expect("a try").wrong(now);
            now += SECOND;
        }
        assert_eq!(guesses.wait_left(&from(99), now), Some(SECOND * 9));
        assert_eq!(wait(&guesses, 2, now), None);
    }
}
