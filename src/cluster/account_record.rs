//! An account as stored in Redis. The format is fixed, so that servers and programs of any version agree on it.
//!
//! The key is `PREFIX{dir}acc:NAME`, with the name folded. The value is a Redis hash whose fields are all text:
//!
//! | field | holds |
//! | --- | --- |
//! | `v` | the version of this format: `1` |
//! | `id` | the account's number, unique over all servers and never given twice: decimal, above 0, below 2^53 |
//! | `name` | the name as the user typed it when registering |
//! | `hash` | the password's hash, as `$argon2id$...` |
//! | `created` | when the account was registered, in milliseconds since 1970, UTC |
//! | `settings` | the user's settings, as the JSON object of [`StoredSettings`] |
//! | `hash` | the hash of the password, as `$argon2id$...` |
//! | `created` | when it was registered, in milliseconds since 1970, UTC |
//! | `settings` | what its user has set, as the JSON object of [`StoredSettings`] |
//!
//! The fields are separate, so that Redis can compare number and hash before it changes anything. `PREFIX{dir}accounts`
//! maps each number to the folded name, and `PREFIX{dir}looks:KEY` holds the names that look like KEY.
//!
//! *Owns* the format. Anyone with access to Redis may have written anything there, so records are parsed as untrusted
//! input: sizes, names and times are checked, and the error says what could not be read.
//! *Knows nothing of* how it travels.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chat::message::AccountId;
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::store::{AccountRecord, Settings};

/// The format version that is written, and the only one that can be read.
pub(crate) const VERSION: &str = "1";

/// The fields, in the order they are written and read.
pub(crate) const FIELDS: [&str; 6] = ["v", "id", "name", "hash", "created", "settings"];

/// Longest field accepted, in bytes. Settings take a few kilobytes if the user ignores as many others as allowed.
pub(crate) const FIELD_MAX: usize = 65_536;

/// Longest hash, in bytes. Ours take about a hundred.
const HASH_MAX: usize = 512;

/// Most ignored names read from one record. No user can ignore more.
const IGNORED_MAX: usize = 1000;

/// The field `settings`: JSON that omits what the user has not set. Fields added by a later version are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredSettings {
    /// Colour on or off, if they chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) color: Option<bool>,
    /// What the bell rings for: `off`, `on` or `mentions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bell: Option<String>,
    /// The time zone of the times they see, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// Whether the view shows times, if they chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamps: Option<bool>,
    /// Whether it shows message ids, if they chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ids: Option<bool>,
    /// Whether it leaves out who joins, leaves or is renamed, if they chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quiet: Option<bool>,
    /// The names of users they ignore, in the order in which they were ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<String>,
}

/// Why an account in Redis cannot be read: a sentence for the log. It never quotes the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnreadableAccount {
    /// A later version wrote it.
    Version,
    /// A field is missing, is not UTF-8, is too long, or has an invalid value.
    Field(&'static str),
}

impl fmt::Display for UnreadableAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnreadableAccount::Version => write!(f, "its format is not {VERSION}; another version wrote it"),
            UnreadableAccount::Field(field) => write!(f, "the field {field} is missing or cannot be read"),
        }
    }
}

/// The values of [`FIELDS`].
pub(crate) fn write(account: &AccountRecord) -> [String; 6] {
    [
        VERSION.to_owned(),
        account.id.0.to_string(),
        account.name.to_string(),
        account.hash.as_str().to_owned(),
        account.created.as_millisecond().to_string(),
        write_settings(&account.settings),
    ]
}

/// The field `settings`.
pub(crate) fn write_settings(settings: &Settings) -> String {
    let Settings { color, bell, time_zone, timestamps, ids, quiet, ignored } = settings;
    let stored = StoredSettings {
        color: *color,
        bell: bell.as_deref().map(str::to_owned),
        time_zone: time_zone.as_deref().map(str::to_owned),
        timestamps: *timestamps,
        ids: *ids,
        quiet: *quiet,
        ignored: ignored.iter().map(ToString::to_string).collect(),
    };
    // Plain values: this cannot fail.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Parses the values of [`FIELDS`]; `None` is a missing field.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn read(fields: &[Option<&str>]) -> Result<AccountRecord, UnreadableAccount> {
    let field = |index: usize| {
        let name = FIELDS.get(index).copied().unwrap_or("");
        let value = fields.get(index).copied().flatten().filter(|value| value.len() <= FIELD_MAX);
        // The replacement character marks bytes that were not UTF-8.
        value.filter(|value| !value.contains('\u{fffd}')).ok_or(UnreadableAccount::Field(name))
    };
    if field(0)? != VERSION {
        return Err(UnreadableAccount::Version);
    }
    let id = field(1)?.parse().ok().filter(|id| (1..1 << 53).contains(id)).ok_or(UnreadableAccount::Field("id"))?;
    let name = UserName::written(field(2)?).map_err(|_| UnreadableAccount::Field("name"))?;
    let hash = field(3)?;
    if hash.is_empty() || hash.len() > HASH_MAX || hash.contains(char::is_control) {
        return Err(UnreadableAccount::Field("hash"));
    }
    let created = field(4)?.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    let created = created.ok_or(UnreadableAccount::Field("created"))?;
    let settings = read_settings(field(5)?).ok_or(UnreadableAccount::Field("settings"))?;
    Ok(AccountRecord { id: AccountId(id), name, hash: Hashed::new(hash), created, settings })
}

fn read_settings(text: &str) -> Option<Settings> {
    let stored: StoredSettings = serde_json::from_str(text).ok()?;
    let StoredSettings { color, bell, time_zone, timestamps, ids, quiet, ignored } = stored;
    // No user can have a name that this build cannot read, so ignoring it is unnecessary.
    let ignored = ignored.iter().filter_map(|name| UserName::written(name).ok()).take(IGNORED_MAX).collect();
    let (bell, time_zone) = (bell.map(Into::into), time_zone.map(Into::into));
    Some(Settings { color, bell, time_zone, timestamps, ids, quiet, ignored })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountRecord {
        let name = |text| UserName::parse(text, 1, 12).expect("a name");
        AccountRecord {
            id: AccountId(7),
            name: name("Alice"),
            hash: Hashed::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
            created: Timestamp::from_millisecond(1_700_000_000_123).expect("a time"),
            settings: Settings {
                color: Some(true),
                bell: Some("mentions".into()),
                time_zone: Some("Europe/Berlin".into()),
                quiet: Some(false),
                ignored: vec![name("bob"), name("Carol")],
                ..Settings::default()
            },
        }
    }

    fn read_texts(fields: &[String]) -> Result<AccountRecord, UnreadableAccount> {
        read(&fields.iter().map(|field| Some(field.as_str())).collect::<Vec<_>>())
    }

    #[test]
    fn an_account_is_read_as_it_was_written() {
        let fields = write(&account());
        let settings =
            r#"{"color":true,"bell":"mentions","time_zone":"Europe/Berlin","quiet":false,"ignored":["bob","Carol"]}"#;
        assert_eq!(fields[5], settings);
        assert_eq!(read_texts(&fields), Ok(account()));
        let plain = AccountRecord { settings: Settings::default(), ..account() };
        assert_eq!(write(&plain)[5], "{}");
        assert_eq!(read_texts(&write(&plain)), Ok(plain));
    }

    #[test]
    fn settings_of_a_later_version_are_read_without_what_is_new_in_them() {
        let mut fields = write(&account());
        fields[5] = r#"{"color":true,"theme":"dark","ignored":["bob","\u001b[2J","a b"]}"#.to_owned();
        let read = read_texts(&fields).expect("an account");
        assert_eq!((read.settings.color, read.settings.ignored.len()), (Some(true), 1));
    }

    #[test]
    fn what_is_hostile_is_refused_and_no_hash_is_quoted() {
        let huge = "x".repeat(FIELD_MAX + 1);
        let deep = "[".repeat(60_000);
        for (index, text, expected) in [
            (0, "2", UnreadableAccount::Version),
            (0, "", UnreadableAccount::Version),
            (1, "0", UnreadableAccount::Field("id")),
            (1, "-1", UnreadableAccount::Field("id")),
            (1, "9007199254740992", UnreadableAccount::Field("id")),
            (2, "al\u{fffd}ce", UnreadableAccount::Field("name")),
            (2, "\u{1b}[2Jalice", UnreadableAccount::Field("name")),
            (2, "", UnreadableAccount::Field("name")),
            (3, "", UnreadableAccount::Field("hash")),
            (3, "$argon2id$\n", UnreadableAccount::Field("hash")),
            (3, &huge, UnreadableAccount::Field("hash")),
            (4, "99999999999999999999", UnreadableAccount::Field("created")),
            (5, "no", UnreadableAccount::Field("settings")),
            (5, &huge, UnreadableAccount::Field("settings")),
            (5, &deep, UnreadableAccount::Field("settings")),
        ] {
            let mut fields = write(&account());
            fields[index] = text.to_owned();
            assert_eq!(read_texts(&fields), Err(expected), "{index}");
        }
        assert_eq!(read(&[]), Err(UnreadableAccount::Field("v")));
        assert_eq!(read(&[Some("1"), None]), Err(UnreadableAccount::Field("id")));
    }
}
