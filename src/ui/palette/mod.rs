//! The state machine of one user: what a typed line means in their state, and what the session has to do.
//!
//! ```text
//!            name taken                 :chat, quick listener
//! Login <--------+--- name ---> Palette ------------------> ChatView
//! | | ^   (room, password first    | ^ <------------------- | ^
//! | | |    on the quick listener)  | |     :q, 0x04         | |
//! | | | right: on with the name    v |                      v |
//! | | | wrong, none: the name     Password (a room's), Account (one to three about an account):
//! | v | is asked again            asked from either, answered or cancelled back to it
//! | LoginPassword: the name is an account's, or :ghost; Takeover: it is logged in elsewhere, Enter or :q
//! +---------------> Leaving <-- :quit, 0x04, end of input, from any of them
//! ```
//!
//! A line is [read](Palette::read) once, which gives its meaning and its cost, and then [run](Palette::run).
//!
//! *Owns* every transition, and the words of refusals that depend only on the typed line. *Knows nothing of* sockets,
//! rooms as objects, locks and clocks. It calls nothing: its requests come out as [`Effect`]s, and their results go
//! back in as [`Answer`]s.

mod account;
mod answer;
mod arguments;
mod commands;
mod cost;
mod effect;
mod entry_refusal;
mod greetings;
mod limits;
mod login;
mod paste;
mod reading;
mod recall;
mod refusal;
mod respond;
mod resume;
mod rooms;
mod rules;
mod talk;
#[cfg(test)]
mod tests;
#[cfg(feature = "json")]
mod typed;

use std::fmt;

use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::ui::screen::{LineKind, Prompt};
use account::Dialogue;
use paste::Paste;
use resume::AskedAt;

pub use answer::{Answer, JoinedAs, ReturnTo};
pub use effect::AccountAsk;
pub(crate) use effect::Edited;
pub(crate) use effect::{
    AUDIT_DEFAULT, AccountEffect, AddressBanRequest, Effect, FileEffect, FileOffer, LoginEffect, MessageEffect,
    OperatorEffect, PlaceEffect, RoomEffect, ScreenEffect, ShowEffect, UserEffect, Viewing,
};
pub use entry_refusal::{AccountRefusal, JoinRefusal, LoginRefusal, RoomRefusal};
pub use reading::Line;
#[cfg(feature = "client")]
pub(crate) use reading::{addressed, literally};
#[cfg(feature = "client")]
pub(crate) use recall::without_password;
pub(crate) use refusal::Refusal;
pub(crate) use rules::Rules;
pub(crate) use talk::way_out;
#[cfg(feature = "json")]
pub(crate) use typed::fields;

/// A key that means something by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlKey {
    /// Ctrl-C: the line typed so far has been dropped already.
    Interrupt,
    /// Ctrl-D (0x04) on an empty line.
    End,
}

/// What a new connection is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Name, then the palette.
    Plain,
    /// Room, name, then straight into the chat view.
    Quick,
    /// Nothing: a program sends requests, one of which is a login, and every question is a refusal.
    #[cfg(feature = "json")]
    Json,
}

/// The room chosen on the quick listener and its password.
type QuickRoom = (RoomName, Option<Secret>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PaletteState {
    QuickRoom,
    /// The quick listener's password question; the room is known by its word only.
    QuickPassword(RoomName),
    Name {
        quick: Option<QuickRoom>,
    },
    /// The password of an account, at the login; cancelled back to the name question.
    LoginPassword {
        name: UserName,
        quick: Option<QuickRoom>,
        /// End the connection that has the name.
        ghost: bool,
    },
    /// Another connection has the account, and the password was right.
    Takeover(AskedAt),
    Palette,
    ChatView,
    Password {
        room: RoomName,
        from_view: bool,
    },
    /// The passwords of a dialogue about an account.
    Account {
        dialogue: Dialogue,
        from_view: bool,
    },
    /// Taking lines up to a single dot.
    Paste {
        to: Conversation,
        paste: Paste,
        from_view: bool,
    },
    Leaving,
}

/// The state machine. One per connection.
#[derive(Debug)]
pub(crate) struct Palette {
    state: PaletteState,
    door: Door,
    /// Rooms and conversations in the order in which they were entered; the last one is the current one.
    open: Vec<Conversation>,
    /// The user typed `:join` in the view, so a successful answer leads into the other room's view.
    join_leads_into_view: bool,
    /// Who is invited once the group is made.
    group: Vec<Target>,
}

impl Palette {
    /// For a new connection.
    pub(crate) fn new(door: Door) -> Palette {
        let state = match door {
            Door::Plain => PaletteState::Name { quick: None },
            Door::Quick => PaletteState::QuickRoom,
            #[cfg(feature = "json")]
            Door::Json => PaletteState::Name { quick: None },
        };
        Palette { state, door, open: Vec::new(), join_leads_into_view: false, group: Vec::new() }
    }

    /// The prompt for the current state.
    pub(crate) fn prompt(&self) -> Prompt {
        match &self.state {
            PaletteState::QuickRoom => Prompt::AskingRoom,
            PaletteState::Name { quick: Some(_) } => Prompt::AskingQuickName,
            PaletteState::Name { quick: None } => Prompt::AskingName,
            PaletteState::QuickPassword(_)
            | PaletteState::LoginPassword { .. }
            | PaletteState::Password { .. }
            | PaletteState::Account { .. } => Prompt::AskingPassword,
            PaletteState::Paste { .. } => Prompt::Pasting,
            PaletteState::Takeover(_) => Prompt::Palette(None),
            PaletteState::Palette => Prompt::Palette(self.open.last().cloned()),
            PaletteState::ChatView => match self.open.last() {
                Some(conversation) => Prompt::ChatView(conversation.clone()),
                None => Prompt::Palette(None),
            },
            PaletteState::Leaving => Prompt::Nowhere,
        }
    }

    /// Whether a name has been taken.
    pub(crate) fn is_logged_in(&self) -> bool {
        use PaletteState::{Account, ChatView, Palette, Password, Paste, Takeover};
        let within = |at: &AskedAt| matches!(at, AskedAt::Within { .. });
        matches!(&self.state, Palette | ChatView | Password { .. } | Account { .. } | Paste { .. })
            || matches!(&self.state, Takeover(at) if within(at))
    }

    /// Whether the user is leaving: nothing more of their input is run.
    #[cfg(test)]
    pub(crate) fn is_leaving(&self) -> bool {
        self.state == PaletteState::Leaving
    }

    /// Whether the next line is a password: it is neither shown nor remembered nor logged.
    pub(crate) fn asks_password(&self) -> bool {
        use PaletteState::{Account, LoginPassword, Password, QuickPassword};
        matches!(self.state, Password { .. } | QuickPassword(_) | LoginPassword { .. } | Account { .. })
    }

    /// Rooms this user is in and conversations they have opened, the current one last.
    pub(crate) fn open(&self) -> &[Conversation] {
        &self.open
    }

    /// The current room or conversation.
    pub(crate) fn current(&self) -> Option<&Conversation> {
        self.open.last()
    }

    /// Handles a key. Appends the effects.
    pub(crate) fn press(&mut self, key: ControlKey, effects: &mut Vec<Effect>) {
        match (key, &self.state) {
            (ControlKey::Interrupt, _) => self.cancel(effects),
            (
                ControlKey::End,
                PaletteState::Password { .. }
                | PaletteState::QuickPassword(_)
                | PaletteState::LoginPassword { .. }
                | PaletteState::Takeover(_)
                | PaletteState::Account { .. }
                | PaletteState::Paste { .. },
            ) => self.cancel(effects),
            (ControlKey::End, PaletteState::ChatView) => self.leave_view(effects),
            (ControlKey::End, PaletteState::QuickRoom | PaletteState::Name { .. } | PaletteState::Palette) => {
                self.quit(effects)
            }
            (ControlKey::End, PaletteState::Leaving) => {}
        }
    }

    /// Goes back from a question or a paste without an answer.
    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        match &self.state {
            PaletteState::Password { from_view, .. } => {
                self.state = back_to(*from_view);
                effects.push(Effect::Screen(ScreenEffect::ShowInput));
            }
            PaletteState::QuickPassword(_) => {
                self.state = PaletteState::QuickRoom;
                effects.push(Effect::Screen(ScreenEffect::ShowInput));
            }
            PaletteState::LoginPassword { .. } => self.ask_name_again(effects),
            PaletteState::Takeover(_) => self.cancel_takeover(effects),
            PaletteState::Account { from_view, .. } => {
                self.state = back_to(*from_view);
                effects.extend([Effect::Screen(ScreenEffect::ShowInput), nothing_changed()]);
            }
            PaletteState::Paste { from_view, .. } => {
                self.state = back_to(*from_view);
                refuse(&Refusal::PasteDropped, effects);
            }
            PaletteState::QuickRoom
            | PaletteState::Name { .. }
            | PaletteState::Palette
            | PaletteState::ChatView
            | PaletteState::Leaving => {}
        }
    }

    /// The peer sends nothing more. Tells the user what is unfinished.
    pub(crate) fn input_ended(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.state, PaletteState::Paste { .. } | PaletteState::Account { .. }) {
            self.cancel(effects);
        }
    }

    fn leave_view(&mut self, effects: &mut Vec<Effect>) {
        self.state = PaletteState::Palette;
        effects.push(Effect::Place(PlaceEffect::LeaveView));
    }

    fn quit(&mut self, effects: &mut Vec<Effect>) {
        self.state = PaletteState::Leaving;
        effects.push(Effect::Quit);
    }
}

/// The one place where a refusal becomes a line. It ends nothing.
fn refuse(refusal: &Refusal, effects: &mut Vec<Effect>) {
    effects.push(refused(refusal));
    if refusal.returns_line() {
        effects.push(Effect::GiveBack);
    }
}

/// A refusal as a line for the user.
fn refused(refusal: &dyn fmt::Display) -> Effect {
    Effect::Tell(LineKind::Refusal, refusal.to_string())
}

/// A dialogue has ended without an answer.
fn nothing_changed() -> Effect {
    Effect::Tell(LineKind::News, "Nothing changed.".to_owned())
}

fn back_to(view: bool) -> PaletteState {
    if view { PaletteState::ChatView } else { PaletteState::Palette }
}
