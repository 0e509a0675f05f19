//! Commands about rooms and the people in them.
//!
//! *Owns* their arguments.
//! *Knows nothing of* who may do what.
//! *Called by* `palette` alone.

use super::arguments::{limit, new_password, new_room, people, slow, switch, told, too_long, whom};
use super::limits::ECHOED_COLUMNS;
use super::{Effect, Palette, Refusal, Rules};
use crate::chat::action::{ReadBack, RoomAction, Setting};
use crate::chat::duration::{self, LooksLikeDuration};
use crate::chat::identity::Target;
use crate::ui::command::{Typed, Verb};

impl Palette {
    /// Runs a command about the current room. Nothing if the arguments do not fit.
    pub(super) fn run_about_room(
        &mut self,
        verb: Verb,
        typed: Typed<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Option<()> {
        let Some(current) = self.current() else { return told(effects, Refusal::NoRoom) };
        let Some(room) = current.room().cloned() else { return told(effects, Refusal::NotARoom) };
        let (first, rest) = typed.split_rest();
        let told_text = if verb == Verb::Topic { typed.rest } else { rest };
        if too_long(told_text, rules).is_some() {
            let length = crate::text::grapheme_count(told_text);
            told(effects, Refusal::TextTooLong { length, limit: rules.message_limit });
            effects.push(Effect::GiveBack);
            return Some(());
        }
        let act = match verb {
            Verb::Invite => {
                if let Some(invited) = people(typed.rest, rules, effects)? {
                    effects.push(Effect::Invite { room, invited });
                }
                return Some(());
            }
            Verb::Bans => {
                effects.push(Effect::ListBans(room));
                return Some(());
            }
            Verb::Topic if typed.rest.is_empty() => {
                effects.push(Effect::ShowTopic(room));
                return Some(());
            }
            Verb::Set if typed.rest.is_empty() => {
                effects.push(Effect::ShowSettings(room));
                return Some(());
            }
            Verb::Topic => RoomAction::Set(Setting::Description(typed.rest.to_owned())),
            Verb::Slow if typed.rest.is_empty() => return None,
            Verb::Slow | Verb::Set => {
                let (key, value) = if verb == Verb::Slow { ("slow", typed.rest) } else { (first, rest) };
                match setting(key, value, rules, effects) {
                    Some(setting) => RoomAction::Set(setting),
                    None => return Some(()),
                }
            }
            Verb::Destroy if typed.rest.is_empty() => RoomAction::Destroy,
            Verb::Destroy => return None,
            _ => {
                let Some(whom) = whom(first, rules, effects)? else { return Some(()) };
                match on_person(verb, whom, rest)? {
                    Ok(act) => act,
                    Err(piece) => return told(effects, Refusal::not_a_span(piece)),
                }
            }
        };
        effects.push(Effect::RoomAction { room, act: act.into() });
        Some(())
    }

    /// `:create <room> [password]`. Nothing if the arguments do not fit.
    pub(super) fn create(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (room, given) = typed.split_rest();
        if room.is_empty() {
            return None;
        }
        if let Some(room) = new_room(room, rules, effects)
            && let Some(password) = new_password(given, effects)
        {
            self.join_leads_into_view = self.is_in_view();
            effects.push(Effect::Create { room, password });
        }
        Some(())
    }

    /// `:group <room> <user>...`. Nothing if the arguments do not fit.
    pub(super) fn create_group(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (room, names) = typed.split_rest();
        if names.is_empty() {
            return None;
        }
        if let Some(room) = new_room(room, rules, effects)
            && let Some(invited) = people(names, rules, effects)?
        {
            self.join_leads_into_view = self.is_in_view();
            self.group = invited;
            effects.push(Effect::CreateGroup(room));
        }
        Some(())
    }
}

/// Something done to one person. Nothing if the arguments do not fit.
fn on_person(verb: Verb, whom: Target, rest: &str) -> Option<Result<RoomAction, LooksLikeDuration<'_>>> {
    let act = match verb {
        Verb::Kick => RoomAction::Kick { whom, reason: rest.to_owned() },
        Verb::Ban => match duration::lasts_and_reason(rest) {
            Ok((lasts, reason)) => RoomAction::Ban { whom, lasts, reason: reason.to_owned() },
            Err(piece) => return Some(Err(piece)),
        },
        Verb::Mute => match duration::lasts_and_reason(rest) {
            Ok((lasts, "")) => RoomAction::Mute { whom, lasts },
            Ok(_) => return None,
            Err(piece) => return Some(Err(piece)),
        },
        Verb::Unban | Verb::Unmute | Verb::Promote | Verb::Demote if !rest.is_empty() => return None,
        Verb::Unban => RoomAction::Unban(whom),
        Verb::Unmute => RoomAction::Unmute(whom),
        Verb::Promote => RoomAction::Promote(whom),
        Verb::Demote => RoomAction::Demote(whom),
        _ => return None,
    };
    Some(Ok(act))
}

/// Reads a key and its value; nothing if they do not fit, which the person is told.
fn setting(key: &str, value: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<Setting> {
    let (key, setting) = match key.to_ascii_lowercase().as_str() {
        "description" => ("description", Some(Setting::Description(value.to_owned()))),
        "limit" => ("limit", limit(value).map(Setting::Limit)),
        "password" => return new_password(value, effects).map(Setting::Password),
        "public" => ("public", switch(value).map(Setting::Public)),
        "invite" => ("invite", switch(value).map(Setting::Invite)),
        "slow" => ("slow", slow(value).map(Setting::Slow)),
        "history" => ("history", ReadBack::of_word(value).map(Setting::History)),
        "keep" => ("keep", switch(value).map(Setting::Keep)),
        other => {
            let key = crate::text::truncate(other, ECHOED_COLUMNS).to_owned();
            told(effects, Refusal::NoSetting { key, keep: rules.accounts.are_kept() });
            return None;
        }
    };
    if setting.is_none() {
        told(effects, Refusal::BadSetting(key));
    }
    setting
}
