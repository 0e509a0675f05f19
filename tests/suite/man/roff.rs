//! Converts plain text to roff: escapes anything that would be a command, and makes literal input bold.

/// Longest line of a page's source, in bytes, as `mandoc -T lint` checks it.
const LONGEST_LINE: usize = 80;

/// Text that is shown literally.
pub fn code(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            // Unescaped, they may become typographic quotes and accents.
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    // A line that begins with these would be a command.
    if out.starts_with(['.', '\'']) { format!("\\&{out}") } else { out }
}

/// Whether a word is an option, such as `--config` or `-v`.
pub fn is_option(word: &str) -> bool {
    word.strip_prefix("--").or_else(|| word.strip_prefix('-')).is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

/// Whether a word is a placeholder, such as `FILE` or `HOST:PORT`.
fn is_placeholder(word: &str) -> bool {
    word.len() > 1
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ':' || c == '@')
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        || word == "N"
}

/// An option or a call on its own line: literals in bold, placeholders in italics.
pub fn term(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        if !word.is_empty() {
            let font = if is_placeholder(word) { 'I' } else { 'B' };
            out.push_str(&format!("\\f{font}{}\\fR", code(word)));
            word.clear();
        }
    };
    for c in text.chars() {
        if " [](){}|,".contains(c) || (c == '.' && !word.ends_with(|c: char| c.is_ascii_lowercase())) {
            flush(&mut word, &mut out);
            out.push(c);
        } else {
            word.push(c);
        }
    }
    flush(&mut word, &mut out);
    out.push('\n');
    out
}

/// A paragraph, one sentence per line.
pub fn prose(text: &str) -> String {
    let mut out = String::new();
    for (number, part) in text.split('`').enumerate() {
        if number % 2 == 1 {
            out.push_str(&format!("\\fB{}\\fR", code(part)));
            continue;
        }
        let mut words = part.split(' ').peekable();
        while let Some(word) = words.next() {
            let bare = word.trim_matches(|c: char| ",;.:()".contains(c));
            match word.split_once(bare).filter(|_| is_option(bare)) {
                Some((before, behind)) => out.push_str(&format!("{before}\\fB{}\\fR{behind}", code(bare))),
                None => out.push_str(&escaped(word)),
            }
            if words.peek().is_some() {
                let ends = word.trim_end_matches(')').ends_with('.')
                    && words.peek().is_some_and(|next| next.starts_with(char::is_uppercase));
                out.push(if ends { '\n' } else { ' ' });
            }
        }
    }
    out.lines().map(|line| wrapped(line.trim())).collect()
}

/// Splits text into source lines, none of which is a command.
pub fn wrapped(line: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in line.split(' ') {
        if length > 0 && length + 1 + word.len() > LONGEST_LINE {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        if length == 0 && word.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        out.push_str(word);
        length += word.len();
    }
    out.push('\n');
    out
}

/// A word of a sentence, with its hyphens kept as hyphens.
fn escaped(word: &str) -> String {
    if word.starts_with('-') { code(word) } else { code(word).replace("\\-", "-") }
}
