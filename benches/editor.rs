//! The cost of one user's typing, in line mode and in character mode: `cargo bench --bench editor`.

use chatsock::protocol::line::{Assembler, Editor};
use divan::{Bencher, black_box, counter::BytesCount, counter::ItemsCount};

fn main() {
    divan::main();
}

/// No limit on a line, in bytes: everything typed here is far below the usual one.
const NO_LIMIT: usize = 0;

/// A prompt of the usual length.
const PROMPT: &str = "general | ";

/// The texts typed, by their names in the report.
const SCRIPTS: [&str; 2] = ["ascii", "cjk"];

/// 100 characters.
fn typed(script: &str) -> String {
    let sentence = match script {
        "ascii" => "The quick brown fox jumps over the lazy dog, and then it sleeps. ",
        _ => "敏捷的棕色狐狸跳过懒狗，然后睡着了。",
    };
    sentence.chars().cycle().take(100).collect()
}

/// An editor with the prompt and a line on a terminal of `columns`.
fn editor(columns: u16, line: &str) -> Editor {
    let mut editor = Editor::new(columns);
    editor.set_prompt(PROMPT);
    assert_eq!(editor.next(&mut line.as_bytes(), NO_LIMIT, &mut Vec::new()), None);
    editor
}

/// 4 KiB of lines of 64 bytes in packets of `packet` bytes: all of it in one read, and lines cut by the ends of packets.
#[divan::bench(args = [4096, 100])]
fn lines_from_packets(bencher: Bencher, packet: usize) {
    let line = "The quick brown fox jumps over the lazy dog, and then it sleep\r\n";
    let input: Vec<u8> = line.bytes().cycle().take(4096).collect();
    let mut assembler = Assembler::new();
    bencher.counter(BytesCount::of_slice(&input)).bench_local(|| {
        let mut lines = 0;
        for packet in black_box(&input).chunks(packet) {
            let mut packet = packet;
            while assembler.next(&mut packet, NO_LIMIT).is_some() {
                lines += 1;
            }
        }
        lines
    });
}

/// One packet for each of 100 characters at the end of the line, as a user types them.
#[divan::bench(args = SCRIPTS)]
fn type_at_the_end(bencher: Bencher, script: &str) {
    let typed = typed(script);
    bencher
        .counter(ItemsCount::new(100_usize))
        .with_inputs(|| editor(80, ""))
        .bench_local_refs(|editor| press(editor, black_box(&typed)));
}

/// The same in front of as many characters, which are redrawn every time.
#[divan::bench(args = SCRIPTS)]
fn type_in_front_of_a_line(bencher: Bencher, script: &str) {
    let typed = typed(script);
    let line = format!("{typed}\x01");
    bencher
        .counter(ItemsCount::new(100_usize))
        .with_inputs(|| editor(80, &line))
        .bench_local_refs(|editor| press(editor, black_box(&typed)));
}

/// Presses one key after the other; returns the number of bytes drawn.
fn press(editor: &mut Editor, typed: &str) -> usize {
    let mut out = Vec::with_capacity(256);
    let mut drawn = 0;
    for key in typed.split_inclusive(|_: char| true) {
        out.clear();
        assert_eq!(editor.next(&mut key.as_bytes(), NO_LIMIT, &mut out), None);
        drawn += out.len();
    }
    drawn
}

/// The cost of an arriving message besides its own bytes, with 100 characters typed.
#[divan::bench(args = SCRIPTS)]
fn erase_and_draw(bencher: Bencher, script: &str) {
    let mut editor = editor(80, &typed(script));
    let mut out = Vec::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        black_box(&editor).erase(&mut out);
        black_box(&mut editor).draw(&mut out);
        out.len()
    });
}
