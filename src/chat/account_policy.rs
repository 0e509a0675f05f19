//! Whether people have accounts here.
//!
//! *Owns* [`AccountPolicy`].
//! *Knows nothing of* passwords, of who has an account, and of where they are kept.
//! *Called by* `command` and `palette`, which know commands that exist only with accounts, `config`, which sets it, and
//! `session`.

/// Whether the server keeps accounts, and whether everybody needs one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountPolicy {
    /// There are none: a name belongs to whoever took it first, until he leaves.
    #[default]
    Off,
    /// Whoever wants one has one; his name is his alone.
    Optional,
    /// Nobody comes in without one.
    Required,
}

impl AccountPolicy {
    /// Whether there are any.
    #[must_use]
    pub fn are_kept(self) -> bool {
        self != AccountPolicy::Off
    }
}
