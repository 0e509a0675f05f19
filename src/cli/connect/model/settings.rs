//! Commands about the client itself, and about accounts, which ask for passwords.
//!
//! *Owns* the settings and the questions of these commands. *Knows nothing of* drawing.

use super::ClientModel;
use super::dialog::Dialog;
use super::intent::{ClientEffect, Moment};
use crate::ui::command::{self, AccountVerb, ScreenVerb, Verb};

/// How items are shown, as `:timestamps`, `:ids`, `:quiet`, `:color` and `:bell` set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ViewSettings {
    /// The times of messages are shown.
    pub(crate) timestamps: bool,
    /// The numbers of messages are shown.
    pub(crate) ids: bool,
    /// Joins and leaves are hidden.
    pub(crate) quiet: bool,
    /// Colours are used.
    pub(crate) color: bool,
    /// When the bell rings.
    pub(crate) bell: RingsAt,
}

/// What the bell rings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingsAt {
    /// Nothing.
    Nothing,
    /// Messages that mention the user, and private messages to them.
    Mentions,
    /// Every message from others.
    Everything,
}

impl ClientModel {
    pub(super) fn account(&mut self, verb: AccountVerb, name: &str, now: Moment) {
        match verb {
            AccountVerb::Register => self.ask(Dialog::NewPassword { old: None, new: None, registers: true }, now),
            AccountVerb::ChangePassword => self.ask(Dialog::OldPassword { changes: true }, now),
            AccountVerb::Unregister => self.ask(Dialog::OldPassword { changes: false }, now),
            AccountVerb::Login | AccountVerb::Ghost if name.is_empty() => {
                self.tell_error("The name is missing, as in :login alice.", now);
            }
            AccountVerb::Login | AccountVerb::Ghost => self.ask(Dialog::OtherAccount(name.to_owned()), now),
        }
    }

    pub(super) fn set_screen(&mut self, verb: ScreenVerb, first: &str, now: Moment) -> bool {
        let on = match &*first.to_ascii_lowercase() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        let what = match verb {
            ScreenVerb::Redraw => {
                self.effects.push(ClientEffect::Redraw);
                self.revision += 1;
                return true;
            }
            ScreenVerb::Bell => {
                let bell = match (on, &*first.to_ascii_lowercase()) {
                    (Some(true), _) => RingsAt::Everything,
                    (Some(false), _) => RingsAt::Nothing,
                    (None, "mentions") => RingsAt::Mentions,
                    (None, _) => {
                        self.tell_error(":bell takes on, off or mentions.", now);
                        return true;
                    }
                };
                self.settings.bell = bell;
                "bell"
            }
            ScreenVerb::Color | ScreenVerb::Timestamps | ScreenVerb::Ids | ScreenVerb::Quiet => {
                let Some(on) = on else {
                    self.tell_error(format!(":{} takes on or off.", word(verb)), now);
                    return true;
                };
                let setting = match verb {
                    ScreenVerb::Color => &mut self.settings.color,
                    ScreenVerb::Timestamps => &mut self.settings.timestamps,
                    ScreenVerb::Ids => &mut self.settings.ids,
                    ScreenVerb::Quiet
                    | ScreenVerb::Bell
                    | ScreenVerb::Mode
                    | ScreenVerb::Charset
                    | ScreenVerb::Redraw
                    | ScreenVerb::TimeZone
                    | ScreenVerb::Time
                    | ScreenVerb::Echo
                    | ScreenVerb::Quote => &mut self.settings.quiet,
                };
                *setting = on;
                word(verb)
            }
            ScreenVerb::Mode
            | ScreenVerb::Charset
            | ScreenVerb::TimeZone
            | ScreenVerb::Time
            | ScreenVerb::Echo
            | ScreenVerb::Quote => return false,
        };
        self.revision += 1;
        self.tell_news(format!("{what} is {first} now."), now);
        true
    }
}

fn word(verb: ScreenVerb) -> &'static str {
    command::TABLE.iter().find(|spec| spec.verb == Verb::Screen(verb)).map_or("", |spec| spec.word)
}
