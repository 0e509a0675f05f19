//! Joining the other servers of a cluster at the start, and leaving them at the end.
//!
//! *Owns* the order of joining, all of it before the first client is admitted, and what a reload cannot change. *Knows
//! nothing of* how servers share anything.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::StartError;
use crate::chat::message::{ClientId, MessageId};
use crate::cluster::{Cluster, ClusterError, Replica};
use crate::config::Config;
use crate::hub::Hub;
#[cfg(feature = "storage")]
use crate::hub::nodes::Archive;
use crate::hub::nodes::{Asker, NodeLink, Nodes};
use crate::outbox::{DisconnectReason, Outbox};
#[cfg(feature = "storage")]
use crate::store::{OpenError, ReadError};
use crate::store::{SaveError, Store, StoredState};

/// Keeps the old `[cluster]`, which a reload cannot change.
pub(super) fn keep_shared(old: &Config, config: &mut Config) {
    if old.cluster != config.cluster {
        log::warn!("[cluster] has changed in the configuration; this needs a restart, so the old one stays");
        config.cluster.clone_from(&old.cluster);
    }
}

/// This server's membership in a cluster, until it stops.
pub(super) struct Joined {
    nodes: Arc<Nodes>,
    cluster: Arc<Cluster>,
    background: JoinHandle<()>,
    asker: (Arc<Asker>, JoinHandle<()>),
    #[cfg(feature = "storage")]
    archive: Option<(Arc<Archive>, [JoinHandle<()>; 2])>,
}

/// The database of an archive with the last message number in it, and the stored state of a standalone server. At most
/// one of them is there.
type TakenArchive = (Option<(Arc<Store>, MessageId)>, Option<(Arc<Store>, StoredState)>);

/// Decides what a database is for. A server in a cluster does not continue from its own database: it is an archive, and
/// is filled from the shared logs.
pub(super) fn take_archive(
    config: &Config,
    stored: Option<(Arc<Store>, StoredState)>,
) -> Result<TakenArchive, StartError> {
    let Some((store, state)) = stored else { return Ok((None, None)) };
    if config.cluster.is_some() {
        return Ok((Some((store, state.last_message)), None));
    }
    store.end_archive().map_err(StartError::NotWritten)?;
    Ok((None, Some((store, state))))
}

/// Joins the cluster, if one is configured. When this returns, this server knows all rooms and users of the others, and
/// the others know the rooms of this configuration. `archive` is the database, if this server is an archive, and the
/// last message number in it.
pub(super) fn join_configured(
    hub: &Arc<Hub>,
    port: u16,
    archive: Option<(Arc<Store>, MessageId)>,
) -> Result<Option<Joined>, StartError> {
    let config = hub.config();
    let Some(section) = &config.cluster else { return Ok(None) };
    // First, because the others learn about this server's rooms while it joins.
    hub.hash_room_passwords(Instant::now()).map_err(|error| StartError::Cluster(ClusterError::Hash(error)))?;
    let nodes = prepare(hub, section.timeout, section.lease)?;
    let replica: Arc<dyn Replica> = nodes.clone();
    let cluster = Cluster::start(section, port, replica).map_err(StartError::Cluster)?;
    #[cfg(feature = "storage")]
    if let Some(why) = archive.as_ref().and_then(|(store, _)| refuse_archive(&config, &nodes, store)) {
        cluster.stop();
        return Err(StartError::Store(why));
    }
    let link: Arc<dyn NodeLink> = cluster.clone();
    // Only builds that can store passwords can compare them.
    if cfg!(feature = "storage") {
        nodes.keep_accounts(hub, cluster.accounts());
    }
    let background = join(hub, &nodes, link)?;
    nodes.tell_archive(archive.as_ref().map(|(store, _)| (store.keeps_history(), store.retention())));
    let asker = Asker::start(Arc::clone(&cluster)).map_err(StartError::Thread)?;
    nodes.keep_asker(&asker.0);
    #[cfg(feature = "storage")]
    let archive = archive.map(|stored| keep_archive(&nodes, &cluster, stored, config.history_max)).transpose()?;
    Ok(Some(Joined {
        nodes,
        cluster,
        background,
        asker,
        #[cfg(feature = "storage")]
        archive,
    }))
}

/// Why a database cannot be the archive of this cluster: a standalone server has filled it. The database that the
/// cluster was imported from is accepted.
#[cfg(feature = "storage")]
fn refuse_archive(config: &Config, nodes: &Nodes, store: &Store) -> Option<OpenError> {
    let path = config.storage.as_ref().map(|storage| storage.path.clone()).unwrap_or_default();
    let fits = || {
        let is_archive = !store.archive_places()?.is_empty();
        Ok::<_, ReadError>(
            is_archive || store.is_blank()? || nodes.imported().as_deref() == Some(&*store.fingerprint()?),
        )
    };
    match fits() {
        Ok(true) => None,
        Ok(false) => Some(OpenError::NotAnArchive(path)),
        Err(ReadError(reason)) => Some(OpenError::Failed { path, reason }),
    }
}

#[cfg(feature = "storage")]
fn keep_archive(
    nodes: &Arc<Nodes>,
    cluster: &Arc<Cluster>,
    (store, last): (Arc<Store>, MessageId),
    history_max: usize,
) -> Result<(Arc<Archive>, [JoinHandle<()>; 2]), StartError> {
    let (archive, reading) =
        Archive::start(store, last, Arc::clone(cluster), history_max).map_err(StartError::Thread)?;
    let answering = archive.answer_questions().map_err(StartError::Thread)?;
    nodes.keep_archive(&archive);
    Ok((archive, [reading, answering]))
}

impl Joined {
    /// Leaves the cluster once all users have left. The archive has until `until` for the last messages.
    pub(super) fn leave(self, until: Instant) -> Result<(), SaveError> {
        self.nodes.end_background_thread();
        self.asker.0.stop();
        let _ = self.asker.1.join();
        // The last messages are read before the goodbye, so that they are on disk even if the machine is not started
        // again.
        #[cfg(feature = "storage")]
        let written = self.archive.map_or(Ok(()), |(archive, threads)| {
            archive.stop();
            for thread in threads {
                // A panic has already been reported by the panic hook.
                let _ = thread.join();
            }
            archive.store().close(until)
        });
        #[cfg(not(feature = "storage"))]
        let (written, _) = (Ok(()), until);
        self.cluster.stop();
        let _ = self.background.join();
        written
    }
}

/// This server's part of a cluster, before it has joined.
fn prepare(hub: &Arc<Hub>, patience: Duration, lease: Duration) -> Result<Arc<Nodes>, StartError> {
    // The other end is closed at once, so whatever is written is dropped.
    let (nowhere, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).map_err(StartError::Thread)?;
    let nowhere = Outbox::new(ClientId::NONE, TcpStream::from(nowhere), Arc::clone(&hub.slow_readers));
    nowhere.disconnect(DisconnectReason::Stopping);
    Ok(Nodes::new(hub, patience, lease, nowhere))
}

fn join(hub: &Arc<Hub>, nodes: &Arc<Nodes>, link: Arc<dyn NodeLink>) -> Result<JoinHandle<()>, StartError> {
    nodes.join(link);
    hub.join_nodes(nodes);
    nodes.share_rooms(hub);
    nodes.share_config(hub);
    nodes.start_background_thread().map_err(StartError::Thread)
}

#[cfg(test)]
mod tests;
