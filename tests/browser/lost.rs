//! A server that stops answering, goes away or comes back: the page says so, and nothing is missing or there twice.

use std::time::Duration;

use crate::chromium::chromium;
use crate::clock;
use crate::site::{Doorway, Site, WEB, url};
use crate::support::machine::{Logged, argument, file};
use crate::support::{Client, Program, Server};
use crate::visitor::Visitor;

/// What Chromium itself says when a connection cannot be made.
const CONNECTION: &str = "WebSocket connection to";

/// One listener for text, on a free port of this machine.
const LOCAL: &str = "listen = [\"127.0.0.1:0\"]\nquick_listen = []\n";

/// How often each of the lines stands in the log.
fn counts(visitor: &Visitor, room: &str, lines: &[String]) -> Vec<usize> {
    let log = visitor.log(room);
    lines.iter().map(|line| log.matches(line.as_str()).count()).collect()
}

fn lines(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| format!("line {number:03}.")).collect()
}

/// The limit is 75 seconds. The page's clock runs faster for it; `CHATSOCK_REAL_CLOCK=1` waits for the real one.
#[test]
fn a_server_that_does_not_answer_for_90_seconds_is_left_and_nothing_is_lost() {
    let Some(browser) = chromium() else { return };
    let config = file("config.toml", &format!("{LOCAL}[limits]\nmessages_per_second = 0\n{WEB}"));
    let mut server = Logged::start(Program::command(&["--config", argument(&config)]));
    let (text, web) = (server.address(), server.address());
    let page = browser.blank();
    clock::install(&page);
    page.go(&url(web));
    page.allow(CONNECTION);
    let alice = Visitor::login_on(page, "alice");
    alice.enter_room("general");
    let mut bob = Client::chat(text, "bob", "general");
    let before = lines(1..=20);
    for line in &before {
        bob.send(line);
    }
    alice.expect("general", "line 020.");
    alice.click("textbox", "Message general");
    alice.enter("half a sent");
    server.signal("STOP");
    let after = lines(21..=40);
    for line in &after {
        bob.send(line);
    }
    if std::env::var_os("CHATSOCK_REAL_CLOCK").is_some_and(|value| value == "1") {
        alice.be_patient(Duration::from_secs(120));
        alice.see("Reconnecting...");
        // The other side waits as long as the page promises, and a little more.
        std::thread::park_timeout(Duration::from_secs(15));
    } else {
        clock::run(&alice, 25);
        alice.see("Reconnecting...");
        clock::run(&alice, 1);
    }
    assert_eq!(alice.node("button", "Send").property("disabled"), true);
    alice.enter("ence");
    server.signal("CONT");
    alice.expect("general", "line 040.");
    alice.node_where("button", "Send", |node| node.property("disabled") != true);
    assert_eq!(alice.value(&alice.node("textbox", "Message general")), "half a sentence");
    alice.press("Enter");
    bob.expect("alice: half a sentence\r\n");
    alice.expect("general", "half a sentence");
    let all: Vec<_> = before.into_iter().chain(after).chain(["half a sentence".to_owned()]).collect();
    assert_eq!(counts(&alice, "general", &all), vec![1; all.len()]);
    alice.gone("status", "Reconnecting...");
    assert!(!alice.visible_text().contains("Reconnecting"));
}

#[test]
fn a_cut_connection_is_made_again_and_the_gap_is_closed() {
    let Some(browser) = chromium() else { return };
    let server = Server::with(WEB);
    let doorway = Doorway::to(server.listener("web"));
    let alice = Visitor::chat(browser, &doorway.url(), "alice", "general");
    alice.allow(CONNECTION);
    let mut bob = server.chat("bob", "general");
    bob.send("before");
    alice.expect("general", "before");
    for round in 0..3 {
        doorway.shut();
        alice.see("Reconnecting...");
        bob.expect("alice left");
        let missed = lines(round * 10 + 1..=round * 10 + 10);
        for line in &missed {
            bob.send(line);
        }
        bob.settle();
        doorway.lead_to(server.listener("web"));
        alice.expect("general", missed.last().expect("a line"));
        bob.expect("alice joined");
    }
    let all: Vec<_> = lines(1..=30).into_iter().chain(["before".to_owned()]).collect();
    assert_eq!(counts(&alice, "general", &all), vec![1; all.len()]);
    alice.say("back again");
    bob.expect("alice: back again\r\n");
}

#[test]
fn a_page_whose_first_name_was_taken_comes_back_like_any_other() {
    let Some(browser) = chromium() else { return };
    let server = Server::with(WEB);
    let doorway = Doorway::to(server.listener("web"));
    let mut bob = server.chat("bob", "general");
    let page = browser.open(&doorway.url());
    page.fill("Name", "bob");
    page.press("Enter");
    page.see("The name bob is taken; bob2 is free.");
    let alice = Visitor::login_on(page, "alice");
    alice.allow(CONNECTION);
    alice.enter_room("general");
    bob.expect("alice joined");
    doorway.shut();
    alice.see("Reconnecting...");
    bob.expect("alice left");
    bob.send("meanwhile");
    doorway.lead_to(server.listener("web"));
    alice.expect("general", "meanwhile");
    bob.expect("alice joined");
}

#[test]
fn what_was_edited_or_deleted_while_the_page_was_away_is_shown_as_it_is() {
    let Some(browser) = chromium() else { return };
    let server = Server::with(WEB);
    let doorway = Doorway::to(server.listener("web"));
    let alice = Visitor::chat(browser, &doorway.url(), "alice", "general");
    alice.allow(CONNECTION);
    let mut bob = server.chat("bob", "general");
    for line in ["stays", "was wrong", "was secret", "last"] {
        bob.send(line);
    }
    alice.expect("general", "last");
    doorway.shut();
    alice.see("Reconnecting...");
    bob.expect("alice left");
    bob.send("/edit #2 is right");
    bob.settle();
    bob.send("/delete #3");
    bob.expect("#3 was deleted by bob");
    bob.send("after all that");
    bob.settle();
    doorway.lead_to(server.listener("web"));
    alice.expect("general", "after all that");
    alice.expect("general", "message deleted");
    alice.expect("general", "is right (edited)");
    let log = alice.log("general");
    assert!(log.contains("stays") && !log.contains("was wrong") && !log.contains("was secret"), "{log}");
}

#[test]
fn a_guest_whose_name_was_taken_meanwhile_is_asked_for_another() {
    let Some(browser) = chromium() else { return };
    let server = Server::with(WEB);
    let doorway = Doorway::to(server.listener("web"));
    let alice = Visitor::chat(browser, &doorway.url(), "alice", "general");
    alice.allow(CONNECTION);
    let mut bob = server.chat("bob", "general");
    doorway.shut();
    alice.see("Reconnecting...");
    bob.expect("alice left");
    let _other = server.login("alice");
    doorway.lead_to(server.listener("web"));
    alice.node("textbox", "Name");
    alice.wait("document.querySelector('[role=alert]').textContent.length > 5");
    alice.fill("Name", "alicia");
    alice.press("Enter");
    bob.expect("alicia");
}

#[test]
fn a_server_that_starts_again_gets_its_visitors_back() {
    let Some(browser) = chromium() else { return };
    let first = Server::with(WEB);
    let doorway = Doorway::to(first.listener("web"));
    let alice = Visitor::chat(browser, &doorway.url(), "alice", "general");
    alice.allow(CONNECTION);
    alice.enter_room("games");
    alice.say("in the first server");
    alice.expect("games", "in the first server");
    doorway.shut();
    first.end();
    alice.see("Reconnecting...");
    let second = Server::with(WEB);
    let mut bob = second.chat("bob", "games");
    bob.send("in the second server");
    doorway.lead_to(second.listener("web"));
    alice.expect("games", "in the second server");
    // Both rooms again, and what was read before is still there.
    alice.node("button", "games, 2 people*");
    alice.node("button", "general, 1 person*");
    alice.say("here again");
    bob.expect("alice: here again\r\n");
    assert_eq!(alice.log("games").matches("in the first server").count(), 1);
    assert_eq!(alice.log("games").matches("in the second server").count(), 1);
}

#[test]
fn a_server_that_stops_says_goodbye_in_its_own_words() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.allow(CONNECTION);
    site.ask_to_stop();
    alice.see("Reconnecting...");
    alice.node("textbox", "Message general");
}

/// The built program with the page, its exit code, and where the page is.
fn with_exit_code() -> (Logged, String, String) {
    let config = file("config.toml", &format!("{LOCAL}shutdown_delay = 0\n{WEB}"));
    let mut server = Logged::start(Program::command(&["--config", argument(&config)]));
    let (mut code, mut page) = (None, None);
    loop {
        let line = server.line();
        assert!(!line.is_empty(), "the program ended: {}", server.log());
        if let Some(given) = line.strip_prefix("exit code: ") {
            code = Some(given.to_owned());
        } else if let Some(address) = line.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix(" (web)")) {
            page = Some(url(address.parse().expect("an address")));
        }
        if let (Some(code), Some(page)) = (&code, &page) {
            return (server, code.clone(), page.clone());
        }
    }
}

/// Opens the dialog for it, and gives a code.
fn give(visitor: &Visitor, code: &str) {
    visitor.click("button", &format!("{}, you", visitor.name()));
    visitor.click("button", "Stop the server");
    visitor.fill("Exit code", code);
    visitor.press("Enter");
}

#[test]
fn the_one_with_the_exit_code_stops_the_server() {
    let Some(browser) = chromium() else { return };
    let (mut server, code, page) = with_exit_code();
    let alice = Visitor::chat(browser, &page, "alice", "general");
    alice.allow(CONNECTION);
    give(&alice, &code);
    assert_eq!(server.wait(), Some(0));
    alice.see("Reconnecting...");
}

#[test]
fn a_wrong_exit_code_is_refused_in_the_dialog() {
    let Some(browser) = chromium() else { return };
    let (mut server, _, page) = with_exit_code();
    let alice = Visitor::chat(browser, &page, "alice", "general");
    give(&alice, "AAAAA-AAAAA");
    alice.see("That is not the exit code.");
    alice.node("textbox", "Exit code");
    assert!(server.runs());
}

#[test]
fn a_guest_s_conversation_says_where_messages_may_be_missing() {
    let Some(browser) = chromium() else { return };
    let server = Server::with(WEB);
    let doorway = Doorway::to(server.listener("web"));
    let alice = Visitor::chat(browser, &doorway.url(), "alice", "general");
    alice.allow(CONNECTION);
    let mut bob = server.chat("bob", "general");
    bob.send("/dm alice before");
    alice.click("button", "bob, direct messages, 1 unread");
    alice.expect("bob", "before");
    for round in 0..2 {
        doorway.shut();
        bob.expect("alice left");
        bob.send(&format!("/dm alice lost {round}"));
        bob.expect("alice is not online");
        doorway.lead_to(server.listener("web"));
        bob.expect("alice joined");
        alice.expect("bob", "The connection was lost: messages sent meanwhile may be missing here.");
        bob.send(&format!("/dm alice after {round}"));
        alice.expect("bob", &format!("after {round}"));
    }
    assert_eq!(alice.log("bob").matches("may be missing here").count(), 2);
    assert_eq!(alice.log("bob").matches("before").count(), 1);
}

#[cfg(feature = "storage")]
#[test]
fn an_account_s_conversation_goes_on_where_it_broke_off() {
    use crate::support::home::{History, Home, PASSWORD, come_in};
    let Some(browser) = chromium() else { return };
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Kept, &format!("[limits]\nmessages_per_second = 0\n{WEB}"));
    let doorway = Doorway::to(server.listener("web"));
    let page = browser.open(&doorway.url());
    page.fill("Name", "alice");
    page.fill("Password", PASSWORD);
    page.press("Enter");
    page.node("button", "Join a room");
    let alice = Visitor::of(page, "alice");
    alice.enter_room("general");
    alice.allow(CONNECTION);
    let mut bob = come_in(&server, "bob");
    bob.send(":join general");
    bob.expect("1 other here");
    bob.send(":dm alice before");
    alice.click("button", "bob, direct messages, 1 unread");
    alice.expect("bob", "before");
    doorway.shut();
    alice.see("Reconnecting...");
    crate::support::machine::eventually("alice has left", || {
        bob.send(":whois alice");
        bob.settle().contains("not online")
    });
    bob.send(":dm alice meanwhile");
    bob.settle();
    doorway.lead_to(server.listener("web"));
    alice.expect("bob", "meanwhile");
    bob.send(":dm alice after");
    alice.expect("bob", "after");
    let log = alice.log("bob");
    for text in ["before", "meanwhile", "after"] {
        assert_eq!(log.matches(text).count(), 1, "{text}: {log}");
    }
    assert!(!log.contains("may be missing"), "{log}");
}
