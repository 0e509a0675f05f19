//! Rooms after a restart: their settings, admins, invitations and bans.

use rusqlite::Connection;

use crate::support::home::{BOTH, History, Home, PASSWORD, chat, come_in, give, prove, quit, view_with, written};
use crate::support::machine::eventually;
use crate::support::{Client, PATIENCE, Server};

/// Alice, bob and carol have accounts, and alice is in her persistent room.
fn den(home: &Home, history: History, password: &str) -> (Server, Client) {
    home.accounts(&["alice", "bob", "carol"]);
    let server = home.start(history, "room_linger = 0");
    let mut alice = come_in(&server, "alice");
    alice.send(format!(":create den {password}").trim_end());
    alice.expect("* Made den, you are its admin.");
    keep(&mut alice);
    (server, alice)
}

fn keep(client: &mut Client) {
    client.send("/set keep on");
    client.expect(" keeps the room: it stays when it is empty, and across restarts\r\n");
}

fn restart(home: &Home, server: Server, history: History) -> Server {
    server.end();
    home.start(history, "room_linger = 0")
}

fn has_room(server: &Server, name: &str) -> bool {
    server.hub().rooms.all().iter().any(|room| room.name().as_str() == name)
}

#[test]
fn a_persistent_room_stays_when_its_members_leave_and_another_one_closes() {
    let home = Home::new();
    let (server, mut alice) = den(&home, History::Forgotten, "");
    alice.send(":create attic");
    alice.expect("* Made attic");
    alice.send(":close");
    alice.expect("* Left attic.\r\n");
    alice.send(":close");
    alice.expect("* Left den.\r\n");
    quit(alice);
    eventually("the other room is closed", || !has_room(&server, "attic"));
    assert!(has_room(&server, "den"));
    let server = restart(&home, server, History::Forgotten);
    assert!(has_room(&server, "den") && !has_room(&server, "attic"));
}

#[test]
fn a_persistent_room_comes_back_with_its_settings() {
    for history in BOTH {
        let home = Home::new();
        let (server, mut alice) = den(&home, history, "open sesame");
        for command in [":topic Quiet talk.", ":set limit 8", ":slow 30", ":set public off"] {
            alice.send(command);
            alice.expect("* alice ");
        }
        let shown = |alice: &mut Client| {
            alice.settle();
            alice.send(":set");
            alice.expect("* description ");
            format!("* description {}", alice.expect("keep          on\r\n"))
        };
        let before = shown(&mut alice);
        assert!(before.contains("Quiet talk.") && before.contains("30 seconds"), "{before:?}");
        quit(alice);
        let server = restart(&home, server, history);
        let mut alice = come_in(&server, "alice");
        alice.expect("* Back in den. :chat to talk, :close to leave.\r\n[den]> ");
        assert_eq!(shown(&mut alice), before);
        alice.send(":rooms");
        let told = alice.settle();
        assert!(told.contains("(made by alice, ") && told.contains("(hidden)"), "{told:?}");
    }
}

#[test]
fn the_password_of_a_persistent_room_works_after_a_restart_and_is_on_disk_only_as_a_hash() {
    for history in BOTH {
        let home = Home::new();
        let (server, alice) = den(&home, history, "open sesame");
        quit(alice);
        assert_eq!(home.files_with("open sesame"), [""; 0]);
        let server = restart(&home, server, history);
        let mut guest = server.login("guest");
        guest.send(":join den");
        guest.expect("* den has a password. Give it, or go back with Enter.\r\n");
        give(&mut guest, "wrong");
        guest.expect("! No such room, or not that password.\r\n");
        guest.send(":join den open sesame");
        guest.expect("* Joined den, 0 others here. ");
        // A new password replaces the old one, on disk too.
        let mut alice = come_in(&server, "alice");
        alice.send(":join den");
        alice.expect("[den]> ");
        alice.send(":set password other words");
        alice.expect("* alice set a password\r\n");
        quit(guest);
        quit(alice);
        let server = restart(&home, server, history);
        let mut guest = server.login("guest");
        guest.send(":join den open sesame");
        guest.expect("! No such room, or not that password.\r\n");
        guest.send(":join den other words");
        guest.expect("* Joined den");
    }
}

#[test]
fn a_hidden_persistent_room_and_a_missing_one_answer_alike_after_a_restart() {
    let home = Home::new();
    let (server, mut alice) = den(&home, History::Forgotten, "sesame");
    alice.send(":set public off");
    alice.expect("* alice hid the room");
    quit(alice);
    let server = restart(&home, server, History::Forgotten);
    let mut guest = server.login("guest");
    for room in ["den", "nix"] {
        guest.send(&format!(":join {room}"));
        guest.expect(&format!("* No public room {room}. For a hidden room give its password, Enter goes back.\r\n"));
        give(&mut guest, "wrong");
        guest.expect("! No such room, or not that password.\r\n> ");
    }
    guest.send(":create den");
    let told = guest.expect("\r\n");
    guest.send(":create admin");
    assert_eq!(told.replace("den", "admin"), guest.expect("\r\n").trim_start_matches("> "));
}

#[test]
fn admins_with_accounts_keep_their_ranks_and_guests_do_not() {
    for history in BOTH {
        let home = Home::new();
        let (server, mut alice) = den(&home, history, "");
        let mut bob = come_in(&server, "bob");
        let mut guest = server.login("guest");
        for (client, name) in [(&mut bob, "bob"), (&mut guest, "guest")] {
            client.send(":join den");
            client.expect("[den]> ");
            alice.send(&format!(":op {name}"));
            client.expect("* alice made you admin of den.\r\n");
        }
        drop((bob, guest));
        quit(alice);
        let server = restart(&home, server, history);
        // The first user to come inherits nothing: the room has its admins.
        let mut guest = server.login("guest");
        guest.send(":join den");
        guest.expect("* Joined den, 0 others here. :chat");
        guest.send(":topic mine");
        guest.expect("! Only admins of den can do that; :list marks them.\r\n");
        let mut bob = come_in(&server, "bob");
        bob.send(":join den");
        bob.expect("[den]> ");
        bob.send(":topic ours");
        bob.expect("* bob set the description: ours\r\n");
        bob.send(":destroy");
        bob.expect("! Only the owner of den can do that.\r\n");
        let mut alice = come_in(&server, "alice");
        alice.send(":join den");
        alice.expect("[den]> ");
        alice.send(":deop bob");
        bob.expect("* alice made you an ordinary member of den.\r\n");
        alice.send(":destroy");
        bob.expect("* den was closed by alice.\r\n");
        let server = restart(&home, server, history);
        assert!(!has_room(&server, "den"));
    }
}

#[test]
fn bans_mutes_and_invitations_hold_after_a_restart() {
    for history in BOTH {
        let home = Home::new();
        let (server, mut alice) = den(&home, history, "sesame");
        let mut bob = come_in(&server, "bob");
        view_with(&mut bob, "den", "sesame");
        alice.send(":mute bob 2h");
        alice.expect("* bob was muted by alice for 2 hours\r\n");
        let carol = come_in(&server, "carol");
        alice.send(":invite carol");
        alice.expect("* carol was invited to den for 24 h.\r\n");
        alice.send(":ban mallory 2h spam");
        alice.expect("* mallory was banned by alice for 2 hours (spam)\r\n");
        alice.send(":ban eve");
        alice.expect("* eve was banned by alice\r\n");
        quit(carol);
        drop((alice, bob));
        let server = restart(&home, server, history);
        let mut mallory = server.login("mallory");
        mallory.send(":join den sesame");
        mallory.expect("! You are banned from den for ");
        let told = mallory.expect("\r\n");
        assert!(told.starts_with("2 hours") || told.starts_with("1 hour 59 "), "{told:?}");
        assert!(told.ends_with(" (spam)."), "{told:?}");
        let mut eve = server.login("Eve");
        eve.send(":join den sesame");
        eve.expect("! You are banned from den.\r\n");
        let mut carol = come_in(&server, "carol");
        carol.send(":join den");
        carol.expect("* Joined den, 0 others here. ");
        let mut bob = come_in(&server, "bob");
        view_with(&mut bob, "den", "sesame");
        bob.send("heard?");
        bob.expect("! Not sent: you are muted in den for ");
        let mut alice = come_in(&server, "alice");
        alice.send(":join den");
        alice.expect("[den]> ");
        alice.send(":bans");
        alice.expect("* mallory   by alice, ");
        alice.expect(" left (spam)\r\n");
        alice.expect("* eve       by alice, until lifted\r\n");
        alice.send(":unban mallory");
        alice.expect("* mallory was unbanned by alice\r\n");
        drop((alice, bob, carol, eve, mallory));
        let server = restart(&home, server, history);
        let mut mallory = server.login("mallory");
        mallory.send(":join den sesame");
        mallory.expect("* Joined den");
    }
}

#[test]
fn an_owner_needs_an_account_to_make_a_room_persistent_and_a_lesser_admin_cannot() {
    let home = Home::new();
    home.accounts(&["bob"]);
    let server = home.start(History::Forgotten, "");
    let mut guest = server.login("guest");
    guest.send(":create den");
    guest.expect("[den]> ");
    guest.send(":set keep on");
    guest.expect("! Only an admin with an account can keep a room");
    let mut bob = come_in(&server, "bob");
    bob.send(":join den");
    bob.expect("[den]> ");
    bob.send(":set keep on");
    bob.expect("! Only admins of den can do that");
    // With an account among the admins it is possible.
    guest.send(":op bob");
    bob.expect("* guest made you admin of den.\r\n");
    keep(&mut bob);
    bob.send(":set keep on");
    bob.expect("! Nothing to change; :set shows the settings.\r\n");
    bob.send(":join general");
    bob.expect("[general]> ");
    bob.send(":set keep on");
    bob.expect("! general is one of the server's own rooms and ");
}

#[test]
fn a_guest_who_registers_keeps_the_room_they_made() {
    let home = Home::new();
    let server = home.start(History::Forgotten, "");
    let mut carol = server.login("carol");
    carol.send(":create den");
    carol.expect("[den]> ");
    crate::support::home::register(&mut carol, PASSWORD);
    keep(&mut carol);
    quit(carol);
    server.end();
    let server = home.start(History::Forgotten, "");
    let mut carol = come_in(&server, "carol");
    carol.send(":join den");
    carol.expect("[den]> ");
    carol.send(":topic mine");
    carol.expect("* carol set the description: mine\r\n");
}

#[test]
fn an_admin_who_logs_in_from_the_palette_has_the_rank_in_rooms_they_then_enter() {
    let home = Home::new();
    let (server, alice) = den(&home, History::Forgotten, "");
    quit(alice);
    let server = restart(&home, server, History::Forgotten);
    let mut guest = server.login("guest");
    guest.send(":join den");
    guest.expect("[den]> ");
    prove(&mut guest, ":login alice", PASSWORD);
    guest.expect("* You are now known as alice.\r\n");
    guest.send(":topic mine");
    guest.expect("* alice set the description: mine\r\n");
}

#[test]
fn a_made_room_that_is_not_persistent_leaves_no_trace() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let server = home.start(history, "");
        let mut alice = come_in(&server, "alice");
        alice.send(":create lair");
        alice.expect("[lair]> ");
        alice.send(":topic a place of whispers");
        alice.expect("* alice set");
        alice.send(":chat");
        alice.expect("lair | ");
        alice.send("mellon");
        alice.send("/ban mallory");
        alice.expect("* mallory was banned");
        quit(alice);
        server.end();
        for text in ["lair", "whispers", "mellon", "mallory"] {
            assert_eq!(home.files_with(text), [""; 0], "{text}");
        }
        let server = home.start(history, "");
        assert!(!has_room(&server, "lair"));
    }
}

#[test]
fn a_room_no_longer_persistent_or_destroyed_is_erased_from_the_disk_with_all_its_messages() {
    for command in [":set keep off", ":destroy"] {
        let home = Home::new();
        let (server, mut alice) = den(&home, History::Kept, "");
        alice.send(":topic a place of whispers");
        alice.expect("* alice set");
        alice.send(":say mellon");
        alice.expect("* Sent to den as #1.\r\n");
        crate::support::home::written(&server);
        assert_ne!(home.files_with("mellon"), [""; 0]);
        alice.send(command);
        alice.settle();
        crate::support::home::written(&server);
        server.end();
        for text in ["whispers", "mellon"] {
            assert_eq!(home.files_with(text), [""; 0], "{text} after {command}");
        }
        let server = home.start(History::Kept, "");
        assert!(!has_room(&server, "den"), "{command}");
    }
}

#[test]
fn bans_in_a_configured_room_survive_and_its_settings_come_from_the_configuration() {
    for history in BOTH {
        let home = Home::new();
        home.accounts(&["alice"]);
        let config = |text: &str| format!("operators = [\"alice\"]\n[rooms.general]\ndescription = \"{text}\"");
        let server = home.start(history, &config("first"));
        let mut alice = chat(&server, "alice", "general");
        alice.send("/ban mallory spam");
        alice.expect("* mallory was banned by alice (spam)\r\n");
        alice.send("/topic for a day");
        alice.expect("* alice set the description: for a day\r\n");
        server.end();
        let server = home.start(history, &config("second"));
        let mut mallory = server.login("mallory");
        mallory.send(":rooms");
        mallory.expect("* general   0/-   second\r\n");
        mallory.send(":join general");
        mallory.expect("! You are banned from general (spam).\r\n");
        let mut alice = chat(&server, "alice", "general");
        alice.send("/unban mallory");
        alice.expect("* mallory was unbanned by alice\r\n");
        server.end();
        let server = home.start(history, &config("third"));
        server.chat("mallory", "general");
    }
}

#[test]
fn an_invitation_to_a_closed_configured_room_survives() {
    const VAULT: &str = "operators = [\"alice\"]\n[rooms.vault]\npublic = false\npassword = \"\"";
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = home.start(History::Forgotten, VAULT);
    let mut alice = come_in(&server, "alice");
    alice.send(":join vault");
    alice.expect("[vault]> ");
    let mut bob = come_in(&server, "bob");
    alice.send(":invite bob");
    bob.expect("* alice invites you to vault: :join vault enters it.\r\n");
    server.end();
    let server = home.start(History::Forgotten, VAULT);
    let mut bob = come_in(&server, "bob");
    bob.send(":join vault");
    bob.expect("* Joined vault, 0 others here.");
    let mut guest = server.login("guest");
    guest.send(":join vault");
    guest.expect("* No public room vault.");
}

#[test]
fn a_room_that_the_configuration_now_names_belongs_to_the_configuration() {
    let home = Home::new();
    let (server, mut alice) = den(&home, History::Forgotten, "sesame");
    alice.send(":ban mallory");
    alice.expect("* mallory was banned");
    quit(alice);
    server.end();
    let server = home.start(History::Forgotten, "[rooms.den]\ndescription = \"From the file.\"");
    let mut alice = come_in(&server, "alice");
    alice.send(":rooms");
    alice.expect("* den   0/-   From the file.\r\n");
    alice.send(":join den");
    alice.expect("[den]> ");
    alice.send(":topic mine");
    alice.expect("! den is one of the server's own rooms and has no admins");
}

#[test]
fn persistent_rooms_count_for_the_address_they_were_made_from_after_a_restart() {
    const LIMIT: &str = "[limits]\nmessages_per_second = 0\nexempt = []\nrooms_per_ip = 1";
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Forgotten, LIMIT);
    let mut alice = come_in(&server, "alice");
    alice.send(":create den");
    alice.expect("[den]> ");
    keep(&mut alice);
    server.end();
    let server = home.start(History::Forgotten, LIMIT);
    let mut alice = come_in(&server, "alice");
    alice.send(":create other");
    alice.expect("! Too many rooms were made from your address: the limit is 1.");
}

#[test]
fn a_persistent_room_that_the_configuration_takes_over_shows_nobody_its_old_messages() {
    const TAKEN: &str = "room_linger = 0\n[rooms.general]\n[rooms.den]\n";
    for at_start in [true, false] {
        let home = Home::new();
        let (server, mut alice) = den(&home, History::Kept, "open sesame");
        alice.send(":say among ourselves");
        alice.expect("* Sent to den as #1.");
        quit(alice);
        let server = match at_start {
            true => {
                server.end();
                home.start(History::Kept, TAKEN)
            }
            false => {
                home.reconfigure(&server, History::Kept, TAKEN);
                server
            }
        };
        let mut guest = server.login("guest");
        guest.send(":join den");
        guest.expect("* Joined den");
        guest.send(":history");
        assert!(!guest.settle().contains("among ourselves"));
        guest.send(":search ourselves");
        guest.expect("* Nothing found where you may read.");
        server.hub().store().expect("a store").flush().expect("written");
        assert_eq!(home.files_with("among ourselves"), [""; 0]);
        quit(guest);
    }
}

#[test]
fn members_of_a_persistent_room_that_the_configuration_takes_over_are_told_why_it_ends() {
    let home = Home::new();
    let (server, mut alice) = den(&home, History::Kept, "open sesame");
    alice.send(":chat");
    alice.expect("den | ");
    alice.send("among ourselves");
    home.reconfigure(&server, History::Kept, "[rooms.general]\n[rooms.den]\n");
    alice.expect("* den is closed: the server now has a room of its own of that name.\r\n");
    alice.send(":join den");
    alice.expect("* Joined den, 0 others here.");
    alice.send(":topic mine");
    alice.expect("! den is one of the server's own rooms and has no admins");
    alice.send(":history");
    alice.expect("* Nothing has been said in den yet.");
    alice.send(":chat");
    alice.expect("den | ");
    alice.send("in the open");
    alice.settle();
    quit(alice);
    server.end();
    let server = home.start(History::Kept, "[rooms.general]\n[rooms.den]\n");
    let mut guest = server.chat("guest", "den");
    guest.send("/history");
    let seen = guest.settle();
    assert!(seen.contains("in the open") && !seen.contains("among ourselves"), "{seen:?}");
}

#[test]
fn a_configured_room_that_is_removed_and_restored_keeps_its_history_and_bans() {
    const WITH: &str = "operators = [\"alice\"]\nhistory_max = 3\n[rooms.general]\n[rooms.games]\n";
    const WITHOUT: &str = "operators = [\"alice\"]\nhistory_max = 3\n[rooms.general]\n";
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, WITH);
    let mut alice = come_in(&server, "alice");
    alice.send(":join games");
    alice.expect("[games]> ");
    for text in ["one", "two", "three", "four"] {
        alice.send(&format!(":say {text}"));
        alice.expect("* Sent to games as #");
    }
    alice.send(":delete 3");
    alice.expect("* Deleted #3.");
    alice.send(":ban mallory spam");
    alice.expect("* mallory was banned by alice (spam)\r\n");
    home.reconfigure(&server, History::Kept, WITHOUT);
    alice.expect("* The room games is closed.\r\n");
    // In between, another user may make a room of that name, which is a different room.
    let mut bob = server.login("bob");
    bob.send(":create games");
    bob.expect("* Made games, you are its admin.");
    bob.send(":history");
    bob.expect("* Nothing has been said in games yet.");
    home.reconfigure(&server, History::Kept, WITH);
    bob.expect("* games is closed: the server now has a room of its own of that name.\r\n");
    home.reconfigure(&server, History::Kept, WITHOUT);
    home.reconfigure(&server, History::Kept, WITH);
    let mut carol = server.login("carol");
    carol.send(":join games");
    carol.expect("[games]> ");
    carol.send(":history");
    let history = carol.settle();
    carol.send(":chat");
    let view = carol.settle();
    for text in ["alice: one", "alice: two", "alice: four"] {
        assert!(history.contains(text) && view.contains(text), "{text}: {history:?}, {view:?}");
    }
    assert!(!history.contains("three") && !view.contains("three"), "{history:?}, {view:?}");
    let mut mallory = server.login("mallory");
    mallory.send(":join games");
    mallory.expect("! You are banned from games (spam).");
    carol.send("five");
    carol.send("/history 1");
    carol.expect("#5 carol: five");
}

#[test]
fn a_configured_room_restored_while_the_disk_fails_shows_no_earlier_messages() {
    const WITH: &str = "operators = [\"alice\"]\n[rooms.general]\n[rooms.games]\n";
    const WITHOUT: &str = "operators = [\"alice\"]\n[rooms.general]\n";
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = home.start(History::Kept, WITH);
    let mut alice = come_in(&server, "alice");
    alice.send(":join games");
    alice.expect("[games]> ");
    alice.send(":set history joined");
    alice.expect("alice set the history to joined");
    alice.send(":say among ourselves");
    alice.expect(" games as #");
    written(&server);
    home.reconfigure(&server, History::Kept, WITHOUT);
    alice.expect("* The room games is closed.\r\n");
    let database = Connection::open(home.database()).expect("a database");
    database.busy_timeout(PATIENCE).expect("a timeout");
    database.execute_batch("ALTER TABLE rooms RENAME TO elsewhere").expect("renamed");
    home.reconfigure(&server, History::Kept, WITH);
    database.execute_batch("ALTER TABLE elsewhere RENAME TO rooms").expect("renamed");
    alice.send(":join games");
    alice.expect("[games]> ");
    alice.send(":say since then");
    alice.expect(" games as #");
    let mut carol = server.login("carol");
    carol.send(":join games");
    carol.expect("[games]> ");
    carol.send(":history");
    carol.send(":search o");
    carol.send(":chat");
    let seen = carol.settle();
    assert!(!seen.contains("among ourselves") && !seen.contains("since then"), "{seen:?}");
    carol.send("hello");
    carol.send("/history");
    carol.expect("carol: hello");
}
