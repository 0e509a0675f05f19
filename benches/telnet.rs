//! The cost of telnet per byte read: `cargo bench --bench telnet`.

use chatsock::protocol::telnet::{Link, LinkEvent, Policy};
use divan::{Bencher, black_box, counter::BytesCount};

fn main() {
    divan::main();
}

/// Bytes per read.
const READ: usize = 4096;

/// Reads everything; returns how many of the bytes were typed.
fn read(link: &mut Link, mut input: &[u8], out: &mut Vec<u8>) -> usize {
    out.clear();
    let mut typed = 0;
    while let Some(event) = link.next(&mut input, out) {
        if let LinkEvent::Data(bytes) = event {
            typed += bytes.len();
        }
    }
    typed
}

fn bench(bencher: Bencher, input: &[u8]) {
    let mut link = Link::new(Policy::Auto);
    let mut out = Vec::new();
    bencher.counter(BytesCount::of_slice(input)).bench_local(|| read(&mut link, black_box(input), &mut out));
}

/// `piece` over and over, whole pieces only.
fn filled(piece: &[u8]) -> Vec<u8> {
    piece.repeat(READ / piece.len())
}

/// What most clients send.
#[divan::bench]
fn plain_text(bencher: Bencher) {
    bench(bencher, &filled(b"hello, is anybody here?\r\n"));
}

/// The densest data: every second byte is an event of its own.
#[divan::bench]
fn doubled_iac(bencher: Bencher) {
    bench(bencher, &filled(&[255, 255]));
}

/// Commands, refusals repeated, timing marks and window sizes, as an attacker would send them.
#[divan::bench]
fn iac_dense(bencher: Bencher) {
    bench(
        bencher,
        &filled(&[255, 241, 255, 251, 99, 255, 253, 6, 255, 250, 31, 0, 80, 0, 24, 255, 240, 255, 253, 0, 255, 254, 0]),
    );
}

/// A subnegotiation that never ends.
#[divan::bench]
fn unterminated_subnegotiation(bencher: Bencher) {
    let input = vec![b'x'; READ];
    let mut link = Link::new(Policy::Auto);
    let mut out = Vec::new();
    read(&mut link, &[255, 250, 200], &mut out);
    bencher.counter(BytesCount::of_slice(&input)).bench_local(|| read(&mut link, black_box(&input), &mut out));
}

/// The cost of a connection's telnet before its first byte.
#[divan::bench]
fn begin_and_probe(bencher: Bencher) {
    bencher.bench(|| {
        let mut out = Vec::new();
        let mut link = Link::new(Policy::Auto);
        link.open(&mut out);
        (link, out)
    });
}
