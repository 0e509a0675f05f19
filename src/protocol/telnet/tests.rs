//! Every rule of the protocol as a sentence, and the properties that hold for all inputs.

use proptest::prelude::*;

use super::decode::{Decoder, MAX_SUBNEGOTIATION};
use super::options::{OURS, Switch};
use super::{
    ABORT, AO, AYT, BINARY, CHARSET, DO, DONT, EC, ECHO, EL, EOF, GA, IAC, IP, Link, LinkEvent, NAWS, Policy, SB, SE,
    SUPPRESS_GO_AHEAD, SUSP, TERMINAL_TYPE, TIMING_MARK, WILL, WONT,
};

use crate::text::Charset;

const NOP: u8 = 241;
const DATA_MARK: u8 = 242;
const BREAK: u8 = 243;
const END_OF_RECORD: u8 = 239;
const LINEMODE: u8 = 34;
const NEW_ENVIRON: u8 = 39;

/// An event without its borrow; adjacent data is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Typed(Vec<u8>),
    Event(LinkEvent<'static>),
}
use LinkEvent::{
    AreYouThere, CharacterErased, CharacterModeChanged, CharsetChanged, Confirmed, EndOfFile, Interrupted, LineErased,
    TerminalChanged, WindowResized,
};

fn typed(text: impl AsRef<[u8]>) -> Seen {
    Seen::Typed(text.as_ref().to_vec())
}

fn events(list: &[LinkEvent<'static>]) -> Vec<Seen> {
    list.iter().copied().map(Seen::Event).collect()
}

/// Feeds one chunk; events are added to `seen`, answers to `out`.
fn feed(link: &mut Link, mut chunk: &[u8], seen: &mut Vec<Seen>, out: &mut Vec<u8>) {
    while let Some(event) = link.next(&mut chunk, out) {
        let event = match event {
            LinkEvent::Data(bytes) => {
                if let Some(Seen::Typed(before)) = seen.last_mut() {
                    before.extend_from_slice(bytes);
                } else {
                    seen.push(typed(bytes));
                }
                continue;
            }
            Interrupted => Interrupted,
            AreYouThere => AreYouThere,
            CharacterErased => CharacterErased,
            LineErased => LineErased,
            EndOfFile => EndOfFile,
            WindowResized => WindowResized,
            TerminalChanged => TerminalChanged,
            CharacterModeChanged(on) => CharacterModeChanged(on),
            CharsetChanged => CharsetChanged,
            Confirmed => Confirmed,
        };
        seen.push(Seen::Event(event));
    }
    assert!(chunk.is_empty(), "input is left over");
}

/// What the first telnet command causes, whichever it is.
const EIGHT_BITS: [u8; 9] = [IAC, DO, BINARY, IAC, WILL, BINARY, IAC, WILL, CHARSET];

/// Removes the request for eight bits from the answers; only its own tests look at it.
fn without_eight_bits(mut out: Vec<u8>) -> Vec<u8> {
    if let Some(at) = out.windows(EIGHT_BITS.len()).position(|window| window == EIGHT_BITS) {
        out.drain(at..at + EIGHT_BITS.len());
    }
    out
}

/// An opened link, and what it has reported since.
struct TelnetPeer {
    link: Link,
    seen: Vec<Seen>,
    out: Vec<u8>,
}

impl TelnetPeer {
    fn new(policy: Policy) -> TelnetPeer {
        let mut link = Link::new(policy);
        let mut out = Vec::new();
        link.open(&mut out);
        out.clear();
        TelnetPeer { link, seen: Vec::new(), out }
    }

    /// A peer with a terminal in character mode.
    fn in_character_mode() -> TelnetPeer {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.only_name("xterm");
        peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
        assert!(peer.link.is_character_mode());
        peer.out.clear();
        peer.seen.clear();
        peer
    }

    /// The answers to these bytes.
    fn says(&mut self, bytes: &[u8]) -> Vec<u8> {
        without_eight_bits(self.says_in_full(bytes))
    }

    /// The same with the request for eight bits.
    fn says_in_full(&mut self, bytes: &[u8]) -> Vec<u8> {
        feed(&mut self.link, bytes, &mut self.seen, &mut self.out);
        std::mem::take(&mut self.out)
    }

    /// Gives its only name, and so repeats it (RFC 1091).
    fn only_name(&mut self, name: &str) -> Vec<u8> {
        let mut out = self.names(name);
        out.extend(self.names(name));
        out
    }

    fn names(&mut self, name: &str) -> Vec<u8> {
        self.says(&terminal_type(name.as_bytes()))
    }

    /// Gives no further name for a second.
    fn names_stall(&mut self) -> Vec<u8> {
        self.link.end_names(&mut self.out);
        std::mem::take(&mut self.out)
    }

    fn window(&mut self, bytes: &[u8]) -> Option<(u16, u16)> {
        self.says(&[&[IAC, SB, NAWS], bytes, &[IAC, SE]].concat());
        self.link.window()
    }

    fn hides(&mut self) -> Vec<u8> {
        self.link.hide_input(&mut self.out);
        std::mem::take(&mut self.out)
    }

    fn shows(&mut self) -> Vec<u8> {
        self.link.show_input(&mut self.out);
        std::mem::take(&mut self.out)
    }

    fn character_mode(&mut self, on: bool) -> Vec<u8> {
        self.link.request_character_mode(on, &mut self.out);
        std::mem::take(&mut self.out)
    }
}

fn terminal_type(name: &[u8]) -> Vec<u8> {
    [&[IAC, SB, TERMINAL_TYPE, 0], name, &[IAC, SE]].concat()
}

const SEND: [u8; 6] = [IAC, SB, TERMINAL_TYPE, 1, IAC, SE];

fn run(chunks: &[&[u8]]) -> (Vec<Seen>, Vec<u8>) {
    let mut peer = TelnetPeer::new(Policy::Auto);
    for chunk in chunks {
        feed(&mut peer.link, chunk, &mut peer.seen, &mut peer.out);
    }
    (peer.seen, without_eight_bits(peer.out))
}

/// Decodes whole, byte by byte, and cut at every place.
#[track_caller]
fn check(input: &[u8], expected: &[Seen]) -> Vec<u8> {
    let (seen, out) = run(&[input]);
    assert_eq!(seen, expected, "whole");
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(run(&bytes), (seen.clone(), out.clone()), "byte by byte");
    for cut in 0..=input.len() {
        let (head, tail) = input.split_at(cut);
        assert_eq!(run(&[head, tail]), (seen.clone(), out.clone()), "cut at {cut}");
    }
    out
}

// Getting connected.

#[test]
fn a_connection_opens_with_two_questions_and_a_carriage_return() {
    let mut out = Vec::new();
    Link::new(Policy::Auto).open(&mut out);
    assert_eq!(out, [IAC, DO, TERMINAL_TYPE, IAC, DO, NAWS, b'\r']);
}

#[test]
fn a_client_that_is_not_telnet_is_never_sent_a_command_after_the_probe() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(b"alice\n"), b"");
    assert_eq!(peer.hides(), b"");
    assert_eq!(peer.shows(), b"");
    assert_eq!(peer.character_mode(true), b"");
    assert_eq!(peer.out, b"");
    assert!(!peer.link.is_confirmed());
    assert!(!peer.link.wants_go_ahead());
    assert_eq!(peer.seen, [typed("alice\n")]);
}

#[test]
fn the_first_command_confirms_telnet_once() {
    check(&[IAC, NOP, IAC, NOP], &events(&[Confirmed]));
    check(&[IAC, WONT, NAWS, IAC, WONT, TERMINAL_TYPE], &events(&[Confirmed]));
}

#[test]
fn a_doubled_iac_and_a_latin_1_letter_do_not_confirm_telnet() {
    check(&[IAC, IAC], &[typed([IAC])]);
    check(b"\xffa\xff\r\n", &[typed("a\r\n")]);
}

#[test]
fn the_policy_always_takes_a_silent_client_for_telnet() {
    let mut peer = TelnetPeer::new(Policy::Always);
    assert!(peer.link.is_confirmed());
    assert_eq!(peer.hides(), [IAC, WILL, ECHO]);
}

#[test]
fn the_policy_never_answers_timing_marks_alone_and_agrees_on_nothing() {
    let mut peer = TelnetPeer::new(Policy::Never);
    let mut out = Vec::new();
    peer.link.open(&mut out);
    for verb in [WILL, DO, WONT, DONT, WILL, DO] {
        for option in (0..=255).filter(|option| *option != TIMING_MARK) {
            out.extend(peer.says(&[IAC, verb, option]));
        }
    }
    out.extend(peer.names("xterm"));
    out.extend(peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]));
    out.extend(peer.hides());
    out.extend(peer.shows());
    out.extend(peer.character_mode(true));
    out.extend(peer.hides());
    assert_eq!(out, b"");
    assert_eq!(peer.says(&[IAC, DO, TIMING_MARK]), [IAC, WILL, TIMING_MARK]);
    assert_eq!(peer.seen, []);
    assert!(!peer.link.is_confirmed());
    assert!(!peer.link.wants_go_ahead());
    peer.says(&[IAC, IP, IAC, AYT]);
    assert_eq!(peer.seen, events(&[Interrupted, AreYouThere]));
}

#[test]
fn a_peer_that_shows_telnet_is_asked_for_eight_bits_both_ways_once() {
    for policy in [Policy::Auto, Policy::Always] {
        for first in [&[IAC, NOP][..], &[IAC, WONT, NAWS], &[IAC, IP], &[IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE]] {
            let mut peer = TelnetPeer::new(policy);
            assert_eq!(peer.says_in_full(b"alice\r\n"), b"", "no sign of telnet yet");
            assert_eq!(peer.says_in_full(first), EIGHT_BITS, "{policy:?} {first:?}");
            assert_eq!(peer.says_in_full(first), b"", "{policy:?} {first:?}");
        }
    }
    let mut peer = TelnetPeer::new(Policy::Never);
    assert_eq!(peer.says_in_full(&[IAC, NOP, IAC, WILL, BINARY, IAC, DO, BINARY]), b"");
}

#[test]
fn a_client_that_refuses_binary_is_not_asked_again() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says_in_full(&[IAC, WILL, TERMINAL_TYPE]);
    assert_eq!(peer.says_in_full(&[IAC, WONT, BINARY, IAC, DONT, BINARY, IAC, DONT, CHARSET]), b"");
    assert_eq!(peer.says_in_full(&[IAC, WONT, BINARY, IAC, DONT, BINARY, IAC, DONT, CHARSET]), b"");
    assert!(!peer.link.sends_binary());
    peer.only_name("xterm");
    peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn a_client_that_offers_binary_itself_is_answered_and_asked_for_nothing_twice() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says_in_full(&[IAC, WILL, BINARY]), EIGHT_BITS);
    assert_eq!(peer.says_in_full(&[IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, BINARY]), b"");
    assert!(peer.link.sends_binary());
}

#[test]
fn utf_8_is_offered_to_a_peer_that_agrees_to_negotiate_charsets() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    let request = [&[IAC, SB, CHARSET, 1][..], b";UTF-8", &[IAC, SE]].concat();
    assert_eq!(peer.says(&[IAC, WILL, TERMINAL_TYPE, IAC, DO, CHARSET]), [&SEND[..], &request].concat());
    assert_eq!(peer.says(&[&[IAC, SB, CHARSET, 2][..], b"UTF-8", &[IAC, SE]].concat()), b"");
    assert_eq!(peer.link.charset(), Charset::Utf8);
    assert_eq!(peer.says(&[IAC, WILL, CHARSET]), [IAC, DO, CHARSET]);
    let asked = [&[IAC, SB, CHARSET, 1][..], b" ISO-8859-1 KOI8-R", &[IAC, SE]].concat();
    assert_eq!(peer.says(&asked), [&[IAC, SB, CHARSET, 2][..], b"ISO-8859-1", &[IAC, SE]].concat());
    assert_eq!(peer.link.charset(), Charset::Latin1);
    assert_eq!(peer.seen.last(), Some(&Seen::Event(CharsetChanged)));
}

#[test]
fn a_thousand_offers_of_an_unknown_option_get_one_refusal() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(&[IAC, WILL, 99].repeat(1000)), [IAC, DONT, 99]);
    assert_eq!(peer.says(&[IAC, DO, 99].repeat(1000)), [IAC, WONT, 99]);
    assert_eq!(peer.says(&[IAC, WONT, 99, IAC, WILL, 99, IAC, DONT, 99, IAC, DO, 99].repeat(1000)), b"");
}

#[test]
fn every_unknown_option_is_refused_in_both_directions() {
    for option in (0..=255).filter(|option| ![BINARY, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, NAWS, CHARSET].contains(option))
    {
        assert_eq!(TelnetPeer::new(Policy::Auto).says(&[IAC, WILL, option]), [IAC, DONT, option]);
    }
    for option in (0..=255).filter(|option| ![BINARY, SUPPRESS_GO_AHEAD, TIMING_MARK, CHARSET].contains(option)) {
        assert_eq!(TelnetPeer::new(Policy::Auto).says(&[IAC, DO, option]), [IAC, WONT, option]);
    }
}

#[test]
fn taking_back_what_was_never_agreed_on_gets_no_answer() {
    for option in (0..=255).filter(|option| ![TERMINAL_TYPE, NAWS].contains(option)) {
        assert_eq!(TelnetPeer::new(Policy::Auto).says(&[IAC, WONT, option, IAC, DONT, option]), b"", "{option}");
    }
}

#[test]
fn linemode_is_refused_and_the_environment_never_asked_for() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(&[IAC, WILL, LINEMODE]), [IAC, DONT, LINEMODE]);
    assert_eq!(peer.says(&[IAC, WILL, NEW_ENVIRON]), [IAC, DONT, NEW_ENVIRON]);
}

#[test]
fn binary_is_agreed_to_both_ways_and_once() {
    let both = [IAC, WILL, BINARY, IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, BINARY];
    let out = check(&both, &events(&[Confirmed, TerminalChanged]));
    assert_eq!(out, b"", "the server has already asked for each");
}

#[test]
fn an_option_is_switched_off_when_the_peer_asks_for_it() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, DO, BINARY]);
    assert_eq!(peer.says(&[IAC, DONT, BINARY, IAC, DONT, BINARY]), [IAC, WONT, BINARY]);
    assert_eq!(peer.says(&[IAC, DO, BINARY]), [IAC, WILL, BINARY]);
}

#[test]
fn a_client_that_negotiates_first_gets_every_offer_answered_once() {
    // What PuTTY sends by itself.
    let offers = [
        [IAC, WILL, NAWS],
        [IAC, WILL, 32],
        [IAC, WILL, TERMINAL_TYPE],
        [IAC, WILL, NEW_ENVIRON],
        [IAC, DO, ECHO],
        [IAC, WILL, SUPPRESS_GO_AHEAD],
        [IAC, DO, SUPPRESS_GO_AHEAD],
    ];
    let mut peer = TelnetPeer::new(Policy::Auto);
    let answers = peer.says(offers.as_flattened());
    let expected: [&[u8]; 6] = [
        &[IAC, DONT, 32],
        &SEND,
        &[IAC, DONT, NEW_ENVIRON],
        &[IAC, WONT, ECHO],
        &[IAC, DO, SUPPRESS_GO_AHEAD],
        &[IAC, WILL, SUPPRESS_GO_AHEAD],
    ];
    assert_eq!(answers, expected.concat());
    assert_eq!(peer.says(offers.as_flattened()), b"");
}

// IAC.

#[test]
fn a_doubled_iac_is_one_byte_of_data() {
    assert_eq!(check(b"a\xff\xffb\xff\xff", &[typed(b"a\xffb\xff")]), b"");
}

#[test]
fn iac_right_after_a_bare_cr_is_a_command_and_not_text() {
    check(b"a\r\xff\xf1b", &[typed("a\r"), Seen::Event(Confirmed), typed("b")]);
}

#[test]
fn an_iac_that_nobody_doubled_does_not_eat_the_end_of_a_line() {
    check(b"caf\xff\r\nx", &[typed("caf\r\nx")]);
}

#[test]
fn in_latin_1_an_iac_that_nobody_doubled_is_a_letter() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.link.choose_charset(Charset::Latin1);
    peer.says(b"\xffa\xff\xffb\xff\r\n");
    assert_eq!(peer.seen, [typed(b"\xffa\xffb\xff\r\n")]);
    assert!(!peer.link.is_confirmed());
}

#[test]
fn a_timing_mark_is_answered_each_time() {
    let out = check(&[IAC, IP, IAC, DO, TIMING_MARK], &events(&[Interrupted, Confirmed]));
    assert_eq!(out, [IAC, WILL, TIMING_MARK]);
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(&[IAC, DO, TIMING_MARK].repeat(3)), [IAC, WILL, TIMING_MARK].repeat(3));
    assert_eq!(peer.says(&[IAC, DONT, TIMING_MARK]), b"");
}

#[test]
fn interrupting_commands_interrupt() {
    let out = check(&[IAC, IP, IAC, ABORT, IAC, SUSP], &events(&[Interrupted, Confirmed, Interrupted, Interrupted]));
    assert_eq!(out, b"");
}

#[test]
fn commands_without_a_use_here_leave_no_text() {
    for command in [BREAK, GA, NOP, DATA_MARK, AO, END_OF_RECORD, SE] {
        let out = check(
            &[b'a', IAC, command, b'b'],
            &if command == SE { vec![typed("ab")] } else { vec![typed("a"), Seen::Event(Confirmed), typed("b")] },
        );
        assert_eq!(out, b"", "{command}");
    }
}

#[test]
fn the_editing_commands_and_are_you_there_are_reported() {
    check(
        &[IAC, EC, IAC, EL, IAC, AYT, IAC, EOF],
        &events(&[CharacterErased, Confirmed, LineErased, AreYouThere, EndOfFile]),
    );
}

// Subnegotiation.

#[test]
fn the_first_512_bytes_of_a_subnegotiation_are_kept() {
    let mut decoder = Decoder::new();
    let long = [&[IAC, SB, TERMINAL_TYPE][..], &[b'a'; 3000], &[IAC, SE]].concat();
    let mut input = &long[..];
    assert!(decoder.next(&mut input).is_some());
    let (option, content) = decoder.subnegotiation().expect("it is complete");
    assert_eq!((option, content.len()), (TERMINAL_TYPE, MAX_SUBNEGOTIATION - 1));
}

#[test]
fn a_doubled_iac_inside_a_subnegotiation_is_255() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.window(&[0, 255, 255, 0, 24]), Some((255, 24)));
}

#[test]
fn a_window_of_255_columns_is_read_although_the_client_does_not_double() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.window(&[0, 255, 0, 24]), Some((255, 24)));
    check(
        &[IAC, SB, NAWS, 0, 255, 0, 24, IAC, SE, b'x'],
        &[Seen::Event(WindowResized), Seen::Event(Confirmed), typed("x")],
    );
}

#[test]
fn a_missing_end_recovers_at_the_next_command() {
    let out = check(
        &[IAC, SB, TERMINAL_TYPE, 0, b'x', IAC, DO, TIMING_MARK, b'h', b'i'],
        &[Seen::Event(Confirmed), typed("hi")],
    );
    assert_eq!(out, [IAC, WILL, TIMING_MARK]);
    check(&[IAC, SB, 1, b'x', IAC, SB, NAWS, 0, 90, 0, 30, IAC, SE], &events(&[WindowResized, Confirmed]));
}

#[test]
fn an_unterminated_subnegotiation_is_neither_typed_nor_kept_and_ends_with_a_line() {
    for end in ["\r\n", "\n", "\r"] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, SB, 200]);
        peer.says(&vec![b'x'; 64 * 1024]);
        assert_eq!(peer.seen, [], "none of it is typed");
        peer.says(format!("{end}:who{end}").as_bytes());
        assert_eq!(peer.seen, [typed(format!("{end}:who{end}"))]);
    }
}

#[test]
fn an_unterminated_subnegotiation_ends_with_a_command() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[&[IAC, SB, 200][..], &vec![b'x'; 64 * 1024], &[IAC, AYT], b"hi"].concat());
    assert_eq!(peer.seen, [Seen::Event(AreYouThere), Seen::Event(Confirmed), typed("hi")]);
}

#[test]
fn a_line_end_in_a_short_subnegotiation_is_part_of_it() {
    check(b"\xff\xfa\xc9{\r\n}\xff\xf0ok", &[Seen::Event(Confirmed), typed("ok")]);
}

#[test]
fn a_subnegotiation_without_even_an_option_ends_at_its_own_end() {
    check(&[IAC, SB, IAC, SE, b'x'], &[Seen::Event(Confirmed), typed("x")]);
}

#[test]
fn a_link_is_small_and_no_peer_makes_it_grow() {
    assert!(size_of::<Link>() <= 160, "{}", size_of::<Link>());
    let mut decoder = Decoder::new();
    let mut bytes = &[&[IAC, SB][..], &vec![b'x'; 1 << 20]].concat()[..];
    assert!(decoder.next(&mut bytes).is_none());
    let mut end = &[IAC, SE][..];
    assert!(decoder.next(&mut end).is_some());
    assert_eq!(decoder.subnegotiation().map(|(_, content)| content.len()), Some(MAX_SUBNEGOTIATION - 1));
}

// Window size.

#[test]
fn the_window_is_clamped_and_zero_means_unknown() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.window(&[0, 132, 0, 43]), Some((132, 43)));
    assert_eq!(peer.window(&[0, 1, 0, 1]), Some((20, 20)));
    assert_eq!(peer.window(&[200, 0, 200, 0]), Some((500, 500)));
    assert_eq!(peer.window(&[0, 0, 0, 50]), Some((80, 50)));
    assert_eq!(peer.window(&[0, 100, 0, 0]), Some((100, 24)));
    assert_eq!(peer.window(&[0, 0, 0, 0]), None);
}

#[test]
fn a_window_report_of_another_length_is_passed_over() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.window(&[0, 132, 0]), None);
    assert_eq!(peer.window(&[0, 132, 0, 43, 0]), None);
    assert_eq!(peer.window(&[]), None);
    assert_eq!(peer.seen, events(&[Confirmed]));
}

#[test]
fn the_same_window_again_is_no_news() {
    let report = [IAC, SB, NAWS, 0, 90, 0, 30, IAC, SE];
    check(&report.repeat(3), &events(&[WindowResized, Confirmed]));
}

// Terminal names.

#[test]
fn names_are_asked_for_until_one_repeats() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(&[IAC, WILL, TERMINAL_TYPE]), SEND);
    assert_eq!(peer.names("GIZMO"), SEND);
    assert_eq!(peer.names("GADGET"), SEND);
    assert_eq!(peer.names("GADGET"), b"");
    assert_eq!(peer.link.terminal().name(), Some("GIZMO"));
}

#[test]
fn six_names_are_asked_for_at_most() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    let mut asked = peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    for name in 0..100 {
        asked.extend(peer.names(&format!("GIZMO-{name}")));
        // Switching the option off and on does not start the count again.
        asked.extend(peer.says(&[IAC, WONT, TERMINAL_TYPE, IAC, WILL, TERMINAL_TYPE]));
    }
    let questions = asked.windows(SEND.len()).filter(|window| *window == SEND).count();
    assert_eq!(questions, 6);
}

#[test]
fn a_name_that_was_not_asked_for_changes_nothing() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.names("xterm"), b"");
    assert_eq!(peer.link.terminal().name(), None);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    for round in 0..10 {
        peer.names(&format!("GIZMO-{round}"));
    }
    // The mode would follow a screen reader that comes and goes.
    for _ in 0..10 {
        for name in ["xterm", "MTTS 64", "MTTS 1"] {
            assert_eq!(peer.names(name), b"", "{name}");
        }
    }
}

#[test]
fn an_empty_name_ends_the_list_and_is_no_name() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    assert_eq!(peer.names(""), b"");
    assert_eq!(peer.link.terminal().name(), None);
}

#[test]
fn a_name_is_clean_and_short() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.says(&terminal_type(format!("\x1b[2J{}\r\n\u{202e}", "é".repeat(100)).as_bytes()));
    let name = peer.link.terminal().name().expect("a name");
    assert!(name.len() <= 40 && !name.chars().any(char::is_control) && !name.contains('\u{202e}'), "{name:?}");
}

#[test]
fn the_bits_of_the_mud_terminal_type_standard_are_read() {
    let seen = |bits: u32| {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.names("GIZMO");
        peer.names(&format!("MTTS {bits}"));
        let terminal = peer.link.terminal();
        (terminal.ansi(), terminal.screen_reader())
    };
    assert_eq!(seen(1), (true, false));
    assert_eq!(seen(2), (true, false));
    assert_eq!(seen(1 | 4), (true, false));
    assert_eq!(seen(8), (false, false));
    assert_eq!(seen(1 | 2 | 4 | 64), (false, true));
}

#[test]
fn plain_terminals_and_screen_readers_get_neither_escapes_nor_character_mode() {
    for names in [&["dumb"][..], &["unknown"], &["xterm", "xterm-256color", "MTTS 79"]] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        for name in names {
            peer.names(name);
        }
        peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
        assert!(!peer.link.terminal().ansi() && !peer.link.terminal().color(), "{names:?}");
        assert!(!peer.link.is_character_mode(), "{names:?}");
    }
}

#[test]
fn a_screen_reader_on_a_capable_terminal_is_never_offered_character_mode() {
    for list in
        [&["VTERM", "XTERM", "MTTS 77"][..], &["xterm", "MTTS 64"], &["ANSI", "xterm", "vt100", "linux", "MTTS 77"]]
    {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        let mut said: Vec<u8> = list.iter().flat_map(|name| peer.names(name)).collect();
        said.extend(peer.names(list[list.len() - 1]));
        assert_eq!(said, SEND.repeat(list.len()), "questions only: {list:?}");
        assert!(peer.link.terminal().screen_reader());
    }
}

#[test]
fn the_mode_waits_for_the_next_name_until_the_list_ends_or_stalls() {
    let offer = [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD];
    // telnet.exe gives two names and then nothing more.
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    assert_eq!(peer.link.open_question(), None, "the mode does not wait yet");
    peer.names("ANSI");
    assert_eq!(peer.link.open_question(), Some(2));
    assert_eq!(peer.names("VT100"), SEND);
    assert_eq!(peer.link.open_question(), Some(3), "another question, another wait");
    assert_eq!(peer.names_stall(), offer);
    assert_eq!(peer.link.open_question(), None);
    // A late name counts: the offer is withdrawn.
    assert_eq!(peer.names("MTTS 64"), [&SEND[..], &[IAC, WONT, ECHO, IAC, WONT, SUPPRESS_GO_AHEAD]].concat());
    for end in [&terminal_type(b"")[..], &terminal_type(b"xterm"), &[IAC, WONT, TERMINAL_TYPE]] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.names("xterm");
        assert!(peer.says(end).ends_with(&offer), "{end:?}");
    }
    // No more than six names are asked for.
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    let said: Vec<u8> = (0..6).flat_map(|n| peer.names(&format!("xterm-{n}"))).collect();
    assert_eq!(said, [&SEND.repeat(5)[..], &offer].concat());
    // The manual choice does not wait.
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.names("xterm");
    assert_eq!(peer.character_mode(true), offer);
    assert_eq!(peer.link.open_question(), None);
}

// Modes, echo, passwords.

#[test]
fn a_capable_terminal_is_asked_for_character_mode_and_gets_it() {
    for name in ["xterm-256color", "VT100", "ANSI", "linux", "screen", "tmux-256color"] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        assert_eq!(peer.names(name), SEND, "{name}: not before the list has ended");
        assert_eq!(peer.names(name), [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD], "{name}");
        assert!(!peer.link.is_character_mode(), "not before the peer agrees");
        assert_eq!(peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]), b"");
        assert!(peer.link.is_character_mode(), "{name}");
        assert_eq!(peer.seen, events(&[Confirmed, TerminalChanged, CharacterModeChanged(true)]));
    }
}

#[test]
fn mud_clients_stay_in_line_mode() {
    for names in [["MUDLET 4.17", "ANSI-TRUECOLOR", "MTTS 2349"], ["TINTIN++", "xterm-256color", "MTTS 2831"]] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        let out: Vec<u8> = names.iter().flat_map(|name| peer.names(name)).collect();
        assert_eq!(out, SEND.repeat(3), "questions only");
        assert!(peer.link.terminal().ansi() && !peer.link.terminal().edits());
    }
}

#[test]
fn character_mode_starts_only_when_echo_and_suppress_go_ahead_are_both_agreed_on() {
    for agreed in [ECHO, SUPPRESS_GO_AHEAD] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.only_name("xterm");
        peer.says(&[IAC, DO, agreed]);
        assert!(!peer.link.is_character_mode());
    }
}

#[test]
fn if_half_of_character_mode_is_refused_the_other_half_is_taken_back() {
    for (refused, other) in [(ECHO, SUPPRESS_GO_AHEAD), (SUPPRESS_GO_AHEAD, ECHO)] {
        for refused_first in [true, false] {
            let mut peer = TelnetPeer::new(Policy::Auto);
            peer.says(&[IAC, WILL, TERMINAL_TYPE]);
            peer.only_name("xterm");
            let (first, second) = ([IAC, DONT, refused], [IAC, DO, other]);
            let mut out = peer.says(if refused_first { &first } else { &second });
            out.extend(peer.says(if refused_first { &second } else { &first }));
            assert_eq!(out, [IAC, WONT, other]);
            peer.says(&[IAC, DONT, other]);
            assert!(!peer.link.is_character_mode());
            assert_eq!(peer.link.wants_go_ahead(), refused == SUPPRESS_GO_AHEAD);
        }
    }
}

#[test]
fn a_client_that_refuses_all_of_character_mode_gets_go_ahead_in_either_order() {
    for refused in [[ECHO, SUPPRESS_GO_AHEAD], [SUPPRESS_GO_AHEAD, ECHO]] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.only_name("xterm");
        for option in refused {
            peer.says(&[IAC, DONT, option]);
        }
        assert!(!peer.link.is_character_mode() && peer.link.wants_go_ahead(), "{refused:?}");
    }
}

#[test]
fn refusing_an_early_request_for_echo_does_not_refuse_character_mode() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.says(&[IAC, DO, ECHO, IAC, WILL, TERMINAL_TYPE]), [&[IAC, WONT, ECHO][..], &SEND].concat());
    peer.only_name("xterm");
    // Another answer comes in between.
    assert_eq!(peer.says(&[IAC, DO, SUPPRESS_GO_AHEAD, IAC, DO, ECHO]), b"");
    assert!(peer.link.is_character_mode());
}

#[test]
fn the_mode_is_switched_by_hand_and_then_left_alone() {
    let mut peer = TelnetPeer::in_character_mode();
    assert_eq!(peer.character_mode(false), [IAC, WONT, ECHO, IAC, WONT, SUPPRESS_GO_AHEAD]);
    peer.says(&[IAC, DONT, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD]);
    assert_eq!(peer.seen, events(&[CharacterModeChanged(false)]));
    assert_eq!(peer.names("vt100"), b"", "a name changes nothing any more");
    assert_eq!(peer.character_mode(true), [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD]);
    peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn asking_again_by_hand_offers_again_what_was_refused() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.only_name("xterm");
    peer.says(&[IAC, DONT, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD]);
    assert_eq!(peer.character_mode(true), [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD]);
    peer.says(&[IAC, DO, SUPPRESS_GO_AHEAD, IAC, DO, ECHO]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn a_client_that_stops_the_echo_leaves_character_mode() {
    let mut peer = TelnetPeer::in_character_mode();
    assert_eq!(peer.says(&[IAC, DONT, ECHO]), [IAC, WONT, ECHO, IAC, WONT, SUPPRESS_GO_AHEAD]);
    assert_eq!(peer.seen, events(&[CharacterModeChanged(false)]));
}

#[test]
fn a_password_in_line_mode_is_hidden_and_shown_again() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, NOP]);
    assert_eq!(peer.hides(), [IAC, WILL, ECHO]);
    assert_eq!(peer.says(&[IAC, DO, ECHO]), b"");
    assert!(!peer.link.is_character_mode());
    assert_eq!(peer.shows(), [IAC, WONT, ECHO]);
    assert_eq!(peer.says(&[IAC, DONT, ECHO]), b"");
}

#[test]
fn a_password_asked_for_before_the_first_answer_is_hidden_when_it_comes() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    assert_eq!(peer.hides(), b"");
    assert_eq!(peer.says(&[IAC, WONT, TERMINAL_TYPE]), [IAC, WILL, ECHO]);
    assert_eq!(peer.says(&[IAC, WONT, NAWS]), b"");
    assert_eq!(peer.shows(), [IAC, WONT, ECHO]);
}

#[test]
fn in_character_mode_a_password_changes_nothing_on_the_wire() {
    let mut peer = TelnetPeer::in_character_mode();
    assert_eq!(peer.hides(), b"");
    assert_eq!(peer.shows(), b"");
    assert!(peer.link.is_character_mode());
}

#[test]
fn the_echo_stays_off_when_character_mode_ends_during_a_password() {
    let mut peer = TelnetPeer::in_character_mode();
    peer.hides();
    assert_eq!(peer.character_mode(false), [IAC, WONT, SUPPRESS_GO_AHEAD]);
    assert_eq!(peer.says(&[IAC, DONT, SUPPRESS_GO_AHEAD]), b"");
    assert_eq!(peer.shows(), [IAC, WONT, ECHO]);
}

#[test]
fn the_echo_stays_off_when_character_mode_begins_during_a_password() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    assert_eq!(peer.hides(), [IAC, WILL, ECHO]);
    assert_eq!(peer.only_name("xterm"), [&SEND[..], &[IAC, WILL, SUPPRESS_GO_AHEAD]].concat());
    assert_eq!(peer.shows(), b"");
    peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn character_mode_refused_during_a_password_leaves_the_echo_off() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.hides();
    peer.only_name("xterm");
    assert_eq!(peer.says(&[IAC, DO, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD]), b"");
    assert!(!peer.link.is_character_mode());
    assert_eq!(peer.shows(), [IAC, WONT, ECHO]);
}

#[test]
fn an_echo_that_was_refused_is_not_offered_again_for_the_same_password() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.hides();
    peer.only_name("xterm");
    assert_eq!(peer.says(&[IAC, DONT, ECHO]), [IAC, WONT, SUPPRESS_GO_AHEAD]);
    assert_eq!(peer.shows(), b"");
    assert_eq!(peer.hides(), [IAC, WILL, ECHO], "the next password tries again");
}

#[test]
fn a_password_given_before_the_first_answer_confuses_no_later_one() {
    // The peer refuses the offer, so the withdrawal after it changes nothing: one answer to two announcements.
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, NOP]);
    peer.hides();
    peer.shows();
    peer.says(&[IAC, DONT, ECHO]);
    peer.character_mode(true);
    peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn a_client_that_never_confirms_a_withdrawal_still_gets_character_mode() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, NOP]);
    for _ in 0..300 {
        peer.hides();
        peer.says(&[IAC, DO, ECHO]);
        peer.shows();
    }
    peer.character_mode(true);
    peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.is_character_mode());
}

#[test]
fn a_client_that_never_answers_is_told_every_time() {
    let mut peer = TelnetPeer::new(Policy::Always);
    for _ in 0..1000 {
        assert_eq!(peer.hides(), [IAC, WILL, ECHO]);
        assert_eq!(peer.shows(), [IAC, WONT, ECHO]);
    }
}

#[test]
fn prompts_end_with_go_ahead_only_for_peers_that_refused_to_suppress_it() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, NOP]);
    assert!(!peer.link.wants_go_ahead());
    peer.says(&[IAC, DONT, SUPPRESS_GO_AHEAD]);
    assert!(peer.link.wants_go_ahead());
    assert_eq!(peer.says(&[IAC, DO, SUPPRESS_GO_AHEAD]), [IAC, WILL, SUPPRESS_GO_AHEAD]);
    assert!(!peer.link.wants_go_ahead());
    assert_eq!(peer.seen, events(&[Confirmed, TerminalChanged, TerminalChanged]));
    let mut peer = TelnetPeer::in_character_mode();
    peer.character_mode(false);
    peer.says(&[IAC, DONT, ECHO, IAC, DONT, SUPPRESS_GO_AHEAD]);
    assert!(!peer.link.wants_go_ahead(), "it was taken back here, not refused there");
}

// For all inputs.

/// All bytes, with telnet's own more often.
fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => Just(IAC),
        4 => prop::sample::select(vec![WILL, WONT, DO, DONT]),
        3 => prop::sample::select(vec![SB, SE]),
        4 => prop::sample::select(vec![BINARY, ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK, TERMINAL_TYPE, NAWS, LINEMODE, CHARSET]),
        2 => any::<u8>(),
    ];
    let piece = prop_oneof![
        8 => prop::collection::vec(byte, 1..8),
        2 => prop::sample::select(vec!["xterm", "MTTS 64", "TINTIN++", "dumb", ""])
            .prop_map(|name| terminal_type(name.as_bytes())),
        1 => prop::collection::vec(any::<u8>(), 4).prop_map(|size| [&[IAC, SB, NAWS][..], &size, &[IAC, SE]].concat()),
        1 => Just(b"hi\r\n".to_vec()),
        1 => (500_usize..530).prop_map(|length| [&[IAC, SB][..], &vec![b'x'; length]].concat()),
    ];
    prop::collection::vec(piece, 0..longest).prop_map(|pieces| pieces.concat())
}

/// A peer that follows RFC 854: it answers what changes its state, and nothing else.
struct Textbook {
    on: bool,
    consents: bool,
}

impl Textbook {
    fn hears(&mut self, offered: bool) -> Option<bool> {
        let changes = offered != self.on;
        self.on = offered && (self.on || self.consents);
        changes.then_some(self.on)
    }
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_split_gives_the_same_events_and_the_same_answers(
        input in bytes(40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        places.extend([0, input.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        prop_assert_eq!(run(&chunks), run(&[&input]));
        let single: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(run(&single), run(&[&input]));
    }

    #[test]
    fn answers_are_never_much_longer_than_what_they_answer(input in bytes(200)) {
        let (_, out) = run(&[&input]);
        // Six questions, at each name a change of mode with two options, eight bits and a charset.
        prop_assert!(out.len() <= input.len() + 6 * SEND.len() + 7 * 6 + EIGHT_BITS.len() + 13, "{} for {}", out.len(), input.len());
    }

    #[test]
    fn two_links_that_answer_each_other_go_quiet(first in bytes(40), second in bytes(40), hides in any::<bool>()) {
        let mut sides = [TelnetPeer::new(Policy::Always), TelnetPeer::new(Policy::Auto)];
        let mut open = Vec::new();
        Link::new(Policy::Auto).open(&mut open);
        // NOPs end what was left unfinished, which would otherwise swallow the conversation.
        let mut letters = [[&open[..], &first, &[IAC, NOP]].concat(), [&open[..], &second, &[IAC, NOP]].concat()];
        if hides {
            letters[1].extend(sides[0].hides());
        }
        let mut rounds = 0;
        while letters.iter().any(|letter| !letter.is_empty()) {
            rounds += 1;
            prop_assert!(rounds < 30, "still talking: {letters:?}");
            letters = [sides[1].says(&letters[1]), sides[0].says(&letters[0])];
        }
    }

    #[test]
    fn a_peer_that_echoes_everything_does_not_keep_the_link_talking_for_ever(first in bytes(40)) {
        // Except TIMING-MARK, which must be answered each time: DO comes back as WILL, and that ends it.
        let mut peer = TelnetPeer::new(Policy::Auto);
        let mut letter = peer.says(&first);
        let mut rounds = 0;
        while !letter.is_empty() {
            rounds += 1;
            prop_assert!(rounds < 30, "still talking: {letter:?}");
            letter = peer.says(&letter);
        }
    }

    #[test]
    fn both_sides_agree_once_all_letters_have_arrived(
        steps in prop::collection::vec((0..4_u8, any::<bool>()), 0..60),
    ) {
        let mut switch = Switch::default();
        let mut peer = Textbook { on: false, consents: true };
        let (mut there, mut back) = (std::collections::VecDeque::new(), std::collections::VecDeque::new());
        let mut out = Vec::new();
        let deliver = |there: &mut std::collections::VecDeque<bool>, peer: &mut Textbook| {
            there.pop_front().and_then(|offered| peer.hears(offered))
        };
        for (step, flag) in steps {
            match step {
                0 => switch.want(flag, ECHO, OURS, &mut out),
                1 => back.extend(deliver(&mut there, &mut peer)),
                2 => peer.consents = flag,
                _ => if let Some(on) = back.pop_front() {
                    switch.receive(on, false, ECHO, OURS, &mut out);
                },
            }
            there.extend(out.drain(..).skip(1).step_by(3).map(|verb| verb == WILL));
        }
        while !there.is_empty() {
            back.extend(deliver(&mut there, &mut peer));
        }
        for on in back {
            switch.receive(on, false, ECHO, OURS, &mut out);
        }
        prop_assert_eq!(out, b"");
        prop_assert_eq!(switch.is_on(), peer.on);
    }
}

#[test]
fn a_terminal_that_names_itself_dumb_gets_plain_lines_whatever_else_it_says() {
    for names in [["dumb", "xterm"], ["xterm", "dumb"], ["UNKNOWN", "vt100"]] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        for name in names {
            peer.names(name);
        }
        peer.says(&[IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD]);
        assert!(!peer.link.terminal().ansi(), "{names:?}");
        assert!(!peer.link.is_character_mode(), "{names:?}");
    }
}

#[test]
fn a_refused_character_mode_is_not_offered_again_for_the_next_name() {
    for refused in [ECHO, SUPPRESS_GO_AHEAD] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.names("xterm");
        assert_eq!(peer.names_stall(), [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD]);
        peer.says(&[IAC, DONT, refused]);
        assert_eq!(peer.names("vt220"), SEND);
        assert_eq!(peer.names("vt100"), SEND);
    }
}

#[test]
fn only_the_terminals_of_dec_are_taken_for_colourless() {
    for (name, color) in [("vte-256color", true), ("VT100", false), ("vt220", false)] {
        let mut peer = TelnetPeer::new(Policy::Auto);
        peer.says(&[IAC, WILL, TERMINAL_TYPE]);
        peer.names(name);
        assert_eq!(peer.link.terminal().color(), color, "{name}");
    }
}

#[test]
fn a_list_that_begins_again_ends_the_questions() {
    let mut peer = TelnetPeer::new(Policy::Auto);
    peer.says(&[IAC, WILL, TERMINAL_TYPE]);
    peer.names("GIZMO");
    peer.names("GADGET");
    assert_eq!(peer.names("GIZMO"), b"");
}
