//! Requests whose answers wait for the end of the turn, because their messages go to all servers together.
//!
//! *Owns* which requests may wait. *Knows nothing of* what is said.

use std::sync::Arc;

use super::Session;
use super::answer::Reply;
use crate::protocol::json::JsonRequest;
use crate::session::talk::PutOff;

/// When the request being carried out is answered.
#[derive(Debug, Default)]
pub(super) enum AnswerTime {
    /// As soon as it was carried out.
    #[default]
    AtOnce,
    /// At the end of the turn, if its message waits until then. Holds the id that the program chose for it.
    Allowed(Option<Arc<str>>),
    /// At the end of the turn.
    Asked,
}

impl Session {
    /// Notes whether the answer to the request that is about to be carried out may wait.
    pub(super) fn allow_to_wait(&mut self, request: &JsonRequest<'_>, id: Option<&Arc<str>>) {
        if let Some(json) = &mut self.json {
            let may_wait = request.action == "say" && !request.private;
            json.later = if may_wait { AnswerTime::Allowed(id.cloned()) } else { AnswerTime::AtOnce };
        }
    }

    /// Whether the request that was carried out is answered later.
    pub(super) fn is_put_off(&mut self) -> bool {
        self.json.as_mut().is_some_and(|json| matches!(std::mem::take(&mut json.later), AnswerTime::Asked))
    }

    /// Whether what is said now may wait for the end of the turn, as it always may on a terminal. A request then gets its answer
    /// from [`Session::answer_later`].
    pub(in crate::session) fn put_off(&mut self) -> Option<PutOff> {
        let Some(json) = &mut self.json else { return Some(PutOff::Line) };
        let AnswerTime::Allowed(id) = std::mem::take(&mut json.later) else { return None };
        json.later = AnswerTime::Asked;
        Some(PutOff::Request(id))
    }

    /// Goes on with the request being carried out, after others were answered.
    pub(in crate::session) fn resume_request(&self) {
        if let Some(AnswerTime::Allowed(id)) = self.json.as_ref().map(|json| &json.later) {
            self.outbox.begin_request(id.clone());
        }
    }

    /// Carries out the rest of a request, and answers it.
    pub(in crate::session) fn answer_later(&mut self, id: Option<Arc<str>>, rest: impl FnOnce(&mut Session)) {
        self.outbox.begin_request(id.clone());
        self.forget_outcome();
        rest(self);
        let outcome = self.take_one_outcome(id.as_ref());
        self.write_answer("say", id.as_deref(), Ok(Reply::default()), outcome);
    }
}
