//! The terminal while the screen is open: raw mode, the alternate screen and bracketed paste, undone at every exit.
//!
//! *Owns* the terminal's modes, and the panic hook that restores them. *Knows nothing of* drawing.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Alternate screen and bracketed paste. Clears the screen for terminals without an alternate one, such as the Linux
/// console.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[H";

/// Ends a frame that was cut short, resets attributes, and shows the cursor. A terminal without an alternate screen is
/// left empty, not with remnants of ours.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// The modes to restore while ours are set, for the guard and the panic hook. A leaf lock: nothing blocks while it is
/// held.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

static HOOK: Once = Once::new();

/// Exit status after a panic, the same as for other Rust programs.
const PANICKED: i32 = 101;

/// The terminal in our modes. Dropping the guard restores the earlier ones.
#[derive(Debug)]
pub(super) struct TerminalGuard(());

impl TerminalGuard {
    /// Sets our modes.
    ///
    /// # Errors
    ///
    /// stdin is no terminal, or stdout cannot be written.
    pub(super) fn enter() -> io::Result<TerminalGuard> {
        HOOK.call_once(|| {
            let next = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // Restored first, so that the panic message is on a screen that stays.
                let is_open = restore();
                next(panic);
                // After a panic on another thread, the main thread would go on drawing on a terminal that is no longer
                // ours.
                if is_open && std::thread::current().name() != Some("main") {
                    std::process::exit(PANICKED);
                }
            }));
        });
        let guard = TerminalGuard(());
        set()?;
        Ok(guard)
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

fn set() -> io::Result<()> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut ours = before.clone();
    // Keys arrive one by one, also Ctrl-C and Ctrl-Z. The output modes stay, so that the output of other programs keeps
    // its line ends.
    ours.local_modes
        .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
    ours.input_modes.remove(
        InputModes::ICRNL
            | InputModes::INLCR
            | InputModes::IGNCR
            | InputModes::IXON
            | InputModes::ISTRIP
            | InputModes::PARMRK
            | InputModes::BRKINT,
    );
    ours.special_codes[SpecialCodeIndex::VMIN] = 1;
    ours.special_codes[SpecialCodeIndex::VTIME] = 0;
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    tcsetattr(&stdin, OptionalActions::Now, &ours)?;
    let mut out = output()?;
    out.write_all(ENTER)
}

/// Restores the terminal. Returns false if our modes were not set. Errors are ignored: a terminal that is gone needs no
/// restoring.
fn restore() -> bool {
    let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    if let Ok(mut out) = output() {
        let _ = out.write_all(LEAVE);
    }
    true
}

/// stdout without a buffer or lock, so that a panic during a write can still restore the terminal.
pub(super) fn output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Columns and rows of the terminal; 80 and 24 if it does not report them.
pub(super) fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => (80, 24),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use nix::pty::openpty;

    use super::*;

    /// The test below runs this one in a separate process on its own terminal.
    #[test]
    #[ignore = "ends its process"]
    fn panics_on_a_terminal() {
        let _guard = TerminalGuard::enter().expect("a terminal");
        panic!("on purpose");
    }

    #[test]
    fn a_panic_restores_the_terminal_and_its_message_stays_on_the_screen() {
        let pty = openpty(None, None).expect("a terminal");
        let before = tcgetattr(&pty.slave).expect("its modes");
        let end = || Stdio::from(pty.slave.try_clone().expect("another descriptor"));
        let name = "cli::connect::screen::terminal::tests::panics_on_a_terminal";
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", name, "--nocapture"])
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("started");
        // Read while it runs: a terminal holds only so much.
        let mut master = File::from(pty.master);
        let reading = std::thread::spawn(move || {
            let (mut all, mut some) = (Vec::new(), [0; 4096]);
            while !all.ends_with(b"THE END") {
                let count = master.read(&mut some).expect("output");
                all.extend_from_slice(&some[..count]);
            }
            all
        });
        let status = child.wait().expect("its status");
        let after = tcgetattr(&pty.slave).expect("its modes");
        File::from(pty.slave).write_all(b"THE END").expect("written");
        let output = String::from_utf8_lossy(&reading.join().expect("read")).into_owned();
        assert_eq!(status.code(), Some(PANICKED), "{output}");
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
        let place = |bytes: &[u8]| output.find(std::str::from_utf8(bytes).expect("ASCII")).expect(&output);
        assert!(place(ENTER) < place(LEAVE) && place(LEAVE) < place(b"on purpose"), "{output:?}");
    }
}
