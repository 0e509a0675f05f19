//! `chatsock user`: manages accounts on the command line.
//!
//! It opens the database directly, even while a server is running; the server reads an account at each login. With
//! `[cluster]` it uses Redis, and all servers see each change at once.
//!
//! *Owns* the actions, their output and their errors. *Knows nothing of* the server and database tables.
//!
//! | file | owns |
//! | --- | --- |
//! | `mod` | the actions |
//! | `accounts` | the accounts of a database or of a cluster |
//! | `password_prompt` | asking for a password, on the terminal or from stdin |
//! | `import` | the file with names and passwords |

use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::access::password::{self, HashError};
use crate::chat::names::UserName;
use crate::chat::secret::Hashed;
use crate::cli::{Existing, UserAction};
#[cfg(feature = "cluster")]
use crate::cluster::SharedAccounts;
use crate::config::Config;
use crate::store::{AccountRecord, CreateAccountError, OpenError, ReadError, SaveError, Store, StoreError};
use crate::text;

mod accounts;
mod import;
mod password_prompt;

use accounts::Accounts;
pub use password_prompt::ask;

/// Why nothing was done. One sentence without a full stop; for an import, one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminError {
    text: String,
    users: bool,
}

impl AdminError {
    /// An error that the user can fix.
    fn users(text: impl Into<String>) -> Self {
        Self { text: text.into(), users: true }
    }

    /// An error that the user cannot fix.
    fn failed(text: impl fmt::Display) -> Self {
        // Sentences shown in the chat end with a full stop; those on stderr do not.
        Self { text: text.to_string().trim_end_matches('.').to_owned(), users: false }
    }

    /// Whether the user can fix it: exit status 2, otherwise 1.
    #[must_use]
    pub fn is_users(&self) -> bool {
        self.users
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for AdminError {}

impl From<OpenError> for AdminError {
    fn from(error: OpenError) -> Self {
        Self { text: error.to_string(), users: error.is_users() }
    }
}

impl From<SaveError> for AdminError {
    fn from(error: SaveError) -> Self {
        let reason = error.0;
        if reason == StoreError::Unreachable {
            Self::failed("nothing was changed: Redis does not answer")
        } else if reason.is_unknown() {
            Self::failed(format_args!("the change may or may not have been made: {reason}; look again later"))
        } else {
            Self::failed(format_args!("nothing was changed: {reason}"))
        }
    }
}

impl From<ReadError> for AdminError {
    fn from(error: ReadError) -> Self {
        if error.0 == StoreError::Unreachable {
            Self::failed("the accounts cannot be read: Redis does not answer")
        } else {
            Self::failed(format_args!("the database cannot be read: {}", error.0))
        }
    }
}

impl From<HashError> for AdminError {
    fn from(error: HashError) -> Self {
        Self::failed(format_args!("the password cannot be hashed: {error}"))
    }
}

/// Performs the action. Returns the output without the last newline. It may be empty.
///
/// `ask` asks for the new password of an account, and is called only if everything else is valid. `config_file` is the file
/// that `config` was read from, if there is one.
///
/// # Errors
///
/// Why nothing was done.
pub fn run(
    action: &UserAction,
    config: &Config,
    config_file: Option<&Path>,
    ask: impl FnOnce(&UserName) -> Result<String, AdminError>,
) -> Result<String, AdminError> {
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &config.cluster {
        let users = imported(action, config)?;
        let mut accounts = Accounts::Shared(SharedAccounts::open(cluster)?);
        return act(action, users, config, &mut accounts, "the accounts of all servers", "", ask);
    }
    let Some(storage) = &config.storage else {
        return Err(AdminError::users(match config_file {
            Some(file) => format!("{} has no section [storage], which accounts need; add it", file.display()),
            None => "no chatsock.toml here, whose section [storage] names the database; name the file with --config"
                .to_owned(),
        }));
    };
    // Read before the database is created.
    let users = imported(action, config)?;
    let makes = matches!(action, UserAction::Add(_) | UserAction::Import(..));
    if !makes && !storage.path.exists() {
        // Do not create a database: this is probably the wrong directory, and a new database would add to the
        // confusion.
        return if *action == UserAction::List { Ok(String::new()) } else { Err(no_database(&storage.path)) };
    }
    let is_new = !storage.path.exists();
    if let UserAction::Add(name) = action
        && is_new
        && has_directory(&storage.path)
    {
        // Ask first, so that no database is left behind if the password is refused.
        let password = ask(name)?;
        let mut accounts = Accounts::Own(Store::open_accounts(&storage.path)?);
        let place = storage.path.display().to_string();
        return add(&mut accounts, name, &password, &place, &new_database_notice(&storage.path));
    }
    let mut accounts = Accounts::Own(Store::open_accounts(&storage.path)?);
    let made = if is_new { new_database_notice(&storage.path) } else { String::new() };
    act(action, users, config, &mut accounts, &storage.path.display().to_string(), &made, ask)
}

/// Reads the accounts of an import. Also checks that a new account could log in.
fn imported(action: &UserAction, config: &Config) -> Result<Option<Vec<import::ImportedUser>>, AdminError> {
    match action {
        UserAction::Import(file, _) => import::read(file, config).map(Some),
        UserAction::Add(name) => fits(name, config).map(|()| None),
        UserAction::ChangePassword(_) | UserAction::Remove(_) | UserAction::List => Ok(None),
    }
}

/// Performs the action. `place` names the accounts; `made` is the notice about a new database, or empty.
fn act(
    action: &UserAction,
    users: Option<Vec<import::ImportedUser>>,
    config: &Config,
    accounts: &mut Accounts,
    place: &str,
    made: &str,
    ask: impl FnOnce(&UserName) -> Result<String, AdminError>,
) -> Result<String, AdminError> {
    match action {
        UserAction::Add(name) => {
            if accounts.find(name)?.is_some() {
                return Err(exists(name));
            }
            add(accounts, name, &ask(name)?, place, made)
        }
        UserAction::ChangePassword(name) => {
            if accounts.find(name)?.is_none() {
                return Err(missing(name));
            }
            let hash = hashed(&ask(name)?)?;
            // The account may have been removed while the password was typed.
            if accounts.set_hash(name, &hash)? {
                Ok(format!("Password of {name} changed."))
            } else {
                Err(missing(name))
            }
        }
        UserAction::Remove(name) => {
            if !accounts.remove(name)? {
                return Err(missing(name));
            }
            let mut said = format!("Account {name} removed.");
            if config.operators.contains(name) {
                said += &format!(
                    "\n{name} is still listed in operators: anyone who registers the name becomes an operator. Remove it."
                );
            }
            Ok(said)
        }
        UserAction::List => list(accounts),
        UserAction::Import(file, Existing::Refused) => {
            Ok(import_all(accounts, users.unwrap_or_default(), file)? + made)
        }
        UserAction::Import(_, Existing::Skipped) => Ok(import_missing(accounts, users.unwrap_or_default())? + made),
    }
}

/// `made` is the notice about a new database, or empty.
fn add(
    accounts: &mut Accounts,
    name: &UserName,
    password: &str,
    place: &str,
    made: &str,
) -> Result<String, AdminError> {
    accounts.create(name, &hashed(password)?).map_err(|error| match error {
        CreateAccountError::Exists => exists(name),
        CreateAccountError::NotSaved(error) => error.into(),
    })?;
    let alike = look_alikes(accounts, std::slice::from_ref(name))?;
    Ok(format!("Account {name} added to {place}.{made}{alike}"))
}

fn list(accounts: &Accounts) -> Result<String, AdminError> {
    let all = accounts.list()?;
    let widest = all.iter().map(|account| text::width(account.name.as_str())).max().unwrap_or_default();
    let line = |account: &AccountRecord| {
        let created = account.created.to_zoned(TimeZone::system()).date();
        format!("{}  {created}", text::pad(account.name.as_str(), widest))
    };
    Ok(all.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Creates all of the accounts or none.
fn import_all(accounts: &mut Accounts, users: Vec<import::ImportedUser>, file: &Path) -> Result<String, AdminError> {
    let mut mistakes = Vec::new();
    for user in &users {
        if accounts.find(&user.name)?.is_some() {
            mistakes.push(format!("{}:{}: {}", file.display(), user.line, exists(&user.name)));
        }
    }
    if !mistakes.is_empty() {
        return Err(AdminError::users(mistakes.join("\n")));
    }
    let names: Vec<_> = users.iter().map(|user| user.name.clone()).collect();
    let hashed = hash_all(users)?;
    // Hashing takes 30 ms per password, and somebody may have registered one of the names in that time.
    if let Some(name) = accounts.create_all(&hashed)? {
        return Err(exists(&name));
    }
    Ok(format!("{} imported.{}", counted(hashed.len()), look_alikes(accounts, &names)?))
}

/// Creates the accounts that do not exist yet.
fn import_missing(accounts: &mut Accounts, users: Vec<import::ImportedUser>) -> Result<String, AdminError> {
    let all = users.len();
    let mut missing = Vec::new();
    for user in users {
        // Looked up first, since hashing takes 30 ms per password.
        if accounts.find(&user.name)?.is_none() {
            missing.push(user);
        }
    }
    let names: Vec<_> = missing.iter().map(|user| user.name.clone()).collect();
    let made = accounts.create_missing(&hash_all(missing)?)?;
    let said = format!("{} imported", counted(made));
    let said = match all - made {
        0 => format!("{said}."),
        1 => format!("{said}; 1 existed already and is unchanged."),
        skipped => format!("{said}; {skipped} existed already and are unchanged."),
    };
    Ok(said + &look_alikes(accounts, &names)?)
}

/// A warning, on its own line, for each new account whose name looks like another account's. The account is created all
/// the same, since the admin knows both users.
fn look_alikes(accounts: &Accounts, made: &[UserName]) -> Result<String, AdminError> {
    let mut by_looks: HashMap<Box<str>, Vec<UserName>> = HashMap::new();
    for account in accounts.list()? {
        for key in account.name.looks().keys() {
            by_looks.entry(key.into()).or_default().push(account.name.clone());
        }
    }
    let mut warnings = String::new();
    for name in made {
        let looks = name.looks();
        let mut others: Vec<_> = looks.keys().filter_map(|key| by_looks.get(key)).flatten().collect();
        others.sort();
        others.dedup();
        others.retain(|other| *other != name);
        if !others.is_empty() {
            let others = others.iter().map(|other| other.as_str()).collect::<Vec<_>>().join(", ");
            warnings += &format!("\nWarning: {name} looks like {others}; people may take one for the other.");
        }
    }
    Ok(warnings)
}

fn hash_all(users: Vec<import::ImportedUser>) -> Result<Vec<(UserName, Hashed)>, AdminError> {
    users.into_iter().map(|user| Ok((user.name, hashed(&user.password)?))).collect()
}

fn counted(accounts: usize) -> String {
    format!("{accounts} {}", if accounts == 1 { "account" } else { "accounts" })
}

fn hashed(password: &str) -> Result<Hashed, AdminError> {
    Ok(password::hash(password)?)
}

/// Checks that a user of this name could log in with this configuration.
fn fits(name: &UserName, config: &Config) -> Result<(), AdminError> {
    match UserName::parse_in(name.as_str(), config.username_min, config.username_limit, config.names) {
        Ok(_) => Ok(()),
        Err(error) => {
            let which = if error.is_of_length() { "username_min and username_limit say" } else { "names says" };
            Err(AdminError::users(format!("{name} could not log in: {}, as {which}", error.clause())))
        }
    }
}

fn exists(name: &UserName) -> AdminError {
    AdminError::users(format!("account {name} already exists; chatsock user passwd {name} changes its password"))
}

/// The notice about a new database. It names the directory, since no server uses a database in the wrong one.
fn new_database_notice(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let elsewhere = if path.is_absolute() { "" } else { "; a server in another directory uses another file" };
    let owner = owner_of(path).map_or_else(String::new, |owner| {
        format!("\nIts owner is {owner}; a server that runs as another user cannot open it.")
    });
    format!("\nCreated the new database {}{elsewhere}.{owner}", whole.display())
}

/// The owner of a file, by name if `/etc/passwd` has one for the number (passwd(5)).
fn owner_of(path: &Path) -> Option<String> {
    let number = path.metadata().ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(&users, &number).map_or_else(|| format!("the user with ID {number}"), str::to_owned))
}

fn name_of<'a>(users: &'a str, number: &str) -> Option<&'a str> {
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(number))?;
    line.split(':').next().filter(|name| !name.is_empty())
}

/// Whether the directory of a path exists.
fn has_directory(path: &Path) -> bool {
    std::path::absolute(path).is_ok_and(|whole| whole.parent().is_some_and(Path::is_dir))
}

/// The error for a missing database. The wrong directory is more likely than a server that was never started.
fn no_database(path: &Path) -> AdminError {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    AdminError::users(format!(
        "{} does not exist, so there are no accounts; run this in the server's directory, or create the first account \
         with chatsock user add",
        path.display()
    ))
}

fn missing(name: &UserName) -> AdminError {
    AdminError::users(format!("account {name} does not exist; chatsock user list lists all accounts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_found_by_user_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nchat:x:107:0:10:/srv:/bin/false\n::9:9:::\n";
        assert_eq!(name_of(users, "0"), Some("root"));
        assert_eq!(name_of(users, "107"), Some("chat"));
        assert_eq!((name_of(users, "10"), name_of(users, "9")), (None, None));
    }
}
