//! One terminal's screen as far as the server knows it: the prompt, and in character mode the half-typed line.
//!
//! Text that arrives while somebody types goes above his line: [`Display::begin`] takes prompt and line off the screen,
//! the text is written, [`Display::end`] puts them back. All of it lands in one buffer and so in one write.
//!
//! *Owns* whether the prompt stands on the screen, and the line editor where there is one.
//! *Knows nothing of* where the bytes go.
//! *Called by* `outbox`, under its lock.

use std::sync::Arc;

use crate::line::{Editor, Keep};
use crate::screen::{Look, Place, Tone, render_line};
use crate::telnet;
use crate::text;

/// A terminal's width where none is known, in columns (RFC 1073 leaves 0 for unknown).
const DEFAULT_COLUMNS: u16 = 80;

/// What one person's screen shows beside the text that has scrolled by.
#[derive(Debug)]
pub struct Display {
    look: Look,
    /// The screen's height, where it is known.
    rows: Option<u16>,
    prompt: Arc<str>,
    /// The prompt stands on the screen and the cursor behind it.
    shown: bool,
    /// The prompt is a question that has not been put yet.
    unasked: bool,
    /// Character mode: the server draws the line. `None`: the terminal does, and what is half typed is unknown.
    editor: Option<Box<Editor>>,
    hidden: bool,
    /// The cursor stands behind something that the terminal itself has drawn: `^C`, or a hidden line without its end.
    row_spoiled: bool,
    /// Bracketed paste has been switched on.
    pasting: bool,
    /// End every prompt with IAC GA (RFC 854 and 858): the client refused to suppress it.
    go_ahead: bool,
}

impl Display {
    /// A terminal of which nothing is known.
    pub fn new() -> Display {
        Display {
            look: Look::PLAIN,
            rows: None,
            prompt: "".into(),
            shown: false,
            unasked: false,
            editor: None,
            hidden: false,
            row_spoiled: false,
            pasting: false,
            go_ahead: false,
        }
    }

    /// How text looks here.
    pub fn look(&self) -> Look {
        self.look
    }

    /// The screen's height, where it is known.
    pub fn rows(&self) -> Option<u16> {
        self.rows
    }

    /// The prompt in force, standing on the screen or not.
    pub fn prompt(&self) -> &Arc<str> {
        &self.prompt
    }

    /// The line editor, in character mode.
    pub fn editor(&mut self) -> Option<&mut Editor> {
        self.editor.as_deref_mut()
    }

    /// Whether prompt and half-typed line stand on the screen: only then may the editor echo.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Whether the server edits the line.
    pub fn is_character_mode(&self) -> bool {
        self.editor.is_some()
    }

    /// Whether a frame made of CR, text and the given prompt serves this screen as it is: line mode, that very prompt.
    pub fn shares_frame(&self, prompt: &Arc<str>) -> bool {
        self.editor.is_none()
            && !self.go_ahead
            && !self.row_spoiled
            && (Arc::ptr_eq(&self.prompt, prompt) || *self.prompt == **prompt)
    }

    /// Notes that a shared frame, which ends with the prompt, was written.
    pub fn frame_written(&mut self) {
        self.shown = true;
    }

    /// Takes the prompt, and the half-typed line where it is known, off the screen. `first` is the first line of what
    /// will be written.
    pub fn begin(&mut self, first: &[u8], out: &mut Vec<u8>) {
        self.leave_spoiled_row(out);
        if !std::mem::take(&mut self.shown) {
            return;
        }
        match &self.editor {
            Some(editor) => editor.erase(out),
            None => overwrite_prompt(&self.prompt, self.look, first, out),
        }
    }

    /// Puts prompt and line back, if they are not there.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.leave_spoiled_row(out);
        if std::mem::replace(&mut self.shown, true) || (self.prompt.is_empty() && self.editor.is_none()) {
            return;
        }
        self.unasked = false;
        match &self.editor {
            Some(editor) => editor.draw(out),
            None => out.extend_from_slice(self.prompt.as_bytes()),
        }
        if self.go_ahead && !self.prompt.is_empty() {
            out.extend_from_slice(&[telnet::IAC, telnet::GA]);
        }
    }

    /// Writes one line of the server's above the prompt, which is left off the screen.
    pub fn write(&mut self, tone: Tone, line: &str, out: &mut Vec<u8>) {
        self.leave_spoiled_row(out);
        if self.shown {
            let mut rendered = Vec::with_capacity(line.len() + 16);
            render_line(tone, line, self.look, &mut rendered);
            self.begin(&rendered, out);
            out.append(&mut rendered);
        } else {
            render_line(tone, line, self.look, out);
        }
    }

    /// The cursor does not stand where a line or a prompt could begin: what is written next goes to the next row.
    pub fn spoil_row(&mut self) {
        self.row_spoiled = true;
        self.shown = false;
    }

    fn leave_spoiled_row(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.row_spoiled) {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The person has ended his line in line mode: his terminal has moved to the next row, the prompt is above.
    pub fn line_ended(&mut self) {
        if self.editor.is_none() {
            self.shown = false;
        }
    }

    /// A line typed ahead in line mode is about to be answered. If it answers a question, that is put first: whoever sends
    /// his name and everything else in one packet reads each question once. Other prompts are not drawn before such a
    /// line: a paste of ten lines would be answered with ten of them.
    pub fn ask(&mut self, out: &mut Vec<u8>) {
        if self.unasked && !self.shown && self.editor.is_none() {
            self.end(out);
            self.shown = false;
        }
    }

    /// The person has ended his line in character mode: keep it on the screen, or take it away because it comes back as
    /// a message.
    pub fn finish_line(&mut self, keep: Keep, out: &mut Vec<u8>) {
        if let Some(editor) = &mut self.editor {
            if self.shown {
                editor.finish(keep, out);
            } else {
                editor.finish(keep, &mut Vec::new());
            }
            self.shown = false;
        }
    }

    /// Another prompt from now on. It is drawn by the next [`Display::end`].
    pub fn set_place(&mut self, place: &Place, out: &mut Vec<u8>) {
        let prompt = place.prompt();
        if *prompt == *self.prompt {
            return;
        }
        self.begin(b"", out);
        if let Some(editor) = &mut self.editor {
            editor.set_prompt(&prompt);
        }
        self.prompt = prompt;
        self.unasked = place.is_question();
    }

    /// Whether the server keeps what is typed from being shown: by not echoing it, in either mode.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
        if let Some(editor) = &mut self.editor {
            editor.set_hidden(hidden);
        }
    }

    /// Another look, and the height where it is known; a changed width draws the line anew.
    pub fn set_look(&mut self, look: Look, rows: Option<u16>, out: &mut Vec<u8>) {
        let mut unseen = Vec::new();
        let out = if self.shown { out } else { &mut unseen };
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

    /// Whether prompts end with IAC GA.
    pub fn set_go_ahead(&mut self, on: bool) {
        self.go_ahead = on;
    }

    /// Switches between line and character mode. What was half typed in character mode is lost; in line mode it stands in
    /// the terminal and was never here.
    pub fn set_character_mode(&mut self, on: bool, out: &mut Vec<u8>) {
        if on == self.editor.is_some() {
            return;
        }
        if on {
            let mut editor = Box::new(Editor::new(self.look.columns.unwrap_or(DEFAULT_COLUMNS)));
            editor.set_prompt(&self.prompt);
            editor.set_hidden(self.hidden);
            if self.look.ansi {
                out.extend_from_slice(PASTE_ON);
                self.pasting = true;
            }
            self.editor = Some(editor);
        } else {
            self.begin(b"", out);
            if std::mem::take(&mut self.pasting) {
                out.extend_from_slice(PASTE_OFF);
            }
            self.editor = None;
        }
    }

    /// Wipes the screen, where it can be wiped.
    pub fn clear(&mut self, out: &mut Vec<u8>) {
        self.begin(b"", out);
        if self.look.ansi {
            out.extend_from_slice(b"\x1b[H\x1b[2J");
        }
    }

    /// Leaves the terminal as it was found: colours, bracketed paste, and who echoes (RFC 857).
    pub fn restore(&mut self, out: &mut Vec<u8>) {
        self.begin(b"", out);
        if self.look.ansi || self.pasting {
            out.extend_from_slice(b"\x1b[0m");
            out.extend_from_slice(PASTE_OFF);
        }
        if self.editor.is_some() || self.hidden {
            out.extend_from_slice(&[telnet::IAC, telnet::WONT, telnet::ECHO]);
        }
        self.prompt = "".into();
        self.editor = None;
        self.hidden = false;
        self.pasting = false;
        self.look = Look::PLAIN;
    }
}

impl Default for Display {
    fn default() -> Self {
        Display::new()
    }
}

/// Switches bracketed paste on (xterm control sequences, DECSET 2004).
const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// Goes back over a prompt in line mode so that nothing of it is left in front of, or behind, the first row of the text.
///
/// Without `ESC[K` the text itself covers the prompt where it is long enough; where it is not, blanks do.
pub fn overwrite_prompt(prompt: &str, look: Look, first: &[u8], out: &mut Vec<u8>) {
    out.push(b'\r');
    if look.ansi {
        out.extend_from_slice(b"\x1b[K");
        return;
    }
    let row = first.split(|byte| *byte == b'\r').next().unwrap_or(first);
    // A row has at most as many columns as bytes, and wide prompts are rare: the cheap comparison settles most.
    let prompt_width = text::width(prompt);
    let row_width = if row.is_ascii() { row.len() } else { text::width(&String::from_utf8_lossy(row)) };
    if row_width < prompt_width {
        out.resize(out.len() + prompt_width, b' ');
        out.push(b'\r');
    }
}
