//! What is to be seen of a room: in its view, in lists, from outside.
//!
//! *Owns* opening and closing the view, and what anybody may know of the room.
//! *Knows nothing of* how lists are laid out.
//! *Called by* `session`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::header::header;
use super::{Batch, Creation, Member, Room};
use crate::chat::action::{Actor, Denied, ReadBack};
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::permission::{Permission, Role};
use crate::chat::room_settings::RoomSettings;
use crate::outbox::Outbox;
use crate::ui::screen::Prompt;

/// What somebody may know of a room.
#[derive(Clone, Debug)]
pub struct RoomOverview {
    /// How it is set up.
    pub config: RoomSettings,
    /// Who made it, if it is none of the server's own.
    pub made: Option<Creation>,
    /// It was made, and is kept.
    pub kept: bool,
    /// People in it.
    pub people: usize,
    /// Messages ever said in it.
    pub said: u64,
    /// Between two messages of one person.
    pub slow: Duration,
    /// From when users may read back.
    pub read_back: ReadBack,
}

/// One person of a room, for lists.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// His name.
    pub name: UserName,
    /// Which connection.
    pub client: ClientId,
    /// When he came in.
    pub since: Instant,
    /// What he is to the room.
    pub role: Role,
}

impl Room {
    /// What somebody may know of the room; nothing if he may not even know that it is there.
    pub fn facts(&self, actor: &Actor, now: Instant) -> Option<RoomOverview> {
        let state = self.lock();
        state.permits(actor, Permission::Know, state.case(), now).then(|| RoomOverview {
            config: state.config.clone(),
            made: state.made.clone(),
            kept: state.kept,
            people: state.members.len(),
            said: state.said,
            slow: state.slow,
            read_back: state.read_back,
        })
    }

    /// Whether somebody may know that the room is there.
    pub fn is_known_to(&self, actor: &Actor, now: Instant) -> bool {
        let state = self.lock();
        state.permits(actor, Permission::Know, state.case(), now)
    }

    /// How the room is set up, for who may read it.
    pub fn settings(&self, actor: &Actor, now: Instant) -> Result<RoomOverview, Denied> {
        let state = self.lock();
        if !state.permits(actor, Permission::Read, state.case(), now) {
            return Err(Denied::NotIn(self.name.clone()));
        }
        drop(state);
        self.facts(actor, now).ok_or_else(|| Denied::NotIn(self.name.clone()))
    }

    /// Whether everybody may know of it.
    pub fn is_public(&self) -> bool {
        self.lock().config.public
    }

    /// Whether somebody in it keeps order here for somebody else who is in it.
    pub fn keeps_order(&self, actor: &Actor, now: Instant) -> bool {
        let state = self.lock();
        state.members.len() > 1 && state.role(actor, now) >= Role::Admin
    }

    /// Whether somebody in it is silenced.
    pub fn is_muted(&self, actor: &Actor, now: Instant) -> bool {
        self.lock().role(actor, now) == Role::Muted
    }

    /// Everybody in it, by arrival on the server; nobody for who may not read here.
    pub fn occupants(&self, actor: &Actor, now: Instant) -> Vec<Occupant> {
        let state = self.lock();
        if !state.permits(actor, Permission::Read, state.case(), now) {
            return Vec::new();
        }
        let occupant = |member: &Member| {
            let role = state.role(&Actor { who: member.who.clone(), operator: member.operator }, now);
            Occupant { name: member.who.name.clone(), client: member.who.client, since: member.since, role }
        };
        state.members.values().map(|member| occupant(member)).collect()
    }

    /// Opens the room's view for one of its members: who is here, the last `count` messages, and live text from exactly
    /// there on. False if he is no member.
    pub fn open_view(&self, client: ClientId, count: usize) -> bool {
        let mut guard = self.lock_to_show();
        let state = &mut *guard;
        let header = header(&self.name, state, client);
        let (history, after) = (state.last_readable(client, count), state.boundary(client));
        let Some(member) = state.members.get_mut(&client) else { return false };
        if !member.in_view {
            member.in_view = true;
            state.in_view += 1;
            state.viewers = None;
        }
        let topic = match state.config.description.as_str() {
            "" => String::new(),
            topic => ["Topic: ", topic].concat(),
        };
        let outbox = Arc::clone(&member.outbox);
        let place = Prompt::ChatView(self.conversation());
        outbox.open_view(self.instance, state.sequence, &place, &[&header, &topic], &history, &mut self.clock.clone());
        outbox.set_read_limit(after);
        true
    }

    /// Closes the view of a member; returns how many messages have been said here by now.
    pub fn close_view(&self, client: ClientId) -> u64 {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(member) = state.members.get_mut(&client)
            && std::mem::take(&mut member.in_view)
        {
            state.in_view -= 1;
            state.viewers = None;
            member.outbox.close_view();
        }
        state.said
    }

    /// Whether a connection has the room in view.
    pub fn is_viewed_by(&self, client: ClientId) -> bool {
        self.lock().is_viewed_by(client)
    }

    /// Brings one viewer's screen up to the newest event, ahead of whoever is delivering, so that his own lines stand
    /// above the reply to his next one.
    pub fn catch_up(&self, outbox: &Outbox) {
        let state = self.lock();
        if !outbox.is_behind(self.instance, state.sequence) {
            return;
        }
        let in_flight = state.in_flight.iter().flat_map(|batch| batch.iter());
        let events: Vec<_> = in_flight.chain(&state.queue).cloned().collect();
        outbox.catch_up(&mut Batch::new(self.instance, Arc::clone(&self.prompt), &events, self.clock.clone()));
    }
}
