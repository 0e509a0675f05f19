//! Sessions of programs: requests in JSON instead of lines, each answered once and in order.
//!
//! A request is charged, delayed and refused by the same rates as a line, and what it asks for is carried out by the
//! same functions of the palette and the session: there is no shortcut. Only the parsing and the answers are here.
//!
//! *Owns* the way from bytes to requests, and the rule that every request is answered in its turn. *Knows nothing of*
//! how events are written: the outbox does that.

mod answer;
mod files;
mod incoming;
#[cfg(feature = "cluster")]
mod later;
mod listings;
mod log_in;
mod perform;
mod rooms;
mod talk;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::failure::Failure;
use super::input::LONGEST_LINE;
use crate::access::rate::RateDecision;
use crate::chat::conversation::MembershipId;
use crate::chat::message::MessageId;
use crate::outbox::DisconnectReason;
use crate::protocol::json::{self, JsonError, JsonRequest, RequestLine, RequestLines};
use answer::Reply;

/// A request may have this many times the bytes of a typed line: escapes take up to six bytes for one character, and names
/// and keys come on top.
const LINE_FACTOR: usize = 4;

/// Lines that were not requests in one session before it is closed.
const MOST_FAULTY_LINES: u8 = 3;

/// What the session of a program has in addition.
#[derive(Debug, Default)]
pub(super) struct JsonSession {
    lines: RequestLines,
    /// Lines that were too long or not a JSON object.
    faulty_lines: u8,
    /// Whether it was a program from the first byte, so that telnet was never spoken.
    is_raw: bool,
    /// It has said that it is a bot.
    is_bot: bool,
    /// A login may take over from another connection of the account.
    takes_over: bool,
    /// Why the request being carried out was refused, as far as that is known.
    code: RefCell<Option<Failure>>,
    /// The same if a message that the request names is not found.
    missing: RefCell<Option<Failure>>,
    /// The id of the message that the request being carried out has posted.
    posted: Cell<Option<MessageId>>,
    /// The request being carried out: whether its answer may wait for the end of the turn, and whether it does.
    #[cfg(feature = "cluster")]
    later: later::AnswerTime,
    /// The rooms whose events the program is sent: by which membership, and their instances.
    watched: Vec<(MembershipId, u64)>,
}

/// The request in a line, and the line as text.
///
/// Boxed, and read in a separate frame: below everything that the request causes, which goes deepest when a room is
/// entered, it would cost every idle program a page of stack. The failure is boxed for the same reason.
#[inline(never)]
fn read_request(line: &[u8]) -> Result<(Box<JsonRequest<'_>>, &str), Box<Failure>> {
    let request = json::parse(line).map_err(|error| bad_json(&error))?;
    // What could be parsed is UTF-8, except in strings that were skipped.
    match std::str::from_utf8(line) {
        Ok(text) => Ok((request, text)),
        Err(_) => Err(not_utf8(&request)),
    }
}

#[inline(never)]
fn bad_json(error: &JsonError) -> Box<Failure> {
    Box::new(Failure::bad_json(error))
}

#[inline(never)]
fn too_long(start: &[u8], limit: usize) -> Box<Failure> {
    Box::new(Failure::line_too_long(start, limit))
}

fn not_utf8(request: &JsonRequest<'_>) -> Box<Failure> {
    Box::new(Failure::not_utf8(request))
}

impl Session {
    /// Whether a program sends requests.
    pub(super) fn is_program(&self) -> bool {
        self.json.is_some()
    }

    /// Turns this into the session of a program. Telnet negotiation ends.
    fn become_program(&mut self) {
        self.input.is_undecided = false;
        self.input.assembler.clear();
        self.json = Some(Box::default());
        self.palette.become_program();
        self.outbox.speak_json();
    }

    /// The session is a program's from the first byte.
    pub(super) fn begin_as_program(&mut self) {
        self.become_program();
        if let Some(json) = &mut self.json {
            json.is_raw = true;
        }
    }

    /// Whether the first bytes, before any greeting, are a program's.
    pub(super) fn opens_as_program(&mut self, heard: &[u8]) -> bool {
        if self.json.is_none() && heard.first() == Some(&b'{') {
            self.become_program();
        }
        self.is_program()
    }

    /// Takes what a read brought, if the first line is a request or may become one. True if so.
    pub(super) fn take_as_program(&mut self, bytes: &[u8]) -> bool {
        if self.json.is_none() {
            let Some(first) = bytes.first() else { return false };
            // In character mode the line is still being typed: it is looked at when it is entered.
            if *first != b'{' || self.input.link.is_character_mode() {
                self.input.is_undecided = self.input.link.is_character_mode();
                return false;
            }
            self.become_program();
        }
        self.take_requests(bytes);
        true
    }

    /// Takes the first line of a terminal in character mode, if it is a request. True if it was.
    #[inline(never)]
    pub(super) fn enter_as_program(&mut self, line: &str) -> bool {
        self.input.is_undecided = false;
        if !line.starts_with('{') {
            return false;
        }
        self.become_program();
        self.take_request(&RequestLine::Whole(line.as_bytes().into()));
        true
    }

    /// The longest request, in bytes.
    fn longest_request(&self) -> usize {
        self.hub.config().limits.line_bytes.map_or(LONGEST_LINE, |bytes| bytes.saturating_mul(LINE_FACTOR))
    }

    fn take_requests(&mut self, mut bytes: &[u8]) {
        if self.input.hold_behind_keys(bytes) {
            return;
        }
        let limit = self.longest_request();
        while !self.is_over() {
            let Some(line) = self.json.as_mut().and_then(|json| json.lines.next(&mut bytes, limit)) else { return };
            if let Some(until) = self.queue_is_full(&line) {
                // Nothing more is read in the meantime: a flood is held up at its source, and nothing is lost.
                return self.hold_requests(line, bytes, until);
            }
            self.take_request(&line);
            self.keep_replies_small();
        }
    }

    /// Takes a line, and what follows it, once there may be space behind the waiting requests.
    #[inline(never)]
    fn hold_requests(&mut self, line: RequestLine<'_>, rest: &[u8], until: Instant) {
        let (mut held, is_ended) = match line {
            RequestLine::Whole(line) => (line.into_owned(), true),
            RequestLine::TooLong { start, is_ended } => (start.into_owned(), is_ended),
        };
        if is_ended {
            held.push(b'\n');
            held.extend_from_slice(rest);
        } else if let Some(json) = &mut self.json {
            // It begins again, and is too long again.
            json.lines.clear();
        }
        self.input.hold_keys(&held, until);
    }

    /// The peer sends nothing more: a last line without its end is a request like any other.
    #[inline(never)]
    pub(super) fn requests_ended(&mut self) {
        self.input.end();
        if self.is_over() {
            return;
        }
        let last = self.json.as_mut().and_then(|json| json.lines.finish());
        if let Some(line) = last {
            self.take_request(&line);
        }
    }

    /// Forgets half a request, which somebody may have cut.
    pub(super) fn forget_half_a_request(&mut self) {
        if let Some(json) = &mut self.json {
            json.lines.clear();
        }
    }

    /// When there may be space again behind the waiting requests, if there is none now.
    fn queue_is_full(&self, line: &RequestLine<'_>) -> Option<Instant> {
        let bytes = match line {
            RequestLine::Whole(line) => line.len(),
            RequestLine::TooLong { .. } => 0,
        };
        self.pacing.full_until(bytes)
    }

    /// Takes a request: runs it, lets it wait for its turn, or answers that it came too fast. Order is kept in any case.
    fn take_request(&mut self, line: &RequestLine<'_>) {
        if let Some(request) = self.admit_request(line) {
            self.run_request(&request);
        }
    }

    /// The request, if it may run now. Not inlined: what reading needs is off the stack when the request runs.
    #[inline(never)]
    fn admit_request<'a>(&mut self, line: &'a RequestLine<'_>) -> Option<Box<JsonRequest<'a>>> {
        let now = self.tick();
        self.note_activity(now);
        self.pick_up_notices();
        let read = match line {
            RequestLine::TooLong { start, .. } => Err(too_long(start, self.longest_request())),
            RequestLine::Whole(line) => read_request(line),
        };
        match read {
            Ok((request, text)) => self.schedule_request(request, text, now),
            Err(failure) => {
                self.fail_in_turn(*failure, now);
                None
            }
        }
    }

    /// Charges a request, and gives it back if it may run now.
    #[inline(never)]
    fn schedule_request<'a>(
        &mut self,
        request: Box<JsonRequest<'a>>,
        text: &str,
        now: Instant,
    ) -> Option<Box<JsonRequest<'a>>> {
        let cost = self.cost_of(&request);
        match self.pacing.schedule_request(cost, &self.hub.config(), now) {
            RateDecision::Now => return Some(request),
            RateDecision::At(due) => {
                if !self.pacing.delay_line(text, cost, due, now) {
                    let wait = due.saturating_duration_since(now);
                    self.fail_in_turn(Failure::too_fast(request.id.as_deref(), now + wait), now);
                }
            }
            RateDecision::Refused(wait) => {
                self.fail_in_turn(Failure::too_fast(request.id.as_deref(), now + wait), now);
            }
        }
        None
    }

    /// Answers that a request failed, behind the answers to those that wait.
    fn fail_in_turn(&mut self, failure: Failure, now: Instant) {
        if let Some(failure) = self.pacing.delay_failure(failure, now) {
            self.answer_failure(failure, now);
        }
    }

    /// Writes the answer to a line that was refused as it came.
    pub(super) fn answer_failure(&mut self, failure: Failure, now: Instant) {
        self.say_unsaid();
        let is_faulty = failure.is_of_a_faulty_line();
        self.write_failure(&failure, now);
        if let Some(json) = self.json.as_mut().filter(|_| is_faulty) {
            json.faulty_lines += 1;
            if json.faulty_lines >= MOST_FAULTY_LINES {
                self.disconnect = Some(DisconnectReason::NoRequests);
            }
        }
    }

    /// Runs a request that has waited. It was charged when it came.
    pub(super) fn run_delayed_request(&mut self, text: &str) {
        if let Ok((request, _)) = read_request(text.as_bytes()) {
            self.run_request(&request);
        }
    }

    /// Carries out a request, and answers it.
    fn run_request(&mut self, request: &JsonRequest<'_>) {
        let id = self.begin_request(request);
        let result = self.perform(request);
        self.watch_joined_rooms(request);
        self.update_place();
        self.end_request(request, id.as_ref(), result);
    }

    /// What comes before a request. Not inlined, like the end: both are off the stack while it is carried out.
    #[inline(never)]
    fn begin_request(&mut self, request: &JsonRequest<'_>) -> Option<Arc<str>> {
        self.pick_up_notices();
        // Earlier effects on others come first. A read's messages in rooms are delivered together: a twentieth of the cost.
        if request.private || request.action != "say" {
            self.say_unsaid();
            self.rooms.deliver();
        }
        self.forget_lost_rooms();
        let id = request.id.as_deref().map(Arc::<str>::from);
        self.outbox.begin_request(id.clone());
        self.forget_outcome();
        #[cfg(feature = "cluster")]
        self.allow_to_wait(request, id.as_ref());
        id
    }

    #[inline(never)]
    fn end_request(&mut self, request: &JsonRequest<'_>, id: Option<&Arc<str>>, result: Result<Reply, Failure>) {
        let outcome = self.take_outcome(id);
        #[cfg(feature = "cluster")]
        if self.is_put_off() {
            return;
        }
        // Their answers come first.
        self.say_unsaid();
        self.write_answer(&request.action, id.map(|id| &**id), result, outcome);
        self.tick();
    }

    /// Notes the id of a message that the request being carried out has posted.
    pub(super) fn note_posted(&self, id: MessageId) {
        if let Some(json) = &self.json {
            json.posted.set(Some(id));
        }
    }

    /// Notes the failure to report if a message that the request names is not found.
    fn note_if_missing(&self, failure: Failure) {
        if let Some(json) = &self.json {
            json.missing.replace(Some(failure));
        }
    }

    /// Notes why the request being carried out is refused; the first reason counts, as does the first sentence.
    pub(super) fn note_code(&self, failure: Failure) {
        if let Some(json) = &self.json {
            json.code.borrow_mut().get_or_insert(failure);
        }
    }
}
