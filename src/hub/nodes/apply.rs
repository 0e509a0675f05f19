//! Applies what is read from the shared logs: in each log's order, on the thread that reads them.
//!
//! *Owns* what each entry does here. *Knows nothing of* how entries are read. Texts from other servers are sanitised,
//! because one of them may be faulty.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::background::BackgroundTask;
use super::safe::make_safe;
use super::{MOST_OUTCOMES, Nodes};
use crate::chat::message::{ClientId, MessageId};
use crate::chat::moderation::GRACE;
use crate::chat::names::RoomName;
use crate::chat::room::{Change, ChangeKind};
use crate::cluster::{
    Back, Entry, Happened, Health, Holdings, Log, LogState, Loss, NodeName, Place, Position, Replica, Returning,
};
use crate::hub::Hub;
use crate::hub::room::{Applied, Home, LogPlace, PlaceEntry, Room};
use crate::hub::timer::Task;
use crate::ui::screen::LineKind;

impl Replica for Nodes {
    fn apply(&self, entry: Entry) {
        let Some(hub) = self.hub.upgrade() else { return };
        let now = Instant::now();
        let Entry { log, position, at, node, epoch, own, what } = entry;
        match what {
            Happened::Committed { place, version, id, text, .. } => {
                let Some(said) = PlaceEntry::parse(&text) else {
                    return log::warn!("cluster: an entry of {node} cannot be read and is left out");
                };
                match place {
                    Place::Room(room) => {
                        let place = LogPlace { sequence: position.number, version };
                        let applied = self.apply_to_room(&hub, &room, said, id, place, &(node, epoch), own, now);
                        if let Some(applied) = applied.filter(|_| own) {
                            self.keep_outcome(log, position, applied);
                        }
                    }
                    Place::Pair(..) => self.apply_to_pair(&hub, said, id, own, now),
                }
            }
            Happened::Claimed { name, client, before, details } if !own => {
                self.apply_claim(&hub, &name, client, before.as_deref(), &details, &(node, epoch), now);
            }
            Happened::Released { name, client } if !own => self.apply_release(&hub, &name, client),
            Happened::Noted(text) if self.notes_archive(&text, &node) => {}
            Happened::Noted(text) => self.apply_note(&hub, &text, &(node, epoch), own, now),
            Happened::AccountChanged { change, account, name, by } => {
                self.account_changed(&hub, change, account, &name, by);
            }
            Happened::Claimed { .. } | Happened::Released { .. } => {}
            Happened::NodeGone { node, epoch } => match log {
                Log::Directory => self.lose_users_of(&hub, &(node, epoch)),
                Log::Partition(_) => self.lose_members_of(&hub, log, &(node, epoch), at, position.number, now),
            },
        }
    }

    fn applied_all(&self) {
        let undelivered = std::mem::take(&mut self.pending().undelivered);
        undelivered.iter().for_each(|room| room.deliver_from_log());
    }

    fn reload(&self, log: Log, state: LogState) {
        if let Some(hub) = self.hub.upgrade() {
            self.bring_up_to(&hub, log, state, Instant::now());
            // Changes to accounts may have been missed.
            if log == Log::Directory && self.accounts().is_some() {
                hub.review_accounts();
            }
        }
    }

    fn lost(&self, loss: Loss) {
        let Some(hub) = self.hub.upgrade() else { return };
        let Loss { place, count, whole } = loss;
        let messages = match count {
            1 => "The last message".to_owned(),
            count => format!("The last {count} messages"),
        };
        match place {
            Place::Room(name) => {
                let Some(room) = hub.rooms.find(&name) else { return };
                if whole {
                    room.lose_messages(0, "This room has lost its history.");
                } else {
                    room.lose_messages(count, &format!("{messages} may not have reached everybody."));
                }
                room.deliver_from_log();
            }
            Place::Pair(one, other) => {
                let find = |client| hub.roster.user(client);
                let (Some(one), Some(other)) = (find(one), find(other)) else { return };
                for (user, partner) in [(&one, &other), (&other, &one)] {
                    if !user.is_elsewhere() {
                        let line = format!("{messages} between you and {} may not have arrived.", partner.name());
                        user.outbox.announce(LineKind::News, &line);
                    }
                }
            }
        }
    }

    fn holdings(&self, lost: &[(Log, u64)]) -> Holdings {
        self.hub.upgrade().map_or_else(Holdings::default, |hub| self.holdings_of(&hub, lost, Instant::now()))
    }

    fn returning(&self) -> Returning {
        self.hub.upgrade().map_or_else(Returning::default, |hub| self.returning_to(&hub, Instant::now()))
    }

    fn name_taken(&self, client: ClientId) {
        self.add_background_task(BackgroundTask::NewName(client));
    }

    fn membership_refused(&self, client: ClientId, room: &RoomName) {
        let Some(hub) = self.hub.upgrade() else { return };
        if let Some(room) = hub.rooms.find(room) {
            room.put_out(client, &format!("You are no longer in {}: it did not let you back in.", room.name()));
        }
    }

    fn health(&self, health: Health) {
        self.view().health = health;
        if health == Health::Down
            && let Some(hub) = self.hub.upgrade()
        {
            hub.rooms.all().iter().for_each(|room| room.note_away());
        }
    }

    fn away(&self) {
        let Some(hub) = self.hub.upgrade() else { return };
        self.view().told_away = true;
        for user in hub.roster.own_users() {
            user.outbox
                .announce(LineKind::News, "This server cannot reach the others: nothing is said until it is back.");
        }
    }

    fn back(&self, back: Back) {
        let Some(hub) = self.hub.upgrade() else { return };
        let told = std::mem::take(&mut self.view().told_away);
        let said: Vec<_> = hub.rooms.all().into_iter().map(|room| (room.said_meanwhile(), room)).collect();
        if back.was_out {
            self.lose_offered_files(&hub);
            hub.end_offers_elsewhere();
        }
        // A shorter interruption goes unnoticed.
        if !told && (!back.was_out || back.after < self.lease) {
            return;
        }
        for user in hub.roster.own_users() {
            let own = said.iter().filter(|(count, room)| *count > 0 && room.has_member(user.client()));
            let messages = match own.map(|(count, _)| count).sum() {
                0 => "no messages".to_owned(),
                1 => "1 message".to_owned(),
                count => format!("{count} messages"),
            };
            let line = format!("This server is back with the others; {messages} came meanwhile.");
            user.outbox.announce(LineKind::News, &line);
        }
    }

    fn nodes(&self, nodes: &[NodeName]) {
        let mut known = nodes.to_vec();
        known.sort_unstable();
        self.view().nodes = known;
    }
}

impl Nodes {
    pub(super) fn log_of(&self, room: &RoomName) -> Option<Log> {
        let cluster = self.cluster.get()?;
        Some(cluster.partitions().of_place(&Place::Room(room.clone())))
    }

    fn keep_outcome(&self, log: Log, position: Position, applied: Applied) {
        let mut pending = self.pending();
        if pending.outcomes.len() >= MOST_OUTCOMES {
            pending.outcomes.clear();
        }
        pending.outcomes.insert((log, position), applied);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an entry")]
    fn apply_to_room(
        &self,
        hub: &Hub,
        name: &RoomName,
        entry: PlaceEntry,
        id: Option<u64>,
        place: LogPlace,
        home: &Home,
        own: bool,
        now: Instant,
    ) -> Option<Applied> {
        let known = hub.rooms.find(name);
        let mut change = match (entry, &known) {
            (PlaceEntry::Said(changes), Some(room)) => {
                self.apply_said(room, changes, id, place);
                return None;
            }
            (PlaceEntry::Change(change), Some(room)) if lasts(&change).is_none() && change.is_said() => {
                self.apply_said(room, vec![*change], id, place);
                return None;
            }
            (PlaceEntry::Change(change), Some(_)) => *change,
            (PlaceEntry::Made(core), _) => return hub.found_shared(name, known, &core, place, own, now),
            (PlaceEntry::Closed(line), Some(room)) => {
                hub.close_shared(room, &line, own, now);
                return Some(Applied::default());
            }
            (PlaceEntry::Change(_) | PlaceEntry::Said(_) | PlaceEntry::Closed(_) | PlaceEntry::Direct(..), _) => {
                return None;
            }
        };
        let room = known?;
        // The members that it removes have seen everything posted before.
        self.deliver_noted(&room);
        make_safe(&mut change);
        id.into_iter().for_each(|id| change.number(MessageId(id)));
        if let ChangeKind::Invited { guest, by, .. } = &change.kind
            && !own
            && let Some(user) = hub.own_user(guest.client)
            && !user.outbox.ignores(by.client, &by.name)
        {
            let line = format!("{} invites you to {name}:", by.name);
            user.outbox.announce_hint(&line, &format!(":join {name} enters it."));
        }
        let said_at = change.at;
        let mut applied = room.apply_logged(change, home, place)?;
        self.arrange(hub, &room, &applied, now);
        // On every server: the thread that waits for the outcome knows only the views on its own.
        if std::mem::take(&mut applied.redraw_due) {
            hub.redraw_later(&room, now);
        }
        if let (Some(id), Some(lasts)) = (applied.id, applied.lasts)
            && !own
        {
            // The server where it was posted handles its expiry; the others do if that server is gone by then.
            let passed = self.now().duration_since(said_at).unsigned_abs().min(lasts);
            let due = now + lasts.saturating_sub(passed) + Duration::from_secs(1);
            hub.timer.schedule(due, Task::Expire(Arc::downgrade(&room), id));
        }
        Some(applied)
    }

    /// Messages were posted in a room. Their ids count up from the first.
    fn apply_said(&self, room: &Arc<Room>, mut changes: Vec<Change>, first: Option<u64>, place: LogPlace) {
        let Some(first) = first else { return };
        for (change, id) in changes.iter_mut().zip(first..) {
            make_safe(change);
            change.number(MessageId(id));
        }
        if room.apply_said(changes, place) {
            self.note_undelivered(room);
        }
    }

    /// Notes that a room has something to deliver once the whole batch has been applied.
    fn note_undelivered(&self, room: &Arc<Room>) {
        let mut pending = self.pending();
        if !pending.undelivered.iter().any(|known| Arc::ptr_eq(known, room)) {
            pending.undelivered.push(Arc::clone(room));
        }
    }

    fn deliver_noted(&self, room: &Arc<Room>) {
        let mut pending = self.pending();
        if let Some(index) = pending.undelivered.iter().position(|known| Arc::ptr_eq(known, room)) {
            pending.undelivered.swap_remove(index);
            drop(pending);
            room.deliver_from_log();
        }
    }

    /// Schedules what follows from a change, as each server does.
    pub(super) fn arrange(&self, hub: &Hub, room: &Arc<Room>, applied: &Applied, now: Instant) {
        if let Some(after) = applied.gathering {
            hub.timer.schedule(now + after, Task::FlushNews(Arc::downgrade(room)));
        }
        if applied.heir_awaited {
            for after in [Duration::from_secs(1), GRACE + Duration::from_secs(1)] {
                hub.timer.schedule(now + after, Task::NameHeir(Arc::downgrade(room)));
            }
        }
        if applied.empty {
            hub.let_linger(room);
        }
        self.note_undelivered(room);
    }

    fn lose_members_of(&self, hub: &Hub, log: Log, home: &Home, at: Timestamp, sequence: u64, now: Instant) {
        for room in hub.rooms.all().iter().filter(|room| self.log_of(room.name()) == Some(log)) {
            if let Some(applied) = room.lose_node(home, at, sequence) {
                self.arrange(hub, room, &applied, now);
            }
        }
    }
}

/// How long the change's message lasts, if it is temporary.
fn lasts(change: &Change) -> Option<Duration> {
    let ChangeKind::Said(message) = &change.kind else { return None };
    message.extra.as_ref().and_then(|extra| extra.lasts)
}
