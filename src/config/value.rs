//! Reads one value of an expected type and range, or reports what was found instead.
//!
//! *Owns* the wording of wrong types and ranges. *Knows nothing of* what the keys are for.

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

/// A value with its position in the file.
pub(super) type TomlValue<'i> = Spanned<DeValue<'i>>;

/// Most characters of a value that a mistake quotes.
const QUOTED: usize = 40;

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'t, 'i> {
    /// Empty at the top, else the name and a dot: `limits.`, `rooms.staff.`.
    pub(super) prefix: &'t str,
    pub(super) table: &'t DeTable<'i>,
}

impl<'t, 'i> Section<'t, 'i> {
    pub(super) fn get(&self, key: &str) -> Option<&'t TomlValue<'i>> {
        self.table.get(key)
    }
}

/// Reads values from sections and collects the mistakes.
///
/// Each `read_*` leaves its target unchanged if the key is missing or wrong.
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

    /// The line on which `key` is set, if it is.
    pub(super) fn line_of(&self, section: Section<'_, '_>, key: &str) -> Option<usize> {
        section.table.get_key_value(key).map(|(name, _)| self.line(name))
    }

    pub(super) fn has_mistake_on(&self, line: usize) -> bool {
        self.mistakes.iter().any(|mistake| mistake.line == Some(line))
    }

    /// Reports `key must be WANTED, not FOUND`.
    fn wrong(&mut self, section: Section<'_, '_>, key: &str, value: &TomlValue<'_>, wanted: impl Display) {
        let text = format!("{}{key} must be {wanted}, not {}", section.prefix, found(value.get_ref()));
        self.mistake(Some(self.line(value)), text);
    }

    /// The same for a value and its line that the caller has looked up.
    #[cfg(feature = "metrics")]
    pub(super) fn wrong_value(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        value: &DeValue<'_>,
        line: usize,
        wanted: &str,
    ) {
        self.mistake(Some(line), format!("{}{key} must be {wanted}, not {}", section.prefix, found(value)));
    }

    fn integer(&mut self, section: Section<'_, '_>, key: &str, wanted: &str) -> Option<(i128, usize)> {
        let value = section.get(key)?;
        let line = self.line(value);
        match value.get_ref() {
            DeValue::Integer(number) => {
                // A number beyond 128 bits is out of every range, on the side of its sign.
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

    /// Reads a whole number within `range`.
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

    /// Reads a whole number within `range`, or 0 for no limit.
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

    /// Reads whole seconds, 0 to `most`.
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

    /// Reads whole seconds, 0 to `most`, where 0 means none.
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

    /// Reads `true` or `false`.
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

    /// Reads one line of text that users will see.
    pub(super) fn read_line(&mut self, section: Section<'_, '_>, key: &str, target: &mut String) {
        let Some(value) = section.get(key) else {
            return;
        };
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(section, key, value, "a string in quotes");
            return;
        };
        if let Some(remedy) = unfit(text) {
            let text = format!("{}{key} {remedy}", section.prefix);
            self.mistake(Some(self.line(value)), text);
            return;
        }
        // A TAB is allowed, and becomes spaces here.
        *target = sanitize(text).into_owned();
    }

    /// Reads a file name, or the empty string for none. The file may be missing.
    pub(super) fn read_path(&mut self, section: Section<'_, '_>, key: &str, target: &mut Option<PathBuf>) {
        let Some(value) = section.get(key) else {
            return;
        };
        match value.get_ref() {
            // Most systems allow control characters in names, but here they come from a missing quote or an unescaped
            // backslash.
            DeValue::String(text) if text.contains(char::is_control) => {
                let text = format!("{}{key} must not contain control characters", section.prefix);
                self.mistake(Some(self.line(value)), text);
            }
            DeValue::String(text) => *target = (!text.is_empty()).then(|| PathBuf::from(&**text)),
            _ => self.wrong(section, key, value, "a file name in quotes"),
        }
    }

    /// Reads one of a few words.
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

    /// Reads a list of strings, each parsed by `parse` and returned with its line. `None` if it is not a list.
    pub(super) fn read_list<T, E: Display>(
        &mut self,
        section: Section<'_, '_>,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<(T, usize)>> {
        let value = section.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(section, key, value, format_args!("a list of strings, as in {key} = [\"{example}\"]"));
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
                    "{}{key} must contain strings in quotes, as in {key} = [\"{example}\"], not {}",
                    section.prefix,
                    found(item.get_ref())
                );
                self.mistake(Some(line), text);
                continue;
            };
            match parse(text) {
                Ok(value) => parsed.push((value, line)),
                Err(error) => {
                    let text = format!("{}{key} contains {}: {error}", section.prefix, quoted(text));
                    self.mistake(Some(line), text);
                }
            }
        }
        parsed
    }
}

/// The type of a value, without the value.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// A value as a mistake quotes it.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {}", quoted(text)),
        DeValue::Integer(number) => short(number),
        DeValue::Float(number) => short(number.as_str()),
        DeValue::Boolean(set) => set.to_string(),
        other => kind(other).to_owned(),
    }
}

/// Text in quotes, with control characters escaped, cut if long.
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

/// Why users would not see `text` as it is in the file; `None` if they would.
///
/// A mistake is better than silent sanitising, which would leave the admin puzzled. TAB is allowed.
fn unfit(text: &str) -> Option<String> {
    if text.contains(['\n', '\r']) {
        return Some("must be one line".to_owned());
    }
    if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Some(format!("must not contain control characters, here U+{:04X}; remove it", u32::from(control)));
    }
    let untabbed = text.replace('\t', " ");
    (sanitize(&untabbed) != untabbed)
        .then(|| "contains a character that cannot be shown safely, such as a direction mark; remove it".to_owned())
}
