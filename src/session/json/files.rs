//! Requests about files: offering one, and answering an offer.
//!
//! *Owns* which fields they take, and what their answers hold.
//! *Knows nothing of* how a file is passed on: the program fetches it or sends it itself.

use super::Session;
use super::answer::Reply;
use crate::protocol::json::{JsonRequest, Value};
use crate::session::failure::{ErrorCode, Failure};
use crate::session::files::NO_FILES;
use crate::ui::file_lines;
use crate::ui::palette::{FileOffer, fields};

impl Session {
    /// Fails if this program can neither send nor get files.
    fn needs_files(&self) -> Result<(), Failure> {
        if self.hub.file_place(&self.outbox).is_none() && self.remote_files().is_empty() {
            return Err(Failure::refused(NO_FILES));
        }
        Ok(())
    }

    pub(super) fn send_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.needs_files()?;
        let [person] = &request.receiver.0[..] else {
            return Err(Failure::new(ErrorCode::NoPerson, "The receiver names one person."));
        };
        if request.content.trim().is_empty() {
            return Err(Failure::refused("The content is missing: it is the file's name."));
        }
        let to = fields::person(person, &self.rules())
            .map_err(|refusal| Failure::new(ErrorCode::NoPerson, refusal.to_string()))?;
        let offer = FileOffer { to, name: request.content.clone().into_owned(), mark: ':' };
        let made = self.send_file(&offer, request.optional.size);
        Ok(about(made.map(|(number, _)| number)))
    }

    pub(super) fn accept_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.needs_files()?;
        let Some((accepted, token, place)) = self.accept_file(request.optional.offer, request.optional.from) else {
            return Ok(Reply::default());
        };
        let mut reply = about(Some(accepted.number));
        reply.optional.push(("token", Value::Text(token.to_string().into())));
        reply.optional.extend(file_lines::url(token, &place).map(|url| ("url", Value::Text(url.into()))));
        reply.optional.extend((accepted.from > 0).then_some(("from", Value::Number(accepted.from))));
        Ok(reply)
    }

    pub(super) fn decline_by_request(&mut self, request: &JsonRequest<'_>) -> Result<Reply, Failure> {
        self.needs_files()?;
        Ok(about(self.decline_file(request.optional.offer)))
    }
}

/// The answer to a request about this offer. If there is none, the request was refused, and the refusal is in the
/// outbox.
fn about(number: Option<u64>) -> Reply {
    let optional = number.map(|number| ("offer", Value::Number(number))).into_iter().collect();
    Reply { optional, ..Reply::default() }
}
