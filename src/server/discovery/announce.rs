//! Announcements by multicast DNS (RFC 6762), with the library `mdns-sd`.
//!
//! *Owns* when the server is announced, and the goodbye. A service or host name that another machine has taken gets a
//! number appended.
//! *Knows nothing of* what is announced.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mdns_sd::{DaemonEvent, IfKind, Receiver, ServiceDaemon, ServiceInfo};

use super::service::NetworkServices;
use super::{STACK, random_digits};

/// How long the goodbye may take. It is one packet in each network, and its loss only means that the others find out later.
const GOODBYE: Duration = Duration::from_millis(500);

/// How often to check the machine's networks for changes, in seconds. The library's default of five wakes the processor
/// for nothing on a machine that does not move.
const LOOK_EVERY: u32 = 30;

/// Name changes remembered, to report each once: more than there are services.
const MOST_CHANGES: usize = 8;

/// Why the server cannot be announced.
#[derive(Debug)]
pub(super) struct AnnounceError(String);

impl std::fmt::Display for AnnounceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<mdns_sd::Error> for AnnounceError {
    fn from(error: mdns_sd::Error) -> AnnounceError {
        AnnounceError(error.to_string())
    }
}

/// Announces the server until it is dropped.
pub(super) struct Announcer {
    services: NetworkServices,
    daemon: ServiceDaemon,
    /// The names under which the services were registered.
    registered: Vec<String>,
    /// Reports what the library finds.
    reporter: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Starts to announce.
    pub(super) fn start(services: NetworkServices) -> Result<Announcer, AnnounceError> {
        // A unique host name, because HOSTNAME.local may belong to another program on this machine.
        let digits = random_digits().map_err(|error| AnnounceError(error.to_string()))?;
        let host = format!("chatsock-{}.local.", digits.get(..4).unwrap_or_default());
        let daemon = ServiceDaemon::new()?;
        let events = daemon.monitor()?;
        let reporter = thread::Builder::new().name("announce".to_owned()).stack_size(STACK);
        let reporter = reporter.spawn(move || report(&events)).map_err(|error| AnnounceError(error.to_string()))?;
        let mut announcer = Announcer { services, daemon, registered: Vec::new(), reporter: Some(reporter) };
        announcer.register(&host)?;
        Ok(announcer)
    }

    fn register(&mut self, host: &str) -> Result<(), AnnounceError> {
        let Announcer { services, daemon, registered, .. } = self;
        daemon.set_ip_check_interval(LOOK_EVERY)?;
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        for (kind, is_needed) in [(IfKind::IPv4, services.has_ipv4), (IfKind::IPv6, services.has_ipv6)] {
            if !is_needed {
                daemon.disable_interface(kind)?;
            }
        }
        for service in &services.list {
            let kind = format!("{}.local.", service.kind);
            let addresses: &[IpAddr] = &services.addresses;
            let info =
                ServiceInfo::new(&kind, &services.name, host, addresses, service.port, service.texts.as_slice())?;
            let info = if addresses.is_empty() { info.enable_addr_auto() } else { info };
            let name = info.get_fullname().to_owned();
            daemon.register(info)?;
            registered.push(name);
        }
        Ok(())
    }

    /// What is being announced.
    pub(super) fn announced(&self) -> &NetworkServices {
        &self.services
    }
}

impl Drop for Announcer {
    /// Says goodbye.
    fn drop(&mut self) {
        let gone: Vec<_> = self.registered.iter().filter_map(|name| self.daemon.unregister(name).ok()).collect();
        for status in gone {
            // Without an answer in time, the others find out later.
            let _ = status.recv_timeout(GOODBYE);
        }
        let ended = self.daemon.shutdown().map(|status| status.recv_timeout(GOODBYE).is_ok());
        if let Some(reporter) = self.reporter.take().filter(|_| matches!(ended, Ok(true))) {
            // A panic has already been reported by the panic hook.
            let _ = reporter.join();
        }
    }
}

/// Logs changes of the announced name and errors, until the library's thread ends.
fn report(events: &Receiver<DaemonEvent>) {
    let mut has_failed = false;
    // Every interface and record reports the same change.
    let mut last_changes: VecDeque<String> = VecDeque::new();
    for event in events.iter() {
        match event {
            DaemonEvent::NameChange(change) => {
                if !last_changes.contains(&change.new_name) {
                    let (name, taken) = (shown(&change.new_name), shown(&change.original));
                    log::info!("announced as {name}, because {taken} is taken in this network");
                    last_changes.push_back(change.new_name);
                    last_changes.drain(..last_changes.len().saturating_sub(MOST_CHANGES));
                }
            }
            DaemonEvent::Error(error) if !has_failed => {
                has_failed = true;
                log::warn!("announcing: {}", shown(&error.to_string()));
            }
            other => log::debug!("announcing: {}", shown(&format!("{other:?}"))),
        }
    }
}

/// Escapes a text for the log: it may contain names from the network.
fn shown(text: &str) -> String {
    crate::text::escape_for_log(text).into_owned()
}
