//! Requests about names and accounts.
//!
//! *Owns* which passwords each of them needs.
//! *Knows nothing of* how a password is checked.

use super::Session;
use super::answer::Reply;
use crate::chat::names::UserName;
use crate::chat::secret::Secret;
use crate::protocol::json::{Hidden, JsonRequest, Value};
use crate::session::dispatch::reserve_effects;
use crate::session::failure::{ErrorCode, Failure};
use crate::ui::palette::{AccountAsk, AccountEffect, Answer, Effect, LoginEffect, fields};

fn shown<'a>(password: Option<&'a Hidden<'_>>) -> Option<&'a str> {
    password.map(|password| &*password.0)
}

impl Session {
    /// Carries out one effect, and what it leads to.
    pub(super) fn carry_out_effect(&mut self, effect: Effect) {
        reserve_effects(&mut self.effects);
        self.effects.push(effect);
        self.carry_out();
    }

    pub(super) fn log_in_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.prepare_login(request)?;
        if let Some(json) = &mut self.json {
            json.takes_over = request.optional.takeover;
        }
        self.carry_out();
        if let Some(json) = &mut self.json {
            json.takes_over = false;
        }
        self.mark_bot();
        Ok(self.login_reply())
    }

    /// What has to be carried out for a login. Not inlined, like the reply: claiming a name is one of the deepest calls of a
    /// session.
    #[inline(never)]
    fn prepare_login(&mut self, request: &JsonRequest<'_>) -> Result<(), Failure> {
        let name = fields::login_name(&request.content, &self.rules())?;
        let password = shown(request.optional.password.as_ref());
        let code = shown(request.optional.code.as_ref()).and_then(Secret::new);
        let effect = if self.palette.awaits_name() {
            match password {
                _ if self.takes_code_from(&name, code.as_ref()) => {
                    let password = code.unwrap_or_else(Secret::impossible);
                    Effect::Login(LoginEffect::Login { name, password, ghost: false })
                }
                Some(_) => {
                    let password = fields::account_password(password)?;
                    Effect::Login(LoginEffect::Login { name, password, ghost: false })
                }
                None => Effect::Login(LoginEffect::ClaimName(name)),
            }
        } else {
            self.begin_by_request(AccountAsk::Login(name.clone()))?;
            Effect::Account(AccountEffect::LogIn { name, password: fields::account_password(password)? })
        };
        reserve_effects(&mut self.effects);
        self.effects.push(effect);
        Ok(())
    }

    #[inline(never)]
    fn login_reply(&self) -> Reply {
        let user = self.user.as_ref().map(|user| format!("{}#{}", user.name(), user.client()));
        Reply {
            optional: user.into_iter().map(|user| ("user", Value::Text(user.into()))).collect(),
            ..Reply::default()
        }
    }

    /// Whether a code may give a name back.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_self, unused_variables, reason = "there is one server"))]
    fn takes_code_from(&self, name: &UserName, code: Option<&Secret>) -> bool {
        #[cfg(feature = "cluster")]
        return code.is_some() && self.takes_code(name);
        #[cfg(not(feature = "cluster"))]
        false
    }

    /// Whether a request about an account makes sense. If not, the user's refusal is in the outbox.
    fn begin_by_request(&mut self, ask: AccountAsk) -> Result<(), Failure> {
        match self.begin_account(ask) {
            Some(Answer::PasswordWanted { .. }) => Ok(()),
            Some(_) | None => {
                let sentence = self.outbox.take_refusal().unwrap_or_default();
                Err(Failure::new(ErrorCode::NotAllowed, sentence))
            }
        }
    }

    pub(super) fn register_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.begin_by_request(AccountAsk::Register)?;
        let password = fields::account_password(shown(request.optional.password.as_ref()))?;
        self.carry_out_effect(Effect::Account(AccountEffect::Register { password }));
        Ok(Reply::default())
    }

    pub(super) fn unregister_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.begin_by_request(AccountAsk::Unregister)?;
        let password = fields::account_password(shown(request.optional.password.as_ref()))?;
        self.carry_out_effect(Effect::Account(AccountEffect::Unregister { password }));
        Ok(Reply::default())
    }

    pub(super) fn change_password_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.begin_by_request(AccountAsk::ChangePassword)?;
        let old = fields::account_password(shown(request.optional.password.as_ref()))?;
        let new = fields::account_password(shown(request.optional.new_password.as_ref()))?;
        self.carry_out_effect(Effect::Account(AccountEffect::ChangePassword { old, new }));
        Ok(Reply::default())
    }
}
