//! Where a client is, for whoever takes over from it.
//!
//! *Owns* nothing. *Called by* `session`, of another connection.

use super::Outbox;
use crate::chat::conversation::Conversation;
use crate::ui::screen::Prompt;

impl Outbox {
    /// What this person has open, the current one last, and whether that one is in view.
    pub fn open_and_in_view(&self) -> (Vec<Conversation>, bool) {
        let guard = self.lock();
        (guard.open.clone(), matches!(guard.place, Prompt::ChatView(_)))
    }
}
