//! The metrics: each event is counted once, and the listener answers as monitoring systems expect.

mod events;
mod listener;
mod open_metrics;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use open_metrics::Page;

use crate::support::{PATIENCE, Server};

/// The section that enables the listener, on a free port.
pub const ON: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// A server with metrics. `top` has top-level keys, `sections` has further sections.
fn server(top: &str, sections: &str) -> Server {
    Server::with(&format!("{top}\n{ON}{sections}"))
}

/// The answer to a request: its head and its body.
fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    (head.to_owned(), body.to_owned())
}

fn scrape(address: SocketAddr) -> Page {
    let (head, body) = ask(address, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{head}"
    );
    Page::parse(&body)
}

/// The changes of samples since a moment.
struct Watch {
    address: SocketAddr,
    before: Page,
}

impl Watch {
    /// Starts watching. An event seen on a screen is counted a moment later, so this waits until nothing changes any
    /// more.
    fn begin(server: &Server) -> Watch {
        let address = server.listener("metrics");
        let counts = |page: &Page| {
            let samples = page.samples.iter().filter(|(sample, _)| sample.starts_with("chatsock_"));
            samples.map(|(sample, value)| (sample.clone(), *value)).collect::<Vec<_>>()
        };
        let deadline = Instant::now() + PATIENCE;
        let mut before = scrape(address);
        loop {
            std::thread::park_timeout(Duration::from_millis(50));
            let now = scrape(address);
            if counts(&now) == counts(&before) {
                return Watch { address, before };
            }
            assert!(Instant::now() < deadline, "the server does not come to rest");
            before = now;
        }
    }

    /// Waits until each of these samples has changed by exactly this much, and all others of the same families not at
    /// all.
    fn expect(&self, changes: &[(&str, i64)]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = scrape(self.address);
            let wrong = self.differences(&now, changes);
            if wrong.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{}", wrong.join("\n"));
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn differences(&self, now: &Page, changes: &[(&str, i64)]) -> Vec<String> {
        let family = |sample: &str| sample.split('{').next().unwrap_or_default().to_owned();
        let families: Vec<_> = changes.iter().map(|(sample, _)| family(sample)).collect();
        for (sample, _) in changes {
            assert!(now.samples.contains_key(*sample), "there is no {sample}");
        }
        let looked_at = now.samples.iter().filter(|(sample, _)| families.contains(&family(sample)));
        looked_at
            .filter_map(|(sample, value)| {
                let wanted = changes.iter().find(|(known, _)| known == sample).map_or(0, |(_, change)| *change);
                let change = value - self.before.samples.get(sample).copied().unwrap_or(0.0);
                (change != wanted as f64).then(|| format!("{sample} changed by {change}, not by {wanted}"))
            })
            .collect()
    }
}
