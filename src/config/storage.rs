//! The section `[storage]`, and the settings for accounts, which need it.
//!
//! *Owns* their ranges and how they depend on each other, with and without the feature `storage`.
//! *Knows nothing of* the database.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::Config;
use super::conflict::contradiction;
use super::keys::{STORAGE_BUILT, STORAGE_KEYS, lacking, unknown_keys};
use super::value::{DAY, Section, ValueReader};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::names::{USER_NAME_MAX, UserName};

/// Longest retention, in days: a century. For no limit there is 0.
const MAX_RETENTION: usize = 36_500;

/// Most wrong passwords before a block. With more, a block would be pointless.
const MAX_ATTEMPTS: usize = 100;

/// Longest first block, in seconds; the doubling of blocks ends here too.
const MAX_BLOCK: usize = 900;

/// SQLite's name for a database in memory.
const NOT_A_FILE: &str = ":memory:";

/// The section `[storage]`: what is stored on disk, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The database. A relative path counts from the directory the server was started in.
    pub path: PathBuf,
    /// Whether messages are stored.
    pub history: bool,
    /// How long messages are kept, in whole days. `None`: without limit.
    pub retention: Option<Duration>,
}

impl Default for Storage {
    /// An empty section `[storage]`.
    fn default() -> Self {
        Self { path: PathBuf::from("chatsock.db"), history: false, retention: None }
    }
}

/// Reads the section `[storage]`; called only in builds with the feature. `archive` is whether the server has a section
/// `[cluster]`: then it stores messages unless the file says otherwise.
pub(super) fn read_storage(reader: &mut ValueReader<'_>, table: &DeTable<'_>, archive: bool) -> Storage {
    let section = Section { prefix: "storage.", table };
    unknown_keys(reader, section, STORAGE_KEYS);
    let mut storage = Storage { history: archive, ..Storage::default() };
    let mut path = Some(storage.path);
    reader.read_path(section, "path", &mut path);
    let wrong = match &path {
        None => Some("must name a file, as in path = \"chatsock.db\"; to store nothing, remove the section [storage]"),
        Some(path) if path == Path::new(NOT_A_FILE) => {
            Some("is memory and not a file; to store nothing, remove the section [storage]")
        }
        Some(_) => None,
    };
    if let Some(wrong) = wrong {
        reader.mistake(reader.line_of(section, "path"), format!("storage.path {wrong}"));
    }
    storage.path = path.unwrap_or_default();
    reader.read_bool(section, "history", &mut storage.history);
    let mut days = 0;
    reader.read_number(section, "retention_days", 0..=MAX_RETENTION, &mut days);
    storage.retention = (days > 0).then(|| Duration::from_secs(days as u64 * DAY));
    storage
}

/// Reads the keys at the top about accounts.
pub(super) fn read_accounts(reader: &mut ValueReader<'_>, top: Section<'_, '_>, config: &mut Config) {
    const WORDS: [(&str, AccountPolicy); 3] =
        [("off", AccountPolicy::Off), ("optional", AccountPolicy::Optional), ("required", AccountPolicy::Required)];
    // Starts as `None`: without the key, the section decides.
    let mut chosen = None;
    reader.read_word(top, "accounts", &WORDS.map(|(word, meaning)| (word, Some(meaning))), &mut chosen);
    config.accounts = chosen;
    reader.read_number(top, "login_attempts", 1..=MAX_ATTEMPTS, &mut config.login_attempts);
    let mut seconds = usize::try_from(config.login_block.as_secs()).unwrap_or(MAX_BLOCK);
    reader.read_number(top, "login_block_seconds", 1..=MAX_BLOCK, &mut seconds);
    config.login_block = Duration::from_secs(seconds as u64);
    let names = config.names;
    let parse = |text: &str| UserName::parse_in(text, 1, USER_NAME_MAX, names).map_err(|error| error.clause());
    let mut named = HashSet::new();
    for (name, line) in reader.read_list(top, "operators", "alice", parse).unwrap_or_default() {
        if named.insert(name.clone()) {
            config.operators.push(name);
        } else {
            reader.mistake(Some(line), format!("operators contains {name} twice; remove one"));
        }
    }
}

/// Reports settings about accounts if there can be no accounts.
pub(super) fn contradictions(reader: &mut ValueReader<'_>, top: Section<'_, '_>, config: &Config) {
    if let Some(word) = match config.accounts {
        Some(AccountPolicy::Optional) => Some("optional"),
        Some(AccountPolicy::Required) => Some("required"),
        Some(AccountPolicy::Off) | None => None,
    } && !config.keeps_accounts()
    {
        let text = if STORAGE_BUILT {
            format!(
                "accounts = \"{word}\" needs the section [storage] for the accounts; add it, or set accounts = \"off\""
            )
        } else {
            format!("accounts = \"{word}\" {}", lacking("storage"))
        };
        // If there is a section, it already has the mistake that this build lacks the feature.
        contradiction(reader, &[(top, "accounts"), (top, "storage")], text);
    } else if !config.operators.is_empty() && config.accounts() == AccountPolicy::Off {
        let text = if !STORAGE_BUILT {
            format!("operators need accounts, and storing accounts {}", lacking("storage"))
        } else if !config.keeps_accounts() {
            "operators need accounts, and accounts need the section [storage]; add it, or set operators = []".to_owned()
        } else {
            "operators need accounts, but accounts = \"off\"; set it to \"optional\" or \"required\", or set operators = []"
                .to_owned()
        };
        contradiction(reader, &[(top, "operators"), (top, "accounts"), (top, "storage")], text);
    }
}
