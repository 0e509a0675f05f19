//! Files, the proxy, and connections that only hold threads, measured beside the chat.
//!
//! `cargo bench --bench doors --features full -- [files] [proxy] [chat] [client]`. Where possible, each measurement runs
//! beside another program on the same machine and in the same minute, and the ratio counts: `nc | nc` for files, `socat`
//! for the proxy. Missing programs are named and skipped.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has nothing to report")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chatsock");
/// Bytes of a file, and bytes sent through the proxy.
const SIZE: u64 = 1 << 30;
const CHUNK: usize = 64 * 1024;
/// Messages that are timed at once.
const ROUNDS: usize = 1000;
/// Bytes per second of each of the files beside the chat.
const PACE: usize = 1_000_000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|known| known == name);
    // For five thousand connections at once, also in the programs started here.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    if wants("files") {
        files();
    }
    if wants("proxy") {
        proxy();
    }
    if wants("chat") {
        chat();
    }
    if wants("client") {
        client();
    }
}

fn megabytes(bytes: u64, began: Instant) -> f64 {
    bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
}

/// A program that is stopped when this is dropped.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Running {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let lines = BufReader::new(child.stdout.take().expect("stdout"));
        Running { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line");
        line
    }

    fn resident(&self) -> u64 {
        resident(self.child.id())
    }
}

/// Resident memory of a process, in kilobytes.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port. Another program may take it first, in which case the benchmark fails.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn have(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program} >/dev/null")]).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("LEFT OUT: {program} is not installed");
    }
    found
}

/// Connects as soon as something listens there.
fn connect(address: SocketAddr) -> TcpStream {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => {
                stream.set_nodelay(true).expect("nodelay");
                return stream;
            }
            Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn feed(mut stream: TcpStream, bytes: u64) {
    let chunk = vec![0x5a; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(CHUNK as u64);
        stream.write_all(&chunk[..part as usize]).expect("sent");
        left -= part;
    }
    let _ = stream.shutdown(Shutdown::Write);
}

fn drain(mut stream: TcpStream) -> u64 {
    let (mut chunk, mut came) = (vec![0; CHUNK], 0);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        came += count as u64;
    }
    came
}

/// The server's addresses for text, files, files with TLS, the page and TLS.
struct Server {
    running: Running,
    text: SocketAddr,
    files: SocketAddr,
    web: SocketAddr,
    tls: SocketAddr,
    fingerprint: String,
    folder: PathBuf,
}

impl Server {
    fn start(extra: &str) -> Server {
        let folder = std::env::temp_dir().join(format!("chatsock-doors-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let one = "[\"127.0.0.1:0\"]";
        let config = format!(
            "listen = {one}\nstate_dir = {folder:?}\nshutdown_delay = 0\n[rooms.general]\n\
             [limits]\nmax_connections = 0\nmessages_per_second = 0\noutbox_bytes = 33554432\n[tls]\nlisten = {one}\n[web]\nlisten = {one}\n\
             [files]\nlisten = {one}\ntls_listen = {one}\nmax_bytes = 4294967296\n{extra}"
        );
        let path = folder.join("chatsock.toml");
        std::fs::write(&path, config).expect("written");
        let mut running = Running::start(PROGRAM, &["--config", path.to_str().expect("UTF-8")]);
        let (mut found, mut fingerprint) = (std::collections::HashMap::new(), String::new());
        while found.len() < 5 || fingerprint.is_empty() {
            let line = running.line();
            assert!(!line.is_empty(), "the server ended");
            if let Some((address, kind)) = line.strip_prefix("listening on ").and_then(|rest| rest.split_once(' ')) {
                found.insert(kind.trim().to_owned(), address.parse::<SocketAddr>().expect("an address"));
            } else if let Some(given) = line.strip_prefix("certificate SHA-256 ") {
                fingerprint = given.trim().to_owned();
            }
        }
        let at = |kind: &str| found[kind];
        let (text, files, web, tls) = (at("(telnet, nc)"), at("(files)"), at("(web)"), at("(tls)"));
        Server { running, text, files, web, tls, fingerprint, folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A user whose client speaks JSON.
struct Person {
    reader: BufReader<TcpStream>,
}

impl Person {
    fn login(server: &Server, name: &str) -> Person {
        let mut person = Person { reader: BufReader::new(connect(server.text)) };
        person.ask("login", &format!("\"content\":\"{name}\""));
        person
    }

    fn send(&mut self, action: &str, fields: &str) {
        let line = format!("{{\"id\":\"1\",\"action\":\"{action}\",{fields}}}\n");
        self.reader.get_mut().write_all(line.as_bytes()).expect("sent");
    }

    /// The next line that contains this.
    fn expect(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).expect("read") > 0, "the end, and no {part}");
            if line.contains(part) {
                return line;
            }
        }
    }

    fn ask(&mut self, action: &str, fields: &str) -> String {
        self.send(action, fields);
        let answer = self.expect("\"id\":\"1\"");
        assert!(answer.contains("\"action\":\"ok\""), "{action}: {answer}");
        answer
    }
}

fn value(object: &str, key: &str) -> String {
    let rest = object.split(&format!("\"{key}\":\"")).nth(1).unwrap_or_else(|| panic!("no {key} in {object}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// What both ends of a transfer connect with: token and HTTP address.
fn accepted(sender: &mut Person, receiver: &mut Person, to: &str) -> [(String, String); 2] {
    sender.ask("send", &format!("\"receiver\":\"{to}\",\"content\":\"file\""));
    receiver.expect("\"action\":\"offer\"");
    let get = receiver.ask("accept", "\"content\":\"\"");
    let put = sender.expect("\"state\":\"accepted\"");
    [put, get].map(|object| (value(&object, "token"), value(&object, "url")))
}

fn files() {
    let server = Server::start("");
    let (mut alice, mut bob) = (Person::login(&server, "alice"), Person::login(&server, "bob"));
    let ours = |alice: &mut Person, bob: &mut Person| {
        let [(put, _), (get, _)] = accepted(alice, bob, "bob");
        let began = Instant::now();
        let mut receiver = connect(server.files);
        receiver.write_all(format!("get {get}\n").as_bytes()).expect("sent");
        let mut sender = connect(server.files);
        sender.write_all(format!("put {put} {SIZE}\n").as_bytes()).expect("sent");
        let feeding = thread::spawn(move || feed(sender, SIZE));
        assert_eq!(drain(receiver), SIZE);
        feeding.join().expect("fed");
        alice.expect("\"state\":\"done\"");
        bob.expect("\"state\":\"done\"");
        megabytes(SIZE, began)
    };
    let theirs = || {
        let (from, to) = (free(), TcpListener::bind("127.0.0.1:0").expect("a port"));
        let end = to.local_addr().expect("an address");
        let line = format!("nc -l {} {} | nc -N {} {}", from.ip(), from.port(), end.ip(), end.port());
        let _relay = Running::start("sh", &["-c", &line]);
        let (receiver, _) = to.accept().expect("nc connects");
        let sender = connect(from);
        let began = Instant::now();
        let feeding = thread::spawn(move || feed(sender, SIZE));
        assert_eq!(drain(receiver), SIZE);
        feeding.join().expect("fed");
        megabytes(SIZE, began)
    };
    let nc = have("nc");
    for _ in 0..3 {
        let own = ours(&mut alice, &mut bob);
        let other = nc.then(theirs);
        let ratio =
            other.map_or_else(String::new, |other| format!(", nc | nc {other:.0} MB/s, ratio {:.2}", own / other));
        println!("file, plain:       {own:.0} MB/s{ratio}");
    }
    if !have("curl") {
        return;
    }
    let source = PathBuf::from("/dev/shm").join(format!("chatsock-doors-{}", std::process::id()));
    std::fs::write(&source, vec![0x5a; 1 << 29]).expect("half a gigabyte in memory");
    for _ in 0..3 {
        let [(_, put), (_, get)] = accepted(&mut alice, &mut bob, "bob");
        let began = Instant::now();
        let quiet = || {
            let mut curl = Command::new("curl");
            curl.args(["-k", "-s", "-f", "-o", "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::null());
            curl
        };
        let mut receiver = quiet().arg(get).spawn().expect("curl");
        let sent = quiet().arg("-T").arg(&source).arg(put).status().expect("curl");
        assert!(sent.success() && receiver.wait().expect("waited").success());
        println!("file, TLS, curl:   {:.0} MB/s", megabytes(1 << 29, began));
    }
    std::fs::remove_file(source).expect("removed");
}

/// Accepts connections and hands each to a thread.
fn accept_all(work: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let work = Arc::new(work);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let work = Arc::clone(&work);
            thread::spawn(move || work(stream));
        }
    });
    address
}

/// The median and the 99th percentile of some times, in microseconds.
fn middle_and_tail(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    (at(0.5), at(0.99))
}

/// The time that a byte and its echo take.
fn echo_time(address: SocketAddr) -> (f64, f64) {
    let mut stream = connect(address);
    let mut byte = [0];
    let mut times = Vec::with_capacity(5 * ROUNDS);
    for _ in 0..5 * ROUNDS {
        let began = Instant::now();
        stream.write_all(b"x").expect("sent");
        stream.read_exact(&mut byte).expect("read");
        times.push(began.elapsed());
    }
    middle_and_tail(times)
}

fn start_proxy(to: SocketAddr, more: &[&str]) -> (Running, SocketAddr) {
    let to = to.to_string();
    let arguments = [&["proxy", "--listen", "127.0.0.1:0", "--to", &to][..], more].concat();
    let mut running = Running::start(PROGRAM, &arguments);
    let line = running.line();
    let address = line.split(' ').nth(2).and_then(|address| address.parse().ok());
    (running, address.unwrap_or_else(|| panic!("{line:?}")))
}

fn proxy() {
    let sink = accept_all(|stream| _ = drain(stream));
    let echo = accept_all(|mut stream| {
        stream.set_nodelay(true).expect("nodelay");
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
    });
    let through = |address: SocketAddr| {
        let began = Instant::now();
        let stream = connect(address);
        let end = stream.try_clone().expect("a copy");
        feed(stream, SIZE);
        // The sink closes once it has everything.
        drain(end);
        megabytes(SIZE, began)
    };
    let (_bulk, bulk) = start_proxy(sink, &["--plain"]);
    let (_quick, quick) = start_proxy(echo, &["--plain"]);
    let socat = have("socat").then(|| {
        [sink, echo].map(|to| {
            let at = free();
            let listen = format!("TCP-LISTEN:{},bind=127.0.0.1,fork,reuseaddr,nodelay", at.port());
            (Running::start("socat", &["-b", "65536", &listen, &format!("TCP:{to},nodelay")]), at)
        })
    });
    for _ in 0..3 {
        let own = through(bulk);
        let other = socat.as_ref().map(|socat| through(socat[0].1));
        let ratio =
            other.map_or_else(String::new, |other| format!(", socat {other:.0} MB/s, ratio {:.2}", own / other));
        println!("proxy:             {own:.0} MB/s{ratio}");
        let (direct, (own, _)) = (echo_time(echo).0, echo_time(quick));
        let other = socat.as_ref().map(|socat| echo_time(socat[1].1).0);
        let other = other.map_or_else(String::new, |other| format!(", socat adds {:.1} us", other - direct));
        println!("proxy, one byte:   adds {:.1} us to {direct:.1} us{other}", own - direct);
    }
    // Memory, with a server that keeps all connections.
    let server = Server::start("");
    for (what, to, more) in [
        ("plain", server.text, vec!["--plain"]),
        ("TLS", server.tls, vec!["--fingerprint", server.fingerprint.as_str()]),
    ] {
        let (running, address) = start_proxy(to, &[&more[..], &["--max", "1100"]].concat());
        let greeted = |count: usize| -> Vec<TcpStream> {
            let mut streams: Vec<_> = (0..count).map(|_| connect(address)).collect();
            for stream in &mut streams {
                let mut greeting = [0; 20];
                stream.read_exact(&mut greeting).expect("a greeting");
            }
            streams
        };
        let _first = greeted(50);
        let before = running.resident();
        let many = greeted(1000);
        let grown = running.resident().saturating_sub(before);
        println!("proxy, {what}: {} connections take {:.1} KB each", many.len(), grown as f64 / many.len() as f64);
    }
}

/// The times from posting a line until another user reads it.
fn chat_times(alice: &mut Person, bob: &mut Person) -> Vec<Duration> {
    let mut times = Vec::with_capacity(ROUNDS);
    for number in 0..ROUNDS {
        let began = Instant::now();
        alice.send("say", &format!("\"receiver\":\"general\",\"content\":\"line-{number}.\""));
        bob.expect(&format!("line-{number}."));
        times.push(began.elapsed());
        thread::park_timeout(Duration::from_millis(2));
    }
    times
}

/// How often what is compared takes turns: once where `cargo test` only wants to see that it runs.
fn turns() -> usize {
    if std::env::args().any(|argument| argument == "--bench") { 4 } else { 1 }
}

/// Chat alone and beside something else, in turns: on most machines the times alone differ more from minute to minute than
/// what stands beside them changes.
fn compare<T>(what: &str, server: &Server, mut begin: impl FnMut() -> T, mut end: impl FnMut(T)) {
    let (mut alice, mut bob) = (Person::login(server, "alice"), Person::login(server, "bob"));
    for person in [&mut alice, &mut bob] {
        person.ask("join", "\"receiver\":\"general\"");
    }
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..turns() {
        alone.extend(chat_times(&mut alice, &mut bob));
        let other = begin();
        beside.extend(chat_times(&mut alice, &mut bob));
        end(other);
    }
    let (alone, beside) = (middle_and_tail(alone), middle_and_tail(beside));
    println!(
        "chat beside {what}: p50 {:.0} us alone, {:.0} us beside, ratio {:.2}; p99 {:.0} us, {:.0} us, ratio {:.2}",
        alone.0,
        beside.0,
        beside.0 / alone.0,
        alone.1,
        beside.1,
        beside.1 / alone.1
    );
}

/// Sixteen files on their way, until [`Transfers::stop`].
struct Transfers {
    streams: Vec<TcpStream>,
    ends: Vec<thread::JoinHandle<()>>,
    _people: Vec<(Person, Person)>,
}

impl Transfers {
    fn start(server: &Server, turn: usize) -> Transfers {
        let mut running = Transfers { streams: Vec::new(), ends: Vec::new(), _people: Vec::new() };
        for number in 0..16 {
            let name = format!("to{turn}x{number}");
            let (mut sender, mut receiver) =
                (Person::login(server, &format!("from{turn}x{number}")), Person::login(server, &name));
            let [(put, _), (get, _)] = accepted(&mut sender, &mut receiver, &name);
            running._people.push((sender, receiver));
            let mut to = connect(server.files);
            to.write_all(format!("get {get}\n").as_bytes()).expect("sent");
            let mut from = connect(server.files);
            from.write_all(format!("put {put} {SIZE}\n").as_bytes()).expect("sent");
            running.streams.extend([&to, &from].map(|stream| stream.try_clone().expect("cloned")));
            running.ends.push(thread::spawn(move || {
                drain(to);
            }));
            running.ends.push(thread::spawn(move || {
                let chunk = vec![0x5a; CHUNK];
                while from.write_all(&chunk).is_ok() {}
            }));
        }
        running
    }

    fn stop(self) {
        stop(&self.streams, self.ends);
    }
}

/// As much data between as many ends, with no server in between: what the ends alone cost the chat.
struct Pairs {
    streams: Vec<TcpStream>,
    ends: Vec<thread::JoinHandle<()>>,
}

impl Pairs {
    fn start() -> Pairs {
        let mut running = Pairs { streams: Vec::new(), ends: Vec::new() };
        for _ in 0..16 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let mut from = connect(listener.local_addr().expect("its port"));
            let (to, _) = listener.accept().expect("a connection");
            running.streams.extend([&to, &from].map(|stream| stream.try_clone().expect("cloned")));
            running.ends.push(thread::spawn(move || {
                drain(to);
            }));
            running.ends.push(thread::spawn(move || {
                let (chunk, began) = (vec![0x5a; CHUNK], Instant::now());
                for number in 1.. {
                    if from.write_all(&chunk).is_err() {
                        return;
                    }
                    let due = Duration::from_secs_f64(f64::from(number) * CHUNK as f64 / PACE as f64);
                    thread::park_timeout(due.saturating_sub(began.elapsed()));
                }
            }));
        }
        running
    }

    fn stop(self) {
        stop(&self.streams, self.ends);
    }
}

/// Ends what `ends` do with `streams`.
fn stop(streams: &[TcpStream], ends: Vec<thread::JoinHandle<()>>) {
    for stream in streams {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for end in ends {
        end.join().expect("the end of a transfer");
    }
}

/// 5,000 HTTP heads that never end, from [`connect`] on until [`SlowHeads::stop`].
struct SlowHeads {
    is_over: Arc<AtomicBool>,
    sender: thread::JoinHandle<usize>,
}

impl SlowHeads {
    fn start(server: &Server) -> SlowHeads {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut heads: Vec<_> = (0..5000).map(|_| connect(server.web)).collect();
        let over = Arc::clone(&is_over);
        let sender = thread::spawn(move || {
            let head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
            let mut sent = 0;
            // Each has ten seconds, after which the server closes it.
            for at in 0..9 {
                // Spread over the second, as strangers' bytes arrive.
                for some in heads.chunks_mut(50) {
                    sent += some.iter_mut().filter_map(|stream| stream.write_all(&head[at..=at]).ok()).count();
                    thread::park_timeout(Duration::from_millis(9));
                    if over.load(Ordering::Relaxed) {
                        return sent;
                    }
                }
            }
            sent
        });
        SlowHeads { is_over, sender }
    }

    fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.sender.join().expect("slow heads")
    }
}

fn chat() {
    // At the pace of a slow network; at full speed the ends alone would use all processors.
    compare("the ends of 16 files, without a server between them", &Server::start(""), Pairs::start, Pairs::stop);
    let server = Server::start(&format!("bytes_per_second = {PACE}\n"));
    let mut turn = 0;
    let begin = || {
        turn += 1;
        Transfers::start(&server, turn)
    };
    compare("16 files", &server, begin, Transfers::stop);
    let before = server.running.resident();
    let transfers = Transfers::start(&server, 0);
    println!("16 files and 32 users: {} KB more", server.running.resident().saturating_sub(before));
    transfers.stop();
    drop(server);

    let server = Server::start("");
    let mut sent = 0;
    compare("5,000 slow heads", &server, || SlowHeads::start(&server), |heads| sent += heads.stop());
    println!("slow heads: {sent} bytes sent");
}

/// `chatsock connect` on a pseudo-terminal.
struct OnTerminal {
    child: Child,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl OnTerminal {
    fn start(server: &Server, name: &str) -> OnTerminal {
        let (columns, rows) = (80, 24);
        let pty = openpty(Some(&Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }), None);
        let pty = pty.expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a copy"));
        let to = format!("{name}@{}", server.tls);
        let child = Command::new(PROGRAM)
            .args(["connect", &to, "--fingerprint", &server.fingerprint, "--room", "general"])
            .envs([("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")])
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the client");
        let mut master = File::from(pty.master);
        let keyboard = master.try_clone().expect("a copy");
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut some = vec![0; CHUNK];
            while let Ok(count @ 1..) = master.read(&mut some) {
                if sender.send(some[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count: u16| std::num::NonZero::new(count).expect("cells");
        OnTerminal { child, keyboard, output, screen: vt100::Parser::new(cells(rows), cells(columns), 0) }
    }

    fn wait(&mut self, holds: impl Fn(&str) -> bool) {
        while !holds(&self.screen.screen().contents()) {
            let some = self.output.recv_timeout(Duration::from_secs(60));
            let some = some.unwrap_or_else(|_| panic!("not to be seen in\n{}", self.screen.screen().contents()));
            self.screen.process(&some);
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal).expect("sent");
    }

    /// Processor time, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its figures");
        let fields = stat.rsplit(')').next().expect("fields").split(' ').filter_map(|field| field.parse::<u64>().ok());
        fields.skip(10).take(2).sum()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client with TLS: how soon it is ready, shows a key, and shows a message.
fn client() {
    const LINES: usize = 10_000;
    if !cfg!(feature = "client") {
        return println!("LEFT OUT: this build has no client");
    }
    // What the client has not read yet waits in the server.
    let server = Server::start("");
    let mut times = Vec::new();
    for round in 0..20 {
        let began = Instant::now();
        let mut client = OnTerminal::start(&server, &format!("early{round}"));
        // A screen ends with its last character that is not a space.
        client.wait(|screen| screen.contains("\n>") && screen.contains("connected, TLS 1.3"));
        times.push(began.elapsed());
    }
    let (p50, p99) = middle_and_tail(times);
    println!("client: start to prompt {:.1} ms, {:.1} ms at worst (at most 60)", p50 / 1e3, p99 / 1e3);
    let mut client = OnTerminal::start(&server, "alice");
    client.wait(|screen| screen.contains("general  1 person"));
    println!("client: {} KB resident when it begins", resident(client.child.id()));
    let mut bob = Person::login(&server, "bob");
    bob.ask("join", "\"receiver\":\"general\"");
    client.signal(Signal::SIGSTOP);
    for number in 0..LINES {
        let text = format!("line {number} of what was said in general.");
        bob.ask("say", &format!("\"receiver\":\"general\",\"content\":\"{text}\""));
    }
    let began = Instant::now();
    client.signal(Signal::SIGCONT);
    let last = format!("line {} of", LINES - 1);
    client.wait(|screen| screen.contains(&last));
    println!("client: {LINES} incoming lines {:.0} ms (at most 200)", began.elapsed().as_secs_f64() * 1e3);
    let mut times = Vec::new();
    let mut typed = "> ".to_owned();
    for _ in 0..50 {
        typed.push('a');
        let began = Instant::now();
        client.keyboard.write_all(b"a").expect("typed");
        client.wait(|screen| screen.contains(&typed));
        times.push(began.elapsed());
    }
    let (p50, p99) = middle_and_tail(times);
    println!("client: key to screen {:.2} ms, {:.2} ms at worst (at most 5)", p50 / 1e3, p99 / 1e3);
    println!("client: {} KB resident with {LINES} lines (at most 20,000)", resident(client.child.id()));
    let before = client.ticks();
    thread::sleep(Duration::from_secs(5));
    println!("client: {} ms of processor time in 5 idle seconds (0)", (client.ticks() - before) * 10);
}
