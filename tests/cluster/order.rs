//! All users see the same order, each message once, and rules apply at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::nodes::{Cluster, numbers, runs_all, runs_slow};
use crate::support::random::Random;
use crate::support::{Client, PATIENCE};

/// The load of a test, and the rate of faults.
struct Talk {
    rooms: usize,
    /// Users on each server, spread over the rooms.
    people: usize,
    /// Lines per user.
    lines: usize,
    /// The pause between two lines of a user.
    pause: Duration,
    /// The pause between two faults, in milliseconds.
    calm: RangeInclusive<u64>,
    seed: u64,
}

/// The messages on a user's screen: number and text.
type Screen = Vec<(u64, String)>;

fn screen(seen: &str) -> Screen {
    let message = |line: &str| {
        let (_, rest) = line.split_once("] #")?;
        let (number, text) = rest.split_once(' ')?;
        Some((number.parse().ok()?, text.trim_end().to_owned()))
    };
    seen.lines().filter_map(message).collect()
}

/// Counts the lines that were reported to their author as not posted. A line with an unknown outcome is counted when
/// its outcome is reported.
fn refusals(seen: &str) -> usize {
    seen.lines().filter(|line| line.contains("! Not said") || line.contains("! It was not said.")).count()
}

/// Disturbs the connections to Redis until `done`: cuts them at once or in the middle of an answer, delays them, or
/// stalls them.
fn disturb(cluster: &Cluster, talk: &Talk, done: &AtomicBool) {
    let mut random = Random::new(talk.seed);
    let span = usize::try_from(talk.calm.end() - talk.calm.start()).expect("a span");
    while !done.load(Ordering::Relaxed) {
        let proxy = &cluster.nodes[random.below(cluster.nodes.len())].proxy;
        match random.below(4) {
            0 => proxy.cut(),
            1 => proxy.cut_after(1 + random.below(2000)),
            2 => {
                proxy.delay(Duration::from_millis(5));
                thread::park_timeout(Duration::from_millis(100));
                proxy.delay(Duration::ZERO);
            }
            _ => {
                proxy.stop(true);
                thread::park_timeout(Duration::from_millis(50 + random.below(400) as u64));
                proxy.stop(false);
            }
        }
        thread::park_timeout(Duration::from_millis(talk.calm.start() + random.below(span) as u64));
    }
}

/// All users talk while connections break. Asserts that all screens of a room then show the same, each message once,
/// and that each missing line was refused.
fn talk_under_faults(cluster: &Cluster, talk: &Talk) {
    println!("seed {}", talk.seed);
    let rooms: Vec<_> = (0..talk.rooms).map(|room| format!("room{room}")).collect();
    let mut founder = cluster.nodes[0].login("founder");
    for room in &rooms {
        founder.send(&format!(":create {room}"));
        founder.expect("you are its admin");
    }
    let mut watchers = Vec::new();
    let mut talkers = Vec::new();
    for (node, server) in cluster.nodes.iter().enumerate() {
        for (index, room) in rooms.iter().enumerate() {
            watchers.push((index, server.chat(&format!("w{node}-{index}"), room)));
        }
        for person in 0..talk.people {
            let (room, name) = (person % rooms.len(), format!("t{node}-{person}"));
            talkers.push((room, name.clone(), server.chat(&name, &rooms[room])));
        }
    }
    let done = AtomicBool::new(false);
    let people: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| disturb(cluster, talk, &done));
        let talking: Vec<_> = talkers
            .into_iter()
            .map(|(room, name, mut client)| {
                scope.spawn(move || {
                    let mut seen = String::new();
                    let mut next = Instant::now();
                    for line in 0..talk.lines {
                        thread::park_timeout(next.saturating_duration_since(Instant::now()));
                        next += talk.pause;
                        client.send(&format!("{name} says {line}."));
                        seen.push_str(&client.settle());
                    }
                    (room, name, client, seen)
                })
            })
            .collect();
        let people = talking.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        done.store(true, Ordering::Relaxed);
        people
    });
    cluster.nodes.iter().for_each(|node| node.proxy.cut_after(0));
    for (index, room) in rooms.iter().enumerate() {
        let mut last = cluster.nodes[index % cluster.nodes.len()].chat(&format!("last{index}"), room);
        crate::failures::say_until_accepted(&mut last, "the end of it");
        last.settle();
    }
    let mut expected: BTreeMap<usize, Screen> = BTreeMap::new();
    for (room, watcher) in &mut watchers {
        let shown = screen(&format!("{}the end of it", watcher.expect("the end of it")));
        assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0), "{shown:?}");
        match expected.get(room) {
            Some(first) => assert_eq!(*first, shown, "two screens of one room differ"),
            None => drop(expected.insert(*room, shown)),
        }
    }
    let all: usize = expected.values().map(Vec::len).sum();
    println!("{all} messages in {} rooms", rooms.len());
    for (room, name, mut client, mut seen) in people {
        // The answer to a line with an unknown outcome may come later.
        let own = format!("{name}: ");
        let said: Vec<_> = expected[&room].iter().filter(|(_, text)| text.starts_with(&own)).collect();
        let deadline = Instant::now() + PATIENCE;
        seen.push_str(&client.expect("the end of it"));
        while said.len() + refusals(&seen) < talk.lines {
            assert!(Instant::now() < deadline, "{name} has neither said nor been refused all of it: {said:?} {seen:?}");
            seen.push_str(&client.settle());
        }
        assert_eq!(said.len() + refusals(&seen), talk.lines, "{name} was refused what was said: {said:?} {seen:?}");
        let texts: Vec<_> = said.iter().map(|(_, text)| text).collect();
        assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "{texts:?}");
        // Users' own lines are on their screens as they typed them, without numbers.
        let others: Screen = expected[&room].iter().filter(|(_, text)| !text.starts_with(&own)).cloned().collect();
        let shown = screen(&format!("{seen}\n"));
        let count = others.len() - usize::from(others.last().is_some_and(|(_, text)| text.ends_with("the end of it")));
        assert_eq!(shown[..shown.len().min(count)], others[..count], "the screen of {name}");
    }
}

#[test]
fn broken_connections_neither_reorder_nor_repeat_messages() {
    let Some(cluster) = Cluster::start(3, "") else { return };
    let talk = Talk { rooms: 2, people: 2, lines: 60, pause: Duration::ZERO, calm: 50..=250, seed: 1 };
    talk_under_faults(&cluster, &talk);
}

#[test]
fn sixty_users_in_five_rooms_see_the_same_during_half_a_minute_of_broken_connections() {
    if !runs_slow() {
        return;
    }
    let Some(cluster) = Cluster::start(3, "lease_seconds = 10") else { return };
    // 200 lines a second for 30 seconds.
    let talk = Talk { rooms: 5, people: 20, lines: 100, pause: Duration::from_millis(300), calm: 100..=1000, seed: 2 };
    talk_under_faults(&cluster, &talk);
}

#[test]
fn a_server_that_starts_under_load_has_each_message_exactly_once() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut watcher = cluster.nodes[0].chat("watcher", "general");
    let done = AtomicBool::new(false);
    let mut talkers: Vec<_> =
        (0..2).map(|index| cluster.nodes[index].chat(&format!("talker{index}"), "general")).collect();
    let late = thread::scope(|scope| {
        for talker in &mut talkers {
            scope.spawn(|| {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    talker.send(&format!("line {number}."));
                    talker.settle();
                    number += 1;
                }
            });
        }
        let late: Vec<_> = (0..3)
            .map(|index| {
                let node = cluster.launch(&format!("late{index}"), "");
                let client = node.chat(&format!("dora{index}"), "general");
                (node, client)
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        late
    });
    talkers[0].send("the end of it");
    let order = numbers(&format!("{}\n", watcher.expect("the end of it")));
    for (_node, mut dora) in late {
        let live = numbers(&format!("{}\n", dora.expect("the end of it")));
        let from = order.iter().position(|number| Some(number) == live.first()).unwrap_or(order.len() - live.len());
        assert_eq!(order[from..], live, "the messages since the user joined");
        dora.settle();
        dora.send("/history 200");
        let shown = numbers(&dora.settle());
        assert!(shown.len() >= 20.min(order.len()) && order.ends_with(&shown), "{shown:?} of {order:?}");
    }
}

/// The delays of the notices of bans, sorted.
fn ban_in_a_loop(rounds: usize) -> Vec<Duration> {
    let Some(cluster) = Cluster::start(2, "") else { return Vec::new() };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    alice.send(":chat");
    alice.expect("games | ");
    let mut late = Vec::new();
    for round in 0..rounds {
        // Each round has a new connection, since lines typed after the ban would delay the next round.
        let name = format!("bob{round}");
        let mut bob = cluster.nodes[1].chat(&name, "games");
        alice.expect(&format!("* {name} joined"));
        let over = AtomicBool::new(false);
        let mut out = bob.stream().try_clone().expect("a socket");
        let (banned, told, answer) = thread::scope(|scope| {
            let over = &over;
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    // Fast, but not so fast that only this load is measured.
                    let lines: String =
                        (number..number + 5).map(|number| format!("{round}: line {number}.\r\n")).collect();
                    out.write_all(lines.as_bytes()).expect("sent");
                    number += 5;
                    thread::park_timeout(Duration::from_millis(1));
                }
            });
            let reading = scope.spawn(|| {
                bob.expect("You were banned from games");
                let told = Instant::now();
                // The next line is refused.
                bob.expect("! ");
                over.store(true, Ordering::Relaxed);
                (told, Instant::now())
            });
            alice.expect(&format!("{round}: line 20."));
            alice.send(&format!("/ban {name}"));
            alice.expect(&format!("{name} was banned by "));
            let banned = Instant::now();
            let (told, answer) = reading.join().expect("no panic");
            (banned, told, answer)
        });
        late.push(told.max(answer).saturating_duration_since(banned));
        // Lines still on their way are handled before `settle` returns.
        drop(bob);
        let after = alice.settle();
        assert!(!after.contains(": line "), "after the ban: {after:?}");
        alice.send(&format!("/unban {name}"));
        alice.expect(&name);
        let after = alice.settle();
        assert!(!after.contains(": line "), "after the ban: {after:?}");
    }
    late.sort_unstable();
    late
}

#[test]
fn a_ban_applies_at_once_to_a_user_who_posts_from_another_server() {
    const AT_ONCE: Duration = Duration::from_millis(50);
    let late = ban_in_a_loop(if runs_all() { 1000 } else { 20 });
    let Some(middle) = late.get(late.len() / 2) else { return };
    let on_time = late.iter().filter(|time| **time <= AT_ONCE).count();
    println!("{} bans; {middle:?} in the middle, {:?} the last, {on_time} within {AT_ONCE:?}", late.len(), late.last());
    // On a busy machine, a few may be late.
    let most = if runs_all() { late.len() * 99 / 100 } else { late.len() / 2 };
    assert!(on_time >= most, "{late:?}");
}

#[test]
fn a_rooms_limit_counts_users_of_all_servers() {
    let Some(cluster) = Cluster::start(3, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create small");
    alice.expect("you are its admin");
    alice.send(":set limit 10");
    alice.expect("limit");
    let clients: Vec<_> = (0..30).map(|index| cluster.nodes[index % 3].login(&format!("guest{index}"))).collect();
    let joining: Vec<_> = clients
        .into_iter()
        .map(|mut client: Client| {
            thread::spawn(move || {
                client.send(":join small");
                (client.settle(), client)
            })
        })
        .collect();
    let answers: Vec<_> = joining.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let entered = answers.iter().filter(|(answer, _)| answer.contains("Joined small")).count();
    let full = answers.iter().filter(|(answer, _)| answer.contains("small is full")).count();
    assert_eq!((entered, full), (9, 21), "{:?}", answers.iter().map(|(answer, _)| answer).collect::<Vec<_>>());
}
