//! The terminal while the screen is open: raw mode, the alternate screen and bracketed paste, undone on every way out.
//!
//! *Owns* the terminal's modes, and the panic hook that restores them.
//! *Knows nothing of* what is drawn.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Alternate screen, bracketed paste; an empty screen where there is no alternate one, as on the Linux console.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[H";

/// Ends a frame that was cut short and every attribute, and shows the cursor. Where there is no alternate screen, the
/// screen is left empty rather than with the remnants of ours.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[2J\x1b[H\x1b[?1049l\x1b[?25h";

/// A leaf. The modes to go back to while ours are set, also for the panic hook; nothing waits under it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

static HOOK: Once = Once::new();

/// The terminal in our modes. Dropping it restores those before.
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
                // First, so that the message is on a screen that stays.
                restore();
                next(panic);
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
    // Keys one by one, also Ctrl-C and Ctrl-Z. The output modes stay, so that what other programs write keeps its lines.
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

/// Restores the terminal, if our modes are set. Errors are ignored: a terminal that is gone needs no restoring.
fn restore() {
    let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    if let Ok(mut out) = output() {
        let _ = out.write_all(LEAVE);
    }
}

/// stdout without a buffer or lock of its own, so that a panic within a write can still restore the terminal.
pub(super) fn output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Columns and rows of the terminal; 80 and 24 where it does not say.
pub(super) fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => (80, 24),
    }
}
