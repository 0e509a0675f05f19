//! That tokens of files cannot be guessed.

use std::sync::{Arc, mpsc};

use jiff::tz::TimeZone;

use super::*;
use crate::chat::file_name::FileName;
use crate::chat::message::ClientId;
use crate::chat::names::UserName;
use crate::chat::transfer::{Party, Token};
use crate::config::Config;
use crate::ui::screen::Clock;

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new(Config::default(), Clock::new(TimeZone::UTC), None, mpsc::channel().0, None))
}

/// An accepted transfer; returns its tokens.
fn accepted(hub: &Hub) -> [Token; 2] {
    let party = |client, name| Party {
        client: ClientId(client),
        account: None,
        name: UserName::parse(name, 1, 32).expect("a name"),
    };
    let (tokens, limits, now) = (Hub::fresh_tokens().expect("random numbers"), hub.transfer_limits(), Instant::now());
    hub.transfers.with_table(|table| {
        let (from, to, name) = (party(1, "alice"), party(2, "bob"), FileName::new("report.pdf"));
        let offered = table.offer(from, to, name, false, &limits, now).expect("offered");
        table.accept(ClientId(2), Some(offered.number), tokens, &limits, now).expect("accepted");
    });
    tokens
}

/// A token that nobody has, for each number.
fn guess(number: u64) -> String {
    let mut bytes = [0xa5; 10];
    bytes[2..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Token::new(bytes).to_string()
}

#[test]
fn a_million_guesses_find_nothing_and_all_but_a_few_are_not_even_looked_at() {
    let hub = hub();
    let [put, get] = accepted(&hub);
    let (mut looked_at, mut waits, mut found) = (0, 0, 0);
    for number in 0..1_000_000_u64 {
        // From many addresses, as the machines of a network that was taken over would.
        let address = IpAddr::from([192, 0, 2, 0].map(|part: u8| part.wrapping_add((number % 250) as u8)));
        match check(&guess(number), address, &hub, |token, now| hub.transfers.claim(token, Side::Receiver, now)) {
            Ok(_) => found += 1,
            Err(Refused::NoTransfer) => looked_at += 1,
            Err(Refused::Wait(left)) => {
                assert!(left > Duration::ZERO);
                waits += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(found, 0);
    assert!((3..=250 * 10).contains(&looked_at), "{looked_at} were looked at");
    assert_eq!(looked_at + waits, 1_000_000);
    // The owner of a token does not have to wait because of others' guesses, but neither token opens the other end.
    let address = IpAddr::from([198, 51, 100, 1]);
    let claim = |token: &Token, side| {
        check(&token.to_string(), address, &hub, |token, now| hub.transfers.claim(token, side, now))
    };
    assert!(claim(&put, Side::Receiver).is_err() && claim(&get, Side::Sender).is_err());
    assert!(claim(&put, Side::Sender).is_ok() && claim(&get, Side::Receiver).is_ok());
    assert!(claim(&get, Side::Receiver).is_err(), "a token serves once");
}
