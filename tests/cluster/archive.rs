//! A server with both `[storage]` and `[cluster]` is an archive. It stores each message exactly once, even if it is
//! killed, and erases what was deleted.

#![cfg(feature = "storage")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::nodes::{Cluster, Node, Options, ask_until};
use crate::support::home::{PASSWORD, prove, register, try_login};
use crate::support::json::Bot;
use crate::support::redis::Redis;
use crate::support::{Client, PATIENCE};

/// The configuration of a server's database.
fn storage(name: &str) -> String {
    format!("[storage]\npath = \"{name}.db\"")
}

fn database(cluster: &Cluster, name: &str) -> PathBuf {
    cluster.redis.directory().join(format!("{name}.db"))
}

/// The messages in a database, by number. `None` while it cannot be read.
fn stored(path: &Path) -> Option<BTreeMap<u64, String>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    connection.busy_timeout(PATIENCE).ok()?;
    let mut query =
        connection.prepare("SELECT m.id, t.data FROM messages m JOIN texts t ON t.slot = m.text ORDER BY m.id").ok()?;
    let rows = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).ok()?;
    let mut all = BTreeMap::new();
    for row in rows {
        let (id, text) = row.ok()?;
        let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
        assert_eq!(all.insert(id.unsigned_abs(), text), None, "#{id} is there twice");
    }
    Some(all)
}

/// Waits until the messages in a database are as expected.
#[track_caller]
fn wait_stored(path: &Path, what: &str, is_right: impl Fn(&BTreeMap<u64, String>) -> bool) -> BTreeMap<u64, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = stored(path);
        if let Some(all) = found.as_ref().filter(|all| is_right(all)) {
            return all.clone();
        }
        assert!(Instant::now() < deadline, "{what} does not come to be in {}: {found:?}", path.display());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn has(text: &str) -> impl Fn(&BTreeMap<u64, String>) -> bool {
    move |all| all.values().any(|known| known == text)
}

/// Sends numbered lines, and waits until they are posted.
fn talk(client: &mut Client, lines: std::ops::Range<usize>) {
    for number in lines {
        client.send(&format!("line {number}."));
    }
    client.settle();
}

/// The file of a database that contains a text, if there is one.
fn is_anywhere(path: &Path, text: &str) -> Option<PathBuf> {
    ["", "-wal", "-shm", "-journal"].iter().find_map(|ending| {
        let path = PathBuf::from(format!("{}{ending}", path.display()));
        let bytes = std::fs::read(&path).ok()?;
        bytes.windows(text.len()).any(|part| part == text.as_bytes()).then_some(path)
    })
}

#[test]
fn an_archive_killed_at_any_moment_ends_up_with_each_message_once() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    let mut next = 0;
    for round in 0..6 {
        talk(&mut bob, next..next + 40);
        next += 40;
        if round % 2 == 0 {
            // In even rounds, the archive has stored some of the lines when it is killed; in odd rounds, perhaps none.
            wait_stored(&file, "some of it", |all| all.len() > next - 40);
        }
        archive.kill();
        talk(&mut bob, next..next + 30);
        next += 30;
        archive = cluster.launch("archive", &storage("one"));
    }
    bob.send("the end");
    let all = wait_stored(&file, "the end", has("the end"));
    let expected: Vec<_> = (0..next).map(|number| format!("line {number}.")).chain(["the end".to_owned()]).collect();
    assert_eq!(all.into_values().collect::<Vec<_>>(), expected);
    cluster.nodes.push(archive);
}

#[test]
fn two_archives_are_equal_and_a_later_one_is_filled_from_redis() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let first = cluster.launch("first", &storage("first"));
    let second = cluster.launch("second", &storage("second"));
    let mut bob = first.chat("bob", "general");
    let mut alice = second.chat("alice", "general");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    talk(&mut bob, 0..50);
    talk(&mut alice, 50..100);
    bob.send("a misteak");
    bob.send("/edit a mistake");
    carol.send("taken back");
    carol.send("/delete");
    carol.send("/temp 1 gone soon");
    bob.expect("expired");
    carol.send("the end");
    let one = wait_stored(&database(&cluster, "first"), "the end", has("the end"));
    let other = wait_stored(&database(&cluster, "second"), "the end", has("the end"));
    assert_eq!(one, other);
    assert_eq!(one.len(), 102, "{one:?}");
    assert!(has("a mistake")(&one) && !has("a misteak")(&one), "{one:?}");
    let late = cluster.launch("late", &storage("late"));
    let later = wait_stored(&database(&cluster, "late"), "the end", has("the end"));
    assert_eq!(later, one);
    drop((first, second, late));
}

#[test]
fn no_file_of_the_archive_contains_an_erased_text() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    bob.send("the first secret word: xylophone");
    bob.send("the second secret word: quagmire");
    bob.send("stays");
    wait_stored(&file, "all three", has("stays"));
    bob.send("/history");
    let seen = bob.expect("stays");
    let number = |text: &str| {
        let line = seen.lines().find(|line| line.contains(text)).expect("a line");
        line.split_once('#').and_then(|(_, rest)| rest.split(' ').next()).expect("a number").to_owned()
    };
    bob.send(&format!("/delete {}", number("xylophone")));
    bob.send(&format!("/edit {} something else", number("quagmire")));
    wait_stored(&file, "the changes", |all| has("something else")(all) && all.len() == 2);
    let gone = |text: &str| {
        let deadline = Instant::now() + PATIENCE;
        while let Some(found) = is_anywhere(&file, text) {
            assert!(Instant::now() < deadline, "{text} is still in {}", found.display());
            std::thread::park_timeout(Duration::from_millis(50));
        }
    };
    gone("xylophone");
    gone("quagmire");
    // A text that was deleted while the archive was down is erased when it is back.
    bob.send("the third secret word: zeppelin");
    wait_stored(&file, "the third", has("the third secret word: zeppelin"));
    archive.kill();
    bob.send("/delete");
    bob.expect("deleted by bob");
    archive = cluster.launch("archive", &storage("one"));
    wait_stored(&file, "the third deletion", |all| all.len() == 2);
    gone("zeppelin");
    cluster.nodes.push(archive);
}

#[test]
fn an_archive_stops_at_once_and_has_the_last_messages() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let mut bob = cluster.nodes[0].chat("bob", "general");
    talk(&mut bob, 0..20);
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
    let all = stored(&database(&cluster, "one")).expect("a database");
    assert_eq!(all.len(), 20, "{all:?}");
}

#[test]
fn rooms_that_are_not_kept_leave_nothing_in_the_archive() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].login("bob");
    bob.send(":create den");
    bob.expect("you are its admin");
    bob.send(":chat");
    bob.expect("den | ");
    bob.send("said between us");
    bob.settle();
    let mut carol = cluster.nodes[0].chat("carol", "general");
    carol.send("said to everybody");
    let all = wait_stored(&file, "the public line", has("said to everybody"));
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(is_anywhere(&file, "said between us"), None);
    bob.send("/msg carol a secret");
    carol.expect("a secret");
    carol.send("the end");
    wait_stored(&file, "the end", has("the end"));
    assert_eq!(is_anywhere(&file, "a secret"), None);
    cluster.nodes.push(archive);
}

#[test]
fn a_server_without_storage_reads_and_finds_older_messages() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let mut bob = cluster.nodes[0].chat("bob", "general");
    let mut carol = cluster.nodes[0].connect();
    carol.expect("Username: ");
    carol.send("carol");
    carol.expect("are stored without a time limit");
    talk(&mut bob, 0..240);
    wait_stored(&database(&cluster, "one"), "the lines", has("line 239."));
    // Both servers have only the newest messages in memory.
    let mut alice = archive.chat("alice", "general");
    for client in [&mut bob, &mut alice] {
        let deadline = Instant::now() + PATIENCE;
        loop {
            client.send("/history 235");
            let seen = client.expect("line 239.");
            let shown: Vec<_> = seen.lines().filter(|line| line.contains("] #")).collect();
            if shown.len() == 235 && shown[0].contains("line 5.") {
                break;
            }
            // On a busy machine, the archive may take longer than the two seconds it has.
            assert!(seen.contains("! Older messages are not at hand right now."), "{} of them: {seen:?}", shown.len());
            assert!(Instant::now() < deadline, "the archive never answers");
        }
        client.send("/search line 7\\.");
        client.expect("general bob: >line 7.<");
        client.settle();
        client.send("/search line 777");
        client.expect("Nothing found where you may read.");
    }
    archive.kill();
    bob.send("/history 235");
    bob.expect("! Older messages are not at hand right now.");
    bob.expect("line 239.");
    bob.send("/search line 7\\.");
    bob.expect("! Older messages are not at hand right now.");
    archive = cluster.launch("archive", &storage("one"));
    ask_until(&mut bob, "/search line 7\\.", ">line 7.<");
    cluster.nodes.push(archive);
}

/// The numbers in those lines of an answer that show a message.
fn lines_of(seen: &str) -> Vec<usize> {
    let shown = seen.lines().filter(|line| line.contains("] #"));
    let number = |line: &str| line.split_once("line ")?.1.split_once('.')?.0.parse().ok();
    shown.filter_map(number).collect()
}

const LATE: &str = "Older messages are not at hand right now.";

#[test]
fn what_the_archive_has_not_stored_yet_is_never_left_out_silently() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "history_max = 30\nchatview_max = 10", ..Options::default() };
    let mut cluster = Cluster::with(redis, 1, "", options).expect("a cluster");
    let archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    let mut alice = archive.chat("alice", "general");
    let bots = [(&cluster.nodes[0], "robo"), (&archive, "dobo")];
    let mut bots = bots.map(|(node, name)| Bot::in_room(node.address(), name, "general"));
    talk(&mut bob, 0..20);
    wait_stored(&file, "the first lines", has("line 19."));
    // The disk takes no more.
    let disk = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    disk.busy_timeout(PATIENCE).expect("a timeout");
    disk.execute_batch("BEGIN IMMEDIATE").expect("locked");
    talk(&mut bob, 20..80);
    alice.expect("line 79.");
    let newest: Vec<_> = (50..80).collect();
    for client in [&mut bob, &mut alice] {
        client.send("/history 70");
        let seen = client.settle();
        assert_eq!((seen.contains(&format!("! {LATE}")), lines_of(&seen)), (true, newest.clone()), "{seen}");
        client.send("/search line 45\\.");
        client.expect(LATE);
        // It was said, so it is not denied that it was.
        client.send("/reply 1 yes");
        client.expect(LATE);
        client.settle();
    }
    let history = json!({"action": "history", "receiver": "general", "optional": {"limit": 70}});
    let texts = |items: &[Value]| -> Vec<String> {
        items.iter().filter_map(|item| Some(item["content"].as_str()?.to_owned())).collect()
    };
    let expected = |from: usize| (from..80).map(|number| format!("line {number}.")).collect::<Vec<_>>();
    for bot in &mut bots {
        let answer = bot.ask(history.clone());
        assert_eq!(texts(&answer.items), expected(50), "{answer:?}");
        assert_eq!((answer.code(), answer.content()), ("refused", LATE), "{answer:?}");
    }
    disk.execute_batch("ROLLBACK").expect("unlocked");
    drop(disk);
    let all: Vec<_> = (10..80).collect();
    for client in [&mut bob, &mut alice] {
        let deadline = Instant::now() + PATIENCE;
        loop {
            client.send("/history 70");
            let seen = client.settle();
            if lines_of(&seen) == all {
                break;
            }
            assert!(seen.contains(LATE) && Instant::now() < deadline, "{seen}");
        }
    }
    for bot in &mut bots {
        let deadline = Instant::now() + PATIENCE;
        while texts(&bot.ask(history.clone()).items) != expected(10) {
            assert!(Instant::now() < deadline, "the archive never answers");
        }
    }
    cluster.nodes.push(archive);
}

#[test]
fn a_history_has_no_gap_when_messages_leave_memory_while_the_archive_is_asked() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "history_max = 30\nchatview_max = 10", ..Options::default() };
    let mut cluster = Cluster::with(redis, 1, "", options).expect("a cluster");
    let archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    let mut alice = archive.chat("alice", "general");
    talk(&mut bob, 0..60);
    wait_stored(&file, "the first lines", has("line 59."));
    let disk = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    disk.busy_timeout(PATIENCE).expect("a timeout");
    disk.execute_batch("BEGIN IMMEDIATE").expect("locked");
    talk(&mut bob, 60..65);
    for client in [&mut alice, &mut carol] {
        client.send("/history 50");
    }
    talk(&mut bob, 65..100);
    disk.execute_batch("ROLLBACK").expect("unlocked");
    for client in [&mut alice, &mut carol] {
        let seen = client.settle();
        let shown = lines_of(&seen);
        // Before it, they have seen the lines live.
        let begin = shown.windows(2).position(|pair| pair[1] < pair[0]).expect("a history") + 1;
        let is_whole = shown[begin..].windows(2).all(|pair| pair[1] == pair[0] + 1) && shown.last() == Some(&99);
        assert!(is_whole || seen.contains(LATE), "{:?}: {seen}", &shown[begin..]);
    }
    cluster.nodes.push(archive);
}

#[test]
fn a_standalone_servers_database_is_not_an_archive() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    let archive = cluster.launch("archive", &storage("one"));
    let mut bob = archive.chat("bob", "general");
    bob.send("said in the cluster");
    wait_stored(&database(&cluster, "one"), "the line", has("said in the cluster"));
    drop(archive);
    // A standalone server opens the file and makes it its own.
    let alone = cluster.redis.directory().join("alone.toml");
    std::fs::write(&alone, "listen = [\"127.0.0.1:0\"]\n[storage]\npath = \"one.db\"\nhistory = true").expect("a file");
    let mut program = crate::support::Program::command(&["--config", "alone.toml"]);
    let mut child = program
        .current_dir(cluster.redis.directory())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("stdout")));
    lines
        .find(|line| line.as_ref().is_ok_and(|line| line.starts_with("listening")))
        .expect("it listens")
        .expect("text");
    child.kill().expect("killed");
    child.wait().expect("waited");
    let (status, text) = cluster.launch_in_vain("archive", &storage("one"));
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("holds what a server stored by itself"), "{text}");
}

#[test]
fn a_gap_in_the_log_is_filled_from_the_history_or_reported() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "history_max = 30\nchatview_max = 10", ..Options::default() };
    let mut cluster = Cluster::with(redis, 1, "", options).expect("a cluster");
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    talk(&mut bob, 0..20);
    wait_stored(&file, "the first lines", has("line 19."));
    archive.kill();
    bob.send("/delete");
    bob.expect("was deleted by bob");
    talk(&mut bob, 20..60);
    for partition in 0..4 {
        cluster.redis.ask(&["XTRIM", &format!("chatsock:{{p0{partition}}}log"), "MAXLEN", "0"]);
    }
    bob.send("the end");
    bob.settle();
    archive = cluster.launch("archive", &storage("one"));
    let all = wait_stored(&file, "the end", |all| has("the end")(all) && !has("line 19.")(all));
    let texts: Vec<_> = all.into_values().collect();
    let known = (0..19).chain(31..60).map(|number| format!("line {number}."));
    assert_eq!(texts, known.chain(["the end".to_owned()]).collect::<Vec<_>>());
    assert!(archive.log().contains("are in neither log nor history"), "{}", archive.log());
    cluster.nodes.push(archive);
}

#[test]
fn an_archive_killed_during_its_first_copy_erases_later_deletions() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "history_max = 30\nchatview_max = 10", ..Options::default() };
    let mut cluster = Cluster::with(redis, 1, "", options).expect("a cluster");
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut bob = cluster.nodes[0].chat("bob", "general");
    talk(&mut bob, 0..20);
    wait_stored(&file, "the lines", has("line 19."));
    archive.kill();
    // Restores the state in the middle of the first copy: it has messages, but has read no log.
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    connection.execute("UPDATE meta SET value = 0 WHERE key GLOB 'log_*'", []).expect("changed");
    drop(connection);
    bob.send("/delete");
    bob.expect("was deleted by bob");
    // More lines push the deleted one out of the history, too.
    talk(&mut bob, 20..60);
    archive = cluster.launch("archive", &storage("one"));
    wait_stored(&file, "the deletion", |all| has("line 18.")(all) && !has("line 19.")(all));
    cluster.nodes.push(archive);
}

#[test]
fn a_kept_room_outlives_the_cluster_and_a_removed_account_leaves_nothing() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut alice = cluster.nodes[0].login("alice");
    alice.send(":create attic");
    alice.expect("you are its admin");
    alice.send(":set keep on");
    alice.expect("! Only an admin with an account can keep a room");
    register(&mut alice, PASSWORD);
    alice.send(":chat");
    alice.expect("attic | ");
    alice.send("said before it was kept");
    alice.send("/set keep on");
    alice.expect("keep");
    alice.send("said since");
    alice.send("/set description things of old");
    alice.send("/ban mallory spam");
    alice.expect("mallory was banned");
    let all = wait_stored(&file, "the room", has("said since"));
    assert_eq!(all.len(), 2, "{all:?}");
    alice.send("/quit");
    alice.expect("Goodbye");
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
    cluster.nodes.clear();
    let node = cluster.launch("n0", "");
    let mut archive = cluster.launch("archive", &storage("one"));
    let mut mallory = node.login("mallory");
    ask_until(&mut mallory, ":rooms", "attic");
    mallory.send(":join attic");
    mallory.expect("! You are banned from attic");
    let mut alice = try_login(archive.address(), "alice", PASSWORD);
    alice.expect("* Hello alice. ");
    alice.send(":join attic");
    alice.send(":set");
    alice.expect("things of old");
    alice.expect("keep          on");
    let count = |what: &str| {
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
        connection.query_row(what, [], |row| row.get::<_, i64>(0)).expect("a number")
    };
    for what in [
        "SELECT count(*) FROM rooms WHERE folded = 'attic' AND made_by = 'alice' AND description = 'things of old'",
        "SELECT count(*) FROM admins WHERE name = 'alice' AND account = (SELECT id FROM accounts WHERE folded = 'alice')",
        "SELECT count(*) FROM bans WHERE name = 'mallory' AND reason = 'spam'",
        "SELECT count(*) FROM members",
    ] {
        let deadline = Instant::now() + PATIENCE;
        while count(what) != 1 {
            assert!(Instant::now() < deadline, "{what} gives {}", count(what));
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
    let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    let hash: String = connection.query_row("SELECT hash FROM accounts", [], |row| row.get(0)).expect("a hash");
    drop(connection);
    prove(&mut alice, ":unregister", PASSWORD);
    alice.expect("* Account alice deleted.");
    let deadline = Instant::now() + PATIENCE;
    while count("SELECT count(*) FROM accounts") > 0 || is_anywhere(&file, &hash).is_some() {
        assert!(Instant::now() < deadline, "the account stays");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
    cluster.nodes.push(node);
}

#[test]
fn actions_of_operators_on_other_servers_are_archived() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "operators = [\"root\"]", ..Options::default() };
    let mut cluster = Cluster::with(redis, 1, "", options).expect("a cluster");
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut root = cluster.nodes[0].login("root");
    register(&mut root, PASSWORD);
    root.send(":quit");
    root.expect_end();
    let log_in = |node: &crate::nodes::Node| {
        let mut root = try_login(node.address(), "root", PASSWORD);
        root.expect("* Hello root. ");
        root.settle();
        root
    };
    let mut root = log_in(&cluster.nodes[0]);
    let ban = |client: &mut Client, what: &str| {
        client.send(&format!(":banip {what}"));
        client.expect("is banned");
    };
    ban(&mut root, "192.0.2.0/24 spam");
    ban(&mut root, "198.51.100.7 1h flood");
    ban(&mut root, "203.0.113.9");
    root.send(":unbanip 203.0.113.9");
    root.expect("no longer banned");
    root.send(":broadcast tea is ready");
    root.expect("tea is ready");
    let texts = |query: &str| -> Vec<String> {
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
        connection.busy_timeout(PATIENCE).expect("a timeout");
        let mut query = connection.prepare(query).expect("a query");
        let rows = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.map(|row| row.expect("a text")).collect()
    };
    let until = |query: &str, right: &dyn Fn(&[String]) -> bool| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = texts(query);
            if right(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{query} has {found:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    };
    const BANS: &str = "SELECT network || ' ' || reason FROM address_bans ORDER BY network";
    const AUDIT: &str = "SELECT who || ': ' || what FROM audit ORDER BY id";
    until(BANS, &|bans| {
        *bans == ["192.0.2.0/24 spam", "198.51.100.7/32 flood"] || *bans == ["192.0.2.0/24 spam", "198.51.100.7 flood"]
    });
    let audit = until(AUDIT, &|audit| audit.last().is_some_and(|last| last.contains("broadcast")));
    assert!(audit.iter().any(|line| line.contains("unbanned 203.0.113.9")), "{audit:?}");
    // An action taken while the archive was down is archived once, when it is back.
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0));
    ban(&mut root, "2001:db8::/32");
    archive = cluster.launch("archive", &storage("one"));
    until(BANS, &|bans| bans.len() == 3);
    let later = until(AUDIT, &|audit| audit.last().is_some_and(|last| last.contains("2001:db8::/32")));
    assert_eq!(later.len(), audit.len() + 1, "{later:?}");
    // On the archive itself, an operator can read all of them.
    let mut there = log_in_after(&archive, root);
    there.send(":audit");
    there.expect("root: banned 2001:db8::/32");
    there.send(":banip");
    there.expect("* 192.0.2.0/24 ");
    there.expect("* 2001:db8::/32 ");
    cluster.nodes.push(archive);
}

/// Logs the operator out, and in on another server.
fn log_in_after(node: &crate::nodes::Node, mut root: Client) -> Client {
    root.send(":quit");
    root.expect_end();
    let mut root = try_login(node.address(), "root", PASSWORD);
    root.expect("* Hello root. ");
    root.settle();
    root
}

#[test]
fn users_and_operators_learn_that_redis_has_lost_all_accounts() {
    const LOST: &str = "All accounts are lost: until an administrator restores them, anybody can take any name.";
    const STORED: &str = "are stored without a time limit";
    let Some(mut cluster) = Cluster::start(1, "timeout_ms = 300") else { return };
    let archive = cluster.launch("archive", &storage("one"));
    let mut alice = cluster.nodes[0].chat("alice", "general");
    register(&mut alice, PASSWORD);
    alice.send("said before");
    wait_stored(&database(&cluster, "one"), "the line", has("said before"));
    cluster.redis.kill();
    cluster.redis.start_again();
    alice.expect("* This room has lost its history.");
    let deadline = Instant::now() + PATIENCE;
    let greeted = |node: &Node, name: &str| {
        let mut newcomer = node.connect();
        newcomer.expect("Username: ");
        newcomer.send(name);
        newcomer.settle()
    };
    // On every server; and they still know that there is an archive.
    for (node, name) in [(&archive, "bob"), (&cluster.nodes[0], "carol")] {
        for attempt in 0.. {
            let seen = greeted(node, &format!("{name}{attempt}"));
            if seen.contains(LOST) && seen.contains(STORED) {
                break;
            }
            assert!(Instant::now() < deadline, "{seen}");
        }
    }
    let log = archive.log();
    assert!(log.contains("archive: Redis has lost all accounts (1 are stored here)"), "{log}");
    // The account of the next one who registers is not lost.
    let mut dora = cluster.nodes[0].login("dora");
    register(&mut dora, PASSWORD);
    for attempt in 0.. {
        let seen = greeted(&cluster.nodes[0], &format!("eve{attempt}"));
        if seen.contains(STORED) && !seen.contains(LOST) {
            break;
        }
        assert!(Instant::now() < deadline, "{seen}");
    }
    cluster.nodes.push(archive);
}

#[test]
fn a_new_account_after_redis_lost_everything_does_not_replace_an_archived_one() {
    let Some(mut cluster) = Cluster::start(0, "") else { return };
    let mut archive = cluster.launch("archive", &storage("one"));
    let file = database(&cluster, "one");
    let mut alice = archive.chat("alice", "general");
    register(&mut alice, PASSWORD);
    alice.send("said before");
    let before = wait_stored(&file, "the line", has("said before"));
    alice.send("/quit");
    alice.expect("Goodbye");
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
    cluster.redis.ask(&["FLUSHALL"]);
    cluster.redis.kill();
    cluster.redis.start_again();
    let mut archive = cluster.launch("archive", &storage("one"));
    let mut eve = archive.chat("eve", "general");
    register(&mut eve, PASSWORD);
    eve.send("said since");
    let all = wait_stored(&file, "the line", has("said since"));
    assert!(before.iter().all(|(id, text)| all.get(id) == Some(text)), "{before:?} {all:?}");
    let accounts = || {
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
        let mut query = connection.prepare("SELECT folded FROM accounts ORDER BY id").expect("a query");
        let names = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        names.collect::<Result<Vec<_>, _>>().expect("names")
    };
    let deadline = Instant::now() + PATIENCE;
    while accounts() != ["alice", "eve"] {
        assert!(Instant::now() < deadline, "{:?}", accounts());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
}
