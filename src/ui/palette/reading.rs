//! Reads a line before it is run: it is a message, a command, addressed to somebody, an answer to a question, or a
//! mistake.
//!
//! *Owns* reading a line once, where it was typed: what it is, what it costs, and how much of it the recall keeps.
//! *Knows nothing of* what the line causes.

use super::arguments::check_message;
use super::cost;
use super::recall::without_password;
use super::refusal::{Refusal, echoed};
use super::{Palette, PaletteState, Rules};
use crate::chat::account_policy::AccountPolicy;
use crate::text;
use crate::ui::command::{self, Command, Cost, PlaceVerb, ServerVerb, Spec, Typed, Verb};

/// A line, read in the state in which it was typed. It is run in that state, or not at all.
pub struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) kind: ParsedLine<'a>,
    cost: Cost,
    comes_back: bool,
    is_recalled: bool,
}

/// What a line is.
pub(super) enum ParsedLine<'a> {
    /// Nothing to do.
    Nothing,
    /// An answer to a question.
    Answer,
    /// A line of a paste.
    Pasted,
    /// Text for the current conversation, short enough for a message.
    Said(&'a str),
    Command(Command<'a>),
    /// `:q` in the view.
    Back,
    /// `@name,name text`, in the view or not.
    Addressed {
        /// The names, with commas between them.
        to: &'a str,
        /// What is sent.
        text: &'a str,
    },
    /// A line that can be neither said nor run.
    Refused(Refusal),
}

impl<'a> Line<'a> {
    /// A line with nothing in it.
    pub fn empty() -> Line<'static> {
        Line { text: "", kind: ParsedLine::Nothing, cost: Cost::Free, comes_back: false, is_recalled: false }
    }

    /// As it was typed.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What it costs in the rate limits.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Whether it is said in the view, and so reappears as a message.
    pub(crate) fn comes_back(&self) -> bool {
        self.comes_back
    }

    /// What may be recalled of it: all of it, but never a password.
    pub(crate) fn recallable(&self) -> &'a str {
        if self.is_recalled { without_password(self.text) } else { "" }
    }
}

/// What a line in the chat view is.
#[derive(Clone, Copy)]
enum InView<'a> {
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
    Addressed { to: &'a str, text: &'a str },
}

/// Reads a line typed in the chat view. A line that begins with a blank is said as it is. If the blank only keeps the
/// rest from being read as a command or an address, it is not part of the text. Other blanks stay: they indent code.
fn read_in_view(line: &str, accounts: AccountPolicy) -> InView<'_> {
    if line.trim().is_empty() {
        return InView::Nothing;
    }
    if let Some(literal) = line.strip_prefix(' ') {
        return InView::Said(literally(literal).unwrap_or(line).trim_end());
    }
    let said = InView::Said(line.trim_end());
    if let Some((to, text)) = addressed(line) {
        return InView::Addressed { to, text };
    }
    let (Some((mark, body)), Some(typed)) = (command::split_mark(line), Typed::parse(line)) else { return said };
    if mark == '/' {
        return if body.starts_with(char::is_alphabetic) { InView::Command(typed) } else { said };
    }
    // The word may be separated from its mark (`: join staff secret`): what matters is the password in it, not the
    // blank.
    match command::resembling(typed.word, accounts) {
        Some(spec) if spec.verb == Verb::Place(PlaceVerb::Leave) && body.trim_end().len() == 1 => InView::Back,
        Some(spec) => InView::Mistaken(spec),
        None => said,
    }
}

/// What follows the blank that keeps a line from being read as a command or an address, if it would be.
pub(crate) fn literally(line: &str) -> Option<&str> {
    (command::split_mark(line).is_some() || without_at(line).is_some()).then_some(line)
}

/// What follows the `@` of an address, which keyboards for Chinese, Japanese or Korean type in full width.
fn without_at(line: &str) -> Option<&str> {
    text::trim_unseen_start(line).strip_prefix(['@', '\u{ff20}'])
}

/// Reads `@name,name text`: the names and the text.
pub(crate) fn addressed(line: &str) -> Option<(&str, &str)> {
    let (to, text) = command::split_word(without_at(line)?);
    (!text.is_empty() && to.starts_with(char::is_alphabetic)).then_some((to, text))
}

/// The command that was typed at the question for a room's password, if any. No room's password begins like a command,
/// so that a mistyped `:join` does not swallow the command after it. Words that are not commands are left alone: rooms
/// from before that rule may have such a password.
pub(super) fn command_instead(line: &str) -> Option<Command<'_>> {
    Command::parse(line)
}

/// Whether a line begins with a command that takes a text for others.
pub(super) fn is_talk(line: &str) -> bool {
    addressed(line).is_some() || Command::parse(line).is_some_and(|command| command.spec.verb.takes_text())
}

/// Whether a line at the login prompts means that the user wants to leave. No name can start with a mark.
pub(super) fn leaves_before_login(line: &str) -> bool {
    Command::parse(line).is_some_and(|command| {
        matches!(command.spec.verb, Verb::Server(ServerVerb::Quit) | Verb::Place(PlaceVerb::Leave))
    })
}

/// A word after a mark that is not a command. `sayable`: with a blank in front, the line would be said.
fn unknown(typed: Typed<'_>, rules: &Rules, sayable: bool) -> Refusal {
    let hint = command::suggestion(typed.word, rules.accounts);
    Refusal::NoCommand { mark: typed.mark, word: echoed(typed.word), hint, sayable }
}

/// A line in the view that looks like a command of the palette.
fn mistaken(line: &str, spec: &'static Spec, rules: &Rules) -> Refusal {
    if !spec.exists(rules.accounts) {
        return Refusal::NoAccounts;
    }
    let typed = Typed::parse(line).map_or("", |typed| typed.word);
    let exact = command::words(spec).any(|word| word.eq_ignore_ascii_case(typed));
    let meant = if exact { Some(spec.word) } else { command::suggestion(typed, rules.accounts) };
    Refusal::LooksLikeCommand { meant }
}

/// Plain text in the palette. Words that newcomers try first are answered with the command they mean.
fn plain_text(line: &str) -> Refusal {
    match line.trim().to_ascii_lowercase().as_str() {
        "help" | "?" => Refusal::NoMark { word: "help", does: "explains them" },
        "quit" | "exit" | "logout" => Refusal::NoMark { word: "quit", does: "leaves" },
        _ if without_at(line).is_some_and(|to| to.starts_with(char::is_alphabetic)) => Refusal::NoText,
        _ => Refusal::NotACommand,
    }
}

fn read_in_palette<'a>(line: &'a str, rules: &Rules) -> (ParsedLine<'a>, Cost) {
    if line.trim().is_empty() {
        return (ParsedLine::Nothing, Cost::Read(1));
    }
    if let Some((to, text)) = addressed(line) {
        return (ParsedLine::Addressed { to, text }, cost::of_addressing(to, text));
    }
    let Some(typed) = Typed::parse(line).filter(|typed| !typed.word.is_empty()) else {
        return (ParsedLine::Refused(plain_text(line)), Cost::Read(1));
    };
    match typed.command() {
        // Nobody can leave the palette for the palette, so this is answered like a mistake.
        Some(command) if command.spec.verb == Verb::Place(PlaceVerb::Leave) => {
            (ParsedLine::Command(command), Cost::Read(1))
        }
        Some(command) => (ParsedLine::Command(command), cost::of_command(&command)),
        None => (ParsedLine::Refused(unknown(typed, rules, false)), Cost::Read(1)),
    }
}

fn read_line_in_view<'a>(line: &'a str, rules: &Rules) -> (ParsedLine<'a>, Cost) {
    match read_in_view(line, rules.accounts) {
        InView::Nothing => (ParsedLine::Nothing, Cost::Read(1)),
        InView::Said(said) => {
            let kind = match check_message(said, rules) {
                Ok(()) => ParsedLine::Said(said),
                Err(_) if text::width(said) == 0 => ParsedLine::Nothing,
                Err(refusal) => ParsedLine::Refused(refusal),
            };
            (kind, cost::of_text(said))
        }
        InView::Command(typed) => match typed.command() {
            Some(command) => (ParsedLine::Command(command), cost::of_command(&command)),
            None => (ParsedLine::Refused(unknown(typed, rules, true)), Cost::Read(1)),
        },
        // Going back to the palette is free, because coming back here costs something.
        InView::Back => (ParsedLine::Back, Cost::Free),
        InView::Mistaken(spec) => (ParsedLine::Refused(mistaken(line, spec, rules)), Cost::Read(1)),
        InView::Addressed { to, text } => (ParsedLine::Addressed { to, text }, cost::of_addressing(to, text)),
    }
}

impl Palette {
    /// Reads a line, sanitised and without its end, where it was typed.
    pub(crate) fn read<'a>(&self, text: &'a str, rules: &Rules) -> Line<'a> {
        let is_blank = text.trim().is_empty();
        let (kind, cost) = match &self.state {
            PaletteState::Leaving => (ParsedLine::Nothing, Cost::Free),
            PaletteState::QuickRoom | PaletteState::Name { .. } => (ParsedLine::Answer, Cost::Read(1)),
            // Never delayed: what is typed here must not be run anywhere else. Wrong attempts have waits of their own.
            PaletteState::QuickPassword(_) | PaletteState::LoginPassword { .. } | PaletteState::Account { .. } => {
                (ParsedLine::Answer, Cost::Free)
            }
            PaletteState::Takeover(_) if is_blank || leaves_before_login(text) => (ParsedLine::Answer, Cost::Free),
            PaletteState::Takeover(_) => (ParsedLine::Answer, Cost::Read(1)),
            PaletteState::Password { .. } => match command_instead(text) {
                Some(command) => (ParsedLine::Command(command), cost::of_command(&command)),
                None => (ParsedLine::Answer, Cost::Free),
            },
            // The lines are bounded, and the last one pays for all.
            PaletteState::Paste { paste, .. } if paste.ends_with(text) => (ParsedLine::Pasted, paste.cost()),
            PaletteState::Paste { .. } => (ParsedLine::Pasted, Cost::Free),
            PaletteState::Palette => read_in_palette(text, rules),
            PaletteState::ChatView => read_line_in_view(text, rules),
        };
        let is_password = self.asks_password() && !matches!(kind, ParsedLine::Command(_));
        Line {
            comes_back: matches!(kind, ParsedLine::Said(_)),
            is_recalled: self.is_logged_in() && !is_password && !is_blank,
            text,
            kind,
            cost,
        }
    }

    /// Whether several lines that came as one are one message, or one command with its text, rather than separate
    /// lines.
    pub(crate) fn takes_whole(&self, lines: &str) -> bool {
        match self.state {
            PaletteState::ChatView => true,
            PaletteState::Palette => is_talk(lines) && lines.lines().skip(1).all(|line| Typed::parse(line).is_none()),
            PaletteState::QuickRoom
            | PaletteState::QuickPassword(_)
            | PaletteState::Name { .. }
            | PaletteState::LoginPassword { .. }
            | PaletteState::Takeover(_)
            | PaletteState::Password { .. }
            | PaletteState::Account { .. }
            | PaletteState::Paste { .. }
            | PaletteState::Leaving => false,
        }
    }
}
