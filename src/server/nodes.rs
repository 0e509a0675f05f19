//! Joining the other servers of a cluster at the start, and leaving them at the end.
//!
//! *Owns* what has to be known before anybody is let in, and what a reload cannot change.
//! *Knows nothing of* how servers share anything.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::StartError;
use crate::chat::message::ClientId;
use crate::cluster::{Cluster, ClusterError, Replica};
use crate::config::Config;
use crate::hub::Hub;
use crate::hub::nodes::{NodeLink, Nodes};
use crate::outbox::{DisconnectReason, Outbox};

/// What a reload of the configuration cannot change while servers share it.
pub(super) fn keep_shared(old: &Config, config: &mut Config) {
    if old.cluster != config.cluster {
        log::warn!("[cluster] has changed in the configuration; this needs a restart, so the old one stays");
        config.cluster.clone_from(&old.cluster);
    }
    if old.cluster.is_none() {
        return;
    }
    if old.rooms != config.rooms || old.history_max != config.history_max {
        log::warn!(
            "[rooms] or history_max has changed in the configuration; for rooms that several servers share this needs a \
             restart of all of them, so the old ones stay"
        );
        config.rooms.clone_from(&old.rooms);
        config.history_max = old.history_max;
    }
}

/// This server as one of several, until it stops.
pub(super) struct Joined {
    nodes: Arc<Nodes>,
    cluster: Arc<Cluster>,
    chores: JoinHandle<()>,
}

/// Joins the other servers, if there are any: all of their rooms and users are known here when this returns, and the rooms of
/// this configuration there.
pub(super) fn join_configured(hub: &Arc<Hub>, port: u16) -> Result<Option<Joined>, StartError> {
    let config = hub.config();
    let Some(section) = &config.cluster else { return Ok(None) };
    // First: the others are told of this server's rooms while it comes in.
    hub.hash_room_passwords(Instant::now()).map_err(|error| StartError::Cluster(ClusterError::Hash(error)))?;
    let nodes = prepare(hub, section.timeout)?;
    let replica: Arc<dyn Replica> = nodes.clone();
    let cluster = Cluster::start(section, port, replica).map_err(StartError::Cluster)?;
    let link: Arc<dyn NodeLink> = cluster.clone();
    let chores = join(hub, &nodes, link)?;
    Ok(Some(Joined { nodes, cluster, chores }))
}

impl Joined {
    /// Leaves the other servers, once all users have.
    pub(super) fn leave(self) {
        self.nodes.end_chores();
        self.cluster.stop();
        // A panic has already been reported by the panic hook.
        let _ = self.chores.join();
    }
}

/// This server's part of a cluster, before it has joined.
fn prepare(hub: &Arc<Hub>, patience: Duration) -> Result<Arc<Nodes>, StartError> {
    // Its other end is closed at once: whatever is written to it is dropped.
    let (nowhere, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).map_err(StartError::Thread)?;
    let nowhere = Outbox::new(ClientId::NONE, TcpStream::from(nowhere), Arc::clone(&hub.slow_readers));
    nowhere.disconnect(DisconnectReason::Stopping);
    Ok(Nodes::new(hub, patience, nowhere))
}

fn join(hub: &Arc<Hub>, nodes: &Arc<Nodes>, link: Arc<dyn NodeLink>) -> Result<JoinHandle<()>, StartError> {
    nodes.join(link);
    hub.join_nodes(nodes);
    nodes.share_rooms(hub);
    nodes.start_chores().map_err(StartError::Thread)
}

#[cfg(test)]
mod tests;
