//! Files for users of other servers: both sides connect to the sender's server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::nodes::Cluster;
use crate::support::Client;
use crate::support::json::Bot;
use crate::support::programs::have;

const FILES: &str = "[files]\nlisten = [\"127.0.0.1:0\"]\n";

/// The two command lines to copy, below their introduction.
fn rows(client: &mut Client) -> Vec<String> {
    client.expect("after f= first:\r\n");
    let mut row = || {
        client.expect("  f=");
        format!("f={}", client.expect("\r\n"))
    };
    (0..2).map(|_| row()).collect()
}

fn run(directory: &Path, line: &str) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().expect("sh runs")
}

#[test]
fn a_file_for_another_server_passes_through_the_senders() {
    if !have(&["curl"]) {
        return;
    }
    let Some(cluster) = Cluster::start(2, FILES) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    crate::nodes::ask_until(&mut alice, ":listall", "bob");
    alice.send(":send bob report.txt");
    alice.expect(":files lists it; the offer ends in ");
    bob.expect("alice offers you report.txt. :accept ");
    bob.send(":files");
    bob.expect("report.txt");
    bob.send(":accept");
    let get = rows(&mut bob);
    alice.expect("bob takes ");
    let send = rows(&mut alice);
    let port = cluster.nodes[0].listener("files").port().to_string();
    for line in get.iter().chain(&send) {
        assert!(line.contains(&port), "not the sender's server, {port}: {line}");
    }
    let (from, to) = (cluster.redis.directory().join("from"), cluster.redis.directory().join("to"));
    for directory in [&from, &to] {
        std::fs::create_dir_all(directory).expect("a directory");
    }
    let text = "all of it. ".repeat(10_000);
    std::fs::write(from.join("report.txt"), &text).expect("a file");
    let (mut receiving, mut sending) = (run(&to, &get[1]), run(&from, &send[1]));
    assert!(sending.wait().expect("waited").success() && receiving.wait().expect("waited").success());
    assert_eq!(std::fs::read_to_string(to.join("report.txt")).expect("a file"), text);
    for client in [&mut alice, &mut bob] {
        client.expect("* report.txt: ");
        client.expect(if cfg!(feature = "tls") { "SHA-256 " } else { " bytes" });
    }
    bob.send(":files");
    bob.expect("No files are offered or on their way.");
}

#[test]
fn offers_are_declined_withdrawn_and_end_across_servers() {
    let Some(mut cluster) = Cluster::start(2, FILES) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    let mut bot = Bot::login(cluster.nodes[1].address(), "robo");
    crate::nodes::ask_until(&mut alice, ":listall", "robo");
    alice.send(":send bob one.txt");
    bob.expect("alice offers you one.txt");
    bob.send(":decline");
    bob.expect("* Declined.");
    alice.expect("* bob declined one.txt.");
    alice.send(":send bob two.txt");
    bob.expect("alice offers you two.txt");
    alice.send(":decline");
    alice.expect("* Declined.");
    bob.expect("* alice declined two.txt.");
    bob.send(":accept");
    bob.expect("! Nothing to accept.");
    alice.send(":send robo three.txt");
    let offer = bot.expect("offer");
    let number = &offer["optional"]["offer"];
    let answer = bot.ask(json!({"action": "accept", "optional": {"offer": number}})).ok();
    assert!(answer.optional("token").is_string() && answer.optional("url").is_string());
    alice.expect("robo takes three.txt");
    bob.send(":ignore alice");
    bob.expect("alice");
    alice.send(":send bob four.txt");
    alice.expect(":files lists it");
    bob.send(":files");
    bob.expect("No files are offered or on their way.");
    bob.send(":unignore alice");
    bob.expect("alice");
    alice.send(":send bob five.txt");
    bob.expect("alice offers you five.txt");
    cluster.nodes[0].kill();
    bob.expect("* alice's offer of five.txt has ended: their server is gone.");
    bob.send(":files");
    bob.expect("No files are offered or on their way.");
}

#[test]
fn both_users_of_a_file_are_notified_when_the_server_of_the_other_dies() {
    let Some(mut cluster) = Cluster::start(3, FILES) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    let mut carol = cluster.nodes[2].login("carol");
    crate::nodes::ask_until(&mut alice, ":listall", "carol");
    crate::nodes::ask_until(&mut alice, ":listall", "bob");
    alice.send(":send bob one.txt");
    bob.expect("alice offers you one.txt");
    bob.send(":accept");
    rows(&mut bob);
    rows(&mut alice);
    alice.send(":send carol two.txt");
    carol.expect("alice offers you two.txt");
    cluster.nodes[2].kill();
    alice.expect("* Your offer of two.txt to carol has ended: their server is gone.");
    cluster.nodes[0].kill();
    bob.expect("* The transfer of one.txt has ended: alice's server is gone.");
    bob.send(":files");
    bob.expect("No files are offered or on their way.");
}

#[test]
fn offers_end_on_both_sides_when_two_servers_have_lost_contact() {
    let Some(cluster) = Cluster::start(2, FILES) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    crate::nodes::ask_until(&mut alice, ":listall", "bob");
    alice.send(":send bob one.txt");
    bob.expect("alice offers you one.txt");
    cluster.nodes[1].proxy.refuse(true);
    alice.expect("* Your offer of one.txt to bob has ended: their server is gone.");
    bob.expect("* This server cannot reach the others");
    cluster.nodes[1].proxy.refuse(false);
    bob.expect("* alice's offer of one.txt has ended: your servers had lost contact.");
    crate::nodes::ask_until(&mut alice, ":listall", "bob");
    alice.send(":send bob two.txt");
    bob.expect("alice offers you two.txt");
    cluster.nodes[0].proxy.refuse(true);
    bob.expect("* alice's offer of two.txt has ended: their server is gone.");
    alice.expect("* This server cannot reach the others");
    cluster.nodes[0].proxy.refuse(false);
    alice.expect("* Your offer of two.txt to bob has ended: your servers had lost contact.");
    for client in [&mut alice, &mut bob] {
        client.send(":files");
        client.expect("No files are offered or on their way.");
    }
}
