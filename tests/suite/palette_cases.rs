//! What users see when they type commands: one situation per file in `tests/data/palette`, played over real sockets.
//!
//! A file begins with a remark that says in one sentence what it shows. Its lines are
//!
//! - `# ...`: a remark;
//! - `config: KEY = VALUE`: a line of the server's configuration, at the beginning; after `config:` alone, every line up
//!   to the next empty one is;
//! - `alice< :join general`: alice types this line. A person mentioned for the first time has logged in on the plain
//!   listener under that name, and that dialogue is not shown;
//! - `alice<< one\ntwo\x04`: alice's side sends these bytes in one packet, with Rust's escapes and no line end;
//! - `alice> * Left general.`: the next line on alice's screen is this one;
//! - `alice| [general]>`: this prompt is on her screen now, and no unexpected line has come;
//! - `alice- end`: her connection is over;
//! - `connect alice`, `quick alice`: she connects to the plain or the quick listener; the greeting has to be expected;
//! - `finish alice`: her side sends no more (a half-close);
//! - `reload: ...`: like `config:`, but during the case: this whole configuration is in force from now on;
//! - `stop`: the server is asked to stop.
//!
//! In an expected line `HH:MM`, `HH:MM:SS`, `YYYY-MM-DD`, `<weekday>` and `<offset>` stand for times, `<span>` for a
//! duration such as `12 min`, `<wait>` for one in words such as `1 hour 59 minutes`, `<n>` for a number, and `...` at
//! the end for any rest. `#{a}` stands for a message's number: any number the first time, the same one afterwards.
//! `{#alice}` stands for `alice#1001`, likewise. Both can be typed: `bob< :reply {a} yes`.
//!
//! **The screen.** The clients are in line mode, where the terminal shows what is typed and the server does not. Each
//! has a screen of one row: CR goes back to its beginning, text overwrites what is there, LF completes it. What a
//! person types is put there, too, as a terminal's own echo would: it ends the row of the prompt, and that row is in
//! the file already, as `alice< ...`, so that it is not expected again. So the file reads as the screen did, and the
//! lines compared are the server's alone. Blanks at the end of a row do not count. The bell is a `^G` after the line it
//! rings for.
//!
//! **Order.** Every line of every person has to be in the file, in that person's order; the order between persons is
//! not compared. After a typed line the case goes on when the prompt is back or the connection is over. At the end
//! everybody asks something with a known answer, and output before it that is in no line of the file is a failure.
//!
//! Cases in `unicode_names` are played if the build has that feature.
//!
//! `CASE=join` plays only the files whose names begin with that. `CHATSOCK_BLESS=1` writes what was seen into the files
//! that fail: inputs, remarks and the lines that still fit stay as they are. Read and judge what it wrote.

mod bless;
mod pattern;
mod person;
mod play;
mod screen;
mod script;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases played at once. They wait for sockets most of the time, so this has little to do with processors.
const AT_ONCE: usize = 8;

/// Plays the text of a case; returns why it failed.
fn run(text: &str) -> Result<(), String> {
    let script = script::parse(text)?;
    caught(|| play::play(&script))
}

/// A panic of the helpers (no connection, a mistake in the configuration) is that case's failure.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

/// Plays a file; if it fails and is to be blessed, rewrites it. Returns what to report.
fn run_file(path: &Path, bless: bool) -> Option<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a case is text");
    let problem = run(&text).err()?;
    if !bless {
        return Some(format!("== {name}: {problem}\n"));
    }
    match script::parse(&text).and_then(|script| caught(|| bless::bless(&script))) {
        Ok(seen) if seen == text => Some(format!("== {name}: fails, and then goes as written: {problem}\n")),
        Ok(seen) => {
            fs::write(path, seen).expect("the case is written");
            eprintln!("{name} was rewritten: read it");
            None
        }
        Err(problem) => Some(format!("== {name} cannot be rewritten: {problem}\n")),
    }
}

#[test]
fn every_case_goes_as_written() {
    play_folder("tests/data/palette");
}

#[cfg(feature = "unicode-names")]
#[test]
fn every_case_with_names_in_other_scripts_goes_as_written() {
    play_folder("tests/data/palette/unicode_names");
}

fn play_folder(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let prefix = std::env::var("CASE").unwrap_or_default();
    let bless = std::env::var_os("CHATSOCK_BLESS").is_some_and(|value| value == "1");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of the cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
        .collect();
    files.sort();
    assert!(!files.is_empty() || !prefix.is_empty(), "no case begins with {prefix:?}");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(told) = run_file(path, bless) {
                        failures.lock().expect("no panic under it").push(told);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no panic under it");
    failures.sort();
    assert!(failures.is_empty(), "{} of {} cases fail\n{}", failures.len(), files.len(), failures.concat());
}

#[test]
fn a_case_that_does_not_go_as_written_fails() {
    for wrong in [
        // A different line, one too many, one that is missing in the file.
        "alice< :close\nalice> ! You are in a room.",
        "alice< :rooms\nalice> * general   0/-\nalice| >\nalice| [general]>",
        "alice< :close",
        // A notice to another user that the case does not expect.
        "alice< :join general\nalice> ...\nalice< :chat\nalice> ...\nbob< :join general\nbob> ...",
        // Numbers that are not the same.
        "alice< :join general\nalice> ...\nalice< :say a\nalice> * Sent to general as #{a}.\nalice< :say b\nalice> * Sent to general as #{a}.",
        // No end, and an end that is not expected.
        "alice< :quit\nalice> * Goodbye.\nbob- end",
        "alice< :quit\nalice> * Goodbye.",
        // Not lines of a case.
        "alice",
        "alice? what",
        "config: nonsense = 1\nalice| >",
        "alice< :reply {a}",
    ] {
        assert!(run_impatiently(wrong).is_err(), "{wrong:?} went through");
    }
}

/// Like [`run`], for cases that must time out.
fn run_impatiently(text: &str) -> Result<(), String> {
    let script = script::parse(text)?;
    caught(|| play::play_within(&script, std::time::Duration::from_millis(400)))
}

#[test]
fn a_blessed_case_goes_as_written_and_keeps_what_fits() {
    let old = "\
# Somebody says something.
config: chatview_max = 5

alice< :join genral
alice> ! Gone.
# Enter goes back.
alice<
alice< :join general
alice> * Joined general, ...
alice< :say one
alice> * Said as #{first}.
alice> * Not any more.
bob< :join general
bob< :history {first}
bob> [HH:MM] #{first} somebody: one
bob< :quit
";
    let new = "\
# Somebody says something.
config: chatview_max = 5

alice< :join genral
alice> * No public room genral; did you mean general? For a hidden room give its password, Enter goes back.
alice> * Your client will show what you type.
# Enter goes back.
alice<
alice< :join general
alice> * Joined general, ...
alice> * Topic: For general conversations.
alice< :say one
alice> * Sent to general as #{first}.
bob< :join general
bob> * Joined general, 1 other here. :chat to talk, :close to leave.
bob> * Topic: For general conversations.
bob< :history {first}
bob> [HH:MM] #{first} alice: one
bob< :quit
bob> * Goodbye.
bob- end
";
    let blessed = bless::bless(&script::parse(old).expect("a case")).expect("blessed");
    assert_eq!(blessed, new);
    run(&blessed).expect("it goes as written");
}

#[test]
fn placeholders_stand_for_one_thing_throughout_and_come_back_where_they_were() {
    let mut names = pattern::Names::default();
    assert!(names.matches("[HH:MM] #{a} alice: (to #{b} bob) ...", "[14:02] #12 alice: (to #7 bob) yes"));
    assert!(
        names.matches(
            "* {#alice}, here <span>, idle <span>, <n> times",
            "* alice#1001, here 2 h 5 min, idle 0 s, 3 times"
        )
    );
    assert!(
        !names.matches("#{b}", "#12") && names.matches("#{b}", "#7") && !names.matches("* {#alice}", "* alice#1002")
    );
    assert_eq!(names.fill(":kick {#alice} {a}").expect("known"), ":kick alice#1001 12");
    assert!(names.fill("{c}").is_err());
    assert!(names.matches("Use {} and {A b} as they are [x]", "Use {} and {A b} as they are [x]"));
    let mut write = |line: &str, old: Option<&str>| names.write(line, old, &|name| name == "c");
    assert_eq!(write("[14:03] #12 carol: at 14:02 #9, 3 s", None), "[HH:MM] #{a} carol: at 14:02 #9, 3 s");
    assert_eq!(write("* Sent to general as #13.", Some("* Said as #{mine}.")), "* Sent to general as #{mine}.");
    assert_eq!(write("* Sent to general as #14.", None), "* Sent to general as #{d}.");
    assert_eq!(write("* bob#1002, here 4 s until 14:05", None), "* {#bob}, here <span> until HH:MM");
    assert_eq!(write("[14:02] #13 bob (temporary, 10 s): x", None), "[HH:MM] #{mine} bob (temporary, 10 s): x");
}
