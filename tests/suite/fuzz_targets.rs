//! Runs the checks of `tests/fuzz` on a few random inputs, so that what they use stays public and what they assert holds.

use proptest::prelude::*;

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Bytes that mean something to a decoder, more often than random ones would.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\xff\xfa\xf0\xfb\xfd\x1b[\r\n\x7f\x08 aA~;1GETSH-2.0".to_vec())
    ];
    prop::collection::vec(byte, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn telnet_decodes_the_same_however_it_is_cut(data in bytes()) {
        targets::telnet(&data);
    }

    #[test]
    fn any_keys_leave_a_line_with_the_cursor_in_it(data in bytes()) {
        targets::keys(&data);
    }

    #[test]
    fn a_clients_protocol_is_recognised_alike_in_any_packets(data in bytes()) {
        targets::sniffing(&data);
    }

    #[test]
    fn any_text_is_a_configuration_or_has_printable_mistakes(text in r#"([a-z_]{1,12} ?= ?[0-9"\[\]{}.a-z]{0,12}\n|\[+[a-z.]{0,9}\]*\n|.{0,12}\n){0,8}"#) {
        targets::config(&text);
    }

    #[test]
    #[cfg(feature = "discovery")]
    fn no_answer_is_longer_than_its_packet(data in bytes(), text in r#"\{("(chatsock|nonce|ip|port|name)":("find"|"here"|"n"|[0-9]{1,6}|".{0,9}"),?){0,6}\}"#) {
        targets::discovery(&data);
        targets::discovery(text.as_bytes());
    }

    #[test]
    fn any_pattern_is_refused_or_finds_something(typed in r"[a-cé\\wd.*+?(){}|\[\]^$0-9,]{0,20}", text in ".{0,80}") {
        targets::pattern(&typed, &text);
    }
}
