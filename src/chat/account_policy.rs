//! Whether users have accounts here.
//!
//! *Owns* [`AccountPolicy`].
//! *Knows nothing of* passwords, of who has an account, and of where they are kept.

/// Whether the server has accounts, and whether everybody needs one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountPolicy {
    /// No accounts: a name belongs to the first user who takes it, until they leave.
    #[default]
    Off,
    /// Users may register, and then nobody else can use their name.
    Optional,
    /// Nobody logs in without one.
    Required,
}

impl AccountPolicy {
    /// Whether the server has accounts.
    #[must_use]
    pub(crate) fn are_enabled(self) -> bool {
        self != AccountPolicy::Off
    }
}
