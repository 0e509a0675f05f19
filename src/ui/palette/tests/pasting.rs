//! Several lines that become one message.

use super::*;

const BEGINS: &str = "Type or paste the lines of one message; a single . ends it, Ctrl-C drops it.";
const DROPPED: &str = "Not sent: the message was not ended with a single dot.";

/// Somebody in general who has typed `:paste`.
fn pasting(view: bool) -> TypingUser {
    let mut person = TypingUser::at_general(view);
    assert_eq!(person.commands(view, "paste"), news(BEGINS));
    assert_eq!(person.0.prompt(), Prompt::Pasting);
    person
}

fn at_general(view: bool) -> Prompt {
    if view { Prompt::ChatView(open("general")) } else { Prompt::Palette(Some(open("general"))) }
}

#[test]
fn the_lines_are_one_message_and_none_of_them_is_a_command() {
    for view in [false, true] {
        let mut person = pasting(view);
        for line in [":quit", "", "  /close", "@bob hi", "..", ". x"] {
            assert_eq!(person.types(line), [], "{line}");
            assert_eq!(person.0.prompt(), Prompt::Pasting, "{line}");
        }
        let draft = Draft::said(":quit\n\n  /close\n@bob hi\n..\n. x");
        assert_eq!(person.types(". "), [Effect::Say { to: open("general"), draft: draft.into(), confirm: !view }]);
        assert_eq!(person.0.prompt(), at_general(view));
    }
}

#[test]
fn empty_lines_around_the_text_are_dropped_and_no_text_is_no_message() {
    let mut person = pasting(true);
    for line in ["", "", "one", ""] {
        person.types(line);
    }
    assert_eq!(person.types("."), said("one"));
    for lines in [&[][..], &["", "  "]] {
        let mut person = pasting(true);
        for line in lines {
            person.types(line);
        }
        assert_eq!(person.types("."), news("Nothing sent."));
        assert_eq!(person.0.prompt(), at_general(true));
    }
}

#[test]
fn control_c_and_control_d_drop_it_and_so_does_the_end_of_input() {
    for view in [false, true] {
        for input in [Input::Interrupted, Input::Ended] {
            let mut person = pasting(view);
            person.types("one");
            assert_eq!(person.feels(input), refusal(DROPPED), "{input:?}");
            assert_eq!(person.0.prompt(), at_general(view));
            person.commands(view, "paste");
            person.types("two");
            let draft = Draft::said("two");
            let say = Effect::Say { to: open("general"), draft: draft.into(), confirm: !view };
            assert_eq!(person.types("."), [say], "nothing of what was dropped is left");
        }
        let mut person = pasting(view);
        let mut effects = Vec::new();
        person.0.input_ended(&mut effects);
        assert_eq!(effects, refusal(DROPPED));
        assert_eq!(person.0.prompt(), at_general(view));
    }
    let mut effects = Vec::new();
    TypingUser::in_view().0.input_ended(&mut effects);
    assert_eq!(effects, [], "nothing was half done");
}

#[test]
fn a_paste_may_have_a_hundred_lines_and_four_kibibytes_and_no_more() {
    for (lines, length, told) in [
        (100, 1, None),
        (101, 1, Some("Not sent: 101 lines, 201 bytes; a message of many lines may have 100 lines and 4096 bytes.")),
        (1, 4096, None),
        (1, 4097, Some("Not sent: 1 line, 4097 bytes; a message of many lines may have 100 lines and 4096 bytes.")),
        (16, 255, None),
        (17, 255, Some("Not sent: 17 lines, 4351 bytes; a message of many lines may have 100 lines and 4096 bytes.")),
    ] {
        let mut person = pasting(true);
        let line = "x".repeat(length);
        for _ in 0..lines {
            assert_eq!(person.types(&line), []);
        }
        let expected = told.map_or_else(|| said(&vec![line.as_str(); lines].join("\n")), refusal);
        assert_eq!(person.types("."), expected, "{lines} lines of {length}");
        assert_eq!(person.0.prompt(), at_general(true));
    }
}

#[test]
fn a_paste_in_a_conversation_goes_to_the_partner_even_if_they_are_renamed_meanwhile() {
    let mut person = TypingUser::in_conversation(false);
    person.types(":paste");
    person.types("one");
    person.hears(Answer::PartnerRenamed(bob("robert")));
    let effects = person.types(".");
    let [Effect::Say { to: Conversation::Direct(to), draft, confirm: true }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((to.client, &**draft), (ClientId(7), &Draft::said("one")));
}

#[test]
fn lines_that_come_as_one_while_pasting_are_lines_of_their_own() {
    assert!(!pasting(true).0.takes_whole("one\ntwo"));
}
