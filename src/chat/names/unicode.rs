//! Names in the user's own script.
//!
//! RFC 8265, UsernameCaseMapped: narrow forms for wide ones, the characters of PRECIS' IdentifierClass (RFC 8264),
//! lower case to compare by, Normalization Form C, the Bidi Rule (RFC 5893). UTS 39, section 5.2: Highly Restrictive,
//! so that one name has letters of one script, or Latin with Chinese, Japanese or Korean. As in ASCII, a name is a
//! letter, then letters, digits, `_` and `-`, so it has none of the punctuation that PRECIS allows.
//!
//! PRECIS is based on Unicode 6.3 of 2013, so newer letters cannot be part of a name.
//!
//! *Owns* which texts that are not ASCII are names. *Knows nothing of* who has one.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_bidi::BidiClass;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

use super::{Alphabet, NameError, fold, is_name_character};
use crate::text;

/// Most characters per column of a name. Indian and Thai letters carry up to three marks that take no column. Without a
/// bound, a name of 32 columns could be as long as a line.
const CHARACTERS_PER_COLUMN: usize = 4;

/// Reads a name. Returns the form that is shown, and the form that is compared.
pub(super) fn read(raw: &str, min: usize, max: usize) -> Result<(String, String), NameError> {
    let most = max * CHARACTERS_PER_COLUMN;
    if raw.chars().take(most + 1).count() > most {
        return Err(NameError::TooWide { min, max });
    }
    if let Some(found) = raw.chars().find(|c| c.is_ascii() && !is_name_character(*c)) {
        return Err(NameError::BadCharacter { found });
    }
    let narrow = UsernameCaseMapped::prepare(raw).map_err(|_| NameError::OtherCharacter)?;
    let shown: String = narrow.nfc().collect();
    if !shown.starts_with(|first: char| first.is_alphabetic() && !is_combining_mark(first)) {
        return Err(NameError::BadStart(Alphabet::Unicode));
    }
    if !shown.chars().all(|c| is_name_character(c) && c.identifier_allowed()) || *text::sanitize(&shown) != *shown {
        return Err(NameError::OtherCharacter);
    }
    if !(min..=max).contains(&text::width(&shown)) {
        return Err(NameError::TooWide { min, max });
    }
    if !shown.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
        return Err(NameError::MixedScripts);
    }
    if !is_one_way(&shown) {
        return Err(NameError::UnclearDirection);
    }
    let folded = fold(&shown);
    Ok((shown, folded))
}

/// The Bidi Rule (RFC 5893, section 2), which RFC 8265 applies to names with right-to-left characters. We have our own
/// because the one in `precis-profiles` takes the first mark for the end of a name, and so refuses Arabic with vowels.
fn is_one_way(name: &str) -> bool {
    use BidiClass::{AL, AN, BN, CS, EN, ES, ET, NSM, ON, R};
    let classes: Vec<_> = name.chars().map(unicode_bidi::bidi_class).collect();
    let has = |wanted: &[BidiClass]| classes.iter().any(|class| wanted.contains(class));
    if !has(&[R, AL, AN]) {
        return true;
    }
    let allowed = [R, AL, AN, EN, ES, CS, ET, ON, BN, NSM];
    let end = classes.iter().rfind(|class| **class != NSM);
    // Its conditions 1 (with 5: a name that begins left to right has none of the above), 2, 3 and 4.
    matches!(classes.first(), Some(R | AL))
        && classes.iter().all(|class| allowed.contains(class))
        && matches!(end, Some(R | AL | EN | AN))
        && !(has(&[EN]) && has(&[AN]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::names::UserName;
    use crate::chat::names::lookalike::skeleton;

    fn read_name(raw: &str) -> Result<UserName, NameError> {
        UserName::parse_in(raw, 3, 12, Alphabet::Unicode)
    }

    #[test]
    fn people_are_named_in_their_own_script() {
        for raw in [
            "Zo\u{eb}",
            "Łódź",
            "Straße",
            "Đặng",
            "Нина",
            "Ѓорѓи",
            "Νίκος",
            "שלום",
            "מיכל2",
            "مُحَمَّد",
            "مرحبا",
            "علی",
            "李明",
            "田中さん",
            "タロー",
            "김철수",
            "สมชาย",
            "प्रिया",
            "नमस्ते",
            "ანა-მარია",
            "李_alice1",
        ] {
            assert_eq!(read_name(raw).as_ref().map(UserName::as_str), Ok(raw), "{raw}");
        }
    }

    #[test]
    fn a_name_has_the_same_letters_however_they_were_encoded() {
        for (raw, shown) in [("Zoe\u{308}", "Zo\u{eb}"), ("Ｚｏë", "Zo\u{eb}"), ("ｱｷﾗ", "アキラ"), ("ZOË", "ZOË")]
        {
            assert_eq!(read_name(raw).as_ref().map(UserName::as_str), Ok(shown), "{raw}");
        }
        let same = |one: &str, other: &str| read_name(one).expect("a name") == read_name(other).expect("a name");
        for (one, other) in [("Zo\u{eb}", "ZOE\u{308}"), ("НИНА", "нина"), ("ΝΊΚΟΣ", "νίκος"), ("ŁÓDŹ", "łódź")]
        {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("Zo\u{eb}", "Zoe"), ("Straße", "Strasse"), ("علی", "علي")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_letter_that_is_longer_in_lower_case_does_not_mix_up_the_two_forms() {
        let name = read_name("İzmir").expect("a name");
        assert_eq!((name.as_str(), name.folded()), ("İzmir", "i\u{307}zmir"));
        assert_eq!(name, read_name("\u{130}ZMIR").expect("a name"));
        assert_eq!(UserName::written(name.as_str()), Ok(name));
    }

    #[test]
    fn a_refused_name_gets_the_reason() {
        use NameError::{BadCharacter, BadStart, MixedScripts, OtherCharacter, TooWide, UnclearDirection};
        let wide = TooWide { min: 3, max: 12 };
        let piled = ["é", &"\u{302}".repeat(20), "bc"].concat();
        for (raw, error) in [
            // A Cyrillic letter among Latin ones, Greek and Latin, Hebrew and Latin, Cyrillic and Chinese.
            ("аlice", MixedScripts),
            ("Ψyche", MixedScripts),
            ("שלaם", MixedScripts),
            ("Нина李", MixedScripts),
            ("李", wide.clone()),
            ("李明李明李明李", wide.clone()),
            ("Zoëabcdefghij", wide.clone()),
            (&piled, OtherCharacter),
            ("é bc", BadCharacter { found: ' ' }),
            ("é@bc", BadCharacter { found: '@' }),
            ("é#12", BadCharacter { found: '#' }),
            ("é\nbc", BadCharacter { found: '\n' }),
            ("1éa", BadStart(Alphabet::Unicode)),
            ("_éa", BadStart(Alphabet::Unicode)),
            ("\u{301}abc", BadStart(Alphabet::Unicode)),
            ("שלום-", UnclearDirection),
            ("שלום_", UnclearDirection),
            // Invisible characters, marks of direction, control characters, emoji, compatibility forms, punctuation.
            ("al\u{200b}ice", OtherCharacter),
            ("é\u{202e}bc", OtherCharacter),
            ("é\u{200f}bc", OtherCharacter),
            ("é\u{200d}bc", OtherCharacter),
            ("é\u{85}bc", OtherCharacter),
            ("é\u{3164}b", OtherCharacter),
            ("é\u{1f600}b", OtherCharacter),
            ("é\u{a0}bc", OtherCharacter),
            ("ﬁnn", OtherCharacter),
            ("Ⅷab", OtherCharacter),
            ("co²", OtherCharacter),
            ("él·la", OtherCharacter),
            ("é\u{2019}bc", OtherCharacter),
            ("é\u{fffd}bc", OtherCharacter),
            // Scripts that hardly anybody writes.
            ("ᚠᚢᚦ", OtherCharacter),
            ("ᏣᎳᎩ", OtherCharacter),
        ] {
            assert_eq!(read_name(raw), Err(error), "{raw:?}");
        }
        assert_eq!(read_name(&"é\u{301}".repeat(2000)), Err(wide));
    }

    #[test]
    fn a_name_is_read_in_one_direction() {
        for (name, is) in [
            ("שלום", true),
            ("שָׁלוֹם", true),
            ("שלו\u{5b9}", true),
            ("שלום-2", true),
            ("מ1٢", false),
            ("1שלום", false),
            ("שלום-", false),
            ("aשלום", false),
            ("שלוםa", false),
            ("alice-", true),
        ] {
            assert_eq!(is_one_way(name), is, "{name}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_reserved_word_is_reserved_too() {
        for raw in ["һеге", "уоц", "ѕуѕтем"] {
            assert_eq!(read_name(raw).is_err(), raw == "һеге", "{raw}");
        }
        assert!(matches!(read_name("һеге"), Err(NameError::Reserved(_))));
    }

    #[test]
    fn names_in_other_scripts_look_like_others() {
        let looks = |raw: &str| read_name(raw).unwrap_or_else(|error| panic!("{raw}: {error}")).looks();
        for (one, other) in [("аӏісе", "alice"), ("АННА", "AHHA"), ("علی", "علي"), ("ρορ", "pop"), ("сор", "c0p")]
        {
            assert!(looks(one).overlap(&looks(other)), "{one} {other}");
        }
        for (one, other) in [("Zoë", "Zoe"), ("Нина", "Ника"), ("李明", "李朋"), ("ひろこ", "ヒロコ")]
        {
            assert!(!looks(one).overlap(&looks(other)), "{one} {other}");
        }
    }

    #[test]
    fn the_small_table_is_the_ascii_part_of_the_large_one() {
        let characters: Vec<_> = ('!'..='~').filter(|c| is_name_character(*c)).map(String::from).collect();
        assert_eq!(characters.len(), 64);
        // No pair of characters looks like a single one: `vv` is not `w`.
        let pairs =
            characters.iter().flat_map(|first| characters.iter().map(move |second| [&**first, second].concat()));
        for name in characters.iter().cloned().chain(pairs) {
            let large: String = unicode_security::skeleton(&name).flat_map(char::to_lowercase).collect();
            assert_eq!(*skeleton(&name), *large, "{name}");
        }
    }
}
