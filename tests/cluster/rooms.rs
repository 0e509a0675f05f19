//! Room passwords and settings are the same on all servers.

use std::time::{Duration, Instant};

use crate::nodes::{Cluster, ask_until};
use crate::support::{Client, PATIENCE};

/// Tries to join a room with a password. Returns the answer.
fn try_password(client: &mut Client, room: &str, password: &str) -> String {
    client.send(&format!(":join {room} {password}"));
    client.settle()
}

#[test]
fn a_new_password_applies_on_all_servers_at_once() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.send(":create vip open sesame");
    alice.expect("you are its admin");
    ask_until(&mut bob, ":rooms", "vip");
    bob.send(":join vip");
    bob.expect("vip has a password. Give it, or go back with Enter.");
    bob.send("open says me");
    bob.expect("! No such room, or not that password.");
    assert!(try_password(&mut bob, "vip", "open sesame").contains("Joined vip"));
    bob.send(":close");
    bob.expect("Left vip");
    alice.send(":set password swordfish");
    alice.expect("alice set a password");
    // When alice has her answer, every later attempt is checked against the new password, on any server.
    assert!(try_password(&mut bob, "vip", "open sesame").contains("! No such room, or not that password."));
    assert!(try_password(&mut bob, "vip", "swordfish").contains("Joined vip"));
    bob.send(":chat vip");
    bob.expect("vip | ");
    alice.send(":set password");
    bob.expect("alice removed the password");
    let mut carol = cluster.nodes[1].login("carol");
    carol.send(":join vip");
    carol.expect("Joined vip");
}

#[test]
fn a_configured_password_applies_on_all_servers_and_is_not_in_redis() {
    let rooms = "[rooms.general]\n[rooms.vip]\npublic = false\npassword = \"open sesame\"";
    let Some(cluster) = Cluster::start(2, rooms) else { return };
    for (index, node) in cluster.nodes.iter().enumerate() {
        let mut client = node.login(&format!("user{index}"));
        assert!(try_password(&mut client, "vip", "open says me").contains("! No such room, or not that password."));
        assert!(try_password(&mut client, "vip", "open sesame").contains("Joined vip"));
    }
    let node = cluster.launch("late", rooms);
    let mut late = node.login("late");
    assert!(try_password(&mut late, "vip", "open sesame").contains("Joined vip"));
    late.send(":create other hunter two");
    late.expect("you are its admin");
    late.send(":set password hunter three");
    late.expect("set a password");
    let all = cluster.redis.everything();
    assert!(all.contains("$argon2id$"), "{all}");
    for password in ["sesame", "hunter"] {
        assert!(!all.contains(password), "{password} is in {all}");
    }
}

#[test]
fn reloading_one_server_changes_the_rooms_of_all() {
    let rooms = "[rooms.general]\n[rooms.vip]\nlimit = 8\npassword = \"open sesame\"\n[rooms.old]";
    let Some(cluster) = Cluster::start(2, rooms) else { return };
    let mut alice = cluster.nodes[0].chat("alice", "old");
    let mut bob = cluster.nodes[0].login("bob");
    let mut dora = cluster.nodes[1].chat("dora", "general");
    let changed = "[rooms.general]\ndescription = \"Another one.\"\n[rooms.vip]\npassword = \"swordfish\"\n[rooms.new]";
    let file = cluster.file("n1", &cluster.nodes[1]);
    let text = std::fs::read_to_string(&file).expect("a file").replace(rooms, changed);
    std::fs::write(&file, format!("history_max = 3\n{text}")).expect("a file");
    cluster.nodes[1].signal("HUP");
    alice.expect("The room old is closed.");
    ask_until(&mut bob, ":rooms", "new");
    ask_until(&mut bob, ":rooms", "Another one.");
    ask_until(&mut bob, ":join vip swordfish", "Joined vip");
    bob.send(":close");
    bob.expect("Left vip");
    assert!(try_password(&mut bob, "vip", "open sesame").contains("! No such room, or not that password."));
    bob.send(":join general");
    bob.expect("Joined general");
    bob.send(":chat");
    bob.expect("general | ");
    for number in 0..6 {
        bob.send(&format!("line {number}."));
    }
    dora.expect("line 5.");
    for client in [&mut dora, &mut bob] {
        client.settle();
        client.send("/history");
        let seen = client.settle();
        assert!(seen.contains("line 3.") && !seen.contains("line 2."), "{seen:?}");
    }
}

#[test]
fn a_server_with_different_rooms_logs_the_keys_and_uses_the_shared_ones() {
    let Some(cluster) = Cluster::start(1, "[rooms.general]\nlimit = 8\n[rooms.vip]\npassword = \"open sesame\"") else {
        return;
    };
    let other = cluster.launch("other", "[rooms.general]\n[rooms.vip]\npassword = \"swordfish\"\n[rooms.new]");
    let line = "the other servers have set otherwise: rooms.general.limit, rooms.new, rooms.vip.password; theirs hold.";
    let deadline = Instant::now() + PATIENCE;
    while !other.log().contains(line) {
        assert!(Instant::now() < deadline, "{}", other.log());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let mut alice = other.login("alice");
    assert!(try_password(&mut alice, "vip", "open sesame").contains("Joined vip"));
    let same = cluster.launch("same", "[rooms.general]\nlimit = 8\n[rooms.vip]\npassword = \"open sesame\"");
    assert!(!same.log().contains("set otherwise"), "{}", same.log());
}

#[test]
fn wrong_passwords_make_a_user_wait() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create vip open sesame");
    alice.expect("you are its admin");
    let mut bob = cluster.nodes[1].login("bob");
    ask_until(&mut bob, ":join vip guess", "Too many wrong passwords");
    assert!(try_password(&mut bob, "vip", "open sesame").contains("Too many wrong passwords"));
}
