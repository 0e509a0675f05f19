//! The command line of `chatsock user`.
//!
//! *Owns* its words, and the wording of a wrong call of it. *Knows nothing of* the database and of how a password is asked for.
//! *Called by* `cli`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::in_words;

use super::no_servers_option;

use super::unexpected;

use super::{Invocation, LONG_OPTIONS, UsageError};
use crate::chat::names::{Alphabet, UNICODE_BUILT, USER_NAME_MAX, UserName, nearest};

/// What there is to do, as the caller writes it.
const ACTIONS: &[&str] = &["add", "passwd", "remove", "list", "import"];

/// What to do with the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOptions {
    /// The file named with `--config`.
    pub config: Option<PathBuf>,
    /// What to do.
    pub action: UserAction,
}

/// What `chatsock user` does. There is no password in it: that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAction {
    /// Makes an account.
    Add(UserName),
    /// Gives an account another password.
    ChangePassword(UserName),
    /// Removes an account and what belongs to it.
    Remove(UserName),
    /// Prints all accounts.
    List,
    /// Makes the accounts that stand in a file with their passwords.
    Import(PathBuf, Existing),
}

/// What an import does about names that have accounts already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It imports nothing.
    Refused,
    /// It leaves those accounts as they are, and makes the others.
    Skipped,
}

/// As the caller writes it.
pub(super) const SKIP_EXISTING: &str = "skip-existing";

/// Reads what follows the word `user`; `config` is the file if it was named before that.
pub(super) fn parse(parser: &mut Parser, mut config: Option<PathBuf>) -> Result<Invocation, UsageError> {
    let mut words: Vec<OsString> = Vec::new();
    let mut existing = Existing::Refused;
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Invocation::Version),
            Arg::Short('p') | Arg::Long("password" | "passwd" | "pass") => return Err(no_password()),
            Arg::Long(SKIP_EXISTING) => existing = Existing::Skipped,
            Arg::Long("config") => super::config_file(parser, &mut config)?,
            Arg::Short(letter @ ('v' | 'q')) => return Err(no_servers_option(&format!("-{letter}"), "user")),
            Arg::Long(name) if LONG_OPTIONS.contains(&name) => {
                return Err(no_servers_option(&format!("--{name}"), "user"));
            }
            Arg::Value(word) => words.push(word),
            other => return Err(unexpected(&other)),
        }
    }
    let mut words = words.iter().map(|word| &**word);
    let mut action = action(words.next(), words.next())?;
    match &mut action {
        UserAction::Import(_, known) => *known = existing,
        _ if existing == Existing::Skipped => {
            return Err(UsageError(format!(
                "--{SKIP_EXISTING} is for chatsock user import; leave it out of chatsock user {}",
                said(&action)
            )));
        }
        _ => {}
    }
    // What follows a name is a password that somebody gives as he would elsewhere.
    match (words.next(), &action) {
        (None, _) => Ok(Invocation::User(UserOptions { config, action })),
        (Some(_), UserAction::Add(_) | UserAction::ChangePassword(_)) => Err(no_password()),
        (Some(_), _) => {
            Err(UsageError(format!("chatsock user {} takes no more than that; leave out the rest", said(&action))))
        }
    }
}

fn action(word: Option<&OsStr>, of: Option<&OsStr>) -> Result<UserAction, UsageError> {
    let Some(word) = word else {
        return Err(UsageError(format!(
            "chatsock user needs what to do: {}; as in chatsock user add alice",
            ACTIONS.join(", ")
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
        "list" => Err(UsageError("chatsock user list takes no name; it prints all accounts".to_owned())),
        "import" => match of {
            Some(file) if !file.is_empty() => Ok(UserAction::Import(file.into(), Existing::Refused)),
            _ => Err(UsageError("chatsock user import needs a file, as in chatsock user import users.txt".to_owned())),
        },
        other => Err(UsageError(match nearest(other, ACTIONS.iter().copied()) {
            Some(near) => format!("there is no command user {}; did you mean user {near}?", other.escape_debug()),
            None => format!("there is no command user {}; there are {}", other.escape_debug(), ACTIONS.join(", ")),
        })),
    }
}

/// Any name that some configuration allows.
fn user_name(text: &OsStr) -> Result<UserName, UsageError> {
    let text = text.to_string_lossy();
    // Whether the configuration takes it is for later. What is wrong with an ASCII one is the same in both.
    let alphabet = if text.is_ascii() || !UNICODE_BUILT { Alphabet::Ascii } else { Alphabet::Unicode };
    UserName::parse_in(&text, 1, USER_NAME_MAX, alphabet)
        .map_err(|error| UsageError(format!("\"{}\" is no name: {}", text.escape_debug(), error.clause())))
}

fn said(action: &UserAction) -> String {
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
        "a password is never an argument, since everybody on this machine can read those and the shell keeps them; \
         leave it out, it is asked for"
            .to_owned(),
    )
}
