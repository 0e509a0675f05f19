//! The file with names and passwords for `chatsock user import`.
//!
//! A line is a name, a space and a password, which is the rest of the line. Empty lines and lines that begin with `#` are
//! ignored.
//!
//! *Owns* this format, and the report of mistakes by line. *Knows nothing of* existing accounts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::AdminError;
use crate::access::password;
use crate::chat::names::UserName;
use crate::config::Config;

/// Longest file read, in bytes: about a hundred thousand accounts. Hashing their passwords takes an hour.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// An account to be created. No `Debug`, which would show the password.
pub(super) struct ImportedUser {
    pub(super) name: UserName,
    pub(super) password: String,
    /// The line in the file, from 1.
    pub(super) line: usize,
}

/// Reads the file.
///
/// # Errors
///
/// The file cannot be read, or has bad lines: all of them are reported with their numbers.
pub(super) fn read(file: &Path, config: &Config) -> Result<Vec<ImportedUser>, AdminError> {
    let file_error = |words: String| AdminError::users(format!("{}: {words}", file.display()));
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| file_error(in_words(&error)))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(file_error("the file is over 4 MiB; split it".to_owned()));
    }
    parse(&bytes, config).map_err(|mistakes| {
        let lines = mistakes.iter().map(|(line, words)| format!("{}:{line}: {words}", file.display()));
        AdminError::users(lines.collect::<Vec<_>>().join("\n"))
    })
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission to read the file; make it readable for yourself".to_owned(),
        io::ErrorKind::IsADirectory => "this is a directory; name a file in it".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    }
}

/// The accounts in a text, or its mistakes by line. No mistake quotes a password.
fn parse(bytes: &[u8], config: &Config) -> Result<Vec<ImportedUser>, Vec<(usize, String)>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut users = Vec::new();
    let mut mistakes = Vec::new();
    let mut lines_by_name: HashMap<UserName, usize> = HashMap::new();
    for (index, bytes) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        match user(bytes, config) {
            Ok(None) => {}
            Ok(Some((name, password))) => {
                if let Some(first) = lines_by_name.insert(name.clone(), line) {
                    mistakes.push((line, format!("{name} is already on line {first}; remove one of them")));
                }
                users.push(ImportedUser { name, password, line });
            }
            Err(words) => mistakes.push((line, words)),
        }
    }
    if mistakes.is_empty() { Ok(users) } else { Err(mistakes) }
}

fn user(line: &[u8], config: &Config) -> Result<Option<(UserName, String)>, String> {
    let line = str::from_utf8(line).map_err(|_| "not UTF-8 text; save the file as UTF-8".to_owned())?;
    let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, password) = line
        .split_once([' ', '\t'])
        .map(|(name, password)| (name, password.trim_start_matches([' ', '\t'])))
        .filter(|(_, password)| !password.is_empty())
        .ok_or("missing password; write a name, a space and the password")?;
    let name = UserName::parse_in(name, config.username_min, config.username_limit, config.names)
        .map_err(|error| error.clause())?;
    password::check(password).map_err(|unfit| unfit.to_string())?;
    Ok(Some((name, password.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Vec<(String, String, usize)> {
        match parse(text, &Config::default()) {
            Ok(users) => users.into_iter().map(|user| (user.name.to_string(), user.password, user.line)).collect(),
            Err(mistakes) => panic!("{mistakes:?}"),
        }
    }

    fn mistakes(text: &[u8]) -> Vec<(usize, String)> {
        parse(text, &Config::default()).err().unwrap_or_default()
    }

    #[test]
    fn a_line_is_a_name_and_a_password_with_the_spaces_in_it() {
        let users = parsed("\u{feff}# staff\n\nalice open  sesame\r\n  bob\t\tGrüße #1\n   \n#carol x\n".as_bytes());
        let user = |name: &str, password: &str, line| (name.to_owned(), password.to_owned(), line);
        assert_eq!(users, [user("alice", "open  sesame", 3), user("bob", "Grüße #1", 4)]);
        assert_eq!(parsed(b""), []);
        assert_eq!(parsed(b"alice x").len(), 1);
    }

    #[test]
    fn every_bad_line_is_reported_with_its_number_and_without_its_password() {
        let long = format!("gina {}", "hunter2".repeat(40));
        let lines = [
            "alice hunter2",
            "bob",
            "al hunter2",
            "1st hunter2",
            "ALICE hunter2",
            "eve hunter2 ",
            "fay hunt\u{7}er2",
            &long,
        ];
        let expected = [
            (2, "missing password; write a name, a space and the password"),
            (3, "a name has 3 to 12 characters: a letter, then letters, digits, _ or -"),
            (4, "a name begins with a letter from A to Z"),
            (5, "ALICE is already on line 1; remove one of them"),
            (6, "the password begins or ends with a space, which a login strips; give one that does not"),
            (7, "the password holds a control character or another one that cannot be typed; give one without"),
            (8, "the password is too long; give one of at most 256 characters"),
        ];
        assert_eq!(mistakes(lines.join("\n").as_bytes()), expected.map(|(line, words)| (line, words.to_owned())));
        assert_eq!(mistakes(b"alice x\nbob \xFF\n")[0].0, 2);
    }
}
