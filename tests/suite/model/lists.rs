//! Lists, search, and a user's own settings.

use super::chat::{Chat, Client, Person, Place, parts};
use super::doors::people;
use super::moderation::not_admin;
use super::pattern::{NUMBER, SPAN, WORD};
use super::room::{Ban, Door, Room};
use super::rules::Rank;
use super::talk::NO_ROOM;

impl Chat {
    pub fn search(&mut self, me: Client, pattern: &str) {
        let Some(person) = self.person(me) else { return };
        let mut found: Vec<(u64, String)> = Vec::new();
        let rooms = self.rooms.values().filter(|room| room.members.contains_key(&me));
        let places = rooms.map(|room| (room.name.clone(), room.readable(me)));
        let pairs = self.pairs.iter().filter(|(key, _)| key.0 == me || key.1 == me);
        let directs =
            pairs.map(|(key, said)| (format!("@{}", self.name(if key.0 == me { key.1 } else { key.0 })), said.clone()));
        let viewed = person.viewed().map(str::to_owned);
        for (place, said) in places.chain(directs) {
            // Temporary messages are found only where their end can be shown.
            let lasting = |temporary: bool| !temporary || place.starts_with('@') || viewed.as_ref() == Some(&place);
            for message in said.iter().filter(|message| !person.ignores(message.from, &message.author)) {
                if !lasting(message.temporary) {
                    continue;
                }
                let Some(at) = message.text.find(pattern) else { continue };
                let (before, after) = (&message.text[..at], &message.text[at + pattern.len()..]);
                let line = |place: &str| {
                    format!("[{NUMBER}] #{} {place} {}: {before}>{pattern}<{after}", message.id, message.author)
                };
                match found.iter_mut().find(|(id, _)| *id == message.id) {
                    Some((_, known)) => *known = line(&WORD.to_string()),
                    None => found.push((message.id, line(&place))),
                }
            }
        }
        found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        for (_, line) in found.iter().take(20) {
            self.tell(me, line.clone());
        }
        match found.len() {
            0 => self.tell(me, "* Nothing found where you may read."),
            1..=20 => {}
            _ => self.tell(me, "* There is more: these are the newest 20."),
        }
    }

    /// The rooms a user may know of.
    fn known_rooms(&self, me: Client) -> Vec<&Room> {
        let known = |room: &&Room| room.public || room.members.contains_key(&me);
        self.rooms.values().filter(known).collect()
    }

    pub fn list_rooms(&mut self, me: Client) {
        let viewed = self.person(me).and_then(|person| person.viewed().map(str::to_owned));
        let rooms = self.known_rooms(me);
        let count = |room: &Room| {
            let limit = room.limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
            format!("{}/{limit}", room.members.len())
        };
        let names = rooms.iter().map(|room| room.name.len()).max().unwrap_or(0);
        let counts = rooms.iter().map(|room| count(room).len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for room in rooms {
            let mut line = format!("* {:names$}   {:counts$}  ", room.name, count(room));
            let door = match room.door {
                Door::Open => "",
                Door::Password(_) => "(password)",
                Door::Closed => "(by invitation)",
            };
            let made = room.made_by.as_ref().map_or_else(String::new, |by| format!("(made by {by}, {NUMBER})"));
            let unread = match room.members.get(&me).filter(|_| viewed.as_ref() != Some(&room.name)) {
                Some(member) if member.unread > 0 => format!("({} unread)", member.unread),
                _ => String::new(),
            };
            let hidden = if room.public { "" } else { "(hidden)" };
            for part in [&room.description, door, &made, &unread, hidden] {
                if !part.is_empty() {
                    line += &format!(" {part}");
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn list_people(&mut self, me: Client) {
        let Some(person) = self.person(me) else { return };
        let room = match person.open.last() {
            None => return self.tell(me, NO_ROOM),
            Some(Place::Pair(other)) => {
                let line = format!("* You and {} are in this conversation.", self.name(*other));
                return self.tell(me, line);
            }
            Some(Place::Room(room)) => &self.rooms[room],
        };
        let mut lines = vec![format!("* {} in {}:", people(room.members.len()), room.name)];
        let there: Vec<_> = room.members.keys().filter_map(|client| self.person(*client)).collect();
        let names = there.iter().map(|person| person.name.len()).max().unwrap_or(0);
        for person in there {
            let mark = match room.rank(&person.who()) {
                Rank::Admin | Rank::Owner => " (admin)",
                Rank::Muted => " (muted)",
                _ => "",
            };
            let away = if person.away.is_some() { " (away)" } else { "" };
            lines.push(format!("* {:names$}   here {NUMBER} s, idle {NUMBER} s{mark}{away}", person.name));
        }
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    /// A user's rooms that another user may know of, in order of joining.
    fn rooms_of(&self, person: &Person, me: Client) -> Vec<String> {
        let known = self.known_rooms(me);
        let name = |place: &Place| match place {
            Place::Room(room) => known.iter().any(|known| known.name == *room).then(|| room.clone()),
            Place::Pair(_) => None,
        };
        person.open.iter().filter_map(name).collect()
    }

    pub fn list_everybody(&mut self, me: Client) {
        let mut everybody: Vec<_> = self.people().collect();
        everybody.sort_by_key(|person| person.name.clone());
        let names = everybody.iter().map(|person| person.name.len()).max().unwrap_or(0);
        let mut lines = vec![format!("* {} online:", people(everybody.len()))];
        for person in everybody {
            let rooms = self.rooms_of(person, me);
            let rooms = if rooms.is_empty() { "no public room".to_owned() } else { rooms.join(", ") };
            let away = if person.away.is_some() { " (away)" } else { "" };
            lines.push(format!("* {:names$}   {rooms}, here {NUMBER} s, idle {NUMBER} s{away}", person.name));
        }
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn who_is(&mut self, me: Client, typed: &str) {
        let Some(person) = self.find(typed) else {
            return self.tell(me, format!("! {typed} is not online; :listall shows who is."));
        };
        let rooms = self.rooms_of(person, me);
        let rooms = if rooms.is_empty() { "in no public room".to_owned() } else { format!("in {}", rooms.join(", ")) };
        let (name, client) = (person.name.clone(), person.client);
        let away = person.away.as_ref().map(|text| format!("* {name} is away ({text})."));
        self.tell(me, format!("* {name} is {name}#{client}, {rooms}, here {NUMBER} s, idle {NUMBER} s."));
        away.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn who_am_i(&mut self, me: Client) {
        let Some(person) = self.person(me) else { return };
        let name = |place: &Place| match place {
            Place::Room(room) => room.clone(),
            Place::Pair(other) => format!("@{}", self.name(*other)),
        };
        let open: Vec<_> = person.open.iter().map(name).collect();
        let open = if open.is_empty() { "in no room".to_owned() } else { format!("in {}", open.join(", ")) };
        let lines = [
            format!("* You are {0} ({0}#{me}), {open}, here {NUMBER} s.", person.name),
            format!("* You connect from {}, not encrypted; no telnet, line mode, colour off.", person.address),
        ];
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn show_settings(&mut self, me: Client, room: &str) {
        let room = &self.rooms[room];
        let on = |on: bool| if on { "on" } else { "off" };
        let limit = room.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let slow = if room.slow == 0 { "off".to_owned() } else { format!("{} seconds", room.slow) };
        let description = if room.description.is_empty() { "none" } else { &room.description };
        let lines = [
            format!("* description   {description}"),
            format!("* limit         {limit}"),
            format!("* password      {}", if matches!(room.door, Door::Password(_)) { "set" } else { "none" }),
            format!("* public        {}", on(room.public)),
            format!("* invite        {}", on(room.door == Door::Closed)),
            format!("* slow          {slow}"),
            format!("* history       {}", if room.joined_only { "joined" } else { "all" }),
        ];
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn list_bans(&mut self, me: Client, room: &str) {
        let Some(who) = self.person(me).map(Person::who) else { return };
        let room = &self.rooms[room];
        if !room.rank(&who).keeps_order() {
            return self.tell(me, format!("! {}", not_admin(room)));
        }
        if room.bans.is_empty() {
            return self.tell(me, format!("* Nobody is banned from {}.", room.name));
        }
        let names = room.bans.iter().map(|ban| ban.name.len()).max().unwrap_or(0);
        let line = |ban: &Ban| {
            let left = if ban.timed { format!("{SPAN} left") } else { "until lifted".to_owned() };
            let reason = if ban.reason.is_empty() { String::new() } else { format!(" ({})", ban.reason) };
            format!("* {:names$}   by {}, {left}{reason}", ban.name, ban.by)
        };
        let lines: Vec<_> = room.bans.iter().map(line).collect();
        lines.into_iter().for_each(|line| self.tell(me, line));
    }

    pub fn set_away(&mut self, me: Client, away: Option<String>) {
        let Some(person) = self.person_mut(me) else { return };
        let line = match &away {
            Some(_) if person.away == away => "* You are away already.".to_owned(),
            Some(text) => format!("* You are away ({text}); :back ends it."),
            None if person.away.is_none() => "* You are not away.".to_owned(),
            None => "* You are back.".to_owned(),
        };
        person.away = away;
        self.tell(me, line);
    }

    pub fn ignore(&mut self, me: Client, typed: &str) {
        let (client, name) = match self.find(typed) {
            Some(person) => (person.client, person.name.clone()),
            None if parts(typed).1.is_some() => {
                return self.tell(me, format!("! {typed} is not online; :listall shows who is."));
            }
            // No connection: anybody who takes that name.
            None => (0, typed.to_owned()),
        };
        if client == me {
            return self.tell(me, "! You cannot ignore yourself.");
        }
        if self.person(me).is_some_and(|person| person.ignores(client, &name)) {
            return self.tell(me, format!("! You are ignoring {name} already; :unignore {name} ends it."));
        }
        self.tell(me, format!("* You are now ignoring {name}; :unignore {name} ends it."));
        if let Some(person) = self.person_mut(me) {
            person.ignored.push((client, name));
        }
    }

    pub fn unignore(&mut self, me: Client, typed: &str) {
        let name = self.bare(typed).to_owned();
        let client = self.find(typed).map(|person| person.client).or(parts(typed).1);
        let Some(person) = self.person_mut(me) else { return };
        let before = person.ignored.len();
        person.ignored.retain(|(known, known_name)| Some(*known) != client && *known_name != name);
        let line = match person.ignored.len() < before {
            true => format!("* You are no longer ignoring {name}."),
            false => format!("! You are not ignoring {name}."),
        };
        self.tell(me, line);
    }

    pub fn list_ignored(&mut self, me: Client) {
        let Some(person) = self.person(me) else { return };
        let names: Vec<_> = person.ignored.iter().map(|(_, name)| name.clone()).collect();
        let line =
            if names.is_empty() { "not ignoring anybody".to_owned() } else { format!("ignoring {}", names.join(", ")) };
        self.tell(me, format!("* You are {line}."));
    }
}
