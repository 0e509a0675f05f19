//! The command line: flags, help text, and the commands that run without a server.
//!
//! *Owns* the flags and the errors about them. *Knows nothing of* the server. Parsing opens nothing and prints nothing.

#[cfg(feature = "storage")]
pub mod backup;
#[cfg(all(feature = "cluster", feature = "storage"))]
pub mod cluster_import;
#[cfg(feature = "client")]
pub mod connect;
#[cfg(feature = "discovery")]
pub mod find;
pub mod proxy;
pub mod trust;
#[cfg(feature = "storage")]
pub mod user_admin;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::chat::names::nearest;
use crate::config::{clash, parse_address};

mod backup_arguments;
mod cluster_arguments;
mod connect_arguments;
mod find_arguments;
mod help;
mod options;
mod proxy_arguments;
mod user_arguments;

pub use backup_arguments::BackupOptions;
pub use cluster_arguments::ClusterImportOptions;
pub use connect_arguments::{ConnectLook, ConnectOptions};
pub use find_arguments::FindOptions;
pub use help::HELP;
pub use proxy_arguments::{Protection, ProxyOptions, ServerAddress};
pub use user_arguments::{Existing, UserAction, UserOptions};

use options::{LONG_OPTIONS, config_file, in_words, nearest_option, no_servers_option, unknown_letter, value};

/// The output of `chatsock --version`, without the newline; also the first line printed at start.
pub const VERSION: &str = concat!("chatsock ", env!("CARGO_PKG_VERSION"));

/// The command words, and words that people try although they are options here.
const WORDS: &[&str] = &[
    "serve",
    "user",
    backup_arguments::WORD,
    cluster_arguments::WORD,
    proxy_arguments::WORD,
    find_arguments::WORD,
    connect_arguments::WORD,
    "help",
    "version",
];

/// The command that the user has called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// Run the server.
    Serve(ServeOptions),
    /// Check the config.
    CheckConfig(ServeOptions),
    /// Print the service file with which avahi announces the server.
    AvahiService(ServeOptions),
    /// Find servers in the network.
    Find(FindOptions),
    /// Manage accounts.
    User(UserOptions),
    /// Copy the database.
    Backup(BackupOptions),
    /// Fill the Redis of a cluster from a database.
    ClusterImport(ClusterImportOptions),
    /// Connect telnet on this machine to a server elsewhere.
    Proxy(ProxyOptions),
    /// Chat, as a client.
    Connect(ConnectOptions),
    /// Print [`HELP`].
    Help,
    /// Print [`VERSION`].
    Version,
}

/// How to run the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// The file named with `--config`.
    pub config: Option<PathBuf>,
    /// The addresses given with `--listen`. If there are any, they replace the config's plain listeners.
    pub listen: Vec<SocketAddr>,
    /// How much to log.
    pub verbosity: Verbosity,
}

/// How much to log if `RUST_LOG` is not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// `-q`: errors.
    Quiet,
    /// No flag: connections and problems.
    #[default]
    Normal,
    /// `-v`: also the reasons of decisions.
    Verbose,
    /// `-vv`: everything.
    Trace,
}

impl Verbosity {
    /// The level in the syntax of the logger's filter.
    #[must_use]
    pub fn filter(self) -> &'static str {
        match self {
            Self::Quiet => "error",
            Self::Normal => "info",
            Self::Verbose => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A mistake in the command line: one plain sentence with the remedy, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Parses the arguments after the program's name.
///
/// # Errors
///
/// The first mistake.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Invocation, UsageError> {
    // Collected, because the parser needs a `'static` iterator.
    let mut parser = Parser::from_args(args.collect::<Vec<_>>());
    let mut options = ServeOptions::default();
    let mut check = false;
    let mut avahi = false;
    let mut served = false;
    let mut quiet = false;
    let mut verbose = 0_usize;
    while let Some(arg) = parser.next().map_err(|error| in_words(&error))? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Invocation::Version),
            Arg::Short('v') => verbose += 1,
            Arg::Short('q') => quiet = true,
            Arg::Long("check-config") => check = true,
            Arg::Long("avahi-service") => avahi = true,
            Arg::Long("config") => config_file(&mut parser, &mut options.config)?,
            Arg::Long("listen") => {
                let text = value(&mut parser, "--listen needs an address, as in --listen 0.0.0.0:5555")?;
                let address = listen_address(&text)?;
                if let Some(other) = options.listen.iter().find(|other| clash(**other, address)) {
                    return Err(UsageError(format!(
                        "--listen {address} and --listen {other} clash; keep one of the two"
                    )));
                }
                options.listen.push(address);
            }
            Arg::Value(word) if word == "serve" && !served => served = true,
            Arg::Value(word) if word == proxy_arguments::WORD && !served => {
                if options.config.is_some() {
                    return Err(no_servers_option("--config", proxy_arguments::WORD));
                }
                if check {
                    return Err(no_servers_option("--check-config", proxy_arguments::WORD));
                }
                if !options.listen.is_empty() || quiet || verbose > 0 {
                    return Err(UsageError("write the options of chatsock proxy after the word proxy".to_owned()));
                }
                return proxy_arguments::parse(&mut parser);
            }
            Arg::Value(word) if (word == find_arguments::WORD || word == connect_arguments::WORD) && !served => {
                let finds = word == find_arguments::WORD;
                let named = if finds { find_arguments::WORD } else { connect_arguments::WORD };
                let before = [
                    ("--config", options.config.is_some()),
                    ("--listen", !options.listen.is_empty()),
                    ("--check-config", check),
                    ("--avahi-service", avahi),
                    ("-q", quiet),
                    ("-v", verbose > 0),
                ];
                return match before.into_iter().find(|(_, given)| *given) {
                    Some((option, _)) => Err(no_servers_option(option, named)),
                    None if finds => find_arguments::parse(&mut parser),
                    None => connect_arguments::parse(&mut parser),
                };
            }
            Arg::Value(word)
                if (word == "user" || word == backup_arguments::WORD || word == cluster_arguments::WORD) && !served =>
            {
                let (is_user, is_cluster) = (word == "user", word == cluster_arguments::WORD);
                let named = match (is_user, is_cluster) {
                    (true, _) => "user",
                    (false, true) => cluster_arguments::WORD,
                    (false, false) => backup_arguments::WORD,
                };
                let before = [
                    ("--listen", !options.listen.is_empty()),
                    ("--check-config", check),
                    ("-q", quiet),
                    ("-v", verbose > 0),
                ];
                if let Some((option, _)) = before.into_iter().find(|(_, given)| *given) {
                    return Err(no_servers_option(option, named));
                }
                return if is_user {
                    user_arguments::parse(&mut parser, options.config)
                } else if is_cluster {
                    cluster_arguments::parse(&mut parser, options.config)
                } else {
                    backup_arguments::parse(&mut parser, options.config)
                };
            }
            other => return Err(unexpected(&other)),
        }
    }
    options.verbosity = match (quiet, verbose) {
        (true, 0) => Verbosity::Quiet,
        (true, _) => return Err(UsageError("-q and -v contradict each other; keep one of the two".to_owned())),
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::Trace,
    };
    match (check, avahi) {
        (true, true) => {
            Err(UsageError("--check-config and --avahi-service contradict each other; keep one of the two".to_owned()))
        }
        (true, false) => Ok(Invocation::CheckConfig(options)),
        (false, true) => Ok(Invocation::AvahiService(options)),
        (false, false) => Ok(Invocation::Serve(options)),
    }
}

fn listen_address(text: &OsStr) -> Result<SocketAddr, UsageError> {
    let shown = || text.to_string_lossy().escape_debug().to_string();
    // The replacement characters for invalid UTF-8 make the address invalid.
    parse_address(&text.to_string_lossy()).map_err(|error| UsageError(format!("--listen {}: {error}", shown())))
}

fn unexpected(arg: &Arg<'_>) -> UsageError {
    let (what, hint) = match arg {
        Arg::Short(letter) => return unknown_letter(*letter, LONG_OPTIONS),
        Arg::Long(name) => return nearest_option(name, LONG_OPTIONS),
        Arg::Value(word) if word.is_empty() => ("one of the arguments is empty".to_owned(), None),
        Arg::Value(word) if word == "serve" => {
            return UsageError("serve is given twice; keep one of the two".to_owned());
        }
        Arg::Value(word)
            if word == "user"
                || word == backup_arguments::WORD
                || word == cluster_arguments::WORD
                || word == proxy_arguments::WORD
                || word == find_arguments::WORD
                || word == connect_arguments::WORD =>
        {
            let word = word.to_string_lossy();
            return UsageError(format!("serve and {word} are two commands; use one of them"));
        }
        Arg::Value(word) => {
            let word = word.to_string_lossy();
            let hint = nearest(&word, WORDS.iter().copied()).map(|near| match near {
                "serve"
                | "user"
                | backup_arguments::WORD
                | cluster_arguments::WORD
                | proxy_arguments::WORD
                | find_arguments::WORD
                | connect_arguments::WORD => near.to_owned(),
                option => format!("--{option}"),
            });
            (format!("unknown command {}", word.escape_debug()), hint)
        }
    };
    UsageError(match hint {
        Some(hint) => format!("{what}; did you mean {hint}?"),
        None => format!("{what}; see chatsock --help"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Result<Invocation, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn serve(line: &str) -> ServeOptions {
        match call(line) {
            Ok(Invocation::Serve(options)) => options,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        call(line).unwrap_err().to_string()
    }

    #[test]
    fn no_arguments_run_the_server_with_defaults() {
        assert_eq!(serve(""), ServeOptions::default());
        assert_eq!(serve("serve"), ServeOptions::default());
    }

    #[test]
    fn every_option_is_taken_in_any_order() {
        let expected = ServeOptions {
            config: Some("a.toml".into()),
            listen: vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
            verbosity: Verbosity::Verbose,
        };
        assert_eq!(serve("serve --config a.toml --listen 127.0.0.1:0 --listen [::1]:0 -v"), expected);
        assert_eq!(serve("-v --listen=127.0.0.1:0 --config=a.toml serve --listen=[::1]:0"), expected);
        assert_eq!(
            call("--config a.toml --listen 127.0.0.1:0 --listen [::1]:0 -v --check-config"),
            Ok(Invocation::CheckConfig(expected))
        );
    }

    #[test]
    fn each_v_logs_more_and_q_logs_less() {
        assert_eq!(serve("-q").verbosity.filter(), "error");
        assert_eq!(serve("").verbosity.filter(), "info");
        assert_eq!(serve("-v").verbosity.filter(), "debug");
        assert_eq!(serve("-vv").verbosity.filter(), "trace");
        assert_eq!(serve("-v -v").verbosity.filter(), "trace");
        assert_eq!(serve("-vvv").verbosity.filter(), "trace");
    }

    #[test]
    fn q_together_with_v_is_refused() {
        assert_eq!(refusal("-q -v"), "-q and -v contradict each other; keep one of the two");
        assert_eq!(refusal("-vq"), refusal("-q -v"));
    }

    #[test]
    fn user_takes_an_action_with_the_config_anywhere() {
        let name = || crate::chat::names::UserName::parse("alice", 1, 32).unwrap();
        for (words, action) in [
            ("add alice", UserAction::Add(name())),
            ("passwd alice", UserAction::ChangePassword(name())),
            ("remove alice", UserAction::Remove(name())),
            ("list", UserAction::List),
            ("import users.txt", UserAction::Import("users.txt".into(), Existing::Refused)),
            ("import users.txt --skip-existing", UserAction::Import("users.txt".into(), Existing::Skipped)),
            ("import --skip-existing users.txt", UserAction::Import("users.txt".into(), Existing::Skipped)),
        ] {
            let user = |config| Ok(Invocation::User(UserOptions { config, action: action.clone() }));
            assert_eq!(call(&format!("user {words}")), user(None));
            for line in [format!("user {words} --config a.toml"), format!("--config=a.toml user {words}")] {
                assert_eq!(call(&line), user(Some("a.toml".into())), "{line}");
            }
        }
        assert_eq!(call("user add --help"), Ok(Invocation::Help));
        assert_eq!(call("user --version"), Ok(Invocation::Version));
    }

    #[test]
    fn a_password_among_the_arguments_is_refused_with_the_reason_and_not_repeated() {
        for line in [
            "user add alice hunter2",
            "user passwd alice hunter2 hunter2",
            "user add alice --password=hunter2",
            "user add --password hunter2 alice",
            "user add alice -phunter2",
        ] {
            let said = refusal(line);
            assert!(said.starts_with("a password is never an argument: other users"), "{line}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_wrong_call_of_user_is_answered_with_what_was_meant() {
        for (line, said) in [
            (
                "user",
                "chatsock user needs a command: add, passwd, remove, list or import; as in chatsock user add alice",
            ),
            ("user ad alice", "unknown command user ad; did you mean user add?"),
            (
                "user frobnicate",
                "unknown command user frobnicate; the commands are add, passwd, remove, list and import",
            ),
            ("user add", "chatsock user add needs a name, as in chatsock user add alice"),
            ("user add 1st", "\"1st\" is not a valid name: a name begins with a letter from A to Z"),
            ("user add server", "\"server\" is not a valid name: the name server is reserved"),
            ("user list alice", "chatsock user list takes no name; it lists all accounts"),
            ("user import", "chatsock user import needs a file, as in chatsock user import users.txt"),
            (
                "user remove alice --skip-existing",
                "--skip-existing is for chatsock user import; leave it out of chatsock user remove alice",
            ),
            ("user remove alice bob", "chatsock user remove alice takes no further arguments; leave out the rest"),
            ("user list -v", "-v is not an option of chatsock user; leave it out"),
            ("-q user list", "-q is not an option of chatsock user; leave it out"),
            ("user list --listen 0.0.0.0:1", "--listen is not an option of chatsock user; leave it out"),
            ("user list --config", "--config needs a file, as in --config chatsock.toml"),
            ("--config a user list --config b", "--config is given twice; keep one of the two"),
            ("serve user list", "serve and user are two commands; use one of them"),
            ("usr list", "unknown command usr; did you mean user?"),
        ] {
            assert_eq!(refusal(line), said, "{line}");
        }
    }

    #[test]
    fn backup_takes_its_file_with_the_config_anywhere() {
        let copy = |config| Ok(Invocation::Backup(BackupOptions { config, file: "copy.db".into() }));
        assert_eq!(call("backup copy.db"), copy(None));
        for line in
            ["backup copy.db --config a.toml", "backup --config=a.toml copy.db", "--config a.toml backup copy.db"]
        {
            assert_eq!(call(line), copy(Some("a.toml".into())), "{line}");
        }
        assert_eq!(call("backup copy.db --help"), Ok(Invocation::Help));
        assert_eq!(call("backup -V"), Ok(Invocation::Version));
    }

    #[test]
    fn a_wrong_call_of_backup_is_answered_with_what_was_meant() {
        for (line, said) in [
            ("backup", "chatsock backup needs the name of a new file, as in chatsock backup copy.db"),
            ("backup a b", "chatsock backup takes one file; leave out the rest"),
            ("backup a -v", "-v is not an option of chatsock backup; leave it out"),
            ("--listen 0.0.0.0:1 backup a", "--listen is not an option of chatsock backup; leave it out"),
            ("backup a --check-config", "--check-config is not an option of chatsock backup; leave it out"),
            ("backup a --config", "--config needs a file, as in --config chatsock.toml"),
            ("--config a backup b --config c", "--config is given twice; keep one of the two"),
            ("backup a --confg b", "unknown option --confg; did you mean --config?"),
            ("serve backup a", "serve and backup are two commands; use one of them"),
            ("bakcup a", "unknown command bakcup; did you mean backup?"),
        ] {
            assert_eq!(refusal(line), said, "{line}");
        }
        assert!(parse([OsString::from("backup"), OsString::new()].into_iter()).is_err());
    }

    #[test]
    fn help_and_version_win_over_what_follows() {
        for line in ["--help", "-h", "serve --help --nonsense"] {
            assert_eq!(call(line), Ok(Invocation::Help), "{line}");
        }
        for line in ["--version", "-V", "-v --version"] {
            assert_eq!(call(line), Ok(Invocation::Version), "{line}");
        }
    }

    #[test]
    fn a_near_miss_is_answered_with_what_was_meant() {
        for (line, hint) in [
            ("--lisen 1", "unknown option --lisen; did you mean --listen?"),
            ("--check-confg", "unknown option --check-confg; did you mean --check-config?"),
            ("-c a.toml", "unknown option -c; did you mean --config?"),
            ("sevre", "unknown command sevre; did you mean serve?"),
            ("help", "unknown command help; did you mean --help?"),
            ("--zzz", "unknown option --zzz; see chatsock --help"),
            ("a.toml", "unknown command a.toml; see chatsock --help"),
        ] {
            assert_eq!(refusal(line), hint);
        }
    }

    #[test]
    fn a_missing_value_is_named_with_an_example() {
        let empty = parse([OsString::new()].into_iter()).map_err(|error| error.to_string());
        assert_eq!(empty, Err("one of the arguments is empty; see chatsock --help".to_owned()));
        for line in ["--config", "--config --check-config", "--config="] {
            assert_eq!(refusal(line), "--config needs a file, as in --config chatsock.toml", "{line}");
        }
        for line in ["--listen", "--listen -v", "--listen="] {
            assert_eq!(refusal(line), "--listen needs an address, as in --listen 0.0.0.0:5555", "{line}");
        }
    }

    #[test]
    fn options_given_twice_are_refused() {
        assert_eq!(refusal("--config a --config b"), "--config is given twice; keep one of the two");
        assert_eq!(refusal("serve serve"), "serve is given twice; keep one of the two");
        assert!(refusal("--listen 0.0.0.0:5555 --listen 127.0.0.1:5555").contains("clash; keep one"));
        assert_eq!(serve("--listen 127.0.0.1:0 --listen 127.0.0.1:0").listen.len(), 2);
    }

    #[test]
    fn a_wrong_address_is_refused_with_the_remedy() {
        assert!(refusal("--listen 5555").contains("write 0.0.0.0:5555"));
        assert!(refusal("--listen ::1").contains("write [::1]:5555"));
    }

    #[test]
    fn a_value_where_none_belongs_is_refused() {
        assert_eq!(refusal("--check-config=yes"), "--check-config takes no value; write --check-config alone");
    }

    #[test]
    fn a_refusal_never_carries_control_characters() {
        let arg = OsString::from("--\u{1b}[2J");
        let said = parse(std::iter::once(arg)).unwrap_err().to_string();
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }

    #[cfg(unix)]
    #[test]
    fn arguments_that_are_not_utf8_are_refused_or_taken_as_a_file() {
        use std::os::unix::ffi::OsStringExt;
        let odd = || OsString::from_vec(vec![b'a', 0xFF]);
        assert!(parse([OsString::from("--listen"), odd()].into_iter()).is_err());
        assert!(parse([odd()].into_iter()).is_err());
        let options = parse([OsString::from("--config"), odd()].into_iter());
        assert_eq!(
            options,
            Ok(Invocation::Serve(ServeOptions { config: Some(odd().into()), ..ServeOptions::default() }))
        );
    }

    #[test]
    fn the_help_names_every_option_and_fits_eighty_columns() {
        for option in LONG_OPTIONS {
            assert!(HELP.contains(&format!("--{option}")), "{option}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }
}
