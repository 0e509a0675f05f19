//! The section `[storage]` and the settings about accounts, in builds with and without the feature.

use super::*;

#[test]
fn without_the_section_nothing_is_kept_and_there_are_no_accounts() {
    let config = good("");
    assert_eq!((config.storage.clone(), config.accounts, config.accounts()), (None, None, AccountPolicy::Off));
    assert_eq!(good("accounts = \"off\"").accounts(), AccountPolicy::Off);
    assert_eq!((config.login_attempts, config.login_block), (3, Duration::from_secs(10)));
    assert_eq!(Config { accounts: Some(AccountPolicy::Required), ..Config::default() }.accounts(), AccountPolicy::Off);
}

#[test]
fn the_first_block_lasts_between_a_second_and_a_quarter_of_an_hour_and_comes_after_one_to_a_hundred_attempts() {
    one("login_attempts = 0", "1: login_attempts must be 1 to 100, not 0");
    one("login_attempts = 101", "1: login_attempts must be 1 to 100, not 101");
    one("login_block_seconds = 0", "1: login_block_seconds must be 1 to 900, not 0");
    one("login_block_seconds = 901", "1: login_block_seconds must be 1 to 900, not 901");
    let config = good("login_attempts = 100\nlogin_block_seconds = 900");
    assert_eq!((config.login_attempts, config.login_block), (100, Duration::from_secs(900)));
}

#[test]
fn accounts_is_one_of_three_words() {
    let words = r#"accounts must be one of "off", "optional", "required", not"#;
    one("accounts = \"on\"", &format!("1: {words} the string \"on\""));
    one("accounts = true", &format!("1: {words} true"));
}

#[test]
fn operators_are_names_and_each_is_named_once() {
    one(
        "operators = [\n\"a b\"]",
        "2: operators contains \"a b\": a name has no spaces: a letter, then letters, digits, _ or -",
    );
    one("operators = [\"server\"]", "1: operators contains \"server\": the name server is reserved");
    assert!(said(&format!("operators = [\"{}\"]", "a".repeat(33))).contains("a name has 1 to 32 characters"));
    assert_eq!(good("operators = []").operators, []);
    // The missing accounts are not reported on top of that.
    one("operators = [\"alice\", \"Alice\"]", "1: operators contains Alice twice; remove one");
}

#[cfg(not(feature = "storage"))]
mod without_the_feature {
    use super::*;

    const BUILD: &str = "which is not in this build; build with: cargo run --release --features storage";

    #[test]
    fn accounts_name_the_feature_and_how_to_get_it() {
        for word in ["optional", "required"] {
            one(
                &format!("\naccounts = \"{word}\""),
                &format!("2: accounts = \"{word}\" needs the feature storage, {BUILD}"),
            );
        }
        one(
            "operators = [\"alice\"]",
            &format!("1: operators need accounts, and storing accounts needs the feature storage, {BUILD}"),
        );
    }

    #[test]
    fn the_missing_feature_is_reported_once_for_the_section_and_the_settings_that_need_it() {
        one(
            "accounts = \"required\"\noperators = [\"alice\"]\n[storage]\nfoo = 1",
            &format!("3: [storage] needs the feature storage, {BUILD}"),
        );
    }

    #[test]
    fn keys_of_the_section_are_unknown_elsewhere() {
        assert!(said("path = \"x\"").starts_with("c.toml:1: unknown key path"));
    }
}

#[cfg(feature = "storage")]
mod with_the_feature {
    use super::*;

    fn storage(keys: &str) -> Storage {
        good(&format!("[storage]\n{keys}")).storage.unwrap()
    }

    #[test]
    fn an_empty_section_keeps_accounts_but_no_messages() {
        assert_eq!(storage(""), Storage::default());
        assert_eq!(storage(""), Storage { path: PathBuf::from("chatsock.db"), history: false, retention: None });
        assert_eq!(good("[storage]").accounts(), AccountPolicy::Optional);
    }

    #[test]
    fn every_key_of_the_section_reaches_its_setting() {
        let kept = storage("path = \"/var/lib/chat.db\"\nhistory = true\nretention_days = 30");
        let days = Duration::from_secs(30 * 86_400);
        assert_eq!(kept, Storage { path: PathBuf::from("/var/lib/chat.db"), history: true, retention: Some(days) });
        assert_eq!(storage("retention_days = 0").retention, None);
        assert!(storage("retention_days = 36500").retention.is_some());
    }

    #[test]
    fn with_the_section_accounts_are_what_the_file_says() {
        for (word, accounts) in
            [("off", AccountPolicy::Off), ("optional", AccountPolicy::Optional), ("required", AccountPolicy::Required)]
        {
            assert_eq!(good(&format!("accounts = \"{word}\"\n[storage]")).accounts(), accounts);
        }
        let operators = good("operators = [\"alice\", \"bob\"]\n[storage]").operators;
        assert_eq!(operators.iter().map(UserName::as_str).collect::<Vec<_>>(), ["alice", "bob"]);
    }

    #[test]
    fn accounts_without_the_section_are_refused() {
        one(
            "accounts = \"optional\"",
            "1: accounts = \"optional\" needs the section [storage] for the accounts; add it, or set accounts = \"off\"",
        );
        assert!(said("\naccounts = \"required\"\noperators = [\"alice\"]").starts_with("c.toml:2: accounts = "));
    }

    #[test]
    fn operators_without_accounts_are_refused() {
        one(
            "operators = [\"alice\"]",
            "1: operators need accounts, and accounts need the section [storage]; add it, or set operators = []",
        );
        one(
            "accounts = \"off\"\noperators = [\"alice\"]\n[storage]",
            "2: operators need accounts, but accounts = \"off\"; set it to \"optional\" or \"required\", or set operators = []",
        );
        assert_eq!(said("accounts = \"off\"\noperators = []\n[storage]"), "");
    }

    #[test]
    fn a_path_that_names_no_file_is_refused() {
        one(
            "[storage]\npath = \"\"",
            "2: storage.path must name a file, as in path = \"chatsock.db\"; to store nothing, remove the section [storage]",
        );
        one(
            "[storage]\npath = \":memory:\"",
            "2: storage.path is memory and not a file; to store nothing, remove the section [storage]",
        );
        one("[storage]\npath = 5", "2: storage.path must be a file name in quotes, not 5");
    }

    #[test]
    fn impossible_retentions_and_other_slips_are_reported_on_their_lines() {
        one("[storage]\nretention_days = 36501", "2: storage.retention_days must be 0 to 36500, not 36501");
        one("[storage]\nretention_days = -1", "2: storage.retention_days must be 0 to 36500, not -1");
        one("[storage]\nhistory = 1", "2: storage.history must be true or false, not 1");
        one("[storage]\nretention = 1", "2: unknown key storage.retention; see chatsock.toml.example for all of them");
        one("[storage]\nhistori = true", "2: unknown key storage.histori; did you mean history?");
        one("storage = true", "1: storage must be a section, as in [storage], not true or false");
        one("[storge]", "1: unknown section [storge]; did you mean [storage]?");
        one("path = \"x\"", "1: path does not belong here; move it to [storage]");
        one("[limits]\nretention_days = 1", "2: retention_days does not belong here; move it to [storage]");
    }

    #[test]
    fn settings_that_need_a_section_with_a_mistake_are_not_reported_too() {
        one(
            "accounts = \"required\"\nstorage = true",
            "2: storage must be a section, as in [storage], not true or false",
        );
    }
}
