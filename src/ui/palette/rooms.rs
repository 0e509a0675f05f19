//! Commands about rooms and the people in them.
//!
//! *Owns* their arguments, and which texts can be a room's settings.
//! *Knows nothing of* who may do what.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;

use super::arguments::{check_note, invited, lasts_and_reason, limit, new_password, new_room, slow, switch, target};
use super::effect::{Effect, PlaceEffect, RoomEffect};
use super::refusal::{Refusal, echoed};
use super::{Palette, Rules};
use crate::chat::action::{ReadBack, RoomAction, Setting};
use crate::chat::conversation::RoomId;
use crate::ui::command::{Command, MemberVerb, RoomVerb};

impl Palette {
    /// The current room.
    fn room(&self) -> Result<Arc<RoomId>, Refusal> {
        self.here()?.room().cloned().ok_or(Refusal::NotARoom)
    }

    #[inline(never)]
    pub(super) fn about_room(&self, verb: RoomVerb, command: &Command<'_>, rules: &Rules) -> Result<Effect, Refusal> {
        let room = self.room()?;
        let rest = command.rest;
        let (first, value) = command.split_rest();
        check_note(if verb == RoomVerb::Topic { rest } else { value }, rules)?;
        let setting = |key: &str, value: &str| Ok::<_, Refusal>(RoomAction::Set(setting(key, value, rules)?));
        let act = match verb {
            RoomVerb::Invite => {
                return Ok(Effect::Room(RoomEffect::Invite { room, invited: invited(rest, command, rules)? }));
            }
            RoomVerb::Bans => return Ok(Effect::Room(RoomEffect::ListBans(room))),
            RoomVerb::Topic if rest.is_empty() => return Ok(Effect::Room(RoomEffect::ShowTopic(room))),
            RoomVerb::Set if rest.is_empty() => return Ok(Effect::Room(RoomEffect::ShowSettings(room))),
            RoomVerb::Topic => setting("description", rest)?,
            RoomVerb::Set => setting(first, value)?,
            RoomVerb::Slow if rest.is_empty() => return Err(Refusal::usage(command)),
            RoomVerb::Slow => setting("slow", rest)?,
            RoomVerb::Destroy => RoomAction::Destroy,
        };
        Ok(Effect::Room(RoomEffect::Act { room, act: act.into() }))
    }

    #[inline(never)]
    pub(super) fn about_member(
        &self,
        verb: MemberVerb,
        command: &Command<'_>,
        rules: &Rules,
    ) -> Result<Effect, Refusal> {
        let room = self.room()?;
        let (name, rest) = command.split_rest();
        check_note(rest, rules)?;
        let target = target(name, command, rules)?;
        let nothing_follows = || if rest.is_empty() { Ok(()) } else { Err(Refusal::usage(command)) };
        let act = match verb {
            MemberVerb::Kick => RoomAction::Kick { target, reason: rest.to_owned() },
            MemberVerb::Ban => {
                let (lasts, reason) = lasts_and_reason(rest)?;
                RoomAction::Ban { target, lasts, reason: reason.to_owned() }
            }
            MemberVerb::Mute => match lasts_and_reason(rest)? {
                (lasts, "") => RoomAction::Mute { target, lasts },
                (_, _) => return Err(Refusal::usage(command)),
            },
            MemberVerb::Unban => nothing_follows().map(|()| RoomAction::Unban(target))?,
            MemberVerb::Unmute => nothing_follows().map(|()| RoomAction::Unmute(target))?,
            MemberVerb::Promote => nothing_follows().map(|()| RoomAction::Promote(target))?,
            MemberVerb::Demote => nothing_follows().map(|()| RoomAction::Demote(target))?,
        };
        Ok(Effect::Room(RoomEffect::Act { room, act: act.into() }))
    }

    /// `:create <room> [password]`.
    pub(super) fn create(
        &mut self,
        command: &Command<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let (room, password) = command.split_rest();
        if room.is_empty() {
            return Err(Refusal::usage(command));
        }
        let (room, password) = (new_room(room, rules)?, new_password(password)?);
        self.join_leads_into_view = self.is_in_view();
        effects.push(Effect::Place(PlaceEffect::Create { room, password }));
        Ok(())
    }

    /// `:group <room> <user>...`.
    pub(super) fn create_group(
        &mut self,
        command: &Command<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let (room, names) = command.split_rest();
        if names.is_empty() {
            return Err(Refusal::usage(command));
        }
        let room = new_room(room, rules)?;
        self.group = invited(names, command, rules)?;
        self.join_leads_into_view = self.is_in_view();
        effects.push(Effect::Place(PlaceEffect::CreateGroup(room)));
        Ok(())
    }
}

/// Reads a key of `:set` and its value.
fn setting(key: &str, value: &str, rules: &Rules) -> Result<Setting, Refusal> {
    let on = |key| switch(value).ok_or(Refusal::BadSetting(key));
    Ok(match key.to_ascii_lowercase().as_str() {
        "description" => Setting::Description(value.to_owned()),
        "limit" => Setting::Limit(limit(value)?),
        "password" => Setting::Password(new_password(value)?),
        "public" => Setting::Public(on("public")?),
        "invite" => Setting::Invite(on("invite")?),
        "slow" => Setting::Slow(slow(value).ok_or(Refusal::BadSetting("slow"))?),
        "history" => Setting::History(ReadBack::of_word(value).ok_or(Refusal::BadSetting("history"))?),
        "keep" => Setting::Keep(on("keep")?),
        other => return Err(Refusal::NoSetting { key: echoed(other), keep: rules.accounts.are_enabled() }),
    })
}
