//! A process under test: the server, the floor, or a Redis.
//!
//! *Owns* starting it, its temporary config, its processor time and memory, the messages it has stored on disk, and its end.
//! *Knows nothing of* what is sent to its port.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::crowd::{Door, room_name};
use crate::failure::Failure;
use crate::options::Comparison;

/// How long a process may take to print its port, and to end. Both take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every limit off: delivery is measured, not its refusal. The parts in braces are filled in.
const CONFIG: &str = r#"{listen}
telnet = "{telnet}"
message_limit = 2000
history_max = 200
shutdown_delay = 0

[limits]
max_connections = 0
connections_per_ip = 0
connections_per_ip_per_minute = 0
login_seconds = 0
line_bytes = 0
message_burst = 0
messages_per_second = 0
rooms_per_ip = 0
{outbox}{rooms}{section}"#;

const PLAIN_LISTENER: &str = r#"listen = ["127.0.0.1:0"]"#;
const WEB_LISTENER: &str = "[web]\nlisten = [\"127.0.0.1:0\"]\n";
const METRICS_LISTENER: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
const TLS_LISTENER: &str = "[tls]\nlisten = [\"127.0.0.1:0\"]\n";

/// The database, in the server's folder.
const DATABASE: &str = "chatsock.db";

const NO_OUTBOX_LIMITS: &str = "outbox_bytes = 0\noutbox_total_bytes = 0\noutbox_stall_seconds = 0\n";

/// What the server under test does besides delivering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Nothing.
    Bare,
    /// Stores messages on disk: a section `[storage]`, its other keys at their defaults.
    History,
    /// Speaks TLS only, with a self-signed certificate.
    Tls,
    /// Its members speak JSON, on the port for terminals.
    Json,
    /// Its members speak JSON over WebSocket.
    Web,
    /// Its members are on terminals behind a WebSocket.
    WebTerminal,
    /// Has a listener for metrics.
    Metrics,
}

impl Setup {
    /// The side that a comparison is about; the other side is [`Setup::Bare`], or the floor.
    pub fn under(comparison: Comparison) -> Setup {
        match comparison {
            Comparison::Floor | Comparison::Cluster => Setup::Bare,
            Comparison::History => Setup::History,
            Comparison::Tls => Setup::Tls,
            Comparison::Json => Setup::Json,
            Comparison::Web => Setup::Web,
            Comparison::Metrics => Setup::Metrics,
        }
    }

    /// How members come in.
    pub fn door(self) -> Door {
        match self {
            Setup::Bare | Setup::History | Setup::Metrics => Door::Server,
            Setup::Tls => Door::TlsServer,
            Setup::Json => Door::JsonServer,
            Setup::Web => Door::WebServer,
            Setup::WebTerminal => Door::WebTerminal,
        }
    }

    /// A word or two for a column.
    pub fn label(self) -> &'static str {
        match self {
            Setup::Bare => "plain",
            Setup::History => "history",
            Setup::Tls => "tls",
            Setup::Json => "json",
            Setup::Web => "web json",
            Setup::WebTerminal => "web text",
            Setup::Metrics => "metrics",
        }
    }

    /// Whether its members come in through WebSocket.
    pub fn is_web(self) -> bool {
        matches!(self, Setup::Web | Setup::WebTerminal)
    }

    fn listen(self, folder: &Path) -> String {
        match self {
            Setup::Tls => format!("plain = \"off\"\nstate_dir = {folder:?}"),
            Setup::Bare | Setup::History | Setup::Json | Setup::Web | Setup::WebTerminal | Setup::Metrics => {
                PLAIN_LISTENER.to_owned()
            }
        }
    }

    fn section(self, folder: &Path) -> String {
        match self {
            Setup::Bare | Setup::Json => String::new(),
            Setup::Web | Setup::WebTerminal => format!("\n{WEB_LISTENER}"),
            Setup::History => format!("\n[storage]\npath = {:?}\nhistory = true\n", folder.join(DATABASE)),
            Setup::Tls => format!("\n{TLS_LISTENER}"),
            Setup::Metrics => format!("\n{METRICS_LISTENER}"),
        }
    }
}

/// The outbox limits of the server under test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OutboxLimits {
    /// The defaults.
    Default,
    Off,
}

/// A running process; it is ended when this is dropped.
pub struct Subject {
    /// In a cell, because checking whether it has ended changes it.
    child: RefCell<Child>,
    pid: Pid,
    cpu: ClockId,
    /// The port it listens on, on the loopback address.
    pub port: u16,
    /// Lines of its standard output; closed when it has ended.
    output: Receiver<String>,
    /// Config and log; `None` for the floor and for Redis.
    folder: Option<PathBuf>,
}

impl Subject {
    /// Starts the real server, with every limit off except perhaps those of the outboxes, and with this many rooms besides
    /// `general`.
    pub fn server(telnet: &str, outbox: OutboxLimits, setup: Setup, rooms: usize) -> Result<Subject, Failure> {
        Subject::configured(telnet, outbox, setup, rooms, "")
    }

    /// Starts one of several servers that share the Redis on this port, with every limit off.
    pub fn node(telnet: &str, redis: u16, name: &str) -> Result<Subject, Failure> {
        let section = format!("\n[cluster]\nredis = \"redis://127.0.0.1:{redis}\"\nnode = \"{name}\"\n");
        Subject::configured(telnet, OutboxLimits::Off, Setup::Bare, 0, &section)
    }

    fn configured(
        telnet: &str,
        outbox: OutboxLimits,
        setup: Setup,
        rooms: usize,
        more: &str,
    ) -> Result<Subject, Failure> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let count = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("chatsock-fanout-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let config = folder.join("chatsock.toml");
        let limits = if outbox == OutboxLimits::Off { NO_OUTBOX_LIMITS } else { "" };
        let text = CONFIG.replace("{telnet}", telnet).replace("{outbox}", limits);
        let sections: String = (0..rooms).map(|room| format!("\n[rooms.{}]\n", room_name(room))).collect();
        let text = text.replace("{listen}", &setup.listen(&folder)).replace("{rooms}", &sections);
        let text = text.replace("{section}", &setup.section(&folder));
        fs::write(&config, text + more)?;
        let log = fs::File::create(folder.join("log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatsock"));
        // At its default level the log is part of the cost of a login.
        command.arg("--config").arg(&config).env_remove("RUST_LOG").stderr(log);
        Subject::start(command, Some(folder), if setup.is_web() { "(web)" } else { "" })
    }

    /// Starts a Redis that stores nothing on disk. `None` where it is not installed.
    pub fn redis() -> Result<Option<Subject>, Failure> {
        // Another program may take the port before it does.
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--maxmemory-policy", "noeviction", "--dir"]).arg(std::env::temp_dir());
            let mut redis = match Subject::spawn(command, None) {
                Ok(redis) => redis,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            redis.port = port;
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && redis.child.get_mut().try_wait()?.is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Ok(Some(redis));
                }
                // It prints a line when it is ready, and others before.
                drop(redis.output.recv_timeout(Duration::from_millis(50)));
            }
        }
        Err(Failure::new("redis-server does not start"))
    }

    /// Starts the benchmark itself as the floor.
    pub fn floor(rooms: usize, members: usize) -> Result<Subject, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--floor-server").arg(rooms.to_string()).arg(members.to_string());
        Subject::start(command, None, "")
    }

    /// `mark` is in the line that prints the port of interest.
    fn start(command: Command, folder: Option<PathBuf>, mark: &str) -> Result<Subject, Failure> {
        let mut subject = Subject::spawn(command, folder)?;
        subject.port = subject.read_port(mark)?;
        Ok(subject)
    }

    /// A process whose port is not known yet.
    fn spawn(mut command: Command, folder: Option<PathBuf>) -> io::Result<Subject> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let (sender, output) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // The receiver may be gone; the pipe is read all the same, so that it never fills.
                    drop(sender.send(line));
                }
            });
        }
        // From here on `drop` ends the child if anything fails.
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        let cpu = ClockId::CLOCK_PROCESS_CPUTIME_ID;
        let mut subject = Subject { child: RefCell::new(child), pid, cpu, port: 0, output, folder };
        subject.cpu = clock_getcpuclockid(pid)?;
        Ok(subject)
    }

    fn read_port(&self, mark: &str) -> Result<u16, Failure> {
        loop {
            let Ok(line) = self.output.recv_timeout(PATIENCE) else {
                return Err(Failure::new(format!("no listener was printed{}", self.last_words())));
            };
            let port = Some(line.as_str())
                .filter(|line| line.contains(mark))
                .unwrap_or_default()
                .strip_prefix("listening on ")
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|address| address.rsplit_once(':'))
                .and_then(|(_, port)| port.parse().ok());
            if let Some(port) = port {
                return Ok(port);
            }
        }
    }

    /// Processor time all its threads have used, the ended ones included.
    ///
    /// The process's own clock: the same time as `utime` + `stime` in `/proc/PID/stat`, which show it in hundredths of a
    /// second, too coarse for a few hundred logins. Adding up `/proc/PID/task/*/schedstat` would read 5,000 files and
    /// miss the threads that are gone.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        Ok(Duration::from(self.cpu.now()?))
    }

    /// Resident memory now, in bytes.
    pub fn resident(&self) -> Result<u64, Failure> {
        self.status("VmRSS:")
    }

    /// The largest resident memory so far, in bytes.
    pub fn peak_resident(&self) -> Result<u64, Failure> {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| Failure::new(format!("no {key} in /proc/{}/status", self.pid)))
    }

    /// The number of messages in its database.
    #[cfg(feature = "storage")]
    pub fn stored(&self) -> Result<u64, Failure> {
        let folder = self.folder.as_ref().ok_or_else(|| Failure::new("the floor stores nothing"))?;
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = rusqlite::Connection::open_with_flags(folder.join(DATABASE), flags)?;
        let count: i64 = database.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    /// The number of messages in its database.
    #[cfg(not(feature = "storage"))]
    pub fn stored(&self) -> Result<u64, Failure> {
        Err(Failure::new("this build stores nothing on disk; build it with --features storage"))
    }

    /// How it ended, if it has, and the end of its log, for the text of a failure.
    pub fn last_words(&self) -> String {
        let ended = match self.child.borrow_mut().try_wait() {
            Ok(Some(status)) => format!("\nthe process under test has ended: {status}"),
            _ => String::new(),
        };
        ended + &self.last_log_lines()
    }

    fn last_log_lines(&self) -> String {
        let Some(folder) = &self.folder else { return String::new() };
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        if lines.is_empty() {
            return String::new();
        }
        lines.iter().rev().fold("\nlast lines of the server's log:".to_owned(), |text, line| text + "\n  " + line)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = kill(self.pid, Signal::SIGTERM);
        // Its standard output closes when it ends.
        let ended = loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(error) => break error == mpsc::RecvTimeoutError::Disconnected,
            }
        };
        if !ended {
            eprintln!("fanout: process {} did not end on SIGTERM and was killed", self.pid);
            drop(self.child.get_mut().kill());
        }
        drop(self.child.get_mut().wait());
        if let Some(folder) = &self.folder {
            drop(fs::remove_dir_all(folder));
        }
    }
}
