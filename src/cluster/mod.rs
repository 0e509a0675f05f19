//! Several servers that act as one, over Redis or Valkey. Needs the feature `cluster`.
//!
//! Each server is a node. Rooms are spread over partitions, and each partition has one ordered log in Redis. The
//! directory, which holds who is online and where, has another log. A node makes a decision on its own copy of a room,
//! using all the rules of `chat::room`, and submits the change together with the version of the room that it used. Redis
//! appends the change to the log if the room still has that version and the node still has its lease. All nodes read all
//! logs and apply the entries in order. So users see a line, even their own, when it comes back from the log.
//!
//! *Owns* the path of a command to Redis and back, and that all nodes see the same.
//! *Knows nothing of* permissions, screens or users' connections.
//!
//! | file | owns |
//! | --- | --- |
//! | `values` | names of nodes, positions, partitions |
//! | `command`, `entry` | what a node asks for, and what comes back |
//! | `ticket` | the outcome of a command |
//! | `account_record` | an account as stored in Redis |
//! | `replica` | the callbacks into the rest of the server |
//! | `engine` | the calls to Redis, as values |
//! | `functions.lua` | the code that Redis runs for each call |
//! | `wire` | the connection to Redis, or those to a Redis Cluster |
//! | `connections` | more connections, for callers that wait for an answer |
//! | `accounts` | accounts in Redis |
//! | `belongings` | data attached to them: waiting messages, visits, failed attempts |
//! | `node` | the node as a pure state machine |
//! | `bus` | the two threads that run it |
//! | `reader` | reads the logs for an archive, on its own connection |
//! | `questions` | questions to archives, and their answers |
//! | `wire_keys`, `import` | filling an empty Redis |
//! | `checks` | what has to be right with a Redis |
//! | `start` | from the configuration to a running node |

mod account_record;
mod accounts;
mod belongings;
mod bus;
mod checks;
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
pub use start::{ClusterError, check_files};
pub use ticket::{Outcome, Progress, Ticket};
pub use values::{Epoch, Log, NodeName, NumberKind, Partitions, Place, Position, SharedClock};
