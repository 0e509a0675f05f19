//! What can be looked up in a room.
//!
//! *Owns* the getters. *Knows nothing of* who may see what.

use std::time::Duration;

use jiff::Timestamp;

use super::{Creation, DoorVersion, Member, RoomState};
use crate::chat::action::ReadBack;
use crate::chat::conversation::MembershipId;
use crate::chat::history::History;
use crate::chat::identity::{Identity, Target};
use crate::chat::message::{ClientId, MessageId};
use crate::chat::moderation::Moderation;
use crate::chat::names::RoomName;
use crate::chat::room_settings::RoomSettings;

impl RoomState {
    /// As configured, or as typed when it was created.
    pub(crate) fn name(&self) -> &RoomName {
        &self.name
    }

    /// How it is set up now.
    pub fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// A version that changes whenever it changes who can enter.
    pub fn door(&self) -> DoorVersion {
        self.door
    }

    /// Who created it and when, if a user did.
    pub(crate) fn created(&self) -> Option<&Creation> {
        self.created.as_ref()
    }

    /// Whether a user created it and it stays until it is destroyed.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Counts the changes of the stored data.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Its admins, bans, mutes and invitations.
    pub fn moderation(&self) -> &Moderation {
        &self.moderation
    }

    /// Time between two messages of one user.
    pub fn slow(&self) -> Duration {
        self.slow
    }

    /// How far back users may read.
    pub fn read_back(&self) -> ReadBack {
        self.read_back
    }

    /// Its members, in the order in which they came to the server.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values().map(|member| &**member)
    }

    /// How many members it has.
    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The member on a connection.
    pub fn member(&self, client: ClientId) -> Option<&Member> {
        self.members.get(&client).map(|member| &**member)
    }

    /// The member that a command names.
    pub(crate) fn find_member(&self, target: &Target) -> Option<&Member> {
        self.members().find(|member| target.names(&member.who.name, member.who.client))
    }

    /// Whether a stay of a connection has not ended.
    pub(crate) fn is_in(&self, client: ClientId, membership: MembershipId) -> bool {
        self.members.get(&client).is_some_and(|member| member.membership == membership)
    }

    /// Whether a user may enter without a password: they are invited, or an admin who returns.
    pub(crate) fn expects(&self, who: &Identity, at: Timestamp) -> bool {
        self.moderation.invited(who, at) || self.moderation.rank(who, at).is_some()
    }

    /// The last messages.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Most messages kept in memory.
    #[cfg(feature = "cluster")]
    pub(crate) fn history_max(&self) -> usize {
        self.history_max
    }

    pub(crate) fn newest(&self) -> Option<MessageId> {
        self.newest
    }

    /// Messages ever said in it.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Since when nobody has been in it.
    pub(crate) fn empty_since(&self) -> Option<Timestamp> {
        self.empty_since
    }

    /// Whether it is closed for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether it will close because nobody is in it.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.members.is_empty() && self.created.is_some() && !self.kept
    }
}
