//! Frames that break the rules, and floods, over sockets.

use super::{ask, in_general, server};
use crate::support::web::{frame, program};

#[test]
fn a_frame_that_breaks_a_rule_ends_the_connection_with_its_code() {
    let server = server();
    let mut witness = server.chat("witness", "general");
    for (bytes, code) in [
        // A request that is not masked.
        (vec![0x81, 2, b'{', b'}'], 1002),
        (frame(0xC1, b"{}"), 1002),
        (frame(0x83, b"{}"), 1002),
        (vec![0x81, 0xFE, 0, 2, 0, 0, 0, 0, b'{', b'}'], 1002),
        (frame(0x82, b"{}"), 1003),
        (frame(0x81, b"{\"action\":\"\xff\"}"), 1007),
        // 2^63 bytes, and one more than four lines.
        (vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1009),
        (frame(0x81, &[b' '; 4 * 8192 + 1])[..14].to_vec(), 1009),
        // The mask is still missing.
        (vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], 1009),
        (vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], 1009),
        (vec![0x81, 0xFE, 0, 2], 1002),
        (vec![0xC1, 0x82], 1002),
        (vec![0x80, 0x82], 1002),
    ] {
        let (mut client, socket) = program(super::address(&server));
        ask(&mut client, "{\"action\":\"login\",\"content\":\"mallory\"}");
        client.send_raw(&bytes);
        client.expect_end();
        assert_eq!(socket.close().expect("a close").0, Some(code), "{}", bytes.escape_ascii());
    }
    witness.send("still here");
    witness.settle();
}

#[test]
fn a_message_may_be_as_long_as_four_lines() {
    let server = server();
    let (mut client, socket) = program(super::address(&server));
    let request = "{\"id\":\"a\",\"action\":\"ping\"}";
    let padded = format!("{request}{}", " ".repeat(4 * 8192 - request.len()));
    client.send_bytes(padded.as_bytes());
    client.expect("\n");
    assert_eq!(socket.close(), None);
}

#[test]
fn a_flood_of_pings_brings_one_answer_for_each_read() {
    let server = server();
    let (mut client, socket) = in_general(&server, "alice");
    let flood: Vec<u8> = (0..10_000u32).flat_map(|n| frame(0x89, &n.to_be_bytes())).collect();
    client.send_raw(&flood);
    ask(&mut client, "{\"action\":\"ping\"}");
    let pongs = socket.pongs();
    assert_eq!(pongs.last().map(Vec::as_slice), Some(9_999u32.to_be_bytes().as_slice()));
    // The smallest read takes twelve of these pings, a normal one three thousand.
    assert!(pongs.len() <= 10_000 / 12 + 1, "{}", pongs.len());
}

#[test]
fn requests_in_parts_with_pings_between_them_and_many_in_one_message_are_answered_in_order() {
    let server = server();
    let (mut client, _) = in_general(&server, "alice");
    let say = |id: u32| format!("{{\"id\":\"{id}\",\"action\":\"ping\"}}");
    let (first, second) = (say(1), say(2));
    let (begin, end) = first.split_at(9);
    let parts =
        [frame(0x01, begin.as_bytes()), frame(0x89, b""), frame(0x00, b"").repeat(1000), frame(0x80, end.as_bytes())];
    client.send_raw(&parts.concat());
    client.expect("{\"id\":\"1\",\"action\":\"ok\"");
    client.send_bytes(format!("{second}\n{}\n{}", say(3), say(4)).as_bytes());
    for id in 2..=4 {
        client.expect(&format!("{{\"id\":\"{id}\",\"action\":\"ok\""));
    }
}

#[test]
fn what_many_say_at_once_comes_in_whole_text_frames() {
    let server = server();
    let (mut reader, socket) = in_general(&server, "reader");
    let mut speaker = server.chat("speaker", "general");
    let lines: String = (0..200).map(|n| format!("line {n}\r\n")).collect();
    speaker.send_bytes(lines.as_bytes());
    for n in 0..200 {
        let before = reader.expect(&format!("\"content\":\"line {n}\""));
        assert!(!before.contains("\"content\":\"line"), "{before}");
    }
    assert!(socket.frames().iter().all(|(first, _)| *first == 0x81), "{:?}", socket.frames());
}
