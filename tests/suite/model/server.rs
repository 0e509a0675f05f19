//! The real parts: a hub without listeners and timers, sessions driven by hand, and the content of each screen.
//!
//! A session writes into one end of a socket pair while it is driven. After its turn, everything shown to anyone can be
//! read from the other ends, so the test never waits.

use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chatsock::chat::message::MessageId;
use chatsock::chat::moderation::GRACE;
use chatsock::chat::names::RoomName;
use chatsock::config::{Config, Telnet};
use chatsock::hub::Hub;
use chatsock::hub::room::Room;
use chatsock::hub::timer::Task;
use chatsock::outbox::{DisconnectReason, Outbox};
#[cfg(feature = "web")]
use chatsock::protocol::websocket::{Form, WebSocket};
use chatsock::session::Session;
use chatsock::ui::palette::Door;
use chatsock::ui::screen::Clock;

use super::program::{self, Objects};
use super::screen::Screen;
use super::step::{Act, Step};

struct Line {
    session: Box<Session>,
    outbox: Arc<Outbox>,
    reader: UnixStream,
    /// Read but not interpreted yet.
    unread: Vec<u8>,
    shown: Shown,
}

/// The client's view of what it reads.
#[cfg_attr(not(all(feature = "json", feature = "web")), allow(dead_code, reason = "this build has fewer doors"))]
enum Shown {
    Terminal(Screen),
    Program(Objects),
    /// The same in the messages of a WebSocket.
    Page(Objects),
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Text,
    Json,
    WebSocket,
}

/// A server for one sequence.
pub struct Server {
    hub: Arc<Hub>,
    addresses: Vec<IpAddr>,
    speaks: Vec<Speaks>,
    seats: Vec<Option<Line>>,
    requests: u64,
}

impl Server {
    pub fn new(addresses: &[&str], speaks: &[Speaks]) -> Server {
        let mut config = Config { telnet: Telnet::Never, ..Config::default() };
        config.limits.messages_per_second = None;
        config.limits.rooms_per_ip = None;
        // Nobody is recognised by name from an exempt address, but the users of the model are.
        config.limits.exempt = Vec::new();
        let (requests, _) = mpsc::channel();
        let hub = Hub::new(config, Clock::new(jiff::tz::TimeZone::UTC), None, requests, None);
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let seats = addresses.iter().map(|_| None).collect();
        Server { hub: Arc::new(hub), addresses, speaks: speaks.to_vec(), seats, requests: 0 }
    }

    /// Performs a step, with the line that the model types in this room. Returns true if the connection is over.
    pub fn run(&mut self, step: &Step, typed: Option<&str>, room: Option<&str>) -> bool {
        match &step.act {
            Act::Lost => {
                let line = self.seats[step.seat].as_mut().expect("somebody is there");
                line.outbox.disconnect(DisconnectReason::Reset(ErrorKind::ConnectionReset));
                line.session.finish();
                self.hub.roster.disconnected(line.outbox.id());
                return true;
            }
            Act::Grace(room) => {
                if let Some(room) = self.room(room) {
                    room.name_heir(Instant::now() + GRACE + Duration::from_secs(1));
                }
                return false;
            }
            Act::Linger(room) => {
                if let Some(room) = self.room(room) {
                    // The grace period has only just begun.
                    self.hub.carry_out(Task::CloseIfEmpty(Arc::downgrade(&room)), Instant::now());
                    let linger = self.hub.config().room_linger;
                    assert!(self.hub.rooms.find(room.name()).is_some(), "{} is closed too soon", room.name());
                    self.hub.rooms.close_if_empty(&room, linger, Instant::now() + linger);
                }
                return false;
            }
            Act::Expire(room, id) => {
                if let Some(room) = self.room(room) {
                    self.hub.carry_out(Task::Expire(Arc::downgrade(&room), MessageId(*id)), Instant::now());
                }
                return false;
            }
            Act::Login(_) if self.seats[step.seat].is_none() => self.connect(step.seat),
            _ => {}
        }
        let line = self.seats[step.seat].as_mut().expect("somebody is there");
        let typed = typed.expect("a typed line");
        self.requests += 1;
        line.enter(&step.act, typed, room, self.requests);
        if line.session.complete_turn() {
            return false;
        }
        line.session.finish();
        self.hub.roster.disconnected(line.outbox.id());
        true
    }

    fn connect(&mut self, seat: usize) {
        let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
        reader.set_nonblocking(true).expect("set");
        // At the end of a connection the session reads until its peer closes.
        reader.shutdown(Shutdown::Write).expect("half-closed");
        // An outbox uses nothing of its stream that is specific to TCP.
        let stream = TcpStream::from(OwnedFd::from(writer));
        let outbox = Outbox::new(self.hub.next_client(), stream, Arc::clone(&self.hub.slow_readers));
        self.hub.roster.connected(&outbox);
        let peer = SocketAddr::new(self.addresses[seat], 40_000);
        let (door, shown) = match self.speaks[seat] {
            Speaks::Text => (Door::Plain, Shown::Terminal(Screen::default())),
            #[cfg(feature = "json")]
            Speaks::Json => (Door::Json, Shown::Program(Objects::default())),
            #[cfg(feature = "web")]
            Speaks::WebSocket => {
                outbox.open_web(b"", WebSocket::new(Form::Lines, 4096, Vec::new()));
                (Door::Json, Shown::Page(Objects::default()))
            }
            #[cfg(not(feature = "json"))]
            Speaks::Json => unreachable!("this build has no such door"),
            #[cfg(not(feature = "web"))]
            Speaks::WebSocket => unreachable!("this build has no such door"),
        };
        let session = Session::new(Arc::clone(&self.hub), Arc::clone(&outbox), peer, door, Instant::now());
        let mut line = Line { session, outbox, reader, unread: Vec::new(), shown };
        if door == Door::Plain {
            line.session.greet();
        }
        line.session.complete_turn();
        line.read();
        if let Shown::Terminal(screen) = &mut line.shown {
            assert_eq!(screen.lines, ["* Welcome to chatsock!"]);
            screen.lines.clear();
        }
        self.seats[seat] = Some(line);
    }

    fn room(&self, name: &str) -> Option<Arc<Room>> {
        self.hub.rooms.find(&RoomName::parse(name).expect("a name"))
    }

    /// What a seat has received since the last call, and the cursor's row.
    pub fn seen(&mut self, seat: usize) -> (Vec<String>, String) {
        let Some(line) = &mut self.seats[seat] else { return (Vec::new(), String::new()) };
        line.read();
        match &mut line.shown {
            Shown::Terminal(screen) => (std::mem::take(&mut screen.lines), screen.row()),
            Shown::Program(objects) | Shown::Page(objects) => (std::mem::take(&mut objects.lines), String::new()),
        }
    }

    /// Forgets a client whose connection is over.
    pub fn forget(&mut self, seat: usize) {
        self.seats[seat] = None;
    }
}

impl Line {
    /// Sends what the client must send for a step.
    fn enter(&mut self, act: &Act, typed: &str, room: Option<&str>, number: u64) {
        let (objects, framed) = match &mut self.shown {
            Shown::Terminal(screen) => {
                screen.end_line();
                return self.session.take(format!("{typed}\r\n").as_bytes());
            }
            Shown::Program(objects) => (objects, false),
            Shown::Page(objects) => (objects, true),
        };
        let mut request = program::request(act, room, typed);
        let id = number.to_string();
        request["id"] = id.as_str().into();
        assert_eq!(objects.asked.replace(id), None, "the request before this one was not answered");
        let request = request.to_string();
        if !framed {
            return self.session.take(format!("{request}\n").as_bytes());
        }
        // Masked with zeros (RFC 6455, section 5.3).
        let length = u16::try_from(request.len()).expect("a short request");
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(request.as_bytes());
        if length < 126 {
            frame.splice(1..4, [0x80 | request.len() as u8]);
        }
        let mut plain = Vec::new();
        self.outbox.decode(&frame, &mut plain).expect("a frame");
        self.session.take(&plain);
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = self.reader.read(&mut buffer) {
            self.unread.extend_from_slice(&buffer[..count]);
        }
        let Line { unread, shown, .. } = self;
        let bytes = std::mem::take(unread);
        match shown {
            Shown::Terminal(screen) => screen.show(&bytes),
            Shown::Program(objects) => take_lines(objects, &bytes),
            Shown::Page(objects) => {
                let mut rest = &bytes[..];
                while let [first, second, behind @ ..] = rest {
                    let (length, behind) = match (second, behind) {
                        (126, [high, low, behind @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), behind),
                        _ => (usize::from(*second), behind),
                    };
                    let (payload, behind) = behind.split_at(length);
                    rest = behind;
                    match first {
                        0x81 => take_lines(objects, payload),
                        0x88 => {}
                        _ => panic!("a frame that begins with {first:#x}"),
                    }
                }
            }
        }
    }
}

fn take_lines(objects: &mut Objects, bytes: &[u8]) {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(|line| objects.take(line));
}
