//! SHA-256 of a file as it is passed on, in builds with a hash function.
//!
//! *Knows nothing of* files.

/// Hashes the bytes it is fed.
#[derive(Clone)]
pub(crate) struct Hasher {
    /// Boxed, because it is large and moves along with a transfer's records.
    #[cfg(feature = "tls")]
    context: Box<ring::digest::Context>,
}

impl Hasher {
    /// A new hasher.
    pub(crate) fn new() -> Hasher {
        Hasher {
            #[cfg(feature = "tls")]
            context: Box::new(ring::digest::Context::new(&ring::digest::SHA256)),
        }
    }

    /// Takes the next part.
    #[cfg_attr(
        not(feature = "tls"),
        expect(unused_variables, clippy::unused_self, reason = "there is nothing to hash with")
    )]
    pub(crate) fn update(&mut self, part: &[u8]) {
        #[cfg(feature = "tls")]
        self.context.update(part);
    }

    /// The hash in hexadecimal digits; `None` in builds without.
    pub(crate) fn finish(self) -> Option<String> {
        #[cfg(feature = "tls")]
        {
            let hash = self.context.finish();
            Some(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
        }
        #[cfg(not(feature = "tls"))]
        None
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}
