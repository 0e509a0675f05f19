//! Who may read the files: only their owner, whatever the umask.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::place::{Place, kill, register, say, stop};
use crate::support::Client;

const OWN: u32 = 0o600;

fn own(names: &[&str]) -> Vec<(String, u32)> {
    names.iter().map(|name| ((*name).to_owned(), OWN)).collect()
}

#[test]
fn every_file_is_private_whatever_the_umask() {
    let place = Place::new("", Some("history = true"));
    for life in 0..3 {
        let mut program = place.start_after("umask 0");
        let mut client = Client::login(program.address(), &format!("alice{life}"));
        register(&mut client, "sesame open");
        client.send(":join general");
        client.expect("to leave.\r\n");
        say(&mut client, "good morning");
        client.send(":bell on");
        client.expect("* The bell ");
        let all = own(&["chatsock.db", "chatsock.db-shm", "chatsock.db-wal", "chatsock.db.lock"]);
        assert_eq!(place.files(), all, "while it runs");
        if life == 0 {
            kill(&mut program);
            assert_eq!(place.files(), all, "when it was killed");
        } else {
            stop(&mut program);
            assert!(place.files().iter().all(|(_, mode)| *mode == OWN), "{:?}", place.files());
        }
    }
}

#[test]
fn files_readable_by_others_are_restricted_at_startup_and_logged() {
    let place = Place::new("", Some(""));
    let mut program = place.start();
    program.address();
    kill(&mut program);
    for (name, _) in place.files() {
        fs::set_permissions(place.directory().join(name), fs::Permissions::from_mode(0o644)).expect("loosened");
    }
    let mut program = place.start();
    program.address();
    assert!(place.files().iter().all(|(_, mode)| *mode == OWN), "{:?}", place.files());
    program.expect_log("it is now restricted to its owner");
    stop(&mut program);
}
