//! Schedules made by hand: for each rule, one that goes wrong without it.

use super::*;

const ALL: &[usize] = &[0, 1, 2];

/// After so many rounds of half a second a silent node is dead to the others: its lease is 10 s.
const DEAD: usize = 25;

fn limited_to(limit: Option<usize>) -> RoomSettings {
    RoomSettings { limit, ..RoomSettings::default() }
}

impl World {
    /// Three nodes that are in, and a room.
    fn with_room(rule: Rule, limit: Option<usize>) -> World {
        let mut world = World::new(1, rule);
        world.calm = true;
        for node in &mut world.nodes {
            node.copy.room = RoomState::new(general(), Copy::beginning(limited_to(limit)));
        }
        world.rounds(20, ALL);
        let made = make(&world.nodes[0].copy.room);
        world.submit(0, made);
        world.rounds(2, ALL);
        for node in &world.nodes {
            assert!(node.core.is_loaded() && node.copy.version > 0, "the room is there: {:?}", node.core);
        }
        world
    }

    fn pass(&mut self) {
        (self.tick, self.redis.now) = (self.tick + 1, self.redis.now + 500);
    }

    /// Half a second, in which these nodes write and read.
    fn round(&mut self, nodes: &[usize]) {
        self.pass();
        for index in nodes {
            self.write(*index);
            self.read(*index, 50);
        }
    }

    fn rounds(&mut self, count: usize, nodes: &[usize]) {
        (0..count).for_each(|_| self.round(nodes));
    }

    /// What is sent in this half second is carried out, and no answer arrives.
    fn unanswered(&mut self, index: usize) {
        self.pass();
        self.mute = true;
        self.write(index);
        self.mute = false;
    }

    fn submit(&mut self, index: usize, commit: Commit) -> Ticket {
        let now = self.now();
        self.nodes[index].core.submit(Command::Commit(commit), now)
    }

    fn claim(&mut self, index: usize, client: u64, name: &str) {
        let now = self.now();
        let claim = Claim {
            name: name.into(),
            client: ClientId(client),
            before: None,
            instead_of: None,
            details: "".into(),
            address: "".into(),
            most: None,
        };
        let node = &mut self.nodes[index];
        let ticket = node.core.submit(Command::Claim(claim), now);
        node.tickets.push((ticket, format!("{client} {name}")));
    }

    /// A user's wish as a command that is bound to the room as their node knows it.
    fn decide(&self, index: usize, actor: &Actor, wish: Wish) -> Commit {
        let copy = &self.nodes[index].copy;
        let moment = Now { at: Timestamp::UNIX_EPOCH, last: MessageId(0) };
        let by = matches!(wish, Wish::Post { .. }).then_some(actor.who.client);
        let change = copy.room.decide(actor, wish, moment).expect("it is permitted");
        commit(&copy.room, change, Some(copy.version), by)
    }

    fn entry_of(&self, index: usize, client: u64, name: &str) -> Commit {
        let opened = Some(self.nodes[index].copy.room.door());
        self.decide(index, &actor(client, name), Wish::Enter { opened, membership: MembershipId(1) })
    }

    fn line_of(&self, index: usize, client: u64, name: &str, text: &str) -> Commit {
        let wish = Wish::Post { draft: Draft::said(text), said_at: Timestamp::UNIX_EPOCH };
        self.decide(index, &actor(client, name), wish)
    }

    /// A user comes in, and is in the room.
    fn arrive(&mut self, index: usize, client: u64, name: &str) {
        self.claim(index, client, name);
        self.rounds(2, ALL);
        let entered = self.entry_of(index, client, name);
        self.submit(index, entered);
        self.rounds(2, ALL);
        let node = &self.nodes[index];
        assert!(node.copy.users.contains_key(&client) && node.copy.room.member(ClientId(client)).is_some(), "{client}");
    }

    /// A line that everybody reads.
    fn say(&mut self, index: usize, client: u64, name: &str, text: &str) {
        let line = self.line_of(index, client, name, text);
        self.submit(index, line);
        self.rounds(3, ALL);
    }

    /// Another Redis takes over with what there was at that moment.
    fn turn_to(&mut self, state: Fake, run: &str) {
        let now = self.redis.now;
        self.replace(Fake { run: run.to_owned(), now, ..state });
    }

    /// One that has lost everything.
    fn lose_all(&mut self, run: &str) {
        let (kept, broken) = (self.redis.kept, self.redis.broken);
        self.turn_to(Fake { kept, broken, life: self.redis.life + 1, ..Fake::new(run) }, run);
    }

    fn newest_shown(&self, index: usize) -> u64 {
        self.nodes[index].copy.shown.last().map_or(0, |(id, _)| *id)
    }

    /// What is wrong once everything has healed. All names of members are their users'.
    fn verdict(mut self) -> Vec<String> {
        self.settle();
        self.check();
        let users: BTreeSet<u64> = self.nodes.iter().flat_map(|node| node.copy.users.keys().copied()).collect();
        for member in self.redis.members() {
            if !users.contains(&member.client.0) {
                self.faults.push(format!("{} is a member without a name", member.client));
            }
        }
        self.faults
    }
}

fn one_shows_their_own_line_after_those_before_it(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    world.arrive(1, 1002, "bob");
    let first = world.line_of(0, 1001, "alice", "one");
    world.submit(0, first);
    world.round(&[0]);
    // Before its node has read the other one.
    let second = world.line_of(1, 1002, "bob", "two");
    world.submit(1, second);
    world.pass();
    world.write(1);
    world
}

fn an_answer_is_lost(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    world.say(0, 1001, "alice", "one");
    let second = world.line_of(0, 1001, "alice", "two");
    world.submit(0, second);
    world.unanswered(0);
    // It connects again, and has not read yet that the line is in the log.
    for _ in 0..4 {
        world.pass();
        world.write(0);
    }
    world
}

fn one_is_banned_on_the_way_in(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.claim(1, 1002, "bob");
    world.rounds(2, ALL);
    let entered = world.entry_of(1, 1002, "bob");
    let operator = Actor { who: who(1, "root"), operator: true };
    let target = Target::parse("bob").expect("a target");
    let action = RoomAction::Ban { target, lasts: None, reason: String::new() };
    let banned = world.decide(0, &operator, Wish::Act { action, online: None, local: true });
    world.submit(0, banned);
    world.rounds(2, ALL);
    world.submit(1, entered);
    world
}

fn a_dead_node_wakes_with_something_to_say(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.claim(0, 1001, "alice");
    world.rounds(2, ALL);
    let entered = world.entry_of(0, 1001, "alice");
    world.submit(0, entered);
    world.rounds(DEAD, &[1, 2]);
    world.round(&[0]);
    world
}

/// A user of a node that has just died loses their name, and then there are no heartbeats for so long that time is excused.
fn a_name_is_taken_from_the_dead_before_all_fall_silent(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.claim(0, 1001, "alice");
    world.rounds(2, ALL);
    let beat = Duration::from_secs(3);
    while world.nodes[0].core.due(world.now()).saturating_duration_since(world.now()) < beat {
        world.round(ALL);
    }
    world.rounds(20, &[1, 2]);
    world.claim(2, 1003, "alice");
    world.round(&[2]);
    assert!(world.nodes[2].copy.users.contains_key(&1003), "the lease of the other node is over");
    (0..10).for_each(|_| world.pass());
    world.round(&[0]);
    world
}

fn messages_are_trimmed_before_one_reads_them(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    world.say(0, 1001, "alice", "seen");
    for text in ["1", "2", "3", "-", "-", "-", "-", "-", "-", "-", "-", "4", "5"] {
        let line = if text == "-" { world.entry_of(0, 1001, "alice") } else { world.line_of(0, 1001, "alice", text) };
        world.submit(0, line);
        world.round(&[0, 1]);
    }
    world
}

/// Redis loses a line, and another one follows.
fn a_line_is_lost(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    let state = world.redis.clone();
    world.say(0, 1001, "alice", "lost");
    world.turn_to(state, "0001");
    world.rounds(10, ALL);
    world.say(0, 1001, "alice", "said");
    world
}

/// Redis loses lines, and has more than ever before one node hears of it.
fn lost_lines_are_replaced_before_one_looks(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    let state = world.redis.clone();
    world.say(0, 1001, "alice", "lost");
    world.turn_to(state, "0001");
    world.rounds(6, &[0, 1]);
    for text in ["one", "two"] {
        let line = world.line_of(0, 1001, "alice", text);
        world.submit(0, line);
        world.rounds(3, &[0, 1]);
    }
    world
}

fn a_claim_is_lost(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    let state = world.redis.clone();
    world.claim(0, 1001, "alice");
    world.rounds(2, ALL);
    world.turn_to(state, "0001");
    // The first to ask gets it, and it must not stay with both.
    world.claim(1, 1002, "alice");
    world.rounds(8, &[1]);
    assert!(world.nodes[1].copy.users.contains_key(&1002), "this Redis knows of nobody else");
    world
}

/// A user's line, decided while they were a member, arrives when someone else has their place.
fn one_who_was_not_let_in_again_has_something_to_say(rule: Rule) -> World {
    let mut world = World::with_room(rule, Some(1));
    world.arrive(0, 1001, "alice");
    let line = world.line_of(0, 1001, "alice", "from outside");
    world.rounds(DEAD, &[1, 2]);
    world.claim(1, 1002, "bob");
    world.rounds(2, &[1, 2]);
    let entered = world.entry_of(1, 1002, "bob");
    world.submit(1, entered);
    world.rounds(10, ALL);
    assert!(world.nodes[0].core.is_loaded() && world.nodes[0].copy.room.member(ClientId(1001)).is_none());
    world.submit(0, line);
    world.rounds(3, ALL);
    world
}

/// A user enters while their node is cut off, and has lost their name when it is back.
fn one_waits_to_enter_under_a_name_that_another_takes(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.claim(0, 1001, "alice");
    world.rounds(2, ALL);
    world.nodes[0].cut = world.tick + DEAD as u64;
    world.round(ALL);
    let entered = world.entry_of(0, 1001, "alice");
    world.submit(0, entered);
    world.rounds(DEAD - 3, ALL);
    world.claim(1, 1002, "alice");
    world.rounds(10, ALL);
    world
}

/// Redis loses everything, and a node restores the room.
fn a_room_is_restored(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    for text in ["one", "two", "three"] {
        world.say(0, 1001, "alice", text);
    }
    world.lose_all("0001");
    world.rounds(10, ALL);
    world.say(0, 1001, "alice", "four");
    world
}

/// Redis loses everything, including which numbers it gave out.
fn numbers_are_given_by_two(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    let mut drawn = BTreeSet::new();
    for run in ["0001", "0002"] {
        for index in 0..3 {
            let number = world.nodes[index].core.number(NumberKind::Instance).expect("a number");
            if !drawn.insert(number) {
                world.faults.push(format!("{number} was given twice"));
            }
        }
        world.lose_all(run);
        world.rounds(20, ALL);
    }
    world
}

/// Each rule of a cluster, and how it is switched off.
#[test]
fn switching_off_any_rule_is_noticed() {
    type Schedule = fn(Rule) -> World;
    let broken = |broken| Rule { broken, ..Rule::default() };
    let skips = |skips| Rule { skips, ..Rule::default() };
    let rules: [(&str, Rule, Schedule); 16] = [
        ("order", Rule { echo: true, ..Rule::default() }, one_shows_their_own_line_after_those_before_it),
        (
            "once in the log",
            Rule {
                broken: Broken { repeats: true, ..Broken::default() },
                skips: Skips { repeats: true, ..Skips::default() },
                ..Rule::default()
            },
            an_answer_is_lost,
        ),
        ("permission", broken(Broken { versions: true, ..Broken::default() }), one_is_banned_on_the_way_in),
        ("the fence", broken(Broken { fence: true, ..Broken::default() }), a_dead_node_wakes_with_something_to_say),
        (
            "the end of a lease",
            broken(Broken { burials: true, ..Broken::default() }),
            a_name_is_taken_from_the_dead_before_all_fall_silent,
        ),
        ("gaps", skips(Skips { gaps: true, ..Skips::default() }), messages_are_trimmed_before_one_reads_them),
        ("the overlap", Rule { no_overlap: true, ..Rule::default() }, messages_are_trimmed_before_one_reads_them),
        ("terms", broken(Broken { terms: true, ..Broken::default() }), lost_lines_are_replaced_before_one_looks),
        (
            "numbers of messages left out",
            broken(Broken { numbers: true, above: true, ..Broken::default() }),
            a_line_is_lost,
        ),
        ("numbers left out", broken(Broken { numbers: true, ..Broken::default() }), numbers_are_given_by_two),
        ("numbers above those of another", broken(Broken { above: true, ..Broken::default() }), a_redis_is_back),
        ("claims", skips(Skips { claims: true, ..Skips::default() }), a_claim_is_lost),
        (
            "memberships",
            broken(Broken { members: true, ..Broken::default() }),
            one_who_was_not_let_in_again_has_something_to_say,
        ),
        (
            "new decisions",
            skips(Skips { decisions: true, ..Skips::default() }),
            one_waits_to_enter_under_a_name_that_another_takes,
        ),
        ("losses", skips(Skips { losses: true, ..Skips::default() }), a_line_is_lost),
        ("what is restored", broken(Broken { kept: true, ..Broken::default() }), a_room_is_restored),
    ];
    let mut wrong = Vec::new();
    for (name, rule, schedule) in rules {
        let faults = schedule(Rule::default()).verdict();
        if !faults.is_empty() {
            wrong.push(format!("{name}: {faults:#?}"));
        }
        let faults = schedule(rule).verdict();
        eprintln!("without {name}: {faults:?}");
        if faults.is_empty() {
            wrong.push(format!("{name}: nobody notices that it is switched off"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Another Redis takes over with the same state and gives out numbers; then the first one returns.
fn a_redis_is_back(rule: Rule) -> World {
    let mut world = World::with_room(rule, None);
    world.arrive(0, 1001, "alice");
    world.say(0, 1001, "alice", "one");
    let first = world.redis.clone();
    world.turn_to(first.clone(), "0001");
    world.rounds(10, ALL);
    world.say(0, 1001, "alice", "two");
    let run = first.run.clone();
    world.turn_to(first, &run);
    world.rounds(10, ALL);
    world.say(0, 1001, "alice", "three");
    world
}

#[test]
fn no_number_is_given_again_after_a_node_without_memory_was_the_first_in_a_redis_without_any() {
    let mut world = World::with_room(Rule::default(), None);
    world.arrive(0, 1001, "alice");
    world.arrive(1, 1002, "bob");
    for text in ["one", "two", "three"] {
        world.say(0, 1001, "alice", text);
    }
    let before = world.newest_shown(0);
    let own = world.nodes[0].core.number(NumberKind::Instance).expect("a number");
    world.lose_all("0001");
    let now = world.now();
    world.nodes[2] = fresh("c", now, Skips::default());
    world.rounds(10, &[2]);
    world.claim(2, 1003, "carol");
    let made = make(&world.nodes[2].copy.room);
    world.submit(2, made);
    world.rounds(3, &[2]);
    let entered = world.entry_of(2, 1003, "carol");
    world.submit(2, entered);
    world.rounds(3, &[2]);
    let line = world.line_of(2, 1003, "carol", "alone");
    world.submit(2, line);
    world.rounds(3, &[2]);
    assert!(world.nodes[2].core.number(NumberKind::Instance).is_some(), "it has numbers in hand");
    // The others come, and know more.
    world.rounds(20, ALL);
    world.say(2, 1003, "carol", "together");
    for index in 0..3 {
        assert!(world.newest_shown(index) > before, "{:?}", world.nodes[index].copy.shown);
    }
    let number = world.nodes[2].core.number(NumberKind::Instance).expect("a number");
    assert!(number > own, "{number} may be another one's, as {own} is");
    let faults = world.verdict();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_membership_of_an_earlier_registration_does_not_return() {
    let mut world = World::new(1, Rule::default());
    world.calm = true;
    let pass = |world: &mut World, indices: &[usize], reads: bool| {
        (world.tick, world.redis.now) = (world.tick + 1, world.redis.now + 500);
        for index in indices {
            world.write(*index);
            if reads {
                world.read(*index, 50);
            }
        }
    };
    let user = actor(1001, "alice");
    for _ in 0..20 {
        pass(&mut world, &[0, 1, 2], true);
    }
    let now = world.now();
    let room = make(&world.nodes[0].copy.room);
    drop(world.nodes[0].core.submit(Command::Commit(room), now));
    pass(&mut world, &[0, 1, 2], true);
    let node = &mut world.nodes[0];
    assert!(node.core.is_loaded() && node.copy.version > 0, "the room is there: {:?}", node.core);
    let wish = Wish::Enter { opened: Some(node.copy.room.door()), membership: MembershipId(1) };
    let moment = Now { at: Timestamp::UNIX_EPOCH, last: MessageId(0) };
    let entered = node.copy.room.decide(&user, wish, moment).expect("the room is open");
    let entered = commit(&node.copy.room, entered, Some(node.copy.version), None);
    let ticket = node.core.submit(Command::Commit(entered), now);
    let old = node.core.epoch();
    // The entry is in the log, but the node pauses before reading it.
    pass(&mut world, &[0], false);
    for _ in 0..30 {
        pass(&mut world, &[1, 2], true);
    }
    let mut passed = 0;
    while !world.nodes[0].core.is_loaded() || passed == 0 {
        pass(&mut world, &[0], false);
        // Registering takes two rounds.
        passed += usize::from(world.nodes[0].core.epoch() != old);
        if passed >= 2 {
            world.read(0, 50);
            assert!(
                world.nodes[0].copy.room.member(user.who.client).is_none(),
                "a member here, and not for the others"
            );
        }
        assert!(world.tick < 200, "it is not back: {:?}", world.nodes[0].core);
    }
    for _ in 0..3 {
        pass(&mut world, &[0, 1, 2], true);
    }
    assert_eq!(ticket.outcome(), Some(Outcome::NotSaid));
    assert_ne!(world.nodes[0].core.epoch(), old);
    world.check();
    assert!(world.faults.is_empty(), "{:#?}", world.faults);
}
