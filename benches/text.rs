//! The cost of sanitising, measuring and wrapping one line: `cargo bench --bench text`.

use chatsock::text;
use divan::{Bencher, black_box, counter::BytesCount};

fn main() {
    divan::main();
}

/// The kinds of incoming line, by their names in the report.
const LINES: [&str; 3] = ["ascii", "mixed", "hostile"];

/// A line of a kind: 64 bytes of plain ASCII; CJK, accents, flags and a family; or everything the sanitiser takes out.
fn line(kind: &str) -> String {
    match kind {
        "ascii" => "The quick brown fox jumps over the lazy dog, and then it sleeps.".to_owned(),
        "mixed" => "你好，世界 héllo wörld 👨‍👩‍👧‍👦 🇩🇪🇫🇷 안녕하세요 👍🏽 さようなら ok".to_owned(),
        _ => {
            let marks = "\u{301}".repeat(20);
            format!("\x1b[2J\x1b]0;x\x07a{marks}\u{202e}b\tc\u{feff}\u{e0041}\u{9b}31m\r\n* bob left\u{fdd0}\u{1100}\u{1100}").repeat(2)
        }
    }
}

#[divan::bench(args = LINES)]
fn sanitize(bencher: Bencher, kind: &str) {
    let line = line(kind);
    bencher.counter(BytesCount::of_str(&line)).bench(|| text::sanitize(black_box(&line)).len());
}

/// Only bytes that are not UTF-8.
#[divan::bench]
fn sanitize_bytes_not_utf8(bencher: Bencher) {
    let line = [0x9b_u8; 128];
    bencher.counter(BytesCount::of_slice(&line)).bench(|| text::sanitize_bytes(black_box(&line)).len());
}

#[divan::bench(args = LINES)]
fn width(bencher: Bencher, kind: &str) {
    let line = text::sanitize(&line(kind)).into_owned();
    bencher.counter(BytesCount::of_str(&line)).bench(|| text::width(black_box(&line)));
}

/// Ten such lines joined, for a terminal of 80 columns.
#[divan::bench(args = LINES)]
fn wrap(bencher: Bencher, kind: &str) {
    let line = text::sanitize(&line(kind)).repeat(10);
    bencher.counter(BytesCount::of_str(&line)).bench(|| text::wrap(black_box(&line), 80, 8).len());
}
