//! The connection: logging in, losing it, and coming back without a gap.
//!
//! After a login, the client joins each room again with the number of its last message, and the server sends the later
//! ones. Only then does the client send the first waiting line: if its answer was lost, the line is now among them.
//!
//! *Owns* when to try again, and what is not known after a break.
//! *Knows nothing of* sockets.

use std::time::{Duration, Instant};

use super::channel::ChannelKey;
use super::dialog::Dialog;
use super::incoming::ServerObject;
use super::intent::{ClientEffect, Moment};
use super::item::ItemContent;
use super::request::ClientRequest;
use super::sending::{LineWork, OutgoingState, Purpose};
use super::status::{EXIT_FAILED, EXIT_FINE, EXIT_USER, LinkStatus};
use super::{ClientModel, DEAD, QUIET};
use crate::chat::secret::Secret;

/// The wait before the first attempt to connect again, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long the first answer of a server may take. A server that takes longer is not a chat server.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// How long a client whose input has ended waits for a server that is away.
const UNATTENDED_PATIENCE: Duration = Duration::from_secs(60);

/// How many times to try to get the user's name back: the server may not have noticed yet that the connection broke.
const NAME_TRIES: u32 = 5;

/// The state that the client needs to log in, the first time and after each break.
#[derive(Debug, Default)]
pub(super) struct LoginState {
    pub(super) name: Option<String>,
    pub(super) password: Option<Secret>,
    /// The code that gives the user's name and rooms back on another server, if the last one restarts.
    pub(super) code: Option<Secret>,
    /// The last server is stopping, or did not answer: the next attempt first tries another address of the host.
    pub(super) sent_elsewhere: bool,
    /// The user has been logged in before.
    pub(super) is_returning: bool,
    /// End the user's other connection.
    pub(super) takeover: bool,
    /// When the server's numbering of messages began, as the server says.
    started: Option<String>,
    /// Attempts to connect that have failed since the last login.
    tries: u32,
    name_tries: u32,
    /// From 0 to 1: spreads this client's waits.
    jitter: u32,
    /// When the connection was lost.
    lost: Option<Instant>,
    /// The server has kept its numbers, so its history tells what has arrived.
    remembers: bool,
}

impl LoginState {
    pub(super) fn new(name: Option<String>) -> LoginState {
        LoginState { name, remembers: true, ..LoginState::default() }
    }
}

impl ClientModel {
    /// Spreads this client's waits, so that not all clients return at once. Any number will do.
    pub(crate) fn scatter(&mut self, random: u32) {
        self.login.jitter = random;
    }

    /// The client is connected. `security` is `TLS 1.3`, for example, or `None`.
    pub(crate) fn connected(&mut self, security: Option<String>, now: Moment) {
        self.security = security;
        self.heard = Some(now.instant);
        self.bye.clear();
        self.set_status(LinkStatus::LoggingIn);
        self.pending.clear();
        self.request(ClientRequest::new("hello").with("version", Some(1)), Purpose::Hello);
    }

    pub(super) fn set_status(&mut self, status: LinkStatus) {
        if self.status != status {
            self.status = status;
            self.revision += 1;
        }
    }

    /// The connection is gone, or there was none. `why` is a sentence.
    pub(crate) fn lost(&mut self, why: &str, now: Moment) {
        if matches!(self.status, LinkStatus::Ended { .. } | LinkStatus::Waiting { .. }) {
            return;
        }
        self.security = None;
        self.login.sent_elsewhere = !self.bye.is_empty() || self.awaits_hello();
        let leaves = self.leaving || self.pending.iter().any(|pending| matches!(pending.purpose, Purpose::Quit));
        self.pending.clear();
        self.unknown.clear();
        self.review.stop();
        if let Some(first) = self.outgoing.front_mut().filter(|first| first.state == OutgoingState::Sent) {
            first.state = OutgoingState::Unsure;
        }
        if leaves {
            // A script needs the status; a user has seen the errors.
            let failed = (self.refused_any || self.any_file_failed()) && self.choices.unattended;
            return self.end("", if failed { EXIT_FAILED } else { EXIT_FINE }, now);
        }
        let why = if self.bye.is_empty() { why.to_owned() } else { std::mem::take(&mut self.bye) };
        if !self.login.is_returning {
            return self.end(&why, EXIT_FAILED, now);
        }
        if self.status == LinkStatus::Connected {
            self.tell_news(format!("The connection is lost: {why} Reconnecting."), now);
        }
        for channel in &mut self.channels {
            if channel.older == super::Older::Loading {
                channel.older = super::Older::Possible;
            }
        }
        self.login.lost.get_or_insert(now.instant);
        self.wait_and_reconnect(why, now);
        self.orphan_files(now);
    }

    fn wait_and_reconnect(&mut self, why: String, now: Moment) {
        let wait = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(self.login.tries.min(8)));
        // Between 0.75 and 1.25 times the wait.
        self.login.jitter = self.login.jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let until = now.instant + wait.mul_f64(0.75 + f64::from(self.login.jitter >> 16) / f64::from(u16::MAX) / 2.0);
        self.login.tries += 1;
        self.set_status(LinkStatus::Waiting { why, until });
    }

    /// Ends the client: the server does not want it back, or the user has left.
    pub(super) fn end(&mut self, why: &str, status: u8, now: Moment) {
        if matches!(self.status, LinkStatus::Ended { .. }) {
            return;
        }
        for line in self.said.take_again() {
            self.refuse(line.channel, line.shown, "The server has lost it.".to_owned(), now);
        }
        let left: Vec<_> = self.outgoing.drain(..).collect();
        for line in left {
            let reason = match line.state {
                OutgoingState::Waiting => "It was not sent.",
                OutgoingState::Sent | OutgoingState::Unsure => "It is not known whether it has arrived.",
            };
            self.refuse(line.channel, line.shown, reason.to_owned(), now);
        }
        if !why.is_empty() {
            self.tell_error(why, now);
        }
        self.set_status(LinkStatus::Ended { why: why.to_owned() });
        self.effects.push(ClientEffect::Exit(status));
    }

    /// Leaves once the input has ended and everything is answered.
    pub(super) fn end_if_done(&mut self) {
        let is_busy = !self.outgoing.is_empty()
            || self.said.any_again()
            || (!self.offers.is_empty() && !self.choices.unattended)
            || self.transfers.iter().any(|each| each.is_running() || each.resumed_by.is_some());
        if self.input_ended && !self.leaving && self.is_ready() && !is_busy && self.pending.is_empty() {
            self.quit();
        }
    }

    pub(super) fn quit(&mut self) {
        if self.status == LinkStatus::Connected {
            self.tell_read_now();
        }
        self.leaving = true;
        self.request(ClientRequest::new("quit"), Purpose::Quit);
    }

    /// Performs everything that is due at this time.
    pub(crate) fn tick(&mut self, now: Moment) {
        for channel in &mut self.channels {
            channel.expire(now.time);
        }
        self.give_up_files(now);
        match &self.status {
            LinkStatus::Waiting { .. } if self.input_ended && self.gave_up(now) => {
                self.end("The server has been away for too long.", EXIT_FAILED, now);
            }
            LinkStatus::Waiting { until, .. } if *until <= now.instant => {
                self.set_status(LinkStatus::Connecting);
                self.effects.push(ClientEffect::Reconnect);
            }
            LinkStatus::Connected | LinkStatus::LoggingIn => self.check_life(now),
            LinkStatus::Waiting { .. } | LinkStatus::Connecting | LinkStatus::Ended { .. } => {}
        }
        self.tell_read(now);
        self.send_next(now);
    }

    fn awaits_hello(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.purpose, Purpose::Hello))
    }

    /// Whether the server has been away for too long. Nobody is watching, so the client must not wait forever.
    fn gave_up(&self, now: Moment) -> bool {
        self.login.lost.is_some_and(|lost| now.instant.saturating_duration_since(lost) >= UNATTENDED_PATIENCE)
    }

    fn check_life(&mut self, now: Moment) {
        let silence = self.heard.map_or(Duration::ZERO, |heard| now.instant.saturating_duration_since(heard));
        if silence >= FIRST_ANSWER && self.awaits_hello() {
            self.lost("It does not answer as a chat server does.", now);
        } else if silence >= DEAD {
            self.lost("The server has stopped answering.", now);
        } else if silence >= QUIET && self.pending.is_empty() {
            self.request(ClientRequest::new("ping"), Purpose::Nothing);
        }
    }

    /// When [`ClientModel::tick`] has something to do, if nothing happens before.
    pub(crate) fn wakes(&self, now: Moment) -> Option<Instant> {
        let life = match &self.status {
            LinkStatus::Connected | LinkStatus::LoggingIn => {
                let patience = match self.pending.is_empty() {
                    true => QUIET,
                    false if self.awaits_hello() => FIRST_ANSWER,
                    false => DEAD,
                };
                self.heard.map(|heard| heard + patience)
            }
            LinkStatus::Waiting { until, .. } => Some(*until),
            LinkStatus::Connecting | LinkStatus::Ended { .. } => None,
        };
        let line = self.outgoing.front().and_then(|first| first.not_before).filter(|_| self.is_ready());
        let expiry = self.channels.iter().filter_map(super::Channel::expires).min();
        let expiry =
            expiry.map(|time| now.instant + Duration::try_from(time.duration_since(now.time)).unwrap_or_default());
        let reading = self.read_marks.wakes(now.instant).filter(|_| self.is_ready());
        [life, line, expiry, self.files_wake(), self.review.wakes(), reading].into_iter().flatten().min()
    }

    // ---- Logging in ----

    pub(super) fn welcomed(&mut self, object: ServerObject, now: Moment) {
        self.line_bytes = object.optional.line_bytes;
        let started = Some(object.optional.started).filter(|started| !started.is_empty());
        self.login.remembers = !self.login.is_returning || self.login.started == started;
        if !self.login.remembers {
            for channel in self.channels.iter_mut().filter(|channel| !channel.is_palette()) {
                channel.forget_numbers();
                channel.push(now.time, ItemContent::Rule("The server has started again".to_owned()));
            }
        }
        self.login.started = started;
        if !self.login.is_returning && self.dialog.is_none() && !object.content.is_empty() {
            self.tell_news(object.content, now);
        }
        self.log_in(now);
    }

    /// Logs in, or asks for what is missing.
    pub(super) fn log_in(&mut self, now: Moment) {
        let Some(name) = self.login.name.clone() else {
            return self.ask(Dialog::Name, now);
        };
        let mut request = ClientRequest::new("login").saying(name).secret("password", self.login.password.clone());
        request = request.secret("code", self.login.code.clone());
        let takes_over = self.login.takeover || self.login.is_returning;
        request.flags.extend(takes_over.then_some(("takeover", true)));
        self.request(request, Purpose::LogIn);
    }

    pub(super) fn logged_in(&mut self, user: &str, now: Moment) {
        let name = user.split('#').next().unwrap_or(user).to_owned();
        self.login.name = Some(name.clone());
        self.login.code = None;
        (self.login.tries, self.login.name_tries, self.login.takeover, self.login.lost) = (0, 0, false, None);
        self.me = name;
        self.known_rooms.clear();
        if self.dialog.as_ref().is_some_and(Dialog::is_login) {
            self.dialog = None;
        }
        self.set_status(LinkStatus::Connected);
        self.revision += 1;
        if self.login.is_returning {
            self.rejoin();
            self.tell_news("Connected again.", now);
            self.transfers.iter_mut().for_each(|transfer| transfer.wait_after_return(now));
        } else {
            self.begin(now);
        }
        self.request(ClientRequest::new("rooms"), Purpose::Rooms { go: false, joined: Vec::new() });
        self.login.is_returning = true;
        self.send_next(now);
    }

    fn begin(&mut self, now: Moment) {
        match self.choices.room.take() {
            Some(room) => self.join_first(&room),
            None if self.choices.unattended => {}
            None => {
                let me = &self.me;
                let line =
                    format!("You are {me}. :rooms lists the rooms, :join <room> enters one, :help explains the rest.");
                self.tell_news(line, now);
            }
        }
    }

    fn rejoin(&mut self) {
        let rooms: Vec<_> = self
            .channels
            .iter()
            .filter(|channel| channel.is_room())
            .map(|room| (room.key, room.name.clone(), room.password.clone(), room.last_number()))
            .collect();
        let remembers = self.login.remembers;
        for (channel, name, password, last) in rooms {
            let after = remembers.then(|| last.unwrap_or(0));
            let password = password.as_deref().and_then(Secret::new);
            let request = ClientRequest::about("join", &name).with("after", after).secret("password", password);
            self.request(request, Purpose::Rejoin { channel, after });
        }
        self.review_conversations();
    }

    /// A room was entered again. Now it is known whether the line that may have been sent to it has arrived.
    pub(super) fn rejoined(&mut self, channel: ChannelKey, after: Option<u64>, answer: &ServerObject, now: Moment) {
        let is_gap = answer.optional.gap && after.is_some();
        if is_gap {
            self.tell(channel, ItemContent::Rule("Some messages are missing here".to_owned()), now);
        }
        let lost = answer.optional.lost_from.zip(answer.optional.lost_to).filter(|_| after.is_some());
        if let Some((first, last)) = lost {
            self.lose(channel, first..=last, now);
        }
        self.review(channel, after.unwrap_or(0));
        let Some(first) = self.outgoing.front_mut().filter(|first| first.state == OutgoingState::Unsure) else {
            return;
        };
        let is_posted_here = matches!(first.work, LineWork::Post) && !first.request.private && first.channel == channel;
        if is_posted_here && !is_gap {
            first.state = OutgoingState::Waiting;
            self.revision += 1;
        }
    }

    /// Recovery is complete. A line that may or may not have arrived is not sent again.
    pub(super) fn settle(&mut self, now: Moment) {
        if self.is_ready() {
            self.settle_unsure(now);
            self.say_again();
        }
    }

    pub(super) fn login_failed(&mut self, object: ServerObject, now: Moment) {
        let sentence = object.content;
        if self.login.is_returning && object.optional.code == "taken" && self.login.name_tries < NAME_TRIES {
            self.login.name_tries += 1;
            self.pending.clear();
            self.effects.push(ClientEffect::Drop);
            return self.wait_and_reconnect(sentence, now);
        }
        if self.choices.unattended {
            self.effects.push(ClientEffect::Drop);
            return self.end(&sentence, EXIT_USER, now);
        }
        self.tell_error(&sentence, now);
        let had_password = self.login.password.take().is_some();
        let name = self.login.name.clone().unwrap_or_default();
        match &*object.optional.code {
            "taken" if had_password => self.ask(Dialog::TakeOver, now),
            _ if object.optional.password => self.ask(Dialog::Password(name), now),
            _ => {
                self.login.name = None;
                self.ask(Dialog::Name, now);
            }
        }
    }

    pub(super) fn is_direct(&self, key: ChannelKey) -> bool {
        self.channel(key).is_some_and(|channel| matches!(channel.kind, super::ChannelKind::Direct(_)))
    }
}
