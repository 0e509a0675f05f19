//! `chatsock find`: asks the networks of this machine for servers, by IPv4 and IPv6, and lists those that answer.
//!
//! *Owns* the destinations of the question, the decision which answers come from one server, and the list. *Knows
//! nothing of* the format of questions and answers. An answer is only a hint, which anybody can forge: nothing here
//! connects to a server.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use socket2::{Domain, SockRef, Socket, Type};

use super::FindOptions;
use crate::protocol::discovery::{MAX_PACKET, ServerHint, question};
use crate::text::{pad, people, width};

/// How many times the question is sent, since UDP may lose it.
const QUESTIONS: u32 = 3;

/// The time over which the questions are spread.
const ASKING: Duration = Duration::from_secs(1);

/// The multicast DNS group (RFC 6762, section 3): some networks forward it, but no broadcasts.
const MULTICAST: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// All machines on a link (RFC 4291, section 2.7.1), since IPv6 has no broadcast.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Most servers listed. It is far more than a network has, because with a lower limit a flood of forged answers could
/// hide the real ones.
const MOST_SERVERS: usize = 256;

/// What is printed if no server answers.
pub const NONE_FOUND: &str = "No chatsock server answered on this network.";

/// A server that has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundServer {
    /// The source address of the answer.
    pub address: IpAddr,
    /// The interface of a link-local address (RFC 4007).
    pub zone: Option<String>,
    /// The answer.
    pub hint: ServerHint,
}

impl FoundServer {
    /// The host as programs accept it: `192.168.1.5`, `fe80::5%eth0`.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.zone {
            Some(zone) => format!("{}%{zone}", self.address),
            None => self.address.to_string(),
        }
    }

    /// The reach of an address: 0 on this machine, 1 on one link, 2 in the whole network.
    fn reach(&self) -> u8 {
        match (self.address.is_loopback(), &self.zone) {
            (true, _) => 0,
            (false, Some(_)) => 1,
            (false, None) => 2,
        }
    }
}

/// Why the question could not be sent.
#[derive(Debug)]
pub enum FindError {
    /// No socket could be opened.
    Socket(io::Error),
    /// The system's random generator failed.
    Random(getrandom::Error),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FindError::Socket(error) => write!(f, "cannot ask the network: {error}"),
            FindError::Random(error) => write!(f, "cannot ask the network without random numbers: {error}"),
        }
    }
}

impl std::error::Error for FindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FindError::Socket(error) => Some(error),
            FindError::Random(error) => Some(error),
        }
    }
}

/// The destination of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// A machine, or the broadcast address of a network.
    Address(Ipv4Addr),
    /// [`MULTICAST`], in the network where this machine has this address.
    MulticastFrom(Ipv4Addr),
    /// A machine, or [`ALL_NODES`], on the interface with this number; 0 if the interface does not matter.
    AddressV6(Ipv6Addr, u32),
}

/// The sockets for questions, one per IP version that this machine supports.
struct Askers {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    /// Names of the interfaces, by their numbers.
    zones: Vec<(u32, String)>,
}

impl Askers {
    fn open(zones: Vec<(u32, String)>) -> io::Result<Askers> {
        let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
            socket.set_broadcast(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let v6 = Socket::new(Domain::IPV6, Type::DGRAM, None).and_then(|socket| {
            socket.set_only_v6(true)?;
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
            socket.set_nonblocking(true)?;
            Ok(UdpSocket::from(socket))
        });
        match (v4, v6) {
            (Err(error), Err(_)) => Err(error),
            (v4, v6) => Ok(Askers { v4: v4.ok(), v6: v6.ok(), zones }),
        }
    }

    fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        self.v4.iter().chain(&self.v6)
    }

    /// Waits for a packet, at most for this time.
    fn wait(&self, wait: Duration) {
        let mut all: Vec<_> =
            self.sockets().map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)).collect();
        // An error means an interruption: the caller reads what has arrived, and waits again.
        let _ = poll(&mut all, Timespec::try_from(wait).ok().as_ref());
    }

    /// The interface's name, if the address is link-local.
    fn zone(&self, source: SocketAddr) -> Option<String> {
        let SocketAddr::V6(source) = source else { return None };
        let (_, name) = self.zones.iter().find(|(index, _)| *index == source.scope_id())?;
        source.ip().is_unicast_link_local().then(|| name.clone())
    }
}

/// Asks the networks of this machine, and this machine itself. Takes as long as `options.wait`.
///
/// # Errors
///
/// The question could not be sent.
pub fn find(options: &FindOptions) -> Result<Vec<FoundServer>, FindError> {
    let mut destinations = vec![
        Destination::Address(Ipv4Addr::BROADCAST),
        Destination::Address(Ipv4Addr::LOCALHOST),
        Destination::AddressV6(Ipv6Addr::LOCALHOST, 0),
    ];
    let mut zones = Vec::new();
    // Without the list of networks, the default one still works.
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let index = interface.index.unwrap_or(0);
        zones.push((index, interface.name.clone()));
        // A server on this machine that listens only at this address receives no broadcast.
        match interface.addr {
            if_addrs::IfAddr::V4(own) => {
                destinations.push(Destination::Address(own.ip));
                destinations.extend(own.broadcast.map(Destination::Address));
                destinations.push(Destination::MulticastFrom(own.ip));
            }
            if_addrs::IfAddr::V6(own) => {
                destinations.push(Destination::AddressV6(own.ip, index));
                if !own.ip.is_loopback() {
                    destinations.push(Destination::AddressV6(ALL_NODES, index));
                }
            }
        }
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(FindError::Random)?;
    let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let askers = Askers::open(zones).map_err(FindError::Socket)?;
    Ok(ask(&askers, &destinations, options, &nonce))
}

/// Sends the questions, and waits for answers.
fn ask(askers: &Askers, destinations: &[Destination], options: &FindOptions, nonce: &str) -> Vec<FoundServer> {
    let packet = question(nonce);
    let (start, mut found) = (Instant::now(), Vec::new());
    let pause = options.wait.min(ASKING) / QUESTIONS;
    let mut asked = 0;
    let mut buffer = [0; MAX_PACKET + 1];
    loop {
        let elapsed = start.elapsed();
        if elapsed >= options.wait {
            return found;
        }
        if asked < QUESTIONS && elapsed >= pause * asked {
            asked += 1;
            for (index, destination) in destinations.iter().enumerate() {
                if !destinations.iter().take(index).any(|earlier| earlier == destination) {
                    send(askers, *destination, options.port, &packet);
                }
            }
            continue;
        }
        let next = if asked < QUESTIONS { pause * asked } else { options.wait };
        askers.wait(next.saturating_sub(elapsed));
        for socket in askers.sockets() {
            match socket.recv_from(&mut buffer) {
                Ok((length, source)) if source.port() == options.port => {
                    if let Some(hint) = buffer.get(..length).and_then(|packet| ServerHint::read(packet, nonce)) {
                        add(&mut found, FoundServer { address: source.ip(), zone: askers.zone(source), hint });
                    }
                }
                // A packet from another port, or no packet yet.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// Sends one question. A failure is not an error: another destination may reach the same servers.
fn send(askers: &Askers, destination: Destination, port: u16, packet: &[u8]) {
    let (socket, to) = match destination {
        Destination::Address(address) => (&askers.v4, SocketAddr::from((address, port))),
        Destination::MulticastFrom(own) => {
            let chosen = askers.v4.as_ref().map(|socket| SockRef::from(socket).set_multicast_if_v4(&own));
            if chosen.is_none_or(|chosen| chosen.is_err()) {
                return;
            }
            (&askers.v4, SocketAddr::from((MULTICAST, port)))
        }
        Destination::AddressV6(address, index) => {
            (&askers.v6, SocketAddr::V6(SocketAddrV6::new(address, port, 0, index)))
        }
    };
    let Some(socket) = socket else { return };
    if let Err(error) = socket.send_to(packet, to) {
        log::debug!("{to} cannot be asked: {error}");
    }
}

/// Adds an answer, unless its server is listed already. A server answers once for each network in which it is asked; an
/// address that other machines can reach is preferred to a loopback address.
fn add(found: &mut Vec<FoundServer>, new: FoundServer) {
    let people = new.hint.people;
    let is_same = |old: &FoundServer| {
        let is_one = !new.hint.id.is_empty() && ServerHint { people, ..old.hint.clone() } == new.hint;
        is_one || old.address == new.address && old.hint.id == new.hint.id
    };
    let known = found.iter().position(is_same);
    match known.and_then(|index| found.get_mut(index)) {
        Some(old) => {
            if new.reach() > old.reach() {
                *old = new;
            }
        }
        None => {
            if found.len() < MOST_SERVERS {
                found.push(new);
            }
        }
    }
}

/// The list for people: a line per server, in columns.
#[must_use]
pub fn table(found: &[FoundServer]) -> String {
    let named = |name: &str, port: Option<u16>| port.map_or_else(String::new, |port| format!("{name} {port}"));
    let rows = found.iter().map(|server| {
        let hint = &server.hint;
        let place = match hint.port {
            Some(port) if server.address.is_ipv6() => format!("[{}]:{port}", server.host()),
            Some(port) => format!("{}:{port}", server.host()),
            None => server.host(),
        };
        let tls = named("tls", hint.tls);
        let tls = [Some(tls), hint.fingerprint.clone()].into_iter().flatten().filter(|part| !part.is_empty());
        let tls = tls.collect::<Vec<_>>().join(" ");
        let people = people(usize::try_from(hint.people).unwrap_or(usize::MAX));
        [hint.name.clone(), place, tls, named("web", hint.web), named("https", hint.web_tls), people]
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    let widths = (0..6).map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0));
    let widths: Vec<_> = widths.collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let cells: Vec<_> = cells.map(|(cell, width)| pad(cell, *width)).collect();
        cells.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[derive(Serialize)]
struct FoundObject<'a> {
    name: &'a str,
    ip: String,
    port: Option<u16>,
    tls: Option<u16>,
    fingerprint: Option<&'a str>,
    web: Option<u16>,
    web_tls: Option<u16>,
    people: u32,
}

/// The list for programs: a JSON object per line.
#[must_use]
pub fn objects(found: &[FoundServer]) -> String {
    let objects = found.iter().filter_map(|server| {
        let ServerHint { name, port, tls, fingerprint, web, web_tls, people, .. } = &server.hint;
        let object = FoundObject {
            name,
            ip: server.host(),
            port: *port,
            tls: *tls,
            fingerprint: fingerprint.as_deref(),
            web: *web,
            web_tls: *web_tls,
            people: *people,
        };
        serde_json::to_string(&object).ok()
    });
    objects.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn server(address: &str, id: &str, name: &str) -> FoundServer {
        let hint = ServerHint { id: id.to_owned(), name: name.to_owned(), port: Some(5555), ..ServerHint::default() };
        let (address, zone) = address.split_once('%').map_or((address, None), |(address, zone)| (address, Some(zone)));
        FoundServer { address: address.parse().unwrap(), zone: zone.map(str::to_owned), hint }
    }

    fn all(answers: &[FoundServer]) -> Vec<String> {
        let mut found = Vec::new();
        answers.iter().for_each(|answer| add(&mut found, answer.clone()));
        found.iter().map(|server| format!("{} {}", server.hint.name, server.host())).collect()
    }

    #[test]
    fn the_answers_of_one_server_are_one_line_with_the_address_that_others_see() {
        let mut busy = server("192.168.1.5", "a", "box");
        busy.hint.people = 3;
        assert_eq!(all(&[server("127.0.0.1", "a", "box"), busy]), ["box 192.168.1.5"]);
        assert_eq!(all(&[server("192.168.1.5", "a", "box"), server("127.0.0.1", "a", "box")]), ["box 192.168.1.5"]);
        let by_link = server("fe80::5%eth0", "a", "box");
        let others = [server("::1", "a", "box"), by_link.clone(), server("192.168.1.5", "a", "box"), by_link.clone()];
        assert_eq!(all(&others[..2]), ["box fe80::5%eth0"]);
        assert_eq!(all(&others), ["box 192.168.1.5"]);
        assert_eq!(table(&[by_link]), "box  [fe80::5%eth0]:5555  0 people");
        let two = [server("192.168.1.5", "a", "box"), server("192.168.1.6", "b", "box")];
        assert_eq!(all(&two), ["box 192.168.1.5", "box 192.168.1.6"]);
    }

    #[test]
    fn an_answer_with_another_server_s_id_hides_nothing() {
        let mut forged = server("192.168.1.66", "a", "box");
        forged.hint.fingerprint = Some("AB".to_owned());
        assert_eq!(all(&[server("192.168.1.5", "a", "box"), forged]), ["box 192.168.1.5", "box 192.168.1.66"]);
        let nameless = [server("192.168.1.5", "", "box"), server("192.168.1.6", "", "box")];
        assert_eq!(all(&nameless).len(), 2);
    }

    #[test]
    fn a_flood_of_answers_is_bounded() {
        let flood: Vec<_> = (0..1000).map(|number| server("192.168.1.5", &number.to_string(), "box")).collect();
        assert_eq!(all(&flood).len(), MOST_SERVERS);
    }

    #[test]
    fn the_list_is_in_columns() {
        let mut full = server("192.168.1.5", "a", "box");
        full.hint = ServerHint {
            tls: Some(5556),
            fingerprint: Some("AB:CD".to_owned()),
            web: Some(8080),
            people: 3,
            ..full.hint
        };
        assert_eq!(table(&[full.clone()]), "box  192.168.1.5:5555  tls 5556 AB:CD  web 8080  3 people");
        let mut other = server("10.0.0.17", "b", "Büro");
        other.hint.people = 1;
        assert_eq!(
            table(&[full.clone(), other]).lines().collect::<Vec<_>>(),
            [
                "Büro  10.0.0.17:5555                              1 person",
                "box   192.168.1.5:5555  tls 5556 AB:CD  web 8080  3 people"
            ]
        );
        let line = objects(&[full]);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["ip"], &object["tls"]), (&"192.168.1.5".into(), &5556.into()));
        assert!(object["web_tls"].is_null());
    }

    /// Answers one question, with the given answers.
    fn answer(socket: &UdpSocket, answers: &[&str]) {
        let mut buffer = [0; 2048];
        let (length, source) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(length, 400);
        let asked: serde_json::Value = serde_json::from_slice(&buffer[..length]).unwrap();
        for answer in answers {
            let answer = answer.replace("NONCE", asked["nonce"].as_str().unwrap());
            socket.send_to(answer.as_bytes(), source).unwrap();
        }
    }

    #[test]
    fn only_the_answers_to_this_question_are_found() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let answering = thread::spawn(move || {
            answer(
                &socket,
                &[
                    "no JSON",
                    r#"{"chatsock":"here","nonce":"another","name":"x","port":1}"#,
                    r#"{"chatsock":"here","nonce":"NONCE","name":"box\u001b[2J","port":5555,"people":2}"#,
                ],
            );
        });
        let options = FindOptions { wait: Duration::from_millis(400), port, json: false };
        let askers = Askers::open(Vec::new()).unwrap();
        let found = ask(&askers, &[Destination::Address(Ipv4Addr::LOCALHOST)], &options, "0123456789");
        answering.join().unwrap();
        assert_eq!(table(&found), "box[2J  127.0.0.1:5555  2 people");
    }
}
