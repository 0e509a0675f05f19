#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| chatsock_fuzz::config(text));
