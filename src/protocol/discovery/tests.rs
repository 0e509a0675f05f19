//! Questions and answers as datagrams, and that no answer is longer than its question.

use proptest::prelude::*;

use super::*;

const NONCE: &str = "00112233445566778899aabbccddeeff";

/// A packet of exactly this many bytes.
fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut packet = text.as_bytes().to_vec();
    assert!(packet.len() <= length, "{text}");
    packet.resize(length, b' ');
    packet
}

fn fingerprint() -> String {
    ["AB"; 32].join(":")
}

fn full<'a>(name: &'a str, fingerprint: &'a str) -> ServerAnswer<'a> {
    ServerAnswer {
        id: "0123456789abcdef",
        ip: Some("192.168.1.5".parse().unwrap()),
        port: Some(5555),
        name,
        tls: Some(5556),
        fingerprint: Some(fingerprint),
        web: Some(8080),
        web_tls: Some(8443),
        people: 3,
    }
}

#[test]
fn our_question_has_four_hundred_bytes_and_is_understood() {
    let packet = question(NONCE);
    assert_eq!(packet.len(), 400);
    assert_eq!(ServerQuestion::read(&packet), Some(ServerQuestion { nonce: Some(NONCE.to_owned()), length: 400 }));
}

#[test]
fn questions_of_other_programs_are_understood_however_they_are_padded() {
    let read = |text: &str| ServerQuestion::read(&padded(text, 450)).map(|question| question.nonce);
    assert_eq!(read(r#"{"chatsock":"find","nonce":"x","pad":[[[[{"a":1}]]]]}"#), Some(Some("x".to_owned())));
    assert_eq!(read(r#"{"nonce":"x","chatsock":"find"}"#), Some(Some("x".to_owned())));
    assert_eq!(read(r#"{"chatsock":"find"}"#), Some(None));
    assert_eq!(read(r#"{"ip":"192.0.2.1","port":4444}"#), Some(None));
    let mut zeros = padded(r#"{"chatsock":"find","nonce":"x"}"#, 400);
    zeros.iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = 0);
    assert!(ServerQuestion::read(&zeros).is_some());
}

#[test]
fn anything_else_is_not_a_question() {
    let text = r#"{"chatsock":"find","nonce":"x"}"#;
    assert!(ServerQuestion::read(&padded(text, 400)).is_some());
    for packet in [padded(text, 399), padded(text, 1501), text.into(), Vec::new(), vec![b' '; 400], vec![0; 400]] {
        assert_eq!(ServerQuestion::read(&packet), None);
    }
    for text in [
        r#"{"chatsock":"here","nonce":"x","ip":"192.0.2.1","port":5555}"#,
        r#"{"chatsock":1}"#,
        r#"{"chatsock":null}"#,
        r#"{"ip":"192.0.2.1"}"#,
        r#"{"ip":null,"port":null}"#,
        r#"{"chatsock":"find","nonce":"x"} {}"#,
        r#"{"chatsock":"find","chatsock":"find"}"#,
        r#"{"chatsock":"find","nonce":7}"#,
        r#"[{"chatsock":"find"}]"#,
        "find",
        "null",
    ] {
        assert_eq!(ServerQuestion::read(&padded(text, 400)), None, "{text}");
    }
    let long = format!(r#"{{"chatsock":"find","nonce":"{}"}}"#, "x".repeat(65));
    assert_eq!(ServerQuestion::read(&padded(&long, 400)), None);
}

#[test]
fn an_answer_with_all_that_it_can_say_fits_into_the_question() {
    let (name, fingerprint) = ("x".repeat(48), fingerprint());
    let asked = ServerQuestion::read(&question(NONCE)).unwrap();
    for ip in ["192.168.100.200", "fe80:1234:1234:1234:1234:1234:1234:1234"] {
        let answer = ServerAnswer { ip: ip.parse().ok(), people: 99_999, ..full(&name, &fingerprint) };
        let answer = String::from_utf8(answer.write(&asked).unwrap()).unwrap();
        assert!(answer.contains(&fingerprint) && answer.contains(NONCE) && answer.contains(ip), "{answer}");
        assert!(answer.len() <= 400, "{}", answer.len());
    }
}

#[test]
fn an_answer_that_would_be_longer_than_the_question_leaves_out_the_fingerprint_or_is_none() {
    let asked = |length| ServerQuestion { nonce: None, length };
    let (name, fingerprint) = ("\"".repeat(48), fingerprint());
    let answer = full(&name, &fingerprint);
    let whole = answer.write(&asked(1500)).unwrap().len();
    assert_eq!(answer.write(&asked(whole)).unwrap().len(), whole);
    let short = answer.write(&asked(whole - 1)).unwrap();
    assert!(short.len() < whole && !String::from_utf8(short.clone()).unwrap().contains("fingerprint"));
    assert_eq!(answer.write(&asked(short.len() - 1)), None);
}

#[test]
fn an_answer_is_read_back_as_it_was_written() {
    let fingerprint = fingerprint();
    let asked = ServerQuestion::read(&question(NONCE)).unwrap();
    let packet = full("box", &fingerprint).write(&asked).unwrap();
    let found = ServerHint::read(&packet, NONCE).unwrap();
    assert_eq!(
        found,
        ServerHint {
            id: "0123456789abcdef".to_owned(),
            name: "box".to_owned(),
            port: Some(5555),
            tls: Some(5556),
            fingerprint: Some(fingerprint.clone()),
            web: Some(8080),
            web_tls: Some(8443),
            people: 3,
        }
    );
    assert_eq!(ServerHint::read(&packet, "another"), None);
    assert_eq!(
        ServerQuestion::read(&padded(std::str::from_utf8(&packet).unwrap(), 400)),
        None,
        "an answer is not a question"
    );
}

#[test]
fn an_answer_of_a_stranger_is_made_safe_or_dropped() {
    let read = |rest: &str| ServerHint::read(format!(r#"{{"chatsock":"here","nonce":"n",{rest}}}"#).as_bytes(), "n");
    let name = |name: &str| read(&format!(r#""port":1,"name":"{name}""#)).unwrap().name;
    assert_eq!(name("a\\u001b[2Jb\\n* bob\\u202ex"), "a[2Jb* bobx");
    assert_eq!(name(&"ü".repeat(100)).len(), 62);
    assert_eq!(name("  "), "(no name)");
    assert_eq!(read(r#""port":1"#).unwrap().name, "(no name)");
    let odd = read(r#""port":1,"id":"a\nb","fingerprint":"AB:CD","tls":0,"people":null"#).unwrap();
    assert_eq!((odd.id.as_str(), odd.fingerprint, odd.tls, odd.people), ("", None, None, 0));
    for rest in [r#""name":"box""#, r#""port":65536"#, r#""port":-1"#, r#""port":1,"people":-1"#, r#""port":0"#] {
        assert_eq!(read(rest), None, "{rest}");
    }
}

#[test]
fn only_programs_of_this_machine_and_this_network_are_answered() {
    for source in [
        "127.0.0.1:1024",
        "127.9.9.9:50000",
        "10.1.2.3:50000",
        "172.16.0.1:50000",
        "172.31.255.1:50000",
        "192.168.1.5:50000",
        "169.254.1.2:50000",
        "[::1]:50000",
        "[fe80::1]:50000",
        "[fd00::1]:50000",
        "[::ffff:192.168.1.5]:50000",
    ] {
        assert!(may_be_answered(source.parse().unwrap()), "{source}");
    }
    for source in [
        "127.0.0.1:1023",
        "192.168.1.5:53",
        "192.168.1.5:0",
        "192.0.2.1:50000",
        "8.8.8.8:50000",
        "172.32.0.1:50000",
        "0.0.0.0:50000",
        "255.255.255.255:50000",
        "224.0.0.251:50000",
        "239.1.2.3:50000",
        "100.64.0.1:50000",
        "[::]:50000",
        "[2001:db8::1]:50000",
        "[ff02::1]:50000",
        "[::ffff:8.8.8.8]:50000",
    ] {
        assert!(!may_be_answered(source.parse().unwrap()), "{source}");
    }
}

#[test]
fn a_million_random_packets_get_fewer_bytes_than_they_have() {
    // xorshift: the same packets each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let noise: Vec<u8> = (0..65_536).map(|_| random().to_le_bytes()[0]).collect();
    let (asked, fingerprint) = (question(NONCE), fingerprint());
    let (mut packet, mut read, mut answered) = (Vec::new(), 0, 0);
    for number in 0..1_000_000 {
        packet.clear();
        if number % 8 == 0 {
            // A question with one byte of it changed, and cut or longer.
            packet.extend_from_slice(&asked);
            packet[random() % 60] = noise[random() % noise.len()];
            packet.resize(random() % 800, b' ');
        } else {
            let begin = random() % (noise.len() - 1600);
            packet.extend_from_slice(&noise[begin..][..random() % 1600]);
        }
        if let Some(question) = ServerQuestion::read(&packet) {
            read += 1;
            let answer = full("box", &fingerprint).write(&question);
            answered += usize::from(answer.is_some());
            assert!(answer.is_none_or(|answer| answer.len() <= packet.len()), "{}", packet.escape_ascii());
        }
    }
    assert!(read > 1000 && answered > 1000, "{read} questions, {answered} answers");
}

/// Bytes that may be a question, more often than chance would have them.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..1600);
    let fields =
        r#"\{("(chatsock|nonce|ip|port|pad)":("find"|"here"|[0-9]{1,9}|null|\[{1,9}|"[a-z\\u"]{0,70}"),?){0,6}\}"#;
    let text = (fields, 0..1600_usize, prop::sample::select(b"\0 \n}x".to_vec())).prop_map(|(text, length, pad)| {
        let mut packet = text.into_bytes();
        packet.resize(packet.len().max(length), pad);
        packet
    });
    prop_oneof![bytes, text]
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn no_packet_is_answered_by_more_bytes_than_it_has(packet in packets(), name in "\\PC{0,16}") {
        let fingerprint = fingerprint();
        if let Some(question) = ServerQuestion::read(&packet) {
            prop_assert!(packet.len() >= QUESTION_BYTES);
            let answer = full(&name, &fingerprint).write(&question);
            prop_assert!(answer.is_none_or(|answer| answer.len() <= packet.len()));
        }
    }

    #[test]
    fn any_answer_is_safe_to_show(packet in packets(), name in ".{0,80}") {
        let answer = serde_json::json!({"chatsock": "here", "nonce": "n", "port": 1, "name": name});
        for packet in [packet, answer.to_string().into_bytes()] {
            if let Some(found) = ServerHint::read(&packet, "n") {
                prop_assert!(!found.name.is_empty() && found.name.len() <= 63);
                prop_assert_eq!(crate::text::sanitize(&found.name), found.name.as_str());
            }
        }
    }
}
