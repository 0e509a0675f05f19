//! Several servers as one, over Redis or Valkey, with the feature `cluster`.
//!
//! Each server is a node. Rooms are spread over partitions, and each partition has one ordered log in Redis; the directory,
//! with who is online where, has another one. A node decides on its own copy of a room, with all the rules of `chat::room`,
//! and submits the change together with the version of the room that it decided on. Redis puts it into the log if the room
//! still has that version and the node its lease. All nodes read all logs, and apply the entries in their order. So a user
//! sees a line, their own too, when it comes back from the log.
//!
//! *Owns* the way of a command to Redis and back, and that all nodes see the same.
//! *Knows nothing of* permissions, screens and connections of users.
//!
//! | file | owns |
//! | --- | --- |
//! | `values` | names of nodes, positions, partitions |
//! | `command`, `entry` | what a node asks for, and what comes back |
//! | `ticket` | what has become of a command |
//! | `account_record` | an account as Redis keeps it |
//! | `replica` | what the cluster calls back |
//! | `engine` | the calls to Redis, as values |
//! | `functions.lua` | what Redis does for each call |
//! | `wire` | the connection to Redis |
//! | `connections` | further connections, for calls whose answers are waited for |
//! | `accounts` | accounts in Redis |
//! | `belongings` | what belongs to them: messages that wait, visits, failed attempts |
//! | `node` | the node as a pure state machine |
//! | `bus` | the two threads that drive it |
//! | `reader` | the logs for an archive, on a connection of its own |
//! | `questions` | questions to archives, and their answers |
//! | `wire_keys`, `import` | filling an empty Redis |
//! | `start` | from the configuration to a node that is in |

mod account_record;
mod accounts;
mod belongings;
mod bus;
mod command;
mod connections;
mod engine;
mod entry;
#[cfg(feature = "storage")]
mod import;
mod node;
mod questions;
mod reader;
mod replica;
mod start;
#[cfg(test)]
mod tests;
mod ticket;
mod values;
mod wire;
#[cfg(feature = "storage")]
mod wire_keys;

pub use accounts::SharedAccounts;
pub use belongings::{OpenRoomText, SharedVisit};
pub use bus::Cluster;
pub use command::{Claim, Command, Commit, Effect};
pub use entry::{AccountChange, Entry, Happened, LogState, Loss, MemberSnapshot, NameSnapshot, RoomSnapshot};
#[cfg(feature = "storage")]
pub use import::{Import, ImportError, SharedRoom};
pub use questions::QuestionLine;
pub use reader::{LogReader, LogRecord, LogTail, ReadLogError, Recorded};
pub use replica::{Back, Health, Holdings, Replica, Returning};
pub use start::ClusterError;
pub use ticket::{Outcome, Progress, Ticket};
pub use values::{Epoch, Log, NodeName, NumberKind, Partitions, Place, Position, SharedClock};
