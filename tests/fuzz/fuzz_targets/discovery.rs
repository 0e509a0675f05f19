#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatsock_fuzz::discovery(data));
