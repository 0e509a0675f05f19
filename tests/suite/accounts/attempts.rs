//! The limit of password attempts per address, over all names. Users at other addresses are not affected.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::support::home::{ASKED, History, Home, PASSWORD, give, prove};
use crate::support::{Client, Server};

const WRONG: &str = "! Wrong name or password.";
const TOO_MANY: &str = "! Too many passwords were tried from your address: try again in ";
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A server that exempts no address, with all other limits off.
fn strict(home: &Home) -> Server {
    let limits = "exempt = []\nconnections_per_ip = 0\nconnections_per_ip_per_minute = 0\nmessages_per_second = 0";
    home.start(History::Forgotten, &format!("accounts = \"required\"\n[limits]\n{limits}"))
}

/// A client from `address`, at the first question.
fn knock_from(address: Ipv4Addr, server: &Server) -> Client {
    let mut client = Client::connect_from(address, server.address());
    client.expect("Username: ");
    client
}

/// Makes one wrong attempt; returns the refusal.
fn fail(client: &mut Client, name: &str) -> String {
    client.send(name);
    give(client, "wrong");
    let told = client.expect("Username: ");
    told.lines().filter(|line| line.starts_with('!')).collect()
}

#[test]
fn an_address_has_twenty_passwords_over_all_names_and_the_next_is_not_compared() {
    let home = Home::new();
    home.accounts(&["alice", "bob"]);
    let server = strict(&home);
    let (mut first, mut second) = (knock_from(STRANGER, &server), knock_from(STRANGER, &server));
    let began = Instant::now();
    let mut refused = 0;
    for number in 0..24 {
        let client = if number % 2 == 0 { &mut first } else { &mut second };
        let told = fail(client, &format!("nobody{number}"));
        if told.starts_with(TOO_MANY) {
            refused += 1;
        } else {
            assert!(told.starts_with(WRONG), "{told}");
        }
    }
    // One more is allowed for every six seconds that this took.
    let more = usize::try_from(began.elapsed().as_secs() / 6 + 1).expect("a number");
    assert!((4_usize.saturating_sub(more)..=4).contains(&refused), "{refused} of 24, {more} more");
    // Not even the right password is compared, whichever way it is given.
    if more == 1 {
        first.send("alice");
        give(&mut first, PASSWORD);
        assert!(first.expect("Username: ").contains(TOO_MANY));
        prove(&mut first, ":ghost bob", PASSWORD);
        assert!(first.expect("Username: ").contains(TOO_MANY));
    }
    // The attempts of one address do not affect another.
    let mut alice = knock_from(OTHERS, &server);
    alice.send("alice");
    give(&mut alice, PASSWORD);
    alice.expect("* Hello alice. ");
}

#[test]
fn a_user_who_logs_in_many_times_is_not_taken_for_a_guesser() {
    let home = Home::new();
    home.accounts(&["alice"]);
    let server = strict(&home);
    for _ in 0..25 {
        let mut alice = knock_from(STRANGER, &server);
        alice.send("alice");
        give(&mut alice, PASSWORD);
        alice.expect("* Hello alice. ");
        alice.send(":quit");
        alice.expect_end();
    }
}

#[test]
fn an_exempt_address_has_ten_times_as_many_attempts_and_not_more() {
    let home = Home::new();
    let (exempt, own) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
    let server = home.start(History::Forgotten, "");
    let now = Instant::now();
    let count = |address: IpAddr, now: Instant| {
        let (limits, config) = (&server.hub().limits, server.hub().config());
        (0..1000).take_while(|_| limits.count_login(address, &config, now).is_ok()).count()
    };
    assert_eq!([exempt, own].map(|address| count(address, now)), [200, 20]);
    assert_eq!(server.hub().limits.count_login(own, &server.hub().config(), now), Err(Duration::from_secs(6)));
    let later = now + Duration::from_secs(60);
    assert_eq!([exempt, own].map(|address| count(address, later)), [100, 10]);
    // A customer's whole /56 counts as one address.
    let of = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0x100 + last, 0, 0, 0, 1]);
    assert_eq!((0..=255).map(|last| count(of(last), now)).sum::<usize>(), 20);
}

/// The outcome of a client's first attempt.
fn first_answer(client: &mut Client) -> String {
    client.expect("\r! ");
    format!("! {}", client.expect("\r\n"))
}

#[test]
fn logins_succeed_while_one_host_floods_the_server_with_passwords() {
    let home = Home::new();
    let names: Vec<_> = (0..15).map(|number| format!("person{number}")).collect();
    home.accounts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let server = home.start(History::Forgotten, "accounts = \"required\"");
    let mut flood: Vec<_> = (0..80).map(|_| knock_from(STRANGER, &server)).collect();
    for (number, client) in flood.iter_mut().enumerate() {
        let ahead: Vec<_> = (0..3).map(|round| format!("none{number}x{round}\r\nwrong")).collect();
        client.send(&ahead.join("\r\n"));
    }
    // Compared or refused, depending on how many others were faster.
    let mut first_answers = vec![first_answer(&mut flood[0])];
    let in_time: Vec<_> = names
        .iter()
        .map(|name| {
            let mut client = knock_from(OTHERS, &server);
            client.send(name);
            client.expect(ASKED);
            client.send(PASSWORD);
            client.expect("\r\n")
        })
        .collect();
    for (name, told) in names.iter().zip(&in_time) {
        assert!(told.contains(&format!("* Hello {name}. ")), "{told}");
    }
    first_answers.extend(flood[1..].iter_mut().map(first_answer));
    let refused = |answer: &String| answer.contains("Too many people are logging in just now.");
    let compared = first_answers.iter().filter(|answer| answer.contains(WRONG)).count();
    assert!(compared > 0 && first_answers.iter().all(|answer| refused(answer) || answer.contains(WRONG)));
}
