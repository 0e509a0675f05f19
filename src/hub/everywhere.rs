//! Operators' actions, on this server or on all servers of a cluster.
//!
//! *Owns* the choice between the two, and that a ban ends existing connections. *Knows nothing of* who is an operator.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Hub, ServerRequest};
use crate::access::network::Network;
use crate::chat::action::NotShared;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::outbox::{DisconnectReason, Outbox};
use crate::store::{AddressBanRecord, AuditEntry, ReadError, SaveError, Store};
use crate::ui::screen::LineKind;

/// A network was banned.
pub(crate) struct Banned {
    /// How many users it disconnected.
    pub(crate) people: usize,
    /// Whether it survives a restart.
    pub(crate) saved: Result<(), SaveError>,
}

/// Whether an address is in a banned network. The machine's own addresses are never banned.
fn is_hit(network: Network, address: IpAddr) -> bool {
    network.contains(address) && !address.is_loopback()
}

/// Reads the latest entries of the audit log, newest first.
pub(crate) type AuditReader = Box<dyn FnOnce() -> Result<Vec<AuditEntry>, ReadError> + Send>;

impl Hub {
    /// Shows a line to everyone except its author.
    pub(crate) fn broadcast(&self, line: &str, author: &Arc<Outbox>) -> Result<(), NotShared> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.broadcast(line, author);
        }
        for user in self.roster.users().iter().filter(|user| user.client() != author.id()) {
            user.outbox.announce(LineKind::News, line);
        }
        Ok(())
    }

    /// Bans a network, and ends all connections from there except the author's.
    pub(crate) fn ban_address(&self, ban: AddressBanRecord, author: &Arc<Outbox>) -> Result<Banned, NotShared> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            let others = self.roster.users();
            let there = others.iter().filter(|user| user.is_elsewhere());
            let elsewhere =
                there.filter(|user| user.peer_address().is_some_and(|address| is_hit(ban.network, address))).count();
            let here = self.connected_from(ban.network, author.id()).len();
            nodes.ban_address(&ban, author)?;
            return Ok(Banned { people: here + elsewhere, saved: Ok(()) });
        }
        let (network, notice) = (ban.network, ban.notice(self.moment()).to_string());
        let saved = self.address_bans.add(ban);
        Ok(Banned { people: self.end_connections(network, &notice, author.id()), saved })
    }

    fn connected_from(&self, network: Network, except: ClientId) -> Vec<Arc<Outbox>> {
        let mut connections = self.roster.connections();
        connections.retain(|outbox| {
            outbox.peer_address().is_some_and(|address| is_hit(network, address)) && outbox.id() != except
        });
        connections
    }

    /// Ends all connections from a network except one, and all file transfers from or to it. Returns how many of the
    /// connections had users.
    pub(crate) fn end_connections(&self, network: Network, line: &str, except: ClientId) -> usize {
        let ended = self.connected_from(network, except);
        for outbox in &ended {
            outbox.farewell(Some((LineKind::Refusal, line)));
            outbox.disconnect(DisconnectReason::AddressBanned);
        }
        self.end_transfers_of(|address| is_hit(network, address));
        ended.len()
    }

    /// Lifts a ban. False if there was none; an error if the ban returns at the next start.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody waits for others"))]
    pub(crate) fn unban_address(
        &self,
        network: Network,
        author: &Arc<Outbox>,
    ) -> Result<Result<bool, SaveError>, NotShared> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            let known = self.address_bans.holds(network, self.moment());
            if known {
                nodes.unban_address(network, author)?;
            }
            return Ok(Ok(known));
        }
        Ok(self.address_bans.remove(network))
    }

    /// Records an operator's action.
    pub(crate) fn audit(&self, who: &UserName, what: &str) {
        log::info!("operator {who}: {}", crate::text::escape_for_log(what));
        let entry = AuditEntry { at: Timestamp::now(), who: who.clone(), what: what.into() };
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.audit(&entry);
        }
        if let Some(store) = self.store() {
            store.record_audit(entry);
        }
    }

    /// Returns a reader of the latest audit entries, newest first; `None` if there is no audit log. Reading may wait for
    /// the disk.
    pub(crate) fn audit_log(&self, count: usize) -> Option<AuditReader> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            let entries = nodes.audited(count);
            return Some(Box::new(move || Ok(entries)));
        }
        let store: Arc<Store> = self.store().cloned()?;
        // Includes the most recent actions; if the disk fails, shows what it has. This thread waits instead of a worker:
        // there are only two workers, and all logins need them.
        let _ = store.sync();
        Some(Box::new(move || store.audit(count)))
    }

    /// Stops all servers, or this one if it stands alone.
    #[cfg_attr(not(feature = "cluster"), expect(unused_variables, reason = "nobody waits for others"))]
    pub(crate) fn stop_all(&self, author: &Arc<Outbox>) -> Result<(), NotShared> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            return nodes.stop_all(author);
        }
        self.request(ServerRequest::StopWithAll);
        Ok(())
    }
}
