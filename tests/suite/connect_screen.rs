//! `chatsock connect` on a pseudo-terminal, with a terminal emulator that shows its screen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use rustix::termios::tcsetwinsize;

use crate::support::{PATIENCE, Program, Server, scratch};

/// The program on a pseudo-terminal.
struct Pty {
    child: Child,
    keyboard: File,
    slave: OwnedFd,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// The terminal's modes before the program started.
    before: Termios,
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has cells")
}

impl Pty {
    /// Starts `chatsock connect`. `setsid` makes the terminal the controlling one, as a terminal program does.
    fn start(columns: u16, rows: u16, arguments: &[&str]) -> Pty {
        Pty::start_in(columns, rows, arguments, "xterm-256color")
    }

    fn start_in(columns: u16, rows: u16, arguments: &[&str], term: &str) -> Pty {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let before = tcgetattr(&pty.slave).expect("its modes");
        let end = || Stdio::from(pty.slave.try_clone().expect("another descriptor"));
        let program = Program::command(&[]);
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(program.get_program())
            .arg("connect")
            .args(arguments)
            .env("XDG_STATE_HOME", scratch())
            .env("TERM", term)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("CHATSOCK_PLAIN")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid and the client start");
        let mut master = File::from(pty.master);
        let keyboard = master.try_clone().expect("another descriptor");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = master.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        Pty { child, keyboard, slave: pty.slave, output, screen, before }
    }

    /// A client in the room general of a server without TLS.
    fn in_room(columns: u16, rows: u16, name: &str, server: &Server) -> Pty {
        let mut pty = Pty::start(columns, rows, &[&format!("{name}@{}", server.address()), "--room", "general"]);
        pty.expect_status("general", "connected, not encrypted");
        pty
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("typed");
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until a condition holds.
    fn wait(&mut self, what: &str, mut holds: impl FnMut(&Pty) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now()).min(Duration::from_millis(100));
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            assert!(Instant::now() < deadline, "no {what} in\n{}", self.text());
        }
    }

    fn expect(&mut self, text: &str) {
        self.wait(text, |pty| pty.text().contains(text));
    }

    /// Waits until the status line begins and ends like this.
    fn expect_status(&mut self, place: &str, connection: &str) {
        self.wait(connection, |pty| {
            let rows: Vec<String> = pty.screen.screen().rows(0, 500).collect();
            rows.last().is_some_and(|status| status.starts_with(place) && status.trim_end().ends_with(connection))
        });
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"))
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("sent");
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.slave, size).expect("resized");
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// Whether the terminal is as it was before the program started.
    fn is_restored(&self) -> bool {
        let now = tcgetattr(&self.slave).expect("its modes");
        let screen = self.screen.screen();
        now == self.before && !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    }

    /// Waits for the program to exit, which must restore the terminal.
    fn finish(mut self) -> ExitStatus {
        self.wait("end of the program", |pty| {
            std::fs::read_to_string(format!("/proc/{}/stat", pty.child.id())).map_or(true, |stat| stat.contains(") Z "))
        });
        self.wait("restored terminal", Pty::is_restored);
        self.child.wait().expect("its status")
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_users_talk_in_bubbles_at_any_width() {
    let server = Server::start();
    for (columns, place) in [(40, 1), (80, 2), (200, 3)] {
        let (one, two) = (format!("alice{place}"), format!("bob{place}"));
        let mut alice = Pty::in_room(columns, 24, &one, &server);
        let mut bob = Pty::in_room(columns, 24, &two, &server);
        bob.press("Привет, как дела? 你好\r");
        bob.expect("│ Привет, как дела? 你好");
        alice.expect(&format!("╭─ {two} ─"));
        alice.expect("Привет, как дела?");
        alice.press("fine, thanks\r");
        bob.expect("fine, thanks");
        let is_right = |row: &str| row.contains("fine, thanks") && row.starts_with("   ") && row.ends_with('│');
        alice.wait("an own bubble on the right", |pty| {
            let skipped = if columns >= 90 { 22 } else { 0 };
            pty.text().lines().any(|row| is_right(&row.chars().skip(skipped).collect::<String>()))
        });
        alice.press(":quit\r");
        bob.press(":quit\r");
        assert!(alice.finish().success() && bob.finish().success());
    }
}

/// Replaces each time of day by 14:02, as in the README.
fn at_two(screen: &str) -> String {
    let time = regex::Regex::new(r"\b\d\d:\d\d\b").expect("a pattern");
    let rows = screen.lines().map(|row| time.replace_all(row, "14:00").trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_screen_in_the_readme_is_what_the_client_shows() {
    let readme = std::fs::read_to_string("README.md").expect("README.md");
    let state = scratch();
    let server = Server::with(&format!(
        "state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]\n\
         [rooms.general]\ndescription = \"For general conversations.\"\n[rooms.games]",
        state.display()
    ));
    let fingerprint = server.announced().iter().find_map(|line| line.strip_prefix("certificate SHA-256 "));
    let (mut bob, mut carol) = (server.chat("bob", "general"), server.chat("carol", "games"));
    let at = format!("alice@{}", server.listener("tls"));
    let arguments = [&*at, "--fingerprint", fingerprint.expect("a fingerprint"), "--room", "general"];
    let mut alice = Pty::start(80, 11, &arguments);
    alice.expect_status("general", "connected, TLS 1.3");
    alice.press(":join games\r");
    alice.expect_status("games", "connected, TLS 1.3");
    alice.press("\x1b[1;3A");
    alice.expect_status("general", "connected, TLS 1.3");
    bob.send("Good morning!");
    bob.send("Who is in?");
    alice.expect("Who is in?");
    alice.press("I am.\r");
    alice.expect("#3 ");
    for line in ["chess?", "or go?", "anybody?"] {
        carol.send(line);
    }
    alice.expect("3 unread in games");
    alice.expect("For general conversations.");
    let shown = at_two(&alice.text());
    let block = readme.split("```text\n").find(|block| block.starts_with(" general ")).expect("the screen");
    let block = block.split("\n```").next().expect("its end");
    assert_eq!(block, shown, "the README should show\n{shown}");
    alice.press("\x04");
    assert!(alice.finish().success());
}

#[test]
fn every_way_out_leaves_the_terminal_as_it_was() {
    let server = Server::start();
    let mut quitter = Pty::in_room(80, 24, "quitter", &server);
    assert!(!quitter.is_restored(), "the program has set modes of its own");
    quitter.press("\x04");
    assert!(quitter.finish().success());
    for (name, signal) in [
        ("interrupted", Signal::SIGINT),
        ("terminated", Signal::SIGTERM),
        ("hungup", Signal::SIGHUP),
        ("aborted", Signal::SIGQUIT),
    ] {
        let pty = Pty::in_room(80, 24, name, &server);
        pty.signal(signal);
        let status = pty.finish();
        assert!(!status.success() && !status.core_dumped(), "{signal}: {status}");
    }
}

#[test]
fn the_terminal_stays_usable_when_the_server_stops() {
    let server = Server::start();
    let mut pty = Pty::in_room(80, 24, "alice", &server);
    drop(server);
    pty.expect("reconnecting");
    pty.press("is anybody there?\r");
    pty.expect("waiting to be sent");
    pty.press("\x04");
    let _ = pty.finish();
}

#[test]
fn suspending_restores_the_terminal_and_continuing_redraws_the_screen() {
    let server = Server::start();
    let mut pty = Pty::in_room(80, 24, "alice", &server);
    pty.press("half a line");
    pty.expect("> half a line");
    pty.press("\x1a");
    pty.wait("stopped program", |pty| {
        std::fs::read_to_string(format!("/proc/{}/stat", pty.child.id())).is_ok_and(|stat| stat.contains(") T "))
    });
    pty.wait("restored terminal", Pty::is_restored);
    pty.signal(Signal::SIGCONT);
    pty.expect("> half a line");
    pty.wait("modes of the program", |pty| !pty.is_restored());
    pty.press("\x15\x04");
    assert!(pty.finish().success());
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let server = Server::start();
    let mut pty = Pty::in_room(80, 24, "alice", &server);
    pty.press("something to look at\r");
    pty.expect("something to look at  #");
    let mut random = 12345_u32;
    for _ in 0..100 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (columns, rows) = ((random >> 8) % 200 + 1, (random >> 20) % 60 + 1);
        pty.resize(u16::try_from(columns).expect("few"), u16::try_from(rows).expect("few"));
    }
    for (columns, rows) in [(1, 1), (40, 12), (200, 50), (80, 24)] {
        pty.resize(columns, rows);
        if columns > 1 {
            pty.expect("something to look at");
            pty.expect("connected, not encrypted");
        }
    }
    pty.press("\x04");
    assert!(pty.finish().success());
}

#[test]
fn a_paste_is_one_message_and_a_password_is_not_shown() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let mut pty = Pty::in_room(80, 24, "alice", &server);
    pty.press("\x1b[200~first\nsecond\nthird\x1b[201~");
    pty.expect("third");
    pty.press("\r");
    bob.expect("alice: first");
    bob.expect("  second");
    pty.press(":create den\r");
    pty.expect_status("den", "connected, not encrypted");
    pty.press(":set password hunter2\r\x1b[A");
    pty.expect("> :set password");
    pty.wait("line without its password", |pty| !pty.text().contains("hunter2"));
    pty.press("\x15\x04");
    let status = pty.finish();
    assert!(status.success(), "{status}");
}

#[test]
fn plain_terminals_work_too() {
    let server = Server::start();
    for term in ["linux", "screen", "tmux-256color", "vt100"] {
        let address = server.address().to_string();
        let name = term.split('-').next().expect("a name");
        let mut pty = Pty::start_in(80, 24, &[&format!("{name}@{address}"), "--room", "general"], term);
        pty.expect_status("general", "connected, not encrypted");
        pty.press("hello\r");
        pty.expect("hello  #");
        pty.press("\x04");
        let status = pty.finish();
        assert!(status.success(), "{term}: {status}");
    }
}

#[test]
fn an_idle_client_writes_nothing_and_uses_no_processor_time() {
    let server = Server::start();
    let mut pty = Pty::in_room(80, 24, "alice", &server);
    let ticks = |pty: &Pty| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pty.child.id())).expect("its figures");
        let fields: Vec<u64> =
            stat.rsplit(')').next().expect("fields").split(' ').filter_map(|n| n.parse().ok()).collect();
        // utime and stime, counted without pid, name and state.
        fields[10] + fields[11]
    };
    // Until nothing arrives for a while, and then for as long again.
    let quiet = Duration::from_millis(700);
    while let Ok(bytes) = pty.output.recv_timeout(quiet) {
        pty.screen.process(&bytes);
    }
    let before = ticks(&pty);
    assert_eq!(pty.output.recv_timeout(quiet), Err(RecvTimeoutError::Timeout), "written while idle");
    assert!(ticks(&pty) - before <= 1, "{} ticks while idle", ticks(&pty) - before);
    pty.press("\x04");
    assert!(pty.finish().success());
}
