//! Finds and deletes all keys of one chat in Redis, for an import.
//!
//! *Owns* listing and deleting keys. *Knows nothing of* what they hold.

use redis::{Cmd, Connection, Pipeline, RedisError};

use super::engine::Unreachable;
use super::wire::{RedisLine, Wire, unreachable};

impl RedisLine {
    /// The keys with this connection's prefix, a part at a time, until `each` has had enough. Whether it has not.
    fn scan(
        &mut self,
        mut each: impl FnMut(&mut Connection, Vec<String>) -> Result<bool, RedisError>,
    ) -> Result<bool, Unreachable> {
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
                return Ok(goes_on);
            }
            cursor = next;
        }
    }
}

impl Wire {
    /// Whether any key has this connection's prefix.
    pub(crate) fn has_keys(&mut self) -> Result<bool, Unreachable> {
        for line in &mut self.lines {
            if !line.scan(|_, _| Ok(false))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes all keys with this connection's prefix.
    pub(crate) fn delete_keys(&mut self) -> Result<(), Unreachable> {
        for line in &mut self.lines {
            line.scan(|connection, keys| {
                // One by one: in a Redis Cluster they are in different hash slots.
                let mut delete = Pipeline::with_capacity(keys.len());
                for key in keys {
                    delete.cmd("DEL").arg(key).ignore();
                }
                delete.query::<()>(connection).map(|()| true)
            })?;
        }
        Ok(())
    }
}
