//! One terminal's screen as far as the server knows it: the prompt, and in character mode the half-typed line.
//!
//! Text that arrives while the user types goes above their line: [`Display::write_rows`] writes it over prompt and
//! line, and [`Display::end`] puts them back. All of it goes into one buffer, and so into one write.
//!
//! *Owns* whether the prompt is on the screen, and the line editor where there is one.
//! *Knows nothing of* where the bytes go.

use std::sync::Arc;

use crate::protocol::line::{Editor, Keep};
use crate::protocol::telnet;
use crate::text;
use crate::ui::screen::row::{self, Extent};
use crate::ui::screen::{LineKind, Prompt, Style, passing_buffer, render_line};

mod modes;

/// What is in the cursor's row, as far as the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CursorRow {
    /// Nothing: the last text ended its row.
    Free,
    /// The current prompt, with the cursor in the line typed after it.
    Prompt,
    /// Line mode: an old prompt. It is in this row, or above it if the line typed at it has `ended` its row. A line
    /// typed ahead has not, because its end is above the prompt.
    Past { extent: Extent, ended: bool },
    /// Something that the terminal itself has drawn: `^C`, or a hidden line without a line end.
    Spoiled,
}

/// What one user's screen shows, apart from the text that has scrolled by.
#[derive(Debug)]
pub struct Display {
    look: Style,
    /// The screen's height, if known.
    rows: Option<u16>,
    prompt: Arc<str>,
    row: CursorRow,
    /// Line mode: lines are being run. Text from others brings no prompt meanwhile: the one at the end of the turn is
    /// enough, and an earlier one would not be where the user's next line begins.
    answering: bool,
    /// The prompt on the screen came with text from others: a line may have been typed before it.
    unasked_for: bool,
    /// The peer has said that it sends nothing more.
    input_over: bool,
    /// The prompt is a question that has not been shown yet.
    unasked: bool,
    /// The prompt is the one of a chat view.
    in_view: bool,
    /// A screen reader speaks every prompt and every row that is rewritten, so it gets no prompt in the view, and
    /// nothing is overwritten.
    reader: bool,
    /// Character mode: the server draws the line. `None`: the terminal does, and the half-typed line is unknown.
    editor: Option<Box<Editor>>,
    hidden: bool,
    /// The terminal may end its own lines with a LF alone, which leaves the cursor in its column (RFC 856).
    binary: bool,
    /// Bracketed paste has been switched on.
    pasting: bool,
    /// End every prompt with IAC GA (RFC 854 and 858): the client refused to suppress it.
    go_ahead: bool,
}

impl Display {
    /// The display of a terminal about which nothing is known.
    pub fn new() -> Display {
        Display {
            look: Style::PLAIN,
            rows: None,
            prompt: "".into(),
            row: CursorRow::Free,
            answering: false,
            unasked_for: false,
            input_over: false,
            unasked: false,
            in_view: false,
            reader: false,
            editor: None,
            hidden: false,
            binary: false,
            pasting: false,
            go_ahead: false,
        }
    }

    /// The style of text on this screen.
    pub fn look(&self) -> Style {
        self.look
    }

    /// The screen's height, if known.
    pub fn rows(&self) -> Option<u16> {
        self.rows
    }

    /// The width to draw for, in columns.
    pub fn width(&self) -> u16 {
        self.look.columns.unwrap_or(modes::DEFAULT_COLUMNS)
    }

    /// The current prompt, whether it is on the screen or not.
    pub fn prompt(&self) -> &Arc<str> {
        &self.prompt
    }

    /// The line editor, in character mode.
    pub fn editor(&mut self) -> Option<&mut Editor> {
        self.editor.as_deref_mut()
    }

    /// Whether prompt and half-typed line are on the screen. Only then may the editor echo.
    pub(crate) fn is_shown(&self) -> bool {
        self.row == CursorRow::Prompt
    }

    /// Whether the server edits the line.
    pub(crate) fn is_character_mode(&self) -> bool {
        self.editor.is_some()
    }

    /// Whether a frame of CR, text and the given prompt is right for this screen: it is in line mode and has that
    /// prompt.
    pub(crate) fn shares_frame(&self, prompt: &Arc<str>) -> bool {
        self.editor.is_none()
            && !self.go_ahead
            && !self.answering
            && !self.reader
            && self.row != CursorRow::Spoiled
            && (Arc::ptr_eq(&self.prompt, prompt) || *self.prompt == **prompt)
    }

    /// Notes that a shared frame, which ends with this prompt, was written.
    pub(crate) fn frame_written(&mut self, prompt: &Arc<str>) {
        if !Arc::ptr_eq(&self.prompt, prompt) {
            // The text is the same. Sharing it saves the next delivery from comparing uncached memory.
            self.prompt = Arc::clone(prompt);
        }
        self.row = CursorRow::Prompt;
        self.unasked_for = true;
    }

    /// Removes the prompt and the half-typed line from the screen, and writes whole rows in their place. The rows may
    /// come from anyone, so nothing that this user has typed stays next to them.
    pub(crate) fn write_rows(&mut self, rows: &[u8], out: &mut Vec<u8>) {
        let extent = if self.row == CursorRow::Prompt { self.prompt_and_line() } else { Extent::Whole };
        self.write_over(extent, rows, out);
    }

    /// Writes whole rows that answer a line of this user.
    pub(crate) fn write_answer(&mut self, rows: &[u8], out: &mut Vec<u8>) {
        let extent = match self.row {
            CursorRow::Past { ended: true, .. } => {
                self.row = CursorRow::Free;
                Extent::Whole
            }
            // The line is above, so only the prompt has to go.
            CursorRow::Past { extent, ended: false } => extent,
            CursorRow::Free | CursorRow::Prompt | CursorRow::Spoiled => self.prompt_and_line(),
        };
        self.write_over(extent, rows, out);
    }

    fn write_over(&mut self, extent: Extent, rows: &[u8], out: &mut Vec<u8>) {
        if rows.is_empty() {
            return;
        }
        match (std::mem::replace(&mut self.row, CursorRow::Free), &self.editor) {
            (CursorRow::Spoiled, _) => out.extend_from_slice(b"\r\n"),
            (CursorRow::Prompt, Some(editor)) => editor.erase(out),
            (CursorRow::Prompt, None) if self.reader => out.extend_from_slice(b"\r\n"),
            (CursorRow::Prompt | CursorRow::Past { .. }, None) if !self.reader => {
                return row::overwrite(extent, self.look, rows, out);
            }
            (CursorRow::Free | CursorRow::Prompt | CursorRow::Past { .. }, _) => {}
        }
        out.extend_from_slice(rows);
    }

    /// After text that this user did not ask for: restores prompt and line if they are not there and no lines are being
    /// run.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.answering || self.editor.is_some() {
            self.unasked_for |= self.row != CursorRow::Prompt;
            self.draw(out);
        }
    }

    /// After the received lines have been run: restores prompt and line if they are not there.
    pub(crate) fn end_turn(&mut self, out: &mut Vec<u8>) {
        self.answering = false;
        self.unasked_for &= self.row == CursorRow::Prompt;
        self.draw(out);
    }

    fn draw(&mut self, out: &mut Vec<u8>) {
        let nothing = self.editor.is_none() && self.shown_prompt().is_empty();
        match self.row {
            CursorRow::Prompt => return,
            CursorRow::Spoiled => {
                out.extend_from_slice(b"\r\n");
                self.row = CursorRow::Free;
            }
            CursorRow::Past { .. } | CursorRow::Free => {}
        }
        if nothing {
            return;
        }
        if let CursorRow::Past { extent, .. } = self.row
            && !self.reader
        {
            self.return_to_start(extent, out);
        }
        self.unasked = false;
        self.row = CursorRow::Prompt;
        match &mut self.editor {
            Some(editor) => editor.draw(out),
            None => out.extend_from_slice(self.shown_prompt().as_bytes()),
        }
        if self.go_ahead && !self.shown_prompt().is_empty() {
            out.extend_from_slice(&[telnet::IAC, telnet::GA]);
        }
    }

    /// Makes room for the prompt where an old one may be.
    fn return_to_start(&self, extent: Extent, out: &mut Vec<u8>) {
        if let Extent::Columns(columns) = extent
            && !self.look.ansi
            && columns <= text::width(self.shown_prompt())
        {
            out.push(b'\r');
        } else {
            row::wipe(extent, self.look, out);
        }
    }

    /// The prompt as this user gets it.
    fn shown_prompt(&self) -> &str {
        if self.reader && self.in_view { "" } else { &self.prompt }
    }

    /// Writes a line from the server in place of the prompt, which is removed from the screen.
    pub fn write(&mut self, kind: LineKind, line: &str, out: &mut Vec<u8>) {
        if self.row == CursorRow::Free {
            return render_line(kind, line, self.look, out);
        }
        let mut rendered = passing_buffer(line.len() + 16);
        render_line(kind, line, self.look, &mut rendered);
        self.write_answer(&rendered, out);
    }

    /// Notes that no line or prompt can begin at the cursor, so that the next text goes to the next row.
    pub(crate) fn spoil_row(&mut self) {
        self.row = CursorRow::Spoiled;
    }

    /// The user has ended a line in line mode, and it will be run. `alone`: nothing came with it.
    ///
    /// Their terminal has usually moved to the next row, with the prompt above. A line typed before the prompt arrived
    /// ends above it, and there is no sure way to tell the two apart. So a new prompt always overwrites this one, and a
    /// text does so if lines came together, if text from others brought this prompt, or if the cursor may have kept its
    /// column. A `blank` line is typed to get a new prompt below the old one.
    pub(crate) fn line_ended(&mut self, alone: bool, blank: bool) {
        if self.editor.is_some() {
            return;
        }
        self.answering = true;
        let ended = alone && !self.unasked_for && !self.binary;
        if self.row == CursorRow::Prompt || (self.row == CursorRow::Free && self.binary) {
            self.row = if blank && ended { CursorRow::Free } else { self.past(ended) };
        }
    }

    /// The row of a prompt that is no longer current, with nothing typed after it.
    fn past(&self, ended: bool) -> CursorRow {
        CursorRow::Past { extent: self.prompt_alone(), ended }
    }

    fn prompt_alone(&self) -> Extent {
        Extent::Columns(text::width(self.shown_prompt()))
    }

    /// How much of its row a prompt on the screen may take.
    fn prompt_and_line(&self) -> Extent {
        if self.input_over { self.prompt_alone() } else { Extent::Whole }
    }

    /// The peer sends nothing more: nothing is after the prompt.
    pub(crate) fn input_ended(&mut self) {
        self.input_over = true;
    }

    /// A line typed ahead in line mode is about to be answered. If it answers a question, the question is shown first,
    /// so that a user who sends their name and everything else in one packet sees each question once. Other prompts are
    /// not drawn before such a line, or a paste of ten lines would get ten of them.
    pub fn ask(&mut self, out: &mut Vec<u8>) {
        if self.unasked && self.row != CursorRow::Prompt && self.editor.is_none() {
            self.draw(out);
            if self.row == CursorRow::Prompt {
                self.row = self.past(false);
            }
        }
    }

    /// The user has ended their line in character mode: keep it on the screen, or remove it because it reappears as a
    /// message.
    pub(crate) fn finish_line(&mut self, keep: Keep, out: &mut Vec<u8>) {
        if let Some(editor) = &mut self.editor {
            if self.row == CursorRow::Prompt {
                editor.finish(keep, out);
            } else {
                editor.finish(keep, &mut Vec::new());
            }
            self.row = CursorRow::Free;
        }
    }

    /// Changes the prompt. The next [`Display::end`] draws it.
    pub(crate) fn set_prompt(&mut self, prompt: &Prompt, out: &mut Vec<u8>) {
        let text = prompt.text();
        self.in_view = matches!(prompt, Prompt::ChatView(_));
        if *text == *self.prompt {
            return;
        }
        self.take_away(out);
        self.prompt = text;
        if let Some(editor) = &mut self.editor {
            editor.set_prompt(&self.prompt);
        }
        self.unasked = prompt.is_question();
    }

    /// The prompt on the screen is no longer current. In line mode it stays until it is overwritten.
    fn take_away(&mut self, out: &mut Vec<u8>) {
        if self.row != CursorRow::Prompt {
            return;
        }
        self.row = match &self.editor {
            Some(editor) => {
                editor.erase(out);
                CursorRow::Free
            }
            None if self.reader => CursorRow::Spoiled,
            None => CursorRow::Past { extent: self.prompt_and_line(), ended: false },
        };
    }
}

impl Default for Display {
    fn default() -> Self {
        Display::new()
    }
}
