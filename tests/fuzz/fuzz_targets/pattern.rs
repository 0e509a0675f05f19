#![no_main]

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| chatsock_fuzz::pattern(input.0, input.1));
