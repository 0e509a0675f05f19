//! A program in place of a terminal: the request for a step, and the received objects in the model's terms.
//!
//! The model has the objects about messages, by number, and the refusals of requests; other tests compare the rest.

use serde_json::{Value, json};

use super::chat::{Person, Place};
use super::step::Act;

/// Whether a program can take a step: by a request, or by a command that neither asks a question nor shows a list.
pub fn can_ask(act: &Act, person: &Person) -> bool {
    match act {
        Act::Say(_) | Act::Me(_) | Act::Temporary(_) => !person.open.is_empty(),
        Act::History(_) => matches!(person.open.last(), Some(Place::Room(_))),
        Act::Chat
        | Act::Leave
        | Act::At(..)
        | Act::NoText(_)
        | Act::OpenDirect(_)
        | Act::Search(_)
        | Act::Misused(_)
        | Act::Answer(_) => false,
        _ => true,
    }
}

/// The refusal of a step: all its sentences are one answer.
pub fn refusal(lines: &[String]) -> Option<String> {
    let refused: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("! ")).collect();
    (!refused.is_empty()).then(|| format!("! {}", refused.join(" ")))
}

/// The request for a step by a user with this current room. `typed`: the line that a terminal would send.
pub fn request(act: &Act, room: Option<&str>, typed: &str) -> Value {
    let say = |action: &str, text: &str| json!({"action": action, "receiver": room, "content": text});
    let number = |id: &Option<u64>| id.map_or(json!({}), |id| json!({"message": id}));
    match act {
        Act::Login(name) => json!({"action": "login", "content": name}),
        Act::Quit => json!({"action": "quit"}),
        Act::Say(text) => say("say", text),
        Act::Me(text) => say("me", text),
        Act::Temporary(text) => {
            json!({"action": "temp", "receiver": room, "content": text, "optional": {"seconds": 10}})
        }
        Act::To(room, text) => json!({"action": "say", "receiver": room, "content": text}),
        Act::Direct(to, text) => json!({"action": "say", "receiver": to, "content": text, "private": true}),
        Act::Reply(id, text) => json!({"action": "reply", "content": text, "optional": {"message": id}}),
        Act::Edit(id, text) => json!({"action": "edit", "content": text, "optional": number(id)}),
        Act::Delete(id) => json!({"action": "delete", "optional": number(id)}),
        Act::History(count) => {
            json!({"action": "history", "receiver": room, "optional": {"limit": count.unwrap_or(20)}})
        }
        Act::Join(room, None) => json!({"action": "join", "receiver": room}),
        Act::Join(room, password) => json!({"action": "join", "receiver": room, "optional": {"password": password}}),
        Act::Create(room, None) => json!({"action": "create", "receiver": room}),
        Act::Create(room, password) => {
            json!({"action": "create", "receiver": room, "optional": {"password": password}})
        }
        Act::Close if room.is_some() => json!({"action": "close", "receiver": room}),
        _ => json!({"action": "command", "content": typed}),
    }
}

/// The objects that a program has received, in the model's terms: its messages, and the answer to its last request.
#[derive(Default)]
pub struct Objects {
    /// The id of the pending request.
    pub asked: Option<String>,
    pub lines: Vec<String>,
}

impl Objects {
    /// Takes one line of the connection.
    pub fn take(&mut self, line: &[u8]) {
        let object: Value = serde_json::from_slice(line).expect("an object");
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        let optional = |key: &str| object["optional"][key].as_str().unwrap_or_default();
        if let Some(id) = object["id"].as_str() {
            assert_eq!(self.asked.take().as_deref(), Some(id), "answered once: {object}");
            if text("action") == "error" {
                self.lines.push(format!("! {}", text("content")));
            }
            return;
        }
        let private = object["private"] == true;
        let place = if private { "@" } else { text("receiver") };
        match text("action") {
            "deleted" | "expired" => self.lines.push(format!("gone {place} #{}", object["id"])),
            action @ ("message" | "edited") => {
                let why = if object["optional"]["history"] == true { "history" } else { action };
                let mut shown = format!("{why} {place} #{} {}", object["id"], text("sender"));
                if private {
                    let to = match &object["receiver"] {
                        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                        one => one.as_str().unwrap_or_default().to_owned(),
                    };
                    shown += &format!(" -> {to}");
                }
                shown += &format!(": {}", text("content"));
                for (key, holds) in [
                    ("action", object["optional"]["action"] == true),
                    ("edited", object["optional"]["edited"] == true),
                    ("temporary", object["optional"]["temporary"] == 10),
                ] {
                    if holds {
                        shown += &format!(" ({key})");
                    }
                }
                if let Some(id) = object["optional"]["reply_to"].as_u64() {
                    let quote = object["optional"]["quote"].as_str().unwrap_or("gone");
                    shown += &match optional("quote_sender") {
                        "" => format!(" (to #{id})"),
                        author => format!(" (to #{id} {author}: {quote})"),
                    };
                }
                self.lines.push(shown);
            }
            "error" => self.lines.push(format!("! {}", text("content"))),
            "ok" | "welcome" => panic!("an answer without an id: {object}"),
            _ => {}
        }
    }
}
