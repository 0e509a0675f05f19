//! Commands on one server that take effect on all servers.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::nodes::{Cluster, Node, Options, ask_until, ask_until_not};
use crate::support::home::{PASSWORD, register, try_login};
use crate::support::proxy::header_for;
use crate::support::redis::Redis;
use crate::support::{Client, PATIENCE};

#[test]
fn an_exit_code_stops_one_server_or_with_all_every_server() {
    let (Some(redis), options) = (Redis::start(), Options { top: "exit_code = true", ..Options::default() }) else {
        return;
    };
    let Some(mut cluster) = Cluster::with(redis, 3, "drain_seconds = 0", options) else { return };
    let codes: Vec<_> = cluster.nodes.iter().map(|node| node.printed_after("exit code: ")).collect();
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    let mut carol = cluster.nodes[2].login("carol");
    alice.send(":help shutdown");
    alice.expect(":shutdown <exit code> all stops all servers of the cluster.");
    assert!(codes[0] != codes[1] && codes[1] != codes[2], "each server has a code of its own: {codes:?}");
    carol.send(&format!(":shutdown {}", codes[2]));
    carol.expect("* That is the code: the server is stopping.");
    carol.expect("* Goodbye.");
    assert_eq!(cluster.nodes[2].wait(), Some(0));
    bob.send(":time");
    bob.settle();
    alice.send(&format!(":shutdown {} all", codes[0]));
    alice.expect("* That is the code: all servers are stopping.");
    bob.expect("* Server is shutting down in 0 seconds.");
    bob.expect("* Goodbye.");
    for node in &mut cluster.nodes[..2] {
        assert_eq!(node.wait(), Some(0));
    }
}

/// A user who is logged in to an account on this server.
#[track_caller]
fn log_in(node: &Node, name: &str) -> Client {
    let mut client = try_login(node.address(), name, PASSWORD);
    client.expect(&format!("* Hello {name}. "));
    client.settle();
    client
}

/// A connection that a proxy makes for a client with this address.
fn from(node: &Node, client: &str) -> Client {
    let mut connection = Client::connect(node.listener("proxy"));
    connection.send_raw(&header_for(client, &[]));
    connection
}

#[test]
fn operators_act_on_all_servers_even_those_that_start_later() {
    let (Some(redis), options) =
        (Redis::start(), Options { top: "operators = [\"root\", \"rita\"]", ..Options::default() })
    else {
        return;
    };
    let proxy = "[proxy]\nlisten = [\"127.0.0.1:0\"]\ntrusted = [\"127.0.0.0/8\"]";
    let Some(mut cluster) = Cluster::with(redis, 2, proxy, options) else { return };
    for (node, name) in cluster.nodes.iter().zip(["root", "rita"]) {
        let mut operator = node.login(name);
        register(&mut operator, PASSWORD);
        operator.send(":quit");
        operator.expect_end();
    }
    let mut root = log_in(&cluster.nodes[0], "root");
    let mut rita = log_in(&cluster.nodes[1], "rita");
    let mut bob = from(&cluster.nodes[1], "192.0.2.7").logged_in("bob");
    let mut carol = from(&cluster.nodes[1], "203.0.113.5").logged_in("carol");
    ask_until(&mut root, ":listall", "carol");
    root.send(":broadcast tea is ready");
    for client in [&mut root, &mut bob, &mut carol, &mut rita] {
        client.expect("* Broadcast from root: tea is ready");
    }
    root.send(":banip 192.0.2.0/24 1h spam");
    root.expect("* 192.0.2.0/24 is banned for ");
    root.expect("1 person disconnected.");
    bob.expect("! Your address is banned for ");
    bob.expect_end();
    for (address, banned) in [("192.0.2.8", true), ("203.0.113.6", false)] {
        let mut client = from(&cluster.nodes[1], address);
        client.expect(if banned { "! Your address is banned for " } else { "Username: " });
    }
    carol.send(":broadcast mine");
    carol.expect("! Only operators can do that.");
    ask_until(&mut rita, ":banip", "192.0.2.0/24   by root");
    rita.send(":banip 198.51.100.7");
    rita.expect("* 198.51.100.7 is banned");
    // One server restarts, and another one starts.
    cluster.nodes[1].signal("TERM");
    assert_eq!(cluster.nodes[1].wait(), Some(0));
    cluster.nodes[1] = cluster.launch("n1", proxy);
    from(&cluster.nodes[1], "198.51.100.7").expect("! Your address is banned.");
    let late = cluster.launch("late", proxy);
    let mut rita = log_in(&late, "rita");
    rita.send(":banip");
    rita.expect("192.0.2.0/24");
    rita.expect("198.51.100.7");
    rita.send(":unbanip 192.0.2.0/24");
    rita.expect("* 192.0.2.0/24 is no longer banned.");
    rita.send(":unbanip 192.0.2.0/24");
    rita.expect("! 192.0.2.0/24 is not banned");
    ask_until_not(&mut root, ":banip", "192.0.2.0/24");
    from(&cluster.nodes[1], "192.0.2.8").expect("Username: ");
    ask_until(&mut root, ":audit", "rita: unbanned 192.0.2.0/24");
    rita.send(":audit");
    rita.expect("root: broadcast to ");
    rita.expect("root: banned 192.0.2.0/24");
    // An archive that starts later has the bans and the audit log, too.
    let _archive = cluster.launch("archive", "[storage]\npath = \"late.db\"");
    let file = cluster.redis.directory().join("late.db");
    let count = |what: &str| {
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
        connection.query_row(what, [], |row| row.get::<_, i64>(0)).expect("a number")
    };
    let deadline = Instant::now() + PATIENCE;
    while count("SELECT count(*) FROM address_bans") == 0 {
        assert!(Instant::now() < deadline, "no ban is in the archive");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(count("SELECT count(*) FROM address_bans"), 1, "the other one was lifted");
    assert_eq!(count("SELECT count(*) FROM audit WHERE who = 'root' AND what LIKE 'banned %'"), 1);
    assert_eq!(count("SELECT count(*) FROM audit WHERE who = 'rita' AND what LIKE 'unbanned %'"), 1);
}
