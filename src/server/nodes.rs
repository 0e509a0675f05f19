//! Joining the other servers of a cluster at the start, and leaving them at the end.
//!
//! *Owns* what has to be there before anybody is let in, and what a cluster does not have yet.
//! *Knows nothing of* how servers share anything.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::StartError;
use crate::chat::message::ClientId;
use crate::chat::room_settings::RoomAccess;
use crate::config::Config;
use crate::hub::Hub;
use crate::hub::nodes::{NodeLink, Nodes};
use crate::outbox::{DisconnectReason, Outbox};

/// What a configuration asks for that servers of a cluster do not have, as one sentence.
pub(super) fn missing(config: &Config) -> Option<String> {
    if config.storage.is_some() {
        return Some(
            "a server with [cluster] cannot have [storage] yet: accounts, kept rooms and search stay on a \
                     server of its own; remove one of the two sections"
                .to_owned(),
        );
    }
    let with_password = config.rooms.iter().find(|(_, room)| matches!(room.entry, RoomAccess::Password(_)));
    with_password.map(|(name, _)| {
        format!(
            "rooms.{name} has a password, and rooms of a cluster cannot have one yet; remove it, or set public = false"
        )
    })
}

/// This server's part of a cluster, before it has joined.
pub(super) fn prepare(hub: &Arc<Hub>, patience: Duration) -> Result<Arc<Nodes>, StartError> {
    // Its other end is closed at once: nothing that is written to it goes anywhere.
    let (nowhere, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).map_err(StartError::Thread)?;
    let nowhere = Outbox::new(ClientId::NONE, TcpStream::from(nowhere), Arc::clone(&hub.slow_readers));
    nowhere.disconnect(DisconnectReason::Stopping);
    Ok(Nodes::new(hub, patience, nowhere))
}

/// Joins: all of the others' rooms and users are known here when this returns, and the rooms of this configuration there.
pub(super) fn join(hub: &Arc<Hub>, nodes: &Arc<Nodes>, link: Arc<dyn NodeLink>) -> Result<JoinHandle<()>, StartError> {
    nodes.join(link);
    hub.join_nodes(nodes);
    nodes.share_rooms(hub);
    nodes.start_chores().map_err(StartError::Thread)
}

#[cfg(test)]
mod tests;
