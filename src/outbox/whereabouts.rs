//! Where a client is, for whoever takes over from it.
//!
//! *Owns* nothing. *Called by* `session`, of another connection.

use super::Outbox;
use crate::conversation::Conversation;
use crate::screen::Place;

impl Outbox {
    /// What this person has open, the current one last, and whether that one is in view.
    pub fn whereabouts(&self) -> (Vec<Conversation>, bool) {
        let guard = self.lock();
        (guard.open.clone(), matches!(guard.place, Place::ChatView(_)))
    }
}
