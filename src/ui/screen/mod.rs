//! Turns messages and replies into text: what a line from the server looks like on a terminal.
//!
//! *Owns* line kinds, styles and prompts; in its modules the line forms, the clock on a message and the half-typed line.
//! *Knows nothing of* rooms, users' states, sockets and locks.

mod clock;
mod display;
#[cfg(feature = "json")]
mod json;
mod render;
mod row;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::chat::conversation::Conversation;

pub use clock::Clock;
pub use display::Display;
#[cfg(feature = "json")]
pub(crate) use json::{ObjectReader, message_object, render_line_object, render_objects, room_object};
#[cfg(test)]
pub(crate) use render::render_message;
pub(crate) use render::{Recipient, render_event, render_hit, render_line};
pub use render::{mentioned, words};
#[cfg(test)]
pub(crate) use row::without_blanks;
pub(crate) use row::{Extent, overwrite};

/// Everything that decides how a text looks. Users of equal styles share one rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Style {
    /// The terminal understands `ESC[` sequences (ECMA-48).
    pub(crate) ansi: bool,
    /// The user wants colour, and the terminal can show it.
    pub color: bool,
    /// The width that the terminal has reported; without one, lines are never wrapped.
    pub columns: Option<u16>,
    /// Messages in the view begin with their time.
    pub times: bool,
    /// Messages in the view show their ids.
    pub ids: bool,
    /// The view does not say who has joined, left or changed their name.
    pub quiet: bool,
}

impl Style {
    /// The style of a terminal that has said nothing about itself.
    pub(crate) const PLAIN: Style =
        Style { ansi: false, color: false, columns: None, times: true, ids: true, quiet: false };

    /// The same with times and ids: for answers to a command, and for messages shown outside the view.
    pub(crate) fn stamped(self) -> Style {
        Style { times: true, ids: true, ..self }
    }
}

/// The kind of a line: chat, or one of the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A message, or text that is formatted already.
    Chat,
    /// A notice, `* `.
    News,
    /// A refusal, `! `.
    Refusal,
    /// A command for the user's shell, after two blanks. It is never wrapped, so that a terminal copies it as one line.
    Command,
}

impl LineKind {
    fn mark(self) -> &'static str {
        match self {
            LineKind::Chat => "",
            LineKind::News => "* ",
            LineKind::Refusal => "! ",
            LineKind::Command => "  ",
        }
    }

    /// Select Graphic Rendition (ECMA-48, 8.3.117) around the whole line. Messages have the terminal's normal colour,
    /// notices are dimmed, and refusals stand out. Without colour, the marks show the difference.
    fn color(self) -> &'static str {
        match self {
            LineKind::Chat | LineKind::Command => "",
            LineKind::News => "\x1b[2m",
            LineKind::Refusal => "\x1b[33m",
        }
    }
}

/// When the terminal's bell rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bell {
    /// Never.
    #[default]
    Off,
    /// At every message from others.
    On,
    /// At those that mention this user, and at direct ones.
    Mentions,
}

/// What the user is asked or can type, as their prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// No prompt: not greeted yet, or on the way out.
    Nowhere,
    /// Asked for their name.
    AskingName,
    /// Asked for a room, on the quick listener.
    AskingRoom,
    /// Asked for their name, on the quick listener.
    AskingQuickName,
    /// Asked for a password.
    AskingPassword,
    /// Typing the lines of one message.
    Pasting,
    /// In the palette, with or without a current conversation.
    Palette(Option<Conversation>),
    /// In the chat view of a conversation.
    ChatView(Conversation),
}

impl Prompt {
    /// Whether the prompt asks a question, rather than only marking where to type a command or a text.
    pub(crate) fn is_question(&self) -> bool {
        matches!(self, Prompt::AskingName | Prompt::AskingRoom | Prompt::AskingQuickName | Prompt::AskingPassword)
    }

    /// The prompt as it is shown.
    pub fn text(&self) -> Arc<str> {
        match self {
            Prompt::Nowhere => "".into(),
            Prompt::AskingName => "Username: ".into(),
            Prompt::AskingRoom => "Enter room name: ".into(),
            Prompt::AskingQuickName => "Enter username: ".into(),
            Prompt::AskingPassword => "Password: ".into(),
            Prompt::Pasting => "paste> ".into(),
            Prompt::Palette(None) => "> ".into(),
            Prompt::Palette(Some(conversation)) => around("[", conversation, "]> "),
            Prompt::ChatView(conversation) => around("", conversation, " | "),
        }
    }
}

/// Smallest size of a buffer that is needed only for a moment, in bytes. glibc keeps freed buffers of up to 1,032 bytes
/// for the thread (in its tcache), seven of each size, as long as the thread lives. After a login and a user's first
/// commands, that was two kilobytes per user.
pub(crate) const PASSING_BUFFER: usize = 1536;

/// An empty buffer for this many bytes that is soon freed again, so that nothing of it stays with the thread.
pub(crate) fn passing_buffer(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(bytes.max(PASSING_BUFFER))
}

/// Not `format!`: this is deep in the call stack, and would cost every user another page of it.
fn around(before: &str, conversation: &Conversation, after: &str) -> Arc<str> {
    let [mark, name] = conversation.shown();
    [before, mark, name, after].concat().into()
}
