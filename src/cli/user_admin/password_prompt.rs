//! Asks for a new password on the terminal, or reads it from stdin if that is not a terminal.
//!
//! *Owns* the terminal modes while it asks. *Knows nothing of* accounts and hashes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::AdminError;
use crate::access::password;
use crate::chat::names::UserName;

/// Most bytes of stdin read in search of a line end. It is far more than a password may have, so that a longer one is
/// reported as too long; and an endless stream is not read for ever.
const MOST_BYTES: u64 = 16 * 1024;

/// Asks for the password of the account `name`: twice on the terminal, without showing it, or once from stdin.
///
/// # Errors
///
/// No password was given, the two differ, or it is not allowed.
pub fn ask(name: &UserName) -> Result<String, AdminError> {
    let given = if io::stdin().is_terminal() { from_terminal(name) } else { first_line(BufReader::new(io::stdin())) }?;
    password::check(&given).map_err(|unfit| AdminError::users(unfit.to_string()))?;
    Ok(given)
}

/// Why a question was not answered.
#[derive(Debug)]
enum PromptError {
    /// Ctrl-C, or the end of input: Ctrl-D, or a terminal that is gone.
    Cancelled,
    /// The terminal cannot be read.
    Failed(io::Error),
}

impl From<io::Error> for PromptError {
    fn from(error: io::Error) -> Self {
        PromptError::Failed(error)
    }
}

impl From<PromptError> for AdminError {
    fn from(unanswered: PromptError) -> Self {
        match unanswered {
            PromptError::Cancelled => AdminError::users("no password given; nothing was changed"),
            PromptError::Failed(error) => AdminError::failed(format_args!("the terminal cannot be read: {error}")),
        }
    }
}

fn from_terminal(name: &UserName) -> Result<String, AdminError> {
    let mut terminal = SilentTerminal::new()?;
    let first = terminal.ask(&format!("Password for {name}: "))?;
    if password::check(&first).is_err() {
        // The caller reports the mistake before the user has to repeat the password.
        return Ok(first);
    }
    if terminal.ask("Repeat the password: ")? == first {
        Ok(first)
    } else {
        Err(AdminError::users("the two passwords differ; nothing was changed"))
    }
}

/// A terminal without echo and line editing, from before the first question until after the last, so that a password
/// typed early is not shown either.
///
/// Signals are off as well: Ctrl-C arrives as a character, so that the terminal is restored before the program ends.
struct SilentTerminal {
    /// The buffer is kept for both questions, with anything typed ahead.
    terminal: BufReader<File>,
    before: Termios,
}

impl SilentTerminal {
    fn new() -> Result<SilentTerminal, PromptError> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal).map_err(io::Error::from)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &quiet).map_err(io::Error::from)?;
        Ok(SilentTerminal { terminal: BufReader::new(terminal), before })
    }

    fn ask(&mut self, question: &str) -> Result<String, PromptError> {
        self.terminal.get_mut().write_all(question.as_bytes())?;
        let answer = typed_line(&mut self.terminal);
        self.terminal.get_mut().write_all(b"\n")?;
        answer
    }
}

impl Drop for SilentTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(self.terminal.get_ref(), OptionalActions::Now, &self.before);
    }
}

/// Reads one line typed without echo. Backspace erases one character and Ctrl-U all of them, as in a terminal's own line
/// editing; other control characters are ignored.
fn typed_line(input: impl BufRead) -> Result<String, PromptError> {
    let mut line = Vec::new();
    for byte in input.bytes() {
        match byte? {
            b'\r' | b'\n' => return String::from_utf8(line).map_err(|_| not_utf8()),
            0x03 => return Err(PromptError::Cancelled),
            0x04 if line.is_empty() => return Err(PromptError::Cancelled),
            0x08 | 0x7F => while line.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {},
            0x15 => line.clear(),
            0x00..=0x1F => {}
            _ if line.len() as u64 >= MOST_BYTES => {}
            byte => line.push(byte),
        }
    }
    Err(PromptError::Cancelled)
}

fn not_utf8() -> PromptError {
    PromptError::Failed(io::Error::new(io::ErrorKind::InvalidData, "the input is not UTF-8 text"))
}

/// The first line without its line end. The rest is not used.
fn first_line(input: impl BufRead) -> Result<String, AdminError> {
    let mut line = Vec::new();
    input
        .take(MOST_BYTES)
        .read_until(b'\n', &mut line)
        .map_err(|error| AdminError::failed(format_args!("stdin cannot be read: {error}")))?;
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    String::from_utf8(line).map_err(|_| AdminError::users("the password is not UTF-8 text; encode it as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8]) -> String {
        first_line(bytes).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn the_first_line_counts_without_its_end() {
        for (bytes, password) in [
            (&b"open sesame\nmore"[..], "open sesame"),
            (b"open sesame\r\n", "open sesame"),
            (b"open sesame", "open sesame"),
            (b" x \n", " x "),
            (b"\nx\n", ""),
            (b"", ""),
            (b"\xFF\n", "the password is not UTF-8 text; encode it as UTF-8"),
        ] {
            assert_eq!(line(bytes), password);
        }
    }

    fn typed(bytes: &[u8]) -> Result<String, AdminError> {
        typed_line(bytes).map_err(AdminError::from)
    }

    #[test]
    fn a_typed_password_can_be_corrected_before_enter() {
        for (bytes, password) in [
            (&b"secret\r"[..], "secret"),
            (b"secrex\x7Ft\n", "secret"),
            ("straß\u{8}ße\r".as_bytes(), "straße"),
            (b"wrong\x15right\r", "right"),
            (b"\x7F\x08ab\t\x1Bc\x04\r", "abc"),
        ] {
            assert_eq!(typed(bytes).as_deref(), Ok(password));
        }
    }

    #[test]
    fn a_question_can_be_cancelled() {
        for bytes in [&b"sec\x03"[..], b"\x04", b"", b"sec"] {
            assert_eq!(typed(bytes), Err(AdminError::users("no password given; nothing was changed")));
        }
        assert!(typed(b"\xFF\r").is_err_and(|error| error.to_string().contains("not UTF-8")));
    }

    #[test]
    fn a_stream_without_a_line_end_is_not_read_to_its_end() {
        let endless = BufReader::new(io::repeat(b'x'));
        assert_eq!(first_line(endless).map(|line| line.len() as u64), Ok(MOST_BYTES));
    }
}
