//! Search patterns: any pattern is refused with a sentence, or finds something that is not empty and lies in the text.

#![no_main]

use chatsock::chat::pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (typed, text) = input;
    match pattern::compile(typed) {
        Ok(pattern) => {
            if let Some(found) = pattern.find(text) {
                assert!(text.get(found).is_some_and(|found| !found.is_empty()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
