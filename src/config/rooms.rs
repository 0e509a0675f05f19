//! The sections `[rooms.NAME]`.
//!
//! *Owns* the keys of a room's section. *Knows nothing of* the other sections.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{ROOM_KEYS, bare, unknown_keys};
use super::value::{MAX_COUNT, Section, TomlValue, ValueReader, kind};
use crate::chat::names::{Alphabet, RoomName, UNICODE_BUILT};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::Secret;
use crate::text::sanitize;
use crate::ui::command;

/// Longest room password, in characters. Far more than users type, and far less than would slow anything down.
const MAX_PASSWORD: usize = 128;

/// Reads all rooms of the section `[rooms]`, including those with mistakes.
pub(super) fn read_rooms(
    reader: &mut ValueReader<'_>,
    table: &DeTable<'_>,
    names: Alphabet,
) -> BTreeMap<RoomName, RoomSettings> {
    let mut rooms: BTreeMap<RoomName, RoomSettings> = BTreeMap::new();
    let mut in_file_order: Vec<(&Spanned<_>, &TomlValue<'_>)> = table.iter().collect();
    in_file_order.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in in_file_order {
        let line = reader.line(key);
        let spelling: &str = key.get_ref();
        let shown = bare(spelling);
        let DeValue::Table(keys) = value.get_ref() else {
            let text = if ROOM_KEYS.contains(&spelling) {
                format!("{spelling} does not belong here; move it to the section of a room, as in [rooms.general]")
            } else {
                format!("rooms.{shown} must be a section, as in [rooms.general], not {}", kind(value.get_ref()))
            };
            reader.mistake(Some(line), text);
            continue;
        };
        let prefix = format!("rooms.{shown}.");
        let room = read_room(reader, Section { prefix: &prefix, table: keys });
        match RoomName::parse_in(spelling, names) {
            // The key `names` already has the mistake that this build lacks the feature.
            Err(_) if names == Alphabet::Unicode && !UNICODE_BUILT && !spelling.is_ascii() => {}
            Err(error) => {
                let text = format!("rooms.{shown} is not a room name; {}", error.clause());
                reader.mistake(Some(line), text);
            }
            Ok(name) => {
                if let Some((first, _)) = rooms.get_key_value(&name) {
                    let text = format!("rooms {first} and {name} differ only in case; rename one");
                    reader.mistake(Some(line), text);
                } else if names == Alphabet::Unicode
                    && let Some(first) = rooms.keys().find(|first| first.looks().overlap(&name.looks()))
                {
                    reader.mistake(Some(line), format!("rooms {first} and {name} look alike; rename one"));
                }
                rooms.insert(name, room);
            }
        }
    }
    rooms
}

fn read_room(reader: &mut ValueReader<'_>, section: Section<'_, '_>) -> RoomSettings {
    unknown_keys(reader, section, ROOM_KEYS);
    let mut room = RoomSettings::default();
    reader.read_bool(section, "public", &mut room.public);
    reader.read_line(section, "description", &mut room.description);
    reader.read_limit(section, "limit", 1..=MAX_COUNT, &mut room.limit);
    room.entry = match read_password(reader, section) {
        Some(password) => RoomAccess::Password(password),
        None if room.public => RoomAccess::Open,
        None => RoomAccess::Closed,
    };
    room
}

/// Reads the password, if there is one. No mistake quotes it.
fn read_password(reader: &mut ValueReader<'_>, section: Section<'_, '_>) -> Option<Secret> {
    let value = section.get("password")?;
    let wrong = match value.get_ref() {
        DeValue::String(text) if text.chars().count() > MAX_PASSWORD => {
            format!("must be at most {MAX_PASSWORD} characters")
        }
        DeValue::String(text) if sanitize(text) != **text => {
            "contains a character that cannot be typed; remove it".to_owned()
        }
        DeValue::String(text) if text.trim() != text => {
            "begins or ends with a space, which users cannot see when they type it; remove it".to_owned()
        }
        DeValue::String(text) if command::begins_with_mark(text) => {
            "begins with : or /, as commands do at the password prompt; choose another one".to_owned()
        }
        DeValue::String(text) => return Secret::new(text),
        other => format!("must be a string in quotes, not {}", kind(other)),
    };
    let text = format!("{}password {wrong}", section.prefix);
    reader.mistake(Some(reader.line(value)), text);
    None
}
