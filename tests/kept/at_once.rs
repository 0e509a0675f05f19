//! What two admins of a room ask for at the same moment.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chatsock::message::MessageId;
use chatsock::names::RoomName;

use crate::home::{History, Home, come_in, written};
use crate::support::Server;

/// What the disk holds of a room, oldest first.
fn on_disk(server: &Server, room: &str) -> Vec<String> {
    written(server);
    let room = RoomName::parse(room).expect("a name");
    let store = server.hub().store().expect("a store");
    let page = store.messages_before(&room, MessageId(u64::MAX), 1000, Duration::from_secs(60)).expect("read");
    page.messages.iter().rev().map(|message| message.text.to_string()).collect()
}

#[test]
fn two_admins_who_keep_a_room_at_the_same_moment_lose_nothing_of_it() {
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
        // A password is hashed on the way, one after the other: between the two there is time for all that can go wrong.
        alice.send(&format!(":set password words {round}"));
        alice.expect("* alice set a password\r\n");
        alice.send(&format!(":say hello {round}"));
        alice.settle();
        let (open, gate) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(|| server.hub().work.run(move || gate.recv()));
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
        alice.expect("does not keep the room any more: it closes when nobody is in it\r\n");
        assert_eq!(on_disk(&server, "den"), [""; 0]);
    }
}
