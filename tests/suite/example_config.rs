//! `chatsock.toml.example` documents the settings: completely, correctly, and with their defaults.

use std::fs;
use std::path::{Path, PathBuf};

use chatsock::chat::account_policy::AccountPolicy;
use chatsock::chat::room_settings::RoomAccess;
use chatsock::config::{Config, Storage, keys, load, parse};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("chatsock.toml.example")
}

fn text() -> String {
    fs::read_to_string(path()).expect("the example file is beside Cargo.toml")
}

/// The name of the setting on this line, if it sets one. An example that is commented out counts as well.
fn key_on(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    let (key, _) = line.split_once(" = ")?;
    (!key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')).then_some(key)
}

/// The lines of the section with this header; `""` is the top. Example rooms are skipped.
fn section<'a>(text: &'a str, header: &str) -> Vec<&'a str> {
    let mut current = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if bare.starts_with('[') && bare.ends_with(']') {
            current = bare;
        } else if current == header {
            found.push(line);
        }
    }
    found
}

/// The text without the section of this header.
fn without_section(text: &str, header: &str) -> String {
    let mut inside = false;
    let kept = text.lines().filter(|line| {
        if line.starts_with('[') {
            inside = *line == header;
        }
        !inside
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn header(section: &str) -> &'static str {
    match section {
        "" => "",
        "limits" => "[limits]",
        "tls" => "[tls]",
        "web" => "[web]",
        "json" => "[json]",
        "proxy" => "[proxy]",
        "files" => "[files]",
        "discovery" => "[discovery]",
        "metrics" => "[metrics]",
        "cluster" => "[cluster]",
        "rooms.NAME" => "[rooms.general]",
        "storage" => "[storage]",
        other => panic!("the test does not know the section {other}"),
    }
}

#[test]
fn the_unchanged_example_equals_the_defaults() {
    let config = load(&path()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(config, Config::default());
}

#[test]
fn every_key_is_in_its_section_with_a_value_and_an_explanation() {
    let text = text();
    for (name, key) in keys() {
        let lines = section(&text, header(name));
        let at = lines
            .iter()
            .position(|line| key_on(line) == Some(key))
            .unwrap_or_else(|| panic!("{key} is missing from section {name:?}"));
        // Two settings may share the explanation above the first.
        let above = lines[..at].iter().rev().find(|line| key_on(line).is_none());
        assert!(above.is_some_and(|line| line.starts_with("# ")), "{key} has no explanation above it");
    }
}

#[test]
fn the_example_sets_no_key_that_does_not_exist() {
    let text = text();
    for line in text.lines() {
        if let Some(key) = key_on(line) {
            assert!(keys().any(|(_, known)| known == key), "{line}");
        }
    }
}

#[test]
fn every_commented_out_example_works() {
    let switched_on: Vec<String> = {
        let text = text();
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            match line.strip_prefix('#') {
                Some(example) if example.starts_with('[') || key_on(line).is_some() => {
                    lines.push(example.to_owned());
                }
                _ => lines.push(line.to_owned()),
            }
        }
        // The default below its example would set the key twice.
        lines.retain(|line| line != "quick_listen = []" && line != "operators = []");
        if !cfg!(feature = "storage") {
            // The section, and the settings that need it.
            let mut inside = false;
            lines.retain(|line| {
                inside = line == "[storage]" || (inside && !line.starts_with('['));
                !inside && !line.starts_with("accounts = ") && !line.starts_with("operators = ")
            });
        }
        lines
    };
    let switched_on = switched_on.join("\n");
    #[cfg(feature = "cluster")]
    {
        let cluster = format!("[cluster]\n{}", section(&switched_on, "[cluster]").join("\n"));
        let config = parse(&cluster, "example").unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(config.cluster.is_some());
    }
    // Parsed alone above, since not every build has the feature.
    let switched_on = without_section(&switched_on, "[cluster]");
    // Each section whose feature is missing is one mistake, and nothing else is.
    let missing = [
        ("tls", cfg!(feature = "tls")),
        ("web", cfg!(feature = "web")),
        ("json", cfg!(feature = "json")),
        ("discovery", cfg!(feature = "discovery")),
        ("metrics", cfg!(feature = "metrics")),
    ];
    let missing: Vec<_> = missing.into_iter().filter(|(_, built)| !built).map(|(name, _)| name).collect();
    if let Err(mistakes) = parse(&switched_on, "example") {
        let said: Vec<_> = mistakes.iter().map(|mistake| mistake.text.clone()).collect();
        let expected = missing.iter().map(|name| format!("[{name}] needs the feature {name}"));
        assert!(said.iter().zip(expected.clone()).all(|(said, expected)| said.starts_with(&expected)), "{said:?}");
        assert_eq!(said.len(), expected.count(), "{said:?}");
    } else {
        assert_eq!(missing, [""; 0], "sections that need a feature that is not there");
    }
    let usable = missing.iter().fold(switched_on, |text, name| without_section(&text, &format!("[{name}]")));
    let config = parse(&usable, "example").unwrap_or_else(|mistakes| panic!("{mistakes}"));
    #[cfg(feature = "web")]
    {
        assert_eq!(config.web.listen, vec!["0.0.0.0:8080".parse().unwrap()]);
        assert!(config.web.hosts.len() == 1 && config.web.origins.len() == 1 && config.web.trusted_proxies.len() == 1);
    }
    #[cfg(feature = "json")]
    assert_eq!(config.json.listen, vec!["0.0.0.0:5557".parse().unwrap()]);
    #[cfg(feature = "discovery")]
    assert!(config.discovery.listen == vec!["0.0.0.0:5555".parse().unwrap()] && !config.discovery.announce);
    #[cfg(feature = "metrics")]
    assert_eq!(config.metrics.listen, "127.0.0.1:9464".parse().ok());
    if cfg!(feature = "tls") {
        assert_eq!(config.tls.listen, vec!["0.0.0.0:5556".parse().unwrap()]);
        assert!(config.tls.certificate.is_some() && config.tls.key.is_some());
    }
    assert!(config.proxy.listen.len() == 1 && config.proxy.trusted.len() == 1);
    assert_eq!(config.quick_listen, vec!["0.0.0.0:2323".parse().unwrap()]);
    let rooms: Vec<_> = config.rooms.values().collect();
    assert_eq!(rooms.len(), 3);
    let staff = rooms.iter().find(|room| !room.public).expect("staff is hidden");
    assert!(matches!(&staff.entry, RoomAccess::Password(secret) if secret.matches("change me")));
    assert_eq!(staff.limit, Some(10));
    if cfg!(feature = "storage") {
        assert_eq!((config.accounts(), config.storage), (AccountPolicy::Optional, Some(Storage::default())));
        assert_eq!(config.operators.len(), 1);
    }
}

#[test]
fn the_lines_fit_a_terminal() {
    for line in text().lines() {
        assert!(line.len() <= 80, "{line}");
    }
}
