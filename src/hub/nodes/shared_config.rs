//! The configured rooms, which servers share. The first server stores them, and a reload on any server changes them for
//! all.
//!
//! *Owns* the comparison of two servers' keys, and what a reload does to the shared rooms.
//! *Knows nothing of* files.

use std::sync::Arc;
use std::time::Instant;

use super::Nodes;
use super::note::{Note, SharedConfig, SharedRoom, text};
use super::submitting::not_shared;
use crate::access::password;
use crate::chat::action::NotShared;
use crate::chat::names::{RoomName, fold};
use crate::chat::room::{Beginning, RoomState};
use crate::chat::room_settings::{RoomAccess, RoomSettings};
use crate::chat::secret::{Hashed, Secret};
use crate::config::Config;
use crate::hub::Hub;
use crate::hub::room::Room;

/// The key under which they are stored.
pub(super) const KEY: &str = "rooms";

/// Whether the hash belongs to this password.
fn is_of(password: &Secret, hash: &str) -> bool {
    password::verify(password.expose(), &Hashed::new(hash))
}

impl SharedRoom {
    /// Converts settings in force in a room, or from a file once the password is hashed.
    fn new(settings: &RoomSettings) -> SharedRoom {
        let password = match &settings.entry {
            RoomAccess::Hashed(hash) => Some(hash.as_str().to_owned()),
            RoomAccess::Open | RoomAccess::Closed | RoomAccess::Password(_) => None,
        };
        let (public, description, limit) = (settings.public, settings.description.clone(), settings.limit);
        SharedRoom { public, description, limit, password }
    }

    /// The keys whose values differ in this file's section.
    fn differences(&self, settings: &RoomSettings) -> Vec<&'static str> {
        let same_password = match (&settings.entry, &self.password) {
            (RoomAccess::Password(password), Some(hash)) => is_of(password, hash),
            (RoomAccess::Hashed(own), Some(hash)) => own.as_str() == hash,
            (RoomAccess::Password(_) | RoomAccess::Hashed(_), None)
            | (RoomAccess::Open | RoomAccess::Closed, Some(_)) => false,
            (RoomAccess::Open | RoomAccess::Closed, None) => true,
        };
        let each = [
            ("public", self.public == settings.public),
            ("description", self.description == settings.description),
            ("limit", self.limit == settings.limit),
            ("password", same_password),
        ];
        each.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }
}

impl SharedConfig {
    /// The keys whose values differ in a configuration.
    fn differences(&self, config: &Config) -> Vec<String> {
        let mut keys = Vec::new();
        if self.history_max != config.history_max {
            keys.push("history_max".to_owned());
        }
        for (name, settings) in &config.rooms {
            match self.rooms.iter().find(|(known, _)| fold(known) == fold(name.as_str())) {
                Some((_, known)) => {
                    keys.extend(known.differences(settings).iter().map(|key| format!("rooms.{name}.{key}")));
                }
                None => keys.push(format!("rooms.{name}")),
            }
        }
        let is_missing = |known: &&String| !config.rooms.keys().any(|name| fold(name.as_str()) == fold(known));
        keys.extend(self.rooms.keys().filter(is_missing).map(|name| format!("rooms.{name}")));
        keys
    }
}

impl Nodes {
    /// Stores the shared configuration, unless another server has already done so; in that case logs the keys that
    /// differ. Called once at startup, when all rooms exist.
    pub(crate) fn share_config(&self, hub: &Hub) {
        let config = hub.config();
        let known = self.kept().config.clone();
        let Some(known) = known else { return self.write_config(hub, &config) };
        hub.rooms.resize_histories(known.history_max, Instant::now());
        let keys = known.differences(&config);
        if !keys.is_empty() {
            log::warn!(
                "cluster: the other servers have set otherwise: {}; theirs hold. A reload of this server (SIGHUP) gives its \
                 own to all",
                keys.join(", ")
            );
        }
    }

    fn write_config(&self, hub: &Hub, config: &Config) {
        let room = |name: &RoomName| Some(SharedRoom::new(&hub.rooms.find(name)?.settings_in_force()));
        let rooms = config.rooms.keys().filter_map(|name| Some((name.to_string(), room(name)?))).collect();
        let shared = SharedConfig { history_max: config.history_max, rooms };
        let kept = (KEY.into(), text(&shared));
        if let Err(why) = self.tell_all(&Note::Config(shared), Some(kept), None) {
            log::error!("cluster: the other servers do not know the configured rooms: {why}; reload");
        }
    }

    /// Applies a reloaded configuration to the rooms of all servers.
    pub(crate) fn apply_config(&self, hub: &Hub, old: &Config, now: Instant) {
        let config = hub.config();
        let known = self.kept().config.clone();
        let gone = |room: &Arc<Room>| !room.is_made() && !config.rooms.contains_key(room.name());
        // Rooms from another server's file stay, unless this server's file had them until now.
        let ours = |room: &Arc<Room>| old.rooms.contains_key(room.name());
        for room in hub.rooms.all().iter().filter(|room| gone(room) && ours(room)) {
            let line = format!("The room {} is closed.", room.name());
            report(room.name(), self.close_room(room, &line, None));
        }
        for (name, settings) in &config.rooms {
            report(name, self.set_up(hub, name, settings, now));
        }
        let is_same = known.is_some_and(|known| known.differences(&config).is_empty());
        if !is_same {
            self.write_config(hub, &config);
            self.check_copies();
        }
    }

    /// What was reloaded is to last.
    fn check_copies(&self) {
        let Some(cluster) = self.node() else { return };
        if !cluster.partitions().logs().all(|log| cluster.is_replicated(log)) {
            log::error!(
                "cluster: there are too few copies of the rooms' new settings: they are lost if Redis fails; reload again"
            );
        }
    }

    /// Gives a configured room its settings, on all servers.
    fn set_up(&self, hub: &Hub, name: &RoomName, settings: &RoomSettings, now: Instant) -> Result<(), NotShared> {
        let mut known = hub.rooms.find(name);
        if let Some(room) = known.as_ref().filter(|room| room.is_made()) {
            let line = format!("{name} is closed: the server now has a room of its own of that name.");
            self.close_room(room, &line, None)?;
            log::warn!("room {name}, a user's, was closed: the configuration now has a room of that name");
            known = None;
        }
        let in_force = known.as_ref().map(|room| room.settings_in_force());
        let Some(settings) = hashed(settings, in_force.as_ref()) else { return Ok(()) };
        match known {
            Some(room) => room.propose_settings(self, &settings, now).map_err(|error| not_shared(&error)),
            None => {
                let history_max = hub.config().history_max;
                let at = hub.moment();
                let beginning = Beginning { settings, founding: None, history_max, can_be_kept: false, at };
                let core = RoomState::new(name.clone(), beginning).core_line();
                self.make_room(name, &core, history_max, None).map(drop)
            }
        }
    }

    /// Takes over the shared configuration.
    pub(super) fn take_config(&self, hub: &Hub, config: SharedConfig, now: Instant) {
        hub.rooms.resize_histories(config.history_max, now);
        self.kept().config = Some(config);
    }
}

/// Settings with the password hashed; an unchanged password keeps its hash. `None` if hashing fails.
fn hashed(settings: &RoomSettings, in_force: Option<&RoomSettings>) -> Option<RoomSettings> {
    let RoomAccess::Password(password) = &settings.entry else { return Some(settings.clone()) };
    let entry = match in_force.map(|settings| &settings.entry) {
        Some(RoomAccess::Hashed(hash)) if is_of(password, hash.as_str()) => RoomAccess::Hashed(hash.clone()),
        _ => match password::hash(password.expose()) {
            Ok(hash) => RoomAccess::Hashed(hash),
            Err(error) => {
                log::error!("cannot hash a password: {error}");
                return None;
            }
        },
    };
    Some(RoomSettings { entry, ..settings.clone() })
}

fn report(name: &RoomName, done: Result<(), NotShared>) {
    if let Err(why) = done {
        log::error!("cluster: the room {name} does not match the configuration: {why}; reload again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        crate::config::parse(text, "a.toml").map_err(|mistakes| mistakes.to_string()).expect("a configuration")
    }

    fn shared(config: &Config) -> SharedConfig {
        let room = |settings: &RoomSettings| SharedRoom::new(&hashed(settings, None).expect("hashed"));
        let rooms = config.rooms.iter().map(|(name, settings)| (name.to_string(), room(settings))).collect();
        SharedConfig { history_max: config.history_max, rooms }
    }

    #[test]
    fn differing_keys_are_named() {
        let one = config("[rooms.general]\n[rooms.vip]\npublic = false\npassword = \"open sesame\"\nlimit = 3");
        let known = shared(&one);
        assert_eq!(serde_json::from_str::<SharedConfig>(&text(&known)).expect("read"), known);
        assert!(known.differences(&one).is_empty());
        let other = config(
            "history_max = 7\n[rooms.VIP]\npublic = false\npassword = \"other\"\ndescription = \"x\"\n[rooms.new]",
        );
        let expected = [
            "history_max",
            "rooms.VIP.description",
            "rooms.VIP.limit",
            "rooms.VIP.password",
            "rooms.new",
            "rooms.general",
        ];
        let mut differences = known.differences(&other);
        differences.sort();
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        assert_eq!(differences, expected);
        let open = config("[rooms.general]\npassword = \"x\"\n[rooms.vip]\npublic = false\nlimit = 3");
        assert_eq!(known.differences(&open), ["rooms.general.password", "rooms.vip.password"]);
    }

    #[test]
    fn an_unchanged_password_keeps_its_hash() {
        let one = config("[rooms.vip]\npassword = \"open sesame\"");
        let settings = one.rooms.values().next().expect("a room");
        let first = hashed(settings, None).expect("hashed");
        assert_eq!(hashed(settings, Some(&first)).as_ref(), Some(&first));
        assert_ne!(hashed(settings, None).as_ref(), Some(&first));
    }
}
