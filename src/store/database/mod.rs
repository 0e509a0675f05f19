//! The SQLite file: its tables, its versions, and the connections to it.

pub(super) mod bulk_insert;
pub(super) mod connection;
pub(super) mod files;
pub(super) mod migration;
pub(super) mod read_connection;
pub(super) mod schema;
pub(super) mod sql_values;
pub(super) mod sqlite_errors;
pub(super) mod text_slots;
