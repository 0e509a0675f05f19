//! What a user enters: text, commands, and answers to questions.
//!
//! A line is read as the server's chat view reads it, with one difference: a command may begin with `:` as well as with `/`, since
//! there is one place to type both in. Most commands go to the server as they are. Those that the client has to follow (where the
//! user is, what was said) are sent as typed requests.
//!
//! *Owns* which commands those are, and when a line is the answer to a question. *Knows nothing of* what the server
//! answers.

use std::path::PathBuf;

use super::ClientModel;
use super::channel::{ChannelKey, ChannelKind};
use super::dialog::Dialog;
use super::files::offer_request;
use super::intent::Moment;
use super::request::ClientRequest;
use super::sending::LineWork;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::secret::Secret;
use crate::ui::command::{self, Command, FileVerb, PlaceVerb, ServerVerb, TalkVerb, Typed, Verb};
use crate::ui::palette::{addressed, literally, without_password};

/// `~/report.pdf` as a shell reads it.
fn expanded(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").and_then(|rest| Some(PathBuf::from(std::env::var_os("HOME")?).join(rest)));
    home.unwrap_or_else(|| PathBuf::from(path))
}

impl ClientModel {
    pub(super) fn submit(&mut self, line: &str, now: Moment) {
        let line = crate::text::sanitize_lines(line).into_owned();
        if self.dialog.is_some() {
            return self.answer(&line, now);
        }
        if !self.choices.unattended && self.answer_offer(&line, now) {
            return;
        }
        let line = line.trim_end();
        if line.trim().is_empty() {
            return;
        }
        if let Some(literal) = line.strip_prefix(' ') {
            return self.say_here(literally(literal).unwrap_or(line), line, now);
        }
        if let Some((to, text)) = addressed(line) {
            let people = to.split(',').map(|name| name.trim_start_matches('@').to_owned()).collect();
            return self.say_to(people, text, line, now);
        }
        match self.command_in(line) {
            Some(typed) => match typed.command() {
                Some(command) => self.run(&command, line, now),
                None => self.pass_on(line, None, now),
            },
            None => self.say_here(line, line, now),
        }
    }

    /// The command that a line is, or was meant to be. A smiley is not a command.
    fn command_in<'a>(&self, line: &'a str) -> Option<Typed<'a>> {
        let typed = Typed::parse(line)?;
        let is_one = match typed.mark {
            '/' => command::split_mark(line)?.1.starts_with(char::is_alphabetic),
            _ => self.current().is_palette() || command::resembling(typed.word, AccountPolicy::Optional).is_some(),
        };
        is_one.then_some(typed)
    }

    /// The room or the people that commands are about. In the palette, that is the channel that was current before.
    pub(super) fn subject(&self) -> Option<ChannelKey> {
        let current = if self.current().is_palette() { self.previous } else { Some(self.current) };
        current.filter(|key| self.channel(*key).is_some())
    }

    /// Text for the current channel.
    pub(super) fn say_here(&mut self, text: &str, shown: &str, now: Moment) {
        let channel = self.current();
        let request = match &channel.kind {
            // The server answers what a newcomer tries first with the command they mean.
            ChannelKind::Palette => return self.pass_on(shown, None, now),
            ChannelKind::Room => ClientRequest::about("say", &channel.name),
            ChannelKind::Direct(people) => {
                ClientRequest { receiver: people.clone(), private: true, ..ClientRequest::new("say") }
            }
        };
        self.enqueue(shown, request.saying(text), LineWork::Post, now);
    }

    pub(super) fn say_to(&mut self, people: Vec<String>, text: &str, shown: &str, now: Moment) {
        let request = ClientRequest { receiver: people, private: true, ..ClientRequest::new("say") };
        self.enqueue(shown, request.saying(text), LineWork::Post, now);
    }

    /// A line for the server's own palette.
    pub(super) fn pass_on(&mut self, line: &str, verb: Option<Verb>, now: Moment) {
        let room = self.subject().and_then(|key| self.channel(key)).filter(|channel| channel.is_room());
        let request = match room {
            Some(room) => ClientRequest::about("command", &room.name),
            None => ClientRequest::new("command"),
        };
        let shown = without_password(line).to_owned();
        self.enqueue(&shown, request.saying(line), LineWork::Command(verb), now);
    }

    /// A request about the subject of commands; `None` if there is none.
    pub(super) fn about_subject(&self, action: &'static str) -> Option<ClientRequest> {
        let channel = self.subject().and_then(|key| self.channel(key))?;
        match &channel.kind {
            ChannelKind::Palette => None,
            ChannelKind::Room => Some(ClientRequest::about(action, &channel.name)),
            ChannelKind::Direct(people) => {
                Some(ClientRequest { receiver: people.clone(), private: true, ..ClientRequest::new(action) })
            }
        }
    }

    pub(super) fn run(&mut self, command: &Command<'_>, line: &str, now: Moment) {
        let verb = command.spec.verb;
        let (first, rest) = command.split_rest();
        match verb {
            Verb::Server(ServerVerb::Quit) => return self.leave_server(now),
            Verb::Server(ServerVerb::Help) if first.eq_ignore_ascii_case("client") => {
                return HELP.iter().for_each(|row| self.tell_news(*row, now));
            }
            Verb::Place(place) => {
                if self.go(place, first, rest, line, now) {
                    return;
                }
            }
            Verb::Talk(talk) => {
                if self.talk(talk, command, line, now) {
                    return;
                }
            }
            Verb::Account(account) => return self.account(account, first, now),
            Verb::File(file) => {
                if self.file(file, first, rest, line, now) {
                    return;
                }
            }
            Verb::Screen(screen) => {
                if self.set_screen(screen, first, now) {
                    return;
                }
            }
            Verb::Server(ServerVerb::Help) | Verb::Room(_) | Verb::Member(_) | Verb::User(_) | Verb::Operator(_) => {}
        }
        self.pass_on(line, Some(verb), now);
    }

    /// Returns true if the line needs nothing else.
    pub(super) fn go(&mut self, verb: PlaceVerb, first: &str, rest: &str, line: &str, now: Moment) -> bool {
        match verb {
            PlaceVerb::Join if !first.is_empty() => {
                self.join(first.trim_start_matches('#'), Secret::new(rest), without_password(line), now);
            }
            PlaceVerb::Create if !first.is_empty() => {
                let (name, password) = (first.trim_start_matches('#').to_owned(), Secret::new(rest));
                let request = ClientRequest::about("create", &name).secret("password", password.clone());
                self.enqueue(without_password(line), request, LineWork::Join { room: name, password }, now);
            }
            PlaceVerb::Chat => match self.subject() {
                Some(channel) => self.switch(channel),
                None => self.tell_error("You are in no room: :rooms lists them, and :join <room> enters one.", now),
            },
            PlaceVerb::Leave => self.switch(self.palette_key()),
            PlaceVerb::Close => match self.subject() {
                Some(channel) if self.is_direct(channel) => self.remove(channel),
                Some(channel) => {
                    let name = self.channel(channel).map(|room| room.name.clone()).unwrap_or_default();
                    self.enqueue(line, ClientRequest::about("close", &name), LineWork::Close(channel), now);
                }
                None => return false,
            },
            PlaceVerb::Join
            | PlaceVerb::Create
            | PlaceVerb::Rooms
            | PlaceVerb::Group
            | PlaceVerb::List
            | PlaceVerb::ListAll => {
                return false;
            }
        }
        true
    }

    pub(super) fn join(&mut self, room: &str, password: Option<Secret>, shown: &str, now: Moment) {
        if let Some(known) = self.room(room) {
            return self.switch(known);
        }
        let request = ClientRequest::about("join", room).secret("password", password.clone());
        self.enqueue(shown, request, LineWork::Join { room: room.to_owned(), password }, now);
    }

    /// Enters the room from the command line, before anything else is sent.
    pub(super) fn join_first(&mut self, room: &str) {
        let room = room.trim_start_matches('#');
        let request = ClientRequest::about("join", room);
        let work = LineWork::Join { room: room.to_owned(), password: None };
        let line = self.outgoing_line(&format!(":join {room}"), request, work);
        self.outgoing.push_front(line);
    }

    pub(super) fn talk(&mut self, verb: TalkVerb, command: &Command<'_>, line: &str, now: Moment) -> bool {
        let (first, rest) = command.split_rest();
        let number = first.trim_start_matches('#').parse().ok();
        let request = match verb {
            TalkVerb::Say if !command.rest.is_empty() => {
                self.about_subject("say").map(|request| request.saying(command.rest))
            }
            TalkVerb::Me if !command.rest.is_empty() => {
                self.about_subject("me").map(|request| request.saying(command.rest))
            }
            TalkVerb::To if !rest.is_empty() => {
                Some(ClientRequest::about("say", first.trim_start_matches('#')).saying(rest))
            }
            TalkVerb::Reply if number.is_some() && !rest.is_empty() => {
                Some(ClientRequest::new("reply").with("message", number).saying(rest))
            }
            TalkVerb::Temporary if number.is_some() && !rest.is_empty() && !rest.starts_with('@') => {
                self.about_subject("temp").map(|request| request.with("seconds", number).saying(rest))
            }
            TalkVerb::Direct if !first.is_empty() && rest.is_empty() => {
                let people: Vec<_> = first.split(',').map(|name| name.trim_start_matches('@').to_owned()).collect();
                if people.iter().all(|name| !name.is_empty() && !name.contains('#')) {
                    let key = self.open_direct(people);
                    self.switch(key);
                    return true;
                }
                None
            }
            TalkVerb::Direct if !first.is_empty() => {
                let receiver = first.split(',').map(|name| name.trim_start_matches('@').to_owned()).collect();
                Some(ClientRequest { receiver, private: true, ..ClientRequest::new("say") }.saying(rest))
            }
            TalkVerb::Paste => {
                self.tell_news("Paste your lines. A line with a . alone ends and sends them.", now);
                self.ask(Dialog::Paste(Vec::new()), now);
                return true;
            }
            TalkVerb::Search if !command.rest.is_empty() => {
                let room = self.subject().and_then(|key| self.channel(key)).filter(|channel| channel.is_room());
                let request = match room {
                    Some(room) => ClientRequest::about("search", &room.name),
                    None => ClientRequest::new("search"),
                };
                self.enqueue(line, request.saying(command.rest), LineWork::Search, now);
                return true;
            }
            TalkVerb::Say
            | TalkVerb::Me
            | TalkVerb::To
            | TalkVerb::Reply
            | TalkVerb::Temporary
            | TalkVerb::Direct
            | TalkVerb::Search
            | TalkVerb::Edit
            | TalkVerb::Delete
            | TalkVerb::History => None,
        };
        let is_post = request.is_some();
        if let Some(request) = request {
            self.enqueue(line, request, LineWork::Post, now);
        }
        is_post
    }

    pub(super) fn file(&mut self, verb: FileVerb, first: &str, rest: &str, line: &str, now: Moment) -> bool {
        let number = first.parse().ok();
        match verb {
            FileVerb::Send if !rest.is_empty() => {
                let path = expanded(rest.trim_matches('"'));
                let size = match path.metadata() {
                    Ok(metadata) if metadata.is_file() => metadata.len(),
                    Ok(_) => {
                        self.refuse(self.current, line.to_owned(), format!("{} is not a file.", path.display()), now);
                        return true;
                    }
                    Err(error) => {
                        let why = format!("{} cannot be read: {error}.", path.display());
                        self.refuse(self.current, line.to_owned(), why, now);
                        return true;
                    }
                };
                let to = first.trim_start_matches('@');
                self.enqueue(line, offer_request(to, &path, Some(size)), LineWork::Offer(path), now);
                true
            }
            FileVerb::Accept if first.is_empty() || number.is_some() => {
                let request = ClientRequest::new("accept").with("offer", number);
                self.enqueue(line, request, LineWork::Accept, now);
                true
            }
            FileVerb::Decline if first.is_empty() || number.is_some() => {
                if self.stop_offering(number, now) {
                    return true;
                }
                self.note_declined(number);
                let request = ClientRequest::new("decline").with("offer", number);
                self.enqueue(line, request, LineWork::Decline, now);
                true
            }
            FileVerb::Send | FileVerb::Accept | FileVerb::Decline | FileVerb::List => false,
        }
    }
}

/// `:help client`.
const HELP: [&str; 10] = [
    "This client runs on your machine; what you type that begins with : or / is a command.",
    ":join <room> and :create <room> go to a room, :q to the palette, :chat back; :close leaves a room.",
    "@<user> <text> writes to one person, :msg <user> opens the conversation; Alt-A goes to what is unread.",
    ":send <user> <path> offers a file and sends it once the user accepts. Offers to you are asked about.",
    ":search <regex> finds messages, :history <n> lists them with their numbers.",
    ":register, :passwd and :login ask for passwords, which are never shown.",
    ":bell, :color, :timestamps, :ids and :quiet change how this client shows things.",
    "A blank before : / or @ sends the line as text.",
    "Lines typed while there is no connection wait, and are sent once, when it is back.",
    ":quit leaves.",
];
