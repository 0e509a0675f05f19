//! Passwords and settings of rooms, the same on all servers.

use crate::nodes::{Cluster, ask_until};
use crate::support::Client;

/// Tries to enter a room with a password; what the user reads.
fn try_password(client: &mut Client, room: &str, password: &str) -> String {
    client.send(&format!(":join {room} {password}"));
    client.settle()
}

#[test]
fn a_password_holds_on_all_servers_and_another_one_at_once() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.send(":create vip open sesame");
    alice.expect("you are its admin");
    bob.send(":join vip");
    bob.expect("vip has a password. Give it, or go back with Enter.");
    bob.send("open says me");
    bob.expect("! No such room, or not that password.");
    assert!(try_password(&mut bob, "vip", "open sesame").contains("Joined vip"));
    bob.send(":close");
    bob.expect("Left vip");
    alice.send(":set password swordfish");
    alice.expect("alice set a password");
    // The answer has come when all servers have the change, or are about to read it: no try with the old one succeeds.
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
fn a_room_of_the_configuration_has_its_password_on_all_servers_and_redis_has_no_text_of_it() {
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
fn wrong_passwords_make_a_user_wait() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create vip open sesame");
    alice.expect("you are its admin");
    let mut bob = cluster.nodes[1].login("bob");
    ask_until(&mut bob, ":join vip guess", "Too many wrong passwords");
    assert!(try_password(&mut bob, "vip", "open sesame").contains("Too many wrong passwords"));
}
