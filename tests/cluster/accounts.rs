//! Accounts that several servers share, and their users' data.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::nodes::{Cluster, Node, Options, ask_until};
use crate::support::home::{ASKED, PASSWORD, give, knock, prove, register, try_login};
use crate::support::redis::Redis;
use crate::support::{Client, PATIENCE};

const BLOCKED: &str = "! Your account is blocked due to multiple login failures. Please try again later.";
const UNREACHABLE: &str = ": this server cannot reach the others right now.";
const NOBODY: &str = "! Nobody can log in right now: try again in a minute.";
const THROWN_OUT: &str = "! You were logged out from another connection of your account.";

/// Logs in to an account. Also returns everything the user sees before typing the next line.
#[track_caller]
fn log_in(node: &Node, name: &str) -> (Client, String) {
    let mut client = try_login(node.address(), name, PASSWORD);
    let greeting = format!("* Hello {name}. ");
    loop {
        let line = client.expect("\r\n");
        if line.contains(&greeting) {
            break;
        }
        // This server does not know yet that the user has left another one.
        if line.contains("Enter takes over") {
            client.send("");
        }
    }
    let told = client.settle();
    (client, told)
}

#[track_caller]
fn quit(mut client: Client) {
    client.send(":quit");
    client.expect_end();
}

/// Runs `chatsock user` with the password as its input. Returns its exit status and all output.
fn user(cluster: &Cluster, arguments: &[&str], password: &str) -> (Option<i32>, String) {
    let file = cluster.redis.directory().join("user.toml");
    let text = format!("[cluster]\nredis = \"redis://{}\"\npartitions = 4\n", cluster.redis.address());
    std::fs::write(&file, text).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_chatsock"))
        .arg("user")
        .args(arguments)
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that refuses at once reads nothing, and may have exited.
    let _ = child.stdin.take().expect("stdin").write_all(format!("{password}\n").as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

#[track_caller]
fn add(cluster: &Cluster, name: &str) {
    let (status, text) = user(cluster, &["add", name], PASSWORD);
    assert_eq!(status, Some(0), "{text}");
}

/// Servers that block an account for longer than the test runs.
fn patient(count: usize) -> Option<Cluster> {
    let options = Options { top: "login_block_seconds = 300", ..Options::default() };
    Cluster::with(Redis::start()?, count, "", options)
}

#[test]
fn an_account_and_its_settings_work_on_the_other_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    let mut bob = cluster.nodes[1].login("bob");
    let mut alice = cluster.nodes[0].login("alice");
    register(&mut alice, PASSWORD);
    ask_until(&mut bob, ":whois alice", "registered");
    alice.send(":ignore bob");
    alice.expect("You are now ignoring bob");
    quit(alice);
    let mut wrong = try_login(cluster.nodes[1].address(), "ALICE", "guess");
    wrong.expect("! Wrong name or password.");
    let (mut alice, _) = log_in(&cluster.nodes[1], "alice");
    alice.send(":ignore");
    alice.expect("bob");
    prove(&mut alice, ":passwd", PASSWORD);
    give(&mut alice, "battery staple");
    give(&mut alice, "battery staple");
    alice.expect("* Your password has been changed.");
    // The connection that made the change stays.
    ask_until(&mut bob, ":whois alice", "registered");
    quit(alice);
    let mut old = try_login(cluster.nodes[0].address(), "alice", PASSWORD);
    old.expect("! Wrong name or password.");
    let mut alice = try_login(cluster.nodes[0].address(), "alice", "battery staple");
    alice.expect("* Hello alice. ");
    prove(&mut alice, ":unregister", "battery staple");
    alice.expect("* Account alice deleted. The name is free once you leave.");
    ask_until(&mut bob, ":whois alice", "alice is alice");
    quit(alice);
    quit(cluster.nodes[1].login("alice"));
}

#[test]
fn guests_cannot_take_account_names_or_look_alikes_on_any_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    add(&cluster, "alice");
    for node in &cluster.nodes {
        let mut guest = knock(node.address());
        guest.send("aIice");
        guest.expect("looks like alice");
        guest.send("Alice");
        guest.expect(ASKED);
    }
}

#[test]
fn only_one_of_several_users_registers_a_name() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    for round in 0..3 {
        let name = format!("dora{round}");
        let mut dora = cluster.nodes[0].login(&name);
        dora.send(":register");
        give(&mut dora, PASSWORD);
        dora.expect("* Once more, to be sure.");
        dora.expect(ASKED);
        let added = thread::scope(|scope| {
            let added: Vec<_> =
                (0..2).map(|_| scope.spawn(|| user(&cluster, &["add", &name], PASSWORD).0 == Some(0))).collect();
            dora.send(PASSWORD);
            added.into_iter().filter(|_| true).map(|thread| thread.join().expect("no panic")).filter(|won| *won).count()
        });
        let answer = dora.settle();
        let registered = usize::from(answer.contains("is now registered to you"));
        assert_eq!(added + registered, 1, "round {round}: {added} added, {answer:?}");
    }
}

#[test]
fn wrong_passwords_on_one_server_block_the_name_on_the_other() {
    let Some(cluster) = patient(2) else { return };
    add(&cluster, "alice");
    for (attempt, node) in [0, 1, 0].into_iter().enumerate() {
        let mut guesser = try_login(cluster.nodes[node].address(), "alice", "guess");
        guesser.expect(if attempt < 2 { "! Wrong name or password." } else { BLOCKED });
    }
    let mut owner = try_login(cluster.nodes[1].address(), "alice", PASSWORD);
    owner.expect(BLOCKED);
}

#[test]
fn a_right_password_resets_the_wrong_ones_on_all_servers() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    add(&cluster, "alice");
    for round in 0..3 {
        for node in &cluster.nodes {
            let mut wrong = try_login(node.address(), "alice", "guess");
            wrong.expect("! Wrong name or password.");
        }
        quit(log_in(&cluster.nodes[round % 2], "alice").0);
    }
}

#[test]
fn parallel_guesses_on_all_servers_gain_nothing() {
    let Some(cluster) = patient(3) else { return };
    add(&cluster, "alice");
    let answers = thread::scope(|scope| {
        let guess = |index: usize| {
            let address = cluster.nodes[index % 3].address();
            scope.spawn(move || {
                let mut client = try_login(address, "alice", "guess");
                client.expect("! ") + &client.expect(".")
            })
        };
        let guesses: Vec<_> = (0..9).map(guess).collect();
        guesses.into_iter().map(|guess| guess.join().expect("no panic")).collect::<Vec<_>>()
    });
    let compared = answers.iter().filter(|answer| answer.contains("Wrong name")).count();
    assert!(compared <= 2, "the third wrong one blocks: {answers:?}");
}

#[test]
fn accounts_can_be_changed_and_removed_while_servers_run() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    for name in ["alice", "bob"] {
        add(&cluster, name);
    }
    let (status, text) = user(&cluster, &["add", "Alice"], PASSWORD);
    assert!(status == Some(2) && text.contains("account Alice already exists"), "{text}");
    let (_, list) = user(&cluster, &["list"], "");
    let names: Vec<_> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["alice", "bob"]);
    let (mut alice, _) = log_in(&cluster.nodes[1], "alice");
    let (mut bob, _) = log_in(&cluster.nodes[0], "bob");
    let (status, text) = user(&cluster, &["passwd", "alice"], "battery staple");
    assert_eq!(status, Some(0), "{text}");
    let seen = alice.expect_end();
    assert!(seen.contains("! Your password was changed on the server's machine."), "{seen:?}");
    let mut alice = try_login(cluster.nodes[0].address(), "alice", "battery staple");
    alice.expect("* Hello alice. ");
    let (status, text) = user(&cluster, &["remove", "bob"], "");
    assert_eq!((status, text.as_str()), (Some(0), "Account bob removed.\n"));
    let seen = bob.expect_end();
    assert!(seen.contains("! Your account was removed."), "{seen:?}");
    quit(cluster.nodes[1].login("bob"));
    let (status, text) = user(&cluster, &["remove", "bob"], "");
    assert!(status == Some(2) && text.contains("account bob does not exist"), "{text}");
    // Redis has no data of the account any more.
    assert!(!cluster.redis.everything().contains("acc:bob"));
}

#[test]
fn an_import_creates_all_accounts_or_none() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    add(&cluster, "bob");
    let file = cluster.redis.directory().join("users.txt");
    std::fs::write(&file, "alice open sesame\nbob open sesame\n").expect("a file");
    let file = file.to_str().expect("a path");
    let (status, text) = user(&cluster, &["import", file], "");
    assert!(status == Some(2) && text.contains("account bob already exists"), "{text}");
    assert_eq!(user(&cluster, &["list"], "").1.lines().count(), 1);
    let (status, text) = user(&cluster, &["import", "--skip-existing", file], "");
    assert_eq!((status, text.as_str()), (Some(0), "1 account imported; 1 existed already and is unchanged.\n"));
    let mut alice = try_login(cluster.nodes[0].address(), "alice", "open sesame");
    alice.expect("* Hello alice. ");
}

#[test]
fn a_waiting_message_is_shown_once_at_the_next_login_on_any_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    add(&cluster, "alice");
    let mut bob = cluster.nodes[0].login("bob");
    let mut leave = |text: &str| {
        bob.send(&format!(":dm alice {text}"));
        bob.expect(" you -> alice: ");
        bob.expect("* alice is not online: the message waits for the next login.\r\n");
    };
    for text in ["one", "two", "three"] {
        leave(text);
    }
    bob.send(":delete");
    bob.expect("still waiting.");
    bob.send(":edit 2");
    let (alice, told) = log_in(&cluster.nodes[1], "alice");
    assert!(told.contains("* 2 messages came while you were away:\r\n"), "{told:?}");
    assert!(
        told.contains("bob -> you: one") && told.contains("bob -> you: two") && !told.contains("three"),
        "{told:?}"
    );
    quit(alice);
    for node in &cluster.nodes {
        let (alice, told) = log_in(node, "alice");
        assert!(!told.contains("while you were away"), "{told:?}");
        quit(alice);
    }
    // bob's server learns a moment later that alice's connection to the other one has ended.
    bob.send(":dm alice and one more");
    bob.settle();
    for number in 0..25 {
        bob.send(&format!(":dm alice number {number}"));
    }
    let seen = bob.expect("! Not sent: 20 messages from your address are waiting for alice already");
    assert!(seen.contains("number 18") || seen.contains("number 17"), "{seen:?}");
}

#[test]
fn unread_messages_and_open_rooms_follow_the_user_to_the_other_server() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    add(&cluster, "alice");
    let mut bob = cluster.nodes[1].chat("bob", "general");
    let (mut alice, _) = log_in(&cluster.nodes[0], "alice");
    alice.send(":join general");
    alice.expect("1 other here");
    bob.expect("* alice joined");
    alice.send(":chat");
    alice.expect("general | ");
    alice.send("/quit");
    alice.expect_end();
    bob.expect("* alice left");
    for text in ["first", "second"] {
        bob.send(text);
        bob.settle();
    }
    // The visit is recorded a moment after the connection has ended.
    let deadline = Instant::now() + PATIENCE;
    while !cluster.redis.everything().contains("}v:") {
        assert!(Instant::now() < deadline, "no visit was recorded");
        thread::park_timeout(Duration::from_millis(20));
    }
    let (mut alice, told) = log_in(&cluster.nodes[1], "alice");
    assert!(told.contains("New since your last visit: general 2."), "{told:?}");
    alice.send(":list");
    alice.expect("2 people in general");
}

#[test]
fn while_redis_is_down_account_commands_are_refused_in_one_sentence() {
    let Some(redis) = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
    let Some(mut cluster) = Cluster::over(redis, 2, "") else { return };
    add(&cluster, "carol");
    let mut alice = cluster.nodes[0].login("alice");
    let (mut carol, _) = log_in(&cluster.nodes[0], "carol");
    alice.send(":register");
    give(&mut alice, PASSWORD);
    alice.expect("* Once more, to be sure.");
    alice.expect(ASKED);
    prove(&mut carol, ":passwd", PASSWORD);
    give(&mut carol, "battery staple");
    carol.expect("* The new one once more:");
    carol.expect(ASKED);
    cluster.redis.kill();
    alice.send(PASSWORD);
    alice.expect(UNREACHABLE);
    carol.send("battery staple");
    carol.expect(UNREACHABLE);
    let mut newcomer = knock(cluster.nodes[1].address());
    newcomer.send("carol");
    newcomer.expect(NOBODY);
    let (status, text) = user(&cluster, &["list"], "");
    assert!(status == Some(1) && text.contains("does not answer within 10 seconds"), "{text}");
    cluster.redis.start_again();
    let deadline = Instant::now() + PATIENCE;
    alice.send(":register");
    loop {
        let line = alice.expect("\r\n");
        if line.contains("Choose a password") {
            break;
        }
        assert!(Instant::now() < deadline, "accounts did not come back");
        if line.contains("! ") {
            thread::park_timeout(Duration::from_millis(50));
            alice.send(":register");
        }
    }
    give(&mut alice, PASSWORD);
    give(&mut alice, PASSWORD);
    alice.expect("is now registered to you");
    quit(alice);
    quit(carol);
    // The other server may be back a moment later.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut guest = knock(cluster.nodes[1].address());
        guest.send("guest");
        let line = guest.expect("\r\n");
        if !line.contains("Nobody can log in") {
            break;
        }
        assert!(Instant::now() < deadline, "the other server does not come back");
    }
    quit(log_in(&cluster.nodes[1], "carol").0);
    quit(log_in(&cluster.nodes[0], "alice").0);
}

#[test]
fn an_account_that_too_few_replicas_confirm_is_not_created() {
    let Some(redis) = Redis::with(&["--appendonly", "no", "--save", ""]) else { return };
    let port = redis.address().port().to_string();
    let Some(mut replica) = Redis::with(&["--replicaof", "127.0.0.1", &port]) else { return };
    let deadline = Instant::now() + PATIENCE;
    while !redis.ask(&["INFO", "replication"]).contains("state=online") {
        assert!(Instant::now() < deadline, "the replica does not follow");
        thread::park_timeout(Duration::from_millis(20));
    }
    let Some(cluster) = Cluster::over(redis, 1, "replicas = 1") else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[0].login("bob");
    register(&mut bob, PASSWORD);
    alice.send(":create den");
    alice.expect("you are its admin");
    alice.send(":ban mallory");
    assert!(!alice.expect("* mallory was banned").contains("copies"));
    alice.send(":create hut");
    assert!(!alice.expect("you are its admin").contains("copies"));
    alice.send(":destroy");
    assert!(!alice.settle().contains("copies"));
    replica.kill();
    alice.send(":register");
    give(&mut alice, PASSWORD);
    give(&mut alice, PASSWORD);
    alice.expect("! Not saved: there are too few copies of it.");
    assert!(!cluster.redis.everything().contains("acc:alice"));
    prove(&mut bob, ":passwd", PASSWORD);
    give(&mut bob, "battery staple");
    give(&mut bob, "battery staple");
    bob.expect("! It may not be saved: there are too few copies of it.");
    bob.send(":bell off");
    bob.expect("! It may not be saved: there are too few copies of it.");
    alice.send(":ban trudy");
    alice.expect("! There are too few copies of what you did just now: it is lost if Redis fails.");
    alice.expect("* trudy was banned");
    alice.send(":say no copies of this are asked for");
    assert!(!alice.settle().contains("copies of what"));
    const FEW: &str = "! There are too few copies of what you did just now: it is lost if Redis fails.";
    alice.send(":create attic");
    alice.expect(FEW);
    alice.expect("you are its admin");
    alice.send(":destroy");
    alice.expect(FEW);
    alice.send(":group cellar bob");
    alice.expect(FEW);
    let node = &cluster.nodes[0];
    let file = cluster.file("n0", node);
    let config = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, format!("{config}\n[rooms.parlour]\n")).expect("a file");
    node.signal("HUP");
    ask_until(&mut alice, ":rooms", "parlour");
    let deadline = Instant::now() + PATIENCE;
    while !node.log().contains("there are too few copies of the rooms' new settings: they are lost if Redis fails") {
        assert!(Instant::now() < deadline, "{}", node.log());
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn the_connections_of_an_address_are_counted_across_servers_until_one_is_killed() {
    let Some(redis) = Redis::start() else { return };
    let options = Options {
        limits: "messages_per_second = 0\nexempt = []\nconnections_per_ip = 2\nconnections_per_ip_per_minute = 10000",
        ..Options::default()
    };
    let Some(mut cluster) = Cluster::with(redis, 2, "", options) else { return };
    let mut bob = cluster.nodes[1].login("bob");
    let _carol = cluster.nodes[1].login("carol");
    let refused = |node: &Node| {
        let mut dora = knock(node.address());
        dora.send("dora");
        loop {
            let line = dora.expect("\r\n");
            if line.contains("! Too many connections from your address: at most 2 at once.") {
                break Some(dora.expect_end());
            }
            if line.contains("* Hello dora.") {
                quit(dora);
                break None;
            }
        }
    };
    assert!(refused(&cluster.nodes[0]).is_some());
    // A rename is not a new connection.
    bob.send(":nick rob");
    bob.expect("You are now known as rob.");
    quit(bob);
    let deadline = Instant::now() + PATIENCE;
    while refused(&cluster.nodes[0]).is_some() {
        assert!(Instant::now() < deadline, "the one that ended counts still");
        thread::park_timeout(Duration::from_millis(50));
    }
    let _bob = cluster.nodes[1].login("bob");
    let deadline = Instant::now() + PATIENCE;
    while refused(&cluster.nodes[0]).is_none() {
        assert!(Instant::now() < deadline, "three are let in");
        thread::park_timeout(Duration::from_millis(50));
    }
    cluster.nodes[1].kill();
    let deadline = Instant::now() + PATIENCE;
    while refused(&cluster.nodes[0]).is_some() {
        assert!(Instant::now() < deadline, "those of the killed server count still");
        thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn an_account_tampered_with_in_redis_is_refused_and_logged() {
    let Some(cluster) = Cluster::start(1, "") else { return };
    for name in ["alice", "bob", "carol", "dora", "erik"] {
        add(&cluster, name);
    }
    let script = |key: &str, what: &str| format!("return redis.call({what}, 'chatsock:{{dir}}acc:{key}')");
    let set = |name: &str, field: &str, value: &str| {
        let script = format!("return redis.call('HSET', 'chatsock:{{dir}}acc:{name}', '{field}', {value})");
        cluster.redis.ask(&["EVAL", &script, "0"]);
    };
    set("alice", "v", "'2'");
    set("bob", "name", "'b\\255b'");
    set("carol", "settings", "string.rep('x', 10000000)");
    set("dora", "hash", "string.rep('$', 600)");
    cluster.redis.ask(&["EVAL", &script("erik", "'DEL'"), "0"]);
    cluster.redis.ask(&["SET", "chatsock:{dir}acc:erik", "a text"]);
    for name in ["alice", "bob", "carol", "dora", "erik"] {
        let mut client = knock(cluster.nodes[0].address());
        client.send(name);
        // Nobody gets the name of an unreadable account.
        give(&mut client, PASSWORD);
        client.expect("! The server cannot read its accounts just now: ");
    }
    let parts =
        ["alice cannot be read: its format is not 1", "the field name", "too long", "the field hash", "WRONGTYPE"];
    let deadline = Instant::now() + PATIENCE;
    // A thread of this test reads the log.
    while let Some(part) = parts.iter().find(|part| !cluster.nodes[0].log().contains(**part)) {
        assert!(Instant::now() < deadline, "{part}: {}", cluster.nodes[0].log());
        thread::park_timeout(Duration::from_millis(10));
    }
    let log = cluster.nodes[0].log();
    assert!(!log.contains("$argon2id"), "a hash is in the log");
    // The server still works.
    quit(cluster.nodes[0].login("frida"));
}

#[test]
fn a_user_takes_over_their_connection_from_the_other_server() {
    let Some(cluster) = Cluster::start(3, "") else { return };
    add(&cluster, "alice");
    let mut bob = cluster.nodes[2].chat("bob", "general");
    let (mut stuck, _) = log_in(&cluster.nodes[0], "alice");
    stuck.send(":join general");
    stuck.expect("1 other here");
    bob.expect("* alice joined");
    let mut alice = try_login(cluster.nodes[1].address(), "alice", PASSWORD);
    alice.expect("* alice is logged in from 127.0.0.1, idle ");
    alice.expect(". Enter takes over, :q cancels.");
    alice.send("");
    alice.expect("* Hello alice. ");
    let seen = stuck.expect_end();
    assert!(seen.contains(THROWN_OUT), "{seen:?}");
    bob.send("/list");
    bob.expect("2 people in general:");
    bob.send("@alice still there?");
    alice.expect("bob -> you: still there?");
    // With the account's password, a connection can be ended from any server.
    let mut again = knock(cluster.nodes[2].address());
    again.send(":ghost alice");
    give(&mut again, PASSWORD);
    again.expect("* Hello alice. ");
    let seen = alice.expect_end();
    assert!(seen.contains(THROWN_OUT), "{seen:?}");
    let mut guest = cluster.nodes[1].login("guest");
    prove(&mut guest, ":ghost alice", PASSWORD);
    guest.expect("* The other connection of alice has been ended.");
    let seen = again.expect_end();
    assert!(seen.contains(THROWN_OUT), "{seen:?}");
    prove(&mut guest, ":login alice", PASSWORD);
    guest.expect("* You are now known as alice.");
    ask_until(&mut bob, "/whois alice", "registered");
}

#[test]
fn required_accounts_and_operators_work_across_servers() {
    let Some(redis) = Redis::start() else { return };
    let options = Options { top: "accounts = \"required\"\noperators = [\"root\"]", ..Options::default() };
    let Some(cluster) = Cluster::with(redis, 2, "", options) else { return };
    for name in ["root", "bob"] {
        add(&cluster, name);
    }
    let mut guest = cluster.nodes[0].connect();
    guest.expect("This server is for registered users.");
    guest.expect("Username: ");
    guest.send("guest");
    give(&mut guest, "guess");
    guest.expect("! Wrong name or password.");
    let (mut bob, _) = log_in(&cluster.nodes[0], "bob");
    bob.send(":join general");
    bob.expect("Joined general");
    bob.send(":chat");
    bob.expect("general | ");
    let (mut root, told) = log_in(&cluster.nodes[1], "root");
    assert!(told.contains("* You are an operator."), "{told:?}");
    root.send(":join general");
    root.expect("1 other here");
    root.send(":chat");
    root.expect("general | ");
    bob.expect("* root joined");
    root.send("/mute bob");
    bob.expect("bob was muted by root");
    bob.send("may I?");
    bob.expect("you are muted in general");
    bob.send("/kick root");
    bob.expect("! ");
    root.send("/kick bob enough");
    bob.expect("You were kicked from general by root (enough)");
}

#[test]
fn removing_an_admins_account_removes_the_rank_on_all_servers() {
    let Some(cluster) = Cluster::start(2, "") else { return };
    add(&cluster, "alice");
    let (mut alice, _) = log_in(&cluster.nodes[0], "alice");
    alice.send(":create games");
    alice.expect("you are its admin");
    let mut bob = cluster.nodes[1].chat("bob", "games");
    let (status, text) = user(&cluster, &["remove", "alice"], "");
    assert_eq!(status, Some(0), "{text}");
    assert!(alice.expect_end().contains("! Your account was removed."));
    bob.expect("bob is now admin of games");
}
