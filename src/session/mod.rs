//! One connection, from the first byte to the last, on its own thread.
//!
//! A turn of the session: wait for bytes or for the next deadline, run every complete line they bring, deliver what was
//! posted, and write answers and prompt in one go. Nothing sleeps: delays are deadlines, so telnet is still answered.
//!
//! Why so much here is `#[inline(never)]`: a page of stack that was ever touched stays with its thread, so the deepest
//! call of a login, a join or a view decides what an idle user costs. The frame of an inlined function is part of its
//! caller's frame for as long as the caller runs; a separate frame is gone when the next function is called. So functions
//! on the deepest path, functions called next to it, and those that most users need only now and then, are not inlined,
//! unless the compiler keeps them separate anyway. Measured in a release build, a user in a room has touched 8.0 KB of
//! stack, two pages, and a program 8.1 KB; with everything inlined both touch over 13 KB, four pages.
//! `tests/suite/idle_memory.rs` has the budget.
//!
//! *Owns* the reading side of a socket, and everything about one user that nobody else needs. *Knows nothing of*
//! listeners, or of how the server stops.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod account;
mod account_state;
mod archive;
mod client_input;
mod close;
#[cfg(feature = "cluster")]
mod come_back;
mod completion;
mod deadlines;
mod dispatch;
#[cfg(feature = "json")]
mod failure;
mod files;
mod flood_notice;
mod ghost;
mod held_keys;
mod idle;
mod input;
mod joined_rooms;
#[cfg(feature = "json")]
mod json;
mod line_queue;
mod listings;
mod login;
mod login_restore;
mod look_alikes;
mod message_actions;
mod moderation;
mod notices;
mod offline_messages;
mod operator;
mod pacing;
mod profile;
mod read;
mod resume;
mod returned_lines;
mod room_storage;
mod rooms;
mod search;
#[cfg(feature = "cluster")]
mod shared_rooms;
mod shutdown;
mod talk;
mod temporary;
mod terminal;
mod unread;

use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access::attempts::Attempter;
use crate::chat::action::{Actor, Denied};
use crate::config::Telnet;
use crate::hub::Hub;
use crate::hub::roster::User;
use crate::hub::worker_pool::BusyError;
use crate::metrics::TurnCounts;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::telnet::Policy;
#[cfg(feature = "web")]
use crate::protocol::websocket::{Form, Liveness};
use crate::ui::palette::{Door, Effect, Palette, Rules};
use crate::ui::screen::LineKind;
use account_state::AccountState;
use client_input::ClientInput;
use idle::Idle;
use joined_rooms::JoinedRooms;
use line_queue::LineQueue;
use offline_messages::OfflineMessages;
use pacing::Pacing;
use read::more_waits;
use returned_lines::Returned;
use terminal::TerminalState;

/// Read buffer of a connection that sends little, in bytes, on the thread's stack: a typed line fits, and with thousands
/// of idle users its size counts.
const SMALL_READ: usize = 128;

/// Read buffer of a connection that has just filled the small one, in bytes; freed when it sends little again.
const LARGE_READ: usize = 32 * 1024;

/// How long a newcomer waits with `connection_timeout`.
const NEWCOMER_WAIT: Duration = Duration::from_millis(2500);

/// Once replies have grown to this many bytes within one turn, they are sent, and the session waits until they are taken.
const REPLIES_AT_ONCE: usize = 16 * 1024;

/// One connection.
pub struct Session {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    peer: SocketAddr,
    palette: Palette,
    /// Set once a name is claimed.
    user: Option<Arc<User>>,
    input: ClientInput,
    pacing: Pacing,
    terminal: TerminalState,
    account: AccountState,
    rooms: JoinedRooms,
    offline: OfflineMessages,
    idle: Idle,
    returned: Returned,
    /// What the palette wants done, to be carried out.
    effects: Vec<Effect>,
    opened: Instant,
    /// What the clock said when [`tick`](Session::tick) last looked.
    now: Cell<Instant>,
    /// The name was claimed in this turn.
    login_to_log: bool,
    wrong_codes: u8,
    /// What is counted in this turn.
    counts: TurnCounts,
    /// Lines that go to all servers together, at the end of the turn.
    #[cfg(feature = "cluster")]
    unsaid: Option<Box<talk::Unsaid>>,
    /// Set once a program speaks JSON. Boxed because most connections are terminals.
    #[cfg(feature = "json")]
    json: Option<Box<json::JsonSession>>,
    disconnect: Option<DisconnectReason>,
    /// Whether the client of a WebSocket is still there.
    #[cfg(feature = "web")]
    liveness: Option<Liveness>,
}

impl Session {
    /// The session of a connection just accepted.
    pub fn new(hub: Arc<Hub>, outbox: Arc<Outbox>, peer: SocketAddr, door: Door, now: Instant) -> Box<Session> {
        let config = hub.config();
        let encrypted = outbox.encryption().is_some();
        let policy = match if encrypted { config.tls.telnet } else { config.telnet } {
            Telnet::Auto => Policy::Auto,
            Telnet::Never => Policy::Never,
            Telnet::Always => Policy::Always,
        };
        #[cfg(feature = "web")]
        let form = outbox.form();
        #[cfg(feature = "web")]
        let policy = match (form, policy) {
            // It has said that it speaks telnet.
            (Some(Form::Telnet), Policy::Auto) => Policy::Always,
            (Some(Form::Lines | Form::Terminal), _) => Policy::Never,
            (None | Some(Form::Telnet), policy) => policy,
        };
        let queue = LineQueue::new(Arc::clone(&hub.limits.waiting_lines), outbox.id());
        // Boxed here: it is large, and the stack of whatever creates it stays with every idle user.
        #[cfg_attr(not(feature = "json"), expect(unused_mut, reason = "only a program's session is changed"))]
        let mut session = Box::new(Session {
            palette: Palette::new(door),
            user: None,
            input: ClientInput::new(policy, outbox.is_encoded()),
            pacing: Pacing::new(queue, config.connection_timeout.then(|| now + NEWCOMER_WAIT)),
            terminal: TerminalState::default(),
            account: AccountState::default(),
            rooms: JoinedRooms::default(),
            offline: OfflineMessages::default(),
            idle: Idle::new(now),
            returned: Returned::default(),
            effects: Vec::new(),
            opened: now,
            now: Cell::new(now),
            login_to_log: false,
            wrong_codes: 0,
            counts: TurnCounts::default(),
            #[cfg(feature = "cluster")]
            unsaid: None,
            #[cfg(feature = "json")]
            json: None,
            disconnect: None,
            #[cfg(feature = "web")]
            liveness: form.map(|_| Liveness::new(now)),
            hub,
            outbox,
            peer,
        });
        #[cfg(feature = "json")]
        if door == Door::Json {
            session.begin_as_program();
        }
        session
    }

    /// Reads the clock: when something was read, before each line, and after anything that may have blocked. Nothing else
    /// in a session reads it, so that everything a line does happens at one moment.
    fn tick(&self) -> Instant {
        let now = Instant::now();
        self.now.set(now);
        now
    }

    /// The moment that the session acts at.
    fn now(&self) -> Instant {
        self.now.get()
    }

    /// Has a worker thread do a slow job, and waits for its result.
    fn compute<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, BusyError> {
        let result = self.hub.work.run(self.ip(), job);
        self.tick();
        result
    }

    /// Runs the connection to its end, and returns why it ended. Nothing more is read or written, but the socket is open.
    pub fn run(&mut self) -> DisconnectReason {
        let mut small = [0; SMALL_READ];
        self.open(&mut small);
        let mut large: Option<Box<[u8]>> = None;
        while self.complete_turn() {
            let deadline = self.next_check(self.now());
            if self.waits_without_reading(deadline) {
                continue;
            }
            let buffer = large.as_deref_mut().unwrap_or(&mut small);
            match self.read(buffer, deadline) {
                // Zero is also what we get when our own side ends the connection.
                Ok(0) => self.stream_ended(),
                Ok(count) => {
                    let size = buffer.len();
                    self.take_read(&buffer[..count]);
                    self.input.more_waits = count == size && more_waits(self.outbox.stream());
                    if count == size && large.is_none() {
                        large = Some(vec![0; LARGE_READ].into_boxed_slice());
                    } else if count < SMALL_READ {
                        large = None;
                    }
                }
                Err(error) => self.note_read_error(error.kind()),
            }
        }
        self.finish()
    }

    /// Waits for the deadline if nothing has to be read, because the peer sends nothing more or keys typed ahead are not
    /// paid for. False if the session should read.
    #[inline(never)]
    fn waits_without_reading(&mut self, deadline: Instant) -> bool {
        if self.input.held_until().is_none() {
            if !self.input.is_over() {
                return false;
            }
            if !self.pacing.has_waiting_lines() {
                self.tell_unfinished();
                self.disconnect = Some(DisconnectReason::PeerClosed);
                return true;
            }
        }
        self.outbox.wait_disconnected(deadline);
        true
    }

    /// A read has ended without bytes: at a deadline, or because the connection is lost.
    fn note_read_error(&mut self, kind: io::ErrorKind) {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        if !matches!(kind, WouldBlock | TimedOut | Interrupted) {
            self.disconnect = Some(DisconnectReason::Reset(kind));
        }
    }

    /// Carries out what is due, and delivers and sends what the bytes taken since the last turn have caused. False if the
    /// connection is over, and only [`finish`](Session::finish) is left to call.
    ///
    /// Without a thread, a session is driven by hand as [`run`](Session::run) does it: [`greet`](Session::greet) once,
    /// and a turn after every [`take`](Session::take).
    pub fn complete_turn(&mut self) -> bool {
        let now = self.tick();
        self.keep_deadlines(now);
        self.finish_turn();
        if std::mem::take(&mut self.login_to_log) {
            self.log_login();
        }
        !self.is_over()
    }

    /// Leaves everything this user was in, writes the last line, and returns why the connection ended.
    pub fn finish(&mut self) -> DisconnectReason {
        self.tick();
        self.answer_refused_lines();
        let ended = self.outbox.disconnect_reason().or(self.disconnect.take()).unwrap_or(DisconnectReason::Quit);
        self.counts.settle(&self.hub.metrics);
        self.leave(&ended);
        ended
    }

    /// Writes the greeting. The turn that follows sends it.
    pub fn greet(&mut self) {
        let config = self.hub.config();
        self.input.link.open(&mut self.input.protocol);
        self.send_protocol();
        let welcome = match config.welcome_message.as_str() {
            "" => "Welcome! This is chatsock.",
            message => message,
        };
        self.outbox.tell(LineKind::News, welcome);
        self.tell_who_may_log_in();
    }

    fn is_over(&self) -> bool {
        self.disconnect.is_some() || self.outbox.disconnect_reason().is_some()
    }

    /// Who this user is to rooms, once they have a name.
    fn actor(&self) -> Option<Actor> {
        Some(self.hub.actor(self.user.as_ref()?))
    }

    /// Who wrong room passwords and exit codes count against.
    fn attempter(&self) -> Attempter {
        let account = self.user.as_ref().and_then(|user| user.account());
        account.map_or(Attempter::Connection(self.outbox.id()), Attempter::Account)
    }

    /// Ends a turn: delivers what was posted, sends what was written, shows the prompt, and waits until the socket has
    /// taken all of it.
    #[inline(never)]
    fn finish_turn(&mut self) {
        self.say_unsaid_at_end();
        self.counts.settle(&self.hub.metrics);
        self.rooms.deliver();
        self.pick_up_notices();
        self.record_rooms_if_changed();
        if self.pacing.is_held() || self.input.more_waits || self.is_over() {
            self.outbox.flush();
        } else {
            self.update_place();
            self.put_returned();
            self.outbox.settle();
        }
        if self.effects.capacity() > 16 {
            self.effects = Vec::new();
        }
        self.wait_drained();
    }

    /// Shows a refusal: the one place that turns one into a line.
    fn refuse(&self, refusal: impl Display) {
        self.show_refusal(&refusal);
    }

    /// Shows why a room or a conversation denies a request.
    fn deny(&self, denied: &Denied) {
        #[cfg(feature = "json")]
        self.note_denied(denied);
        self.show_refusal(denied);
    }

    fn show_refusal(&self, refusal: &dyn Display) {
        self.outbox.tell(LineKind::Refusal, &refusal.to_string());
    }

    fn send_protocol(&mut self) {
        if !self.input.protocol.is_empty() {
            self.outbox.write_protocol(&self.input.protocol);
            self.input.protocol.clear();
        }
    }

    fn ip(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    fn rules(&self) -> Rules {
        let config = self.hub.config();
        Rules {
            username_min: config.username_min,
            username_limit: config.username_limit,
            names: config.names,
            known_names: self.hub.known_names(),
            message_limit: config.message_limit,
            accounts: config.accounts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Everything else takes the moment as an argument or from [`Session::now`](super::Session::now).
    #[test]
    fn the_clock_is_read_in_one_place() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session")];
        let mut readers = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]").next().unwrap_or("");
                readers.extend(code.matches("Instant::now()").map(|_| path.clone()));
            }
        }
        assert_eq!(readers, [Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session/mod.rs")]);
    }
}
