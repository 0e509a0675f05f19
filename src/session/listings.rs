//! Answers to questions: rooms, people, history, time, oneself.
//!
//! *Owns* the sentences and columns of these answers, and what a stranger may see in them.
//! *Knows nothing of* changing anything but the screen.
//! *Called by* `session::effects`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Session;
use crate::names::RoomName;
use crate::room::Room;
use crate::screen::Tone;

impl Session {
    #[inline(never)]
    pub(super) fn list_rooms(&mut self) {
        let rooms: Vec<_> = self.hub.rooms.all().into_iter().filter(|room| self.may_see(room)).collect();
        if rooms.is_empty() {
            return self.outbox.tell(Tone::News, "There are no public rooms.");
        }
        let counts: Vec<_> = rooms
            .iter()
            .map(|room| {
                let limit = room.config().limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
                format!("{}/{limit}", room.count())
            })
            .collect();
        let name_column = rooms.iter().map(|room| room.name().as_str().len()).max().unwrap_or(0);
        let count_column = counts.iter().map(String::len).max().unwrap_or(0);
        for (room, count) in rooms.iter().zip(&counts) {
            let config = room.config();
            let mut line = format!("{:name_column$}   {count:count_column$}  ", room.name().as_str());
            let unread = match self.unread(room) {
                0 => String::new(),
                unread => format!("({unread} unread)"),
            };
            let hidden = if config.public { "" } else { "(hidden)" };
            for part in [config.description.as_str(), &unread, hidden].into_iter().filter(|part| !part.is_empty()) {
                line.push(' ');
                line.push_str(part);
            }
            self.outbox.tell(Tone::News, line.trim_end());
        }
    }

    /// Hidden rooms are seen by those inside.
    fn may_see(&self, room: &Arc<Room>) -> bool {
        room.config().public || self.membership(room.name()).is_some()
    }

    fn unread(&self, room: &Arc<Room>) -> u64 {
        if self.viewed.as_ref().is_some_and(|viewed| Arc::ptr_eq(viewed, room)) {
            return 0;
        }
        self.membership(room.name()).map_or(0, |membership| room.said().saturating_sub(membership.read))
    }

    #[inline(never)]
    pub(super) fn list_people(&mut self, name: &RoomName) {
        let Some(membership) = self.membership(name) else { return };
        let room = Arc::clone(&membership.room);
        let now = Instant::now();
        let occupants = room.occupants();
        let idle: std::collections::HashMap<_, _> =
            self.hub.roster.people().into_iter().map(|person| (person.outbox.id(), person.idle(now))).collect();
        self.outbox.tell(Tone::News, &format!("{} in {}:", crate::palette::people(occupants.len()), room.name()));
        let column = occupants.iter().map(|occupant| occupant.name.as_str().len()).max().unwrap_or(0);
        for occupant in occupants {
            let here = now.saturating_duration_since(occupant.since);
            let silent = idle.get(&occupant.client).copied().unwrap_or_default();
            self.outbox.tell(
                Tone::News,
                &format!("{:column$}   here {}, idle {}", occupant.name.as_str(), short(here), short(silent)),
            );
        }
    }

    #[inline(never)]
    pub(super) fn list_everybody(&mut self) {
        let now = Instant::now();
        let people = self.hub.roster.people();
        let visible: HashSet<_> = self
            .hub
            .rooms
            .all()
            .into_iter()
            .filter(|room| self.may_see(room))
            .map(|room| room.name().clone())
            .collect();
        self.outbox.tell(Tone::News, &format!("{} online:", crate::palette::people(people.len())));
        let column = people.iter().map(|person| person.name.as_str().len()).max().unwrap_or(0);
        for person in people {
            let rooms: Vec<_> = person.outbox.rooms().into_iter().filter(|room| visible.contains(room)).collect();
            let rooms = if rooms.is_empty() {
                "no public room".to_owned()
            } else {
                rooms.iter().map(RoomName::as_str).collect::<Vec<_>>().join(", ")
            };
            let (here, silent) = (now.saturating_duration_since(person.since), person.idle(now));
            let line =
                format!("{:column$}   {rooms}, here {}, idle {}", person.name.as_str(), short(here), short(silent));
            self.outbox.tell(Tone::News, &line);
        }
    }

    #[inline(never)]
    pub(super) fn show_history(&mut self, name: &RoomName, count: Option<usize>) {
        let Some(membership) = self.membership(name) else { return };
        let events = membership.room.history(count.unwrap_or(self.hub.config().chatview_max));
        if events.is_empty() {
            return self.outbox.tell(Tone::News, &format!("Nothing has been said in {name} yet."));
        }
        self.outbox.tell_events(&events, &mut self.hub.clock.clone());
    }

    #[inline(never)]
    pub(super) fn tell_time(&mut self) {
        let now = Timestamp::now().to_zoned(self.hub.clock.zone().clone());
        self.outbox.tell(Tone::News, &format!("It is {}.", now.strftime("%H:%M:%S on %A, %Y-%m-%d (UTC%:z)")));
    }

    #[inline(never)]
    pub(super) fn tell_who_am_i(&mut self) {
        let Some(person) = &self.person else { return };
        let now = Instant::now();
        let rooms = self.palette.rooms();
        let rooms = if rooms.is_empty() {
            "in no room".to_owned()
        } else {
            format!("in {}", rooms.iter().map(RoomName::as_str).collect::<Vec<_>>().join(", "))
        };
        let here = short(now.saturating_duration_since(person.since));
        let who = format!("You are {}, {rooms}, here {here}.", person.name);
        let mode = if self.link.is_character_mode() { "char mode" } else { "line mode" };
        let terminal = match (self.link.terminal().name(), self.link.is_confirmed()) {
            (Some(name), _) => format!("terminal {name}"),
            (None, true) => "telnet, terminal unknown".to_owned(),
            (None, false) => "no telnet".to_owned(),
        };
        let width = self.link.window().map_or_else(String::new, |(columns, rows)| format!(", {columns}x{rows}"));
        let color = if self.outbox.with_display(|display, _| display.look().color) { "on" } else { "off" };
        self.outbox.tell(Tone::News, &who);
        self.outbox.tell(
            Tone::News,
            &format!("You connect from {}, not encrypted; {terminal}{width}, {mode}, colour {color}.", self.ip()),
        );
    }

    #[inline(never)]
    pub(super) fn redraw(&mut self) {
        self.outbox.with_display(|display, out| display.clear(out));
        if let Some(room) = self.viewed.clone() {
            room.open_view(self.outbox.id(), self.hub.config().chatview_max);
        }
    }
}

/// A span of time in its two largest units: `3 s`, `12 min`, `2 h 5 min`, `4 d 3 h`.
fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::short;
    use std::time::Duration;

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (7500, "2 h 5 min"), (356_400, "4 d 3 h")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), told);
        }
    }
}
