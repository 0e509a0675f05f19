//! What a line costs in the rate limits.
//!
//! *Owns* the price of a text and of a command.
//! *Knows nothing of* where the line was typed.

use super::arguments;
use super::limits::MOST_ADDRESSEES;
use crate::chat::names;
use crate::ui::command::{self, Cost, Typed, Verb};

/// What a text costs: one message, and another one for every KiB of a text of many lines.
pub(super) fn cost_of_text(text: &str) -> Cost {
    let more = if text.contains('\n') { text.len() / 1024 } else { 0 };
    Cost::Post(1 + u32::try_from(more).unwrap_or(u32::MAX - 1))
}

pub(super) fn cost_of_addressing(to: &str, text: &str) -> Cost {
    let mut names: Vec<_> = to.split(',').filter(|name| !name.is_empty()).map(names::fold).collect();
    names.sort_unstable();
    names.dedup();
    let people = names.len().clamp(1, MOST_ADDRESSEES);
    match cost_of_text(text) {
        Cost::Post(one) => Cost::Post(one.saturating_mul(u32::try_from(people).unwrap_or(1))),
        other => other,
    }
}

pub(super) fn cost_of_command(typed: Typed<'_>) -> Cost {
    let Some(spec) = command::find(typed.word) else { return Cost::Read(1) };
    let (first, rest) = typed.split_rest();
    match spec.verb {
        // Without a text they only show something.
        Verb::Set | Verb::Topic if first.is_empty() => Cost::Read(1),
        Verb::Direct if rest.is_empty() => Cost::Read(1),
        Verb::Direct => cost_of_addressing(first, rest),
        Verb::Temporary => match arguments::temporary(typed.rest) {
            Some((_, Some(to), text)) => cost_of_addressing(to, text),
            _ => cost_of_text(typed.rest),
        },
        Verb::Say | Verb::Me | Verb::To | Verb::Reply | Verb::Edit => cost_of_text(typed.rest),
        _ => spec.cost,
    }
}

/// The same in the palette, which nobody can leave to the palette: there `:q` is answered like a mistake.
pub(super) fn cost_in_palette(typed: Typed<'_>) -> Cost {
    let leaves = command::find(typed.word).is_some_and(|spec| spec.verb == Verb::Leave);
    if leaves { Cost::Read(1) } else { cost_of_command(typed) }
}
