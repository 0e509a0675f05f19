//! A room of the model, and the users it remembers.

use std::collections::BTreeMap;

use super::chat::Client;
use super::message::Message;
use super::rules::Rank;

/// A user as a room remembers them.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    pub client: Client,
    pub name: String,
    pub address: String,
}

impl Who {
    /// The same connection, or the same name from the same address.
    pub fn is(&self, other: &Who) -> bool {
        self.client == other.client || (self.name == other.name && self.address == other.address)
    }
}

#[derive(Clone, Debug)]
pub struct Member {
    pub client: Client,
    /// Counts up over all arrivals.
    pub arrived: u64,
    pub unread: u64,
    /// Has posted since joining.
    pub posted: bool,
    /// The last message when they first joined or were invited.
    pub first: u64,
}

#[derive(Clone, Debug)]
pub struct Keeper {
    pub who: Who,
    pub owner: bool,
    /// The connection is lost, and the user may come back.
    pub awaited: bool,
}

#[derive(Clone, Debug)]
pub struct Ban {
    pub name: String,
    /// Recognised even after a change of name.
    pub who: Option<Who>,
    pub address: Option<String>,
    pub by: String,
    pub timed: bool,
    pub reason: String,
}

impl Ban {
    pub fn is_about(&self, who: &Who) -> bool {
        let known = self.who.as_ref().is_some_and(|known| known.is(who));
        known || self.name == who.name || self.address.as_ref() == Some(&who.address)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Door {
    Open,
    Password(String),
    Closed,
}

#[derive(Clone, Debug)]
pub struct Room {
    pub name: String,
    /// `None` for the server's own rooms.
    pub made_by: Option<String>,
    pub public: bool,
    pub door: Door,
    pub limit: Option<usize>,
    pub description: String,
    pub slow: u64,
    /// By connection.
    pub members: BTreeMap<Client, Member>,
    pub keepers: Vec<Keeper>,
    pub bans: Vec<Ban>,
    pub kicks: Vec<Who>,
    /// And whether it has an end.
    pub mutes: Vec<(Who, bool)>,
    pub invited: Vec<Who>,
    /// Users who left or were removed before slow mode let them post again.
    pub rests: Vec<Who>,
    /// The messages in memory.
    pub said: Vec<Message>,
    /// Whether anything was ever posted.
    pub talked: bool,
    /// Users read back to when they joined or were invited.
    pub joined_only: bool,
    /// The last message at that time.
    pub firsts: Vec<(Who, u64)>,
}

impl Room {
    pub fn new(name: &str, made_by: Option<&Who>) -> Room {
        let keeper = |who: &Who| Keeper { who: who.clone(), owner: true, awaited: false };
        Room {
            name: name.to_owned(),
            made_by: made_by.map(|who| who.name.clone()),
            public: true,
            door: Door::Open,
            limit: None,
            description: String::new(),
            slow: 0,
            members: BTreeMap::new(),
            keepers: made_by.map(keeper).into_iter().collect(),
            bans: Vec::new(),
            kicks: Vec::new(),
            mutes: Vec::new(),
            invited: Vec::new(),
            rests: Vec::new(),
            said: Vec::new(),
            talked: false,
            joined_only: false,
            firsts: Vec::new(),
        }
    }

    pub fn keeper(&self, who: &Who) -> Option<&Keeper> {
        self.keepers.iter().find(|keeper| keeper.who.is(who))
    }

    pub fn banned(&self, who: &Who) -> Option<&Ban> {
        self.bans.iter().find(|ban| ban.is_about(who))
    }

    pub fn rank(&self, who: &Who) -> Rank {
        if !self.members.contains_key(&who.client) {
            return if self.banned(who).is_some() { Rank::Banned } else { Rank::Stranger };
        }
        match self.keeper(who) {
            Some(keeper) if keeper.owner => Rank::Owner,
            Some(_) => Rank::Admin,
            None if self.mutes.iter().any(|(muted, _)| muted.is(who)) => Rank::Muted,
            None => Rank::Member,
        }
    }

    /// Removes a user; in a room with slow mode they do not get to post sooner that way.
    pub fn remove(&mut self, who: &Who) {
        if self.members.remove(&who.client).is_some_and(|member| member.posted) && self.slow > 0 {
            self.rests.retain(|known| !known.is(who));
            self.rests.push(who.clone());
        }
    }

    /// Whether slow mode would make the user wait.
    pub fn rests(&self, who: &Who) -> bool {
        self.members.get(&who.client).is_some_and(|member| member.posted)
            || self.rests.iter().any(|known| known.is(who))
    }

    /// Makes the user admin, and unmutes them.
    pub fn inherit(&mut self, who: &Who) {
        self.mutes.retain(|(muted, _)| !muted.is(who));
        self.keepers.push(Keeper { who: who.clone(), owner: true, awaited: false });
    }

    /// Notes from where a user who joins or is invited may read.
    pub fn first(&mut self, who: &Who, last: u64) -> u64 {
        if let Some((_, first)) = self.firsts.iter().find(|(known, _)| known.is(who)) {
            return *first;
        }
        self.firsts.push((who.clone(), last));
        last
    }

    /// The last message that a member may not read.
    pub fn after(&self, client: Client) -> u64 {
        if self.joined_only { self.members.get(&client).map_or(u64::MAX, |member| member.first) } else { 0 }
    }

    /// What a member may read, without quotes of the rest.
    pub fn readable(&self, client: Client) -> Vec<Message> {
        let after = self.after(client);
        let readable = self.said.iter().filter(|message| message.id > after);
        readable.map(|message| message.without_quotes_up_to(after)).collect()
    }

    pub fn is_open(&self) -> bool {
        self.public && self.door == Door::Open
    }
}
