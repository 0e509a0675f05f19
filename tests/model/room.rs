//! A room of the model, and whom it remembers.

use std::collections::BTreeMap;

use super::chat::Client;
use super::message::Message;
use super::rules::Rank;

/// Somebody as a room remembers him.
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
}

#[derive(Clone, Debug)]
pub struct Keeper {
    pub who: Who,
    pub owner: bool,
    /// His connection is lost, and he may come back.
    pub awaited: bool,
}

#[derive(Clone, Debug)]
pub struct Ban {
    pub name: String,
    /// Whatever he calls himself later.
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
    /// Nobody made the server's own.
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
    /// And whether there is an end to it.
    pub mutes: Vec<(Who, bool)>,
    pub invited: Vec<Who>,
    /// Who has said anything here.
    pub speakers: Vec<Who>,
    /// Who of them may speak too soon, were the room slow: put out of it, or gone while it was not.
    pub too_soon: Vec<Who>,
    pub said: Vec<Message>,
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
            speakers: Vec::new(),
            too_soon: Vec::new(),
            said: Vec::new(),
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

    /// Notes of somebody who goes that the server forgets when he has spoken.
    pub fn speak_too_soon(&mut self, who: &Who) {
        if self.speakers.iter().any(|speaker| speaker.is(who)) {
            self.too_soon.push(who.clone());
        }
    }

    pub fn is_open(&self) -> bool {
        self.public && self.door == Door::Open
    }
}
