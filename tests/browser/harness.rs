//! What the other tests rely on: that a page that misbehaves is noticed, and that mouse and keyboard reach it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::axe::{axe, violations};
use crate::chromium::chromium;
use crate::clock;
use crate::page::Scheme;

/// Serves one document to everyone, with some header lines; returns its address.
fn serve(headers: &'static str, document: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            // Chromium's heads are small and come at once.
            let count = stream.read(&mut head).unwrap_or(0);
            let found = if head[..count].starts_with(b"GET / ") { "200 OK" } else { "204 No Content" };
            let length = document.len();
            let head = format!(
                "HTTP/1.1 {found}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
            );
            // The browser may open more connections than it uses.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(document.as_bytes()));
        }
    });
    address
}

#[test]
fn mouse_and_keyboard_reach_the_page() {
    let Some(browser) = chromium() else { return };
    let address = serve(
        "",
        "<!doctype html><html lang=en><meta charset=utf-8><title>Test</title><label>Name <input id=name autocomplete=off></label>
         <button onclick=\"document.title = 'Hello ' + document.querySelector('input').value\">Greet</button>
         <p id=keys></p><script>addEventListener('keydown', event =>
         document.querySelector('#keys').textContent += `<${event.altKey} ${event.key}>`)</script>",
    );
    let page = browser.open(&format!("http://{address}/"));
    page.fill("Name", "José 👩‍👩‍👧");
    assert_eq!(page.value(&page.node("textbox", "Name")), "José 👩‍👩‍👧");
    page.click("button", "Gr*");
    page.wait("document.title === 'Hello José 👩‍👩‍👧'");
    page.press("Alt+ArrowUp");
    page.see("<true ArrowUp>");
    page.press("Shift+Tab");
    page.press("a");
    page.press("?");
    page.press("Tab");
    assert_eq!(page.focused().map(|node| node.name), Some("Greet".to_owned()));
    assert_eq!(page.value(&page.node("textbox", "Name")), "a?");
}

#[test]
#[should_panic(expected = "the page complained")]
fn an_exception_fails_the_test() {
    let Some(browser) = chromium() else { panic!("the page complained: it could not be opened") };
    let address = serve("", "<!doctype html><html lang=en><script>setTimeout(() => missing(), 0)</script>");
    let page = browser.open(&format!("http://{address}/"));
    page.wait_for("the exception", || match page.events("Runtime.exceptionThrown").len() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    });
}

#[test]
#[should_panic(expected = "the page complained")]
fn a_script_that_the_policy_refuses_fails_the_test() {
    let Some(browser) = chromium() else { panic!("the page complained: it could not be opened") };
    let address = serve(
        "Content-Security-Policy: default-src 'none'\r\n",
        "<!doctype html><html lang=en><img alt='' src=x onerror=\"window.ran = true\">",
    );
    let page = browser.open(&format!("http://{address}/"));
    assert_eq!(page.evaluate("!!window.ran"), false);
}

#[test]
fn axe_finds_what_cannot_be_read() {
    let (Some(browser), Some(axe)) = (chromium(), axe()) else { return };
    let address = serve(
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; require-trusted-types-for 'script'; \
         trusted-types 'none'\r\n",
        "<!doctype html><html lang=en><title>Test</title><style>:root { background: #fff; color: #595f66 }
         @media (prefers-color-scheme: dark) { :root { background: #16181b } }</style><main><h1>Can you read this?</h1></main>",
    );
    let page = browser.open(&format!("http://{address}/"));
    page.prefer(Scheme::Light);
    assert_eq!(violations(&page, &axe), Vec::<String>::new());
    page.prefer(Scheme::Dark);
    let found = violations(&page, &axe);
    assert!(found.len() == 1 && found[0].starts_with("color-contrast: h1"), "{found:?}");
}

#[test]
fn a_clock_that_is_made_faster_fires_the_timers_that_were_set_before() {
    let Some(browser) = chromium() else { return };
    let address = serve(
        "",
        "<!doctype html><html lang=en><title>Test</title><script>
         const start = Date.now();
         let ticks = 0, stopped = false;
         setTimeout(() => document.title = `after ${Math.round((Date.now() - start) / 1000)} s`, 60000);
         const dropped = setTimeout(() => stopped = true, 30000);
         clearTimeout(dropped);
         setInterval(() => ticks++, 10000);</script>",
    );
    let page = browser.blank();
    clock::install(&page);
    page.go(&format!("http://{address}/"));
    clock::run(&page, 100);
    page.wait("document.title.startsWith('after ')");
    clock::run(&page, 1);
    // On a busy machine a timer fires late, and a hundred times later on this clock.
    let title = page.evaluate("document.title");
    let seconds =
        title.as_str().and_then(|title| title.strip_prefix("after ")?.strip_suffix(" s")?.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 60), "{title}");
    assert_eq!(page.evaluate("ticks >= 5 && !stopped && new Date(0).getTime() === 0"), true);
}
