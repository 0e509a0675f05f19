//! Rolling restart: all servers restart one after the other, and hundreds of users reconnect with their codes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::drain::{code, come_back};
use crate::nodes::{Cluster, runs_slow};
use crate::support::{Client, PATIENCE};

/// A user.
struct Guest {
    name: String,
    room: String,
    node: usize,
    client: Client,
    /// The user's output since the last restart began, except during their own reconnect.
    seen: String,
}

/// Waits until the restarting server disconnects the user, and reconnects them to another server with the code.
fn reconnect(cluster: &Cluster, guest: &mut Guest, to: usize) {
    let told = guest.client.expect("places are kept for you. Your code is ");
    let code = code(&format!("Your code is {}", guest.client.expect(".")));
    let rest = guest.client.expect_end();
    assert!(rest.contains("* This server restarts now.") && rest.contains(&code), "{}: {rest:?}", guest.name);
    guest.seen.push_str(&told);
    guest.seen.push_str(&rest);
    guest.client = come_back(cluster, to, &guest.name, &code);
    guest.client.expect(&format!("{} | ", guest.room));
    guest.node = to;
}

/// The numbers of the speakers' rounds in a user's output.
fn rounds(seen: &str) -> Vec<usize> {
    let number = |line: &str| line.split_once("round ")?.1.split('.').next()?.parse().ok();
    seen.lines().filter_map(number).collect()
}

/// Restarts all servers one after the other, with `people` users in rooms of thirty.
fn roll(people: usize, drain: u64) {
    let drain_seconds = format!("drain_seconds = {drain}");
    let Some(mut cluster) = Cluster::start(3, &drain_seconds) else { return };
    let rooms = people.div_ceil(30);
    let mut founders: Vec<_> = (0..rooms)
        .map(|room| {
            let mut founder = cluster.nodes[room % 3].login(&format!("founder{room}"));
            founder.send(&format!(":create room{room}"));
            founder.expect("you are its admin");
            let mut client = founder;
            client.send(":chat");
            client.expect(&format!("room{room} | "));
            Guest {
                name: format!("founder{room}"),
                room: format!("room{room}"),
                node: room % 3,
                client,
                seen: String::new(),
            }
        })
        .collect();
    let mut guests: Vec<_> = (0..people - rooms)
        .map(|number| {
            let (name, room, node) = (format!("guest{number}"), format!("room{}", number % rooms), number / rooms % 3);
            let client = cluster.nodes[node].chat(&name, &room);
            Guest { name, room, node, client, seen: String::new() }
        })
        .collect();
    guests.append(&mut founders);
    for restarted in 0..3 {
        // On one of the other servers, a user talks in each room all the time.
        let steady = (restarted + 1) % 3;
        let mut speakers: Vec<_> = (0..rooms)
            .map(|room| cluster.nodes[steady].chat(&format!("watch{restarted}-{room}"), &format!("room{room}")))
            .collect();
        for guest in &mut guests {
            guest.client.settle();
            guest.seen.clear();
        }
        cluster.nodes[restarted].signal("TERM");
        let done = AtomicBool::new(false);
        let (back, said) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (away, mut stay): (Vec<_>, Vec<_>) = guests.into_iter().partition(|guest| guest.node == restarted);
        let count = away.len();
        let begun = Instant::now();
        let away = thread::scope(|scope| {
            let (cluster, done, back, said) = (&cluster, &done, &back, &said);
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let round = said.fetch_add(1, Ordering::Relaxed);
                    for speaker in &mut speakers {
                        speaker.send(&format!("round {round}."));
                        speaker.settle();
                    }
                    thread::park_timeout(Duration::from_millis(100));
                }
            });
            let going: Vec<_> = away
                .into_iter()
                .enumerate()
                .map(|(index, mut guest)| {
                    scope.spawn(move || {
                        reconnect(cluster, &mut guest, (restarted + 1 + index % 2) % 3);
                        back.fetch_add(1, Ordering::Relaxed);
                        guest
                    })
                })
                .collect();
            let away: Vec<_> = going.into_iter().filter_map(|thread| thread.join().ok()).collect();
            done.store(true, Ordering::Relaxed);
            away
        });
        assert_eq!(away.len(), count, "{} came back", back.load(Ordering::Relaxed));
        println!("{count} people were back {:?} after the signal", begun.elapsed());
        assert_eq!(cluster.nodes[restarted].wait(), Some(0));
        let said = said.load(Ordering::Relaxed);
        // The users of the other servers have missed no line, and have seen no leave or join.
        for guest in &mut stay {
            guest.seen.push_str(&guest.client.settle());
            assert_eq!(rounds(&guest.seen), (0..said).collect::<Vec<_>>(), "{}: {:?}", guest.name, guest.seen);
            let seen = &guest.seen;
            assert!(!seen.contains(" left") && !seen.contains(" joined"), "{}: {seen:?}", guest.name);
        }
        guests = away;
        guests.append(&mut stay);
        drop(speakers);
        cluster.nodes[restarted] = cluster.launch(&format!("n{restarted}"), &drain_seconds);
    }
    // All users still have their names and rooms, and the founders are still admins.
    for room in 0..rooms {
        let name = format!("room{room}");
        let (mut here, others): (Vec<_>, Vec<_>) = guests.into_iter().partition(|guest| guest.room == name);
        guests = others;
        for index in 0..here.len() {
            let said = format!("{} is here.", here[index].name);
            here[index].client.send(&said);
            let reader = (index + 1) % here.len();
            let shown = format!("{}: {said}", here[index].name);
            here[reader].client.expect(&shown);
        }
        let count = here.len();
        let founder = here.iter_mut().find(|guest| guest.name.starts_with("founder")).expect("the founder");
        founder.client.settle();
        let deadline = Instant::now() + PATIENCE;
        loop {
            founder.client.send("/list");
            let seen = founder.client.settle();
            if seen.contains(&format!("{count} people in {name}:")) {
                break;
            }
            assert!(Instant::now() < deadline, "{seen:?}");
        }
        founder.client.send("/set description still mine");
        founder.client.expect("set the description: still mine");
    }
}

#[test]
fn thirty_users_survive_a_rolling_restart() {
    roll(30, 1);
}

#[test]
fn three_hundred_users_keep_names_and_rooms_in_a_rolling_restart() {
    if runs_slow() {
        roll(300, 10);
    }
}
