//! Turns a wish, or something that happens by itself, into a change. Nothing here changes the room.
//!
//! *Owns* which rule applies to each wish and occurrence. *Knows nothing of* what a change does.

mod membership;
mod moderation;
mod settings;
mod talk;

use super::change::{Change, ChangeKind};
use super::wish::{Now, Occurrence, Wish};
use super::{DoorVersion, RoomState};
use crate::chat::action::{Actor, Denied, EnterError};
use crate::chat::conversation::MembershipId;

impl RoomState {
    /// The change that a user's wish leads to, or why there is none.
    ///
    /// # Errors
    ///
    /// The wish is not permitted, or would change nothing. The error is shown to the user.
    #[inline]
    pub fn decide(&self, actor: &Actor, wish: Wish, now: Now) -> Result<Change, Denied> {
        let kind = match wish {
            Wish::Post { draft, said_at } => self.decide_post(actor, draft, said_at, now),
            Wish::Edit { id, text } => self.decide_edit(actor, id, text, now),
            Wish::EditArchived { message, text } => self.decide_edit_archived(actor, &message, &text, now),
            Wish::Delete(id) => self.decide_delete(actor, id, now),
            Wish::DeleteArchived(message) => self.decide_delete_archived(actor, &message, now),
            Wish::Enter { opened, membership } => {
                self.decide_entry(actor, opened, membership, now).map_err(Denied::NotEntered)
            }
            Wish::Invite(guest) => self.decide_invitation(actor, guest, now),
            Wish::Act { action, online, local } => self.decide_action(actor, action, online, local, now),
        };
        Ok(Change { at: now.at, kind: kind? })
    }

    /// The change for a user who enters. Like [`decide`](RoomState::decide), for a caller who needs the reason.
    ///
    /// # Errors
    ///
    /// They cannot enter.
    #[inline]
    pub fn decide_enter(
        &self,
        actor: &Actor,
        opened: Option<DoorVersion>,
        membership: MembershipId,
        now: Now,
    ) -> Result<Change, EnterError> {
        self.decide_entry(actor, opened, membership, now).map(|kind| Change { at: now.at, kind })
    }

    /// The change that follows from what has happened, if any does.
    pub fn respond(&self, occurrence: Occurrence, now: Now) -> Option<Change> {
        let kind = match occurrence {
            Occurrence::Left { client, membership, going } => {
                self.is_in(client, membership).then_some(ChangeKind::Left { client, going })
            }
            Occurrence::TakenOver { from, actor, membership } => self.take_over(from, actor, membership),
            #[cfg(feature = "cluster")]
            Occurrence::Returned { from, actor, membership } => self.come_back(from, actor, membership),
            Occurrence::Identified { actor, before } => self.identify(actor, before, now),
            Occurrence::GracePassed => self.moderation.misses_admin(now.at).then_some(ChangeKind::GraceEnded),
            Occurrence::AdminMissing { passed_over } => self.find_heir(passed_over, now),
            Occurrence::AccountDeleted(account) => {
                let known = self.member_since(account).is_some()
                    || self.moderation.admin_accounts().any(|admin| admin == account);
                known.then_some(ChangeKind::AccountForgotten(account))
            }
            Occurrence::Expired(id) => self.history.awaits_expiry(id).then_some(ChangeKind::Expired(id)),
            Occurrence::RetentionPassed(since) => {
                self.history.has_before(since).then_some(ChangeKind::Forgotten(since))
            }
            Occurrence::Lingered(linger) => self.has_lingered(linger, now).then_some(ChangeKind::Closed),
            Occurrence::Configured(settings) => (settings != self.settings).then_some(ChangeKind::Configured(settings)),
            Occurrence::HistoryResized(max) => (max != self.history_max).then_some(ChangeKind::HistoryResized(max)),
            Occurrence::PasswordHashed { password, hash } => {
                self.has_password(&password).then_some(ChangeKind::PasswordHashed(hash))
            }
            Occurrence::StorageEnds => self.kept.then_some(ChangeKind::StorageEnded),
            Occurrence::Closing => (!self.closed).then_some(ChangeKind::Closed),
            Occurrence::Clearing => (self.closed && !self.members.is_empty()).then_some(ChangeKind::Cleared),
        };
        kind.map(|kind| Change { at: now.at, kind })
    }
}
