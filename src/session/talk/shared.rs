//! Direct messages where the two users may be on different servers.
//!
//! *Owns* the path from a draft to the shared log, and what the author is told in the meantime. *Knows nothing of* the
//! log.

use std::sync::Arc;

use crate::access::allowance::Share;
use crate::chat::action::Denied;
use crate::chat::message::{Draft, Message, MessageId};
use crate::hub::direct::DirectChat;
use crate::hub::nodes::Nodes;
use crate::hub::roster::User;
use crate::hub::timer::{Author, Task};
use crate::metrics::PostKind;
use crate::outbox::OwnCopy;
use crate::session::Session;

impl Session {
    /// Sends one message to one or several users: see [`Session::send`].
    #[expect(clippy::too_many_arguments, reason = "what `send` has found out so far")]
    #[inline(never)]
    pub(super) fn send_shared(
        &mut self,
        nodes: &Nodes,
        user: &Arc<User>,
        mut pairs: Vec<Arc<DirectChat>>,
        draft: Draft,
        own: Option<OwnCopy>,
        way_out: &str,
        held: Option<Share<Author>>,
    ) {
        let (client, lasts) = (self.outbox.id(), draft.lasts);
        let kind = PostKind::Direct.of(draft.action, lasts.is_some());
        pairs.retain(|pair| match pair.check_post(client, lasts.is_some()) {
            Ok(()) => true,
            Err(denied) => {
                self.deny_sending(&denied, way_out);
                false
            }
        });
        let Some(first) = pairs.first() else { return };
        let to: Vec<_> = pairs.iter().map(|pair| pair.partner(client).addressee()).collect();
        let mut message = Message::new(MessageId::UNNUMBERED, nodes.now(), user.name(), client, draft, to.into());
        first.note_answered(&mut message);
        let id = match nodes.post_direct(message, own, &self.outbox) {
            Ok(id) => id,
            // No way out: a message to the room could not be shared either.
            Err(why) => return self.deny_sending(&Denied::NotSaid(why), ""),
        };
        self.counts.note_message(kind);
        self.note_posted(id);
        if let Some(lasts) = lasts {
            let to = pairs.iter().map(|pair| pair.partner(client).client()).collect();
            let task = Task::ExpireDirect { id, author: user.addressee(), to };
            self.hub.timer.schedule_holding(self.now() + lasts, task, held);
        }
        for pair in pairs {
            self.tell_what_to_expect(pair.partner(client));
        }
    }
}
