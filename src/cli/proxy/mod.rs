//! `chatsock proxy`: accepts telnet and nc here, and connects them to a server elsewhere by TLS.
//!
//! | file | owns |
//! | --- | --- |
//! | `mod` | the listener, the list of clients, and the stop |
//! | `start` | the certificate required of the server, settled at the start |
//! | `upstream` | the connection to the server |
//! | `tunnel` | one client's bytes in both directions |
//! | `client` | one client's threads |
//!
//! *Knows nothing of* the bytes that pass through it.

// Every arm is written out, so that the compiler asks about a new variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::{Protection, ProxyOptions};
use crate::server::{self, StartError};
use client::{ProxyClient, refuse};
use upstream::Upstream;

mod client;
#[cfg(feature = "tls")]
pub(in crate::cli) mod start;
mod tunnel;
pub(in crate::cli) mod upstream;

/// Stack of the thread that connects to the server, in bytes. Looking up a name takes more than anything else here, and needs an
/// eighth of it. The C library keeps 40 MiB of stacks of ended threads, with the pages that were used: the larger the
/// stacks, the fewer of them stay after many clients have connected at once.
const CONNECT_STACK: usize = 4 * 1024 * 1024;

/// Sent to a client if the proxy is full.
const FULL: &str = "This proxy is full. Please try again later.";

/// How many refused clients may be reading the reason at once.
const MOST_REFUSED: usize = 64;

/// How long the proxy waits for connections to end when it stops.
const STOPPING: Duration = Duration::from_secs(2);

/// How long to wait when the system has no more descriptors or threads.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// Why the proxy does not start.
#[derive(Debug)]
pub enum ProxyError {
    /// The address cannot be listened on, or a thread cannot be started.
    Start(StartError),
    /// The server is not known, or has another certificate than the known one. Complete lines or one sentence.
    NotTrusted(String),
    /// The list of known servers cannot be read or written.
    KnownServers(String, io::Error),
}

impl ProxyError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            ProxyError::Start(error) => error.is_users(),
            ProxyError::NotTrusted(_) => true,
            ProxyError::KnownServers(..) => false,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Start(error) => error.fmt(f),
            ProxyError::NotTrusted(why) => f.write_str(why),
            ProxyError::KnownServers(file, error) => write!(f, "{file}: {error}; or give --fingerprint"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ProxyError::Start(error) => error.source(),
            ProxyError::NotTrusted(_) => None,
            ProxyError::KnownServers(_, error) => Some(error),
        }
    }
}

impl From<StartError> for ProxyError {
    fn from(error: StartError) -> ProxyError {
        ProxyError::Start(error)
    }
}

/// Asks the user yes-or-no questions on a terminal.
pub trait Asks {
    /// Whether there is a terminal.
    fn is_there(&self) -> bool;

    /// Shows the text and reads the answer: true for yes.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    fn ask(&mut self, text: &str) -> io::Result<bool>;

    /// Shows a line.
    fn tell(&mut self, line: &str);
}

/// A proxy that listens but does not serve yet.
pub struct Proxy {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    shared: Arc<ProxyState>,
    is_plain: bool,
}

/// State shared by the threads.
struct ProxyState {
    upstream: Upstream,
    send_header: bool,
    most: usize,
    /// A leaf lock: nothing is read or written under it.
    clients: Mutex<Clients>,
    changed: Condvar,
}

#[derive(Default)]
struct Clients {
    open: HashMap<u64, Arc<TcpStream>>,
    last: u64,
    refused: usize,
    stopping: bool,
}

/// Stops a running proxy.
#[derive(Clone)]
pub struct Stopper {
    listener: Arc<TcpListener>,
    shared: Arc<ProxyState>,
}

impl Stopper {
    /// Stops the proxy gracefully: to the server it looks as if all clients had disconnected. Returns false if it is
    /// stopping already.
    pub fn stop(&self) -> bool {
        let mut clients = self.shared.clients();
        if std::mem::replace(&mut clients.stopping, true) {
            return false;
        }
        for client in clients.open.values() {
            // An error means that the socket is closed already.
            let _ = client.shutdown(Shutdown::Read);
        }
        drop(clients);
        // Wakes the thread in `accept`.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        true
    }
}

impl Proxy {
    /// Listens, and settles the certificate required of the server. It may ask the user.
    ///
    /// # Errors
    ///
    /// Why it cannot start.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "without TLS there is nothing to ask"))]
    pub fn bind(options: &ProxyOptions, asks: &mut dyn Asks) -> Result<Proxy, ProxyError> {
        let failed = |error| StartError::Listen { address: options.listen, name: server::PLAIN, error };
        let listener = server::listen(options.listen, false).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let is_plain = options.protection == Protection::Plain;
        let upstream = Upstream {
            to: options.to.clone(),
            #[cfg(feature = "tls")]
            expected: start::settle(options, asks)?,
        };
        let (send_header, most) = (options.send_header, options.most);
        let clients = Mutex::new(Clients::default());
        let shared = Arc::new(ProxyState { upstream, send_header, most, clients, changed: Condvar::new() });
        Ok(Proxy { listener: Arc::new(listener), address, shared, is_plain })
    }

    /// The line printed at the start.
    #[must_use]
    pub fn announcement(&self) -> String {
        let encryption = if self.is_plain { "plain" } else { "TLS" };
        format!("listening on {} (proxy to {}, {encryption})", self.address, self.shared.upstream.to)
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A warning if it listens on an address that other machines can reach.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let is_open = !self.address.ip().to_canonical().is_loopback();
        is_open.then(|| format!("{}: everything between here and the person can be read", self.address))
    }

    /// The handle that stops it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { listener: Arc::clone(&self.listener), shared: Arc::clone(&self.shared) }
    }

    /// Serves until it is stopped.
    pub fn run(self) {
        loop {
            match self.listener.accept() {
                Ok((stream, peer)) => self.shared.admit(stream, peer),
                Err(_) if self.shared.clients().stopping => break,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        log::warn!("cannot accept: {error}");
                        self.shared.wait(Instant::now() + EXHAUSTED_WAIT, |_| true);
                    }
                    // The peer left before it was accepted, or a signal interrupted the call.
                    _ => log::debug!("accept: {error}"),
                },
            }
        }
        let open = self.shared.wait(Instant::now() + STOPPING, |clients| !clients.open.is_empty());
        if open > 0 {
            log::info!("{open} connections were still open at the end");
        }
    }
}

impl ProxyState {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the condition holds, until the deadline at most. Returns the number of clients at the end.
    fn wait(&self, deadline: Instant, holds: impl Fn(&Clients) -> bool) -> usize {
        let mut clients = self.clients();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !holds(&clients) {
                return clients.open.len();
            }
            clients = self.changed.wait_timeout(clients, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let stream = Arc::new(stream);
        let id = {
            let mut clients = self.clients();
            if clients.stopping {
                return;
            }
            let is_full = clients.open.len() >= self.most;
            clients.last += 1;
            let id = clients.last;
            if is_full {
                if clients.refused >= MOST_REFUSED {
                    return log::info!("{peer}: refused without an answer: {FULL}");
                }
                clients.refused += 1;
            } else {
                clients.open.insert(id, Arc::clone(&stream));
            }
            (!is_full).then_some(id)
        };
        let client = ProxyClient { shared: Arc::clone(self), id, stream, peer, began: None };
        let name = id.map_or_else(|| "refused".to_owned(), |id| format!("client:{id}"));
        let work = move || {
            // A panic ends this connection only; the panic hook has reported it.
            let _ = catch_unwind(AssertUnwindSafe(|| match id {
                Some(id) => client.connect(id),
                None => {
                    log::info!("{peer}: refused: {FULL}");
                    refuse(&client.stream, FULL);
                }
            }));
        };
        if let Err(error) = thread::Builder::new().name(name).stack_size(CONNECT_STACK).spawn(work) {
            log::warn!("{peer}: cannot start a thread: {error}");
            self.wait(Instant::now() + EXHAUSTED_WAIT, |_| true);
        }
    }

    /// Removes a client. `None` stands for a refused one.
    fn leave(&self, id: Option<u64>) {
        let mut clients = self.clients();
        match id {
            Some(id) => drop(clients.open.remove(&id)),
            None => clients.refused -= 1,
        }
        drop(clients);
        self.changed.notify_all();
    }
}
