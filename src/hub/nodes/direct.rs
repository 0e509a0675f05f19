//! Direct messages to users of other servers, and what is changed of them.
//!
//! *Owns* their way into the logs. *Knows nothing of* conversations.

use std::sync::Arc;

use super::{Nodes, not_shared};
use crate::chat::action::NotShared;
use crate::chat::message::{ClientId, Message, MessageId};
use crate::chat::room::{Change, ChangeKind};
use crate::cluster::{Command, Commit, Effect, NumberKind, Place};
use crate::hub::room::PlaceEntry;
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
