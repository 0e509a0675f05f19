//! Taking over from another connection, and coming back into the rooms of an account.

use super::*;
use crate::ui::palette::ReturnTo;

const ASKED: &str = "alice is logged in from 10.0.0.5, idle 3 min. Enter takes over, :q cancels.";

fn elsewhere() -> Answer {
    let address = "10.0.0.5".parse().expect("an address");
    Answer::Elsewhere { name: user("alice"), address, idle: "3 min".to_owned() }
}

fn tell(text: &str) -> Effect {
    Effect::Tell(LineKind::News, text.to_owned())
}

fn returned(names: &[&str], to: ReturnTo) -> Answer {
    Answer::Returned { open: names.iter().map(|name| open(name)).collect(), to }
}

fn names(person: &TypingUser) -> Vec<String> {
    person.0.open().iter().map(ToString::to_string).collect()
}

#[test]
fn enter_takes_over_and_every_way_back_lets_the_other_connection_be() {
    for door in [Door::Plain, Door::Quick] {
        let at_question = || {
            let mut person = TypingUser::at(door);
            if door == Door::Quick {
                person.types("general");
                person.hears(Answer::RoomChecked { room: room("general"), password: None });
            }
            let name = person.0.prompt();
            person.types("alice");
            person.hears(Answer::PasswordNeeded { name: user("alice") });
            person.types("hunter2");
            assert_eq!(person.hears(elsewhere()), [tell(ASKED)]);
            assert!(!person.0.asks_password() && !person.0.is_logged_in());
            (person, name)
        };
        for enter in ["", "  "] {
            let (mut person, name) = at_question();
            assert_eq!(person.types(enter), [Effect::Login(LoginEffect::TakeOver)]);
            assert_eq!(person.0.prompt(), name);
            // Somebody else was quicker.
            assert_eq!(person.hears(elsewhere()), [tell(ASKED)]);
        }
        let cancels = [":q", "/q", ":quit"].map(Input::LineEntered);
        for input in cancels.into_iter().chain([Input::Interrupted, Input::Ended]) {
            let (mut person, name) = at_question();
            let refused = Effect::Tell(LineKind::Refusal, "Enter takes over, :q cancels.".to_owned());
            assert_eq!(person.types("yes"), [refused]);
            assert_eq!(person.feels(input), [Effect::Login(LoginEffect::LetBe)]);
            assert_eq!(person.0.prompt(), name);
        }
    }
}

#[test]
fn from_within_the_question_goes_back_to_where_it_was_asked() {
    for view in [false, true] {
        for enter in [true, false] {
            let mut person = TypingUser::at_general(view);
            let before = person.0.prompt();
            assert_eq!(person.hears(elsewhere()), [tell(ASKED)]);
            assert!(person.0.is_logged_in());
            let effects = person.types(if enter { "" } else { ":q" });
            match enter {
                true => assert_eq!(effects, [Effect::Login(LoginEffect::TakeOver)]),
                false => assert_eq!(effects, [Effect::Login(LoginEffect::LetBe), tell("Nothing changed.")]),
            }
            assert_eq!(person.0.prompt(), before);
        }
    }
}

#[test]
fn restored_rooms_are_open_in_their_order_and_the_last_one_is_current() {
    let mut person = TypingUser::at_general(false);
    let told = person.hears(returned(&["den", "games"], ReturnTo::Palette));
    assert_eq!(told, [tell("Back in den, games. :chat to talk, :close to leave.")]);
    assert_eq!(names(&person), ["general", "den", "games"]);
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("games"))));
    // A room that is open already is not opened twice.
    person.hears(returned(&["general"], ReturnTo::Palette));
    assert_eq!(names(&person), ["den", "games", "general"]);
}

#[test]
fn a_user_in_a_view_stays_there_unless_they_have_taken_over() {
    let mut person = TypingUser::at_general(true);
    person.hears(returned(&["den", "general"], ReturnTo::Palette));
    assert_eq!(names(&person), ["den", "general"]);
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
    let mut person = TypingUser::at_general(true);
    assert_eq!(
        person.hears(returned(&["den"], ReturnTo::TakenPalette)).last(),
        Some(&Effect::Place(PlaceEffect::LeaveView))
    );
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("den"))));
    for view in [false, true] {
        let mut person = TypingUser::at_general(view);
        let effects = person.hears(returned(&["den"], ReturnTo::TakenView));
        assert_eq!(
            effects,
            [tell("Back in den. /close to leave."), Effect::Place(PlaceEffect::EnterView(open("den")))]
        );
        assert_eq!(person.0.prompt(), Prompt::ChatView(open("den")));
    }
}
