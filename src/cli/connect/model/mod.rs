//! The state of a client: the contents of its channels, and the lines still to be sent. No I/O, no thread, and no
//! clock.
//!
//! ```text
//! user -> Intent ------.                    .-> ClientEffect -> socket, files, bell
//!                      +-> ClientModel::act |
//! server -> line ------+-> apply            |
//! link -> up, down ----'   connected, lost, |
//! clock -> due ------------ tick -----------'
//!                               |
//!                               '-> channels, status, question, outgoing, search, transfers -> view
//! ```
//!
//! A view reads [`ClientModel::channels`], [`ClientModel::current`] with its [`Channel::items`], behind them
//! [`ClientModel::outgoing`] (lines that wait, or that have no answer yet), [`ClientModel::status`],
//! [`ClientModel::question`], [`ClientModel::search`] and [`ClientModel::transfers`]; [`ClientModel::revision`] tells
//! whether there is anything to draw. It gives the user's wishes to [`ClientModel::act`]. Everything else here is for
//! the link.
//!
//! *Owns* the channels, the lines to be sent and in which order, and what answers mean.
//! *Knows nothing of* terminals, sockets and files.

mod actions;
mod answers;
mod changed_messages;
mod channel;
mod commands;
mod dialog;
mod file_transfer;
mod files;
mod incoming;
mod intent;
mod item;
mod lost_messages;
mod meanwhile;
mod offer_again;
mod reading;
mod receive;
mod request;
mod resume;
mod search;
mod sending;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod unknown_lines;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

#[cfg(test)]
pub(crate) use channel::MOST_ITEMS;
pub(crate) use channel::{Channel, ChannelKey, ChannelKind, Older};
pub(crate) use file_transfer::{FileTransfer, OfferedFile, readable};
pub(crate) use intent::{ClientEffect, Download, Intent, Moment, Upload, UserQuestion};
pub(crate) use item::{ChatMessage, Item, ItemContent, Presence};
#[cfg(test)]
pub(crate) use request::ClientRequest;
pub(crate) use search::SearchResults;
pub(crate) use sending::{Outgoing, OutgoingState};
pub(crate) use settings::{RingsAt, ViewSettings};
pub(crate) use status::LinkStatus;

use channel::folded;
use dialog::Dialog;
use lost_messages::SaidLines;
use meanwhile::HistoryReview;
use reading::ReadMarks;
use resume::LoginState;
use sending::PendingRequest;
use unknown_lines::LineInDoubt;

/// After this much silence the server is pinged; after more, the connection counts as dead.
const QUIET: Duration = Duration::from_secs(30);
const DEAD: Duration = Duration::from_secs(75);

/// Rooms whose names are remembered.
const MOST_ROOMS: usize = 4096;

/// Changes of items that are remembered.
const MOST_CHANGES: usize = 512;

/// Choices from the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientChoices {
    /// The name to log in with; without it, the user is asked.
    pub(crate) name: Option<String>,
    /// The room to enter first.
    pub(crate) room: Option<String>,
    /// Nobody can be asked: questions end the client, and the end of the input ends it once everything is answered.
    pub(crate) unattended: bool,
}

/// The state of a client.
#[derive(Debug)]
pub(crate) struct ClientModel {
    choices: ClientChoices,
    settings: ViewSettings,
    /// The palette comes first. Never empty.
    channels: Vec<Channel>,
    next_channel: u32,
    /// Names of rooms that can be entered, as far as the server has listed them.
    known_rooms: BTreeSet<String>,
    current: ChannelKey,
    /// The channel that was current before the palette.
    previous: Option<ChannelKey>,
    /// The end of the current channel is on the screen.
    attends: bool,
    me: String,
    status: LinkStatus,
    security: Option<String>,
    login: LoginState,
    dialog: Option<Dialog>,
    offers: VecDeque<OfferedFile>,
    /// Offers that may be the rest of a file whose transfer is just breaking off.
    held_offers: Vec<OfferedFile>,
    transfers: Vec<FileTransfer>,
    last_transfer: u64,
    /// News of the user's own offer that came before the answer to it.
    early_news: Vec<incoming::ServerObject>,
    search: Option<SearchResults>,
    outgoing: VecDeque<Outgoing>,
    /// The longest line of a terminal that the server reads, in bytes.
    line_bytes: Option<u64>,
    said: SaidLines,
    unknown: Vec<LineInDoubt>,
    review: HistoryReview,
    read_marks: ReadMarks,
    next_outgoing: u64,
    pending: VecDeque<PendingRequest>,
    next_request: u64,
    effects: Vec<ClientEffect>,
    changes: VecDeque<(u64, ChannelKey, i64)>,
    heard: Option<Instant>,
    /// What the server said last, before it closed the connection.
    bye: String,
    leaving: bool,
    input_ended: bool,
    refused_any: bool,
    revision: u64,
}

impl ClientModel {
    /// A client that is about to connect.
    pub(crate) fn new(choices: ClientChoices) -> ClientModel {
        let palette = Channel::new(ChannelKey(0), ChannelKind::Palette, String::new());
        let settings = ViewSettings { timestamps: true, ids: true, quiet: false, color: true, bell: RingsAt::Nothing };
        ClientModel {
            login: LoginState::new(choices.name.clone()),
            choices,
            settings,
            channels: vec![palette],
            next_channel: 1,
            known_rooms: BTreeSet::new(),
            current: ChannelKey(0),
            previous: None,
            attends: true,
            me: String::new(),
            status: LinkStatus::Connecting,
            security: None,
            dialog: None,
            offers: VecDeque::new(),
            held_offers: Vec::new(),
            transfers: Vec::new(),
            last_transfer: 0,
            early_news: Vec::new(),
            search: None,
            outgoing: VecDeque::new(),
            line_bytes: None,
            said: SaidLines::default(),
            unknown: Vec::new(),
            review: HistoryReview::default(),
            read_marks: ReadMarks::default(),
            next_outgoing: 0,
            pending: VecDeque::new(),
            next_request: 1,
            effects: Vec::new(),
            changes: VecDeque::new(),
            heard: None,
            bye: String::new(),
            leaving: false,
            input_ended: false,
            refused_any: false,
            revision: 0,
        }
    }

    // ---- What a view shows ----

    /// Grows with every change of anything that a view shows. Changes by time alone (`reconnecting in 4 s`) do not
    /// count; [`ClientModel::wakes`] tells when they are due.
    pub(crate) fn revision(&self) -> u64 {
        self.revision + self.channels.iter().map(Channel::revision).sum::<u64>()
    }

    /// The palette first, then rooms and people in the order in which they were opened.
    pub(crate) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The channel on the screen, where lines are entered.
    pub(crate) fn current(&self) -> &Channel {
        self.channel(self.current).unwrap_or(&self.channels[0])
    }

    /// A channel, by its key.
    pub(crate) fn channel(&self, key: ChannelKey) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.key == key)
    }

    /// The user's name; empty before the login.
    pub(crate) fn me(&self) -> &str {
        &self.me
    }

    /// The state of the connection.
    pub(crate) fn status(&self) -> &LinkStatus {
        &self.status
    }

    /// For the status line: `connected, TLS 1.3`.
    pub(crate) fn status_sentence(&self, now: Instant) -> String {
        self.status.sentence(self.security.as_deref(), now)
    }

    /// How items are shown.
    pub(crate) fn settings(&self) -> ViewSettings {
        self.settings
    }

    /// Unread messages in channels other than the current one.
    pub(crate) fn unread_elsewhere(&self) -> u32 {
        let elsewhere = self.channels.iter().filter(|channel| channel.key != self.current);
        elsewhere.fold(0, |sum, channel| sum.saturating_add(channel.unread))
    }

    /// Names of people and rooms for completion, in a fixed order: members of the current channel first, then rooms and
    /// people of other channels. The view knows whether the word is at the start of the line.
    pub(crate) fn names(&self) -> Vec<&str> {
        let current = self.current();
        let mut names: Vec<&str> = current.members().map(|member| member.name.as_str()).collect();
        if let ChannelKind::Direct(people) = &current.kind {
            names.extend(people.iter().map(String::as_str));
        }
        names.extend(self.channels[1..].iter().map(Channel::name));
        let mut known = std::collections::HashSet::new();
        names.retain(|name| known.insert(folded(name)));
        names
    }

    /// Whether a line that is entered now goes where its author expects it. Otherwise a view that reads lines waits: nobody is logged in
    /// yet, or the user is about to enter a room.
    pub(crate) fn takes_lines(&self) -> bool {
        let is_asking = self.dialog.is_some();
        let is_in = self.login.is_returning && !self.is_moving();
        is_asking || is_in || (!self.choices.unattended && self.status != LinkStatus::Connected)
    }

    /// Lines that are not answered yet, in all channels.
    pub(crate) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    /// Items that have changed after this change, for a view that cannot redraw what it has written: the change's
    /// number, and where the item is. Only the last few hundred are known.
    pub(crate) fn changes_after(&self, number: u64) -> impl Iterator<Item = (u64, ChannelKey, i64)> {
        self.changes.iter().copied().filter(move |(other, ..)| *other > number)
    }

    fn note_change(&mut self, channel: ChannelKey, item: i64) {
        let number = self.changes.back().map_or(1, |(last, ..)| last + 1);
        if self.changes.len() >= MOST_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back((number, channel, item));
    }

    // ---- Channels ----

    fn palette_key(&self) -> ChannelKey {
        self.channels[0].key
    }

    fn channel_mut(&mut self, key: ChannelKey) -> &mut Channel {
        let at = self.channels.iter().position(|channel| channel.key == key).unwrap_or(0);
        &mut self.channels[at]
    }

    fn room(&self, name: &str) -> Option<ChannelKey> {
        let name = folded(name);
        self.channels.iter().find(|channel| channel.is_room() && folded(&channel.name) == name).map(|room| room.key)
    }

    fn know_room(&mut self, name: &str) {
        if self.known_rooms.len() < MOST_ROOMS {
            self.known_rooms.insert(name.to_owned());
        }
    }

    /// Rooms that can be entered, and those that the user is in.
    pub(crate) fn room_names(&self) -> impl Iterator<Item = &str> {
        let own = self.channels.iter().filter(|channel| channel.is_room()).map(Channel::name);
        own.chain(self.known_rooms.iter().map(String::as_str))
    }

    fn open(&mut self, kind: ChannelKind, name: String) -> ChannelKey {
        let key = ChannelKey(self.next_channel);
        self.next_channel += 1;
        self.channels.push(Channel::new(key, kind, name));
        self.revision += 1;
        key
    }

    /// The channel of a room, created if it does not exist.
    fn open_room(&mut self, name: &str) -> ChannelKey {
        self.room(name).unwrap_or_else(|| self.open(ChannelKind::Room, name.to_owned()))
    }

    /// The channel of a few people, created if it does not exist.
    fn open_direct(&mut self, mut people: Vec<String>) -> ChannelKey {
        people.sort_by_key(|name| folded(name));
        people.dedup_by(|a, b| folded(a) == folded(b));
        let same = |others: &[String]| {
            others.len() == people.len() && others.iter().zip(&people).all(|(a, b)| folded(a) == folded(b))
        };
        let known = self.channels.iter().find(|channel| match &channel.kind {
            ChannelKind::Direct(others) => same(others),
            ChannelKind::Palette | ChannelKind::Room => false,
        });
        match known {
            Some(known) => known.key,
            None => {
                let name = people.join(", ");
                self.open(ChannelKind::Direct(people), name)
            }
        }
    }

    /// A channel was removed. If the user was viewing it, they are in the palette now.
    fn remove(&mut self, key: ChannelKey) {
        if key == self.palette_key() {
            return;
        }
        if self.previous == Some(key) {
            self.previous = None;
        }
        if self.current == key {
            self.switch(self.palette_key());
            self.previous = None;
        }
        self.channels.retain(|channel| channel.key != key);
        self.revision += 1;
    }

    fn switch(&mut self, to: ChannelKey) {
        if to == self.current || self.channel(to).is_none() {
            return;
        }
        let before = self.current;
        self.channel_mut(before).leave();
        if before != self.palette_key() {
            self.previous = Some(before);
        }
        self.current = to;
        self.attends = true;
        self.revision += 1;
        self.read_current();
    }

    fn is_me(&self, name: &str) -> bool {
        folded(name) == folded(&self.me)
    }

    /// Shows a line of the client or the server in a channel.
    fn tell(&mut self, key: ChannelKey, content: ItemContent, now: Moment) {
        self.channel_mut(key).push(now.time, content);
    }

    fn tell_news(&mut self, text: impl Into<String>, now: Moment) {
        self.tell(self.current, ItemContent::News(text.into()), now);
    }

    fn tell_error(&mut self, text: impl Into<String>, now: Moment) {
        self.tell(self.current, ItemContent::Error(text.into()), now);
    }

    // ---- For the link ----

    /// Takes the effects to carry out, in order.
    pub(crate) fn take_effects(&mut self) -> Vec<ClientEffect> {
        std::mem::take(&mut self.effects)
    }

    /// Nothing more will be typed: the client ends once everything is answered.
    pub(crate) fn input_ended(&mut self) {
        self.input_ended = true;
        self.end_if_done();
    }
}
