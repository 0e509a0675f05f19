//! Which texts are names, how names are compared, and what a refused one is answered with.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;

fn user(raw: &str) -> UserName {
    UserName::parse(raw, 3, 12).expect("a valid name")
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn nearest_of<'a>(wanted: &str, candidates: &[&'a str]) -> Option<&'a str> {
    nearest(wanted, candidates.iter().copied())
}

#[test]
fn a_name_is_shown_as_typed_and_compared_in_lower_case() {
    let (typed, other) = (user("Alice_1-X"), user("aLICE_1-x"));
    assert_eq!(typed.to_string(), "Alice_1-X");
    assert_eq!(typed.as_str(), "Alice_1-X");
    assert_eq!(typed.folded(), "alice_1-x");
    assert_eq!(typed, other);
    assert_eq!(hash(&typed), hash(&other));
    assert_eq!(typed.cmp(&other), Ordering::Equal);
    assert_ne!(user("alice"), user("alicf"));
    assert_eq!(format!("{:<6}|", user("bob")), "bob   |");
}

#[test]
fn names_sort_without_regard_to_case() {
    let sorted: Vec<_> =
        ["carol", "Bob", "alice", "Dave"].map(user).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(sorted, ["alice", "Bob", "carol", "Dave"].map(user));
}

#[test]
fn a_map_is_asked_with_the_lower_case_form() {
    let map = HashMap::from([(user("Alice"), 1)]);
    assert_eq!(map.get("alice"), Some(&1));
    assert_eq!(map.get(&user("ALICE")), Some(&1));
    assert_eq!(hash(&user("Alice")), hash("alice"));
}

#[test]
fn lengths_at_the_limits_are_names_and_past_them_are_not() {
    assert!(UserName::parse("bob", 3, 12).is_ok());
    assert!(UserName::parse("abcdefghijkl", 3, 12).is_ok());
    assert_eq!(UserName::parse("bo", 3, 12), Err(NameError::TooShort { min: 3, max: 12 }));
    assert_eq!(UserName::parse("abcdefghijklm", 3, 12), Err(NameError::TooLong { min: 3, max: 12 }));
    assert_eq!(UserName::parse("", 0, 12), Err(NameError::Empty { min: 0, max: 12 }));
    assert!(RoomName::parse("ab").is_ok());
    assert!(RoomName::parse(&"a".repeat(32)).is_ok());
    assert_eq!(RoomName::parse("a"), Err(NameError::TooShort { min: 2, max: 32 }));
    assert_eq!(RoomName::parse(&"a".repeat(33)), Err(NameError::TooLong { min: 2, max: 32 }));
}

#[test]
fn a_name_begins_with_a_letter() {
    for raw in ["1abc", "_abc", "-abc", " abc", "é-abc", "\u{301}abc"] {
        assert_eq!(UserName::parse(raw, 3, 12), Err(NameError::BadStart(Alphabet::Ascii)), "{raw}");
        assert_eq!(RoomName::parse(raw), Err(NameError::BadStart(Alphabet::Ascii)), "{raw}");
    }
}

#[test]
fn characters_outside_the_rules_are_named() {
    for (raw, found) in [
        ("al ice", ' '),
        ("al!ce", '!'),
        ("alic\u{435}", '\u{435}'),
        ("al\u{200b}ice", '\u{200b}'),
        ("al\x1b[2J", '\x1b'),
    ] {
        assert_eq!(UserName::parse(raw, 3, 12), Err(NameError::BadCharacter { found }), "{raw:?}");
    }
}

#[test]
fn reserved_words_are_refused_in_any_case_but_only_whole_and_only_to_people() {
    for word in RESERVED {
        assert!(matches!(UserName::parse(word, 3, 12), Err(NameError::Reserved(_))), "{word}");
        assert!(matches!(UserName::parse(&word.to_uppercase(), 3, 12), Err(NameError::Reserved(_))), "{word}");
        assert!(UserName::parse(&format!("{word}x"), 3, 12).is_ok(), "{word}");
        assert!(RoomName::parse(word).is_ok(), "{word}");
    }
}

#[test]
fn refusals_are_plain_sentences() {
    let said = |raw: &str| UserName::parse(raw, 3, 12).expect_err("not a name").to_string();
    let rule = "A name has 3 to 12 characters: a letter, then letters, digits, _ or -.";
    assert_eq!(said("bo"), rule);
    assert_eq!(said("abcdefghijklm"), rule);
    assert_eq!(said(""), rule);
    assert_eq!(said("Admin"), "The name Admin is reserved.");
    assert_eq!(said("1bob"), "A name begins with a letter from A to Z.");
    assert_eq!(said("bob smith"), "A name has no spaces: a letter, then letters, digits, _ or -.");
    assert_eq!(said("bob!"), "A name has no ! in it: a letter, then letters, digits, _ or -.");
    assert_eq!(said("bobé"), "A name has only digits, _, - and the letters A to Z without accents.");
}

#[test]
fn a_stored_name_is_valid_in_every_build() {
    for raw in ["alice", "Нина", "李明", "Zo\u{eb}", "שלום", "नमस्ते", "\u{130}zmir", "abcdefghijklmnopqrstuvwxyzabcdef"]
    {
        let name = UserName::written(raw).expect("a name");
        assert_eq!((name.as_str(), name.folded()), (raw, &*fold(raw)));
        assert_eq!(RoomName::written(raw).map(|name| name.to_string()).as_deref(), Ok(raw));
    }
    assert_eq!(UserName::written("НИНА"), UserName::written("нина"));
    for raw in
        ["", "1a", "é b", "é\u{202e}b", "é\x1b[2J", "é\nb", "\u{a0}é", "é@b", "é\u{85}", "server", &"李".repeat(17)]
    {
        assert!(UserName::written(raw).is_err(), "{raw:?}");
    }
}

#[cfg(not(feature = "unicode-names"))]
#[test]
fn without_the_feature_a_new_name_is_ascii_whatever_is_asked_for() {
    for raw in ["Нина", "Zoë", "éa"] {
        assert!(UserName::parse_in(raw, 1, 12, Alphabet::Unicode).is_err(), "{raw}");
    }
    assert!(UserName::parse_in("alice", 1, 12, Alphabet::Unicode).is_ok());
}

#[test]
fn a_suggestion_is_the_name_with_the_first_free_number() {
    assert_eq!(suggest(&user("Alice"), 12, |_| true).map(|n| n.to_string()).as_deref(), Some("Alice2"));
    let taken = ["alice2", "alice3"];
    assert_eq!(
        suggest(&user("Alice"), 12, |name| !taken.contains(&name.folded())).map(|n| n.to_string()).as_deref(),
        Some("Alice4")
    );
}

#[test]
fn a_suggestion_is_cut_to_the_longest_length_allowed() {
    let full = user("abcdefghijkl");
    assert_eq!(suggest(&full, 12, |_| true).map(|n| n.to_string()).as_deref(), Some("abcdefghijk2"));
    let one_digit_taken = |name: &UserName| name.folded().len() == 12 && name.folded().as_bytes()[10].is_ascii_digit();
    assert_eq!(suggest(&full, 12, one_digit_taken).map(|n| n.to_string()).as_deref(), Some("abcdefghij10"));
    // The name itself would come out again.
    assert_eq!(suggest(&user("bob2"), 4, |_| true).map(|n| n.to_string()).as_deref(), Some("bob3"));
}

#[test]
fn looking_for_a_suggestion_ends_when_all_are_taken() {
    let asked = std::cell::Cell::new(0);
    let nothing_free = |_: &UserName| {
        asked.set(asked.get() + 1);
        false
    };
    assert!(suggest(&user("alice"), 12, nothing_free).is_none());
    assert_eq!(asked.get(), 98);
    assert!(suggest(&user("alice"), 1, |_| true).is_none());
    assert!(suggest(&user("alice"), 0, |_| true).is_none());
}

#[test]
fn distances_count_inserted_deleted_replaced_and_swapped_characters() {
    for (a, b, distance) in [
        ("", "", 0),
        ("join", "JOIN", 0),
        ("join", "jion", 1),
        ("join", "joim", 1),
        ("join", "joi", 1),
        ("join", "joinn", 1),
        ("rooms", "romos", 1),
        ("general", "genral", 1),
        ("kitten", "sitting", 3),
        // Optimal string alignment: the swapped pair is not edited again.
        ("ca", "abc", 3),
        ("chat", "quit", 3),
        ("naïve", "naive", 1),
        ("КУХНА", "кухня", 1),
    ] {
        assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        assert_eq!(edit_distance(b, a), distance, "{b} {a}");
    }
}

#[test]
fn very_different_lengths_and_very_long_words_are_never_near() {
    assert_eq!(edit_distance("abcd", "abcdefg"), 3);
    assert_eq!(edit_distance("abc", "abcdefg"), usize::MAX);
    let (longest, over) = ("x".repeat(64), "x".repeat(65));
    assert_eq!(edit_distance(&longest, &longest), 0);
    assert_eq!(edit_distance(&longest, &over), usize::MAX);
    assert_eq!(edit_distance(&over, &over), usize::MAX);
    assert_eq!(nearest_of(&over, &[&over]), None);
}

#[test]
fn short_words_are_forgiven_one_edit_and_longer_ones_two() {
    assert_eq!(nearest_of("jion", &["rooms", "join"]), Some("join"));
    assert_eq!(nearest_of("jnoi", &["join"]), None);
    assert_eq!(nearest_of("hsitroy", &["history"]), Some("history"));
    assert_eq!(nearest_of("hsitryo", &["history"]), None);
    assert_eq!(nearest_of("hxxxory", &["history"]), None);
    assert_eq!(nearest_of("GENRAL", &["general"]), Some("general"));
}

#[test]
fn of_several_near_words_the_nearest_and_then_the_first_is_taken() {
    assert_eq!(nearest_of("rooms", &["roomy", "rooms"]), Some("rooms"));
    assert_eq!(nearest_of("lisa", &["list", "lira", "lisp"]), Some("list"));
}

#[test]
fn a_word_that_shares_nothing_is_not_near_however_short() {
    assert_eq!(nearest_of("x", &["q"]), None);
    assert_eq!(nearest_of("", &["q"]), None);
    assert_eq!(nearest_of("x", &["é"]), None);
    assert_eq!(nearest_of("qq", &["q"]), Some("q"));
}

/// The textbook recursion, to compare the table with.
fn slow_distance(a: &[u8], b: &[u8]) -> usize {
    let (Some((x, a_rest)), Some((y, b_rest))) = (a.split_last(), b.split_last()) else {
        return a.len().max(b.len());
    };
    let mut best = (slow_distance(a_rest, b) + 1).min(slow_distance(a, b_rest) + 1);
    best = best.min(slow_distance(a_rest, b_rest) + usize::from(x != y));
    if let (Some((x2, a_more)), Some((y2, b_more))) = (a_rest.split_last(), b_rest.split_last())
        && (x, x2) == (y2, y)
    {
        best = best.min(slow_distance(a_more, b_more) + 1);
    }
    best
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn a_distance_is_the_one_of_the_textbook(a in "[abc]{0,6}", b in "[abc]{0,6}") {
        let expected = if a.len().abs_diff(b.len()) > 3 { usize::MAX } else { slow_distance(a.as_bytes(), b.as_bytes()) };
        prop_assert_eq!(edit_distance(&a, &b), expected);
    }

    #[test]
    fn any_text_is_a_name_by_the_rules_or_a_printable_refusal(raw in prop_oneof!["[a-zA-Z][a-zA-Z0-9_-]{0,14}", any::<String>(), "\\PC{0,14}"]) {
        let bytes = raw.as_bytes();
        let by_the_rules = (3..=12).contains(&bytes.len())
            && bytes[0].is_ascii_alphabetic()
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
            && !RESERVED.contains(&raw.to_lowercase().as_str());
        match UserName::parse(&raw, 3, 12) {
            Ok(name) => prop_assert!(by_the_rules && name.as_str() == raw),
            Err(error) => {
                prop_assert!(!by_the_rules);
                prop_assert!(error.to_string().bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            }
        }
    }

    #[test]
    fn a_suggestion_is_always_a_name_within_the_limits(raw in "[a-zA-Z][a-zA-Z0-9_-]{2,11}", max in 0_usize..14) {
        if let Ok(taken) = UserName::parse(&raw, 3, 12)
            && let Some(free) = suggest(&taken, max, |_| true)
        {
            prop_assert!(free != taken && free.as_str().len() <= max);
            prop_assert!(UserName::parse(free.as_str(), 1, max).is_ok());
        }
    }
}
