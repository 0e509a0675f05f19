//! What the palette refuses by itself, from the line alone.
//!
//! *Owns* [`Refusal`] and its sentences.
//! *Knows nothing of* states.

use std::fmt;

use super::limits::{ECHOED_COLUMNS, MOST_BYTES, MOST_LINES, PASSWORD_LIKE_COMMAND};
use crate::chat::duration::LooksLikeDuration;
use crate::text;
use crate::ui::command::{self, Typed};

/// What a person asked for and cannot have, known from the line alone. Never an error that travels: it is shown to him
/// and that is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Plain text in the palette.
    NotACommand,
    /// A mark and a word that is no command.
    NoCommand {
        /// The mark typed.
        mark: char,
        /// The word typed, cut to a sensible length.
        word: String,
        /// The nearest command.
        hint: Option<&'static str>,
    },
    /// A line in the chat view that looks like a palette command; it is neither said nor run.
    LooksLikeCommand {
        /// The command it looks like; nothing if that would end something and was not typed in full.
        meant: Option<&'static str>,
    },
    /// A command that needs a current room.
    NoRoom,
    /// `:q` outside the chat view.
    NotInView,
    /// The arguments do not fit.
    Usage {
        /// The command with its arguments.
        syntax: String,
        /// How to use it.
        example: String,
    },
    /// The message is too long.
    TooLong {
        /// Characters it has.
        length: usize,
        /// Characters it may have.
        limit: usize,
    },
    /// A command about a room, in a conversation with one person.
    NotARoom,
    /// A message of many lines is too long.
    PasteTooLong {
        /// Lines it has.
        lines: usize,
        /// Bytes it has.
        bytes: usize,
    },
    /// A description or reason is too long.
    TextTooLong {
        /// Characters it has.
        length: usize,
        /// Characters it may have.
        limit: usize,
    },
    /// More names than one line may have.
    TooManyAddressees(usize),
    /// A temporary message's time is out of range: at most so many seconds.
    BadSeconds(u64),
    /// What looks like a duration and is none; cut to a sensible length.
    NotASpan(String),
    /// A room's password is too long: at most so many characters.
    PasswordTooLong(usize),
    /// A password for a room that begins like a command.
    PasswordLikeCommand,
    /// A command about accounts where there are none.
    NoAccounts,
    /// A password in the line of a command that asks for it by itself.
    PasswordInLine {
        /// The command with its arguments.
        syntax: String,
    },
    /// The two passwords of a new one are not the same.
    PasswordsDiffer,
    /// A number of entries out of range: at most so many.
    BadCount(usize),
    /// A key of `:set` that there is not.
    NoSetting {
        /// As typed.
        key: String,
        /// Rooms can be kept here.
        keep: bool,
    },
    /// A value that a key of `:set` does not take.
    BadSetting(&'static str),
    /// `@name` without a text.
    NoText,
    /// A comma at the end of the names.
    BlankInNames,
}

/// What is said when lines are taken for a message,
pub(super) const PASTE_BEGINS: &str = "Type or paste the lines of one message; a single . ends it, Ctrl-C drops it.";
/// and when they are dropped.
pub(super) const PASTE_DROPPED: &str = "Not said: no single . came to end the message.";

/// A dialogue about an account has ended without an answer.
pub(super) const NOTHING_CHANGED: &str = "Nothing changed.";

impl Refusal {
    /// How a typed command is to be used.
    pub(super) fn usage(typed: Typed<'_>) -> Refusal {
        let Some(spec) = command::find(typed.word) else { return Refusal::NotACommand };
        let example = format!("{}{}", typed.mark, &spec.example[1..]);
        Refusal::Usage { syntax: command::syntax(spec, typed.mark), example }
    }

    /// What is no duration where one could stand.
    pub(super) fn not_a_span(piece: LooksLikeDuration<'_>) -> Refusal {
        Refusal::NotASpan(text::truncate(piece.0, ECHOED_COLUMNS).to_owned())
    }

    /// A typed command has more behind it than it takes, and that may be a password.
    pub(super) fn password_in_line(typed: Typed<'_>) -> Refusal {
        let syntax = command::find(typed.word).map(|spec| command::syntax(spec, typed.mark));
        syntax.map_or(Refusal::NotACommand, |syntax| Refusal::PasswordInLine { syntax })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotACommand => f.write_str("That is not a command. :chat enters the chat view."),
            Refusal::NoCommand { mark, word, hint: Some(hint) } => {
                write!(f, "No command {mark}{word}. Did you mean {mark}{hint}?")
            }
            Refusal::NoCommand { mark, word, hint: None } => {
                write!(f, "No command {mark}{word}. {mark}help lists them.")?;
                if *mark == '/' { f.write_str(" A leading space says the line as it is.") } else { Ok(()) }
            }
            Refusal::LooksLikeCommand { meant: None } => f.write_str(
                "Not said, not run: it looks like a command. /help lists them, :q goes back; a leading space says it.",
            ),
            Refusal::LooksLikeCommand { meant: Some(meant) } => write!(
                f,
                "Not said, not run: it looks like a command. Type /{meant} here, or :q to go back; a leading space says it."
            ),
            Refusal::NoRoom => f.write_str("You are in no room. :rooms lists them, :join enters one."),
            Refusal::NotInView => f.write_str("You are not in the chat view. :chat opens it, :quit leaves the server."),
            Refusal::Usage { syntax, example } => write!(f, "Use it as {syntax}, for example {example}"),
            Refusal::TooLong { length, limit } => {
                write!(f, "Not said: {length} characters, and a message may have {limit}.")
            }
            Refusal::NotARoom => {
                f.write_str("That is for rooms, and you are in a conversation. :join makes a room the current one.")
            }
            Refusal::PasteTooLong { lines, bytes } => write!(
                f,
                "Not said: {}, {bytes} bytes; a message of many lines may have {MOST_LINES} lines and {MOST_BYTES} bytes.",
                if *lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
            ),
            Refusal::TextTooLong { length, limit } => {
                write!(f, "Too long: {length} characters, and such a text may have {limit}.")
            }
            Refusal::TooManyAddressees(most) => write!(f, "Too many names: {most} at once is the most."),
            Refusal::BadSeconds(most) => write!(f, "A temporary message lasts 1 to {most} seconds."),
            Refusal::NotASpan(piece) => write!(
                f,
                "{piece} is not a duration: that is numbers with units (s, m, h, d, w), such as 30s, 1h30m or 2 days, and at most 366 days."
            ),
            Refusal::PasswordTooLong(most) => write!(f, "A password has at most {most} characters."),
            Refusal::PasswordLikeCommand => f.write_str(PASSWORD_LIKE_COMMAND),
            Refusal::BadSetting("limit") => f.write_str("limit takes a number of people, or off."),
            Refusal::BadSetting("history") => f.write_str("history takes all, joined or none."),
            Refusal::BadSetting("slow") => {
                f.write_str("slow takes seconds or a time like 10m, six hours at most, or off.")
            }
            Refusal::BadSetting(key) => write!(f, "{key} takes on or off."),
            Refusal::BlankInNames => f.write_str(
                "Not sent: several names have commas and no blanks between them, as in @bob,carol and then the text.",
            ),
            Refusal::NoText => {
                f.write_str("There is no text behind the names: @bob,carol and then what you want to say.")
            }
            Refusal::NoAccounts => f.write_str("This server keeps no accounts."),
            Refusal::PasswordInLine { syntax } => {
                write!(f, "The password is asked for by itself: type {syntax} and nothing more.")
            }
            Refusal::PasswordsDiffer => f.write_str("The two passwords differ: nothing is changed."),
            Refusal::BadCount(most) => write!(f, "The number of entries is 1 to {most}."),
            Refusal::NoSetting { key, keep: false } => {
                write!(
                    f,
                    "There is no setting {key}: it is description, limit, password, public, invite, slow or history."
                )
            }
            Refusal::NoSetting { key, keep: true } => {
                write!(
                    f,
                    "There is no setting {key}: it is description, limit, password, public, invite, slow, history or keep."
                )
            }
        }
    }
}
