//! The results of a search on the server.
//!
//! *Owns* the results of one search. *Knows nothing of* patterns.

use jiff::Timestamp;

use super::item::ChatMessage;

/// Most hits kept: the server sends fewer.
pub(super) const MOST_HITS: usize = 1000;

/// A search on the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct SearchResults {
    /// The answer has come.
    pub(crate) complete: bool,
    /// Newest first.
    pub(crate) hits: Vec<SearchHit>,
    /// The server's remarks, for example that it found nothing or that the pattern is wrong.
    pub(crate) remarks: Vec<String>,
}

/// A message that was found.
#[derive(Clone, Debug)]
pub(crate) struct SearchHit {
    /// Where: `#general`, `@bob`.
    pub(crate) place: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) message: ChatMessage,
    /// Where the hit begins in the text, in characters.
    pub(crate) start: usize,
}

impl super::ClientModel {
    /// The results, from [`super::Intent::Search`] to [`super::Intent::EndSearch`].
    pub(crate) fn search(&self) -> Option<&SearchResults> {
        self.search.as_ref()
    }
}
