//! What others have done to a user's conversations: the user was kicked, a partner left or was renamed.
//!
//! *Owns* taking notice of this before anything that depends on where the user is. *Knows nothing of* why it happened:
//! the outbox has told the user.

use super::Session;
use crate::chat::conversation::Conversation;
use crate::outbox::Notice;
use crate::ui::palette::Answer;

impl Session {
    /// Tells the outbox where the user is, after learning of every room they were removed from.
    #[inline(never)]
    pub(super) fn update_place(&mut self) {
        while !self.outbox.set_prompt(self.palette.prompt(), self.palette.open()) {
            self.pick_up_notices();
        }
    }

    /// Learns what others have done to this user's conversations.
    pub(super) fn pick_up_notices(&mut self) {
        for notice in self.outbox.take_notices() {
            let answer = match notice {
                Notice::Lost { from, membership } => {
                    self.rooms.lose(membership);
                    if let Conversation::Room(id) = &from {
                        // The user is back already, by another membership.
                        if self.rooms.get(id).is_some() {
                            continue;
                        }
                        if self.rooms.is_viewed(id) {
                            self.rooms.close_view();
                        }
                    }
                    Answer::Lost(from)
                }
                Notice::PartnerRenamed(user) => Answer::PartnerRenamed(user),
            };
            let mut effects = Vec::new();
            self.palette.answer(answer, &mut effects);
        }
    }
}
