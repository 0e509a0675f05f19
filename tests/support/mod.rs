//! What socket tests need: a server on a free port that stops and joins when dropped, the built program as a child
//! process, and a client that waits for text with a deadline.

#![allow(dead_code, reason = "every test binary uses its own part of this")]

#[cfg(feature = "storage")]
pub mod clocks;
#[cfg(feature = "storage")]
pub mod home;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "cluster")]
pub mod lossy_proxy;
pub mod machine;
#[cfg(target_os = "linux")]
pub mod network;
pub mod programs;
pub mod proxy;
pub mod random;
#[cfg(feature = "cluster")]
pub mod redis;
pub mod terminal;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "web")]
pub mod web;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chatsock::config::{self, Config};
use chatsock::hub::{Hub, ServerRequest};
use chatsock::server::{self, Capacity, StartError};
use socket2::{Domain, Socket, Type};

/// How long anything expected may take before the test fails. Long, because a loaded machine is not a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server in this process.
pub struct Server {
    requests: mpsc::Sender<ServerRequest>,
    thread: Option<JoinHandle<Result<(), StartError>>>,
    addresses: Vec<SocketAddr>,
    /// What it printed at startup.
    announced: Vec<String>,
    hub: Arc<Hub>,
}

impl Server {
    /// Starts with the defaults, except that it stops without delay and has no rate limits, because most tests send fast.
    pub fn start() -> Server {
        Server::with("")
    }

    /// Starts with `extra` added to that. A section `[limits]` in it replaces the usual one.
    pub fn with(extra: &str) -> Server {
        Server::try_with(extra).expect("the server starts")
    }

    /// The same, but returns an error if it cannot start.
    pub fn try_with(extra: &str) -> Result<Server, StartError> {
        Server::try_bound(extra, server::bind)
    }

    /// The same, with another way to bind and to open the store.
    pub fn try_bound(
        extra: &str,
        bind: impl FnOnce(Config, Capacity) -> Result<server::Server, StartError>,
    ) -> Result<Server, StartError> {
        let limits = if extra.contains("[limits]") { "" } else { "[limits]\nmessages_per_second = 0\n" };
        Server::try_configured(parse(&format!("shutdown_delay = 0\n{extra}\n{limits}")), bind)
    }

    /// Starts with a configuration; the listeners in it are replaced by free ports of this machine.
    pub fn configured(config: Config) -> Server {
        Server::try_configured(config, server::bind).expect("the server starts")
    }

    fn try_configured(
        mut config: Config,
        bind: impl FnOnce(Config, Capacity) -> Result<server::Server, StartError>,
    ) -> Result<Server, StartError> {
        config.listen = vec![server::loopback()];
        config.quick_listen = vec![server::loopback()];
        #[cfg(feature = "json")]
        for listen in [&mut config.json.listen, &mut config.json.tls_listen] {
            listen.fill(server::loopback());
        }
        let server = bind(config, Capacity { connections: 10_000 })?;
        let (requests, addresses, hub) = (server.requests(), server.addresses(), Arc::clone(server.hub()));
        let announced = server.announcement().collect();
        let run = move || server.run();
        let thread = std::thread::Builder::new().name("server".into()).spawn(run).expect("a thread");
        Ok(Server { requests, thread: Some(thread), addresses, announced, hub })
    }

    /// The address for telnet and nc.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The address of the quick listener.
    pub fn quick_address(&self) -> SocketAddr {
        self.addresses[1]
    }

    /// The address of the TLS listener, if the configuration has one.
    pub fn tls_address(&self) -> SocketAddr {
        self.listener("tls")
    }

    /// The address of the first listener with this name in the startup lines.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let end = format!(" ({name})");
        let line = self.announced.iter().find(|line| line.ends_with(&end));
        let line = line.unwrap_or_else(|| panic!("no listener ({name}) in {:?}", self.announced));
        line["listening on ".len()..line.len() - end.len()].parse().expect("an address")
    }

    /// What it printed at startup.
    pub fn announced(&self) -> &[String] {
        &self.announced
    }

    /// The address for programs, if the configuration has one.
    #[cfg(feature = "json")]
    pub fn json_address(&self) -> SocketAddr {
        self.listener("json")
    }

    /// The addresses of all listeners: plain, quick, other unencrypted ones, then those with TLS.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What the sessions share.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Loads another configuration as SIGHUP does, and waits until it is in force. Listeners stay.
    pub fn reconfigure(&self, text: &str) {
        let mut config = parse(text);
        let old = self.hub.config();
        config.listen.clone_from(&old.listen);
        config.quick_listen.clone_from(&old.quick_listen);
        config.tls.listen.clone_from(&old.tls.listen);
        #[cfg(feature = "web")]
        {
            config.web.listen.clone_from(&old.web.listen);
            config.web.tls_listen.clone_from(&old.web.tls_listen);
        }
        config.state_dir.clone_from(&old.state_dir);
        self.requests.send(ServerRequest::Reconfigure(Box::new(config))).expect("a running server");
        let (done, in_force) = mpsc::channel();
        self.requests.send(ServerRequest::Report(done)).expect("a running server");
        in_force.recv_timeout(PATIENCE).expect("the configuration comes into force");
    }

    /// Requests a graceful stop without waiting for it.
    pub fn ask_to_stop(&self) {
        self.requests.send(ServerRequest::Stop).expect("a running server");
    }

    /// Waits for the stop after [`Server::ask_to_stop`].
    pub fn join(mut self) {
        self.join_thread();
    }

    /// Stops and waits, so that everything is on disk.
    pub fn end(self) {
        self.ask_to_stop();
        self.join();
    }

    /// Stops while the disk still fails, so that not everything is written.
    pub fn end_unwritten(mut self) {
        self.ask_to_stop();
        let thread = self.thread.take().expect("a running server");
        let ended = thread.join().expect("the server does not panic");
        assert!(matches!(ended, Err(StartError::NotWritten(_))), "{ended:?}");
    }

    fn join_thread(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic").expect("the server runs");
        }
    }

    /// A client that has connected but sent nothing.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A logged-in client, in the palette.
    pub fn login(&self, name: &str) -> Client {
        Client::login(self.address(), name)
    }

    /// A client in the chat view of a room.
    pub fn chat(&self, name: &str, room: &str) -> Client {
        Client::chat(self.address(), name, room)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already stopped if the receiver is gone.
        let _ = self.requests.send(ServerRequest::Stop);
        if !std::thread::panicking() {
            self.join_thread();
        }
    }
}

fn parse(text: &str) -> Config {
    config::parse(text, "test").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A layer between a client and its socket.
pub trait Layer: Send + Sync {
    /// Decodes what was read; returns its content, and what to send back.
    fn open(&mut self, read: &[u8]) -> (Vec<u8>, Vec<u8>);
    /// Encodes this content for sending.
    fn seal(&mut self, said: &[u8]) -> Vec<u8>;
    /// The bytes that announce the end.
    fn goodbye(&mut self) -> Vec<u8>;
    /// Whether the server has announced the end.
    fn has_heard_goodbye(&self) -> bool;
}

/// A client: a socket, and everything received that no expectation has consumed yet.
pub struct Client {
    stream: TcpStream,
    layer: Option<Box<dyn Layer>>,
    received: Vec<u8>,
    over: bool,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        Client { stream, layer: None, received: Vec::new(), over: false }
    }

    /// A client over a connection whose layer is ready.
    pub fn over(stream: TcpStream, mut layer: Box<dyn Layer>) -> Client {
        let (received, answer) = layer.open(&[]);
        let mut client = Client { stream, layer: Some(layer), received, over: false };
        client.send_raw(&answer);
        client
    }

    /// Connects from another address of this machine, such as 127.0.0.2.
    pub fn connect_from(own: Ipv4Addr, address: SocketAddr) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((own, 0)).into()).expect("an address of this machine");
        socket.connect(&address.into()).expect("a connection");
        socket.set_tcp_nodelay(true).expect("nodelay");
        Client { stream: socket.into(), layer: None, received: Vec::new(), over: false }
    }

    /// Connects and logs in.
    pub fn login(address: SocketAddr, name: &str) -> Client {
        Client::connect(address).logged_in(name)
    }

    /// Enters a name and waits for the palette.
    pub fn logged_in(self, name: &str) -> Client {
        let mut client = self;
        client.expect("Username: ");
        client.send(name);
        client.expect(":help explains.\r\n");
        client.expect("> ");
        client
    }

    /// The same in the chat view of a room.
    pub fn chat(address: SocketAddr, name: &str, room: &str) -> Client {
        Client::login(address, name).chatting(room)
    }

    /// Goes from the palette into the chat view of a room.
    pub fn chatting(self, room: &str) -> Client {
        let mut client = self;
        client.send(&format!(":join {room}"));
        client.expect("to leave.\r\n");
        client.send(":chat");
        client.expect(":q goes back.\r\n");
        client.expect(&format!("{room} | "));
        client
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        match &mut self.layer {
            Some(layer) => {
                let sealed = layer.seal(bytes);
                self.send_raw(&sealed);
            }
            None => self.send_raw(bytes),
        }
    }

    /// Sends bytes around the layer.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
    }

    /// Resets the connection, as if it broke.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("linger");
    }

    /// Half-closes.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half-closed");
    }

    /// Waits for a text. Returns everything before it and consumes both. On failure, shows what was received.
    pub fn expect(&mut self, text: &str) -> String {
        let before = self.expect_bytes(text.as_bytes());
        String::from_utf8_lossy(&before).into_owned()
    }

    /// The same for bytes.
    pub fn expect_bytes(&mut self, wanted: &[u8]) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.received.windows(wanted.len()).position(|window| window == wanted) {
                let rest = self.received.split_off(at + wanted.len());
                let mut before = std::mem::replace(&mut self.received, rest);
                before.truncate(at);
                return before;
            }
            assert!(
                self.receive(deadline),
                "expected {:?}; seen so far: {:?}{}",
                String::from_utf8_lossy(wanted),
                String::from_utf8_lossy(&self.received),
                if self.over { " and the end" } else { "" }
            );
        }
    }

    /// Waits for the end of the connection; returns everything received until then.
    pub fn expect_end(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while !self.over {
            assert!(
                self.receive(deadline) || self.over,
                "expected the end; seen so far: {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    /// Keeps received bytes, without blanks at the ends of rows, which overwrite what a user may have half typed.
    fn keep(&mut self, bytes: &[u8]) {
        keep_rows(&mut self.received, bytes);
    }

    /// Reads once more, for a test that waits for something other than text.
    pub fn read_once(&mut self, deadline: Instant) {
        self.receive(deadline);
    }

    /// The socket, for a test that reads by itself.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Reads once more; false at the end of the connection or at the deadline.
    fn receive(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if self.over || left.is_zero() {
            return false;
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.over = true,
            Ok(count) => match &mut self.layer {
                Some(layer) => {
                    let (text, answer) = layer.open(&buffer[..count]);
                    self.keep(&text);
                    // The server may be gone already.
                    let _ = self.stream.write_all(&answer);
                }
                None => self.keep(&buffer[..count]),
            },
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return false;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.over = true,
        }
        !self.over
    }

    /// Asks a question with a known answer and returns what arrived before it: everything in flight at that moment. Works
    /// in the palette and in the chat view.
    pub fn settle(&mut self) -> String {
        self.send("/time");
        let before = self.expect("* It is ");
        self.expect("\r\n");
        before
    }

    /// Everything received but not yet expected.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

/// Appends received bytes, without blanks at the ends of rows.
pub fn keep_rows(kept: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' && kept.last() == Some(&b'\r') {
            kept.pop();
            let end = kept.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
            kept.truncate(end);
            kept.push(b'\r');
        }
        kept.push(byte);
    }
}

/// The built program as a child process.
pub struct Program {
    child: Child,
    stdout: Option<BufReader<std::process::ChildStdout>>,
}

impl Program {
    /// Starts `chatsock` with arguments in an empty directory, so that it finds no `chatsock.toml`.
    pub fn start(arguments: &[&str]) -> Program {
        Program::start_with(arguments, &[])
    }

    /// The same with environment variables.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        let mut child = Program::command(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().map(BufReader::new);
        Program { child, stdout }
    }

    /// The command, for tests that wait for it to exit.
    pub fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatsock"));
        command.args(arguments).current_dir(scratch()).env_remove("RUST_LOG");
        command
    }

    /// The next line of stdout.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().expect("stdout").read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Reads stdout up to the first listener's line and returns its address.
    pub fn address(&mut self) -> SocketAddr {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the program ended: {}", self.stderr());
            if let Some(rest) = line.strip_prefix("listening on ") {
                return rest.split(' ').next().expect("an address").parse().expect("an address");
            }
        }
    }

    /// Sends a signal by name, as for `kill -NAME`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for it to exit. Returns its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("waited").code()
    }

    /// Everything on stderr, once it has exited.
    pub fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut text).expect("stderr");
        }
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Creates an empty directory inside Cargo's directory for tests.
pub fn scratch() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&base).expect("a directory");
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("{}-{number}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => return path,
            // Left behind by an earlier process with the same id.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}
