//! chatsock.toml: any text is a configuration, or has mistakes that can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(mistakes) = chatsock::config::parse(text, "chatsock.toml") {
        assert!(!mistakes.to_string().is_empty());
    }
});
