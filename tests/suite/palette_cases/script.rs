//! Reads a case file. *Owns* the syntax of its lines. *Knows nothing of* servers.

/// A case.
pub struct Script {
    /// TOML for the server.
    pub config: String,
    /// Its lines up to the first step, unchanged, for rewriting the file.
    pub head: Vec<String>,
    /// Inputs and expectations, in order.
    pub steps: Vec<Step>,
}

/// A line of a case.
pub struct Step {
    /// Its line number in the file.
    pub number: usize,
    /// Its text in the file, more than one line for a block.
    pub text: String,
    /// What it means.
    pub kind: Kind,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A remark or an empty line.
    Remark,
    /// A person connects to the plain listener, or to the quick one.
    Connect { who: String, quick: bool },
    /// A person types a line.
    Typed { who: String, line: String },
    /// A person's side sends bytes.
    Sent { who: String, bytes: Vec<u8> },
    /// A person half-closes.
    Finish { who: String },
    /// Another configuration.
    Reload(String),
    /// The server is asked to stop.
    Stop,
    /// The next line on a person's screen.
    Line { who: String, pattern: String },
    /// The prompt on a person's screen.
    Prompt { who: String, prompt: String },
    /// A person's connection is over.
    End { who: String },
}

impl Kind {
    /// Whether it is an expectation rather than an input.
    pub fn expects(&self) -> bool {
        matches!(self, Kind::Line { .. } | Kind::Prompt { .. } | Kind::End { .. })
    }
}

/// Reads a file.
pub fn parse(text: &str) -> Result<Script, String> {
    let mut script = Script { config: String::new(), head: Vec::new(), steps: Vec::new() };
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let block = match line.strip_prefix("config:").or_else(|| line.strip_prefix("reload:")) {
            Some("") => {
                let mut block = String::new();
                for (_, line) in lines.by_ref().take_while(|(_, line)| !line.is_empty()) {
                    block += &format!("{line}\n");
                }
                Some((format!("{block}\n"), block))
            }
            Some(one) => Some((String::new(), format!("{}\n", one.trim()))),
            None => None,
        };
        if let Some((shown, block)) = block {
            // The empty line after a block belongs to it.
            let text = if shown.is_empty() {
                line.to_owned()
            } else {
                format!("{line}\n{}", shown.trim_end_matches('\n')) + "\n"
            };
            if line.starts_with("config:") {
                if !script.steps.is_empty() {
                    return Err(format!("line {}: config: belongs to the beginning", index + 1));
                }
                script.config += &block;
                script.head.push(text);
            } else {
                script.steps.push(Step { number: index + 1, text, kind: Kind::Reload(block) });
            }
            continue;
        }
        let kind = parse_line(line).map_err(|problem| format!("line {}: {line}\n{problem}", index + 1))?;
        if kind == Kind::Remark && script.steps.is_empty() {
            script.head.push(line.to_owned());
        } else {
            script.steps.push(Step { number: index + 1, text: line.to_owned(), kind });
        }
    }
    Ok(script)
}

fn parse_line(line: &str) -> Result<Kind, String> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(Kind::Remark);
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let who = rest.trim().to_owned();
    match word {
        "connect" | "quick" if is_name(&who) => return Ok(Kind::Connect { who, quick: word == "quick" }),
        "finish" if is_name(&who) => return Ok(Kind::Finish { who }),
        "stop" if who.is_empty() => return Ok(Kind::Stop),
        _ => {}
    }
    let length = word.find(|c: char| !is_name_character(c)).unwrap_or(word.len());
    let (name, mark) = word.split_at(length);
    // `alice-` is a name and a mark, though names may have a hyphen.
    let (name, mark) =
        if mark.is_empty() && name.ends_with('-') { name.split_at(name.len() - 1) } else { (name, mark) };
    if !is_name(name) {
        return Err("it is no line of a case".to_owned());
    }
    let (who, rest) = (name.to_owned(), rest.to_owned());
    match mark {
        "<" => Ok(Kind::Typed { who, line: rest }),
        "<<" => Ok(Kind::Sent { who, bytes: unescape(&rest)? }),
        ">" => Ok(Kind::Line { who, pattern: rest }),
        "|" => Ok(Kind::Prompt { who, prompt: rest.trim_end().to_owned() }),
        "-" if rest == "end" => Ok(Kind::End { who }),
        _ => Err("it is no line of a case".to_owned()),
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name_character)
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = match escape.as_bytes().first() {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'0') => (0, 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'x') => {
                let digits = escape.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (digits.ok_or("two hexadecimal digits are missing")?, 3)
            }
            _ => return Err("there is no such escape".to_owned()),
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}
