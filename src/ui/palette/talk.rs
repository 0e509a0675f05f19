//! Commands for talking: say, direct messages, replies, edits, temporary messages.
//!
//! *Owns* their arguments. *Knows nothing of* who gets the messages.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::time::Duration;

use super::arguments::{TemporaryArguments, addressees, check_message, message_id, temporary};
use super::effect::{Edited, Effect, MessageEffect, PlaceEffect, ShowEffect, TEMPORARY_DEFAULT};
use super::limits::LONGEST_TEMPORARY;
use super::refusal::Refusal;
use super::{Palette, Rules};
use crate::chat::conversation::Conversation;
use crate::chat::message::Draft;
use crate::chat::names::RoomName;
use crate::text;
use crate::ui::command::{Command, TalkVerb};

/// How to say a line that begins with `@` in the view of a conversation instead of sending it.
pub(crate) fn way_out(here: Option<&Conversation>) -> String {
    match here {
        Some(Conversation::Direct(partner)) => format!(" A leading space says it to {}.", partner.name),
        Some(Conversation::Room(_)) | None => " A leading space says it to the room.".to_owned(),
    }
}

/// Whether a text has anything visible. A text of only invisible characters would be an empty line under its author's
/// name, so it is ignored.
pub(super) fn is_visible(text: &str) -> bool {
    text::width(text) > 0
}

/// The effect that sends a message to people; `None` if it is empty.
fn send(to: &str, draft: Draft, in_view: bool, rules: &Rules) -> Result<Option<Effect>, Refusal> {
    if !is_visible(&draft.text) {
        return Ok(None);
    }
    check_message(&draft.text, rules)?;
    let to = addressees(to, rules)?;
    Ok(Some(Effect::Message(MessageEffect::SendDirect { to, draft: draft.into(), in_view })))
}

impl Palette {
    #[inline(never)]
    pub(super) fn talk(
        &mut self,
        verb: TalkVerb,
        command: &Command<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match verb {
            TalkVerb::Say | TalkVerb::Me if command.rest.is_empty() => return Err(Refusal::usage(command)),
            TalkVerb::Say | TalkVerb::Me => {
                if is_visible(command.rest) {
                    check_message(command.rest, rules)?;
                }
                self.post(command.rest, verb == TalkVerb::Me, effects)?;
            }
            TalkVerb::To => effects.extend(self.say_to(command, rules)?),
            TalkVerb::Direct => self.direct(command, rules, effects)?,
            TalkVerb::Reply => effects.extend(reply(command, rules)?),
            TalkVerb::Edit => effects.extend(edit(command, rules)?),
            TalkVerb::Delete => {
                let id = match command.rest {
                    "" => None,
                    word => Some(message_id(word).ok_or_else(|| Refusal::usage(command))?),
                };
                effects.push(Effect::Message(MessageEffect::Delete(id)));
            }
            TalkVerb::Temporary => effects.extend(self.say_for_a_while(command, rules)?),
            TalkVerb::Paste => self.begin_paste(effects)?,
            TalkVerb::History => {
                let count = match command.rest {
                    "" => None,
                    number => {
                        let count = number.parse::<usize>().ok().filter(|count| *count > 0);
                        Some(count.ok_or_else(|| Refusal::usage(command))?)
                    }
                };
                effects.push(Effect::Show(ShowEffect::History { of: self.here()?, count }));
            }
            TalkVerb::Search if command.rest.is_empty() => return Err(Refusal::usage(command)),
            TalkVerb::Search => effects.push(Effect::Show(ShowEffect::Search(command.rest.to_owned()))),
        }
        Ok(())
    }

    /// Says something in the current conversation. It is known to be short enough.
    pub(super) fn post(&mut self, said: &str, action: bool, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if is_visible(said) {
            let draft = Box::new(Draft { action, ..Draft::said(said) });
            effects.push(Effect::Say { to: self.here()?, draft, confirm: !self.is_in_view() });
        }
        Ok(())
    }

    /// `:to <room> <text>`.
    fn say_to(&self, command: &Command<'_>, rules: &Rules) -> Result<Option<Effect>, Refusal> {
        let (room, said) = command.split_rest();
        if said.is_empty() {
            return Err(Refusal::usage(command));
        }
        let room = RoomName::parse_in(room, rules.known_names)?;
        if !is_visible(said) {
            return Ok(None);
        }
        check_message(said, rules)?;
        // The last one: an earlier room of that name may be gone, and this user may not know yet.
        let named = |open: &&Conversation| open.room().is_some_and(|known| known.name == room);
        let Some(to) = self.open.iter().rfind(named).cloned() else {
            return Err(Refusal::NotInRoom(room.to_string()));
        };
        let in_view = self.is_in_view() && self.current().is_some_and(|current| current.is(&to));
        Ok(Some(Effect::Say { to, draft: Draft::said(said).into(), confirm: !in_view }))
    }

    /// `@name,name text`. In the view, the line may have been meant for everybody there (`@here`, `@app.route('/')`),
    /// so every refusal says how to do that.
    pub(super) fn address(
        &mut self,
        to: &str,
        said: &str,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let in_view = self.is_in_view();
        let sent = match send(to, Draft::said(said), in_view, rules) {
            Ok(None) if in_view => Err(Refusal::NoText),
            sent => sent,
        };
        match sent {
            Err(refusal) if in_view => Err(Refusal::InView(refusal.into(), way_out(self.current()))),
            sent => {
                effects.extend(sent?);
                Ok(())
            }
        }
    }

    /// `:dm <user> [text]`.
    fn direct(&mut self, command: &Command<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let (to, said) = command.split_rest();
        let to = to.strip_prefix('@').unwrap_or(to);
        if to.split(',').all(str::is_empty) {
            return Err(Refusal::usage(command));
        }
        if !said.is_empty() {
            effects.extend(send(to, Draft::said(said), false, rules)?);
            return Ok(());
        }
        let mut people = addressees(to, rules)?;
        let Some(partner) = people.pop().filter(|_| people.is_empty()) else { return Err(Refusal::usage(command)) };
        self.join_leads_into_view = self.is_in_view();
        effects.push(Effect::Place(PlaceEffect::OpenDirect(partner.clone())));
        effects.push(Effect::Show(ShowEffect::Away(partner)));
        Ok(())
    }

    /// `:temp [seconds] [@user,...] <text>`.
    fn say_for_a_while(&self, command: &Command<'_>, rules: &Rules) -> Result<Option<Effect>, Refusal> {
        let TemporaryArguments { seconds, to, text } =
            temporary(command.rest).ok_or_else(|| Refusal::usage(command))?;
        let lasts = match seconds.map(str::parse::<u64>) {
            None => TEMPORARY_DEFAULT,
            Some(Ok(seconds @ 1..=LONGEST_TEMPORARY)) => Duration::from_secs(seconds),
            Some(Ok(_) | Err(_)) => return Err(Refusal::BadSeconds),
        };
        let draft = Draft { lasts: Some(lasts), ..Draft::said(text) };
        if let Some(to) = to {
            return send(to, draft, false, rules);
        }
        if !is_visible(text) {
            return Ok(None);
        }
        check_message(text, rules)?;
        Ok(Some(Effect::Say { to: self.here()?, draft: draft.into(), confirm: !self.is_in_view() }))
    }
}

/// `:reply <id> <text>`.
fn reply(command: &Command<'_>, rules: &Rules) -> Result<Option<Effect>, Refusal> {
    let (id, said) = command.split_rest();
    let id = message_id(id).filter(|_| !said.is_empty()).ok_or_else(|| Refusal::usage(command))?;
    if !is_visible(said) {
        return Ok(None);
    }
    check_message(said, rules)?;
    Ok(Some(Effect::Message(MessageEffect::Reply { id, text: said.to_owned() })))
}

/// `:edit [id] <text>`.
fn edit(command: &Command<'_>, rules: &Rules) -> Result<Option<Effect>, Refusal> {
    let (first, after) = command.split_rest();
    let id = message_id(first);
    let said = if id.is_some() { after } else { command.rest };
    // With a number alone, the text was more likely forgotten than meant to be a number.
    if said.is_empty() {
        return Err(Refusal::usage(command));
    }
    if !is_visible(said) {
        return Ok(None);
    }
    check_message(said, rules)?;
    let which = match id {
        None => Edited::Last,
        Some(id) if first.starts_with('#') => Edited::Id(id),
        Some(id) => {
            let whole = check_message(command.rest, rules).map(|()| command.rest.to_owned());
            Edited::Perhaps { id, whole: whole.into() }
        }
    };
    Ok(Some(Effect::Message(MessageEffect::Edit { which, text: said.to_owned() })))
}
