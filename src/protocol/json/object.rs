//! What the server writes: an object with all eight fields, and a line feed.
//!
//! *Owns* the order of the fields, and which characters are escaped.
//! *Knows nothing of* what the fields mean.

use std::borrow::Cow;
use std::io::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An object as the server writes it. Every field is always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// A number from the server, the id of the request that this answers, or null.
    pub id: Id<'a>,
    /// The kind of object.
    pub action: &'a str,
    /// Who did it; empty for the server.
    pub sender: Cow<'a, str>,
    /// Where it happened, or who it is for.
    pub receiver: Receiver<'a>,
    /// The text.
    pub content: Cow<'a, str>,
    /// When it happened.
    pub time: Timestamp,
    /// Whether it concerns a conversation between users, not a room.
    pub private: bool,
    /// What only this action needs. The keys are plain words.
    pub optional: Vec<(&'static str, Value<'a>)>,
}

/// The `id` of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id<'a> {
    /// Null: there is no id.
    None,
    /// A number from the server, below 2^53, so that every reader gets it exactly.
    Number(u64),
    /// The id of a request, as the client wrote it.
    Text(&'a str),
}

/// The `receiver` of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver<'a> {
    /// Nobody in particular: the empty string.
    Nobody,
    /// A room or a person.
    One(Cow<'a, str>),
    /// Several people: a list.
    Several(Vec<Cow<'a, str>>),
}

/// A value in `optional`, which is flat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number below 2^53.
    Number(u64),
    /// True or false.
    Flag(bool),
    /// A point in time, written like `time`.
    Time(Timestamp),
    /// Null: there is no value.
    Null,
}

impl<'a> Object<'a> {
    /// An object with nothing but its action and time.
    #[must_use]
    pub fn new(action: &'a str, time: Timestamp) -> Object<'a> {
        Object {
            id: Id::None,
            action,
            sender: Cow::Borrowed(""),
            receiver: Receiver::Nobody,
            content: Cow::Borrowed(""),
            time,
            private: false,
            optional: Vec::new(),
        }
    }

    /// Appends the object and a line feed.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        match self.id {
            Id::None => out.extend_from_slice(b"null"),
            Id::Number(number) => write_number(number, out),
            Id::Text(text) => write_text(text, out),
        }
        out.extend_from_slice(b",\"action\":");
        write_text(self.action, out);
        out.extend_from_slice(b",\"sender\":");
        write_text(&self.sender, out);
        out.extend_from_slice(b",\"receiver\":");
        match &self.receiver {
            Receiver::Nobody => out.extend_from_slice(b"\"\""),
            Receiver::One(name) => write_text(name, out),
            Receiver::Several(names) => {
                for (place, name) in names.iter().enumerate() {
                    out.push(if place == 0 { b'[' } else { b',' });
                    write_text(name, out);
                }
                out.extend_from_slice(if names.is_empty() { b"[]" } else { b"]" });
            }
        }
        out.extend_from_slice(b",\"content\":");
        write_text(&self.content, out);
        out.extend_from_slice(b",\"time\":");
        write_time(self.time, out);
        out.extend_from_slice(b",\"private\":");
        write_flag(self.private, out);
        out.extend_from_slice(b",\"optional\":{");
        for (place, (key, value)) in self.optional.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_text(key, out);
            out.push(b':');
            match value {
                Value::Text(text) => write_text(text, out),
                Value::Number(number) => write_number(*number, out),
                Value::Flag(flag) => write_flag(*flag, out),
                Value::Time(time) => write_time(*time, out),
                Value::Null => out.extend_from_slice(b"null"),
            }
        }
        out.extend_from_slice(b"}}\n");
    }
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut start, mut left) = (digits.len(), number);
    loop {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn write_flag(flag: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// RFC 3339, UTC, with milliseconds.
///
/// Formatted by hand, like the number above: every object has a time, and this is the deepest point of a JSON
/// connection's stack, where `write!` would cost each of them one more page.
#[inline(never)]
fn write_time(time: Timestamp, out: &mut Vec<u8>) {
    let moment = TimeZone::UTC.to_datetime(time);
    out.push(b'"');
    let mut put = |number: u32, mut place: u32, after: u8| {
        while place > 0 {
            out.push(b'0' + (number / place % 10) as u8);
            place /= 10;
        }
        out.push(after);
    };
    let small = |number: i8| u32::from(number.unsigned_abs());
    // Before the year 0 and after 9999 there are no messages.
    put(u32::from(moment.year().unsigned_abs()), 1000, b'-');
    put(small(moment.month()), 10, b'-');
    put(small(moment.day()), 10, b'T');
    put(small(moment.hour()), 10, b':');
    put(small(moment.minute()), 10, b':');
    put(small(moment.second()), 10, b'.');
    put(moment.subsec_nanosecond().unsigned_abs() / 1_000_000, 100, b'Z');
    out.push(b'"');
}

/// Appends a string. Escapes what RFC 8259, section 7, demands, all other control characters, which terminals act on, and
/// U+2028 and U+2029, which end a line in JavaScript source.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        if !matches!(c, '"' | '\\' | '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}') {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + c.len_utf8();
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            // All of them are below U+10000. Writing to memory cannot fail.
            c => drop(write!(out, "\\u{:04x}", u32::from(c))),
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.push(b'"');
}
