//! `chatsock user`: the built program on its own database, with passwords from stdin and from a terminal.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{Program, scratch};

/// A directory for one test, empty except for `chatsock.toml` if there is one.
fn directory(config: Option<&str>) -> PathBuf {
    let directory = scratch();
    // Its name contains the process id, which an earlier process may have had.
    std::fs::remove_dir_all(&directory).expect("removed");
    std::fs::create_dir(&directory).expect("made");
    if let Some(text) = config {
        std::fs::write(directory.join("chatsock.toml"), text).expect("written");
    }
    directory
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Program::command(arguments);
    command.current_dir(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `chatsock user` to its end, with `stdin` as its input.
fn user(directory: &Path, arguments: &[&str], stdin: &str) -> Output {
    let arguments = [&["user"], arguments].concat();
    let mut child = command(directory, &arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
    // A program that refuses at once reads nothing, and may have exited.
    let _ = child.stdin.take().expect("stdin").write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// The exit status, stdout and stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Asserts that the program refuses with this sentence.
#[track_caller]
fn refused(output: &Output, sentence: &str) {
    assert_eq!(told(output), (Some(2), String::new(), format!("chatsock: {sentence}\n")));
}

#[cfg(not(feature = "storage"))]
#[test]
fn a_build_without_accounts_says_how_to_get_one_with_them() {
    for arguments in [&["list"][..], &["add", "alice"], &["import", "users.txt"]] {
        refused(
            &user(&directory(None), arguments, ""),
            "chatsock user needs the feature storage, which is not in this build; build with: cargo run --release --features storage",
        );
    }
}

#[cfg(not(feature = "storage"))]
#[test]
fn a_build_without_a_database_says_how_to_get_one_that_backs_up() {
    let output = command(&directory(None), &["backup", "copy.db"]).output().expect("it runs");
    refused(
        &output,
        "chatsock backup needs the feature storage, which is not in this build; build with: cargo run --release --features storage",
    );
}

#[test]
fn a_password_among_the_arguments_is_refused_before_anything_is_done() {
    let directory = directory(Some(""));
    let output = user(&directory, &["add", "alice", "hunter2"], "");
    refused(
        &output,
        "a password is never an argument: other users of this machine could read it, and the shell remembers it; leave it \
         out, and chatsock asks for it",
    );
    assert!(!directory.join("chatsock.db").exists());
}

#[cfg(feature = "storage")]
mod with_storage {
    use std::sync::mpsc;
    use std::time::Instant;

    use chatsock::access::password::verify;
    use chatsock::chat::names::UserName;
    use chatsock::chat::secret::Hashed;
    use chatsock::store::{AccountRecord, Store, StoreOptions};

    use super::*;
    use crate::support::PATIENCE;

    const EXISTS: &str = "account alice already exists; chatsock user passwd alice changes its password";

    /// A directory whose configuration has accounts.
    fn place() -> PathBuf {
        directory(Some("listen = [\"127.0.0.1:0\"]\nshutdown_delay = 0\n[storage]\n"))
    }

    #[track_caller]
    fn done(output: &Output, said: &str) {
        assert_eq!(told(output), (Some(0), said.to_owned(), String::new()));
    }

    fn add(place: &Path, name: &str, password: &str) {
        let made = if place.join("chatsock.db").exists() { String::new() } else { made(place, "chatsock.db") };
        done(&user(place, &["add", name], password), &format!("Account {name} added to chatsock.db.\n{made}"));
    }

    /// The output for the first account, with the notice about the new database.
    fn made(place: &Path, name: &str) -> String {
        format!(
            "Created the new database {}; a server in another directory uses another file.\n{}",
            place.canonicalize().expect("a directory").join(name).display(),
            owner()
        )
    }

    /// The owner of the new file: the user who runs this.
    fn owner() -> String {
        let name = Command::new("id").arg("-un").output().expect("it runs").stdout;
        let name = String::from_utf8(name).expect("a name");
        format!("Its owner is {}; a server that runs as another user cannot open it.\n", name.trim_end())
    }

    fn found(place: &Path, name: &str) -> Option<AccountRecord> {
        let accounts = Store::open_accounts(&place.join("chatsock.db")).expect("it opens");
        accounts.find(&UserName::parse(name, 1, 32).expect("a name")).expect("read")
    }

    /// Whether this is the password of that account.
    fn is_password(place: &Path, name: &str, password: &str) -> bool {
        found(place, name).is_some_and(|account| verify(password, &account.hash))
    }

    /// The names in `chatsock user list`.
    fn names(place: &Path) -> Vec<String> {
        let (status, text, error) = told(&user(place, &["list"], ""));
        assert_eq!((status, &*error), (Some(0), ""));
        text.lines().map(|line| line.split(' ').next().unwrap_or("").to_owned()).collect()
    }

    #[test]
    fn an_account_is_made_changed_listed_and_removed() {
        let place = place();
        assert_eq!(names(&place), [""; 0]);
        add(&place, "carol", "one\n");
        add(&place, "Alice", "open sesame\r\nnot this\n");
        assert!(is_password(&place, "alice", "open sesame"));
        assert_eq!(names(&place), ["Alice", "carol"]);
        done(&user(&place, &["passwd", "alice"], "another"), "Password of alice changed.\n");
        assert!(is_password(&place, "alice", "another") && !is_password(&place, "alice", "open sesame"));
        done(&user(&place, &["remove", "alice"], ""), "Account alice removed.\n");
        assert_eq!(names(&place), ["carol"]);
    }

    #[test]
    fn the_list_has_a_line_per_account_with_its_date_of_creation() {
        let place = place();
        add(&place, "alice", "x");
        add(&place, "bob", "x");
        let (_, text, _) = told(&user(&place, &["list"], ""));
        for (line, name) in text.lines().zip(["alice  ", "bob    "]) {
            let day = line.strip_prefix(name).unwrap_or_else(|| panic!("{line:?}"));
            assert!(day.parse::<jiff::civil::Date>().is_ok(), "{line:?}");
        }
    }

    #[test]
    fn the_files_contain_no_password_and_only_their_owner_can_read_them() {
        let place = place();
        add(&place, "alice", "canary-of-a-password");
        for entry in std::fs::read_dir(&place).expect("a directory") {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("read");
            assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", path.display());
            if path.extension().is_none_or(|extension| extension != "toml") {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = path.metadata().expect("its mode").permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            }
        }
    }

    #[test]
    fn a_password_that_could_not_be_typed_at_a_login_is_refused() {
        let place = place();
        let long = "x".repeat(257);
        for (stdin, sentence) in [
            ("", "the password is empty; give one of 1 character or more"),
            ("\nx\n", "the password is empty; give one of 1 character or more"),
            (&*long, "the password is too long; give one of at most 256 characters"),
            (" x\n", "the password begins or ends with a space, which a login strips; give one that does not"),
        ] {
            refused(&user(&place, &["add", "alice"], stdin), sentence);
        }
        // No database was created.
        assert!(!place.join("chatsock.db").exists());
        assert_eq!(names(&place), [""; 0]);
    }

    #[test]
    fn a_name_that_is_taken_missing_or_could_not_log_in_is_refused() {
        let place = place();
        add(&place, "alice", "x");
        refused(&user(&place, &["add", "ALICE"], "y"), &EXISTS.replace("alice", "ALICE"));
        assert!(is_password(&place, "alice", "x"));
        for what in ["passwd", "remove"] {
            let sentence = "account bob does not exist; chatsock user list lists all accounts";
            refused(&user(&place, &[what, "bob"], "x"), sentence);
        }
        refused(
            &user(&place, &["add", "al"], "x"),
            "al could not log in: a name has 3 to 12 characters: a letter, then letters, digits, _ or -, \
             as username_min and username_limit say",
        );
    }

    #[test]
    fn only_a_new_account_creates_a_missing_database() {
        let place = place();
        done(&user(&place, &["list"], ""), "");
        let sentence = format!(
            "{} does not exist, so there are no accounts; run this in the server's directory, or create the first account \
             with chatsock user add",
            place.join("chatsock.db").display()
        );
        for what in ["passwd", "remove"] {
            refused(&user(&place, &[what, "bob"], "x"), &sentence);
        }
        assert!(!place.join("chatsock.db").exists());
        add(&place, "bob", "x");
    }

    #[test]
    fn without_the_section_the_error_names_it_and_nothing_is_created() {
        let empty = directory(None);
        refused(
            &user(&empty, &["list"], ""),
            "no chatsock.toml here, whose section [storage] names the database; name the file with --config",
        );
        let without = directory(Some("history_max = 5\n"));
        refused(
            &user(&without, &["add", "alice"], "x"),
            "chatsock.toml has no section [storage], which accounts need; add it",
        );
        assert!(!empty.join("chatsock.db").exists() && !without.join("chatsock.db").exists());
        let wrong = directory(Some("history_max = true\n[storage]\n"));
        refused(&user(&wrong, &["list"], ""), "chatsock.toml:1: history_max must be a whole number, not true");
    }

    #[test]
    fn an_impossible_database_path_is_a_user_error() {
        let place = directory(Some("[storage]\npath = \"nowhere/chatsock.db\"\n"));
        let (status, _, error) = told(&user(&place, &["add", "alice"], "x"));
        assert_eq!((status, error.lines().count()), (Some(2), 1), "{error}");
    }

    #[test]
    fn the_given_config_decides_which_database_is_used() {
        let place = place();
        std::fs::write(place.join("other.toml"), "[storage]\npath = \"other.db\"\n").expect("written");
        let output = user(&place, &["add", "alice", "--config", "other.toml"], "x");
        done(&output, &format!("Account alice added to other.db.\n{}", made(&place, "other.db")));
        assert!(place.join("other.db").exists() && !place.join("chatsock.db").exists());
    }

    #[test]
    fn a_new_database_at_an_absolute_path_is_named_without_a_warning() {
        let path = place().canonicalize().expect("a directory").join("accounts.db");
        let place = directory(Some(&format!("[storage]\npath = \"{}\"\n", path.display())));
        let added = format!("Account alice added to {0}.\nCreated the new database {0}.\n", path.display());
        done(&user(&place, &["add", "alice"], "x"), &(added + &owner()));
        done(&user(&place, &["add", "bob"], "x"), &format!("Account bob added to {}.\n", path.display()));
    }

    #[test]
    fn removing_an_operators_account_reminds_of_the_name_in_the_config() {
        let place = directory(Some("operators = [\"alice\"]\n[storage]\n"));
        add(&place, "alice", "x");
        done(
            &user(&place, &["remove", "alice"], ""),
            "Account alice removed.\n\
             alice is still listed in operators: anyone who registers the name becomes an operator. Remove it.\n",
        );
    }

    #[test]
    fn a_file_of_users_is_imported() {
        let place = place();
        std::fs::write(place.join("users.txt"), "# staff\nalice open sesame\n\nbob  x\n").expect("written");
        let made = made(&place, "chatsock.db");
        done(&user(&place, &["import", "users.txt"], ""), &format!("2 accounts imported.\n{made}"));
        assert!(is_password(&place, "alice", "open sesame") && is_password(&place, "bob", "x"));
    }

    #[test]
    fn a_file_with_any_bad_line_imports_nothing_and_all_bad_lines_are_reported() {
        let place = place();
        add(&place, "alice", "x");
        std::fs::write(place.join("users.txt"), "bob y\ncarol\n1st z\n").expect("written");
        refused(
            &user(&place, &["import", "users.txt"], ""),
            "users.txt:2: missing password; write a name, a space and the password\n\
             users.txt:3: a name begins with a letter from A to Z",
        );
        std::fs::write(place.join("users.txt"), "bob y\nalice y\n").expect("written");
        refused(&user(&place, &["import", "users.txt"], ""), &format!("users.txt:2: {EXISTS}"));
        refused(&user(&place, &["import", "nothing.txt"], ""), "nothing.txt: no such file");
        assert_eq!(names(&place), ["alice"]);
        assert!(is_password(&place, "alice", "x"));
    }

    #[test]
    fn an_import_that_skips_existing_accounts_creates_the_others() {
        let place = place();
        add(&place, "alice", "x");
        let import = |text: &str| {
            std::fs::write(place.join("users.txt"), text).expect("written");
            user(&place, &["import", "--skip-existing", "users.txt"], "")
        };
        let skipped = "1 account imported; 1 existed already and is unchanged.\n";
        done(&import("ALICE other\nbob y\n"), skipped);
        assert_eq!(names(&place), ["alice", "bob"]);
        assert!(is_password(&place, "alice", "x") && is_password(&place, "bob", "y"));
        // A second import has nothing to do, which is not an error.
        done(&import("ALICE other\nbob y\n"), "0 accounts imported; 2 existed already and are unchanged.\n");
        done(&import("carol z\ndave z\n"), "2 accounts imported.\n");
        // Mistakes in the file are still reported, and then nothing is imported.
        refused(
            &import("alice x\nerin z\ncarol\n"),
            "users.txt:3: missing password; write a name, a space and the password",
        );
        assert_eq!(names(&place), ["alice", "bob", "carol", "dave"]);
    }

    #[test]
    fn an_account_whose_name_looks_like_another_ones_is_made_with_a_warning() {
        let place = place();
        add(&place, "alice", "x");
        add(&place, "bob", "x");
        let warning = |name: &str, others: &str| {
            format!("Warning: {name} looks like {others}; people may take one for the other.\n")
        };
        let added = format!("Account aIice added to chatsock.db.\n{}", warning("aIice", "alice"));
        done(&user(&place, &["add", "aIice"], "x"), &added);
        std::fs::write(place.join("users.txt"), "carol x\nB0b x\na1ice x\n").expect("written");
        let imported = format!("3 accounts imported.\n{}{}", warning("B0b", "bob"), warning("a1ice", "aIice, alice"));
        done(&user(&place, &["import", "users.txt"], ""), &imported);
        // Also of each other, but not of those that already exist.
        std::fs::write(place.join("users.txt"), "b0b x\ntom x\ntorn x\n").expect("written");
        let imported = format!(
            "2 accounts imported; 1 existed already and is unchanged.\n{}{}",
            warning("tom", "torn"),
            warning("torn", "tom")
        );
        done(&user(&place, &["import", "--skip-existing", "users.txt"], ""), &imported);
    }

    #[cfg(feature = "unicode-names")]
    #[test]
    fn accounts_are_named_in_other_scripts_where_the_configuration_says_so() {
        let ascii = place();
        let place = directory(Some("names = \"unicode\"\n[storage]\n"));
        add(&place, "Нина", "x");
        add(&place, "李明", "x");
        add(&place, "alice", "x");
        let listed = told(&user(&place, &["list"], "")).1;
        let columns: Vec<_> = listed.lines().map(|line| line.rsplit_once(' ').expect("a date").0).collect();
        assert_eq!(columns, ["alice ", "Нина  ", "李明  "]);
        std::fs::write(place.join("users.txt"), "Zoë x\nаӏісе x\n").expect("written");
        done(
            &user(&place, &["import", "users.txt"], ""),
            "2 accounts imported.\nWarning: аӏісе looks like alice; people may take one for the other.\n",
        );
        done(&user(&place, &["passwd", "НИНА"], "y"), "Password of НИНА changed.\n");
        done(&user(&place, &["remove", "李明"], ""), "Account 李明 removed.\n");
        refused(
            &user(&ascii, &["add", "Нина"], "x"),
            "Нина could not log in: a name begins with a letter from A to Z, as names says",
        );
        refused(
            &user(&place, &["add", "Нинa"], "x"),
            "\"Нинa\" is not a valid name: a name has letters of one script; Latin letters may be mixed with Chinese, Japanese or Korean",
        );
    }

    #[test]
    fn many_accounts_are_made_together_or_not_at_all() {
        let place = place();
        let mut accounts = Store::open_accounts(&place.join("chatsock.db")).expect("it opens");
        let user = |name: &str| (UserName::parse(name, 1, 32).expect("a name"), Hashed::new("x"));
        let names = |users: &[UserName]| users.iter().map(ToString::to_string).collect::<Vec<_>>();
        let taken = accounts.create_all(&[user("alice"), user("bob")]).expect("written");
        assert_eq!(names(&taken), [""; 0]);
        let taken = accounts.create_all(&[user("carol"), user("BOB"), user("dave"), user("DAVE")]).expect("written");
        assert_eq!(names(&taken), ["BOB", "DAVE"]);
        let all: Vec<_> = accounts.list().expect("read").into_iter().map(|account| account.name).collect();
        assert_eq!(names(&all), ["alice", "bob"]);
    }

    #[test]
    fn accounts_are_made_beside_a_running_server() {
        let place = place();
        let mut server = Program::start(&["--config", place.join("chatsock.toml").to_str().expect("a path in UTF-8")]);
        server.address();
        add(&place, "alice", "x");
        assert_eq!(names(&place), ["alice"]);
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
    }

    #[test]
    fn a_program_that_has_the_store_open_sees_each_change() {
        let place = place();
        let options =
            StoreOptions { path: place.join("chatsock.db"), history: false, retention: None, history_max: 10 };
        let (store, _) = Store::open(options, Box::new(|_| ())).expect("it opens");
        let alice = UserName::parse("alice", 1, 32).expect("a name");
        let is = |password: &str| {
            let account = store.account(&alice).expect("read");
            account.is_some_and(|account| verify(password, &account.hash))
        };
        add(&place, "alice", "x");
        assert!(is("x"));
        done(&user(&place, &["passwd", "alice"], "y"), "Password of alice changed.\n");
        assert!(is("y") && !is("x"));
        done(&user(&place, &["remove", "alice"], ""), "Account alice removed.\n");
        assert!(store.account(&alice).expect("read").is_none());
        store.close(Instant::now() + PATIENCE).expect("closed");
    }

    #[test]
    fn simultaneous_commands_wait_for_each_other() {
        let place = place();
        // Creates the database first, since only one process can do that.
        add(&place, "first", "x");
        let running: Vec<_> = (0..8)
            .map(|n| {
                let name = format!("user{n}");
                let mut child =
                    command(&place, &["user", "add", &name]).stdin(Stdio::piped()).spawn().expect("the program starts");
                child.stdin.take().expect("stdin").write_all(b"x").expect("written");
                child
            })
            .collect();
        for child in running {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        assert_eq!(names(&place).len(), 9);
    }

    // Tests on a terminal, which `script` (util-linux) makes.

    /// Whether the programs are installed; otherwise prints what is skipped.
    fn have(programs: &[&str]) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = |program: &str| std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
        let missing: Vec<_> = programs.iter().filter(|program| !there(program)).collect();
        let required = std::env::var_os("CHATSOCK_REQUIRE_CLIENTS").is_some_and(|value| value == "1");
        assert!(missing.is_empty() || !required, "required: {missing:?}");
        if !missing.is_empty() {
            println!("LEFT OUT: {missing:?} not installed");
        }
        missing.is_empty()
    }

    /// Runs a command line in a terminal, and types each answer when its question is shown. Returns what was on the
    /// terminal.
    fn on_a_terminal(place: &Path, inside: &str, dialogue: &[(&str, &str)]) -> String {
        use std::io::Read as _;
        let mut child = Command::new("script")
            .args(["-qec", inside, "/dev/null"])
            .current_dir(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script runs");
        let (sender, output) = mpsc::channel();
        let mut stdout = child.stdout.take().expect("stdout");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = stdout.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut input = child.stdin.take().expect("stdin");
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        for (question, answer) in dialogue {
            while !String::from_utf8_lossy(&seen).contains(question) {
                let left = deadline.saturating_duration_since(Instant::now());
                let bytes = output.recv_timeout(left);
                seen.extend(
                    bytes.unwrap_or_else(|_| panic!("no {question:?} in {:?}", String::from_utf8_lossy(&seen))),
                );
            }
            input.write_all(answer.as_bytes()).and_then(|()| input.flush()).expect("typed");
        }
        loop {
            match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => seen.extend(bytes),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    // An error means that it has ended already.
                    let _ = child.kill();
                    panic!("no end: {:?}", String::from_utf8_lossy(&seen));
                }
            }
        }
        drop(input);
        child.wait().expect("waited");
        String::from_utf8_lossy(&seen).into_owned()
    }

    const FIRST: &str = "Password for alice: ";
    const SECOND: &str = "Repeat the password: ";

    /// The command line that makes the account, and then prints whether the terminal echoes.
    fn add_alice() -> String {
        format!("'{}' user add alice; echo status $?; stty -a | tr ';' '\\n'", env!("CARGO_BIN_EXE_chatsock"))
    }

    /// `stty` prints `-echo` if it does not.
    fn shows_what_is_typed(seen: &str) -> bool {
        seen.split_whitespace().any(|word| word == "echo")
    }

    #[test]
    fn on_a_terminal_the_password_is_asked_for_twice_and_never_shown() {
        if !have(&["script", "stty"]) {
            return;
        }
        let place = place();
        let seen = on_a_terminal(&place, &add_alice(), &[(FIRST, "open sesame\r"), (SECOND, "open sesame\r")]);
        assert!(seen.contains("Account alice added to chatsock.db.") && seen.contains("status 0"), "{seen:?}");
        assert!(!seen.contains("sesame") && shows_what_is_typed(&seen), "{seen:?}");
        assert!(is_password(&place, "alice", "open sesame"));
    }

    #[test]
    fn two_passwords_that_differ_change_nothing() {
        if !have(&["script", "stty"]) {
            return;
        }
        let place = place();
        let seen = on_a_terminal(&place, &add_alice(), &[(FIRST, "hunter2\r"), (SECOND, "hunter3\r")]);
        let sentence = "chatsock: the two passwords differ; nothing was changed";
        assert!(seen.contains(sentence) && seen.contains("status 2"), "{seen:?}");
        assert!(!seen.contains("hunter") && shows_what_is_typed(&seen), "{seen:?}");
        assert!(found(&place, "alice").is_none());
    }

    #[test]
    fn an_unacceptable_password_is_explained_before_it_is_asked_for_again() {
        if !have(&["script", "stty"]) {
            return;
        }
        let seen = on_a_terminal(&place(), &add_alice(), &[(FIRST, "\r")]);
        assert!(seen.contains("chatsock: the password is empty; ") && !seen.contains(SECOND), "{seen:?}");
    }

    #[test]
    fn a_question_that_is_interrupted_leaves_the_terminal_as_it_was() {
        if !have(&["script", "stty"]) {
            return;
        }
        for key in ["\u{3}", "\u{4}"] {
            let seen = on_a_terminal(&place(), &add_alice(), &[(FIRST, key)]);
            let sentence = "chatsock: no password given; nothing was changed";
            assert!(seen.contains(sentence) && seen.contains("status 2"), "{seen:?}");
            assert!(shows_what_is_typed(&seen), "{seen:?}");
        }
    }
}
