//! A room's settings.

use super::room::{Door, Room};
use super::step::Setting;

/// Refuses to set a setting to its present value.
pub fn must_differ(different: bool) -> Result<(), String> {
    if different { Ok(()) } else { Err("Nothing to change; :set shows the settings.".to_owned()) }
}

/// Changes a setting. A hidden room without a password is open only to invited users.
pub fn change(room: &mut Room, setting: &Setting) -> Result<String, String> {
    let name = room.name.clone();
    must_differ(match setting {
        Setting::Limit(limit) => room.limit != *limit,
        Setting::Password(None) => matches!(room.door, Door::Password(_)),
        Setting::Public(public) => room.public != *public,
        Setting::Invite(true) => room.door != Door::Closed,
        _ => true,
    })?;
    Ok(match setting {
        Setting::Limit(limit) => {
            room.limit = *limit;
            limit.map_or_else(|| "removed the limit".to_owned(), |limit| format!("set the limit to {limit}"))
        }
        Setting::Password(Some(password)) => {
            room.door = Door::Password(password.clone());
            "set a password".to_owned()
        }
        Setting::Password(None) if room.public => {
            room.door = Door::Open;
            "removed the password".to_owned()
        }
        Setting::Password(None) => {
            room.door = Door::Closed;
            "removed the password; the room is now invite-only".to_owned()
        }
        Setting::Public(true) => {
            room.public = true;
            "made the room public".to_owned()
        }
        Setting::Public(false) => {
            room.public = false;
            if room.door == Door::Open {
                room.door = Door::Closed;
            }
            match room.door {
                Door::Closed => "hid the room; it is now invite-only".to_owned(),
                _ => "hid the room".to_owned(),
            }
        }
        Setting::Invite(true) => {
            let before = std::mem::replace(&mut room.door, Door::Closed);
            match before {
                Door::Password(_) => "removed the password; the room is now invite-only".to_owned(),
                _ => "made the room invite-only".to_owned(),
            }
        }
        Setting::Wrong(key) => return Err((*key).to_owned()),
        Setting::Invite(false) if room.door != Door::Closed => return Err(format!("{name} is not invite-only.")),
        Setting::Invite(false) if !room.public => {
            return Err(format!(
                "{name} is hidden and has no password, so only invited people come in: set a password, or public on."
            ));
        }
        Setting::Invite(false) => {
            room.door = Door::Open;
            "opened the room to everybody".to_owned()
        }
    })
}

#[test]
fn a_hidden_room_is_never_open() {
    let mut room = Room::new("den", None);
    change(&mut room, &Setting::Public(false)).expect("hidden");
    assert_eq!(room.door, Door::Closed);
    assert!(change(&mut room, &Setting::Invite(false)).is_err());
    change(&mut room, &Setting::Password(Some("sesame".to_owned()))).expect("one");
    change(&mut room, &Setting::Password(None)).expect("none");
    assert_eq!(room.door, Door::Closed);
    assert!(change(&mut room, &Setting::Password(None)).is_err());
}
