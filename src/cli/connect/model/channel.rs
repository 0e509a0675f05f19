//! One place to talk, as its user sees it: a room, people to write to, or the palette.
//!
//! *Owns* its items, ordered and bounded, and which of them are unread. *Knows nothing of* the connection, or of which
//! channel is on the screen.

mod changes;

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use super::item::{ChatMessage, Gone, Item, ItemContent, MOST_NAMED, Presence};

/// Most items of a channel. Beyond that the oldest are dropped; scrolling up fetches messages from the server again.
pub(crate) const MOST_ITEMS: usize = 10_000;

/// Most members kept of a room, for completion. The number of people is known in any case.
const MOST_MEMBERS: usize = 10_000;

/// The key of a channel, unique as long as the client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelKey(pub(super) u32);

/// The kind of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    /// Where commands are typed, and what the server says outside rooms. There is always exactly one, the first.
    Palette,
    /// A room that the user is in.
    Room,
    /// One or more people.
    Direct(Vec<String>),
}

/// Whether there are messages older than those in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Older {
    /// There may be: [`super::Intent::LoadOlder`] asks the server.
    Possible,
    /// They are on their way.
    Loading,
    /// There are no more.
    Nothing,
    /// There may be more, but the channel is full.
    Full,
}

/// A member of a room, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelMember {
    /// As they write it.
    pub(crate) name: String,
    /// They are away.
    pub(crate) away: bool,
    /// They run the room.
    pub(crate) admin: bool,
    /// They are a program.
    pub(crate) bot: bool,
}

/// A room, people to write to, or the palette.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(super) key: ChannelKey,
    pub(super) kind: ChannelKind,
    pub(super) name: String,
    items: VecDeque<Item>,
    /// The key of each message that has a number.
    numbers: HashMap<u64, i64>,
    /// The highest and the lowest number here.
    last: Option<u64>,
    first: Option<u64>,
    pub(super) older: Older,
    pub(super) unread: u32,
    pub(super) mentions: u32,
    marker: Option<i64>,
    pub(super) members: BTreeMap<String, ChannelMember>,
    pub(super) people: usize,
    /// The room's password, to enter it again.
    pub(super) password: Option<String>,
    /// The room's description; may be empty.
    pub(super) description: String,
    /// The last message that the server knows the user has read.
    pub(super) seen: u64,
    revision: u64,
    /// When the first of the temporary messages is over.
    expires: Option<Timestamp>,
}

/// Names as the server compares them.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

impl Channel {
    pub(super) fn new(key: ChannelKey, kind: ChannelKind, name: String) -> Channel {
        let older = match kind {
            ChannelKind::Palette => Older::Nothing,
            ChannelKind::Room | ChannelKind::Direct(_) => Older::Possible,
        };
        Channel {
            key,
            kind,
            name,
            items: VecDeque::new(),
            numbers: HashMap::new(),
            last: None,
            first: None,
            older,
            unread: 0,
            mentions: 0,
            marker: None,
            members: BTreeMap::new(),
            people: 0,
            password: None,
            description: String::new(),
            seen: 0,
            revision: 0,
            expires: None,
        }
    }

    /// Names the channel for as long as the client runs.
    pub(crate) fn key(&self) -> ChannelKey {
        self.key
    }

    /// `general`, `bob`, `bob, carol`; empty for the palette.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the palette.
    pub(crate) fn is_palette(&self) -> bool {
        self.kind == ChannelKind::Palette
    }

    /// Whether it is a room.
    pub(crate) fn is_room(&self) -> bool {
        self.kind == ChannelKind::Room
    }

    /// The name as prompts show it: `#general`, `@bob`.
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            ChannelKind::Palette => String::new(),
            ChannelKind::Room => format!("#{}", self.name),
            ChannelKind::Direct(_) => format!("@{}", self.name),
        }
    }

    /// Everything in it, oldest first; at most [`MOST_ITEMS`]. Access by position is fast.
    pub(crate) fn items(&self) -> &VecDeque<Item> {
        &self.items
    }

    /// Where an item is in [`Channel::items`], by its key.
    pub(crate) fn position(&self, key: i64) -> Option<usize> {
        let front = self.items.front()?.key;
        usize::try_from(key - front).ok().filter(|at| *at < self.items.len())
    }

    /// The key of a message, by its number.
    pub(crate) fn find(&self, number: u64) -> Option<i64> {
        self.numbers.get(&number).copied()
    }

    /// Grows with every change, so that a screen knows whether there is anything to draw.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Messages from others that the user has not read.
    pub(crate) fn unread(&self) -> u32 {
        self.unread
    }

    /// How many of them name the user or are direct messages.
    pub(crate) fn mentions(&self) -> u32 {
        self.mentions
    }

    /// The key of the item that the marker `New` is above. The marker stays until the user leaves the channel with
    /// everything read.
    pub(crate) fn marker(&self) -> Option<i64> {
        self.marker
    }

    /// Whether there are older messages.
    pub(crate) fn older(&self) -> Older {
        self.older
    }

    /// People in the room, this user included; 0 if that is not known.
    pub(crate) fn people(&self) -> usize {
        self.people
    }

    /// The room's description.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// The members of a room as far as known, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &ChannelMember> {
        self.members.values()
    }

    /// The highest number of a message here.
    pub(super) fn last_number(&self) -> Option<u64> {
        self.last
    }

    /// The lowest number of a message here.
    pub(super) fn first_number(&self) -> Option<u64> {
        self.first
    }

    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    /// When the first of the temporary messages is over.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Adds an item at the end. Returns its key.
    pub(super) fn push(&mut self, at: Timestamp, content: ItemContent) -> i64 {
        let key = self.items.back().map_or(0, |last| last.key + 1);
        self.note_number(&content, key);
        self.items.push_back(Item { key, revision: 0, at, content });
        if self.items.len() > MOST_ITEMS {
            self.drop_oldest();
        }
        self.touch();
        key
    }

    fn drop_oldest(&mut self) {
        let Some(gone) = self.items.pop_front() else { return };
        if let Some(number) = gone.message().and_then(|message| message.number) {
            self.numbers.remove(&number);
            self.first = self.items.iter().find_map(|item| item.message().and_then(|message| message.number));
            self.older = match self.older {
                Older::Nothing | Older::Full => Older::Possible,
                Older::Possible | Older::Loading => self.older,
            };
        }
        if self.marker == Some(gone.key) {
            self.marker = self.items.front().map(|item| item.key);
        }
    }

    fn note_number(&mut self, content: &ItemContent, key: i64) {
        if let ItemContent::Message(message) | ItemContent::Copy(message) = content
            && let Some(temporary) = message.temporary
        {
            self.expires = Some(self.expires.map_or(temporary.ends, |first| first.min(temporary.ends)));
        }
        let ItemContent::Message(message) = content else { return };
        let Some(number) = message.number else { return };
        self.numbers.insert(number, key);
        self.last = self.last.max(Some(number));
        self.first = Some(self.first.map_or(number, |first| first.min(number)));
    }

    /// Puts older messages in front, given newest first. Returns how many had room.
    pub(super) fn prepend(&mut self, older: impl Iterator<Item = (Timestamp, ChatMessage)>) -> usize {
        let mut added = 0;
        for (at, message) in older {
            if self.items.len() >= MOST_ITEMS {
                self.older = Older::Full;
                break;
            }
            let key = self.items.front().map_or(0, |first| first.key - 1);
            let content = ItemContent::Message(Box::new(message));
            self.note_number(&content, key);
            self.items.push_front(Item { key, revision: 0, at, content });
            added += 1;
        }
        self.touch();
        added
    }

    /// Adds that somebody has joined or left. Several in a row share one item. Returns its key.
    pub(super) fn push_presence(&mut self, at: Timestamp, joined: bool, name: &str, more: u64) -> i64 {
        if let Some(Item { key, content: ItemContent::Presence(last), revision, .. }) = self.items.back_mut()
            && last.joined == joined
        {
            if !last.names.iter().any(|known| known == name) {
                if last.names.len() < MOST_NAMED { last.names.push(name.to_owned()) } else { last.more += 1 }
            }
            last.more += more;
            *revision += 1;
            let key = *key;
            self.touch();
            return key;
        }
        self.push(at, ItemContent::Presence(Presence { joined, names: vec![name.to_owned()], more }))
    }

    pub(super) fn add_member(&mut self, member: ChannelMember) {
        if self.members.len() < MOST_MEMBERS {
            self.members.insert(folded(&member.name), member);
        }
    }

    /// A message has come that the user does not see now.
    pub(super) fn count_unread(&mut self, key: i64, mentions: bool) {
        if self.unread == 0 {
            self.marker = Some(key);
        }
        self.unread = self.unread.saturating_add(1);
        self.mentions = self.mentions.saturating_add(u32::from(mentions));
        self.touch();
    }

    /// Everything is read. The marker stays where it is.
    pub(super) fn mark_read(&mut self) {
        if self.unread > 0 {
            (self.unread, self.mentions) = (0, 0);
            self.touch();
        }
    }

    /// The user goes to another channel. If everything here is read, the marker goes.
    pub(super) fn leave(&mut self) {
        if self.unread == 0 && self.marker.take().is_some() {
            self.touch();
        }
    }
}
