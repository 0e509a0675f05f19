//! Questions to the user, and what their answers lead to.
//!
//! *Owns* which questions there are, and which answers are hidden.
//! *Knows nothing of* what the server says to an answer.

use super::ClientModel;
use super::intent::{ClientEffect, Moment, UserQuestion};
use super::request::ClientRequest;
use super::sending::LineWork;
use super::status::EXIT_USER;
use crate::chat::secret::Secret;
use crate::ui::command::{Command, ServerVerb, Verb};

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
    /// A new password, typed twice.
    NewPassword { old: Option<Secret>, new: Option<Secret>, registers: bool },
    /// The account's current password.
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

    pub(super) fn question(&self) -> UserQuestion {
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

fn is_yes(answer: &str) -> Option<bool> {
    match &*answer.trim().to_lowercase() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

impl ClientModel {
    /// The question that the next line answers, if any. It is shown in place of the prompt.
    pub(crate) fn question(&self) -> Option<UserQuestion> {
        if let Some(dialog) = &self.dialog {
            return Some(dialog.question());
        }
        let asked = self.offers.front().filter(|_| !self.choices.unattended);
        asked.map(|offer| UserQuestion { prompt: offer.question(), hidden: false })
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

    pub(super) fn answer(&mut self, line: &str, now: Moment) {
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
                    // The password was right. It is asked for again, so that it need not be kept in the meantime.
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

    pub(super) fn set_password(&mut self, old: Option<Secret>, new: Secret, registers: bool, again: &str, now: Moment) {
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

    pub(super) fn add_pasted(&mut self, mut lines: Vec<String>, line: &str, now: Moment) {
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
