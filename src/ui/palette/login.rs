//! The questions before a name is known: room, name, and the passwords of both.
//!
//! *Owns* what a line means there.
//! *Knows nothing of* rooms, accounts and who is online.
//! *Called by* `palette` alone.

use super::arguments::account_named;
use super::greetings;
use super::limits::{LONGEST_ACCOUNT_PASSWORD, LONGEST_ROOM_PASSWORD};
use super::reading;
use super::{Effect, Palette, Refusal, Rules, State};
use crate::chat::names::{NameError, RoomName, USER_NAME_MAX, UserName};
use crate::chat::secret::Secret;
use crate::ui::command::{self, Typed, Verb};
use crate::ui::screen::LineKind;

/// A name that anybody may take.
fn fitting(line: &str, rules: &Rules) -> Result<UserName, NameError> {
    UserName::parse_in(line, rules.username_min, rules.username_limit, rules.names)
}

impl Palette {
    pub(super) fn choose_quick_room(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if reading::leaves_before_login(line) {
            return self.quit(effects);
        }
        let (word, password) = line.split_once(' ').unwrap_or((line, ""));
        if password.trim().chars().count() > LONGEST_ROOM_PASSWORD {
            let refusal = Refusal::PasswordTooLong(LONGEST_ROOM_PASSWORD);
            return effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
        }
        match RoomName::parse_in(word, rules.known_names) {
            Ok(room) => effects.push(Effect::CheckRoom { room, password: Secret::new(password.trim()) }),
            Err(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
        }
    }

    pub(super) fn give_quick_password(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let State::QuickPassword(room) = &self.state else { return };
        let room = room.clone();
        effects.push(Effect::ShowInput);
        match Secret::new(line.trim()) {
            None => self.state = State::QuickRoom,
            password => effects.push(Effect::CheckRoom { room, password }),
        }
    }

    pub(super) fn choose_name(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if reading::leaves_before_login(line) {
            return self.quit(effects);
        }
        if let Some(typed) = Typed::parse(line)
            && command::find(typed.word).is_some_and(|spec| spec.verb == Verb::Ghost)
        {
            return self.ghost_at_login(typed, rules, effects);
        }
        // An account may be older than the limits for names; whether this is one is found out by whoever takes it.
        let name = match rules.accounts.are_kept() {
            true => UserName::parse_in(line, 1, USER_NAME_MAX, rules.known_names).or_else(|_| fitting(line, rules)),
            false => fitting(line, rules),
        };
        match name {
            Ok(name) => effects.push(Effect::ClaimName(name)),
            Err(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
        }
    }

    /// `:ghost <name>` at the name question.
    #[inline(never)]
    fn ghost_at_login(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        match account_named(typed, rules, effects) {
            Some(Some(name)) => effects.push(Effect::BeginGhost(name)),
            Some(None) => {}
            None if !rules.accounts.are_kept() => {
                effects.push(Effect::Tell(LineKind::Refusal, Refusal::NoAccounts.to_string()));
            }
            None => effects.push(Effect::Tell(LineKind::Refusal, Refusal::usage(typed).to_string())),
        }
    }

    #[inline(never)]
    pub(super) fn ask_login_password(&mut self, name: UserName, ghost: bool, effects: &mut Vec<Effect>) {
        let State::Name { quick } = &mut self.state else { return };
        let quick = quick.take();
        effects.push(Effect::Tell(LineKind::News, greetings::password_needed(&name)));
        effects.push(Effect::HideInput);
        self.state = State::LoginPassword { name, quick, ghost };
    }

    /// Whatever comes of the password, the person is at the name question meanwhile: there the name is taken, and there
    /// he is if it was wrong.
    #[inline(never)]
    pub(super) fn give_login_password(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let State::LoginPassword { name, ghost, .. } = &self.state else { return };
        let (name, ghost) = (name.clone(), *ghost);
        self.ask_name_again(effects);
        let Some(password) = Secret::new(line.trim()) else { return };
        if password.expose().chars().count() > LONGEST_ACCOUNT_PASSWORD {
            let refusal = Refusal::PasswordTooLong(LONGEST_ACCOUNT_PASSWORD);
            return effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
        }
        effects.push(Effect::Login { name, password, ghost });
    }

    /// From the password back to the name.
    pub(super) fn ask_name_again(&mut self, effects: &mut Vec<Effect>) {
        let State::LoginPassword { quick, .. } = &mut self.state else { return };
        self.state = State::Name { quick: quick.take() };
        effects.push(Effect::ShowInput);
    }
}
