//! Address bans over a real network of two machines, which are network namespaces.

#![cfg(feature = "storage")]

use std::process::{Child, Stdio};

use crate::nodes::runs_slow;
use crate::support::machine::{Logged, argument};
use crate::support::network::{Machine, Person, TwoMachines};
use crate::support::programs::have;
use crate::support::scratch;

/// A process that is killed at the end of the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_banned_address_is_disconnected_from_all_servers_and_refused_by_all() {
    if !runs_slow() || !have(&["redis-server", "redis-cli", "nc.openbsd"]) {
        return;
    }
    let Some(machines) = TwoMachines::new() else { return };
    let directory = scratch();
    let mut redis = machines.command(Machine::One, "redis-server");
    // The port is free, since the network is new.
    redis.args(["--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", argument(&directory)]);
    let redis = redis.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let _redis = Ended(redis);
    machines.expect(Machine::One, "for try in $(seq 600); do redis-cli ping && exit 0; sleep 0.1; done; exit 1");
    let mut ports = Vec::new();
    let servers: Vec<_> = ["a", "b"]
        .iter()
        .map(|name| {
            let file = directory.join(format!("{name}.toml"));
            let text = format!(
                "listen = [\"10.77.0.1:0\"]\nquick_listen = []\nexit_code = false\noperators = [\"root\"]\nshutdown_delay = 0\n\
                 [cluster]\nredis = \"redis://127.0.0.1:6379\"\nnode = \"{name}\"\npartitions = 4\ndrain_seconds = 0\n"
            );
            std::fs::write(&file, text).expect("a file");
            let mut server = Logged::start(machines.chatsock(Machine::One, &["--config", argument(&file)]));
            ports.push(server.address().port().to_string());
            server
        })
        .collect();
    let program = env!("CARGO_BIN_EXE_chatsock");
    let config = directory.join("a.toml");
    machines
        .expect(Machine::One, &format!("echo 'open sesame' | {program} user add root --config {}", config.display()));
    let mut root = Person::connect(&machines, Machine::One, None, "10.77.0.1", &ports[0]);
    root.terminal.expect_text("Username: ");
    root.says("root", "Password: ");
    root.says("open sesame", "You are an operator.");
    let person = |own: Option<&str>, port: &str| Person::connect(&machines, Machine::Two, own, "10.77.0.1", port);
    let mut banned = [person(None, &ports[0]).logged_in("bob"), person(None, &ports[1]).logged_in("dora")];
    let mut others = [
        person(Some("203.0.113.2"), &ports[0]).logged_in("carol"),
        person(Some("203.0.113.2"), &ports[1]).logged_in("erik"),
    ];
    root.says(":banip 10.77.0.2 1h spam", "* 10.77.0.2 is banned for ");
    for person in &mut banned {
        person.terminal.expect_text("! Your address is banned for ");
        person.terminal.read_to_the_end();
    }
    for port in &ports {
        person(None, port).terminal.expect_text("! Your address is banned for ");
    }
    for person in &mut others {
        person.says(":time", "* It is ");
    }
    root.says(":unbanip 10.77.0.2", "is no longer banned.");
    for port in &ports {
        // The two servers may learn of it at different moments.
        crate::support::machine::eventually("it is let in again", || {
            let mut person = person(None, port);
            person.terminal.wait("an answer", |terminal| {
                let raw = terminal.raw();
                raw.contains("Username: ") || raw.contains("! ")
            });
            person.terminal.raw().contains("Username: ")
        });
    }
    drop(servers);
}
