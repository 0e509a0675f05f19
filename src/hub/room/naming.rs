//! Whom a sentence about somebody's act names.
//!
//! *Owns* finding them by what was typed.
//! *Knows nothing of* who reads the sentence, and who does not want to.
//! *Called by* `room::moderation`, under the room's lock.

use super::State;
use crate::chat::action::{Act, Actor};
use crate::chat::identity::Whom;
use crate::chat::message::{Addressee, ClientId, People};

impl State {
    /// Who acts, and whom it is about.
    #[inline(never)]
    pub(super) fn named_in(&self, actor: &Actor, act: &Act) -> People {
        let whom = match act {
            Act::Kick { whom, .. } | Act::Ban { whom, .. } | Act::Mute { whom, .. } => Some(whom),
            Act::Unban(whom) | Act::Unmute(whom) | Act::Promote(whom) | Act::Demote(whom) => Some(whom),
            Act::Set(_) | Act::Destroy => None,
        };
        let about = whom.map(|whom| self.addressee_of(whom));
        [actor.who.addressee()].into_iter().chain(about).collect()
    }

    fn addressee_of(&self, whom: &Whom) -> Addressee {
        let member = self.members.values().find(|member| whom.names(&member.who.name, member.who.client));
        let client = member.map(|member| member.who.client).or(whom.client).unwrap_or(ClientId::NONE);
        Addressee { client, name: whom.name.clone() }
    }
}
