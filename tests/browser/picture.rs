//! The picture of the page in the README.

use serde_json::json;

use crate::chromium::chromium;
use crate::looks::lively;
use crate::page::{Page, Scheme};
use crate::site::Site;

/// Makes a PNG of at most 256 colours out of one of millions, a third of its size: the most frequent colours stay, the
/// others become the nearest of them. The format: https://www.w3.org/TR/png/.
const FEWER_COLOURS: &str = r"async data => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), letter => letter.charCodeAt(0))]));
    const { width, height } = image;
    const canvas = new OffscreenCanvas(width, height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    const parts = colour => [colour & 255, colour >> 8 & 255, colour >> 16 & 255];
    const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 256).map(([colour]) => parts(colour));
    const distance = (one, other) => one.reduce((sum, part, at) => sum + (part - other[at]) ** 2, 0);
    const nearest = new Map([...counts.keys()].map(colour => {
        const distances = palette.map(other => distance(parts(colour), other));
        return [colour, distances.indexOf(Math.min(...distances))];
    }));
    const rows = new Uint8Array((width + 1) * height);
    pixels.forEach((pixel, at) => rows[at + Math.floor(at / width) + 1] = nearest.get(pixel));
    const packed = await new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'))).arrayBuffer();
    const crc = bytes => ~bytes.reduce((crc, byte) => {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
        return crc;
    }, -1);
    const number = value => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
    const chunk = (name, bytes) => {
        const named = [...name].map(letter => letter.charCodeAt(0)).concat([...bytes]);
        return [...number(bytes.length), ...named, ...number(crc(named))];
    };
    const file = [137, 80, 78, 71, 13, 10, 26, 10, ...chunk('IHDR', [...number(width), ...number(height), 8, 3, 0, 0, 0]),
        ...chunk('PLTE', palette.flat()), ...chunk('IDAT', new Uint8Array(packed)), ...chunk('IEND', [])];
    return btoa(file.map(byte => String.fromCharCode(byte)).join(''));
}";

/// The window of a page as a small PNG.
fn picture(page: &Page, blank: &Page) -> Vec<u8> {
    let large = page.call("Page.captureScreenshot", json!({ "format": "png" }));
    let small = blank.evaluate(&format!("({FEWER_COLOURS})({})", large["data"]));
    crate::page::from_base64(small.as_str().expect("a picture"))
}

/// `CHATSOCK_PICTURE=1` makes it again.
#[test]
fn the_picture_in_the_readme_can_be_made_again() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let (alice, _bob) = lively(browser, &site);
    alice.resize(1000, 640);
    alice.prefer(Scheme::Light);
    alice.see("the code is 1234");
    let picture = picture(&alice, &browser.blank());
    assert!(picture.len() <= 60_000, "{} bytes are too many", picture.len());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/page.png");
    if std::env::var_os("CHATSOCK_PICTURE").is_some_and(|value| value == "1") {
        std::fs::write(path, &picture).expect("written");
    }
    let stored = std::fs::read(path).expect("the picture");
    // Fonts and times differ from run to run, so only the size can be compared: bytes 16 to 23 of a PNG.
    assert_eq!(stored[16..24], picture[16..24], "width and height");
}
