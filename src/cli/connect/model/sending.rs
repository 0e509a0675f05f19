//! Lines on their way to the server.
//!
//! Lines are sent one at a time, each after the previous one was answered. So they keep their order even if the server
//! asks to wait, and when a connection breaks, at most one line may or may not have arrived.
//!
//! ```text
//! Waiting -> Sent -> answered: gone from here, the message is among the items
//!    ^        |
//!    |        '-> connection lost -> Unsure -> seen in the room's history: gone from here
//!    |                                 |
//!    '--- not in the history ----------'
//!    ^
//!    '--- said, and lost by a server that was killed
//! ```
//!
//! *Owns* which request is sent when, and what waits for which answer.
//! *Knows nothing of* what an answer means.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::ClientModel;
use super::channel::{ChannelKey, ChannelKind, folded};
use super::intent::{ClientEffect, Moment};
use super::item::{ChatMessage, ItemContent};
use super::request::ClientRequest;
use super::status::LinkStatus;
use crate::chat::secret::Secret;
use crate::ui::command::{PlaceVerb, Verb};

/// Most lines that wait. A script may write faster than a server takes lines; a user never gets here.
pub(crate) const MOST_WAITING: usize = 10_000;

/// How many times the bytes of a terminal's line a request may have.
const REQUEST_FACTOR: usize = 4;

/// How long to wait for another try if the server does not say how long.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

/// A line that was entered and is not answered yet.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(super) key: u64,
    pub(super) channel: ChannelKey,
    pub(super) shown: String,
    pub(super) state: OutgoingState,
    pub(super) request: ClientRequest,
    pub(super) work: LineWork,
    /// The server has asked to wait until then.
    pub(super) not_before: Option<Instant>,
}

/// How far a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutgoingState {
    /// It will be sent once there is a connection and the lines before it are answered.
    Waiting,
    /// It was sent; the answer has not come.
    Sent,
    /// It was sent, and the connection broke before the answer.
    Unsure,
}

impl Outgoing {
    /// The text as typed, without a password.
    pub(crate) fn text(&self) -> &str {
        &self.shown
    }

    /// How far it has come.
    pub(crate) fn state(&self) -> OutgoingState {
        self.state
    }
}

/// What a line's answer leads to.
#[derive(Clone, Debug)]
pub(super) enum LineWork {
    /// A message, which comes back with a number.
    Post,
    /// A command of the server's palette.
    Command(Option<Verb>),
    /// The user enters a room.
    Join {
        /// Which.
        room: String,
        /// To enter it again.
        password: Option<Secret>,
    },
    /// The user leaves a room.
    Close(ChannelKey),
    /// A file is offered.
    Offer(PathBuf),
    /// An offered file is accepted.
    Accept,
    /// An offered file is declined.
    Decline,
    /// A search, whose hits are shown as lines.
    Search,
    /// The user now has an account, or another password.
    Password(Secret),
    /// The user logs in to another account.
    LogIn(Secret),
    /// Anything that needs nothing more after its answer.
    Plain,
}

/// A request without an answer.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) id: u64,
    pub(super) purpose: Purpose,
}

/// The purpose of a request.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The connection can be used.
    Hello,
    /// The user is logged in.
    LogIn,
    /// The first line of [`ClientModel::outgoing`].
    Line(u64),
    /// A room is entered again, or one that the login has led into.
    Rejoin {
        /// Which.
        channel: ChannelKey,
        /// Only messages after this one, the last one here, were requested.
        after: Option<u64>,
    },
    /// The list of rooms.
    Rooms {
        /// Whether to show a room that is new in the list.
        go: bool,
        /// The listed rooms that the user is in, with their numbers of unread messages.
        joined: Vec<(String, u32)>,
    },
    /// The members of a room.
    Members(ChannelKey),
    /// Older messages.
    Older(ChannelKey, Vec<(jiff::Timestamp, ChatMessage)>),
    /// A page of messages that are loaded already, fetched again to find edits and deletions.
    Review {
        /// Which channel.
        channel: ChannelKey,
        /// The messages of the page have lower numbers.
        before: u64,
        /// The numbers of the messages received so far.
        there: Vec<u64>,
    },
    /// A search. The view shows its results.
    Search,
    /// Accepts the offer with this number.
    Accept(u64),
    /// The rest of a file is offered, by the key of the transfer that broke off.
    OfferAgain(u64),
    /// Nothing depends on the answer.
    Nothing,
    /// The user quits.
    Quit,
}

impl ClientModel {
    /// Unanswered lines entered in a channel, in order. A view shows them after the items.
    pub(crate) fn outgoing(&self, channel: ChannelKey) -> impl Iterator<Item = &Outgoing> {
        self.outgoing.iter().filter(move |line| line.channel == channel)
    }

    /// Sends a request now.
    pub(super) fn request(&mut self, mut request: ClientRequest, purpose: Purpose) {
        request.id = self.next_request;
        self.next_request += 1;
        self.pending.push_back(PendingRequest { id: request.id, purpose });
        self.effects.push(ClientEffect::Send(request));
    }

    /// Queues a line.
    pub(super) fn enqueue(&mut self, shown: &str, request: ClientRequest, work: LineWork, now: Moment) {
        if self.outgoing.len() >= MOST_WAITING {
            let why = "Too many lines are waiting to be sent; this one was not taken.".to_owned();
            self.refuse(self.current, shown.to_owned(), why, now);
            return;
        }
        let line = self.outgoing_line(shown, request, work);
        self.outgoing.push_back(line);
        self.send_next(now);
    }

    pub(super) fn outgoing_line(&mut self, shown: &str, request: ClientRequest, work: LineWork) -> Outgoing {
        let key = self.next_outgoing;
        self.next_outgoing += 1;
        self.revision += 1;
        let (channel, shown, state) = (self.current, shown.to_owned(), OutgoingState::Waiting);
        Outgoing { key, channel, shown, state, request, work, not_before: None }
    }

    /// Whether the current channel is about to change, because the user is entering or leaving a room: the next line
    /// may belong to the new one.
    pub(crate) fn is_moving(&self) -> bool {
        let moves = |line: &Outgoing| match &line.work {
            LineWork::Join { .. } | LineWork::Close(_) | LineWork::LogIn(_) => true,
            LineWork::Command(verb) => *verb == Some(Verb::Place(PlaceVerb::Group)),
            LineWork::Post
            | LineWork::Offer(_)
            | LineWork::Accept
            | LineWork::Decline
            | LineWork::Search
            | LineWork::Password(_)
            | LineWork::Plain => false,
        };
        let listing = |pending: &PendingRequest| matches!(pending.purpose, Purpose::Rooms { go: true, .. });
        self.outgoing.iter().any(moves) || self.pending.iter().any(listing)
    }

    /// Refuses a line: it is shown with the reason.
    pub(super) fn refuse(&mut self, channel: ChannelKey, text: String, why: String, now: Moment) {
        self.refused_any = true;
        self.tell(channel, ItemContent::Refused { text, why }, now);
    }

    /// Whether lines may be sent: the user is logged in, and has re-entered all rooms.
    pub(super) fn is_ready(&self) -> bool {
        let returns = |pending: &PendingRequest| match pending.purpose {
            Purpose::Hello | Purpose::LogIn | Purpose::Rejoin { .. } | Purpose::Quit => true,
            Purpose::Rooms { .. } => self.login.is_returning,
            Purpose::Line(_)
            | Purpose::Members(_)
            | Purpose::Older(..)
            | Purpose::Review { .. }
            | Purpose::Search
            | Purpose::Accept(_)
            | Purpose::OfferAgain(_)
            | Purpose::Nothing => false,
        };
        self.status == LinkStatus::Connected && !self.leaving && !self.pending.iter().any(returns)
    }

    /// Sends the first waiting line, if it may be sent.
    pub(super) fn send_next(&mut self, now: Moment) {
        if self.is_ready() {
            self.refuse_too_long(now);
        }
        if self.is_ready()
            && let Some(first) = self.outgoing.front_mut()
            && first.state == OutgoingState::Waiting
            && first.not_before.is_none_or(|then| then <= now.instant)
        {
            first.state = OutgoingState::Sent;
            let (request, key) = (first.request.clone(), first.key);
            self.revision += 1;
            self.request(request, Purpose::Line(key));
        }
        self.go_on_reviewing(now);
        self.offer_files_again(now);
        self.end_if_done();
    }

    /// Refuses lines at the front of the queue that are longer than the server reads. The server's error would not say
    /// which line it means, and the third such line would end the connection.
    fn refuse_too_long(&mut self, now: Moment) {
        let Some(most) = self.line_bytes.filter(|most| *most > 0) else { return };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_too_long = |line: &Outgoing| {
            // Most lines are short: they need not be serialized to find out.
            line.state == OutgoingState::Waiting && line.request.content.len() > most / 2 && {
                let mut written = Vec::new();
                line.request.write(now.time, &mut written);
                written.len() > most.saturating_mul(REQUEST_FACTOR)
            }
        };
        while self.outgoing.front().is_some_and(is_too_long)
            && let Some(line) = self.outgoing.pop_front()
        {
            let why = "That is longer than the server reads at once. Nothing was sent.".to_owned();
            self.refuse(line.channel, line.shown, why, now);
        }
    }

    /// Takes the first line out of the queue, if it has this key.
    pub(super) fn take_line(&mut self, key: u64) -> Option<Outgoing> {
        self.outgoing.front().filter(|first| first.key == key)?;
        self.revision += 1;
        self.outgoing.pop_front()
    }

    /// Keeps the first line to send it again after `wait` milliseconds.
    pub(super) fn postpone(&mut self, key: u64, wait: Option<u64>, now: Moment) {
        if let Some(first) = self.outgoing.front_mut().filter(|first| first.key == key) {
            first.state = OutgoingState::Waiting;
            first.not_before = Some(now.instant + wait.map_or(UNKNOWN_WAIT, Duration::from_millis));
            self.revision += 1;
        }
    }

    /// If a message of the user's own is the first line in the queue, that line has arrived.
    pub(super) fn note_arrival(&mut self, channel: ChannelKey, message: &ChatMessage) {
        if !message.own || self.was_in_doubt(channel, message) {
            return;
        }
        let first = self.outgoing.front().filter(|first| first.state != OutgoingState::Waiting);
        if first.is_some_and(|first| self.is_line(first, channel, message)) {
            self.revision += 1;
            if let Some(line) = self.outgoing.pop_front() {
                self.note_said(line, channel, message.number);
            }
        }
    }

    /// Whether a line has become this message.
    pub(super) fn is_line(&self, line: &Outgoing, channel: ChannelKey, message: &ChatMessage) -> bool {
        let goes_there = match self.channel(channel).map(|channel| (&channel.kind, &channel.name)) {
            _ if line.request.receiver.is_empty() => true,
            Some((ChannelKind::Room, name)) => {
                !line.request.private && line.request.receiver.iter().all(|room| folded(room) == folded(name))
            }
            Some((ChannelKind::Direct(_), _)) => line.request.private,
            Some((ChannelKind::Palette, _)) | None => false,
        };
        matches!(line.work, LineWork::Post) && goes_there && is_same_text(&line.request.content, &message.text)
    }
}

/// Whether a sent text is the received one: the server trims it.
fn is_same_text(sent: &str, came: &str) -> bool {
    let clean = crate::text::sanitize_lines(sent);
    clean.trim_matches('\n').trim_end() == came.trim_matches('\n').trim_end()
}
