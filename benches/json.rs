//! The cost of reading a request and of writing an object: `cargo bench --bench json --features json`.

use chatsock::protocol::json::{Id, Object, Receiver, Value, parse};
use divan::{Bencher, black_box, counter::BytesCount};
use jiff::Timestamp;

fn main() {
    divan::main();
}

/// A request of 150 bytes, as a bot sends it.
#[divan::bench]
fn parse_150_bytes(bencher: Bencher) {
    let line = br#"{"id":"a17","action":"say","receiver":"general","content":"The quick brown fox jumps over the lazy dog, \"so\" sleeps.","private":false,"optional":{}}"#;
    assert_eq!((line.len(), parse(line).is_ok()), (150, true));
    bencher.counter(BytesCount::of_slice(line)).bench(|| parse(black_box(line)).is_ok());
}

#[divan::bench]
fn write_message(bencher: Bencher) {
    let object = Object {
        id: Id::Number(4711),
        sender: "alice".into(),
        receiver: Receiver::One("general".into()),
        content: "The quick brown fox jumps over the lazy dog, and then it sleeps.".into(),
        optional: vec![("message", Value::Number(4710))],
        ..Object::new("message", Timestamp::UNIX_EPOCH)
    };
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        black_box(&object).write(&mut out);
        out.len()
    });
}
