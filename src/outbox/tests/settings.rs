//! A user's own settings: ignored users, bell, time zone; and how their name is highlighted.

use super::*;
use crate::chat::conversation::Conversation;
use crate::chat::message::{Addressee, Event, EventKind, MessageId, Quoted};
use crate::ui::screen::{Bell, Style};

fn viewer() -> (Arc<Outbox>, Socket) {
    let (outbox, peer) = packets(&slow_readers(NO_LIMITS));
    outbox.set_name(&name("alice"));
    look(&outbox, 0);
    all_packets(&peer);
    (outbox, peer)
}

fn addressee(client: u64, text: &str) -> Addressee {
    Addressee { client: ClientId(client), name: name(text) }
}

fn direct(id: u64, from: Addressee, to: Addressee, text: &str) -> Arc<Event> {
    let (id, at, draft) = (MessageId(id), Timestamp::UNIX_EPOCH, Draft::said(text));
    Arc::new(Event::Said(Message::new(id, at, from.name, from.client, draft, [to].into())))
}

fn by(sequence: u64, from: u64, author: &str, text: &str) -> Sequenced {
    said_by(sequence, from, author, Draft::said(text))
}

#[test]
fn the_lines_of_an_ignored_user_are_shown_nowhere_and_those_of_others_are() {
    let (outbox, peer) = viewer();
    assert!(outbox.ignore(addressee(50, "mallory")));
    let events = [
        by(1, 50, "mallory", "live"),
        by(2, 51, "carol", "hello"),
        // By another name on the same connection, and by the name on another one.
        by(3, 50, "other", "renamed"),
        by(4, 52, "Mallory", "fourth"),
    ];
    outbox.push(&mut batch(&events));
    assert_eq!(all_packets(&peer), ["\r[00:00] #2 carol: hello\r\ngeneral | "]);
    // Nothing is sent if nothing is visible, and what follows is not lost.
    outbox.push(&mut batch(&[by(5, 50, "mallory", "live")]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    let all: Vec<_> = events.iter().map(|event| Arc::clone(&event.event)).collect();
    outbox.tell_events(&all, None, &mut clock());
    outbox.settle();
    outbox.open_view(1, 5, &Prompt::ChatView(room("general")), &["again"], &all, &mut clock());
    outbox.settle();
    outbox.show_direct(&direct(6, addressee(50, "mallory"), addressee(1, "alice"), "psst"), &mut clock());
    outbox.push(&mut batch(&[edited(7, &events[0], "edited")]));
    outbox.catch_up(&mut batch(&[by(8, 50, "mallory", "behind")]));
    outbox.settle();
    let seen = all_packets(&peer).concat();
    assert_eq!(seen.matches("carol: hello").count(), 2, "{seen:?}");
    for hidden in ["live", "renamed", "fourth", "psst", "edited", "behind", "mallory", "Mallory"] {
        assert!(!seen.contains(hidden), "{hidden}: {seen:?}");
    }
}

#[test]
fn a_user_who_is_no_longer_ignored_is_seen_again() {
    let (outbox, peer) = viewer();
    assert!(outbox.ignore(addressee(50, "mallory")));
    assert!(outbox.ignores(ClientId(50), &name("other")) && outbox.ignores(ClientId(9), &name("MALLORY")));
    assert!(!outbox.ignores(ClientId(9), &name("carol")));
    assert_eq!(outbox.ignored(), [addressee(50, "mallory")]);
    assert!(!outbox.unignore(&name("carol"), None));
    assert!(outbox.unignore(&name("Mallory"), None) && !outbox.unignore(&name("mallory"), None));
    outbox.push(&mut batch(&[by(1, 50, "mallory", "hello")]));
    assert_eq!(all_packets(&peer), ["\r[00:00] #1 mallory: hello\r\ngeneral | "]);
    // By the connection, if the name has changed meanwhile.
    assert!(outbox.ignore(addressee(50, "mallory")));
    assert!(outbox.unignore(&name("other"), Some(ClientId(50))));
    assert!(outbox.ignored().is_empty());
}

#[test]
fn the_list_of_ignored_users_is_bounded_and_each_of_them_counts_once() {
    let (outbox, _peer) = viewer();
    for id in 0..MAX_IGNORED as u64 {
        assert!(outbox.ignore(addressee(100 + id, &format!("p{id}"))));
        assert!(outbox.ignore(addressee(100 + id, &format!("p{id}"))));
    }
    assert!(!outbox.ignore(addressee(99, "more")));
    assert_eq!(outbox.ignored().len(), MAX_IGNORED);
    assert!(outbox.ignore(addressee(100, "renamed")), "a user on the list may be added again");
}

#[test]
fn the_bell_rings_once_per_batch_for_others_words() {
    let (outbox, peer) = viewer();
    let bells = |events: &[Sequenced]| {
        outbox.push(&mut batch(events));
        all_packets(&peer).concat().matches('\x07').count()
    };
    assert_eq!(bells(&[by(1, 99, "bob", "off by default, alice")]), 0);
    outbox.set_bell(Bell::On);
    assert_eq!(bells(&[by(2, 99, "bob", "one"), by(3, 99, "bob", "two"), by(4, 98, "carol", "three")]), 1);
    let news = Event::Happened {
        news: "bob left".into(),
        by: None,
        kind: EventKind::Left,
        people: Box::default(),
        crowd: None,
    };
    assert_eq!(bells(&[Sequenced { sequence: 5, event: Arc::new(news) }]), 0, "news is not a message");
    assert_eq!(bells(&[edited(6, &by(2, 99, "bob", "one"), "new")]), 0, "nor is an edit");
    outbox.with_display(|display, out| display.set_character_mode(true, out));
    assert_eq!(bells(&[by(7, 1, "alice", "mine")]), 0, "nor are one's own");
    outbox.set_bell(Bell::Off);
    assert_eq!(bells(&[by(8, 99, "bob", "alice")]), 0);
}

#[test]
fn the_bell_for_mentions_rings_at_ones_name_and_at_direct_messages() {
    let (outbox, peer) = viewer();
    outbox.set_bell(Bell::Mentions);
    for (sequence, (text, rings)) in
        (1..).zip([("hello", 0), ("hello ALICE!", 1), ("malice", 0), ("alice, alice", 1), ("@alice?", 1)])
    {
        outbox.push(&mut batch(&[by(sequence, 99, "bob", text)]));
        assert_eq!(all_packets(&peer).concat().matches('\x07').count(), rings, "{text}");
    }
    let (alice, bob) = (addressee(1, "alice"), addressee(99, "bob"));
    outbox.show_direct(&direct(9, bob.clone(), alice.clone(), "hello"), &mut clock());
    assert_eq!(all_packets(&peer).concat().matches('\x07').count(), 1);
    outbox.tell_direct(&direct(10, alice.clone(), bob.clone(), "hi"), OwnCopy::Answer, &mut clock());
    outbox.settle();
    assert_eq!(all_packets(&peer).concat().matches('\x07').count(), 0, "not at one's own");
    // An ignored user does not ring the bell.
    assert!(outbox.ignore(bob.clone()));
    outbox.show_direct(&direct(11, bob, alice, "hello"), &mut clock());
    outbox.push(&mut batch(&[by(12, 99, "bob", "alice")]));
    assert_eq!(all_packets(&peer).concat(), "");
    // Showing history does not ring it either.
    outbox.tell_events(&[by(13, 98, "carol", "alice").event], None, &mut clock());
    outbox.settle();
    assert_eq!(all_packets(&peer).concat().matches('\x07').count(), 0);
}

#[test]
fn everyone_sees_times_in_their_own_zone() {
    let ((own, own_peer), (other, other_peer)) = (viewer(), viewer());
    own.set_clock(Some(Clock::stopped(TimeZone::fixed(jiff::tz::offset(5)), Timestamp::UNIX_EPOCH)), &clock());
    let events = [by(1, 99, "bob", "hello")];
    let mut delivery = batch(&events);
    own.push(&mut delivery);
    other.push(&mut delivery);
    assert_eq!(all_packets(&own_peer), ["\r[05:00] #1 bob: hello\r\ngeneral | "]);
    assert_eq!(all_packets(&other_peer), ["\r[00:00] #1 bob: hello\r\ngeneral | "]);
    let (alice, bob) = (addressee(1, "alice"), addressee(99, "bob"));
    own.show_direct(&direct(2, bob, alice, "hello"), &mut clock());
    own.tell_events(&[by(3, 99, "bob", "old").event], None, &mut clock());
    own.open_view(
        1,
        3,
        &Prompt::ChatView(room("general")),
        &["again"],
        &[by(4, 99, "bob", "older").event],
        &mut clock(),
    );
    own.settle();
    let seen = all_packets(&own_peer).concat();
    assert_eq!((seen.matches("[05:00] #").count(), seen.matches("[00:00]").count()), (3, 0), "{seen:?}");
    assert_eq!(own.clock().map(|clock| clock.zone().clone()), Some(TimeZone::fixed(jiff::tz::offset(5))));
    own.set_clock(None, &clock());
    assert!(own.clock().is_none());
    own.push(&mut batch(&[by(5, 99, "bob", "hello")]));
    assert_eq!(all_packets(&own_peer), ["\r[00:00] #5 bob: hello\r\ngeneral | "]);
}

#[test]
fn a_mention_stands_out_with_colour_only_and_only_for_the_user_it_names() {
    for (color, shown) in [(true, "hello \x1b[1mAlice\x1b[22m!"), (false, "hello Alice!")] {
        let (outbox, peer) = viewer();
        outbox.with_display(|display, out| {
            display.set_look(Style { ansi: true, color, columns: Some(80), ..Style::PLAIN }, None, out);
        });
        let (carol, carol_peer) = viewer();
        carol.set_name(&name("carol"));
        carol.with_display(|display, out| {
            display.set_look(Style { ansi: true, color, columns: Some(80), ..Style::PLAIN }, None, out);
        });
        let events = [by(1, 99, "bob", "plain"), by(2, 99, "bob", "hello Alice!"), by(3, 1, "alice", "alice here")];
        let mut delivery = batch(&events);
        outbox.push(&mut delivery);
        carol.push(&mut delivery);
        let seen = all_packets(&peer).concat();
        assert!(seen.contains(&format!("[00:00] #2 bob: {shown}\r\n")), "{seen:?}");
        assert_eq!(seen.matches("\x1b[1m").count(), usize::from(color), "{seen:?}");
        let seen = all_packets(&carol_peer).concat();
        assert!(seen.contains("#2 bob: hello Alice!\r\n") && !seen.contains("\x1b[1m"), "{seen:?}");
    }
}

#[test]
fn users_known_only_by_name_are_ignored_one_by_one() {
    let (outbox, peer) = viewer();
    for ignored in ["mallory", "eve"] {
        assert!(outbox.ignore(addressee(ClientId::NONE.0, ignored)));
    }
    assert_eq!(outbox.ignored().len(), 2);
    outbox
        .push(&mut batch(&[by(1, ClientId::NONE.0, "eve", "hidden"), by(2, ClientId::NONE.0, "carol", "from before")]));
    let seen = all_packets(&peer).concat();
    assert!(seen.contains("carol: from before") && !seen.contains("hidden"), "{seen:?}");
    assert!(outbox.unignore(&name("eve"), Some(ClientId::NONE)));
    assert_eq!(outbox.ignored(), [addressee(ClientId::NONE.0, "mallory")]);
}

#[test]
fn a_user_without_times_and_ids_gets_the_bare_line_and_others_the_whole_one() {
    let (outbox, peer) = viewer();
    outbox.with_display(|display, out| display.set_look(Style { times: false, ids: false, ..Style::PLAIN }, None, out));
    let events = [
        by(1, 99, "bob", "hello"),
        said_by(2, 99, "bob", Draft { action: true, ..Draft::said("was kicked by alice") }),
    ];
    outbox.push(&mut batch(&events));
    let bare = "\rbob: hello\r\n** bob was kicked by alice\r\ngeneral | ";
    assert_eq!(all_packets(&peer), [bare], "and no action can be mistaken for a line of the server");
    outbox.tell_events(&[Arc::clone(&events[0].event)], None, &mut clock());
    outbox.settle();
    let answer = all_packets(&peer).concat();
    assert!(answer.contains("[00:00] #1 bob: hello\r\n"), "{answer:?}");
    let (other, other_peer) = viewer();
    other.push(&mut batch(&events));
    assert!(all_packets(&other_peer).concat().contains("[00:00] #1 bob: hello\r\n"));
}

#[test]
fn the_answer_to_a_users_own_command_always_has_time_and_id() {
    let (outbox, peer) = viewer();
    outbox.with_display(|display, out| display.set_look(Style { times: false, ids: false, ..Style::PLAIN }, None, out));
    let own = by(1, 1, "alice", "hello");
    let waves = said_by(2, 1, "alice", Draft { action: true, ..Draft::said("waves") });
    outbox.push(&mut batch(&[own.clone(), waves, by(3, 99, "bob", "hi"), edited(4, &own, "goodbye")]));
    let seen = all_packets(&peer).concat();
    for line in ["[00:00] #2 * alice waves\r\n", "\nbob: hi\r\n", "[00:00] #1 alice: goodbye (edited)\r\n"] {
        assert!(seen.contains(line), "{line:?} in {seen:?}");
    }
}

#[test]
fn a_quiet_view_shows_nothing_of_arrivals_and_departures_not_even_another_prompt() {
    let (outbox, peer) = viewer();
    outbox.with_display(|display, out| display.set_look(Style { quiet: true, ..Style::PLAIN }, None, out));
    let happened = |sequence, news: &str, kind| {
        let event = Event::Happened { news: news.into(), by: None, kind, people: Box::default(), crowd: None };
        Sequenced { sequence, event: Arc::new(event) }
    };
    outbox.push(&mut batch(&[happened(1, "bob joined", EventKind::Joined)]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    outbox.push(&mut batch(&[happened(2, "bob left", EventKind::Left), by(3, 99, "carol", "hi")]));
    assert_eq!(all_packets(&peer), ["\r[00:00] #3 carol: hi\r\ngeneral | "]);
    outbox.push(&mut batch(&[happened(4, "bob was kicked by alice", EventKind::Other)]));
    assert_eq!(all_packets(&peer), ["\r* bob was kicked by alice\r\ngeneral | "]);
    // With settings, and in character mode, too.
    outbox.set_bell(Bell::On);
    outbox.with_display(|display, out| display.set_character_mode(true, out));
    outbox.settle();
    all_packets(&peer);
    outbox.push(&mut batch(&[happened(5, "bob joined", EventKind::Joined)]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
}

/// Just before and just after the midnight at which 1970 began.
fn midnight(seconds: i64) -> Clock {
    Clock::stopped(TimeZone::UTC, Timestamp::from_second(seconds).expect("a moment"))
}

fn batch_at(seconds: i64, events: &[Sequenced]) -> Batch<'_> {
    Batch::new(&general(), "general | ".into(), events, midnight(seconds))
}

#[test]
fn the_first_message_after_midnight_comes_below_the_new_date_and_only_the_first() {
    let (outbox, peer) = viewer();
    outbox.push(&mut batch_at(86_399, &[by(1, 99, "bob", "late")]));
    assert_eq!(all_packets(&peer), ["\r[00:00] #1 bob: late\r\ngeneral | "]);
    outbox.push(&mut batch_at(86_400, &[by(2, 99, "bob", "early"), by(3, 99, "bob", "more")]));
    let date = "\r* Friday, 2 January 1970\r\n";
    let early = "[1970-01-01 00:00] #2 bob: early\r\n[1970-01-01 00:00] #3 bob: more\r\ngeneral | ";
    assert_eq!(all_packets(&peer), [[date, early].concat()]);
    outbox.push(&mut batch_at(86_401, &[by(4, 99, "bob", "again")]));
    assert_eq!(all_packets(&peer), ["\r[1970-01-01 00:00] #4 bob: again\r\ngeneral | "]);
}

#[test]
fn a_direct_message_after_midnight_comes_below_the_new_date_in_a_view_and_without_it_in_the_palette() {
    let (alice, bob) = (addressee(1, "alice"), addressee(99, "bob"));
    let (outbox, peer) = viewer();
    outbox.show_direct(&direct(9, bob.clone(), alice.clone(), "hello"), &mut midnight(86_400));
    let seen = all_packets(&peer).concat();
    assert!(seen.contains("* Friday, 2 January 1970\r\n[1970-01-01 00:00] #9 bob -> you: hello\r\n"), "{seen:?}");
    outbox.close_view();
    assert!(outbox.set_prompt(Prompt::Palette(Some(room("general"))), &[room("general")]));
    outbox.show_direct(&direct(10, bob, alice, "hello"), &mut midnight(172_800));
    let seen = all_packets(&peer).concat();
    assert!(!seen.contains("January 1970\r\n") && seen.contains("#10 bob -> you: hello"), "{seen:?}");
}

#[test]
fn the_date_is_shown_once_in_the_users_own_zone_and_never_without_a_view() {
    let (outbox, peer) = viewer();
    assert_eq!(outbox.day_ends(), Some(86_400));
    outbox.write_date_if_due(&midnight(86_399));
    outbox.settle();
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    outbox.write_date_if_due(&midnight(86_400));
    outbox.write_date_if_due(&midnight(86_400));
    outbox.settle();
    assert_eq!(all_packets(&peer), ["\r* Friday, 2 January 1970\r\ngeneral | "]);
    assert_eq!(outbox.day_ends(), Some(172_800));
    let tokyo = Clock::stopped(TimeZone::fixed(jiff::tz::offset(9)), Timestamp::from_second(86_400).expect("a moment"));
    outbox.set_clock(Some(tokyo), &midnight(86_400));
    assert_eq!(outbox.day_ends(), Some(140_400), "there it is nine o'clock in the morning");
    outbox.set_clock(None, &midnight(86_400));
    assert_eq!(outbox.day_ends(), Some(172_800));
    outbox.close_view();
    assert_eq!(outbox.day_ends(), None);
    outbox.write_date_if_due(&midnight(999_999));
    outbox.settle();
    assert_eq!(all_packets(&peer), Vec::<String>::new());
}

/// A server line about some people.
fn news(sequence: u64, line: &str, people: &[Addressee], by: Option<ClientId>) -> Sequenced {
    let event = Event::Happened { news: line.into(), by, kind: EventKind::Other, people: people.into(), crowd: None };
    Sequenced { sequence, event: Arc::new(event) }
}

fn taken_out(sequence: u64, id: u64, people: &[Addressee]) -> Sequenced {
    let news = format!("#{id} was deleted").into();
    let event = Event::Erased {
        id: MessageId(id),
        cause: ErasureCause::Deleted,
        news,
        people: people.into(),
        requoted: Box::default(),
        redraw: true,
    };
    Sequenced { sequence, event: Arc::new(event) }
}

#[test]
fn actions_of_an_ignored_user_are_hidden_like_their_messages() {
    let (outbox, peer) = viewer();
    assert!(outbox.ignore(addressee(50, "mallory")));
    let (mallory, carol) = (addressee(50, "mallory"), addressee(60, "carol"));
    outbox.push(&mut batch(&[
        news(1, "mallory joined", std::slice::from_ref(&mallory), None),
        news(2, "mallory is now known as max", &[mallory.clone(), addressee(50, "max")], None),
        news(3, "max was kicked by carol", &[carol.clone(), addressee(50, "max")], None),
        news(4, "mallory set the description: rude", std::slice::from_ref(&mallory), None),
        taken_out(5, 1, &[mallory.clone(), mallory.clone()]),
        taken_out(6, 2, &[mallory.clone(), carol.clone()]),
    ]));
    assert_eq!(all_packets(&peer), Vec::<String>::new(), "not even another prompt");
    outbox.push(&mut batch(&[
        news(7, "carol joined", std::slice::from_ref(&carol), None),
        taken_out(8, 3, &[carol.clone(), carol]),
        // Events about oneself are shown, even if an ignored user caused them.
        news(9, "alice was muted by mallory", &[mallory, addressee(1, "alice")], None),
    ]));
    let expected = "\r* carol joined    \r\n* #3 was deleted\r\n* alice was muted by mallory\r\ngeneral | ";
    assert_eq!(all_packets(&peer).concat().replace("    ", ""), expected.replace("    ", ""));
}

#[test]
fn quotes_of_an_ignored_user_are_hidden_under_whatever_name() {
    let (outbox, peer) = viewer();
    assert!(outbox.ignore(addressee(50, "mallory")));
    let quote = |author: &str| Quoted { id: MessageId(9), author: name(author), start: Some("canary".into()) };
    let answer = |sequence, author: &str, answers| {
        let Sequenced { event, .. } =
            said_by(sequence, 60, "carol", Draft { reply: Some(quote(author)), ..Draft::said("no") });
        let mut message = event.message().expect("a message").clone();
        message.answers(answers);
        Sequenced { sequence, event: Arc::new(Event::Said(message)) }
    };
    outbox.push(&mut batch(&[
        answer(1, "mallory", ClientId(50)),
        answer(2, "Mallory", ClientId::NONE),
        answer(3, "max", ClientId(50)),
        answer(4, "bob", ClientId(70)),
    ]));
    let seen = all_packets(&peer).concat();
    for id in 1..=3 {
        assert!(seen.contains(&format!("[00:00] #{id} carol: (to #9, ignored) no\r\n")), "{seen:?}");
    }
    assert!(seen.contains("#4 carol: (to #9 bob: \"canary\") no\r\n"), "{seen:?}");
    assert_eq!(seen.matches("canary").count(), 1, "{seen:?}");
    // In a reply and in a direct message, too.
    outbox.tell_events(&[answer(5, "mallory", ClientId(50)).event], None, &mut clock());
    outbox.settle();
    assert!(!all_packets(&peer).concat().contains("canary"));
}

#[test]
fn a_user_ignored_only_by_name_stays_ignored_under_the_next_one() {
    let (outbox, peer) = viewer();
    let nobody = |_| false;
    assert!(outbox.ignore(addressee(ClientId::NONE.0, "mallory")));
    outbox.follow_renamed(ClientId(50), &name("Mallory"), nobody);
    outbox.push(&mut batch(&[by(1, 50, "max", "hello")]));
    assert_eq!(all_packets(&peer), Vec::<String>::new());
    // Another user who takes the name is ignored by it, and the first one stays ignored.
    outbox.follow_renamed(ClientId(51), &name("mallory"), |client| client == ClientId(50));
    outbox.push(&mut batch(&[by(2, 50, "max", "hello"), by(3, 51, "moritz", "hi")]));
    assert_eq!(all_packets(&peer), ["\r[00:00] #3 moritz: hi\r\ngeneral | "]);
    assert!(outbox.unignore(&name("max"), Some(ClientId(50))));
}

#[test]
fn the_new_name_of_an_ignored_user_is_not_announced_and_the_prompt_shows_it() {
    let (outbox, peer) = viewer();
    let partner = Conversation::Direct(addressee(50, "mallory"));
    outbox.set_prompt(Prompt::Palette(Some(partner.clone())), &[partner]);
    outbox.settle();
    all_packets(&peer);
    assert!(outbox.ignore(addressee(50, "mallory")));
    outbox.partner_renamed(&addressee(50, "max"), "mallory is now known as max.");
    let seen = all_packets(&peer).concat();
    assert!(seen.contains("[@max]> ") && !seen.contains("is max now"), "{seen:?}");
}
