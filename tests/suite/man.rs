//! The man pages in `packaging/man` contain what `--help` and `chatsock.toml.example` say.
//!
//! After a change to either, `CHATSOCK_WRITE_MAN=1 cargo test --test suite man::` writes them again.

mod roff;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::machine::file;
use chatsock::cli;
use roff::{code, is_option, prose, term, wrapped};

/// The date of the pages. Change it with the generator.
const DATE: &str = "2026-11-30";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header(name: &str, section: u8, about: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let upper = name.to_uppercase();
    format!(
        ".\\\" Written by a test from what the program says: see tests/suite/man.rs.\n\
         .TH {upper} {section} {DATE} \"chatsock {version}\" \"chatsock manual\"\n.SH NAME\n{name} \\- {about}\n"
    )
}

/// chatsock(1), from the text of `--help`.
fn program_page(help: &str) -> String {
    let mut page = header("chatsock", 1, "a chat server for people who have only a terminal");
    let (usage, rest) = help.split_once("\n\n").expect("usage and more");
    page.push_str(".SH SYNOPSIS\n");
    page.push_str(&synopsis(usage));
    page.push_str(".SH DESCRIPTION\n");
    let mut begun = false;
    let mut commands = false;
    for paragraph in rest.split("\n\n") {
        if paragraph.starts_with("  ") {
            page.push_str(".SH OPTIONS\n");
            options(paragraph, &mut page);
            page.push_str(".SH RUNNING\n");
            begun = false;
            continue;
        }
        let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(status) = text.strip_prefix("Exit status: ") {
            page.push_str(".SH EXIT STATUS\n");
            page.push_str(&prose(status));
            continue;
        }
        if (text.starts_with("`chatsock ") || text.starts_with("Accounts need")) && !commands {
            page.push_str(".SH COMMANDS\n");
            (commands, begun) = (true, false);
        }
        if begun {
            page.push_str(".PP\n");
        }
        begun = true;
        page.push_str(&prose(&text));
    }
    page.push_str(
        ".SH FILES\n.TP\n.I ./chatsock.toml\nThe configuration, where \\fB\\-\\-config\\fR names no other.\n\
         .TP\n.I /etc/chatsock.toml\nThe configuration of the service in the Debian package.\n\
         .TP\n.I /var/lib/chatsock\nThe database and the certificate of that service.\n\
         .SH SEE ALSO\n.BR chatsock.toml (5),\n.BR telnet (1),\n.BR nc (1),\n.BR systemctl (1)\n",
    );
    page
}

/// One row for each way to call the program.
fn synopsis(usage: &str) -> String {
    let text = usage.strip_prefix("Usage:").expect("the usage").split_whitespace().collect::<Vec<_>>().join(" ");
    let calls = text.split("chatsock ").map(str::trim).filter(|call| !call.is_empty());
    calls.map(|call| format!(".B chatsock\n{}", wrapped(term(call).trim_end()))).collect::<Vec<_>>().join(".br\n")
}

/// The table of options.
fn options(table: &str, page: &mut String) {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in table.lines() {
        let text = line.trim_start();
        if line.len() - text.len() == 2 && text.starts_with('-') {
            let (option, about) = text.split_once("  ").expect("an explanation beside each option");
            all.push((option.to_owned(), about.trim().to_owned()));
        } else {
            let (_, about) = all.last_mut().expect("an option first");
            *about = format!("{about} {text}");
        }
    }
    for (option, about) in all {
        page.push_str(&format!(".TP\n{}{}", term(&option), prose(&capitalized(&about))));
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// A part of the example file: an explanation, and the settings below it.
#[derive(Default)]
struct Entry {
    /// Paragraphs; those that are code begin with two blanks.
    about: Vec<String>,
    lines: Vec<String>,
}

/// The comment lines as paragraphs.
fn paragraphs(comment: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut ended = true;
    for line in comment {
        let text = line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line);
        if text.trim().is_empty() {
            ended = true;
        } else if text.starts_with("  ") {
            all.push(text.to_owned());
            ended = true;
        } else {
            match all.last_mut().filter(|_| !ended) {
                Some(last) => *last = format!("{last} {text}"),
                None => all.push(text.to_owned()),
            }
            ended = false;
        }
    }
    all
}

/// Splits the example file at its empty lines.
fn entries(example: &str) -> Vec<Entry> {
    let parts = example.split("\n\n").map(|part| part.trim_matches('\n'));
    parts.filter(|part| !part.is_empty()).map(entry).collect()
}

fn entry(part: &str) -> Entry {
    let is_comment = |line: &str| line == "#" || line.starts_with("# ") || line.starts_with("#   ");
    let lines: Vec<_> = part.lines().collect();
    let comments = lines.iter().take_while(|line| is_comment(line)).count();
    Entry {
        about: paragraphs(&lines[..comments]),
        lines: lines[comments..].iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn write_about(about: &[String], page: &mut String) {
    for (number, paragraph) in about.iter().enumerate() {
        if paragraph.starts_with("  ") {
            page.push_str(&format!(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", code(paragraph.trim_start())));
        } else {
            page.push_str(if number > 0 { ".PP\n" } else { "" });
            page.push_str(&prose(paragraph));
        }
    }
}

/// Like `write_about` below a term, where a new paragraph keeps the indentation.
fn write_explanation(about: &[String], page: &mut String) {
    for (number, paragraph) in about.iter().enumerate() {
        if paragraph.starts_with("  ") {
            page.push_str(&format!(".IP\n.nf\n{}\n.fi\n", code(paragraph.trim_start())));
        } else {
            page.push_str(if number > 0 { ".IP\n" } else { "" });
            page.push_str(&prose(paragraph));
        }
    }
}

/// chatsock.toml(5), from the example file.
fn settings_page(example: &str) -> String {
    let mut page = header("chatsock.toml", 5, "settings of the chatsock server");
    page.push_str(".SH DESCRIPTION\n");
    let mut top = true;
    for Entry { about, lines } in entries(example) {
        let is_header = |line: &str| line.starts_with('[') || line.starts_with("#[");
        match lines.first() {
            None => write_about(&about, &mut page),
            Some(first) if is_header(first) => {
                let name = first.trim_start_matches('#');
                let rest: Vec<_> = lines[1..].iter().map(|line| line.trim_start_matches('#')).collect();
                // A further room with all of its settings is an example.
                if about.is_empty() && !rest.is_empty() {
                    page.push_str(".PP\nFor example:\n.PP\n.RS 4\n.nf\n");
                    for line in std::iter::once(&name).chain(&rest) {
                        page.push_str(&format!("{}\n", code(line)));
                    }
                    page.push_str(".fi\n.RE\n");
                    continue;
                }
                page.push_str(&format!(".SH SECTION {}\n", code(name)));
                write_about(&about, &mut page);
                if !rest.is_empty() {
                    explain(&rest, &[], &mut page);
                }
            }
            Some(_) => {
                if std::mem::take(&mut top) {
                    page.push_str(".SH SETTINGS AT THE TOP\n");
                }
                let settings: Vec<_> = lines.iter().map(|line| line.trim_start_matches('#')).collect();
                explain(&settings, &about, &mut page);
            }
        }
    }
    page.push_str(".SH SEE ALSO\n.BR chatsock (1)\n");
    page
}

/// Settings with one explanation.
fn explain(settings: &[&str], about: &[String], page: &mut String) {
    for (number, setting) in settings.iter().enumerate() {
        page.push_str(if number == 0 { ".TP\n" } else { ".TQ\n" });
        // A macro would remove the quotes.
        page.push_str(&format!(".B {}\n", code(setting).replace('"', "\\(dq")));
    }
    write_explanation(about, page);
}

fn pages() -> [(PathBuf, String); 2] {
    let example = fs::read_to_string(top().join("chatsock.toml.example")).expect("the example file");
    let folder = top().join("packaging/man");
    [(folder.join("chatsock.1"), program_page(cli::HELP)), (folder.join("chatsock.toml.5"), settings_page(&example))]
}

#[test]
fn the_pages_say_what_the_program_says() {
    let write = std::env::var_os("CHATSOCK_WRITE_MAN").is_some_and(|value| value == "1");
    for (path, wanted) in pages() {
        if write {
            fs::write(&path, &wanted).expect("written");
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        let line = wanted.lines().zip(there.lines()).position(|(wanted, there)| wanted != there);
        assert!(
            there == wanted,
            "{} differs{}; run CHATSOCK_WRITE_MAN=1 cargo test --test suite man::",
            path.display(),
            line.map_or_else(String::new, |line| format!(" from line {}", line + 1)),
        );
    }
}

#[test]
fn every_option_and_every_setting_is_in_a_page() {
    let [(_, program), (_, settings)] = pages();
    let program = program.replace('\\', "");
    for word in cli::HELP.split(|c: char| c.is_whitespace() || "[]|,;.)`".contains(c)).filter(|word| is_option(word)) {
        assert!(program.contains(word), "{word} is not in chatsock.1");
    }
    for (section, key) in chatsock::config::keys() {
        let shown = settings.contains(&format!("\n.B {key} = "));
        assert!(shown, "{key} of the section {section:?} is not in chatsock.toml.5");
    }
    assert!(settings.contains("\n.B plain = \\(dqanywhere\\(dq\n"), "the quotes of a text are shown");
    for section in ["limits", "tls", "web", "json", "proxy", "files", "storage", "metrics"] {
        assert!(settings.contains(&format!("\n.SH SECTION [{section}]\n")), "{section}");
    }
}

fn have(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        println!("LEFT OUT: {program} is not installed");
    }
    found
}

#[test]
fn groff_and_mandoc_accept_the_pages() {
    let checks: [(&str, &[&str]); 2] =
        [("groff", &["-ww", "-man", "-Tutf8", "-z"]), ("mandoc", &["-T", "lint", "-W", "warning"])];
    for (program, arguments) in checks {
        if !have(program) {
            continue;
        }
        for (path, text) in pages() {
            // A copy: another test may be writing the pages themselves.
            let copy = file(path.file_name().and_then(|name| name.to_str()).expect("a name"), &text);
            let output = Command::new(program).args(arguments).arg(&copy).output().expect("it runs");
            let said = [output.stdout, output.stderr].concat();
            assert!(output.status.success() && said.is_empty(), "{program}: {}", String::from_utf8_lossy(&said));
        }
    }
}
