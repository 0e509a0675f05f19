//! Converts the TOML tree of `chatsock.toml` to a [`Config`], and collects every mistake in it.
//!
//! *Owns* which key sets which field, the ranges, and the contradictions. *Knows nothing of* files and of TOML's notation.

use toml::de::{DeTable, DeValue};

use super::conflict::contradiction;
use super::files::read_files;
use super::keys::{LIMIT_KEYS, STORAGE_BUILT, lacking, unknown_at_the_top, unknown_keys};
use super::listeners::{read_listeners, read_plain, read_telnet, refuse_nowhere};
use super::mistake::ConfigError;
use super::proxy::read_proxy;
use super::rooms::read_rooms;
use super::storage::{self, read_accounts, read_storage};
use super::syntax::{Tree, with_tree};
use super::tls::{read_state_dir, read_tls};
use super::value::{DAY, MAX_COUNT, Section, ValueReader, kind};
use super::{Config, LimitsConfig};
use crate::access::network::Network;
use crate::chat::names::{Alphabet, UNICODE_BUILT};

/// Seconds in a year: the longest `idle_timeout` and `room_linger`. Keeps the sum of a deadline and now far from overflow.
const YEAR: u64 = 366 * DAY;

/// Most messages kept per room. At 150 characters each a full room of this size takes about 250 MB.
const MAX_HISTORY: usize = 1_000_000;

/// Longest message that can be allowed, in characters.
const MAX_MESSAGE: usize = 100_000;

/// Shortest line that still takes a name, a password and a command.
const MIN_LINE: usize = 64;

/// Longest line that can be allowed, in bytes. Every connection may use this much memory.
const MAX_LINE: usize = 1024 * 1024;

/// Smallest backlog that holds one screen of ordinary text.
const MIN_OUTBOX: usize = 4096;

/// Reads the text of a config file; `file_name` is used only in the mistakes.
///
/// # Errors
///
/// Every mistake in it.
pub fn parse(text: &str, file_name: &str) -> Result<Config, ConfigError> {
    let mut reader = ValueReader::new(text, file_name);
    let (errors, config) = with_tree(text, |tree, state| match state {
        Tree::Unusable => Config::default(),
        Tree::Whole | Tree::Partial => read_config(&mut reader, tree.get_ref(), state),
    });
    for (line, words) in errors {
        reader.mistake(Some(line), words);
    }
    ConfigError::none_in(reader.mistakes)?;
    Ok(config)
}

fn read_config(reader: &mut ValueReader<'_>, table: &DeTable<'_>, state: Tree) -> Config {
    let mut config = Config::default();
    let top = Section { prefix: "", table };
    unknown_at_the_top(reader, table);

    read_names(reader, top, &mut config.names);
    read_telnet(reader, top, &mut config.telnet);
    reader.read_line(top, "welcome_message", &mut config.welcome_message);
    reader.read_bool(top, "connection_timeout", &mut config.connection_timeout);
    reader.read_number(top, "chatview_max", 1..=1000, &mut config.chatview_max);
    reader.read_number(top, "history_max", 0..=MAX_HISTORY, &mut config.history_max);
    reader.read_number(top, "username_min", 1..=32, &mut config.username_min);
    reader.read_number(top, "username_limit", 1..=32, &mut config.username_limit);
    reader.read_number(top, "message_limit", 1..=MAX_MESSAGE, &mut config.message_limit);
    reader.read_seconds(top, "shutdown_delay", 3600, &mut config.shutdown_delay);
    reader.read_deadline(top, "idle_timeout", YEAR, &mut config.idle_timeout);
    reader.read_seconds(top, "room_linger", YEAR, &mut config.room_linger);
    reader.read_bool(top, "quick_create", &mut config.quick_create);
    reader.read_bool(top, "exit_code", &mut config.exit_code);
    reader.read_path(top, "quote_file", &mut config.quote_file);
    read_accounts(reader, top, &mut config);
    read_state_dir(reader, top, &mut config.state_dir);
    let mut taken = read_listeners(reader, top, &mut config);
    // Without the feature the whole section is a mistake, reported above.
    let tls = if cfg!(feature = "tls") { section(reader, top, "tls") } else { None };
    let tls = tls.map(|table| Section { prefix: "tls.", table });
    // The encrypted listeners of other sections use this too, even without a section [tls].
    config.tls.telnet = config.telnet;
    if let Some(tls) = tls {
        config.tls = read_tls(reader, tls, reader.line_of(top, "tls"), &mut taken, state, config.telnet);
    }
    #[cfg(feature = "web")]
    if let Some(table) = section(reader, top, "web") {
        config.web = super::web::read_web(reader, Section { prefix: "web.", table }, &mut taken);
    }
    #[cfg(feature = "cluster")]
    if let Some(table) = section(reader, top, "cluster") {
        config.cluster = Some(super::cluster::read_cluster(reader, Section { prefix: "cluster.", table }));
    }
    #[cfg(feature = "json")]
    if let Some(table) = section(reader, top, "json") {
        let (line, plain) = (reader.line_of(top, "json"), !is_plain_off(top));
        config.json = super::json::read_json(reader, Section { prefix: "json.", table }, line, &mut taken, plain);
    }
    if let Some(table) = section(reader, top, "proxy") {
        config.proxy = read_proxy(reader, Section { prefix: "proxy.", table }, &mut taken, state);
    }
    if let Some(table) = section(reader, top, "files") {
        config.files = read_files(reader, Section { prefix: "files.", table }, &mut taken);
    }
    #[cfg(feature = "discovery")]
    if let Some(table) = section(reader, top, "discovery") {
        config.discovery = super::discovery::read_discovery(reader, Section { prefix: "discovery.", table });
    }
    #[cfg(feature = "metrics")]
    if let Some(table) = section(reader, top, "metrics") {
        config.metrics = super::metrics::read_metrics(reader, Section { prefix: "metrics.", table }, &mut taken);
    }
    read_plain(reader, top, state, &mut config);
    if state == Tree::Whole {
        refuse_nowhere(reader, top, tls, &config);
    }

    let no_limits = DeTable::new();
    let limits = Section { prefix: "limits.", table: section(reader, top, "limits").unwrap_or(&no_limits) };
    read_limits(reader, limits, &mut config.limits);
    if let Some(rooms) = section(reader, top, "rooms") {
        config.rooms = read_rooms(reader, rooms, config.names);
        if rooms.is_empty() && state == Tree::Whole {
            reader.mistake(
                reader.line_of(top, "rooms"),
                "[rooms] contains no room; add one, as in [rooms.general], or remove the section",
            );
        }
    }
    if STORAGE_BUILT && let Some(table) = section(reader, top, "storage") {
        #[cfg(feature = "cluster")]
        let archive = config.cluster.is_some();
        #[cfg(not(feature = "cluster"))]
        let archive = false;
        config.storage = Some(read_storage(reader, table, archive));
    }
    if state == Tree::Whole {
        contradictions(reader, top, limits, &config);
    }
    config
}

/// Reads the key `names`, which governs the names of rooms and operators.
fn read_names(reader: &mut ValueReader<'_>, top: Section<'_, '_>, names: &mut Alphabet) {
    reader.read_word(top, "names", &[("ascii", Alphabet::Ascii), ("unicode", Alphabet::Unicode)], names);
    if *names == Alphabet::Unicode && !UNICODE_BUILT {
        let text = format!("names = \"unicode\" {}", lacking("unicode-names"));
        reader.mistake(reader.line_of(top, "names"), text);
    }
}

/// Whether the key `plain`, which is read later, forbids unencrypted listeners.
#[cfg(feature = "json")]
fn is_plain_off(top: Section<'_, '_>) -> bool {
    top.get("plain").is_some_and(|value| value.get_ref().as_str() == Some("off"))
}

/// The table under `[name]`, if there is one.
fn section<'t, 'i>(reader: &mut ValueReader<'_>, top: Section<'t, 'i>, name: &str) -> Option<&'t DeTable<'i>> {
    let value = top.get(name)?;
    if let DeValue::Table(table) = value.get_ref() {
        return Some(table);
    }
    let example = if name == "rooms" { "rooms.general" } else { name };
    let text = format!("{name} must be a section, as in [{example}], not {}", kind(value.get_ref()));
    reader.mistake(reader.line_of(top, name), text);
    None
}

fn read_limits(reader: &mut ValueReader<'_>, section: Section<'_, '_>, limits: &mut LimitsConfig) {
    unknown_keys(reader, section, LIMIT_KEYS);
    if let Some(found) = reader.read_list(section, "exempt", "127.0.0.0/8", Network::parse) {
        limits.exempt = found.into_iter().map(|(network, _)| network).collect();
    }
    for (key, target) in [
        ("max_connections", &mut limits.max_connections),
        ("connections_per_ip", &mut limits.connections_per_ip),
        ("connections_per_ip_per_minute", &mut limits.connections_per_ip_per_minute),
        ("message_burst", &mut limits.message_burst),
        ("messages_per_second", &mut limits.messages_per_second),
        ("rooms_per_ip", &mut limits.rooms_per_ip),
    ] {
        reader.read_limit(section, key, 1..=MAX_COUNT, target);
    }
    reader.read_limit(section, "line_bytes", MIN_LINE..=MAX_LINE, &mut limits.line_bytes);
    reader.read_limit(section, "outbox_bytes", MIN_OUTBOX..=MAX_COUNT, &mut limits.outbox_bytes);
    reader.read_limit(section, "outbox_total_bytes", MIN_OUTBOX..=usize::MAX >> 1, &mut limits.outbox_total_bytes);
    reader.read_deadline(section, "login_seconds", DAY, &mut limits.login);
    reader.read_deadline(section, "outbox_stall_seconds", DAY, &mut limits.outbox_stall);
}

/// Reports values that are valid by themselves but contradict each other.
fn contradictions(reader: &mut ValueReader<'_>, top: Section<'_, '_>, limits: Section<'_, '_>, config: &Config) {
    let Config { username_min, username_limit, message_limit, .. } = config;
    let LimitsConfig { line_bytes, outbox_bytes, outbox_total_bytes, login, .. } = &config.limits;
    if username_min > username_limit {
        let text = format!(
            "username_min is {username_min}, over username_limit, which is {username_limit}; no name could be valid"
        );
        contradiction(reader, &[(top, "username_min"), (top, "username_limit")], text);
    }
    // A character takes a byte or more.
    if let Some(line) = line_bytes.filter(|line| line < message_limit) {
        let text = format!(
            "limits.line_bytes is {line}, too short for a message of message_limit = {message_limit} characters; \
             set line_bytes to {message_limit} or more, or message_limit to {line} or less"
        );
        contradiction(reader, &[(limits, "line_bytes"), (top, "message_limit")], text);
    }
    if let (Some(one), Some(all)) = (outbox_bytes, outbox_total_bytes)
        && all < one
    {
        let text = format!(
            "limits.outbox_total_bytes is {all}, less than outbox_bytes, the limit for one reader, which is {one}; raise it or lower outbox_bytes"
        );
        contradiction(reader, &[(limits, "outbox_total_bytes"), (limits, "outbox_bytes")], text);
    }
    if let Some(login) = login.filter(|login| config.connection_timeout && login.as_millis() <= 2500) {
        let text = format!(
            "limits.login_seconds is {}, but connection_timeout = true makes newcomers wait 2.5 seconds; raise it",
            login.as_secs()
        );
        contradiction(reader, &[(limits, "login_seconds"), (top, "connection_timeout")], text);
    }
    storage::contradictions(reader, top, config);
}
