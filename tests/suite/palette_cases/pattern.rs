//! Expected lines: placeholders, their values, and writing seen lines with them. *Owns* their syntax.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

const SPAN: &str = r"(?:\d+ s|\d+ min|\d+ h \d+ min|\d+ d \d+ h)";

const WAIT: &str = r"\d+ (?:day|hour|minute|second)s?(?: \d+ (?:hour|minute|second)s?)?";

/// The placeholders and their patterns, in the order in which they are tried.
const FIXED: [(&str, &str); 8] = [
    ("HH:MM:SS", r"\d\d:\d\d:\d\d"),
    ("HH:MM", r"\d\d:\d\d"),
    ("YYYY-MM-DD", r"\d{4}-\d\d-\d\d"),
    ("<weekday>", "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"),
    ("<offset>", r"[+-]\d\d:\d\d"),
    ("<span>", SPAN),
    ("<wait>", WAIT),
    ("<n>", r"\d+"),
];

/// `{a}`, `{#alice}`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| regex(r"\{(#?[A-Za-z][A-Za-z0-9_-]*)\}"));

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// The values of named placeholders in this run.
#[derive(Clone, Default)]
pub struct Names {
    values: BTreeMap<String, String>,
}

impl Names {
    /// Puts values into a line that is typed.
    pub fn fill(&self, line: &str) -> Result<String, String> {
        let mut unknown = None;
        let filled = NAMED.replace_all(line, |found: &Captures<'_>| {
            self.values.get(&found[1]).cloned().unwrap_or_else(|| {
                unknown = Some(format!("{} is not known yet", &found[0]));
                String::new()
            })
        });
        unknown.map_or_else(|| Ok(filled.into_owned()), Err)
    }

    /// Whether the line matches the pattern; the values of its names are remembered from then on.
    pub fn matches(&mut self, pattern: &str, line: &str) -> bool {
        let (body, tail) = match pattern.strip_suffix("...") {
            Some(body) => (body, ".*"),
            None => (pattern.trim_end(), ""),
        };
        let mut wanted = "^".to_owned();
        let mut names = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            if let Some((word, expression)) = FIXED.iter().find(|(word, _)| rest.starts_with(word)) {
                wanted += expression;
                rest = &rest[word.len()..];
            } else if let Some(found) =
                NAMED.captures(rest).filter(|found| found.get(0).is_some_and(|f| f.start() == 0))
            {
                let name = &found[1];
                wanted += &match (self.values.get(name), name.strip_prefix('#')) {
                    (Some(value), _) => regex::escape(value),
                    (None, Some(person)) => format!("({}#[0-9]+)", regex::escape(person)),
                    (None, None) => "([0-9]+)".to_owned(),
                };
                if !self.values.contains_key(name) {
                    names.push(name.to_owned());
                }
                rest = &rest[found[0].len()..];
            } else {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                wanted += &regex::escape(&rest[..length]);
                rest = &rest[length..];
            }
        }
        let Some(found) = regex(&format!("{wanted}{tail}$")).captures(line) else { return false };
        let mut values = self.values.clone();
        for (name, value) in names.into_iter().zip(found.iter().skip(1).flatten()) {
            if values.get(&name).is_some_and(|known| known != value.as_str()) {
                return false;
            }
            values.insert(name, value.as_str().to_owned());
        }
        self.values = values;
        true
    }

    /// Writes a seen line with placeholders. `old` is the line of the file that it replaces: its names are used where
    /// they are still free; `taken` are the names in use.
    pub fn write(&mut self, line: &str, old: Option<&str>, taken: &dyn Fn(&str) -> bool) -> String {
        static CLOCK: LazyLock<Regex> =
            LazyLock::new(|| regex(r"\d\d:\d\d:\d\d on [A-Z][a-z]+day, \d{4}-\d\d-\d\d \(UTC[+-]\d\d:\d\d\)"));
        static MINUTE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d\d:\d\d\b"));
        static SPANS: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"(temporary, )?\b{SPAN}\b")));
        static SESSION: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([A-Za-z][A-Za-z0-9_-]*)(#[0-9]+)\b"));
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"#([0-9]+)\b"));
        // What a person says stays as it is: only the head of a chat line is rewritten.
        static HEAD: LazyLock<Regex> = LazyLock::new(|| regex(r"^\[\d\d:\d\d\] #[0-9]+ [^:]*: (?:\(to #[0-9]+ )?"));
        let head = HEAD.find(line).map_or(line.len(), |found| found.end());
        let (head, said) = line.split_at(head);
        let text = CLOCK.replace_all(head, "HH:MM:SS on <weekday>, YYYY-MM-DD (UTC<offset>)");
        let text = MINUTE.replace_all(&text, "HH:MM");
        let text =
            SPANS.replace_all(
                &text,
                |found: &Captures<'_>| {
                    if found.get(1).is_some() { found[0].to_owned() } else { "<span>".to_owned() }
                },
            );
        let text = SESSION.replace_all(&text, |found: &Captures<'_>| {
            self.values.insert(format!("#{}", &found[1]), found[0].to_owned());
            format!("{{#{}}}", &found[1])
        });
        let mut old_names: Vec<String> = old.map_or_else(Vec::new, |old| {
            NAMED.captures_iter(old).map(|found| found[1].to_owned()).filter(|name| !name.starts_with('#')).collect()
        });
        old_names.retain(|name| !self.values.contains_key(name));
        old_names.reverse();
        let text = NUMBER.replace_all(&text, |found: &Captures<'_>| {
            let known = self.values.iter().find(|(name, value)| !name.starts_with('#') && **value == found[1]);
            let name = known.map(|(name, _)| name.clone()).or_else(|| old_names.pop()).unwrap_or_else(|| {
                let free = |name: &String| !self.values.contains_key(name) && !taken(name);
                let letters = ('a'..='z').map(String::from);
                letters.chain((1..).map(|n| format!("m{n}"))).find(free).unwrap_or_default()
            });
            self.values.insert(name.clone(), found[1].to_owned());
            format!("#{{{name}}}")
        });
        format!("{text}{said}")
    }
}
