//! Servers over a Redis Cluster: the logs are on several Redis servers, and one of those fails.

use crate::failures::say_until_seen;
use crate::losses::wait_until_followed;
use crate::nodes::{Cluster, ask_until};
use crate::support::redis::{Redis, RedisCluster, Sentinel};

/// Starts servers over a Redis Cluster. Its first Redis belongs to the returned [`Cluster`], the others to the
/// [`RedisCluster`].
fn start(count: usize) -> Option<(Cluster, RedisCluster)> {
    let mut redis = RedisCluster::start()?;
    let url = redis.url();
    let first = redis.all.remove(0);
    Some((Cluster::at(url, first, count, ""), redis))
}

#[test]
fn servers_share_rooms_names_and_messages_over_a_redis_cluster() {
    let Some((mut cluster, redis)) = start(2) else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    for number in 0..20 {
        bob.send(&format!("line {number}."));
        alice.expect(&format!("bob: line {number}."));
    }
    let mut other = cluster.nodes[1].connect();
    other.expect("Username: ");
    other.send("ALICE");
    other.expect("is taken");
    // Enough rooms that each of the three Redis servers has a log.
    let rooms = ["attic", "cellar", "den", "kitchen", "loft", "porch", "study", "yard"];
    let (mut carol, mut dave) = (cluster.nodes[0].login("carol"), cluster.nodes[1].login("dave"));
    for room in rooms {
        carol.send(&format!(":create {room}"));
        carol.expect("you are its admin");
        ask_until(&mut dave, ":rooms", room);
        dave.send(&format!(":join {room}"));
        dave.settle();
        dave.send(&format!(":say in {room}"));
        dave.settle();
        ask_until(&mut carol, ":history", &format!("dave: in {room}"));
    }
    alice.send("/msg bob between us");
    bob.expect("alice -> you: between us");
    carol.send(":ban dave");
    carol.expect("dave was banned");
    dave.expect("banned");
    let log = cluster.nodes[0].log();
    let places: Vec<_> = redis.all.iter().take(2).map(|redis| redis.address().to_string()).collect();
    assert!(places.iter().all(|place| log.contains(place)), "{places:?}: {log}");
    for one in redis.all.iter().take(2).chain([&cluster.redis]) {
        let keys = one.ask(&["DBSIZE"]);
        assert!(!keys.contains("(integer) 0"), "a Redis without keys");
    }
    cluster.nodes[1].kill();
    alice.expect("* bob left (their server is gone)");
}

#[test]
fn when_a_redis_of_a_cluster_dies_its_replica_takes_over_and_no_line_is_repeated() {
    let Some((cluster, mut redis)) = start(2) else { return };
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before the end");
    alice.expect("bob: before the end");
    // Data that the replica does not have yet would be lost, and reported as lost.
    wait_until_followed(&redis.all[0], &redis.all[3]);
    // The second of the three has the directory (CLUSTER KEYSLOT {dir} is 10444).
    redis.all[0].kill();
    // Lines are refused or wait until the replica has taken over.
    let mut said = 0;
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        said += 1;
        bob.send(&format!("attempt {said}."));
        // By then, the line is posted or refused.
        bob.settle();
        let seen = alice.settle();
        if seen.contains(&format!("bob: attempt {said}.")) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{said}: {seen:?}\n{}", cluster.nodes[1].log());
    }
    alice.send("after the end");
    bob.expect("alice: after the end");
    alice.send("/history 50");
    let seen = alice.settle();
    for number in 1..=said {
        assert!(seen.matches(&format!("bob: attempt {number}.")).count() <= 1, "{seen:?}");
    }
    assert!(seen.contains("bob: before the end") && seen.contains(&format!("bob: attempt {said}.")), "{seen:?}");
    let states = redis.all[3].told(&["INFO", "replication"]);
    assert!(states.contains("role:master"), "{states}");
    let mut carol = cluster.nodes[1].login("carol");
    carol.send(":join general");
    alice.expect("* carol joined");
}

/// Moves a hash slot with its keys, as `redis-cli --cluster reshard` does.
fn move_slot(slot: u16, from: &Redis, to: &Redis) {
    let (slot, [source, target]) = (slot.to_string(), [from, to].map(|redis| redis.told(&["CLUSTER", "MYID"])));
    assert_eq!(to.told(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]), "OK");
    assert_eq!(from.told(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]), "OK");
    let words = ["CLUSTER", "GETKEYSINSLOT", &slot, "100000"].map(str::as_bytes);
    let keys = from.command(&words);
    assert!(!keys.is_empty(), "nothing is in slot {slot}");
    let port = to.address().port().to_string();
    let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
    migrate.extend(keys.iter().map(String::as_str));
    assert_eq!(from.told(&migrate), "OK");
    for redis in [to, from] {
        assert_eq!(redis.told(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]), "OK");
    }
}

#[test]
fn a_log_whose_slot_moves_to_another_redis_is_followed() {
    let Some((cluster, redis)) = start(2) else { return };
    let (mut alice, mut bob) = (cluster.nodes[0].login("alice"), cluster.nodes[1].login("bob"));
    // Enough rooms that each of the four partitions has one.
    let rooms = ["attic", "cellar", "den", "kitchen", "loft", "porch", "study", "yard"];
    for room in rooms {
        alice.send(&format!(":create {room}"));
        alice.expect("you are its admin");
        ask_until(&mut bob, ":rooms", room);
        bob.send(&format!(":join {room}"));
        bob.send(&format!(":say before in {room}"));
        bob.settle();
    }
    // CLUSTER KEYSLOT {p02} is 2956.
    move_slot(2956, &cluster.redis, &redis.all[1]);
    for room in rooms {
        bob.send(&format!(":join {room}"));
        bob.send(&format!(":say after in {room}"));
        bob.settle();
        alice.send(&format!(":join {room}"));
        ask_until(&mut alice, ":history", &format!("bob: after in {room}"));
        alice.send(":history");
        let seen = alice.settle();
        for text in ["before", "after"] {
            assert_eq!(seen.matches(&format!("bob: {text} in {room}")).count(), 1, "{seen:?}");
        }
    }
    let left = cluster.redis.told(&["CLUSTER", "COUNTKEYSINSLOT", "2956"]);
    assert_eq!(left, "0");
}

/// Two Redis servers, the second of which follows the first, and a Sentinel that watches them.
fn watched() -> Option<(Redis, Redis, Sentinel)> {
    let first = Redis::start()?;
    let port = first.address().port().to_string();
    let second = Redis::with(&["--appendonly", "no", "--save", "", "--replicaof", "127.0.0.1", &port])?;
    let sentinel = Sentinel::watch(&first, 1);
    Some((first, second, sentinel))
}

#[test]
fn servers_follow_the_replica_that_a_sentinel_puts_in_charge() {
    let Some((first, second, sentinel)) = watched() else { return };
    let mut cluster = Cluster::at(sentinel.url(), first, 2, "timeout_ms = 300");
    let mut alice = cluster.nodes[0].chat("alice", "general");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    alice.expect("* bob joined");
    bob.send("before the end");
    alice.expect("bob: before the end");
    wait_until_followed(&cluster.redis, &second);
    cluster.redis.kill();
    say_until_seen(&mut bob, &mut alice, "after the end");
    say_until_seen(&mut alice, &mut bob, "and back");
    bob.send("/history 50");
    let seen = bob.settle();
    assert_eq!(seen.matches("bob: before the end").count(), 1, "{seen:?}");
    assert!(second.told(&["INFO", "replication"]).contains("role:master"));
}

#[cfg(feature = "storage")]
fn import_and_change(url: String, redis: Redis) {
    use crate::import::{chatsock, fill_alone, import, stop, write};
    let directory = redis.directory().to_owned();
    write(&directory.join("cluster.toml"), &format!("[cluster]\nredis = \"{url}\"\npartitions = 4\n"));
    stop(fill_alone(&directory));
    let (status, text) = import(&directory, "alone.db");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("2 accounts") && text.contains("1 kept room"), "{text}");
    let (status, text) = import(&directory, "alone.db");
    assert!(status == Some(2) && text.contains("is not empty"), "{status:?} {text}");
    let user = |words: &[&str], typed: &str| {
        let mut child = chatsock(&directory, &[&["user"], words, &["--config", "cluster.toml"]].concat())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), typed.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {text}");
        text
    };
    user(&["add", "dora"], "battery staple\n");
    user(&["remove", "bob"], "");
    let cluster = Cluster::at(url, redis, 1, "");
    let login = |name: &str, password: &str| {
        crate::support::home::try_login(cluster.nodes[0].address(), name, password)
            .expect(&format!("* Hello {name}. "));
    };
    login("alice", "open sesame");
    login("dora", "battery staple");
    user(&["passwd", "dora"], "correct horse\n");
    login("dora", "correct horse");
    let list = user(&["list"], "");
    assert!(list.contains("alice") && list.contains("dora") && !list.contains("bob"), "{list}");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    carol.send("/history 1");
    carol.expect("carol: line 209.");
    ask_until(&mut carol, "/rooms", "attic");
}

#[cfg(feature = "storage")]
#[test]
fn an_import_and_the_users_of_a_redis_cluster_work_as_with_one_redis() {
    let Some(mut redis) = RedisCluster::start() else { return };
    let url = redis.url();
    let first = redis.all.remove(0);
    import_and_change(url, first);
}

#[cfg(feature = "storage")]
#[test]
fn an_import_and_the_users_behind_a_sentinel_work_as_with_one_redis() {
    let Some((first, _second, sentinel)) = watched() else { return };
    import_and_change(sentinel.url(), first);
}
