//! Nodes on their threads with a real Redis: they see the same, and recover after it was away.

use std::process::Command as Program;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::server::Server;
use crate::chat::message::ClientId;
use crate::chat::names::RoomName;
use crate::cluster::*;
use crate::config::ClusterConfig;

pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// A replica that records its calls.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) heard: Mutex<Vec<String>>,
    changed: Condvar,
    holdings: Mutex<Holdings>,
    returning: Mutex<Vec<(ClientId, RoomName, Commit)>>,
}

impl Notes {
    fn note(&self, text: String) {
        self.heard.lock().expect("no panic").push(text);
        self.changed.notify_all();
    }

    /// Waits until a call containing this text was recorded this often.
    pub(super) fn wait(&self, text: &str, times: usize) {
        let deadline = Instant::now() + DEADLINE;
        let mut heard = self.heard.lock().expect("no panic");
        while heard.iter().filter(|line| line.contains(text)).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} was not heard {times} times: {heard:#?}");
            heard = self.changed.wait_timeout(heard, left).expect("no panic").0;
        }
    }

    pub(super) fn said(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").iter().filter(|line| line.starts_with("said")).cloned().collect()
    }
}

impl Replica for Notes {
    fn apply(&self, entry: Entry) {
        self.note(match entry.what {
            Happened::Committed { id, text, .. } => format!("said {id:?} {text}"),
            Happened::Claimed { name, .. } => format!("claimed {name}"),
            Happened::Released { name, .. } => format!("released {name}"),
            Happened::Noted(text) => format!("noted {text}"),
            Happened::AccountChanged { name, .. } => format!("account {name}"),
            Happened::NodeGone { node, .. } => format!("gone {node} in {}", entry.log),
        });
    }

    fn reload(&self, log: Log, state: LogState) {
        self.note(format!("reload {log} {state:?}"));
    }

    fn lost(&self, loss: Loss) {
        self.note(format!("lost {loss:?}"));
    }

    fn holdings(&self, lost: &[(Log, u64)]) -> Holdings {
        self.note(format!("asked, lost: {lost:?}"));
        self.holdings.lock().expect("no panic").clone()
    }

    fn returning(&self) -> Returning {
        Returning { memberships: self.returning.lock().expect("no panic").clone(), put_out: 0 }
    }

    fn name_taken(&self, client: ClientId) {
        self.note(format!("taken {client}"));
    }

    fn membership_refused(&self, client: ClientId, room: &RoomName) {
        self.note(format!("refused {client} {room}"));
    }

    fn health(&self, health: Health) {
        self.note(format!("health {health:?}"));
    }

    fn away(&self) {
        self.note("away".to_owned());
    }

    fn back(&self, back: Back) {
        self.note(format!("back, out: {}", back.was_out));
    }

    fn nodes(&self, nodes: &[NodeName]) {
        let names: Vec<_> = nodes.iter().map(NodeName::as_str).collect();
        self.note(format!("nodes {}", names.join(" ")));
    }
}

pub(super) fn config(server: &Server, node: &str) -> ClusterConfig {
    ClusterConfig {
        redis: server.url(),
        node: node.to_owned(),
        partitions: 4,
        lease: Duration::from_secs(3),
        ..ClusterConfig::default()
    }
}

fn join(server: &Server, node: &str) -> (Arc<Cluster>, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let cluster = Cluster::start(&config(server, node), 0, Arc::clone(&notes) as Arc<dyn Replica>);
    (cluster.unwrap_or_else(|error| panic!("{error}")), notes)
}

pub(super) fn room() -> Place {
    Place::Room(RoomName::parse("general").expect("a name"))
}

pub(super) fn commit(version: Option<u64>, effects: Vec<Effect>, text: &str) -> Command {
    Command::Commit(Commit { place: room(), version, effects, history_max: 10, text: text.into() })
}

pub(super) fn say(text: &str) -> Command {
    commit(None, vec![Effect::Said(text.into())], text)
}

fn claim(name: &str, client: u64) -> Claim {
    Claim {
        name: name.into(),
        client: ClientId(client),
        before: None,
        instead_of: None,
        details: "{}".into(),
        address: "".into(),
        most: None,
    }
}

pub(super) fn outcome(ticket: &Ticket) -> Outcome {
    ticket.wait(Instant::now() + DEADLINE).unwrap_or_else(|| panic!("no outcome: {ticket:?}"))
}

#[test]
fn two_nodes_see_the_same_in_the_same_order_and_share_names_and_numbers() {
    let Some(server) = Server::start(&[]) else { return };
    let ((a, at_a), (b, at_b)) = (join(&server, "a"), join(&server, "b"));
    assert!(matches!(
        outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made"))),
        Outcome::Applied { .. }
    ));
    assert_eq!(outcome(&b.submit(commit(Some(0), vec![], "made again"))), Outcome::Stale);
    let tickets: Vec<_> =
        (0..200).map(|number| if number % 2 == 0 { &a } else { &b }.submit(say(&format!("line {number}")))).collect();
    for ticket in &tickets {
        assert!(matches!(outcome(ticket), Outcome::Applied { id: Some(_), .. }));
    }
    at_a.wait("said", 201);
    at_b.wait("said", 201);
    assert_eq!(at_a.said(), at_b.said());
    let name = |cluster: &Arc<Cluster>, name, client| outcome(&cluster.submit(Command::Claim(claim(name, client))));
    assert!(matches!(name(&a, "Bob", 1), Outcome::Applied { .. }));
    assert_eq!(name(&b, "bob", 2), Outcome::Taken);
    let numbers: Vec<_> = [&a, &b, &a, &b].map(|cluster| cluster.number(NumberKind::Client).expect("a number")).into();
    let mut different = numbers.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 4, "{numbers:?}");
    a.stop();
    at_b.wait("gone a in dir", 1);
    at_b.wait("nodes b", 1);
    assert!(matches!(name(&b, "bob", 2), Outcome::Applied { .. }));
    let (c, at_c) = join(&server, "c");
    // Which node's line came last is unknown.
    at_c.wait("said: 200", 1);
    at_c.wait("core: \"core\"", 1);
    b.stop();
    c.stop();
}

#[test]
fn a_living_nodes_name_is_refused_and_a_dead_ones_is_free_after_its_lease() {
    let Some(server) = Server::start(&[]) else { return };
    let (a, _) = join(&server, "a");
    let other = Cluster::start(&config(&server, "a"), 0, Arc::new(Notes::default()));
    let error = other.err().expect("a is taken");
    assert!(error.is_users() && error.to_string().contains("cluster node a"), "{error}");
    let wrong = ClusterConfig { partitions: 5, ..config(&server, "b") };
    let error = Cluster::start(&wrong, 0, Arc::new(Notes::default())).err().expect("five partitions are wrong");
    assert!(matches!(error, ClusterError::Partitions { cluster: 4, own: 5 }), "{error}");
    // Like a crash of the process.
    a.abandon();
    let (again, _) = join(&server, "a");
    again.stop();
}

#[test]
fn a_missing_redis_is_reported_in_one_sentence_in_time() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let redis = format!("redis://{}", free.local_addr().expect("its address"));
    drop(free);
    let config = ClusterConfig { redis, node: "a".to_owned(), ..ClusterConfig::default() };
    let error = Cluster::start(&config, 0, Arc::new(Notes::default())).err().expect("nobody is there");
    assert!(!error.is_users() && !error.to_string().contains('\n'), "{error}");
}

pub(super) fn signal(server: &Server, name: &str) {
    let done = Program::new("kill").args([name, &server.id().to_string()]).status().expect("kill");
    assert!(done.success());
}

#[test]
fn lines_wait_for_a_suspended_redis_and_are_then_posted_once() {
    let Some(server) = Server::start(&[]) else { return };
    let ((a, at_a), (b, at_b)) = (join(&server, "a"), join(&server, "b"));
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    signal(&server, "-STOP");
    let waits = a.submit(say("while it stands still"));
    // Longer than a connection waits for an answer, so that the line is sent again.
    assert_eq!(waits.wait(Instant::now() + Duration::from_secs(4)), None);
    at_a.wait("health Down", 1);
    assert_eq!(outcome(&a.submit(say("refused"))), Outcome::Refused);
    signal(&server, "-CONT");
    assert!(matches!(outcome(&waits), Outcome::Applied { .. }));
    at_a.wait("health Well", 2);
    at_b.wait("while it stands still", 1);
    assert!(matches!(outcome(&a.submit(say("after"))), Outcome::Applied { .. } | Outcome::Refused));
    assert!(
        !at_b.heard.lock().expect("no panic").iter().any(|line| line.starts_with("gone")),
        "nobody was away but Redis"
    );
    at_b.wait("said", 2);
    assert_eq!(at_b.said().iter().filter(|line| line.contains("while")).count(), 1);
    a.stop();
    b.stop();
}

#[test]
fn a_redis_that_lost_everything_is_refilled_and_repeats_no_number() {
    let Some(mut server) = Server::start(&[]) else { return };
    let (a, at_a) = join(&server, "a");
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    let Outcome::Applied { id: Some(before), position: old } = outcome(&a.submit(say("before"))) else { panic!() };
    let made = Commit {
        place: room(),
        version: Some(0),
        effects: vec![Effect::Core("core".into())],
        history_max: 10,
        text: "made".into(),
    };
    *at_a.holdings.lock().expect("no panic") = Holdings { names: vec![claim("bob", 1)], rooms: vec![made] };
    server.restart();
    at_a.wait("back", 1);
    at_a.wait("lost", 1);
    at_a.wait("name: \"bob\"", 1);
    let Outcome::Applied { id: Some(after), position } = outcome(&a.submit(say("after"))) else { panic!("not said") };
    assert!(
        after > before && position.term > old.term && position.number > old.number,
        "{after} {before} {position} {old}"
    );
    a.stop();
}

#[test]
fn nobody_loses_anything_to_a_redis_that_restarts_with_all_its_data() {
    let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let ((a, at_a), (b, at_b)) = (join(&server, "a"), join(&server, "b"));
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    outcome(&a.submit(say("before")));
    server.restart();
    at_a.wait("back", 1);
    at_b.wait("back", 1);
    assert!(matches!(outcome(&b.submit(say("after"))), Outcome::Applied { .. }));
    at_a.wait("after", 1);
    for notes in [&at_a, &at_b] {
        let heard = notes.heard.lock().expect("no panic");
        assert!(!heard.iter().any(|line| line.starts_with("lost") || line.starts_with("gone")), "{heard:#?}");
    }
    assert_eq!(at_a.said(), at_b.said());
    a.stop();
    b.stop();
}

#[test]
fn messages_of_one_command_get_numbers_from_one_block() {
    let Some(server) = Server::start(&[]) else { return };
    let (a, at_a) = join(&server, "a");
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    let together = |count: usize| commit(None, vec![Effect::Said("x".into()); count], "several");
    // No block is a multiple of any of these sizes.
    let mut last = 0;
    for round in 0..60 {
        let count = [1, 127, 60, 3, 128][round % 5];
        let Outcome::Applied { id: Some(id), .. } = outcome(&a.submit(together(count))) else { panic!("not said") };
        assert!(id > last, "{id} after {last}");
        last = id + count as u64 - 1;
    }
    at_a.wait("said", 61);
    a.stop();
}
