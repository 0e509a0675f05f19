//! One of several servers restarts, and the page comes back by itself: on another server, or on the same one when it is up again.

use crate::chromium::chromium;
use crate::nodes::{Cluster, Node, ask_until};
use crate::site::url;
use crate::support::lossy_proxy::LossyProxy;
use crate::visitor::Visitor;

/// What Chromium itself says when a connection cannot be made, or is refused.
const CONNECTION: &str = "WebSocket connection to";

const MORE: &str = "drain_seconds = 2\n[rooms.general]\n[rooms.games]\n[web]\nlisten = [\"127.0.0.1:0\"]";

fn page(node: &Node) -> std::net::SocketAddr {
    node.listener("web")
}

#[test]
fn the_page_is_back_on_another_server_with_name_rooms_and_what_was_said_meanwhile() {
    let Some(browser) = chromium() else { return };
    let Some(mut cluster) = Cluster::start(2, MORE) else { return };
    let door = LossyProxy::before(page(&cluster.nodes[0]));
    let mut bob = cluster.nodes[1].chat("bob", "games");
    let alice = Visitor::chat(browser, &url(door.address()), "alice", "general");
    alice.allow(CONNECTION);
    alice.enter_room("games");
    bob.expect("* alice joined");
    alice.say("before");
    bob.expect("alice: before");
    cluster.nodes[0].signal("TERM");
    alice.expect("games", "This server restarts in 2 seconds.");
    door.lead(page(&cluster.nodes[1]));
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    bob.send("meanwhile");
    alice.expect("games", "meanwhile");
    alice.say("after");
    bob.expect("alice: after");
    alice.expect("games", "after");
    let seen = bob.settle();
    assert!(!seen.contains("left") && !seen.contains("joined"), "{seen:?}");
    alice.gone("status", "Reconnecting...");
    alice.node("button", "general, 1 person*");
    for text in ["before", "meanwhile", "after"] {
        assert_eq!(alice.log("games").matches(text).count(), 1, "{text}: {}", alice.log("games"));
    }
    ask_until(&mut bob, "/whois alice", "general");
}

#[test]
fn the_page_waits_for_the_same_server_and_keeps_its_name_meanwhile() {
    let Some(browser) = chromium() else { return };
    let Some(mut cluster) = Cluster::start(2, MORE) else { return };
    let door = LossyProxy::before(page(&cluster.nodes[0]));
    let mut bob = cluster.nodes[1].chat("bob", "general");
    let alice = Visitor::chat(browser, &url(door.address()), "alice", "general");
    alice.allow(CONNECTION);
    bob.expect("* alice joined");
    alice.say("before");
    bob.expect("alice: before");
    // Somebody who goes last, so that the page tries to come back while the server still turns everybody away.
    let mut last = cluster.nodes[0].login("last");
    cluster.nodes[0].signal("TERM");
    alice.see("Reconnecting...");
    bob.send("meanwhile");
    last.expect_end();
    assert_eq!(cluster.nodes[0].wait(), Some(0));
    cluster.nodes[0] = cluster.launch("n0", MORE);
    door.lead(page(&cluster.nodes[0]));
    alice.expect("general", "meanwhile");
    alice.say("after");
    bob.expect("alice: after");
    let seen = bob.settle();
    assert!(!seen.contains("alice left") && !seen.contains("alice joined"), "{seen:?}");
    assert_eq!(alice.log("general").matches("meanwhile").count(), 1);
}
