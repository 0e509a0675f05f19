//! What is wrong with a config file, said so that its admin can mend it.
//!
//! *Owns* the form `file:line: what is wrong; what to do`, and the order by line.
//! *Knows nothing of* the keys and of TOML. *Called by* the rest of `config`; `main` prints what comes out.

use std::error::Error;
use std::fmt;

/// One mistake: where it stands, what is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as the admin named it.
    pub file: String,
    /// The line in that file, from 1; `None` when the whole file is the trouble.
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

impl Error for Mistake {}

/// All mistakes of one file in the order of its lines; there is at least one.
///
/// Shown one a line, without a newline at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// The only mistake there is.
    pub(super) fn one(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }

    /// `Err` with the mistakes in the order of their lines, or `Ok` when there are none.
    pub(super) fn none_in(mut all: Vec<Mistake>) -> Result<(), Self> {
        if all.is_empty() {
            return Ok(());
        }
        all.sort_by_key(|mistake| mistake.line);
        all.dedup();
        Err(Self(all))
    }

    /// Each mistake, first line first.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
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

impl Error for Mistakes {}
