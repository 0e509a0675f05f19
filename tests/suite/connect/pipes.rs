//! The client on pipes: input, output and exit status.

use super::*;

#[test]
fn a_line_of_a_script_is_posted_and_the_status_is_zero() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let to = format!("alice@{}", server.address());
    let (status, out, errors) = run(&[&to, "--room", "general"], "hi\n");
    assert_eq!(status, Some(0), "{out}{errors}");
    assert!(out.contains("alice: hi\n"), "{out}");
    bob.expect("alice: hi\r\n");
    bob.expect("* alice left\r\n");
}

#[test]
fn a_thousand_lines_arrive_once_and_in_order() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let to = format!("alice@{}", server.address());
    let lines: String = (0..1000).map(|number| format!("line {number} of all\n")).collect();
    let (status, out, errors) = run(&[&to, "--room", "general"], &lines);
    assert_eq!(status, Some(0), "{errors}");
    for number in 0..1000 {
        let between = bob.expect(&format!("alice: line {number} of all\r\n"));
        assert!(!between.contains("alice: line"), "{between}");
    }
    assert_eq!(out.matches("of all\n").count(), 1000);
}

#[test]
fn a_refused_line_is_explained_and_the_status_is_one() {
    let server = Server::start();
    let to = format!("alice@{}", server.address());
    let (status, out, _) = run(&[&to, "--room", "general"], "@nobody hi\nstill here\n");
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("! ") && out.contains("alice: still here\n"), "{out}");
    let (status, out, _) = run(&[&to, "--room", "no such room!"], "hi\n");
    assert_eq!(status, Some(1), "{out}");
    assert!(!out.contains("alice: hi"), "{out}");
}

#[test]
fn a_line_longer_than_the_server_reads_is_refused_and_stops_no_other() {
    let server = Server::start();
    let to = format!("alice@{}", server.address());
    let (status, out, _) = run(&[&to, "--room", "general"], &format!("{}\nstill here\n", "x".repeat(50_000)));
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("! That is longer than the server reads at once. Nothing was sent.\n"), "{out}");
    assert!(out.contains("alice: still here\n"), "{out}");
}

#[test]
fn a_closed_output_ends_the_client_silently() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let to = format!("alice@{}", server.address());
    let mut alice = command(&[&to, "--room", "general"], &scratch()).spawn().expect("the client starts");
    bob.expect("alice joined");
    drop(alice.stdout.take());
    bob.send("is anybody there?");
    let mut errors = String::new();
    alice.stderr.take().expect("stderr").read_to_string(&mut errors).expect("text");
    assert_eq!((alice.wait().expect("waited").code(), errors.as_str()), (Some(1), ""));
}

#[test]
fn a_line_after_a_join_goes_to_that_room() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    let to = format!("alice@{}", server.address());
    let (status, out, _) = run(&[&to], ":create den\nin the den\n:join general\nin general\n@bob for you\n:rooms\n");
    assert_eq!(status, Some(0), "{out}");
    bob.expect("alice: in general\r\n");
    bob.expect("for you");
    assert!(out.contains("alice: in the den\n") && out.contains("you -> bob: for you\n"), "{out}");
    assert!(out.contains("* general "), "the list of rooms: {out}");
}

#[test]
fn without_a_name_and_a_terminal_nothing_is_asked() {
    let server = Server::start();
    let to = server.address().to_string();
    let (status, out, errors) = run(&[&to, "--room", "general"], "hi\n");
    assert_eq!(status, Some(2), "{out}{errors}");
    assert!(out.contains("write NAME@ before the host"), "{out}");
}

#[test]
fn messages_of_others_are_written_without_control_characters() {
    let server = Server::start();
    let mut alice = PipedClient::in_room("alice", server.address(), "general");
    alice.send("ready");
    alice.expect("alice: ready\n");
    let mut bob = server.chat("bob", "general");
    alice.expect("* bob joined\n");
    bob.send("a\u{1b}[2Jb\u{202e}c");
    alice.expect("bob: a[2Jbc\n");
    bob.send("/delete");
    alice.expect("message deleted");
    bob.send("/quit");
    alice.expect("* bob left\n");
    let (status, ..) = alice.finish();
    assert_eq!(status, Some(0));
}

#[test]
fn an_unreachable_server_and_a_wrong_command_line_are_reported() {
    let (status, _, errors) = run(&["alice@127.0.0.1:1", "--room", "general"], "hi\n");
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("cannot be reached"), "{errors}");
    let (status, _, errors) = run(&["alice@127.0.0.1:1", "--plain", "--tls"], "");
    assert_eq!(status, Some(2), "{errors}");
    let (status, _, errors) = run(&["alice@127.0.0.1:1", "--download", "/no/such/place"], "");
    assert!(status == Some(2) && errors.contains("is not a directory"), "{errors}");
}

#[test]
fn a_signal_ends_the_client_and_others_see_it_leave() {
    let server = Server::start();
    let mut bob = server.chat("bob", "general");
    for signal in ["INT", "TERM", "HUP"] {
        let mut alice = PipedClient::in_room("alice", server.address(), "general");
        bob.expect("* alice joined\r\n");
        let id = alice.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().expect("kill runs").success());
        let (status, ..) = alice.wait();
        assert_eq!(status, Some(1), "{signal}");
        bob.expect("* alice left\r\n");
    }
}
