//! Handles the server's answers and events.
//!
//! *Owns* where each object is shown, and which request it answers. *Knows nothing of* lines of bytes, and of the
//! connection.

use super::channel::{ChannelKey, ChannelKind, ChannelMember, folded};
use super::incoming::{self, ObjectId, ServerObject};
use super::intent::{ClientEffect, Moment};
use super::item::{ChatMessage, Gone, ItemContent, MessageLifetime, QuotedMessage};
use super::search::{MOST_HITS, SearchHit};
use super::sending::{LineWork, Purpose};
use super::{ClientModel, RingsAt};
use crate::chat::secret::Secret;

impl ClientModel {
    /// Takes a line from the server, without its end. False if this client does not understand it.
    pub(crate) fn apply(&mut self, line: &[u8], now: Moment) -> bool {
        self.heard = Some(now.instant);
        let Some(object) = incoming::parse(line) else { return false };
        let answered = match object.id {
            ObjectId::Own(id) => self.pending.iter().position(|pending| pending.id == id),
            ObjectId::None | ObjectId::Number(_) => None,
        };
        match answered.and_then(|at| self.pending.remove(at)) {
            Some(pending) => self.answered(pending.purpose, object, now),
            // An answer to a request of an earlier connection: nobody waits for it.
            None if matches!(object.id, ObjectId::Own(_)) => {}
            None => {
                if let Some(object) = self.settle_doubt(object, now) {
                    self.happened(object, now);
                }
            }
        }
        true
    }

    /// The purpose of the request that an object is part of the answer to, if it is.
    pub(super) fn request_of(&mut self, object: &ServerObject) -> Option<&mut Purpose> {
        let id = object.optional.request?;
        self.pending.iter_mut().find(|pending| pending.id == id).map(|pending| &mut pending.purpose)
    }

    pub(super) fn happened(&mut self, object: ServerObject, now: Moment) {
        match &*object.action {
            "message" => self.message(object, now),
            "edited" => self.edited(object),
            "hidden" => self.reviewed(object),
            "deleted" => self.erased(&object, Gone::Deleted),
            "expired" => self.erased(&object, Gone::Expired),
            "joined" => self.came(&object, now),
            "left" => self.went(&object, now),
            "renamed" => self.renamed(object, now),
            "kicked" => self.kicked(object, now),
            "room" => self.room_object(object, now),
            "member" => self.member(&object),
            "news" => self.news(object, now),
            // The server has not read the request, so it cannot say which one: it answers in order.
            "error" if object.optional.code == "too_long" && !self.pending.is_empty() => {
                if let Some(pending) = self.pending.pop_front() {
                    self.answered(pending.purpose, object, now);
                }
            }
            "error" => self.tell_error(object.content, now),
            "bye" => {
                self.bye = object.content;
                // A server that refuses everybody while it restarts sends no code; the known one stays valid.
                if let Some(code) = Secret::new(&object.optional.code) {
                    self.login.code = Some(code);
                }
                if object.optional.again == Some(false) {
                    let why = std::mem::take(&mut self.bye);
                    self.sent_away(why, now);
                }
            }
            "offer" => self.offered(object, now),
            "transfer" => self.transfer_told(object, now),
            // Answers of other kinds, and what later versions may send.
            _ => {}
        }
    }

    /// Whether to try another address of the host first.
    pub(crate) fn is_sent_elsewhere(&self) -> bool {
        self.login.sent_elsewhere
    }

    /// The server does not want this client to reconnect by itself.
    pub(super) fn sent_away(&mut self, why: String, now: Moment) {
        if self.leaving {
            return;
        }
        let last_error = self.current().items().back().and_then(|item| match &item.content {
            ItemContent::Error(text) | ItemContent::News(text) => Some(text.clone()),
            ItemContent::Message(_)
            | ItemContent::Copy(_)
            | ItemContent::Refused { .. }
            | ItemContent::Presence(_)
            | ItemContent::Rule(_) => None,
        });
        let why = if why.is_empty() {
            last_error.unwrap_or_else(|| "The server has ended the connection.".to_owned())
        } else {
            why
        };
        self.end(&why, super::status::EXIT_FAILED, now);
    }

    pub(super) fn chat_message(&self, object: ServerObject) -> ChatMessage {
        let ServerObject { id, sender, receiver, content, private, optional, .. } = object;
        let number = match id {
            ObjectId::Number(number) => Some(number),
            ObjectId::None | ObjectId::Own(_) => None,
        };
        let ends = optional.ends.or(object.time);
        ChatMessage {
            number,
            own: self.is_me(&sender),
            author: sender,
            text: content,
            private,
            to: if private { receiver } else { Vec::new() },
            mention: optional.mention,
            action: optional.action,
            edited: optional.edited,
            gone: None,
            temporary: optional.temporary.zip(ends).map(|(seconds, ends)| MessageLifetime { seconds, ends }),
            quoted: optional.reply_to.map(|number| QuotedMessage {
                number,
                author: optional.quote_sender,
                start: optional.quote,
            }),
            history: optional.history,
        }
    }

    /// The channel that a message belongs to.
    pub(super) fn channel_of(&mut self, object: &ServerObject) -> Option<ChannelKey> {
        if !object.private {
            return object.receiver.first().map(|room| self.open_room(room));
        }
        let mut people: Vec<String> = object.receiver.clone();
        people.push(object.sender.clone());
        people.retain(|name| !self.is_me(name) && !name.is_empty());
        if people.is_empty() {
            people.push(self.me.clone());
        }
        Some(self.open_direct(people))
    }

    pub(super) fn message(&mut self, object: ServerObject, now: Moment) {
        let at = object.time.unwrap_or(now.time);
        let hit = object.optional.hit;
        let place = match (object.private, object.receiver.first()) {
            (false, Some(room)) => format!("#{room}"),
            (false, None) => String::new(),
            (true, _) => format!(
                "@{}",
                if self.is_me(&object.sender) { object.receiver.join(", @") } else { object.sender.clone() }
            ),
        };
        let for_line = match self.request_of(&object) {
            Some(Purpose::Older(key, _)) => {
                let key = *key;
                return self.older_message(key, object, at);
            }
            Some(Purpose::Review { .. }) => return self.reviewed(object),
            Some(Purpose::Search) => {
                let message = self.chat_message(object);
                let start = usize::try_from(hit.unwrap_or(0)).unwrap_or(0);
                if let Some(search) = self.search.as_mut().filter(|search| search.hits.len() < MOST_HITS) {
                    search.hits.push(SearchHit { place, at, message, start });
                }
                self.revision += 1;
                return;
            }
            Some(Purpose::Line(key)) => Some(*key),
            _ => None,
        };
        if let Some(line) = for_line.and_then(|key| self.outgoing.iter().find(|line| line.key == key))
            && matches!(line.work, LineWork::Search | LineWork::Command(_))
        {
            let channel = line.channel;
            let message = self.chat_message(object);
            let number = message.number.map(|number| format!("#{number} ")).unwrap_or_default();
            let (author, text) = (&message.author, &message.text);
            let said = if message.action { format!("* {author} {text}") } else { format!("{author}: {text}") };
            return self.tell(channel, ItemContent::News(format!("{number}{place} {said}")), now);
        }
        let Some(key) = self.channel_of(&object) else { return };
        self.append(key, object, at);
    }

    pub(super) fn append(&mut self, key: ChannelKey, object: ServerObject, at: jiff::Timestamp) {
        let message = self.chat_message(object);
        let channel = self.channel_mut(key);
        if message.number.is_some_and(|number| channel.find(number).is_some()) {
            return;
        }
        let is_direct = matches!(channel.kind, ChannelKind::Direct(_));
        if channel.is_room() && !channel.members.contains_key(&folded(&message.author)) {
            channel.add_member(ChannelMember { name: message.author.clone(), ..ChannelMember::default() });
        }
        let (own, history) = (message.own, message.history);
        let to_user = !own && (message.mention || is_direct);
        self.note_arrival(key, &message);
        let resumes = self.is_resuming(key);
        let is_seen = key == self.current && self.attends;
        if is_direct && !history && key != self.current {
            let current = self.current;
            self.channel_mut(current).push(at, ItemContent::Copy(Box::new(message.clone())));
        }
        let channel = self.channel_mut(key);
        if own && is_direct && !history {
            // Who answers has read.
            channel.mark_read();
        }
        let item = channel.push(at, ItemContent::Message(Box::new(message)));
        if own || (history && !resumes) {
            return;
        }
        if !is_seen {
            channel.count_unread(item, to_user);
        } else {
            self.read_current();
        }
        let rings = match self.settings.bell {
            RingsAt::Nothing => false,
            RingsAt::Mentions => to_user,
            RingsAt::Everything => true,
        };
        self.effects.extend((rings && !history).then_some(ClientEffect::Ring));
    }

    pub(super) fn is_resuming(&self, key: ChannelKey) -> bool {
        let resumes =
            |purpose: &Purpose| matches!(purpose, Purpose::Rejoin { channel, after: Some(_) } if *channel == key);
        self.pending.iter().any(|pending| resumes(&pending.purpose))
    }

    pub(super) fn came(&mut self, object: &ServerObject, now: Moment) {
        let Some(room) = object.receiver.first() else { return };
        if self.is_me(&object.sender) {
            return;
        }
        let Some(key) = self.room(room) else { return };
        let channel = self.channel_mut(key);
        let more = object.optional.more.unwrap_or(0);
        channel.people = channel.people.saturating_add(1).saturating_add(usize::try_from(more).unwrap_or(0));
        channel.add_member(ChannelMember { name: object.sender.clone(), ..ChannelMember::default() });
        let item = channel.push_presence(object.time.unwrap_or(now.time), true, &object.sender, more);
        self.note_change(key, item);
    }

    pub(super) fn went(&mut self, object: &ServerObject, now: Moment) {
        if object.private {
            let known = self.channels.iter().find(|channel| match &channel.kind {
                ChannelKind::Direct(people) => people.len() == 1 && folded(&people[0]) == folded(&object.sender),
                ChannelKind::Palette | ChannelKind::Room => false,
            });
            let key = known.map(|channel| channel.key);
            return key.into_iter().for_each(|key| self.tell(key, ItemContent::News(object.content.clone()), now));
        }
        let Some(key) = object.receiver.first().and_then(|room| self.room(room)) else { return };
        if self.is_me(&object.sender) {
            return self.remove(key);
        }
        let channel = self.channel_mut(key);
        let more = object.optional.more.unwrap_or(0);
        channel.people = channel.people.saturating_sub(1).saturating_sub(usize::try_from(more).unwrap_or(0));
        channel.members.remove(&folded(&object.sender));
        let item = channel.push_presence(object.time.unwrap_or(now.time), false, &object.sender, more);
        self.note_change(key, item);
    }

    pub(super) fn renamed_self(&mut self, name: &str) {
        name.clone_into(&mut self.me);
        self.login.name = Some(name.to_owned());
        self.revision += 1;
    }

    pub(super) fn renamed(&mut self, object: ServerObject, now: Moment) {
        let before = &object.optional.before;
        if !before.is_empty() && self.is_me(before) {
            self.renamed_self(&object.sender);
        }
        self.rename_in_files(before, &object.sender);
        let line = ItemContent::News(object.content.clone());
        if object.private {
            for channel in &mut self.channels {
                let ChannelKind::Direct(people) = &mut channel.kind else { continue };
                if let Some(person) = people.iter_mut().find(|person| folded(person) == folded(before)) {
                    person.clone_from(&object.sender);
                    channel.name = people.join(", ");
                    channel.push(now.time, line.clone());
                }
            }
            return;
        }
        let Some(key) = object.receiver.first().and_then(|room| self.room(room)) else { return };
        let channel = self.channel_mut(key);
        let member = channel.members.remove(&folded(before)).unwrap_or_default();
        channel.add_member(ChannelMember { name: object.sender.clone(), ..member });
        channel.push(now.time, line);
    }

    pub(super) fn kicked(&mut self, object: ServerObject, now: Moment) {
        let Some(key) = object.receiver.first().and_then(|room| self.room(room)) else {
            return self.tell_news(object.content, now);
        };
        if self.is_me(&object.optional.user) {
            self.remove(key);
            return self.tell_error(object.content, now);
        }
        let channel = self.channel_mut(key);
        channel.people = channel.people.saturating_sub(1);
        channel.members.remove(&folded(&object.optional.user));
        channel.push(now.time, ItemContent::News(object.content));
    }

    pub(super) fn room_object(&mut self, object: ServerObject, now: Moment) {
        let Some(name) = object.receiver.first().cloned() else { return };
        let (joined, unread) = (object.optional.joined, object.optional.unread.unwrap_or(0));
        if let Some(Purpose::Rooms { joined: list, .. }) = self.request_of(&object) {
            if joined {
                list.push((name.clone(), u32::try_from(unread).unwrap_or(u32::MAX)));
            }
            self.know_room(&name);
            if let Some(key) = self.room(&name) {
                let channel = self.channel_mut(key);
                channel.description = object.content;
                channel.touch();
            }
            return;
        }
        match &*object.optional.change {
            "created" => self.know_room(&name),
            "gone" => _ = self.known_rooms.remove(&name),
            _ => {}
        }
        let Some(key) = self.room(&name) else { return };
        if object.optional.change == "gone" {
            self.remove(key);
            let line = if object.content.is_empty() { format!("The room {name} is closed.") } else { object.content };
            return self.tell_news(line, now);
        }
        if !object.content.is_empty() {
            self.tell(key, ItemContent::News(object.content), now);
        }
    }

    pub(super) fn member(&mut self, object: &ServerObject) {
        let Some(key) = object.receiver.first().and_then(|room| self.room(room)) else { return };
        let extras = &object.optional;
        self.channel_mut(key).add_member(ChannelMember {
            name: object.sender.clone(),
            away: extras.away,
            admin: extras.admin,
            bot: extras.bot,
        });
    }

    /// A line of the server goes where it belongs: to its room, to where the command was typed, or to where the user looks.
    pub(super) fn news(&mut self, object: ServerObject, now: Moment) {
        let line_key = match self.request_of(&object) {
            Some(Purpose::Search) => {
                if let Some(search) = &mut self.search {
                    search.remarks.push(object.content);
                }
                self.revision += 1;
                return;
            }
            Some(Purpose::Line(key)) => Some(*key),
            _ => None,
        };
        let of_line =
            line_key.and_then(|key| self.outgoing.iter().find(|line| line.key == key)).map(|line| line.channel);
        let of_room = object.receiver.first().and_then(|room| self.room(room));
        let key = of_line.filter(|key| self.channel(*key).is_some()).or(of_room).unwrap_or(self.current);
        self.tell(key, ItemContent::News(object.content), now);
    }

    /// Takes one of the requested older messages. They are shown once all have arrived.
    pub(super) fn older_message(&mut self, channel: ChannelKey, object: ServerObject, at: jiff::Timestamp) {
        let request = object.optional.request;
        let message = self.chat_message(object);
        let is_known = message.number.is_some_and(|number| self.channel_mut(channel).find(number).is_some());
        let pending = self.pending.iter_mut().find(|pending| Some(pending.id) == request);
        if let Some(Purpose::Older(_, found)) = pending.map(|pending| &mut pending.purpose)
            && !is_known
        {
            found.push((at, message));
        }
    }
}
