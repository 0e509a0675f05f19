//! A user's own settings are restored at the next login.

use crate::support::home::{BOTH, History, Home, arrive, chat, come_in, prove, quit, register};

#[test]
fn time_zone_bell_colour_and_ignored_users_are_kept_over_logins_and_restarts() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(history, "");
        let mut bob = server.login("bob");
        let mut alice = come_in(&server, "alice");
        alice.send(":timezone Asia/Tokyo");
        alice.expect("* Your time zone is Asia/Tokyo.\r\n");
        alice.send(":bell on");
        alice.expect("* The bell rings at every message.\r\n");
        alice.send(":color off");
        alice.expect("* Colour is off.\r\n");
        let dave = server.login("dave");
        for name in ["bob", "dave"] {
            alice.send(&format!(":ignore {name}"));
            alice.expect(&format!("* You are now ignoring {name}; :unignore {name} ends it.\r\n"));
        }
        quit(alice);
        bob.settle();
        quit(bob);
        quit(dave);

        let mut server = server;
        for restarts in 0..2 {
            if restarts > 0 {
                server.end();
                server = home.start(history, "");
            }
            let mut bob = server.chat("bob", "general");
            let mut carol = server.chat("carol", "general");
            let mut alice = chat(&server, "alice", "general");
            alice.send("/time");
            alice.expect("(UTC+09:00).\r\n");
            alice.send("/ignore");
            alice.expect("* You are ignoring bob, dave.\r\n");
            bob.send("unheard");
            bob.send("@alice unheard too");
            bob.settle();
            carol.send("heard");
            let before = alice.expect("carol: heard\r\n");
            assert!(!before.contains("unheard"), "{before:?}");
            // The bell is one byte behind the line it rings for.
            alice.expect("\x07");
            for client in [alice, bob, carol] {
                quit(client);
            }
        }
    }
}

#[test]
fn times_ids_and_quiet_are_kept_over_logins_and_restarts() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(history, "");
        let mut alice = come_in(&server, "alice");
        for (line, answer) in
            [(":timestamps off", "* Timestamps are off"), (":ids off", "* Ids are off"), (":quiet on", "* Quiet is on")]
        {
            alice.send(line);
            alice.expect(answer);
        }
        quit(alice);

        let mut server = server;
        for restarts in 0..2 {
            if restarts > 0 {
                server.end();
                server = home.start(history, "");
            }
            let mut alice = chat(&server, "alice", "general");
            let mut bob = server.chat("bob", "general");
            bob.send("hello");
            let seen = alice.expect("bob: hello\r\n");
            assert!(!seen.contains("joined") && !seen.ends_with("] bob: hello\r\n"), "{seen:?}");
            assert!(!seen.contains('#'), "{seen:?}");
            quit(bob);
            quit(alice);
        }
        // Nobody else's settings change, and what is switched back stays so.
        let mut alice = come_in(&server, "alice");
        for line in [":timestamps on", ":ids on", ":quiet off"] {
            alice.send(line);
        }
        alice.settle();
        quit(alice);
        let mut alice = chat(&server, "alice", "general");
        let mut bob = server.chat("bob", "general");
        alice.expect("* bob joined\r\n");
        bob.send("again");
        assert!(alice.expect("bob: again\r\n").contains("] #"));
    }
}

#[test]
fn a_setting_that_was_undone_stays_undone() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let _bob = server.login("bob");
    let mut alice = come_in(&server, "alice");
    alice.send(":ignore bob");
    alice.expect("* You are now ignoring bob");
    alice.send(":unignore bob");
    alice.expect("* You are no longer ignoring bob.\r\n");
    alice.send(":bell on");
    alice.expect("* The bell rings at every message.\r\n");
    alice.send(":bell off");
    alice.expect("* The bell is off.\r\n");
    quit(alice);
    let (mut alice, _) = arrive(&server, "alice");
    alice.send(":ignore");
    alice.expect("* You are not ignoring anybody.\r\n");
}

#[test]
fn registering_keeps_settings_made_as_a_guest() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut alice = server.login("alice");
    alice.send(":timezone Asia/Tokyo");
    alice.expect("* Your time zone is Asia/Tokyo.\r\n");
    register(&mut alice, crate::support::home::PASSWORD);
    quit(alice);
    let (mut alice, _) = arrive(&server, "alice");
    alice.send(":timezone");
    alice.expect("* Your time zone is Asia/Tokyo.\r\n");
}

#[test]
fn a_login_from_the_palette_restores_the_settings_of_the_account() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut alice = come_in(&server, "alice");
    alice.send(":timezone Asia/Tokyo");
    alice.expect("* Your time zone is Asia/Tokyo.\r\n");
    quit(alice);
    let mut guest = server.login("guest");
    prove(&mut guest, ":login alice", crate::support::home::PASSWORD);
    guest.expect("* You are now known as alice.\r\n");
    guest.send(":timezone");
    guest.expect("* Your time zone is Asia/Tokyo.\r\n");
}

#[test]
fn a_guests_settings_are_gone_when_the_guest_has_left() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("guest");
    guest.send(":timezone Asia/Tokyo");
    guest.expect("* Your time zone is Asia/Tokyo.\r\n");
    quit(guest);
    let mut guest = server.login("guest");
    guest.send(":timezone");
    assert!(!guest.settle().contains("Tokyo"));
}
