//! Whether what was done is on the replicas too.
//!
//! On a connection of its own: nobody's line waits for a replica that is slow.
//!
//! *Owns* that question. *Knows nothing of* what was done.

use std::sync::Arc;

use super::Cluster;
use crate::cluster::connections::Connections;
use crate::cluster::engine::{Call, Reply};
use crate::cluster::values::Log;

impl Cluster {
    /// Waits until as many replicas as the configuration asks for have everything of this log that this node has seen carried
    /// out. False if that takes longer than a second. The caller must hold no lock.
    pub fn is_replicated(&self, log: Log) -> bool {
        if self.core().replicas() == 0 {
            return true;
        }
        let connections = || Connections::new(Arc::clone(&self.connect), Box::new(|| true));
        let replies = self.confirming.get_or_init(connections).ask(&[Call::Confirm { log }]);
        matches!(replies.as_deref(), Ok([Reply::Block { .. }]))
    }
}
