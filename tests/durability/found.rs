//! Reads the database that a stopped server left behind.
//!
//! Reads a copy, so that the next server finds the files unchanged and has to recover them itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chatsock::chat::message::MessageId;
use chatsock::chat::names::RoomName;
use chatsock::store::{Store, StoreOptions};
use rusqlite::Connection;

use crate::support::{PATIENCE, scratch};

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub room: String,
    pub text: String,
}

/// The contents of a database.
#[derive(Debug, Default)]
pub struct Found {
    /// Accounts, settings, rooms, bans: the state of each in one word.
    pub facts: BTreeMap<String, String>,
    /// By message id.
    pub messages: BTreeMap<u64, Message>,
    /// Every id above this one is free.
    pub last: u64,
}

/// Fails if SQLite finds any damage.
pub fn is_sound(database: &Path) {
    let connection = Connection::open(database).expect("a database");
    let words: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(words, "ok", "{}", database.display());
    let mut broken = connection.prepare("PRAGMA foreign_key_check").expect("a statement");
    assert!(!broken.exists([]).expect("an answer"), "{}: a row points nowhere", database.display());
}

/// Reads a copy of a stopped server's database: everything, but only the messages above an id.
pub fn look(database: &Path, above: u64) -> Found {
    // The first server was killed before it created one.
    if !database.exists() {
        return Found::default();
    }
    let directory = scratch();
    let copy = directory.join("copy.db");
    fs::copy(database, &copy).expect("copied");
    let log = database.with_file_name("chatsock.db-wal");
    if log.exists() {
        fs::copy(log, directory.join("copy.db-wal")).expect("copied");
    }
    is_sound(&copy);
    let found = read(&copy, above);
    // A failing test leaves it behind for investigation.
    fs::remove_dir_all(directory).expect("removed");
    found
}

fn read(database: &Path, above: u64) -> Found {
    let options = StoreOptions { path: database.to_owned(), history: true, retention: None, history_max: 1 };
    let (store, kept) = Store::open(options, Box::new(|news| panic!("{news}"))).expect("a store");
    let mut found = Found { last: kept.last_message.0, ..Found::default() };
    let facts = &mut found.facts;
    for account in store.accounts().expect("accounts") {
        let (name, settings) = (account.name, account.settings);
        facts.insert(format!("account {name}"), "there".to_owned());
        facts.extend(settings.color.map(|on| (format!("colour of {name}"), if on { "on" } else { "off" }.to_owned())));
        facts.extend(settings.bell.map(|bell| (format!("bell of {name}"), bell.into())));
        facts.extend(settings.time_zone.map(|zone| (format!("zone of {name}"), zone.into())));
    }
    for ban in kept.address_bans {
        facts.insert(format!("address {}", ban.network), ban.reason.into());
    }
    for room in kept.rooms {
        let name = room.name;
        for ban in room.lists.bans {
            facts.insert(format!("ban of {} in {name}", ban.name), ban.reason.into());
        }
        if room.made.is_some() {
            let owners =
                room.lists.admins.into_iter().filter(|admin| admin.owner).map(|admin| admin.who.name.to_string());
            facts.insert(format!("room {name}"), owners.collect::<Vec<_>>().join(" "));
            if !room.description.is_empty() {
                facts.insert(format!("topic of {name}"), room.description.into());
            }
            facts.extend(room.limit.map(|limit| (format!("limit of {name}"), limit.to_string())));
        }
    }
    for (name, _) in kept.histories {
        read_messages(&store, &name, above, &mut found.messages);
    }
    found
}

fn read_messages(store: &Store, room: &RoomName, above: u64, messages: &mut BTreeMap<u64, Message>) {
    let mut before = MessageId(u64::MAX);
    loop {
        let page = store.messages_before(room, before, 1000, PATIENCE).expect("a page");
        assert!(!page.cut, "reading took too long");
        for message in &page.messages {
            if message.id.0 > above {
                let said = Message { room: room.to_string(), text: message.text.to_string() };
                assert!(messages.insert(message.id.0, said).is_none(), "{} is there twice", message.id);
            }
        }
        match page.messages.last() {
            Some(last) if last.id.0 > above => before = last.id,
            _ => return,
        }
    }
}
