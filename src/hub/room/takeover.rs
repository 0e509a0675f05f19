//! A connection that takes another one's place in a room: nobody comes and nobody goes.
//!
//! *Owns* what of a member passes to the other connection.
//! *Knows nothing of* how an account was proved. *Called by* `hub::membership`.

use std::sync::Arc;
use std::time::Instant;

use super::{Member, Room};
use crate::chat::action::Actor;
use crate::chat::conversation::MembershipId;
use crate::chat::message::ClientId;
use crate::outbox::Outbox;

impl Room {
    /// Puts another connection of the same account in a member's place: true if that one had the room in view. Nothing if
    /// it is no member, or another account's.
    pub fn hand_over(
        &self,
        from: ClientId,
        who: &dyn Fn() -> Option<Actor>,
        outbox: &Arc<Outbox>,
        membership: MembershipId,
        now: Instant,
    ) -> Option<bool> {
        let mut state = self.lock();
        let Actor { who, operator } = who().filter(|_| !state.closed)?;
        let known = &state.members.get(&from)?.who;
        if known.account.is_none() || known.account != who.account {
            return None;
        }
        let before = state.members.remove(&from)?;
        if before.in_view {
            state.in_view -= 1;
            state.viewers = None;
            before.outbox.close_view();
        }
        state.order.entered(&who, now);
        match state.members.get_mut(&outbox.id()) {
            // In it already, under another name.
            Some(member) => {
                member.membership = membership;
                member.since = member.since.min(before.since);
                member.first = member.first.min(before.first);
                member.came_in = member.came_in.min(before.came_in);
                member.posted = member.posted.max(before.posted);
            }
            None => {
                let outbox = Arc::clone(outbox);
                let Member { since, posted, first, came_in, .. } = *before;
                let member =
                    Member { membership, who, operator, outbox, since, in_view: false, posted, first, came_in };
                state.members.insert(member.who.client, Box::new(member));
            }
        }
        Some(before.in_view)
    }
}
