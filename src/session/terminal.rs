//! The user's terminal: its names, its mode, its look, its width, and how it writes letters beyond ASCII.
//!
//! *Owns* how long to wait for its names, when the view is redrawn for a new width, and the rule that each warning
//! about it is shown once. *Knows nothing of* how text is converted, how a view is drawn, and how a client asks for a
//! charset.

use std::time::{Duration, Instant};

use super::Session;
use crate::protocol::line::LineEvent;
use crate::text::Charset;
use crate::ui::screen::{LineKind, Prompt, Style};

/// How long a terminal may take for its next name (RFC 1091) before its mode is decided. It answers within one round
/// trip, if at all.
const NAMES_STALL: Duration = Duration::from_secs(1);

/// How this user wants the screen to look, as far as they have said so. The terminal decides the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DisplayChoices {
    pub(super) color: Option<bool>,
    pub(super) timestamps: Option<bool>,
    pub(super) ids: Option<bool>,
    pub(super) quiet: Option<bool>,
}

/// What a session knows of its terminal beyond what telnet does. Pure: `now` is an argument.
#[derive(Debug, Default)]
pub(super) struct TerminalState {
    pub(super) choices: DisplayChoices,
    /// The window's width has changed, and the view is redrawn at this moment.
    redraw_due: Option<Instant>,
    /// More names may come: the number of the open question, and until when its answer is waited for.
    names_until: Option<(u8, Instant)>,
    garbled_warned: bool,
    echo_warned: bool,
    network_warned: bool,
}

impl TerminalState {
    /// Waits for the answer to the open question, if there is one, from the moment it was put.
    fn await_names(&mut self, open: Option<u8>, now: Instant) {
        if open != self.names_until.map(|(question, _)| question) {
            self.names_until = open.map(|question| (question, now + NAMES_STALL));
        }
    }

    /// True once, if the answer to the open question is overdue.
    fn names_overdue(&mut self, now: Instant) -> bool {
        self.names_until.take_if(|(_, until)| *until <= now).is_some()
    }

    /// Redraws the view now, or at the moment of an earlier request that is still pending.
    fn request_redraw(&mut self, now: Instant) {
        self.redraw_due.get_or_insert(now);
    }

    /// True once, if a redraw is due.
    fn redraw_is_due(&mut self, now: Instant) -> bool {
        self.redraw_due.take_if(|due| *due <= now).is_some()
    }

    /// When there is something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let names = self.names_until.map(|(_, until)| until);
        [names, self.redraw_due].into_iter().flatten().min()
    }
}

impl Session {
    /// Notes whether the terminal still has names to give.
    pub(super) fn await_names(&mut self) {
        self.terminal.await_names(self.input.link.open_question(), self.now());
    }

    /// If the next name has not arrived in time, as with telnet.exe, decides the mode from what is known about the
    /// terminal.
    pub(super) fn end_names_if_overdue(&mut self, now: Instant) {
        if self.terminal.names_overdue(now) {
            self.input.link.end_names(&mut self.input.protocol);
            self.send_protocol();
        }
    }

    /// `:charset latin1`.
    pub(super) fn set_charset(&mut self, charset: Charset) {
        self.input.link.choose_charset(charset);
        self.charset_changed();
        self.tell_charset();
    }

    /// `:charset` alone.
    pub(super) fn tell_charset(&self) {
        let name = self.input.link.charset().name();
        self.outbox.tell(LineKind::News, &format!("Your text is read and written as {name}."));
    }

    /// The charset has changed, by hand or by agreement with the client.
    pub(super) fn charset_changed(&mut self) {
        let charset = self.input.link.charset();
        self.input.assembler.set_charset(charset);
        self.outbox.with_display(|display, _| {
            if let Some(editor) = display.editor() {
                editor.set_charset(charset);
            }
        });
        self.terminal.garbled_warned = false;
        self.write_in_charset();
    }

    /// Makes the outbox write in the connection's charset.
    pub(super) fn write_in_charset(&self) {
        self.outbox.set_charset(self.input.link.charset(), self.input.link.is_confirmed());
    }

    /// A line has a U+FFFD in it. Says once that the terminal caused it, unless the user typed that very character.
    pub(super) fn warn_of_garbled_text(&mut self) {
        let edited =
            self.outbox.with_display(|display, _| display.editor().is_some_and(|editor| editor.take_garbled()));
        let garbled = self.input.assembler.take_garbled() || edited;
        if garbled && !std::mem::replace(&mut self.terminal.garbled_warned, true) {
            let line =
                "Part of that line is not UTF-8 and cannot be read. If your terminal writes Latin-1: /charset latin1";
            self.outbox.tell(LineKind::News, line);
        }
    }

    /// Says once that the client will show a password, if nothing can hide it.
    pub(super) fn warn_of_echo(&mut self) {
        if !self.input.link.is_confirmed() && !std::mem::replace(&mut self.terminal.echo_warned, true) {
            self.outbox.tell(LineKind::News, "Your client will show what you type.");
        }
    }

    /// Says once, before the first password, that it crosses the network unencrypted.
    #[inline(never)]
    pub(super) fn warn_of_clear_text(&mut self) {
        let clear = self.outbox.encryption().is_none() && !self.ip().is_loopback();
        if clear && self.hub.accounts().are_enabled() && !std::mem::replace(&mut self.terminal.network_warned, true) {
            let line = "This connection is not encrypted: anybody between you and the server can read your password.";
            self.outbox.tell(LineKind::News, line);
        }
    }

    #[inline(never)]
    pub(super) fn mode_changed(&mut self, on: bool) {
        self.update_style();
        self.outbox.with_display(|display, out| display.set_character_mode(on, out));
        if on {
            // Half a line begun in line mode continues in the editor.
            if let Some(LineEvent::Entered(begun)) = self.input.assembler.finish() {
                self.with_editor(|editor, out| drop(editor.next(&mut begun.as_bytes(), 0, out)));
            }
            let charset = self.input.link.charset();
            self.with_editor(|editor, _| editor.set_charset(charset));
        } else {
            self.input.assembler.resume_after_return();
        }
        // The new editor has to know the window's height, too.
        self.update_style();
    }

    /// Passes on what telnet has found out about the terminal.
    #[inline(never)]
    pub(super) fn update_style(&mut self) {
        let link = &self.input.link;
        let choices = self.terminal.choices;
        let terminal = link.terminal();
        let ansi = terminal.ansi();
        let wanted = choices
            .color
            .unwrap_or_else(|| terminal.color() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()));
        let (columns, rows) = link.window().unzip();
        // Times and ids that a screen reader speaks before every message make it hard to follow.
        let stamps = !terminal.screen_reader();
        let style = Style {
            ansi,
            color: ansi && wanted,
            columns,
            times: choices.timestamps.unwrap_or(stamps),
            ids: choices.ids.unwrap_or(stamps),
            quiet: choices.quiet.unwrap_or(false),
        };
        let (go_ahead, reader) = (link.wants_go_ahead(), terminal.screen_reader());
        let binary = link.sends_binary();
        self.outbox.with_display(|display, out| {
            display.set_reader(reader);
            display.set_look(style, rows, out);
            display.set_go_ahead(go_ahead);
            display.set_binary(binary);
        });
    }

    /// The client has reported the window's size. Many terminals move their rows when the width changes, and others do
    /// not: where anything is on the screen is unknown until it is drawn again.
    pub(super) fn window_resized(&mut self) {
        let width = |session: &Session| session.outbox.with_display(|display, _| display.width());
        let before = width(self);
        self.update_style();
        if width(self) != before {
            self.terminal.request_redraw(self.now());
            self.redraw_if_due(self.now());
        }
    }

    /// Redraws the view if it is time. It costs what Ctrl-L costs, and is late rather than left out: dragging a
    /// window's edge sends a hundred widths, and only the last one counts.
    pub(super) fn redraw_if_due(&mut self, now: Instant) {
        if !self.terminal.redraw_is_due(now) {
            return;
        }
        let drawn = self.outbox.with_display(|display, _| display.is_character_mode() && display.look().ansi);
        if !drawn || !matches!(self.palette.prompt(), Prompt::ChatView(_)) {
            return;
        }
        match self.pacing.pay_reading(now) {
            Err(wait) => self.terminal.request_redraw(now + wait),
            Ok(()) => {
                if !self.outbox.redraw_view(self.hub.clock.clone()) {
                    self.redraw();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_a_terminals_names_is_waited_for_a_second_from_its_own_question() {
        let now = Instant::now();
        let half = NAMES_STALL / 2;
        let mut terminal = TerminalState::default();
        terminal.await_names(None, now);
        assert!(!terminal.names_overdue(now) && terminal.next_due().is_none());
        terminal.await_names(Some(1), now);
        terminal.await_names(Some(1), now + half);
        assert_eq!(terminal.next_due(), Some(now + NAMES_STALL), "the same question is not put again");
        terminal.await_names(Some(2), now + half);
        assert!(!terminal.names_overdue(now + NAMES_STALL), "the first was answered");
        assert!(terminal.names_overdue(now + half + NAMES_STALL) && !terminal.names_overdue(now + half + NAMES_STALL));
        terminal.await_names(Some(3), now);
        terminal.await_names(None, now);
        assert!(!terminal.names_overdue(now + NAMES_STALL), "all were answered");
    }

    #[test]
    fn a_redraw_that_was_put_off_is_not_brought_forward_by_another_width() {
        let now = Instant::now();
        let later = now + Duration::from_millis(100);
        let mut terminal = TerminalState::default();
        assert!(!terminal.redraw_is_due(now));
        terminal.request_redraw(later);
        terminal.request_redraw(now);
        assert_eq!(terminal.next_due(), Some(later));
        assert!(!terminal.redraw_is_due(now) && terminal.redraw_is_due(later) && !terminal.redraw_is_due(later));
    }
}
