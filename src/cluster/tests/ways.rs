//! Ways to connect to Redis: over TLS, as a user with few rights, and through Sentinels that fail over.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::nodes::{DEADLINE, Notes, commit, config, outcome, say};
use super::server::Server;
use crate::cluster::*;
use crate::config::ClusterConfig;

/// Sends a command to a Redis or a Sentinel and returns the answer.
fn ask(port: u16, command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    // QUIT makes it close the connection after the answer.
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    // Whatever arrived before an error is the answer.
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// Waits until the answer to a command contains these texts.
fn await_answer(port: u16, command: &str, texts: &[&str]) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = ask(port, command);
        if texts.iter().all(|text| answer.contains(text)) {
            return;
        }
        assert!(Instant::now() < deadline, "{command} on {port}: {answer}");
        std::thread::yield_now();
    }
}

fn start(config: &ClusterConfig) -> Result<(Arc<Cluster>, Arc<Notes>), ClusterError> {
    let notes = Arc::new(Notes::default());
    Cluster::start(config, 0, Arc::clone(&notes) as Arc<dyn Replica>).map(|cluster| (cluster, notes))
}

fn refusal(config: &ClusterConfig) -> String {
    let begun = Instant::now();
    let error = start(config).err().expect("it is not let in");
    let text = error.to_string();
    assert!(!error.is_users() && !text.contains('\n'), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(9), "told after {:?}, as if it might change", begun.elapsed());
    text
}

/// One of the Sentinels that monitor a Redis.
fn sentinel(of: &Server, number: usize) -> Option<Server> {
    let file = of.directory().join(format!("sentinel{number}.conf"));
    let text = format!(
        "sentinel monitor chat 127.0.0.1 {} 2\nsentinel down-after-milliseconds chat 1000\nsentinel failover-timeout chat 5000\n",
        of.port
    );
    fs::write(&file, text).expect("its configuration");
    Server::start_sentinel(&file)
}

#[test]
fn nodes_follow_a_failover_by_sentinels_and_repeat_no_number() {
    let Some(mut first) = Server::start(&[]) else { return };
    let second = Server::start(&["--replicaof", "127.0.0.1", &first.port.to_string()]).expect("a second one");
    await_answer(first.port, "INFO replication", &["state=online"]);
    let sentinels: Vec<Server> = (0..3).map(|number| sentinel(&first, number).expect("a sentinel")).collect();
    for sentinel in &sentinels {
        let known = ["num-slaves\r\n$1\r\n1\r\n", "num-other-sentinels\r\n$1\r\n2\r\n"];
        await_answer(sentinel.port, "SENTINEL MASTER chat", &known);
    }
    let hosts: Vec<_> = sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let redis = format!("sentinel://{}/chat", hosts.join(","));
    let node = |name: &str| start(&ClusterConfig { redis: redis.clone(), ..config(&first, name) }).expect("it is in");
    let ((a, at_a), (b, at_b)) = (node("a"), node("b"));
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    let Outcome::Applied { id: Some(before), position: old } = outcome(&a.submit(say("before"))) else { panic!() };
    at_b.wait("before", 1);
    // Wait until the replica has it: losses in a failover are tested elsewhere.
    await_answer(second.port, "INFO replication", &["master_link_status:up"]);
    let offset = ask(first.port, "INFO replication");
    let offset = offset.split("master_repl_offset:").nth(1).and_then(|rest| rest.lines().next()).expect("an offset");
    let offset: u64 = offset.trim().parse().expect("a number");
    let caught_up = |answer: String| {
        let reached = answer.split("slave_repl_offset:").nth(1).and_then(|rest| rest.lines().next());
        reached.and_then(|reached| reached.trim().parse::<u64>().ok()).is_some_and(|reached| reached >= offset)
    };
    let deadline = Instant::now() + DEADLINE;
    while !caught_up(ask(second.port, "INFO replication")) {
        assert!(Instant::now() < deadline, "the replica does not catch up");
    }
    first.kill();
    at_a.wait("back", 1);
    at_b.wait("back", 1);
    let Outcome::Applied { id: Some(after), position } = outcome(&b.submit(say("after"))) else { panic!("not said") };
    assert!(after > before && position.term > old.term, "{after} {before} {position} {old}");
    at_a.wait("after", 1);
    for notes in [&at_a, &at_b] {
        let heard = notes.heard.lock().expect("no panic");
        assert!(!heard.iter().any(|line| line.starts_with("lost")), "{heard:#?}");
    }
    assert_eq!(at_a.said(), at_b.said());
    a.stop();
    b.stop();
}

#[test]
fn silent_sentinels_or_an_unknown_name_are_reported_in_one_sentence() {
    let Some(server) = Server::start(&[]) else { return };
    let sentinel = sentinel(&server, 0).expect("a sentinel");
    let redis = format!("sentinel://127.0.0.1:1,127.0.0.1:{}/other", sentinel.port);
    let error = start(&ClusterConfig { redis, ..config(&server, "a") }).err().expect("it knows no other");
    assert!(error.to_string().ends_with("the Sentinels know no other") && !error.is_users(), "{error}");
}

#[test]
fn few_rights_are_enough_and_a_wrong_password_is_reported_at_once() {
    let Some(server) = Server::start(&[]) else { return };
    let rights = concat!(
        "+@read +@write +@connection +info +wait +config|get +function|load +fcall +xread +time ",
        "~chatsock:* resetchannels"
    );
    assert!(ask(server.port, &format!("ACL SETUSER chat on >s3cret {rights}")).starts_with("+OK"));
    assert!(ask(server.port, "ACL SETUSER default off").starts_with("+OK"));
    let file = server.directory().join("password");
    fs::write(&file, "s3cret\n").expect("the password");
    let own = ClusterConfig { user: "chat".to_owned(), password_file: Some(file.clone()), ..config(&server, "a") };
    let (a, _) = start(&own).expect("it is let in");
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    assert!(matches!(outcome(&a.submit(say("hello"))), Outcome::Applied { id: Some(_), .. }));
    a.stop();
    fs::write(&file, "wrong\n").expect("the password");
    let said = refusal(&own);
    assert!(said.contains("does not let this server in") && !said.contains("wrong"), "{said}");
    let nobody = ClusterConfig { user: String::new(), password_file: None, ..own };
    assert!(refusal(&nobody).contains("does not let this server in"));
}

#[cfg(feature = "tls")]
fn certificate(directory: &std::path::Path, name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

#[cfg(feature = "tls")]
#[test]
fn only_the_configured_certificate_is_trusted_and_another_is_reported_at_once() {
    if Server::start(&[]).is_none() {
        return;
    }
    let directory = std::env::temp_dir().join(format!("chatsock-certificates-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    let (right, key) = certificate(&directory, "right");
    let (wrong, _) = certificate(&directory, "wrong");
    let word = |path: &std::path::Path| path.to_str().expect("a name").to_owned();
    let (right_name, key_name) = (word(&right), word(&key));
    let server = Server::start_encrypted(&right_name, &key_name).expect("a Redis");
    let redis = format!("rediss://localhost:{}", server.port);
    let own = ClusterConfig { redis, ca_file: Some(right), ..config(&server, "a") };
    let (a, _) = start(&own).expect("it is in");
    outcome(&a.submit(commit(Some(0), vec![Effect::Core("core".into())], "made")));
    assert!(matches!(outcome(&a.submit(say("hello"))), Outcome::Applied { id: Some(_), .. }));
    a.stop();
    for ca_file in [Some(wrong), None] {
        let said = refusal(&ClusterConfig { ca_file, ..own.clone() });
        assert!(said.contains("its certificate is not trusted"), "{said}");
    }
    // A file without a certificate is the user's mistake.
    let error = start(&ClusterConfig { ca_file: Some(key), ..own }).err().expect("no certificate");
    assert!(error.is_users() && error.to_string().contains("there is no certificate in it"), "{error}");
    fs::remove_dir_all(&directory).expect("removed");
}
