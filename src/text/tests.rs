//! Tests of the whole module: examples first, then what holds for every input.

use std::borrow::Cow;

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

use super::sanitize::{MAX_LOGGED_BYTES, MAX_STACKED};
use super::*;

const FAMILY: &str = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
const FAMILY_WITH_SKIN_TONES: &str = "👨🏽\u{200d}👩🏽\u{200d}👧🏽\u{200d}👦🏽";
const KISS: &str = "👩🏻\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏼";
const FLAG: &str = "🇩🇪";

fn is_borrowed(text: Cow<'_, str>) -> bool {
    matches!(text, Cow::Borrowed(_))
}

/// Whether the character must never leave; written independently of the code under test.
fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || matches!(code, 0x2028 | 0x2029 | 0xfeff)
        || (0x202a..=0x202e).contains(&code)
        || (0x2066..=0x2069).contains(&code)
        || (0xe0000..=0xe007f).contains(&code)
        || (0xfdd0..=0xfdef).contains(&code)
        || matches!(code & 0xffff, 0xfffe | 0xffff)
}

fn longest_run_without_width(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c.width().unwrap_or(0) == 0 { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[test]
fn plain_ascii_is_returned_borrowed() {
    let every: String = (' '..='~').collect();
    assert!(is_borrowed(sanitize(&every)));
    assert_eq!(sanitize(&every), every);
    assert!(is_borrowed(sanitize("")));
    assert!(is_borrowed(sanitize_bytes(b"hello")));
}

#[test]
fn clean_text_in_any_script_stays_as_it_is() {
    for text in [
        "héllo",
        "你好，世界",
        "안녕하세요",
        "नमस्ते क्षत्रिय",
        "שָׁלוֹם",
        "الله\u{200f}",
        "ภาษาไทยน้ำ",
        "ｶﾞ",
        FAMILY,
        FLAG,
        "e\u{301}",
    ] {
        assert!(is_borrowed(sanitize(text)), "{text}");
        assert_eq!(sanitize(text), text);
    }
}

#[test]
fn the_largest_emoji_sequences_stay_whole() {
    for text in [FAMILY_WITH_SKIN_TONES, KISS] {
        assert_eq!(sanitize(text), text);
        assert_eq!(sanitize(&format!("a\t{text}")), format!("a    {text}"));
    }
}

#[test]
fn escape_sequences_lose_what_makes_them_work() {
    assert_eq!(sanitize("\x1b[2Jhi\x1b]0;title\x07"), "[2Jhi]0;title");
    assert_eq!(sanitize("a\u{9b}31mb"), "a31mb");
    assert_eq!(sanitize_bytes(b"a\x9b31mb"), "a\u{fffd}31mb");
}

#[test]
fn line_ends_cannot_forge_a_line() {
    assert_eq!(sanitize("hi\r\n* bob left\u{2028}! no\u{85}x\u{2029}y"), "hi* bob left! noxy");
}

#[test]
fn a_text_of_several_lines_keeps_its_breaks_and_nothing_else() {
    for (raw, clean) in [
        ("", ""),
        ("one", "one"),
        ("one\x1b[2J", "one[2J"),
        ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
        ("\r\r\n\n\rx\r\0", "\n\n\n\nx\n"),
        ("a\tb\n\x1b[1m\u{202e}c\u{2028}\u{85}d\x0b\x0c", "a    b\n[1mcd"),
    ] {
        assert_eq!(sanitize_lines(raw), clean, "{raw:?}");
    }
    for text in ["one", "one\ntwo\n", "\n", "你\n\ne\u{301}"] {
        assert!(is_borrowed(sanitize_lines(text)), "{text:?}");
    }
    // Each line by itself: a mark after a break is not on the character before it.
    let marks = |count| "\u{301}".repeat(count);
    assert_eq!(sanitize_lines(&format!("a{}\n{}", marks(9), marks(9))), format!("a{}\n{}", marks(8), marks(8)));
}

#[test]
fn every_single_forbidden_character_is_dropped_and_no_other() {
    for c in '\0'..=char::MAX {
        let raw = format!("a{c}");
        let clean = sanitize(&raw);
        if c == '\t' {
            assert_eq!(clean, "a    ");
        } else if is_forbidden(c) {
            assert_eq!(clean, "a", "U+{:04X}", u32::from(c));
        } else {
            assert_eq!(clean, raw, "U+{:04X}", u32::from(c));
        }
    }
}

#[test]
fn at_most_eight_marks_pile_up_on_one_base() {
    let marks = |count| "\u{301}".repeat(count);
    assert_eq!(sanitize(&format!("a{}b{}", marks(30), marks(8))), format!("a{}b{}", marks(8), marks(8)));
    assert_eq!(sanitize(&format!("a{}", marks(8))), format!("a{}", marks(8)));
    // A zero-width character between them is not drawn, so it does not begin a new stack.
    assert_eq!(sanitize(&format!("a{}\u{200b}{}", marks(5), marks(5))), format!("a{}\u{200b}{}", marks(5), marks(2)));
}

#[test]
fn a_cluster_without_end_is_cut() {
    let jamo = "\u{1100}".repeat(1000);
    assert_eq!(sanitize(&jamo), "\u{1100}".repeat(MAX_STACKED));
    let tones = format!("👍{}", "🏽".repeat(1000));
    assert_eq!(sanitize(&tones).chars().count(), MAX_STACKED);
    assert_eq!(sanitize(&format!("a{}", "🏽".repeat(1000))).chars().count(), MAX_STACKED);
    // An endless joined emoji is split into several clusters, and so counts against limits.
    let crowd = "👨\u{200d}".repeat(1000);
    assert!(grapheme_count(&crowd) == 1 && grapheme_count(&sanitize(&crowd)) > 50);
    assert_eq!(sanitize(&format!("{jamo} ok")), format!("{} ok", "\u{1100}".repeat(MAX_STACKED)));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    assert_eq!(sanitize_bytes(b"caf\xe9"), "caf\u{fffd}");
    assert_eq!(sanitize_bytes(b"\xe4\xbd"), "\u{fffd}");
    assert_eq!(sanitize_bytes(b"\xff\x1b\xfe"), "\u{fffd}\u{fffd}");
    // An overlong ESC.
    assert!(!sanitize_bytes(b"\xc0\x9b[2J").contains('\x1b'));
}

#[test]
fn a_log_line_is_cleaned_and_bounded() {
    assert_eq!(escape_for_log("bob\r\nINFO forged\x1b[0m"), "bobINFO forged[0m");
    let limit = "x".repeat(MAX_LOGGED_BYTES);
    assert_eq!(escape_for_log(&limit), limit);
    assert_eq!(escape_for_log(&format!("{limit}y")), format!("{limit}..."));
    assert!(escape_for_log(&"\t".repeat(200)).len() <= MAX_LOGGED_BYTES + 3);
    assert!(escape_for_log(&"你".repeat(100)).ends_with("你..."));
}

#[test]
fn widths_go_by_cluster() {
    for (text, columns) in [
        ("", 0),
        ("abc", 3),
        ("héllo", 5),
        ("e\u{301}", 1),
        ("\u{301}", 0),
        ("你好", 4),
        ("안녕", 4),
        ("\u{1112}\u{1161}\u{11ab}", 2),
        ("ｶﾞ", 2),
        (FLAG, 2),
        ("🇩🇪🇫🇷", 4),
        (FAMILY, 2),
        (FAMILY_WITH_SKIN_TONES, 2),
        (KISS, 2),
        ("👍🏽", 2),
        ("❤\u{fe0f}", 2),
        ("a\u{200b}b", 2),
    ] {
        assert_eq!(width(text), columns, "{text}");
    }
}

#[test]
fn counts_go_by_cluster() {
    for (text, count) in [("", 0), ("abc", 3), ("e\u{301}x", 2), ("你好", 2), (FAMILY, 1), ("🇩🇪🇫🇷", 2), (KISS, 1)]
    {
        assert_eq!(grapheme_count(text), count, "{text}");
    }
    assert_eq!(graphemes("ae\u{301}").next_back(), Some("e\u{301}"));
    assert_eq!(grapheme_indices("你e\u{301}").collect::<Vec<_>>(), [(0, "你"), (3, "e\u{301}")]);
}

#[test]
fn truncating_never_halves_a_cluster() {
    assert_eq!(truncate("hello", 3), "hel");
    assert_eq!(truncate("hello", 9), "hello");
    assert_eq!(truncate("你好", 3), "你");
    assert_eq!(truncate("你好", 1), "");
    assert_eq!(truncate(&format!("a{FAMILY}b"), 2), "a");
    assert_eq!(truncate(&format!("a{FAMILY}b"), 3), format!("a{FAMILY}"));
    assert_eq!(truncate("e\u{301}x", 1), "e\u{301}");
    assert_eq!(truncate("abc", 0), "");
}

#[test]
fn lines_break_at_spaces_and_the_spaces_there_are_dropped() {
    assert_eq!(wrap("the quick brown fox", 10, 2), ["the quick", "brown", "fox"]);
    assert_eq!(wrap("the quick brown fox", 10, 0), ["the quick", "brown fox"]);
    assert_eq!(wrap("ab    cd", 4, 0), ["ab", "cd"]);
    assert_eq!(wrap("ab  cd", 6, 0), ["ab  cd"]);
}

#[test]
fn a_row_may_be_exactly_as_wide_as_the_terminal() {
    assert_eq!(wrap("12345 67890", 11, 0), ["12345 67890"]);
    assert_eq!(wrap("12345 67890", 10, 0), ["12345", "67890"]);
    assert_eq!(wrap("12345 67890", 5, 0), ["12345", "67890"]);
}

#[test]
fn a_word_longer_than_a_row_fills_the_row_it_begins_in() {
    assert_eq!(wrap("x 1234567890", 6, 2), ["x 1234", "5678", "90"]);
    assert_eq!(wrap("abcde 1234567890", 6, 2), ["abcde", "1234", "5678", "90"]);
    assert_eq!(wrap("x 你好世界们", 7, 0), ["x 你好", "世界们"]);
}

#[test]
fn a_cluster_wider_than_the_terminal_gets_a_row_of_its_own() {
    assert_eq!(wrap("a你b", 1, 0), ["a", "你", "b"]);
    assert_eq!(wrap("你好", 0, 5), ["你", "好"]);
}

#[test]
fn there_is_always_a_row() {
    assert_eq!(wrap("", 80, 4), [""]);
    assert_eq!(wrap("     ", 3, 0), [""]);
    assert_eq!(wrap("hi  ", 80, 4), ["hi  "]);
    assert_eq!(wrap("hi  ", 3, 0), ["hi"]);
}

#[test]
fn spaces_in_front_of_a_line_never_let_its_text_begin_the_first_row() {
    assert_eq!(wrap("  hi", 80, 4), ["  hi"]);
    assert_eq!(wrap("     hello", 6, 1), ["", "hello"]);
}

#[test]
fn rows_after_a_break_are_as_narrow_as_those_after_a_wrap() {
    assert_eq!(wrap_lines("the quick brown fox", 10, 2), wrap("the quick brown fox", 10, 2));
    assert_eq!(wrap_lines("12345 67890\n1234 678", 10, 2), ["12345", "67890", "1234 678"]);
    assert_eq!(wrap_lines("1234567890\n1234567890", 10, 2), ["1234567890", "12345678", "90"]);
    assert_eq!(wrap_lines("a\n\n    b\n", 10, 2), ["a", "", "    b", ""]);
    assert_eq!(wrap_lines("", 80, 4), [""]);
    assert_eq!(wrap_lines("a b\n你好", 0, 5), ["a", "b", "你", "好"]);
    assert_eq!(wrap_lines("a b\nc d", usize::MAX, 4), ["a b", "c d"]);
}

#[test]
fn in_a_notice_numbers_stay_with_their_units_and_no_short_word_is_left_alone() {
    assert_eq!(wrap_notice("* bob   in den, here 2 s, idle 0 s", 32, 2), ["* bob   in den, here 2 s, idle", "0 s"]);
    assert_eq!(wrap_notice("* here 12 s, idle", 10, 2), ["* here", "12 s,", "idle"]);
    assert_eq!(wrap_notice("* commands start with /.", 22, 2), ["* commands start", "with /."]);
    assert_eq!(wrap_notice("* 5 seconds left", 11, 2), ["* 5 seconds", "left"]);
    assert_eq!(wrap_notice("* 12 others", 9, 2), ["* 12", "others"]);
    // Only if both fit in one row.
    assert_eq!(wrap_notice("commandments x", 12, 2), ["commandments", "x"]);
}

#[test]
fn the_last_column_of_a_table_begins_below_where_little_room_is_left_for_it() {
    let row = "* :rooms         Lists rooms: people";
    assert_eq!(wrap_notice(row, 36, 2), [row]);
    assert_eq!(wrap_notice(row, 30, 2), ["* :rooms", "Lists rooms: people"]);
    assert_eq!(wrap_notice("* games   0/8   For talk of games", 32, 2), ["* games   0/8   For talk of", "games"]);
    assert_eq!(wrap_notice("a  b c\nsome  more of it", 8, 2), ["a  b c", "some", "more", "of it"]);
}

/// Text made of pieces that are hard to segment or measure, or forbidden.
fn hard_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,9}".boxed(),
        3 => Just(" ".to_owned()).boxed(),
        1 => "\\PC".boxed(),
        1 => any::<char>().prop_map(String::from).boxed(),
        6 => prop::sample::select(vec![
            "你", "안", "\u{1100}", "\u{1161}", "\u{11a8}", "\u{301}", "\u{200d}", "\u{fe0f}", "\u{200b}", "👨", "🏽", "🇩", "❤", FAMILY,
            "\u{600}", "\u{8e2}", "क", "\u{94d}", "ष", "\u{93e}", "\u{e33}", "ｶ", "\u{ff9e}", "\u{20e3}", "لا", "\u{2d7f}", "\u{2d31}",
            "\u{e0041}", "\u{202e}", "\u{ad}", "\r\n", "\t", "\x1b[", "©", "\u{16d63}", "\u{16d67}", "\u{2018}", "\u{fe01}",
        ])
        .prop_map(str::to_owned)
        .boxed(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_sanitised(clean: &str) {
    assert!(clean.bytes().all(|byte| byte >= 0x20), "{clean:?}");
    assert!(!clean.chars().any(is_forbidden), "{clean:?}");
    assert!(longest_run_without_width(clean) <= MAX_STACKED, "{clean:?}");
    for cluster in graphemes(clean) {
        let drawn = cluster.chars().filter(|c| c.width().unwrap_or(0) > 0).count();
        assert!(drawn <= MAX_STACKED && grapheme_width(cluster) <= 2 * MAX_STACKED, "{cluster:?}");
    }
    assert!(is_borrowed(sanitize(clean)), "{clean:?} is changed by sanitising it again");
}

proptest! {
    #![proptest_config(crate::proptest_config())]

    #[test]
    fn sanitised_text_is_safe_for_all_bytes(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        check_sanitised(&sanitize_bytes(&raw));
    }

    #[test]
    fn sanitised_text_is_safe_for_hard_text(raw in hard_text()) {
        let clean = sanitize(&raw);
        check_sanitised(&clean);
        prop_assert_eq!(&clean, &sanitize_bytes(raw.as_bytes()));
        prop_assert!(escape_for_log(&raw).len() <= MAX_LOGGED_BYTES + 3);
    }

    #[test]
    fn sanitising_only_takes_away(raw in hard_text()) {
        let clean = sanitize(&raw);
        let expanded = raw.replace('\t', "    ");
        let mut source = expanded.chars();
        prop_assert!(clean.chars().all(|kept| source.any(|c| c == kept)));
    }

    #[test]
    fn a_truncated_text_fits_and_one_more_cluster_would_not(raw in hard_text(), columns in 0_usize..60) {
        let text = sanitize(&raw);
        let kept = truncate(&text, columns);
        prop_assert!(text.starts_with(kept));
        prop_assert!(width(kept) <= columns);
        if let Some(next) = graphemes(&text[kept.len()..]).next() {
            prop_assert!(width(kept) + grapheme_width(next) > columns);
        }
    }

    #[test]
    fn wrapped_rows_fit_and_lose_nothing_but_spaces(raw in hard_text(), columns in 0_usize..50, indent in 0_usize..9) {
        let text = sanitize(&raw);
        for rows in [wrap(&text, columns, indent), wrap_notice(&text, columns, indent)] {
        let mut rest = text.as_ref();
        for (number, row) in rows.iter().enumerate() {
            let room = if number == 0 { columns } else { columns.saturating_sub(indent) }.max(1);
            // Zero-width marks may follow a cluster that is too wide by itself.
            let drawn = graphemes(row).filter(|cluster| grapheme_width(cluster) > 0).count();
            prop_assert!(width(row) <= room || drawn == 1, "{row:?} in {room}");
            let found = if rest.starts_with(row) { rest } else { rest.trim_start_matches(' ') };
            prop_assert!(found.starts_with(row), "{row:?} does not follow in {rest:?}");
            rest = &found[row.len()..];
        }
        prop_assert!(rest.bytes().all(|byte| byte == b' '), "lost {rest:?}");
        }
    }

    #[test]
    fn lines_are_sanitised_one_by_one(raw in hard_text(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for raw in [raw, String::from_utf8_lossy(&bytes).into_owned()] {
            let clean = sanitize_lines(&raw);
            prop_assert!(clean.bytes().all(|byte| byte >= 0x20 || byte == b'\n'), "{clean:?}");
            clean.split('\n').for_each(check_sanitised);
            prop_assert!(is_borrowed(sanitize_lines(&clean)));
            let breaks = raw.replace("\r\n", "\n").matches(['\n', '\r']).count();
            prop_assert_eq!(clean.matches('\n').count(), breaks);
            if breaks == 0 {
                prop_assert_eq!(clean, sanitize(&raw));
            }
        }
    }

    #[test]
    fn rows_of_several_lines_fit_and_lose_nothing_but_spaces(
        lines in prop::collection::vec(hard_text(), 1..5),
        columns in 0_usize..50,
        indent in 0_usize..9,
    ) {
        let lines: Vec<String> = lines.iter().map(|line| sanitize(line).into_owned()).collect();
        let text = lines.join("\n");
        for rows in [wrap_lines(&text, columns, indent), wrap_notice(&text, columns, indent)] {
        for (number, row) in rows.iter().enumerate() {
            let room = if number == 0 { columns } else { columns.saturating_sub(indent) }.max(1);
            let drawn = graphemes(row).filter(|cluster| grapheme_width(cluster) > 0).count();
            prop_assert!(!row.contains('\n') && (width(row) <= room || drawn == 1), "{row:?} in {room}");
        }
        let kept = |text: &str| text.replace([' ', '\n'], "");
        prop_assert_eq!(kept(&rows.concat()), kept(&text));
        prop_assert!(rows.len() >= lines.len());
        }
    }

    #[test]
    fn what_fits_is_one_row(raw in hard_text()) {
        let text = sanitize(&raw);
        prop_assert_eq!(wrap(&text, width(&text), 4), vec![text.as_ref()]);
        prop_assert_eq!(wrap_notice(&text, width(&text), 4), vec![text.as_ref()]);
    }

    #[test]
    fn clusters_put_together_again_are_the_text(raw in hard_text()) {
        prop_assert_eq!(graphemes(&raw).collect::<String>(), raw.clone());
        prop_assert_eq!(graphemes(&raw).count(), grapheme_indices(&raw).count());
    }
}
