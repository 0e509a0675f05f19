//! A cluster for one test: a Redis, and servers that each connect to it through a proxy of their own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::lossy_proxy::LossyProxy;
use crate::support::redis::Redis;
use crate::support::{Client, PATIENCE};

/// A server.
pub struct Node {
    child: Option<Child>,
    address: SocketAddr,
    /// The proxy between the server and Redis.
    pub proxy: LossyProxy,
    log: Arc<Mutex<String>>,
    /// The server's output on stdout.
    printed: Arc<Mutex<String>>,
}

/// The cluster. When it is dropped, the servers stop before their Redis.
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub redis: Redis,
    directory: PathBuf,
    options: Options,
    /// The URL of a Redis Cluster, which the servers use without their proxies.
    url: Option<String>,
}

/// Settings of all servers outside `[cluster]`.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Top-level keys.
    pub top: &'static str,
    /// The section `[limits]`.
    pub limits: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Options { top: "", limits: "messages_per_second = 0\nexempt = [\"127.0.0.0/8\"]" }
    }
}

/// The numbers of all messages on a screen, from top to bottom.
pub fn numbers(seen: &str) -> Vec<u64> {
    let number = |line: &str| {
        let (_, rest) = line.split_once("] #")?;
        rest.split(' ').next()?.parse().ok()
    };
    seen.lines().filter_map(number).collect()
}

/// Whether the slow tests run, too. If not, prints that this one is left out.
pub fn runs_slow() -> bool {
    if !runs_all() {
        println!("LEFT OUT: CHATSOCK_CLUSTER_ALL=1 runs it");
    }
    runs_all()
}

/// Whether the slow tests run, too.
pub fn runs_all() -> bool {
    std::env::var_os("CHATSOCK_CLUSTER_ALL").is_some_and(|value| value == "1")
}

impl Cluster {
    /// Starts servers with these additions to `[cluster]`. `None` if Redis is not installed.
    pub fn start(count: usize, more: &str) -> Option<Cluster> {
        Cluster::over(Redis::start()?, count, more)
    }

    /// The same with a Redis that is already running.
    pub fn over(redis: Redis, count: usize, more: &str) -> Option<Cluster> {
        Cluster::with(redis, count, more, Options::default())
    }

    /// The same with other options.
    pub fn with(redis: Redis, count: usize, more: &str, options: Options) -> Option<Cluster> {
        let directory = redis.directory().to_owned();
        Some(Cluster { nodes: Vec::new(), redis, directory, options, url: None }.filled(count, more))
    }

    /// The same over a Redis Cluster, without proxies. `redis` is one of its servers.
    pub fn at(url: String, redis: Redis, count: usize, more: &str) -> Cluster {
        let (directory, options) = (redis.directory().to_owned(), Options::default());
        Cluster { nodes: Vec::new(), redis, directory, options, url: Some(url) }.filled(count, more)
    }

    fn filled(mut self, count: usize, more: &str) -> Cluster {
        for number in 0..count {
            let node = self.launch(&format!("n{number}"), more);
            self.nodes.push(node);
        }
        self
    }

    /// Starts one more server and waits until it listens.
    pub fn launch(&self, name: &str, more: &str) -> Node {
        let proxy = LossyProxy::before(self.redis.address());
        let (mut child, log, _) = self.spawn(name, &proxy, more);
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let printed = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("{name} ended: {}", log.lock().expect("no panic"));
            };
            printed.lock().expect("no panic").push_str(&format!("{line}\n"));
            if let Some(rest) = line.strip_prefix("listening on ") {
                break rest.split(' ').next().expect("an address").parse().expect("an address");
            }
        };
        let rest = Arc::clone(&printed);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                rest.lock().expect("no panic").push_str(&format!("{line}\n"));
            }
        });
        Node { child: Some(child), address, proxy, log, printed }
    }

    /// The configuration file of a launched server.
    pub fn file(&self, name: &str, node: &Node) -> PathBuf {
        self.directory.join(format!("{name}-{}.toml", node.proxy.address().port()))
    }

    fn spawn(&self, name: &str, proxy: &LossyProxy, more: &str) -> (Child, Arc<Mutex<String>>, JoinHandle<()>) {
        let file = self.directory.join(format!("{name}-{}.toml", proxy.address().port()));
        let exit = if self.options.top.contains("exit_code") { "" } else { "exit_code = false\n" };
        // A shutdown that the test does not examine should be short.
        let drain = if more.contains("drain_seconds") { "" } else { "drain_seconds = 0\n" };
        // The shortest possible lease, so that tests need not wait long.
        let lease = if more.contains("lease_seconds") { "" } else { "lease_seconds = 3\n" };
        let url = self.url.clone().unwrap_or_else(|| format!("redis://{}", proxy.address()));
        let text = format!(
            "listen = [\"127.0.0.1:0\"]\nquick_listen = []\n{exit}shutdown_delay = 0\n{}\n[limits]\n{}\n\
             [cluster]\nredis = \"{url}\"\nnode = \"{name}\"\npartitions = 4\n{lease}{drain}{more}\n",
            self.options.top, self.options.limits,
        );
        std::fs::write(&file, text).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_chatsock"))
            .arg("--config")
            .arg(&file)
            .current_dir(&self.directory)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, stderr) = (Arc::clone(&log), child.stderr.take().expect("stderr"));
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("no panic");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        (child, log, reader)
    }

    /// Starts a server that is expected to exit by itself. Returns its exit status and stderr.
    pub fn launch_in_vain(&self, name: &str, more: &str) -> (Option<i32>, String) {
        let proxy = LossyProxy::before(self.redis.address());
        let (mut child, log, reader) = self.spawn(name, &proxy, more);
        let status = child.wait().expect("waited").code();
        reader.join().expect("no panic");
        let text = log.lock().expect("no panic").clone();
        (status, text)
    }
}

impl Node {
    /// The address of a listener, from the server's startup lines.
    #[cfg(feature = "metrics")]
    pub fn announced(&self, what: &str) -> SocketAddr {
        let ending = format!(" ({what})");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let printed = self.printed.lock().expect("no panic").clone();
            let line = printed.lines().find_map(|line| line.strip_prefix("listening on ")?.strip_suffix(&ending));
            if let Some(address) = line {
                return address.parse().expect("an address");
            }
            assert!(Instant::now() < deadline, "no {what} in {printed:?}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// A logged-in client, in the palette.
    pub fn login(&self, name: &str) -> Client {
        let mut client = self.connect();
        client.expect("Username: ");
        client.send(name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = client.expect("\r\n");
            if line.contains(":help explains.") {
                break;
            }
            // On a slow machine, Redis may not answer within the short timeout of a test.
            if line.contains("! Nobody can log in right now") {
                assert!(Instant::now() < deadline, "{name} cannot log in");
                thread::park_timeout(Duration::from_millis(50));
                client.send(name);
            }
        }
        client.expect("> ");
        client
    }

    /// A client in the chat view of a room.
    pub fn chat(&self, name: &str, room: &str) -> Client {
        self.login(name).chatting(room)
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client that has connected but sent nothing.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Kills the process, like a power cut.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("waited");
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id).status().expect("kill runs").success());
    }

    /// The server's process ID.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Waits for the server to exit after a signal. Returns its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.take().expect("it runs").wait().expect("waited").code()
    }

    /// The rest of the line after a text on stdout.
    #[cfg(feature = "storage")]
    #[track_caller]
    pub fn printed_after(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let printed = self.printed.lock().expect("no panic").clone();
            if let Some(line) = printed.lines().find_map(|line| line.split_once(text).map(|(_, rest)| rest.to_owned()))
            {
                return line;
            }
            assert!(Instant::now() < deadline, "{text:?} was not printed: {printed}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// The address of the listener printed with this word.
    #[track_caller]
    pub fn listener(&self, word: &str) -> SocketAddr {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let printed = self.printed.lock().expect("no panic").clone();
            let is_it = |line: &&str| line.ends_with(&format!(" ({word})"));
            if let Some(line) = printed.lines().find(is_it) {
                let address = line.trim_start_matches("listening on ").split(' ').next().expect("an address");
                return address.parse().expect("an address");
            }
            assert!(Instant::now() < deadline, "no listener ({word}): {printed}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            println!("--- log of {}:\n{}", self.address, self.log());
        }
    }
}

/// Repeats a command until the answer contains a text, within the deadline.
#[track_caller]
pub fn ask_until(client: &mut Client, question: &str, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        client.send(question);
        let seen = client.settle();
        if seen.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{question} does not lead to {text:?}; the last answer: {seen:?}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Repeats a command until the answer no longer contains a text.
#[track_caller]
pub fn ask_until_not(client: &mut Client, question: &str, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        client.send(question);
        let seen = client.settle();
        if !seen.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{question} still leads to {text:?}: {seen:?}");
        thread::park_timeout(Duration::from_millis(20));
    }
}
