//! A request to the server.
//!
//! *Owns* how a request is written, and that no password in it is shown. *Knows nothing of* what it requests.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;

use crate::chat::secret::Secret;
use crate::protocol::json::{Id, Object, Receiver, Value};

/// A request to the server.
#[derive(Clone, Default)]
pub(crate) struct ClientRequest {
    /// The client's own number for it.
    pub(crate) id: u64,
    /// What is wanted.
    pub(crate) action: &'static str,
    /// A room, or people.
    pub(crate) receiver: Vec<String>,
    /// The text.
    pub(crate) content: String,
    /// `receiver` names people.
    pub(crate) private: bool,
    /// The numbers in `optional`, by key.
    pub(crate) numbers: Vec<(&'static str, u64)>,
    /// The flags in `optional`, by key.
    pub(crate) flags: Vec<(&'static str, bool)>,
    /// The passwords in `optional`, by key.
    pub(crate) secrets: Vec<(&'static str, Secret)>,
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest").field("id", &self.id).field("action", &self.action).finish_non_exhaustive()
    }
}

impl ClientRequest {
    /// A request with nothing but its action.
    pub(super) fn new(action: &'static str) -> ClientRequest {
        ClientRequest { action, ..ClientRequest::default() }
    }

    /// A request about a room.
    pub(super) fn about(action: &'static str, room: &str) -> ClientRequest {
        ClientRequest { receiver: vec![room.to_owned()], ..ClientRequest::new(action) }
    }

    /// The same with a text.
    pub(super) fn saying(self, content: impl Into<String>) -> ClientRequest {
        ClientRequest { content: content.into(), ..self }
    }

    /// The same with a number.
    pub(super) fn with(mut self, key: &'static str, number: Option<u64>) -> ClientRequest {
        self.numbers.extend(number.map(|number| (key, number)));
        self
    }

    /// The same with a password.
    pub(super) fn secret(mut self, key: &'static str, password: Option<Secret>) -> ClientRequest {
        self.secrets.extend(password.map(|password| (key, password)));
        self
    }

    /// Appends the request as a line.
    pub(crate) fn write(&self, now: Timestamp, out: &mut Vec<u8>) {
        let id = self.id.to_string();
        let mut object = Object::new(self.action, now);
        object.id = Id::Text(&id);
        object.receiver = match &self.receiver[..] {
            [] => Receiver::Nobody,
            [one] => Receiver::One(Cow::Borrowed(one)),
            several => Receiver::Several(several.iter().map(|name| Cow::Borrowed(name.as_str())).collect()),
        };
        object.content = Cow::Borrowed(&self.content);
        object.private = self.private;
        object.optional.extend(self.numbers.iter().map(|(key, number)| (*key, Value::Number(*number))));
        object.optional.extend(self.flags.iter().map(|(key, flag)| (*key, Value::Flag(*flag))));
        let shown = |secret: &'_ Secret| Value::Text(Cow::Owned(secret.expose().to_owned()));
        object.optional.extend(self.secrets.iter().map(|(key, secret)| (*key, shown(secret))));
        object.write(out);
    }
}
