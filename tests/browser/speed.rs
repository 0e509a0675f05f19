//! How fast the page is, by Chromium's own clock. Reported, because it depends on the machine; only what must be there is
//! asserted.

use std::time::Instant;

use serde_json::{Value, json};

use crate::chromium::chromium;
use crate::site::Site;
use crate::visitor::Visitor;

/// Keeps the page's connection where the test can reach it.
const TAP: &str = "{
    const Real = WebSocket;
    window.WebSocket = class extends Real {
        constructor(...parts) {
            super(...parts);
            window.tapped = this;
        }
    };
}";

/// Hands messages to the page as if they had come in one frame, and measures until they have been drawn.
const ADD: &str = "window.add = (from, count) => new Promise(resolve => {
    const message = id => JSON.stringify({ id, action: 'message', sender: `user${id % 7}`, receiver: 'general',
        content: `message ${id}. A line of ordinary length, as people write them in a chat`,
        time: new Date(1.7e12 + id * 20000).toISOString(), private: false, optional: {} });
    const data = Array.from({ length: count }, (_, at) => message(from + at)).join('\\n');
    const start = performance.now();
    tapped.dispatchEvent(new MessageEvent('message', { data }));
    requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now() - start);
        port2.postMessage(0);
    });
})";

fn metric(visitor: &Visitor, name: &str) -> f64 {
    let metrics = visitor.call("Performance.getMetrics", json!({}));
    let found = metrics["metrics"].as_array().and_then(|all| all.iter().find(|metric| metric["name"] == name).cloned());
    found.as_ref().and_then(|metric| metric["value"].as_f64()).expect("the metric")
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

#[test]
fn ten_thousand_messages_are_added_and_more_come() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let page = browser.blank();
    page.before_load(TAP);
    page.go(site.url());
    let alice = Visitor::login_on(page, "alice");
    alice.enter_room("general");
    alice.call("Performance.enable", json!({}));
    alice.evaluate(ADD);
    alice.call("HeapProfiler.collectGarbage", json!({}));
    let before = metric(&alice, "JSHeapUsedSize");
    let parts = ["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"];
    let earlier = parts.map(|part| metric(&alice, part));
    let all = alice.evaluate("add(1000001, 10000)").as_f64().expect("a time");
    let later = parts.map(|part| metric(&alice, part));
    let [script, style, layout] = [0, 1, 2].map(|part| 1000.0 * (later[part] - earlier[part]));
    let there = alice.evaluate("document.querySelectorAll('[role=log] [data-id]').length").as_u64();
    assert!(
        there.is_some_and(|count| (9_900..=10_000).contains(&count)),
        "{there:?} of 10,000; the oldest go in blocks"
    );
    assert!(alice.is_visible("general", "message 1010000."));
    let each: Vec<_> =
        (0..60).map(|at| alice.evaluate(&format!("add({}, 1)", 1_010_001 + at)).as_f64().expect("a time")).collect();
    let each = sorted(each);
    alice.call("HeapProfiler.collectGarbage", json!({}));
    let heap = metric(&alice, "JSHeapUsedSize");
    let in_page = alice.evaluate("document.querySelectorAll('[role=log] [data-id]').length");
    assert!(in_page.as_u64().is_some_and(|count| count <= 10_000), "at most 10,000 stay: {in_page}");
    println!(
        "10,000 messages: {all:.0} ms (script {script:.0}, style {style:.0}, layout {layout:.0}); one more: {:.1} ms at p50, {:.1} ms at p95; heap {:.1} MB, {:.1} MB before",
        each[30],
        each[57],
        heap / 1e6,
        before / 1e6
    );
}

#[test]
fn the_first_message_is_soon_on_the_screen() {
    let Some(browser) = chromium() else { return };
    let site = Site::start();
    let mut bob = site.chat("bob", "general");
    bob.send("are you there yet?");
    bob.settle();
    let page = browser.blank();
    let start = Instant::now();
    page.go(site.url());
    let ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd");
    let alice = Visitor::login_on(page, "alice");
    // From the click to the message.
    alice.evaluate("window.clicked = new Promise(resolve => addEventListener('click', () => { const start = performance.now(); \
        const look = () => document.querySelector('[role=log]')?.textContent.includes('there yet') ? resolve(performance.now() - start) \
        : requestAnimationFrame(look); look(); }, { capture: true, once: true })); 0");
    alice.click("button", "general, *");
    let shown = alice.evaluate("window.clicked");
    alice.see("are you there yet?");
    let number = |value: &Value| value.as_f64().expect("a time");
    println!(
        "the page is there after {:.0} ms, the first message {:.0} ms after the click; with login and clicking {:?}",
        number(&ready),
        number(&shown),
        start.elapsed()
    );
}
