//! Logging in again: taking over from another connection, and returning to the account's rooms.

use crate::support::home::{
    ASKED, BOTH, History, Home, PASSWORD, asked_to_take_over, come_in, give, knock, prove, quit, try_login, view,
};
use crate::support::machine::eventually;
#[cfg(feature = "tls")]
use crate::support::tls::Trust;
use crate::support::{Client, Server};

const THROWN_OUT: &str = "! You were logged out from another connection of your account.\r\n";

const ROOMS: &str = "[rooms.general]\n[rooms.games]\n[rooms.staff]\npublic = false\npassword = \"sesame\"\n";

fn join(client: &mut Client, room: &str) {
    client.send(&format!(":join {room}"));
    client.expect(&format!("[{}]> ", room.split(' ').next().unwrap_or(room)));
}

fn is_online(server: &Server, name: &str) -> bool {
    server.hub().roster.users().iter().any(|person| person.name().as_str() == name)
}

/// Waits until the server has noticed that a user has left.
fn gone(server: &Server, name: &str) {
    eventually("the connection is over", || !is_online(server, name));
}

/// Alice gives her password while another connection of hers is online, and takes over.
fn take_over(server: &Server) -> Client {
    let mut alice = try_login(server.address(), "alice", PASSWORD);
    asked_to_take_over(&mut alice);
    alice.send("");
    alice.expect("* Hello alice. ");
    alice
}

#[test]
fn one_password_and_one_enter_take_over_the_rooms_the_current_room_and_the_view() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut stuck = come_in(&server, "alice");
    join(&mut stuck, "staff sesame");
    view(&mut stuck, "general");
    let mut bob = server.chat("bob", "general");
    bob.send("before");
    stuck.expect("bob: before\r\n");
    let mut alice = take_over(&server);
    // The view shows the same as before, and nobody has joined or left.
    alice.expect("* Back in staff, general. /close to leave.\r\n* general: bob");
    alice.expect("bob: before\r\n");
    alice.expect("general | ");
    assert!(stuck.expect_end().ends_with(THROWN_OUT));
    alice.send("still here");
    assert_eq!(bob.expect("alice: still here\r\n").matches("* alice").count(), 0);
    alice.send("/close");
    alice.expect("* Left general.\r\n");
    alice.expect("[staff]> ");
    alice.send(":close");
    alice.expect("* Left staff.\r\n> ");
    assert_eq!(server.hub().rooms.all().iter().map(|room| room.count()).sum::<usize>(), 1, "bob alone");
}

#[test]
fn a_user_who_takes_over_can_read_back_as_far_as_before() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut bob = come_in(&server, "bob");
    for command in [":create den", ":set history none", ":chat", "too early"] {
        bob.send(command);
        bob.settle();
    }
    let mut stuck = come_in(&server, "alice");
    view(&mut stuck, "den");
    bob.send("in time");
    stuck.expect("bob: in time\r\n");
    let mut alice = take_over(&server);
    let mut seen = alice.expect("bob: in time\r\n");
    alice.send("/history");
    seen += &alice.expect("bob: in time\r\n");
    assert!(!seen.contains("too early"), "{seen:?}");
}

#[test]
fn a_takeover_from_the_palette_returns_to_the_palette_of_the_same_room() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut stuck = come_in(&server, "alice");
    join(&mut stuck, "general");
    join(&mut stuck, "games");
    let mut alice = take_over(&server);
    alice.expect("* Back in general, games. :chat to talk, :close to leave.\r\n[games]> ");
    // Once more, and from the first one again.
    let mut again = take_over(&server);
    again.expect("[games]> ");
    assert!(alice.expect_end().ends_with(THROWN_OUT));
}

#[test]
fn takeovers_and_ghosts_keep_a_place_in_a_full_room() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "[rooms.general]\nlimit = 2\n");
    let mut stuck = come_in(&server, "alice");
    join(&mut stuck, "general");
    let _bob = server.chat("bob", "general");
    let mut alice = take_over(&server);
    alice.expect("[general]> ");
    let mut again = knock(server.address());
    prove(&mut again, ":ghost alice", PASSWORD);
    again.expect("[general]> ");
}

#[test]
fn a_cancelled_takeover_leaves_the_other_connection_alone() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut first = come_in(&server, "alice");
    join(&mut first, "general");
    let mut second = knock(server.address());
    for cancel in [&b":q\r\n"[..], b"/q\r\n", b":quit\r\n", b"\x03"] {
        second.send("alice");
        give(&mut second, PASSWORD);
        asked_to_take_over(&mut second);
        second.send("what?");
        second.expect("! Enter takes over, :q cancels.\r\n");
        second.send_bytes(cancel);
        second.expect("Username: ");
    }
    // Enter takes nothing over from there.
    second.send("");
    second.send("carol");
    second.expect("* Hello carol. 2 people online");
    first.send(":whoami");
    first.expect("registered, in general");
}

#[test]
fn a_user_whose_other_connection_ends_meanwhile_is_logged_in() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut first = come_in(&server, "alice");
    join(&mut first, "general");
    let mut second = try_login(server.address(), "alice", PASSWORD);
    asked_to_take_over(&mut second);
    quit(first);
    gone(&server, "alice");
    second.send("");
    second.expect("* Hello alice. 1 person online");
    second.expect("[general]> ");
}

#[test]
fn of_two_takeovers_the_later_one_wins() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let _first = come_in(&server, "alice");
    let mut others = [(); 2].map(|()| try_login(server.address(), "alice", PASSWORD));
    others.iter_mut().for_each(asked_to_take_over);
    let [one, other] = &mut others;
    one.send("");
    one.expect("* Hello alice. ");
    other.send("");
    other.expect("* Hello alice. ");
    assert!(one.expect_end().ends_with(THROWN_OUT));
    assert_eq!(server.hub().roster.count(), 1);
}

#[test]
fn a_guest_who_holds_the_name_of_an_account_leaves_it_no_rooms() {
    let home = Home::new();
    let server = home.start(History::Forgotten, ROOMS);
    let mut guest = server.login("alice");
    join(&mut guest, "staff sesame");
    home.accounts(&["alice"]);
    let mut alice = take_over(&server);
    alice.expect(":help explains.\r\n> ");
    assert!(guest.expect_end().ends_with(THROWN_OUT));
}

#[test]
fn a_login_from_the_palette_takes_over_too_and_keeps_what_was_open() {
    for (mark, from_view) in [(':', false), ('/', true)] {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(History::Forgotten, ROOMS);
        let mut stuck = come_in(&server, "alice");
        join(&mut stuck, "staff sesame");
        view(&mut stuck, "general");
        let mut guest = server.login("guest");
        join(&mut guest, "games");
        if from_view {
            guest.send(":chat");
            guest.expect("games | ");
        }
        let login = format!("{mark}login alice");
        prove(&mut guest, &login, PASSWORD);
        asked_to_take_over(&mut guest);
        guest.send(":q");
        guest.expect("* Nothing changed.\r\n");
        prove(&mut guest, &login, PASSWORD);
        asked_to_take_over(&mut guest);
        guest.send("");
        guest.expect("* You are now known as alice.\r\n");
        guest.expect("* Back in staff, general. /close to leave.\r\n* general: nobody else here.");
        guest.expect("general | ");
        assert!(stuck.expect_end().ends_with(THROWN_OUT));
        guest.send("/whoami");
        guest.expect("registered, in games, staff, general");
    }
}

#[test]
fn the_quick_listener_asks_about_a_takeover_and_then_joins_the_named_room() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut stuck = come_in(&server, "alice");
    view(&mut stuck, "general");
    let mut alice = Client::connect(server.quick_address());
    alice.expect("Enter room name: ");
    alice.send("games");
    alice.expect("Enter username: ");
    alice.send("alice");
    give(&mut alice, PASSWORD);
    asked_to_take_over(&mut alice);
    alice.send("");
    alice.expect("games | ");
    assert!(stuck.expect_end().ends_with(THROWN_OUT));
    alice.send("/close");
    alice.expect("[general]> ");
    quit(alice);
    gone(&server, "alice");
    // The same without another connection.
    let mut alice = Client::connect(server.quick_address());
    alice.expect("Enter room name: ");
    alice.send("games");
    alice.expect("Enter username: ");
    alice.send("alice");
    give(&mut alice, PASSWORD);
    alice.expect("games | ");
    alice.send("/close");
    alice.expect("[general]> ");
}

#[test]
fn a_takeover_works_where_accounts_are_required() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, &format!("accounts = \"required\"\n{ROOMS}"));
    let mut stuck = come_in(&server, "alice");
    join(&mut stuck, "general");
    let mut alice = take_over(&server);
    alice.expect("[general]> ");
    // A wrong password does not reveal that she is online.
    let mut mallory = try_login(server.address(), "alice", "guess");
    assert!(!mallory.expect("Username: ").contains("logged in"));
}

#[cfg(feature = "tls")]
#[test]
fn a_takeover_works_over_tls() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let state = home.path().display();
    let encrypted = format!("state_dir = \"{state}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n");
    let server = home.start(History::Forgotten, &encrypted);
    let trust = Trust::in_file(&home.path().join("chatsock-certificate.pem"));
    let mut stuck = come_in(&server, "alice");
    view(&mut stuck, "general");
    let mut alice = trust.connect(server.tls_address());
    alice.expect("Username: ");
    alice.send("alice");
    give(&mut alice, PASSWORD);
    asked_to_take_over(&mut alice);
    alice.send("");
    alice.expect("general | ");
    assert!(stuck.expect_end().ends_with(THROWN_OUT));
}

#[test]
fn an_account_returns_to_its_rooms_after_quit_a_lost_connection_and_a_restart() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let mut server = home.start(history, ROOMS);
        let mut alice = come_in(&server, "alice");
        for room in ["general", "staff sesame", "games"] {
            join(&mut alice, room);
        }
        // The current room is not the one that was entered last.
        join(&mut alice, "general");
        alice.send(":create den");
        alice.expect("[den]> ");
        alice.send(":set keep on");
        alice.expect("keeps the room");
        join(&mut alice, "staff");
        alice.send(":join games");
        alice.expect("[games]> ");
        alice.send(":close");
        alice.expect("* Left games.\r\n");
        alice.expect("[staff]> ");
        for way in ["quit", "lost", "restart", "restart again"] {
            match way {
                "quit" => {
                    quit(alice);
                    gone(&server, "alice");
                }
                "lost" => {
                    drop(alice);
                    gone(&server, "alice");
                }
                _ => {
                    server.end();
                    drop(alice);
                    server = home.start(history, ROOMS);
                }
            }
            alice = come_in(&server, "alice");
            alice.expect("* Back in general, den, staff. :chat to talk, :close to leave.\r\n[staff]> ");
        }
        alice.send(":whoami");
        alice.expect("registered, in general, den, staff");
    }
}

#[test]
fn a_room_that_is_not_persistent_is_restored_while_the_server_runs_and_leaves_no_trace() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut alice = come_in(&server, "alice");
    join(&mut alice, "general");
    alice.send(":create lair");
    alice.expect("[lair]> ");
    let _bob = server.chat("bob", "lair");
    quit(alice);
    gone(&server, "alice");
    let mut alice = come_in(&server, "alice");
    alice.expect("[lair]> ");
    crate::support::home::written(&server);
    assert_eq!(home.files_with("lair"), [""; 0]);
    server.end();
    assert_eq!(home.files_with("lair"), [""; 0]);
    let server = home.start(History::Forgotten, ROOMS);
    come_in(&server, "alice").expect("[general]> ");
}

#[test]
fn rooms_that_cannot_be_restored_are_reported_in_one_line() {
    let home = Home::new();
    home.accounts(&["alice", "root"]);
    let config = format!("operators = [\"root\"]\nroom_linger = 0\n{ROOMS}");
    let server = home.start(History::Forgotten, &config);
    let mut root = come_in(&server, "root");
    let mut alice = come_in(&server, "alice");
    for room in ["full", "banned", "invited", "locked", "gone", "other"] {
        root.send(&format!(":create {room}"));
        root.expect(&format!("[{room}]> "));
        join(&mut alice, room);
    }
    join(&mut alice, "general");
    quit(alice);
    gone(&server, "alice");
    for (room, command, told) in [
        ("full", ":set limit 1", "* root set the limit to 1"),
        ("banned", ":ban alice", "* alice was banned by root"),
        ("invited", ":set invite on", "* root "),
        ("locked", ":set password other", "* root set a password"),
    ] {
        join(&mut root, room);
        root.send(command);
        root.expect(told);
    }
    for room in ["gone", "other"] {
        join(&mut root, room);
        root.send(":destroy");
        root.expect(&format!("* {room} was closed by root.\r\n"));
    }
    // A new room of that name is not the one she was in.
    root.send(":create other");
    root.expect("[other]> ");
    let mut alice = come_in(&server, "alice");
    alice.expect(
        "! You could not rejoin full (it is full), banned (you are banned), invited (it is invite-only), \
         locked (it has another password), gone (it is gone), other (it is gone).\r\n",
    );
    alice.expect("* Back in general. :chat to talk, :close to leave.\r\n[general]> ");
    // And is not mentioned again: she is no longer in those rooms.
    quit(alice);
    gone(&server, "alice");
    let mut alice = come_in(&server, "alice");
    assert!(!alice.expect("[general]> ").contains("You could not"));
}

#[test]
fn a_user_who_was_let_into_a_closed_room_returns_without_another_invitation() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Forgotten, "");
    let mut bob = come_in(&server, "bob");
    let mut alice = come_in(&server, "alice");
    bob.send(":group trip alice");
    alice.expect("* bob invites you to trip: :join trip enters it.\r\n");
    join(&mut alice, "trip");
    bob.send(":set keep on");
    bob.expect("keeps the room");
    // Noted when she leaves: the room was not persistent when she came.
    quit(alice);
    gone(&server, "alice");
    come_in(&server, "alice").expect("[trip]> ");
    server.end();
    let server = home.start(History::Forgotten, "");
    come_in(&server, "alice").expect("[trip]> ");
}

#[test]
fn a_configured_password_that_was_changed_over_a_restart_is_asked_for_again() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut alice = come_in(&server, "alice");
    join(&mut alice, "staff sesame");
    server.end();
    // The same password, and again with the hash that was taken over.
    for _ in 0..2 {
        let server = home.start(History::Forgotten, ROOMS);
        come_in(&server, "alice").expect("[staff]> ");
        server.end();
    }
    assert_eq!(home.files_with("sesame"), [""; 0]);
    let server = home.start(History::Forgotten, &ROOMS.replace("sesame", "mellon"));
    let mut alice = come_in(&server, "alice");
    alice.expect("! You could not rejoin staff (it has another password).\r\n> ");
    // On the running server as well.
    join(&mut alice, "staff mellon");
    quit(alice);
    gone(&server, "alice");
    home.reconfigure(&server, History::Forgotten, ROOMS);
    come_in(&server, "alice").expect("! You could not rejoin staff (it has another password).\r\n> ");
}

#[test]
fn a_former_operator_cannot_rejoin_a_room_that_they_entered_as_one() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let operator = format!("operators = [\"alice\"]\n{ROOMS}");
    let server = home.start(History::Forgotten, &operator);
    let mut alice = come_in(&server, "alice");
    join(&mut alice, "staff");
    quit(alice);
    gone(&server, "alice");
    let mut alice = come_in(&server, "alice");
    alice.expect("[staff]> ");
    quit(alice);
    gone(&server, "alice");
    home.reconfigure(&server, History::Forgotten, ROOMS);
    come_in(&server, "alice").expect("! You could not rejoin staff (it has another password).\r\n> ");
    server.end();
    let server = home.start(History::Forgotten, ROOMS);
    assert!(!come_in(&server, "alice").settle().contains("staff]"));
}

#[test]
fn an_account_left_by_a_login_or_a_rename_is_restored_at_the_next_login() {
    let home = Home::new();
    home.accounts(&["alice", "bobby"]);
    let server = home.start(History::Forgotten, ROOMS);
    let mut client = come_in(&server, "alice");
    join(&mut client, "general");
    prove(&mut client, ":login bobby", PASSWORD);
    client.expect("* You are now known as bobby.\r\n");
    client.send(":close");
    client.expect("* Left general.\r\n");
    join(&mut client, "games");
    prove(&mut client, ":login alice", PASSWORD);
    client.expect("* Back in general. :chat to talk, :close to leave.\r\n[general]> ");
    client.send(":nick guest");
    client.expect("* You are no longer logged in to alice");
    client.send(":close");
    client.expect("* Left general.\r\n");
    quit(client);
    let mut alice = come_in(&server, "alice");
    alice.expect("* Back in games, general. ");
    let mut bobby = come_in(&server, "bobby");
    bobby.expect("* Back in games. ");
}

#[test]
fn a_new_account_returns_to_its_rooms_too() {
    let home = Home::new();
    let server = home.start(History::Forgotten, ROOMS);
    let mut carol = server.login("carol");
    join(&mut carol, "games");
    crate::support::home::register(&mut carol, PASSWORD);
    carol.settle();
    drop(carol);
    gone(&server, "carol");
    come_in(&server, "carol").expect("[games]> ");
}

#[test]
fn ghosting_a_guest_says_when_the_name_is_free_and_asks_for_no_password() {
    const SAID: &str = "! bob is a guest, and no password ends that connection. If it is lost, the name is free in at most 2 minutes.\r\n";
    for accounts in ["off", "optional"] {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(History::Forgotten, &format!("accounts = \"{accounts}\""));
        let mut bob = server.login("bob");
        bob.send(":ghost bob");
        bob.expect("! You are bob: there is no other connection to end.\r\n");
        let mut stranger = knock(server.address());
        stranger.send(":ghost BOB");
        assert!(!stranger.expect(SAID).contains(ASKED));
        stranger.expect("Username: ");
        let mut carol = server.chat("carol", "general");
        carol.send("/ghost bob");
        assert!(!carol.expect(SAID).contains(ASKED));
        carol.send(":q");
        carol.expect("[general]> ");
        carol.send(":ghost bob");
        assert!(!carol.expect(SAID).contains(ASKED));
        assert!(is_online(&server, "bob"));
    }
}
