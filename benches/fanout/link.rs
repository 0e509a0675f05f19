//! One member's connection: text goes out and comes in, sealed or plain.
//!
//! *Owns* the socket, its encryption, and what the socket has not taken yet.
//! *Knows nothing of* lines, members and epoll; it only tells whether it waits for the socket. *Called by* `crowd`.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(feature = "tls")]
use std::sync::Arc;

use socket2::{Domain, Socket, Type};

use crate::failure::Failure;
#[cfg(feature = "tls")]
use crate::tls;

/// How all connections of a crowd are made.
pub enum Encryption {
    /// As plain text.
    Off,
    /// By TLS, with these settings.
    #[cfg(feature = "tls")]
    Tls(Arc<rustls::ClientConfig>),
}

impl Encryption {
    /// By TLS, if the build has it.
    #[cfg(feature = "tls")]
    pub fn tls() -> Result<Encryption, Failure> {
        tls::settings().map(Encryption::Tls)
    }

    /// By TLS, if the build has it.
    #[cfg(not(feature = "tls"))]
    pub fn tls() -> Result<Encryption, Failure> {
        Err(Failure::new("this build has no TLS; build it with --features tls"))
    }
}

/// Where a `read` puts what came; one for all links of a crowd, read in turn.
pub struct Buffers {
    came: Vec<u8>,
    #[cfg(feature = "tls")]
    opened: Vec<u8>,
}

impl Buffers {
    /// For `size` bytes at a time.
    pub fn new(size: usize) -> Buffers {
        Buffers {
            came: vec![0; size],
            #[cfg(feature = "tls")]
            opened: Vec::new(),
        }
    }
}

/// What one `read` brought.
pub enum Got<'a> {
    /// Nothing that counts.
    Nothing,
    /// The end of the connection.
    End,
    /// Text; none where what came was about the encryption alone.
    Text(&'a [u8]),
}

/// A connection of one member.
pub struct Link {
    socket: TcpStream,
    unsent: Vec<u8>,
    sealing: Sealing,
}

enum Sealing {
    Off,
    #[cfg(feature = "tls")]
    Tls(Box<tls::Client>),
}

impl Link {
    /// Connects to a port of the loopback address. `receive_buffer` bounds what the kernel takes unread.
    pub fn open(port: u16, receive_buffer: Option<usize>, encryption: &Encryption) -> Result<Link, Failure> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        // Blocking: on the loopback address it is over at once.
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let sealing = match encryption {
            Encryption::Off => Sealing::Off,
            #[cfg(feature = "tls")]
            Encryption::Tls(settings) => Sealing::Tls(Box::new(tls::Client::new(settings)?)),
        };
        Ok(Link { socket, unsent: Vec::new(), sealing })
    }

    /// Sends this, and what the encryption has to say by itself. What the socket does not take at once waits.
    pub fn send(&mut self, text: &[u8]) -> Result<(), Failure> {
        match &mut self.sealing {
            Sealing::Off => put(&self.socket, &mut self.unsent, text),
            #[cfg(feature = "tls")]
            Sealing::Tls(client) => put(&self.socket, &mut self.unsent, client.seal(text)?),
        }
    }

    /// Whether the encryption has something to say by itself.
    pub fn owes(&self) -> bool {
        match &self.sealing {
            Sealing::Off => false,
            #[cfg(feature = "tls")]
            Sealing::Tls(client) => client.owes(),
        }
    }

    /// Whether something waits for the socket to take it.
    pub fn waits(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends what waits, as far as the socket takes it.
    pub fn send_rest(&mut self) -> Result<(), Failure> {
        let taken = write_some(&self.socket, &self.unsent)?;
        self.unsent.drain(..taken);
        Ok(())
    }

    /// Reads once.
    pub fn read<'a>(&mut self, buffers: &'a mut Buffers) -> Result<Got<'a>, Failure> {
        let length = match (&self.socket).read(&mut buffers.came) {
            Ok(0) => return Ok(Got::End),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Got::Nothing);
            }
            // A reset is an end like another; whether it was allowed is the caller's question.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Got::End),
            Err(error) => return Err(error.into()),
        };
        match &mut self.sealing {
            Sealing::Off => Ok(Got::Text(&buffers.came[..length])),
            #[cfg(feature = "tls")]
            Sealing::Tls(client) => {
                buffers.opened.clear();
                client.open(&buffers.came[..length], &mut buffers.opened)?;
                Ok(Got::Text(&buffers.opened))
            }
        }
    }

    /// What the two sides have agreed on, if anything.
    pub fn encryption(&self) -> Option<String> {
        match &self.sealing {
            Sealing::Off => None,
            #[cfg(feature = "tls")]
            Sealing::Tls(client) => client.agreed(),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn put(socket: &TcpStream, unsent: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Failure> {
    let taken = if unsent.is_empty() && !bytes.is_empty() { write_some(socket, bytes)? } else { 0 };
    unsent.extend_from_slice(&bytes[taken..]);
    Ok(())
}

fn write_some(mut socket: &TcpStream, bytes: &[u8]) -> Result<usize, Failure> {
    match socket.write(bytes) {
        Ok(taken) => Ok(taken),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
