//! The model: users, rooms, messages, and what each step shows on each screen.
//!
//! Pure, and written from the server's documentation alone. What each action does is in the modules beside this one.

use std::collections::BTreeMap;

use super::message::Message;
use super::room::{Room, Who};
use super::step::{Act, Step};

/// A connection's id.
pub type Client = u64;

/// Reading commands that a connection may send at once.
const READS: u32 = 20;

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Room(String),
    Pair(Client),
}

/// The session asks for a password.
#[derive(Clone, Debug)]
pub struct Question {
    pub room: String,
    pub from_view: bool,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub client: Client,
    /// Empty before the login.
    pub name: String,
    pub address: String,
    pub open: Vec<Place>,
    pub view: bool,
    pub asked: Option<Question>,
    pub warned: bool,
    pub away: Option<String>,
    pub ignored: Vec<(Client, String)>,
    pub reads: u32,
    /// Speaks JSON: has no view, and gets the messages of all rooms it is in as objects.
    pub program: bool,
}

impl Person {
    pub fn who(&self) -> Who {
        Who { client: self.client, name: self.name.clone(), address: self.address.clone() }
    }

    /// The room whose chat view is open.
    pub fn viewed(&self) -> Option<&str> {
        let looks = self.view || self.asked.as_ref().is_some_and(|question| question.from_view);
        match self.open.last() {
            Some(Place::Room(room)) if looks => Some(room),
            _ => None,
        }
    }

    /// The current room.
    pub fn room(&self) -> Option<String> {
        match self.open.last() {
            Some(Place::Room(room)) => Some(room.clone()),
            _ => None,
        }
    }

    pub fn ignores(&self, client: Client, name: &str) -> bool {
        // Names without a connection have the id 0.
        let is = |(known, known_name): &(Client, String)| (*known == client && client > 0) || known_name == name;
        client != self.client && self.ignored.iter().any(is)
    }
}

/// A line as it reads in the view. There, only a slash begins a command, and a line that names one shows it that way.
pub fn for_view(line: String) -> String {
    let names_one =
        line.starts_with("! ") || [" ends it.", " ends that.", " enters it."].iter().any(|end| line.ends_with(end));
    let commands =
        ["back", "bans", "create", "history", "invite", "join", "list", "listall", "rooms", "set", "unban", "unignore"];
    if !names_one {
        return line;
    }
    commands.iter().fold(line, |line, word| line.replace(&format!(" :{word} "), &format!(" /{word} ")))
}

/// What a step must lead to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The line typed, if one was.
    pub typed: Option<String>,
    /// The connection is over.
    pub over: bool,
    /// Lines for each seat; for a program's, see [`program`](super::program).
    pub lines: Vec<Vec<String>>,
    /// The prompt of each seat.
    pub prompts: Vec<String>,
}

/// An event of a room on its way to the members who have its view open.
enum News {
    /// A line, the user who caused it, and everybody named in it.
    Told(String, Option<Client>, Vec<(Client, String)>),
    Said(Message, bool),
}

pub struct Chat {
    pub seats: Vec<Option<Person>>,
    pub rooms: BTreeMap<String, Room>,
    /// With the lower connection id first.
    pub pairs: BTreeMap<(Client, Client), Vec<Message>>,
    /// Wrong passwords in a row, by connection and room. The limit per address is never reached.
    pub wrong: BTreeMap<(Client, String), u32>,
    pub last_message: u64,
    pub arrivals: u64,
    /// Which seats are programs.
    pub programs: Vec<bool>,
    addresses: Vec<String>,
    last_client: Client,
    heard: Vec<Vec<String>>,
    objects: Vec<Vec<String>>,
    news: Vec<(String, News)>,
}

/// Splits `bob#1002` into its parts.
pub fn parts(typed: &str) -> (&str, Option<Client>) {
    match typed.split_once('#') {
        Some((name, number)) => (name, number.parse().ok()),
        None => (typed, None),
    }
}

impl Chat {
    pub fn new(addresses: &[&str]) -> Chat {
        let mut general = Room::new("general", None);
        general.description = "For general conversations.".to_owned();
        Chat {
            seats: addresses.iter().map(|_| None).collect(),
            rooms: BTreeMap::from([("general".to_owned(), general)]),
            pairs: BTreeMap::new(),
            wrong: BTreeMap::new(),
            last_message: 0,
            arrivals: 0,
            programs: vec![false; addresses.len()],
            addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
            last_client: 1000,
            heard: Vec::new(),
            objects: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Everybody who is logged in.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.seats.iter().flatten().filter(|person| !person.name.is_empty())
    }

    pub fn find(&self, typed: &str) -> Option<&Person> {
        let (name, client) = parts(typed);
        self.people().find(|person| person.name == name && client.is_none_or(|client| client == person.client))
    }

    pub fn person(&self, client: Client) -> Option<&Person> {
        self.seats.iter().flatten().find(|person| person.client == client)
    }

    pub fn person_mut(&mut self, client: Client) -> Option<&mut Person> {
        self.seats.iter_mut().flatten().find(|person| person.client == client)
    }

    pub fn name(&self, client: Client) -> String {
        self.person(client).map(|person| person.name.clone()).unwrap_or_default()
    }

    /// Shows a client a line at once.
    pub fn tell(&mut self, client: Client, line: impl Into<String>) {
        let seat = self.seats.iter().position(|seat| seat.as_ref().is_some_and(|person| person.client == client));
        if let Some(seat) = seat {
            let in_view = self.seats[seat].as_ref().is_some_and(|person| person.view && person.asked.is_none());
            let line = line.into();
            self.heard[seat].push(if in_view { for_view(line) } else { line });
        }
    }

    /// Sends an object, if the client is a program.
    pub fn send_object(&mut self, client: Client, object: String) {
        let seat = self.seats.iter().position(|seat| seat.as_ref().is_some_and(|person| person.client == client));
        if let Some(seat) = seat.filter(|seat| self.programs[*seat]) {
            self.objects[seat].push(object);
        }
    }

    /// Delivers a message to a user: as a line, or as an object with this reason.
    pub fn show_message(&mut self, client: Client, why: &str, place: &str, message: &Message) {
        if self.person(client).is_some_and(|person| person.program) {
            let ignores = |from, author: &str| self.person(client).is_some_and(|person| person.ignores(from, author));
            let object = message.as_object(why, place, ignores);
            self.send_object(client, object);
        } else {
            let line = self.shown(message, client);
            self.tell(client, line);
        }
    }

    /// Queues a line for the viewers of a room, except the user who caused it. They see it after all lines that were
    /// shown directly. A user who ignores one of the users named does not see it, unless it is about themselves.
    pub fn news(&mut self, room: &str, line: impl Into<String>, by: Option<Client>, people: Vec<(Client, String)>) {
        self.news.push((room.to_owned(), News::Told(format!("* {}", line.into()), by, people)));
    }

    /// Queues a message for the viewers of a room. `fresh`: its author has just typed it.
    pub fn said(&mut self, room: &str, message: &Message, fresh: bool) {
        self.news.push((room.to_owned(), News::Said(message.clone(), fresh)));
    }

    fn deliver(&mut self) {
        for (room, news) in std::mem::take(&mut self.news) {
            let members = self.rooms.get(&room).map(|room| room.members.keys().copied().collect::<Vec<_>>());
            let is_member = |person: &Person| members.as_ref().is_some_and(|members| members.contains(&person.client));
            let sees = |person: &&Person| person.viewed() == Some(&room) || (person.program && is_member(person));
            let viewers: Vec<_> = self.people().filter(sees).cloned().collect();
            for viewer in viewers {
                if viewer.program {
                    self.deliver_object(&viewer, &room, &news);
                    continue;
                }
                let line = match &news {
                    News::Told(_, Some(by), _) if *by == viewer.client => continue,
                    News::Told(_, _, people)
                        if people.iter().all(|(client, _)| *client != viewer.client)
                            && people.iter().any(|(client, name)| viewer.ignores(*client, name)) =>
                    {
                        continue;
                    }
                    News::Told(line, ..) => line.clone(),
                    News::Said(message, _) if viewer.ignores(message.from, &message.author) => continue,
                    News::Said(message, true) if message.from == viewer.client && message.is_plain() => continue,
                    News::Said(message, false) if message.id <= self.rooms[&room].after(viewer.client) => continue,
                    News::Said(message, _) => {
                        let after = self.rooms[&room].after(viewer.client);
                        self.shown(&message.without_quotes_up_to(after), viewer.client)
                    }
                };
                self.tell(viewer.client, line);
            }
        }
    }

    /// A program gets only messages, its own included, and every deletion.
    fn deliver_object(&mut self, viewer: &Person, room: &str, news: &News) {
        match news {
            News::Told(line, ..) => {
                let gone = line.strip_prefix("* #").and_then(|rest| rest.split_once(' '));
                if let Some((id, _)) = gone {
                    self.send_object(viewer.client, format!("gone {room} #{id}"));
                }
            }
            News::Said(message, _) if viewer.ignores(message.from, &message.author) => {}
            News::Said(message, fresh) => {
                let after = self.rooms[room].after(viewer.client);
                if message.id > after {
                    let why = if *fresh { "message" } else { "edited" };
                    self.show_message(viewer.client, why, room, &message.without_quotes_up_to(after));
                }
            }
        }
    }

    fn prompt(&self, person: &Person) -> String {
        if person.program {
            return String::new();
        }
        let name = |place: &Place| match place {
            Place::Room(room) => room.clone(),
            Place::Pair(partner) => format!("@{}", self.name(*partner)),
        };
        match (&person.asked, person.open.last()) {
            _ if person.name.is_empty() => "Username:".to_owned(),
            (Some(_), _) => "Password:".to_owned(),
            (None, None) => ">".to_owned(),
            (None, Some(place)) if person.view => format!("{} |", name(place)),
            (None, Some(place)) => format!("[{}]>", name(place)),
        }
    }

    /// Applies a step. `None` if it is impossible in the present state.
    pub fn apply(&mut self, step: &Step) -> Option<Outcome> {
        self.heard = self.seats.iter().map(|_| Vec::new()).collect();
        self.objects = self.heard.clone();
        let mut outcome = Outcome::default();
        match (&step.act, &mut self.seats[step.seat]) {
            (Act::Grace(room), _) => {
                let waits = |room: &Room| room.keepers.iter().any(|keeper| keeper.awaited);
                let room = self.rooms.get_mut(room).filter(|room| room.made_by.is_some() && waits(room))?;
                room.keepers.retain(|keeper| !keeper.awaited);
                let name = room.name.clone();
                self.name_heir(&name, None);
            }
            (Act::Linger(room), _) => {
                let over = |room: &&Room| room.made_by.is_some() && room.members.is_empty();
                self.rooms.get(room).filter(over)?;
                self.rooms.remove(room);
            }
            (Act::Expire(room, id), _) => {
                let temporary = |message: &Message| message.id == *id && message.temporary;
                let known = self.rooms.get_mut(room)?;
                let author =
                    known.said.iter().find(|message| temporary(message)).map(|m| (m.from, m.author.clone()))?;
                super::talk::erase(&mut known.said, *id);
                self.news(room, format!("#{id} expired"), None, vec![author]);
            }
            (Act::Login(name), Some(person)) if !person.name.is_empty() || person.reads >= READS || name.is_empty() => {
                return None;
            }
            (Act::Login(name), seat) => {
                if seat.is_none() {
                    self.last_client += 1;
                    let (client, address) = (self.last_client, self.addresses[step.seat].clone());
                    *seat = Some(Person {
                        client,
                        name: String::new(),
                        address,
                        open: Vec::new(),
                        view: false,
                        asked: None,
                        warned: false,
                        away: None,
                        ignored: Vec::new(),
                        reads: 0,
                        program: self.programs[step.seat],
                    });
                }
                let client = seat.as_ref()?.client;
                seat.as_mut()?.reads += 1;
                outcome.typed = Some(name.clone());
                self.log_in(client, name);
            }
            (Act::Lost, Some(person)) if !person.name.is_empty() => {
                let client = person.client;
                self.leave_all(client, true);
                outcome.over = true;
            }
            (act, Some(person)) if !person.name.is_empty() => {
                let asked = person.asked.is_some();
                if asked != matches!(act, Act::Answer(_)) || person.reads + act.reads() > READS {
                    return None;
                }
                if person.program && !super::program::can_ask(act, person) {
                    return None;
                }
                person.reads += act.reads();
                let client = person.client;
                outcome.typed = Some(act.line(person.view && !asked)?);
                if *act == Act::Quit {
                    self.leave_all(client, false);
                    self.tell(client, "* Goodbye.");
                    outcome.over = true;
                } else {
                    self.run(client, act)?;
                }
            }
            _ => return None,
        }
        self.deliver();
        outcome.prompts =
            self.seats.iter().map(|seat| seat.as_ref().map_or_else(String::new, |p| self.prompt(p))).collect();
        if outcome.over {
            outcome.prompts[step.seat] = String::new();
            self.seats[step.seat] = None;
        }
        outcome.lines = std::mem::take(&mut self.heard);
        let objects = std::mem::take(&mut self.objects);
        for (seat, objects) in objects.into_iter().enumerate().filter(|(seat, _)| self.programs[*seat]) {
            let refused = super::program::refusal(&outcome.lines[seat]).filter(|_| seat == step.seat);
            outcome.lines[seat] = objects.into_iter().chain(refused).collect();
        }
        Some(outcome)
    }

    fn run(&mut self, me: Client, act: &Act) -> Option<()> {
        match act {
            Act::Answer(text) => self.answer(me, text),
            Act::Say(text) => self.say(me, text, false, false),
            Act::Me(text) => self.say(me, text, true, false),
            Act::Temporary(text) => self.say(me, text, false, true),
            Act::To(room, text) => self.say_to(me, room, text),
            Act::Direct(to, text) => self.send(me, to, text, ""),
            Act::At(to, text) => {
                let way_out = self.way_out(me);
                self.send(me, to, text, &way_out);
            }
            Act::OpenDirect(typed) => self.open_direct(me, typed),
            Act::NoText(_) => {
                self.tell(me, "! There is no text after the names: @bob,carol and then what you want to say.");
            }
            Act::Reply(id, text) => self.reply(me, *id, text),
            Act::Edit(id, text) => self.edit(me, *id, text),
            Act::Delete(id) => self.delete(me, *id),
            Act::History(count) => self.history(me, count.unwrap_or(20)),
            Act::Search(pattern) => self.search(me, pattern),
            Act::Create(room, password) => self.create(me, room, password.clone()),
            Act::Group(room, invited) => self.group(me, room, invited),
            Act::Join(room, password) => self.join(me, room, password.as_deref()),
            Act::Chat => self.open_view(me),
            Act::Leave => self.leave_view(me),
            Act::Misused(misuse) => self.misuse(me, misuse),
            Act::Close => self.close(me),
            Act::Nick(name) => self.nick(me, name),
            Act::Ignore(typed) => self.ignore(me, typed),
            Act::Unignore(typed) => self.unignore(me, typed),
            Act::ListIgnored => self.list_ignored(me),
            Act::Away(text) => self.set_away(me, Some(text.clone())),
            Act::Back => self.set_away(me, None),
            Act::Rooms => self.list_rooms(me),
            Act::List => self.list_people(me),
            Act::ListAll => self.list_everybody(me),
            Act::WhoIs(typed) => self.who_is(me, typed),
            Act::WhoAmI => self.who_am_i(me),
            act => self.about_room(me, act),
        }
        Some(())
    }
}
