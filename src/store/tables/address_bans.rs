//! The SQL of banned addresses.
//!
//! *Owns* that a network has one ban at most. *Knows nothing of* who may ban.

use rusqlite::{Connection, Row, params};

use crate::access::network::Network;
use crate::store::database::sql_values::{millis, optional_time_at, readable_rows, text_at, time_at, user_name_at};
use crate::store::records::AddressBanRecord;

/// Stores a ban. It replaces a ban of the same network.
pub(crate) fn save(connection: &Connection, ban: &AddressBanRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO address_bans (network, banned_by, reason, at, until) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            ban.network.to_string(),
            ban.by.as_str(),
            &*ban.reason,
            millis(ban.at),
            ban.until.map(millis)
        ])?;
    Ok(())
}

/// Removes a ban. False if there is none of exactly this network.
pub(crate) fn remove(connection: &Connection, network: Network) -> rusqlite::Result<bool> {
    let mut delete = connection.prepare_cached("DELETE FROM address_bans WHERE network = ?1")?;
    Ok(delete.execute([network.to_string()])? > 0)
}

/// Stores these bans and no others.
#[cfg(feature = "cluster")]
pub(crate) fn replace(connection: &Connection, bans: &[AddressBanRecord]) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM address_bans", [])?;
    bans.iter().try_for_each(|ban| save(connection, ban))
}

/// Removes the bans that ended before a time.
pub(crate) fn remove_expired(connection: &Connection, before: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM address_bans WHERE until < ?1", [before])?;
    Ok(())
}

/// All bans, oldest first.
pub(crate) fn list(connection: &Connection) -> rusqlite::Result<Vec<AddressBanRecord>> {
    let sql = "SELECT network, banned_by, reason, at, until FROM address_bans ORDER BY at, network";
    let read = |row: &Row<'_>| {
        let network: String = row.get(0)?;
        let network = Network::parse(&network).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
        })?;
        Ok(AddressBanRecord {
            network,
            by: user_name_at(row, 1)?,
            reason: text_at(row, 2)?,
            at: time_at(row, 3)?,
            until: optional_time_at(row, 4)?,
        })
    };
    readable_rows(connection, sql, &[], read)
}
