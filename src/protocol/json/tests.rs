//! Requests that are read, objects that are written, and lines that are neither.

use std::thread;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn time() -> Timestamp {
    "2026-11-29T14:02:03.4567Z".parse().expect("a time")
}

fn refused(line: &str) -> String {
    parse(line.as_bytes()).expect_err(line).to_string()
}

#[test]
fn an_object_has_all_eight_fields_in_their_order() {
    let mut out = Vec::new();
    Object::new("ok", time()).write(&mut out);
    let expected = r#"{"id":null,"action":"ok","sender":"","receiver":"","content":"","time":"2026-11-29T14:02:03.456Z","private":false,"optional":{}}"#;
    assert_eq!(String::from_utf8(out).expect("text"), format!("{expected}\n"));
}

#[test]
fn an_object_names_its_receiver_and_what_it_has() {
    let mut out = Vec::new();
    let object = Object {
        id: Id::Number(12),
        sender: "alice".into(),
        receiver: Receiver::Several(vec!["bob".into(), "carol".into()]),
        content: "hi".into(),
        private: true,
        optional: vec![
            ("message", Value::Number(12)),
            ("history", Value::Flag(true)),
            ("user", Value::Text("alice#4572".into())),
            ("since", Value::Time(Timestamp::UNIX_EPOCH)),
        ],
        ..Object::new("message", time())
    };
    object.write(&mut out);
    let read: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(read["id"], 12);
    assert_eq!(read["receiver"], serde_json::json!(["bob", "carol"]));
    let optional = r#"{"message":12,"history":true,"user":"alice#4572","since":"1970-01-01T00:00:00.000Z"}"#;
    assert_eq!(read["optional"], serde_json::from_str::<serde_json::Value>(optional).expect("JSON"));
}

#[test]
fn control_characters_and_line_separators_are_escaped() {
    let mut out = Vec::new();
    let object =
        Object { content: "\"\\\n\t\u{1b}\u{7f}\u{9b}\u{2028}\u{2029}ü😀".into(), ..Object::new("news", time()) };
    object.write(&mut out);
    let out = String::from_utf8(out).expect("text");
    assert!(out.contains(r#""content":"\"\\\n\u0009\u001b\u007f\u009b\u2028\u2029ü😀""#), "{out}");
}

#[test]
fn a_request_is_read_with_all_its_fields() {
    let line = r#"{"id":"a1","action":"temp","receiver":["bob","carol"],"content":"a\nb","private":true,"sender":"eve","time":[1],"x":{"y":1},"optional":{"seconds":5,"password":"p","unknown":"u","message":9007199254740991}}"#;
    let request = parse(line.as_bytes()).expect("a request");
    assert_eq!(request.id.as_deref(), Some("a1"));
    assert_eq!((&*request.action, &*request.content, request.private), ("temp", "a\nb", true));
    assert_eq!(request.receiver.0, ["bob", "carol"]);
    assert_eq!((request.optional.seconds, request.optional.message), (Some(5), Some((1 << 53) - 1)));
    assert_eq!(request.optional.password.as_ref().map(|password| &*password.0), Some("p"));
    assert!(!format!("{request:?}").contains("\"p\""));
}

#[test]
fn missing_and_null_fields_have_their_defaults() {
    assert_eq!(parse(b"{}"), Ok(Box::default()));
    let nulls = br#"{"id":null,"action":null,"receiver":null,"content":null,"private":null,"optional":null}"#;
    assert_eq!(parse(nulls), Ok(Box::default()));
    assert_eq!(parse(br#"{"optional":{"bot":null,"message":null,"password":null}}"#), Ok(Box::default()));
    let marked = b"\xef\xbb\xbf { \"action\" : \"ping\" } \r";
    assert_eq!(parse(marked).expect("a request").action, "ping");
}

#[test]
fn an_error_names_the_key_and_the_column() {
    for (line, told) in [
        (r#"hello"#, "the start at column 1"),
        (r#""#, "the end at column 1"),
        (r#"  [1]"#, "the start at column 3"),
        (r#"{"action":"say","content":5}"#, "content at column 27"),
        (r#"{"action":"säy","content":5}"#, "content at column 27"),
        (r#"{"action":["say"]}"#, "action at column 11"),
        (r#"{"private":"yes"}"#, "private at column 12"),
        (r#"{"receiver":{}}"#, "receiver at column 13"),
        (r#"{"receiver":["a",5]}"#, "receiver at column 13"),
        (r#"{"optional":[1,true]}"#, "optional at column 13"),
        (r#"{"optional":{"message":"x"}}"#, "message at column 24"),
        (r#"{"optional":{"message":-1}}"#, "message at column 24"),
        (r#"{"optional":{"bot":true},"id":7}"#, "id at column 31"),
        (r#"{"x":[[1]]}"#, "x at column 7"),
        (r#"{"action":"say","#, "the end at column 17"),
        (r#"{"action":"say"} x"#, "a key at column 18"),
    ] {
        assert_eq!(refused(line), format!("Not a JSON object: {told}."), "{line}");
    }
}

#[test]
fn an_error_keeps_the_id_of_its_request_where_it_can_be_read() {
    let error = parse(br#"{"content":5,"id":"a1"}"#).expect_err("a number");
    assert_eq!(error.id(), Some("a1"));
    assert!(error.reason().contains("expected a string"), "{}", error.reason());
    assert_eq!(parse(br#"{"content":5,"id":7}"#).expect_err("numbers").id(), None);
    let many: String = (0..32).map(|n| format!(r#","k{n}":1"#)).collect();
    for line in [
        r#"{"id":"a1","optional":{"a":{"b":1}}}"#,
        r#"{"optional":{"a":[[1]]}, "id" : "a1"}"#,
        r#"{"id":"a\u0031","content":nul}"#,
        r#"{"id":"a1","content":"x" "private":true}"#,
        r#"{"id":"a1","action":"say""#,
        r#"{"optional":{"id":"b2"},"id":"a1","private":"}"}"#,
        &format!(r#"{{"id":"a1"{many}}}"#),
        &format!(r#"{{"id":"a1","x":{}"#, "[".repeat(100_000)),
    ] {
        assert_eq!(parse(line.as_bytes()).expect_err(line).id(), Some("a1"), "{line}");
    }
    for line in [
        r#"{"id":"a1","id":"a2"}"#,
        r#"{"optional":{"id":"a1","x":[[]]}}"#,
        r#"{"id":"a1"#,
        r#"{"id":null,"content":5}"#,
        r#"{"content":"\"id\":\"a1\"" "}"#,
        r#"[{"id":"a1"}]"#,
        r#""id":"a1""#,
    ] {
        assert_eq!(parse(line.as_bytes()).expect_err(line).id(), None, "{line}");
    }
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(65));
    assert!(refused(&long).contains("id at column 7"));
    assert!(parse(format!(r#"{{"id":"{}"}}"#, "x".repeat(64)).as_bytes()).is_ok());
}

#[test]
fn a_known_key_twice_is_refused_and_an_unknown_one_is_not() {
    assert!(parse(br#"{"action":"say","action":"quit"}"#).is_err());
    assert!(parse(br#"{"optional":{"message":1,"message":2}}"#).is_err());
    assert!(parse(br#"{"x":1,"x":2,"sender":"a","sender":"b"}"#).is_ok());
}

#[test]
fn half_a_surrogate_and_endless_numbers_are_answered() {
    assert!(refused(r#"{"content":"\ud800"}"#).contains("content"));
    let digits = "1".repeat(100_000);
    assert!(parse(format!(r#"{{"optional":{{"message":{digits}}}}}"#).as_bytes()).is_err());
    assert!(parse(format!(r#"{{"unknown":{digits}}}"#).as_bytes()).is_ok());
    assert!(parse(b"{\"content\":\"\xff\"}").is_err());
}

#[test]
fn more_keys_than_a_request_could_have_are_refused() {
    let keys = |count: usize| {
        let keys: Vec<_> = (0..count).map(|key| format!(r#""k{key}":0"#)).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert!(parse(keys(32).as_bytes()).is_ok());
    assert!(parse(keys(33).as_bytes()).is_err());
    assert!(parse(br#"{"content":"::::::::::::::::::::::::::::::::::::::::[[[[[["}"#).is_ok());
}

/// In a debug build, whose frames are the largest, on the stack of a session.
#[test]
fn a_million_levels_need_no_stack() {
    let bombs = || {
        const LEVELS: usize = 1_000_000;
        let (arrays, objects) = ("[".repeat(LEVELS), r#"{"x":"#.repeat(LEVELS));
        let half = "[".repeat(LEVELS / 2) + &r#"{"x":"#.repeat(LEVELS / 2);
        for bomb in [&arrays, &objects, &half] {
            for before in
                ["", r#"{"x":"#, r#"{"content":"#, r#"{"receiver":"#, r#"{"optional":"#, r#"{"optional":{"x":"#]
            {
                let line = format!("{before}{bomb}");
                assert!(parse(line.as_bytes()).is_err());
                // Without checking the shape first.
                assert!(serde_json::from_str::<JsonRequest<'_>>(&line).is_err());
            }
        }
        let closed = format!(r#"{{"x":{arrays}{}}}"#, "]".repeat(LEVELS));
        assert!(serde_json::from_str::<JsonRequest<'_>>(&closed).is_ok(), "what is skipped is not recursed into");
    };
    let small = thread::Builder::new().stack_size(128 * 1024).spawn(bombs).expect("a thread");
    small.join().expect("the stack suffices");
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

/// Bytes that are nearly a request.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\""),
        Just("\\"),
        Just("\"id\""),
        Just("\"action\""),
        Just("\"receiver\""),
        Just("\"optional\""),
        Just("\"message\""),
        Just("1"),
        Just("-1e999"),
        Just("true"),
        Just("null"),
        Just("\\u2028"),
        Just("\\ud800"),
        Just("ü"),
        Just(" "),
        Just("\u{feff}"),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_bytes_are_a_request_or_an_error_with_its_sentence(
        line in prop_oneof![nearly(), proptest::collection::vec(any::<u8>(), 0..200)],
    ) {
        let parsed = parse(&line);
        if let Err(error) = &parsed {
            let told = error.to_string();
            prop_assert!(told.starts_with("Not a JSON object: ") && told.ends_with('.'), "{told}");
            prop_assert!(!told.contains(char::is_control), "{told:?}");
        }
        if parsed.is_ok() {
            prop_assert!(serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&line).is_ok()
                || line.starts_with(b"\xef\xbb\xbf") || !line.is_ascii(), "{line:?}");
        }
    }

    #[test]
    fn serde_json_reads_all_that_is_written(
        (id, sender, content) in (any_text(), any_text(), any_text()),
        receivers in proptest::collection::vec(any_text(), 0..4),
        (number, private) in (0..1_u64 << 53, any::<bool>()),
        millis in 0..4_000_000_000_000_i64,
    ) {
        let mut out = Vec::new();
        let object = Object {
            id: Id::Text(&id),
            action: "message",
            sender: sender.as_str().into(),
            receiver: Receiver::Several(receivers.iter().map(|name| name.as_str().into()).collect()),
            content: content.as_str().into(),
            time: Timestamp::from_millisecond(millis).expect("in range"),
            private,
            optional: vec![("message", Value::Number(number)), ("user", Value::Text(sender.as_str().into()))],
        };
        object.write(&mut out);
        prop_assert_eq!(out.iter().position(|byte| byte.is_ascii_control()), Some(out.len() - 1), "one line");
        let read: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        prop_assert_eq!(&read["id"], &serde_json::json!(id));
        prop_assert_eq!(&read["receiver"], &serde_json::json!(receivers));
        prop_assert_eq!(&read["content"], &serde_json::json!(content));
        prop_assert_eq!(&read["optional"]["message"], &serde_json::json!(number));
        prop_assert_eq!(read["time"].as_str().map(str::len), Some(24));
        prop_assert_eq!(read.as_object().map(serde_json::Map::len), Some(8));
        // What the server writes can be read as a request too, except ids that are too long.
        if id.len() <= 64 {
            let request = parse(&out).expect("eight fields");
            prop_assert_eq!(request.content, content);
        }
    }

    #[test]
    fn a_request_written_by_serde_json_is_read_correctly(
        (id, action, content) in ("[a-z0-9]{1,64}", any_text(), any_text()),
        receivers in proptest::collection::vec("[a-z]{1,9}", 0..4),
        (message, bot) in (any::<u64>(), any::<bool>()),
    ) {
        let line = serde_json::json!({
            "id": id, "action": action, "receiver": receivers, "content": content, "time": "never", "sender": 1,
            "optional": {"message": message, "bot": bot, "other": null},
        });
        let line = line.to_string();
        let request = parse(line.as_bytes()).expect("a request");
        prop_assert_eq!(request.id.as_deref(), Some(id.as_str()));
        prop_assert_eq!((&*request.action, &*request.content), (action.as_str(), content.as_str()));
        prop_assert_eq!(request.receiver.0, receivers);
        prop_assert_eq!((request.optional.message, request.optional.bot), (Some(message), bot));
    }
}

#[test]
fn times_are_written_as_the_calendar_has_them() {
    for time in [
        "1970-01-01T00:00:00Z",
        "2026-11-30T14:03:07.123456789Z",
        "2024-02-29T23:59:59.999999999Z",
        "0001-01-01T00:00:00.001Z",
        "1969-12-31T23:59:59.5Z",
        "9999-12-30T22:00:00.02Z",
    ] {
        let time: Timestamp = time.parse().expect("a time");
        let mut line = Vec::new();
        Object { id: Id::Number(u64::MAX), ..Object::new("ping", time) }.write(&mut line);
        let line = String::from_utf8(line).expect("text");
        assert!(line.contains(&format!(r#""time":"{time:.3}""#)), "{line}");
        assert!(line.starts_with(r#"{"id":18446744073709551615,"#), "{line}");
    }
}
