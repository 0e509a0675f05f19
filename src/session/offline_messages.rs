//! Direct messages for offline users: leaving them, changing them, and showing them at the next login.
//!
//! Nothing here runs under a lock: the disk is waited for, or read on the worker threads.
//!
//! *Owns* which of them their author may still change, and the rule that one is erased only after it was shown. *Knows
//! nothing of* SQL, and of how a message looks.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Session;
use crate::access::address::network_key;
use crate::chat::identity::Target;
use crate::chat::message::{AccountId, Addressee, ClientId, Draft, Event, Message, MessageId, Quoted};
use crate::chat::names::UserName;
use crate::hub::AccountStore;
use crate::metrics::PostKind;
use crate::outbox::OwnCopy;
use crate::store::{
    AccountRecord, MAX_OFFLINE_MESSAGES_PER_SENDER, OfflineMessageError, OfflineMessageRecord, ReadError, SaveError,
    Store,
};
use crate::ui::screen::LineKind;

/// Messages to offline users that their author can still change, the last ones.
const MOST_SENT: usize = 100;

/// How long a new connection may take to receive the messages that waited for it.
const DELIVERY: Duration = Duration::from_secs(5);

/// The messages to offline users that concern this session.
#[derive(Debug, Default)]
pub(super) struct OfflineMessages {
    /// Those this user has left, oldest first, each with its reader.
    sent: Vec<(MessageId, AccountId)>,
    /// Messages that waited for this user, in the form that a reply quotes.
    received: Vec<Quoted>,
}

impl OfflineMessages {
    fn note_sent(&mut self, id: MessageId, reader: AccountId) {
        if self.sent.len() >= MOST_SENT {
            self.sent.remove(0);
        }
        self.sent.push((id, reader));
    }

    pub(super) fn has_sent(&self, id: MessageId) -> bool {
        self.reader_of(id).is_some()
    }

    /// The reader of a message that this user has left.
    fn reader_of(&self, id: MessageId) -> Option<AccountId> {
        self.sent.iter().find(|(known, _)| *known == id).map(|(_, reader)| *reader)
    }

    pub(super) fn last_sent(&self) -> Option<MessageId> {
        self.sent.last().map(|(id, _)| *id)
    }

    pub(super) fn received(&self, id: MessageId) -> Option<&Quoted> {
        self.received.iter().find(|quoted| quoted.id == id)
    }
}

impl Session {
    /// The account of the user named, if they have one.
    pub(super) fn account_of(&self, target: &Target) -> Option<AccountRecord> {
        let wanted = target.client.is_none() && self.hub.accounts().are_enabled();
        let accounts = self.hub.account_store().filter(|_| wanted)?;
        let name = target.name.clone();
        self.compute(move || accounts.account(&name)).ok()?.ok()?
    }

    /// Leaves a message for a user who is not online.
    #[inline(never)]
    pub(super) fn leave_message(&mut self, reader: &AccountRecord, draft: &Draft) -> Result<(), LeaveMessageError> {
        let (Some(user), Some(accounts)) = (self.user.clone(), self.hub.account_store()) else { return Ok(()) };
        let name = &reader.name;
        if draft.lasts.is_some() {
            return Err(LeaveMessageError::Temporary(name.clone()));
        }
        let (at, author) = (Timestamp::now(), user.identity());
        let is_guest = author.account.is_none();
        let id = self.next_offline_message(&accounts).map_err(|ReadError(reason)| {
            let error = OfflineMessageError::NotSaved(SaveError(reason));
            LeaveMessageError::NotStored { error, reader: name.clone(), is_guest }
        })?;
        let message = OfflineMessageRecord {
            id,
            at,
            from: author.name.clone(),
            account: author.account,
            address: author.account.is_none().then(|| network_key(self.ip())),
            text: draft.text.as_str().into(),
            action: draft.action,
            edited: false,
            reply: draft.reply.clone(),
        };
        // A message from a user that the reader ignores is dropped, and its author does not learn that.
        if !reader.settings.ignored.contains(&author.name) {
            let saved = match &accounts {
                AccountStore::Own(store) if store.keeps_history() => store.save_offline_message(reader.id, message),
                AccountStore::Own(store) => self.keep_in_memory(store, reader.id, message),
                #[cfg(feature = "cluster")]
                AccountStore::Shared(shared) => shared.save_offline_message(reader.id, &message),
            };
            saved.map_err(|error| LeaveMessageError::NotStored { error, reader: name.clone(), is_guest })?;
        }
        self.offline.note_sent(id, reader.id);
        self.counts.note_message(PostKind::Direct.of(draft.action, false));
        #[cfg(feature = "json")]
        self.note_posted(id);
        let to = [Addressee { client: ClientId::NONE, name: name.clone() }].into();
        let shown = Message::new(id, at, author.name, author.client, draft.clone(), to);
        self.outbox.tell_direct(&Arc::new(Event::Said(shown)), OwnCopy::Answer, &mut self.hub.clock.clone());
        self.outbox.tell(LineKind::News, &format!("{name} is not online: the message waits for the next login."));
        if self.outbox.ignores(ClientId::NONE, name) {
            self.tell_ignored(name);
        }
        Ok(())
    }

    /// The id of a message that goes to no room.
    fn next_offline_message(&self, accounts: &AccountStore) -> Result<MessageId, ReadError> {
        match accounts {
            AccountStore::Own(_) => Ok(self.hub.rooms.next_message()),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.message_id(),
        }
    }

    /// Keeps a message in memory, on a server that stores none.
    fn keep_in_memory(
        &self,
        store: &Arc<Store>,
        reader: AccountId,
        message: OfflineMessageRecord,
    ) -> Result<(), OfflineMessageError> {
        self.hub.mailbox.put(reader, message)?;
        // Checked afterwards: when an account is removed, all boxes are searched, perhaps before this message came.
        let store = Arc::clone(store);
        if let Ok(Ok(false)) = self.compute(move || store.account_exists(reader)) {
            self.hub.mailbox.take(reader);
            return Err(OfflineMessageError::NoAccount);
        }
        Ok(())
    }

    /// Edits a message that this user has left for somebody, or deletes it (`None`). False if it is no longer waiting,
    /// or is not theirs.
    pub(super) fn change_offline_message(&self, id: MessageId, text: Option<&str>) -> bool {
        let (Some(accounts), Some(reader)) = (self.hub.account_store(), self.offline.reader_of(id)) else {
            return false;
        };
        let changed = match accounts {
            AccountStore::Own(store) => self.change_own_offline_message(&store, id, text),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(shared) => shared.change_offline_message(reader, id, text),
        };
        #[cfg(not(feature = "cluster"))]
        let _ = reader;
        match changed {
            Ok(true) => {
                let line = match text {
                    Some(_) => format!("Edited {id} (still waiting)."),
                    None => format!("Deleted {id}, which was still waiting."),
                };
                self.outbox.tell(LineKind::News, &line);
            }
            Ok(false) => return false,
            Err(error) => self.refuse(&error),
        }
        true
    }

    /// The same on this server, in memory or on disk.
    fn change_own_offline_message(&self, store: &Store, id: MessageId, text: Option<&str>) -> Result<bool, SaveError> {
        let in_memory = match text {
            Some(text) => self.hub.mailbox.edit(id, text),
            None => self.hub.mailbox.erase(id),
        };
        match text {
            _ if in_memory || !store.keeps_history() => Ok(in_memory),
            Some(text) => store.edit_offline_message(id, text),
            None => store.delete_offline_message(id),
        }
    }

    /// The messages that wait for an account, in memory, on disk, or where all servers keep them.
    fn waiting_for(&self, account: AccountId) -> Vec<OfflineMessageRecord> {
        let mut waiting = self.hub.mailbox.waiting(account);
        let accounts = self.hub.account_store().filter(|accounts| match accounts {
            AccountStore::Own(store) => store.keeps_history(),
            #[cfg(feature = "cluster")]
            AccountStore::Shared(_) => true,
        });
        if let Some(accounts) = accounts {
            let refuse = |error: &dyn Display| {
                self.refuse(format_args!("Messages may wait for you. {error}"));
            };
            let read = move || match accounts {
                AccountStore::Own(store) => store.offline_messages(account),
                #[cfg(feature = "cluster")]
                AccountStore::Shared(shared) => shared.offline_messages(account),
            };
            match self.compute(read) {
                Ok(Ok(stored)) => waiting.extend(stored),
                Ok(Err(error)) => refuse(&error),
                Err(busy) => refuse(&busy),
            }
        }
        waiting.sort_unstable_by_key(|message| message.id);
        waiting
    }

    /// Shows the messages that came while this user was offline. They are erased once the network has taken them, and
    /// never before: whatever goes wrong on the way, they are shown again at the next login.
    pub(super) fn show_waiting_messages(&mut self, account: AccountId) {
        let waiting = self.waiting_for(account);
        let Some(user) = self.user.clone().filter(|_| !waiting.is_empty()) else { return };
        // Messages from an earlier login on this connection are forgotten. The number of waiting messages is bounded.
        self.offline.received.clear();
        let line = match waiting.len() {
            1 => "1 message came while you were away:".to_owned(),
            count => format!("{count} messages came while you were away:"),
        };
        self.outbox.tell(LineKind::News, &line);
        for OfflineMessageRecord { id, at, from, account, address: _, text, action, edited, reply } in
            waiting.iter().cloned()
        {
            let draft = Draft { text: text.into(), action, lasts: None, reply };
            let message = Message::new(id, at, from, ClientId::NONE, draft, [user.addressee()].into());
            let message = if edited { message.edited(&message.text) } else { message };
            self.offline.received.push(Quoted::of(&message));
            let event = Arc::new(Event::Said(message.of_account(account)));
            self.outbox.tell_direct(&event, OwnCopy::Answer, &mut self.hub.clock.clone());
        }
        // Nobody can tell what the user has read, but a connection that is already dead has shown nothing.
        self.outbox.flush();
        let is_taken = self.outbox.wait_drained(Some(self.tick() + DELIVERY));
        self.tick();
        if is_taken {
            self.hub.mailbox.shown(account, &waiting);
            match self.hub.account_store() {
                Some(AccountStore::Own(store)) if store.keeps_history() => {
                    store.offline_messages_shown(account, &waiting);
                }
                #[cfg(feature = "cluster")]
                Some(AccountStore::Shared(shared)) => shared.offline_messages_shown(account, &waiting),
                Some(AccountStore::Own(_)) | None => {}
            }
        }
    }
}

/// Why a message could not be left for a user who is not online.
#[derive(Debug)]
pub(super) enum LeaveMessageError {
    /// It would have expired by the time they read it.
    Temporary(UserName),
    /// It does not fit where such messages wait, or the disk failed.
    NotStored { error: OfflineMessageError, reader: UserName, is_guest: bool },
}

impl fmt::Display for LeaveMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (error, reader, is_guest) = match self {
            LeaveMessageError::Temporary(reader) => {
                return write!(f, "{reader} is not online, and a temporary message does not wait.");
            }
            LeaveMessageError::NotStored { error, reader, is_guest } => (error, reader, is_guest),
        };
        let whose = if *is_guest { "from your address" } else { "of yours" };
        match error {
            OfflineMessageError::MailboxFull => {
                write!(f, "Too many messages are waiting for {reader} already: try again later.")
            }
            OfflineMessageError::SenderShare => {
                let most = MAX_OFFLINE_MESSAGES_PER_SENDER;
                write!(
                    f,
                    "{most} messages {whose} are waiting for {reader} already: try again when they have been read."
                )
            }
            OfflineMessageError::SenderTotal => {
                write!(
                    f,
                    "Too many messages {whose} are waiting for offline users: try again when some have been read."
                )
            }
            OfflineMessageError::NoAccount | OfflineMessageError::NotSaved(_) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_left_messages_can_be_changed() {
        let mut offline = OfflineMessages::default();
        assert_eq!(offline.last_sent(), None);
        for id in 1..=101 {
            offline.note_sent(MessageId(id), AccountId(1));
        }
        assert_eq!(offline.last_sent(), Some(MessageId(101)));
        assert!(!offline.has_sent(MessageId(1)) && offline.has_sent(MessageId(2)));
    }
}
