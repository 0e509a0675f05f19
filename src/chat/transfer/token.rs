//! The tokens that connect the two ends of a transfer with the people who agreed on it.
//!
//! *Owns* their form. *Knows nothing of* what a token opens, and of where its bits come from.

use std::fmt;

/// Bytes of a token: 80 random bits. At a million guesses a second, more than the server can answer, finding one of a
/// thousand tokens in use takes half of 2^80 / 1000 / 10^6 seconds on average: 1.9e7 years.
const BYTES: usize = 10;

/// Characters of a token, of five bits each.
const LENGTH: usize = BYTES * 8 / 5;

/// Characters between two dashes.
const GROUP: usize = 4;

/// Base 32 (RFC 4648, section 6): no two of them are easily mistaken for each other when read aloud.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// One token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; BYTES]);

impl Token {
    /// A token of these bits, which must be random.
    pub fn new(random: [u8; BYTES]) -> Token {
        Token(random)
    }

    /// Reads a token as a user typed it: small letters count as capitals, and dashes are optional.
    pub fn parse(typed: &str) -> Option<Token> {
        // A dash after every character is allowed.
        if typed.len() > 2 * LENGTH {
            return None;
        }
        let (mut bits, mut count) = (0_u128, 0);
        for byte in typed.bytes().filter(|byte| *byte != b'-') {
            let value = ALPHABET.iter().position(|known| *known == byte.to_ascii_uppercase())?;
            bits = bits << 5 | value as u128;
            count += 1;
        }
        let bytes = bits.to_be_bytes();
        (count == LENGTH).then(|| bytes.last_chunk().copied().map(Token)).flatten()
    }
}

/// In groups: `ABCD-EFGH-2345-WXYZ`.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        for place in 0..LENGTH {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            let value = (bits >> (5 * (LENGTH - 1 - place)) & 31) as usize;
            f.write_str(std::str::from_utf8(&ALPHABET[value..=value]).unwrap_or(""))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sixteen_characters_in_groups_and_reads_back() {
        assert_eq!(Token::new([0; 10]).to_string(), "AAAA-AAAA-AAAA-AAAA");
        assert_eq!(Token::new([0xff; 10]).to_string(), "7777-7777-7777-7777");
        assert_eq!(Token::new(*b"fooba12345").to_string(), "MZXW-6YTB-GEZD-GNBV");
        for token in [Token::new(*b"fooba12345"), Token::new([1, 2, 3, 4, 5, 6, 7, 8, 9, 250])] {
            let shown = token.to_string();
            for typed in [shown.clone(), shown.replace('-', ""), shown.to_ascii_lowercase(), format!("-{shown}-")] {
                assert_eq!(Token::parse(&typed), Some(token), "{typed}");
            }
        }
    }

    #[test]
    fn a_text_of_another_length_or_with_other_characters_is_not_a_token() {
        let shown = Token::new(*b"fooba12345").to_string();
        for typed in
            ["", "A", "MZXW-6YTB-GEZD-GNB", "MZXW-6YTB-GEZD-GNBVA", "MZXW-6YTB-GEZD-GNB1", "MZXW 6YTB GEZD GNBV"]
        {
            assert_eq!(Token::parse(typed), None, "{typed}");
        }
        assert_eq!(Token::parse(&shown.replace('M', "é")), None);
        assert_eq!(Token::parse(&"-".repeat(1_000_000)), None);
    }

    #[test]
    fn debug_shows_nothing_of_a_token() {
        assert_eq!(format!("{:?}", Token::new([7; 10])), "Token(..)");
    }
}
