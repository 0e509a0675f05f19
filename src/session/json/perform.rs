//! Which action does what.
//!
//! *Owns* the list of actions, what each costs in the rate limits, and which may come before a login.
//! *Knows nothing of* how an answer is written.

use super::Session;
use super::answer::Reply;
use crate::chat::account_policy::AccountPolicy;
use crate::chat::names;
use crate::chat::names::Alphabet;
use crate::outbox::DisconnectReason;
use crate::protocol::json::{JsonRequest, Value};
use crate::session::failure::{ErrorCode, Failure};
use crate::session::input::LONGEST_LINE;
use crate::ui::command::Cost;
use crate::ui::palette::{Refusal, fields};

/// The version of the protocol. A later one may add actions, fields, keys and codes; it takes nothing away.
const VERSION: u64 = 1;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Hello,
    Login,
    Register,
    Unregister,
    Passwd,
    Rooms,
    Join,
    Close,
    Members,
    Create,
    Say,
    Me,
    Temp,
    Reply,
    Edit,
    Delete,
    Seen,
    History,
    Search,
    Whois,
    Send,
    Accept,
    Decline,
    Command,
    Ping,
    Quit,
}

impl Action {
    const EVERY: [(&'static str, Action); 26] = [
        ("hello", Action::Hello),
        ("login", Action::Login),
        ("register", Action::Register),
        ("unregister", Action::Unregister),
        ("passwd", Action::Passwd),
        ("rooms", Action::Rooms),
        ("join", Action::Join),
        ("close", Action::Close),
        ("members", Action::Members),
        ("create", Action::Create),
        ("say", Action::Say),
        ("me", Action::Me),
        ("temp", Action::Temp),
        ("reply", Action::Reply),
        ("edit", Action::Edit),
        ("delete", Action::Delete),
        ("seen", Action::Seen),
        ("history", Action::History),
        ("search", Action::Search),
        ("whois", Action::Whois),
        ("send", Action::Send),
        ("accept", Action::Accept),
        ("decline", Action::Decline),
        ("command", Action::Command),
        ("ping", Action::Ping),
        ("quit", Action::Quit),
    ];

    /// The action of a word, spelled exactly.
    pub(super) fn named(word: &str) -> Option<Action> {
        Action::EVERY.iter().find(|(known, _)| *known == word).map(|(_, action)| *action)
    }

    /// Why a word is not accepted.
    fn unknown(word: &str) -> Failure {
        let shown = crate::text::sanitize(crate::text::truncate(word, 24)).into_owned();
        let sentence = match names::nearest(word, Action::EVERY.iter().map(|(known, _)| *known)) {
            _ if word.is_empty() => "The action is missing; hello comes first.".to_owned(),
            Some(meant) => format!("There is no action {shown}. Did you mean {meant}?"),
            None => format!("There is no action {shown}; :help json lists them."),
        };
        Failure::new(ErrorCode::UnknownAction, sentence)
    }

    /// Whether it makes sense before a login.
    fn needs_no_name(self) -> bool {
        match self {
            Action::Hello | Action::Login | Action::Ping | Action::Quit => true,
            Action::Register
            | Action::Unregister
            | Action::Passwd
            | Action::Rooms
            | Action::Join
            | Action::Close
            | Action::Members
            | Action::Create
            | Action::Say
            | Action::Me
            | Action::Temp
            | Action::Reply
            | Action::Edit
            | Action::Delete
            | Action::Seen
            | Action::History
            | Action::Search
            | Action::Whois
            | Action::Send
            | Action::Accept
            | Action::Decline
            | Action::Command => false,
        }
    }
}

impl Session {
    /// What a request costs in the rate limits: as much as the command that does the same.
    pub(super) fn cost_of(&self, request: &JsonRequest<'_>) -> Cost {
        let Some(action) = Action::named(&request.action) else { return Cost::Read(1) };
        match action {
            Action::Say | Action::Me | Action::Temp if request.private => {
                let people: Vec<_> = request.receiver.0.iter().map(|name| &**name).collect();
                fields::message_cost(&request.content, &people)
            }
            Action::Say | Action::Me | Action::Temp | Action::Reply | Action::Edit => {
                fields::message_cost(&request.content, &[])
            }
            Action::Join
            | Action::Close
            | Action::Create
            | Action::Delete
            | Action::Send
            | Action::Accept
            | Action::Decline => Cost::Post(1),
            Action::Register | Action::Unregister | Action::Passwd | Action::Search => Cost::Read(3),
            Action::Command => {
                let line = fields::line(&request.content);
                self.palette.read(&line, &self.rules()).cost()
            }
            Action::Quit => Cost::Free,
            Action::Hello
            | Action::Login
            | Action::Rooms
            | Action::Members
            | Action::Seen
            | Action::History
            | Action::Whois
            | Action::Ping => Cost::Read(1),
        }
    }

    /// Carries out a request. What the session's other parts refuse is found in the outbox.
    #[inline(never)]
    pub(super) fn perform(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        let Some(action) = Action::named(&request.action) else { return Err(Action::unknown(&request.action)) };
        if self.user.is_none() && !action.needs_no_name() {
            return Err(Failure::new(
                ErrorCode::NotAllowed,
                "Log in first: the action is login, the content your name.",
            ));
        }
        match action {
            Action::Hello => Ok(self.welcome(request)),
            Action::Login => self.log_in_by_request(request),
            Action::Register => self.register_by_request(request),
            Action::Unregister => self.unregister_by_request(request),
            Action::Passwd => self.change_password_by_request(request),
            Action::Rooms => Ok(self.send_rooms(request)),
            Action::Join => self.join_by_request(request),
            Action::Close => self.close_by_request(request),
            Action::Members => self.send_members(request),
            Action::Create => self.create_by_request(request),
            Action::Say | Action::Me | Action::Temp => self.say_by_request(action, request),
            Action::Reply => self.reply_by_request(request),
            Action::Edit => self.edit_by_request(request),
            Action::Delete => self.delete_by_request(request),
            Action::Seen => self.see_by_request(request),
            Action::History => self.send_history(request),
            Action::Search => self.search_by_request(request),
            Action::Whois => self.send_person(request),
            Action::Send => self.send_by_request(request),
            Action::Accept => self.accept_by_request(request),
            Action::Decline => self.decline_by_request(request),
            Action::Command => self.run_command_line(request),
            Action::Ping => Ok(Reply::default()),
            Action::Quit => {
                self.disconnect = Some(DisconnectReason::Quit);
                Ok(Reply::default())
            }
        }
    }

    /// Says what a program needs to know before it logs in.
    fn welcome(&mut self, request: &JsonRequest<'_>) -> Reply {
        let config = self.hub.config();
        if let Some(json) = &mut self.json {
            json.is_bot |= request.optional.bot;
        }
        self.mark_bot();
        let number = |number: usize| Value::Number(number as u64);
        let names = match config.names {
            Alphabet::Ascii => "ascii",
            Alphabet::Unicode => "unicode",
        };
        let accounts = match config.accounts() {
            AccountPolicy::Off => "off",
            AccountPolicy::Optional => "optional",
            AccountPolicy::Required => "required",
        };
        let content = match config.welcome_message.as_str() {
            "" => "Welcome! This is chatsock.",
            message => message,
        };
        let mut optional = vec![
            ("server", Value::Text(concat!("chatsock ", env!("CARGO_PKG_VERSION")).into())),
            ("version", Value::Number(VERSION)),
            ("line_bytes", number(config.limits.line_bytes.unwrap_or(LONGEST_LINE))),
            ("message_limit", number(config.message_limit)),
            ("username_min", number(config.username_min)),
            ("username_limit", number(config.username_limit)),
            ("names", Value::Text(names.into())),
            ("accounts", Value::Text(accounts.into())),
        ];
        if self.hub.file_place(&self.outbox).is_some() {
            optional.push(("max_file_bytes", number(config.files.max_bytes)));
        }
        // Message ids from before this time name other messages now.
        if let Some(began) = self.hub.numbers_began() {
            optional.push(("started", Value::Time(began)));
        }
        Reply { action: "welcome", content: content.to_owned(), optional, ..Reply::default() }
    }

    /// Shows others that this user is a program, if it has said so.
    pub(super) fn mark_bot(&self) {
        if let Some(user) = self.user.as_ref().filter(|_| self.json.as_ref().is_some_and(|json| json.is_bot)) {
            user.set_bot();
            self.hub.share_presence(user, self.now());
        }
    }

    /// Runs a line of the palette in a room, or wherever the last one was run.
    fn run_command_line(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        if let [room] = &request.receiver.0[..] {
            let room = self.joined_by_request(room)?;
            self.palette.make_current(&room);
        } else if !request.receiver.0.is_empty() {
            return Err(Failure::new(ErrorCode::NoRoom, Refusal::NoRoom.to_string()));
        }
        let (line, rules) = (fields::line(&request.content), self.rules());
        if line.contains('\n') && !self.palette.takes_whole(&line) {
            return Err(Failure::refused("That is more than one line: a request runs one command."));
        }
        let read = self.palette.read(&line, &rules);
        self.palette.run(read, &rules, &mut self.effects);
        self.carry_out();
        Ok(Reply::default())
    }
}
