//! Whether users have accounts here.
//!
//! *Owns* [`AccountPolicy`].
//! *Knows nothing of* passwords, of who has an account, and of where they are kept.

/// Whether the server has accounts, and whether everybody needs one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountPolicy {
    /// There are none: a name belongs to the first user to take it, until they leave.
    #[default]
    Off,
    /// Users may have one, and then their name is theirs alone.
    Optional,
    /// Nobody logs in without one.
    Required,
}

impl AccountPolicy {
    /// Whether there are any.
    #[must_use]
    pub(crate) fn are_kept(self) -> bool {
        self != AccountPolicy::Off
    }
}
