//! What the palette asks the session to do.
//!
//! *Owns* [`Effect`], the one list of everything that a line can cause, in groups that are each matched whole.
//! *Knows nothing of* how any of it is done.
//!
//! The stack of every connection holds several effects, so large parts are boxed. None shows a password or a code in
//! its `Debug`.

use std::sync::Arc;
use std::time::Duration;

use super::refusal::Refusal;
use crate::chat::action::RoomAction;
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::identity::Target;
use crate::chat::message::{Draft, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::text::Charset;
use crate::ui::command::HelpPage;
use crate::ui::screen::{Bell, LineKind};

/// What the session carries out, in the order given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Show the user a line.
    Tell(LineKind, String),
    /// The line is too long. If the server edits lines, the user gets it back to shorten it.
    GiveBack,
    /// Post something to a conversation.
    Say {
        to: Conversation,
        /// Sanitised, within the limit.
        draft: Box<Draft>,
        /// Whether the author is not viewing that conversation, and so is shown the number of their message.
        confirm: bool,
    },
    /// About the login, and other connections of the account.
    Login(LoginEffect),
    /// About the user's account.
    Account(AccountEffect),
    /// Going somewhere, or leaving.
    Place(PlaceEffect),
    /// About a room.
    Room(RoomEffect),
    /// About messages other than the ordinary one.
    Message(MessageEffect),
    Show(ShowEffect),
    /// How others see the user, and how the user sees others.
    User(UserEffect),
    /// About files between two users.
    File(FileEffect),
    /// For the whole server.
    Operator(OperatorEffect),
    /// About the user's terminal.
    Screen(ScreenEffect),
    /// The user leaves the server.
    Quit,
}

/// About the login, and other connections of the account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LoginEffect {
    /// Take the name, or find out that it is taken: answered by `NameClaimed`, `NameTaken`, `NameLooksLike`, `NameUnfit` or
    /// `PasswordNeeded`.
    ClaimName(UserName),
    /// Log in to an account, before anything else: answered by `NameClaimed`, `Elsewhere` or `LoginRefused`.
    Login {
        name: UserName,
        /// As typed.
        password: Secret,
        /// End the connection that has the name.
        ghost: bool,
    },
    /// End another connection of an account, before a name is known: answered by `GhostNeedsPassword`, or refused.
    BeginGhost(UserName),
    /// Take over from the connection that `Answer::Elsewhere` named: answered at the login by `NameClaimed`,
    /// `Elsewhere` or `LoginRefused`.
    TakeOver,
    /// Leave that connection as it is.
    LetBe,
    /// Find out whether a room could be entered, before a name is known (quick listener): answered by `RoomChecked` or
    /// `JoinRefused`.
    CheckRoom {
        room: RoomName,
        /// As typed, if it was.
        password: Option<Secret>,
    },
}

/// About the user's account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AccountEffect {
    /// Find out whether a dialogue about an account makes sense: answered by `PasswordWanted`, or refused.
    Begin(AccountAsk),
    /// Register the user's name.
    Register {
        /// The new password, given twice.
        password: Secret,
    },
    /// Change the password of the account.
    ChangePassword {
        /// The current one.
        old: Secret,
        /// The new one, given twice.
        new: Secret,
    },
    Unregister {
        /// Proves that it is theirs.
        password: Secret,
    },
    /// Log in to an account, while the user has another name.
    LogIn {
        name: UserName,
        /// As typed.
        password: Secret,
    },
    /// End another connection of an account, while the user has another name.
    Ghost {
        name: UserName,
        /// As typed.
        password: Secret,
    },
}

/// Going somewhere, or leaving.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlaceEffect {
    /// Enter a room: answered by `Joined` or `JoinRefused`.
    Join {
        room: RoomName,
        /// As typed, if it was.
        password: Option<Secret>,
        /// Asked for on the quick listener, which may make a room that is missing.
        quick: bool,
    },
    /// Make a room and enter it: answered by `Joined` or `RoomRefusal`.
    Create {
        room: RoomName,
        /// Its password.
        password: Option<Secret>,
    },
    /// Make a hidden room and enter it: answered by `Joined`, after which people are invited, or by `RoomRefusal`.
    CreateGroup(RoomName),
    /// Begin a conversation with a user: answered by `DirectOpened` if they are online.
    OpenDirect(Target),
    /// Open the chat view of a room the user is in, or of a conversation.
    EnterView(Conversation),
    /// Close the chat view.
    LeaveView,
    /// Leave a room, or end a conversation, for good.
    Close(Conversation),
}

/// About a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RoomEffect {
    /// Invite users to it.
    Invite { room: Arc<RoomId>, invited: Vec<Target> },
    /// Change it, or act on somebody in it.
    Act { room: Arc<RoomId>, act: Box<RoomAction> },
    /// Show its settings.
    ShowSettings(Arc<RoomId>),
    /// Show its description.
    ShowTopic(Arc<RoomId>),
    /// List who is banned from it.
    ListBans(Arc<RoomId>),
}

/// About messages other than the ordinary one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MessageEffect {
    /// Send a message to people.
    SendDirect {
        to: Vec<Target>,
        /// Sanitised, within the limit.
        draft: Box<Draft>,
        /// It was typed into the view as `@name text`: a refusal says how to say the line there instead.
        in_view: bool,
    },
    /// Answer a message where it was sent.
    Reply {
        id: MessageId,
        /// Sanitised, within the limit.
        text: String,
    },
    Edit {
        which: Edited,
        /// Sanitised, within the limit.
        text: String,
    },
    /// Delete a message; `None` is the user's last.
    Delete(Option<MessageId>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ShowEffect {
    /// A page of the help.
    Help {
        page: HelpPage,
        /// The mark that commands are shown with.
        mark: char,
    },
    Rooms,
    /// The people of a room, or the two of a conversation.
    People(Conversation),
    Everybody,
    /// The last messages of a conversation.
    History {
        of: Conversation,
        /// How many; `None` is as many as the view shows.
        count: Option<usize>,
    },
    /// Messages that match a pattern.
    Search(String),
    /// What is known about a user.
    WhoIs(Target),
    /// What is known about this user.
    WhoAmI,
    /// That a user is away, if the conversation with them is the current one.
    Away(Target),
    /// Who is ignored.
    Ignored,
    /// Date and time.
    Time,
    /// The zone of the times shown.
    TimeZone,
    /// The character set in use.
    Charset,
    Quote,
}

/// How others see the user, and how the user sees others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UserEffect {
    /// Change the name: answered by `NameTaken` or `NameLooksLike` if that fails.
    Rename(UserName),
    /// Mark the user as away, with a note for those who write to them; `None` marks them as back.
    SetAway(Option<String>),
    /// Hide what a user says.
    Ignore(Target),
    /// Show it again.
    Unignore(Target),
}

/// About files between two users.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileEffect {
    /// Offer one.
    Send(Box<FileOffer>),
    /// Accept an offer; `None` means the only one.
    Accept(Option<u64>),
    /// Refuse an offer or end a transfer; `None` means the only one.
    Decline(Option<u64>),
    /// List them.
    List,
}

/// A file that is offered to a user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileOffer {
    /// Who gets it.
    pub(crate) to: Target,
    /// As typed.
    pub(crate) name: String,
    /// The mark that commands are shown with.
    pub(crate) mark: char,
}

/// For the whole server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OperatorEffect {
    /// Send a line to every user.
    Broadcast(String),
    BanAddress(Box<AddressBanRequest>),
    /// Lift such a ban; the network as typed.
    UnbanAddress(String),
    ListAddressBans,
    /// Show the last entries of the audit log; `None` is [`AUDIT_DEFAULT`] of them.
    ShowAudit(Option<usize>),
    /// Stop the server, if this is the exit code.
    Shutdown {
        /// What was given as the code.
        code: Secret,
        /// Stop all servers of the cluster.
        all: bool,
    },
}

/// About the user's terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScreenEffect {
    Redraw,
    /// When to ring.
    SetBell(Bell),
    /// Show times of this zone.
    SetTimeZone(String),
    /// Let the server edit the line (`true`) or the terminal (`false`).
    SetCharacterMode(bool),
    /// Read and write text in another character set.
    SetCharset(Charset),
    SetColor(bool),
    /// Change what the view shows.
    SetViewing(Viewing),
    /// The next line is a password: stop showing what is typed.
    HideInput,
    /// A password line is complete and another one follows: stay hidden, and go to the next row.
    KeepHidden,
    /// The password line is complete, or was cancelled.
    ShowInput,
}

/// One thing that the view shows or hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewing {
    /// The time of each message.
    Timestamps(bool),
    /// The id of each message.
    Ids(bool),
    /// Hide the lines that say who has joined, left or changed their name.
    Quiet(bool),
}

/// Which message to edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    /// The user's last.
    Last,
    /// The one with this id: it was given as `#12`.
    Id(MessageId),
    /// A number without `#`: the message with this id if it is the user's own. Otherwise their last message is meant,
    /// and the number is part of the text.
    Perhaps {
        /// The number.
        id: MessageId,
        /// The text with the number, or why it cannot be said.
        whole: Box<Result<String, Refusal>>,
    },
}

/// Which dialogue about accounts begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAsk {
    /// Register the user's name.
    Register,
    /// Change its password.
    ChangePassword,
    /// Delete it.
    Unregister,
    /// Log in to an account.
    Login(UserName),
    /// End another connection of an account.
    Ghost(UserName),
}

/// A network to ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressBanRequest {
    /// `address` or `address/prefix`, as typed: the session finds out whether it is one.
    pub network: String,
    /// For how long; `None` is until the ban is lifted.
    pub lasts: Option<Duration>,
    /// Why; may be empty.
    pub reason: String,
}

/// Entries that `:audit` shows if no number is given.
pub(crate) const AUDIT_DEFAULT: usize = 20;

/// How long a temporary message lasts if no number is given.
pub(super) const TEMPORARY_DEFAULT: Duration = Duration::from_secs(10);
