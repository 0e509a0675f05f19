//! A change as one line of text, and back.
//!
//! ```text
//! 1 1700000000000000000 kicked 1002 "bob" 192.0.2.2 no - 1001 "alice" "spam"
//! ```
//!
//! The version, the moment in nanoseconds since 1970, the kind, then its fields in order, separated by one space each.
//! Texts are quoted and control characters are escaped, so a line is always one line. `-` is a missing field. Reading
//! is strict: it accepts only what would be written.
//!
//! The form does not change within a version: another program, or an older one, may read the line. A password that the
//! room holds in the clear is also in the clear in the line, so passwords are hashed before changes are shared or
//! stored.
//!
//! *Owns* the version and the words for the kinds.
//! *Knows nothing of* where lines are kept.

mod parts;
mod reader;
#[cfg(any(test, feature = "cluster"))]
mod snapshot;
mod values;
mod writer;

use std::fmt;
use std::str::FromStr;

use super::change::{Change, ChangeKind};
use reader::FieldReader;
use values::Field;
use writer::FieldWriter;

pub use reader::ParseChangeError;
#[cfg(any(test, feature = "cluster"))]
pub(crate) use snapshot::{message_line, parse_message};

/// The form described above. One that older versions cannot read gets another number.
const VERSION: u64 = 1;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = FieldWriter::default();
        VERSION.write(&mut line);
        self.at.write(&mut line);
        write(&self.kind, &mut line);
        f.write_str(line.as_str())
    }
}

impl FromStr for Change {
    type Err = ParseChangeError;

    fn from_str(line: &str) -> Result<Change, ParseChangeError> {
        let mut line = FieldReader::new(line);
        if u64::read(&mut line)? != VERSION {
            return Err(line.expected("version 1"));
        }
        let at = Field::read(&mut line)?;
        let kind = read(&mut line)?;
        line.end()?;
        Ok(Change { at, kind })
    }
}

/// Writes a word and the fields after it.
macro_rules! write {
    ($line:ident, $word:literal $(, $field:expr)*) => {{
        $line.word($word);
        $($field.write($line);)*
    }};
}

fn write(kind: &ChangeKind, line: &mut FieldWriter) {
    match kind {
        ChangeKind::Said(message) => write!(line, "said", message),
        ChangeKind::Edited { id, by, text } => write!(line, "edited", id, by, text),
        ChangeKind::ArchivedEdited { message, by } => write!(line, "archived-edited", message, by),
        ChangeKind::Deleted { id, by } => write!(line, "deleted", id, by),
        ChangeKind::ArchivedDeleted { id, author, by } => write!(line, "archived-deleted", id, author, by),
        ChangeKind::Expired(id) => write!(line, "expired", id),
        ChangeKind::Forgotten(since) => write!(line, "forgotten", since),
        ChangeKind::Entered { who, operator, as_operator, membership, last, heir } => {
            write!(line, "entered", who, operator, as_operator, membership, last, heir);
        }
        ChangeKind::Reentered { client, membership } => write!(line, "reentered", client, membership),
        ChangeKind::Left { client, going } => write!(line, "left", client, going),
        ChangeKind::TakenOver { from, who, operator, membership } => {
            write!(line, "taken-over", from, who, operator, membership);
        }
        ChangeKind::Identified { who, operator, before, last } => {
            write!(line, "identified", who, operator, before, last);
        }
        ChangeKind::GraceEnded => write!(line, "grace-ended"),
        ChangeKind::Inherited(heir) => write!(line, "inherited", heir),
        ChangeKind::AccountForgotten(account) => write!(line, "account-forgotten", account),
        ChangeKind::Invited { guest, by, forgiven, last } => write!(line, "invited", guest, by, forgiven, last),
        ChangeKind::Kicked { who, by, reason } => write!(line, "kicked", who, by, reason),
        ChangeKind::Banned { ban, by } => write!(line, "banned", ban, by),
        ChangeKind::Unbanned { name, who, by } => write!(line, "unbanned", name, who, by),
        ChangeKind::Muted { who, until, by } => write!(line, "muted", who, until, by),
        ChangeKind::Unmuted { name, who, by } => write!(line, "unmuted", name, who, by),
        ChangeKind::Promoted { who, by } => write!(line, "promoted", who, by),
        ChangeKind::Demoted { who, by } => write!(line, "demoted", who, by),
        ChangeKind::Set { setting, by } => write!(line, "set", setting, by),
        ChangeKind::Configured(settings) => write!(line, "configured", settings),
        ChangeKind::HistoryResized(max) => write!(line, "history-resized", max),
        ChangeKind::PasswordHashed(hash) => write!(line, "password-hashed", hash),
        ChangeKind::StorageEnded => write!(line, "storage-ended"),
        ChangeKind::Closed => write!(line, "closed"),
        ChangeKind::Cleared => write!(line, "cleared"),
    }
}

/// Reads the fields of a kind in the order in which they are named.
macro_rules! read {
    ($line:ident, $kind:ident { $($field:ident),* }) => {{
        $(let $field = Field::read($line)?;)*
        ChangeKind::$kind { $($field),* }
    }};
    ($line:ident, $kind:ident) => {
        ChangeKind::$kind(Field::read($line)?)
    };
}

fn read(line: &mut FieldReader<'_>) -> Result<ChangeKind, ParseChangeError> {
    Ok(match line.word()? {
        "said" => read!(line, Said),
        "edited" => read!(line, Edited { id, by, text }),
        "archived-edited" => read!(line, ArchivedEdited { message, by }),
        "deleted" => read!(line, Deleted { id, by }),
        "archived-deleted" => read!(line, ArchivedDeleted { id, author, by }),
        "expired" => read!(line, Expired),
        "forgotten" => read!(line, Forgotten),
        "entered" => read!(line, Entered { who, operator, as_operator, membership, last, heir }),
        "reentered" => read!(line, Reentered { client, membership }),
        "left" => read!(line, Left { client, going }),
        "taken-over" => read!(line, TakenOver { from, who, operator, membership }),
        "identified" => read!(line, Identified { who, operator, before, last }),
        "grace-ended" => ChangeKind::GraceEnded,
        "inherited" => read!(line, Inherited),
        "account-forgotten" => read!(line, AccountForgotten),
        "invited" => read!(line, Invited { guest, by, forgiven, last }),
        "kicked" => read!(line, Kicked { who, by, reason }),
        "banned" => read!(line, Banned { ban, by }),
        "unbanned" => read!(line, Unbanned { name, who, by }),
        "muted" => read!(line, Muted { who, until, by }),
        "unmuted" => read!(line, Unmuted { name, who, by }),
        "promoted" => read!(line, Promoted { who, by }),
        "demoted" => read!(line, Demoted { who, by }),
        "set" => read!(line, Set { setting, by }),
        "configured" => read!(line, Configured),
        "history-resized" => read!(line, HistoryResized),
        "password-hashed" => read!(line, PasswordHashed),
        "storage-ended" => ChangeKind::StorageEnded,
        "closed" => ChangeKind::Closed,
        "cleared" => ChangeKind::Cleared,
        _ => return Err(line.expected("a kind of change")),
    })
}
