//! The server itself: it opens the listeners, runs their threads, and stops gracefully.
//!
//! To run a server in your own process, call [`bind`], then [`Server::run`].
//!
//! *Owns* the order of starting and stopping.
//! *Knows nothing of* what happens in a session.

mod accept;
mod capacity;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "discovery")]
mod discovery;
mod error;
mod files;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "cluster")]
mod nodes;
mod ports;
mod proxy_header;
mod reload;
mod reminder;
mod socket_options;
mod stop;
pub mod systemd;
mod time_zone;
mod transport;
mod turned_away;
#[cfg(feature = "web")]
mod web;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::access::shutdown_code::ShutdownCode;
use crate::config::Config;
#[cfg(feature = "web")]
use crate::hub::page::WebPage;
use crate::hub::{Hub, ServerRequest};
use crate::store::{OpenError, Store, StoreEvent, StoreEventHandler, StoreOptions, StoredState};
use crate::ui::screen::Clock;
#[cfg(feature = "metrics")]
use metrics::MetricsListener;
use ports::Ports;
use reload::{reconfigure, warn_of_certificate};
use reminder::Reminder;
use transport::{Entrance, Service, Transport};

pub use capacity::{Capacity, make_room_for_threads};
#[cfg(feature = "tls")]
pub use certificate::CertificateError;
#[cfg(feature = "discovery")]
pub use discovery::{AvahiError, avahi_service};
pub use error::{PLAIN, StartError};
pub(crate) use socket_options::set_options;

/// Connections that the kernel queues for the accept loop. With std's 128, a burst of 256 logins drops to a quarter of
/// the rate: connections that overflow the queue come back only with the next SYN retransmission, a second later.
const BACKLOG: i32 = 4096;

/// How long the store may take to write the last messages.
const STORING: Duration = Duration::from_secs(5);

/// Stack of the server's own threads: they render, send and log, without deep calls.
const SERVER_STACK: usize = 256 * 1024;

/// A listener and its description.
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    service: Service,
    transport: Transport,
}

/// A server that is bound to its ports and not running yet.
pub struct Server {
    listeners: Vec<Listener>,
    #[cfg(feature = "discovery")]
    questions: discovery::Sockets,
    #[cfg(feature = "metrics")]
    metrics: Option<MetricsListener>,
    hub: Arc<Hub>,
    /// Its membership in a cluster, if it is part of one.
    #[cfg(feature = "cluster")]
    joined: Option<nodes::Joined>,
    capacity: Capacity,
    requests: Sender<ServerRequest>,
    requested: Receiver<ServerRequest>,
}

/// Binds the ports, and prepares what the configuration asks for: the certificate, the store, the exit code.
pub fn bind(config: Config, capacity: Capacity) -> Result<Server, StartError> {
    bind_with(config, capacity, Store::open)
}

/// Like [`bind`] with another way to open the store, for tests with their own clocks.
#[doc(hidden)]
pub fn bind_with(
    config: Config,
    capacity: Capacity,
    open: impl FnOnce(StoreOptions, StoreEventHandler) -> Result<(Arc<Store>, StoredState), OpenError>,
) -> Result<Server, StartError> {
    let all = transport::plan(&config)?;
    let mut listeners = Vec::new();
    for &(service, ref transport, address) in &all {
        // `[::]` also accepts IPv4 (as mapped addresses, RFC 4291, section 2.5.5.2), unless IPv4 has its own listener.
        let beside_ipv4 = all.iter().any(|(_, _, other)| other.is_ipv4() && other.port() == address.port());
        let failed = |error| StartError::Listen { address, name: transport.name(service), error };
        let socket = listen(address, beside_ipv4).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        listeners.push(Listener { socket, address, service, transport: transport.clone() });
    }
    #[cfg(feature = "discovery")]
    let questions = discovery::Sockets::bind(&config.discovery)?;
    #[cfg(feature = "metrics")]
    let metrics = MetricsListener::bind(&config.metrics)?;
    #[cfg(feature = "metrics")]
    config.metrics.warning().iter().for_each(|warning| log::warn!("{warning}"));
    let shutdown_code = config.exit_code.then(ShutdownCode::generate).transpose().map_err(StartError::ExitCode)?;
    let (requests, requested) = mpsc::channel();
    let weak_hub = Arc::new(OnceLock::new());
    let stored = open_store(&config, Arc::clone(&weak_hub), open)?;
    #[cfg(feature = "cluster")]
    let (archive, stored) = nodes::take_archive(&config, stored)?;
    let hub = Arc::new(Hub::new(config, Clock::new(time_zone::find()), shutdown_code, requests.clone(), stored));
    // Set once, here.
    let _ = weak_hub.set(Arc::downgrade(&hub));
    #[cfg(feature = "web")]
    if let Some(listener) = listeners.iter().find(|listener| listener.service == Service::Web) {
        hub.open_page(WebPage::new(listener.address.port(), !listener.transport.is_plain()));
    }
    let each = listeners.iter().map(|listener| (listener.service, &listener.transport, listener.address));
    hub.transfers.set_ports(files::ports(each));
    #[cfg(feature = "cluster")]
    let joined = nodes::join_configured(&hub, listeners.first().map_or(0, |first| first.address.port()), archive)?;
    Ok(Server {
        #[cfg(feature = "cluster")]
        joined,
        listeners,
        #[cfg(feature = "discovery")]
        questions,
        #[cfg(feature = "metrics")]
        metrics,
        hub,
        capacity,
        requests,
        requested,
    })
}

/// Checks the certificate and key that a configuration refers to, without starting, making or changing anything.
/// Returns warnings for the admin, one sentence each.
#[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no certificate"))]
pub fn check(config: &Config, now: Timestamp) -> Result<Vec<String>, StartError> {
    #[cfg(feature = "metrics")]
    let of_metrics = config.metrics.warning();
    #[cfg(not(feature = "metrics"))]
    let of_metrics = None;
    #[cfg(feature = "cluster")]
    config.cluster.as_ref().map_or(Ok(()), crate::cluster::check_files).map_err(StartError::Cluster)?;
    #[cfg(feature = "tls")]
    if transport::needs_certificate(config) {
        let of_certificate = certificate::check(config, now).map_err(StartError::Certificate)?;
        return Ok(of_metrics.into_iter().chain(of_certificate).collect());
    }
    Ok(of_metrics.into_iter().collect())
}

/// Opens the store, if there is one. Later problems go to the log and to the operators.
fn open_store(
    config: &Config,
    weak_hub: Arc<OnceLock<Weak<Hub>>>,
    open: impl FnOnce(StoreOptions, StoreEventHandler) -> Result<(Arc<Store>, StoredState), OpenError>,
) -> Result<Option<(Arc<Store>, StoredState)>, StartError> {
    let Some(storage) = &config.storage else { return Ok(None) };
    let options = StoreOptions {
        path: storage.path.clone(),
        history: storage.history,
        retention: storage.retention,
        history_max: config.history_max,
    };
    let report = move |event: StoreEvent| {
        let hub = weak_hub.get().and_then(Weak::upgrade);
        match event {
            StoreEvent::ChangedExternally => {
                log::info!("{event}");
                return hub.iter().for_each(Hub::review_accounts);
            }
            StoreEvent::Expired { .. } => return log::info!("{event}"),
            StoreEvent::DiskFailed(_)
            | StoreEvent::WritesLost { .. }
            | StoreEvent::DiskRecovered { .. }
            | StoreEvent::IdsNotReserved(_)
            | StoreEvent::ClockSuspect(_)
            | StoreEvent::ClockTrusted => {}
        }
        log::warn!("{event}");
        if let Some(hub) = hub {
            hub.tell_operators(&event.to_string());
        }
    };
    open(options, Box::new(report)).map(Some).map_err(StartError::Store)
}

/// Listens at an address. With `only_v6`, an IPv6 address does not accept IPv4 as well.
pub(crate) fn listen(address: SocketAddr, only_v6: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Server {
    /// The lines printed at the start: one per listener, one with the certificate's fingerprint, and one with the exit code,
    /// which must not get into the log.
    pub fn announcement(&self) -> impl Iterator<Item = String> {
        let exit_code = self.hub.shutdown_code().map(|code| format!("exit code: {code}"));
        let listeners = self.listeners.iter().map(|listener| {
            format!("listening on {} ({})", listener.address, listener.transport.name(listener.service))
        });
        #[cfg(feature = "discovery")]
        let listeners = listeners.chain(self.questions.announcement());
        let fingerprint = self.listeners.iter().find_map(|listener| listener.transport.fingerprint());
        let certificate = fingerprint.map(|fingerprint| format!("certificate SHA-256 {fingerprint}"));
        #[cfg(feature = "metrics")]
        let listeners = listeners.chain(self.metrics.as_ref().map(MetricsListener::announcement));
        listeners.chain(certificate).chain(exit_code)
    }

    /// The addresses of the listeners: plain, quick, the page, programs, files, then the same with TLS.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// The state shared with the sessions.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// A sender for requests, before and while the server runs. The same as [`Hub::request`].
    pub fn requests(&self) -> Sender<ServerRequest> {
        self.requests.clone()
    }

    /// Serves until a stop is requested, then stops gracefully.
    ///
    /// # Errors
    ///
    /// A thread cannot be started, or not everything could be written at the end.
    pub fn run(self) -> Result<(), StartError> {
        #[cfg(feature = "discovery")]
        let mut discovery = {
            let each = self.listeners.iter().map(|listener| (listener.service, &listener.transport, listener.address));
            discovery::Discovery::start(self.questions, discovery::Doors::new(each), &self.hub)?
        };
        let Server {
            listeners,
            #[cfg(feature = "cluster")]
            joined,
            hub,
            capacity,
            requested,
            ..
        } = self;
        #[cfg(feature = "metrics")]
        let metrics = self.metrics.map(|listener| listener.start(&hub)).transpose()?;
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address).collect();
        let slow_readers = Arc::clone(&hub.slow_readers);
        let sweep = server_thread("slow-readers".to_owned(), move || slow_readers.run())?;
        let timer = Arc::clone(&hub);
        let timer =
            server_thread("timer".to_owned(), move || timer.timer.run(|task| timer.carry_out(task, Instant::now())))?;
        let mut accepting = Vec::new();
        // A client on the wrong port is sent to the right one of its kind.
        let port = |service: Service, plain| {
            let mut alike = listeners.iter().filter(|listener| service.is_alike(listener.service));
            alike.find(|listener| listener.transport.is_plain() == plain).map(|listener| listener.address.port())
        };
        let ports: Vec<_> = listeners
            .iter()
            .map(|listener| Ports { plain: port(listener.service, true), tls: port(listener.service, false) })
            .collect();
        let sockets: Vec<_> = listeners
            .into_iter()
            .zip(ports)
            .map(|(Listener { socket, service, transport, .. }, ports)| {
                Arc::new((socket, Arc::new(Entrance { service, transport, ports })))
            })
            .collect();
        for (shared, address) in sockets.iter().zip(&addresses) {
            let (shared, hub) = (Arc::clone(shared), Arc::clone(&hub));
            accepting.push(server_thread(format!("accept:{}", address.port()), move || {
                accept::accept(&shared.0, &shared.1, &hub, capacity);
            })?);
        }
        systemd::tell_ready("accepting connections");
        let certificate =
            sockets.iter().find(|socket| !socket.1.transport.is_plain()).map(|socket| &socket.1.transport);
        let mut reminder = Reminder::new(Instant::now());
        let request = loop {
            if reminder.is_due(Instant::now()) {
                certificate.iter().for_each(|transport| warn_of_certificate(&hub, transport));
            }
            let wait = reminder.wait(Instant::now());
            match requested.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(ServerRequest::Reconfigure(config)) => {
                    reconfigure(&hub, *config, sockets.iter().map(|socket| &socket.1.transport));
                    #[cfg(feature = "discovery")]
                    discovery.announce(&hub.config());
                }
                // The requester may be gone.
                Ok(ServerRequest::Report(done)) => _ = done.send(()),
                // Never disconnected, since the hub has a sender.
                Ok(request @ (ServerRequest::Stop | ServerRequest::StopWithAll)) => break request,
                Err(RecvTimeoutError::Disconnected) => break ServerRequest::Stop,
            }
        };
        // Discovery stops first, so that nobody finds a server that no longer admits anyone.
        #[cfg(feature = "discovery")]
        discovery.stop();
        stop::stop(&hub, &request);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = metrics {
            metrics.stop();
        }
        hub.slow_readers.stop();
        hub.timer.stop();
        hub.work.stop();
        let written = hub.store().map_or(Ok(()), |store| store.close(Instant::now() + STORING));
        #[cfg(feature = "cluster")]
        let written = joined.map_or(Ok(()), |joined| joined.leave(Instant::now() + STORING)).and(written);
        for socket in &sockets {
            // Wakes the thread in `accept`. A listener that cannot be shut down ends with the process.
            let _ = SockRef::from(&socket.0).shutdown(std::net::Shutdown::Both);
        }
        for thread in accepting.into_iter().chain([sweep, timer]) {
            // A panic has already been reported by the panic hook.
            let _ = thread.join();
        }
        written.map_err(StartError::NotWritten)
    }
}

fn server_thread(name: String, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, StartError> {
    thread::Builder::new().name(name).stack_size(SERVER_STACK).spawn(work).map_err(StartError::Thread)
}

/// A listen address for tests and benchmarks: any free port of this machine.
pub fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
