//! Input of real clients and the answers to it, one situation per file in `tests/data/telnet`.
//!
//! A line of a file is one of
//!
//! - `# ...`: a remark;
//! - `policy auto|never|always`: at the beginning, `auto` if it is missing;
//! - `open`, `hide`, `show`, `char`, `line`: the server calls that function of the link; `stall`: no further terminal
//!   name has arrived in time;
//! - `< ...`: these bytes come in, in one packet;
//! - `> ...`: exactly these bytes have gone out since the last `>`;
//! - `= ...`: exactly this event is next.
//!
//! Bytes are written as words: the names of telnet (`IAC DO NAWS`), two hexadecimal digits, or text in double quotes.
//! Output or an event that no line expects is a failure, too. Every file runs twice: with packets as they are, and
//! byte by byte.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use chatsock::protocol::telnet::{Link, LinkEvent, Policy};

const NAMES: [(&str, u8); 32] = [
    ("IAC", 255),
    ("DONT", 254),
    ("DO", 253),
    ("WONT", 252),
    ("WILL", 251),
    ("SB", 250),
    ("GA", 249),
    ("EL", 248),
    ("EC", 247),
    ("AYT", 246),
    ("AO", 245),
    ("IP", 244),
    ("BRK", 243),
    ("DM", 242),
    ("NOP", 241),
    ("SE", 240),
    ("ABORT", 238),
    ("SUSP", 237),
    ("EOF", 236),
    ("BINARY", 0),
    ("ECHO", 1),
    ("SGA", 3),
    ("TM", 6),
    ("TTYPE", 24),
    ("NAWS", 31),
    ("TSPEED", 32),
    ("LINEMODE", 34),
    ("NEWENVIRON", 39),
    ("CHARSET", 42),
    ("GMCP", 201),
    ("IS", 0),
    ("SEND", 1),
];

/// The bytes for these words.
fn bytes(words: &str) -> Result<Vec<u8>, String> {
    let mut found = Vec::new();
    let mut rest = words.trim();
    while !rest.is_empty() {
        if let Some(text) = rest.strip_prefix('"') {
            let (text, behind) = text.split_once('"').ok_or("a quotation mark is missing")?;
            found.extend_from_slice(text.as_bytes());
            rest = behind.trim_start();
            continue;
        }
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, byte)| *byte);
        let hexadecimal = || (word.len() == 2).then(|| u8::from_str_radix(word, 16).ok()).flatten();
        found.push(named.or_else(hexadecimal).ok_or_else(|| format!("{word} is no byte"))?);
        rest = behind.trim_start();
    }
    Ok(found)
}

/// Bytes as a case file writes them.
fn words(bytes: &[u8]) -> String {
    let mut words = String::new();
    for byte in bytes {
        let name = NAMES.iter().find(|(_, value)| value == byte && *byte >= 236);
        words += &name.map_or_else(|| format!("{byte:02x} "), |(name, _)| format!("{name} "));
    }
    words
}

/// An event as a case file writes it. Data is quoted, with CR, LF and the like escaped as in Rust.
fn event_name(event: LinkEvent<'_>, link: &Link) -> String {
    match event {
        LinkEvent::Data(bytes) => format!("data \"{}\"", bytes.escape_ascii()),
        LinkEvent::Interrupted => "interrupted".into(),
        LinkEvent::AreYouThere => "are you there".into(),
        LinkEvent::CharacterErased => "character erased".into(),
        LinkEvent::LineErased => "line erased".into(),
        LinkEvent::EndOfFile => "end of file".into(),
        LinkEvent::WindowResized => match link.window() {
            Some((columns, rows)) => format!("window {columns}x{rows}"),
            None => "window unknown".into(),
        },
        LinkEvent::TerminalChanged => "terminal".into(),
        LinkEvent::CharacterModeChanged(true) => "character mode".into(),
        LinkEvent::CharacterModeChanged(false) => "line mode".into(),
        LinkEvent::CharsetChanged => format!("charset {}", link.charset().name()),
        LinkEvent::Confirmed => "confirmed".into(),
    }
}

/// Runs a case; packets are at most `longest` bytes.
fn run(case: &str, longest: usize) -> Result<(), String> {
    let mut policy = Policy::Auto;
    let mut started: Option<Link> = None;
    let mut out = Vec::new();
    let mut events: VecDeque<String> = VecDeque::new();
    for (index, line) in case.lines().enumerate() {
        let at = |problem: String| format!("line {}: {line}\n{problem}", index + 1);
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" => continue,
            "policy" => {
                policy = match rest {
                    "auto" => Policy::Auto,
                    "never" => Policy::Never,
                    "always" => Policy::Always,
                    other => return Err(at(format!("{other} is no policy"))),
                };
                continue;
            }
            _ => {}
        }
        let link = started.get_or_insert_with(|| Link::new(policy));
        match word {
            "open" => link.open(&mut out),
            "stall" => link.end_names(&mut out),
            "hide" => link.hide_input(&mut out),
            "show" => link.show_input(&mut out),
            "char" | "line" => {
                link.request_character_mode(word == "char", &mut out);
                while let Some(event) = link.next(&mut &[][..], &mut out) {
                    push(&mut events, event_name(event, link));
                }
            }
            "<" => {
                let packet = bytes(rest).map_err(at)?;
                for mut part in packet.chunks(longest) {
                    while let Some(event) = link.next(&mut part, &mut out) {
                        push(&mut events, event_name(event, link));
                    }
                }
            }
            ">" => {
                let expected = bytes(rest).map_err(at)?;
                if out != expected {
                    return Err(at(format!("out went: {}", words(&out))));
                }
                out.clear();
            }
            "=" => {
                let told = events.pop_front().unwrap_or_else(|| "nothing".into());
                if told != rest {
                    return Err(at(format!("told was: {told}")));
                }
            }
            other => return Err(at(format!("{other} is no line of a case"))),
        }
    }
    if !out.is_empty() || !events.is_empty() {
        return Err(format!("not expected: {}{events:?}", words(&out)));
    }
    Ok(())
}

/// Adjacent data is one event.
fn push(events: &mut VecDeque<String>, event: String) {
    if let Some(before) = events.back_mut()
        && let (Some(head), Some(tail)) =
            (before.strip_prefix("data ").and_then(|head| head.strip_suffix('"')), event.strip_prefix("data \""))
    {
        *before = format!("data {head}{tail}");
        return;
    }
    events.push_back(event);
}

#[test]
fn every_case_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/telnet");
    let mut failures = String::new();
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder of the cases") {
        let path = entry.expect("a case").path();
        let case = fs::read_to_string(&path).expect("a case is text");
        cases += 1;
        for longest in [usize::MAX, 1] {
            if let Err(problem) = run(&case, longest) {
                failures += &format!("{}, {longest} bytes at once: {problem}\n", path.display());
            }
        }
    }
    assert!(cases >= 15, "only {cases} cases were found");
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn a_case_that_does_not_go_as_written_fails() {
    for wrong in [
        "open\n> IAC DO TTYPE",
        "open",
        "< IAC AYT\n= are you there",
        "< \"hi\"\n= data \"ho\"",
        "< \"hi",
        "< zz",
        "= confirmed",
        "policy perhaps",
        "opne",
    ] {
        assert!(run(wrong, usize::MAX).is_err(), "{wrong:?} went through");
    }
}
