//! What the archive stores from the directory: accounts, address bans, and operators' actions.
//!
//! *Owns* when each is read again. *Knows nothing of* rooms.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Archive, ArchiveError, Reading};
use crate::cluster::{AccountChange, Log, LogReader, Recorded};
use crate::hub::nodes::note::AuditText;
use crate::hub::nodes::notes::{AUDIT, SharedBan};
use crate::hub::nodes::questions::ArchiveFacts;
use crate::store::ArchiveWrite;

/// Accounts per batch.
const ACCOUNTS: usize = 200;

/// The notes that matter to the archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ArchivedNote {
    Banned(serde::de::IgnoredAny),
    Lifted(serde::de::IgnoredAny),
    Audit(AuditText),
}

/// The bans that are in force, all of them.
fn in_force(kept: &[(Box<str>, Box<str>)]) -> ArchiveWrite {
    let ban = |(key, value): &(Box<str>, Box<str>)| SharedBan::read(key, value)?.1.in_force();
    ArchiveWrite::AddressBans(kept.iter().filter_map(ban).collect())
}

impl Archive {
    /// What to store for an entry of the directory.
    pub(super) fn directory_writes(
        &self,
        reader: &mut LogReader,
        what: &Recorded,
    ) -> Result<Option<ArchiveWrite>, ArchiveError> {
        match what {
            Recorded::AccountChanged { change: AccountChange::Removed, account, .. } => {
                Ok(Some(ArchiveWrite::AccountGone(*account)))
            }
            Recorded::AccountChanged { account, name, .. } => {
                if self.progress().lacks_accounts {
                    self.tell_about_itself(reader)?;
                }
                // Read in its current state. An account that has since been replaced was removed first, and a removed one
                // has its own entry to come.
                let found = reader.account(name)?.filter(|found| found.id == *account);
                Ok(found.map(|found| ArchiveWrite::Account(Box::new(found))))
            }
            Recorded::Noted { text, .. } => match serde_json::from_str(text) {
                Ok(ArchivedNote::Banned(_) | ArchivedNote::Lifted(_)) => Ok(Some(in_force(&reader.kept()?.1))),
                Ok(ArchivedNote::Audit(entry)) => Ok(entry.read().map(ArchiveWrite::Audit)),
                Err(_) => Ok(None),
            },
            Recorded::Committed { .. } | Recorded::Term(_) | Recorded::Other => Ok(None),
        }
    }

    /// Tells the servers that this one is an archive, which a Redis that has lost everything does not know any more, and whether
    /// all accounts are lost. It does not give them back by itself: Redis may have known of a removal, or of a new password
    /// after a theft, that had not been stored here yet.
    pub(super) fn tell_about_itself(&self, reader: &mut LogReader) -> Result<(), ArchiveError> {
        let lost = if reader.accounts()?.is_empty() { self.store.archived_accounts()?.len() } else { 0 };
        if lost > 0 {
            log::error!(
                "archive: Redis has lost all accounts ({lost} are stored here): to give them back, stop all servers, empty Redis \
                 and run chatsock cluster import"
            );
        }
        self.progress().lacks_accounts = lost > 0;
        let facts = ArchiveFacts::new(self.store.keeps_history(), self.store.retention(), lost as u64);
        drop(self.cluster.submit(ArchiveFacts::command(self.cluster.node(), Some(facts))));
        Ok(())
    }

    /// Brings the database to what Redis has of the directory. `is_first`: it has read nothing of it so far; `lost`: Redis has
    /// lost some of it. In both cases accounts that are not there stay: they come from before the servers had that Redis.
    pub(super) fn catch_up_with_directory(
        &self,
        reader: &mut LogReader,
        reading: &mut Reading,
        is_first: bool,
        lost: bool,
    ) -> Result<(), ArchiveError> {
        let (end, kept) = reader.kept()?;
        let names = reader.accounts()?;
        for part in names.chunks(ACCOUNTS) {
            let mut writes = Vec::new();
            for (_, name) in part {
                writes.extend(reader.account(name)?.map(|account| ArchiveWrite::Account(Box::new(account))));
            }
            self.store_piece(&reading.places, &reading.places, writes)?;
        }
        let mut writes = Vec::new();
        if !is_first && !lost {
            let there: HashSet<_> = names.iter().map(|(account, _)| *account).collect();
            let gone = self.store.archived_accounts()?.into_iter().filter(|account| !there.contains(account));
            writes.extend(gone.map(ArchiveWrite::AccountGone));
        }
        if is_first {
            // What operators did before there was an archive.
            let audited = kept.iter().filter(|(key, _)| &**key == AUDIT);
            let audited = audited.filter_map(|(_, value)| serde_json::from_str::<AuditText>(value).ok()?.read());
            writes.extend(audited.map(ArchiveWrite::Audit));
        }
        if !lost {
            writes.push(in_force(&kept));
        }
        let before = reading.places.clone();
        reading.places.insert(Log::Directory, end);
        self.store_piece(&before, &reading.places, writes)
    }
}
