//! One connection, from the first byte to the last, on a thread of its own.
//!
//! A turn of the session: wait for bytes or for the next deadline, run every complete line they bring, deliver what was
//! posted, write the answers and the prompt in one go. Nothing here ever sleeps: delays are deadlines, so that telnet
//! is answered meanwhile.
//!
//! *Owns* the reading side of a socket and everything about one person that nobody else needs.
//! *Knows nothing of* listeners and of how the server stops, except that it does.
//! *Called by* `server`.

mod account;
mod close;
mod completion;
mod deadlines;
mod dispatch;
mod editing;
mod flood_notice;
mod idle;
mod input;
mod line_queue;
mod listings;
mod login;
mod login_restore;
mod look_alikes;
mod message_actions;
mod moderation;
mod notices;
mod operator;
mod pending;
mod profile;
mod read;
mod resizing;
mod resume;
mod returned_lines;
mod rooms;
mod search;
mod storage;
mod talk;
mod temporary;
mod terminal;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access::attempts::Attempter;
use crate::access::rate::Bucket;
use crate::chat::action::Actor;
use crate::chat::conversation::MembershipId;
use crate::chat::message::{MessageId, Quoted};
use crate::config::Telnet;
use crate::hub::Hub;
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::outbox::{DisconnectReason, Outbox};
use crate::protocol::line::Assembler;
use crate::protocol::telnet::{Link, Policy};
use crate::protocol::wire::FirstBytes;
use crate::store::AccountRecord;
use crate::ui::palette::{Door, Effect, Palette, Rules};
use crate::ui::screen::LineKind;
use editing::HeldKeys;
use flood_notice::FloodNotice;
use idle::Idle;
use login_restore::{Missed, Visited};
use pending::Pending;
use read::more_waits;
use resume::ComingBack;
use returned_lines::Returned;
use rooms::JoinedRoom;

/// Read buffer of a connection that says little, in bytes, on the thread's stack: a typed line fits, and with thousands
/// of idle people its size counts.
const SMALL_READ: usize = 128;

/// Read buffer of a connection that has just filled the small one, in bytes; given back when it says little again.
const LARGE_READ: usize = 32 * 1024;

/// What a newcomer waits with `connection_timeout`.
const NEWCOMER_WAIT: Duration = Duration::from_millis(2500);

/// Send what has been written, and wait until it is taken, once replies have grown to so many bytes within one turn.
const REPLIES_AT_ONCE: usize = 16 * 1024;

/// How this person wants the screen to look, as far as they have said so. The terminal decides the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    color: Option<bool>,
    timestamps: Option<bool>,
    ids: Option<bool>,
    quiet: Option<bool>,
}

/// One connection.
pub struct Session {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    peer: SocketAddr,
    link: Link,
    assembler: Assembler,
    palette: Palette,
    person: Option<Arc<User>>,
    /// The name was claimed in this turn.
    login_to_log: bool,
    /// The account that was come in to in this turn. In a box, since it is seldom there.
    arrived: Option<Box<AccountRecord>>,
    back: ComingBack,
    /// What this person has written to people who were not there.
    left_words: Vec<MessageId>,
    /// What had waited for this person, as he would quote it.
    received_words: Vec<Quoted>,
    /// How far this person had read when he was last here, if he has an account.
    visits: Vec<Visited>,
    /// Rooms of them with more to read than memory holds.
    missed: Vec<Missed>,
    memberships: Vec<JoinedRoom>,
    /// Of the last one.
    membership: MembershipId,
    /// The room whose view is open.
    viewed: Option<Arc<Room>>,
    /// Rooms posted to and not driven since.
    undelivered: Vec<Arc<Room>>,
    posts: Bucket,
    reads: Bucket,
    pending: Pending,
    /// What the editor has looked at and is not paid for, in bytes.
    editing: usize,
    held_keys: Option<Box<HeldKeys>>,
    /// Lines that came too fast and are not answered yet.
    refused: Option<Box<FloodNotice>>,
    effects: Vec<Effect>,
    protocol: Vec<u8>,
    opened: Instant,
    /// Nothing is run before: `connection_timeout`.
    held_until: Option<Instant>,
    idle: Idle,
    long_lines: u8,
    wrong_codes: u8,
    /// What is read has to be opened by the outbox's codec first.
    encrypted: bool,
    /// Tells other protocols from people.
    first_bytes: FirstBytes,
    /// The peer sends nothing more.
    input_over: bool,
    /// The rest of what came is still to be read: no prompt before that.
    more_waits: bool,
    /// The line that has come is the only one that came.
    is_alone: bool,
    password_warned: bool,
    network_warned: bool,
    wanted: Wanted,
    /// Lines that were not taken.
    returned: Returned,
    /// The window has another width, and the view is due to be redrawn then.
    redraw_due: Option<Instant>,
    /// The user was told that what they typed is not UTF-8.
    charset_warned: bool,
    /// The terminal's names may go on: the number of the open question, and until when its answer is waited for.
    names_until: Option<(u8, Instant)>,
    /// The read timeout set on the socket: setting it costs a system call.
    read_timeout: Option<Duration>,
    ended: Option<DisconnectReason>,
}

impl Session {
    /// The session of a connection just accepted.
    #[inline(never)]
    pub fn new(hub: Arc<Hub>, outbox: Arc<Outbox>, peer: SocketAddr, door: Door, now: Instant) -> Box<Session> {
        let config = hub.config();
        let encrypted = outbox.encryption().is_some();
        let policy = match if encrypted { config.tls.telnet } else { config.telnet } {
            Telnet::Auto => Policy::Auto,
            Telnet::Never => Policy::Never,
            Telnet::Always => Policy::Always,
        };
        let pending = Pending::new(Arc::clone(&hub.limits.waiting_lines), outbox.id());
        // Boxed here: it is large, and its maker's stack is what every idle person keeps.
        Box::new(Session {
            encrypted,
            outbox,
            peer,
            link: Link::new(policy),
            assembler: Assembler::new(),
            palette: Palette::new(door),
            person: None,
            login_to_log: false,
            arrived: None,
            back: ComingBack::default(),
            left_words: Vec::new(),
            received_words: Vec::new(),
            visits: Vec::new(),
            missed: Vec::new(),
            memberships: Vec::new(),
            membership: MembershipId(0),
            viewed: None,
            undelivered: Vec::new(),
            posts: Bucket::default(),
            reads: Bucket::default(),
            pending,
            editing: 0,
            held_keys: None,
            refused: None,
            effects: Vec::new(),
            protocol: Vec::new(),
            opened: now,
            held_until: config.connection_timeout.then(|| now + NEWCOMER_WAIT),
            idle: Idle::new(now),
            long_lines: 0,
            wrong_codes: 0,
            first_bytes: FirstBytes::new(),
            input_over: false,
            more_waits: false,
            is_alone: false,
            password_warned: false,
            network_warned: false,
            wanted: Wanted::default(),
            returned: Returned::default(),
            redraw_due: None,
            charset_warned: false,
            names_until: None,
            read_timeout: None,
            ended: None,
            hub,
        })
    }

    /// Said here and not where the name is claimed: formatting a log line takes a kilobyte and more of stack, which so
    /// deep down would be a page more for everybody, for ever.
    #[inline(never)]
    fn log_login(&self) {
        if let Some(person) = &self.person {
            log::info!("client {} from {} is {}", self.outbox.id(), self.peer, person.name());
        }
    }

    /// Runs the connection to its end; returns why it ended. The socket is finished with, but not closed.
    pub fn run(&mut self) -> DisconnectReason {
        let mut small = [0; SMALL_READ];
        self.open(&mut small);
        let mut large: Option<Box<[u8]>> = None;
        while self.complete_turn() {
            let deadline = self.look_at(Instant::now());
            if self.input_over {
                if self.pending.is_empty() && self.held_keys.is_none() {
                    self.tell_unfinished();
                    self.ended = Some(DisconnectReason::PeerClosed);
                } else {
                    self.outbox.wait_disconnected(deadline);
                }
                continue;
            }
            if self.held_keys.is_some() {
                self.outbox.wait_disconnected(deadline);
                continue;
            }
            let buffer = large.as_deref_mut().unwrap_or(&mut small);
            match self.read(buffer, deadline) {
                // Zero is also how our own end wakes this thread.
                Ok(0) => self.stream_ended(),
                Ok(count) => {
                    let size = buffer.len();
                    self.take_read(&buffer[..count]);
                    self.more_waits = count == size && more_waits(self.outbox.stream());
                    if count == size && large.is_none() {
                        large = Some(vec![0; LARGE_READ].into_boxed_slice());
                    } else if count < SMALL_READ {
                        large = None;
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                    kind => self.ended = Some(DisconnectReason::Reset(kind)),
                },
            }
        }
        self.finish()
    }

    /// Carries out what is due, delivers and sends what the bytes taken since the last turn have caused. False if the
    /// connection is over, and nothing is left but to [`finish`](Session::finish) it.
    ///
    /// Whoever has no thread for a session drives it by hand as [`run`](Session::run) does: [`greet`](Session::greet)
    /// once, and after every [`take`](Session::take) a turn.
    pub fn complete_turn(&mut self) -> bool {
        self.keep_deadlines(Instant::now());
        self.finish_turn();
        if std::mem::take(&mut self.login_to_log) {
            self.log_login();
        }
        !self.is_over()
    }

    /// Leaves everything this person was in, says the last words, and returns why the connection ended.
    pub fn finish(&mut self) -> DisconnectReason {
        self.tell_refused(Instant::now());
        let ended = self.outbox.disconnect_reason().or(self.ended.take()).unwrap_or(DisconnectReason::Quit);
        self.leave(&ended);
        ended
    }

    /// The first words. They are sent by the turn that follows.
    #[inline(never)]
    pub fn greet(&mut self) {
        let config = self.hub.config();
        self.link.open(&mut self.protocol);
        self.send_protocol();
        let welcome = match config.welcome_message.as_str() {
            "" => "Welcome! This is chatsock.",
            message => message,
        };
        self.outbox.tell(LineKind::News, welcome);
        self.tell_who_may_come_in();
    }

    fn is_over(&self) -> bool {
        self.ended.is_some() || self.outbox.disconnect_reason().is_some()
    }

    /// Who this person is to rooms, once he has a name.
    fn actor(&self) -> Option<Actor> {
        Some(self.hub.actor(self.person.as_ref()?))
    }

    /// As whose this person's wrong passwords of rooms and exit codes count.
    fn attempter(&self) -> Attempter {
        let account = self.person.as_ref().and_then(|person| person.account());
        account.map_or(Attempter::Connection(self.outbox.id()), Attempter::Account)
    }

    /// Ends a turn: what was posted is delivered, what was written is sent, the prompt stands, and nothing is left over
    /// that the socket has not taken.
    #[inline(never)]
    fn finish_turn(&mut self) {
        self.deliver();
        self.pick_up_notices();
        self.note_rooms();
        if self.held_until.is_some() || self.more_waits || self.is_over() {
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

    /// Drives the rooms posted to.
    fn deliver(&mut self) {
        for room in self.undelivered.drain(..) {
            room.drive();
        }
    }

    fn send_protocol(&mut self) {
        if !self.protocol.is_empty() {
            self.outbox.write_protocol(&self.protocol);
            self.protocol.clear();
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
