//! What this user's terminal turns out to be: which names it gives, and how it writes letters beyond ASCII.
//!
//! *Owns* the wait for its names; telling every part of the session its charset, and the hint for a user whose text is
//! not UTF-8.
//! *Knows nothing of* how text is converted, and of how a client asks for a charset.
//! *Called by* `session`.

use std::time::{Duration, Instant};

use super::Session;
use crate::screen::Tone;
use crate::text::Charset;

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
        self.outbox.tell(Tone::News, &format!("Your text is read and written as {name}."));
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
            self.outbox.tell(Tone::News, told);
        }
    }
}
