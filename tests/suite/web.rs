//! The page and WebSocket over sockets: requests, frames, close codes, text sessions, and third-party clients.
//!
//! The rules of HTTP and WebSocket have unit tests without sockets.

#![cfg(target_os = "linux")]

mod clients;
mod closing;
mod files;
mod frames;
mod requests;
mod terminals;
#[cfg(feature = "tls")]
mod tls;

use std::net::SocketAddr;

use crate::support::web::{Socket, program};
use crate::support::{Client, Server};

/// A server with a listener for the page.
fn server() -> Server {
    server_with("")
}

/// The same with more in the section `[web]`, and after it.
fn server_with(extra: &str) -> Server {
    Server::with(&format!("[web]\nlisten = [\"127.0.0.1:0\"]\n{extra}"))
}

fn address(server: &Server) -> SocketAddr {
    server.listener("web")
}

/// Sends one request, and waits for its answer.
fn ask(client: &mut Client, request: &str) -> String {
    client.send_bytes(request.as_bytes());
    let answer = client.expect("\n");
    assert!(answer.contains("\"action\":\"ok\"") || answer.contains("\"action\":\"welcome\""), "{request}: {answer}");
    answer
}

/// A program that is logged in and in `general`.
fn in_general(server: &Server, name: &str) -> (Client, Socket) {
    let (mut client, socket) = program(address(server));
    ask(&mut client, &format!("{{\"action\":\"login\",\"content\":\"{name}\"}}"));
    client.send_bytes(b"{\"id\":\"join\",\"action\":\"join\",\"receiver\":\"general\"}");
    client.expect("{\"id\":\"join\",\"action\":\"ok\"");
    client.expect("\n");
    (client, socket)
}
