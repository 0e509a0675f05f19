//! The quotations that `:quote` shows.
//!
//! *Owns* the choice between the admin's own and the built-in ones.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::chat::quotes::{self, Quote};
use crate::config;

/// Longest file read, in bytes: more than its 10,000 quotations of 512 characters usually take.
const MAX_FILE: u64 = 16 * 1024 * 1024;

pub(crate) struct Quotations {
    /// A leaf, replaced whole on a reload. `None`: the built-in ones.
    own: RwLock<Option<Arc<[Quote]>>>,
}

impl Quotations {
    /// Those of a file, if there is one.
    pub(crate) fn new(file: Option<&Path>) -> Quotations {
        Quotations { own: RwLock::new(file.and_then(read)) }
    }

    /// Replaces them with those of a file, or with the built-in ones.
    pub(crate) fn reload(&self, file: Option<&Path>) {
        let own = file.and_then(read);
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
    }

    /// A quotation, by a number of any size.
    pub(crate) fn pick(&self, number: u64) -> Option<Quote> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner).clone();
        let quotes: &[Quote] = match &own {
            Some(own) => own,
            None => quotes::built_in(),
        };
        quotes::pick(quotes, number).cloned()
    }
}

/// The quotations in a file. One that cannot be read is reported in the log, and the built-in ones are used.
fn read(path: &Path) -> Option<Arc<[Quote]>> {
    let bytes = config::read_regular(path, MAX_FILE).map_err(|error| error.to_string());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned()));
    match text.and_then(|text| quotes::read(&text).map_err(|error| error.to_string())) {
        Ok(quotes) => Some(quotes.into()),
        Err(error) => {
            log::error!("{}: {error}; using the built-in quotations", path.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_built_in_ones() {
        // The last one never ends.
        for path in ["/no/such/file", "/etc", "/dev/zero"] {
            let quotations = Quotations::new(Some(Path::new(path)));
            assert_eq!(quotations.pick(7), quotes::pick(quotes::built_in(), 7).cloned(), "{path}");
        }
        let quotations = Quotations::new(None);
        quotations.reload(None);
        assert!(quotations.pick(u64::MAX).is_some());
    }
}
