//! Message ids across restarts and crashes.

use chatsock::chat::message::MessageId;

use crate::place::{Place, close, room, said};

/// Ids reserved at a time.
const BLOCK: u64 = 131_072;

#[test]
fn after_a_clean_shutdown_the_ids_go_on_without_a_gap() {
    let place = Place::new();
    let (store, kept) = place.open();
    assert_eq!(kept.last_message, MessageId(0));
    (1..=3).for_each(|id| store.record_id_used(MessageId(id)));
    close(store);
    assert_eq!(place.open().1.last_message, MessageId(3));
}

#[test]
fn after_a_crash_no_id_is_reused() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_id_used(MessageId(3));
    // Dropped without a shutdown, as in a crash.
    drop(store);
    let (store, kept) = place.open();
    assert_eq!(kept.last_message, MessageId(BLOCK));
    // More than one block, with some messages stored and others not.
    let mut last = kept.last_message.0;
    for _ in 0..6 {
        for _ in 0..BLOCK / 3 {
            last += 1;
            store.record_id_used(MessageId(last));
        }
        store.flush().expect("written");
    }
    drop(store);
    let (_store, kept) = place.open();
    assert!(kept.last_message.0 >= last && kept.last_message.0 <= last + BLOCK, "{last}: {:?}", kept.last_message);
}

#[test]
fn ids_of_stored_messages_count_even_if_nobody_reserved_them() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_message(&room("general"), said(123_456, "bob", "text"));
    close(store);
    assert_eq!(place.open().1.last_message, MessageId(123_456));
}
