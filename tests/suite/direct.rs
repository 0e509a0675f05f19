//! Direct chats: both users see the same, and each learns at once what happens to the other.

use std::thread;

use crate::support::machine::eventually;
use crate::support::{Client, Server};

/// Two users; alice is in the direct chat with bob.
fn in_conversation(server: &Server) -> (Client, Client) {
    let bob = server.login("bob");
    let mut alice = server.login("alice");
    alice.send(":dm bob");
    alice.expect("* In conversation with bob. :chat to talk, :close to leave.\r\n[@bob]> ");
    (alice, bob)
}

/// Ids and texts of the messages on a screen, in order.
fn messages(screen: &str) -> Vec<(u64, String)> {
    let number = |line: &str| {
        let (number, text) = line.split_once("] #")?.1.split_once(' ')?;
        Some((number.parse().ok()?, text.split_once(": ")?.1.to_owned()))
    };
    screen.lines().filter_map(number).collect()
}

#[test]
fn simultaneous_messages_are_on_both_screens_once_and_in_one_order() {
    const EACH: usize = 200;
    let server = Server::start();
    let (mut alice, mut bob) = in_conversation(&server);
    let talk = |client: &mut Client, to: &str| {
        for n in 0..EACH {
            client.send(&format!(":dm {to} to {to} {n}"));
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| talk(&mut alice, "bob"));
        scope.spawn(|| talk(&mut bob, "alice"));
    });
    let screens = [&mut alice, &mut bob].map(|client| {
        // Their own last message and the other's have arrived, in either order.
        let mut screen = String::new();
        while messages(&screen).len() < 2 * EACH {
            screen += &client.expect("\n");
            screen += "\n";
        }
        messages(&screen)
    });
    assert_eq!(screens[0], screens[1]);
    let numbers: Vec<_> = screens[0].iter().map(|(number, _)| *number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    for to in ["bob", "alice"] {
        let said: Vec<_> = screens[0].iter().filter(|(_, text)| text.starts_with(&format!("to {to} "))).collect();
        assert_eq!(said.len(), EACH);
        assert!(said.iter().enumerate().all(|(n, (_, text))| *text == format!("to {to} {n}")), "{said:?}");
    }
    for client in [&mut alice, &mut bob] {
        let after = client.settle();
        assert!(!after.contains("] #"), "{after:?}");
    }
}

#[test]
fn in_the_view_each_message_of_the_other_appears_once_while_both_write() {
    const EACH: usize = 200;
    let server = Server::start();
    let (mut alice, mut bob) = in_conversation(&server);
    bob.send(":dm alice");
    bob.expect("[@alice]> ");
    for (client, other) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        client.send(":chat");
        client.expect(&format!("@{other} | "));
    }
    let talk = |client: &mut Client, name: &str| {
        for n in 0..EACH {
            client.send(&format!("{name} {n}"));
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| talk(&mut alice, "alice"));
        scope.spawn(|| talk(&mut bob, "bob"));
    });
    for (client, other) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        let mut seen = client.expect(&format!("{other} -> you: {other} {}\r\n", EACH - 1));
        seen += &client.settle();
        let said: Vec<_> = messages(&seen).into_iter().map(|(_, text)| text).collect();
        let wanted: Vec<_> = (0..EACH - 1).map(|n| format!("{other} {n}")).collect();
        assert_eq!(said, wanted);
    }
    let histories = [&mut alice, &mut bob].map(|client| {
        client.send(&format!("/history {}", 2 * EACH));
        // Both have sent their last message, and the history is the same for both.
        messages(&client.settle())
    });
    assert!(!histories[0].is_empty());
    assert_eq!(histories[0], histories[1]);
}

#[test]
fn an_idle_user_is_notified_at_once_that_the_other_has_left() {
    let server = Server::start();
    for broken in [false, true] {
        let (alice, mut bob) = in_conversation(&server);
        bob.send(":dm alice");
        bob.expect("[@alice]> ");
        if broken {
            alice.reset();
        } else {
            let mut alice = alice;
            alice.send(":quit");
            alice.expect_end();
        }
        bob.expect("* alice has left: your conversation is over.\r\n> ");
        bob.send(":say anybody?");
        bob.expect("! ");
        bob.send(":quit");
        bob.expect_end();
        eventually("nobody is there", || server.hub().roster.count() == 0);
    }
}

#[test]
fn an_idle_user_has_the_others_new_name_in_the_prompt_at_once() {
    let server = Server::start();
    let (mut alice, mut bob) = in_conversation(&server);
    bob.send(":nick robert");
    bob.expect("* You are now known as robert.\r\n");
    alice.expect("* bob is now known as robert.\r\n[@robert]> ");
    alice.send(":chat");
    alice.expect("@robert | ");
    bob.send(":nick rob");
    alice.expect("* robert is now known as rob.\r\n@rob | ");
    alice.send("hello");
    bob.expect("alice -> you: hello\r\n");
}

#[test]
fn a_user_who_writes_while_the_other_leaves_ends_in_the_palette_and_is_notified_once() {
    let server = Server::start();
    let mut carol = server.login("carol");
    for _ in 0..20 {
        let (mut alice, mut bob) = in_conversation(&server);
        bob.send(":dm alice");
        bob.expect("[@alice]> ");
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..50 {
                    alice.send(&format!(":say {n}"));
                }
            });
            scope.spawn(|| {
                bob.send_bytes(b":say one\n:say two\n:quit\n");
                bob.expect_end();
            });
        });
        let mut seen = alice.expect("* bob has left: your conversation is over.\r\n");
        seen += &alice.settle();
        assert!(!seen.contains("has left"), "{seen:?}");
        alice.expect("> ");
        alice.send(":quit");
        alice.expect_end();
        eventually("both are gone", || server.hub().roster.count() == 1);
    }
    let seen = carol.settle();
    assert!(!seen.contains("alice") && !seen.contains("bob"), "{seen:?}");
}

/// Sends a hundred temporary messages. Returns how many are accepted.
fn temporary(client: &mut Client, command: &str) -> usize {
    client.send(&vec![command; 100].join("\r\n"));
    100 - client.settle().matches("! Not sent: too many ").count()
}

#[test]
fn reconnecting_does_not_reset_the_bound_of_temporary_messages() {
    let server = Server::start();
    let _bob = server.login("bob");
    let mut taken = 0;
    loop {
        let mut alice = server.login("alice");
        let now = temporary(&mut alice, ":temp 86400 @bob later");
        alice.send(":quit");
        alice.expect_end();
        if now == 0 {
            break;
        }
        taken += now;
        assert!(taken < 5000, "no end");
    }
    assert!((100..=512).contains(&taken), "{taken}");
    let mut carol = server.login("carol");
    carol.send(":join general");
    carol.expect("[general]> ");
    carol.send(":temp 86400 later");
    carol.expect("! Not sent: too many of your temporary messages have not expired yet.\r\n");
    // Anything else is sent as usual, and other users can send everything.
    carol.send(":say hello");
    carol.expect("* Sent to general as #");
    let mut dave = Client::connect_from(std::net::Ipv4Addr::new(127, 0, 0, 2), server.address()).logged_in("dave");
    dave.send(":temp 1 @bob soon");
    dave.expect("you -> bob (temporary, 1 s): soon\r\n");
    dave.expect(" expired\r\n");
}

#[test]
fn a_temporary_message_that_was_deleted_holds_nothing_and_never_expires() {
    let server = Server::start();
    let mut bob = server.login("bob");
    let mut alice = server.login("alice");
    alice.send(":temp 2 @bob soon");
    alice.expect("you -> bob (temporary, 2 s): soon\r\n");
    assert!(server.hub().limits.temporary.held() > 0);
    alice.send(":delete");
    alice.expect(" was deleted by alice\r\n");
    eventually("nothing is held", || server.hub().limits.temporary.held() == 0);
    // The record of the deletion ends with the direct chat.
    bob.send(":quit");
    bob.expect_end();
    let mut carol = server.login("carol");
    carol.send(":temp 3 @alice tick");
    carol.expect(" expired\r\n");
    let seen = alice.settle();
    assert_eq!(seen.matches(" expired").count(), 1, "{seen}");
}
