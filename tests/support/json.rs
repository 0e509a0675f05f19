//! A program as a client, with requests and answers in JSON.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::Client;

/// The fields of every object, in both directions.
const FIELDS: [&str; 8] = ["id", "action", "sender", "receiver", "content", "time", "private", "optional"];

/// A program with its own connection.
pub struct Bot {
    pub client: Client,
    asked: usize,
}

/// The answer to a request, and what arrived before it.
#[derive(Debug)]
pub struct Answered {
    /// `ok`, `welcome` or `error`.
    pub answer: Value,
    /// Objects that belong to the request: list items, and news.
    pub items: Vec<Value>,
    /// Everything else that arrived before the answer.
    pub events: Vec<Value>,
}

impl Answered {
    /// The code of an error; empty for `ok`.
    pub fn code(&self) -> &str {
        self.answer["optional"]["code"].as_str().unwrap_or("")
    }

    /// The sentence.
    pub fn content(&self) -> &str {
        self.answer["content"].as_str().expect("a text")
    }

    /// A value in `optional`.
    pub fn optional(&self, key: &str) -> &Value {
        &self.answer["optional"][key]
    }

    /// The number of the message that was posted.
    pub fn message(&self) -> u64 {
        assert_eq!(self.answer["action"], "ok", "{}", self.answer);
        self.optional("message").as_u64().expect("a number")
    }

    /// Fails unless the answer is `ok`.
    pub fn ok(self) -> Answered {
        assert_eq!(self.answer["action"], "ok", "{}", self.answer);
        self
    }
}

impl Bot {
    /// On a connection to a text port or a JSON port.
    pub fn connect(address: SocketAddr) -> Bot {
        Bot::over(Client::connect(address))
    }

    /// On this connection.
    pub fn over(client: Client) -> Bot {
        Bot { client, asked: 0 }
    }

    /// Connects, and logs in as a guest.
    pub fn login(address: SocketAddr, name: &str) -> Bot {
        let mut bot = Bot::connect(address);
        bot.ask(json!({"action": "login", "content": name})).ok();
        bot
    }

    /// The same, and enters a room.
    pub fn in_room(address: SocketAddr, name: &str, room: &str) -> Bot {
        let mut bot = Bot::login(address, name);
        bot.ask(json!({"action": "join", "receiver": room})).ok();
        bot
    }

    /// Sends a line as it is.
    pub fn send(&mut self, line: &str) {
        self.client.send_bytes(format!("{line}\n").as_bytes());
    }

    /// The next object. Skips lines that do not begin with a brace, such as a greeting.
    pub fn next(&mut self) -> Value {
        loop {
            let line = self.client.expect("\n");
            if line.starts_with('{') {
                return checked(&line);
            }
            assert!(!line.contains('{'), "an object begins in the middle of a line: {line:?}");
        }
    }

    /// The next object with this action; drops everything before it.
    pub fn expect(&mut self, action: &str) -> Value {
        loop {
            let object = self.next();
            if object["action"] == action {
                return object;
            }
        }
    }

    /// Sends a request with its own id, without waiting for the answer.
    pub fn begin(&mut self, mut request: Value) -> String {
        self.asked += 1;
        let id = format!("r{}", self.asked);
        request["id"] = json!(id);
        self.send(&request.to_string());
        id
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: &str) -> Answered {
        let (mut items, mut events) = (Vec::new(), Vec::new());
        loop {
            let object = self.next();
            if object["id"] == id {
                return Answered { answer: object, items, events };
            }
            assert!(!object["id"].is_string(), "an answer to another request: {object}");
            if object["optional"]["request"] == id { items.push(object) } else { events.push(object) }
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, request: Value) -> Answered {
        let id = self.begin(request);
        self.answer(&id)
    }

    /// Runs a line of the palette.
    pub fn command(&mut self, room: &str, line: &str) -> Answered {
        self.ask(json!({"action": "command", "receiver": room, "content": line}))
    }

    /// Posts a message in a room; returns its number.
    pub fn say(&mut self, room: &str, text: &str) -> u64 {
        self.ask(json!({"action": "say", "receiver": room, "content": text})).message()
    }

    /// Everything until the end of the connection.
    pub fn rest(&mut self) -> Vec<Value> {
        let rest = self.client.expect_end();
        rest.lines().filter(|line| line.starts_with('{')).map(checked).collect()
    }
}

/// Parses an object from the server, and checks the rules for all objects.
fn checked(line: &str) -> Value {
    let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let fields = object.as_object().expect("an object");
    assert!(FIELDS.iter().all(|field| fields.contains_key(*field)) && fields.len() == 8, "{line}");
    let time = object["time"].as_str().expect("a time");
    assert!(time.len() == 24 && time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    let optional = object["optional"].as_object().expect("an object");
    assert!(optional.values().all(|value| !value.is_object() && !value.is_array()), "flat: {line}");
    assert!(!line.trim_end().contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{line:?}");
    object
}
