//! People on the page and on telnet, in the same rooms.

use crate::chromium::chromium;
use crate::site::Site;
use crate::visitor::Visitor;

/// Where each of the texts is in the log; fails if one is missing.
fn places(visitor: &Visitor, room: &str, texts: &[&str]) -> Vec<usize> {
    let log = visitor.log(room);
    texts.iter().map(|text| log.find(text).unwrap_or_else(|| panic!("{text:?} is not in {log:?}"))).collect()
}

#[test]
fn two_pages_and_a_telnet_user_talk_in_one_room_and_see_the_same_order() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let bob = site.visitor_in(browser, "bob", "general");
    let mut carol = site.chat("carol", "general");
    alice.say("the first line");
    carol.expect("alice: the first line\r\n");
    carol.send("the second line");
    bob.expect("general", "the second line");
    bob.say("the third line");
    carol.expect("bob: the third line\r\n");
    let texts = ["the first line", "the second line", "the third line"];
    for visitor in [&alice, &bob] {
        visitor.expect("general", "the third line");
        assert!(places(visitor, "general", &texts).is_sorted(), "{}", visitor.log("general"));
        for text in texts {
            assert_eq!(visitor.log("general").matches(text).count(), 1, "{text} once, also for who wrote it");
        }
        for name in ["alice*", "bob*", "carol*"] {
            assert_eq!(visitor.all("button", name).len(), 1 + usize::from(*name == *format!("{}*", visitor.name())));
        }
        visitor.node("button", "general, 3 people*");
    }
    carol.send("/quit");
    carol.expect_end();
    alice.expect("general", "carol left");
    alice.node("button", "general, 2 people*");
}

#[test]
fn several_lines_are_one_message() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    alice.click("textbox", "Message general");
    alice.enter("one");
    alice.press("Shift+Enter");
    alice.enter("two");
    alice.press("Enter");
    bob.expect("alice: one\r\n");
    bob.expect("two\r\n");
    let lines = alice.wait_for("both lines", || {
        let text = alice.visible_text();
        text.contains("one\ntwo").then_some(text.clone()).ok_or(text)
    });
    assert_eq!(lines.matches("two").count(), 1);
}

#[test]
fn the_list_shows_lock_people_creator_and_time_of_each_room() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let mut bob = site.login("bob");
    bob.send(":create planning secret");
    bob.expect("* Made planning, you are its admin.");
    bob.send(":topic where plans are made");
    bob.settle();
    let made = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let alice = site.visitor(browser, "alice");
    let locked = alice.node("button", "planning, 1 person, with a password");
    let open = alice.node("button", "general, 0 people");
    let has_lock = "function () { return !!this.querySelector('svg'); }";
    assert_eq!(alice.on(&locked, has_lock), true);
    assert_eq!(alice.on(&open, has_lock), false);
    let text = alice.text_of(&locked);
    let minutes = [0, 1].map(|ago| (&made - jiff::Span::new().minutes(ago)).strftime("bob, since %H:%M").to_string());
    assert!(minutes.iter().any(|line| text.contains(line)), "{minutes:?} in {text:?}");
    // Another user comes in: the number is right after a reload.
    let mut carol = site.login("carol");
    carol.send(":join planning secret");
    carol.expect("[planning]> ");
    alice.click("button", "Reload the rooms");
    alice.node("button", "planning, 2 people, with a password");
    // Wrong password, then the right one.
    alice.click("button", "planning, *");
    alice.fill("Room password", "wrong");
    alice.press("Enter");
    alice.expect_refusal();
    alice.fill("Room password", "secret");
    alice.press("Enter");
    alice.node("textbox", "Message planning");
    alice.see("where plans are made");
    for person in ["bob, admin, since *", "carol, since *", "alice, you, since *"] {
        alice.node("button", person);
    }
}

#[test]
fn a_room_is_made_on_the_page_and_left() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor(browser, "alice");
    alice.click("button", "New room");
    alice.fill("Room", "den");
    alice.fill("Room password", "secret");
    alice.press("Enter");
    alice.node("textbox", "Message den");
    alice.node("button", "den, 1 person, with a password");
    let mut bob = site.login("bob");
    bob.send(":join den secret");
    bob.expect("* Joined den, 1 other here.");
    alice.expect("den", "bob joined");
    alice.choose_for_room("den", "Leave the room");
    bob.settle();
    bob.send(":list");
    bob.expect("bob");
    alice.gone("textbox", "Message den");
}

#[test]
fn direct_messages_are_conversations_with_unread_counts() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let bob = site.visitor_in(browser, "bob", "general");
    let mut carol = site.chat("carol", "general");
    alice.choose_for("bob, since*", "Send a direct message");
    alice.node("textbox", "Message bob");
    alice.say("between us");
    alice.expect("bob", "between us");
    bob.click("button", "alice, direct messages, 1 unread");
    bob.expect("alice", "between us");
    bob.say("of course");
    alice.expect("bob", "of course");
    bob.gone("button", "alice, direct messages, 1 unread");
    carol.send("@alice psst");
    alice.node("button", "carol, direct messages, 1 unread");
    alice.click("button", "carol, direct messages*");
    alice.expect("carol", "psst");
    alice.say("hush");
    carol.expect("hush");
    assert!(!bob.log("general").contains("psst") && !bob.log("general").contains("between us"));
    // They do not end with the page of one of them, and a reload begins afresh.
    drop(bob);
    alice.enter_room("general");
    alice.expect("general", "bob left");
}

#[test]
fn answers_edits_deletions_and_temporary_messages_reach_everybody() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let bob = site.visitor_in(browser, "bob", "general");
    let mut carol = site.chat("carol", "general");
    alice.say("apples");
    bob.expect("general", "apples");
    alice.expect("general", "apples");
    alice.press("ArrowUp");
    alice.wait("document.activeElement.value === 'apples'");
    alice.press("Ctrl+a");
    alice.enter("pears");
    alice.press("Enter");
    bob.expect("general", "pears (edited)");
    carol.expect("pears");
    assert!(!bob.log("general").contains("apples"));
    // By mouse: the tools of the message that is pointed at.
    bob.point_at("general", "pears");
    bob.click("button", "Reply");
    bob.say("with cheese");
    alice.expect("general", "with cheese");
    carol.expect("with cheese\r\n");
    alice.wait_for("what was answered", || {
        let log = alice.log("general");
        (log.matches("pears").count() == 2).then_some(()).ok_or(log)
    });
    bob.point_at("general", "with cheese");
    bob.click("button", "Delete");
    for visitor in [&alice, &bob] {
        visitor.expect("general", "message deleted");
        assert!(!visitor.log("general").contains("with cheese"));
    }
    // Somebody else's cannot be deleted by a member.
    bob.point_at("general", "pears");
    bob.node("button", "Reply");
    assert_eq!(bob.all("button", "Delete").len(), 0);
    alice.click("button", "Temporary message");
    alice.say("for a while");
    bob.expect("general", "for a while (temporary, ");
    alice.click("button", "Temporary message");
    alice.say("for good");
    bob.expect("general", "for good");
    assert!(!bob.log("general").contains("for good (temporary"));
    alice.say("/temp 2 gone soon");
    carol.expect("gone soon");
    for visitor in [&alice, &bob] {
        visitor.expect("general", "message expired");
        assert!(!visitor.log("general").contains("gone soon"));
    }
}

#[test]
fn commands_lead_where_the_page_has_a_place_for_them() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    alice.say("/dm Bob");
    alice.node("textbox", "Message bob");
    alice.say("over here");
    bob.expect("alice -> you: over here\r\n");
    alice.enter_room("general");
    alice.say("/dm nobody");
    alice.see("nobody is not online; :listall shows who is.");
    alice.fill("Message general", "/jion");
    alice.press("Enter");
    alice.see("No command /jion. Did you mean /join?");
    alice.fill("Message general", "/msg bob at once");
    alice.press("Enter");
    bob.expect("alice -> you: at once\r\n");
    alice.say("/passwd");
    alice.node("button", "Log out");
    alice.press("Escape");
    alice.say("/nick alicia");
    bob.expect("* alice is now known as alicia\r\n");
    alice.node("button", "alicia, you");
}

#[test]
fn rooms_are_live_at_once_with_unread_counts_and_mentions() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    let mut bob = site.chat("bob", "general");
    alice.enter_room("games");
    bob.send("anyone?");
    alice.node("button", "general, 2 people, 1 unread");
    bob.send("hello malice");
    alice.node("button", "general, 2 people, 2 unread");
    bob.send("Alice, are you there?");
    alice.node("button", "general, 2 people, 3 unread, you are mentioned");
    alice.wait("document.title.startsWith('(3) ')");
    alice.enter_room("general");
    alice.node("button", "general, 2 people");
    alice.wait("document.title === 'general'");
    let log = alice.log("general");
    assert!(log.find("New").expect("a hairline") < log.find("anyone?").expect("the first unread"), "{log:?}");
    alice.node("button", "games, 1 person*");
}

#[test]
fn older_messages_come_on_scrolling_up_and_nothing_jumps() {
    let Some(browser) = chromium() else { return };
    let site = Site::with("history_max = 500");
    let mut bob = site.chat("bob", "general");
    for number in 1..=400 {
        bob.send(&format!("line {number:03}."));
    }
    bob.settle();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.expect("general", "line 400.");
    assert!(!alice.log("general").contains("line 001."), "the page does not load everything at first");
    alice.see("line 400.");
    alice.wait_for("the first line", || {
        // What is at the top of the screen stays there while more is put above it.
        alice.scroll("general", -400.0);
        let log = alice.log("general");
        log.contains("line 001.").then_some(()).ok_or_else(|| log.chars().take(200).collect::<String>())
    });
    let log = alice.log("general");
    let found: Vec<_> = (1..=400).map(|number| log.matches(&format!("line {number:03}.")).count()).collect();
    assert!(found.iter().all(|count| *count == 1), "{found:?}");
    let places: Vec<_> = (1..=400).map(|number| log.find(&format!("line {number:03}."))).collect();
    assert!(places.is_sorted());
    // Scrolled up, new messages do not take the reader away; the button does.
    bob.send("the newest");
    alice.node("button", "1 new message");
    assert!(!alice.is_visible("general", "the newest"));
    alice.click("button", "1 new message");
    alice.wait_for("the end of the log", || {
        alice.is_visible("general", "the newest").then_some(()).ok_or_else(String::new)
    });
}

#[test]
fn searching_finds_a_message_and_goes_to_it() {
    let Some(browser) = chromium() else { return };
    let site = Site::with("history_max = 500");
    let mut bob = site.chat("bob", "general");
    bob.send("the needle is here");
    for number in 1..=300 {
        bob.send(&format!("hay {number}"));
    }
    bob.settle();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.expect("general", "hay 300");
    alice.click("button", "Search messages");
    alice.fill("Text or pattern", "n[aeiou]+dle");
    alice.press("Enter");
    alice.see("1 message found");
    alice.click("button", "*needle is here");
    alice.wait_for("the message", || {
        alice.is_visible("general", "the needle is here").then_some(()).ok_or_else(String::new)
    });
    alice.click("button", "Search messages");
    alice.fill("Text or pattern", "(");
    alice.press("Enter");
    alice.wait_for("what is wrong with the pattern", || {
        let said = alice.evaluate("document.querySelector('dialog').textContent");
        (!said.as_str().is_some_and(|said| said.contains("found"))).then_some(()).ok_or_else(|| said.to_string())
    });
    alice.expect_refusal();
}

#[test]
fn an_admin_moderates_through_the_menu_of_a_person() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor(browser, "alice");
    alice.click("button", "New room");
    alice.fill("Room", "den");
    alice.press("Enter");
    alice.node("textbox", "Message den");
    let mut bob = site.chat("bob", "den");
    alice.choose_for("bob, since*", "Mute");
    alice.click("button", "Mute");
    bob.expect("mute");
    bob.send("can you hear me?");
    bob.expect("! ");
    assert!(!alice.log("den").contains("can you hear me?"));
    alice.choose_for("bob, *", "Unmute");
    bob.expect("unmute");
    alice.choose_for("bob, *", "Make an admin");
    alice.node("button", "bob, admin*");
    alice.choose_for("bob, *", "Make a member");
    alice.node("button", "bob, since*");
    alice.choose_for("bob, since*", "Kick");
    alice.fill("Reason", "calm down");
    alice.press("Enter");
    bob.expect("calm down");
    alice.gone("button", "bob, *");
    // A member has no such menu.
    let carol = site.visitor_in(browser, "carol", "den");
    carol.click("button", "alice, admin*");
    carol.node("button", "Send a direct message");
    assert_eq!(carol.all("button", "Kick").len() + carol.all("button", "Ban").len(), 0);
}

#[test]
fn settings_are_kept_for_the_next_visit() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let alice = site.visitor_in(browser, "alice", "general");
    alice.click("button", "Settings");
    alice.click("checkbox", "Show times");
    let theme = alice.node("combobox", "Theme");
    alice.on(&theme, "function () { this.focus(); }");
    alice.press("d");
    alice.press("Escape");
    let dark =
        "getComputedStyle(document.body).colorScheme + getComputedStyle(document.documentElement).backgroundColor";
    let before = alice.evaluate(dark);
    alice.reload();
    alice.fill("Name", "alice");
    alice.press("Enter");
    alice.enter_room("general");
    alice.click("button", "Settings");
    assert_eq!(alice.node("checkbox", "Show times").property("checked"), "false");
    assert_eq!(alice.value(&alice.node("combobox", "Theme")), "dark");
    assert_eq!(alice.evaluate(dark), before);
}

#[test]
fn what_a_command_lists_is_shown_as_its_answer_and_not_as_new_messages() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let mut bob = site.chat("bob", "general");
    let alice = site.visitor_in(browser, "alice", "general");
    alice.say("/ignore bob");
    alice.expect("general", "You are now ignoring bob");
    bob.send("is there cake?");
    bob.settle();
    alice.say("/unignore bob");
    alice.expect("general", "You are no longer ignoring bob");
    alice.say("hello");
    alice.expect("general", "hello");
    for command in ["/search cake", "/history 5"] {
        alice.say(command);
        alice.wait(
            "[...document.querySelectorAll('.told')].at(-1).textContent.includes('bob: is there cake?') &&
             ![...document.querySelectorAll('.message')].some(it => it.textContent.includes('cake'))",
        );
        alice.say("next");
        alice.wait("document.querySelector('.log').lastChild.lastChild.lastChild.textContent.includes('next')");
    }
}
