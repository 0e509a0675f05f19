//! Copies the data of a standalone server into an empty Redis.
//!
//! *Owns* two guarantees: an import writes only into an empty Redis, and a failed import leaves nothing behind.
//! *Knows nothing of* where the data comes from.

use std::fmt;
use std::sync::Arc;

use super::accounts::SharedAccounts;
use super::connections::{Connect, Connections};
use super::engine::{Call, Engine, Reply, Unreachable};
use super::start::{ClusterError, wait_for_redis};
use super::values::{Log, NumberKind, Partitions, Place, Position};
use super::wire::Wire;
use crate::chat::names::RoomName;
use crate::config::ClusterConfig;

/// Messages of a room per call.
const SLICE: usize = 500;

/// Why the import failed. One sentence without a full stop.
#[derive(Debug)]
pub enum ImportError {
    /// Redis cannot be used.
    Cluster(ClusterError),
    /// Redis is not empty.
    NotEmpty {
        /// Where.
        redis: String,
        /// The prefix of its keys.
        prefix: String,
    },
    /// Redis gave an unexpected answer.
    Failed(Box<str>),
}

impl ImportError {
    /// Whether the user can fix it.
    pub fn is_users(&self) -> bool {
        match self {
            ImportError::Cluster(error) => error.is_users(),
            ImportError::NotEmpty { .. } => true,
            ImportError::Failed(_) => false,
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::Cluster(error) => error.fmt(f),
            ImportError::NotEmpty { redis, prefix } => write!(
                f,
                "Redis at {redis} is not empty: it has keys that begin with {prefix}; stop the servers that use it and delete \
                 these keys, or set another prefix in [cluster]"
            ),
            ImportError::Failed(why) => write!(f, "Redis refused it: {why}; nothing of it is left there"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ImportError::Cluster(error) => Some(error),
            ImportError::NotEmpty { .. } | ImportError::Failed(_) => None,
        }
    }
}

/// A room to import.
#[derive(Clone, Debug)]
pub struct SharedRoom {
    /// Its name.
    pub name: RoomName,
    /// Everything that others' decisions depend on: settings, admins, bans and so on.
    pub core: Box<str>,
    /// How many messages were ever posted in it.
    pub said: u64,
    /// The last of them with their numbers, oldest first.
    pub messages: Vec<(u64, Box<str>)>,
}

/// An empty Redis that is being filled.
pub struct Import {
    wire: Wire,
    partitions: Partitions,
    accounts: SharedAccounts,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

impl Import {
    /// Connects to an empty Redis.
    ///
    /// # Errors
    ///
    /// Redis is unreachable, or not empty.
    pub fn begin(config: &ClusterConfig) -> Result<Import, ImportError> {
        let address = super::start::address(config).map_err(ImportError::Cluster)?;
        let mut wire = wait_for_redis(&address, &config.redis).map_err(ImportError::Cluster)?;
        let failed = |Unreachable(why)| ImportError::Failed(why);
        if wire.has_keys().map_err(failed)? {
            let (redis, prefix) = (config.redis.clone(), config.prefix.clone());
            return Err(ImportError::NotEmpty { redis, prefix });
        }
        wire.load().map_err(failed)?;
        let partitions = Partitions::new(config.partitions).unwrap_or(Partitions::DEFAULT);
        let connect: Connect =
            Arc::new(move |timeout| Ok(Box::new(Wire::connect(&address, timeout)?) as Box<dyn Engine>));
        let connections = Arc::new(Connections::new(connect, Box::new(|| true)));
        let mut import = Import { wire, partitions, accounts: SharedAccounts::new(connections, partitions) };
        let run: Box<str> = import.wire.run().into();
        let term = |log| {
            let (run, known) = (run.clone(), Position::START);
            Call::NewTerm { log, run, known, eras: Vec::new(), skip: 0, newest: 0, floors: Vec::new() }
        };
        let mut calls: Vec<_> = partitions.logs().map(term).collect();
        calls.push(Call::Found { partitions: partitions.count() });
        import.call(&calls)?;
        Ok(import)
    }

    fn call(&mut self, calls: &[Call]) -> Result<(), ImportError> {
        let replies = self.wire.call(calls).map_err(|Unreachable(why)| ImportError::Failed(why))?;
        let refused =
            replies.into_iter().find_map(|reply| if let Reply::Failed(why) = reply { Some(why) } else { None });
        refused.map_or(Ok(()), |why| Err(ImportError::Failed(why)))
    }

    /// The accounts and the data attached to them.
    pub fn accounts(&self) -> &SharedAccounts {
        &self.accounts
    }

    /// Continues the numbering of a kind above this number.
    ///
    /// # Errors
    ///
    /// Redis does not take it.
    pub fn number_above(&mut self, kind: NumberKind, floor: u64) -> Result<(), ImportError> {
        self.call(&[Call::Raise { log: Log::Directory, kind, floor }])
    }

    /// Stores a value in the directory, as a note would.
    ///
    /// # Errors
    ///
    /// Redis does not take it.
    pub fn keep(&mut self, key: &str, value: &str) -> Result<(), ImportError> {
        self.call(&[Call::Keep { key: key.into(), value: value.into() }])
    }

    /// Imports a room.
    ///
    /// # Errors
    ///
    /// Redis does not take it.
    pub fn put_room(&mut self, room: &SharedRoom) -> Result<(), ImportError> {
        let place = Place::Room(room.name.clone());
        let log = self.partitions.of_place(&place);
        let fill = |messages: &[(u64, Box<str>)]| Call::Fill {
            log,
            place: place.clone(),
            core: room.core.clone(),
            said: room.said,
            messages: messages.to_vec(),
        };
        // This call is needed even for a room without messages.
        let first = fill(room.messages.get(..SLICE.min(room.messages.len())).unwrap_or_default());
        let rest = room.messages.chunks(SLICE).skip(1).map(fill);
        let calls: Vec<_> = std::iter::once(first).chain(rest).collect();
        self.call(&calls)
    }

    /// Deletes what was written. Redis was empty before.
    pub fn undo(&mut self) {
        if let Err(Unreachable(why)) = self.wire.delete_keys() {
            log::error!("what was written to Redis could not be removed: {why}");
        }
    }
}
