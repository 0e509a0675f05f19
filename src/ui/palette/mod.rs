//! The state machine of one person: what a typed line means where he is, and what has to be done about it.
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
//! *Owns* every transition, and the words of refusals that need nothing but the line typed.
//! *Knows nothing of* sockets, rooms as objects, locks and clocks. It calls nobody: what it wants done comes out as
//! [`Effect`]s, and what came of them goes back in as [`Answer`]s.
//! *Called by* `session`.

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
mod refusal;
mod resume;
mod room_password;
mod rooms;
mod rules;
mod talk;
#[cfg(test)]
mod tests;

use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::ui::screen::{LineKind, Prompt};
use account::Dialogue;
use paste::Paste;
use resume::AskedAt;

pub use answer::{Answer, Came, ReturnTo};
pub use effect::{AUDIT_DEFAULT, AccountAsk, AddressBanRequest, Edited, Effect, Viewing};
pub use entry_refusal::{JoinRefusal, LoginRefusal, RoomRefusal};
pub use refusal::Refusal;
pub use rules::Rules;
pub use talk::way_out;

/// What reaches the machine from the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A line, sanitised, without its end.
    LineEntered(&'a str),
    /// Ctrl-C: the line typed so far is gone already.
    Interrupted,
    /// Ctrl-D (0x04) on an empty line.
    Ended,
}

/// Where a new connection is asked what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Name, then the palette.
    Plain,
    /// Room, name, then straight into the chat view.
    Quick,
}

/// The room chosen on the quick listener and its password.
type QuickRoom = (RoomName, Option<Secret>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
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
    /// Another connection has the account whose password was right.
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
pub struct Palette {
    state: State,
    door: Door,
    /// Rooms and conversations in the order in which they were entered; the last one is the current one.
    open: Vec<Conversation>,
    /// An effect whose answer decides where to go: `:join` typed in the view leads into the other room's view.
    join_leads_into_view: bool,
    /// Who is invited once the group is made.
    group: Vec<Target>,
}

impl Palette {
    /// A connection that has said nothing yet.
    pub fn new(door: Door) -> Palette {
        let state = match door {
            Door::Plain => State::Name { quick: None },
            Door::Quick => State::QuickRoom,
        };
        Palette { state, door, open: Vec::new(), join_leads_into_view: false, group: Vec::new() }
    }

    /// What is asked for now: decides the prompt.
    pub fn place(&self) -> Prompt {
        match &self.state {
            State::QuickRoom => Prompt::AskingRoom,
            State::Name { quick: Some(_) } => Prompt::AskingQuickName,
            State::Name { quick: None } => Prompt::AskingName,
            State::QuickPassword(_) | State::LoginPassword { .. } | State::Password { .. } | State::Account { .. } => {
                Prompt::AskingPassword
            }
            State::Paste { .. } => Prompt::Pasting,
            State::Takeover(_) => Prompt::Palette(None),
            State::Palette => Prompt::Palette(self.open.last().cloned()),
            State::ChatView => match self.open.last() {
                Some(conversation) => Prompt::ChatView(conversation.clone()),
                None => Prompt::Palette(None),
            },
            State::Leaving => Prompt::Nowhere,
        }
    }

    /// Whether a name has been taken.
    pub fn is_logged_in(&self) -> bool {
        use State::{Account, ChatView, Palette, Password, Paste, Takeover};
        let within = |at: &AskedAt| matches!(at, AskedAt::Within { .. });
        matches!(&self.state, Palette | ChatView | Password { .. } | Account { .. } | Paste { .. })
            || matches!(&self.state, Takeover(at) if within(at))
    }

    /// Whether the person is on his way out: nothing more of his input is run.
    pub fn is_leaving(&self) -> bool {
        self.state == State::Leaving
    }

    /// Whether the next line is a password: it is neither shown nor remembered nor logged.
    pub fn asks_password(&self) -> bool {
        use State::{Account, LoginPassword, Password, QuickPassword};
        matches!(self.state, Password { .. } | QuickPassword(_) | LoginPassword { .. } | Account { .. })
    }

    /// Rooms this person is in and conversations he has opened, the current one last.
    pub fn open(&self) -> &[Conversation] {
        &self.open
    }

    /// The room or conversation he is in now.
    pub fn current(&self) -> Option<&Conversation> {
        self.open.last()
    }

    /// Takes what came from the terminal; appends what is to be done.
    #[inline(never)]
    pub fn handle(&mut self, input: Input<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        match input {
            Input::LineEntered(line) => self.handle_line(line, rules, effects),
            Input::Interrupted => self.cancel(effects),
            Input::Ended => match &self.state {
                State::Password { .. }
                | State::QuickPassword(_)
                | State::LoginPassword { .. }
                | State::Takeover(_)
                | State::Account { .. }
                | State::Paste { .. } => self.cancel(effects),
                State::ChatView => self.leave_view(effects),
                State::Leaving => {}
                State::QuickRoom | State::Name { .. } | State::Palette => self.quit(effects),
            },
        }
    }

    fn handle_line(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Leaving => {}
            State::QuickRoom => self.choose_quick_room(line, rules, effects),
            State::QuickPassword(_) => self.give_quick_password(line, effects),
            State::Name { .. } => self.choose_name(line, rules, effects),
            State::LoginPassword { .. } => self.give_login_password(line, effects),
            State::Takeover(_) => self.decide_takeover(line, effects),
            State::Password { .. } => self.give_room_password(line, rules, effects),
            State::Account { .. } => self.give_account_password(line, effects),
            State::Paste { .. } => self.paste(line, effects),
            State::Palette => self.run_in_palette(line, rules, effects),
            State::ChatView => self.run_in_view(line, rules, effects),
        }
    }

    /// Goes back from a question or a paste without an answer.
    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Password { from_view, .. } => {
                self.state = back_to(*from_view);
                effects.push(Effect::ShowInput);
            }
            State::QuickPassword(_) => {
                self.state = State::QuickRoom;
                effects.push(Effect::ShowInput);
            }
            State::LoginPassword { .. } => self.ask_name_again(effects),
            State::Takeover(_) => self.cancel_takeover(effects),
            State::Account { from_view, .. } => {
                self.state = back_to(*from_view);
                effects.extend([Effect::ShowInput, Effect::Tell(LineKind::News, refusal::NOTHING_CHANGED.to_owned())]);
            }
            State::Paste { from_view, .. } => {
                self.state = back_to(*from_view);
                effects.push(Effect::Tell(LineKind::Refusal, refusal::PASTE_DROPPED.to_owned()));
            }
            _ => {}
        }
    }

    /// The peer sends nothing more: what is half done is told.
    pub fn input_ended(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.state, State::Paste { .. } | State::Account { .. }) {
            self.cancel(effects);
        }
    }

    fn leave_view(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Palette;
        effects.push(Effect::LeaveView);
    }

    fn quit(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Leaving;
        effects.push(Effect::Quit);
    }

    /// Takes what came of an effect; appends what is to be done next.
    #[inline(never)]
    pub fn answer(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        match answer {
            Answer::NameClaimed { name, people, rooms, notice } => {
                let State::Name { quick } = &mut self.state else { return };
                let quick = quick.take();
                self.state = State::Palette;
                effects.push(Effect::Tell(LineKind::News, greetings::hello(&name, people, rooms)));
                effects.extend(notice.map(|line| Effect::Tell(LineKind::News, line)));
                if let Some((room, password)) = quick {
                    self.join_leads_into_view = true;
                    effects.push(Effect::Join { room, password, quick: true });
                }
            }
            Answer::PasswordNeeded { name } => self.ask_login_password(name, false, effects),
            Answer::GhostNeedsPassword { name } => self.ask_login_password(name, true, effects),
            Answer::Elsewhere { name, address, idle } => self.ask_to_take_over(&name, address, &idle, effects),
            Answer::Returned { open, to } => self.returned(open, to, effects),
            Answer::LoginRefused(refusal) => {
                // Who types his password once more, and not his name, would make a name of it that everybody reads.
                let hint =
                    if refusal == LoginRefusal::Wrong && !self.is_logged_in() { " Give your name again." } else { "" };
                effects.push(Effect::Tell(LineKind::Refusal, format!("{refusal}{hint}")));
            }
            Answer::PasswordWanted { ask, prompt } => self.begin_dialogue(ask, prompt, effects),
            Answer::NameUnfit(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
            Answer::NameTaken { name, free } => effects.push(greetings::name_taken(&name, free.as_ref())),
            Answer::NameLooksLike { name, other } => effects.push(greetings::name_looks_like(&name, &other)),
            Answer::RoomChecked { room, password } => self.state = State::Name { quick: Some((room, password)) },
            Answer::Joined { room, others, how, topic } => {
                let into_view = std::mem::take(&mut self.join_leads_into_view);
                effects.push(Effect::Tell(LineKind::News, greetings::joined(&room.name, others, how, into_view)));
                // The view says it itself.
                if !topic.is_empty() && !into_view {
                    effects.push(Effect::Tell(LineKind::News, ["Topic: ", &topic].concat()));
                }
                let invited = std::mem::take(&mut self.group);
                let group = (how == Came::Made && !invited.is_empty()).then(|| room.clone());
                self.entered(Conversation::Room(room), into_view, effects);
                if let Some(room) = group {
                    effects.push(Effect::Invite { room, invited });
                }
            }
            Answer::DirectOpened(person) => {
                let into_view = std::mem::take(&mut self.join_leads_into_view);
                effects.push(Effect::Tell(LineKind::News, greetings::direct_opened(&person.name, into_view)));
                self.entered(Conversation::Direct(person), into_view, effects);
            }
            Answer::JoinRefused { room, refusal } => self.join_refused(room, refusal, effects),
            Answer::RoomRefusal(why) => {
                self.join_leads_into_view = false;
                self.group = Vec::new();
                effects.push(Effect::Tell(LineKind::Refusal, why.to_string()));
            }
            Answer::Lost(conversation) => {
                let current = self.open.last().is_some_and(|last| last.is(&conversation));
                self.open.retain(|known| !known.is(&conversation));
                match &mut self.state {
                    state @ State::ChatView if current => *state = State::Palette,
                    State::Password { from_view, .. }
                    | State::Takeover(AskedAt::Within { from_view })
                    | State::Account { from_view, .. }
                    | State::Paste { from_view, .. }
                        if current =>
                    {
                        *from_view = false;
                    }
                    _ => {}
                }
            }
            Answer::PartnerRenamed(person) => {
                for known in &mut self.open {
                    match known {
                        Conversation::Direct(partner) if partner.client == person.client => *partner = person.clone(),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Makes a conversation the current one.
    fn entered(&mut self, conversation: Conversation, into_view: bool, effects: &mut Vec<Effect>) {
        self.open.retain(|known| !known.is(&conversation));
        self.open.push(conversation.clone());
        if into_view {
            self.state = State::ChatView;
            effects.push(Effect::EnterView(conversation));
        }
    }

    fn join_refused(&mut self, room: RoomName, refusal: JoinRefusal, effects: &mut Vec<Effect>) {
        let into_view = std::mem::take(&mut self.join_leads_into_view);
        let tone = if refusal.asks() { LineKind::News } else { LineKind::Refusal };
        effects.push(Effect::Tell(tone, refusal.to_string()));
        match &self.state {
            State::QuickRoom | State::QuickPassword(_) | State::Name { .. } if refusal.asks() => {
                self.state = State::QuickPassword(room);
                effects.push(Effect::HideInput);
            }
            State::QuickPassword(_) => self.state = State::QuickRoom,
            State::Palette | State::ChatView if refusal.asks() => {
                self.state = State::Password { room, from_view: self.state == State::ChatView };
                effects.push(Effect::HideInput);
            }
            // The quick listener's room has filled up or gone between the two questions.
            State::Palette if into_view && self.door == Door::Quick && self.open.is_empty() => {
                effects.push(Effect::Tell(LineKind::News, greetings::quick_leftover()));
            }
            _ => {}
        }
    }
}

fn back_to(view: bool) -> State {
    if view { State::ChatView } else { State::Palette }
}
