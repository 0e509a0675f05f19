//! `chatsock proxy` as a program: its output, exit status and signals.

use std::net::TcpListener;

use crate::support::{Client, Program, Server};

/// Runs the proxy to its end. Returns its exit status and stderr.
fn ended(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut program = Program::start_with(&[&["proxy"], arguments].concat(), variables);
    let status = program.wait();
    (status, program.stderr())
}

#[test]
fn it_announces_itself_and_ends_gracefully_at_a_signal() {
    let server = Server::start();
    let to = server.address().to_string();
    for signal in ["INT", "TERM"] {
        let mut proxy = Program::start(&["proxy", "--listen", "127.0.0.1:0", "--to", &to, "--plain"]);
        let line = proxy.line();
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next()).expect("an address");
        assert_eq!(line, format!("listening on {address} (proxy to {to}, plain)"));
        let name = format!("alice{}", signal.to_lowercase());
        let mut alice = Client::login(address.parse().expect("an address"), &name);
        proxy.signal(signal);
        assert!(alice.expect_end().contains("* Goodbye.\r\n"));
        assert_eq!(proxy.wait(), Some(0), "{signal}: {}", proxy.stderr());
        let log = proxy.stderr();
        assert!(!log.contains("warning"), "{log}");
    }
}

#[test]
fn listening_for_other_machines_is_warned_of() {
    let mut proxy = Program::start(&["proxy", "--listen", "0.0.0.0:0", "--to", "127.0.0.1:9", "--plain"]);
    proxy.address();
    proxy.signal("TERM");
    assert_eq!(proxy.wait(), Some(0));
    let log = proxy.stderr();
    assert!(log.contains("everything between here and the person can be read"), "{log}");
}

#[test]
fn a_port_in_use_and_a_wrong_call_are_user_errors() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("an address").to_string();
    let (status, said) = ended(&["--listen", &address, "--to", "127.0.0.1:9", "--plain"], &[]);
    assert!(status == Some(2) && said.contains("the port is in use"), "{status:?} {said}");
    let (status, said) = ended(&["--listen", "127.0.0.1:0"], &[]);
    assert!(status == Some(2) && said.contains("needs --to"), "{status:?} {said}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_tls_only_plain_works() {
    let (status, said) = ended(&["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"], &[]);
    assert!(status == Some(2) && said.contains("needs the feature tls"), "{status:?} {said}");
}

#[cfg(feature = "tls")]
mod pinned {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::support::programs::{Terminal, have};
    use crate::support::scratch;

    /// A server with TLS, the address for `--to`, and its fingerprint.
    fn encrypted() -> (Server, String, String) {
        let directory = scratch();
        let server =
            Server::with(&format!("state_dir = \"{}\"\n[tls]\nlisten = [\"127.0.0.1:0\"]", directory.display()));
        let to = format!("localhost:{}", server.tls_address().port());
        let shown = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(directory.join("chatsock-certificate.pem"))
            .output()
            .expect("openssl runs");
        let shown = String::from_utf8(shown.stdout).expect("text");
        (server, to, shown.split_once('=').expect("a fingerprint").1.trim().to_owned())
    }

    fn known_servers(state: &Path) -> String {
        fs::read_to_string(state.join("chatsock/known_servers")).expect("a file")
    }

    #[test]
    fn without_a_terminal_an_unknown_server_needs_its_fingerprint() {
        if !have(&["openssl"]) {
            return;
        }
        let (_server, to, fingerprint) = encrypted();
        let state = scratch();
        let state = [("XDG_STATE_HOME", state.to_str().expect("text"))];
        let (status, said) = ended(&["--listen", "127.0.0.1:0", "--to", &to], &state);
        assert!(status == Some(2) && said.contains("--fingerprint is required"), "{status:?} {said}");
        assert!(said.contains(&fingerprint), "{said}");
        let (status, said) = ended(&["--listen", "127.0.0.1:0", "--to", "localhost:9"], &state);
        assert!(status == Some(2) && said.contains("give --fingerprint"), "{status:?} {said}");
        let start = ["proxy", "--listen", "127.0.0.1:0", "--to", &to, "--fingerprint", &fingerprint];
        let mut proxy = Program::start_with(&start, &state);
        let mut alice = Client::login(proxy.address(), "alice");
        alice.send(":whoami");
        alice.expect("encrypted (TLS 1.3)");
    }

    #[test]
    fn on_a_terminal_the_user_is_asked_once_and_nothing_is_sent_to_a_changed_server() {
        if !have(&["openssl", "script"]) {
            return;
        }
        let (server, to, fingerprint) = encrypted();
        let state = scratch();
        let line = format!("exec \"$PROGRAM\" proxy --listen 127.0.0.1:0 --to {to}");
        let ask = |answer: &str| {
            let mut child = Command::new("script")
                .args(["-qec", &line, "/dev/null"])
                .env("PROGRAM", env!("CARGO_BIN_EXE_chatsock"))
                .env("XDG_STATE_HOME", &state)
                .current_dir(scratch())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("script runs");
            let mut terminal = Terminal::over(&mut child);
            terminal.expect_text(&format!("* {to} shows certificate SHA-256 {fingerprint}\r\n"));
            terminal.expect_text("Trust it from now on? (yes/no) ");
            terminal.send(&format!("{answer}\n"));
            (child, terminal)
        };
        let (mut refused, mut terminal) = ask("no");
        terminal.expect_text("is not trusted; nothing was sent");
        assert_eq!(refused.wait().expect("waited").code(), Some(2));
        assert!(!state.join("chatsock/known_servers").exists(), "nothing is kept");
        let (mut trusted, mut terminal) = ask("yes");
        terminal.expect_text(&format!("(proxy to {to}, TLS)"));
        // Ctrl-C, as the terminal sends it.
        terminal.send("\u{3}");
        assert_eq!(trusted.wait().expect("waited").code(), Some(0));
        assert!(known_servers(&state).lines().any(|line| line == format!("{to} {fingerprint}")));
        let variables = [("XDG_STATE_HOME", state.to_str().expect("text"))];
        let mut known = Program::start_with(&["proxy", "--listen", "127.0.0.1:0", "--to", &to], &variables);
        Client::login(known.address(), "alice").settle();
        let kept = known_servers(&state);
        drop(server);
        // The same port with another certificate, which looks like a man in the middle.
        let (other, _, shown) = encrypted();
        let other_to = format!("localhost:{}", other.tls_address().port());
        let renamed = kept.replace(&to, &other_to);
        fs::write(state.join("chatsock/known_servers"), &renamed).expect("written");
        let (status, said) = ended(&["--listen", "127.0.0.1:0", "--to", &other_to], &variables);
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(status, Some(2), "{said}");
        assert_eq!(lines[0], format!("! The certificate of {other_to} has changed."));
        let day = kept.lines().find_map(|line| line.strip_prefix("# since ")).expect("a day").to_owned();
        assert_eq!(lines[1], format!("! Known since {day}: {fingerprint}  Now: {shown}"));
        let file = state.join("chatsock/known_servers");
        let expected = format!(
            "! Nothing was sent. If you know why, remove the line from {} or give --fingerprint.",
            file.display()
        );
        assert_eq!(lines[2], expected);
        assert_eq!(known_servers(&state), renamed, "nothing is replaced");
    }
}
