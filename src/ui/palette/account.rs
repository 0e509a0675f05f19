//! Commands about accounts, and their dialogues: passwords are asked for by themselves, hidden, one after the other.
//!
//! *Owns* the arguments of these commands, which passwords a dialogue asks for, and what it makes of them.
//! *Knows nothing of* who has an account, who is an operator, and how passwords are kept.
//! *Called by* `palette` alone.

use super::arguments::{account_named, network, refuse, too_long};
use super::back_to;
use super::effect::{AUDIT_MOST, AccountAsk, AddressBanRequest};
use super::limits::LONGEST_ACCOUNT_PASSWORD;
use super::{Effect, Palette, Refusal, Rules, State};
use crate::chat::duration;
use crate::chat::secret::Secret;
use crate::ui::command::{Typed, Verb};
use crate::ui::screen::LineKind;

/// A dialogue that asks for passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialogue {
    ask: AccountAsk,
    /// In the order in which they were given.
    given: Vec<Secret>,
}

impl Dialogue {
    /// What is told before the next question; nothing if no more is asked.
    fn question(&self) -> Option<&'static str> {
        let questions: &[&str] = match self.ask {
            AccountAsk::Register => &["", "Once more, to be sure."],
            AccountAsk::ChangePassword => &["Your password until now:", "The new one:", "The new one once more:"],
            AccountAsk::Unregister | AccountAsk::Login(_) | AccountAsk::Ghost(_) => &[""],
        };
        questions.get(self.given.len()).copied()
    }

    /// What is to be done with all that was given; nothing if a new password was not given twice.
    fn outcome(self) -> Option<Effect> {
        let mut given = self.given.into_iter();
        let password = given.next()?;
        Some(match self.ask {
            AccountAsk::Register if given.next()? != password => return None,
            AccountAsk::Register => Effect::Register { password },
            AccountAsk::ChangePassword => {
                let (new, again) = (given.next()?, given.next()?);
                if new != again {
                    return None;
                }
                Effect::ChangePassword { old: password, new }
            }
            AccountAsk::Unregister => Effect::Unregister { password },
            AccountAsk::Login(name) => Effect::LogIn { name, password },
            AccountAsk::Ghost(name) => Effect::Ghost { name, password },
        })
    }
}

impl Palette {
    /// Runs a command that exists only where accounts are kept. Nothing if the arguments do not fit.
    #[inline(never)]
    pub(super) fn run_about_accounts(
        &mut self,
        verb: Verb,
        typed: Typed<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Option<()> {
        let effect = match verb {
            Verb::Register | Verb::ChangePassword | Verb::Unregister if !typed.rest.is_empty() => {
                refuse(effects, &Refusal::password_in_line(typed));
                return Some(());
            }
            Verb::Register => Effect::BeginAccount(AccountAsk::Register),
            Verb::ChangePassword => Effect::BeginAccount(AccountAsk::ChangePassword),
            Verb::Unregister => Effect::BeginAccount(AccountAsk::Unregister),
            Verb::Login | Verb::Ghost => {
                let Some(name) = account_named(typed, rules, effects)? else { return Some(()) };
                let ask = if verb == Verb::Login { AccountAsk::Login } else { AccountAsk::Ghost };
                Effect::BeginAccount(ask(name))
            }
            Verb::Broadcast if typed.rest.is_empty() => return None,
            Verb::Broadcast => match self.sayable(typed.rest, rules, effects) {
                Some(text) => Effect::Broadcast(text.to_owned()),
                None => return Some(()),
            },
            Verb::BanAddress if typed.rest.is_empty() => Effect::ListAddressBans,
            Verb::BanAddress => {
                let (address, rest) = typed.split_rest();
                if too_long(rest, rules).is_some() {
                    let length = crate::text::grapheme_count(rest);
                    refuse(effects, &Refusal::TextTooLong { length, limit: rules.message_limit });
                    effects.push(Effect::GiveBack);
                    return Some(());
                }
                let network = network(address)?;
                let (lasts, reason) = match duration::lasts_and_reason(rest) {
                    Ok((lasts, reason)) => (lasts, reason.to_owned()),
                    Err(piece) => {
                        refuse(effects, &Refusal::not_a_span(piece));
                        return Some(());
                    }
                };
                Effect::BanAddress(Box::new(AddressBanRequest { network, lasts, reason }))
            }
            Verb::UnbanAddress => Effect::UnbanAddress(network(typed.rest)?),
            Verb::Audit if typed.rest.is_empty() => Effect::ShowAudit(None),
            Verb::Audit => match typed.rest.parse::<usize>().ok()? {
                count @ 1..=AUDIT_MOST => Effect::ShowAudit(Some(count)),
                _ => {
                    refuse(effects, &Refusal::BadCount(AUDIT_MOST));
                    return Some(());
                }
            },
            _ => return None,
        };
        effects.push(effect);
        Some(())
    }

    /// Asks the first question of a dialogue.
    #[inline(never)]
    pub(super) fn begin_dialogue(&mut self, ask: AccountAsk, prompt: String, effects: &mut Vec<Effect>) {
        let from_view = match self.state {
            State::Palette => false,
            State::ChatView => true,
            _ => return,
        };
        let dialogue = Dialogue { ask, given: Vec::new() };
        let question = dialogue.question().unwrap_or("").to_owned();
        let told = [prompt, question].into_iter().filter(|line| !line.is_empty());
        effects.extend(told.map(|line| Effect::Tell(LineKind::News, line)));
        effects.push(Effect::HideInput);
        self.state = State::Account { dialogue, from_view };
    }

    /// Takes the next password of a dialogue.
    #[inline(never)]
    pub(super) fn give_account_password(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let State::Account { dialogue, from_view } = &mut self.state else { return };
        let from_view = *from_view;
        let Some(password) = Secret::new(line.trim()) else { return self.cancel(effects) };
        let too_long = password.expose().chars().count() > LONGEST_ACCOUNT_PASSWORD;
        if !too_long {
            dialogue.given.push(password);
            if let Some(question) = dialogue.question() {
                return effects.extend([Effect::KeepHidden, Effect::Tell(LineKind::News, question.to_owned())]);
            }
        }
        let State::Account { dialogue, .. } = std::mem::replace(&mut self.state, back_to(from_view)) else { return };
        effects.push(Effect::ShowInput);
        if too_long {
            return refuse(effects, &Refusal::PasswordTooLong(LONGEST_ACCOUNT_PASSWORD));
        }
        match dialogue.outcome() {
            Some(effect) => effects.push(effect),
            None => refuse(effects, &Refusal::PasswordsDiffer),
        }
    }
}
