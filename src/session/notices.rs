//! What has happened to a user's conversations without their doing.
//!
//! *Owns* hearing of it before anything that depends on where the user is.
//! *Knows nothing of* why it happened: the outbox has told the user.
//! *Called by* `session`.

use super::Session;
use crate::chat::conversation::Conversation;
use crate::outbox::Notice;
use crate::ui::palette::Answer;

impl Session {
    /// Tells the outbox where the user is, after hearing of every room he was put out of.
    #[inline(never)]
    pub(super) fn update_place(&mut self) {
        while !self.outbox.set_prompt(self.palette.place(), self.palette.open()) {
            self.pick_up_notices();
        }
    }

    /// Hears of what has happened to this user's conversations without his doing.
    #[inline(never)]
    pub(super) fn pick_up_notices(&mut self) {
        for notice in self.outbox.take_notices() {
            let answer = match notice {
                Notice::Lost { from, membership } => {
                    self.rooms.lose(membership);
                    if let Conversation::Room(id) = &from {
                        // Come back already, by another one.
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
