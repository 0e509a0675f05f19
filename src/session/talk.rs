//! Talking: what this person says, to a room or to people, and what becomes of it afterwards.
//!
//! *Owns* the way from a draft to a room or a conversation of two, and finding the message that a number means.
//! *Knows nothing of* what was typed, and of how a message looks.
//! *Called by* `session::effects`.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Session;
use crate::conversation::Conversation;
use crate::deed::{Actor, Denied};
use crate::direct::{Pair, TooMany};
use crate::identity::Whom;
use crate::message::{Addressee, Draft, Event, Message, MessageId, Quoted};
use crate::names::UserName;
use crate::outbox::Own;
use crate::palette::Answer;
use crate::room::{Erased, Room};
use crate::roster::Person;
use crate::screen::Tone;
use crate::timer::Task;

/// Where a message stands.
enum Place {
    Room(Arc<Room>),
    /// In a room, before what memory holds.
    Older(Arc<Room>, Box<Message>),
    /// One that was sent to several people stands in several conversations.
    Direct(Vec<Arc<Pair>>),
}

impl Session {
    #[inline(never)]
    pub(super) fn say(&mut self, to: &Conversation, draft: Draft, confirm: bool) {
        match to {
            Conversation::Room(id) => {
                let room = self.membership(id).map(|membership| Arc::clone(membership.room()));
                match (room, self.actor()) {
                    (Some(room), Some(actor)) => self.post(&room, &actor, draft, confirm),
                    _ => self.outbox.tell(Tone::Refusal, &format!("Not said: you are not in {id}.")),
                }
            }
            Conversation::Direct(partner) => {
                let whom = Whom { name: partner.name.clone(), client: Some(partner.client) };
                let in_view = !confirm;
                match self.hub.directs.find(self.outbox.id(), partner.client) {
                    Some(pair) => self.send(vec![pair], draft, in_view),
                    None => self.refuse(&Denied::NotOnline(Whom { client: None, ..whom })),
                }
            }
        }
    }

    #[inline(never)]
    fn post(&mut self, room: &Arc<Room>, actor: &Actor, draft: Draft, confirm: bool) {
        let (now, lasts) = (Instant::now(), draft.lasts);
        let Ok(held) = self.hold_temporary(lasts, 1) else { return };
        let plain = !draft.action && draft.reply.is_none() && lasts.is_none();
        let typed = (!confirm && plain && self.link.is_character_mode()).then(|| draft.text.clone());
        match room.post(actor, draft, Timestamp::now(), now) {
            Ok(id) => {
                self.note_undelivered(room);
                if let Some(lasts) = lasts {
                    self.hub.timer.schedule_holding(now + lasts, Task::Expire(Arc::downgrade(room), id), held);
                }
                if confirm {
                    self.confirm(room, id);
                }
            }
            Err(denied) => {
                if let Some(typed) = typed {
                    self.put_back(&typed);
                }
                self.refuse(&denied);
            }
        }
    }

    /// A line said in the view of a character mode terminal is off the screen by now: what is refused stays to be read.
    #[inline(never)]
    fn put_back(&self, typed: &str) {
        self.outbox.with_display(|display, out| {
            let line = [&**display.prompt(), typed].concat();
            display.write(Tone::Chat, &line, out);
        });
    }

    #[inline(never)]
    fn confirm(&mut self, room: &Arc<Room>, id: MessageId) {
        if room.is_viewed_by(self.outbox.id()) {
            return;
        }
        if let Some(membership) = self.memberships.iter_mut().find(|known| Arc::ptr_eq(known.room(), room)) {
            // What one has said oneself is not unread.
            membership.read += 1;
        }
        self.outbox.tell(Tone::News, &format!("Said in {} as {id}.", room.name()));
    }

    pub(super) fn refuse(&self, denied: &Denied) {
        self.outbox.tell(Tone::Refusal, &denied.to_string());
    }

    /// The conversation with somebody, begun if there is none.
    fn begin(&self, whom: &Whom) -> Result<Arc<Pair>, String> {
        let not_online = || Denied::NotOnline(whom.clone()).to_string();
        let person = self.person.as_ref().ok_or_else(not_online)?;
        let other = self.hub.roster.find(whom).ok_or_else(not_online)?;
        if Arc::ptr_eq(person, &other) {
            return Err(Denied::Yourself("write to").to_string());
        }
        match self.hub.directs.begin(person, &other) {
            Ok(Some(pair)) => Ok(pair),
            Ok(None) => Err(not_online()),
            Err(TooMany(most)) => {
                Err(format!("You have {most} conversations, which is the most; they end when somebody leaves."))
            }
        }
    }

    #[inline(never)]
    pub(super) fn open_direct(&mut self, whom: &Whom) -> Option<Answer> {
        match self.begin(whom) {
            Ok(pair) => Some(Answer::DirectOpened(pair.partner(self.outbox.id()).addressee())),
            Err(line) => {
                self.outbox.tell(Tone::Refusal, &line);
                None
            }
        }
    }

    pub(super) fn enter_direct_view(&mut self, partner: &Addressee, count: usize) {
        let header = format!("@{}: only you two. Type to talk; /help for commands; :q goes back.", partner.name);
        let opened = self.hub.directs.find(self.outbox.id(), partner.client);
        let clock = self.hub.clock.clone();
        if !opened.is_some_and(|pair| pair.open_view(&self.outbox, count, &header, &clock)) {
            let whom = Whom { name: partner.name.clone(), client: None };
            self.refuse(&Denied::NotOnline(whom));
        }
    }

    #[inline(never)]
    pub(super) fn send_direct(&mut self, to: &[Whom], draft: Draft) {
        let mut pairs: Vec<Arc<Pair>> = Vec::new();
        for whom in to {
            if self.hub.roster.find(whom).is_none()
                && let Some(reader) = self.account_of(whom)
            {
                self.leave_word(&reader, &draft);
                continue;
            }
            match self.begin(whom) {
                Ok(pair) if pairs.iter().any(|known| Arc::ptr_eq(known, &pair)) => {}
                Ok(pair) => pairs.push(pair),
                Err(line) => {
                    // A sentence of its own begins with a capital letter, a name stays as it is.
                    let line = line.strip_prefix("You ").map_or(line.clone(), |rest| format!("you {rest}"));
                    self.outbox.tell(Tone::Refusal, &format!("Not sent: {line}"));
                }
            }
        }
        self.send(pairs, draft, false);
    }

    /// Sends one message to one or several people. `in_view`: the author looks at the conversation, and has typed it there.
    #[inline(never)]
    fn send(&mut self, pairs: Vec<Arc<Pair>>, draft: Draft, in_view: bool) {
        let Some(person) = self.person.clone() else { return };
        if pairs.is_empty() {
            return;
        }
        let (lasts, at, clock) = (draft.lasts, Timestamp::now(), self.hub.clock.clone());
        let Ok(held) = self.hold_temporary(lasts, pairs.len()) else { return };
        // Typed in line mode into the conversation itself, it is on the screen already.
        let plain = !draft.action && draft.reply.is_none() && lasts.is_none();
        let own = match in_view && plain {
            true if self.link.is_character_mode() => Some(Own::Said),
            true => None,
            false => Some(Own::Answer),
        };
        let mut sent = Vec::new();
        let id = match &pairs[..] {
            [pair] => match pair.post(draft, &person, at, || self.hub.rooms.next_message(), own, &clock) {
                Ok(event) => {
                    sent.push(Arc::clone(pair));
                    event.message().map(|message| message.id)
                }
                Err(denied) => return self.refuse(&denied),
            },
            _ => {
                let own = self.outbox.id();
                let to: Vec<_> = pairs.iter().map(|pair| pair.partner(own).addressee()).collect();
                let id = self.hub.rooms.next_message();
                let mut message = Message::new(id, at, person.name(), own, draft, to.into());
                if let Some(pair) = pairs.first() {
                    pair.note_answered(&mut message);
                }
                let event = Arc::new(Event::Said(message));
                for pair in pairs {
                    match pair.share(&event, own, &clock) {
                        Ok(()) => sent.push(pair),
                        Err(denied) => self.refuse(&denied),
                    }
                }
                if !sent.is_empty() {
                    self.outbox.tell_direct(&event, Own::Answer, &mut clock.clone());
                }
                Some(id)
            }
        };
        if let (Some(lasts), Some(id)) = (lasts, id) {
            let to = sent.iter().map(|pair| pair.partner(self.outbox.id()).client()).collect();
            let task = Task::ExpireDirect { id, author: person.addressee(), to };
            self.hub.timer.schedule_holding(Instant::now() + lasts, task, held);
        }
        for pair in sent {
            self.tell_what_to_expect(pair.partner(self.outbox.id()));
        }
    }

    #[inline(never)]
    pub(super) fn tell_away_in_conversation(&self, whom: &Whom) {
        if let Some(Conversation::Direct(partner)) = self.palette.current()
            && let Some(person) = self.hub.roster.find(whom).filter(|person| person.client() == partner.client)
        {
            self.tell_away(&person);
        }
    }

    /// Who has written to somebody they ignore is told so.
    fn tell_what_to_expect(&self, person: &Person) {
        if self.outbox.ignores(person.client(), &person.name()) {
            return self.tell_ignored(&person.name());
        }
        self.tell_away(person);
    }

    /// Who writes to somebody who is away is told so, unless they want to read nothing that comes from there.
    fn tell_away(&self, person: &Person) {
        if self.outbox.ignores(person.client(), &person.name()) {
            return;
        }
        if let Some(text) = person.away() {
            let reason = if text.is_empty() { String::new() } else { format!(" ({text})") };
            self.outbox.tell(Tone::News, &format!("{} is away{reason}.", person.name()));
        }
    }

    pub(super) fn tell_ignored(&self, name: &UserName) {
        self.outbox.tell(Tone::News, &format!("You ignore {name} and see no answer; :unignore {name} ends that."));
    }

    /// Where a message stands that this person may read.
    fn locate(&self, actor: &Actor, id: MessageId) -> Option<Place> {
        let now = Instant::now();
        let room = self.memberships.iter().find(|membership| membership.room().quote(actor, id, now).is_some());
        if let Some(membership) = room {
            return Some(Place::Room(Arc::clone(membership.room())));
        }
        let mut pairs = self.hub.directs.of(self.outbox.id());
        pairs.retain(|pair| pair.quote(id).is_some());
        if pairs.is_empty() {
            let (room, message) = self.locate_older(actor, id)?;
            return Some(Place::Older(room, Box::new(message)));
        }
        Some(Place::Direct(pairs))
    }

    /// The number given, or the one of the last message that this person has said anywhere.
    fn meant(&self, id: Option<MessageId>) -> Option<MessageId> {
        let own = self.outbox.id();
        let who = self.person.as_ref().map(|person| person.identity());
        let in_rooms = self.memberships.iter().filter_map(|membership| membership.room().last_by(who.as_ref()?));
        let pairs = self.hub.directs.of(own);
        let directs = pairs.iter().filter_map(|pair| pair.last_by(own));
        id.or_else(|| in_rooms.chain(directs).chain(self.left_words.last().copied()).max())
            .or_else(|| self.last_older())
    }

    #[inline(never)]
    pub(super) fn reply(&mut self, id: MessageId, text: String) {
        let Some(actor) = self.actor() else { return };
        match self.locate(&actor, id) {
            Some(Place::Room(room)) => {
                let reply = room.quote(&actor, id, Instant::now());
                let in_view = room.is_viewed_by(self.outbox.id());
                self.post(&room, &actor, Draft { reply, ..Draft::said(text) }, !in_view);
            }
            Some(Place::Older(room, message)) => {
                let reply = Some(Quoted::of(&message));
                let in_view = room.is_viewed_by(self.outbox.id());
                self.post(&room, &actor, Draft { reply, ..Draft::said(text) }, !in_view);
            }
            Some(Place::Direct(pairs)) if !self.pay_for(pairs.len() - 1) => {}
            Some(Place::Direct(pairs)) => {
                let reply = pairs.first().and_then(|pair| pair.quote(id));
                self.send(pairs, Draft { reply, ..Draft::said(text) }, false);
            }
            None => match self.received_words.iter().find(|quoted| quoted.id == id).cloned() {
                // It waited for this person: the answer goes to its author, wherever he is by now.
                Some(quoted) => {
                    let whom = Whom { name: quoted.author.clone(), client: None };
                    self.send_direct(&[whom], Draft { reply: Some(quoted), ..Draft::said(text) });
                }
                None => self.refuse(&Denied::NoMessage),
            },
        }
    }

    #[inline(never)]
    pub(super) fn edit(&mut self, id: Option<MessageId>, text: &str) {
        let Some(id) = self.meant(id) else { return self.refuse(&Denied::NothingYours) };
        let (Some(actor), Some(person)) = (self.actor(), self.person.clone()) else { return };
        match self.locate(&actor, id) {
            Some(Place::Room(room)) => {
                let edited = room.edit(&actor, id, text, Instant::now());
                self.changed(&room, edited, &format!("Edited {id}."));
            }
            Some(Place::Older(room, message)) => {
                let edited = room.edit_older(&actor, &message, text, Instant::now());
                self.changed(&room, Some(edited), &format!("Edited {id}."));
            }
            Some(Place::Direct(pairs)) => {
                let clock = self.hub.clock.clone();
                self.change_direct(&pairs, |pair, show| pair.edit(id, &person, text, show, &clock));
            }
            None if self.change_left_word(id, Some(text)) => {}
            None => self.refuse(&Denied::NoMessage),
        }
    }

    #[inline(never)]
    pub(super) fn delete(&mut self, id: Option<MessageId>) {
        let Some(id) = self.meant(id) else { return self.refuse(&Denied::NothingYours) };
        let (Some(actor), Some(person)) = (self.actor(), self.person.clone()) else { return };
        match self.locate(&actor, id) {
            Some(Place::Room(room)) => {
                let deleted = room.delete(&actor, id, Instant::now());
                if let Some(Ok(_)) = deleted {
                    self.hub.timer.cancel(id);
                    self.audit_in(&room, &format!("{id} was deleted"));
                }
                self.changed(&room, deleted, &format!("Deleted {id}."));
            }
            Some(Place::Older(room, message)) => {
                let deleted = room.delete_older(&actor, &message, Instant::now());
                if deleted.is_ok() {
                    self.audit_in(&room, &format!("{id} was deleted"));
                }
                self.changed(&room, Some(deleted), &format!("Deleted {id}."));
            }
            Some(Place::Direct(pairs)) => {
                let clock = self.hub.clock.clone();
                self.change_direct(&pairs, |pair, show| {
                    let deleted = pair.delete(id, &person, show, &clock);
                    if let Some(Ok(())) = deleted {
                        // A conversation that is over by then could not say that it was deleted.
                        self.hub.timer.cancel(id);
                    }
                    deleted
                });
            }
            None if self.change_left_word(id, None) => {}
            None => self.refuse(&Denied::NoMessage),
        }
    }

    /// A message of a room was changed, or not. Whoever looks at the room sees it; who does not is told.
    fn changed(&mut self, room: &Arc<Room>, changed: Option<Result<Erased, Denied>>, line: &str) {
        match changed {
            Some(Ok(erased)) => {
                self.note_undelivered(room);
                self.hub.arrange_redraw(room, erased);
                if !room.is_viewed_by(self.outbox.id()) {
                    self.outbox.tell(Tone::News, line);
                }
                self.await_change(room);
            }
            Some(Err(denied)) => self.refuse(&denied),
            None => self.refuse(&Denied::NoMessage),
        }
    }

    /// Changes a message in every conversation it stands in. Its author sees one of the changes.
    fn change_direct(&self, pairs: &[Arc<Pair>], change: impl Fn(&Pair, bool) -> Option<Result<(), Denied>>) {
        for (index, pair) in pairs.iter().enumerate() {
            match change(pair, index == 0) {
                Some(Ok(())) => self.hub.arrange_direct_redraw(pair),
                Some(Err(denied)) => self.refuse(&denied),
                None => self.refuse(&Denied::NoMessage),
            }
        }
    }
}
