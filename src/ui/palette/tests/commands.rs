//! Every command of the table: right forms, wrong forms, and where they cannot be used.

use std::time::Duration;

use super::*;
use crate::chat::action::{RoomAction, Setting};
use crate::text::Charset;
use crate::ui::command::{FileVerb, PlaceVerb, ServerVerb, TalkVerb, Verb};
use crate::ui::screen::Bell;

const NO_ROOM: &str = "You are in no room. :rooms lists them, :join enters one.";
const NOT_A_ROOM: &str = "That is for rooms, and you are in a conversation. :join makes a room the current one.";
const NO_SPACES: &str = "A name has no spaces: a letter, then letters, digits, _ or -.";
const BAD_START: &str = "A name begins with a letter from A to Z.";

fn act(act: RoomAction) -> Effect {
    Effect::Room(RoomEffect::Act { room: id("general"), act: act.into() })
}

fn set(setting: Setting) -> Effect {
    act(RoomAction::Set(setting))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Commands that leave the user in place and are not for talking, with their effects.
fn right_forms() -> Vec<(&'static str, Effect)> {
    let join = |name: &str, password| Effect::Place(PlaceEffect::Join { room: room(name), password, quick: false });
    let invite = |names: &[&str]| {
        Effect::Room(RoomEffect::Invite {
            room: id("general"),
            invited: names.iter().map(|name| member(name)).collect(),
        })
    };
    let begin = |ask| Effect::Account(AccountEffect::Begin(ask));
    let ban = |network: &str, lasts, reason: &str| {
        let (network, reason) = (network.to_owned(), reason.to_owned());
        Effect::Operator(OperatorEffect::BanAddress(Box::new(AddressBanRequest { network, lasts, reason })))
    };
    let history = |count| Effect::Show(ShowEffect::History { of: open("general"), count });
    vec![
        ("rooms", Effect::Show(ShowEffect::Rooms)),
        ("join games", join("games", None)),
        ("JOIN Games", join("games", None)),
        ("join games  two  words ", join("games", Secret::new("two  words"))),
        ("joingroup games", join("games", None)),
        ("list", Effect::Show(ShowEffect::People(open("general")))),
        ("listall", Effect::Show(ShowEffect::Everybody)),
        ("who", Effect::Show(ShowEffect::Everybody)),
        ("activeuser", Effect::Show(ShowEffect::Everybody)),
        ("history", history(None)),
        ("history 7", history(Some(7))),
        ("search noon|midnight", Effect::Show(ShowEffect::Search("noon|midnight".to_owned()))),
        ("create den", Effect::Place(PlaceEffect::Create { room: room("den"), password: None })),
        (
            "create den two  words",
            Effect::Place(PlaceEffect::Create { room: room("den"), password: Secret::new("two  words") }),
        ),
        ("invite bob", invite(&["bob"])),
        ("invite bob,carol bob @BOB", invite(&["bob", "carol"])),
        ("set", Effect::Room(RoomEffect::ShowSettings(id("general")))),
        ("set description two words", set(Setting::Description("two words".to_owned()))),
        ("set limit 8", set(Setting::Limit(Some(8)))),
        ("set LIMIT 4294967295", set(Setting::Limit(Some(4_294_967_295)))),
        ("set limit 0", set(Setting::Limit(None))),
        ("set limit off", set(Setting::Limit(None))),
        ("set limit none", set(Setting::Limit(None))),
        ("set limit -", set(Setting::Limit(None))),
        ("set password two  words", set(Setting::Password(Secret::new("two  words")))),
        ("set password", set(Setting::Password(None))),
        ("set public on", set(Setting::Public(true))),
        ("set public No", set(Setting::Public(false))),
        ("set invite yes", set(Setting::Invite(true))),
        ("set invite off", set(Setting::Invite(false))),
        ("set slow 10m", set(Setting::Slow(minutes(10)))),
        ("topic", Effect::Room(RoomEffect::ShowTopic(id("general")))),
        ("topic all about games", set(Setting::Description("all about games".to_owned()))),
        ("destroy", act(RoomAction::Destroy)),
        ("kick bob", act(RoomAction::Kick { target: member("bob"), reason: String::new() })),
        ("kick @bob#7 calm  down", act(RoomAction::Kick { target: member("bob#7"), reason: "calm  down".to_owned() })),
        ("ban bob", act(RoomAction::Ban { target: member("bob"), lasts: None, reason: String::new() })),
        (
            "ban bob 2h",
            act(RoomAction::Ban { target: member("bob"), lasts: Some(minutes(120)), reason: String::new() }),
        ),
        ("ban bob spam 2h", act(RoomAction::Ban { target: member("bob"), lasts: None, reason: "spam 2h".to_owned() })),
        (
            "ban bob 2h  spam again",
            act(RoomAction::Ban { target: member("bob"), lasts: Some(minutes(120)), reason: "spam again".to_owned() }),
        ),
        ("unban bob", act(RoomAction::Unban(member("bob")))),
        ("bans", Effect::Room(RoomEffect::ListBans(id("general")))),
        ("mute bob", act(RoomAction::Mute { target: member("bob"), lasts: None })),
        ("mute bob 10m", act(RoomAction::Mute { target: member("bob"), lasts: Some(minutes(10)) })),
        ("unmute bob", act(RoomAction::Unmute(member("bob")))),
        ("slow 60", set(Setting::Slow(minutes(1)))),
        ("slow 6h", set(Setting::Slow(minutes(360)))),
        ("slow 21600", set(Setting::Slow(minutes(360)))),
        ("slow 0", set(Setting::Slow(Duration::ZERO))),
        ("slow off", set(Setting::Slow(Duration::ZERO))),
        ("op bob", act(RoomAction::Promote(member("bob")))),
        ("deop bob", act(RoomAction::Demote(member("bob")))),
        ("nick robert", Effect::User(UserEffect::Rename(user("robert")))),
        ("set keep on", set(Setting::Keep(true))),
        ("set Keep OFF", set(Setting::Keep(false))),
        ("register", begin(AccountAsk::Register)),
        ("passwd", begin(AccountAsk::ChangePassword)),
        ("unregister", begin(AccountAsk::Unregister)),
        ("login alice", begin(AccountAsk::Login(user("alice")))),
        ("LOGIN  Alice ", begin(AccountAsk::Login(user("alice")))),
        ("ghost alice", begin(AccountAsk::Ghost(user("alice")))),
        ("broadcast two  words", Effect::Operator(OperatorEffect::Broadcast("two  words".to_owned()))),
        ("banip", Effect::Operator(OperatorEffect::ListAddressBans)),
        ("banip 203.0.113.7", ban("203.0.113.7", None, "")),
        ("banip 203.0.113.0/24 2h", ban("203.0.113.0/24", Some(minutes(120)), "")),
        ("banip 2001:db8::/32 10m  spam  again", ban("2001:db8::/32", Some(minutes(10)), "spam  again")),
        ("banip ::1 spam 2h", ban("::1", None, "spam 2h")),
        ("unbanip 203.0.113.0/24", Effect::Operator(OperatorEffect::UnbanAddress("203.0.113.0/24".to_owned()))),
        ("audit", Effect::Operator(OperatorEffect::ShowAudit(None))),
        ("audit 1", Effect::Operator(OperatorEffect::ShowAudit(Some(1)))),
        ("audit 200", Effect::Operator(OperatorEffect::ShowAudit(Some(200)))),
        ("whois bob", Effect::Show(ShowEffect::WhoIs(member("bob")))),
        ("whois @bob#7", Effect::Show(ShowEffect::WhoIs(member("bob#7")))),
        ("whoami", Effect::Show(ShowEffect::WhoAmI)),
        ("away", Effect::User(UserEffect::SetAway(some("")))),
        ("away at  lunch", Effect::User(UserEffect::SetAway(some("at  lunch")))),
        ("back", Effect::User(UserEffect::SetAway(None))),
        ("ignore", Effect::Show(ShowEffect::Ignored)),
        ("ignore bob", Effect::User(UserEffect::Ignore(member("bob")))),
        ("unignore bob", Effect::User(UserEffect::Unignore(member("bob")))),
        ("files", Effect::File(FileEffect::List)),
        ("accept", Effect::File(FileEffect::Accept(None))),
        ("accept 7", Effect::File(FileEffect::Accept(Some(7)))),
        ("accept #7", Effect::File(FileEffect::Accept(Some(7)))),
        ("decline", Effect::File(FileEffect::Decline(None))),
        ("decline 18446744073709551615", Effect::File(FileEffect::Decline(Some(u64::MAX)))),
        ("bell on", Effect::Screen(ScreenEffect::SetBell(Bell::On))),
        ("bell OFF", Effect::Screen(ScreenEffect::SetBell(Bell::Off))),
        ("bell Mentions", Effect::Screen(ScreenEffect::SetBell(Bell::Mentions))),
        ("timestamps off", Effect::Screen(ScreenEffect::SetViewing(Viewing::Timestamps(false)))),
        ("TIMESTAMPS On", Effect::Screen(ScreenEffect::SetViewing(Viewing::Timestamps(true)))),
        ("ids off", Effect::Screen(ScreenEffect::SetViewing(Viewing::Ids(false)))),
        ("ids on", Effect::Screen(ScreenEffect::SetViewing(Viewing::Ids(true)))),
        ("quiet on", Effect::Screen(ScreenEffect::SetViewing(Viewing::Quiet(true)))),
        ("quiet off", Effect::Screen(ScreenEffect::SetViewing(Viewing::Quiet(false)))),
        ("color on", Effect::Screen(ScreenEffect::SetColor(true))),
        ("color off", Effect::Screen(ScreenEffect::SetColor(false))),
        ("mode line", Effect::Screen(ScreenEffect::SetCharacterMode(false))),
        ("mode char", Effect::Screen(ScreenEffect::SetCharacterMode(true))),
        ("charset", Effect::Show(ShowEffect::Charset)),
        ("charset utf-8", Effect::Screen(ScreenEffect::SetCharset(Charset::Utf8))),
        ("charset UTF8", Effect::Screen(ScreenEffect::SetCharset(Charset::Utf8))),
        ("charset latin1", Effect::Screen(ScreenEffect::SetCharset(Charset::Latin1))),
        ("charset ISO-8859-1", Effect::Screen(ScreenEffect::SetCharset(Charset::Latin1))),
        ("redraw", Effect::Screen(ScreenEffect::Redraw)),
        ("timezone", Effect::Show(ShowEffect::TimeZone)),
        ("timezone Europe/Berlin", Effect::Screen(ScreenEffect::SetTimeZone("Europe/Berlin".to_owned()))),
        ("time", Effect::Show(ShowEffect::Time)),
        ("echo two  words", Effect::Tell(LineKind::News, "two  words".to_owned())),
        ("quote", Effect::Show(ShowEffect::Quote)),
        (
            "shutdown AB12C-3DE4F",
            Effect::Operator(OperatorEffect::Shutdown {
                code: Secret::new("AB12C-3DE4F").expect("a code"),
                all: false,
            }),
        ),
    ]
}

#[test]
fn every_right_form_does_its_own_thing_in_palette_and_view_and_stays_there() {
    for view in [false, true] {
        for (line, effect) in right_forms() {
            let mut person = TypingUser::at_general(view);
            let before = person.0.prompt();
            assert_eq!(person.commands(view, line), [effect], "{line}");
            assert_eq!(person.0.prompt(), before, "{line}");
        }
    }
}

#[test]
fn a_wrong_value_is_answered_with_what_the_setting_takes() {
    for (lines, sentence) in [
        ("set limit|set limit x|set limit -1|set limit 4294967296", "limit takes a number of people, or off."),
        ("set public|set public x", "public takes on or off."),
        ("set invite x", "invite takes on or off."),
        ("set keep|set keep x", "keep takes on or off."),
        ("audit 0|audit 201|audit 1000000", "The number of entries must be 1 to 200."),
        (
            "set slow|set slow x|set slow 6h1|slow x|slow 21601|slow 7h|slow -1",
            "slow takes seconds or a time like 10m, six hours at most, or off.",
        ),
    ] {
        for line in lines.split('|') {
            assert_eq!(TypingUser::at_general(true).commands(true, line), refusal(sentence), "{line}");
        }
    }
}

#[test]
fn a_group_is_made_and_then_people_are_invited() {
    for (line, names) in
        [("group trip bob", &["bob"][..]), ("creategroup trip bob, @carol  bob#7 BOB", &["bob", "carol", "bob#7"])]
    {
        for view in [false, true] {
            let invited = names.iter().map(|name| member(name)).collect();
            let mut person = TypingUser::at_general(view);
            assert_eq!(person.commands(view, line), [Effect::Place(PlaceEffect::CreateGroup(room("trip")))], "{line}");
            let effects = person.hears(Answer::Joined {
                room: id("trip"),
                others: 0,
                how: JoinedAs::Creator,
                topic: String::new(),
            });
            assert_eq!(effects.last(), Some(&Effect::Room(RoomEffect::Invite { room: id("trip"), invited })), "{line}");
            let mut person = TypingUser::at_general(view);
            person.commands(view, line);
            person.hears(Answer::RoomRefusal(RoomRefusal::Exists(room("trip"))));
            let effects = person.hears(Answer::Joined {
                room: id("den"),
                others: 0,
                how: JoinedAs::Creator,
                topic: String::new(),
            });
            assert!(
                !effects.iter().any(|effect| matches!(effect, Effect::Room(RoomEffect::Invite { .. }))),
                "{effects:?}"
            );
        }
    }
}

#[test]
fn a_file_is_offered_to_a_user_by_the_name_as_typed() {
    for (view, mark) in [(false, ':'), (true, '/')] {
        let effects = TypingUser::at_general(view).commands(view, "send @bob#7 ../my  report.pdf");
        let send =
            FileEffect::Send(Box::new(FileOffer { to: member("bob#7"), name: "../my  report.pdf".to_owned(), mark }));
        assert_eq!(effects, [Effect::File(send)]);
    }
}

#[test]
fn every_command_has_a_right_form_among_these_tests() {
    let elsewhere = [
        Verb::Place(PlaceVerb::Group),
        Verb::Server(ServerVerb::Help),
        Verb::Place(PlaceVerb::Chat),
        Verb::Place(PlaceVerb::Leave),
        Verb::Place(PlaceVerb::Close),
        Verb::Server(ServerVerb::Quit),
        Verb::Talk(TalkVerb::Say),
        Verb::Talk(TalkVerb::To),
        Verb::Talk(TalkVerb::Me),
        Verb::Talk(TalkVerb::Direct),
        Verb::Talk(TalkVerb::Reply),
        Verb::Talk(TalkVerb::Edit),
        Verb::Talk(TalkVerb::Delete),
        Verb::Talk(TalkVerb::Temporary),
        Verb::Talk(TalkVerb::Paste),
        Verb::File(FileVerb::Send),
    ];
    let verb = |line: &str| find(line.split(' ').next().unwrap_or("")).map(|spec| spec.verb);
    let here: Vec<_> = right_forms().iter().filter_map(|(line, _)| verb(line)).collect();
    for spec in TABLE {
        assert_ne!(here.contains(&spec.verb), elsewhere.contains(&spec.verb), "{}", spec.word);
    }
}

#[test]
fn every_example_of_the_table_is_run_and_not_refused() {
    for view in [false, true] {
        for spec in TABLE.iter().filter(|spec| view || spec.verb != Verb::Place(PlaceVerb::Leave)) {
            let effects = TypingUser::in_two_rooms(view).commands(view, &spec.example[1..]);
            let refused = |effect: &Effect| matches!(effect, Effect::Tell(LineKind::Refusal, _));
            assert!(!effects.is_empty() && !effects.iter().any(refused), "{}: {effects:?}", spec.example);
        }
    }
}

#[test]
fn the_current_room_may_be_named_where_a_command_is_about_it() {
    let mut person = TypingUser::in_room();
    for line in [":list general", ":list General"] {
        assert_eq!(person.types(line), [Effect::Show(ShowEffect::People(open("general")))], "{line}");
    }
    assert_eq!(person.types(":list games"), usage(false, "list"));
    assert_eq!(person.types(":chat general"), [Effect::Place(PlaceEffect::EnterView(open("general")))]);
}

#[test]
fn wrong_forms_are_answered_with_how_to_use_the_command() {
    let lines = "join|say|to|to games|me|dm|dm ,|dm bob,carol|reply|reply 12|reply #12|reply x hi|reply - hi|edit\
        |edit 12|edit #12|delete x|delete 12 13|delete #|temp|temp 5|temp @bob|temp 5 @bob|history x|history 0|history -1\
        |search|create|group|group trip|group trip ,|invite|invite ,|slow|destroy now|close general|op bob now|deop bob x|unban bob x\
        |unmute bob x|kick|mute bob 10m spam\
        |ban|unban|mute|mute bob x|unmute|op|deop|nick|whois|unignore|bell|bell x|timestamps|timestamps x|ids|ids 1 2|quiet\
        |quiet please|color|color maybe|mode\
        |mode x|send|send bob|accept x|accept -1|accept 7 8|decline x|decline 18446744073709551616|files 1|rooms x|chat hello|list games|listall bob|paste hello|bans 2|whoami x|back now|redraw x|time 5|quote 3|echo|shutdown|login|ghost|broadcast|unbanip|unbanip ::1 now|audit x|audit -1\
        |audit 99999999999999999999999";
    for view in [false, true] {
        for line in lines.split('|') {
            let mut person = TypingUser::at_general(view);
            let before = person.0.prompt();
            let word = line.split(' ').next().unwrap_or("");
            assert_eq!(person.commands(view, line), usage(view, word), "{line}");
            assert_eq!(person.0.prompt(), before, "{line}");
        }
    }
}

#[test]
fn a_malformed_duration_is_explained_with_the_units_and_bans_nobody() {
    for view in [false, true] {
        for (line, piece) in [
            ("ban bob 5", "5"),
            ("ban bob -5m", "-5m"),
            ("ban bob 1y2", "1y2"),
            ("ban bob 0m", "0m"),
            ("ban bob 400d", "400d"),
            ("ban bob 2hors spam", "2hors"),
            ("ban bob 1h 30 spam", "30"),
            ("mute bob 5", "5"),
            ("mute bob 0s", "0s"),
            ("mute bob -5m", "-5m"),
            ("mute bob 1h 30", "30"),
            ("banip ::1 0m", "0m"),
            ("banip ::1 1y2 spam", "1y2"),
            ("banip 203.0.113.5 5 spam", "5"),
        ] {
            let told = format!(
                "{piece} is not a duration: write numbers with units (s, m, h, d, w), such as 30s, 1h30m or 2 days, and at most 366 days."
            );
            assert_eq!(TypingUser::at_general(view).commands(view, line), refusal(&told), "{line}");
        }
    }
}

#[test]
fn durations_of_several_words_end_where_the_reason_begins() {
    let ban = |lasts: u64, reason: &str| {
        let act = RoomAction::Ban {
            target: member("bob"),
            lasts: Some(Duration::from_secs(lasts)),
            reason: reason.to_owned(),
        };
        [Effect::Room(RoomEffect::Act { room: id("general"), act: act.into() })]
    };
    for (line, expected) in [
        (":ban bob 2 days", ban(172_800, "")),
        (":ban bob 2 days spam", ban(172_800, "spam")),
        (":ban bob 1h30m spam again", ban(5_400, "spam again")),
        (":ban bob 1 hour, 30 minutes", ban(5_400, "")),
    ] {
        assert_eq!(TypingUser::in_room().types(line), expected, "{line}");
    }
    let mute = RoomAction::Mute { target: member("bob"), lasts: Some(Duration::from_secs(5_400)) };
    assert_eq!(
        TypingUser::in_room().types(":mute bob 1 hour 30 minutes"),
        [Effect::Room(RoomEffect::Act { room: id("general"), act: mute.into() })]
    );
    let slow = RoomAction::Set(Setting::Slow(Duration::from_secs(90)));
    for line in [":slow 1m30s", ":slow 90", ":set slow 1 minute 30 seconds"] {
        assert_eq!(
            TypingUser::in_room().types(line),
            [Effect::Room(RoomEffect::Act { room: id("general"), act: slow.clone().into() })]
        );
    }
}

#[test]
fn every_impossible_argument_has_its_own_sentence() {
    let room_length = "A name has 2 to 32 characters: a letter, then letters, digits, _ or -.";
    let name_length = "A name has 3 to 12 characters: a letter, then letters, digits, _ or -.";
    let password = "A password has at most 128 characters.";
    let long = "x".repeat(129);
    let people = (0..21).map(|number| format!("user{number}")).collect::<Vec<_>>().join(" ");
    let cases = [
        ("join 1x".to_owned(), BAD_START),
        ("join x".to_owned(), room_length),
        ("join g\u{e4}ms".to_owned(), "A name has only digits, _, - and the letters A to Z without accents."),
        ("to 1x hi".to_owned(), BAD_START),
        ("create x".to_owned(), room_length),
        ("create Server".to_owned(), "The name Server is reserved."),
        (format!("create den {long}"), password),
        ("group here bob".to_owned(), "The name here is reserved."),
        ("group trip bob 1x".to_owned(), BAD_START),
        (format!("group trip {people}"), "Too many names: the limit is 20 at once."),
        (format!("invite {people}"), "Too many names: the limit is 20 at once."),
        ("invite b+b".to_owned(), "A name has no + in it: a letter, then letters, digits, _ or -."),
        (format!("set password {long}"), password),
        (
            "set colour blue".to_owned(),
            "There is no setting colour. The settings are description, limit, password, public, invite, slow, history or keep.",
        ),
        ("kick 1x".to_owned(), BAD_START),
        ("ban bob# spam".to_owned(), "A name has no # in it: a letter, then letters, digits, _ or -."),
        (format!("kick bob {}", "x".repeat(151)), "Too long: 151 characters; the limit is 150."),
        (format!("set description {}", "x".repeat(151)), "Too long: 151 characters; the limit is 150."),
        (format!("login {}", "x".repeat(33)), "A name has 1 to 32 characters: a letter, then letters, digits, _ or -."),
        ("login you".to_owned(), "The name you is reserved."),
        ("ghost 1x".to_owned(), BAD_START),
        (format!("broadcast {}", "x".repeat(151)), "Not sent: 151 characters, and a message may have 150."),
        (format!("banip ::1 {}", "x".repeat(151)), "Too long: 151 characters; the limit is 150."),
        ("nick al".to_owned(), name_length),
        ("nick abcdefghijklm".to_owned(), name_length),
        ("nick two words".to_owned(), NO_SPACES),
        ("nick you".to_owned(), "The name you is reserved."),
        ("whois bob carol".to_owned(), NO_SPACES),
        ("ignore 1x".to_owned(), BAD_START),
        ("unignore bob x".to_owned(), NO_SPACES),
        (format!("away {}", "x".repeat(151)), "Too long: 151 characters; the limit is 150."),
    ];
    for view in [false, true] {
        for (line, sentence) in &cases {
            let is_long = sentence.contains("151 characters");
            let expected = if is_long { given_back(sentence) } else { refusal(sentence) };
            assert_eq!(TypingUser::at_general(view).commands(view, line), expected, "{line}");
        }
    }
}

#[test]
fn passwords_invitations_and_reasons_may_be_as_long_as_the_limit() {
    let mut person = TypingUser::in_room();
    let password = "é".repeat(128);
    let effects = person.types(&format!(":create den {password}"));
    assert_eq!(effects, [Effect::Place(PlaceEffect::Create { room: room("den"), password: Secret::new(&password) })]);
    let effects = person.types(&format!(":set password {password}"));
    assert_eq!(effects, [set(Setting::Password(Secret::new(&password)))]);
    let reason = "é".repeat(150);
    let effects = person.types(&format!(":kick bob {reason}"));
    assert_eq!(effects, [act(RoomAction::Kick { target: member("bob"), reason })]);
    let people = (0..20).map(|number| format!("user{number}")).collect::<Vec<_>>().join(" ");
    let effects = person.types(&format!(":invite {people}"));
    assert!(
        matches!(&effects[..], [Effect::Room(RoomEffect::Invite { invited, .. })] if invited.len() == 20),
        "{effects:?}"
    );
}

#[test]
fn a_command_that_needs_a_current_room_is_refused_without_one() {
    let lines = ":chat|:close|:list|:history|:history 7|:say hi|:me waves|:temp hi|:temp 5 hi|:paste|:invite bob|:set\
        |:set limit 8|:topic|:topic x|:destroy|:kick bob|:ban bob|:unban bob|:bans|:mute bob|:unmute bob|:slow 5|:op bob\
        |:deop bob";
    for line in lines.split('|') {
        let mut person = TypingUser::in_palette();
        assert_eq!(person.types(line), refusal(NO_ROOM), "{line}");
        assert_eq!(person.0.prompt(), Prompt::Palette(None), "{line}");
    }
}

#[test]
fn a_command_about_a_room_is_refused_in_a_conversation() {
    let lines = "invite bob|set|set limit 8|topic|topic x|destroy|kick bob|ban bob|unban bob|bans|mute bob|unmute bob|slow 5\
        |op bob|deop bob";
    for view in [false, true] {
        for line in lines.split('|') {
            assert_eq!(TypingUser::in_conversation(view).commands(view, line), refusal(NOT_A_ROOM), "{line}");
        }
    }
}

#[test]
fn commands_about_the_current_place_work_in_a_conversation() {
    let with_bob = || Conversation::Direct(bob("bob"));
    for view in [false, true] {
        let mut person = TypingUser::in_conversation(view);
        assert_eq!(person.commands(view, "list"), [Effect::Show(ShowEffect::People(with_bob()))]);
        assert_eq!(
            person.commands(view, "history 3"),
            [Effect::Show(ShowEffect::History { of: with_bob(), count: Some(3) })]
        );
        let say = Effect::Say { to: with_bob(), draft: Draft::said("hi").into(), confirm: !view };
        assert_eq!(person.commands(view, "say hi"), [say]);
    }
    let mut person = TypingUser::in_conversation(false);
    assert_eq!(person.types(":chat"), [Effect::Place(PlaceEffect::EnterView(with_bob()))]);
    assert_eq!(person.0.prompt().text().as_ref(), "@bob | ");
    assert_eq!(
        person.types("/close"),
        [Effect::Place(PlaceEffect::LeaveView), Effect::Place(PlaceEffect::Close(with_bob()))]
    );
    assert_eq!(person.0.prompt(), Prompt::Palette(Some(open("general"))));
    assert_eq!(person.types(":close"), [Effect::Place(PlaceEffect::Close(open("general")))]);
    assert_eq!(person.0.prompt(), Prompt::Palette(None));
}

#[test]
fn the_view_is_entered_and_left() {
    let mut person = TypingUser::in_room();
    assert_eq!(person.types(":q"), refusal("You are not in the chat view. :chat opens it, :quit leaves the server."));
    assert_eq!(person.types(":chat"), [Effect::Place(PlaceEffect::EnterView(open("general")))]);
    assert_eq!(person.types("/chat"), [Effect::Place(PlaceEffect::EnterView(open("general")))]);
    assert_eq!(person.0.prompt(), Prompt::ChatView(open("general")));
    assert_eq!(person.types(":Q "), [Effect::Place(PlaceEffect::LeaveView)]);
    for (view, word) in [(false, "quit"), (true, "quit"), (false, "exit"), (true, "logout")] {
        let mut person = TypingUser::at_general(view);
        assert_eq!(person.commands(view, word), [Effect::Quit]);
        assert_eq!(person.0.prompt(), Prompt::Nowhere);
    }
}

#[test]
fn help_shows_commands_with_the_mark_of_palette_or_view() {
    for (view, mark) in [(false, ':'), (true, '/')] {
        let mut person = TypingUser::at_general(view);
        let told = help_lines(&person.commands(view, "help all"), GUEST);
        assert_eq!(told.len(), TABLE.len() + 1);
        for (line, spec) in told.iter().zip(TABLE) {
            assert!(line[2..].starts_with(&syntax(spec, mark)) && line.ends_with(spec.summary), "{line}");
        }
        for spec in TABLE {
            for word in [spec.word].iter().chain(spec.aliases) {
                let told = help_lines(&person.commands(view, &format!("help :{word}")), GUEST);
                assert_eq!(told[..2], [syntax(spec, mark), spec.summary.to_owned()], "{word}");
                let example = format!("Example: {mark}{}", &spec.example[1..]);
                assert!(told.contains(&example), "{told:?}");
                let aliases = told.iter().any(|line| line.starts_with("Also: "));
                assert_eq!(aliases, !spec.aliases.is_empty(), "{told:?}");
            }
        }
    }
    for (view, line, told) in [
        (false, "help jion", "No command or topic jion. Did you mean :help join?"),
        (true, "help /jion", "No command or topic jion. Did you mean /help join?"),
        (false, "help modreation", "No command or topic modreation. Did you mean :help moderation?"),
        (false, "help qiut", "No command or topic qiut. Did you mean :help quit?"),
        (false, "help xyzzy", "No command or topic xyzzy. :help all lists every command."),
    ] {
        assert_eq!(TypingUser::at_general(view).commands(view, line), refusal(told), "{line}");
    }
    assert_eq!(TypingUser::in_view().types("/jion x"), refusal("No command /jion. Did you mean /join?"));
    let unknown = "No command /xyzzy. /help lists them. A leading space says the line as it is.";
    assert_eq!(TypingUser::in_view().types("/xyzzy x"), refusal(unknown));
    // In the palette a leading blank does not make it a message.
    assert_eq!(TypingUser::in_palette().types("/xyzzy x"), refusal("No command /xyzzy. /help lists them."));
    let long = format!(":{}", "x".repeat(100));
    let told = format!("No command :{}. :help lists them.", "x".repeat(24));
    assert_eq!(TypingUser::in_palette().types(&long), refusal(&told));
}
