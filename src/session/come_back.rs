//! Users who are sent to another server of the cluster and log in again there, keeping name, rooms and conversations.
//!
//! *Owns* how a user proves that these are theirs. *Knows nothing of* where they are kept.

use std::sync::Arc;

use super::Session;
use super::joined_rooms::JoinedRoom;
use super::login::login;
use crate::access::address::address_key;
use crate::access::attempts::Attempt;
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::names::UserName;
use crate::hub::Membership;
use crate::hub::nodes::{ReservedPlace, WasOpen};
use crate::store::AccountRecord;
use crate::ui::palette::{Answer, ReturnTo};
use crate::ui::screen::LineKind;

impl Session {
    /// This server is about to stop and the user may continue on another one, so they do not leave their rooms.
    #[inline(never)]
    pub(super) fn leave_places_behind(&mut self) {
        let Some(nodes) = self.hub.nodes().cloned() else { return };
        let Some(user) = self.user.take() else { return };
        nodes.renew_place(&user);
        for JoinedRoom { membership, .. } in self.rooms.take_all() {
            membership.leave_behind();
        }
        self.hub.roster.release(&user);
        self.hub.directs.forget(&user);
        self.hub.end_offers_of(user.client());
    }

    /// Whether a name is kept for a returning user. Newcomers are told how to prove that they are that user.
    #[inline(never)]
    pub(super) fn is_kept(&self, name: &UserName) -> bool {
        let kept = self.hub.nodes().and_then(|nodes| nodes.place_of(&self.hub, name));
        if let Some(place) = &kept
            && place.login.is_none()
        {
            let line =
                format!("{name} is coming back from a server that restarts: the code shown there is the password.");
            self.outbox.tell(LineKind::News, &line);
        }
        kept.is_some()
    }

    /// Whether a code is accepted, not only a password.
    pub(super) fn takes_code(&self, name: &UserName) -> bool {
        self.hub.nodes().is_some_and(|nodes| nodes.place_of(&self.hub, name).is_some())
    }

    /// Gives a user their name and their places back, if this is the code for them. `None` if it is not, or if nothing is kept.
    #[inline(never)]
    pub(super) fn come_back(&mut self, name: &UserName, code: &str) -> Option<Answer> {
        let nodes = self.hub.nodes().cloned()?;
        let place = nodes.place_of(&self.hub, name)?;
        if self.user.is_some() || place.address != address_key(self.ip()) {
            return None;
        }
        let attempt = Attempt::from_address(self.ip(), name.clone());
        let pending = self.hub.limits.logins.begin(attempt, self.now()).ok()?;
        if !place.code.matches(&code.trim().to_ascii_uppercase()) {
            // If it may be an account's password, comparing that counts the failure.
            if place.login.is_none() && pending.wrong(self.now()) {
                self.hub.metrics.password_waits.add(1);
            }
            return None;
        }
        pending.right();
        let Some(login) = &place.login else { return self.take_up(&place, None) };
        // Their password may have been changed meanwhile, or the account may be gone.
        let account = self.account_of(&Target { name: place.name.clone(), client: None })?;
        let is_same = account.id == login.account && account.hash == login.hash;
        if is_same { self.take_up(&place, Some(account)) } else { None }
    }

    /// The same for a user who has given the password of their account.
    #[inline(never)]
    pub(super) fn come_back_as(&mut self, account: &AccountRecord) -> Option<Answer> {
        let place = self.hub.nodes()?.place_of(&self.hub, &account.name)?;
        let is_it = place.login.as_ref().is_some_and(|login| login.account == account.id);
        if is_it { self.take_up(&place, Some(account.clone())) } else { None }
    }

    /// Brings a user back to where they were on a server that has stopped.
    pub(super) fn restore_places(&mut self) -> Option<Answer> {
        let taken = self.account.take_taken_over()?;
        let to = if taken.in_view { ReturnTo::TakenView } else { ReturnTo::TakenPalette };
        (!taken.open.is_empty()).then_some(Answer::Returned { open: taken.open, to })
    }

    /// Shows a returning user what was sent to them in the meantime. After this, nothing more is held for them.
    #[inline(never)]
    pub(super) fn welcome_back(&mut self) {
        let before = self.account.take_back();
        if let (Some(before), Some(user), Some(nodes)) = (before, &self.user, self.hub.nodes()) {
            nodes.deliver_waiting(&self.hub, before, user, self.now());
            nodes.forget_place(&user.name());
        }
    }

    /// Takes the name and the places of a user who is known to be this one.
    #[inline(never)]
    fn take_up(&mut self, place: &ReservedPlace, account: Option<AccountRecord>) -> Option<Answer> {
        let nodes = self.hub.nodes().cloned()?;
        let login = account.as_ref().map(login);
        let (origin, now) = (self.origin(), self.now());
        let user = nodes.take_name(&self.hub, place, login, &self.outbox, origin, now).ok()?;
        let answer = self.named(Arc::clone(&user));
        let mut taken = Vec::new();
        for room in self.hub.rooms.all().into_iter().filter(|room| room.has_member(place.client)) {
            let id = self.rooms.next_id();
            let Some(membership) = Membership::take_up(&self.hub, &room, &user, place.client, id, now) else {
                continue;
            };
            let read = room.said().cast_signed();
            self.rooms.add(JoinedRoom { membership, read, as_operator: false });
            taken.push(Conversation::Room(Arc::clone(room.id())));
        }
        // In the order in which they were open, after any that are not in that list.
        let order: Vec<Conversation> = place.open.iter().filter_map(|open| self.reopened(open, &taken)).collect();
        taken.retain(|known| !order.iter().any(|open| open.is(known)));
        taken.extend(order);
        self.account.note_back(place.client, taken, place.in_view);
        self.account.arrived = account.map(Box::new);
        log::info!(
            "client {} from {}: {} is back from a server that restarts",
            self.outbox.id(),
            self.peer,
            place.name
        );
        Some(answer)
    }

    /// A conversation that was open, if it can be open here.
    fn reopened(&self, was: &WasOpen, taken: &[Conversation]) -> Option<Conversation> {
        match was {
            WasOpen::Room(name) => {
                let is_it = |known: &&Conversation| known.room().is_some_and(|room| room.name == *name);
                taken.iter().find(is_it).cloned()
            }
            WasOpen::Direct(partner) => {
                let target = Target { name: partner.name.clone(), client: Some(partner.client) };
                let partner = self.hub.roster.find(&target)?;
                let user = self.user.as_ref()?;
                matches!(self.hub.directs.begin(user, &partner), Ok(Some(_)))
                    .then(|| Conversation::Direct(partner.addressee()))
            }
        }
    }
}
