//! Brings a room back from the stored data.
//!
//! *Owns* which parts of a stored room are used. *Knows nothing of* how and where it was stored.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Creation, RoomState};
use crate::chat::action::ReadBack;
use crate::chat::message::{AccountId, Event, Message, MessageId};
use crate::chat::moderation::{Moderation, ModerationLists};
use crate::chat::room_settings::RoomSettings;

/// What is stored of a room that a user created and keeps.
#[derive(Clone, Debug)]
pub(crate) struct StoredMade {
    /// How it came to be.
    pub creation: Creation,
    /// How it is set up.
    pub settings: RoomSettings,
    /// Between two messages of one user.
    pub slow: Duration,
}

/// What is stored of a room. Its times are those of the room's clock.
#[derive(Clone, Debug)]
pub(crate) struct StoredRoom {
    /// `None`: it is one of the server's own, which is set up by the configuration and has no admins.
    pub made: Option<StoredMade>,
    /// How far back its users may read.
    pub read_back: ReadBack,
    /// Since when accounts are members.
    pub members: Vec<(AccountId, MessageId)>,
    /// Admins, bans, mutes and invitations.
    pub lists: ModerationLists,
}

impl RoomState {
    /// Restores the stored state in a new room.
    pub(crate) fn restore(&mut self, stored: StoredRoom, at: Timestamp) {
        let StoredRoom { made, read_back, members, mut lists } = stored;
        if let Some(StoredMade { creation, settings, slow }) = made {
            self.created = Some(creation);
            self.kept = true;
            self.settings = settings;
            self.slow = slow;
        } else {
            lists.admins.clear();
        }
        self.read_back = read_back;
        self.restore_readers(members);
        self.moderation = Moderation::restored(lists, at);
    }

    /// Starts one of the server's own rooms whose stored data cannot be read now. The room may have hidden its history
    /// from newcomers, so nobody reads back until this is known.
    pub(crate) fn begin_unrestored(&mut self) {
        self.read_back = ReadBack::Nothing;
        self.read_back_guessed = true;
    }

    /// Adds the stored data to such a room, now that it can be read. Changes made meanwhile stay.
    pub(crate) fn restore_late(&mut self, stored: StoredRoom, at: Timestamp) {
        let StoredRoom { made: _, read_back, members, mut lists } = stored;
        // As in `restore`: these rooms have no admins.
        lists.admins.clear();
        if std::mem::take(&mut self.read_back_guessed) {
            self.read_back = read_back;
        }
        self.restore_earlier_readers(members);
        self.moderation.add_stored(lists, at);
    }

    /// Restores the messages from before the server started, oldest first.
    pub(crate) fn recall(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            if self.newest.is_none() {
                // Whether the disk has earlier ones is not known here.
                self.history.begins_after(MessageId(message.id.0.saturating_sub(1)));
            }
            self.newest = Some(message.id);
            self.said += 1;
            self.history.push(Arc::new(Event::Said(message)), self.history_max);
        }
    }
}
