//! Logging in and leaving: names, joining, making rooms, views, closing, quitting.

use super::chat::{Chat, Client, Person, Place, Question, parts};
use super::pattern::{NUMBER, SENTENCE, SPAN};
use super::room::{Door, Member, Room};
use super::rules::Rank;
use super::talk::{NO_ROOM, pair};

/// Names that a room made by users cannot have.
const RESERVED: [&str; 8] = ["server", "system", "admin", "operator", "all", "everyone", "here", "you"];

/// Wrong passwords before a user has to wait.
const FREE_TRIES: u32 = 3;

fn others(count: usize) -> String {
    if count == 1 { "1 other".to_owned() } else { format!("{count} others") }
}

pub fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

impl Chat {
    fn taken(&mut self, me: Client, name: &str) {
        let free = (2..).map(|n| format!("{name}{n}")).find(|free| self.find(free).is_none()).unwrap_or_default();
        self.tell(me, format!("! The name {name} is taken; {free} is free."));
    }

    pub fn log_in(&mut self, me: Client, name: &str) {
        if self.find(name).is_some() {
            return self.taken(me, name);
        }
        if let Some(person) = self.person_mut(me) {
            person.name = name.to_owned();
        }
        let rooms = match self.rooms.values().filter(|room| room.public).count() {
            1 => "1 room".to_owned(),
            count => format!("{count} rooms"),
        };
        let online = people(self.people().count());
        self.tell(me, format!("* Hello {name}. {online} online, {rooms}. :rooms lists them, :help explains."));
    }

    pub fn nick(&mut self, me: Client, name: &str) {
        let before = self.name(me);
        if before == name {
            return self.tell(me, format!("* You are {name} already."));
        }
        let who = self.person(me).map(Person::who);
        let silent_in = who.and_then(|who| self.rooms.values().find(|room| room.rank(&who) == Rank::Muted));
        if let Some(room) = silent_in {
            let until = "until that is over, or until you leave the room";
            return self.tell(me, format!("! You are muted in {} and keep your name {until}.", room.name));
        }
        if self.find(name).is_some() {
            return self.taken(me, name);
        }
        if let Some(person) = self.person_mut(me) {
            person.name = name.to_owned();
        }
        // Users who ignore the name also ignore this connection, unless they know another one by that name.
        let online: Vec<_> = self.seats.iter().flatten().map(|person| person.client).collect();
        for person in self.seats.iter_mut().flatten() {
            let unknown = |(known, ignored): &&mut (Client, String)| *ignored == before && !online.contains(known);
            if let Some((known, _)) = person.ignored.iter_mut().find(unknown) {
                *known = me;
            }
        }
        let mut rooms = Vec::new();
        for room in self.rooms.values_mut().filter(|room| room.members.contains_key(&me)) {
            let keepers = room.keepers.iter_mut().map(|keeper| &mut keeper.who);
            let mutes = room.mutes.iter_mut().map(|(who, _)| who);
            let firsts = room.firsts.iter_mut().map(|(who, _)| who);
            let known = keepers.chain(mutes).chain(&mut room.kicks).chain(&mut room.invited).chain(&mut room.rests);
            let known = known.chain(firsts);
            known.filter(|who| who.client == me).for_each(|who| who.name = name.to_owned());
            rooms.push(room.name.clone());
        }
        for room in rooms {
            let people = vec![(me, before.clone()), (me, name.to_owned())];
            self.news(&room, format!("{before} is now known as {name}"), Some(me), people);
        }
        let talks = |person: &&Person| person.open.contains(&Place::Pair(me));
        let partners: Vec<_> = self.people().filter(talks).map(|person| person.client).collect();
        for partner in partners {
            if !self.person(partner).is_some_and(|person| person.ignores(me, name)) {
                self.tell(partner, format!("* {before} is now known as {name}."));
            }
        }
        self.tell(me, format!("* You are now known as {name}."));
    }

    /// Makes a place the current one, and its view the open one if a view was open.
    pub fn enter(&mut self, me: Client, place: Place) {
        let viewed = self.person(me).and_then(|person| person.viewed().map(str::to_owned));
        let Some(person) = self.person_mut(me) else { return };
        person.open.retain(|known| *known != place);
        person.open.push(place);
        if person.view {
            self.read_all(me, viewed.as_deref());
            self.show_view(me);
        }
    }

    /// A program is sent the last messages of a room that it joins.
    fn send_past(&mut self, me: Client, room: &str) {
        if self.person(me).is_some_and(|person| person.program) {
            let said = self.rooms[room].readable(me);
            self.show(me, &Place::Room(room.to_owned()), &said, 20);
        }
    }

    /// Everything in view counts as read.
    fn read_all(&mut self, me: Client, viewed: Option<&str>) {
        let room = viewed.and_then(|room| self.rooms.get_mut(room));
        if let Some(member) = room.and_then(|room| room.members.get_mut(&me)) {
            member.unread = 0;
        }
    }

    pub fn open_view(&mut self, me: Client) {
        let Some(person) = self.person_mut(me) else { return };
        if person.open.is_empty() {
            return self.tell(me, NO_ROOM);
        }
        person.view = true;
        self.show_view(me);
    }

    fn show_view(&mut self, me: Client) {
        let Some(place) = self.person(me).and_then(|person| person.open.last().cloned()) else { return };
        let go_on = "Type to talk; /help for commands; :q goes back.";
        let said = match &place {
            Place::Room(room) => {
                let names: Vec<_> =
                    self.rooms[room].members.keys().filter(|c| **c != me).map(|c| self.name(*c)).collect();
                let here = if names.is_empty() { "nobody else here".to_owned() } else { names.join(", ") };
                self.tell(me, format!("* {room}: {here}. {go_on}"));
                self.tell_topic(me, room);
                self.read_all(me, Some(room));
                self.rooms[room].readable(me)
            }
            Place::Pair(other) => {
                self.tell(me, format!("* @{}: only you two. {go_on}", self.name(*other)));
                self.pairs.get(&pair(me, *other)).cloned().unwrap_or_default()
            }
        };
        self.show(me, &place, &said, 20);
    }

    fn tell_topic(&mut self, me: Client, room: &str) {
        let topic = self.rooms[room].description.clone();
        if !topic.is_empty() {
            self.tell(me, format!("* Topic: {topic}"));
        }
    }

    pub fn leave_view(&mut self, me: Client) {
        let Some(person) = self.person_mut(me) else { return };
        if !person.view {
            return self.tell(me, "! You are not in the chat view. :chat opens it, :quit leaves the server.");
        }
        let viewed = person.viewed().map(str::to_owned);
        person.view = false;
        self.read_all(me, viewed.as_deref());
    }

    fn go_on(&self, me: Client) -> &'static str {
        let view = self.person(me).is_some_and(|person| person.view);
        if view { "/close to leave." } else { ":chat to talk, :close to leave." }
    }

    pub fn answer(&mut self, me: Client, text: &str) {
        let Some(Question { room, from_view }) = self.person_mut(me).and_then(|person| person.asked.take()) else {
            return;
        };
        if let Some(person) = self.person_mut(me) {
            person.view = from_view;
        }
        if !text.is_empty() {
            self.join(me, &room, Some(text));
        }
    }

    pub fn join(&mut self, me: Client, name: &str, password: Option<&str>) {
        if let Some(room) = self.rooms.get(name).filter(|room| room.members.contains_key(&me)) {
            let line = format!("* Back to {name}, {} here. {}", others(room.members.len() - 1), self.go_on(me));
            self.tell(me, line);
            self.send_past(me, name);
            return self.enter(me, Place::Room(name.to_owned()));
        }
        match self.knock(me, name, password).and_then(|()| self.come_in(me, name)) {
            Ok((count, heir)) => {
                let admin = if heir { ", and you are its admin now" } else { "" };
                self.tell(me, format!("* Joined {name}, {} here{admin}. {}", others(count), self.go_on(me)));
                // It will be shown in the view.
                if !self.person(me).is_some_and(|person| person.view) {
                    self.tell_topic(me, name);
                }
                self.send_past(me, name);
                self.enter(me, Place::Room(name.to_owned()));
            }
            Err(Some(line)) => self.tell(me, line),
            // The session asks for a password, but not a program.
            Err(None) if self.person(me).is_some_and(|person| person.program) => self.tell(me, format!("! {SENTENCE}")),
            Err(None) => {
                let Some(person) = self.person_mut(me) else { return };
                person.asked = Some(Question { room: name.to_owned(), from_view: person.view });
                person.view = false;
                if !std::mem::replace(&mut person.warned, true) {
                    self.tell(me, "* Your client will show what you type.");
                }
            }
        }
    }

    /// Whether the room admits this user. A hidden room and a missing one answer alike.
    fn knock(&mut self, me: Client, name: &str, password: Option<&str>) -> Result<(), Option<String>> {
        let who = self.person(me).map(Person::who).ok_or(None)?;
        let room = self.rooms.get(name);
        if let Some(room) = room {
            let expected = room.invited.iter().any(|guest| guest.is(&who)) || room.keeper(&who).is_some();
            if expected || room.is_open() {
                return Ok(());
            }
            if room.public && room.door == Door::Closed {
                return Err(Some(format!("! {name} is for invited people only.")));
            }
        }
        let Some(password) = password else {
            let line = match room.is_some_and(|room| room.public) {
                true => format!("* {name} has a password. Give it, or go back with Enter."),
                false => format!("* No public room {name}. For a hidden room give its password, Enter goes back."),
            };
            self.tell(me, line);
            return Err(None);
        };
        let right = room.is_some_and(|room| room.door == Door::Password(password.to_owned()));
        let tries = self.wrong.entry((me, name.to_owned())).or_default();
        if *tries >= FREE_TRIES {
            return Err(Some(format!("! Too many wrong passwords: try again in {NUMBER} seconds.")));
        }
        *tries = if right { 0 } else { *tries + 1 };
        if right { Ok(()) } else { Err(Some("! No such room, or not that password.".to_owned())) }
    }

    /// Adds a user who may enter. Returns the number of members before, and whether the user became admin.
    fn come_in(&mut self, me: Client, name: &str) -> Result<(usize, bool), Option<String>> {
        let who = self.person(me).map(Person::who).ok_or(None)?;
        self.arrivals += 1;
        let (arrived, last) = (self.arrivals, self.last_message);
        let room = self.rooms.get_mut(name).ok_or(None)?;
        // A ban of another user at the same address does not keep a returning admin out.
        if let Some(ban) = room.banned(&who).filter(|_| room.keeper(&who).is_none()) {
            let left = if ban.timed { format!(" for {SPAN}") } else { String::new() };
            let reason = if ban.reason.is_empty() { String::new() } else { format!(" ({})", ban.reason) };
            return Err(Some(format!("! You are banned from {name}{left}{reason}.")));
        }
        if room.kicks.iter().any(|kicked| kicked.is(&who)) {
            return Err(Some(format!("! You were kicked from {name}: come back in {NUMBER} seconds.")));
        }
        let count = room.members.len();
        if let Some(limit) = room.limit.filter(|limit| count >= *limit) {
            return Err(Some(format!("! {name} is full: it takes {}.", people(limit))));
        }
        if let Some(keeper) = room.keepers.iter_mut().find(|keeper| keeper.who.is(&who)) {
            (keeper.who, keeper.awaited) = (who.clone(), false);
        }
        let first = room.first(&who, last);
        room.members.insert(me, Member { client: me, arrived, unread: 0, posted: false, first });
        // The first user to enter a room that was empty for a while.
        let heir = count == 0 && room.made_by.is_some() && room.keepers.is_empty();
        if heir {
            room.inherit(&who);
        }
        self.news(name, format!("{} joined", who.name), Some(me), vec![(me, who.name.clone())]);
        Ok((count, heir))
    }

    /// Makes a room and enters it. Returns false if that is impossible.
    fn make(&mut self, me: Client, name: &str) -> bool {
        let Some(who) = self.person(me).map(Person::who) else { return false };
        if let Some(room) = self.rooms.get(name) {
            // Users outside a hidden room learn nothing about it.
            let known = room.public || room.rank(&who).is_in();
            let line = match known {
                true => format!("! The room {name} already exists; :join {name} enters it."),
                false => format!("! The name {name} is reserved."),
            };
            self.tell(me, line);
            return false;
        }
        if RESERVED.contains(&name) {
            self.tell(me, format!("! The name {name} is reserved."));
            return false;
        }
        self.rooms.insert(name.to_owned(), Room::new(name, Some(&who)));
        self.come_in(me, name).is_ok()
    }

    pub fn create(&mut self, me: Client, name: &str, password: Option<String>) {
        if self.make(me, name) {
            if let (Some(room), Some(password)) = (self.rooms.get_mut(name), password) {
                room.door = Door::Password(password);
            }
            self.made(me, name);
        }
    }

    pub fn group(&mut self, me: Client, name: &str, invited: &[String]) {
        if self.make(me, name) {
            if let Some(room) = self.rooms.get_mut(name) {
                (room.public, room.door, room.joined_only) = (false, Door::Closed, true);
            }
            self.made(me, name);
            self.invite(me, name, invited);
        }
    }

    fn made(&mut self, me: Client, name: &str) {
        self.tell(me, format!("* Made {name}, you are its admin. {}", self.go_on(me)));
        self.enter(me, Place::Room(name.to_owned()));
    }

    pub fn close(&mut self, me: Client) {
        let Some(person) = self.person_mut(me) else { return };
        person.view = false;
        match person.open.pop() {
            None => self.tell(me, NO_ROOM),
            Some(Place::Room(room)) => {
                self.leave(me, &room, false);
                self.tell(me, format!("* Left {room}."));
            }
            Some(Place::Pair(other)) => {
                self.tell(me, format!("* Closed the conversation with {}.", self.name(other)));
            }
        }
    }

    /// Removes a user who leaves a room.
    fn leave(&mut self, me: Client, name: &str, lost: bool) {
        let Some(who) = self.person(me).map(Person::who) else { return };
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.remove(&who);
        if let Some(at) = room.keepers.iter().position(|keeper| keeper.who.is(&who)) {
            if lost {
                room.keepers[at].awaited = true;
            } else {
                room.keepers.remove(at);
            }
            // Their own room still admits them as long as it exists.
            if room.members.is_empty() {
                room.invited.retain(|known| !known.is(&who));
                room.invited.push(who.clone());
            }
        }
        self.news(name, format!("{} left", who.name), Some(me), vec![(me, who.name.clone())]);
        self.name_heir(name, None);
    }

    /// If a room made by users has no admin left, the member who has been in it longest becomes admin and may speak,
    /// but not `but`, who has just been demoted.
    pub fn name_heir(&mut self, name: &str, but: Option<Client>) {
        let Some(room) = self.rooms.get(name).filter(|room| room.made_by.is_some() && room.keepers.is_empty()) else {
            return;
        };
        let fit = room.members.values().filter(|member| but != Some(member.client));
        let Some(heir) = fit.min_by_key(|member| member.arrived).map(|member| member.client) else { return };
        let Some(person) = self.person(heir).cloned() else { return };
        if let Some(room) = self.rooms.get_mut(name) {
            room.inherit(&person.who());
        }
        let looks = person.viewed() == Some(name);
        let people = vec![(heir, person.name.clone())];
        self.news(name, format!("{} is now admin of {name}", person.name), (!looks).then_some(heir), people);
        if !looks {
            self.tell(heir, format!("* You are now admin of {name}."));
        }
    }

    /// Leaves the server.
    pub fn leave_all(&mut self, me: Client, lost: bool) {
        let Some(name) = self.person(me).map(|person| person.name.clone()) else { return };
        let rooms: Vec<_> =
            self.rooms.values().filter(|room| room.members.contains_key(&me)).map(|r| r.name.clone()).collect();
        if let Some(person) = self.person_mut(me) {
            (person.view, person.asked) = (false, None);
        }
        for room in rooms {
            self.leave(me, &room, lost);
        }
        let talks = |person: &&Person| person.open.contains(&Place::Pair(me));
        let partners: Vec<_> = self.people().filter(talks).map(|person| person.client).collect();
        for partner in partners {
            self.tell(partner, format!("* {name} has left: your conversation is over."));
            self.lose(partner, &Place::Pair(me));
        }
        self.pairs.retain(|(one, other), _| *one != me && *other != me);
    }

    /// Closes a place that a user had open.
    pub fn lose(&mut self, client: Client, place: &Place) {
        let Some(person) = self.person_mut(client) else { return };
        if person.open.last() == Some(place) {
            person.view = false;
            if let Some(question) = &mut person.asked {
                question.from_view = false;
            }
        }
        person.open.retain(|known| known != place);
    }

    /// The name in `bob#1002`.
    pub fn bare<'a>(&self, typed: &'a str) -> &'a str {
        parts(typed).0
    }
}

#[test]
fn the_longest_present_inherits_and_not_the_first_connected() {
    let mut chat = Chat::new(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let mut run = |seat, act| chat.apply(&super::step::Step { seat, act });
    use super::step::Act;
    for (seat, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
        run(seat, Act::Login(name.to_owned())).expect("a step");
    }
    run(0, Act::Create("den".to_owned(), None)).expect("a step");
    run(2, Act::Join("den".to_owned(), None)).expect("a step");
    run(1, Act::Join("den".to_owned(), None)).expect("a step");
    let outcome = run(0, Act::Close).expect("a step");
    assert_eq!(outcome.lines[2], ["* You are now admin of den."]);
    assert_eq!(outcome.lines[0], ["* Left den."]);
}
