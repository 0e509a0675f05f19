//! The effects of keys.

use serde_json::json;

use super::stage::TestScreen;
use crate::cli::connect::model::ClientEffect;
use crate::cli::connect::screen::state::ScreenRequest;

const PAGE_UP: &str = "\x1b[5~";
const PAGE_DOWN: &str = "\x1b[6~";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const FIND: &str = "\x06";
/// ESC alone.
const ESC: &str = "\x1b";

impl TestScreen {
    fn escape(&mut self) {
        self.press(ESC);
        self.pass(jiff::SignedDuration::from_millis(100));
        self.screen.settle_escape(&mut self.model, self.now);
        self.draw();
    }

    fn busy(columns: u16, rows: u16) -> TestScreen {
        let mut stage = TestScreen::in_room(columns, rows);
        for number in 0..100 {
            stage.say(if number % 2 == 0 { "bob" } else { "carol" }, &format!("message {number}"));
        }
        stage.draw();
        stage
    }
}

#[test]
fn a_typed_line_is_sent() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.model.take_effects();
    stage.press("hello");
    stage.assert_shows("> hello");
    stage.press("\r");
    stage.assert_hides("> hello");
    let sent = stage.model.take_effects();
    assert!(matches!(&sent[..], [ClientEffect::Send(request)] if request.content == "hello"), "{sent:?}");
}

#[test]
fn a_draft_stays_in_its_room() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press("half a line");
    stage.press("\x1b[1;3A");
    stage.assert_hides("half a line");
    stage.press(":rooms");
    stage.press("\x1b[1;3B");
    stage.assert_shows("> half a line");
    stage.press(", and the rest");
    stage.assert_shows("> half a line, and the rest");
    stage.press("\x1b[1;3A");
    stage.assert_shows("> :rooms");
}

#[test]
fn a_line_typed_during_a_join_moves_to_the_new_room() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.model.take_effects();
    stage.press(":join games\rhello ga");
    let join = stage.model.take_effects().into_iter().find_map(|effect| match effect {
        ClientEffect::Send(request) if request.action == "join" => Some(request.id),
        _ => None,
    });
    let join = join.expect("a request").to_string();
    stage.feed(json!({ "id": join, "action": "ok", "receiver": "games", "optional": { "people": 1 } }));
    stage.draw();
    stage.assert_shows("> hello ga");
}

#[test]
fn a_paste_is_one_message() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.model.take_effects();
    stage.press("\x1b[200~one~\r\ntwo\x06\nthree\n\x1b[201~");
    stage.assert_shows("> one~");
    stage.assert_shows("  two");
    assert!(stage.model.take_effects().is_empty(), "a line end in a paste sends nothing");
    stage.press("\r");
    let sent = stage.model.take_effects();
    assert!(matches!(&sent[..], [ClientEffect::Send(request)] if request.content == "one~\ntwo\nthree"), "{sent:?}");
}

#[test]
fn keys_in_parts_are_the_same_keys() {
    let mut stage = TestScreen::busy(80, 24);
    stage.assert_shows("message 99");
    for part in ["\x1b", "[", "5", "~"] {
        stage.press(part);
    }
    stage.assert_hides("message 99");
}

#[test]
fn a_scrolled_view_stays_in_place_when_messages_arrive() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press(PAGE_UP);
    let before = stage.text();
    for text in ["new one", "new two", "new three"] {
        stage.say("dan", text);
    }
    stage.draw();
    let after = stage.text();
    assert_eq!(before[..before.len() - 3], after[..after.len() - 3]);
    stage.assert_shows("3 new messages");
    for _ in 0..10 {
        stage.press(PAGE_DOWN);
    }
    stage.assert_shows("new three");
    stage.assert_hides("new messages");
}

#[test]
fn escape_goes_to_the_newest_message() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press(PAGE_UP);
    stage.press(PAGE_UP);
    stage.assert_hides("message 99");
    stage.escape();
    stage.assert_shows("message 99");
}

#[test]
fn scrolling_past_the_top_loads_older_messages_and_keeps_the_view() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.model.take_effects();
    stage.press(PAGE_UP);
    let sent = stage.model.take_effects();
    let Some(ClientEffect::Send(request)) = sent.iter().find(|effect| matches!(effect, ClientEffect::Send(_))) else {
        panic!("{sent:?}");
    };
    assert_eq!(request.action, "history");
    let id = request.id.to_string();
    for number in 1..=5 {
        stage.feed(json!({
            "id": number, "action": "message", "sender": "eve", "receiver": "general", "content": format!("older {number}"),
            "optional": { "history": true, "request": id },
        }));
    }
    stage.feed(json!({ "id": id, "action": "ok" }));
    stage.draw();
    stage.assert_shows("Good morning!");
    stage.assert_shows("older 5");
}

#[test]
fn rooms_are_changed_by_keys() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.feed(json!({ "id": 9, "action": "message", "sender": "dan", "receiver": "games", "content": "hi there" }));
    stage.draw();
    stage.press("\x1ba");
    stage.assert_shows("hi there");
    stage.press("\x1b[1;3A");
    stage.assert_shows("Good morning!");
    stage.press("\x1b3");
    stage.assert_shows("hi there");
    stage.press("\x1bOQ");
    stage.assert_shows("Rooms: arrows, Enter");
    stage.press(UP);
    stage.press("\r");
    stage.assert_shows("Good morning!");
}

#[test]
fn a_search_steps_through_loaded_messages() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press("half a line");
    stage.press(FIND);
    stage.press("message 1[0-2]$");
    stage.assert_shows("1 of 3 loaded");
    stage.assert_shows("message 12");
    stage.press(UP);
    stage.press(UP);
    stage.assert_shows("3 of 3");
    stage.press(DOWN);
    stage.assert_shows("2 of 3");
    stage.escape();
    stage.assert_shows("message 99");
    stage.assert_shows("> half a line");
}

#[test]
fn enter_stays_at_a_hit_or_asks_the_server() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press(FIND);
    stage.press("message 2");
    stage.press(UP);
    stage.press("\r");
    stage.assert_hides("Find:");
    stage.assert_shows("message 28");
    stage.model.take_effects();
    stage.press(FIND);
    stage.press("nowhere\r");
    let sent = stage.model.take_effects();
    assert!(
        sent.iter().any(|effect| matches!(effect, ClientEffect::Send(request) if request.action == "search")),
        "{sent:?}"
    );
}

#[test]
fn enter_jumps_to_a_hit_of_the_server() {
    let mut stage = TestScreen::busy(80, 24);
    stage.model.take_effects();
    stage.press(FIND);
    stage.press("message 5\r");
    let sent = stage.model.take_effects();
    let id = sent
        .iter()
        .find_map(|effect| match effect {
            ClientEffect::Send(request) if request.action == "search" => Some(request.id.to_string()),
            _ => None,
        })
        .expect("a search");
    stage.feed(json!({
        "id": 17, "action": "message", "sender": "carol", "receiver": "general", "content": "message 5",
        "optional": { "hit": 0, "length": 9, "request": id },
    }));
    stage.feed(json!({ "id": id, "action": "ok" }));
    stage.draw();
    stage.assert_shows("1 found on the server");
    stage.assert_shows("#general carol: message 5");
    for (columns, row) in [(40, "14:00 #17 carol: message 5"), (30, "#17 carol: message 5"), (20, "carol: message 5")] {
        stage.resize(columns, 24);
        stage.assert_shows(row);
        stage.assert_hides("#general");
    }
    stage.resize(80, 24);
    stage.press("\r");
    stage.assert_shows("│ message 5 ");
    stage.assert_hides("Find:");
}

#[test]
fn a_wrong_pattern_is_explained() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press(FIND);
    stage.press("(ab");
    stage.assert_shows("The pattern has a mistake at character 1");
}

#[test]
fn names_and_commands_are_completed() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press("bo\t");
    stage.assert_shows("> bob:");
    stage.press("\x15:wh\t\t");
    stage.assert_shows(":whoami  :whois");
    stage.press("\x15:whoi\t");
    stage.assert_shows("> :whois");
}

#[test]
fn rooms_of_the_server_are_completed() {
    let mut stage = TestScreen::new(80, 24);
    for room in ["games", "general"] {
        stage.feed(json!({ "action": "room", "receiver": room, "optional": { "change": "created" } }));
    }
    stage.press(":join ga\t");
    stage.assert_shows("> :join games");
    stage.feed(json!({ "action": "room", "receiver": "gallery", "optional": { "change": "created" } }));
    stage.press("\x15:join ga\t\t");
    stage.assert_shows("gallery  games");
    stage.feed(json!({ "action": "room", "receiver": "games", "optional": { "change": "gone" } }));
    stage.press("\x15:join ga\t");
    stage.assert_shows("> :join gallery");
}

#[test]
fn earlier_lines_are_recalled_without_their_passwords() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press("one\r:join den secret\r");
    stage.press(UP);
    stage.assert_shows("> :join den");
    stage.assert_hides("secret");
    stage.press(UP);
    stage.assert_shows("> one");
    stage.press("\x03\x12jo");
    stage.assert_shows(":join den");
}

#[test]
fn a_password_is_neither_shown_nor_recalled() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press(":register\rhunter2hunter2");
    stage.assert_shows("New password:");
    stage.assert_hides("hunter2");
    stage.press("\r");
    stage.press("\x03");
    stage.press(UP);
    stage.assert_hides("hunter2");
}

#[test]
fn a_question_about_an_offer_does_not_take_the_line_being_typed() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press("I was saying");
    stage.feed(json!({
        "action": "offer", "sender": "bob", "receiver": "alice", "private": true,
        "optional": { "offer": 7, "name": "report.pdf", "size": 1_200_000 },
    }));
    stage.draw();
    stage.assert_shows("bob offers report.pdf, 1.2 MB. Take it? (y/n)");
    stage.assert_hides("I was saying");
    stage.press("n\r");
    stage.assert_hides("Take it?");
    stage.assert_shows("> I was saying");
}

#[test]
fn the_keys_are_listed() {
    for (columns, rows) in [(80, 40), (40, 24), (30, 10)] {
        let mut stage = TestScreen::in_room(columns, rows);
        stage.press("\x1bOP");
        stage.assert_shows("Keys: arrows");
        stage.escape();
        stage.assert_hides("Keys: arrows");
        stage.press(":help keys\r");
        stage.assert_shows("Keys: arrows");
    }
}

#[test]
fn control_keys_suspend_redraw_and_quit() {
    let mut stage = TestScreen::in_room(80, 24);
    stage.press("\x1a");
    stage.press("\x0c");
    assert_eq!(stage.requests, [ScreenRequest::Suspend, ScreenRequest::Redraw]);
    stage.model.take_effects();
    stage.press("\x04");
    let sent = stage.model.take_effects();
    assert!(matches!(&sent[..], [.., ClientEffect::Send(request)] if request.action == "quit"), "{sent:?}");
}

#[test]
fn messages_are_unread_while_the_end_is_not_visible() {
    let mut stage = TestScreen::busy(80, 24);
    stage.press(PAGE_UP);
    stage.screen.attend(&mut stage.model, stage.now);
    stage.say("dan", "did you see this?");
    assert_eq!(stage.model.current().unread(), 1);
    stage.escape();
    stage.screen.attend(&mut stage.model, stage.now);
    assert_eq!(stage.model.current().unread(), 0);
    stage.assert_shows("─ new ─");
}

#[test]
fn a_hit_in_a_message_longer_than_the_screen_is_on_the_screen() {
    let mut stage = TestScreen::in_room(40, 14);
    let text: Vec<String> = (1..=100).map(|number| format!("row {number}.")).collect();
    stage.say("bob", &text.join("\n"));
    stage.draw();
    stage.assert_hides("row 7.");
    stage.press("\x06row 7\\.");
    stage.assert_shows("row 7.");
    stage.press("\x15row 63\\.");
    stage.assert_shows("row 63.");
    stage.assert_shows("1 of 1: arrows, Enter asks on");
}
