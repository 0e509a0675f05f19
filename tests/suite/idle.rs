//! Idle users: warnings, disconnects, and what counts as activity.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chatsock::config::Config;
use chatsock::hub::Hub;
use chatsock::outbox::{DisconnectReason, Outbox};
use chatsock::session::Session;
use chatsock::ui::palette::Door;
use chatsock::ui::screen::{Clock, LineKind};
use socket2::SockRef;

use crate::support::{Client, PATIENCE, Server};

/// From now on, idle users are warned after one second and disconnected after two. Set only once all users are in, and
/// each of them types an empty line, from which the time counts.
fn silence_counts<const COUNT: usize>(server: &Server, people: [&mut Client; COUNT]) {
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 2\n[limits]\nmessages_per_second = 0\n");
    for client in people {
        client.send("");
        client.expect("> ");
    }
}

const WARNING: &str = "* You have been idle for a while and will be disconnected in 1 second.\r\n";

#[test]
fn an_idle_user_is_warned_at_half_time_and_then_logged_out() {
    let server = Server::start();
    let (mut bob, mut alice) = (server.login("bob"), server.login("alice"));
    silence_counts(&server, [&mut bob, &mut alice]);
    alice.expect(WARNING);
    let end = alice.expect_end();
    assert!(end.ends_with("! You were idle for too long.\r\n"), "{end:?}");
    bob.expect_end();
}

#[test]
fn any_typed_line_counts_as_activity() {
    // Long enough for a machine that pauses between a warning and the next line.
    let server = Server::with("idle_timeout = 10");
    let mut alice = server.login("alice");
    alice.expect("will be disconnected in 5 seconds.\r\n");
    alice.send("");
    alice.expect("> ");
    alice.expect("will be disconnected in 5 seconds.\r\n");
}

#[test]
fn viewers_see_who_was_disconnected_for_being_idle_and_a_room_admin_may_watch_without_typing() {
    let server = Server::start();
    let mut carol = server.login("carol");
    carol.send(":create den");
    carol.expect("[den]> ");
    let mut alice = server.login("alice");
    alice.send(":join den");
    alice.expect("[den]> ");
    silence_counts(&server, [&mut carol]);
    carol.send(":chat");
    carol.expect("den | ");
    silence_counts(&server, [&mut alice]);
    alice.expect(WARNING);
    // Carol has been idle for longer than alice. Once alice has gone, nobody is left to be an admin for.
    let seen = carol.settle();
    assert!(!seen.contains("been idle"), "{seen:?}");
    assert!(alice.expect_end().ends_with("! You were idle for too long.\r\n"));
    carol.expect("* alice left (idle)\r\n");
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 0\n[limits]\nmessages_per_second = 0\n");
    // Two admins are there for each other.
    let mut erin = server.login("erin");
    erin.send(":join den");
    carol.expect("* erin joined\r\n");
    carol.send("/op erin");
    carol.expect("* carol made erin admin\r\n");
    let mut dave = server.login("dave");
    dave.send(":join den");
    carol.expect("* dave joined\r\n");
    silence_counts(&server, [&mut dave]);
    dave.expect(WARNING);
    carol.expect("* dave left (idle)\r\n");
    assert!(!carol.settle().contains("been idle"));
}

#[test]
fn an_idle_admin_of_an_otherwise_empty_room_is_logged_out_like_anybody() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    silence_counts(&server, [&mut alice]);
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! You were idle for too long.\r\n"));
}

#[test]
fn a_former_admin_who_is_idle_is_logged_out_like_anybody() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = server.login("bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    silence_counts(&server, [&mut alice, &mut bob]);
    bob.expect(WARNING);
    bob.expect_end();
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! You were idle for too long.\r\n"));
}

#[test]
fn an_admin_stays_admin_after_being_idle_for_long() {
    let server = Server::start();
    let mut alice = server.login("alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    let mut bob = server.login("bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    // Another user in the room, active more recently, is warned in the meantime, after more than the limit.
    silence_counts(&server, [&mut alice, &mut bob]);
    for _ in 0..3 {
        bob.expect(WARNING);
        bob.send("");
    }
    assert!(!alice.settle().contains("been idle"));
    alice.send(":topic still here");
    alice.expect("* alice set the description: still here\r\n");
}

#[test]
fn a_time_limit_set_by_a_reload_applies_to_an_idle_user() {
    let server = Server::with("idle_timeout = 0\n[limits]\nlogin_seconds = 0");
    let mut alice = server.login("alice");
    let mut nobody = server.connect();
    nobody.expect("Username: ");
    // Both threads wait for bytes, without a time limit in their present configuration.
    let reloaded = Instant::now();
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 2\n[limits]\nlogin_seconds = 1\n");
    assert!(nobody.expect_end().ends_with("! Login timed out.\r\n"));
    alice.expect(WARNING);
    assert!(alice.expect_end().ends_with("! You were idle for too long.\r\n"));
    // Five seconds until the limit is noticed, and two for the limit itself; the rest is for a loaded machine.
    assert!(reloaded.elapsed() < Duration::from_secs(20), "{:?}", reloaded.elapsed());
}

#[test]
fn a_time_limit_set_by_a_reload_applies_to_an_idle_user_in_a_direct_chat_or_in_a_view() {
    let server = Server::with("idle_timeout = 0");
    let mut bob = server.login("bob");
    let mut alice = server.chat("alice", "general");
    bob.send(":dm alice");
    bob.expect("[@alice]> ");
    server.reconfigure("shutdown_delay = 0\nidle_timeout = 2\n[limits]\nmessages_per_second = 0\n");
    for client in [&mut alice, &mut bob] {
        client.expect("* You have been idle for a while");
        assert!(client.expect_end().ends_with("! You were idle for too long.\r\n"));
    }
}

/// A session driven by hand over a socket with small buffers, its outbox, and the other end.
fn narrow(config: Config) -> (Box<Session>, Arc<Outbox>, TcpStream) {
    let hub = Arc::new(Hub::new(config, Clock::new(jiff::tz::TimeZone::UTC), None, mpsc::channel().0, None));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    SockRef::from(&listener).set_recv_buffer_size(4096).expect("a small buffer");
    let ours = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let (theirs, _) = listener.accept().expect("accepted");
    SockRef::from(&ours).set_send_buffer_size(4096).expect("a small buffer");
    let outbox = Outbox::new(hub.next_client(), ours, Arc::clone(&hub.slow_readers));
    hub.roster.connected(&outbox);
    let peer: SocketAddr = "192.0.2.1:4242".parse().expect("an address");
    let mut session = Session::new(hub, Arc::clone(&outbox), peer, Door::Plain, Instant::now());
    session.greet();
    assert!(session.complete_turn());
    (session, outbox, theirs)
}

/// Starts reading everything after the limits of these tests, so that closing a connection does not take long.
fn read_late(mut client: TcpStream) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::park_timeout(Duration::from_secs(5));
        client.read_to_end(&mut Vec::new()).expect("the end");
    })
}

/// Feeds the session while its client reads nothing, and finishes it; returns why it ended, and how long it took.
fn ends_unread(mut session: Box<Session>, typed: Vec<u8>) -> (DisconnectReason, Duration) {
    let (tell, told) = mpsc::channel();
    let began = Instant::now();
    let thread = thread::spawn(move || {
        for chunk in typed.chunks(1024) {
            session.take(chunk);
            if !session.complete_turn() {
                break;
            }
        }
        tell.send(began.elapsed()).expect("somebody waits");
        session.finish()
    });
    let took = told.recv_timeout(PATIENCE).expect("the limit holds");
    (thread.join().expect("joined"), took)
}

#[test]
fn an_idle_user_who_reads_nothing_is_disconnected() {
    let config = Config { idle_timeout: Some(Duration::from_secs(2)), ..Config::default() };
    let (session, _, client) = narrow(config);
    let late = read_late(client);
    let typed = ["alice\r\n".to_owned(), ":help all\r\n:help\r\n".repeat(9)].concat();
    let (ended, took) = ends_unread(session, typed.into_bytes());
    assert_eq!(ended, DisconnectReason::Idle);
    assert!(took >= Duration::from_secs(2), "{took:?}");
    late.join().expect("joined");
}

#[test]
fn a_login_that_reads_nothing_is_ended() {
    let mut config = Config::default();
    config.limits.login = Some(Duration::from_secs(2));
    let (session, outbox, client) = narrow(config);
    let late = read_late(client);
    for _ in 0..100 {
        outbox.announce(LineKind::News, &"x".repeat(1000));
    }
    assert!(outbox.backlog_bytes() > 50_000, "{}", outbox.backlog_bytes());
    let (ended, _) = ends_unread(session, b"1\r\n".to_vec());
    assert_eq!(ended, DisconnectReason::LoginTimeout);
    late.join().expect("joined");
}
