//! Direct messages for offline users.

use std::net::Ipv4Addr;

use crate::support::home::{BOTH, History, Home, PASSWORD, arrive, come_in, give, knock, prove, quit, written};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

const WAITS: &str = "* alice is not online: the message waits for the next login.\r\n";

fn server(home: &Home, history: History) -> Server {
    home.accounts(&["alice"]);
    home.start(history, "")
}

/// Leaves a message for alice.
fn leave(client: &mut Client, text: &str) {
    client.send(&format!(":dm alice {text}"));
    client.expect(&format!(" you -> alice: {text}\r\n"));
    client.expect(WAITS);
}

/// The texts of the direct messages in what was shown, in order.
fn texts(told: &str) -> Vec<&str> {
    told.lines().filter_map(|line| line.split_once(" -> you: ").map(|(_, text)| text)).collect()
}

#[test]
fn messages_to_an_offline_user_are_shown_once_at_the_next_login_in_order() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let (mut bob, mut carol) = (server.login("bob"), server.login("carol"));
        leave(&mut bob, "one");
        leave(&mut carol, "two");
        leave(&mut bob, "three");
        let (alice, told) = arrive(&server, "alice");
        assert!(told.contains("* 3 messages came while you were away:\r\n"), "{told:?}");
        assert_eq!(texts(&told), ["one", "two", "three"]);
        let numbers: Vec<_> = told.lines().filter(|line| line.contains(" -> you: ")).collect();
        assert!(numbers[0].contains("] #1 bob -> you") && numbers[1].contains("] #2 carol -> you"), "{told:?}");
        quit(alice);
        let (alice, told) = arrive(&server, "alice");
        assert!(!told.contains("while you were away"), "{told:?}");
        quit(alice);
        leave(&mut bob, "four");
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* 1 message came while you were away:\r\n"), "{told:?}");
        assert_eq!(texts(&told), ["four"]);
    }
}

#[test]
fn waiting_messages_survive_a_restart_only_with_history() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.login("bob");
        leave(&mut bob, "mind the gap");
        assert_eq!(home.files_with("mind the gap").is_empty(), history == History::Forgotten);
        server.end();
        let server = home.start(history, "");
        let (_alice, told) = arrive(&server, "alice");
        match history {
            History::Kept => assert_eq!(texts(&told), ["mind the gap"]),
            History::Forgotten => assert!(!told.contains("while you were away"), "{told:?}"),
        }
        // Once read, it is nowhere on the disk.
        written(&server);
        assert_eq!(home.files_with("mind the gap"), [""; 0]);
    }
}

/// Leaves as many messages for alice as one sender may.
fn leave_all(client: &mut Client, from: &str) -> Vec<String> {
    let all: Vec<_> = (1..=20).map(|number| format!("{from} {number}")).collect();
    all.iter().for_each(|text| leave(client, text));
    all
}

fn refused(client: &mut Client, line: &str) {
    client.send(":dm alice one too many");
    client.expect(&format!("! Not sent: {line}\r\n"));
}

const OF_ACCOUNT: &str = "20 messages of yours are waiting for alice already: try again when they have been read.";
const OF_ADDRESS: &str =
    "20 messages from your address are waiting for alice already: try again when they have been read.";

#[test]
fn a_hundred_wait_for_one_user_and_one_more_is_refused() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let names = ["bob", "carol", "dave", "erin"];
        home.accounts(&names);
        let mut clients: Vec<_> = names.iter().map(|name| come_in(&server, name)).collect();
        let mut all: Vec<_> =
            clients.iter_mut().zip(names).flat_map(|(client, name)| leave_all(client, name)).collect();
        all.extend(leave_all(&mut server.login("guest"), "guest"));
        let mut other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address()).logged_in("other");
        refused(&mut other, "Too many messages are waiting for alice already: try again later.");
        let (_alice, told) = arrive(&server, "alice");
        assert!(told.contains("* 100 messages came while you were away:\r\n"), "{told:?}");
        assert_eq!(texts(&told), all);
        quit(other);
    }
}

#[test]
fn a_guest_cannot_fill_a_mailbox_under_several_names() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        home.accounts(&["carol"]);
        let mut bob = server.login("bob");
        leave_all(&mut bob, "bob");
        refused(&mut bob, OF_ADDRESS);
        bob.send(":nick robert");
        bob.expect("robert");
        refused(&mut bob, OF_ADDRESS);
        let mut second = server.login("bobby");
        refused(&mut second, OF_ADDRESS);
        second.send("@alice one too many");
        second.expect(&format!("! Not sent: {OF_ADDRESS}\r\n"));
        // Others still can: from elsewhere, and with an account from the same address.
        let mut other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address()).logged_in("other");
        leave(&mut other, "from elsewhere");
        leave(&mut come_in(&server, "carol"), "with an account");
        let (alice, told) = arrive(&server, "alice");
        assert!(told.contains("* 22 messages came while you were away:\r\n"), "{told:?}");
        quit(alice);
        // Once they are read, there is space again.
        leave(&mut bob, "again");
    }
}

#[test]
fn an_account_cannot_fill_a_mailbox_from_several_addresses() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        home.accounts(&["bob"]);
        let mut bob = come_in(&server, "bob");
        leave_all(&mut bob, "bob");
        refused(&mut bob, OF_ACCOUNT);
        quit(bob);
        let mut bob = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), server.address());
        bob.expect("Username: ");
        bob.send("bob");
        give(&mut bob, PASSWORD);
        bob.expect(":help explains.\r\n");
        refused(&mut bob, OF_ACCOUNT);
        leave(&mut server.login("guest"), "from a guest");
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* 21 messages came while you were away:\r\n"), "{told:?}");
    }
}

#[test]
fn a_restart_does_not_reset_a_senders_share_of_a_mailbox() {
    let home = Home::new();
    let server = server(&home, History::Kept);
    leave_all(&mut server.login("bob"), "bob");
    server.end();
    let server = home.start(History::Kept, "");
    refused(&mut server.login("robert"), OF_ADDRESS);
}

#[test]
fn messages_in_memory_for_an_account_removed_on_the_command_line_are_dropped() {
    let home = Home::new();
    let server = server(&home, History::Forgotten);
    home.accounts(&["carol"]);
    let mut bob = server.login("bob");
    leave(&mut bob, "for her eyes");
    bob.send(":dm carol and for hers");
    bob.expect("* carol is not online: the message waits for the next login.\r\n");
    assert_eq!(server.hub().mailbox.readers().len(), 2);
    home.remove_account("alice");
    eventually("it is forgotten", || server.hub().mailbox.readers().len() == 1);
    let (_, told) = arrive(&server, "carol");
    assert_eq!(texts(&told), ["and for hers"]);
}

#[test]
fn messages_of_an_ignored_user_are_dropped_without_notice() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let (mut bob, mut carol) = (server.login("bob"), server.login("carol"));
        let mut alice = come_in(&server, "alice");
        let mut eve = server.login("eve");
        for (name, ignored) in [("bob", &mut bob), ("eve", &mut eve)] {
            alice.send(&format!(":ignore {name}"));
            alice.expect(&format!("* You are now ignoring {name}"));
            ignored.settle();
        }
        quit(alice);
        leave(&mut bob, "unheard");
        leave(&mut eve, "unheard too");
        leave(&mut carol, "heard");
        assert_eq!(home.files_with("unheard"), [""; 0]);
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* 1 message came while you were away:\r\n"), "{told:?}");
        assert_eq!(texts(&told), ["heard"]);
    }
}

#[test]
fn of_several_recipients_those_who_are_online_read_it_at_once() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let (mut bob, mut carol) = (server.chat("bob", "general"), server.login("carol"));
        bob.send("@carol,alice,nobody lunch?");
        carol.expect("bob -> you: lunch?\r\n");
        let told = bob.settle();
        assert!(told.contains(WAITS) && told.contains("! Not sent: nobody is not online"), "{told:?}");
        let (_, told) = arrive(&server, "alice");
        assert_eq!(texts(&told), ["lunch?"]);
    }
}

#[test]
fn temporary_messages_and_direct_chats_do_not_wait() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.login("bob");
        bob.send(":temp 30 @alice burn this");
        bob.expect("! Not sent: alice is not online, and a temporary message does not wait.\r\n");
        bob.send(":dm alice");
        bob.expect("! alice is not online; :listall shows who is.\r\n");
        bob.send(":dm nobody hello");
        bob.expect("! Not sent: nobody is not online; :listall shows who is.\r\n");
        assert_eq!(home.files_with("burn this"), [""; 0]);
        let (_, told) = arrive(&server, "alice");
        assert!(!told.contains("while you were away"), "{told:?}");
    }
}

#[test]
fn waiting_messages_are_shown_after_every_kind_of_login() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.login("bob");
        leave(&mut bob, "by login");
        let mut guest = server.login("guest");
        prove(&mut guest, ":login alice", PASSWORD);
        guest.expect("* 1 message came while you were away:\r\n");
        guest.expect("bob -> you: by login\r\n");
        quit(guest);
        leave(&mut bob, "by ghost");
        let mut alice = knock(server.address());
        prove(&mut alice, ":ghost alice", PASSWORD);
        alice.expect("bob -> you: by ghost\r\n");
    }
}

#[test]
fn messages_for_a_removed_account_are_not_read_by_the_next_user_of_the_name() {
    for history in BOTH {
        let home = Home::new();
        let server = server(&home, history);
        let mut bob = server.login("bob");
        leave(&mut bob, "for her eyes");
        home.remove_account("alice");
        home.accounts(&["alice"]);
        let (_, told) = arrive(&server, "alice");
        assert!(!told.contains("for her eyes") && !told.contains("while you were away"), "{told:?}");
    }
}

#[test]
fn without_accounts_nothing_waits() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, "accounts = \"off\"");
    let mut bob = server.login("bob");
    bob.send(":dm alice hello");
    bob.expect("! Not sent: alice is not online; :listall shows who is.\r\n");
}

#[test]
fn a_reader_of_a_waiting_message_can_answer_when_its_author_is_online() {
    let home = Home::new();
    let server = server(&home, History::Forgotten);
    let mut bob = server.login("bob");
    leave(&mut bob, "call me");
    let (mut alice, _) = arrive(&server, "alice");
    alice.send(":dm bob what is it?");
    bob.expect("alice -> you: what is it?\r\n");
}

#[test]
fn an_answer_to_a_waiting_message_reaches_its_author_anywhere() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["bob"]);
        let server = server(&home, history);
        let mut bob = come_in(&server, "bob");
        leave(&mut bob, "are you there?");
        let (mut alice, _) = arrive(&server, "alice");
        alice.send(":reply 1 now I am");
        alice.expect("you -> bob: (to #1 bob: \"are you there?\") now I am\r\n");
        bob.expect("alice -> you: (to #1 bob: \"are you there?\") now I am\r\n");
        quit(bob);
        alice.send(":reply 1 and where are you?");
        alice.expect("* bob is not online: the message waits for the next login.\r\n");
        let (_, told) = arrive(&server, "bob");
        assert!(told.contains("alice -> you: (to #1 bob: \"are you there?\") and where are you?"), "{told:?}");
        alice.send(":reply 7 to nothing");
        alice.expect("! There is no such message where you are");
    }
}

#[test]
fn waiting_messages_can_be_edited_and_deleted_only_by_their_author() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice", "bob", "carol"]);
        let server = home.start(history, "");
        let (mut bob, mut carol) = (come_in(&server, "bob"), come_in(&server, "carol"));
        for text in ["the first", "the second", "the third"] {
            leave(&mut bob, text);
        }
        for command in [":edit 1 stolen", ":delete 1"] {
            carol.send(command);
            carol.expect("! There is no such message where you are");
        }
        for command in [":edit 1 changed", ":delete 2"] {
            bob.send(command);
            bob.settle();
        }
        written(&server);
        assert_eq!([home.files_with("the first"), home.files_with("the second")], [[""; 0], [""; 0]]);
        let (_, told) = arrive(&server, "alice");
        assert!(told.contains("* 2 messages came while you were away:\r\n"), "{told:?}");
        assert_eq!(texts(&told), ["changed (edited)", "the third"]);
    }
}
