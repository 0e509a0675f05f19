//! Stopping the server: in a cluster, its users first go to other servers; then the rest are told, and all connections
//! close.
//!
//! *Owns* the order of this, what everybody reads, and how the ends of connections are spread over the time.
//! *Knows nothing of* where users' places are kept.

use std::time::{Duration, Instant};

use super::systemd;
use crate::hub::{Hub, ServerRequest};
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

/// How long flushing and closing may take after the goodbye. A client that reads nothing would block it without end.
const CLOSING: Duration = Duration::from_millis(350);

/// Part of a drain in which nobody is sent away: everybody can read what happens.
#[cfg(feature = "cluster")]
const READING_SHARE: u32 = 10;

/// The shortest time between two ends of connections: more of them end at once where there are many.
#[cfg(feature = "cluster")]
const SHORTEST_STEP: Duration = Duration::from_millis(20);

/// Announces the stop, waits, says goodbye to everybody and closes.
pub(super) fn stop(hub: &Hub, request: &ServerRequest) {
    #[cfg(feature = "cluster")]
    if let ServerRequest::Stop = request {
        drain(hub);
    }
    #[cfg(not(feature = "cluster"))]
    let _ = request;
    // Users who were sent to another server have read all there is to say.
    let delay = if hub.shutdown.is_draining() { Duration::ZERO } else { hub.config().shutdown_delay };
    let end = Instant::now() + delay;
    log::info!("stopping in {}", crate::text::seconds(delay));
    systemd::tell_stopping(delay);
    hub.shutdown.announce();
    if !hub.shutdown.is_draining() {
        let line = format!("Server is shutting down in {}.", crate::text::seconds(delay));
        for outbox in hub.roster.connections() {
            outbox.announce(LineKind::News, &line);
        }
    }
    hub.shutdown.wait_until(end);
    hub.transfers.stop();
    // Sent from here, so that everybody gets it at once, and not from ten thousand waking threads.
    for outbox in hub.roster.connections() {
        outbox.farewell(Some((LineKind::News, "Goodbye.")));
    }
    let deadline = Instant::now() + CLOSING;
    let (drained, lagging): (Vec<_>, Vec<_>) =
        hub.roster.connections().into_iter().partition(|outbox| outbox.backlog_bytes() == 0);
    for outbox in drained {
        outbox.disconnect(DisconnectReason::Stopping);
    }
    for outbox in lagging {
        if !outbox.wait_drained(Some(deadline)) {
            log::info!("client {} had left {} bytes unread at the end", outbox.id(), outbox.backlog_bytes());
        }
        outbox.disconnect(DisconnectReason::Stopping);
    }
    if !hub.shutdown.wait_closed(deadline) {
        log::info!("{} connections were still closing at the end", hub.shutdown.open());
    }
    log::info!("stopped");
}

/// Sends users to other servers, if this is one of several. Everybody reads of it, and the ends of connections are spread over the
/// time that is configured. Names and places of users are kept for them.
#[cfg(feature = "cluster")]
fn drain(hub: &Hub) {
    let length = hub.config().cluster.as_ref().map_or(Duration::ZERO, |cluster| cluster.drain);
    let Some(nodes) = hub.nodes().filter(|_| !length.is_zero()) else { return };
    let begun = Instant::now();
    log::info!("restarting in {}: users go to other servers", crate::text::seconds(length));
    systemd::tell_stopping(length);
    hub.shutdown.begin_drain();
    nodes.keep_places(hub);
    let what = format!("This server restarts in {}. Come in again now", crate::text::seconds(length));
    for outbox in hub.roster.connections() {
        let line = match nodes.code_of(outbox.id()) {
            Some(code) => format!("{what}: your name and places are kept for you. Your code is {code}."),
            None => format!("{what}."),
        };
        outbox.announce(LineKind::News, &line);
    }
    let end = begun + length;
    let mut next = begun + length / READING_SHARE;
    loop {
        hub.shutdown.wait_unhurried(next.min(end));
        let mut left = hub.roster.connections();
        // Others are about to close by themselves.
        left.retain(|outbox| outbox.disconnect_reason().is_none());
        let now = Instant::now();
        if left.is_empty() {
            break;
        }
        if now >= end || hub.shutdown.is_hurried() {
            left.iter().for_each(|outbox| send_away(hub, outbox));
            break;
        }
        // The last one goes at the end.
        let each = (end - now) / u32::try_from(left.len()).unwrap_or(u32::MAX);
        let step = each.max(SHORTEST_STEP);
        let count = usize::try_from(step.as_nanos() / each.as_nanos().max(1)).unwrap_or(usize::MAX);
        left.sort_by_key(|outbox| outbox.id());
        if left.len() > 1 {
            let count = count.clamp(1, left.len() - 1);
            left.iter().take(count).for_each(|outbox| send_away(hub, outbox));
        }
        next = now + step;
    }
    hub.shutdown.wait_closed(Instant::now() + CLOSING);
    nodes.settle_places();
}

/// Ends a connection of a user who may come back on another server.
#[cfg(feature = "cluster")]
fn send_away(hub: &Hub, outbox: &crate::outbox::Outbox) {
    let code = hub.nodes().and_then(|nodes| nodes.code_of(outbox.id()));
    let line = match &code {
        Some(code) => format!("Come in again: your name and places are kept for you. Your code is {code}."),
        None => "Come in again.".to_owned(),
    };
    outbox.send_elsewhere(&format!("This server restarts now. {line}"), code.as_deref());
    outbox.disconnect(DisconnectReason::Stopping);
}
