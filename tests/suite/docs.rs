//! The documentation keeps up with the program.

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
        let stands = example.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} =")));
        assert!(stands, "{section} {key}");
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
