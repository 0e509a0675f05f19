//! A step of a sequence: the user, the action, and the line typed for it.

use std::fmt;

/// A change to a room's settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    Limit(Option<usize>),
    Password(Option<String>),
    Public(bool),
    Invite(bool),
    /// A key with a value that it does not take.
    Wrong(&'static str),
}

/// A line whose arguments do not fit its command.
#[derive(Clone, Debug, PartialEq)]
pub enum Misuse {
    Close,
    Destroy,
    Promote(String),
    Demote(String),
    Unban(String),
    Unmute(String),
    /// With something that looks like a duration but is not one.
    Ban(String),
}

impl Misuse {
    /// The line, the correct syntax, and an example.
    pub fn texts(&self) -> (String, &'static str, &'static str) {
        match self {
            Misuse::Close => ("close den".to_owned(), "close", "close"),
            Misuse::Destroy => ("destroy den".to_owned(), "destroy", "destroy"),
            Misuse::Promote(who) => (format!("op {who} please"), "op <user>", "op bob"),
            Misuse::Demote(who) => (format!("deop {who} please"), "deop <user>", "deop bob"),
            Misuse::Unban(who) => (format!("unban {who} please"), "unban <user>", "unban bob"),
            Misuse::Unmute(who) => (format!("unmute {who} please"), "unmute <user>", "unmute bob"),
            Misuse::Ban(who) => (format!("ban {who} 9x"), "ban <user> [duration] [reason]", "ban bob 2h spam"),
        }
    }
}

/// What a user does. The first group is not typed; names may be `bob` or `bob#1002`.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Connects and gives this name, or gives another one if the first was taken.
    Login(String),
    /// The connection breaks.
    Lost,
    /// A minute passes for an admin of this room who was lost.
    Grace(String),
    /// An empty room's grace period is over.
    Linger(String),
    /// The time of a temporary message in this room is over.
    Expire(String, u64),

    /// Typed at the question for a password.
    Answer(String),
    Quit,
    Say(String),
    Me(String),
    To(String, String),
    Direct(Vec<String>, String),
    At(Vec<String>, String),
    /// `@bob` alone, outside the chat view.
    NoText(Vec<String>),
    OpenDirect(String),
    Reply(u64, String),
    Edit(Option<u64>, String),
    Delete(Option<u64>),
    Temporary(String),
    History(Option<usize>),
    Search(String),
    Create(String, Option<String>),
    Group(String, Vec<String>),
    Join(String, Option<String>),
    Invite(Vec<String>),
    Chat,
    Leave,
    Close,
    Misused(Misuse),
    Kick(String, String),
    Ban(String, Option<u64>, String),
    Unban(String),
    Bans,
    Mute(String, Option<u64>),
    Unmute(String),
    Promote(String),
    Demote(String),
    Slow(u64),
    Topic(String),
    ShowTopic,
    Set(Setting),
    ShowSettings,
    Destroy,
    Nick(String),
    Ignore(String),
    ListIgnored,
    Unignore(String),
    Away(String),
    Back,
    Rooms,
    List,
    ListAll,
    WhoIs(String),
    WhoAmI,
}

impl Act {
    /// The line typed, in the chat view or elsewhere; `None` for actions that are not typed.
    pub fn line(&self, in_view: bool) -> Option<String> {
        let on = |on: bool| if on { "on" } else { "off" };
        let hours = |hours: &Option<u64>| hours.map_or_else(String::new, |hours| format!(" {hours}h"));
        let number = |id: &Option<u64>| id.map_or_else(String::new, |id| format!(" {id}"));
        let password = |password: &Option<String>| password.as_ref().map_or_else(String::new, |p| format!(" {p}"));
        let command = match self {
            Act::Login(_) | Act::Lost | Act::Grace(_) | Act::Linger(_) | Act::Expire(..) => return None,
            Act::Answer(text) => return Some(text.clone()),
            Act::Say(text) if in_view => return Some(text.clone()),
            Act::At(to, text) => return Some(format!("@{} {text}", to.join(","))),
            Act::NoText(to) => return (!in_view).then(|| format!("@{}", to.join(","))),
            Act::Leave => return Some(":q".to_owned()),
            Act::Quit => "quit".to_owned(),
            Act::Say(text) => format!("say {text}"),
            Act::Me(text) => format!("me {text}"),
            Act::To(room, text) => format!("to {room} {text}"),
            Act::Direct(to, text) => format!("dm {} {text}", to.join(",")),
            Act::OpenDirect(who) => format!("dm {who}"),
            Act::Reply(id, text) => format!("reply {id} {text}"),
            Act::Edit(id, text) => format!("edit{} {text}", number(id)),
            Act::Delete(id) => format!("delete{}", number(id)),
            Act::Temporary(text) => format!("temp 10 {text}"),
            Act::History(count) => count.map_or_else(|| "history".to_owned(), |count| format!("history {count}")),
            Act::Search(pattern) => format!("search {pattern}"),
            Act::Create(room, given) => format!("create {room}{}", password(given)),
            Act::Group(room, who) => format!("group {room} {}", who.join(" ")),
            Act::Join(room, given) => format!("join {room}{}", password(given)),
            Act::Invite(who) => format!("invite {}", who.join(" ")),
            Act::Chat => "chat".to_owned(),
            Act::Close => "close".to_owned(),
            Act::Misused(misuse) => misuse.texts().0,
            Act::Kick(who, why) => format!("kick {who} {why}"),
            Act::Ban(who, lasts, why) => format!("ban {who}{} {why}", hours(lasts)),
            Act::Unban(who) => format!("unban {who}"),
            Act::Bans => "bans".to_owned(),
            Act::Mute(who, lasts) => format!("mute {who}{}", hours(lasts)),
            Act::Unmute(who) => format!("unmute {who}"),
            Act::Promote(who) => format!("op {who}"),
            Act::Demote(who) => format!("deop {who}"),
            Act::Slow(seconds) => format!("slow {seconds}"),
            Act::Topic(text) => format!("topic {text}"),
            Act::ShowTopic => "topic".to_owned(),
            Act::Set(Setting::Limit(None)) => "set limit none".to_owned(),
            Act::Set(Setting::Limit(Some(limit))) => format!("set limit {limit}"),
            Act::Set(Setting::Password(given)) => format!("set password{}", password(given)),
            Act::Set(Setting::Public(public)) => format!("set public {}", on(*public)),
            Act::Set(Setting::Invite(invite)) => format!("set invite {}", on(*invite)),
            Act::Set(Setting::Wrong(key)) => format!("set {key} perhaps"),
            Act::ShowSettings => "set".to_owned(),
            Act::Destroy => "destroy".to_owned(),
            Act::Nick(name) => format!("nick {name}"),
            Act::Ignore(who) => format!("ignore {who}"),
            Act::ListIgnored => "ignore".to_owned(),
            Act::Unignore(who) => format!("unignore {who}"),
            Act::Away(text) => format!("away {text}"),
            Act::Back => "back".to_owned(),
            Act::Rooms => "rooms".to_owned(),
            Act::List => "list".to_owned(),
            Act::ListAll => "listall".to_owned(),
            Act::WhoIs(who) => format!("whois {who}"),
            Act::WhoAmI => "whoami".to_owned(),
        };
        Some(format!("{}{}", if in_view { '/' } else { ':' }, command.trim_end()))
    }

    /// The line's share of the twenty reading commands that a connection may send at once.
    pub fn reads(&self) -> u32 {
        match self {
            Act::Search(_) | Act::ListAll => 3,
            Act::Login(_)
            | Act::OpenDirect(_)
            | Act::History(_)
            | Act::Chat
            | Act::Bans
            | Act::ShowTopic
            | Act::ShowSettings
            | Act::Set(Setting::Password(None))
            | Act::Ignore(_)
            | Act::ListIgnored
            | Act::Unignore(_)
            | Act::Away(_)
            | Act::Back
            | Act::Rooms
            | Act::List
            | Act::WhoIs(_)
            | Act::WhoAmI => 1,
            _ => 0,
        }
    }
}

/// One step. A seat is a client, whatever its user's present name.
#[derive(Clone, PartialEq)]
pub struct Step {
    pub seat: usize,
    pub act: Act,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.act.line(false) {
            Some(line) => write!(f, "seat {}: {line}", self.seat),
            None => write!(f, "seat {}: {:?}", self.seat, self.act),
        }
    }
}
