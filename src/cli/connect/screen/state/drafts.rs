//! Drafts: lines that were begun but not entered.
//!
//! *Owns* when a draft is put away, and when it returns. *Knows nothing of* keys.

use super::Screen;
use crate::cli::connect::model::ClientModel;

impl Screen {
    /// If a key changes the channel, the line being typed stays with the old channel, and the draft of the new one
    /// returns. If the server's answer changes it, as after a `:join` a moment ago, the line goes along.
    pub(super) fn exchange_drafts(&mut self, model: &ClientModel) {
        if !self.is_pressing {
            return;
        }
        let is_asked = self.question.is_some();
        let line = if is_asked { self.draft.take().unwrap_or_default() } else { self.input.take_line() };
        self.drafts.retain(|key, _| model.channel(*key).is_some());
        if !line.is_empty() {
            self.drafts.insert(self.channel, line);
        }
        let draft = self.drafts.remove(&model.current().key());
        if is_asked {
            self.draft = draft;
            return;
        }
        if let Some(draft) = draft {
            self.input.put_back(&draft);
        }
    }

    /// Handles the appearance and disappearance of a question. The draft waits until it is answered.
    pub(super) fn follow_question(&mut self, model: &ClientModel) {
        let asked = model.question();
        if asked == self.question {
            return;
        }
        self.is_dirty = true;
        let (was_asked, is_asked) = (self.question.is_some(), asked.is_some());
        self.question = asked;
        if is_asked {
            self.find = None;
            self.overlay = None;
            if !was_asked && !self.input.line().is_empty() {
                // An offer may come while the user is typing: that line is not the answer.
                self.draft = Some(self.input.take_line());
            }
        }
        self.input.set_hidden(self.question.as_ref().is_some_and(|question| question.hidden));
        if !is_asked && let Some(draft) = self.draft.take() {
            self.input.put_back(&draft);
        }
    }
}
