//! Random steps that mostly make sense in the present state, with a few that do not.

use super::chat::{Chat, Person, Place};
use super::room::{Door, Room, Who};
use super::step::{Act, Misuse, Setting, Step};
use crate::support::random::Random;

const NAMES: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"];
const ROOMS: [&str; 3] = ["den", "attic", "lounge"];
const TEXTS: [&str; 5] =
    ["morning", "tea?", "so be it", "apples and pears and plums and cherries and more apples", "no, bob: apples"];
const PASSWORDS: [&str; 2] = ["sesame", "swordfish"];
const REASONS: [&str; 2] = ["", "spam"];

/// The start of most sequences: all users are logged in, and in a room that one of them has made.
pub fn opening(random: &mut Random, people: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |seat, act| steps.push(Step { seat, act });
    if random.below(8) == 0 {
        return steps;
    }
    for (seat, name) in NAMES.iter().enumerate().take(people) {
        push(seat, Act::Login((*name).to_owned()));
    }
    let founder = random.below(people);
    let password = (random.below(3) == 0).then(|| random.choose(&PASSWORDS).to_owned());
    let guests = || (0..people).filter(move |seat| *seat != founder);
    let room = ROOMS[0].to_owned();
    match random.below(4) {
        0 => push(founder, Act::Group(room.clone(), guests().map(|seat| NAMES[seat].to_owned()).collect())),
        _ => push(founder, Act::Create(room.clone(), password.clone())),
    }
    for guest in guests() {
        if random.below(6) > 0 {
            push(guest, Act::Join(room.clone(), password.clone()));
        }
    }
    if random.below(3) == 0 {
        push(founder, Act::Promote(NAMES[random.below(people)].to_owned()));
    }
    for seat in 0..people {
        if random.below(3) > 0 {
            push(seat, Act::Chat);
        }
    }
    steps
}

/// A next step.
pub fn choose(random: &mut Random, chat: &Chat) -> Step {
    let absent = |seat: &usize| chat.seats[*seat].as_ref().is_none_or(|person| person.name.is_empty());
    let out: Vec<_> = (0..chat.seats.len()).filter(absent).collect();
    let all_out = out.len() == chat.seats.len();
    if let Some(seat) = out.get(random.below(out.len())).filter(|_| all_out || random.below(4) == 0) {
        return Step { seat: *seat, act: Act::Login(login(random, chat, *seat)) };
    }
    if random.below(20) == 0
        && let Some(act) = passing_of_time(random, chat)
    {
        return Step { seat: 0, act };
    }
    let there: Vec<_> = (0..chat.seats.len()).filter(|seat| !absent(seat)).collect();
    let concerned: Vec<_> = there.iter().copied().filter(|seat| is_concerned(chat, *seat)).collect();
    let among = if concerned.is_empty() || random.below(5) > 1 { &there } else { &concerned };
    let seat = among[random.below(among.len())];
    let Some(person) = &chat.seats[seat] else { return Step { seat, act: Act::Quit } };
    Step { seat, act: act(random, chat, person) }
}

/// Whether a user was banned or kicked, is muted, invited or admin.
fn is_concerned(chat: &Chat, seat: usize) -> bool {
    let Some(who) = chat.seats[seat].as_ref().map(Person::who) else { return false };
    chat.rooms.values().any(|room| {
        room.keeper(&who).is_some() || room.mutes.iter().any(|(muted, _)| muted.is(&who)) || is_awaited(room, &who)
    })
}

/// Whether the answer of the room to this user's `:join` would be interesting.
fn is_awaited(room: &Room, who: &Who) -> bool {
    let known = room.kicks.iter().chain(&room.invited).any(|known| known.is(who));
    !room.members.contains_key(&who.client) && (known || room.banned(who).is_some() || room.keeper(who).is_some())
}

/// Mostly the seat's own name, so that users come back.
fn login(random: &mut Random, chat: &Chat, seat: usize) -> String {
    let taken = chat.seats[seat].is_some();
    let name = if taken || random.below(6) == 0 { NAMES[random.below(NAMES.len())] } else { NAMES[seat] };
    name.to_owned()
}

fn passing_of_time(random: &mut Random, chat: &Chat) -> Option<Act> {
    let rooms: Vec<_> = chat.rooms.values().collect();
    let waiting = rooms.iter().find(|room| room.keepers.iter().any(|keeper| keeper.awaited));
    let empty = rooms.iter().find(|room| room.made_by.is_some() && room.members.is_empty());
    let temporary = rooms.iter().find_map(|room| {
        room.said.iter().find(|message| message.temporary).map(|message| (room.name.clone(), message.id))
    });
    match (random.below(3), waiting, empty, temporary) {
        (0, Some(room), ..) => Some(Act::Grace(room.name.clone())),
        (1, _, Some(room), _) => Some(Act::Linger(room.name.clone())),
        (_, _, _, Some((room, id))) => Some(Act::Expire(room, id)),
        _ => None,
    }
}

fn text(random: &mut Random) -> String {
    if random.below(60) == 0 { "x".repeat(149 + random.below(4)) } else { random.choose(&TEXTS).to_owned() }
}

/// A user: from the current room, or online, or offline; now and then by session id.
fn somebody(random: &mut Random, chat: &Chat, me: &Person, here: bool) -> String {
    let members = me.room().map(|room| &chat.rooms[&room].members);
    let there = |person: &&Person| members.is_none_or(|members| members.contains_key(&person.client) == here);
    let fitting: Vec<_> = chat.people().filter(|person| person.client != me.client).filter(there).collect();
    match random.below(14) {
        0 => random.choose(&NAMES).to_owned(),
        1 => chat.people().map(|person| person.name.clone()).nth(random.below(3)).unwrap_or_else(|| me.name.clone()),
        _ if fitting.is_empty() => random.choose(&NAMES).to_owned(),
        2 => {
            let person = fitting[random.below(fitting.len())];
            format!("{}#{}", person.name, person.client + u64::from(random.below(4) == 0))
        }
        _ => fitting[random.below(fitting.len())].name.clone(),
    }
}

fn several(random: &mut Random, chat: &Chat, me: &Person, here: bool) -> Vec<String> {
    let count = 1 + random.below(2) * random.below(3);
    let mut several: Vec<String> = Vec::new();
    for _ in 0..count {
        let typed = somebody(random, chat, me, here);
        if !several.contains(&typed) {
            several.push(typed);
        }
    }
    several
}

/// The id of a message this user may read, or any id, or one that does not exist.
fn id(random: &mut Random, chat: &Chat, me: &Person, own: bool) -> u64 {
    let rooms = chat.rooms.values().filter(|room| room.members.contains_key(&me.client)).flat_map(|room| &room.said);
    let pairs =
        chat.pairs.iter().filter(|(key, _)| key.0 == me.client || key.1 == me.client).flat_map(|(_, said)| said);
    let known: Vec<_> = rooms.chain(pairs).filter(|m| !own || m.from == me.client).map(|message| message.id).collect();
    match random.below(6) {
        0 => 1 + random.number() % (chat.last_message + 2),
        _ if known.is_empty() => 1 + random.number() % (chat.last_message + 1),
        _ => known[known.len() - 1 - random.below(known.len().min(4))],
    }
}

fn password(random: &mut Random, chat: &Chat, room: &str) -> String {
    match chat.rooms.get(room).map(|room| &room.door) {
        Some(Door::Password(password)) if random.below(3) > 0 => password.clone(),
        _ => random.choose(&PASSWORDS).to_owned(),
    }
}

fn act(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    if let Some(question) = &me.asked {
        let answer = password(random, chat, &question.room);
        return Act::Answer(if random.below(4) == 0 { String::new() } else { answer });
    }
    let in_room = me.room().map(|room| &chat.rooms[&room]);
    let keeps = in_room.is_some_and(|room| room.rank(&me.who()).keeps_order());
    let who = me.who();
    let remembered = |room: &Room| {
        let muted = room.mutes.iter().any(|(muted, _)| muted.is(&who));
        !room.members.contains_key(&who.client) && (muted || is_awaited(room, &who))
    };
    if random.below(8) == 0 && chat.rooms.values().any(remembered) {
        return Act::Nick(random.choose(&NAMES).to_owned());
    }
    // Users see their own messages even if they ignore the name they have.
    let free = me.ignored.iter().find(|(_, name)| chat.find(name).is_none());
    if let Some((_, name)) = free.filter(|_| random.below(3) == 0) {
        return Act::Nick(name.clone());
    }
    if random.below(3) == 0 && me.ignored.iter().any(|(_, name)| *name == me.name) {
        return if random.below(2) == 0 { Act::History(None) } else { direct(random, chat, me) };
    }
    // Whether this user may post again in a room with slow mode.
    if in_room.is_some_and(|room| room.slow > 0) && !keeps && random.below(3) == 0 {
        return if random.below(3) == 0 { change(random, chat, me) } else { talk(random, chat, me) };
    }
    // Without a room, little is possible.
    if me.open.is_empty() && random.below(5) > 0 {
        return enter(random, chat, me);
    }
    match random.below(100) {
        0..=9 => enter(random, chat, me),
        10..=15 => match me.open.last() {
            Some(Place::Room(_)) if me.view => Act::Leave,
            _ => Act::Chat,
        },
        16..=38 => talk(random, chat, me),
        39..=48 => change(random, chat, me),
        49..=54 => direct(random, chat, me),
        55..=57 => match in_room.and_then(|room| room.kicks.last()) {
            Some(kicked) if random.below(2) == 0 => Act::Invite(vec![name_now(chat, kicked)]),
            _ => Act::Invite(several(random, chat, me, false)),
        },
        58..=82 if keeps || random.below(6) == 0 => order(random, chat, me),
        58..=82 if random.below(3) == 0 => enter(random, chat, me),
        58..=82 => talk(random, chat, me),
        83..=88 => look(random, chat, me),
        89..=94 => personal(random, chat, me),
        95 | 96 => Act::Close,
        97 => Act::Quit,
        _ => Act::Lost,
    }
}

fn enter(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    let out = |room: &&String| !chat.rooms[*room].members.contains_key(&me.client);
    let others: Vec<_> = chat.rooms.keys().filter(out).collect();
    let free: Vec<_> = ROOMS.into_iter().filter(|room| !chat.rooms.contains_key(*room)).collect();
    let any = random.choose(&ROOMS).to_owned();
    let free = free.get(random.below(free.len())).map_or_else(|| any.clone(), |&room| room.to_owned());
    if chat.rooms.len() == 1 && random.below(3) > 0 {
        let password = (random.below(3) == 0).then(|| random.choose(&PASSWORDS).to_owned());
        return if random.below(3) == 0 {
            Act::Group(free, several(random, chat, me, false))
        } else {
            Act::Create(free, password)
        };
    }
    let who = me.who();
    let awaited = others.iter().find(|room| is_awaited(&chat.rooms[**room], &who));
    match random.below(30) {
        0 => Act::Create(free, None),
        1 => Act::Create(free, Some(random.choose(&PASSWORDS).to_owned())),
        2 => Act::Group(free, several(random, chat, me, false)),
        3 | 4 => Act::Create(any, None),
        5 => Act::Create("all".to_owned(), None),
        6 => Act::Join("nowhere".to_owned(), None),
        7 => Act::Join("nowhere".to_owned(), Some(random.choose(&PASSWORDS).to_owned())),
        8 => Act::Join("general".to_owned(), None),
        9 => Act::Join(any, None),
        number => {
            let other = others.get(random.below(others.len()));
            let room = awaited.filter(|_| number < 20).or(other).map_or(any, |&room| room.clone());
            let closed = chat.rooms.get(&room).is_some_and(|room| !room.is_open());
            let given = (random.below(3) > 0 && closed).then(|| password(random, chat, &room));
            Act::Join(room, given)
        }
    }
}

fn talk(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    match random.below(16) {
        0..=8 => Act::Say(text(random)),
        9 => Act::Me("waves".to_owned()),
        10 => Act::Temporary(text(random)),
        11 => Act::To(random.choose(&["den", "attic", "general", "nowhere"]).to_owned(), text(random)),
        _ => Act::Reply(id(random, chat, me, false), text(random)),
    }
}

fn change(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    let own = random.below(3) > 0;
    let named = (random.below(4) > 0).then(|| id(random, chat, me, own));
    if random.below(2) == 0 { Act::Delete(named) } else { Act::Edit(named, text(random)) }
}

fn direct(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    match random.below(4) {
        0 => Act::OpenDirect(somebody(random, chat, me, true)),
        1 if random.below(6) == 0 => Act::NoText(several(random, chat, me, true)),
        1 => Act::At(several(random, chat, me, true), text(random)),
        _ => Act::Direct(several(random, chat, me, true), text(random)),
    }
}

/// A user's present name, or the last one of a user who has left.
fn name_now(chat: &Chat, who: &Who) -> String {
    let online = chat.people().find(|person| person.client == who.client);
    online.map_or_else(|| who.name.clone(), |person| person.name.clone())
}

fn order(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    let here = somebody(random, chat, me, true);
    let room = me.room().map(|room| &chat.rooms[&room]);
    let banned = room.and_then(|room| room.bans.last()).map_or_else(|| here.clone(), |ban| ban.name.clone());
    let muted = room.and_then(|room| room.mutes.last()).map_or_else(|| here.clone(), |(who, _)| name_now(chat, who));
    let lasts = |random: &mut Random| (random.below(3) == 0).then_some(2);
    let is_muted = room.is_some_and(|room| !room.mutes.is_empty());
    match random.below(32) {
        30 => Act::Misused(match random.below(7) {
            0 => Misuse::Close,
            1 => Misuse::Destroy,
            2 => Misuse::Promote(here),
            3 => Misuse::Demote(here),
            4 => Misuse::Unban(banned),
            5 => Misuse::Unmute(muted),
            _ => Misuse::Ban(here),
        }),
        0..=3 => Act::Kick(here, random.choose(&REASONS).to_owned()),
        4 | 5 => Act::Ban(here, lasts(random), random.choose(&REASONS).to_owned()),
        6 | 7 => {
            let awaited = room.and_then(|room| room.keepers.iter().find(|keeper| keeper.awaited));
            let again = random.below(3) == 0 && room.is_some_and(|room| !room.bans.is_empty());
            let typed = match awaited {
                Some(keeper) => keeper.who.name.clone(),
                None if again => banned,
                None => somebody(random, chat, me, false),
            };
            Act::Ban(typed, lasts(random), random.choose(&REASONS).to_owned())
        }
        8 => Act::Unban(banned),
        9 => Act::Bans,
        10..=12 => Act::Mute(here, lasts(random)),
        13 | 14 if is_muted || random.below(4) == 0 => Act::Unmute(muted),
        13..=16 => Act::Promote(here),
        17 | 18 => Act::Demote(here),
        19 => Act::Demote(me.name.clone()),
        20 | 31 => Act::Slow(if random.below(3) == 0 { 0 } else { 30 }),
        21 => Act::Topic(text(random)),
        22 => Act::Set(Setting::Limit((random.below(3) > 0).then(|| 1 + random.below(3)))),
        23 | 24 => Act::Set(Setting::Password((random.below(3) > 0).then(|| random.choose(&PASSWORDS).to_owned()))),
        25 if random.below(3) == 0 => Act::Set(Setting::Wrong(random.choose(&["limit", "slow", "public", "invite"]))),
        25 | 26 => Act::Set(Setting::Public(random.below(2) == 0)),
        27 | 28 => Act::Set(Setting::Invite(random.below(2) == 0)),
        _ if random.below(3) == 0 => Act::Destroy,
        _ => Act::ShowTopic,
    }
}

fn look(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    match random.below(13) {
        0 | 1 => Act::History(None),
        2 => Act::History(Some(1 + random.below(3))),
        3 | 4 => Act::Search(random.choose(&["apples", "o", "zebra"]).to_owned()),
        5 | 6 => Act::Rooms,
        7 | 8 => Act::List,
        9 => Act::ListAll,
        10 => Act::WhoIs(somebody(random, chat, me, true)),
        11 => Act::ShowSettings,
        _ => Act::WhoAmI,
    }
}

fn personal(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    match random.below(9) {
        0..=3 => Act::Nick(random.choose(&NAMES).to_owned()),
        4 => Act::Ignore(somebody(random, chat, me, true)),
        5 => {
            Act::Unignore(me.ignored.last().map_or_else(|| somebody(random, chat, me, true), |(_, name)| name.clone()))
        }
        6 => Act::ListIgnored,
        7 => Act::Away("lunch".to_owned()),
        _ => Act::Back,
    }
}
