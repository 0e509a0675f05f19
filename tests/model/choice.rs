//! Random steps that mostly make sense as things are, with a few that do not.

use super::chat::{Chat, Person, Place};
use super::random::Random;
use super::step::{Act, Setting, Step};

const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
const ROOMS: [&str; 3] = ["den", "attic", "lounge"];
const TEXTS: [&str; 5] =
    ["morning", "tea?", "so be it", "apples and pears and plums and cherries and more apples", "no, bob: apples"];
const PASSWORDS: [&str; 2] = ["sesame", "swordfish"];
const REASONS: [&str; 2] = ["", "spam"];

/// A next step.
pub fn choose(random: &mut Random, chat: &Chat) -> Step {
    let absent = |seat: &usize| chat.seats[*seat].as_ref().is_none_or(|person| person.name.is_empty());
    let out: Vec<_> = (0..chat.seats.len()).filter(absent).collect();
    let all_out = out.len() == chat.seats.len();
    if let Some(seat) = out.get(random.below(out.len())).filter(|_| all_out || random.below(3) == 0) {
        return Step { seat: *seat, act: Act::Login(login(random, chat, *seat)) };
    }
    if random.below(25) == 0
        && let Some(act) = passing_of_time(random, chat)
    {
        return Step { seat: 0, act };
    }
    let seat = (0..).map(|_| random.below(chat.seats.len())).find(|seat| !absent(seat)).unwrap_or(0);
    let Some(person) = &chat.seats[seat] else { return Step { seat, act: Act::Quit } };
    Step { seat, act: act(random, chat, person) }
}

/// Mostly a name of one's own, so that people come back.
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

/// Somebody: of the current room, or online, or not there; now and then by the number of his session.
fn whom(random: &mut Random, chat: &Chat, me: &Person, here: bool) -> String {
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
        let whom = whom(random, chat, me, here);
        if !several.contains(&whom) {
            several.push(whom);
        }
    }
    several
}

/// A message he may read, or any number there is, or none.
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
        Some(super::chat::Door::Password(password)) if random.below(3) > 0 => password.clone(),
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
    let mut heat = random.below(100);
    // Nothing much can be done in no room.
    if me.open.is_empty() && random.below(4) > 0 {
        heat = if random.below(4) > 0 { 0 } else { 16 };
    }
    match heat {
        0..=15 => enter(random, chat, me),
        16..=19 => match me.open.last() {
            Some(Place::Room(_)) if me.view => Act::Leave,
            _ => Act::Chat,
        },
        20..=44 => talk(random, chat, me),
        45..=52 => change(random, chat, me),
        53..=58 => direct(random, chat, me),
        59..=62 => Act::Invite(several(random, chat, me, false)),
        63..=83 if keeps || random.below(4) == 0 => order(random, chat, me),
        63..=83 => {
            if random.below(3) == 0 {
                enter(random, chat, me)
            } else {
                talk(random, chat, me)
            }
        }
        84..=92 => look(random, chat, me),
        93..=95 => personal(random, chat, me),
        96 | 97 => Act::Close,
        98 => Act::Quit,
        _ => Act::Lost,
    }
}

fn enter(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    let out = |room: &&String| !chat.rooms[*room].members.contains_key(&me.client);
    let others: Vec<_> = chat.rooms.keys().filter(out).collect();
    let free: Vec<_> = ROOMS.into_iter().filter(|room| !chat.rooms.contains_key(*room)).collect();
    let any = random.choose(&ROOMS).to_owned();
    let free = free.get(random.below(free.len())).map_or_else(|| any.clone(), |&room| room.to_owned());
    match random.below(24) {
        0..=2 => Act::Create(free, None),
        3 | 4 => Act::Create(free, Some(random.choose(&PASSWORDS).to_owned())),
        5 | 6 => Act::Group(free, several(random, chat, me, false)),
        7 => Act::Create(any, None),
        8 => Act::Create("all".to_owned(), None),
        9 => Act::Join("nowhere".to_owned(), None),
        10 => Act::Join("nowhere".to_owned(), Some(random.choose(&PASSWORDS).to_owned())),
        11 => Act::Join("general".to_owned(), None),
        number => {
            let room = others.get(random.below(others.len())).map_or(any, |&room| room.clone());
            let given = (number < 15).then(|| password(random, chat, &room));
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
        0 => Act::OpenDirect(whom(random, chat, me, true)),
        1 => Act::At(several(random, chat, me, true), text(random)),
        _ => Act::Direct(several(random, chat, me, true), text(random)),
    }
}

fn order(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    let here = whom(random, chat, me, true);
    let room = me.room().map(|room| &chat.rooms[&room]);
    let banned = room.and_then(|room| room.bans.last()).map_or_else(|| here.clone(), |ban| ban.name.clone());
    let muted = room.and_then(|room| room.mutes.last()).map_or_else(|| here.clone(), |(who, _)| who.name.clone());
    let lasts = |random: &mut Random| (random.below(3) == 0).then_some(2);
    match random.below(26) {
        0 | 1 => Act::Kick(here, random.choose(&REASONS).to_owned()),
        2 => Act::Ban(here, lasts(random), random.choose(&REASONS).to_owned()),
        3 => Act::Ban(whom(random, chat, me, false), lasts(random), random.choose(&REASONS).to_owned()),
        4 => Act::Unban(banned),
        5 => Act::Bans,
        6..=8 => Act::Mute(here, lasts(random)),
        9 | 10 => Act::Unmute(muted),
        11..=13 => Act::Promote(here),
        14 | 15 => Act::Demote(here),
        16 => Act::Demote(me.name.clone()),
        17 => Act::Slow(if random.below(2) == 0 { 0 } else { 30 }),
        18 => Act::Topic(text(random)),
        19 => Act::Set(Setting::Limit((random.below(2) == 0).then(|| 1 + random.below(3)))),
        20 => Act::Set(Setting::Password((random.below(2) == 0).then(|| random.choose(&PASSWORDS).to_owned()))),
        21..=23 => Act::Set(Setting::Public(random.below(2) == 0)),
        24 => Act::Set(Setting::Invite(random.below(2) == 0)),
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
        10 => Act::WhoIs(whom(random, chat, me, true)),
        11 => Act::ShowSettings,
        _ => Act::WhoAmI,
    }
}

fn personal(random: &mut Random, chat: &Chat, me: &Person) -> Act {
    match random.below(9) {
        0..=2 => Act::Nick(random.choose(&NAMES).to_owned()),
        3 | 4 => Act::Ignore(whom(random, chat, me, true)),
        5 => Act::Unignore(me.ignored.last().map_or_else(|| whom(random, chat, me, true), |(_, name)| name.clone())),
        6 => Act::ListIgnored,
        7 => Act::Away("lunch".to_owned()),
        _ => Act::Back,
    }
}
