//! A telnet client with a terminal. It answers telnet commands as the stock client does, so it is in character mode, and
//! keeps the screen that a user would see.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::time::Instant;

use chatsock::protocol::telnet::{DO, DONT, ECHO, IAC, NAWS, SB, SE, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WILL, WONT};

use crate::support::PATIENCE;

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// The arrow up key.
pub const UP: &str = "\x1b[A";
/// The arrow left key.
pub const LEFT: &str = "\x1b[D";

enum State {
    Text,
    Command,
    Option(u8),
    Sub,
    SubCommand,
}

/// The client.
pub struct Terminal {
    stream: TcpStream,
    state: State,
    sub: Vec<u8>,
    screen: vt100::Parser,
    text: Vec<u8>,
    /// Received but not shown yet.
    unseen: Vec<u8>,
    echoed: bool,
    over: bool,
}

/// Clears the screen, to redraw it (ECMA-48, 8.3.39).
const CLEAR: &[u8] = b"\x1b[2J";

impl Terminal {
    /// Connects and waits until the server echoes, which means character mode.
    pub fn connect(address: SocketAddr) -> Terminal {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let size = |cells| NonZero::new(cells).expect("a terminal has cells");
        let mut terminal = Terminal {
            stream,
            state: State::Text,
            sub: Vec::new(),
            screen: vt100::Parser::new(size(ROWS), size(COLUMNS), 0),
            text: Vec::new(),
            unseen: Vec::new(),
            echoed: false,
            over: false,
        };
        terminal.wait("character mode", |terminal| terminal.echoed);
        terminal
    }

    /// Connects and logs in.
    pub fn login(address: SocketAddr, name: &str) -> Terminal {
        let mut terminal = Terminal::connect(address);
        terminal.expect_last_row("Username: ");
        terminal.enter(name);
        terminal.expect_on_screen(&format!("* Hello {name}."));
        terminal.expect_last_row("> ");
        terminal
    }

    /// The same in the chat view of a room.
    pub fn chat(address: SocketAddr, name: &str, room: &str) -> Terminal {
        let mut terminal = Terminal::login(address, name);
        terminal.enter(&format!(":join {room}"));
        terminal.expect_last_row(&format!("[{room}]> "));
        terminal.enter(":chat");
        terminal.expect_last_row(&format!("{room} | "));
        terminal
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.stream.write_all(keys.as_bytes()).expect("sent");
    }

    /// Sends bytes as they are.
    pub fn press_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
    }

    /// Types a line and presses Enter (RFC 854: CR NUL).
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r\0"));
    }

    /// Everything received, without telnet commands.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// The screen's rows, without empty ones at the bottom.
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.screen.screen().rows(0, COLUMNS).collect();
        while rows.last().is_some_and(|row| row.is_empty()) {
            rows.pop();
        }
        rows
    }

    /// Whether some row has the text.
    pub fn shows(&self, text: &str) -> bool {
        self.rows().iter().any(|row| row.contains(text))
    }

    /// The cursor's column and whether it is on the last row that is not empty.
    pub fn cursor(&self) -> (usize, bool) {
        let (row, column) = self.screen.screen().cursor_position();
        (usize::from(column), usize::from(row) + 1 == self.rows().len())
    }

    /// Waits until the last row is this one.
    pub fn expect_last_row(&mut self, row: &str) {
        self.wait(row, |terminal| terminal.rows().last().is_some_and(|last| last == row));
    }

    /// Waits until some row has the text.
    pub fn expect_on_screen(&mut self, text: &str) {
        self.wait(text, |terminal| terminal.shows(text));
    }

    /// Reads until a condition holds. A user sees a screen before it is redrawn, so the condition is checked at that
    /// point too; otherwise a slow test would see only the final screen.
    pub fn wait(&mut self, what: &str, mut holds: impl FnMut(&Terminal) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            if self.unseen.is_empty() {
                self.read(deadline, what);
            }
            let clear = self.unseen.windows(CLEAR.len()).skip(1).position(|bytes| bytes == CLEAR);
            let rest = clear.map_or_else(Vec::new, |at| self.unseen.split_off(at + 1));
            let bytes = std::mem::replace(&mut self.unseen, rest);
            bytes.into_iter().for_each(|byte| self.take(byte));
        }
    }

    fn read(&mut self, deadline: Instant, what: &str) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!self.over && !left.is_zero(), "not in time: {what}; the screen:\n{}", self.rows().join("\n"));
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count) if count > 0 => self.unseen.extend_from_slice(&buffer[..count]),
            // The process was stopped and continued (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => self.over = true,
        }
    }

    fn take(&mut self, byte: u8) {
        self.state = match std::mem::replace(&mut self.state, State::Text) {
            State::Text if byte == IAC => State::Command,
            State::Text => {
                self.screen.process(&[byte]);
                self.text.push(byte);
                State::Text
            }
            State::Command => match byte {
                SB => {
                    self.sub.clear();
                    State::Sub
                }
                WILL..=DONT => State::Option(byte),
                _ => State::Text,
            },
            State::Option(command) => {
                self.answer(command, byte);
                State::Text
            }
            State::Sub if byte == IAC => State::SubCommand,
            State::Sub => {
                self.sub.push(byte);
                State::Sub
            }
            State::SubCommand if byte == SE => {
                if self.sub == [TERMINAL_TYPE, 1] {
                    self.reply(&[&[IAC, SB, TERMINAL_TYPE, 0], &b"XTERM"[..], &[IAC, SE]].concat());
                }
                State::Text
            }
            State::SubCommand => State::Sub,
        };
    }

    fn answer(&mut self, command: u8, option: u8) {
        match (command, option) {
            (DO, TERMINAL_TYPE) => self.reply(&[IAC, WILL, TERMINAL_TYPE]),
            (DO, NAWS) => {
                let size = [0, COLUMNS as u8, 0, ROWS as u8];
                self.reply(&[&[IAC, WILL, NAWS, IAC, SB, NAWS][..], &size, &[IAC, SE]].concat());
            }
            (DO, _) => self.reply(&[IAC, WONT, option]),
            (WILL, ECHO | SUPPRESS_GO_AHEAD) => {
                self.echoed |= option == ECHO;
                self.reply(&[IAC, DO, option]);
            }
            (WILL, _) => self.reply(&[IAC, DONT, option]),
            (WONT, ECHO) if std::mem::take(&mut self.echoed) => self.reply(&[IAC, DONT, ECHO]),
            _ => {}
        }
    }

    fn reply(&mut self, bytes: &[u8]) {
        // A server that has just closed the connection needs no answer.
        let _ = self.stream.write_all(bytes);
    }
}
