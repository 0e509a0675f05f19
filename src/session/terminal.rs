//! What this user's terminal turns out to be: its names, its mode, its look, and how it writes letters beyond ASCII.
//!
//! *Owns* the wait for its names; telling every part of the session its mode, look and charset; the hint for a user whose
//! text is not UTF-8.
//! *Knows nothing of* how text is converted, and of how a client asks for a charset.
//! *Called by* `session`.

use std::time::{Duration, Instant};

use super::Session;
use crate::protocol::line::LineEvent;
use crate::text::Charset;
use crate::ui::screen::{LineKind, Style};

/// How long a terminal may take for its next name (RFC 1091) before its mode is decided. It answers within one round
/// trip, if at all.
const NAMES_STALL: Duration = Duration::from_secs(1);

impl Session {
    /// A terminal of which more names may come is waited for, from its last answer on.
    pub(super) fn await_names(&mut self) {
        let open = self.link.open_question();
        if open != self.names_until.map(|(question, _)| question) {
            self.names_until = open.map(|question| (question, Instant::now() + NAMES_STALL));
        }
    }

    /// The next name has not come in time, as with telnet.exe: what is known of the terminal decides the mode.
    #[inline(never)]
    pub(super) fn end_names(&mut self) {
        self.names_until = None;
        self.link.end_names(&mut self.protocol);
        self.send_protocol();
    }

    /// `:charset latin1`.
    #[inline(never)]
    pub(super) fn set_charset(&mut self, charset: Charset) {
        self.link.choose_charset(charset);
        self.charset_changed();
        self.tell_charset();
    }

    /// `:charset` alone.
    #[inline(never)]
    pub(super) fn tell_charset(&self) {
        let name = self.link.charset().name();
        self.outbox.tell(LineKind::News, &format!("Your text is read and written as {name}."));
    }

    /// Another charset holds, by hand or by agreement with the client.
    #[inline(never)]
    pub(super) fn charset_changed(&mut self) {
        let charset = self.link.charset();
        self.assembler.set_charset(charset);
        self.outbox.with_display(|display, _| {
            if let Some(editor) = display.editor() {
                editor.set_charset(charset);
            }
        });
        self.charset_warned = false;
        self.write_in_charset();
    }

    /// What leaves is converted too.
    pub(super) fn write_in_charset(&self) {
        self.outbox.set_charset(self.link.charset(), self.link.is_confirmed());
    }

    /// A line has a U+FFFD in it. Whoever typed the line is told once that it is their terminal's doing, unless that very
    /// character was typed.
    #[inline(never)]
    pub(super) fn tell_garbled(&mut self) {
        let edited =
            self.outbox.with_display(|display, _| display.editor().is_some_and(|editor| editor.take_garbled()));
        let garbled = self.assembler.take_garbled() || edited;
        if garbled && !std::mem::replace(&mut self.charset_warned, true) {
            let told =
                "Part of that line is not UTF-8 and cannot be read. If your terminal writes Latin-1: /charset latin1";
            self.outbox.tell(LineKind::News, told);
        }
    }

    #[inline(never)]
    pub(super) fn mode_changed(&mut self, on: bool) {
        self.look_again();
        self.outbox.with_display(|display, out| display.set_character_mode(on, out));
        if on {
            // Half a line that line mode had begun goes on in the editor.
            if let Some(LineEvent::Entered(begun)) = self.assembler.finish() {
                self.with_editor(|editor, out| drop(editor.next(&mut begun.as_bytes(), 0, out)));
            }
            let charset = self.link.charset();
            self.with_editor(|editor, _| editor.set_charset(charset));
        } else {
            self.assembler.resume_after_return();
        }
        // The new editor has to know the window's height, too.
        self.look_again();
    }

    /// Takes over what telnet has found out about the terminal.
    #[inline(never)]
    pub(super) fn look_again(&mut self) {
        let terminal = self.link.terminal();
        let ansi = terminal.ansi();
        let wanted = self
            .wanted
            .color
            .unwrap_or_else(|| terminal.color() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()));
        let (columns, rows) = self.link.window().unzip();
        // What a screen reader reads aloud before every message hides the message.
        let stamps = !terminal.screen_reader();
        let look = Style {
            ansi,
            color: ansi && wanted,
            columns,
            times: self.wanted.timestamps.unwrap_or(stamps),
            ids: self.wanted.ids.unwrap_or(stamps),
            quiet: self.wanted.quiet.unwrap_or(false),
        };
        let (go_ahead, reader) = (self.link.wants_go_ahead(), terminal.screen_reader());
        let binary = self.link.sends_binary();
        self.outbox.with_display(|display, out| {
            display.set_reader(reader);
            display.set_look(look, rows, out);
            display.set_go_ahead(go_ahead);
            display.set_binary(binary);
        });
    }
}
