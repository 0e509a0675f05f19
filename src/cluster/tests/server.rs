//! A real Redis for one test: its directory, its port, and its end with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Stopped when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    directory: PathBuf,
    more: Vec<String>,
}

impl Server {
    /// `None` where Redis is not installed; prints a line about it.
    pub(super) fn start(more: &[&str]) -> Option<Server> {
        Server::start_with(&[&["--port", "PORT", "--save", ""], more].concat())
    }

    /// Starts one that speaks only TLS, with this certificate.
    #[cfg(feature = "tls")]
    pub(super) fn start_encrypted(certificate: &str, key: &str) -> Option<Server> {
        let files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
        let words = ["--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no", "--save", ""];
        Server::start_with(&[&words[..], &files[..]].concat())
    }

    /// Starts a Sentinel, a `redis-server` that only monitors others. It writes to its configuration file.
    pub(super) fn start_sentinel(configuration: &Path) -> Option<Server> {
        Server::start_with(&[configuration.to_str().expect("a name"), "--sentinel", "--port", "PORT"])
    }

    /// Starts one with these arguments, replacing the word PORT with its port.
    fn start_with(more: &[&str]) -> Option<Server> {
        let installed =
            Command::new("redis-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if installed.is_err() {
            assert!(std::env::var_os("CHATSOCK_REQUIRE_CLIENTS").is_none(), "redis-server is not installed");
            eprintln!("skipped: redis-server is not installed");
            return None;
        }
        for attempt in 0..20 {
            let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            let port = free.local_addr().expect("its address").port();
            drop(free);
            let directory = std::env::temp_dir().join(format!("chatsock-redis-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("a directory");
            let more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
            let child = spawn(port, &directory, &more);
            let mut server = Server { child, port, directory, more };
            // Another process may have taken the port in the meantime.
            if server.answers() {
                return Some(server);
            }
            eprintln!("attempt {attempt}: nothing answers on port {port}");
        }
        panic!("no redis-server came up");
    }

    /// Kills it and starts it again in the same place.
    pub(super) fn restart(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
        self.child = spawn(self.port, &self.directory, &self.more);
        assert!(self.answers(), "it did not come back");
    }

    /// Kills it for good.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.child.try_wait().expect("its state").is_none() {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// A configuration file must be the first argument.
fn spawn(port: u16, directory: &Path, more: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(more.iter().map(|word| word.replace("PORT", &port.to_string())));
    command.args(["--bind", "127.0.0.1", "--dir"]).arg(directory);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server starts")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already; then only its directory is left to remove.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
