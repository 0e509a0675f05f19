//! `chatsock cluster import`: from one server to several, and from an archive back into an empty Redis.

#![cfg(feature = "storage")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::nodes::{Cluster, ask_until};
use crate::support::Client;
use crate::support::home::try_login;
use crate::support::redis::Redis;

pub fn chatsock(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatsock"));
    command.args(arguments).current_dir(directory).stderr(Stdio::piped()).stdout(Stdio::piped()).stdin(Stdio::null());
    command
}

/// Starts a standalone server in a directory.
fn start_alone(directory: &Path) -> (Child, SocketAddr) {
    let mut child = chatsock(directory, &["--config", "alone.toml"]).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines().map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("listening on ")).expect("it listens");
    let address = line.split(' ').nth(2).expect("an address").parse().expect("an address");
    (child, address)
}

pub fn stop(mut child: Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    assert_eq!(child.wait().expect("waited").code(), Some(0));
}

pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

pub fn import(directory: &Path, file: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        chatsock(directory, &["cluster", "import", file, "--config", "cluster.toml"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code(), text)
}

/// Starts a standalone server, and creates two accounts, a kept room and messages on it.
pub fn fill_alone(directory: &Path) -> Child {
    let common = "listen = [\"127.0.0.1:0\"]\nquick_listen = []\nexit_code = false\nshutdown_delay = 0\n[limits]\n\
                  messages_per_second = 0\nexempt = [\"127.0.0.0/8\"]\n";
    write(&directory.join("alone.toml"), &format!("{common}[storage]\npath = \"alone.db\"\nhistory = true\n"));
    let add = |name: &str| {
        let mut child = chatsock(directory, &["user", "add", name, "--config", "alone.toml"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("stdin").write_all(b"open sesame\n").expect("written");
        assert!(child.wait().expect("waited").success());
    };
    add("alice");
    add("bob");
    let (child, address) = start_alone(directory);
    let mut alice = Client::connect(address);
    alice.expect("Username: ");
    alice.send("alice");
    alice.expect("Password: ");
    alice.send("open sesame");
    alice.expect("* Hello alice");
    alice.send(":create attic");
    alice.expect("you are its admin");
    alice.send(":set keep on");
    alice.expect("keep");
    alice.send(":chat");
    alice.expect("attic | ");
    alice.send("said in the attic");
    alice.settle();
    alice.send("/ban mallory spam");
    alice.expect("mallory was banned");
    let mut carol = Client::chat(address, "carol", "general");
    for number in 0..210 {
        carol.send(&format!("line {number}."));
    }
    carol.settle();
    carol.send("/msg bob read this tomorrow");
    carol.expect("bob");
    carol.send("/quit");
    alice.send("/quit");
    alice.expect("Goodbye");
    child
}

#[test]
fn a_standalone_servers_database_fills_an_empty_redis_once() {
    let Some(redis) = Redis::start() else { return };
    let directory = redis.directory().to_owned();
    write(
        &directory.join("cluster.toml"),
        &format!("[cluster]\nredis = \"redis://{}\"\npartitions = 4\n", redis.address()),
    );
    let child = fill_alone(&directory);
    let (status, text) = import(&directory, "alone.db");
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("alone.db is used by another server"), "{text}");
    stop(child);
    let copied = chatsock(&directory, &["backup", "copy.db", "--config", "alone.toml"]).output().expect("it runs");
    assert!(copied.status.success());
    write(
        &directory.join("no.db"),
        "this is no database, however long it may be, and so it is left as it is by everybody",
    );
    for (file, said) in [("no.db", "is not a chatsock database"), ("none.db", "none.db does not exist")] {
        let (status, text) = import(&directory, file);
        assert!(status == Some(2) && text.contains(said), "{file}: {status:?} {text}");
    }
    let (status, text) = import(&directory, "copy.db");
    assert_eq!(status, Some(0), "{text}");
    for line in
        ["2 accounts", "1 kept room", "201 messages of rooms", "1 message for an offline user", "0 address bans"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
    let (status, text) = import(&directory, "copy.db");
    assert!(status == Some(2) && text.contains("is not empty"), "{status:?} {text}");
    // The servers continue with this data. One of them may use the file itself as its archive, for the older messages
    // that Redis does not hold.
    let mut cluster = Cluster::over(redis, 1, "").expect("a cluster");
    let archive = cluster.launch("archive", "[storage]\npath = \"alone.db\"");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    carol.send("/history 208");
    let seen = carol.expect("line 209.");
    assert!(seen.contains("line 2.") && !seen.contains("line 1."), "{seen:?}");
    carol.send("and on");
    carol.send("/history 1");
    let line = carol.expect("carol: and on");
    let number: u64 = line
        .rsplit_once("] #")
        .and_then(|(_, rest)| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .expect("a number");
    assert!(number > 1_000_000, "{line:?}");
    ask_until(&mut carol, "/rooms", "attic");
    let mut mallory = cluster.nodes[0].login("mallory");
    mallory.send(":join attic");
    mallory.expect("! You are banned from attic");
    let mut alice = try_login(cluster.nodes[0].address(), "alice", "open sesame");
    alice.expect("* Hello alice. ");
    alice.send(":join attic");
    alice.send(":history");
    alice.expect("alice: said in the attic");
    alice.send(":unban mallory");
    alice.expect("mallory");
    let mut bob = try_login(cluster.nodes[0].address(), "bob", "open sesame");
    bob.expect("carol -> you: read this tomorrow");
    cluster.nodes.push(archive);
}

#[test]
fn an_archive_refills_a_redis_that_lost_everything() {
    let Some(mut cluster) = Cluster::start(1, "") else { return };
    let directory = cluster.redis.directory().to_owned();
    write(
        &directory.join("cluster.toml"),
        &format!("[cluster]\nredis = \"redis://{}\"\npartitions = 4\n", cluster.redis.address()),
    );
    let mut archive = cluster.launch("archive", "[storage]\npath = \"one.db\"");
    let mut carol = cluster.nodes[0].chat("carol", "general");
    carol.send("said before");
    carol.settle();
    archive.signal("TERM");
    assert_eq!(archive.wait(), Some(0), "{}", archive.log());
    cluster.nodes.clear();
    cluster.redis.kill();
    cluster.redis.start_again();
    let (status, text) = import(&directory, "one.db");
    assert!(status == Some(0) && text.contains("1 message of rooms"), "{status:?} {text}");
    let archive = cluster.launch("archive", "[storage]\npath = \"one.db\"");
    let mut dave = archive.chat("dave", "general");
    dave.send("/history");
    dave.expect("carol: said before");
    dave.send("said after");
    dave.send("/history");
    dave.expect("dave: said after");
    cluster.nodes.push(archive);
}
