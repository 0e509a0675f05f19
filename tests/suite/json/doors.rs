//! The ports for programs: any text port, if the first line begins with a brace, and dedicated ports.

use serde_json::json;

use crate::support::json::Bot;
use crate::support::{Client, Server};

fn talks(mut bot: Bot, name: &str) {
    bot.ask(json!({"action": "hello", "optional": {"version": 1}}));
    bot.ask(json!({"action": "login", "content": name})).ok();
    bot.ask(json!({"action": "join", "receiver": "general"})).ok();
    bot.say("general", "hi");
    assert_eq!(bot.expect("message")["content"], "hi");
    bot.ask(json!({"action": "quit"})).ok();
    assert_eq!(bot.rest().last().map(|object| object["action"].clone()), Some(json!("bye")));
}

#[test]
fn the_text_port_the_quick_port_and_the_port_for_programs_take_requests() {
    let server = Server::with("[json]\n");
    for (address, name) in
        [(server.address(), "one"), (server.quick_address(), "two"), (server.json_address(), "three")]
    {
        talks(Bot::connect(address), name);
    }
}

#[test]
fn a_program_that_speaks_at_once_is_not_greeted() {
    let server = Server::with("telnet = \"always\"");
    let mut client = Client::connect(server.address());
    client.send_bytes(b"{\"id\":\"1\",\"action\":\"ping\"}\n");
    assert!(client.expect("\n").starts_with("{\"id\":\"1\",\"action\":\"ok\""));
}

#[test]
fn a_program_that_waits_for_the_greeting_skips_it() {
    let server = Server::start();
    let mut client = Client::connect(server.address());
    client.expect("Username: ");
    client.send_bytes(b"{\"id\":\"1\",\"action\":\"ping\"}\n");
    // Each object has its own line, even the first one.
    assert_eq!(client.expect("\n"), "\r");
    assert!(client.expect("\n").starts_with("{\"id\":\"1\",\"action\":\"ok\""));
    talks(Bot::over(client), "robo");
}

#[test]
fn a_client_that_has_answered_telnet_first_can_still_send_requests() {
    let server = Server::with("telnet = \"always\"");
    let mut client = Client::connect(server.address());
    client.expect("Username: ");
    // IAC DONT SUPPRESS-GO-AHEAD (RFC 854, RFC 858).
    client.send_bytes(&[255, 254, 3]);
    client.send_bytes(b"{\"id\":\"1\",\"action\":\"ping\"}\n");
    client.expect("{\"id\":\"1\",\"action\":\"ok\"");
    // Another late answer is not part of a request.
    client.send_bytes(b"\xff\xfe\x01{\"id\":\"2\",\"act\xff\xfe\x18ion\":\"ping\"}\n");
    client.expect("{\"id\":\"2\",\"action\":\"ok\"");
}

#[test]
fn a_brace_after_the_first_line_is_a_users_and_a_program_never_sees_a_prompt() {
    let server = Server::start();
    let mut alice = server.chat("alice", "general");
    alice.send("{\"action\":\"quit\"}");
    alice.send("still here");
    alice.settle();
    let mut bob = Bot::in_room(server.address(), "bob", "general");
    let said = bob.ask(json!({"action": "history", "receiver": "general"})).ok().items;
    let texts: Vec<_> = said.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(texts, ["{\"action\":\"quit\"}", "still here"]);
    bob.client.finish();
    assert!(!bob.client.expect_end().contains("> "));
}

#[test]
fn the_port_for_programs_answers_invalid_requests_and_takes_no_names() {
    let server = Server::with("[json]\n");
    let mut client = Client::connect(server.json_address());
    client.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n\r\n{\"action\":\"ping\"}\n");
    let answers = client.expect_end();
    assert_eq!(answers.matches("bad_json").count(), 3, "{answers}");
    assert!(!answers.contains("\"ok\"") && answers.trim_end().ends_with('}'), "{answers}");
    // On the text port a request line is refused as a whole.
    let mut client = Client::connect(server.address());
    client.send_bytes(b"POST / HTTP/1.1\r\n\r\n{\"action\":\"ping\"}\n");
    assert!(client.expect_end().starts_with("HTTP/1.1 400"));
}

#[test]
fn a_tls_hello_and_a_proxy_header_get_their_own_answers() {
    let server = Server::with("[json]\n");
    // A record with a handshake, version 3.1 (RFC 8446, section 5.1), and the fatal alert that its sender understands.
    for reads in [vec![&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n\n\n"[..]], vec![b"\x16", b"\x03\x03\0\x05\n"]] {
        let mut client = Client::connect(server.json_address());
        reads.into_iter().for_each(|read| client.send_bytes(read));
        assert_eq!(client.expect_end().as_bytes(), [21, 3, 1, 0, 2, 2, 40]);
    }
    let mut client = Client::connect(server.json_address());
    client.send_bytes(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c");
    assert_eq!(client.expect_end(), "! Only the listeners in [proxy] take PROXY headers.\r\n");
    // After the first line, and in a line without an end, these bytes are not special.
    let mut client = Client::connect(server.json_address());
    client.send_bytes(b"{\"action\":\"ping\"}\n\x16\x03\x01\nGET / HTTP/1.1");
    client.finish();
    let answers = client.expect_end();
    assert_eq!((answers.matches("\"ok\"").count(), answers.matches("bad_json").count()), (1, 2), "{answers}");
}

#[test]
fn a_program_is_refused_in_json() {
    let server = Server::with("[json]\n[limits]\nexempt = []\nconnections_per_ip = 1\nmessages_per_second = 0\n");
    let mut bot = Bot::connect(server.json_address());
    bot.ask(json!({"action": "ping"})).ok();
    let rest = Bot::connect(server.json_address()).rest();
    assert_eq!((rest.len(), &rest[0]["action"]), (1, &json!("bye")));
}

#[cfg(feature = "tls")]
#[test]
fn programs_connect_with_tls_to_both_kinds_of_ports() {
    use crate::support::scratch;
    use crate::support::tls::Trust;

    for (name, section) in [
        ("tls", "[tls]\nlisten = [\"127.0.0.1:0\"]"),
        ("json, tls", "[json]\nlisten = []\ntls_listen = [\"127.0.0.1:0\"]"),
    ] {
        let directory = scratch();
        let server = Server::with(&format!("state_dir = \"{}\"\n{section}\n", directory.display()));
        let trust = Trust::in_file(&directory.join("chatsock-certificate.pem"));
        talks(Bot::over(trust.connect(server.listener(name))), "robo");
    }
}
