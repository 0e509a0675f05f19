//! The screen on the user's terminal: writes frames and reads keys.
//!
//! *Owns* the thread that reads keys, and the moments at which a frame is written. *Knows nothing of* the content of a
//! frame and the meaning of a key.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use jiff::tz::TimeZone;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::look::Look;
use super::state::{Screen, ScreenRequest};
use super::terminal::{TerminalGuard, output, size};
use crate::cli::connect::model::{ClientModel, LinkStatus, Moment};
use crate::cli::connect::signal::ClientSignal;
use crate::cli::connect::view::{ClientView, ViewInput};

/// Most bytes read from the keyboard at once. A longer paste comes in several pieces.
const AT_ONCE: usize = 4096;

/// The output buffer, in bytes. A frame of a very large terminal is a few times this, and goes out in parts.
const FRAME: usize = 32 * 1024;

/// Begin and end of a frame ("synchronized output", mode 2026): terminals that support it show the frame only when it
/// is complete.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// The full-screen view.
pub(crate) struct FullScreen {
    look: Look,
    zone: TimeZone,
    /// `None` before the start and after the end.
    open: Option<OpenTerminal>,
}

struct OpenTerminal {
    /// `None` while the process is stopped.
    guard: Option<TerminalGuard>,
    terminal: Terminal<CrosstermBackend<BufWriter<File>>>,
    screen: Option<Screen>,
    size: (u16, u16),
    /// The model's revision in the last frame.
    revision: Option<u64>,
    /// The content of the terminal is unknown: the next frame draws all of it.
    is_lost: bool,
    bell_due: bool,
    due: Option<Instant>,
    /// A search in the loaded messages is running.
    is_searching: bool,
}

impl FullScreen {
    /// The view. It does not touch the terminal before [`ClientView::start`].
    pub(crate) fn new(look: Look) -> FullScreen {
        FullScreen { look, zone: TimeZone::system(), open: None }
    }
}

impl ClientView for FullScreen {
    fn start(&mut self, inbox: SyncSender<ClientSignal>) -> io::Result<()> {
        let guard = TerminalGuard::enter()?;
        let size = size();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME, output()?));
        let viewport = Viewport::Fixed(Rect::new(0, 0, size.0, size.1));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })?;
        let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        // Never joined: it waits for a key that may never come, and ends with the process.
        std::thread::Builder::new().name("connect-input".to_owned()).spawn(move || read_keys(stdin, &inbox))?;
        self.open = Some(OpenTerminal {
            guard: Some(guard),
            terminal,
            screen: None,
            size,
            revision: None,
            is_lost: true,
            bell_due: false,
            due: None,
            is_searching: false,
        });
        Ok(())
    }

    fn take(&mut self, input: ViewInput, model: &mut ClientModel, now: Moment) {
        let ViewInput::Bytes(bytes) = input else { return };
        let Some(open) = &mut self.open else { return };
        let screen = open.screen.get_or_insert_with(|| Screen::new(self.look, self.zone.clone(), model));
        let requests = screen.press(&bytes, model, now);
        open.carry_out(requests);
    }

    fn draw(&mut self, model: &mut ClientModel, now: Moment) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|open| open.guard.is_some()) else { return Ok(()) };
        let mut screen = open.screen.take().unwrap_or_else(|| Screen::new(self.look, self.zone.clone(), model));
        let drawn = open.draw(&mut screen, model, now);
        open.screen = Some(screen);
        drawn
    }

    fn wakes(&self, _: &ClientModel, now: Moment) -> Option<Instant> {
        let open = self.open.as_ref()?;
        let search = open.is_searching.then_some(now.instant);
        let escape = open.screen.as_ref().and_then(Screen::escape_due);
        [open.due, escape, search].into_iter().flatten().min()
    }

    fn redraw(&mut self) {
        let Some(open) = &mut self.open else { return };
        open.is_lost = true;
        if open.guard.is_none() {
            // An error means that the terminal is gone; the next frame finds that out, too.
            open.guard = TerminalGuard::enter().ok();
        }
    }

    fn ring(&mut self) {
        if let Some(open) = &mut self.open {
            open.bell_due = true;
        }
    }

    fn suspend(&mut self) {
        if let Some(open) = &mut self.open {
            open.guard = None;
        }
    }

    fn finish(&mut self, model: &ClientModel) {
        // The guard restores the terminal.
        self.open = None;
        if let LinkStatus::Ended { why } = model.status()
            && !why.is_empty()
        {
            // The alternate screen that showed the reason is gone. If stderr is closed, nobody can be told.
            let _ = writeln!(io::stderr(), "! {why}");
        }
    }
}

impl OpenTerminal {
    fn carry_out(&mut self, requests: Vec<ScreenRequest>) {
        for request in requests {
            match request {
                ScreenRequest::Redraw => self.is_lost = true,
                ScreenRequest::Ring => self.bell_due = true,
                // As a terminal in cooked mode does: other programs of the same job stop, too. An error means that none
                // stops.
                ScreenRequest::Suspend => {
                    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
                }
            }
        }
    }

    fn draw(&mut self, screen: &mut Screen, model: &mut ClientModel, now: Moment) -> io::Result<()> {
        let requests = screen.settle_escape(model, now);
        self.carry_out(requests);
        screen.follow(model, now);
        self.is_searching = screen.search_on(model, now);
        screen.attend(model, now);
        let size = size();
        let is_due = self.due.is_some_and(|due| due <= now.instant);
        let is_same = size == self.size && self.revision == Some(model.revision());
        if is_same && !is_due && !self.is_lost && !self.bell_due && !screen.is_dirty() {
            return Ok(());
        }
        let backend = self.terminal.backend_mut();
        backend.write_all(BEGIN)?;
        if std::mem::take(&mut self.bell_due) {
            backend.write_all(b"\x07")?;
        }
        if size != self.size || std::mem::take(&mut self.is_lost) {
            self.is_lost = false;
            self.size = size;
            // `resize` also clears the terminal.
            self.terminal.resize(Rect::new(0, 0, size.0, size.1))?;
        }
        self.due = None;
        let mut due = None;
        self.terminal.draw(|frame| {
            let area = frame.area();
            let drawn = screen.draw(model, now, area, frame.buffer_mut());
            if let Some(cursor) = drawn.cursor {
                frame.set_cursor_position(cursor);
            }
            due = drawn.due;
        })?;
        self.due = due;
        self.revision = Some(model.revision());
        let backend = self.terminal.backend_mut();
        backend.write_all(END)?;
        std::io::Write::flush(backend)
    }
}

/// The thread `connect-input`.
fn read_keys(mut stdin: File, inbox: &SyncSender<ClientSignal>) {
    let mut bytes = vec![0; AT_ONCE];
    loop {
        let input = match stdin.read(&mut bytes) {
            Ok(0) => ViewInput::End,
            Ok(length) => ViewInput::Bytes(bytes.get(..length).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => ViewInput::End,
        };
        let is_over = matches!(input, ViewInput::End);
        if inbox.send(ClientSignal::Input(input)).is_err() || is_over {
            return;
        }
    }
}
