//! What each change does to a room. Nothing here can fail, and nothing here asks whether a change is permitted.
//!
//! *Owns* the effect of each change, and the event that viewers are shown. *Knows nothing of* who may cause a change,
//! or of how many users view the room.

mod membership;
mod moderation;
mod settings;
mod talk;

use std::sync::Arc;

use super::RoomState;
use super::change::{Change, ChangeKind};
use crate::chat::message::{Addressee, ClientId, Event, EventKind, People};

impl RoomState {
    /// Carries out a change. Returns the event that viewers are shown, shared with the history. Joining and leaving are
    /// not events here: each server gathers such news for its own viewers.
    ///
    /// The change may have been decided on an older state. If what it is about no longer exists, it has no effect.
    #[inline]
    pub fn apply(&mut self, change: Change) -> Option<Arc<Event>> {
        if let ChangeKind::Said(message) = change.kind {
            return Some(self.say(message, change.at));
        }
        self.apply_borrowed(&change)
    }

    /// The same for a change that the caller keeps.
    #[inline]
    pub(crate) fn apply_borrowed(&mut self, change: &Change) -> Option<Arc<Event>> {
        // Not through `apply_other`, because entering is the deepest call of a session.
        if let ChangeKind::Entered { who, operator, as_operator: _, membership, last, heir } = &change.kind {
            self.enter(who, *operator, *membership, *last, *heir, change.at);
            return None;
        }
        self.apply_other(change)
    }

    /// Any change except a message or an arrival. It takes a reference and clones what the room keeps: moving the
    /// fields of each kind out of the change would take more than a kilobyte of stack for every idle user.
    #[inline(never)]
    fn apply_other(&mut self, change: &Change) -> Option<Arc<Event>> {
        let at = change.at;
        match &change.kind {
            // The callers handle this kind and `Entered` themselves.
            ChangeKind::Said(message) => Some(self.say(message.clone(), at)),
            ChangeKind::Edited { id, by, text } => self.edit(*id, *by, text, at),
            ChangeKind::ArchivedEdited { message, by } => Some(self.edit_archived((**message).clone(), *by, at)),
            ChangeKind::Deleted { id, by } => self.delete(*id, by.clone()),
            ChangeKind::ArchivedDeleted { id, author, by } => {
                Some(self.delete_archived(*id, author.clone(), by.clone()))
            }
            ChangeKind::Expired(id) => self.expire(*id),
            ChangeKind::Forgotten(since) => {
                self.history.forget_before(*since);
                None
            }
            ChangeKind::Entered { who, operator, as_operator: _, membership, last, heir } => {
                self.enter(who, *operator, *membership, *last, *heir, at);
                None
            }
            ChangeKind::Reentered { client, membership } => {
                if let Some(member) = self.members.get_mut(client) {
                    member.membership = *membership;
                }
                None
            }
            ChangeKind::Left { client, going } => {
                self.leave(*client, *going, at);
                None
            }
            ChangeKind::TakenOver { from, who, operator, membership } => {
                self.hand_over(*from, who, *operator, *membership, at);
                None
            }
            ChangeKind::Identified { who, operator, before, last } => {
                self.set_identity(who, *operator, before.clone(), *last, at)
            }
            ChangeKind::GraceEnded => {
                self.moderation.demote_missing(at);
                None
            }
            ChangeKind::Inherited(heir) => Some(self.inherit(heir.clone(), at)),
            ChangeKind::AccountForgotten(account) => {
                self.forget_account(*account);
                None
            }
            ChangeKind::Invited { guest, by, forgiven, last } => {
                Some(self.invite(guest, by.clone(), *forgiven, *last, at))
            }
            ChangeKind::Kicked { who, by, reason } => Some(self.kick(who, by.clone(), reason, at)),
            ChangeKind::Banned { ban, by } => Some(self.ban((**ban).clone(), by.clone(), at)),
            ChangeKind::Unbanned { name, who, by } => Some(self.unban(name.clone(), who.as_ref(), by.clone(), at)),
            ChangeKind::Muted { who, until, by } => Some(self.mute(who, *until, by.clone(), at)),
            ChangeKind::Unmuted { name, who, by } => Some(self.unmute(name.clone(), who.as_ref(), by.clone(), at)),
            ChangeKind::Promoted { who, by } => Some(self.promote(who.clone(), by.clone(), at)),
            ChangeKind::Demoted { who, by } => Some(self.demote(who, by.clone())),
            ChangeKind::Set { setting, by } => Some(self.set(setting.clone(), by.clone())),
            ChangeKind::Configured(settings) => {
                self.configure(settings.clone());
                None
            }
            ChangeKind::HistoryResized(max) => {
                self.history_max = *max;
                None
            }
            ChangeKind::PasswordHashed(hash) => {
                self.hash_password(hash.clone());
                None
            }
            ChangeKind::StorageEnded => {
                self.kept = false;
                None
            }
            ChangeKind::Closed => {
                self.closed = true;
                None
            }
            ChangeKind::Cleared => {
                self.members.clear();
                None
            }
        }
    }
}

/// News of what a user did, for all viewers except that user.
fn happened(news: String, kind: EventKind, by: Option<ClientId>, people: People) -> Arc<Event> {
    Arc::new(Event::Happened { news: news.into(), by, kind, people, crowd: None })
}

/// What a member did to the room or to another user.
fn done(news: String, kind: EventKind, by: Addressee, to: Option<Addressee>) -> Arc<Event> {
    let client = by.client;
    happened(news, kind, Some(client), [by].into_iter().chain(to).collect())
}
