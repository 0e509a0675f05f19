//! Changes to messages: slow rooms, temporary messages, edits, erasures, and the quotes of both.

use super::*;
use crate::chat::history::MOST_TEMPORARY_OF_ONE;
use crate::chat::message::Event;

const WAIT: Duration = Duration::from_secs(10);

fn slow_room(owner: &Person, now: Instant) -> Arc<Room> {
    let room = made_by(owner);
    owner.acts(&room, RoomAction::Set(Setting::Slow(WAIT)), now).expect("slow");
    room
}

/// The texts of the last messages, each after its quote.
fn texts(room: &Room, reader: &Person) -> Vec<String> {
    let history = room.history(&reader.actor(), 100, Instant::now());
    let text = |event: &Arc<Event>| {
        let message = event.message().expect("a message");
        let quote = message.extra.as_ref().and_then(|extra| extra.reply.as_ref());
        let start = quote.map(|quote| format!("({}) ", quote.start.as_deref().unwrap_or("gone"))).unwrap_or_default();
        format!("{start}{}", message.text)
    };
    history.iter().map(text).collect()
}

#[test]
fn in_a_slow_room_members_wait_between_messages_and_admins_do_not() {
    let now = Instant::now();
    let (owner, member, other) = (Person::new(1), Person::new(2), Person::new(3));
    let room = slow_room(&owner, now);
    member.enter(&room);
    other.enter(&room);
    let post = |person: &Person, seconds: u64| {
        person.posts(&room, Draft::said("hello"), now + Duration::from_secs(seconds)).map(|_| ())
    };
    assert_eq!(post(&member, 0), Ok(()));
    assert_eq!(post(&member, 4), Err(Denied::Slow(general(), Duration::from_secs(6))));
    assert_eq!(post(&other, 4), Ok(()), "everybody has their own turn");
    // A refused message does not count.
    assert_eq!(post(&member, 10), Ok(()));
    assert_eq!(post(&member, 11), Err(Denied::Slow(general(), Duration::from_secs(9))));
    for seconds in 0..3 {
        assert_eq!(post(&owner, seconds), Ok(()));
    }
    owner.acts(&room, RoomAction::Promote(member.named()), now).expect("promoted");
    assert_eq!(post(&member, 11), Ok(()));
}

#[test]
fn in_a_slow_room_an_edit_waits_like_a_message_and_a_deletion_does_not() {
    let now = Instant::now();
    let (owner, member) = (Person::new(1), Person::new(2));
    let room = slow_room(&owner, now);
    member.enter(&room);
    let id = member.posts(&room, Draft::said("hello"), now).expect("posted");
    let edit = |seconds| room.edit(&member.actor(), id, "more", now + Duration::from_secs(seconds));
    assert_eq!(edit(4), Err(Denied::Slow(general(), Duration::from_secs(6))));
    assert!(edit(10).is_ok());
    let own = owner.posts(&room, Draft::said("hello"), now).expect("posted");
    assert!(room.edit(&owner.actor(), own, "more", now).is_ok());
    let last = member.posts(&room, Draft::said("hello"), now + 3 * WAIT).expect("posted");
    assert!(room.delete(&member.actor(), last, now + 3 * WAIT).is_ok());
}

#[test]
fn a_temporary_message_expires_on_time_and_only_once() {
    let room = room(10_000);
    let (author, watcher) = (Person::viewer(1, &room), Person::viewer(2, &room));
    let draft = Draft { lasts: Some(WAIT), ..Draft::said("soon gone") };
    let id = author.posts(&room, draft, Instant::now()).expect("posted");
    let stays = MessageId(author.say(&room, "stays"));
    assert_eq!(texts(&room, &author), ["soon gone", "stays"]);
    assert_eq!(room.expire(stays, Instant::now()), None, "only what is temporary expires");
    assert_eq!(room.expire(id, Instant::now()).map(|erased| erased.id), Some(id));
    assert_eq!(room.expire(id, Instant::now()), None);
    room.deliver_pending();
    assert_eq!(texts(&room, &author), ["stays"]);
    let screen = watcher.screen();
    assert!(screen.contains("#1 p1 (temporary, 10 s): soon gone\r\n"), "{screen:?}");
    assert_eq!(screen.matches("* #1 expired\r\n").count(), 1, "{screen:?}");
    // The author's line mode screen shows it like everyone else's.
    assert!(author.screen().contains("* #1 expired\r\n"));
}

#[test]
fn a_temporary_message_that_was_deleted_does_not_expire() {
    let room = room(10_000);
    let author = Person::viewer(1, &room);
    let draft = Draft { lasts: Some(WAIT), ..Draft::said("soon gone") };
    let id = author.posts(&room, draft, Instant::now()).expect("posted");
    assert!(room.delete(&author.actor(), id, Instant::now()).is_ok());
    assert_eq!(room.expire(id, Instant::now()), None);
}

#[test]
fn temporary_messages_are_bounded() {
    let room = room(100_000);
    let (author, now) = (Person::new(1), Instant::now());
    author.enter(&room);
    let temporary = || author.posts(&room, Draft { lasts: Some(WAIT), ..Draft::said("x") }, now);
    let first = temporary().expect("posted");
    for _ in 1..MOST_TEMPORARY_OF_ONE {
        temporary().expect("posted");
    }
    let said = room.said();
    assert_eq!(temporary(), Err(Denied::TooManyTemporary));
    assert_eq!(room.said(), said);
    let other = Person::new(2);
    other.enter(&room);
    let draft = Draft { lasts: Some(WAIT), ..Draft::said("x") };
    assert!(other.posts(&room, draft, now).is_ok(), "one person's do not take the place of everybody else's");
    assert!(author.posts(&room, Draft::said("stays"), now).is_ok());
    // It has left the history but still frees its share.
    assert!(room.expire(first, Instant::now()).is_some());
    assert!(temporary().is_ok());
}

#[test]
fn an_erased_text_is_gone_from_every_reply_to_it() {
    let room = room(10_000);
    let (author, other, watcher) = (Person::viewer(1, &room), Person::viewer(2, &room), Person::viewer(3, &room));
    let id = MessageId(author.say(&room, "secret"));
    let answer = |text: &str| {
        let reply = room.quote(&other.actor(), id, Instant::now());
        other.posts(&room, Draft { reply, ..Draft::said(text) }, Instant::now()).expect("posted")
    };
    answer("yes");
    answer("no");
    assert_eq!(texts(&room, &author), ["secret", "(secret) yes", "(secret) no"]);
    room.deliver_pending();
    assert!(room.delete(&author.actor(), id, Instant::now()).is_ok());
    {
        let state = room.lock();
        let last = state.queue.last().expect("an event");
        let Event::Erased { id: erased, requoted, redraw, news, .. } = &*last.event else { panic!("{last:?}") };
        assert_eq!((*erased, requoted.len(), *redraw), (id, 2, true));
        assert_eq!(&**news, "#1 was deleted by p1");
        assert!(!format!("{last:?}").contains("secret"));
    }
    room.deliver_pending();
    assert_eq!(texts(&room, &author), ["(gone) yes", "(gone) no"]);
    assert!(room.quote(&other.actor(), id, Instant::now()).is_none());
    // A user who comes later sees nothing of it.
    let late = Person::new(9);
    late.enter(&room);
    late.open_view(&room, 100);
    let screen = late.screen();
    assert!(!screen.contains("secret") && screen.contains("(to #1 p1, gone) yes"), "{screen:?}");
    let screen = watcher.screen();
    assert!(screen.contains("p2: (to #1 p1: \"secret\") yes\r\n"), "{screen:?}");
    assert!(screen.ends_with("* #1 was deleted by p1\r\ngeneral | "), "{screen:?}");
}

#[test]
fn an_edited_text_changes_in_every_reply_to_it() {
    let room = room(10_000);
    let (author, other, watcher) = (Person::viewer(1, &room), Person::viewer(2, &room), Person::viewer(3, &room));
    let id = MessageId(author.say(&room, "before"));
    let reply = room.quote(&other.actor(), id, Instant::now());
    other.posts(&room, Draft { reply, ..Draft::said("yes") }, Instant::now()).expect("posted");
    room.deliver_pending();
    assert!(room.edit(&author.actor(), id, "after", Instant::now()).is_ok());
    {
        let state = room.lock();
        let last = state.queue.last().expect("an event");
        let Event::Edited { message, requoted, redraw } = &*last.event else { panic!("{last:?}") };
        assert_eq!((message.message().map(|message| message.id), requoted.len(), *redraw), (Some(id), 1, true));
    }
    room.deliver_pending();
    assert_eq!(texts(&room, &author), ["after", "(after) yes"]);
    assert_eq!(room.said(), 2, "an edit is nothing new to read");
    // In line mode the new text appears as a line, for the author too, whose terminal shows the old one.
    for person in [watcher, author] {
        let screen = person.screen();
        assert!(screen.ends_with("[00:00] #1 p1: after (edited)\r\ngeneral | "), "{screen:?}");
    }
}

#[test]
fn a_redraw_is_scheduled_once_until_it_is_done() {
    let room = room(10_000);
    let author = Person::viewer(1, &room);
    let now = Instant::now();
    let id = MessageId(author.say(&room, "text"));
    let edit = || room.edit(&author.actor(), id, "new", now).ok().map(|erased| erased.redraw_due);
    assert_eq!(edit(), Some(true));
    assert_eq!(edit(), Some(false));
    assert!(room.redraw_views(), "what is not delivered yet may have to wait when it is");
    assert_eq!(edit(), Some(false));
    room.deliver_pending();
    assert!(!room.redraw_views());
    assert_eq!(edit(), Some(true));
    let deleted = room.delete(&author.actor(), id, now).ok();
    assert_eq!(deleted, Some(Erased { id, redraw_due: false }));
}

#[test]
fn with_many_viewers_an_erasure_is_a_line_and_nothing_is_redrawn() {
    let room = room(100_000);
    let people: Vec<_> = (1..=GATHER_ABOVE as u64 + 1).map(|id| Person::viewer(id, &room)).collect();
    let id = MessageId(people[0].say(&room, "text"));
    let deleted = room.delete(&people[0].actor(), id, Instant::now()).ok();
    assert_eq!(deleted, Some(Erased { id, redraw_due: false }));
    assert!(room.lock().queue.iter().all(|queued| !queued.event.redraws()));
}

#[test]
fn messages_that_left_the_history_cannot_be_changed_or_quoted() {
    let room = room(100_000);
    let (author, now) = (Person::new(1), Instant::now());
    author.enter(&room);
    let first = MessageId(author.post(&room, "first"));
    for _ in 0..200 {
        author.post(&room, "more");
    }
    assert_eq!(room.edit(&author.actor(), first, "new", now), Err(Denied::NoMessage));
    assert_eq!(room.delete(&author.actor(), first, now), Err(Denied::NoMessage));
    assert!(room.quote(&author.actor(), first, now).is_none());
    assert_eq!(room.last_by(&author.actor().who, Instant::now()), Some(MessageId(201)));
}
