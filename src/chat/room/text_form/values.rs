//! Single values as fields of a line.
//!
//! *Owns* how numbers, times, names and addresses are written. *Knows nothing of* values with several fields.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::reader::{FieldReader, ParseChangeError};
use super::writer::FieldWriter;
use crate::chat::action::ReadBack;
use crate::chat::conversation::MembershipId;
use crate::chat::message::{AccountId, ClientId, MessageId};
use crate::chat::names::UserName;
use crate::chat::room::Going;
use crate::chat::secret::{Hashed, Secret};

/// A part of a change.
pub(super) trait Field: Sized {
    fn write(&self, line: &mut FieldWriter);
    fn read(line: &mut FieldReader<'_>) -> Result<Self, ParseChangeError>;
}

/// A number in digits, without a plus sign and without leading zeros.
fn number<N: std::str::FromStr + ToString>(
    line: &mut FieldReader<'_>,
    what: &'static str,
) -> Result<N, ParseChangeError> {
    let word = line.word()?;
    word.parse().ok().filter(|number: &N| number.to_string() == word).ok_or_else(|| line.expected(what))
}

impl Field for u64 {
    fn write(&self, line: &mut FieldWriter) {
        line.word(&self.to_string());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<u64, ParseChangeError> {
        number(line, "a number")
    }
}

impl Field for usize {
    fn write(&self, line: &mut FieldWriter) {
        line.word(&self.to_string());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<usize, ParseChangeError> {
        number(line, "a number")
    }
}

impl Field for bool {
    fn write(&self, line: &mut FieldWriter) {
        line.word(if *self { "yes" } else { "no" });
    }

    fn read(line: &mut FieldReader<'_>) -> Result<bool, ParseChangeError> {
        match line.word()? {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(line.expected("yes or no")),
        }
    }
}

/// Nanoseconds since 1970.
impl Field for Timestamp {
    fn write(&self, line: &mut FieldWriter) {
        line.word(&self.as_nanosecond().to_string());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Timestamp, ParseChangeError> {
        let nanoseconds: i128 = number(line, "a moment")?;
        Timestamp::from_nanosecond(nanoseconds).map_err(|_| line.expected("a moment"))
    }
}

/// Nanoseconds.
impl Field for Duration {
    fn write(&self, line: &mut FieldWriter) {
        line.word(&self.as_nanos().to_string());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Duration, ParseChangeError> {
        const SECOND: u128 = 1_000_000_000;
        let nanoseconds: u128 = number(line, "a duration")?;
        let seconds = u64::try_from(nanoseconds / SECOND).map_err(|_| line.expected("a duration"))?;
        // Below a second, so it fits.
        Ok(Duration::new(seconds, u32::try_from(nanoseconds % SECOND).unwrap_or(0)))
    }
}

impl Field for String {
    fn write(&self, line: &mut FieldWriter) {
        line.text(self);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<String, ParseChangeError> {
        line.text()
    }
}

impl Field for Box<str> {
    fn write(&self, line: &mut FieldWriter) {
        line.text(self);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Box<str>, ParseChangeError> {
        line.text().map(Into::into)
    }
}

impl Field for IpAddr {
    fn write(&self, line: &mut FieldWriter) {
        line.word(&self.to_string());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<IpAddr, ParseChangeError> {
        number(line, "an address")
    }
}

impl Field for UserName {
    fn write(&self, line: &mut FieldWriter) {
        line.text(self.as_str());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<UserName, ParseChangeError> {
        let text = line.text()?;
        UserName::written(&text).map_err(|_| line.expected("a name"))
    }
}

impl Field for Secret {
    fn write(&self, line: &mut FieldWriter) {
        line.text(self.expose());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Secret, ParseChangeError> {
        let text = line.text()?;
        Secret::new(&text).ok_or_else(|| line.expected("a password"))
    }
}

impl Field for Hashed {
    fn write(&self, line: &mut FieldWriter) {
        line.text(self.as_str());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Hashed, ParseChangeError> {
        line.text().map(Hashed::new)
    }
}

/// Types that hold a number and nothing else.
macro_rules! numbers {
    ($($name:ident),*) => {
        $(impl Field for $name {
            fn write(&self, line: &mut FieldWriter) {
                self.0.write(line);
            }

            fn read(line: &mut FieldReader<'_>) -> Result<$name, ParseChangeError> {
                u64::read(line).map($name)
            }
        })*
    };
}

numbers!(ClientId, MessageId, AccountId, MembershipId);

impl Field for Going {
    fn write(&self, line: &mut FieldWriter) {
        line.word(match self {
            Going::Asked => "asked",
            Going::Idle => "idle",
            Going::Lost => "lost",
            Going::ServerGone => "server-gone",
        });
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Going, ParseChangeError> {
        match line.word()? {
            "asked" => Ok(Going::Asked),
            "idle" => Ok(Going::Idle),
            "lost" => Ok(Going::Lost),
            "server-gone" => Ok(Going::ServerGone),
            _ => Err(line.expected("a way to leave")),
        }
    }
}

impl Field for ReadBack {
    fn write(&self, line: &mut FieldWriter) {
        line.word(self.word());
    }

    fn read(line: &mut FieldReader<'_>) -> Result<ReadBack, ParseChangeError> {
        let word = line.word()?;
        ReadBack::EVERY.into_iter().find(|choice| choice.word() == word).ok_or_else(|| line.expected("a history"))
    }
}

/// `-`, or the value. No value begins with a field that is `-`.
impl<T: Field> Field for Option<T> {
    fn write(&self, line: &mut FieldWriter) {
        match self {
            Some(value) => value.write(line),
            None => line.word("-"),
        }
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Option<T>, ParseChangeError> {
        if line.nothing() { Ok(None) } else { T::read(line).map(Some) }
    }
}

impl<T: Field> Field for Box<T> {
    fn write(&self, line: &mut FieldWriter) {
        T::write(self, line);
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Box<T>, ParseChangeError> {
        T::read(line).map(Box::new)
    }
}

/// How many, then each of them.
impl<T: Field> Field for Box<[T]> {
    fn write(&self, line: &mut FieldWriter) {
        self.len().write(line);
        self.iter().for_each(|value| value.write(line));
    }

    fn read(line: &mut FieldReader<'_>) -> Result<Box<[T]>, ParseChangeError> {
        // No memory is reserved for elements that a line only claims to hold.
        (0..usize::read(line)?).map(|_| T::read(line)).collect()
    }
}
