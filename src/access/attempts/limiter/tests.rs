//! The counts with times as arguments; where attempts wait for each other, with threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::access::attempts::Attempter;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;

const SECOND: Duration = Duration::from_secs(1);
const STAFF: &str = "staff";

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn guest(number: u64) -> Attempter {
    Attempter::Connection(ClientId(number))
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

impl<T: Clone + Eq + Hash> AttemptCounts<T> {
    /// How long an attempt has to wait.
    fn left(&self, attempt: &Attempt<T>, now: Instant) -> Option<Duration> {
        match self.check(attempt, now) {
            Err(AttemptError::Waiting(left)) => Some(left),
            Err(AttemptError::Undecided) | Ok(()) => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.users.len() + self.addresses.len() == 0
    }

    /// An attempt that turns out wrong at once; whether there is a wait then.
    fn fail(&mut self, attempt: &Attempt<T>, now: Instant) -> Result<bool, AttemptError> {
        self.begin(attempt, now)?;
        Ok(self.wrong(attempt, now))
    }
}

mod of_rooms {
    use super::*;

    fn counts() -> AttemptCounts<&'static str> {
        AttemptCounts::new(AttemptPolicy::PER_USER_AND_ADDRESS, 64)
    }

    fn at_staff(who: Attempter, last: u8) -> Attempt<&'static str> {
        Attempt::new(who, address(last), STAFF)
    }

    #[test]
    fn three_wrong_ones_make_their_connection_wait_and_nobody_else_behind_its_address() {
        let mut now = Instant::now();
        let mut attempts = counts();
        let one = at_staff(guest(1), 1);
        for wait in [None, None, seconds(10), seconds(20), seconds(40)] {
            assert_eq!(attempts.fail(&one, now), Ok(wait.is_some()));
            assert_eq!(attempts.left(&one, now), wait);
            assert_eq!(attempts.left(&at_staff(guest(2), 1), now), None);
            assert_eq!(attempts.left(&Attempt::new(guest(1), address(1), "games"), now), None);
            now += wait.unwrap_or_default();
        }
    }

    #[test]
    fn thirty_wrong_ones_make_their_address_wait_however_many_connections_they_came_on() {
        let now = Instant::now();
        let mut attempts = counts();
        for number in 0..30 {
            let one = at_staff(guest(number), 1);
            assert_eq!(attempts.left(&one, now), None, "{number}");
            assert_eq!(attempts.fail(&one, now), Ok(number == 29));
        }
        assert_eq!(attempts.left(&at_staff(guest(99), 1), now), seconds(10));
        assert_eq!(attempts.left(&at_staff(guest(99), 2), now), None);
        let later = now + SECOND * 10;
        assert_eq!(attempts.left(&at_staff(guest(99), 1), later), None);
        assert_eq!(attempts.fail(&at_staff(guest(99), 1), later), Ok(true));
        assert_eq!(attempts.left(&at_staff(guest(98), 1), later), seconds(20));
    }

    #[test]
    fn an_account_waits_on_every_connection_and_at_every_address() {
        let now = Instant::now();
        let mut attempts = counts();
        let alice = Attempter::Account(AccountId(7));
        for last in 1..=3 {
            assert_eq!(attempts.fail(&at_staff(alice, last), now), Ok(last == 3));
        }
        for last in 1..=4 {
            assert_eq!(attempts.left(&at_staff(alice, last), now), seconds(10));
            assert_eq!(attempts.left(&at_staff(guest(1), last), now), None);
        }
    }

    #[test]
    fn a_user_who_mistypes_and_then_gets_in_leaves_nothing_behind_and_takes_nothing_from_others_counts() {
        let mut now = Instant::now();
        let mut attempts = counts();
        for number in 0..29 {
            assert!(attempts.fail(&at_staff(guest(number), 1), now).is_ok());
        }
        for round in 0..50 {
            let last = at_staff(guest(100 + round), 1);
            assert_eq!(attempts.fail(&last, now), Ok(true));
            // The thirtieth: the address waits. Later it turns out that it was a slip.
            now += SECOND * 10;
            assert_eq!(attempts.begin(&last, now), Ok(()));
            attempts.right(&last);
            assert_eq!(attempts.left(&last, now - SECOND * 10), None);
        }
        let right = at_staff(guest(200), 1);
        assert_eq!(attempts.begin(&right, now), Ok(()));
        attempts.right(&right);
        assert_eq!(attempts.fail(&at_staff(guest(0), 1), now), Ok(true));
        assert_eq!(attempts.left(&at_staff(guest(201), 1), now), seconds(10), "twenty-nine others were wrong");
    }

    #[test]
    fn a_crowd_at_one_address_has_as_many_attempts_at_once_as_are_free_and_one_at_a_time_after_a_wait() {
        let now = Instant::now();
        let mut attempts = counts();
        let begun: Vec<_> = (0..100).map(|number| at_staff(guest(number), 1)).collect();
        let many = begun.iter().filter(|one| attempts.begin(one, now).is_ok()).count();
        assert_eq!(many, 30);
        assert_eq!(attempts.begin(&begun[30], now), Err(AttemptError::Undecided));
        assert_eq!(attempts.begin(&at_staff(guest(30), 2), now), Ok(()), "from elsewhere");
        // One that was right makes room for another, one that was wrong does not.
        attempts.right(&begun[0]);
        assert_eq!(attempts.begin(&begun[30], now), Ok(()));
        attempts.wrong(&begun[1], now);
        assert_eq!(attempts.begin(&begun[31], now), Err(AttemptError::Undecided));
        (2..=30).for_each(|number| {
            attempts.wrong(&begun[number], now);
        });
        assert_eq!(attempts.left(&begun[31], now), seconds(10));
        let later = now + SECOND * 10;
        assert_eq!(begun[31..].iter().filter(|one| attempts.begin(one, later).is_ok()).count(), 1);
    }

    #[test]
    fn failures_are_forgotten_after_an_hour() {
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        for (pause, wait) in [(hour - SECOND, true), (hour, false)] {
            let mut attempts = counts();
            for _ in 0..2 {
                assert_eq!(attempts.fail(&at_staff(guest(1), 1), now), Ok(false));
            }
            assert_eq!(attempts.fail(&at_staff(guest(1), 1), now + pause), Ok(wait));
        }
    }

    #[test]
    fn right_passwords_at_once_all_get_in_and_never_more_of_an_address_at_a_time_than_are_free() {
        let limiter = AttemptLimiter::new(AttemptPolicy::PER_USER_AND_ADDRESS, 64);
        let now = Instant::now();
        let (pending, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..100 {
                let (limiter, pending, most) = (&limiter, &pending, &most);
                scope.spawn(move || {
                    let attempt = limiter.begin(at_staff(guest(number), 1), now).expect("an attempt");
                    most.fetch_max(pending.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    pending.fetch_sub(1, Ordering::SeqCst);
                    attempt.right();
                });
            }
        });
        assert!(most.into_inner() <= 30);
        assert!(limiter.is_empty());
    }

    #[test]
    fn wrong_passwords_at_once_are_no_more_attempts_than_one_after_the_other() {
        let limiter = AttemptLimiter::new(AttemptPolicy::PER_USER_AND_ADDRESS, 64);
        let now = Instant::now();
        let compared = AtomicUsize::new(0);
        thread::scope(|scope| {
            for number in 0..100 {
                let (limiter, compared) = (&limiter, &compared);
                scope.spawn(move || {
                    // An attempt that waits too long for the others is refused as well.
                    let Ok(attempt) = limiter.begin(at_staff(guest(number), 1), now) else { return };
                    compared.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    attempt.wrong(now + SECOND * 600);
                });
            }
        });
        assert_eq!(compared.into_inner(), 30);
    }

    #[test]
    fn an_attempt_waits_for_others_to_be_decided_and_gives_up_in_the_end() {
        let limiter = AttemptLimiter::new(AttemptPolicy::per_attempter(1, SECOND * 10), 64);
        let now = Instant::now();
        let first = limiter.begin(at_staff(guest(1), 1), now).expect("an attempt");
        let refused = limiter.begin_within(at_staff(guest(1), 1), now, Duration::from_millis(1));
        assert_eq!(refused.err(), Some(AttemptError::Undecided));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| limiter.begin(at_staff(guest(1), 1), now).is_ok());
            drop(first);
            assert!(waiting.join().expect("joined"), "what was never compared does not count");
        });
        assert!(limiter.is_empty());
    }

    #[test]
    fn an_attempt_lost_in_a_panic_does_not_count() {
        let limiter = AttemptLimiter::new(AttemptPolicy::per_attempter(1, SECOND * 10), 64);
        let now = Instant::now();
        let panicking = thread::scope(|scope| {
            let lost = scope.spawn(|| {
                let _pending = limiter.begin(at_staff(guest(1), 1), now).expect("an attempt");
                panic!("as planned");
            });
            lost.join()
        });
        assert!(panicking.is_err() && limiter.is_empty());
    }
}

mod of_accounts {
    use super::*;

    const BLOCK: Duration = Duration::from_secs(10);
    const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

    type Logins = AttemptCounts<UserName>;

    fn key(name: &str, address: &str) -> Attempt<UserName> {
        let name = UserName::parse(name, 1, 32).expect("a name");
        Attempt::from_address(address.parse().expect("an address"), name)
    }

    fn bob() -> Attempt<UserName> {
        key("bob", "192.0.2.1")
    }

    fn allowing(attempts: u32, capacity: usize) -> Logins {
        AttemptCounts::new(AttemptPolicy::per_attempter(attempts, BLOCK), capacity)
    }

    fn logins(capacity: usize) -> Logins {
        allowing(3, capacity)
    }

    fn failed_out(now: Instant) -> Logins {
        let mut logins = logins(8);
        for blocked in [false, false, true] {
            assert_eq!(logins.fail(&bob(), now), Ok(blocked));
        }
        logins
    }

    #[test]
    fn the_last_attempt_allowed_blocks_and_the_next_is_refused_without_counting() {
        let now = Instant::now();
        let mut logins = failed_out(now);
        assert_eq!(logins.left(&bob(), now), Some(BLOCK));
        for second in 0..10 {
            let left = BLOCK - SECOND * second;
            assert_eq!(logins.fail(&bob(), now + SECOND * second), Err(AttemptError::Waiting(left)));
        }
        assert_eq!(logins.left(&bob(), now + BLOCK), None);
    }

    #[test]
    fn after_a_block_each_wrong_attempt_blocks_for_twice_as_long_up_to_a_quarter_of_an_hour() {
        let mut now = Instant::now();
        let mut logins = failed_out(now);
        for seconds in [10, 20, 40, 80, 160, 320, 640, 900, 900, 900] {
            let block = Duration::from_secs(seconds);
            assert_eq!(logins.left(&bob(), now), Some(block));
            assert!(logins.begin(&bob(), now + block - SECOND).is_err());
            now += block;
            assert_eq!(logins.fail(&bob(), now), Ok(true));
        }
    }

    #[test]
    fn a_right_password_forgets_all_wrong_ones() {
        let now = Instant::now();
        let mut logins = failed_out(now);
        let later = now + BLOCK;
        assert_eq!(logins.begin(&bob(), later), Ok(()));
        logins.right(&bob());
        assert!(logins.is_empty());
        for blocked in [false, false, true] {
            assert_eq!(logins.fail(&bob(), later), Ok(blocked));
        }
        assert_eq!(logins.left(&bob(), later), Some(BLOCK));
    }

    #[test]
    fn connections_that_try_at_once_get_no_more_attempts_than_one() {
        let now = Instant::now();
        let mut logins = logins(8);
        let begun = (0..100).filter(|_| logins.begin(&bob(), now).is_ok()).count();
        assert_eq!(begun, 3);
        for _ in 0..begun {
            assert_eq!(logins.begin(&bob(), now), Err(AttemptError::Undecided));
            assert!(logins.wrong(&bob(), now));
        }
        assert_eq!(logins.begin(&bob(), now), Err(AttemptError::Waiting(BLOCK)));
        let later = now + BLOCK;
        let begun = (0..100).filter(|_| logins.begin(&bob(), later).is_ok()).count();
        assert_eq!(begun, 1);
    }

    #[test]
    fn the_right_one_among_attempts_at_once_leaves_no_block_and_no_failure() {
        let now = Instant::now();
        let mut logins = logins(8);
        for _ in 0..3 {
            assert_eq!(logins.begin(&bob(), now), Ok(()));
        }
        logins.right(&bob());
        assert_eq!(logins.left(&bob(), now), None);
        assert!(!logins.wrong(&bob(), now), "the count has begun again");
        assert_eq!(logins.begin(&bob(), now), Ok(()));
    }

    #[test]
    fn a_block_lasts_from_the_answer_however_long_the_comparison_took() {
        let now = Instant::now();
        let mut logins = allowing(1, 8);
        assert_eq!(logins.begin(&bob(), now), Ok(()));
        let late = now + BLOCK * 2;
        assert!(logins.wrong(&bob(), late));
        assert_eq!(logins.left(&bob(), late), Some(BLOCK));
    }

    #[test]
    fn an_attempt_that_was_never_compared_does_not_count() {
        let now = Instant::now();
        let mut logins = logins(8);
        for _ in 0..10 {
            assert_eq!(logins.begin(&bob(), now), Ok(()));
            logins.withdraw(&bob());
        }
        assert!(logins.is_empty());
        for _ in 0..3 {
            assert_eq!(logins.begin(&bob(), now), Ok(()));
        }
        assert_eq!(logins.begin(&bob(), now), Err(AttemptError::Undecided));
        logins.withdraw(&bob());
        assert_eq!(logins.fail(&bob(), now), Ok(true), "the others may be wrong too");
        assert!(logins.wrong(&bob(), now) && logins.wrong(&bob(), now));
        assert_eq!(logins.left(&bob(), now), Some(BLOCK), "it is the first block and not the second");
        // After a block too: it stays over, and the next one is no longer than it would have been.
        let later = now + BLOCK;
        assert_eq!(logins.begin(&bob(), later), Ok(()));
        logins.withdraw(&bob());
        assert_eq!(logins.fail(&bob(), later), Ok(true));
        assert_eq!(logins.left(&bob(), later), Some(BLOCK * 2));
    }

    #[test]
    fn names_count_without_regard_to_case_and_addresses_as_everywhere() {
        let now = Instant::now();
        let logins = failed_out(now);
        for same in [key("BOB", "192.0.2.1"), key("bob", "::ffff:192.0.2.1")] {
            assert_eq!(logins.left(&same, now), Some(BLOCK));
        }
        for other in [key("bob", "192.0.2.2"), key("alice", "192.0.2.1")] {
            assert_eq!(logins.left(&other, now), None);
        }
        assert_eq!(key("bob", "2001:db8::1"), key("bob", "2001:db8::2"));
    }

    #[test]
    fn wrong_attempts_are_forgotten_a_quarter_of_an_hour_after_the_last() {
        let now = Instant::now();
        for (pause, blocked) in [(FORGOTTEN_AFTER - SECOND, true), (FORGOTTEN_AFTER, false)] {
            let mut logins = logins(8);
            for _ in 0..2 {
                assert_eq!(logins.fail(&bob(), now), Ok(false));
            }
            assert_eq!(logins.fail(&bob(), now + pause), Ok(blocked));
        }
    }

    #[test]
    fn blocks_are_forgotten_a_quarter_of_an_hour_after_their_end() {
        let now = Instant::now();
        let end = now + BLOCK;
        assert_eq!(failed_out(now).fail(&bob(), end + FORGOTTEN_AFTER - SECOND), Ok(true));
        assert_eq!(failed_out(now).fail(&bob(), end + FORGOTTEN_AFTER), Ok(false));
    }

    #[test]
    fn one_attempt_allowed_means_each_wrong_one_blocks() {
        let now = Instant::now();
        let mut logins = allowing(1, 8);
        assert_eq!(logins.begin(&bob(), now), Ok(()));
        assert!(logins.wrong(&bob(), now));
    }

    #[test]
    fn another_policy_holds_from_the_next_attempt_on() {
        let now = Instant::now();
        let mut logins = logins(8);
        assert_eq!(logins.fail(&bob(), now), Ok(false));
        logins.policy = AttemptPolicy::per_attempter(2, BLOCK * 3);
        assert_eq!(logins.fail(&bob(), now), Ok(true));
        assert_eq!(logins.left(&bob(), now), Some(BLOCK * 3));
    }

    #[test]
    fn the_table_never_outgrows_its_bound_and_entries_with_a_block_go_last() {
        let now = Instant::now();
        let mut logins = logins(4);
        for _ in 0..3 {
            assert!(logins.fail(&bob(), now).is_ok());
        }
        for n in 0..100_u8 {
            let later = now + Duration::from_millis(n.into());
            assert_eq!(logins.fail(&key("carol", &format!("192.0.2.{n}")), later), Ok(false));
            assert!(logins.users.len() <= 4);
        }
        assert!(logins.left(&bob(), now).is_some());
        for n in [97, 98, 99] {
            assert!(logins.users.get(&UserKey(key("carol", &format!("192.0.2.{n}")))).is_some(), "{n}");
        }
    }

    #[test]
    fn a_user_who_fills_the_table_with_names_pushes_out_their_own_and_stays_blocked() {
        let now = Instant::now();
        let mut logins = logins(64);
        for address in ["192.0.2.1", "192.0.2.2"] {
            for _ in 0..3 {
                assert!(logins.fail(&key("alice", address), now).is_ok());
            }
        }
        for n in 0..4096 {
            // Later than the others' block began, and before it is over.
            let later = now + Duration::from_millis(n);
            assert_eq!(logins.fail(&key(&format!("nobody{n}"), "192.0.2.1"), later), Ok(false));
        }
        assert_eq!(logins.users.len(), 64);
        for address in ["192.0.2.1", "192.0.2.2"] {
            assert!(logins.left(&key("alice", address), now).is_some(), "{address}");
        }
    }

    #[test]
    fn where_all_are_blocked_the_oldest_goes() {
        let now = Instant::now();
        let mut logins = allowing(1, 2);
        for (second, name) in ["a", "b", "c"].into_iter().enumerate() {
            let at = now + SECOND * second as u32;
            assert_eq!(logins.fail(&key(name, "192.0.2.1"), at), Ok(true));
        }
        let blocked = |name| logins.left(&key(name, "192.0.2.1"), now).is_some();
        assert_eq!(["a", "b", "c"].map(blocked), [false, true, true]);
    }

    #[test]
    fn an_undecided_attempt_is_not_forgotten_however_full_the_table_is() {
        let now = Instant::now();
        let mut logins = allowing(1, 2);
        for name in ["a", "b", "c"] {
            assert_eq!(logins.begin(&key(name, "192.0.2.1"), now), Ok(()));
        }
        for name in ["a", "b", "c"] {
            assert!(logins.wrong(&key(name, "192.0.2.1"), now), "{name}");
        }
        assert_eq!(logins.fail(&key("d", "192.0.2.1"), now), Ok(true));
        assert_eq!(logins.users.len(), 2, "the table is as small as before");
    }

    #[test]
    fn forgotten_failures_make_room_before_anything_else_goes() {
        let now = Instant::now();
        let mut logins = logins(2);
        assert_eq!(logins.fail(&key("old", "192.0.2.1"), now), Ok(false));
        let later = now + FORGOTTEN_AFTER;
        assert_eq!(logins.fail(&key("a", "192.0.2.1"), later - SECOND), Ok(false));
        assert_eq!(logins.fail(&key("b", "192.0.2.1"), later), Ok(false));
        assert!(logins.users.get(&UserKey(key("a", "192.0.2.1"))).is_some() && logins.users.len() == 2);
    }
}

#[cfg(feature = "cluster")]
mod shared {
    use std::sync::Mutex;

    use super::*;
    use crate::access::attempts::{AttemptCount, AttemptStep, SharedAnswer, SharedAttempts};

    /// Gives preset answers, and remembers the questions.
    #[derive(Debug, Default)]
    struct Script {
        answers: Mutex<Vec<Option<SharedAnswer>>>,
        asked: Mutex<Vec<(AttemptStep, Vec<String>)>>,
    }

    impl SharedAttempts for Script {
        fn step(&self, step: AttemptStep, counts: &[AttemptCount], _: Duration) -> Option<SharedAnswer> {
            let keys = counts.iter().map(|count| count.key.clone()).collect();
            self.asked.lock().expect("no panic").push((step, keys));
            let mut answers = self.answers.lock().expect("no panic");
            if answers.is_empty() { None } else { answers.remove(0) }
        }
    }

    fn limiter(answers: &[Option<SharedAnswer>]) -> (AttemptLimiter<&'static str>, Arc<Script>) {
        let script = Arc::new(Script { answers: Mutex::new(answers.to_vec()), asked: Mutex::default() });
        let limiter = AttemptLimiter::new(AttemptPolicy::PER_USER_AND_ADDRESS, 64);
        limiter.share("room", script.clone());
        (limiter, script)
    }

    fn attempt() -> Attempt<&'static str> {
        Attempt::new(guest(7), [192, 0, 2, 1].into(), "vip")
    }

    #[test]
    fn where_several_servers_count_they_decide_and_this_one_counts_nothing() {
        let counted = |blocked| Some(SharedAnswer::Counted { blocked });
        let waits = Some(SharedAnswer::Waiting(Duration::from_secs(9)));
        let answers =
            [counted(false), counted(true), waits, Some(SharedAnswer::Undecided), counted(false), counted(false)];
        let (limiter, script) = limiter(&answers);
        let now = Instant::now();
        assert!(limiter.begin(attempt(), now).expect("allowed").wrong(now));
        assert_eq!(limiter.begin(attempt(), now).err(), Some(AttemptError::Waiting(Duration::from_secs(9))));
        // Another server has one under way, so it asks again.
        limiter.begin(attempt(), now).expect("allowed").right();
        assert!(limiter.is_empty());
        let asked = script.asked.lock().expect("no panic");
        let steps: Vec<_> = asked.iter().map(|(step, _)| *step).collect();
        use AttemptStep::{Begin, Right, Wrong};
        assert_eq!(steps, [Begin, Wrong, Begin, Begin, Begin, Right]);
        assert_eq!(asked[0].1, ["c7:room.vip", "all.192.0.2.1:room.vip"]);
    }

    #[test]
    fn attempts_that_cannot_be_counted_there_are_counted_here() {
        let (limiter, _) = limiter(&[]);
        let now = Instant::now();
        for last in [false, false, true] {
            assert_eq!(limiter.begin(attempt(), now).expect("allowed").wrong(now), last);
        }
        assert!(limiter.wait_left(&attempt(), now).is_some());
    }

    #[test]
    fn a_failure_that_cannot_be_told_to_the_others_counts_here() {
        let (limiter, _) = limiter(&[Some(SharedAnswer::Counted { blocked: false })]);
        let now = Instant::now();
        assert!(!limiter.begin(attempt(), now).expect("allowed").wrong(now));
        assert!(!limiter.is_empty());
    }
}
