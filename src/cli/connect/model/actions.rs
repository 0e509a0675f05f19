//! Carries out the user's intents, except lines.
//!
//! *Owns* going from channel to channel, loading and searching. *Knows nothing of* keys.

use super::ClientModel;
use super::channel::{ChannelKind, Older};
use super::intent::{Intent, Moment};
use super::request::ClientRequest;
use super::search::SearchResults;
use super::sending::Purpose;
use super::status::LinkStatus;

/// Messages requested at once when scrolling up; the server sends at most 200.
const PAGE: u64 = 100;

impl ClientModel {
    /// Carries out an intent.
    pub(crate) fn act(&mut self, intent: Intent, now: Moment) {
        match intent {
            Intent::Submit(line) => self.submit(&line, now),
            Intent::Cancel => self.cancel(now),
            Intent::Switch(to) => self.switch(to),
            Intent::SwitchBy(step) => {
                let count = self.channels.len();
                let at = self.channels.iter().position(|channel| channel.key == self.current).unwrap_or(0);
                let to = at.saturating_add_signed(step.rem_euclid(isize::try_from(count).unwrap_or(1)));
                self.switch(self.channels[to % count].key);
            }
            Intent::NextUnread => {
                let unread = || self.channels.iter().filter(|each| each.unread > 0 && each.key != self.current);
                let to = unread().find(|each| each.mentions > 0).or_else(|| unread().next()).map(|each| each.key);
                to.into_iter().for_each(|to| self.switch(to));
            }
            Intent::LoadOlder => self.load_older(),
            Intent::Search { pattern, everywhere } => self.search_for(&pattern, everywhere, now),
            Intent::EndSearch => {
                self.search = None;
                self.revision += 1;
            }
            Intent::Attend(attends) => {
                self.attends = attends;
                if attends {
                    self.read_current();
                }
            }
            Intent::Quit => self.leave_server(now),
        }
    }

    pub(super) fn leave_server(&mut self, now: Moment) {
        if self.status == LinkStatus::Connected || self.status == LinkStatus::LoggingIn {
            self.quit();
        } else {
            self.end("", super::status::EXIT_FINE, now);
        }
    }

    pub(super) fn load_older(&mut self) {
        let current = self.current;
        let ready = self.is_ready();
        let channel = self.channel_mut(current);
        let Some(first) = channel.first_number().filter(|_| ready && channel.older == Older::Possible) else { return };
        let request = match &channel.kind {
            ChannelKind::Room => ClientRequest::about("history", &channel.name),
            ChannelKind::Direct(people) if people.len() == 1 => {
                ClientRequest { private: true, ..ClientRequest::about("history", &people[0]) }
            }
            ChannelKind::Direct(_) | ChannelKind::Palette => {
                channel.older = Older::Nothing;
                return;
            }
        };
        channel.older = Older::Loading;
        channel.touch();
        let request = request.with("before", Some(first)).with("limit", Some(PAGE));
        self.request(request, Purpose::Older(current, Vec::new()));
    }

    pub(super) fn search_for(&mut self, pattern: &str, everywhere: bool, now: Moment) {
        if !self.is_ready() {
            return self.tell_error("There is no connection now.", now);
        }
        let channel = self.current();
        let request = if everywhere || !channel.is_room() {
            ClientRequest::new("search")
        } else {
            ClientRequest::about("search", &channel.name)
        };
        self.search = Some(SearchResults::default());
        self.revision += 1;
        self.request(request.saying(pattern), Purpose::Search);
    }

    pub(super) fn cancel(&mut self, now: Moment) {
        self.revision += 1;
        match self.dialog.take() {
            Some(dialog) if dialog.is_login() => self.leave_server(now),
            Some(_) => {}
            None => {
                if let Some(offer) = self.offers.pop_front() {
                    self.decline(offer.number, now);
                }
            }
        }
    }
}
