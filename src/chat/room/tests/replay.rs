//! Copies of a room that apply the same changes stay equal, whatever users ask for.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::generate::text;
use super::{at, guest, room_name};
use crate::chat::action::{Actor, ReadBack, RoomAction, Setting};
use crate::chat::conversation::MembershipId;
use crate::chat::identity::{Identity, Target};
use crate::chat::message::{AccountId, Draft, Message, MessageId, Quoted};
use crate::chat::room::{
    Beginning, Change, Creation, Founding, Going, Member, Now, Occurrence, RoomState, Wish, message_line, parse_message,
};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::{Hashed, Secret};

/// Connections, of which two share an address.
const PEOPLE: usize = 5;

/// Kinds of step below.
const STEPS: u8 = 36;

/// One step: its kind, the user who takes it, the user it is about, and values for the rest.
#[derive(Clone, Debug)]
struct ReplayStep {
    what: u8,
    who: usize,
    other: usize,
    number: u64,
    flag: bool,
    text: String,
}

fn step() -> impl Strategy<Value = ReplayStep> {
    (0..STEPS, 0..PEOPLE, 0..PEOPLE, any::<u64>(), any::<bool>(), text())
        .prop_map(|(what, who, other, number, flag, text)| ReplayStep { what, who, other, number, flag, text })
}

/// A user's wish, or an occurrence.
enum Cause {
    Wish(Actor, Wish),
    Occurrence(Occurrence),
}

/// A server with one room, and a copy of the room that only reads lines.
struct ReplayWorld {
    room: RoomState,
    copy: RoomState,
    log: Vec<String>,
    people: Vec<Actor>,
    last: u64,
    seconds: i64,
}

fn beginning(made: bool) -> Beginning {
    let founder = guest(1, "p1", "192.0.2.1");
    let creation = Creation { by: founder.name.clone(), address: founder.address, at: at(0) };
    let founding = made.then_some(Founding { creation, founder, read_back: ReadBack::All });
    Beginning { settings: RoomSettings::default(), founding, history_max: 4, can_be_kept: true, at: at(0) }
}

impl ReplayWorld {
    fn new(made: bool) -> ReplayWorld {
        let room = RoomState::new(room_name(), beginning(made));
        let person = |number: usize| {
            let address = format!("192.0.2.{}", number.min(4));
            Actor { who: guest(number as u64, &format!("p{number}"), &address), operator: false }
        };
        let people = (1..=PEOPLE).map(person).collect();
        ReplayWorld { copy: room.clone(), room, log: Vec::new(), people, last: 0, seconds: 0 }
    }

    fn now(&self) -> Now {
        Now { at: at(self.seconds), last: MessageId(self.last) }
    }

    fn id(&self, step: &ReplayStep) -> MessageId {
        MessageId(step.number % (self.last + 2))
    }

    fn archived(&self, step: &ReplayStep) -> Box<Message> {
        let Actor { who, .. } = &self.people[step.other];
        let (id, draft) = (MessageId(self.last + 7), Draft::said(step.text.as_str()));
        let message = Message::new(id, at(-100), who.name.clone(), who.client, draft, Box::default());
        Box::new(message.of_account(who.account))
    }

    fn setting(step: &ReplayStep) -> Setting {
        let secret = Secret::new(&step.text);
        match step.number % 8 {
            0 => Setting::Description(step.text.clone()),
            1 => Setting::Limit(step.flag.then_some(2)),
            2 => Setting::Password(secret.filter(|_| step.flag)),
            3 => Setting::Public(step.flag),
            4 => Setting::Invite(step.flag),
            5 => Setting::Slow(Duration::from_secs(step.number % 3 * 30)),
            6 => Setting::History(ReadBack::EVERY[(step.number / 8 % 3) as usize]),
            _ => Setting::Keep(step.flag),
        }
    }

    fn action(&self, step: &ReplayStep) -> RoomAction {
        let mut other = &self.people[step.other].who;
        if step.what == 18 {
            // Few members are muted at any time.
            let is_muted = |who: &&Identity| self.room.moderation().muted(who, self.now().at).is_some();
            other = self.people.iter().map(|person| &person.who).find(is_muted).unwrap_or(other);
        }
        let Identity { name, client, .. } = other.clone();
        let target = Target { name, client: step.flag.then_some(client) };
        let lasts = step.number.is_multiple_of(2).then(|| Duration::from_secs(step.number % 300 + 1));
        let reason = step.text.clone();
        match step.what {
            12 => RoomAction::Kick { target, reason },
            13 | 14 => RoomAction::Ban { target, lasts, reason },
            15 => RoomAction::Unban(target),
            16 | 17 => RoomAction::Mute { target, lasts },
            18 => RoomAction::Unmute(target),
            19 | 20 => RoomAction::Promote(target),
            21 => RoomAction::Demote(target),
            _ => RoomAction::Set(ReplayWorld::setting(step)),
        }
    }

    /// A user logs in or out, or changes their name.
    fn rename(&mut self, step: &ReplayStep) -> Occurrence {
        let before = self.people[step.who].who.name.clone();
        let number = step.number % 7;
        let person = &mut self.people[step.who];
        person.who = Identity {
            name: guest(1, &format!("p{number}"), "192.0.2.1").name,
            account: step.flag.then_some(AccountId(number)),
            ..person.who.clone()
        };
        person.operator = step.number.is_multiple_of(5);
        Occurrence::Identified { actor: person.clone(), before: step.number.is_multiple_of(2).then_some(before) }
    }

    fn cause(&mut self, step: &ReplayStep) -> Cause {
        let actor = self.people[step.who].clone();
        let client = actor.who.client;
        let wish = |wish| Cause::Wish(actor.clone(), wish);
        match step.what {
            0..=4 => {
                let lasts = step.number.is_multiple_of(4).then_some(Duration::from_secs(10));
                let reply = self.room.history().find(self.id(step)).map(Quoted::of);
                let draft = Draft { text: step.text.clone(), action: step.flag, lasts, reply };
                wish(Wish::Post { draft, said_at: at(self.seconds) })
            }
            5 => wish(Wish::Edit { id: self.id(step), text: step.text.as_str().into() }),
            6 => wish(Wish::EditArchived { message: self.archived(step), text: step.text.as_str().into() }),
            7 => wish(Wish::Delete(self.id(step))),
            8 => wish(Wish::DeleteArchived(self.archived(step))),
            9 | 10 => {
                let opened = step.flag.then(|| self.room.door());
                wish(Wish::Enter { opened, membership: MembershipId(step.number % 3) })
            }
            11 => wish(Wish::Invite(self.people[step.other].who.clone())),
            12..=24 => {
                let online = step.flag.then(|| self.people[step.other].clone());
                wish(Wish::Act { action: self.action(step), online, local: step.number.is_multiple_of(3) })
            }
            // Rarely, since nothing happens in a closed room.
            25 if step.number.is_multiple_of(8) => {
                wish(Wish::Act { action: RoomAction::Destroy, online: None, local: false })
            }
            25 | 26 => {
                let going = [Going::Asked, Going::Idle, Going::Lost][(step.number % 3) as usize];
                let membership = self.room.member(client).map_or(MembershipId(0), |member| member.membership);
                Cause::Occurrence(Occurrence::Left { client, membership, going })
            }
            27 => {
                let (from, membership) = (self.people[step.other].who.client, MembershipId(step.number % 3));
                Cause::Occurrence(Occurrence::TakenOver { from, actor, membership })
            }
            28 | 29 => Cause::Occurrence(self.rename(step)),
            _ => Cause::Occurrence(self.happening(step)),
        }
    }

    fn happening(&self, step: &ReplayStep) -> Occurrence {
        let other = Secret::new(&step.text).unwrap_or_else(|| Secret::new("x").expect("a password"));
        let password = match &self.room.settings().entry {
            RoomAccess::Password(known) if step.flag => known.clone(),
            RoomAccess::Password(_) | RoomAccess::Open | RoomAccess::Hashed(_) | RoomAccess::Closed => other,
        };
        match (step.what, step.number % 4) {
            (30, 0) => Occurrence::GracePassed,
            (30, _) => {
                let passed_over = step.flag.then(|| self.people[step.other].who.client);
                Occurrence::AdminMissing { passed_over }
            }
            (31, _) => Occurrence::AccountDeleted(AccountId(step.number % 7)),
            (32, _) => Occurrence::Expired(self.id(step)),
            (33, 0) => Occurrence::RetentionPassed(at(self.seconds - 60)),
            (33, 1) => Occurrence::HistoryResized((step.number % 6) as usize),
            (33, _) => Occurrence::Lingered(Duration::from_secs(step.number % 1000 + 300)),
            (34, 0) => {
                let entry = if step.flag { RoomAccess::Open } else { RoomAccess::Password(password) };
                Occurrence::Configured(RoomSettings { entry, ..RoomSettings::default() })
            }
            (34, _) => Occurrence::PasswordHashed { password, hash: Hashed::new("$hash") },
            (_, 0) => Occurrence::StorageEnds,
            (_, 1) if step.flag => Occurrence::Closing,
            _ => Occurrence::Clearing,
        }
    }

    fn take(&mut self, step: &ReplayStep) -> Result<(), TestCaseError> {
        self.seconds += (step.number % 40).cast_signed();
        let (now, before) = (self.now(), self.room.clone());
        let decided = match self.cause(step) {
            Cause::Wish(actor, wish) => {
                let decided = self.room.decide(&actor, wish.clone(), now);
                prop_assert_eq!(&decided, &self.copy.decide(&actor, wish, now), "equal rooms decide alike");
                decided.ok()
            }
            Cause::Occurrence(occurrence) => {
                let decided = self.room.respond(occurrence.clone(), now);
                prop_assert_eq!(&decided, &self.copy.respond(occurrence, now), "equal rooms respond alike");
                decided
            }
        };
        prop_assert_eq!(&self.room, &before, "deciding changes nothing, and a refusal leaves no trace");
        let Some(mut change) = decided else { return Ok(()) };
        self.last += 1;
        change.number(MessageId(self.last));
        let line = change.to_string();
        let read: Change = line.parse().map_err(|error| TestCaseError::fail(format!("{line}: {error}")))?;
        prop_assert_eq!(&read, &change);
        prop_assert_eq!(self.room.apply(change), self.copy.apply(read), "equal rooms show the same");
        prop_assert_eq!(&self.room, &self.copy);
        self.log.push(line);
        Ok(())
    }

    /// Checks what must be true of every room.
    fn check(&self) -> Result<(), TestCaseError> {
        let room = &self.room;
        for member in room.members() {
            prop_assert!(room.is_in(member.who.client, member.membership));
        }
        if !room.is_closed() {
            prop_assert_eq!(room.empty_since().is_some(), room.member_count() == 0);
        }
        let history = room.history().last(usize::MAX);
        prop_assert!(history.len() <= 6);
        // A room put together from its lines gives the same answers.
        let members: Vec<_> = room.members().map(Member::line).collect();
        let said = history.iter().filter_map(|event| event.message());
        let said: Vec<_> = said.map(|message| parse_message(&message_line(message))).collect::<Result<_, _>>()?;
        let core = room.core_line();
        let members = members.iter().map(String::as_str);
        let (again, unread) = RoomState::assemble(room_name(), &core, members, said, room.said(), 6)?;
        prop_assert_eq!(unread, 0);
        prop_assert_eq!(again.moderation(), room.moderation());
        prop_assert_eq!(again.settings(), room.settings());
        prop_assert_eq!((again.slow(), again.read_back(), again.door()), (room.slow(), room.read_back(), room.door()));
        prop_assert_eq!(again.empty_since(), room.empty_since());
        prop_assert!(again.members().eq(room.members()));
        prop_assert_eq!(again.history().last(usize::MAX), room.history().last(usize::MAX));
        let ids: Vec<_> = history.iter().filter_map(|event| event.message()).map(|message| message.id).collect();
        prop_assert!(ids.is_sorted() && ids.iter().all(|id| Some(*id) <= room.newest()));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copies_that_see_the_same_changes_stay_equal(made in any::<bool>(), steps in vec(step(), 1..80)) {
        let mut world = ReplayWorld::new(made);
        for step in &steps {
            world.take(step)?;
            world.check()?;
        }
        let mut replayed = RoomState::new(room_name(), beginning(made));
        for line in &world.log {
            replayed.apply(line.parse().expect("it was written so"));
        }
        prop_assert_eq!(replayed, world.room);
    }

    /// A change may have been decided on an older state of the room.
    #[test]
    fn any_change_can_be_applied_to_any_room(
        made in any::<bool>(),
        steps in vec(step(), 0..20),
        changes in vec(super::generate::change(), 1..10),
    ) {
        let mut world = ReplayWorld::new(made);
        for step in &steps {
            world.take(step)?;
        }
        for change in changes {
            prop_assert_eq!(world.room.apply(change.clone()), world.copy.apply(change));
            prop_assert_eq!(&world.room, &world.copy);
        }
    }
}

/// The random steps reach every rule that they are meant to reach.
#[test]
fn random_steps_lead_to_most_kinds_of_change() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..200 {
        let mut world = ReplayWorld::new(round % 4 != 0);
        for _ in 0..80 {
            let step = step().new_tree(&mut runner).expect("a step").current();
            world.take(&step).expect("copies stay equal");
        }
        let kinds = world.log.iter().map(|line| line.parse::<Change>().expect("a change").kind);
        seen.extend(kinds.map(|kind| super::generate::number(&kind)));
    }
    let all: std::collections::BTreeSet<_> = (0..super::generate::kinds().len()).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), [&0; 0], "kinds that no step leads to");
}
