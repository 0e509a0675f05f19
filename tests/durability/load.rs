//! Users who keep a server busy until it is killed. Some only talk; others request changes that must be on disk before
//! they are confirmed.
//!
//! None of them fails when the connection ends, which may happen at any moment. A refusal is a failure.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::promises::{Promises, Wish};
use crate::support::PATIENCE;
use crate::support::random::Random;

/// Authors delete one message in this many.
const DELETED: usize = 40;

/// Everybody's password.
const PASSWORD: &str = "sesame open";

/// What users have seen, reported to the thread that kills the server.
#[derive(Debug)]
pub enum Event {
    /// A message was acknowledged.
    Said { id: u64, room: &'static str, text: String, at: Instant },
    /// A deletion was requested.
    Deleting { id: u64 },
    /// It was acknowledged.
    Deleted { id: u64, at: Instant },
    /// A change was requested that must be on disk before it is confirmed.
    Asked,
    /// It was confirmed.
    Confirmed,
}

/// A connection that may end at any moment. After that, everything returns `None`.
struct Talker {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Talker {
    fn connect(address: SocketAddr) -> Option<Talker> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Talker { stream, received: Vec::new() })
    }

    /// A user in the palette.
    fn login(address: SocketAddr, name: &str) -> Option<Talker> {
        let mut talker = Talker::connect(address)?;
        talker.until("Username: ")?;
        talker.ask(name, ":help explains.\r\n")?;
        Some(talker)
    }

    /// A user with an account.
    fn login_with_password(address: SocketAddr, name: &str) -> Option<Talker> {
        let mut talker = Talker::connect(address)?;
        talker.until("Username: ")?;
        talker.ask(name, "Password: ")?;
        talker.ask(PASSWORD, ":help explains.\r\n")?;
        Some(talker)
    }

    fn send(&mut self, line: &str) -> Option<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).ok()
    }

    fn ask(&mut self, line: &str, answer: &str) -> Option<()> {
        self.send(line)?;
        self.until(answer)
    }

    fn until(&mut self, text: &str) -> Option<()> {
        loop {
            let seen = String::from_utf8_lossy(&self.received);
            if is_farewell(&seen) {
                return None;
            }
            assert!(!seen.contains("! "), "refused instead of {text:?}: {seen}");
            if let Some(at) = self.received.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.received.drain(..at + text.len());
                return Some(());
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("no {text:?} in time: {seen}")
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

/// A user who talks without a pause.
pub struct Chatterer {
    pub name: &'static str,
    pub room: &'static str,
    /// The beginning of each of their lines.
    pub mark: String,
    /// Lines pending before the first must be acknowledged.
    pub window: usize,
    /// Asks for the time before each line. The server answers such questions ten times a second.
    pub at_ease: bool,
    pub random: Random,
}

impl Chatterer {
    /// Sends line after line and deletes some, until the connection ends.
    pub fn talk(mut self, address: SocketAddr, events: &Sender<Event>) -> Option<()> {
        let mut talker = Talker::login(address, self.name)?;
        talker.ask(&format!(":join {}", self.room), "to leave.\r\n")?;
        let mut stream = &talker.stream;
        let mut reader = BufReader::new(stream);
        let mut count = 0;
        loop {
            if self.at_ease {
                stream.write_all(b":time\r\n").ok()?;
                line_with(&mut reader, "* It is ")?;
            }
            let texts: Vec<_> = (0..self.window).map(|place| self.text(count + place)).collect();
            let lines: String = texts.iter().map(|text| format!(":say {text}\r\n")).collect();
            stream.write_all(lines.as_bytes()).ok()?;
            count += self.window;
            let mut last = 0;
            for text in texts {
                let id = acknowledged(&mut reader, " as #")?;
                assert!(id > last, "#{id} after #{last}");
                last = id;
                events.send(Event::Said { id, room: self.room, text, at: Instant::now() }).ok()?;
            }
            if self.random.below(DELETED.div_ceil(self.window)) == 0 {
                events.send(Event::Deleting { id: last }).ok()?;
                stream.write_all(format!(":delete {last}\r\n").as_bytes()).ok()?;
                let id = acknowledged(&mut reader, "Deleted #")?;
                events.send(Event::Deleted { id, at: Instant::now() }).ok()?;
            }
        }
    }

    fn text(&mut self, number: usize) -> String {
        let filling = "x".repeat(self.random.below(100));
        format!("{} {number} {filling}", self.mark).trim_end().to_owned()
    }
}

/// Whether the server says that it is stopping, in which case it may refuse requests.
fn is_farewell(seen: &str) -> bool {
    seen.contains("erver is shutting down") || seen.contains("the server is stopping")
}

/// The number after these words, in the next line that has one.
fn acknowledged(reader: &mut BufReader<&TcpStream>, before: &str) -> Option<u64> {
    let line = line_with(reader, before)?;
    let (_, rest) = line.split_once(before)?;
    rest.split_once('.').and_then(|(id, _)| id.parse().ok())
}

/// The next line with these words.
fn line_with(reader: &mut BufReader<&TcpStream>, words: &str) -> Option<String> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|_| line.ends_with('\n'))?;
        if is_farewell(&line) {
            return None;
        }
        assert!(!line.contains("! "), "refused: {line}");
        if line.contains(words) {
            return Some(line);
        }
    }
}

/// A user who requests changes that must be on disk before they are confirmed.
struct Keeper<'a> {
    talker: Talker,
    promises: &'a Mutex<Promises>,
    events: &'a Sender<Event>,
}

impl Keeper<'_> {
    /// Requests something and waits until it is confirmed.
    fn change(&mut self, line: &str, answer: &str, wishes: &[Wish]) -> Option<()> {
        let lock = || self.promises.lock().unwrap_or_else(PoisonError::into_inner);
        lock().asked(wishes);
        self.talker.send(line)?;
        self.events.send(Event::Asked).ok()?;
        self.talker.until(answer)?;
        lock().confirmed(wishes);
        self.events.send(Event::Confirmed).ok()
    }
}

fn wish(thing: impl Into<String>, value: impl Into<String>) -> Wish {
    (thing.into(), Some(value.into()))
}

fn none(thing: impl Into<String>) -> Wish {
    (thing.into(), None)
}

/// New users keep registering and changing their settings.
pub fn register(
    address: SocketAddr,
    name: &str,
    random: Random,
    promises: &Mutex<Promises>,
    events: &Sender<Event>,
) -> Option<()> {
    let talker = Talker::login(address, name)?;
    let mut keeper = Keeper { talker, promises, events };
    keeper.register(name)?;
    keeper.change_settings(name, random)
}

/// A user who registered in an earlier life of the server logs in.
pub fn come_back(address: SocketAddr, name: &str) -> Option<()> {
    Talker::login_with_password(address, name)?.ask(":quit", "* Goodbye.")
}

/// The operator creates persistent rooms, sets them up, closes some of them, and bans users and addresses.
pub fn keep_order(
    address: SocketAddr,
    round: usize,
    random: Random,
    promises: &Mutex<Promises>,
    events: &Sender<Event>,
) -> Option<()> {
    let known = |thing: &str| promises.lock().unwrap_or_else(PoisonError::into_inner).get(thing).is_some();
    let name = OPERATOR;
    let mut keeper = if known(&format!("account {name}")) {
        Keeper { talker: Talker::login_with_password(address, name)?, promises, events }
    } else {
        let mut keeper = Keeper { talker: Talker::login(address, name)?, promises, events };
        keeper.register(name)?;
        keeper
    };
    if !known(&format!("room {ARCHIVE}")) {
        keeper.make_room(ARCHIVE)?;
    }
    keeper.rule(round, random)
}

/// The operator.
pub const OPERATOR: &str = "keeper";

/// A room that the operator creates and never closes.
pub const ARCHIVE: &str = "archive";

impl Keeper<'_> {
    fn register(&mut self, name: &str) -> Option<()> {
        let line = format!(":register\r\n{PASSWORD}\r\n{PASSWORD}");
        self.change(&line, " is now registered to you.", &[wish(format!("account {name}"), "there")])
    }

    fn change_settings(&mut self, name: &str, mut random: Random) -> Option<()> {
        loop {
            match random.below(3) {
                0 => {
                    let value = random.choose(&["on", "off"]);
                    self.change(
                        &format!(":color {value}"),
                        "* Colour is ",
                        &[wish(format!("colour of {name}"), value)],
                    )?;
                }
                1 => {
                    let value = random.choose(&["on", "off", "mentions"]);
                    // Off is the default, which is not stored.
                    let kept = Some(value.to_owned()).filter(|value| value != "off");
                    self.change(&format!(":bell {value}"), "* The bell ", &[(format!("bell of {name}"), kept)])?;
                }
                _ => {
                    let value = random.choose(&["Europe/Berlin", "Asia/Tokyo", "America/New_York"]);
                    let wishes = [wish(format!("zone of {name}"), value)];
                    self.change(&format!(":timezone {value}"), &format!("are those of {value}.\r\n"), &wishes)?;
                }
            }
        }
    }

    fn make_room(&mut self, room: &str) -> Option<()> {
        self.talker.ask(&format!(":create {room}"), "you are its admin.")?;
        self.change(":set keep on", " keeps the room: ", &[wish(format!("room {room}"), OPERATOR)])
    }

    fn rule(&mut self, round: usize, mut random: Random) -> Option<()> {
        // A room from an earlier life of the server still belongs to the operator.
        let earlier = self.promises.lock().unwrap_or_else(PoisonError::into_inner).beginning("room den");
        let mut rooms = 0;
        let mut room = match earlier.last().filter(|_| random.below(2) == 0) {
            Some(number) => {
                let room = format!("den{number}");
                self.talker.ask(&format!(":join {room}"), "to leave.\r\n")?;
                room
            }
            None => self.next_room(round, &mut rooms)?,
        };
        for number in 1.. {
            let ban = format!("ban of mallory in {room}");
            let address = format!("203.0.113.{}", random.below(4));
            match random.below(12) {
                // A user may be in 64 rooms.
                11 if rooms < 30 => room = self.next_room(round, &mut rooms)?,
                0..4 | 11.. => {
                    let text = format!("{round} {number}");
                    let wishes = [wish(format!("topic of {room}"), &text)];
                    self.change(&format!(":topic {text}"), " set the description: ", &wishes)?;
                }
                4 => {
                    // Never the current value: that would be refused.
                    let limit = 1 + 10_000 * round + number;
                    let wishes = [wish(format!("limit of {room}"), limit.to_string())];
                    self.change(&format!(":set limit {limit}"), " set the limit to ", &wishes)?;
                }
                5 | 6 if self.is(&ban) => self.change(":unban mallory", "mallory was unbanned", &[none(ban)])?,
                5 | 6 => {
                    let reason = format!("reason {round} {number}");
                    let line = format!(":ban mallory {reason}");
                    self.change(&line, "mallory was banned", &[wish(ban, reason)])?;
                }
                7..=9 => {
                    let thing = format!("address {address}");
                    if self.is(&thing) {
                        let line = format!(":unbanip {address}");
                        self.change(&line, " is no longer banned.", &[none(thing)])?;
                    } else {
                        let reason = format!("reason {round} {number}");
                        let line = format!(":banip {address} {reason}");
                        self.change(&line, " is banned; ", &[wish(thing, reason)])?;
                    }
                }
                _ => {
                    let things = ["room", "topic of", "limit of", "ban of mallory in"];
                    let wishes = things.map(|thing| none(format!("{thing} {room}")));
                    self.change(":destroy", "was closed by", &wishes)?;
                    room = self.next_room(round, &mut rooms)?;
                }
            }
        }
        None
    }

    fn next_room(&mut self, round: usize, rooms: &mut usize) -> Option<String> {
        *rooms += 1;
        let room = format!("den{round}x{rooms}");
        self.make_room(&room)?;
        Some(room)
    }

    fn is(&self, thing: &str) -> bool {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).get(thing).is_some()
    }
}
