//! Shares users' names and presence with the other servers.
//!
//! *Owns* that a name is unique across all servers, and what other servers learn about a user.
//! *Knows nothing of* dialogues.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::note::Note;
use super::{Nodes, Unfinished};
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::transfer::EndCause;
use crate::cluster::{Claim, Command, Outcome};
use crate::hub::roster::{Login, NameInUseError, PeerAddress, Roster, User};
use crate::hub::{Hub, THROWN_OUT};
use crate::outbox::{DisconnectReason, Outbox};
use crate::ui::screen::LineKind;

/// How many names to try for a user who lost theirs.
const OTHER_NAMES: usize = 5;

/// What all servers know about a user, besides the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Details {
    pub(super) address: IpAddr,
    /// See [`Identity::shared`](crate::chat::identity::Identity).
    pub(super) shared: bool,
    /// When they connected, in seconds since 1970.
    pub(super) since: i64,
    /// Whether they declared themselves a bot.
    pub(super) bot: bool,
    /// Their away note, if they are away.
    pub(super) away: Option<String>,
    /// The account they are logged in to.
    #[serde(default)]
    pub(super) account: Option<u64>,
}

impl Details {
    pub(super) fn new(origin: PeerAddress, login: Option<&Login>, at: Timestamp) -> Details {
        let PeerAddress { address, shared } = origin;
        let account = login.map(|login| login.account.0);
        Details { address, shared, since: at.as_second(), bot: false, away: None, account }
    }

    fn of(user: &User, now: Instant, at: Timestamp) -> Details {
        let here = SignedDuration::try_from(now.saturating_duration_since(user.since)).unwrap_or_default();
        let since = at.as_second().saturating_sub(here.as_secs());
        let login = user.login().map(|(_, login)| login);
        let details = Details::new(user.origin(), login.as_ref(), at);
        Details { since, bot: user.is_bot(), away: user.away().map(String::from), ..details }
    }

    fn logged_in(self, login: Option<&Login>) -> Details {
        Details { account: login.map(|login| login.account.0), ..self }
    }

    pub(super) fn text(&self) -> Box<str> {
        // Plain values: this cannot fail.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    pub(super) fn parse(text: &str) -> Option<Details> {
        serde_json::from_str(text).ok()
    }
}

impl Nodes {
    /// What the other servers learn about a user of this one.
    pub(super) fn details(&self, user: &User, now: Instant) -> Details {
        Details::of(user, now, self.now())
    }

    /// Gives a new, similar name to a user whose name was taken on another server while this one was cut off. False if the
    /// others could not be asked in time: then it is to be tried again, or two users would have one name here.
    pub(super) fn give_other_name(&self, hub: &Hub, client: ClientId, now: Instant) -> bool {
        let Some(user) = hub.own_user(client) else { return true };
        if user.account().is_some() {
            // Only another connection of the same account can have taken its name.
            hub.throw_out(&user, THROWN_OUT, DisconnectReason::Ghosted);
            return true;
        }
        let (before, limit) = (user.name(), hub.config().username_limit);
        for _ in 0..OTHER_NAMES {
            let Some(free) = hub.roster.free_name(&before, limit) else { break };
            let wanted = claim(&free, client, None, &self.details(&user, now));
            match self.ask(wanted, &hub.roster, &free, limit) {
                Ok(()) => {
                    let login = user.login().map(|(_, login)| login);
                    if hub.roster.place_renamed(&user, &free, login).is_none() {
                        return true;
                    }
                    user.outbox.set_name(&free);
                    let line = format!("Your name is {free} now: {before} was taken meanwhile.");
                    user.outbox.announce(LineKind::News, &line);
                    for room in hub.rooms.all().into_iter().filter(|room| room.has_member(client)) {
                        room.rename(client, &before, || hub.actor(&user), now);
                    }
                    return true;
                }
                // Somebody else was faster.
                Err(NameInUseError::Taken(_) | NameInUseError::LooksLike(_)) => {}
                Err(NameInUseError::NotShared | NameInUseError::AddressFull) => return false,
            }
        }
        let line = "Your name was taken while this server was cut off from the others. Reconnect with another one.";
        hub.throw_out(&user, line, DisconnectReason::Ghosted);
        true
    }

    /// See [`Hub::claim_name`].
    pub(crate) fn claim_name(
        &self,
        hub: &Hub,
        name: &UserName,
        login: Option<Login>,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Result<Arc<User>, NameInUseError> {
        let (roster, limit) = (&hub.roster, hub.config().username_limit);
        roster.check(name, None, login.as_ref(), limit)?;
        let most = hub.config().limits.connections_per_ip;
        let wanted =
            Claim { most, ..claim(name, outbox.id(), None, &Details::new(origin, login.as_ref(), self.now())) };
        self.ask(wanted, roster, name, limit)?;
        Ok(roster.place(name, login, outbox, origin, now))
    }

    /// Asks the directory. If the name is taken, suggests another one.
    pub(super) fn ask(
        &self,
        wanted: Claim,
        roster: &Roster,
        name: &UserName,
        limit: usize,
    ) -> Result<(), NameInUseError> {
        let ticket = self.submit(Command::Claim(wanted));
        match ticket.wait(Instant::now() + self.patience * 2) {
            Some(Outcome::Applied { .. }) => Ok(()),
            // This server knows the holder by now.
            Some(Outcome::Taken) => {
                Err(NameInUseError::Taken(roster.free_name(name, limit).filter(|free| free != name)))
            }
            Some(Outcome::Full) => Err(NameInUseError::AddressFull),
            Some(Outcome::Stale | Outcome::NotSaid | Outcome::Refused) | None => Err(NameInUseError::NotShared),
        }
    }

    /// See [`Hub::rename_user`].
    pub(crate) fn rename_user(
        &self,
        hub: &Hub,
        user: &Arc<User>,
        name: &UserName,
        login: Option<Login>,
        now: Instant,
    ) -> Result<UserName, NameInUseError> {
        let (roster, limit) = (&hub.roster, hub.config().username_limit);
        if user.is_gone() {
            return Err(NameInUseError::Taken(None));
        }
        roster.check(name, Some(user), login.as_ref(), limit)?;
        let details = self.details(user, now).logged_in(login.as_ref());
        self.ask(claim(name, user.client(), Some(&user.name()), &details), roster, name, limit)?;
        roster.place_renamed(user, name, login).ok_or(NameInUseError::Taken(None))
    }

    /// See [`Hub::claim_name_from`].
    #[expect(clippy::too_many_arguments, reason = "those of the hub's method")]
    pub(crate) fn claim_name_from(
        &self,
        hub: &Hub,
        other: &Arc<User>,
        name: &UserName,
        login: Login,
        outbox: &Arc<Outbox>,
        origin: PeerAddress,
        now: Instant,
    ) -> Option<Arc<User>> {
        let details = Details::new(origin, Some(&login), self.now());
        let wanted = Claim {
            instead_of: Some(other.client()),
            most: hub.config().limits.connections_per_ip,
            ..claim(name, outbox.id(), None, &details)
        };
        self.ask(wanted, &hub.roster, name, hub.config().username_limit).ok()?;
        hub.roster.place_from(other, name, login, outbox, origin, now)
    }

    /// See [`Hub::rename_user_from`].
    pub(crate) fn rename_user_from(
        &self,
        hub: &Hub,
        other: &Arc<User>,
        user: &Arc<User>,
        name: &UserName,
        login: Login,
        now: Instant,
    ) -> Option<UserName> {
        if user.is_gone() {
            return None;
        }
        let details = self.details(user, now).logged_in(Some(&login));
        let wanted =
            Claim { instead_of: Some(other.client()), ..claim(name, user.client(), Some(&user.name()), &details) };
        self.ask(wanted, &hub.roster, name, hub.config().username_limit).ok()?;
        hub.roster.place_renamed_from(other, user, name, login)
    }

    /// Releases the name of a user who has left.
    pub(crate) fn release_name(&self, user: &User) {
        let (name, client, address) = (user.name(), user.client(), counted_address(user.origin()));
        if !self.release(&name, client, &address) {
            self.pending().unfinished.push(Unfinished::Release { name, client, address });
        }
    }

    /// Shares that a user is away, back or a bot. If that fails now, it is shared later.
    pub(crate) fn share_presence(&self, user: &User, now: Instant) {
        let name = user.name();
        // The outcome does not matter: the next change includes it, and so does the recovery after a failure.
        drop(self.submit(Command::Claim(claim(&name, user.client(), Some(&name), &self.details(user, now)))));
    }

    /// Tells the other servers how long users here have been idle, if they have typed since the last time.
    pub(super) fn share_idle(&self, hub: &Hub, since: Instant, now: Instant) {
        let active = |user: &Arc<User>| {
            let idle = user.idle(now);
            let typed = now.checked_sub(idle).is_none_or(|typed| typed > since);
            typed.then(|| (user.client().0, user.name().to_string(), idle.as_secs()))
        };
        let idle: Vec<_> = hub.roster.own_users().iter().filter_map(active).collect();
        if !idle.is_empty() {
            self.mention(&Note::Idle(idle), None);
        }
    }
}

impl Hub {
    /// Finds a user of this server by connection.
    pub(super) fn own_user(&self, client: ClientId) -> Option<Arc<User>> {
        self.roster.user(client).filter(|user| !user.is_elsewhere())
    }

    /// A user of another server has left, or is gone with it, and is no longer in the roster.
    pub(super) fn departed(&self, user: &User, cause: EndCause) {
        self.directs.forget(user);
        self.end_offers_for(user.client(), cause);
    }

    /// A user of another server was renamed. Their conversation partners see a line, and users who ignored them still do.
    pub(super) fn renamed_elsewhere(&self, user: &User, before: &UserName, name: &UserName) {
        self.transfers.rename(user.client(), name);
        let connections = self.roster.connections();
        let online: HashSet<_> = connections.iter().map(|outbox| outbox.id()).collect();
        for outbox in &connections {
            outbox.follow_renamed(user.client(), before, |client| online.contains(&client));
        }
        for chat in self.directs.of(user.client()) {
            let line = format!("{before} is now known as {name}.");
            chat.partner(user.client()).outbox.partner_renamed(&user.addressee(), &line);
        }
    }
}

/// The address that a connection counts towards on all servers; empty if it is exempt.
pub(super) fn counted_address(origin: PeerAddress) -> Box<str> {
    if origin.shared { Box::default() } else { origin.address.to_string().into() }
}

pub(super) fn claim(name: &UserName, client: ClientId, before: Option<&UserName>, details: &Details) -> Claim {
    let Details { address, shared, .. } = *details;
    Claim {
        name: name.as_str().into(),
        client,
        before: before.map(|before| before.as_str().into()),
        instead_of: None,
        details: details.text(),
        address: counted_address(PeerAddress { address, shared }),
        most: None,
    }
}
