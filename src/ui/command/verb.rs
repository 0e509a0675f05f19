//! The commands, in groups that are each matched whole.
//!
//! *Owns* the names of the commands, which of them end something, and which take a text for others.
//! *Knows nothing of* their words and arguments.

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// About the server itself.
    Server(ServerVerb),
    /// Where the user is: which rooms, and in the view or not.
    Place(PlaceVerb),
    /// About the current room.
    Room(RoomVerb),
    /// About one member of the current room.
    Member(MemberVerb),
    /// Messages: sent, changed, found.
    Talk(TalkVerb),
    /// Users: oneself and others.
    User(UserVerb),
    /// Files between two users.
    File(FileVerb),
    /// About the user's account.
    Account(AccountVerb),
    /// For the whole server.
    Operator(OperatorVerb),
    /// About the user's own screen.
    Screen(ScreenVerb),
}

/// About the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerVerb {
    /// Explains the commands.
    Help,
    /// Leaves the server.
    Quit,
}

/// Where the user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceVerb {
    /// Lists rooms.
    Rooms,
    /// Enters a room.
    Join,
    /// Makes a room.
    Create,
    /// Makes a hidden room for a few people.
    Group,
    /// Opens the chat view.
    Chat,
    /// Leaves the chat view.
    Leave,
    /// Leaves the current room or conversation.
    Close,
    /// Lists the people of the current room.
    List,
    /// Lists all users.
    ListAll,
}

/// About the current room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomVerb {
    /// Invites users to it.
    Invite,
    /// Shows or changes its settings.
    Set,
    /// Shows or changes its description.
    Topic,
    /// Sets the seconds between two messages of one user.
    Slow,
    /// Lists who is banned.
    Bans,
    /// Closes it for good.
    Destroy,
}

/// About one member of the current room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberVerb {
    /// Removes them for a minute.
    Kick,
    /// Bans them.
    Ban,
    /// Lifts a ban.
    Unban,
    /// Mutes them.
    Mute,
    /// Lets them speak again.
    Unmute,
    /// Makes them an admin.
    Promote,
    /// Makes an admin an ordinary member.
    Demote,
}

/// Messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkVerb {
    /// Sends one line to the current conversation.
    Say,
    /// Sends one line to a room.
    To,
    /// Says what the user does.
    Me,
    /// Opens a conversation with one user, or sends them a message.
    Direct,
    /// Answers a message.
    Reply,
    /// Changes a message.
    Edit,
    /// Deletes a message.
    Delete,
    /// Sends a message that disappears.
    Temporary,
    /// Takes several lines as one message.
    Paste,
    /// Shows the last messages.
    History,
    /// Finds messages.
    Search,
}

/// Users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserVerb {
    /// Changes the user's name.
    Nick,
    /// Shows what is known about a user.
    WhoIs,
    /// Shows what the server knows about this user.
    WhoAmI,
    /// Marks this user as away.
    Away,
    /// Marks this user as back.
    Back,
    /// Hides everything that comes from a user.
    Ignore,
    /// Shows it again.
    Unignore,
}

/// Files between two users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileVerb {
    /// Offers one.
    Send,
    /// Takes an offer.
    Accept,
    /// Refuses an offer, or ends a transfer.
    Decline,
    /// Lists offers and transfers.
    List,
}

/// About the user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountVerb {
    /// Makes one.
    Register,
    /// Logs in to one.
    Login,
    /// Changes its password.
    ChangePassword,
    /// Ends another connection of it.
    Ghost,
    /// Deletes it.
    Unregister,
}

/// For the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorVerb {
    /// Sends a line to every user.
    Broadcast,
    /// Bans an address.
    BanAddress,
    /// Lifts such a ban.
    UnbanAddress,
    /// Shows what operators have done.
    Audit,
    /// Stops the server.
    Shutdown,
}

/// About the user's own screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenVerb {
    /// Sets when the bell rings.
    Bell,
    /// Switches colour.
    Color,
    /// Shows times in the view, or hides them.
    Timestamps,
    /// Shows message ids in the view, or hides them.
    Ids,
    /// Hides in the view who joins, leaves or is renamed.
    Quiet,
    /// Switches between line and character mode.
    Mode,
    /// Sets how the terminal writes letters beyond ASCII.
    Charset,
    /// Redraws the screen.
    Redraw,
    /// Shows or sets the time zone.
    TimeZone,
    /// Shows date and time.
    Time,
    /// Shows a text to its author alone.
    Echo,
    /// Shows a quotation.
    Quote,
}

impl Verb {
    /// Whether it ends something: a connection, a room, an account, a membership, a message, the view.
    ///
    /// Such a command is never suggested for a mistyped word. Written out, so that the compiler asks about a new
    /// command.
    pub(crate) fn ends_something(self) -> bool {
        use AccountVerb as Account;
        use MemberVerb as Member;
        use OperatorVerb as Operator;
        use PlaceVerb as Place;
        use RoomVerb as Room;
        use TalkVerb as Talk;
        match self {
            Verb::Server(verb) => match verb {
                ServerVerb::Quit => true,
                ServerVerb::Help => false,
            },
            Verb::Place(verb) => match verb {
                Place::Leave | Place::Close => true,
                Place::Rooms
                | Place::Join
                | Place::Create
                | Place::Group
                | Place::Chat
                | Place::List
                | Place::ListAll => false,
            },
            Verb::Room(verb) => match verb {
                Room::Destroy => true,
                Room::Invite | Room::Set | Room::Topic | Room::Slow | Room::Bans => false,
            },
            Verb::Member(verb) => match verb {
                Member::Kick | Member::Ban => true,
                Member::Unban | Member::Mute | Member::Unmute | Member::Promote | Member::Demote => false,
            },
            Verb::Talk(verb) => match verb {
                Talk::Delete => true,
                Talk::Say
                | Talk::To
                | Talk::Me
                | Talk::Direct
                | Talk::Reply
                | Talk::Edit
                | Talk::Temporary
                | Talk::Paste
                | Talk::History
                | Talk::Search => false,
            },
            Verb::Account(verb) => match verb {
                Account::Ghost | Account::Unregister => true,
                Account::Register | Account::Login | Account::ChangePassword => false,
            },
            Verb::Operator(verb) => match verb {
                Operator::BanAddress | Operator::Shutdown => true,
                Operator::Broadcast | Operator::UnbanAddress | Operator::Audit => false,
            },
            Verb::File(verb) => match verb {
                FileVerb::Decline => true,
                FileVerb::Send | FileVerb::Accept | FileVerb::List => false,
            },
            Verb::User(_) | Verb::Screen(_) => false,
        }
    }

    /// Whether it takes a text for others, which may have several lines.
    pub(crate) fn takes_text(self) -> bool {
        match self {
            Verb::Talk(verb) => match verb {
                TalkVerb::Say
                | TalkVerb::To
                | TalkVerb::Me
                | TalkVerb::Direct
                | TalkVerb::Reply
                | TalkVerb::Edit
                | TalkVerb::Temporary => true,
                TalkVerb::Delete | TalkVerb::Paste | TalkVerb::History | TalkVerb::Search => false,
            },
            Verb::Server(_)
            | Verb::Place(_)
            | Verb::Room(_)
            | Verb::Member(_)
            | Verb::User(_)
            | Verb::File(_)
            | Verb::Account(_)
            | Verb::Operator(_)
            | Verb::Screen(_) => false,
        }
    }
}
