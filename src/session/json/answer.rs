//! Answers to requests: `ok`, or `error` with a code.
//!
//! *Owns* how an answer is written, and which code goes with a refusal from another part of the session. *Knows nothing
//! of* the request.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Session;
use crate::chat::action::{Denied, NotShared};
use crate::chat::message::MessageId;
use crate::protocol::json::{Id, Object, Receiver, Value};
use crate::session::failure::{ErrorCode, Failure, code_of_answer, code_of_login};
use crate::text::seconds;
use crate::ui::palette::{Answer, LoginRefusal};

/// The answer to a request that was carried out.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// `ok` if empty.
    pub(super) action: &'static str,
    pub(super) content: String,
    /// The room it is about.
    pub(super) receiver: Option<String>,
    pub(super) optional: Vec<(&'static str, Value<'static>)>,
}

/// What a request has caused besides its result.
pub(super) struct RequestOutcome {
    code: Option<Failure>,
    posted: Option<MessageId>,
    /// The sentence of a refusal.
    refusal: Option<String>,
    /// The outcome is not known yet; the program is told later.
    unknown: bool,
}

impl Session {
    /// Forgets the last request's outcome, before the next one is carried out.
    pub(super) fn forget_outcome(&self) {
        if let Some(json) = &self.json {
            json.code.take();
            json.missing.take();
            json.posted.take();
        }
    }

    /// The result of the request being carried out, which ends with this.
    pub(super) fn take_outcome(&self, id: Option<&Arc<str>>) -> RequestOutcome {
        let unknown = self.tell_request_later(id, usize::MAX);
        RequestOutcome { unknown, ..self.take_known_outcome() }
    }

    /// The outcome of one of several requests that were carried out together.
    #[cfg(feature = "cluster")]
    pub(super) fn take_one_outcome(&self, id: Option<&Arc<str>>) -> RequestOutcome {
        let outcome = self.take_known_outcome();
        let is_unknown = outcome.code.as_ref().is_some_and(|failure| failure.unknown);
        RequestOutcome { unknown: is_unknown && self.tell_request_later(id, 1), ..outcome }
    }

    #[cfg(feature = "cluster")]
    fn tell_request_later(&self, id: Option<&Arc<str>>, most: usize) -> bool {
        self.hub.nodes().is_some_and(|nodes| nodes.tell_request_later(&self.outbox, id, most))
    }

    #[cfg(not(feature = "cluster"))]
    #[expect(clippy::unused_self, reason = "a server by itself knows all outcomes")]
    fn tell_request_later(&self, _: Option<&Arc<str>>, _: usize) -> bool {
        false
    }

    fn take_known_outcome(&self) -> RequestOutcome {
        let refusal = self.outbox.take_refusal();
        self.outbox.begin_request(None);
        let json = self.json.as_ref();
        RequestOutcome {
            code: json.and_then(|json| json.code.take()),
            posted: json.and_then(|json| json.posted.take()),
            refusal,
            unknown: false,
        }
    }

    /// Takes the answer to an effect on its way to the palette, and notes the code of a refusal. `None` if the answer
    /// was handled here.
    pub(in crate::session) fn note_answer(&mut self, answer: Answer) -> Option<Answer> {
        let takes_over = self.json.as_ref().is_some_and(|json| json.takes_over);
        let mut answer = Some(answer);
        if takes_over && matches!(answer, Some(Answer::Elsewhere { .. })) {
            answer = self.take_over();
        }
        if let Some(failure) = answer.as_ref().and_then(|answer| code_of_answer(answer, self.now())) {
            self.note_code(failure);
        }
        answer
    }

    /// Notes the code of what a room or a conversation denies.
    pub(in crate::session) fn note_denied(&self, denied: &Denied) {
        let code = ErrorCode::from(denied);
        let missing = self.json.as_ref().and_then(|json| json.missing.take());
        if let Some(failure) = missing.filter(|_| *denied == Denied::NoMessage) {
            return self.note_code(failure);
        }
        self.note_code(match denied {
            Denied::Slow(_, wait) => Failure::waiting(code, *wait, self.now()),
            Denied::NotSaid(NotShared::Unknown) | Denied::NotDone(NotShared::Unknown) => {
                Failure { unknown: true, ..Failure::new(code, "") }
            }
            Denied::NotSaid(_)
            | Denied::NotDone(_)
            | Denied::NotIn(_)
            | Denied::NotEntered(_)
            | Denied::NotAdmin(_)
            | Denied::NoAdmins(_)
            | Denied::NotOwner(_)
            | Denied::NotOpen(_)
            | Denied::NotHere { .. }
            | Denied::NotOnline(_)
            | Denied::Yourself(_)
            | Denied::Above { .. }
            | Denied::AsItIs(_)
            | Denied::ListFull
            | Denied::Configured(_)
            | Denied::Muted(..)
            | Denied::NoMessage
            | Denied::NotAtHand
            | Denied::NotYours
            | Denied::NothingYours
            | Denied::TooManyTemporary => Failure::new(code, ""),
        });
    }

    /// Notes the code of a login that failed.
    pub(in crate::session) fn note_login_refusal(&self, refusal: &LoginRefusal) {
        self.note_code(code_of_login(refusal, self.now()));
    }

    /// Notes that the request was too fast, and how long it would have to wait.
    pub(in crate::session) fn note_too_fast(&self, wait: Duration) {
        self.note_code(Failure::waiting(ErrorCode::TooFast, wait, self.now()));
    }

    /// Writes the answer to a request that was carried out, or was not.
    #[inline(never)]
    pub(super) fn write_answer(
        &mut self,
        action: &str,
        id: Option<&str>,
        result: Result<Reply, Failure>,
        outcome: RequestOutcome,
    ) {
        let RequestOutcome { code: noted, posted, refusal, unknown } = outcome;
        let message = posted.map(|id| ("message", Value::Number(id.0)));
        let failure = match (result, refusal) {
            (Err(failure), _) => failure,
            (Ok(reply), None) => {
                let action = if reply.action.is_empty() { "ok" } else { reply.action };
                let mut object = Object::new(action, Timestamp::now());
                object.id = id.map_or(Id::None, Id::Text);
                object.content = Cow::Owned(reply.content);
                object.receiver = reply.receiver.map_or(Receiver::Nobody, |room| Receiver::One(Cow::Owned(room)));
                object.optional = reply.optional;
                object.optional.extend(message);
                return self.outbox.write_object(&object);
            }
            // Its sentence is the answer; a line of the palette has no code but `refused`.
            (Ok(_), Some(sentence)) if action == "command" => Failure::refused(sentence),
            (Ok(_), Some(sentence)) => Failure { sentence, ..noted.unwrap_or_else(|| Failure::refused("")) },
        };
        let failure = Failure { id: id.map(Box::from), unknown, ..failure };
        self.write_error(&failure, message, self.now());
    }

    /// Writes the answer to a line that was not carried out.
    pub(super) fn write_failure(&self, failure: &Failure, now: Instant) {
        self.write_error(failure, None, now);
    }

    fn write_error(&self, failure: &Failure, message: Option<(&'static str, Value<'static>)>, now: Instant) {
        let wait = failure.until.map(|until| until.saturating_duration_since(now));
        let mut object = Object::new("error", Timestamp::now());
        object.id = failure.id.as_deref().map_or(Id::None, Id::Text);
        object.content = match wait {
            // Rounded up, and never "at once": the machine might not keep that promise.
            Some(wait) if failure.sentence.is_empty() => {
                format!("Too fast: try again in {}.", seconds(wait.max(Duration::from_secs(1)))).into()
            }
            _ => failure.sentence.as_str().into(),
        };
        object.optional.push(("code", Value::Text(failure.code.word().into())));
        let millis = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).clamp(1, (1 << 53) - 1));
        object.optional.extend(millis.map(|millis| ("wait", Value::Number(millis))));
        for (key, flag) in [("password", failure.password), ("unknown", failure.unknown)] {
            object.optional.extend(flag.then_some((key, Value::Flag(true))));
        }
        object.optional.extend(failure.reason.as_deref().map(|reason| ("reason", Value::Text(reason.into()))));
        object.optional.extend(message);
        self.outbox.write_object(&object);
    }
}
