//! Quotations for `:quote`.
//!
//! *Owns* the built-in quotations, and the format of a file with others. *Knows nothing of* files, rooms and random
//! numbers: the caller passes the text and the number.

use std::borrow::Cow;
use std::fmt;

use crate::text;

/// Most quotes in one file. At 512 characters each they take a few MiB at most.
pub(crate) const MAX_QUOTES: usize = 10_000;

/// Longest quote with its author, in characters: six lines of a terminal. A longer one would push the conversation off
/// the screen.
pub(crate) const MAX_LENGTH: usize = 512;

/// Separates a quote from its author.
const DASH: &str = " -- ";

/// A quotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The words: sanitised, one line.
    pub text: Cow<'static, str>,
    /// The author, if known.
    pub author: Option<Cow<'static, str>>,
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.author {
            Some(author) => write!(f, "{DASH}{author}"),
            None => Ok(()),
        }
    }
}

const fn quote(text: &'static str, author: &'static str) -> Quote {
    Quote { text: Cow::Borrowed(text), author: Some(Cow::Borrowed(author)) }
}

/// Written in English by people who died before 1925, so that they are free to use everywhere.
static BUILT_IN: [Quote; 32] = [
    quote("Brevity is the soul of wit.", "William Shakespeare"),
    quote("All that glisters is not gold.", "William Shakespeare"),
    quote("No man is an island, entire of itself.", "John Donne"),
    quote("If a man will begin with certainties, he shall end in doubts.", "Francis Bacon"),
    quote("They also serve who only stand and wait.", "John Milton"),
    quote("Gather ye rosebuds while ye may, Old Time is still a-flying.", "Robert Herrick"),
    quote("If I have seen further it is by standing on the shoulders of giants.", "Isaac Newton"),
    quote("To err is human, to forgive, divine.", "Alexander Pope"),
    quote("Fools rush in where angels fear to tread.", "Alexander Pope"),
    quote("Three may keep a secret, if two of them are dead.", "Benjamin Franklin"),
    quote("Procrastination is the thief of time.", "Edward Young"),
    quote("When a man is tired of London, he is tired of life.", "Samuel Johnson"),
    quote("I do not wish them to have power over men; but over themselves.", "Mary Wollstonecraft"),
    quote("To see a world in a grain of sand, and a heaven in a wild flower.", "William Blake"),
    quote("Water, water, every where, nor any drop to drink.", "Samuel Taylor Coleridge"),
    quote("I wandered lonely as a cloud.", "William Wordsworth"),
    quote("I declare after all there is no enjoyment like reading!", "Jane Austen"),
    quote("A thing of beauty is a joy for ever.", "John Keats"),
    quote("Beware; for I am fearless, and therefore powerful.", "Mary Shelley"),
    quote("The Analytical Engine has no pretensions whatever to originate any thing.", "Ada Lovelace"),
    quote("A foolish consistency is the hobgoblin of little minds.", "Ralph Waldo Emerson"),
    quote("The mass of men lead lives of quiet desperation.", "Henry David Thoreau"),
    quote("'Tis better to have loved and lost than never to have loved at all.", "Alfred Tennyson"),
    quote("It was the best of times, it was the worst of times.", "Charles Dickens"),
    quote("Call me Ishmael.", "Herman Melville"),
    quote("Begin at the beginning, and go on till you come to the end: then stop.", "Lewis Carroll"),
    quote("Curiouser and curiouser!", "Lewis Carroll"),
    quote("What do we live for, if it is not to make life less difficult to each other?", "George Eliot"),
    quote("I'm nobody! Who are you?", "Emily Dickinson"),
    quote("I am large, I contain multitudes.", "Walt Whitman"),
    quote("We are all in the gutter, but some of us are looking at the stars.", "Oscar Wilde"),
    quote("I can resist everything except temptation.", "Oscar Wilde"),
];

/// The quotes that come with the server.
pub(crate) fn built_in() -> &'static [Quote] {
    &BUILT_IN
}

/// Why a text with quotes cannot be used. Lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotesError {
    /// There is no quote in it.
    Empty,
    /// More than [`MAX_QUOTES`]; this line has the first one too many.
    TooMany {
        /// The line.
        line: usize,
    },
    /// A quote and its author have more than [`MAX_LENGTH`] characters.
    TooLong {
        /// The line.
        line: usize,
        /// How many characters it has.
        length: usize,
    },
    /// An author without a quote.
    NoText {
        /// The line.
        line: usize,
    },
}

impl fmt::Display for QuotesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuotesError::Empty => f.write_str("there is no quote in it: write one per line, as text -- author"),
            QuotesError::TooMany { line } => write!(f, "line {line}: there are more than {MAX_QUOTES} quotes"),
            QuotesError::TooLong { line, length } => {
                write!(f, "line {line}: the quote has {length} characters, at most {MAX_LENGTH} can be shown")
            }
            QuotesError::NoText { line } => {
                write!(f, "line {line}: there is nothing but an author: write text -- author")
            }
        }
    }
}

impl std::error::Error for QuotesError {}

/// Reads one quote per line, `text -- author` or the text alone; the last ` -- ` counts. Empty lines and lines that begin
/// with `#` are left out. The result is sanitised.
pub(crate) fn read(text: &str) -> Result<Vec<Quote>, QuotesError> {
    let mut quotes = Vec::new();
    // Some editors write a byte order mark before the first line.
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    for (line, raw) in (1..).zip(lines) {
        let clean = text::sanitize(raw);
        let said = clean.trim();
        if said.is_empty() || said.starts_with('#') {
            continue;
        }
        if said.starts_with(DASH.trim_start()) || said == DASH.trim() {
            return Err(QuotesError::NoText { line });
        }
        let length = text::grapheme_count(said);
        if length > MAX_LENGTH {
            return Err(QuotesError::TooLong { line, length });
        }
        if quotes.len() == MAX_QUOTES {
            return Err(QuotesError::TooMany { line });
        }
        let (words, author) = said.rsplit_once(DASH).map_or((said, None), |(words, author)| (words, Some(author)));
        let owned = |part: &str| Cow::Owned(part.trim().to_owned());
        quotes.push(Quote { text: owned(words), author: author.map(owned) });
    }
    if quotes.is_empty() { Err(QuotesError::Empty) } else { Ok(quotes) }
}

/// The quote for any number, modulo how many there are. `None` if there are none.
pub(crate) fn pick(quotes: &[Quote], number: u64) -> Option<&Quote> {
    let index = number.checked_rem(quotes.len() as u64)?;
    quotes.get(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        read(text).expect("quotes").iter().map(Quote::to_string).collect()
    }

    #[test]
    fn the_built_in_ones_are_short_plain_and_all_different() {
        for (index, quote) in built_in().iter().enumerate() {
            let line = quote.to_string();
            assert!(quote.text.len() <= 150 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
            assert!(
                quote.author.is_some() && built_in()[..index].iter().all(|other| other.text != quote.text),
                "{line}"
            );
            assert_eq!(read(&line).as_deref(), Ok(&[quote.clone()][..]));
        }
    }

    #[test]
    fn lines_with_and_without_author_are_read_and_others_left_out() {
        let text = "\u{feff}# ours\r\n\r\nFirst -- Ann\r\n   \n  Second, a--b  \n # no\nA -- B -- C D \nEnd --\n";
        assert_eq!(shown(text), ["First -- Ann", "Second, a--b", "A -- B -- C D", "End --"]);
        let quotes = read(text).expect("quotes");
        assert_eq!(quotes[1].author, None);
        assert_eq!((&*quotes[2].text, quotes[2].author.as_deref()), ("A -- B", Some("C D")));
    }

    #[test]
    fn control_characters_are_removed() {
        assert_eq!(shown("bell\x07 and\tescape\x1b[2J -- Eve\x1b\n"), ["bell and    escape[2J -- Eve"]);
        assert_eq!(read("\x07\n\x1b"), Err(QuotesError::Empty));
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(read(""), Err(QuotesError::Empty));
        assert_eq!(read("# nothing\n\n"), Err(QuotesError::Empty));
        assert_eq!(read("one\n -- Ann\n"), Err(QuotesError::NoText { line: 2 }));
        let line = "é".repeat(MAX_LENGTH);
        assert_eq!(shown(&line), [line.as_str()]);
        let longer = format!("# a\none\n{line}e\n");
        assert_eq!(read(&longer), Err(QuotesError::TooLong { line: 3, length: 513 }));
        assert!(read(&longer).expect_err("too long").to_string().starts_with("line 3: "));
        let many = "#\n".to_owned() + &"a\n".repeat(MAX_QUOTES);
        assert_eq!(shown(&many).len(), MAX_QUOTES);
        assert_eq!(read(&(many + "a\n")), Err(QuotesError::TooMany { line: MAX_QUOTES + 2 }));
    }

    #[test]
    fn every_number_picks_a_quote_if_there_is_one() {
        let quotes = read("a\nb\nc").expect("quotes");
        let picked: Vec<_> = (0..5).chain([u64::MAX]).filter_map(|number| pick(&quotes, number)).collect();
        assert_eq!(picked.iter().map(|quote| &*quote.text).collect::<String>(), "abcaba");
        assert_eq!(pick(&[], 7), None);
    }
}
