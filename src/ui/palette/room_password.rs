//! The question for a room's password.
//!
//! *Owns* what a line means there: the password, a command, or nothing.
//! *Knows nothing of* rooms and of who compares passwords.
//! *Called by* `palette` alone.

use super::arguments::command_instead;
use super::back_to;
use super::{Effect, Palette, Rules, State};
use crate::chat::secret::Secret;

impl Palette {
    /// Takes the line typed at the question.
    #[inline(never)]
    pub(super) fn give_room_password(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let State::Password { room, from_view } = &self.state else { return };
        let (room, from_view) = (room.clone(), *from_view);
        self.state = back_to(from_view);
        effects.push(Effect::ShowInput);
        if let Some(typed) = command_instead(line) {
            return self.run(typed, rules, effects);
        }
        if let Some(password) = Secret::new(line.trim()) {
            self.join_leads_into_view = from_view;
            effects.push(Effect::Join { room, password: Some(password), quick: false });
        }
    }
}
