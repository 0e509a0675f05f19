//! What operators do for the whole server.
//!
//! *Owns* who may do it, what everybody is shown, and the entry in the audit log. *Knows nothing of* what was typed
//! beyond its arguments.

use jiff::{SignedDuration, Timestamp};

use super::Session;
use crate::access::network::Network;
use crate::chat::action::{Denied, NotShared};
use crate::chat::duration;
use crate::chat::identity::Target;
use crate::chat::names::UserName;
use crate::hub::Banned;
use crate::hub::address_bans::MOST_ADDRESS_BANS;
use crate::hub::room::Room;
use crate::store::AddressBanRecord;
use crate::ui::palette;
use crate::ui::screen::LineKind;

impl Session {
    /// The operator's name. Anybody else is told that they may not do this, and gets `None`. So does an operator whose
    /// account was removed meanwhile by `chatsock user`.
    fn operator(&self) -> Option<UserName> {
        let actor = self.actor().filter(|actor| actor.operator);
        if actor.is_some() && self.hub.is_out_of_reach() {
            self.deny(&Denied::NotDone(NotShared::Unreachable));
            return None;
        }
        let actor = actor.filter(|actor| {
            let found = self.account_of(&Target { name: actor.who.name.clone(), client: None });
            found.is_some_and(|account| Some(account.id) == actor.who.account)
        });
        if actor.is_none() {
            self.refuse("Only operators can do that.");
        }
        actor.map(|actor| actor.who.name)
    }

    /// Audits what an operator did in a room. What others do there is not audited.
    pub(super) fn audit_in(&self, room: &Room, what: &str) {
        if let Some(actor) = self.actor().filter(|actor| actor.operator) {
            self.hub.audit(&actor.who.name, &format!("in {}: {what}", room.name()));
        }
    }

    pub(super) fn broadcast(&mut self, text: &str) {
        let Some(name) = self.operator() else { return };
        let line = format!("Broadcast from {name}: {text}");
        let people = crate::text::people(self.hub.roster.users().len());
        if let Err(why) = self.hub.broadcast(&line, &self.outbox) {
            return self.deny(&Denied::NotDone(why));
        }
        self.outbox.tell(LineKind::News, &line);
        // The audit log gets no text, only that there was a broadcast.
        self.hub.audit(&name, &format!("broadcast to {people}"));
    }

    pub(super) fn ban_address(&mut self, wanted: &palette::AddressBanRequest) {
        let Some(by) = self.operator() else { return };
        let Some(network) = self.network(&wanted.network) else { return };
        let refusal = match () {
            () if network.is_loopback() => Some("The server's own machine is never banned.".to_owned()),
            () if network.is_wide() => Some(format!(
                "{network} is too large for one ban: the limit is a /8 for IPv4 and a /16 for IPv6. Nothing was changed."
            )),
            () if network.contains(self.ip()) && !self.ip().is_loopback() => {
                Some(format!("You are in {network} yourself: nothing was changed."))
            }
            () if self.hub.address_bans.all(self.hub.moment()).len() >= MOST_ADDRESS_BANS => {
                Some(format!("{MOST_ADDRESS_BANS} addresses are banned, which is the limit: lift a ban first."))
            }
            () => None,
        };
        if let Some(line) = refusal {
            return self.refuse(line);
        }
        let at = self.hub.moment();
        let lasts = wanted.lasts.map(|lasts| SignedDuration::try_from(lasts).unwrap_or(SignedDuration::MAX));
        let until = lasts.map(|lasts| at.checked_add(lasts).unwrap_or(Timestamp::MAX));
        let ban = AddressBanRecord { network, by: by.clone(), reason: wanted.reason.as_str().into(), at, until };
        let Banned { people, saved } = match self.hub.ban_address(ban, &self.outbox) {
            Ok(banned) => banned,
            Err(why) => return self.deny(&Denied::NotDone(why)),
        };
        let length = wanted.lasts.map(|lasts| format!(" for {}", duration::in_words(lasts))).unwrap_or_default();
        let people = crate::text::people(people);
        // Before the confirmation, which would otherwise seem to cover this too.
        if let Err(error) = saved {
            self.tell_not_saved(&error);
        }
        self.outbox.tell(LineKind::News, &format!("{network} is banned{length}; {people} disconnected."));
        let reason = if wanted.reason.is_empty() { String::new() } else { format!(" ({})", wanted.reason) };
        self.hub.audit(&by, &format!("banned {network}{length}{reason}"));
    }

    fn network(&self, typed: &str) -> Option<Network> {
        match Network::parse(typed) {
            Ok(network) if network.is_loopback() => Some(network),
            Ok(network) => Some(network.counted()),
            Err(error) => {
                let typed = crate::text::truncate(typed, 50);
                self.refuse(format_args!("{typed} is not an address: {error}."));
                None
            }
        }
    }

    pub(super) fn unban_address(&mut self, typed: &str) {
        let Some(by) = self.operator() else { return };
        let Some(network) = self.network(typed) else { return };
        let lifted = match self.hub.unban_address(network, &self.outbox) {
            Ok(lifted) => lifted,
            Err(why) => return self.deny(&Denied::NotDone(why)),
        };
        match lifted {
            Ok(true) => {
                self.outbox.tell(LineKind::News, &format!("{network} is no longer banned."));
                self.hub.audit(&by, &format!("unbanned {network}"));
            }
            Ok(false) => {
                self.refuse(format_args!("{network} is not banned; :banip alone lists what is."));
            }
            Err(error) => self.tell_not_saved(&error),
        }
    }

    pub(super) fn list_address_bans(&mut self) {
        if self.operator().is_none() {
            return;
        }
        let bans = self.hub.address_bans.all(self.hub.moment());
        if bans.is_empty() {
            return self.outbox.tell(LineKind::News, "No addresses are banned.");
        }
        let column = bans.iter().map(|ban| ban.network.to_string().len()).max().unwrap_or(0);
        for ban in bans {
            let until = match ban.until {
                Some(until) => format!(", until {}", self.moment(until)),
                None => String::new(),
            };
            let reason = if ban.reason.is_empty() { String::new() } else { format!(" ({})", ban.reason) };
            let line = format!("{:column$}   by {}{until}{reason}", ban.network.to_string(), ban.by);
            self.outbox.tell(LineKind::News, &line);
        }
    }

    pub(super) fn show_audit(&mut self, count: Option<usize>) {
        if self.operator().is_none() {
            return;
        }
        let Some(read) = self.hub.audit_log(count.unwrap_or(palette::AUDIT_DEFAULT)) else { return };
        let read = self.compute(read);
        match read {
            Ok(Ok(entries)) if entries.is_empty() => self.outbox.tell(LineKind::News, "The audit log is empty."),
            Ok(Ok(entries)) => {
                for entry in entries.into_iter().rev() {
                    let line = format!("{} {}: {}", self.moment(entry.at), entry.who, entry.what);
                    self.outbox.tell(LineKind::News, &line);
                }
            }
            Ok(Err(error)) => self.refuse(error),
            Err(busy) => self.refuse(busy),
        }
    }

    /// Date and time of day, in this user's time zone.
    fn moment(&self, at: Timestamp) -> String {
        let clock = self.outbox.clock().unwrap_or_else(|| self.hub.clock.clone());
        at.to_zoned(clock.zone().clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}
