//! Calls about users' data: accounts, waiting messages, visits, failed attempts. They are not node commands: they use
//! connections of their own, and the caller waits for the answer.
//!
//! *Owns* these calls, their arguments, and parsing their answers.
//! *Knows nothing of* who waits, or for how long.

use super::Raw;
use crate::access::attempts::AttemptStep;
use crate::chat::message::{AccountId, ClientId, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Hashed;
use crate::cluster::account_record::{self, UnreadableAccount};
use crate::cluster::values::Log;
use crate::store::{AccountRecord, MAX_OFFLINE_MESSAGES, MAX_OFFLINE_MESSAGES_PER_SENDER, Settings};

/// One call, executed atomically. A change may be sent again if its answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountCall {
    /// Finds the account of a name.
    Find(UserName),
    /// Creates an account, unless the name has one.
    Make(Box<AccountRecord>),
    /// Sets a new password.
    SetPassword {
        name: UserName,
        /// Only if it is this account.
        account: Option<AccountId>,
        /// Only if this is the password.
        before: Option<Hashed>,
        hash: Hashed,
        /// The connection that asked for it and needs no notice.
        by: ClientId,
    },
    /// Removes an account and its data, except its visits.
    Remove { name: UserName, account: Option<AccountId>, hash: Option<Hashed>, by: ClientId },
    /// Saves new settings.
    SaveSettings(AccountId, Settings),
    /// Finds the folded name of an account.
    NameOf(AccountId),
    /// Lists part of all accounts, from this cursor on; `0` starts.
    List(Box<str>),
    /// Finds an account whose name looks like this one.
    Alike(UserName),
    /// Stores a message for an offline user. The sender is one word.
    PutMessage { to: AccountId, id: MessageId, sender: Box<str>, text: Box<str> },
    /// Reads a user's waiting messages.
    Messages(AccountId),
    /// Replaces or deletes (`None`) one of them.
    ChangeMessage { to: AccountId, before: Box<str>, now: Option<Box<str>> },
    /// Stores the rooms that a user is in, as text.
    PutOpen(AccountId, Box<str>),
    /// Reads them.
    Open(AccountId),
    /// Records that a user has read a room up to a message.
    Visit { partition: Log, account: AccountId, room: RoomName, instance: u64, last: MessageId },
    /// Reads how far a user has read in the rooms of one partition.
    Visits(Log, AccountId),
    /// Deletes a removed account's visits.
    ForgetVisits(Log, AccountId),
    /// A step of an attempt at a secret.
    Attempt { step: AttemptStep, hold_ms: u64, memory_ms: u64, counts: Vec<SharedCount> },
}

/// A counter of failures that an attempt adds to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedCount {
    /// `user`, `address` or `everyone`.
    pub(crate) kind: &'static str,
    /// Whose attempts these are, and at which secret.
    pub(crate) key: String,
    /// Attempts without a wait.
    pub(crate) free: u32,
    /// The first wait.
    pub(crate) first_ms: u64,
    /// After this many wrong attempts the wait is `late_ms`; 0: each wait is twice as long as the last.
    pub(crate) patience: u32,
    pub(crate) late_ms: u64,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountReply {
    /// Done.
    Done,
    /// No such account, or it has another number or password; or no such message.
    No,
    /// The name already has an account.
    Taken,
    /// The mailbox is full.
    Full,
    /// The sender has used up their share of it.
    SenderShare,
    /// Done, but too few replicas confirmed it.
    NotReplicated,
    /// The account, if there is one.
    Found(Option<Box<AccountRecord>>),
    /// There is one, but it cannot be read.
    Unreadable(UnreadableAccount),
    /// Numbers and folded names, and the cursor of the next page, if any.
    Page { next: Option<Box<str>>, names: Vec<(AccountId, Box<str>)> },
    /// The text, if there is one.
    Text(Option<Box<str>>),
    /// Texts, or pairs of texts in a row.
    Texts(Vec<Box<str>>),
    /// The next attempt must wait.
    Wait { left_ms: u64 },
    /// Other attempts are still being compared.
    Undecided,
    /// Counted. `blocked`: the next attempt must wait.
    Counted { blocked: bool },
}

fn or_any(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn with_looks(mut arguments: Vec<String>, name: &UserName) -> Vec<String> {
    arguments.extend(name.looks().keys().map(str::to_owned));
    arguments
}

impl AccountCall {
    pub(crate) fn log(&self) -> Log {
        match self {
            AccountCall::Visit { partition, .. }
            | AccountCall::Visits(partition, _)
            | AccountCall::ForgetVisits(partition, _) => *partition,
            AccountCall::Find(_)
            | AccountCall::Make(_)
            | AccountCall::SetPassword { .. }
            | AccountCall::Remove { .. }
            | AccountCall::SaveSettings(..)
            | AccountCall::NameOf(_)
            | AccountCall::List(_)
            | AccountCall::Alike(_)
            | AccountCall::PutMessage { .. }
            | AccountCall::Messages(_)
            | AccountCall::ChangeMessage { .. }
            | AccountCall::PutOpen(..)
            | AccountCall::Open(_)
            | AccountCall::Attempt { .. } => Log::Directory,
        }
    }

    /// Whether replicas must confirm it before it counts as done.
    pub(crate) fn is_confirmed(&self) -> bool {
        match self {
            AccountCall::Make(_)
            | AccountCall::SetPassword { .. }
            | AccountCall::Remove { .. }
            | AccountCall::SaveSettings(..) => true,
            AccountCall::Find(_)
            | AccountCall::NameOf(_)
            | AccountCall::List(_)
            | AccountCall::Alike(_)
            | AccountCall::PutMessage { .. }
            | AccountCall::Messages(_)
            | AccountCall::ChangeMessage { .. }
            | AccountCall::PutOpen(..)
            | AccountCall::Open(_)
            | AccountCall::Visit { .. }
            | AccountCall::Visits(..)
            | AccountCall::ForgetVisits(..)
            | AccountCall::Attempt { .. } => false,
        }
    }

    /// Whether it only reads, and so can be sent again.
    pub(crate) fn is_read(&self) -> bool {
        match self {
            AccountCall::Find(_)
            | AccountCall::NameOf(_)
            | AccountCall::List(_)
            | AccountCall::Alike(_)
            | AccountCall::Messages(_)
            | AccountCall::Open(_)
            | AccountCall::Visits(..) => true,
            AccountCall::Make(_)
            | AccountCall::SetPassword { .. }
            | AccountCall::Remove { .. }
            | AccountCall::SaveSettings(..)
            | AccountCall::PutMessage { .. }
            | AccountCall::ChangeMessage { .. }
            | AccountCall::PutOpen(..)
            | AccountCall::Visit { .. }
            | AccountCall::ForgetVisits(..)
            | AccountCall::Attempt { .. } => false,
        }
    }

    /// The function's name, without the library's prefix.
    pub(crate) fn function(&self) -> &'static str {
        match self {
            AccountCall::Find(_) => "account",
            AccountCall::Make(_) => "account_make",
            AccountCall::SetPassword { .. } => "account_password",
            AccountCall::Remove { .. } => "account_remove",
            AccountCall::SaveSettings(..) => "account_settings",
            AccountCall::NameOf(_) => "account_name",
            AccountCall::List(_) => "account_list",
            AccountCall::Alike(_) => "account_alike",
            AccountCall::PutMessage { .. } => "inbox_put",
            AccountCall::Messages(_) => "inbox",
            AccountCall::ChangeMessage { .. } => "inbox_change",
            AccountCall::PutOpen(..) => "open_put",
            AccountCall::Open(_) => "open",
            AccountCall::Visit { .. } => "visit",
            AccountCall::Visits(..) => "visits",
            AccountCall::ForgetVisits(..) => "visits_forget",
            AccountCall::Attempt { .. } => "attempt",
        }
    }

    /// Its arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let folded = |name: &UserName| name.folded().to_owned();
        let hash = |hash: &Hashed| hash.as_str().to_owned();
        let number = |account: &AccountId| account.0.to_string();
        match self {
            AccountCall::Find(name) => vec![folded(name)],
            AccountCall::Make(account) => {
                let mut arguments = vec![folded(&account.name)];
                arguments.extend(account_record::write(account));
                with_looks(arguments, &account.name)
            }
            AccountCall::SetPassword { name, account, before, hash: now, by } => vec![
                folded(name),
                or_any(account.as_ref().map(number)),
                or_any(before.as_ref().map(hash)),
                hash(now),
                by.to_string(),
            ],
            AccountCall::Remove { name, account, hash: before, by } => {
                let (account, before) = (or_any(account.as_ref().map(number)), or_any(before.as_ref().map(hash)));
                with_looks(vec![folded(name), account, before, by.to_string()], name)
            }
            AccountCall::SaveSettings(account, settings) => {
                vec![number(account), account_record::write_settings(settings)]
            }
            AccountCall::NameOf(account) | AccountCall::Messages(account) | AccountCall::Open(account) => {
                vec![number(account)]
            }
            AccountCall::List(from) => vec![from.to_string()],
            AccountCall::Alike(name) => with_looks(vec![folded(name)], name),
            AccountCall::PutMessage { to, id, sender, text } => vec![
                number(to),
                MAX_OFFLINE_MESSAGES.to_string(),
                MAX_OFFLINE_MESSAGES_PER_SENDER.to_string(),
                id.0.to_string(),
                sender.to_string(),
                text.to_string(),
            ],
            AccountCall::ChangeMessage { to, before, now } => {
                vec![number(to), before.to_string(), now.as_deref().unwrap_or_default().to_owned()]
            }
            AccountCall::PutOpen(account, text) => vec![number(account), text.to_string()],
            AccountCall::Visit { partition: _, account, room, instance, last } => {
                vec![number(account), room.folded().to_owned(), instance.to_string(), last.0.to_string()]
            }
            AccountCall::Visits(_, account) | AccountCall::ForgetVisits(_, account) => vec![number(account)],
            AccountCall::Attempt { step, hold_ms, memory_ms, counts } => {
                let step = match step {
                    AttemptStep::Begin => "begin",
                    AttemptStep::Wrong => "wrong",
                    AttemptStep::Right => "right",
                    AttemptStep::Drop => "drop",
                };
                let mut arguments = vec![step.to_owned(), hold_ms.to_string(), memory_ms.to_string()];
                for SharedCount { kind, key, free, first_ms, patience, late_ms } in counts {
                    arguments.extend([(*kind).to_owned(), key.clone()]);
                    arguments.extend([free.to_string(), first_ms.to_string(), patience.to_string()]);
                    arguments.push(late_ms.to_string());
                }
                arguments
            }
        }
    }

    /// Parses the answer to this call. `None` if it makes no sense.
    pub(super) fn understand(&self, list: &[Raw]) -> Option<AccountReply> {
        let word = || list.first()?.text();
        Some(match self {
            AccountCall::Find(_) if list.is_empty() => AccountReply::Found(None),
            AccountCall::Find(name) => {
                let fields: Vec<_> = list.iter().map(Raw::text).collect();
                match account_record::read(&fields) {
                    Ok(account) if account.name == *name => AccountReply::Found(Some(Box::new(account))),
                    Ok(_) => AccountReply::Unreadable(UnreadableAccount::Field("name")),
                    Err(why) => AccountReply::Unreadable(why),
                }
            }
            AccountCall::List(_) => {
                let [next, names] = list else { return None };
                let next = next.text().filter(|next| *next != "0").map(Box::from);
                let pairs = names.pairs()?.into_iter();
                let names = pairs.filter_map(|(id, name)| Some((AccountId(id.parse().ok()?), name.into())));
                AccountReply::Page { next, names: names.collect() }
            }
            AccountCall::NameOf(_) | AccountCall::Alike(_) | AccountCall::Open(_) => {
                AccountReply::Text(list.first().and_then(Raw::text).map(Box::from))
            }
            AccountCall::Messages(_) => AccountReply::Texts(list.iter().filter_map(Raw::text).map(Box::from).collect()),
            AccountCall::Visits(..) => {
                let pairs = list.chunks_exact(2).filter_map(|pair| Some([pair[0].text()?, pair[1].text()?]));
                let mut pairs: Vec<_> = pairs.collect();
                pairs.sort_unstable();
                AccountReply::Texts(pairs.into_iter().flatten().map(Box::from).collect())
            }
            AccountCall::Attempt { .. } => match word()? {
                "ok" => AccountReply::Counted { blocked: list.get(1)?.text()? == "1" },
                "wait" => AccountReply::Wait { left_ms: list.get(1)?.number()? },
                "busy" => AccountReply::Undecided,
                _ => return None,
            },
            AccountCall::Make(_)
            | AccountCall::SetPassword { .. }
            | AccountCall::Remove { .. }
            | AccountCall::SaveSettings(..)
            | AccountCall::PutMessage { .. }
            | AccountCall::ChangeMessage { .. }
            | AccountCall::PutOpen(..)
            | AccountCall::Visit { .. }
            | AccountCall::ForgetVisits(..) => match word()? {
                "ok" => AccountReply::Done,
                "no" => AccountReply::No,
                "taken" => AccountReply::Taken,
                "full" => AccountReply::Full,
                "share" => AccountReply::SenderShare,
                _ => return None,
            },
        })
    }
}
