//! Lists and facts a user asks for: rooms, users, history, the time, themselves.
//!
//! *Owns* the sentences and columns of these answers, and what a stranger may see in them.
//! *Knows nothing of* changing anything but the screen.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Session;
use super::archive::ArchivePage;
use crate::chat::action::{Actor, ReadBack};
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::message::MessageId;
use crate::chat::permission::Role;
use crate::chat::room_settings::RoomAccess;
use crate::hub::room::{Room, RoomOverview};
use crate::hub::roster::User;
use crate::text;
use crate::text::people;
use crate::ui::screen::{LineKind, Prompt};

/// Most pages that one `:history` reads from the archive, since messages leave memory while it reads.
const MOST_PAGES: usize = 4;

fn before_message(MessageId(id): MessageId) -> MessageId {
    MessageId(id.saturating_sub(1))
}

impl Session {
    #[inline(never)]
    pub(super) fn list_rooms(&mut self) {
        let Some(actor) = self.actor() else { return };
        let now = self.now();
        let known = |room: Arc<Room>| room.facts(&actor, now).map(|facts| (room, facts));
        let rooms: Vec<_> = self.hub.rooms.all().into_iter().filter_map(known).collect();
        if rooms.is_empty() {
            return self.outbox.tell(LineKind::News, "There are no public rooms.");
        }
        let count = |facts: &RoomOverview| {
            let limit = facts.config.limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
            format!("{}/{limit}", facts.people)
        };
        let name_column = rooms.iter().map(|(room, _)| text::width(room.name().as_str())).max().unwrap_or(0);
        let count_column = rooms.iter().map(|(_, facts)| count(facts).len()).max().unwrap_or(0);
        for (room, facts) in &rooms {
            let line = format!("{}   {:count_column$}  ", text::pad(room.name().as_str(), name_column), count(facts));
            self.tell_room(line, room, facts);
        }
    }

    #[inline(never)]
    fn tell_room(&self, mut line: String, room: &Arc<Room>, facts: &RoomOverview) {
        let made = facts.made.as_ref().map_or_else(String::new, |made| {
            let clock = self.outbox.clock().unwrap_or_else(|| self.hub.clock.clone());
            let at = made.at.to_zoned(clock.zone().clone());
            let today = Timestamp::now().to_zoned(clock.zone().clone()).date() == at.date();
            format!("(made by {}, {})", made.by, at.strftime(if today { "%H:%M" } else { "%Y-%m-%d" }))
        });
        let unread = match self.unread(room, facts) {
            0 => String::new(),
            unread => format!("({unread} unread)"),
        };
        let door = match facts.config.entry {
            RoomAccess::Password(_) | RoomAccess::Hashed(_) => "(password)",
            RoomAccess::Closed => "(by invitation)",
            RoomAccess::Open => "",
        };
        let hidden = if facts.config.public { "" } else { "(hidden)" };
        for part in [facts.config.description.as_str(), door, &made, &unread, hidden] {
            if !part.is_empty() {
                line.push(' ');
                line.push_str(part);
            }
        }
        self.outbox.tell(LineKind::News, line.trim_end());
    }

    pub(super) fn unread(&self, room: &Arc<Room>, facts: &RoomOverview) -> u64 {
        if self.rooms.is_viewed(room.id()) {
            return 0;
        }
        match self.rooms.get(room.id()) {
            Some(membership) => facts.said.saturating_add_signed(-membership.read),
            None => self.unread_since_last_visit(room),
        }
    }

    #[inline(never)]
    pub(super) fn list_people(&mut self, conversation: &Conversation) {
        let id = match conversation {
            Conversation::Room(id) => id,
            Conversation::Direct(partner) => {
                let line = format!("You and {} are in this conversation.", partner.name);
                return self.outbox.tell(LineKind::News, &line);
            }
        };
        let (Some(membership), Some(actor)) = (self.rooms.get(id), self.actor()) else { return };
        let room = Arc::clone(membership.room());
        let now = self.now();
        let occupants = room.occupants(&actor, now);
        self.outbox.tell(LineKind::News, &format!("{} in {}:", people(occupants.len()), room.name()));
        let column = occupants.iter().map(|occupant| text::width(occupant.name.as_str())).max().unwrap_or(0);
        for occupant in occupants {
            let here = now.saturating_duration_since(occupant.since);
            let target = Target { name: occupant.name.clone(), client: Some(occupant.client) };
            let user = self.hub.roster.find(&target);
            let silent = user.as_ref().map(|user| user.idle(now)).unwrap_or_default();
            let role = match occupant.role {
                Role::Operator => " (operator)",
                Role::Owner | Role::Admin => " (admin)",
                Role::Muted => " (muted)",
                Role::Member | Role::Stranger | Role::Banned => "",
            };
            let (registered, bot) = (registered(user.as_deref()), bot(user.as_deref()));
            let away = if user.is_some_and(|user| user.away().is_some()) { " (away)" } else { "" };
            let name = text::pad(occupant.name.as_str(), column);
            let line = format!("{name}   here {}, idle {}{role}{registered}{bot}{away}", short(here), short(silent));
            self.outbox.tell(LineKind::News, &line);
        }
    }

    /// The rooms of another user that this one may know of, in the other's order.
    pub(super) fn visible_rooms(&self, user: &User) -> Vec<String> {
        let Some(actor) = self.actor() else { return Vec::new() };
        let now = self.now();
        let known = |conversation: Conversation| {
            let id = conversation.room()?;
            let room = self.hub.rooms.find(&id.name).filter(|room| room.instance() == id.instance)?;
            room.is_known_to(&actor, now).then(|| room.name().to_string())
        };
        self.hub.open_of(user).into_iter().filter_map(known).collect()
    }

    #[inline(never)]
    pub(super) fn list_everybody(&mut self) {
        let Some(actor) = self.actor() else { return };
        let now = self.now();
        let everybody: Vec<_> = self.hub.roster.users().into_iter().map(|user| (user.name(), user)).collect();
        // Asked once per room and not once per user in it.
        let visible: std::collections::HashSet<_> = self
            .hub
            .rooms
            .all()
            .into_iter()
            .filter(|room| room.is_known_to(&actor, now))
            .map(|room| room.instance())
            .collect();
        self.outbox.tell(LineKind::News, &format!("{} online:", people(everybody.len())));
        let column = everybody.iter().map(|(name, _)| text::width(name.as_str())).max().unwrap_or(0);
        for (name, user) in everybody {
            let open = self.hub.open_of(&user);
            let rooms: Vec<_> = open
                .iter()
                .filter_map(Conversation::room)
                .filter(|room| visible.contains(&room.instance))
                .map(|room| room.name.as_str())
                .collect();
            let rooms = if rooms.is_empty() { "no public room".to_owned() } else { rooms.join(", ") };
            let (here, silent) = (now.saturating_duration_since(user.since), user.idle(now));
            let registered = registered(Some(&*user));
            let away = if user.away().is_some() { " (away)" } else { "" };
            let name = text::pad(name.as_str(), column);
            let line = format!("{name}   {rooms}, here {}, idle {}{registered}{away}", short(here), short(silent));
            self.outbox.tell(LineKind::News, &line);
        }
    }

    #[inline(never)]
    pub(super) fn show_history(&mut self, of: &Conversation, count: Option<usize>) {
        let Some(actor) = self.actor() else { return };
        let count = count.unwrap_or(self.hub.config().chatview_max);
        let (kept, seen) = match of {
            Conversation::Room(id) => {
                let Some(membership) = self.rooms.get(id) else { return };
                let room = Arc::clone(membership.room());
                self.show_room_history(&room, &actor, count)
            }
            Conversation::Direct(partner) => {
                let pair = self.hub.directs.find(self.outbox.id(), partner.client);
                pair.map_or((0, false), |pair| pair.show_history(count, &self.outbox, &self.hub.clock))
            }
        };
        if kept == 0 {
            return self.tell_nothing_to_read(of);
        }
        if !seen {
            self.outbox.tell(LineKind::News, "All of it was said by users you are ignoring.");
        }
    }

    fn tell_nothing_to_read(&self, of: &Conversation) {
        let room = of.room().and_then(|id| self.rooms.get(id)).map(|membership| membership.room());
        let line = match room.filter(|room| room.said() > 0).map(|room| room.read_back()) {
            None => format!("Nothing has been said in {of} yet."),
            Some(ReadBack::All) => format!("Nothing said in {of} is kept."),
            Some(ReadBack::Joined) => format!("Nothing has been said in {of} since you joined."),
            Some(ReadBack::Nothing) => format!("Nothing has been said in {of} since you entered."),
        };
        self.outbox.tell(LineKind::News, &line);
    }

    /// Shows the last `count` messages of a room: those that are on disk and no longer in memory, then the rest.
    /// Messages that leave memory while the disk is read, or another server is asked, are read too.
    fn show_room_history(&self, room: &Arc<Room>, actor: &Actor, count: usize) -> (usize, bool) {
        let mut missing = count.saturating_sub(room.history(actor, count, self.now()).len());
        let (mut all, mut any_seen, mut behind) = (0, false, None);
        let mut pages = 0;
        loop {
            let range = room.archived_range(actor, self.now()).filter(|_| missing > 0);
            let shown = behind.take();
            if let Some(mut older) = range {
                let before = older.before;
                older.after = older.after.max(shown.map_or(older.after, before_message));
                pages += 1;
                let mut is_complete = pages < MOST_PAGES;
                if older.is_any() {
                    let ArchivePage { messages, complete_after } = self.read_archive_page(room, older, missing);
                    all += messages.len();
                    let place = Some(room.name().as_str());
                    any_seen |=
                        !messages.is_empty() && self.outbox.tell_events(&messages, place, &mut self.hub.clock.clone());
                    is_complete &= complete_after.is_some();
                }
                behind = Some(before).filter(|_| is_complete);
                missing = usize::MAX;
            }
            if let Some((kept, seen)) = room.show_history(actor, count, behind, &self.outbox, self.now()) {
                return (all + kept, any_seen | seen);
            }
        }
    }

    #[inline(never)]
    pub(super) fn tell_time(&mut self) {
        let clock = self.outbox.clock().unwrap_or_else(|| self.hub.clock.clone());
        let now = Timestamp::now().to_zoned(clock.zone().clone());
        self.outbox.tell(LineKind::News, &format!("It is {}.", now.strftime("%H:%M:%S on %A, %Y-%m-%d (UTC%:z)")));
    }

    #[inline(never)]
    pub(super) fn tell_who_am_i(&mut self) {
        let Some(user) = &self.user else { return };
        let now = self.now();
        let rooms: Vec<_> = self.palette.open().iter().map(Conversation::to_string).collect();
        let rooms = if rooms.is_empty() { "in no room".to_owned() } else { format!("in {}", rooms.join(", ")) };
        let here = short(now.saturating_duration_since(user.since));
        let name = user.name();
        let account = match user.account() {
            _ if !self.hub.accounts().are_enabled() => "",
            Some(_) if self.hub.is_operator(&user.identity()) => ", an operator",
            Some(_) => ", registered",
            None => ", a guest",
        };
        let who = format!("You are {name} ({name}#{}){account}, {rooms}, here {here}.", user.client());
        let mode = if self.input.link.is_character_mode() { "char mode" } else { "line mode" };
        let terminal = match (self.input.link.terminal().name(), self.input.link.is_confirmed()) {
            (Some(name), _) => format!("terminal {name}"),
            (None, true) => "telnet, terminal unknown".to_owned(),
            (None, false) => "no telnet".to_owned(),
        };
        let width = self.input.link.window().map_or_else(String::new, |(columns, rows)| format!(", {columns}x{rows}"));
        let encrypted = match self.outbox.encryption() {
            Some(version) => format!("encrypted ({version})"),
            None => "not encrypted".to_owned(),
        };
        let color = if self.outbox.with_display(|display, _| display.look().color) { "on" } else { "off" };
        self.outbox.tell(LineKind::News, &who);
        self.outbox.tell(
            LineKind::News,
            &format!("You connect from {}, {encrypted}; {terminal}{width}, {mode}, colour {color}.", self.ip()),
        );
    }

    pub(super) fn redraw(&mut self) {
        self.outbox.with_display(|display, out| display.clear(out));
        if let Prompt::ChatView(conversation) = self.palette.prompt() {
            self.enter_view(&conversation);
        }
    }
}

/// The mark of registered users.
fn registered(user: Option<&User>) -> &'static str {
    if user.is_some_and(|user| user.account().is_some()) { " (registered)" } else { "" }
}

/// The mark of programs.
pub(super) fn bot(user: Option<&User>) -> &'static str {
    if user.is_some_and(User::is_bot) { " (bot)" } else { "" }
}

/// A duration in its two largest units: `3 s`, `12 min`, `2 h 5 min`, `4 d 3 h`.
pub(super) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
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
    fn durations_are_shown_in_their_two_largest_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (7500, "2 h 5 min"), (356_400, "4 d 3 h")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), told);
        }
    }
}
