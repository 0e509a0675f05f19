//! Hostile input: noise, floods, half-closed and reset sockets, other protocols. Afterwards the server must be as
//! before.
//!
//! `CHATSOCK_HOSTILE_SECONDS` sets the duration of the random bytes, `CHATSOCK_HOSTILE_SEED` their seed.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::random::Random;
use crate::support::{Client, Program};

const IAC: u8 = 255;
const SB: u8 = 250;
const NOP: u8 = 241;

/// A running program, its resources when idle, and a user who watches the room.
struct Subject {
    program: Logged,
    plain: SocketAddr,
    quick: SocketAddr,
    threads: usize,
    descriptors: usize,
}

impl Subject {
    fn start() -> Subject {
        let config = file(
            "chatsock.toml",
            "listen = [\"127.0.0.1:0\"]\nquick_listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n\
             [limits]\nmessages_per_second = 0\n[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"sesame\"\n",
        );
        let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
        let (plain, quick) = (program.address(), program.address());
        let mut subject = Subject { program, plain, quick, threads: 0, descriptors: 0 };
        // A first client makes the server create everything that it creates once. It counts until its thread is gone,
        // which leaves main, signals, two listeners, slow readers and timer.
        subject.serves("warmup");
        eventually("the first client's thread is gone", || subject.program.threads() == 6);
        (subject.threads, subject.descriptors) = (6, subject.program.descriptors());
        subject
    }

    /// Asserts that a new client is served: login, room, message, goodbye.
    fn serves(&self, name: &str) {
        let mut client = login(self.plain, name);
        client.send(":join general");
        client.expect("to leave.\r\n");
        client.send(":chat");
        client.expect("general | ");
        client.send("hello");
        client.send("/history 1");
        client.expect(&format!("{name}: hello\r\n"));
        client.send("/quit");
        assert!(client.expect_end().ends_with("* Goodbye.\r\n"));
    }

    /// Asserts that a new client is served, nothing has panicked, and nothing is left over.
    fn is_as_before(&mut self) {
        self.serves("fresh");
        let program = &mut self.program;
        assert!(program.runs(), "the program has ended");
        let (threads, descriptors) = (self.threads, self.descriptors);
        eventually("threads and descriptors are what they were", || {
            program.threads() == threads && program.descriptors() == descriptors
        });
        let log = program.log();
        assert!(!log.contains("panicked"), "{log}");
        // No input may forge a line of the log: each begins with its own bracket.
        assert!(log.lines().all(|line| line.starts_with('[')), "{log}");
        assert!(!log.contains('\u{1b}'), "an escape in the log");
    }
}

fn login(address: SocketAddr, name: &str) -> Client {
    let mut client = Client::connect(address);
    client.expect("Username: ");
    client.send(name);
    client.expect(":help explains.\r\n");
    client.expect("> ");
    client
}

/// A connection at one of the prompts.
fn at_prompt(subject: &Subject, prompt: usize) -> Option<Client> {
    let mut client = match prompt {
        0 => Client::connect(subject.plain),
        1 | 2 => Client::connect(subject.quick),
        3..=6 => login(subject.plain, &format!("person{prompt}")),
        _ => return None,
    };
    match prompt {
        0 => client.expect("Username: "),
        1 => client.expect("Enter room name: "),
        2 => {
            client.expect("Enter room name: ");
            client.send("general");
            client.expect("Enter username: ")
        }
        3 => String::new(),
        4 => {
            client.send(":join staff");
            client.expect("Password: ")
        }
        _ => {
            client.send(":join general");
            client.expect("[general]> ");
            if prompt == 6 {
                client.send(":chat");
                client.expect("general | ");
            }
            String::new()
        }
    };
    Some(client)
}

#[test]
fn a_half_close_at_every_prompt_gets_a_goodbye_and_the_end() {
    let mut subject = Subject::start();
    for prompt in 0.. {
        let Some(mut client) = at_prompt(&subject, prompt) else { break };
        client.finish();
        let seen = client.expect_end();
        assert!(seen.ends_with("* Goodbye.\r\n"), "prompt {prompt}: {seen:?}");
    }
    subject.is_as_before();
}

#[test]
fn a_reset_at_every_prompt_affects_nobody_else() {
    let mut subject = Subject::start();
    let mut witness = login(subject.plain, "witness");
    for prompt in 0.. {
        let Some(client) = at_prompt(&subject, prompt) else { break };
        SockRef::from(client.stream()).set_linger(Some(Duration::ZERO)).expect("linger");
    }
    witness.settle();
    witness.send(":quit");
    witness.expect_end();
    subject.is_as_before();
    let log = subject.program.log();
    assert!(log.matches("connection lost").count() >= 7, "{log}");
}

#[test]
fn five_hundred_silent_connections_leave_nothing_behind() {
    let mut subject = Subject::start();
    for _ in 0..500 {
        drop(TcpStream::connect(subject.plain).expect("connected"));
    }
    subject.is_as_before();
}

#[test]
fn a_subnegotiation_without_end_is_given_up_at_the_next_command() {
    let mut subject = Subject::start();
    let mut client = Client::connect(subject.plain);
    client.expect("Username: ");
    let resident = subject.program.resident();
    let mut bytes = vec![IAC, SB, 24];
    bytes.resize(64 * 1024, b'a');
    client.send_bytes(&bytes);
    client.send_bytes(&[IAC, NOP]);
    client.send("alice");
    client.expect("* Hello alice.");
    let grown = subject.program.resident().saturating_sub(resident);
    assert!(grown < 2048, "{grown} KB for one connection");
    client.send(":quit");
    client.expect_end();
    subject.is_as_before();
}

#[test]
fn a_line_without_end_is_refused_once_and_the_third_ends_the_connection() {
    let mut subject = Subject::start();
    let mut client = login(subject.plain, "alice");
    let resident = subject.program.resident();
    for strike in 1..=3 {
        for _ in 0..64 {
            client.send_bytes(&[b'x'; 64 * 1024]);
        }
        if strike == 1 {
            let grown = subject.program.resident().saturating_sub(resident);
            assert!(grown < 2048, "{grown} KB for one line");
        }
        if strike < 3 {
            client.send_bytes(b"\r\n");
            let refusal = "! That line is too long: a line may have 8192 bytes. It was not read.\r\n";
            client.expect(refusal);
            assert!(!client.settle().contains("too long"), "the refusal is repeated");
        }
    }
    assert!(client.expect_end().contains("! Too many lines were too long.\r\n"));
    subject.is_as_before();
}

#[test]
fn nuls_are_ignored() {
    let mut subject = Subject::start();
    let mut client = Client::connect(subject.plain);
    client.expect("Username: ");
    client.send_bytes(&vec![0; 256 * 1024]);
    client.send("alice");
    client.expect("* Hello alice.");
    client.send(":quit");
    client.expect_end();
    subject.is_as_before();
}

#[test]
fn other_protocols_get_one_answer_in_their_format_and_none_of_their_lines_is_run() {
    let mut subject = Subject::start();
    let mut witness = login(subject.plain, "witness");
    witness.send(":join general");
    witness.expect("[general]> ");
    witness.send(":chat");
    witness.expect("general | ");
    let body = "mallory\r\n:join general\r\n:chat\r\nhello\r\n";
    let post = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}{body}{body}", 3 * body.len());
    let hello = [&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &[7; 100], b"\r\nmallory\r\n:join general\r\n"].concat();
    // Longer than a line may be: a web page could use that to hide the request line from a line reader.
    let long = post.replacen("/ ", &format!("/{} ", "a".repeat(9_000)), 1);
    let requests: [(&[u8], &[u8]); 5] = [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
        (post.as_bytes(), b"HTTP/1.1 400 Bad Request\r\n"),
        (long.as_bytes(), b"HTTP/1.1 400 Bad Request\r\n"),
        (&hello, &[21, 3, 1, 0, 2, 2, 40]),
        (
            b"SSH-2.0-OpenSSH_9.2\r\nmallory\r\n:join general\r\n",
            b"This is a chat server for telnet and nc, not SSH.\r\n",
        ),
    ];
    for address in [subject.plain, subject.quick] {
        for (request, answer) in requests {
            for split in [false, true] {
                let mut client = Client::connect(address);
                if split {
                    for byte in request {
                        // The server may close before the last byte.
                        if client.stream().write_all(&[*byte]).is_err() {
                            break;
                        }
                    }
                } else {
                    client.send_bytes(request);
                }
                client.expect_bytes(answer);
                let rest = client.expect_end();
                assert!(!rest.contains("Hello") && !rest.contains("! "), "{rest:?}");
            }
        }
    }
    let seen = witness.settle();
    assert!(!seen.contains("mallory"), "{seen}");
    witness.send("/quit");
    witness.expect_end();
    subject.is_as_before();
}

/// Bytes of one kind or another: noise, telnet, keys, text, commands.
fn chunk(random: &mut Random, bytes: &mut Vec<u8>) {
    let most = [4, 40, 400, 9000][random.below(4)];
    let length = 1 + random.below(most);
    let kind = random.below(6);
    let goal = bytes.len() + length;
    while bytes.len() < goal {
        match kind {
            0 => bytes.push(random.number() as u8),
            1 => bytes.extend([IAC, 236 + random.below(20) as u8, random.below(40) as u8]),
            2 => bytes.extend([27, b'[', b"0123456789;ABCDHF~"[random.below(18)]]),
            3 => bytes.push(b"abc \r\n\0\x03\x04\x08\x7f\t"[random.below(12)]),
            4 => bytes
                .extend(random.choose(&["\u{301}", "\u{202e}", "\u{1f468}\u{200d}", "e", "\r\n", "\u{85}"]).bytes()),
            _ => bytes.extend(
                random
                    .choose(&[
                        ":join general\r\n",
                        ":chat\r\n",
                        ":q\r\n",
                        ":close\r\n",
                        ":join staff\r\n",
                        "sesame\r\n",
                        ":mode char\r\n",
                        ":mode line\r\n",
                        ":listall\r\n",
                        ":history 99\r\n",
                        ":color on\r\n",
                        "@bob hi\r\n",
                        "/help\r\n",
                        ":say hello\r\n",
                        "general\r\n",
                        ":redraw\r\n",
                        "hello\r\n",
                    ])
                    .bytes(),
            ),
        }
    }
}

/// A stranger: sends bytes by the seed, reads or does not, and leaves in one of the possible ways.
fn stranger(address: SocketAddr, seed: u64) {
    let mut random = Random::new(seed);
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let mut bytes = Vec::new();
    if random.below(2) == 0 {
        // Some log in, with a capable terminal.
        bytes.extend_from_slice(format!("u{seed}\r\n").as_bytes());
        if random.below(2) == 0 {
            bytes.extend_from_slice(&[IAC, 251, 24, IAC, SB, 24, 0]);
            bytes.extend_from_slice(b"xterm");
            bytes.extend_from_slice(&[
                IAC, 240, IAC, 251, 31, IAC, SB, 31, 0, 20, 0, 5, IAC, 240, IAC, 253, 1, IAC, 253, 3,
            ]);
        }
    }
    for _ in 0..random.below(12) {
        chunk(&mut random, &mut bytes);
        // Errors are expected: the server may have ended the connection.
        if stream.write_all(&bytes).is_err() {
            break;
        }
        bytes.clear();
        if random.below(4) == 0 {
            let _ = stream.set_nonblocking(true);
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.set_nonblocking(false);
        }
    }
    match random.below(4) {
        0 => {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        1 => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        _ => {}
    }
}

#[test]
fn random_bytes_harm_nobody() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let lasts = Duration::from_secs(number("CHATSOCK_HOSTILE_SECONDS").unwrap_or(3));
    let first = number("CHATSOCK_HOSTILE_SEED").unwrap_or(100);
    let mut subject = Subject::start();
    let mut witness = login(subject.plain, "witness");
    let (end, mut resident) = (Instant::now() + lasts, None);
    let mut seed = first;
    while Instant::now() < end {
        // Several at once, so that they meet in the room.
        std::thread::scope(|scope| {
            for offset in 0..8 {
                let address = if offset < 6 { subject.plain } else { subject.quick };
                scope.spawn(move || stranger(address, seed + offset));
            }
        });
        assert!(subject.program.runs(), "it ended; seeds {seed} to {}", seed + 7);
        witness.settle();
        seed += 8;
        if seed == first + 800 {
            resident = Some(subject.program.resident());
        }
    }
    println!("seeds {first} to {}", seed - 1);
    witness.send(":quit");
    witness.expect_end();
    subject.is_as_before();
    if let Some(before) = resident {
        let after = subject.program.resident();
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KB; seeds {first} to {}", seed - 1);
    }
}

#[test]
fn idle_strangers_cost_no_processor_time() {
    let subject = Subject::start();
    let mut silent: Vec<_> = (0..7).filter_map(|prompt| at_prompt(&subject, prompt)).collect();
    // One has sent half a telnet command, one half a line, and one half a subnegotiation.
    silent[0].send_bytes(&[IAC]);
    silent[1].send_bytes(b"gen");
    silent[3].send_bytes(&[IAC, SB, 31, 0]);
    let before = subject.program.ticks();
    let began = Instant::now();
    let mut witness = login(subject.plain, "witness");
    while began.elapsed() < Duration::from_secs(1) {
        // Real time must pass here: only that tells an idle thread from a spinning one.
        std::thread::park_timeout(Duration::from_millis(200));
    }
    witness.settle();
    let used = subject.program.ticks() - before;
    // A hundred ticks are a second. One spinning thread would use nearly all of it.
    assert!(used < 50, "{used} ticks in a second of silence");
}
