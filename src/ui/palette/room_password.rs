//! The question for a room's password.
//!
//! *Owns* what a line means there: the password, a command, or nothing; and which texts can be a room's password.
//! *Knows nothing of* rooms and of who compares passwords.
//! *Called by* `palette` alone.

use super::back_to;
use super::refusal::Refusal;
use super::{Effect, Palette, Rules, State};
use crate::chat::secret::Secret;
use crate::ui::command::{self, Typed};
use crate::ui::screen::LineKind;

/// Longest password of a room, in characters, as in the configuration.
pub(super) const LONGEST_PASSWORD: usize = 128;

/// The command that a line at the question is. No password of a room begins like one, so that a mistyped `:join` does not
/// swallow the command after it. Words that are no commands are left alone: rooms kept since before that rule may have
/// such a password.
pub(super) fn command_instead(line: &str) -> Option<Typed<'_>> {
    Typed::parse(line).filter(|typed| command::find(typed.word).is_some())
}

/// A password for a room that is being set up; nothing if it cannot be one, which is told.
pub(super) fn new_password(typed: &str, effects: &mut Vec<Effect>) -> Option<Option<Secret>> {
    let refusal = match () {
        () if typed.chars().count() > LONGEST_PASSWORD => Refusal::PasswordTooLong(LONGEST_PASSWORD),
        () if command::begins_like_one(typed) => Refusal::PasswordLikeCommand,
        () => return Some(Secret::new(typed)),
    };
    effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
    None
}

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
