//! Announcements, as seen by avahi and python-zeroconf on another machine.
//!
//! Python finds `zeroconf` where it is installed, in a folder of `PYTHONPATH`, or where `.ci/run` puts it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use super::configuration;
use crate::support::PATIENCE;
use crate::support::machine::{Logged, argument, eventually};
use crate::support::network::{Machine, TwoMachines};
use crate::support::programs::{have, left_out};

/// Prints a line for each service that appears or disappears: its name, port, address, host and texts.
const BROWSE: &str = "import sys, threading
from zeroconf import ServiceBrowser, Zeroconf
zc = Zeroconf(interfaces=[sys.argv[1]])
class Listener:
    def add_service(self, zc, kind, name):
        i = zc.get_service_info(kind, name, 5000)
        texts = sorted((k + b'=' + (v or b'')).decode() for k, v in i.properties.items() if k)
        print('+', name.split('._')[0], kind.split('.')[0], i.port, *i.parsed_addresses(), i.server, *texts, sep=';', flush=True)
    def update_service(self, zc, kind, name):
        pass
    def remove_service(self, zc, kind, name):
        print('-', name.split('._')[0], kind.split('.')[0], sep=';', flush=True)
ServiceBrowser(zc, ['_chatsock._tcp.local.', '_telnet._tcp.local.', '_http._tcp.local.'], Listener())
print('browsing', flush=True)
sys.stdin.read()
";

/// Where `.ci/run` installs what Python needs.
fn python_path() -> std::ffi::OsString {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/python");
    let path = std::env::var_os("PYTHONPATH").unwrap_or_default();
    std::env::join_paths(std::env::split_paths(&path).chain([ours])).expect("a path")
}

/// python-zeroconf on machine two. `None` if it is not installed.
fn browser(machines: &TwoMachines) -> Option<Browser> {
    if !have(&["python3"]) {
        return None;
    }
    let mut there = Command::new("python3");
    there.args(["-c", "import zeroconf"]).env("PYTHONPATH", python_path()).stderr(Stdio::null());
    if !there.status().expect("python3 runs").success() {
        left_out("python3 without zeroconf");
        return None;
    }
    let mut command = machines.command(Machine::Two, "python3");
    command.args(["-c", BROWSE, "10.77.0.2"]).env("PYTHONPATH", python_path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 runs");
    let (sender, lines) = mpsc::channel();
    let stdout = BufReader::new(child.stdout.take().expect("stdout"));
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut browser = Browser { child, lines, seen: Vec::new() };
    assert_eq!(browser.line(), "browsing");
    Some(browser)
}

/// python-zeroconf, and its output.
struct Browser {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Browser {
    fn line(&mut self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("nothing new from zeroconf, which has seen {:#?}", self.seen));
        self.seen.push(line.clone());
        line
    }

    /// The next line about services of this type.
    fn next(&mut self, kind: &str) -> String {
        loop {
            let line = self.line();
            if line.split(';').nth(2) == Some(kind) {
                return line;
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ended already, if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// avahi and its bus on one machine.
struct Avahi(Vec<Child>);

impl Avahi {
    /// `None` if it is not installed.
    fn start(machines: &TwoMachines, machine: Machine) -> Option<Avahi> {
        if !have(&["avahi-daemon", "avahi-browse", "dbus-daemon"]) {
            return None;
        }
        let start = |program: &str, arguments: &[&str]| {
            let mut command = machines.command(machine, program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("it runs")
        };
        machines.expect(machine, "mkdir -p /run/dbus");
        let mut avahi = Avahi(vec![start("dbus-daemon", &["--system", "--nofork", "--nopidfile"])]);
        eventually("a bus", || machines.shell(machine, "test -S /run/dbus/system_bus_socket").status.success());
        avahi.0.push(start("avahi-daemon", &["--no-drop-root", "--no-chroot"]));
        eventually("avahi", || machines.shell(machine, "avahi-browse -pt _chatsock._tcp").status.success());
        Some(avahi)
    }
}

impl Drop for Avahi {
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            // Ended already, if this fails.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(machines: &TwoMachines, machine: Machine, discovery: &str, more: &str) -> Logged {
    let config = configuration(&format!("announce = true\n{discovery}\n{more}"));
    let mut server = Logged::start(machines.chatsock(machine, &["--config", argument(&config)]));
    server.address();
    server
}

#[cfg(feature = "web")]
const PAGE: &str = "[web]\nlisten = [\"0.0.0.0:8080\"]";
#[cfg(not(feature = "web"))]
const PAGE: &str = "";

#[test]
fn zeroconf_sees_the_server_what_it_offers_and_its_goodbye() {
    let Some(machines) = TwoMachines::new() else { return };
    let Some(mut browser) = browser(&machines) else { return };
    let mut server = start(&machines, Machine::One, "name = \"Attic: box. 1\"", PAGE);
    let mut seen: Vec<_> = Vec::new();
    for _ in 0..(if cfg!(feature = "web") { 3 } else { 2 }) {
        seen.push(browser.line());
    }
    seen.sort();
    let host = seen[0].split(';').find(|part| part.starts_with("chatsock-")).expect("a host").to_owned();
    let digits = host.strip_prefix("chatsock-").and_then(|rest| rest.strip_suffix(".local."));
    assert!(digits.is_some_and(|digits| digits.len() == 4), "{host}");
    let web = if cfg!(feature = "web") { ";web=8080" } else { "" };
    let mut expected = vec![
        format!("+;Attic: box. 1;_chatsock;5555;10.77.0.1;203.0.113.1;{host};txtvers=1{web}"),
        format!("+;Attic: box. 1;_telnet;5555;10.77.0.1;203.0.113.1;{host}"),
    ];
    if cfg!(feature = "web") {
        expected.insert(1, format!("+;Attic: box. 1;_http;8080;10.77.0.1;203.0.113.1;{host};path=/"));
    }
    let sorted = |line: &String| {
        let mut parts: Vec<_> = line.split(';').map(str::to_owned).collect();
        parts[1..].sort();
        parts
    };
    assert_eq!(seen.iter().map(sorted).collect::<Vec<_>>(), expected.iter().map(sorted).collect::<Vec<_>>());
    server.signal("TERM");
    assert_eq!(browser.next("_chatsock"), "-;Attic: box. 1;_chatsock");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn avahi_sees_the_server_and_its_goodbye_and_a_second_server_is_renamed_beside_avahi() {
    let Some(machines) = TwoMachines::new() else { return };
    // avahi runs on the machine of the second server.
    let Some(_avahi) = Avahi::start(&machines, Machine::Two) else { return };
    let browse = || machines.expect(Machine::Two, "avahi-browse -rpt _chatsock._tcp");
    let mut one = start(&machines, Machine::One, "name = \"box\"", "");
    eventually("avahi sees the server", || {
        browse().lines().any(|line| {
            let parts: Vec<_> = line.split(';').collect();
            parts[0] == "="
                && parts[3..5] == ["box", "_chatsock._tcp"]
                && parts[8] == "5555"
                && parts[9] == "\"txtvers=1\""
        })
    });
    let mut two = start(&machines, Machine::Two, "name = \"box\"", "");
    // `box (2)`, as avahi writes it.
    let second = ";box\\032\\0402\\041;_chatsock._tcp;";
    eventually("avahi sees the second server under another name", || browse().contains(second));
    assert!(browse().contains(";box;_chatsock._tcp;"), "the first one keeps its name");
    two.expect_log("announced as box (2)._chatsock._tcp.local.");
    one.signal("TERM");
    eventually("the first server is gone", || !browse().contains(";box;_chatsock._tcp;"));
    assert!(browse().contains(second), "and not the second");
    two.signal("TERM");
    eventually("the second server is gone", || browse().is_empty());
    assert_eq!((one.wait(), two.wait()), (Some(0), Some(0)));
}

#[test]
fn a_reload_starts_and_stops_announcing() {
    let Some(machines) = TwoMachines::new() else { return };
    let Some(mut browser) = browser(&machines) else { return };
    let config = configuration("name = \"box\"");
    let mut server = Logged::start(machines.chatsock(Machine::One, &["--config", argument(&config)]));
    server.address();
    let text = std::fs::read_to_string(&config).expect("the file");
    let reload = |extra: &str| {
        std::fs::write(&config, format!("{text}{extra}\n")).expect("written");
        server.signal("HUP");
    };
    reload("announce = true");
    assert!(browser.next("_chatsock").starts_with("+;box;"));
    reload("announce = false");
    assert_eq!(browser.next("_chatsock"), "-;box;_chatsock");
    assert!(server.runs());
}

#[test]
fn the_file_for_avahi_announces_the_same() {
    let Some(machines) = TwoMachines::new() else { return };
    let Some(mut browser) = browser(&machines) else { return };
    if !have(&["avahi-daemon"]) {
        return;
    }
    let config = configuration("name = \"R&D <box>\"");
    let file = machines.chatsock(Machine::One, &["--avahi-service", "--config", argument(&config)]).output();
    let file = String::from_utf8(file.expect("the program runs").stdout).expect("text");
    machines.expect(Machine::One, "mount -t tmpfs none /etc/avahi/services");
    let mut write = machines.command(Machine::One, "tee");
    let mut write =
        write.arg("/etc/avahi/services/chatsock.service").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let write = write.as_mut().expect("tee runs");
    std::io::Write::write_all(write.stdin.as_mut().expect("stdin"), file.as_bytes()).expect("written");
    drop(write.stdin.take());
    assert!(write.wait().expect("waited").success());
    let Some(_avahi) = Avahi::start(&machines, Machine::One) else { return };
    let line = browser.next("_chatsock");
    assert!(line.starts_with("+;R&D <box>;_chatsock;5555;") && line.ends_with(";txtvers=1"), "{line}");
}
