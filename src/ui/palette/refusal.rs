//! What the palette refuses by itself, from the line alone.
//!
//! *Owns* [`Refusal`] and its sentences. *Knows nothing of* states, or of what the server refuses once it has tried.

use std::fmt;

use super::limits::{ECHOED_COLUMNS, LONGEST_TEMPORARY, MOST_AUDIT_ENTRIES, MOST_BYTES, MOST_LINES};
use crate::chat::duration::LooksLikeDuration;
use crate::chat::names::NameError;
use crate::text;
use crate::ui::command::{self, Command, Spec};

/// Why a text cannot be the password of a room.
pub(super) const PASSWORD_LIKE_COMMAND: &str = "A room's password cannot begin with : or /, because commands do.";

/// The possible answers to the question about another connection of the account.
pub(super) const TAKE_OVER: &str = "Enter takes over, :q cancels.";

/// Why a request of the user is refused. The sentence is shown after `! `. A refusal ends nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Plain text in the palette.
    NotACommand,
    /// A word in the palette that is a command without its mark.
    NoMark {
        word: &'static str,
        /// What it does, as part of a sentence.
        does: &'static str,
    },
    /// A mark and a word that is not a command.
    NoCommand {
        mark: char,
        /// The word typed, cut to a sensible length.
        word: String,
        /// The nearest command.
        hint: Option<&'static str>,
        /// Whether the line could have been said, as in the view.
        sayable: bool,
    },
    /// A word after `:help` that is neither command nor topic.
    NoHelp {
        mark: char,
        /// The word typed, cut to a sensible length.
        word: String,
        /// The nearest one.
        hint: Option<&'static str>,
    },
    /// A line in the chat view that looks like a palette command; it is neither said nor run.
    LooksLikeCommand {
        /// The command it looks like; `None` if that would end something and was not typed in full.
        meant: Option<&'static str>,
    },
    /// A command that needs a current room.
    NoRoom,
    /// A line for a room the user is not in.
    NotInRoom(String),
    /// `:q` outside the chat view.
    NotInView,
    /// The arguments do not fit.
    Usage {
        spec: &'static Spec,
        /// The mark it was typed with.
        mark: char,
    },
    /// What was given is not a valid name.
    Name(NameError),
    /// The message is too long.
    TooLong {
        length: usize,
        /// Characters it may have.
        limit: usize,
    },
    /// A command about a room, typed in a conversation with one user.
    NotARoom,
    /// A message of several lines that came as one is too long.
    TooManyLines { lines: usize, bytes: usize },
    /// The same where the lines came one by one, after `:paste`.
    PasteTooLong { lines: usize, bytes: usize },
    /// A paste that has not ended.
    PasteDropped,
    /// A description, reason or note is too long.
    TextTooLong {
        length: usize,
        /// Characters it may have.
        limit: usize,
    },
    /// More names than one line may have.
    TooManyNames(usize),
    /// The time of a temporary message is out of range.
    BadSeconds,
    /// A text that looks like a duration but is not one, cut to a sensible length.
    NotADuration(String),
    /// A password is too long: it may have this many characters.
    PasswordTooLong(usize),
    /// A password for a room that begins like a command.
    PasswordLikeCommand,
    /// A command about accounts where there are none.
    NoAccounts,
    /// A password in the line of a command that asks for it separately.
    PasswordInLine {
        spec: &'static Spec,
        /// The mark it was typed with.
        mark: char,
    },
    /// The two passwords of a new one are not the same.
    PasswordsDiffer,
    /// A number of entries outside the range of `:audit`.
    BadCount,
    /// An unknown key of `:set`.
    NoSetting {
        /// As typed.
        key: String,
        /// Whether rooms can be kept here.
        keep: bool,
    },
    /// A value that a key of `:set` does not take.
    BadSetting(&'static str),
    /// `@name` without a text.
    NoText,
    /// A comma at the end of the names.
    BlankInNames,
    /// Not one of the two answers to the question about another connection.
    TakeOverOrCancel,
    /// A program sends a command as a line that would ask a question: the typed request to use instead.
    #[cfg(feature = "json")]
    TypedRequest(&'static str),
    /// A program asks for something about its terminal.
    #[cfg(feature = "json")]
    NoTerminal,
    /// A program sends a message of invisible characters.
    #[cfg(feature = "json")]
    NothingToSee,
    /// A program sends a message without a text.
    #[cfg(feature = "json")]
    EmptyMessage,
    /// A program gives no password where one is needed.
    #[cfg(feature = "json")]
    PasswordMissing,
    /// The refusal of a line typed in the view, and the hint how to say the line there instead.
    InView(Box<Refusal>, String),
}

impl Refusal {
    /// How a typed command is to be used.
    pub(super) fn usage(command: &Command<'_>) -> Refusal {
        Refusal::Usage { spec: command.spec, mark: command.mark }
    }

    /// A typed command is followed by more than it takes, and that may be a password.
    pub(super) fn password_in_line(command: &Command<'_>) -> Refusal {
        Refusal::PasswordInLine { spec: command.spec, mark: command.mark }
    }

    /// Something that is not a duration where one may be given.
    pub(super) fn not_a_duration(piece: LooksLikeDuration<'_>) -> Refusal {
        Refusal::NotADuration(echoed(piece.0))
    }

    /// Whether the line is worth editing: if the server edits lines, it goes back into the editor.
    pub(super) fn returns_line(&self) -> bool {
        match self {
            Refusal::TooLong { .. } | Refusal::TooManyLines { .. } | Refusal::TextTooLong { .. } => true,
            Refusal::InView(refusal, _) => refusal.returns_line(),
            Refusal::NotACommand
            | Refusal::NoMark { .. }
            | Refusal::NoCommand { .. }
            | Refusal::NoHelp { .. }
            | Refusal::LooksLikeCommand { .. }
            | Refusal::NoRoom
            | Refusal::NotInRoom(_)
            | Refusal::NotInView
            | Refusal::Usage { .. }
            | Refusal::Name(_)
            | Refusal::NotARoom
            | Refusal::PasteTooLong { .. }
            | Refusal::PasteDropped
            | Refusal::TooManyNames(_)
            | Refusal::BadSeconds
            | Refusal::NotADuration(_)
            | Refusal::PasswordTooLong(_)
            | Refusal::PasswordLikeCommand
            | Refusal::NoAccounts
            | Refusal::PasswordInLine { .. }
            | Refusal::PasswordsDiffer
            | Refusal::BadCount
            | Refusal::NoSetting { .. }
            | Refusal::BadSetting(_)
            | Refusal::NoText
            | Refusal::BlankInNames
            | Refusal::TakeOverOrCancel => false,
            #[cfg(feature = "json")]
            Refusal::TypedRequest(_)
            | Refusal::NoTerminal
            | Refusal::NothingToSee
            | Refusal::EmptyMessage
            | Refusal::PasswordMissing => false,
        }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Refusal {
        Refusal::Name(error)
    }
}

/// How much of an unknown word is shown to the user who typed it.
pub(super) fn echoed(word: &str) -> String {
    text::truncate(word, ECHOED_COLUMNS).to_owned()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotACommand => f.write_str("That is not a command. :chat enters the chat view."),
            Refusal::NoMark { word, does } => write!(f, "Commands begin with a colon: :{word} {does}."),
            Refusal::NoCommand { mark, word, hint: Some(hint), .. } => {
                write!(f, "No command {mark}{word}. Did you mean {mark}{hint}?")
            }
            Refusal::NoCommand { mark, word, hint: None, sayable } => {
                write!(f, "No command {mark}{word}. {mark}help lists them.")?;
                if *sayable { f.write_str(" A leading space says the line as it is.") } else { Ok(()) }
            }
            Refusal::NoHelp { mark, word, hint: Some(hint) } => {
                write!(f, "No command or topic {word}. Did you mean {mark}help {hint}?")
            }
            Refusal::NoHelp { mark, word, hint: None } => {
                write!(f, "No command or topic {word}. {mark}help all lists every command.")
            }
            Refusal::LooksLikeCommand { meant: None } => f.write_str(
                "Not sent, not run: it looks like a command. /help lists them, :q goes back; a leading space says it.",
            ),
            Refusal::LooksLikeCommand { meant: Some(meant) } => write!(
                f,
                "Not sent, not run: it looks like a command. Type /{meant} here, or :q to go back; a leading space says it."
            ),
            Refusal::NoRoom => f.write_str("You are in no room. :rooms lists them, :join enters one."),
            Refusal::NotInRoom(room) => write!(f, "Not sent: you are not in {room}."),
            Refusal::NotInView => f.write_str("You are not in the chat view. :chat opens it, :quit leaves the server."),
            Refusal::Usage { spec, mark } if spec.arguments.is_empty() => {
                write!(f, "Use it as {}, with nothing after it.", command::syntax(spec, *mark))
            }
            Refusal::Usage { spec, mark } => {
                write!(f, "Use it as {}, for example {mark}{}", command::syntax(spec, *mark), &spec.example[1..])
            }
            Refusal::Name(error) => error.fmt(f),
            Refusal::TooLong { length, limit } => {
                write!(f, "Not sent: {length} characters, and a message may have {limit}.")
            }
            Refusal::NotARoom => {
                f.write_str("That is for rooms, and you are in a conversation. :join makes a room the current one.")
            }
            Refusal::TooManyLines { lines, bytes } | Refusal::PasteTooLong { lines, bytes } => write!(
                f,
                "Not sent: {}, {bytes} bytes; a message of many lines may have {MOST_LINES} lines and {MOST_BYTES} bytes.",
                if *lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
            ),
            Refusal::PasteDropped => f.write_str("Not sent: the message was not ended with a single dot."),
            Refusal::TextTooLong { length, limit } => {
                write!(f, "Too long: {length} characters; the limit is {limit}.")
            }
            Refusal::TooManyNames(most) => write!(f, "Too many names: the limit is {most} at once."),
            Refusal::BadSeconds => write!(f, "A temporary message lasts 1 to {LONGEST_TEMPORARY} seconds."),
            Refusal::NotADuration(piece) => write!(
                f,
                "{piece} is not a duration: write numbers with units (s, m, h, d, w), such as 30s, 1h30m or 2 days, and at most 366 days."
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
                "Not sent: separate the names with commas and no blanks, as in @bob,carol and then the text.",
            ),
            Refusal::NoText => {
                f.write_str("There is no text after the names: @bob,carol and then what you want to say.")
            }
            Refusal::NoAccounts => f.write_str("This server keeps no accounts."),
            Refusal::PasswordInLine { spec, mark } => {
                let syntax = command::syntax(spec, *mark);
                write!(f, "Type {syntax} alone: you are then asked for the password.")
            }
            Refusal::PasswordsDiffer => f.write_str("The two passwords differ: nothing was changed."),
            Refusal::BadCount => write!(f, "The number of entries must be 1 to {MOST_AUDIT_ENTRIES}."),
            Refusal::NoSetting { key, keep } => {
                write!(
                    f,
                    "There is no setting {key}. The settings are description, limit, password, public, invite, slow"
                )?;
                f.write_str(if *keep { ", history or keep." } else { " or history." })
            }
            Refusal::TakeOverOrCancel => f.write_str(TAKE_OVER),
            #[cfg(feature = "json")]
            Refusal::TypedRequest(action) => {
                write!(f, "That command asks questions. A program sends the action {action} instead.")
            }
            #[cfg(feature = "json")]
            Refusal::NoTerminal => f.write_str("That is about a terminal, and a program has none."),
            #[cfg(feature = "json")]
            Refusal::NothingToSee => f.write_str("Not sent: that text has only invisible characters."),
            #[cfg(feature = "json")]
            Refusal::EmptyMessage => f.write_str("Not sent: the message is empty."),
            #[cfg(feature = "json")]
            Refusal::PasswordMissing => f.write_str("The password is missing."),
            Refusal::InView(refusal, way_out) => write!(f, "{refusal}{way_out}"),
        }
    }
}
