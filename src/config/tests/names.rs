//! The setting `names`, and the names that it governs.

use super::*;

#[test]
fn names_are_ascii_unless_the_file_says_otherwise() {
    assert_eq!(good("").names, Alphabet::Ascii);
    assert_eq!(good("names = \"ascii\"").names, Alphabet::Ascii);
    one("names = \"latin\"", "1: names must be one of \"ascii\", \"unicode\", not the string \"latin\"");
    let ascii = said("[rooms.\"кухня\"]\n");
    assert!(ascii.contains("is not a room name; a name begins with a letter from A to Z"), "{ascii}");
}

#[cfg(not(feature = "unicode-names"))]
#[test]
fn names_in_other_scripts_need_a_build_with_them_and_the_mistake_says_how_to_get_one() {
    let text = "names = \"unicode\"\n[rooms.\"кухня\"]\n";
    one(
        text,
        "1: names = \"unicode\" needs the feature unicode-names, which is not in this build; build with: \
         cargo run --release --features unicode-names",
    );
}

#[cfg(feature = "unicode-names")]
mod in_other_scripts {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse_in(name, Alphabet::Unicode).expect("a name")
    }

    #[test]
    fn rooms_are_named_in_other_scripts_wherever_the_setting_is_at_the_top() {
        let config = good("chatview_max = 5\nnames = \"unicode\"\n[rooms.\"кухня\"]\nlimit = 3\n[rooms.\"厨房\"]\n");
        assert_eq!(config.names, Alphabet::Unicode);
        assert_eq!(config.rooms.keys().collect::<Vec<_>>(), [&room("кухня"), &room("厨房")]);
        assert_eq!(config.rooms[&room("КУХНЯ")].limit, Some(3));
    }

    #[test]
    fn rooms_that_look_alike_are_refused() {
        one("names = \"unicode\"\n[rooms.cop]\n[rooms.\"сор\"]\n", "3: rooms cop and сор look alike; rename one");
        one(
            "names = \"unicode\"\n[rooms.\"Сад\"]\n[rooms.\"сад\"]\n",
            "3: rooms Сад and сад differ only in case; rename one",
        );
        // In ASCII, names that only look alike are allowed.
        good("[rooms.den1]\n[rooms.denl]\n");
    }

    #[test]
    fn a_name_that_is_wrong_in_any_script_gets_the_rule() {
        let text = said("names = \"unicode\"\n[rooms.\"кухниa\"]\n");
        assert!(text.ends_with("is not a room name; a name has letters of one script; Latin letters may be mixed with Chinese, Japanese or Korean"), "{text}");
    }

    #[cfg(feature = "storage")]
    #[test]
    fn operators_are_named_in_other_scripts() {
        let config = good("names = \"unicode\"\noperators = [\"Нина\"]\n[storage]\n");
        assert_eq!(
            config.operators,
            [crate::chat::names::UserName::parse_in("нина", 1, 32, Alphabet::Unicode).expect("a name")]
        );
        let ascii = said("operators = [\"Нина\"]\n[storage]\n");
        assert!(ascii.contains("a name begins with a letter from A to Z"), "{ascii}");
    }
}
