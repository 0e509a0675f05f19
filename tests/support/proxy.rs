//! `chatsock proxy` in this process, and handmade PROXY headers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread::JoinHandle;

use chatsock::cli::proxy::{Asks, Proxy, Stopper};
use chatsock::cli::{Protection, ProxyOptions, ServerAddress, Verbosity};
use chatsock::server;

/// The twelve bytes that every header begins with.
pub const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Builds a header from its parts.
pub fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a length").to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

/// The header of a proxy that connects for a client at this address, followed by `rest`.
pub fn header_for(client: &str, rest: &[u8]) -> Vec<u8> {
    match client.parse().expect("an address") {
        IpAddr::V4(address) => {
            let addresses = [&address.octets()[..], &[198, 51, 100, 1], &[0x10, 0x92, 0x15, 0xB3], rest].concat();
            header(0x21, 0x11, &addresses)
        }
        IpAddr::V6(address) => {
            let addresses = [&address.octets()[..], &[0x20; 16], &[0x10, 0x92, 0x15, 0xB3], rest].concat();
            header(0x21, 0x21, &addresses)
        }
    }
}

/// A terminal without a user.
struct Nobody;

impl Asks for Nobody {
    fn is_there(&self) -> bool {
        false
    }

    fn ask(&mut self, _: &str) -> io::Result<bool> {
        Ok(false)
    }

    fn tell(&mut self, _: &str) {}
}

/// A proxy that runs until it is dropped.
pub struct Running {
    address: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts on a free port.
    pub fn start(to: SocketAddr, protection: Protection, send_header: bool, most: usize) -> Running {
        let to = ServerAddress { host: to.ip().to_string(), port: to.port() };
        let (listen, verbosity) = (server::loopback(), Verbosity::Normal);
        let options = ProxyOptions { listen, to, protection, send_header, most, verbosity };
        let proxy = Proxy::bind(&options, &mut Nobody).expect("the proxy starts");
        let (address, stopper) = (proxy.address(), proxy.stopper());
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(move || proxy.run()).expect("a thread");
        Running { address, stopper, thread: Some(thread) }
    }

    /// Starts one to a server without TLS.
    pub fn plain(to: SocketAddr) -> Running {
        Running::start(to, Protection::Plain, false, 64)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and waits.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the proxy does not panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.stopper.stop();
        } else {
            self.end();
        }
    }
}
