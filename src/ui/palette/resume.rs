//! Coming back to an account that another connection still has, and into the rooms it was in.
//!
//! *Owns* the question whether to take over, and what is open and in view afterwards. *Knows nothing of* connections,
//! or of which rooms those are.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::net::IpAddr;

use super::answer::ReturnTo;
use super::back_to;
use super::effect::{Effect, LoginEffect, PlaceEffect};
use super::greetings;
use super::reading;
use super::refusal::{Refusal, TAKE_OVER};
use super::{Door, Palette, PaletteState, QuickRoom, nothing_changed};
use crate::chat::conversation::Conversation;
use crate::chat::names::UserName;
use crate::ui::screen::LineKind;

/// Another connection has the account.
fn elsewhere(name: &UserName, address: IpAddr, idle: &str) -> String {
    format!("{name} is logged in from {address}, idle {idle}. {TAKE_OVER}")
}

/// The rooms of an account are open again.
#[inline(never)]
fn returned(names: &[String], into_view: bool) -> String {
    format!("Back in {}. {}", names.join(", "), greetings::go_on(into_view))
}

/// Where the user is asked whether to take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskedAt {
    /// At the login.
    Login { quick: Option<QuickRoom> },
    /// Later, while logged in under another name.
    Within { from_view: bool },
}

impl Palette {
    /// The password was right, but another connection has the account: asks whether to take over.
    pub(super) fn ask_to_take_over(&mut self, name: &UserName, address: IpAddr, idle: &str, effects: &mut Vec<Effect>) {
        let at = match &mut self.state {
            PaletteState::Name { quick } => AskedAt::Login { quick: quick.take() },
            PaletteState::Palette => AskedAt::Within { from_view: false },
            PaletteState::ChatView => AskedAt::Within { from_view: true },
            PaletteState::QuickRoom
            | PaletteState::QuickPassword(_)
            | PaletteState::LoginPassword { .. }
            | PaletteState::Takeover(_)
            | PaletteState::Password { .. }
            | PaletteState::Account { .. }
            | PaletteState::Paste { .. }
            | PaletteState::Leaving => return effects.push(Effect::Login(LoginEffect::LetBe)),
        };
        self.state = PaletteState::Takeover(at);
        effects.push(Effect::Tell(LineKind::News, elsewhere(name, address, idle)));
    }

    /// Enter takes over, `:q` goes back.
    pub(super) fn decide_takeover(&mut self, line: &str, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if line.trim().is_empty() {
            self.end_takeover();
            effects.push(Effect::Login(LoginEffect::TakeOver));
        } else if reading::leaves_before_login(line) {
            self.cancel_takeover(effects);
        } else {
            return Err(Refusal::TakeOverOrCancel);
        }
        Ok(())
    }

    /// Goes back to where the password was given.
    pub(super) fn cancel_takeover(&mut self, effects: &mut Vec<Effect>) {
        let within = matches!(self.state, PaletteState::Takeover(AskedAt::Within { .. }));
        self.end_takeover();
        effects.push(Effect::Login(LoginEffect::LetBe));
        if within {
            effects.push(nothing_changed());
        }
    }

    fn end_takeover(&mut self) {
        let PaletteState::Takeover(at) = &mut self.state else { return };
        self.state = match at {
            AskedAt::Login { quick } => PaletteState::Name { quick: quick.take() },
            AskedAt::Within { from_view } => back_to(*from_view),
        };
    }

    /// The rooms of an account are open again, after those that were open before. A user in a view stays there, unless
    /// they have taken over another connection without using the quick listener.
    #[inline(never)]
    pub(super) fn returned(&mut self, open: Vec<Conversation>, to: ReturnTo, effects: &mut Vec<Effect>) {
        let asked_for_it = to == ReturnTo::Palette || self.door == Door::Quick;
        let stays = asked_for_it && self.state == PaletteState::ChatView;
        let into_view = to == ReturnTo::TakenView;
        let names: Vec<_> = open.iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            effects.push(Effect::Tell(LineKind::News, returned(&names, into_view || stays)));
        }
        if stays {
            let fresh = open.into_iter().filter(|one| !self.open.iter().any(|known| known.is(one)));
            let before: Vec<_> = fresh.collect();
            self.open.splice(0..0, before);
            return;
        }
        for conversation in open {
            self.open.retain(|known| !known.is(&conversation));
            self.open.push(conversation);
        }
        match (&self.state, self.open.last()) {
            (PaletteState::Palette | PaletteState::ChatView, Some(current)) if into_view => {
                effects.push(Effect::Place(PlaceEffect::EnterView(current.clone())));
                self.state = PaletteState::ChatView;
            }
            (PaletteState::ChatView, _) => self.leave_view(effects),
            (
                PaletteState::QuickRoom
                | PaletteState::QuickPassword(_)
                | PaletteState::Name { .. }
                | PaletteState::LoginPassword { .. }
                | PaletteState::Takeover(_)
                | PaletteState::Palette
                | PaletteState::Password { .. }
                | PaletteState::Account { .. }
                | PaletteState::Paste { .. }
                | PaletteState::Leaving,
                _,
            ) => {}
        }
    }
}
