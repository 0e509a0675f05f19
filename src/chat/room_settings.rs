//! How a room is set up. The configuration says it first, and the room's admins can change it.
//!
//! *Owns* the settings, and whether a password opens a room. *Knows nothing of* files and of who may change a setting.

use super::secret::{Hashed, Secret};

/// How a room is set up: a section `[rooms.NAME]`, or what its admins have made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSettings {
    /// Whether the room is shown to everybody. A public room may still ask for a password.
    pub public: bool,
    /// One line for the list of rooms, without control characters; may be empty.
    pub description: String,
    /// People in it at once.
    pub limit: Option<usize>,
    /// Who gets in.
    pub entry: RoomAccess,
}

/// Who gets into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomAccess {
    /// Everybody.
    Open,
    /// Whoever gives this password.
    Password(Secret),
    /// Whoever gives the password of this hash: of a room that was there before the server started.
    Hashed(Hashed),
    /// Nobody but who is invited.
    Closed,
}

impl RoomAccess {
    /// Whether a password opens a room of this entry; `None` is a room that does not exist. The comparison is made in
    /// every case, so that the time taken tells nothing about which it was. A hash is for somebody else to compare.
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
    pub fn has_password(&self) -> bool {
        matches!(self, Self::Password(_) | Self::Hashed(_))
    }
}

impl RoomSettings {
    /// The room there is when the file names none.
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
