//! Who inherits a room that its last admin has left.

use super::*;
use crate::chat::moderation::GRACE;

const SECOND: Duration = Duration::from_secs(1);

/// A room, its owner, and two who came later, in this order.
fn three(now: Instant) -> (Arc<Room>, [Person; 3]) {
    let people = [1, 2, 3].map(Person::new);
    let room = made_by(&people[0]);
    // The one with the higher number came first; only the time counts.
    people[2].visits(&room, now + SECOND).expect("let in");
    people[1].visits(&room, now + 2 * SECOND).expect("let in");
    (room, people)
}

#[test]
fn the_longest_standing_member_inherits_at_once_when_the_owner_leaves() {
    let now = Instant::now();
    let (room, [owner, later, earlier]) = three(now);
    later.open_view(&room, 0);
    let change = room.leave(owner.id(), STAY, Going::Asked, now + 3 * SECOND).expect("a member");
    assert_eq!(change, calm(2));
    assert_eq!(role(&room, &earlier, now), Some(Role::Owner));
    assert_eq!(role(&room, &later, now), Some(Role::Member));
    room.deliver_pending();
    // One views the room, the other does not. Both are told, each once.
    let screen = later.screen();
    assert!(screen.contains("* p1 left\r\n* p3 is now admin of general\r\n"), "{screen:?}");
    let screen = earlier.screen();
    assert_eq!(screen.matches("admin of general").count(), 1, "{screen:?}");
    assert!(screen.contains("* You are now admin of general.\r\n"), "{screen:?}");
}

#[test]
fn an_owner_with_a_lost_connection_has_time_before_someone_inherits() {
    let now = Instant::now();
    let (room, [owner, later, earlier]) = three(now);
    let lost = now + 3 * SECOND;
    let change = room.leave(owner.id(), STAY, Going::Lost, lost).expect("a member");
    assert_eq!(change, MembershipChange { heir_awaited: true, ..calm(2) });
    room.name_heir(lost + GRACE - SECOND);
    assert_eq!(role(&room, &earlier, lost), Some(Role::Member), "not yet");
    room.name_heir(lost + GRACE);
    assert_eq!(role(&room, &earlier, lost + GRACE), Some(Role::Owner));
    assert_eq!(role(&room, &later, lost + GRACE), Some(Role::Member));
    // Too late.
    let back = Person::known_as(9, "p1", Ipv4Addr::new(10, 0, 0, 1));
    back.visits(&room, lost + GRACE + SECOND).expect("let in");
    assert_eq!(role(&room, &back, lost + GRACE + SECOND), Some(Role::Member));
}

#[test]
fn an_owner_who_returns_in_time_is_still_owner_even_of_a_closed_room() {
    let now = Instant::now();
    let (room, [owner, _later, earlier]) = three(now);
    owner.acts(&room, RoomAction::Set(Setting::Invite(true)), now).expect("closed");
    room.leave(owner.id(), STAY, Going::Lost, now).expect("a member");
    let in_time = now + GRACE / 2;
    let impostor = Person::known_as(8, "p1", Ipv4Addr::new(10, 9, 9, 9));
    assert_eq!(impostor.visits(&room, in_time), Err(EnterError::NotAdmitted));
    let back = Person::known_as(9, "P1", Ipv4Addr::new(10, 0, 0, 1));
    assert!(room.expects(&back.who, in_time) && !room.expects(&impostor.who, in_time));
    back.visits(&room, in_time).expect("let in");
    room.name_heir(now + GRACE);
    assert_eq!(role(&room, &back, now + 9 * GRACE), Some(Role::Owner));
    assert_eq!(role(&room, &earlier, now + 9 * GRACE), Some(Role::Member));
}

#[test]
fn an_owner_who_returns_before_the_old_connection_ends_is_still_owner() {
    let now = Instant::now();
    let (room, [owner, _later, earlier]) = three(now);
    let back = Person::known_as(9, "p1", Ipv4Addr::new(10, 0, 0, 1));
    back.visits(&room, now).expect("let in");
    for going in [Going::Lost, Going::Asked] {
        let change = room.leave(owner.id(), STAY, going, now);
        assert!(change.is_none_or(|change| !change.heir_awaited));
        room.name_heir(now + GRACE);
        assert_eq!(role(&room, &back, now + GRACE), Some(Role::Owner));
        assert_eq!(role(&room, &earlier, now + GRACE), Some(Role::Member));
    }
}

#[test]
fn while_another_admin_is_there_nobody_inherits() {
    let now = Instant::now();
    let (room, [owner, later, earlier]) = three(now);
    owner.acts(&room, RoomAction::Promote(later.named()), now).expect("promoted");
    assert_eq!(room.leave(owner.id(), STAY, Going::Asked, now), Some(calm(2)));
    assert_eq!((role(&room, &later, now), role(&room, &earlier, now)), (Some(Role::Admin), Some(Role::Member)));
    // When an operator removes the last admin, another member inherits.
    let kick = RoomAction::Kick { target: later.named(), reason: String::new() };
    room.act(&Person::new(7).operator(), kick, None, false, now).expect("out");
    assert_eq!(role(&room, &earlier, now), Some(Role::Owner));
}

#[test]
fn when_the_last_admin_steps_down_the_longest_standing_member_inherits() {
    let now = Instant::now();
    let (room, [owner, later, earlier]) = three(now);
    owner.acts(&room, RoomAction::Promote(later.named()), now).expect("promoted");
    room.leave(owner.id(), STAY, Going::Asked, now).expect("a member");
    later.acts(&room, RoomAction::Demote(later.named()), now).expect("demoted");
    assert_eq!((role(&room, &later, now), role(&room, &earlier, now)), (Some(Role::Member), Some(Role::Owner)));
}

#[test]
fn a_muted_member_who_inherits_may_speak() {
    let now = Instant::now();
    let (room, [owner, _later, earlier]) = three(now);
    owner.acts(&room, RoomAction::Mute { target: earlier.named(), lasts: None }, now).expect("muted");
    room.leave(owner.id(), STAY, Going::Asked, now).expect("a member");
    assert_eq!(role(&room, &earlier, now), Some(Role::Owner));
    assert!(earlier.posts(&room, Draft::said("hello"), now).is_ok());
}

#[test]
fn a_configured_room_has_no_heirs_and_is_never_reported_empty() {
    let now = Instant::now();
    let room = room(10_000);
    let (admin, member) = (Person::new(1), Person::new(2));
    admin.enter(&room);
    member.enter(&room);
    room.act(&Person::new(7).operator(), RoomAction::Promote(admin.named()), None, false, now).expect("promoted");
    assert_eq!(room.leave(admin.id(), STAY, Going::Asked, now), Some(calm(1)));
    assert_eq!(role(&room, &member, now), Some(Role::Member));
    assert_eq!(room.leave(member.id(), STAY, Going::Asked, now), Some(calm(0)));
}

#[test]
fn the_last_member_to_leave_a_created_room_leaves_it_empty() {
    let now = Instant::now();
    let owner = Person::new(1);
    let room = made_by(&owner);
    assert_eq!(room.leave(owner.id(), STAY, Going::Asked, now), Some(MembershipChange { empty: true, ..calm(0) }));
    // The next member is at home there.
    let next = Person::new(2);
    next.enter(&room);
    room.name_heir(now);
    assert_eq!(role(&room, &next, now), Some(Role::Owner));
}
