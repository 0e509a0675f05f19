//! The table of transfers: every state, and every limit.

use std::time::{Duration, Instant};

use super::*;
use crate::chat::file_name::FileName;

const LIMITS: TransferLimits =
    TransferLimits { at_once: 2, offer: Duration::from_secs(120), start: Duration::from_secs(600) };

fn party(client: u64, name: &str) -> Party {
    Party { client: ClientId(client), account: None, name: UserName::parse(name, 1, 32).expect("a name") }
}

fn alice() -> Party {
    party(1, "alice")
}

fn bob() -> Party {
    party(2, "bob")
}

fn tokens(number: u8) -> [Token; 2] {
    [Token::new([number; 10]), Token::new([number + 100; 10])]
}

struct TriedStep {
    table: TransferTable<&'static str>,
    now: Instant,
}

impl TriedStep {
    fn new() -> TriedStep {
        TriedStep { table: TransferTable::default(), now: Instant::now() }
    }

    fn offer(&mut self, sender: Party, receiver: Party, name: &str) -> Result<Offered, OfferError> {
        self.table.offer(sender, receiver, FileName::new(name), false, &LIMITS, self.now)
    }

    fn offer_to_bob(&mut self, name: &str) -> u64 {
        self.offer(alice(), bob(), name).expect("offered").number
    }

    fn accept(&mut self, number: u64) -> Accepted {
        let own = tokens(u8::try_from(number).expect("a small number"));
        self.table.accept(ClientId(2), Some(number), own, &LIMITS, self.now).expect("accepted")
    }

    fn start(&mut self, number: u64) -> Option<&'static str> {
        assert!(self.table.may_start(number, &LIMITS));
        self.table.start(number, 5_000)
    }

    fn stages(&self, client: u64) -> Vec<(u64, Side, Stage)> {
        self.table.list(ClientId(client)).into_iter().map(|known| (known.number, known.side, known.stage)).collect()
    }
}

#[test]
fn an_offer_is_accepted_run_and_gone() {
    let mut tried = TriedStep::new();
    let number = tried.offer_to_bob("report.pdf");
    assert_eq!(tried.stages(1), [(number, Side::Sender, Stage::Offered)]);
    assert_eq!(tried.stages(2), [(number, Side::Receiver, Stage::Offered)]);
    assert!(tried.stages(3).is_empty());
    let accepted = tried.accept(number);
    assert_eq!((accepted.from, accepted.ends), (0, tried.now + LIMITS.start));
    let [put, get] = tokens(1);
    assert!(tried.table.claim(&put, Side::Sender, tried.now).is_some());
    assert!(tried.table.claim(&get, Side::Receiver, tried.now).is_some());
    tried.start(number);
    assert_eq!(tried.stages(2), [(number, Side::Receiver, Stage::Running(5_000))]);
    let ended = tried.table.finish(number, None, tried.now).expect("was running");
    assert_eq!((ended.sender, ended.receiver), (alice(), Some(bob())));
    assert!(
        tried.stages(1).is_empty() && tokens(1).iter().all(|token| tried.table.look_at(token, tried.now).is_none())
    );
}

#[test]
fn a_token_opens_its_own_end_once_and_no_longer_than_its_time() {
    let mut tried = TriedStep::new();
    let number = tried.offer_to_bob("report.pdf");
    tried.accept(number);
    let [put, get] = tokens(1);
    assert_eq!(tried.table.claim(&put, Side::Receiver, tried.now), None, "the other end");
    assert_eq!(tried.table.claim(&get, Side::Sender, tried.now), None, "the other end");
    assert_eq!(tried.table.claim(&Token::new([9; 10]), Side::Sender, tried.now), None);
    for _ in 0..3 {
        assert!(tried.table.look_at(&get, tried.now).is_some(), "looking uses nothing up");
    }
    assert!(tried.table.claim(&put, Side::Sender, tried.now).is_some());
    assert_eq!(tried.table.claim(&put, Side::Sender, tried.now), None, "used up");
    let end = tried.now + LIMITS.start;
    assert_eq!(tried.table.claim(&get, Side::Receiver, end), None, "too late");
    assert!(tried.table.claim(&get, Side::Receiver, end - Duration::from_nanos(1)).is_some());
}

#[test]
fn a_sender_has_three_offers_waiting_and_more_once_one_is_answered() {
    let mut tried = TriedStep::new();
    let numbers: Vec<_> = ["a", "b", "c"].map(|name| tried.offer_to_bob(name)).into();
    assert_eq!(tried.offer(alice(), bob(), "d"), Err(OfferError::TooMany(3)));
    assert_eq!(tried.offer(alice(), party(3, "carol"), "d"), Err(OfferError::TooMany(3)));
    assert!(tried.offer(bob(), alice(), "d").is_ok());
    tried.accept(numbers[0]);
    assert!(tried.offer(alice(), bob(), "d").is_ok());
    tried.table.decline(ClientId(2), Some(numbers[1])).expect("declined");
    assert!(tried.offer(alice(), bob(), "e").is_ok());
    assert_eq!(tried.offer(alice(), bob(), "f"), Err(OfferError::TooMany(3)));
}

#[test]
fn a_sender_has_eight_accepted_transfers_waiting_at_most() {
    let mut tried = TriedStep::new();
    for _ in 0..8 {
        let number = tried.offer_to_bob("a");
        tried.accept(number);
    }
    assert_eq!(tried.offer(alice(), bob(), "a"), Err(OfferError::TooMany(8)));
}

#[test]
fn a_user_is_asked_by_sixteen_offers_at_most_and_the_table_is_bounded() {
    let mut tried = TriedStep::new();
    for client in 0..16 {
        assert!(tried.offer(party(100 + client, "someone"), bob(), "x").is_ok());
    }
    assert_eq!(tried.offer(alice(), bob(), "x"), Err(OfferError::TakesNone));
    for client in 16..4096 {
        assert!(tried.offer(party(100 + client, "someone"), party(10_000 + client, "other"), "x").is_ok());
    }
    assert_eq!(tried.offer(alice(), party(3, "carol"), "x"), Err(OfferError::TakesNone));
}

#[test]
fn without_a_number_the_only_offer_is_meant_and_several_are_an_error() {
    let mut tried = TriedStep::new();
    let accept = |tried: &mut TriedStep, number| {
        tried.table.accept(ClientId(2), number, tokens(50), &LIMITS, tried.now).map(|accepted| accepted.number)
    };
    assert_eq!(accept(&mut tried, None), Err(PickError::None));
    let first = tried.offer_to_bob("a");
    let second = tried.offer_to_bob("b");
    assert_eq!(accept(&mut tried, None), Err(PickError::Several(first)));
    assert_eq!(accept(&mut tried, Some(77)), Err(PickError::None));
    assert_eq!(accept(&mut tried, Some(second)), Ok(second));
    assert_eq!(accept(&mut tried, Some(second)), Err(PickError::None), "accepted already");
    assert_eq!(accept(&mut tried, None), Ok(first));
    let own = tried.table.accept(ClientId(1), Some(first), tokens(51), &LIMITS, tried.now);
    assert_eq!(own, Err(PickError::None), "one's own offer");
}

#[test]
fn either_of_the_two_declines_at_any_time_and_nobody_else() {
    let mut tried = TriedStep::new();
    for stage in 0..3 {
        for client in [1, 2] {
            let number = tried.offer_to_bob("a");
            if stage > 0 {
                tried.accept(number);
            }
            if stage > 1 {
                tried.start(number);
            }
            assert_eq!(tried.table.decline(ClientId(3), Some(number)), Err(PickError::None));
            let declined = tried.table.decline(ClientId(client), Some(number)).expect("declined");
            assert_eq!(declined.other.map(|other| other.client), Some(ClientId(3 - client)));
            assert_eq!(declined.was_running, stage > 1);
            // The relaying thread stops its bytes.
            assert_eq!(tried.table.finish(number, None, tried.now).is_some(), stage > 1);
            assert!(tried.stages(1).is_empty());
        }
    }
    assert_eq!(tried.table.decline(ClientId(1), None), Err(PickError::None));
}

#[test]
fn without_a_number_an_offer_is_declined_before_ones_own() {
    let mut tried = TriedStep::new();
    let own = tried.offer(bob(), alice(), "own").expect("offered").number;
    let asked = tried.offer_to_bob("asked");
    assert_eq!(tried.table.decline(ClientId(2), None).map(|declined| declined.number), Ok(asked));
    assert_eq!(tried.table.decline(ClientId(2), None).map(|declined| declined.number), Ok(own));
}

#[test]
fn an_offer_to_a_user_who_ignores_the_sender_waits_unseen_and_expires() {
    let mut tried = TriedStep::new();
    let offered = tried.table.offer(alice(), bob(), FileName::new("a"), true, &LIMITS, tried.now).expect("offered");
    assert!(tried.stages(2).is_empty());
    assert_eq!(tried.table.accept(ClientId(2), None, tokens(1), &LIMITS, tried.now), Err(PickError::None));
    assert_eq!(tried.table.decline(ClientId(2), Some(offered.number)), Err(PickError::None));
    let ended = tried.table.expire(offered.number, offered.ends).expect("over");
    assert_eq!((ended.sender, ended.receiver), (alice(), None));
}

#[test]
fn an_offer_and_an_accepted_transfer_expire_and_a_running_one_does_not() {
    let mut tried = TriedStep::new();
    let number = tried.offer_to_bob("a");
    let offered_until = tried.now + LIMITS.offer;
    assert_eq!(tried.table.expire(number, offered_until - Duration::from_nanos(1)), None);
    let late = tried.table.accept(ClientId(2), Some(number), tokens(9), &LIMITS, offered_until);
    assert_eq!(late, Err(PickError::None));
    tried.accept(number);
    assert_eq!(tried.table.expire(number, offered_until), None, "it has more time now");
    assert!(tried.table.expire(number, tried.now + LIMITS.start).is_some_and(|ended| ended.was_accepted));
    let number = tried.offer_to_bob("a");
    tried.accept(number);
    tried.start(number);
    assert_eq!(tried.table.expire(number, tried.now + LIMITS.start), None);
}

#[test]
fn a_user_who_leaves_ends_their_offers_but_not_accepted_transfers() {
    let mut tried = TriedStep::new();
    let waiting = tried.offer_to_bob("waiting");
    let to_alice = tried.offer(bob(), alice(), "to alice").expect("offered").number;
    let accepted = tried.offer_to_bob("accepted");
    tried.accept(accepted);
    let running = tried.offer_to_bob("running");
    tried.accept(running);
    tried.start(running);
    let gone: Vec<_> = tried.table.leave(ClientId(1)).into_iter().map(|ended| ended.number).collect();
    assert_eq!(gone, [waiting, to_alice]);
    let left: Vec<_> = tried.stages(2).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(left, [accepted, running]);
}

#[test]
fn a_limited_number_run_and_one_of_each_sender() {
    let mut tried = TriedStep::new();
    let first = tried.offer_to_bob("a");
    tried.accept(first);
    let second = tried.offer_to_bob("b");
    tried.accept(second);
    tried.start(first);
    assert!(!tried.table.may_start(second, &LIMITS), "alice sends already");
    let carols = tried.offer(party(3, "carol"), bob(), "c").expect("offered").number;
    tried.accept(carols);
    tried.start(carols);
    let daves = tried.offer(party(4, "dave"), bob(), "d").expect("offered").number;
    tried.accept(daves);
    assert!(!tried.table.may_start(daves, &LIMITS), "two run already");
    tried.table.finish(first, None, tried.now);
    assert!(tried.table.may_start(daves, &LIMITS) && tried.table.may_start(second, &LIMITS));
    assert!(!tried.table.may_start(99, &LIMITS));
}

#[test]
fn a_file_of_another_size_than_before_is_sent_from_its_beginning() {
    for (size, from, memory) in [(5_000, 1_000, Some("memory")), (5_001, 0, None)] {
        let mut tried = TriedStep::new();
        let first = tried.offer_to_bob("a");
        tried.accept(first);
        tried.start(first);
        tried.table.finish(first, Some((1_000, "memory")), tried.now);
        let again = tried.offer_to_bob("a");
        tried.table.note_size(again, size);
        assert_eq!(tried.accept(again).from, from, "{size}");
        assert_eq!(tried.start(again), memory, "{size}");
    }
}

#[test]
fn a_broken_transfer_is_resumed_where_it_broke_off_within_ten_minutes() {
    let mut tried = TriedStep::new();
    let broken_at = |tried: &mut TriedStep, at| {
        let number = tried.offer_to_bob("a");
        tried.accept(number);
        tried.start(number);
        tried.table.finish(number, Some((at, "memory")), tried.now);
    };
    broken_at(&mut tried, 1_000);
    assert_eq!(tried.offer(alice(), bob(), "b").map(|offered| offered.from), Ok(0), "another file");
    assert_eq!(tried.offer(party(3, "carol"), bob(), "a").map(|offered| offered.from), Ok(0), "another sender");
    let offered = tried.offer(alice(), bob(), "a").expect("offered");
    assert_eq!(offered.from, 1_000);
    assert_eq!(tried.accept(offered.number).from, 1_000);
    assert_eq!(tried.start(offered.number), Some("memory"));
    tried.table.finish(offered.number, None, tried.now);
    assert_eq!(tried.offer(alice(), bob(), "a").map(|offered| offered.from), Ok(0), "it is whole");
    tried.table.leave(ClientId(1));
    broken_at(&mut tried, 2_000);
    tried.now += RESUMABLE_FOR;
    assert_eq!(tried.offer(alice(), bob(), "a").map(|offered| offered.from), Ok(0), "too long ago");
}

const RESUMABLE_FOR: Duration = Duration::from_secs(600);

#[test]
fn a_transfer_that_begins_at_another_byte_gets_new_tokens_and_forgets_the_part_before() {
    let mut tried = TriedStep::new();
    let first = tried.offer_to_bob("a");
    tried.accept(first);
    tried.start(first);
    tried.table.finish(first, Some((1_000, "memory")), tried.now);
    let number = tried.offer_to_bob("a");
    tried.accept(number);
    let again = tried.table.begin_again(number, tokens(70), 900, &LIMITS, tried.now).expect("accepted");
    assert_eq!(again.from, 900);
    let [put, get] = tokens(2);
    assert!(tried.table.look_at(&put, tried.now).is_none() && tried.table.look_at(&get, tried.now).is_none());
    assert_eq!(tried.table.look_at(&tokens(70)[0], tried.now).map(|claim| claim.from), Some(900));
    assert_eq!(tried.table.begin_again(number, tokens(71), 800, &LIMITS, tried.now), None, "only once");
    assert_eq!(tried.start(number), None, "the state belongs to another beginning");
    assert_eq!(tried.table.begin_again(number, tokens(71), 0, &LIMITS, tried.now), None, "it runs");
}

#[test]
fn an_owner_of_an_account_resumes_on_another_connection_and_a_guest_of_the_same_name_does_not() {
    let owner = |client| Party { account: Some(AccountId(7)), ..party(client, "alice") };
    let mut tried = TriedStep::new();
    for (sender, later, resumed) in [(owner(1), owner(5), 1_000), (alice(), party(5, "alice"), 0)] {
        let number = tried.offer(sender, bob(), "a").expect("offered").number;
        tried.accept(number);
        tried.start(number);
        tried.table.finish(number, Some((1_000, "memory")), tried.now);
        assert_eq!(tried.offer(later, bob(), "a").map(|offered| offered.from), Ok(resumed));
        tried.table.leave(ClientId(5));
        tried.now += RESUMABLE_FOR;
    }
}

#[test]
fn a_renamed_user_is_listed_by_their_new_name() {
    let mut tried = TriedStep::new();
    tried.offer_to_bob("a");
    tried.table.rename(ClientId(1), &UserName::parse("alicia", 1, 32).expect("a name"));
    assert_eq!(tried.table.list(ClientId(2))[0].other.as_str(), "alicia");
}
