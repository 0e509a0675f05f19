//! Splits bytes into lines, each of which should be a request.
//!
//! *Owns* where a line ends, and how long it may be.
//! *Knows nothing of* what a line says, and of telnet: JSON is UTF-8, which has no byte of a telnet command.

use std::borrow::Cow;

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum RequestLine<'a> {
    /// As it came.
    Whole(Cow<'a, [u8]>),
    /// It is too long: it will be dropped up to its end.
    TooLong {
        /// Its beginning, one byte more than a line may have.
        start: Cow<'a, [u8]>,
        /// Whether its end has arrived.
        is_ended: bool,
    },
}

/// Splits bytes into lines. Empty lines are skipped: a client may put any number of them between requests.
#[derive(Debug, Default)]
pub struct RequestLines {
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    /// The line was too long: the rest of it is dropped.
    is_skipping: bool,
}

impl RequestLines {
    /// The next line in `bytes`, which is advanced past it. A line may have at most `limit` bytes.
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8], limit: usize) -> Option<RequestLine<'a>> {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (piece, behind) = bytes.split_at(end.unwrap_or(bytes.len()));
            *bytes = behind.get(1..).unwrap_or(&[]);
            if self.is_skipping {
                self.is_skipping = end.is_none();
                continue;
            }
            if self.begun.len() + piece.len() > limit {
                self.is_skipping = end.is_none();
                let more = &piece[..limit + 1 - self.begun.len()];
                let start = if self.begun.is_empty() { more.into() } else { [&*self.begun, more].concat().into() };
                self.begun = Vec::new();
                return Some(RequestLine::TooLong { start, is_ended: end.is_some() });
            }
            match end {
                None => self.begun.extend_from_slice(piece),
                Some(_) if self.begun.is_empty() && piece.is_empty() => {}
                Some(_) if self.begun.is_empty() => return Some(RequestLine::Whole(Cow::Borrowed(piece))),
                Some(_) => {
                    let mut line = std::mem::take(&mut self.begun);
                    line.extend_from_slice(piece);
                    return Some(RequestLine::Whole(Cow::Owned(line)));
                }
            }
        }
        None
    }

    /// A last line without its end.
    pub fn finish(&mut self) -> Option<RequestLine<'static>> {
        let line = std::mem::take(&mut self.begun);
        (!line.is_empty()).then_some(RequestLine::Whole(Cow::Owned(line)))
    }

    /// Forgets the beginning of a line.
    pub fn clear(&mut self) {
        *self = RequestLines::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines, with `None` for one that is too long.
    fn lines(chunks: &[&[u8]], limit: usize) -> Vec<Option<Vec<u8>>> {
        let mut splitter = RequestLines::default();
        let mut found = Vec::new();
        let owned = |line| match line {
            RequestLine::Whole(line) => Some(line.into_owned()),
            RequestLine::TooLong { start, .. } => {
                assert_eq!(start.len(), limit + 1);
                None
            }
        };
        for mut chunk in chunks.iter().copied() {
            while let Some(line) = splitter.next(&mut chunk, limit) {
                found.push(owned(line));
            }
        }
        found.extend(splitter.finish().map(owned));
        found
    }

    #[test]
    fn lines_end_with_a_line_feed_a_return_or_both_and_empty_ones_are_skipped() {
        let whole = |line: &str| Some(line.as_bytes().to_vec());
        assert_eq!(lines(&[b"\r\n\n{}\r\n{1}\r{2}\n\n{3"], 9), ["{}", "{1}", "{2}", "{3"].map(whole));
    }

    #[test]
    fn a_line_over_the_limit_is_reported_once_and_dropped() {
        let whole = |line: &str| Some(line.as_bytes().to_vec());
        assert_eq!(lines(&[b"12345\n123456\n1\n"], 5), [whole("12345"), None, whole("1")]);
        assert_eq!(lines(&[b"123", b"456", b"789", b"\n1\n"], 5), [None, whole("1")]);
        assert_eq!(lines(&[b"123456789"], 5), [None]);
    }

    #[test]
    fn a_line_that_is_too_long_and_given_back_is_too_long_again() {
        for end in ["", "\n"] {
            let line = ["12345678", end].concat();
            let (mut splitter, mut bytes) = (RequestLines::default(), line.as_bytes());
            let Some(RequestLine::TooLong { start, is_ended }) = splitter.next(&mut bytes, 5) else {
                panic!("it fits")
            };
            assert_eq!((&*start, is_ended), (&b"123456"[..], !end.is_empty()));
            splitter.clear();
            let again = if is_ended { [&*start, b"\n"].concat() } else { start.into_owned() };
            let mut bytes = again.as_slice();
            assert!(matches!(splitter.next(&mut bytes, 5), Some(RequestLine::TooLong { .. })));
            let mut rest = &b"78\n"[..];
            assert_eq!(splitter.next(&mut rest, 5).is_some(), is_ended);
        }
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn lines_do_not_depend_on_how_the_bytes_are_cut(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x')], 0..40),
            cut in 0..40_usize,
        ) {
            let (one, other) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(lines(&[&bytes], 5), lines(&[one, other], 5));
            let single: Vec<_> = bytes.chunks(1).collect();
            prop_assert_eq!(lines(&[&bytes], 5), lines(&single, 5));
        }
    }
}
