//! What a name looks like: the skeleton of UTS 39, section 4, then in lower case.
//!
//! *Owns* which characters are easily mistaken for others. *Knows nothing of* who has which name.

/// What the characters of ASCII names look like, from `confusables.txt`. Other characters need the feature
/// `unicode-names`; without it they look like nothing else. All other ASCII characters look only like themselves: in
/// that table `vv` is not `w`, and `cl` is not `d`.
const ASCII: [(char, &str); 4] = [('0', "O"), ('1', "l"), ('I', "l"), ('m', "rn")];

/// What a name could be mistaken for. Names that share one of these are hard to tell apart.
///
/// One is for the name as it is shown. If that has capitals, the other is for its lower case form, since to people both
/// are the same name: `aIice` looks like `alice`, and so like `ALICE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    shown: Box<str>,
    folded: Option<Box<str>>,
}

impl Looks {
    /// The looks of a name as it is shown, and in lower case.
    pub(super) fn of(shown: &str, folded: &str) -> Looks {
        let as_shown = skeleton(shown);
        let in_lower_case = if shown == folded { None } else { Some(skeleton(folded)).filter(|key| *key != as_shown) };
        Looks { shown: as_shown, folded: in_lower_case }
    }

    /// Its skeletons, for finding other names that have one of them.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.shown).chain(self.folded.as_deref())
    }

    /// Whether two names are hard to tell apart.
    pub(crate) fn overlap(&self, other: &Looks) -> bool {
        self.keys().any(|key| other.keys().any(|known| known == key))
    }
}

pub(super) fn skeleton(name: &str) -> Box<str> {
    // Lower case character by character, not as a word, in which a final sigma would change.
    let lower = |text: &mut dyn Iterator<Item = char>| text.flat_map(char::to_lowercase).collect::<String>().into();
    #[cfg(feature = "unicode-names")]
    if !name.is_ascii() {
        return lower(&mut unicode_security::skeleton(name));
    }
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        match ASCII.iter().find(|(from, _)| *from == c) {
            Some((_, to)) => out.push_str(to),
            None => out.push(c),
        }
    }
    lower(&mut out.chars())
}

#[cfg(test)]
mod tests {
    use crate::chat::names::UserName;

    fn alike(one: &str, other: &str) -> bool {
        let looks = |name: &str| UserName::parse(name, 1, 32).expect("a name").looks();
        assert_eq!(looks(one).overlap(&looks(other)), looks(other).overlap(&looks(one)));
        looks(one).overlap(&looks(other))
    }

    #[test]
    fn names_that_look_alike_are_found_by_their_skeletons() {
        for (one, other) in [
            ("aIice", "alice"),
            ("a1ice", "alice"),
            ("AIice", "alice"),
            ("aIice", "ALICE"),
            ("AL1CE", "ALICE"),
            ("b0b", "bob"),
            ("bOb", "b0b"),
            ("mario", "rnario"),
            ("Torn", "tom"),
            ("BOB", "bob"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_the_table_does_not_have_stays_two_names() {
        for (one, other) in [
            ("alice", "alicf"),
            ("vvilly", "willy"),
            ("clave", "dave"),
            ("bob", "bob2"),
            ("bob2", "bob3"),
            ("a_b", "a-b"),
            ("bobby", "bob"),
            ("nno", "mo"),
            // Only in capitals: `ian` and `lan` are two people.
            ("AL1CE", "alice"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }
}
