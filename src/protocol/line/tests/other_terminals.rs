//! Terminals that wrap at once after a full row, where the emulator of the other tests waits.
//!
//! The emulator here knows only ASCII, and only what the editor may send.

use proptest::prelude::*;

use crate::protocol::line::{Editor, Keep};

/// A screen without a last row: nothing scrolls.
struct WrapsAtOnce {
    /// Row after row, as far as they were written.
    cells: String,
    row: usize,
    column: usize,
    columns: usize,
}

impl WrapsAtOnce {
    fn new(columns: usize) -> WrapsAtOnce {
        WrapsAtOnce { cells: String::new(), row: 0, column: 0, columns }
    }

    fn process(&mut self, out: &[u8]) {
        let mut input = std::str::from_utf8(out).unwrap().chars();
        while let Some(character) = input.next() {
            match character {
                '\r' => self.column = 0,
                '\n' => self.row += 1,
                '\x07' => {}
                '\x1b' => {
                    assert_eq!(input.next(), Some('['));
                    let digits: String = input.clone().take_while(char::is_ascii_digit).collect();
                    let last = input.nth(digits.len()).unwrap();
                    self.sequence(last, digits.parse().unwrap_or(1));
                }
                character => {
                    assert!(character.is_ascii_graphic() || character == ' ', "{character:?}");
                    let cell = self.row * self.columns + self.column;
                    self.cells.extend(std::iter::repeat_n(' ', (cell + 1).saturating_sub(self.cells.len())));
                    self.cells.replace_range(cell..=cell, character.encode_utf8(&mut [0; 4]));
                    self.column += 1;
                    if self.column == self.columns {
                        self.column = 0;
                        self.row += 1;
                    }
                }
            }
        }
    }

    fn sequence(&mut self, last: char, count: usize) {
        match last {
            'A' => self.row -= count,
            'C' => self.column += count,
            'J' => self.cells.truncate(self.row * self.columns + self.column),
            last => panic!("{last:?}"),
        }
        assert!(self.column < self.columns, "moved over the margin");
    }
}

fn any_keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "bc",
        "seven words on a row and a half",
        "12345678901234567",
        "\x7f",
        "\x1b[D",
        "\x1b[C",
        "\x01",
        "\x05",
        "\x17",
        "\x1b[3~",
        "\x1b[A",
        "\x03",
        "\r",
        "\x1b[200~one\r\ntwo\n\nthree\n\x1b[201~",
    ])
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn a_terminal_that_wraps_at_once_shows_the_same(
        columns in prop::sample::select(vec![20_u16, 80]),
        packets in prop::collection::vec((any_keys(), any::<bool>()), 1..40),
    ) {
        let columns_wide = usize::from(columns);
        let mut terminal = WrapsAtOnce::new(columns_wide);
        let mut editor = Editor::new(columns);
        let mut out = Vec::new();
        editor.set_prompt("> ");
        editor.draw(&mut out);
        let mut above = String::new();
        for (packet, has_arrival) in packets {
            // 150 characters are never taller than the window.
            if editor.next(&mut packet.as_bytes(), 150, &mut out).is_some() && packet == "\r" {
                let line = editor.line().to_owned();
                let used = (2 + line.len()).div_ceil(columns_wide) * columns_wide;
                above.push_str(&format!("{:used$}", format!("> {}", line.replace('\n', "\\"))));
                editor.finish(Keep::Shown, &mut out);
                editor.remember(&line);
                editor.draw(&mut out);
            }
            if has_arrival {
                above.push_str(&format!("{:columns_wide$}", "bob: hello"));
                editor.erase(&mut out);
                out.extend_from_slice(b"bob: hello\r\n");
                editor.draw(&mut out);
            }
            terminal.process(&out);
            out.clear();
            let shown = format!("{above}> {}", editor.line().replace('\n', "\\"));
            prop_assert_eq!(terminal.cells.trim_end(), shown.trim_end());
            let cell = above.len() + 2 + editor.cursor();
            prop_assert_eq!((terminal.row, terminal.column), (cell / columns_wide, cell % columns_wide));
        }
    }
}
