//! The names of all settings, and the mistakes for unknown names.
//!
//! *Owns* the lists of keys and sections, and the hint where a key belongs. *Knows nothing of* the values.

use toml::de::DeTable;

use super::value::{Section, ValueReader, quoted};
use crate::chat::names::nearest;

/// Whether this build has the feature `tls`.
pub(super) const TLS_BUILT: bool = cfg!(feature = "tls");

/// Whether this build has the feature `storage`.
pub(super) const STORAGE_BUILT: bool = cfg!(feature = "storage");

pub(super) const TOP_KEYS: &[&str] = &[
    "listen",
    "plain",
    "telnet",
    "quick_listen",
    "welcome_message",
    "connection_timeout",
    "chatview_max",
    "history_max",
    "names",
    "username_min",
    "username_limit",
    "message_limit",
    "shutdown_delay",
    "idle_timeout",
    "room_linger",
    "quick_create",
    "exit_code",
    "quote_file",
    "accounts",
    "operators",
    "login_attempts",
    "login_block_seconds",
    "state_dir",
];

pub(super) const LIMIT_KEYS: &[&str] = &[
    "exempt",
    "max_connections",
    "connections_per_ip",
    "connections_per_ip_per_minute",
    "login_seconds",
    "line_bytes",
    "message_burst",
    "messages_per_second",
    "outbox_bytes",
    "outbox_total_bytes",
    "outbox_stall_seconds",
    "rooms_per_ip",
];

pub(super) const TLS_KEYS: &[&str] = &["listen", "telnet", "certificate", "key"];

pub(super) const WEB_KEYS: &[&str] = &["listen", "tls_listen", "hosts", "origins", "trusted_proxies"];

pub(super) const JSON_KEYS: &[&str] = &["listen", "tls_listen"];

pub(super) const PROXY_KEYS: &[&str] = &["listen", "tls_listen", "trusted"];

pub(super) const FILE_KEYS: &[&str] =
    &["listen", "tls_listen", "host", "max_bytes", "max_at_once", "bytes_per_second", "offer_seconds", "start_seconds"];

pub(super) const METRICS_KEYS: &[&str] = &["listen"];

pub(super) const DISCOVERY_KEYS: &[&str] = &["listen", "announce", "name"];

pub(super) const CLUSTER_KEYS: &[&str] = &[
    "redis",
    "user",
    "password_file",
    "ca_file",
    "prefix",
    "node",
    "partitions",
    "lease_seconds",
    "timeout_ms",
    "pending_bytes",
    "replicas",
    "drain_seconds",
    "directory",
];

pub(super) const ROOM_KEYS: &[&str] = &["public", "description", "limit", "password"];

pub(super) const STORAGE_KEYS: &[&str] = &["path", "history", "retention_days"];

const SECTIONS: &[&str] = &[
    "limits",
    "files",
    "rooms",
    "proxy",
    #[cfg(feature = "tls")]
    "tls",
    #[cfg(feature = "web")]
    "web",
    #[cfg(feature = "json")]
    "json",
    #[cfg(feature = "discovery")]
    "discovery",
    #[cfg(feature = "metrics")]
    "metrics",
    #[cfg(feature = "cluster")]
    "cluster",
];

/// Sections that need the Cargo feature of the same name.
const FEATURE_SECTIONS: &[&str] = &["tls", "storage", "web", "json", "discovery", "metrics", "cluster"];

/// Whether this is a section that only some builds know, and this build is one of them.
fn is_built(section: &str) -> bool {
    section == "storage" && STORAGE_BUILT
}

/// The message for a feature that this build lacks: `needs the feature ...`, with the command to build it.
#[must_use]
pub fn lacking(feature: &str) -> String {
    format!(
        "needs the feature {feature}, which is not in this build; build with: cargo run --release --features {feature}"
    )
}

/// Every key of any build, as (section, key). The sections are `""`, `"limits"`, `"tls"`, `"web"`, `"json"`, `"proxy"`, `"files"`,
/// `"discovery"`, `"metrics"`, `"cluster"`, `"rooms.NAME"` and `"storage"`.
pub fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("", TOP_KEYS),
        ("limits", LIMIT_KEYS),
        ("tls", TLS_KEYS),
        ("web", WEB_KEYS),
        ("json", JSON_KEYS),
        ("proxy", PROXY_KEYS),
        ("files", FILE_KEYS),
        ("discovery", DISCOVERY_KEYS),
        ("metrics", METRICS_KEYS),
        ("cluster", CLUSTER_KEYS),
        ("rooms.NAME", ROOM_KEYS),
        ("storage", STORAGE_KEYS),
    ]
    .into_iter()
    .flat_map(|(section, keys)| keys.iter().map(move |key| (section, *key)))
}

/// Reports unknown keys and sections at the top.
pub(super) fn unknown_at_the_top(reader: &mut ValueReader<'_>, table: &DeTable<'_>) {
    for (key, value) in table {
        let name = &**key.get_ref();
        if TOP_KEYS.contains(&name) || SECTIONS.contains(&name) || is_built(name) {
            continue;
        }
        let line = reader.line(key);
        let text = if FEATURE_SECTIONS.contains(&name) {
            format!("[{name}] {}", lacking(name))
        } else if value.get_ref().is_table() {
            // Sections of features that this build lacks are not suggested.
            unknown(
                &format!("section [{}]", bare(name)),
                nearest(name, SECTIONS.iter().chain(FEATURE_SECTIONS.iter().filter(|s| is_built(s))).copied())
                    .map(|s| format!("[{s}]")),
            )
        } else {
            let elsewhere = home(name, LIMIT_KEYS, "[limits]").or_else(|| home(name, ROOM_KEYS, "a [rooms.NAME]"));
            elsewhere.or_else(|| in_storage(name)).unwrap_or_else(|| unknown_key("", name, TOP_KEYS))
        };
        reader.mistake(Some(line), text);
    }
}

/// Reports the keys of `section` that are not in `keys`.
pub(super) fn unknown_keys(reader: &mut ValueReader<'_>, section: Section<'_, '_>, keys: &[&str]) {
    for key in section.table.keys() {
        let name = &**key.get_ref();
        if keys.contains(&name) {
            continue;
        }
        // The usual mistake: a top-level key below the first section.
        let text = home(name, TOP_KEYS, "the top of the file, above the first section")
            .or_else(|| home(name, LIMIT_KEYS, "[limits]"))
            .or_else(|| in_storage(name))
            .unwrap_or_else(|| unknown_key(section.prefix, name, keys));
        reader.mistake(Some(reader.line(key)), text);
    }
}

fn home(name: &str, keys: &[&str], place: &str) -> Option<String> {
    keys.contains(&name).then(|| format!("{name} does not belong here; move it to {place}"))
}

fn in_storage(name: &str) -> Option<String> {
    is_built("storage").then(|| home(name, STORAGE_KEYS, "[storage]")).flatten()
}

fn unknown_key(prefix: &str, name: &str, keys: &[&str]) -> String {
    let hint = nearest(name, keys.iter().copied()).map(str::to_owned);
    unknown(&format!("key {prefix}{}", bare(name)), hint)
}

fn unknown(what: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("unknown {what}; did you mean {hint}?"),
        None => format!("unknown {what}; see chatsock.toml.example for all of them"),
    }
}

/// A key as TOML writes it: in quotes unless it is plain.
pub(super) fn bare(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= 40 && name.chars().all(plain) { name.to_owned() } else { quoted(name) }
}
