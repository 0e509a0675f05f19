//! Offers, answers and refusals in the chat.

use super::*;

#[test]
fn an_offer_is_made_listed_and_declined() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send(":send bob report.pdf");
    alice.expect("* Asked bob about report.pdf. :files lists it; the offer ends in 2 minutes.\r\n");
    bob.expect("* alice offers you report.pdf. :accept 1 takes it, :decline 1 does not.\r\n");
    alice.send(":files");
    alice.expect("* 1  report.pdf to bob: waits for an answer, :decline 1 takes it back\r\n");
    bob.send(":files");
    bob.expect("* 1  report.pdf from alice: :accept 1 takes it, :decline 1 does not\r\n");
    bob.send(":decline 1");
    bob.expect("* Declined.\r\n");
    alice.expect("* bob declined report.pdf.\r\n");
    for client in [&mut alice, &mut bob] {
        client.send(":files");
        client.expect("* No files are offered or on their way.\r\n");
    }
    alice.send(":send bob report.pdf");
    bob.expect(":accept 2 ");
    alice.send(":decline");
    alice.expect("* Declined.\r\n");
    bob.expect("* alice declined report.pdf.\r\n");
}

#[test]
fn an_accepted_offer_gives_each_of_the_two_their_own_lines_to_copy() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let accepted = exchange(&mut alice, &mut bob, "report.pdf");
    let port = files_address(&server).port();
    let (put, get) = (accepted.put_token().to_owned(), accepted.get_token().to_owned());
    assert_ne!(put, get);
    let of_alice = [
        format!("f=report.pdf; {{ echo \"put {put} $(wc -c <\"$f\")\"; cat \"$f\"; }} | nc 127.0.0.1 {port}"),
        format!("f=report.pdf; curl -T \"$f\" http://127.0.0.1:{port}/f/{put}"),
    ];
    let of_bob = [
        format!("f=report.pdf; echo get {get} | nc 127.0.0.1 {port} >\"$f\""),
        format!("f=report.pdf; curl -f -o \"$f\" http://127.0.0.1:{port}/f/{get}"),
    ];
    assert_eq!((accepted.send.as_slice(), accepted.get.as_slice()), (&of_alice[..], &of_bob[..]));
}

#[test]
fn a_line_to_copy_is_not_wrapped_on_a_narrow_terminal() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    // IAC WILL NAWS, and 40 columns.
    bob.send_bytes(&[255, 251, 31, 255, 250, 31, 0, 40, 0, 24, 255, 240]);
    let number = offer(&mut alice, &mut bob, "report.pdf");
    bob.send(&format!(":accept {number}"));
    bob.expect("  f=report.pdf; echo get ");
    let rest = bob.expect("\r\n");
    assert!(rest.ends_with(">\"$f\""), "{rest:?}");
}

#[test]
fn impossible_offers_and_answers_are_refused_with_the_reason() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    carol.send(":create hidden secret");
    carol.expect("[hidden]> ");
    carol.send(":set public off");
    carol.expect("hidden");
    for (line, refusal) in [
        (":send general report.pdf", "! Files go to one person: :send bob report.pdf\r\n"),
        (":send hidden report.pdf", "! hidden is not online; :listall shows who is.\r\n"),
        (":send dave report.pdf", "! dave is not online; :listall shows who is.\r\n"),
        (":send alice report.pdf", "! You cannot send files to yourself.\r\n"),
        (":send bob", "! Use it as :send <user> <file name>, for example :send bob report.pdf\r\n"),
        (":accept", "! Nothing to accept.\r\n"),
        (":accept 7", "! Nothing to accept.\r\n"),
        (":decline", "! Nothing to decline.\r\n"),
    ] {
        alice.send(line);
        alice.expect(refusal);
    }
    for name in ["a", "b", "c"] {
        offer(&mut alice, &mut bob, name);
    }
    alice.send(":send carol d");
    alice.expect("! 3 of your offers are waiting, which is the limit: :files lists them, :decline takes one back.\r\n");
    bob.send(":accept");
    bob.expect("! Several files are offered to you: :files lists them, :accept 1 takes the first.\r\n");
}

/// The lines are shown as one arrival, or nc would show a prompt before each.
#[test]
fn the_lines_to_copy_have_one_prompt_after_them_and_none_between() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    offer(&mut alice, &mut bob, "a");
    bob.send(":accept");
    alice.expect("* bob takes a. ");
    let lines = alice.expect("> ");
    assert!(lines.contains("curl -T") && lines.contains("| nc "), "{lines:?}");
}

#[test]
fn a_server_without_the_section_carries_no_files() {
    let server = Server::start();
    let (mut alice, _bob) = (server.login("alice"), server.login("bob"));
    for line in [":send bob report.pdf", ":accept", ":decline 1", ":files"] {
        alice.send(line);
        alice.expect("! This server carries no files.\r\n");
    }
}

#[test]
fn an_offer_to_a_user_who_ignores_the_sender_ends_unseen() {
    let server = server("offer_seconds = 1");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    bob.send(":ignore alice");
    bob.expect("You are now ignoring alice");
    alice.send(":send bob report.pdf");
    alice.expect("* Asked bob about report.pdf. :files lists it; the offer ends in 1 second.\r\n");
    bob.send(":files");
    bob.expect("* No files are offered or on their way.\r\n");
    bob.send(":accept 1");
    bob.expect("! Nothing to accept.\r\n");
    alice.expect("* Your offer of report.pdf to bob has ended.\r\n");
    bob.send(":echo done");
    assert!(!bob.expect("* done").contains("report.pdf"));
}

#[test]
fn an_offer_expires_and_both_users_are_notified() {
    let server = server("offer_seconds = 1");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    offer(&mut alice, &mut bob, "report.pdf");
    alice.expect("* Your offer of report.pdf to bob has ended.\r\n");
    bob.expect("* alice's offer of report.pdf has ended.\r\n");
    bob.send(":accept 1");
    bob.expect("! Nothing to accept.\r\n");
}

#[test]
fn a_users_offers_end_when_they_leave() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    offer(&mut alice, &mut bob, "report.pdf");
    alice.send(":quit");
    bob.expect("* alice's offer of report.pdf has ended.\r\n");
    let mut carol = server.login("carol");
    carol.send(":send bob x");
    bob.expect("* carol offers you x.");
    bob.send(":quit");
    carol.expect("* Your offer of x to bob has ended.\r\n");
}

#[test]
fn file_names_are_harmless_to_terminals_and_shells() {
    let server = server("");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for (typed, shown, reduced) in [
        ("../../etc/passwd", "passwd", "passwd"),
        ("-rf", "-rf", "rf"),
        ("$(id)", "$(id)", "_id_"),
        ("'; rm -r x; '", "'; rm -r x; '", "_rm_-r_x_"),
        ("a\u{202e}fdp.exe", "afdp.exe", "afdp.exe"),
        ("CON", "_CON", "_CON"),
    ] {
        alice.send(&format!(":send bob {typed}"));
        bob.expect(&format!("* alice offers you {shown}. :accept "));
        bob.send(":accept");
        assert!(rows(&mut bob, 2)[0].starts_with(&format!("f={reduced}; ")), "{typed}");
        alice.expect("bob takes ");
        assert!(announced_rows(&mut alice, 2)[0].starts_with(&format!("f={reduced}; ")), "{typed}");
        bob.send(":decline");
        bob.expect("* Declined.");
    }
    alice.send(&format!(":send bob {}.pdf", "x".repeat(140)));
    let shown = format!("* alice offers you {}.pdf. :accept ", "x".repeat(76));
    bob.expect(&shown);
}

#[test]
fn help_about_files_fits_a_screen_and_has_the_line_for_bash() {
    let server = server("");
    let mut alice = server.login("alice");
    alice.send(":help files");
    let help = alice.expect("offer the file again: only the rest is sent.\r\n");
    assert!(help.contains("/dev/tcp/HOST/PORT") && help.contains(":send <user> <file name>"), "{help}");
    assert!(help.matches("\r\n").count() < 19, "{help}");
}
