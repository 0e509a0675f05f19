//! Whether a setting can be changed to a value.

use crate::chat::action::{Denied, Setting};
use crate::chat::room::RoomState;
use crate::chat::room_settings::RoomAccess;
use crate::chat::secret::Secret;

impl RoomState {
    pub(super) fn check_setting(&self, setting: &Setting) -> Result<(), Denied> {
        let (settings, room) = (&self.settings, &self.name);
        let same = match setting {
            Setting::Description(text) => settings.description == *text,
            Setting::Limit(limit) => settings.limit == *limit,
            Setting::Password(password) => password.is_none() && !settings.entry.has_password(),
            Setting::PasswordHash(hash) => settings.entry == RoomAccess::Hashed(hash.clone()),
            Setting::Public(public) => settings.public == *public,
            Setting::Invite(invite) => *invite && settings.entry == RoomAccess::Closed,
            Setting::Slow(wait) => self.slow == *wait,
            Setting::History(read_back) => self.read_back == *read_back,
            Setting::Keep(keep) => self.created.is_some() && self.kept == *keep && self.can_be_kept,
        };
        if same {
            return Err(Denied::AsItIs("Nothing to change; :set shows the settings.".to_owned()));
        }
        let line = match setting {
            Setting::Invite(false) if settings.entry != RoomAccess::Closed => {
                format!("{room} is not invite-only.")
            }
            Setting::Invite(false) if !settings.public => format!(
                "{room} is hidden and has no password, so only invited people come in: set a password, or public on."
            ),
            Setting::Keep(_) if !self.can_be_kept => {
                "This server keeps nothing on disk, so it cannot keep rooms.".to_owned()
            }
            Setting::Keep(_) if self.created.is_none() => {
                format!("{room} is one of the server's own rooms and is kept anyway.")
            }
            Setting::Description(_)
            | Setting::Limit(_)
            | Setting::Password(_)
            | Setting::PasswordHash(_)
            | Setting::Public(_)
            | Setting::Invite(_)
            | Setting::Slow(_)
            | Setting::History(_)
            | Setting::Keep(_) => return Ok(()),
        };
        Err(Denied::AsItIs(line))
    }

    /// Whether this password opens the room, and the room knows it in the clear.
    pub(super) fn has_password(&self, password: &Secret) -> bool {
        matches!(&self.settings.entry, RoomAccess::Password(known) if known == password)
    }
}
