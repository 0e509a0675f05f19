//! The commands: one table for parsing, `:help`, completion, the hints for mistyped words and the README.
//!
//! # To add a command
//!
//! 1. A name in its group in `verb`. The compiler then asks whether it ends something, which `:help` topic it belongs
//!    to, who can use it, and what it does (one arm in `palette`).
//! 2. A row in `table`.
//! 3. If it causes something new: an effect in `palette::effect`, and one arm in `session::dispatch`.
//! 4. A row in the README's table, and its right and wrong forms in `palette::tests::commands`.
//!
//! *Owns* reading a typed command, and finding the command that a word, or a mistyped word, means.
//! *Knows nothing of* what commands do, of rooms, of people.

mod help;
mod help_texts;
mod table;
mod verb;

use std::borrow::Cow;

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names;
use crate::text;

pub use help::Topic;
pub(crate) use help::{CommandAccess, HelpPage, help_words};
pub use table::TABLE;
pub use verb::{
    AccountVerb, FileVerb, MemberVerb, OperatorVerb, PlaceVerb, RoomVerb, ScreenVerb, ServerVerb, TalkVerb, UserVerb,
    Verb,
};

/// Which rate limit a line counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// None: leaving is never refused.
    Free,
    /// Units of the reading allowance.
    Read(u32),
    /// Messages: others see them.
    Post(u32),
}

/// Where a command exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Everywhere.
    Always,
    /// On servers with accounts.
    WithAccounts,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// Which command.
    pub verb: Verb,
    /// Its word, without the mark.
    pub word: &'static str,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// Its arguments as `:help` shows them.
    pub arguments: &'static str,
    /// What it does, one sentence.
    pub(crate) summary: &'static str,
    /// One way to use it.
    pub example: &'static str,
    /// What it costs.
    pub cost: Cost,
    /// Where it exists.
    pub(crate) availability: Availability,
}

impl Spec {
    /// Whether it exists on a server with these accounts.
    pub fn exists(&self, accounts: AccountPolicy) -> bool {
        match self.availability {
            Availability::Always => true,
            Availability::WithAccounts => accounts.are_enabled(),
        }
    }
}

/// Shortest command word that a mistyped word can be taken for, in letters.
///
/// With two letters or fewer, half of all smileys would be one edit away from a command.
const SHORTEST_FUZZY: usize = 3;

/// The row of a word (no mark, any case), aliases included.
pub fn find(word: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| words(spec).any(|known| known.eq_ignore_ascii_case(word)))
}

/// The commands that exist on a server with these accounts, in the order of the table.
pub fn listed(accounts: AccountPolicy) -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(move |spec| spec.exists(accounts))
}

/// The row whose word is nearest to a mistyped one, of those that exist.
pub(crate) fn nearest(word: &str, accounts: AccountPolicy) -> Option<&'static Spec> {
    names::nearest(word, listed(accounts).flat_map(words)).and_then(find)
}

/// The existing word to suggest for a mistyped one: an alias if that is nearest, since that is what was meant.
///
/// Never one that ends something, since people type a suggestion without much thought. If such a word is the nearest,
/// nothing is suggested.
pub(crate) fn suggestion(word: &str, accounts: AccountPolicy) -> Option<&'static str> {
    let harmless = listed(accounts).filter(|spec| !spec.verb.ends_something());
    let suggested = names::nearest(word, harmless.flat_map(words))?;
    let nearest = names::nearest(word, listed(accounts).flat_map(words))?;
    (names::edit_distance(word, suggested) <= names::edit_distance(word, nearest)).then_some(suggested)
}

/// The command that a word in the chat view was probably meant to be: a command, even one that does not exist here, or
/// a word within one edit of an existing command of three letters or more.
pub(crate) fn resembling(word: &str, accounts: AccountPolicy) -> Option<&'static Spec> {
    if let Some(spec) = find(word) {
        return Some(spec);
    }
    let folded = word.to_ascii_lowercase();
    listed(accounts)
        .flat_map(|spec| words(spec).map(move |known| (spec, known)))
        .find(|(_, known)| known.len() >= SHORTEST_FUZZY && names::edit_distance(&folded, known) <= 1)
        .map(|(spec, _)| spec)
}

/// The word of a row and its aliases.
pub fn words(spec: &'static Spec) -> impl Iterator<Item = &'static str> {
    std::iter::once(spec.word).chain(spec.aliases.iter().copied())
}

/// Whether a text begins with one of the two marks.
pub(crate) fn begins_with_mark(text: &str) -> bool {
    text.starts_with([':', '/'])
}

/// The mark that a text begins with, and what follows right after it. Keyboards for Chinese, Japanese or Korean type the
/// marks in full width, and a copied line may begin with characters that nobody sees.
pub(crate) fn split_mark(text: &str) -> Option<(char, &str)> {
    let mut characters = text::trim_unseen_start(text).chars();
    let mark = match characters.next()? {
        ':' | '\u{ff1a}' => ':',
        '/' | '\u{ff0f}' => '/',
        _ => return None,
    };
    Some((mark, characters.as_str()))
}

/// The first word of a text, and what follows it, trimmed. Any kind of blank ends a word: some keyboards type a no-break
/// space after a colon, those for Chinese and Japanese a wide one, and a pasted line may continue after a line break.
pub(crate) fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// A mark, a word that may be a command's, and the rest of the line, trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed<'a> {
    /// The mark it was typed with, `:` or `/`.
    pub mark: char,
    /// The word after the mark.
    pub word: &'a str,
    /// What follows.
    pub rest: &'a str,
}

impl<'a> Typed<'a> {
    /// Reads a line that starts with a mark. `None` for any other line.
    pub fn parse(line: &'a str) -> Option<Typed<'a>> {
        let (mark, body) = split_mark(line.trim())?;
        let (word, rest) = split_word(body.trim());
        Some(Typed { mark, word, rest })
    }

    /// The first word of the rest, and what follows it.
    pub(crate) fn split_rest(&self) -> (&'a str, &'a str) {
        split_word(self.rest)
    }

    /// The word's row, if it is a command.
    pub fn command(self) -> Option<Command<'a>> {
        find(self.word).map(|spec| Command { spec, mark: self.mark, rest: self.rest })
    }
}

/// A typed command and its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Its row.
    pub spec: &'static Spec,
    /// The mark it was typed with.
    pub mark: char,
    /// The arguments; they may hold a password.
    pub rest: &'a str,
}

impl<'a> Command<'a> {
    /// Reads a line that is a command.
    pub fn parse(line: &'a str) -> Option<Command<'a>> {
        Typed::parse(line)?.command()
    }

    /// The first argument and what follows it.
    pub(crate) fn split_rest(&self) -> (&'a str, &'a str) {
        Typed { mark: self.mark, word: self.spec.word, rest: self.rest }.split_rest()
    }
}

/// Rewrites a sentence of the server for the chat view: commands in it get the mark `/`, which runs them there. `:q`
/// keeps its mark. So do `:paste`, `:login` and the commands for files, because programs look for their sentences,
/// which are the same everywhere. Only whole words count, so that `general: bob` stays as it is.
pub(crate) fn for_view(sentence: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in sentence.match_indices(':').filter(|(at, _)| *at == 0 || sentence[..*at].ends_with([' ', '('])) {
        let word = &sentence[at + 1..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let stays = |verb| {
            matches!(
                verb,
                Verb::Place(PlaceVerb::Leave)
                    | Verb::Talk(TalkVerb::Paste)
                    | Verb::Account(AccountVerb::Login)
                    | Verb::File(_)
            )
        };
        if find(&word[..end]).is_some_and(|spec| !stays(spec.verb)) {
            out.push_str(&sentence[copied..at]);
            out.push('/');
            copied = at + 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(sentence);
    }
    out.push_str(&sentence[copied..]);
    Cow::Owned(out)
}

/// A command and its arguments in one line, with a mark: `:join <room> [password]`.
pub fn syntax(spec: &Spec, mark: char) -> String {
    if spec.arguments.is_empty() {
        format!("{mark}{}", spec.word)
    } else {
        format!("{mark}{} {}", spec.word, spec.arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All commands.
    const ALL: AccountPolicy = AccountPolicy::Optional;

    #[test]
    fn no_word_is_in_the_table_twice() {
        let mut all: Vec<_> = TABLE.iter().flat_map(words).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn aliases_and_any_case_find_their_command() {
        assert_eq!(find("JoinGroup").map(|s| s.verb), Some(Verb::Place(PlaceVerb::Join)));
        assert_eq!(find("who").map(|s| s.verb), Some(Verb::Place(PlaceVerb::ListAll)));
        assert_eq!(find("logout").map(|s| s.verb), Some(Verb::Server(ServerVerb::Quit)));
        assert!(find("nothing").is_none());
    }

    #[test]
    fn swapped_letters_find_the_nearest_command() {
        assert_eq!(nearest("jion", ALL).map(|s| s.word), Some("join"));
        assert!(nearest("xyzzy", ALL).is_none());
    }

    #[test]
    fn no_command_that_ends_something_is_suggested() {
        let enders: Vec<_> = TABLE.iter().filter(|spec| spec.verb.ends_something()).flat_map(words).collect();
        for word in
            ["quit", "exit", "logout", "close", "destroy", "shutdown", "unregister", "ghost", "kick", "decline", "q"]
        {
            assert!(enders.contains(&word), "{word}");
        }
        // Every word within one edit of one that ends something, and some within two.
        for ender in &enders {
            let letters = || ('a'..='z').map(|letter| letter.to_string());
            for at in 0..=ender.len() {
                let (before, after) = ender.split_at(at);
                let rest = after.get(1..).unwrap_or("");
                let swapped = after.get(..2).map(|two| two.chars().rev().collect::<String>() + &after[2..]);
                let slips = letters()
                    .flat_map(|letter| [[before, &letter, after].concat(), [before, &letter, rest].concat()])
                    .chain([[before, rest].concat(), [before, &swapped.unwrap_or_default()].concat()]);
                for slip in slips.flat_map(|slip| [slip.to_uppercase(), format!("{slip}x"), slip]) {
                    let suggested = suggestion(&slip, ALL);
                    assert!(!suggested.is_some_and(|word| enders.contains(&word)), "{slip}: {suggested:?}");
                }
            }
        }
    }

    #[test]
    fn a_word_nearest_to_quit_gets_no_suggestion_and_one_as_near_to_quiet_gets_that() {
        for (word, suggested) in [
            ("qiut", None),
            ("quti", None),
            ("exti", None),
            ("clsoe", None),
            ("shutdwon", None),
            ("quie", Some("quiet")),
            ("quiit", Some("quiet")),
            ("quite", Some("quiet")),
            ("jion", Some("join")),
            ("wh", Some("who")),
            ("tymestamps", Some("timestamps")),
        ] {
            assert_eq!(suggestion(word, ALL), suggested, "{word}");
        }
        assert_eq!(find("quiet").map(|spec| spec.verb), Some(Verb::Screen(ScreenVerb::Quiet)));
    }

    #[test]
    fn smileys_resemble_no_command_but_mistyped_commands_do() {
        for smiley in [")", "D", "P", "-)", "o", "|", "x", "3", "'("] {
            assert!(resembling(smiley, ALL).is_none(), "{smiley}");
        }
        for (word, meant) in
            [("joim", "join"), ("rooms", "rooms"), ("romos", "rooms"), ("JOIN", "join"), ("quti", "quit"), ("q", "q")]
        {
            assert_eq!(resembling(word, ALL).map(|s| s.word), Some(meant), "{word}");
        }
    }

    #[test]
    fn commands_in_a_sentence_have_the_mark_of_the_view() {
        for (sentence, in_view) in [
            (
                "You are in no room. :rooms lists them, :join enters one.",
                "You are in no room. /rooms lists them, /join enters one.",
            ),
            (":list shows who is.", "/list shows who is."),
            ("Type /rooms here, or :q to go back", "Type /rooms here, or :q to go back"),
            ("general: bob, carol. :) :D a:join :joinery", "general: bob, carol. :) :D a:join :joinery"),
            (":paste sends many lines as one.", ":paste sends many lines as one."),
            ("Files go to one person: :send bob report.pdf", "Files go to one person: :send bob report.pdf"),
            ("", ""),
            (":", ":"),
        ] {
            assert_eq!(for_view(sentence), in_view);
        }
    }

    #[test]
    fn a_password_keeps_its_inner_spaces() {
        let typed = Typed::parse(":join staff  two  words ").expect("a command");
        assert_eq!(typed.split_rest(), ("staff", "two  words"));
        assert_eq!((typed.mark, typed.word), (':', "join"));
    }

    #[test]
    fn every_example_is_its_own_command() {
        for spec in TABLE {
            let typed = Typed::parse(spec.example).expect("a command");
            assert_eq!(find(typed.word).map(|s| s.word), Some(spec.word));
        }
    }

    #[test]
    fn a_line_without_a_mark_is_no_command_and_a_mark_alone_has_no_word() {
        for line in ["", " ", "join general", "@bob hi", "a :join", "\u{a0}x"] {
            assert_eq!(Typed::parse(line), None, "{line}");
        }
        for (line, mark, word, rest) in [
            (":", ':', "", ""),
            ("//", '/', "/", ""),
            (" : join  staff ", ':', "join", "staff"),
            ("/say a /b :c", '/', "say", "a /b :c"),
            (":temp 5 @bob x\ny", ':', "temp", "5 @bob x\ny"),
        ] {
            assert_eq!(Typed::parse(line), Some(Typed { mark, word, rest }), "{line}");
        }
    }

    #[test]
    fn the_rest_is_split_at_its_first_blank() {
        for (line, split) in
            [(":x", ("", "")), (":x one", ("one", "")), (":x  one  two  three ", ("one", "two  three"))]
        {
            assert_eq!(Typed::parse(line).map(|typed| typed.split_rest()), Some(split), "{line}");
        }
    }

    #[test]
    fn every_word_and_alias_finds_its_own_row_and_no_row_is_missing() {
        for spec in TABLE {
            for word in words(spec) {
                for found in [find(word), nearest(word, ALL), resembling(&word.to_ascii_uppercase(), ALL)] {
                    assert_eq!(found.map(|found| found.verb), Some(spec.verb), "{word}");
                }
            }
        }
    }

    #[test]
    fn words_of_two_letters_are_taken_for_a_command_only_if_they_are_one() {
        for (word, meant) in
            [("op", Some("op")), ("dm", Some("dm")), ("me", Some("me")), ("oP", Some("op")), ("om", None)]
        {
            assert_eq!(resembling(word, ALL).map(|spec| spec.word), meant, "{word}");
        }
    }

    #[test]
    fn the_syntax_is_the_word_with_its_mark_and_its_arguments() {
        for (word, mark, shown) in [
            ("rooms", ':', ":rooms"),
            ("who", '/', "/listall"),
            ("dm", ':', ":dm <user> [text]"),
            ("temp", '/', "/temp [seconds] [@user,...] <text>"),
        ] {
            assert_eq!(find(word).map(|spec| syntax(spec, mark)).as_deref(), Some(shown));
        }
    }

    #[test]
    fn every_summary_is_a_sentence_and_what_others_see_costs_a_message() {
        for spec in TABLE {
            assert!(spec.summary.ends_with('.') && spec.example.starts_with(':'), "{}", spec.word);
        }
        let seen =
            ["join", "close", "say", "to", "me", "dm", "reply", "edit", "delete", "temp", "create", "group", "invite"];
        for word in seen.into_iter().chain(["set", "topic", "destroy", "kick", "ban", "mute", "op", "nick"]) {
            assert_eq!(find(word).map(|spec| spec.cost), Some(Cost::Post(1)), "{word}");
        }
        for word in ["send", "accept", "decline"] {
            assert_eq!(find(word).map(|spec| spec.cost), Some(Cost::Post(1)), "{word}");
        }
        for word in ["search", "listall"] {
            assert_eq!(find(word).map(|spec| spec.cost), Some(Cost::Read(3)), "{word}");
        }
        for word in ["q", "quit", "shutdown"] {
            assert_eq!(find(word).map(|spec| spec.cost), Some(Cost::Free), "{word}");
        }
    }

    #[test]
    fn without_accounts_their_commands_are_neither_listed_nor_suggested() {
        let off = AccountPolicy::Off;
        let group: Vec<_> =
            TABLE.iter().filter(|spec| spec.availability == Availability::WithAccounts).map(|spec| spec.word).collect();
        let expected = ["register", "login", "passwd", "ghost", "unregister", "broadcast", "banip", "unbanip", "audit"];
        assert_eq!(group, expected);
        assert_eq!(listed(off).count(), TABLE.len() - group.len());
        for word in group {
            let slip = &[&word[..1], word].concat();
            assert!(listed(off).all(|spec| spec.word != word));
            assert!(nearest(word, off).is_none_or(|spec| spec.exists(off)), "{word}");
            assert!(resembling(slip, off).is_none_or(|spec| spec.exists(off)), "{slip}");
            assert_eq!(resembling(slip, ALL).map(|spec| spec.word), Some(word));
            assert_eq!(resembling(word, off).map(|spec| spec.word), Some(word), "in full it may carry a password");
        }
        for accounts in [AccountPolicy::Optional, AccountPolicy::Required] {
            assert_eq!(listed(accounts).count(), TABLE.len());
        }
    }
}
