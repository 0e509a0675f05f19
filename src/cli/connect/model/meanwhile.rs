//! Changes to messages while there was no connection.
//!
//! The server sends a returning client new messages, but not the edits and deletions of earlier ones. So the client reads
//! the history again, from its end back to its oldest message, a page at a time. Messages with a new text are updated;
//! messages that the server should have sent but did not are gone.
//!
//! *Owns* which pages are read, and what their messages and the missing ones mean. *Knows nothing of* how a message is shown.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::ClientModel;
use super::channel::{ChannelKey, ChannelKind};
use super::incoming::{ObjectId, ServerObject};
use super::intent::Moment;
use super::item::Gone;
use super::request::ClientRequest;
use super::sending::Purpose;
use super::status::LinkStatus;

/// Messages of a page: the most that a server sends.
const PAGE: u64 = 200;

/// How long to wait for another try if the server does not say how long.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

/// The pages to read: the channels, and where each continues.
#[derive(Debug, Default)]
pub(super) struct HistoryReview {
    waiting: VecDeque<(ChannelKey, u64)>,
    /// A page is being read.
    is_reading: bool,
    /// The server has asked to wait until then.
    not_before: Option<Instant>,
}

impl HistoryReview {
    /// When it continues.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.not_before.filter(|_| !self.waiting.is_empty() && !self.is_reading)
    }

    /// The connection is gone. The next one begins from the end.
    pub(super) fn stop(&mut self) {
        *self = HistoryReview::default();
    }
}

impl ClientModel {
    /// Checks everything in this channel up to a number again.
    pub(super) fn review(&mut self, channel: ChannelKey, seen: u64) {
        if seen > 0 {
            self.review.waiting.push_back((channel, seen.saturating_add(1)));
        }
    }

    /// The same for all conversations with one person. The server has no history of other conversations.
    pub(super) fn review_conversations(&mut self) {
        let is_of_one = |kind: &ChannelKind| matches!(kind, ChannelKind::Direct(people) if people.len() == 1);
        let all = self.channels.iter().filter(|channel| is_of_one(&channel.kind));
        let all: Vec<_> = all.map(|channel| (channel.key, channel.last_number().unwrap_or(0))).collect();
        all.into_iter().for_each(|(channel, last)| self.review(channel, last));
    }

    /// Reads the next page, if nothing prevents it.
    pub(super) fn go_on_reviewing(&mut self, now: Moment) {
        let is_early = self.review.not_before.is_some_and(|then| then > now.instant);
        if self.review.is_reading
            || is_early
            || self.leaving
            || self.status != LinkStatus::Connected
            || !self.is_ready()
        {
            return;
        }
        while let Some((key, before)) = self.review.waiting.pop_front() {
            let Some(channel) = self.channel(key) else { continue };
            if channel.first_number().is_none_or(|first| first >= before) {
                continue;
            }
            let mut request = ClientRequest::about("history", &channel.name);
            request.private = !channel.is_room();
            let request = request.with("before", Some(before)).with("limit", Some(PAGE));
            self.request(request, Purpose::Review { channel: key, before, there: Vec::new() });
            (self.review.is_reading, self.review.not_before) = (true, None);
            return;
        }
    }

    /// One of the messages of a page, or the number of one whose author the user ignores.
    pub(super) fn reviewed(&mut self, object: ServerObject) {
        let ObjectId::Number(number) = object.id else { return };
        let Some(Purpose::Review { channel, there, .. }) = self.request_of(&object) else { return };
        there.push(number);
        let key = *channel;
        if object.action != "message" {
            return;
        }
        let new = self.chat_message(object);
        let channel = self.channel_mut(key);
        let known = channel.find(number).and_then(|item| channel.position(item)).and_then(|at| channel.items().get(at));
        let Some(known) = known.and_then(super::Item::message) else { return };
        if known.gone.is_some() || (known.text == new.text && known.quoted == new.quoted) {
            return;
        }
        let start = (known.text != new.text).then(|| new.text.lines().next().unwrap_or("").to_owned());
        channel.change(number, |message| {
            (message.text, message.quoted, message.mention) = (new.text, new.quoted, new.mention);
            message.edited |= start.is_some();
        });
        if let Some(start) = start {
            channel.change_quotes(number, &start);
            let item = channel.find(number);
            item.into_iter().for_each(|item| self.note_change(key, item));
        }
    }

    /// A page is complete. The server has sent every message from `from` on.
    pub(super) fn page_reviewed(
        &mut self,
        (key, before): (ChannelKey, u64),
        there: &[u64],
        answer: &ServerObject,
        now: Moment,
    ) {
        self.review.is_reading = false;
        if answer.action == "error" {
            if answer.optional.code == "too_fast" {
                self.review.waiting.push_front((key, before));
                let wait = answer.optional.wait.map_or(UNKNOWN_WAIT, Duration::from_millis);
                self.review.not_before = Some(now.instant + wait);
            }
            return;
        }
        let Some(from) = answer.optional.from else { return };
        let present = self.channel(key).map(|channel| channel.present(from..=before.saturating_sub(1)));
        for number in present.unwrap_or_default() {
            if !there.contains(&number) {
                self.erase(key, number, Gone::Deleted);
            }
        }
        // The page was full, so there may be more messages before it.
        if there.iter().min().is_some_and(|lowest| *lowest == from) {
            self.review.waiting.push_front((key, from));
        }
    }
}
