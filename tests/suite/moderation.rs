//! Moderation in the log, and texts that must not be in it.

use std::net::SocketAddr;

use crate::support::machine::{Logged, argument, file};
use crate::support::{Client, Program};

/// A program at the most detailed log level.
fn start(extra: &str) -> (Logged, SocketAddr) {
    let config = file(
        "chatsock.toml",
        &format!("listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n{extra}\n[limits]\nmessages_per_second = 0\n"),
    );
    let mut command = Program::command(&["-vv", "--config", argument(&config)]);
    command.env("RUST_LOG", "trace");
    let mut program = Logged::start(command);
    let address = program.address();
    (program, address)
}

/// The only line of the log that contains the text.
fn logged(program: &Logged, text: &str) -> String {
    program.expect_log(text);
    let log = program.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(text)).collect();
    assert_eq!(lines.len(), 1, "{text:?} in {log}");
    assert!(lines[0].starts_with('['), "{:?}", lines[0]);
    lines[0].to_owned()
}

#[test]
fn every_moderation_action_is_a_line_of_the_log_with_room_actor_target_and_reason() {
    let (program, address) = start("");
    let mut alice = Client::login(address, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = Client::login(address, "bob");
    let mut dave = Client::login(address, "dave");
    bob.send(":join den");
    bob.expect("[den]> ");
    for (line, news) in [
        (":invite dave", "dave was invited by alice"),
        (":mute bob 10m", "bob was muted by alice for 10 minutes"),
        (":unmute bob", "bob was unmuted by alice"),
        (":op bob", "alice made bob admin"),
        (":deop bob", "alice made bob an ordinary member"),
        (":topic about games", "alice set the description: about games"),
        (":set limit 8", "alice set the limit to 8"),
        (":slow 30", "alice "),
        (":set invite on", "alice "),
        (":set public off", "alice "),
        (":kick bob calm down", "bob was kicked by alice (calm down)"),
        (":ban bob 2h too loud", "bob was banned by alice for 2 hours (too loud)"),
        (":unban bob", "bob was unbanned by alice"),
        (":ban nobody", "nobody was banned by alice"),
        (":destroy", "den was closed by alice"),
    ] {
        let before = program.log().len();
        alice.send(line);
        // The line is logged before the actor's next answer.
        alice.settle();
        let log = program.log();
        let new: Vec<_> = log[before..].lines().filter(|new| new.contains("room den: ")).collect();
        assert!(new.len() == 1 && new[0].starts_with('['), "{line}: {new:?}");
        assert!(new[0].contains(&format!("room den: {news}")), "{line}: {new:?}");
    }
    dave.settle();
}

#[test]
fn a_refused_action_is_not_in_the_log() {
    let (program, address) = start("");
    let mut alice = Client::login(address, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = Client::login(address, "bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    for line in [":kick alice", ":ban alice", ":mute alice", ":op bob", ":destroy", ":topic mine", ":set limit 1"] {
        bob.send(line);
        bob.expect("! ");
    }
    bob.settle();
    let log = program.log();
    assert!(!log.contains("room den: "), "{log}");
}

#[test]
fn reasons_and_topics_cannot_forge_lines_of_the_log() {
    let (program, address) = start("");
    let mut alice = Client::login(address, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let breaks = "\u{85}[2026-01-01T00:00:00Z ERROR chatsock] forged\u{2028}next\u{1b}[31mred\u{b}\u{c}\u{7f}\u{202e}";
    let mut bob = Client::login(address, "bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    alice.send(&format!(":topic t{breaks}"));
    alice.expect("set the description");
    alice.send(&format!(":kick bob k{breaks}"));
    alice.expect("bob was kicked by alice");
    alice.send(&format!(":ban bob b{breaks}"));
    alice.expect("bob was banned by alice");
    for text in ["bob was kicked by alice (k", "bob was banned by alice (b", "alice set the description: t"] {
        assert!(logged(&program, text).contains("room den: "));
    }
    let log = program.log();
    assert!(log.lines().all(|line| line.starts_with('[') && !line.starts_with("[2026-01-01T00:00:00Z")), "{log}");
    let bad = log.chars().find(|c| *c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{202e}')));
    assert_eq!(bad, None, "{log}");
}

#[test]
fn no_text_and_no_password_is_ever_in_the_log() {
    let (mut program, address) = start(
        "[rooms.general]\n[rooms.staff]\npublic = false\npassword = \"canary configured\"\n[rooms.vault]\n\
         password = \"canary vault\"",
    );
    let mut bob = Client::chat(address, "bob", "general");
    let mut alice = Client::login(address, "alice");
    alice.send(":join general");
    alice.expect("[general]> ");
    for line in [
        ":say canary say",
        ":to general canary to",
        ":me canary me",
        ":dm bob canary dm",
        "@bob canary at",
        "@bob,alice canary at two",
        ":reply 1 canary reply",
        ":edit canary edit",
        ":edit 1 canary edit one",
        ":temp 1 canary temp",
        ":temp 1 @bob canary temp bob",
        ":paste",
        "canary paste one",
        "canary paste two",
        ".",
        ":search canary",
        ":search (canary",
        ":echo canary echo",
        ":away canary away",
        ":timezone canary/zone",
        ":create den canary created",
        ":set password canary set",
        ":set pasword canary mistyped",
        ":set limit canary",
        ":join staff canary wrong",
        ":join staff",
        "canary asked",
        ":join staff canary configured",
        ":join vault",
        "canary vault",
        ":shutdown canary-code",
        ":say ",
        ":canary",
        ":sya canary",
        "canary in the palette",
        ":nick canary nick",
        ":ignore canary",
        ":dm canary canary",
        ":kick canary canary",
        ":delete canary",
        ":chat",
        "canary in the view",
        ":joim staff canary",
        " canary with a blank",
        "/reply 1 canary again",
        "@bob canary from the view",
        "/temp 1 canary from the view",
        "/q",
    ] {
        alice.send(line);
    }
    alice.settle();
    bob.expect("canary dm\r\n");
    bob.expect("* #9 expired\r\n");
    // Half a line and half a paste at the end, and an invalid user name and room name.
    alice.send(":paste");
    alice.send("canary not ended");
    alice.send_bytes(b"canary no line end");
    alice.finish();
    alice.expect_end();
    let mut stranger = Client::connect(address);
    stranger.send("canary is too long a name for anybody");
    stranger.expect("! ");
    stranger.send_bytes(b"\xff\xf4canary\x00\x03");
    stranger.finish();
    stranger.expect_end();
    program.signal("HUP");
    program.expect_log("configuration reloaded");
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
    let log = program.log();
    assert!(!log.to_lowercase().contains("canary"), "{log}");
    assert!(log.contains("wrong password for a room") && log.contains("wrong exit code"), "{log}");
}
