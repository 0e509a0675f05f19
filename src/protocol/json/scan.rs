//! Scans a line before it is parsed: how deep it nests, how many keys it has, and where each key is.
//!
//! *Owns* the limits of an object's shape.
//! *Knows nothing of* types. It works on any bytes: refusing what is not JSON is up to the parser.

/// Deepest nesting: the object, and within it `optional` or a list of receivers.
pub(super) const DEEPEST: usize = 2;
/// Most keys in one line, on all levels. Fewer than twenty are known.
pub(super) const MOST_KEYS: usize = 32;

/// What is wrong with a line's shape, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeError {
    /// A bracket nests deeper than [`DEEPEST`].
    TooDeep(usize),
    /// The colon of a key beyond [`MOST_KEYS`].
    TooManyKeys(usize),
}

/// Walks over the brackets, strings and colons of a line, in one pass and without recursion.
struct Walk<'a> {
    line: &'a [u8],
    at: usize,
    depth: usize,
    /// The contents of the last string, without its quotes.
    string: (usize, usize),
}

/// A byte that determines a line's shape.
enum Mark {
    Open,
    Close,
    Colon,
    Comma,
}

impl<'a> Walk<'a> {
    fn new(line: &'a [u8]) -> Walk<'a> {
        Walk { line, at: 0, depth: 0, string: (0, 0) }
    }

    /// The next mark outside strings. `at` is then just past it.
    fn next(&mut self) -> Option<Mark> {
        loop {
            let byte = *self.line.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    self.depth += 1;
                    return Some(Mark::Open);
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    return Some(Mark::Close);
                }
                b':' => return Some(Mark::Colon),
                b',' => return Some(Mark::Comma),
                _ => {}
            }
        }
    }

    fn skip_string(&mut self) {
        let start = self.at;
        while let Some(&byte) = self.line.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let end = self.at.min(self.line.len());
        self.string = (start.min(end), end);
        self.at = (end + 1).min(self.line.len());
    }
}

/// Checks the shape of a line.
pub(super) fn check(line: &[u8]) -> Result<(), ShapeError> {
    let (mut walk, mut keys) = (Walk::new(line), 0);
    while let Some(mark) = walk.next() {
        match mark {
            Mark::Open if walk.depth > DEEPEST => return Err(ShapeError::TooDeep(walk.at - 1)),
            Mark::Colon => {
                keys += 1;
                if keys > MOST_KEYS {
                    return Err(ShapeError::TooManyKeys(walk.at - 1));
                }
            }
            Mark::Open | Mark::Close | Mark::Comma => {}
        }
    }
    Ok(())
}

/// Where the value of the line's own key `id` begins, if the line has one, even if it is not JSON. `None` if there are
/// two of them: nobody can say which one counts.
pub(super) fn id_at(line: &[u8]) -> Option<usize> {
    let (mut walk, mut found) = (Walk::new(line), None);
    while let Some(mark) = walk.next() {
        let is_id = || walk.depth == 1 && &line[walk.string.0..walk.string.1] == b"id";
        match mark {
            Mark::Colon if is_id() && found.is_some() => return None,
            Mark::Colon if is_id() => found = Some(walk.at),
            Mark::Colon | Mark::Open | Mark::Close | Mark::Comma => {}
        }
    }
    found
}

/// The key whose value the byte at `at` belongs to, and the byte where that value begins. A key inside `optional` counts;
/// the key `optional` itself only outside of its value.
pub(super) fn key_at(line: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let mut walk = Walk::new(line);
    // The key on each level whose value is being read.
    let mut keys: [Option<(usize, usize, usize)>; DEEPEST + 1] = [None; DEEPEST + 1];
    while walk.at < at {
        let Some(mark) = walk.next() else { break };
        if walk.at > at {
            break;
        }
        let level = walk.depth.min(DEEPEST);
        match mark {
            Mark::Colon => keys[level] = Some((walk.string.0, walk.string.1, walk.at)),
            // After a value, no key is current until the next colon.
            Mark::Comma | Mark::Open => keys[level] = None,
            Mark::Close => keys[level + 1..].fill(None),
        }
    }
    let (start, end, behind) = keys.into_iter().flatten().next_back()?;
    let spaces = line[behind..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    Some((&line[start..end], behind + spaces))
}
