//! Third-party clients: curl, Python's `websockets`, and `ws` and `wscat` from npm.
//!
//! Python finds `websockets` where it is installed, or in a folder of `PYTHONPATH`; node finds its packages in a folder
//! of `NODE_PATH`, or in `target/clients/node_modules`, where `.ci/run` puts them. On a machine without these, the
//! tests print what they left out and pass; `CHATSOCK_REQUIRE_CLIENTS=1` makes that a failure.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{address, server};
use crate::support::programs::{Terminal, have, left_out, node_package};
use crate::support::scratch;

/// The output of a client that ends by itself.
fn output(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("the client runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn curl_gets_the_page_and_the_accept_key_of_the_standard() {
    if !have(&["curl"]) {
        return;
    }
    let server = server();
    let url = format!("http://{}", address(&server));
    let page = output(Command::new("curl").args(["-si", "--max-time", "30", &url]));
    let page = text(&page.stdout);
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.trim_end().ends_with("</html>"), "{page}");
    let head = output(Command::new("curl").args(["-sI", "--max-time", "30", &url]));
    assert!(text(&head.stdout).starts_with("HTTP/1.1 200 OK\r\n"));
    // curl does not speak WebSocket, so the server's greeting or curl's own time limit ends it.
    let upgraded = Command::new("curl")
        .args(["-si", "--max-time", "2", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket"])
        .args(["-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
        .arg(format!("{url}/ws"))
        .output()
        .expect("curl runs");
    let answer = text(&upgraded.stdout);
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
}

/// A script in a file of its own.
fn script(name: &str, text: &str) -> PathBuf {
    let path = scratch().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// Logs in, joins, talks, and is closed in three ways.
const PYTHON: &str = r#"
import json, sys
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

url, stop = sys.argv[1], sys.argv[2]
lines = []

def receive(socket, wanted):
    while True:
        while lines:
            event = json.loads(lines.pop(0))
            if all(event.get(key) == value for key, value in wanted.items()):
                return event
        lines.extend(line for line in socket.recv(timeout=30).splitlines() if line)

def ask(socket, **request):
    socket.send(json.dumps(request))
    return receive(socket, {"id": request["id"], "action": "ok"})

with connect(url, subprotocols=["chatsock.v1"]) as socket:
    assert socket.subprotocol == "chatsock.v1"
    ask(socket, id="1", action="login", content="pythonista")
    ask(socket, id="2", action="join", receiver="general")
    ask(socket, id="3", action="say", receiver="general", content="good morning")
    own = receive(socket, {"action": "message", "content": "good morning"})
    assert own["sender"] == "pythonista" and own["id"] >= 1, own
    reply = receive(socket, {"action": "message", "sender": "bob"})
    assert reply["content"] == "hello snake", reply
    assert socket.ping().wait(30), "no pong"
    socket.send("a" * 40000)
    try:
        while True:
            socket.recv(timeout=30)
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 1009, closed
        print("too big:", closed.rcvd.reason)

with connect(url) as socket:
    socket.send(b"{}")
    try:
        socket.recv(timeout=30)
    except ConnectionClosed as closed:
        print("binary:", closed.rcvd.code)

with connect(url) as socket:
    ask(socket, id="1", action="login", content="leaver")
    ask(socket, id="2", action="quit")
    receive(socket, {"action": "bye"})
    try:
        socket.recv(timeout=30)
    except ConnectionClosed as closed:
        print("quit:", closed.rcvd.code)
"#;

/// Whether Python has the module.
fn have_websockets() -> bool {
    if !have(&["python3"]) {
        return false;
    }
    let found = Command::new("python3").args(["-c", "import websockets.sync.client"]).output().expect("python3 runs");
    found.status.success() || left_out("Python's websockets is not installed")
}

#[test]
fn python_s_websockets_talks_and_sees_the_close_codes() {
    if !have_websockets() {
        return;
    }
    let server = server();
    let mut bob = server.chat("bob", "general");
    let path = script("client.py", PYTHON);
    let url = format!("ws://{}/ws", address(&server));
    let child =
        Command::new("python3").arg(path).args([&url, "-"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("python3 runs");
    bob.expect("pythonista: good morning\r\n");
    bob.send("hello snake");
    let output = child.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "too big: A message may have at most 32768 bytes\nbinary: 1003\nquit: 1000\n");
}

/// Logs in, joins, talks, replies, and reports how it was closed.
const NODE: &str = r#"
const WebSocket = require("ws");
const socket = new WebSocket(process.argv[2], ["chatsock.v1"]);
let next = 0;
const send = (request) => socket.send(JSON.stringify({ id: String(++next), ...request }));
socket.on("open", () => {
  send({ action: "login", content: "nodejs" });
  send({ action: "join", receiver: "general" });
  send({ action: "say", receiver: "general", content: "good morning" });
  socket.ping("there?");
});
socket.on("pong", (data) => console.log("pong " + data));
socket.on("message", (data, isBinary) => {
  if (isBinary) throw new Error("binary");
  for (const line of data.toString().split("\n").filter((line) => line)) {
    const event = JSON.parse(line);
    if (event.action === "error") throw new Error(line);
    if (event.action === "message" && event.sender === "bob") console.log("bob said " + event.content);
  }
});
socket.on("close", (code, reason) => console.log("closed " + code + " " + reason));
"#;

/// The folder that node finds the package in.
fn node_path(package: &str) -> Option<PathBuf> {
    if !have(&["node"]) {
        return None;
    }
    let found = node_package(package).and_then(|folder| folder.parent().map(PathBuf::from));
    if found.is_none() {
        left_out(&format!("npm's {package} is not installed"));
    }
    found
}

#[test]
fn npm_s_ws_talks_and_hears_of_the_stop() {
    let Some(packages) = node_path("ws") else { return };
    let server = server();
    let mut bob = server.chat("bob", "general");
    let path = script("client.js", NODE);
    let url = format!("ws://{}/ws", address(&server));
    let mut child = Command::new("node")
        .arg(path)
        .arg(&url)
        .env("NODE_PATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("node runs");
    let mut terminal = Terminal::over(&mut child);
    bob.expect("nodejs: good morning\r\n");
    bob.send("hello node");
    terminal.expect_text("pong there?\n");
    terminal.expect_text("bob said hello node\n");
    server.ask_to_stop();
    terminal.expect_text("closed 1001 The server is stopping.\n");
    assert!(child.wait().expect("node ends").success());
    server.join();
}

#[test]
fn wscat_talks_and_ends_with_the_server() {
    let Some(packages) = node_path("wscat") else { return };
    let server = server();
    let mut bob = server.chat("bob", "general");
    let mut wscat = Command::new("node");
    wscat.arg(packages.join("wscat/bin/wscat")).args(["--no-color", "--wait", "-1"]);
    wscat.args(["-c", &format!("ws://{}/ws", address(&server))]);
    // Not typed into wscat: it loses input before it is connected, and without a terminal it does not report that it
    // is.
    for request in [
        "{\"id\":\"1\",\"action\":\"login\",\"content\":\"wscat\"}",
        "{\"id\":\"2\",\"action\":\"join\",\"receiver\":\"general\"}",
        "{\"id\":\"3\",\"action\":\"say\",\"receiver\":\"general\",\"content\":\"meow\"}",
    ] {
        wscat.args(["-x", request]);
    }
    wscat.env("NODE_PATH", &packages).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = wscat.spawn().expect("wscat runs");
    let mut terminal = Terminal::over(&mut child);
    bob.expect("wscat: meow\r\n");
    bob.send("a cat");
    for id in 1..=3 {
        terminal.expect_text(&format!("{{\"id\":\"{id}\",\"action\":\"ok\""));
    }
    terminal.expect_text("\"content\":\"a cat\"");
    server.ask_to_stop();
    terminal.expect_text("\"action\":\"bye\"");
    assert!(child.wait().expect("wscat ends").success());
    server.join();
}
