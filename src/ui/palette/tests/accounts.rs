//! Accounts: passwords at the login, dialogues within, and servers without accounts.

use super::*;
use crate::chat::names::NameError;

const WITHOUT: &str = "This server keeps no accounts.";
const DIFFER: &str = "The two passwords differ: nothing was changed.";
const LOGIN: &str = "The name alice needs its password. Give it, or go back with Enter.";

/// The ways to go back from a question.
const CANCELS: [Input<'_>; 4] = [Input::LineEntered(""), Input::LineEntered("  "), Input::Interrupted, Input::Ended];

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a password")
}

fn tell(text: &str) -> Effect {
    Effect::Tell(LineKind::News, text.to_owned())
}

fn refused(text: &str) -> Effect {
    Effect::Tell(LineKind::Refusal, text.to_owned())
}

fn claimed() -> Answer {
    Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None }
}

fn needed() -> Answer {
    Answer::PasswordNeeded { name: user("alice") }
}

fn login(password: &str, ghost: bool) -> Effect {
    Effect::Login(LoginEffect::Login { name: user("alice"), password: secret(password), ghost })
}

/// Somebody at the name question; on the quick listener with a room chosen.
fn at_name(door: Door) -> TypingUser {
    let mut person = TypingUser::at(door);
    if door == Door::Quick {
        person.types("general");
        person.hears(Answer::RoomChecked { room: room("general"), password: Secret::new("sesame") });
    }
    person
}

#[test]
fn a_name_outside_the_limits_may_be_an_accounts_so_the_session_decides() {
    let length = "A name has 3 to 12 characters: a letter, then letters, digits, _ or -.";
    for name in ["al", "abcdefghijklm"] {
        let mut person = at_name(Door::Plain);
        assert_eq!(person.types(name), [Effect::Login(LoginEffect::ClaimName(user(name)))]);
        let told = person.hears(Answer::NameUnfit(NameError::TooShort { min: 3, max: 12 }));
        assert_eq!(told, [refused(length)]);
        assert!(asks_name(&person, Door::Plain));
        assert_eq!(person.types_under(&NO_ACCOUNTS, name), [refused(length)]);
    }
    assert_eq!(at_name(Door::Plain).types(&"x".repeat(33)), [refused(length)]);
}

/// Somebody who is asked for the password of alice, at the login.
fn at_login_password(door: Door, ghost: bool) -> TypingUser {
    let mut person = at_name(door);
    if ghost {
        assert_eq!(person.types(":ghost alice"), [Effect::Login(LoginEffect::BeginGhost(user("alice")))]);
        let needed = Answer::GhostNeedsPassword { name: user("alice") };
        assert_eq!(person.hears(needed), [tell(LOGIN), Effect::Screen(ScreenEffect::HideInput)]);
    } else {
        assert_eq!(person.types("alice"), [Effect::Login(LoginEffect::ClaimName(user("alice")))]);
        assert_eq!(person.hears(needed()), [tell(LOGIN), Effect::Screen(ScreenEffect::HideInput)]);
    }
    person
}

fn asks_name(person: &TypingUser, door: Door) -> bool {
    person.0.prompt() == if door == Door::Quick { Prompt::AskingQuickName } else { Prompt::AskingName }
}

/// Every dialogue about an account, and how many passwords it takes.
pub(super) fn asks() -> [(&'static str, AccountAsk, usize); 5] {
    [
        ("register", AccountAsk::Register, 2),
        ("passwd", AccountAsk::ChangePassword, 3),
        ("unregister", AccountAsk::Unregister, 1),
        ("login bob", AccountAsk::Login(user("bob")), 1),
        ("ghost bob", AccountAsk::Ghost(user("bob")), 1),
    ]
}

/// Somebody in general who has begun a dialogue and is at its first question.
fn asked(view: bool, command: &str, ask: &AccountAsk) -> TypingUser {
    let mut person = TypingUser::at_general(view);
    assert_eq!(person.commands(view, command), [Effect::Account(AccountEffect::Begin(ask.clone()))]);
    let effects = person.hears(Answer::PasswordWanted { ask: ask.clone(), prompt: String::new() });
    let question = match ask {
        AccountAsk::ChangePassword => vec![tell("Your current password:"), Effect::Screen(ScreenEffect::HideInput)],
        _ => vec![Effect::Screen(ScreenEffect::HideInput)],
    };
    assert_eq!(effects, question);
    assert_eq!(person.0.prompt(), Prompt::AskingPassword);
    assert!(person.0.asks_password() && person.0.is_logged_in());
    person
}

fn place(view: bool) -> Prompt {
    if view { Prompt::ChatView(open("general")) } else { Prompt::Palette(Some(open("general"))) }
}

#[test]
fn the_name_of_an_account_asks_for_its_password_and_leads_into_the_palette() {
    for ghost in [false, true] {
        let mut person = at_login_password(Door::Plain, ghost);
        assert_eq!(person.0.prompt(), Prompt::AskingPassword);
        assert!(person.0.asks_password() && !person.0.is_logged_in());
        assert_eq!(
            person.types("  :quit  now "),
            [Effect::Screen(ScreenEffect::ShowInput), login(":quit  now", ghost)]
        );
        let hello = "Hello alice. 1 person online, 1 room. :rooms lists them, :help explains.";
        assert_eq!(person.hears(claimed()), [tell(hello)]);
        assert_eq!(person.0.prompt(), Prompt::Palette(None));
    }
}

#[test]
fn on_the_quick_listener_a_login_leads_into_the_room_chosen_before() {
    for ghost in [false, true] {
        let mut person = at_login_password(Door::Quick, ghost);
        assert_eq!(person.types("wrong"), [Effect::Screen(ScreenEffect::ShowInput), login("wrong", ghost)]);
        assert_eq!(
            person.hears(Answer::LoginRefused(LoginRefusal::Wrong)),
            refusal("Wrong name or password. Give your name again.")
        );
        assert!(asks_name(&person, Door::Quick));
        person.types("alice");
        person.hears(needed());
        person.types("hunter2");
        let join =
            Effect::Place(PlaceEffect::Join { room: room("general"), password: Secret::new("sesame"), quick: true });
        assert_eq!(person.hears(claimed()).last(), Some(&join));
        person.hears(Answer::Joined { room: id("general"), others: 0, how: JoinedAs::New, topic: String::new() });
        assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
    }
}

#[test]
fn a_login_that_is_refused_says_why_and_asks_for_a_name_again() {
    for (why, sentence) in [
        (LoginRefusal::Wrong, "Wrong name or password."),
        (LoginRefusal::Blocked, "Your account is blocked due to multiple login failures. Please try again later."),
        (LoginRefusal::Busy, "Too many people are logging in just now. Please try again in a moment."),
        (
            LoginRefusal::TooMany(std::time::Duration::from_millis(5_100)),
            "Too many passwords were tried from your address: try again in 6 seconds.",
        ),
        (
            LoginRefusal::Unreadable("the disk is full".to_owned()),
            "The server cannot read its accounts just now: the disk is full. Please try again later.",
        ),
    ] {
        for door in [Door::Plain, Door::Quick] {
            let mut person = at_login_password(door, false);
            person.types("hunter2");
            let hint = if why == LoginRefusal::Wrong { " Give your name again." } else { "" };
            assert_eq!(person.hears(Answer::LoginRefused(why.clone())), refusal(&format!("{sentence}{hint}")));
            assert!(asks_name(&person, door));
            assert_eq!(person.types("bob"), [Effect::Login(LoginEffect::ClaimName(user("bob")))]);
        }
        let mut person = TypingUser::in_view();
        assert_eq!(person.hears(Answer::LoginRefused(why)), refusal(sentence), "from within, too");
        assert_eq!(person.0.prompt(), place(true));
    }
}

#[test]
fn a_login_without_a_password_goes_back_to_the_name_and_keeps_the_room() {
    for door in [Door::Plain, Door::Quick] {
        for ghost in [false, true] {
            for cancel in CANCELS {
                let mut person = at_login_password(door, ghost);
                assert_eq!(person.feels(cancel), [Effect::Screen(ScreenEffect::ShowInput)], "{cancel:?}");
                assert!(asks_name(&person, door));
                assert_eq!(person.types("bob"), [Effect::Login(LoginEffect::ClaimName(user("bob")))]);
                let done = person.hears(Answer::NameClaimed { name: user("bob"), people: 1, rooms: 1, notice: None });
                assert_eq!(done.len(), if door == Door::Quick { 2 } else { 1 }, "{done:?}");
            }
        }
    }
}

#[test]
fn the_name_question_understands_ghost_with_either_mark_and_only_with_one_name() {
    for mark in [':', '/'] {
        for door in [Door::Plain, Door::Quick] {
            let mut person = at_name(door);
            let usage = format!("Use it as {mark}ghost <name>, for example {mark}ghost alice");
            assert_eq!(person.types(&format!("{mark}ghost")), refusal(&usage));
            let alone = format!("Type {mark}ghost <name> alone: you are then asked for the password.");
            assert_eq!(person.types(&format!("{mark}ghost alice secret")), refusal(&alone));
            let sentence = "A name begins with a letter from A to Z.";
            assert_eq!(person.types(&format!("{mark}ghost 1x")), refusal(sentence));
            assert!(asks_name(&person, door));
            assert_eq!(
                person.types(&format!(" {mark}GHOST alice ")),
                [Effect::Login(LoginEffect::BeginGhost(user("alice")))]
            );
            assert!(asks_name(&person, door));
            person.hears(Answer::GhostNeedsPassword { name: user("alice") });
            assert_eq!(person.types("hunter2"), [Effect::Screen(ScreenEffect::ShowInput), login("hunter2", true)]);
        }
    }
    assert_eq!(at_name(Door::Plain).types_under(&NO_ACCOUNTS, ":ghost"), refusal(WITHOUT));
    // Only the session knows whether somebody is a guest.
    let ghost = [Effect::Login(LoginEffect::BeginGhost(user("alice")))];
    assert_eq!(at_name(Door::Plain).types_under(&NO_ACCOUNTS, ":ghost alice"), ghost);
}

#[test]
fn a_dialogue_ends_with_what_was_asked_for_where_it_was_begun() {
    let long = "correct horse";
    let results = [
        Effect::Account(AccountEffect::Register { password: secret(long) }),
        Effect::Account(AccountEffect::ChangePassword { old: secret("o"), new: secret(long) }),
        Effect::Account(AccountEffect::Unregister { password: secret(long) }),
        Effect::Account(AccountEffect::LogIn { name: user("bob"), password: secret(long) }),
        Effect::Account(AccountEffect::Ghost { name: user("bob"), password: secret(long) }),
    ];
    for view in [false, true] {
        for ((command, ask, count), result) in asks().into_iter().zip(&results) {
            let mut person = asked(view, command, &ask);
            let given = if ask == AccountAsk::ChangePassword { ["o", long, long] } else { [long; 3] };
            let questions = match ask {
                AccountAsk::Register => &["Once more, to be sure."][..],
                AccountAsk::ChangePassword => &["The new one:", "The new one once more:"],
                _ => &[],
            };
            for (password, question) in given.iter().zip(questions) {
                assert_eq!(
                    person.types(password),
                    [Effect::Screen(ScreenEffect::KeepHidden), tell(question)],
                    "{command}"
                );
                assert_eq!(person.0.prompt(), Prompt::AskingPassword);
            }
            let effects = person.types(&format!(" {} ", given[count - 1]));
            assert_eq!(effects.len(), 2, "{effects:?}");
            assert_eq!((&effects[0], &effects[1]), (&Effect::Screen(ScreenEffect::ShowInput), result), "{command}");
            assert_eq!(person.0.prompt(), place(view), "{command}");
            assert!(!person.0.asks_password());
        }
    }
}

#[test]
fn the_notice_of_the_session_comes_before_the_first_question() {
    let prompt = "Choose a password for alice; it is asked for twice.";
    let wanted = |ask| Answer::PasswordWanted { ask, prompt: prompt.to_owned() };
    let mut person = TypingUser::in_view();
    person.types("/register");
    assert_eq!(person.hears(wanted(AccountAsk::Register)), [tell(prompt), Effect::Screen(ScreenEffect::HideInput)]);
    let mut person = TypingUser::in_view();
    person.types("/passwd");
    let told = [tell(prompt), tell("Your current password:"), Effect::Screen(ScreenEffect::HideInput)];
    assert_eq!(person.hears(wanted(AccountAsk::ChangePassword)), told);
}

#[test]
fn two_passwords_that_differ_change_nothing() {
    for view in [false, true] {
        let mut person = asked(view, "register", &AccountAsk::Register);
        person.types("correct horse");
        assert_eq!(person.types("correct house"), [Effect::Screen(ScreenEffect::ShowInput), refused(DIFFER)]);
        assert_eq!(person.0.prompt(), place(view));
        let mut person = asked(view, "passwd", &AccountAsk::ChangePassword);
        person.types("correct horse");
        person.types("correct horse");
        assert_eq!(person.types("correct horses"), [Effect::Screen(ScreenEffect::ShowInput), refused(DIFFER)]);
        assert_eq!(person.0.prompt(), place(view));
    }
}

#[test]
fn a_password_that_is_too_long_ends_any_question() {
    let told = "A password has at most 256 characters.";
    let (most, more) = ("é".repeat(256), "é".repeat(257));
    for view in [false, true] {
        for (command, ask, count) in asks() {
            for before in 0..count {
                let mut person = asked(view, command, &ask);
                for _ in 0..before {
                    person.types(&most);
                }
                assert_eq!(person.types(&more), [Effect::Screen(ScreenEffect::ShowInput), refused(told)], "{command}");
                assert_eq!(person.0.prompt(), place(view));
            }
        }
    }
    for door in [Door::Plain, Door::Quick] {
        let mut person = at_login_password(door, false);
        assert_eq!(person.types(&more), [Effect::Screen(ScreenEffect::ShowInput), refused(told)]);
        assert!(asks_name(&person, door));
        let mut person = at_login_password(door, false);
        assert_eq!(person.types(&most), [Effect::Screen(ScreenEffect::ShowInput), login(&most, false)]);
    }
}

#[test]
fn a_dialogue_is_cancelled_at_each_of_its_questions_with_nothing_changed() {
    for view in [false, true] {
        for (command, ask, count) in asks() {
            for before in 0..count {
                let begun = || {
                    let mut person = asked(view, command, &ask);
                    for _ in 0..before {
                        person.types("hunter2");
                    }
                    person
                };
                for cancel in CANCELS {
                    let mut person = begun();
                    let told = [Effect::Screen(ScreenEffect::ShowInput), tell("Nothing changed.")];
                    assert_eq!(person.feels(cancel), told, "{command}, {cancel:?}");
                    assert_eq!(person.0.prompt(), place(view));
                }
                let mut person = begun();
                let mut effects = Vec::new();
                person.0.input_ended(&mut effects);
                assert_eq!(
                    effects,
                    [Effect::Screen(ScreenEffect::ShowInput), tell("Nothing changed.")],
                    "{command}, end of input"
                );
                let mut person = begun();
                assert_eq!(person.hears(Answer::Lost(open("general"))), []);
                assert_eq!(person.0.prompt(), Prompt::AskingPassword, "the question stays");
                person.types("");
                assert_eq!(person.0.prompt(), Prompt::Palette(None), "and leads to where the user is by then");
            }
        }
    }
}

#[test]
fn a_dialogue_that_the_session_refuses_leaves_the_user_in_place() {
    for view in [false, true] {
        for (command, ask, _) in asks() {
            let mut person = TypingUser::at_general(view);
            assert_eq!(person.commands(view, command), [Effect::Account(AccountEffect::Begin(ask))]);
            assert_eq!(person.0.prompt(), place(view));
            assert_eq!(person.commands(view, "rooms"), [Effect::Show(ShowEffect::Rooms)]);
        }
    }
}

#[test]
fn a_password_after_a_command_is_not_used_and_not_recalled() {
    for (command, syntax, kept) in [
        ("register secret", "register", "register"),
        ("register two  words ", "register", "register"),
        ("passwd secret secret", "passwd", "passwd"),
        ("unregister secret", "unregister", "unregister"),
        ("login alice secret", "login <name>", "login alice"),
        ("ghost alice  two  words", "ghost <name>", "ghost alice"),
    ] {
        for (view, mark) in [(false, ':'), (true, '/')] {
            let mut person = TypingUser::at_general(view);
            assert_eq!(person.recalls(&format!("{mark}{command}")), format!("{mark}{kept}"));
            let told = format!("Type {mark}{syntax} alone: you are then asked for the password.");
            assert_eq!(person.commands(view, command), refusal(&told), "{command}");
            assert_eq!(person.0.prompt(), place(view));
        }
        let mut person = TypingUser::in_view();
        let effects = person.types(&format!(":{command}"));
        assert!(matches!(&effects[..], [Effect::Tell(LineKind::Refusal, _)]), "neither said nor run: {effects:?}");
    }
}

#[test]
fn no_password_is_in_the_debug_output_of_states_effects_and_answers() {
    let mut person = asked(false, "passwd", &AccountAsk::ChangePassword);
    let mut seen = String::new();
    for _ in 0..3 {
        let effects = person.types("hunter2");
        seen.push_str(&format!("{effects:?}{:?}", person.0));
    }
    let mut person = at_name(Door::Quick);
    seen.push_str(&format!("{:?}", person.0));
    person.hears(needed());
    seen.push_str(&format!("{:?}{:?}", person.types("hunter2"), person.0));
    let mut person = TypingUser::in_palette();
    for line in [":join staff hunter2", ":create den hunter2"] {
        seen.push_str(&format!("{:?}", person.types(line)));
    }
    let checked = Answer::RoomChecked { room: room("staff"), password: Secret::new("hunter2") };
    seen.push_str(&format!("{checked:?}"));
    assert!(!seen.contains("hunter2") && !seen.contains("sesame"), "{seen}");
}

#[test]
fn without_accounts_their_commands_are_neither_listed_nor_suggested_and_say_so() {
    for (view, mark) in [(false, ':'), (true, '/')] {
        let mut person = TypingUser::at_general(view);
        let effects = person.types_under(&NO_ACCOUNTS, &format!("{mark}help all"));
        let told = help_lines(&effects, CommandAccess { accounts: AccountPolicy::Off, ..GUEST });
        let missing: Vec<_> = TABLE.iter().filter(|spec| !spec.exists(AccountPolicy::Off)).collect();
        assert_eq!(told.len(), TABLE.len() - missing.len() + 1);
        for spec in missing {
            let listed = format!("{told:?}");
            assert!(!listed.contains(&syntax(spec, mark)), "{}", spec.word);
            for line in [spec.word.to_owned(), format!("{} alice secret", spec.word), format!("help {}", spec.word)] {
                assert_eq!(person.types_under(&NO_ACCOUNTS, &format!("{mark}{line}")), refusal(WITHOUT), "{line}");
            }
        }
        let told = format!("No command {mark}broadcst. {mark}help lists them.");
        let effects = person.types_under(&NO_ACCOUNTS, &format!("{mark}broadcst"));
        assert!(matches!(&effects[..], [Effect::Tell(_, line)] if line.starts_with(&told)), "{effects:?}");
        let told = "There is no setting colour. The settings are description, limit, password, public, invite, slow or history.";
        let effects = person.types_under(&NO_ACCOUNTS, &format!("{mark}set colour blue"));
        assert_eq!(effects, refusal(told));
    }
}

#[test]
fn in_the_view_without_accounts_what_may_carry_a_password_is_not_said_and_the_rest_is() {
    let mut person = TypingUser::in_view();
    for line in [":login alice secret", ":passwd", ": register secret", ":GHOST alice"] {
        assert_eq!(person.types_under(&NO_ACCOUNTS, line), refusal(WITHOUT), "{line}");
        assert_eq!(person.costs_under(&NO_ACCOUNTS, line), Cost::Read(1), "{line}");
        assert!(!person.comes_back_under(&NO_ACCOUNTS, line));
    }
    for line in [":passed", ":host it", ":broadcst x"] {
        assert_eq!(person.types_under(&NO_ACCOUNTS, line), said(line), "{line}");
        assert_eq!(person.costs_under(&NO_ACCOUNTS, line), Cost::Post(1), "what is said costs a message");
        assert!(person.comes_back_under(&NO_ACCOUNTS, line) && !person.comes_back(line));
        assert_eq!(person.costs(line), Cost::Read(1), "{line}");
    }
}

#[test]
fn a_line_at_a_question_about_an_account_is_free_and_never_taken_whole() {
    for (command, ask, _) in asks() {
        let person = asked(true, command, &ask);
        assert_eq!(person.costs("/quit"), Cost::Free);
        assert_eq!(person.recalls("hunter2"), "");
        assert!(!person.0.takes_whole("one\ntwo") && !person.comes_back("hunter2"));
    }
    let person = at_login_password(Door::Plain, false);
    assert_eq!(person.costs("hunter2"), Cost::Free);
    assert_eq!(person.recalls("hunter2"), "");
}

#[test]
fn answers_that_come_too_late_change_nothing() {
    for view in [false, true] {
        let mut person = TypingUser::at_general(view);
        assert_eq!(person.hears(needed()), []);
        assert_eq!(person.hears(claimed()), []);
        assert_eq!(person.0.prompt(), place(view));
    }
    let wanted = || Answer::PasswordWanted { ask: AccountAsk::Register, prompt: String::new() };
    for mut person in [at_name(Door::Plain), at_login_password(Door::Plain, false)] {
        let before = person.0.prompt();
        assert_eq!(person.hears(wanted()), []);
        assert_eq!(person.0.prompt(), before);
    }
}

#[test]
fn a_broadcast_is_a_text_like_others() {
    let mut person = TypingUser::in_palette();
    assert_eq!(person.types(":broadcast \u{200b}"), [], "nothing visible is nothing");
    assert_eq!(
        person.types(":broadcast one\n/two"),
        [Effect::Operator(OperatorEffect::Broadcast("one /two".to_owned()))]
    );
}

#[test]
fn effects_have_not_grown() {
    assert!(size_of::<Effect>() <= 48, "{}", size_of::<Effect>());
    assert!(size_of::<Answer>() <= 72, "{}", size_of::<Answer>());
}
