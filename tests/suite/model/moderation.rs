//! Moderation: kicks, bans, mutes, admins, and a room's settings.

use super::chat::{Chat, Client, Person, Place, parts};
use super::room::{Ban, Keeper, Room, Who};
use super::rules::Rank;
use super::settings::{change, must_differ};
use super::step::{Act, Misuse, Setting};
use super::talk::NO_ROOM;

const NO_PAIR: &str = "! That is for rooms, and you are in a conversation. :join makes a room the current one.";

fn because(sentence: String, reason: &str) -> String {
    if reason.is_empty() { sentence } else { format!("{sentence} ({reason})") }
}

fn hours(lasts: Option<u64>) -> String {
    match lasts {
        None => String::new(),
        Some(1) => " for 1 hour".to_owned(),
        Some(hours) => format!(" for {hours} hours"),
    }
}

pub fn not_admin(room: &Room) -> String {
    let name = &room.name;
    match room.made_by {
        Some(_) => format!("Only admins of {name} can do that; :list marks them."),
        None => format!("{name} is one of the server's own rooms and has no admins; :create makes a room of your own."),
    }
}

/// The target of an action.
struct Target {
    who: Option<Who>,
    name: String,
    rank: Rank,
    own: bool,
    present: bool,
}

impl Chat {
    pub fn about_room(&mut self, me: Client, act: &Act) {
        let Some(person) = self.person(me) else { return };
        let (who, room) = match (person.open.last(), person.room()) {
            (None, _) => return self.tell(me, NO_ROOM),
            (_, None) => return self.tell(me, NO_PAIR),
            (_, Some(room)) => (person.who(), room),
        };
        let people = self.named_in(&who, &room, act);
        let done = match act {
            Act::Invite(invited) => {
                self.invite(me, &room, invited);
                return;
            }
            Act::ShowTopic => {
                let line = match self.rooms[&room].description.as_str() {
                    "" => format!("* {room} has no description."),
                    text => format!("* {room}: {text}"),
                };
                return self.tell(me, line);
            }
            Act::ShowSettings => return self.show_settings(me, &room),
            Act::Topic(text) if text.len() > 150 => {
                let length = text.len();
                return self.tell(me, format!("! Too long: {length} characters; the limit is 150."));
            }
            Act::Set(Setting::Wrong(key)) => {
                let takes = match *key {
                    "limit" => "a number of people, or off",
                    "slow" => "seconds or a time like 10m, six hours at most, or off",
                    _ => "on or off",
                };
                return self.tell(me, format!("! {key} takes {takes}."));
            }
            Act::Bans => return self.list_bans(me, &room),
            Act::Destroy => self.destroy(&who, &room),
            Act::Kick(typed, reason) => self.kick(&who, &room, typed, reason),
            Act::Ban(typed, lasts, reason) => self.ban(&who, &room, typed, *lasts, reason),
            Act::Unban(typed) => self.unban(&who, &room, typed),
            Act::Mute(typed, lasts) => self.mute(&who, &room, typed, *lasts),
            Act::Unmute(typed) => self.unmute(&who, &room, typed),
            Act::Promote(typed) => self.promote(&who, &room, typed),
            Act::Demote(typed) => self.demote(&who, &room, typed),
            Act::Topic(text) => self.set(&who, &room, |room| {
                must_differ(room.description != *text)?;
                room.description.clone_from(text);
                Ok(format!("set the description: {text}"))
            }),
            Act::Slow(seconds) => self.set(&who, &room, |room| {
                must_differ(room.slow != *seconds)?;
                room.slow = *seconds;
                Ok(match seconds {
                    0 => "turned off slow mode".to_owned(),
                    seconds => format!("turned on slow mode: {seconds} seconds between messages"),
                })
            }),
            Act::Set(setting) => self.set(&who, &room, |room| change(room, setting)),
            _ => return,
        };
        match done {
            Err(why) => self.tell(me, format!("! {why}")),
            Ok(news) if news.is_empty() => {}
            Ok(news) => {
                self.news(&room, news.clone(), Some(me), people);
                // The target cannot inherit the rank they have just lost.
                let but = match act {
                    Act::Demote(typed) | Act::Mute(typed, _) => self.find(typed).map(|person| person.client),
                    _ => None,
                };
                self.name_heir(&room, but);
                self.tell(me, format!("* {news}"));
                if let Act::Ban(typed, ..) = act
                    && self.find(typed).is_none()
                {
                    let name = self.bare(typed).to_owned();
                    self.tell(me, format!("* {name} is not online: the ban is by name alone."));
                }
            }
        }
    }

    /// The actor and the target: a user in the room, or else only a name.
    fn named_in(&self, who: &Who, room: &str, act: &Act) -> Vec<(Client, String)> {
        let mut people = vec![(who.client, who.name.clone())];
        if let Act::Kick(typed, _) | Act::Ban(typed, ..) | Act::Mute(typed, _) = act {
            people.push(self.named(room, typed));
        } else if let Act::Unban(typed) | Act::Unmute(typed) | Act::Promote(typed) | Act::Demote(typed) = act {
            people.push(self.named(room, typed));
        }
        people
    }

    fn named(&self, room: &str, typed: &str) -> (Client, String) {
        let here = self.find(typed).map(|person| person.client);
        let here = here.filter(|client| self.rooms[room].members.contains_key(client));
        (here.or(parts(typed).1).unwrap_or_default(), self.bare(typed).to_owned())
    }

    /// Shows how a command is used, and does nothing.
    pub fn misuse(&mut self, me: Client, misuse: &Misuse) {
        let Some(person) = self.person(me) else { return };
        let mark = if person.view { '/' } else { ':' };
        let (_, syntax, example) = misuse.texts();
        match person.open.last() {
            _ if matches!(misuse, Misuse::Close | Misuse::Destroy) => {
                return self.tell(me, format!("! Use it as {mark}{syntax}, with nothing after it."));
            }
            None => return self.tell(me, NO_ROOM),
            Some(Place::Pair(_)) => return self.tell(me, NO_PAIR),
            Some(Place::Room(_)) => {}
        }
        if matches!(misuse, Misuse::Ban(_)) {
            let units = "write numbers with units (s, m, h, d, w), such as 30s, 1h30m or 2 days, and at most 366 days";
            return self.tell(me, format!("! 9x is not a duration: {units}."));
        }
        self.tell(me, format!("! Use it as {mark}{syntax}, for example {mark}{example}"));
    }

    fn present(&self, room: &str, typed: &str, me: &Who) -> Result<Target, String> {
        let known = &self.rooms[room];
        let found = self.find(typed).filter(|person| known.members.contains_key(&person.client));
        let person = found.ok_or_else(|| format!("{typed} is not in {room}; :list shows who is."))?;
        let (who, own) = (person.who(), person.client == me.client);
        Ok(Target { name: who.name.clone(), rank: known.rank(&who), who: Some(who), own, present: true })
    }

    /// Whether one user may act against another.
    fn judge(&self, me: &Who, room: &str, target: &Target, verb: &str) -> Result<(), String> {
        let known = &self.rooms[room];
        let rank = known.rank(me);
        if !rank.keeps_order() {
            return Err(not_admin(known));
        }
        let allowed = match verb {
            "demote" => rank.demotes(target.rank, target.own),
            _ => rank.is_over(target.rank) && !target.own,
        };
        if allowed {
            return Ok(());
        }
        Err(match target.rank {
            _ if target.own => format!("You cannot {verb} yourself."),
            Rank::Owner => format!("You cannot {verb} {}, who owns the room: nobody can.", target.name),
            Rank::Admin => {
                format!("You cannot {verb} {}, who is an admin: only the owner can.", target.name)
            }
            _ => format!("{} is not an admin.", target.name),
        })
    }

    fn keeps_order(&mut self, me: &Who, room: &str) -> Result<&mut Room, String> {
        let known = self.rooms.get_mut(room).ok_or_else(String::new)?;
        if known.rank(me).keeps_order() { Ok(known) } else { Err(not_admin(known)) }
    }

    /// Notifies the target, unless they have the room's view open.
    fn hear(&mut self, room: &str, who: &Who, line: String) {
        if self.person(who.client).is_some_and(|person| person.viewed() != Some(room)) {
            self.tell(who.client, line);
        }
    }

    fn put_out(&mut self, room: &str, who: &Who, line: String) {
        if let Some(known) = self.rooms.get_mut(room) {
            known.remove(who);
            known.keepers.retain(|keeper| !keeper.who.is(who));
        }
        self.tell(who.client, line);
        self.lose(who.client, &Place::Room(room.to_owned()));
    }

    fn kick(&mut self, me: &Who, room: &str, typed: &str, reason: &str) -> Result<String, String> {
        let target = self.present(room, typed, me)?;
        self.judge(me, room, &target, "kick")?;
        if let (Some(who), Some(known)) = (&target.who, self.rooms.get_mut(room)) {
            known.kicks.retain(|kicked| !kicked.is(who));
            known.kicks.push(who.clone());
            let line = because(format!("* You were kicked from {room} by {}", me.name), reason);
            self.put_out(room, who, format!("{line}. You may come back in 1 minute."));
        }
        Ok(because(format!("{} was kicked by {}", target.name, me.name), reason))
    }

    fn ban(&mut self, me: &Who, room: &str, typed: &str, lasts: Option<u64>, reason: &str) -> Result<String, String> {
        let here = self.present(room, typed, me);
        if here.is_err() {
            self.numbered_online(typed)?;
        }
        let target = here.unwrap_or_else(|_| {
            let known = &self.rooms[room];
            let name = self.bare(typed).to_owned();
            let who = self.find(typed).map(Person::who);
            let awaited = known.keepers.iter().find(|keeper| keeper.awaited && keeper.who.name == name);
            let rank = match awaited {
                Some(keeper) if keeper.owner => Rank::Owner,
                Some(_) => Rank::Admin,
                None => who.as_ref().map_or(Rank::Stranger, |who| known.rank(who)),
            };
            let own = who.as_ref().is_some_and(|who| who.client == me.client);
            Target { who, name, rank, own, present: false }
        });
        self.judge(me, room, &target, "ban")?;
        let known = self.rooms.get_mut(room).ok_or_else(String::new)?;
        let address = target.who.as_ref().map(|who| who.address.clone()).filter(|address| !address.starts_with("127."));
        let before = known.bans.iter().position(|ban| ban.name == target.name).map(|at| known.bans.remove(at));
        let (known_address, known_who) = before.map_or((None, None), |ban| (ban.address, ban.who));
        let ban = Ban {
            name: target.name.clone(),
            who: target.who.clone().or(known_who),
            address: address.or(known_address),
            by: me.name.clone(),
            timed: lasts.is_some(),
            reason: reason.to_owned(),
        };
        known.invited.retain(|guest| !ban.is_about(guest));
        known.bans.push(ban);
        let length = hours(lasts);
        if let Some(who) = target.who.as_ref().filter(|_| target.present) {
            let line = because(format!("* You were banned from {room} by {}{length}", me.name), reason);
            self.put_out(room, who, line + ".");
        }
        Ok(because(format!("{} was banned by {}{length}", target.name, me.name), reason))
    }

    /// A session id names only users who are online.
    fn numbered_online(&self, typed: &str) -> Result<(), String> {
        match parts(typed).1.is_some() && self.find(typed).is_none() {
            true => Err(format!("{typed} is not online; :listall shows who is.")),
            false => Ok(()),
        }
    }

    fn unban(&mut self, me: &Who, room: &str, typed: &str) -> Result<String, String> {
        let name = self.bare(typed).to_owned();
        self.keeps_order(me, room)?;
        self.numbered_online(typed)?;
        let online = self.find(typed).map(Person::who);
        let known = self.keeps_order(me, room)?;
        let before = known.bans.len();
        let known_as = |ban: &Ban| ban.who.as_ref().zip(online.as_ref()).is_some_and(|(known, who)| known.is(who));
        known.bans.retain(|ban| ban.name != name && !known_as(ban));
        if known.bans.len() == before {
            return Err(format!("{name} is not banned from {room}; :bans lists who is."));
        }
        Ok(format!("{name} was unbanned by {}", me.name))
    }

    fn mute(&mut self, me: &Who, room: &str, typed: &str, lasts: Option<u64>) -> Result<String, String> {
        let target = self.present(room, typed, me)?;
        self.judge(me, room, &target, "mute")?;
        let length = hours(lasts);
        if let (Some(who), Some(known)) = (&target.who, self.rooms.get_mut(room)) {
            known.keepers.retain(|keeper| !keeper.who.is(who));
            known.mutes.retain(|(muted, _)| !muted.is(who));
            known.mutes.push((who.clone(), lasts.is_some()));
            let line = format!("* You were muted in {room} by {}{length}: you can read, but not write.", me.name);
            self.hear(room, who, line);
        }
        Ok(format!("{} was muted by {}{length}", target.name, me.name))
    }

    fn unmute(&mut self, me: &Who, room: &str, typed: &str) -> Result<String, String> {
        let name = self.bare(typed).to_owned();
        let online = self.find(typed).map(Person::who);
        self.keeps_order(me, room)?;
        self.numbered_online(typed)?;
        let known = self.keeps_order(me, room)?;
        // The name means the user who is online, not a former holder of the name.
        let meant = |muted: &Who| online.as_ref().map_or(muted.name == name, |who| muted.is(who));
        let before = known.mutes.len();
        known.mutes.retain(|(muted, _)| !meant(muted));
        if known.mutes.len() == before {
            return Err(format!("{typed} is not muted."));
        }
        if let Ok(Target { who: Some(who), .. }) = self.present(room, typed, me) {
            self.hear(room, &who, format!("* You may write in {room} again."));
        }
        Ok(format!("{name} was unmuted by {}", me.name))
    }

    fn promote(&mut self, me: &Who, room: &str, typed: &str) -> Result<String, String> {
        let target = self.present(room, typed, me)?;
        let known = self.keeps_order(me, room)?;
        if target.rank.keeps_order() {
            return Err(format!("{} is already an admin.", target.name));
        }
        if let Some(who) = &target.who {
            known.mutes.retain(|(muted, _)| !muted.is(who));
            known.keepers.push(Keeper { who: who.clone(), owner: false, awaited: false });
            self.hear(room, who, format!("* {} made you admin of {room}.", me.name));
        }
        Ok(format!("{} made {} admin", me.name, target.name))
    }

    fn demote(&mut self, me: &Who, room: &str, typed: &str) -> Result<String, String> {
        let target = self.present(room, typed, me)?;
        self.judge(me, room, &target, "demote")?;
        if !target.rank.keeps_order() {
            return Err(format!("{} is not an admin.", target.name));
        }
        if self.rooms[room].members.len() == 1 {
            return Err(format!("You are alone in {room}, so it stays yours."));
        }
        if let (Some(who), Some(known)) = (&target.who, self.rooms.get_mut(room)) {
            known.keepers.retain(|keeper| !keeper.who.is(who));
            self.hear(room, who, format!("* {} made you an ordinary member of {room}.", me.name));
        }
        Ok(format!("{} made {} an ordinary member", me.name, target.name))
    }

    fn destroy(&mut self, me: &Who, room: &str) -> Result<String, String> {
        match self.rooms[room].rank(me) {
            Rank::Owner => {}
            Rank::Admin => return Err(format!("Only the owner of {room} can do that.")),
            _ => return Err(not_admin(&self.rooms[room])),
        }
        let members = self.rooms.remove(room).map(|room| room.members).unwrap_or_default();
        for client in members.into_keys() {
            self.tell(client, format!("* {room} was closed by {}.", me.name));
            self.lose(client, &Place::Room(room.to_owned()));
        }
        Ok(String::new())
    }

    fn set(
        &mut self,
        me: &Who,
        room: &str,
        change: impl FnOnce(&mut Room) -> Result<String, String>,
    ) -> Result<String, String> {
        let known = self.keeps_order(me, room)?;
        change(known).map(|what| format!("{} {what}", me.name))
    }
}
