//! Posting: in a room, to people, as a reply, temporarily; editing and deleting.

use std::time::Duration;

use super::*;
use crate::chat::message::MessageId;

fn say(view: bool, draft: Draft) -> Effect {
    Effect::Say { to: open("general"), draft: draft.into(), confirm: !view }
}

fn send(names: &[&str], draft: Draft) -> Effect {
    Effect::Message(MessageEffect::SendDirect {
        to: names.iter().map(|name| member(name)).collect(),
        draft: draft.into(),
        in_view: false,
    })
}

fn perhaps(id: u64, whole: &str) -> Edited {
    Edited::Perhaps { id: MessageId(id), whole: Box::new(Ok(whole.to_owned())) }
}

fn lasting(seconds: u64, text: &str) -> Draft {
    Draft { lasts: Some(Duration::from_secs(seconds)), ..Draft::said(text) }
}

fn action(text: &str) -> Draft {
    Draft { action: true, ..Draft::said(text) }
}

/// This many different names with commas between them.
fn names(count: usize) -> String {
    (0..count).map(|number| format!("user{number}")).collect::<Vec<_>>().join(",")
}

#[test]
fn every_way_to_say_something_says_it_once() {
    for view in [false, true] {
        let to = |name: &str, confirm| Effect::Say { to: open(name), draft: Draft::said("hi all").into(), confirm };
        let reply = || Effect::Message(MessageEffect::Reply { id: MessageId(12), text: "so do I".to_owned() });
        for (line, effect) in [
            ("say two  words", say(view, Draft::said("two  words"))),
            ("me waves", say(view, action("waves"))),
            ("to games hi all", to("games", true)),
            ("groupmsg games hi all", to("games", true)),
            ("to general hi all", to("general", !view)),
            ("to GENERAL hi all", to("general", !view)),
            ("dm bob hi", send(&["bob"], Draft::said("hi"))),
            ("msg @bob hi", send(&["bob"], Draft::said("hi"))),
            ("msgto bob#7 hi", send(&["bob#7"], Draft::said("hi"))),
            ("dm bob,carol hi", send(&["bob", "carol"], Draft::said("hi"))),
            ("reply 12 so do I", reply()),
            ("reply #12  so do I", reply()),
        ] {
            let mut person = TypingUser::in_two_rooms(view);
            let before = person.0.prompt();
            assert_eq!(person.commands(view, line), [effect], "{line}");
            assert_eq!(person.0.prompt(), before, "{line}");
        }
    }
}

#[test]
fn a_message_is_edited_by_number_or_is_the_last_one() {
    for view in [false, true] {
        let id = |id| Edited::Id(MessageId(id));
        for (line, which, text) in [
            ("edit at noon", Edited::Last, "at noon"),
            ("edit 12 at noon", perhaps(12, "12 at noon"), "at noon"),
            ("edit #12 at noon", id(12), "at noon"),
            ("edit #12  at  noon", id(12), "at  noon"),
            ("edit # at noon", Edited::Last, "# at noon"),
            ("edit 12x at noon", Edited::Last, "12x at noon"),
            ("edit -12 at noon", Edited::Last, "-12 at noon"),
            ("edit 12 13", perhaps(12, "12 13"), "13"),
            ("edit 99999999999999999999 x", perhaps(u64::MAX, "99999999999999999999 x"), "x"),
            ("edit #99999999999999999999 x", id(u64::MAX), "x"),
        ] {
            let effect = Effect::Message(MessageEffect::Edit { which, text: text.to_owned() });
            assert_eq!(TypingUser::at_general(view).commands(view, line), [effect], "{line}");
        }
    }
}

#[test]
fn a_text_that_is_too_long_with_its_number_is_refused_only_if_that_is_no_id() {
    let text = "x".repeat(150);
    let refusal = Refusal::TooLong { length: 153, limit: 150 };
    assert_eq!(refusal.to_string(), "Not sent: 153 characters, and a message may have 150.");
    let which = Edited::Perhaps { id: MessageId(12), whole: Box::new(Err(refusal)) };
    let effect = Effect::Message(MessageEffect::Edit { which, text: text.clone() });
    assert_eq!(TypingUser::in_room().types(&format!(":edit 12 {text}")), [effect]);
    let told = "Not sent: 151 characters, and a message may have 150.";
    assert_eq!(TypingUser::in_room().types(&format!(":edit 12 {text}x")), given_back(told));
}

#[test]
fn a_message_is_deleted_by_number_or_is_the_last_one() {
    for view in [false, true] {
        for (line, id) in
            [("delete", None), ("delete 12", Some(12)), ("delete #12", Some(12)), ("DELETE  #0012 ", Some(12))]
        {
            let effect = Effect::Message(MessageEffect::Delete(id.map(MessageId)));
            assert_eq!(TypingUser::at_general(view).commands(view, line), [effect], "{line}");
        }
    }
}

#[test]
fn a_temporary_message_takes_seconds_and_addressees_in_every_combination() {
    for view in [false, true] {
        for (line, effect) in [
            ("temp the code", say(view, lasting(10, "the code"))),
            ("temp 30 the code", say(view, lasting(30, "the code"))),
            ("temp 1 x", say(view, lasting(1, "x"))),
            ("temp 86400 x", say(view, lasting(86_400, "x"))),
            ("temp 30 40", say(view, lasting(30, "40"))),
            ("temp 30s x", say(view, lasting(10, "30s x"))),
            ("temp -5 x", say(view, lasting(10, "-5 x"))),
            ("temp @ bob", say(view, lasting(10, "@ bob"))),
            ("temp the @bob", say(view, lasting(10, "the @bob"))),
            ("temp @bob the code", send(&["bob"], lasting(10, "the code"))),
            ("temp 30 @bob the code", send(&["bob"], lasting(30, "the code"))),
            ("temp 30  @bob,carol#7,bob  the  code", send(&["bob", "carol#7"], lasting(30, "the  code"))),
            ("temp @bob 30 the code", send(&["bob"], lasting(10, "30 the code"))),
        ] {
            assert_eq!(TypingUser::at_general(view).commands(view, line), [effect], "{line}");
        }
        let told = "A temporary message lasts 1 to 86400 seconds.";
        for line in ["temp 0 x", "temp 86401 x", "temp 0 @bob x", "temp 99999999999999999999 x"] {
            assert_eq!(TypingUser::at_general(view).commands(view, line), refusal(told), "{line}");
        }
    }
    let mut nowhere = TypingUser::in_palette();
    assert_eq!(nowhere.types(":temp @bob x"), [send(&["bob"], lasting(10, "x"))], "no room is needed for that");
}

#[test]
fn people_are_addressed_in_palette_and_view_each_once() {
    for view in [false, true] {
        for (line, to) in [
            ("@bob hi", &["bob"][..]),
            ("@bob#7 hi", &["bob#7"]),
            ("@bob,carol hi", &["bob", "carol"]),
            ("@bob,BOB,@bob hi", &["bob"]),
            ("@bob,,carol hi", &["bob", "carol"]),
            ("@bob\nhi", &["bob"]),
        ] {
            let effect = Effect::Message(MessageEffect::SendDirect {
                to: to.iter().map(|name| member(name)).collect(),
                draft: Draft::said("hi").into(),
                in_view: view,
            });
            assert_eq!(TypingUser::at_general(view).types(line), [effect], "{line}");
        }
        let most = format!("@{} hi", names(10));
        let effects = TypingUser::at_general(view).types(&most);
        assert!(
            matches!(&effects[..], [Effect::Message(MessageEffect::SendDirect { to, .. })] if to.len() == 10),
            "{effects:?}"
        );
        let told = "Too many names: the limit is 10 at once.";
        for line in [format!("@{} hi", names(11)), format!("@{} hi", names(500))] {
            assert_eq!(TypingUser::at_general(view).types(&line), refusal(&with_way_out(told, view)));
        }
        for command in [format!("dm {} hi", names(11)), format!("temp 5 @{} hi", names(11))] {
            assert_eq!(TypingUser::at_general(view).commands(view, &command), refusal(told));
        }
        let wrong = "A name has no ! in it: a letter, then letters, digits, _ or -.";
        assert_eq!(TypingUser::at_general(view).types("@bob,car!ol hi"), refusal(&with_way_out(wrong, view)));
    }
    assert_eq!(
        TypingUser::in_palette().types("@bob hi"),
        [send(&["bob"], Draft::said("hi"))],
        "no room is needed for that"
    );
}

/// In the view every refusal of a line that begins with `@` says how to send the line to the room.
fn with_way_out(told: &str, view: bool) -> String {
    let way_out = if view { " A leading space says it to the room." } else { "" };
    [told, way_out].concat()
}

#[test]
fn every_refusal_of_an_addressed_line_in_the_view_names_the_way_to_say_it_there() {
    let names = "@bob,carol and then what you want to say.";
    let no_text = format!("There is no text after the names: {names}");
    let too_long = format!("@bob {}", "x".repeat(151));
    for (line, told) in [
        ("@here hello", "The name here is reserved."),
        ("@alice: hello", "A name has no : in it: a letter, then letters, digits, _ or -."),
        ("@app.route('/') is a line of Python", "A name has no . in it: a letter, then letters, digits, _ or -."),
        ("@app.route('/')\ndef index():", "A name has no . in it: a letter, then letters, digits, _ or -."),
        ("@élodie hello", "A name begins with a letter from A to Z."),
        (
            "@lee, max hello",
            "Not sent: separate the names with commas and no blanks, as in @bob,carol and then the text.",
        ),
        ("@bob \u{200b}", &no_text),
        (&too_long, "Not sent: 151 characters, and a message may have 150."),
    ] {
        let told = with_way_out(told, true);
        let expected = if *line == too_long { given_back(&told) } else { refusal(&told) };
        assert_eq!(TypingUser::in_view().types(line), expected, "{line}");
        let literal = TypingUser::in_view().types(&format!(" {line}"));
        assert!(line.ends_with(['x', '\u{200b}']) || literal == said(line), "{literal:?}");
    }
    // In the view of a conversation the hint names the partner.
    let mut person = TypingUser::in_palette();
    person.types(":dm bob");
    person.hears(Answer::DirectOpened(crate::chat::message::Addressee {
        client: crate::chat::message::ClientId(7),
        name: user("bob"),
    }));
    person.types(":chat");
    assert_eq!(person.types("@here hi"), refusal("The name here is reserved. A leading space says it to bob."));
    // A command was not meant as a message, so it gets no hint.
    assert_eq!(TypingUser::in_view().types("/dm here hi"), refusal("The name here is reserved."));
}

#[test]
fn a_line_that_addresses_nobody_is_said_in_the_view_and_refused_in_the_palette() {
    for text in ["@bob", "@", "@ bob hi", "@1 hi", "@, hi"] {
        assert_eq!(TypingUser::in_view().types(text), said(text), "{text}");
        let told = match text {
            "@bob" => "There is no text after the names: @bob,carol and then what you want to say.",
            _ => "That is not a command. :chat enters the chat view.",
        };
        assert_eq!(TypingUser::in_room().types(text), refusal(told), "{text}");
    }
    assert_eq!(TypingUser::in_view().types(" @bob hi"), said("@bob hi"), "a leading blank says it as it is");
}

#[test]
fn every_text_may_be_as_long_as_the_limit_and_no_longer() {
    let told = "Not sent: 151 characters, and a message may have 150.";
    for view in [false, true] {
        for start in ["say ", "me ", "to games ", "dm bob ", "reply 12 ", "edit ", "edit 12 ", "temp ", "temp 5 @bob "]
        {
            let fits = TypingUser::in_two_rooms(view).commands(view, &format!("{start}{}", "é".repeat(150)));
            assert!(matches!(&fits[..], [effect] if !matches!(effect, Effect::Tell(..))), "{start}: {fits:?}");
            let over = TypingUser::in_two_rooms(view).commands(view, &format!("{start}{}", "é".repeat(151)));
            assert_eq!(over, given_back(told), "{start}");
            let nothing = TypingUser::in_two_rooms(view).commands(view, &format!("{start}\u{200b}"));
            assert_eq!(nothing, [], "{start}: nothing visible is nothing");
        }
        let over = TypingUser::at_general(view).types(&format!("@bob {}", "é".repeat(151)));
        assert_eq!(over, given_back(&with_way_out(told, view)));
    }
}

#[test]
fn several_lines_pasted_as_one_are_one_message_in_the_view() {
    let person = TypingUser::in_view();
    for lines in ["one\ntwo", ":) \n:D", "one\n:quit", "one\n\n  two"] {
        assert!(person.0.takes_whole(lines), "{lines}");
        assert_eq!(TypingUser::in_view().types(lines), said(lines), "{lines}");
    }
    let many = vec!["x"; 100].join("\n");
    assert_eq!(TypingUser::in_view().types(&many), said(&many), "lines are not counted as characters");
    let told = "Not sent: 101 lines, 201 bytes; a message of many lines may have 100 lines and 4096 bytes.";
    assert_eq!(TypingUser::in_view().types(&vec!["x"; 101].join("\n")), given_back(told));
    let full = format!("{}\nx", "x".repeat(4094));
    assert_eq!(TypingUser::in_view().types(&full), said(&full));
    let told = "Not sent: 2 lines, 4097 bytes; a message of many lines may have 100 lines and 4096 bytes.";
    assert_eq!(TypingUser::in_view().types(&format!("x{full}")), given_back(told));
    let mistaken = TypingUser::in_view().types(":join staff\nsecret");
    assert!(matches!(&mistaken[..], [Effect::Tell(LineKind::Refusal, _)]), "{mistaken:?}");
}

#[test]
fn several_lines_after_a_command_for_talking_are_its_text_and_others_are_separate_lines() {
    let person = TypingUser::in_room();
    for lines in [":say one\ntwo", ":dm bob one\ntwo", "@bob one\ntwo", ":temp 5 one\ntwo", ":edit 12 one\ntwo"] {
        assert!(person.0.takes_whole(lines), "{lines}");
    }
    for lines in ["one\ntwo", ":rooms\n:list", ":say one\n:quit", ":join staff\nsecret", ":say one\n/list", ":set x\ny"]
    {
        assert!(!person.0.takes_whole(lines), "{lines}");
    }
    assert_eq!(TypingUser::in_room().types(":say one\ntwo"), [say(false, Draft::said("one\ntwo"))]);
    assert_eq!(TypingUser::in_room().types("@bob one\ntwo"), [send(&["bob"], Draft::said("one\ntwo"))]);
    let edit = Effect::Message(MessageEffect::Edit { which: perhaps(12, "12 one\ntwo"), text: "one\ntwo".to_owned() });
    assert_eq!(TypingUser::in_room().types(":edit 12 one\ntwo"), [edit]);
    assert_eq!(TypingUser::in_room().types(":temp 5\none\ntwo"), [say(false, lasting(5, "one\ntwo"))]);
    let asked = TypingUser::at(Door::Plain);
    assert!(!asked.0.takes_whole(":say one\ntwo"), "at the login nothing is one message");
}

#[test]
fn only_a_message_in_the_view_comes_back() {
    let person = TypingUser::in_view();
    for (line, comes_back) in [
        ("hi", true),
        (":)", true),
        (" :quit", true),
        ("one\ntwo", true),
        ("/say hi", false),
        ("@bob hi", false),
        (":quit", false),
        (":q", false),
        ("", false),
        ("/me waves", false),
    ] {
        assert_eq!(person.comes_back(line), comes_back, "{line}");
    }
    assert!(!person.comes_back(&"x".repeat(151)), "a refused line stays on the screen");
    assert!(!TypingUser::in_room().comes_back("hi"));
}
