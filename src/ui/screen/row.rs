//! The cursor's row in line mode: a prompt, the half-typed line after it, and text that is written over both.
//!
//! The terminal edits the line there, so the server does not know what comes after its prompt. Text overwrites it from
//! the first column to the last, or the rest of the line would read as the end of another user's message.
//!
//! *Owns* how a row is covered.
//! *Knows nothing of* whether anything is there.

use super::Style;
use crate::text;

/// Columns covered if the width is unknown: the width of a VT100, which most windows start with. In a wider window,
/// text beyond that stays visible.
const DEFAULT_COLUMNS: usize = 80;

/// Erases from the cursor to the end of its row (ECMA-48, 8.3.41, EL).
const ERASE_ROW: &[u8] = b"\x1b[K";

/// How much of a row is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it: the user may be typing there.
    Whole,
    /// This number of columns.
    Columns(usize),
}

/// Columns of a row of this terminal.
fn columns(look: Style) -> usize {
    look.columns.map_or(DEFAULT_COLUMNS, usize::from).max(1)
}

/// Writes rows, the first one over the cursor's row. Without `ESC[K`, blanks after its text cover the rest of that row,
/// or of the last row that it takes if the terminal wraps it.
pub(crate) fn overwrite(extent: Extent, look: Style, rows: &[u8], out: &mut Vec<u8>) {
    out.push(b'\r');
    if look.ansi {
        out.extend_from_slice(ERASE_ROW);
        out.extend_from_slice(rows);
        return;
    }
    let end = rows.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rows.len());
    let (first, rest) = rows.split_at(end);
    let width = if first.is_ascii() { first.len() } else { text::width(&String::from_utf8_lossy(first)) };
    let covered = match extent {
        Extent::Whole => width.max(1).next_multiple_of(columns(look)),
        Extent::Columns(columns) => columns,
    };
    out.extend_from_slice(first);
    out.resize(out.len() + covered.saturating_sub(width), b' ');
    out.extend_from_slice(rest);
}

/// Clears the cursor's row, and leaves the cursor in its first column.
pub(super) fn wipe(extent: Extent, look: Style, out: &mut Vec<u8>) {
    overwrite(extent, look, b"\r", out);
}

/// Rows without the blanks at their ends, for tests of anything else.
#[cfg(test)]
pub(crate) fn without_blanks(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::new();
    while let Some((row, after)) = rest.split_once("\r\n") {
        clean.push_str(row.trim_end_matches(' '));
        clean.push_str("\r\n");
        rest = after;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(extent: Extent, columns: Option<u16>, rows: &str) -> String {
        let mut out = Vec::new();
        overwrite(extent, Style { columns, ..Style::PLAIN }, rows.as_bytes(), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_text_shorter_than_the_row_is_followed_by_blanks_up_to_its_end() {
        assert_eq!(over(Extent::Whole, None, "hi\r\n"), format!("\r{:80}\r\n", "hi"));
        assert_eq!(over(Extent::Whole, Some(20), "hi\r\n"), format!("\r{:20}\r\n", "hi"));
        assert_eq!(over(Extent::Whole, Some(20), "你好\r\n"), format!("\r你好{:16}\r\n", ""));
        assert_eq!(over(Extent::Whole, Some(20), "one\r\n  two\r\n"), format!("\r{:20}\r\n  two\r\n", "one"));
        let full = "x".repeat(80);
        assert_eq!(over(Extent::Whole, None, &full), format!("\r{full}"));
    }

    #[test]
    fn a_text_that_the_terminal_wraps_is_followed_by_blanks_up_to_the_end_of_its_last_row() {
        assert_eq!(over(Extent::Whole, None, &"x".repeat(100)), format!("\r{:160}", "x".repeat(100)));
    }

    #[test]
    fn over_a_prompt_alone_blanks_go_no_further_than_it_does() {
        assert_eq!(over(Extent::Columns(10), None, "hi\r\n"), "\rhi        \r\n");
        assert_eq!(over(Extent::Columns(2), None, "hello\r\n"), "\rhello\r\n");
    }

    #[test]
    fn a_terminal_that_can_erases_the_row() {
        let mut out = Vec::new();
        overwrite(Extent::Whole, Style { ansi: true, ..Style::PLAIN }, b"hi\r\n", &mut out);
        assert_eq!(out, b"\r\x1b[Khi\r\n");
    }

    #[test]
    fn a_wiped_row_has_nothing_in_it_and_the_cursor_at_its_start() {
        let mut out = Vec::new();
        wipe(Extent::Columns(3), Style::PLAIN, &mut out);
        assert_eq!(out, b"\r   \r");
    }
}
