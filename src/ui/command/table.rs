//! The rows of the table of commands.
//!
//! *Owns* command words, aliases, syntax texts and what a command costs in the rate limits.
//! *Knows nothing of* how a line is read.
//! *Called by* `command`.

use super::{Cost, Group, Spec};

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Explains the commands.
    Help,
    /// Lists rooms.
    Rooms,
    /// Enters a room.
    Join,
    /// Opens the chat view.
    Chat,
    /// Leaves the chat view.
    Leave,
    /// Leaves the current room or conversation.
    Close,
    /// Leaves the server.
    Quit,
    /// Lists the people of the current room.
    List,
    /// Lists everybody.
    ListAll,
    /// Says one line in the current conversation.
    Say,
    /// Says one line in a room.
    To,
    /// Tells what somebody does.
    Me,
    /// Opens a conversation with one person, or sends him a message.
    Direct,
    /// Answers a message.
    Reply,
    /// Changes a message.
    Edit,
    /// Deletes a message.
    Delete,
    /// Says something that is erased after a while.
    Temporary,
    /// Takes several lines as one message.
    Paste,
    /// Shows what was said.
    History,
    /// Finds what was said.
    Search,
    /// Makes a room.
    Create,
    /// Makes a hidden room for a few people.
    Group,
    /// Opens a room to people.
    Invite,
    /// Shows or changes how a room is set up.
    Set,
    /// Shows or changes a room's description.
    Topic,
    /// Closes a room for good.
    Destroy,
    /// Puts somebody out of the room.
    Kick,
    /// Keeps somebody out of the room.
    Ban,
    /// Lifts a ban.
    Unban,
    /// Lists who is kept out.
    Bans,
    /// Silences somebody.
    Mute,
    /// Lets somebody speak again.
    Unmute,
    /// Lets everybody speak only so often.
    Slow,
    /// Makes somebody admin.
    Promote,
    /// Ends somebody's being admin.
    Demote,
    /// Takes another name.
    Nick,
    /// Makes an account.
    Register,
    /// Becomes an account.
    Login,
    /// Changes an account's password.
    ChangePassword,
    /// Ends another connection of an account.
    Ghost,
    /// Takes an account away.
    Unregister,
    /// Tells of somebody.
    WhoIs,
    /// Tells a person what the server knows of him.
    WhoAmI,
    /// Notes that one is away.
    Away,
    /// Notes that one is back.
    Back,
    /// Hides all that comes from somebody.
    Ignore,
    /// Shows again what somebody says.
    Unignore,
    /// Says when to ring the terminal's bell.
    Bell,
    /// Switches colour.
    Color,
    /// Shows times in the view, or hides them.
    Timestamps,
    /// Shows message ids in the view, or hides them.
    Ids,
    /// Hides arrivals, departures and new names in the view.
    Quiet,
    /// Switches between line and character mode.
    Mode,
    /// Says how the terminal writes letters beyond ASCII.
    Charset,
    /// Draws the screen anew.
    Redraw,
    /// Shows or sets the time zone.
    TimeZone,
    /// Tells the time.
    Time,
    /// Says a text back.
    Echo,
    /// Tells a quotation.
    Quote,
    /// Tells everybody something.
    Broadcast,
    /// Keeps an address out of the server.
    BanAddress,
    /// Lets it in again.
    UnbanAddress,
    /// Shows what those who keep order have done.
    Audit,
    /// Stops the server.
    Shutdown,
}

const fn row(
    verb: Verb,
    word: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static str,
    summary: &'static str,
    example: &'static str,
    cost: Cost,
) -> Spec {
    Spec { verb, word, aliases, arguments, summary, example, cost, group: Group::Always }
}

impl Spec {
    /// Whether it ends something: a connection, a room, an account, somebody's stay, a message, the view.
    ///
    /// Such a command is never suggested for a mistyped word. Written out, so that a new command is looked at here too.
    pub fn ends_something(&self) -> bool {
        match self.verb {
            Verb::Leave
            | Verb::Close
            | Verb::Quit
            | Verb::Delete
            | Verb::Destroy
            | Verb::Kick
            | Verb::Ban
            | Verb::Ghost
            | Verb::Unregister
            | Verb::BanAddress
            | Verb::Shutdown => true,
            Verb::Help
            | Verb::Rooms
            | Verb::Join
            | Verb::Chat
            | Verb::List
            | Verb::ListAll
            | Verb::Say
            | Verb::To
            | Verb::Me
            | Verb::Direct
            | Verb::Reply
            | Verb::Edit
            | Verb::Temporary
            | Verb::Paste
            | Verb::History
            | Verb::Search
            | Verb::Create
            | Verb::Group
            | Verb::Invite
            | Verb::Set
            | Verb::Topic
            | Verb::Unban
            | Verb::Bans
            | Verb::Mute
            | Verb::Unmute
            | Verb::Slow
            | Verb::Promote
            | Verb::Demote
            | Verb::Nick
            | Verb::Register
            | Verb::Login
            | Verb::ChangePassword
            | Verb::WhoIs
            | Verb::WhoAmI
            | Verb::Away
            | Verb::Back
            | Verb::Ignore
            | Verb::Unignore
            | Verb::Bell
            | Verb::Color
            | Verb::Timestamps
            | Verb::Ids
            | Verb::Quiet
            | Verb::Mode
            | Verb::Charset
            | Verb::Redraw
            | Verb::TimeZone
            | Verb::Time
            | Verb::Echo
            | Verb::Quote
            | Verb::Broadcast
            | Verb::UnbanAddress
            | Verb::Audit => false,
        }
    }

    /// The row of a command that exists only where accounts are kept.
    const fn of_accounts(mut self) -> Spec {
        self.group = Group::Accounts;
        self
    }
}

/// Every command there is, in the order in which `:help` shows them.
#[rustfmt::skip]
pub const TABLE: &[Spec] = &[
    row(Verb::Help, "help", &[], "[command]", "Lists the commands, or explains one.", ":help join", Cost::Read(1)),
    row(Verb::Rooms, "rooms", &[], "", "Lists rooms: people/limit, unread.", ":rooms", Cost::Read(1)),
    row(Verb::Join, "join", &["joingroup"], "<room> [password]", "Enters a room, or makes it the current.", ":join general", Cost::Post(1)),
    row(Verb::Chat, "chat", &[], "", "Opens the view: what you type is said.", ":chat", Cost::Read(1)),
    row(Verb::Leave, "q", &[], "", "Leaves the view; :quit leaves the server.", ":q", Cost::Free),
    row(Verb::Close, "close", &[], "", "Leaves the current room or conversation.", ":close", Cost::Post(1)),
    row(Verb::Quit, "quit", &["exit", "logout"], "", "Leaves the server.", ":quit", Cost::Free),
    row(Verb::List, "list", &[], "", "Lists the people in the current room.", ":list", Cost::Read(1)),
    row(Verb::ListAll, "listall", &["who", "activeuser"], "", "Lists everybody online and their rooms.", ":listall", Cost::Read(3)),
    row(Verb::Say, "say", &[], "<text>", "Says one line without opening the view.", ":say back in five minutes", Cost::Post(1)),
    row(Verb::To, "to", &["groupmsg"], "<room> <text>", "Says one line in another room of yours.", ":to games who is in?", Cost::Post(1)),
    row(Verb::Me, "me", &[], "<text>", "Tells what you do: * bob waves.", ":me waves", Cost::Post(1)),
    row(Verb::Direct, "dm", &["msg", "msgto"], "<user> [text]", "Opens a conversation, or sends a message.", ":dm bob see you at noon", Cost::Post(1)),
    row(Verb::Reply, "reply", &[], "<id> <text>", "Answers a message where it was said.", ":reply 12 so do I", Cost::Post(1)),
    row(Verb::Edit, "edit", &[], "[id] <text>", "Changes a message of yours, or the last.", ":edit 12 at noon, I mean", Cost::Post(1)),
    row(Verb::Delete, "delete", &[], "[id]", "Deletes a message of yours, or the last.", ":delete 12", Cost::Post(1)),
    row(Verb::Temporary, "temp", &[], "[seconds] [@user,...] <text>", "Says what is erased after a while.", ":temp 30 the code is 1234", Cost::Post(1)),
    row(Verb::Paste, "paste", &[], "", "Takes lines up to a single . as a message.", ":paste", Cost::Read(1)),
    row(Verb::History, "history", &[], "[n]", "Shows the last messages and their ids.", ":history 50", Cost::Read(1)),
    row(Verb::Search, "search", &[], "<regex>", "Finds what you may read, newest first.", ":search noon|midnight", Cost::Read(3)),
    row(Verb::Create, "create", &[], "<room> [password]", "Makes a room of your own and enters it.", ":create den", Cost::Post(1)),
    row(Verb::Group, "group", &["creategroup"], "<room> <user>...", "Makes a hidden room for a few people.", ":group trip bob carol", Cost::Post(1)),
    row(Verb::Invite, "invite", &[], "<user>...", "Opens the current room to people for 24 h.", ":invite bob", Cost::Post(1)),
    row(Verb::Set, "set", &[], "<key> <value>", "Shows or changes how the room is set up.", ":set limit 8", Cost::Post(1)),
    row(Verb::Topic, "topic", &[], "[text]", "Shows or changes the room's description.", ":topic all about games", Cost::Post(1)),
    row(Verb::Destroy, "destroy", &[], "", "Closes a room of yours for good.", ":destroy", Cost::Post(1)),
    row(Verb::Kick, "kick", &[], "<user> [reason]", "Puts somebody out for a minute.", ":kick bob calm down", Cost::Post(1)),
    row(Verb::Ban, "ban", &[], "<user> [duration] [reason]", "Keeps somebody out of the room.", ":ban bob 2h spam", Cost::Post(1)),
    row(Verb::Unban, "unban", &[], "<user>", "Lets somebody in again.", ":unban bob", Cost::Post(1)),
    row(Verb::Bans, "bans", &[], "", "Lists who is kept out of the room.", ":bans", Cost::Read(1)),
    row(Verb::Mute, "mute", &[], "<user> [duration]", "Silences somebody in the room.", ":mute bob 10m", Cost::Post(1)),
    row(Verb::Unmute, "unmute", &[], "<user>", "Lets somebody speak again.", ":unmute bob", Cost::Post(1)),
    row(Verb::Slow, "slow", &[], "<seconds>", "Lets people speak that seldom; 0 ends it.", ":slow 30", Cost::Post(1)),
    row(Verb::Promote, "op", &[], "<user>", "Makes somebody admin of the room.", ":op bob", Cost::Post(1)),
    row(Verb::Demote, "deop", &[], "<user>", "Takes that back.", ":deop bob", Cost::Post(1)),
    row(Verb::Nick, "nick", &[], "<name>", "Gives you another name.", ":nick robert", Cost::Post(1)),
    row(Verb::Register, "register", &[], "", "Makes your name yours by a password.", ":register", Cost::Read(3)).of_accounts(),
    row(Verb::Login, "login", &[], "<name>", "Makes you an account that is there.", ":login alice", Cost::Read(3)).of_accounts(),
    row(Verb::ChangePassword, "passwd", &[], "", "Changes your account's password.", ":passwd", Cost::Read(3)).of_accounts(),
    row(Verb::Ghost, "ghost", &[], "<name>", "Ends another connection of your account.", ":ghost alice", Cost::Read(3)).of_accounts(),
    row(Verb::Unregister, "unregister", &[], "", "Takes your account away for good.", ":unregister", Cost::Read(3)).of_accounts(),
    row(Verb::WhoIs, "whois", &[], "<user>", "Tells of somebody: rooms, times, away.", ":whois bob", Cost::Read(1)),
    row(Verb::WhoAmI, "whoami", &[], "", "Tells what the server knows of you.", ":whoami", Cost::Read(1)),
    row(Verb::Away, "away", &[], "[text]", "Is told to those who write to you.", ":away at lunch", Cost::Read(1)),
    row(Verb::Back, "back", &[], "", "You are there again.", ":back", Cost::Read(1)),
    row(Verb::Ignore, "ignore", &[], "[user]", "Hides all of a user; alone, lists them.", ":ignore bob", Cost::Read(1)),
    row(Verb::Unignore, "unignore", &[], "<user>", "Shows it again.", ":unignore bob", Cost::Read(1)),
    row(Verb::Bell, "bell", &[], "on|off|mentions", "Rings at messages, or where you are named.", ":bell mentions", Cost::Read(1)),
    row(Verb::Color, "color", &[], "on|off", "Switches colour on or off.", ":color off", Cost::Read(1)),
    row(Verb::Timestamps, "timestamps", &[], "on|off", "Shows times in the view, or hides them.", ":timestamps off", Cost::Read(1)),
    row(Verb::Ids, "ids", &[], "on|off", "Shows message ids in the view, or not.", ":ids off", Cost::Read(1)),
    row(Verb::Quiet, "quiet", &[], "on|off", "Hides who joins, leaves or is renamed.", ":quiet on", Cost::Read(1)),
    row(Verb::Mode, "mode", &[], "line|char", "Who edits your line: terminal, or server.", ":mode line", Cost::Read(1)),
    row(Verb::Charset, "charset", &[], "[utf-8|latin1]", "Shows or sets how your terminal writes.", ":charset latin1", Cost::Read(1)),
    row(Verb::Redraw, "redraw", &[], "", "Draws the screen anew, as Ctrl-L.", ":redraw", Cost::Read(1)),
    row(Verb::TimeZone, "timezone", &[], "[zone]", "Shows or sets the zone of your times.", ":timezone Europe/Berlin", Cost::Read(1)),
    row(Verb::Time, "time", &[], "", "Tells date and time.", ":time", Cost::Read(1)),
    row(Verb::Echo, "echo", &[], "<text>", "Says it back to you alone.", ":echo testing", Cost::Read(1)),
    row(Verb::Quote, "quote", &[], "", "Tells a quotation.", ":quote", Cost::Read(1)),
    row(Verb::Broadcast, "broadcast", &[], "<text>", "Operators: tells everybody something.", ":broadcast new rooms tonight", Cost::Post(1)).of_accounts(),
    row(Verb::BanAddress, "banip", &[], "[address] [time] [reason]", "Operators: keeps out; alone, lists whom.", ":banip 203.0.113.0/24 2h spam", Cost::Read(1)).of_accounts(),
    row(Verb::UnbanAddress, "unbanip", &[], "<address>", "Operators: lets an address in again.", ":unbanip 203.0.113.0/24", Cost::Read(1)).of_accounts(),
    row(Verb::Audit, "audit", &[], "[n]", "Operators: shows what was done by them.", ":audit 50", Cost::Read(3)).of_accounts(),
    row(Verb::Shutdown, "shutdown", &[], "<exit code>", "Stops the server by the code it printed.", ":shutdown AB12C-3DE4F", Cost::Free),
];
