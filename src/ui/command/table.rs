//! The rows of the table of commands.
//!
//! *Owns* command words, aliases, syntax texts and what a command costs in the rate limits.
//! *Knows nothing of* how a line is read.

use super::verb::{
    AccountVerb, FileVerb, MemberVerb, OperatorVerb, PlaceVerb, RoomVerb, ScreenVerb, ServerVerb, TalkVerb, UserVerb,
    Verb,
};
use super::{Availability, Cost, Spec};

const fn row(
    verb: Verb,
    word: &'static str,
    aliases: &'static [&'static str],
    arguments: &'static str,
    summary: &'static str,
    example: &'static str,
    cost: Cost,
) -> Spec {
    Spec { verb, word, aliases, arguments, summary, example, cost, availability: Availability::Always }
}

impl Spec {
    /// Makes this the row of a command that exists only on servers with accounts.
    const fn with_accounts(mut self) -> Spec {
        self.availability = Availability::WithAccounts;
        self
    }
}

/// Every command there is, in the order in which `:help all` shows them.
#[rustfmt::skip]
pub const TABLE: &[Spec] = &[
    row(Verb::Server(ServerVerb::Help), "help", &[], "[topic|command]", "Explains the commands.", ":help join", Cost::Read(1)),
    row(Verb::Place(PlaceVerb::Rooms), "rooms", &[], "", "Lists rooms: people/limit, unread.", ":rooms", Cost::Read(1)),
    row(Verb::Place(PlaceVerb::Join), "join", &["joingroup"], "<room> [password]", "Enters a room, or switches to it.", ":join general", Cost::Post(1)),
    row(Verb::Place(PlaceVerb::Chat), "chat", &[], "", "Opens the chat view, to talk.", ":chat", Cost::Read(1)),
    row(Verb::Place(PlaceVerb::Leave), "q", &[], "", "Leaves the chat view for the palette.", ":q", Cost::Free),
    row(Verb::Place(PlaceVerb::Close), "close", &[], "", "Leaves the current room or conversation.", ":close", Cost::Post(1)),
    row(Verb::Server(ServerVerb::Quit), "quit", &["exit", "logout"], "", "Leaves the server.", ":quit", Cost::Free),
    row(Verb::Place(PlaceVerb::List), "list", &[], "", "Lists the people in the current room.", ":list", Cost::Read(1)),
    row(Verb::Place(PlaceVerb::ListAll), "listall", &["who", "activeuser"], "", "Lists everybody online and their rooms.", ":listall", Cost::Read(3)),
    row(Verb::Talk(TalkVerb::Say), "say", &[], "<text>", "Sends one line without opening the view.", ":say back in five minutes", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::To), "to", &["groupmsg"], "<room> <text>", "Sends one line to another of your rooms.", ":to games who is in?", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Me), "me", &[], "<text>", "Says what you do: * bob waves.", ":me waves", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Direct), "dm", &["msg", "msgto"], "<user> [text]", "Opens a conversation or sends a message.", ":dm bob see you at noon", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Reply), "reply", &[], "<id> <text>", "Answers a message where it was sent.", ":reply 12 so do I", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Edit), "edit", &[], "[id] <text>", "Changes your message, or your last one.", ":edit 12 at noon, I mean", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Delete), "delete", &[], "[id]", "Deletes your message, or your last one.", ":delete 12", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Temporary), "temp", &[], "[seconds] [@user,...] <text>", "Sends a message that disappears.", ":temp 30 the code is 1234", Cost::Post(1)),
    row(Verb::Talk(TalkVerb::Paste), "paste", &[], "", "Takes lines up to a . as one message.", ":paste", Cost::Read(1)),
    row(Verb::Talk(TalkVerb::History), "history", &[], "[n]", "Shows the last messages and their ids.", ":history 50", Cost::Read(1)),
    row(Verb::Talk(TalkVerb::Search), "search", &[], "<regex>", "Finds messages, newest first.", ":search noon|midnight", Cost::Read(3)),
    row(Verb::Place(PlaceVerb::Create), "create", &[], "<room> [password]", "Makes a room of your own and enters it.", ":create den", Cost::Post(1)),
    row(Verb::Place(PlaceVerb::Group), "group", &["creategroup"], "<room> <user>...", "Makes a hidden room for a few people.", ":group trip bob carol", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Invite), "invite", &[], "<user>...", "Lets users into the room for 24 hours.", ":invite bob", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Set), "set", &[], "<key> <value>", "Shows or changes the room's settings.", ":set limit 8", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Topic), "topic", &[], "[text]", "Shows or changes the room's description.", ":topic all about games", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Destroy), "destroy", &[], "", "Closes the room for good.", ":destroy", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Kick), "kick", &[], "<user> [reason]", "Removes a user for a minute.", ":kick bob calm down", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Ban), "ban", &[], "<user> [duration] [reason]", "Bans a user.", ":ban bob 2h spam", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Unban), "unban", &[], "<user>", "Lifts a ban.", ":unban bob", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Bans), "bans", &[], "", "Lists bans.", ":bans", Cost::Read(1)),
    row(Verb::Member(MemberVerb::Mute), "mute", &[], "<user> [duration]", "Silences a user.", ":mute bob 10m", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Unmute), "unmute", &[], "<user>", "Lets a user speak again.", ":unmute bob", Cost::Post(1)),
    row(Verb::Room(RoomVerb::Slow), "slow", &[], "<seconds>", "Slow mode: seconds between messages; 0 turns it off.", ":slow 30", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Promote), "op", &[], "<user>", "Makes a user an admin of the room.", ":op bob", Cost::Post(1)),
    row(Verb::Member(MemberVerb::Demote), "deop", &[], "<user>", "Makes an admin a member again.", ":deop bob", Cost::Post(1)),
    row(Verb::User(UserVerb::Nick), "nick", &[], "<name>", "Changes your name.", ":nick robert", Cost::Post(1)),
    row(Verb::Account(AccountVerb::Register), "register", &[], "", "Protects your name with a password.", ":register", Cost::Read(3)).with_accounts(),
    row(Verb::Account(AccountVerb::Login), "login", &[], "<name>", "Logs you in to an existing account.", ":login alice", Cost::Read(3)).with_accounts(),
    row(Verb::Account(AccountVerb::ChangePassword), "passwd", &[], "", "Changes your account's password.", ":passwd", Cost::Read(3)).with_accounts(),
    row(Verb::Account(AccountVerb::Ghost), "ghost", &[], "<name>", "Ends another connection of your account.", ":ghost alice", Cost::Read(3)).with_accounts(),
    row(Verb::Account(AccountVerb::Unregister), "unregister", &[], "", "Deletes your account for good.", ":unregister", Cost::Read(3)).with_accounts(),
    row(Verb::User(UserVerb::WhoIs), "whois", &[], "<user>", "Shows a user's rooms, idle time and status.", ":whois bob", Cost::Read(1)),
    row(Verb::User(UserVerb::WhoAmI), "whoami", &[], "", "Shows what the server knows of you.", ":whoami", Cost::Read(1)),
    row(Verb::User(UserVerb::Away), "away", &[], "[text]", "Marks you as away, with a note.", ":away at lunch", Cost::Read(1)),
    row(Verb::User(UserVerb::Back), "back", &[], "", "Marks you as back.", ":back", Cost::Read(1)),
    row(Verb::User(UserVerb::Ignore), "ignore", &[], "[user]", "Hides a user; alone, lists hidden ones.", ":ignore bob", Cost::Read(1)),
    row(Verb::User(UserVerb::Unignore), "unignore", &[], "<user>", "Shows a user again.", ":unignore bob", Cost::Read(1)),
    row(Verb::File(FileVerb::Send), "send", &[], "<user> <file name>", "Offers a file to a user.", ":send bob report.pdf", Cost::Post(1)),
    row(Verb::File(FileVerb::Accept), "accept", &[], "[n]", "Accepts a file that is offered to you.", ":accept 7", Cost::Post(1)),
    row(Verb::File(FileVerb::Decline), "decline", &[], "[n]", "Refuses a file, or ends its transfer.", ":decline 7", Cost::Post(1)),
    row(Verb::File(FileVerb::List), "files", &[], "", "Lists files offered and on their way.", ":files", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Bell), "bell", &[], "on|off|mentions", "Rings at messages, or only at your name.", ":bell mentions", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Color), "color", &[], "on|off", "Switches colour on or off.", ":color off", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Timestamps), "timestamps", &[], "on|off", "Shows or hides times in the view.", ":timestamps off", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Ids), "ids", &[], "on|off", "Shows or hides message ids.", ":ids off", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Quiet), "quiet", &[], "on|off", "Hides who joins, leaves or is renamed.", ":quiet on", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Mode), "mode", &[], "line|char", "Who edits your line: terminal or server.", ":mode line", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Charset), "charset", &[], "[utf-8|latin1]", "Shows or sets the character set.", ":charset latin1", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Redraw), "redraw", &[], "", "Redraws the screen (Ctrl-L).", ":redraw", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::TimeZone), "timezone", &[], "[zone]", "Shows or sets your time zone.", ":timezone Europe/Berlin", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Time), "time", &[], "", "Shows date and time.", ":time", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Echo), "echo", &[], "<text>", "Shows the text to you alone.", ":echo testing", Cost::Read(1)),
    row(Verb::Screen(ScreenVerb::Quote), "quote", &[], "", "Shows a quotation.", ":quote", Cost::Read(1)),
    row(Verb::Operator(OperatorVerb::Broadcast), "broadcast", &[], "<text>", "Sends a line to every user.", ":broadcast new rooms tonight", Cost::Post(1)).with_accounts(),
    row(Verb::Operator(OperatorVerb::BanAddress), "banip", &[], "[address] [time] [reason]", "Bans an address; alone, lists bans.", ":banip 203.0.113.0/24 2h spam", Cost::Read(1)).with_accounts(),
    row(Verb::Operator(OperatorVerb::UnbanAddress), "unbanip", &[], "<address>", "Lifts the ban of an address.", ":unbanip 203.0.113.0/24", Cost::Read(1)).with_accounts(),
    row(Verb::Operator(OperatorVerb::Audit), "audit", &[], "[n]", "Shows what operators have done.", ":audit 50", Cost::Read(3)).with_accounts(),
    row(Verb::Operator(OperatorVerb::Shutdown), "shutdown", &[], "<exit code>", "Stops the server, given its exit code.", ":shutdown AB12C-3DE4F", Cost::Free),
];
