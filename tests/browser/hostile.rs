//! Text that would like to be a script, everywhere where the page shows text from others.

use crate::chromium::chromium;
use crate::site::Site;
use crate::visitor::Visitor;

/// What could run if it were taken for HTML, for an address or for code.
const HOSTILE: &[&str] = &[
    "<img src=x onerror=\"window.ran=1\">",
    "<script>window.ran=1</script>",
    "<svg onload=window.ran=1>",
    "<iframe srcdoc=\"<script>parent.ran=1</script>\"></iframe>",
    "javascript:window.ran=1",
    "<a href=\"javascript:window.ran=1\">click</a>",
    "http://127.0.0.1:1/\" onmouseover=\"window.ran=1",
    "https://javascript:window.ran=1@127.0.0.1/",
    "\"><style>*{display:none}</style>",
    "${window.ran=1} {{window.ran=1}} &lt;b&gt;",
];

/// Nothing has run, and no element has come in that the page has not made.
fn expect_harmless(visitor: &Visitor) {
    assert_eq!(visitor.evaluate("typeof window.ran"), "undefined");
    let foreign = "[...document.querySelectorAll('img, iframe, object, embed, form[action], base, meta[http-equiv], \
        script:not([nonce]), style:not([nonce]), a[href^=\"javascript\" i], body [onerror], body [onload]')].map(it => it.outerHTML)";
    assert_eq!(visitor.evaluate(foreign), serde_json::json!([]));
    // The page's own script and style are not copied from anywhere.
    assert_eq!(visitor.evaluate("document.scripts.length"), 1);
    visitor.expect_no_complaint();
}

#[test]
fn hostile_messages_are_text_for_everybody() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let bob = site.visitor_in(browser, "bob", "general");
    let mut carol = site.chat("carol", "general");
    for text in HOSTILE {
        carol.send(text);
        alice.expect("general", text);
        // As typed on the page as well.
        alice.say(text);
        carol.expect(&format!("alice: {text}"));
    }
    alice.say("that was all");
    alice.expect("general", "that was all");
    bob.expect("general", "that was all");
    for visitor in [&alice, &bob] {
        expect_harmless(visitor);
        for text in HOSTILE {
            let from_each = HOSTILE.iter().map(|other| other.matches(text).count()).sum::<usize>();
            assert_eq!(visitor.log("general").matches(text).count(), 2 * from_each, "{text} from both");
        }
    }
    let links =
        "[...document.querySelectorAll('[role=log] a')].map(({ protocol, rel, target }) => protocol + rel + target)";
    let links = bob.evaluate(links);
    let links = links.as_array().expect("a list");
    assert!(!links.is_empty(), "addresses are links");
    for link in links {
        let link = link.as_str().expect("text");
        assert!(link.starts_with("http") && link.contains("noopener noreferrer nofollow"), "{link}");
    }
    // Bob looks at the messages once more through the search, and answers one.
    bob.click("button", "Search messages");
    bob.fill("Text or pattern", "onerror");
    bob.press("Enter");
    bob.see("messages found");
    bob.press("Escape");
    bob.point_at("general", "<svg onload");
    bob.click("button", "Reply");
    bob.say("<b onclick=window.ran=1>no</b>");
    alice.expect("general", "<b onclick=window.ran=1>no</b>");
    expect_harmless(&alice);
    expect_harmless(&bob);
}

#[test]
fn hostile_descriptions_notes_and_reasons_are_text() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let mut bob = site.login("bob");
    bob.send(":create den");
    bob.expect("you are its admin.");
    let alice = site.visitor_in(browser, "alice", "den");
    for text in HOSTILE {
        // A prefix, so that a text that looks like a command is none.
        bob.send(&format!(":topic about {text}"));
        bob.send(&format!(":away out {text}"));
        bob.settle();
        alice.click("button", "Reload the rooms");
        alice.see(&format!("about {text}"));
        alice.choose_for("bob, *", "Who is this?");
        alice.see(&format!("out {text}"));
    }
    alice.choose_for_room("den", "About this room");
    // A conversation with someone who is away shows their note.
    alice.choose_for("bob, *", "Send a direct message");
    alice.say("are you there?");
    bob.expect("are you there?");
    expect_harmless(&alice);
    bob.send(&format!(":kick alice {}", HOSTILE[0]));
    alice.see(HOSTILE[0]);
    expect_harmless(&alice);
}

#[test]
fn names_that_would_be_hostile_are_refused_in_the_servers_words() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let page = browser.open(site.url());
    for name in HOSTILE {
        page.fill("Name", name);
        page.press("Enter");
        page.wait("!document.querySelector('#login-button').disabled && document.querySelector('[role=alert]').textContent.length > 5");
        page.node("textbox", "Name");
    }
    let alice = Visitor::login_on(page, "alice");
    alice.click("button", "New room");
    alice.fill("Room", HOSTILE[0]);
    alice.press("Enter");
    alice.expect_refusal();
    alice.click("button", "Cancel");
    alice.click("button", "Join a room");
    alice.fill("Room", HOSTILE[0]);
    alice.press("Enter");
    alice.expect_refusal();
    alice.click("button", "Cancel");
    expect_harmless(&alice);
}

#[test]
fn text_that_turns_around_or_piles_up_stays_in_its_line() {
    let Some(browser) = chromium() else { return };
    let site = Site::with("message_limit = 3000");
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    bob.send("one \u{202e}two\u{202c} \u{2066}three");
    alice.expect("general", "one two three");
    let family = "👩\u{200d}👩\u{200d}👧\u{200d}👦";
    let line = family.repeat(150);
    bob.send(&line);
    alice.expect("general", &line);
    bob.send(&format!("a{}", "\u{301}".repeat(200)));
    bob.send(&"W".repeat(2000));
    alice.expect("general", &"W".repeat(2000));
    bob.send("שלום alice, مرحبا");
    alice.expect("general", "שלום alice, مرحبا");
    for (width, height) in [(1280, 800), (390, 844)] {
        alice.resize(width, height);
        let overflow = "[document.documentElement, ...document.querySelectorAll('main, main [role=log]')]
            .filter(it => it.scrollWidth > it.clientWidth + 1).map(it => `${it.tagName} ${it.scrollWidth} > ${it.clientWidth}`)";
        assert_eq!(alice.evaluate(overflow), serde_json::json!([]), "at a width of {width}");
        // No line covers another: each message ends above the next one.
        let covered = "[...document.querySelectorAll('[role=log] [data-id]')].map(it => it.getBoundingClientRect())
            .filter((own, at, all) => at && own.top < all[at - 1].bottom - 1).length";
        assert_eq!(alice.evaluate(covered), 0);
    }
    expect_harmless(&alice);
}

/// A script with one of these could turn text into elements.
#[test]
fn the_pages_script_makes_elements_only_one_by_one() {
    let script =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/web/page.js")).expect("the script");
    let forbidden = r"innerHTML|outerHTML|insertAdjacent|doc(?:ument)?\.write|\beval\b|new Function|setHTML|DOMParser|createContextualFragment|srcdoc|setAttribute\(\s*['\x22`]on|(?:setTimeout|setInterval)\(\s*['\x22`]";
    let forbidden = regex::Regex::new(forbidden).expect("a pattern");
    let found: Vec<_> = script.lines().enumerate().filter(|(_, line)| forbidden.is_match(line)).collect();
    assert!(found.is_empty(), "{found:?}");
}
