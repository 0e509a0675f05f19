//! The memory of an idle user: the stack of the thread, and the total.
//!
//! The server runs as a separate process, so that no other test's memory is counted.

#![cfg(target_os = "linux")]

#[cfg(feature = "json")]
use crate::support::json::Bot;
use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::{Client, Program};

/// The first clients touch code and grow tables that all later ones share.
const WARM_UP: usize = 20;
const CLIENTS: usize = 100;

/// Most KB of stack that may be resident for an idle client; [`serve`](chatsock::server) and all it calls share this.
///
/// The kernel gives stack in pages of 4 KB, and a page that was ever touched stays resident until the thread ends: the
/// deepest call of a login, join or view decides. An optimised build needs two pages, one of which is the C library's
/// own. It may have a third here, since other C libraries and architectures take more. An unoptimised build needs five,
/// and may have a sixth. If this fails, a stack frame of that call has grown: move large or rare code into a function
/// that is `#[inline(never)]`, or large data into a box.
const STACK: usize = if cfg!(debug_assertions) { 24 } else { 12 };

/// Most KB resident for an idle client altogether: its stack, and about 5 KB on the heap, of which the C library takes
/// one for the thread itself. Half as much again, since allocators differ.
const TOTAL: usize = STACK + 8;

/// The server's `CLIENT_STACK`, by which the thread's stack is recognised among other memory.
const RESERVED: usize = 128;

/// The resident KB of each mapping of the size of a client's stack.
fn stacks(maps: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut is_stack = false;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if let Some((start, end)) = first.split_once('-') {
            let [start, end] = [start, end].map(|address| usize::from_str_radix(address, 16).expect("an address"));
            is_stack = second.starts_with("rw") && words.count() == 3 && end - start == RESERVED * 1024;
        } else if is_stack && first == "Rss:" {
            found.push(second.parse().expect("a number"));
        }
    }
    found
}

/// Most KB resident for an idle program in a WebSocket: 20 in an optimised build. An unoptimised one reads the request of a
/// browser with a deeper call, which is a page more.
#[cfg(feature = "web")]
const WEB_TOTAL: usize = if cfg!(debug_assertions) { TOTAL + 4 } else { 20 };

/// The resident KB per client, for many clients that `chat` brings into a room.
#[cfg(feature = "json")]
fn resident_each<C>(server: &Logged, chat: impl Fn(String) -> C) -> usize {
    let mut clients: Vec<_> = (0..WARM_UP).map(|n| chat(format!("w{n:03}"))).collect();
    let before = server.resident();
    clients.extend((0..CLIENTS).map(|n| chat(format!("p{n:03}"))));
    // The last answer has been sent, and its thread goes back to waiting.
    eventually("all threads have stacks", || stacks(&server.maps()).len() >= clients.len());
    server.resident().saturating_sub(before) / CLIENTS
}

#[cfg(feature = "json")]
#[test]
fn an_idle_program_takes_no_more_memory_than_a_terminal_may() {
    let config = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n");
    let mut server = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = server.address();
    let each = resident_each(&server, |name| Bot::in_room(address, &name, "general"));
    assert!(each <= TOTAL, "{each} KB per idle program, {TOTAL} allowed");
    let mut server = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = server.address();
    let terminal = resident_each(&server, |name| {
        let mut client = Client::login(address, &name);
        client.send(":join general");
        client.expect("[general]> ");
        client
    });
    // A program takes about 1 KB more than a terminal, but no further page of stack.
    assert!(each <= terminal + 3, "{each} KB per idle program, {terminal} per terminal");
}

#[cfg(feature = "web")]
#[test]
fn an_idle_program_in_a_websocket_takes_no_more_memory_than_its_budget() {
    use crate::support::web::program;
    let text = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[web]\nlisten = [\"127.0.0.1:0\"]\n";
    let mut server = Logged::start(Program::command(&["--config", argument(&file("chatsock.toml", text))]));
    // The telnet listener comes first.
    server.address();
    let address = server.address();
    let each = resident_each(&server, |name| {
        let (mut client, socket) = program(address);
        client.send_bytes(format!("{{\"action\":\"login\",\"content\":\"{name}\"}}").as_bytes());
        client.send_bytes(b"{\"id\":\"in\",\"action\":\"join\",\"receiver\":\"general\"}");
        client.expect("{\"id\":\"in\",\"action\":\"ok\"");
        (client, socket)
    });
    assert!(each <= WEB_TOTAL, "{each} KB per idle program, {WEB_TOTAL} allowed");
}

#[test]
fn an_idle_user_takes_no_more_memory_than_the_budget() {
    let config = file("chatsock.toml", "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n");
    let mut program = Logged::start(Program::command(&["--config", argument(&config)]));
    let address = program.address();
    let mut clients: Vec<Client> =
        (0..WARM_UP).map(|n| Client::chat(address, &format!("w{n:03}"), "general")).collect();
    let before = program.resident();
    clients.extend((0..CLIENTS).map(|n| Client::chat(address, &format!("p{n:03}"), "general")));
    // The last answer has been sent, and its thread goes back to waiting.
    let mut stacks_now = Vec::new();
    eventually("all threads have stacks", || {
        stacks_now = stacks(&program.maps());
        stacks_now.len() >= clients.len()
    });
    stacks_now.sort_unstable();
    let median = stacks_now[stacks_now.len() / 2];
    assert!((8..=STACK).contains(&median), "{median} KB of stack per idle client, {STACK} allowed");
    let each = program.resident().saturating_sub(before) / CLIENTS;
    assert!(each <= TOTAL, "{each} KB per idle client, {TOTAL} allowed; {median} of it is stack");
}
