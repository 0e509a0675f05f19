//! The file of known servers: a line `host:port sha256` for each, below a comment with the day it was added.
//!
//! *Owns* the file's place, its permissions and its lines.
//! *Knows nothing of* certificates beyond their fingerprints.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Fingerprint;

/// Longest file read, in bytes: some ten thousand servers.
const MAX_FILE: u64 = 1024 * 1024;

/// The start of the comment above a line.
const SINCE: &str = "# since ";

/// The file of known servers. It may be missing.
#[derive(Clone, Debug)]
pub(crate) struct KnownServers {
    path: PathBuf,
}

/// A server in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownServer {
    pub(crate) fingerprint: Fingerprint,
    /// The day it was added; for a line added by hand, the day of the last change of the file.
    pub(crate) since: Date,
}

impl KnownServers {
    /// `chatsock/known_servers` in `$XDG_STATE_HOME`, or in `~/.local/state` (XDG Base Directory Specification). `None` without a
    /// home directory.
    pub(crate) fn find() -> Option<KnownServers> {
        Self::place(env::var_os("XDG_STATE_HOME"), env::var_os("HOME"))
    }

    fn place(state: Option<OsString>, home: Option<OsString>) -> Option<KnownServers> {
        // The specification says to ignore relative paths.
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let state = state.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".local").join("state")))?;
        Some(KnownServers { path: state.join("chatsock").join("known_servers") })
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks up a server, `host:port`. If it has several lines, the last one counts.
    ///
    /// # Errors
    ///
    /// The file, or its line for this server, cannot be read. The server must then not be taken for an unknown one.
    pub(crate) fn look_up(&self, server: &str) -> io::Result<Option<KnownServer>> {
        let mut text = String::new();
        let changed = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(file) => {
                let changed = file.metadata().and_then(|metadata| metadata.modified());
                file.take(MAX_FILE).read_to_string(&mut text)?;
                changed.ok().and_then(|changed| Timestamp::try_from(changed).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        };
        find(&text, server, changed.to_zoned(TimeZone::system()).date()).map_err(io::Error::other)
    }

    /// Adds a server.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn add(&self, server: &str, fingerprint: Fingerprint, today: Date) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&self.path)?;
        // The file may have been made by hand.
        file.set_permissions(Permissions::from_mode(0o600))?;
        let is_ended = fs::read(&self.path)?.last().is_none_or(|last| *last == b'\n');
        let line_end = if is_ended { "" } else { "\n" };
        // In one write, so that two programs do not mix up their lines.
        file.write_all(format!("{line_end}{SINCE}{today}\n{server} {fingerprint}\n").as_bytes())?;
        file.sync_all()
    }
}

fn find(text: &str, server: &str, changed: Date) -> Result<Option<KnownServer>, String> {
    let mut found = None;
    let mut above = "";
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        if words.next().is_some_and(|name| name.eq_ignore_ascii_case(server)) {
            let fingerprint = words.next().and_then(Fingerprint::parse);
            let fingerprint =
                fingerprint.ok_or_else(|| format!("line {} has no SHA-256 fingerprint for {server}", number + 1))?;
            let since = above.strip_prefix(SINCE).and_then(|day| day.trim().parse().ok()).unwrap_or(changed);
            found = Some(KnownServer { fingerprint, since });
        }
        above = line;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = jiff::civil::date(2026, 11, 29);

    fn print(byte: &str) -> Fingerprint {
        Fingerprint::parse(&byte.repeat(32)).expect("a fingerprint")
    }

    fn scratch(name: &str) -> PathBuf {
        let directory = env::temp_dir().join(format!("chatsock-known-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    #[test]
    fn an_added_server_is_known_and_only_the_owner_can_read_the_file() {
        let directory = scratch("added");
        let known = KnownServers::place(Some(directory.clone().into()), None).expect("a place");
        assert_eq!(known.look_up("box:5556").expect("no file is no error"), None);
        known.add("box:5556", print("ab"), DAY).expect("written");
        known.add("[::1]:5556", print("cd"), DAY).expect("written");
        let found = known.look_up("box:5556").expect("read");
        assert_eq!(found, Some(KnownServer { fingerprint: print("ab"), since: DAY }));
        assert_eq!(known.look_up("BOX:5556").expect("read"), found, "host names have no case (RFC 4343)");
        assert_eq!(known.look_up("[::1]:5556").expect("read").map(|known| known.fingerprint), Some(print("cd")));
        assert_eq!(known.look_up("box:5557").expect("read"), None);
        let text = fs::read_to_string(known.path()).expect("read");
        assert!(text.lines().any(|line| line == format!("box:5556 {}", print("ab"))), "{text}");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(known.path()), mode(&directory.join("chatsock"))), (0o600, 0o700));
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_line_written_by_hand_counts_and_is_left_intact() {
        let directory = scratch("hand");
        let known = KnownServers::place(Some(directory.clone().into()), None).expect("a place");
        fs::create_dir_all(directory.join("chatsock")).expect("made");
        fs::write(known.path(), format!("# mine\nbox:5556 {}", "ab".repeat(32))).expect("written");
        assert_eq!(known.look_up("box:5556").expect("read").map(|known| known.fingerprint), Some(print("ab")));
        known.add("other:5556", print("cd"), DAY).expect("written");
        assert_eq!(known.look_up("box:5556").expect("read").map(|known| known.fingerprint), Some(print("ab")));
        assert_eq!(known.look_up("other:5556").expect("read").map(|known| known.since), Some(DAY));
        let mode = fs::metadata(known.path()).expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_damaged_line_does_not_make_its_server_unknown() {
        let damaged = find("box:5556 AB:CD\n", "box:5556", DAY);
        assert_eq!(damaged, Err("line 1 has no SHA-256 fingerprint for box:5556".to_owned()));
        assert_eq!(find("box:5556 AB:CD\n", "other:5556", DAY), Ok(None));
    }

    #[test]
    fn the_last_line_counts_and_a_day_belongs_to_the_line_below_it_only() {
        let text = format!("# since 2026-01-01\nbox:1 {}\nbox:1 {}\n", print("ab"), print("cd"));
        assert_eq!(find(&text, "box:1", DAY), Ok(Some(KnownServer { fingerprint: print("cd"), since: DAY })));
    }

    #[test]
    fn the_place_follows_the_specification() {
        let place = |state: Option<&str>, home: Option<&str>| {
            KnownServers::place(state.map(Into::into), home.map(Into::into)).map(|known| known.path)
        };
        assert_eq!(place(Some("/s"), Some("/h")), Some("/s/chatsock/known_servers".into()));
        for state in [None, Some(""), Some("relative")] {
            assert_eq!(place(state, Some("/h")), Some("/h/.local/state/chatsock/known_servers".into()));
        }
        assert_eq!(place(None, None), None);
    }
}
