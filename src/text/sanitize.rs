//! Removes characters that could move the cursor, hide or reorder text, or forge a line.
//!
//! *Owns* the list of characters that never leave the server, and how many may stack in one screen cell.
//! *Knows nothing of* row widths, terminals, and where the text goes.

use std::borrow::Cow;

use unicode_segmentation::GraphemeCursor;
use unicode_width::UnicodeWidthChar;

/// Spaces that replace one TAB.
///
/// True tab stops depend on the column where the text begins, which differs between the prompt, the chat line and the
/// log. Four keep pasted code readable; eight would take up half a row.
pub(crate) const TAB_SPACES: usize = 4;

/// Most characters that may stack in one cell: zero-width marks after one visible character, and visible characters
/// that join into one cluster.
///
/// Written languages need five or six marks; a family of four with skin tones joins eight visible characters. The rest
/// is dropped. So a cluster is at most sixteen columns wide, which fits the narrowest terminal we draw for, and one
/// endless cluster cannot evade a message limit that counts clusters.
pub(crate) const MAX_STACKED: usize = 8;

/// Longest text that [`escape_for_log`] returns, in bytes, not counting the `...` after a cut.
///
/// Enough for any name, terminal type or first line that an admin wants to see, and small enough that sending garbage
/// fills the disk no faster than connecting does.
pub(crate) const MAX_LOGGED_BYTES: usize = 240;

/// Removes everything that could deceive a terminal or a reader.
///
/// The result has no C0 (so no ESC), no DEL, no C1, no bidirectional embedding, override or isolate (U+202A to U+202E,
/// U+2066 to U+2069), no line or paragraph separator (U+2028, U+2029), no U+FEFF, no tag characters (U+E0000 to
/// U+E007F) and no noncharacters. TAB becomes [`TAB_SPACES`] spaces; line ends are dropped like any control character.
/// At most [`MAX_STACKED`] characters stack in one cell.
///
/// The marks U+200E, U+200F and U+061C stay: they reorder only their neighbours, and Arabic and Hebrew need them. The
/// flags of England, Scotland and Wales are spelt with tag characters and become a black flag.
///
/// Sanitising twice equals sanitising once. A text that needs no change is returned borrowed.
pub fn sanitize(raw: &str) -> Cow<'_, str> {
    // No early exit, so that the compiler can check many bytes at once; nearly every line is plain.
    if raw.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Cow::Borrowed(raw);
    }
    let plain = raw.bytes().take_while(|byte| is_plain(*byte)).count();
    let mut pile = Pile::after_plain(plain);
    for (offset, c) in raw[plain..].char_indices() {
        let at = plain + offset;
        if c == '\t' || is_dropped(c) || !pile.admit(&raw[..at + c.len_utf8()], at, c) {
            return Cow::Owned(rebuild(raw, at, pile));
        }
    }
    Cow::Borrowed(raw)
}

/// [`sanitize`] for a text of several lines: CR LF and CR become LF, and each line is sanitised on its own. A text that
/// needs no change is returned borrowed.
pub(crate) fn sanitize_lines(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['\n', '\r']) {
        return sanitize(raw);
    }
    if !raw.contains('\r') && raw.split('\n').all(|line| matches!(sanitize(line), Cow::Borrowed(_))) {
        return Cow::Borrowed(raw);
    }
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(raw.split('\n').map(sanitize).collect::<Vec<_>>().join("\n"))
}

/// [`sanitize`] for bytes: invalid UTF-8 becomes U+FFFD first.
pub fn sanitize_bytes(raw: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(raw) {
        Cow::Borrowed(text) => sanitize(text),
        Cow::Owned(text) => match sanitize(&text) {
            Cow::Owned(clean) => Cow::Owned(clean),
            // Borrowed means unchanged, never a slice.
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

/// Prepares a stranger's text for a log line: sanitised, and cut at [`MAX_LOGGED_BYTES`] with `...` after it.
pub(crate) fn escape_for_log(raw: &str) -> Cow<'_, str> {
    // Cut first, so that a huge input costs no more than a small one, and again afterwards, because TABs grow.
    let head = cut(raw, MAX_LOGGED_BYTES);
    let clean = sanitize(head);
    let kept = cut(&clean, MAX_LOGGED_BYTES);
    if head.len() == raw.len() && kept.len() == clean.len() {
        return clean;
    }
    Cow::Owned([kept, "..."].concat())
}

/// Longest prefix of whole characters that has at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Copies the text, starting at the first character that has to change.
fn rebuild(raw: &str, at: usize, mut pile: Pile) -> String {
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..at]);
    for c in raw[at..].chars() {
        match c {
            '\t' => (0..TAB_SPACES).for_each(|_| pile.push(&mut out, ' ')),
            c if is_dropped(c) => {}
            c => pile.push(&mut out, c),
        }
    }
    out
}

/// Counts the characters stacked at the end of the text kept so far.
///
/// It counts kept characters only, never dropped ones. That makes sanitising twice the same as once.
struct Pile {
    /// Where the last cluster starts, in bytes.
    cluster: usize,
    /// Visible characters in that cluster.
    drawn: usize,
    /// Zero-width characters since the last visible one, across clusters: terminals draw them all in the same cell.
    marks: usize,
}

impl Pile {
    /// The state after `count` plain characters.
    fn after_plain(count: usize) -> Pile {
        Pile { cluster: count.saturating_sub(1), drawn: count.min(1), marks: 0 }
    }

    /// Whether `c`, which begins at byte `at` and ends `text`, may stay. If so, it is counted.
    fn admit(&mut self, text: &str, at: usize, c: char) -> bool {
        let is_mark = c.width().unwrap_or(0) == 0;
        let starts = self.starts_cluster(text, at, c);
        if is_mark && self.marks == MAX_STACKED || !is_mark && !starts && self.drawn == MAX_STACKED {
            return false;
        }
        if starts {
            self.cluster = at;
            self.drawn = 0;
        }
        if is_mark {
            self.marks += 1;
        } else {
            self.marks = 0;
            self.drawn += 1;
        }
        true
    }

    /// Appends the character if it may stay.
    fn push(&mut self, out: &mut String, c: char) {
        let at = out.len();
        out.push(c);
        if !self.admit(out, at, c) {
            out.truncate(at);
        }
    }

    /// Whether `c` starts a new cluster.
    ///
    /// The rules of UAX #29 look back within the last cluster only, and its size is bounded, so a character costs the
    /// same wherever it is.
    fn starts_cluster(&self, text: &str, at: usize, c: char) -> bool {
        if c.is_ascii() && at.checked_sub(1).is_some_and(|last| text.as_bytes()[last].is_ascii()) {
            return true;
        }
        let tail = &text[self.cluster..];
        // The only error is incomplete input, and the cluster is complete.
        GraphemeCursor::new(at - self.cluster, tail.len(), true).is_boundary(tail, 0).unwrap_or(true)
    }
}

/// Whether the byte is printable ASCII, including the space.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether the character is always dropped.
fn is_dropped(c: char) -> bool {
    match c {
        // C0, DEL and C1.
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        // Separators of lines and paragraphs, embeddings and overrides; isolates.
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        // The byte order mark; tag characters, which can carry a whole hidden text.
        '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
        // Noncharacters: a block of 32, and the last two of every plane.
        '\u{fdd0}'..='\u{fdef}' => true,
        c => u32::from(c) & 0xfffe == 0xfffe,
    }
}
