//! What each command means.
//!
//! *Owns* which command leads to which effect; the arguments of those for talking and for rooms stand in `talk` and
//! `room_commands`.
//! *Knows nothing of* how effects are carried out.
//! *Called by* `palette` alone.

use super::arguments::switch;
use super::limits::ECHOED_COLUMNS;
use super::paste::Paste;
use super::reading;
use super::reading::{InView, addressed, read_in_view};
use super::{Effect, Palette, Refusal, Rules, State, Viewing};
use crate::chat::conversation::Conversation;
use crate::chat::identity::Target;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::text;
use crate::ui::command::{self, Typed, Verb, listed};
use crate::ui::screen::{Bell, LineKind};

impl Palette {
    pub(super) fn is_in_view(&self) -> bool {
        self.state == State::ChatView
    }

    pub(super) fn run_in_palette(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        if line.trim().is_empty() {
            return;
        }
        match Typed::parse(line) {
            Some(typed) if !typed.word.is_empty() => self.run(typed, rules, effects),
            _ => match addressed(line) {
                Some(InView::Addressed { to, text }) => self.address(to, text, rules, effects),
                _ if line.strip_prefix('@').is_some_and(|to| to.starts_with(char::is_alphabetic)) => {
                    refuse(effects, Refusal::NoText);
                }
                _ => refuse(effects, Refusal::NotACommand),
            },
        }
    }

    pub(super) fn run_in_view(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        match read_in_view(line, rules.accounts) {
            InView::Nothing => {}
            InView::Said(text) => self.say(text, false, rules, effects),
            InView::Command(typed) => self.run(typed, rules, effects),
            InView::Back => self.leave_view(effects),
            InView::Mistaken(spec) if !spec.exists(rules.accounts) => refuse(effects, Refusal::NoAccounts),
            InView::Mistaken(spec) => {
                let typed = line[1..].split_whitespace().next().unwrap_or("");
                let exact = command::words(spec).any(|word| word.eq_ignore_ascii_case(typed));
                let meant = if exact { Some(spec.word) } else { command::suggestion(typed, rules.accounts) };
                refuse(effects, Refusal::LooksLikeCommand { meant });
            }
            InView::Addressed { to, text } => self.address_in_view(to, text, rules, effects),
        }
    }

    pub(super) fn run(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        let Some(spec) = command::find(typed.word) else {
            let word = text::truncate(typed.word, ECHOED_COLUMNS).to_owned();
            let hint = command::suggestion(typed.word, rules.accounts);
            return refuse(effects, Refusal::NoCommand { mark: typed.mark, word, hint });
        };
        // When a guest's name is free can be asked on every server.
        let asks_for_name = spec.verb == Verb::Ghost && matches!(typed.split_rest(), (name, "") if !name.is_empty());
        if !spec.exists(rules.accounts) && !asks_for_name {
            return refuse(effects, Refusal::NoAccounts);
        }
        // Only what is said may have several lines; a reason or a description with a line break would begin a row of its own.
        let flat = (typed.rest.contains('\n') && !reading::talks(spec.verb)).then(|| typed.rest.replace('\n', " "));
        let typed = Typed { rest: flat.as_deref().unwrap_or(typed.rest), ..typed };
        if self.run_command(spec.verb, typed, rules, effects).is_none() {
            refuse(effects, Refusal::usage(typed));
        }
    }

    /// Nothing if the arguments do not fit the command.
    #[inline(never)]
    fn run_command(&mut self, verb: Verb, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        match verb {
            Verb::Help => help(typed, rules, effects),
            Verb::Rooms => effects.push(Effect::ListRooms),
            Verb::Join => return self.join(typed, rules, effects),
            Verb::Create => return self.create(typed, rules, effects),
            Verb::Group => return self.create_group(typed, rules, effects),
            Verb::Chat => self.with_current(effects, |palette, current, effects| {
                palette.state = State::ChatView;
                effects.push(Effect::EnterView(current));
            }),
            Verb::Leave if self.is_in_view() => self.leave_view(effects),
            Verb::Leave => refuse(effects, Refusal::NotInView),
            Verb::Close if !typed.rest.is_empty() => return None,
            Verb::Close => self.with_current(effects, |palette, current, effects| {
                if palette.is_in_view() {
                    palette.leave_view(effects);
                }
                palette.open.pop();
                effects.push(Effect::Close(current));
            }),
            Verb::Quit => self.quit(effects),
            Verb::List => self.with_current(effects, |_, current, effects| effects.push(Effect::ListPeople(current))),
            Verb::ListAll => effects.push(Effect::ListEverybody),
            Verb::Say | Verb::Me if typed.rest.is_empty() => return None,
            Verb::Say => self.say(typed.rest, false, rules, effects),
            Verb::Me => self.say(typed.rest, true, rules, effects),
            Verb::To => return self.say_to(typed, rules, effects),
            Verb::Direct => return self.direct(typed, rules, effects),
            Verb::Reply => return self.reply(typed, rules, effects),
            Verb::Edit => return self.edit(typed, rules, effects),
            Verb::Delete => return self.delete(typed, effects),
            Verb::Temporary => return self.temporary(typed, rules, effects),
            Verb::Paste => self.with_current(effects, |palette, to, effects| {
                let from_view = palette.is_in_view();
                palette.state = State::Paste { to, paste: Paste::default(), from_view };
                effects.push(Effect::Tell(LineKind::News, super::refusal::PASTE_BEGINS.to_owned()));
            }),
            Verb::History => {
                let count = match typed.rest {
                    "" => None,
                    number => Some(number.parse::<usize>().ok().filter(|count| *count > 0)?),
                };
                self.with_current(effects, |_, of, effects| effects.push(Effect::ShowHistory { of, count }));
            }
            Verb::Search if typed.rest.is_empty() => return None,
            Verb::Search => effects.push(Effect::Search(typed.rest.to_owned())),
            Verb::Invite
            | Verb::Set
            | Verb::Topic
            | Verb::Destroy
            | Verb::Kick
            | Verb::Ban
            | Verb::Unban
            | Verb::Bans
            | Verb::Mute
            | Verb::Unmute
            | Verb::Slow
            | Verb::Promote
            | Verb::Demote => return self.run_about_room(verb, typed, rules, effects),
            Verb::Register
            | Verb::Login
            | Verb::ChangePassword
            | Verb::Ghost
            | Verb::Unregister
            | Verb::Broadcast
            | Verb::BanAddress
            | Verb::UnbanAddress
            | Verb::Audit => return self.run_about_accounts(verb, typed, rules, effects),
            Verb::Nick if typed.rest.is_empty() => return None,
            Verb::Nick => match UserName::parse_in(typed.rest, rules.username_min, rules.username_limit, rules.names) {
                Ok(name) => effects.push(Effect::Rename(name)),
                Err(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
            },
            Verb::WhoIs => with_person(typed.rest, rules, effects, Effect::TellWhoIs)?,
            Verb::Ignore if typed.rest.is_empty() => effects.push(Effect::ListIgnored),
            Verb::Ignore => with_person(typed.rest, rules, effects, Effect::Ignore)?,
            Verb::Unignore => with_person(typed.rest, rules, effects, Effect::Unignore)?,
            Verb::Away => match text::grapheme_count(typed.rest) {
                length if length > rules.message_limit => {
                    refuse(effects, Refusal::TextTooLong { length, limit: rules.message_limit });
                    effects.push(Effect::GiveBack);
                }
                _ => effects.push(Effect::SetAway(Some(typed.rest.to_owned()))),
            },
            Verb::Back => effects.push(Effect::SetAway(None)),
            Verb::Bell => effects.push(Effect::SetBell(match typed.rest.to_ascii_lowercase().as_str() {
                "mentions" => Bell::Mentions,
                word => {
                    if switch(word)? {
                        Bell::On
                    } else {
                        Bell::Off
                    }
                }
            })),
            Verb::Color => effects.push(Effect::SetColor(switch(typed.rest)?)),
            Verb::Timestamps => effects.push(Effect::SetViewing(Viewing::Timestamps(switch(typed.rest)?))),
            Verb::Ids => effects.push(Effect::SetViewing(Viewing::Ids(switch(typed.rest)?))),
            Verb::Quiet => effects.push(Effect::SetViewing(Viewing::Quiet(switch(typed.rest)?))),
            Verb::Mode => match typed.rest.to_ascii_lowercase().as_str() {
                "line" => effects.push(Effect::SetCharacterMode(false)),
                "char" => effects.push(Effect::SetCharacterMode(true)),
                _ => return None,
            },
            Verb::Charset if typed.rest.is_empty() => effects.push(Effect::TellCharset),
            Verb::Charset => effects.push(Effect::SetCharset(text::Charset::named(typed.rest.as_bytes())?)),
            Verb::TimeZone if typed.rest.is_empty() => effects.push(Effect::TellTimeZone),
            Verb::TimeZone => effects.push(Effect::SetTimeZone(typed.rest.to_owned())),
            Verb::Time => effects.push(Effect::TellTime),
            Verb::WhoAmI => effects.push(Effect::TellWhoAmI),
            Verb::Redraw => effects.push(Effect::Redraw),
            Verb::Echo if typed.rest.is_empty() => return None,
            Verb::Echo => effects.push(Effect::Tell(LineKind::News, typed.rest.to_owned())),
            Verb::Quote => effects.push(Effect::TellQuote),
            Verb::Shutdown if typed.rest.is_empty() => return None,
            Verb::Shutdown => effects.push(Effect::Shutdown(typed.rest.to_owned())),
        }
        Some(())
    }

    /// `:join <room> [password]`. Nothing if the arguments do not fit.
    fn join(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Option<()> {
        let (room, password) = typed.split_rest();
        if room.is_empty() {
            return None;
        }
        match RoomName::parse_in(room, rules.known_names) {
            Ok(room) => {
                self.join_leads_into_view = self.is_in_view();
                effects.push(Effect::Join { room, password: Secret::new(password), quick: false });
            }
            Err(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
        }
        Some(())
    }

    fn with_current(
        &mut self,
        effects: &mut Vec<Effect>,
        run: impl FnOnce(&mut Palette, Conversation, &mut Vec<Effect>),
    ) {
        match self.open.last().cloned() {
            Some(current) => run(self, current, effects),
            None => refuse(effects, Refusal::NoRoom),
        }
    }
}

/// An effect on one person. Nothing if nobody is named.
fn with_person(
    word: &str,
    rules: &Rules,
    effects: &mut Vec<Effect>,
    effect: impl FnOnce(Target) -> Effect,
) -> Option<()> {
    if word.is_empty() {
        return None;
    }
    match Target::parse_in(word, rules.known_names) {
        Ok(whom) => effects.push(effect(whom)),
        Err(error) => effects.push(Effect::Tell(LineKind::Refusal, error.to_string())),
    }
    Some(())
}

fn refuse(effects: &mut Vec<Effect>, refusal: Refusal) {
    effects.push(Effect::Tell(LineKind::Refusal, refusal.to_string()));
}

fn help(typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
    let mut tell = |line: String| effects.push(Effect::Tell(LineKind::News, line));
    let mark = typed.mark;
    if typed.rest.is_empty() {
        let column = listed(rules.accounts).map(|spec| command::syntax(spec, mark).len()).max().unwrap_or(0) + 2;
        for spec in listed(rules.accounts) {
            tell(format!("{:column$}{}", command::syntax(spec, mark), spec.summary));
        }
        return tell(format!("{mark}help <command> tells more of one. In the chat view commands start with /."));
    }
    let word = typed.rest.trim_start_matches([':', '/']);
    let Some(spec) = command::find(word) else {
        let word = text::truncate(word, ECHOED_COLUMNS).to_owned();
        let hint = command::suggestion(&word, rules.accounts);
        return refuse(effects, Refusal::NoCommand { mark, word, hint });
    };
    if !spec.exists(rules.accounts) {
        return refuse(effects, Refusal::NoAccounts);
    }
    tell(command::syntax(spec, mark));
    tell(spec.summary.to_owned());
    if !spec.aliases.is_empty() {
        let aliases: Vec<_> = spec.aliases.iter().map(|alias| format!("{mark}{alias}")).collect();
        tell(format!("Also: {}", aliases.join(", ")));
    }
    tell(format!("Example: {mark}{}", &spec.example[1..]));
}
