//! A caller gives up waiting for the disk: the request must not be carried out afterwards.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chatsock::chat::message::{MessageId, Quoted};
use chatsock::store::{Point, SaveError, Store, StoreError};

use crate::place::{PATIENCE, Place, close, direct, hash, room, until, user};

const SHORT: Duration = Duration::from_millis(20);

/// Makes a request with a short deadline while the writer is held.
fn impatiently<T>(store: &Store, at: Point, ask: impl FnOnce() -> T) -> T {
    store.failpoints().hold(at);
    store.failpoints().set_write_timeout(SHORT);
    let told = ask();
    store.failpoints().set_write_timeout(PATIENCE);
    told
}

fn with_alice() -> (Place, Arc<Store>, chatsock::chat::message::AccountId) {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    (place, store, alice)
}

#[test]
fn an_abandoned_request_is_never_committed_wherever_the_disk_stalls() {
    for at in [Point::Begin, Point::Applied] {
        let (_place, store, alice) = with_alice();
        let told = impatiently(&store, at, || store.remove_account(alice));
        assert_eq!(told, Err(SaveError(StoreError::TimedOut)), "{at:?}");
        assert!(store.failpoints().wait_held(PATIENCE));
        store.failpoints().release();
        store.sync().expect("written");
        assert_eq!(store.account_exists(alice), Ok(true), "{at:?}");
        close(store);
    }
}

#[test]
fn a_request_that_is_being_committed_is_not_reported_as_undone() {
    let (_place, store, alice) = with_alice();
    store.failpoints().hold(Point::Commit);
    thread::scope(|scope| {
        store.failpoints().set_write_timeout(SHORT);
        let told = scope.spawn(|| store.remove_account(alice)).join().expect("an answer");
        // On a busy machine it may have been abandoned earlier.
        let undecided = SaveError(StoreError::OutcomeUnknown);
        assert!(told == Err(undecided.clone()) || told == Err(SaveError(StoreError::TimedOut)), "{told:?}");
        store.failpoints().set_write_timeout(PATIENCE);
        store.failpoints().release();
        store.sync().expect("written");
        assert_eq!(store.account_exists(alice), Ok(told != Err(undecided.clone())));
        let line = "It may not be saved: the disk does not answer. Look again later, or tell an operator.";
        assert_eq!(undecided.to_string(), line);
    });
}

#[test]
fn a_caller_who_gives_up_does_not_affect_the_others() {
    let (_place, store, alice) = with_alice();
    let failpoints = store.failpoints();
    failpoints.set_write_timeout(PATIENCE);
    failpoints.hold(Point::Applied);
    // While the writer works on this, the others form one batch.
    store.record_visit(alice, &room("general"), MessageId(1));
    assert!(failpoints.wait_held(PATIENCE));
    thread::scope(|scope| {
        let waits = scope.spawn(|| store.create_account(&user("bob"), &hash("two")));
        until("bob waits", || store.awaited() == 1);
        failpoints.set_write_timeout(Duration::from_millis(300));
        let gives_up = scope.spawn(|| store.remove_account(alice));
        until("alice waits", || store.awaited() == 2);
        failpoints.let_pass();
        assert_eq!(gives_up.join().expect("an answer"), Err(SaveError(StoreError::TimedOut)));
        failpoints.release();
        waits.join().expect("an answer").expect("an account");
    });
    failpoints.set_write_timeout(PATIENCE);
    store.sync().expect("written");
    assert_eq!(store.account_exists(alice), Ok(true));
    assert_eq!(store.account_name_exists(&user("bob")), Ok(true));
}

#[test]
fn direct_messages_wait_until_they_were_shown() {
    let (place, store, alice) = with_alice();
    for id in 1..=3 {
        store.save_offline_message(alice, direct(id, "bob", &format!("canary {id}"))).expect("kept");
    }
    let mut answer = direct(4, "bob", "an answer");
    answer.reply = Some(Quoted { id: MessageId(3), author: user("bob"), start: Some("canary 3".into()) });
    store.save_offline_message(alice, answer).expect("kept");
    let asked = store.offline_messages(alice).expect("read");
    assert_eq!((asked.len(), store.offline_messages(alice).expect("read").len()), (4, 4));
    // Edited on the way: the text shown is not the text stored.
    assert_eq!(store.edit_offline_message(MessageId(2), "another"), Ok(true));
    store.offline_messages_shown(alice, &asked);
    // Even before this is written, nobody gets them again.
    let left = |store: &Store| -> Vec<_> {
        let left = store.offline_messages(alice).expect("read").into_iter();
        left.map(|direct| (direct.id.0, String::from(direct.text))).collect()
    };
    assert!(left(&store).iter().all(|(id, _)| *id == 2));
    store.flush().expect("written");
    assert_eq!(left(&store), [(2, "another".to_owned())]);
    assert_eq!(place.files_with("canary "), [""; 0]);
    assert_eq!(place.files_with("an answer"), [""; 0]);
}

#[test]
fn shown_direct_messages_are_not_repeated_while_the_disk_fails() {
    let (_place, store, alice) = with_alice();
    store.save_offline_message(alice, direct(1, "bob", "text")).expect("kept");
    let asked = store.offline_messages(alice).expect("read");
    store.failpoints().hold(Point::Begin);
    store.offline_messages_shown(alice, &asked);
    assert_eq!(store.offline_messages(alice), Ok(Vec::new()));
    store.failpoints().release();
    store.sync().expect("written");
    assert_eq!(store.offline_messages(alice), Ok(Vec::new()));
}
