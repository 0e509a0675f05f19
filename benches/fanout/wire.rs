//! The texts that are sent, and finding them again in what comes back.
//!
//! *Owns* the form of a text, which contains its sender and number, and the splitting of bytes into lines.
//! *Knows nothing of* sockets, members or the server's own line forms, except that a text ends its line.

use memchr::{memchr, memmem};

/// A text the size of a chat line, newline included: used by every case except `stall`.
pub const SHORT: usize = 64;
/// A text near the size of one packet, newline included.
pub const LONG: usize = 1_400;

/// Sender and number before the filler: `s0003n0000000042 `.
const HEAD: usize = 17;
/// What stands before a text in an object.
const CONTENT: &[u8] = b"\"content\":\"";
const FILLER: [u8; LONG] = [b'x'; LONG];
/// Longest unfinished line, in bytes. A text's line is under 1,500; only a row of prompts reaches this.
const MAX_TAIL: usize = 4_096;

/// Appends one line of `size` bytes, newline included.
pub fn emit(into: &mut Vec<u8>, sender: usize, number: u32, size: usize) {
    let end = into.len() + size - 1;
    // Not `write!`: the client must stay cheap at a million texts a second.
    into.push(b's');
    digits(into, u64::try_from(sender).unwrap_or(u64::MAX), 1_000);
    into.push(b'n');
    digits(into, u64::from(number), 1_000_000_000);
    into.push(b' ');
    into.extend_from_slice(&FILLER[..end - into.len()]);
    into.push(b'\n');
}

fn digits(into: &mut Vec<u8>, value: u64, mut place: u64) {
    while place > 0 {
        // A digit always fits a byte.
        into.push(b'0' + (value / place % 10) as u8);
        place /= 10;
    }
}

/// The sender and number of the text that ends this line (given without its newline), if there is one, complete and
/// unchanged. Blanks after it come from the server: they cover what may have been typed in that row.
pub fn parse(line: &[u8], size: usize) -> Option<(usize, u32)> {
    let line = line.trim_ascii_end();
    let text = &line[line.len().checked_sub(size - 1)?..];
    let (head, filler) = text.split_at(HEAD);
    if head[0] != b's' || head[5] != b'n' || head[16] != b' ' || *filler != FILLER[..filler.len()] {
        return None;
    }
    Some((usize::try_from(number(&head[1..5])?).ok()?, number(&head[6..16])?))
}

/// The same of an object, which has the text as its `content`. Answers and notices have no number as their `id`.
pub fn parse_object(line: &[u8], size: usize) -> Option<(usize, u32)> {
    if !line.get(6)?.is_ascii_digit() {
        return None;
    }
    let text = &line[memmem::find(line, CONTENT)? + CONTENT.len()..];
    parse(text.get(..size - 1)?, size)
}

/// Appends a request that says the text which `emit` appends.
pub fn emit_object(into: &mut Vec<u8>, room: &str, sender: usize, number: u32, size: usize) {
    into.extend_from_slice(b"{\"action\":\"say\",\"receiver\":\"");
    into.extend_from_slice(room.as_bytes());
    into.extend_from_slice(b"\",");
    into.extend_from_slice(CONTENT);
    emit(into, sender, number, size);
    into.pop();
    into.extend_from_slice(b"\"}\n");
}

fn number(digits: &[u8]) -> Option<u32> {
    let mut value: u32 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    Some(value)
}

/// Splits `data`, which follows `tail`, into lines; the unfinished rest becomes the new tail.
pub fn scan(tail: &mut Vec<u8>, mut data: &[u8], mut on_line: impl FnMut(&[u8])) {
    while let Some(end) = memchr(b'\n', data) {
        if tail.is_empty() {
            on_line(&data[..end]);
        } else {
            tail.extend_from_slice(&data[..end]);
            on_line(tail);
            tail.clear();
        }
        data = &data[end + 1..];
    }
    tail.extend_from_slice(data);
    // Each of a sender's own lines leaves a prompt without a newline: only the end of such a row matters.
    if tail.len() > MAX_TAIL {
        tail.drain(..tail.len() - MAX_TAIL / 2);
    }
}
