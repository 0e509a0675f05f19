//! Nobody has a rank that was not given to them, after any sequence of logins, renames, leaving, returning and restarts.

use proptest::prelude::*;

use super::*;
use crate::chat::message::AccountId;
use crate::chat::moderation::GRACE;
use crate::chat::room::{Change, ChangeKind};

const CONNECTIONS: usize = 3;

/// A user with a rank: an account, or a guest on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Account(AccountId),
    Guest(ClientId),
}

impl Holder {
    fn of(who: &Identity) -> Holder {
        who.account.map_or(Holder::Guest(who.client), Holder::Account)
    }
}

/// A user's action; users are numbered by connection.
#[derive(Clone, Debug)]
enum RankStep {
    Join(usize),
    Close(usize),
    /// The connection is lost, and a guest connects in its place.
    Lose(usize),
    Login(usize, u64),
    /// Takes another name that belongs to no account.
    Nick(usize, u8),
    /// One user makes another an admin, if they may.
    Promote(usize, usize),
    Demote(usize, usize),
    Kick(usize, usize),
    /// An operator removes a user, whatever their rank.
    Expel(usize),
    /// Longer than the room waits for a lost connection.
    Wait,
    /// The server restarts, and the room is read from disk; only for a kept room.
    Restart,
}

fn step() -> impl Strategy<Value = RankStep> {
    let who = 0..CONNECTIONS;
    prop_oneof![
        4 => who.clone().prop_map(RankStep::Join),
        2 => who.clone().prop_map(RankStep::Close),
        1 => who.clone().prop_map(RankStep::Lose),
        4 => (who.clone(), 0..4_u64).prop_map(|(who, account)| RankStep::Login(who, account)),
        2 => (who.clone(), 0..4_u8).prop_map(|(who, name)| RankStep::Nick(who, name)),
        2 => (who.clone(), who.clone()).prop_map(|(one, other)| RankStep::Promote(one, other)),
        1 => (who.clone(), who.clone()).prop_map(|(one, other)| RankStep::Demote(one, other)),
        1 => (who.clone(), who.clone()).prop_map(|(one, other)| RankStep::Kick(one, other)),
        1 => who.prop_map(RankStep::Expel),
        1 => Just(RankStep::Wait),
        1 => Just(RankStep::Restart),
    ]
}

fn account_named(number: u64) -> UserName {
    UserName::parse(&format!("account{number}"), 1, 12).expect("a name")
}

/// A room, three connections, and the ranks that were given in it.
struct RankWorld {
    room: Arc<Room>,
    kept: bool,
    people: Vec<Person>,
    members: Vec<ClientId>,
    holders: Vec<Holder>,
    now: Instant,
}

impl RankWorld {
    /// The first user has an account and created the room.
    fn new(kept: bool) -> RankWorld {
        let mut people: Vec<_> = (1..=CONNECTIONS as u64).map(Person::new).collect();
        people[0].who.account = Some(AccountId(0));
        people[0].who.name = account_named(0);
        let room = made_by(&people[0]);
        if kept {
            let keep = ChangeKind::Set { setting: Setting::Keep(true), by: people[0].who.addressee() };
            room.lock().room.apply(Change { at: Timestamp::UNIX_EPOCH, kind: keep });
        }
        let holders = vec![Holder::of(&people[0].who)];
        RankWorld { room, kept, members: vec![people[0].id()], people, holders, now: Instant::now() }
    }

    fn left(&mut self, who: &Identity, going: Going) {
        self.members.retain(|known| *known != who.client);
        // The room waits for a user who lost their connection.
        if going == Going::Asked && !(self.kept && who.account.is_some()) {
            self.put_out(who);
        }
    }

    /// A removed user is no longer an admin, not even in a room that is kept.
    fn put_out(&mut self, who: &Identity) {
        self.members.retain(|known| *known != who.client);
        let holder = Holder::of(who);
        self.holders.retain(|known| *known != holder);
    }

    fn identify(&mut self, who: usize, name: UserName, account: Option<AccountId>) {
        let before = self.people[who].who.clone();
        self.people[who].who = Identity { name, account, ..before.clone() };
        let person = &self.people[who];
        self.room.rename(person.id(), &before.name, || person.actor(), self.now);
        // A guest's rank passes to their account.
        if account.is_some() && before.account.is_none() && self.members.contains(&before.client) {
            let own = Holder::of(&self.people[who].who);
            for holder in &mut self.holders {
                if *holder == Holder::Guest(before.client) {
                    *holder = own;
                }
            }
        }
    }

    fn take(&mut self, step: RankStep) {
        self.now += Duration::from_millis(1);
        let now = self.now;
        match step {
            RankStep::Join(who) => {
                if self.people[who].visits(&self.room, now).is_ok() && !self.members.contains(&self.people[who].id()) {
                    self.members.push(self.people[who].id());
                }
            }
            RankStep::Close(who) => {
                self.room.leave(self.people[who].id(), STAY, Going::Asked, now);
                let who = self.people[who].who.clone();
                if self.members.contains(&who.client) {
                    self.left(&who, Going::Asked);
                }
            }
            RankStep::Lose(who) => {
                self.room.leave(self.people[who].id(), STAY, Going::Lost, now);
                let before = self.people[who].who.clone();
                if self.members.contains(&before.client) {
                    self.left(&before, Going::Lost);
                }
                // From another address, so that nobody is mistaken for another user.
                let id = self.people.iter().map(|person| person.id().0).max().unwrap_or(0) + 1;
                self.people[who] = Person::new(id);
            }
            RankStep::Login(who, account) => {
                let is_online = |person: &Person| person.who.account == Some(AccountId(account));
                if !self.people.iter().any(is_online) {
                    self.identify(who, account_named(account), Some(AccountId(account)));
                }
            }
            RankStep::Nick(who, name) => {
                let name = UserName::parse(&format!("g{who}n{name}"), 1, 12).expect("a name");
                self.identify(who, name, None);
            }
            RankStep::Promote(one, other) => {
                if self.people[one].acts(&self.room, RoomAction::Promote(self.people[other].named()), now).is_ok() {
                    self.holders.push(Holder::of(&self.people[other].who));
                }
            }
            RankStep::Demote(one, other) => {
                if self.people[one].acts(&self.room, RoomAction::Demote(self.people[other].named()), now).is_ok() {
                    let holder = Holder::of(&self.people[other].who);
                    self.holders.retain(|known| *known != holder);
                }
            }
            RankStep::Kick(one, other) => {
                let kick = RoomAction::Kick { target: self.people[other].named(), reason: String::new() };
                if self.people[one].acts(&self.room, kick, now).is_ok() {
                    let who = self.people[other].who.clone();
                    self.put_out(&who);
                }
            }
            RankStep::Expel(who) => {
                let kick = RoomAction::Kick { target: self.people[who].named(), reason: String::new() };
                let operator = Actor { who: Person::new(99).who.clone(), operator: true };
                if self.room.act(&operator, kick, None, false, now).is_ok() {
                    let who = self.people[who].who.clone();
                    self.put_out(&who);
                }
            }
            RankStep::Wait => {
                self.now += GRACE + Duration::from_secs(1);
                self.room.name_heir(self.now);
                let there = |holder: &Holder| {
                    let is_there =
                        |person: &Person| Holder::of(&person.who) == *holder && self.members.contains(&person.id());
                    // A user who is in the room under another account has not left it.
                    self.kept && matches!(holder, Holder::Account(_)) || self.people.iter().any(is_there)
                };
                let absent: Vec<_> = self.holders.iter().filter(|holder| !there(holder)).copied().collect();
                let has_place = |holder: &Holder| {
                    let state = self.room.lock();
                    let admins = state.room.moderation().lists(self.room.now(self.now).at).admins;
                    admins.iter().any(|admin| Holder::of(&admin.who) == *holder)
                };
                let gone: Vec<_> = absent.into_iter().filter(|holder| !has_place(holder)).collect();
                self.holders.retain(|holder| !gone.contains(holder));
            }
            RankStep::Restart if self.kept => {
                let snapshot = {
                    let state = self.room.lock();
                    state.snapshot(&self.room).room
                };
                let fresh = room(100_000);
                fresh.restore(snapshot, self.now, Timestamp::now());
                self.room = fresh;
                self.members.clear();
                self.holders.retain(|holder| matches!(holder, Holder::Account(_)));
                for who in 0..CONNECTIONS {
                    let id = self.people.iter().map(|person| person.id().0).max().unwrap_or(0) + 1;
                    self.people[who] = Person::new(id);
                }
            }
            RankStep::Restart => {}
        }
    }

    /// If nobody who was given a rank is present, the longest-standing member inherits, which counts as given.
    fn check(&mut self, step: &RankStep) -> Result<(), TestCaseError> {
        let at = self.room.now(self.now).at;
        let ranks: Vec<_> = (self.people.iter())
            .filter(|person| self.room.lock().room.moderation().rank(&person.who, at).is_some())
            .map(|person| (Holder::of(&person.who), person.id()))
            .collect();
        let strangers: Vec<_> = ranks.iter().filter(|(holder, _)| !self.holders.contains(holder)).collect();
        if let [(heir, client)] = strangers[..] {
            let others = self.room.lock().room.moderation().lists(at).admins.len() > 1;
            prop_assert!(!others, "{heir:?} has a rank beside others after {step:?}: {:?}", self.holders);
            // But not a member who was just demoted.
            let passed_over = match step {
                RankStep::Demote(_, who) => Some(self.people[*who].id()),
                _ => None,
            };
            let first = self.members.iter().find(|member| passed_over != Some(**member));
            prop_assert_eq!(first, Some(client), "who has been there longest inherits");
            let vacant = self.holders.iter().all(|holder| {
                let is_there =
                    |person: &Person| Holder::of(&person.who) == *holder && self.members.contains(&person.id());
                !(self.people.iter().any(is_there) || self.kept && matches!(holder, Holder::Account(_)))
            });
            prop_assert!(vacant, "{heir:?} has a rank after {step:?}, given to {:?}", self.holders);
            self.holders = vec![*heir];
        } else {
            prop_assert!(strangers.is_empty(), "{strangers:?} have ranks after {step:?}, given to {:?}", self.holders);
        }
        // And no member has lost theirs.
        for person in self.people.iter().filter(|person| self.members.contains(&person.id())) {
            let holder = Holder::of(&person.who);
            let has = ranks.iter().any(|(known, _)| *known == holder);
            prop_assert!(has || !self.holders.contains(&holder), "{holder:?} has lost a rank after {step:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..crate::proptest_config() })]

    #[test]
    fn no_sequence_of_logins_and_renames_gives_anyone_a_rank(
        kept in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = RankWorld::new(kept);
        for step in steps {
            world.take(step.clone());
            world.check(&step)?;
        }
    }
}
