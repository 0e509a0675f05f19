//! The rules of a room without a socket or a thread.
//!
//! `generate` makes changes of every kind, `text_form` writes and reads them, and `replay` checks that copies of a room
//! stay equal for any sequence of wishes. The tests of `hub::room` check what users see of the rules.

mod generate;
mod replay;
mod text_form;

use jiff::Timestamp;

use crate::chat::identity::Identity;
use crate::chat::message::{AccountId, Addressee, ClientId};
use crate::chat::names::{RoomName, UserName};

fn name(text: &str) -> UserName {
    UserName::parse(text, 1, 32).expect("a name")
}

fn room_name() -> RoomName {
    RoomName::parse("den").expect("a name")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a moment")
}

fn guest(client: u64, called: &str, address: &str) -> Identity {
    let address = address.parse().expect("an address");
    Identity { client: ClientId(client), name: name(called), address, shared: false, account: None }
}

fn account(client: u64, called: &str, address: &str, account: u64) -> Identity {
    Identity { account: Some(AccountId(account)), ..guest(client, called, address) }
}

fn alice() -> Addressee {
    Addressee { client: ClientId(1001), name: name("alice") }
}
