//! Sending messages, to a room or to other users.
//!
//! *Owns* the path from a draft to a room or a direct conversation. *Knows nothing of* what was typed, or of how a
//! message looks.

#[cfg(feature = "cluster")]
mod shared;
#[cfg(feature = "cluster")]
mod together;

use std::sync::Arc;

use jiff::Timestamp;

use super::Session;
use crate::chat::action::{Actor, Denied};
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::message::{Addressee, Draft, Event, Message, MessageId};
use crate::chat::names::UserName;
use crate::hub::Checkpoint;
use crate::hub::direct::{DirectChat, TooManyChatsError};
use crate::hub::room::Room;
use crate::hub::roster::User;
use crate::hub::timer::Task;
use crate::metrics::PostKind;
use crate::outbox::OwnCopy;
use crate::ui::palette::{self, Answer};
use crate::ui::screen::LineKind;

#[cfg(feature = "cluster")]
pub(super) use together::{PutOff, Unsaid};

impl Session {
    pub(super) fn say(&mut self, to: &Conversation, draft: Draft, confirm: bool) {
        match to {
            Conversation::Room(id) => {
                let room = self.rooms.get(id).map(|membership| Arc::clone(membership.room()));
                match (room, self.actor()) {
                    (Some(room), Some(actor)) => self.post(&room, &actor, draft, confirm),
                    _ => self.refuse(format_args!("Not sent: you are not in {id}.")),
                }
            }
            Conversation::Direct(partner) => {
                let target = Target { name: partner.name.clone(), client: Some(partner.client) };
                let in_view = !confirm;
                match self.hub.directs.find(self.outbox.id(), partner.client) {
                    Some(pair) => self.send(vec![pair], draft, in_view, ""),
                    None => self.deny(&Denied::NotOnline(Target { client: None, ..target })),
                }
            }
        }
    }

    pub(super) fn post(&mut self, room: &Arc<Room>, actor: &Actor, draft: Draft, confirm: bool) {
        #[cfg(feature = "cluster")]
        let Some(draft) = self.say_later(room, actor, draft, confirm) else { return };
        let (now, lasts) = (self.now(), draft.lasts);
        let held = match self.hold_temporary(lasts, 1) {
            Ok(held) => held,
            Err(error) => return self.refuse(error),
        };
        let plain = !draft.action && draft.reply.is_none() && lasts.is_none();
        let kind = PostKind::Room.of(draft.action, lasts.is_some());
        let typed = (!confirm && plain && self.input.link.is_character_mode()).then(|| draft.text.clone());
        match room.post(actor, draft, Timestamp::now(), now) {
            Ok(id) => {
                self.note_said(room, kind, id);
                if let Some(lasts) = lasts {
                    self.hub.timer.schedule_holding(now + lasts, Task::Expire(Arc::downgrade(room), id), held);
                }
                if confirm {
                    self.confirm(room, id);
                }
            }
            Err(denied) => self.note_not_said(&denied, typed.as_deref()),
        }
    }

    fn note_said(&mut self, room: &Arc<Room>, kind: PostKind, id: MessageId) {
        self.counts.note_message(kind);
        #[cfg(feature = "json")]
        self.note_posted(id);
        // Only programs are told.
        #[cfg(not(feature = "json"))]
        let _ = id;
        self.rooms.note_undelivered(room);
    }

    /// `typed`: the line, if it has left the screen.
    fn note_not_said(&mut self, denied: &Denied, typed: Option<&str>) {
        if let Some(typed) = typed {
            self.keep_shown(typed);
        }
        // Too fast, if only for this room.
        if matches!(denied, Denied::Slow(..)) {
            self.mark_refused();
        }
        self.deny(denied);
    }

    /// Posts what waits for the end of the turn.
    #[cfg(not(feature = "cluster"))]
    pub(super) fn say_unsaid(&mut self) {}

    /// The same at the end of a turn.
    #[cfg(not(feature = "cluster"))]
    pub(super) fn say_unsaid_at_end(&mut self) {}

    fn confirm(&mut self, room: &Arc<Room>, id: MessageId) {
        if room.is_viewed_by(self.outbox.id()) {
            return;
        }
        if let Some(membership) = self.rooms.get_mut(room.id()) {
            // A user's own message is not unread.
            membership.read += 1;
        }
        self.outbox.tell(LineKind::News, &format!("Sent to {} as {id}.", room.name()));
    }

    /// The conversation with another user, begun if there is none.
    fn begin(&self, target: &Target) -> Result<Arc<DirectChat>, Denied> {
        let not_online = || Denied::NotOnline(target.clone());
        let user = self.user.as_ref().ok_or_else(not_online)?;
        let other = self.hub.roster.find(target).ok_or_else(not_online)?;
        if Arc::ptr_eq(user, &other) {
            return Err(Denied::Yourself("write to"));
        }
        match self.hub.directs.begin(user, &other) {
            Ok(Some(pair)) => Ok(pair),
            Ok(None) => Err(not_online()),
            Err(TooManyChatsError(most)) => {
                let line = format!("You have {most} conversations, which is the limit; one ends when somebody leaves.");
                Err(Denied::AsItIs(line))
            }
        }
    }

    #[inline(never)]
    pub(super) fn open_direct(&mut self, target: &Target) -> Option<Answer> {
        match self.begin(target) {
            Ok(pair) => {
                self.hub.checkpoints.reach(Checkpoint::ConversationBegun);
                let partner = pair.partner(self.outbox.id());
                self.outbox.opening(&Conversation::Direct(partner.addressee()));
                if pair.is_over() {
                    self.deny(&Denied::NotOnline(target.clone()));
                    return None;
                }
                Some(Answer::DirectOpened(partner.addressee()))
            }
            Err(denied) => {
                self.deny(&denied);
                None
            }
        }
    }

    pub(super) fn enter_direct_view(&mut self, partner: &Addressee, count: usize) {
        let header = format!("@{}: only you two. Type to talk; /help for commands; :q goes back.", partner.name);
        let opened = self.hub.directs.find(self.outbox.id(), partner.client);
        let clock = self.hub.clock.clone();
        if !opened.is_some_and(|pair| pair.open_view(&self.outbox, count, &header, &clock)) {
            let target = Target { name: partner.name.clone(), client: None };
            self.deny(&Denied::NotOnline(target));
        }
    }

    /// Sends a message to users. `in_view`: it was typed into the view, where it could be posted instead; every refusal
    /// says how.
    pub(super) fn send_direct(&mut self, to: &[Target], draft: Draft, in_view: bool) {
        let way_out = if in_view { palette::way_out(self.palette.current()) } else { String::new() };
        let mut pairs: Vec<Arc<DirectChat>> = Vec::new();
        for target in to {
            let away = if self.hub.roster.find(target).is_none() { self.account_of(target) } else { None };
            let refused = match away {
                Some(reader) => self.leave_message(&reader, &draft).err().map(|error| error.to_string()),
                None => match self.begin(target) {
                    Ok(pair) if pairs.iter().any(|known| Arc::ptr_eq(known, &pair)) => None,
                    Ok(pair) => {
                        pairs.push(pair);
                        None
                    }
                    Err(denied) => {
                        #[cfg(feature = "json")]
                        self.note_denied(&denied);
                        Some(denied.to_string())
                    }
                },
            };
            if let Some(line) = refused {
                // A separate sentence begins with a capital letter; a name stays as it is.
                let line = line.strip_prefix("You ").map_or(line.clone(), |rest| format!("you {rest}"));
                self.refuse(format_args!("Not sent: {line}{way_out}"));
            }
        }
        self.send(pairs, draft, false, &way_out);
    }

    /// Shows why a message was not sent; `way_out` says how the line can be said instead.
    pub(super) fn deny_sending(&self, denied: &Denied, way_out: &str) {
        #[cfg(feature = "json")]
        self.note_denied(denied);
        self.refuse(format_args!("{denied}{way_out}"));
    }

    /// Sends one message to one or several users. `in_view`: the author has the conversation in view and typed it
    /// there. `way_out` follows every refusal.
    pub(super) fn send(&mut self, pairs: Vec<Arc<DirectChat>>, draft: Draft, in_view: bool, way_out: &str) {
        let Some(user) = self.user.clone() else { return };
        if pairs.is_empty() {
            return;
        }
        let (lasts, at, clock) = (draft.lasts, Timestamp::now(), self.hub.clock.clone());
        let held = match self.hold_temporary(lasts, pairs.len()) {
            Ok(held) => held,
            Err(error) => return self.refuse(error),
        };
        let kind = PostKind::Direct.of(draft.action, lasts.is_some());
        // If it was typed in line mode into the conversation itself, it is on the screen already.
        let plain = !draft.action && draft.reply.is_none() && lasts.is_none();
        let own = match in_view && plain {
            true if self.input.link.is_character_mode() => Some(OwnCopy::Said),
            true => None,
            false => Some(OwnCopy::Answer),
        };
        #[cfg(feature = "cluster")]
        if let Some(nodes) = self.hub.nodes().cloned() {
            return self.send_shared(&nodes, &user, pairs, draft, own, way_out, held);
        }
        let mut sent = Vec::new();
        let id = match &pairs[..] {
            [pair] => match pair.post(draft, &user, at, || self.hub.rooms.next_message(), own, &clock) {
                Ok(event) => {
                    sent.push(Arc::clone(pair));
                    event.message().map(|message| message.id)
                }
                Err(denied) => return self.deny_sending(&denied, way_out),
            },
            _ => {
                let own = self.outbox.id();
                let to: Vec<_> = pairs.iter().map(|pair| pair.partner(own).addressee()).collect();
                let id = self.hub.rooms.next_message();
                let mut message = Message::new(id, at, user.name(), own, draft, to.into());
                if let Some(pair) = pairs.first() {
                    pair.note_answered(&mut message);
                }
                let event = Arc::new(Event::Said(message));
                for pair in pairs {
                    match pair.share(&event, own, &clock) {
                        Ok(()) => sent.push(pair),
                        Err(denied) => self.deny_sending(&denied, way_out),
                    }
                }
                if !sent.is_empty() {
                    self.outbox.tell_direct(&event, OwnCopy::Answer, &mut clock.clone());
                }
                Some(id)
            }
        };
        if !sent.is_empty() {
            self.counts.note_message(kind);
            self.hub.rooms.metrics().note_direct(sent.len() + usize::from(own.is_some()), self.now());
        }
        #[cfg(feature = "json")]
        if let Some(id) = id.filter(|_| !sent.is_empty()) {
            self.note_posted(id);
        }
        if let (Some(lasts), Some(id)) = (lasts, id) {
            let to = sent.iter().map(|pair| pair.partner(self.outbox.id()).client()).collect();
            let task = Task::ExpireDirect { id, author: user.addressee(), to };
            self.hub.timer.schedule_holding(self.now() + lasts, task, held);
        }
        for pair in sent {
            self.tell_what_to_expect(pair.partner(self.outbox.id()));
        }
    }

    pub(super) fn tell_away_in_conversation(&self, target: &Target) {
        if let Some(Conversation::Direct(partner)) = self.palette.current()
            && let Some(user) = self.hub.roster.find(target).filter(|user| user.client() == partner.client)
        {
            self.tell_away(&user);
        }
    }

    /// Warns a user who has written to somebody they ignore, or to somebody who is away.
    pub(super) fn tell_what_to_expect(&self, user: &User) {
        if self.outbox.ignores(user.client(), &user.name()) {
            return self.tell_ignored(&user.name());
        }
        self.tell_away(user);
    }

    /// Says that the other user is away, unless this one ignores them.
    fn tell_away(&self, user: &User) {
        if self.outbox.ignores(user.client(), &user.name()) {
            return;
        }
        if let Some(text) = user.away() {
            let reason = if text.is_empty() { String::new() } else { format!(" ({text})") };
            self.outbox.tell(LineKind::News, &format!("{} is away{reason}.", user.name()));
        }
    }

    pub(super) fn tell_ignored(&self, name: &UserName) {
        self.outbox.advise(
            &format!("You are ignoring {name} and will see no answer;"),
            &format!(":unignore {name} ends that."),
        );
    }
}
