//! The documentation is complete and matches the program.

use std::fs;

use chatsock::config;
use chatsock::ui::command::{self, TABLE};

#[test]
fn every_command_and_alias_is_in_the_readme() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    for spec in TABLE {
        let syntax = command::syntax(spec, ':').replace('|', "\\|");
        assert!(readme.contains(&format!("| `{syntax}` |")), "{syntax}");
        for alias in spec.aliases {
            assert!(readme.contains(&format!("`:{alias}`")), ":{alias}");
        }
    }
}

#[test]
fn every_setting_is_in_the_example_file() {
    let example = fs::read_to_string("chatsock.toml.example").expect("chatsock.toml.example");
    for (section, key) in config::keys() {
        let is_there = example.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} =")));
        assert!(is_there, "{section} {key}");
    }
}

#[test]
fn the_readme_gives_its_two_commands_first() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    let start: String = readme.lines().take(15).collect::<Vec<_>>().join("\n");
    assert!(start.contains("cargo run --release") && start.contains("cargo test"));
}

#[test]
fn every_path_in_the_readme_exists() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    let paths: Vec<_> = readme
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with("src/") || code.starts_with("tests/"))
        .collect();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths {
        assert!(fs::exists(path).expect("the current directory"), "{path}");
    }
}

/// Every file in a folder and below.
fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_key_of_json_objects_is_in_the_readme() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("For programs")).expect("the section");
    let mut keys = std::collections::BTreeSet::new();
    for path in sources("src".as_ref()) {
        let source = fs::read_to_string(&path).expect("a source file");
        // Keys in the code, `("key", Value::...`, and flags.
        for part in source.split("(\"").skip(1) {
            let Some((key, rest)) = part.split_once('"') else { continue };
            let is_word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let values = [", Value::", ", text(", ", count(", ", number(", ", whole_seconds("];
            if is_word && values.iter().any(|value| rest.starts_with(value)) {
                keys.insert(key.to_owned());
            }
        }
        keys.extend(source.split("flag(").skip(1).filter_map(|call| {
            let key = call.split_once(", \"")?.1.split('"').next()?;
            call.split_once(')').is_some_and(|(arguments, _)| arguments.contains(key)).then(|| key.to_owned())
        }));
    }
    let options = fs::read_to_string("src/protocol/json/options.rs").expect("the keys of requests");
    let options = options.split("pub struct Options").nth(1).and_then(|rest| rest.split("\n}").next());
    let of_requests = options.expect("the keys").lines().filter_map(|line| line.trim().strip_prefix("pub "));
    keys.extend(of_requests.filter_map(|line| Some(line.split_once(':')?.0.to_owned())));
    assert!(keys.len() > 50, "{keys:?}");
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| ![format!("`{key}`"), format!("\"{key}\"")].iter().any(|way| section.contains(way)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
