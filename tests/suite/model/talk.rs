//! Messages in rooms and direct chats: replies, edits, deletions.

use super::chat::{Chat, Client, Person, Place};
use super::message::{Message, Quote};
use super::pattern::SPAN;
use super::room::{Room, Who};
use super::rules::Rank;

pub const NO_ROOM: &str = "! You are in no room. :rooms lists them, :join enters one.";
const NO_MESSAGE: &str = "! There is no such message where you are; :history shows the numbers.";

/// The key of a direct chat.
pub fn pair(one: Client, other: Client) -> (Client, Client) {
    (one.min(other), one.max(other))
}

/// The first 40 columns of a text.
fn start(text: &str) -> String {
    if text.len() <= 40 { text.to_owned() } else { format!("{}...", text[..40].trim_end()) }
}

fn requote(said: &mut [Message], id: u64, text: Option<&str>) {
    for quote in said.iter_mut().filter_map(|message| message.reply.as_mut()).filter(|quote| quote.id == id) {
        quote.start = text.map(start);
    }
}

/// Deletes a message, and its text from the quotes of it.
pub fn erase(said: &mut Vec<Message>, id: u64) {
    said.retain(|message| message.id != id);
    requote(said, id, None);
}

fn change(said: &mut [Message], id: u64, text: &str) -> Option<Message> {
    requote(said, id, Some(text));
    let message = said.iter_mut().find(|message| message.id == id)?;
    message.text = text.to_owned();
    message.edited = true;
    Some(message.clone())
}

impl Room {
    /// The reason why a user cannot post here at the moment.
    pub fn silenced(&self, who: &Who) -> Option<String> {
        let rank = self.rank(who);
        if !rank.speaks() {
            let timed = self.mutes.iter().any(|(muted, timed)| muted.is(who) && *timed);
            let left = if timed { format!(" for {SPAN}") } else { String::new() };
            return Some(format!("! Not sent: you are muted in {}{left}.", self.name));
        }
        (self.slow > 0 && self.rests(who) && rank < Rank::Admin)
            .then(|| format!("! Not sent: {} is slow, you can speak again in {SPAN}.", self.name))
    }
}

impl Chat {
    fn message(&mut self, me: Client, text: &str) -> Message {
        self.last_message += 1;
        Message {
            id: self.last_message,
            author: self.name(me),
            from: me,
            text: text.to_owned(),
            action: false,
            edited: false,
            temporary: false,
            reply: None,
            to: Vec::new(),
        }
    }

    fn too_long(&mut self, me: Client, text: &str) -> bool {
        let long = text.len() > 150;
        if long {
            self.tell(me, format!("! Not sent: {} characters, and a message may have 150.", text.len()));
        }
        long
    }

    /// Posts to a room that the user is in.
    fn post(&mut self, me: Client, room: &str, text: &str, with: impl FnOnce(&mut Message)) {
        let Some(person) = self.person(me) else { return };
        let (who, viewed) = (person.who(), person.viewed() == Some(room));
        if let Some(why) = self.rooms[room].silenced(&who) {
            return self.tell(me, why);
        }
        let mut message = self.message(me, text);
        with(&mut message);
        let looking: Vec<_> = self.people().filter(|p| p.viewed() == Some(room)).map(|p| p.client).collect();
        let Some(known) = self.rooms.get_mut(room) else { return };
        known.said.push(message.clone());
        known.talked = true;
        for member in known.members.values_mut() {
            member.posted |= member.client == me;
            member.unread += u64::from(member.client != me && !looking.contains(&member.client));
        }
        self.said(room, &message, true);
        if !viewed {
            self.tell(me, format!("* Sent to {room} as #{}.", message.id));
        }
    }

    pub fn say(&mut self, me: Client, text: &str, action: bool, temporary: bool) {
        if self.too_long(me, text) {
            return;
        }
        let with = |message: &mut Message| (message.action, message.temporary) = (action, temporary);
        let Some(person) = self.person(me) else { return };
        match person.open.last().cloned() {
            None => self.tell(me, NO_ROOM),
            Some(Place::Room(room)) => self.post(me, &room, text, with),
            Some(Place::Pair(partner)) => {
                let echoed = person.view && !action && !temporary;
                self.send_to(me, &[partner], text, echoed, with);
            }
        }
    }

    pub fn say_to(&mut self, me: Client, room: &str, text: &str) {
        let joined = self.rooms.get(room).is_some_and(|room| room.members.contains_key(&me));
        if !joined && self.person(me).is_some_and(|person| person.program) {
            return self.tell(me, format!("! You are not in {room}."));
        }
        if self.too_long(me, text) {
            return;
        }
        match joined {
            true => self.post(me, room, text, |_| {}),
            false => self.tell(me, format!("! Not sent: you are not in {room}.")),
        }
    }

    /// The partner in a direct chat, which is opened if there is none.
    fn begin(&mut self, me: Client, typed: &str) -> Result<Client, String> {
        let Some(other) = self.find(typed).map(|person| person.client) else {
            return Err(format!("{typed} is not online; :listall shows who is."));
        };
        if other == me {
            return Err("You cannot write to yourself.".to_owned());
        }
        self.pairs.entry(pair(me, other)).or_default();
        Ok(other)
    }

    fn tell_away(&mut self, me: Client, other: Client) {
        let Some(person) = self.person(other) else { return };
        if let Some(text) = &person.away {
            let line = format!("* {} is away ({text}).", person.name);
            self.tell(me, line);
        }
    }

    pub fn open_direct(&mut self, me: Client, typed: &str) {
        match self.begin(me, typed) {
            Err(why) => self.tell(me, format!("! {why}")),
            Ok(other) => {
                let view = self.person(me).is_some_and(|person| person.view);
                let go_on = if view { "/close to leave." } else { ":chat to talk, :close to leave." };
                self.tell(me, format!("* In conversation with {}. {go_on}", self.name(other)));
                self.enter(me, Place::Pair(other));
                let name = self.name(other);
                if !self.person(me).is_some_and(|person| person.ignores(other, &name)) {
                    self.tell_away(me, other);
                }
            }
        }
    }

    /// The hint how to send an addressed line from the view.
    pub fn way_out(&self, me: Client) -> String {
        let Some(person) = self.person(me).filter(|person| person.view) else { return String::new() };
        match person.open.last() {
            Some(Place::Pair(partner)) => format!(" A leading space says it to {}.", self.name(*partner)),
            _ => " A leading space says it to the room.".to_owned(),
        }
    }

    pub fn send(&mut self, me: Client, to: &[String], text: &str, way_out: &str) {
        if text.len() > 150 {
            let line = format!("! Not sent: {} characters, and a message may have 150.{way_out}", text.len());
            return self.tell(me, line);
        }
        let mut partners = Vec::new();
        for typed in to {
            match self.begin(me, typed) {
                Err(why) => {
                    let why = why.strip_prefix("You ").map_or(why.clone(), |rest| format!("you {rest}"));
                    self.tell(me, format!("! Not sent: {why}{way_out}"));
                }
                Ok(other) if partners.contains(&other) => {}
                Ok(other) => partners.push(other),
            }
        }
        self.send_to(me, &partners, text, false, |_| {});
    }

    fn send_to(&mut self, me: Client, to: &[Client], text: &str, echoed: bool, with: impl FnOnce(&mut Message)) {
        if to.is_empty() {
            return;
        }
        let mut message = self.message(me, text);
        message.to = to.iter().map(|other| self.name(*other)).collect();
        with(&mut message);
        for other in to {
            self.pairs.entry(pair(me, *other)).or_default().push(message.clone());
            if !self.person(*other).is_some_and(|person| person.ignores(me, &message.author)) {
                self.show_message(*other, "message", "@", &message);
            }
        }
        if !echoed {
            self.show_message(me, "message", "@", &message);
        }
        for other in to {
            let name = self.name(*other);
            match self.person(me).is_some_and(|person| person.ignores(*other, &name)) {
                true => self
                    .tell(me, format!("* You are ignoring {name} and will see no answer; :unignore {name} ends that.")),
                false => self.tell_away(me, *other),
            }
        }
    }

    /// A message as a user sees it.
    pub fn shown(&self, message: &Message, reader: Client) -> String {
        let person = self.person(reader);
        message.shown(reader, |from, author| person.is_some_and(|person| person.ignores(from, author)))
    }

    /// The room in which a user may read a message.
    pub fn room_of(&self, me: Client, id: u64) -> Option<String> {
        let readable = |room: &&Room| {
            room.after(me) < id && room.members.contains_key(&me) && room.said.iter().any(|m| m.id == id)
        };
        self.rooms.values().find(readable).map(|room| room.name.clone())
    }

    /// The others who have this direct message, in the order in which they connected.
    fn partners_of(&self, me: Client, id: u64) -> Vec<Client> {
        let shares = |key: &(Client, Client), said: &[Message]| {
            (key.0 == me || key.1 == me) && said.iter().any(|message| message.id == id)
        };
        let found = self.pairs.iter().filter(|(key, said)| shares(key, said));
        let mut partners: Vec<_> = found.map(|(key, _)| if key.0 == me { key.1 } else { key.0 }).collect();
        partners.sort_unstable();
        partners
    }

    /// The ids of the user's own messages that still exist.
    pub fn own(&self, me: Client) -> impl Iterator<Item = u64> {
        let rooms = self.rooms.values().filter(move |room| room.members.contains_key(&me)).flat_map(|room| &room.said);
        let pairs = self.pairs.iter().filter(move |(key, _)| key.0 == me || key.1 == me).flat_map(|(_, said)| said);
        rooms.chain(pairs).filter(move |message| message.from == me).map(|message| message.id)
    }

    /// The user's last own message, if none is named.
    fn meant(&mut self, me: Client, id: Option<u64>) -> Option<u64> {
        let own = self.own(me).max();
        if id.or(own).is_none() {
            self.tell(me, "! There is no message of yours to change or delete.");
        }
        id.or(own)
    }

    fn quote(said: &[Message], id: u64) -> Option<Quote> {
        let message = said.iter().find(|message| message.id == id)?;
        let (author, from) = (message.author.clone(), message.from);
        Some(Quote { id, author, from, start: Some(start(&message.text)) })
    }

    pub fn reply(&mut self, me: Client, id: u64, text: &str) {
        if self.too_long(me, text) {
            return;
        }
        if let Some(room) = self.room_of(me, id) {
            let quote = Chat::quote(&self.rooms[&room].said, id);
            return self.post(me, &room, text, |message| message.reply = quote);
        }
        let partners = self.partners_of(me, id);
        let Some(first) = partners.first() else { return self.tell(me, NO_MESSAGE) };
        let quote = Chat::quote(&self.pairs[&pair(me, *first)], id);
        self.send_to(me, &partners, text, false, |message| message.reply = quote);
    }

    pub fn edit(&mut self, me: Client, id: Option<u64>, text: &str) {
        if self.too_long(me, text) {
            return;
        }
        // A number that is not an own message is part of the text, if there is a message it could be meant for. A program
        // does not type its numbers.
        let program = self.person(me).is_some_and(|person| person.program);
        let number = id
            .filter(|_| !program)
            .filter(|id| !self.own(me).any(|own| own == *id))
            .filter(|_| self.own(me).next().is_some());
        let whole = number.map(|number| format!("{number} {text}"));
        let (id, text) = match &whole {
            Some(whole) if self.too_long(me, whole) => return,
            Some(whole) => (None, whole.as_str()),
            None => (id, text),
        };
        let Some(id) = self.meant(me, id) else { return };
        let Some(who) = self.person(me).map(Person::who) else { return };
        if let Some(room) = self.room_of(me, id) {
            let known = &self.rooms[&room];
            if !known.said.iter().any(|message| message.id == id && message.from == me) {
                return self.tell(me, "! That message is not yours.");
            }
            if let Some(why) = known.silenced(&who) {
                return self.tell(me, why);
            }
            let edited = self.rooms.get_mut(&room).and_then(|known| {
                known.members.get_mut(&me)?.posted = true;
                change(&mut known.said, id, text)
            });
            if let Some(message) = edited {
                self.said(&room, &message, false);
            }
            return self.tell_changed(me, &room, format!("* Edited #{id}."));
        }
        self.change_direct(me, id, |said| change(said, id, text).map(Ok));
    }

    pub fn delete(&mut self, me: Client, id: Option<u64>) {
        let Some(id) = self.meant(me, id) else { return };
        let Some(who) = self.person(me).map(Person::who) else { return };
        if let Some(room) = self.room_of(me, id) {
            let Some(known) = self.rooms.get_mut(&room) else { return };
            let own = known.said.iter().any(|message| message.id == id && message.from == me);
            if !own && !known.rank(&who).keeps_order() {
                return self.tell(me, "! That message is not yours.");
            }
            let author = known.said.iter().find(|message| message.id == id).map(|m| (m.from, m.author.clone()));
            erase(&mut known.said, id);
            let people = author.into_iter().chain([(me, who.name.clone())]).collect();
            self.news(&room, format!("#{id} was deleted by {}", who.name), None, people);
            return self.tell_changed(me, &room, format!("* Deleted #{id}."));
        }
        self.change_direct(me, id, |said| {
            erase(said, id);
            Some(Err(format!("* #{id} was deleted by {}", who.name)))
        });
    }

    fn tell_changed(&mut self, me: Client, room: &str, line: String) {
        if self.person(me).is_some_and(|person| person.viewed() != Some(room)) {
            self.tell(me, line);
        }
    }

    /// Changes a direct message in every copy. Each user who has a copy sees the change once.
    fn change_direct(
        &mut self,
        me: Client,
        id: u64,
        change: impl Fn(&mut Vec<Message>) -> Option<Result<Message, String>>,
    ) {
        let partners = self.partners_of(me, id);
        let Some(first) = partners.first() else { return self.tell(me, NO_MESSAGE) };
        if !self.pairs[&pair(me, *first)].iter().any(|message| message.id == id && message.from == me) {
            return self.tell(me, "! That message is not yours.");
        }
        let mut own: Option<Result<Message, String>> = None;
        for other in partners {
            let Some(changed) = change(self.pairs.entry(pair(me, other)).or_default()) else { continue };
            self.show_changed(other, me, id, &changed);
            own = Some(changed);
        }
        if let Some(changed) = own {
            self.show_changed(me, me, id, &changed);
        }
    }

    /// Shows a user the change of a direct message, unless they ignore its author. A program gets a deletion in any
    /// case.
    fn show_changed(&mut self, reader: Client, author: Client, id: u64, changed: &Result<Message, String>) {
        let name = self.name(author);
        let ignored = self.person(reader).is_some_and(|person| person.ignores(author, &name));
        match changed {
            Ok(message) if !ignored => self.show_message(reader, "edited", "@", message),
            Err(news) => {
                self.send_object(reader, format!("gone @ #{id}"));
                if !ignored {
                    self.tell(reader, news.clone());
                }
            }
            Ok(_) => {}
        }
    }

    pub fn history(&mut self, me: Client, count: usize) {
        let Some(place) = self.person(me).and_then(|person| person.open.last().cloned()) else {
            return self.tell(me, NO_ROOM);
        };
        let (name, said) = match &place {
            Place::Room(room) if self.rooms[room].readable(me).is_empty() && self.rooms[room].talked => {
                let line = match self.rooms[room].joined_only {
                    true => format!("* Nothing has been said in {room} since you joined."),
                    false => format!("* Nothing said in {room} is kept."),
                };
                return self.tell(me, line);
            }
            Place::Room(room) => (room.clone(), self.rooms[room].readable(me)),
            Place::Pair(other) => {
                (format!("@{}", self.name(*other)), self.pairs.get(&pair(me, *other)).cloned().unwrap_or_default())
            }
        };
        if said.is_empty() {
            return self.tell(me, format!("* Nothing has been said in {name} yet."));
        }
        if !self.show(me, &place, &said, count) {
            self.tell(me, "* All of it was said by users you are ignoring.");
        }
    }

    /// Shows the last messages, without those of ignored users; returns whether there were any.
    pub fn show(&mut self, me: Client, place: &Place, said: &[Message], count: usize) -> bool {
        let mut shown = false;
        let place = match place {
            Place::Room(room) => room,
            Place::Pair(_) => "@",
        };
        for message in &said[said.len().saturating_sub(count)..] {
            if !self.person(me).is_some_and(|person| person.ignores(message.from, &message.author)) {
                self.show_message(me, "history", place, message);
                shown = true;
            }
        }
        shown
    }
}

#[test]
fn a_quote_follows_its_message_until_that_is_gone() {
    let mut chat = Chat::new(&["192.0.2.1"]);
    let mut said = vec![chat.message(1, "one"), chat.message(1, "two")];
    said[1].reply = Chat::quote(&said, 1);
    assert!(said[1].shown(2, |_, _| false).ends_with("(to #1 : \"one\") two"));
    change(&mut said, 1, &"x".repeat(50));
    assert!(said[1].shown(2, |_, _| false).ends_with(&format!("\"{}...\") two", "x".repeat(40))));
    erase(&mut said, 1);
    assert!(said[0].shown(2, |_, _| false).ends_with("(to #1 , gone) two"));
}
