//! Where messages that have left memory are found: in this server's database, or in that of an archive.
//!
//! *Owns* that readers find every message there that has left memory.
//! *Knows nothing of* who may read what.

use std::sync::Arc;

use super::Hub;
#[cfg(feature = "cluster")]
use super::nodes::Nodes;
use super::room::Room;
use crate::store::Store;

/// Where to find older messages.
pub(crate) enum OlderMessages {
    /// In the local database, which has everything that was recorded.
    Stored(Arc<Store>),
    /// Perhaps on other servers.
    #[cfg(feature = "cluster")]
    Asked(Arc<Nodes>),
    /// In the local database, which is behind the other servers and stays so for now.
    #[cfg(all(feature = "cluster", feature = "storage"))]
    Behind,
}

impl Hub {
    /// Returns where older messages of these rooms are. First waits until the database has everything that has left
    /// memory; if the disk fails, it is read as it is.
    pub(crate) fn older_messages<'a>(&self, rooms: impl IntoIterator<Item = &'a Arc<Room>>) -> Option<OlderMessages> {
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.nodes() {
            #[cfg(feature = "storage")]
            if let Some(archived) = nodes.archived(rooms) {
                return Some(archived.map_or(OlderMessages::Behind, OlderMessages::Stored));
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
