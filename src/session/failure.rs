//! Why a program's request failed: a code that stays the same, and a sentence for people.
//!
//! | code | when |
//! | --- | --- |
//! | `bad_json` | the line is not a JSON object, or a value has the wrong type |
//! | `too_long` | the line, the text, or a password is too long |
//! | `unknown_action` | there is no such action |
//! | `too_fast` | a rate limit; `wait` says how many milliseconds to wait |
//! | `no_room` | there is no such room, or the user is not in it |
//! | `no_person` | there is no such person here |
//! | `not_allowed` | the user may not; `password` is true where a password would help |
//! | `taken` | the name belongs to somebody else |
//! | `too_old` | the message is no longer in the history |
//! | `gone` | the message was deleted or has expired |
//! | `refused` | anything else; the sentence says what |
//!
//! *Owns* these codes, and which one a refusal gets. *Knows nothing of* the request, or of how an answer is written.

use std::time::{Duration, Instant};

use crate::chat::action::Denied;
use crate::chat::names::NameError;
use crate::protocol::json::{self, JsonError, JsonRequest};
use crate::ui::palette::{Answer, JoinRefusal, LoginRefusal, Refusal, RoomRefusal};

/// The code of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorCode {
    BadJson,
    Refused,
    UnknownAction,
    NoRoom,
    NoPerson,
    NotAllowed,
    Taken,
    TooLong,
    TooFast,
    TooOld,
    Gone,
}

impl ErrorCode {
    pub(super) fn word(self) -> &'static str {
        match self {
            ErrorCode::BadJson => "bad_json",
            ErrorCode::Refused => "refused",
            ErrorCode::UnknownAction => "unknown_action",
            ErrorCode::NoRoom => "no_room",
            ErrorCode::NoPerson => "no_person",
            ErrorCode::NotAllowed => "not_allowed",
            ErrorCode::Taken => "taken",
            ErrorCode::TooLong => "too_long",
            ErrorCode::TooFast => "too_fast",
            ErrorCode::TooOld => "too_old",
            ErrorCode::Gone => "gone",
        }
    }
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The id of the request, where it is not known otherwise.
    pub(super) id: Option<Box<str>>,
    pub(super) code: ErrorCode,
    /// Empty if only the code is known.
    pub(super) sentence: String,
    /// When the same request would not be too fast.
    pub(super) until: Option<Instant>,
    /// A password would help.
    pub(super) password: bool,
    /// It is not known yet whether it failed; the program is told later.
    pub(super) unknown: bool,
    /// What is wrong with a line, for the author of a program.
    pub(super) reason: Option<Box<str>>,
    pub(super) is_faulty_line: bool,
}

impl Failure {
    pub(super) fn new(code: ErrorCode, sentence: impl Into<String>) -> Failure {
        let (id, until, reason) = (None, None, None);
        let (password, unknown, is_faulty_line) = (false, false, false);
        Failure { id, code, sentence: sentence.into(), until, password, unknown, reason, is_faulty_line }
    }

    /// A refusal without a more specific code.
    pub(super) fn refused(sentence: impl Into<String>) -> Failure {
        Failure::new(ErrorCode::Refused, sentence)
    }

    fn with_password(self, password: bool) -> Failure {
        Failure { password, ..self }
    }

    pub(super) fn bad_json(error: &JsonError) -> Failure {
        Failure {
            id: error.id().map(Box::from),
            reason: Some(error.reason().into()),
            is_faulty_line: true,
            ..Failure::new(ErrorCode::BadJson, error.to_string())
        }
    }

    pub(super) fn not_utf8(request: &JsonRequest<'_>) -> Failure {
        Failure {
            id: request.id.as_deref().map(Box::from),
            is_faulty_line: true,
            ..Failure::new(ErrorCode::BadJson, "Not a JSON object: it is not UTF-8.")
        }
    }

    /// A line that begins like this.
    pub(super) fn line_too_long(start: &[u8], limit: usize) -> Failure {
        let sentence = format!("That line is too long: a line may have {limit} bytes. It was not read.");
        Failure {
            id: json::readable_id(start).map(String::into_boxed_str),
            is_faulty_line: true,
            ..Failure::new(ErrorCode::TooLong, sentence)
        }
    }

    pub(super) fn too_fast(id: Option<&str>, until: Instant) -> Failure {
        Failure { id: id.map(Box::from), until: Some(until), ..Failure::new(ErrorCode::TooFast, "") }
    }

    pub(super) fn waiting(code: ErrorCode, wait: Duration, now: Instant) -> Failure {
        Failure { until: now.checked_add(wait), ..Failure::new(code, "") }
    }

    /// Whether it counts towards the end of the connection.
    pub(super) fn is_of_a_faulty_line(&self) -> bool {
        self.is_faulty_line
    }

    /// The memory it takes while it waits for its turn, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        size_of::<Failure>() + text(&self.id) + text(&self.reason) + self.sentence.len()
    }
}

impl From<&Denied> for ErrorCode {
    fn from(denied: &Denied) -> ErrorCode {
        match denied {
            Denied::NotIn(_) => ErrorCode::NoRoom,
            Denied::NotHere { .. } | Denied::NotOnline(_) => ErrorCode::NoPerson,
            Denied::NotEntered(_)
            | Denied::NotAdmin(_)
            | Denied::NoAdmins(_)
            | Denied::NotOwner(_)
            | Denied::NotOpen(_)
            | Denied::Above { .. }
            | Denied::Configured(_)
            | Denied::Muted(..)
            | Denied::NotYours => ErrorCode::NotAllowed,
            Denied::Slow(..) => ErrorCode::TooFast,
            Denied::NoMessage | Denied::NothingYours => ErrorCode::Gone,
            Denied::NotSaid(_) | Denied::NotDone(_) | Denied::NotAtHand => ErrorCode::Refused,
            Denied::Yourself(_) | Denied::AsItIs(_) | Denied::ListFull | Denied::TooManyTemporary => ErrorCode::Refused,
        }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Failure {
        Failure::new(ErrorCode::from(&denied), denied.to_string())
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Failure {
        Failure::new(code_of_name(&error), error.to_string())
    }
}

/// A reserved name has the same code as a taken one: a hidden room is refused in the words for a reserved name, and its
/// code must not give it away.
fn code_of_name(error: &NameError) -> ErrorCode {
    if matches!(error, NameError::Reserved(_)) { ErrorCode::Taken } else { ErrorCode::Refused }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let code = match &refusal {
            Refusal::TooLong { .. }
            | Refusal::TooManyLines { .. }
            | Refusal::PasteTooLong { .. }
            | Refusal::TextTooLong { .. }
            | Refusal::PasswordTooLong(_) => ErrorCode::TooLong,
            Refusal::NoRoom | Refusal::NotInRoom(_) | Refusal::NotARoom => ErrorCode::NoRoom,
            Refusal::PasswordMissing => ErrorCode::NotAllowed,
            Refusal::Name(error) => code_of_name(error),
            Refusal::NotACommand
            | Refusal::NoMark { .. }
            | Refusal::NoCommand { .. }
            | Refusal::NoHelp { .. }
            | Refusal::LooksLikeCommand { .. }
            | Refusal::NotInView
            | Refusal::Usage { .. }
            | Refusal::PasteDropped
            | Refusal::TooManyNames(_)
            | Refusal::BadSeconds
            | Refusal::NotADuration(_)
            | Refusal::PasswordLikeCommand
            | Refusal::NoAccounts
            | Refusal::PasswordInLine { .. }
            | Refusal::PasswordsDiffer
            | Refusal::BadCount
            | Refusal::NoSetting { .. }
            | Refusal::BadSetting(_)
            | Refusal::NoText
            | Refusal::BlankInNames
            | Refusal::TakeOverOrCancel
            | Refusal::TypedRequest(_)
            | Refusal::NoTerminal
            | Refusal::NothingToSee
            | Refusal::EmptyMessage
            | Refusal::InView(..) => ErrorCode::Refused,
        };
        let password = refusal == Refusal::PasswordMissing;
        Failure::new(code, refusal.to_string()).with_password(password)
    }
}

/// The failure for a room that was not entered.
fn code_of_join(refusal: &JoinRefusal, now: Instant) -> Failure {
    let of = |code| Failure::new(code, "");
    match refusal {
        JoinRefusal::NotPublic { .. } => of(ErrorCode::NoRoom).with_password(true),
        JoinRefusal::NeedsPassword(_) | JoinRefusal::NoSuchRoomOrPassword => {
            of(ErrorCode::NotAllowed).with_password(true)
        }
        JoinRefusal::Waiting(wait) => Failure::waiting(ErrorCode::TooFast, *wait, now),
        JoinRefusal::Kicked { left, .. } => Failure::waiting(ErrorCode::NotAllowed, *left, now),
        JoinRefusal::Full { .. } | JoinRefusal::Banned { .. } | JoinRefusal::InviteOnly(_) => of(ErrorCode::NotAllowed),
        JoinRefusal::TooManyRooms(_) | JoinRefusal::Busy | JoinRefusal::NotShared(_) => of(ErrorCode::Refused),
        JoinRefusal::RoomRefusal(refusal) => of(code_of_creation(refusal)),
    }
}

fn code_of_creation(refusal: &RoomRefusal) -> ErrorCode {
    match refusal {
        RoomRefusal::Exists(_) | RoomRefusal::Reserved(_) | RoomRefusal::LooksLike { .. } => ErrorCode::Taken,
        RoomRefusal::Unfit(_)
        | RoomRefusal::TooManyYours(_)
        | RoomRefusal::TooManyAll
        | RoomRefusal::TooManyRooms(_)
        | RoomRefusal::PasswordLikeCommand
        | RoomRefusal::Busy
        | RoomRefusal::NotShared(_) => ErrorCode::Refused,
    }
}

pub(super) fn code_of_login(refusal: &LoginRefusal, now: Instant) -> Failure {
    match refusal {
        LoginRefusal::Wrong => Failure::new(ErrorCode::NotAllowed, "").with_password(true),
        LoginRefusal::Blocked => Failure::new(ErrorCode::NotAllowed, ""),
        LoginRefusal::TooMany(wait) => Failure::waiting(ErrorCode::TooFast, *wait, now),
        LoginRefusal::Busy | LoginRefusal::Unreadable(_) | LoginRefusal::NotShared | LoginRefusal::AddressFull(_) => {
            Failure::new(ErrorCode::Refused, "")
        }
    }
}

/// The failure that an answer stands for, if it is a refusal.
pub(super) fn code_of_answer(answer: &Answer, now: Instant) -> Option<Failure> {
    Some(match answer {
        Answer::NameTaken { .. } | Answer::NameLooksLike { .. } | Answer::Elsewhere { .. } => {
            Failure::new(ErrorCode::Taken, "")
        }
        Answer::NameUnfit(_) => Failure::refused(""),
        Answer::PasswordNeeded { .. } | Answer::GhostNeedsPassword { .. } => {
            Failure::new(ErrorCode::NotAllowed, "").with_password(true)
        }
        Answer::LoginRefused(refusal) => code_of_login(refusal, now),
        Answer::RoomRefusal(refusal) => Failure::new(code_of_creation(refusal), ""),
        Answer::JoinRefused { refusal, .. } => code_of_join(refusal, now),
        Answer::NameClaimed { .. }
        | Answer::Returned { .. }
        | Answer::PasswordWanted { .. }
        | Answer::RoomChecked { .. }
        | Answer::Joined { .. }
        | Answer::DirectOpened(_)
        | Answer::Lost(_)
        | Answer::PartnerRenamed(_) => return None,
    })
}
