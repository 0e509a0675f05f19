//! Tells programs about rooms that they are not in: new, changed and closed ones. A person on a terminal asks for the
//! list; a program may show it all the time.
//!
//! *Owns* who is told about which room. *Knows nothing of* members, who are told by their room.

use crate::chat::names::UserName;
use crate::hub::Hub;
use crate::hub::room::Room;
#[cfg(feature = "json")]
use crate::ui::screen::room_object;

/// What happened to a room, for users who are not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomNews {
    /// It is new, and everybody may know of it.
    Created,
    /// Its description, limit or door has changed.
    Changed,
    /// It was closed or hidden.
    Gone,
}

impl RoomNews {
    /// What a change of settings means to users who are not members; `None`: nothing. `before` and `now`: the room was and is
    /// public.
    pub(crate) fn of_settings(before: bool, now: bool) -> Option<RoomNews> {
        match (before, now) {
            (false, false) => None,
            (false, true) => Some(RoomNews::Created),
            (true, true) => Some(RoomNews::Changed),
            (true, false) => Some(RoomNews::Gone),
        }
    }

    /// As programs read it.
    #[cfg(feature = "json")]
    fn word(self) -> &'static str {
        match self {
            RoomNews::Created => "created",
            RoomNews::Changed => "changed",
            RoomNews::Gone => "gone",
        }
    }
}

impl Hub {
    /// Tells the programs of all users who are not in the room. `news` is one sentence.
    #[cfg_attr(not(feature = "json"), expect(clippy::unused_self, unused_variables, reason = "there are no programs"))]
    pub(crate) fn tell_programs(&self, room: &Room, what: RoomNews, by: Option<&UserName>, news: &str) {
        #[cfg(feature = "json")]
        {
            let name = room.name().as_str();
            let object = room_object(name, what.word(), by.map(UserName::as_str), news, jiff::Timestamp::now());
            for user in self.roster.users() {
                if user.outbox.is_program() && !user.outbox.watches(room.instance()) {
                    user.outbox.announce_object(&object);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_becomes_public_is_new_to_those_outside_and_a_hidden_one_is_gone() {
        assert_eq!(RoomNews::of_settings(false, true), Some(RoomNews::Created));
        assert_eq!(RoomNews::of_settings(true, false), Some(RoomNews::Gone));
        assert_eq!(RoomNews::of_settings(true, true), Some(RoomNews::Changed));
        assert_eq!(RoomNews::of_settings(false, false), None);
    }
}
