//! Proxies on one machine in front of a server on another: the server knows users by their own addresses.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::support::machine::{Logged, argument, eventually, file};
use crate::support::network::{Machine, Person, TwoMachines};
use crate::support::programs::have;
use crate::support::scratch;

/// The proxy's port for users, on machine two.
const PORT: &str = "7000";

fn login(machines: &TwoMachines, own: &str, host: &str, name: &str) -> Person {
    Person::connect(machines, Machine::Two, Some(own), host, PORT).logged_in(name)
}

/// A program on machine two that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, if this fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program, and waits until users can connect to it.
fn running(machines: &TwoMachines, mut command: Command, host: &str) -> Running {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let program = Running(child);
    eventually("the proxy listens", || {
        machines.shell(Machine::Two, &format!("nc.openbsd -z {host} {PORT}")).status.success()
    });
    program
}

/// Two machines with all addresses, and a server on the first that trusts a proxy on the second. `None` if they cannot be
/// created.
fn machines() -> Option<(TwoMachines, Logged)> {
    if !have(&["nc.openbsd"]) {
        return None;
    }
    let machines = TwoMachines::new()?.with_ipv6();
    machines.expect(
        Machine::Two,
        "ip addr add 10.77.0.3/24 dev cable && ip addr add 10.77.0.4/24 dev cable && ip addr add 10.77.0.5/24 dev cable && \
         ip addr add fd77::3/64 dev cable nodad && ip addr add fd78::4/64 dev cable nodad && ip addr add fd79::5/64 dev cable nodad",
    );
    let config = file(
        "chatsock.toml",
        "listen = [\"10.77.0.1:5555\"]\nexit_code = false\nshutdown_delay = 0\n[proxy]\n\
         listen = [\"10.77.0.1:5565\"]\ntrusted = [\"10.77.0.2\"]\n",
    );
    let mut server = Logged::start(machines.chatsock(Machine::One, &["--config", argument(&config)]));
    server.address();
    server.address();
    Some((machines, server))
}

/// Asserts that of three users behind the proxy at `host`, a ban of one keeps out their address and nobody else.
fn a_ban_hits_the_address_of_the_user(machines: &TwoMachines, server: &Logged, host: &str, own: [&str; 3]) {
    let mut alice = login(machines, own[2], host, "alice");
    alice.says(":create club", "club");
    let mut bob = login(machines, own[0], host, "bob");
    bob.says(":whoami", &format!("You connect from {},", own[0]));
    bob.says(":join club", "* Joined club");
    alice.says(":ban bob", "bob was banned by alice");
    bob.says(":quit", "* Goodbye.");
    drop(bob);
    let mut carol = login(machines, own[0], host, "carol");
    carol.says(":join club", "! You are banned from club");
    let mut dave = login(machines, own[1], host, "dave");
    dave.says(":whoami", &format!("You connect from {},", own[1]));
    dave.says(":join club", "* Joined club");
    let log = server.log();
    let shown = if own[0].contains(':') { format!("[{}]", own[0]) } else { own[0].to_owned() };
    assert!(log.contains(&format!("is from {shown}:")) && log.contains("through a proxy at 10.77.0.2:"), "{log}");
}

const IPV4: [&str; 3] = ["10.77.0.3", "10.77.0.4", "10.77.0.5"];

/// In three networks, because a ban covers a user's whole network (/64).
const IPV6: [&str; 3] = ["fd77::3", "fd78::4", "fd79::5"];

#[test]
fn behind_haproxy_on_another_machine_bans_hit_the_address_of_the_user_over_ipv4_and_ipv6() {
    if !have(&["haproxy"]) {
        return;
    }
    for (host, bind, own) in [("10.77.0.2", "10.77.0.2:7000", IPV4), ("fd77::2", "[fd77::2]:7000", IPV6)] {
        let Some((machines, server)) = machines() else { return };
        let text = format!(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             listen chat\n  bind {bind}\n  server one 10.77.0.1:5565 send-proxy-v2\n"
        );
        let configuration = scratch().join("haproxy.cfg");
        fs::write(&configuration, text).expect("written");
        let mut command = machines.command(Machine::Two, "haproxy");
        command.args(["-db", "-f"]).arg(&configuration);
        let _haproxy = running(&machines, command, host);
        a_ban_hits_the_address_of_the_user(&machines, &server, host, own);
    }
}

#[test]
fn behind_our_own_proxy_on_another_machine_bans_hit_the_address_of_the_user_over_ipv4_and_ipv6() {
    for (host, listen, own) in [("10.77.0.2", "10.77.0.2:7000", IPV4), ("fd77::2", "[fd77::2]:7000", IPV6)] {
        let Some((machines, server)) = machines() else { return };
        let to = ["proxy", "--listen", listen, "--to", "10.77.0.1:5565", "--plain", "--send-proxy"];
        let _proxy = running(&machines, machines.chatsock(Machine::Two, &to), host);
        a_ban_hits_the_address_of_the_user(&machines, &server, host, own);
    }
}

#[test]
fn a_machine_that_is_not_trusted_is_refused_and_a_trusted_one_cannot_name_the_server_itself() {
    let Some((machines, server)) = machines() else { return };
    // 127.0.0.1 in the header, which would be exempt from limits.
    let header =
        "printf '\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\041\\021\\0\\014\\177\\0\\0\\001\\177\\0\\0\\001\\020\\222\\025\\263'";
    let knock = |own: &str| machines.expect(Machine::Two, &format!("{header} | nc.openbsd -N -s {own} 10.77.0.1 5565"));
    assert_eq!(knock("10.77.0.3"), "! This port is for proxies.\r\n");
    assert_eq!(knock("203.0.113.2"), "! This port is for proxies.\r\n");
    let refused = knock("10.77.0.2");
    assert!(!refused.contains("Username") && !server.log().contains("is from 127.0.0.1"), "{refused}");
}
