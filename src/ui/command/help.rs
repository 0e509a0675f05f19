//! What `:help` shows: a first page, topics, single commands, and the whole list.
//!
//! Every page except the whole list fits a screen of 24 rows and 80 columns, including the prompt, and shows only what
//! this user can use where they are.
//!
//! *Owns* the topics, the users of each command, and the page layout. *Knows nothing of* how ranks are determined.

#[cfg(feature = "json")]
use super::help_texts::JSON_LINES;
use super::help_texts::{ABOUT_FILES, NO_EXIT_CODE, NO_FILES};
use super::verb::{AccountVerb, MemberVerb, OperatorVerb, PlaceVerb, RoomVerb, ServerVerb, UserVerb, Verb};
use super::{Spec, TABLE, find, syntax, words};
use crate::chat::account_policy::AccountPolicy;
use crate::chat::names;

/// Width of a page in columns, without the mark `* ` of a notice.
const COLUMNS: usize = 78;

/// The words that ask for the whole list, and for the page about programs.
const ALL: &str = "all";
#[cfg(feature = "json")]
const JSON: &str = "json";

/// A part of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Finding, entering and making rooms.
    Rooms,
    /// Sending and finding messages.
    Talking,
    /// Dealing with people who cause trouble.
    Moderation,
    /// The user's own name and account, and those of others.
    Account,
    /// Files between two users.
    Files,
    /// How the screen looks.
    Settings,
    /// The whole server.
    Operator,
}

impl Topic {
    /// All topics, in the order in which they are listed.
    pub const EACH: [Topic; 7] = [
        Topic::Rooms,
        Topic::Talking,
        Topic::Moderation,
        Topic::Account,
        Topic::Files,
        Topic::Settings,
        Topic::Operator,
    ];

    /// Its word after `:help`.
    pub fn word(self) -> &'static str {
        match self {
            Topic::Rooms => "rooms",
            Topic::Talking => "talking",
            Topic::Moderation => "moderation",
            Topic::Account => "account",
            Topic::Files => "files",
            Topic::Settings => "settings",
            Topic::Operator => "operator",
        }
    }

    fn named(word: &str) -> Option<Topic> {
        Topic::EACH.into_iter().find(|topic| topic.word().eq_ignore_ascii_case(word))
    }

    /// Where a command is explained; `None` for those that only the first page has.
    fn of(verb: Verb) -> Option<Topic> {
        Some(match verb {
            Verb::Server(verb) => match verb {
                ServerVerb::Help | ServerVerb::Quit => return None,
            },
            Verb::Place(verb) => match verb {
                PlaceVerb::Rooms
                | PlaceVerb::Join
                | PlaceVerb::Create
                | PlaceVerb::Group
                | PlaceVerb::Close
                | PlaceVerb::List
                | PlaceVerb::ListAll => Topic::Rooms,
                PlaceVerb::Chat | PlaceVerb::Leave => Topic::Talking,
            },
            Verb::Room(verb) => match verb {
                RoomVerb::Invite | RoomVerb::Set | RoomVerb::Topic | RoomVerb::Destroy => Topic::Rooms,
                RoomVerb::Slow | RoomVerb::Bans => Topic::Moderation,
            },
            Verb::Talk(_) => Topic::Talking,
            Verb::Member(_) | Verb::User(UserVerb::Ignore | UserVerb::Unignore) => Topic::Moderation,
            Verb::User(UserVerb::Nick | UserVerb::WhoIs | UserVerb::WhoAmI | UserVerb::Away | UserVerb::Back)
            | Verb::Account(_) => Topic::Account,
            Verb::File(_) => Topic::Files,
            Verb::Screen(_) => Topic::Settings,
            Verb::Operator(_) => Topic::Operator,
        })
    }
}

/// The dozen commands of a first visit. In the chat view, `:q` replaces `:chat`.
const FIRST: [&str; 13] =
    ["rooms", "join", "chat", "q", "close", "list", "listall", "dm", "history", "create", "nick", "help", "quit"];

/// Who can use a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Everyone,
    /// Those who are not in the view.
    OutsideView,
    /// Those who are in the view.
    InView,
    /// Those without an account, where they may create one.
    Guests,
    /// Those with an account that they may delete.
    Owners,
    /// Those with an account.
    LoggedIn,
    /// Admins of the current room.
    RoomAdmins,
    /// The owner of the current room.
    RoomOwner,
    Operators,
}

impl Audience {
    fn of(verb: Verb) -> Audience {
        match verb {
            Verb::Place(verb) => match verb {
                PlaceVerb::Chat => Audience::OutsideView,
                PlaceVerb::Leave => Audience::InView,
                PlaceVerb::Rooms
                | PlaceVerb::Join
                | PlaceVerb::Create
                | PlaceVerb::Group
                | PlaceVerb::Close
                | PlaceVerb::List
                | PlaceVerb::ListAll => Audience::Everyone,
            },
            Verb::Room(verb) => match verb {
                // Without a value they show something, and members may invite into open rooms.
                RoomVerb::Invite | RoomVerb::Set | RoomVerb::Topic => Audience::Everyone,
                RoomVerb::Slow | RoomVerb::Bans => Audience::RoomAdmins,
                RoomVerb::Destroy => Audience::RoomOwner,
            },
            Verb::Member(verb) => match verb {
                MemberVerb::Kick
                | MemberVerb::Ban
                | MemberVerb::Unban
                | MemberVerb::Mute
                | MemberVerb::Unmute
                | MemberVerb::Promote
                | MemberVerb::Demote => Audience::RoomAdmins,
            },
            Verb::Account(verb) => match verb {
                AccountVerb::Register => Audience::Guests,
                AccountVerb::ChangePassword => Audience::LoggedIn,
                AccountVerb::Unregister => Audience::Owners,
                AccountVerb::Login | AccountVerb::Ghost => Audience::Everyone,
            },
            Verb::Operator(verb) => match verb {
                // Everyone who knows the code.
                OperatorVerb::Shutdown => Audience::Everyone,
                OperatorVerb::Broadcast
                | OperatorVerb::BanAddress
                | OperatorVerb::UnbanAddress
                | OperatorVerb::Audit => Audience::Operators,
            },
            Verb::Server(_) | Verb::Talk(_) | Verb::User(_) | Verb::File(_) | Verb::Screen(_) => Audience::Everyone,
        }
    }

    /// The mark before a command in the whole list.
    fn mark(self) -> &'static str {
        match self {
            Audience::RoomAdmins | Audience::RoomOwner => "+ ",
            Audience::Operators => "= ",
            Audience::Everyone
            | Audience::OutsideView
            | Audience::InView
            | Audience::Guests
            | Audience::Owners
            | Audience::LoggedIn => "  ",
        }
    }

    /// Who can use the command, in a sentence.
    fn sentence(self) -> Option<&'static str> {
        match self {
            Audience::Everyone | Audience::OutsideView => None,
            Audience::InView => Some("Only in the chat view."),
            Audience::Guests => Some("Only while you are not logged in to an account."),
            Audience::Owners | Audience::LoggedIn => Some("Only while you are logged in to an account."),
            Audience::RoomAdmins => Some("Only for admins of the room."),
            Audience::RoomOwner => Some("Only for the owner of the room."),
            Audience::Operators => Some("Only for operators."),
        }
    }
}

/// The facts that decide which commands a user can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommandAccess {
    /// Whether the server has accounts.
    pub accounts: AccountPolicy,
    /// They are in the chat view.
    pub in_view: bool,
    /// They are logged in to an account.
    pub logged_in: bool,
    /// They are an admin of the current room.
    pub(crate) room_admin: bool,
    /// They own the current room.
    pub(crate) room_owner: bool,
    /// They are an operator.
    pub operator: bool,
    /// The server carries files.
    pub(crate) files: bool,
    /// The server is part of a cluster.
    pub(crate) shared: bool,
    /// The server has an exit code.
    pub(crate) exit_code: bool,
}

impl CommandAccess {
    /// Whether this server has the command at all.
    fn knows(self, spec: &Spec) -> bool {
        spec.exists(self.accounts) && self.lacking(spec).is_none()
    }

    /// Why nobody can use a command here, beyond what [`Spec::exists`] says.
    fn lacking(self, spec: &Spec) -> Option<&'static str> {
        if !self.files && matches!(spec.verb, Verb::File(_)) {
            Some(NO_FILES)
        } else if !self.exit_code && spec.verb == Verb::Operator(OperatorVerb::Shutdown) {
            Some(NO_EXIT_CODE)
        } else {
            None
        }
    }

    /// Whether this server has any command of the topic.
    fn has(self, topic: Topic) -> bool {
        TABLE.iter().any(|spec| Topic::of(spec.verb) == Some(topic) && self.knows(spec))
    }

    fn can_use(self, spec: &Spec) -> bool {
        self.knows(spec)
            && match Audience::of(spec.verb) {
                Audience::Everyone => true,
                Audience::OutsideView => !self.in_view,
                Audience::InView => self.in_view,
                Audience::Guests => !self.logged_in && self.accounts == AccountPolicy::Optional,
                Audience::Owners => self.logged_in && self.accounts == AccountPolicy::Optional,
                Audience::LoggedIn => self.logged_in,
                Audience::RoomAdmins => self.room_admin,
                Audience::RoomOwner => self.room_owner,
                Audience::Operators => self.operator,
            }
    }
}

/// A page of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelpPage {
    /// What a first visit needs.
    First,
    /// Every command.
    All,
    /// How programs use the server.
    #[cfg(feature = "json")]
    Json,
    /// The commands of a topic.
    Topic(Topic),
    /// One command, and the topic of the same name where there is one.
    Command(&'static Spec),
}

impl HelpPage {
    /// The page of a word: a command or an alias, a topic, or `all`.
    pub(crate) fn named(word: &str) -> Option<HelpPage> {
        match find(word) {
            Some(spec) => Some(HelpPage::Command(spec)),
            None if word.eq_ignore_ascii_case(ALL) => Some(HelpPage::All),
            #[cfg(feature = "json")]
            None if word.eq_ignore_ascii_case(JSON) => Some(HelpPage::Json),
            None => Topic::named(word).map(HelpPage::Topic),
        }
    }

    /// The word nearest to one that has no page.
    pub(crate) fn nearest(word: &str, accounts: AccountPolicy) -> Option<&'static str> {
        names::nearest(word, all_help_words(accounts))
    }

    /// The page's lines, as notices.
    pub(crate) fn lines(self, mark: char, viewer: CommandAccess) -> Vec<String> {
        let usable = |spec: &&Spec| viewer.can_use(spec);
        match self {
            HelpPage::First => {
                let first = FIRST.iter().filter_map(|word| find(word)).filter(usable);
                let mut lines = rows(first.collect(), mark, false);
                let topics = Topic::EACH.into_iter().filter(|topic| viewer.has(*topic));
                lines.push(format!("Topics: {}.", topics.map(Topic::word).collect::<Vec<_>>().join(", ")));
                lines.push(format!("{mark}help <topic> or <command> shows more, {mark}help all lists every command."));
                if !viewer.in_view {
                    lines.push("In the chat view, commands start with /.".to_owned());
                }
                lines
            }
            HelpPage::All => {
                let all = TABLE.iter().filter(|spec| viewer.knows(spec));
                let mut lines = rows(all.collect(), mark, true);
                lines.push("+ only for admins of the room, = only for operators.".to_owned());
                lines
            }
            #[cfg(feature = "json")]
            HelpPage::Json => JSON_LINES.map(str::to_owned).to_vec(),
            HelpPage::Topic(topic) => topic_lines(topic, mark, viewer),
            HelpPage::Command(spec) => {
                let mut lines = command_lines(spec, mark);
                lines.extend(viewer.lacking(spec).filter(|_| Topic::named(spec.word).is_none()).map(str::to_owned));
                if viewer.shared && viewer.exit_code && spec.verb == Verb::Operator(OperatorVerb::Shutdown) {
                    lines.push(format!("{} all stops all servers of the cluster.", syntax(spec, mark)));
                }
                if let Some(topic) = Topic::named(spec.word) {
                    lines.push(format!("About {}:", topic.word()));
                    lines.extend(topic_lines(topic, mark, viewer));
                }
                lines
            }
        }
    }
}

/// The words of pages that are neither a topic's nor a command's.
#[cfg(feature = "json")]
const OTHER_PAGES: [&str; 2] = [ALL, JSON];
#[cfg(not(feature = "json"))]
const OTHER_PAGES: [&str; 1] = [ALL];

/// The words that can follow `:help`, except aliases.
pub(crate) fn help_words(accounts: AccountPolicy) -> impl Iterator<Item = &'static str> {
    // Some topics are named like commands.
    let topics = Topic::EACH.into_iter().map(Topic::word).filter(|word| find(word).is_none());
    super::listed(accounts).map(|spec| spec.word).chain(topics).chain(OTHER_PAGES)
}

fn all_help_words(accounts: AccountPolicy) -> impl Iterator<Item = &'static str> {
    super::listed(accounts).flat_map(words).chain(Topic::EACH.map(Topic::word)).chain(OTHER_PAGES)
}

fn topic_lines(topic: Topic, mark: char, viewer: CommandAccess) -> Vec<String> {
    let all: Vec<&Spec> =
        TABLE.iter().filter(|spec| Topic::of(spec.verb) == Some(topic) && viewer.knows(spec)).collect();
    let usable: Vec<&Spec> = all.iter().copied().filter(|spec| viewer.can_use(spec)).collect();
    let hidden = |audience| {
        all.iter().any(|spec| Audience::of(spec.verb) == audience)
            && !usable.iter().any(|spec| Audience::of(spec.verb) == audience)
    };
    let mut lines = rows(usable.clone(), mark, false);
    let more = [
        (Audience::RoomAdmins, "Admins of a room have more", "lists them"),
        (Audience::RoomOwner, "The owner of a room can do more", "says what"),
        (Audience::Operators, "Operators have more", "lists them"),
    ];
    let more = more.into_iter().filter(|(audience, ..)| hidden(*audience));
    lines.extend(more.map(|(_, who, what)| format!("{who}: {mark}help all {what}.")));
    if topic == Topic::Files {
        let about = if viewer.files { &ABOUT_FILES[..] } else { &[NO_FILES] };
        lines.extend(about.iter().map(ToString::to_string));
    } else if topic == Topic::Operator && !viewer.exit_code {
        lines.push(NO_EXIT_CODE.to_owned());
    }
    lines
}

/// One row for each command. Long descriptions begin further left than the others.
fn rows(commands: Vec<&Spec>, mark: char, with_marks: bool) -> Vec<String> {
    let column = commands.iter().map(|spec| syntax(spec, mark).len()).max().unwrap_or(0) + 2;
    let row = |spec: &Spec| {
        let audience = if with_marks { Audience::of(spec.verb).mark() } else { "" };
        let column = column.min((COLUMNS - audience.len()).saturating_sub(spec.summary.len()));
        format!("{audience}{:column$}{}", syntax(spec, mark), spec.summary)
    };
    commands.into_iter().map(row).collect()
}

fn command_lines(spec: &Spec, mark: char) -> Vec<String> {
    let mut lines = vec![syntax(spec, mark), spec.summary.to_owned()];
    lines.extend(Audience::of(spec.verb).sentence().map(str::to_owned));
    if !spec.aliases.is_empty() {
        let aliases: Vec<_> = spec.aliases.iter().map(|alias| format!("{mark}{alias}")).collect();
        lines.push(format!("Also: {}", aliases.join(", ")));
    }
    lines.push(format!("Example: {mark}{}", &spec.example[1..]));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of the facts.
    fn viewers() -> Vec<CommandAccess> {
        let mut all = Vec::new();
        for accounts in [AccountPolicy::Off, AccountPolicy::Optional, AccountPolicy::Required] {
            for bits in 0..=u8::MAX {
                let bit = |number: u8| bits & (1 << number) != 0;
                all.push(CommandAccess {
                    accounts,
                    in_view: bit(0),
                    logged_in: bit(1),
                    room_admin: bit(2),
                    operator: bit(3),
                    files: bit(4),
                    shared: bit(5),
                    exit_code: bit(6),
                    room_owner: bit(7),
                });
            }
        }
        all
    }

    const GUEST: CommandAccess = CommandAccess {
        accounts: AccountPolicy::Optional,
        in_view: false,
        logged_in: false,
        room_admin: false,
        room_owner: false,
        operator: false,
        files: true,
        shared: false,
        exit_code: true,
    };
    const ADMIN: CommandAccess = CommandAccess { room_admin: true, ..GUEST };

    fn pages() -> Vec<HelpPage> {
        let commands = TABLE.iter().map(HelpPage::Command);
        let topics = Topic::EACH.into_iter().map(HelpPage::Topic);
        let others = [
            HelpPage::First,
            HelpPage::All,
            #[cfg(feature = "json")]
            HelpPage::Json,
        ];
        others.into_iter().chain(topics).chain(commands).collect()
    }

    /// Whether a page has a row for this command.
    fn has(page: HelpPage, word: &str, viewer: CommandAccess) -> bool {
        let start = syntax(find(word).expect("a command"), ':') + "  ";
        page.lines(':', viewer).iter().any(|line| line.starts_with(&start))
    }

    #[test]
    fn every_line_of_help_fits_a_terminal_of_eighty_columns() {
        for page in pages() {
            for viewer in viewers() {
                for line in page.lines(':', viewer) {
                    assert!(line.len() <= COLUMNS, "{line}");
                }
            }
        }
    }

    #[test]
    fn every_page_but_the_whole_list_has_fewer_than_twenty_rows_and_none_is_empty() {
        for page in pages().into_iter().filter(|page| *page != HelpPage::All) {
            for viewer in viewers() {
                let rows = page.lines(':', viewer).len();
                assert!((1..20).contains(&rows), "{page:?} has {rows} rows");
            }
        }
    }

    #[test]
    fn a_server_without_files_has_no_help_about_them() {
        let viewer = CommandAccess { files: false, ..GUEST };
        for page in [HelpPage::First, HelpPage::All] {
            assert!(page.lines(':', GUEST).iter().any(|line| line.contains("files")), "{page:?}");
            assert!(!page.lines(':', viewer).iter().any(|line| line.contains("file")), "{page:?}");
        }
        assert_eq!(HelpPage::Topic(Topic::Files).lines(':', viewer), ["This server carries no files."]);
    }

    #[test]
    fn only_an_owner_is_shown_how_to_close_a_room_for_good() {
        let rooms = HelpPage::Topic(Topic::Rooms);
        let more = "The owner of a room can do more: :help all says what.".to_owned();
        assert!(!has(rooms, "destroy", ADMIN) && rooms.lines(':', ADMIN).contains(&more));
        let owner = CommandAccess { room_owner: true, ..ADMIN };
        assert!(has(rooms, "destroy", owner) && !rooms.lines(':', owner).contains(&more));
        let destroy = HelpPage::named("destroy").expect("a page").lines(':', owner);
        assert_eq!(destroy[2], "Only for the owner of the room.");
    }

    #[test]
    fn where_there_is_no_exit_code_help_does_not_offer_to_stop_the_server() {
        let viewer = CommandAccess { exit_code: false, ..GUEST };
        let off = CommandAccess { accounts: AccountPolicy::Off, ..viewer };
        assert!(!has(HelpPage::All, "shutdown", viewer) && has(HelpPage::Topic(Topic::Operator), "shutdown", GUEST));
        let lines = |viewer| HelpPage::Topic(Topic::Operator).lines(':', viewer);
        assert_eq!(lines(off), [NO_EXIT_CODE]);
        assert_eq!(lines(viewer), ["Operators have more: :help all lists them.", NO_EXIT_CODE]);
        let first = HelpPage::First.lines(':', off);
        assert!(
            first.contains(&"Topics: rooms, talking, moderation, account, files, settings.".to_owned()),
            "{first:?}"
        );
        let command = HelpPage::named("shutdown").expect("a page").lines(':', viewer);
        assert_eq!(command.last().map(String::as_str), Some(NO_EXIT_CODE));
        let send = HelpPage::named("send").expect("a page").lines(':', CommandAccess { files: false, ..GUEST });
        assert_eq!(send.last().map(String::as_str), Some(NO_FILES));
    }

    #[test]
    fn every_command_is_in_a_topic_or_on_the_first_page_and_in_the_whole_list() {
        for spec in TABLE {
            let in_topics = Topic::EACH.into_iter().filter(|topic| Topic::of(spec.verb) == Some(*topic)).count();
            assert!(in_topics == 1 || FIRST.contains(&spec.word), "{}", spec.word);
            let all = HelpPage::All.lines(':', GUEST);
            assert!(all.iter().any(|line| line[2..].starts_with(&syntax(spec, ':'))), "{}", spec.word);
        }
        for word in FIRST {
            assert!(find(word).is_some(), "{word}");
        }
    }

    #[test]
    fn the_first_page_has_a_dozen_commands_and_names_the_topics() {
        for viewer in viewers() {
            let lines = HelpPage::First.lines('/', viewer);
            assert_eq!(lines.iter().filter(|line| line.contains("  ")).count(), 12);
            for topic in Topic::EACH.into_iter().filter(|topic| viewer.has(*topic)) {
                assert!(lines.iter().any(|line| line.contains(topic.word())), "{topic:?}");
            }
        }
        assert!(has(HelpPage::First, "chat", GUEST) && !has(HelpPage::First, "q", GUEST));
        let in_view = CommandAccess { in_view: true, ..GUEST };
        assert!(has(HelpPage::First, "q", in_view) && !has(HelpPage::First, "chat", in_view));
    }

    #[test]
    fn a_topic_shows_what_this_user_can_use_and_says_that_there_is_more() {
        let moderation = HelpPage::Topic(Topic::Moderation);
        assert!(has(moderation, "ignore", GUEST) && !has(moderation, "ban", GUEST));
        assert!(has(moderation, "ban", ADMIN));
        let more = "Admins of a room have more: :help all lists them.".to_owned();
        assert!(moderation.lines(':', GUEST).contains(&more) && !moderation.lines(':', ADMIN).contains(&more));
        let account = HelpPage::Topic(Topic::Account);
        let (user, off, required) = (
            CommandAccess { logged_in: true, ..GUEST },
            CommandAccess { accounts: AccountPolicy::Off, ..GUEST },
            CommandAccess { accounts: AccountPolicy::Required, logged_in: true, ..GUEST },
        );
        for (word, expected) in [
            ("register", [true, false, false, false]),
            ("login", [true, true, false, true]),
            ("passwd", [false, true, false, true]),
            ("unregister", [false, true, false, false]),
            ("nick", [true; 4]),
        ] {
            assert_eq!([GUEST, user, off, required].map(|viewer| has(account, word, viewer)), expected, "{word}");
        }
        let operator = HelpPage::Topic(Topic::Operator);
        assert!(has(operator, "shutdown", GUEST) && !has(operator, "audit", GUEST));
        assert!(has(operator, "audit", CommandAccess { operator: true, ..user }));
    }

    #[test]
    fn a_word_that_is_command_and_topic_shows_the_command_and_then_the_topic() {
        let lines = HelpPage::named("Rooms").expect("a page").lines(':', GUEST);
        assert_eq!(lines[0], ":rooms");
        let topic = HelpPage::Topic(Topic::Rooms).lines(':', GUEST);
        assert!(lines.ends_with(&topic) && lines.len() > topic.len() + 3, "{lines:?}");
        assert_eq!(HelpPage::named("TALKING"), Some(HelpPage::Topic(Topic::Talking)));
        assert_eq!(HelpPage::named("all"), Some(HelpPage::All));
        assert_eq!(HelpPage::named("who"), find("listall").map(HelpPage::Command));
        assert_eq!(HelpPage::named("xyzzy"), None);
    }

    #[test]
    fn the_whole_list_marks_what_only_admins_or_operators_can_do() {
        let lines = HelpPage::All.lines(':', GUEST);
        for (word, mark) in [("kick", '+'), ("destroy", '+'), ("audit", '='), ("join", ' '), ("shutdown", ' ')] {
            let line = lines.iter().find(|line| line[2..].starts_with(&format!(":{word}"))).expect("a row");
            assert!(line.starts_with(mark), "{line}");
        }
        assert_eq!(lines.last().map(String::as_str), Some("+ only for admins of the room, = only for operators."));
    }

    #[test]
    fn no_topic_hides_a_command_of_another_name() {
        for topic in Topic::EACH {
            assert!(
                topic.word() != ALL && find(topic.word()).is_none_or(|_| matches!(topic, Topic::Rooms | Topic::Files)),
                "{topic:?}"
            );
        }
        let words: Vec<_> = help_words(AccountPolicy::Off).collect();
        assert!(words.contains(&"all") && words.contains(&"operator") && !words.contains(&"register"));
    }
}
