//! The client: any number of members on one thread.
//!
//! *Owns* the members, what each has seen of each sender, and the check that it is every text once and in order.
//! *Knows nothing of* windows, pacing and figures, and of encryption. *Called by* `traffic`, `logins`, `stall` and the cases.
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
use crate::link::{Buffers, Encryption, Got, Link};
use crate::wire;

/// Members who may send. Their texts are counted apart, so that order is checked per sender.
pub const MAX_SENDERS: usize = 8;
/// Nothing at all for so long, although something is awaited, is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// News of arrivals come at most once a second in a large room; after a silence longer than that none is left.
const SILENCE: Duration = Duration::from_millis(1_300);

/// Read at once. Eight senders with 64 texts each come to 50 KB.
const READ_BUFFER: usize = 256 * 1024;
/// Few enough that senders are heard between two rounds of a large room.
const EVENTS: usize = 256;
/// The epoll number of the timer; members have their index.
const TIMER: u64 = u64::MAX;
/// Odd, so that multiplying by it loses nothing: order is folded into 64 bits with it.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Who is on the other side, and so how one comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Name, `:join general`, `:chat`.
    Server,
    /// The same, by TLS.
    TlsServer,
    /// One is in at once.
    Floor,
}

/// What a member waits for, and what he says then.
const SERVER_STEPS: [(&str, &str); 3] = [("Username: ", ""), ("> ", ":join general\n"), ("[general]> ", ":chat\n")];
/// The prompt of the view, by which a member knows that he is in.
const VIEW_PROMPT: &str = "general | ";

/// One text that reached one member.
pub struct Delivery {
    /// Who got it.
    pub member: usize,
    /// Who said it.
    pub sender: usize,
    /// Its number, from 0 for each sender.
    pub number: u32,
    /// When the `read` that brought it returned.
    pub at: Instant,
}

struct Member {
    link: Link,
    name: String,
    /// Steps of the way in that are done.
    steps: usize,
    /// Is in the view: every line from now on is a text or news.
    seated: bool,
    /// The number expected next, by sender.
    next: [u32; MAX_SENDERS],
    /// The order of all texts seen, folded.
    order: u64,
    /// The unfinished line.
    tail: Vec<u8>,
    /// Its end is not a failure.
    may_end: bool,
    ended: bool,
    /// What came last, for a failure's text.
    last_line: String,
}

/// All members of one room.
pub struct Crowd {
    epoll: Epoll,
    timer: TimerFd,
    door: Door,
    encryption: Encryption,
    port: u16,
    /// Texts are so long, newline included.
    size: usize,
    members: Vec<Member>,
    seated: usize,
    /// Texts sent so far, by sender.
    sent: [u32; MAX_SENDERS],
    speakers: usize,
    /// Numbers the names, also of those who left.
    named: usize,
    /// Lines of news that came, over all members.
    pub news: u64,
    buffers: Buffers,
    events: Vec<EpollEvent>,
}

impl Crowd {
    /// Nobody yet. Texts will be `size` bytes, newline included.
    pub fn new(door: Door, port: u16, size: usize) -> Result<Crowd, Failure> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Crowd {
            epoll,
            timer,
            door,
            encryption: if door == Door::TlsServer { Encryption::tls()? } else { Encryption::Off },
            port,
            size,
            members: Vec::new(),
            seated: 0,
            sent: [0; MAX_SENDERS],
            speakers: 1,
            named: 0,
            news: 0,
            buffers: Buffers::new(READ_BUFFER),
            events: vec![EpollEvent::empty(); EVENTS],
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Lets `count` more in, at most `parallel` of them on their way at a time, each waiting for every prompt.
    /// `receive_buffer` bounds what the kernel takes for them unread.
    pub fn join(&mut self, count: usize, parallel: usize, receive_buffer: Option<usize>) -> Result<(), Failure> {
        let target = self.members.len() + count;
        while self.seated < target {
            while self.members.len() < target && self.members.len() - self.seated < parallel {
                self.connect(receive_buffer)?;
            }
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(self.stuck_on_the_way_in());
            }
        }
        Ok(())
    }

    fn stuck_on_the_way_in(&self) -> Failure {
        let Some(member) = self.members.iter().find(|member| !member.seated) else {
            return Failure::new("nobody is on the way in");
        };
        let seen = String::from_utf8_lossy(&member.tail);
        Failure::new(format!(
            "{} does not get in: {} steps done, last line {:?}, then {seen:?}",
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
            next: self.sent,
            order: 0,
            tail: Vec::new(),
            may_end: false,
            ended: false,
            last_line: String::new(),
        });
        // Whoever is encrypted speaks first.
        if self.members[index].link.owes() { self.write(index, b"") } else { Ok(()) }
    }

    /// Waits until nothing has come for longer than news are gathered.
    pub fn settle(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + 3 * PATIENCE;
        while self.poll(SILENCE, |_| {})? > 0 {
            if Instant::now() > deadline {
                return Err(Failure::new("the room does not become quiet"));
            }
        }
        Ok(())
    }

    /// The last `count` members quit; returns when the server has closed every one.
    pub fn leave(&mut self, count: usize) -> Result<(), Failure> {
        let first = self.members.len().saturating_sub(count);
        for index in first..self.members.len() {
            self.members[index].may_end = true;
            self.write(index, b"/quit\n")?;
        }
        while self.members[first..].iter().any(|member| !member.ended) {
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(Failure::new("the server does not close who has quit"));
            }
        }
        self.members.truncate(first);
        self.seated = first;
        Ok(())
    }

    /// These members read nothing any more, and may be dropped for it.
    pub fn pause(&mut self, who: Range<usize>) -> Result<(), Failure> {
        for member in &mut self.members[who] {
            self.epoll.delete(&member.link)?;
            member.may_end = true;
        }
        Ok(())
    }

    /// These members read again. Returns how many the server has ended meanwhile, when all have what they are to get.
    /// What they saw until then was whole and in order, or this fails.
    pub fn resume(&mut self, who: Range<usize>) -> Result<usize, Failure> {
        for index in who.clone() {
            self.epoll.add(&self.members[index].link, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        let sent = self.sent[0];
        while self.members[who.clone()].iter().any(|member| !member.ended && member.next[0] < sent) {
            if self.poll(PATIENCE, |_| {})? == 0 {
                return Err(Failure::new("who stopped reading gets neither the rest nor an end"));
            }
        }
        Ok(self.members[who].iter().filter(|member| member.ended).count())
    }

    /// A tick so many times a second: `poll` returns for it. 0: no more ticks.
    pub fn tick(&mut self, per_second: u32) -> Result<(), Failure> {
        if per_second == 0 {
            self.timer.unset()?;
        } else {
            let interval = TimeSpec::from(Duration::from_secs(1) / per_second);
            self.timer.set(Expiration::Interval(interval), TimerSetTimeFlags::empty())?;
        }
        Ok(())
    }

    /// So many of the first members will speak. The floor must know; a server does not.
    pub fn set_speakers(&mut self, speakers: usize) -> Result<(), Failure> {
        if self.door == Door::Floor && self.speakers != speakers {
            let digit = b'0' + u8::try_from(speakers).unwrap_or(1);
            self.write(0, &[SPEAKERS_MARK, digit, b'\n'])?;
        }
        self.speakers = speakers;
        Ok(())
    }

    /// `count` more texts by this sender, each in a write of its own: several in one would hand the server a batch ready
    /// made, and its batches are what is measured.
    pub fn say(&mut self, sender: usize, count: u32) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(self.size);
        for _ in 0..count {
            bytes.clear();
            wire::emit(&mut bytes, sender, self.sent[sender], self.size);
            self.sent[sender] += 1;
            self.write(sender, &bytes)?;
        }
        Ok(())
    }

    /// What the connections have agreed on, if they are encrypted.
    pub fn encryption(&self) -> Option<String> {
        self.members.first()?.link.encryption()
    }

    /// How many texts have been sent by all.
    pub fn said(&self) -> u64 {
        self.sent.iter().map(|&sent| u64::from(sent)).sum()
    }

    /// How many texts this sender has sent.
    pub fn sent(&self, sender: usize) -> u32 {
        self.sent[sender]
    }

    fn write(&mut self, index: usize, bytes: &[u8]) -> Result<(), Failure> {
        let link = &mut self.members[index].link;
        let waited = link.waits();
        link.send(bytes)?;
        if link.waits() && !waited {
            let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT;
            self.epoll.modify(&*link, &mut EpollEvent::new(interest, index as u64))?;
        }
        Ok(())
    }

    /// Waits for at most `timeout` until something happens and takes in what has come. Returns the number of sockets and
    /// ticks that were ready; 0 means that nothing happened in all that time.
    pub fn poll(&mut self, timeout: Duration, mut on: impl FnMut(&Delivery)) -> Result<usize, Failure> {
        // A millisecond more, so that it never returns before the time is over.
        let timeout = EpollTimeout::try_from(timeout.as_millis() + 1)?;
        let ready = match self.epoll.wait(&mut self.events, timeout) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => return Ok(1),
            Err(error) => return Err(error.into()),
        };
        for event in 0..ready {
            let event = self.events[event];
            if event.data() == TIMER {
                // Only clears it; what is due is told from the clock.
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
        if !link.waits() {
            self.epoll.modify(&*link, &mut EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize, on: &mut impl FnMut(&Delivery)) -> Result<(), Failure> {
        let Crowd { members, buffers, size, news, .. } = self;
        let member = &mut members[index];
        let text = match member.link.read(buffers)? {
            Got::Text(text) => text,
            Got::Nothing => return Ok(()),
            // Whether it was allowed is asked there.
            Got::End => return self.end(index),
        };
        let at = Instant::now();
        let Member { tail, next, order, seated, may_end, last_line, .. } = member;
        let mut wrong = None;
        wire::scan(tail, text, |line| {
            if let Some((sender, number)) = wire::parse(line, *size) {
                let expected = next.get_mut(sender).filter(|_| sender != index);
                match expected {
                    Some(expected) if *expected == number => *expected += 1,
                    _ => {
                        wrong.get_or_insert_with(|| misplaced(sender, number, expected.copied()));
                    }
                }
                *order = (*order ^ (((sender as u64) << 32) | u64::from(number))).wrapping_mul(MIX).rotate_left(23);
                on(&Delivery { member: index, sender, number, at });
            } else if !*seated {
                *last_line = String::from_utf8_lossy(line).into_owned();
            } else if is_news(line) {
                *news += 1;
                *last_line = String::from_utf8_lossy(line).into_owned();
            } else if !*may_end {
                // Who is dropped may find his last text cut off and a word of farewell in its place.
                wrong.get_or_insert_with(|| format!("an unexpected line {:?}", String::from_utf8_lossy(line)));
            }
        });
        if let Some(wrong) = wrong {
            return Err(Failure::new(format!("{} got {wrong}", self.members[index].name)));
        }
        if self.members[index].link.owes() {
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
        let member = &mut self.members[index];
        let (prompt, answer) = match self.door {
            Door::Floor => (GREETING, None),
            Door::Server | Door::TlsServer => match SERVER_STEPS.get(member.steps) {
                Some(&(prompt, "")) => (prompt, Some(format!("{}\n", member.name))),
                Some(&(prompt, answer)) => (prompt, Some(answer.to_owned())),
                None => (VIEW_PROMPT, None),
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

    /// That the first `audience` members have every text of every sender, and those of them who never speak in one and the
    /// same order.
    pub fn check_all_alike(&self, audience: usize) -> Result<(), Failure> {
        for (index, member) in self.members[..audience].iter().enumerate() {
            for (sender, (&next, &sent)) in member.next.iter().zip(&self.sent).enumerate() {
                if sender != index && next != sent {
                    return Err(Failure::new(format!("{} has {next} of sender {sender}'s {sent} texts", member.name)));
                }
            }
        }
        let listeners = self.members[..audience].get(MAX_SENDERS..).unwrap_or_default();
        match listeners.iter().find(|member| member.order != listeners[0].order) {
            Some(member) => {
                let first = &listeners[0].name;
                Err(Failure::new(format!("{} and {first} saw the senders' texts in different orders", member.name)))
            }
            None => Ok(()),
        }
    }
}

fn misplaced(sender: usize, number: u32, expected: Option<u32>) -> String {
    match expected {
        Some(expected) if number > expected => {
            format!("text {number} of sender {sender} where {expected} was due: lost or out of place")
        }
        Some(expected) => format!("text {number} of sender {sender} where {expected} was due: doubled or out of place"),
        None => format!("text {number} of sender {sender}, which is not for him"),
    }
}

/// `* bob joined`, on a line of its own or over a prompt.
fn is_news(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let shown = line.rsplit(|&byte| byte == b'\r').next().unwrap_or(line);
    shown.strip_prefix(VIEW_PROMPT.as_bytes()).unwrap_or(shown).starts_with(b"* ")
}
