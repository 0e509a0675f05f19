//! What the page looks like: its size, on a phone, for those who see little, and for those who do not see.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::axe::{axe, violations};
use crate::chromium::{Chromium, chromium};
use crate::page::Scheme;
use crate::site::Site;
use crate::support::Client;
use crate::visitor::Visitor;

/// A room in which everything has happened that the page draws in a way of its own.
pub fn lively(browser: &'static Chromium, site: &Site) -> (Visitor, Client) {
    let mut bob = site.login("bob");
    bob.send(":create planning");
    bob.expect("* Made planning, you are its admin.");
    bob.send(":topic What we do on Thursday, and who brings the cake");
    bob.send(":set password secret");
    bob.send(":chat");
    bob.expect(":q goes back.\r\n");
    let alice = site.visitor(browser, "alice");
    alice.enter_room("general");
    alice.join("planning", "secret");
    bob.expect("alice joined");
    let mut carol = site.login("carol");
    carol.send(":join planning secret");
    carol.expect("to leave.\r\n");
    carol.send(":say Morning! Is there coffee?");
    bob.expect("Morning! Is there coffee?\r\n");
    bob.send("There is. See https://example.org/coffee for the beans.");
    alice.expect("planning", "for the beans.");
    alice.say("I will bring a lemon cake.");
    bob.send("alice, you are the best");
    alice.expect("planning", "you are the best");
    alice.say("Shall we meet at noon?");
    alice.expect("planning", "at noon?");
    alice.press("ArrowUp");
    alice.press("Ctrl+a");
    alice.enter("Shall we meet at one?");
    alice.press("Enter");
    alice.expect("planning", "at one? (edited)");
    bob.send("never mind");
    alice.expect("planning", "never mind");
    bob.send("/delete");
    alice.expect("planning", "message deleted");
    bob.send("/temp 3600 the code is 1234");
    alice.expect("planning", "the code is 1234");
    let mut dora = site.login("dora");
    dora.send(":join planning secret");
    alice.expect("planning", "dora joined");
    dora.send("/quit");
    dora.expect_end();
    alice.expect("planning", "dora left");
    drop(carol);
    alice.expect("planning", "carol left");
    (alice, bob)
}

/// What axe finds in each state of the page, with the name of the state.
fn everywhere(visitor: &Visitor, axe: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |state: &str| {
        found.extend(violations(visitor, axe).into_iter().map(|line| format!("{kind}, {state}: {line}")));
    };
    look("in a room");
    for (state, button, inside) in [
        ("settings", "Settings", "checkbox:Show times"),
        ("search", "Search messages", "textbox:Text or pattern"),
        ("room menu", "Menu of planning", "button:Leave the room"),
    ] {
        // On a phone it may be in a panel.
        if visitor.all("button", button).is_empty() {
            visitor.click("button", "Rooms*");
        }
        visitor.click("button", button);
        let (role, name) = inside.split_once(':').expect("a role and a name");
        visitor.node(role, name);
        look(state);
        visitor.press("Escape");
        visitor.gone(role, name);
        visitor.press("Escape");
    }
    found
}

#[test]
fn axe_finds_nothing_in_light_dark_and_on_a_phone() {
    let (Some(browser), Some(axe)) = (chromium(), axe()) else { return };
    let site = Site::start();
    let page = browser.blank();
    page.go(site.url());
    let mut found = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        page.prefer(scheme);
        page.node("textbox", "Name");
        found.extend(violations(&page, &axe).into_iter().map(|line| format!("{scheme:?}, login: {line}")));
    }
    drop(page);
    let (alice, _bob) = lively(browser, &site);
    for scheme in [Scheme::Light, Scheme::Dark] {
        alice.prefer(scheme);
        alice.resize(1280, 800);
        found.extend(everywhere(&alice, &axe, &format!("{scheme:?}")));
        alice.phone();
        found.extend(everywhere(&alice, &axe, &format!("{scheme:?} on a phone")));
    }
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

/// Nothing is wider than the window, and the text field and its button are in it as a whole.
fn expect_fits(visitor: &Visitor) {
    visitor.wait("document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth");
    for (role, name) in [("textbox", "Message *"), ("button", "Send")] {
        let inside = "function () { const { left, top, right, bottom } = this.getBoundingClientRect();
            return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && right - left > 20; }";
        let node = visitor.node(role, name);
        visitor.wait_for(&format!("{name} in the window"), || {
            (visitor.on(&node, inside) == true).then_some(()).ok_or_else(|| "it is not".to_owned())
        });
    }
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_screen_and_the_lists_are_behind_buttons() {
    let Some(browser) = chromium() else { return };
    let site = Site::with("message_limit = 1000");
    let page = browser.blank();
    page.phone();
    page.go(site.url());
    page.wait("document.documentElement.scrollWidth <= innerWidth");
    page.fill("Name", "alice");
    page.click("button", "Log in");
    page.click("button", "general, *");
    let alice = Visitor::of(page, "alice");
    let mut bob = site.chat("bob", "general");
    bob.send(&"a very long line that goes on and on ".repeat(20));
    bob.send(&"Donaudampfschifffahrtsgesellschaft".repeat(20));
    alice.expect("general", "Donau");
    expect_fits(&alice);
    assert_eq!(alice.evaluate("innerWidth"), 390);
    // The number of unread messages is on the button of the list.
    alice.click("button", "Rooms");
    alice.click("button", "games, *");
    alice.node("textbox", "Message games");
    bob.send("and more");
    alice.click("button", "Rooms, 1 unread");
    alice.click("button", "general, 2 people, 1 unread");
    alice.click("button", "People");
    alice.node("button", "bob, since *");
    alice.press("Escape");
    alice.gone("button", "bob, since *");
    expect_fits(&alice);
    // The on-screen keyboard leaves half of the height, and nothing is pushed out.
    alice.resize(390, 420);
    expect_fits(&alice);
    alice.resize(320, 568);
    expect_fits(&alice);
}

#[test]
fn a_screen_reader_hears_new_messages_once_and_no_history() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let mut bob = site.chat("bob", "general");
    bob.send("an old story");
    bob.settle();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.expect("general", "an old story");
    bob.send("hello everyone");
    bob.send("hi alice");
    alice.expect("general", "hi alice");
    // Text in a live region is what is read; the log on the screen is none.
    let spoken = "(kind => [...document.querySelectorAll('[aria-live], [role=log]')]
        .filter(it => (it.ariaLive ?? 'polite') === kind).map(it => it.textContent).join(' '))";
    alice.wait(&format!("{spoken}('assertive').includes('bob: hi alice')"));
    assert_eq!(alice.evaluate(&format!("{spoken}('polite').split('bob: hello everyone').length")), 2);
    let all = "[...document.querySelectorAll('[aria-live], [role=log], [role=status], [role=alert]')]
        .filter(it => it.ariaLive !== 'off').map(it => it.textContent).join(' ')";
    let heard = alice.evaluate(all);
    let heard = heard.as_str().expect("text");
    assert!(!heard.contains("old story") && heard.matches("hi alice").count() == 1, "{heard:?}");
    let log = alice.node("log", "Messages in general");
    assert_eq!(alice.on(&log, "function () { return this.ariaLive; }"), "off");
    // Landmarks, headings and names.
    for (role, name) in
        [("navigation", "Rooms"), ("main", ""), ("complementary", "People in general"), ("heading", "general")]
    {
        alice.node(role, name);
    }
    let nameless: Vec<_> =
        alice.accessible().into_iter().filter(|node| node.role == "button" && node.name.is_empty()).collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    // Switched off, nothing is read.
    alice.click("button", "Settings");
    let aloud = alice.node("combobox", "Read messages aloud");
    alice.on(&aloud, "function () { this.focus(); }");
    alice.press("o");
    alice.press("Escape");
    bob.send("alice, can you hear this?");
    alice.expect("general", "can you hear this?");
    let heard = alice.evaluate(all);
    assert!(!heard.as_str().expect("text").contains("can you hear"), "{heard}");
}

#[test]
fn a_tab_in_the_background_counts_in_its_title() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    bob.send("hello");
    alice.expect("general", "hello");
    assert_eq!(alice.evaluate("document.title"), "general");
    let in_front = alice.send_to_background();
    alice.wait("document.hidden");
    for number in 1..=3 {
        bob.send(&format!("news {number}"));
        alice.wait(&format!("document.title === '({number}) general'"));
    }
    drop(in_front);
    alice.bring_to_front();
    alice.wait("!document.hidden && document.title === 'general'");
    let log = alice.log("general");
    assert!(log.find("New").expect("a hairline") < log.find("news 1").expect("the first"), "{log:?}");
}

/// Some of the things that have to fit into a page that is loaded at once.
#[test]
fn the_page_is_one_small_document() {
    let site = Site::start();
    let mut stream = TcpStream::connect(site.listener("web")).expect("a connection");
    write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.listener("web")).expect("sent");
    let mut page = Vec::new();
    stream.read_to_end(&mut page).expect("the page and the end");
    assert!(page.starts_with(b"HTTP/1.1 200 OK\r\n"), "{:?}", String::from_utf8_lossy(&page[..100.min(page.len())]));
    assert!(page.len() <= 60_000, "{} bytes on the wire", page.len());
    println!("the page: {} bytes on the wire", page.len());
}

#[test]
fn the_end_of_a_log_stays_on_the_screen_when_the_window_changes() {
    let Some(browser) = chromium() else { return };
    let site = Site::with("message_limit = 1000\n[limits]\nmessages_per_second = 0\n");
    let mut bob = site.chat("bob", "general");
    let alice = site.visitor_in(browser, "alice", "general");
    for number in 0..17 {
        bob.send(&format!("line {number} {}", "and so on and on ".repeat(number % 8)));
    }
    bob.send("the end");
    alice.expect("general", "the end");
    // Where the mouse is, the browser holds on to what is under it.
    alice.point_at("general", "the end");
    for (width, height) in [(700, 800), (390, 780), (700, 400), (1200, 800), (390, 780), (780, 390)] {
        alice.resize(width, height);
        let frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))";
        alice.evaluate(frames);
        assert!(alice.is_visible("general", "the end"), "{width} by {height}");
    }
}

#[test]
fn what_is_wrong_with_a_text_goes_with_the_text() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.say("/xyzzy");
    alice.see("No command /xyzzy.");
    for _ in "/xyzzy".chars() {
        alice.press("Backspace");
    }
    alice.wait("document.querySelector('form [role=alert]#send-error').textContent === ''");
}

#[test]
fn on_a_phone_the_time_of_an_action_stands_where_the_others_do() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.phone();
    alice.say("/me waves");
    alice.expect("general", "waves");
    alice.wait(
        "(() => { const [time, text] = ['time', '.text'].map(part => document.querySelector(`.message ${part}`));
         return time.getBoundingClientRect().left === text.getBoundingClientRect().left; })()",
    );
}
