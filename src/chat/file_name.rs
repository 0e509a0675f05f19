//! The name of a file that one user offers another: as others see it, and as a shell may see it.
//!
//! The sender picks the name, but the shell is the receiver's. So commands to copy contain only a reduced name, which
//! is plain text to every shell. Everywhere else the name has nothing that moves the cursor or leads to another
//! directory.
//!
//! *Owns* both forms. *Knows nothing of* who offers the file.

use std::fmt;

use crate::text;

/// Longest name that is shown, in bytes. Longer ones are cut before their extension.
const MOST_SHOWN: usize = 80;

/// Longest reduced name, in bytes.
const MOST_REDUCED: usize = 64;

/// Longest extension that survives a cut, in bytes, with its dot: `.tar.gz` does not, `.torrent` does.
const MOST_ENDING: usize = 12;

/// The name of a file if nothing of the typed one is left.
const FALLBACK: &str = "file";

/// Names that Windows takes for devices, whatever extension follows (Microsoft, "Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 8] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "COM", "LPT"];

/// The name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    shown: Box<str>,
    reduced: Box<str>,
}

impl FileName {
    /// Reads a name as typed. Only the part after the last `/` or `\` counts. Every text gives a name, if only `file`.
    pub fn new(typed: &str) -> FileName {
        let last = typed.rsplit(['/', '\\']).next().unwrap_or("");
        let visible: String = text::sanitize(last).chars().filter(|c| !is_invisible(*c)).collect();
        let shown = visible.trim().trim_end_matches(['.', ' ']);
        let shown = avoid_devices(cut(if shown.is_empty() { FALLBACK } else { shown }, MOST_SHOWN));
        let reduced = reduce(&shown);
        FileName { shown: shown.into(), reduced: reduced.into() }
    }

    /// As users see it: without control characters and marks of direction, 80 bytes at most.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// As it stands in a command: letters, digits, `.`, `_` and `-`, 64 at most, and neither `.` nor `-` at the beginning.
    pub fn reduced(&self) -> &str {
        &self.reduced
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Marks that are invisible or change the direction of the text around them. With them, two names could look the same,
/// or `exe.fdp` like `pdf.exe`. In messages most of them stay, because some scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}')
}

fn reduce(shown: &str) -> String {
    let mut reduced = String::new();
    for c in shown.chars() {
        match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => reduced.push(c),
            // A run of other characters becomes one `_`.
            _ if reduced.ends_with('_') => {}
            _ => reduced.push('_'),
        }
    }
    let (stem, ending) = split(&reduced);
    let reduced = if stem.contains(|c: char| c.is_ascii_alphanumeric()) {
        reduced.trim_start_matches(['.', '-']).to_owned()
    } else {
        [FALLBACK, ending].concat()
    };
    let reduced = avoid_devices(cut(&reduced, MOST_REDUCED));
    // A cut may have left a dot at the end, which Windows drops.
    reduced.trim_end_matches('.').to_owned()
}

/// The name before its last dot, and the extension with that dot, which is empty if there is none.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    }
}

/// The name in at most `most` bytes, keeping its extension if that is short.
fn cut(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let (stem, ending) = if ending.len() <= MOST_ENDING { (stem, ending) } else { (name, "") };
    let mut end = (most - ending.len()).min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    [&stem[..end], ending].concat()
}

/// Puts a `_` before a name that would be a device.
fn avoid_devices(name: String) -> String {
    let stem = name.split('.').next().unwrap_or("").trim_end().to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device).map(str::as_bytes);
        matches!(device, "COM" | "LPT") && number.is_some_and(|number| matches!(number, [b'0'..=b'9']))
    };
    let superscript = |device: &str| {
        let number = stem.strip_prefix(device);
        matches!(device, "COM" | "LPT") && number.is_some_and(|number| matches!(number, "¹" | "²" | "³"))
    };
    let is_device = DEVICES.iter().any(|device| {
        (stem == *device && !matches!(*device, "COM" | "LPT")) || numbered(device) || superscript(device)
    });
    if is_device { ["_", &name].concat() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(typed: &str) -> (String, String) {
        let name = FileName::new(typed);
        (name.shown().to_owned(), name.reduced().to_owned())
    }

    fn same(name: &str) -> (String, String) {
        (name.to_owned(), name.to_owned())
    }

    fn differ(shown: &str, reduced: &str) -> (String, String) {
        (shown.to_owned(), reduced.to_owned())
    }

    #[test]
    fn an_ordinary_name_stays_as_it_is() {
        for name in ["report.pdf", "a", "IMG_0001.JPG", "x-y.tar.gz", "2026.csv", "constant.txt", "com.txt", "com10"] {
            assert_eq!(both(name), same(name), "{name}");
        }
    }

    #[test]
    fn only_the_last_part_of_a_path_counts() {
        for typed in ["../x", "/etc/x", "a/b/../x", "C:\\Users\\me\\x", "..\\x", "x"] {
            assert_eq!(both(typed), same("x"), "{typed}");
        }
        for typed in ["", "/", "..", ".", "a/", "\\", "   ", "...", "\u{202e}", "\x1b"] {
            assert_eq!(both(typed), same("file"), "{typed:?}");
        }
    }

    #[test]
    fn nothing_in_a_name_means_anything_to_a_shell() {
        for (typed, shown, reduced) in [
            ("-rf", "-rf", "rf"),
            ("--", "--", "file"),
            (".bashrc", ".bashrc", "bashrc"),
            ("$(id)", "$(id)", "_id_"),
            ("`id`", "`id`", "_id_"),
            ("'; rm -r x; '", "'; rm -r x; '", "_rm_-r_x_"),
            ("a\nb", "ab", "ab"),
            ("my report.pdf", "my report.pdf", "my_report.pdf"),
            ("\"a\"", "\"a\"", "_a_"),
            ("a&b|c>d<e*f?g~h!i%j#k", "a&b|c>d<e*f?g~h!i%j#k", "a_b_c_d_e_f_g_h_i_j_k"),
            ("данные.pdf", "данные.pdf", "file.pdf"),
            ("größe.txt", "größe.txt", "gr_e.txt"),
            ("\x1b]0;owned\x07.txt", "]0;owned.txt", "_0_owned.txt"),
            ("photo\u{202e}gpj.exe", "photogpj.exe", "photogpj.exe"),
            ("a\u{200f}b\u{200b}c", "abc", "abc"),
        ] {
            assert_eq!(both(typed), differ(shown, reduced), "{typed:?}");
        }
    }

    #[test]
    fn no_name_is_a_device_of_windows() {
        for (typed, shown) in [
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("NUL.tar.gz", "_NUL.tar.gz"),
            ("Com1", "_Com1"),
            ("lpt9.x", "_lpt9.x"),
            ("aux .txt", "_aux .txt"),
            ("prn.", "_prn"),
        ] {
            assert_eq!(both(typed).0, shown, "{typed}");
            assert!(both(typed).1.starts_with('_'), "{typed}");
        }
        // A name may become a device once its beginning is removed.
        assert_eq!(both("-con").1, "_con");
        assert_eq!(both(".nul").1, "_nul");
    }

    #[test]
    fn a_long_name_is_cut_before_its_ending() {
        let (shown, reduced) = both(&format!("{}.pdf", "x".repeat(300)));
        assert_eq!((shown.len(), reduced.len()), (80, 64));
        assert!(shown.ends_with("x.pdf") && reduced.ends_with("x.pdf"));
        let (shown, reduced) = both(&"é".repeat(300));
        assert_eq!((shown.len(), reduced.as_str()), (80, "file"));
        let (shown, _) = both(&format!("{}.{}", "x".repeat(10), "y".repeat(300)));
        assert_eq!(shown.len(), 80);
    }

    #[test]
    fn whatever_is_typed_a_reduced_name_is_a_plain_one() {
        proptest::proptest!(crate::proptest_config(), |(typed in "\\PC{0,120}|[-./\\\\a$'\"; ]{0,100}|(?s).{0,100}")| {
            let name = FileName::new(&typed);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            proptest::prop_assert!(name.reduced().chars().all(is_plain));
            proptest::prop_assert!((1..=64).contains(&name.reduced().len()));
            proptest::prop_assert!(!name.reduced().starts_with(['.', '-']));
            proptest::prop_assert!((1..=82).contains(&name.shown().len()));
            proptest::prop_assert!(!name.shown().contains(['/', '\\']) && !name.shown().contains(char::is_control));
        });
    }
}
