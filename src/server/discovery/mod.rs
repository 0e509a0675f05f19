//! Makes the server known in the network: answers to `chatsock find`, and announcements by multicast DNS.
//!
//! *Owns* the facts that are announced about the server, and the choice of its listeners that other machines can reach.
//! *Knows nothing of* JSON and DNS.

mod announce;
mod answering;
mod doors;
mod service;

use std::io;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use socket2::{Domain, Protocol, Socket, Type};

use super::StartError;
use crate::config::{Config, DiscoveryConfig};
use crate::hub::Hub;
use announce::Announcer;
use answering::Answering;
pub(super) use doors::Doors;
pub use service::AvahiError;

/// The file with which avahi announces the server of this configuration, in place of the server itself.
///
/// # Errors
///
/// There is nothing to announce, or a port is not known.
pub fn avahi_service(config: &Config) -> Result<String, AvahiError> {
    service::avahi_service(config, super::transport::existing_fingerprint(config))
}

/// Stack of the threads here. They parse and write objects of a few hundred bytes, and log.
const STACK: usize = 64 * 1024;

/// The machine's name, up to the first dot.
fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let first = name.split('.').next().unwrap_or_default();
    if first.is_empty() { "this machine".to_owned() } else { first.to_owned() }
}

/// The server's name for people, at most as long as the configuration allows.
fn server_name(config: &DiscoveryConfig, machine: &str) -> String {
    if !config.name.is_empty() {
        return config.name.clone();
    }
    let name = format!("chatsock on {machine}");
    let mut end = name.len().min(DiscoveryConfig::MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// The bound sockets for questions.
pub(super) struct Sockets(Vec<(UdpSocket, SocketAddr)>);

impl Sockets {
    /// Binds the configured addresses.
    pub(super) fn bind(config: &DiscoveryConfig) -> Result<Sockets, StartError> {
        let bound = config.listen.iter().map(|address| {
            let beside_ipv4 = config.listen.iter().any(|other| other.is_ipv4() && other.port() == address.port());
            bind(*address, beside_ipv4).map_err(|error| StartError::Discovery { address: *address, error })
        });
        bound.collect::<Result<_, _>>().map(Sockets)
    }

    /// The lines printed at the start, with the ports that the system picked.
    pub(super) fn announcement(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(_, address)| format!("listening on {address} (discovery)"))
    }
}

/// Binds a socket that can answer an address, but never a whole network: without SO_BROADCAST the system refuses that.
fn bind(address: SocketAddr, only_v6: bool) -> io::Result<(UdpSocket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// Answers and announcements of a running server.
pub(super) struct Discovery {
    doors: Arc<Doors>,
    answering: Option<(UnixStream, JoinHandle<()>)>,
    announcer: Option<Announcer>,
}

impl Discovery {
    /// Starts answering and announcing, as configured.
    pub(super) fn start(sockets: Sockets, doors: Doors, hub: &Arc<Hub>) -> Result<Discovery, StartError> {
        let doors = Arc::new(doors);
        let mut discovery = Discovery { doors: Arc::clone(&doors), answering: None, announcer: None };
        if !sockets.0.is_empty() {
            let (stop, stopped) = UnixStream::pair().map_err(StartError::Thread)?;
            let id = random_digits().map_err(StartError::ExitCode)?;
            let mut answering = Answering::new(sockets, stopped, doors, Arc::clone(hub), id);
            let thread = thread::Builder::new().name("discovery".to_owned()).stack_size(STACK);
            let thread = thread.spawn(move || answering.run()).map_err(StartError::Thread)?;
            discovery.answering = Some((stop, thread));
        }
        discovery.announce(&hub.config());
        Ok(discovery)
    }

    /// Announces the services of a configuration, if they have changed.
    pub(super) fn announce(&mut self, config: &Config) {
        let wanted = service::services(config, &self.doors, &machine_name());
        let wanted = wanted.filter(|_| config.discovery.announce);
        if self.announcer.as_ref().map(Announcer::announced) == wanted.as_ref() {
            return;
        }
        // The goodbye of the old announcement goes out first.
        self.announcer = None;
        if config.discovery.announce && wanted.is_none() {
            log::warn!("announce is on in [discovery], but no listener is open to others in this network");
        }
        self.announcer = wanted.and_then(|services| {
            Announcer::start(services).inspect_err(|error| log::warn!("cannot announce the server: {error}")).ok()
        });
    }

    /// Says goodbye, and stops answering.
    pub(super) fn stop(mut self) {
        self.announcer = None;
        if let Some((stop, thread)) = self.answering.take() {
            drop(stop);
            // A panic has already been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

/// Keeps the addresses of the configuration that is replaced.
pub(super) fn keep_listeners(old: &DiscoveryConfig, new: &mut DiscoveryConfig) {
    if old.listen != new.listen {
        log::warn!("the addresses of [discovery] have changed; this needs a restart, so the old ones stay");
        new.listen.clone_from(&old.listen);
    }
}

/// Eight random bytes in hexadecimal digits.
fn random_digits() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a receive found no packet, which also happens after one with a wrong checksum.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
