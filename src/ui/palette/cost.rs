//! What a line costs in the rate limits.
//!
//! *Owns* the price of a text and of a command.
//! *Knows nothing of* where the line was typed.

use super::arguments::{self, TemporaryArguments};
use super::limits::MOST_ADDRESSEES;
use crate::chat::names;
use crate::ui::command::{Command, Cost, RoomVerb, TalkVerb, Verb};

/// What a text costs: one message, and one more for every KiB if it has several lines.
pub(super) fn of_text(text: &str) -> Cost {
    Cost::Post(messages(text))
}

fn messages(text: &str) -> u32 {
    let more = if text.contains('\n') { text.len() / 1024 } else { 0 };
    1 + u32::try_from(more).unwrap_or(u32::MAX - 1)
}

/// What a text to several users costs: the price of the text for each of them.
pub(super) fn of_addressing(to: &str, text: &str) -> Cost {
    let mut names: Vec<_> = to.split(',').filter(|name| !name.is_empty()).map(names::fold).collect();
    names.sort_unstable();
    names.dedup();
    let people = names.len().clamp(1, MOST_ADDRESSEES);
    Cost::Post(messages(text).saturating_mul(u32::try_from(people).unwrap_or(1)))
}

/// What a command costs.
pub(super) fn of_command(command: &Command<'_>) -> Cost {
    let (first, rest) = command.split_rest();
    match command.spec.verb {
        Verb::Talk(verb) => match verb {
            // Without a text it only shows something.
            TalkVerb::Direct if rest.is_empty() => Cost::Read(1),
            TalkVerb::Direct => of_addressing(first, rest),
            TalkVerb::Temporary => match arguments::temporary(command.rest) {
                Some(TemporaryArguments { to: Some(to), text, .. }) => of_addressing(to, text),
                _ => of_text(command.rest),
            },
            TalkVerb::Say | TalkVerb::Me | TalkVerb::To | TalkVerb::Reply | TalkVerb::Edit => of_text(command.rest),
            TalkVerb::Delete | TalkVerb::Paste | TalkVerb::History | TalkVerb::Search => command.spec.cost,
        },
        Verb::Room(RoomVerb::Set | RoomVerb::Topic) if first.is_empty() => Cost::Read(1),
        Verb::Server(_)
        | Verb::Place(_)
        | Verb::Room(_)
        | Verb::Member(_)
        | Verb::User(_)
        | Verb::File(_)
        | Verb::Account(_)
        | Verb::Operator(_)
        | Verb::Screen(_) => command.spec.cost,
    }
}
