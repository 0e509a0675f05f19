//! What a user enters: text, commands, and answers to questions.
//!
//! A line is read as the server's chat view reads it, with one difference: a command may begin with `:` as well as with `/`, since
//! there is one place to type both in. Most commands go to the server as they are. Those that the client has to follow (where the
//! user is, what was said) are sent as typed requests.
//!
//! *Owns* which commands those are, and the questions that a line may be the answer to.
//! *Knows nothing of* what the server answers.

use std::path::{Path, PathBuf};

use super::channel::{ChannelKey, ChannelKind, Older};
use super::intent::{ClientEffect, Intent, Moment, UserQuestion};
use super::request::ClientRequest;
use super::resume::EXIT_USER;
use super::search::SearchResults;
use super::sending::{LineWork, Purpose};
use super::status::LinkStatus;
use super::{ClientModel, RingsAt};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::secret::Secret;
use crate::ui::command::{
    self, AccountVerb, Command, FileVerb, PlaceVerb, ScreenVerb, ServerVerb, TalkVerb, Typed, Verb,
};
use crate::ui::palette::{addressed, without_password};

/// Messages asked for at once on scrolling up; the server sends at most 200.
const PAGE: u64 = 100;

/// Most lines of one `:paste`.
const MOST_PASTED: usize = 1000;

/// A question that the next line answers.
#[derive(Clone, Debug)]
pub(super) enum Dialog {
    /// The user's name.
    Name,
    /// The password of this name.
    Password(String),
    /// Whether to end the user's other connection.
    TakeOver,
    /// The password of a room.
    RoomPassword(String),
    /// A new password, and then the same again.
    NewPassword { old: Option<Secret>, new: Option<Secret>, registers: bool },
    /// The password that the account has.
    OldPassword { changes: bool },
    /// The password of another account.
    OtherAccount(String),
    /// Lines of one message, up to a `.`.
    Paste(Vec<String>),
}

impl Dialog {
    pub(super) fn is_login(&self) -> bool {
        match self {
            Dialog::Name | Dialog::Password(_) | Dialog::TakeOver => true,
            Dialog::RoomPassword(_)
            | Dialog::NewPassword { .. }
            | Dialog::OldPassword { .. }
            | Dialog::OtherAccount(_)
            | Dialog::Paste(_) => false,
        }
    }

    fn question(&self) -> UserQuestion {
        let (prompt, hidden) = match self {
            Dialog::Name => ("Username: ".to_owned(), false),
            Dialog::Password(name) | Dialog::OtherAccount(name) => (format!("Password of {name}: "), true),
            Dialog::TakeOver => ("End that connection and log in here instead? (y/n) ".to_owned(), false),
            Dialog::RoomPassword(room) => (format!("Password of the room {room}: "), true),
            Dialog::NewPassword { new: None, .. } => ("New password: ".to_owned(), true),
            Dialog::NewPassword { .. } => ("The same again: ".to_owned(), true),
            Dialog::OldPassword { .. } => ("Your password: ".to_owned(), true),
            Dialog::Paste(_) => ("paste> ".to_owned(), false),
        };
        UserQuestion { prompt, hidden }
    }
}

/// What may be sent of a file's path to others: its last part.
fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `~/report.pdf` as a shell reads it.
fn expanded(path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").and_then(|rest| Some(PathBuf::from(std::env::var_os("HOME")?).join(rest)));
    home.unwrap_or_else(|| PathBuf::from(path))
}

fn is_yes(answer: &str) -> Option<bool> {
    match &*answer.trim().to_lowercase() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

impl ClientModel {
    /// The question that the next line answers, if there is one. It stands in the place of the prompt.
    pub(crate) fn question(&self) -> Option<UserQuestion> {
        if let Some(dialog) = &self.dialog {
            return Some(dialog.question());
        }
        self.offers.front().map(|offer| UserQuestion { prompt: offer.question(), hidden: false })
    }

    pub(super) fn ask(&mut self, dialog: Dialog, now: Moment) {
        if self.choices.unattended {
            let why = match &dialog {
                Dialog::Name => "Nobody is at a terminal to be asked for a name: write NAME@ before the host.",
                Dialog::Password(_) | Dialog::RoomPassword(_) => {
                    "A password is needed, and nobody is at a terminal to be asked for it."
                }
                Dialog::TakeOver
                | Dialog::NewPassword { .. }
                | Dialog::OldPassword { .. }
                | Dialog::OtherAccount(_)
                | Dialog::Paste(_) => "Nobody is at a terminal to be asked.",
            };
            if dialog.is_login() {
                self.effects.push(ClientEffect::Drop);
                return self.end(why, EXIT_USER, now);
            }
            self.refused_any = true;
            return self.tell_error(why, now);
        }
        self.dialog = Some(dialog);
        self.revision += 1;
    }

    /// What the user wants.
    pub(crate) fn act(&mut self, intent: Intent, now: Moment) {
        match intent {
            Intent::Submit(line) => self.submit(&line, now),
            Intent::Cancel => self.cancel(now),
            Intent::Switch(to) => self.switch(to),
            Intent::SwitchBy(step) => {
                let count = self.channels.len();
                let at = self.channels.iter().position(|channel| channel.key == self.current).unwrap_or(0);
                let to = at.saturating_add_signed(step.rem_euclid(isize::try_from(count).unwrap_or(1)));
                self.switch(self.channels[to % count].key);
            }
            Intent::NextUnread => {
                let unread = || self.channels.iter().filter(|each| each.unread > 0 && each.key != self.current);
                let to = unread().find(|each| each.mentions > 0).or_else(|| unread().next()).map(|each| each.key);
                to.into_iter().for_each(|to| self.switch(to));
            }
            Intent::LoadOlder => self.load_older(),
            Intent::Search { pattern, everywhere } => self.search_for(&pattern, everywhere, now),
            Intent::EndSearch => {
                self.search = None;
                self.revision += 1;
            }
            Intent::Attend(attends) => {
                self.attends = attends;
                if attends {
                    self.read_current();
                }
            }
            Intent::MarkRead => self.read_current(),
            Intent::Quit => self.leave_server(now),
        }
    }

    fn leave_server(&mut self, now: Moment) {
        if self.status == LinkStatus::Connected || self.status == LinkStatus::LoggingIn {
            self.quit();
        } else {
            self.end("", super::resume::EXIT_FINE, now);
        }
    }

    fn load_older(&mut self) {
        let current = self.current;
        let ready = self.is_ready();
        let channel = self.channel_mut(current);
        let Some(first) = channel.first_number().filter(|_| ready && channel.older == Older::Possible) else { return };
        let request = match &channel.kind {
            ChannelKind::Room => ClientRequest::about("history", &channel.name),
            ChannelKind::Direct(people) if people.len() == 1 => {
                ClientRequest { private: true, ..ClientRequest::about("history", &people[0]) }
            }
            ChannelKind::Direct(_) | ChannelKind::Palette => {
                channel.older = Older::Nothing;
                return;
            }
        };
        channel.older = Older::Loading;
        channel.touch();
        let request = request.with("before", Some(first)).with("limit", Some(PAGE));
        self.request(request, Purpose::Older(current, Vec::new()));
    }

    fn search_for(&mut self, pattern: &str, everywhere: bool, now: Moment) {
        if !self.is_ready() {
            return self.tell_error("There is no connection now.", now);
        }
        let channel = self.current();
        let request = if everywhere || !channel.is_room() {
            ClientRequest::new("search")
        } else {
            ClientRequest::about("search", &channel.name)
        };
        self.search = Some(SearchResults { pattern: pattern.to_owned(), ..SearchResults::default() });
        self.revision += 1;
        self.request(request.saying(pattern), Purpose::Search);
    }

    fn cancel(&mut self, now: Moment) {
        self.revision += 1;
        match self.dialog.take() {
            Some(dialog) if dialog.is_login() => self.leave_server(now),
            Some(_) => {}
            None => {
                if let Some(offer) = self.offers.pop_front() {
                    self.decline(offer.number, now);
                }
            }
        }
    }

    // ---- Lines ----

    fn submit(&mut self, line: &str, now: Moment) {
        let line = crate::text::sanitize_lines(line).into_owned();
        if self.dialog.is_some() {
            return self.answer(&line, now);
        }
        if !self.offers.is_empty() && self.answer_offer(&line, now) {
            return;
        }
        let line = line.trim_end();
        if line.trim().is_empty() {
            return;
        }
        if let Some(literal) = line.strip_prefix(' ') {
            let said = if literal.starts_with([':', '/', '@']) { literal } else { line };
            return self.say_here(said, line, now);
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

    /// The command that a line is, or was meant to be. A smiley is none.
    fn command_in<'a>(&self, line: &'a str) -> Option<Typed<'a>> {
        let typed = Typed::parse(line)?;
        let is_one = match typed.mark {
            '/' => line[1..].starts_with(char::is_alphabetic),
            _ => self.current().is_palette() || command::resembling(typed.word, AccountPolicy::Optional).is_some(),
        };
        is_one.then_some(typed)
    }

    /// The room or the people that commands are about: in the palette, the channel that was current before.
    fn subject(&self) -> Option<ChannelKey> {
        let current = if self.current().is_palette() { self.previous } else { Some(self.current) };
        current.filter(|key| self.channel(*key).is_some())
    }

    /// Text for the current channel.
    fn say_here(&mut self, text: &str, shown: &str, now: Moment) {
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

    fn say_to(&mut self, people: Vec<String>, text: &str, shown: &str, now: Moment) {
        let request = ClientRequest { receiver: people, private: true, ..ClientRequest::new("say") };
        self.enqueue(shown, request.saying(text), LineWork::Post, now);
    }

    /// A line for the server's own palette.
    fn pass_on(&mut self, line: &str, verb: Option<Verb>, now: Moment) {
        let room = self.subject().and_then(|key| self.channel(key)).filter(|channel| channel.is_room());
        let request = match room {
            Some(room) => ClientRequest::about("command", &room.name),
            None => ClientRequest::new("command"),
        };
        let shown = without_password(line).to_owned();
        self.enqueue(&shown, request.saying(line), LineWork::Command(verb), now);
    }

    /// A request about what the command is about; `None` if that is nothing.
    fn about_subject(&self, action: &'static str) -> Option<ClientRequest> {
        let channel = self.subject().and_then(|key| self.channel(key))?;
        match &channel.kind {
            ChannelKind::Palette => None,
            ChannelKind::Room => Some(ClientRequest::about(action, &channel.name)),
            ChannelKind::Direct(people) => {
                Some(ClientRequest { receiver: people.clone(), private: true, ..ClientRequest::new(action) })
            }
        }
    }

    fn run(&mut self, command: &Command<'_>, line: &str, now: Moment) {
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

    /// True if there is nothing left to do.
    fn go(&mut self, verb: PlaceVerb, first: &str, rest: &str, line: &str, now: Moment) -> bool {
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

    fn join(&mut self, room: &str, password: Option<Secret>, shown: &str, now: Moment) {
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

    fn talk(&mut self, verb: TalkVerb, command: &Command<'_>, line: &str, now: Moment) -> bool {
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

    fn account(&mut self, verb: AccountVerb, name: &str, now: Moment) {
        match verb {
            AccountVerb::Register => self.ask(Dialog::NewPassword { old: None, new: None, registers: true }, now),
            AccountVerb::ChangePassword => self.ask(Dialog::OldPassword { changes: true }, now),
            AccountVerb::Unregister => self.ask(Dialog::OldPassword { changes: false }, now),
            AccountVerb::Login | AccountVerb::Ghost if name.is_empty() => {
                self.tell_error("The name is missing, as in :login alice.", now);
            }
            AccountVerb::Login | AccountVerb::Ghost => self.ask(Dialog::OtherAccount(name.to_owned()), now),
        }
    }

    fn file(&mut self, verb: FileVerb, first: &str, rest: &str, line: &str, now: Moment) -> bool {
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
                let request = ClientRequest::about("send", to).saying(file_name(&path)).with("size", Some(size));
                self.enqueue(line, request, LineWork::Offer(path), now);
                true
            }
            FileVerb::Accept if first.is_empty() || number.is_some() => {
                let request = ClientRequest::new("accept").with("offer", number);
                self.enqueue(line, request, LineWork::Accept, now);
                true
            }
            FileVerb::Decline if first.is_empty() || number.is_some() => {
                if let Some(number) = number {
                    self.stop_transfer(number);
                }
                let request = ClientRequest::new("decline").with("offer", number);
                self.enqueue(line, request, LineWork::Decline, now);
                true
            }
            FileVerb::Send | FileVerb::Accept | FileVerb::Decline | FileVerb::List => false,
        }
    }

    fn set_screen(&mut self, verb: ScreenVerb, first: &str, now: Moment) -> bool {
        let on = match &*first.to_ascii_lowercase() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        let what = match verb {
            ScreenVerb::Redraw => {
                self.effects.push(ClientEffect::Redraw);
                self.revision += 1;
                return true;
            }
            ScreenVerb::Bell => {
                let bell = match (on, &*first.to_ascii_lowercase()) {
                    (Some(true), _) => RingsAt::Everything,
                    (Some(false), _) => RingsAt::Nothing,
                    (None, "mentions") => RingsAt::Mentions,
                    (None, _) => {
                        self.tell_error(":bell takes on, off or mentions.", now);
                        return true;
                    }
                };
                self.settings.bell = bell;
                "bell"
            }
            ScreenVerb::Color | ScreenVerb::Timestamps | ScreenVerb::Ids | ScreenVerb::Quiet => {
                let Some(on) = on else {
                    self.tell_error(format!(":{} takes on or off.", word(verb)), now);
                    return true;
                };
                let setting = match verb {
                    ScreenVerb::Color => &mut self.settings.color,
                    ScreenVerb::Timestamps => &mut self.settings.timestamps,
                    ScreenVerb::Ids => &mut self.settings.ids,
                    ScreenVerb::Quiet
                    | ScreenVerb::Bell
                    | ScreenVerb::Mode
                    | ScreenVerb::Charset
                    | ScreenVerb::Redraw
                    | ScreenVerb::TimeZone
                    | ScreenVerb::Time
                    | ScreenVerb::Echo
                    | ScreenVerb::Quote => &mut self.settings.quiet,
                };
                *setting = on;
                word(verb)
            }
            ScreenVerb::Mode
            | ScreenVerb::Charset
            | ScreenVerb::TimeZone
            | ScreenVerb::Time
            | ScreenVerb::Echo
            | ScreenVerb::Quote => return false,
        };
        self.revision += 1;
        self.tell_news(format!("{what} is {first} now."), now);
        true
    }

    // ---- Answers ----

    fn answer(&mut self, line: &str, now: Moment) {
        let Some(dialog) = self.dialog.take() else { return };
        self.revision += 1;
        let given = line.trim();
        match dialog {
            Dialog::Name if given.is_empty() => self.dialog = Some(Dialog::Name),
            Dialog::Name | Dialog::Password(_) | Dialog::TakeOver
                if is_way_out(given) && !matches!(dialog, Dialog::Password(_)) =>
            {
                self.leave_server(now);
            }
            Dialog::Name => {
                self.login.name = Some(given.to_owned());
                self.log_in(now);
            }
            Dialog::Password(_) if given.is_empty() => {
                self.login.name = None;
                self.ask(Dialog::Name, now);
            }
            Dialog::Password(_) => {
                self.login.password = Secret::new(given);
                self.log_in(now);
            }
            Dialog::TakeOver => match is_yes(given) {
                Some(true) => {
                    self.login.takeover = true;
                    // The password was right; it is asked for again, so that it is kept nowhere in the meantime.
                    let name = self.login.name.clone().unwrap_or_default();
                    self.ask(Dialog::Password(name), now);
                }
                Some(false) => {
                    self.login.name = None;
                    self.ask(Dialog::Name, now);
                }
                None => self.dialog = Some(dialog),
            },
            Dialog::RoomPassword(_) if given.is_empty() => {}
            Dialog::RoomPassword(room) => {
                let shown = format!(":join {room}");
                self.join(&room, Secret::new(given), &shown, now);
            }
            Dialog::NewPassword { .. } | Dialog::OldPassword { .. } if given.is_empty() => {
                self.tell_news("Nothing was changed.", now);
            }
            Dialog::NewPassword { old, new: None, registers } => {
                self.dialog = Some(Dialog::NewPassword { old, new: Secret::new(given), registers });
            }
            Dialog::NewPassword { old, new: Some(new), registers } => {
                self.set_password(old, new, registers, given, now)
            }
            Dialog::OldPassword { changes: true } => {
                self.dialog = Some(Dialog::NewPassword { old: Secret::new(given), new: None, registers: false });
            }
            Dialog::OldPassword { changes: false } => {
                let request = ClientRequest::new("unregister").secret("password", Secret::new(given));
                self.enqueue(":unregister", request, LineWork::Plain, now);
            }
            Dialog::OtherAccount(_) if given.is_empty() => {}
            Dialog::OtherAccount(name) => {
                if let Some(password) = Secret::new(given) {
                    let shown = format!(":login {name}");
                    let mut request =
                        ClientRequest::new("login").saying(name).secret("password", Some(password.clone()));
                    request.flags.push(("takeover", true));
                    self.enqueue(&shown, request, LineWork::LogIn(password), now);
                }
            }
            Dialog::Paste(lines) => self.add_pasted(lines, line, now),
        }
    }

    fn set_password(&mut self, old: Option<Secret>, new: Secret, registers: bool, again: &str, now: Moment) {
        if new.expose() != again {
            return self.tell_error("The two are not the same. Nothing was changed.", now);
        }
        let (shown, request) = if registers {
            (":register", ClientRequest::new("register").secret("password", Some(new.clone())))
        } else {
            let request = ClientRequest::new("passwd").secret("password", old);
            (":passwd", request.secret("new_password", Some(new.clone())))
        };
        self.enqueue(shown, request, LineWork::Password(new), now);
    }

    fn add_pasted(&mut self, mut lines: Vec<String>, line: &str, now: Moment) {
        let mut ends = false;
        for row in line.split('\n') {
            if row == "." {
                ends = true;
                break;
            }
            lines.push(row.to_owned());
        }
        if !ends && lines.len() < MOST_PASTED {
            self.dialog = Some(Dialog::Paste(lines));
            return;
        }
        let text = lines.join("\n");
        if !text.trim().is_empty() {
            let subject = self.subject();
            match subject.and_then(|_| self.about_subject("say")) {
                Some(request) => self.enqueue(&text, request.saying(text.as_str()), LineWork::Post, now),
                None => self.tell_error("You are in no room: :rooms lists them, and :join <room> enters one.", now),
            }
        }
    }
}

fn is_way_out(line: &str) -> bool {
    let way_out = |command: Command<'_>| command.spec.verb == Verb::Server(ServerVerb::Quit);
    Command::parse(line).is_some_and(way_out)
}

fn word(verb: ScreenVerb) -> &'static str {
    command::TABLE.iter().find(|spec| spec.verb == Verb::Screen(verb)).map_or("", |spec| spec.word)
}

/// `:help client`.
const HELP: [&str; 9] = [
    "This client runs on your machine; what you type that begins with : or / is a command.",
    ":join <room> and :create <room> go to a room, :q to the palette, :chat back; :close leaves a room.",
    ":send <user> <path> offers a file and sends it once the user accepts. Offers to you are asked about.",
    ":search <regex> finds messages, :history <n> lists them with their numbers.",
    ":register, :passwd and :login ask for passwords, which are never shown.",
    ":bell, :color, :timestamps, :ids and :quiet change how this client shows things.",
    "A blank before : / or @ sends the line as text.",
    "Lines typed while there is no connection wait, and are sent once, when it is back.",
    ":quit leaves.",
];
