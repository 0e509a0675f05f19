//! The part of the in-memory Redis that holds users' data.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::attempts::AttemptStep;
use crate::chat::message::{AccountId, ClientId, MessageId};
use crate::cluster::engine::{AccountCall, AccountReply, SharedCount};
use crate::cluster::entry::{AccountChange, Happened};
use crate::store::{AccountRecord, MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER};

/// The longest wait, where doubling ends.
const LONGEST: u64 = 900_000;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    wrong: u64,
    under_way: u64,
    over: i64,
    deadline: i64,
}

impl Count {
    fn wait_after(self, shared: &SharedCount) -> Option<u64> {
        let further = self.wrong.checked_sub(shared.free.into())?;
        Some(match shared.patience {
            0 => (shared.first_ms * (1 << further.min(16))).min(LONGEST),
            patience if self.wrong < patience.into() => shared.first_ms,
            _ => shared.late_ms,
        })
    }

    fn is_busy(self, shared: &SharedCount) -> bool {
        self.under_way >= u64::from(shared.free).saturating_sub(self.wrong).max(1)
    }
}

/// Users' data.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeAccounts {
    accounts: BTreeMap<String, AccountRecord>,
    looks: BTreeMap<String, BTreeSet<String>>,
    inboxes: BTreeMap<AccountId, Vec<Box<str>>>,
    open: BTreeMap<AccountId, Box<str>>,
    visits: BTreeMap<AccountId, BTreeMap<String, (u64, MessageId)>>,
    counts: BTreeMap<String, Count>,
}

impl FakeAccounts {
    fn by_id(&mut self, id: AccountId) -> Option<&mut AccountRecord> {
        self.accounts.values_mut().find(|account| account.id == id)
    }

    /// The answer, and the log entry for it.
    pub(super) fn call(&mut self, call: &AccountCall, now: i64) -> (AccountReply, Option<Happened>) {
        let changed = |change, account: &AccountRecord, by| {
            let name = account.name.folded().into();
            (AccountReply::Done, Some(Happened::AccountChanged { change, account: account.id, name, by }))
        };
        let quiet = match call {
            AccountCall::Find(name) => AccountReply::Found(self.accounts.get(name.folded()).cloned().map(Box::new)),
            AccountCall::Make(account) => {
                let folded = account.name.folded();
                if let Some(known) = self.accounts.get(folded) {
                    let reply = if known.id == account.id { AccountReply::Done } else { AccountReply::Taken };
                    return (reply, None);
                }
                self.accounts.insert(folded.to_owned(), (**account).clone());
                for key in account.name.looks().keys() {
                    self.looks.entry(key.to_owned()).or_default().insert(folded.to_owned());
                }
                return changed(AccountChange::Made, account, ClientId(0));
            }
            AccountCall::SetPassword { name, account, before, hash, by } => {
                let Some(known) = self.accounts.get_mut(name.folded()) else { return (AccountReply::No, None) };
                if account.is_some_and(|account| account != known.id) {
                    return (AccountReply::No, None);
                }
                if known.hash == *hash {
                    return (AccountReply::Done, None);
                }
                if before.as_ref().is_some_and(|before| *before != known.hash) {
                    return (AccountReply::No, None);
                }
                known.hash = hash.clone();
                return changed(AccountChange::Password, known, *by);
            }
            AccountCall::Remove { name, account, hash, by } => {
                let fits = |known: &&AccountRecord| {
                    account.is_none_or(|account| account == known.id)
                        && hash.as_ref().is_none_or(|hash| *hash == known.hash)
                };
                let Some(known) = self.accounts.get(name.folded()).filter(fits).cloned() else {
                    return (AccountReply::No, None);
                };
                self.accounts.remove(name.folded());
                self.inboxes.remove(&known.id);
                self.open.remove(&known.id);
                for key in name.looks().keys() {
                    self.looks.entry(key.to_owned()).or_default().remove(name.folded());
                }
                return changed(AccountChange::Removed, &known, *by);
            }
            AccountCall::SaveSettings(id, settings) => match self.by_id(*id) {
                Some(account) => {
                    account.settings = settings.clone();
                    return changed(AccountChange::Settings, account, ClientId(0));
                }
                None => AccountReply::No,
            },
            AccountCall::NameOf(id) => AccountReply::Text(self.by_id(*id).map(|account| account.name.folded().into())),
            AccountCall::List(_) => {
                let mut names: Vec<_> = self.accounts.values().map(|a| (a.id, a.name.folded().into())).collect();
                names.sort_by_key(|(id, _)| id.0.to_string());
                AccountReply::Page { next: None, names }
            }
            AccountCall::Alike(name) => {
                let looks = name.looks();
                let others = looks.keys().filter_map(|key| self.looks.get(key)).flatten();
                let other = others.filter(|other| *other != name.folded()).find_map(|other| self.accounts.get(other));
                AccountReply::Text(other.map(|account| account.name.as_str().into()))
            }
            AccountCall::PutMessage { to, id, sender, text } => {
                if self.by_id(*to).is_none() {
                    return (AccountReply::No, None);
                }
                let inbox = self.inboxes.entry(*to).or_default();
                let word = |text: &str, index| text.split(' ').nth(index).unwrap_or_default().to_owned();
                if inbox.iter().any(|text| word(text, 0) == id.0.to_string()) {
                    AccountReply::Done
                } else if inbox.iter().filter(|text| word(text, 1) == **sender).count()
                    >= MAX_OFFLINE_MESSAGES_PER_SENDER
                {
                    AccountReply::SenderShare
                } else if inbox.len() >= MAX_OFFLINE_MESSAGES {
                    AccountReply::Full
                } else {
                    inbox.push(format!("{} {sender} {text}", id.0).into());
                    AccountReply::Done
                }
            }
            AccountCall::Messages(id) => AccountReply::Texts(self.inboxes.get(id).cloned().unwrap_or_default()),
            AccountCall::ChangeMessage { to, before, now } => {
                let inbox = self.inboxes.entry(*to).or_default();
                match (inbox.iter().position(|text| text == before), now) {
                    (Some(index), Some(now)) => {
                        inbox[index] = now.clone();
                        AccountReply::Done
                    }
                    (Some(index), None) => {
                        inbox.remove(index);
                        AccountReply::Done
                    }
                    (None, _) => AccountReply::No,
                }
            }
            AccountCall::PutOpen(id, text) => match self.by_id(*id) {
                Some(_) => {
                    self.open.insert(*id, text.clone());
                    AccountReply::Done
                }
                None => AccountReply::No,
            },
            AccountCall::Open(id) => AccountReply::Text(self.open.get(id).cloned()),
            AccountCall::Visit { partition: _, account, room, instance, last } => {
                let visits = self.visits.entry(*account).or_default();
                let known = visits.get(room.folded()).filter(|(known, _)| known == instance);
                if known.is_none_or(|(_, known)| known < last) {
                    visits.insert(room.folded().to_owned(), (*instance, *last));
                }
                AccountReply::Done
            }
            AccountCall::Visits(_, account) => {
                let visits = self.visits.get(account).into_iter().flatten();
                let texts =
                    visits.flat_map(|(room, (instance, last))| [room.clone(), format!("{instance} {}", last.0)]);
                AccountReply::Texts(texts.map(Into::into).collect())
            }
            AccountCall::ForgetVisits(_, account) => {
                self.visits.remove(account);
                AccountReply::Done
            }
            AccountCall::Attempt { step, hold_ms, memory_ms: _, counts } => {
                self.attempt(*step, hold_ms.cast_signed(), counts, now)
            }
        };
        (quiet, None)
    }

    fn attempt(&mut self, step: AttemptStep, hold_ms: i64, counts: &[SharedCount], now: i64) -> AccountReply {
        let known = |key: &String| {
            let mut count = self.counts.get(key).copied().unwrap_or_default();
            if count.over <= now {
                count.under_way = 0;
            }
            count
        };
        let found: Vec<_> = counts.iter().map(|shared| (shared, known(&shared.key))).collect();
        if step == AttemptStep::Begin {
            let left = found.iter().map(|(_, count)| count.deadline - now).max().unwrap_or(0);
            if left > 0 {
                return AccountReply::Wait { left_ms: left.unsigned_abs() };
            }
            if found.iter().any(|(shared, count)| count.is_busy(shared)) {
                return AccountReply::Undecided;
            }
        }
        let (mut slips, mut blocked) = (0, false);
        for (shared, mut count) in found {
            match step {
                AttemptStep::Begin => (count.under_way, count.over) = (count.under_way + 1, now + hold_ms),
                AttemptStep::Wrong | AttemptStep::Right | AttemptStep::Drop => {
                    count.under_way = count.under_way.saturating_sub(1);
                }
            }
            if step == AttemptStep::Wrong {
                count.wrong += 1;
                if let Some(wait) = count.wait_after(shared) {
                    count.deadline = count.deadline.max(now + wait.cast_signed());
                }
                blocked |= count.deadline > now || count.is_busy(shared);
            } else if step == AttemptStep::Right && shared.kind == "user" {
                slips = count.wrong;
                (count.wrong, count.deadline) = (0, 0);
            } else if step == AttemptStep::Right && shared.kind == "address" && slips > 0 {
                count.wrong = count.wrong.saturating_sub(slips);
                if count.wait_after(shared).is_none() {
                    count.deadline = 0;
                }
            }
            if count.wrong == 0 && count.under_way == 0 {
                self.counts.remove(&shared.key);
            } else {
                self.counts.insert(shared.key.clone(), count);
            }
        }
        AccountReply::Counted { blocked }
    }
}
