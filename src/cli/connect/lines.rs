//! The view that writes lines from top to bottom: for pipes, for terminals that can do no more, and for screen readers.
//!
//! *Owns* how an item is written as a line, and when the next line of input is taken.
//! *Knows nothing of* the connection.

use std::collections::HashMap;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::model::{Channel, ChannelKey, ChatMessage, ClientModel, Intent, Item, ItemContent, Moment, Presence};
use super::signal::ClientSignal;
use super::view::{ClientView, ViewInput};

/// Longest line of input, in bytes. What is longer is sent in pieces, and refused by the server for its length.
const LONGEST_LINE: u64 = 64 * 1024;

/// Lines that may wait for their answers before more input is read: a script is held up, and nothing of it is lost.
const MOST_WAITING: usize = 256;

/// How far the input may run ahead.
#[derive(Debug, Default)]
struct InputGate {
    /// Lines passed on so far, and how many of them were taken.
    read: usize,
    taken: usize,
    /// How many lines may be passed on and not taken yet.
    room: usize,
}

/// Shared with the thread that reads. A leaf lock: nothing is read or written under it.
type SharedGate = Arc<(Mutex<InputGate>, Condvar)>;

fn locked(gate: &SharedGate) -> MutexGuard<'_, InputGate> {
    gate.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines from top to bottom.
pub(crate) struct LinesView {
    /// The key after the last item written, by channel.
    written: HashMap<ChannelKey, i64>,
    /// The number of the last change written.
    changes: u64,
    /// Of the last item about users who came or left, by channel: its key, the names written, and how many others.
    presence: HashMap<ChannelKey, (i64, usize, u64)>,
    gate: SharedGate,
    is_terminal: bool,
    /// The terminal's modes, while its echo is off.
    modes: Option<Termios>,
    /// The question on the screen.
    asked: Option<String>,
    shown_current: Option<ChannelKey>,
    zone: TimeZone,
}

impl LinesView {
    pub(crate) fn new() -> LinesView {
        LinesView {
            written: HashMap::new(),
            changes: 0,
            presence: HashMap::new(),
            gate: Arc::default(),
            is_terminal: io::stdin().is_terminal(),
            modes: None,
            asked: None,
            shown_current: None,
            zone: TimeZone::system(),
        }
    }

    fn time(&self, at: Timestamp, now: Timestamp) -> String {
        let (at, now) = (at.to_zoned(self.zone.clone()), now.to_zoned(self.zone.clone()));
        let form = if at.date() == now.date() { "[%H:%M] " } else { "[%Y-%m-%d %H:%M] " };
        at.strftime(form).to_string()
    }

    fn write_item(&self, channel: &Channel, item: &Item, model: &ClientModel, now: Moment, out: &mut Vec<u8>) {
        let place = place_of(channel, model);
        let line = match &item.content {
            ItemContent::Message(message) => self.said(message, item.at, model, now),
            // Lines of all channels are written, also those of the conversation.
            ItemContent::Copy(_) => return,
            ItemContent::News(text) => format!("* {text}"),
            ItemContent::Error(text) if text.starts_with("! ") => text.clone(),
            ItemContent::Error(text) => format!("! {text}"),
            ItemContent::Refused { text, why } if self.is_terminal => format!("! {why}\n  {text}"),
            ItemContent::Refused { why, .. } => format!("! {why}"),
            ItemContent::Presence(_) if model.settings().quiet => return,
            ItemContent::Presence(presence) => format!("* {}", presence.sentence()),
            ItemContent::Rule(text) => format!("--- {text} ---"),
        };
        write_rows(&place, &line, out);
    }

    /// As telnet shows it: `[14:03] #12 bob: text`.
    fn said(&self, message: &ChatMessage, at: Timestamp, model: &ClientModel, now: Moment) -> String {
        let settings = model.settings();
        let mut line = if settings.timestamps { self.time(at, now.time) } else { String::new() };
        if let Some(number) = message.number.filter(|_| settings.ids) {
            line.push_str(&format!("#{number} "));
        }
        let author = match (message.private, message.own) {
            (false, _) => message.author.clone(),
            (true, true) => format!("you -> {}", message.to.join(", ")),
            (true, false) => format!("{} -> you", message.author),
        };
        if let Some(gone) = message.gone {
            line.push_str(&format!("{author}: ({})", gone.sentence()));
            return line;
        }
        if message.action {
            line.push_str(&format!("* {author} "));
        } else {
            line.push_str(&author);
            if let Some(temporary) = message.temporary {
                line.push_str(&format!(" (temporary, {} s)", temporary.seconds));
            }
            line.push_str(": ");
        }
        if let Some(quoted) = &message.quoted {
            line.push_str(&format!("(to {}) ", quoted.described()));
        }
        line.push_str(&message.text);
        if message.edited {
            line.push_str(" (edited)");
        }
        line
    }

    fn write_channel(&mut self, channel: &Channel, model: &ClientModel, now: Moment, out: &mut Vec<u8>) {
        let items = channel.items();
        let from = match self.written.get(&channel.key()) {
            None => 0,
            // Anything older than the first item is history that nobody requested here.
            Some(next) => match items.front() {
                Some(front) => usize::try_from(next - front.key).unwrap_or(0),
                None => return,
            },
        };
        for item in items.range(from.min(items.len())..) {
            // What the user typed at a terminal is already on it.
            let is_there = |message: &ChatMessage| message.own && !message.history && self.is_terminal;
            if !item.message().is_some_and(is_there) {
                self.write_item(channel, item, model, now, out);
            }
            if let ItemContent::Presence(presence) = &item.content {
                self.presence.insert(channel.key(), (item.key, presence.names.len(), presence.more));
            }
        }
        if let Some(last) = items.back() {
            self.written.insert(channel.key(), last.key + 1);
        }
    }

    /// Writes the messages again that have changed since they were written.
    fn write_changes(&mut self, model: &ClientModel, now: Moment, out: &mut Vec<u8>) {
        for (number, channel, key) in model.changes_after(self.changes) {
            self.changes = number;
            let Some(channel) = model.channel(channel) else { continue };
            let is_written = self.written.get(&channel.key()).is_some_and(|next| key < *next);
            let item = channel.position(key).and_then(|at| channel.items().get(at)).filter(|_| is_written);
            match item.map(|item| (&item.content, item)) {
                Some((ItemContent::Presence(presence), item)) => {
                    let now = (item.key, presence.names.len(), presence.more);
                    let before = self.presence.insert(channel.key(), now).filter(|before| before.0 == item.key);
                    let (_, names, more) = before.unwrap_or((item.key, 0, 0));
                    let fresh = Presence {
                        joined: presence.joined,
                        names: presence.names.get(names..).unwrap_or(&[]).to_vec(),
                        more: presence.more.saturating_sub(more),
                    };
                    let is_any = !fresh.names.is_empty() || fresh.more > 0;
                    if is_any && !model.settings().quiet {
                        let place = place_of(channel, model);
                        write_rows(&place, &format!("* {}", fresh.sentence()), out);
                    }
                }
                Some((ItemContent::Message(_), item)) => self.write_item(channel, item, model, now, out),
                Some(_) | None => {}
            }
        }
    }

    /// Asks the model's question, and hides a password while it is typed.
    fn ask(&mut self, model: &ClientModel, out: &mut Vec<u8>) {
        let question = model.question();
        let prompt = question.as_ref().map(|question| question.prompt.clone());
        if prompt != self.asked {
            if let Some(prompt) = &prompt {
                out.extend_from_slice(prompt.as_bytes());
            }
            self.asked = prompt;
        }
        match question.is_some_and(|question| question.hidden) {
            true => self.echo_off(),
            false => self.echo_on(),
        }
    }

    fn echo_off(&mut self) {
        if !self.is_terminal || self.modes.is_some() {
            return;
        }
        let Ok(before) = tcgetattr(io::stdin()) else { return };
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        if tcsetattr(io::stdin(), OptionalActions::Now, &silent).is_ok() {
            self.modes = Some(before);
        }
    }

    fn echo_on(&mut self) {
        if let Some(modes) = self.modes.take() {
            // An error means that the terminal is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
    }
}

/// What stands before lines of a channel that the user is not in.
fn place_of(channel: &Channel, model: &ClientModel) -> String {
    match channel.key() == model.current().key() || channel.is_palette() {
        true => String::new(),
        false => format!("{} ", channel.shown()),
    }
}

/// Writes a line. Rows of it after the first are indented: no text of a user starts a row.
fn write_rows(place: &str, line: &str, out: &mut Vec<u8>) {
    for (number, row) in line.split('\n').enumerate() {
        out.extend_from_slice(if number == 0 { place.as_bytes() } else { b"  " });
        out.extend_from_slice(row.as_bytes());
        out.push(b'\n');
    }
}

/// Reads lines of stdin until its end.
fn read_lines(inbox: &SyncSender<ClientSignal>, gate: &SharedGate) {
    let mut stdin = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = (&mut stdin).take(LONGEST_LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(count) if count > 0) {
            break;
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        let mut held = locked(gate);
        while held.read - held.taken >= held.room {
            held = gate.1.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.read += 1;
        drop(held);
        let line = String::from_utf8_lossy(&line).into_owned();
        if inbox.send(ClientSignal::Input(ViewInput::Line(line))).is_err() {
            return;
        }
    }
    // An error means that the client has ended.
    let _ = inbox.send(ClientSignal::Input(ViewInput::End));
}

impl ClientView for LinesView {
    fn start(&mut self, inbox: SyncSender<ClientSignal>) -> io::Result<()> {
        let gate = Arc::clone(&self.gate);
        // Never joined: it waits for input that may never come, and ends with the process.
        thread::Builder::new().name("connect-input".to_owned()).spawn(move || read_lines(&inbox, &gate))?;
        Ok(())
    }

    fn take(&mut self, input: ViewInput, model: &mut ClientModel, now: Moment) {
        match input {
            ViewInput::Line(line) => {
                {
                    let mut gate = locked(&self.gate);
                    gate.taken += 1;
                    // It opens again once the effect of this line is known.
                    gate.room = 0;
                }
                // The line feed of a hidden answer was not shown.
                if self.modes.is_some() {
                    println_quietly();
                }
                // The next question is shown even if it is the same one again.
                self.asked = None;
                let is_answer = model.question().is_some();
                if is_answer || !line.trim().is_empty() {
                    model.act(Intent::Submit(line), now);
                }
            }
            ViewInput::End | ViewInput::Bytes(_) => {}
        }
    }

    fn draw(&mut self, model: &mut ClientModel, now: Moment) -> io::Result<()> {
        let model = &*model;
        let mut out = Vec::new();
        self.write_changes(model, now, &mut out);
        for channel in model.channels() {
            self.write_channel(channel, model, now, &mut out);
        }
        let current = model.current();
        if self.is_terminal && self.shown_current != Some(current.key()) {
            if self.shown_current.is_some() {
                let line = if current.is_palette() {
                    "You are in the palette.".to_owned()
                } else {
                    format!("You are in {}.", current.shown())
                };
                write_rows("", &format!("* {line}"), &mut out);
            }
            self.shown_current = Some(current.key());
        }
        if self.is_terminal {
            self.ask(model, &mut out);
        }
        {
            let mut gate = locked(&self.gate);
            gate.room = usize::from(model.takes_lines() && model.waiting() < MOST_WAITING);
        }
        self.gate.1.notify_all();
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    }

    fn wakes(&self, _: &ClientModel, _: Moment) -> Option<Instant> {
        None
    }

    fn redraw(&mut self) {
        self.asked = None;
    }

    fn ring(&mut self) {
        if self.is_terminal && io::stdout().is_terminal() {
            // An error means that the terminal is gone; the next line shows it.
            let _ = io::stdout().write_all(b"\x07");
        }
    }

    fn suspend(&mut self) {
        self.echo_on();
    }

    fn finish(&mut self, _: &ClientModel) {
        self.echo_on();
    }
}

impl Drop for LinesView {
    fn drop(&mut self) {
        self.echo_on();
    }
}

fn println_quietly() {
    // An error means that the terminal is gone; the next line shows it.
    let _ = io::stdout().write_all(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::connect::model::ClientChoices;

    #[test]
    fn everybody_who_comes_is_named_once_however_many_come_between_two_drawings() {
        let now = Moment::now();
        let mut model = ClientModel::new(ClientChoices { name: Some("alice".to_owned()), ..ClientChoices::default() });
        model.connected(None, now);
        for line in [
            r#"{"id":"1","action":"welcome"}"#,
            r#"{"id":"2","action":"ok","optional":{"user":"alice#1"}}"#,
            r#"{"id":9,"action":"message","sender":"bob","receiver":"general","content":"hello"}"#,
        ] {
            assert!(model.apply(line.as_bytes(), now));
        }
        let mut view = LinesView::new();
        let mut come = |names: &[&str]| {
            for name in names {
                let line = format!(r#"{{"action":"joined","sender":"{name}","receiver":"general"}}"#);
                assert!(model.apply(line.as_bytes(), now));
            }
            let mut out = Vec::new();
            view.write_changes(&model, now, &mut out);
            for channel in model.channels() {
                view.write_channel(channel, &model, now, &mut out);
            }
            String::from_utf8(out).expect("text")
        };
        assert!(come(&["carol"]).ends_with("#general * carol joined\n"));
        assert_eq!(come(&["dave", "erin"]), "#general * dave, erin joined\n");
        assert_eq!(come(&["frank"]), "#general * 1 other joined\n");
        assert_eq!(come(&["grace", "heidi"]), "#general * 2 others joined\n");
        assert_eq!(come(&[]), "");
    }
}
