//! What is drawn: messages, colours, widths and prompts.

mod forms;
mod half_typed;
mod hits;
mod mentions;
mod rows;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::chat::message::{ClientId, Draft, Message, MessageId};
use crate::chat::names::UserName;

fn message(text: &str) -> Message {
    let at = "2026-11-21T14:02:59Z".parse::<Timestamp>().expect("a moment");
    let author = UserName::parse("bob", 1, 12).expect("a name");
    Message::new(MessageId(12), at, author, ClientId(1), Draft::said(text), Box::default())
}

/// A style with or without colour, and with a width or none.
fn look(color: bool, columns: Option<u16>) -> Style {
    Style { ansi: color, color, columns, ..Style::PLAIN }
}

/// A clock stopped on the day of the messages.
fn clock() -> Clock {
    Clock::stopped(TimeZone::UTC, "2026-11-21T20:00:00Z".parse().expect("a moment"))
}

fn user(name: &str) -> UserName {
    UserName::parse(name, 1, 12).expect("a name")
}

/// A message as somebody sees it, without the end of its last row.
fn seen(message: &Message, reader: Recipient<'_>) -> String {
    let mut out = Vec::new();
    render_message(message, reader, &mut clock(), &mut out);
    let text = String::from_utf8(out).expect("text");
    text.strip_suffix("\r\n").expect("it ends CR LF").to_owned()
}

fn rendered(look: Style, text: &str) -> String {
    let mut out = Vec::new();
    render_message(&message(text), Recipient::anybody(look), &mut clock(), &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn a_message_is_time_number_name_and_text() {
    assert_eq!(rendered(Style::PLAIN, "morning"), "[14:02] #12 bob: morning\r\n");
}

#[test]
fn lines_are_wrapped_only_at_a_known_width_and_their_rows_are_indented() {
    let text = "* one two three four five six seven";
    assert_eq!(rendered(Style::PLAIN, text), format!("[14:02] #12 bob: {text}\r\n"));
    let wrapped = rendered(Style { columns: Some(30), ..Style::PLAIN }, text);
    let rows: Vec<_> = wrapped.trim_end().split("\r\n").collect();
    assert!(rows.len() > 1 && rows.iter().all(|row| row.len() <= 30), "{rows:?}");
    assert!(rows[1..].iter().all(|row| row.starts_with("  ")), "{rows:?}");
}

#[test]
fn colour_goes_around_the_whole_line_and_the_mark_stays() {
    let mut out = Vec::new();
    render_line(LineKind::Refusal, "no", Style { ansi: true, color: true, ..Style::PLAIN }, &mut out);
    assert_eq!(out, b"\x1b[33m! no\x1b[0m\r\n");
}

#[test]
fn a_short_line_over_a_longer_prompt_leaves_nothing_of_it() {
    let mut display = Display::new();
    let mut out = Vec::new();
    display.set_prompt(&Prompt::AskingRoom, &mut out);
    display.end(&mut out);
    out.clear();
    display.write(LineKind::News, "hi", &mut out);
    display.end(&mut out);
    assert_eq!(String::from_utf8(out).expect("text"), format!("\r{:80}\r\nEnter room name: ", "* hi"));
}

#[test]
fn a_question_answered_ahead_is_shown_once_and_other_prompts_wait_for_the_end() {
    let mut display = Display::new();
    let mut out = Vec::new();
    for place in [Prompt::AskingRoom, Prompt::AskingQuickName, Prompt::Palette(None)] {
        display.set_prompt(&place, &mut out);
        display.line_ended(false, false);
        display.ask(&mut out);
        display.ask(&mut out);
    }
    assert_eq!(out, b"Enter room name: \r                 \rEnter username: ");
    display.end_turn(&mut out);
    assert!(out.ends_with(b"Enter username: \r                \r> "), "{out:?}");
}

#[test]
fn an_answer_goes_over_the_prompt_that_it_answers_and_no_further() {
    let mut display = Display::new();
    let mut out = Vec::new();
    display.set_prompt(&Prompt::Palette(None), &mut out);
    display.end(&mut out);
    display.line_ended(false, false);
    out.clear();
    display.write(LineKind::News, "hi", &mut out);
    display.end_turn(&mut out);
    assert_eq!(out, b"\r* hi\r\n> ");
}
