//! A message of the model, and how it is shown.

use super::chat::Client;
use super::pattern::NUMBER;

#[derive(Clone, Debug)]
pub struct Quote {
    pub id: u64,
    pub author: String,
    pub from: Client,
    /// `None` once the message has been deleted.
    pub start: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub id: u64,
    pub author: String,
    pub from: Client,
    pub text: String,
    pub action: bool,
    pub edited: bool,
    pub temporary: bool,
    pub reply: Option<Quote>,
    /// The recipients; empty if it was sent to a room.
    pub to: Vec<String>,
}

impl Message {
    /// Whether it is a plain text to a room, which its author already has on the screen.
    pub fn is_plain(&self) -> bool {
        !self.action && !self.temporary && self.reply.is_none() && self.to.is_empty()
    }

    /// The message without a quote of a message up to `number`, which the user may not read.
    pub fn without_quotes_up_to(&self, number: u64) -> Message {
        let mut message = self.clone();
        if let Some(quote) = message.reply.as_mut().filter(|quote| quote.id <= number) {
            quote.start = None;
        }
        message
    }

    /// The object that a program gets, for this reason; `place` is the room, or `@` between people.
    pub fn as_object(&self, why: &str, place: &str, ignores: impl Fn(Client, &str) -> bool) -> String {
        let mut object = format!("{why} {place} #{} {}", self.id, self.author);
        if !self.to.is_empty() {
            object += &format!(" -> {}", self.to.join(","));
        }
        object += &format!(": {}", self.text);
        for (holds, word) in [(self.action, "action"), (self.edited, "edited"), (self.temporary, "temporary")] {
            if holds {
                object += &format!(" ({word})");
            }
        }
        match &self.reply {
            Some(Quote { id, author, from, .. }) if ignores(*from, author) => object += &format!(" (to #{id})"),
            Some(Quote { id, author, start, .. }) => {
                object += &format!(" (to #{id} {author}: {})", start.as_deref().unwrap_or("gone"));
            }
            None => {}
        }
        object
    }

    /// The line as a user sees it.
    pub fn shown(&self, reader: Client, ignores: impl Fn(Client, &str) -> bool) -> String {
        let temporary = if self.temporary { " (temporary, 10 s)" } else { "" };
        let mut line = format!("[{NUMBER}] #{} ", self.id);
        match (self.to.is_empty(), self.from == reader) {
            (true, _) if self.action => line += &format!("* {}{temporary} ", self.author),
            (true, _) => line += &format!("{}{temporary}: ", self.author),
            (false, true) => line += &format!("you -> {}{temporary}: ", self.to.join(", ")),
            (false, false) => line += &format!("{} -> you{temporary}: ", self.author),
        }
        if self.action && !self.to.is_empty() {
            line += &format!("* {} ", self.author);
        }
        match &self.reply {
            Some(Quote { id, author, from, .. }) if ignores(*from, author) => line += &format!("(to #{id}, ignored) "),
            Some(Quote { id, author, start: Some(start), .. }) => line += &format!("(to #{id} {author}: \"{start}\") "),
            Some(Quote { id, author, start: None, .. }) => line += &format!("(to #{id} {author}, gone) "),
            None => {}
        }
        line + &self.text + if self.edited { " (edited)" } else { "" }
    }
}
