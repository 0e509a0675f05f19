//! The arguments of commands: names, numbers, switches, passwords.
//!
//! *Owns* how each is read.
//! *Knows nothing of* which command they belong to.

use std::time::Duration;

use super::Rules;
use super::limits::{self, LONGEST_ROOM_PASSWORD, MOST_ADDRESSEES, MOST_INVITED};
use super::refusal::Refusal;
use crate::chat::duration;
use crate::chat::identity::Target;
use crate::chat::message::MessageId;
use crate::chat::names::{NameError, RoomName, USER_NAME_MAX, UserName};
use crate::chat::secret::Secret;
use crate::text;
use crate::ui::command::{self, Command};

/// The highest limit that a room can be given.
const MOST_PEOPLE: usize = u32::MAX as usize;

/// The longest wait between two messages in a slow room: six hours, a quarter of a day.
const SLOWEST: Duration = Duration::from_secs(6 * 3600);

/// Longest network that can be written, in bytes: an IPv6 address that ends in an IPv4 one, and its prefix.
const LONGEST_NETWORK: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128".len();

/// Whether a text can be a message. Several lines are measured in bytes and lines, one line in characters.
pub(super) fn check_message(said: &str, rules: &Rules) -> Result<(), Refusal> {
    if said.contains('\n') {
        let (lines, bytes) = (said.lines().count(), said.len());
        return if limits::fits(lines, bytes) { Ok(()) } else { Err(Refusal::TooManyLines { lines, bytes }) };
    }
    let (length, limit) = (text::grapheme_count(said), rules.message_limit);
    if length > limit { Err(Refusal::TooLong { length, limit }) } else { Ok(()) }
}

/// Whether a text can be a description, a reason or a note. Each is one line.
pub(super) fn check_note(note: &str, rules: &Rules) -> Result<(), Refusal> {
    let (length, limit) = (text::grapheme_count(note), rules.message_limit);
    if length > limit { Err(Refusal::TextTooLong { length, limit }) } else { Ok(()) }
}

/// The arguments of `:temp`.
pub(super) struct TemporaryArguments<'a> {
    /// The seconds, as typed.
    pub(super) seconds: Option<&'a str>,
    /// The names after `@`, with commas between them.
    pub(super) to: Option<&'a str>,
    pub(super) text: &'a str,
}

/// Reads `[seconds] [@user,...] <text>`.
pub(super) fn temporary(rest: &str) -> Option<TemporaryArguments<'_>> {
    let (first, after) = command::split_word(rest);
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let (seconds, rest) = if is_number { (Some(first), after) } else { (None, rest) };
    let (first, after) = command::split_word(rest);
    let (to, text) = match first.strip_prefix('@') {
        Some(to) if to.starts_with(char::is_alphabetic) => (Some(to), after),
        _ => (None, rest.trim()),
    };
    (!text.is_empty()).then_some(TemporaryArguments { seconds, to, text })
}

/// The number of a message, with or without its `#`. A number too large for any message is still a number, not a text;
/// it matches no message.
pub(super) fn message_id(word: &str) -> Option<MessageId> {
    let digits = word.strip_prefix('#').unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| MessageId(digits.parse().unwrap_or(u64::MAX)))
}

/// The user that a command names.
pub(super) fn target(word: &str, command: &Command<'_>, rules: &Rules) -> Result<Target, Refusal> {
    if word.is_empty() {
        return Err(Refusal::usage(command));
    }
    Ok(Target::parse_in(word, rules.known_names)?)
}

/// Reads names, each once.
fn targets<'a>(names: impl Iterator<Item = &'a str>, most: usize, rules: &Rules) -> Result<Vec<Target>, Refusal> {
    let mut targets: Vec<Target> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let target = Target::parse_in(name, rules.known_names)?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.len() > most { Err(Refusal::TooManyNames(most)) } else { Ok(targets) }
}

/// Reads the names of those who get a message, with commas between them.
pub(super) fn addressees(to: &str, rules: &Rules) -> Result<Vec<Target>, Refusal> {
    if to.ends_with(',') {
        // `@lee, max hello` would go to the first one only, and show them the name of the second.
        return Err(Refusal::BlankInNames);
    }
    targets(to.split(','), MOST_ADDRESSEES, rules)
}

/// Reads the names of users to invite, with blanks or commas between them.
pub(super) fn invited(names: &str, command: &Command<'_>, rules: &Rules) -> Result<Vec<Target>, Refusal> {
    let invited = targets(names.split(|c: char| c.is_whitespace() || c == ','), MOST_INVITED, rules)?;
    if invited.is_empty() { Err(Refusal::usage(command)) } else { Ok(invited) }
}

/// `on`, `off` and their synonyms.
pub(super) fn switch(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" => Some(true),
        "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// A duration or a number of seconds; `off` means none.
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

/// The limit of a room; `None` is no limit.
pub(super) fn limit(value: &str) -> Result<Option<usize>, Refusal> {
    match value {
        "0" | "off" | "none" | "-" => Ok(None),
        number => match number.parse() {
            Ok(limit @ 1..=MOST_PEOPLE) => Ok(Some(limit)),
            Ok(_) | Err(_) => Err(Refusal::BadSetting("limit")),
        },
    }
}

/// The name of a new room.
pub(super) fn new_room(word: &str, rules: &Rules) -> Result<RoomName, Refusal> {
    let room = RoomName::parse_in(word, rules.names)?;
    if room.is_reserved() { Err(NameError::Reserved(word.to_owned()).into()) } else { Ok(room) }
}

/// A password for a room that is being set up; `None` for none.
pub(super) fn new_password(typed: &str) -> Result<Option<Secret>, Refusal> {
    if typed.chars().count() > LONGEST_ROOM_PASSWORD {
        Err(Refusal::PasswordTooLong(LONGEST_ROOM_PASSWORD))
    } else if command::begins_with_mark(typed) {
        Err(Refusal::PasswordLikeCommand)
    } else {
        Ok(Secret::new(typed))
    }
}

/// The one account name after a command. Any length is accepted: an account may be older than the limits for names.
pub(super) fn account_name(command: &Command<'_>, rules: &Rules) -> Result<UserName, Refusal> {
    let (name, more) = command.split_rest();
    if name.is_empty() {
        return Err(if rules.accounts.are_enabled() { Refusal::usage(command) } else { Refusal::NoAccounts });
    }
    if !more.is_empty() {
        return Err(Refusal::password_in_line(command));
    }
    Ok(UserName::parse_in(name, 1, USER_NAME_MAX, rules.known_names)?)
}

/// A network as typed, if it could be one.
pub(super) fn network(typed: &str, command: &Command<'_>) -> Result<String, Refusal> {
    let could_be = !typed.is_empty() && typed.len() <= LONGEST_NETWORK && !typed.contains(' ');
    if could_be { Ok(typed.to_owned()) } else { Err(Refusal::usage(command)) }
}

/// An optional duration, and what follows it.
pub(super) fn lasts_and_reason(rest: &str) -> Result<(Option<Duration>, &str), Refusal> {
    duration::lasts_and_reason(rest).map_err(Refusal::not_a_duration)
}
