//! The connection to the server: one thread that connects and reads, and the writing end.
//!
//! *Owns* the socket, and the lines in its bytes. *Knows nothing of* what the lines say.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::signal::{ClientSignal, ServerNews};
use super::target::ConnectTarget;
use crate::cli::proxy::upstream::UpstreamConnection;
use crate::protocol::wire::{Codec, Progress};

/// Bytes read at a time. A history of some hundred messages comes in a few reads.
const AT_A_TIME: usize = 64 * 1024;

/// How long the server may accept no byte of a request. It always reads, so after that it cannot be reached.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// The writing end of a connection.
pub(super) struct ServerLink {
    number: u64,
    stream: Arc<TcpStream>,
    /// A leaf lock. Nothing is read under it. Bytes are written under it, so that encrypted ones go out in order; only
    /// the client's loop writes, and the reader when TLS needs an answer.
    codec: Arc<Mutex<Codec>>,
}

/// Starts the thread that makes a connection and reads from it. `avoided` is an address of the host that is tried last.
pub(super) fn dial(
    number: u64,
    target: ConnectTarget,
    avoided: Option<IpAddr>,
    inbox: LinkSender,
    signals: SyncSender<ClientSignal>,
) -> io::Result<()> {
    thread::Builder::new().name(format!("connect:{number}")).spawn(move || match target.connect(avoided) {
        Ok(connection) => {
            let link = ServerLink::over(number, connection);
            let reader = link.reader();
            if inbox.send((number, LinkEnd(link))).is_ok() {
                tell(&signals, number, ServerNews::Up);
                reader.run(&signals);
            }
        }
        Err((why, false)) => tell(&signals, number, ServerNews::Down(why)),
        Err((why, true)) => tell(&signals, number, ServerNews::Changed(why)),
    })?;
    Ok(())
}

/// Sends new connections with their numbers to the loop: at most one per attempt, and one attempt at a time.
pub(super) type LinkSender = Sender<(u64, LinkEnd)>;

/// A connection on its way from the thread that made it.
pub(super) struct LinkEnd(pub(super) ServerLink);

fn tell(signals: &SyncSender<ClientSignal>, number: u64, news: ServerNews) {
    // An error means that the client has ended.
    let _ = signals.send(ClientSignal::Server(number, news));
}

/// The reading end.
pub(super) struct LinkReader {
    number: u64,
    stream: Arc<TcpStream>,
    codec: Arc<Mutex<Codec>>,
}

fn locked(codec: &Mutex<Codec>) -> MutexGuard<'_, Codec> {
    codec.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServerLink {
    /// Makes a link of a new connection.
    pub(super) fn over(number: u64, connection: UpstreamConnection) -> ServerLink {
        let UpstreamConnection { stream, codec } = connection;
        // An error only means that writes may wait longer.
        let _ = stream.set_write_timeout(Some(WRITE_PATIENCE));
        ServerLink { number, stream: Arc::new(stream), codec: Arc::new(Mutex::new(codec)) }
    }

    pub(super) fn reader(&self) -> LinkReader {
        LinkReader { number: self.number, stream: Arc::clone(&self.stream), codec: Arc::clone(&self.codec) }
    }

    /// `TLS 1.3`, or nothing.
    pub(super) fn security(&self) -> Option<String> {
        locked(&self.codec).encryption().map(str::to_owned)
    }

    /// The server's address.
    pub(super) fn peer(&self) -> io::Result<std::net::SocketAddr> {
        self.stream.peer_addr()
    }

    /// Sends bytes.
    pub(super) fn send(&self, plain: &[u8]) -> io::Result<()> {
        let mut codec = locked(&self.codec);
        let mut encoded = Vec::with_capacity(plain.len() + 64);
        codec.encode(plain, &mut encoded);
        (&*self.stream).write_all(&encoded)
    }

    /// Ends the connection. Anything already sent goes out.
    pub(super) fn close(&self) {
        let mut codec = locked(&self.codec);
        let end = codec.close(1000, "");
        // Errors mean that it is gone already.
        let _ = (&*self.stream).write_all(&end);
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl LinkReader {
    /// Starts a thread that reads to the end.
    pub(super) fn start(self, signals: SyncSender<ClientSignal>) -> io::Result<()> {
        thread::Builder::new().name(format!("connect:{}", self.number)).spawn(move || self.run(&signals))?;
        Ok(())
    }

    fn run(self, signals: &SyncSender<ClientSignal>) {
        let why = self.read(signals);
        tell(signals, self.number, ServerNews::Down(why));
    }

    fn read(&self, signals: &SyncSender<ClientSignal>) -> String {
        let mut buffer = vec![0; AT_A_TIME];
        let mut chunk = 0;
        loop {
            let mut plain = Vec::new();
            let mut answer = Vec::new();
            let progress = {
                let mut codec = locked(&self.codec);
                let progress = codec.feed(&buffer[..chunk], &mut plain, &mut answer);
                if !answer.is_empty() {
                    // An error shows at the next read.
                    let _ = (&*self.stream).write_all(&answer);
                }
                progress
            };
            if !plain.is_empty() && signals.send(ClientSignal::Server(self.number, ServerNews::Bytes(plain))).is_err() {
                return String::new();
            }
            match progress {
                Ok(Progress::Open | Progress::ShakingHands) => {}
                Ok(Progress::Closed) => return "The server has closed the connection.".to_owned(),
                Err(_) => return "The encryption of the connection has failed.".to_owned(),
            }
            chunk = loop {
                match (&*self.stream).read(&mut buffer) {
                    Ok(0) => return "The server has closed the connection.".to_owned(),
                    Ok(count) => break count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return format!("The connection broke: {}.", error.kind()),
                }
            };
        }
    }
}
