//! Inviting users to a room.

use super::chat::{Chat, Client, Person};
use super::room::Who;
use super::rules::Rank;

impl Chat {
    pub fn invite(&mut self, me: Client, name: &str, invited: &[String]) {
        let Some(who) = self.person(me).map(Person::who) else { return };
        let mut missing = Vec::new();
        let mut asked: Vec<&String> = Vec::new();
        for typed in invited {
            if asked.contains(&typed) {
                continue;
            }
            asked.push(typed);
            let Some(guest) = self.find(typed).map(Person::who) else {
                missing.push(typed.clone());
                continue;
            };
            match self.invite_one(&who, name, &guest) {
                Some(why) => self.tell(me, format!("! {why}")),
                None => {
                    let people = vec![(me, who.name.clone()), (guest.client, guest.name.clone())];
                    self.news(name, format!("{} was invited by {}", guest.name, who.name), Some(me), people);
                    self.tell(me, format!("* {} was invited to {name} for 24 h.", guest.name));
                    if !self.person(guest.client).is_some_and(|person| person.ignores(me, &who.name)) {
                        let line = format!("* {} invites you to {name}: :join {name} enters it.", who.name);
                        self.tell(guest.client, line);
                    }
                }
            }
        }
        if !missing.is_empty() {
            self.tell(me, format!("! Not online, so not invited: {}. :invite them later.", missing.join(", ")));
        }
    }

    /// Invites a user to a room, or says why not.
    fn invite_one(&mut self, me: &Who, name: &str, guest: &Who) -> Option<String> {
        let last = self.last_message;
        let room = self.rooms.get_mut(name)?;
        if guest.client == me.client {
            return Some("You cannot invite yourself.".to_owned());
        }
        if room.members.contains_key(&guest.client) {
            return Some(format!("{} is in {name} already.", guest.name));
        }
        match room.rank(me) {
            Rank::Muted => return Some(format!("You are muted in {name}, so you cannot invite anybody.")),
            Rank::Member if !room.is_open() => {
                return Some(format!("{name} is not open to everybody: only its admins invite people."));
            }
            _ => {}
        }
        if let Some(ban) = room.banned(guest) {
            let remedy = match room.rank(me).keeps_order() {
                true => format!(": :unban {} lets them in again.", ban.name),
                false => ".".to_owned(),
            };
            return Some(format!("{} is banned from {name}{remedy}", guest.name));
        }
        let kicked = room.kicks.iter().any(|kicked| kicked.is(guest));
        if room.rank(me).keeps_order() && kicked {
            room.kicks.retain(|kicked| !kicked.is(guest));
        } else if room.invited.iter().any(|known| known.is(guest)) {
            return Some(format!("{} is invited to {name} already.", guest.name));
        }
        room.invited.retain(|known| !known.is(guest));
        room.invited.push(guest.clone());
        room.first(guest, last);
        None
    }
}
