//! Delivery over sockets: all users see the same order and each message once, even with slow readers and with users who
//! join and leave.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::random::{Random, seeds};
use crate::support::{Client, PATIENCE, Server};

/// The messages on a screen: number, author and text.
fn messages(screen: &str) -> Vec<(u64, &str, &str)> {
    let message = |line| {
        let line: &str = line;
        let (number, rest) = line.split_once(' ').expect("a number");
        let (author, text) = rest.split_once(": ").expect("an author");
        (number.parse().expect("a number"), author, text)
    };
    screen.split("] #").skip(1).map(|piece| message(piece.split("\r\n").next().unwrap_or(piece))).collect()
}

#[test]
fn messages_of_eight_senders_reach_everybody_once_and_in_one_order() {
    const PEOPLE: usize = 40;
    const SENDERS: usize = 8;
    const LINES: usize = 200;
    let server = Server::start();
    let mut people: Vec<_> = (0..PEOPLE).map(|n| server.chat(&format!("p{n:02}"), "general")).collect();
    let (senders, listeners) = people.split_at_mut(SENDERS);
    // The sender's screen is brought up to date before the answer, so everything above it has been seen.
    let talk = |(sender, client): (usize, &mut Client)| {
        let lines: String = (0..LINES).map(|n| format!("s{sender}-{n}\r\n")).collect();
        client.send_bytes(lines.as_bytes());
        client.settle()
    };
    let mut screens: Vec<String> = thread::scope(|scope| {
        let talking: Vec<_> = senders.iter_mut().enumerate().map(|sender| scope.spawn(move || talk(sender))).collect();
        talking.into_iter().map(|thread| thread.join().expect("talked")).collect()
    });
    for (screen, client) in screens.iter_mut().zip(senders) {
        screen.push_str(&client.settle());
    }
    screens.extend(listeners.iter_mut().map(Client::settle));
    let everything: Vec<_> = messages(&screens[SENDERS]).into_iter().collect();
    assert_eq!(everything.len(), SENDERS * LINES);
    assert!(everything.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "every number, in order");
    for sender in 0..SENDERS {
        let author = format!("p{sender:02}");
        let said: Vec<_> = everything.iter().filter(|(_, who, _)| *who == author).map(|(_, _, text)| *text).collect();
        let meant: Vec<_> = (0..LINES).map(|n| format!("s{sender}-{n}")).collect();
        assert_eq!(said, meant, "what one says keeps its order");
    }
    for (index, screen) in screens.iter().enumerate() {
        let name = format!("p{index:02}");
        let expected: Vec<_> = everything.iter().copied().filter(|(_, who, _)| *who != name).collect();
        let seen = messages(screen);
        assert!(seen == expected, "{name} saw {} of {}", seen.len(), expected.len());
    }
}

/// The progress of the readers of a stream: the number of the last message that each has read.
struct Progress {
    last: Mutex<Vec<u64>>,
    changed: Condvar,
}

impl Progress {
    fn note(&self, reader: usize, number: u64) {
        self.last.lock().expect("sound")[reader] = number;
        self.changed.notify_all();
    }

    /// Waits until everybody has read that message.
    fn wait_for(&self, number: u64) {
        let last = self.last.lock().expect("sound");
        let behind = |last: &mut Vec<u64>| last.iter().any(|taken| *taken < number);
        let (last, waited) = self.changed.wait_timeout_while(last, PATIENCE, behind).expect("sound");
        assert!(!waited.timed_out(), "not everybody has taken {number}: {last:?}");
    }
}

/// Reads a stream of messages numbered from `first` on, until the connection ends. The reader's own lines are not in
/// it, so gaps are detected by the text, which repeats the number.
fn read_flow(client: &Client, reader: usize, first: u64, progress: &Progress) -> u64 {
    let (mut buffer, mut rest, mut next) = (vec![0; 64 * 1024], Vec::new(), first);
    loop {
        let count = client.stream().read(&mut buffer).unwrap_or(0);
        if count == 0 {
            return next;
        }
        rest.extend_from_slice(&buffer[..count]);
        let mut done = 0;
        for end in memchr::memchr_iter(b'\n', &rest) {
            if let Some(at) = memchr::memchr(b'#', &rest[done..end]) {
                let digits = rest[done + at + 1..end].iter().take_while(|byte| byte.is_ascii_digit());
                let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
                assert_eq!(number, next, "reader {reader}");
                next += 1;
            }
            done = end + 1;
        }
        if done > 0 {
            progress.note(reader, next - 1);
        }
        rest.drain(..done);
    }
}

#[test]
fn one_of_sixty_readers_that_stops_reading_is_dropped_and_the_others_get_everything() {
    const READERS: usize = 58;
    /// Messages at a time: far fewer than may be queued for a healthy reader, even if its thread is scheduled late.
    const AT_A_TIME: usize = 8;
    const LENGTH: usize = 8000;
    let server = Server::with(
        "message_limit = 8000\nchatview_max = 1\n[limits]\nmessages_per_second = 0\nline_bytes = 9000\n\
         outbox_bytes = 262144\noutbox_stall_seconds = 0",
    );
    let mut sender = server.chat("sender", "general");
    let readers: Vec<_> = (0..READERS).map(|n| server.chat(&format!("r{n:03}"), "general")).collect();
    let mut slow = server.chat("slow", "general");
    assert_eq!(server.hub().roster.count(), READERS + 2);
    let progress = Progress { last: Mutex::new(vec![0; READERS]), changed: Condvar::new() };
    let line = format!("{}\r\n", "x".repeat(LENGTH));
    let ends = thread::scope(|scope| {
        let reading: Vec<_> = readers
            .iter()
            .enumerate()
            .map(|(index, client)| {
                let progress = &progress;
                client.stream().set_read_timeout(None).expect("no timeout");
                scope.spawn(move || read_flow(client, index, 1, progress))
            })
            .collect();
        let mut sent = 0;
        let mut flow = |sender: &mut Client, count: usize| {
            sender.send_bytes(line.repeat(count).as_bytes());
            sent += count as u64;
            progress.wait_for(sent);
            sent
        };
        while server.hub().roster.count() == READERS + 2 {
            let sent = flow(&mut sender, AT_A_TIME);
            assert!(sent < 10_000, "who reads nothing was given {sent} messages");
        }
        // The stream goes on without the slow reader.
        let sent = flow(&mut sender, AT_A_TIME);
        for client in &readers {
            client.stream().shutdown(Shutdown::Write).expect("half-closed");
        }
        let ends: Vec<u64> = reading.into_iter().map(|thread| thread.join().expect("in order")).collect();
        assert_eq!(ends, vec![sent + 1; READERS]);
        ends
    });
    assert_eq!(ends.len(), READERS);
    // The reader wakes up and reads what was in flight when it was dropped.
    let seen = slow.expect_end();
    let numbers: Vec<_> = messages(&seen).into_iter().map(|(number, _, _)| number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "dropped instead of skipping messages: {numbers:?}");
    assert!(numbers.last() < ends.first());
    assert_eq!(server.hub().slow_readers.total(), 0, "nothing is queued for users who are gone");
}

/// A user who comes and goes; returns what was on the screen while the view was open, visit by visit.
fn walk(server: &Server, name: &str, random: &mut Random) -> Vec<String> {
    let mut visits = Vec::new();
    let mut client = server.login(name);
    for _ in 0..8 {
        client.send(":join general");
        client.expect("to leave.\r\n");
        for _ in 0..=random.below(3) {
            client.send(":chat");
            let before = client.expect(":q goes back.\r\n");
            assert_eq!(messages(&before), [], "seen outside the view");
            let mut seen = String::new();
            for _ in 0..random.below(8) {
                seen.push_str(&client.expect("] #"));
                seen.push_str("] #");
            }
            if random.below(3) == 0 {
                seen.push_str(&client.settle());
            }
            client.send(":q");
            seen.push_str(&client.expect("[general]> "));
            visits.push(seen);
        }
        match random.below(4) {
            0 => {
                client.send(":quit");
                assert_eq!(messages(&client.expect_end()), [], "seen outside the view");
                client = server.login(name);
            }
            1 => {
                // The connection breaks while the view is open.
                client.send(":chat");
                client.expect(":q goes back.\r\n");
                SockRef::from(client.stream()).set_linger(Some(Duration::ZERO)).expect("linger");
                drop(client);
                client = login_again(server, name);
            }
            _ => {
                client.send(":close");
                assert_eq!(messages(&client.expect("* Left general.\r\n")), [], "seen outside the view");
            }
        }
    }
    visits
}

/// The name is free as soon as the server has noticed that its owner has left.
fn login_again(server: &Server, name: &str) -> Client {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut client = server.connect();
        client.expect("Username: ");
        client.send(name);
        let answer = client.expect("\r\n");
        if answer.contains("* Hello") {
            client.expect("> ");
            return client;
        }
        assert!(Instant::now() < deadline, "{answer}");
    }
}

#[test]
fn a_user_who_joins_and_leaves_at_random_sees_no_gap_and_nothing_twice() {
    for seed in seeds(3) {
        let mut random = Random::new(seed);
        // The witness reads at the end, however long the visitors take.
        let server = Server::with(
            "chatview_max = 5\n[limits]\nmessages_per_second = 0\noutbox_bytes = 0\noutbox_total_bytes = 0\n\
             outbox_stall_seconds = 0",
        );
        let over = AtomicBool::new(false);
        let mut witness = server.chat("witness", "general");
        let (visits, said) = thread::scope(|scope| {
            let flowing: Vec<_> = (0..3)
                .map(|n| {
                    let (mut client, mut random, over) =
                        (server.chat(&format!("say{n}"), "general"), Random::new(random.number()), &over);
                    scope.spawn(move || {
                        let mut said = 0;
                        while !over.load(Ordering::Relaxed) {
                            let count = 1 + random.below(10);
                            client.send_bytes("hello\r\n".repeat(count).as_bytes());
                            client.settle();
                            said += count;
                        }
                        said
                    })
                })
                .collect();
            let walking: Vec<_> = (0..6)
                .map(|n| {
                    let (server, mut random) = (&server, Random::new(random.number()));
                    scope.spawn(move || walk(server, &format!("walker{n}"), &mut random))
                })
                .collect();
            let visits: Vec<_> = walking.into_iter().map(thread::ScopedJoinHandle::join).collect();
            over.store(true, Ordering::Relaxed);
            let said: usize = flowing.into_iter().map(|thread| thread.join().expect("talked")).sum();
            (visits, said)
        });
        for visit in visits.into_iter().flat_map(|walker| walker.unwrap_or_else(|_| panic!("seed {seed}"))) {
            let seen = messages(&visit);
            assert!(seen.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "seed {seed}: {visit}");
            let first = seen.first().map_or(1, |message| message.0);
            assert!(seen.len() >= 5 || first == 1, "seed {seed}: the history was not shown: {visit}");
        }
        let seen = messages(&witness.settle()).len();
        assert_eq!(seen, said, "seed {seed}");
    }
}

#[test]
fn lines_in_one_packet_are_answered_in_their_order() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut alice = server.chat("alice", "general");
    bob.expect("* alice joined\r\n");
    let mut stream = alice.stream();
    stream.write_all(b"one\r\n/time\r\ntwo\r\n:q\r\n:history 2\r\n").expect("sent");
    alice.expect("* It is ");
    // One packet gets one prompt at its end; the view was left before the history was shown.
    let history = alice.expect("[general]> ");
    let texts: Vec<_> = messages(&history).into_iter().map(|(_, who, text)| (who, text)).collect();
    assert_eq!(texts, [("alice", "one"), ("alice", "two")]);
    let seen = bob.settle();
    assert_eq!(messages(&seen).len(), 2, "{seen}");
}
