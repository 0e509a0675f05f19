//! Programs written by others: Python's standard library, and jq.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::json::Bot;
use crate::support::programs::have;
use crate::support::{Client, Server, scratch};

/// The bot in the README, which answers `ping` with `pong`.
fn bot_of_the_readme() -> String {
    let readme = std::fs::read_to_string("README.md").expect("README.md");
    let block = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    block.expect("a bot in the README").to_owned()
}

/// Runs the bot against a port. `connect` replaces its plain connection.
fn answers_pong(server: &Server, address: SocketAddr, connect: Option<&str>) {
    let mut bot = bot_of_the_readme();
    assert!(bot.lines().count() <= 15, "fifteen lines are promised");
    let plain = "socket.create_connection((\"localhost\", 5555))";
    assert!(bot.contains(plain), "{bot}");
    let host = format!("socket.create_connection((\"{}\", {}))", address.ip(), address.port());
    bot = bot.replace(plain, &connect.map_or(host.clone(), |connect| connect.replace("PLAIN", &host)));
    let path = scratch().join("bot.py");
    std::fs::write(&path, bot).expect("written");
    let mut child = Command::new("python3")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut alice: Client = server.chat("alice", "general");
    alice.expect("* pongbot joined\r\n");
    alice.send("ping");
    alice.expect(" pongbot: pong\r\n");
    let _ = child.kill();
    let output = child.wait_with_output().expect("it ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_bot_of_the_readme_answers_on_the_text_port_and_on_its_own() {
    if !have(&["python3"]) {
        return;
    }
    let server = Server::with("[json]\n");
    answers_pong(&server, server.address(), None);
    let server = Server::with("[json]\n");
    answers_pong(&server, server.json_address(), None);
}

#[cfg(feature = "tls")]
#[test]
fn the_bot_of_the_readme_answers_through_tls() {
    if !have(&["python3"]) {
        return;
    }
    let directory = scratch();
    let config = format!("state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]", directory.display());
    let server = Server::with(&config);
    let certificate = directory.join("chatsock-certificate.pem");
    let connect = format!(
        "__import__('ssl').create_default_context(cafile={:?}).wrap_socket(PLAIN, server_hostname='localhost')",
        certificate.display().to_string()
    );
    answers_pong(&server, server.tls_address(), Some(&connect));
}

#[test]
fn jq_reads_every_line() {
    if !have(&["jq"]) {
        return;
    }
    let server = Server::start();
    let mut client = Client::connect(server.address());
    for line in [
        json!({"action": "hello"}),
        json!({"action": "login", "content": "robo"}),
        json!({"action": "join", "receiver": "general"}),
        json!({"action": "rooms"}),
        json!({"action": "say", "receiver": "general", "content": "\"quotes\" \\ and \u{2028} 😀\nrows"}),
        json!({"action": "nothing"}),
        json!({"action": "members", "receiver": "general"}),
        json!({"action": "quit"}),
    ] {
        client.send_bytes(format!("{line}\n").as_bytes());
    }
    let lines = client.expect_end();
    let mut jq = Command::new("jq")
        .args(["-c", "[.action, (.optional | type), (keys | length)]"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq runs");
    jq.stdin.take().expect("stdin").write_all(lines.as_bytes()).expect("written");
    let output = jq.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let read = String::from_utf8(output.stdout).expect("text");
    assert_eq!(read.lines().count(), lines.lines().count(), "{read}");
    assert!(read.lines().all(|line| line.ends_with("\"object\",8]")), "{read}");
}

/// The lines of the README's transcript: those sent begin with `> `, those received with `< `.
fn transcript() -> Vec<String> {
    let readme = std::fs::read_to_string("README.md").expect("README.md");
    let block = readme.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
    block.expect("a transcript in the README").lines().map(str::to_owned).collect()
}

/// The object without times and connection numbers, which differ between runs.
fn alike(line: &str) -> serde_json::Value {
    let mut object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    object["time"] = json!("");
    if object["optional"]["started"].is_string() {
        object["optional"]["started"] = json!("");
    }
    if let Some(user) = object["optional"]["user"].as_str().map(str::to_owned) {
        object["optional"]["user"] = json!(user.split('#').next());
    }
    object
}

#[test]
fn the_transcript_of_the_readme_is_what_a_program_sees() {
    let server = Server::start();
    let mut alice: Client = server.chat("alice", "general");
    let mut bot = Bot::connect(server.address());
    for line in transcript() {
        match line.split_at(2) {
            ("> ", request) => bot.send(request),
            ("< ", expected) => {
                if expected.contains("\"sender\":\"alice\"") {
                    alice.send("morning");
                }
                assert_eq!(alike(&bot.next().to_string()), alike(expected), "the README shows {line}");
            }
            _ => panic!("neither sent nor received: {line}"),
        }
    }
}
