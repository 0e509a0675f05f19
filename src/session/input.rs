//! From bytes to lines, and from lines to the palette.
//!
//! *Owns* the way from a read to the palette: other protocols turned away, telnet, line or character mode, rate limits.
//! *Knows nothing of* what a line does.

use std::time::{Duration, Instant};

use super::dispatch::reserve_effects;
use super::pacing::is_blank;
use super::{REPLIES_AT_ONCE, Session};
use crate::access::rate::RateDecision;
use crate::outbox::DisconnectReason;
use crate::protocol::line::{EditorEvent, Keep, LineEvent, WORK_AT_ONCE};
use crate::protocol::telnet::LinkEvent;
use crate::protocol::wire::{OtherProtocol, Verdict};
use crate::text::seconds;
use crate::ui::palette::{ControlKey, Effect, ScreenEffect};
use crate::ui::screen::{Display, LineKind};

/// Longest line if `line_bytes` sets no limit, in bytes: everything that a stranger can make grow is bounded.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// An event of the line mode assembler or the editor.
enum TypedInput<'a> {
    Line(std::borrow::Cow<'a, str>),
    TooLong,
    Interrupted,
    Ended,
    CompletionAsked,
    RedrawAsked,
}

impl Session {
    /// Takes what one read brought, and runs every line that it completes.
    pub fn take(&mut self, chunk: &[u8]) {
        self.tick();
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.take_for_program(chunk);
        }
        if let Verdict::OtherProtocol(protocol) = self.input.first_bytes.feed(chunk) {
            self.turn_away(protocol, chunk);
            return;
        }
        self.take_typed(chunk);
    }

    /// The same for bytes that are known to be no other protocol.
    pub(super) fn take_typed(&mut self, chunk: &[u8]) {
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.take_from_program(chunk);
        }
        if self.input.hold_behind_keys(chunk) {
            return;
        }
        self.input.note_chunk(chunk);
        let mut input = chunk;
        while let Some(event) = self.input.next_event(&mut input) {
            self.send_protocol();
            match event {
                LinkEvent::Data(bytes) => self.typed(bytes),
                LinkEvent::Interrupted => self.interrupted(),
                LinkEvent::AreYouThere => self.key_asked(|session| {
                    session.outbox.tell(LineKind::News, "Yes, I am here.");
                }),
                LinkEvent::CharacterErased => self.character_erased(),
                LinkEvent::LineErased => self.line_erased(),
                LinkEvent::EndOfFile => self.ended_by_key(),
                LinkEvent::Confirmed => self.confirmed(),
                LinkEvent::WindowResized => self.window_resized(),
                LinkEvent::TerminalChanged => self.update_style(),
                LinkEvent::CharacterModeChanged(on) => self.mode_changed(on),
                LinkEvent::CharsetChanged => self.charset_changed(),
            }
            self.keep_replies_small();
            self.note_editing();
            if self.is_over() || self.input.hold_behind_keys(input) {
                return;
            }
        }
        self.send_protocol();
        self.await_names();
    }

    #[inline(never)]
    fn character_erased(&mut self) {
        self.input.assembler.erase_character();
        self.with_editor(|editor, out| editor.erase_character(out));
    }

    #[inline(never)]
    fn line_erased(&mut self) {
        self.input.assembler.erase_line();
        self.with_editor(|editor, out| editor.erase_line(out));
    }

    /// The peer has shown that it speaks telnet.
    #[inline(never)]
    fn confirmed(&mut self) {
        self.update_style();
        self.write_in_charset();
        // The password prompt may be on the screen already.
        let hidden = self.palette.asks_password();
        self.outbox.with_display(|display, out| display.set_hidden(hidden, out));
    }

    /// Sends the answers and waits until they are taken: one read may bring thousands of lines with an answer each.
    #[inline(never)]
    pub(super) fn keep_replies_small(&mut self) {
        if self.outbox.unsent_bytes() > REPLIES_AT_ONCE {
            self.outbox.flush();
            self.wait_drained();
        }
    }

    /// The peer sends nothing more. A last line without its end is run like any other.
    pub(super) fn input_ended(&mut self) {
        self.outbox.with_display(|display, _| display.input_ended());
        #[cfg(feature = "json")]
        if self.is_program() {
            return self.requests_ended();
        }
        if let Some(protocol) = self.input.end() {
            self.turn_away(protocol, &[]);
            return;
        }
        if self.is_over() {
            return;
        }
        if let Some(line) = self.input.last_line() {
            // The terminal has not moved to the next row.
            self.outbox.with_display(|display, _| display.spoil_row());
            self.line_entered(&line);
        }
    }

    /// Tells the user what is left unfinished, after all input has been run.
    pub(super) fn tell_unfinished(&mut self) {
        self.answer_refused_lines();
        self.palette.input_ended(&mut self.effects);
        self.answer_below();
    }

    pub(super) fn with_editor(&self, work: impl FnOnce(&mut crate::protocol::line::Editor, &mut Vec<u8>)) {
        self.outbox.with_display(|display, out| {
            let mut unseen = Vec::new();
            let out = if display.is_shown() { out } else { &mut unseen };
            if let Some(editor) = display.editor() {
                work(editor, out);
            }
        });
    }

    /// Runs typed bytes, in line or character mode: a line may switch between the two.
    pub(super) fn typed(&mut self, mut bytes: &[u8]) {
        #[cfg(feature = "json")]
        if (self.input.is_undecided || self.is_program()) && self.take_as_program(bytes) {
            return;
        }
        while !bytes.is_empty() && !self.is_over() && self.takes_keys(bytes) {
            let limit = self.hub.config().limits.line_bytes.unwrap_or(LONGEST_LINE);
            let typed = if self.input.link.is_character_mode() {
                self.next_edited(&mut bytes, limit)
            } else {
                self.next_assembled(&mut bytes, limit)
            };
            let Some(typed) = typed else {
                if bytes.is_empty() || !self.input.owes_work() {
                    return;
                }
                continue;
            };
            match typed {
                TypedInput::Line(line) if line.contains('\n') => self.lines_entered(&line),
                TypedInput::Line(line) => self.line_entered(&line),
                TypedInput::TooLong => self.line_too_long(limit),
                TypedInput::Interrupted => self.interrupted(),
                TypedInput::Ended => self.ended_by_key(),
                TypedInput::CompletionAsked => self.key_asked(Session::complete),
                TypedInput::RedrawAsked => self.key_asked(|session| {
                    session.effects.push(Effect::Screen(ScreenEffect::Redraw));
                    session.answer_below();
                }),
            }
            self.keep_replies_small();
        }
    }

    /// Tab, Ctrl-L and AYT are answered like a command, and cost as much.
    #[inline(never)]
    fn key_asked(&mut self, answer: impl FnOnce(&mut Session)) {
        let now = self.tick();
        if self.pacing.pay_reading(now).is_ok() {
            answer(self);
        }
    }

    #[inline(never)]
    fn next_edited(&mut self, bytes: &mut &[u8], limit: usize) -> Option<TypedInput<'static>> {
        if !self.pacing.is_held() {
            // A second line in the same packet is drawn at its prompt like the first.
            self.update_place();
            self.outbox.with_display(|display, out| display.end(out));
        }
        let (event, work) = self.outbox.with_display(|display, out| {
            let mut unseen = Vec::new();
            let out = if display.is_shown() { out } else { &mut unseen };
            let editor = display.editor()?;
            Some((editor.next_within(WORK_AT_ONCE, bytes, limit, out), editor.take_work()))
        })?;
        self.input.add_work(work);
        Some(match event? {
            EditorEvent::Entered(line) => TypedInput::Line(line.into()),
            EditorEvent::Interrupted => TypedInput::Interrupted,
            EditorEvent::Ended => TypedInput::Ended,
            EditorEvent::CompletionAsked => TypedInput::CompletionAsked,
            EditorEvent::RedrawAsked => TypedInput::RedrawAsked,
            EditorEvent::TooLong => TypedInput::TooLong,
        })
    }

    #[inline(never)]
    fn next_assembled<'a>(&mut self, bytes: &mut &'a [u8], limit: usize) -> Option<TypedInput<'a>> {
        Some(match self.input.assembler.next(bytes, limit)? {
            LineEvent::Entered(line) => TypedInput::Line(line),
            LineEvent::TooLong => TypedInput::TooLong,
            LineEvent::Interrupted => TypedInput::Interrupted,
            LineEvent::Ended => TypedInput::Ended,
        })
    }

    /// Several lines pasted as one: one message, or separate lines where they cannot be one.
    #[inline(never)]
    fn lines_entered(&mut self, lines: &str) {
        self.pick_up_notices();
        if self.palette.takes_whole(lines) {
            return self.line_entered(lines);
        }
        for line in lines.lines() {
            if self.is_over() {
                return;
            }
            self.line_entered(line);
        }
    }

    fn line_entered(&mut self, text: &str) {
        #[cfg(feature = "json")]
        if self.input.is_undecided && self.enter_as_program(text) {
            return;
        }
        if self.take_line(text) {
            self.carry_out_input();
            self.return_line(text);
        }
    }

    /// Reads a line, once, where it was typed. False if it waits or is refused. Not inlined: what reading needs is off
    /// the stack again when the line is carried out.
    #[inline(never)]
    fn take_line(&mut self, text: &str) -> bool {
        let now = self.tick();
        self.note_activity(now);
        self.pick_up_notices();
        let (config, rules) = (self.hub.config(), self.rules());
        let line = self.palette.read(text, &rules);
        let turn = self.schedule_line(&line, &config, now);
        if self.outbox.line_ended(self.input.is_alone(), is_blank(text)) {
            // A message reappears as a message; everything else, including refused lines, stays on the screen.
            let said = line.comes_back() && !matches!(turn, RateDecision::Refused(_));
            let keep = if said { Keep::Erased } else { Keep::Shown };
            // A line typed ahead of a waiting `:join` may be its password.
            let recallable = if self.pacing.has_waiting_lines() { "" } else { line.recallable() };
            self.outbox.with_display(|display, out| {
                display.finish_line(keep, out);
                if !recallable.is_empty()
                    && let Some(editor) = display.editor()
                {
                    editor.remember(recallable);
                }
            });
        }
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.warn_of_garbled_text();
        }
        match turn {
            RateDecision::Now => {
                reserve_effects(&mut self.effects);
                self.palette.run(line, &rules, &mut self.effects);
                return true;
            }
            RateDecision::At(due) => {
                if !self.pacing.delay_line(text, line.cost(), due, now) {
                    self.refuse_line(&line, due.saturating_duration_since(now));
                }
            }
            RateDecision::Refused(_) if is_blank(text) => {}
            RateDecision::Refused(wait) => self.refuse_line(&line, wait),
        }
        false
    }

    #[inline(never)]
    pub(super) fn refuse_fast(&mut self, wait: Duration) {
        self.refuse(format_args!("Too fast: try again in {}.", seconds(wait)));
    }

    /// Carries out a key that has a meaning of its own.
    pub(super) fn run_key(&mut self, key: ControlKey) {
        self.palette.press(key, &mut self.effects);
        self.carry_out_input();
    }

    /// Carries out what a line or a key has caused.
    pub(super) fn carry_out_input(&mut self) {
        if self.effects.iter().all(|effect| matches!(effect, Effect::Say { confirm: false, .. })) {
            self.carry_out();
        } else {
            self.answer_below();
        }
    }

    /// Carries out the effects that answer a line, below the user's own lines and everything that others posted before
    /// it.
    fn answer_below(&mut self) {
        self.catch_up_view();
        self.outbox.with_display(Display::ask);
        self.carry_out();
        self.update_place();
        self.keep_replies_small();
    }

    #[inline(never)]
    fn catch_up_view(&mut self) {
        self.say_unsaid();
        self.rooms.deliver();
        if let Some(room) = self.rooms.viewed() {
            room.catch_up(&self.outbox);
        }
    }

    #[inline(never)]
    fn line_too_long(&mut self, limit: usize) {
        let now = self.tick();
        self.note_activity(now);
        let fate = if self.input.link.is_character_mode() { "The rest was not taken" } else { "It was not read" };
        let told = format!("That line is too long: a line may have {limit} bytes. {fate}.");
        self.refuse(&told);
        if self.input.count_long_line() {
            self.disconnect = Some(DisconnectReason::LongLines);
        }
    }

    fn interrupted(&mut self) {
        self.input.assembler.clear();
        self.with_editor(|editor, out| editor.interrupt(out));
        if !self.outbox.line_ended(self.input.is_alone(), false) {
            // The terminal has drawn its ^C where the cursor was.
            self.outbox.with_display(|display, _| display.spoil_row());
        }
        self.run_or_wait(ControlKey::Interrupt);
    }

    fn ended_by_key(&mut self) {
        self.run_or_wait(ControlKey::End);
    }

    /// A key that takes effect in order, after the lines before it.
    fn run_or_wait(&mut self, key: ControlKey) {
        let now = self.tick();
        match self.pacing.schedule_key(now) {
            RateDecision::Now => self.run_key(key),
            RateDecision::At(due) => self.pacing.delay_key(key, due),
            RateDecision::Refused(_) => {}
        }
    }

    pub(super) fn note_activity(&mut self, now: Instant) {
        self.counts.note_line();
        self.idle.typed(now);
        self.user.iter().for_each(|user| user.typed(now));
    }

    /// Ends a connection that speaks another protocol, with one fitting answer to `heard`. None of it is run.
    pub(super) fn turn_away(&mut self, protocol: OtherProtocol, heard: &[u8]) {
        let page = self.hub.page_address(heard, self.outbox.stream().local_addr().ok());
        self.outbox.answer_raw(&protocol.answer(page.as_deref()));
        self.disconnect = Some(DisconnectReason::OtherProtocol(protocol));
    }
}
