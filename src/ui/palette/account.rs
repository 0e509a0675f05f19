//! Commands about accounts and for operators, and the dialogues about accounts: passwords are asked for one after the other,
//! hidden.
//!
//! *Owns* the arguments of these commands, which passwords a dialogue asks for, and what it does with them. *Knows
//! nothing of* who has an account, who is an operator, or how passwords are stored.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use super::arguments::{account_name, check_message, check_note, lasts_and_reason, network};
use super::effect::{AccountAsk, AccountEffect, AddressBanRequest, Effect, OperatorEffect, ScreenEffect};
use super::limits::{LONGEST_ACCOUNT_PASSWORD, MOST_AUDIT_ENTRIES};
use super::refusal::Refusal;
use super::{Palette, PaletteState, Rules, back_to};
use crate::chat::secret::Secret;
use crate::text;
use crate::ui::command::{AccountVerb, Command, OperatorVerb};
use crate::ui::screen::LineKind;

/// A dialogue that asks for passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialogue {
    ask: AccountAsk,
    /// In the order in which they were given.
    given: Vec<Secret>,
}

impl Dialogue {
    /// The line before the next question, which may be empty; `None` if there are no more questions.
    fn question(&self) -> Option<&'static str> {
        let questions: &[&str] = match self.ask {
            AccountAsk::Register => &["", "Once more, to be sure."],
            AccountAsk::ChangePassword => &["Your current password:", "The new one:", "The new one once more:"],
            AccountAsk::Unregister | AccountAsk::Login(_) | AccountAsk::Ghost(_) => &[""],
        };
        questions.get(self.given.len()).copied()
    }

    /// What to do with the passwords; `None` if a new one was not given the same way twice.
    fn outcome(self) -> Option<AccountEffect> {
        let mut given = self.given.into_iter();
        let password = given.next()?;
        Some(match self.ask {
            AccountAsk::Register if given.next()? != password => return None,
            AccountAsk::Register => AccountEffect::Register { password },
            AccountAsk::ChangePassword => {
                let (new, again) = (given.next()?, given.next()?);
                if new != again {
                    return None;
                }
                AccountEffect::ChangePassword { old: password, new }
            }
            AccountAsk::Unregister => AccountEffect::Unregister { password },
            AccountAsk::Login(name) => AccountEffect::LogIn { name, password },
            AccountAsk::Ghost(name) => AccountEffect::Ghost { name, password },
        })
    }
}

/// Runs a command about the user's account.
pub(super) fn about_account(verb: AccountVerb, command: &Command<'_>, rules: &Rules) -> Result<Effect, Refusal> {
    let alone = |ask| if command.rest.is_empty() { Ok(ask) } else { Err(Refusal::password_in_line(command)) };
    let ask = match verb {
        AccountVerb::Register => alone(AccountAsk::Register)?,
        AccountVerb::ChangePassword => alone(AccountAsk::ChangePassword)?,
        AccountVerb::Unregister => alone(AccountAsk::Unregister)?,
        AccountVerb::Login => AccountAsk::Login(account_name(command, rules)?),
        AccountVerb::Ghost => AccountAsk::Ghost(account_name(command, rules)?),
    };
    Ok(Effect::Account(AccountEffect::Begin(ask)))
}

impl Palette {
    /// Runs a command for the whole server.
    pub(super) fn operate(
        &mut self,
        verb: OperatorVerb,
        command: &Command<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let rest = command.rest;
        let effect = match verb {
            OperatorVerb::Broadcast if rest.is_empty() => return Err(Refusal::usage(command)),
            // A text of only invisible characters would be an empty line on every screen.
            OperatorVerb::Broadcast if text::width(rest) == 0 => return Ok(()),
            OperatorVerb::Broadcast => {
                check_message(rest, rules)?;
                OperatorEffect::Broadcast(rest.to_owned())
            }
            OperatorVerb::BanAddress if rest.is_empty() => OperatorEffect::ListAddressBans,
            OperatorVerb::BanAddress => {
                let (address, rest) = command.split_rest();
                check_note(rest, rules)?;
                let network = network(address, command)?;
                let (lasts, reason) = lasts_and_reason(rest)?;
                let reason = reason.to_owned();
                OperatorEffect::BanAddress(Box::new(AddressBanRequest { network, lasts, reason }))
            }
            OperatorVerb::UnbanAddress => OperatorEffect::UnbanAddress(network(rest, command)?),
            OperatorVerb::Audit if rest.is_empty() => OperatorEffect::ShowAudit(None),
            OperatorVerb::Audit => match rest.parse() {
                Ok(count @ 1..=MOST_AUDIT_ENTRIES) => OperatorEffect::ShowAudit(Some(count)),
                Ok(_) => return Err(Refusal::BadCount),
                Err(_) => return Err(Refusal::usage(command)),
            },
            OperatorVerb::Shutdown => {
                let (code, all) = match rest.rsplit_once(char::is_whitespace) {
                    Some((code, word)) if word.eq_ignore_ascii_case("all") => (code.trim_end(), true),
                    Some(_) | None => (rest, false),
                };
                let code = Secret::new(code).ok_or_else(|| Refusal::usage(command))?;
                OperatorEffect::Shutdown { code, all }
            }
        };
        effects.push(Effect::Operator(effect));
        Ok(())
    }

    /// Asks the first question of a dialogue.
    #[inline(never)]
    pub(super) fn begin_dialogue(&mut self, ask: AccountAsk, prompt: String, effects: &mut Vec<Effect>) {
        let from_view = match self.state {
            PaletteState::Palette => false,
            PaletteState::ChatView => true,
            PaletteState::QuickRoom
            | PaletteState::QuickPassword(_)
            | PaletteState::Name { .. }
            | PaletteState::LoginPassword { .. }
            | PaletteState::Takeover(_)
            | PaletteState::Password { .. }
            | PaletteState::Account { .. }
            | PaletteState::Paste { .. }
            | PaletteState::Leaving => return,
        };
        let dialogue = Dialogue { ask, given: Vec::new() };
        let question = dialogue.question().unwrap_or("").to_owned();
        let told = [prompt, question].into_iter().filter(|line| !line.is_empty());
        effects.extend(told.map(|line| Effect::Tell(LineKind::News, line)));
        effects.push(Effect::Screen(ScreenEffect::HideInput));
        self.state = PaletteState::Account { dialogue, from_view };
    }

    /// Takes the next password of a dialogue.
    #[inline(never)]
    pub(super) fn give_account_password(&mut self, line: &str, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let PaletteState::Account { dialogue, from_view } = &mut self.state else { return Ok(()) };
        let from_view = *from_view;
        let Some(password) = Secret::new(line.trim()) else {
            self.cancel(effects);
            return Ok(());
        };
        let too_long = password.expose().chars().count() > LONGEST_ACCOUNT_PASSWORD;
        if !too_long {
            dialogue.given.push(password);
            if let Some(question) = dialogue.question() {
                effects.push(Effect::Screen(ScreenEffect::KeepHidden));
                effects.push(Effect::Tell(LineKind::News, question.to_owned()));
                return Ok(());
            }
        }
        let PaletteState::Account { dialogue, .. } = std::mem::replace(&mut self.state, back_to(from_view)) else {
            return Ok(());
        };
        effects.push(Effect::Screen(ScreenEffect::ShowInput));
        if too_long {
            return Err(Refusal::PasswordTooLong(LONGEST_ACCOUNT_PASSWORD));
        }
        effects.push(Effect::Account(dialogue.outcome().ok_or(Refusal::PasswordsDiffer)?));
        Ok(())
    }
}
