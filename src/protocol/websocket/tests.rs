//! Frames in any pieces, what breaks the protocol, and how a connection closes.

use proptest::prelude::*;

use super::*;

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn text(payload: &str) -> Vec<u8> {
    masked(0x81, payload.as_bytes())
}

const LIMIT: usize = 1000;

/// What one read after another brings.
#[derive(Debug, PartialEq, Eq)]
struct Fed {
    plain: Vec<u8>,
    answer: Vec<u8>,
    end: Result<bool, Violation>,
}

fn feed<'a>(form: Form, reads: impl IntoIterator<Item = &'a [u8]>) -> Fed {
    let mut socket = WebSocket::new(form, LIMIT, Vec::new());
    let mut fed = Fed { plain: Vec::new(), answer: Vec::new(), end: Ok(false) };
    for read in reads {
        if fed.end == Ok(false) {
            fed.end = socket.feed(read, &mut fed.plain, &mut fed.answer);
        }
    }
    fed
}

/// Feeds whole, byte by byte and cut everywhere; the answers to pings depend on the reads and are left out of the comparison.
fn check(form: Form, input: &[u8]) -> Fed {
    let without_pongs = |mut fed: Fed| {
        fed.answer = fed.answer.split_off(pongs_in(&fed.answer).1);
        fed
    };
    let whole = feed(form, [input]);
    let pongs = pongs_in(&whole.answer).0;
    assert!(pongs <= 1, "{pongs} answers to the pings of one read");
    let expected = without_pongs(feed(form, [input]));
    let shown = input.escape_ascii();
    assert_eq!(without_pongs(feed(form, input.chunks(1))), expected, "{shown}, byte by byte");
    for cut in 0..=input.len() {
        assert_eq!(without_pongs(feed(form, [&input[..cut], &input[cut..]])), expected, "{shown}, cut at {cut}");
    }
    whole
}

/// How many pongs an answer begins with, and where they end.
fn pongs_in(answer: &[u8]) -> (usize, usize) {
    let (mut count, mut at) = (0, 0);
    while answer.get(at) == Some(&0x8A) {
        (count, at) = (count + 1, at + 2 + usize::from(answer[at + 1]));
    }
    (count, at)
}

fn code_of(answer: &[u8]) -> u16 {
    assert_eq!(answer[0], 0x88, "{}", answer.escape_ascii());
    assert_eq!(usize::from(answer[1]), answer.len() - 2);
    u16::from_be_bytes([answer[2], answer[3]])
}

#[test]
fn a_text_message_is_a_line_whatever_parts_it_comes_in() {
    for parts in [
        vec![text("{\"a\":\"é\"}")],
        vec![masked(0x01, b"{\"a\":\"\xC3"), masked(0x00, b"\xA9"), masked(0x80, b"\"}")],
        vec![masked(0x01, b""), masked(0x00, b"{\"a\":\"\xC3\xA9\"}"), masked(0x00, b""), masked(0x80, b"")],
        vec![masked(0x01, b"{\"a\":\"\xC3"), masked(0x8A, b"sign of life"), masked(0x80, b"\xA9\"}")],
    ] {
        let fed = check(Form::Lines, &parts.concat());
        assert_eq!(fed, Fed { plain: "{\"a\":\"é\"}\n".into(), answer: Vec::new(), end: Ok(false) });
    }
}

#[test]
fn several_messages_are_several_lines_and_an_incomplete_one_waits() {
    let fed = check(Form::Lines, &[text("one"), text("two\nthree"), text(""), masked(0x01, b"fo")].concat());
    assert_eq!(fed.plain, b"one\ntwo\nthree\n\n");
}

#[test]
fn a_terminal_s_messages_are_a_stream_whose_parts_do_not_wait() {
    for form in [Form::Terminal, Form::Telnet] {
        let fed = check(form, &[masked(0x82, b"al\xff"), text("ice\r\n"), masked(0x02, b":qu")].concat());
        assert_eq!(fed.plain, b"al\xffice\r\n:qu");
    }
}

#[test]
fn lengths_on_both_sides_of_each_header_s_limit_are_read() {
    let long = |len: usize| masked(0x82, &vec![b'x'; len]);
    for len in [0, 125, 126, 127, LIMIT] {
        assert_eq!(feed(Form::Terminal, [long(len).as_slice()]).plain.len(), len);
    }
    let mut plain = Vec::new();
    let mut socket = WebSocket::new(Form::Terminal, 1 << 20, Vec::new());
    for len in [65_535, 65_536, 65_537] {
        plain.clear();
        socket.feed(&long(len), &mut plain, &mut Vec::new()).unwrap();
        assert_eq!(plain, vec![b'x'; len]);
    }
}

#[test]
fn only_the_last_ping_of_a_read_is_answered() {
    let flood: Vec<u8> = (0..1000u16).flat_map(|n| masked(0x89, &n.to_be_bytes())).collect();
    let fed = feed(Form::Lines, [flood.as_slice()]);
    assert_eq!(fed.answer, [0x8A, 2, 3, 0xE7]);
    let fed = feed(Form::Lines, flood.chunks(8));
    assert_eq!(fed.answer.len(), 4 * 1000, "each came in a read of its own");
    // Between the parts of a message, and before a close.
    let fed = check(Form::Lines, &[masked(0x01, b"a"), masked(0x89, b"?"), masked(0x80, b"b")].concat());
    assert_eq!((fed.plain.as_slice(), fed.answer.as_slice()), (b"ab\n".as_slice(), b"\x8A\x01?".as_slice()));
    let fed = check(Form::Lines, &[masked(0x89, b"?"), masked(0x88, b"")].concat());
    assert_eq!(fed.answer, b"\x8A\x01?\x88\x00");
}

#[test]
fn a_close_is_answered_with_its_own_code_and_nothing_after_it_counts() {
    for code in [1000u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(b"so long");
        let fed = check(Form::Lines, &[text("last"), masked(0x88, &payload), text("late"), vec![0xFF; 9]].concat());
        assert_eq!((fed.plain.as_slice(), fed.end), (b"last\n".as_slice(), Ok(true)));
        assert_eq!(fed.answer.len(), 4);
        assert_eq!(code_of(&fed.answer), code);
    }
    let fed = check(Form::Lines, &masked(0x88, b""));
    assert_eq!((fed.answer.as_slice(), fed.end), ([0x88, 0].as_slice(), Ok(true)));
}

#[test]
fn every_violation_has_its_code_and_takes_nothing_back() {
    use Violation::*;
    let close = |code: u16| masked(0x88, &code.to_be_bytes());
    let mut cases = vec![
        (masked(0xC1, b"a"), ReservedBits),
        (masked(0xA1, b"a"), ReservedBits),
        (masked(0x91, b"a"), ReservedBits),
        (masked(0x83, b"a"), Opcode),
        (masked(0x87, b""), Opcode),
        (masked(0x8B, b""), Opcode),
        (masked(0x8F, b"a"), Opcode),
        (vec![0x81, 1, b'a'], NotMasked),
        (vec![0x88, 0], NotMasked),
        (vec![0x81, 0xFE, 0, 125, 1, 2, 3, 4], LongLength),
        (vec![0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4], LongLength),
        (vec![0x89, 0xFE, 0, 5, 1, 2, 3, 4], LongLength),
        (masked(0x09, b""), ControlFrame),
        (masked(0x89, &[b'a'; 126]), ControlFrame),
        (masked(0x80, b"a"), Fragment),
        (masked(0x00, b"a"), Fragment),
        ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), Fragment),
        ([masked(0x01, b"a"), masked(0x82, b"b")].concat(), Fragment),
        (masked(0x88, b"\x03"), CloseCode),
        (masked(0x88, b"\x03\xE8\xff"), NotUtf8),
        (masked(0x82, b"a"), Binary),
        (masked(0x02, b""), Binary),
        (masked(0x81, b"a\xff"), NotUtf8),
        (masked(0x81, b"a\xe2\x82"), NotUtf8),
        (masked(0x81, b"\xed\xa0\x80"), NotUtf8),
        ([masked(0x01, b"\xf4"), masked(0x00, b"\x90")].concat(), NotUtf8),
        (masked(0x81, &[b'a'; LIMIT + 1]), TooBig(LIMIT)),
        ([masked(0x01, &[b'a'; LIMIT]), masked(0x80, b"a")].concat(), TooBig(LIMIT)),
        // 2^63 bytes, refused before any of them has come.
        (vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], TooBig(LIMIT)),
        (vec![0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4], TooBig(LIMIT)),
    ];
    cases.extend(
        [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(|code| (close(code), CloseCode)),
    );
    for (bad, violation) in cases {
        let fed = check(Form::Lines, &[text("before"), bad.clone(), text("after")].concat());
        assert_eq!(fed.end, Err(violation), "{}", bad.escape_ascii());
        assert_eq!(fed.plain, b"before\n", "{}", bad.escape_ascii());
        assert_eq!(code_of(&fed.answer), violation.close_code());
        assert_eq!(String::from_utf8_lossy(&fed.answer[4..]), violation.to_string());
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_as_it_arrives() {
    // The header announces a hundred bytes; the second one is wrong.
    let frame = masked(0x81, &[b"a\xff".as_slice(), &[b'x'; 98]].concat());
    assert_eq!(feed(Form::Lines, [&frame[..6 + 1]]).end, Ok(false));
    let fed = feed(Form::Lines, [&frame[..6 + 2]]);
    assert_eq!(fed.end, Err(Violation::NotUtf8));
    assert_eq!(code_of(&fed.answer), 1007);
}

#[test]
fn a_flood_of_empty_parts_takes_no_memory() {
    let mut socket = WebSocket::new(Form::Lines, LIMIT, Vec::new());
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    socket.feed(&masked(0x01, b"{"), &mut plain, &mut answer).unwrap();
    let empty = masked(0x00, b"").repeat(10_000);
    for _ in 0..20 {
        assert_eq!(socket.feed(&empty, &mut plain, &mut answer), Ok(false));
    }
    assert!(plain.is_empty() && answer.is_empty());
    assert!(socket.held_bytes() <= 64, "{}", socket.held_bytes());
    socket.feed(&masked(0x80, b"}"), &mut plain, &mut answer).unwrap();
    assert_eq!(plain, b"{}\n");
    assert_eq!(socket.held_bytes(), 0);
}

#[test]
fn after_the_close_nothing_more_is_said() {
    let mut socket = WebSocket::new(Form::Lines, LIMIT, Vec::new());
    let mut out = Vec::new();
    socket.encode(b"{}\n{}\n", &mut out);
    assert_eq!(out, b"\x81\x06{}\n{}\n", "one frame, however many lines");
    assert_eq!(socket.close(1001, "The server is stopping."), b"\x88\x19\x03\xE9The server is stopping.");
    assert_eq!(socket.close(1000, ""), b"");
    out.clear();
    socket.encode(b"{}\n", &mut out);
    socket.ping(&mut out);
    assert_eq!(socket.feed(&masked(0x89, b"?"), &mut Vec::new(), &mut out), Ok(false));
    assert_eq!(socket.feed(&masked(0x88, b"\x03\xE9"), &mut Vec::new(), &mut out), Ok(true));
    assert_eq!(out, b"");
    let mut terminal = WebSocket::new(Form::Telnet, LIMIT, Vec::new());
    terminal.encode(b"\xff\xfb\x01", &mut out);
    assert_eq!(out, b"\x82\x03\xff\xfb\x01");
}

#[test]
fn bytes_that_came_with_the_request_are_read_first() {
    let both = [text("one"), text("two")].concat();
    let mut plain = Vec::new();
    let mut socket = WebSocket::new(Form::Lines, LIMIT, both[..12].to_vec());
    socket.feed(&[], &mut plain, &mut Vec::new()).unwrap();
    assert_eq!(plain, b"one\n");
    socket.feed(&both[12..], &mut plain, &mut Vec::new()).unwrap();
    assert_eq!(plain, b"one\ntwo\n");
}

/// Frames of every kind, most of them valid, and sometimes noise.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        "[a-zé€😀]{0,40}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..140),
        Just(b"\x03\xE8bye".to_vec()),
    ];
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81u8, 0x01, 0x00, 0x80, 0x89, 0x8A]),
        1 => prop::sample::select(vec![0x82u8, 0x02, 0x88]),
        1 => any::<u8>(),
    ];
    let frame = (first, payload).prop_map(|(first, payload)| masked(first, &payload));
    let piece = prop_oneof![12 => frame, 1 => prop::collection::vec(any::<u8>(), 0..20)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(
        input in frames(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        form in prop::sample::select(vec![Form::Lines, Form::Terminal]),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let reads: Vec<_> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        let (whole, cut) = (feed(form, [input.as_slice()]), feed(form, reads));
        prop_assert_eq!(&whole.end, &cut.end);
        prop_assert_eq!(&whole.plain, &cut.plain);
        let last = |fed: &Fed| fed.answer[pongs_in(&fed.answer).1..].to_vec();
        prop_assert_eq!(last(&whole), last(&cut));
    }

    /// The library's own reader is never stricter and sometimes later: whatever it reads, this one reads too.
    #[test]
    fn the_library_reads_the_same_messages(
        messages in prop::collection::vec(("[a-zé😀\"]{0,300}", 1usize..40), 0..6),
    ) {
        use tungstenite::protocol::{Message, Role, WebSocket as Theirs, WebSocketConfig};
        let mut input = Vec::new();
        for (message, part) in &messages {
            let parts: Vec<_> = message.as_bytes().chunks(*part).collect();
            let count = parts.len().max(1);
            for index in 0..count {
                let first = if index == 0 { 1 } else { 0 } | if index + 1 == count { 0x80 } else { 0 };
                input.extend(masked(first, parts.get(index).copied().unwrap_or_default()));
            }
        }
        let mut theirs = Theirs::from_raw_socket(std::io::Cursor::new(input.clone()), Role::Server, Some(WebSocketConfig::default()));
        let mut read = Vec::new();
        while let Ok(Message::Text(message)) = theirs.read() {
            read.extend_from_slice(message.as_bytes());
            read.push(b'\n');
        }
        prop_assert_eq!(feed(Form::Lines, [input.as_slice()]).plain, read);
    }
}
