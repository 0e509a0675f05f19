//! Requests of programs, which have typed fields instead of a line.
//!
//! *Owns* the checks of those fields, which are the same as for the matching commands, and which commands a program has
//! to send as typed requests, because they would ask a question. *Knows nothing of* JSON, or of how anything is carried
//! out.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::time::Duration;

use super::arguments::{self, addressees, check_message};
use super::cost;
use super::effect::{Effect, LoginEffect, TEMPORARY_DEFAULT};
use super::greetings;
use super::limits::{LONGEST_ACCOUNT_PASSWORD, LONGEST_TEMPORARY};
use super::refusal::Refusal;
use super::talk::is_visible;
use super::{Answer, Door, Palette, PaletteState, ReturnTo, Rules, refused};
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::names::{NameError, RoomName, USER_NAME_MAX, UserName};
use crate::chat::secret::Secret;
use crate::text;
use crate::ui::command::{AccountVerb, Cost, PlaceVerb, ScreenVerb, TalkVerb, Verb};
use crate::ui::screen::LineKind;

/// The fields of typed requests, as palette commands take them.
pub(crate) mod fields {
    use super::*;

    /// A message: sanitised, short enough, and with something to be seen.
    pub(crate) fn message(content: &str, rules: &Rules) -> Result<String, Refusal> {
        let said = text::sanitize_lines(content);
        // As with a paste: leading blanks are indentation, and empty lines around the text are dropped.
        let said = said.trim_matches('\n').trim_end();
        if content.trim().is_empty() {
            return Err(Refusal::EmptyMessage);
        }
        if !is_visible(said) {
            return Err(Refusal::NothingToSee);
        }
        check_message(said, rules)?;
        Ok(said.to_owned())
    }

    /// What a message to these people, or to a room, costs.
    pub(crate) fn message_cost(content: &str, people: &[&str]) -> Cost {
        if people.is_empty() { cost::of_text(content) } else { cost::of_addressing(&people.join(","), content) }
    }

    /// The receivers of a message.
    pub(crate) fn people(names: &[&str], rules: &Rules) -> Result<Vec<Target>, Refusal> {
        let names: Vec<_> = names.iter().map(|name| name.strip_prefix('@').unwrap_or(name)).collect();
        addressees(&names.join(","), rules)
    }

    /// One person.
    pub(crate) fn person(name: &str, rules: &Rules) -> Result<Target, Refusal> {
        Ok(Target::parse_in(name.strip_prefix('@').unwrap_or(name), rules.known_names)?)
    }

    /// A room that may exist.
    pub(crate) fn room(name: &str, rules: &Rules) -> Result<RoomName, Refusal> {
        Ok(RoomName::parse_in(&text::sanitize(name), rules.known_names)?)
    }

    /// The name and the password of a room to be made.
    pub(crate) fn new_room(
        name: &str,
        password: Option<&str>,
        rules: &Rules,
    ) -> Result<(RoomName, Option<Secret>), Refusal> {
        let room = arguments::new_room(&text::sanitize(name), rules)?;
        let password = password.map(|password| arguments::new_password(text::sanitize(password).trim())).transpose()?;
        Ok((room, password.flatten()))
    }

    /// The password of a room, as it is typed at the question for it.
    pub(crate) fn room_password(password: Option<&str>) -> Option<Secret> {
        password.and_then(|password| Secret::new(text::sanitize(password).trim()))
    }

    /// The password of an account, as it is typed at the question for it. The error says that none was given, or that it is
    /// too long.
    pub(crate) fn account_password(password: Option<&str>) -> Result<Secret, Refusal> {
        let password = password.and_then(|password| Secret::new(text::sanitize(password).trim()));
        let password = password.ok_or(Refusal::PasswordMissing)?;
        if password.expose().chars().count() > LONGEST_ACCOUNT_PASSWORD {
            return Err(Refusal::PasswordTooLong(LONGEST_ACCOUNT_PASSWORD));
        }
        Ok(password)
    }

    /// The name of a login. Any length is accepted where there are accounts: one may be older than the limits for
    /// names.
    pub(crate) fn login_name(name: &str, rules: &Rules) -> Result<UserName, NameError> {
        let name = text::sanitize(name);
        let new = || UserName::parse_in(name.trim(), rules.username_min, rules.username_limit, rules.names);
        if !rules.accounts.are_enabled() {
            return new();
        }
        UserName::parse_in(name.trim(), 1, USER_NAME_MAX, rules.known_names).or_else(|_| new())
    }

    /// How long a temporary message lasts.
    pub(crate) fn lasts(seconds: Option<u64>) -> Result<Duration, Refusal> {
        match seconds {
            None => Ok(TEMPORARY_DEFAULT),
            Some(seconds @ 1..=LONGEST_TEMPORARY) => Ok(Duration::from_secs(seconds)),
            Some(_) => Err(Refusal::BadSeconds),
        }
    }

    /// A line for the palette. Several lines are one command only if it takes a text.
    pub(crate) fn line(content: &str) -> String {
        let line = text::sanitize_lines(content);
        line.trim_matches('\n').trim_end().to_owned()
    }
}

impl Palette {
    /// Makes one of the user's rooms or conversations the current one.
    pub(crate) fn make_current(&mut self, conversation: &Conversation) {
        if let Some(index) = self.open.iter().position(|known| known.is(conversation)) {
            let current = self.open.remove(index);
            self.open.push(current);
        }
    }

    /// The first line has shown that this is a program. Nobody has logged in yet.
    pub(crate) fn become_program(&mut self) {
        (self.door, self.state) = (Door::Json, PaletteState::Name { quick: None });
    }

    /// Whether this is a program, which is asked no questions.
    pub(super) fn is_program(&self) -> bool {
        self.door == Door::Json
    }

    /// Handles the answers that differ for a program: it is asked no questions, and reads its state from the answer to
    /// its request. All other answers are the same as for users.
    #[inline(never)]
    pub(super) fn answer_program(&mut self, answer: Answer, effects: &mut Vec<Effect>) -> Option<Answer> {
        if !self.is_program() {
            return Some(answer);
        }
        match answer {
            Answer::NameClaimed { notice, .. } => {
                self.state = PaletteState::Palette;
                effects.extend(notice.map(|line| Effect::Tell(LineKind::News, line)));
                None
            }
            Answer::PasswordNeeded { name } | Answer::GhostNeedsPassword { name } => {
                effects.push(refused(&greetings::password_missing(&name)));
                None
            }
            Answer::Elsewhere { name, address, idle } => {
                effects.push(Effect::Login(LoginEffect::LetBe));
                effects.push(refused(&format_args!("{name} is logged in from {address}, idle {idle}.")));
                None
            }
            Answer::LoginRefused(refusal) => {
                effects.push(refused(&refusal));
                None
            }
            Answer::JoinRefused { refusal, .. } => {
                effects.push(refused(&refusal.for_programs()));
                None
            }
            Answer::Returned { open, to: _ } => Some(Answer::Returned { open, to: ReturnTo::Palette }),
            answer @ (Answer::NameTaken { .. }
            | Answer::NameLooksLike { .. }
            | Answer::NameUnfit(_)
            | Answer::PasswordWanted { .. }
            | Answer::RoomChecked { .. }
            | Answer::Joined { .. }
            | Answer::DirectOpened(_)
            | Answer::RoomRefusal(_)
            | Answer::Lost(_)
            | Answer::PartnerRenamed(_)) => Some(answer),
        }
    }

    /// Whether a login is still possible.
    pub(crate) fn awaits_name(&self) -> bool {
        matches!(self.state, PaletteState::Name { .. })
    }

    /// Why a program cannot run a command as a line, if it cannot.
    pub(super) fn not_for_programs(verb: Verb) -> Option<Refusal> {
        let instead = match verb {
            Verb::Account(AccountVerb::Register) => "register",
            Verb::Account(AccountVerb::Unregister) => "unregister",
            Verb::Account(AccountVerb::ChangePassword) => "passwd",
            Verb::Account(AccountVerb::Login | AccountVerb::Ghost) => "login",
            Verb::Place(PlaceVerb::Chat) | Verb::Talk(TalkVerb::Paste) => "say",
            Verb::Screen(
                ScreenVerb::Bell
                | ScreenVerb::Color
                | ScreenVerb::Timestamps
                | ScreenVerb::Ids
                | ScreenVerb::Quiet
                | ScreenVerb::Mode
                | ScreenVerb::Charset
                | ScreenVerb::Redraw,
            ) => return Some(Refusal::NoTerminal),
            Verb::Screen(ScreenVerb::TimeZone | ScreenVerb::Time | ScreenVerb::Echo | ScreenVerb::Quote)
            | Verb::Place(
                PlaceVerb::Rooms
                | PlaceVerb::Join
                | PlaceVerb::Create
                | PlaceVerb::Group
                | PlaceVerb::Leave
                | PlaceVerb::Close
                | PlaceVerb::List
                | PlaceVerb::ListAll,
            )
            | Verb::Talk(
                TalkVerb::Say
                | TalkVerb::To
                | TalkVerb::Me
                | TalkVerb::Direct
                | TalkVerb::Reply
                | TalkVerb::Edit
                | TalkVerb::Delete
                | TalkVerb::Temporary
                | TalkVerb::History
                | TalkVerb::Search,
            )
            | Verb::Server(_)
            | Verb::Room(_)
            | Verb::Member(_)
            | Verb::User(_)
            | Verb::File(_)
            | Verb::Operator(_) => return None,
        };
        Some(Refusal::TypedRequest(instead))
    }
}
