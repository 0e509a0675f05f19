//! The palette as users see it: a typed line, and its output.

mod accounts;
mod answers;
mod any_line;
mod coming_back;
mod commands;
mod costs;
mod pasting;
mod recall;
mod room_password;
mod talk;

use std::sync::Arc;

use super::*;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::identity::Target;
use crate::chat::message::{Addressee, ClientId, Draft};
use crate::chat::names::Alphabet;
use crate::chat::secret::Secret;
use crate::ui::command::{CommandAccess, Cost, TABLE, find, syntax};

/// With accounts, and so with every command.
const RULES: Rules = Rules {
    username_min: 3,
    username_limit: 12,
    names: Alphabet::Ascii,
    known_names: Alphabet::Ascii,
    message_limit: 150,
    accounts: AccountPolicy::Optional,
};
/// Without accounts.
const NO_ACCOUNTS: Rules = Rules { accounts: AccountPolicy::Off, ..RULES };

fn room(name: &str) -> RoomName {
    RoomName::parse(name).expect("a room name")
}

/// The one room of that name.
fn id(name: &str) -> Arc<RoomId> {
    let instance = name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte.to_ascii_lowercase()));
    Arc::new(RoomId { name: room(name), instance })
}

fn open(name: &str) -> Conversation {
    Conversation::Room(id(name))
}

fn member(name: &str) -> Target {
    Target::parse(name).expect("a name")
}

fn user(name: &str) -> UserName {
    UserName::parse(name, 1, 32).expect("a name")
}

/// What reaches the palette from the terminal.
#[derive(Clone, Copy, Debug)]
enum Input<'a> {
    LineEntered(&'a str),
    Interrupted,
    Ended,
}

/// A user at a palette.
struct TypingUser(Palette);

impl TypingUser {
    fn at(door: Door) -> TypingUser {
        TypingUser(Palette::new(door))
    }

    fn types(&mut self, line: &str) -> Vec<Effect> {
        self.feels(Input::LineEntered(line))
    }

    fn feels(&mut self, input: Input<'_>) -> Vec<Effect> {
        self.feels_under(&RULES, input)
    }

    fn types_under(&mut self, rules: &Rules, line: &str) -> Vec<Effect> {
        self.feels_under(rules, Input::LineEntered(line))
    }

    fn feels_under(&mut self, rules: &Rules, input: Input<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::LineEntered(text) => {
                let line = self.0.read(text, rules);
                self.0.run(line, rules, &mut effects);
            }
            Input::Interrupted => self.0.press(ControlKey::Interrupt, &mut effects),
            Input::Ended => self.0.press(ControlKey::End, &mut effects),
        }
        effects
    }

    fn costs(&self, line: &str) -> Cost {
        self.costs_under(&RULES, line)
    }

    fn costs_under(&self, rules: &Rules, line: &str) -> Cost {
        self.0.read(line, rules).cost()
    }

    fn recalls<'a>(&self, line: &'a str) -> &'a str {
        self.0.read(line, &RULES).recallable()
    }

    fn comes_back(&self, line: &str) -> bool {
        self.comes_back_under(&RULES, line)
    }

    fn comes_back_under(&self, rules: &Rules, line: &str) -> bool {
        self.0.read(line, rules).comes_back()
    }

    fn hears(&mut self, answer: Answer) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.0.answer(answer, &mut effects);
        effects
    }

    fn in_palette() -> TypingUser {
        let mut person = TypingUser::at(Door::Plain);
        person.types("alice");
        person.hears(Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None });
        person
    }

    fn joins(&mut self, name: &str) -> Vec<Effect> {
        self.types(&format!(":join {name}"));
        self.hears(Answer::Joined { room: id(name), others: 0, how: JoinedAs::New, topic: String::new() })
    }

    fn in_room() -> TypingUser {
        let mut person = TypingUser::in_palette();
        person.joins("general");
        person
    }

    /// In conversation with bob, in the view or not.
    fn in_conversation(view: bool) -> TypingUser {
        let mut person = TypingUser::at_general(view);
        person.types(if view { "/dm bob" } else { ":dm bob" });
        person.hears(Answer::DirectOpened(bob("bob")));
        person
    }

    /// In general, in the view or not.
    fn at_general(view: bool) -> TypingUser {
        if view { TypingUser::in_view() } else { TypingUser::in_room() }
    }

    /// The same, and in games before.
    fn in_two_rooms(view: bool) -> TypingUser {
        let mut person = TypingUser::in_palette();
        person.joins("games");
        person.joins("general");
        if view {
            person.types(":chat");
        }
        person
    }

    /// Types a command with the mark of the view or the palette.
    fn commands(&mut self, view: bool, command: &str) -> Vec<Effect> {
        self.types(&[if view { "/" } else { ":" }, command].concat())
    }

    fn in_view() -> TypingUser {
        let mut person = TypingUser::in_palette();
        person.joins("general");
        assert_eq!(person.types(":chat"), [Effect::Place(PlaceEffect::EnterView(open("general")))]);
        person
    }
}

/// Connection 7 by a name.
fn bob(name: &str) -> Addressee {
    Addressee { client: ClientId(7), name: user(name) }
}

/// Somebody in the palette without an account, and without a room of their own.
const GUEST: CommandAccess = CommandAccess {
    accounts: AccountPolicy::Optional,
    in_view: false,
    logged_in: false,
    room_admin: false,
    room_owner: false,
    operator: false,
    files: true,
    shared: false,
    exit_code: true,
};

/// The page of the help that the user asked for.
fn help_lines(effects: &[Effect], viewer: CommandAccess) -> Vec<String> {
    let [Effect::Show(ShowEffect::Help { page, mark })] = effects else { panic!("{effects:?}") };
    page.lines(*mark, viewer)
}

fn news(text: &str) -> Vec<Effect> {
    vec![Effect::Tell(LineKind::News, text.to_owned())]
}

/// The refusal that explains how to use a command, with the mark it was typed with.
fn usage(view: bool, word: &str) -> Vec<Effect> {
    let (spec, mark) = (find(word).expect("a command"), if view { '/' } else { ':' });
    let how = match spec.arguments {
        "" => ", with nothing after it.".to_owned(),
        _ => format!(", for example {mark}{}", &spec.example[1..]),
    };
    refusal(&format!("Use it as {}{how}", syntax(spec, mark)))
}

/// The refusal of a line that is too long, and the line given back.
fn given_back(text: &str) -> Vec<Effect> {
    let mut effects = refusal(text);
    effects.push(Effect::GiveBack);
    effects
}

fn refusal(text: &str) -> Vec<Effect> {
    vec![Effect::Tell(LineKind::Refusal, text.to_owned())]
}

fn said(text: &str) -> Vec<Effect> {
    vec![Effect::Say { to: open("general"), draft: Draft::said(text).into(), confirm: false }]
}

#[test]
fn a_name_leads_into_the_palette_and_a_taken_one_asks_again() {
    let mut person = TypingUser::at(Door::Plain);
    assert_eq!(person.0.prompt(), Prompt::AskingName);
    assert_eq!(person.types(" alice "), [Effect::Login(LoginEffect::ClaimName(user("alice")))]);
    let told = person.hears(Answer::NameTaken { name: user("alice"), free: Some(user("alice2")) });
    assert_eq!(told, refusal("The name alice is taken; alice2 is free."));
    assert_eq!(person.0.prompt(), Prompt::AskingName);
    person.types("alice2");
    let told = person.hears(Answer::NameClaimed { name: user("alice2"), people: 3, rooms: 2, notice: None });
    let hello = "Hello alice2. 3 people online, 2 rooms. :rooms lists them, :help explains.";
    assert_eq!(told, [Effect::Tell(LineKind::News, hello.to_owned())]);
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
}

#[test]
fn numbers_agree_with_their_nouns() {
    let mut person = TypingUser::at(Door::Plain);
    person.types("alice");
    let told = person.hears(Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None });
    let hello = "Hello alice. 1 person online, 1 room. :rooms lists them, :help explains.";
    assert_eq!(told, [Effect::Tell(LineKind::News, hello.to_owned())]);
    person.types(":join general");
    let told =
        person.hears(Answer::Joined { room: id("general"), others: 1, how: JoinedAs::New, topic: String::new() });
    let joined = "Joined general, 1 other here. :chat to talk, :close to leave.";
    assert_eq!(told, [Effect::Tell(LineKind::News, joined.to_owned())]);
}

#[test]
fn plain_text_in_the_palette_goes_nowhere() {
    let mut person = TypingUser::in_palette();
    assert_eq!(person.types("hello"), refusal("That is not a command. :chat enters the chat view."));
    assert_eq!(person.types(""), []);
    assert_eq!(person.types("   "), []);
}

#[test]
fn a_newcomers_word_without_a_mark_gets_the_command() {
    for (lines, told) in [
        (["help", "?", " HELP "], "Commands begin with a colon: :help explains them."),
        (["quit", "exit", "logout"], "Commands begin with a colon: :quit leaves."),
    ] {
        for line in lines {
            assert_eq!(TypingUser::in_room().types(line), refusal(told), "{line}");
            assert_eq!(TypingUser::in_view().types(line.trim_start()), said(line.trim()), "in the view it is a text");
        }
    }
    assert_eq!(TypingUser::in_room().types("help me"), refusal("That is not a command. :chat enters the chat view."));
}

#[test]
fn an_unknown_command_gets_the_nearest_match_with_the_mark_it_was_typed_with() {
    let mut person = TypingUser::in_palette();
    assert_eq!(person.types(":jion"), refusal("No command :jion. Did you mean :join?"));
    assert_eq!(person.types("/jion x"), refusal("No command /jion. Did you mean /join?"));
    assert_eq!(person.types(":xyzzy"), refusal("No command :xyzzy. :help lists them."));
}

#[test]
fn in_the_view_everything_is_said_except_commands_and_lines_that_look_like_one() {
    let mut person = TypingUser::in_view();
    for text in ["hello", ":)", ":D", ":-(", ":3", "//", "/ x", "/", "@", "@ bob", "a :rooms"] {
        assert_eq!(person.types(text), said(text), "{text}");
    }
    assert_eq!(person.types(" :rooms"), said(":rooms"));
    for (line, text) in [
        (" /x", "/x"),
        (" @bob hi", "@bob hi"),
        (" two", " two"),
        ("  two", "  two"),
        ("  :x", "  :x"),
        ("  @bob hi ", "  @bob hi"),
    ] {
        assert_eq!(person.types(line), said(text), "exactly one blank is removed, and only if it is needed");
    }
    for (line, meant) in [
        (":rooms", "rooms"),
        (":join staff secret", "join"),
        (":joim staff secret", "join"),
        (": join staff secret", "join"),
        (":JOIN x", "join"),
        (":quit", "quit"),
        (":q now", "q"),
        (":who", "listall"),
    ] {
        let told = format!(
            "Not sent, not run: it looks like a command. Type /{meant} here, or :q to go back; a leading space says it."
        );
        assert_eq!(person.types(line), refusal(&told), "{line}");
    }
    assert_eq!(
        person.types("@bob hi"),
        [Effect::Message(MessageEffect::SendDirect {
            to: vec![member("bob")],
            draft: Draft::said("hi").into(),
            in_view: true
        })]
    );
    assert_eq!(person.types(":q"), [Effect::Place(PlaceEffect::LeaveView)]);
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("general"))));
}

#[test]
fn in_the_view_wide_marks_and_odd_blanks_say_no_password_and_no_direct_message_to_the_room() {
    let mut person = TypingUser::in_view();
    for line in [
        "\u{ff1a}join staff secret",
        "\u{ff1a} joim staff secret",
        ":join\u{a0}staff secret",
        ":\u{3000}join\u{3000}staff\u{3000}secret",
        "\u{200b}:join staff secret",
        "\u{200e}\u{ff1a}join staff secret",
    ] {
        let told =
            "Not sent, not run: it looks like a command. Type /join here, or :q to go back; a leading space says it.";
        assert_eq!(person.types(line), refusal(told), "{line:?}");
    }
    for line in ["/rooms", "\u{ff0f}rooms", "\u{200b}/rooms", "/rooms\u{a0}"] {
        assert_eq!(person.types(line), [Effect::Show(ShowEffect::Rooms)], "{line:?}");
    }
    for line in ["@bob\u{a0}hi", "\u{ff20}bob hi", "@bob\u{3000}hi", "\u{200b}@bob hi"] {
        let direct =
            MessageEffect::SendDirect { to: vec![member("bob")], draft: Draft::said("hi").into(), in_view: true };
        assert_eq!(person.types(line), [Effect::Message(direct)], "{line:?}");
    }
    for line in ["\u{ff1a})", "\u{ff1a}", "\u{ff0f}", "\u{ff20}", "\u{200f}\u{5d0}", "\u{a0}x"] {
        assert_eq!(person.types(line), said(line), "{line:?}");
    }
    assert_eq!(person.types(" \u{ff1a}join x"), said("\u{ff1a}join x"), "a leading blank says it");
    assert_eq!(person.types("\u{ff1a}q"), [Effect::Place(PlaceEffect::LeaveView)]);
    let mut person = TypingUser::in_palette();
    for line in
        ["\u{ff1a}join staff two  words", ":join\u{a0}staff\u{3000}two  words", "\u{feff}:join staff two  words"]
    {
        let password = Secret::new("two  words");
        let join = PlaceEffect::Join { room: room("staff"), password, quick: false };
        assert_eq!(person.types(&crate::text::sanitize(line)), [Effect::Place(join)], "{line:?}");
    }
}

#[test]
fn a_slash_runs_any_command_without_leaving_the_view() {
    let mut person = TypingUser::in_view();
    assert_eq!(person.types("/rooms"), [Effect::Show(ShowEffect::Rooms)]);
    assert_eq!(person.types("/who"), [Effect::Show(ShowEffect::Everybody)]);
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
    assert_eq!(person.types("/q"), [Effect::Place(PlaceEffect::LeaveView)]);
}

#[test]
fn joining_from_the_view_leads_into_the_other_rooms_view() {
    let mut person = TypingUser::in_view();
    person.types("/join games");
    let done = person.hears(Answer::Joined { room: id("games"), others: 0, how: JoinedAs::New, topic: String::new() });
    assert_eq!(done.last(), Some(&Effect::Place(PlaceEffect::EnterView(open("games")))));
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("games")));
    assert_eq!(
        person.types("/close"),
        [Effect::Place(PlaceEffect::LeaveView), Effect::Place(PlaceEffect::Close(open("games")))]
    );
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("general"))));
}

#[test]
fn a_password_is_asked_hidden_and_its_line_is_nothing_else() {
    let mut person = TypingUser::in_palette();
    let join = |password: Option<&str>| {
        Effect::Place(PlaceEffect::Join { room: room("staff"), password: password.and_then(Secret::new), quick: false })
    };
    assert_eq!(person.types(":join staff"), [join(None)]);
    let refused = Answer::JoinRefused {
        room: room("staff"),
        refusal: JoinRefusal::NotPublic { room: room("staff"), hint: Some(room("stuff")) },
    };
    let asked = "No public room staff; did you mean stuff? For a hidden room give its password, Enter goes back.";
    assert_eq!(
        person.hears(refused.clone()),
        [Effect::Tell(LineKind::News, asked.to_owned()), Effect::Screen(ScreenEffect::HideInput)]
    );
    assert!(person.0.asks_password());
    assert_eq!(person.types("quit now"), [Effect::Screen(ScreenEffect::ShowInput), join(Some("quit now"))]);
    assert_eq!(
        person.hears(Answer::JoinRefused { room: room("staff"), refusal: JoinRefusal::NoSuchRoomOrPassword }),
        refusal("No such room, or not that password.")
    );
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
    for cancel in [Input::LineEntered(""), Input::Interrupted, Input::Ended] {
        person.types(":join staff");
        person.hears(refused.clone());
        assert_eq!(person.feels(cancel), [Effect::Screen(ScreenEffect::ShowInput)], "{cancel:?}");
        assert_eq!(person.0.prompt(), Prompt::Palette(None));
    }
}

#[test]
fn control_d_leaves_the_view_then_the_server() {
    let mut person = TypingUser::in_view();
    assert_eq!(person.feels(Input::Ended), [Effect::Place(PlaceEffect::LeaveView)]);
    assert_eq!(person.feels(Input::Ended), [Effect::Quit]);
    assert!(person.0.is_leaving());
    assert_eq!(person.types(":rooms"), [], "nothing more is run");
    assert_eq!(TypingUser::at(Door::Plain).feels(Input::Ended), [Effect::Quit]);
}

#[test]
fn a_lost_room_falls_back_to_the_one_before() {
    let mut person = TypingUser::in_palette();
    person.joins("general");
    person.joins("games");
    person.types(":chat");
    person.hears(Answer::Lost(open("games")));
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("general"))));
    person.types(":chat");
    person.hears(Answer::Lost(open("other")));
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
}

#[test]
fn the_quick_door_asks_room_then_name_then_opens_the_view() {
    let mut person = TypingUser::at(Door::Quick);
    assert_eq!(person.0.prompt(), Prompt::AskingRoom);
    assert_eq!(
        person.types("general"),
        [Effect::Login(LoginEffect::CheckRoom { room: room("general"), password: None })]
    );
    person.hears(Answer::RoomChecked { room: room("general"), password: None });
    assert_eq!(person.0.prompt(), Prompt::AskingQuickName);
    assert_eq!(person.types("alice"), [Effect::Login(LoginEffect::ClaimName(user("alice")))]);
    let done = person.hears(Answer::NameClaimed { name: user("alice"), people: 1, rooms: 1, notice: None });
    assert_eq!(
        done.last(),
        Some(&Effect::Place(PlaceEffect::Join { room: room("general"), password: None, quick: true }))
    );
    let done =
        person.hears(Answer::Joined { room: id("general"), others: 0, how: JoinedAs::New, topic: String::new() });
    assert_eq!(done.last(), Some(&Effect::Place(PlaceEffect::EnterView(open("general")))));
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
}

#[test]
fn a_message_over_the_limit_says_both_numbers() {
    let mut person = TypingUser::in_view();
    let told = "Not sent: 151 characters, and a message may have 150.";
    assert_eq!(person.types(&"é".repeat(151)), given_back(told));
    assert_eq!(person.types(&"é".repeat(150)), said(&"é".repeat(150)));
    assert_eq!(person.types("\u{200b}"), [], "nothing visible is nothing");
}

#[test]
fn every_command_does_its_own_thing() {
    let mut person = TypingUser::in_palette();
    person.joins("general");
    let here = open("general");
    for (line, effect) in [
        (":rooms", Effect::Show(ShowEffect::Rooms)),
        (":list", Effect::Show(ShowEffect::People(here.clone()))),
        (":listall", Effect::Show(ShowEffect::Everybody)),
        (":activeuser", Effect::Show(ShowEffect::Everybody)),
        (":history", Effect::Show(ShowEffect::History { of: here.clone(), count: None })),
        (":history 7", Effect::Show(ShowEffect::History { of: here.clone(), count: Some(7) })),
        (":time", Effect::Show(ShowEffect::Time)),
        (":whoami", Effect::Show(ShowEffect::WhoAmI)),
        (":redraw", Effect::Screen(ScreenEffect::Redraw)),
        (":mode line", Effect::Screen(ScreenEffect::SetCharacterMode(false))),
        (":mode CHAR", Effect::Screen(ScreenEffect::SetCharacterMode(true))),
        (":color on", Effect::Screen(ScreenEffect::SetColor(true))),
        (":color off", Effect::Screen(ScreenEffect::SetColor(false))),
        (":say two words", Effect::Say { to: here.clone(), draft: Draft::said("two words").into(), confirm: true }),
        (
            ":joingroup games pass word",
            Effect::Place(PlaceEffect::Join { room: room("games"), password: Secret::new("pass word"), quick: false }),
        ),
    ] {
        assert_eq!(person.types(line), [effect], "{line}");
    }
    for line in [":join", ":say", ":history x", ":history 0", ":mode", ":mode x", ":color maybe"] {
        let told = person.types(line);
        assert!(
            matches!(&told[..], [Effect::Tell(LineKind::Refusal, text)] if text.starts_with("Use it as :")),
            "{line}: {told:?}"
        );
    }
    assert_eq!(person.types(":logout"), [Effect::Quit]);
}

#[test]
fn help_explains_one_command_with_syntax_and_example() {
    let mut person = TypingUser::in_palette();
    let lines = help_lines(&person.types(":help join"), GUEST);
    assert!(lines[0].contains(":join <room> [password]"), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("Example: :join general")), "{lines:?}");
    assert_eq!(help_lines(&person.types(":help all"), GUEST).len(), TABLE.len() + 1);
    assert_eq!(person.types(":help jion"), refusal("No command or topic jion. Did you mean :help join?"));
}

#[test]
fn reading_and_posting_cost_what_they_should() {
    let person = TypingUser::in_view();
    assert_eq!(person.costs("hello"), Cost::Post(1));
    assert_eq!(person.costs(""), Cost::Read(1));
    assert_eq!(person.costs(":q"), Cost::Free);
    assert_eq!(person.costs("/listall"), Cost::Read(3));
    assert_eq!(person.costs("/join games"), Cost::Post(1));
    assert_eq!(TypingUser::in_palette().costs("hello"), Cost::Read(1));
}
