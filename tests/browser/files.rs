//! Files in the page: a button, dropping them, what both see of it, and names that would like to be something else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::axe::{axe, violations};
use crate::chromium::{Chromium, chromium};
use crate::keyboard::tab_to;
use crate::page::Scheme;
use crate::site::Site;
use crate::support::programs::have;
use crate::support::{Client, scratch};
use crate::visitor::Visitor;

const FILES: &str = "[files]\nlisten = [\"127.0.0.1:0\"]\n";

/// Somebody in a room, and the directory where their browser saves what it gets.
fn visitor(browser: &'static Chromium, site: &Site, name: &str) -> (Visitor, PathBuf) {
    let visitor = site.visitor_in(browser, name, "general");
    let directory = scratch();
    let allow = json!({ "behavior": "allow", "downloadPath": directory });
    visitor.call("Page.setDownloadBehavior", allow);
    visitor.call("Page.setInterceptFileChooserDialog", json!({ "enabled": true }));
    (visitor, directory)
}

/// A file of this content in a directory of its own.
fn written(name: &str, content: &[u8]) -> PathBuf {
    let path = scratch().join(name);
    fs::write(&path, content).expect("written");
    path
}

/// Bytes without a pattern, the same for the same length.
fn content(length: usize) -> Vec<u8> {
    let mut state = length as u64 | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(next).collect()
}

/// Opens a conversation with somebody in the room.
fn talk_to(visitor: &Visitor, other: &str) {
    visitor.choose_for(&format!("{other}, *"), "Send a direct message");
    visitor.node("textbox", &format!("Message {other}"));
}

/// Chooses a file in the window that the browser has opened for it.
fn choose(visitor: &Visitor, before: usize, path: &Path) {
    let opened = visitor.wait_for("a window to choose files in", || {
        visitor.events("Page.fileChooserOpened").get(before).cloned().ok_or_else(|| "none".to_owned())
    });
    let element = &opened["params"]["backendNodeId"];
    visitor.call("DOM.setFileInputFiles", json!({ "files": [path], "backendNodeId": element }));
}

/// Sends a file with the button.
fn send(visitor: &Visitor, path: &Path) {
    let before = visitor.events("Page.fileChooserOpened").len();
    visitor.click("button", "Send a file");
    choose(visitor, before, path);
}

/// Drops files onto the page.
fn drop_files(visitor: &Visitor, paths: &[&Path]) {
    for kind in ["dragEnter", "dragOver", "drop"] {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        visitor.call("Input.dispatchDragEvent", json!({ "type": kind, "x": 500, "y": 300, "data": data }));
    }
}

/// Waits until a browser has saved a file of this content, its `count`th, and nothing else; returns its name.
fn saved_as(visitor: &Visitor, directory: &Path, count: usize, content: &[u8]) -> String {
    visitor.wait_for("a file that is saved", || {
        let events = visitor.events("Page.downloadProgress");
        let done = events.iter().filter(|event| event["params"]["state"] == "completed").count();
        if done == count { Ok(()) } else { Err(format!("{done} of {count} are")) }
    });
    let names: Vec<_> = fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path()).collect();
    let [path] = &names[..] else { panic!("there are {names:?}") };
    let found = fs::read(path).expect("read");
    assert!(found == content, "{} bytes in {path:?}", found.len());
    fs::remove_file(path).expect("removed");
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn a_file_goes_from_page_to_page_by_a_button_or_dropped_and_both_see_how_it_ended() {
    let Some(browser) = chromium() else { return };
    let site = Site::with(FILES);
    let (alice, _) = visitor(browser, &site, "alice");
    let (bob, saved) = visitor(browser, &site, "bob");
    talk_to(&alice, "bob");
    let report = content(3_000_000);
    send(&alice, &written("report.pdf", &report));
    alice.expect("bob", "Offered bob report.pdf (2.9 MB).");
    bob.click("button", "alice, direct messages, 1 unread");
    bob.expect("alice", "alice offers you report.pdf (2.9 MB).");
    bob.click("button", "Accept");
    assert_eq!(saved_as(&bob, &saved, 1, &report), "report.pdf");
    for (visitor, other) in [(&alice, "bob"), (&bob, "alice")] {
        visitor.expect(other, "report.pdf: 3,000,000 bytes");
        visitor.gone("button", "Cancel");
    }
    // And the other way round, two at once, of which one is empty.
    let paths = [written("a.txt", b"a"), written("nothing", b"")];
    drop_files(&bob, &[&paths[0], &paths[1]]);
    alice.expect("bob", "bob offers you nothing (0 bytes).");
    bob.expect("alice", "Offered alice nothing (0 bytes).");
    let accept = alice.all("button", "Accept");
    assert_eq!(accept.len(), 2);
    alice.on(&accept[0], "function () { this.click(); }");
    alice.expect("bob", "a.txt: 1 byte");
    alice.click("button", "Decline");
    alice.expect("bob", "Declined.");
    bob.expect("alice", "alice declined nothing.");
    bob.expect("alice", "a.txt: 1 byte");
    for visitor in [alice, bob] {
        visitor.expect_no_complaint();
    }
}

#[test]
fn refusals_are_said_in_words_and_a_room_is_asked_for_a_name() {
    let Some(browser) = chromium() else { return };
    let site = Site::with(&format!("{FILES}max_bytes = 1024\n"));
    let (alice, _) = visitor(browser, &site, "alice");
    let mut bob = site.login("bob");
    let small = written("small", b"abc");
    send(&alice, &small);
    alice.node("heading", "Send a file");
    alice.fill("Name", "carol");
    alice.press("Enter");
    alice.see("carol is not online");
    alice.fill("Name", "alice");
    alice.press("Enter");
    alice.expect_refusal();
    alice.fill("Name", "bob");
    alice.press("Enter");
    alice.node("textbox", "Message bob");
    bob.expect("* alice offers you small. :accept ");
    alice.expect("bob", "Offered bob small (3 bytes).");
    // Taken back by its sender.
    alice.click("button", "Take it back");
    alice.expect("bob", "The transfer was cancelled.");
    bob.expect("* alice declined small.");
    send(&alice, &written("large", &content(1025)));
    alice.expect("bob", "That file is too big: at most 1 KB.");
    // Not in time, and the other one leaves.
    send(&alice, &small);
    bob.expect("* alice offers you small. :accept ");
    bob.send(":quit");
    alice.expect("bob", "Your offer of small to bob has ended.");
    alice.gone("button", "Take it back");
}

#[test]
fn a_server_without_files_has_no_button_for_them_and_says_so_when_one_is_dropped() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let (alice, _) = visitor(browser, &site, "alice");
    let _bob = site.visitor_in(browser, "bob", "general");
    talk_to(&alice, "bob");
    alice.gone("button", "Send a file");
    drop_files(&alice, &[&written("x", b"x")]);
    alice.expect("bob", "This server carries no files.");
}

#[test]
fn a_transfer_that_is_cancelled_or_cut_is_over_for_both_and_the_browser_keeps_no_part() {
    let Some(browser) = chromium() else { return };
    let site = Site::with(&format!("{FILES}bytes_per_second = 20000\n"));
    let (alice, _) = visitor(browser, &site, "alice");
    let (bob, saved) = visitor(browser, &site, "bob");
    talk_to(&alice, "bob");
    // The browser reports the answer to an upload that the receiver has ended, if it comes before the connection is gone.
    alice.allow("409 (Conflict)");
    let slow = written("slow", &content(5_000_000));
    for by_sender in [true, false] {
        send(&alice, &slow);
        bob.see("alice");
        if by_sender {
            bob.click("button", "alice, direct messages, 1 unread");
        }
        bob.click("button", "Accept");
        bob.node("button", "Cancel");
        let bar = alice.node("progressbar", "Sending slow");
        alice.wait_for("progress", || {
            let value = alice.on(&bar, "function () { return this.value; }").as_f64();
            value.filter(|value| *value > 0.0).map(drop).ok_or_else(|| format!("{value:?}"))
        });
        if by_sender {
            alice.click("button", "Cancel")
        } else {
            bob.click("button", "Cancel")
        }
        bob.see("broke off at");
        alice.see("broke off at");
        alice.gone("progressbar", "Sending slow");
    }
    let left: Vec<_> = fs::read_dir(saved).expect("a directory").flatten().collect();
    assert!(left.iter().all(|entry| entry.file_name() != "slow"), "{left:?}");
}

#[test]
fn hostile_names_of_files_are_text_and_save_under_harmless_names() {
    let Some(browser) = chromium() else { return };
    let site = Site::with(FILES);
    let (alice, _) = visitor(browser, &site, "alice");
    let (bob, saved) = visitor(browser, &site, "bob");
    talk_to(&alice, "bob");
    let long = "y".repeat(250);
    for (number, (name, shown)) in [
        ("<img src=x onerror=window.ran=1>", "<img src=x onerror=window.ran=1>"),
        ("exe\u{202e}fdp.txt", "exefdp.txt"),
        ("\u{1b}[2J\u{1b}]0;evil\u{7}x", "[2J]0;evilx"),
        ("-rf", "-rf"),
        ("'; touch evil; '", "'; touch evil; '"),
        (&long, &long[..80]),
    ]
    .into_iter()
    .enumerate()
    {
        send(&alice, &written(name, name.as_bytes()));
        if number == 0 {
            bob.click("button", "alice, direct messages, 1 unread");
        }
        bob.expect("alice", &format!("alice offers you {shown} ("));
        bob.click("button", "Accept");
        bob.expect("alice", &format!("{shown}: {} bytes", name.len()));
        let found = saved_as(&bob, &saved, number + 1, name.as_bytes());
        assert!(!found.contains(|c: char| c.is_control() || "<>\u{202e}/\\".contains(c)), "{found:?}");
    }
    // Longer than a file system takes, from a terminal.
    let mut carol = site.login("carol");
    carol.send(&format!(":send bob {}.pdf", "z".repeat(300)));
    bob.see("carol");
    bob.click("button", "carol, direct messages, 1 unread");
    bob.expect("carol", &format!("carol offers you {}.pdf.", "z".repeat(76)));
    for visitor in [&alice, &bob] {
        assert_eq!(visitor.evaluate("typeof window.ran"), "undefined");
        assert_eq!(visitor.evaluate("document.querySelectorAll('img').length"), 0);
        visitor.expect_no_complaint();
    }
}

#[test]
fn offers_are_read_by_everybody() {
    let (Some(browser), Some(axe)) = (chromium(), axe()) else { return };
    let site = Site::with(FILES);
    let (alice, _) = visitor(browser, &site, "alice");
    let mut bob = site.chat("bob", "general");
    talk_to(&alice, "bob");
    bob.send("/send alice report.pdf");
    alice.expect("bob", "bob offers you report.pdf.");
    send(&alice, &written("notes.txt", b"abc"));
    alice.expect("bob", "Offered bob notes.txt");
    for scheme in [Scheme::Light, Scheme::Dark] {
        alice.prefer(scheme);
        assert_eq!(violations(&alice, &axe), Vec::<String>::new(), "{scheme:?}");
    }
    alice.phone();
    assert_eq!(violations(&alice, &axe), Vec::<String>::new(), "phone");
    alice.wait("document.documentElement.scrollWidth <= innerWidth");
    let spoken = "[...document.querySelectorAll('[aria-live=assertive]')].map(it => it.textContent).join(' ')";
    alice.wait(&format!("{spoken}.includes('bob: offers you report.pdf')"));
}

#[test]
fn files_are_sent_and_taken_with_the_keyboard_alone() {
    let Some(browser) = chromium() else { return };
    let site = Site::with(FILES);
    let (alice, _) = visitor(browser, &site, "alice");
    let (bob, saved) = visitor(browser, &site, "bob");
    tab_to(&alice, "Tab", "button", "bob, since *");
    alice.press("Enter");
    tab_to(&alice, "Tab", "button", "Send a file");
    alice.press("Enter");
    choose(&alice, 0, &written("notes.txt", b"abc"));
    alice.node("textbox", "Message bob");
    tab_to(&bob, "Shift+Tab", "button", "alice, direct messages, 1 unread");
    bob.press("Enter");
    bob.node("textbox", "Message alice");
    tab_to(&bob, "Shift+Tab", "button", "Accept");
    bob.press("Enter");
    assert_eq!(saved_as(&bob, &saved, 1, b"abc"), "notes.txt");
    bob.expect("alice", "notes.txt: 3 bytes");
    // The button is gone, and the focus is not lost with it.
    bob.wait("document.activeElement.getAttribute('role') === 'log'");
    alice.expect("bob", "notes.txt: 3 bytes");
}

/// Runs a line in a directory.
fn shell(directory: &Path, line: &str) -> std::process::Child {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("a shell")
}

/// The two lines to copy, for nc and for curl.
fn lines(client: &mut Client) -> [String; 2] {
    client.expect("after f= first:\r\n");
    std::array::from_fn(|_| {
        client.expect("  f=");
        format!("f={}", client.expect("\r\n"))
    })
}

#[test]
fn a_file_passes_between_the_page_and_the_programs_in_both_directions() {
    let Some(browser) = chromium() else { return };
    if !have(&["nc", "curl", "sh"]) {
        return;
    }
    let site = Site::with(FILES);
    let (alice, saved) = visitor(browser, &site, "alice");
    let mut bob = site.chat("bob", "general");
    talk_to(&alice, "bob");
    for (number, length) in [0, 1, 200_000, 5_000_000].into_iter().enumerate() {
        let content = content(length);
        let row = number % 2;
        let name = format!("file{length}");
        let sent = written(&name, &content);
        // From the page.
        let here = scratch();
        send(&alice, &sent);
        bob.expect(&format!("* alice offers you {name}. "));
        bob.send("/accept");
        let mut receiver = shell(&here, &lines(&mut bob)[row]);
        assert!(receiver.wait().expect("waited").success());
        assert!(fs::read(here.join(&name)).expect("received") == content, "{length} bytes, row {row}");
        alice.expect("bob", &format!("{name}: "));
        bob.expect(&format!("* {name}: "));
        // And to it.
        let back = format!("back{length}");
        fs::rename(&sent, sent.with_file_name(&back)).expect("renamed");
        bob.send(&format!("/send alice {back}"));
        alice.expect("bob", &format!("bob offers you {back}."));
        alice.click("button", "Accept");
        bob.expect("alice takes ");
        let mut sender = shell(sent.parent().expect("a directory"), &lines(&mut bob)[1 - row]);
        assert!(sender.wait().expect("waited").success());
        assert_eq!(saved_as(&alice, &saved, number + 1, &content), back);
        alice.expect("bob", &format!("{back}: "));
        bob.expect(&format!("* {back}: "));
    }
}
