//! The look of the screen: frames or lines, Unicode or ASCII, colours or none.
//!
//! Only the sixteen colours that users can set, bold, dim and reverse are used, so that the screen is readable on dark
//! and light terminals.
//!
//! *Owns* glyphs and colours. *Knows nothing of* the layout.

use ratatui::style::{Color, Modifier, Style};

use crate::chat::names::fold;
use crate::cli::ConnectLook;

/// Narrower terminals show lines, unless bubbles are asked for.
pub(super) const BUBBLE_COLUMNS: u16 = 40;

/// The terminal's abilities and the user's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The user's choice.
    pub(crate) shape: ConnectLook,
    /// The locale's characters are UTF-8.
    pub(crate) utf8: bool,
    /// The terminal has few characters besides letters, such as the Linux console: no round corners, for one.
    pub(crate) few_glyphs: bool,
    /// Colours are used.
    pub(crate) color: bool,
}

/// The characters of frames and rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyphs {
    pub(super) top_left: &'static str,
    pub(super) top_right: &'static str,
    pub(super) bottom_left: &'static str,
    pub(super) bottom_right: &'static str,
    pub(super) across: &'static str,
    pub(super) down: &'static str,
    pub(super) ellipsis: &'static str,
    pub(super) quote: &'static str,
    pub(super) separator: &'static str,
    pub(super) more_below: &'static str,
}

const DRAWN: Glyphs = Glyphs {
    top_left: "╭",
    top_right: "╮",
    bottom_left: "╰",
    bottom_right: "╯",
    across: "─",
    down: "│",
    ellipsis: "…",
    quote: "▏",
    separator: " · ",
    more_below: "↓ ",
};

/// What the fonts of the Linux console have, which are made after the first PCs'.
const SQUARE: Glyphs = Glyphs {
    top_left: "┌",
    top_right: "┐",
    bottom_left: "└",
    bottom_right: "┘",
    across: "─",
    down: "│",
    ellipsis: "...",
    quote: "│",
    separator: " · ",
    more_below: "",
};

const ASCII: Glyphs = Glyphs {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    across: "-",
    down: "|",
    ellipsis: "...",
    quote: "|",
    separator: " - ",
    more_below: "",
};

/// Colours of users' names. Yellow is hard to read on white, and blue on black.
const PEOPLE: [Color; 4] = [Color::Green, Color::Cyan, Color::Magenta, Color::Red];

impl Look {
    /// Reads the environment: `LC_ALL`, `LC_CTYPE` and `LANG` in this order, `NO_COLOR` (no-color.org) and `TERM`.
    pub(crate) fn of_environment(shape: ConnectLook, variable: impl Fn(&str) -> Option<String>) -> Look {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let monochrome = set("TERM").is_some_and(|terminal| terminal.starts_with("vt1") || terminal.ends_with("-m"));
        Look {
            shape,
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
            few_glyphs: set("TERM").is_some_and(|terminal| terminal == "linux" || terminal.starts_with("linux-")),
            color: set("NO_COLOR").is_none() && !monochrome,
        }
    }

    /// Whether messages have frames on a terminal of this width.
    pub(super) fn has_bubbles(self, columns: u16) -> bool {
        match self.shape {
            ConnectLook::Fitting => self.utf8 && columns >= BUBBLE_COLUMNS,
            // A frame needs room for a word.
            ConnectLook::Bubbles => columns >= 20,
            ConnectLook::Lines => false,
        }
    }

    pub(super) fn glyphs(self) -> &'static Glyphs {
        match (self.utf8, self.few_glyphs) {
            (true, false) => &DRAWN,
            (true, true) => &SQUARE,
            (false, _) => &ASCII,
        }
    }

    /// Numbers, times and frames, which matter less than texts.
    pub(super) fn muted(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A user's name. The colour depends on the name.
    pub(super) fn person(self, name: &str) -> Style {
        let sum =
            fold(name).bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let place = usize::try_from(sum >> 8).unwrap_or(0) % PEOPLE.len();
        self.colored(PEOPLE.get(place).copied().unwrap_or_default()).add_modifier(Modifier::BOLD)
    }

    /// Errors and refusals.
    pub(super) fn error(self) -> Style {
        self.colored(Color::Red)
    }

    /// Lines of the server.
    pub(super) fn news(self) -> Style {
        self.colored(Color::Cyan)
    }

    /// The frame of the user's own messages.
    pub(super) fn own_frame(self) -> Style {
        self.colored(Color::Cyan).add_modifier(Modifier::DIM)
    }

    /// Mentions and the marker of unread messages.
    pub(super) fn accent(self) -> Style {
        self.colored(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// The user's name in a text, and search hits.
    pub(super) fn marked(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The bars above and below the messages.
    pub(super) fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn colored(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(set: &[(&str, &str)]) -> Look {
        Look::of_environment(ConnectLook::Fitting, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_locale_that_is_set_counts() {
        assert!(look(&[("LANG", "de_DE.UTF-8")]).utf8);
        assert!(look(&[("LANG", "C"), ("LC_ALL", "C.utf8")]).utf8);
        assert!(look(&[("LANG", "C.UTF-8"), ("LC_ALL", "")]).utf8);
        assert!(!look(&[("LANG", "de_DE.UTF-8"), ("LC_CTYPE", "POSIX")]).utf8);
        assert!(!look(&[]).utf8);
    }

    #[test]
    fn the_linux_console_gets_only_characters_that_its_fonts_have() {
        let corner = |term, locale| look(&[("TERM", term), ("LANG", locale)]).glyphs().top_left;
        assert_eq!((corner("linux", "C.UTF-8"), corner("linux-16color", "C.UTF-8")), ("┌", "┌"));
        assert_eq!((corner("xterm", "C.UTF-8"), corner("linux", "C")), ("╭", "+"));
    }

    #[test]
    fn no_color_means_no_color() {
        let look = look(&[("LANG", "C.UTF-8"), ("NO_COLOR", "1")]);
        let styles = [look.muted(), look.person("bob"), look.error(), look.news(), look.accent(), look.marked()];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }

    #[test]
    fn bubbles_are_for_wide_terminals_with_the_characters() {
        let unicode = look(&[("LANG", "C.UTF-8")]);
        assert!(unicode.has_bubbles(40) && !unicode.has_bubbles(39));
        assert!(!look(&[]).has_bubbles(80));
        assert!(Look { shape: ConnectLook::Bubbles, ..look(&[]) }.has_bubbles(30));
        assert!(!Look { shape: ConnectLook::Lines, ..unicode }.has_bubbles(80));
    }
}
