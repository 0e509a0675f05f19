//! Which crates may come in, and under which licences: the lists in `.deny.toml`, checked without `cargo deny`.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use toml::de::{DeTable, DeValue};

/// A package of the tree.
struct Package {
    name: String,
    licence: String,
}

/// All packages that can end up in a build for this platform, of all features, with those that only tests use.
fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo runs").stdout;
    let version = String::from_utf8(version).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host's name");
    let output = Command::new(&cargo)
        .args(["metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    // Each package begins with these four fields, in this order.
    let fields = r#"\{"name":"([^"]+)","version":"[^"]+","id":"[^"]+","license":(?:"([^"]+)"|null)"#;
    let fields = Regex::new(fields).expect("a pattern");
    let found = fields.captures_iter(&text).map(|fields| Package {
        name: fields[1].to_owned(),
        licence: fields.get(2).map_or_else(String::new, |licence| licence.as_str().to_owned()),
    });
    let packages: Vec<_> = found.collect();
    assert_eq!(packages.len(), text.matches(r#","manifest_path":""#).count(), "cargo orders its fields differently");
    packages
}

/// Whether an SPDX expression allows what the list allows: of alternatives one is enough. Older crates write `/` for
/// `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let result = any(&mut rest, allowed);
    result && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut result = all(rest, allowed);
    while let ["OR", behind @ ..] = rest {
        *rest = behind;
        result |= all(rest, allowed);
    }
    result
}

fn all(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut result = one(rest, allowed);
    while let ["AND", behind @ ..] = rest {
        *rest = behind;
        result &= one(rest, allowed);
    }
    result
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    match **rest {
        ["(", ref behind @ ..] => {
            *rest = behind;
            let result = any(rest, allowed);
            *rest = rest.get(1..).unwrap_or_default();
            result
        }
        // An exception makes another licence of it, which is not on the list.
        [_, "WITH", _, ref behind @ ..] => {
            *rest = behind;
            false
        }
        [licence, ref behind @ ..] => {
            *rest = behind;
            allowed.iter().any(|allowed| allowed == licence)
        }
        [] => false,
    }
}

/// `[licenses] allow` and the crates of `[bans] deny`.
fn lists() -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".deny.toml")).expect(".deny.toml");
    let table = DeTable::parse(&text).expect("TOML");
    let list = |section: &str, key: &str| {
        let value = table.get_ref().get(section).and_then(|section| section.get_ref().get(key)).expect("the list");
        value.get_ref().as_array().expect("a list").iter().map(|entry| entry.get_ref().clone()).collect::<Vec<_>>()
    };
    let text = |value: &DeValue<'_>| value.as_str().expect("a text").to_owned();
    let allowed = list("licenses", "allow").iter().map(text).collect();
    let banned =
        list("bans", "deny").iter().map(|entry| text(entry.get("crate").expect("a crate").get_ref())).collect();
    (allowed, banned)
}

#[test]
fn every_dependency_has_an_allowed_licence_and_none_is_banned() {
    let (packages, (allowed, banned)) = (packages(), lists());
    assert!(packages.len() > 50 && !allowed.is_empty() && banned.iter().any(|name| name == "tokio"));
    let wrong: Vec<_> = packages
        .iter()
        .filter(|package| banned.contains(&package.name) || !is_allowed(&package.licence, &allowed))
        .map(|package| format!("{} ({})", package.name, package.licence))
        .collect();
    assert!(wrong.is_empty(), "banned, or of another licence: {wrong:?}");
}

#[test]
fn of_alternative_licences_one_is_enough_and_of_joined_ones_all_are_needed() {
    let allowed = ["MIT".to_owned(), "Zlib".to_owned()];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Zlib", true),
        ("(MIT AND GPL-3.0) OR Zlib", true),
        ("MIT WITH an-exception", false),
        ("MIT WITH an-exception OR Zlib", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
