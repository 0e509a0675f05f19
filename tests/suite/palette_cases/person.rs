//! One client of a case: its socket and its screen. *Knows nothing of* expectations.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::screen::Screen;

/// A person at a terminal.
pub struct Person {
    /// The name in the case.
    pub name: String,
    /// The person's screen.
    pub screen: Screen,
    /// Whether the connection is over.
    pub over: bool,
    stream: TcpStream,
}

impl Person {
    /// Connects.
    pub fn connect(name: &str, address: SocketAddr) -> Person {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        Person { name: name.to_owned(), screen: Screen::default(), over: false, stream }
    }

    /// Sends what the person types. The server may have closed already.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.screen.type_bytes(bytes);
        if self.stream.write_all(bytes).is_err() {
            self.over = true;
        }
    }

    /// Half-closes.
    pub fn finish(&self) {
        // The server may have closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Reads the bytes that have arrived.
    pub fn look(&mut self) {
        self.stream.set_nonblocking(true).expect("a socket");
        while self.read() {}
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Waits until the screen is as wanted, the deadline passes, or the connection is over. Returns whether it is as
    /// wanted.
    pub fn wait(&mut self, deadline: Instant, wanted: impl Fn(&Person) -> bool) -> bool {
        loop {
            if wanted(self) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.over || left.is_zero() {
                return false;
            }
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).expect("a timeout");
            self.read();
        }
    }

    /// Reads once. Returns whether anything came.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) if count > 0 => {
                self.screen.feed(&buffer[..count]);
                return true;
            }
            // Interrupted: the process was stopped and continued (signal(7)).
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            _ => self.over = true,
        }
        false
    }
}
