//! The lines to copy, run in a shell with every program that users may have.

use super::*;
use crate::support::programs::{have, left_out};

/// The program that one side uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The line with nc, using this program.
    Nc(&'static str),
    /// The line with curl.
    Curl,
    /// The lines of `:help files`.
    Bash,
}

const WAYS: [Way; 6] =
    [Way::Nc("nc.openbsd"), Way::Nc("nc.traditional"), Way::Nc("ncat"), Way::Nc("busybox nc"), Way::Curl, Way::Bash];

impl Way {
    fn is_installed(self) -> bool {
        match self {
            Way::Nc(program) => have(&[program.split(' ').next().unwrap_or("")]),
            Way::Curl => have(&["curl"]),
            Way::Bash => have(&["bash"]),
        }
    }

    fn send(self, accepted: &Accepted) -> String {
        match self {
            Way::Bash => {
                let (host, port) = place(&accepted.send[0]);
                let token = accepted.put_token();
                format!(
                    "f=data; exec 3<>/dev/tcp/{host}/{port}; {{ echo \"put {token} $(wc -c <\"$f\")\"; cat \"$f\"; }} >&3; cat <&3"
                )
            }
            way => way.line(&accepted.send),
        }
    }

    fn get(self, accepted: &Accepted) -> String {
        match self {
            Way::Bash => {
                let (host, port) = place(&accepted.get[0]);
                let token = accepted.get_token();
                format!("f=data; exec 3<>/dev/tcp/{host}/{port}; echo get {token} >&3; cat <&3 >\"$f\"")
            }
            way => way.line(&accepted.get),
        }
    }

    fn line(self, lines: &[String]) -> String {
        match self {
            Way::Nc(program) => lines[0].replacen("nc ", &format!("{program} "), 1),
            Way::Curl | Way::Bash => lines[1].clone(),
        }
    }

    fn shell(self) -> &'static str {
        if self == Way::Bash { "bash" } else { "sh" }
    }
}

/// Host and port of a line with nc.
fn place(line: &str) -> (String, String) {
    let mut words = line.split("| nc ").nth(1).expect("nc").split(' ');
    (words.next().expect("a host").to_owned(), words.next().expect("a port").to_owned())
}

/// Sends a file one way and gets it another.
fn pass(pair: &mut (Client, Client), ways: (Way, Way), content: &[u8], sender_first: bool) {
    let (alice, bob) = pair;
    let accepted = exchange(alice, bob, "data");
    let (there, here) = (empty(), empty());
    fs::write(there.join("data"), content).expect("written");
    let (send, get) = (ways.0.send(&accepted), ways.1.get(&accepted));
    let run_sender = || Shell::run(ways.0.shell(), &there, &send);
    let run_receiver = || Shell::run(ways.1.shell(), &here, &get);
    let (sender, receiver) = if sender_first {
        let sender = run_sender();
        (sender, run_receiver())
    } else {
        let receiver = run_receiver();
        (run_sender(), receiver)
    };
    let what = format!("{ways:?}, {} bytes, sender first: {sender_first}", content.len());
    assert!(receiver.wait().success(), "receiver: {what}: {get}");
    assert!(sender.wait().success(), "sender: {what}: {send}");
    let received = fs::read(here.join("data")).expect("received");
    assert!(received == content, "{what}: {} bytes came", received.len());
    assert_eq!(contents(&here), ["data"], "{what}");
    for client in [alice, bob] {
        client.expect("* data: ");
    }
    let _ = (fs::remove_dir_all(there), fs::remove_dir_all(here));
}

#[test]
fn a_file_passes_from_every_program_to_every_other() {
    let server = server("");
    let mut pair = (server.login("alice"), server.login("bob"));
    let ways: Vec<_> = WAYS.into_iter().filter(|way| way.is_installed()).collect();
    let sizes = [0, 1, 1_000, 65_535, 65_536, 65_537, 200_000];
    let mut number = 0_usize;
    for sender in &ways {
        for receiver in &ways {
            number += 1;
            let content = random(number as u64, sizes[number % sizes.len()]);
            pass(&mut pair, (*sender, *receiver), &content, number.is_multiple_of(2));
        }
    }
}

#[test]
fn twenty_megabytes_pass_through_each_program() {
    let server = server("");
    let mut pair = (server.login("alice"), server.login("bob"));
    let ways: Vec<_> = WAYS.into_iter().filter(|way| way.is_installed()).collect();
    let content = random(7, 20_000_000);
    for (index, way) in ways.iter().enumerate() {
        let other = ways[(index + 1) % ways.len()];
        pass(&mut pair, (*way, other), &content, index % 2 == 0);
    }
}

#[test]
fn the_lines_for_hostile_names_run_nothing_and_write_nothing_elsewhere() {
    if !have(&["nc", "curl", "sh"]) {
        return;
    }
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let long = "y".repeat(300);
    for (number, name) in [
        "../x",
        "/tmp/chatsock-evil",
        "-rf",
        "--",
        "$(touch evil)",
        "`touch evil`",
        "'; touch evil; '",
        "\"; touch evil; \"",
        "x; touch evil",
        "x && touch evil",
        "x | touch evil",
        "x > evil",
        "* ?",
        "~",
        "#x",
        "\x1b[2J\x1b]0;evil\x07x",
        "x\u{202e}fdp",
        "CON",
        ".bashrc",
        "..",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        // A control character at the keyboard may end or edit the line, so the name is sent as a program would.
        let typed: String = name.chars().filter(|c| *c != '\x07').collect();
        alice.send(&format!(":send bob {typed}"));
        bob.expect("* alice offers you ");
        bob.send(":accept");
        let get = rows(&mut bob, 2);
        alice.expect("bob takes ");
        let send = announced_rows(&mut alice, 2);
        let reduced = get[0].strip_prefix("f=").and_then(|rest| rest.split("; ").next()).expect("f=").to_owned();
        let around = empty();
        let (there, here) = (around.join("there"), around.join("here"));
        fs::create_dir(&there).and_then(|()| fs::create_dir(&here)).expect("directories");
        fs::write(there.join(&reduced), b"content").expect("written");
        let row = number % 2;
        let receiver = Shell::run("sh", &here, &get[row]);
        let sender = Shell::run("sh", &there, &send[row]);
        assert!(receiver.wait().success() && sender.wait().success(), "{name:?}");
        assert_eq!(contents(&here), std::slice::from_ref(&reduced), "{name:?}");
        assert_eq!(contents(&there), std::slice::from_ref(&reduced), "{name:?}");
        assert_eq!(contents(&around), ["here", "there"], "{name:?}");
        assert_eq!(fs::read(here.join(&reduced)).expect("received"), b"content", "{name:?}");
        assert!(!Path::new("/tmp/chatsock-evil").exists());
        alice.expect(": 7 bytes");
        bob.expect(": 7 bytes");
        let _ = fs::remove_dir_all(around);
    }
}

#[test]
fn curl_and_ncat_fail_when_their_file_is_not_whole() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for (way, program) in [(Way::Curl, "curl"), (Way::Nc("ncat"), "ncat")] {
        if !have(&[program]) {
            continue;
        }
        // Under another name each time, or the second transfer would be the rest of the first.
        let accepted = exchange(&mut alice, &mut bob, program);
        let here = empty();
        // A pipeline's status is its last command's.
        let receiver = Shell::run("sh", &here, &way.get(&accepted));
        let mut sender = end(&server, &format!("put {} 5000000\n", accepted.put_token()));
        sender.write_all(&random(3, 1_000_000)).expect("sent");
        drop(sender);
        bob.expect(" broke off at 1,000,000 of 5,000,000 bytes.\r\n");
        assert!(!receiver.wait().success(), "{program} takes a part for the whole");
    }
}

#[test]
fn a_broken_file_is_made_whole_by_the_lines_for_the_rest() {
    if !have(&["nc", "curl", "sh"]) {
        return;
    }
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let content = random(4, 3_000_000);
    for row in [0, 1] {
        let (there, here) = (empty(), empty());
        fs::write(there.join("data"), &content).expect("written");
        let accepted = exchange(&mut alice, &mut bob, "data");
        let receiver = Shell::run("sh", &here, &accepted.get[row]);
        let mut sender = end(&server, &format!("put {} 3000000\n", accepted.put_token()));
        sender.write_all(&content[..1_000_000]).expect("sent");
        drop(sender);
        bob.expect("! data broke off at 1,000,000 of 3,000,000 bytes.\r\n");
        receiver.wait();
        assert_eq!(fs::metadata(here.join("data")).expect("a part").len(), 1_000_000);
        let resumed = exchange(&mut alice, &mut bob, "data");
        let receiver = Shell::run("sh", &here, &resumed.get[row]);
        let sender = Shell::run("sh", &there, &resumed.send[row]);
        assert!(receiver.wait().success() && sender.wait().success(), "{:?}", resumed.send[row]);
        assert!(fs::read(here.join("data")).expect("received") == content, "row {row}");
        bob.expect("* data: 3,000,000 bytes");
    }
}

/// A reset may have thrown away bytes that the server had counted, and a line may be run twice.
#[test]
fn a_refused_line_for_the_rest_leaves_the_part_that_is_there_alone() {
    if !have(&["nc", "curl", "sh"]) {
        return;
    }
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let content = random(5, 3_000_000);
    for row in [0, 1] {
        let (there, here) = (empty(), empty());
        fs::write(there.join("data"), &content).expect("written");
        let accepted = exchange(&mut alice, &mut bob, "data");
        let receiver = Shell::run("sh", &here, &accepted.get[row]);
        let mut sender = end(&server, &format!("put {} 3000000\n", accepted.put_token()));
        sender.write_all(&content[..1_000_000]).expect("sent");
        drop(sender);
        bob.expect("! data broke off at 1,000,000 of 3,000,000 bytes.\r\n");
        receiver.wait();
        fs::write(here.join("data"), &content[..900_000]).expect("a shorter part");
        let short = exchange(&mut alice, &mut bob, "data");
        Shell::run("sh", &here, &short.get[row]).wait();
        assert_eq!(fs::metadata(here.join("data")).expect("the part").len(), 900_000, "row {row}");
        bob.expect("* The receiver has 900,000 bytes of data");
        let get = announced_rows(&mut bob, 2);
        alice.expect("* The receiver has 900,000 bytes of data");
        let send = announced_rows(&mut alice, 2);
        let receiver = Shell::run("sh", &here, &get[row]);
        let sender = Shell::run("sh", &there, &send[row]);
        assert!(receiver.wait().success() && sender.wait().success(), "{:?}", send[row]);
        assert!(fs::read(here.join("data")).expect("received") == content, "row {row}");
        bob.expect("* data: 3,000,000 bytes");
        Shell::run("sh", &here, &get[row]).wait();
        assert!(fs::read(here.join("data")).expect("still there") == content, "row {row}, run again");
    }
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_curl_checks_the_key_of_a_self_signed_server() {
    if !have(&["curl", "sh"]) {
        return;
    }
    let state = empty();
    let config = format!("state_dir = {:?}\n[files]\ntls_listen = [\"127.0.0.1:0\"]\n", state.to_str().expect("UTF-8"));
    let server = Server::with(&config);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let (there, here) = (empty(), empty());
    let content = random(5, 2_000_000);
    fs::write(there.join("data"), &content).expect("written");
    for is_right in [true, false] {
        let accepted = exchange_in(&mut alice, &mut bob, "data", 1);
        assert!(accepted.get[0].contains("curl -k --pinnedpubkey sha256//"), "{}", accepted.get[0]);
        let get =
            if is_right { accepted.get[0].clone() } else { accepted.get[0].replacen("sha256//", "sha256//AAAA", 1) };
        let receiver = Shell::run("sh", &here, &get);
        if is_right {
            let sender = Shell::run("sh", &there, &accepted.send[0]);
            assert!(receiver.wait().success() && sender.wait().success());
            assert!(fs::read(here.join("data")).expect("received") == content);
            bob.expect("* data: 2,000,000 bytes, SHA-256 ");
        } else {
            assert!(!receiver.wait().success(), "curl takes any key");
        }
    }
}

#[cfg(feature = "tls")]
#[test]
fn one_end_may_use_tls_and_the_other_not() {
    if !have(&["curl", "sh"]) {
        return;
    }
    let state = empty();
    let listen = "listen = [\"127.0.0.1:0\"]\ntls_listen = [\"127.0.0.1:0\"]";
    let server = Server::with(&format!("state_dir = {:?}\n[files]\n{listen}\n", state.to_str().expect("UTF-8")));
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let content = random(6, 2_000_000);
    for (send_row, get_row) in [(0, 1), (1, 0), (1, 1)] {
        let (there, here) = (empty(), empty());
        fs::write(there.join("data"), &content).expect("written");
        let accepted = exchange(&mut alice, &mut bob, "data");
        assert!(accepted.send[1].contains("https://"), "{}", accepted.send[1]);
        let receiver = Shell::run("sh", &here, &accepted.get[get_row]);
        let sender = Shell::run("sh", &there, &accepted.send[send_row]);
        assert!(receiver.wait().success() && sender.wait().success(), "{send_row} to {get_row}");
        assert!(fs::read(here.join("data")).expect("received") == content);
        alice.expect("* data: 2,000,000 bytes");
        bob.expect("* data: 2,000,000 bytes");
    }
}

#[test]
fn missing_programs_of_the_matrix_are_reported() {
    let missing: Vec<_> = WAYS.into_iter().filter(|way| !way.is_installed()).collect();
    if !missing.is_empty() {
        left_out(&format!("{missing:?}"));
    }
}
