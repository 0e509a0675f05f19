//! Programs among the members: one object per event, with the same numbers and order as for everyone else.

use super::*;
use crate::hub::room::Since;
use crate::hub::room::queue::OBJECT_LONGER;
use crate::hub::room::watching::Watched;

/// A program that watches the room from now on.
fn program(id: u64, room: &Arc<Room>) -> Person {
    let person = Person::new(id);
    person.enter(room);
    person.outbox.speak_json();
    assert_eq!(watch(&person, room, Since::Last(0)), Watched { messages: 0, gap: false });
    person
}

fn watch(person: &Person, room: &Room, since: Since) -> Watched {
    let watched = room.watch(person.id(), since, Instant::now()).expect("a member");
    person.outbox.settle();
    watched
}

/// The numbers of the messages that a program was sent, and whether each was from the past.
fn numbers(stream: &str) -> Vec<(u64, bool)> {
    let object = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("an object");
    let all = stream.lines().map(object).filter(|object| object["action"] == "message");
    all.map(|object| (object["id"].as_u64().expect("a number"), object["optional"]["history"] == true)).collect()
}

#[test]
fn a_program_and_a_terminal_see_the_same_messages_in_the_same_order() {
    for seed in seeds(3) {
        let room = room(100_000);
        let (terminal, bot) = (Person::viewer(1, &room), program(2, &room));
        let posters: Vec<_> = (3..7).map(|id| Arc::new(Person::viewer(id, &room))).collect();
        let work = |poster: &Arc<Person>| {
            let (poster, room) = (Arc::clone(poster), Arc::clone(&room));
            let mut random = Random(seed ^ poster.id().0);
            Box::new(move || {
                for number in 0..100 {
                    if random.below(3) == 0 {
                        poster.post(&room, "quiet")
                    } else {
                        poster.say(&room, &number.to_string())
                    };
                }
                room.deliver_pending();
            }) as Box<dyn FnOnce() + Send>
        };
        run_all(&format!("seed {seed}"), posters.iter().map(work).collect());
        eventually("everything is delivered", || {
            room.deliver_pending();
            is_delivered(&room)
        });
        let (shown, sent) = (ids(&terminal.screen()), numbers(&bot.screen()));
        assert_eq!(shown.len(), 400, "seed {seed}");
        assert_eq!(sent, shown.into_iter().map(|id| (id, false)).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn a_program_that_returns_mid_conversation_misses_and_repeats_nothing() {
    for seed in seeds(5) {
        let room = room(100_000);
        let (poster, bot) = (Arc::new(Person::viewer(1, &room)), Arc::new(Person::new(2)));
        for number in 0..10 {
            poster.say(&room, &number.to_string());
        }
        bot.enter(&room);
        bot.outbox.speak_json();
        let talk = {
            let (poster, room) = (Arc::clone(&poster), Arc::clone(&room));
            Box::new(move || {
                for number in 0..150 {
                    poster.say(&room, &number.to_string());
                }
            })
        };
        let back = {
            let (bot, room) = (Arc::clone(&bot), Arc::clone(&room));
            Box::new(move || {
                eventually("some more is said", || room.said() > 20 + seed * 20);
                assert!(!watch(&bot, &room, Since::Message(MessageId(5))).gap);
            })
        };
        run_all(&format!("seed {seed}"), vec![talk, back]);
        eventually("everything is delivered", || {
            room.deliver_pending();
            is_delivered(&room)
        });
        let sent = numbers(&Arc::into_inner(bot).expect("the last one").screen());
        assert_eq!(sent.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (6..=160).collect::<Vec<_>>(), "seed {seed}");
        assert!(sent.is_sorted_by_key(|(_, history)| !history), "the past comes first, seed {seed}");
    }
}

#[test]
fn messages_that_left_the_history_are_a_gap() {
    let room = room(100_000);
    let (poster, bot) = (Person::viewer(1, &room), program(2, &room));
    for number in 0..250 {
        poster.post(&room, &number.to_string());
    }
    // 200 are in memory: 51 to 250.
    for (since, messages, gap) in
        [(10, 200, true), (49, 200, true), (50, 200, false), (100, 150, false), (250, 0, false), (900, 200, true)]
    {
        let watched = room.watch(bot.id(), Since::Message(MessageId(since)), Instant::now());
        assert_eq!(watched, Some(Watched { messages, gap }), "after {since}");
    }
    assert_eq!(room.watch(ClientId(9), Since::Last(1), Instant::now()), None, "no member");
}

#[test]
fn messages_that_a_user_may_not_read_are_a_gap() {
    let founder = Person::new(1);
    let room = made_by(&founder);
    founder.post(&room, "before");
    let nothing = RoomAction::Set(Setting::History(ReadBack::Nothing));
    founder.acts(&room, nothing, Instant::now()).expect("permitted");
    let bot = program(2, &room);
    founder.post(&room, "after");
    assert_eq!(
        room.watch(bot.id(), Since::Message(MessageId(0)), Instant::now()),
        Some(Watched { messages: 1, gap: true })
    );
    assert_eq!(
        room.watch(bot.id(), Since::Message(MessageId(1)), Instant::now()),
        Some(Watched { messages: 1, gap: false })
    );
}

#[test]
fn a_program_goes_on_watching_whatever_its_palette_shows() {
    let room = room(100_000);
    let (poster, bot) = (Person::viewer(1, &room), program(2, &room));
    room.close_view(bot.id());
    poster.say(&room, "heard");
    assert!(room.open_view(bot.id(), 1, Instant::now()), "as after `:join`");
    bot.outbox.settle();
    poster.say(&room, "once");
    assert_eq!(numbers(&bot.screen()), [(1, false), (1, true), (2, false)]);
}

#[test]
fn the_queue_counts_objects_by_their_real_length() {
    let room = room(100_000);
    let poster = Person::viewer(1, &room);
    room.deliver_pending();
    poster.post(&room, "x");
    let line = room.lock().queue_bytes;
    room.deliver_pending();
    let bot = program(2, &room);
    room.deliver_pending();
    poster.post(&room, "x");
    assert_eq!(room.lock().queue_bytes, line + OBJECT_LONGER);
    room.deliver_pending();
    room.leave(bot.id(), STAY, Going::Asked, Instant::now());
    room.deliver_pending();
    poster.post(&room, "x");
    assert_eq!(room.lock().queue_bytes, line);
}
