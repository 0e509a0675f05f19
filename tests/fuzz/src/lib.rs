//! The checks of each fuzz target. The suite runs them on a few random inputs too, so that they compile everywhere.

use chatsock::chat::pattern;
#[cfg(feature = "discovery")]
use chatsock::protocol::discovery::{ServerAnswer, ServerHint, ServerQuestion};
use chatsock::protocol::line::Editor;
use chatsock::protocol::telnet::{Link, LinkEvent, Policy};
use chatsock::protocol::wire::{FirstBytes, Verdict};

/// What is typed, and what goes out, with packets of at most `longest` bytes.
fn typed_and_answered(policy: Policy, input: &[u8], longest: usize) -> (Vec<u8>, Vec<u8>) {
    let mut link = Link::new(policy);
    let (mut typed, mut out) = (Vec::new(), Vec::new());
    link.open(&mut out);
    for packet in input.chunks(longest) {
        let mut packet = packet;
        while let Some(event) = link.next(&mut packet, &mut out) {
            if let LinkEvent::Data(bytes) = event {
                typed.extend_from_slice(bytes);
            }
        }
    }
    (typed, out)
}

/// Telnet: however the bytes are split into packets, the input and the answers are the same.
pub fn telnet(data: &[u8]) {
    let [choice, input @ ..] = data else { return };
    let policy = [Policy::Auto, Policy::Always, Policy::Never][usize::from(choice % 3)];
    let whole = typed_and_answered(policy, input, usize::MAX);
    assert_eq!(typed_and_answered(policy, input, 1), whole);
    assert_eq!(typed_and_answered(policy, input, usize::from(choice / 3) + 1), whole);
}

/// As in the default configuration, in bytes.
const LINE_BYTES: usize = 4096;

/// The line editor: any keys, on a terminal of any width, leave a line of text with the cursor in it.
pub fn keys(data: &[u8]) {
    let [columns, longest, keys @ ..] = data else { return };
    let mut editor = Editor::new(u16::from(*columns));
    editor.set_prompt("general | ");
    let mut out = Vec::new();
    for packet in keys.chunks(usize::from(*longest) + 1) {
        let mut packet = packet;
        while editor.next(&mut packet, LINE_BYTES, &mut out).is_some() {}
        assert!(packet.is_empty());
        assert!(editor.line().is_char_boundary(editor.cursor()));
        // A message arrives.
        editor.erase(&mut out);
        editor.draw(&mut out);
        out.clear();
    }
    editor.resize(u16::from(columns.rotate_left(4)), &mut out);
}

/// Telling people from browsers, SSH and TLS clients: the verdict does not depend on packets and never changes.
pub fn sniffing(data: &[u8]) {
    let mut whole = FirstBytes::new();
    let at_once = whole.feed(data);
    let mut pieces = FirstBytes::new();
    let mut last = Verdict::Undecided;
    for byte in data {
        let verdict = pieces.feed(&[*byte]);
        assert!(last == Verdict::Undecided || verdict == last);
        last = verdict;
    }
    assert_eq!(last, at_once);
    assert_eq!(pieces.finish(), whole.finish());
    assert_ne!(whole.finish(), Verdict::Undecided);
}

/// chatsock.toml: any text is a configuration, or has mistakes that can be printed.
pub fn config(text: &str) {
    if let Err(mistakes) = chatsock::config::parse(text, "chatsock.toml") {
        assert!(!mistakes.to_string().is_empty());
    }
}

/// Search patterns: a pattern is refused with a sentence, or finds a non-empty match inside the text.
pub fn pattern(typed: &str, text: &str) {
    match pattern::compile(typed) {
        Ok(pattern) => {
            if let Some(found) = pattern.find(text) {
                assert!(text.get(found).is_some_and(|found| !found.is_empty()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Discovery questions: no answer is longer than its question, and everything in an answer is safe to show.
#[cfg(feature = "discovery")]
pub fn discovery(data: &[u8]) {
    // Short packets are padded, so that all of them pass the first check.
    let padded: Vec<u8> = data.iter().copied().chain(std::iter::repeat(b' ')).take(data.len().max(400)).collect();
    for packet in [data, &padded] {
        let Some(question) = ServerQuestion::read(packet) else { continue };
        let fingerprint = ["AB"; 32].join(":");
        let answer = ServerAnswer { name: "box", fingerprint: Some(&fingerprint), ..ServerAnswer::default() };
        let Some(answer) = answer.write(&question) else { continue };
        assert!(answer.len() <= packet.len());
        assert_eq!(ServerQuestion::read(&answer), None, "an answer is a question");
    }
    if let Some(hint) = ServerHint::read(data, "n") {
        assert!(!hint.name.is_empty() && !hint.name.contains(char::is_control));
    }
}
