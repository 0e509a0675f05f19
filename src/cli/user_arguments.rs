//! The command line of `chatsock user`.
//!
//! *Owns* its arguments, and the errors about them. *Knows nothing of* the database and passwords.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::options::{LONG_OPTIONS, common, config_file, in_words};
use super::{Invocation, UsageError};
use crate::chat::names::{Alphabet, UNICODE_BUILT, USER_NAME_MAX, UserName, nearest};

/// The actions, as the user writes them.
const ACTIONS: &[&str] = &["add", "passwd", "remove", "list", "import"];

/// What to do, and with which config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOptions {
    /// The file named with `--config`.
    pub config: Option<PathBuf>,
    /// What to do.
    pub action: UserAction,
}

/// What `chatsock user` does. The password is never an argument: the user is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAction {
    /// Creates an account.
    Add(UserName),
    /// Changes an account's password.
    ChangePassword(UserName),
    /// Removes an account and its data.
    Remove(UserName),
    /// Prints all accounts.
    List,
    /// Creates the accounts listed in a file with their passwords.
    Import(PathBuf, Existing),
}

/// How an import treats names that already have accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Import nothing.
    Refused,
    /// Leave those accounts unchanged, and create the others.
    Skipped,
}

/// The option of `import`.
pub(super) const SKIP_EXISTING: &str = "skip-existing";

/// Parses the arguments after the word `user`. `config` is the file, if it was named before that word.
pub(super) fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Invocation, UsageError> {
    let mut words: Vec<OsString> = Vec::new();
    let mut existing = Existing::Refused;
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Short('p') | Arg::Long("password" | "passwd" | "pass") => return Err(no_password()),
            Arg::Long(SKIP_EXISTING) => existing = Existing::Skipped,
            Arg::Long("config") => config_file(parser, &mut config)?,
            Arg::Value(word) => words.push(word),
            other => return common(&other, "user", LONG_OPTIONS),
        }
    }
    let mut words = words.iter().map(|word| &**word);
    let mut action = action(words.next(), words.next())?;
    match &mut action {
        UserAction::Import(_, known) => *known = existing,
        UserAction::Add(_) | UserAction::ChangePassword(_) | UserAction::Remove(_) | UserAction::List
            if existing == Existing::Skipped =>
        {
            return Err(UsageError(format!(
                "--{SKIP_EXISTING} is for chatsock user import; leave it out of chatsock user {}",
                command_line(&action)
            )));
        }
        UserAction::Add(_) | UserAction::ChangePassword(_) | UserAction::Remove(_) | UserAction::List => {}
    }
    // A further word after a name is most likely a password: other programs accept it there.
    match (words.next(), &action) {
        (None, _) => Ok(Invocation::User(UserOptions { config, action })),
        (Some(_), UserAction::Add(_) | UserAction::ChangePassword(_)) => Err(no_password()),
        (Some(_), UserAction::Remove(_) | UserAction::List | UserAction::Import(..)) => Err(UsageError(format!(
            "chatsock user {} takes no further arguments; leave out the rest",
            command_line(&action)
        ))),
    }
}

fn action(word: Option<&OsStr>, of: Option<&OsStr>) -> Result<UserAction, UsageError> {
    let Some(word) = word else {
        return Err(UsageError(format!(
            "chatsock user needs a command: {}; as in chatsock user add alice",
            listed("or")
        )));
    };
    let word = word.to_string_lossy();
    let name = || match of {
        Some(name) => user_name(name),
        None => Err(UsageError(format!("chatsock user {word} needs a name, as in chatsock user {word} alice"))),
    };
    match &*word {
        "add" => name().map(UserAction::Add),
        "passwd" => name().map(UserAction::ChangePassword),
        "remove" => name().map(UserAction::Remove),
        "list" if of.is_none() => Ok(UserAction::List),
        "list" => Err(UsageError("chatsock user list takes no name; it lists all accounts".to_owned())),
        "import" => match of {
            Some(file) if !file.is_empty() => Ok(UserAction::Import(file.into(), Existing::Refused)),
            _ => Err(UsageError("chatsock user import needs a file, as in chatsock user import users.txt".to_owned())),
        },
        other => Err(UsageError(match nearest(other, ACTIONS.iter().copied()) {
            Some(near) => format!("unknown command user {}; did you mean user {near}?", other.escape_debug()),
            None => format!("unknown command user {}; the commands are {}", other.escape_debug(), listed("and")),
        })),
    }
}

/// The actions in a sentence, with `word` before the last one.
fn listed(word: &str) -> String {
    let (last, others) = ACTIONS.split_last().unwrap_or((&"", &[]));
    format!("{} {word} {last}", others.join(", "))
}

/// Accepts any name that some configuration allows, since the configuration is not known yet.
fn user_name(text: &OsStr) -> Result<UserName, UsageError> {
    let text = text.to_string_lossy();
    // For an ASCII name, both alphabets give the same error.
    let alphabet = if text.is_ascii() || !UNICODE_BUILT { Alphabet::Ascii } else { Alphabet::Unicode };
    UserName::parse_in(&text, 1, USER_NAME_MAX, alphabet)
        .map_err(|error| UsageError(format!("\"{}\" is not a valid name: {}", text.escape_debug(), error.clause())))
}

fn command_line(action: &UserAction) -> String {
    match action {
        UserAction::Add(name) => format!("add {name}"),
        UserAction::ChangePassword(name) => format!("passwd {name}"),
        UserAction::Remove(name) => format!("remove {name}"),
        UserAction::List => "list".to_owned(),
        UserAction::Import(..) => "import FILE".to_owned(),
    }
}

fn no_password() -> UsageError {
    UsageError(
        "a password is never an argument: other users of this machine could read it, and the shell remembers it; leave \
         it out, and chatsock asks for it"
            .to_owned(),
    )
}
