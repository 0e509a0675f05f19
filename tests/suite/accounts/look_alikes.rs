//! Registered users, and names that look like theirs.

use crate::support::Client;
use crate::support::home::{History, Home, PASSWORD, come_in, knock, prove, quit, register};

/// A client at the question for a name, on the quick listener.
fn at_the_quick_listener(server: &crate::support::Server) -> Client {
    let mut client = Client::connect(server.quick_address());
    client.expect("Enter room name: ");
    client.send("general");
    client.expect("Enter username: ");
    client
}

#[test]
fn a_guest_cannot_log_in_with_a_look_alike_until_the_account_is_removed() {
    let home = Home::new();
    home.accounts(&["alice", "Martin"]);
    let server = home.start(History::Forgotten, "");
    for mut guest in [knock(server.address()), at_the_quick_listener(&server)] {
        for (name, other) in [("aIice", "alice"), ("A1ice", "alice"), ("rnartin", "Martin"), ("Rnartin", "Martin")] {
            guest.send(name);
            guest.expect(&format!("! The name {name} looks like {other}, which is taken. Try another one.\r\n"));
        }
        // Created and removed while the server runs.
        home.accounts(&["bob"]);
        guest.send("b0b");
        guest.expect("! The name b0b looks like bob, which is taken. Try another one.\r\n");
        home.remove_account("bob");
        guest.send("b0b");
        guest.expect("* Hello b0b. ");
        quit(guest);
    }
}

#[test]
fn a_guest_cannot_rename_to_a_look_alike_of_an_account() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("guest");
    guest.send(":nick aIice");
    guest.expect("! The name aIice looks like alice, which is taken. Try another one.\r\n> ");
    // Nor does a user who leaves the account for that name.
    let mut alice = come_in(&server, "alice");
    alice.send(":nick aIice");
    alice.expect("! The name aIice looks like alice, which is taken. Try another one.\r\n> ");
    alice.send(":nick ALICE");
    alice.expect("* You are now known as ALICE.\r\n");
}

#[test]
fn an_account_logs_in_whatever_its_name_looks_like() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("aIice");
    home.accounts(&["alice", "a1ice"]);
    let mut first = come_in(&server, "alice");
    let mut second = server.login("carol");
    prove(&mut second, ":login a1ice", PASSWORD);
    second.expect("* You are now known as a1ice.\r\n");
    first.send(":listall");
    first.expect("a1ice   no public room, here");
    // The guest stays, but cannot register the name.
    guest.send(":register");
    guest.expect("! aIice looks like alice, which is registered: choose another name.\r\n> ");
}

#[test]
fn lists_and_whois_mark_who_is_registered() {
    let home = Home::new();
    home.accounts(&["alice", "olga"]);
    let server = home.start(History::Forgotten, "operators = [\"olga\"]\n");
    let (mut alice, mut olga) = (come_in(&server, "alice"), come_in(&server, "olga"));
    let mut guest = server.login("guest");
    for person in [&mut alice, &mut olga, &mut guest] {
        person.send(":join general");
        person.expect("* Joined general");
    }
    for person in [&mut alice, &mut olga, &mut guest] {
        person.send(":list");
        let listed = person.settle();
        let line = |name: &str| listed.lines().find(|line| line.starts_with(&format!("* {name} "))).expect("listed");
        assert!(line("alice").ends_with(" s (registered)"), "{listed:?}");
        assert!(line("olga").ends_with(" s (operator) (registered)"), "{listed:?}");
        assert!(line("guest").ends_with(" s"), "{listed:?}");
        person.send(":listall");
        let listed = person.settle();
        let line = |name: &str| listed.lines().find(|line| line.starts_with(&format!("* {name} "))).expect("listed");
        assert!(line("alice").ends_with(" s (registered)") && line("olga").ends_with(" s (registered)"), "{listed:?}");
        assert!(line("guest").ends_with(" s"), "{listed:?}");
        person.send(":whois alice");
        person.expect(", registered");
        person.send(":whois guest");
        assert!(!person.settle().contains("registered"));
    }
    guest.send(":whoami");
    guest.expect(", a guest, in general");
    register(&mut guest, PASSWORD);
    alice.send(":whois guest");
    alice.expect(", registered, in general");
}
