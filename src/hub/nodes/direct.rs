//! Direct messages to users of other servers, and changes to them.
//!
//! *Owns* how they get into the logs, and what they do here when they are read back. *Knows nothing of* how a
//! conversation is displayed.

use std::sync::Arc;
use std::time::Instant;

use super::Nodes;
use super::safe::make_safe;
use super::submitting::not_shared;
use crate::chat::action::{Denied, NotShared};
use crate::chat::identity::Target;
use crate::chat::message::{ClientId, Event, Message, MessageId};
use crate::chat::names::UserName;
use crate::chat::room::{Change, ChangeKind};
use crate::cluster::{Command, Commit, Effect, NumberKind, Place};
use crate::hub::Hub;
use crate::hub::direct::DirectChat;
use crate::hub::room::PlaceEntry;
use crate::hub::roster::User;
use crate::hub::timer::Task;
use crate::outbox::{Outbox, OwnCopy};

/// Most direct messages that are shown to their author when they arrive after all. Those whose fate never becomes known would
/// stay forever.
const MOST_OWN_COPIES: usize = 1024;

impl Nodes {
    /// Posts a direct message. When this returns, its number is final on all servers and this server's screens show it.
    pub(crate) fn post_direct(
        &self,
        mut message: Message,
        own: Option<OwnCopy>,
        author: &Arc<Outbox>,
    ) -> Result<MessageId, NotShared> {
        let readers: Vec<_> = message.extra.iter().flat_map(|extra| extra.to.iter()).map(|to| to.client).collect();
        if readers.len() > 1 {
            // A message to several users has the same number in each conversation.
            message.id = MessageId(self.number(NumberKind::Message).ok_or(NotShared::Unreachable)?);
        }
        let key = (message.from, message.at);
        if let Some(own) = own {
            self.pending().own_copies.insert(key, own);
        }
        let tickets: Vec<_> = readers
            .iter()
            .map(|reader| {
                let change = Change { at: message.at, kind: ChangeKind::Said(message.clone()) };
                // A message to one user gets its number from the log.
                let said = (readers.len() == 1).then(|| Effect::Said(Box::default()));
                self.submit(direct(message.from, *reader, change, said.into_iter().collect()))
            })
            .collect();
        let mut said = Err(NotShared::Unreachable);
        for ticket in tickets {
            // What the terminal echoed is above the notice by then.
            let show_when_said = || {
                self.pending().own_copies.entry(key).or_insert(OwnCopy::Said);
            };
            match self.wait(&ticket, 1, Some(author), show_when_said) {
                Ok((_, id)) => said = said.or(Ok(id.unwrap_or(message.id))),
                Err(error) => said = said.or(Err(not_shared(&error))),
            }
        }
        let mut pending = self.pending();
        if !matches!(said, Err(NotShared::Unknown)) || pending.own_copies.len() > MOST_OWN_COPIES {
            pending.own_copies.remove(&key);
        }
        said
    }

    /// Shares an edit or a deletion of a direct message with the other user's server. The author's own server has already
    /// shown it.
    pub(crate) fn change_direct(
        &self,
        from: ClientId,
        to: ClientId,
        kind: ChangeKind,
        author: &Arc<Outbox>,
    ) -> Result<(), NotShared> {
        let change = Change { at: self.now(), kind };
        let ticket = self.submit(direct(from, to, change, Vec::new()));
        self.wait(&ticket, 0, Some(author), || ()).map(drop).map_err(|error| not_shared(&error))
    }

    /// Applies an entry about two users.
    pub(super) fn apply_to_pair(&self, hub: &Hub, entry: PlaceEntry, id: Option<u64>, own: bool, now: Instant) {
        let PlaceEntry::Direct(to, mut change) = entry else { return };
        make_safe(&mut change);
        id.into_iter().for_each(|id| change.number(MessageId(id)));
        let kind = change.kind;
        // The author's server has already applied its edits and deletions, even for a reader on the same server.
        if let ChangeKind::Edited { id, by, text } = &kind
            && !own
        {
            change_direct(hub, *by, to, now, |chat, author| chat.edit(*id, author, text, false, &hub.clock));
        } else if let ChangeKind::Deleted { id, by } = &kind
            && !own
        {
            hub.timer.cancel(*id);
            change_direct(hub, by.client, to, now, |chat, author| chat.delete(*id, author, false, &hub.clock));
        } else if let ChangeKind::Said(message) = kind {
            self.wait_with(to, &message);
            // A message to several users arrives once per receiver, but its author sees it once.
            let copy = self.pending().own_copies.remove(&(message.from, message.at));
            show_direct(hub, to, message, copy, own, now);
        }
    }
}

/// A command about two users. Only their own servers store their messages, so no effect changes one that was posted.
fn direct(from: ClientId, to: ClientId, change: Change, effects: Vec<Effect>) -> Command {
    Command::Commit(Commit {
        place: Place::Pair(from.min(to), from.max(to)),
        version: None,
        effects,
        history_max: 1,
        text: PlaceEntry::Direct(to, Box::new(change)).text().into(),
    })
}

/// Shows a direct message to those of its two users who are here.
pub(super) fn show_direct(hub: &Hub, to: ClientId, message: Message, copy: Option<OwnCopy>, own: bool, now: Instant) {
    let from = message.addressee();
    let reader = message.extra.iter().flat_map(|extra| extra.to.iter()).find(|reader| reader.client == to).cloned();
    let Some(reader) = reader else { return };
    let (id, lasts) = (message.id, message.extra.as_ref().and_then(|extra| extra.lasts));
    let find = |name: &UserName, client| hub.roster.find(&Target { name: name.clone(), client: Some(client) });
    let (author, reader) = (find(&from.name, from.client), find(&reader.name, to));
    let Some(reader) = reader.filter(|reader| own || !reader.is_elsewhere()) else { return };
    let event = Arc::new(Event::Said(message));
    match author.and_then(|author| hub.directs.begin(&author, &reader).ok().flatten()) {
        Some(chat) => chat.post_numbered(&event, from.client, copy, &hub.clock),
        // The author has just left or is not known here yet. The message is shown all the same.
        None => reader.outbox.show_direct(&event, &mut hub.clock.clone()),
    }
    if let Some(lasts) = lasts.filter(|_| !own) {
        hub.timer.schedule(now + lasts, Task::ExpireDirect { id, author: from, to: [to].into() });
    }
}

fn change_direct(
    hub: &Hub,
    by: ClientId,
    to: ClientId,
    now: Instant,
    change: impl Fn(&DirectChat, &User) -> Option<Result<(), Denied>>,
) {
    let Some(chat) = hub.directs.find(by, to) else { return };
    if change(&chat, chat.partner(to)).is_some() {
        hub.arrange_direct_redraw(&chat, now);
    }
}
