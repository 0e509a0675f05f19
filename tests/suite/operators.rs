//! Operators: the rank, their powers on the whole server, and the audit.

#![cfg(feature = "storage")]

use std::net::{IpAddr, SocketAddr, UdpSocket};

use crate::support::home::{
    History, Home, PASSWORD, arrive, chat, come_in, give, knock, prove, register, try_login, view,
};
use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::{Client, Program, Server};

const NOT_YOU: &str = "! Only operators can do that.\r\n";
const ALICE: &str = "operators = [\"alice\"]";

/// A server with the accounts of alice, an operator, and bob, who is not.
fn server(home: &Home) -> Server {
    home.accounts(&["alice", "bob"]);
    home.start(History::Forgotten, ALICE)
}

/// The entries of the audit, without the times.
fn audit(client: &mut Client, command: &str) -> Vec<String> {
    client.settle();
    client.send(command);
    let told = client.settle();
    let lines = told.lines().filter_map(|line| line.split_once("* ").map(|(_, line)| line));
    // `2026-11-21 14:02 alice: ...`
    lines.filter_map(|line| line.splitn(3, ' ').nth(2)).map(str::to_owned).collect()
}

fn banned(server: &Server, address: &str) -> bool {
    let address: IpAddr = address.parse().expect("an address");
    server.hub().address_bans.find(address, server.hub().moment()).is_some()
}

#[test]
fn an_operator_is_notified_at_the_login_and_the_login_is_audited() {
    let home = Home::new();
    let server = server(&home);
    let (mut alice, told) = arrive(&server, "alice");
    assert!(told.contains("* You are an operator.\r\n"), "{told:?}");
    alice.send(":whoami");
    alice.expect("), an operator, in no room");
    assert_eq!(audit(&mut alice, ":audit"), ["alice: logged in from 127.0.0.1"]);
    let (mut bob, told) = arrive(&server, "bob");
    assert!(!told.contains("operator"), "{told:?}");
    bob.send(":whoami");
    bob.expect("), registered, in no room");
}

#[test]
fn an_operators_name_without_the_account_makes_nobody_an_operator() {
    let home = Home::new();
    let server = home.start(History::Forgotten, ALICE);
    let mut alice = server.login("alice");
    for command in [":broadcast x", ":banip", ":banip 192.0.2.1", ":unbanip 192.0.2.1", ":audit"] {
        alice.send(command);
        alice.expect(NOT_YOU);
    }
    // The account is created on the server's own machine, and then she is an operator.
    register(&mut alice, PASSWORD);
    alice.expect("* You are an operator.\r\n");
    assert_eq!(audit(&mut alice, ":audit"), ["alice: registered, and is an operator"]);
}

#[test]
fn the_commands_of_operators_are_refused_to_others() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    let mut guest = server.login("guest");
    let mut bob = come_in(&server, "bob");
    for client in [&mut guest, &mut bob] {
        for command in [":broadcast x", ":banip", ":banip 192.0.2.1", ":unbanip 192.0.2.1", ":audit", ":audit 5"] {
            client.send(command);
            client.expect(NOT_YOU);
        }
    }
    assert!(!alice.settle().contains("Broadcast") && server.hub().address_bans.all(server.hub().moment()).is_empty());
    assert_eq!(audit(&mut alice, ":audit").len(), 1);
}

#[test]
fn only_an_operator_sees_the_addresses_of_users() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    let mut bob = come_in(&server, "bob");
    alice.send(":whois bob");
    alice.expect(", from 127.0.0.1, in no public room, here ");
    bob.send(":whois alice");
    let told = bob.expect("idle ");
    assert!(!told.contains("127.0.0.1"), "{told:?}");
    bob.send(":whois bob");
    let told = bob.expect("idle ");
    assert!(!told.contains("127.0.0.1"), "{told:?}");
}

#[test]
fn an_operators_actions_in_a_users_room_are_audited_from_joining_on() {
    let home = Home::new();
    let server = server(&home);
    let mut bob = come_in(&server, "bob");
    bob.send(":create nest hidden");
    bob.send(":set public off");
    bob.send(":say psst");
    bob.expect("* Sent to nest as #1.\r\n");
    let _carol = server.login("carol");
    let mut alice = come_in(&server, "alice");
    for (command, told) in [
        (":join general", "* Joined general, "),
        (":join nest", "* Joined nest, "),
        (":delete 1", "* Deleted #1.\r\n"),
        (":invite carol", "* carol was invited to nest for 24 h.\r\n"),
    ] {
        alice.send(command);
        alice.expect(told);
    }
    let written = audit(&mut alice, ":audit");
    let wanted = ["alice: in nest: entered as an operator", "alice: in nest: #1 was deleted"];
    assert_eq!(written[1..3], wanted, "{written:?}");
    assert!(written.len() == 4 && written[3].starts_with("alice: in nest: "), "{written:?}");
    // Actions in a user's own room are not audited.
    bob.send(":say again");
    bob.send(":delete");
    bob.expect("* Deleted #2.\r\n");
    assert_eq!(audit(&mut alice, ":audit"), written);
}

#[test]
fn an_operator_who_fails_to_join_a_room_is_not_audited_as_having_joined() {
    let home = Home::new();
    let server = server(&home);
    let mut bob = come_in(&server, "bob");
    bob.send(":create nest hidden");
    bob.send(":set limit 1");
    bob.expect("* bob set the limit to 1\r\n");
    let mut alice = come_in(&server, "alice");
    alice.send(":join nest");
    alice.expect("! nest is full: it takes 1 person.");
    assert_eq!(audit(&mut alice, ":audit"), ["alice: logged in from 127.0.0.1"]);
}

#[test]
fn an_operator_who_changes_names_loses_the_rank_but_not_by_changing_only_the_case() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    alice.send(":nick Alice");
    alice.expect("* You are now known as Alice.\r\n");
    alice.send(":banip");
    alice.expect("* No addresses are banned.\r\n");
    alice.send(":nick carol");
    alice.expect("* You are now known as carol.\r\n");
    alice.send(":banip");
    alice.expect(NOT_YOU);
    prove(&mut alice, ":login alice", PASSWORD);
    alice.expect("* You are now known as alice.\r\n");
    alice.expect("* You are an operator.\r\n");
    alice.send(":banip");
    alice.expect("* No addresses are banned.\r\n");
}

#[test]
fn an_operator_who_deletes_their_account_loses_the_rank() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    prove(&mut alice, ":unregister", PASSWORD);
    alice.expect("* Account alice deleted");
    alice.send(":audit");
    alice.expect(NOT_YOU);
}

#[test]
fn a_broadcast_reaches_everybody_wherever_they_are_but_nobody_before_the_login() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    let mut talking = server.chat("carol", "general");
    let mut idle = server.login("dave");
    let mut asked = come_in(&server, "bob");
    asked.send(":passwd");
    asked.expect("Password: ");
    let mut outside = knock(server.address());
    alice.send(":broadcast Tea at five.");
    for client in [&mut alice, &mut talking, &mut idle] {
        client.expect("* Broadcast from alice: Tea at five.\r\n");
    }
    // A user at a password prompt sees it too, and the prompt remains.
    for _ in 0..3 {
        asked.send(PASSWORD);
    }
    let told = asked.expect("* Your password has been changed.\r\n");
    assert!(told.contains("* Broadcast from alice: Tea at five.\r\n"), "{told:?}");
    outside.send("erin");
    let before = outside.expect("* Hello erin. ");
    assert!(!before.contains("Tea"), "{before:?}");
    let audit = audit(&mut alice, ":audit");
    assert!(audit.last().is_some_and(|line| line.starts_with("alice: broadcast")), "{audit:?}");
}

#[test]
fn addresses_are_banned_listed_and_unbanned() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for (command, told) in [
        (":banip 203.0.113.0/24 2h port scans", "203.0.113.0/24 is banned for 2 hours; 0 people disconnected."),
        (":banip 198.51.100.7", "198.51.100.7 is banned; 0 people disconnected."),
        (":banip 2001:db8::/32 flood", "2001:db8::/32 is banned; 0 people disconnected."),
    ] {
        alice.send(command);
        alice.expect(&format!("* {told}\r\n"));
    }
    for (address, out) in [
        ("203.0.113.77", true),
        ("203.0.114.1", false),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("2001:db8::1", true),
        ("::1", false),
    ] {
        assert_eq!(banned(&server, address), out, "{address}");
    }
    alice.send(":banip");
    alice.expect("* 203.0.113.0/24   by alice, until ");
    alice.expect(" (port scans)\r\n");
    alice.expect("* 198.51.100.7     by alice\r\n");
    alice.expect("* 2001:db8::/32    by alice (flood)\r\n");
    alice.send(":unbanip 198.51.100.7");
    alice.expect("* 198.51.100.7 is no longer banned.\r\n");
    alice.send(":unbanip 198.51.100.7");
    alice.expect("! 198.51.100.7 is not banned; :banip alone lists what is.\r\n");
    // A later ban of the same network replaces the first.
    alice.send(":banip 203.0.113.0/24 sorry, longer");
    alice.expect("* 203.0.113.0/24 is banned; ");
    assert_eq!(server.hub().address_bans.all(server.hub().moment()).len(), 2);
    assert_eq!(
        audit(&mut alice, ":audit"),
        [
            "alice: logged in from 127.0.0.1",
            "alice: banned 203.0.113.0/24 for 2 hours (port scans)",
            "alice: banned 198.51.100.7",
            "alice: banned 2001:db8::/32 (flood)",
            "alice: unbanned 198.51.100.7",
            "alice: banned 203.0.113.0/24 (sorry, longer)",
        ]
    );
}

#[test]
fn the_machine_itself_and_an_invalid_address_cannot_be_banned() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for address in ["127.0.0.1", "127.0.0.2 2h", "127.0.0.0/8", "::1"] {
        alice.send(&format!(":banip {address}"));
        alice.expect("! The server's own machine is never banned.\r\n");
    }
    for wrong in ["nonsense", "203.0.113.0/33", "203.0.113.999"] {
        for command in [":banip", ":unbanip"] {
            alice.send(&format!("{command} {wrong}"));
            alice.expect(&format!("! {wrong} is not an address: "));
        }
    }
    alice.send(":unbanip");
    alice.expect("! Use it as :unbanip <address>, for example :unbanip 203.0.113.0/24\r\n");
    server.login("guest");
}

#[test]
fn a_ban_of_half_the_internet_is_refused() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for wide in ["0.0.0.0/0", "126.0.0.0/7", "::ffff:0:0/96", "::/0", "2000::/3", "2000::/15 2h flood"] {
        alice.send(&format!(":banip {wide}"));
        alice.expect(
            " is too large for one ban: the limit is a /8 for IPv4 and a /16 for IPv6. Nothing was changed.\r\n",
        );
    }
    assert!(server.hub().address_bans.all(server.hub().moment()).is_empty());
    for most in ["10.0.0.0/8", "2001::/16"] {
        alice.send(&format!(":banip {most}"));
        alice.expect(&format!("* {most} is banned; 0 people disconnected.\r\n"));
    }
    // `:unbanip` accepts such networks, since earlier versions allowed these bans.
    alice.send(":unbanip 0.0.0.0/0");
    alice.expect("! 0.0.0.0/0 is not banned; :banip alone lists what is.\r\n");
}

#[test]
fn bans_of_addresses_survive_a_restart_and_lifted_ones_do_not_come_back() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for command in
        [":banip 203.0.113.0/24 2h scans", ":banip 198.51.100.7", ":banip 192.0.2.9 1s", ":unbanip 198.51.100.7"]
    {
        alice.send(command);
        alice.expect(" banned");
    }
    eventually("the short ban is over", || !banned(&server, "192.0.2.9"));
    server.end();
    let server = home.start(History::Forgotten, ALICE);
    assert!(banned(&server, "203.0.113.5") && !banned(&server, "198.51.100.7"));
    let mut alice = come_in(&server, "alice");
    alice.send(":banip");
    let told = alice.settle();
    assert!(told.contains("* 203.0.113.0/24   by alice, until "), "{told:?}");
    assert!(!told.contains("198.51.100.7") && !told.contains("192.0.2.9"), "{told:?}");
}

/// A non-loopback address of this machine, if it has one.
fn own_address() -> Option<IpAddr> {
    // Nothing is sent: connecting a datagram socket only looks up which address it would be sent from.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn a_ban_of_an_address_disconnects_its_users_and_refuses_new_connections() {
    let Some(outside) = own_address() else {
        eprintln!("skipped: this machine has no address but its loopback");
        return;
    };
    let home = Home::new();
    home.accounts(&["alice"]);
    let top = format!("listen = [\"0.0.0.0:0\"]\nshutdown_delay = 0\n{ALICE}\n");
    let path = file("chatsock.toml", &home.config(History::Forgotten, &top));
    let mut program = Logged::start(Program::command(&["--config", argument(&path)]));
    let port = program.address().port();
    let (near, far) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from((outside, port)));
    let mut alice = try_login(near, "alice", PASSWORD);
    alice.expect("* You are an operator.\r\n");
    let mut guest = Client::login(far, "guest");
    alice.send(&format!(":banip {outside} 1h noise"));
    alice.expect(&format!("* {outside} is banned for 1 hour; 1 person disconnected.\r\n"));
    let told = guest.expect_end();
    assert!(told.contains("! Your address is banned for ") && told.contains(" (noise)"), "{told:?}");
    let told = Client::connect(far).expect_end();
    assert!(told.contains("! Your address is banned for ") && !told.contains("Username"), "{told:?}");
    Client::login(near, "nearby");
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));

    let mut program = Logged::start(Program::command(&["--config", argument(&path)]));
    let port = program.address().port();
    let (near, far) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from((outside, port)));
    assert!(Client::connect(far).expect_end().contains("! Your address is banned for "));
    let mut alice = try_login(near, "alice", PASSWORD);
    alice.expect("* You are an operator.\r\n");
    alice.send(&format!(":unbanip {outside}"));
    alice.expect(&format!("* {outside} is no longer banned.\r\n"));
    Client::login(far, "guest");
}

#[test]
fn from_elsewhere_an_unregistered_operators_name_is_refused() {
    let Some(outside) = own_address() else {
        eprintln!("skipped: this machine has no address but its loopback");
        return;
    };
    let home = Home::new();
    home.accounts(&["bob"]);
    let top = format!("listen = [\"0.0.0.0:0\"]\nshutdown_delay = 0\n{ALICE}\n");
    let path = file("chatsock.toml", &home.config(History::Forgotten, &top));
    let mut program = Logged::start(Program::command(&["--config", argument(&path)]));
    let far = SocketAddr::from((outside, program.address().port()));
    let mut client = Client::connect(far);
    client.expect("Username: ");
    client.send("alice");
    client.expect("* The name alice needs its password.");
    let warned = "* This connection is not encrypted: anybody between you and the server can read your password.\r\n";
    client.expect(warned);
    give(&mut client, PASSWORD);
    client.expect("! Wrong name or password. Give your name again.\r\n");
    client.send("mallory");
    client.expect("* Hello mallory. ");
    client.send(":nick alice");
    client.expect("! alice is registered");
    // The notice is shown once.
    prove(&mut client, ":login bob", PASSWORD);
    let told = client.expect("* You are now known as bob.\r\n");
    assert!(!told.contains("not encrypted"), "{told:?}");
}

#[test]
fn operators_may_moderate_every_room_and_are_audited() {
    let home = Home::new();
    let server = server(&home);
    let mut bob = come_in(&server, "bob");
    bob.send(":create den sesame");
    bob.expect("[den]> ");
    bob.send(":set public off");
    bob.expect("* bob hid the room");
    bob.send(":chat");
    bob.expect("den | ");
    let mut alice = come_in(&server, "alice");
    // She is not asked for the password.
    view(&mut alice, "den");
    bob.send("/kick alice");
    bob.expect("! You cannot kick alice, who is an operator.\r\n");
    alice.send("/topic Quiet, please.");
    bob.expect("* alice set the description: Quiet, please.\r\n");
    alice.send("/kick bob enough");
    bob.expect("* You were kicked from den by alice (enough). You may come back in 1 minute.\r\n");
    alice.send("/destroy");
    alice.expect("* den was closed by alice.\r\n");
    // The server's own rooms have no admins, and operators moderate them.
    let mut carol = server.chat("carol", "general");
    view(&mut alice, "general");
    alice.send("/mute carol 10m");
    alice.expect("* carol was muted by alice for 10 minutes\r\n");
    carol.send("heard?");
    // The ten minutes, less the time that has passed.
    carol.expect("! Not sent: you are muted in general for ");
    carol.expect(" minutes");
    assert_eq!(
        audit(&mut alice, "/audit"),
        [
            "alice: logged in from 127.0.0.1",
            "alice: in den: entered as an operator",
            "alice: in den: alice set the description: Quiet, please.",
            "alice: in den: bob was kicked by alice (enough)",
            "alice: in den: den was closed by alice",
            "alice: in general: carol was muted by alice for 10 minutes",
        ]
    );
}

#[test]
fn an_operator_deletes_messages_of_others() {
    let home = Home::new();
    let server = server(&home);
    let mut carol = server.chat("carol", "general");
    let mut alice = chat(&server, "alice", "general");
    carol.send("spam");
    alice.expect("carol: spam\r\n");
    alice.send("/delete 1");
    carol.expect("* #1 was deleted by alice\r\n");
}

#[test]
fn the_audit_shows_the_last_actions_in_order_and_survives_a_restart() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for number in 1..=25 {
        alice.send(&format!(":banip 192.0.2.{number}"));
        alice.expect(" is banned");
    }
    server.end();
    let server = home.start(History::Forgotten, ALICE);
    let mut alice = come_in(&server, "alice");
    assert_eq!(
        audit(&mut alice, ":audit 3"),
        ["alice: banned 192.0.2.24", "alice: banned 192.0.2.25", "alice: logged in from 127.0.0.1"]
    );
    assert_eq!(audit(&mut alice, ":audit").len(), 20);
    assert_eq!(audit(&mut alice, ":audit 100").len(), 27);
    for wrong in ["0", "100000000"] {
        alice.send(&format!(":audit {wrong}"));
        alice.expect("! The number of entries must be 1 to ");
    }
}

#[test]
fn a_reload_makes_and_removes_operators_while_they_are_connected() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = chat(&server, "alice", "general");
    let mut bob = chat(&server, "bob", "general");
    home.reconfigure(&server, History::Forgotten, "operators = [\"bob\"]");
    alice.send("/audit");
    alice.expect(NOT_YOU);
    alice.send("/topic mine");
    alice.expect("! general is one of the server's own rooms and has no admins");
    bob.send("/topic ours");
    alice.expect("* bob set the description: ours\r\n");
    let entries = audit(&mut bob, "/audit");
    assert_eq!(
        entries.last().map(String::as_str),
        Some("bob: in general: bob set the description: ours"),
        "{entries:?}"
    );
}

#[test]
fn an_action_is_in_the_audit_at_once() {
    let home = Home::new();
    let server = server(&home);
    let mut alice = come_in(&server, "alice");
    for number in 1..=5 {
        alice.send(&format!(":banip 192.0.2.{number}\r\n:audit 1"));
        alice.expect(&format!(" alice: banned 192.0.2.{number}\r\n"));
    }
}
