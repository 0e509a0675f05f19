//! Allowed crates and licences: the lists in `.deny.toml`, checked without `cargo deny`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

/// Async runtimes and pollers. None is allowed, with one exception.
const RUNTIMES: [&str; 4] = ["async-std", "mio", "smol", "tokio"];

/// The features whose libraries may use `mio`.
const WITH_A_POLLER: [&str; 2] = ["client", "discovery"];

/// A package in the dependency tree.
struct Package {
    name: String,
    licence: String,
    /// Names of the packages that depend on it.
    wrappers: BTreeSet<String>,
}

/// Cargo's metadata for these features on this platform, including what only tests use.
fn metadata(features: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo runs").stdout;
    let version = String::from_utf8(version).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host's name");
    let output = Command::new(&cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", host])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("no list {key}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// All packages that can end up in a build of these features.
fn packages(metadata: &Value) -> Vec<Package> {
    let mut all: BTreeMap<&str, Package> = list(metadata, "packages")
        .iter()
        .map(|package| {
            let (name, licence) = (text(&package["name"]).to_owned(), text(&package["license"]).to_owned());
            (text(&package["id"]), Package { name, licence, wrappers: BTreeSet::new() })
        })
        .collect();
    let mut reached = BTreeSet::from([text(&metadata["resolve"]["root"])]);
    for node in list(&metadata["resolve"], "nodes") {
        let wrapper = all[text(&node["id"])].name.clone();
        for dependency in list(node, "dependencies") {
            reached.insert(text(dependency));
            all.get_mut(text(dependency)).expect("a known package").wrappers.insert(wrapper.clone());
        }
    }
    // The list also has packages that none of these features uses.
    all.into_iter().filter(|(id, _)| reached.contains(id)).map(|(_, package)| package).collect()
}

/// The program's features, each with everything that it switches on, including itself.
fn features(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let root = list(metadata, "packages").iter().find(|package| text(&package["name"]) == "chatsock");
    let table = root.expect("the program itself")["features"].as_object().expect("its features");
    let closure = |feature: &String| {
        let mut on = BTreeSet::new();
        let mut new = vec![feature.as_str()];
        while let Some(feature) = new.pop() {
            if on.insert(feature.to_owned()) {
                new.extend(table.get(feature).and_then(Value::as_array).into_iter().flatten().map(text));
            }
        }
        on
    };
    table.keys().map(|feature| (feature.clone(), closure(feature))).collect()
}

/// Whether an SPDX expression is allowed: one of several alternatives is enough. Older crates write `/` for `OR`.
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
        // An exception makes it a different licence, which is not on the list.
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

/// A crate that is banned, except for the named users of it.
struct Ban {
    name: String,
    wrappers: BTreeSet<String>,
}

/// `[licenses] allow` and `[bans] deny`.
fn lists() -> (Vec<String>, Vec<Ban>) {
    let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".deny.toml")).expect(".deny.toml");
    let table = DeTable::parse(&file).expect("TOML");
    let list = |section: &str, key: &str| {
        let value = table.get_ref().get(section).and_then(|section| section.get_ref().get(key)).expect("the list");
        value.get_ref().as_array().expect("a list").iter().map(|entry| entry.get_ref().clone()).collect::<Vec<_>>()
    };
    let text = |value: &DeValue<'_>| value.as_str().expect("a text").to_owned();
    let allowed = list("licenses", "allow").iter().map(text).collect();
    let banned = list("bans", "deny").into_iter().map(|entry| Ban {
        name: text(entry.get("crate").expect("a crate").get_ref()),
        wrappers: entry
            .get("wrappers")
            .map(|wrappers| wrappers.get_ref().as_array().expect("a list"))
            .map(|wrappers| wrappers.iter().map(|name| text(name.get_ref())).collect())
            .unwrap_or_default(),
    });
    (allowed, banned.collect())
}

/// Whether a ban applies to the package: it has no exception, or another crate uses it too.
fn is_banned(package: &Package, bans: &[Ban]) -> bool {
    bans.iter()
        .any(|ban| ban.name == package.name && (ban.wrappers.is_empty() || !package.wrappers.is_subset(&ban.wrappers)))
}

#[test]
fn every_dependency_has_an_allowed_licence_and_none_is_banned() {
    let (packages, (allowed, banned)) = (packages(&metadata(&["--all-features"])), lists());
    assert!(packages.len() > 50 && !allowed.is_empty());
    let named: BTreeSet<_> = banned.iter().map(|ban| ban.name.as_str()).collect();
    assert!(RUNTIMES.iter().all(|name| named.contains(name)), "{named:?}");
    let wrong: Vec<_> = packages
        .iter()
        .filter(|package| is_banned(package, &banned) || !is_allowed(&package.licence, &allowed))
        .map(|package| format!("{} ({}), needed by {:?}", package.name, package.licence, package.wrappers))
        .collect();
    assert!(wrong.is_empty(), "banned, or of another licence: {wrong:?}");
}

#[test]
fn only_the_client_and_the_discovery_have_a_poller_and_nothing_has_a_runtime() {
    let all = features(&metadata(&["--no-deps"]));
    assert!(WITH_A_POLLER.iter().all(|feature| all.contains_key(*feature)), "{:?}", all.keys());
    for (feature, on) in all {
        let packages = packages(&metadata(&["--no-default-features", "--features", &feature]));
        let found: Vec<_> =
            packages.iter().map(|package| package.name.as_str()).filter(|name| RUNTIMES.contains(name)).collect();
        let may_have: &[&str] = if WITH_A_POLLER.iter().any(|name| on.contains(*name)) { &["mio"] } else { &[] };
        assert!(found.iter().all(|name| may_have.contains(name)), "feature {feature}: {found:?}");
    }
}

#[test]
fn a_ban_with_exceptions_is_for_all_others() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let bans = [
        Ban { name: "mio".to_owned(), wrappers: names(&["crossterm"]) },
        Ban { name: "tokio".to_owned(), wrappers: names(&[]) },
    ];
    for (name, wrappers, expected) in [
        ("mio", &["crossterm"][..], false),
        ("mio", &["crossterm", "chatsock"], true),
        ("tokio", &["crossterm"], true),
        ("libc", &["chatsock"], false),
    ] {
        let package = Package { name: name.to_owned(), licence: String::new(), wrappers: names(wrappers) };
        assert_eq!(is_banned(&package, &bans), expected, "{name}, needed by {wrappers:?}");
    }
}

#[test]
fn one_alternative_licence_is_enough_and_joined_ones_are_all_needed() {
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
