//! What never reaches the disk: anything without `[storage]`, messages without `history`, temporary messages.

use crate::place::{Place, say};
#[cfg(feature = "storage")]
use crate::place::{kill, register, stop};
use crate::support::Client;
use crate::support::machine::Logged;

/// Searched for in upper and lower case.
const CANARY: &str = "serinus-canaria";

/// Two users send the canary in every possible way. Both start in `general`, in the palette.
fn sing(alice: &mut Client, bob: &mut Client) {
    let id = say(alice, &format!("{CANARY} said"));
    bob.send(&format!(":reply {id} {CANARY} answered"));
    bob.expect("Sent to general as #");
    alice.send(&format!(":edit {id} {CANARY} edited"));
    alice.expect("Edited #");
    alice.send(&format!(":me sings {CANARY}"));
    alice.expect("Sent to general as #");
    alice.send(&format!(":paste\r\n{CANARY}\r\n{CANARY}\r\n."));
    alice.expect("Sent to general as #");
    alice.send(&format!(":dm bob {CANARY}"));
    bob.expect(&format!("alice -> you: {CANARY}"));
    alice.send(&format!("@bob {CANARY} from afar"));
    murmur(alice, bob);
    alice.send(&format!(":search {CANARY}"));
    alice.expect(CANARY);
    alice.settle();
}

/// The same, in temporary messages.
fn murmur(alice: &mut Client, bob: &mut Client) {
    alice.send(&format!(":temp 300 {CANARY} for a while"));
    alice.expect("Sent to general as #");
    alice.send(&format!(":temp 300 @bob {CANARY} between us"));
    bob.expect(&format!("{CANARY} between us"));
    alice.send(":temp 1 a short one");
    alice.expect("Sent to general as #");
    bob.settle();
}

fn enter(program: &mut Logged) -> (Client, Client) {
    let address = program.address();
    let come = |name: &str| {
        let mut client = Client::login(address, name);
        client.send(":join general");
        client.expect("to leave.\r\n");
        client
    };
    (come("alice"), come("bob"))
}

#[test]
fn without_the_section_nothing_is_ever_written() {
    let place = Place::new("quick_create = true\nquick_listen = [\"127.0.0.1:0\"]", None);
    for end in ["TERM", "KILL"] {
        let mut program = place.start();
        let (mut alice, mut bob) = enter(&mut program);
        sing(&mut alice, &mut bob);
        for (line, answer) in [
            (":register", "! "),
            (":set keep on", "! "),
            (":create den with a password", "Made den"),
            (":set keep on", "! "),
            (":ban bob 2h spam", "* bob was banned by alice"),
            (":topic of the day", "* alice set the description"),
            (":destroy", "* den was closed by alice"),
            (":quit", "* Goodbye.\r\n"),
        ] {
            alice.send(line);
            alice.expect(answer);
        }
        program.signal("HUP");
        bob.settle();
        program.signal(end);
        program.wait();
        assert_eq!(place.files(), [], "after SIG{end}");
    }
}

#[cfg(feature = "storage")]
#[test]
fn without_history_no_message_reaches_the_disk() {
    let place = Place::new("operators = [\"alice\"]", Some("history = false"));
    for (life, end) in [kill as fn(&mut Logged), stop, kill].into_iter().enumerate() {
        let mut program = place.start();
        let address = program.address();
        // A user with an account who is offline: messages to them wait in memory.
        let absent = format!("absent{life}");
        let mut client = Client::login(address, &absent);
        register(&mut client, "sesame open");
        client.send(":quit");
        client.expect_end();
        let mut bob = Client::login(address, "bob");
        let mut alice = Client::connect(address);
        alice.expect("Username: ");
        alice.send("alice");
        if life == 0 {
            alice.expect(":help explains.\r\n");
            register(&mut alice, "sesame open");
        } else {
            alice.expect("Password: ");
            alice.send("sesame open");
            alice.expect(":help explains.\r\n");
        }
        // A persistent room, with messages sent before and after it became one.
        let den = format!("den{life}");
        alice.send(&format!(":create {den}"));
        alice.expect("you are its admin.");
        alice.send(&format!(":say {CANARY} before"));
        alice.expect(&format!("Sent to {den} as #"));
        alice.send(":set keep on");
        alice.expect(" keeps the room: ");
        alice.send(&format!(":say {CANARY} after"));
        alice.expect(&format!("Sent to {den} as #"));
        alice.send(&format!(":dm {absent} {CANARY}"));
        alice.expect("the message waits for the next login.");
        alice.send(&format!(":broadcast {CANARY}"));
        bob.expect(&format!("Broadcast from alice: {CANARY}"));
        for client in [&mut alice, &mut bob] {
            client.send(":join general");
            client.expect("to leave.\r\n");
        }
        sing(&mut alice, &mut bob);
        // What is confirmed is on disk, and so is everything queued before it.
        alice.send(&format!(":to {den} and more"));
        alice.send(&format!(":join {den}"));
        alice.expect(&format!("Back to {den}"));
        alice.send(&format!(":topic budgerigar {life}"));
        alice.expect(" set the description: ");
        assert_eq!(place.files_with(CANARY), [""; 0], "while it runs");
        end(&mut program);
        assert_eq!(place.files_with(CANARY), [""; 0], "in life {life}");
        assert!(!place.files_with(&format!("budgerigar {life}")).is_empty(), "the search finds what is stored");
    }
}

#[cfg(feature = "storage")]
#[test]
fn with_history_temporary_messages_do_not_reach_the_disk() {
    let place = Place::new("", Some("history = true"));
    for end in [kill as fn(&mut Logged), stop] {
        let mut program = place.start();
        let (mut alice, mut bob) = enter(&mut program);
        murmur(&mut alice, &mut bob);
        say(&mut alice, "budgerigar");
        crate::support::machine::eventually("what is not temporary is written", || {
            !place.files_with("budgerigar").is_empty()
        });
        assert_eq!(place.files_with(CANARY), [""; 0], "while it runs");
        end(&mut program);
        assert_eq!(place.files_with(CANARY), [""; 0]);
    }
}
