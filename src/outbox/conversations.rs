//! The rooms and conversations a client has open, and the prompt that depends on them.
//!
//! *Owns* their changes that the session has not heard of yet. *Knows nothing of* who may be where.

use super::{CausedBy, Outbox, OutboxState};
use crate::chat::conversation::{Conversation, MembershipId};
use crate::chat::message::Addressee;
use crate::chat::names::UserName;
use crate::ui::screen::{LineKind, Prompt};

/// A change to the client's conversations that it did not make itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The client was removed from a room, or its partner has left.
    Lost {
        /// The room or conversation.
        from: Conversation,
        /// The membership that has ended. The client may have joined the room again since.
        membership: Option<MembershipId>,
    },
    /// A conversation partner was renamed.
    PartnerRenamed(Addressee),
}

/// Why a client is no longer in a room or conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expulsion {
    /// This admin removed the client.
    Kicked(UserName),
    /// This admin banned the client.
    Banned(UserName),
    /// The room is gone.
    Closed,
    /// The partner has left the server.
    PartnerLeft,
}

impl OutboxState {
    /// Whether the user types in a chat view, where only `/` begins a command.
    pub(super) fn is_in_view(&self) -> bool {
        !self.watching.is_program() && matches!(self.prompt, Prompt::ChatView(_))
    }

    /// Whether the terminal's echo stands for the client's own lines.
    pub(super) fn hides_own_lines(&self) -> bool {
        !self.display.is_character_mode() && self.own_lines == 0
    }

    /// Draws the prompt after it has changed, if there is a screen.
    fn draw_prompt(&mut self) {
        let OutboxState { display, prompt, unsent, watching, .. } = self;
        if !watching.is_program() {
            display.set_prompt(prompt, unsent);
        }
    }

    #[cfg_attr(not(feature = "json"), expect(unused_variables, reason = "only programs are told more than the line"))]
    fn write_expulsion(&mut self, from: &Conversation, why: &Expulsion, line: &str) {
        #[cfg(feature = "json")]
        if self.watching.is_program() {
            return self.write_expulsion_object(from, why, line);
        }
        self.display.write(LineKind::News, line, &mut self.unsent);
    }

    #[cfg_attr(not(feature = "json"), expect(unused_variables, reason = "only programs are told more than the line"))]
    fn write_renamed(&mut self, before: Option<&Conversation>, partner: &Addressee, line: &str) {
        #[cfg(feature = "json")]
        if self.watching.is_program() {
            return self.write_renamed_object(before, partner, line);
        }
        self.display.write(LineKind::News, line, &mut self.unsent);
    }

    /// Keeps only the last name of each partner: the session takes its notices when it wakes, and while its user types nothing, a
    /// partner can change names any number of times.
    fn note_renamed(&mut self, partner: &Addressee) {
        let earlier = self.notices.iter_mut().find_map(|notice| match notice {
            Notice::PartnerRenamed(known) if known.client == partner.client => Some(known),
            Notice::PartnerRenamed(_) | Notice::Lost { .. } => None,
        });
        match earlier {
            Some(known) => *known = partner.clone(),
            None => self.notices.push(Notice::PartnerRenamed(partner.clone())),
        }
    }
}

impl Outbox {
    /// Shows the client's next own messages when they are posted, even in line mode: it is about to be told that they
    /// wait.
    #[cfg(feature = "cluster")]
    pub(crate) fn show_own_lines(&self, lines: u64) {
        let mut state = self.lock();
        state.own_lines = state.own_lines.saturating_add(u16::try_from(lines).unwrap_or(u16::MAX));
    }

    /// Undoes that for messages that will not be posted.
    #[cfg(feature = "cluster")]
    pub(crate) fn show_no_own_lines(&self, lines: u64) {
        let mut state = self.lock();
        state.own_lines = state.own_lines.saturating_sub(u16::try_from(lines).unwrap_or(u16::MAX));
    }

    /// The client's rooms and conversations, the current one last.
    pub fn open(&self) -> Vec<Conversation> {
        self.lock().open.clone()
    }

    /// The client is about to open a conversation. Noted before it is opened; otherwise the session could miss its end,
    /// or the partner's new name.
    pub fn opening(&self, conversation: &Conversation) {
        let mut state = self.lock();
        if !state.open.iter().any(|known| known.is(conversation)) {
            // Not as the current one: opening it may still fail.
            state.open.insert(0, conversation.clone());
        }
    }

    /// Sets the prompt and the open conversations. False, and nothing changes, if the caller has to take notices first
    /// ([`Outbox::take_notices`]).
    pub fn set_prompt(&self, prompt: Prompt, open: &[Conversation]) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !state.notices.is_empty() {
            return false;
        }
        if state.open != open {
            state.open = open.to_vec();
        }
        if state.prompt != prompt {
            state.prompt = prompt;
            state.draw_prompt();
        }
        true
    }

    /// What the client has open, the current one last, and whether that one is in view. For a connection that takes over.
    pub(crate) fn open_and_in_view(&self) -> (Vec<Conversation>, bool) {
        let guard = self.lock();
        (guard.open.clone(), matches!(guard.prompt, Prompt::ChatView(_)))
    }

    /// Removes the client from a conversation: shows the line, and closes the view if it is that one's. Called under the room's
    /// lock, or after the room was closed, with the membership that has ended. The session hears of it through
    /// [`Outbox::take_notices`].
    pub(crate) fn expel(&self, from: &Conversation, membership: Option<MembershipId>, why: &Expulsion, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.disconnect.is_some() {
            return;
        }
        let had = state.open.iter().any(|known| known.is(from));
        // A room just joined is not known here yet; a conversation that the partner began may never be.
        if (!had && membership.is_none()) || !self.begin_others(state) {
            return;
        }
        state.open.retain(|known| !known.is(from));
        state.notices.push(Notice::Lost { from: from.clone(), membership });
        if let Some(room) = from.room().filter(|room| state.watching.view(room.instance).is_some()) {
            state.forget_room(room.instance);
        }
        state.write_expulsion(from, why, line);
        let in_view = matches!(&state.prompt, Prompt::ChatView(current) if current.is(from));
        if in_view {
            state.forget_view();
        }
        if in_view || matches!(&state.prompt, Prompt::Palette(Some(current)) if current.is(from)) {
            state.prompt = Prompt::Palette(state.open.last().cloned());
            state.draw_prompt();
        }
        state.end();
        self.transmit_unsent(state, CausedBy::Others);
        self.drop_if_over(state);
    }

    /// A conversation partner was renamed. Shown if the client has the conversation open.
    pub(crate) fn partner_renamed(&self, partner: &Addressee, line: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let conversation = Conversation::Direct(partner.clone());
        if !state.open.iter().any(|known| known.is(&conversation)) || !self.begin_others(state) {
            return;
        }
        let mut before = None;
        for known in state.open.iter_mut().filter(|known| known.is(&conversation)) {
            before = Some(std::mem::replace(known, conversation.clone()));
        }
        state.note_renamed(partner);
        // The prompt shows the new name in any case.
        let ignored = state.preferences.as_ref().is_some_and(|own| own.ignores(partner.client, &partner.name));
        let quiet = state.display.look().quiet && matches!(state.prompt, Prompt::ChatView(_));
        if !ignored && !quiet {
            state.write_renamed(before.as_ref(), partner, line);
        }
        let prompt = match &state.prompt {
            Prompt::ChatView(current) if current.is(&conversation) => Some(Prompt::ChatView(conversation)),
            Prompt::Palette(Some(current)) if current.is(&conversation) => Some(Prompt::Palette(Some(conversation))),
            Prompt::Nowhere
            | Prompt::AskingName
            | Prompt::AskingRoom
            | Prompt::AskingQuickName
            | Prompt::AskingPassword
            | Prompt::Pasting
            | Prompt::Palette(_)
            | Prompt::ChatView(_) => None,
        };
        if let Some(prompt) = prompt {
            state.prompt = prompt;
            state.draw_prompt();
        }
        state.end();
        self.transmit_unsent(state, CausedBy::Others);
        self.drop_if_over(state);
    }

    /// Takes what has happened to the client's conversations since the last call.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.lock().notices)
    }
}
