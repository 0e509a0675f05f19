//! Logins without accounts, with optional accounts, and with required ones.

use std::time::{Duration, Instant};

use crate::support::home::{
    ASKED, History, Home, PASSWORD, asked_to_take_over, come_in, give, knock, prove, quit, register, try_login,
};
#[cfg(feature = "tls")]
use crate::support::tls::Trust;
use crate::support::{Client, Server};

const WARNED: &str = "* Your client will show what you type.\r\nPassword: ";

/// The ways to connect.
#[derive(Clone, Copy, Debug)]
enum Door {
    Plain,
    Quick,
    #[cfg(feature = "tls")]
    Encrypted,
}

const DOORS: &[Door] = &[
    Door::Plain,
    Door::Quick,
    #[cfg(feature = "tls")]
    Door::Encrypted,
];

impl Door {
    fn first_question(self) -> &'static str {
        match self {
            Door::Quick => "Enter room name: ",
            _ => self.question(),
        }
    }

    fn question(self) -> &'static str {
        match self {
            Door::Quick => "Enter username: ",
            _ => "Username: ",
        }
    }
}

/// A server with all kinds of listeners.
struct House {
    server: Server,
    #[cfg(feature = "tls")]
    trust: Trust,
}

impl House {
    /// A server on which alice has an account, with this value for `accounts`.
    fn with(home: &Home, accounts: &str) -> House {
        home.accounts(&["alice"]);
        let more = format!("accounts = \"{accounts}\"\n");
        #[cfg(not(feature = "tls"))]
        return House { server: home.start(History::Forgotten, &more) };
        #[cfg(feature = "tls")]
        {
            let state = home.path().display();
            let encrypted = format!("state_dir = \"{state}\"\n{more}[tls]\nlisten = [\"127.0.0.1:0\"]\n");
            let server = home.start(History::Forgotten, &encrypted);
            House { server, trust: Trust::in_file(&home.path().join("chatsock-certificate.pem")) }
        }
    }

    /// A client that has sent nothing yet.
    fn connect(&self, door: Door) -> Client {
        match door {
            Door::Plain => Client::connect(self.server.address()),
            Door::Quick => Client::connect(self.server.quick_address()),
            #[cfg(feature = "tls")]
            Door::Encrypted => self.trust.connect(self.server.tls_address()),
        }
    }

    /// A client that has answered the question for a name.
    fn name_given(&self, door: Door, name: &str) -> Client {
        let mut client = self.connect(door);
        if matches!(door, Door::Quick) {
            client.expect("Enter room name: ");
            client.send("general");
        }
        client.expect(door.question());
        client.send(name);
        client
    }
}

/// The server alone, for tests on the plain listener.
fn server(home: &Home, accounts: &str) -> Server {
    House::with(home, accounts).server
}

#[test]
fn without_accounts_anybody_may_use_any_name_without_a_password() {
    let home = Home::new();
    let house = House::with(&home, "off");
    for &door in DOORS {
        for name in ["alice", "ALICE", "carol"] {
            let mut client = house.name_given(door, name);
            let before = client.expect(&format!("* Hello {name}. "));
            assert!(!before.contains(ASKED), "{before:?}");
            quit(client);
        }
    }
}

#[test]
fn without_accounts_their_commands_say_so_and_help_does_not_list_them() {
    let home = Home::new();
    let server = server(&home, "off");
    let mut alice = server.login("alice");
    for command in [":register", ":passwd", ":unregister", ":login bob", ":ghost bob", ":broadcast x", ":audit"] {
        alice.send(command);
        alice.expect("! This server keeps no accounts.\r\n> ");
    }
    alice.send(":help all");
    let listed = alice.settle();
    assert!(listed.contains(":nick") && !listed.contains(":register") && !listed.contains(":ghost"), "{listed:?}");
}

#[test]
fn where_accounts_are_optional_a_new_name_is_a_guest() {
    let home = Home::new();
    let house = House::with(&home, "optional");
    for &door in DOORS {
        let mut client = house.name_given(door, "carol");
        let before = client.expect("* Hello carol. ");
        assert!(!before.contains(ASKED), "{before:?}");
        quit(client);
    }
}

#[test]
fn where_accounts_are_optional_a_registered_name_in_any_case_needs_its_password() {
    let home = Home::new();
    let house = House::with(&home, "optional");
    for &door in DOORS {
        for name in ["alice", "ALICE", "aLiCe"] {
            let mut client = house.name_given(door, name);
            client
                .expect(&format!("* The name {name} needs its password. Give it, or go back with Enter.\r\n{WARNED}"));
            client.send("wrong");
            client.expect(&format!("! Wrong name or password. Give your name again.\r\n{}", door.question()));
            client.send(name);
            client.expect(&format!("go back with Enter.\r\n{ASKED}"));
            client.send(PASSWORD);
            // The name is shown in its owner's spelling.
            client.expect("* Hello alice. 1 person online");
            quit(client);
        }
    }
}

#[test]
fn a_login_on_the_quick_listener_joins_the_named_room() {
    let home = Home::new();
    let house = House::with(&home, "optional");
    let mut alice = house.name_given(Door::Quick, "alice");
    give(&mut alice, PASSWORD);
    alice.expect(":q goes back.\r\n* Topic: For general conversations.\r\ngeneral | ");
}

#[test]
fn where_accounts_are_required_guests_are_refused_like_wrong_passwords() {
    let home = Home::new();
    let house = House::with(&home, "required");
    for (&door, unknown) in DOORS.iter().zip(["carol", "dave", "erin"]) {
        for name in [unknown, "alice", "Alice"] {
            let mut client = house.name_given(door, name);
            client
                .expect(&format!("* The name {name} needs its password. Give it, or go back with Enter.\r\n{WARNED}"));
            client.send("wrong");
            client.expect(&format!("! Wrong name or password. Give your name again.\r\n{}", door.question()));
        }
        let mut alice = house.name_given(door, "ALICE");
        give(&mut alice, PASSWORD);
        alice.expect("* Hello alice. 1 person online");
        quit(alice);
    }
}

#[test]
fn only_where_accounts_are_required_is_it_said_who_creates_them() {
    let registered = "* This server is for registered users. Its admin creates the accounts.\r\n";
    let home = Home::new();
    let house = House::with(&home, "required");
    for &door in DOORS {
        let told = house.connect(door).expect(door.first_question());
        assert!(told.contains(registered), "{told:?}");
    }
    let home = Home::new();
    let house = House::with(&home, "optional");
    for &door in DOORS {
        let told = house.connect(door).expect(door.first_question());
        assert!(!told.contains("registered"), "{told:?}");
    }
}

#[test]
fn where_accounts_are_required_users_can_neither_register_nor_rename_themselves() {
    let home = Home::new();
    let server = server(&home, "required");
    let mut alice = come_in(&server, "alice");
    alice.send(":register");
    alice.expect("! alice is registered already; :passwd changes its password.\r\n");
    alice.send(":unregister");
    alice.expect("! Only the admin creates and removes accounts here.\r\n");
    alice.send(":nick carol");
    alice.expect("! Every name here belongs to an account: :login <name> switches to another one of yours.\r\n");
    // Her own name in other case is the same name.
    alice.send(":nick Alice");
    alice.expect("* You are now known as Alice.\r\n");
}

#[test]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    const ROUNDS: usize = 90;
    let home = Home::new();
    home.accounts(&["alice"]);
    // However long the comparison takes, the login does not time out.
    let limits = "[limits]\nlogin_seconds = 0\nmessages_per_second = 0";
    let server = home.start(History::Forgotten, &format!("accounts = \"required\"\nlogin_attempts = 100\n{limits}"));
    let mut client = knock(server.address());
    // Measures both in turns and keeps the fastest: load makes both slower, and neither faster. If both cost the same,
    // the minima meet sooner or later; if one costs less, they never do.
    let mut quickest = [Duration::MAX; 2];
    for round in 1..=ROUNDS {
        for (name, quickest) in ["alice", "nobody"].iter().zip(&mut quickest) {
            client.send(name);
            client.expect(ASKED);
            let asked = Instant::now();
            client.send("wrong");
            client.expect("! Wrong name or password. Give your name again.\r\n");
            *quickest = asked.elapsed().min(*quickest);
        }
        let [known, unknown] = quickest;
        if round >= 10 && unknown > known * 2 / 3 && known > unknown * 2 / 3 {
            return;
        }
    }
    panic!("a known name and an unknown one: {quickest:?}");
}

#[test]
fn an_unknown_name_is_locked_out_like_a_known_one() {
    let home = Home::new();
    let server = server(&home, "required");
    let heard = ["alice", "nobody"].map(|name| {
        let mut client = knock(server.address());
        let mut heard = String::new();
        for _ in 0..4 {
            client.send(name);
            give(&mut client, "wrong");
            heard += &client.expect("Username: ");
        }
        heard.replace(name, "NAME")
    });
    assert_eq!(heard[0], heard[1]);
    assert!(heard[0].contains("! Your account is blocked due to multiple login failures."), "{heard:?}");
}

#[test]
fn enter_at_the_password_goes_back_to_the_name_and_is_not_an_attempt() {
    let home = Home::new();
    let server = server(&home, "optional");
    let mut client = knock(server.address());
    for _ in 0..5 {
        client.send("alice");
        client.expect(ASKED);
        client.send("");
        client.expect("Username: ");
    }
    client.send("alice");
    give(&mut client, PASSWORD);
    client.expect("* Hello alice. ");
}

#[test]
fn a_login_to_an_account_that_is_online_can_be_cancelled() {
    let home = Home::new();
    let server = server(&home, "optional");
    let mut first = come_in(&server, "alice");
    let mut second = try_login(server.address(), "Alice", PASSWORD);
    asked_to_take_over(&mut second);
    second.send(":q");
    second.expect("Username: ");
    assert!(!first.settle().contains("!"));
    quit(first);
    second.send("alice");
    give(&mut second, PASSWORD);
    second.expect("* Hello alice. ");
}

#[test]
fn a_rename_does_not_take_over_an_account() {
    let home = Home::new();
    let server = server(&home, "optional");
    let mut mallory = server.login("mallory");
    for name in ["alice", "ALICE"] {
        mallory.send(&format!(":nick {name}"));
        mallory.expect(&format!("! {name} is registered: :login {name} asks for its password.\r\n> "));
    }
    prove(&mut mallory, ":login alice", "guess");
    mallory.expect("! Wrong name or password.\r\n> ");
    mallory.send(":whoami");
    mallory.expect("), a guest, in no room");
}

#[test]
fn a_user_whose_name_becomes_an_account_keeps_it_without_owning_the_account() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "");
    let mut bob = server.login("bob");
    home.accounts(&["bob"]);
    bob.send(":register");
    bob.expect("! Somebody has registered bob. If it was you, use :login bob.\r\n> ");
    bob.send(":unregister");
    bob.expect("! You are not logged in: :register creates an account, :login <name> uses yours.\r\n> ");
    prove(&mut bob, ":login bob", PASSWORD);
    bob.expect("* You are logged in as bob.\r\n> ");
}

#[test]
fn a_registered_name_needs_its_password_at_once_and_after_a_restart() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut bob = server.login("Bob");
    register(&mut bob, PASSWORD);
    quit(bob);
    quit(come_in(&server, "Bob"));
    server.end();

    let server = home.start(History::Forgotten, "");
    for name in ["Bob", "bob", "BOB"] {
        let mut other = knock(server.address());
        other.send(name);
        other.expect(&format!("* The name {name} needs its password."));
    }
    quit(come_in(&server, "Bob"));
}

#[test]
fn a_name_registered_while_a_guest_waits_for_it_needs_its_password() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut bob = server.login("bob");
    let mut guest = knock(server.address());
    guest.send("bob");
    guest.expect("! The name bob is taken");
    guest.expect("Username: ");
    register(&mut bob, PASSWORD);
    quit(bob);
    guest.send("bob");
    guest.expect("* The name bob needs its password.");
}

#[test]
fn an_account_removed_on_the_command_line_frees_its_name() {
    let home = Home::new();
    let server = server(&home, "optional");
    quit(come_in(&server, "alice"));
    home.remove_account("alice");
    quit(server.login("alice"));
}

#[test]
fn a_script_that_sends_name_password_and_command_at_once_is_answered_in_order() {
    let home = Home::new();
    let server = server(&home, "required");
    let mut script = Client::connect(server.address());
    script.send_bytes(format!("alice\n{PASSWORD}\n:whoami\n").as_bytes());
    script.finish();
    script.expect("* The name alice needs its password.");
    script.expect("* Hello alice. ");
    script.expect("), registered, in no room");
    let rest = script.expect_end();
    assert!(rest.ends_with("* Goodbye.\r\n"), "{rest:?}");
}

#[test]
fn a_client_that_gives_no_password_is_disconnected_at_the_login_deadline() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, "[limits]\nlogin_seconds = 0");
    let mut client = knock(server.address());
    client.send("alice");
    client.expect(ASKED);
    // Set only now, after the question. The time counts from the connection, and is checked when input arrives.
    let more = "shutdown_delay = 0\n[limits]\nlogin_seconds = 1";
    server.reconfigure(&home.config(History::Forgotten, more));
    client.send_bytes(b"half a word");
    assert!(client.expect_end().ends_with("! Login timed out.\r\n"));
}

#[test]
fn many_users_can_log_in_at_the_same_time() {
    let names: Vec<_> = (0..30).map(|number| format!("user{number}")).collect();
    let home = Home::new();
    home.accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let server = home.start(History::Forgotten, "");
    let mut clients: Vec<_> = names.iter().map(|_| knock(server.address())).collect();
    for (client, name) in clients.iter_mut().zip(&names) {
        client.send(name);
        client.expect(ASKED);
    }
    for client in &mut clients {
        client.send(PASSWORD);
    }
    for (client, name) in clients.iter_mut().zip(&names) {
        client.expect(&format!("* Hello {name}. "));
    }
}

#[test]
fn an_account_whose_name_breaks_a_new_length_limit_still_works() {
    for kind in ["optional", "required"] {
        let home = Home::new();
        home.accounts(&["longwinded", "al", "bob"]);
        let limits = format!("username_min = 3\nusername_limit = 5\naccounts = \"{kind}\"");
        let server = home.start(History::Forgotten, &limits);
        for name in ["longwinded", "al"] {
            quit(come_in(&server, name));
            let mut bob = come_in(&server, "bob");
            prove(&mut bob, &format!(":login {name}"), PASSWORD);
            bob.expect(&format!("* You are now known as {name}.\r\n"));
            let mut ghost = knock(server.address());
            prove(&mut ghost, &format!(":ghost {name}"), PASSWORD);
            ghost.expect(&format!("* Hello {name}. "));
            assert!(bob.expect_end().contains("! You were logged out from another connection of your account."));
            quit(ghost);
        }
        // Nobody else can use such a name, and where names are secret, it is answered like any other.
        let mut guest = knock(server.address());
        guest.send("elizabeth");
        if kind == "optional" {
            guest.expect("! A name has 3 to 5 characters: a letter, then letters, digits, _ or -.\r\nUsername: ");
        } else {
            give(&mut guest, PASSWORD);
            guest.expect("! Wrong name or password. Give your name again.\r\nUsername: ");
        }
    }
}
