//! The architecture in the table of `src/lib.rs`: the order of the folders, and of the files in each folder.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Longest file, in lines without its unit tests. A longer file has two responsibilities and should be divided.
const LONGEST: usize = 400;

/// A module by its names from the top: `["chat", "names", "error"]`.
type Module = Vec<String>;

/// One folder of the table, with its files lowest first.
struct Row {
    folder: String,
    files: Vec<String>,
}

/// The sources in the form that the rules need.
struct Tree {
    rows: Vec<Row>,
    /// What `lib.rs` declares.
    declared: BTreeSet<String>,
    /// Code without comments and unit tests.
    code: BTreeMap<Module, String>,
    /// The first line of each file.
    openings: BTreeMap<Module, String>,
    /// Lines of each file without its unit tests.
    lengths: BTreeMap<Module, usize>,
    folders: BTreeSet<String>,
    /// Where each re-exported name comes from.
    exports: BTreeMap<(Module, String), Module>,
}

fn names(path: &[&str]) -> Module {
    path.iter().map(|name| (*name).to_owned()).collect()
}

fn in_backticks(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows(map: &str) -> Vec<Row> {
    let lines = map.lines().skip_while(|line| !line.starts_with("//! | folder |")).skip(2);
    let cells = lines.take_while(|line| line.starts_with("//! |")).map(|line| line.split('|').collect::<Vec<_>>());
    cells
        .filter_map(|cells| {
            Some(Row { folder: in_backticks(cells.get(1)?).into_iter().next()?, files: in_backticks(cells.get(3)?) })
        })
        .collect()
}

fn without_unit_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("")
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| line.split("//").next().unwrap_or("").to_owned();
    without_unit_tests(text).lines().map(code).collect::<Vec<_>>().join("\n")
}

fn is_part_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Collects the paths that continue `so_far` in `text`, after its last `::`. Returns the rest of the text.
fn paths_after<'a>(so_far: &Module, text: &'a str, found: &mut Vec<Module>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            let before = rest.len();
            rest = paths_after(so_far, rest, found);
            // `*` and renames: skip to the next part.
            if let Some(end) = rest.find([',', '}']).filter(|_| !rest.starts_with([',', '}'])) {
                rest = &rest[end..];
            }
            if rest.len() == before {
                return rest;
            }
        }
    }
    let end = text.find(|c| !is_part_of_a_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut path = so_far.clone();
    if !name.is_empty() && name != "self" {
        path.push(name.to_owned());
    }
    if let Some(rest) = rest.strip_prefix("::") {
        return paths_after(&path, rest, found);
    }
    found.push(path);
    rest
}

/// All paths in the code of `module` that begin with `crate`, `super` or `self`, as absolute paths.
fn paths(module: &Module, code: &str) -> Vec<Module> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].chars().next_back().is_some_and(|c| is_part_of_a_name(c) || c == ':') {
                continue;
            }
            let mut base = if start == "crate::" { Vec::new() } else { module.clone() };
            let mut rest = &code[at..];
            while let Some(behind) = rest.strip_prefix("super::") {
                base.pop();
                rest = behind;
            }
            rest = rest.strip_prefix("crate::").or_else(|| rest.strip_prefix("self::")).unwrap_or(rest);
            paths_after(&base, rest, &mut found);
        }
    }
    found
}

/// Names that a module exports from elsewhere: `pub use a::{b, c};`.
fn exports(module: &Module, code: &str) -> Vec<(String, Module)> {
    let mut found = Vec::new();
    for part in code.split("pub").skip(1) {
        let part = part.trim_start();
        let part = if part.starts_with('(') { part.split_once(')').map_or("", |(_, rest)| rest) } else { part };
        let Some(statement) = part.trim_start().strip_prefix("use ").and_then(|rest| rest.split(';').next()) else {
            continue;
        };
        let first = statement.split("::").next().unwrap_or("");
        let mut all = Vec::new();
        if ["crate", "super", "self"].contains(&first) {
            all = paths(module, statement);
        } else {
            paths_after(module, statement, &mut all);
        }
        found.extend(all.into_iter().filter_map(|path| Some((path.last()?.clone(), path))));
    }
    found
}

fn shown(module: &[String]) -> String {
    module.join("::")
}

impl Tree {
    /// The tree of files given by their paths below `src`.
    fn new(files: &BTreeMap<String, String>) -> Tree {
        let map = files.get("lib.rs").map_or("", String::as_str);
        let declared =
            map.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
        let mut tree = Tree {
            rows: rows(map),
            declared: declared.map(str::to_owned).collect(),
            code: BTreeMap::new(),
            openings: BTreeMap::new(),
            lengths: BTreeMap::new(),
            folders: BTreeSet::new(),
            exports: BTreeMap::new(),
        };
        for (path, text) in files {
            let mut module = names(&path.trim_end_matches(".rs").split('/').collect::<Vec<_>>());
            if module.iter().any(|name| name == "tests") || path == "lib.rs" || path == "main.rs" {
                continue;
            }
            if module.len() > 1 {
                tree.folders.extend(module.first().cloned());
            }
            module.pop_if(|last| last == "mod");
            tree.code.insert(module.clone(), without_comments(text));
            tree.openings.insert(module.clone(), text.lines().next().unwrap_or("").to_owned());
            tree.lengths.insert(module, without_unit_tests(text).lines().count());
        }
        for (module, code) in &tree.code {
            let found = exports(module, code);
            tree.exports.extend(found.into_iter().map(|(name, path)| ((module.clone(), name), path)));
        }
        tree
    }

    /// The module that defines the item at `path`.
    fn definer(&self, path: &Module) -> Option<Module> {
        let mut path = path.clone();
        // The longest chain of re-exports.
        for _ in 0..8 {
            let known = (1..=path.len()).rev().find(|length| self.code.contains_key(&path[..*length]))?;
            let module = path[..known].to_vec();
            let Some(next) = path.get(known).and_then(|name| self.exports.get(&(module.clone(), name.clone()))) else {
                return Some(module);
            };
            let mut onward = next.clone();
            onward.extend_from_slice(&path[known + 1..]);
            if onward == path {
                return Some(module);
            }
            path = onward;
        }
        None
    }

    /// The modules that each module uses, without its ancestors and descendants.
    fn uses(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let used = |module: &Module, code: &str| {
            let others = paths(module, code).into_iter().filter_map(|path| self.definer(&path));
            others.filter(|other| !module.starts_with(other) && !other.starts_with(module)).collect()
        };
        self.code.iter().map(|(module, code)| (module, used(module, code))).collect()
    }

    fn faults_of_the_table(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for folder in &self.folders {
            if !self.rows.iter().any(|row| row.folder == *folder) {
                faults.push(format!("{folder} has no row in the map's table"));
            }
            if !self.declared.contains(folder) {
                faults.push(format!("{folder} is not declared in lib.rs"));
            }
            let opening = self.openings.get(&names(&[folder]));
            if !opening.is_some_and(|line| line.starts_with("//! ") && line.len() > 20) {
                faults.push(format!("{folder} does not open with a sentence"));
            }
        }
        let alone = self.code.keys().filter(|module| module.len() == 1 && !self.folders.contains(&module[0]));
        faults.extend(alone.map(|module| format!("{} is not a folder", shown(module))));
        for row in &self.rows {
            if !self.folders.contains(&row.folder) {
                faults.push(format!("{} has a row and no folder", row.folder));
            }
            let inside = self.code.keys().filter(|module| module.len() >= 2 && module[0] == row.folder);
            let children: BTreeSet<_> = inside.map(|module| module[1].clone()).collect();
            let listed: BTreeSet<_> = row.files.iter().cloned().collect();
            let missing = children.difference(&listed);
            faults.extend(missing.map(|file| format!("{}::{file} is not in the row of its folder", row.folder)));
            let gone = listed.difference(&children);
            faults.extend(gone.map(|file| format!("{}::{file} is in the map and does not exist", row.folder)));
        }
        faults
    }

    fn faults_of_order(&self) -> Vec<String> {
        let layer = |module: &Module| self.rows.iter().position(|row| row.folder == module[0]);
        let place = |module: &Module| {
            let row = self.rows.iter().find(|row| row.folder == module[0])?;
            row.files.iter().position(|file| Some(file) == module.get(1))
        };
        let mut faults = Vec::new();
        for (module, used) in self.uses() {
            for other in used {
                let (from, to) = (shown(module), shown(&other));
                if layer(&other) > layer(module) {
                    faults.push(format!("{from} uses {to}, a layer above it"));
                } else if layer(&other) == layer(module) && place(module).is_some() && place(&other) > place(module) {
                    faults.push(format!("{from} uses {to}, which comes after it in its folder"));
                }
            }
        }
        faults
    }

    fn faults_of_cycles(&self) -> Vec<String> {
        let uses = self.uses();
        let reaches_itself = |module: &Module| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&Module> = uses.get(module).into_iter().flatten().collect();
            while let Some(other) = next.pop() {
                if seen.insert(other) {
                    next.extend(uses.get(other).into_iter().flatten());
                }
            }
            seen.contains(module)
        };
        let in_a_cycle = uses.keys().filter(|module| reaches_itself(module));
        in_a_cycle.map(|module| format!("{} is part of a cycle of imports", shown(module))).collect()
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.faults_of_the_table();
        faults.extend(self.faults_of_order());
        faults.extend(self.faults_of_cycles());
        let long = self.lengths.iter().filter(|(_, length)| **length > LONGEST);
        faults.extend(long.map(|(module, length)| format!("{} has {length} lines", shown(module))));
        faults
    }
}

fn read(directory: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix("src").expect("below src").to_string_lossy().into_owned();
            files.insert(inside, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn folders_and_files_use_only_those_before_them() {
    let mut files = BTreeMap::new();
    read(Path::new("src"), &mut files);
    let tree = Tree::new(&files);
    assert_eq!(tree.rows.len(), 14, "one row per folder");
    let faults = tree.faults();
    assert!(faults.is_empty(), "{faults:#?}");
}

const MADE_UP_MAP: &str = "\
//! | folder | owns | its files, lowest first |
//! | --- | --- | --- |
//! | `low` | what is low | `first`, `second`, `third` |
//! | `high` | what is high | `only`, `part` |

pub mod low;
pub mod high;
";

const MADE_UP_FILES: [(&str, &str); 10] = [
    ("main.rs", "use crate::high::only::Only;\n"),
    (
        "low/mod.rs",
        "//! What everything else builds on.\n\npub mod first;\nmod second;\npub mod third;\npub use second::Second;\n",
    ),
    ("low/first.rs", "//! First.\n"),
    ("low/second.rs", "//! Second.\nuse super::first::First;\n"),
    ("low/third.rs", "//! Third.\nuse crate::low::{first::First, Second};\n"),
    (
        "high/mod.rs",
        "//! What builds on the rest.\n\npub mod only;\npub mod part;\n\nuse only::Only;\npub struct Own;\n",
    ),
    (
        "high/only.rs",
        "//! Only.\nuse super::Own;\nuse crate::low::{self, third};\n// use crate::high::part;\n#[cfg(test)]\nmod tests {\n    use crate::high::part::Part;\n}\n",
    ),
    ("high/part.rs", "//! Part.\nmod below;\nuse super::only::Only;\n"),
    ("high/part/below.rs", "//! Below.\nuse super::super::only::Only;\n"),
    ("high/part/tests.rs", "use crate::gone::Gone;\n"),
];

/// The faults of the made-up tree with some of its files changed.
fn made_up(changes: &[(&str, &str)]) -> Vec<String> {
    let all = [("lib.rs", MADE_UP_MAP)].into_iter().chain(MADE_UP_FILES).chain(changes.iter().copied());
    Tree::new(&all.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()).faults()
}

#[test]
fn a_made_up_tree_that_keeps_every_rule_has_no_faults() {
    assert_eq!(made_up(&[]), [""; 0]);
}

#[test]
fn a_made_up_tree_that_breaks_one_rule_has_that_fault() {
    let long = format!("//! First.\n{}", "const A: u8 = 0;\n".repeat(LONGEST));
    let gone = MADE_UP_MAP.replace("\n\npub", "\n//! | `gone` | nothing | |\n\npub");
    let lost = MADE_UP_MAP.replace("`third` |", "`third`, `lost` |");
    let behind = "low::first uses low::third, which comes after it in its folder";
    let above = "low::first uses high::only, a layer above it";
    let cases: [(&str, &str, &[&str]); 15] = [
        ("low/first.rs", "use crate::high::only::Only;\n", &[above]),
        ("low/first.rs", "fn f() { crate::high::only::run(); }\n", &[above]),
        (
            "low/first.rs",
            "use crate::{\n    high::{only::Only, part as other},\n};\n",
            &[above, "low::first uses high::part, a layer above it"],
        ),
        ("low/first.rs", "use crate::high::Own;\n", &["low::first uses high, a layer above it"]),
        ("low/first.rs", "use super::third::Third;\n", &[behind]),
        ("low/first.rs", "use super::{third::*, Third};\n", &[behind]),
        // The use of a name that a folder re-exports.
        (
            "low/first.rs",
            "use crate::low::Second;\n",
            &["low::first uses low::second, which comes after it in its folder"],
        ),
        (
            "high/only.rs",
            "use crate::high::part::below::Below;\n",
            &["high::only uses high::part::below, which comes after it in its folder"],
        ),
        ("alone.rs", "//! A file beside the folders.\n", &["alone is not a folder"]),
        (
            "new/mod.rs",
            "//! A folder that nobody has entered.\n",
            &["new has no row in the map's table", "new is not declared in lib.rs"],
        ),
        (
            "low/mod.rs",
            "pub mod first;\nmod second;\npub mod third;\npub use second::Second;\n",
            &["low does not open with a sentence"],
        ),
        ("low/fourth.rs", "//! Fourth.\n", &["low::fourth is not in the row of its folder"]),
        ("lib.rs", &gone, &["gone has a row and no folder"]),
        ("lib.rs", &lost, &["low::lost is in the map and does not exist"]),
        ("low/first.rs", &long, &["low::first has 401 lines"]),
    ];
    for (path, text, expected) in cases {
        let mut faults = made_up(&[(path, text)]);
        // In the made-up tree, a use upwards also closes a cycle.
        faults.retain(|fault| !fault.ends_with("cycle of imports"));
        assert_eq!(faults, expected, "{path}: {text}");
    }
}

#[test]
fn a_made_up_tree_with_a_cycle_inside_one_file_s_folder_has_that_fault() {
    let cycle = [
        ("high/part/below.rs", "use super::beside::Beside;\n"),
        ("high/part/beside.rs", "use super::below::{self, Below};\n"),
    ];
    let expected =
        ["high::part::below", "high::part::beside"].map(|file| format!("{file} is part of a cycle of imports"));
    assert_eq!(made_up(&cycle), expected);
}
