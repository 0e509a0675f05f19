//! What a user sees after entering, or when they have to answer one more question first.
//!
//! *Owns* these sentences.
//! *Knows nothing of* states.

use super::answer::JoinedAs;
use crate::chat::names::{RoomName, UserName};
use crate::text::{others, people};

/// The greeting by name.
pub(super) fn hello(name: &UserName, online: usize, rooms: usize) -> String {
    let rooms = if rooms == 1 { "1 room".to_owned() } else { format!("{rooms} rooms") };
    format!("Hello {name}. {} online, {rooms}. :rooms lists them, :help explains.", people(online))
}

/// The name needs a password. The words are the same whether there is such an account or not.
pub(super) fn password_needed(name: &UserName) -> String {
    format!("The name {name} needs its password. Give it, or go back with Enter.")
}

/// The same for a program, which is asked nothing: it repeats the request with a password.
#[cfg(feature = "json")]
#[inline(never)]
pub(super) fn password_missing(name: &UserName) -> String {
    format!("The name {name} needs its password.")
}

/// What to type next: in the view a command starts with `/`.
pub(super) fn go_on(into_view: bool) -> &'static str {
    if into_view { "/close to leave." } else { ":chat to talk, :close to leave." }
}

/// The room is entered.
pub(super) fn joined(room: &RoomName, count: usize, how: JoinedAs, go_on: &str) -> String {
    let others = others(count);
    match how {
        JoinedAs::New => format!("Joined {room}, {others} here. {go_on}"),
        JoinedAs::Back => format!("Back to {room}, {others} here. {go_on}"),
        JoinedAs::Heir => format!("Joined {room}, {others} here, and you are its admin now. {go_on}"),
        JoinedAs::Creator => format!("Made {room}, you are its admin. {go_on}"),
    }
}

/// The conversation is open.
pub(super) fn direct_opened(name: &UserName, go_on: &str) -> String {
    format!("In conversation with {name}. {go_on}")
}

/// The quick listener could not lead into the room.
pub(super) fn quick_leftover() -> String {
    "You are in the palette now: :rooms lists the rooms, :join enters one.".to_owned()
}

/// The name is taken.
pub(super) fn name_taken(name: &UserName, free: Option<&UserName>) -> String {
    match free {
        Some(free) => format!("The name {name} is taken; {free} is free."),
        None => format!("The name {name} is taken. Try another one."),
    }
}

/// The name looks like that of another user.
pub(super) fn name_looks_like(name: &UserName, other: &UserName) -> String {
    format!("The name {name} looks like {other}, which is taken. Try another one.")
}
