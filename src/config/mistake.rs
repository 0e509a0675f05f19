//! Mistakes in a config file, worded so that the admin can fix them.
//!
//! *Owns* the form `file:line: what is wrong; what to do`, and the order by line.
//! *Knows nothing of* the keys and of TOML.

use std::error::Error;
use std::fmt;

/// One mistake: where it is, what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as the admin named it.
    pub file: String,
    /// The line in that file, from 1; `None` if the mistake concerns the whole file.
    pub line: Option<usize>,
    /// One plain sentence without a full stop. Never holds a password.
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// All mistakes in one file, in the order of its lines; at least one.
///
/// Displayed one per line, without a newline at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(Vec<Mistake>);

impl ConfigError {
    /// A single mistake.
    pub(super) fn one(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }

    /// `Err` with the mistakes in the order of their lines, or `Ok` if there are none.
    pub(super) fn none_in(mut all: Vec<Mistake>) -> Result<(), Self> {
        if all.is_empty() {
            return Ok(());
        }
        all.sort_by_key(|mistake| mistake.line);
        all.dedup();
        Err(Self(all))
    }

    /// The mistakes in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}
