//! Direct messages to users of other servers, and what is changed of them.
//!
//! *Owns* their way into the logs, and what they do here when they are read back. *Knows nothing of* how a conversation is shown.

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

impl Nodes {
    /// Posts a direct message. Its number is everybody's when this returns, and it is on the screens of this server.
    pub(crate) fn post_direct(
        &self,
        mut message: Message,
        own: Option<OwnCopy>,
        author: &Arc<Outbox>,
    ) -> Result<MessageId, NotShared> {
        let readers: Vec<_> = message.extra.iter().flat_map(|extra| extra.to.iter()).map(|to| to.client).collect();
        if readers.len() > 1 {
            // One number in all of the conversations.
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
                // A number of its own comes from the log.
                let said = (readers.len() == 1).then(|| Effect::Said(Box::default()));
                self.submit(direct(message.from, *reader, change, said.into_iter().collect()))
            })
            .collect();
        let mut said = Err(NotShared::Unreachable);
        for ticket in tickets {
            match self.wait(&ticket, Some(author)) {
                Ok((_, id)) => said = said.or(Ok(id.unwrap_or(message.id))),
                Err(error) => said = said.or(Err(not_shared(&error))),
            }
        }
        self.pending().own_copies.remove(&key);
        said
    }

    /// Shares an edit or a deletion of a direct message with the server of the other user. The author's server shows it by
    /// itself.
    pub(crate) fn change_direct(
        &self,
        from: ClientId,
        to: ClientId,
        kind: ChangeKind,
        author: &Arc<Outbox>,
    ) -> Result<(), NotShared> {
        let change = Change { at: self.now(), kind };
        let ticket = self.submit(direct(from, to, change, Vec::new()));
        self.wait(&ticket, Some(author)).map(drop).map_err(|error| not_shared(&error))
    }

    /// An entry about two users, carried out here.
    pub(super) fn apply_to_pair(&self, hub: &Hub, entry: PlaceEntry, id: Option<u64>, own: bool, now: Instant) {
        let PlaceEntry::Direct(to, mut change) = entry else { return };
        make_safe(&mut change);
        id.into_iter().for_each(|id| change.number(MessageId(id)));
        let kind = change.kind;
        // The server of the author edits and deletes by itself, also for a reader there.
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
            // One that goes to several users comes once for each of them, and its author is shown it once.
            let copy = self.pending().own_copies.remove(&(message.from, message.at));
            show_direct(hub, to, message, copy, own, now);
        }
    }
}

/// Something between two users. Their messages are kept by their servers alone, so no effect changes one that was said.
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
        // The author has just left, or is not known here yet: what they said is shown all the same.
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
