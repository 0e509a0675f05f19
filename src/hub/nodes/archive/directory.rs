//! What the archive stores of the directory: accounts, banned networks, and what operators did.
//!
//! *Owns* when each is read again. *Knows nothing of* rooms.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Archive, Reading, Trouble};
use crate::access::network::Network;
use crate::chat::names::UserName;
use crate::cluster::{AccountChange, Log, LogReader, Recorded};
use crate::hub::nodes::safe::one_line;
use crate::store::{AddressBanRecord, ArchiveWrite, AuditEntry};

/// Accounts in one piece.
const ACCOUNTS: usize = 200;

/// Before a network in what is kept of bans.
const BAN: &str = "ban ";

/// A ban as all servers keep it. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BanText {
    network: String,
    by: String,
    reason: String,
    at: i64,
    until: Option<i64>,
}

/// What is kept of a network; one whose ban was lifted is something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptBan {
    Banned(BanText),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct AuditText {
    at: i64,
    who: String,
    what: String,
}

/// The notes that the archive reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Note {
    Banned(serde::de::IgnoredAny),
    Lifted(serde::de::IgnoredAny),
    Audit(AuditText),
}

/// A ban as it is kept in the directory: its key and its value.
pub(crate) fn kept_ban(ban: &AddressBanRecord) -> (String, String) {
    let text = BanText {
        network: ban.network.to_string(),
        by: ban.by.to_string(),
        reason: ban.reason.to_string(),
        at: ban.at.as_millisecond(),
        until: ban.until.map(Timestamp::as_millisecond),
    };
    // Plain values: this cannot fail.
    let value = serde_json::to_string(&KeptBan::Banned(text)).unwrap_or_default();
    (format!("{BAN}{}", ban.network), value)
}

fn read_ban(key: &str, value: &str) -> Option<AddressBanRecord> {
    key.strip_prefix(BAN)?;
    let KeptBan::Banned(ban) = serde_json::from_str(value).ok()?;
    let moment = |at| Timestamp::from_millisecond(at).ok();
    Some(AddressBanRecord {
        network: Network::parse(&ban.network).ok()?,
        by: UserName::written(&ban.by).ok()?,
        reason: one_line(&ban.reason).into(),
        at: moment(ban.at)?,
        until: match ban.until {
            Some(until) => Some(moment(until)?),
            None => None,
        },
    })
}

impl Archive {
    /// What is stored because of an entry of the directory.
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
                // It is as it is now. One that is another by now was removed before, and one that is gone will be.
                let found = reader.account(name)?.filter(|found| found.id == *account);
                Ok(found.map(|found| ArchiveWrite::Account(Box::new(found))))
            }
            Recorded::Noted { text, .. } => match serde_json::from_str(text) {
                Ok(Note::Banned(_) | Note::Lifted(_)) => self.bans(reader).map(Some),
                Ok(Note::Audit(AuditText { at, who, what })) => {
                    let (at, who) = (Timestamp::from_millisecond(at), UserName::written(&who));
                    let entry = |at, who| AuditEntry { at, who, what: one_line(&what).into() };
                    Ok(at.ok().zip(who.ok()).map(|(at, who)| ArchiveWrite::Audit(entry(at, who))))
                }
                Err(_) => Ok(None),
            },
            Recorded::Committed { .. } | Recorded::Term(_) | Recorded::Other => Ok(None),
        }
    }

    fn bans(&self, reader: &mut LogReader) -> Result<ArchiveWrite, Trouble> {
        let kept = reader.kept()?;
        Ok(ArchiveWrite::AddressBans(kept.iter().filter_map(|(key, value)| read_ban(key, value)).collect()))
    }

    /// Brings the database to what Redis has of the directory. `only_adds`: what is not there stays.
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
    use super::*;

    #[test]
    fn a_ban_is_read_as_it_is_kept_and_one_that_was_lifted_is_none() {
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
