//! The terminal's modes: style, line or character mode, echo; and restoring the terminal at the end.
//!
//! *Owns* switching bracketed paste and wiping the screen. *Knows nothing of* telnet, except the final command about
//! echo.

use super::{CursorRow, Display};
use crate::protocol::line::Editor;
use crate::protocol::telnet;
use crate::ui::screen::{Style, row};

/// The assumed width of a terminal, in columns, if it is not known (RFC 1073 uses 0 for unknown).
pub(super) const DEFAULT_COLUMNS: u16 = 80;

/// Switches bracketed paste on (xterm control sequences, DECSET 2004).
const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l";

impl Display {
    /// Whether the server hides what is typed by not echoing it, in either mode.
    pub(crate) fn set_hidden(&mut self, hidden: bool, out: &mut Vec<u8>) {
        if hidden != self.hidden && self.editor.is_some() {
            self.take_away(out);
        }
        self.hidden = hidden;
        if let Some(editor) = &mut self.editor {
            editor.set_hidden(hidden);
        }
    }

    /// Changes the style, and the height if known. A changed width redraws the line.
    pub(crate) fn set_look(&mut self, look: Style, rows: Option<u16>, out: &mut Vec<u8>) {
        let mut unseen = Vec::new();
        let out = if self.is_shown() { out } else { &mut unseen };
        if let Some(editor) = &mut self.editor {
            if look.columns != self.look.columns {
                editor.resize(look.columns.unwrap_or(DEFAULT_COLUMNS), out);
            }
            if let Some(rows) = rows {
                editor.set_rows(rows, out);
            }
        }
        self.look = look;
        self.rows = rows;
    }

    /// Whether a screen reader speaks what is written.
    pub(crate) fn set_reader(&mut self, on: bool) {
        self.reader = on;
    }

    /// Whether the terminal may leave the cursor in its column where it ends a line itself.
    pub(crate) fn set_binary(&mut self, on: bool) {
        self.binary = on;
    }

    /// Whether prompts end with IAC GA.
    pub(crate) fn set_go_ahead(&mut self, on: bool) {
        self.go_ahead = on;
    }

    /// Switches between line and character mode. A half-typed line is lost in character mode; in line mode it is in the
    /// terminal and was never here.
    pub(crate) fn set_character_mode(&mut self, on: bool, out: &mut Vec<u8>) {
        if on == self.editor.is_some() {
            return;
        }
        if on {
            let mut editor = Box::new(Editor::new(self.look.columns.unwrap_or(DEFAULT_COLUMNS)));
            editor.set_prompt(&self.prompt);
            editor.set_hidden(self.hidden);
            if let CursorRow::Past { extent, .. } = self.row {
                row::wipe(extent, self.look, out);
                self.row = CursorRow::Free;
            }
            if self.look.ansi {
                out.extend_from_slice(PASTE_ON);
                self.pasting = true;
            }
            self.editor = Some(editor);
        } else {
            self.take_away(out);
            if std::mem::take(&mut self.pasting) {
                out.extend_from_slice(PASTE_OFF);
            }
            self.editor = None;
        }
    }

    /// Wipes the screen, if the terminal can.
    pub fn clear(&mut self, out: &mut Vec<u8>) {
        // Erasing the line first would be useless, and harmful if the rows have moved.
        if self.look.ansi {
            out.extend_from_slice(b"\x1b[H\x1b[2J");
            self.row = CursorRow::Free;
        }
    }

    /// Removes prompt and line from the screen for good.
    pub(crate) fn wipe_prompt(&mut self, out: &mut Vec<u8>) {
        self.take_away(out);
        if let (CursorRow::Past { extent, ended: false }, false) = (self.row, self.reader) {
            row::wipe(extent, self.look, out);
            self.row = CursorRow::Free;
        }
    }

    /// Leaves the terminal as it was found: colours, bracketed paste, and who echoes (RFC 857).
    pub(crate) fn restore(&mut self, out: &mut Vec<u8>) {
        self.wipe_prompt(out);
        if self.look.ansi || self.pasting {
            out.extend_from_slice(b"\x1b[0m");
            out.extend_from_slice(PASTE_OFF);
        }
        if self.editor.is_some() || self.hidden {
            out.extend_from_slice(&[telnet::IAC, telnet::WONT, telnet::ECHO]);
        }
        *self = Display::new();
    }
}
