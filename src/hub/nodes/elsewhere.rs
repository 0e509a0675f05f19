//! Users of other servers: how they arrive, change and leave.
//!
//! *Owns* what a claim, a release and the end of a server do to the local roster. Texts from other servers are sanitised,
//! because one of them may be faulty.
//! *Knows nothing of* rooms, or of how entries are read.

use std::time::{Duration, Instant};

use super::Nodes;
use super::safe::one_line;
use super::users::Details;
use crate::chat::identity::Target;
use crate::chat::message::{AccountId, ClientId};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::chat::transfer::EndCause;
use crate::hub::Hub;
use crate::hub::room::Home;
use crate::hub::roster::{Arrival, Login, User};
use crate::outbox::DisconnectReason;
use crate::ui::screen::LineKind;

impl Nodes {
    /// A user of another server has a name, a new name, or new details.
    #[expect(clippy::too_many_arguments, reason = "the parts of an entry")]
    pub(super) fn apply_claim(
        &self,
        hub: &Hub,
        name: &str,
        client: ClientId,
        before: Option<&str>,
        details: &str,
        home: &Home,
        now: Instant,
    ) {
        let node = &home.0;
        let (Ok(name), Some(details)) = (UserName::written(name), Details::parse(details)) else {
            return log::warn!("cluster: a name of {node} cannot be read and is left out");
        };
        if let Some(before) = before.and_then(|before| UserName::written(before).ok())
            && let Some(user) = hub.roster.rename_elsewhere(&before, client, &name)
        {
            update(&user, &details);
            if before.as_str() != name.as_str() {
                hub.renamed_elsewhere(&user, &before, &name);
            }
            return;
        }
        let ago = self.now().as_second().saturating_sub(details.since).max(0).unsigned_abs();
        let since = now.checked_sub(Duration::from_secs(ago)).unwrap_or(now);
        // A connection on another server had the name and gave it up in the same step.
        if let Some(other) = hub.roster.find(&Target { name: name.clone(), client: None })
            && other.client() != client
        {
            if !other.is_elsewhere() && hub.shutdown.is_draining() {
                let line = "You came in again on another server.";
                other.outbox.farewell(Some((LineKind::Refusal, line)));
                other.outbox.disconnect(DisconnectReason::Ghosted);
            } else if let Some(other) = hub.roster.depart(&name, other.client()) {
                hub.departed(&other, EndCause::Left);
            }
        }
        let Details { address, shared, .. } = details;
        let arrival = Arrival { client, name, address, shared, since, home: home.clone() };
        update(&hub.roster.arrive(arrival, &self.nowhere), &details);
    }

    pub(super) fn apply_release(&self, hub: &Hub, name: &str, client: ClientId) {
        if let Ok(name) = UserName::written(name)
            && let Some(user) = hub.roster.depart(&name, client)
        {
            hub.departed(&user, EndCause::Left);
        }
    }

    pub(super) fn lose_users_of(&self, hub: &Hub, home: &Home) {
        self.lose_files_of(hub, home);
        let users = hub.roster.users_of(home);
        let people = if users.len() == 1 { "person" } else { "people" };
        log::info!("cluster: node {} is gone, {} {people}", home.0, users.len());
        for user in users {
            if let Some(user) = hub.roster.depart(&user.name(), user.client()) {
                hub.departed(&user, EndCause::ServerGone);
            }
        }
    }
}

fn update(user: &User, details: &Details) {
    let login = |account| Login { account: AccountId(account), hash: Hashed::new("") };
    user.set_login(details.account.map(login));
    user.set_away(details.away.as_deref().map(|note| one_line(note).into()));
    if details.bot {
        user.set_bot();
    }
}
