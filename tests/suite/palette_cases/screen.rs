//! A terminal's screen of one row, with telnet removed from the input. *Owns* the division into lines. *Knows nothing
//! of* sockets.

use std::collections::VecDeque;

use chatsock::protocol::telnet::IAC;
use chatsock::text;

/// Telnet's commands that are longer than two bytes, and ECHO (RFC 854, 857).
const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DONT: u8 = 254;
const ECHO: u8 = 1;

#[derive(Default)]
enum State {
    #[default]
    Text,
    Command,
    Option(u8),
    Sub,
    SubCommand,
    Escape,
    /// A control sequence with this number so far (ECMA-48, 5.4).
    Sequence(usize),
}

/// The row and what has scrolled off it.
#[derive(Default)]
pub struct Screen {
    state: State,
    /// One cell a column; a character of two columns leaves the second one empty.
    row: Vec<String>,
    column: usize,
    /// The beginning of a character in UTF-8.
    partial: Vec<u8>,
    /// The row contains the terminal's own echo, so its end is not a line of the server's.
    typed: bool,
    /// The server has said that it echoes: the terminal does not, not even Enter.
    echo_off: bool,
    /// Completed rows.
    pub lines: VecDeque<String>,
}

impl Screen {
    /// Takes what the server sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match std::mem::take(&mut self.state) {
                State::Text if byte == IAC => State::Command,
                State::Text if byte == 0x1b => State::Escape,
                State::Text => {
                    self.print(byte);
                    State::Text
                }
                State::Command => match byte {
                    SB => State::Sub,
                    WILL..=DONT => State::Option(byte),
                    _ => State::Text,
                },
                State::Option(command) => {
                    if byte == ECHO && matches!(command, WILL | WONT) {
                        self.echo_off = command == WILL;
                    }
                    State::Text
                }
                State::Sub if byte == IAC => State::SubCommand,
                State::Sub => State::Sub,
                State::SubCommand if byte == SE => State::Text,
                State::SubCommand => State::Sub,
                State::Escape if byte == b'[' => State::Sequence(0),
                State::Escape => State::Text,
                State::Sequence(number) if byte.is_ascii_digit() => {
                    State::Sequence(number.saturating_mul(10).saturating_add(usize::from(byte - b'0')))
                }
                State::Sequence(number) if !(0x40..0x7f).contains(&byte) => State::Sequence(number),
                State::Sequence(number) => {
                    match byte {
                        b'C' => self.column = self.column.saturating_add(number.clamp(1, 1000)),
                        b'J' | b'K' => self.row.truncate(self.column),
                        _ => {}
                    }
                    State::Text
                }
            };
        }
    }

    fn print(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            b'\n' => {
                let line = self.row();
                if !(std::mem::take(&mut self.typed) && line.is_empty()) {
                    self.lines.push_back(line.trim_end().to_owned());
                }
                self.clear();
            }
            0 => {}
            // The bell follows the line that it is rung for.
            7 if self.row.is_empty() => {
                if let Some(line) = self.lines.back_mut() {
                    line.push_str("^G");
                }
            }
            1..0x20 | 0x7f => {
                self.put("^");
                self.put(char::from(byte ^ 0x40).encode_utf8(&mut [0; 4]));
            }
            _ => {
                self.partial.push(byte);
                let partial = std::mem::take(&mut self.partial);
                match std::str::from_utf8(&partial) {
                    Ok(character) => self.put(character),
                    Err(_) if partial.len() < 4 => self.partial = partial,
                    Err(_) => self.put("\u{fffd}"),
                }
            }
        }
    }

    fn put(&mut self, character: &str) {
        let width = text::width(character);
        if width == 0 {
            if let Some(cell) = self.column.checked_sub(1).and_then(|column| self.row.get_mut(column)) {
                cell.push_str(character);
            }
            return;
        }
        let end = self.column + width;
        if self.row.len() < end {
            self.row.resize(end, " ".to_owned());
        }
        self.row[self.column] = character.to_owned();
        for cell in &mut self.row[self.column + 1..end] {
            cell.clear();
        }
        self.column = end;
    }

    fn clear(&mut self) {
        self.row.clear();
        self.column = 0;
    }

    /// The cursor's row, without the blanks after the cursor, which a longer prompt has left.
    pub fn row(&self) -> String {
        let (before, behind) = self.row.split_at(self.column.min(self.row.len()));
        before.concat() + behind.concat().trim_end()
    }

    /// The person has typed these bytes, which the terminal may show.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        // In line mode a terminal draws Ctrl-C as `^C` and stays on the row.
        if bytes.contains(&b'\n') || bytes.contains(&3) {
            self.typed = self.echo_off || bytes.last() != Some(&b'\n');
            self.clear();
        }
    }

    /// Whether the row is a prompt of the server's, so that the typed line has been answered. Add new prompts here.
    pub fn has_prompt(&self) -> bool {
        let row = self.row();
        if matches!(
            row.as_str(),
            "> " | "paste> " | "Username: " | "Password: " | "Enter room name: " | "Enter username: "
        ) {
            return true;
        }
        let inner = row.strip_prefix('[').and_then(|rest| rest.strip_suffix("]> ")).or_else(|| row.strip_suffix(" | "));
        inner.is_some_and(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '#'))
        })
    }

    /// Whether the prompt is that of the palette or of a chat view, where commands are taken.
    pub fn takes_commands(&self) -> bool {
        self.has_prompt() && !self.row().ends_with(": ") && self.row() != "paste> "
    }
}
