//! What a terminal shows, with an emulator for the terminal.
//!
//! The emulator measures characters one by one, so these tests use characters for which that is right; clusters of several
//! wide characters are tested on the bytes.

use std::num::NonZero;

use proptest::prelude::*;
use vt100::Parser;

use crate::protocol::line::layout::{Cell, Window};
use crate::protocol::line::{Editor, EditorEvent, Keep};
use crate::text;

/// Rows of the emulator's screen by default: everything scrolls early.
const SCREEN: usize = 24;
/// Rows the editor draws at most, on any screen.
const DRAWN: usize = 10;

/// An editor and a terminal, and what should have been written above the line.
pub(super) struct Chat {
    pub(super) editor: Editor,
    terminal: Parser,
    columns: usize,
    /// The screen's height.
    screen: usize,
    /// Rows the editor draws at most, on this one.
    drawn: usize,
    above: Vec<String>,
    /// Rows that have ever been used, those that have scrolled off included.
    used: usize,
}

impl Chat {
    pub(super) fn new(columns: u16, prompt: &str) -> Chat {
        Chat::with_rows(SCREEN, columns, prompt)
    }

    /// On a screen of this many rows; the editor learns of them if they are fewer than usual.
    fn with_rows(screen: usize, columns: u16, prompt: &str) -> Chat {
        let mut editor = Editor::new(columns);
        if screen < SCREEN {
            editor.set_rows(u16::try_from(screen).unwrap(), &mut Vec::new());
        }
        let mut chat = Chat {
            editor,
            terminal: emulator(screen, columns),
            columns: usize::from(columns),
            screen,
            drawn: DRAWN.min(screen - 1),
            above: Vec::new(),
            used: 0,
        };
        chat.editor.set_prompt(prompt);
        let mut out = Vec::new();
        chat.editor.draw(&mut out);
        chat.receive(&out);
        chat
    }

    fn receive(&mut self, out: &[u8]) {
        assert_only_known_sequences(out);
        // The emulator shows no replacement character.
        self.terminal.process(String::from_utf8_lossy(out).replace('\u{fffd}', "?").as_bytes());
        let (rows, _) = self.line_rows();
        let (from, to) = self.drawn_rows();
        // Below a full last row the cursor has been for a moment.
        let below = usize::from(to < rows.len() && text::width(&rows[to - 1]) == self.columns);
        self.used = self.used.max(self.above.len() + to - from + below);
    }

    /// One packet of keys; what is entered stays or goes as `keep` says.
    pub(super) fn keys(&mut self, mut input: &[u8], limit: usize, keep: Keep) -> Vec<EditorEvent> {
        let mut events = Vec::new();
        loop {
            let mut out = Vec::new();
            let event = self.editor.next(&mut input, limit, &mut out);
            self.receive(&out);
            let Some(event) = event else { return events };
            if let EditorEvent::Entered(line) = &event {
                self.entered(keep);
                self.editor.remember(line);
            }
            events.push(event);
        }
    }

    fn entered(&mut self, keep: Keep) {
        let mut out = Vec::new();
        if keep == Keep::Shown {
            let (mut rows, _) =
                laid_out(self.editor.prompt(), self.editor.line(), self.editor.line().len(), self.columns);
            let top = rows.len().saturating_sub(self.drawn);
            // Only what was drawn is there to stay, without the fresh row after a full one.
            if rows.last().is_some_and(String::is_empty) && rows.len() > 1 {
                rows.pop();
            }
            self.above.extend(rows.drain(top..));
        }
        self.editor.finish(keep, &mut out);
        self.editor.draw(&mut out);
        self.receive(&out);
    }

    /// A line from somebody else, in one write.
    pub(super) fn arrival(&mut self, text: &str) {
        let mut out = Vec::new();
        self.editor.erase(&mut out);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.editor.draw(&mut out);
        self.above.push(text.to_owned());
        self.receive(&out);
    }

    /// The terminal has another width, and has not moved its rows.
    pub(super) fn resize(&mut self, columns: u16) {
        let mut out = Vec::new();
        // On a terminal that reflows the line takes fewer rows now: no more than these are erased, the others stay.
        let (rows, (row, column)) = self.line_rows();
        let (from, _) = self.drawn_rows();
        let cells = (row - from) * self.columns + column;
        let erased = (row - from).min(cells.saturating_sub(1) / usize::from(columns));
        self.above.extend_from_slice(&rows[from..row - erased]);
        let is_narrow = self.editor.line().is_ascii();
        if erased < cells / (usize::from(columns) - usize::from(!is_narrow)) {
            self.above.push(String::new());
        }
        self.editor.resize(columns, &mut out);
        self.terminal.screen_mut().set_size(nonzero(self.screen), nonzero(usize::from(columns)));
        self.columns = usize::from(columns);
        self.receive(&out);
    }

    fn line_rows(&self) -> (Vec<String>, (usize, usize)) {
        laid_out(self.editor.prompt(), self.editor.line(), self.editor.cursor(), self.columns)
    }

    fn drawn_rows(&self) -> (usize, usize) {
        let (rows, (row, _)) = self.line_rows();
        let top = Window::top(self.drawn, rows.len(), row);
        (top, rows.len().min(top + self.drawn))
    }

    /// The screen is right, cell by cell, and so is the cursor.
    pub(super) fn check(&self) {
        let (rows, (row, column)) = self.line_rows();
        let (from, to) = self.drawn_rows();
        let everything = self.above.iter().chain(&rows[from..to]);
        let scrolled = self.used.saturating_sub(self.screen);
        let mut expected: Vec<String> =
            everything.skip(scrolled).map(|row| row.trim_end().replace('\u{fffd}', "?")).collect();
        expected.resize(self.screen, String::new());
        let screen = self.terminal.screen();
        let columns = u16::try_from(self.columns).unwrap();
        let shown: Vec<String> = screen.rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(shown, expected, "line {:?}, cursor {}", self.editor.line(), self.editor.cursor());
        let at = (self.above.len() + row - from - scrolled, column);
        let (row, column) = screen.cursor_position();
        assert_eq!(
            (usize::from(row), usize::from(column)),
            at,
            "line {:?}, cursor {}",
            self.editor.line(),
            self.editor.cursor()
        );
    }
}

fn emulator(rows: usize, columns: u16) -> Parser {
    Parser::new(nonzero(rows), nonzero(usize::from(columns)), 0)
}

fn nonzero(count: usize) -> NonZero<u16> {
    NonZero::new(u16::try_from(count).unwrap()).unwrap()
}

/// Prompt and line as rows, and the cell of the cursor, computed in the simplest way.
pub(super) fn laid_out(prompt: &str, line: &str, cursor: usize, columns: usize) -> (Vec<String>, (usize, usize)) {
    let mut rows = vec![String::new()];
    let mut column = 0;
    let mut cell = None;
    let places = text::graphemes(prompt).map(|cluster| (None, cluster));
    let places = places.chain(text::grapheme_indices(line).map(|(at, cluster)| (Some(at), cluster)));
    for (at, cluster) in places {
        let width = text::grapheme_width(cluster);
        if column + width > columns {
            rows.push(String::new());
            column = 0;
        }
        if at == Some(cursor) {
            // Only a mark can be on the margin; the cursor cannot.
            cell = Some(if column == columns { (rows.len(), 0) } else { (rows.len() - 1, column) });
        }
        // A mark in the first column has no cell.
        if column + width > 0 {
            rows.last_mut().unwrap().push_str(if cluster == "\n" { "\\" } else { cluster });
        }
        column += width;
    }
    if column == columns {
        rows.push(String::new());
        column = 0;
    }
    let end = (rows.len() - 1, column);
    (rows, cell.unwrap_or(end))
}

/// Nothing but text, CR, LF, BEL and the sequences CUU, CUF and ED.
fn assert_only_known_sequences(out: &[u8]) {
    let text = std::str::from_utf8(out).unwrap();
    for (index, part) in text.split('\x1b').enumerate() {
        if index > 0 {
            let last = part.strip_prefix('[').unwrap().trim_start_matches(|c: char| c.is_ascii_digit()).chars().next();
            assert!(matches!(last, Some('A' | 'C' | 'J')), "{text:?}");
        }
        assert!(part.chars().all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\x07')), "{text:?}");
    }
}

/// Bytes drawn for keys, pressed one packet after the other.
fn drawn(columns: u16, packets: &[&str]) -> String {
    let mut editor = Editor::new(columns);
    editor.set_prompt("> ");
    let mut out = Vec::new();
    for packet in packets {
        out.clear();
        assert_eq!(editor.next(&mut packet.as_bytes(), 0, &mut out), None);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn typing_at_the_end_echoes_what_was_typed() {
    assert_eq!(drawn(20, &["a"]), "a");
    assert_eq!(drawn(20, &["ab", "c"]), "c");
    assert_eq!(drawn(20, &["ab", "你"]), "你");
    assert_eq!(drawn(20, &["👨\u{200d}👩", "x"]), "x");
    assert_eq!(drawn(20, &["a\x1b[", "D\x05b"]), "b");
}

#[test]
fn the_margin_is_left_at_once() {
    assert_eq!(drawn(20, &["12345678901234567", "8"]), "8 \r");
    assert_eq!(drawn(20, &["123456789012345678", "9"]), "9");
    assert_eq!(drawn(20, &["12345678901234567", "89012"]), "89012");
    // A wide character that does not fit goes to the next row whole.
    assert_eq!(drawn(20, &["12345678901234567", "你"]), " 你");
    assert_eq!(drawn(20, &["12345678901234567", "👨\u{200d}👩\u{200d}👧"]), " 👨\u{200d}👩\u{200d}👧");
}

#[test]
fn only_what_changes_is_drawn_again() {
    assert_eq!(drawn(20, &["abc", "\x1b[D"]), "\r\x1b[4C");
    assert_eq!(drawn(20, &["abc\x01", "\x1b[C"]), "\x1b[C");
    assert_eq!(drawn(20, &["abc", "\x7f"]), "\r\x1b[4C\x1b[J");
    assert_eq!(drawn(20, &["abc\x1b[D", "x"]), "\x1b[Jxc\r\x1b[5C");
    assert_eq!(drawn(20, &["12345678901234567890123", "\x01"]), "\x1b[A\r\x1b[2C");
    assert_eq!(drawn(20, &["12345678901234567890123\x01", "\x05"]), "\r\n\x1b[5C");
    assert_eq!(drawn(20, &["", "\x1b[D\x7f\x01\x0b"]), "");
}

#[test]
fn a_mark_that_comes_later_redraws_its_cluster() {
    assert_eq!(drawn(20, &["ae", "\u{301}"]), "\r\x1b[3C\x1b[Je\u{301}");
    assert_eq!(drawn(20, &["12345678901234567e", "\u{301}"]), "\x1b[A\x1b[19C\x1b[Je\u{301} \r");
    assert_eq!(drawn(20, &["👨", "\u{200d}"]), "\r\x1b[2C\x1b[J👨\u{200d}");
    assert_eq!(drawn(20, &["👨\u{200d}", "👩"]), "\r\x1b[2C\x1b[J👨\u{200d}👩");
    // A mark without a cluster attaches to the prompt.
    assert_eq!(drawn(20, &["", "\u{301}"]), "\r\x1b[J> \u{301}");
    assert_eq!(drawn(20, &["\u{301}", "\x7f"]), "\r\x1b[J> ");
}

#[test]
fn the_cursor_is_never_on_the_margin_even_in_front_of_a_mark() {
    let mut chat = Chat::new(20, "12345678901234567890");
    for keys in ["\u{301}", "\x01", "a", "\x7f", "\x05", "你"] {
        chat.keys(keys.as_bytes(), 0, Keep::Shown);
        chat.check();
    }
}

#[test]
fn a_family_emoji_is_one_step_for_the_cursor() {
    assert_eq!(drawn(20, &["a👨\u{200d}👩\u{200d}👧b", "\x1b[D\x1b[D"]), "\r\x1b[3C");
    assert_eq!(drawn(20, &["a👨\u{200d}👩\u{200d}👧b", "\x1b[D"]), "\r\x1b[5C");
    assert_eq!(drawn(20, &["🇩🇪🇫🇷", "\x7f"]), "\r\x1b[4C\x1b[J");
}

#[test]
fn a_paste_is_drawn_once() {
    let mut editor = Editor::new(80);
    let mut out = Vec::new();
    assert_eq!(editor.next(&mut &b"end\x01"[..], 0, &mut out), None);
    out.clear();
    assert_eq!(editor.next(&mut "你x".repeat(100).as_bytes(), 0, &mut out), None);
    assert!(out.len() < 500, "{}", out.len());
}

#[test]
fn cells_follow_from_widths() {
    let cell = |row, column| Cell { row, column };
    let end = |text: &str| Cell::default().after(text, 20);
    assert_eq!(end(""), cell(0, 0));
    assert_eq!(end(&"x".repeat(19)), cell(0, 19));
    assert_eq!(end(&"x".repeat(20)), cell(0, 20));
    assert_eq!(end(&"x".repeat(20)).settled(20), cell(1, 0));
    assert_eq!(end(&"x".repeat(20)).after("", 20), cell(0, 20));
    assert_eq!(end(&"x".repeat(20)).after("y", 20), cell(1, 1));
    assert_eq!(end(&"x".repeat(45)), cell(2, 5));
    assert_eq!(end(&"你".repeat(10)), cell(0, 20));
    assert_eq!(end(&format!("x{}", "你".repeat(10))), cell(1, 2));
    assert_eq!(end(&format!("x{}", "👨\u{200d}👩\u{200d}👧".repeat(10))), cell(1, 2));
    assert_eq!(end(&format!("{}\u{301}", "x".repeat(20))), cell(0, 20));
    assert_eq!(end(&"🇩🇪".repeat(11)), cell(1, 2));
}

#[test]
fn the_window_holds_the_cursor_and_is_full() {
    assert_eq!(Window::top(10, 3, 2), 0);
    assert_eq!(Window::top(10, 10, 9), 0);
    assert_eq!(Window::top(10, 11, 10), 1);
    assert_eq!(Window::top(10, 40, 0), 0);
    assert_eq!(Window::top(10, 40, 20), 15);
    assert_eq!(Window::top(10, 40, 39), 30);
    for (rows, total) in [(1, 1), (1, 9), (2, 9), (10, 12)] {
        for cursor in 0..total {
            let top = Window::top(rows, total, cursor);
            assert!((top..top + rows).contains(&cursor) && top + rows <= total.max(rows));
        }
    }
}

#[test]
fn lines_around_the_margin_are_right_at_every_length() {
    for columns in [20, 80, 81] {
        for unit in ["x", "你", "e\u{301}"] {
            let mut chat = Chat::new(columns, "general | ");
            for _ in 0..usize::from(columns) * 2 + 3 {
                chat.keys(unit.as_bytes(), 0, Keep::Shown);
                chat.check();
            }
            chat.arrival("[14:02] #12 bob: hi");
            chat.check();
            while !chat.editor.is_empty() {
                chat.keys(b"\x1b[D\x1b[3~", 0, Keep::Shown);
                chat.check();
            }
        }
    }
}

#[test]
fn two_hundred_arrivals_lose_no_typed_byte() {
    for columns in [20, 80, 81] {
        let typed = "The quick 你好 brown fox, e\u{301}tude, jumps over the lazy dog; ";
        let mut chat = Chat::new(columns, "general | ");
        let mut bytes = typed.as_bytes().iter().cycle();
        let mut sent = Vec::new();
        for number in 0..200 {
            let byte = *bytes.next().unwrap();
            sent.push(byte);
            chat.keys(&[byte], 0, Keep::Shown);
            chat.arrival(&format!("#{number} bob: hi"));
            chat.check();
        }
        let sent = String::from_utf8_lossy(&sent).trim_end_matches('\u{fffd}').to_owned();
        assert_eq!(chat.editor.line(), sent);
        assert_eq!(chat.keys(b"\r", 0, Keep::Erased).len(), 1);
        chat.check();
    }
}

#[test]
fn a_line_taller_than_the_screen_spoils_nothing_above_it() {
    let mut chat = Chat::new(20, "> ");
    let text: String = (0..8192).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect();
    chat.arrival("before");
    chat.keys(text.as_bytes(), 8192, Keep::Shown);
    chat.check();
    // Also changes far from where the cursor was, and from where it ends up.
    for keys in ["x", "\x1b[D", "\x01", "y", "\x1b[C", "\x05\x7fx\x01", "\x05", "\x01z\x1b[3~\x05", "\x17z"] {
        chat.keys(keys.as_bytes(), 8192, Keep::Shown);
        chat.check();
        chat.arrival("hello");
        chat.check();
    }
    chat.keys(b"\x1b[A", 8192, Keep::Shown);
    chat.keys(b"more words on a few rows, at least more than two rows\x01", 8192, Keep::Shown);
    chat.check();
    chat.keys(b"\r", 8192, Keep::Shown);
    chat.check();
}

#[test]
fn a_tall_line_is_entered_as_its_end_was_shown() {
    for keep in [Keep::Shown, Keep::Erased] {
        let mut chat = Chat::new(20, "> ");
        chat.arrival("before");
        chat.keys("0123456789".repeat(50).as_bytes(), 0, keep);
        chat.keys(b"\x01", 0, keep);
        chat.check();
        chat.keys(b"\r", 0, keep);
        chat.check();
        chat.arrival("after");
        chat.check();
    }
}

#[test]
fn a_small_screen_gets_fewer_rows() {
    let mut editor = Editor::new(20);
    let mut terminal = emulator(4, 20);
    let mut out = Vec::new();
    editor.set_prompt("> ");
    editor.draw(&mut out);
    editor.set_rows(4, &mut out);
    editor.next(&mut "0123456789".repeat(20).as_bytes(), 0, &mut out);
    for keys in ["a", "\x7f", "\x01", "\x05"] {
        editor.next(&mut keys.as_bytes(), 0, &mut out);
        editor.erase(&mut out);
        out.extend_from_slice(b"hello\r\n");
        editor.draw(&mut out);
    }
    editor.erase(&mut out);
    terminal.process(&out);
    assert_eq!(terminal.screen().contents(), "hello");
}

#[test]
fn a_change_of_width_redraws_the_line() {
    for (before, after) in [(80, 20), (20, 80), (81, 80), (20, 21), (80, 500)] {
        let mut chat = Chat::new(before, "general | ");
        chat.arrival("hello");
        chat.keys("thirty columns 你好 of some text, and a few more\x1bb".as_bytes(), 0, Keep::Shown);
        chat.resize(after);
        chat.check();
    }
}

#[test]
fn widths_out_of_bounds_are_drawn_as_the_nearest() {
    for (columns, line) in [(0, "x".repeat(19)), (1, "x".repeat(19)), (u16::MAX, "x".repeat(499))] {
        let mut editor = Editor::new(columns);
        let mut out = Vec::new();
        editor.next(&mut line.as_bytes(), 0, &mut out);
        editor.next(&mut &b"y"[..], 0, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{line}y \r"));
    }
}

#[test]
fn interrupt_and_hidden_input_leave_the_prompt() {
    let mut chat = Chat::new(20, "Password: ");
    chat.keys(b"some words, and more than a row of them\x03", 0, Keep::Shown);
    chat.check();
    chat.editor.set_hidden(true);
    let mut out = Vec::new();
    chat.editor.next(&mut &b"secret"[..], 0, &mut out);
    chat.editor.erase(&mut out);
    chat.editor.draw(&mut out);
    assert_eq!(out, b"\r\x1b[JPassword: ");
}

#[derive(Clone, Debug)]
enum ScreenStep {
    /// Keys in one packet.
    Packet(Vec<&'static str>),
    Arrival(usize),
    Enter(Keep),
    Complete(usize),
}

fn any_key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "bc", " ", "é", "e\u{301}", "你", "好吗", "\u{301}", "ｱ", "한", "some more words ", "你好世界，"]),
        2 => prop::sample::select(vec!["\x1b[D", "\x1b[C", "\x1b[1;5D", "\x1b[1;5C", "\x01", "\x05", "\x1bOA", "\x1b[B"]),
        2 => prop::sample::select(vec!["\x7f", "\x1b[3~", "\x17", "\x1bd", "\x7f\x7f\x7f", "\t", "\x07", "\x1b[99x", "\u{202e}"]),
        2 => prop::sample::select(vec!["\x19", "\x14", "\x1f", "\x12", "\x12a", "\x12so\x12", "\x07", "\x1b"]),
        1 => prop::sample::select(vec!["\x15", "\x0b", "\x03", "\x1b[200~one\ttwo\x1b[201~", "\x1b[200~three\nfour\x1b[201~"]),
        1 => prop::sample::select(vec!["\x1b[200~a\r\n\r\n你\n\x1b[201~", "\x1b[200~\n\u{301}x\n\u{301}\x1b[201~", "\x1b[200~\r\tx"]),
    ]
}

fn any_step() -> impl Strategy<Value = ScreenStep> {
    prop_oneof![
        8 => prop::collection::vec(any_key(), 1..4).prop_map(ScreenStep::Packet),
        3 => (0..20_usize).prop_map(ScreenStep::Arrival),
        1 => prop::sample::select(vec![Keep::Shown, Keep::Erased]).prop_map(ScreenStep::Enter),
        1 => (0..30_usize).prop_map(ScreenStep::Complete),
    ]
}

fn any_columns() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![20, 80, 81])
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn the_screen_shows_what_arrived_and_below_it_the_line(
        columns in any_columns(),
        screen in prop::sample::select(vec![SCREEN, SCREEN, 11, 5, 2]),
        prompt in prop::sample::select(vec!["> ", "[general]> ", "general | ", "12345678901234567890", "a-room-with-a-very-long-name | ", ""]),
        limit in prop::sample::select(vec![30, 200, 600]),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let mut chat = Chat::with_rows(screen, columns, prompt);
        for step in steps {
            match step {
                ScreenStep::Packet(keys) => drop(chat.keys(keys.concat().as_bytes(), limit, Keep::Shown)),
                ScreenStep::Arrival(length) => chat.arrival(&"#12 bob: hello, hello"[..length]),
                ScreenStep::Enter(keep) => drop(chat.keys(b"\r\n", limit, keep)),
                ScreenStep::Complete(from) => {
                    let mut out = Vec::new();
                    chat.editor.complete(from, "completed ", &mut out);
                    chat.receive(&out);
                }
            }
            chat.check();
        }
    }

    #[test]
    fn packets_make_no_difference_to_events_line_and_screen(
        columns in any_columns(),
        keys in prop::collection::vec(prop_oneof![
            4 => any_key().prop_map(str::as_bytes),
            1 => prop::sample::select(vec![&b"\r\n"[..], b"\r", b"\r\0", b"\n", b"\xe4\xbd", b"\xff", b"\x1b", b"\x1b[", b"\x0c", b"\x04", b"\x1b[200~"]),
        ], 0..40),
        limit in prop::sample::select(vec![0, 20]),
    ) {
        let input = keys.concat();
        // Typing goes on, so that nothing incomplete is at the end.
        let input = [&input[..], b"zz"].concat();
        let mut whole = Chat::new(columns, "> ");
        let mut bytewise = Chat::new(columns, "> ");
        let events = whole.keys(&input, limit, Keep::Shown);
        let mut bytewise_events = Vec::new();
        for byte in &input {
            bytewise_events.extend(bytewise.keys(&[*byte], limit, Keep::Shown));
        }
        prop_assert_eq!(bytewise_events, events);
        prop_assert_eq!((bytewise.editor.line(), bytewise.editor.cursor()), (whole.editor.line(), whole.editor.cursor()));
        // Both agree with the same model; only how far they have scrolled may differ.
        whole.check();
        bytewise.check();
    }
}
