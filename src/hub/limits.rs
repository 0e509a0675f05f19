//! The limits that apply across all connections: failed attempts, rates, and memory held for users.
//!
//! *Owns* the tables, their bounds, and the numbers that the configuration does not set. *Knows nothing of* what is
//! compared, made or held.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::access::address::{address_key, network_key};
use crate::access::admission::Admission;
use crate::access::allowance::Allowance;
#[cfg(feature = "cluster")]
use crate::access::attempts::SharedAttempts;
use crate::access::attempts::{AttemptLimiter, AttemptPolicy};
use crate::access::rate::{Buckets, Rate};
use crate::access::shutdown_code;
use crate::chat::message::ClientId;
use crate::chat::names::{RoomName, UserName};
use crate::config::Config;
use crate::hub::timer::Author;

/// Most entries in a table by address. One takes about 100 bytes. When a table is full, an entry of the address with
/// most entries is evicted.
const TABLE_CAPACITY: usize = 4096;

/// Most bytes for the waiting lines of one connection, or the temporary messages of one author: many times what a
/// script sends before its first prompt, or a person needs.
const HELD_BY_ONE: usize = 64 * 1024;

/// The same in total. A thousand users at their limit fill it; the last part is reserved for others.
const HELD_BY_ALL: usize = 64 * 1024 * 1024;

/// Accounts that one address may create at once, and then per day. A household has fewer people, and larger groups are
/// created with `chatsock user`. An account takes about a kilobyte of disk, permanently.
const REGISTRATIONS: u32 = 5;
const REGISTRATION_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Account passwords that one address may try at once, over all names, and how many per minute after that. A household
/// mistypes less, and at ten a minute a guesser gets through 14,400 a day instead of millions.
const LOGINS: u32 = 20;
const LOGINS_PER_MINUTE: u32 = 10;

/// By how much an exempt address may try more: behind a tunnel or a proxy, everyone shares it.
const EXEMPT_TIMES: u32 = 10;

/// Counters and allowances of the whole server. Each is a leaf among the locks.
pub struct Limits {
    /// Wrong passwords of rooms, by user and address.
    pub(crate) room_passwords: AttemptLimiter<RoomName>,
    /// Wrong passwords of accounts, by name and address. Names without an account count as well, or a block would
    /// reveal which names exist.
    pub logins: AttemptLimiter<UserName>,
    /// Wrong exit codes, by user, by address and over all.
    pub shutdown_codes: AttemptLimiter<()>,
    /// Wrong tokens of file transfers, by address. They wait as wrong passwords of accounts do.
    pub(crate) file_tokens: AttemptLimiter<()>,
    /// Memory for lines that wait for their turn, by connection.
    pub(crate) waiting_lines: Arc<Allowance<ClientId>>,
    /// Memory for temporary messages, by author.
    pub temporary: Arc<Allowance<Author>>,
    /// Connections, by address.
    admission: Mutex<Admission>,
    /// Connections from proxies that have not named an address, by the proxy's address.
    pending_heads: Mutex<Admission>,
    /// Passwords of accounts tried, by network.
    login_rate: Mutex<Buckets<IpAddr>>,
    /// Accounts made, by address.
    registration_rate: Mutex<Buckets<IpAddr>>,
}

impl Limits {
    /// Starts with nothing counted.
    pub(crate) fn new(config: &Config) -> Limits {
        Limits {
            room_passwords: AttemptLimiter::new(AttemptPolicy::PER_USER_AND_ADDRESS, TABLE_CAPACITY),
            logins: AttemptLimiter::new(login_policy(config), TABLE_CAPACITY),
            file_tokens: AttemptLimiter::new(login_policy(config), TABLE_CAPACITY),
            shutdown_codes: AttemptLimiter::new(shutdown_code::GUESSES, TABLE_CAPACITY),
            waiting_lines: Allowance::new(HELD_BY_ONE, HELD_BY_ALL),
            temporary: Allowance::new(HELD_BY_ONE, HELD_BY_ALL),
            admission: Mutex::new(Admission::default()),
            pending_heads: Mutex::new(Admission::default()),
            login_rate: Mutex::new(Buckets::new(TABLE_CAPACITY)),
            registration_rate: Mutex::new(Buckets::new(TABLE_CAPACITY)),
        }
    }

    /// Counts failures in the cluster from now on.
    #[cfg(feature = "cluster")]
    pub(crate) fn share_attempts(&self, shared: &Arc<dyn SharedAttempts>) {
        self.room_passwords.share("room", Arc::clone(shared));
        self.logins.share("login", Arc::clone(shared));
        self.shutdown_codes.share("exit", Arc::clone(shared));
    }

    /// Applies the numbers of a new configuration. The counts stay.
    pub fn reconfigure(&self, config: &Config) {
        self.logins.set_policy(login_policy(config));
        self.file_tokens.set_policy(login_policy(config));
    }

    /// The table of connections by address.
    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of connections from proxies that have not named an address.
    pub(crate) fn pending_heads(&self) -> MutexGuard<'_, Admission> {
        self.pending_heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an account that is about to be made.
    ///
    /// # Errors
    ///
    /// How long its address has to wait, if it has made too many.
    pub(crate) fn count_registration(&self, address: IpAddr, config: &Config, now: Instant) -> Result<(), Duration> {
        let rate = Rate::new(REGISTRATIONS, REGISTRATIONS, REGISTRATION_PERIOD);
        let Some(rate) = rate.filter(|_| !config.is_exempt(address)) else { return Ok(()) };
        let mut registrations = self.registration_rate.lock().unwrap_or_else(PoisonError::into_inner);
        registrations.take(address_key(address), rate, now)
    }

    /// Counts an attempt at any account's password, before it is compared.
    ///
    /// # Errors
    ///
    /// How long its address has to wait, if it has made too many.
    pub fn count_login(&self, address: IpAddr, config: &Config, now: Instant) -> Result<(), Duration> {
        let Some(rate) = login_rate(address, config) else { return Ok(()) };
        self.login_rate.lock().unwrap_or_else(PoisonError::into_inner).take(network_key(address), rate, now)
    }

    /// Uncounts an attempt that was not compared, or was right. The rate of connections bounds how often that happens,
    /// and a crowd that reconnects from one address must not be mistaken for a guesser.
    pub(crate) fn give_back_login(&self, address: IpAddr, config: &Config) {
        let Some(rate) = login_rate(address, config) else { return };
        self.login_rate.lock().unwrap_or_else(PoisonError::into_inner).give_back(&network_key(address), rate);
    }
}

fn login_rate(address: IpAddr, config: &Config) -> Option<Rate> {
    let times = if config.is_exempt(address) { EXEMPT_TIMES } else { 1 };
    Rate::new(LOGINS * times, LOGINS_PER_MINUTE * times, Duration::from_secs(60))
}

fn login_policy(config: &Config) -> AttemptPolicy {
    AttemptPolicy::per_attempter(u32::try_from(config.login_attempts).unwrap_or(u32::MAX), config.login_block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::attempts::Attempt;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// How many of 1,000 are let through.
    fn count(mut take: impl FnMut() -> Result<(), Duration>) -> (usize, Option<Duration>) {
        let mut refused = None;
        let count = (0..1000).take_while(|_| take().inspect_err(|wait| refused = Some(*wait)).is_ok()).count();
        (count, refused)
    }

    #[test]
    fn an_address_tries_twenty_passwords_at_once_and_ten_a_minute() {
        let (config, now) = (Config::default(), Instant::now());
        let limits = Limits::new(&config);
        let wait = Some(Duration::from_secs(6));
        assert_eq!(count(|| limits.count_login(address(1), &config, now)), (20, wait));
        assert_eq!(limits.count_login(address(2), &config, now), Ok(()));
        let minute = now + Duration::from_secs(60);
        assert_eq!(count(|| limits.count_login(address(1), &config, minute)), (10, wait));
        limits.give_back_login(address(1), &config);
        assert_eq!(count(|| limits.count_login(address(1), &config, minute)), (1, wait));
    }

    #[test]
    fn an_exempt_address_tries_ten_times_as_many_and_makes_accounts_without_end() {
        let (config, now) = (Config::default(), Instant::now());
        let limits = Limits::new(&config);
        let own = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(count(|| limits.count_login(own, &config, now)).0, 200);
        assert_eq!(count(|| limits.count_registration(own, &config, now)).0, 1000);
    }

    #[test]
    fn an_address_makes_five_accounts_at_once_and_five_a_day() {
        let (config, now) = (Config::default(), Instant::now());
        let limits = Limits::new(&config);
        let (made, wait) = count(|| limits.count_registration(address(1), &config, now));
        assert_eq!((made, wait), (5, Some(REGISTRATION_PERIOD / 5)));
        assert_eq!(limits.count_registration(address(2), &config, now), Ok(()));
        let tomorrow = now + REGISTRATION_PERIOD;
        assert_eq!(count(|| limits.count_registration(address(1), &config, tomorrow)).0, 5);
    }

    #[test]
    fn logins_are_blocked_as_the_configuration_says_now() {
        let now = Instant::now();
        let mut config = Config { login_attempts: 1, login_block: Duration::from_secs(60), ..Config::default() };
        let limits = Limits::new(&config);
        let attempt = |last| Attempt::from_address(address(last), UserName::parse("bob", 1, 12).expect("a name"));
        let fail = |last| limits.logins.begin(attempt(last), now).is_ok_and(|pending| pending.wrong(now));
        assert!(fail(1));
        assert_eq!(limits.logins.wait_left(&attempt(1), now), Some(Duration::from_secs(60)));
        config.login_attempts = 2;
        limits.reconfigure(&config);
        assert!(!fail(2) && fail(2));
    }
}
