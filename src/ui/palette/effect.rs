//! What the palette wants done.
//!
//! *Owns* [`Effect`], the one list of all that a line can cause.
//! *Knows nothing of* how any of it is done.
//! *Called by* `palette`, which emits them, and `session`, which carries them out.

use std::sync::Arc;
use std::time::Duration;

use crate::chat::action::RoomAction;
use crate::chat::conversation::{Conversation, RoomId};
use crate::chat::identity::Target;
use crate::chat::message::{Draft, MessageId};
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::text::Charset;
use crate::ui::screen::{Bell, LineKind};

/// What the session carries out, in the order given.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Show the person a line.
    Tell(LineKind, String),
    /// The line is too long to be taken: where the server edits it, it comes back to be shortened.
    GiveBack,
    /// Take the name, or find out that somebody has it: answered by `NameClaimed`, `NameTaken`, `NameUnfit` or
    /// `PasswordNeeded`.
    ClaimName(UserName),
    /// Come in as an account, before anything else: answered by `NameClaimed` or `LoginRefused`.
    Login {
        /// Whose.
        name: UserName,
        /// As typed.
        password: Secret,
        /// End the connection that has the name.
        ghost: bool,
    },
    /// End another connection of an account, before a name is known: answered by `GhostNeedsPassword`, or told why not.
    BeginGhost(UserName),
    /// Take over from the connection that `Answer::Elsewhere` told of, as an account whose password was right: answered at the
    /// login by `NameClaimed`, `Elsewhere` or `LoginRefused`.
    TakeOver,
    /// Let that connection be.
    LetBe,
    /// Find out whether a dialogue about an account makes sense: answered by `PasswordWanted`, or told why not.
    BeginAccount(AccountAsk),
    /// Make an account of the name this person has.
    Register {
        /// What is to open it; given twice.
        password: Secret,
    },
    /// Change the password of his account.
    ChangePassword {
        /// What it was until now.
        old: Secret,
        /// What it is to be; given twice.
        new: Secret,
    },
    /// Take his account away.
    Unregister {
        /// To be sure that it is he.
        password: Secret,
    },
    /// Become an account, from within.
    LogIn {
        /// Whose.
        name: UserName,
        /// As typed.
        password: Secret,
    },
    /// End another connection of an account, from within.
    Ghost {
        /// Whose.
        name: UserName,
        /// As typed.
        password: Secret,
    },
    /// Tell everybody something.
    Broadcast(String),
    /// Keep a network out.
    BanAddress(Box<AddressBanRequest>),
    /// Let a network in again; as typed.
    UnbanAddress(String),
    /// List the networks that are kept out.
    ListAddressBans,
    /// Show what those who keep order have done: so many of the last entries; nothing given: [`AUDIT_DEFAULT`].
    ShowAudit(Option<usize>),
    /// Enter a room: answered by `Joined` or `JoinRefused`.
    Join {
        /// Which one.
        room: RoomName,
        /// As typed, if it was.
        password: Option<Secret>,
        /// Asked for on the quick listener, which may make a room that is missing.
        quick: bool,
    },
    /// Look whether a room could be entered, before a name is known (quick listener): answered by `RoomChecked` or `JoinRefused`.
    CheckRoom {
        /// Which one.
        room: RoomName,
        /// As typed, if it was.
        password: Option<Secret>,
    },
    /// Make a room and enter it: answered by `Joined` or `NotMade`.
    Create {
        /// Its name.
        room: RoomName,
        /// What is to open it.
        password: Option<Secret>,
    },
    /// Make a hidden room and enter it: answered by `Joined`, upon which people are invited, or `NotMade`.
    CreateGroup(RoomName),
    /// Open a room to people.
    Invite {
        /// Which room.
        room: Arc<RoomId>,
        /// Whom.
        invited: Vec<Target>,
    },
    /// Do something to a room or to somebody in it.
    RoomAction {
        /// Which room.
        room: Arc<RoomId>,
        /// What.
        act: Box<RoomAction>,
    },
    /// Show how a room is set up.
    ShowSettings(Arc<RoomId>),
    /// Show a room's description.
    ShowTopic(Arc<RoomId>),
    /// List who is kept out of a room.
    ListBans(Arc<RoomId>),
    /// Leave a room, or end a conversation, for good.
    Close(Conversation),
    /// Open the chat view of a room one is in, or of a conversation.
    EnterView(Conversation),
    /// Close the chat view.
    LeaveView,
    /// Say something in a conversation.
    Say {
        /// Where.
        to: Conversation,
        /// Sanitised, within the limit. In a box, like other large things here: effects lie on the stack of every
        /// connection several times over.
        draft: Box<Draft>,
        /// Whether the author does not look at it and is told the number of his message.
        confirm: bool,
    },
    /// Begin a conversation with somebody: answered by `DirectOpened` if he is online.
    OpenDirect(Target),
    /// Tell whether somebody is away, if the conversation with him is the current one.
    TellAway(Target),
    /// Send a message to people.
    SendDirect {
        /// Whom to.
        to: Vec<Target>,
        /// Sanitised, within the limit.
        draft: Box<Draft>,
        /// It was typed into the view as `@name text`: a refusal says how to say the line there instead.
        in_view: bool,
    },
    /// Answer a message where it was said.
    Reply {
        /// Which one.
        id: MessageId,
        /// Sanitised, within the limit.
        text: String,
    },
    /// Change a message.
    Edit {
        /// Which one.
        which: Edited,
        /// Sanitised, within the limit.
        text: String,
    },
    /// Take a message out.
    Delete(Option<MessageId>),
    /// Find what was said.
    Search(String),
    /// List the rooms.
    ListRooms,
    /// List the people of a room, or the two of a conversation.
    ListPeople(Conversation),
    /// List everybody.
    ListEverybody,
    /// Show the last messages of a conversation.
    ShowHistory {
        /// Which one.
        of: Conversation,
        /// How many; nothing given: as many as the view shows.
        count: Option<usize>,
    },
    /// Take another name: answered by `Renamed` or `NameTaken`.
    Rename(UserName),
    /// Tell of somebody.
    TellWhoIs(Target),
    /// Note that this person is away, with a text for those who write to him; `None`: that he is back.
    SetAway(Option<String>),
    /// Hide what somebody says.
    Ignore(Target),
    /// Show it again.
    Unignore(Target),
    /// List whose texts are hidden.
    ListIgnored,
    /// When to ring.
    SetBell(Bell),
    /// Show times of this zone.
    SetTimeZone(String),
    /// Tell the zone of the times shown.
    TellTimeZone,
    /// Tell a quotation.
    TellQuote,
    /// Stop the server, if this is the code.
    Shutdown(String),
    /// Tell the time.
    TellTime,
    /// Tell what is known about this person.
    TellWhoAmI,
    /// Draw the screen anew.
    Redraw,
    /// Let the server edit the line (`true`) or the terminal (`false`).
    SetCharacterMode(bool),
    /// Read and write text in another charset.
    SetCharset(Charset),
    /// Tell which one it is.
    TellCharset,
    /// Switch colour.
    SetColor(bool),
    /// Show more or less in the view.
    SetViewing(Viewing),
    /// The next line is a password: stop showing what is typed.
    HideInput,
    /// A password line is over and another one follows: stay hidden, and go to the next row.
    KeepHidden,
    /// The password line is over, or cancelled.
    ShowInput,
    /// The person leaves.
    Quit,
}

/// One thing that the view shows or hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewing {
    /// The time of each message.
    Timestamps(bool),
    /// The id of each message.
    Ids(bool),
    /// Without the lines that say who has joined, left or taken another name.
    Quiet(bool),
}

/// Which message is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// One's last.
    Last,
    /// The one with this id: it was given as `#12`.
    Id(MessageId),
    /// A number without `#`: the one with this id if it is one's own; otherwise one's last, and the number is part of the
    /// text.
    Perhaps {
        /// The number.
        id: MessageId,
        /// The text with the number; or why it cannot be said.
        whole: Box<Result<String, String>>,
    },
}

/// Which dialogue about accounts is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAsk {
    /// Make an account of the name one has.
    Register,
    /// Change its password.
    ChangePassword,
    /// Take it away.
    Unregister,
    /// Become an account.
    Login(UserName),
    /// End another connection of an account.
    Ghost(UserName),
}

/// Who is to be kept out of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressBanRequest {
    /// `address` or `address/prefix`, as typed: whether it is one is for the session to find out.
    pub network: String,
    /// For how long; nothing given: until it is lifted.
    pub lasts: Option<Duration>,
    /// Why; may be empty.
    pub reason: String,
}

/// Entries that `:audit` shows where no number is given.
pub const AUDIT_DEFAULT: usize = 20;

/// Most entries it shows: about eight screens.
pub(super) const AUDIT_MOST: usize = 200;

/// How long a temporary message lasts where no number is given.
pub(super) const TEMPORARY_DEFAULT: Duration = Duration::from_secs(10);

/// The longest a temporary message may last: a day. Until then it is an entry in the timer.
pub(super) const TEMPORARY_MOST: u64 = 86_400;
