//! Conditions that held when a user asked to join, but no longer hold when they enter.

use std::net::SocketAddr;

use chatsock::chat::identity::Target;
use chatsock::hub::{Checkpoint, Hub};
use chatsock::outbox::DisconnectReason;

use crate::races::hold::{Gate, room};
use crate::support::machine::eventually;
use crate::support::{Client, Server};

/// A user in the palette of a room that they have made.
fn owner(server: &Server, create: &str) -> Client {
    let mut owner = server.login("owner");
    owner.send(&format!(":create {create}"));
    owner.expect("* Made den, you are its admin.");
    owner.expect("[den]> ");
    owner
}

/// The owner acts while another user is between the check and the room.
fn meanwhile(server: &Server, owner: &mut Client, guest: &mut Client, join: &str, act: &str, told: &str) {
    let gate = Gate::at(server.hub(), Checkpoint::Admitted, 1);
    guest.send(join);
    gate.wait_for(1);
    owner.send(act);
    owner.expect(told);
    gate.open();
}

fn nobody_new(server: &Server) {
    assert_eq!(room(server.hub(), "den").expect("the room").count(), 1);
}

#[test]
fn twenty_with_the_old_password_stay_out_after_it_was_changed() {
    let server = Server::start();
    let mut owner = owner(&server, "den old");
    let mut guests: Vec<_> = (0..20).map(|number| server.login(&format!("guest{number}"))).collect();
    let gate = Gate::at(server.hub(), Checkpoint::Admitted, guests.len());
    for guest in &mut guests {
        guest.send(":join den old");
    }
    gate.wait_for(guests.len());
    owner.send(":set password new");
    owner.expect("* owner set a password");
    gate.open();
    for guest in &mut guests {
        guest.expect("! ");
        let line = guest.expect("\r\n");
        assert!(
            line == "No such room, or not that password." || line.starts_with("Too many wrong passwords"),
            "{line}"
        );
    }
    nobody_new(&server);
}

#[test]
fn the_right_password_still_opens_a_room_if_it_was_set_again() {
    let server = Server::start();
    let mut owner = owner(&server, "den secret");
    let mut guest = server.login("guest");
    meanwhile(&server, &mut owner, &mut guest, ":join den secret", ":set public off", "* owner hid the room");
    guest.expect("* Joined den, 1 other here.");
}

#[test]
fn a_room_closed_after_the_check_admits_nobody_uninvited() {
    for (act, told, refusal) in [
        (":set invite on", "invite-only", "! den is for invited people only."),
        (":set public off", "invite-only", "* No public room den."),
    ] {
        let server = Server::start();
        let mut owner = owner(&server, "den");
        let mut guest = server.login("guest");
        meanwhile(&server, &mut owner, &mut guest, ":join den", act, told);
        guest.expect(refusal);
        nobody_new(&server);
    }
}

#[test]
fn a_room_that_got_a_password_after_the_check_asks_for_it() {
    let server = Server::start();
    let mut owner = owner(&server, "den");
    let mut guest = server.login("guest");
    meanwhile(&server, &mut owner, &mut guest, ":join den", ":set password new", "* owner set a password");
    guest.expect("* den has a password. Give it, or go back with Enter.");
    nobody_new(&server);
}

#[test]
fn a_user_banned_between_the_check_and_the_room_stays_out() {
    for create in ["den", "den secret"] {
        let server = Server::start();
        let mut owner = owner(&server, create);
        let mut guest = server.login("guest");
        let join = format!(":join {create}");
        meanwhile(&server, &mut owner, &mut guest, &join, ":ban guest", "* guest was banned by owner");
        guest.expect("! You are banned from den.");
        nobody_new(&server);
    }
}

#[test]
fn a_room_that_filled_up_after_the_check_admits_nobody() {
    let server = Server::start();
    let mut owner = owner(&server, "den");
    let mut guest = server.login("guest");
    meanwhile(&server, &mut owner, &mut guest, ":join den", ":set limit 1", "* owner set the limit to 1");
    guest.expect("! den is full: it takes 1 person.");
    nobody_new(&server);
}

#[test]
fn a_user_disconnected_meanwhile_is_never_seen_in_the_room() {
    let server = Server::start();
    let mut owner = owner(&server, "den");
    owner.send(":chat");
    owner.expect("den | ");
    let mut guest = server.login("guest");
    let gate = Gate::at(server.hub(), Checkpoint::Admitted, 1);
    guest.send(":join den");
    gate.wait_for(1);
    let person = server.hub().roster.find(&Target::parse("guest").expect("a name")).expect("online");
    server.hub().throw_out(&person, "Gone.", DisconnectReason::Ghosted);
    gate.open();
    guest.expect("! Gone.");
    guest.expect_end();
    eventually("the connection is closed", || server.hub().shutdown.open() == 1);
    assert!(!owner.settle().contains("joined"), "a user who has left joins no room");
    nobody_new(&server);
}

#[test]
fn the_quick_listener_looks_again_when_the_name_is_given() {
    let server = Server::with("[rooms.den]\npassword = \"old\"\n");
    let mut guest = Client::connect(server.quick_address());
    guest.expect("Enter room name: ");
    guest.send("den");
    guest.expect("Password: ");
    guest.send("old");
    guest.expect("Enter username: ");
    server.reconfigure("shutdown_delay = 0\n[rooms.den]\npassword = \"new\"\n");
    guest.send("guest");
    guest.expect("! No such room, or not that password.");
    assert_eq!(room(server.hub(), "den").expect("the room").count(), 0);
}

/// A guest who has named the room on the quick listener, and a gate at which the login stops.
fn quick_guest(address: SocketAddr, hub: &Hub) -> (Client, Gate) {
    let mut guest = Client::connect(address);
    guest.expect("Enter room name: ");
    guest.send("den");
    guest.expect("Password: ");
    guest.send("old");
    guest.expect("Enter username: ");
    let gate = Gate::at(hub, Checkpoint::Admitted, 1);
    guest.send("guest");
    gate.wait_for(1);
    (guest, gate)
}

#[test]
fn a_password_changed_by_a_reload_applies_on_the_quick_listener_too() {
    let server = Server::with("[rooms.den]\npassword = \"old\"\n");
    let (mut guest, gate) = quick_guest(server.quick_address(), server.hub());
    server.reconfigure("shutdown_delay = 0\n[rooms.den]\npassword = \"new\"\n");
    gate.open();
    guest.expect("! No such room, or not that password.");
    assert_eq!(room(server.hub(), "den").expect("the room").count(), 0);
}

#[cfg(feature = "storage")]
mod with_accounts {
    use super::*;
    use crate::support::scratch;

    fn server(extra: &str) -> Server {
        let path = scratch().join("kept.db");
        Server::with(&format!("{extra}\n[storage]\npath = \"{}\"\n", path.display()))
    }

    fn register(client: &mut Client) {
        client.send(":register");
        for _ in 0..2 {
            client.expect("Password: ");
            client.send("open sesame");
        }
        client.expect("is now registered to you");
    }

    #[test]
    fn a_former_operator_cannot_enter_a_hidden_room() {
        let server = server("operators = [\"chief\"]");
        let mut owner = owner(&server, "den secret");
        owner.send(":set public off");
        owner.expect("* owner hid the room");
        let mut chief = server.login("chief");
        register(&mut chief);
        chief.expect("* You are an operator.");
        let gate = Gate::at(server.hub(), Checkpoint::Admitted, 1);
        chief.send(":join den");
        gate.wait_for(1);
        server.reconfigure(&format!(
            "shutdown_delay = 0\n[storage]\npath = \"{}\"\n",
            server.hub().config().storage.as_ref().expect("storage").path.display()
        ));
        gate.open();
        chief.expect("* No public room den.");
        nobody_new(&server);
    }

    #[test]
    fn an_account_that_was_removed_meanwhile_opens_nothing() {
        let server = server("");
        let mut owner = owner(&server, "den");
        owner.send(":set invite on");
        owner.expect("invite-only");
        let mut guest = server.login("guest");
        register(&mut guest);
        owner.send(":invite guest");
        owner.expect("* guest was invited to den");
        guest.send(":quit");
        guest.expect_end();
        let mut guest = server.connect();
        guest.expect("Username: ");
        guest.send("guest");
        guest.expect("Password: ");
        guest.send("open sesame");
        guest.expect(":help explains.");
        let gate = Gate::at(server.hub(), Checkpoint::Admitted, 1);
        guest.send(":join den");
        gate.wait_for(1);
        let person = server.hub().roster.find(&Target::parse("guest").expect("a name")).expect("online");
        let account = person.account().expect("an account");
        assert_eq!(server.hub().store().expect("a store").remove_account(account), Ok(true));
        server.hub().review_login(&person, std::time::Instant::now()).expect("read");
        gate.open();
        guest.expect("! Your account was removed.");
        guest.expect_end();
        nobody_new(&server);
    }

    #[test]
    fn a_persistent_rooms_old_password_fails_if_it_is_changed_while_it_is_compared() {
        let server = server("");
        let mut owner = owner(&server, "den old");
        register(&mut owner);
        owner.send(":set keep on");
        owner.expect("* owner keeps the room");
        let mut guest = server.login("guest");
        let new = ":set password new";
        meanwhile(&server, &mut owner, &mut guest, ":join den old", new, "* owner set a password");
        guest.expect("! No such room, or not that password.");
        nobody_new(&server);
        guest.send(":join den new");
        guest.expect("* Joined den, 1 other here.");
    }
}
