//! Two servers in this process share a log in memory. The tests check what their users see of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::{Capacity, Server, bind};
use super::{join, prepare};
use crate::access::network::Network;
use crate::chat::names::UserName;
use crate::cluster::{
    Claim, Command, Commit, Effect, Entry, Epoch, Happened, Log, NodeName, NumberKind, Outcome, Partitions, Position,
    Replica, Ticket,
};
use crate::config::Config;
use crate::hub::nodes::{NodeLink, Nodes};
use crate::hub::{Hub, ServerRequest};
use crate::store::AddressBanRecord;

/// A place as the log in memory keeps it.
#[derive(Default)]
struct MemoryPlace {
    version: u64,
    members: BTreeSet<u64>,
}

#[derive(Default)]
struct MemoryState {
    positions: BTreeMap<Log, u64>,
    places: BTreeMap<String, MemoryPlace>,
    names: BTreeMap<String, u64>,
    message: u64,
    numbers: u64,
}

/// The log in memory; one thread applies its entries.
struct SharedLog {
    commands: Mutex<Sender<(NodeName, Command, Ticket)>>,
    logged: Arc<Mutex<MemoryState>>,
    down: Arc<AtomicBool>,
}

impl SharedLog {
    fn start(replicas: Vec<(NodeName, Arc<Nodes>)>) -> Arc<SharedLog> {
        let (sender, commands) = mpsc::channel::<(NodeName, Command, Ticket)>();
        let logged = Arc::new(Mutex::new(MemoryState { numbers: 1000, ..MemoryState::default() }));
        let shared = Arc::clone(&logged);
        thread::spawn(move || {
            for (node, command, ticket) in commands {
                let done = shared.lock().expect("no panic").take(&node, command);
                let (outcome, entry) = match done {
                    Ok((outcome, entry)) => (outcome, entry),
                    Err(outcome) => {
                        ticket.resolve(outcome);
                        continue;
                    }
                };
                for (name, replica) in &replicas {
                    replica.apply(Entry { own: *name == node, ..entry.clone() });
                    replica.applied_all();
                }
                ticket.resolve(outcome);
            }
        });
        Arc::new(SharedLog { commands: Mutex::new(sender), logged, down: Arc::new(AtomicBool::new(false)) })
    }
}

fn partitions() -> Partitions {
    Partitions::new(4).expect("a count")
}

impl MemoryState {
    fn take(&mut self, node: &NodeName, command: Command) -> Result<(Outcome, Entry), Outcome> {
        let (log, what) = match command {
            Command::Commit(commit) => (partitions().of_place(&commit.place), self.commit(commit)?),
            Command::Claim(claim) => (Log::Directory, self.claim(claim)?),
            Command::Release { name, client, .. } => {
                self.names.retain(|_, known| *known != client.0);
                (Log::Directory, Happened::Released { name, client })
            }
            Command::Note { text, .. } => (Log::Directory, Happened::Noted(text)),
        };
        let number = self.positions.entry(log).or_default();
        *number += 1;
        let position = Position { term: 1, number: *number };
        let id = if let Happened::Committed { id, .. } = &what { *id } else { None };
        let entry =
            Entry { log, position, at: Timestamp::now(), node: node.clone(), epoch: Epoch(1), own: false, what };
        Ok((Outcome::Applied { position, id }, entry))
    }

    fn commit(&mut self, commit: Commit) -> Result<Happened, Outcome> {
        let Commit { place, version, effects, text, .. } = commit;
        let kept = self.places.entry(format!("{place:?}")).or_default();
        if version.is_some_and(|version| version != kept.version) {
            return Err(Outcome::Stale);
        }
        for effect in &effects {
            if let Effect::Member { client, limit: Some(limit), .. } = effect
                && !kept.members.contains(&client.0)
                && kept.members.len() >= *limit
            {
                return Err(Outcome::Full);
            }
        }
        let (mut id, mut said) = (None, 0);
        for effect in effects {
            match effect {
                Effect::Said(_) => {
                    said += 1;
                    self.message += 1;
                    id = id.or(Some(self.message));
                }
                Effect::Core(_) => kept.version += 1,
                Effect::Member { client, .. } => drop(kept.members.insert(client.0)),
                Effect::Left(client) => drop(kept.members.remove(&client.0)),
                Effect::Edited(..) | Effect::Erased(_) | Effect::By(_) | Effect::Rebuilt { .. } | Effect::Kept(..) => {}
                Effect::Closed => *kept = MemoryPlace::default(),
            }
        }
        Ok(Happened::Committed { place, version: kept.version, id, said, text })
    }

    fn claim(&mut self, claim: Claim) -> Result<Happened, Outcome> {
        let Claim { name, client, before, details, .. } = claim;
        let folded = name.to_lowercase();
        if self.names.get(&folded).is_some_and(|known| *known != client.0) {
            return Err(Outcome::Taken);
        }
        self.names.retain(|_, known| *known != client.0);
        self.names.insert(folded, client.0);
        Ok(Happened::Claimed { name, client, before, details })
    }
}

struct MemoryLink {
    node: NodeName,
    shared: Arc<SharedLog>,
}

impl NodeLink for MemoryLink {
    fn node(&self) -> &NodeName {
        &self.node
    }

    fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    fn leave_behind(&self, _: Duration) {}

    fn partitions(&self) -> Partitions {
        partitions()
    }

    fn submit(&self, command: Command) -> Ticket {
        if self.shared.down.load(Ordering::Relaxed) {
            return Ticket::done(Outcome::Refused);
        }
        let ticket = Ticket::waiting();
        let sent = self.shared.commands.lock().expect("no panic").send((self.node.clone(), command, ticket.clone()));
        sent.expect("the log is there");
        ticket
    }

    fn number(&self, _: NumberKind) -> Option<u64> {
        let mut logged = self.shared.logged.lock().expect("no panic");
        logged.numbers += 1;
        Some(logged.numbers)
    }
}

struct Node {
    hub: Arc<Hub>,
    address: SocketAddr,
    requests: mpsc::Sender<ServerRequest>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.requests.send(ServerRequest::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Two servers, and the log that they share.
fn two() -> (Node, Node, Arc<SharedLog>) {
    let server = || {
        let mut config = Config { shutdown_delay: Duration::ZERO, ..Config::default() };
        config.limits.messages_per_second = None;
        config.listen = vec![super::super::loopback()];
        config.quick_listen = vec![super::super::loopback()];
        bind(config, Capacity { connections: 100 }).expect("a server")
    };
    let (first, second) = (server(), server());
    let name = |name| NodeName::parse(name).expect("a name");
    let nodes =
        |server: &Server| prepare(server.hub(), Duration::from_millis(500), Duration::from_secs(3)).expect("an outbox");
    let replicas = vec![(name("a"), nodes(&first)), (name("b"), nodes(&second))];
    let shared = SharedLog::start(replicas.clone());
    let run = |server: Server, (node, nodes): (NodeName, Arc<Nodes>)| {
        nodes.nodes(&[name("a"), name("b")]);
        let link = Arc::new(MemoryLink { node, shared: Arc::clone(&shared) });
        let background = join(server.hub(), &nodes, link).expect("a thread");
        let (hub, address, requests) = (Arc::clone(server.hub()), server.addresses()[0], server.requests());
        let thread = thread::spawn(move || {
            server.run().expect("a clean stop");
            nodes.end_background_thread();
            background.join().expect("no panic");
        });
        Node { hub, address, requests, thread: Some(thread) }
    };
    let mut replicas_of = replicas.clone().into_iter();
    let mut next = || replicas_of.next().expect("one each");
    (run(first, next()), run(second, next()), shared)
}

struct MemoryClient {
    stream: TcpStream,
    seen: String,
}

impl MemoryClient {
    fn connect(node: &Node) -> MemoryClient {
        let stream = TcpStream::connect(node.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        MemoryClient { stream, seen: String::new() }
    }

    fn named(node: &Node, name: &str) -> MemoryClient {
        let mut client = MemoryClient::connect(node);
        client.expect("name");
        client.say(name);
        client.expect(&format!("Hello {name}."));
        client
    }

    fn in_room(node: &Node, name: &str, room: &str) -> MemoryClient {
        let mut client = MemoryClient::named(node, name);
        client.say(&format!(":join {room}"));
        client.expect(&format!("[{room}]> "));
        client.say(":chat");
        client.expect(room);
        client
    }

    fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).expect("sent");
    }

    /// Waits for a text, and forgets everything up to its end.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        self.expect_either(text, text);
    }

    /// Waits for one of two texts, and forgets everything up to its end. Returns whether it was the first.
    #[track_caller]
    fn expect_either(&mut self, first: &str, second: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            for text in [first, second] {
                if let Some(found) = self.seen.find(text) {
                    self.seen.drain(..found + text.len());
                    return text == first;
                }
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("closed before {first:?} or {second:?}; seen: {}", self.seen),
                Ok(count) => self.seen.push_str(&String::from_utf8_lossy(&buffer[..count])),
                Err(_) => assert!(Instant::now() < deadline, "no {first:?} or {second:?}; seen: {}", self.seen),
            }
        }
    }
}

#[test]
fn users_of_two_servers_talk_in_one_room_and_with_each_other() {
    let (a, b, _) = two();
    let mut alice = MemoryClient::in_room(&a, "alice", "general");
    let mut bob = MemoryClient::in_room(&b, "bob", "general");
    alice.expect("* bob joined");
    bob.say("hello from b");
    alice.expect("bob: hello from b");
    alice.say("hello from a");
    bob.expect("alice: hello from a");
    alice.say("/listall");
    alice.expect("bob");
    bob.say("/msg alice psst");
    alice.expect("psst");
    alice.say("/msg bob yes?");
    bob.expect("yes?");
    bob.say("/nick rob");
    alice.expect("bob is now known as rob");
    alice.say("/whois rob");
    alice.expect("in general");
    bob.say("/quit");
    alice.expect("* rob left");
}

#[test]
fn lines_of_one_packet_are_said_together_and_in_their_order_with_what_stands_between_them() {
    let (a, b, shared) = two();
    let mut alice = MemoryClient::in_room(&a, "alice", "general");
    let mut bob = MemoryClient::in_room(&b, "bob", "general");
    alice.expect("* bob joined");
    let entries = || -> u64 { shared.logged.lock().expect("no panic").positions.values().sum() };
    let before = entries();
    // Short enough for one read.
    alice.say("one\r\ntwo\r\n/me three\r\n/time\r\nfour\r\nfive");
    for text in ["alice: one", "alice: two", "alice three", "alice: four", "alice: five"] {
        bob.expect(text);
    }
    assert_eq!(entries(), before + 2, "three together, and two behind the question");
    alice.expect("* It is ");
    // Each of them was numbered, and is in the history, on both sides.
    for client in [&mut alice, &mut bob] {
        client.say("/history");
        for text in ["one", "two", "three", "four", "five"] {
            client.expect(text);
        }
    }
    shared.down.store(true, Ordering::Relaxed);
    alice.say("six\r\nseven");
    alice.expect("! Not said");
    alice.expect("! Not said");
    shared.down.store(false, Ordering::Relaxed);
    bob.say("eight");
    alice.expect("bob: eight");
}

#[test]
fn a_user_who_is_banned_in_the_middle_of_a_packet_says_no_more_of_it() {
    let (a, b, _) = two();
    let mut alice = MemoryClient::named(&a, "alice");
    alice.say(":create games");
    alice.expect("[games]> ");
    alice.say(":chat");
    alice.expect("games");
    let mut bob = MemoryClient::in_room(&b, "bob", "games");
    alice.expect("* bob joined");
    alice.say("to the end\r\n/mute bob\r\nquiet now");
    bob.expect("alice: to the end");
    bob.expect("alice: quiet now");
    bob.say("one\r\ntwo");
    bob.expect("! ");
    bob.expect("! ");
    alice.say("/unmute bob");
    bob.expect("unmuted");
    bob.say("three");
    alice.expect("bob: three");
}

#[cfg(feature = "json")]
#[test]
fn a_program_gets_the_answers_to_its_requests_in_their_order() {
    let (a, b, _) = two();
    let mut bob = MemoryClient::in_room(&b, "bob", "general");
    let mut program = MemoryClient::connect(&a);
    program.say(r#"{"id":"l","action":"login","content":"robot"}"#);
    program.expect(r#""id":"l","action":"ok""#);
    program.say(r#"{"id":"j","action":"join","receiver":"general"}"#);
    program.expect(r#""id":"j","action":"ok""#);
    let say =
        |id: &str, room: &str| format!(r#"{{"id":"{id}","action":"say","receiver":"{room}","content":"no {id}"}}"#);
    let requests = [say("1", "general"), say("2", "general"), say("3", "nowhere"), say("4", "general")];
    let ping = r#"{"id":"5","action":"ping"}"#.to_owned();
    let faulty = "{".to_owned();
    let all: Vec<_> = requests.into_iter().chain([ping, faulty, say("6", "general")]).collect();
    program.say(&all.join("\r\n"));
    for answer in [
        r#"{"id":"1","action":"ok""#,
        r#"{"id":"2","action":"ok""#,
        r#"{"id":"3","action":"error""#,
        r#"{"id":"4","action":"ok""#,
        r#"{"id":"5","action":"ok""#,
        r#""action":"error""#,
        r#"{"id":"6","action":"ok""#,
    ] {
        program.expect(answer);
    }
    for text in ["robot: no 1", "robot: no 2", "robot: no 4", "robot: no 6"] {
        bob.expect(text);
    }
}

#[test]
fn a_name_is_one_users_on_all_servers() {
    let (a, b, _) = two();
    let mut alice = MemoryClient::named(&a, "alice");
    let mut other = MemoryClient::connect(&b);
    other.expect("name");
    other.say("ALICE");
    other.expect("taken");
    alice.say(":quit");
    // The other server learns of it a moment later.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut third = MemoryClient::connect(&b);
        third.expect("name");
        third.say("alice");
        if third.expect_either("Hello alice.", "taken") {
            return;
        }
        assert!(Instant::now() < deadline, "the name is never free");
        thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn a_ban_binds_everywhere_and_an_unreachable_log_takes_nothing() {
    let (a, b, shared) = two();
    let mut alice = MemoryClient::named(&a, "alice");
    alice.say(":create games");
    alice.expect("[games]> ");
    alice.say(":chat");
    alice.expect("games");
    let mut bob = MemoryClient::in_room(&b, "bob", "games");
    alice.expect("* bob joined");
    bob.say("here I am");
    alice.expect("bob: here I am");
    alice.say("/ban bob");
    bob.expect("You were banned from games by alice");
    bob.say(":join games");
    bob.expect("You are banned from games");
    shared.down.store(true, Ordering::Relaxed);
    alice.say("lost");
    alice.expect("! Not said: this server cannot reach the others right now.");
    alice.say("/history");
    alice.expect("here I am");
    let mut newcomer = MemoryClient::connect(&b);
    newcomer.expect("name");
    newcomer.say("carol");
    newcomer.expect("! Nobody can log in right now: try again in a minute.");
    shared.down.store(false, Ordering::Relaxed);
    newcomer.say("carol");
    newcomer.expect("Hello carol.");
}

#[test]
fn what_an_operator_says_and_bans_holds_on_all_servers() {
    let (a, b, shared) = two();
    let (mut alice, mut bob) = (MemoryClient::named(&a, "alice"), MemoryClient::named(&b, "bob"));
    let own = a.hub.roster.users().into_iter().find(|user| !user.is_elsewhere()).expect("alice is there");
    a.hub.broadcast("Broadcast from alice: tea is ready", &own.outbox).expect("told");
    bob.expect("* Broadcast from alice: tea is ready");
    alice.say(":echo nothing more");
    assert!(!alice.expect_either("tea is ready", "nothing more"));
    let network = Network::parse("192.0.2.0/24").expect("a network");
    let by = UserName::parse("alice", 1, 12).expect("a name");
    let ban = AddressBanRecord { network, by: by.clone(), reason: "spam".into(), at: Timestamp::now(), until: None };
    let is_banned = |node: &Node| {
        let address = "192.0.2.7".parse().expect("an address");
        node.hub.address_bans.find(address, node.hub.moment()).is_some()
    };
    assert_eq!(a.hub.ban_address(ban, &own.outbox).expect("told").people, 0);
    a.hub.audit(&by, "banned 192.0.2.0/24 (spam)");
    assert!(is_banned(&a));
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < deadline, "never: {what}");
            thread::park_timeout(Duration::from_millis(5));
        }
    };
    wait("banned there", &|| is_banned(&b));
    let entries = || b.hub.audit_log(5).expect("there is one")().expect("read");
    wait("audited there", &|| entries().iter().any(|entry| &*entry.what == "banned 192.0.2.0/24 (spam)"));
    shared.down.store(true, Ordering::Relaxed);
    assert!(b.hub.unban_address(network, &own.outbox).is_err());
    assert!(is_banned(&b));
    shared.down.store(false, Ordering::Relaxed);
    assert!(matches!(b.hub.unban_address(network, &own.outbox), Ok(Ok(true))));
    wait("lifted there", &|| !is_banned(&a));
    assert!(matches!(a.hub.unban_address(network, &own.outbox), Ok(Ok(false))));
}
