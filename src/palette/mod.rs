//! The state machine of one person: what a typed line means where he is, and what has to be done about it.
//!
//! ```text
//!            name taken                 :chat, quick listener
//! Login <--------+--- name ---> Palette ------------------> ChatView
//!   |  (room, password first       | ^ <------------------- | ^
//!   |   on the quick listener)     | |     :q, 0x04         | |
//!   |                              v |                      v |
//!   |                           Password (asked from either, answered or cancelled back to it)
//!   +-------------> Leaving <-- :quit, 0x04, end of input, from any of them
//! ```
//!
//! *Owns* every transition, and the words of refusals that need nothing but the line typed.
//! *Knows nothing of* sockets, rooms as objects, locks and clocks. It calls nobody: what it wants done comes out as
//! [`Effect`]s, and what came of them goes back in as [`Answer`]s.
//! *Called by* `session`.

mod commands;
mod reply;
#[cfg(test)]
mod tests;

use crate::command::{self, Cost, Typed};
use crate::names::{RoomName, UserName};
use crate::screen::{Place, Tone};
use crate::text;

pub use reply::{Answer, JoinRefusal, Refusal, people, seconds};

/// What the session carries out, in the order given.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Show the person a line.
    Tell(Tone, String),
    /// Take the name, or find out that somebody has it: answered by `NameClaimed` or `NameTaken`.
    ClaimName(UserName),
    /// Enter a room: answered by `Joined` or `JoinRefused`.
    Join {
        /// Which one.
        room: RoomName,
        /// As typed, if it was.
        password: Option<String>,
    },
    /// Look whether a room could be entered, before a name is known (quick listener): answered by `RoomChecked` or `JoinRefused`.
    CheckRoom {
        /// Which one.
        room: RoomName,
        /// As typed, if it was.
        password: Option<String>,
    },
    /// Leave a room for good.
    Close(RoomName),
    /// Open the chat view of a room one is in.
    EnterView(RoomName),
    /// Close the chat view.
    LeaveView,
    /// Say something in a room.
    Say {
        /// Where.
        room: RoomName,
        /// One sanitised line within the limit.
        text: String,
        /// Whether the author does not look at the room and is told the number of his message.
        confirm: bool,
    },
    /// List the rooms.
    ListRooms,
    /// List the people of a room.
    ListPeople(RoomName),
    /// List everybody.
    ListEverybody,
    /// Show the last messages of a room.
    ShowHistory {
        /// Which room.
        room: RoomName,
        /// How many; nothing given: as many as the view shows.
        count: Option<usize>,
    },
    /// Tell the time.
    TellTime,
    /// Tell what is known about this person.
    TellWhoAmI,
    /// Draw the screen anew.
    Redraw,
    /// Let the server edit the line (`true`) or the terminal (`false`).
    SetCharacterMode(bool),
    /// Switch colour.
    SetColor(bool),
    /// The next line is a password: stop showing what is typed.
    HideInput,
    /// The password line is over, or cancelled.
    ShowInput,
    /// The person leaves.
    Quit,
}

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

/// Limits on what is typed; they change with the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Fewest characters of a user name.
    pub username_min: usize,
    /// Most characters of a user name.
    pub username_limit: usize,
    /// Most grapheme clusters of a message.
    pub message_limit: usize,
}

/// Where a new connection is asked what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Name, then the palette.
    Plain,
    /// Room, name, then straight into the chat view.
    Quick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    QuickRoom,
    /// The quick listener's password question; the room is known by its word only.
    QuickPassword(RoomName),
    Name {
        /// The room chosen on the quick listener and its password.
        quick: Option<(RoomName, Option<String>)>,
    },
    Palette,
    ChatView,
    Password {
        room: RoomName,
        from_view: bool,
    },
    Leaving,
}

/// The state machine. One per connection.
#[derive(Debug)]
pub struct Palette {
    state: State,
    door: Door,
    /// Rooms in the order in which they were entered; the last one is the current one.
    rooms: Vec<RoomName>,
    /// An effect whose answer decides where to go: `:join` typed in the view leads into the other room's view.
    join_leads_into_view: bool,
}

impl Palette {
    /// A connection that has said nothing yet.
    pub fn new(door: Door) -> Palette {
        let state = match door {
            Door::Plain => State::Name { quick: None },
            Door::Quick => State::QuickRoom,
        };
        Palette { state, door, rooms: Vec::new(), join_leads_into_view: false }
    }

    /// What is asked for now: decides the prompt.
    pub fn place(&self) -> Place {
        match &self.state {
            State::QuickRoom => Place::AskingRoom,
            State::Name { quick: Some(_) } => Place::AskingQuickName,
            State::Name { quick: None } => Place::AskingName,
            State::QuickPassword(_) | State::Password { .. } => Place::AskingPassword,
            State::Palette => Place::Palette(self.rooms.last().cloned()),
            State::ChatView => match self.rooms.last() {
                Some(room) => Place::ChatView(room.clone()),
                None => Place::Palette(None),
            },
            State::Leaving => Place::Nowhere,
        }
    }

    /// Whether a name has been taken.
    pub fn is_logged_in(&self) -> bool {
        matches!(self.state, State::Palette | State::ChatView | State::Password { .. })
    }

    /// Whether the person is on his way out: nothing more of his input is run.
    pub fn is_leaving(&self) -> bool {
        self.state == State::Leaving
    }

    /// Whether the next line is a password: it is neither shown nor remembered nor logged.
    pub fn asks_password(&self) -> bool {
        matches!(self.state, State::Password { .. } | State::QuickPassword(_))
    }

    /// Rooms this person is in, the current one last.
    pub fn rooms(&self) -> &[RoomName] {
        &self.rooms
    }

    /// Whether the line would be said in the room in view, and so comes back as a message.
    pub fn would_say(&self, line: &str, rules: &Rules) -> bool {
        self.state == State::ChatView
            && matches!(commands::read_in_view(line), commands::InView::Said(said)
                if text::grapheme_count(said) <= rules.message_limit)
    }

    /// What may be recalled of a line: all of it, but never a password.
    pub fn recallable<'a>(&self, line: &'a str) -> &'a str {
        if !self.is_logged_in() || self.asks_password() || line.trim().is_empty() {
            return "";
        }
        commands::without_password(line)
    }

    /// What a line costs in the rate limits, by what it is where it was typed.
    pub fn cost(&self, line: &str) -> Cost {
        let of_command = |line: &str| {
            Typed::parse(line).and_then(|typed| command::find(typed.word)).map_or(Cost::Read(1), |spec| spec.cost)
        };
        match &self.state {
            State::Leaving => Cost::Free,
            State::QuickRoom | State::Name { .. } => Cost::Read(1),
            // Never delayed: what is typed here must not be run anywhere else. Wrong tries have a wait of their own.
            State::Password { .. } | State::QuickPassword(_) => Cost::Free,
            State::Palette if line.trim().is_empty() => Cost::Free,
            State::Palette => of_command(line),
            State::ChatView => match commands::read_in_view(line) {
                commands::InView::Nothing => Cost::Free,
                commands::InView::Said(_) => Cost::Post,
                commands::InView::Command(typed) => command::find(typed.word).map_or(Cost::Read(1), |spec| spec.cost),
                commands::InView::Back => Cost::Free,
                commands::InView::Mistaken(_) | commands::InView::Addressed => Cost::Read(1),
            },
        }
    }

    /// Takes what came from the terminal; appends what is to be done.
    pub fn handle(&mut self, input: Input<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        match input {
            Input::LineEntered(line) => self.handle_line(line, rules, effects),
            Input::Interrupted => self.cancel_password(effects),
            Input::Ended => match &self.state {
                State::Password { .. } | State::QuickPassword(_) => self.cancel_password(effects),
                State::ChatView => self.leave_view(effects),
                State::Leaving => {}
                State::QuickRoom | State::Name { .. } | State::Palette => self.quit(effects),
            },
        }
    }

    fn handle_line(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Leaving => {}
            State::QuickRoom => self.choose_quick_room(line, effects),
            State::QuickPassword(room) => {
                let room = room.clone();
                effects.push(Effect::ShowInput);
                match line.trim() {
                    "" => self.state = State::QuickRoom,
                    password => effects.push(Effect::CheckRoom { room, password: Some(password.to_owned()) }),
                }
            }
            State::Name { .. } => self.choose_name(line, rules, effects),
            State::Password { room, from_view } => {
                let (room, from_view) = (room.clone(), *from_view);
                self.state = if from_view { State::ChatView } else { State::Palette };
                effects.push(Effect::ShowInput);
                if !line.trim().is_empty() {
                    self.join_leads_into_view = from_view;
                    effects.push(Effect::Join { room, password: Some(line.trim().to_owned()) });
                }
            }
            State::Palette => self.run_in_palette(line, rules, effects),
            State::ChatView => self.run_in_view(line, rules, effects),
        }
    }

    fn choose_quick_room(&mut self, line: &str, effects: &mut Vec<Effect>) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if commands::leaves_before_login(line) {
            return self.quit(effects);
        }
        let (word, password) = line.split_once(' ').unwrap_or((line, ""));
        match RoomName::parse(word) {
            Ok(room) => {
                let password = Some(password.trim()).filter(|p| !p.is_empty()).map(str::to_owned);
                effects.push(Effect::CheckRoom { room, password });
            }
            Err(error) => effects.push(Effect::Tell(Tone::Refusal, error.to_string())),
        }
    }

    fn choose_name(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if commands::leaves_before_login(line) {
            return self.quit(effects);
        }
        match UserName::parse(line, rules.username_min, rules.username_limit) {
            Ok(name) => effects.push(Effect::ClaimName(name)),
            Err(error) => effects.push(Effect::Tell(Tone::Refusal, error.to_string())),
        }
    }

    fn cancel_password(&mut self, effects: &mut Vec<Effect>) {
        match &self.state {
            State::Password { from_view, .. } => {
                self.state = if *from_view { State::ChatView } else { State::Palette };
                effects.push(Effect::ShowInput);
            }
            State::QuickPassword(_) => {
                self.state = State::QuickRoom;
                effects.push(Effect::ShowInput);
            }
            _ => {}
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
    pub fn answer(&mut self, answer: Answer, effects: &mut Vec<Effect>) {
        match answer {
            Answer::NameClaimed { name, people, rooms } => {
                let State::Name { quick } = std::mem::replace(&mut self.state, State::Palette) else { return };
                effects.push(Effect::Tell(Tone::News, reply::hello(&name, people, rooms)));
                if let Some((room, password)) = quick {
                    self.join_leads_into_view = true;
                    effects.push(Effect::Join { room, password });
                }
            }
            Answer::NameTaken { name, free } => {
                effects.push(Effect::Tell(Tone::Refusal, reply::name_taken(&name, free.as_deref())));
            }
            Answer::RoomChecked { room, password } => self.state = State::Name { quick: Some((room, password)) },
            Answer::Joined { room, others, already } => {
                self.rooms.retain(|known| *known != room);
                self.rooms.push(room.clone());
                effects.push(Effect::Tell(Tone::News, reply::joined(&room, others, already)));
                if std::mem::take(&mut self.join_leads_into_view) {
                    self.state = State::ChatView;
                    effects.push(Effect::EnterView(room));
                }
            }
            Answer::JoinRefused { room, refusal } => self.join_refused(room, refusal, effects),
            Answer::RoomLost(room) => {
                let current = self.rooms.last() == Some(&room);
                self.rooms.retain(|known| *known != room);
                match &mut self.state {
                    state @ State::ChatView if current => *state = State::Palette,
                    State::Password { from_view, .. } if current => *from_view = false,
                    _ => {}
                }
            }
        }
    }

    fn join_refused(&mut self, room: RoomName, refusal: JoinRefusal, effects: &mut Vec<Effect>) {
        let into_view = std::mem::take(&mut self.join_leads_into_view);
        let tone = if refusal.asks() { Tone::News } else { Tone::Refusal };
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
            State::Palette if into_view && self.door == Door::Quick && self.rooms.is_empty() => {
                effects.push(Effect::Tell(Tone::News, reply::quick_leftover()));
            }
            _ => {}
        }
    }
}
