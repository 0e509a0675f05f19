//! What tests measure on the machine: a program whose log goes to a file, and its threads, descriptors, memory and time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, scratch};

/// Waits for something that nothing announces, by checking every few milliseconds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Writes a file into a new directory.
pub fn file(name: &str, text: &str) -> PathBuf {
    let path = scratch().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

/// The path as an argument.
pub fn argument(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A running program whose log goes to a file: a pipe that nobody reads would fill and stop it.
pub struct Logged {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Logged {
    /// Starts the command.
    pub fn start(mut command: Command) -> Logged {
        let log = scratch().join("log");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log file"))
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        Logged { child, stdout, log }
    }

    /// The next line of stdout; empty at its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// The rest of stdout.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        rest
    }

    /// The address of the next listener on stdout.
    pub fn address(&mut self) -> SocketAddr {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the program ended: {}", self.log());
            if let Some(rest) = line.strip_prefix("listening on ") {
                return rest.split(' ').next().expect("an address").parse().expect("an address");
            }
        }
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    /// Waits until the log contains a text.
    pub fn expect_log(&self, text: &str) {
        eventually(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for it to exit. Returns its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("waited").code()
    }

    /// Whether it is still running.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("asked").is_none()
    }

    /// Its threads.
    pub fn threads(&self) -> usize {
        self.status("Threads:")
    }

    /// Their names.
    pub fn thread_names(&self) -> Vec<String> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("its threads");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            // The thread may have ended in the meantime.
            std::fs::read_to_string(entry.expect("a thread").path().join("comm")).ok()
        };
        threads.filter_map(name).map(|name| name.trim_end().to_owned()).collect()
    }

    /// Its resident memory in kilobytes.
    pub fn resident(&self) -> usize {
        self.status("VmRSS:")
    }

    /// Its memory mappings.
    pub fn maps(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/smaps", self.child.id())).expect("its memory")
    }

    fn status(&self, field: &str) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its descriptors").count()
    }

    /// Processor time it has used, in clock ticks.
    pub fn ticks(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its times");
        // The name in brackets may contain spaces; utime and stime are fields 14 and 15.
        let fields: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the end of the log:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
    }
}
