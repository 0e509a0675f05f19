//! The look of channels at different widths, in frames and in lines.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::stage::{LOOK, TestScreen};
use crate::cli::ConnectLook;
use crate::cli::connect::screen::look::Look;
use crate::text::width;

/// Messages in several scripts and of all kinds.
fn talk(stage: &mut TestScreen) {
    stage.say("bob", "Good morning!");
    stage.say("bob", "Who is in?");
    let number = stage.say("carol", "Привет, как дела? 你好，世界。");
    stage.say(
        "alice",
        "I am. And here is something longer, so that it takes more than a row on any of these terminals.",
    );
    stage.say_with("dan", "so do I", json!({ "reply_to": number, "quote_sender": "carol", "quote": "Привет" }));
    stage.say_with("bob", "alice: are you there?", json!({ "mention": true }));
    stage.say_with("carol", "waves", json!({ "action": true }));
    stage.say("נועה", "שלום לכולם, מה שלומכם?");
    stage.say("bob", "👩‍👩‍👧‍👦 and e\u{301} and 🇩🇪");
    stage.say_with(
        "dan",
        "the code is 1234",
        json!({
            "temporary": 30, "ends": (stage.now.time + SignedDuration::from_secs(30)).to_string(),
        }),
    );
    stage.feed(json!({ "action": "joined", "sender": "eve", "receiver": "general", "content": "eve joined" }));
}

/// Asserts that no row is wider than the terminal, and that the edges of every frame are aligned.
fn assert_straight(stage: &TestScreen) {
    let mut edges: Option<(usize, usize)> = None;
    for row in stage.text() {
        assert!(width(&row) <= usize::from(stage.columns), "{row}");
        // The list of rooms has no frame.
        let row: String = if stage.columns >= 90 { row.chars().skip(22).collect() } else { row };
        let (left, right) = (width(&row) - width(row.trim_start()), width(&row));
        if row.trim_start().starts_with('╭') && row.ends_with('╮') {
            edges = Some((left, right));
        } else if row.trim_start().starts_with('│') || row.trim_start().starts_with('╰') {
            if let Some(edges) = edges {
                assert_eq!((left, right), edges, "{row} in\n{}", stage.text().join("\n"));
            }
        } else {
            edges = None;
        }
    }
}

#[test]
fn others_are_on_the_left_and_the_user_on_the_right() {
    for columns in [40, 80, 200] {
        let mut stage = TestScreen::in_room(columns, 40);
        stage.say("alice", "Hello");
        stage.draw();
        println!("{}", stage.text().join("\n"));
        assert_straight(&stage);
        let own = stage.text().into_iter().find(|row| row.contains("Hello")).expect("own");
        assert_eq!(width(&own), usize::from(columns) - 1, "{own}");
        stage.assert_shows("╭─ bob ─");
        stage.assert_shows("Good morning!");
    }
}

#[test]
fn every_message_is_readable_at_any_width() {
    for columns in [40, 80, 200] {
        let mut stage = TestScreen::in_room(columns, 60);
        talk(&mut stage);
        stage.draw();
        println!("{}", stage.text().join("\n"));
        assert_straight(&stage);
        for text in
            ["Who is in?", "Привет", "你好，世界。", "שלום לכולם", "👩‍👩‍👧‍👦", "🇩🇪", "carol waves", "eve joined", "30 s left"]
        {
            stage.assert_shows(text);
        }
        stage.assert_shows("#14 carol: \"Привет\"");
    }
}

#[test]
fn a_frame_is_at_most_60_wide_and_leaves_8_free() {
    for (columns, widest) in [(40, 32), (80, 60), (200, 60)] {
        let mut stage = TestScreen::in_room(columns, 30);
        stage.say("bob", &"x".repeat(300));
        stage.draw();
        let top = stage.text().into_iter().find(|row| row.contains("╭─ bob")).expect("a frame");
        let frame = top.split('╭').nth(1).expect("a frame");
        assert_eq!(width(frame) + 1, widest, "{top}");
        assert_straight(&stage);
    }
}

#[test]
fn messages_of_one_person_within_minutes_share_a_frame() {
    let mut stage = TestScreen::in_room(80, 30);
    stage.say("bob", "second");
    stage.pass(SignedDuration::from_mins(4));
    stage.say("bob", "third");
    stage.draw();
    let frames = |stage: &TestScreen| stage.text().iter().filter(|row| row.contains('╭')).count();
    assert_eq!(frames(&stage), 1, "{}", stage.text().join("\n"));
    stage.pass(SignedDuration::from_mins(6));
    stage.say("bob", "much later");
    stage.say("carol", "me too");
    stage.draw();
    assert_eq!(frames(&stage), 3, "{}", stage.text().join("\n"));
}

#[test]
fn private_messages_say_so() {
    let mut stage = TestScreen::new(80, 24);
    stage.feed(json!({ "id": 7, "action": "message", "sender": "bob", "receiver": "alice", "private": true, "content": "psst" }));
    stage.feed(json!({ "id": 8, "action": "message", "sender": "alice", "receiver": "bob", "private": true, "content": "yes?" }));
    stage.enter_room("bob");
    stage.assert_shows("╭─ bob (Private) ─");
    stage.assert_shows("╭─ to bob (Private) ─");
    assert_straight(&stage);
}

#[test]
fn edits_and_deletions_are_visible() {
    let mut stage = TestScreen::in_room(80, 30);
    let (edited, deleted) = (stage.say("bob", "teh"), stage.say("carol", "oops"));
    stage.feed(json!({ "id": edited, "action": "edited", "sender": "bob", "receiver": "general", "content": "the", "optional": { "edited": true } }));
    stage.feed(json!({ "id": deleted, "action": "deleted", "sender": "carol", "receiver": "general", "content": "carol deleted #13" }));
    stage.draw();
    stage.assert_shows("the (edited)");
    stage.assert_shows("(message deleted)");
    stage.assert_hides("oops");
    assert_straight(&stage);
}

#[test]
fn a_temporary_message_counts_down() {
    let mut stage = TestScreen::in_room(80, 24);
    let ends = stage.now.time + SignedDuration::from_secs(10);
    stage.say_with("bob", "the code is 1234", json!({ "temporary": 10, "ends": ends.to_string() }));
    stage.draw();
    stage.assert_shows("10 s left");
    stage.pass(SignedDuration::from_secs(4));
    stage.draw();
    stage.assert_shows("6 s left");
}

#[test]
fn a_waiting_line_is_visible() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.model.lost("The server is gone.", stage.now);
    stage.press("still here\r");
    stage.assert_shows("still here");
    stage.assert_shows("waiting to be sent");
    stage.assert_shows("reconnecting");
    assert_straight(&stage);
}

#[test]
fn lines_have_no_frames() {
    let mut stage = TestScreen::with_look(60, 30, Look { shape: ConnectLook::Lines, ..LOOK });
    talk(&mut stage);
    stage.enter_room("general");
    println!("{}", stage.text().join("\n"));
    stage.assert_shows("14:00 #12 bob: Who is in?");
    stage.assert_shows("14:00 #17 * carol waves");
    assert!(!stage.text().iter().any(|row| row.contains(['╭', '│'])));
}

#[test]
fn frames_are_ascii_without_utf_8() {
    let mut stage = TestScreen::with_look(60, 30, Look { shape: ConnectLook::Bubbles, utf8: false, ..LOOK });
    stage.say("bob", "Hello");
    stage.say("alice", "Hello, bob");
    stage.enter_room("general");
    stage.assert_shows("+- bob -");
    stage.assert_shows("| Hello");
    assert!(stage.text().iter().all(|row| row.is_ascii()), "{}", stage.text().join("\n"));
}

#[test]
fn narrow_terminals_and_other_locales_show_lines() {
    let mut stage = TestScreen::in_room(39, 24);
    stage.draw();
    stage.assert_shows("bob: Good morning!");
    let mut stage = TestScreen::with_look(80, 24, Look { utf8: false, ..LOOK });
    stage.say("bob", "Good morning!");
    stage.enter_room("general");
    stage.assert_shows("bob: Good morning!");
}

#[test]
fn the_status_line_names_room_people_unread_and_connection() {
    let mut stage = TestScreen::in_room(80, 24);
    for number in [50, 51] {
        stage.feed(json!({ "id": number, "action": "message", "sender": "dan", "receiver": "games", "content": "hi" }));
    }
    stage.draw();
    assert_eq!(stage.text().last().expect("a row"), "general  2 unread in games  connected, TLS 1.3");
    for (columns, status) in [
        (40, "general  2 unread  connected, TLS 1.3"),
        (30, "2 unread  connected, TLS 1.3"),
        (20, "connected, TLS 1.3"),
    ] {
        stage.resize(columns, 24);
        assert_eq!(stage.text().last().expect("a row"), status);
    }
}

#[test]
fn wide_terminals_list_the_rooms_at_the_side() {
    let mut stage = TestScreen::in_room(100, 24);
    stage.feed(json!({ "id": 9, "action": "message", "sender": "dan", "receiver": "games", "content": "hi" }));
    stage.draw();
    let row = stage.text().into_iter().find(|row| row.starts_with(" games")).expect("games");
    assert!(row.split('│').next().is_some_and(|room| room.trim_end().ends_with('1')), "{row}");
    stage.resize(89, 24);
    assert!(!stage.text().iter().any(|row| row.starts_with(" games")));
}

#[test]
fn colours_can_be_turned_off() {
    let mut stage = TestScreen::with_look(80, 40, Look { color: false, ..LOOK });
    talk(&mut stage);
    stage.enter_room("general");
    let plain = |cell: &ratatui::buffer::Cell| {
        matches!(cell.fg, ratatui::style::Color::Reset) && matches!(cell.bg, ratatui::style::Color::Reset)
    };
    assert!(stage.buffer.content.iter().all(plain));
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 8, max_shrink_iters: 60, ..crate::proptest_config() })]

    #[test]
    fn the_screen_can_be_drawn_at_any_size_at_any_time(
        sizes in prop::collection::vec((1_u16..=220, 1_u16..=60), 100),
        keys in prop::collection::vec(prop::sample::select(vec![
            "a", "你好 ", "\x1b\r", "\r", "\x1b[5~", "\x1b[6~", "\x06", "\x1b[A", "\x1b[B", "\x1bOP", "\x1bOQ", "\x12", "\x1b", "\x1b[1;3B",
        ]), 100),
    ) {
        let mut stage = TestScreen::in_room(80, 24);
        talk(&mut stage);
        for ((columns, rows), key) in sizes.into_iter().zip(keys) {
            stage.press(key);
            stage.resize(columns, rows);
            prop_assert!(stage.text().iter().all(|row| width(row) <= usize::from(columns)));
        }
    }
}

#[test]
fn a_direct_message_is_read_and_answered_where_the_user_is() {
    for (columns, shape) in
        [(20, ConnectLook::Fitting), (40, ConnectLook::Fitting), (80, ConnectLook::Lines), (200, ConnectLook::Bubbles)]
    {
        let mut stage = TestScreen::with_look(columns, 24, Look { shape, ..LOOK });
        stage.say("bob", "Good morning!");
        stage.enter_room("general");
        let direct = |sender: &str, receiver: &str, content: &str, number: u64| {
            json!({
                "id": number, "action": "message", "sender": sender, "receiver": receiver, "private": true, "content": content,
            })
        };
        stage.feed(direct("bob", "alice", "psst", 90));
        stage.draw();
        stage.assert_shows("psst");
        assert!(stage.shows("(Private)") || columns == 20, "{:?}", stage.text());
        assert_eq!(stage.model.unread_elsewhere(), 1);
        stage.feed(direct("alice", "bob", "yes?", 91));
        stage.draw();
        stage.assert_shows("yes?");
        assert_eq!(stage.model.unread_elsewhere(), 0, "who answers has read");
        stage.feed(json!({ "id": 90, "action": "edited", "sender": "bob", "private": true, "content": "hello" }));
        stage.draw();
        stage.assert_shows("hello");
        stage.assert_hides("psst");
        stage.feed(json!({ "id": 90, "action": "deleted", "sender": "bob", "private": true }));
        stage.draw();
        stage.assert_hides("hello");
        // The conversation itself has each of them once.
        stage.enter_room("bob");
        stage.assert_shows("yes?");
        assert_eq!(stage.model.current().items().len(), 2);
    }
}

#[test]
fn a_temporary_direct_message_disappears_everywhere() {
    let mut stage = TestScreen::in_room(40, 24);
    let ends = (stage.now.time + SignedDuration::from_secs(5)).to_string();
    stage.feed(json!({
        "id": 90, "action": "message", "sender": "bob", "receiver": "alice", "private": true, "content": "psst",
        "optional": { "temporary": 5, "ends": ends },
    }));
    stage.draw();
    stage.assert_shows("psst");
    stage.pass(SignedDuration::from_secs(6));
    stage.model.tick(stage.now);
    stage.draw();
    stage.assert_hides("psst");
}
