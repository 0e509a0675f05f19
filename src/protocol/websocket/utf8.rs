//! Checks whether text that arrives in pieces is UTF-8, and finds the first byte that cannot be (RFC 6455, section
//! 8.1).
//!
//! *Knows nothing of* frames.

/// The incomplete character at the end of the pieces so far.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The bytes of a character that has begun, which are at most three.
    begun: [u8; 4],
    count: usize,
}

/// The text is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8 {
    /// How many bytes of the piece come before the invalid one.
    pub(super) after: usize,
}

impl Utf8 {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), NotUtf8> {
        let mut at = 0;
        while self.count > 0 {
            let Some(&byte) = piece.get(at) else { return Ok(()) };
            self.begun[self.count] = byte;
            self.count += 1;
            match std::str::from_utf8(&self.begun[..self.count]) {
                Ok(_) => self.count = 0,
                // Four bytes are a character or an error, so there is always room for the next one.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8 { after: at }),
            }
            at += 1;
        }
        let rest = &piece[at..];
        let Err(error) = std::str::from_utf8(rest) else { return Ok(()) };
        let (valid, begun) = rest.split_at(error.valid_up_to());
        let Some(wrong) = error.error_len() else {
            self.begun[..begun.len()].copy_from_slice(begun);
            self.count = begun.len();
            return Ok(());
        };
        // The wrong part is the beginning of a character that the next byte does not continue, or a byte that begins none.
        let begins = std::str::from_utf8(&begun[..wrong]).err().is_some_and(|error| error.error_len().is_none());
        Err(NotUtf8 { after: at + valid.len() + if begins { wrong } else { 0 } })
    }

    /// The text ends here. False if it ends inside a character.
    pub(super) fn finish(&mut self) -> bool {
        std::mem::take(&mut self.count) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many bytes are taken before the text is known not to be UTF-8; `None` if all of it is UTF-8.
    fn refused_after(bytes: &[u8]) -> Option<usize> {
        let mut utf8 = Utf8::default();
        let refused = bytes.iter().position(|byte| utf8.feed(std::slice::from_ref(byte)).is_err());
        refused.or_else(|| (!utf8.finish()).then_some(bytes.len()))
    }

    #[test]
    fn the_first_invalid_byte_is_refused() {
        for (bytes, after) in [
            (b"\x80".as_slice(), 0),
            (b"a\xff", 1),
            (b"\xc0", 0),
            // A surrogate, and a number above the last one, show at their second byte.
            (b"\xed\xa0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xf5", 0),
            (b"\xe2\x82a", 2),
            // These only end too soon.
            (b"\xe2\x82", 2),
            (b"\xf0\x9f\x98", 3),
        ] {
            assert_eq!(refused_after(bytes), Some(after), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn pieces_are_judged_as_the_whole_is(text in ".{0,8}", noise in prop::collection::vec(any::<u8>(), 0..6), cut in 0usize..40) {
            let mut bytes = text.into_bytes();
            let at = cut.min(bytes.len());
            if cut % 2 == 0 {
                bytes.splice(at..at, noise);
            }
            let expected = refused_after(&bytes);
            prop_assert_eq!(expected.is_none(), std::str::from_utf8(&bytes).is_ok());
            for cut in 0..=bytes.len() {
                let mut utf8 = Utf8::default();
                let mut judged = utf8.feed(&bytes[..cut]).map_err(|wrong| wrong.after);
                if judged.is_ok() {
                    judged = utf8.feed(&bytes[cut..]).map_err(|wrong| cut + wrong.after);
                }
                if judged.is_ok() && !utf8.finish() {
                    judged = Err(bytes.len());
                }
                prop_assert_eq!(judged.err(), expected, "cut at {}", cut);
            }
        }
    }
}
