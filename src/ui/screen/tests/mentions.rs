//! A person's own name in what others say.

use std::time::Duration;

use super::*;
use crate::chat::message::Quoted;

/// The text of bob's message as alice sees it.
fn to_alice(text: &str, look: Style) -> String {
    let name = user("Alice");
    let shown = seen(&message(text), Recipient { client: ClientId(2), look, name: Some(&name), hides_quote: false });
    shown.strip_prefix("[14:02] #12 bob: ").expect("the head").to_owned()
}

/// The text with what is between bars in bold.
fn bold(text: &str) -> String {
    let parts: Vec<_> = text.split('|').collect();
    let end = |index: usize| match (index + 1 == parts.len(), index % 2) {
        (true, _) => "",
        (false, 0) => "\x1b[1m",
        (false, _) => "\x1b[22m",
    };
    parts.iter().enumerate().flat_map(|(index, part)| [*part, end(index)]).collect()
}

#[test]
fn a_name_stands_out_as_a_whole_word_in_any_case() {
    for text in [
        "|alice|",
        "|Alice|: hi",
        "hi @|ALICE|!",
        "(|alice|)",
        "|alice|'s",
        "|alice|, |aLiCe|",
        "你 |alice|",
        "one\n|alice| two",
        "|alice|.",
        "a |alice|",
    ] {
        let said = text.replace('|', "");
        let expected = bold(text).replace('\n', "\r\n  ");
        assert_eq!(to_alice(&said, look(true, None)), expected, "{text}");
        assert_eq!(to_alice(&said, look(true, Some(60))), expected, "{text}");
        assert_eq!(to_alice(&said, look(false, None)), said.replace('\n', "\r\n  "), "only with colour: {text}");
        assert!(mentioned(&said, &user("alice")), "{text}");
    }
}

#[test]
fn a_part_of_another_word_is_no_mention() {
    for text in [
        "alices", "malice", "alice2", "alice-b", "alice_", "_alice", "éalice", "你alice", "alic", "", "ali ce",
        "ali\nce",
    ] {
        assert_eq!(to_alice(text, look(true, None)), text.replace('\n', "\r\n  "), "{text}");
        assert!(!mentioned(text, &user("alice")), "{text}");
    }
}

#[test]
fn names_with_marks_in_them_are_whole_words() {
    assert!(mentioned("hi a-b_c!", &user("a-b_c")));
    assert!(!mentioned("hi a-b_c!", &user("a-b")));
    assert!(!mentioned("hi a-b_c!", &user("a")));
}

#[test]
fn a_users_own_message_has_no_mention() {
    let name = user("bob");
    let own = Recipient { client: ClientId(1), look: look(true, None), name: Some(&name), hides_quote: false };
    assert_eq!(seen(&message("bob is me"), own), "[14:02] #12 bob: bob is me");
}

#[test]
fn without_a_name_to_look_for_nothing_is_highlighted() {
    let reader = Recipient { client: ClientId(2), look: look(true, None), name: None, hides_quote: false };
    assert_eq!(seen(&message("hi alice"), reader), "[14:02] #12 bob: hi alice");
}

#[test]
fn only_the_text_counts_and_not_the_rest_of_the_line() {
    let name = user("alice");
    let reader = Recipient { client: ClientId(2), look: look(true, None), name: Some(&name), hides_quote: false };
    let reply = Quoted { id: MessageId(9), author: user("alice"), start: Some("alice".into()) };
    let draft = |text: &str| Draft {
        action: true,
        lasts: Some(Duration::from_secs(5)),
        reply: Some(reply.clone()),
        ..Draft::said(text)
    };
    let alices = |text: &str| {
        Message::new(
            MessageId(12),
            "2026-11-21T00:00:00Z".parse().expect("a moment"),
            user("alice"),
            ClientId(1),
            draft(text),
            Box::default(),
        )
    };
    let start = "[00:00] #12 * alice (temporary, 5 s) (to #9 alice: \"alice\") ";
    assert_eq!(seen(&alices("waves"), reader), format!("{start}waves"));
    assert_eq!(seen(&alices("hugs alice"), reader), format!("{start}hugs \x1b[1malice\x1b[22m"));
}

#[test]
fn a_mention_is_found_in_every_row_and_closed_where_its_row_ends() {
    let shown = to_alice("one two three alice four alice", look(true, Some(23)));
    assert_eq!(shown, bold("one\r\n  two three |alice| four\r\n  |alice|"));
    let cut = to_alice("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/alice", look(true, Some(26)));
    for row in cut.split("\r\n") {
        assert_eq!(row.matches("\x1b[1m").count(), row.matches("\x1b[22m").count(), "{cut:?}");
    }
    assert_eq!(
        cut.replace("\x1b[1m", "").replace("\x1b[22m", "").replace("\r\n  ", ""),
        format!("{}/alice", "x".repeat(31))
    );
    assert!(cut.contains("\x1b[1m"), "{cut:?}");
}
