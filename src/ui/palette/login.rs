//! The questions for passwords, and the questions before a name is known: room and name.
//!
//! *Owns* what a line means there. *Knows nothing of* rooms, accounts, or who is online.

use super::arguments::account_name;
use super::effect::{Effect, LoginEffect, PlaceEffect, ScreenEffect};
use super::greetings;
use super::limits::{LONGEST_ACCOUNT_PASSWORD, LONGEST_ROOM_PASSWORD};
use super::reading;
use super::refusal::Refusal;
use super::{Palette, PaletteState, Rules, back_to};
use crate::chat::names::{NameError, RoomName, USER_NAME_MAX, UserName};
use crate::chat::secret::Secret;
use crate::ui::command::{self, AccountVerb, Command, Verb};
use crate::ui::screen::LineKind;

/// A name that anybody may take.
fn new_name(line: &str, rules: &Rules) -> Result<UserName, NameError> {
    UserName::parse_in(line, rules.username_min, rules.username_limit, rules.names)
}

impl Palette {
    pub(super) fn choose_quick_room(
        &mut self,
        line: &str,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        if reading::leaves_before_login(line) {
            self.quit(effects);
            return Ok(());
        }
        let (word, password) = command::split_word(line);
        if password.chars().count() > LONGEST_ROOM_PASSWORD {
            return Err(Refusal::PasswordTooLong(LONGEST_ROOM_PASSWORD));
        }
        let room = RoomName::parse_in(word, rules.known_names)?;
        effects.push(Effect::Login(LoginEffect::CheckRoom { room, password: Secret::new(password) }));
        Ok(())
    }

    pub(super) fn give_quick_password(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let PaletteState::QuickPassword(room) = &self.state else { return };
        let room = room.clone();
        effects.push(Effect::Screen(ScreenEffect::ShowInput));
        match Secret::new(line.trim()) {
            None => self.state = PaletteState::QuickRoom,
            password => effects.push(Effect::Login(LoginEffect::CheckRoom { room, password })),
        }
    }

    pub(super) fn choose_name(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        if reading::leaves_before_login(line) {
            self.quit(effects);
            return Ok(());
        }
        let ghost = Verb::Account(AccountVerb::Ghost);
        let effect = match Command::parse(line).filter(|command| command.spec.verb == ghost) {
            Some(command) => LoginEffect::BeginGhost(account_name(&command, rules)?),
            // An account may be older than the limits for names; the session finds out whether this is one.
            None if rules.accounts.are_enabled() => {
                let known = UserName::parse_in(line, 1, USER_NAME_MAX, rules.known_names);
                LoginEffect::ClaimName(known.or_else(|_| new_name(line, rules))?)
            }
            None => LoginEffect::ClaimName(new_name(line, rules)?),
        };
        effects.push(Effect::Login(effect));
        Ok(())
    }

    pub(super) fn ask_login_password(&mut self, name: UserName, ghost: bool, effects: &mut Vec<Effect>) {
        let PaletteState::Name { quick } = &mut self.state else { return };
        let quick = quick.take();
        effects.push(Effect::Tell(LineKind::News, greetings::password_needed(&name)));
        effects.push(Effect::Screen(ScreenEffect::HideInput));
        self.state = PaletteState::LoginPassword { name, quick, ghost };
    }

    /// While the password is compared, the user is at the name question: that is where they are if it was wrong, and
    /// where the name is claimed if it was right.
    pub(super) fn give_login_password(&mut self, line: &str, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let PaletteState::LoginPassword { name, ghost, .. } = &self.state else { return Ok(()) };
        let (name, ghost) = (name.clone(), *ghost);
        self.ask_name_again(effects);
        let Some(password) = Secret::new(line.trim()) else { return Ok(()) };
        if password.expose().chars().count() > LONGEST_ACCOUNT_PASSWORD {
            return Err(Refusal::PasswordTooLong(LONGEST_ACCOUNT_PASSWORD));
        }
        effects.push(Effect::Login(LoginEffect::Login { name, password, ghost }));
        Ok(())
    }

    /// Goes back from the password question to the name question.
    pub(super) fn ask_name_again(&mut self, effects: &mut Vec<Effect>) {
        let PaletteState::LoginPassword { quick, .. } = &mut self.state else { return };
        self.state = PaletteState::Name { quick: quick.take() };
        effects.push(Effect::Screen(ScreenEffect::ShowInput));
    }

    /// Takes the password of a room.
    pub(super) fn give_room_password(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let PaletteState::Password { room, from_view } = &self.state else { return };
        let (room, from_view) = (room.clone(), *from_view);
        self.state = back_to(from_view);
        effects.push(Effect::Screen(ScreenEffect::ShowInput));
        if let Some(password) = Secret::new(line.trim()) {
            self.join_leads_into_view = from_view;
            effects.push(Effect::Place(PlaceEffect::Join { room, password: Some(password), quick: false }));
        }
    }
}
