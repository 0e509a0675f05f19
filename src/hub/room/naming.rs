//! Whom a sentence about somebody's act names.
//!
//! *Owns* finding them by what was typed.
//! *Knows nothing of* who reads the sentence, and who does not want to.
//! *Called by* `room::moderation`, under the room's lock.

use super::State;
use crate::chat::action::{Actor, RoomAction};
use crate::chat::identity::Target;
use crate::chat::message::{Addressee, ClientId, People};

impl State {
    /// Who acts, and whom it is about.
    #[inline(never)]
    pub(super) fn named_in(&self, actor: &Actor, act: &RoomAction) -> People {
        let whom = match act {
            RoomAction::Kick { whom, .. } | RoomAction::Ban { whom, .. } | RoomAction::Mute { whom, .. } => Some(whom),
            RoomAction::Unban(whom)
            | RoomAction::Unmute(whom)
            | RoomAction::Promote(whom)
            | RoomAction::Demote(whom) => Some(whom),
            RoomAction::Set(_) | RoomAction::Destroy => None,
        };
        let about = whom.map(|whom| self.addressee_of(whom));
        [actor.who.addressee()].into_iter().chain(about).collect()
    }

    fn addressee_of(&self, whom: &Target) -> Addressee {
        let member = self.members.values().find(|member| whom.names(&member.who.name, member.who.client));
        let client = member.map(|member| member.who.client).or(whom.client).unwrap_or(ClientId::NONE);
        Addressee { client, name: whom.name.clone() }
    }
}
