//! Search patterns typed by strangers. Pure: compiling and searching, no clock.
//!
//! *Owns* how much a pattern may cost, and the error for one that cannot be used.
//! *Knows nothing of* rooms, messages, threads and commands.

use std::fmt;
use std::ops::Range;

use regex::{Regex, RegexBuilder, bytes};

/// Longest pattern, in bytes. A sentence fits. The time and stack for reading a pattern depend only on its length.
pub(crate) const MAX_PATTERN: usize = 256;

/// Deepest nesting, as the engine counts it: a group, its alternatives and their parts are up to three levels.
///
/// People write fewer than five nested brackets, and the tree is walked in a fraction of a millisecond.
const MAX_NESTING: u32 = 16;

/// Largest compiled pattern, in bytes.
///
/// One `\w` covers all alphabets and takes about 20 KiB, so about eight of them fit. Compiling stops at this limit,
/// after a few milliseconds at most, however large the counts are.
const MAX_COMPILED: usize = 256 * 1024;

/// Largest compiled pattern if every class were ASCII, in bytes. This measures how many places in the pattern the
/// engine may have to track for each character of a text, and so the worst cost of a search.
///
/// Enough for about 70 typed characters with signs among them, or for `.{0,45}`. With this limit, a text of 4,096 bytes
/// takes 4 ms at worst and one of 150 characters 0.2 ms; without it `a{0,1000}` takes 50 ms.
const MAX_UNFOLDED: usize = 6 * 1024;

/// Characters that make a pattern more than plain words. In plain words the engine tracks one place at a time, so they
/// need no measuring.
const SIGNS: [char; 14] = ['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$'];

/// How much the fast engine may cache, in bytes per direction.
///
/// Ordinary patterns need a few KiB. More would make the worst ones slower: they fill the cache before the engine that
/// needs no memory takes over.
const CACHE: usize = 256 * 1024;

/// Empty matches that are skipped in one text before giving up on it.
///
/// [`compile`] refuses patterns that it finds to match an empty text. Those that it misses, such as `[ab]|\b`, could
/// search the whole text again from each of thousands of places.
const MAX_EMPTY: usize = 4;

/// Texts in which a usable pattern has no empty match.
const PROBES: [&str; 2] = ["", "a b"];

/// A pattern that may be searched for, regardless of case.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

/// Why a pattern cannot be used, in one or two sentences for the user who typed it, with the remedy.
///
/// Positions count characters from 1. No part of the pattern is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// There is no pattern.
    Empty,
    /// Over [`MAX_PATTERN`] bytes.
    TooLong,
    /// A character that cannot be seen, such as a line end.
    Control {
        /// Its position.
        at: usize,
    },
    /// It has a syntax error.
    Syntax {
        /// Where, if known.
        at: Option<usize>,
        /// What is wrong and the remedy.
        mistake: &'static str,
    },
    /// Too many brackets within brackets.
    TooDeep {
        /// Where it gets too deep, if known.
        at: Option<usize>,
    },
    /// Compiled, it would be too large.
    TooLarge,
    /// It matches an empty text.
    FitsNothing,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::Empty => f.write_str("A pattern is needed: type what to look for."),
            PatternError::TooLong => {
                write!(f, "The pattern is too long: at most {MAX_PATTERN} bytes, make it shorter.")
            }
            PatternError::Control { at } => {
                write!(f, "Character {at} of the pattern is a control character: leave it out.")
            }
            PatternError::Syntax { at: Some(at), mistake } => {
                write!(f, "The pattern has a mistake at character {at}: {mistake}.")
            }
            PatternError::Syntax { at: None, mistake } => write!(f, "The pattern has a mistake: {mistake}."),
            PatternError::TooDeep { at: Some(at) } => {
                write!(f, "The pattern nests too deep at character {at}: use fewer brackets within brackets.")
            }
            PatternError::TooDeep { at: None } => {
                f.write_str("The pattern nests too deep: use fewer brackets within brackets.")
            }
            PatternError::TooLarge => f.write_str(
                r"The pattern becomes too large when its counts are written out: use smaller counts, or fewer of \w, \s and the dot.",
            ),
            PatternError::FitsNothing => f.write_str(
                "The pattern matches an empty text, so it would find everything: add something that has to be there, for example + instead of *.",
            ),
        }
    }
}

impl std::error::Error for PatternError {}

/// Reads a pattern in the syntax of the `regex` crate. Upper and lower case are the same.
///
/// Takes at most a few milliseconds and little stack, whatever was typed.
pub fn compile(text: &str) -> Result<Pattern, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > MAX_PATTERN {
        return Err(PatternError::TooLong);
    }
    if let Some(index) = text.chars().position(char::is_control) {
        return Err(PatternError::Control { at: index + 1 });
    }
    let built = RegexBuilder::new(text)
        .case_insensitive(true)
        .nest_limit(MAX_NESTING)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(CACHE)
        .build();
    let regex = built.map_err(|error| explain(&error))?;
    if PROBES.iter().any(|probe| regex.find_iter(probe).any(|found| found.is_empty())) {
        return Err(PatternError::FitsNothing);
    }
    if text.contains(SIGNS) {
        measure(text)?;
    }
    Ok(Pattern { regex })
}

impl Pattern {
    /// The first match that is not empty, as a range of bytes. Gives up after a few empty ones.
    ///
    /// The time grows with the text's length times the pattern's: nothing backtracks. The worst pattern takes some
    /// milliseconds for 4,096 bytes: a caller that searches many long texts looks at the clock between them.
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        self.regex.find_iter(text).take(MAX_EMPTY + 1).find(|found| !found.is_empty()).map(|found| found.range())
    }
}

/// Refuses a pattern that is larger than [`MAX_UNFOLDED`] without the alphabets.
fn measure(text: &str) -> Result<(), PatternError> {
    // Every other character stands for itself or for one end of a range. For measuring, the last ASCII character, which
    // has no meaning to the engine, can replace it.
    let ascii: String = text.chars().map(|c| if c.is_ascii() { c } else { '\x7f' }).collect();
    let built = bytes::RegexBuilder::new(&ascii)
        .case_insensitive(true)
        .unicode(false)
        .nest_limit(MAX_NESTING)
        .size_limit(MAX_UNFOLDED)
        .dfa_size_limit(CACHE)
        .build();
    // A pattern that needs Unicode, such as `\u{400}`, cannot be measured.
    built.map(drop).map_err(|error| explain(&error))
}

/// What the engine's messages mean to a user; the first entry contained in the message counts. A test checks that the
/// engine still says these.
const MISTAKES: [(&str, &str); 19] = [
    ("unclosed group", r"this ( is never closed; add a ), or write \( for the sign itself"),
    ("unopened group", r"this ) closes nothing; add a ( before it, or write \) for the sign itself"),
    ("unclosed character class", r"this [ is never closed; add a ], or write \[ for the sign itself"),
    ("operator missing expression", r"there is nothing to repeat before it; write \ before the sign itself"),
    ("quantifier expects a valid decimal", r"a count looks like {3} or {2,5}; write \{ for the sign itself"),
    ("unclosed counted repetition", r"a count looks like {3} or {2,5}; write \{ for the sign itself"),
    ("invalid repetition count range", "the first count is larger than the second; swap them"),
    ("invalid character class range", r"the range runs backwards; swap its ends, or write \- for the sign itself"),
    ("invalid range boundary", r"a range needs one character at both ends; write \- for the sign itself"),
    ("incomplete escape sequence", r"nothing follows the \; write \\ for the sign itself"),
    ("invalid escape sequence", r"this \ has no meaning within [ ]; leave it out, or write \\ for the sign itself"),
    ("unrecognized escape sequence", r"this \ has no meaning here; leave it out, or write \\ for the sign itself"),
    ("backreferences", "back-references are not supported; write out what comes again"),
    ("look-around", "look-ahead and look-behind are not supported; leave them out"),
    (
        "Unicode",
        r"characters by number and classes by name are not supported; type the character itself, or \w for letters and digits",
    ),
    ("flag", r"(? has to be followed by a colon or by i, m, s, U or x; write (?: ) to group"),
    ("capture group", "the name of a group is not right; groups need no names here, write ( )"),
    ("word boundary", r"\b takes no name of that kind; write \b alone"),
    ("decimal", "this number cannot be used; type the character itself, or a smaller count"),
];

/// Translates an error of the engine.
fn explain(error: &regex::Error) -> PatternError {
    let regex::Error::Syntax(said) = error else { return PatternError::TooLarge };
    let at = marked_at(said);
    // The pattern itself is in the message too, before this line.
    let message = said.lines().next_back().unwrap_or("");
    if message.contains("nested parentheses") {
        return PatternError::TooDeep { at };
    }
    let known = MISTAKES.iter().find(|(part, _)| message.contains(part));
    let mistake = known.map_or(r"it cannot be read; write \ before signs that mean themselves", |(_, mistake)| mistake);
    PatternError::Syntax { at, mistake }
}

/// Where the engine's message points: it shows the pattern, indented by four spaces, and carets below. If there are two
/// places, the later one is the mistake, and the earlier one is what it contradicts.
fn marked_at(said: &str) -> Option<usize> {
    let carets = said.lines().nth(2)?.strip_prefix("    ")?;
    let marks = carets.trim_end().trim_end_matches('^');
    carets.chars().all(|c| c == ' ' || c == '^').then(|| marks.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns that must not make a search hang, whether they are accepted or refused.
    fn hard_patterns() -> Vec<String> {
        let fixed = [
            r"(a+)+$",
            r"(a|aa)+$",
            r"(a|a)*b",
            r"(.*)*x",
            r"(.*)*[0-9#%&]",
            r"(x+x+)+y",
            r"(a+a+)+[0-9#%&]",
            r"((a{0,30}){0,30}){0,30}",
            r"((a{1,30}){1,30}){1,30}b",
            r"a{0,1000}[0-9#%&]",
            r"a{1000000000}",
            r"a{99999999999999999999}",
            r"[ab]*a[ab]{20}[0-9#%&]",
            r"[ab]*a[ab]{200}[0-9#%&]",
            r".{0,20}a.{0,20}b.{0,20}[0-9#%&]",
            r"(?s).{0,30}\ba.{0,30}\bb[0-9#%&]",
            r"(.*\b){4}.*[0-9#%&]",
            r"(?:.*[0-9#%&]|\b)",
            r"(?:.*[0-9#%&]|[ab]|\b)",
            r"\p{L}{500}",
            r"\w{500}",
            r"(?i)(?i:ſ|K|ß|İ)+[\w--[a-z]]",
            r"(?-i)(\w+\s+)+[0-9#%&]",
        ];
        let made = [
            "(".repeat(200),
            "(".repeat(100_000),
            "[".repeat(200),
            "[".repeat(100_000),
            format!("{}a{}", "(".repeat(128), ")".repeat(127)),
            format!("{}a{}", "(?:".repeat(60), ")+".repeat(37)),
            format!("{}a{}", "[^".repeat(60), "]".repeat(60)),
            (0..60).map(|n| format!("{}.x", char::from(b'a' + n % 26))).collect::<Vec<_>>().join("|"),
            (0..90).map(|n| format!("a{}", char::from(b'a' + n % 26))).collect::<Vec<_>>().join("|"),
            vec!["word"; 50_000].join("|"),
            format!("{}{}[0-9#%&]", "a?".repeat(60), "a".repeat(60)),
            r"\w".repeat(128),
            format!("[{}]", r"\w\W".repeat(63)),
            format!("[^{}]", r"\w\s\d".repeat(42)),
            format!("[{}a]", r"\w&&".repeat(60)),
            format!("a{}[0-9#%&]", ".".repeat(245)),
            format!("a{}[0-9#%&]", "[ab]".repeat(61)),
            r"\b".repeat(128),
            "*".repeat(256),
            "a".to_owned() + &"+".repeat(255),
            "x".repeat(256),
        ];
        fixed.into_iter().map(str::to_owned).chain(made).collect()
    }

    fn sentence(pattern: &str) -> String {
        compile(pattern).expect_err(pattern).to_string()
    }

    #[test]
    fn a_match_is_found_in_either_case_and_behind_line_ends() {
        let pattern = compile("grüß+e").expect("a pattern");
        assert_eq!(pattern.find("hello\nGRÜßE"), Some(6..13));
        assert_eq!(pattern.find("hello"), None);
    }

    #[test]
    fn ordinary_searches_are_allowed() {
        for (pattern, text) in [
            (r"\w+@\w+\.\w+", "mail bob@example.org please"),
            (r"https?://\S+", "see http://example.org/"),
            (r"\bthe\b.{0,40}\bend\b", "the very end"),
            (r"\d{1,2}:\d\d", "at 12:30"),
            (r"(yes|no|maybe)!", "Maybe!"),
            (r"\w+\s+\w+\s+\w+", "three little words"),
            (r"[а-я]+", "Привет"),
            (r"[y-éàü]+.", "ÉÀ!"),
            ("What did you say? I was not", "what did you sa I was not"),
            (r"a *", "b a"),
        ] {
            let compiled = compile(pattern).expect(pattern);
            assert!(compiled.find(text).is_some(), "{pattern}");
        }
    }

    #[test]
    fn plain_text_of_any_length_that_may_be_typed_is_a_pattern() {
        for text in ["the quick brown fox ".repeat(20), "щука ".repeat(60), "字".repeat(90), "k".repeat(300)] {
            let end = (0..=MAX_PATTERN).rev().find(|end| text.is_char_boundary(*end)).expect("a boundary");
            let typed = text.get(..end).expect("a prefix");
            let pattern = compile(typed).expect(typed);
            assert_eq!(pattern.find(typed), Some(0..end));
        }
    }

    #[test]
    fn every_mistake_is_named_with_its_place_and_remedy() {
        for (pattern, at, part) in [
            ("ab(c", 3, "never closed"),
            ("ab)c", 3, "closes nothing"),
            ("é[a", 2, "this [ is never"),
            ("ab|*", 4, "nothing to repeat"),
            ("a{x}", 3, "count looks like"),
            ("a{3", 2, "count looks like"),
            ("a{5,2}", 2, "swap them"),
            ("[z-a]", 2, "backwards"),
            (r"[a-\w]", 4, "both ends"),
            (r"ab\", 3, r"nothing follows the \"),
            (r"[\b]", 2, "within [ ]"),
            (r"ab\y", 3, "no meaning here"),
            (r"(a)\1", 4, "back-references"),
            ("a(?=b)", 2, "look-ahead"),
            ("a(?<!b)", 2, "look-behind"),
            (r"\p{L}", 1, "by name"),
            (r"ab[\u{400}-\u{500}]", 4, "by number"),
            ("(?q)a", 3, "followed by a colon"),
            ("(?i-i)a", 5, "followed by a colon"),
            ("(?<1>a)", 4, "name of a group"),
            ("(?<a>b)(?<a>c)", 11, "name of a group"),
            (r"\b{middle}a", 4, "no name of that kind"),
            (r"\x{}", 3, "number cannot be used"),
            (r"a{99999999999999}", 3, "number cannot be used"),
        ] {
            let said = sentence(pattern);
            assert!(said.contains(part), "{pattern}: {said}");
            assert!(said.contains(&format!("at character {at}:")), "{pattern}: {said}");
        }
    }

    #[test]
    fn a_pattern_that_is_empty_too_long_too_deep_or_too_large_is_refused() {
        assert_eq!(compile("").expect_err("empty"), PatternError::Empty);
        assert_eq!(compile(&"x".repeat(257)).expect_err("long"), PatternError::TooLong);
        assert_eq!(compile(&"(".repeat(100_000)).expect_err("long"), PatternError::TooLong);
        let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert!(matches!(compile(&deep), Err(PatternError::TooDeep { at: Some(_) })));
        for pattern in [r"((a{0,30}){0,30}){0,30}b", "a{5000}", "a{0,1000}b", r"\w{500}", "(?:a{200}){200}"] {
            assert_eq!(compile(pattern).expect_err(pattern), PatternError::TooLarge);
        }
    }

    #[test]
    fn a_pattern_that_would_find_everything_is_refused() {
        for pattern in ["a*", ".*", "^", "$", "(?m)^", "a?", "()", "(|a)", r"\b", r"\B", r"(?:.*!|\b)", r"\b(the)?"] {
            assert_eq!(compile(pattern).expect_err(pattern), PatternError::FitsNothing);
        }
    }

    #[test]
    fn empty_matches_are_passed_over() {
        let pattern = compile(r"[ab ]|\b").expect("not seen through");
        assert_eq!(pattern.find("cc a"), Some(2..3));
        assert_eq!(pattern.find("c.d.e.f.g.a"), None);
    }

    #[test]
    fn no_sentence_repeats_the_pattern_or_breaks_its_line() {
        for pattern in ["a\x1b[2J(", "a\n(", "(\u{85}", "\u{7f}", "*\u{202e}", "(\u{2028}"] {
            let said = sentence(pattern);
            assert!(said.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{said:?}");
        }
        assert_eq!(compile("ab\t").expect_err("a TAB"), PatternError::Control { at: 3 });
    }

    #[test]
    fn hard_patterns_get_an_answer_for_a_whole_history() {
        let short = ["a".repeat(150), "ab aa b-я ".repeat(15), "字".repeat(150)];
        let long = "ab".repeat(2_048);
        for pattern in hard_patterns() {
            match compile(&pattern) {
                Err(error) => assert!(!error.to_string().contains('\n')),
                Ok(pattern) => {
                    for text in short.iter().cycle().take(200).chain([&long]) {
                        assert!(pattern.find(text).is_none_or(|found| !found.is_empty()));
                    }
                }
            }
        }
    }

    #[test]
    fn two_mebibytes_of_stack_are_enough_for_every_pattern() {
        let work = || hard_patterns().iter().filter_map(|pattern| compile(pattern).ok()).count();
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).expect("a thread");
        assert!(thread.join().expect("no overflow") > 10);
    }
}
