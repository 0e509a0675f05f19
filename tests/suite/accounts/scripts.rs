//! Accounts and persistent rooms with names in other scripts: returning to them under different configurations.

use crate::support::home::{ASKED, History, Home, PASSWORD, come_in, knock, prove, quit, register, try_login, written};

const UNICODE: &str = "names = \"unicode\"\n";

#[test]
fn an_account_in_another_script_asks_for_its_password_in_any_case_and_form() {
    let home = Home::new();
    let server = home.start(History::Forgotten, UNICODE);
    for (name, others) in [("Нина", ["НИНА", "нина"]), ("Zo\u{eb}", ["ZOE\u{308}", "zo\u{eb}"])] {
        let mut client = server.login(name);
        register(&mut client, PASSWORD);
        client.send(":whoami");
        client.expect(&format!("* You are {name} ({name}#"));
        client.expect(", registered, in no room");
        quit(client);
        for other in others {
            let mut client = try_login(server.address(), other, PASSWORD);
            client.expect(&format!("* Hello {name}. 1 person online"));
            quit(client);
        }
    }
    // Cyrillic letters that look like Latin ones.
    home.accounts(&["cop"]);
    let mut guest = knock(server.address());
    guest.send("сор");
    guest.expect("! The name сор looks like cop, which is taken. Try another one.\r\n");
}

#[test]
fn an_account_in_another_script_stays_one_where_new_names_are_ascii() {
    let home = Home::new();
    let server = home.start(History::Kept, UNICODE);
    let mut nina = server.login("Нина");
    register(&mut nina, PASSWORD);
    nina.send(":create кухня");
    nina.expect("* Made кухня");
    nina.send(":set keep on");
    nina.expect("\r\n");
    nina.send(":say hello");
    nina.expect("* Sent to кухня as #");
    quit(nina);
    written(&server);
    server.end();

    let server = home.start(History::Kept, "");
    let mut alice = server.login("alice");
    // A user without an account cannot have such a name,
    alice.send(":nick Ника");
    alice.expect("! A name begins with a letter from A to Z.\r\n");
    // but what exists is found: the account, its room and its messages.
    alice.send("@Нина hello");
    alice.send(":dm Нина hello");
    alice.expect("-> Нина: hello");
    alice.send(":join КУХНЯ");
    alice.expect("* Joined кухня, 0 others here.");
    alice.send(":history");
    alice.expect(" Нина: hello\r\n");
    let mut nina = try_login(server.address(), "НИНА", PASSWORD);
    nina.expect("* Hello Нина. 2 people online");
    nina.expect(" alice -> you: hello\r\n");
    nina.send(":join кухня");
    nina.expect("here.");
    nina.send(":kick alice");
    alice.expect("kicked");
    quit(nina);
    let mut guest = server.login("guest");
    prove(&mut guest, ":login нина", PASSWORD);
    guest.expect("* You are now known as Нина.\r\n");
}

#[test]
fn a_name_in_another_script_is_a_guests_only_where_the_configuration_says_so() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut guest = knock(server.address());
    guest.send("Нина");
    let told = guest.expect("! A name begins with a letter from A to Z.\r\n");
    assert!(!told.contains(ASKED), "{told:?}");
    home.reconfigure(&server, History::Forgotten, UNICODE);
    guest.send("Нина");
    guest.expect("* Hello Нина. 1 person online");
    let mut alice = come_in(&server, "alice");
    alice.send(":dm нина hello");
    guest.expect(" alice -> you: hello\r\n");
}
