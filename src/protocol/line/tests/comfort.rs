//! Keys that bring text back: edited recalled lines, killed text, searched lines, earlier steps.

use proptest::prelude::*;

use super::cuts;
use crate::protocol::line::{Editor, EditorEvent, Keep};
use crate::text;

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const LEFT: &str = "\x1b[D";
const FAMILY: &str = "👨\u{200d}👩\u{200d}👧";

/// An editor that remembers these lines.
fn editor(lines: &[&str]) -> Editor {
    let mut editor = Editor::new(80);
    editor.set_prompt("> ");
    lines.iter().for_each(|line| editor.remember(line));
    editor
}

/// The events of the input; entered lines are finished as a session would.
fn events(editor: &mut Editor, mut input: &[u8]) -> Vec<EditorEvent> {
    let mut events = Vec::new();
    let mut out = Vec::new();
    while let Some(event) = editor.next(&mut input, 0, &mut out) {
        if let EditorEvent::Entered(line) = &event {
            editor.finish(Keep::Shown, &mut out);
            editor.remember(line);
        }
        events.push(event);
    }
    events
}

/// The keys cause no event and produce this line, where `|` is the cursor, however they are split into packets.
#[track_caller]
fn check(lines: &[&str], keys: &[&str], expected: &str) {
    let keys = keys.concat();
    for packets in [vec![vec![keys.as_bytes()]], cuts(keys.as_bytes())].concat() {
        let mut editor = editor(lines);
        for packet in &packets {
            assert_eq!(events(&mut editor, packet), []);
        }
        let (before, after) = editor.line().split_at(editor.cursor());
        assert_eq!(format!("{before}|{after}"), expected, "{packets:?}");
    }
}

fn entered(line: &str) -> EditorEvent {
    EditorEvent::Entered(line.to_owned())
}

#[test]
fn an_edited_recalled_line_is_what_down_gives_back() {
    let lines = ["one", "two"];
    check(&lines, &[UP, "x", DOWN], "twox|");
    check(&lines, &[UP, "x", UP, DOWN], "twox|");
    check(&lines, &[UP, "x", UP, DOWN, DOWN, DOWN], "twox|");
    check(&lines, &["new", UP, UP, "x", DOWN], "two|");
    check(&lines, &["new", UP, UP, "x", DOWN, DOWN], "onex|");
    // However it was edited.
    check(&lines, &[UP, "\x7f", UP, DOWN], "tw|");
    check(&lines, &[UP, "\x17", UP, DOWN], "|");
    check(&lines, &[UP, "\x14", UP, DOWN], "tow|");
    // A line that was not edited is not a draft.
    check(&lines, &["new", UP, LEFT, "\x01", UP, DOWN, DOWN], "new|");
}

#[test]
fn down_gives_back_the_last_of_two_edited_recalled_lines() {
    let lines = ["one", "two", "three"];
    check(&lines, &[UP, "x", UP, "y", DOWN, DOWN], "twoy|");
    check(&lines, &[UP, "x", UP, "y", UP, DOWN], "twoy|");
    check(&lines, &[UP, UP, "x", DOWN, "y", UP, DOWN, DOWN], "threey|");
}

#[test]
fn edits_of_a_recalled_line_are_forgotten_once_a_line_is_entered() {
    let mut editor = editor(&["one", "two"]);
    assert_eq!(events(&mut editor, format!("{UP}x{UP}y\r").as_bytes()), [entered("oney")]);
    assert_eq!(events(&mut editor, format!("{UP}{UP}{DOWN}{DOWN}").as_bytes()), []);
    assert_eq!(editor.line(), "");
}

#[test]
fn cut_text_comes_back_at_the_cursor() {
    check(&[], &["one two", "\x1bb", "\x0b", "\x01", "\x19"], "two|one ");
    check(&[], &["one two", "\x15", "x", "\x19", "\x19"], "xone twoone two|");
    check(&[], &["one two", "\x17", "\x19"], "one two|");
    check(&[], &["one two", "\x1b\x7f", "\x01", "\x1bd", "\x19"], "one| ");
    check(&[], &["你好 世界", "\x17", "\x01", "\x19"], "世界|你好 ");
    // A key that does not cut, and one with nothing to cut.
    check(&[], &["abc", "\x7f", "\x19"], "ab|");
    check(&[], &["abc", "\x0b", "\x19"], "abc|");
}

#[test]
fn text_cut_by_several_keys_in_a_row_comes_back_together() {
    check(&[], &["one two three", "\x17\x17", "\x19"], "one two three|");
    check(&[], &["one two three", "\x01", "\x1bd\x1bd", "\x05", " \x19"], " three one two|");
    check(&[], &["one two three", "\x1bb", "\x0b\x15", "\x19"], "one two three|");
    // Another key between two of them begins again.
    check(&[], &["one two three", "\x17", LEFT, "\x17", "\x19"], "one two| ");
}

#[test]
fn cut_text_is_kept_for_later_lines() {
    let mut editor = editor(&[]);
    assert_eq!(events(&mut editor, b"one\x15two\r\x19\r"), [entered("two"), entered("one")]);
}

#[test]
fn clusters_change_places() {
    check(&[], &["ab", "\x14"], "ba|");
    check(&[], &["abc", LEFT, "\x14"], "acb|");
    check(&[], &["abc", LEFT, LEFT, "\x14"], "ba|c");
    check(&[], &["abc", LEFT, LEFT, "\x14\x14"], "bca|");
    check(&[], &["a", FAMILY, "\x14"], &format!("{FAMILY}a|"));
    check(&[], &["e\u{301}你", "\x14"], "你e\u{301}|");
    check(&[], &["🇩🇪🇫🇷", "\x14"], "🇫🇷🇩🇪|");
    for keys in ["\x14", "a\x14", "ab\x01\x14"] {
        let mut editor = editor(&[]);
        let mut out = Vec::new();
        assert_eq!(editor.next(&mut keys.as_bytes(), 0, &mut out), None);
        assert!(out.contains(&0x07), "{keys:?}");
    }
}

#[test]
fn steps_are_taken_back_word_by_word() {
    check(&[], &["one two  three", "\x1f"], "one two  |");
    check(&[], &["one two  three", "\x1f\x1f"], "one |");
    check(&[], &["one two  three", "\x1f\x1f\x1f"], "|");
    check(&[], &["one two  three", "\x1f\x1f\x1f\x1f"], "|");
    check(&[], &["one two", "\x1f", "four", "\x1f"], "one |");
}

#[test]
fn every_kind_of_step_is_taken_back() {
    check(&["old"], &["one two", UP, "\x1f"], "one two|");
    check(&[], &["one two", "\x15", "\x1f"], "one two|");
    check(&[], &["one two", "\x17\x17", "\x1f\x1f"], "one two|");
    check(&[], &["one two", LEFT, "\x7f", "\x1f"], "one tw|o");
    check(&[], &["one two", "\x01", "\x1b[3~", "\x1f"], "|one two");
    check(&[], &["one two", "\x14", "\x1f"], "one two|");
    check(&[], &["one two", "\x17", "\x19", "\x1f"], "one |");
    check(&[], &["one ", "\x1b[200~a paste of words\nand lines\x1b[201~", "\x1f"], "one |");
    check(&[], &["e", "\x1b[D\x1b[C", "\u{301}", "\x1f"], "e|");
    check(&["old one"], &["new", "\x12", "old", "\r", "\x1f"], "new|");
}

#[test]
fn steps_end_with_their_line() {
    let mut editor = editor(&[]);
    assert_eq!(events(&mut editor, b"one\r\x1f"), [entered("one")]);
    assert_eq!(editor.line(), "");
    assert_eq!(events(&mut editor, b"two\x03\x1f"), [EditorEvent::Interrupted]);
    assert_eq!(editor.line(), "");
}

#[test]
fn an_older_line_is_found_by_its_text_and_accepted_without_being_run() {
    let lines = [":join general", "hello all", ":join games", "bye"];
    for end in ["\r", "\r\n", "\x1b"] {
        let keys = format!("\x12jo{end}\x05");
        check(&lines, &[&keys], ":join games|");
    }
    let mut editor = editor(&lines);
    assert_eq!(events(&mut editor, b"\x12gen\r\r"), [entered(":join general")]);
}

#[test]
fn a_search_goes_further_back_and_says_where_it_ends() {
    let lines = [":join general", "hello all", ":join games", ":join games", "bye"];
    check(&lines, &["\x12jo\x12\r"], ":join general|");
    check(&lines, &["\x12jo\x12\x12\x12\r"], ":join general|");
    check(&lines, &["\x12JOIN GE\r"], ":join general|");
    // A text that is not found leaves the last result.
    check(&lines, &["\x12hello x\r"], "hello all|");
    check(&lines, &["\x12hello x\x7f\x7f\x7f\x7f\x7f\x7f\x7fy\r"], "bye|");
    check(&lines, &["new\x12zzz\r"], "new|");
    let mut editor = editor(&lines);
    let mut out = Vec::new();
    assert_eq!(editor.next(&mut &b"\x12hellox"[..], 0, &mut out), None);
    assert!(String::from_utf8_lossy(&out).contains("not found: hellox | "), "{out:?}");
    assert!(out.contains(&0x07));
}

#[test]
fn the_line_that_was_being_typed_comes_back_from_a_search_that_is_left() {
    let lines = [":join general", "hello all"];
    for end in ["\x07", "\x03"] {
        check(&lines, &["half a line", LEFT, "\x12jo", end], "half a lin|e");
    }
    check(&lines, &["half", "\x12jo\x7f\x7f", "\r"], "half|");
    // Down gives it back, too, after a line was accepted.
    check(&lines, &["half", "\x12jo\r", DOWN, DOWN], "half|");
    check(&lines, &["half", "\x12jo\r", "x", DOWN, DOWN], ":join generalx|");
}

#[test]
fn any_other_key_takes_the_line_and_does_its_work() {
    let lines = ["first one", ":join general", "hello all"];
    check(&lines, &["\x12join", "\x01", "x"], "x|:join general");
    check(&lines, &["\x12gen", LEFT], ":join| general");
    check(&lines, &["\x12join", UP], "first one|");
    check(&lines, &["\x12join", DOWN], "hello all|");
    check(&lines, &["\x12join\x1b[200~x\x1b[201~"], ":x|join general");
    let mut editor = editor(&lines);
    assert_eq!(events(&mut editor, b"\x12join\t"), [EditorEvent::CompletionAsked]);
    assert_eq!(editor.line(), ":join general");
}

#[test]
fn a_search_takes_the_prompts_place_and_gives_it_back() {
    let mut editor = editor(&["hello"]);
    assert_eq!(events(&mut editor, b"\x12he"), []);
    assert_eq!(editor.prompt(), "search: he | ");
    // In the meantime the user was removed from the room.
    editor.set_prompt("[games]> ");
    assert_eq!(editor.prompt(), "search: he | ");
    assert_eq!(events(&mut editor, b"\x12"), []);
    assert_eq!(editor.prompt(), "not found: he | ");
    assert_eq!(events(&mut editor, b"\x07"), []);
    assert_eq!(editor.prompt(), "[games]> ");
    // Without lines there is nothing to look for.
    let mut fresh = Editor::new(80);
    fresh.set_prompt("> ");
    let mut out = Vec::new();
    assert_eq!(fresh.next(&mut &b"\x12"[..], 0, &mut out), None);
    assert_eq!((fresh.prompt(), &out[..]), ("> ", &b"\x07"[..]));
}

#[test]
fn telnets_own_commands_work_in_a_search() {
    let mut editor = editor(&["hello"]);
    assert_eq!(events(&mut editor, b"new\x12hex"), []);
    editor.erase_character(&mut Vec::new());
    assert_eq!(editor.prompt(), "search: he | ");
    editor.erase_line(&mut Vec::new());
    assert_eq!((editor.prompt(), editor.line()), ("> ", ""));
    assert_eq!(events(&mut editor, b"new\x12he"), []);
    editor.interrupt(&mut Vec::new());
    assert_eq!((editor.prompt(), editor.line()), ("> ", ""));
}

#[test]
fn nothing_brings_a_hidden_line_back_or_into_one() {
    let mut editor = editor(&["before", "visible"]);
    assert_eq!(events(&mut editor, b"cut\x15"), []);
    editor.set_hidden(true);
    // Cut, undone, looked for, exchanged, brought back: a bell for each, and the line is what was typed.
    let mut out = Vec::new();
    let mut input: &[u8] = b"secret\x17se\x19\x12cret\x1f\x14\x1b[A!\r";
    let event = editor.next(&mut input, 0, &mut out);
    assert_eq!(event, Some(entered("secret!")));
    assert_eq!(out, b"\x07", "one bell, and nothing of the line");
    editor.finish(Keep::Shown, &mut out);
    editor.remember("secret!");
    editor.set_hidden(false);
    for keys in ["\x19", "\x1f", UP, DOWN, "\x12sec\r"] {
        assert_eq!(events(&mut editor, keys.as_bytes()), []);
        assert!(!editor.line().contains("sec"), "{keys:?}: {}", editor.line());
    }
}

#[test]
fn a_half_typed_hidden_line_is_dropped_when_lines_are_shown_again() {
    let mut editor = editor(&["before"]);
    editor.set_hidden(true);
    assert_eq!(events(&mut editor, b"sec"), []);
    editor.set_hidden(false);
    assert_eq!(editor.line(), "");
    assert_eq!(events(&mut editor, b"\x1f\x19"), []);
    assert_eq!(editor.line(), "");
}

#[test]
fn a_search_ends_when_lines_are_hidden() {
    let mut editor = editor(&["hello"]);
    assert_eq!(events(&mut editor, b"\x12he"), []);
    editor.set_hidden(true);
    assert_eq!((editor.prompt(), editor.line()), ("> ", ""));
}

#[test]
fn enter_on_a_line_over_the_limit_leaves_it_to_be_corrected() {
    let mut editor = editor(&[]);
    let take = |editor: &mut Editor, keys: &str| {
        let (mut input, mut events) = (keys.as_bytes(), Vec::new());
        while let Some(event) = editor.next(&mut input, 8, &mut Vec::new()) {
            if matches!(event, EditorEvent::Entered(_)) {
                editor.finish(Keep::Shown, &mut Vec::new());
            }
            events.push(event);
        }
        events
    };
    assert_eq!(take(&mut editor, "123456789\r"), [EditorEvent::TooLong]);
    assert_eq!(editor.line(), "12345678");
    // Pressed again, Enter sends the line.
    assert_eq!(take(&mut editor, "\r"), [entered("12345678")]);
    assert_eq!(take(&mut editor, "123456789\r\x7f\r"), [EditorEvent::TooLong, entered("1234567")]);
    // The next line that is too long is reported again.
    assert_eq!(take(&mut editor, "123456789\rx\r"), [EditorEvent::TooLong, EditorEvent::TooLong]);
}

#[test]
fn typing_continues_at_the_end_of_a_line_that_is_put_back() {
    let mut editor = editor(&[]);
    editor.put_back("one two", &mut Vec::new());
    assert_eq!((editor.line(), editor.cursor()), ("one two", 7));
    assert_eq!(events(&mut editor, b"\x7f\x7f\x7f3\r"), [entered("one 3")]);
}

fn any_key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", " ", "é", "你", "\u{301}", "👩", "\u{200d}", "🇩", "🇪", "some words "]),
        2 => prop::sample::select(vec!["\x7f", "\x1b[3~", "\x01", "\x05", LEFT, "\x1b[C", UP, DOWN]),
        3 => prop::sample::select(vec!["\x15", "\x0b", "\x17", "\x1bd", "\x19", "\x14", "\x1f", "\x12", "\x07", "\x1b", "\r", "\x03"]),
    ]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn after_any_keys_the_line_is_clean_and_the_cursor_on_a_boundary(
        keys in prop::collection::vec(any_key(), 0..60),
    ) {
        let mut editor = editor(&["a é line", "b 你", "some words"]);
        for key in keys {
            events(&mut editor, key.as_bytes());
            let line = editor.line();
            prop_assert_eq!(&text::sanitize_lines(line), line);
            let is_boundary = editor.cursor() == line.len()
                || text::grapheme_indices(line).any(|(at, _)| at == editor.cursor());
            prop_assert!(is_boundary, "{:?} {}", line, editor.cursor());
        }
    }

    #[test]
    fn all_steps_taken_back_lead_to_an_empty_line(keys in prop::collection::vec(any_key(), 0..40)) {
        let mut editor = editor(&["a é line", "b 你", "some words"]);
        let keys: Vec<_> = keys.into_iter().filter(|key| !matches!(*key, "\r" | "\x03")).collect();
        events(&mut editor, keys.concat().as_bytes());
        events(&mut editor, b"\x07");
        events(&mut editor, &[0x1f; 100]);
        prop_assert_eq!(editor.line(), "");
    }
}
