//! What settings do to a room, whether a member or the configuration changes them.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::sync::Arc;

use super::done;
use crate::chat::action::Setting;
use crate::chat::identity::Identity;
use crate::chat::message::{Addressee, Event, EventKind};
use crate::chat::room::{RoomState, news};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::Hashed;

impl RoomState {
    #[inline(never)]
    pub(super) fn set(&mut self, setting: Setting, by: Addressee) -> Arc<Event> {
        self.revision += 1;
        let before = self.settings.clone();
        self.change_setting(&setting);
        let news = news::set(&setting, &by.name, &before, self);
        done(news, EventKind::Setting, by, None)
    }

    fn change_setting(&mut self, setting: &Setting) {
        let settings = &mut self.settings;
        match setting {
            Setting::Description(text) => settings.description.clone_from(text),
            Setting::Limit(limit) => settings.limit = *limit,
            Setting::Password(password) => {
                self.door.change();
                settings.entry = match password {
                    Some(secret) => RoomAccess::Password(secret.clone()),
                    None if settings.public => RoomAccess::Open,
                    None => RoomAccess::Closed,
                };
            }
            Setting::PasswordHash(hash) => {
                self.door.change();
                settings.entry = RoomAccess::Hashed(hash.clone());
            }
            Setting::Public(public) => {
                self.door.change();
                settings.public = *public;
                if !public && settings.entry == RoomAccess::Open {
                    settings.entry = RoomAccess::Closed;
                }
            }
            Setting::Invite(invite) => {
                self.door.change();
                settings.entry = if *invite { RoomAccess::Closed } else { RoomAccess::Open };
            }
            Setting::Slow(wait) => self.slow = *wait,
            Setting::History(read_back) => {
                self.read_back = *read_back;
                self.read_back_guessed = false;
            }
            Setting::Keep(keep) => {
                self.kept = *keep;
                if !keep {
                    let members = &self.members;
                    let is_there = |who: &Identity| members.values().any(|member| who.entitles(&member.who));
                    self.moderation.demote_absent(is_there);
                }
            }
        }
    }

    pub(super) fn configure(&mut self, settings: RoomSettings) {
        if self.settings.entry != settings.entry {
            self.door.change();
        }
        self.settings = settings;
    }

    pub(super) fn hash_password(&mut self, hash: Hashed) {
        self.settings.entry = RoomAccess::Hashed(hash);
    }
}
