//! What a process leaves behind when it is killed at work.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use chatsock::chat::message::MessageId;
use chatsock::store::StoreOptions;
use rusqlite::Connection;

use crate::place::{PATIENCE, Place, hash, open, room, said, user};

/// The variable that tells the process where its database is.
const DATABASE: &str = "CHATSOCK_TEST_KILLED";

const ROUNDS: usize = 12;

/// Run by the test below, in a process of its own, until it is killed.
#[test]
fn a_process_that_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let options = StoreOptions { path: path.into(), history: true, retention: None, history_max: 10 };
    let (store, kept, _news) = open(options).expect("a store");
    let mut out = std::io::stdout();
    for id in kept.last_message.0 + 1.. {
        store.record_id_used(MessageId(id));
        store.record_message(&room("general"), said(id, "bob", &format!("text {id}")));
        match id % 7 {
            0 => store.record_edit(&room("general"), MessageId(id - 3), &format!("edited {}", id - 3)),
            3 => store.record_deletion(&room("general"), MessageId(id - 2)),
            _ => {}
        }
        if id % 20 == 0 {
            store.create_account(&user(&format!("user{id}")), &hash("one")).expect("an account");
            // The confirmation is printed: from here on the data has to be there.
            writeln!(out, "\nconfirmed {id}").expect("somebody reads");
            out.flush().expect("somebody reads");
        }
    }
}

#[test]
fn confirmed_records_and_all_before_them_survive_a_kill() {
    let place = Place::new();
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(["--exact", "killing::a_process_that_records_until_it_is_killed", "--nocapture"])
            .env(DATABASE, place.database())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let lines = lines.map_while(Result::ok);
        let mut confirmed =
            lines.filter_map(|line| line.strip_prefix("confirmed ").and_then(|id| id.parse::<u64>().ok()));
        // Each round kills it later in its work.
        all.extend(confirmed.by_ref().take(1 + round * 3));
        child.kill().expect("killed");
        child.wait().expect("its end");
        all.extend(confirmed);
        let last = *all.last().expect("a confirmation");

        let connection = Connection::open(place.database()).expect("a connection");
        let words: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
        assert_eq!(words, "ok");
        assert!(!connection.prepare("PRAGMA foreign_key_check").expect("a pragma").exists([]).expect("an answer"));
        drop(connection);
        let (store, kept) = place.open();
        assert!(kept.last_message.0 >= last);
        for id in &all {
            assert_eq!(store.account_name_exists(&user(&format!("user{id}"))), Ok(true), "{id}");
        }
        // The last confirmed one is on disk with everything recorded before it. Edits and deletions are recorded up to
        // three ids later, so for the last three they may be there or not.
        let settled = last - 19..=last - 3;
        let expected = settled.clone().rev().filter(|id| id % 7 != 1);
        let expected = expected.map(|id| if id % 7 == 4 { format!("edited {id}") } else { format!("text {id}") });
        let page = store.messages_before(&room("general"), MessageId(last - 2), 17, PATIENCE).expect("a page");
        let found = page.messages.into_iter().filter(|message| settled.contains(&message.id.0));
        let found = found.map(|message| String::from(message.text));
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "round {round}");
    }
}
