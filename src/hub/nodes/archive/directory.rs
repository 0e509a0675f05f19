//! What the archive stores from the directory: accounts, address bans, and operators' actions.
//!
//! *Owns* when each is read again. *Knows nothing of* rooms.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Archive, Reading, Trouble};
use crate::cluster::{AccountChange, Log, LogReader, Recorded};
use crate::hub::nodes::note::{AuditText, text};
use crate::hub::nodes::notes::KeptBan;
use crate::store::{AddressBanRecord, ArchiveWrite};

/// Accounts per batch.
const ACCOUNTS: usize = 200;

/// The prefix of a network in the keys of stored bans.
const BAN: &str = "ban ";

/// The notes that matter to the archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ArchivedNote {
    Banned(serde::de::IgnoredAny),
    Lifted(serde::de::IgnoredAny),
    Audit(AuditText),
}

/// A ban as stored in the directory: key and value.
pub(crate) fn kept_ban(ban: &AddressBanRecord) -> (String, String) {
    (format!("{BAN}{}", ban.network), text(&KeptBan::new(ban)).into())
}

fn read_ban(key: &str, value: &str) -> Option<AddressBanRecord> {
    key.strip_prefix(BAN)?;
    serde_json::from_str::<KeptBan>(value).ok()?.in_force()
}

impl Archive {
    /// What to store for an entry of the directory.
    pub(super) fn directory_writes(
        &self,
        reader: &mut LogReader,
        what: &Recorded,
    ) -> Result<Option<ArchiveWrite>, Trouble> {
        match what {
            Recorded::AccountChanged { change: AccountChange::Removed, account, .. } => {
                Ok(Some(ArchiveWrite::AccountGone(*account)))
            }
            Recorded::AccountChanged { account, name, .. } => {
                // Read in its current state. An account that has since been replaced was removed first, and a removed one
                // has its own entry to come.
                let found = reader.account(name)?.filter(|found| found.id == *account);
                Ok(found.map(|found| ArchiveWrite::Account(Box::new(found))))
            }
            Recorded::Noted { text, .. } => match serde_json::from_str(text) {
                Ok(ArchivedNote::Banned(_) | ArchivedNote::Lifted(_)) => self.bans(reader).map(Some),
                Ok(ArchivedNote::Audit(entry)) => Ok(entry.read().map(ArchiveWrite::Audit)),
                Err(_) => Ok(None),
            },
            Recorded::Committed { .. } | Recorded::Term(_) | Recorded::Other => Ok(None),
        }
    }

    fn bans(&self, reader: &mut LogReader) -> Result<ArchiveWrite, Trouble> {
        let kept = reader.kept()?;
        Ok(ArchiveWrite::AddressBans(kept.iter().filter_map(|(key, value)| read_ban(key, value)).collect()))
    }

    /// Brings the database up to date with the directory. With `only_adds`, nothing is removed.
    pub(super) fn catch_up_with_directory(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        only_adds: bool,
    ) -> Result<(), Trouble> {
        let (end, _) = reader.rooms(Log::Directory)?;
        let names = reader.accounts()?;
        for part in names.chunks(ACCOUNTS) {
            let mut writes = Vec::new();
            for (_, name) in part {
                writes.extend(reader.account(name)?.map(|account| ArchiveWrite::Account(Box::new(account))));
            }
            self.store_piece(&reading.places, &reading.places, writes)?;
        }
        let mut writes = Vec::new();
        if !only_adds {
            let there: HashSet<_> = names.iter().map(|(account, _)| *account).collect();
            let gone = self.store.archived_accounts()?.into_iter().filter(|account| !there.contains(account));
            writes.extend(gone.map(ArchiveWrite::AccountGone));
            writes.push(self.bans(reader)?);
        }
        let before = reading.places.clone();
        reading.places.insert(Log::Directory, end);
        self.store_piece(&before, &reading.places, writes)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::access::network::Network;
    use crate::chat::names::UserName;

    #[test]
    fn a_stored_ban_is_read_back_and_a_lifted_one_is_none() {
        let ban = AddressBanRecord {
            network: Network::parse("192.0.2.0/24").expect("a network"),
            by: UserName::written("alice").expect("a name"),
            reason: "spam".into(),
            at: Timestamp::from_millisecond(1_700_000_000_000).expect("a moment"),
            until: None,
        };
        let (key, value) = kept_ban(&ban);
        assert_eq!(
            (key.as_str(), value.as_str()),
            (
                "ban 192.0.2.0/24",
                r#"{"banned":{"network":"192.0.2.0/24","by":"alice","reason":"spam","at":1700000000000,"until":null}}"#
            )
        );
        assert_eq!(read_ban(&key, &value), Some(ban));
        assert_eq!(read_ban(&key, r#"{"lifted":1700000000000}"#), None);
        assert_eq!(read_ban("audit", &value), None);
        assert_eq!(read_ban(&key, "no"), None);
    }
}
