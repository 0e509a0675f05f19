//! What a terminal can do, by its names: TERMINAL-TYPE (RFC 1091), and the MUD Terminal Type Standard (MTTS), which puts
//! capability bits into the third name.
//!
//! *Owns* the names given and what follows from them.
//! *Knows nothing of* how they were asked for.

use crate::text;

/// Longest name stored, in bytes; the names in use are under 40.
const MAX_NAME: usize = 40;

/// MTTS: the client understands the common ANSI colour codes.
const MTTS_ANSI: u32 = 1;
/// MTTS: the client understands most of VT100.
const MTTS_VT100: u32 = 2;
/// MTTS: the client is using a screen reader.
const MTTS_SCREEN_READER: u32 = 64;

/// How the names of terminals with cursor movement begin.
const CAPABLE: &[&str] = &[
    "xterm",
    "vt1",
    "vt2",
    "vt3",
    "vt4",
    "vt5",
    "ansi",
    "linux",
    "screen",
    "tmux",
    "rxvt",
    "konsole",
    "putty",
    "st-",
    "alacritty",
    "kitty",
    "foot",
    "cygwin",
    "eterm",
    "gnome",
    "vte",
    "wezterm",
    "ghostty",
    "iterm",
    "mintty",
    "teraterm",
    "dec-vt",
    "sun",
    "console",
    "nsterm",
    "contour",
    "terminator",
];

/// How the names of DEC's terminals begin, which have no colour.
const COLORLESS: &[&str] = &["vt1", "vt2", "vt3", "vt4", "vt5"];

/// How the names of MUD clients begin. These have their own input line.
const MUD_CLIENTS: &[&str] = &[
    "mudlet",
    "tintin",
    "mushclient",
    "cmud",
    "zmud",
    "mudrammer",
    "blowtorch",
    "kildclient",
    "potato",
    "atlantis",
    "beip",
    "tinyfugue",
    "simplemu",
    "mudmagic",
    "mukluk",
    "duckclient",
    "gmud",
    "lociterm",
    "mudportal",
    "fado",
    "axmud",
];

/// Names of terminals that understand lines only. They count whatever other names come with them.
const PLAIN: &[&str] = &["dumb", "unknown", "network"];

/// What is known of a terminal.
#[derive(Debug, Default)]
pub struct Terminal {
    name: Option<Box<str>>,
    last: Option<Box<str>>,
    mtts: u32,
    capable: bool,
    plain: bool,
    mud_client: bool,
}

impl Terminal {
    /// Takes a name. Returns false if it ends the list: it repeats the last name (RFC 1091), or the first one, as from a
    /// client that starts over, or it is empty.
    pub(super) fn add(&mut self, raw: &[u8]) -> bool {
        let clean = text::sanitize_bytes(raw);
        let mut end = clean.len().min(MAX_NAME);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        let name = clean[..end].trim();
        if name.is_empty() || [&self.last, &self.name].into_iter().any(|known| known.as_deref() == Some(name)) {
            return false;
        }
        self.last = Some(name.into());
        let lower = name.to_ascii_lowercase();
        let starts = |list: &[&str]| list.iter().any(|start| lower.starts_with(start));
        if let Some(bits) = lower.strip_prefix("mtts ") {
            self.mtts |= bits.trim().parse().unwrap_or(0);
        } else {
            self.capable |= starts(CAPABLE);
            self.plain |= PLAIN.contains(&lower.as_str());
            self.mud_client |= starts(MUD_CLIENTS);
            if self.name.is_none() {
                self.name = Some(name.into());
            }
        }
        true
    }

    /// The first name given, sanitised and cut.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether a screen reader speaks the text.
    pub(crate) fn screen_reader(&self) -> bool {
        self.mtts & MTTS_SCREEN_READER != 0
    }

    /// Whether escape sequences (ECMA-48) work.
    pub(crate) fn ansi(&self) -> bool {
        !self.plain && !self.screen_reader() && (self.capable || self.mtts & (MTTS_ANSI | MTTS_VT100) != 0)
    }

    /// Whether the server can edit the line: the terminal has cursor movement and no input line.
    pub fn edits(&self) -> bool {
        self.capable && !self.plain && !self.mud_client && !self.screen_reader()
    }

    /// Whether it shows colour, as every terminal with escape sequences does except the VT100 and its successors.
    pub fn color(&self) -> bool {
        let colorless = |name: &str| {
            let lower = name.to_ascii_lowercase();
            COLORLESS.iter().any(|start| lower.starts_with(start))
        };
        self.ansi() && !self.name().is_some_and(colorless)
    }
}
