//! The real parts: one hub without listeners and timers, sessions driven by hand, and what stands on each screen.
//!
//! A session writes into one end of a socket pair while it is driven. When its turn is over, everything shown to
//! anybody can be read from the other ends, so the test never waits.

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
use chatsock::session::Session;
use chatsock::ui::palette::Door;
use chatsock::ui::screen::Clock;

use super::screen::Screen;
use super::step::{Act, Step};

struct Line {
    session: Box<Session>,
    outbox: Arc<Outbox>,
    reader: UnixStream,
    screen: Screen,
}

/// A server for one sequence.
pub struct Server {
    hub: Arc<Hub>,
    addresses: Vec<IpAddr>,
    seats: Vec<Option<Line>>,
}

impl Server {
    pub fn new(addresses: &[&str]) -> Server {
        let mut config = Config { telnet: Telnet::Never, ..Config::default() };
        config.limits.messages_per_second = None;
        config.limits.rooms_per_ip = None;
        // Nobody is recognised by name from an exempt address, but the users of the model are.
        config.limits.exempt = Vec::new();
        let (requests, _) = mpsc::channel();
        let hub = Hub::new(config, Clock::new(jiff::tz::TimeZone::UTC), None, requests, None);
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let seats = addresses.iter().map(|_| None).collect();
        Server { hub: Arc::new(hub), addresses, seats }
    }

    /// Performs a step, typed as the model says; true if the connection is over.
    pub fn run(&mut self, step: &Step, typed: Option<&str>) -> bool {
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
                    // Its time has only just begun.
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
        line.screen.end_line();
        line.session.take(format!("{typed}\r\n").as_bytes());
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
        let session = Session::new(Arc::clone(&self.hub), Arc::clone(&outbox), peer, Door::Plain, Instant::now());
        let mut line = Line { session, outbox, reader, screen: Screen::default() };
        line.session.greet();
        line.session.complete_turn();
        line.read();
        assert_eq!(line.screen.lines, ["* Welcome to chatsock!"]);
        line.screen.lines.clear();
        self.seats[seat] = Some(line);
    }

    fn room(&self, name: &str) -> Option<Arc<Room>> {
        self.hub.rooms.find(&RoomName::parse(name).expect("a name"))
    }

    /// What a seat has received since the last call, and the cursor's row.
    pub fn seen(&mut self, seat: usize) -> (Vec<String>, String) {
        let Some(line) = &mut self.seats[seat] else { return (Vec::new(), String::new()) };
        line.read();
        (std::mem::take(&mut line.screen.lines), line.screen.row())
    }

    /// Forgets a client whose connection is over.
    pub fn forget(&mut self, seat: usize) {
        self.seats[seat] = None;
    }
}

impl Line {
    fn read(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.reader.read(&mut buffer) {
                Ok(count) if count > 0 => self.screen.show(&buffer[..count]),
                _ => return,
            }
        }
    }
}
