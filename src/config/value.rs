//! One value of the file, of the type and in the range wanted, or a mistake that says what was found instead.
//!
//! *Owns* the wording of wrong types, wrong ranges and unknown keys. *Knows nothing of* what the keys are for.
//! *Called by* `read`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::mistake::Mistake;
use super::syntax::LineIndex;
use crate::text::sanitize;

/// Counts stay within 32 bits, so that a config means the same on every machine.
pub(super) const MAX_COUNT: usize = u32::MAX as usize;

/// Seconds in a day: the longest login and stall deadline. Longer is "never", which is 0.
pub(super) const DAY: u64 = 86_400;

/// A value with its place in the file.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Most characters of a value that a mistake repeats.
const QUOTED: usize = 40;

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'t, 'i> {
    /// Empty at the top, else the name and a dot: `limits.`, `rooms.staff.`.
    pub(super) prefix: &'t str,
    pub(super) table: &'t DeTable<'i>,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(super) fn get(&self, key: &str) -> Option<&'t Value<'i>> {
        self.table.get(key)
    }
}

/// Takes values out of sections and gathers the mistakes.
///
/// Each `read_*` leaves its target as it is when the key is missing or wrong.
pub(super) struct ValueReader<'a> {
    lines: LineIndex<'a>,
    file: &'a str,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'a> ValueReader<'a> {
    pub(super) fn new(text: &'a str, file: &'a str) -> Self {
        Self { lines: LineIndex::of(text), file, mistakes: Vec::new() }
    }

    pub(super) fn mistake(&mut self, line: Option<usize>, text: impl Into<String>) {
        self.mistakes.push(Mistake { file: self.file.to_owned(), line, text: text.into() });
    }

    pub(super) fn line<T>(&self, spanned: &Spanned<T>) -> usize {
        self.lines.number(spanned.span().start)
    }

    /// The line where `key` is set, if it is.
    pub(super) fn line_of(&self, section: Section<'_, '_>, key: &str) -> Option<usize> {
        section.table.get_key_value(key).map(|(name, _)| self.line(name))
    }

    pub(super) fn has_mistake_on(&self, line: usize) -> bool {
        self.mistakes.iter().any(|mistake| mistake.line == Some(line))
    }

    /// `key must be WANTED, not FOUND`, with a remedy when the value only has quotes too many or too few.
    fn wrong(&mut self, section: Section<'_, '_>, key: &str, value: &Value<'_>, wanted: impl Display) {
        let text = format!("{}{key} must be {wanted}, not {}", section.prefix, found(value.get_ref()));
        self.mistake(Some(self.line(value)), text);
    }

    fn integer(&mut self, section: Section<'_, '_>, key: &str, wanted: &str) -> Option<(i128, usize)> {
        let value = section.get(key)?;
        let line = self.line(value);
        match value.get_ref() {
            DeValue::Integer(number) => {
                // A number past 128 bits is surely past the range too, on the side its sign says.
                let beyond = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                let number = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond);
                Some((number, line))
            }
            DeValue::String(text) if text.trim().parse::<i128>().is_ok() => {
                self.wrong(section, key, value, format_args!("{wanted} without quotes"));
                None
            }
            _ => {
                self.wrong(section, key, value, wanted);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn read_number(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        range: RangeInclusive<usize>,
        target: &mut usize,
    ) {
        let Some((number, line)) = self.integer(section, key, "a whole number") else {
            return;
        };
        match usize::try_from(number) {
            Ok(number) if range.contains(&number) => *target = number,
            _ => {
                let (low, high) = range.into_inner();
                let text = format!("{}{key} must be {low} to {high}, not {}", section.prefix, short(number));
                self.mistake(Some(line), text);
            }
        }
    }

    /// A whole number within `range`, or 0 for no limit.
    pub(super) fn read_limit(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        range: RangeInclusive<usize>,
        target: &mut Option<usize>,
    ) {
        let Some((number, line)) = self.integer(section, key, "a whole number") else {
            return;
        };
        match usize::try_from(number) {
            Ok(0) => *target = None,
            Ok(number) if range.contains(&number) => *target = Some(number),
            _ => {
                let (low, high) = range.into_inner();
                let text = format!(
                    "{}{key} must be {low} to {high}, or 0 for no limit, not {}",
                    section.prefix,
                    short(number)
                );
                self.mistake(Some(line), text);
            }
        }
    }

    /// Whole seconds, 0 to `most`.
    pub(super) fn read_seconds(&mut self, section: Section<'_, '_>, key: &str, most: u64, target: &mut Duration) {
        let Some((number, line)) = self.integer(section, key, "a whole number of seconds") else {
            return;
        };
        match u64::try_from(number) {
            Ok(seconds) if seconds <= most => *target = Duration::from_secs(seconds),
            _ => {
                let text = format!("{}{key} must be 0 to {most} seconds, not {}", section.prefix, short(number));
                self.mistake(Some(line), text);
            }
        }
    }

    /// Whole seconds, 0 to `most`, where 0 switches it off.
    pub(super) fn read_deadline(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        most: u64,
        target: &mut Option<Duration>,
    ) {
        let mut seconds = target.unwrap_or_default();
        self.read_seconds(section, key, most, &mut seconds);
        *target = (!seconds.is_zero()).then_some(seconds);
    }

    /// `true` or `false`.
    pub(super) fn read_bool(&mut self, section: Section<'_, '_>, key: &str, target: &mut bool) {
        let Some(value) = section.get(key) else {
            return;
        };
        match value.get_ref() {
            DeValue::Boolean(set) => *target = *set,
            DeValue::String(text) if ["true", "false"].contains(&&**text) => {
                self.wrong(section, key, value, "true or false without quotes");
            }
            _ => self.wrong(section, key, value, "true or false"),
        }
    }

    /// One line of text as people will see it.
    pub(super) fn read_line(&mut self, section: Section<'_, '_>, key: &str, target: &mut String) {
        let Some(value) = section.get(key) else {
            return;
        };
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(section, key, value, "a text in quotes");
            return;
        };
        if let Some(remedy) = unfit(text) {
            let text = format!("{}{key} {remedy}", section.prefix);
            self.mistake(Some(self.line(value)), text);
            return;
        }
        // A second pass, because a TAB is allowed here and becomes spaces.
        *target = sanitize(text).into_owned();
    }

    /// The name of a file, or the empty text for none. Whether the file is there is not looked at.
    pub(super) fn read_path(&mut self, section: Section<'_, '_>, key: &str, target: &mut Option<PathBuf>) {
        let Some(value) = section.get(key) else {
            return;
        };
        match value.get_ref() {
            // Allowed in names by most systems, but what is meant by it here is a missing quote or a \n in a path with \.
            DeValue::String(text) if text.contains(char::is_control) => {
                let text = format!("{}{key} must name a file without control characters in its name", section.prefix);
                self.mistake(Some(self.line(value)), text);
            }
            DeValue::String(text) => *target = (!text.is_empty()).then(|| PathBuf::from(&**text)),
            _ => self.wrong(section, key, value, "the name of a file in quotes"),
        }
    }

    /// One of a few words.
    pub(super) fn read_word<T: Copy>(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        words: &[(&str, T)],
        target: &mut T,
    ) {
        let Some(value) = section.get(key) else {
            return;
        };
        let chosen = match value.get_ref() {
            DeValue::String(text) => words.iter().find(|(word, _)| text == word),
            _ => None,
        };
        match chosen {
            Some((_, meaning)) => *target = *meaning,
            None => {
                let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                self.wrong(section, key, value, format_args!("one of {}", quoted.join(", ")));
            }
        }
    }

    /// A list of texts, each read by `parse` and returned with its line. `None` when it is no list.
    pub(super) fn read_list<T, E: Display>(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<(T, usize)>> {
        let value = section.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(section, key, value, format_args!("a list of texts, as in {key} = [\"{example}\"]"));
            return None;
        };
        Some(self.items(section, key, example, items, parse))
    }

    fn items<T, E: Display>(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        example: &str,
        items: &DeArray<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<(T, usize)> {
        let mut parsed = Vec::with_capacity(items.len());
        for item in items {
            let line = self.line(item);
            let DeValue::String(text) = item.get_ref() else {
                let text = format!(
                    "{}{key} must hold texts in quotes, as in {key} = [\"{example}\"], not {}",
                    section.prefix,
                    found(item.get_ref())
                );
                self.mistake(Some(line), text);
                continue;
            };
            match parse(text) {
                Ok(value) => parsed.push((value, line)),
                Err(error) => {
                    let text = format!("{}{key} holds {}: {error}", section.prefix, quoted(text));
                    self.mistake(Some(line), text);
                }
            }
        }
        parsed
    }
}

/// What kind of value this is, without the value.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// The value as a mistake names it.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {}", quoted(text)),
        DeValue::Integer(number) => short(number),
        DeValue::Float(number) => short(number.as_str()),
        DeValue::Boolean(set) => set.to_string(),
        other => kind(other).to_owned(),
    }
}

/// In quotes, without control characters, cut when long.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text.escape_debug()))
}

fn short(shown: impl Display) -> String {
    let mut text = shown.to_string();
    if let Some((cut, _)) = text.char_indices().nth(QUOTED) {
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

/// Why `text` is no line that everybody sees as it stands in the file; `None` when it is one.
///
/// The mistake is better than silent cleaning, since the admin would look in vain for what is missing. TAB is let through.
fn unfit(text: &str) -> Option<String> {
    if text.contains(['\n', '\r']) {
        return Some("must be one line".to_owned());
    }
    if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Some(format!("must not hold control characters, here U+{:04X}; take it out", u32::from(control)));
    }
    let untabbed = text.replace('\t', " ");
    (sanitize(&untabbed) != untabbed)
        .then(|| "holds a character that cannot be shown safely, such as a direction mark; take it out".to_owned())
}
