//! A terminal that reflows: after a change of width it wraps its rows again, as tmux, VTE, kitty and Windows Terminal do.
//!
//! It knows what the editor and the screen may send, and keeps every row that has scrolled off.

use proptest::prelude::*;

use super::screen::laid_out;
use crate::protocol::line::layout::Window;
use crate::protocol::line::{Editor, Keep};
use crate::text;

/// A row, as far as it was written.
#[derive(Clone, Debug, Default)]
struct TerminalRow {
    /// One cluster's start in each cell; the second cell of a wide one is empty.
    cells: Vec<String>,
    /// The text continues in the next row: a line was wrapped here, not ended.
    is_wrapped: bool,
}

/// The terminal.
#[derive(Debug)]
pub(crate) struct Reflowing {
    rows: Vec<TerminalRow>,
    /// Counted from the first row ever; the column may be the width, after a full row.
    row: usize,
    column: usize,
    columns: usize,
    height: usize,
    /// Where the cursor is after a row that a change of width has filled: in it, or in the next one.
    waits: bool,
}

impl Reflowing {
    pub(crate) fn new(height: usize, columns: usize, waits: bool) -> Reflowing {
        Reflowing { rows: vec![TerminalRow::default()], row: 0, column: 0, columns, height, waits }
    }

    /// The first row on the screen.
    fn top(&self) -> usize {
        self.rows.len().saturating_sub(self.height)
    }

    pub(crate) fn process(&mut self, out: &[u8]) {
        let text = String::from_utf8_lossy(out).into_owned();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            match first {
                '\r' => self.column = 0,
                '\n' => self.go_down(),
                '\x07' => {}
                '\x1b' => {
                    let sequence = rest.strip_prefix("\x1b[").expect("CSI");
                    let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("a final byte");
                    self.sequence(&sequence[..end], sequence.as_bytes()[end]);
                    rest = &sequence[end + 1..];
                    continue;
                }
                _ => {
                    let end = rest.find(|c: char| c.is_control()).unwrap_or(rest.len());
                    text::graphemes(&rest[..end]).for_each(|cluster| self.put(cluster));
                    rest = &rest[end..];
                    continue;
                }
            }
            rest = &rest[1..];
        }
    }

    fn go_down(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(TerminalRow::default());
        }
    }

    fn put(&mut self, cluster: &str) {
        let width = text::grapheme_width(cluster);
        if width == 0 {
            if let Some(cell) = self.column.checked_sub(1).and_then(|at| self.rows[self.row].cells.get_mut(at)) {
                cell.push_str(cluster);
            }
            return;
        }
        if self.column + width > self.columns {
            self.rows[self.row].is_wrapped = true;
            self.go_down();
            self.column = 0;
        }
        let cells = &mut self.rows[self.row].cells;
        if cells.len() < self.column + width {
            cells.resize(self.column + width, " ".to_owned());
        }
        cells[self.column] = cluster.to_owned();
        cells[self.column + 1..self.column + width].iter_mut().for_each(String::clear);
        self.column += width;
    }

    fn sequence(&mut self, parameters: &str, last: u8) {
        let count = parameters.parse().unwrap_or(1);
        match (parameters, last) {
            (_, b'A') => self.row = self.row.saturating_sub(count).max(self.top()),
            (_, b'C') => self.column += count,
            // ED: to the end of the screen, or all of it.
            ("", b'J') => {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].cells.truncate(self.column);
                self.rows[self.row].is_wrapped = false;
            }
            ("2", b'J') => {
                let top = self.top();
                self.rows[top..].iter_mut().for_each(|row| *row = TerminalRow::default());
            }
            ("", b'H') => {
                self.row = self.top();
                self.column = 0;
            }
            ("", b'K') => self.rows[self.row].cells.truncate(self.column),
            ("0" | "1" | "2" | "22" | "33", b'm') | ("?2004", b'h' | b'l') => {}
            other => panic!("{other:?}"),
        }
        assert!(self.column <= self.columns, "moved over the margin");
    }

    /// Changes the width: wrapped lines are joined and wrapped again. The cursor stays with its character.
    pub(crate) fn resize(&mut self, columns: usize) {
        if columns == self.columns {
            return;
        }
        let mut new: Vec<TerminalRow> = Vec::new();
        let mut cursor = (0, 0);
        let mut line: Vec<String> = Vec::new();
        let mut at = None;
        let old = std::mem::take(&mut self.rows);
        for (number, row) in old.into_iter().enumerate() {
            if number == self.row {
                at = Some(line.len() + self.column);
                // The cells before the cursor exist.
                if line.len() + row.cells.len() < line.len() + self.column {
                    let missing = self.column - row.cells.len();
                    line.extend(row.cells);
                    line.extend(std::iter::repeat_n(" ".to_owned(), missing));
                } else {
                    line.extend(row.cells);
                }
            } else {
                line.extend(row.cells);
            }
            if row.is_wrapped {
                continue;
            }
            let first = new.len();
            new.push(TerminalRow::default());
            for (offset, cell) in std::mem::take(&mut line).into_iter().enumerate() {
                let width = text::width(&cell).max(1);
                let last = new.len() - 1;
                if new[last].cells.len() + width > columns && !cell.is_empty() {
                    new[last].is_wrapped = true;
                    new.push(TerminalRow::default());
                }
                let last = new.len() - 1;
                if at == Some(offset) {
                    cursor = (last, new[last].cells.len());
                }
                new[last].cells.push(cell);
            }
            if let Some(at) = at.take() {
                let written: usize = new[first..].iter().map(|row| row.cells.len()).sum();
                if at >= written {
                    let last = new.len() - 1;
                    cursor = (last, new[last].cells.len());
                    if cursor.1 == columns && !self.waits {
                        new[last].is_wrapped = true;
                        new.push(TerminalRow::default());
                        cursor = (last + 1, 0);
                    }
                }
            }
        }
        self.rows = new;
        (self.row, self.column) = cursor;
        self.columns = columns;
    }

    /// Every row ever written, without the blanks at its end.
    pub(crate) fn shown(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.rows.iter().map(|row| row.cells.concat().trim_end().to_owned()).collect();
        while rows.len() > 1 && rows.len() > self.row + 1 && rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Rows between the cursor's and the last one, and its column.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        (self.shown().len() - 1 - self.row, self.column)
    }
}

/// An editor on such a terminal, with text above its line.
struct Prompted {
    editor: Editor,
    terminal: Reflowing,
    columns: usize,
    prompt: &'static str,
    said: Vec<String>,
}

impl Prompted {
    fn new(columns: usize, prompt: &'static str, waits: bool) -> Prompted {
        let mut editor = Editor::new(u16::try_from(columns).expect("few"));
        let mut out = Vec::new();
        editor.set_prompt(prompt);
        editor.draw(&mut out);
        let mut palette =
            Prompted { editor, terminal: Reflowing::new(24, columns, waits), columns, prompt, said: Vec::new() };
        palette.terminal.process(&out);
        palette
    }

    fn types(&mut self, keys: &str) {
        let mut out = Vec::new();
        let mut input = keys.as_bytes();
        while self.editor.next(&mut input, 0, &mut out).is_some() {
            self.editor.finish(Keep::Erased, &mut out);
            self.editor.draw(&mut out);
        }
        self.terminal.process(&out);
    }

    fn hears(&mut self) {
        let said = format!("[12:00] #{}", self.said.len());
        let mut out = Vec::new();
        self.editor.erase(&mut out);
        out.extend_from_slice(said.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.editor.draw(&mut out);
        self.terminal.process(&out);
        self.said.push(said);
    }

    fn resizes(&mut self, columns: usize) {
        // The terminal has moved its rows before the server learns of it.
        self.terminal.resize(columns);
        let mut out = Vec::new();
        self.editor.resize(u16::try_from(columns).expect("few"), &mut out);
        self.terminal.process(&out);
        self.columns = columns;
    }

    /// Checks that no text is gone, and that the line is at the bottom with the cursor in it.
    fn check(&self) {
        let shown = self.terminal.shown();
        let mut rows = shown.iter();
        for said in &self.said {
            assert!(rows.any(|row| row == said), "{said:?} is gone: {shown:#?}");
        }
        let (rows, (row, column)) = laid_out(self.prompt, self.editor.line(), self.editor.cursor(), self.columns);
        let top = Window::top(10, rows.len(), row);
        let mut drawn: Vec<String> =
            rows[top..rows.len().min(top + 10)].iter().map(|row| row.trim_end().to_owned()).collect();
        let below = drawn.len() - 1 - (row - top);
        // A row below a full one exists where the cursor has been there.
        while drawn.len() > 1 + (row - top) && drawn.last().is_some_and(String::is_empty) {
            drawn.pop();
        }
        let below = below.min(drawn.len() - 1 - (row - top));
        assert_eq!(shown[shown.len() - drawn.len()..], drawn, "{shown:#?}");
        assert_eq!(self.terminal.cursor(), (below, column), "{shown:#?}");
    }
}

#[test]
fn a_widened_terminal_that_reflows_loses_no_message() {
    for waits in [true, false] {
        // The last one is a full row.
        for typed in [120, 125, 129, 130] {
            let mut palette = Prompted::new(50, "general | ", waits);
            for _ in 0..3 {
                palette.hears();
            }
            palette.types(&"x".repeat(typed));
            palette.resizes(140);
            palette.check();
            palette.hears();
            palette.check();
            let left = palette.terminal.shown().len();
            assert!(typed == 130 || left == 5, "a remnant of the old line is left");
        }
    }
}

#[test]
fn a_narrowed_terminal_that_reflows_loses_no_message() {
    let mut palette = Prompted::new(140, "> ", false);
    for _ in 0..3 {
        palette.hears();
    }
    palette.types(&"x".repeat(120));
    palette.types("\x01");
    palette.resizes(50);
    palette.check();
    palette.types("\x05");
    palette.resizes(20);
    palette.hears();
    palette.check();
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn whatever_the_width_becomes_no_message_is_lost_and_the_line_stands_below(
        columns in prop::sample::select(vec![20_usize, 50, 80, 81, 140]),
        waits in any::<bool>(),
        steps in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(vec![
                "a", "some more words ", "\x01", "\x05", "\x1b[D", "\x1bb", "\x7f", "\x17", "你好世界", "\x0b", "\r",
                "a long line that takes more than a row or two on a narrow terminal, and some more ",
            ]).prop_map(Ok),
            2 => Just(Err(None)),
            2 => prop::sample::select(vec![20_usize, 50, 80, 81, 140]).prop_map(|columns| Err(Some(columns))),
        ], 1..40),
    ) {
        let mut palette = Prompted::new(columns, "general | ", waits);
        for step in steps {
            match step {
                Ok(keys) => palette.types(keys),
                Err(None) => palette.hears(),
                Err(Some(columns)) => palette.resizes(columns),
            }
            palette.check();
        }
    }
}
