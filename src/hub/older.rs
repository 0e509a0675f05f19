//! Where messages are that are no longer in memory: in this server's database, or in that of an archive among several servers.
//!
//! *Owns* that a reader finds everything there that has left memory.
//! *Knows nothing of* who may read what.

use std::sync::Arc;

use super::Hub;
#[cfg(feature = "cluster")]
use super::nodes::Nodes;
use super::room::Room;
use crate::store::Store;

/// The sentence where no archive answers.
#[cfg(feature = "cluster")]
pub(crate) const NOT_AT_HAND: &str = "Older messages are not at hand right now.";

/// Where older messages are.
pub(crate) enum OlderMessages {
    /// In the database here, which has everything that was recorded.
    Stored(Arc<Store>),
    /// Other servers have them, perhaps.
    #[cfg(feature = "cluster")]
    Asked(Arc<Nodes>),
}

impl Hub {
    /// Where older messages of these rooms are. Waits until the database has what has left memory; if the disk is in trouble,
    /// what it has is read.
    pub(crate) fn older_messages<'a>(&self, rooms: impl IntoIterator<Item = &'a Arc<Room>>) -> Option<OlderMessages> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            #[cfg(feature = "storage")]
            if let Some(store) = nodes.archived(rooms) {
                return Some(OlderMessages::Stored(store));
            }
            #[cfg(not(feature = "storage"))]
            drop(rooms);
            return Some(OlderMessages::Asked(Arc::clone(nodes)));
        }
        #[cfg(not(feature = "cluster"))]
        drop(rooms);
        let store = self.store().cloned().filter(|store| store.keeps_history())?;
        let _ = store.sync();
        Some(OlderMessages::Stored(store))
    }
}
