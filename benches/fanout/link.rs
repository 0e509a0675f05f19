//! One member's connection: text goes out and comes in, encrypted or plain.
//!
//! *Owns* the socket, its encryption, and the bytes that the socket has not accepted yet.
//! *Knows nothing of* lines, members and epoll; it only reports whether it waits for the socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(feature = "tls")]
use std::sync::Arc;

use socket2::{Domain, Socket, Type};

use crate::failure::Failure;
#[cfg(feature = "tls")]
use crate::tls;
use crate::web;

/// How the connections of a crowd are encrypted.
pub enum Encryption {
    Off,
    /// TLS with these settings.
    #[cfg(feature = "tls")]
    Tls(Arc<rustls::ClientConfig>),
    /// No encryption, but WebSocket.
    Web(web::Form),
}

impl Encryption {
    /// TLS, if it is in this build.
    #[cfg(feature = "tls")]
    pub fn tls() -> Result<Encryption, Failure> {
        tls::settings().map(Encryption::Tls)
    }

    /// TLS, if it is in this build.
    #[cfg(not(feature = "tls"))]
    pub fn tls() -> Result<Encryption, Failure> {
        Err(Failure::new("this build has no TLS; build it with --features tls"))
    }
}

/// Read buffers, shared by all links of a crowd, which are read in turn.
pub struct Buffers {
    received: Vec<u8>,
    /// The text within it, where it is not the same.
    decoded: Vec<u8>,
}

impl Buffers {
    /// Buffers for reads of `size` bytes.
    pub fn new(size: usize) -> Buffers {
        Buffers { received: vec![0; size], decoded: Vec::new() }
    }
}

/// The result of one `read`.
pub enum Received<'a> {
    Nothing,
    /// The connection has ended.
    End,
    /// Empty if the bytes belonged to the encryption alone.
    Text(&'a [u8]),
}

/// One member's connection.
pub struct Link {
    socket: TcpStream,
    unsent: Vec<u8>,
    cipher: Cipher,
}

enum Cipher {
    Off,
    #[cfg(feature = "tls")]
    Tls(Box<tls::Client>),
    Web(web::Client),
}

impl Link {
    /// Connects to a port of the loopback address. `receive_buffer` limits how much the kernel accepts unread.
    pub fn open(port: u16, receive_buffer: Option<usize>, encryption: &Encryption) -> Result<Link, Failure> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        // Blocking: on the loopback address this returns at once.
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let cipher = match encryption {
            Encryption::Off => Cipher::Off,
            #[cfg(feature = "tls")]
            Encryption::Tls(settings) => Cipher::Tls(Box::new(tls::Client::new(settings)?)),
            Encryption::Web(form) => Cipher::Web(web::Client::new(port, *form)),
        };
        Ok(Link { socket, unsent: Vec::new(), cipher })
    }

    /// Sends `text`, and pending messages of the encryption. What the socket does not accept at once is kept for later.
    pub fn send(&mut self, text: &[u8]) -> Result<(), Failure> {
        match &mut self.cipher {
            Cipher::Off => put(&self.socket, &mut self.unsent, text),
            #[cfg(feature = "tls")]
            Cipher::Tls(client) => put(&self.socket, &mut self.unsent, client.encrypt(text)?),
            Cipher::Web(client) => put(&self.socket, &mut self.unsent, client.encode(text)),
        }
    }

    /// Whether the encryption has messages of its own to send.
    pub fn wants_write(&self) -> bool {
        match &self.cipher {
            Cipher::Off => false,
            #[cfg(feature = "tls")]
            Cipher::Tls(client) => client.wants_write(),
            Cipher::Web(client) => client.wants_write(),
        }
    }

    /// Whether bytes are waiting for the socket to accept them.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends waiting bytes, as far as the socket accepts them.
    pub fn send_rest(&mut self) -> Result<(), Failure> {
        let taken = write_some(&self.socket, &self.unsent)?;
        self.unsent.drain(..taken);
        Ok(())
    }

    /// Reads once.
    pub fn read<'a>(&mut self, buffers: &'a mut Buffers) -> Result<Received<'a>, Failure> {
        let length = match (&self.socket).read(&mut buffers.received) {
            Ok(0) => return Ok(Received::End),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Received::Nothing);
            }
            // A reset is an end like any other; whether it was allowed is the caller's decision.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Received::End),
            Err(error) => return Err(error.into()),
        };
        match &mut self.cipher {
            Cipher::Off => Ok(Received::Text(&buffers.received[..length])),
            #[cfg(feature = "tls")]
            Cipher::Tls(client) => {
                buffers.decoded.clear();
                client.decrypt(&buffers.received[..length], &mut buffers.decoded)?;
                Ok(Received::Text(&buffers.decoded))
            }
            Cipher::Web(client) => {
                buffers.decoded.clear();
                client.decode(&buffers.received[..length], &mut buffers.decoded)?;
                Ok(Received::Text(&buffers.decoded))
            }
        }
    }

    /// The negotiated version and cipher, if the connection is encrypted.
    pub fn encryption(&self) -> Option<String> {
        match &self.cipher {
            Cipher::Off => None,
            #[cfg(feature = "tls")]
            Cipher::Tls(client) => client.negotiated(),
            Cipher::Web(_) => None,
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
