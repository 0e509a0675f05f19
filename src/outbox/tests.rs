//! The outbox on real sockets, without a server. With packet sockets each write can be seen; TCP shows what a full socket
//! does. This file follows the bytes. Redrawn views are in `redraws`, a user's settings in `settings`, conversations in
//! `conversations`, programs in `programs`, and others' text in the middle of a reply in `answers`.

mod answers;
mod conversations;
#[cfg(feature = "json")]
mod programs;
mod redraws;
mod settings;

use std::io::Read as _;
use std::net::{Shutdown, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use socket2::{Domain, SockRef, Socket, Type};

use super::transmit::Swept;
use super::*;
use crate::chat::conversation::{MembershipId, RoomId};
use crate::chat::message::{Addressee, Draft, ErasureCause, Event, Message, MessageId, Sequenced};
use crate::chat::names::RoomName;
use crate::ui::screen::{Clock, without_blanks};

/// Long, because a slow machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(30);

const NO_LIMITS: OutboxLimits = OutboxLimits { bytes: None, total: None, stall: None };

fn room(name: &str) -> Conversation {
    let instance = if name == "general" { 1 } else { 2 };
    Conversation::Room(Arc::new(RoomId { name: RoomName::parse(name).expect("a room's name"), instance }))
}

fn general() -> Arc<RoomId> {
    Arc::new(RoomId { name: RoomName::parse("general").expect("a room's name"), instance: 1 })
}

fn name(text: &str) -> UserName {
    UserName::parse(text, 1, 12).expect("a name")
}

fn said(sequence: u64, from: u64, text: &str) -> Sequenced {
    said_by(sequence, from, "bob", Draft::said(text))
}

/// A message by an author of any name.
fn said_by(sequence: u64, from: u64, author: &str, draft: Draft) -> Sequenced {
    let (id, at) = (MessageId(sequence), Timestamp::UNIX_EPOCH);
    let message = Message::new(id, at, name(author), ClientId(from), draft, Box::default());
    Sequenced { sequence, event: Arc::new(Event::Said(message)) }
}

/// A deleted message that nothing quotes.
fn erased(sequence: u64, id: u64) -> Sequenced {
    let news = format!("#{id} was deleted by bob").into();
    let event = Event::Erased {
        id: MessageId(id),
        cause: ErasureCause::Deleted,
        news,
        people: Box::default(),
        requoted: Box::default(),
        redraw: true,
    };
    Sequenced { sequence, event: Arc::new(event) }
}

/// A message with another text.
fn edited(sequence: u64, message: &Sequenced, text: &str) -> Sequenced {
    let message = message.event.message().expect("a message").edited(text);
    let event = Event::Edited { message: Arc::new(Event::Said(message)), requoted: Box::default(), redraw: true };
    Sequenced { sequence, event: Arc::new(event) }
}

fn clock() -> Clock {
    Clock::stopped(TimeZone::UTC, Timestamp::UNIX_EPOCH)
}

/// A delivery of instance 1 of the room `general`.
fn batch(events: &[Sequenced]) -> Batch<'_> {
    Batch::new(&general(), "general | ".into(), events, clock())
}

/// Views instance 1 of `general` after everything up to a number was seen; the prompt is on the screen.
fn look(outbox: &Outbox, seen: u64) {
    assert!(outbox.set_prompt(Prompt::ChatView(room("general")), &[room("general")]));
    outbox.open_view(1, seen, &Prompt::ChatView(room("general")), &["here"], &[], &mut clock());
    outbox.settle();
}

/// An outbox over a packet socket: every write arrives as one packet.
fn packets(slow_readers: &Arc<SlowReaders>) -> (Arc<Outbox>, Socket) {
    let (ours, theirs) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).expect("a pair");
    theirs.set_nonblocking(true).expect("non-blocking");
    (Outbox::new(ClientId(1), ours.into(), Arc::clone(slow_readers)), theirs)
}

fn slow_readers(limits: OutboxLimits) -> Arc<SlowReaders> {
    Arc::new(SlowReaders::new(limits))
}

/// The next packet; `None` if nothing more was written. Local writes arrive at once.
fn packet(socket: &Socket) -> Option<String> {
    let mut buffer = vec![0; 64 * 1024];
    let count = (&*socket).read(&mut buffer).ok()?;
    buffer.truncate(count);
    Some(without_blanks(&String::from_utf8(buffer).expect("text")))
}

fn all_packets(socket: &Socket) -> Vec<String> {
    std::iter::from_fn(|| packet(socket)).collect()
}

/// An outbox over TCP with small buffers: a few kilobytes on either side.
fn narrow(id: u64, slow_readers: &Arc<SlowReaders>) -> (Arc<Outbox>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    SockRef::from(&listener).set_recv_buffer_size(4096).expect("a small buffer");
    let ours = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let (theirs, _) = listener.accept().expect("accepted");
    SockRef::from(&ours).set_send_buffer_size(4096).expect("a small buffer");
    theirs.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (Outbox::new(ClientId(id), ours, Arc::clone(slow_readers)), theirs)
}

/// Pushes kilobytes, each with the next sequence number, until the condition holds. Returns the last number.
fn push_until(outbox: &Outbox, mut sequence: u64, done: impl Fn() -> bool) -> u64 {
    while !done() {
        assert!(sequence < 100_000, "the socket takes everything");
        sequence += 1;
        let events = [said(sequence, 99, &"x".repeat(1000))];
        outbox.push(&mut batch(&events));
    }
    sequence
}

/// The sweep thread, stopped and joined when dropped.
struct Sweep {
    slow_readers: Arc<SlowReaders>,
    thread: Option<JoinHandle<()>>,
}

impl Sweep {
    fn start(slow_readers: &Arc<SlowReaders>) -> Sweep {
        let shared = Arc::clone(slow_readers);
        Sweep { slow_readers: Arc::clone(slow_readers), thread: Some(std::thread::spawn(move || shared.run())) }
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.slow_readers.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the sweep thread does not panic");
        }
    }
}

#[test]
fn a_batch_goes_out_in_one_write() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    assert_eq!(all_packets(&peer), ["* here\r\ngeneral | "]);
    let events: Vec<_> = (1..=5).map(|n| said(n, 99, "hello")).collect();
    outbox.push(&mut batch(&events));
    let lines: String = (1..=5).map(|n| format!("[00:00] #{n} bob: hello\r\n")).collect();
    assert_eq!(all_packets(&peer), [format!("\r{lines}general | ")]);
}

#[test]
fn all_replies_of_a_turn_and_the_prompt_go_out_in_one_write() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    assert!(outbox.set_prompt(Prompt::Palette(None), &[]));
    outbox.tell(LineKind::News, "one");
    outbox.tell(LineKind::Refusal, "two");
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    outbox.settle();
    assert_eq!(all_packets(&peer), ["* one\r\n! two\r\n> "]);
    outbox.settle();
    assert_eq!(all_packets(&peer), Vec::<String>::new(), "the prompt is already there");
}

#[test]
fn events_seen_already_are_dropped() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 3);
    all_packets(&peer);
    let events: Vec<_> = (2..=5).map(|n| said(n, 99, "hello")).collect();
    outbox.push(&mut batch(&events));
    assert_eq!(all_packets(&peer), ["\r[00:00] #4 bob: hello\r\n[00:00] #5 bob: hello\r\ngeneral | "]);
    outbox.push(&mut batch(&events));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
}

#[test]
fn events_shown_while_catching_up_are_not_delivered_again() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    let events = [said(1, 99, "first"), said(2, 99, "second")];
    assert!(outbox.is_behind(1, 2));
    outbox.catch_up(&mut batch(&events[..1]));
    outbox.settle();
    outbox.push(&mut batch(&events));
    let seen = all_packets(&peer).concat();
    assert_eq!((seen.matches("first").count(), seen.matches("second").count()), (1, 1), "{seen:?}");
    assert!(seen.find("first") < seen.find("second"));
    assert!(!outbox.is_behind(1, 2));
}

#[test]
fn events_of_another_instance_of_the_room_are_dropped() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    let events = [said(1, 99, "of another room")];
    let another = Arc::new(RoomId { name: RoomName::parse("general").expect("a room's name"), instance: 2 });
    outbox.push(&mut Batch::new(&another, "general | ".into(), &events, clock()));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    outbox.push(&mut batch(&events));
    assert_eq!(all_packets(&peer).len(), 1);
}

#[test]
fn events_delivered_after_the_view_was_left_are_dropped() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    outbox.close_view();
    outbox.push(&mut batch(&[said(1, 99, "too late")]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
}

#[test]
fn own_lines_are_not_repeated_in_line_mode_but_come_back_in_character_mode() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    let events = [said(1, 1, "mine"), said(2, 99, "yours")];
    outbox.push(&mut batch(&events));
    let seen = all_packets(&peer).concat();
    assert!(!seen.contains("mine") && seen.contains("yours"), "{seen:?}");
    outbox.with_display(|display, out| display.set_character_mode(true, out));
    let events = [said(3, 1, "mine"), said(4, 99, "yours")];
    outbox.push(&mut batch(&events));
    let seen = all_packets(&peer).concat();
    assert!(seen.contains("mine") && seen.contains("yours"), "{seen:?}");
}

#[test]
fn bytes_the_socket_refuses_are_swept_to_it_whole_and_in_order() {
    let slow_readers = slow_readers(NO_LIMITS);
    let (outbox, mut peer) = narrow(1, &slow_readers);
    look(&outbox, 0);
    let slow = push_until(&outbox, 0, || outbox.backlog_bytes() > 100_000);
    assert_eq!(slow_readers.total(), outbox.backlog_bytes());
    // Not earlier: the kernel may accept some more while the two are compared.
    let _sweep = Sweep::start(&slow_readers);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        peer.read_to_string(&mut text).expect("read");
        text
    });
    assert!(outbox.wait_drained(Some(Instant::now() + PATIENCE)));
    assert_eq!(slow_readers.total(), 0);
    // Without a backlog, text goes directly to the socket again.
    let last = slow + 1;
    outbox.push(&mut batch(&[said(last, 99, "after")]));
    assert!(outbox.wait_drained(Some(Instant::now() + PATIENCE)));
    assert_eq!(outbox.disconnect_reason(), None);
    outbox.stream().shutdown(Shutdown::Write).expect("shut down");
    let text = reader.join().expect("joined");
    let mut expected = "* here\r\ngeneral | ".to_owned();
    for n in 1..=slow {
        expected += &format!("\r[00:00] #{n} bob: {}\r\ngeneral | ", "x".repeat(1000));
    }
    expected += &format!("\r[00:00] #{last} bob: after\r\ngeneral | ");
    assert!(without_blanks(&text) == expected, "{} bytes came of {}", text.len(), expected.len());
}

#[test]
fn a_reader_with_more_waiting_than_outbox_bytes_is_dropped() {
    let slow_readers = slow_readers(OutboxLimits { bytes: Some(20_000), ..NO_LIMITS });
    let (outbox, _peer) = narrow(1, &slow_readers);
    look(&outbox, 0);
    push_until(&outbox, 0, || outbox.disconnect_reason().is_some());
    let ended = outbox.disconnect_reason();
    assert!(matches!(ended, Some(DisconnectReason::TooSlow(bytes)) if (20_001..23_000).contains(&bytes)), "{ended:?}");
    assert_eq!((outbox.backlog_bytes(), slow_readers.total()), (0, 0), "the waiting bytes are given back");
    assert_eq!(outbox.stream().read(&mut [0; 8]).expect("the reading thread wakes"), 0);
}

#[test]
fn a_dropped_reader_takes_no_more_and_keeps_its_first_reason() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    all_packets(&peer);
    outbox.disconnect(DisconnectReason::Idle);
    outbox.disconnect(DisconnectReason::Panicked);
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    outbox.announce(LineKind::News, "hello");
    outbox.expel(&room("general"), Some(MembershipId(1)), &Expulsion::Closed, "hello");
    assert_eq!(outbox.disconnect_reason(), Some(DisconnectReason::Idle));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
}

#[test]
fn a_reader_that_takes_nothing_for_the_stall_time_is_dropped() {
    let stall = Duration::from_secs(30);
    let slow_readers = slow_readers(OutboxLimits { stall: Some(stall), ..NO_LIMITS });
    let (outbox, mut peer) = narrow(1, &slow_readers);
    look(&outbox, 0);
    push_until(&outbox, 0, || outbox.backlog_bytes() > 200_000);
    let began = Instant::now();
    assert!(matches!(outbox.sweep(began + stall / 2), Swept::Slow(_)));
    // The socket accepts something: the time counts from here.
    let (before, progress) = (outbox.backlog_bytes(), began + Duration::from_secs(20));
    while outbox.backlog_bytes() == before {
        assert!(peer.read(&mut [0; 4096]).expect("read") > 0);
        assert!(matches!(outbox.sweep(progress), Swept::Slow(_)));
    }
    // Once more, until the socket is full again.
    let full = |now| {
        let before = outbox.backlog_bytes();
        assert!(matches!(outbox.sweep(now), Swept::Slow(_)));
        outbox.backlog_bytes() == before
    };
    while !full(progress) {}
    assert!(matches!(outbox.sweep(progress + stall - Duration::from_millis(1)), Swept::Slow(_)));
    // If the kernel accepted a last bit just now, the time counts from there.
    assert!(matches!(outbox.sweep(progress + stall * 2), Swept::Done));
    let ended = outbox.disconnect_reason();
    assert!(matches!(ended, Some(DisconnectReason::Stalled(time)) if time >= stall), "{ended:?}");
    assert_eq!(slow_readers.total(), 0);
}

#[test]
fn the_sweep_thread_drops_a_stalled_reader_by_the_clock() {
    let stall = Duration::from_millis(50);
    let slow_readers = slow_readers(OutboxLimits { stall: Some(stall), ..NO_LIMITS });
    let _sweep = Sweep::start(&slow_readers);
    let (outbox, _peer) = narrow(1, &slow_readers);
    look(&outbox, 0);
    push_until(&outbox, 0, || outbox.backlog_bytes() > 50_000 || outbox.disconnect_reason().is_some());
    outbox.wait_disconnected(Instant::now() + PATIENCE);
    let ended = outbox.disconnect_reason();
    assert!(matches!(ended, Some(DisconnectReason::Stalled(time)) if time >= stall), "{ended:?}");
}

#[test]
fn when_all_backlogs_are_too_much_the_largest_goes_and_only_that() {
    let slow_readers = slow_readers(OutboxLimits { total: Some(500_000), ..NO_LIMITS });
    let readers: Vec<_> = [100_000, 400_000, 200_000]
        .into_iter()
        .zip(1..)
        .map(|(bytes, id)| {
            let (outbox, peer) = narrow(id, &slow_readers);
            look(&outbox, 0);
            push_until(&outbox, 0, || outbox.backlog_bytes() > bytes);
            (outbox, peer)
        })
        .collect();
    let _sweep = Sweep::start(&slow_readers);
    readers[1].0.wait_disconnected(Instant::now() + PATIENCE);
    let ended = readers[1].0.disconnect_reason();
    assert!(matches!(ended, Some(DisconnectReason::MemoryShort(bytes)) if bytes > 300_000), "{ended:?}");
    assert!(slow_readers.total() < 500_000);
    // The next round of the sweep finds the total within the limit.
    let (other, _peer) = narrow(4, &slow_readers);
    look(&other, 0);
    push_until(&other, 0, || other.backlog_bytes() > 10_000);
    assert_eq!((readers[0].0.disconnect_reason(), readers[2].0.disconnect_reason()), (None, None));
}

#[test]
fn own_replies_never_drop_a_reader() {
    let slow_readers = slow_readers(OutboxLimits { bytes: Some(4096), ..NO_LIMITS });
    let (outbox, _peer) = narrow(1, &slow_readers);
    look(&outbox, 0);
    for _ in 0..400 {
        outbox.tell(LineKind::News, &"x".repeat(1000));
    }
    outbox.settle();
    assert!(outbox.backlog_bytes() > 100_000, "{}", outbox.backlog_bytes());
    // Others' text is counted separately.
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    outbox.announce(LineKind::News, "hello");
    assert_eq!(outbox.disconnect_reason(), None);
    push_until(&outbox, 1, || outbox.disconnect_reason().is_some());
    assert!(matches!(outbox.disconnect_reason(), Some(DisconnectReason::TooSlow(_))));
}

#[test]
fn a_poisoned_outbox_ends_only_itself() {
    let slow_readers = slow_readers(NO_LIMITS);
    let ((broken, broken_peer), (sound, sound_peer)) = (packets(&slow_readers), packets(&slow_readers));
    for outbox in [&broken, &sound] {
        look(outbox, 0);
    }
    all_packets(&broken_peer);
    all_packets(&sound_peer);
    let work = || broken.with_display(|_, out| -> () { panic!("half a line: {}", out.len()) });
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    let events = [said(1, 99, "hello")];
    let mut delivery = batch(&events);
    for outbox in [&broken, &sound] {
        outbox.push(&mut delivery);
    }
    assert_eq!((broken.disconnect_reason(), sound.disconnect_reason()), (Some(DisconnectReason::Panicked), None));
    assert_eq!(all_packets(&broken_peer), Vec::<String>::new());
    assert_eq!(all_packets(&sound_peer), ["\r[00:00] #1 bob: hello\r\ngeneral | "]);
}

#[test]
fn a_client_removed_from_a_room_falls_back_to_the_room_before() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    let (games, general) = (room("games"), room("general"));
    assert!(outbox.set_prompt(Prompt::ChatView(general.clone()), &[games.clone(), general.clone()]));
    outbox.open_view(1, 0, &Prompt::ChatView(general.clone()), &["here"], &[], &mut clock());
    outbox.settle();
    all_packets(&peer);
    outbox.expel(&general, Some(MembershipId(1)), &Expulsion::Closed, "The room general is closed.");
    let seen = all_packets(&peer).concat();
    assert!(seen.ends_with("* The room general is closed.\r\n[games]> "), "{seen:?}");
    assert_eq!(outbox.open(), std::slice::from_ref(&games));
    // The view is gone with the room.
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    // The session cannot undo it before it has taken the notice.
    assert!(!outbox.set_prompt(Prompt::ChatView(general.clone()), &[games.clone(), general.clone()]));
    assert_eq!(outbox.take_notices(), [Notice::Lost { from: general, membership: Some(MembershipId(1)) }]);
    assert!(outbox.set_prompt(Prompt::Palette(Some(games.clone())), std::slice::from_ref(&games)));
    outbox.expel(&games, Some(MembershipId(2)), &Expulsion::Closed, "The room games is closed.");
    let seen = all_packets(&peer).concat();
    assert!(seen.ends_with("* The room games is closed.\r\n> "), "{seen:?}");
}

#[test]
fn a_user_removed_from_a_room_in_the_background_stays_in_view() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    let (games, general) = (room("games"), room("general"));
    assert!(outbox.set_prompt(Prompt::ChatView(general.clone()), &[games.clone(), general.clone()]));
    outbox.open_view(1, 0, &Prompt::ChatView(general.clone()), &["here"], &[], &mut clock());
    outbox.settle();
    all_packets(&peer);
    outbox.expel(&games, Some(MembershipId(7)), &Expulsion::Closed, "The room games is closed.");
    assert_eq!(all_packets(&peer), ["\r* The room games is closed.\r\ngeneral | "]);
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    assert_eq!(all_packets(&peer).len(), 1, "the view is still open");
}

#[test]
fn a_peer_that_is_gone_ends_the_connection_and_never_the_process() {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    drop(peer);
    outbox.push(&mut batch(&[said(1, 99, "hello")]));
    assert!(matches!(outbox.disconnect_reason(), Some(DisconnectReason::Reset(_))), "{:?}", outbox.disconnect_reason());
    assert!(outbox.wait_drained(None), "nothing waits for a peer that is gone");
}
