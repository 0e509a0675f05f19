//! What lines cost.

use super::*;

#[test]
fn every_example_costs_what_the_table_says() {
    for spec in TABLE {
        for (person, mark) in [(TypingUser::in_room(), ':'), (TypingUser::in_view(), '/')] {
            let line = format!("{mark}{}", &spec.example[1..]);
            let does_nothing = mark == ':' && spec.word == "q";
            assert_eq!(person.costs(&line), if does_nothing { Cost::Read(1) } else { spec.cost }, "{line}");
        }
    }
}

#[test]
fn forms_that_only_show_something_cost_a_read() {
    for (command, cost) in [
        ("set", Cost::Read(1)),
        ("set limit", Cost::Post(1)),
        ("set limit 8", Cost::Post(1)),
        ("topic", Cost::Read(1)),
        ("topic games", Cost::Post(1)),
        ("topic all about games", Cost::Post(1)),
        ("dm", Cost::Read(1)),
        ("dm bob", Cost::Read(1)),
        ("dm bob hi", Cost::Post(1)),
        ("search x", Cost::Read(3)),
        ("who", Cost::Read(3)),
        ("xyzzy", Cost::Read(1)),
        ("quit", Cost::Free),
    ] {
        for view in [false, true] {
            let line = [if view { "/" } else { ":" }, command].concat();
            assert_eq!(TypingUser::at_general(view).costs(&line), cost, "{line}");
        }
    }
}

#[test]
fn every_addressee_costs_a_message() {
    let names = |count: usize| (0..count).map(|number| format!("user{number}")).collect::<Vec<_>>().join(",");
    for view in [false, true] {
        let person = TypingUser::at_general(view);
        let command = |text: String| [if view { "/" } else { ":" }, &text].concat();
        for count in 1..=10_u32 {
            let to = names(usize::try_from(count).expect("a small number"));
            for line in [
                format!("@{to} hi"),
                format!("@{to}, hi"),
                command(format!("dm {to} hi")),
                command(format!("temp @{to} hi")),
                command(format!("temp 5 @{to} hi")),
            ] {
                assert_eq!(person.costs(&line), Cost::Post(count), "{line}");
            }
        }
        let many = format!("@{} hi", names(400));
        assert_eq!(person.costs(&many), Cost::Post(10), "what is refused anyway can be paid");
    }
}

#[test]
fn a_text_of_many_lines_costs_a_message_and_one_for_every_kibibyte() {
    let text = |bytes: usize| format!("x\n{}", "x".repeat(bytes - 2));
    for (bytes, cost) in [(2, 1), (1023, 1), (1024, 2), (2047, 2), (2048, 3), (4095, 4), (4096, 5)] {
        let text = text(bytes);
        assert_eq!(TypingUser::in_view().costs(&text), Cost::Post(cost), "{bytes}");
        assert_eq!(TypingUser::in_room().costs(&format!("@bob {text}")), Cost::Post(cost), "{bytes}");
        assert_eq!(TypingUser::in_view().costs(&format!("@bob,carol {text}")), Cost::Post(2 * cost), "{bytes}");
        assert_eq!(TypingUser::in_room().costs(&format!(":say {text}")), Cost::Post(cost), "{bytes}");
        assert_eq!(TypingUser::in_room().costs(&format!(":dm bob {text}")), Cost::Post(cost), "{bytes}");
    }
    assert_eq!(TypingUser::in_view().costs(&"x".repeat(4096)), Cost::Post(1), "one line is one message");
}

#[test]
fn a_paste_is_paid_for_with_its_last_line() {
    for view in [false, true] {
        for (lines, cost) in [(0, 1), (1, 1), (4, 1), (5, 2), (16, 4)] {
            let mut person = TypingUser::at_general(view);
            person.commands(view, "paste");
            let line = "x".repeat(255);
            for _ in 0..lines {
                assert_eq!(person.costs(&line), Cost::Free);
                person.types(&line);
            }
            assert_eq!(person.costs(":quit"), Cost::Free);
            assert_eq!(person.costs(". "), Cost::Post(cost), "{lines} lines");
        }
    }
}

#[test]
fn lines_cost_by_what_they_are_where_they_are_typed() {
    let view = TypingUser::in_view();
    for (line, cost) in [
        ("hi", Cost::Post(1)),
        (":)", Cost::Post(1)),
        (" :quit", Cost::Post(1)),
        ("@bob", Cost::Post(1)),
        ("", Cost::Read(1)),
        ("  ", Cost::Read(1)),
        (":q", Cost::Free),
        (":rooms", Cost::Read(1)),
        (":join staff secret", Cost::Read(1)),
        ("/quit", Cost::Free),
    ] {
        assert_eq!(view.costs(line), cost, "{line}");
    }
    let palette = TypingUser::in_palette();
    for (line, cost) in [("hi", Cost::Read(1)), ("", Cost::Read(1)), (":", Cost::Read(1)), ("@bob", Cost::Read(1))] {
        assert_eq!(palette.costs(line), cost, "{line}");
    }
    for door in [Door::Plain, Door::Quick] {
        assert_eq!(TypingUser::at(door).costs("alice"), Cost::Read(1));
    }
    let mut asked = TypingUser::in_palette();
    asked.types(":join staff");
    let refused = JoinRefusal::NeedsPassword(room("staff"));
    asked.hears(Answer::JoinRefused { room: room("staff"), refusal: refused });
    assert_eq!(asked.costs("secret"), Cost::Free);
    asked.types("");
    asked.types(":quit");
    assert_eq!(asked.costs("anything"), Cost::Free);
}
