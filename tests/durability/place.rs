//! A directory to start the built server in (empty at first, with the configuration elsewhere), and what its files
//! contain.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::machine::{Logged, argument, file};
use crate::support::{Client, Program, scratch};

/// A directory to start a server in. Removed when the test has passed.
pub struct Place {
    directory: PathBuf,
    config: PathBuf,
}

impl Place {
    /// `keys` come before the first section. `storage` is the content of the section `[storage]`, if there should be one.
    pub fn new(keys: &str, storage: Option<&str>) -> Place {
        Place::at(scratch(), keys, storage)
    }

    /// The same, in an existing directory.
    pub fn at(directory: PathBuf, keys: &str, storage: Option<&str>) -> Place {
        let section = storage.map(|lines| format!("[storage]\n{lines}\n")).unwrap_or_default();
        let limits = "[limits]\nmessage_burst = 0\nmessages_per_second = 0\n";
        let text = format!("listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n{keys}\n{limits}{section}");
        Place { directory, config: file("chatsock.toml", &text) }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn database(&self) -> PathBuf {
        self.directory.join("chatsock.db")
    }

    /// The program's arguments.
    fn arguments(&self) -> [&str; 2] {
        ["--config", argument(&self.config)]
    }

    pub fn start(&self) -> Logged {
        self.start_as(Program::command(&self.arguments()))
    }

    pub fn start_as(&self, mut command: Command) -> Logged {
        // Only warnings and errors, rather than a line for every connection.
        command.current_dir(&self.directory).env("RUST_LOG", "warn");
        Logged::start(command)
    }

    /// A shell that runs `script` and then becomes the server by `exec "$@"`.
    pub fn start_after(&self, script: &str) -> Logged {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{script}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_chatsock")]);
        shell.args(self.arguments());
        self.start_as(shell)
    }

    /// Starts a server that must refuse to start. Returns its log and exit status.
    pub fn refusal(&self) -> (String, Option<i32>) {
        let mut program = self.start();
        assert_eq!(program.line(), "", "it has come up");
        let status = program.wait();
        (program.log(), status)
    }

    /// The exit status of `chatsock user` with this configuration.
    pub fn user(&self, arguments: &[&str]) -> Option<i32> {
        let mut command = self.run("user");
        command.args(arguments).output().expect("it runs").status.code()
    }

    /// One of the program's other commands with this configuration; the caller adds its arguments.
    pub fn run(&self, word: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatsock"));
        command.args(self.arguments()).arg(word).current_dir(&self.directory);
        command
    }

    /// The files in the directory by name, with their modes.
    pub fn files(&self) -> Vec<(String, u32)> {
        let entries = fs::read_dir(&self.directory).expect("a directory").map(|entry| entry.expect("an entry"));
        let described = entries.map(|entry| {
            let mode = entry.metadata().expect("its mode").permissions().mode() & 0o7777;
            (entry.file_name().to_string_lossy().into_owned(), mode)
        });
        let mut files: Vec<_> = described.collect();
        files.sort();
        files
    }

    /// The files that contain a text, ignoring case. Another process reads them: this one may have the database open, and
    /// closing any file of it drops all locks that the process holds on it.
    pub fn files_with(&self, text: &str) -> Vec<String> {
        let found = Command::new("grep").args(["-rliaF", "--", text]).arg(&self.directory).output().expect("grep");
        assert!(found.status.code().is_some_and(|code| code < 2), "grep: {}", String::from_utf8_lossy(&found.stderr));
        String::from_utf8(found.stdout).expect("paths").lines().map(str::to_owned).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Leftovers in the build directory do no harm.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Stops a server as its admin does.
pub fn stop(program: &mut Logged) {
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0), "{}", program.log());
}

/// Kills a server.
pub fn kill(program: &mut Logged) {
    program.signal("KILL");
    assert_eq!(program.wait(), None);
}

/// Registers the name of a client that is logged in.
pub fn register(client: &mut Client, password: &str) {
    client.send_bytes(format!(":register\r\n{password}\r\n{password}\r\n").as_bytes());
    client.expect(" is now registered to you.");
}

/// Sends a line from the palette to the current room; returns its id.
pub fn say(client: &mut Client, text: &str) -> u64 {
    client.send(&format!(":say {text}"));
    client.expect("Sent to ");
    client.expect(" as #");
    client.expect(".\r\n").parse().expect("a number")
}
