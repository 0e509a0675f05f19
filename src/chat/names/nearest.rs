//! How similar two words are, and the nearest of several.
//!
//! *Owns* what counts as near. *Knows nothing of* what the words are.

/// Longest word that can be near another one, in characters. All our words are shorter; this bounds the work that one
/// line from a stranger can cause.
const MAX_COMPARED: usize = 64;

/// Largest difference in length for which a distance is worked out. No caller is interested in a distance over 2.
const MAX_LENGTH_DIFFERENCE: usize = 3;

/// Longest word, in characters, in which only one edit is forgiven: two would leave half of it to chance, and match
/// `mute` with `mode`.
const SHORT_WORD: usize = 4;

/// The candidate that a mistyped word was probably meant to be, if one is near: within one edit for words of up to four
/// characters, within two for longer ones. Case does not matter. If several are equally near, the first.
///
/// A candidate that shares no character is never near, whatever its distance.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().take(MAX_COMPARED + 1).count();
    let allowance = if length <= SHORT_WORD { 1 } else { 2 };
    candidates
        .map(|candidate| (edit_distance(wanted, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowance && *distance < length.max(candidate.chars().count()))
        // `min_by_key` returns the first of equal minima.
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits that turn one word into the other: insert, delete or replace a character, or swap two neighbours, without
/// editing any part twice (optimal string alignment). Case does not matter.
///
/// `usize::MAX` where it is not worked out: the lengths differ by more than three, or a word is over 64 characters.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let (mut a_buffer, mut b_buffer) = (['\0'; MAX_COMPARED], ['\0'; MAX_COMPARED]);
    let (Some(a), Some(b)) = (fold_into(a, &mut a_buffer), fold_into(b, &mut b_buffer)) else {
        return usize::MAX;
    };
    if a.len().abs_diff(b.len()) > MAX_LENGTH_DIFFERENCE {
        return usize::MAX;
    }
    // Three rows of the table: the row before last is needed for swaps.
    let mut before = [0; MAX_COMPARED + 1];
    let mut last: [usize; MAX_COMPARED + 1] = std::array::from_fn(|column| column);
    for (i, from) in a.iter().enumerate() {
        let mut row = [0; MAX_COMPARED + 1];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(from != to);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

/// The characters of a word in lower case; nothing if there are too many.
fn fold_into<'a>(word: &str, buffer: &'a mut [char; MAX_COMPARED]) -> Option<&'a [char]> {
    let mut length = 0;
    for c in word.chars() {
        *buffer.get_mut(length)? = c.to_lowercase().next().unwrap_or(c);
        length += 1;
    }
    Some(&buffer[..length])
}
