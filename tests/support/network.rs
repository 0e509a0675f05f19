//! Two machines on one cable: network namespaces joined by a pair of virtual interfaces, for tests that depend on
//! addresses.
//!
//! Nothing leaves them, and they disappear when the test ends. Creating them requires root.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::support::programs::{Terminal, have, left_out};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 10.77.0.1, fd77::1 and 203.0.113.1, which is a public address (RFC 5737).
    One,
    /// 10.77.0.2, fd77::2 and 203.0.113.2.
    Two,
}

/// Both.
pub struct TwoMachines {
    holders: [Child; 2],
}

/// A process that holds a machine's namespaces until its input is closed. Each machine has its own /run.
fn holder() -> Option<Child> {
    let script = "mount -t tmpfs none /run && ip link set lo up && echo ready && exec cat";
    let mut child = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("unshare runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("text");
    if line == "ready\n" {
        return Some(child);
    }
    child.wait().expect("waited");
    None
}

impl TwoMachines {
    /// `None` if this system does not let the test create them.
    pub fn new() -> Option<TwoMachines> {
        if !have(&["unshare", "nsenter", "ip"]) {
            return None;
        }
        let Some(one) = holder() else {
            left_out("network namespaces, which only root may make");
            return None;
        };
        let machines = TwoMachines { holders: [one, holder().expect("a second machine")] };
        let second = machines.holders[1].id();
        machines.expect(Machine::One, &format!("ip link add cable type veth peer name cable netns {second}"));
        for (machine, last) in [(Machine::One, 1), (Machine::Two, 2)] {
            // Without link-local addresses there is no traffic until a test sends something.
            machines.expect(
                machine,
                &format!(
                    "ip link set cable addrgenmode none && ip addr add 10.77.0.{last}/24 brd + dev cable && \
                     ip addr add 203.0.113.{last}/24 brd + dev cable && ip link set cable up"
                ),
            );
        }
        Some(machines)
    }

    /// Adds IPv6 addresses.
    pub fn with_ipv6(self) -> TwoMachines {
        self.expect(Machine::One, "ip addr add fd77::1/64 dev cable nodad");
        self.expect(Machine::Two, "ip addr add fd77::2/64 dev cable nodad");
        self
    }

    /// A command that runs on this machine.
    pub fn command(&self, machine: Machine, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.holders[machine as usize].id().to_string()).args(["--net", "--mount"]);
        // The directory must be resolved on that machine.
        command.arg("--wd=/").arg("--").arg(program).env_remove("RUST_LOG");
        command
    }

    /// `chatsock` on this machine.
    pub fn chatsock(&self, machine: Machine, arguments: &[&str]) -> Command {
        let mut command = self.command(machine, env!("CARGO_BIN_EXE_chatsock"));
        command.args(arguments);
        command
    }

    /// Runs a shell command on this machine.
    pub fn shell(&self, machine: Machine, line: &str) -> Output {
        self.command(machine, "sh").args(["-c", line]).stdin(Stdio::null()).output().expect("a shell runs")
    }

    /// The same, but it must succeed; returns its output.
    pub fn expect(&self, machine: Machine, line: &str) -> String {
        let output = self.shell(machine, line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{machine:?}: {line}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// How many packets a machine has sent to the other.
    pub fn packets_from(&self, machine: Machine) -> u64 {
        let table = self.expect(machine, "cat /proc/net/dev");
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix("cable:")).expect("the interface");
        line.split_whitespace().nth(9).and_then(|count| count.parse().ok()).expect("a number")
    }
}

impl Drop for TwoMachines {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            // Fails if it has already exited.
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

/// A user with OpenBSD's nc on one of the machines.
pub struct Person {
    child: Child,
    /// Their screen.
    pub terminal: Terminal,
}

impl Person {
    /// Connects, optionally from one of that machine's addresses.
    pub fn connect(machines: &TwoMachines, machine: Machine, own: Option<&str>, host: &str, port: &str) -> Person {
        let mut command = machines.command(machine, "nc.openbsd");
        command.args(own.map(|own| ["-s", own]).iter().flatten()).args([host, port]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("nc runs");
        let terminal = Terminal::over(&mut child);
        Person { child, terminal }
    }

    /// Enters a name and waits for the palette.
    pub fn logged_in(mut self, name: &str) -> Person {
        self.terminal.expect_text("Username: ");
        self.says(name, ":help explains.");
        self
    }

    /// Types a line, and waits for the answer.
    pub fn says(&mut self, line: &str, answer: &str) {
        self.terminal.send(&format!("{line}\n"));
        self.terminal.expect_text(answer);
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
