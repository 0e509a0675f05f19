//! The line being typed, and the rows it takes on the screen.
//!
//! The server's line editor does the editing. Its output, for a terminal that shows one line, is discarded; the line is
//! laid out here.
//!
//! *Owns* the rows of the input area and the cursor in them.
//! *Knows nothing of* what a line means.

use crate::protocol::line::{Editor, EditorEvent};
use crate::text;

/// Most rows of the input area.
pub(super) const MOST_ROWS: usize = 5;

/// The widest terminal that the editor knows: it draws least on it.
const EDITOR_COLUMNS: u16 = 500;

/// The line, with its editor.
#[derive(Debug)]
pub(super) struct InputLine {
    editor: Editor,
    /// The editor's output, discarded.
    drawn: Vec<u8>,
    is_hidden: bool,
}

/// The rows of the input area, from top to bottom, and the cursor's row and column among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InputLayout {
    pub(super) rows: Vec<String>,
    pub(super) cursor: (usize, usize),
}

impl InputLine {
    pub(super) fn new() -> InputLine {
        InputLine { editor: Editor::new(EDITOR_COLUMNS), drawn: Vec::new(), is_hidden: false }
    }

    /// Handles keys up to the first that concerns the screen, and leaves the rest. `limit` is the longest line, in
    /// bytes.
    pub(super) fn feed(&mut self, bytes: &mut &[u8], limit: usize) -> Option<EditorEvent> {
        let event = self.editor.next(bytes, limit, &mut self.drawn);
        self.drawn.clear();
        event
    }

    /// Inserts a line break at the cursor. A line cannot begin with one, and a password cannot contain one.
    pub(super) fn insert_break(&mut self, limit: usize) {
        if !self.is_hidden && !self.editor.is_empty() && self.editor.line().len() < limit {
            self.editor.type_break();
        }
    }

    /// Ends the line that was entered. It is remembered if it may be recalled.
    pub(super) fn finish(&mut self, recallable: Option<&str>) {
        self.editor.finish(crate::protocol::line::Keep::Erased, &mut self.drawn);
        if let Some(line) = recallable.filter(|line| !line.is_empty()) {
            self.editor.remember(line);
        }
        self.drawn.clear();
    }

    /// Takes the line in any state, so that it can be restored later.
    pub(super) fn take_line(&mut self) -> String {
        let line = self.line().to_owned();
        // This ends a search, too.
        self.editor.erase_line(&mut self.drawn);
        self.finish(None);
        line
    }

    /// Restores a line.
    pub(super) fn put_back(&mut self, line: &str) {
        self.editor.put_back(line, &mut self.drawn);
        self.drawn.clear();
    }

    /// Replaces the text between byte `from` and the cursor.
    pub(super) fn complete(&mut self, from: usize, with: &str) {
        self.editor.complete(from, with, &mut self.drawn);
        self.drawn.clear();
    }

    /// Sets whether a password is typed, which is neither shown nor remembered.
    pub(super) fn set_hidden(&mut self, is_hidden: bool) {
        if is_hidden != self.is_hidden {
            self.is_hidden = is_hidden;
            self.editor.set_hidden(is_hidden);
        }
    }

    pub(super) fn line(&self) -> &str {
        self.editor.line()
    }

    /// The cursor's position in the line, in bytes.
    pub(super) fn cursor(&self) -> usize {
        self.editor.cursor()
    }

    /// Whether a paste has begun and not ended.
    pub(super) fn is_pasting(&self) -> bool {
        self.editor.is_pasting()
    }

    /// Whether earlier lines are being searched (Ctrl-R).
    pub(super) fn is_recalling(&self) -> bool {
        !self.editor.prompt().is_empty()
    }

    /// Lays out `prompt` and the line in rows of `columns` columns, and returns at most `most` of them, those around
    /// the cursor.
    pub(super) fn layout(&self, prompt: &str, columns: usize, most: usize) -> InputLayout {
        let prompt = if self.is_recalling() { self.editor.prompt() } else { prompt };
        let (line, cursor) = if self.is_hidden { ("", 0) } else { (self.line(), self.cursor()) };
        lay_out(prompt, line, cursor, columns, most)
    }
}

/// Lays out a line. Its continuation rows are indented to the end of the prompt.
fn lay_out(prompt: &str, line: &str, cursor: usize, columns: usize, most: usize) -> InputLayout {
    let columns = columns.max(2);
    let prompt = text::truncate(prompt, columns / 2);
    let indent = text::width(prompt);
    let mut all = InputLayout { rows: vec![prompt.to_owned()], cursor: (0, 0) };
    let mut used = indent;
    let mut at = 0;
    for cluster in text::graphemes(line).chain(std::iter::once("")) {
        let wide = text::grapheme_width(cluster);
        // The cursor needs a cell, also at the end of the line.
        let needed = if cluster.is_empty() && at == cursor { 1 } else { wide };
        let turns = cluster != "\n" && used + needed > columns;
        if turns && used > indent {
            all.rows.push(" ".repeat(indent));
            used = indent;
        }
        if at == cursor {
            all.cursor = (all.rows.len() - 1, used.min(columns - 1));
        }
        if cluster == "\n" {
            all.rows.push(" ".repeat(indent));
            used = indent;
        } else if let Some(row) = all.rows.last_mut() {
            row.push_str(cluster);
            used += wide;
        }
        at += cluster.len();
    }
    let most = most.max(1);
    let top = (all.cursor.0 + 1).saturating_sub(most);
    all.rows.drain(..top);
    all.rows.truncate(most);
    all.cursor.0 -= top;
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> InputLine {
        let mut input = InputLine::new();
        assert_eq!(input.feed(&mut keys.as_bytes(), 4096), None);
        input
    }

    #[test]
    fn a_line_is_laid_out_below_its_prompt() {
        let layout = typed("hello world").layout("> ", 8, MOST_ROWS);
        assert_eq!(layout.rows, ["> hello ", "  world"]);
        assert_eq!(layout.cursor, (1, 7));
    }

    #[test]
    fn a_full_row_leaves_the_cursor_a_cell() {
        let layout = typed("abcdef").layout("> ", 8, MOST_ROWS);
        assert_eq!((layout.rows.len(), layout.cursor), (2, (1, 2)));
    }

    #[test]
    fn a_paste_keeps_its_lines() {
        let input = typed("\x1b[200~one\ntwo\x1b[201~");
        assert_eq!(input.layout("> ", 20, MOST_ROWS).rows, ["> one", "  two"]);
        assert_eq!(input.line(), "one\ntwo");
    }

    #[test]
    fn a_break_can_be_typed() {
        let mut input = typed("one");
        input.insert_break(4096);
        input.feed(&mut &b"two"[..], 4096);
        assert_eq!(input.line(), "one\ntwo");
        let mut empty = InputLine::new();
        empty.insert_break(4096);
        assert_eq!(empty.line(), "");
    }

    #[test]
    fn the_rows_around_the_cursor_are_shown() {
        let input = typed("a\x1b[200~\n1\n2\n3\n4\n5\n6\x1b[201~x");
        let layout = input.layout("> ", 20, MOST_ROWS);
        assert_eq!(layout.rows, ["  2", "  3", "  4", "  5", "  6x"]);
        assert_eq!(layout.cursor, (4, 4));
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut input = InputLine::new();
        input.set_hidden(true);
        input.feed(&mut &b"secret"[..], 4096);
        assert_eq!(input.layout("Password: ", 40, MOST_ROWS).rows, ["Password: "]);
        assert_eq!(input.line(), "secret");
        input.finish(Some("secret"));
        input.set_hidden(false);
        input.feed(&mut &b"\x1b[A"[..], 4096);
        assert_eq!(input.line(), "", "it is not recalled");
    }

    proptest::proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn rows_fit_and_the_cursor_is_among_them(
            line in "[a-z你é\u{301}👩\u{200d}\n ]{0,60}", columns in 0_usize..30, most in 0_usize..7, part in 0_usize..60,
        ) {
            let cursor = text::graphemes(&line).take(part).map(str::len).sum();
            let layout = lay_out("> ", &line, cursor, columns, most);
            proptest::prop_assert!(layout.rows.len() <= most.max(1));
            proptest::prop_assert!(layout.cursor.0 < layout.rows.len());
            proptest::prop_assert!(layout.cursor.1 < columns.max(2));
            // What takes several cells cannot be divided, however narrow the screen is.
            let widest = text::graphemes(&line).map(text::grapheme_width).max().unwrap_or(0);
            for row in &layout.rows {
                // Nor is a row left that has the prompt alone.
                proptest::prop_assert!(text::width(row) <= columns.max(2 + widest), "{row:?} in {columns}");
            }
        }
    }
}
