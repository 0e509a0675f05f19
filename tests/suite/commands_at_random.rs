//! Random commands from many clients at once. The server must keep serving.
//!
//! `CHATSOCK_HOSTILE_SECONDS` sets the duration, `CHATSOCK_HOSTILE_SEED` the seed of the random numbers.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chatsock::ui::command::TABLE;
use socket2::SockRef;

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::random::Random;
use crate::support::{Client, Program};

const STRANGERS: u64 = 8;

/// Arguments of commands, which are also sent alone.
const ARGUMENTS: &[&str] = &[
    "general",
    "staff",
    "sesame",
    "den1",
    "den2",
    "den3",
    "user0",
    "user1",
    "user2",
    "USER3",
    "user4#1001",
    "@user5",
    "@user6,user7",
    "@everybody,nobody,@,#",
    "1",
    "#2",
    "3",
    "0",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "1e9",
    "10m",
    "2h",
    "99999999999d",
    "31622401",
    "1s1s1s",
    "on",
    "off",
    "mentions",
    "limit",
    "password",
    "public",
    "invite",
    "slow",
    "description",
    "line",
    "char",
    "hello there",
    "..",
    ".",
    "../../etc/passwd",
    "/etc/passwd",
    "Europe/Berlin",
    "Europe/../../etc/shadow",
    "UTC",
    "EST5EDT,M3.2.0,M11.1.0",
    "(a+)+$",
    "(a*)*b",
    "((((((((((((((((((((a))))))))))))))))))))",
    "(?i)\\w{1,400}\\d",
    "[^",
    "a{1000}{1000}",
    "(?P<n>.)(?:x|y|z)*?",
    "\\p{Letter}+\\b.",
    ".",
    "\u{1f468}\u{200d}\u{1f469}",
    "e\u{301}\u{301}\u{301}",
    "\u{202e}\u{2028}\u{85}",
    "\u{1b}[2J\u{7}",
    "AB12C-3DE4F",
    "help",
    "join",
];

/// A line: mostly a command and some arguments, sometimes only the arguments.
fn line(random: &mut Random) -> String {
    let mut line = String::new();
    if random.below(8) > 0 {
        let spec = &TABLE[random.below(TABLE.len())];
        let word = match random.below(6) {
            0 if !spec.aliases.is_empty() => spec.aliases[random.below(spec.aliases.len())],
            _ => spec.word,
        };
        // These are rare, or clients would only leave.
        let word = if matches!(spec.word, "quit" | "shutdown") && random.below(8) > 0 { "say" } else { word };
        line.push(if random.below(3) == 0 { '/' } else { ':' });
        line.push_str(word);
    }
    for _ in 0..random.below(4) {
        line.push(' ');
        if random.below(40) == 0 {
            line.push_str(&"x".repeat(random.below(9000)));
        } else {
            line.push_str(random.choose(ARGUMENTS));
        }
    }
    if random.below(6) == 0 {
        // Rooms, many of them.
        line = format!(":create r{}", random.below(2000));
    }
    line
}

/// All answers of a capable terminal in one packet, after which it is in character mode.
const TERMINAL: &[u8] =
    b"\xff\xfb\x18\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfa\x18\x00XTERM\xff\xf0\xff\xfd\x01\xff\xfd\x03\
    \xff\xfb\x1f\xff\xfa\x1f\x00\x14\x00\x05\xff\xf0";

/// Keys sent between lines.
const KEYS: &[&str] =
    &["\x1b[A", "\x1b[B", "\t", "\x0c", "\x03", "\x15", "\x1b[200~", "\x1b[201~", "\x7f", "half a line"];

/// A user who logs in, types nonsense, and leaves in one of the possible ways.
fn stranger(address: SocketAddr, seed: u64, name: &str) {
    let mut random = Random::new(seed);
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
    let mut answers = vec![0; 16 * 1024];
    // The previous holder of the name may not be gone yet.
    let mut bytes = format!("{name}\r\nv{seed}\r\n:join general\r\n").into_bytes();
    if random.below(2) == 0 {
        bytes.splice(0..0, TERMINAL.iter().copied());
    }
    for _ in 0..1 + random.below(20) {
        for _ in 0..1 + random.below(10) {
            if random.below(4) == 0 {
                bytes.extend_from_slice(random.choose(KEYS).as_bytes());
            }
            bytes.extend_from_slice(line(&mut random).as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if random.below(10) == 0 {
            bytes.extend((0..random.below(64)).map(|_| random.number() as u8));
        }
        // Errors are expected: the server may have ended the connection.
        if stream.write_all(&bytes).is_err() {
            break;
        }
        bytes.clear();
        // Most read until nothing has arrived for a moment: unread answers at the end would cause a reset, which
        // discards what was typed.
        if random.below(8) > 0 {
            while stream.read(&mut answers).is_ok_and(|count| count > 0) {}
        }
    }
    match random.below(4) {
        0 => {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        1 => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        _ => {}
    }
}

/// Asserts that a new client is served: room, message, search, goodbye.
fn serves(address: SocketAddr, name: &str) {
    let mut client = Client::chat(address, name, "general");
    client.send("a needle in the hay");
    client.send("/search n[e]{2}dle in the");
    client.expect("general ");
    client.expect(">needle in the<");
    client.send("/quit");
    assert!(client.expect_end().ends_with("* Goodbye.\r\n"));
}

#[test]
fn random_commands_from_many_clients_harm_nobody() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let lasts = Duration::from_secs(number("CHATSOCK_HOSTILE_SECONDS").unwrap_or(4));
    let first = number("CHATSOCK_HOSTILE_SEED").unwrap_or(100);
    let config = file(
        "chatsock.toml",
        "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\nroom_linger = 1\n\
         [limits]\nmessages_per_second = 0\n[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"sesame\"\n",
    );
    let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = program.address();
    let mut witness = Client::login(address, "witness");
    serves(address, "warmup");
    let (end, mut seed, mut resident) = (Instant::now() + lasts, first, None);
    while Instant::now() < end {
        std::thread::scope(|scope| {
            for offset in 0..STRANGERS {
                scope.spawn(move || stranger(address, seed + offset, &format!("user{offset}")));
            }
        });
        assert!(program.runs(), "it ended; seeds {seed} to {}", seed + STRANGERS - 1);
        witness.settle();
        seed += STRANGERS;
        if seed == first + 10 * STRANGERS {
            resident = Some(program.resident());
        }
    }
    println!("seeds {first} to {}", seed - 1);
    let log = program.log();
    assert!(!log.contains("panicked"), "seeds {first} to {}", seed - 1);
    assert!(log.lines().all(|line| line.starts_with('[')), "seeds {first} to {}", seed - 1);
    serves(address, "fresh");
    if let Some(before) = resident {
        let after = program.resident();
        assert!(after < before + 64 * 1024, "memory grew from {before} to {after} KB; seeds {first} to {}", seed - 1);
    }
    witness.send(":rooms");
    witness.expect("* general ");
    witness.send(":quit");
    witness.expect_end();
    // Main, signals, the listener, slow readers, timer, and workers.
    eventually("nobody's thread is left", || program.threads() <= 7);
    eventually("the rooms they have made are closed", || {
        let log = program.log();
        log.matches(" was made by ").count()
            <= log.matches("it was empty").count() + log.matches(" was closed by ").count()
    });
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
}
