//! Debian's haproxy in front, with `send-proxy-v2`.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::behind_proxies;
use crate::support::programs::have;
use crate::support::{Client, PATIENCE, scratch};

/// haproxy with one frontend per address family.
struct Haproxy {
    child: Child,
    v4: SocketAddr,
    v6: Option<SocketAddr>,
}

/// An address that is currently free. Another program may take it before haproxy does, in which case the caller tries
/// again.
fn free(host: &str) -> Option<SocketAddr> {
    TcpListener::bind(format!("{host}:0")).and_then(|listener| listener.local_addr()).ok()
}

impl Haproxy {
    /// `None` if it is not installed.
    fn before(server: SocketAddr) -> Option<Haproxy> {
        if !have(&["haproxy"]) {
            return None;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (v4, v6) = (free("127.0.0.1").expect("a port"), free("[::1]"));
            let second = v6.map_or_else(String::new, |v6| format!("  bind {v6}\n"));
            let text = format!(
                "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
                 frontend chat\n  bind {v4}\n{second}  default_backend server\n\
                 backend server\n  server one {server} send-proxy-v2\n"
            );
            let file = scratch().join("haproxy.cfg");
            fs::write(&file, text).expect("written");
            let mut command = Command::new("haproxy");
            command.args(["-db", "-f"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut haproxy = Haproxy { child: command.spawn().expect("haproxy runs"), v4, v6 };
            while haproxy.child.try_wait().expect("waited").is_none() {
                if TcpStream::connect(v4).is_ok() {
                    return Some(haproxy);
                }
                assert!(Instant::now() < deadline, "haproxy does not listen");
                std::thread::yield_now();
            }
            assert!(Instant::now() < deadline, "haproxy does not start");
        }
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn behind_haproxy_a_client_has_its_own_address_over_ipv4_and_ipv6() {
    let (_server, address) = behind_proxies("");
    let Some(haproxy) = Haproxy::before(address) else { return };
    // All of 127.0.0.0/8 is local on Linux, so haproxy does not connect from this address.
    let mut alice = Client::connect_from([127, 0, 0, 9].into(), haproxy.v4).logged_in("alice");
    alice.send(":whoami");
    alice.expect("You connect from 127.0.0.9,");
    alice.send(":join general");
    alice.expect("* Joined general");
    let Some(v6) = haproxy.v6 else { return println!("LEFT OUT: this machine has no IPv6") };
    let mut bob = Client::login(v6, "bob");
    bob.send(":whoami");
    bob.expect("You connect from ::1,");
    bob.send(":say hello");
    bob.send(":quit");
    bob.expect("* Goodbye.\r\n");
    bob.expect_end();
}

#[test]
fn behind_haproxy_a_half_closed_script_gets_every_answer() {
    let (_server, address) = behind_proxies("");
    let Some(haproxy) = Haproxy::before(address) else { return };
    let mut script = Client::connect(haproxy.v4);
    script.send_bytes(b"alice\r\n:join general\r\n:say hello\r\n:rooms\r\n");
    script.stream().flush().expect("sent");
    script.finish();
    let told = script.expect_end();
    assert!(told.contains("* Sent to general as #1.\r\n") && told.ends_with("* Goodbye.\r\n"), "{told:?}");
}
