//! The SQL of each table. Functions that write run inside the writer's transactions.

pub(super) mod accounts;
pub(super) mod address_bans;
pub(super) mod audit;
#[cfg(feature = "cluster")]
pub(super) mod log_places;
pub(super) mod members;
pub(super) mod messages;
pub(super) mod meta;
pub(super) mod offline_messages;
pub(super) mod open_rooms;
pub(super) mod room_ids;
pub(super) mod rooms;
pub(super) mod visits;
