//! What the configuration says about lines and names.
//!
//! *Owns* [`Rules`], which the session passes in with every line.
//! *Knows nothing of* the configuration they come from.

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names::Alphabet;

/// Limits on what is typed; they change with the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Fewest columns of a user name.
    pub username_min: usize,
    /// Most columns of a user name.
    pub username_limit: usize,
    /// The letters that new names are written in.
    pub names: Alphabet,
    /// The letters of names that may exist already.
    pub(crate) known_names: Alphabet,
    /// Most grapheme clusters of a message.
    pub message_limit: usize,
    /// Whether there are accounts.
    pub accounts: AccountPolicy,
}
