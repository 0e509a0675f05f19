//! Several users act at random, with reloads, destroyed rooms, kicks, bans, accounts, takeovers and lost connections:
//! when all of them have left, the server has the threads, descriptors, rooms and members that it had before.
//!
//! `CHATSOCK_SEEDS` sets the number of rounds, `CHATSOCK_FIRST_SEED` the first seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::machine::{Logged, argument, eventually};
use crate::support::random::{Random, seeds};
use crate::support::{Client, PATIENCE, Program, scratch};

/// Users at once. Every second one has an account if the build has accounts.
const USERS: usize = 6;

/// Steps of each user in one round. They act at the same time, as far as the machine can.
const STEPS: usize = 30;

/// Room names: few, so that users meet. Some configurations contain two of them.
const ROOMS: [&str; 4] = ["den", "attic", "cellar", "lobby"];

const PASSWORD: &str = "correct horse";

fn user(number: usize) -> String {
    format!("user{number}")
}

/// A line that a user may type, in the palette or in the view.
fn line(random: &mut Random) -> String {
    let room = ROOMS[random.below(ROOMS.len())];
    let other = user(random.below(USERS));
    let mark = if random.below(3) == 0 { '/' } else { ':' };
    let command = match random.below(44) {
        0..=3 => format!("create {room}"),
        4 => format!("create {room} secret"),
        5..=9 => format!("join {room}"),
        10 => format!("join {room} secret"),
        11 => "join general".to_owned(),
        12..=14 => "destroy".to_owned(),
        15 => "close".to_owned(),
        16..=17 => "chat".to_owned(),
        18..=19 => format!("kick {other}"),
        20 => format!("ban {other} 1s"),
        21 => format!("unban {other}"),
        22..=23 => format!("invite {other}"),
        24 => format!("op {other}"),
        25 => format!("mute {other} 1s"),
        26 => format!("group {room} {other}"),
        27 => ["set public off", "set invite on", "set password secret", "set limit 2", "set public on"]
            [random.below(5)]
        .to_owned(),
        28 => ["set keep on", "set keep off"][random.below(2)].to_owned(),
        29 => format!("nick guest{}", random.below(4)),
        30 => format!("dm {other}"),
        31 => format!("temp 1 @{other} gone soon"),
        32 => "temp 1 gone soon".to_owned(),
        33 if random.below(2) == 0 => format!("login {other}\r\n{PASSWORD}"),
        34 if random.below(2) == 0 => format!("ghost {other}\r\n{PASSWORD}"),
        _ => return ["hello", " there", ":q", ""][random.below(4)].to_owned(),
    };
    format!("{mark}{command}")
}

/// Reads until nothing has arrived for a moment: unread data would cause a reset at the end, which discards typed
/// input. Returns false at the end of the connection.
fn read(stream: &mut TcpStream) -> bool {
    let mut answers = [0; 16 * 1024];
    let mut patience = Duration::from_millis(100);
    loop {
        stream.set_read_timeout(Some(patience)).expect("a timeout");
        match stream.read(&mut answers) {
            Ok(0) => return false,
            Ok(_) => patience = Duration::from_millis(5),
            Err(error) => {
                return matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            }
        }
    }
}

/// Reads until the name is accepted or refused. Returns false at the end of the connection.
fn come_in(stream: &mut TcpStream) -> bool {
    let (mut seen, mut answers) = (Vec::new(), [0; 1024]);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let has = |seen: &[u8], text: &str| seen.windows(text.len()).any(|part| part == text.as_bytes());
    while !has(&seen, ":help explains.") && !has(&seen, "! ") {
        match stream.read(&mut answers) {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&answers[..count]),
        }
    }
    true
}

/// A user who comes and goes.
struct User {
    name: String,
    random: Random,
    stream: Option<TcpStream>,
}

impl User {
    /// One step of a user: log in, type, or leave. In two steps of ten all do the same: they meet in one room, and then
    /// its owner destroys it while the others make it again within a millisecond.
    fn act(&mut self, step: usize, addresses: &[SocketAddr]) {
        let random = &mut self.random;
        if self.stream.is_none() {
            return self.connect(addresses);
        }
        match step % 10 {
            8 => self.types("/create lobby\r\n/join lobby\r\n"),
            9 => {
                let until = Instant::now() + Duration::from_micros(random.below(1000) as u64);
                self.types("/destroy\r\n");
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                self.types("/create lobby\r\n");
            }
            _ if random.below(12) == 0 => return self.leave(),
            _ => {
                let lines: String = (0..1 + random.below(4)).map(|_| line(random) + "\r\n").collect();
                self.types(&lines);
            }
        }
        if self.random.below(4) > 0 && !self.stream.as_mut().is_some_and(read) {
            self.stream = None;
        }
    }

    /// Errors are expected: the server may have ended the connection.
    fn types(&mut self, lines: &str) {
        if self.stream.as_mut().is_some_and(|stream| stream.write_all(lines.as_bytes()).is_err()) {
            self.stream = None;
        }
    }

    fn connect(&mut self, addresses: &[SocketAddr]) {
        let random = &mut self.random;
        let quick = random.below(6) == 0;
        let Ok(mut stream) = TcpStream::connect(addresses[usize::from(quick)]) else { return };
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        let room = if quick { format!("{}\r\n", ROOMS[random.below(ROOMS.len())]) } else { String::new() };
        // The password, for those who have an account, and Enter in case the account is online elsewhere.
        let typed = format!("{room}{}\r\n{PASSWORD}\r\n\r\n", self.name);
        if stream.write_all(typed.as_bytes()).is_ok() && come_in(&mut stream) {
            self.stream = Some(stream);
        }
    }

    /// Ends the connection in one of the possible ways.
    fn leave(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        match self.random.below(4) {
            0 => {
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                return;
            }
            1 => _ = stream.shutdown(Shutdown::Write),
            2 => _ = stream.write_all(b"/quit\r\n"),
            _ => return,
        }
        let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }
}

/// A place for a server, its configurations and its accounts.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn config(&self) -> PathBuf {
        self.directory.join("chatsock.toml")
    }

    /// Writes a configuration with these rooms besides `general`.
    fn write(&self, rooms: &[&str]) {
        let mut text = "listen = [\"127.0.0.1:0\"]\nquick_listen = [\"127.0.0.1:0\"]\nquick_create = true\n\
                        shutdown_delay = 0\nroom_linger = 0\n"
            .to_owned();
        if cfg!(feature = "storage") {
            let path = self.directory.join("chatsock.db");
            let path = path.display();
            write!(text, "operators = [\"probe\"]\n[storage]\npath = \"{path}\"\nhistory = true\n").expect("written");
        }
        text.push_str("[limits]\nmessages_per_second = 0\n[rooms.general]\n");
        for room in rooms {
            writeln!(text, "[rooms.{room}]").expect("written");
        }
        std::fs::write(self.config(), text).expect("written");
    }
}

/// Changes the configuration and accounts from outside while users type. Restores the first configuration at the end.
fn disturb(program: &Logged, place: &Place, random: &mut Random, steps: &Receiver<()>) {
    let reload = |rooms: &[&str]| {
        let reloaded = || program.log().matches("configuration reloaded").count();
        let before = reloaded();
        place.write(rooms);
        program.signal("HUP");
        eventually("the configuration is in force", || reloaded() > before);
    };
    while steps.recv().is_ok() {
        match random.below(40) {
            0 => reload(&[]),
            1 => reload(&["den"]),
            2 => reload(&["den", "attic"]),
            3 => accounts::change(&place.directory, random),
            _ => {}
        }
    }
    reload(&[]);
}

#[cfg(feature = "storage")]
mod accounts {
    use super::*;
    use chatsock::access::password;
    use chatsock::chat::names::UserName;
    use chatsock::store::{OpenError, Store};

    fn with(directory: &Path, work: impl Fn(&mut chatsock::store::AccountAdmin)) {
        eventually("the database is free", || match Store::open_accounts(&directory.join("chatsock.db")) {
            Ok(mut accounts) => {
                work(&mut accounts);
                true
            }
            Err(OpenError::InUse(_) | OpenError::OlderInUse(_)) => false,
            Err(error) => panic!("{error}"),
        });
    }

    pub fn make(directory: &Path) {
        let hash = password::hash(PASSWORD).expect("a hash");
        with(directory, |accounts| {
            for name in (0..USERS).step_by(2).map(user).chain(["probe".to_owned()]) {
                accounts.create(&UserName::parse(&name, 1, 32).expect("a name"), &hash).expect("an account");
            }
        });
    }

    /// Sets a user's password to the same one again, or removes the account and makes it again.
    pub fn change(directory: &Path, random: &mut Random) {
        let name = UserName::parse(&user(2 * random.below(USERS / 2)), 1, 32).expect("a name");
        let (hash, removes) = (password::hash(PASSWORD).expect("a hash"), random.below(2) == 0);
        with(directory, |accounts| {
            if removes {
                accounts.remove(&name).expect("removed");
                accounts.create(&name, &hash).expect("an account");
            } else {
                accounts.set_hash(&name, &hash).expect("changed");
            }
        });
    }
}

#[cfg(not(feature = "storage"))]
mod accounts {
    use super::*;

    pub fn make(_: &Path) {}

    pub fn change(_: &Path, _: &mut Random) {}
}

/// The server's threads by name, except those that start and end with the work.
fn threads(program: &Logged) -> BTreeMap<String, usize> {
    let mut threads = BTreeMap::new();
    for name in program.thread_names() {
        if !["worker:", "room:", "account-review"].iter().any(|start| name.starts_with(start)) {
            *threads.entry(name).or_default() += 1;
        }
    }
    threads
}

/// Rooms with their members, as an operator sees them.
fn rooms(probe: &mut Client) -> BTreeMap<String, String> {
    probe.settle();
    probe.send(":rooms");
    probe.send(":time");
    let listed = probe.expect("* It is ");
    probe.expect("\r\n");
    let room = |line: &str| {
        let mut words = line.trim_start_matches(['\r', '>', ' ']).strip_prefix("* ")?.split_whitespace();
        let (name, people) = (words.next()?, words.next()?.split_once('/')?.0);
        Some((name.to_owned(), people.to_owned()))
    };
    listed.lines().filter_map(room).collect()
}

#[test]
fn after_everybody_has_left_the_server_is_as_it_was_before() {
    let place = Place { directory: scratch() };
    place.write(&[]);
    accounts::make(&place.directory);
    let mut program = Logged::start(Program::command(&["--config", argument(&place.config())]));
    let addresses = [program.address(), program.address()];
    let mut probe = Client::connect(addresses[0]);
    probe.expect("Username: ");
    probe.send("probe");
    if cfg!(feature = "storage") {
        probe.expect("Password: ");
        probe.send(PASSWORD);
    }
    probe.expect(":help explains.");
    let first = std::env::var("CHATSOCK_FIRST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut before = None;
    for seed in seeds(3).map(|seed| first + seed) {
        println!("seed {seed}");
        std::thread::scope(|scope| {
            let (stepped, steps) = mpsc::channel();
            let (program, place, together) = (&program, &place, Arc::new(Barrier::new(USERS)));
            scope.spawn(move || disturb(program, place, &mut Random::new(seed + 1_000_000), &steps));
            for number in 0..USERS {
                let (stepped, together) = (stepped.clone(), Arc::clone(&together));
                let random = Random::new(seed * 100 + number as u64);
                scope.spawn(move || {
                    let mut user = User { name: user(number), random, stream: None };
                    for step in 0..STEPS {
                        together.wait();
                        user.act(step, &addresses);
                        // The receiver is gone if the test has failed.
                        let _ = stepped.send(());
                    }
                    user.leave();
                });
            }
        });
        assert!(program.runs(), "it ended; seed {seed}");
        eventually(&format!("only the operator is connected; seed {seed}"), || {
            threads(&program)
                .iter()
                .filter(|(name, _)| name.starts_with("client:"))
                .map(|(_, count)| count)
                .sum::<usize>()
                == 1
        });
        // Persistent rooms still exist without members; an operator destroys them.
        eventually(&format!("nobody is in any room; seed {seed}"), || {
            rooms(&mut probe).values().all(|people| people == "0")
        });
        for room in rooms(&mut probe).keys().filter(|room| *room != "general") {
            probe.send(&format!(":join {room}"));
            probe.expect(&format!("[{room}]> "));
            probe.send(":destroy");
            probe.expect(&format!("* {room} was closed by probe."));
        }
        eventually(&format!("only the configured room exists; seed {seed}"), || {
            rooms(&mut probe).keys().eq(["general"])
        });
        let log = program.log();
        assert!(!log.contains("panicked"), "seed {seed}");
        // In the first round, the server starts everything that it starts only once.
        let now = (threads(&program), program.descriptors());
        let Some(before) = &before else {
            before = Some(now);
            continue;
        };
        eventually(&format!("threads {before:?}, not {now:?}; seed {seed}"), || threads(&program) == before.0);
        eventually(&format!("descriptors {before:?}, not {now:?}; seed {seed}"), || program.descriptors() <= before.1);
    }
    let mut fresh = Client::chat(addresses[0], "fresh", "general");
    fresh.send("hello");
    fresh.send("/quit");
    fresh.expect("* Goodbye.");
}
