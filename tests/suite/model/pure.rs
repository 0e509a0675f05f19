//! The same sequences run against the rules of rooms alone: no session, no socket, no thread.
//!
//! After each step, every room must be as in the model: its members, each user's role, the messages, and the settings.
//! If the rules deny a wish, the model must refuse it in the same words.

use std::collections::BTreeMap;
use std::time::Duration;

use chatsock::chat::action::{Actor, ReadBack, RoomAction, Setting as RoomSetting};
use chatsock::chat::conversation::MembershipId;
use chatsock::chat::identity::{Identity, Target};
use chatsock::chat::message::{ClientId, Draft, MessageId, Quoted};
use chatsock::chat::moderation::GRACE;
use chatsock::chat::names::{RoomName, UserName};
use chatsock::chat::permission::Role;
use chatsock::chat::room::{
    Beginning, Change, ChangeKind, Creation, Founding, Going, Now, Occurrence, RoomState, Wish,
};
use chatsock::chat::room_settings::{RoomAccess, RoomSettings};
use chatsock::chat::secret::Secret;
use jiff::Timestamp;

use super::chat::{Chat, Client, Person, Place, for_view};
use super::choice;
use super::message::Message;
use super::pattern::fits;
use super::room::{Door, Room, Who};
use super::rules::Rank;
use super::step::{Act, Setting, Step};
use crate::support::random::Random;

/// Longest message.
const MESSAGE_LIMIT: usize = 150;

/// After this many wrong passwords, the server compares none for a while. The rules do not know about that.
const FREE_TRIES: u32 = 3;

/// The meaning of a step for one room.
enum Plan {
    Wish(Actor, Wish),
    /// By a password, if one was given.
    Enter(Actor, Option<String>),
    Leave(Client, Going),
    /// A name, if the server let them have it.
    Rename(Client, String),
    Grace,
    Linger,
    Expire(u64),
}

/// Every room by its name.
struct Rooms {
    rooms: BTreeMap<String, RoomState>,
    /// Nanoseconds since the beginning: moments differ, and nothing ends.
    ticks: i64,
    last: u64,
}

fn identity(who: &Who) -> Identity {
    let name = UserName::parse(&who.name, 1, 32).expect("a name");
    let address = who.address.parse().expect("an address");
    Identity { client: ClientId(who.client), name, address, shared: false, account: None }
}

fn actor(who: &Who) -> Actor {
    Actor { who: identity(who), operator: false }
}

fn target(typed: &str) -> Target {
    Target::parse(typed).expect("a user")
}

fn hours(hours: &Option<u64>) -> Option<Duration> {
    hours.map(|hours| Duration::from_secs(hours * 3600))
}

fn is_sayable(text: &str) -> bool {
    text.len() <= MESSAGE_LIMIT
}

/// The setting that is changed, if the value is one.
fn setting(act: &Act) -> Option<RoomSetting> {
    Some(match act {
        Act::Topic(text) if is_sayable(text) => RoomSetting::Description(text.clone()),
        Act::Slow(seconds) => RoomSetting::Slow(Duration::from_secs(*seconds)),
        Act::Set(Setting::Limit(limit)) => RoomSetting::Limit(*limit),
        Act::Set(Setting::Password(password)) => RoomSetting::Password(password.as_deref().and_then(Secret::new)),
        Act::Set(Setting::Public(public)) => RoomSetting::Public(*public),
        Act::Set(Setting::Invite(invite)) => RoomSetting::Invite(*invite),
        _ => return None,
    })
}

fn action(act: &Act) -> Option<RoomAction> {
    Some(match act {
        Act::Kick(typed, reason) => RoomAction::Kick { target: target(typed), reason: reason.clone() },
        Act::Ban(typed, lasts, reason) => {
            RoomAction::Ban { target: target(typed), lasts: hours(lasts), reason: reason.clone() }
        }
        Act::Unban(typed) => RoomAction::Unban(target(typed)),
        Act::Mute(typed, lasts) => RoomAction::Mute { target: target(typed), lasts: hours(lasts) },
        Act::Unmute(typed) => RoomAction::Unmute(target(typed)),
        Act::Promote(typed) => RoomAction::Promote(target(typed)),
        Act::Demote(typed) => RoomAction::Demote(target(typed)),
        Act::Destroy => RoomAction::Destroy,
        act => RoomAction::Set(setting(act)?),
    })
}

/// The user that the server looks up for an action.
fn looked_up<'a>(chat: &'a Chat, act: &Act) -> Option<&'a Person> {
    match act {
        Act::Ban(typed, ..) | Act::Unban(typed) | Act::Unmute(typed) => chat.find(typed),
        _ => None,
    }
}

impl Rooms {
    fn new() -> Rooms {
        let mut rooms = Rooms { rooms: BTreeMap::new(), ticks: 0, last: 0 };
        let settings = RoomSettings { description: "For general conversations.".to_owned(), ..RoomSettings::default() };
        rooms.create("general", settings, None);
        rooms
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_nanosecond(1_700_000_000_000_000_000 + i128::from(self.ticks)).expect("a moment")
    }

    fn now(&mut self) -> Now {
        self.ticks += 1;
        Now { at: self.at(), last: MessageId(self.last) }
    }

    fn create(&mut self, room: &str, settings: RoomSettings, founding: Option<Founding>) {
        let name = RoomName::parse(room).expect("a room's name");
        let at = self.now().at;
        let beginning = Beginning { settings, founding, history_max: 200, can_be_kept: false, at };
        self.rooms.insert(room.to_owned(), RoomState::new(name, beginning));
    }

    /// The meaning of a step for each room, in the state before it.
    fn plan(&self, chat: &Chat, step: &Step) -> Vec<(String, Plan)> {
        match &step.act {
            Act::Grace(room) => return vec![(room.clone(), Plan::Grace)],
            Act::Linger(room) => return vec![(room.clone(), Plan::Linger)],
            Act::Expire(room, id) => return vec![(room.clone(), Plan::Expire(*id))],
            _ => {}
        }
        let Some(person) = chat.seats[step.seat].as_ref().filter(|person| !person.name.is_empty()) else {
            return Vec::new();
        };
        let (who, me) = (person.who(), person.client);
        let is_in = |room: &str| chat.rooms.get(room).is_some_and(|room| room.members.contains_key(&me));
        let everywhere = chat.rooms.keys().filter(|room| is_in(room));
        match &step.act {
            Act::Quit => everywhere.map(|room| (room.clone(), Plan::Leave(me, Going::Asked))).collect(),
            Act::Lost => everywhere.map(|room| (room.clone(), Plan::Leave(me, Going::Lost))).collect(),
            Act::Nick(_) => everywhere.map(|room| (room.clone(), Plan::Rename(me, who.name.clone()))).collect(),
            Act::Close => match person.open.last() {
                Some(Place::Room(room)) => vec![(room.clone(), Plan::Leave(me, Going::Asked))],
                _ => Vec::new(),
            },
            Act::Answer(text) => match &person.asked {
                Some(question) if !text.is_empty() && !is_in(&question.room) => {
                    vec![(question.room.clone(), Plan::Enter(actor(&who), Some(text.clone())))]
                }
                _ => Vec::new(),
            },
            Act::Join(room, password) if !is_in(room) => {
                vec![(room.clone(), Plan::Enter(actor(&who), password.clone()))]
            }
            Act::Create(room, _) | Act::Group(room, _) if !chat.rooms.contains_key(room) => {
                let mut plans = vec![(room.clone(), Plan::Enter(actor(&who), None))];
                if let Act::Group(_, invited) = &step.act {
                    plans.extend(invitations(chat, &who, room, invited));
                }
                plans
            }
            act => self.wishes(chat, person, act),
        }
    }

    fn wishes(&self, chat: &Chat, person: &Person, act: &Act) -> Vec<(String, Plan)> {
        let (who, me, current) = (person.who(), person.client, person.room());
        let wish = |room: String, wish: Wish| vec![(room, Plan::Wish(actor(&who), wish))];
        let post = |room: String, draft: Draft| match is_sayable(&draft.text) {
            true => wish(room, Wish::Post { draft, said_at: Timestamp::UNIX_EPOCH }),
            false => Vec::new(),
        };
        match (act, current) {
            (Act::Say(text), Some(room)) => post(room, Draft::said(text.as_str())),
            (Act::Me(text), Some(room)) => post(room, Draft { action: true, ..Draft::said(text.as_str()) }),
            (Act::Temporary(text), Some(room)) => {
                post(room, Draft { lasts: Some(Duration::from_secs(10)), ..Draft::said(text.as_str()) })
            }
            (Act::To(room, text), _) if chat.rooms.get(room).is_some_and(|room| room.members.contains_key(&me)) => {
                post(room.clone(), Draft::said(text.as_str()))
            }
            (Act::Reply(id, text), _) => match chat.room_of(me, *id) {
                Some(room) => {
                    let answered = self.rooms[&room].readable_message(ClientId(me), MessageId(*id));
                    let reply = Some(Quoted::of(answered.expect("the model shows it")));
                    post(room, Draft { reply, ..Draft::said(text.as_str()) })
                }
                None => Vec::new(),
            },
            (Act::Edit(id, text), _) => self.edit(chat, me, *id, text).map_or_else(Vec::new, |(room, id, text)| {
                wish(room, Wish::Edit { id: MessageId(id), text: text.into() })
            }),
            (Act::Delete(id), _) => {
                let id = id.or(chat.own(me).max());
                let found = id.and_then(|id| Some((chat.room_of(me, id)?, id)));
                found.map_or_else(Vec::new, |(room, id)| wish(room, Wish::Delete(MessageId(id))))
            }
            (Act::Invite(invited), Some(room)) => invitations(chat, &who, &room, invited),
            (act, Some(room)) => match action(act) {
                Some(action) => {
                    let online = looked_up(chat, act).map(Person::who);
                    let local = online.as_ref().is_some_and(|who| who.address.starts_with("127."));
                    wish(room, Wish::Act { action, online: online.as_ref().map(actor), local })
                }
                None => Vec::new(),
            },
            (_, None) => Vec::new(),
        }
    }

    /// The room, message and text of an edit. A number that is not a message of the user's own is part of the text.
    fn edit(&self, chat: &Chat, me: Client, id: Option<u64>, text: &str) -> Option<(String, u64, String)> {
        let own: Vec<_> = chat.own(me).collect();
        let number = id.filter(|id| !own.contains(id) && !own.is_empty());
        let text = number.map_or_else(|| text.to_owned(), |number| format!("{number} {text}"));
        let id = id.filter(|_| number.is_none()).or(own.into_iter().max())?;
        let room = chat.room_of(me, id).filter(|_| is_sayable(&text))?;
        Some((room, id, text))
    }

    /// Carries out the plans. Returns each denial as it would be shown.
    fn take(&mut self, chat: &Chat, act: &Act, plans: Vec<(String, Plan)>) -> Result<Vec<String>, String> {
        let mut denied = Vec::new();
        for (room, plan) in plans {
            if let (Plan::Enter(who, _), Act::Create(..) | Act::Group(..)) = (&plan, act) {
                if !chat.rooms.contains_key(&room) {
                    // The name is reserved.
                    return Ok(denied);
                }
                self.found(&room, who, act);
            }
            if !self.rooms.contains_key(&room) {
                continue;
            }
            let now = self.now();
            let state = self.rooms.get_mut(&room).expect("it is there");
            let change = match plan {
                Plan::Wish(who, wish) => match state.decide(&who, wish, now) {
                    Ok(change) => Some(change),
                    Err(why) => {
                        denied.push(why.to_string());
                        None
                    }
                },
                Plan::Enter(who, password) => enter(chat, state, &room, &who, password.as_deref(), now)?,
                Plan::Leave(client, going) => {
                    let (client, membership) = (ClientId(client), MembershipId(1));
                    state.respond(Occurrence::Left { client, membership, going }, now)
                }
                Plan::Rename(client, before) => {
                    let after = chat.person(client).map(Person::who).filter(|who| who.name != before);
                    let before = UserName::parse(&before, 1, 32).ok();
                    after.and_then(|who| state.respond(Occurrence::Identified { actor: actor(&who), before }, now))
                }
                Plan::Grace => {
                    let at = now.at + GRACE + Duration::from_secs(1);
                    self.find_heir(&room, None, Now { at, ..now });
                    None
                }
                Plan::Linger => state.respond(Occurrence::Lingered(Duration::ZERO), now),
                Plan::Expire(id) => state.respond(Occurrence::Expired(MessageId(id)), now),
            };
            if let Some(change) = change {
                self.carry_out(chat, &room, change, now)?;
            }
        }
        Ok(denied)
    }

    /// A user has created the room that they are about to enter.
    fn found(&mut self, room: &str, who: &Actor, act: &Act) {
        let (entry, public, read_back) = match act {
            Act::Create(_, Some(password)) => {
                (RoomAccess::Password(Secret::new(password).expect("a password")), true, ReadBack::All)
            }
            Act::Group(..) => (RoomAccess::Closed, false, ReadBack::Joined),
            _ => (RoomAccess::Open, true, ReadBack::All),
        };
        let founder = who.who.clone();
        let creation = Creation { by: founder.name.clone(), address: founder.address, at: self.at() };
        let settings = RoomSettings { entry, public, ..RoomSettings::default() };
        self.create(room, settings, Some(Founding { creation, founder, read_back }));
    }

    fn carry_out(&mut self, chat: &Chat, room: &str, mut change: Change, now: Now) -> Result<(), String> {
        let state = self.rooms.get_mut(room).expect("it is there");
        let (mut heir, mut passed_over) = (false, None);
        match &change.kind {
            ChangeKind::Said(_) => {
                self.last += 1;
                if chat.last_message != self.last {
                    return Err(format!("#{} is said in {room}, and the model says nothing", self.last));
                }
            }
            ChangeKind::Closed => {
                self.rooms.remove(room);
                return Ok(());
            }
            ChangeKind::Left { .. } | ChangeKind::Kicked { .. } | ChangeKind::Banned { .. } => heir = true,
            ChangeKind::Muted { who, .. } | ChangeKind::Demoted { who, .. } => {
                (heir, passed_over) = (true, Some(who.client));
            }
            _ => {}
        }
        change.number(MessageId(self.last));
        state.apply(change);
        if heir {
            self.find_heir(room, passed_over, now);
        }
        Ok(())
    }

    fn find_heir(&mut self, room: &str, passed_over: Option<ClientId>, now: Now) {
        let state = self.rooms.get_mut(room).expect("it is there");
        for occurrence in [Occurrence::GracePassed, Occurrence::AdminMissing { passed_over }] {
            if let Some(change) = state.respond(occurrence, now) {
                state.apply(change);
            }
        }
    }

    /// Compares every room with the model.
    fn compare(&self, chat: &Chat) -> Result<(), String> {
        let (expected, seen): (Vec<_>, Vec<_>) = (chat.rooms.keys().collect(), self.rooms.keys().collect());
        same("the rooms", expected, seen)?;
        for (name, room) in &self.rooms {
            let model = &chat.rooms[name];
            same(&format!("{name}: how it is set up"), set_up(model), set_up_of(room))?;
            let seen: Vec<_> = room.history().last(usize::MAX);
            let seen = seen.iter().filter_map(|event| event.message()).map(shown_of).collect();
            same(&format!("{name}: what was said"), model.said.iter().map(shown).collect::<Vec<_>>(), seen)?;
            let seen: Vec<_> = room.members().map(|member| member.who.client.0).collect();
            same(&format!("{name}: its members"), model.members.keys().copied().collect(), seen)?;
            for person in chat.people() {
                let (expected, seen) = (self.facts(model, &person.who()), self.facts_of(room, &person.who()));
                same(&format!("{name}: {}", person.name), expected, seen)?;
            }
        }
        Ok(())
    }

    /// A user's standing in a room according to the model: role, whether they are invited, kicked or silenced, and how
    /// far they read back.
    fn facts(&self, room: &Room, who: &Who) -> (Role, bool, bool, Option<(bool, u64)>) {
        let is_in = room.members.contains_key(&who.client);
        let role = match room.rank(who) {
            // A ban does not keep out an admin who comes back.
            Rank::Banned if room.keeper(who).is_some() => Role::Stranger,
            Rank::Stranger => Role::Stranger,
            Rank::Banned => Role::Banned,
            Rank::Muted => Role::Muted,
            Rank::Member => Role::Member,
            Rank::Admin => Role::Admin,
            Rank::Owner => Role::Owner,
        };
        let (invited, kicked) = (&room.invited, &room.kicks);
        let inside = is_in.then(|| (room.silenced(who).is_some(), room.after(who.client)));
        (role, invited.iter().any(|known| known.is(who)), kicked.iter().any(|known| known.is(who)), inside)
    }

    /// The same by the rules.
    fn facts_of(&self, room: &RoomState, who: &Who) -> (Role, bool, bool, Option<(bool, u64)>) {
        let (actor, at) = (actor(who), self.at());
        let is_in = room.member(actor.who.client).is_some();
        let post = Wish::Post { draft: Draft::said("hello"), said_at: at };
        let silenced = || room.decide(&actor, post, Now { at, last: MessageId(self.last) }).is_err();
        let inside = is_in.then(|| (silenced(), room.boundary(actor.who.client).0));
        let moderation = room.moderation();
        let (invited, kicked) = (moderation.invited(&actor.who, at), moderation.kicked(&actor.who, at).is_some());
        (room.role(&actor, at), invited, kicked, inside)
    }
}

fn same<T: std::fmt::Debug + PartialEq>(what: &str, expected: T, seen: T) -> Result<(), String> {
    if expected == seen { Ok(()) } else { Err(format!("{what}\n  expected {expected:?}\n  seen     {seen:?}")) }
}

/// Each user who is online once.
fn invitations(chat: &Chat, who: &Who, room: &str, invited: &[String]) -> Vec<(String, Plan)> {
    let distinct = invited.iter().enumerate().filter(|(index, typed)| !invited[..*index].contains(typed));
    let guests = distinct.filter_map(|(_, typed)| chat.find(typed)).map(|person| identity(&person.who()));
    guests.map(|guest| (room.to_owned(), Plan::Wish(actor(who), Wish::Invite(guest)))).collect()
}

/// A user tries to enter a room. The rules admit them if and only if the model does.
fn enter(
    chat: &Chat,
    state: &RoomState,
    room: &str,
    who: &Actor,
    password: Option<&str>,
    now: Now,
) -> Result<Option<Change>, String> {
    let client = who.who.client.0;
    let is_in = chat.rooms.get(room).is_some_and(|room| room.members.contains_key(&client));
    let right = password.is_some_and(|given| RoomAccess::admits(Some(&state.settings().entry), given));
    let opened = right.then(|| state.door());
    match state.decide_enter(who, opened, MembershipId(1), now) {
        Ok(change) if is_in => Ok(Some(change)),
        Err(_) if !is_in => Ok(None),
        // Too many wrong passwords: none is compared.
        Ok(_) if chat.wrong.get(&(client, room.to_owned())).is_some_and(|tries| *tries >= FREE_TRIES) => Ok(None),
        decided => Err(format!("{} enters {room}: {decided:?}, but by the model: {is_in}", who.who.name)),
    }
}

fn set_up(room: &Room) -> (bool, RoomAccess, Option<usize>, String, Duration, ReadBack) {
    let entry = match &room.door {
        Door::Open => RoomAccess::Open,
        Door::Closed => RoomAccess::Closed,
        Door::Password(password) => RoomAccess::Password(Secret::new(password).expect("a password")),
    };
    let read_back = if room.joined_only { ReadBack::Joined } else { ReadBack::All };
    (room.public, entry, room.limit, room.description.clone(), Duration::from_secs(room.slow), read_back)
}

fn set_up_of(room: &RoomState) -> (bool, RoomAccess, Option<usize>, String, Duration, ReadBack) {
    let RoomSettings { public, description, limit, entry } = room.settings().clone();
    (public, entry, limit, description, room.slow(), room.read_back())
}

/// A message by its number, its author, its text, what kind it is, and what it quotes.
type Shown = (u64, String, String, [bool; 3], Option<(u64, Option<String>)>);

fn shown(message: &Message) -> Shown {
    let reply = message.reply.as_ref().map(|quote| (quote.id, quote.start.clone()));
    let kind = [message.action, message.edited, message.temporary];
    (message.id, message.author.clone(), message.text.clone(), kind, reply)
}

fn shown_of(message: &chatsock::chat::message::Message) -> Shown {
    let extra = message.extra.clone().unwrap_or_default();
    let reply = extra.reply.map(|quote| (quote.id.0, quote.start.map(String::from)));
    let kind = [extra.action, extra.edited, extra.lasts.is_some()];
    (message.id.0, message.author.to_string(), message.text.to_string(), kind, reply)
}

/// Runs the sequence of a seed. Returns how many steps had a meaning, or where rules and model differ.
pub fn play(seed: u64, addresses: &[&str]) -> Result<usize, String> {
    let mut random = Random::new(seed);
    let people = 3 + random.below(3);
    let (mut chat, mut rooms) = (Chat::new(&addresses[..people]), Rooms::new());
    let mut opening = choice::opening(&mut random, people).into_iter();
    let length = 20 + random.below(26);
    let mut transcript = Vec::new();
    for _ in 0..length * 4 {
        if transcript.len() >= length {
            break;
        }
        let step = opening.next().unwrap_or_else(|| choice::choose(&mut random, &chat));
        rooms.last = chat.last_message;
        let plans = rooms.plan(&chat, &step);
        let Some(outcome) = chat.apply(&step) else { continue };
        transcript.push(format!("{step:?}"));
        let fails = |why: String| format!("seed {seed}\n{}\n{why}", transcript.join("\n"));
        for line in rooms.take(&chat, &step.act, plans).map_err(fails)? {
            let line = format!("! {line}");
            // The rules do not know where it is shown.
            let in_view = for_view(line.clone());
            let lines = &outcome.lines[step.seat];
            if !lines.iter().any(|expected| fits(expected, &line) || fits(expected, &in_view)) {
                return Err(fails(format!("{line}\n  expected {:?}", outcome.lines[step.seat])));
            }
        }
        rooms.compare(&chat).map_err(fails)?;
    }
    Ok(transcript.len())
}
