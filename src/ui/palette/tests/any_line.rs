//! Any line, in any state.

use proptest::prelude::*;

use super::accounts::asks;
use super::*;
use crate::ui::command::words;

/// Most effects of one line: those of a command at a question from the view, which closes the view and leaves the room.
const FEW: usize = 3;

/// Somebody in each state.
fn everywhere() -> Vec<TypingUser> {
    let mut all = vec![TypingUser::at(Door::Plain), TypingUser::at(Door::Quick), TypingUser::in_palette()];
    let mut quick_name = TypingUser::at(Door::Quick);
    quick_name.hears(Answer::RoomChecked { room: room("general"), password: None });
    let mut leaving = TypingUser::in_palette();
    leaving.types(":quit");
    let mut quick_password = TypingUser::at(Door::Quick);
    quick_password.types("staff");
    quick_password
        .hears(Answer::JoinRefused { room: room("staff"), refusal: JoinRefusal::NeedsPassword(room("staff")) });
    all.extend([quick_name, quick_password, leaving]);
    for view in [false, true] {
        all.extend([TypingUser::at_general(view), TypingUser::in_conversation(view)]);
        let mut asked = TypingUser::at_general(view);
        asked.commands(view, "join staff");
        let refusal = JoinRefusal::NeedsPassword(room("staff"));
        asked.hears(Answer::JoinRefused { room: room("staff"), refusal });
        let mut pasting = TypingUser::at_general(view);
        pasting.commands(view, "paste");
        pasting.types("one");
        all.extend([asked, pasting]);
        for (command, ask, count) in asks() {
            for given in 0..count {
                let mut asked = TypingUser::at_general(view);
                asked.commands(view, command);
                asked.hears(Answer::PasswordWanted { ask: ask.clone(), prompt: String::new() });
                for _ in 0..given {
                    asked.types("hunter2");
                }
                all.push(asked);
            }
        }
    }
    for door in [Door::Plain, Door::Quick] {
        let mut login = TypingUser::at(door);
        if door == Door::Quick {
            login.hears(Answer::RoomChecked { room: room("general"), password: None });
        }
        login.hears(Answer::PasswordNeeded { name: user("alice") });
        all.push(login);
    }
    all
}

/// Arguments that mean something somewhere, and some that do not.
fn argument() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "bob",
            "@bob",
            "@bob,carol",
            "bob#7",
            "#12",
            "12",
            "0",
            "-1",
            "99999999999999999999",
            "general",
            "10m",
            "on",
            "off",
            "password",
            "limit",
            "description",
            "slow",
            ".",
            ",",
            "@",
            "@,",
            "#",
            ":",
            "/",
            "two words",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

/// A mark, blanks, a command of the table or nearly one, and arguments.
fn command_line() -> impl Strategy<Value = String> {
    let word = prop::sample::select(TABLE.iter().flat_map(words).collect::<Vec<_>>());
    let gap = prop::sample::select(vec![" ", "  ", "\n", " \n", "\u{a0}"]);
    let mark = prop::sample::select(vec![":", "/", "@", " :", ": ", "/ ", "::", ""]);
    (mark, word, prop::collection::vec((gap, argument()), 0..4)).prop_map(|(mark, word, arguments)| {
        let arguments: String = arguments.iter().flat_map(|(gap, argument)| [*gap, argument.as_str()]).collect();
        [mark, word, &arguments].concat()
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let accounts = prop::sample::select(vec![AccountPolicy::Off, AccountPolicy::Optional, AccountPolicy::Required]);
    let names = prop::sample::select(vec![Alphabet::Ascii, Alphabet::Unicode]);
    (accounts, names).prop_map(|(accounts, names)| Rules { accounts, names, known_names: names, ..RULES })
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![command_line(), "\\PC{0,40}", "(\\PC{0,10}\n){0,4}\\PC{0,10}", "[:/@#, a-c12\n.]{0,12}"]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_line_in_any_state_has_few_effects(line in line(), rules in rules()) {
        for mut person in everywhere() {
            let before = person.0.prompt();
            let command_instead = matches!(person.0.state, PaletteState::Password { .. })
                && super::super::reading::command_instead(&line).is_some();
            // A command at the question for a room's password runs as it does elsewhere.
            let (logged_in, asks) = (person.0.is_logged_in(), person.0.asks_password() && !command_instead);
            prop_assert!(matches!(person.costs_under(&rules, &line), Cost::Free | Cost::Read(1..=3) | Cost::Post(1..)));
            let recallable = person.recalls(&line);
            prop_assert!(line.starts_with(recallable));
            prop_assert!(recallable.is_empty() || (logged_in && !asks));
            let comes_back = person.comes_back_under(&rules, &line);
            let _ = person.0.takes_whole(&line);
            let effects = person.types_under(&rules, &line);
            prop_assert!(effects.len() <= FEW, "{:?}: {:?}", before, effects);
            let says = effects.iter().filter(|effect| matches!(effect, Effect::Say { .. })).count();
            prop_assert!(says <= 1);
            prop_assert!(!comes_back || says == effects.len(), "{:?}", effects);
            if !logged_in || asks {
                prop_assert_eq!(says, 0);
            }
            // On the quick listener the room is checked first, and may ask for the next password.
            if asks && !matches!(person.0.state, PaletteState::QuickPassword(_) | PaletteState::QuickRoom) {
                let shown = effects.contains(&Effect::Screen(ScreenEffect::ShowInput));
                prop_assert!(shown != person.0.asks_password(), "hidden as long as it is asked for, and no longer");
            }
        }
    }

    #[test]
    fn in_the_view_no_line_with_a_colon_and_a_command_is_said_or_run(
        blanks in " {0,3}",
        word in prop::sample::select(TABLE.iter().flat_map(words).collect::<Vec<_>>()),
        upper in any::<bool>(),
        rest in prop_oneof![Just(String::new()), "[ \n]\\PC{0,20}"],
    ) {
        let word = if upper { word.to_ascii_uppercase() } else { word.to_owned() };
        let line = format!(":{blanks}{word}{rest}");
        for mut person in [TypingUser::in_view(), TypingUser::in_conversation(true)] {
            let effects = person.types(&line);
            let back = effects == [Effect::Place(PlaceEffect::LeaveView)] && line.trim_end().eq_ignore_ascii_case(":q");
            prop_assert!(back || matches!(&effects[..], [Effect::Tell(LineKind::Refusal, _)]), "{:?}", effects);
        }
    }

    #[test]
    fn in_the_palette_only_commands_for_talking_say_something(line in line()) {
        for mut person in [TypingUser::in_room(), TypingUser::in_conversation(false)] {
            let effects = person.types(&line);
            if effects.iter().any(|effect| matches!(effect, Effect::Say { .. } | Effect::Message(MessageEffect::SendDirect { .. }))) {
                prop_assert!(reading::is_talk(&line), "{}: {:?}", line, effects);
            }
        }
    }
}

/// Something that reaches the palette.
#[derive(Clone, Debug)]
enum LineStep {
    Line(String),
    Interrupted,
    Ended,
    InputEnded,
    Heard(Answer),
}

fn step() -> impl Strategy<Value = LineStep> {
    let place = prop::sample::select(vec!["general", "games", "staff"]).prop_map(room);
    let partner = (7_u64..10, prop::sample::select(vec!["bob", "carol", "dave"]))
        .prop_map(|(client, name)| Addressee { client: ClientId(client), name: user(name) });
    let how = prop::sample::select(vec![JoinedAs::New, JoinedAs::Back, JoinedAs::Creator]);
    let answer = prop_oneof![
        (place.clone(), how).prop_map(|(room, how)| Answer::Joined {
            room: id(room.as_str()),
            others: 1,
            how,
            topic: String::new()
        }),
        place.clone().prop_map(|room| Answer::JoinRefused { refusal: JoinRefusal::NeedsPassword(room.clone()), room }),
        place.clone().prop_map(|room| Answer::JoinRefused { refusal: JoinRefusal::NoSuchRoomOrPassword, room }),
        place.clone().prop_map(|room| Answer::RoomRefusal(RoomRefusal::Reserved(room))),
        place.prop_map(|room| Answer::Lost(Conversation::Room(id(room.as_str())))),
        partner.clone().prop_map(|person| Answer::Lost(Conversation::Direct(person))),
        partner.clone().prop_map(Answer::DirectOpened),
        partner.prop_map(Answer::PartnerRenamed),
        prop::sample::select(asks().to_vec())
            .prop_map(|(_, ask, _)| Answer::PasswordWanted { ask, prompt: "x".to_owned() }),
        Just(Answer::PasswordNeeded { name: user("alice") }),
        Just(Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None }),
        Just(Answer::LoginRefused(LoginRefusal::Busy)),
    ];
    let often = prop::sample::select(vec![
        ":chat",
        ":paste",
        "/paste",
        ".",
        "/join games",
        ":q",
        ":close",
        "/close",
        "/dm bob",
        "/register",
        "hunter2",
    ]);
    prop_oneof![
        4 => often.prop_map(|line| LineStep::Line(line.to_owned())),
        2 => line().prop_map(LineStep::Line),
        6 => answer.prop_map(LineStep::Heard),
        1 => Just(LineStep::Interrupted),
        1 => Just(LineStep::Ended),
        1 => Just(LineStep::InputEnded),
    ]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn the_view_always_shows_something_open_and_nothing_is_open_twice(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut person = TypingUser::in_palette();
        for step in steps {
            let effects = match &step {
                LineStep::Line(line) => person.types(line),
                LineStep::Interrupted => person.feels(Input::Interrupted),
                LineStep::Ended => person.feels(Input::Ended),
                LineStep::InputEnded => {
                    let mut effects = Vec::new();
                    person.0.input_ended(&mut effects);
                    effects
                }
                LineStep::Heard(answer) => person.hears(answer.clone()),
            };
            let open = person.0.open();
            for (index, one) in open.iter().enumerate() {
                prop_assert!(!open[..index].iter().any(|other| other.is(one)), "{:?}", open);
            }
            prop_assert!(person.0.state != PaletteState::ChatView || !open.is_empty());
            if let Prompt::ChatView(shown) | Prompt::Palette(Some(shown)) = person.0.prompt() {
                prop_assert_eq!(Some(&shown), open.last());
            }
            if let Some(Effect::Place(PlaceEffect::EnterView(entered))) = effects.last() {
                prop_assert_eq!(person.0.prompt(), Prompt::ChatView(entered.clone()));
            }
            if effects.contains(&Effect::Screen(ScreenEffect::HideInput)) || effects.contains(&Effect::Screen(ScreenEffect::KeepHidden)) {
                prop_assert!(person.0.asks_password());
            }
            prop_assert!(!effects.contains(&Effect::Quit) || person.0.is_leaving());
        }
    }
}
