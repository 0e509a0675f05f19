//! One client of the proxy, from connecting to the server until both directions have ended.
//!
//! *Owns* the client's threads, and its refusal. *Knows nothing of* other clients.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::tunnel::Tunnel;
use super::upstream::Preface;
use super::{FULL, ProxyState};
use crate::server::set_options;

/// Stack of the two threads that copy, in bytes. The thread that connects does not copy, because stack pages stay
/// resident as long as their thread lives. And the stack is this small because the C library reuses cached stacks of up
/// to four times the requested size: a stack that was used for connecting is larger than that.
const TUNNEL_STACK: usize = 96 * 1024;

/// How long a refused client has to read the reason.
const REFUSED_STAYS: Duration = Duration::from_secs(1);

/// A client of the proxy. Dropped when both directions have ended.
pub(super) struct ProxyClient {
    pub(super) shared: Arc<ProxyState>,
    /// `None` if it is refused.
    pub(super) id: Option<u64>,
    pub(super) stream: Arc<TcpStream>,
    pub(super) peer: SocketAddr,
    /// When the connection to the server was established.
    pub(super) began: Option<Instant>,
}

impl Drop for ProxyClient {
    fn drop(&mut self) {
        // Fails if it is already closed.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let (Some(id), Some(began)) = (self.id, self.began) {
            log::info!("client {id} from {} disconnected after {} s", self.peer, began.elapsed().as_secs());
        }
        self.shared.leave(self.id);
    }
}

impl ProxyClient {
    /// Connects to the server, and starts the threads that copy.
    pub(super) fn connect(mut self, id: u64) {
        let peer = self.peer;
        set_options(&self.stream);
        let came_to = self.stream.local_addr().ok().filter(|_| self.shared.send_header);
        let preface = came_to.map_or(Preface::Nothing, |came_to| Preface::For(peer, came_to));
        let link = match self.shared.upstream.connect(preface) {
            Ok(link) => link,
            Err(error) => {
                let why = error.sentence(&self.shared.upstream.to);
                log::warn!("client {id} from {peer}: {why}");
                return refuse(&self.stream, &why);
            }
        };
        log::info!("client {id} from {peer} connected");
        self.began = Some(Instant::now());
        let tunnel = Tunnel::new(Arc::clone(&self.stream), link);
        let client = Arc::new(self);
        let started = start_copying(&client, &tunnel, "down", Tunnel::down)
            .and_then(|()| start_copying(&client, &tunnel, "up", Tunnel::up));
        if let Err(error) = started {
            log::warn!("client {id} from {peer}: cannot start a thread: {error}");
            refuse(&client.stream, FULL);
            tunnel.end();
        }
    }
}

/// Starts the thread for one direction. The last of the two threads to end drops the client.
fn start_copying(client: &Arc<ProxyClient>, tunnel: &Arc<Tunnel>, way: &str, copy: fn(&Tunnel)) -> io::Result<()> {
    let name = format!("client:{}:{way}", client.id.unwrap_or(0));
    let (client, tunnel) = (Arc::clone(client), Arc::clone(tunnel));
    let work = move || {
        // A panic ends this connection only; the panic hook has reported it.
        if catch_unwind(AssertUnwindSafe(|| copy(&tunnel))).is_err() {
            tunnel.end();
        }
        drop(client);
    };
    thread::Builder::new().name(name).stack_size(TUNNEL_STACK).spawn(work).map(drop)
}

/// Tells a client why it is not connected, and gives it time to read that: closing a socket with unread input would
/// discard the line.
pub(super) fn refuse(mut stream: &TcpStream, line: &str) {
    let deadline = Instant::now() + REFUSED_STAYS;
    let mut rest = [0; 512];
    let mut say = || -> io::Result<()> {
        stream.set_write_timeout(Some(REFUSED_STAYS))?;
        stream.write_all(format!("! {line}\r\n").as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            stream.set_read_timeout(Some(left))?;
            if stream.read(&mut rest)? == 0 {
                return Ok(());
            }
        }
    };
    // An error means that the client is gone or was too slow.
    let _ = say();
}
