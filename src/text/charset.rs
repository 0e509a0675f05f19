//! UTF-8 and Latin-1, the two charsets a terminal may use, and the conversion between them.
//!
//! Inside the server all text is UTF-8. Only the bytes to and from a terminal may be Latin-1 (ISO 8859-1), whose 256
//! bytes are the first 256 characters of Unicode.
//!
//! *Owns* the names of charsets, and the conversion both ways.
//! *Knows nothing of* telnet: the caller knows which bytes are commands.

use std::borrow::Cow;

use super::{grapheme_width, graphemes};

/// How a terminal encodes characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8 (RFC 3629).
    #[default]
    Utf8,
    /// ISO 8859-1: one byte per character.
    Latin1,
}

/// Replaces a character that Latin-1 does not have, once per column.
const MISSING: u8 = b'?';

impl Charset {
    /// Finds a charset by its IANA name or a common spelling, in any case.
    pub fn named(name: &[u8]) -> Option<Charset> {
        let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
        const UTF8: [&str; 2] = ["UTF-8", "UTF8"];
        const LATIN1: [&str; 7] =
            ["ISO-8859-1", "ISO_8859-1", "ISO8859-1", "ISO_8859-1:1987", "latin1", "latin-1", "l1"];
        if UTF8.iter().any(is) {
            Some(Charset::Utf8)
        } else if LATIN1.iter().any(is) {
            Some(Charset::Latin1)
        } else {
            None
        }
    }

    /// The name used in commands and notices.
    pub fn name(self) -> &'static str {
        match self {
            Charset::Utf8 => "utf-8",
            Charset::Latin1 => "latin1",
        }
    }

    /// Converts what a terminal sent to UTF-8. Invalid UTF-8 is passed through unchanged.
    pub(crate) fn decode(self, raw: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Charset::Latin1 if !raw.is_ascii() => {
                Cow::Owned(raw.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
            }
            Charset::Utf8 | Charset::Latin1 => Cow::Borrowed(raw),
        }
    }
}

/// Appends a text as Latin-1.
///
/// A replacement is as wide as the original, so that the cursor stays where the server thinks it is. Typographic
/// quotation marks and dashes become plain ones, a base letter loses its combining marks, and anything else becomes
/// question marks. C1 controls do too, because in Latin-1 those bytes control a terminal.
pub(crate) fn encode_latin1(text: &str, out: &mut Vec<u8>) {
    for cluster in graphemes(text) {
        if cluster.is_ascii() {
            out.extend_from_slice(cluster.as_bytes());
            continue;
        }
        let end = out.len() + grapheme_width(cluster);
        match cluster.chars().next().and_then(latin1) {
            Some(byte) => {
                out.push(byte);
                // An emoji made from a Latin-1 character is one column wider than that character.
                out.resize(end.max(out.len()), b' ');
            }
            None => out.resize(end, MISSING),
        }
    }
}

fn latin1(c: char) -> Option<u8> {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' => Some(b'\''),
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2033}' => Some(b'"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some(b'-'),
        '\u{80}'..='\u{9f}' => None,
        c => u8::try_from(u32::from(c)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{sanitize, width};
    use proptest::prelude::*;

    fn encoded(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        encode_latin1(text, &mut out);
        out
    }

    #[test]
    fn letters_of_latin_1_go_both_ways() {
        let all: Vec<u8> = (0xa0..=0xff).chain(b"plain".iter().copied()).collect();
        let text = String::from_utf8(Charset::Latin1.decode(&all).into_owned()).expect("UTF-8");
        assert!(text.starts_with("\u{a0}\u{a1}\u{a2}\u{a3}") && text.ends_with("\u{fe}\u{ff}plain"));
        assert_eq!(encoded(&text), all);
        assert_eq!(encoded("gr\u{fc}\u{df}e"), b"gr\xfc\xdfe");
    }

    #[test]
    fn characters_outside_latin_1_keep_their_columns() {
        for (text, shown) in [
            ("\u{434}\u{430}", &b"??"[..]),
            ("\u{674e}", b"??"),
            ("\u{274c}", b"??"),
            ("e\u{301}t", b"et"),
            ("\u{201c}so\u{201d} \u{2013} it\u{2019}s", b"\"so\" - it's"),
            ("\u{20ac}5", b"?5"),
            ("\u{a9}\u{fe0f}!", b"\xa9 !"),
            ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}", b"??"),
        ] {
            assert_eq!(encoded(text), shown, "{text}");
            assert_eq!(encoded(text).len(), width(text), "{text}");
        }
    }

    #[test]
    fn charsets_are_known_by_the_names_in_use() {
        for name in ["utf-8", "UTF-8", "utf8"] {
            assert_eq!(Charset::named(name.as_bytes()), Some(Charset::Utf8), "{name}");
        }
        for name in ["latin1", "Latin-1", "iso-8859-1", "ISO_8859-1:1987"] {
            assert_eq!(Charset::named(name.as_bytes()), Some(Charset::Latin1), "{name}");
        }
        for name in ["", "utf", "koi8-r", "iso-8859-15"] {
            assert_eq!(Charset::named(name.as_bytes()), None, "{name}");
        }
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn nothing_that_controls_a_terminal_comes_out_of_clean_text(text in any::<String>()) {
            let out = encoded(&sanitize(&text));
            prop_assert!(out.iter().all(|byte| !matches!(byte, 0..0x20 | 0x7f..0xa0)), "{:?}", out);
        }

        #[test]
        fn text_typed_in_latin_1_comes_back_unchanged(typed in prop::collection::vec(0x20_u8.., 0..40)) {
            let decoded = String::from_utf8(Charset::Latin1.decode(&typed).into_owned()).expect("UTF-8");
            let clean = sanitize(&decoded);
            let kept: Vec<u8> = typed.into_iter().filter(|byte| !matches!(byte, 0x7f..0xa0)).collect();
            prop_assert_eq!(encoded(&clean), kept);
        }
    }
}
