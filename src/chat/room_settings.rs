//! The settings of a room. The configuration gives them first, and the room's admins can change them.
//!
//! *Owns* the settings, and whether a password opens a room. *Knows nothing of* files, or of who may change a setting.

use super::secret::{Hashed, Secret};

/// The settings of a room: a section `[rooms.NAME]`, as its admins have changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSettings {
    /// Whether the room is listed for everybody. A public room may still ask for a password.
    pub public: bool,
    /// One line for the list of rooms, without control characters; may be empty.
    pub description: String,
    /// Members at once.
    pub limit: Option<usize>,
    /// Who gets in.
    pub entry: RoomAccess,
}

/// Who gets into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomAccess {
    /// Everybody.
    Open,
    /// Users who give this password.
    Password(Secret),
    /// Users who give the password with this hash. Stored and shared rooms have only the hash.
    Hashed(Hashed),
    /// Invited users only.
    Closed,
}

impl RoomAccess {
    /// Whether a password opens a room with this access; `None` is a room that does not exist. The comparison is made
    /// in every case, so that timing reveals nothing. Hashes are compared elsewhere, on a worker thread.
    #[must_use]
    pub fn admits(entry: Option<&Self>, given: &str) -> bool {
        let (secret, counts) = match entry {
            Some(Self::Password(secret)) => (secret.clone(), true),
            Some(Self::Open) => return true,
            Some(Self::Closed | Self::Hashed(_)) | None => (Secret::impossible(), false),
        };
        secret.matches(given) & counts
    }

    /// Whether a password is asked for.
    #[must_use]
    pub(crate) fn has_password(&self) -> bool {
        matches!(self, Self::Password(_) | Self::Hashed(_))
    }
}

impl RoomSettings {
    /// The only room if the configuration names none.
    pub(crate) fn general() -> Self {
        Self { description: "For general conversations.".to_owned(), ..Self::default() }
    }
}

impl Default for RoomSettings {
    /// What an empty `[rooms.NAME]` gives: public, open to everybody, any number of people.
    fn default() -> Self {
        Self { public: true, description: String::new(), limit: None, entry: RoomAccess::Open }
    }
}
