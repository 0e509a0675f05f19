//! A server with the page, and a door in front of it that can be shut.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::chromium::Chromium;
use crate::devtools::lock;
use crate::support::Server;
use crate::visitor::Visitor;

/// Two rooms, and the page; for the end of a configuration.
pub const WEB: &str = "[rooms.general]\n[rooms.games]\n[web]\nlisten = [\"127.0.0.1:0\"]\n";

/// A server in this process, with the page.
pub struct Site {
    server: Server,
    url: String,
}

impl Deref for Site {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Site {
    /// One with the usual rooms.
    pub fn start() -> Site {
        Site::with("")
    }

    /// One with `extra` in its configuration.
    pub fn with(extra: &str) -> Site {
        Site::of(Server::with(&format!("{extra}\n{WEB}")))
    }

    /// A server that has the page.
    pub fn of(server: Server) -> Site {
        let url = url(server.listener("web"));
        Site { server, url }
    }

    /// Where the page is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody in the chat, in no room yet.
    pub fn visitor(&self, browser: &'static Chromium, name: &str) -> Visitor {
        Visitor::login(browser, &self.url, name)
    }

    /// Somebody in a room of the list.
    pub fn visitor_in(&self, browser: &'static Chromium, name: &str, room: &str) -> Visitor {
        let visitor = self.visitor(browser, name);
        visitor.enter_room(room);
        visitor
    }
}

/// The page at an address.
pub fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

/// An address that stays while the servers behind it come and go.
pub struct Doorway {
    address: SocketAddr,
    behind: Arc<Mutex<Behind>>,
}

#[derive(Default)]
struct Behind {
    server: Option<SocketAddr>,
    open: Vec<TcpStream>,
}

impl Doorway {
    /// One in front of a server.
    pub fn to(server: SocketAddr) -> Doorway {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let behind = Arc::new(Mutex::new(Behind { server: Some(server), open: Vec::new() }));
        let shared = Arc::clone(&behind);
        thread::spawn(move || {
            for outside in listener.incoming().map_while(Result::ok) {
                let mut behind = lock(&shared);
                // Where there is no server, a connection is closed as soon as it is made.
                let Some(inside) = behind.server.and_then(|server| TcpStream::connect(server).ok()) else { continue };
                let copies = outside.try_clone().and_then(|outside| Ok((outside, inside.try_clone()?)));
                let (other_outside, other_inside) = copies.expect("copies");
                behind.open.extend([outside.try_clone().expect("a copy"), inside.try_clone().expect("a copy")]);
                thread::spawn(move || pass(outside, inside));
                thread::spawn(move || pass(other_inside, other_outside));
            }
        });
        Doorway { address, behind }
    }

    /// Its own address.
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// Cuts all connections, and lets nobody in until there is another server.
    pub fn shut(&self) {
        let mut behind = lock(&self.behind);
        behind.server = None;
        for stream in behind.open.drain(..) {
            // It may have ended.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Leads to another server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        lock(&self.behind).server = Some(server);
    }
}

/// Passes on what one side sends until it ends.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Either may have ended already.
    let _ = to.shutdown(Shutdown::Write);
}
