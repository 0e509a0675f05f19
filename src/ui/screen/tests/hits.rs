//! Messages that were found.

use proptest::prelude::*;

use super::*;

/// A hit as it is shown, without the end of its last row.
fn hit(text: &str, found: &str, look: Style) -> String {
    let at = text.find(found).expect("it is there");
    let mut out = Vec::new();
    render_hit(&message(text), "general", at..at + found.len(), look, &mut clock(), &mut out);
    let text = String::from_utf8(out).expect("text");
    text.strip_suffix("\r\n").expect("it ends CR LF").to_owned()
}

#[test]
fn the_hit_is_between_marks_without_colour_and_bold_with_it() {
    for (text, found, plain, colored) in [
        ("at noon", "noon", "at >noon<", "at \x1b[1mnoon\x1b[22m"),
        ("noon", "noon", ">noon<", "\x1b[1mnoon\x1b[22m"),
        ("at noon then", " noon ", "at> noon <then", "at\x1b[1m noon \x1b[22mthen"),
        ("né 你好", "你", "né >你<好", "né \x1b[1m你\x1b[22m好"),
        ("one\ntwo", "two", "one\r\n  >two<", "one\r\n  \x1b[1mtwo\x1b[22m"),
        ("one\ntwo", "one", ">one<\r\n  two", "\x1b[1mone\x1b[22m\r\n  two"),
        ("one\ntwo", "e\nt", "on>e\r\n  t<wo", "on\x1b[1me\x1b[22m\r\n  \x1b[1mt\x1b[22mwo"),
    ] {
        for columns in [None, Some(80)] {
            let start = "[14:02] #12 general bob: ";
            assert_eq!(hit(text, found, look(false, columns)), format!("{start}{plain}"));
            assert_eq!(hit(text, found, look(true, columns)), format!("{start}{colored}"));
        }
    }
}

#[test]
fn a_hit_that_is_wrapped_is_marked_in_every_row_and_nowhere_else() {
    let shown = hit("one two three", "two three", look(true, Some(32)));
    assert_eq!(shown, "[14:02] #12 general bob: one \x1b[1mtwo\x1b[22m\r\n  \x1b[1mthree\x1b[22m");
    let shown = hit("one two three", "two three", look(false, Some(33)));
    assert_eq!(shown, "[14:02] #12 general bob: one >two\r\n  three<");
    let long = "x".repeat(30);
    let shown = hit(&long, &long, look(true, Some(30)));
    let rows: Vec<_> = shown.split("\r\n").collect();
    assert!(rows.len() > 1, "{rows:?}");
    for row in rows {
        assert_eq!((row.matches("\x1b[1m").count(), row.matches("\x1b[22m").count()), (1, 1), "{row:?}");
        assert!(row.ends_with("\x1b[22m"), "{row:?}");
    }
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn any_hit_is_marked_whole_and_no_row_but_the_first_begins_without_the_indent(
        before in "[a-z*é你 \n]{0,60}",
        found in "[a-z*é你 \n]{1,60}",
        after in "[a-z*é你 \n]{0,60}",
        columns in prop::option::of(30_u16..100),
    ) {
        let text = [before.as_str(), &found, &after].concat();
        let at = before.len()..before.len() + found.len();
        let mut clock = clock();
        let mut shown = |look| {
            let mut out = Vec::new();
            render_hit(&message(&text), "general", at.clone(), look, &mut clock, &mut out);
            String::from_utf8(out).expect("text")
        };
        let letters = |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\r' | '\n')).collect::<String>();
        let (plain, colored) = (shown(look(false, columns)), shown(look(true, columns)));
        let marked = format!("[14:02]#12generalbob:{}>{}<{}", letters(&before), letters(&found), letters(&after));
        prop_assert_eq!(letters(&plain), marked);
        let mut bold = String::new();
        for (index, row) in colored.trim_end_matches("\r\n").split("\r\n").enumerate() {
            let bare = row.replace("\x1b[1m", "").replace("\x1b[22m", "");
            prop_assert!(bare.starts_with(if index == 0 { "[14:02] #12 general bob:" } else { "  " }), "{:?}", row);
            for part in row.split("\x1b[1m").skip(1) {
                prop_assert!(part.contains("\x1b[22m"), "{:?}", row);
                bold.push_str(part.split("\x1b[22m").next().unwrap_or(""));
            }
        }
        prop_assert_eq!(letters(&bold), letters(&found));
    }
}
