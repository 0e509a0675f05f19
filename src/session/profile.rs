//! What a user sets for themselves, and what they look up about others.
//!
//! *Owns* name, being away, ignoring, bell and time zone, from the side of the session.
//! *Knows nothing of* what was typed.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Session;
use super::listings::{bot, short};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::action::{Denied, NotShared};
use crate::chat::identity::Target;
use crate::chat::message::{Addressee, ClientId};
use crate::chat::names::{RoomName, UserName};
use crate::hub::Checkpoint;
use crate::hub::roster::{Login, NameInUseError, User};
use crate::outbox::MAX_IGNORED;
use crate::ui::palette::Answer;
use crate::ui::screen::{Bell, Clock, LineKind};

fn accounts_name(name: &UserName) -> String {
    format!("{name} is registered: :login {name} asks for its password.")
}

impl Session {
    #[inline(never)]
    pub(super) fn rename(&mut self, name: &UserName) -> Option<Answer> {
        let user = self.user.clone()?;
        let before = user.name();
        if before.as_str() == name.as_str() {
            self.outbox.tell(LineKind::News, &format!("You are {name} already."));
            return None;
        }
        // Everybody in the room sees a new name, and so any message hidden in it.
        let silent_in = self.silent_in().map(|room| {
            format!("You are muted in {room} and keep your name until that is over, or until you leave the room.")
        });
        let refusal = match self.hub.accounts() {
            _ if silent_in.is_some() => silent_in,
            _ if *name == before => None,
            AccountPolicy::Required => Some(
                "Every name here belongs to an account: :login <name> switches to another one of yours.".to_owned(),
            ),
            AccountPolicy::Optional => match self.asks_password(name) {
                Ok(asks) => asks.then(|| accounts_name(name)),
                Err(_) => {
                    self.deny(&Denied::NotDone(NotShared::Unreachable));
                    return None;
                }
            },
            AccountPolicy::Off => None,
        };
        if let Some(line) = refusal {
            self.refuse(line);
            return None;
        }
        // The same name in other letters is the same account.
        let login = user.login().map(|(_, login)| login).filter(|_| *name == before);
        if login.is_none()
            && let Some(answer) = self.look_alike(name)
        {
            return Some(answer);
        }
        let (guest, owner) = (login.is_none(), user.login().map(|(_, login)| login));
        let leaves_account = owner.is_some() && guest;
        if leaves_account {
            self.leave_account();
        }
        self.hub.checkpoints.reach(Checkpoint::NameFree);
        let limit = self.hub.config().username_limit;
        if let Err(why) = self.hub.rename_user(&user, name, login, limit, self.now()) {
            if why == NameInUseError::NotShared {
                self.deny(&Denied::NotDone(NotShared::Unreachable));
                return None;
            }
            return Some(self.not_free(name.clone(), why));
        }
        // Another user may have registered it since it was looked up, and left. From now on nobody else can.
        if guest
            && *name != before
            && let Some(line) = self.not_for_guests(name)
        {
            // If another user has taken the old name, this one stays, as for a guest who had it before.
            if self.hub.rename_user(&user, &before, owner, limit, self.now()).is_ok() {
                self.refuse(line);
                return None;
            }
        }
        self.renamed(&user, name, &before);
        if leaves_account {
            self.account.read.forget();
            self.account.stop_recording_rooms();
            self.outbox.advise(
                &format!("You are no longer logged in to {before};"),
                &format!(":login {before} logs you in again."),
            );
        }
        None
    }

    /// Why a guest cannot keep a name.
    fn not_for_guests(&self, name: &UserName) -> Option<String> {
        match self.asks_password(name) {
            Ok(asks) => (asks || self.look_alike(name).is_some()).then(|| accounts_name(name)),
            Err(_) => Some(Denied::NotDone(NotShared::Unreachable).to_string()),
        }
    }

    /// A room in which this user is muted.
    fn silent_in(&self) -> Option<RoomName> {
        let (actor, now) = (self.actor()?, self.now());
        self.rooms.rooms().filter(|room| room.is_muted(&actor, now)).map(|room| room.name().clone()).min()
    }

    /// Takes another name, with its account if this user is logged in to that.
    pub(super) fn become_other(
        &mut self,
        user: &Arc<User>,
        name: &UserName,
        login: Option<Login>,
    ) -> Result<(), NameInUseError> {
        let limit = self.hub.config().username_limit;
        let before = self.hub.rename_user(user, name, login, limit, self.now())?;
        self.renamed(user, name, &before);
        Ok(())
    }

    /// This connection has another name: everybody concerned learns of it.
    pub(super) fn renamed(&mut self, user: &Arc<User>, name: &UserName, before: &UserName) {
        self.outbox.set_name(name);
        self.stay_ignored(before);
        self.hub.transfers.rename(user.client(), name);
        for room in self.rooms.rooms().cloned().collect::<Vec<_>>() {
            let changed = room.rename(user.client(), before, || self.hub.actor(user), self.now());
            self.rooms.note_undelivered(&room);
            if changed {
                self.save_room(&room);
            }
        }
        for pair in self.hub.directs.of(self.outbox.id()) {
            let partner = pair.partner(self.outbox.id());
            partner.outbox.partner_renamed(&user.addressee(), &format!("{before} is now known as {name}."));
        }
        log::info!("client {} from {}: {before} is now known as {name}", self.outbox.id(), self.peer);
        self.outbox.tell(LineKind::News, &format!("You are now known as {name}."));
    }

    /// Users who ignore this one by name keep ignoring them under the new one. Done before anybody learns the new name.
    fn stay_ignored(&self, before: &UserName) {
        let connections = self.hub.roster.connections();
        let online: HashSet<_> = connections.iter().map(|outbox| outbox.id()).collect();
        for outbox in &connections {
            outbox.follow_renamed(self.outbox.id(), before, |client| online.contains(&client));
        }
    }

    pub(super) fn set_away(&mut self, away: Option<String>) {
        let Some(user) = &self.user else { return };
        let line = away.as_deref().map(|text| match text {
            "" => "You are away;".to_owned(),
            text => format!("You are away ({text});"),
        });
        let back = away.is_none();
        if user.set_away(away.map(Into::into)) {
            self.hub.share_presence(user, self.now());
            match line {
                Some(line) => self.outbox.advise(&line, ":back ends it."),
                None => self.outbox.tell(LineKind::News, "You are back."),
            }
        } else {
            self.outbox.tell(LineKind::News, if back { "You are not away." } else { "You are away already." });
        }
    }

    /// The target, if they are online.
    fn meant_person(&self, target: &Target) -> Option<Addressee> {
        self.hub.roster.find(target).map(|user| user.addressee())
    }

    #[inline(never)]
    pub(super) fn ignore(&mut self, target: &Target) {
        // A name that nobody has now is ignored under any later owner; a connection's id never names anybody else.
        let absent = || Addressee { client: ClientId::NONE, name: target.name.clone() };
        let user = match self.meant_person(target) {
            None if target.client.is_some() => return self.deny(&Denied::NotOnline(target.clone())),
            found => found.unwrap_or_else(absent),
        };
        if user.client == self.outbox.id() {
            return self.deny(&Denied::Yourself("ignore"));
        }
        let name = user.name.clone();
        if self.outbox.ignores(user.client, &name) {
            let line = format!("You are ignoring {name} already; :unignore {name} ends it.");
            return self.refuse(line);
        }
        if self.outbox.ignore(user) {
            self.save_settings();
            self.outbox.advise(&format!("You are now ignoring {name};"), &format!(":unignore {name} ends it."));
        } else {
            let line = format!("You are ignoring {MAX_IGNORED} users, which is the limit.");
            self.refuse(line);
        }
    }

    #[inline(never)]
    pub(super) fn unignore(&mut self, target: &Target) {
        let client = self.meant_person(target).map(|user| user.client).or(target.client);
        if self.outbox.unignore(&target.name, client) {
            self.save_settings();
            self.outbox.tell(LineKind::News, &format!("You are no longer ignoring {}.", target.name));
        } else {
            self.refuse(format_args!("You are not ignoring {}.", target.name));
        }
    }

    pub(super) fn list_ignored(&mut self) {
        let ignored = self.outbox.ignored();
        let names: Vec<_> = ignored.iter().map(|user| user.name.as_str()).collect();
        let line = match names.as_slice() {
            [] => "You are not ignoring anybody.".to_owned(),
            names => format!("You are ignoring {}.", names.join(", ")),
        };
        self.outbox.tell(LineKind::News, &line);
    }

    pub(super) fn set_bell(&mut self, bell: Bell) {
        self.outbox.set_bell(bell);
        self.save_settings();
        let line = match bell {
            Bell::Off => "The bell is off.",
            Bell::On => "The bell rings at every message.",
            Bell::Mentions => "The bell rings where you are named, and at direct messages.",
        };
        self.outbox.tell(LineKind::News, line);
    }

    /// Looking up a zone reads files and needs a deep stack, so a worker thread does it.
    #[inline(never)]
    pub(super) fn set_time_zone(&mut self, name: String) {
        let found = self.compute(move || TimeZone::get(&name).map_err(|_| name));
        match found {
            Ok(Ok(zone)) => {
                self.outbox.set_clock(Some(Clock::new(zone)), &self.hub.clock);
                self.save_settings();
                self.tell_time_zone();
            }
            Ok(Err(name)) => {
                let name = crate::text::truncate(&name, 32).to_owned();
                let line = format!("There is no time zone {name}: try a name like Europe/Berlin or UTC.");
                self.refuse(line);
            }
            Err(busy) => self.refuse(busy),
        }
    }

    pub(super) fn tell_time_zone(&self) {
        let own = self.outbox.clock();
        let clock = own.as_ref().unwrap_or(&self.hub.clock);
        let name = clock.zone().iana_name().unwrap_or("the server's").to_owned();
        self.outbox.tell(LineKind::News, &format!("Your time zone is {name}."));
    }

    pub(super) fn tell_quote(&mut self) {
        // Any number will do; the clock's nanoseconds are convenient.
        let number = jiff::Timestamp::now().as_nanosecond().unsigned_abs() / 1000;
        if let Some(quote) = self.hub.quotations.pick(u64::try_from(number % u128::from(u64::MAX)).unwrap_or(0)) {
            self.outbox.tell(LineKind::News, &quote.to_string());
        }
    }

    #[inline(never)]
    pub(super) fn tell_who_is(&mut self, target: &Target) {
        let Some(user) = self.hub.roster.find(target) else { return self.deny(&Denied::NotOnline(target.clone())) };
        let now = self.now();
        let rooms = self.visible_rooms(&user);
        let rooms = if rooms.is_empty() { "in no public room".to_owned() } else { format!("in {}", rooms.join(", ")) };
        let here = short(now.saturating_duration_since(user.since));
        let idle = short(user.idle(now));
        let name = user.name();
        // Only for operators: `:banip` needs it, and nobody else has any use for it.
        let operator = self.actor().is_some_and(|actor| actor.operator);
        let peer = user.peer_address().filter(|_| operator);
        let from = peer.map(|peer| format!(", from {peer}")).unwrap_or_default();
        let registered = if user.account().is_some() { ", registered" } else { "" };
        let bot = bot(Some(&*user));
        let line =
            format!("{name}{bot} is {name}#{}{registered}{from}, {rooms}, here {here}, idle {idle}.", user.client());
        self.outbox.tell(LineKind::News, &line);
        self.tell_away_of(&user);
    }

    fn tell_away_of(&self, user: &crate::hub::roster::User) {
        if let Some(text) = user.away() {
            let reason = if text.is_empty() { String::new() } else { format!(" ({text})") };
            self.outbox.tell(LineKind::News, &format!("{} is away{reason}.", user.name()));
        }
    }
}
