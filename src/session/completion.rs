//! Tab: what the word before the cursor could become.
//!
//! *Owns* which words are offered where.
//! *Knows nothing of* keys and of drawing.

use super::Session;
use crate::chat::names::fold;
use crate::ui::command::{help_words, listed, words};
use crate::ui::screen::{LineKind, Prompt};

/// Most candidates shown at once.
const SHOWN: usize = 40;

impl Session {
    /// Completes the word as far as the candidates agree. If that is no further, shows them.
    pub(super) fn complete(&mut self) {
        let Some((line, cursor)) = self
            .outbox
            .with_display(|display, _| display.editor().map(|editor| (editor.line().to_owned(), editor.cursor())))
        else {
            return;
        };
        if !self.palette.is_logged_in() || self.palette.asks_password() {
            return;
        }
        let before = line.get(..cursor).unwrap_or("");
        let start = before.rfind([' ', '\n']).map_or(0, |space| space + 1);
        let word = &before[start..];
        let candidates = self.candidates(before, start, word);
        let Some(common) = common_start(&candidates) else { return };
        if common.len() > word.len() || candidates.len() == 1 {
            let whole = if candidates.len() == 1 { format!("{common} ") } else { common.to_owned() };
            self.outbox.with_display(|display, out| {
                let mut unseen = Vec::new();
                let out = if display.is_shown() { out } else { &mut unseen };
                if let Some(editor) = display.editor() {
                    editor.complete(start, &whole, out);
                }
            });
        } else {
            let more = candidates.len().saturating_sub(SHOWN);
            let mut list = candidates.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("  ");
            if more > 0 {
                list.push_str(&format!("  and {more} more"));
            }
            self.outbox.tell(LineKind::News, &list);
        }
    }

    /// Everything the word could become, sorted, spelt as the server knows it.
    fn candidates(&self, before: &str, start: usize, word: &str) -> Vec<String> {
        let in_view = matches!(self.palette.prompt(), Prompt::ChatView(_));
        let accounts = self.rules().accounts;
        let folded = fold(word);
        let starts = |candidate: &str| match candidate.is_ascii() {
            true => candidate.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)),
            false => fold(candidate).starts_with(&folded),
        };
        let mut found: Vec<String> = Vec::new();
        if start == 0 && (word.starts_with('/') || (word.starts_with(':') && !in_view)) {
            let mark = &word[..1];
            // Aliases only where nothing else fits: `:jo` is `:join`, whatever else it could be.
            found.extend(listed(accounts).map(|spec| format!("{mark}{}", spec.word)).filter(|c| starts(c)));
            if found.is_empty() {
                found.extend(
                    listed(accounts).flat_map(words).map(|known| format!("{mark}{known}")).filter(|c| starts(c)),
                );
            }
        } else if start > 0 && before.starts_with([':', '/']) {
            let command = before[1..].split(' ').next().unwrap_or("");
            match crate::ui::command::find(command).map(|spec| spec.word) {
                Some("join" | "to") => found.extend(self.known_rooms().filter(|c| starts(c))),
                Some("set") => found.extend(
                    ["description", "limit", "password", "public", "invite", "slow", "history"]
                        .into_iter()
                        .chain(accounts.are_enabled().then_some("keep"))
                        .map(str::to_owned)
                        .filter(|c| starts(c)),
                ),
                Some("bell") => {
                    found.extend(["on", "off", "mentions"].map(str::to_owned).into_iter().filter(|c| starts(c)))
                }
                Some("help") => found.extend(help_words(accounts).map(str::to_owned).filter(|c| starts(c))),
                Some("mode") => found.extend(["line", "char"].map(str::to_owned).into_iter().filter(|c| starts(c))),
                Some("color" | "timestamps" | "ids" | "quiet") => {
                    found.extend(["on", "off"].map(str::to_owned).into_iter().filter(|c| starts(c)))
                }
                Some("charset") => {
                    found.extend(["utf-8", "latin1"].map(str::to_owned).into_iter().filter(|c| starts(c)));
                }
                _ => found.extend(self.names().filter(|c| starts(c))),
            }
        } else if !word.is_empty() {
            found.extend(self.names().filter(|c| starts(c)));
        }
        found.sort_unstable();
        found
    }

    /// The rooms this user may know of.
    fn known_rooms(&self) -> impl Iterator<Item = String> {
        let (actor, now) = (self.actor(), self.now());
        let known = move |room: &std::sync::Arc<crate::hub::room::Room>| {
            actor.as_ref().is_some_and(|actor| room.is_known_to(actor, now))
        };
        self.hub.rooms.all().into_iter().filter(known).map(|room| room.name().to_string())
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.hub.roster.users().into_iter().map(|user| user.name().to_string())
    }
}

/// The longest start that all candidates share, in the first one's case; `None` without candidates.
fn common_start(candidates: &[String]) -> Option<&str> {
    let first = candidates.first()?;
    let mut length = first.len();
    for other in &candidates[1..] {
        let alike = |(a, b): &(char, char)| a == b || a.to_lowercase().eq(b.to_lowercase());
        let same = first.chars().zip(other.chars()).take_while(alike);
        length = length.min(same.map(|(c, _)| c.len_utf8()).sum());
    }
    first.get(..length)
}

#[cfg(test)]
mod tests {
    use super::common_start;

    #[test]
    fn candidates_agree_up_to_their_first_difference() {
        let of = |words: &[&str]| {
            common_start(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).map(str::to_owned)
        };
        assert_eq!(of(&["list", "listall"]).as_deref(), Some("list"));
        assert_eq!(of(&["alice", "Albert"]).as_deref(), Some("al"));
        assert_eq!(of(&["Нина", "НИКА"]).as_deref(), Some("Ни"));
        assert_eq!(of(&["éa", "èa"]).as_deref(), Some(""), "their first bytes are the same");
        assert_eq!(of(&["one"]).as_deref(), Some("one"));
        assert_eq!(of(&[]), None);
    }
}
