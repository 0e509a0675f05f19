//! What never reaches the disk, and what is removed from all files.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::Duration;

use chatsock::chat::message::{MessageId, Quoted};
use chatsock::store::{MessageRecord, OfflineMessageError, SaveError, StoreError, StoreOptions};
use jiff::Timestamp;
use rusqlite::Connection;

use crate::place::{PATIENCE, Place, close, direct, hash, made_room, open, room, said, texts, user};

const CANARY: &str = "a-canary-that-nobody-is-to-find";

#[test]
fn without_history_no_file_contains_a_message() {
    let place = Place::new();
    let options = StoreOptions { history: false, ..place.options() };
    let (store, _, _) = open(options.clone()).expect("a store");
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    let reply = Some(Quoted { id: MessageId(1), author: user("bob"), start: Some(CANARY.into()) });
    store.record_message(&room("general"), MessageRecord { reply, ..said(2, "bob", CANARY) });
    store.record_edit(&room("general"), MessageId(2), CANARY);
    store.record_deletion(&room("general"), MessageId(2));
    let refused = OfflineMessageError::NotSaved(SaveError(StoreError::HistoryOff));
    assert_eq!(store.save_offline_message(alice, direct(3, "bob", CANARY)), Err(refused));
    store.record_id_used(MessageId(3));
    store.record_visit(alice, &room("general"), MessageId(2));
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
    // The search itself works: a stored account is found.
    assert!(!place.files_with("alice").is_empty());
    close(store);
    assert_eq!(place.files_with(CANARY), [""; 0]);
    let (_store, kept, _) = open(options).expect("a store");
    assert!(kept.histories.is_empty());
}

#[test]
fn without_history_earlier_messages_are_neither_shown_nor_touched() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_message(&room("general"), said(1, "bob", "of old"));
    close(store);
    let (store, kept, _) = open(StoreOptions { history: false, ..place.options() }).expect("a store");
    assert!(kept.histories.is_empty() && texts(&store, "general").is_empty());
    assert_eq!(store.message(MessageId(1)), Ok(None));
    close(store);
    assert_eq!(place.open().1.histories.len(), 1);
}

#[test]
fn no_file_contains_deleted_or_edited_texts() {
    let place = Place::new();
    let (store, _) = place.open();
    let general = room("general");
    store.record_message(&general, said(1, "bob", CANARY));
    let reply = Some(Quoted { id: MessageId(1), author: user("bob"), start: Some(CANARY.into()) });
    store.record_message(&general, MessageRecord { reply, ..said(2, "alice", "yes") });
    store.record_message(&general, said(3, "bob", &format!("{CANARY} to be edited")));
    store.record_message(&general, said(4, "bob", &[CANARY; 1000].join(" ")));
    store.flush().expect("written");
    assert!(!place.files_with(CANARY).is_empty());
    store.record_deletion(&general, MessageId(1));
    store.record_edit(&general, MessageId(3), "as short");
    store.record_edit(&general, MessageId(4), &["edited"; 2000].join(" "));
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
    assert_eq!(texts(&store, "general").len(), 3);
}

#[test]
fn no_file_contains_direct_messages_once_they_are_read_or_removed() {
    let place = Place::new();
    let (store, _) = place.open();
    let [alice, bob, carol] =
        ["alice", "bob", "carol"].map(|name| store.create_account(&user(name), &hash("one")).expect("an account"));
    for to in [alice, bob, carol] {
        store.save_offline_message(to, direct(1, "dave", CANARY)).expect("kept");
    }
    let mut answer = direct(2, "dave", "an answer");
    answer.reply = Some(Quoted { id: MessageId(1), author: user("dave"), start: Some(CANARY.into()) });
    store.save_offline_message(carol, answer).expect("kept");
    store.save_offline_message(bob, direct(3, "dave", CANARY)).expect("kept");
    store.flush().expect("written");
    assert!(!place.files_with(CANARY).is_empty());
    assert_eq!(store.take_offline_messages(alice).expect("taken").len(), 1);
    assert_eq!(store.edit_offline_message(MessageId(1), "something else"), Ok(true));
    assert_eq!(store.remove_account(bob), Ok(true));
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
    let left = store.take_offline_messages(carol).expect("taken");
    assert_eq!(&*left[0].text, "something else");
    assert_eq!(left[1].reply.as_ref().expect("a quote").start, None);
}

#[test]
fn nothing_of_a_large_destroyed_room_is_left() {
    let place = Place::new();
    let (store, _) = place.open();
    store.create_room(made_room("attic")).expect("saved");
    for id in 1..=3000 {
        store.record_message(
            &room(if id % 10 == 0 { "general" } else { "attic" }),
            said(id, "bob", &format!("{CANARY} {id}")),
        );
    }
    store.flush().expect("written");
    assert_eq!(store.delete_room(&room("attic")), Ok(true));
    assert!(texts(&store, "attic").is_empty());
    store.flush().expect("written");
    assert_eq!(place.files_with(&format!("{CANARY} 1999")), [""; 0]);
    assert!(!place.files_with(&format!("{CANARY} 2000")).is_empty());
    for id in 1..=300 {
        store.record_deletion(&room("general"), MessageId(id * 10));
    }
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
}

#[test]
fn a_room_destroyed_just_before_a_crash_is_erased_after_it() {
    let place = Place::new();
    let (store, _) = place.open();
    for id in 1..=2000 {
        store.record_message(&room("attic"), said(id, "bob", &format!("{CANARY} {id}")));
    }
    assert_eq!(store.delete_room(&room("attic")), Ok(true));
    drop(store);
    let (store, kept) = place.open();
    assert!(kept.histories.is_empty());
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
}

/// Rows that grow, shrink and disappear make SQLite move other rows between pages. No copy of a text may stay behind.
#[test]
fn no_deleted_text_remains_among_thousands_of_changing_rows() {
    let place = Place::new();
    let (store, _) = place.open();
    let rooms = ["general", "games", "attic"].map(room);
    // A linear congruential generator (Numerical Recipes), for the same sequence every time.
    let mut state = 1_u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut live = BTreeMap::new();
    let text = |number: u32, length: u32| format!("canary-{number:06}-{}", "x".repeat(length as usize));
    let mut number = 0;
    for id in 1..=12_000_u64 {
        let place_of = random(3) as usize;
        number += 1;
        store.record_message(&rooms[place_of], said(id, "bob", &text(number, random(300))));
        live.insert(id, (place_of, number));
        if random(2) == 0 {
            let (&id, &(place_of, _)) = live.iter().nth(random(live.len() as u32) as usize).expect("one");
            live.remove(&id);
            store.record_deletion(&rooms[place_of], MessageId(id));
        }
        let chosen = random(live.len() as u32 + 1) as usize;
        if random(4) == 0
            && let Some((&id, entry)) = live.iter_mut().nth(chosen)
        {
            number += 1;
            entry.1 = number;
            store.record_edit(&rooms[entry.0], MessageId(id), &text(number, random(300)));
        }
        if id % 1000 == 0 {
            store.flush().expect("written");
        }
    }
    // One whole room is destroyed, and then some more messages of the others are erased.
    store.delete_room(&rooms[2]).expect("done");
    live.retain(|_, entry| entry.0 != 2);
    store.flush().expect("written");
    for (id, entry) in live.iter().step_by(3) {
        store.record_deletion(&rooms[entry.0], MessageId(*id));
    }
    let live: Vec<_> =
        live.into_values().enumerate().filter(|(index, _)| index % 3 != 0).map(|(_, entry)| entry).collect();
    store.flush().expect("written");
    let found = std::process::Command::new("grep").args(["-rhaoE", "canary-[0-9]{6}"]).arg(place.path()).output();
    let found = String::from_utf8(found.expect("grep").stdout).expect("text");
    let mut found: Vec<u32> = found.lines().map(|line| line[7..].parse().expect("a number")).collect();
    found.sort_unstable();
    found.dedup();
    let mut left: Vec<u32> = live.into_iter().map(|(_, number)| number).collect();
    left.sort_unstable();
    assert_eq!(found, left);
}

#[test]
fn a_reader_only_delays_the_erasure() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_message(&room("general"), said(1, "bob", CANARY));
    store.flush().expect("written");
    let reader = Connection::open(place.database()).expect("a connection");
    reader.execute_batch("BEGIN; SELECT count(*) FROM messages;").expect("a reading transaction");
    store.record_deletion(&room("general"), MessageId(1));
    let (sender, flushed) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(store.flush()).expect("somebody listens"));
        // In the meantime others are written and confirmed.
        for number in 0..10 {
            store.create_account(&user(&format!("user{number}")), &hash("one")).expect("an account");
        }
        assert_eq!(flushed.try_recv(), Err(TryRecvError::Empty));
        reader.execute_batch("COMMIT").expect("the end of it");
        assert_eq!(flushed.recv_timeout(PATIENCE), Ok(Ok(())));
    });
    assert_eq!(place.files_with(CANARY), [""; 0]);
}

#[test]
fn expired_messages_are_erased_at_startup_whatever_earlier_clocks_said() {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    let long_ago = Timestamp::from_second(1_000_000_000).expect("a moment");
    // The clock was wrong for a moment.
    let far_ahead = Timestamp::from_second(10_000_000_000).expect("a moment");
    for id in 1..=1200 {
        let (at, word) = match id {
            1..=3 | 600..=603 => (far_ahead, "ahead"),
            ..=1190 => (long_ago, CANARY),
            _ => (Timestamp::now(), "young"),
        };
        let text = format!("{word} {id}");
        store.record_message(&room("general"), MessageRecord { at, ..said(id, "bob", &text) });
    }
    let mut waiting = direct(1201, "bob", CANARY);
    waiting.at = long_ago;
    store.save_offline_message(alice, waiting).expect("kept");
    close(store);
    let retention = Some(Duration::from_secs(24 * 3600));
    let (store, kept, _) = open(StoreOptions { retention, ..place.options() }).expect("a store");
    assert_eq!(kept.histories[0].1.len(), 10);
    store.flush().expect("written");
    assert_eq!(place.files_with(CANARY), [""; 0]);
    let left = texts(&store, "general");
    let of = |word| left.iter().filter(|text| text.starts_with(word)).count();
    assert_eq!((of("young"), of("ahead"), left.len()), (10, 7, 17), "{left:?}");
    assert_eq!(store.take_offline_messages(alice), Ok(Vec::new()));
}
