//! Keys by their names, as DevTools wants them: `Enter`, `Shift+Enter`, `Alt+ArrowUp`, `Ctrl+k`, `?`.

use serde_json::{Value, json};

/// The events of pressing a key and letting it go.
pub fn events(keys: &str) -> [Value; 2] {
    let (modifiers, key) = modifiers(keys);
    let (code, number, text) = describe(key);
    // Held with one of these, a key is a command and enters nothing.
    let text = if modifiers & (ALT | CTRL) == 0 { text } else { String::new() };
    let shifted = if matches!(key, "?") { modifiers | SHIFT } else { modifiers };
    let event = |kind: &str| {
        let mut event = json!({
            "type": kind, "key": key, "code": code, "modifiers": shifted,
            "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
        });
        if kind == "keyDown" {
            event["text"] = text.as_str().into();
        }
        event
    };
    [event(if text.is_empty() { "rawKeyDown" } else { "keyDown" }), event("keyUp")]
}

const ALT: u32 = 1;
const CTRL: u32 = 2;
const SHIFT: u32 = 8;

fn modifiers(mut keys: &str) -> (u32, &str) {
    let mut held = 0;
    for (prefix, bit) in [("Ctrl+", CTRL), ("Alt+", ALT), ("Shift+", SHIFT)] {
        if let Some(rest) = keys.strip_prefix(prefix) {
            (held, keys) = (held | bit, rest);
        }
    }
    (held, keys)
}

/// The place on the keyboard, the number that Windows has for it, and what it enters.
fn describe(key: &str) -> (String, u32, String) {
    let named = |number: u32, text: &str| (key.to_owned(), number, text.to_owned());
    match key {
        "Backspace" => named(8, ""),
        "Tab" => named(9, ""),
        "Enter" => named(13, "\r"),
        "Escape" => named(27, ""),
        "PageUp" => named(33, ""),
        "PageDown" => named(34, ""),
        "End" => named(35, ""),
        "Home" => named(36, ""),
        "ArrowLeft" => named(37, ""),
        "ArrowUp" => named(38, ""),
        "ArrowRight" => named(39, ""),
        "ArrowDown" => named(40, ""),
        "Delete" => named(46, ""),
        " " => ("Space".to_owned(), 32, " ".to_owned()),
        "?" => ("Slash".to_owned(), 191, "?".to_owned()),
        "/" => ("Slash".to_owned(), 191, "/".to_owned()),
        key => {
            let mut characters = key.chars();
            let (Some(letter), None) = (characters.next(), characters.next()) else { panic!("no key {key:?}") };
            assert!(letter.is_ascii_alphanumeric(), "no key {key:?}");
            let upper = letter.to_ascii_uppercase();
            let place = if letter.is_ascii_digit() { "Digit" } else { "Key" };
            (format!("{place}{upper}"), u32::from(upper), letter.to_string())
        }
    }
}
