//! Simultaneous actions of several users in a persistent room.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chatsock::chat::message::MessageId;
use chatsock::chat::names::RoomName;

use crate::support::home::{History, Home, come_in, quit, written};
use crate::support::{Client, Server};

/// The texts on disk for a room, oldest first.
fn on_disk(server: &Server, room: &str) -> Vec<String> {
    written(server);
    let room = RoomName::parse(room).expect("a name");
    let store = server.hub().store().expect("a store");
    let page = store.messages_before(&room, MessageId(u64::MAX), 1000, Duration::from_secs(60)).expect("read");
    page.messages.iter().rev().map(|message| message.text.to_string()).collect()
}

#[test]
fn two_admins_who_make_a_room_persistent_at_the_same_moment_lose_none_of_it() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Kept, "");
    let (mut alice, mut bob) = (come_in(&server, "alice"), come_in(&server, "bob"));
    alice.send(":create den");
    alice.expect("* Made den, you are its admin.");
    bob.send(":join den");
    bob.expect("[den]> ");
    alice.send(":op bob");
    alice.expect("* alice made bob admin\r\n");
    for round in 0..4 {
        // Passwords are hashed one after the other, which leaves time for everything that can go wrong in between.
        alice.send(&format!(":set password words {round}"));
        alice.expect("* alice set a password\r\n");
        alice.send(&format!(":say hello {round}"));
        alice.settle();
        let (open, gate) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(|| server.hub().work.run([192, 0, 2, 1].into(), move || gate.recv()));
            for client in [&mut alice, &mut bob] {
                client.send(":set keep on");
            }
            let told = [&mut alice, &mut bob].map(|client| client.settle());
            drop(open);
            assert_eq!(told.iter().filter(|told| told.contains(" keeps the room: it stays")).count(), 1, "{told:#?}");
            assert_eq!(told.iter().filter(|told| told.contains("! ")).count(), 1, "{told:#?}");
        });
        assert!(on_disk(&server, "den").contains(&format!("hello {round}")), "in round {round}");
        alice.send(":set keep off");
        alice.expect("no longer keeps the room: it closes when it is empty\r\n");
        assert_eq!(on_disk(&server, "den"), [""; 0]);
    }
}

/// A dozen clients from one address, and alice's room with a password that is stored as a hash.
fn crowd_at_the_door(home: &Home) -> (Server, Vec<Client>) {
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":create den open sesame");
    alice.expect("* Made den, you are its admin.");
    alice.send(":set keep on");
    alice.expect(" keeps the room: it stays");
    quit(alice);
    let crowd = (0..12).map(|number| server.login(&format!("guest{number}"))).collect();
    (server, crowd)
}

#[test]
fn parallel_connections_give_no_more_attempts_at_a_rooms_password_than_successive_ones() {
    let home = Home::new();
    let (server, mut crowd) = crowd_at_the_door(&home);
    // Three attempts each, and thirty for the address, of 48.
    crowd.iter_mut().for_each(|guest| guest.send_bytes(":join den wrong\r\n".repeat(4).as_bytes()));
    let told: Vec<_> = crowd.iter_mut().map(Client::settle).collect();
    let count = |words: &str| told.iter().map(|told| told.matches(words).count()).sum::<usize>();
    let compared = count("! No such room, or not that password.");
    let waiting = count("! Too many wrong passwords: try again in ");
    assert_eq!((compared, waiting), (30, 18), "{told:#?}");
    let mut late = server.login("late");
    late.send(":join den open sesame");
    late.expect("! Too many wrong passwords: try again in ");
}

#[test]
fn an_account_that_guessed_waits_on_its_next_connection_but_other_guests_do_not() {
    let home = Home::new();
    home.accounts(&["mallory"]);
    let (server, _crowd) = crowd_at_the_door(&home);
    let mut mallory = come_in(&server, "mallory");
    for _ in 0..3 {
        mallory.send(":join den wrong");
        mallory.expect("! No such room, or not that password.");
    }
    quit(mallory);
    let mut mallory = come_in(&server, "mallory");
    mallory.send(":join den open sesame");
    mallory.expect("! Too many wrong passwords: try again in ");
    let mut guest = server.login("guest");
    guest.send(":join den open sesame");
    guest.expect("* Joined den, ");
}

#[test]
fn many_users_with_the_right_password_enter_at_once_despite_one_mistake() {
    let home = Home::new();
    let (_server, mut crowd) = crowd_at_the_door(&home);
    for (number, guest) in crowd.iter_mut().enumerate() {
        guest.send(if number == 5 { ":join den open sesamf" } else { ":join den open sesame" });
    }
    for (number, guest) in crowd.iter_mut().enumerate() {
        guest.expect(if number == 5 { "! No such room, or not that password." } else { "* Joined den, " });
    }
}
