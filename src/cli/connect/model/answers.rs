//! The server's answers, and what each leads to.
//!
//! *Owns* the effects of answers. *Knows nothing of* how an answer is matched with its request.

use super::ClientModel;
use super::channel::{ChannelKey, Older};
use super::dialog::Dialog;
use super::incoming::{ObjectId, ServerObject};
use super::intent::Moment;
use super::item::ItemContent;
use super::request::ClientRequest;
use super::sending::{LineWork, Outgoing, Purpose};
use crate::ui::command::{PlaceVerb, Verb};

/// Rooms with at most this many people have their names requested on entry. In larger rooms, names are learned as people
/// speak.
const MOST_LISTED: u64 = 1000;

impl ClientModel {
    pub(super) fn answered(&mut self, purpose: Purpose, object: ServerObject, now: Moment) {
        let failed = object.action == "error";
        match purpose {
            Purpose::Hello if failed => self.end(&object.content, super::status::EXIT_FAILED, now),
            Purpose::Hello => self.welcomed(object, now),
            Purpose::LogIn if failed => self.login_failed(object, now),
            Purpose::LogIn => self.logged_in(&object.optional.user, now),
            Purpose::Line(key) if failed => self.line_failed(key, object, now),
            Purpose::Line(key) => self.line_done(key, &object, now),
            Purpose::Rejoin { channel, .. } if failed => {
                let name = self.channel(channel).map(|room| room.name.clone()).unwrap_or_default();
                self.remove(channel);
                self.tell_error(format!("You are no longer in {name}: {}", object.content), now);
            }
            Purpose::Rejoin { channel, after } => {
                self.entered(channel, &object);
                self.rejoined(channel, after, &object, now);
            }
            Purpose::Review { channel, before, there } => self.page_reviewed((channel, before), &there, &object, now),
            Purpose::Rooms { go, joined } => self.rooms_listed(go, joined),
            Purpose::Older(channel, found) => {
                let room = self.channel_mut(channel);
                let more = !found.is_empty() && !failed;
                room.older = if more { Older::Possible } else { Older::Nothing };
                room.prepend(found.into_iter().rev());
            }
            Purpose::Search => {
                if let Some(search) = &mut self.search {
                    search.complete = true;
                    search.remarks.extend(failed.then_some(object.content));
                }
                self.revision += 1;
            }
            Purpose::Accept(number) if failed => {
                self.acceptance_failed(number, &object.content, now);
            }
            Purpose::Accept(_) => self.accepted(&object, now),
            Purpose::OfferAgain(key) if failed => self.not_offered_again(key, &object, now),
            Purpose::OfferAgain(key) => self.offered_again(key, &object, now),
            Purpose::Members(channel) => self.channel_mut(channel).touch(),
            // The connection ends after it.
            Purpose::Quit => {}
            Purpose::Nothing => {}
        }
        self.settle(now);
        self.send_next(now);
    }

    pub(super) fn line_failed(&mut self, key: u64, object: ServerObject, now: Moment) {
        // Slow mode or a rate limit has refused the line: it waits and is sent again.
        if object.optional.code == "too_fast" && object.optional.wait.is_some() {
            return self.postpone(key, object.optional.wait, now);
        }
        let Some(line) = self.take_line(key) else { return };
        if let (true, ObjectId::Own(request)) = (object.optional.unknown, object.id) {
            return self.doubt(request, line, object.content, now);
        }
        match line.work {
            LineWork::Join { room, .. } if object.optional.password && !self.choices.unattended => {
                self.tell(line.channel, ItemContent::Error(object.content), now);
                self.ask(Dialog::RoomPassword(room), now);
            }
            LineWork::Join { .. } if self.choices.unattended => {
                // The lines that follow would have no room to go to.
                self.refuse(line.channel, line.shown, object.content, now);
                self.end("", super::status::EXIT_FAILED, now);
            }
            LineWork::Post
            | LineWork::Command(_)
            | LineWork::Join { .. }
            | LineWork::Close(_)
            | LineWork::Offer(_)
            | LineWork::Accept
            | LineWork::Decline
            | LineWork::Search
            | LineWork::Password(_)
            | LineWork::LogIn(_)
            | LineWork::Plain => self.refuse(line.channel, line.shown, object.content, now),
        }
    }

    pub(super) fn line_done(&mut self, key: u64, object: &ServerObject, now: Moment) {
        let Some(line) = self.take_line(key) else { return };
        if matches!(line.work, LineWork::Post) {
            // Its message comes after this answer.
            let channel = line.request.receiver.first().and_then(|room| self.room(room)).unwrap_or(line.channel);
            return self.note_said(line, channel, object.optional.message);
        }
        let Outgoing { work, request, .. } = line;
        match work {
            LineWork::Post | LineWork::Plain | LineWork::Search => {}
            LineWork::Decline => object.optional.offer.into_iter().for_each(|number| self.stop_transfer(number)),
            LineWork::Command(verb) => {
                if verb == Some(Verb::Place(PlaceVerb::Group)) {
                    self.request(ClientRequest::new("rooms"), Purpose::Rooms { go: true, joined: Vec::new() });
                }
            }
            LineWork::Join { room, password } => {
                let name = object.receiver.first().map_or(room.as_str(), String::as_str).to_owned();
                let channel = self.open_room(&name);
                self.entered(channel, object);
                self.channel_mut(channel).password = password.map(|password| password.expose().to_owned());
                self.switch(channel);
                // The list has the room's description.
                self.request(ClientRequest::new("rooms"), Purpose::Rooms { go: false, joined: Vec::new() });
            }
            LineWork::Close(channel) => self.remove(channel),
            LineWork::Offer(path) => {
                let to = request.receiver.first().cloned().unwrap_or_default();
                let size = request.numbers.first().map(|(_, size)| *size);
                if let Some(number) = object.optional.offer {
                    self.offer_made(number, &to, (path, size), false, now);
                }
            }
            LineWork::Accept => self.accepted(object, now),
            LineWork::Password(password) => self.login.password = Some(password),
            LineWork::LogIn(password) => {
                self.login.password = Some(password);
                if !object.optional.user.is_empty() {
                    let name = object.optional.user.split('#').next().unwrap_or_default().to_owned();
                    self.renamed_self(&name);
                }
                self.request(ClientRequest::new("rooms"), Purpose::Rooms { go: false, joined: Vec::new() });
            }
        }
    }

    /// Notes that the user is in a room, for the first time or again.
    pub(super) fn entered(&mut self, channel: ChannelKey, object: &ServerObject) {
        let people = object.optional.people.unwrap_or(0);
        let room = self.channel_mut(channel);
        room.people = usize::try_from(people).unwrap_or(usize::MAX);
        room.touch();
        if people <= MOST_LISTED {
            room.members.clear();
            let request = ClientRequest::about("members", &room.name);
            self.request(request, Purpose::Members(channel));
        }
    }

    /// Handles the list of rooms that the user is in: enters those that are missing here, to receive their messages.
    pub(super) fn rooms_listed(&mut self, go: bool, joined: Vec<(String, u32)>) {
        for (name, unread) in joined {
            if self.room(&name).is_some() {
                continue;
            }
            let channel = self.open_room(&name);
            let room = self.channel_mut(channel);
            room.unread = unread;
            room.touch();
            self.request(ClientRequest::about("join", &name), Purpose::Rejoin { channel, after: None });
            if go {
                self.switch(channel);
            }
        }
    }
}
