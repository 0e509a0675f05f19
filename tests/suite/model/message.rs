//! A message of the model, and the line it is read as.

use super::chat::Client;
use super::pattern::NUMBER;

#[derive(Clone, Debug)]
pub struct Quote {
    pub id: u64,
    pub author: String,
    pub from: Client,
    /// Nothing, once the message is gone.
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
    /// Whom it was sent to; nobody, if it was said in a room.
    pub to: Vec<String>,
}

impl Message {
    /// Nothing but a text, said in a room: its author has it on his screen.
    pub fn is_plain(&self) -> bool {
        !self.action && !self.temporary && self.reply.is_none() && self.to.is_empty()
    }

    /// The same for somebody who may read nothing up to a message.
    pub fn without_quotes_up_to(&self, number: u64) -> Message {
        let mut message = self.clone();
        if let Some(quote) = message.reply.as_mut().filter(|quote| quote.id <= number) {
            quote.start = None;
        }
        message
    }

    /// The line as somebody reads it.
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
