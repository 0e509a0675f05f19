//! The room table: names, limits, and rooms that open and close.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use socket2::{Domain, Socket, Type};

use super::*;
use crate::chat::action::Actor;
use crate::chat::action::{EnterError, ReadBack};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::Identity;
use crate::chat::message::{ClientId, Draft};
use crate::chat::names::UserName;
use crate::chat::room::{Creation, Founding, Going};
use crate::hub::room::Entrant;
use crate::outbox::{Outbox, OutboxLimits, SlowReaders};

/// An outbox whose peer reads nothing.
fn outbox(id: u64) -> Arc<Outbox> {
    let (ours, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("a pair");
    let limits = OutboxLimits { bytes: None, total: None, stall: None };
    Outbox::new(ClientId(id), ours.into(), Arc::new(SlowReaders::new(limits)))
}

fn name(text: &str) -> RoomName {
    RoomName::parse(text).expect("a room's name")
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn who(id: u64, address: IpAddr) -> Identity {
    Identity {
        client: ClientId(id),
        name: UserName::parse("bob", 1, 12).expect("a name"),
        address,
        shared: false,
        account: None,
    }
}

fn table() -> RoomTable {
    RoomTable::new(&Config::default(), Clock::new(TimeZone::UTC), None)
}

fn make(table: &RoomTable, room: &str, from: IpAddr, most: Option<usize>) -> Result<Arc<Room>, CreateRoomError> {
    let founder = who(1, from);
    let creation = Creation { by: founder.name.clone(), address: from, at: Timestamp::UNIX_EPOCH };
    let founding = Founding { creation, founder, read_back: ReadBack::All };
    table.create(&name(room), RoomSettings::default(), founding, most, Instant::now())
}

fn made(table: &RoomTable, room: &str, from: IpAddr) -> Arc<Room> {
    make(table, room, from, None).unwrap_or_else(|_| panic!("{room} can be made"))
}

fn enter(room: &Room, id: u64) -> Result<Arc<Outbox>, EnterError> {
    let outbox = outbox(id);
    let actor = Actor { who: who(id, address(1)), operator: false };
    let membership = MembershipId(1);
    let visitor = Entrant { who: &|| Some(actor.clone()), outbox: &outbox, opened: None, membership };
    room.enter(visitor, Instant::now())?;
    Ok(outbox)
}

/// The settings with these rooms.
fn config(rooms: &[&str]) -> Config {
    let rooms = rooms.iter().map(|room| (name(room), RoomSettings::default())).collect();
    Config { rooms, ..Config::default() }
}

fn names(table: &RoomTable) -> Vec<String> {
    table.all().iter().map(|room| room.name().as_str().to_owned()).collect()
}

#[test]
fn a_name_in_use_makes_no_second_room_in_any_case() {
    let table = table();
    let chess = made(&table, "chess", address(1));
    let Err(CreateRoomError::Exists(known)) = make(&table, "Chess", address(2), None) else { panic!("it is there") };
    assert!(Arc::ptr_eq(&known, &chess));
    let Err(CreateRoomError::Exists(known)) = make(&table, "general", address(2), None) else { panic!("it is there") };
    assert!(known.made().is_none());
    assert!(chess.made().is_some_and(|made| made.by.as_str() == "bob" && made.address == address(1)));
}

#[test]
fn rooms_per_address_are_limited_until_one_closes() {
    let table = table();
    let first = make(&table, "a1", address(1), Some(2)).ok().expect("made");
    assert!(make(&table, "a2", address(1), Some(2)).is_ok());
    assert!(matches!(make(&table, "a3", address(1), Some(2)), Err(CreateRoomError::TooManyYours(2))));
    assert!(make(&table, "b1", address(2), Some(2)).is_ok(), "others have their own count");
    assert!(table.close_if_empty(&first, Duration::ZERO, Instant::now()));
    assert!(make(&table, "a3", address(1), Some(2)).is_ok());
}

#[test]
fn user_made_rooms_are_limited_and_configured_ones_do_not_count() {
    let table = table();
    for number in 0..MOST_MADE {
        made(&table, &format!("r{number}"), address((number % 200) as u8));
    }
    assert!(matches!(make(&table, "more", address(250), None), Err(CreateRoomError::TooManyAll)));
    assert_eq!(table.all().len(), MOST_MADE + 1);
    table.destroy(&table.find(&name("r7")).expect("it is there"), "Closed.", Instant::now());
    assert!(make(&table, "more", address(250), None).is_ok());
}

#[test]
fn an_empty_made_room_closes_and_one_with_people_or_of_the_configuration_does_not() {
    let table = table();
    let room = made(&table, "chess", address(1));
    enter(&room, 5).expect("let in");
    assert!(!table.close_if_empty(&room, Duration::ZERO, Instant::now()));
    let left = Instant::now();
    room.leave(ClientId(5), MembershipId(1), Going::Asked, left).expect("they were in it");
    let minute = Duration::from_secs(60);
    assert!(!table.close_if_empty(&room, minute, left + minute / 2), "it lingers");
    assert!(table.close_if_empty(&room, Duration::ZERO, Instant::now()));
    assert!(table.find(&name("chess")).is_none());
    assert_eq!(enter(&room, 6).err(), Some(EnterError::Closed), "a user who had found it before does not get in");
    let general = table.find(&name("general")).expect("it is there");
    assert!(!table.close_if_empty(&general, Duration::ZERO, Instant::now()));
}

#[test]
fn a_room_created_again_is_another_one_and_outlives_the_end_of_the_first() {
    let table = table();
    let first = made(&table, "chess", address(1));
    assert!(table.close_if_empty(&first, Duration::ZERO, Instant::now()));
    let second = made(&table, "chess", address(1));
    assert_ne!(first.instance(), second.instance());
    // The timer is late, or a session destroys a room it still holds.
    assert!(!table.close_if_empty(&first, Duration::ZERO, Instant::now()));
    table.destroy(&first, "Closed.", Instant::now());
    assert!(table.find(&name("chess")).is_some_and(|room| Arc::ptr_eq(&room, &second)));
    assert!(enter(&second, 5).is_ok());
}

#[test]
fn the_members_of_a_destroyed_room_are_removed_from_it() {
    let table = table();
    let room = made(&table, "chess", address(1));
    let outbox = enter(&room, 5).expect("let in");
    table.destroy(&room, "chess was closed by bob.", Instant::now());
    assert!(table.find(&name("chess")).is_none());
    assert_eq!((room.count(), outbox.take_notices().len()), (0, 1));
    assert_eq!(enter(&room, 6).err(), Some(EnterError::Closed));
}

#[test]
fn another_configuration_keeps_made_rooms_and_closes_only_its_own() {
    let table = table();
    table.apply(&config(&["general", "games"]), Instant::now());
    let (chess, general) = (made(&table, "chess", address(1)), table.find(&name("general")).expect("it is there"));
    let inside = enter(&chess, 5).expect("let in");
    let outside = enter(&general, 6).expect("let in");
    table.apply(&config(&["games", "music"]), Instant::now());
    assert_eq!(names(&table), ["chess", "games", "music"]);
    assert!(table.find(&name("chess")).is_some_and(|room| Arc::ptr_eq(&room, &chess) && room.made().is_some()));
    assert_eq!((chess.count(), inside.take_notices().len()), (1, 0));
    assert_eq!((general.count(), outside.take_notices().len()), (0, 1));
}

#[test]
fn a_configured_room_replaces_a_user_made_one_of_its_name() {
    let table = table();
    let chess = made(&table, "chess", address(1));
    let inside = enter(&chess, 5).expect("let in");
    let actor = Actor { who: who(5, address(1)), operator: false };
    chess.post(&actor, Draft::said("among us"), Timestamp::UNIX_EPOCH, Instant::now()).expect("posted");
    table.apply(&config(&["general", "chess"]), Instant::now());
    let own = table.find(&name("chess")).expect("it is there");
    assert!(!Arc::ptr_eq(&own, &chess) && own.instance() != chess.instance());
    assert!(own.made().is_none() && own.count() == 0 && own.said() == 0);
    assert_eq!((chess.count(), inside.take_notices().len()), (0, 1), "its member reads so");
    assert_eq!(enter(&chess, 6).err(), Some(EnterError::Closed));
    enter(&own, 6).expect("let in");
    // The next one leaves it and its members alone.
    table.apply(&config(&["general", "chess"]), Instant::now());
    assert!(table.find(&name("chess")).is_some_and(|room| Arc::ptr_eq(&room, &own)) && own.count() == 1);
    table.apply(&config(&["general"]), Instant::now());
    assert_eq!((names(&table), own.count()), (vec!["general".to_owned()], 0));
}

#[test]
fn messages_are_numbered_over_all_rooms_and_conversations() {
    let table = table();
    let (chess, general) = (made(&table, "chess", address(1)), table.find(&name("general")).expect("it is there"));
    let post = |room: &Arc<Room>| {
        let actor = Actor { who: who(5, address(1)), operator: false };
        room.post(&actor, Draft::said("hello"), Timestamp::UNIX_EPOCH, Instant::now()).expect("posted")
    };
    enter(&chess, 5).expect("let in");
    enter(&general, 5).expect("let in");
    assert_eq!([post(&chess), table.next_message(), post(&general)], [1, 2, 3].map(MessageId));
}

#[test]
fn only_public_rooms_are_listed_and_suggested() {
    let table = table();
    let chess = made(&table, "chess", address(1));
    assert_eq!(table.nearest_public(&name("ches")), Some(name("chess")));
    chess.set_config(RoomSettings { public: false, ..RoomSettings::default() }, Instant::now());
    assert_eq!(table.nearest_public(&name("ches")), None);
    assert_eq!(table.public().len(), 1);
    assert!(table.find(&name("chess")).is_some());
}
