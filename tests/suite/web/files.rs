//! Files at the page's address: both ends of a transfer, access, and bans.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{address, server};
use crate::support::json::Bot;
use crate::support::web::{Asks, ask, program_that};
use crate::support::{PATIENCE, Server};

/// A server with the page and with files.
fn carrying(extra: &str) -> Server {
    Server::with(&format!("{extra}[files]\nlisten = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n"))
}

/// A user of the page; `extra` are header lines of their browser or proxy.
fn page(server: &Server, name: &str, extra: &str) -> Bot {
    let (client, _) = program_that(address(server), Asks { extra, is_silent: false });
    let mut bot = Bot::over(client);
    bot.ask(json!({"action": "login", "content": name})).ok();
    bot
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Offers a file, and accepts it; returns both tokens.
fn accepted(alice: &mut Bot, bob: &mut Bot, name: &str) -> (String, String) {
    let asked = alice.ask(json!({"action": "send", "receiver": "bob", "content": name})).ok();
    let offer = asked.optional("offer").clone();
    assert_eq!(bob.expect("offer")["optional"]["offer"], offer);
    let accepted = bob.ask(json!({"action": "accept", "optional": {"offer": offer}})).ok();
    let start = alice.expect("transfer");
    assert_eq!(start["optional"]["state"], "accepted");
    (text(&start["optional"]["token"]), text(accepted.optional("token")))
}

/// Sends a request. Returns its connection.
fn end(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(server)).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

fn get(token: &str, extra: &str) -> String {
    format!("GET /f/{token} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n")
}

fn put(token: &str, extra: &str, content: &str) -> String {
    let length = content.len();
    format!("PUT /f/{token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{extra}\r\n{content}")
}

fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the end");
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_file_passes_at_the_address_of_the_page_whichever_end_comes_first() {
    let server = carrying("");
    let (mut alice, mut bob) = (page(&server, "alice", ""), page(&server, "bob", ""));
    let welcome = alice.ask(json!({"action": "hello", "optional": {"version": 1}}));
    assert_eq!(welcome.optional("max_file_bytes"), &json!(104_857_600));
    for sender_first in [true, false] {
        let (put_token, get_token) = accepted(&mut alice, &mut bob, "<img src=x onerror=a>.txt");
        let send = put(&put_token, "Origin: http://localhost\r\n", "content");
        let (mut sender, mut receiver) = if sender_first {
            let sender = end(&server, &send);
            (sender, end(&server, &get(&get_token, "")))
        } else {
            let receiver = end(&server, &get(&get_token, ""));
            (end(&server, &send), receiver)
        };
        let came = rest(&mut receiver);
        assert!(came.starts_with("HTTP/1.1 200 OK\r\n") && came.ends_with("\r\n\r\ncontent"), "{came}");
        for line in [
            "Content-Length: 7\r\n",
            "Content-Type: application/octet-stream\r\n",
            "Content-Disposition: attachment; filename=\"_img_src_x_onerror_a_.txt\"; \
             filename*=UTF-8''%3Cimg%20src%3Dx%20onerror%3Da%3E.txt\r\n",
            "X-Content-Type-Options: nosniff\r\n",
            "Content-Security-Policy: sandbox\r\n",
        ] {
            assert!(came.contains(line), "{line}: {came}");
        }
        assert!(rest(&mut sender).starts_with("HTTP/1.1 201 Created\r\n"));
        for bot in [&mut alice, &mut bob] {
            let done = bot.expect("transfer");
            assert_eq!((&done["optional"]["state"], &done["optional"]["size"]), (&json!("done"), &json!(7)));
        }
        // Each token works once. After more wrong ones the address would have to wait.
        if !sender_first {
            for request in [&send, &get(&get_token, ""), &get(&put_token, "")] {
                assert!(ask(address(&server), request.as_bytes()).starts_with("HTTP/1.1 404 "), "{request}");
            }
        }
    }
}

#[test]
fn one_end_at_the_page_and_the_other_in_a_shell_are_one_transfer() {
    let server = carrying("");
    let (mut alice, mut bob) = (server.login("alice"), page(&server, "bob", ""));
    alice.send(":send bob notes.txt");
    let offer = bob.expect("offer")["optional"]["offer"].clone();
    let accepted = bob.ask(json!({"action": "accept", "optional": {"offer": offer}})).ok();
    alice.expect("echo \"put ");
    let put_token = alice.expect(" $(").trim().trim_end_matches(" $(").to_owned();
    let mut receiver = end(&server, &get(accepted.optional("token").as_str().expect("a token"), ""));
    let mut sender = TcpStream::connect(server.listener("files")).expect("connected");
    sender.write_all(format!("put {put_token} 3\nabc").as_bytes()).expect("sent");
    assert!(rest(&mut receiver).ends_with("\r\n\r\nabc"));
    alice.expect("* notes.txt: 3 bytes");
}

#[test]
fn invalid_requests_are_refused_as_on_the_port_for_files() {
    let server = carrying("");
    let token = "AAAA-AAAA-AAAA-AAAA";
    for (request, status) in [
        (format!("PUT /f/{token} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"), "411"),
        (format!("PUT /f/{token} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "411"),
        (format!("POST /f/{token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), "405"),
        (format!("OPTIONS /f/{token} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "405"),
        (format!("GET /f/{token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"), "400"),
        (put(token, "Origin: http://evil.example\r\n", ""), "403"),
        (put(token, "Origin: null\r\n", ""), "403"),
        (get(token, "").replace("localhost", "evil.example"), "421"),
        (put("x", "", "").replace("/f/x", "/"), "405"),
        (put("x", "", "").replace("/f/x", "/f"), "405"),
        (put("x", "", "").replace("/f/x", "/ws"), "405"),
        (get(token, ""), "404"),
        (get("", ""), "404"),
        (get(&"A".repeat(100), ""), "404"),
        (get(token, ""), "429"),
    ] {
        let answer = ask(address(&server), request.as_bytes());
        assert_eq!(&answer[9..12], status, "{request}: {answer}");
    }
}

#[test]
fn without_files_the_page_carries_none_either() {
    let server = server();
    let (mut alice, _bob) = (page(&server, "alice", ""), page(&server, "bob", ""));
    let welcome = alice.ask(json!({"action": "hello", "optional": {"version": 1}}));
    assert_eq!(welcome.optional("max_file_bytes"), &Value::Null);
    let refused = alice.ask(json!({"action": "send", "receiver": "bob", "content": "x"}));
    assert_eq!((refused.code(), refused.content()), ("refused", "This server carries no files."));
    let answer = ask(address(&server), put("AAAA-AAAA-AAAA-AAAA", "", "abc").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[test]
fn a_page_takes_files_where_only_a_port_is_open_that_it_may_not_use() {
    let server = Server::with(
        "plain = \"loopback\"\n[files]\nlisten = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]\n",
    );
    let (mut alice, mut bob) = (page(&server, "alice", ""), page(&server, "bob", ""));
    let (put_token, get_token) = accepted(&mut alice, &mut bob, "x");
    let mut sender = end(&server, &put(&put_token, "", "abc"));
    assert!(rest(&mut end(&server, &get(&get_token, ""))).ends_with("\r\n\r\nabc"));
    assert!(rest(&mut sender).starts_with("HTTP/1.1 201 "));
}

#[test]
fn a_part_is_no_file_the_receiver_s_connection_is_reset() {
    let server = carrying("");
    let (mut alice, mut bob) = (page(&server, "alice", ""), page(&server, "bob", ""));
    let (put_token, get_token) = accepted(&mut alice, &mut bob, "x");
    let mut receiver = end(&server, &get(&get_token, ""));
    let cut = put(&put_token, "", "abcdefghij").replace("abcdefghij", "abc");
    drop(end(&server, &cut));
    let mut came = Vec::new();
    assert!(receiver.read_to_end(&mut came).is_err(), "{}", String::from_utf8_lossy(&came));
    for bot in [&mut alice, &mut bob] {
        let broken = bot.expect("transfer");
        assert_eq!(broken["content"], "x broke off at 3 of 10 bytes.");
    }
    // When the file is offered again, a page takes all of it, because it cannot append to a part.
    let asked = alice.ask(json!({"action": "send", "receiver": "bob", "content": "x"})).ok();
    let offer = asked.optional("offer").clone();
    let again = bob.ask(json!({"action": "accept", "optional": {"offer": offer, "from": 0}})).ok();
    assert_eq!(again.optional("from"), &Value::Null);
    let start = alice.expect("transfer");
    assert_eq!(start["optional"]["from"], Value::Null);
    let mut receiver = end(&server, &get(again.optional("token").as_str().expect("a token"), ""));
    let token = text(&start["optional"]["token"]);
    assert!(rest(&mut end(&server, &put(&token, "", "abcdefghij"))).starts_with("HTTP/1.1 201 "));
    assert!(rest(&mut receiver).ends_with("\r\n\r\nabcdefghij"));
}

#[cfg(feature = "storage")]
#[test]
fn a_ban_of_an_address_ends_its_transfers() {
    let directory = crate::support::scratch();
    let server = Server::with(&format!(
        "operators = [\"olga\"]\n[storage]\npath = \"{}\"\n[files]\nlisten = [\"127.0.0.1:0\"]\n\
         [web]\nlisten = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]\n",
        directory.join("chatsock.db").display()
    ));
    let mut olga = server.login("olga");
    olga.send(":register");
    olga.expect("Password: ");
    olga.send("long enough to be one");
    olga.expect("* Once more, to be sure.\r\nPassword: ");
    olga.send("long enough to be one");
    olga.expect("> ");
    let (mut alice, mut bob) = (page(&server, "alice", ""), page(&server, "bob", ""));
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    for (number, (sender, receiver)) in
        [("192.0.2.7", "198.51.100.7"), ("198.51.100.8", "192.0.2.8")].into_iter().enumerate()
    {
        // One is running, and one waits for its receiver.
        let (put_token, get_token) = accepted(&mut alice, &mut bob, &format!("under way {number}"));
        let mut to = end(&server, &get(&get_token, &from(receiver)));
        let from_sender = put(&put_token, &from(sender), "abcdefghij").replace("abcdefghij", "abc");
        let _sender = end(&server, &from_sender);
        let mut head = [0; 512];
        let mut came = Vec::new();
        while !came.ends_with(b"\r\n\r\nabc") {
            let count = to.read(&mut head).expect("the file begins");
            assert!(count > 0, "{}", String::from_utf8_lossy(&came));
            came.extend_from_slice(&head[..count]);
        }
        let (_, waiting) = accepted(&mut alice, &mut bob, "waits");
        let mut waits = end(&server, &get(&waiting, &from("192.0.2.9")));
        olga.send(&format!(":banip 192.0.2.{}/32", if number == 0 { 7 } else { 8 }));
        olga.expect("is banned; ");
        for bot in [&mut alice, &mut bob] {
            let broken = bot.expect("transfer");
            assert_eq!(broken["content"], format!("under way {number} broke off at 3 of 10 bytes."));
        }
        assert!(to.read_to_end(&mut came).is_err(), "the receiver has a part");
        olga.send(":banip 192.0.2.9");
        olga.expect("is banned; ");
        let answer = rest(&mut waits);
        assert!(answer.contains("! This transfer is over."), "{answer}");
        for bot in [&mut alice, &mut bob] {
            assert_eq!(bot.expect("transfer")["optional"]["state"], "ended");
        }
        olga.send(":unbanip 192.0.2.9");
        olga.expect("no longer banned");
    }
}
