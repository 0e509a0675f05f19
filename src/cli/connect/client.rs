//! The client's loop: it passes events to the model, and carries out the effects that the model asks for.
//!
//! *Owns* the inbox of all threads, the connection, and when the view draws. *Knows nothing of* how anything looks, and
//! of what the server's objects mean.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::carrier::Carriers;
use super::link::{LinkEnd, LinkSender, ServerLink, dial};
use super::model::{ClientEffect, ClientModel, Intent, Moment};
use super::signal::{ClientSignal, FileProgress, ServerNews};
use super::target::ConnectTarget;
use super::view::{ClientView, ViewInput};
use crate::cli::proxy::upstream::UpstreamConnection;
use crate::protocol::json::{RequestLine, RequestLines};

/// Longest line from a server, in bytes. Our server sends none over 64 KiB; longer ones are dropped.
const LONGEST_LINE: usize = 1024 * 1024;

/// Signals handled before the view draws again.
const MOST_AT_ONCE: usize = 256;

/// Most signals that wait for the loop. Each carries at most 64 KiB from the connection, so at most 2 MiB are held
/// here. If the server sends faster than the terminal can show, the reader waits, and then the server. The loop itself
/// sends no signals, so it never waits for itself.
const INBOX: usize = 32;

/// How long the client's goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Exit status after a signal, and of a user error.
const FAILED: u8 = 1;
const USER_ERROR: u8 = 2;

/// The running client.
pub(super) struct RunningClient<'a> {
    model: ClientModel,
    view: &'a mut dyn ClientView,
    target: ConnectTarget,
    link: Option<ServerLink>,
    /// The server's address in the last connection.
    peer: Option<SocketAddr>,
    /// The last connection's number: signals from earlier ones are dropped.
    number: u64,
    lines: RequestLines,
    /// An object has arrived on this connection.
    speaks_json: bool,
    signals: SyncSender<ClientSignal>,
    inbox: Receiver<ClientSignal>,
    links: (LinkSender, Receiver<(u64, LinkEnd)>),
    carriers: Carriers,
    unsent: Vec<u8>,
    /// The status to end with, once it is known.
    ends: Option<u8>,
    /// When the client ends in any case.
    deadline: Option<Instant>,
    /// Lines to print once the view has ended.
    pub(super) last_words: Option<String>,
}

/// A panic on any thread ends the client as SIGTERM does: without one of its threads it would wait forever.
fn end_with_every_thread() {
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        next(panic);
        if std::thread::current().name() != Some("main") {
            // This cannot fail: the process is this one.
            let _ = signal_hook::low_level::raise(SIGTERM);
        }
    }));
}

impl<'a> RunningClient<'a> {
    pub(super) fn new(
        model: ClientModel,
        view: &'a mut dyn ClientView,
        target: ConnectTarget,
        carriers: Carriers,
    ) -> RunningClient<'a> {
        let (signals, inbox) = sync_channel(INBOX);
        RunningClient {
            model,
            view,
            target,
            link: None,
            peer: None,
            number: 0,
            lines: RequestLines::default(),
            speaks_json: false,
            signals,
            inbox,
            links: channel(),
            carriers,
            unsent: Vec::new(),
            ends: None,
            deadline: None,
            last_words: None,
        }
    }

    /// Runs to the end. Returns the exit status.
    ///
    /// # Errors
    ///
    /// The terminal cannot be used, or no thread can be started.
    pub(super) fn run(&mut self, connection: UpstreamConnection) -> io::Result<u8> {
        self.watch_the_system()?;
        end_with_every_thread();
        self.view.start(self.signals.clone())?;
        let link = ServerLink::over(self.number, connection);
        link.reader().start(self.signals.clone())?;
        self.take_over(link, Moment::now());
        let ended = self.turn();
        self.view.finish(&self.model);
        if let Some(link) = &self.link {
            link.close();
        }
        match ended {
            // Nobody reads the output any more, as with `| head`. That is not an error to report.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(FAILED),
            ended => ended,
        }
    }

    /// Starts the thread `connect-signals`, which passes on the system's signals.
    fn watch_the_system(&self) -> io::Result<()> {
        let mut system = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH])?;
        let signals = self.signals.clone();
        // Never joined: it waits for a signal that may never come, and ends with the process.
        std::thread::Builder::new().name("connect-signals".to_owned()).spawn(move || {
            for signal in system.forever() {
                if signals.send(ClientSignal::System(signal)).is_err() {
                    return;
                }
            }
        })?;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<u8> {
        loop {
            self.perform();
            let now = Moment::now();
            self.view.draw(&mut self.model, now)?;
            // The messages on the screen count as read, and more of them may be needed.
            self.perform();
            if let Some(status) = self.ends {
                return Ok(status);
            }
            if self.deadline.is_some_and(|deadline| deadline <= now.instant) {
                return Ok(FAILED);
            }
            let wakes = [self.model.wakes(now), self.view.wakes(&self.model, now), self.deadline];
            let first = match wakes.into_iter().flatten().min() {
                None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(then) => self.inbox.recv_timeout(then.saturating_duration_since(now.instant)),
            };
            match first {
                Ok(signal) => self.take(signal),
                Err(RecvTimeoutError::Timeout) => {}
                // Cannot happen: this end holds a sender.
                Err(RecvTimeoutError::Disconnected) => return Ok(FAILED),
            }
            for _ in 0..MOST_AT_ONCE {
                let Ok(signal) = self.inbox.try_recv() else { break };
                self.take(signal);
            }
            self.model.tick(Moment::now());
        }
    }

    fn take(&mut self, signal: ClientSignal) {
        let now = Moment::now();
        match signal {
            ClientSignal::Server(number, news) if number == self.number => self.take_news(news, now),
            ClientSignal::Server(..) => {}
            ClientSignal::Input(ViewInput::End) => self.model.input_ended(),
            ClientSignal::Input(input) => {
                self.view.take(input, &mut self.model, now);
            }
            ClientSignal::File(key, progress) => self.take_progress(key, progress, now),
            ClientSignal::System(signal) => self.take_system(signal, now),
        }
    }

    fn take_system(&mut self, signal: i32, now: Moment) {
        match signal {
            SIGTSTP => {
                self.view.suspend();
                // Stops here until SIGCONT. An error means that it does not stop.
                let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
                self.view.redraw();
            }
            SIGCONT => self.view.redraw(),
            // The view looks at the size whenever it draws.
            SIGWINCH => {}
            _ if self.deadline.is_some() => self.ends = Some(FAILED),
            _ => {
                // The server learns that the user has left; nobody waits long for its answer.
                self.deadline = Some(now.instant + GOODBYE);
                self.model.act(Intent::Quit, now);
            }
        }
    }

    fn take_news(&mut self, news: ServerNews, now: Moment) {
        match news {
            // The link itself is in the other channel; it was put there first.
            ServerNews::Up => {
                while let Ok((number, LinkEnd(link))) = self.links.1.try_recv() {
                    if number == self.number {
                        self.take_over(link, now);
                    }
                }
            }
            ServerNews::Bytes(bytes) => self.take_bytes(&bytes, now),
            ServerNews::Down(why) => {
                self.link = None;
                self.model.lost(&why, now);
            }
            ServerNews::Changed(lines) => {
                self.last_words = Some(lines);
                self.ends = Some(USER_ERROR);
            }
        }
    }

    fn take_over(&mut self, link: ServerLink, now: Moment) {
        (self.lines, self.speaks_json) = (RequestLines::default(), false);
        self.model.connected(link.security(), now);
        self.peer = link.peer().ok();
        self.carriers.reach(self.peer);
        self.link = Some(link);
    }

    fn take_bytes(&mut self, mut bytes: &[u8], now: Moment) {
        let mut wrong = None;
        while let Some(line) = self.lines.next(&mut bytes, LONGEST_LINE) {
            let RequestLine::Whole(line) = line else { continue };
            // On a port for people, a greeting and telnet's questions may come before the first object.
            if self.speaks_json || line.first() == Some(&b'{') {
                self.speaks_json |= self.model.apply(&line, now);
            } else if let Some(at) = line.windows(2).position(|pair| pair == b"! ") {
                wrong = Some(crate::text::sanitize_bytes(&line[at + 2..]).into_owned());
                break;
            }
        }
        // Before the first object, only a server that refuses the connection sends such a line.
        if let Some(why) = wrong {
            self.drop_link();
            self.model.lost(&why, now);
        }
    }

    fn take_progress(&mut self, key: u64, progress: FileProgress, now: Moment) {
        match progress {
            FileProgress::Moved(done, size) => self.model.transfer_moved(key, done, size),
            FileProgress::Placed(path) => self.model.transfer_placed(key, path),
            FileProgress::Done(path, hash) => self.model.transfer_done(key, path, hash, now),
            FileProgress::Failed(why) => self.model.transfer_failed(key, &why, now),
        }
    }

    fn note_begun(&mut self, key: u64, begun: Result<(), String>, now: Moment) {
        if let Err(why) = begun {
            self.model.transfer_failed(key, &why, now);
        }
    }

    fn drop_link(&mut self) {
        // Signals that the reader still sends are dropped.
        self.number += 1;
        if let Some(link) = self.link.take() {
            link.close();
        }
    }

    /// Carries out the model's effects.
    fn perform(&mut self) {
        loop {
            let effects = self.model.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.perform_one(effect);
            }
            self.flush();
        }
    }

    fn perform_one(&mut self, effect: ClientEffect) {
        let now = Moment::now();
        match effect {
            ClientEffect::Send(request) => request.write(now.time, &mut self.unsent),
            ClientEffect::Reconnect => {
                self.drop_link();
                self.unsent.clear();
                let (target, links) = (self.target.clone(), self.links.0.clone());
                let avoided = self.peer.filter(|_| self.model.is_sent_elsewhere()).map(|peer| peer.ip());
                if let Err(error) = dial(self.number, target, avoided, links, self.signals.clone()) {
                    self.model.lost(&format!("Cannot start a thread: {error}."), now);
                }
            }
            ClientEffect::Drop => self.drop_link(),
            ClientEffect::Upload(upload) => {
                let key = upload.key;
                let begun = self.carriers.send(upload, &self.signals);
                self.note_begun(key, begun, now);
            }
            ClientEffect::Download(download) => {
                let key = download.key;
                let begun = self.carriers.fetch(download, &self.signals);
                self.note_begun(key, begun, now);
            }
            ClientEffect::StopTransfer(key) => self.carriers.stop(key),
            ClientEffect::Ring => self.view.ring(),
            ClientEffect::Redraw => self.view.redraw(),
            ClientEffect::Exit(status) => self.ends = Some(if self.deadline.is_some() { FAILED } else { status }),
        }
    }

    fn flush(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        let unsent = std::mem::take(&mut self.unsent);
        // Without a link, these are requests of a lost one. On an error, the reader reports the same after everything
        // that has arrived.
        if let Some(link) = &self.link {
            let _ = link.send(&unsent);
        }
    }
}
