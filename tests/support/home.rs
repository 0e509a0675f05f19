//! What outlasts a server: a directory with its database, and users with accounts in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use chatsock::access::password;
use chatsock::chat::names::UserName;
use chatsock::config::Config;
use chatsock::server::{Capacity, StartError};
use chatsock::store::{OpenError, Store};

use crate::support::{Client, PATIENCE, Server, scratch};

/// The password of most accounts.
pub const PASSWORD: &str = "correct horse";

/// The prompt before every password, on a screen that shows what is typed.
pub const ASKED: &str = "Password: ";

/// Whether messages are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// `history = true`
    Kept,
    /// `history = false`
    Forgotten,
}

/// Both.
pub const BOTH: [History; 2] = [History::Kept, History::Forgotten];

/// A directory that is removed when the test ends, for one database and the servers that use it one after the other.
pub struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        // Ignored, because a failing test has more important things to report.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Home {
    pub fn new() -> Home {
        Home(scratch())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("chatsock.db")
    }

    /// A configuration with this database. `more` begins with top-level keys and may continue with sections.
    pub fn config(&self, history: History, more: &str) -> String {
        let (path, history) = (self.database(), history == History::Kept);
        format!("{more}\n[storage]\npath = \"{}\"\nhistory = {history}\n", path.display())
    }

    /// A server with that configuration.
    pub fn start(&self, history: History, more: &str) -> Server {
        let config = self.config(history, more);
        once_free(|| {
            Server::try_with(&config).map_err(|error| match error {
                StartError::Store(error) => error,
                error => panic!("the server does not start: {error}"),
            })
        })
    }

    /// The same, with another way to bind ports and to open the database.
    pub fn start_by(
        &self,
        config: &str,
        bind: impl Fn(Config, Capacity) -> Result<chatsock::server::Server, OpenError>,
    ) -> Server {
        once_free(|| {
            Server::try_bound(config, |config, capacity| bind(config, capacity).map_err(StartError::Store)).map_err(
                |error| match error {
                    StartError::Store(error) => error,
                    error => panic!("the server does not start: {error}"),
                },
            )
        })
    }

    /// Loads another configuration with this database, as SIGHUP does.
    pub fn reconfigure(&self, server: &Server, history: History, more: &str) {
        let text = self.config(history, more);
        server.reconfigure(&format!("shutdown_delay = 0\n{text}\n[limits]\nmessages_per_second = 0\n"));
    }

    /// Creates accounts as `chatsock user add` does, whether or not a server runs.
    pub fn accounts(&self, names: &[&str]) {
        let mut accounts = once_free(|| Store::open_accounts(&self.database()));
        for name in names {
            let name = UserName::parse(name, 1, 32).expect("a name");
            let hash = password::hash(PASSWORD).expect("a hash");
            accounts.create(&name, &hash).expect("an account");
        }
    }

    /// Removes an account as `chatsock user remove` does.
    pub fn remove_account(&self, name: &str) {
        let mut accounts = once_free(|| Store::open_accounts(&self.database()));
        let name = UserName::parse(name, 1, 32).expect("a name");
        assert!(accounts.remove(&name).expect("removed"), "there is no account {name}");
    }

    /// Changes an account's password as `chatsock user passwd` does.
    pub fn change_password(&self, name: &str, password: &str) {
        let mut accounts = once_free(|| Store::open_accounts(&self.database()));
        let name = UserName::parse(name, 1, 32).expect("a name");
        let hash = password::hash(password).expect("a hash");
        assert!(accounts.set_hash(&name, &hash).expect("changed"), "there is no account {name}");
    }

    /// The files that contain a text. Another process reads them, because closing a database file would drop SQLite's
    /// locks here.
    pub fn files_with(&self, text: &str) -> Vec<String> {
        let found = Command::new("grep").args(["-rlaF", "--", text]).arg(&self.0).output().expect("grep");
        let names = String::from_utf8(found.stdout).expect("paths");
        names.lines().map(str::to_owned).collect()
    }
}

/// Opens the database as soon as nothing else has it open. Closing connections' threads hold it a moment longer than
/// their server runs, and so does a child process of this one, between its fork and exec.
fn once_free<T>(open: impl Fn() -> Result<T, OpenError>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(OpenError::InUse(_) | OpenError::OlderInUse(_)) if Instant::now() < deadline => {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until everything so far is on disk.
pub fn written(server: &Server) {
    server.hub().store().expect("a store").flush().expect("written");
}

/// A client at the first prompt.
pub fn knock(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.expect("Username: ");
    client
}

/// Answers a password prompt.
pub fn give(client: &mut Client, password: &str) {
    client.expect(ASKED);
    client.send(password);
}

/// A client that has entered a name and a password and waits for the answer.
pub fn try_login(address: SocketAddr, name: &str, password: &str) -> Client {
    let mut client = knock(address);
    client.send(name);
    give(&mut client, password);
    client
}

/// Waits for the question about taking over.
pub fn asked_to_take_over(client: &mut Client) {
    client.expect("* alice is logged in from 127.0.0.1, idle ");
    let told = client.expect(". Enter takes over, :q cancels.\r\n");
    assert!(told.starts_with(|first: char| first.is_ascii_digit()), "{told:?}");
}

/// A user who is logged in to an account, in the palette. What follows the greeting, such as offline messages, has not
/// been read yet.
pub fn come_in(server: &Server, name: &str) -> Client {
    let mut client = try_login(server.address(), name, PASSWORD);
    client.expect(&format!("* Hello {name}. "));
    client.expect(":help explains.\r\n");
    client
}

/// The same, with what followed the greeting.
pub fn arrive(server: &Server, name: &str) -> (Client, String) {
    let mut client = come_in(server, name);
    let told = client.settle();
    (client, told)
}

/// A user who is logged in to an account, in the chat view of a room.
pub fn chat(server: &Server, name: &str, room: &str) -> Client {
    let mut client = come_in(server, name);
    view(&mut client, room);
    client
}

/// From the palette into the chat view of a room.
pub fn view(client: &mut Client, room: &str) {
    view_with(client, room, "");
}

/// The same, with the room's password.
pub fn view_with(client: &mut Client, room: &str, password: &str) {
    client.send(format!(":join {room} {password}").trim_end());
    client.expect("to leave.\r\n");
    client.send(":chat");
    client.expect(":q goes back.\r\n");
    client.expect(&format!("{room} | "));
}

/// Leaves and waits for the connection to end.
pub fn quit(mut client: Client) {
    client.send("/quit");
    client.expect("* Goodbye.\r\n");
    client.expect_end();
}

/// Registers the current name.
pub fn register(client: &mut Client, password: &str) {
    client.send("/register");
    give(client, password);
    client.expect("* Once more, to be sure.\r\n");
    give(client, password);
    client.expect(" is now registered to you.");
    client.expect("\r\n");
}

/// Answers a command that asks for one password.
pub fn prove(client: &mut Client, command: &str, password: &str) {
    client.send(command);
    give(client, password);
}
