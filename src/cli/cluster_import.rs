//! `chatsock cluster import`: fills an empty Redis from the database of a server, of an archive, or from a backup.
//!
//! *Owns* the order of the import, its output and errors. *Knows nothing of* SQL, and of how Redis stores anything.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use jiff::tz::TimeZone;

use crate::access::password::HashError;
use crate::chat::names::RoomName;
use crate::cluster::{Import, ImportError, NumberKind, OpenRoomText, SharedRoom, SharedVisit};
use crate::config::Config;
use crate::hub::Hub;
use crate::hub::nodes::{IMPORTED, kept_ban};
use crate::hub::room::EarlierRun;
use crate::store::{CreateAccountError, ImportedAccount, OfflineMessageError, OpenError, SaveError, Store, StoreError};
use crate::ui::screen::Clock;

/// Gap between the last known message number and the first new one. It leaves room for the numbers given after a backup
/// was made.
const SKIPPED: u64 = 1_000_000;

/// Why nothing was imported. One sentence without a full stop.
#[derive(Debug)]
pub enum ClusterImportError {
    /// The configuration has no section `[cluster]`. Holds its file, if there is one.
    NoCluster(Option<PathBuf>),
    /// The database cannot be read.
    Database(OpenError),
    /// Redis cannot be filled.
    Redis(ImportError),
    /// A room's password cannot be hashed.
    Hash(HashError),
    /// An account could not be written.
    Account(StoreError),
}

impl ClusterImportError {
    /// Whether the user can fix it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            ClusterImportError::NoCluster(_) => true,
            ClusterImportError::Database(error) => error.is_users(),
            ClusterImportError::Redis(error) => error.is_users(),
            ClusterImportError::Hash(_) | ClusterImportError::Account(_) => false,
        }
    }
}

impl fmt::Display for ClusterImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClusterImportError::NoCluster(Some(file)) => write!(
                f,
                "{} has no section [cluster], so there is nowhere to import to; name the config of one of the servers with \
                 --config",
                file.display()
            ),
            ClusterImportError::NoCluster(None) => f.write_str(
                "no chatsock.toml here, whose section [cluster] says where Redis is; name the file with --config",
            ),
            ClusterImportError::Database(error) => error.fmt(f),
            ClusterImportError::Redis(error) => error.fmt(f),
            ClusterImportError::Hash(error) => write!(f, "the password of a room cannot be hashed: {error}"),
            ClusterImportError::Account(reason) => {
                write!(f, "an account could not be written to Redis: {reason}; nothing of it is left there")
            }
        }
    }
}

impl std::error::Error for ClusterImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClusterImportError::Database(error) => Some(error),
            ClusterImportError::Redis(error) => Some(error),
            ClusterImportError::Hash(error) => Some(error),
            ClusterImportError::NoCluster(_) | ClusterImportError::Account(_) => None,
        }
    }
}

impl From<ImportError> for ClusterImportError {
    fn from(error: ImportError) -> ClusterImportError {
        ClusterImportError::Redis(error)
    }
}

/// How much was imported.
#[derive(Default)]
struct Counts {
    accounts: usize,
    kept_rooms: usize,
    messages: usize,
    bans: usize,
    waiting: usize,
}

impl Counts {
    fn report(&self, file: &Path, redis: &str, next: u64) -> String {
        let count = |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let Counts { accounts, kept_rooms, messages, bans, waiting } = self;
        [
            format!("{} is imported into Redis at {redis}:", file.display()),
            format!("  {}", count(*accounts, "account", "accounts")),
            format!("  {}", count(*kept_rooms, "kept room", "kept rooms")),
            format!("  {}", count(*messages, "message of rooms", "messages of rooms")),
            format!("  {}", count(*waiting, "message for an offline user", "messages for offline users")),
            format!("  {}", count(*bans, "address ban", "address bans")),
            format!("New messages are numbered from {next}. The servers can start now."),
        ]
        .join("\n")
    }
}

/// Fills the configured Redis, which must be empty, from a database. Returns the output, without the last newline.
/// `config_file` is the file that `config` was read from, if there is one.
///
/// # Errors
///
/// Why nothing was imported. Nothing of it is left in Redis.
pub fn run(config: Config, config_file: Option<&Path>, file: &Path) -> Result<String, ClusterImportError> {
    let Some(section) = config.cluster.clone() else {
        return Err(ClusterImportError::NoCluster(config_file.map(Path::to_owned)));
    };
    let found = Store::import(file, config.history_max).map_err(ClusterImportError::Database)?;
    // A hub combines it with the current configuration, by the rules of a server's start.
    let (requests, _) = mpsc::channel();
    let hub = Hub::new(Config { storage: None, ..config }, Clock::new(TimeZone::UTC), None, requests, None);
    let next = found.state.last_message.0 + SKIPPED + 1;
    let bans = found.state.address_bans.clone();
    let earlier = EarlierRun { last: found.state.last_message, broke_off: found.state.broke_off };
    hub.rooms.restore(found.state.rooms, found.state.histories, earlier);
    hub.hash_room_passwords(Instant::now()).map_err(ClusterImportError::Hash)?;
    let mut import = Import::begin(&section)?;
    let filled = fill(&mut import, &hub, &found.accounts, &found.said, &bans, next, &found.fingerprint);
    match filled {
        Ok(counts) => Ok(counts.report(file, &section.redis, next)),
        Err(error) => {
            import.undo();
            Err(error)
        }
    }
}

fn fill(
    import: &mut Import,
    hub: &Hub,
    accounts: &[ImportedAccount],
    said: &[(RoomName, u64)],
    bans: &[crate::store::AddressBanRecord],
    next: u64,
    fingerprint: &str,
) -> Result<Counts, ClusterImportError> {
    let mut counts = Counts::default();
    import.number_above(NumberKind::Message, next - 1)?;
    let last = accounts.iter().map(|imported| imported.account.id.0).max().unwrap_or(0);
    import.number_above(NumberKind::Account, last)?;
    for room in hub.rooms.all() {
        let (core, messages) = room.shared_form();
        let name = room.name().clone();
        let said = said.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
        counts.messages += messages.len();
        counts.kept_rooms += usize::from(room.is_made());
        import.put_room(&SharedRoom { name, core, said, messages })?;
    }
    for imported in accounts {
        counts.waiting += put_account(import, hub, imported)?;
        counts.accounts += 1;
    }
    for ban in bans {
        let (key, value) = kept_ban(ban);
        import.keep(&key, &value)?;
        counts.bans += 1;
    }
    // Last, because it shows that the import is complete and the file may become the archive of the cluster.
    import.keep(IMPORTED, fingerprint)?;
    Ok(counts)
}

/// Imports an account with its messages, visits and open rooms. Returns how many messages wait for its user.
fn put_account(import: &Import, hub: &Hub, imported: &ImportedAccount) -> Result<usize, ClusterImportError> {
    let ImportedAccount { account, waiting, visits, open_rooms } = imported;
    let shared = import.accounts();
    shared.insert(account).map_err(|error| {
        ClusterImportError::Account(match error {
            CreateAccountError::Exists => StoreError::Other("the name is taken".into()),
            CreateAccountError::NotSaved(SaveError(reason)) => reason,
        })
    })?;
    for message in waiting {
        match shared.save_offline_message(account.id, message) {
            Ok(()) => {}
            Err(OfflineMessageError::NotSaved(SaveError(reason))) => return Err(ClusterImportError::Account(reason)),
            // The mailbox is full: it has the same limits in a cluster.
            Err(error) => log::warn!("a message for {} is left out: {error}", account.name),
        }
    }
    // A later room of the name is another one: see `OpenRoomText`.
    let made = |name: &RoomName| {
        let room = hub.rooms.find(name)?;
        Some(room.made().map_or(0, |made| made.at.as_millisecond()))
    };
    for visit in visits {
        if let Some(made) = made(&visit.room) {
            shared.record_visit(account.id, &SharedVisit { room: visit.room.clone(), made, last: visit.last });
        }
    }
    let open: Vec<_> = open_rooms
        .iter()
        .filter_map(|open| {
            let (room, door) = (open.room.as_str().to_owned(), open.door.to_string());
            Some(OpenRoomText { made: made(&open.room)?, room, door })
        })
        .collect();
    if !open.is_empty() {
        shared.record_open_rooms(account.id, &open);
    }
    Ok(waiting.len())
}
