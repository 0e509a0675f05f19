//! Tab completion of the word before the cursor.
//!
//! *Owns* which words are offered where, the same as in the server's own completion. *Knows nothing of* keys and
//! drawing.

use crate::chat::account_policy::AccountPolicy;
use crate::chat::names::fold;
use crate::cli::connect::model::ClientModel;
use crate::text;
use crate::ui::command::{find, help_words, listed};

/// Most candidates shown at once.
const SHOWN: usize = 40;

/// The effect of Tab.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// Nothing fits.
    Nothing,
    /// Replace the text from this byte to the cursor.
    Word(usize, String),
    /// Several words fit: show this list.
    List(String),
}

/// Completes the word before the cursor as far as the candidates agree.
pub(super) fn complete(line: &str, cursor: usize, model: &ClientModel) -> Completion {
    let before = line.get(..cursor).unwrap_or("");
    let start = before.rfind([' ', '\n']).map_or(0, |space| space + 1);
    let word = &before[start..];
    let mut found = candidates(before, start, word, model);
    let starts = fold(word);
    found.retain(|candidate| fold(candidate).starts_with(&starts));
    found.sort();
    found.dedup();
    let Some(common) = common_start(&found) else { return Completion::Nothing };
    if let [only] = &found[..] {
        // A name at the start of a line addresses that user.
        let is_address = start == 0 && !word.starts_with([':', '/']);
        return Completion::Word(start, format!("{only}{}", if is_address { ": " } else { " " }));
    }
    if common.len() > word.len() {
        return Completion::Word(start, common);
    }
    let more = found.len().saturating_sub(SHOWN);
    let mut list = found.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("  ");
    if more > 0 {
        list.push_str(&format!("  and {more} more"));
    }
    Completion::List(list)
}

fn candidates(before: &str, start: usize, word: &str, model: &ClientModel) -> Vec<String> {
    // The client does not know which commands the server has, so it offers all.
    let accounts = AccountPolicy::Optional;
    let is_command = before.starts_with([':', '/']);
    if start == 0 && is_command {
        let mark = &word[..1];
        let all = listed(accounts).map(|spec| spec.word).chain(["keys"]);
        return all.map(|known| format!("{mark}{known}")).collect();
    }
    let fixed = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let command = if is_command { before[1..].split(' ').next().unwrap_or("") } else { "" };
    match find(command).map(|spec| spec.word) {
        Some("help") => help_words(accounts).chain(["keys"]).map(str::to_owned).collect(),
        Some("bell") => fixed(&["on", "off", "mentions"]),
        Some("set") => fixed(&["description", "limit", "password", "public", "invite", "slow", "history", "keep"]),
        Some("charset") => fixed(&["utf-8", "latin1"]),
        Some("color" | "timestamps" | "ids" | "quiet") => fixed(&["on", "off"]),
        Some("join" | "to") => model.room_names().map(str::to_owned).collect(),
        Some(_) | None => {
            // `@bob` mentions bob.
            let at = if word.starts_with('@') { "@" } else { "" };
            model.names().into_iter().map(|name| format!("{at}{name}")).collect()
        }
    }
}

/// The longest common prefix of all candidates, ignoring case, as the first of them writes it.
fn common_start(candidates: &[String]) -> Option<String> {
    let first = candidates.first()?;
    let clusters: Vec<&str> = text::graphemes(first).collect();
    let mut count = clusters.len();
    for other in candidates {
        let same = clusters.iter().zip(text::graphemes(other)).take_while(|(a, b)| fold(a) == fold(b));
        count = count.min(same.count());
    }
    Some(clusters[..count].concat())
}
