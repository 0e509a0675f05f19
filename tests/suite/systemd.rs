//! Notifications to systemd, through a socket that the test provides.

use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::support::machine::{argument, file};
use crate::support::{PATIENCE, Program, scratch};

/// The test in the role of systemd.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    /// With a socket in a directory.
    fn at_a_path() -> Manager {
        let path = scratch().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Manager::over(socket, argument(&path).to_owned())
    }

    /// With a socket that has only a name, as in a container.
    fn abstract_one(number: u32) -> Manager {
        let name = format!("chatsock-test-{}-{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        Manager::over(UnixDatagram::bind_addr(&address).expect("a socket"), format!("@{name}"))
    }

    fn over(socket: UnixDatagram, name: String) -> Manager {
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Manager { socket, name }
    }

    fn start(&self, config: &str) -> Program {
        Program::start_with(&["--config", config], &[("NOTIFY_SOCKET", &self.name)])
    }

    /// The lines of the next message.
    fn heard(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let count = self.socket.recv(&mut buffer).expect("a message in time");
        let text = std::str::from_utf8(&buffer[..count]).expect("text");
        assert!(text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }
}

const CONFIG: &str = "listen = [\"127.0.0.1:0\"]\nshutdown_delay = 1\n";

fn ready(status: &str) -> Vec<String> {
    vec!["READY=1".to_owned(), format!("STATUS={status}")]
}

fn expect_reloading(manager: &Manager) {
    let reloading = manager.heard();
    assert_eq!(reloading[0], "RELOADING=1");
    let moment = reloading[1].strip_prefix("MONOTONIC_USEC=").and_then(|moment| moment.parse::<u64>().ok());
    // systemd's clock is also the time since the machine started.
    let uptime = std::fs::read_to_string("/proc/uptime").expect("the uptime");
    let uptime: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("seconds");
    assert!(moment.is_some_and(|moment| (moment as f64 / 1e6) <= uptime + 1.0), "{reloading:?}, {uptime}");
}

fn from_start_to_stop(manager: &Manager) {
    let config = file("a.toml", CONFIG);
    let mut program = manager.start(argument(&config));
    assert_eq!(manager.heard(), ready("accepting connections"));
    let address = program.address();
    drop(TcpStream::connect(address).expect("all listeners are open"));
    program.signal("HUP");
    expect_reloading(manager);
    assert_eq!(manager.heard(), ready("configuration reloaded; accepting connections"));
    // A failed reload must be reported as finished too, or systemd would wait for it.
    std::fs::write(&config, "lissten = 3\n").expect("written");
    program.signal("HUP");
    expect_reloading(manager);
    assert_eq!(manager.heard(), ready("the configuration has mistakes; the old one stays in force"));
    program.signal("TERM");
    assert_eq!(manager.heard(), ["STOPPING=1", "EXTEND_TIMEOUT_USEC=31000000", "STATUS=stopping in 1 second"]);
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn a_manager_with_a_path_is_told_of_start_reload_and_stop() {
    from_start_to_stop(&Manager::at_a_path());
}

#[test]
fn a_manager_with_an_abstract_name_is_told_of_start_reload_and_stop() {
    from_start_to_stop(&Manager::abstract_one(1));
}

#[test]
fn a_server_that_cannot_start_is_never_ready() {
    let manager = Manager::abstract_one(2);
    let mut program = manager.start(argument(&file("a.toml", "lissten = 3\n")));
    assert_eq!(program.wait(), Some(2));
    manager.socket.set_nonblocking(true).expect("set");
    assert!(manager.socket.recv(&mut [0; 64]).is_err(), "nothing was said");
}

#[test]
fn a_manager_that_is_gone_or_does_not_read_causes_at_most_a_warning() {
    for name in ["/nowhere/notify", "@chatsock-nobody", "relative", ""] {
        let config = file("a.toml", CONFIG);
        let mut program = Program::start_with(&["--config", argument(&config)], &[("NOTIFY_SOCKET", name)]);
        drop(TcpStream::connect(program.address()).expect("it listens"));
        program.signal("TERM");
        assert_eq!(program.wait(), Some(0), "{name:?}");
        let log = program.stderr();
        assert_eq!(log.contains("systemd was not told READY=1"), !name.is_empty(), "{name:?}: {log}");
    }
}
