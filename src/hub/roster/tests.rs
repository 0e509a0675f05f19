//! Names taken, given up and changed, and names that look alike.

use std::net::Ipv4Addr;
use std::thread;

use socket2::{Domain, Socket, Type};

use super::*;
use crate::outbox::{OutboxLimits, SlowReaders};

const HERE: PeerAddress = PeerAddress { address: IpAddr::V4(Ipv4Addr::LOCALHOST), shared: false };

/// An outbox whose peer reads nothing.
fn outbox(id: u64) -> Arc<Outbox> {
    let (ours, _) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("a pair");
    let limits = OutboxLimits { bytes: None, total: None, stall: None };
    Outbox::new(ClientId(id), ours.into(), Arc::new(SlowReaders::new(limits)))
}

fn name(text: &str) -> UserName {
    UserName::parse(text, 1, 12).expect("a name")
}

fn claim(roster: &Roster, id: u64, text: &str) -> Result<Arc<User>, NameInUseError> {
    roster.claim(&name(text), None, 12, &outbox(id), HERE, Instant::now())
}

fn user(roster: &Roster, id: u64, text: &str) -> Arc<User> {
    claim(roster, id, text).unwrap_or_else(|_| panic!("{text} is free"))
}

fn find(roster: &Roster, target: &str) -> Option<ClientId> {
    roster.find(&Target::parse(target).expect("a name")).map(|user| user.client())
}

#[test]
fn a_name_taken_in_other_case_is_refused_with_a_free_one_like_it() {
    let roster = Roster::default();
    user(&roster, 1, "bob");
    let Err(NameInUseError::Taken(Some(free))) = claim(&roster, 2, "BOB") else { panic!("it is taken") };
    assert!(free.as_str().starts_with("BOB") && free != name("BOB"), "{free}");
    assert!(claim(&roster, 2, free.as_str()).is_ok());
    let Err(NameInUseError::Taken(Some(other))) = claim(&roster, 3, "bob") else { panic!("it is taken") };
    assert_ne!(other, free, "what is suggested is free");
}

#[test]
fn a_new_name_frees_the_old_one_at_once() {
    let roster = Roster::default();
    let bob = user(&roster, 1, "bob");
    assert_eq!(roster.rename(&bob, &name("robert"), None, 12), Ok(name("bob")));
    assert_eq!((find(&roster, "bob"), find(&roster, "robert")), (None, Some(ClientId(1))));
    assert_eq!((bob.name().as_str(), bob.identity().name.as_str()), ("robert", "robert"));
    assert_eq!((bob.addressee().name.as_str(), roster.count()), ("robert", 1));
    assert!(claim(&roster, 2, "bob").is_ok());
}

#[test]
fn renaming_after_a_release_takes_the_old_name_from_nobody() {
    let roster = Roster::default();
    let before = user(&roster, 1, "bob");
    roster.release(&before);
    user(&roster, 2, "bob");
    assert_eq!(roster.rename(&before, &name("robert"), None, 12), Err(NameInUseError::Taken(None)));
    assert_eq!((find(&roster, "bob"), find(&roster, "robert")), (Some(ClientId(2)), None));
}

#[test]
fn a_name_of_another_user_is_not_taken_over_and_nothing_changes() {
    let roster = Roster::default();
    let (bob, _alice) = (user(&roster, 1, "bob"), user(&roster, 2, "alice"));
    let Err(NameInUseError::Taken(Some(free))) = roster.rename(&bob, &name("Alice"), None, 12) else {
        panic!("it is taken")
    };
    assert_eq!(bob.name(), name("bob"));
    assert_eq!((find(&roster, "alice"), find(&roster, "bob")), (Some(ClientId(2)), Some(ClientId(1))));
    assert_eq!(roster.rename(&bob, &free, None, 12), Ok(name("bob")));
    assert_eq!(roster.count(), 2);
}

fn looks_like(roster: &Roster, id: u64, text: &str) -> Option<UserName> {
    match claim(roster, id, text) {
        Err(NameInUseError::LooksLike(other)) => Some(other),
        _ => None,
    }
}

#[test]
fn a_name_that_looks_like_anothers_is_refused_until_the_other_one_is_gone() {
    let roster = Roster::default();
    let alice = user(&roster, 1, "alice");
    for text in ["aIice", "a1ice", "A1ICE"] {
        assert_eq!(looks_like(&roster, 2, text), Some(name("alice")), "{text}");
    }
    let bob = user(&roster, 2, "bob");
    assert_eq!(roster.rename(&bob, &name("aIice"), None, 12), Err(NameInUseError::LooksLike(name("alice"))));
    assert_eq!((bob.name().as_str(), find(&roster, "bob")), ("bob", Some(ClientId(2))));
    roster.release(&alice);
    assert!(roster.rename(&bob, &name("aIice"), None, 12).is_ok());
    assert_eq!(looks_like(&roster, 3, "alice"), Some(name("aIice")), "it holds both ways");
    assert!(roster.rename(&bob, &name("robert"), None, 12).is_ok());
    assert!(claim(&roster, 3, "a1ice").is_ok());
}

#[test]
fn an_account_comes_in_whatever_its_name_looks_like() {
    let roster = Roster::default();
    user(&roster, 1, "aIice");
    let login = Some(Login { account: AccountId(7), hash: Hashed::new("x") });
    let bob = user(&roster, 2, "bob");
    assert!(roster.rename(&bob, &name("a1ice"), login.clone(), 12).is_ok());
    assert!(roster.claim(&name("alice"), login, 12, &outbox(3), HERE, Instant::now()).is_ok());
    // Of two that look alike, one stays.
    roster.release(&bob);
    assert_eq!(looks_like(&roster, 4, "A1ice").map(|name| name.to_string()).as_deref(), Some("aIice"));
}

#[test]
fn a_user_may_take_a_look_alike_of_their_own_name() {
    let roster = Roster::default();
    let alice = user(&roster, 1, "alice");
    assert!(roster.rename(&alice, &name("aIice"), None, 12).is_ok());
    assert!(roster.rename(&alice, &name("AIICE"), None, 12).is_ok(), "and in other letters");
    roster.release(&alice);
    assert!(claim(&roster, 2, "alice").is_ok(), "nothing of it is left");
}

#[test]
fn a_suggestion_looks_like_no_other_users_name() {
    let roster = Roster::default();
    user(&roster, 1, "bob");
    user(&roster, 2, "b0b2");
    let Err(NameInUseError::Taken(Some(free))) = claim(&roster, 3, "bob") else { panic!("it is taken") };
    assert_eq!(free, name("bob3"));
}

#[test]
fn only_one_of_many_users_gets_one_of_the_look_alike_names() {
    let roster = Roster::default();
    let users: Vec<_> = (1..=8).map(|id| user(&roster, id, &format!("p{id}x"))).collect();
    let wanted = ["alice", "aIice", "a1ice", "Alice", "AIice", "ALICE", "AlIce", "A1ice"];
    let won = thread::scope(|scope| {
        let racing: Vec<_> = users
            .iter()
            .zip(wanted)
            .map(|(user, wanted)| {
                let roster = &roster;
                scope.spawn(move || roster.rename(user, &name(wanted), None, 12).is_ok())
            })
            .collect();
        racing.into_iter().filter_map(|thread| thread.join().expect("no panic").then_some(())).count()
    });
    assert_eq!((won, roster.count()), (1, 8));
}

#[test]
fn ones_own_name_may_change_its_case() {
    let roster = Roster::default();
    let bob = user(&roster, 1, "bob");
    assert!(roster.rename(&bob, &name("BoB"), None, 12).is_ok());
    assert_eq!(bob.name().as_str(), "BoB");
    assert_eq!((find(&roster, "bob"), roster.count()), (Some(ClientId(1)), 1));
    roster.release(&bob);
    assert_eq!((find(&roster, "bob"), roster.count()), (None, 0));
}

#[test]
fn only_one_of_many_users_gets_the_same_name() {
    let roster = Roster::default();
    let users: Vec<_> = (1..=8).map(|id| user(&roster, id, &format!("p{id}"))).collect();
    let won = thread::scope(|scope| {
        let racing: Vec<_> = users
            .iter()
            .map(|user| {
                let roster = &roster;
                scope.spawn(move || roster.rename(user, &name("king"), None, 12).is_ok())
            })
            .collect();
        racing.into_iter().filter_map(|thread| thread.join().expect("no panic").then_some(())).count()
    });
    assert_eq!((won, roster.count()), (1, 8));
    let king = find(&roster, "king").expect("it is in use");
    assert_eq!(users.iter().filter(|user| user.name() == name("king")).map(|p| p.client()).next(), Some(king));
}

#[test]
fn a_session_is_found_by_its_number_only_under_its_name() {
    let roster = Roster::default();
    let bob = user(&roster, 7, "bob");
    assert_eq!(find(&roster, "bob#7"), Some(ClientId(7)));
    assert_eq!((find(&roster, "bob#8"), find(&roster, "alice#7")), (None, None));
    assert_eq!(find(&roster, "@BOB"), Some(ClientId(7)));
    roster.rename(&bob, &name("robert"), None, 12).expect("free");
    assert_eq!((find(&roster, "bob#7"), find(&roster, "robert#7")), (None, Some(ClientId(7))));
}

#[test]
fn a_user_who_has_left_is_marked_and_does_not_release_a_successors_name() {
    let roster = Roster::default();
    let bob = user(&roster, 1, "bob");
    assert!(!bob.is_gone());
    roster.release(&bob);
    assert!(bob.is_gone());
    let next = user(&roster, 2, "bob");
    roster.release(&bob);
    assert_eq!(find(&roster, "bob"), Some(ClientId(2)));
    assert!(!next.is_gone());
}

#[test]
fn away_and_idle_are_kept() {
    let roster = Roster::default();
    let bob = user(&roster, 1, "bob");
    assert!(bob.set_away(Some("lunch".into())) && !bob.set_away(Some("lunch".into())));
    assert_eq!(bob.away().as_deref(), Some("lunch"));
    assert!(bob.set_away(None) && bob.away().is_none());
    let later = bob.since + Duration::from_secs(90);
    assert_eq!(bob.idle(later), Duration::from_secs(90));
    bob.typed(bob.since + Duration::from_secs(60));
    assert_eq!(bob.idle(later), Duration::from_secs(30));
}
