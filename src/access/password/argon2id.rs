//! Password hashes: argon2id (RFC 9106) in PHC strings.
//!
//! *Owns* the parameters, the comparison, and the rules for a password.
//! *Knows nothing of* accounts, nor of where hashes are stored.

use std::fmt;
use std::hint::black_box;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

use crate::chat::identity::MAX_PASSWORD;
use crate::chat::secret::{Hashed, PreparedPassword, prepared};
use crate::text::sanitize;

/// Memory for one hash, in KiB.
///
/// With [`PASSES`] and [`LANES`] this is one of the minimum configurations in the OWASP Password Storage Cheat Sheet.
/// RFC 9106, section 4, recommends 64 MiB or 2 GiB, more than a small box can spend on every login. One hash takes
/// about 30 ms and 19 MiB on such a box. There are two worker threads, so that logins never hold more than 38 MiB.
pub(crate) const MEMORY_KIB: u32 = 19 * 1024;

/// Passes over that memory.
pub(crate) const PASSES: u32 = 2;

/// Lanes. We compute them one after the other, so more lanes would only help an attacker with more processors.
pub(crate) const LANES: u32 = 1;

/// Most memory that a stored hash may ask for, in KiB. Ours ask for [`MEMORY_KIB`]; the rest is room for a later version.
/// Otherwise each login could take all the machine's memory after someone has tampered with the database.
const MOST_MEMORY_KIB: u32 = 64 * 1024;

/// Most passes and lanes that a stored hash may ask for, for the same reason.
const MOST_PASSES: u32 = 16;

/// Salt, in bytes: RFC 9106, section 3.1, recommends 16.
const SALT: usize = 16;

/// Why the system could not hash a password. Displayed as part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashError {
    /// The system's random generator fails.
    NoSalt,
    /// Out of memory.
    NoMemory,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSalt => "the system's random generator fails",
            Self::NoMemory => "the system has no memory for it",
        })
    }
}

impl std::error::Error for HashError {}

/// Why a text cannot be a password. The displayed sentence never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// It is empty.
    Empty,
    /// It has more than [`MAX_PASSWORD`] characters.
    TooLong,
    /// It has a space at either end, which the password prompt would strip.
    SpaceAtAnEnd,
    /// It has a character that a terminal does not pass on unchanged.
    Untypable,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the password is empty; give one of 1 character or more"),
            Self::TooLong => write!(f, "the password is too long; give one of at most {MAX_PASSWORD} characters"),
            Self::SpaceAtAnEnd => {
                f.write_str("the password begins or ends with a space, which a login strips; give one that does not")
            }
            Self::Untypable => f.write_str(
                "the password holds a control character or another one that cannot be typed; give one without",
            ),
        }
    }
}

impl std::error::Error for PasswordError {}

/// Checks that an account can have this password, which means that it can be typed at a login.
///
/// # Errors
///
/// See [`PasswordError`].
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.chars().count() > MAX_PASSWORD {
        return Err(PasswordError::TooLong);
    }
    if password.trim() != password {
        return Err(PasswordError::SpaceAtAnEnd);
    }
    if sanitize(password) != password {
        return Err(PasswordError::Untypable);
    }
    Ok(())
}

fn argon2id() -> Result<Argon2<'static>, HashError> {
    // These parameters are valid, which a test proves; the type cannot know.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashError::NoMemory)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password, [`prepared`], with a new salt. Takes about 30 ms.
///
/// # Errors
///
/// See [`HashError`].
pub fn hash(password: &str) -> Result<Hashed, HashError> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|_| HashError::NoSalt)?;
    let password = prepared(password);
    let hash =
        argon2id()?.hash_password_with_salt(password.as_str().as_bytes(), &salt).map_err(|_| HashError::NoMemory)?;
    Ok(Hashed::new(hash.to_string()))
}

/// Whether the hash belongs to that password. Takes as long as [`hash`], unless the hash has parameters of its own.
/// Takes twice that for a password that [`prepared`] changes, whether it is right or not.
///
/// Earlier versions hashed the password as typed, so such a hash counts too.
#[must_use]
pub fn verify(password: &str, hash: &Hashed) -> bool {
    match prepared(password) {
        PreparedPassword::Same(_) => is_of(password, hash),
        PreparedPassword::Other(other) => is_of(&other, hash) | is_of(password, hash),
    }
}

/// Whether the hash belongs to exactly these characters.
fn is_of(password: &str, hash: &Hashed) -> bool {
    let usable = phc::PasswordHash::new(hash.as_str()).ok().filter(|parsed| params(parsed).is_some());
    match (usable, argon2id()) {
        // The outputs are compared in constant time; the parameters are those of the hash.
        (Some(parsed), Ok(argon2)) => argon2.verify_password(password.as_bytes(), &parsed).is_ok(),
        _ => hash_dummy(password),
    }
}

/// Always false, but takes as long as [`verify`]. For names without an account, so that timing does not reveal which
/// names have one.
pub(crate) fn verify_against_dummy(password: &str) -> bool {
    if let PreparedPassword::Other(other) = prepared(password) {
        hash_dummy(&other);
    }
    hash_dummy(password)
}

fn hash_dummy(password: &str) -> bool {
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let done = argon2id().map(|argon2| argon2.hash_password_into(password.as_bytes(), &[0; SALT], &mut out));
    // The black box keeps the compiler from seeing that the result is unused.
    black_box((done.is_ok(), out));
    false
}

/// Whether to hash a right password again: its hash was made with other parameters than [`fn@hash`] uses now, or from
/// the password as typed.
#[must_use]
pub fn needs_rehash(password: &str, hash: &Hashed) -> bool {
    let is_as_typed = matches!(prepared(password), PreparedPassword::Other(other) if !is_of(&other, hash));
    is_as_typed || has_other_parameters(hash)
}

fn has_other_parameters(hash: &Hashed) -> bool {
    let parsed = phc::PasswordHash::new(hash.as_str()).ok();
    parsed.and_then(|parsed| params(&parsed)).is_none_or(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
            || params.output_len() != Some(Params::DEFAULT_OUTPUT_LEN)
    })
}

/// The parameters of a hash, if we are willing to compute it: argon2id in the version of RFC 9106, within the bounds
/// above.
fn params(hash: &phc::PasswordHash) -> Option<Params> {
    let params = Params::try_from(hash).ok()?;
    let fits = params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES && params.p_cost() <= MOST_PASSES;
    let ours = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
    (fits && ours && hash.salt.is_some() && hash.hash.is_some()).then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_password_is_right() {
        let hash = hash("open sesame").unwrap();
        assert!(verify("open sesame", &hash));
        for wrong in ["", "open", "Open sesame", "open sesame ", "open sesame\0"] {
            assert!(!verify(wrong, &hash), "{wrong:?}");
        }
        assert!(!needs_rehash("open sesame", &hash));
    }

    #[test]
    fn a_password_is_right_in_whatever_normalization_form_it_is_typed() {
        let forms = ["Gr\u{fc}\u{df}e dich", "Gru\u{308}\u{df}e dich", "Gru\u{308}\u{df}e\u{a0}dich"];
        for set in forms {
            let hash = hash(set).unwrap();
            for typed in forms {
                assert!(verify(typed, &hash), "{set:?} {typed:?}");
                assert!(!needs_rehash(typed, &hash));
            }
            assert!(!verify("Grusse dich", &hash) && !verify("Gru\u{308}\u{df}e dir", &hash));
        }
    }

    #[test]
    fn a_hash_of_a_password_as_typed_made_by_an_earlier_version_still_counts_and_is_to_be_renewed() {
        let typed = "Gru\u{308}\u{df}e";
        let raw = argon2id().unwrap().hash_password_with_salt(typed.as_bytes(), b"0123456789abcdef").unwrap();
        let stored = Hashed::new(raw.to_string());
        assert!(verify(typed, &stored) && needs_rehash(typed, &stored));
        assert!(!verify("Gru\u{308}ss", &stored));
    }

    #[test]
    fn one_password_hashes_to_another_text_each_time_and_no_text_shows_it() {
        let (one, other) = (hash("hunter2").unwrap(), hash("hunter2").unwrap());
        assert_ne!(one.as_str(), other.as_str());
        assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
        assert!(!one.as_str().contains("hunter2"));
        assert_eq!(format!("{one:?}"), "Hashed(..)");
        assert!(verify("hunter2", &Hashed::new(other.as_str())));
    }

    /// `printf 'open sesame' | argon2 chatsocksalt1234 -id -t 2 -k 19456 -p 1 -l 32 -e`, by the reference implementation.
    #[test]
    fn a_hash_made_by_the_reference_implementation_is_understood() {
        let stored = Hashed::new(
            "$argon2id$v=19$m=19456,t=2,p=1$Y2hhdHNvY2tzYWx0MTIzNA$FzSDayJHRLIuUalBbVKSmMTXxRCbODfp15qI85zCkHQ",
        );
        assert!(verify("open sesame", &stored) && !verify("open sesamf", &stored));
        assert!(!needs_rehash("open sesame", &stored));
    }

    #[test]
    fn an_unknown_name_lets_nobody_in() {
        assert!(!verify_against_dummy("anything"));
        assert!(!verify_against_dummy(""));
    }

    #[test]
    fn a_text_that_is_no_hash_of_ours_lets_nobody_in() {
        let good = hash("x").unwrap();
        let text = good.as_str();
        for broken in [
            String::new(),
            "x".to_owned(),
            "$argon2id$".to_owned(),
            text.replace("argon2id", "argon2i"),
            text.replace("v=19", "v=16"),
            text.replace("m=19456", "m=4294967295"),
            text.replace("t=2", "t=4294967295"),
            text.replace("p=1", "p=1000"),
            text.replace("m=19456", "m=0"),
            text.rsplit_once('$').unwrap().0.to_owned(),
        ] {
            let stored = Hashed::new(broken.as_str());
            assert!(!verify("x", &stored) && needs_rehash("x", &stored), "{broken:?}");
        }
    }

    #[test]
    fn a_weaker_hash_of_an_earlier_version_still_counts_and_is_to_be_renewed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored = Hashed::new(weak.hash_password_with_salt(b"x", b"0123456789abcdef").unwrap().to_string());
        assert!(verify("x", &stored) && !verify("y", &stored));
        assert!(needs_rehash("x", &stored));
    }

    #[test]
    fn a_password_that_cannot_be_typed_at_a_login_is_refused() {
        let long = "ä".repeat(MAX_PASSWORD + 1);
        for (password, why) in [
            ("", PasswordError::Empty),
            (&*long, PasswordError::TooLong),
            (" x", PasswordError::SpaceAtAnEnd),
            ("x\u{a0}", PasswordError::SpaceAtAnEnd),
            ("a\tb", PasswordError::Untypable),
            ("a\u{1b}[A", PasswordError::Untypable),
            ("a\u{202e}b", PasswordError::Untypable),
        ] {
            assert_eq!(check(password), Err(why), "{password:?}");
        }
        for good in ["x", "open sesame", "Grüße 👋", &long[..long.len() - 2]] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
    }
}
