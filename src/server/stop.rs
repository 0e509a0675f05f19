//! Stops the server. In a cluster, its users first go to other servers; then the remaining users are told, and all
//! connections close.
//!
//! *Owns* the order of these steps, the lines that users read, and how a drain spreads the disconnects over its time.
//! *Knows nothing of* where users' places are kept.

use std::time::{Duration, Instant};

use super::systemd;
use crate::hub::{Hub, ServerRequest};
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

/// How long flushing and closing may take after the goodbye. A client that reads nothing would block it forever.
const CLOSING: Duration = Duration::from_millis(350);

/// The first tenth of a drain disconnects nobody, so that everybody can read the announcement.
#[cfg(feature = "cluster")]
const READING_SHARE: u32 = 10;

/// Shortest time between two rounds of disconnects. With many connections, each round ends several of them.
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

/// Sends users to the other servers of a cluster. Everybody is told, and the disconnects are spread over the configured
/// time. Users' names and places are kept for them.
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
        // The others are closing already.
        left.retain(|outbox| outbox.disconnect_reason().is_none());
        let now = Instant::now();
        if left.is_empty() {
            break;
        }
        if now >= end || hub.shutdown.is_hurried() {
            left.iter().for_each(|outbox| send_away(hub, outbox));
            break;
        }
        // The last connection is closed at the end of the time.
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
