//! The results of effects, in every state in which an answer can arrive.

use std::time::Duration;

use super::*;

fn entered(name: &str, how: JoinedAs) -> Answer {
    Answer::Joined { room: id(name), others: 2, how, topic: String::new() }
}

fn asked(name: &str) -> Answer {
    Answer::JoinRefused { room: room(name), refusal: JoinRefusal::NeedsPassword(room(name)) }
}

fn with_bob(name: &str) -> Conversation {
    Conversation::Direct(bob(name))
}

/// Somebody in general and in games, the current one, who then does something.
fn in_games(view: bool, then: &str) -> TypingUser {
    let mut person = TypingUser::in_room();
    person.joins("games");
    if view {
        person.types(":chat");
    }
    if !then.is_empty() {
        person.commands(view, then);
    }
    person
}

#[test]
fn an_entered_room_is_current_and_opens_in_the_view_for_a_user_in_one() {
    for (how, command, sentence) in [
        (JoinedAs::New, "join games", "Joined games, 2 others here."),
        (JoinedAs::Back, "join games", "Back to games, 2 others here."),
        (JoinedAs::Creator, "create games", "Made games, you are its admin."),
        (JoinedAs::Heir, "join games", "Joined games, 2 others here, and you are its admin now."),
    ] {
        let mut person = TypingUser::in_room();
        person.commands(false, command);
        assert_eq!(
            person.hears(entered("games", how)),
            news(&format!("{sentence} :chat to talk, :close to leave.")),
            "{command}"
        );
        assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("games"))));
        assert_eq!(person.0.open(), [open("general"), open("games")]);
        let mut person = TypingUser::in_view();
        person.commands(true, command);
        let told = Effect::Tell(LineKind::News, format!("{sentence} /close to leave."));
        assert_eq!(
            person.hears(entered("games", how)),
            [told, Effect::Place(PlaceEffect::EnterView(open("games")))],
            "{command}"
        );
        assert_eq!(person.0.prompt(), Prompt::ChatView(open("games")));
    }
}

#[test]
fn a_room_the_user_is_in_already_becomes_current_and_is_open_once() {
    let mut person = in_games(false, "join general");
    person.hears(entered("General", JoinedAs::Back));
    assert_eq!(person.0.open(), [open("games"), open("general")]);
    assert_eq!(person.types(":close"), [Effect::Place(PlaceEffect::Close(open("general")))]);
    assert_eq!(person.0.current(), Some(&open("games")));
}

#[test]
fn an_opened_conversation_is_current_and_opens_in_the_view_for_a_user_in_one() {
    let mut person = TypingUser::in_palette();
    for line in [":dm bob", ":dm @bob,bob"] {
        let effects =
            [Effect::Place(PlaceEffect::OpenDirect(member("bob"))), Effect::Show(ShowEffect::Away(member("bob")))];
        assert_eq!(person.types(line), effects, "{line}");
    }
    let told = "In conversation with bob. :chat to talk, :close to leave.";
    assert_eq!(person.hears(Answer::DirectOpened(bob("bob"))), news(told));
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(with_bob("bob"))));
    assert_eq!(person.0.prompt().text().as_ref(), "[@bob]> ");
    let mut person = TypingUser::in_view();
    person.types("/dm bob");
    let told = Effect::Tell(LineKind::News, "In conversation with bob. /close to leave.".to_owned());
    assert_eq!(
        person.hears(Answer::DirectOpened(bob("bob"))),
        [told, Effect::Place(PlaceEffect::EnterView(with_bob("bob")))]
    );
    assert_eq!(person.0.prompt().text().as_ref(), "@bob | ");
    person.types("/dm bob");
    person.hears(Answer::DirectOpened(bob("bob")));
    assert_eq!(person.0.open().len(), 2, "it is there once");
    let say = Effect::Say { to: with_bob("bob"), draft: Draft::said("hi").into(), confirm: false };
    assert_eq!(person.types("hi"), [say]);
}

#[test]
fn a_room_that_was_not_made_leaves_the_user_in_place() {
    let sentences = [
        (RoomRefusal::Exists(room("den")), "The room den already exists; :join den enters it."),
        (RoomRefusal::Reserved(room("den")), "The name den is reserved."),
        (
            RoomRefusal::TooManyYours(5),
            "Too many rooms were made from your address: the limit is 5. :destroy one of them first.",
        ),
        (RoomRefusal::TooManyAll, "The server has reached its limit of rooms. Please try again later."),
        (RoomRefusal::TooManyRooms(8), "You are in 8 rooms, which is the limit. Leave one with :close first."),
    ];
    for view in [false, true] {
        for (why, sentence) in &sentences {
            let mut person = TypingUser::at_general(view);
            let before = person.0.prompt();
            person.commands(view, "create den");
            assert_eq!(person.hears(Answer::RoomRefusal(why.clone())), refusal(sentence));
            assert_eq!(person.0.prompt(), before);
            let refused = JoinRefusal::RoomRefusal(why.clone());
            assert_eq!(person.hears(Answer::JoinRefused { room: room("den"), refusal: refused }), refusal(sentence));
        }
    }
    let mut person = TypingUser::in_view();
    person.types("/create den");
    person.hears(Answer::RoomRefusal(RoomRefusal::TooManyAll));
    person.types(":q");
    person.hears(entered("games", JoinedAs::New));
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("games"))), "what was not made leads nowhere later");
}

#[test]
fn refusals_to_enter_say_why_and_leave_the_user_in_place() {
    let staff = || room("staff");
    let minute = Duration::from_secs(60);
    let banned = |left, reason: &str| JoinRefusal::Banned { room: staff(), left, reason: reason.to_owned() };
    for (refused, sentence) in [
        (JoinRefusal::NoSuchRoomOrPassword, "No such room, or not that password."),
        (JoinRefusal::Waiting(Duration::from_millis(9_001)), "Too many wrong passwords: try again in 10 seconds."),
        (JoinRefusal::Busy, "The server is too busy for that: try again in a moment."),
        (JoinRefusal::Full { room: staff(), limit: 1 }, "staff is full: it takes 1 person."),
        (JoinRefusal::TooManyRooms(8), "You are in 8 rooms, which is the limit. Leave one with :close first."),
        (banned(None, ""), "You are banned from staff."),
        (banned(None, "spam"), "You are banned from staff (spam)."),
        (banned(Some(minute), "spam"), "You are banned from staff for 1 minute (spam)."),
        (banned(Some(minute), ""), "You are banned from staff for 1 minute."),
        (
            JoinRefusal::Kicked { room: staff(), left: Duration::from_secs(1) },
            "You were kicked from staff: come back in 1 second.",
        ),
        (JoinRefusal::InviteOnly(staff()), "staff is for invited people only."),
    ] {
        for view in [false, true] {
            let mut person = TypingUser::at_general(view);
            let before = person.0.prompt();
            person.commands(view, "join staff");
            let told = person.hears(Answer::JoinRefused { room: staff(), refusal: refused.clone() });
            assert_eq!(told, refusal(sentence));
            assert_eq!(person.0.prompt(), before);
        }
    }
}

#[test]
fn a_password_asked_for_from_the_view_leads_into_the_rooms_view() {
    for view in [false, true] {
        let mut person = TypingUser::at_general(view);
        person.commands(view, "join staff");
        let told = "staff has a password. Give it, or go back with Enter.";
        assert_eq!(
            person.hears(asked("staff")),
            [Effect::Tell(LineKind::News, told.to_owned()), Effect::Screen(ScreenEffect::HideInput)]
        );
        let join =
            Effect::Place(PlaceEffect::Join { room: room("staff"), password: Secret::new("two  words"), quick: false });
        assert_eq!(person.types(" two  words "), [Effect::Screen(ScreenEffect::ShowInput), join]);
        person.hears(entered("staff", JoinedAs::New));
        let staff = open("staff");
        let expected = if view { Prompt::ChatView(staff) } else { Prompt::Palette(Some(staff)) };
        assert_eq!(person.0.prompt(), expected);
    }
}

#[test]
fn losing_the_current_room_leads_back_to_the_palette_of_the_one_before() {
    let back = || Prompt::Palette(Some(open("general")));
    for view in [false, true] {
        let mut person = in_games(view, "");
        assert_eq!(person.hears(Answer::Lost(open("games"))), []);
        assert_eq!(person.0.prompt(), back(), "in the view: {view}");

        let mut person = in_games(view, "join staff");
        person.hears(asked("staff"));
        assert_eq!(person.hears(Answer::Lost(open("games"))), []);
        assert_eq!(person.0.prompt(), Prompt::AskingPassword, "the question stays");
        assert_eq!(person.types(""), [Effect::Screen(ScreenEffect::ShowInput)]);
        assert_eq!(person.0.prompt(), back());

        let mut person = in_games(view, "paste");
        person.types("one");
        assert_eq!(person.hears(Answer::Lost(open("games"))), []);
        assert_eq!(person.0.prompt(), Prompt::Pasting);
        let say = Effect::Say { to: open("games"), draft: Draft::said("one").into(), confirm: true };
        assert_eq!(person.types("."), [say], "it goes where it was meant to go or nowhere");
        assert_eq!(person.0.prompt(), back());
    }
}

#[test]
fn losing_another_room_leaves_the_user_in_place() {
    for view in [false, true] {
        let there = |person: &TypingUser| person.0.prompt();
        let mut person = in_games(view, "");
        let before = there(&person);
        assert_eq!(person.hears(Answer::Lost(open("general"))), []);
        assert_eq!(there(&person), before);
        assert_eq!(person.0.open(), [open("games")]);

        let mut person = in_games(view, "join staff");
        person.hears(asked("staff"));
        person.hears(Answer::Lost(open("general")));
        assert_eq!(person.feels(Input::Interrupted), [Effect::Screen(ScreenEffect::ShowInput)]);
        assert_eq!(there(&person), before);

        let mut person = in_games(view, "paste");
        person.hears(Answer::Lost(open("general")));
        person.feels(Input::Interrupted);
        assert_eq!(there(&person), before);
    }
}

#[test]
fn losing_the_only_room_leads_to_the_palette_without_one() {
    let mut person = TypingUser::in_view();
    person.hears(Answer::Lost(open("general")));
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
    let mut person = TypingUser::in_view();
    person.types("/paste");
    person.types("one");
    person.hears(Answer::Lost(open("general")));
    person.types(".");
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
}

#[test]
fn a_conversation_is_closed_by_the_partners_connection_and_not_by_their_name() {
    for view in [false, true] {
        let mut person = TypingUser::in_conversation(view);
        let namesake = Addressee { client: ClientId(8), name: user("bob") };
        person.hears(Answer::Lost(Conversation::Direct(namesake)));
        assert_eq!(person.0.current(), Some(&with_bob("bob")));
        person.hears(Answer::Lost(with_bob("robert")));
        assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("general"))));
    }
}

#[test]
fn the_partners_new_name_is_in_the_prompt_and_a_namesakes_is_not() {
    for (view, prompt) in [(false, "[@robert]> "), (true, "@robert | ")] {
        let mut person = TypingUser::in_conversation(view);
        let namesake = Addressee { client: ClientId(8), name: user("carol") };
        assert_eq!(person.hears(Answer::PartnerRenamed(namesake)), []);
        assert_eq!(person.0.current(), Some(&with_bob("bob")));
        assert_eq!(person.hears(Answer::PartnerRenamed(bob("robert"))), []);
        assert_eq!(person.0.prompt().text().as_ref(), prompt);
        let say = Effect::Say { to: with_bob("robert"), draft: Draft::said("hi").into(), confirm: !view };
        assert_eq!(person.commands(view, "say hi"), [say]);
    }
}

#[test]
fn a_quick_room_that_is_gone_meanwhile_leads_to_the_palette() {
    let mut person = TypingUser::at(Door::Quick);
    person.types("general secret");
    person.hears(Answer::RoomChecked { room: room("general"), password: Secret::new("secret") });
    person.types("alice");
    let done = person.hears(Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None });
    let join = Effect::Place(PlaceEffect::Join { room: room("general"), password: Secret::new("secret"), quick: true });
    assert_eq!(done.last(), Some(&join));
    let full = JoinRefusal::Full { room: room("general"), limit: 2 };
    let told = person.hears(Answer::JoinRefused { room: room("general"), refusal: full });
    let full = Effect::Tell(LineKind::Refusal, "general is full: it takes 2 people.".to_owned());
    let then = "You are in the palette now: :rooms lists the rooms, :join enters one.";
    assert_eq!(told, [full, Effect::Tell(LineKind::News, then.to_owned())]);
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
}

#[test]
fn the_quick_door_asks_for_a_password_and_goes_back_to_its_room_question() {
    let mut person = TypingUser::at(Door::Quick);
    assert_eq!(person.types("staff"), [Effect::Login(LoginEffect::CheckRoom { room: room("staff"), password: None })]);
    assert_eq!(person.hears(asked("staff")).last(), Some(&Effect::Screen(ScreenEffect::HideInput)));
    assert_eq!(person.0.prompt(), Prompt::AskingPassword);
    let check = Effect::Login(LoginEffect::CheckRoom { room: room("staff"), password: Secret::new("wrong") });
    assert_eq!(person.types("wrong"), [Effect::Screen(ScreenEffect::ShowInput), check]);
    let wrong = JoinRefusal::NoSuchRoomOrPassword;
    let told = person.hears(Answer::JoinRefused { room: room("staff"), refusal: wrong });
    assert_eq!(told, refusal("No such room, or not that password."));
    assert_eq!(person.0.prompt(), Prompt::AskingRoom);
    for cancel in [Input::LineEntered(""), Input::Interrupted, Input::Ended] {
        person.types("staff");
        person.hears(asked("staff"));
        assert_eq!(person.feels(cancel), [Effect::Screen(ScreenEffect::ShowInput)], "{cancel:?}");
        assert_eq!(person.0.prompt(), Prompt::AskingRoom);
    }
    assert_eq!(person.types(":quit"), [Effect::Quit]);
}
