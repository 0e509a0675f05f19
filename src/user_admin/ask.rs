//! A new password, from whoever types it.
//!
//! *Owns* the questions on the terminal, and the first line of stdin where that is none.
//! *Knows nothing of* accounts and hashes. *Called by* `main`, which hands it to `run`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::SIGINT;

use super::AdminError;
use crate::names::UserName;
use crate::password;

/// Most bytes of stdin that are looked at for the end of its first line. Far over what a password may have: a longer one is
/// told that it is too long, and a stream without an end costs nothing.
const MOST_BYTES: u64 = 16 * 1024;

/// The password for the account `name`: twice from the terminal, without showing it, or once from stdin.
///
/// # Errors
///
/// There is none, the two differ, or an account cannot have it.
pub fn ask(name: &UserName) -> Result<String, AdminError> {
    let given = if io::stdin().is_terminal() { from_terminal(name) } else { first_line(BufReader::new(io::stdin())) }?;
    password::check(&given).map_err(|unfit| AdminError::users(unfit.to_string()))?;
    Ok(given)
}

fn from_terminal(name: &UserName) -> Result<String, AdminError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    // Ctrl-C reaches rpassword as a character, and it sends us the signal for it. That would end the process at once and leave
    // the terminal without its echo; taken here, the question ends with an error, and the terminal is restored.
    let signal = signal_hook::flag::register(SIGINT, interrupted).map_err(AdminError::failed)?;
    let quiet = Quiet::new();
    let first = rpassword::prompt_password(format!("Password for {name}: "));
    let second = match &first {
        // Told before it has to be typed again.
        Ok(password) if password::check(password).is_ok() => {
            Some(rpassword::prompt_password("Once more, to be sure: "))
        }
        _ => None,
    };
    drop(quiet);
    signal_hook::low_level::unregister(signal);
    let first = first.map_err(|error| in_words(&error))?;
    match second {
        Some(second) if second.as_ref().is_ok_and(|second| *second != first) => {
            Err(AdminError::users("the two passwords differ; nothing is changed"))
        }
        Some(second) => second.map_err(|error| in_words(&error)),
        None => Ok(first),
    }
}

/// A terminal that shows nothing and passes every key on, from before the first question to after the last: `rpassword` sets
/// the same, but only when its question stands there already, and takes it back between two.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    /// `None` where there is no terminal, or none that can be set: the question itself says what is wrong with it then.
    fn new() -> Option<Quiet> {
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Quiet { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn in_words(error: &io::Error) -> AdminError {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => {
            AdminError::users("no password was given; nothing is changed")
        }
        _ => AdminError::failed(format_args!("the terminal cannot be read: {error}")),
    }
}

/// The first line without its end. What follows is not looked at.
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
    String::from_utf8(line).map_err(|_| AdminError::users("the password is not UTF-8 text; give it in that encoding"))
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
            (b"\xFF\n", "the password is not UTF-8 text; give it in that encoding"),
        ] {
            assert_eq!(line(bytes), password);
        }
    }

    #[test]
    fn a_stream_without_a_line_end_is_not_read_to_its_end() {
        let endless = BufReader::new(io::repeat(b'x'));
        assert_eq!(first_line(endless).map(|line| line.len() as u64), Ok(MOST_BYTES));
    }
}
