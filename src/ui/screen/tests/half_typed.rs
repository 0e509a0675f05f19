//! Line mode seen through a terminal: what someone has half typed never reads as part of another user's row, and no row
//! has two prompts.

use std::num::NonZero;
use std::sync::Arc;

use proptest::prelude::*;
use vt100::Parser;

use super::*;
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::names::RoomName;

const ROWS: usize = 24;

/// A user with a terminal that shows what they type and what arrives.
struct Typist {
    display: Display,
    terminal: Parser,
    out: Vec<u8>,
    columns: usize,
}

fn view() -> Prompt {
    let name = RoomName::parse("general").expect("a name");
    Prompt::ChatView(Conversation::Room(Arc::new(RoomId { name, instance: 1 })))
}

impl Typist {
    /// In a view, on a terminal of this width, which the server knows only if `look` has it.
    fn new(columns: usize, look: Style) -> Typist {
        let size = |cells: usize| NonZero::new(u16::try_from(cells).expect("few")).expect("some");
        let terminal = Parser::new(size(ROWS), size(columns), 0);
        let mut typist = Typist { display: Display::new(), terminal, out: Vec::new(), columns };
        typist.display.set_look(look, None, &mut typist.out);
        typist.display.set_prompt(&view(), &mut typist.out);
        typist.display.end_turn(&mut typist.out);
        typist.looks();
        typist
    }

    fn looks(&mut self) {
        self.terminal.process(&std::mem::take(&mut self.out));
    }

    /// Keys without Enter: only the terminal knows about them.
    fn types(&mut self, text: &str) {
        self.terminal.process(text.as_bytes());
    }

    /// Enter: the terminal goes to the next row; the server finds out later.
    fn presses_enter(&mut self) {
        self.terminal.process(b"\r\n");
    }

    /// Shows a message from somebody else, as a delivery does.
    fn hears(&mut self, text: &str) {
        let mut rows = Vec::new();
        render_message(&message(text), Recipient::anybody(self.display.look()), &mut clock(), &mut rows);
        self.display.write_rows(&rows, &mut self.out);
        self.display.end(&mut self.out);
        self.looks();
    }

    fn rows(&self) -> Vec<String> {
        let columns = u16::try_from(self.columns).expect("few");
        let mut rows: Vec<String> =
            self.terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }
}

fn known(columns: usize) -> Style {
    Style { columns: Some(u16::try_from(columns).expect("few")), ..Style::PLAIN }
}

#[test]
fn a_short_message_over_a_half_typed_long_line_reads_as_itself() {
    for look in [Style::PLAIN, known(80), Style { ansi: true, ..Style::PLAIN }] {
        let mut alice = Typist::new(80, look);
        alice.types("I think that we should absolutely pay the invoice");
        alice.hears("no");
        assert_eq!(alice.rows(), ["[14:02] #12 bob: no", "general |"], "{look:?}");
    }
}

#[test]
fn nothing_of_a_half_typed_line_on_several_rows_is_in_or_behind_a_message() {
    for columns in [20, 80, 81] {
        // Also one that ends on the margin, where the cursor waits in the last column.
        for length in [columns - 10, columns - 9, 2 * columns - 10, 3 * columns] {
            for text in ["no", "a longer answer that takes more than one row of a narrow terminal", "你好"] {
                let mut alice = Typist::new(columns, known(columns));
                alice.types(&"x".repeat(length));
                alice.hears(text);
                let rows = alice.rows();
                let said = rows.iter().position(|row| row.starts_with("[14:02] #12 bob:")).expect("it is there");
                assert!(rows[said..].iter().all(|row| !row.contains('x')), "{rows:#?}");
                assert_eq!(rows.last().map(String::as_str), Some("general |"));
            }
        }
    }
}

#[test]
fn a_notice_a_direct_message_and_an_announcement_cover_the_row_too() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.types("I think that we should absolutely pay the invoice");
    alice.display.write(LineKind::News, "bob joined", &mut alice.out);
    alice.display.end(&mut alice.out);
    alice.looks();
    assert_eq!(alice.rows(), ["* bob joined", "general |"]);
}

#[test]
fn another_prompt_covers_what_was_typed_at_the_one_before() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.types("I think that we should absolutely pay the invoice");
    alice.display.set_prompt(&Prompt::Palette(None), &mut alice.out);
    alice.display.end(&mut alice.out);
    alice.looks();
    assert_eq!(alice.rows(), [">"]);
}

#[test]
fn lines_typed_ahead_glue_no_prompts_and_no_texts_together() {
    let mut alice = Typist::new(80, Style::PLAIN);
    // Twenty lines in one packet, while somebody else talks.
    for _ in 0..20 {
        alice.types("said ahead");
        alice.presses_enter();
    }
    alice.hears("before the lines are read");
    for n in 0..20 {
        alice.display.line_ended(false, false);
        alice.hears(&format!("meanwhile {n}"));
    }
    alice.display.end_turn(&mut alice.out);
    alice.looks();
    let rows = alice.rows();
    let said = rows.iter().filter(|row| row.starts_with("[14:02] #12 bob: meanwhile")).count();
    assert_eq!((said, rows.last().map(String::as_str)), (20, Some("general |")), "{rows:#?}");
    assert!(rows[..rows.len() - 1].iter().all(|row| !row.contains("general |")), "{rows:#?}");
}

#[test]
fn lines_that_nothing_answers_leave_one_prompt() {
    for alone in [true, false] {
        let mut alice = Typist::new(80, Style::PLAIN);
        for _ in 0..20 {
            alice.types("hello");
            alice.presses_enter();
        }
        for _ in 0..20 {
            alice.display.line_ended(alone, false);
            alice.display.end_turn(&mut alice.out);
            alice.looks();
        }
        assert_eq!(alice.rows().last().map(String::as_str), Some("general |"));
    }
}

#[test]
fn an_answer_to_a_line_that_came_behind_somebody_elses_text_goes_over_the_prompt() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.types("/time");
    alice.presses_enter();
    // Before the server has read it.
    alice.hears("hello");
    alice.display.line_ended(true, false);
    alice.display.write(LineKind::News, "It is late.", &mut alice.out);
    alice.display.end_turn(&mut alice.out);
    alice.looks();
    assert_eq!(alice.rows()[1..], ["[14:02] #12 bob: hello", "* It is late.", "general |"]);
}

#[test]
fn an_answer_to_a_line_typed_at_the_prompt_begins_in_the_next_row() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.display.line_ended(true, false);
    alice.display.write(LineKind::News, "It is late.", &mut alice.out);
    alice.display.end_turn(&mut alice.out);
    assert_eq!(alice.out, b"* It is late.\r\ngeneral | ");
}

#[test]
fn in_binary_mode_every_row_still_begins_at_the_margin() {
    // The stock telnet in BINARY mode (RFC 856): the terminal ends what it echoes with LF only.
    for alone in [true, false] {
        let mut alice = Typist::new(80, Style::PLAIN);
        alice.display.set_binary(true);
        for (line, answer) in [("/time", "* It is late."), ("hello", ""), ("", ""), ("/time", "* Later.")] {
            alice.types(line);
            alice.terminal.process(b"\n");
            alice.display.line_ended(alone, line.is_empty());
            if !answer.is_empty() {
                alice.display.write(LineKind::News, &answer[2..], &mut alice.out);
            }
            alice.display.end_turn(&mut alice.out);
            alice.looks();
        }
        alice.hears("hello");
        let rows = alice.rows();
        let expected = [
            "general | /time",
            "* It is late.",
            "general | hello",
            "general |",
            "general | /time",
            "* Later.",
            "[14:02] #12 bob: hello",
            "general |",
        ];
        assert_eq!(rows, expected, "{alone}");
    }
    // Typed while no prompt was on the screen.
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.display.set_binary(true);
    alice.types("/time");
    alice.terminal.process(b"\n");
    alice.display.line_ended(true, false);
    alice.display.write(LineKind::News, "first", &mut alice.out);
    alice.looks();
    alice.types("typed ahead");
    alice.terminal.process(b"\n");
    alice.display.line_ended(true, false);
    alice.display.write(LineKind::News, "second", &mut alice.out);
    alice.display.end_turn(&mut alice.out);
    alice.looks();
    assert_eq!(alice.rows(), ["general | /time", "* first", "typed ahead", "* second", "general |"]);
}

#[test]
fn a_goodbye_leaves_nothing_of_a_half_typed_line() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.types("I think that we should absolutely pay the invoice");
    alice.display.wipe_prompt(&mut alice.out);
    alice.display.write(LineKind::News, "Goodbye.", &mut alice.out);
    alice.display.restore(&mut alice.out);
    alice.looks();
    assert_eq!(alice.rows(), ["* Goodbye."]);
}

#[test]
fn an_enter_at_the_prompt_gives_a_fresh_one() {
    let mut alice = Typist::new(80, Style::PLAIN);
    alice.presses_enter();
    alice.display.line_ended(true, true);
    alice.display.end_turn(&mut alice.out);
    assert_eq!(alice.out, b"general | ");
    alice.looks();
    assert_eq!(alice.rows(), ["general |", "general |"]);
}

#[test]
fn a_screen_reader_gets_no_prompt_in_the_view_and_nothing_is_written_over_anything() {
    let mut display = Display::new();
    let mut out = Vec::new();
    display.set_reader(true);
    display.set_prompt(&Prompt::Palette(None), &mut out);
    display.end_turn(&mut out);
    display.write(LineKind::News, "bob is back", &mut out);
    display.end(&mut out);
    display.line_ended(false, false);
    display.write(LineKind::News, "In the view.", &mut out);
    display.set_prompt(&view(), &mut out);
    display.end_turn(&mut out);
    for _ in 0..2 {
        display.write_rows(b"bob: hello\r\n", &mut out);
        display.end(&mut out);
        display.line_ended(false, false);
        display.end_turn(&mut out);
    }
    display.set_prompt(&Prompt::Palette(None), &mut out);
    display.end_turn(&mut out);
    let seen = String::from_utf8(out).expect("text");
    assert_eq!(seen, "> \r\n* bob is back\r\n> * In the view.\r\nbob: hello\r\nbob: hello\r\n> ");
    assert!(!seen.replace("\r\n", "").contains('\r'));
    assert!(!display.shares_frame(&view().text()));
}

#[derive(Clone, Debug)]
enum TypedStep {
    Types(String),
    Enters,
    /// The server reads an Enter.
    Reads,
    Hears(String),
    Settles,
}

fn any_step() -> impl Strategy<Value = TypedStep> {
    prop_oneof![
        3 => "[xy]{1,40}".prop_map(TypedStep::Types),
        2 => Just(TypedStep::Enters),
        2 => Just(TypedStep::Reads),
        3 => prop_oneof!["[a-e]{1,30}", "[a-e ]{60,150}", "[你好]{1,70}"].prop_map(TypedStep::Hears),
        2 => Just(TypedStep::Settles),
    ]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn however_typing_reading_and_messages_mix_no_typed_character_is_in_a_message(
        columns in prop::sample::select(vec![20_usize, 80, 81]),
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut alice = Typist::new(columns, known(columns));
        let (mut entered, mut answering) = (0, false);
        for step in steps {
            match step {
                // Users type at a prompt, and not while their lines are being run.
                TypedStep::Types(text) if !answering => alice.types(&text),
                TypedStep::Enters => {
                    alice.presses_enter();
                    entered += 1;
                }
                TypedStep::Reads if entered > 0 => {
                    entered -= 1;
                    alice.display.line_ended(false, false);
                    answering = true;
                }
                TypedStep::Hears(text) => {
                    alice.hears(&text);
                    let rows = alice.rows();
                    let last = rows.iter().rposition(|row| row.starts_with("[14:02] #12")).expect("it is there");
                    prop_assert!(!rows[last..].concat().contains(['x', 'y']), "{rows:#?}");
                }
                TypedStep::Settles => {
                    alice.display.end_turn(&mut alice.out);
                    alice.looks();
                    answering = false;
                }
                TypedStep::Types(_) | TypedStep::Reads => {}
            }
            let rows = alice.rows();
            prop_assert!(rows.iter().all(|row| row.matches("general |").count() <= 1), "{rows:#?}");
            for row in rows.iter().filter(|row| row.starts_with("[14:02] #12")) {
                prop_assert!(!row.contains(['x', 'y']) && !row.contains("general"), "{rows:#?}");
            }
        }
    }
}
