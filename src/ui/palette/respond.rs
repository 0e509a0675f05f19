//! Handles an answer: the user's next state and output.
//!
//! *Owns* the transitions that wait for the server. *Knows nothing of* how the answer was found.

use super::answer::{Answer, JoinedAs};
use super::effect::{Effect, PlaceEffect, RoomEffect, ScreenEffect};
use super::entry_refusal::{JoinRefusal, LoginRefusal};
use super::greetings;
use super::resume::AskedAt;
use super::{Door, Palette, PaletteState, refused};
use crate::chat::conversation::Conversation;
use crate::chat::names::RoomName;
use crate::ui::screen::LineKind;

impl Palette {
    /// What to type next. A program has no view to open.
    #[cfg_attr(not(feature = "json"), expect(clippy::unused_self, reason = "everybody is at a terminal"))]
    fn go_on(&self, into_view: bool) -> &'static str {
        #[cfg(feature = "json")]
        if self.is_program() {
            return ":close to leave.";
        }
        greetings::go_on(into_view)
    }

    /// Takes the result of an effect; appends what to do next.
    pub(crate) fn answer(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        #[cfg(feature = "json")]
        let Some(answer) = self.answer_program(answer, effects) else { return };
        match answer {
            Answer::NameClaimed { name, people, rooms, notice } => {
                let PaletteState::Name { quick } = &mut self.state else { return };
                let quick = quick.take();
                self.state = PaletteState::Palette;
                effects.push(Effect::Tell(LineKind::News, greetings::hello(&name, people, rooms)));
                effects.extend(notice.map(|line| Effect::Tell(LineKind::News, line)));
                if let Some((room, password)) = quick {
                    self.join_leads_into_view = true;
                    effects.push(Effect::Place(PlaceEffect::Join { room, password, quick: true }));
                }
            }
            Answer::PasswordNeeded { name } => self.ask_login_password(name, false, effects),
            Answer::GhostNeedsPassword { name } => self.ask_login_password(name, true, effects),
            Answer::Elsewhere { name, address, idle } => self.ask_to_take_over(&name, address, &idle, effects),
            Answer::Returned { open, to } => self.returned(open, to, effects),
            Answer::LoginRefused(refusal) => {
                // A user who typed the password again here, instead of the name, would turn it into a name that
                // everybody can read.
                let hint =
                    if refusal == LoginRefusal::Wrong && !self.is_logged_in() { " Give your name again." } else { "" };
                effects.push(refused(&format_args!("{refusal}{hint}")));
            }
            Answer::PasswordWanted { ask, prompt } => self.begin_dialogue(ask, prompt, effects),
            Answer::NameUnfit(error) => effects.push(refused(&error)),
            Answer::NameTaken { name, free } => {
                effects.push(refused(&greetings::name_taken(&name, free.as_ref())));
            }
            Answer::NameLooksLike { name, other } => {
                effects.push(refused(&greetings::name_looks_like(&name, &other)));
            }
            Answer::RoomChecked { room, password } => self.state = PaletteState::Name { quick: Some((room, password)) },
            Answer::Joined { room, others, how, topic } => {
                let into_view = std::mem::take(&mut self.join_leads_into_view);
                effects.push(Effect::Tell(
                    LineKind::News,
                    greetings::joined(&room.name, others, how, self.go_on(into_view)),
                ));
                // The view shows it already.
                if !topic.is_empty() && !into_view {
                    effects.push(Effect::Tell(LineKind::News, ["Topic: ", &topic].concat()));
                }
                let invited = std::mem::take(&mut self.group);
                let group = (how == JoinedAs::Creator && !invited.is_empty()).then(|| room.clone());
                self.entered(Conversation::Room(room), into_view, effects);
                if let Some(room) = group {
                    effects.push(Effect::Room(RoomEffect::Invite { room, invited }));
                }
            }
            Answer::DirectOpened(person) => {
                let into_view = std::mem::take(&mut self.join_leads_into_view);
                effects
                    .push(Effect::Tell(LineKind::News, greetings::direct_opened(&person.name, self.go_on(into_view))));
                self.entered(Conversation::Direct(person), into_view, effects);
            }
            Answer::JoinRefused { room, refusal } => self.join_refused(room, refusal, effects),
            Answer::RoomRefusal(why) => {
                self.join_leads_into_view = false;
                self.group = Vec::new();
                effects.push(refused(&why));
            }
            Answer::Lost(conversation) => {
                let current = self.open.last().is_some_and(|last| last.is(&conversation));
                self.open.retain(|known| !known.is(&conversation));
                if current {
                    self.view_is_over();
                }
            }
            Answer::PartnerRenamed(person) => {
                for known in &mut self.open {
                    if let Conversation::Direct(partner) = known
                        && partner.client == person.client
                    {
                        *partner = person.clone();
                    }
                }
            }
        }
    }

    /// The conversation in view is gone: a question asked from there goes back to the palette.
    fn view_is_over(&mut self) {
        match &mut self.state {
            state @ PaletteState::ChatView => *state = PaletteState::Palette,
            PaletteState::Password { from_view, .. }
            | PaletteState::Takeover(AskedAt::Within { from_view })
            | PaletteState::Account { from_view, .. }
            | PaletteState::Paste { from_view, .. } => *from_view = false,
            PaletteState::QuickRoom
            | PaletteState::QuickPassword(_)
            | PaletteState::Name { .. }
            | PaletteState::LoginPassword { .. }
            | PaletteState::Takeover(AskedAt::Login { .. })
            | PaletteState::Palette
            | PaletteState::Leaving => {}
        }
    }

    /// Makes a conversation the current one.
    fn entered(&mut self, conversation: Conversation, into_view: bool, effects: &mut Vec<Effect>) {
        self.open.retain(|known| !known.is(&conversation));
        if self.open.is_empty() {
            // Most users have one open, and capacity for four would cost every idle user memory.
            self.open.reserve_exact(1);
        }
        self.open.push(conversation.clone());
        if into_view {
            self.state = PaletteState::ChatView;
            effects.push(Effect::Place(PlaceEffect::EnterView(conversation)));
        }
    }

    fn join_refused(&mut self, room: RoomName, refusal: JoinRefusal, effects: &mut Vec<Effect>) {
        let into_view = std::mem::take(&mut self.join_leads_into_view);
        let tone = if refusal.asks() { LineKind::News } else { LineKind::Refusal };
        effects.push(Effect::Tell(tone, refusal.to_string()));
        match &self.state {
            PaletteState::QuickRoom | PaletteState::QuickPassword(_) | PaletteState::Name { .. } if refusal.asks() => {
                self.state = PaletteState::QuickPassword(room);
                effects.push(Effect::Screen(ScreenEffect::HideInput));
            }
            PaletteState::QuickPassword(_) => self.state = PaletteState::QuickRoom,
            PaletteState::Palette | PaletteState::ChatView if refusal.asks() => {
                self.state = PaletteState::Password { room, from_view: self.state == PaletteState::ChatView };
                effects.push(Effect::Screen(ScreenEffect::HideInput));
            }
            // The quick listener's room has filled up or gone between the two questions.
            PaletteState::Palette if into_view && self.door == Door::Quick && self.open.is_empty() => {
                effects.push(Effect::Tell(LineKind::News, greetings::quick_leftover()));
            }
            PaletteState::QuickRoom
            | PaletteState::Name { .. }
            | PaletteState::LoginPassword { .. }
            | PaletteState::Takeover(_)
            | PaletteState::Palette
            | PaletteState::ChatView
            | PaletteState::Password { .. }
            | PaletteState::Account { .. }
            | PaletteState::Paste { .. }
            | PaletteState::Leaving => {}
        }
    }
}
