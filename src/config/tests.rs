//! Every kind of mistake, and the line it is reported on.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::chat::room_settings::RoomAccess;
use crate::chat::secret::Secret;

mod names;
mod storage;

/// Whether the section `[storage]` is read in this build.
const STORAGE: bool = cfg!(feature = "storage");

/// The mistakes in `text`, one per line.
pub(super) fn said(text: &str) -> String {
    match parse(text, "c.toml") {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// Checks that `text` has exactly this one mistake; `expected` is without the file name.
#[track_caller]
pub(super) fn one(text: &str, expected: &str) {
    assert_eq!(said(text), format!("c.toml:{expected}"), "for {text:?}");
}

pub(super) fn good(text: &str) -> Config {
    parse(text, "c.toml").unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn room<'a>(config: &'a Config, name: &str) -> &'a RoomSettings {
    &config.rooms[&RoomName::parse(name).unwrap()]
}

// Files without mistakes.

#[test]
fn an_empty_file_gives_the_defaults_with_the_room_general() {
    let config = good("");
    assert_eq!(config, Config::default());
    assert_eq!(config.rooms.len(), 1);
    assert_eq!(room(&config, "general").description, "For general conversations.");
    assert_eq!(good("# only a comment\n\n"), config);
}

#[test]
fn every_key_at_the_top_reaches_its_setting() {
    let config = good(
        r#"
        listen = ["127.0.0.1:1", "[::1]:2"]
        telnet = "never"
        quick_listen = ["127.0.0.1:3"]
        welcome_message = "Hi"
        connection_timeout = true
        chatview_max = 4
        history_max = 5
        username_min = 6
        username_limit = 7
        names = "ascii"
        message_limit = 8
        shutdown_delay = 9
        idle_timeout = 10
        room_linger = 11
        quick_create = true
        exit_code = false
        quote_file = "quotes/de.txt"
        accounts = "off"
        login_attempts = 12
        login_block_seconds = 13
        "#,
    );
    let expected = Config {
        listen: vec!["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()],
        telnet: Telnet::Never,
        quick_listen: vec!["127.0.0.1:3".parse().unwrap()],
        welcome_message: "Hi".to_owned(),
        connection_timeout: true,
        chatview_max: 4,
        history_max: 5,
        names: Alphabet::Ascii,
        username_min: 6,
        username_limit: 7,
        message_limit: 8,
        shutdown_delay: Duration::from_secs(9),
        idle_timeout: Some(Duration::from_secs(10)),
        room_linger: Duration::from_secs(11),
        quick_create: true,
        exit_code: false,
        quote_file: Some(PathBuf::from("quotes/de.txt")),
        accounts: Some(AccountPolicy::Off),
        login_attempts: 12,
        login_block: Duration::from_secs(13),
        tls: TlsConfig { telnet: Telnet::Never, ..TlsConfig::default() },
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert_eq!(good("telnet = \"always\"").telnet, Telnet::Always);
}

#[test]
fn every_limit_reaches_its_setting() {
    let limits = good(
        r#"
        [limits]
        exempt = ["10.0.0.0/8"]
        max_connections = 1
        connections_per_ip = 2
        connections_per_ip_per_minute = 3
        login_seconds = 4
        line_bytes = 5000
        message_burst = 6
        messages_per_second = 7
        outbox_bytes = 8000
        outbox_total_bytes = 9000
        outbox_stall_seconds = 10
        rooms_per_ip = 11
        "#,
    )
    .limits;
    let expected = LimitsConfig {
        exempt: vec![Network::parse("10.0.0.0/8").unwrap()],
        max_connections: Some(1),
        connections_per_ip: Some(2),
        connections_per_ip_per_minute: Some(3),
        login: Some(Duration::from_secs(4)),
        line_bytes: Some(5000),
        message_burst: Some(6),
        messages_per_second: Some(7),
        outbox_bytes: Some(8000),
        outbox_total_bytes: Some(9000),
        outbox_stall: Some(Duration::from_secs(10)),
        rooms_per_ip: Some(11),
    };
    assert_eq!(limits, expected);
}

#[test]
fn zero_switches_every_limit_off() {
    let mut text = "[limits]\nexempt = []\n".to_owned();
    for (_, key) in keys().filter(|(section, key)| *section == "limits" && *key != "exempt") {
        text.push_str(&format!("{key} = 0\n"));
    }
    let expected = LimitsConfig {
        exempt: Vec::new(),
        max_connections: None,
        connections_per_ip: None,
        connections_per_ip_per_minute: None,
        login: None,
        line_bytes: None,
        message_burst: None,
        messages_per_second: None,
        outbox_bytes: None,
        outbox_total_bytes: None,
        outbox_stall: None,
        rooms_per_ip: None,
    };
    assert_eq!(good(&text).limits, expected);
    assert_eq!(good("idle_timeout = 0").idle_timeout, None);
}

#[test]
fn no_linger_closes_an_empty_room_at_once_and_no_quote_file_means_the_built_in_quotes() {
    assert_eq!(good("room_linger = 0").room_linger, Duration::ZERO);
    assert_eq!(good("room_linger = 31622400").room_linger, Duration::from_secs(31_622_400));
    assert_eq!(good("quote_file = \"\"").quote_file, None);
}

#[test]
fn a_missing_quote_file_is_not_a_mistake_of_the_config() {
    assert_eq!(good("quote_file = \"/nonexistent/q\"").quote_file, Some(PathBuf::from("/nonexistent/q")));
}

#[test]
fn a_file_with_rooms_has_exactly_those() {
    let config = good("[rooms.games]\nlimit = 8\ndescription = \"Play\\there\"\n");
    assert_eq!(config.rooms.len(), 1);
    let games = room(&config, "games");
    assert_eq!((games.public, games.limit, &games.entry), (true, Some(8), &RoomAccess::Open));
    assert!(!games.description.contains('\t'), "a TAB is turned into spaces");
    assert_eq!(room(&good("[rooms.games]\nlimit = 0"), "games").limit, None);
}

#[test]
fn who_gets_into_a_room_follows_from_public_and_password() {
    let entry = |keys: &str| room(&good(&format!("[rooms.den]\n{keys}")), "den").entry.clone();
    let secret = || RoomAccess::Password(Secret::new("open sesame").unwrap());
    assert_eq!(entry("public = true"), RoomAccess::Open);
    assert_eq!(entry("public = true\npassword = \"\""), RoomAccess::Open);
    assert_eq!(entry("public = true\npassword = \"open sesame\""), secret());
    assert_eq!(entry("public = false"), RoomAccess::Closed);
    assert_eq!(entry("public = false\npassword = \"\""), RoomAccess::Closed);
    assert_eq!(entry("public = false\npassword = \"open sesame\""), secret());
}

#[test]
fn addresses_in_exempt_are_exempt_and_others_are_not() {
    let is_exempt = |config: &Config, address: &str| config.is_exempt(address.parse::<IpAddr>().unwrap());
    let defaults = Config::default();
    assert!(is_exempt(&defaults, "127.3.2.1") && is_exempt(&defaults, "::1"));
    assert!(is_exempt(&defaults, "::ffff:127.0.0.1"));
    assert!(!is_exempt(&defaults, "192.0.2.1") && !is_exempt(&defaults, "::2"));
    assert!(!is_exempt(&good("[limits]\nexempt = []"), "127.0.0.1"));
}

#[test]
fn a_byte_order_mark_and_crlf_change_nothing() {
    let text = "history_max = 7\r\n\r\n[rooms.den]\r\nlimit = 3\r\n";
    let config = good(&format!("\u{feff}{text}"));
    assert_eq!((config.history_max, room(&config, "den").limit), (7, Some(3)));
    one(
        "\u{feff}history_max = 7\r\n\r\n[rooms.den]\r\nlimit = true\r\n",
        "4: rooms.den.limit must be a whole number, not true",
    );
}

#[test]
fn all_ways_toml_writes_a_key_or_number_are_understood() {
    let config = good("limits.line_bytes = 0x2000\nrooms = { den = { limit = 1_0 } }\nhistory_max = +5\n");
    assert_eq!(config.limits.line_bytes, Some(8192));
    assert_eq!(room(&config, "den").limit, Some(10));
    assert_eq!(config.history_max, 5);
}

#[test]
fn debug_output_of_a_config_shows_no_password() {
    let config = good("[rooms.den]\npassword = \"hunter2\"");
    assert!(!format!("{config:?}").contains("hunter2"));
}

// Unknown keys and sections.

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    one("\nwelcom_message = \"x\"", "2: unknown key welcom_message; did you mean welcome_message?");
    one("[limits]\nline_byte = 5", "2: unknown key limits.line_byte; did you mean line_bytes?");
    one("[rooms.den]\npasword = \"hunter2\"", "2: unknown key rooms.den.pasword; did you mean password?");
    one("qqqqqq = 1", "1: unknown key qqqqqq; see chatsock.toml.example for all of them");
}

#[test]
fn an_unknown_section_is_named_with_the_nearest_one() {
    one("[limit]\nline_bytes = 5", "1: unknown section [limit]; did you mean [limits]?");
    one("[room.den]\nlimit = 5", "1: unknown section [room]; did you mean [rooms]?");
}

#[test]
fn a_key_in_the_wrong_section_gets_a_hint_where_it_belongs() {
    one("max_connections = 5", "1: max_connections does not belong here; move it to [limits]");
    one(
        "[limits]\nhistory_max = 5",
        "2: history_max does not belong here; move it to the top of the file, above the first section",
    );
    one("[rooms.den]\nline_bytes = 5", "2: line_bytes does not belong here; move it to [limits]");
    one("password = \"hunter2\"", "1: password does not belong here; move it to a [rooms.NAME]");
}

#[test]
fn a_section_of_a_feature_names_the_feature_and_how_to_get_it() {
    for name in ["tls", "storage", "web", "cluster"] {
        let is_built = match name {
            "tls" => cfg!(feature = "tls"),
            "web" => cfg!(feature = "web"),
            "storage" => STORAGE,
            "cluster" => cfg!(feature = "cluster"),
            _ => false,
        };
        if is_built {
            continue;
        }
        one(
            &format!("\n[{name}]\nlisten = [\"0.0.0.0:1\"]"),
            &format!(
                "2: [{name}] needs the feature {name}, which is not in this build; build with: cargo run --release --features {name}"
            ),
        );
    }
}

#[test]
fn control_characters_in_a_key_do_not_reach_the_screen() {
    let said = said("\"a\\u001b[2J\" = 1");
    assert!(!said.contains('\u{1b}') && said.contains("unknown key"), "{said:?}");
}

// Wrong types.

#[test]
fn every_key_of_the_wrong_type_is_reported_on_its_line() {
    for (section, key) in keys().filter(|(section, _)| *section != "storage" || STORAGE) {
        let header = match section {
            "" => String::new(),
            "tls" if !cfg!(feature = "tls") => continue,
            "web" if !cfg!(feature = "web") => continue,
            "json" if !cfg!(feature = "json") => continue,
            "discovery" if !cfg!(feature = "discovery") => continue,
            "metrics" if !cfg!(feature = "metrics") => continue,
            "cluster" if !cfg!(feature = "cluster") => continue,
            "rooms.NAME" => "[rooms.den]".to_owned(),
            other => format!("[{other}]"),
        };
        let said = said(&format!("{header}\n{key} = 1979-05-27\n"));
        assert!(said.starts_with("c.toml:2: ") && said.ends_with("not a date"), "{key}: {said}");
        assert!(said.contains(&format!("{key} must be ")), "{key}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    one("history_max = \"many\"", r#"1: history_max must be a whole number, not the string "many""#);
    one("history_max = \"5\"", r#"1: history_max must be a whole number without quotes, not the string "5""#);
    one("history_max = 1.5", "1: history_max must be a whole number, not 1.5");
    one("shutdown_delay = 0.5", "1: shutdown_delay must be a whole number of seconds, not 0.5");
    one("shutdown_delay = \"5s\"", r#"1: shutdown_delay must be a whole number of seconds, not the string "5s""#);
    one("connection_timeout = 1", "1: connection_timeout must be true or false, not 1");
    one(
        "connection_timeout = \"true\"",
        r#"1: connection_timeout must be true or false without quotes, not the string "true""#,
    );
    one("room_linger = \"1m\"", r#"1: room_linger must be a whole number of seconds, not the string "1m""#);
    one("quick_create = 1", "1: quick_create must be true or false, not 1");
    one("exit_code = \"false\"", r#"1: exit_code must be true or false without quotes, not the string "false""#);
    one("quote_file = false", "1: quote_file must be a file name in quotes, not false");
    one(r#"quote_file = "quotes\temp.txt""#, "1: quote_file must not contain control characters");
    one("welcome_message = 5", "1: welcome_message must be a string in quotes, not 5");
    one("telnet = \"of\"", r#"1: telnet must be one of "auto", "never", "always", not the string "of""#);
    one("telnet = true", r#"1: telnet must be one of "auto", "never", "always", not true"#);
    one(
        "listen = \"0.0.0.0:1\"",
        r#"1: listen must be a list of strings, as in listen = ["0.0.0.0:5555"], not the string "0.0.0.0:1""#,
    );
    one("listen = [\n5555]", r#"2: listen must contain strings in quotes, as in listen = ["0.0.0.0:5555"], not 5555"#);
    one("limits = 5", "1: limits must be a section, as in [limits], not a number");
    one("[[rooms]]\npublic = true", "1: rooms must be a section, as in [rooms.general], not a list");
    one("[rooms]\nden = true", "2: rooms.den must be a section, as in [rooms.general], not true or false");
    one(
        "[rooms]\npublic = true",
        "2: public does not belong here; move it to the section of a room, as in [rooms.general]",
    );
}

#[test]
fn a_long_value_is_cut_in_the_mistake() {
    let said = said(&format!("history_max = \"{}\"", "x".repeat(5000)));
    assert!(said.len() < 150, "{said}");
}

// Impossible values.

#[test]
fn a_number_out_of_range_gets_the_range() {
    one("username_min = 0", "1: username_min must be 1 to 32, not 0");
    one("username_limit = 33", "1: username_limit must be 1 to 32, not 33");
    one("message_limit = 0", "1: message_limit must be 1 to 100000, not 0");
    one("chatview_max = 0", "1: chatview_max must be 1 to 1000, not 0");
    one("history_max = -1", "1: history_max must be 0 to 1000000, not -1");
    one("shutdown_delay = 3601", "1: shutdown_delay must be 0 to 3600 seconds, not 3601");
    one("idle_timeout = -5", "1: idle_timeout must be 0 to 31622400 seconds, not -5");
    one("room_linger = -1", "1: room_linger must be 0 to 31622400 seconds, not -1");
    one("room_linger = 31622401", "1: room_linger must be 0 to 31622400 seconds, not 31622401");
    one("[limits]\nline_bytes = 63", "2: limits.line_bytes must be 64 to 1048576, or 0 for no limit, not 63");
    one("[limits]\nlogin_seconds = 86401", "2: limits.login_seconds must be 0 to 86400 seconds, not 86401");
    one(
        "[limits]\noutbox_bytes = 100",
        "2: limits.outbox_bytes must be 4096 to 4294967295, or 0 for no limit, not 100",
    );
    one("[rooms.den]\nlimit = -3", "2: rooms.den.limit must be 1 to 4294967295, or 0 for no limit, not -3");
}

#[test]
fn every_limit_refuses_to_be_negative_or_absurd() {
    for (section, key) in keys().filter(|(section, key)| *section == "limits" && *key != "exempt") {
        for value in ["-1", &"9".repeat(30), &"9".repeat(60), &format!("-{}", "9".repeat(60))] {
            let said = said(&format!("[{section}]\n{key} = {value}"));
            assert!(said.starts_with(&format!("c.toml:2: limits.{key} must be ")), "{said}");
        }
    }
}

#[test]
fn limits_that_no_name_can_meet_are_refused() {
    one(
        "username_limit = 9\nusername_min = 10",
        "2: username_min is 10, over username_limit, which is 9; no name could be valid",
    );
    one("username_limit = 2", "1: username_min is 3, over username_limit, which is 2; no name could be valid");
    assert_eq!(said("username_min = 12"), "");
}

#[test]
fn a_line_too_short_for_a_message_is_refused() {
    one(
        "message_limit = 100\n[limits]\nline_bytes = 99",
        "3: limits.line_bytes is 99, too short for a message of message_limit = 100 characters; \
         set line_bytes to 100 or more, or message_limit to 99 or less",
    );
    assert!(said("message_limit = 9000").starts_with("c.toml:1: limits.line_bytes is 8192"));
    assert_eq!(said("message_limit = 100\n[limits]\nline_bytes = 100"), "");
    assert_eq!(said("message_limit = 3000\n[limits]\nline_bytes = 0"), "");
}

#[test]
fn all_outboxes_together_smaller_than_one_are_refused() {
    one(
        "[limits]\noutbox_total_bytes = 100000",
        "2: limits.outbox_total_bytes is 100000, less than outbox_bytes, the limit for one reader, which is 262144; raise it or lower outbox_bytes",
    );
    assert_eq!(said("[limits]\noutbox_bytes = 5000\noutbox_total_bytes = 5000"), "");
    assert_eq!(said("[limits]\noutbox_bytes = 0\noutbox_total_bytes = 100000"), "");
}

#[test]
fn a_login_deadline_within_the_newcomers_wait_is_refused() {
    assert!(
        said("connection_timeout = true\n[limits]\nlogin_seconds = 2")
            .starts_with("c.toml:3: limits.login_seconds is 2")
    );
    assert_eq!(said("connection_timeout = true\n[limits]\nlogin_seconds = 3"), "");
    assert_eq!(said("connection_timeout = true\n[limits]\nlogin_seconds = 0"), "");
    assert_eq!(said("[limits]\nlogin_seconds = 1"), "");
}

#[test]
fn a_short_history_under_the_default_view_is_fine() {
    assert_eq!(good("history_max = 5").chatview_max, 20);
}

#[test]
fn a_contradiction_is_not_reported_if_one_side_is_a_mistake_already() {
    one("username_min = 20\nusername_limit = 99", "2: username_limit must be 1 to 32, not 99");
}

// Listeners and networks.

#[test]
fn a_wrong_address_is_reported_on_its_own_line_with_the_remedy() {
    one(
        "listen = [\n  \"0.0.0.0:1\",\n  \":5555\",\n]",
        "3: listen contains \":5555\": the address is missing; write 0.0.0.0:5555 for every IPv4 address or 127.0.0.1:5555 for this machine only",
    );
    one(
        "[limits]\nexempt = [\"::1\", \"10.0.0.0/40\"]",
        "2: limits.exempt contains \"10.0.0.0/40\": the number after the slash counts leading bits and is 0 to 32 for this kind of address",
    );
}

#[test]
fn two_listeners_on_one_address_are_refused_but_port_0_may_repeat() {
    one(
        "listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]",
        "1: listen contains 127.0.0.1:1, but listen already contains 127.0.0.1:1; remove one of them",
    );
    one(
        "quick_listen = [\"127.0.0.1:5555\"]",
        "1: quick_listen contains 127.0.0.1:5555, but listen already contains 0.0.0.0:5555; remove one of them",
    );
    assert_eq!(good("listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]").listen.len(), 2);
}

#[test]
fn no_listener_at_all_is_refused_unless_there_is_a_quick_one() {
    assert!(said("\nlisten = []").starts_with("c.toml:2: listen and quick_listen are both empty"));
    assert_eq!(good("listen = []\nquick_listen = [\"0.0.0.0:2323\"]").listen, []);
    assert_eq!(said("listen = [\"x\"]").lines().count(), 1);
}

// Rooms and texts.

#[test]
fn a_room_with_a_bad_name_is_refused() {
    for name in ["x", "\"two words\"", "\"\"", "1st"] {
        let said = said(&format!("[rooms.{name}]\nlimit = 1"));
        assert!(said.starts_with(&format!("c.toml:1: rooms.{name} is not a room name; ")), "{said}");
    }
}

#[test]
fn rooms_that_differ_only_in_case_are_refused() {
    one("[rooms.Den]\n\n[rooms.den]\n", "3: rooms Den and den differ only in case; rename one");
}

#[test]
fn a_rooms_section_without_rooms_is_refused() {
    one("\n[rooms]\n", "2: [rooms] contains no room; add one, as in [rooms.general], or remove the section");
}

#[test]
fn control_characters_and_line_breaks_in_texts_are_refused() {
    one(
        "welcome_message = \"a\\u001b[2J\"",
        "1: welcome_message must not contain control characters, here U+001B; remove it",
    );
    one("welcome_message = \"\"\"a\nb\"\"\"", "1: welcome_message must be one line");
    assert!(said("welcome_message = \"a\\u202eb\"").starts_with("c.toml:1: welcome_message contains a character"));
    assert!(said("[rooms.den]\ndescription = \"a\\u0000\"").contains("U+0000"));
    assert_eq!(good("welcome_message = \"\"").welcome_message, "");
    assert_eq!(good("welcome_message = \"Grüße 👋\"").welcome_message, "Grüße 👋");
}

#[test]
fn a_wrong_password_setting_is_refused_without_showing_it() {
    let long = "hunter2".repeat(19);
    for (password, words) in [
        (format!("\"{long}\""), "must be at most 128 characters"),
        ("\"hunter2\\u0007\"".to_owned(), "contains a character that cannot be typed"),
        ("\"hunter2\\t\"".to_owned(), "contains a character that cannot be typed"),
        ("\" hunter2\"".to_owned(), "begins or ends with a space"),
        ("\":hunter2\"".to_owned(), "begins with : or /, as commands do"),
        ("\"/hunter2\"".to_owned(), "begins with : or /, as commands do"),
        ("[\"hunter2\"]".to_owned(), "must be a string in quotes, not a list"),
        ("2222".to_owned(), "must be a string in quotes, not a number"),
        ("\"hunter2".to_owned(), "unterminated string"),
        ("hunter2".to_owned(), "a string must be in quotes"),
        ("\"hunter2\\q\"".to_owned(), "a backslash"),
    ] {
        let said = said(&format!("[rooms.den]\npublic = false\npassword = {password}"));
        assert!(said.starts_with("c.toml:3: ") && said.contains(words), "{said}");
        assert!(!said.contains("hunter") && !said.contains("2222"), "{said}");
    }
    assert_eq!(said(&format!("[rooms.den]\npassword = \"{}\"", "ä".repeat(128))), "");
}

// Syntax.

#[test]
fn syntax_errors_are_in_plain_words() {
    let quotes = r#"a string must be in quotes, as in key = "text"; numbers, true and false have none"#;
    let number = "not a number; write it as in key = 5";
    let value = "a key needs = and a value, as in key = 5";
    for (text, line, words) in [
        ("telnet = auto", 1, quotes),
        ("connection_timeout = yes", 1, quotes),
        ("connection_timeout = True", 1, "not a value; write true or false in full and in lower case"),
        ("listen = 0.0.0.0:5555", 1, quotes),
        ("connection_timeout = no", 1, quotes),
        ("history_max = 5.", 1, number),
        ("history_max = 1,000", 1, "only a comment may follow; each key needs a line of its own"),
        ("history_max = 007", 1, "a number must not begin with 0"),
        ("\n\nhistory_max", 3, value),
        ("history_max = \ntelnet = \"auto\"", 1, value),
        ("history_max: 5", 1, value),
        ("// a comment", 1, value),
        ("welcome message = 5", 1, value),
        ("[limits\nline_bytes = 700", 1, "the name of a section must end with ]"),
        ("telnet = \"auto\nhistory_max = 5\n", 1, "unterminated string; put a \" at its end"),
        ("telnet = 'auto\nhistory_max = 5\n", 1, "unterminated string; put a ' at its end"),
        ("telnet = \"\"\"auto\nhistory_max = 5\n", 2, "unterminated string; put \"\"\" at its end"),
        ("welcome_message = \"C:\\path\"", 1, "a backslash in a string must be doubled, as \\\\"),
        ("listen = [\"0.0.0.0:1\",\n\n", 1, "unterminated list; put a ] at its end"),
        ("history_max = 5\nhistory_max = 6", 2, "history_max appears twice; keep one of the two"),
        ("[limits]\n[rooms.den]\n[limits]\n", 3, "the section limits appears twice; put its keys together"),
        ("[]", 1, "missing key"),
        ("[rooms.über]", 1, "a key may contain only letters, digits, _ and -"),
    ] {
        one(text, &format!("{line}: {words}"));
    }
}

#[test]
fn a_broken_line_does_not_hide_the_other_mistakes() {
    assert_eq!(
        said(
            "welcom_message = \"x\"\r\ntelnet = auto\r\n[limits]\r\nline_bytes = 5\r\n[limits]\r\nfoo = 1\r\n[rooms.den]\r\nlimit = \"x\"\r\n"
        ),
        "c.toml:1: unknown key welcom_message; did you mean welcome_message?\n\
         c.toml:2: a string must be in quotes, as in key = \"text\"; numbers, true and false have none\n\
         c.toml:4: limits.line_bytes must be 64 to 1048576, or 0 for no limit, not 5\n\
         c.toml:5: the section limits appears twice; put its keys together\n\
         c.toml:6: unknown key limits.foo; see chatsock.toml.example for all of them\n\
         c.toml:8: rooms.den.limit must be a whole number, not the string \"x\""
    );
}

#[test]
fn a_broken_header_makes_no_mistakes_of_the_lines_below_it() {
    assert_eq!(said("history_max = 5\n[limits\nline_bytes = 9000\nfoo = 1\n").lines().count(), 1);
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_lines() {
    assert_eq!(
        said("username_min = 0\nfoo = 1\nlisten = [\"x\", \"5555\"]\n\n[clusters]\n[limits]\nexempt = [\"y\"]\n[rooms.a]\n")
            .lines()
            .map(|line| { line.split(": ").next().unwrap().to_owned() })
            .collect::<Vec<_>>(),
        ["c.toml:1", "c.toml:2", "c.toml:3", "c.toml:3", "c.toml:5", "c.toml:7", "c.toml:8"]
    );
}

#[test]
fn no_text_makes_the_reader_panic() {
    let whole = include_str!("../../chatsock.toml.example");
    for end in (0..whole.len()).step_by(7).filter(|end| whole.is_char_boundary(*end)) {
        let _cut_anywhere = parse(&whole[..end], "c.toml");
        let _begun_anywhere = parse(&whole[end..], "c.toml");
    }
    for odd in ["[", "]", "=", "\"", "'''", "\r", "\0", "\u{feff}", "a.b.c = {", "[[", "[[[[[[", "é = ü\n[é"] {
        let _odd = parse(odd, "c.toml");
    }
    let _deep = parse(&format!("a = {}", "[".repeat(100_000)), "c.toml");
}

// The file itself.

/// A temporary file of this test process, deleted on drop.
struct ScratchFile(PathBuf);

impl ScratchFile {
    fn with(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("chatsock-config-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn said(&self) -> String {
        let said = load(&self.0).unwrap_err().to_string();
        said.replace(&*self.0.to_string_lossy(), "FILE")
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // If this fails, the file stays among the system's temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_read_and_named_in_its_mistakes() {
    let file = ScratchFile::with("wrong", b"\nhistory_max = true\n");
    assert_eq!(file.said(), "FILE:2: history_max must be a whole number, not true");
    let file = ScratchFile::with("right", b"history_max = 9\n");
    assert_eq!(load(&file.0).unwrap().history_max, 9);
}

#[test]
fn a_missing_file_and_a_directory_are_one_mistake_without_a_line() {
    let missing = load(Path::new("/nonexistent/c.toml")).unwrap_err();
    assert_eq!(missing.to_string(), "/nonexistent/c.toml: no such file");
    let directory = load(&std::env::temp_dir()).unwrap_err().to_string();
    assert!(directory.ends_with(": this is a directory; name a file in it"), "{directory}");
}

#[test]
fn a_file_that_is_not_utf8_is_reported_with_the_line() {
    let file = ScratchFile::with("latin1", b"history_max = 9\nwelcome_message = \"Gr\xFC\xDFe\"\n");
    assert_eq!(file.said(), "FILE:2: the file is not UTF-8 text; save it in that encoding");
    let utf16: Vec<u8> = "\u{feff}a = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(ScratchFile::with("utf16", &utf16).said().starts_with("FILE:1: the file is not UTF-8"));
}

#[test]
fn a_file_too_long_to_be_a_config_is_not_read_to_its_end() {
    let file = ScratchFile::with("long", &vec![b'\n'; 1024 * 1024 + 1]);
    assert_eq!(file.said(), "FILE: the file is over 1 MiB and cannot be a config file");
}

#[test]
fn a_named_file_is_used_even_if_it_does_not_exist() {
    assert_eq!(Config::file(Some(Path::new("/nonexistent"))), Some(PathBuf::from("/nonexistent")));
}

#[test]
fn a_file_that_nobody_can_tell_exists_is_a_mistake_and_not_a_missing_one() {
    let file = ScratchFile::with("plain", b"");
    // As root may search every directory, "not a directory" stands in for "no permission".
    let hidden = file.0.join("chatsock.toml");
    assert_eq!(unless_missing(&hidden), Some(hidden));
    assert_eq!(unless_missing(&file.0), Some(file.0.clone()));
    assert_eq!(unless_missing(Path::new("/nonexistent/chatsock.toml")), None);
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_named_as_such() {
    one(
        "history_max = 5\rchatview_max = 5\r",
        "1: every line must end with LF or CR LF; save the file with such line ends",
    );
}
