//! No user's text starts a row of a screen.

use std::num::NonZero;
use std::time::Duration;

use proptest::prelude::*;
use vt100::Parser;

use super::*;
use crate::chat::message::{Addressee, Quoted};
use crate::text;

#[test]
fn later_lines_of_a_message_are_indented_at_every_width() {
    let text = "one\n* two\n\n[14:03] #13 eve: three";
    let expected = "[14:02] #12 bob: one\r\n  * two\r\n  \r\n  [14:03] #13 eve: three";
    for columns in [None, Some(30), Some(80)] {
        assert_eq!(seen(&message(text), Recipient::anybody(look(false, columns))), expected);
    }
    let narrow = seen(&message(text), Recipient::anybody(look(false, Some(22))));
    assert_eq!(narrow, "[14:02] #12 bob: one\r\n  * two\r\n  \r\n  [14:03] #13 eve:\r\n  three");
}

#[test]
fn an_edited_message_of_many_lines_says_so_behind_the_last() {
    let edited = message("").edited("one\ntwo");
    assert_eq!(seen(&edited, Recipient::anybody(Style::PLAIN)), "[14:02] #12 bob: one\r\n  two (edited)");
}

#[test]
fn a_word_longer_than_a_row_is_cut_and_nothing_of_it_is_lost() {
    let long = "x".repeat(100);
    let shown = seen(&message(&long), Recipient::anybody(look(false, Some(20))));
    let rows: Vec<_> = shown.split("\r\n").collect();
    assert!(rows.iter().all(|row| row.len() <= 20) && rows[1..].iter().all(|row| row.starts_with("  ")), "{rows:?}");
    let shown: String = rows.concat().chars().filter(|c| *c == 'x').collect();
    assert_eq!(shown, long);
}

/// A message with everything that can precede its text.
fn any_message() -> impl Strategy<Value = Message> {
    let text = prop_oneof![
        "[a-z*!\\[\\]>:#0-9 é你\n]{1,200}",
        "(\\PC{0,30}\n){0,5}\\PC{0,120}",
        Just(format!("{}\n* {}", "x ".repeat(60), "y".repeat(300))),
    ];
    let reply = prop::option::of(prop::option::of("[a-z \"*]{0,40}"));
    (text, any::<bool>(), prop::option::of(1_u64..86_400), reply, 0_u64..4, any::<bool>()).prop_map(
        |(text, action, lasts, reply, addressees, edited)| {
            let text = text::sanitize_lines(&text).into_owned();
            let reply = reply.map(|start| Quoted {
                id: MessageId(9),
                author: user("dave"),
                start: start.map(|start| start.into_boxed_str()),
            });
            let to = (0..addressees).map(|n| Addressee { client: ClientId(n + 2), name: user(&format!("u{n}")) });
            let draft = Draft { text, action, lasts: lasts.map(Duration::from_secs), reply };
            let at = "2026-11-21T14:02:59Z".parse::<Timestamp>().expect("a moment");
            let message = Message::new(MessageId(12), at, user("bob"), ClientId(1), draft, to.collect());
            if edited { message.edited(&message.text) } else { message }
        },
    )
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn every_row_but_the_first_begins_with_the_indent_and_fits(
        message in any_message(),
        columns in prop::option::of(20_u16..130),
        client in 0_u64..4,
        color in any::<bool>(),
        named in any::<bool>(),
    ) {
        let name = user("a");
        let look = look(color, columns);
        let reader = Recipient { client: ClientId(client), look, name: named.then_some(&name), hides_quote: false };
        let shown = seen(&message, reader).replace("\x1b[1m", "").replace("\x1b[22m", "");
        prop_assert!(!shown.contains('\x1b'));
        for (index, row) in shown.split("\r\n").enumerate() {
            prop_assert!(row.starts_with(if index == 0 { "[14:02] #12 " } else { "  " }), "{:?}", row);
            prop_assert!(!row.contains(['\r', '\n']), "{:?}", row);
            prop_assert!(columns.is_none_or(|columns| text::width(row) <= usize::from(columns)), "{:?}", row);
        }
    }

    #[test]
    fn on_a_terminal_no_users_text_starts_a_row(
        said in "[a-z*!>:é你 \n]{1,300}",
        columns in 20_u16..130,
        color in any::<bool>(),
    ) {
        let mut terminal = Parser::new(NonZero::new(200).expect("rows"), NonZero::new(columns).expect("columns"), 0);
        let name = user("a");
        let reader = Recipient { client: ClientId(2), look: look(color, Some(columns)), name: Some(&name), hides_quote: false };
        let shown = seen(&message(&said), reader);
        terminal.process(shown.as_bytes());
        let count = shown.split("\r\n").count();
        for (index, row) in terminal.screen().rows(0, columns).enumerate() {
            let start = match index {
                0 => "[14:02] #12 bob:",
                index if index < count => "",
                _ => {
                    prop_assert_eq!(row.as_str(), "", "the terminal has wrapped nothing by itself");
                    ""
                }
            };
            prop_assert!(row.starts_with(start));
            prop_assert!(index == 0 || row.is_empty() || row.starts_with("  "), "{:?}", row);
        }
    }

    #[test]
    fn nothing_but_blanks_is_lost_by_wrapping(said in "[a-z*é你 \n]{1,300}", columns in 20_u16..130) {
        let letters = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\r' | '\n')).collect::<String>();
        let wide = seen(&message(&said), Recipient::anybody(Style::PLAIN));
        let narrow = seen(&message(&said), Recipient::anybody(look(false, Some(columns))));
        prop_assert_eq!(letters(&wide), letters(&narrow));
    }
}
