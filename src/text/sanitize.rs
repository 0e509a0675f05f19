//! Takes out of a text what could move a cursor, hide, reorder or forge.
//!
//! *Owns* the list of characters that never leave, and the limits on what may pile up on one place of the screen.
//! *Knows nothing of* widths of rows, of terminals and of where the text goes.
//! *Called by* whoever holds text that came from outside.

use std::borrow::Cow;

use unicode_segmentation::GraphemeCursor;
use unicode_width::UnicodeWidthChar;

/// Spaces that stand for one TAB.
///
/// True tab stops depend on the column where the text will begin, and that differs between the prompt, the chat line
/// and the log. Four keep pasted code readable and do not eat half a row as eight would.
pub const TAB_SPACES: usize = 4;

/// Most characters that may pile up on one place: marks without a width of their own behind one drawn character, and
/// drawn characters that join into one cluster.
///
/// Written languages stay at five or six marks; a family of four with skin tones joins eight drawn characters. What is
/// over it is dropped. A cluster is so at most sixteen columns wide, which fits the narrowest terminal we draw for, and
/// a message limit counted in clusters cannot be evaded by one endless cluster.
pub const MAX_STACKED: usize = 8;

/// Longest text that [`escape_for_log`] keeps, in bytes, before the mark that something is missing.
///
/// Enough for any name, terminal type or first line that an admin wants to see; small enough that a stranger who sends
/// nothing but oddities does not fill the disk faster than by connecting alone.
pub const MAX_LOGGED_BYTES: usize = 240;

/// The same text without what a terminal or a reader could be deceived by.
///
/// What leaves has no C0 (so no ESC), no DEL, no C1, no bidirectional embedding, override or isolate
/// (U+202A to U+202E, U+2066 to U+2069), no line or paragraph separator (U+2028, U+2029), no U+FEFF, no tag characters
/// (U+E0000 to U+E007F) and no noncharacters. TAB becomes [`TAB_SPACES`] spaces; line ends are dropped like any control.
/// At most [`MAX_STACKED`] characters pile up on one place.
///
/// The marks U+200E, U+200F and U+061C stay: they order neighbours only, and Arabic and Hebrew need them. The flags of
/// England, Scotland and Wales are spelt with tag characters and become a black flag.
///
/// Sanitising twice changes nothing more. A text that needs no change is returned borrowed.
pub fn sanitize(raw: &str) -> Cow<'_, str> {
    // No early exit: so the compiler can look at many bytes at once, and nearly every line is plain.
    if raw.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Cow::Borrowed(raw);
    }
    let plain = raw.bytes().take_while(|byte| is_plain(*byte)).count();
    let mut pile = Pile::behind_plain(plain);
    for (offset, c) in raw[plain..].char_indices() {
        let at = plain + offset;
        if c == '\t' || is_dropped(c) || !pile.admit(&raw[..at + c.len_utf8()], at, c) {
            return Cow::Owned(rebuild(raw, at, pile));
        }
    }
    Cow::Borrowed(raw)
}

/// [`sanitize`] for a text of several lines: LF stays between them, CR LF and CR become LF, and each line is sanitised by
/// itself. A text that needs no change is returned borrowed.
pub fn sanitize_lines(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['\n', '\r']) {
        return sanitize(raw);
    }
    if !raw.contains('\r') && raw.split('\n').all(|line| matches!(sanitize(line), Cow::Borrowed(_))) {
        return Cow::Borrowed(raw);
    }
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(raw.split('\n').map(sanitize).collect::<Vec<_>>().join("\n"))
}

/// [`sanitize`] for bytes: what is not UTF-8 becomes U+FFFD first.
pub fn sanitize_bytes(raw: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(raw) {
        Cow::Borrowed(text) => sanitize(text),
        Cow::Owned(text) => match sanitize(&text) {
            Cow::Owned(clean) => Cow::Owned(clean),
            // Borrowed means unchanged, never a part.
            Cow::Borrowed(_) => Cow::Owned(text),
        },
    }
}

/// A stranger's text for a log line: sanitised, at most [`MAX_LOGGED_BYTES`] long, `...` behind it if it was longer.
pub fn escape_for_log(raw: &str) -> Cow<'_, str> {
    // Cut first, so that a huge input costs no more than a small one; then again, since a TAB grows.
    let head = cut(raw, MAX_LOGGED_BYTES);
    let clean = sanitize(head);
    let kept = cut(&clean, MAX_LOGGED_BYTES);
    if head.len() == raw.len() && kept.len() == clean.len() {
        return clean;
    }
    Cow::Owned([kept, "..."].concat())
}

/// Longest prefix of whole characters within so many bytes.
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

/// Writes the text anew from the first character on that cannot stay as it is.
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

/// What has piled up at the end of the text that stays.
///
/// It looks at kept characters only, never at dropped ones: that is what makes sanitising twice the same as once.
struct Pile {
    /// Where the last cluster begins, in bytes.
    cluster: usize,
    /// Characters with a width in that cluster.
    drawn: usize,
    /// Characters without a width since the last one with a width, whatever cluster they are in: terminals put them
    /// all on the same cell.
    marks: usize,
}

impl Pile {
    /// The state behind so many plain characters.
    fn behind_plain(count: usize) -> Pile {
        Pile { cluster: count.saturating_sub(1), drawn: count.min(1), marks: 0 }
    }

    /// Whether `c`, which begins at byte `at` and ends `text`, may stay; counts it if so.
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

    /// Whether `c` begins a cluster of its own.
    ///
    /// The rules of UAX #29 look back within the last cluster only, and that one is bounded: so one character costs
    /// the same wherever it stands.
    fn starts_cluster(&self, text: &str, at: usize, c: char) -> bool {
        if c.is_ascii() && at.checked_sub(1).is_some_and(|last| text.as_bytes()[last].is_ascii()) {
            return true;
        }
        let tail = &text[self.cluster..];
        // Incomplete input is the only error, and the whole cluster is given.
        GraphemeCursor::new(at - self.cluster, tail.len(), true).is_boundary(tail, 0).unwrap_or(true)
    }
}

/// Printable ASCII, the space included.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether the character never leaves, whatever stands around it.
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
