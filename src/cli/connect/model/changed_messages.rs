//! Messages that change after they arrived.
//!
//! *Owns* changing a message and its quotes in replies. *Knows nothing of* how the client learns of a change.

use super::ClientModel;
use super::channel::ChannelKey;
use super::incoming::{ObjectId, ServerObject};
use super::item::{ChatMessage, Gone};

impl ClientModel {
    pub(super) fn edited(&mut self, object: ServerObject) {
        let ObjectId::Number(number) = object.id else { return };
        let start = object.content.clone();
        let new = self.chat_message(object);
        let mut found = None;
        for channel in &mut self.channels {
            let edit = |known: &mut ChatMessage| {
                (known.text, known.edited, known.mention) = (new.text.clone(), true, new.mention);
            };
            channel.change_copies(number, edit);
            let changed = channel.change(number, edit);
            if changed {
                channel.change_quotes(number, start.lines().next().unwrap_or(""));
                found = channel.find(number).map(|item| (channel.key, item));
            }
        }
        found.into_iter().for_each(|(channel, item)| self.note_change(channel, item));
    }

    pub(super) fn erased(&mut self, object: &ServerObject, gone: Gone) {
        let ObjectId::Number(number) = object.id else { return };
        match self.holder(number) {
            Some(channel) => self.erase(channel, number, gone),
            None => self.erase_copies(number, gone),
        }
    }

    /// The channel that a message is in.
    pub(super) fn holder(&self, number: u64) -> Option<ChannelKey> {
        self.channels.iter().find(|channel| channel.find(number).is_some()).map(|channel| channel.key)
    }

    /// Erases a message and its quotes.
    pub(super) fn erase(&mut self, key: ChannelKey, number: u64, gone: Gone) {
        self.erase_copies(number, gone);
        let channel = self.channel_mut(key);
        let changed = channel.change(number, |message| message.erase(gone));
        if changed {
            channel.change_quotes(number, "");
            let item = channel.find(number);
            item.into_iter().for_each(|item| self.note_change(key, item));
        }
    }

    /// The same for what is shown of it in other channels, also if its own one was closed here.
    fn erase_copies(&mut self, number: u64, gone: Gone) {
        self.channels.iter_mut().for_each(|channel| channel.change_copies(number, |message| message.erase(gone)));
    }
}
