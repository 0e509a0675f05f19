//! One password, from devices that encode the same letters differently.

use argon2::{Argon2, PasswordHasher as _};
use chatsock::access::password;
use chatsock::chat::names::UserName;
use chatsock::chat::secret::Hashed;
use chatsock::store::Store;

use crate::support::Client;
use crate::support::home::{History, Home, come_in, give, knock, prove, quit, register};

/// `Grüße` as most keyboards send it, and as text copied on a Mac may contain it, with another kind of space.
const COMPOSED: &str = "Gr\u{fc}\u{df}e dich";
const DECOMPOSED: &str = "Gru\u{308}\u{df}e\u{a0}dich";

fn come_in_with(server: &crate::support::Server, password: &str) -> Client {
    let mut client = knock(server.address());
    client.send("bob");
    give(&mut client, password);
    client.expect("* Hello bob. ");
    client
}

#[test]
fn an_accounts_password_is_right_in_every_normalization_form() {
    for (set, typed) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        let home = Home::new();
        let server = home.start(History::Forgotten, "");
        let mut bob = server.login("bob");
        register(&mut bob, set);
        quit(bob);
        quit(come_in_with(&server, typed));
        let mut guest = server.login("guest");
        prove(&mut guest, ":login bob", typed);
        guest.expect("* You are now known as bob.\r\n");
        // The old password is given in one form, and the new one in two.
        guest.send(":passwd");
        guest.expect("* Your current password:\r\n");
        give(&mut guest, typed);
        give(&mut guest, &format!("new {set}"));
        give(&mut guest, &format!("new {typed}"));
        guest.expect("* Your password has been changed.\r\n");
        guest.send(":unregister");
        give(&mut guest, &format!("new {typed}"));
        guest.expect("* Account bob deleted");
    }
}

#[test]
fn a_rooms_password_is_right_in_every_normalization_form_persistent_or_configured_or_made() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let config = format!("[rooms.staff]\npublic = false\npassword = \"{DECOMPOSED}\"");
    let server = home.start(History::Forgotten, &config);
    let mut alice = come_in(&server, "alice");
    for room in ["kept", "made"] {
        alice.send(&format!(":create {room} {DECOMPOSED}"));
        alice.expect(&format!("[{room}]> "));
        if room == "kept" {
            alice.send(":set keep on");
            alice.expect("keeps the room");
        }
    }
    let mut guest = server.login("guest");
    for room in ["staff", "kept", "made"] {
        guest.send(&format!(":join {room} {COMPOSED}"));
        guest.expect(&format!("* Joined {room}, "));
    }
}

#[test]
fn a_hash_of_unnormalized_text_from_an_earlier_version_still_works_and_is_renewed() {
    let home = Home::new();
    // With today's parameters.
    let hashed = Argon2::default().hash_password_with_salt("Gru\u{308}\u{df}e".as_bytes(), b"chatsocksalt1234");
    let old = Hashed::new(hashed.expect("a hash").to_string());
    let name = UserName::parse("bob", 1, 12).expect("a name");
    Store::open_accounts(&home.database()).expect("open").create(&name, &old).expect("an account");
    let server = home.start(History::Forgotten, "");
    quit(come_in_with(&server, "Gru\u{308}\u{df}e"));
    // Now the other form is right too.
    quit(come_in_with(&server, "Gr\u{fc}\u{df}e"));
    let stored = server.hub().store().expect("a store").account(&name).expect("read").expect("there").hash;
    assert!(stored != old && !password::needs_rehash("Gru\u{308}\u{df}e", &stored));
}
