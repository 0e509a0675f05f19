//! Ghosts are members that nobody can remove. Here, a user is removed from a room and enters it again, or another room
//! of the same name, before their session is notified.

use std::time::{Duration, Instant};

use chatsock::hub::Checkpoint;

use crate::races::hold::{Gate, HeldOutbox, room};
use crate::support::machine::eventually;
use crate::support::random::Random;
use crate::support::{Client, Server};

/// A client in the palette of a room that it has made.
fn maker(server: &Server, name: &str, room: &str) -> Client {
    let mut client = server.login(name);
    client.send(&format!(":create {room}"));
    client.expect(&format!("[{room}]> "));
    client
}

/// A client in the palette of a room that exists.
fn member(server: &Server, name: &str, room: &str) -> Client {
    let mut client = server.login(name);
    client.send(&format!(":join {room}"));
    client.expect(&format!("[{room}]> "));
    client
}

/// Lets all clients quit, and asserts that no room has a member.
fn nobody_stays(server: &Server, clients: Vec<Client>) {
    for mut client in clients {
        client.send("/quit");
        client.expect_end();
    }
    let people = || server.hub().rooms.all().iter().map(|room| room.count()).sum::<usize>();
    eventually("nobody is in a room", || people() == 0);
}

#[test]
fn a_room_made_again_before_its_end_was_noticed_keeps_no_ghost() {
    let server = Server::start();
    let mut owner = maker(&server, "owner", "den");
    let mut slow = member(&server, "slow", "den");
    let mut victim = member(&server, "victim", "den");
    let held = HeldOutbox::hold(server.hub(), "slow");
    owner.send(":destroy");
    eventually("the room is gone", || room(server.hub(), "den").is_none());
    victim.send(":create den");
    victim.expect("* Made den, you are its admin.");
    held.release();
    slow.expect("* den was closed by owner.\r\n> ");
    victim.expect("* den was closed by owner.\r\n[den]> ");
    victim.send(":list");
    victim.expect("* 1 person in den:");
    victim.send(":say still here");
    victim.expect("* Sent to den as #1.");
    let den = room(server.hub(), "den").expect("the second one");
    assert_eq!(den.count(), 1);
    nobody_stays(&server, vec![owner, slow, victim]);
}

#[test]
fn a_configured_room_dropped_by_a_reload_and_made_by_a_member_keeps_no_ghost() {
    let server = Server::with("[rooms.general]\n[rooms.den]");
    let mut slow = member(&server, "slow", "den");
    let mut victim = member(&server, "victim", "den");
    let held = HeldOutbox::hold(server.hub(), "slow");
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| server.reconfigure("shutdown_delay = 0\n[rooms.general]\n"));
        eventually("the room is gone", || room(server.hub(), "den").is_none());
        victim.send(":create den");
        victim.expect("* Made den, you are its admin.");
        held.release();
        reload.join().expect("reloaded");
    });
    slow.expect("* The room den is closed.\r\n> ");
    victim.expect("* The room den is closed.\r\n[den]> ");
    victim.send(":chat");
    victim.expect("* den: nobody else here.");
    nobody_stays(&server, vec![slow, victim]);
}

#[test]
fn a_room_made_by_another_user_accepts_a_member_who_has_not_noticed_the_end_of_the_first() {
    let server = Server::start();
    let mut owner = maker(&server, "owner", "den");
    let mut slow = member(&server, "slow", "den");
    let mut victim = member(&server, "victim", "den");
    let held = HeldOutbox::hold(server.hub(), "slow");
    owner.send(":destroy");
    eventually("the room is gone", || room(server.hub(), "den").is_none());
    let other = maker(&server, "other", "den");
    victim.send(":join den");
    victim.expect("* Joined den, 1 other here.");
    held.release();
    victim.expect("* den was closed by owner.\r\n[den]> ");
    assert_eq!(room(server.hub(), "den").expect("the second one").count(), 2);
    slow.expect("* den was closed by owner.\r\n> ");
    nobody_stays(&server, vec![owner, slow, victim, other]);
}

#[test]
fn a_user_who_is_kicked_and_back_before_noticing_is_in_the_room_once() {
    let server = Server::start();
    let mut owner = maker(&server, "owner", "den");
    let mut victim = member(&server, "victim", "den");
    let gate = Gate::at(server.hub(), Checkpoint::Joining, 1);
    victim.send(":join den");
    gate.wait_for(1);
    owner.send(":kick victim");
    owner.expect("* victim was kicked by owner");
    owner.send(":invite victim");
    owner.expect("* victim was invited to den for 24 h.");
    gate.open();
    victim.expect("* Joined den, 1 other here.");
    victim.expect("[den]> ");
    victim.send(":say hello");
    victim.expect("* Sent to den as #1.");
    let den = room(server.hub(), "den").expect("the room");
    assert_eq!(den.count(), 2);
    victim.send(":close");
    victim.expect("* Left den.\r\n> ");
    assert_eq!(den.count(), 1, "a user who has left is not a member");
    nobody_stays(&server, vec![owner, victim]);
}

#[test]
fn a_room_destroyed_and_made_again_within_a_millisecond_keeps_no_ghost() {
    let server = Server::with("room_linger = 0\n");
    let (mut owner, mut victim) = (server.login("owner"), server.login("victim"));
    let mut random = Random::new(44);
    for round in 0..25 {
        owner.send(&format!(":create den{round}"));
        owner.expect(&format!("[den{round}]> "));
        victim.send(&format!(":join den{round}"));
        victim.expect(&format!("[den{round}]> "));
        owner.send(":destroy");
        let until = Instant::now() + Duration::from_micros(random.below(1000) as u64);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        victim.send(&format!(":create den{round}"));
        victim.expect("* den");
        // The room was made, or still existed; either way the next answer is the last one.
        victim.settle();
        owner.settle();
        victim.send(":close");
        victim.settle();
    }
    nobody_stays(&server, vec![owner, victim]);
    eventually("the rooms they have made are closed", || server.hub().rooms.all().len() == 1);
}

#[test]
fn text_pasted_for_a_destroyed_room_is_not_posted_in_the_next_one_of_its_name() {
    let server = Server::start();
    let mut owner = maker(&server, "owner", "den");
    let mut victim = member(&server, "victim", "den");
    victim.send(":paste");
    victim.expect("a single . ends it");
    owner.send(":destroy");
    victim.expect("* den was closed by owner.\r\n");
    let other = maker(&server, "other", "den");
    victim.send("for the old room");
    victim.send(".");
    victim.expect("! Not sent: you are not in den.");
    assert_eq!(room(server.hub(), "den").expect("the second one").said(), 0);
    nobody_stays(&server, vec![owner, victim, other]);
}

#[cfg(feature = "storage")]
#[test]
fn messages_in_the_next_room_of_a_name_are_not_unread_for_members_of_the_first() {
    let place = crate::support::scratch();
    let path = place.join("kept.db");
    let server = Server::with(&format!("[storage]\npath = \"{}\"\n", path.display()));
    let mut owner = maker(&server, "owner", "den");
    let mut victim = member(&server, "victim", "den");
    victim.send(":register");
    for _ in 0..2 {
        victim.expect("Password: ");
        victim.send("open sesame");
    }
    victim.expect("is now registered to you");
    victim.send(":chat");
    victim.expect("den | ");
    victim.send(":q");
    victim.send(":close");
    victim.expect("* Left den.");
    owner.send(":destroy");
    owner.expect("* den was closed by owner.");
    let mut other = maker(&server, "other", "den");
    other.send(":say for those who are here");
    other.expect("* Sent to den as");
    victim.send(":rooms");
    victim.expect("* den");
    let line = victim.expect("\r\n");
    assert!(!line.contains("unread"), "{line}");
}
