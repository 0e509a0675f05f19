//! A program may do exactly what a user in the same position may, and gets the same sentences.

use serde_json::json;

use crate::support::json::Bot;
use crate::support::{Client, Server};

/// The actor's relation to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Stranger,
    Member,
    Muted,
    Admin,
    Owner,
}

const PLACES: [Place; 5] = [Place::Stranger, Place::Member, Place::Muted, Place::Admin, Place::Owner];

/// Lines that each need one permission.
const LINES: &[&str] = &[
    ":to den hello",
    ":list",
    ":history",
    ":bans",
    ":topic new",
    ":set limit 9",
    ":set slow 1",
    ":set public off",
    ":set password secret",
    ":set history none",
    ":set keep on",
    ":kick bob",
    ":ban bob",
    ":unban bob",
    ":mute bob",
    ":unmute bob",
    ":op bob",
    ":deop bob",
    ":kick olga",
    ":mute olga",
    ":deop olga",
    ":invite carl",
    ":delete 1",
    ":edit 1 changed",
    ":reply 1 so",
    ":temp 5 gone",
    ":destroy",
];

/// A room with an owner, a member and a message, and a user or a program in a given role.
struct Scene {
    _server: Server,
    _olga: Client,
    _others: Vec<Client>,
    actor: Actor,
}

enum Actor {
    User(Box<Client>),
    Program(Box<Bot>),
}

fn scene(place: Place, program: bool) -> Scene {
    let server = Server::start();
    let mut olga = server.login("olga");
    let mut others = vec![server.login("carl")];
    let connect = || {
        if program {
            Actor::Program(Box::new(Bot::login(server.address(), "actor")))
        } else {
            Actor::User(Box::new(server.login("actor")))
        }
    };
    let mut actor = None;
    if place == Place::Owner {
        let mut owner = connect();
        owner.run("", ":create den");
        actor = Some(owner);
        olga.send(":join den");
        olga.expect("Joined den");
    } else {
        olga.send(":create den");
        olga.expect("Made den");
    }
    let mut bob = server.login("bob");
    bob.send(":join den");
    bob.expect("Joined den");
    bob.send(":say first");
    bob.expect("Sent to den as #1.");
    others.push(bob);
    let mut actor = actor.unwrap_or_else(connect);
    if !matches!(place, Place::Stranger | Place::Owner) {
        actor.run("", ":join den");
    }
    match place {
        Place::Muted => olga.send(":mute actor"),
        Place::Admin => olga.send(":op actor"),
        Place::Stranger | Place::Member | Place::Owner => {}
    }
    olga.settle();
    Scene { _server: server, _olga: olga, _others: others, actor }
}

impl Actor {
    /// Why a line is refused; empty if it is not.
    fn run(&mut self, room: &str, line: &str) -> String {
        match self {
            Actor::User(client) => {
                client.settle();
                client.send(line);
                let shown = client.settle();
                let refused = shown.lines().filter_map(|row| row.split_once("! ").map(|(_, refused)| refused));
                refused.collect::<Vec<_>>().join(" ")
            }
            Actor::Program(bot) => {
                let answered = bot.ask(json!({"action": "command", "receiver": room, "content": line}));
                if answered.code().is_empty() { String::new() } else { answered.content().to_owned() }
            }
        }
    }
}

#[test]
fn every_permission_is_granted_or_refused_alike_and_in_the_same_words() {
    let mut refused = 0;
    std::thread::scope(|scope| {
        let columns: Vec<_> = PLACES
            .into_iter()
            .map(|place| {
                scope.spawn(move || {
                    let mut refused = 0;
                    for line in LINES {
                        let of_user = scene(place, false).actor.run("", line);
                        let of_program = scene(place, true).actor.run("", line);
                        assert_eq!(of_user, of_program, "{place:?}: {line}");
                        refused += usize::from(!of_user.is_empty());
                    }
                    refused
                })
            })
            .collect();
        for (place, column) in PLACES.into_iter().zip(columns) {
            let count: usize = column.join().expect("no difference");
            assert!(place == Place::Owner || count > 0, "{place:?}");
            refused += count;
        }
    });
    assert!(refused > 40 && refused < PLACES.len() * LINES.len(), "{refused}");
}

#[test]
fn a_hidden_room_made_without_a_password_takes_only_those_invited() {
    let server = Server::start();
    let mut owner = Bot::login(server.address(), "owner");
    owner.ask(json!({"action": "create", "receiver": "vault", "optional": {"public": false}})).ok();
    let mut guest = Bot::login(server.address(), "guest");
    let guess = json!({"action": "join", "receiver": "vault", "optional": {"password": "any"}});
    let nowhere = json!({"action": "join", "receiver": "vauld", "optional": {"password": "any"}});
    let (refused, unknown) = (guest.ask(guess), guest.ask(nowhere));
    assert_eq!((refused.code(), refused.content()), (unknown.code(), unknown.content()));
    assert!(!refused.code().is_empty(), "{refused:?}");
    owner.command("vault", ":invite guest").ok();
    guest.ask(json!({"action": "join", "receiver": "vault"})).ok();
}
