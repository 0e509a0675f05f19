//! The client: any number of members, in one room or several, on one thread.
//!
//! *Owns* the members, what each has seen of each sender, and the check that it was every text once and in order.
//! *Knows nothing of* windows, pacing, figures or encryption.
//!
//! It must not be the bottleneck: one read buffer for all, one `read` per ready socket, and per member a few counters and
//! the end of an unfinished line.

use std::ops::Range;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timer::TimerSetTimeFlags;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags};

use crate::failure::Failure;
use crate::floor::{GREETING, SPEAKERS_MARK};
use crate::link::{Buffers, Encryption, Link, Received};
use crate::web::Form;
use crate::wire;

/// Members of one room who may send: the first ones. Their texts are counted separately, so that order is checked per sender.
pub const MAX_SENDERS: usize = 16;
/// Receiving nothing at all for this long, while something is expected, is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// A large room announces arrivals at most once a second; after a longer silence none are pending.
const SILENCE: Duration = Duration::from_millis(1_300);

/// Bytes per read. Eight senders with 64 texts each come to 50 KB.
const READ_BUFFER: usize = 256 * 1024;
/// Events per wait. Few enough that senders are read between two rounds of a large room.
const EVENTS: usize = 256;
/// The epoll number of the timer; a member's is its index.
const TIMER: u64 = u64::MAX;
/// Odd, so that multiplying by it loses nothing: used to hash the order of texts into 64 bits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is on the other side, and so how a member comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Name, `:join`, `:chat`.
    Server,
    /// The same, over TLS.
    TlsServer,
    /// The requests `login` and `join`, in JSON.
    JsonServer,
    /// The same, over WebSocket.
    WebServer,
    /// Name, `:join`, `:chat`, over WebSocket.
    WebTerminal,
    /// Connecting is enough.
    Floor,
}

impl Door {
    /// Whether members read and write objects.
    fn speaks_json(self) -> bool {
        matches!(self, Door::JsonServer | Door::WebServer)
    }

    fn encryption(self) -> Result<Encryption, Failure> {
        match self {
            Door::TlsServer => Encryption::tls(),
            Door::WebServer => Ok(Encryption::Web(Form::Objects)),
            Door::WebTerminal => Ok(Encryption::Web(Form::Terminal)),
            Door::Server | Door::JsonServer | Door::Floor => Ok(Encryption::Off),
        }
    }
}

/// The room that every server has.
const GENERAL: &str = "general";

/// The name of a further room, by its number.
pub fn room_name(number: usize) -> String {
    format!("room{number}")
}

/// One text that reached one member.
pub struct Delivery {
    /// The member who received it.
    pub member: usize,
    /// In which room.
    pub room: usize,
    /// Which of the room's members sent it.
    pub sender: usize,
    /// Its number, counted from 0 for each sender.
    pub number: u32,
    /// When the `read` that brought it returned.
    pub at: Instant,
}

struct Member {
    link: Link,
    name: String,
    /// Completed steps of the way in.
    steps: usize,
    /// In the view: every line from now on is a text or a notice.
    seated: bool,
    /// The number expected next, by sender of its room.
    next: [u32; MAX_SENDERS],
    /// A hash of the order of all texts seen.
    order: u64,
    /// The unfinished line.
    tail: Vec<u8>,
    /// The end of its connection is not a failure.
    may_end: bool,
    ended: bool,
    /// The last line received, for the text of a failure.
    last_line: String,
}

struct Room {
    name: String,
    /// The prompt of its view, which shows that a member is in.
    prompt: String,
    /// Texts sent so far, by sender.
    sent: [u32; MAX_SENDERS],
}

impl Room {
    fn new(name: String) -> Room {
        Room { prompt: format!("{name} | "), name, sent: [0; MAX_SENDERS] }
    }
}

/// The members of all rooms, one room after the other.
pub struct Crowd {
    epoll: Epoll,
    timer: TimerFd,
    door: Door,
    encryption: Encryption,
    port: u16,
    /// Length of a text in bytes, newline included.
    size: usize,
    rooms: Vec<Room>,
    /// Members in each room; with one room there is no limit.
    room_size: usize,
    members: Vec<Member>,
    seated: usize,
    speakers: usize,
    /// The most members who have spoken so far.
    most_speakers: usize,
    /// Names given so far, including those of members who left.
    named: usize,
    /// Notices received, over all members.
    pub notices: u64,
    buffers: Buffers,
    events: Vec<EpollEvent>,
}

impl Crowd {
    /// An empty crowd for the room `general`. Texts will be `size` bytes long, newline included.
    pub fn new(door: Door, port: u16, size: usize) -> Result<Crowd, Failure> {
        Crowd::with_rooms(door, port, size, vec![Room::new(GENERAL.to_owned())], usize::MAX)
    }

    /// An empty crowd for `rooms` rooms of `room_size` members each, which are filled one after the other.
    pub fn in_rooms(door: Door, port: u16, size: usize, rooms: usize, room_size: usize) -> Result<Crowd, Failure> {
        let rooms = (0..rooms).map(|number| Room::new(room_name(number))).collect();
        Crowd::with_rooms(door, port, size, rooms, room_size)
    }

    fn with_rooms(door: Door, port: u16, size: usize, rooms: Vec<Room>, room_size: usize) -> Result<Crowd, Failure> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Crowd {
            epoll,
            timer,
            door,
            encryption: door.encryption()?,
            port,
            size,
            rooms,
            room_size,
            members: Vec::new(),
            seated: 0,
            speakers: 1,
            most_speakers: 1,
            named: 0,
            notices: 0,
            buffers: Buffers::new(READ_BUFFER),
            events: vec![EpollEvent::empty(); EVENTS],
        })
    }

    /// Later members connect to this port.
    pub fn connect_to(&mut self, port: u16) {
        self.port = port;
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    fn room_of(&self, index: usize) -> usize {
        index / self.room_size
    }

    /// Brings `count` more in, at most `parallel` at a time, each waiting for every prompt. `receive_buffer` limits how much
    /// the kernel accepts for them unread.
    pub fn join(&mut self, count: usize, parallel: usize, receive_buffer: Option<usize>) -> Result<(), Failure> {
        let target = self.members.len() + count;
        while self.seated < target {
            while self.members.len() < target && self.members.len() - self.seated < parallel {
                self.connect(receive_buffer)?;
            }
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(self.stuck());
            }
        }
        Ok(())
    }

    fn stuck(&self) -> Failure {
        let Some(member) = self.members.iter().find(|member| !member.seated) else {
            return Failure::new("no member is on the way in");
        };
        let seen = String::from_utf8_lossy(&member.tail);
        Failure::new(format!(
            "{} does not get in: {} steps completed, last line {:?}, then {seen:?}",
            member.name, member.steps, member.last_line
        ))
    }

    fn connect(&mut self, receive_buffer: Option<usize>) -> Result<(), Failure> {
        let link = Link::open(self.port, receive_buffer, &self.encryption)?;
        let index = self.members.len();
        self.epoll.add(&link, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        let name = format!("b{:05}", self.named);
        self.named += 1;
        self.members.push(Member {
            link,
            name,
            steps: 0,
            seated: false,
            next: self.rooms[self.room_of(index)].sent,
            order: 0,
            tail: Vec::new(),
            may_end: false,
            ended: false,
            last_line: String::new(),
        });
        // With TLS and WebSocket the client speaks first, and so does a program.
        let first = if self.door.speaks_json() { login(&self.members[index].name) } else { String::new() };
        if self.members[index].link.wants_write() || !first.is_empty() {
            self.write(index, first.as_bytes())
        } else {
            Ok(())
        }
    }

    /// Waits until nothing has come for longer than the server collects notices.
    pub fn settle(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + 3 * PATIENCE;
        while self.poll(SILENCE, |_| {})? > 0 {
            if Instant::now() > deadline {
                return Err(Failure::new("the room does not become quiet"));
            }
        }
        Ok(())
    }

    /// The last `count` members quit; returns when the server has closed every one of them.
    pub fn leave(&mut self, count: usize) -> Result<(), Failure> {
        let first = self.members.len().saturating_sub(count);
        for index in first..self.members.len() {
            self.members[index].may_end = true;
            let quit: &[u8] = if self.door.speaks_json() { b"{\"action\":\"quit\"}\n" } else { b"/quit\n" };
            self.write(index, quit)?;
        }
        while self.members[first..].iter().any(|member| !member.ended) {
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(Failure::new("the server does not close the connections of members who have quit"));
            }
        }
        self.members.truncate(first);
        self.seated = first;
        Ok(())
    }

    /// These members stop reading, and may be dropped for it.
    pub fn pause(&mut self, who: Range<usize>) -> Result<(), Failure> {
        for member in &mut self.members[who] {
            self.epoll.delete(&member.link)?;
            member.may_end = true;
        }
        Ok(())
    }

    /// These members read again. Once all have received what they can get, returns how many the server has dropped in the
    /// meantime. Fails unless what they saw until then was complete and in order.
    pub fn resume(&mut self, who: Range<usize>) -> Result<usize, Failure> {
        for index in who.clone() {
            self.epoll.add(&self.members[index].link, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        let sent = self.rooms[0].sent[0];
        while self.members[who.clone()].iter().any(|member| !member.ended && member.next[0] < sent) {
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(Failure::new("a member who stopped reading gets neither the rest nor an end"));
            }
        }
        Ok(self.members[who].iter().filter(|member| member.ended).count())
    }

    /// Makes `poll` return this many times a second. 0: no more ticks.
    pub fn tick(&mut self, per_second: u32) -> Result<(), Failure> {
        if per_second == 0 {
            self.timer.unset()?;
        } else {
            let interval = TimeSpec::from(Duration::from_secs(1) / per_second);
            self.timer.set(Expiration::Interval(interval), TimerSetTimeFlags::empty())?;
        }
        Ok(())
    }

    /// The first `speakers` members will send. The floor must know this; a server need not.
    pub fn set_speakers(&mut self, speakers: usize) -> Result<(), Failure> {
        if self.door == Door::Floor && self.speakers != speakers {
            let digit = b'0' + u8::try_from(speakers).unwrap_or(1);
            self.write(0, &[SPEAKERS_MARK, digit, b'\n'])?;
        }
        self.speakers = speakers;
        self.most_speakers = self.most_speakers.max(speakers);
        Ok(())
    }

    /// Sends `count` more texts, each in a write of its own: several in one would give the server a ready-made batch, and its
    /// batches are what is measured.
    pub fn say(&mut self, room: usize, sender: usize, count: u32) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(self.size);
        for _ in 0..count {
            bytes.clear();
            let Room { name, sent, .. } = &mut self.rooms[room];
            let (id, number) = (room * MAX_SENDERS + sender, sent[sender]);
            if self.door.speaks_json() {
                wire::emit_object(&mut bytes, name, id, number, self.size);
            } else {
                wire::emit(&mut bytes, id, number, self.size);
            }
            sent[sender] += 1;
            self.write(room * self.room_size + sender, &bytes)?;
        }
        Ok(())
    }

    /// The negotiated version and cipher, if the connections are encrypted.
    pub fn encryption(&self) -> Option<String> {
        self.members.first()?.link.encryption()
    }

    /// Texts sent so far by all senders.
    pub fn total_sent(&self) -> u64 {
        self.rooms.iter().flat_map(|room| room.sent).map(u64::from).sum()
    }

    /// Texts sent so far by this sender.
    pub fn sent(&self, room: usize, sender: usize) -> u32 {
        self.rooms[room].sent[sender]
    }

    fn write(&mut self, index: usize, bytes: &[u8]) -> Result<(), Failure> {
        let link = &mut self.members[index].link;
        let waited = link.has_unsent();
        link.send(bytes)?;
        if link.has_unsent() && !waited {
            let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT;
            self.epoll.modify(&*link, &mut EpollEvent::new(interest, index as u64))?;
        }
        Ok(())
    }

    /// Waits for at most `timeout` until something happens, and reads what has come. Returns the number of sockets and ticks
    /// that were ready; 0 means that the time is over.
    pub fn poll(&mut self, timeout: Duration, mut on: impl FnMut(&Delivery)) -> Result<usize, Failure> {
        // A millisecond more, so that this never returns early.
        let timeout = EpollTimeout::try_from(timeout.as_millis() + 1)?;
        let ready = match self.epoll.wait(&mut self.events, timeout) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Ok(1),
            Err(error) => return Err(error.into()),
        };
        for event in 0..ready {
            let event = self.events[event];
            if event.data() == TIMER {
                // Only clears it; what is due is decided by the clock.
                self.timer.wait()?;
                continue;
            }
            let index = usize::try_from(event.data())?;
            if event.events().contains(EpollFlags::EPOLLOUT) {
                self.write_rest(index)?;
            }
            if event.events().intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
                self.read(index, &mut on)?;
            }
        }
        Ok(ready)
    }

    fn write_rest(&mut self, index: usize) -> Result<(), Failure> {
        let link = &mut self.members[index].link;
        link.send_rest()?;
        if !link.has_unsent() {
            self.epoll.modify(&*link, &mut EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize, on: &mut impl FnMut(&Delivery)) -> Result<(), Failure> {
        let room = self.room_of(index);
        let own = index % self.room_size;
        let Crowd { members, buffers, size, notices, rooms, door, .. } = self;
        let in_json = door.speaks_json();
        let prompt = rooms[room].prompt.as_bytes();
        let member = &mut members[index];
        let text = match member.link.read(buffers)? {
            Received::Text(text) => text,
            Received::Nothing => return Ok(()),
            // `end` decides whether it was allowed.
            Received::End => return self.end(index),
        };
        let at = Instant::now();
        let Member { tail, next, order, seated, may_end, last_line, .. } = member;
        let mut wrong = None;
        wire::scan(tail, text, |line| {
            let found = if in_json { wire::parse_object(line, *size) } else { wire::parse(line, *size) };
            if let Some((id, number)) = found {
                // A text from another room's sender is as wrong as the member's own text on a terminal, which has already
                // shown it.
                let sender = id.wrapping_sub(room * MAX_SENDERS);
                if in_json && sender == own {
                    return;
                }
                let expected = next.get_mut(sender).filter(|_| sender != own);
                match expected {
                    Some(expected) if *expected == number => *expected += 1,
                    _ => {
                        wrong.get_or_insert_with(|| misplaced(id, number, expected.copied()));
                    }
                }
                *order = (*order ^ (((sender as u64) << 32) | u64::from(number))).wrapping_mul(MIX).rotate_left(23);
                on(&Delivery { member: index, room, sender, number, at });
            } else if in_json && !*seated && !line.starts_with(b"{\"id\":\"") {
                // The room's past, and other arrivals: only answers lead on.
            } else if !*seated {
                *last_line = String::from_utf8_lossy(line).into_owned();
            } else if in_json && line.starts_with(b"{\"id\":\"") {
                // The answer to a text of one's own.
            } else if in_json || is_notice(line, prompt) {
                *notices += 1;
                *last_line = String::from_utf8_lossy(line).into_owned();
            } else if !*may_end {
                // A dropped member may find the last text cut off and a farewell in its place.
                wrong.get_or_insert_with(|| format!("an unexpected line {:?}", String::from_utf8_lossy(line)));
            }
        });
        if let Some(wrong) = wrong {
            return Err(Failure::new(format!("{} got {wrong}", self.members[index].name)));
        }
        if self.members[index].link.wants_write() {
            self.write(index, b"")?;
        }
        if !self.members[index].seated {
            self.step(index)?;
        }
        Ok(())
    }

    fn end(&mut self, index: usize) -> Result<(), Failure> {
        let member = &mut self.members[index];
        self.epoll.delete(&member.link)?;
        member.ended = true;
        if member.may_end {
            return Ok(());
        }
        let seen = String::from_utf8_lossy(&member.tail);
        Err(Failure::new(format!("{} was disconnected; last line {:?}, then {seen:?}", member.name, member.last_line)))
    }

    /// The next step on the way in, if its prompt is there.
    fn step(&mut self, index: usize) -> Result<(), Failure> {
        let room = self.room_of(index);
        let Room { name: room, prompt: view_prompt, .. } = &self.rooms[room];
        let member = &mut self.members[index];
        if self.door.speaks_json() {
            let answers = member.last_line.starts_with(&format!("{{\"id\":\"{}\",\"action\":\"ok\"", member.steps));
            if !answers {
                return Ok(());
            }
            member.steps += 1;
            if member.steps > 1 {
                member.seated = true;
                self.seated += 1;
                return Ok(());
            }
            let join = format!("{{\"id\":\"1\",\"action\":\"join\",\"receiver\":\"{room}\"}}\n");
            return self.write(index, join.as_bytes());
        }
        let (prompt, answer) = match (self.door, member.steps) {
            // Programs are dealt with above.
            (Door::Floor | Door::JsonServer | Door::WebServer, _) => (GREETING.to_owned(), None),
            (Door::Server | Door::TlsServer | Door::WebTerminal, step) => match step {
                0 => ("Username: ".to_owned(), Some(format!("{}\n", member.name))),
                1 => ("> ".to_owned(), Some(format!(":join {room}\n"))),
                2 => (format!("[{room}]> "), Some(":chat\n".to_owned())),
                _ => (view_prompt.clone(), None),
            },
        };
        if !member.tail.ends_with(prompt.as_bytes()) {
            return Ok(());
        }
        member.steps += 1;
        if let Some(answer) = answer {
            member.tail.clear();
            self.write(index, answer.as_bytes())
        } else {
            member.seated = true;
            self.seated += 1;
            Ok(())
        }
    }

    /// Checks that the first `audience` members have every text of every sender of their room, and that those who never speak
    /// saw the texts of a room in the same order.
    pub fn check_all_alike(&self, audience: usize) -> Result<(), Failure> {
        let rooms = self.members[..audience].chunks(self.room_size.min(audience));
        for (members, room) in rooms.zip(&self.rooms) {
            for (index, member) in members.iter().enumerate() {
                for (sender, (&next, &sent)) in member.next.iter().zip(&room.sent).enumerate() {
                    if sender != index && next != sent {
                        return Err(Failure::new(format!(
                            "{} has {next} of sender {sender}'s {sent} texts in {}",
                            member.name, room.name
                        )));
                    }
                }
            }
            let listeners = members.get(self.most_speakers..).unwrap_or_default();
            if let Some(member) = listeners.iter().find(|member| member.order != listeners[0].order) {
                let (first, room) = (&listeners[0].name, &room.name);
                return Err(Failure::new(format!("{} and {first} saw different orders in {room}", member.name)));
            }
        }
        Ok(())
    }
}

/// What a program says first.
fn login(name: &str) -> String {
    format!("{{\"id\":\"0\",\"action\":\"login\",\"content\":\"{name}\"}}\n")
}

fn misplaced(sender: usize, number: u32, expected: Option<u32>) -> String {
    match expected {
        Some(expected) if number > expected => {
            format!("text {number} of sender {sender} where {expected} was due: lost or out of order")
        }
        Some(expected) => {
            format!("text {number} of sender {sender} where {expected} was due: duplicated or out of order")
        }
        None => format!("text {number} of sender {sender}, which is not for this member"),
    }
}

/// `* bob joined`, on a line of its own or over the view's prompt.
fn is_notice(line: &[u8], prompt: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let shown = line.rsplit(|&byte| byte == b'\r').next().unwrap_or(line);
    shown.strip_prefix(prompt).unwrap_or(shown).starts_with(b"* ")
}
