//! What is erased because of its age, by which clock, and what is not erased while the clock is in doubt.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use chatsock::chat::message::{MessageId, Quoted};
use chatsock::store::{AddressBanRecord, MessageRecord, Store, StoreEvent, StoreOptions, StoredState};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::place::{Place, close, direct, hash, once_free, room, said, texts, told, user};
use crate::support::clocks::{Clocks, DAY};

const KEPT_DAYS: u64 = 30;

fn options(place: &Place) -> StoreOptions {
    StoreOptions { retention: Some(Duration::from_secs(KEPT_DAYS * 24 * 3600)), ..place.options() }
}

fn open(place: &Place, clocks: &Clocks) -> (Arc<Store>, StoredState, Receiver<StoreEvent>) {
    once_free(|| {
        let (sender, news) = mpsc::channel();
        let tell = move |told| drop(sender.send(told));
        let (store, kept) = Store::open_with_clocks(options(place), Box::new(tell), clocks.reader())?;
        Ok((store, kept, news))
    })
    .expect("a store")
}

/// A message of this age.
fn aged(id: u64, days: i64, text: &str) -> MessageRecord {
    MessageRecord { at: Timestamp::now() - SignedDuration::from_hours(days * DAY), ..said(id, "bob", text) }
}

fn doubted(news: &StoreEvent) -> Option<i64> {
    if let StoreEvent::ClockSuspect(off) = news { Some((off.as_hours() + 12) / DAY) } else { None }
}

fn expired(news: &StoreEvent) -> Option<(u64, u64)> {
    if let StoreEvent::Expired { messages, directs } = news { Some((*messages, *directs)) } else { None }
}

fn ban(until: Timestamp) -> AddressBanRecord {
    let network = chatsock::access::network::Network::parse("203.0.113.7").expect("an address");
    AddressBanRecord { network, by: user("alice"), reason: "spam".into(), at: Timestamp::now(), until: Some(until) }
}

/// The stored last moment of a run with a correct clock.
fn kept_moment(place: &Place) -> Timestamp {
    let connection = Connection::open(place.database()).expect("a connection");
    let sql = "SELECT value FROM meta WHERE key = 'last_moment'";
    let at: i64 = connection.query_row(sql, [], |row| row.get(0)).expect("a moment");
    Timestamp::from_millisecond(at).expect("a moment")
}

/// A database with two messages, an offline message and a ban of one week, closed cleanly.
fn used() -> Place {
    let place = Place::new();
    let (store, _, _) = open(&place, &Clocks::default());
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    store.record_message(&room("general"), aged(1, 0, "first"));
    store.record_message(&room("general"), aged(2, 0, "second"));
    let mut waiting = direct(3, "bob", "for you");
    waiting.at = Timestamp::now();
    store.save_offline_message(alice, waiting).expect("kept");
    store.save_address_ban(ban(Timestamp::now() + SignedDuration::from_hours(7 * DAY))).expect("kept");
    close(store);
    place
}

fn is_whole(place: &Place, store: &Store, kept: &StoredState) {
    assert_eq!(texts(store, "general"), ["second", "first"]);
    assert_eq!(kept.histories[0].1.len(), 2);
    assert_eq!(kept.address_bans.len(), 1);
    let connection = Connection::open(place.database()).expect("a connection");
    let count: i64 = connection.query_row("SELECT count(*) FROM directs", [], |row| row.get(0)).expect("a count");
    assert_eq!(count, 1);
}

#[test]
fn starting_with_a_clock_sixty_days_ahead_erases_nothing_and_ends_no_ban() {
    let place = used();
    let before = kept_moment(&place);
    let clocks = Clocks::ahead(60 * DAY);
    let (store, kept, news) = open(&place, &clocks);
    assert_eq!(told(&news, doubted), 60);
    store.flush().expect("written");
    is_whole(&place, &store, &kept);
    // Until then the last correct moment counts.
    assert!((store.now() - before).get_hours() < 1, "{}", store.now());
    // The shutdown must not store the wrong time as a correct one, or the next start would believe it.
    close(store);
    assert_eq!(kept_moment(&place), before);
    let (store, kept, news) = open(&place, &clocks);
    assert_eq!(told(&news, doubted), 60);
    is_whole(&place, &store, &kept);
    close(store);
    let (store, kept, _) = open(&place, &Clocks::default());
    is_whole(&place, &store, &kept);
}

#[test]
fn a_clock_that_jumps_while_the_server_runs_erases_nothing() {
    let place = used();
    let clocks = Clocks::default();
    let (store, kept, news) = open(&place, &clocks);
    clocks.set_ahead(60 * DAY);
    // The hourly check.
    clocks.pass(2);
    assert_eq!(told(&news, doubted), 60);
    store.flush().expect("written");
    is_whole(&place, &store, &kept);
    clocks.set_ahead(0);
    told(&news, |news| (*news == StoreEvent::ClockTrusted).then_some(()));
    store.flush().expect("written");
    is_whole(&place, &store, &kept);
    assert!(news.try_iter().all(|news| expired(&news).is_none()));
}

#[test]
fn after_a_day_a_doubtful_clock_is_trusted_and_erasures_are_reported() {
    let place = used();
    let clocks = Clocks::ahead(60 * DAY);
    let (store, _, news) = open(&place, &clocks);
    assert_eq!(told(&news, doubted), 60);
    clocks.pass(23);
    store.flush().expect("written");
    assert_eq!(texts(&store, "general").len(), 2);
    clocks.pass(1);
    told(&news, |news| (*news == StoreEvent::ClockTrusted).then_some(()));
    assert_eq!(told(&news, expired), (2, 1));
    store.flush().expect("written");
    assert_eq!(place.files_with("second"), [""; 0]);
    close(store);
    // This counts as a run with a correct clock.
    assert!(kept_moment(&place) > Timestamp::now() + SignedDuration::from_hours(60 * DAY));
}

#[test]
fn after_a_week_of_downtime_old_messages_are_erased_at_once() {
    let place = used();
    let (store, _, _) = open(&place, &Clocks::default());
    store.record_message(&room("general"), aged(4, 26, "old by then"));
    close(store);
    let (store, kept, news) = open(&place, &Clocks::ahead(6 * DAY));
    assert_eq!(told(&news, expired), (1, 0));
    is_whole(&place, &store, &kept);
}

#[test]
fn retention_goes_on_behind_messages_from_the_future() {
    let place = used();
    let (store, _) = place.open();
    store.record_message(&room("general"), aged(4, -3, "ahead"));
    // Two days later its date was no longer in the future, and ended the scan.
    store.record_message(&room("general"), aged(5, 1, "young"));
    store.record_message(&room("general"), aged(6, 40, "too old"));
    close(store);
    let (store, _, news) = open(&place, &Clocks::ahead(5 * DAY));
    assert_eq!(told(&news, expired), (1, 0));
    store.flush().expect("written");
    assert_eq!(place.files_with("too old"), [""; 0]);
    assert_eq!(texts(&store, "general"), ["young", "ahead", "second", "first"]);
}

#[test]
fn messages_that_expired_since_the_last_check_are_not_read() {
    let place = used();
    let clocks = Clocks::default();
    let (store, _, _) = open(&place, &clocks);
    let alice = store.account(&user("alice")).expect("read").expect("an account").id;
    let nearly = Timestamp::now() - SignedDuration::from_hours(30 * DAY) + SignedDuration::from_mins(30);
    store.record_message(
        &room("attic"),
        MessageRecord { at: nearly, account: Some(alice), ..said(4, "alice", "about to go") },
    );
    let reply = Some(Quoted { id: MessageId(4), author: user("alice"), start: None });
    store.record_message(&room("attic"), MessageRecord { reply, ..aged(5, 0, "stays") });
    store.record_visit(alice, &room("attic"), MessageId(0));
    store.sync().expect("written");
    let start = || store.message(MessageId(5)).expect("read").expect("a message").1.reply.expect("a quote").start;
    assert_eq!((texts(&store, "attic").len(), start().as_deref()), (2, Some("about to go")));
    clocks.set_ahead(1);
    assert_eq!((texts(&store, "attic"), start()), (vec!["stays".to_owned()], None));
    assert_eq!(store.message(MessageId(4)), Ok(None));
    assert_eq!(store.last_message_by(alice, &room("attic")), Ok(None));
}

#[test]
fn a_database_without_a_last_moment_uses_its_newest_record() {
    let place = used();
    let connection = Connection::open(place.database()).expect("a connection");
    connection.execute("DELETE FROM meta WHERE key = 'last_moment'", []).expect("deleted");
    drop(connection);
    let (store, kept, news) = open(&place, &Clocks::ahead(60 * DAY));
    assert_eq!(told(&news, doubted), 60);
    is_whole(&place, &store, &kept);
    close(store);
    // With nothing to lose, the clock is trusted.
    let empty = Place::new();
    close(open(&empty, &Clocks::ahead(-60 * DAY)).0);
    assert!(kept_moment(&empty) < Timestamp::now() - SignedDuration::from_hours(59 * DAY));
}

#[test]
fn thousands_of_old_messages_are_counted_together() {
    let place = Place::new();
    let (store, _) = place.open();
    (1..=1203).for_each(|id| store.record_message(&room("general"), aged(id, 31, "old")));
    store.record_message(&room("general"), aged(1204, 0, "young"));
    close(store);
    let (store, _, news) = open(&place, &Clocks::default());
    let line = told(&news, |news| expired(news).map(|_| news.to_string()));
    assert_eq!(line, "Erased 1203 messages, older than retention_days.");
    close(store);
}
