//! Commands by which people talk: say, direct messages, answers, edits, temporary messages.
//!
//! *Owns* their arguments, and the limits on a text.
//! *Knows nothing of* who hears it.
//! *Called by* `palette` alone.

use std::time::Duration;

use super::arguments::{addressees, message_id, temporary, too_long};
use super::effect::{TEMPORARY_DEFAULT, TEMPORARY_MOST};
use super::refusal::Refusal;
use super::{Edited, Effect, Palette, Rules, State};
use crate::chat::conversation::Conversation;
use crate::chat::message::Draft;
use crate::chat::names::RoomName;
use crate::text;
use crate::ui::command::Typed;
use crate::ui::screen::LineKind;

/// How a line that begins with `@` is said in the view of a conversation instead of sent.
pub fn way_out(here: Option<&Conversation>) -> String {
    match here {
        Some(Conversation::Direct(partner)) => format!(" A leading blank says it to {}.", partner.name),
        Some(Conversation::Room(_)) | None => " A leading blank says it to the room.".to_owned(),
    }
}

impl Palette {
    /// The text if it can be said; otherwise the person is told why not.
    pub(super) fn sayable<'a>(&self, said: &'a str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<&'a str> {
        if text::width(said) == 0 {
            // Nothing but invisible characters: an empty line under somebody's name.
            return None;
        }
        if let Some(refusal) = too_long(said, rules) {
            effects.extend([Effect::Tell(LineKind::Refusal, refusal.to_string()), Effect::GiveBack]);
            return None;
        }
        Some(said)
    }

    /// Says something where the person is.
    pub(super) fn say(&mut self, said: &str, action: bool, rules: &Rules, effects: &mut Vec<Effect>) {
        let Some(said) = self.sayable(said, rules, effects) else { return };
        let draft = Box::new(Draft { action, ..Draft::said(said) });
        let confirm = self.state != State::ChatView;
        match self.current() {
            Some(to) => effects.push(Effect::Say { to: to.clone(), draft, confirm }),
            None => effects.push(Effect::Tell(LineKind::Refusal, Refusal::NoRoom.to_string())),
        }
    }

    /// `:to <room> <text>`. Nothing if the arguments do not fit.
    pub(super) fn say_to(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (room, said) = typed.split_rest();
        if said.is_empty() {
            return None;
        }
        let room = match RoomName::parse_in(room, rules.known_names) {
            Ok(room) => room,
            Err(error) => {
                effects.push(Effect::Tell(LineKind::Refusal, error.to_string()));
                return Some(());
            }
        };
        if let Some(said) = self.sayable(said, rules, effects) {
            // The last one: an earlier room of that name may be gone without this person's having heard of it.
            let named = |open: &&Conversation| open.room().is_some_and(|known| known.name == room);
            let Some(to) = self.open.iter().rfind(named).cloned() else {
                effects.push(Effect::Tell(LineKind::Refusal, format!("Not said: you are not in {room}.")));
                return Some(());
            };
            let in_view = self.state == State::ChatView && self.current().is_some_and(|current| current.is(&to));
            effects.push(Effect::Say { to, draft: Draft::said(said).into(), confirm: !in_view });
        }
        Some(())
    }

    /// `@name,name text`.
    pub(super) fn address(&mut self, to: &str, said: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let Some(said) = self.sayable(said, rules, effects) else { return };
        if let Some(to) = addressees(to, rules, effects) {
            effects.push(Effect::SendDirect { to, draft: Draft::said(said).into(), in_view: false });
        }
    }

    /// The same in the view, where the line may have been meant for everybody there: `@here`, `@app.route('/')`. Every
    /// refusal says how.
    pub(super) fn address_in_view(&mut self, to: &str, said: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let before = effects.len();
        self.address(to, said, rules, effects);
        if effects.len() == before {
            effects.push(Effect::Tell(LineKind::Refusal, Refusal::NoText.to_string()));
        }
        let way_out = way_out(self.current());
        for effect in &mut effects[before..] {
            match effect {
                Effect::Tell(LineKind::Refusal, line) => line.push_str(&way_out),
                Effect::SendDirect { in_view, .. } => *in_view = true,
                _ => {}
            }
        }
    }

    /// `:dm <user> [text]`. Nothing if the arguments do not fit.
    pub(super) fn direct(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (to, said) = typed.split_rest();
        if to.is_empty() {
            return None;
        }
        let to = to.strip_prefix('@').unwrap_or(to);
        if to.split(',').all(str::is_empty) {
            return None;
        }
        if !said.is_empty() {
            self.address(to, said, rules, effects);
            return Some(());
        }
        let Some(mut people) = addressees(to, rules, effects) else { return Some(()) };
        let whom = people.pop().filter(|_| people.is_empty())?;
        self.join_leads_into_view = self.state == State::ChatView;
        effects.push(Effect::OpenDirect(whom.clone()));
        effects.push(Effect::TellAway(whom));
        Some(())
    }

    /// `:reply <id> <text>`. Nothing if the arguments do not fit.
    pub(super) fn reply(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (id, said) = typed.split_rest();
        let id = message_id(id)?;
        if said.is_empty() {
            return None;
        }
        if let Some(said) = self.sayable(said, rules, effects) {
            effects.push(Effect::Reply { id, text: said.to_owned() });
        }
        Some(())
    }

    /// `:edit [id] <text>`. Nothing if the arguments do not fit.
    pub(super) fn edit(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (first, after) = typed.split_rest();
        let id = message_id(first);
        let said = if id.is_some() { after } else { typed.rest };
        // A number alone is more often a forgotten text than a text.
        if said.is_empty() {
            return None;
        }
        if let Some(said) = self.sayable(said, rules, effects) {
            let whole = || match too_long(typed.rest, rules) {
                Some(refusal) => Err(refusal.to_string()),
                None => Ok(typed.rest.to_owned()),
            };
            let which = match id {
                None => Edited::Last,
                Some(id) if first.starts_with('#') => Edited::Id(id),
                Some(id) => Edited::Perhaps { id, whole: whole().into() },
            };
            effects.push(Effect::Edit { which, text: said.to_owned() });
        }
        Some(())
    }

    /// `:delete [id]`. Nothing if the arguments do not fit.
    pub(super) fn delete(&mut self, typed: Typed<'_>, effects: &mut Vec<Effect>) -> Option<()> {
        let id = if typed.rest.is_empty() { None } else { Some(message_id(typed.rest)?) };
        effects.push(Effect::Delete(id));
        Some(())
    }

    /// `:temp [seconds] [@user,...] <text>`. Nothing if the arguments do not fit.
    pub(super) fn temporary(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (seconds, to, said) = temporary(typed.rest)?;
        let lasts = match seconds.map(str::parse::<u64>) {
            None => TEMPORARY_DEFAULT,
            Some(Ok(seconds @ 1..=TEMPORARY_MOST)) => Duration::from_secs(seconds),
            Some(_) => {
                effects.push(Effect::Tell(LineKind::Refusal, Refusal::BadSeconds(TEMPORARY_MOST).to_string()));
                return Some(());
            }
        };
        let said = match self.sayable(said, rules, effects) {
            Some(said) => said,
            None => return Some(()),
        };
        let draft = Box::new(Draft { lasts: Some(lasts), ..Draft::said(said) });
        match (to, self.current()) {
            (Some(to), _) => {
                if let Some(to) = addressees(to, rules, effects) {
                    effects.push(Effect::SendDirect { to, draft, in_view: false });
                }
            }
            (None, Some(current)) => {
                let confirm = self.state != State::ChatView;
                effects.push(Effect::Say { to: current.clone(), draft, confirm });
            }
            (None, None) => effects.push(Effect::Tell(LineKind::Refusal, Refusal::NoRoom.to_string())),
        }
        Some(())
    }
}
