//! Messages that change after they arrived.
//!
//! *Owns* changing a message and its quotes in replies. *Knows nothing of* how the client learns of a change.

use super::ClientModel;
use super::channel::ChannelKey;
use super::incoming::{ObjectId, ServerObject};
use super::item::Gone;

impl ClientModel {
    pub(super) fn edited(&mut self, object: ServerObject) {
        let ObjectId::Number(number) = object.id else { return };
        let start = object.content.clone();
        let mut message = Some(self.chat_message(object));
        let mut found = None;
        for channel in &mut self.channels {
            let changed = channel.change(number, |known| {
                if let Some(new) = message.take() {
                    (known.text, known.edited, known.mention) = (new.text, true, new.mention);
                }
            });
            if changed {
                channel.change_quotes(number, start.lines().next().unwrap_or(""));
                found = channel.find(number).map(|item| (channel.key, item));
            }
        }
        found.into_iter().for_each(|(channel, item)| self.note_change(channel, item));
    }

    pub(super) fn erased(&mut self, object: &ServerObject, gone: Gone) {
        let ObjectId::Number(number) = object.id else { return };
        let holder = self.holder(number);
        holder.into_iter().for_each(|channel| self.erase(channel, number, gone));
    }

    /// The channel that a message is in.
    pub(super) fn holder(&self, number: u64) -> Option<ChannelKey> {
        self.channels.iter().find(|channel| channel.find(number).is_some()).map(|channel| channel.key)
    }

    /// Erases a message and its quotes.
    pub(super) fn erase(&mut self, key: ChannelKey, number: u64, gone: Gone) {
        let channel = self.channel_mut(key);
        let changed = channel.change(number, |message| {
            message.gone = Some(gone);
            message.text.clear();
        });
        if changed {
            channel.change_quotes(number, "");
            let item = channel.find(number);
            item.into_iter().for_each(|item| self.note_change(key, item));
        }
    }
}
