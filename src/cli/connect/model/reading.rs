//! How far the user has read.
//!
//! The server is told now and then, not for each message: in a busy room that would be one request each, and requests are
//! limited.
//!
//! *Owns* when the server is told. *Knows nothing of* the screen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::ClientModel;
use super::channel::ChannelKey;
use super::intent::Moment;
use super::request::ClientRequest;
use super::sending::Purpose;
use super::status::LinkStatus;

/// The shortest interval between reports.
const EVERY: Duration = Duration::from_secs(1);

/// Reports that the server has not got yet: the last message that was read, by room.
#[derive(Debug, Default)]
pub(super) struct ReadMarks {
    untold: BTreeMap<ChannelKey, u64>,
    not_before: Option<Instant>,
}

impl ReadMarks {
    /// When the next report is due.
    pub(super) fn wakes(&self, now: Instant) -> Option<Instant> {
        (!self.untold.is_empty()).then(|| self.not_before.unwrap_or(now))
    }
}

impl ClientModel {
    /// The end of the current channel is on the screen: nothing in it is unread.
    pub(super) fn read_current(&mut self) {
        let key = self.current;
        let channel = self.channel_mut(key);
        channel.mark_read();
        let (is_room, last, seen) = (channel.is_room(), channel.last_number().unwrap_or(0), channel.seen);
        if is_room && last > seen {
            self.read_marks.untold.insert(key, last);
        }
    }

    /// Tells the server how far the user has read, if it is time.
    pub(super) fn tell_read(&mut self, now: Moment) {
        let is_time = self.read_marks.not_before.is_none_or(|then| then <= now.instant);
        if self.status == LinkStatus::Connected && is_time && self.tell_read_now() {
            self.read_marks.not_before = Some(now.instant + EVERY);
        }
    }

    /// The same without waiting. Returns whether there was anything to tell.
    pub(super) fn tell_read_now(&mut self) -> bool {
        let mut any = false;
        for (key, last) in std::mem::take(&mut self.read_marks.untold) {
            let Some(channel) = self.channels.iter_mut().find(|channel| channel.key == key) else { continue };
            if channel.seen < last && channel.find(last).is_some() {
                channel.seen = last;
                let request = ClientRequest::about("seen", &channel.name).with("message", Some(last));
                self.request(request, Purpose::Nothing);
                any = true;
            }
        }
        any
    }
}
