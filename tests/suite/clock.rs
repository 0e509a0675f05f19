//! The monotonic clock is read only at the edges. All code that makes decisions takes the time as an argument, so that
//! a test can pass a later one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files of `hub` and `session` that read the clock, how often, and why each is an edge.
const EDGES: [(&str, usize, &str); 23] = [
    ("src/hub/account_review.rs", 1, "its own thread looks at the clock before each review"),
    ("src/hub/membership.rs", 1, "a drop has no arguments"),
    ("src/hub/mod.rs", 1, "the server starts"),
    ("src/hub/nodes/apply.rs", 4, "an entry of the log is carried out when it is read, on the thread that reads"),
    ("src/hub/nodes/archive/answers.rs", 1, "waits for the database within a deadline"),
    ("src/hub/nodes/archive/mod.rs", 6, "its own threads wait for each other within deadlines"),
    ("src/hub/nodes/background.rs", 2, "its own thread looks at the clock before each task"),
    ("src/hub/nodes/files.rs", 2, "waits for the server of the sender within a deadline"),
    ("src/hub/nodes/mod.rs", 1, "what the clock that all servers share shows now"),
    ("src/hub/nodes/notes.rs", 1, "what is kept for all servers is taken over when it is read"),
    ("src/hub/nodes/places.rs", 2, "waits for the other servers within a deadline"),
    ("src/hub/nodes/questions.rs", 2, "waits for an archive within a deadline"),
    ("src/hub/nodes/shared_config.rs", 1, "the server starts"),
    ("src/hub/nodes/submitting.rs", 1, "waits for the other servers within a deadline"),
    ("src/hub/nodes/users.rs", 1, "waits for the directory within a deadline"),
    ("src/hub/room/clock.rs", 1, "reads both clocks at one moment"),
    ("src/hub/room/delivery.rs", 1, "how long a round takes decides how long the next one waits"),
    ("src/hub/shutdown.rs", 1, "waits for a deadline"),
    ("src/hub/timer.rs", 1, "the timer's own loop"),
    ("src/hub/transfers/end.rs", 8, "reads and writes a socket within deadlines"),
    ("src/hub/transfers/mod.rs", 3, "waits for deadlines"),
    ("src/hub/worker_pool.rs", 2, "waits for a deadline"),
    ("src/session/mod.rs", 1, "the session looks at the clock when something happens, and acts at that moment"),
];

/// Counts the reads of the clock in each file below a folder, outside its tests.
fn readers(top: &Path, folder: &Path, found: &mut BTreeMap<String, usize>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(top).expect("below the top").to_str().expect("a name in UTF-8").to_owned();
        if path.is_dir() {
            if !name.ends_with("/tests") {
                readers(top, &path, found);
            }
        } else if !name.ends_with("/tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
            let count = code.matches("Instant::now()").count();
            if count > 0 {
                found.insert(name, count);
            }
        }
    }
}

#[test]
fn rooms_and_sessions_read_the_clock_only_at_their_edges() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for folder in ["src/hub", "src/session"] {
        readers(top, &top.join(folder), &mut found);
    }
    let edges: BTreeMap<_, _> = EDGES.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, edges, "pass the moment as an argument, or name the edge here");
}
