//! Moderation: what each action does, and who sees it.

use super::*;
use crate::chat::moderation::KICK_LASTS;
use crate::chat::secret::Secret;

/// A room, its owner, a member who is viewing it, and one who is not.
struct Scene {
    room: Arc<Room>,
    owner: Person,
    watcher: Person,
    background: Person,
    now: Instant,
}

impl Scene {
    fn new() -> Scene {
        let [owner, background] = [1, 3].map(Person::new);
        let room = made_by(&owner);
        owner.open_view(&room, 0);
        let watcher = Person::viewer(2, &room);
        background.enter(&room);
        room.deliver_pending();
        Scene { room, owner, watcher, background, now: Instant::now() }
    }

    fn act(&self, act: RoomAction) -> Result<ActionOutcome, Denied> {
        let acted = self.owner.acts(&self.room, act, self.now);
        self.room.deliver_pending();
        acted
    }

    /// The viewer sees the news; the author and the member who is not viewing do not.
    fn told(self, news: &str) {
        let line = format!("* {news}\r\n");
        let screen = self.watcher.screen();
        assert_eq!(screen.matches(&line).count(), 1, "{line:?} in {screen:?}");
        for other in [self.owner, self.background] {
            let screen = other.screen();
            assert!(!screen.contains(&line), "{line:?} in {screen:?}");
        }
    }
}

fn said(news: &str) -> Result<ActionOutcome, Denied> {
    Ok(ActionOutcome { news: news.to_owned(), remark: None, empty: false, heir_awaited: false })
}

#[test]
fn a_kicked_user_reads_why_and_the_others_see_it() {
    let scene = Scene::new();
    let target = Person::viewer(4, &scene.room);
    let kick = RoomAction::Kick { target: target.named(), reason: "spam".to_owned() };
    assert_eq!(scene.act(kick), said("p4 was kicked by p1 (spam)"));
    assert_eq!(target.outbox.take_notices(), [lost()]);
    let screen = target.screen();
    assert!(screen.contains("* You were kicked from general by p1 (spam). You may come back in "), "{screen:?}");
    assert!(!screen.contains("* p4 was kicked"), "{screen:?}");
    assert!(screen.ends_with("> "), "{screen:?}");
    scene.told("p4 was kicked by p1 (spam)");
}

#[test]
fn a_user_kicked_while_not_viewing_is_told() {
    let scene = Scene::new();
    let target = Person::new(4);
    target.enter(&scene.room);
    scene.act(RoomAction::Kick { target: target.named(), reason: String::new() }).expect("kicked");
    assert_eq!(target.outbox.take_notices(), [lost()]);
    let screen = target.screen();
    assert_eq!(screen.matches("You were kicked from general by p1").count(), 1, "{screen:?}");
    scene.told("p4 was kicked by p1");
}

#[test]
fn a_kicked_user_cannot_return_for_a_minute_even_under_another_name() {
    let scene = Scene::new();
    let (target, now) = (Person::new(4), scene.now);
    target.enter(&scene.room);
    scene.act(RoomAction::Kick { target: target.named(), reason: String::new() }).expect("kicked");
    let later = now + KICK_LASTS / 3;
    let again = Err(EnterError::Kicked(KICK_LASTS - KICK_LASTS / 3));
    assert_eq!(target.visits(&scene.room, later), again);
    // The same connection under another name, and the same name on another connection from that address.
    let renamed = Identity { name: UserName::parse("other", 1, 12).expect("a name"), ..target.who.clone() };
    let actor = Actor { who: renamed, operator: false };
    assert_eq!(target.comes(&scene.room, actor, Some(scene.room.door().1), later), again);
    assert_eq!(Person::known_as(9, "p4", Ipv4Addr::new(10, 0, 0, 4)).visits(&scene.room, later), again);
    // Neighbours of the address are not affected.
    assert!(Person::known_as(10, "neighbour", Ipv4Addr::new(10, 0, 0, 4)).visits(&scene.room, later).is_ok());
    assert!(target.visits(&scene.room, now + KICK_LASTS).is_ok());
}

#[test]
fn a_kicked_users_invitation_works_again_after_a_minute() {
    let scene = Scene::new();
    let (target, now) = (Person::new(4), scene.now);
    scene.act(RoomAction::Set(Setting::Invite(true))).expect("closed");
    scene.room.invite(&scene.owner.actor(), &target.who, now).expect("invited");
    let visits = |at| target.visits(&scene.room, at).map(|_| ());
    assert_eq!(visits(now), Ok(()));
    scene.act(RoomAction::Kick { target: target.named(), reason: String::new() }).expect("kicked");
    assert_eq!(visits(now), Err(EnterError::Kicked(KICK_LASTS)));
    assert_eq!(visits(now + KICK_LASTS), Ok(()));
    let ban = RoomAction::Ban { target: target.named(), lasts: None, reason: String::new() };
    scene.act(ban).expect("banned");
    scene.act(RoomAction::Unban(target.named())).expect("lifted");
    assert_eq!(visits(now + KICK_LASTS * 2), Err(EnterError::NotAdmitted));
}

#[test]
fn an_admins_invitation_brings_a_kicked_user_back() {
    let scene = Scene::new();
    let target = Person::new(4);
    target.enter(&scene.room);
    scene.act(RoomAction::Kick { target: target.named(), reason: String::new() }).expect("kicked");
    assert!(target.visits(&scene.room, scene.now).is_err());
    scene.room.invite(&scene.owner.actor(), &target.who, scene.now).expect("invited");
    assert!(target.visits(&scene.room, scene.now).is_ok());
}

#[test]
fn a_ban_applies_to_name_and_address_and_says_why() {
    let scene = Scene::new();
    let (room, now, target) = (&scene.room, scene.now, Person::viewer(4, &scene.room));
    let lasts = Some(Duration::from_secs(3600));
    let ban = RoomAction::Ban { target: target.named(), lasts, reason: "spam".to_owned() };
    let acted = scene.act(ban).expect("banned");
    assert!(acted.news.starts_with("p4 was banned by p1 for ") && acted.news.ends_with(" (spam)"), "{acted:?}");
    assert_eq!(room.count(), 3);
    let later = now + Duration::from_secs(600);
    let banned = Err(EnterError::Banned(Some(Duration::from_secs(3000)), "spam".to_owned()));
    assert_eq!(target.visits(room, later), banned);
    assert_eq!(Person::known_as(8, "P4", Ipv4Addr::new(10, 9, 9, 9)).visits(room, later), banned, "by name");
    assert_eq!(Person::known_as(9, "other", Ipv4Addr::new(10, 0, 0, 4)).visits(room, later), banned, "by address");
    // A password or an earlier invitation does not help.
    assert_eq!(target.comes(room, target.actor(), Some(room.door().1), later), banned);
    assert!(target.visits(room, now + Duration::from_secs(3600)).is_ok(), "the ban has run out");
    let screen = target.screen();
    assert!(screen.contains("* You were banned from general by p1 for "), "{screen:?}");
    scene.told(&acted.news);
}

#[test]
fn a_ban_of_a_user_on_the_servers_own_machine_never_bans_the_machine() {
    let scene = Scene::new();
    let loopback = Ipv4Addr::LOCALHOST;
    let (target, neighbour) = (Person::known_as(4, "bad", loopback), Person::known_as(5, "good", loopback));
    target.enter(&scene.room);
    let ban = RoomAction::Ban { target: target.named(), lasts: None, reason: String::new() };
    scene.room.act(&scene.owner.actor(), ban, Some(target.actor()), true, scene.now).expect("banned");
    let BanList { bans, .. } = scene.room.bans(&scene.owner.actor(), scene.now).expect("an admin sees them");
    assert_eq!((bans.len(), bans[0].address), (1, None));
    assert_eq!(target.visits(&scene.room, scene.now), Err(EnterError::Banned(None, String::new())));
    assert!(neighbour.visits(&scene.room, scene.now).is_ok());
}

#[test]
fn a_user_who_is_not_in_the_room_is_banned_by_name_and_if_online_by_address() {
    let scene = Scene::new();
    let (online, offline) = (Person::new(4), Person::new(5));
    let ban = |target| RoomAction::Ban { target, lasts: None, reason: String::new() };
    let (owner, now) = (scene.owner.actor(), scene.now);
    let acted = scene.room.act(&owner, ban(online.named()), Some(online.actor()), false, now);
    assert_eq!(acted, said("p4 was banned by p1"));
    let told = scene.act(ban(offline.named())).expect("banned").remark;
    assert_eq!(told.as_deref(), Some("p5 is not online: the ban is by name alone."), "it may be mistyped");
    for (number, address, kept_out) in [(8, Ipv4Addr::new(10, 0, 0, 4), true), (9, Ipv4Addr::new(10, 0, 0, 5), false)] {
        let other = Person::known_as(number, "other", address);
        assert_eq!(other.visits(&scene.room, now).is_err(), kept_out, "{address}");
        scene.room.leave(other.id(), STAY, Going::Asked, now);
    }
    assert!(offline.visits(&scene.room, now).is_err());
    // Operators cannot be banned.
    let operator = Person::new(6);
    let denied = scene.room.act(&owner, ban(operator.named()), Some(operator.operator()), false, now);
    assert!(matches!(denied, Err(Denied::Above { role: Role::Operator, verb: "ban", .. })), "{denied:?}");
    assert_eq!(scene.act(RoomAction::Unban(online.named())), said("p4 was unbanned by p1"));
    assert!(online.visits(&scene.room, now).is_ok());
    scene.told("p4 was unbanned by p1");
}

#[test]
fn an_admin_who_is_waited_for_cannot_be_banned_by_name() {
    let scene = Scene::new();
    scene.act(RoomAction::Promote(scene.background.named())).expect("promoted");
    scene.room.leave(scene.owner.id(), STAY, Going::Lost, scene.now).expect("lost");
    let ban = RoomAction::Ban { target: scene.owner.named(), lasts: None, reason: String::new() };
    let denied = scene.background.acts(&scene.room, ban, scene.now);
    let name = scene.owner.who.name.clone();
    assert_eq!(denied, Err(Denied::Above { name, role: Role::Owner, verb: "ban" }));
}

#[test]
fn the_list_of_bans_is_bounded() {
    let scene = Scene::new();
    let ban = |n: usize| {
        let target = Target::parse(&format!("bad{n}")).expect("a name");
        scene.owner.acts(&scene.room, RoomAction::Ban { target, lasts: None, reason: String::new() }, scene.now)
    };
    for n in 0..crate::chat::moderation::MOST_ENTRIES {
        ban(n).expect("banned");
    }
    assert_eq!(ban(9999), Err(Denied::ListFull));
    assert!(ban(7).is_ok(), "one who is on it may be banned again");
}

#[test]
fn mute_and_unmute_are_shown_in_the_view_or_as_a_notice() {
    let scene = Scene::new();
    let (looks, away) = (Person::viewer(4, &scene.room), Person::new(5));
    away.enter(&scene.room);
    for target in [&looks, &away] {
        scene.act(RoomAction::Mute { target: target.named(), lasts: None }).expect("muted");
        assert_eq!(role(&scene.room, target, scene.now), Some(Role::Muted));
        assert_eq!(target.posts(&scene.room, Draft::said("hello"), scene.now), Err(Denied::Muted(general(), None)));
        scene.act(RoomAction::Unmute(target.named())).expect("unmuted");
        assert!(target.posts(&scene.room, Draft::said("hello"), scene.now).is_ok());
        let again = Denied::AsItIs(format!("{} is not muted.", target.who.name));
        assert_eq!(scene.act(RoomAction::Unmute(target.named())), Err(again));
    }
    let screen = looks.screen();
    assert!(screen.contains("* p4 was muted by p1\r\n") && screen.contains("* p4 was unmuted by p1\r\n"), "{screen:?}");
    assert!(!screen.contains("You were muted"), "{screen:?}");
    let screen = away.screen();
    assert!(screen.contains("* You were muted in general by p1: you can read, but not write.\r\n"), "{screen:?}");
    assert!(screen.contains("* You may write in general again.\r\n"), "{screen:?}");
    assert!(!screen.contains("was muted by"), "{screen:?}");
    scene.told("p5 was unmuted by p1");
}

#[test]
fn a_user_who_leaves_while_muted_is_muted_on_coming_back() {
    let scene = Scene::new();
    let target = Person::new(4);
    target.enter(&scene.room);
    scene.act(RoomAction::Mute { target: target.named(), lasts: None }).expect("muted");
    scene.room.leave(target.id(), STAY, Going::Asked, scene.now).expect("left");
    let back = Person::known_as(9, "p4", Ipv4Addr::new(10, 0, 0, 4));
    back.enter(&scene.room);
    assert_eq!(role(&scene.room, &back, scene.now), Some(Role::Muted));
}

#[test]
fn op_and_deop_are_shown_in_the_view_or_as_a_notice() {
    let scene = Scene::new();
    let (looks, away) = (Person::viewer(4, &scene.room), Person::new(5));
    away.enter(&scene.room);
    // Becoming an admin ends the mute.
    scene.act(RoomAction::Mute { target: away.named(), lasts: None }).expect("muted");
    for target in [&looks, &away] {
        scene.act(RoomAction::Promote(target.named())).expect("promoted");
        assert_eq!(role(&scene.room, target, scene.now), Some(Role::Admin));
        assert!(scene.room.keeps_order(&target.actor(), scene.now));
        scene.act(RoomAction::Demote(target.named())).expect("demoted");
        assert_eq!(role(&scene.room, target, scene.now), Some(Role::Member));
        assert!(!scene.room.keeps_order(&target.actor(), scene.now));
    }
    let screen = looks.screen();
    assert!(screen.contains("* p1 made p4 admin\r\n"), "{screen:?}");
    assert!(screen.contains("* p1 made p4 an ordinary member\r\n"), "{screen:?}");
    assert!(!screen.contains("made you"), "{screen:?}");
    let screen = away.screen();
    assert!(screen.contains("* p1 made you admin of general.\r\n"), "{screen:?}");
    assert!(screen.contains("* p1 made you an ordinary member of general.\r\n"), "{screen:?}");
    scene.told("p1 made p5 an ordinary member");
}

#[test]
fn an_invitation_is_announced_and_opens_a_closed_room_for_a_day() {
    let scene = Scene::new();
    scene.act(RoomAction::Set(Setting::Invite(true))).expect("closed");
    let (guest, other) = (Person::new(4), Person::new(5));
    assert_eq!(guest.visits(&scene.room, scene.now), Err(EnterError::NotAdmitted));
    let invited = scene.room.invite(&scene.owner.actor(), &guest.who, scene.now);
    assert_eq!(invited.as_deref(), Ok("p4 was invited by p1"));
    scene.room.deliver_pending();
    assert!(scene.room.expects(&guest.who, scene.now) && !scene.room.expects(&other.who, scene.now));
    let day = crate::chat::moderation::INVITATION_LASTS;
    assert!(!scene.room.expects(&guest.who, scene.now + day));
    assert_eq!(other.visits(&scene.room, scene.now), Err(EnterError::NotAdmitted));
    assert!(guest.visits(&scene.room, scene.now + day / 2).is_ok());
    scene.told("p4 was invited by p1");
}

#[test]
fn every_setting_is_announced_and_applies() {
    let scene = Scene::new();
    let set = |setting| scene.act(RoomAction::Set(setting)).map(|acted| acted.news);
    let wait = Duration::from_secs(10);
    for (setting, news) in [
        (Setting::Description("About chess".to_owned()), "p1 set the description: About chess"),
        (Setting::Description(String::new()), "p1 removed the description"),
        (Setting::Limit(Some(5)), "p1 set the limit to 5"),
        (Setting::Limit(None), "p1 removed the limit"),
        (Setting::Password(Secret::new("hunter2")), "p1 set a password"),
        (Setting::Public(false), "p1 hid the room"),
        (Setting::Password(None), "p1 removed the password; the room is now invite-only"),
        (Setting::Public(true), "p1 made the room public"),
        (Setting::Invite(false), "p1 opened the room to everybody"),
        (Setting::Public(false), "p1 hid the room; it is now invite-only"),
        (Setting::Public(true), "p1 made the room public"),
        (Setting::Password(Secret::new("hunter2")), "p1 set a password"),
        (Setting::Password(None), "p1 removed the password"),
        (Setting::Invite(true), "p1 made the room invite-only"),
        (Setting::Password(Secret::new("hunter2")), "p1 set a password"),
        (Setting::Invite(true), "p1 removed the password; the room is now invite-only"),
        (Setting::Slow(wait), "p1 turned on slow mode: 10 seconds between messages"),
        (Setting::Slow(Duration::ZERO), "p1 turned off slow mode"),
    ] {
        assert_eq!(set(setting.clone()).as_deref(), Ok(news), "{setting:?}");
    }
    assert_eq!(scene.room.config(), RoomSettings { entry: RoomAccess::Closed, ..RoomSettings::default() });
    set(Setting::Public(false)).expect("hidden");
    assert!(matches!(set(Setting::Invite(false)), Err(Denied::AsItIs(_))), "a hidden room has some door");
    set(Setting::Password(Secret::new("hunter2"))).expect("set");
    assert!(matches!(set(Setting::Invite(false)), Err(Denied::AsItIs(_))), "it asks for none");
    set(Setting::Slow(wait)).expect("slow");
    let facts = scene.room.settings(&scene.owner.actor(), scene.now).expect("a member");
    assert_eq!((facts.slow, facts.people), (wait, 3));
    assert!(facts.config.entry != RoomAccess::Closed && !facts.config.public);
    let watcher = scene.watcher.screen();
    assert!(watcher.contains("* p1 set a password\r\n") && !watcher.contains("hunter2"), "{watcher:?}");
}

#[test]
fn a_limit_below_the_number_of_members_removes_nobody() {
    let scene = Scene::new();
    scene.act(RoomAction::Set(Setting::Limit(Some(1)))).expect("set");
    assert_eq!(scene.room.count(), 3);
    assert_eq!(Person::new(9).visits(&scene.room, scene.now), Err(EnterError::Full(1)));
}

#[test]
fn only_user_made_rooms_can_be_destroyed() {
    let scene = Scene::new();
    assert_eq!(scene.act(RoomAction::Destroy), said("general was closed by p1"));
    let own = room(1000);
    let operator = Person::new(7).operator();
    assert_eq!(own.act(&operator, RoomAction::Destroy, None, false, scene.now), Err(Denied::Configured(general())));
}

#[test]
fn removing_the_last_member_leaves_the_room_empty() {
    let owner = Person::new(1);
    let room = made_by(&owner);
    let kick = RoomAction::Kick { target: owner.named(), reason: String::new() };
    let acted = room.act(&Person::new(7).operator(), kick, None, false, Instant::now()).expect("out");
    assert!(acted.empty);
}

#[test]
fn a_new_name_is_announced_and_keeps_rank_and_mute() {
    let scene = Scene::new();
    let target = Person::viewer(4, &scene.room);
    scene.act(RoomAction::Mute { target: target.named(), lasts: None }).expect("muted");
    let renamed = Identity { name: UserName::parse("other", 1, 12).expect("a name"), ..target.who.clone() };
    let actor = Actor { who: renamed, operator: false };
    scene.room.rename(target.id(), &target.who.name, || actor.clone(), Instant::now());
    scene.room.deliver_pending();
    let occupants = scene.room.occupants(&actor, scene.now);
    let known = occupants.iter().find(|known| known.client == target.id()).expect("a member");
    assert_eq!((known.name.as_str(), known.role), ("other", Role::Muted));
    assert!(!target.screen().contains("is now known as other"), "they read it elsewhere");
    let screen = scene.watcher.screen();
    assert!(screen.contains("* p4 is now known as other\r\n"), "{screen:?}");
}
