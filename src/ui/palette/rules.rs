//! What the configuration says of lines and names.
//!
//! *Owns* [`Rules`]. *Knows nothing of* the configuration they come from.
//! *Called by* `palette`, and by `session`, which hands them over with every line.

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names::Alphabet;

/// Limits on what is typed; they change with the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Fewest columns of a user name.
    pub username_min: usize,
    /// Most columns of a user name.
    pub username_limit: usize,
    /// Whose letters new names are written in,
    pub names: Alphabet,
    /// and those of names that may be there already.
    pub known_names: Alphabet,
    /// Most grapheme clusters of a message.
    pub message_limit: usize,
    /// Whether there are accounts.
    pub accounts: AccountPolicy,
}
