//! Transfers: the two ends in either order, and failures.

use std::time::Duration;

use super::*;

const NO_TRANSFER: &str = "! No such transfer.\n";

/// The hash as shown after a size, if this build has one.
fn sha256(hex: &str) -> String {
    if cfg!(feature = "tls") { format!(", SHA-256 {hex}") } else { String::new() }
}

#[test]
fn the_first_end_waits_and_both_users_see_the_size_and_the_hash() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for sender_first in [true, false] {
        let accepted = exchange(&mut alice, &mut bob, "abc.txt");
        let put = || end(&server, &format!("put {} 3\nabc", accepted.put_token()));
        let get = || end(&server, &format!("get {}\n", accepted.get_token()));
        let (sender, receiver) = if sender_first {
            let sender = put();
            (sender, get())
        } else {
            let receiver = get();
            (put(), receiver)
        };
        assert_eq!(read_all(&receiver), (b"abc".to_vec(), true));
        let hash = sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(answer(&sender), format!("* abc.txt: 3 bytes{hash}\n"));
        for client in [&mut alice, &mut bob] {
            client.expect(&format!("* abc.txt: 3 bytes{hash}\r\n"));
        }
    }
}

#[test]
fn an_empty_file_arrives() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "empty");
    let sender = end(&server, &format!("put {} 0\n", accepted.put_token()));
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    assert_eq!(read_all(&receiver), (Vec::new(), true));
    assert!(answer(&sender).starts_with("* empty: 0 bytes"));
    bob.expect("* empty: 0 bytes");
}

#[test]
fn nothing_is_read_from_a_sender_before_the_receiver_is_there() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "big");
    let mut sender = end(&server, &format!("put {} 50000000\n", accepted.put_token()));
    sender.set_nonblocking(true).expect("nonblocking");
    let chunk = [7; 65_536];
    let (mut sent, mut full) = (0, 0);
    // Both kernels' buffers fill up, and then nothing more is accepted.
    while full < 20 {
        match sender.write(&chunk) {
            Ok(count) => {
                sent += count;
                full = 0;
            }
            Err(_) => {
                full += 1;
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }
    }
    assert!(sent < 20_000_000, "{sent} bytes were taken");
    drop(sender);
}

#[test]
fn a_token_works_once_and_only_for_its_own_end() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "abc");
    let (put, get) = (accepted.put_token(), accepted.get_token());
    assert_eq!(answer(&end(&server, &format!("get {put}\n"))), NO_TRANSFER, "swapped");
    assert_eq!(answer(&end(&server, &format!("put {get} 3\nabc"))), NO_TRANSFER, "swapped");
    let receiver = end(&server, &format!("get {get}\n"));
    let sender = end(&server, &format!("put {} 3\nabc", put.to_ascii_lowercase().replace('-', "")));
    assert_eq!(read_all(&receiver).0, b"abc");
    assert!(answer(&sender).starts_with("* abc: 3 bytes"));
    // The third wrong one begins a wait.
    assert_eq!(answer(&end(&server, &format!("get {get}\n"))), NO_TRANSFER, "used up");
    assert!(answer(&end(&server, &format!("put {put} 3\nabc"))).starts_with("! Too many wrong tokens: try again in "));
}

#[test]
fn a_dying_sender_resets_the_receiver_and_is_reported_with_the_bytes() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "report.pdf");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let content = random(1, 1_000_000);
    let mut sender = end(&server, &format!("put {} 5000000\n", accepted.put_token()));
    sender.write_all(&content).expect("sent");
    drop(sender);
    let (received, in_order) = read_all(&receiver);
    assert!(received == content && !in_order, "{} bytes, {in_order}", received.len());
    for client in [&mut alice, &mut bob] {
        client.expect("! report.pdf broke off at 1,000,000 of 5,000,000 bytes.\r\n");
    }
}

#[test]
fn a_dying_receiver_ends_the_transfer_and_the_sender_is_notified() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "report.pdf");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let mut sender = end(&server, &format!("put {} 50000000\n", accepted.put_token()));
    let mut beginning = [0; 3];
    sender.write_all(b"abc").expect("sent");
    (&receiver).read_exact(&mut beginning).expect("the beginning");
    drop(receiver);
    let chunk = [0; 65_536];
    while sender.write_all(&chunk).is_ok() {}
    for client in [&mut alice, &mut bob] {
        client.expect("! report.pdf broke off at ");
        client.expect(" of 50,000,000 bytes.\r\n");
    }
}

#[test]
fn ends_that_make_no_progress_are_cut_off() {
    let server = server("");
    server.hub().transfers.set_patience(Duration::from_millis(300));
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    // Both are connected, and the sender sends nothing more.
    let accepted = exchange(&mut alice, &mut bob, "silent");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let sender = end(&server, &format!("put {} 1000\nabc", accepted.put_token()));
    bob.expect("! silent broke off at 3 of 1,000 bytes.\r\n");
    assert_eq!(answer(&sender), "! silent broke off at 3 of 1,000 bytes.\n");
    assert_eq!(read_all(&receiver), (b"abc".to_vec(), false));
    // The receiver reads nothing.
    let accepted = exchange(&mut alice, &mut bob, "unread");
    let _receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let mut sender = end(&server, &format!("put {} 50000000\n", accepted.put_token()));
    let chunk = [0; 65_536];
    while sender.write_all(&chunk).is_ok() {}
    alice.expect("! unread broke off at ");
}

#[test]
fn a_transfer_that_is_not_begun_in_time_ends_for_all() {
    let server = server("start_seconds = 1");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "late");
    let sender = end(&server, &format!("put {} 3\nabc", accepted.put_token()));
    for client in [&mut alice, &mut bob] {
        client.expect("* The transfer of late has ended: it did not begin in time.\r\n");
    }
    assert_eq!(answer(&sender), "! This transfer is over.\n");
    assert_eq!(answer(&end(&server, &format!("get {}\n", accepted.get_token()))), NO_TRANSFER);
}

#[test]
fn bytes_beyond_the_announced_size_are_cut_off_and_reported() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "log");
    let sender = end(&server, &format!("put {} 3\nabcdef", accepted.put_token()));
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    assert_eq!(read_all(&receiver).0, b"abc");
    assert_eq!(answer(&sender), "! log is longer than announced: it was cut off at 3 bytes.\n");
    for client in [&mut alice, &mut bob] {
        client.expect("! log is longer than announced: it was cut off at 3 bytes.\r\n");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let server = server("max_bytes = 1048576");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "film");
    let sender = end(&server, &format!("put {} 1048577\n", accepted.put_token()));
    assert_eq!(answer(&sender), "! That file is too big: at most 1 MB.\n");
    alice.expect("! That file is too big: at most 1 MB.\r\n");
    bob.expect("! film cannot be sent: it is over 1 MB.\r\n");
    let accepted = exchange(&mut alice, &mut bob, "film");
    let sender = end(&server, &format!("put {} 18446744073709551615\n", accepted.put_token()));
    assert_eq!(answer(&sender), "! That file is too big: at most 1 MB.\n");
}

#[test]
fn either_user_can_decline_a_running_transfer_and_both_see_how_far_it_was() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for (by_sender, name) in [(true, "film"), (false, "song")] {
        let accepted = exchange(&mut alice, &mut bob, name);
        let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
        let sender = end(&server, &format!("put {} 1000\nabc", accepted.put_token()));
        let mut beginning = [0; 3];
        (&receiver).read_exact(&mut beginning).expect("the beginning");
        let (own, other) = if by_sender { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        own.send(&format!(":decline {}", accepted.number));
        own.expect("* Declined.\r\n");
        other.expect(&format!(" declined {name}.\r\n"));
        for client in [own, other] {
            client.expect(&format!("! {name} broke off at 3 of 1,000 bytes.\r\n"));
        }
        assert!(!read_all(&receiver).1);
        assert_eq!(answer(&sender), format!("! {name} broke off at 3 of 1,000 bytes.\n"));
    }
}

#[test]
fn leaving_the_chat_does_not_end_an_accepted_transfer() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "abc");
    for mut client in [alice, bob] {
        client.send(":quit");
        client.expect_end();
    }
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let sender = end(&server, &format!("put {} 3\nabc", accepted.put_token()));
    assert_eq!(read_all(&receiver), (b"abc".to_vec(), true));
    assert!(answer(&sender).starts_with("* abc: 3 bytes"));
}

#[test]
fn after_a_break_the_rest_is_sent_and_the_hash_is_that_of_the_whole_file() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "abc.txt");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    drop(end(&server, &format!("put {} 3\na", accepted.put_token())));
    assert_eq!(read_all(&receiver), (b"a".to_vec(), false));
    bob.expect("! abc.txt broke off at 1 of 3 bytes.\r\n");
    let resumed = exchange(&mut alice, &mut bob, "abc.txt");
    assert!(resumed.send[0].contains("-1))\"; tail -c +2 \"$f\"; }"), "{}", resumed.send[0]);
    assert!(resumed.get[0].ends_with(">>\"$f\""), "{}", resumed.get[0]);
    let receiver = end(&server, &format!("get {} 1\n", resumed.get_token()));
    let sender = end(&server, &format!("put {} 2\nbc", resumed.put_token()));
    assert_eq!(read_all(&receiver), (b"bc".to_vec(), true));
    let hash = sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(answer(&sender), format!("* abc.txt: 3 bytes{hash}\n"));
    let again = exchange(&mut alice, &mut bob, "abc.txt");
    assert!(again.send[0].contains("cat \"$f\""), "it is whole: {}", again.send[0]);
}

#[test]
fn a_resumed_transfer_starts_from_the_receivers_actual_size() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let broken = |alice: &mut Client, bob: &mut Client| {
        let accepted = exchange(alice, bob, "digits");
        let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
        drop(end(&server, &format!("put {} 10\n01234", accepted.put_token())));
        assert_eq!(read_all(&receiver).0, b"01234");
        bob.expect("! digits broke off at 5 of 10 bytes.\r\n");
    };
    broken(&mut alice, &mut bob);
    let accepted = exchange(&mut alice, &mut bob, "digits");
    let early = end(&server, &format!("put {} 5\n56789", accepted.put_token()));
    let short = end(&server, &format!("get {} 4\n", accepted.get_token()));
    assert_eq!(read_all(&short), (Vec::new(), false), "a sentence would be appended to the file; the chat has it");
    // Which one it is depends on whose line the server read first.
    let told = answer(&early);
    assert!(["! This transfer is over.\n", "! No such transfer.\n"].contains(&told.as_str()), "{told}");
    let get = {
        bob.expect("* The receiver has 4 bytes of digits: the lines below take the place of those above.\r\n");
        announced_rows(&mut bob, 2)
    };
    alice.expect("* The receiver has 4 bytes of digits");
    let send = announced_rows(&mut alice, 2);
    assert!(send[0].contains("tail -c +5 "), "{}", send[0]);
    let receiver = end(&server, &format!("get {} 4\n", token(&get[0])));
    let _sender = end(&server, &format!("put {} 6\n456789", token(&send[0])));
    assert_eq!(read_all(&receiver), (b"456789".to_vec(), true));
    bob.expect("* digits: 10 bytes");
    // A receiver with more skips what it has.
    broken(&mut alice, &mut bob);
    let accepted = exchange(&mut alice, &mut bob, "digits");
    let receiver = end(&server, &format!("get {} 7\n", accepted.get_token()));
    let _sender = end(&server, &format!("put {} 5\n56789", accepted.put_token()));
    assert_eq!(read_all(&receiver), (b"789".to_vec(), true));
    // A receiver with more than the whole has a different file.
    bob.expect("* digits: 10 bytes");
    let accepted = exchange(&mut alice, &mut bob, "digits");
    let receiver = end(&server, &format!("get {} 11\n", accepted.get_token()));
    let sender = end(&server, &format!("put {} 10\n0123456789", accepted.put_token()));
    assert!(!read_all(&receiver).1);
    assert_eq!(answer(&sender), "! digits was not sent: the receiver's file is already longer.\n");
}

#[test]
fn a_file_that_has_changed_its_size_since_the_break_is_sent_from_its_beginning() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "digits");
    let receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    drop(end(&server, &format!("put {} 10\n01234", accepted.put_token())));
    assert_eq!(read_all(&receiver).0, b"01234");
    bob.expect("! digits broke off at 5 of 10 bytes.\r\n");
    let accepted = exchange(&mut alice, &mut bob, "digits");
    let appending = end(&server, &format!("get {} 5\n", accepted.get_token()));
    let sender = end(&server, &format!("put {} 3\nfgh", accepted.put_token()));
    assert_eq!(answer(&sender), "! The file has another size than before: the chat shows another line to copy.\n");
    assert_eq!(read_all(&appending), (Vec::new(), false), "nothing is appended to the part of the other file");
    const AGAIN: &str = "* digits has another size than before: the lines below take the place of those above.";
    bob.expect(AGAIN);
    let get = announced_rows(&mut bob, 2);
    alice.expect(AGAIN);
    let send = announced_rows(&mut alice, 2);
    assert!(!send[0].contains("tail ") && !get[0].contains(">>"), "{send:?} {get:?}");
    let receiver = end(&server, &format!("get {}\n", token(&get[0])));
    let sender = end(&server, &format!("put {} 8\nabcdefgh", token(&send[0])));
    assert_eq!(read_all(&receiver), (b"abcdefgh".to_vec(), true));
    assert!(answer(&sender).starts_with("* digits: 8 bytes"));
}

#[test]
fn http_is_spoken_as_browsers_and_curl_do() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "résumé.pdf");
    let (put, get) = (accepted.put_token(), accepted.get_token());
    let request = |first: &str, headers: &str| format!("{first} HTTP/1.1\r\nHost: box\r\n{headers}\r\n");
    for _ in 0..3 {
        let head = answer(&end(&server, &request(&format!("HEAD /f/{get}"), "")));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    }
    let chunked = answer(&end(&server, &request(&format!("PUT /f/{put}"), "Transfer-Encoding: chunked\r\n")));
    assert!(chunked.starts_with("HTTP/1.1 411 "), "{chunked}");
    let mut sender = end(&server, &request(&format!("PUT /f/{put}"), "Content-Length: 3\r\nExpect: 100-continue\r\n"));
    let receiver = end(&server, &request(&format!("GET /f/{get}"), ""));
    let mut go_on = [0; 25];
    sender.read_exact(&mut go_on).expect("the word to go on");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    sender.write_all(b"abc").expect("sent");
    let download = answer(&receiver);
    let (head, body) = download.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, "abc");
    for line in [
        "HTTP/1.1 200 OK",
        "Content-Length: 3",
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename=\"r_sum_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: sandbox",
    ] {
        assert!(head.lines().any(|known| known == line), "{line} in {head}");
    }
    assert!(answer(&sender).starts_with("HTTP/1.1 201 Created\r\n"));
    for (first, status) in [("GET /", "404"), ("GET /f/", "404"), ("POST /f/x", "405"), ("BREW /", "405")] {
        let refused = answer(&end(&server, &request(first, "")));
        assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")), "{first}: {refused}");
    }
}

#[test]
fn a_receiver_that_asks_for_bytes_beyond_the_file_is_told_so_by_http() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for sender_first in [true, false] {
        let accepted = exchange(&mut alice, &mut bob, "abc.txt");
        let (put, get) = (accepted.put_token(), accepted.get_token());
        let get = || end(&server, &format!("GET /f/{get} HTTP/1.1\r\nHost: box\r\nRange: bytes=4-\r\n\r\n"));
        let put = || end(&server, &format!("put {put} 3\nabc"));
        let (sender, receiver) = if sender_first {
            let sender = put();
            (sender, get())
        } else {
            let receiver = get();
            (put(), receiver)
        };
        const SENTENCE: &str = "! abc.txt was not sent: the receiver's file is already longer.\n";
        let told = answer(&receiver);
        assert!(told.starts_with("HTTP/1.1 409 Conflict\r\n") && told.ends_with(SENTENCE), "{told}");
        assert_eq!(answer(&sender), SENTENCE);
        bob.expect(SENTENCE.trim_end());
    }
}

#[test]
fn a_peer_whose_first_bytes_cannot_begin_a_request_is_refused_at_once() {
    let server = server("");
    for line in ["hello\n", "\x16\x03\x01", "put\n"] {
        let refused = answer(&end(&server, line));
        assert_eq!(refused, "! This port carries files: put TOKEN SIZE or get TOKEN, as :accept prints it.\n");
    }
}

#[test]
fn a_stop_ends_waiting_and_running_transfers() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let waiting = exchange(&mut alice, &mut bob, "waiting");
    let waiter = end(&server, &format!("get {}\n", waiting.get_token()));
    let running = exchange(&mut alice, &mut bob, "running");
    let receiver = end(&server, &format!("get {}\n", running.get_token()));
    let _sender = end(&server, &format!("put {} 1000\nabc", running.put_token()));
    let mut beginning = [0; 3];
    (&receiver).read_exact(&mut beginning).expect("the beginning");
    server.end();
    assert_eq!(answer(&waiter), "! This transfer is over.\n");
    assert!(!read_all(&receiver).1);
}

#[test]
fn a_transfer_between_two_quick_ends_stops_as_soon_as_it_is_declined() {
    let server = server("bytes_per_second = 100000");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "film");
    let mut receiver = end(&server, &format!("get {}\n", accepted.get_token()));
    let mut sender = end(&server, &format!("put {} 50000000\n", accepted.put_token()));
    // Both ends are always ready, for more than a second of data.
    let feeding = std::thread::spawn(move || {
        let part = vec![7; 65_536];
        while sender.write_all(&part).is_ok() {}
    });
    let mut part = vec![0; 65_536];
    receiver.read_exact(&mut part[..1000]).expect("it has begun");
    let draining = std::thread::spawn(move || while receiver.read(&mut part).is_ok_and(|count| count > 0) {});
    bob.send(&format!(":decline {}", accepted.number));
    bob.expect("* Declined.\r\n");
    alice.expect("* bob declined film.\r\n");
    let at = alice.expect(" of 50,000,000 bytes.");
    let at: String =
        at.rsplit("broke off at ").next().expect("a number").chars().filter(char::is_ascii_digit).collect();
    let at: u64 = at.trim_end_matches("50000000").parse().expect("a number");
    assert!(at < 5_000_000, "{at} bytes passed");
    feeding.join().expect("the sender");
    draining.join().expect("the receiver");
}
