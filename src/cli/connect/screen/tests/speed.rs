//! How fast the screen is. Printed, and only looked at in release builds:
//!
//! ```text
//! cargo test --release --features full --lib screen::tests::speed -- --ignored --nocapture
//! ```

use std::time::{Duration, Instant};

use super::stage::TestScreen;

#[test]
#[ignore = "prints figures"]
fn a_key_reaches_the_screen_with_ten_thousand_lines_loaded() {
    let mut stage = TestScreen::in_room(80, 24);
    let begun = Instant::now();
    for number in 0..10_000 {
        stage.say(if number % 7 == 0 { "carol" } else { "bob" }, &format!("line {number} of what was said in general"));
    }
    stage.draw();
    println!("10,000 incoming lines: {:?} (at most 200 ms)", begun.elapsed());
    let timed = |stage: &mut TestScreen, keys: &str| {
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let begun = Instant::now();
            stage.press(keys);
            longest = longest.max(begun.elapsed());
        }
        println!("{keys:?} to screen: {longest:?} at worst (at most 5 ms)");
        longest
    };
    let typed = timed(&mut stage, "a");
    timed(&mut stage, "\x1b[5~");
    stage.press("\x06");
    timed(&mut stage, "line");
    if !cfg!(debug_assertions) {
        assert!(typed < Duration::from_millis(5));
    }
}
