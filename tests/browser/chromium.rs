//! One headless Chromium for all tests of this program.
//!
//! Owns its process and its profile. Knows nothing of what is on a page.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;

use crate::devtools::DevTools;
use crate::page::Page;
use crate::support::programs::have;
use crate::support::scratch;

/// Descriptors 3 and 4 are what `--remote-debugging-pipe` reads and writes, and `std::process` has no more than three.
/// The shell stays to remove the profile, because statics are never dropped.
const LAUNCH: &str = r#""$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null; rm -rf -- "$PROFILE""#;

/// Steady and silent: nothing is looked up or fetched, no timer is slowed down, and every machine shows the same.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
    "--disable-renderer-backgrounding",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--lang=en-GB",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
];

/// The browser.
pub struct Chromium {
    devtools: DevTools,
    /// Never waited for: it ends when this program does, because that closes its pipe.
    _process: Child,
}

/// The browser, started by the test that comes first; nothing, after saying so, where none is installed.
pub fn chromium() -> Option<&'static Chromium> {
    static SHARED: OnceLock<Chromium> = OnceLock::new();
    have(&["chromium", "sh"]).then(|| SHARED.get_or_init(Chromium::start))
}

impl Chromium {
    fn start() -> Chromium {
        let profile = scratch();
        let mut process = Command::new("sh")
            .args(["-c", LAUNCH, "chromium"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .env("PROFILE", &profile)
            .env("HOME", &profile)
            .env("XDG_CONFIG_HOME", &profile)
            .env("XDG_CACHE_HOME", &profile)
            // The times on the page are compared with those of servers, which show UTC in tests.
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let to = process.stdin.take().expect("stdin");
        let from = process.stdout.take().expect("stdout");
        let devtools = DevTools::over(to, from);
        devtools.call(None, "Browser.getVersion", json!({}));
        Chromium { devtools, _process: process }
    }

    /// An empty page that shares nothing with any other.
    pub fn blank(&'static self) -> Page {
        let context = self.devtools.call(None, "Target.createBrowserContext", json!({ "disposeOnDetach": true }));
        Page::new(&self.devtools, context["browserContextId"].as_str().expect("a context"))
    }

    /// A page at an address.
    pub fn open(&'static self, url: &str) -> Page {
        let page = self.blank();
        page.go(url);
        page
    }
}
