//! Finds and deletes all keys of one chat in Redis, for an import.
//!
//! *Owns* listing and deleting keys. *Knows nothing of* what they hold.

use redis::{Cmd, Connection, RedisError};

use super::engine::Unreachable;
use super::wire::{Wire, unreachable};

impl Wire {
    /// Passes the keys with this connection's prefix to `each`, in parts, until it returns false.
    fn scan(
        &mut self,
        mut each: impl FnMut(&mut Connection, Vec<String>) -> Result<bool, RedisError>,
    ) -> Result<(), Unreachable> {
        let escaped = |c: char| if "*?[]\\^".contains(c) { format!("\\{c}") } else { c.to_string() };
        let pattern = self.prefix.chars().map(escaped).collect::<String>() + "{*";
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = Cmd::new();
            scan.arg("SCAN").arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let (next, keys): (String, Vec<String>) =
                scan.query(&mut self.connection).map_err(|error| unreachable(&error))?;
            let goes_on = keys.is_empty() || each(&mut self.connection, keys).map_err(|error| unreachable(&error))?;
            if !goes_on || next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Whether any key has this connection's prefix.
    pub(crate) fn has_keys(&mut self) -> Result<bool, Unreachable> {
        let mut found = false;
        self.scan(|_, _| {
            found = true;
            Ok(false)
        })?;
        Ok(found)
    }

    /// Deletes all keys with this connection's prefix.
    pub(crate) fn delete_keys(&mut self) -> Result<(), Unreachable> {
        self.scan(|connection, keys| {
            let mut delete = Cmd::new();
            delete.arg("DEL").arg(keys);
            delete.query::<u64>(connection).map(|_| true)
        })
    }
}
