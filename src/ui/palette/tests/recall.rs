//! Passwords and codes are never recalled.

use proptest::prelude::*;

use super::*;

#[test]
fn a_line_is_recalled_up_to_where_a_secret_begins() {
    for (line, kept) in [
        (":join staff secret", ":join staff"),
        (":join  staff   two  words ", ":join  staff"),
        (":joingroup staff secret", ":joingroup staff"),
        (": join staff secret", ": join staff"),
        (":JOIN staff secret", ":JOIN staff"),
        (":joim staff secret", ":joim staff"),
        (":jion staff secret", ":jion staff"),
        (":join staff", ":join staff"),
        (":create den secret", ":create den"),
        (":craete den secret", ":craete den"),
        (":set password secret", ":set password"),
        (":set  Password  two  words", ":set  Password"),
        (":set pasword secret", ":set pasword"),
        (":set passwrod secret", ":set passwrod"),
        (":set psswrd secret", ":set psswrd"),
        (":est password secret", ":est password"),
        (":set limit 8", ":set limit 8"),
        (":shutdown AB12C-3DE4F", ":shutdown"),
        (":shutdwn AB12C-3DE4F", ":shutdwn"),
        (":shutdown AB12C 3DE4F", ":shutdown"),
        (":register secret", ":register"),
        (":regsiter two words", ":regsiter"),
        (":passwd secret", ":passwd"),
        (":password secret", ":password"),
        (":unregister secret", ":unregister"),
        (":login alice secret", ":login alice"),
        (":logni alice  two words", ":logni alice"),
        (":ghost alice secret", ":ghost alice"),
        (":login alice", ":login alice"),
        (":say secret", ":say secret"),
        (":dm bob secret", ":dm bob secret"),
        ("", ""),
        ("   ", ""),
    ] {
        assert_eq!(TypingUser::in_palette().recalls(line), kept, "{line}");
        let in_view = line.replacen(':', "/", 1);
        assert_eq!(TypingUser::in_view().recalls(&in_view), kept.replacen(':', "/", 1), "{line}");
        assert_eq!(TypingUser::in_view().recalls(line), kept, "{line}, neither said nor run");
    }
}

#[test]
fn nothing_is_recalled_at_the_login_and_at_a_question_for_a_password() {
    assert_eq!(TypingUser::at(Door::Plain).recalls("alice"), "");
    assert_eq!(TypingUser::at(Door::Quick).recalls("staff secret"), "");
    for view in [false, true] {
        let mut person = TypingUser::at_general(view);
        person.commands(view, "join staff");
        let refused = JoinRefusal::NeedsPassword(room("staff"));
        person.hears(Answer::JoinRefused { room: room("staff"), refusal: refused });
        assert_eq!(person.recalls("secret"), "");
    }
}

#[test]
fn effects_with_settings_do_not_show_a_password() {
    let effects = TypingUser::in_room().types(":set password secret");
    assert!(!format!("{effects:?}").contains("secret"), "{effects:?}");
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn no_secret_is_left_whatever_blanks_and_case_it_is_typed_with(
        start in prop::sample::select(vec![
            ("join", "staff"), ("joingroup", "staff"), ("create", "den"), ("set", "password"), ("shutdown", ""),
            ("register", ""), ("passwd", ""), ("unregister", ""), ("login", "alice"), ("ghost", "alice"),
        ]),
        mark in prop::sample::select(vec![":", "/"]),
        blanks in prop::collection::vec(1_usize..4, 3),
        before in " {0,2}",
        upper in any::<bool>(),
        edit in prop::option::of((any::<prop::sample::Index>(), any::<bool>())),
        view in any::<bool>(),
    ) {
        let (word, argument) = start;
        let mut word = if upper { word.to_ascii_uppercase() } else { word.to_owned() };
        if let Some((at, swap)) = edit {
            // One slip: two letters swapped, or one doubled.
            let at = at.index(word.len() - 1);
            let (one, other) = (word[at..=at].to_owned(), word[at + 1..at + 2].to_owned());
            word.replace_range(at..at + 2, &if swap { other + &one } else { [&*one, &*one, &*other].concat() });
        }
        let blank = |index: usize| " ".repeat(blanks[index]);
        let line = format!("{mark}{before}{word}{}{argument}{}s3cr3t s3cr3t{}", blank(0), blank(1), blank(2));
        let person = TypingUser::at_general(view);
        prop_assert!(!person.recalls(&line).contains("s3cr3t"), "{}", line);
    }
}
