//! What keys do to the line. What they draw is tested elsewhere.

use proptest::prelude::*;

use crate::protocol::line::{Editor, EditorEvent, Keep};
use crate::text;

const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const FAMILY: &str = "👨\u{200d}👩\u{200d}👧";

fn editor() -> Editor {
    let mut editor = Editor::new(80);
    editor.set_prompt("> ");
    editor
}

/// Presses keys that cause no event.
fn press(editor: &mut Editor, keys: &str) {
    assert_eq!(events(editor, keys.as_bytes(), 0), []);
}

/// All events of the input; entered lines are finished as a session would.
fn events(editor: &mut Editor, mut input: &[u8], limit: usize) -> Vec<EditorEvent> {
    let mut events = Vec::new();
    let mut out = Vec::new();
    while let Some(event) = editor.next(&mut input, limit, &mut out) {
        if let EditorEvent::Entered(line) = &event {
            editor.finish(Keep::Shown, &mut out);
            editor.remember(line);
        }
        events.push(event);
    }
    assert!(input.is_empty());
    events
}

fn entered(line: &str) -> EditorEvent {
    EditorEvent::Entered(line.to_owned())
}

/// The keys make this line, `|` being the cursor.
fn check(keys: &[&str], expected: &str) {
    let mut editor = editor();
    press(&mut editor, &keys.concat());
    let (before, after) = editor.line().split_at(editor.cursor());
    assert_eq!(format!("{before}|{after}"), expected, "{keys:?}");
}

#[test]
fn text_goes_in_at_the_cursor() {
    check(&["helo", LEFT, "l"], "hell|o");
    check(&["b", "\x01", "a", "\x05", "c"], "abc|");
    check(&["a", LEFT, LEFT, LEFT, "b", RIGHT, RIGHT, RIGHT, "c"], "bac|");
}

#[test]
fn backspace_and_delete_take_one_cluster() {
    check(&["ab", "\x7f"], "a|");
    check(&["ab", LEFT, "\x08"], "|b");
    check(&["ab", "\x01", "\x1b[3~"], "|b");
    check(&["ab", "\x01", "\x04"], "|b");
    check(&["a", FAMILY, "b", LEFT, "\x7f"], "a|b");
    check(&["ae\u{301}", "\x7f"], "a|");
    check(&["a你", LEFT, "\x1b[3~"], "a|");
    check(&["\x7f\x7fa", "\x1b[3~"], "a|");
}

#[test]
fn words_are_crossed_and_erased() {
    check(&["one, two", "\x1bb"], "one, |two");
    check(&["one, two", "\x1bb\x1bb"], "|one, two");
    check(&["one, two", "\x01", "\x1bf"], "one|, two");
    check(&["one, two", "\x01", "\x1bf\x1bf"], "one, two|");
    check(&["to bob:x  ", "\x17"], "to |");
    check(&["to bob:x", "\x1b\x7f"], "to bob:|");
    check(&["one two", "\x01", "\x1bd"], "| two");
    check(&["naive\u{308}te 你好", "\x1bb\x1bb"], "|naive\u{308}te 你好");
}

#[test]
fn lines_are_cut_at_the_cursor() {
    check(&["one two", "\x1bb", "\x0b"], "one |");
    check(&["one two", "\x1bb", "\x15"], "|two");
}

#[test]
fn forbidden_characters_are_not_typed() {
    check(&["a\u{202e}b\u{9b}c\u{feff}d"], "abcd|");
    check(&["a", &"\u{301}".repeat(20)], &format!("a{}|", "\u{301}".repeat(8)));
    check(&[&"ᄀ".repeat(20)], &format!("{}|", "ᄀ".repeat(8)));
    // Clusters without a width stand in the same cell.
    check(&[&"\u{301}\u{1161}".repeat(20)], &format!("{}|", "\u{301}\u{1161}".repeat(4)));
    // Two stacks that become one.
    check(&[&"ᄀ".repeat(8), "x", &"ᄀ".repeat(8), "\x01", RIGHT, "\x1b[3~"], &format!("{}|", "ᄀ".repeat(8)));
}

#[test]
fn typed_text_joins_the_cluster_before_the_cursor() {
    check(&["ab", LEFT, "\u{301}"], "a\u{301}|b");
    check(&["👨", "\u{200d}", "👩", LEFT, "a"], "a|👨\u{200d}👩");
    check(&["👨👩", LEFT, "\u{200d}"], "👨\u{200d}👩|");
    // Flags are pairs, counted from the left.
    check(&["🇪🇫", "\x01", "🇩"], "🇩🇪|🇫");
    // A mark without a base takes the first that comes.
    check(&["\u{301}", LEFT, "ab"], "a\u{301}b|");
    // Erasing the character that kept two apart.
    check(&["👨\u{200d}", "x", "👩", LEFT, "\x7f"], "👨\u{200d}👩|");
}

#[test]
fn enter_gives_the_whole_line_wherever_the_cursor_is() {
    let mut editor = editor();
    assert_eq!(events(&mut editor, b" one \x01\r\n\r\0two\nthree", 0), [entered(" one "), entered(""), entered("two")]);
    assert_eq!(editor.line(), "three");
}

#[test]
fn next_stops_right_after_an_event() {
    let mut editor = editor();
    let mut out = Vec::new();
    let mut input: &[u8] = b"a\r\nb\tc\x0c\x03d";
    let mut seen = Vec::new();
    while let Some(event) = editor.next(&mut input, 0, &mut out) {
        seen.push((event, editor.line().to_owned(), input.len()));
        if input.len() == 6 {
            editor.finish(Keep::Erased, &mut out);
        }
    }
    let state = |event, line: &str, left| (event, line.to_owned(), left);
    assert_eq!(
        seen,
        [
            state(entered("a"), "a", 6),
            state(EditorEvent::CompletionAsked, "b", 4),
            state(EditorEvent::RedrawAsked, "bc", 2),
            state(EditorEvent::Interrupted, "", 1),
        ]
    );
    assert_eq!(editor.line(), "d");
}

#[test]
fn end_of_transmission_ends_only_on_an_empty_line() {
    let mut editor = editor();
    assert_eq!(events(&mut editor, b"a\x04", 0), []);
    assert_eq!(events(&mut editor, b"\x7f\x04", 0), [EditorEvent::Ended]);
}

#[test]
fn the_limit_accepts_what_fits_and_is_reported_once_per_line() {
    let mut editor = editor();
    assert_eq!(events(&mut editor, b"12345678", 5), [EditorEvent::TooLong]);
    assert_eq!(editor.line(), "12345");
    assert_eq!(events(&mut editor, b"9\x7f\xc3\xa9a", 5), []);
    assert_eq!(editor.line(), "1234a");
    assert_eq!(events(&mut editor, b"\r1234567", 5), [entered("1234a"), EditorEvent::TooLong]);
    assert_eq!(events(&mut editor, b"\x031234567", 5), [EditorEvent::Interrupted, EditorEvent::TooLong]);
}

#[test]
fn over_the_limit_one_bell_answers_a_whole_packet() {
    let mut editor = editor();
    let mut out = Vec::new();
    assert_eq!(editor.next(&mut &b"12345"[..], 5, &mut out), None);
    assert_eq!(editor.next(&mut &[b'x'; 500][..], 5, &mut out), Some(EditorEvent::TooLong));
    assert_eq!(out, b"12345\x07");
}

#[test]
fn recall_goes_back_and_forth_and_keeps_the_line_being_typed() {
    let mut editor = editor();
    events(&mut editor, b"one\rtwo\rtwo\r\r", 0);
    press(&mut editor, "new");
    for (keys, line) in [
        (UP, "two"),
        (UP, "one"),
        (UP, "one"),
        (DOWN, "two"),
        (DOWN, "new"),
        (DOWN, "new"),
        ("\x10\x10", "one"),
        ("\x0e", "two"),
    ] {
        press(&mut editor, keys);
        assert_eq!((editor.line(), editor.cursor()), (line, line.len()));
    }
    // A recalled line that was entered is the newest, and the place in the list is forgotten.
    events(&mut editor, b"!\r", 0);
    press(&mut editor, UP);
    assert_eq!(editor.line(), "two!");
    events(&mut editor, b"\x03", 0);
    press(&mut editor, UP);
    assert_eq!(editor.line(), "two!");
}

#[test]
fn recall_keeps_a_hundred_lines_and_a_bound_of_bytes() {
    let mut editor = editor();
    for number in 0..150 {
        editor.remember(&format!("line {number}"));
    }
    press(&mut editor, &UP.repeat(300));
    assert_eq!(editor.line(), "line 50");
    for number in 0..100 {
        editor.remember(&format!("{number}{}", "x".repeat(8000)));
    }
    press(&mut editor, &UP.repeat(300));
    assert!(editor.line().starts_with("98x"));
    editor.remember(&"y".repeat(100_000));
    press(&mut editor, UP);
    assert!(editor.line().starts_with("99x"), "a line over the bound is not kept");
}

#[test]
fn a_hidden_line_is_neither_remembered_nor_drawn_nor_completed() {
    let mut editor = editor();
    editor.remember("before");
    editor.set_hidden(true);
    let mut out = Vec::new();
    let mut input: &[u8] = b"secre\tt\x1b[D\x1b[Dxx\x7f\x7f\x1b[A\r";
    assert_eq!(editor.next(&mut input, 0, &mut out), Some(entered("secret")));
    assert_eq!(out, b"\x07");
    editor.finish(Keep::Shown, &mut out);
    assert_eq!(out, b"\x07\r\n");
    editor.remember("secret");
    editor.set_hidden(false);
    press(&mut editor, UP);
    assert_eq!(editor.line(), "before");
}

#[test]
fn completion_replaces_the_word_before_the_cursor() {
    let mut editor = editor();
    press(&mut editor, "hi al!\x1b[D");
    editor.complete(3, "alice ", &mut Vec::new());
    assert_eq!((editor.line(), editor.cursor()), ("hi alice !", 9));
    // A position where no cluster begins changes nothing.
    for from in [10, 11, usize::MAX] {
        editor.complete(from, "x", &mut Vec::new());
    }
    press(&mut editor, "\x15é");
    editor.complete(1, "x", &mut Vec::new());
    assert_eq!(editor.line(), "é!");
    editor.complete(0, "a\x1b[2J\r\nb", &mut Vec::new());
    assert_eq!(editor.line(), "a[2Jb!");
}

#[test]
fn completion_stays_within_the_limit() {
    let mut editor = editor();
    assert_eq!(editor.next(&mut &b"abc"[..], 5, &mut Vec::new()), None);
    editor.complete(0, "abcdef", &mut Vec::new());
    assert_eq!(editor.line(), "abc");
    editor.complete(0, "abcde", &mut Vec::new());
    assert_eq!(editor.line(), "abcde");
}

#[test]
fn telnets_own_commands_edit_too() {
    let mut editor = editor();
    press(&mut editor, "abc");
    editor.erase_character(&mut Vec::new());
    assert_eq!(editor.line(), "ab");
    editor.erase_line(&mut Vec::new());
    assert!(editor.is_empty());
    press(&mut editor, "x\x1b[200~y\x1b[");
    assert!(editor.is_pasting());
    editor.interrupt(&mut Vec::new());
    assert!(editor.is_empty() && !editor.is_pasting());
    press(&mut editor, "Az\x15");
    let mut out = Vec::new();
    editor.interrupt(&mut out);
    editor.erase_line(&mut out);
    editor.erase_character(&mut out);
    assert!(out.is_empty(), "an empty line has nothing to erase");
}

#[test]
fn a_paste_is_filtered_and_its_lines_stay_one_line() {
    let mut editor = editor();
    let input = b"\x1b[200~a\tb\x1b[31m\x03\x04\nc\r\n\x7fd\x1b[201~\x7fe\r";
    assert_eq!(events(&mut editor, input, 0), [entered("a    b\nc\ne")]);
    let input = b"\x1b[200~x\n";
    assert_eq!(events(&mut editor, input, 0), []);
    assert!(editor.is_pasting());
}

#[test]
fn an_idle_editor_is_small() {
    assert!(size_of::<Editor>() <= 320, "{}", size_of::<Editor>());
    let mut editor = editor();
    events(&mut editor, &[b'x'; 5000], 0);
    editor.finish(Keep::Erased, &mut Vec::new());
    assert!(editor.line_capacity() <= 256);
}

/// The simplest correct editor: after every key it examines the whole line again.
#[derive(Default)]
struct PlainEditor {
    line: String,
    cursor: usize,
}

impl PlainEditor {
    fn boundaries(&self) -> Vec<usize> {
        let mut boundaries: Vec<usize> = text::grapheme_indices(&self.line).map(|(at, _)| at).collect();
        boundaries.push(self.line.len());
        boundaries
    }

    fn press(&mut self, key: &str) {
        let left = self.boundaries().into_iter().filter(|at| *at < self.cursor).max().unwrap_or(0);
        let right = self.boundaries().into_iter().find(|at| *at > self.cursor).unwrap_or(self.cursor);
        match key {
            LEFT => self.cursor = left,
            RIGHT => self.cursor = right,
            "\x01" => self.cursor = 0,
            "\x05" => self.cursor = self.line.len(),
            "\x7f" => self.replace(left..self.cursor, ""),
            "\x1b[3~" => self.replace(self.cursor..right, ""),
            "\x15" => self.replace(0..self.cursor, ""),
            "\x0b" => self.replace(self.cursor..self.line.len(), ""),
            typed => typed.chars().for_each(|c| self.replace(self.cursor..self.cursor, c.encode_utf8(&mut [0; 4]))),
        }
    }

    fn replace(&mut self, range: std::ops::Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        self.cursor = range.start + with.len();
        self.line.replace_range(range, with);
        self.settle();
        let clean = text::sanitize(&self.line).into_owned();
        if clean != self.line {
            self.cursor = text::sanitize(&self.line[..self.cursor]).len();
            self.line = clean;
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.cursor = self.boundaries().into_iter().find(|at| *at >= self.cursor).unwrap_or(self.line.len());
    }
}

fn any_key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", " ", "é", "你", "\u{301}", "👩", "\u{200d}", "🏽", "🇩", "🇪", "ᄀ", "가", "각", "क", "\u{94d}", "\u{fe0f}", "\u{600}"]),
        1 => prop::sample::select(vec!["\x7f", "\x1b[3~", "\x01", "\x05"]),
        1 => prop::sample::select(vec![LEFT, LEFT, RIGHT, "\x15", "\x0b"]),
    ]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn looking_only_around_the_cursor_is_as_good_as_looking_at_the_whole_line(keys in prop::collection::vec(any_key(), 0..60)) {
        let mut editor = editor();
        let mut plain = PlainEditor::default();
        for key in keys {
            press(&mut editor, key);
            plain.press(key);
            prop_assert_eq!(editor.line(), &plain.line, "after {:?}", key);
            prop_assert_eq!(editor.cursor(), plain.cursor, "in {:?} after {:?}", plain.line, key);
        }
    }

    #[test]
    fn no_input_is_too_strange(
        packets in prop::collection::vec(prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..30),
            1 => prop::sample::select(vec![&b"\x1b[200~"[..], b"\x1b[201~", b"\r\n", b"\n\n", b"\x03\x03"]).prop_map(<[u8]>::to_vec),
        ], 0..20),
        limit  in 0..50_usize,
        columns: u16,
    ) {
        let mut editor = Editor::new(columns);
        for event in events(&mut editor, &packets.concat(), limit) {
            if let EditorEvent::Entered(line) = event {
                prop_assert_eq!(text::sanitize_lines(&line), line.as_str());
                prop_assert_eq!(line.trim_matches('\n'), &line);
            }
        }
        prop_assert!(limit == 0 || editor.line().len() <= limit);
        prop_assert!(editor.line().is_char_boundary(editor.cursor()));
    }
}
