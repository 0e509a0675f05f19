//! Clients that speak JSON: an object per event, from all rooms, and no screen.

use serde_json::Value;

use super::super::json::WatchedRoom;
use super::super::watching::{View, Watching};
use super::*;
use crate::chat::message::{Crowd, EventKind, People, Quoted};

/// A program that watches instance 1 of `general` from a number on.
fn program(slow_readers: &Arc<SlowReaders>, seen: u64) -> (Arc<Outbox>, Socket) {
    let (outbox, socket) = packets(slow_readers);
    outbox.speak_json();
    watch(&outbox, 1, "general", seen, &[]);
    (outbox, socket)
}

fn watch(outbox: &Outbox, room: u64, name: &str, seen: u64, history: &[Arc<Event>]) {
    outbox.watch_room(&WatchedRoom { room, name, seen, after: MessageId(0), history });
}

/// Everything sent since the last call. Each line is one object with all eight fields.
fn objects(socket: &Socket) -> Vec<Value> {
    let text = all_packets(socket).concat();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines().map(object).collect()
}

fn object(line: &str) -> Value {
    let object: Value = serde_json::from_str(line).expect("an object");
    let mut keys: Vec<_> = object.as_object().expect("an object").keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["action", "content", "id", "optional", "private", "receiver", "sender", "time"], "{line}");
    object
}

/// `action id sender receiver content`.
fn brief(object: &Value) -> String {
    let text = |key: &str| object[key].as_str().map_or_else(|| object[key].to_string(), str::to_owned);
    format!("{} {} {} {} {}", text("action"), text("id"), text("sender"), text("receiver"), text("content"))
}

fn briefs(socket: &Socket) -> Vec<String> {
    objects(socket).iter().map(brief).collect()
}

fn happened(sequence: u64, kind: EventKind, news: &str, people: &[(u64, &str)]) -> Sequenced {
    let people: People =
        people.iter().map(|(client, text)| Addressee { client: ClientId(*client), name: name(text) }).collect();
    let event =
        Event::Happened { news: news.into(), by: people.first().map(|who| who.client), kind, people, crowd: None };
    Sequenced { sequence, event: Arc::new(event) }
}

#[test]
fn a_program_gets_an_object_per_event_from_all_its_rooms_its_own_messages_too() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    watch(&outbox, 2, "games", 0, &[]);
    outbox.push(&mut batch(&[said(1, 1, "mine"), said(2, 99, "two")]));
    let games = Arc::new(RoomId { name: RoomName::parse("games").expect("a room's name"), instance: 2 });
    let events = [said(1, 99, "elsewhere")];
    outbox.push(&mut Batch::new(&games, "games | ".into(), &events, clock()));
    outbox.unwatch_room(2);
    let events = [said(2, 99, "not heard")];
    outbox.push(&mut Batch::new(&games, "games | ".into(), &events, clock()));
    outbox.push(&mut batch(&[said(2, 99, "two"), said(3, 99, "three")]));
    assert_eq!(
        briefs(&socket),
        [
            "message 1 bob general mine",
            "message 2 bob general two",
            "message 1 bob games elsewhere",
            "message 3 bob general three"
        ]
    );
}

#[test]
fn the_past_is_followed_by_live_text_without_a_gap_or_an_overlap() {
    let (outbox, socket) = packets(&slow_readers(NO_LIMITS));
    outbox.speak_json();
    outbox.begin_request(Some("r1".into()));
    watch(&outbox, 1, "general", 2, &[said(1, 99, "one").event, said(2, 99, "two").event]);
    outbox.begin_request(None);
    outbox.push(&mut batch(&[said(2, 99, "two"), said(3, 99, "three")]));
    let all = objects(&socket);
    let history: Vec<_> = all.iter().map(|o| (o["id"].as_u64(), o["optional"]["history"].as_bool())).collect();
    assert_eq!(history, [(Some(1), Some(true)), (Some(2), Some(true)), (Some(3), None)]);
    assert_eq!(all[0]["optional"]["request"], "r1");
    assert_eq!(all[2]["optional"].get("request"), None);
}

#[test]
fn every_kind_of_event_has_its_action() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    let (alice, bob) = ((7, "alice"), (99, "bob"));
    let first = said(1, 99, "text");
    let expired = Event::Erased {
        id: MessageId(2),
        cause: ErasureCause::Expired,
        news: "#2 expired".into(),
        people: Box::default(),
        requoted: Box::default(),
        redraw: true,
    };
    let deleted = Event::Erased {
        id: MessageId(1),
        cause: ErasureCause::Deleted,
        news: "#1 was deleted by alice".into(),
        people: [
            Addressee { client: ClientId(99), name: name("bob") },
            Addressee { client: ClientId(7), name: name("alice") },
        ]
        .into(),
        requoted: Box::default(),
        redraw: true,
    };
    outbox.push(&mut batch(&[
        edited(1, &first, "new"),
        Sequenced { sequence: 2, event: Arc::new(deleted) },
        Sequenced { sequence: 3, event: Arc::new(expired) },
        happened(4, EventKind::Joined, "bob joined", &[bob]),
        happened(5, EventKind::Left, "bob left (idle)", &[bob]),
        happened(6, EventKind::Renamed, "bob is now known as rob", &[bob, (99, "rob")]),
        happened(7, EventKind::Kicked, "bob was kicked by alice", &[alice, bob]),
        happened(8, EventKind::Banned, "bob was banned by alice", &[alice, bob]),
        happened(9, EventKind::Role, "alice made bob admin", &[alice, bob]),
        happened(10, EventKind::Role, "bob is now admin of general", &[bob]),
        happened(11, EventKind::Setting, "alice hid the room", &[alice]),
        happened(12, EventKind::Other, "bob was invited by alice", &[alice, bob]),
    ]));
    let all = objects(&socket);
    let told: Vec<_> = all.iter().map(brief).collect();
    assert_eq!(
        told,
        [
            "edited 1 bob general new",
            "deleted 1 alice general #1 was deleted by alice",
            "expired 2  general #2 expired",
            "joined null bob general bob joined",
            "left null bob general bob left (idle)",
            "renamed null rob general bob is now known as rob",
            "kicked null alice general bob was kicked by alice",
            "kicked null alice general bob was banned by alice",
            "room null alice general alice made bob admin",
            "room null  general bob is now admin of general",
            "room null alice general alice hid the room",
            "news null alice general bob was invited by alice",
        ]
    );
    assert_eq!(all[5]["optional"]["before"], "bob");
    assert_eq!(all[6]["optional"], serde_json::json!({"user": "bob"}));
    assert_eq!(all[7]["optional"], serde_json::json!({"user": "bob", "ban": true}));
    assert_eq!(all[9]["optional"], serde_json::json!({"change": "changed", "user": "bob"}));
    assert_eq!(all[10]["optional"], serde_json::json!({"change": "changed"}));
}

#[test]
fn a_crowd_that_comes_at_once_is_told_one_by_one() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    let mut event = happened(1, EventKind::Joined, "ann, bob and 3 others joined", &[(5, "ann"), (6, "bob")]);
    let dave = Addressee { client: ClientId(8), name: name("dave") };
    if let Event::Happened { crowd, .. } = Arc::make_mut(&mut event.event) {
        *crowd = Some(Box::new(Crowd { people: vec![dave], more: 2 }));
    }
    outbox.push(&mut batch(std::slice::from_ref(&event)));
    let all = objects(&socket);
    let told: Vec<_> = all.iter().map(brief).collect();
    assert_eq!(
        told,
        [
            "joined null ann general ann joined",
            "joined null bob general bob joined",
            "joined null dave general dave joined"
        ]
    );
    assert_eq!((&all[1]["optional"], &all[2]["optional"]["more"]), (&serde_json::json!({}), &Value::from(2)));
    outbox.ignore(Addressee { client: ClientId(6), name: name("bob") });
    event.sequence = 2;
    outbox.push(&mut batch(&[event]));
    assert_eq!(briefs(&socket).len(), 2, "a user who is ignored is left out, and not all of them");
}

#[test]
fn a_message_says_in_optional_what_is_special_about_it() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    outbox.set_name(&name("alice"));
    let reply = Quoted { id: MessageId(12), author: name("carol"), start: Some("morning".into()) };
    let draft = Draft {
        text: "Alice, hello\nthere".into(),
        action: true,
        lasts: Some(Duration::from_secs(10)),
        reply: Some(reply),
    };
    outbox.push(&mut batch(&[said_by(1, 99, "bob", draft.clone()), said(2, 99, "plain")]));
    let all = objects(&socket);
    assert_eq!(all[0]["content"], "Alice, hello\nthere");
    let expected = serde_json::json!({
        "action": true, "temporary": 10, "ends": "1970-01-01T00:00:10.000Z",
        "reply_to": 12, "quote": "morning", "quote_sender": "carol", "mention": true,
    });
    assert_eq!(all[0]["optional"], expected);
    assert_eq!((&all[1]["optional"], &all[1]["time"]), (&serde_json::json!({}), &"1970-01-01T00:00:00.000Z".into()));
    outbox.ignore(Addressee { client: ClientId::NONE, name: name("carol") });
    outbox.push(&mut batch(&[said_by(3, 99, "bob", draft)]));
    let optional = objects(&socket).remove(0)["optional"].clone();
    assert_eq!((optional.get("quote"), &optional["reply_to"]), (None, &Value::from(12)));
}

#[test]
fn ignored_users_do_not_reach_a_users_program() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    outbox.ignore(Addressee { client: ClientId(99), name: name("bob") });
    outbox.push(&mut batch(&[said(1, 99, "hidden"), said_by(2, 98, "carol", Draft::said("seen"))]));
    outbox.push(&mut batch(&[said(3, 99, "hidden")]));
    assert_eq!(briefs(&socket), ["message 2 carol general seen"]);
    let bob = Addressee { client: ClientId(99), name: name("bob") };
    let mut deleted = erased(4, 2);
    if let Event::Erased { people, .. } = Arc::make_mut(&mut deleted.event) {
        *people = [Addressee { client: ClientId(98), name: name("carol") }, bob].into();
    }
    outbox.push(&mut batch(&[deleted]));
    assert_eq!(briefs(&socket), ["deleted 2  general "], "what is gone is gone, no matter who deleted it");
}

#[test]
fn a_program_may_not_read_further_back_than_its_user() {
    let (outbox, socket) = packets(&slow_readers(NO_LIMITS));
    outbox.speak_json();
    outbox.watch_room(&WatchedRoom { room: 1, name: "general", seen: 0, after: MessageId(5), history: &[] });
    let (old, new) = (said(3, 99, "old"), said(7, 99, "new"));
    let mut events = [edited(8, &old, "secret"), edited(9, &new, "fine")];
    (events[0].sequence, events[1].sequence) = (8, 9);
    outbox.push(&mut batch(&events));
    assert_eq!(briefs(&socket), ["edited 7 bob general fine"]);
    outbox.set_read_limit(1, MessageId(7));
    (events[0].sequence, events[1].sequence) = (10, 11);
    outbox.push(&mut batch(&events));
    assert_eq!(briefs(&socket), [""; 0]);
}

#[test]
fn lines_carry_the_request_and_a_refusal_waits_for_its_answer() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    outbox.begin_request(Some("a1".into()));
    outbox.tell(LineKind::News, "It is late.");
    outbox.tell(LineKind::Refusal, "No.");
    outbox.tell(LineKind::Refusal, "Really.");
    assert_eq!(outbox.take_refusal().as_deref(), Some("No. Really."));
    assert_eq!(outbox.take_refusal(), None);
    outbox.tell(LineKind::Refusal, "Never taken.");
    outbox.begin_request(None);
    assert_eq!(outbox.take_refusal(), None);
    outbox.tell(LineKind::News, "Nobody asked.");
    outbox.settle();
    outbox.announce(LineKind::Refusal, "The server stops in a minute.");
    let all = objects(&socket);
    let told: Vec<_> = all.iter().map(brief).collect();
    assert_eq!(
        told,
        ["news null   It is late.", "news null   Nobody asked.", "error null   The server stops in a minute."]
    );
    assert_eq!(all[0]["optional"], serde_json::json!({"request": "a1"}));
    assert_eq!(all[1]["optional"], serde_json::json!({}));
    assert_eq!(all[2]["optional"], serde_json::json!({"code": "refused"}));
}

#[test]
fn nothing_that_belongs_to_a_terminal_is_sent_to_a_program() {
    let (outbox, socket) = packets(&slow_readers(NO_LIMITS));
    look(&outbox, 0);
    drop(all_packets(&socket));
    outbox.speak_json();
    outbox.write_protocol(&[255, 251, 1]);
    assert!(outbox.set_prompt(Prompt::Palette(Some(room("general"))), &[room("general")]));
    outbox.with_display(|display, out| {
        display.write(LineKind::News, "a line", out);
        display.end(out);
    });
    outbox.open_view(1, 0, &Prompt::ChatView(room("general")), &["here"], &[], &mut clock());
    outbox.write_date_if_due(&clock());
    outbox.settle();
    outbox.push(&mut batch(&[said(1, 99, "before it watches the room")]));
    assert_eq!(all_packets(&socket), ["\r\n"], "only the row of the terminal's prompt is ended");
    outbox.farewell(Some((LineKind::News, "Goodbye.")));
    assert_eq!(briefs(&socket), ["bye null   Goodbye."]);
}

#[test]
fn direct_messages_are_private_and_name_who_they_are_for() {
    let (outbox, socket) = packets(&slow_readers(NO_LIMITS));
    outbox.speak_json();
    let direct = |id: u64, to: &[(u64, &str)]| {
        let to = to.iter().map(|(client, text)| Addressee { client: ClientId(*client), name: name(text) }).collect();
        let message =
            Message::new(MessageId(id), Timestamp::UNIX_EPOCH, name("bob"), ClientId(99), Draft::said("psst"), to);
        Arc::new(Event::Said(message))
    };
    outbox.show_direct(&direct(1, &[(1, "alice")]), &mut clock());
    outbox.tell_direct(&direct(2, &[(1, "alice"), (5, "eve")]), OwnCopy::Answer, &mut clock());
    outbox.settle();
    let all = objects(&socket);
    assert_eq!(
        all.iter().map(brief).collect::<Vec<_>>(),
        ["message 1 bob alice psst", "message 2 bob [\"alice\",\"eve\"] psst"]
    );
    assert!(all.iter().all(|object| object["private"] == true));
}

#[test]
fn a_program_that_loses_a_conversation_is_told_which_and_why() {
    let (outbox, socket) = program(&slow_readers(NO_LIMITS), 0);
    outbox.set_name(&name("alice"));
    let direct = Conversation::Direct(Addressee { client: ClientId(99), name: name("bob") });
    assert!(outbox.set_prompt(Prompt::Palette(None), &[room("general"), direct.clone()]));
    let robert = Addressee { client: ClientId(99), name: name("robert") };
    outbox.partner_renamed(&robert, "bob is now known as robert.");
    outbox.expel(&Conversation::Direct(robert), None, &Expulsion::PartnerLeft, "robert has left.");
    let kicked = Expulsion::Kicked(name("carol"));
    outbox.expel(&room("general"), Some(MembershipId(1)), &kicked, "You were kicked from general by carol.");
    outbox.expel(&room("games"), Some(MembershipId(2)), &Expulsion::Closed, "The room games is closed.");
    outbox.push(&mut batch(&[said(1, 99, "not heard any more")]));
    let all = objects(&socket);
    assert_eq!(
        all.iter().map(brief).collect::<Vec<_>>(),
        [
            "renamed null robert alice bob is now known as robert.",
            "left null robert alice robert has left.",
            "kicked null carol general You were kicked from general by carol.",
            "room null  games The room games is closed.",
        ]
    );
    assert_eq!(all[0]["optional"], serde_json::json!({"before": "bob"}));
    assert_eq!(all[2]["optional"], serde_json::json!({"user": "alice"}));
    assert_eq!(all[3]["optional"], serde_json::json!({"change": "gone"}));
    assert_eq!([&all[0]["private"], &all[1]["private"], &all[2]["private"]], [true, true, false]);
}

#[cfg(feature = "web")]
#[test]
fn over_websocket_a_batch_is_one_message_and_the_same_for_all() {
    use crate::protocol::websocket::{Form, WebSocket};
    let readers = slow_readers(NO_LIMITS);
    let (plain, lines) = program(&readers, 0);
    let [(web, one), (other, two)] = [(); 2].map(|()| {
        let (outbox, socket) = packets(&readers);
        outbox.open_web(b"", WebSocket::new(Form::Lines, 4096, Vec::new()));
        outbox.speak_json();
        watch(&outbox, 1, "general", 0, &[]);
        (outbox, socket)
    });
    let events = [said(1, 99, "one"), said(2, 98, "two")];
    let mut batch = batch(&events);
    for outbox in [&plain, &web, &other] {
        outbox.push(&mut batch);
    }
    let raw = |socket: &Socket| {
        let mut buffer = vec![0; 4096];
        let count = (&*socket).read(&mut buffer).expect("a packet");
        buffer.truncate(count);
        buffer
    };
    let (payload, message) = (raw(&lines), raw(&one));
    // One text message with a length of two bytes (RFC 6455, section 5.2).
    let length = u16::try_from(payload.len()).expect("short").to_be_bytes();
    assert_eq!(message, [&[0x81, 126], &length[..], &payload].concat());
    assert_eq!(raw(&two), message);
    assert_eq!(all_packets(&one).len() + all_packets(&two).len(), 0, "nothing else");
}

#[cfg(feature = "web")]
#[test]
fn a_terminal_over_websocket_gets_the_lines_of_every_terminal_in_a_binary_message() {
    use crate::protocol::websocket::{Form, WebSocket};
    let readers = slow_readers(NO_LIMITS);
    let (plain, lines) = packets(&readers);
    let (web, messages) = packets(&readers);
    web.open_web(b"", WebSocket::new(Form::Terminal, 4096, Vec::new()));
    let raw = |socket: &Socket| {
        let mut buffer = vec![0; 4096];
        let count = (&*socket).read(&mut buffer).expect("a packet");
        buffer.truncate(count);
        buffer
    };
    for (outbox, socket) in [(&plain, &lines), (&web, &messages)] {
        look(outbox, 0);
        raw(socket);
    }
    let events = [said(1, 99, "hello")];
    let mut batch = batch(&events);
    plain.push(&mut batch);
    web.push(&mut batch);
    let payload = raw(&lines);
    let length = u8::try_from(payload.len()).expect("short");
    assert_eq!(raw(&messages), [&[0x82, length], &payload[..]].concat());
}

#[test]
fn a_program_that_is_dropped_gets_no_half_object() {
    let limits = OutboxLimits { bytes: Some(100_000), ..NO_LIMITS };
    let readers = slow_readers(limits);
    let (outbox, mut socket) = narrow(1, &readers);
    outbox.speak_json();
    watch(&outbox, 1, "general", 0, &[]);
    push_until(&outbox, 0, || outbox.disconnect_reason().is_some());
    drop(outbox);
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("text");
    let mut lines: Vec<_> = text.lines().collect();
    if !text.ends_with('\n') {
        lines.pop();
    }
    let read: Vec<_> = lines.into_iter().map(object).collect();
    let numbers: Vec<_> = read.iter().filter_map(|object| object["id"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_terminal_pays_nothing_for_programs() {
    assert_eq!(size_of::<Watching>(), size_of::<Option<View>>());
}
