//! Changes as lines of text.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::{Union, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::generate::{change, kinds, number};
use super::{account, alice, at, guest, name};
use crate::chat::action::{ReadBack, Setting};
use crate::chat::conversation::MembershipId;
use crate::chat::message::{AccountId, Addressee, ClientId, Draft, Extra, Message, MessageId, Quoted};
use crate::chat::moderation::Ban;
use crate::chat::room::{Change, ChangeKind, Going};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::{Hashed, Secret};

/// Lines of version 1. Servers may have written them, so they are never changed: a new form gets a new version.
fn lines() -> Vec<(&'static str, ChangeKind)> {
    let said = Message::new(MessageId(12), at(5), name("bob"), ClientId(1002), Draft::said("hello"), Box::default());
    let strange = "a \"b\" \\ c\nd\te\u{1b}[0m\u{2028}\u{1F600}";
    let answer = Message {
        extra: Some(Box::new(Extra {
            action: true,
            edited: false,
            lasts: Some(Duration::from_secs(10)),
            reply: Some(Quoted { id: MessageId(12), author: name("bob"), start: Some("hello".into()) }),
            answers: ClientId(1002),
            to: [Addressee { client: ClientId(1004), name: name("dave") }].into(),
        })),
        text: strange.into(),
        account: Some(AccountId(7)),
        ..said.clone()
    };
    let bob = guest(1002, "bob", "192.0.2.2");
    let carol = account(1003, "Carol", "2001:db8::", 9);
    let ban = Ban {
        name: name("bob"),
        who: Some(bob.clone()),
        address: "203.0.113.5".parse().ok(),
        by: name("alice"),
        reason: "spam".into(),
        until: Some(at(60)),
    };
    let secret = Secret::new("open sesame").expect("a password");
    let settings = |entry| RoomSettings { public: true, description: "For games.".to_owned(), limit: Some(8), entry };
    let set = |setting| ChangeKind::Set { setting, by: alice() };
    vec![
        (r#"said 12 1700000005000000000 "bob" 1002 - "hello" -"#, ChangeKind::Said(said)),
        (
            concat!(
                r#"said 12 1700000005000000000 "bob" 1002 7 "a \"b\" \\ c\nd\u{9}e\u{1b}[0m\u{2028}"#,
                "\u{1F600}",
                r#"" yes no 10000000000 12 "bob" "hello" 1002 1 1004 "dave""#
            ),
            ChangeKind::Said(answer),
        ),
        (r#"edited 12 1002 """#, ChangeKind::Edited { id: MessageId(12), by: ClientId(1002), text: "".into() }),
        (r#"deleted 12 1001 "alice""#, ChangeKind::Deleted { id: MessageId(12), by: alice() }),
        ("expired 12", ChangeKind::Expired(MessageId(12))),
        ("forgotten -1000000000", ChangeKind::Forgotten(jiff::Timestamp::from_second(-1).expect("a moment"))),
        (
            r#"entered 1003 "Carol" 2001:db8:: no 9 no no 3 41 yes"#,
            ChangeKind::Entered {
                who: carol.clone(),
                operator: false,
                as_operator: false,
                membership: MembershipId(3),
                last: MessageId(41),
                heir: true,
            },
        ),
        ("left 1002 lost", ChangeKind::Left { client: ClientId(1002), going: Going::Lost }),
        (
            r#"identified 1002 "bob" 192.0.2.2 no - yes "rob" 41"#,
            ChangeKind::Identified { who: bob.clone(), operator: true, before: Some(name("rob")), last: MessageId(41) },
        ),
        (
            r#"kicked 1002 "bob" 192.0.2.2 no - 1001 "alice" "spam""#,
            ChangeKind::Kicked { who: bob.clone(), by: alice(), reason: "spam".into() },
        ),
        (
            concat!(
                r#"banned "bob" 1002 "bob" 192.0.2.2 no - 203.0.113.5 "alice" "spam" 1700000060000000000 "#,
                r#"1001 "alice""#
            ),
            ChangeKind::Banned { ban: Box::new(ban), by: alice() },
        ),
        (r#"unbanned "bob" - 1001 "alice""#, ChangeKind::Unbanned { name: name("bob"), who: None, by: alice() }),
        (r#"muted 1002 "bob" 192.0.2.2 no - - 1001 "alice""#, ChangeKind::Muted { who: bob, until: None, by: alice() }),
        (r#"set limit - 1001 "alice""#, set(Setting::Limit(None))),
        (r#"set password "open sesame" 1001 "alice""#, set(Setting::Password(Some(secret)))),
        (
            r#"set password-hash "$argon2id$v=19" 1001 "alice""#,
            set(Setting::PasswordHash(Hashed::new("$argon2id$v=19"))),
        ),
        (r#"set slow 1500000000 1001 "alice""#, set(Setting::Slow(Duration::from_millis(1500)))),
        (r#"set history none 1001 "alice""#, set(Setting::History(ReadBack::Nothing))),
        (r#"configured yes "For games." 8 closed"#, ChangeKind::Configured(settings(RoomAccess::Closed))),
        (
            r#"configured yes "For games." 8 hashed "$argon2id$v=19""#,
            ChangeKind::Configured(settings(RoomAccess::Hashed(Hashed::new("$argon2id$v=19")))),
        ),
        ("grace-ended", ChangeKind::GraceEnded),
        ("closed", ChangeKind::Closed),
        (r#"left 1002 server-gone"#, ChangeKind::Left { client: ClientId(1002), going: Going::ServerGone }),
    ]
}

#[test]
fn lines_of_version_1_never_change() {
    for (line, kind) in lines() {
        let line = format!("1 1700000000000000000 {line}");
        let change = Change { at: at(0), kind };
        assert_eq!(change.to_string(), line);
        assert_eq!(line.parse(), Ok(change));
    }
}

#[test]
fn every_kind_of_change_is_written_and_read() {
    let mut runner = TestRunner::deterministic();
    for (index, kind) in kinds().into_iter().enumerate() {
        for _ in 0..100 {
            let kind = kind.new_tree(&mut runner).expect("a value").current();
            assert_eq!(number(&kind), index);
            let change = Change { at: at(0), kind };
            let line = change.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
            let read: Change = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            // Names are equal in any case, and passwords in any normalization: the line tells them apart.
            assert_eq!((read.to_string(), read), (line, change));
        }
    }
    assert_eq!(kinds().len(), number(&ChangeKind::Cleared) + 1);
}

#[test]
fn a_line_that_no_server_has_written_is_refused() {
    let (one, at) = ("1", "1700000000000000000");
    for wrong in [
        "",
        " ",
        "1",
        "closed",
        &format!("2 {at} closed"),
        &format!("01 {at} closed"),
        &format!("+1 {at} closed"),
        &format!("{one} {at} closed "),
        &format!(" {one} {at} closed"),
        &format!("{one}  {at} closed"),
        &format!("{one} {at} Closed"),
        &format!("{one} {at} closed now"),
        &format!("{one} {at} closed\n"),
        &format!("{one} 1.5 closed"),
        &format!("{one} -0 closed"),
        &format!("{one} 99999999999999999999999999999 closed"),
        &format!("{one} {at} expired"),
        &format!("{one} {at} expired -1"),
        &format!("{one} {at} expired 012"),
        &format!("{one} {at} expired 18446744073709551616"),
        &format!("{one} {at} left 1002 away"),
        &format!("{one} {at} edited 12 1002 text"),
        &format!("{one} {at} edited 12 1002 \"text"),
        &format!("{one} {at} edited 12 1002 \"te\"xt"),
        &format!("{one} {at} edited 12 1002 \"te\u{7}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{7g}}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{07}}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{61}}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{a}}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{1B}}xt\""),
        &format!("{one} {at} edited 12 1002 \"te\\u{{d800}}xt\""),
        &format!("{one} {at} deleted 12 1001 \"al ice\""),
        &format!("{one} {at} deleted 12 1001 \"server\""),
        &format!("{one} {at} inherited 1002 \"bob\" 192.0.2.02 no -"),
        &format!("{one} {at} inherited 1002 \"bob\" 2001:DB8:: no -"),
        &format!("{one} {at} inherited 1002 \"bob\" 192.0.2.2 maybe -"),
        &format!("{one} {at} set password \"\" 1001 \"alice\""),
        &format!("{one} {at} set colour \"red\" 1001 \"alice\""),
        // A list that claims to be longer than memory.
        &format!("{one} {at} said 12 0 \"bob\" 1002 - \"\" no no - - 0 18446744073709551615"),
    ] {
        let error = wrong.parse::<Change>().expect_err(wrong);
        assert!(error.to_string().starts_with("no change: expected "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_that_can_be_read_is_the_line_that_would_be_written(
        mut line in change().prop_map(|change| change.to_string()),
        (place, other) in (any::<proptest::sample::Index>(), Union::new(["[ \"\\\\0-9a-z-]", "\\PC", ""])),
    ) {
        let place = place.index(line.chars().count());
        let (at, c) = line.char_indices().nth(place).expect("in the line");
        line.replace_range(at..at + c.len_utf8(), &other);
        if let Ok(change) = line.parse::<Change>() {
            prop_assert_eq!(change.to_string(), line);
        }
    }

    #[test]
    fn no_line_causes_a_panic(line in any::<String>()) {
        prop_assert!(line.parse::<Change>().is_err());
    }
}
