//! A Redis server for one test, with its own port and directory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::programs::have;

/// A running `redis-server`. Stopped when dropped.
pub struct Redis {
    child: Option<Child>,
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a port").port()
}

impl Redis {
    /// Starts one that stores nothing on disk. `None` where it is not installed.
    pub fn start() -> Option<Redis> {
        Redis::with(&["--appendonly", "no", "--save", ""])
    }

    /// Starts one with these arguments.
    pub fn with(arguments: &[&str]) -> Option<Redis> {
        if !have(&["redis-server"]) {
            return None;
        }
        // Another process may take the port first.
        for _ in 0..5 {
            let port = free_port();
            let directory = std::env::temp_dir().join(format!("chatsock-redis-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("a directory");
            let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let mut redis = Redis { child: None, port, directory, arguments };
            if redis.launch() {
                return Some(redis);
            }
        }
        panic!("redis-server does not start");
    }

    fn launch(&mut self) -> bool {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--maxmemory-policy", "noeviction"])
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.expect("redis-server starts");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if TcpStream::connect(self.address()).is_ok() {
                self.child = Some(child);
                return true;
            }
            if child.try_wait().expect("waited").is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// All its keys and values, as text.
    pub fn everything(&self) -> String {
        let script = "local all = {} for _, key in ipairs(redis.call('KEYS', '*')) do \
             local kind, found = redis.call('TYPE', key).ok, '' \
             if kind == 'string' then found = { redis.call('GET', key) } \
             elseif kind == 'hash' then found = redis.call('HGETALL', key) \
             elseif kind == 'list' then found = redis.call('LRANGE', key, 0, -1) \
             elseif kind == 'set' then found = redis.call('SMEMBERS', key) \
             else found = redis.call('XRANGE', key, '-', '+') end \
             all[#all + 1] = key .. ' ' .. cjson.encode(found) end return table.concat(all, '\\n')";
        let answer = self.ask(&["EVAL", script, "0"]);
        assert!(!answer.is_empty());
        answer
    }

    /// The answer to a command, as `redis-cli` prints it.
    pub fn ask(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port, "--no-raw"]).args(command).output();
        let output = output.expect("redis-cli runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a command and returns the answer's texts in order, without protocol framing.
    pub fn command(&self, words: &[&[u8]]) -> Vec<String> {
        let mut stream = TcpStream::connect(self.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        stream.write_all(&request).expect("sent");
        let mut lines = BufReader::new(stream);
        let mut texts = Vec::new();
        let mut left = 1;
        while left > 0 {
            left -= 1;
            let mut line = String::new();
            lines.read_line(&mut line).expect("an answer");
            let line = line.trim_end();
            let number = || line[1..].parse::<i64>().expect("a number");
            match line.as_bytes().first() {
                Some(b'*') => left += number().max(0),
                Some(b'$') if number() >= 0 => {
                    let mut text = vec![0; usize::try_from(number()).expect("a length") + 2];
                    lines.read_exact(&mut text).expect("a text");
                    text.truncate(text.len() - 2);
                    texts.push(String::from_utf8_lossy(&text).into_owned());
                }
                Some(b'$') => texts.push(String::new()),
                _ => texts.push(line[1..].to_owned()),
            }
        }
        texts
    }

    /// The first text of an answer.
    pub fn told(&self, words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
        self.command(&words).into_iter().next().unwrap_or_default()
    }

    /// Its directory.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// Kills it, like a power cut.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("waited");
        }
    }

    /// Restarts it on the same port with its data on disk.
    pub fn start_again(&mut self) {
        assert!(self.launch(), "redis-server does not start again");
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id).status().expect("kill runs").success());
    }
}

/// A Redis Cluster of the test's own: three that share the hash slots, each with a replica.
pub struct RedisCluster {
    /// First the three, then their replicas in the same order.
    pub all: Vec<Redis>,
}

impl RedisCluster {
    /// Starts it, and waits until all of it works. `None` where Redis is not installed.
    pub fn start() -> Option<RedisCluster> {
        let mut all = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..6 {
            let bus = free_port().to_string();
            let arguments = [
                ["--appendonly", "no"],
                ["--save", ""],
                ["--cluster-enabled", "yes"],
                ["--cluster-port", &bus],
                ["--cluster-node-timeout", "2000"],
                ["--repl-diskless-sync-delay", "0"],
            ];
            all.push(Redis::with(arguments.as_flattened())?);
            ports.push(bus);
        }
        let ids: Vec<_> = all.iter().map(|redis| redis.told(&["CLUSTER", "MYID"])).collect();
        for (index, range) in [("0", "5460"), ("5461", "10922"), ("10923", "16383")].iter().enumerate() {
            all[index].told(&["CLUSTER", "ADDSLOTSRANGE", range.0, range.1]);
        }
        for (index, redis) in all.iter().enumerate() {
            redis.told(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
            redis.told(&["CLUSTER", "MEET", "127.0.0.1", &all[0].port.to_string(), &ports[0]]);
        }
        let wait = |what: &str, is_so: &dyn Fn() -> bool| {
            let deadline = Instant::now() + PATIENCE;
            while !is_so() {
                assert!(Instant::now() < deadline, "the cluster never has {what}");
                std::thread::park_timeout(Duration::from_millis(20));
            }
        };
        let know = |redis: &Redis| ids.iter().all(|id| redis.told(&["CLUSTER", "NODES"]).contains(&**id));
        wait("all of its servers", &|| all.iter().all(know));
        for (index, replica) in all.iter().enumerate().skip(3) {
            wait("a replica", &|| replica.told(&["CLUSTER", "REPLICATE", &ids[index - 3]]) == "OK");
        }
        wait("copies", &|| all.iter().skip(3).all(|one| one.told(&["INFO", "replication"]).contains("link_status:up")));
        let works = |redis: &Redis| redis.told(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
        wait("its slots", &|| all.iter().all(works));
        Some(RedisCluster { all })
    }

    /// The address of all of it, as a server's configuration has it.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.all.iter().map(|redis| redis.address().to_string()).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }
}

/// A Redis Sentinel that watches one Redis under the name `chat`. Stopped when dropped.
pub struct Sentinel {
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl Sentinel {
    /// Starts one, and waits until it knows so many replicas.
    pub fn watch(redis: &Redis, replicas: usize) -> Sentinel {
        // Another process may take the port first.
        for _ in 0..5 {
            let port = free_port();
            let directory = std::env::temp_dir().join(format!("chatsock-sentinel-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("a directory");
            let settings = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor chat 127.0.0.1 {} 1\n\
                 sentinel down-after-milliseconds chat 1000\nsentinel failover-timeout chat 5000\n",
                redis.port
            );
            std::fs::write(directory.join("sentinel.conf"), settings).expect("a file");
            let child = Command::new("redis-server")
                .args(["sentinel.conf", "--sentinel"])
                .current_dir(&directory)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("redis-server starts");
            let mut sentinel = Sentinel { child, port, directory };
            if sentinel.is_ready(replicas) {
                return sentinel;
            }
        }
        panic!("the Sentinel does not start");
    }

    fn is_ready(&mut self, replicas: usize) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.child.try_wait().expect("waited").is_some() {
                return false;
            }
            let port = self.port.to_string();
            let asked = Command::new("redis-cli").args(["-p", &port, "SENTINEL", "REPLICAS", "chat"]).output();
            let output = asked.expect("redis-cli runs");
            let known = String::from_utf8_lossy(&output.stdout).matches("master-link-status").count();
            if output.status.success() && known >= replicas {
                return true;
            }
            assert!(Instant::now() < deadline, "the Sentinel knows {known} replicas");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Its address, as a server's configuration has it.
    pub fn url(&self) -> String {
        format!("sentinel://127.0.0.1:{}/chat", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited");
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
