//! What somebody finds who comes in to his account: his settings, what was written to him, what he has not read; and what
//! is noted when he goes.
//!
//! *Owns* which of his settings are kept, and how far he has read.
//! *Knows nothing of* passwords, and of how any of it is kept.
//! *Called by* `session`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::{Session, Wanted};
use crate::chat::identity::AccountId;
use crate::chat::message::{Addressee, ClientId, Draft, Event, Message, Quoted};
use crate::chat::names::RoomName;
use crate::hub::room::Room;
use crate::outbox::OwnCopy;
use crate::store::{AccountRecord, OfflineMessageRecord, SaveError, Settings, StoreFailure, Visit};
use crate::ui::palette::Effect;
use crate::ui::screen::{Bell, Clock, LineKind};

/// How long a new connection may take for what waited for it.
const SHOWING: Duration = Duration::from_secs(5);

/// How the kinds of bells are written down.
const BELLS: [(&str, Bell); 3] = [("off", Bell::Off), ("on", Bell::On), ("mentions", Bell::Mentions)];

/// A room in which the disk holds more that somebody has not read than memory does.
pub(super) struct Missed {
    room: RoomName,
    /// Tells it from a later one of its name.
    instance: u64,
    /// So many messages, as told at the login,
    count: u64,
    /// when so many had been said in it.
    said: u64,
}

/// How far this person had read in a room.
pub(super) struct Visited {
    visit: Visit,
    /// Which room of that name, if it was made by a user: the next room of the name was never read. A configured room stays
    /// the same however often a reload removes it and brings it back.
    instance: Option<u64>,
}

impl Visited {
    fn is_of(&self, room: &Room) -> bool {
        self.visit.room == *room.name() && self.instance == made_instance(room)
    }
}

fn made_instance(room: &Room) -> Option<u64> {
    room.is_made().then(|| room.instance())
}

impl Session {
    /// Somebody has come in to an account in this turn, and has been greeted.
    #[inline(never)]
    pub(super) fn receive(&mut self, effects: &mut Vec<Effect>) {
        let Some(account) = self.arrived.take() else { return };
        self.review_login();
        if self.is_over() {
            return;
        }
        self.apply_settings(&account);
        self.read_waiting(account.id);
        let unread = self.read_unread(account.id);
        if let Some(answer) = self.come_back(account.id) {
            self.palette.answer(answer, effects);
        }
        self.tell_unread(unread);
        let Some(person) = &self.person else { return };
        if self.hub.is_operator(&person.identity()) {
            self.hub.audit(&account.name, &format!("logged in from {}", self.ip()));
            self.outbox.tell(LineKind::News, "You are an operator.");
        }
    }

    /// His account may have been changed from outside after his password was compared, and before he was among those who are
    /// looked through for that.
    #[inline(never)]
    pub(super) fn review_login(&self) {
        let (Some(person), hub) = (self.person.clone(), Arc::clone(&self.hub)) else { return };
        let review = move || hub.review_login(&person);
        if let Ok(Err(error)) = self.hub.work.run(self.ip(), review) {
            log::error!("whether an account was changed could not be found out: {error}");
        }
    }

    /// What he had set as somebody else goes: it would be written down as his at the next change.
    fn apply_settings(&mut self, account: &AccountRecord) {
        let Settings { color, bell, time_zone, ignored, timestamps, ids, quiet } = account.settings.clone();
        let wanted = Wanted { color, timestamps, ids, quiet };
        if wanted != self.wanted {
            self.wanted = wanted;
            self.look_again();
        }
        let known = BELLS.iter().find(|(word, _)| bell.as_deref() == Some(word));
        self.outbox.set_bell(known.map(|(_, bell)| *bell).unwrap_or_default());
        // Looking a zone up reads files and nests deep: it is done where there is stack for it.
        let zone =
            time_zone.and_then(|name| self.hub.work.run(self.ip(), move || TimeZone::get(&name).ok()).ok().flatten());
        self.outbox.set_clock(zone.map(Clock::new), &self.hub.clock);
        for person in self.outbox.ignored() {
            self.outbox.unignore(&person.name, None);
        }
        for name in ignored {
            self.outbox.ignore(Addressee { client: ClientId::NONE, name });
        }
    }

    /// Writes down what this person has set for himself, if he has an account.
    #[inline(never)]
    pub(super) fn keep_settings(&self) {
        let account = self.person.as_ref().and_then(|person| person.account());
        let (Some(store), Some(account)) = (self.hub.store(), account) else { return };
        let bell = self.outbox.bell();
        let word = BELLS.iter().find(|(_, known)| *known == bell).filter(|_| bell != Bell::default());
        let zone = self.outbox.clock().and_then(|clock| clock.zone().iana_name().map(Box::from));
        let settings = Settings {
            color: self.wanted.color,
            timestamps: self.wanted.timestamps,
            ids: self.wanted.ids,
            quiet: self.wanted.quiet,
            bell: word.map(|(word, _)| (*word).into()),
            time_zone: zone,
            ignored: self.outbox.ignored().into_iter().map(|person| person.name).collect(),
        };
        if let Err(error) = store.save_settings(account, &settings) {
            self.tell_not_kept(&error);
        }
    }

    /// Something holds, but only until the server stops, unless the disk takes it before: the store tries on.
    pub(super) fn tell_not_kept(&self, error: &SaveError) {
        let (short, SaveError(reason)) = (error.short(), error);
        let later = if *reason == StoreFailure::Closed { "" } else { " It will be as soon as the disk takes it." };
        let line = format!("It holds until the server stops, but: {short}{later}");
        self.outbox.tell(LineKind::Refusal, &line);
    }

    /// What waits for an account, in memory or on the disk. It waits on until it was shown.
    fn waiting_for(&self, account: AccountId) -> Vec<OfflineMessageRecord> {
        let mut waiting = self.hub.mailbox.waiting(account);
        if let Some(store) = self.hub.store().cloned().filter(|store| store.keeps_history()) {
            let refused = |error: &dyn Display| {
                self.outbox.tell(LineKind::Refusal, &format!("Messages may wait for you. {error}"));
            };
            match self.hub.work.run(self.ip(), move || store.offline_messages(account)) {
                Ok(Ok(kept)) => waiting.extend(kept),
                Ok(Err(error)) => refused(&error),
                Err(busy) => refused(&busy),
            }
        }
        waiting.sort_unstable_by_key(|message| message.id);
        waiting
    }

    /// Shows what was written while nobody was there to read it. It is erased when the network has taken it, and never
    /// before: whatever goes wrong on the way, it is shown again at the next login.
    fn read_waiting(&mut self, account: AccountId) {
        let waiting = self.waiting_for(account);
        let Some(person) = self.person.clone().filter(|_| !waiting.is_empty()) else { return };
        // Of the visit before, if there was one on this connection, nothing is kept: so many wait at most.
        self.received_words.clear();
        let line = match waiting.len() {
            1 => "1 message came while you were away:".to_owned(),
            count => format!("{count} messages came while you were away:"),
        };
        self.outbox.tell(LineKind::News, &line);
        for OfflineMessageRecord { id, at, from, account, address: _, text, action, edited, reply } in
            waiting.iter().cloned()
        {
            let draft = Draft { text: text.into(), action, lasts: None, reply };
            let message = Message::new(id, at, from, ClientId::NONE, draft, [person.addressee()].into());
            let message = if edited { message.edited(&message.text) } else { message };
            self.received_words.push(Quoted::of(&message));
            let event = Arc::new(Event::Said(message.of_account(account)));
            self.outbox.tell_direct(&event, OwnCopy::Answer, &mut self.hub.clock.clone());
        }
        // Nobody can know what a person reads, but a connection that is dead by now has shown him nothing.
        self.outbox.flush();
        if self.outbox.wait_drained(Some(Instant::now() + SHOWING)) {
            self.hub.mailbox.shown(account, &waiting);
            if let Some(store) = self.hub.store().filter(|store| store.keeps_history()) {
                store.offline_messages_shown(account, &waiting);
            }
        }
    }

    /// Finds out how far this person has read, and how much there is that they have not.
    fn read_unread(&mut self, account: AccountId) -> Vec<(RoomName, u64)> {
        let Some(store) = self.hub.store().cloned() else { return Vec::new() };
        let on_disk = store.keeps_history();
        // Who comes back at once may find what he did a moment ago unwritten. Where the disk is in trouble, what it has counts.
        let _ = store.sync();
        let read = self.hub.work.run(self.ip(), move || {
            let visits = store.visits(account)?;
            let unread = if on_disk { store.unread(account)? } else { Vec::new() };
            Ok::<_, crate::store::ReadError>((visits, unread))
        });
        let Ok(Ok((visits, mut unread))) = read else { return Vec::new() };
        if !on_disk {
            unread =
                visits.iter().filter_map(|visit| Some((visit.room.clone(), self.new_in(visit, account)?))).collect();
        }
        self.missed =
            unread.iter().filter_map(|(name, count)| self.missed_in(name, *count, &visits, account)).collect();
        let read = |visit: Visit| {
            let room = self.hub.rooms.find(&visit.room);
            Visited { instance: room.and_then(|room| made_instance(&room)), visit }
        };
        self.visits = visits.into_iter().map(read).collect();
        unread
    }

    /// Tells in which rooms there is something new.
    fn tell_unread(&self, mut unread: Vec<(RoomName, u64)>) {
        unread.retain(|(name, count)| *count > 0 && self.may_hear_of(name));
        let told: Vec<_> = unread.iter().map(|(name, count)| format!("{name} {count}")).collect();
        if !told.is_empty() {
            self.outbox.tell(LineKind::News, &format!("New since your last visit: {}.", told.join(", ")));
        }
    }

    /// What others have said in a room since, as far as memory goes.
    fn new_in(&self, visit: &Visit, account: AccountId) -> Option<u64> {
        self.hub.rooms.find(&visit.room).map(|room| room.said_after(visit.last, Some(account)))
    }

    /// A room whose memory does not reach back to this person's last visit.
    fn missed_in(&self, name: &RoomName, count: u64, visits: &[Visit], account: AccountId) -> Option<Missed> {
        let room = self.hub.rooms.find(name)?;
        let held = visits.iter().find(|visit| visit.room == *name).and_then(|visit| self.new_in(visit, account))?;
        (count > held).then(|| Missed { room: name.clone(), instance: room.instance(), count, said: room.said() })
    }

    /// Whether this person may know what was said in a room while they were away: they can see it, or its door is open to
    /// them, and it shows them what was said before they come in.
    fn may_hear_of(&self, name: &RoomName) -> bool {
        let now = Instant::now();
        let (Some(room), Some(actor)) = (self.hub.rooms.find(name), self.actor()) else { return false };
        if room.hides_past() {
            return false;
        }
        room.is_known_to(&actor, now) || room.expects(&actor.who, now)
    }

    /// Messages of a room that this person, who has just come in, has not read since he was last there.
    pub(super) fn unread_since_last_visit(&self, room: &Room) -> u64 {
        if room.hides_past() {
            return 0;
        }
        let missed =
            self.missed.iter().find(|missed| missed.room == *room.name() && missed.instance == room.instance());
        if let Some(missed) = missed {
            return missed.count + room.said().saturating_sub(missed.said);
        }
        let visited = self.visits.iter().find(|visited| visited.is_of(room));
        let account = self.person.as_ref().and_then(|person| person.account());
        visited.map_or(0, |visited| room.said_after(visited.visit.last, account))
    }

    /// Notes that this person has read a room up to its end.
    pub(super) fn note_visit(&mut self, room: &Room) {
        let account = self.person.as_ref().and_then(|person| person.account());
        let (Some(_), Some(account)) = (self.hub.store(), account) else { return };
        let visit = Visit { room: room.name().clone(), last: room.record_visit(account) };
        self.missed.retain(|known| known.room != visit.room);
        self.visits.retain(|known| known.visit.room != visit.room);
        self.visits.push(Visited { visit, instance: made_instance(room) });
    }

    /// How far this person has read is nobody's any more: he has no account, or another one.
    pub(super) fn forget_visits(&mut self) {
        self.visits = Vec::new();
        self.missed = Vec::new();
    }

    /// Who comes into a room for the first time has nothing to catch up on, and from then on everything.
    pub(super) fn note_first_visit(&mut self, room: &Room) {
        if !self.visits.iter().any(|visited| visited.is_of(room)) {
            self.note_visit(room);
        }
    }

    /// The same for the room he looks at, before he is somebody else or nobody.
    #[inline(never)]
    pub(super) fn note_visits(&mut self) {
        if let Some(room) = self.viewed.clone() {
            self.note_visit(&room);
        }
    }

    /// One line before the first password that crosses a network in the clear.
    #[inline(never)]
    pub(super) fn warn_of_the_network(&mut self) {
        let clear = !self.encrypted && !self.ip().is_loopback();
        if clear && self.hub.accounts().are_kept() && !std::mem::replace(&mut self.network_warned, true) {
            let line =
                "This connection is not encrypted: whoever sits between you and the server can read your password.";
            self.outbox.tell(LineKind::News, line);
        }
    }
}
