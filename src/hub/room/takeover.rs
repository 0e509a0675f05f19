//! One connection takes another one's place in a room: nobody joins and nobody leaves.
//!
//! *Owns* the seat that passes to the other connection.
//! *Knows nothing of* how an account was proved.

use std::sync::Arc;
use std::time::Instant;

use super::{Room, Seat};
use crate::chat::action::Actor;
use crate::chat::conversation::MembershipId;
use crate::chat::message::ClientId;
use crate::chat::room::Occurrence;
use crate::outbox::Outbox;

impl Room {
    /// Puts another connection of the same account in a member's place. True if that member had the room in view.
    /// `None` if it is not a member, or belongs to another account.
    pub(crate) fn hand_over(
        &self,
        from: ClientId,
        who: &dyn Fn() -> Option<Actor>,
        outbox: &Arc<Outbox>,
        membership: MembershipId,
        now: Instant,
    ) -> Option<bool> {
        #[cfg(feature = "cluster")]
        if let Some(log) = self.log() {
            return self.propose_takeover(&**log, from, who, outbox, membership, now);
        }
        let mut state = self.lock();
        let actor = who().filter(|_| !state.room.is_closed())?;
        let change = state.room.respond(Occurrence::TakenOver { from, actor, membership }, self.now(now))?;
        let in_view = state.is_viewed_by(from);
        self.carry_out(&mut state, change);
        // It may be in the room already, under another name.
        let seat = Seat { outbox: Arc::clone(outbox), in_view: false, is_program: false };
        state.seats.entry(outbox.id()).or_insert(seat);
        Some(in_view)
    }
}
