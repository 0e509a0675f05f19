//! Where the text of messages is stored, so that erasing it really erases it.
//!
//! `secure_delete` overwrites a deleted row. It does not overwrite the copies that SQLite leaves behind when it moves rows
//! between pages to balance its trees: of 14,000 texts deleted or replaced among 20,000, 8 were still in the file (SQLite
//! 3.54.1). So texts have a table of their own in which nothing is ever deleted and nothing ever grows: its rows, called
//! slots, are appended, overwritten at their full size, and reused. Such a table moves no row, and a slot's text is in one
//! place only.
//!
//! Erasing does not shrink the file: the freed slots are reused.
//!
//! *Owns* slots, their sizes and which are free. *Knows nothing of* whose text it is.

use rusqlite::{Connection, OptionalExtension, params};

use super::bulk_insert;

/// Up to this size, slots come in steps of [`STEP`] bytes; beyond it, they double. There are few sizes, so that a free
/// slot is likely to fit.
const FINE: usize = 256;
/// See [`FINE`]. Most chat lines fit in two steps.
const STEP: usize = 32;

/// Size of the slot for a text of this many bytes.
fn slot_size(bytes: usize) -> usize {
    if bytes <= FINE { bytes.max(1).next_multiple_of(STEP) } else { bytes.next_power_of_two() }
}

/// A text padded to the full size of its slot.
fn padded(text: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(slot_size(text.len()));
    data.extend_from_slice(text.as_bytes());
    data.resize(slot_size(text.len()), 0);
    data
}

/// The text in a slot.
pub(crate) fn read(data: &[u8]) -> Box<str> {
    let end = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    String::from_utf8_lossy(&data[..end]).into()
}

/// Stores a text in a free slot or a new one.
pub(crate) fn put(connection: &Connection, text: &str) -> rusqlite::Result<i64> {
    let slots = put_all(connection, std::iter::once(text))?;
    slots.first().copied().ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Stores many texts and returns their slots, in the same order.
pub(crate) fn put_all<'t>(connection: &Connection, texts: impl Iterator<Item = &'t str>) -> rusqlite::Result<Vec<i64>> {
    // Sizes without a free slot. There are only a handful of sizes.
    let mut none_free = Vec::new();
    let mut next = None;
    let mut slots = Vec::new();
    let mut new = Vec::new();
    for text in texts {
        let data = padded(text);
        if !none_free.contains(&data.len()) {
            if let Some(slot) = put_into_free(connection, &data)? {
                slots.push(slot);
                continue;
            }
            none_free.push(data.len());
        }
        let slot = match next {
            Some(slot) => slot,
            None => highest(connection)? + 1,
        };
        next = Some(slot + 1);
        slots.push(slot);
        new.push((slot, data));
    }
    bulk_insert::insert(connection, "texts (slot, data)", &new, |parameters, (slot, data)| {
        parameters.put(slot)?;
        parameters.put(data)
    })?;
    Ok(slots)
}

fn highest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT ifnull(max(slot), 0) FROM texts")?.query_row([], |row| row.get(0))
}

/// Stores a padded text in a free slot, if there is one.
fn put_into_free(connection: &Connection, data: &[u8]) -> rusqlite::Result<Option<i64>> {
    let size = data.len();
    let free: Option<i64> = connection
        .prepare_cached("SELECT slot FROM free_texts WHERE size = ?1 LIMIT 1")?
        .query_row([size as i64], |row| row.get(0))
        .optional()?;
    let Some(slot) = free else { return Ok(None) };
    connection
        .prepare_cached("DELETE FROM free_texts WHERE size = ?1 AND slot = ?2")?
        .execute(params![size as i64, slot])?;
    overwrite(connection, slot, data)?;
    Ok(Some(slot))
}

/// The size stays the same, so SQLite overwrites the old text in place (`btreeOverwriteCell`).
fn overwrite(connection: &Connection, slot: i64, data: &[u8]) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE texts SET data = ?2 WHERE slot = ?1")?.execute(params![slot, data])?;
    Ok(())
}

/// Overwrites a text with zeros and frees its slot.
pub(crate) fn wipe(connection: &Connection, slot: i64) -> rusqlite::Result<()> {
    let size: Option<i64> = connection
        .prepare_cached("UPDATE texts SET data = zeroblob(length(data)) WHERE slot = ?1 RETURNING length(data)")?
        .query_row([slot], |row| row.get(0))
        .optional()?;
    if let Some(size) = size {
        let mut free = connection.prepare_cached("INSERT OR IGNORE INTO free_texts (size, slot) VALUES (?1, ?2)")?;
        free.execute([size, slot])?;
    }
    Ok(())
}

/// Replaces a text and returns its new slot.
pub(crate) fn replace(connection: &Connection, slot: i64, text: &str) -> rusqlite::Result<i64> {
    let size: Option<i64> = connection
        .prepare_cached("SELECT length(data) FROM texts WHERE slot = ?1")?
        .query_row([slot], |row| row.get(0))
        .optional()?;
    if size == Some(slot_size(text.len()) as i64) {
        overwrite(connection, slot, &padded(text))?;
        return Ok(slot);
    }
    wipe(connection, slot)?;
    put(connection, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::schema;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("a database");
        schema::create(&connection).expect("tables");
        connection
    }

    fn text(connection: &Connection, slot: i64) -> String {
        let data =
            connection.query_row("SELECT data FROM texts WHERE slot = ?1", [slot], |row| row.get::<_, Vec<u8>>(0));
        read(&data.expect("a slot")).into()
    }

    #[test]
    fn a_text_comes_back_as_it_was_whatever_its_length() {
        let connection = connection();
        for length in [0, 1, 31, 32, 33, 255, 256, 257, 511, 513, 5000, 100_000] {
            let long = "ä".repeat(length / 2);
            let slot = put(&connection, &long).expect("room");
            assert_eq!(text(&connection, slot), long, "{length}");
        }
    }

    #[test]
    fn a_slot_is_used_again_only_by_a_text_of_its_size() {
        let connection = connection();
        let first = put(&connection, "one").expect("room");
        wipe(&connection, first).expect("wiped");
        assert_eq!(text(&connection, first), "");
        assert_ne!(put(&connection, &"long ".repeat(20)).expect("room"), first);
        assert_eq!(put(&connection, "two").expect("room"), first);
        assert_ne!(put(&connection, "three").expect("room"), first);
    }

    #[test]
    fn an_edit_stays_in_its_slot_while_it_fits() {
        let connection = connection();
        let slot = put(&connection, "one").expect("room");
        assert_eq!(replace(&connection, slot, "another").expect("room"), slot);
        let other = replace(&connection, slot, &"long ".repeat(20)).expect("room");
        assert_ne!(other, slot);
        assert_eq!(text(&connection, slot), "");
    }
}
