//! The question for a room's password: a typo in `:join` does not swallow the command after it.

use super::*;

/// Somebody who is asked for the password of `genral`, from the palette or the view of general.
fn asked(view: bool) -> TypingUser {
    let mut person = TypingUser::at_general(view);
    person.commands(view, "join genral");
    let refusal = JoinRefusal::NotPublic { room: room("genral"), hint: Some(room("general")) };
    person.hears(Answer::JoinRefused { room: room("genral"), refusal });
    assert!(person.0.asks_password());
    person
}

fn join(name: &str, password: &str) -> Effect {
    Effect::Place(PlaceEffect::Join { room: room(name), password: Secret::new(password), quick: false })
}

#[test]
fn a_command_at_the_question_is_run_and_is_not_a_password() {
    for view in [false, true] {
        for mark in [':', '/'] {
            for (line, effect) in [
                ("join general", join("general", "")),
                ("JOIN staff two words", join("staff", "two words")),
                ("joingroup general", join("general", "")),
                ("rooms", Effect::Show(ShowEffect::Rooms)),
            ] {
                let mut person = asked(view);
                let effects = person.types(&format!("{mark}{line}"));
                assert_eq!(
                    effects,
                    [Effect::Screen(ScreenEffect::ShowInput), effect],
                    "{mark}{line}, in the view: {view}"
                );
                assert!(!person.0.asks_password());
            }
        }
    }
}

#[test]
fn a_join_at_a_question_from_the_view_leads_into_the_other_view() {
    let mut person = asked(true);
    person.types(":join games");
    person.hears(Answer::Joined { room: id("games"), others: 0, how: JoinedAs::New, topic: String::new() });
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("games")));
}

#[test]
fn quit_and_q_at_the_question_mean_what_they_mean_elsewhere() {
    for view in [false, true] {
        let mut person = asked(view);
        assert_eq!(person.types(":quit"), [Effect::Screen(ScreenEffect::ShowInput), Effect::Quit]);
        assert!(person.0.is_leaving());
    }
    let mut person = asked(true);
    assert_eq!(person.types(":q"), [Effect::Screen(ScreenEffect::ShowInput), Effect::Place(PlaceEffect::LeaveView)]);
}

#[test]
fn a_line_that_is_not_a_command_is_the_password_whatever_it_begins_with() {
    for line in [":)", "/", ":", ":jion general", "/etc/passwd", "hunter2", "join general"] {
        let mut person = asked(false);
        assert_eq!(person.types(line), [Effect::Screen(ScreenEffect::ShowInput), join("genral", line)], "{line}");
    }
}

#[test]
fn a_command_at_the_question_costs_and_is_recalled_like_any_other() {
    for view in [false, true] {
        let person = asked(view);
        assert_eq!(person.costs(":join general"), Cost::Post(1));
        assert_eq!(person.costs(":listall"), Cost::Read(3));
        assert_eq!(person.costs("hunter2"), Cost::Free);
        assert_eq!(person.recalls(":join staff hunter2"), ":join staff");
        assert_eq!(person.recalls("hunter2"), "");
        assert_eq!(person.recalls(":hunter2"), "");
    }
}

#[test]
fn the_quick_door_has_no_commands_yet_and_takes_them_for_passwords() {
    let mut person = TypingUser::at(Door::Quick);
    person.types("genral");
    let refusal = JoinRefusal::NotPublic { room: room("genral"), hint: None };
    person.hears(Answer::JoinRefused { room: room("genral"), refusal });
    let check = Effect::Login(LoginEffect::CheckRoom { room: room("genral"), password: Secret::new(":join general") });
    assert_eq!(person.types(":join general"), [Effect::Screen(ScreenEffect::ShowInput), check]);
}

#[test]
fn no_room_is_set_up_with_a_password_that_could_be_taken_for_a_command() {
    let told = "A room's password cannot begin with : or /, because commands do.";
    for password in [":", "/", ":secret", "/secret", ":join general"] {
        for line in [format!(":create den {password}"), format!(":set password {password}")] {
            let effects = TypingUser::in_room().types(&line);
            assert_eq!(effects, [Effect::Tell(LineKind::Refusal, told.to_owned())], "{line}");
        }
    }
    let effects = TypingUser::in_room().types(":create den se:cret/");
    assert_eq!(effects, [Effect::Place(PlaceEffect::Create { room: room("den"), password: Secret::new("se:cret/") })]);
}
