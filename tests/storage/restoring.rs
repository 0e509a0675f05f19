//! What is restored after a restart, and what can be read while the server runs.

use std::process::Command;
use std::time::Duration;

use chatsock::access::network::Network;
use chatsock::chat::action::ReadBack;
use chatsock::chat::message::{AccountId, MessageId, Quoted};
use chatsock::chat::moderation::{Admin, Ban, ListEntry};
use chatsock::chat::room::Creation;
use chatsock::store::{
    AccessRecord, AddressBanRecord, AuditEntry, CreateAccountError, MemberRecord, MessageRecord, OfflineMessageError,
    OfflineMessageRecord, OpenRoomRecord, RoomRecord, Settings, Store, StoreOptions, Visit,
};

use crate::place::{PATIENCE, Place, at, close, direct, hash, made_room, open, person, room, said, texts, user};

#[test]
fn an_account_and_its_settings_are_there_after_a_restart() {
    let place = Place::new();
    let (store, _) = place.open();
    let id = store.create_account(&user("Alice"), &hash("one")).expect("an account");
    assert_eq!(store.create_account(&user("aLICE"), &hash("two")), Err(CreateAccountError::Exists));
    let settings = Settings {
        color: Some(false),
        bell: Some("mentions".into()),
        time_zone: Some("Europe/Vienna".into()),
        timestamps: Some(false),
        ids: Some(true),
        quiet: Some(true),
        ignored: vec![user("mallory"), user("Eve")],
    };
    assert_eq!(store.save_settings(id, &settings), Ok(true));
    assert_eq!(store.save_settings(AccountId(99), &settings), Ok(false));
    assert_eq!(store.replace_hash(id, &hash("one"), &hash("three")), Ok(true));
    // The previous password no longer changes anything, nor does a call for an account that does not exist.
    assert_eq!(store.replace_hash(id, &hash("one"), &hash("four")), Ok(false));
    assert_eq!(store.replace_hash(AccountId(99), &hash("three"), &hash("four")), Ok(false));
    close(store);

    let (store, _) = place.open();
    let alice = store.account(&user("ALICE")).expect("read").expect("an account");
    assert_eq!((alice.id, alice.name.as_str(), &alice.settings), (id, "Alice", &settings));
    assert_eq!(alice.hash, hash("three"));
    assert!(!format!("{alice:?}").contains("three"));
    assert_eq!(store.account_name_exists(&user("alice")), Ok(true));
    assert_eq!(store.account(&user("bob")), Ok(None));
    assert_eq!(store.accounts().expect("read"), [alice]);
}

#[test]
fn the_id_of_a_removed_account_is_never_reused() {
    let place = Place::new();
    let (store, _) = place.open();
    let first = store.create_account(&user("alice"), &hash("one")).expect("an account");
    assert_eq!(store.remove_own_account(first, &hash("two")), Ok(false), "another password by now");
    assert_eq!(store.remove_own_account(first, &hash("one")), Ok(true));
    assert_eq!(store.remove_account(first), Ok(false));
    assert!(store.create_account(&user("alice"), &hash("one")).expect("an account") > first);
}

#[test]
fn memberships_and_their_read_limits_are_restored() {
    let place = Place::new();
    let (store, _) = place.open();
    let [alice, bob] =
        ["alice", "bob"].map(|name| store.create_account(&user(name), &hash("one")).expect("an account"));
    let chosen = |name, read_back| RoomRecord { read_back, ..made_room(name) };
    store.create_room(chosen("Joined", ReadBack::Joined)).expect("kept");
    store.create_room(chosen("Present", ReadBack::Nothing)).expect("kept");
    store.create_room(made_room("Open")).expect("kept");
    let own = RoomRecord { made: None, ..chosen("general", ReadBack::Nothing) };
    store.save_room(own).expect("kept");
    store.record_membership(alice, &room("joined"), MessageId(7), true);
    store.record_membership(alice, &room("joined"), MessageId(9), true);
    store.record_membership(bob, &room("general"), MessageId(5), false);
    store.record_membership(bob, &room("general"), MessageId(3), false);
    // Nothing is recorded for a room that has since been removed from the disk, or for an account that no longer exists.
    store.record_membership(bob, &room("nowhere"), MessageId(5), true);
    store.record_membership(AccountId(99), &room("general"), MessageId(5), false);
    close(store);

    let (store, kept) = place.open();
    let seen: Vec<_> = kept.rooms.iter().map(|room| (room.name.as_str(), room.read_back, &room.members[..])).collect();
    let member = |account, since| MemberRecord { account, since: MessageId(since) };
    let expected: [(_, _, &[_]); 4] = [
        ("general", ReadBack::Nothing, &[member(bob, 3)]),
        ("Joined", ReadBack::Joined, &[member(alice, 7)]),
        ("Open", ReadBack::All, &[]),
        ("Present", ReadBack::Nothing, &[]),
    ];
    assert_eq!(seen, expected);
    // Another room of that name starts without members, and a removed account is a member of no room.
    store.create_room(made_room("Joined")).expect("kept");
    assert_eq!(store.remove_account(bob), Ok(true));
    close(store);
    let (_store, kept) = place.open();
    assert!(kept.rooms.iter().all(|room| room.members.is_empty()), "{:?}", kept.rooms);
}

#[test]
fn a_user_made_room_is_restored_completely() {
    let place = Place::new();
    let (store, kept) = place.open();
    assert!(kept.rooms.is_empty());
    let mut attic = made_room("Attic");
    attic.public = false;
    attic.description = "Old things.".into();
    attic.limit = Some(8);
    attic.entry = AccessRecord::Password(hash("room"));
    attic.slow = Duration::from_millis(1500);
    attic.lists.admins = vec![
        Admin::new(person(Some(3), "alice", "192.0.2.1"), true),
        Admin::new(person(None, "bob", "2001:db8::"), false),
    ];
    let address = "203.0.113.5".parse().ok();
    attic.lists.bans = vec![
        Ban { name: user("eve"), who: None, address, by: user("alice"), reason: "noise".into(), until: None },
        Ban {
            name: user("mallory"),
            who: Some(person(Some(9), "mallory", "203.0.113.9")),
            address: None,
            by: user("bob"),
            reason: "".into(),
            until: Some(at(50)),
        },
    ];
    attic.lists.mutes = vec![ListEntry { who: person(None, "carol", "192.0.2.3"), until: Some(at(60)) }];
    attic.lists.invitations = vec![ListEntry { who: person(Some(4), "dave", "192.0.2.4"), until: Some(at(70)) }];
    store.create_room(attic.clone()).expect("saved");
    let mut cellar = made_room("cellar");
    cellar.entry = AccessRecord::Closed;
    store.create_room(cellar.clone()).expect("saved");
    let mut general = made_room("general");
    general.made = None;
    general.lists.bans = attic.lists.bans.clone();
    store.save_room(general.clone()).expect("saved");
    close(store);

    let (store, kept) = place.open();
    assert_eq!(kept.rooms, [attic.clone(), cellar.clone(), general]);
    // Saved again, it replaces what was there.
    attic.lists.bans.remove(0);
    attic.lists.mutes.clear();
    store.save_room(attic.clone()).expect("saved");
    assert_eq!(store.delete_room(&room("CELLAR")), Ok(true));
    assert_eq!(store.delete_room(&room("cellar")), Ok(false));
    close(store);
    let (_store, kept) = place.open();
    assert_eq!(kept.rooms[0], attic);
    assert_eq!(kept.rooms.len(), 2);
}

#[test]
fn messages_are_restored_with_their_quotes() {
    let place = Place::new();
    let (store, _) = place.open();
    let quoted = said(10, "bob", "morning");
    let reply = Some(Quoted { id: MessageId(10), author: user("bob"), start: Some("morning".into()) });
    let unkept = Some(Quoted { id: MessageId(3), author: user("eve"), start: Some("temporary".into()) });
    let answer = MessageRecord { reply, action: true, account: Some(AccountId(4)), ..said(12, "Alice", "two\nlines") };
    let other = MessageRecord { reply: unkept, edited: true, ..said(13, "carol", "aha") };
    for message in [&quoted, &answer, &other] {
        store.record_message(&room("general"), message.clone());
    }
    store.record_message(&room("games"), said(11, "bob", "elsewhere"));
    close(store);

    let (store, kept) = place.open();
    let other = MessageRecord { reply: other.reply.map(|reply| Quoted { start: None, ..reply }), ..other };
    let general = vec![quoted.clone(), answer.clone(), other.clone()];
    assert_eq!(kept.histories[1], (room("general"), general));
    assert_eq!(kept.histories[0].1.len(), 1);
    let page = store.messages_before(&room("GENERAL"), MessageId(13), 1, PATIENCE).expect("a page");
    assert_eq!((page.messages, page.cut), (vec![answer.clone()], false));
    assert_eq!(store.message(MessageId(12)), Ok(Some((room("general"), answer.clone()))));
    assert_eq!(store.message(MessageId(99)), Ok(None));
    assert_eq!(store.last_message_by(AccountId(4), &room("general")), Ok(Some(answer)));
    assert_eq!(store.last_message_by(AccountId(4), &room("games")), Ok(None));
}

#[test]
fn an_edit_shows_in_the_message_and_in_its_quotes() {
    let place = Place::new();
    let (store, _) = place.open();
    store.record_message(&room("general"), said(10, "bob", "before"));
    let reply = Some(Quoted { id: MessageId(10), author: user("bob"), start: Some("before".into()) });
    store.record_message(&room("general"), MessageRecord { reply, ..said(12, "alice", "yes") });
    store.record_edit(
        &room("general"),
        MessageId(10),
        "after, and quite a lot longer than it was when it was first said",
    );
    // In another room, and for a message that does not exist: nothing happens.
    store.record_edit(&room("games"), MessageId(12), "wrong");
    store.record_edit(&room("general"), MessageId(77), "wrong");
    store.flush().expect("written");
    let (_, first) = store.message(MessageId(10)).expect("read").expect("a message");
    assert!(first.edited && first.text.starts_with("after"));
    let (_, answer) = store.message(MessageId(12)).expect("read").expect("a message");
    let start = answer.reply.expect("a quote").start.expect("a start");
    assert!(start.starts_with("after") && start.ends_with("..."), "{start}");
    assert_eq!(&*answer.text, "yes");
    store.record_deletion(&room("general"), MessageId(10));
    store.flush().expect("written");
    let (_, answer) = store.message(MessageId(12)).expect("read").expect("a message");
    assert_eq!(answer.reply.expect("a quote").start, None);
}

#[test]
fn each_rooms_loaded_history_is_bounded() {
    let place = Place::new();
    let (store, _) = place.open();
    for id in 1..=30 {
        store.record_message(
            &room(if id % 3 == 0 { "games" } else { "general" }),
            said(id, "bob", &format!("text {id}")),
        );
    }
    close(store);
    let (_store, kept, _) = open(StoreOptions { history_max: 4, ..place.options() }).expect("a store");
    let ids = |index: usize| kept.histories[index].1.iter().map(|message| message.id.0).collect::<Vec<_>>();
    assert_eq!((ids(0), ids(1)), (vec![21, 24, 27, 30], vec![25, 26, 28, 29]));
}

#[test]
fn unread_messages_are_those_of_others_since_the_last_visit() {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    for id in 1..=5 {
        store.record_message(&room("general"), said(id, "bob", "text"));
    }
    store.record_message(&room("games"), said(6, "bob", "text"));
    store.record_visit(alice, &room("general"), MessageId(3));
    store.record_visit(alice, &room("general"), MessageId(2));
    store.record_visit(alice, &room("games"), MessageId(6));
    store.record_visit(AccountId(99), &room("general"), MessageId(6));
    store.record_message(&room("general"), MessageRecord { account: Some(alice), ..said(7, "alice", "mine") });
    close(store);
    let (store, _) = place.open();
    assert_eq!(store.unread(alice), Ok(vec![(room("general"), 2)]));
    let visits = [("games", 6), ("general", 3)].map(|(name, last)| Visit { room: room(name), last: MessageId(last) });
    assert_eq!(store.visits(alice).expect("read"), visits);
    assert_eq!(store.remove_account(alice), Ok(true));
    assert_eq!(store.visits(alice), Ok(Vec::new()));
}

#[test]
fn an_accounts_rooms_are_read_in_order_without_closed_ones() {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    let rooms = |names: &[(&str, &str)]| -> Box<[OpenRoomRecord]> {
        names
            .iter()
            .map(|(name, door)| OpenRoomRecord { room: room(name), made: false, door: (*door).into() })
            .collect()
    };
    store.record_open_rooms(alice, rooms(&[("general", "open"), ("den", "closed")]));
    let last = rooms(&[("den", "closed"), ("games", "$argon2id$x"), ("general", "")]);
    store.record_open_rooms(alice, last.clone());
    store.record_open_rooms(AccountId(99), last.clone());
    close(store);
    let (store, _) = place.open();
    assert_eq!(store.open_rooms(alice).expect("read")[..], last[..]);
    assert_eq!(store.open_rooms(AccountId(99)), Ok(Vec::new()));
    store.delete_room(&room("games")).expect("forgotten");
    assert_eq!(store.open_rooms(alice).expect("read")[..], rooms(&[("den", "closed"), ("general", "")])[..]);
    assert_eq!(store.remove_account(alice), Ok(true));
    assert_eq!(store.open_rooms(alice), Ok(Vec::new()));
}

#[test]
fn one_sender_may_fill_a_fifth_of_a_users_mailbox() {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    let of = |id: u64, account: Option<u64>, address: Option<&str>| OfflineMessageRecord {
        account: account.map(AccountId),
        address: address.map(|address| address.parse().expect("an address")),
        ..direct(id, &format!("user{id}"), "text")
    };
    for id in 1..=20 {
        store.save_offline_message(alice, of(id, Some(7), None)).expect("kept");
        store.save_offline_message(alice, of(100 + id, None, Some("192.0.2.1"))).expect("kept");
    }
    close(store);
    let (store, _) = place.open();
    assert_eq!(store.save_offline_message(alice, of(21, Some(7), None)), Err(OfflineMessageError::SenderShare));
    assert_eq!(
        store.save_offline_message(alice, of(121, None, Some("192.0.2.1"))),
        Err(OfflineMessageError::SenderShare)
    );
    for (id, account, address) in [(200, Some(8), None), (201, None, Some("192.0.2.2")), (202, None, None)] {
        assert_eq!(store.save_offline_message(alice, of(id, account, address)), Ok(()));
    }
    let waiting = store.offline_messages(alice).expect("read");
    assert!(waiting.contains(&of(120, None, Some("192.0.2.1"))) && waiting.contains(&of(20, Some(7), None)));
    // Messages that were read no longer count.
    store.offline_messages_shown(alice, &waiting[..1]);
    store.sync().expect("written");
    assert_eq!(store.save_offline_message(alice, of(21, Some(7), None)), Ok(()));
    assert_eq!(store.save_offline_message(alice, of(22, Some(7), None)), Err(OfflineMessageError::SenderShare));
    store.remove_account(alice).expect("removed");
    store.flush().expect("written");
    assert_eq!(place.files_with("192.0.2.1"), [""; 0]);
}

#[test]
fn up_to_a_hundred_direct_messages_wait_and_are_delivered_once() {
    let place = Place::new();
    let (store, _) = place.open();
    let alice = store.create_account(&user("alice"), &hash("one")).expect("an account");
    let bob = store.create_account(&user("bob"), &hash("one")).expect("an account");
    let reply = Some(Quoted { id: MessageId(1), author: user("alice"), start: Some("question".into()) });
    let mut first = direct(2, "bob", "answer");
    first.reply = reply;
    for to in [alice, bob] {
        store.save_offline_message(to, first.clone()).expect("kept");
    }
    for id in 3..=101 {
        store.save_offline_message(alice, direct(id, "bob", &format!("text {id}"))).expect("kept");
    }
    assert_eq!(
        store.save_offline_message(alice, direct(102, "bob", "one too many")),
        Err(OfflineMessageError::MailboxFull)
    );
    assert_eq!(
        store.save_offline_message(AccountId(99), direct(103, "bob", "nobody")),
        Err(OfflineMessageError::NoAccount)
    );
    close(store);

    let (store, kept) = place.open();
    assert_eq!(kept.last_message, MessageId(101));
    assert_eq!(store.edit_offline_message(MessageId(3), "edited"), Ok(true));
    assert_eq!(store.delete_offline_message(MessageId(4)), Ok(true));
    assert_eq!(store.delete_offline_message(MessageId(4)), Ok(false));
    let taken = store.take_offline_messages(alice).expect("taken");
    assert_eq!((taken.len(), &taken[0]), (99, &first));
    assert_eq!((&*taken[1].text, taken[1].edited, taken[2].id), ("edited", true, MessageId(5)));
    assert_eq!(store.take_offline_messages(alice), Ok(Vec::new()));
    assert_eq!(store.take_offline_messages(bob), Ok(vec![first]));
}

#[test]
fn address_bans_and_the_audit_log_are_restored() {
    let place = Place::new();
    let (store, _) = place.open();
    let network = |text: &str| Network::parse(text).expect("a network");
    let ban = |text: &str, until| AddressBanRecord {
        network: network(text),
        by: user("op"),
        reason: "noise".into(),
        at: at(1),
        until,
    };
    let forever = ban("192.0.2.0/24", None);
    store.save_address_ban(ban("192.0.2.0/24", Some(at(5)))).expect("saved");
    store.save_address_ban(forever.clone()).expect("saved");
    store.save_address_ban(ban("2001:db8::/32", None)).expect("saved");
    let long_ago = jiff::Timestamp::from_second(1_000_000_000).ok();
    store.save_address_ban(ban("198.51.100.1", long_ago)).expect("saved");
    assert_eq!(store.remove_address_ban(network("2001:db8::/32")), Ok(true));
    assert_eq!(store.remove_address_ban(network("2001:db8::/33")), Ok(false));
    let entries = [1, 2, 3].map(|n| AuditEntry { at: at(n), who: user("op"), what: format!("entry {n}").into() });
    entries.iter().for_each(|entry| store.record_audit(entry.clone()));
    close(store);
    let (store, kept) = place.open();
    assert_eq!(kept.address_bans, [forever]);
    assert_eq!(store.audit(2).expect("read"), [entries[2].clone(), entries[1].clone()]);
}

#[test]
fn a_query_stops_at_its_time_limit_and_returns_what_it_found() {
    let place = Place::new();
    let (store, _) = place.open();
    for id in 1..=5000 {
        store.record_message(&room("general"), said(id, "bob", "text"));
    }
    store.flush().expect("written");
    let page = |budget| store.messages_before(&room("general"), MessageId(u64::MAX), 5000, budget).expect("a page");
    let cut = page(Duration::ZERO);
    assert!(cut.cut && cut.messages.len() < 5000, "{}", cut.messages.len());
    // The next query has its own time limit.
    let whole = page(PATIENCE);
    assert!(!whole.cut);
    assert_eq!(whole.messages.len(), 5000);
}

#[test]
fn one_refused_record_does_not_block_the_others() {
    let place = Place::new();
    let (store, _, news) = open(place.options()).expect("a store");
    store.record_message(&room("general"), said(1, "bob", "first"));
    store.record_message(&room("general"), said(1, "bob", "the same number again"));
    store.record_message(&room("general"), said(2, "bob", "second"));
    store.flush().expect("written");
    assert_eq!(texts(&store, "general"), ["second", "first"]);
    let lost = crate::place::told(&news, |told| match told {
        chatsock::store::StoreEvent::WritesLost { records, .. } => Some(*records),
        _ => None,
    });
    assert_eq!(lost, 1);
}

#[test]
fn a_new_room_does_not_inherit_messages_of_an_earlier_one() {
    let place = Place::new();
    let (store, _) = place.open();
    store.create_room(made_room("attic")).expect("saved");
    store.record_message(&room("attic"), said(1, "bob", "of old"));
    store.create_room(made_room("Attic")).expect("saved");
    store.record_message(&room("attic"), said(2, "bob", "of now"));
    store.flush().expect("written");
    assert_eq!(texts(&store, "attic"), ["of now"]);
    assert_eq!(store.message(MessageId(1)), Ok(None));
    close(store);
    let (_store, kept) = place.open();
    assert_eq!(kept.histories.len(), 1);
    assert_eq!(kept.histories[0].1.len(), 1);
}

/// The variable that tells the other process where the database is.
const DATABASE: &str = "CHATSOCK_TEST_DATABASE";

/// Run by the test below, in a separate process.
#[test]
fn another_process_adds_and_removes_accounts() {
    let Some(database) = std::env::var_os(DATABASE) else { return };
    let mut accounts = Store::open_accounts(database.as_ref()).expect("accounts");
    for number in 0..50 {
        accounts.create(&user(&format!("theirs{number}")), &hash("one")).expect("an account");
    }
    assert_eq!(accounts.create(&user("OURS"), &hash("one")), Err(CreateAccountError::Exists));
    assert_eq!(accounts.set_hash(&user("ours"), &hash("changed")), Ok(true));
    assert_eq!(accounts.remove(&user("theirs7")), Ok(true));
    assert_eq!(accounts.remove(&user("nobody")), Ok(false));
    assert!(accounts.find(&user("THEIRS8")).expect("read").is_some());
}

#[test]
fn accounts_changed_by_another_process_are_seen_at_once() {
    let place = Place::new();
    let (store, _) = place.open();
    store.create_account(&user("ours"), &hash("one")).expect("an account");
    let program = std::env::current_exe().expect("this program");
    let other = Command::new(program)
        .args(["--exact", "restoring::another_process_adds_and_removes_accounts"])
        .env(DATABASE, place.database())
        .spawn();
    let mut other = other.expect("another process");
    for number in 0..50 {
        store.create_account(&user(&format!("mine{number}")), &hash("one")).expect("an account");
        store.record_message(&room("general"), said(number + 1, "bob", "text"));
    }
    assert!(other.wait().expect("its end").success());
    assert_eq!(store.account(&user("ours")).expect("read").expect("an account").hash, hash("changed"));
    assert_eq!(store.account(&user("theirs7")), Ok(None));
    assert_eq!(store.accounts().expect("read").len(), 100);
    store.flush().expect("written");
    assert_eq!(texts(&store, "general").len(), 50);
}

#[test]
fn accounts_can_be_created_before_the_first_server() {
    let place = Place::new();
    let mut accounts = Store::open_accounts(&place.database()).expect("accounts");
    accounts.create(&user("alice"), &hash("one")).expect("an account");
    let (store, _) = place.open();
    assert_eq!(store.account_name_exists(&user("alice")), Ok(true));
    assert_eq!(accounts.list().expect("read").len(), 1);
}

#[test]
fn a_late_save_does_not_bring_back_a_removed_room() {
    let place = Place::new();
    let (store, _) = place.open();
    store.create_room(made_room("attic")).expect("saved");
    assert_eq!(store.delete_room(&room("attic")), Ok(true));
    store.save_room(made_room("Attic")).expect("nothing to do");
    store.record_message(&room("attic"), said(1, "alice", "in none that is made"));
    store.save_room(made_room("attic")).expect("nothing to do");
    close(store);
    let (_store, kept) = place.open();
    assert!(kept.rooms.is_empty());
}

#[test]
fn a_late_save_does_not_overwrite_the_next_room_of_that_name() {
    let place = Place::new();
    let (store, _) = place.open();
    let first = made_room("attic");
    store.create_room(first.clone()).expect("saved");
    assert_eq!(store.delete_room(&room("attic")), Ok(true));
    let later = |made: Creation| Creation { at: made.at + jiff::SignedDuration::from_millis(1), ..made };
    let second = RoomRecord { made: first.made.clone().map(later), description: "another".into(), ..first.clone() };
    store.create_room(second.clone()).expect("saved");
    store.save_room(first).expect("nothing to do");
    close(store);
    let (_, kept) = place.open();
    assert_eq!(kept.rooms, [second]);
}
