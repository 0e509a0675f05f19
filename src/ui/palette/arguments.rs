//! Arguments of commands: names, numbers, switches, passwords.
//!
//! *Owns* how each is read.
//! *Knows nothing of* which command they stand behind.

use std::time::Duration;

use super::limits::{self, LONGEST_ROOM_PASSWORD, MOST_ADDRESSEES};
use super::refusal::Refusal;
use super::{Effect, Rules};
use crate::chat::duration;
use crate::chat::identity::Target;
use crate::chat::message::MessageId;
use crate::chat::names::{NameError, RoomName, USER_NAME_MAX, UserName};
use crate::chat::secret::Secret;
use crate::text;
use crate::ui::command::{self, Typed};
use crate::ui::screen::LineKind;

/// Most people invited with one line.
const MOST_INVITED: usize = 20;

/// Most people a room's limit can be set to.
const MOST_PEOPLE: usize = u32::MAX as usize;

/// The longest wait between two messages in a slow room: six hours, a quarter of the working day of people who have one.
const SLOWEST: Duration = Duration::from_secs(6 * 3600);

/// Longest network that can be written, in bytes: an IPv6 address that ends in an IPv4 one, and its prefix.
const LONGEST_NETWORK: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128".len();

pub(super) fn told(effects: &mut Vec<Effect>, refusal: impl std::fmt::Display) -> Option<()> {
    effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
    Some(())
}

pub(super) fn refuse(effects: &mut Vec<Effect>, refusal: &Refusal) {
    effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
}

/// Why a text cannot be said, if it cannot. Many lines are measured in bytes and lines, one line in characters.
pub(super) fn too_long(said: &str, rules: &Rules) -> Option<Refusal> {
    if said.contains('\n') {
        let lines = said.lines().count();
        return (!limits::fits(lines, said.len())).then_some(Refusal::PasteTooLong { lines, bytes: said.len() });
    }
    let length = text::grapheme_count(said);
    (length > rules.message_limit).then_some(Refusal::TooLong { length, limit: rules.message_limit })
}

/// Reads `[seconds] [@user,...] <text>`: the seconds as typed, the names, the text.
pub(super) fn temporary(rest: &str) -> Option<(Option<&str>, Option<&str>, &str)> {
    let (first, after) = rest.split_once([' ', '\n']).unwrap_or((rest, ""));
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let (seconds, rest) = if is_number { (Some(first), after.trim_start()) } else { (None, rest) };
    let (first, after) = rest.split_once([' ', '\n']).unwrap_or((rest, ""));
    let (to, text) = match first.strip_prefix('@') {
        Some(to) if to.starts_with(char::is_alphabetic) => (Some(to), after.trim()),
        _ => (None, rest.trim()),
    };
    (!text.is_empty()).then_some((seconds, to, text))
}

/// The number of a message, with or without its `#`. One that is too large for any message is still a number and not a
/// text: it finds none.
pub(super) fn message_id(word: &str) -> Option<MessageId> {
    let digits = word.strip_prefix('#').unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| MessageId(digits.parse().unwrap_or(u64::MAX)))
}

/// Reads names parted by commas. Nothing if one is wrong, or if there are too many, which is told.
pub(super) fn addressees(to: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<Vec<Target>> {
    let mut people: Vec<Target> = Vec::new();
    if to.ends_with(',') {
        // `@lee, max hello`: it would go to the first one alone, and tell him the name of the second.
        effects.push(Effect::Tell(LineKind::Refusal, Refusal::BlankInNames.to_string()));
        return None;
    }
    for name in to.split(',').filter(|name| !name.is_empty()) {
        match Target::parse_in(name, rules.known_names) {
            Ok(whom) if people.contains(&whom) => {}
            Ok(whom) => people.push(whom),
            Err(error) => {
                effects.push(Effect::Tell(LineKind::Refusal, error.to_string()));
                return None;
            }
        }
    }
    if people.len() > MOST_ADDRESSEES {
        effects.push(Effect::Tell(LineKind::Refusal, Refusal::TooManyAddressees(MOST_ADDRESSEES).to_string()));
        return None;
    }
    Some(people)
}

/// `on` and `off`, and other words for them.
pub(super) fn switch(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" => Some(true),
        "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// Reads one name; nothing if there is none, and the refusal is said if it is no name.
pub(super) fn whom(word: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<Option<Target>> {
    if word.is_empty() {
        return None;
    }
    Some(Target::parse_in(word, rules.known_names).map_err(|error| told(effects, error)).ok())
}

/// Reads names parted by blanks or commas.
pub(super) fn people(words: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<Option<Vec<Target>>> {
    let mut people: Vec<Target> = Vec::new();
    for word in words.split([' ', ',']).filter(|word| !word.is_empty()) {
        match Target::parse_in(word, rules.known_names) {
            Ok(whom) if people.contains(&whom) => {}
            Ok(whom) => people.push(whom),
            Err(error) => {
                told(effects, error);
                return Some(None);
            }
        }
    }
    if people.len() > MOST_INVITED {
        told(effects, Refusal::TooManyAddressees(MOST_INVITED));
        return Some(None);
    }
    (!people.is_empty()).then_some(Some(people))
}

/// A duration or a number of seconds; `off` is none.
pub(super) fn slow(word: &str) -> Option<Duration> {
    match word {
        "" => None,
        "off" | "0" => Some(Duration::ZERO),
        word => {
            let seconds = word.parse::<u64>().ok().map(Duration::from_secs);
            seconds.or_else(|| duration::parse(word)).filter(|wait| *wait <= SLOWEST)
        }
    }
}

/// The name of a room to be made.
pub(super) fn new_room(word: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Option<RoomName> {
    let parsed = RoomName::parse_in(word, rules.names).and_then(|room| match room.is_reserved() {
        true => Err(NameError::Reserved(word.to_owned())),
        false => Ok(room),
    });
    parsed.map_err(|error| told(effects, error)).ok()
}

pub(super) fn limit(value: &str) -> Option<Option<usize>> {
    match value {
        "0" | "off" | "none" | "-" => Some(None),
        number => number.parse().ok().filter(|limit| (1..=MOST_PEOPLE).contains(limit)).map(Some),
    }
}

/// A password for a room that is being set up; nothing if it cannot be one, which is told.
pub(super) fn new_password(typed: &str, effects: &mut Vec<Effect>) -> Option<Option<Secret>> {
    let refusal = match () {
        () if typed.chars().count() > LONGEST_ROOM_PASSWORD => Refusal::PasswordTooLong(LONGEST_ROOM_PASSWORD),
        () if command::begins_like_one(typed) => Refusal::PasswordLikeCommand,
        () => return Some(Secret::new(typed)),
    };
    effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
    None
}

/// The command that a line at the question is. No password of a room begins like one, so that a mistyped `:join` does not
/// swallow the command after it. Words that are no commands are left alone: rooms kept since before that rule may have
/// such a password.
pub(super) fn command_instead(line: &str) -> Option<Typed<'_>> {
    Typed::parse(line).filter(|typed| command::find(typed.word).is_some())
}

/// The one name of an account behind a command; nothing if there is none. If it cannot be one, or more follows, that is
/// told. Any length will do: an account may be older than the limits for names.
pub(super) fn account_named(typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<Option<UserName>> {
    let (name, more) = typed.split_rest();
    if name.is_empty() {
        return None;
    }
    if !more.is_empty() {
        refuse(effects, &Refusal::password_in_line(typed));
        return Some(None);
    }
    let name = UserName::parse_in(name, 1, USER_NAME_MAX, rules.known_names);
    Some(name.map_err(|error| effects.push(Effect::Tell(LineKind::Refusal, error.to_string()))).ok())
}

/// A network as typed, if it could be one.
pub(super) fn network(typed: &str) -> Option<String> {
    let could_be = !typed.is_empty() && typed.len() <= LONGEST_NETWORK && !typed.contains(' ');
    could_be.then(|| typed.to_owned())
}
