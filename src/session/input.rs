//! Bytes to lines, and lines to their turn.
//!
//! *Owns* the way from a read to the palette: other protocols turned away, telnet, line or character mode, rate limits.
//! *Knows nothing of* what a line does.
//! *Called by* `session`.

use std::time::{Duration, Instant};

use super::pending::Waiting;
use super::{REPLIES_AT_ONCE, Session};
use crate::command::Cost;
use crate::config::Config;
use crate::line::{EditorEvent, Keep, LineEvent};
use crate::outbox::Ended;
use crate::palette::{Effect, Input, seconds};
use crate::screen::Tone;
use crate::telnet::LinkEvent;
use crate::throttle::{Rate, Turn};
use crate::wire::{self, Foreign};

/// A line whose turn comes within this time is delayed, a later one refused.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reading commands: so many at once,
const READS_AT_ONCE: u32 = 20;
/// and so many a second.
const READS_PER_SECOND: u32 = 10;

/// What a line may have where `line_bytes` sets no limit, in bytes: what a stranger can make grow is bounded all the same.
const LONGEST_LINE: usize = 1 << 20;

/// Lines over `line_bytes` in one session before it is closed.
const LONG_LINES: u8 = 3;

/// What came out of the line mode assembler or the editor.
enum Typed<'a> {
    Line(std::borrow::Cow<'a, str>),
    TooLong,
    Interrupted,
    Ended,
    CompletionAsked,
    RedrawAsked,
}

impl Session {
    /// Takes what one read brought.
    #[inline(never)]
    pub(super) fn take(&mut self, chunk: &[u8]) {
        if !std::mem::replace(&mut self.first_byte_seen, true) && wire::is_tls_hello(chunk) {
            self.turn_away(Foreign::Tls);
            return;
        }
        let mut input = chunk;
        while let Some(event) = self.next_event(&mut input) {
            self.send_protocol();
            match event {
                LinkEvent::Data(bytes) => self.typed(bytes),
                LinkEvent::Interrupted => self.interrupted(),
                LinkEvent::AreYouThere => self.outbox.tell(Tone::News, "Yes, I am here."),
                LinkEvent::CharacterErased => {
                    self.assembler.erase_character();
                    self.with_editor(|editor, out| editor.erase_character(out));
                }
                LinkEvent::LineErased => {
                    self.assembler.erase_line();
                    self.with_editor(|editor, out| editor.erase_line(out));
                }
                LinkEvent::EndOfFile => self.ended_by_key(),
                LinkEvent::WindowResized | LinkEvent::TerminalChanged | LinkEvent::Confirmed => self.look_again(),
                LinkEvent::CharacterModeChanged(on) => self.mode_changed(on),
            }
            if self.is_over() {
                return;
            }
        }
        self.send_protocol();
    }

    /// Not inlined, like its neighbours: what they need is off the stack again when a line runs, and what the deepest line
    /// needs decides how much memory an idle person takes.
    #[inline(never)]
    fn next_event<'a>(&mut self, input: &mut &'a [u8]) -> Option<LinkEvent<'a>> {
        self.link.next(input, &mut self.protocol)
    }

    /// The peer sends nothing more: a last line without its end is run like any other.
    pub(super) fn input_ended(&mut self) {
        self.input_over = true;
        let last = self.assembler.finish();
        if let Some(LineEvent::Entered(line)) = last {
            self.line_entered(&line);
        }
    }

    fn with_editor(&self, work: impl FnOnce(&mut crate::line::Editor, &mut Vec<u8>)) {
        self.outbox.with_display(|display, out| {
            let mut unseen = Vec::new();
            let out = if display.is_shown() { out } else { &mut unseen };
            if let Some(editor) = display.editor() {
                work(editor, out);
            }
        });
    }

    /// Runs typed bytes, in line or character mode: a line may switch between the two.
    fn typed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_over() {
            let limit = self.hub.config().limits.line_bytes.unwrap_or(LONGEST_LINE);
            let typed = if self.link.is_character_mode() {
                self.next_edited(&mut bytes, limit)
            } else {
                self.next_assembled(&mut bytes, limit)
            };
            let Some(typed) = typed else { return };
            match typed {
                Typed::Line(line) => self.line_entered(&line),
                Typed::TooLong => self.line_too_long(limit),
                Typed::Interrupted => self.interrupted(),
                Typed::Ended => self.ended_by_key(),
                Typed::CompletionAsked => self.complete(),
                Typed::RedrawAsked => {
                    self.effects.push(Effect::Redraw);
                    self.carry_out();
                }
            }
        }
    }

    /// Character mode.
    #[inline(never)]
    fn next_edited(&mut self, bytes: &mut &[u8], limit: usize) -> Option<Typed<'static>> {
        if self.held_until.is_none() {
            // A second line in the same packet is drawn at its prompt like the first.
            self.update_place();
            self.outbox.with_display(|display, out| display.end(out));
        }
        let event = self.outbox.with_display(|display, out| {
            let mut unseen = Vec::new();
            let out = if display.is_shown() { out } else { &mut unseen };
            display.editor()?.next(bytes, limit, out)
        })?;
        Some(match event {
            EditorEvent::Entered(line) => Typed::Line(line.into()),
            EditorEvent::Interrupted => Typed::Interrupted,
            EditorEvent::Ended => Typed::Ended,
            EditorEvent::CompletionAsked => Typed::CompletionAsked,
            EditorEvent::RedrawAsked => Typed::RedrawAsked,
            EditorEvent::TooLong => Typed::TooLong,
        })
    }

    /// Line mode.
    #[inline(never)]
    fn next_assembled<'a>(&mut self, bytes: &mut &'a [u8], limit: usize) -> Option<Typed<'a>> {
        Some(match self.assembler.next(bytes, limit)? {
            LineEvent::Entered(line) => Typed::Line(line),
            LineEvent::TooLong => Typed::TooLong,
            LineEvent::Interrupted => Typed::Interrupted,
            LineEvent::Ended => Typed::Ended,
        })
    }

    fn line_entered(&mut self, line: &str) {
        let now = Instant::now();
        if !std::mem::replace(&mut self.first_line_seen, true)
            && let Some(foreign) = wire::foreign_line(line)
        {
            self.turn_away(foreign);
            return;
        }
        self.note_activity(now);
        self.pick_up_losses();
        let config = self.hub.config();
        let turn = self.turn(line, &config, now);
        if self.outbox.line_ended() {
            // What is said comes back as a message; everything else, and what is refused, stays to be read.
            let said = self.palette.would_say(line, &self.rules()) && !matches!(turn, Turn::Refused(_));
            let keep = if said { Keep::Erased } else { Keep::Shown };
            let remembered = !self.palette.asks_password() && self.palette.is_logged_in() && !line.trim().is_empty();
            self.outbox.with_display(|display, out| {
                display.finish_line(keep, out);
                if remembered && let Some(editor) = display.editor() {
                    editor.remember(line);
                }
            });
        }
        match turn {
            Turn::Now => self.run_line(line),
            Turn::At(due) if !self.pending.is_full() => self.pending.push(due, Waiting::Line(line.to_owned())),
            Turn::At(due) => self.refuse_fast(due.saturating_duration_since(now)),
            Turn::Refused(wait) => self.refuse_fast(wait),
        }
    }

    #[inline(never)]
    fn refuse_fast(&mut self, wait: Duration) {
        self.outbox.tell(Tone::Refusal, &format!("Too fast: try again in {}.", seconds(wait)));
    }

    /// When a line may run. Lines keep their order: none overtakes one that waits.
    fn turn(&mut self, line: &str, config: &Config, now: Instant) -> Turn {
        let (bucket, units, rate) = match self.palette.cost(line) {
            Cost::Free => (&mut self.reads, 0, None),
            Cost::Read(units) => {
                (&mut self.reads, units, Rate::new(READS_AT_ONCE, READS_PER_SECOND, Duration::from_secs(1)))
            }
            Cost::Post => (&mut self.posts, 1, message_rate(config)),
        };
        let turn = rate.map_or(Turn::Now, |rate| bucket.reserve(now, units, rate, PATIENCE));
        let behind = [self.held_until, self.pending.last_due()].into_iter().flatten().max();
        match (turn, behind) {
            (Turn::Now, Some(behind)) => Turn::At(behind.max(now)),
            (Turn::At(due), Some(behind)) => Turn::At(due.max(behind)),
            (turn, _) => turn,
        }
    }

    pub(super) fn run_pending(&mut self, now: Instant) {
        if self.held_until.is_some() {
            return;
        }
        while !self.is_over()
            && let Some(waiting) = self.pending.pop(now)
        {
            match waiting {
                Waiting::Line(line) => self.run_line(&line),
                Waiting::Ended => self.run_input(Input::Ended),
            }
            // `:mode` takes effect on telnet's side first, and nothing has to be read for it.
            self.take(&[]);
        }
    }

    fn run_line(&mut self, line: &str) {
        self.run_input(Input::LineEntered(line));
    }

    pub(super) fn run_input(&mut self, input: Input<'_>) {
        let rules = self.rules();
        self.palette.handle(input, &rules, &mut self.effects);
        let only_said = self.effects.iter().all(|effect| matches!(effect, Effect::Say { confirm: false, .. }));
        if !only_said {
            // The answer stands below one's own lines and below what others said before it.
            self.deliver();
            if let Some(room) = &self.viewed {
                room.catch_up(&self.outbox);
            }
        }
        self.carry_out();
        if !only_said {
            self.update_place();
        }
        if !only_said && self.outbox.unsent_bytes() > REPLIES_AT_ONCE {
            self.outbox.flush();
            self.outbox.wait_drained(None);
        }
    }

    #[inline(never)]
    fn line_too_long(&mut self, limit: usize) {
        self.note_activity(Instant::now());
        self.first_line_seen = true;
        let fate = if self.link.is_character_mode() { "The rest was not taken" } else { "It was not read" };
        let told = format!("That line is too long: a line may have {limit} bytes. {fate}.");
        self.outbox.tell(Tone::Refusal, &told);
        self.long_lines += 1;
        if self.long_lines >= LONG_LINES {
            self.ended = Some(Ended::LongLines);
        }
    }

    #[inline(never)]
    fn interrupted(&mut self) {
        self.assembler.clear();
        self.with_editor(|editor, out| editor.interrupt(out));
        self.outbox.line_ended();
        self.run_input(Input::Interrupted);
    }

    fn ended_by_key(&mut self) {
        if let Some(due) = self.pending.last_due() {
            self.pending.push(due, Waiting::Ended);
        } else {
            self.run_input(Input::Ended);
        }
    }

    fn note_activity(&mut self, now: Instant) {
        self.last_typed = now;
        self.idle_warned = false;
        if let Some(person) = &self.person {
            person.typed(now);
        }
    }

    /// Another protocol knocked: one fitting answer and the end; nothing it sent is run.
    #[inline(never)]
    fn turn_away(&mut self, foreign: Foreign) {
        self.outbox.answer_raw(foreign.answer());
        self.ended = Some(Ended::Foreign(foreign));
    }

    #[inline(never)]
    fn mode_changed(&mut self, on: bool) {
        self.look_again();
        self.outbox.with_display(|display, out| display.set_character_mode(on, out));
        if !on {
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
        let wanted =
            self.color.unwrap_or_else(|| terminal.color() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()));
        let (columns, rows) = self.link.window().unzip();
        let look = crate::screen::Look { ansi, color: ansi && wanted, columns };
        let go_ahead = self.link.wants_go_ahead();
        self.outbox.with_display(|display, out| {
            display.set_look(look, rows, out);
            display.set_go_ahead(go_ahead);
        });
    }
}

fn message_rate(config: &Config) -> Option<Rate> {
    let units = |count: Option<usize>| u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX);
    Rate::new(units(config.limits.message_burst), units(config.limits.messages_per_second), Duration::from_secs(1))
}
