//! Who may do what, tested on the room itself: nothing bypasses the table.

use super::*;
use crate::chat::secret::Secret;

/// Every kind of user of a room. The banned one, the stranger and the operator are not in it.
struct Cast {
    room: Arc<Room>,
    owner: Person,
    admin: Person,
    member: Person,
    muted: Person,
    banned: Person,
    stranger: Person,
    operator: Person,
    now: Instant,
}

impl Cast {
    fn new() -> Cast {
        let now = Instant::now();
        let [owner, admin, member, muted, banned, stranger, operator] = [1, 2, 3, 4, 5, 6, 7].map(Person::new);
        let room = made_by(&owner);
        for person in [&admin, &member, &muted, &banned] {
            person.enter(&room);
        }
        for act in [
            RoomAction::Promote(admin.named()),
            RoomAction::Mute { target: muted.named(), lasts: None },
            RoomAction::Ban { target: banned.named(), lasts: None, reason: String::new() },
        ] {
            owner.acts(&room, act, now).expect("done");
        }
        Cast { room, owner, admin, member, muted, banned, stranger, operator, now }
    }

    /// The rows of the table, from least to most.
    fn actors(&self) -> [(&'static str, Actor); 7] {
        [
            ("stranger", self.stranger.actor()),
            ("banned", self.banned.actor()),
            ("muted", self.muted.actor()),
            ("member", self.member.actor()),
            ("admin", self.admin.actor()),
            ("owner", self.owner.actor()),
            ("operator", self.operator.operator()),
        ]
    }

    /// What each of them is answered.
    fn all<R: PartialEq + std::fmt::Debug>(&self, what: &str, expected: [R; 7], ask: impl Fn(&Actor) -> R) {
        for ((name, actor), expected) in self.actors().iter().zip(expected) {
            assert_eq!(ask(actor), expected, "{what} by {name}");
        }
    }
}

fn not_in() -> Denied {
    Denied::NotIn(general())
}

fn not_admin() -> Denied {
    Denied::NotAdmin(general())
}

#[test]
fn only_unmuted_members_can_post() {
    let cast = Cast::new();
    let muted = || Err(Denied::Muted(general(), None));
    let out = || Err(not_in());
    // The table permits operators outside the room to post, but their words would look like a stranger's.
    cast.all("post", [out(), out(), muted(), Ok(()), Ok(()), Ok(()), out()], |actor| {
        let posted = cast.room.post(actor, Draft::said("hello"), Timestamp::UNIX_EPOCH, cast.now);
        posted.map(|_| ())
    });
    assert_eq!(cast.room.said(), 3);
}

#[test]
fn users_outside_the_room_cannot_read_it_in_any_way() {
    let cast = Cast::new();
    let id = MessageId(cast.owner.post(&cast.room, "secret"));
    let reads = [false, false, true, true, true, true, true];
    cast.all("history", reads, |actor| !cast.room.history(actor, 10, cast.now).is_empty());
    cast.all("quote", reads, |actor| cast.room.quote(actor, id, cast.now).is_some());
    cast.all("occupants", reads, |actor| !cast.room.occupants(actor, cast.now).is_empty());
    cast.all("settings", reads, |actor| match cast.room.settings(actor, cast.now) {
        Ok(facts) => facts.people == 4,
        Err(denied) => {
            assert_eq!(denied, not_in());
            false
        }
    });
    for outside in [&cast.stranger, &cast.banned] {
        assert!(!cast.room.open_view(outside.id(), 10, cast.now));
    }
}

#[test]
fn a_hidden_room_is_known_to_its_members_and_to_operators() {
    let cast = Cast::new();
    cast.all("facts of a public room", [true; 7], |actor| cast.room.facts(actor, cast.now).is_some());
    cast.owner.acts(&cast.room, RoomAction::Set(Setting::Public(false)), cast.now).expect("hidden");
    let knows = [false, false, true, true, true, true, true];
    cast.all("facts", knows, |actor| cast.room.facts(actor, cast.now).is_some());
    cast.all("known", knows, |actor| cast.room.is_known_to(actor, cast.now));
}

#[test]
fn nobody_edits_another_users_message() {
    let cast = Cast::new();
    let other = Person::new(20);
    other.enter(&cast.room);
    let id = MessageId(other.post(&cast.room, "mine"));
    let (gone, yours) = (|| Err(Denied::NoMessage), || Err(Denied::NotYours));
    cast.all("edit", [gone(), gone(), yours(), yours(), yours(), yours(), yours()], |actor| {
        cast.room.edit(actor, id, "changed", cast.now)
    });
    let kept = cast.room.history(&cast.owner.actor(), 1, cast.now);
    assert!(kept[0].message().is_some_and(|message| &*message.text == "mine"));
    assert_eq!(cast.room.edit(&cast.owner.actor(), MessageId(99), "changed", cast.now), Err(Denied::NoMessage));
}

#[test]
fn a_muted_user_cannot_edit_but_can_delete_their_own_messages() {
    let cast = Cast::new();
    let id = MessageId(cast.member.post(&cast.room, "mine"));
    let lasts = Some(Duration::from_secs(90));
    cast.admin.acts(&cast.room, RoomAction::Mute { target: cast.member.named(), lasts }, cast.now).expect("muted");
    let later = cast.now + Duration::from_secs(30);
    let muted = Denied::Muted(general(), Some(Duration::from_secs(60)));
    assert_eq!(cast.room.edit(&cast.member.actor(), id, "changed", later), Err(muted.clone()));
    assert_eq!(cast.member.posts(&cast.room, Draft::said("more"), later), Err(muted));
    assert!(cast.room.delete(&cast.member.actor(), id, later).is_ok());
    // A mute ends by itself.
    let over = cast.now + Duration::from_secs(90);
    assert!(cast.member.posts(&cast.room, Draft::said("more"), over).is_ok());
}

#[test]
fn only_admins_delete_others_messages() {
    let cast = Cast::new();
    let other = Person::new(20);
    other.enter(&cast.room);
    let (gone, yours) = (|| Err(Denied::NoMessage), || Err(Denied::NotYours));
    let done = || Ok(());
    cast.all("delete", [gone(), gone(), yours(), yours(), done(), done(), done()], |actor| {
        let id = MessageId(other.post(&cast.room, "text"));
        cast.room.delete(actor, id, cast.now).map(|erased| assert_eq!(erased.id, id))
    });
    let id = MessageId(cast.member.post(&cast.room, "mine"));
    assert!(cast.room.delete(&cast.member.actor(), id, cast.now).is_ok());
    assert_eq!(cast.room.delete(&cast.member.actor(), id, cast.now), Err(Denied::NoMessage), "it is gone");
}

#[test]
fn a_removed_user_cannot_change_their_own_messages() {
    let cast = Cast::new();
    let id = MessageId(cast.member.post(&cast.room, "mine"));
    cast.admin
        .acts(&cast.room, RoomAction::Kick { target: cast.member.named(), reason: String::new() }, cast.now)
        .expect("out");
    let actor = cast.member.actor();
    assert_eq!(cast.room.edit(&actor, id, "changed", cast.now), Err(Denied::NoMessage));
    assert_eq!(cast.room.delete(&actor, id, cast.now), Err(Denied::NoMessage));
    assert_eq!(cast.room.quote(&actor, id, cast.now), None);
    assert_eq!(cast.member.posts(&cast.room, Draft::said("hello"), cast.now), Err(not_in()));
}

/// Every action there is, against one user.
fn every_act(target: &Target) -> Vec<RoomAction> {
    let (target, reason) = (|| target.clone(), String::new);
    vec![
        RoomAction::Kick { target: target(), reason: reason() },
        RoomAction::Ban { target: target(), lasts: None, reason: reason() },
        RoomAction::Unban(target()),
        RoomAction::Mute { target: target(), lasts: None },
        RoomAction::Unmute(target()),
        RoomAction::Promote(target()),
        RoomAction::Demote(target()),
        RoomAction::Set(Setting::Description("text".to_owned())),
        RoomAction::Set(Setting::Limit(Some(9))),
        RoomAction::Set(Setting::Password(Secret::new("word"))),
        RoomAction::Set(Setting::Public(false)),
        RoomAction::Set(Setting::Invite(true)),
        RoomAction::Set(Setting::Slow(Duration::from_secs(9))),
        RoomAction::Destroy,
    ]
}

#[test]
fn only_admins_can_take_any_action() {
    let cast = Cast::new();
    let target = Person::new(20);
    target.enter(&cast.room);
    let before = cast.room.config();
    for act in every_act(&target.named()) {
        for outside in [&cast.stranger, &cast.banned] {
            assert_eq!(outside.acts(&cast.room, act.clone(), cast.now), Err(not_in()), "{act:?}");
        }
        for inside in [&cast.muted, &cast.member] {
            assert_eq!(inside.acts(&cast.room, act.clone(), cast.now), Err(not_admin()), "{act:?}");
        }
    }
    assert_eq!(cast.room.config(), before);
    assert_eq!(cast.room.count(), 5);
    assert_eq!(role(&cast.room, &target, cast.now), Some(Role::Member));
    let out = || Err(not_in());
    let no = || Err(not_admin());
    cast.all("bans", [out(), out(), no(), no(), Ok(false), Ok(false), Ok(true)], |actor| {
        cast.room.bans(actor, cast.now).map(|list| {
            assert_eq!(list.bans.len(), 1);
            list.shows_addresses
        })
    });
}

#[test]
fn admins_act_against_members_but_not_each_other_or_themselves() {
    let cast = Cast::new();
    let (second, now) = (Person::new(20), cast.now);
    second.enter(&cast.room);
    cast.admin.acts(&cast.room, RoomAction::Promote(second.named()), now).expect("an admin makes another");
    let acts = |target: Target| {
        [
            ("kick", RoomAction::Kick { target: target.clone(), reason: String::new() }),
            ("ban", RoomAction::Ban { target: target.clone(), lasts: None, reason: String::new() }),
            ("mute", RoomAction::Mute { target: target.clone(), lasts: None }),
            ("demote", RoomAction::Demote(target)),
        ]
    };
    for (target, role) in [(&second, Role::Admin), (&cast.owner, Role::Owner)] {
        for (verb, act) in acts(target.named()) {
            let above = Denied::Above { name: target.who.name.clone(), role, verb };
            assert_eq!(cast.admin.acts(&cast.room, act, now), Err(above));
        }
    }
    for (verb, act) in acts(cast.owner.named()) {
        assert_eq!(cast.owner.acts(&cast.room, act, now), Err(Denied::Yourself(verb)));
    }
    for (verb, act) in acts(cast.admin.named()).into_iter().take(3) {
        assert_eq!(cast.admin.acts(&cast.room, act, now), Err(Denied::Yourself(verb)));
    }
    let not_one = Denied::AsItIs("p3 is not an admin.".to_owned());
    for by in [&cast.admin, &cast.owner] {
        assert_eq!(by.acts(&cast.room, RoomAction::Demote(cast.member.named()), now), Err(not_one.clone()));
    }
    let again = Denied::AsItIs("p20 is already an admin.".to_owned());
    assert_eq!(cast.owner.acts(&cast.room, RoomAction::Promote(second.named()), now), Err(again));
    assert_eq!(cast.admin.acts(&cast.room, RoomAction::Destroy, now), Err(Denied::NotOwner(general())));
    // Anything is possible against a lesser role; an admin can step down; the owner can demote admins.
    assert!(cast.admin.acts(&cast.room, RoomAction::Demote(cast.admin.named()), now).is_ok());
    assert_eq!(role(&cast.room, &cast.admin, now), Some(Role::Member));
    assert!(cast.owner.acts(&cast.room, RoomAction::Demote(second.named()), now).is_ok());
    assert_eq!(role(&cast.room, &second, now), Some(Role::Member));
    assert!(cast.owner.acts(&cast.room, RoomAction::Destroy, now).is_ok());
}

#[test]
fn an_operator_acts_against_everyone_from_outside_and_nobody_against_them() {
    let cast = Cast::new();
    let (room, operator, now) = (&cast.room, cast.operator.operator(), cast.now);
    let act = |act| room.act(&operator, act, None, false, now);
    assert!(act(RoomAction::Mute { target: cast.admin.named(), lasts: None }).is_ok());
    assert!(act(RoomAction::Kick { target: cast.owner.named(), reason: String::new() }).is_ok());
    cast.operator.comes(room, operator.clone(), None, now).expect("in");
    let owner = Person::new(20);
    owner.enter(room);
    act(RoomAction::Promote(owner.named())).expect("promoted");
    let kick = RoomAction::Kick { target: cast.operator.named(), reason: String::new() };
    let above = Denied::Above { name: cast.operator.who.name.clone(), role: Role::Operator, verb: "kick" };
    assert_eq!(owner.acts(room, kick, now), Err(above));
}

#[test]
fn the_refusal_names_a_user_who_is_not_there() {
    let cast = Cast::new();
    let target = cast.stranger.named();
    let not_here = || Denied::NotHere { target: target.clone(), room: general() };
    for act in every_act(&target) {
        match act {
            RoomAction::Kick { .. } | RoomAction::Mute { .. } | RoomAction::Promote(_) | RoomAction::Demote(_) => {
                assert_eq!(cast.owner.acts(&cast.room, act.clone(), cast.now), Err(not_here()), "{act:?}");
            }
            RoomAction::Unban(_) | RoomAction::Unmute(_) => {
                let denied = cast.owner.acts(&cast.room, act.clone(), cast.now);
                assert!(matches!(denied, Err(Denied::AsItIs(_))), "{act:?}: {denied:?}");
            }
            _ => {}
        }
    }
    // The session id must match.
    let wrong = Target { client: Some(ClientId(99)), ..cast.member.named() };
    let denied = cast.owner.acts(&cast.room, RoomAction::Mute { target: wrong.clone(), lasts: None }, cast.now);
    assert_eq!(denied, Err(Denied::NotHere { target: wrong, room: general() }));
    let right = Target { client: Some(cast.member.id()), ..cast.member.named() };
    assert!(cast.owner.acts(&cast.room, RoomAction::Mute { target: right, lasts: None }, cast.now).is_ok());
}

#[test]
fn members_invite_into_an_open_room_and_only_admins_into_any_other() {
    let cast = Cast::new();
    let (room, now) = (&cast.room, cast.now);
    // An invited user cannot be invited again.
    let next = std::cell::Cell::new(20);
    let invites = |actor: &Actor| {
        next.set(next.get() + 1);
        room.invite(actor, &Person::new(next.get()).who, now).map(|_| ())
    };
    let out = || Err(not_in());
    let silenced = || Err(Denied::AsItIs("You are muted in general, so you cannot invite anybody.".to_owned()));
    cast.all("invite", [out(), out(), silenced(), Ok(()), Ok(()), Ok(()), Ok(())], invites);
    cast.owner.acts(room, RoomAction::Set(Setting::Invite(true)), now).expect("closed");
    let shut = || Err(Denied::NotOpen(general()));
    cast.all("invite", [out(), out(), silenced(), shut(), Ok(()), Ok(()), Ok(())], invites);
    let admin = cast.admin.actor();
    assert_eq!(room.invite(&admin, &cast.admin.who, now), Err(Denied::Yourself("invite")));
    for (guest, sentence) in [
        (&cast.member, "p3 is in general already."),
        (&cast.banned, "p5 is banned from general: :unban p5 lets them in again."),
    ] {
        assert_eq!(room.invite(&admin, &guest.who, now), Err(Denied::AsItIs(sentence.to_owned())));
    }
}

#[test]
fn a_closed_room_accepts_no_action_not_even_an_operators() {
    let cast = Cast::new();
    cast.room.close("The room general is closed.", Instant::now());
    for act in every_act(&cast.member.named()) {
        let denied = cast.room.act(&cast.operator.operator(), act.clone(), None, false, cast.now);
        assert_eq!(denied, Err(not_in()), "{act:?}");
    }
    assert_eq!(cast.room.invite(&cast.operator.operator(), &cast.stranger.who, cast.now), Err(not_in()));
}
