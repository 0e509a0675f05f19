//! Applies a new configuration to a running server.
//!
//! *Owns* which settings a reload cannot change, because they need a restart, and the log lines about them. *Knows
//! nothing of* where the configuration comes from.

use std::time::Instant;

use jiff::Timestamp;

#[cfg(feature = "discovery")]
use super::discovery;
use super::transport::Transport;
use super::{files, systemd};
use crate::config::Config;
use crate::hub::Hub;

/// Warns the operators, and in the log, about the certificate in use.
pub(super) fn warn_of_certificate(hub: &Hub, transport: &Transport) {
    for warning in transport.warnings(Timestamp::now()) {
        log::warn!("{warning}");
        hub.tell_operators(&format!("TLS: {warning}."));
    }
}

/// Applies a new configuration, except the listeners, `state_dir`, `[storage]` and `[cluster]`, which need a restart.
pub(super) fn reconfigure<'a>(hub: &Hub, mut config: Config, mut transports: impl Iterator<Item = &'a Transport>) {
    let old = hub.config();
    if config.keep_listeners(&old) {
        log::warn!("the listeners have changed in the configuration; this needs a restart, so the old ones stay");
    }
    files::keep_listeners(&old.files, &mut config.files);
    #[cfg(feature = "discovery")]
    discovery::keep_listeners(&old.discovery, &mut config.discovery);
    if old.state_dir != config.state_dir {
        log::warn!("state_dir has changed in the configuration; this needs a restart, so the old one stays");
        config.state_dir.clone_from(&old.state_dir);
    }
    // All TLS listeners share one certificate.
    if let Some(transport) = transports.find(|transport| !transport.is_plain()) {
        transport.reload(&old, &mut config);
        if let Some(pin) = transport.pin() {
            hub.transfers.set_pin(pin);
        }
        warn_of_certificate(hub, transport);
    }
    if old.storage != config.storage {
        log::warn!("[storage] has changed in the configuration; this needs a restart, so the old one stays");
        config.storage.clone_from(&old.storage);
    }
    #[cfg(feature = "cluster")]
    super::nodes::keep_shared(&old, &mut config);
    let (had_code, wanted) = (hub.shutdown_code().is_some(), config.exit_code);
    hub.reconfigure(config, Instant::now());
    match (had_code, hub.shutdown_code().is_some()) {
        (true, false) => log::info!("exit_code is off: the code printed at start no longer stops the server"),
        (false, true) => log::info!("exit_code is on: the code printed at start stops the server again"),
        // Standard output may have been closed or redirected since the start, and a code must not get into the log.
        (false, false) if wanted => {
            log::warn!("exit_code is on, but no code was made at start; this needs a restart")
        }
        _ => {}
    }
    log::info!("configuration reloaded");
    systemd::tell_ready("configuration reloaded; accepting connections");
}
