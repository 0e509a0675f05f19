//! The forms of what people say, exactly.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::chat::message::{Addressee, Event, EventKind, Quoted};

const BOB: ClientId = ClientId(1);
const CAROL: ClientId = ClientId(2);

fn to(names: &[&str]) -> Box<[Addressee]> {
    (2..).zip(names).map(|(client, name)| Addressee { client: ClientId(client), name: user(name) }).collect()
}

fn quoted(start: Option<&str>) -> Option<Quoted> {
    Some(Quoted { id: MessageId(9), author: user("dave"), start: start.map(Box::from) })
}

/// What bob says: connection 1, number 12.
fn bobs(draft: Draft, to: Box<[Addressee]>) -> Message {
    let at = "2026-11-21T14:03:00Z".parse::<Timestamp>().expect("a moment");
    Message::new(MessageId(12), at, user("bob"), BOB, draft, to)
}

/// The line without time and number, as this person sees it.
fn form(message: &Message, client: ClientId) -> String {
    let line = seen(message, Recipient { client, look: Style::PLAIN, name: None, hides_quote: false });
    for columns in [Some(200), Some(u16::MAX)] {
        let wide = Recipient { client, look: look(false, columns), name: None, hides_quote: false };
        assert_eq!(seen(message, wide), line, "a width that is enough changes nothing");
    }
    line.strip_prefix("[14:03] #12 ").expect("time and number").to_owned()
}

fn draft(text: &str, action: bool, seconds: Option<u64>, reply: Option<Quoted>) -> Draft {
    Draft { text: text.to_owned(), action, lasts: seconds.map(Duration::from_secs), reply }
}

#[test]
fn what_is_said_in_a_room_looks_the_same_to_all() {
    let morning = || quoted(Some("morning"));
    for (draft, line) in [
        (draft("hi", false, None, None), "bob: hi"),
        (draft("waves", true, None, None), "* bob waves"),
        (draft("hi", false, Some(10), None), "bob (temporary, 10 s): hi"),
        (draft("waves", true, Some(86_400), None), "* bob (temporary, 86400 s) waves"),
        (draft("hi", false, None, morning()), "bob: (to #9 dave: \"morning\") hi"),
        (draft("hi", false, Some(1), morning()), "bob (temporary, 1 s): (to #9 dave: \"morning\") hi"),
        (draft("waves", true, None, morning()), "* bob (to #9 dave: \"morning\") waves"),
        (draft("waves", true, Some(5), morning()), "* bob (temporary, 5 s) (to #9 dave: \"morning\") waves"),
        (draft("hi", false, None, quoted(None)), "bob: (to #9 dave, gone) hi"),
        (draft("waves", true, Some(5), quoted(None)), "* bob (temporary, 5 s) (to #9 dave, gone) waves"),
    ] {
        let message = bobs(draft, to(&[]));
        let edited = message.edited(&message.text);
        for client in [BOB, CAROL, ClientId(0)] {
            assert_eq!(form(&message, client), line);
            assert_eq!(form(&edited, client), format!("{line} (edited)"));
        }
    }
}

#[test]
fn a_direct_message_names_the_other_side_to_each() {
    let morning = || quoted(Some("morning"));
    for (names, people) in [(&["carol"][..], "carol"), (&["carol", "dave", "eve"], "carol, dave, eve")] {
        for (draft, middle, rest) in [
            (draft("hi", false, None, None), "", "hi"),
            (draft("hi", false, Some(10), None), " (temporary, 10 s)", "hi"),
            (draft("waves", true, None, None), "", "* bob waves"),
            (draft("waves", true, Some(10), None), " (temporary, 10 s)", "* bob waves"),
            (draft("hi", false, None, morning()), "", "(to #9 dave: \"morning\") hi"),
            (draft("hi", false, Some(10), quoted(None)), " (temporary, 10 s)", "(to #9 dave, gone) hi"),
            (draft("waves", true, None, morning()), "", "* bob (to #9 dave: \"morning\") waves"),
        ] {
            let message = bobs(draft, to(names));
            let edited = message.edited(&message.text);
            let own = format!("you -> {people}{middle}: {rest}");
            assert_eq!(form(&message, BOB), own);
            assert_eq!(form(&edited, BOB), format!("{own} (edited)"));
            for client in [CAROL, ClientId(3)] {
                let theirs = format!("bob -> you{middle}: {rest}");
                assert_eq!(form(&message, client), theirs);
                assert_eq!(form(&edited, client), format!("{theirs} (edited)"));
            }
        }
    }
}

#[test]
fn a_quote_that_is_deleted_or_edited_changes_in_the_answer() {
    let answer = bobs(draft("yes", false, None, quoted(Some("morning"))), to(&[]));
    let now = |text| answer.requoted(MessageId(9), text).expect("it answers that");
    assert_eq!(form(&now(Some("evening")), CAROL), "bob: (to #9 dave: \"evening\") yes");
    assert_eq!(form(&now(Some("one\ntwo")), CAROL), "bob: (to #9 dave: \"one...\") yes");
    assert_eq!(form(&now(None), CAROL), "bob: (to #9 dave, gone) yes");
}

#[test]
fn events_are_messages_in_their_form_or_news_of_the_server() {
    let event = |event: &Event| {
        let mut out = Vec::new();
        render_event(event, Recipient::anybody(Style::PLAIN), &mut clock(), &mut out);
        String::from_utf8(out).expect("text")
    };
    let said = Event::Said(bobs(draft("hi", false, None, None), to(&[])));
    assert_eq!(event(&said), "[14:03] #12 bob: hi\r\n");
    let message = said.message().expect("a message").edited("ho");
    let edited = Event::Edited { message: Arc::new(Event::Said(message)), requoted: Box::default(), redraw: false };
    assert_eq!(event(&edited), "[14:03] #12 bob: ho (edited)\r\n");
    let happened = Event::Happened {
        news: "bob joined".into(),
        by: None,
        kind: EventKind::Joined,
        people: Box::default(),
        crowd: None,
    };
    assert_eq!(event(&happened), "* bob joined\r\n");
}

#[test]
fn the_lines_of_the_server_are_marked_and_wrapped_behind_their_mark() {
    let line = |tone, text: &str, look| {
        let mut out = Vec::new();
        render_line(tone, text, look, &mut out);
        String::from_utf8(out).expect("text")
    };
    for (tone, mark, color) in [(LineKind::News, "* ", "\x1b[2m"), (LineKind::Refusal, "! ", "\x1b[33m")] {
        assert_eq!(line(tone, "one two", Style::PLAIN), format!("{mark}one two\r\n"));
        assert_eq!(line(tone, "one two", look(false, Some(9))), format!("{mark}one two\r\n"));
        assert_eq!(line(tone, "one two", look(false, Some(8))), format!("{mark}one\r\n  two\r\n"));
        assert_eq!(line(tone, "one two", look(true, Some(8))), format!("{color}{mark}one\r\n  two\x1b[0m\r\n"));
    }
    assert_eq!(line(LineKind::Chat, "one two", look(true, None)), "one two\r\n");
}

#[test]
fn every_place_has_its_prompt() {
    let name = crate::chat::names::RoomName::parse("general").expect("a room name");
    let general = Conversation::Room(std::sync::Arc::new(crate::chat::conversation::RoomId { name, instance: 1 }));
    let bob = Conversation::Direct(Addressee { client: BOB, name: user("bob") });
    for (place, prompt) in [
        (Prompt::Nowhere, ""),
        (Prompt::AskingName, "Username: "),
        (Prompt::AskingRoom, "Enter room name: "),
        (Prompt::AskingQuickName, "Enter username: "),
        (Prompt::AskingPassword, "Password: "),
        (Prompt::Pasting, "paste> "),
        (Prompt::Palette(None), "> "),
        (Prompt::Palette(Some(general.clone())), "[general]> "),
        (Prompt::Palette(Some(bob.clone())), "[@bob]> "),
        (Prompt::ChatView(general), "general | "),
        (Prompt::ChatView(bob), "@bob | "),
    ] {
        assert_eq!(&*place.text(), prompt);
    }
}
