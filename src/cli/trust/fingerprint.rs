//! The fingerprint of a certificate: SHA-256 of its DER.

use std::fmt;

/// Length of a SHA-256, in bytes.
const BYTES: usize = 32;

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; BYTES]);

impl Fingerprint {
    /// Reads 64 hexadecimal digits, with or without colons between the bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let pairs: Vec<&str> = if text.contains(':') {
            text.split(':').collect()
        } else {
            (0..text.len()).step_by(2).map(|at| text.get(at..at + 2)).collect::<Option<_>>()?
        };
        let byte = |pair: &str| {
            let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        };
        let bytes: Vec<u8> = pairs.into_iter().map(byte).collect::<Option<_>>()?;
        bytes.try_into().ok().map(Fingerprint)
    }

    /// The fingerprint of a certificate in DER.
    #[cfg(feature = "tls")]
    pub(crate) fn of(certificate: &[u8]) -> Option<Fingerprint> {
        ring::digest::digest(&ring::digest::SHA256, certificate).as_ref().try_into().ok().map(Fingerprint)
    }
}

/// Written as the server prints it at the start, and as `openssl x509 -fingerprint -sha256` does.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons_in_either_case() {
        let shown = vec!["AB"; 32].join(":");
        for text in [shown.clone(), shown.to_lowercase(), "ab".repeat(32), "AB".repeat(32)] {
            assert_eq!(Fingerprint::parse(&text).expect("a fingerprint").to_string(), shown, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_fingerprint() {
        let long = "AB".repeat(33);
        let sign = format!("+1{}", "AB".repeat(31));
        for text in ["", "AB", "AB:CD", &vec!["AB"; 31].join(":"), &long, &sign, &"ä".repeat(32), &"A:B".repeat(22)] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
