//! Answers to `chatsock find`.
//!
//! *Owns* how often questions are answered, and the count of ignored packets. *Knows nothing of* how questions and
//! answers are written.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::doors::{Doors, Way};
use super::{Sockets, is_nothing, machine_name, server_name};
use crate::hub::Hub;
use crate::protocol::discovery::{MAX_PACKET, ServerAnswer, ServerQuestion, may_be_answered};

/// Answers per second: too few to be worth forging questions for, and enough for a room full of people who ask at the
/// same time, since each asks three times.
const MOST_ANSWERS: usize = 10;

/// How long an answer counts towards the limits: no address gets a second one within this time.
const SECOND: Duration = Duration::from_secs(1);

/// How often ignored packets are reported, if there are any.
const REPORT_EVERY: Duration = Duration::from_secs(3600);

/// Packets read from one socket before the others get their turn.
const MOST_AT_ONCE: usize = 64;

/// The answers of the last second. There are never more than may be given.
#[derive(Debug, Default)]
pub(super) struct RecentAnswers(VecDeque<(Instant, IpAddr)>);

impl RecentAnswers {
    /// Whether this address may get an answer now. If so, the answer is counted.
    pub(super) fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        while self.0.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= SECOND) {
            self.0.pop_front();
        }
        if self.0.len() >= MOST_ANSWERS || self.0.iter().any(|(_, other)| *other == address) {
            return false;
        }
        self.0.push_back((now, address));
        true
    }
}

/// How many packets were ignored since the last report.
#[derive(Debug, Default)]
struct IgnoredPackets {
    count: u64,
    /// When the next report is due; set by the first one ignored.
    report_at: Option<Instant>,
}

impl IgnoredPackets {
    fn count(&mut self, now: Instant) {
        self.count += 1;
        self.report_at.get_or_insert_with(|| now + REPORT_EVERY);
    }

    fn report_if_due(&mut self, now: Instant) {
        if self.report_at.is_some_and(|at| at <= now) {
            self.report();
        }
    }

    fn report(&mut self) {
        if self.count > 0 {
            log::info!(
                "discovery: {} packets were not answered: no questions, too many, or from elsewhere",
                self.count
            );
        }
        *self = IgnoredPackets::default();
    }

    /// How long until a report is due; `None` while there is nothing to report.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.report_at.map(|at| at.saturating_duration_since(now))
    }
}

/// The thread `discovery`.
pub(super) struct Answering {
    sockets: Sockets,
    /// Becomes readable when the server stops, because the other end is dropped.
    stopped: UnixStream,
    doors: Arc<Doors>,
    hub: Arc<Hub>,
    /// The random id of this server, so that clients recognise its answers from several networks.
    id: String,
    machine: String,
    recent: RecentAnswers,
    ignored: IgnoredPackets,
}

impl Answering {
    pub(super) fn new(
        sockets: Sockets,
        stopped: UnixStream,
        doors: Arc<Doors>,
        hub: Arc<Hub>,
        id: String,
    ) -> Answering {
        let (recent, ignored) = (RecentAnswers::default(), IgnoredPackets::default());
        Answering { sockets, stopped, doors, hub, id, machine: machine_name(), recent, ignored }
    }

    /// Answers until the server stops.
    pub(super) fn run(&mut self) {
        while let Some(ready) = self.wait() {
            for index in ready {
                self.read(index);
            }
            self.ignored.report_if_due(Instant::now());
        }
        self.ignored.report();
    }

    /// Waits for packets; returns the sockets that have some, or `None` when the server stops.
    fn wait(&self) -> Option<Vec<usize>> {
        loop {
            let sockets = self.sockets.0.iter().map(|(socket, _)| socket.as_fd());
            let all = std::iter::once(self.stopped.as_fd()).chain(sockets);
            let mut all: Vec<_> = all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            let wait = self.ignored.wait(Instant::now()).and_then(|wait| Timespec::try_from(wait).ok());
            match poll(&mut all, wait.as_ref()) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => {
                    log::error!("discovery: no more questions are answered: {error}");
                    return None;
                }
            }
            let mut is_ready = all.iter().map(|fd| !fd.revents().is_empty());
            if is_ready.next() == Some(true) {
                return None;
            }
            return Some(is_ready.enumerate().filter(|(_, ready)| *ready).map(|(index, _)| index).collect());
        }
    }

    /// Reads the packets of a socket and answers them.
    fn read(&mut self, index: usize) {
        let mut buffer = [0; MAX_PACKET + 1];
        for _ in 0..MOST_AT_ONCE {
            let Some((socket, _)) = self.sockets.0.get(index) else { return };
            let (length, source) = match socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if is_nothing(&error) => return,
                // An earlier answer did not arrive, and the network has reported it.
                Err(_) => continue,
            };
            let packet = buffer.get(..length).unwrap_or_default();
            let now = Instant::now();
            let sent = self.answer(packet, source, now).is_some_and(|answer| {
                let socket = self.sockets.0.get(index).map(|(socket, _)| socket);
                // An answer that cannot be sent is like one lost on its way.
                socket.is_some_and(|socket| socket.send_to(&answer, source).is_ok())
            });
            if !sent {
                self.ignored.count(now);
            }
        }
    }

    /// The answer to a packet, if it gets one.
    fn answer(&mut self, packet: &[u8], source: SocketAddr, now: Instant) -> Option<Vec<u8>> {
        if !may_be_answered(source) {
            return None;
        }
        let question = ServerQuestion::read(packet)?;
        let at = local_address(source)?;
        let config = self.hub.config();
        let is_plain_open = config.takes_plain(source.ip().to_canonical());
        let plain = |way| self.doors.port(way, at).filter(|_| is_plain_open);
        let (port, web) = (plain(Way::Plain), plain(Way::Web));
        let (tls, web_tls) = (self.doors.port(Way::Tls, at), self.doors.port(Way::WebTls, at));
        if [port, tls, web, web_tls].iter().all(Option::is_none) {
            return None;
        }
        let fingerprint = self.doors.fingerprint().filter(|_| tls.is_some() || web_tls.is_some());
        let name = server_name(&config.discovery, &self.machine);
        let answer = ServerAnswer {
            id: &self.id,
            ip: Some(at),
            port,
            name: &name,
            tls,
            fingerprint: fingerprint.as_deref(),
            web,
            web_tls,
            people: self.hub.roster.count(),
        };
        let answer = answer.write(&question)?;
        self.recent.admit(source.ip().to_canonical(), now).then_some(answer)
    }
}

/// The server's own address on the route to another one. Connecting a UDP socket sends nothing; the system only looks
/// up the route.
fn local_address(other: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = match other {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(other).ok()?;
    socket.local_addr().ok().map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 168, 1, last].into()
    }

    #[test]
    fn an_address_gets_one_answer_a_second_and_all_together_ten() {
        let (mut recent, start) = (RecentAnswers::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(recent.admit(address(1), start));
        assert!(!recent.admit(address(1), start) && !recent.admit(address(1), after(999)));
        assert!((2..=10).all(|last| recent.admit(address(last), after(500))));
        assert!(!recent.admit(address(11), after(999)), "ten in one second");
        assert!(recent.admit(address(1), after(1000)));
        assert!(!recent.admit(address(11), after(1499)));
        assert!(recent.admit(address(11), after(1500)));
        assert!(recent.0.len() <= MOST_ANSWERS);
    }

    #[test]
    fn a_flood_from_changing_addresses_gets_ten_answers_a_second_and_takes_no_memory() {
        let (mut recent, start) = (RecentAnswers::default(), Instant::now());
        let mut answers = 0;
        for number in 0..100_000_u32 {
            let source = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            answers += usize::from(recent.admit(source, start + Duration::from_micros(u64::from(number) * 100)));
            assert!(recent.0.len() <= MOST_ANSWERS);
        }
        assert_eq!(answers, 100, "in ten seconds");
    }

    #[test]
    fn ignored_packets_are_reported_once_an_hour_and_nothing_wakes_while_there_are_none() {
        let (mut ignored, start) = (IgnoredPackets::default(), Instant::now());
        assert_eq!(ignored.wait(start), None);
        ignored.count(start);
        ignored.count(start + SECOND);
        assert_eq!(ignored.wait(start + SECOND), Some(REPORT_EVERY - SECOND));
        ignored.report_if_due(start + SECOND);
        assert_eq!(ignored.count, 2);
        ignored.report_if_due(start + REPORT_EVERY);
        assert_eq!((ignored.count, ignored.wait(start + REPORT_EVERY)), (0, None));
    }
}
