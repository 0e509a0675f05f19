//! What a line is before it is run: said, a command, addressed to somebody, or a command in the wrong place; what it
//! costs, and what of it may be remembered.
//!
//! *Owns* reading a line in the view, the price of a line, and which part of it is a password.
//! *Knows nothing of* what the line causes.
//! *Called by* `palette` alone.

use super::arguments::{command_instead, too_long};
use super::cost::{cost_in_palette, cost_of_addressing, cost_of_command, cost_of_text};
use super::{Palette, Rules, State};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::names;
use crate::ui::command::{self, Cost, Spec, Typed, Verb};

/// What a line in the chat view is.
#[derive(Clone, Copy, Debug)]
pub(super) enum InView<'a> {
    /// Nothing but blanks.
    Nothing,
    /// Text for the conversation.
    Said(&'a str),
    /// `/word …`.
    Command(Typed<'a>),
    /// `:q`.
    Back,
    /// `:word …` where the word is a command, or nearly one: it may carry a password.
    Mistaken(&'static Spec),
    /// `@name,name text`.
    Addressed {
        /// The names, parted by commas.
        to: &'a str,
        /// What is sent.
        text: &'a str,
    },
}

/// Reads a line typed in the chat view. A line that begins with a blank is said as it is; where the blank only keeps what
/// follows from being read as a command or an address, it is not part of the text. Others stay: they indent code.
pub(super) fn read_in_view(line: &str, accounts: AccountPolicy) -> InView<'_> {
    if line.trim().is_empty() {
        return InView::Nothing;
    }
    if let Some(literal) = line.strip_prefix(' ') {
        let said = if literal.starts_with([':', '/', '@']) { literal } else { line };
        return InView::Said(said.trim_end());
    }
    let mut characters = line.chars();
    let (first, second) = (characters.next(), characters.next());
    let letter_follows = second.is_some_and(char::is_alphabetic);
    match first {
        Some('/') if letter_follows => match Typed::parse(line) {
            Some(typed) => InView::Command(typed),
            None => InView::Said(line.trim_end()),
        },
        Some(':') => {
            // The word may stand apart from its mark (`: join staff secret`): the password in it counts, not the blank.
            let word = line[1..].split_whitespace().next().unwrap_or("");
            match command::resembling(word, accounts) {
                Some(spec) if spec.verb == Verb::Leave && line.trim_end().len() == 2 => InView::Back,
                Some(spec) => InView::Mistaken(spec),
                None => InView::Said(line.trim_end()),
            }
        }
        Some('@') if letter_follows => addressed(line).unwrap_or(InView::Said(line.trim_end())),
        _ => InView::Said(line.trim_end()),
    }
}

/// Reads `@name,name text`; nothing if there is no text.
pub(super) fn addressed(line: &str) -> Option<InView<'_>> {
    let (to, text) = line.strip_prefix('@')?.split_once([' ', '\n'])?;
    let text = text.trim();
    (!text.is_empty() && to.starts_with(char::is_alphabetic)).then_some(InView::Addressed { to, text })
}

/// Whether a command takes a text for others, which may have several lines.
pub(super) fn talks(verb: Verb) -> bool {
    matches!(verb, Verb::Say | Verb::To | Verb::Me | Verb::Direct | Verb::Reply | Verb::Edit | Verb::Temporary)
}

/// Whether a line begins with a command that takes a text for others.
pub(super) fn is_talk(line: &str) -> bool {
    let spec = Typed::parse(line).and_then(|typed| command::find(typed.word));
    addressed(line).is_some() || spec.is_some_and(|spec| talks(spec.verb))
}

/// A line up to where a password or a code would begin, if it is, or was meant to be, a command that takes one.
fn without_password(line: &str) -> &str {
    let Some(typed) = Typed::parse(line) else { return line };
    // What is suggested for a mistyped word counts as meant, too.
    // Here every command there is counts, also on a server without accounts: it takes nothing away but from the recall.
    let all = AccountPolicy::Optional;
    let meant = command::resembling(typed.word, all).or_else(|| command::nearest(typed.word, all));
    let Some(spec) = meant else { return line };
    let (first, rest) = typed.split_rest();
    let secret = match spec.verb {
        Verb::Join | Verb::Create => rest,
        Verb::Set if names::edit_distance(first, "password") <= 2 => rest,
        Verb::Login | Verb::Ghost => rest,
        Verb::Shutdown | Verb::Register | Verb::ChangePassword | Verb::Unregister => typed.rest,
        _ => return line,
    };
    // The secret is the rest of the line, blanks apart.
    line.trim_end().strip_suffix(secret).unwrap_or("").trim_end()
}

/// Whether a line at the login prompts means that the person wants out again. No name can start with a mark.
pub(super) fn leaves_before_login(line: &str) -> bool {
    Typed::parse(line)
        .and_then(|typed| command::find(typed.word))
        .is_some_and(|spec| matches!(spec.verb, Verb::Quit | Verb::Leave))
}

impl Palette {
    /// Whether the line would be said in the view, and so comes back as a message.
    pub fn would_say(&self, line: &str, rules: &Rules) -> bool {
        self.state == State::ChatView
            && matches!(read_in_view(line, rules.accounts), InView::Said(said) if too_long(said, rules).is_none())
    }

    /// Whether several lines that came as one are one message, or one command with its text, and not lines of their own.
    pub fn takes_whole(&self, lines: &str) -> bool {
        match self.state {
            State::ChatView => true,
            State::Palette => is_talk(lines) && lines.lines().skip(1).all(|line| Typed::parse(line).is_none()),
            _ => false,
        }
    }

    /// What may be recalled of a line: all of it, but never a password.
    pub fn recallable<'a>(&self, line: &'a str) -> &'a str {
        let command_instead = matches!(self.state, State::Password { .. }) && command_instead(line).is_some();
        if !self.is_logged_in() || (self.asks_password() && !command_instead) || line.trim().is_empty() {
            return "";
        }
        without_password(line)
    }

    /// What a line costs in the rate limits, by what it is where it was typed.
    pub fn cost(&self, line: &str, rules: &Rules) -> Cost {
        match &self.state {
            State::Leaving => Cost::Free,
            State::QuickRoom | State::Name { .. } => Cost::Read(1),
            // Never delayed: what is typed here must not be run anywhere else. Wrong tries have a wait of their own.
            State::QuickPassword(_) | State::LoginPassword { .. } | State::Account { .. } => Cost::Free,
            State::Takeover(_) if line.trim().is_empty() || leaves_before_login(line) => Cost::Free,
            State::Takeover(_) => Cost::Read(1),
            State::Password { .. } => command_instead(line).map_or(Cost::Free, cost_of_command),
            // The lines are bounded, and paid for with the last one.
            State::Paste { paste, .. } if line.trim_end() == "." => paste.cost(),
            State::Paste { .. } => Cost::Free,
            State::Palette => match addressed(line) {
                Some(InView::Addressed { to, text }) => cost_of_addressing(to, text),
                _ => Typed::parse(line).map_or(Cost::Read(1), cost_in_palette),
            },
            State::ChatView => match read_in_view(line, rules.accounts) {
                InView::Nothing => Cost::Read(1),
                // Back to the palette: whoever wants to come here again pays for that.
                InView::Back => Cost::Free,
                InView::Said(said) => cost_of_text(said),
                InView::Command(typed) => cost_of_command(typed),
                InView::Mistaken(_) => Cost::Read(1),
                InView::Addressed { to, text } => cost_of_addressing(to, text),
            },
        }
    }
}
