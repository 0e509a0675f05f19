//! The order of the modules: each names only modules that stand above it in the table of `src/lib.rs`.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, as the table in `src/lib.rs` lists them. Within a layer the order counts too.
fn order() -> Vec<String> {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let table = map.split("| layer | modules |").nth(1).expect("the table of layers");
    let rows = table.lines().take_while(|line| line.starts_with("//! |") || line.is_empty());
    let cells = rows.filter_map(|row| row.split('|').nth(2).map(str::to_owned)).collect::<Vec<_>>().join(",");
    cells.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The source without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

#[test]
fn every_module_names_only_modules_above_it() {
    let order = order();
    assert!(order.len() > 15, "{order:?}");
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| !is_test(path)) {
        let inside = path.strip_prefix("src").expect("below src");
        let module = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let rank = order.iter().position(|known| *known == module);
        let rank = rank.unwrap_or_else(|| panic!("{module} is not in the table of src/lib.rs"));
        let text = code(path);
        for named in text.split("crate::").skip(1) {
            let used: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let Some(used_rank) = order.iter().position(|known| *known == used)
                && used_rank > rank
            {
                wrong.push(format!("{} names {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_of_the_library_is_in_the_table() {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let order = order();
    for line in map.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(order.iter().any(|known| known == module), "{module}");
        }
    }
}

#[test]
fn no_file_has_outgrown_one_owner() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    for path in files.iter().filter(|path| !is_test(path)) {
        let lines = code(path).lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}
