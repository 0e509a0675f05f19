//! Running a line: which command leads to which effect.
//!
//! *Owns* the groups of commands and the arguments of those about places, users and the screen; those for talking, rooms and
//! accounts are in `talk`, `rooms` and `account`.
//! *Knows nothing of* how effects are carried out.

use super::account::about_account;
use super::arguments::{check_note, switch, target};
use super::effect::{Effect, FileEffect, FileOffer, PlaceEffect, ScreenEffect, ShowEffect, UserEffect, Viewing};
use super::reading::{Line, ParsedLine};
use super::refusal::{Refusal, echoed};
use super::{Palette, PaletteState, Rules, back_to, refuse};
use crate::chat::conversation::Conversation;
use crate::chat::names::{RoomName, UserName};
use crate::chat::secret::Secret;
use crate::text::Charset;
use crate::ui::command::{
    self, AccountVerb, Command, FileVerb, HelpPage, PlaceVerb, ScreenVerb, ServerVerb, UserVerb, Verb,
};
use crate::ui::screen::{Bell, LineKind};

impl Palette {
    /// Runs a line that has just been read. Appends the effects.
    #[inline(never)]
    pub(crate) fn run(&mut self, line: Line<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        if let Err(refusal) = self.run_line(line, rules, effects) {
            refuse(&refusal, effects);
        }
    }

    fn run_line(&mut self, line: Line<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match line.kind {
            ParsedLine::Nothing => Ok(()),
            ParsedLine::Answer => self.answer_question(line.text, rules, effects),
            ParsedLine::Pasted => self.paste(line.text, effects),
            ParsedLine::Said(text) => self.post(text, false, effects),
            ParsedLine::Command(command) => {
                self.leave_password_question(effects);
                self.run_command(command, rules, effects)
            }
            ParsedLine::Back => {
                self.leave_view(effects);
                Ok(())
            }
            ParsedLine::Addressed { to, text } => self.address(to, text, rules, effects),
            ParsedLine::Refused(refusal) => Err(refusal),
        }
    }

    /// Handles a line typed at a question.
    fn answer_question(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match &self.state {
            PaletteState::QuickRoom => self.choose_quick_room(line, rules, effects)?,
            PaletteState::QuickPassword(_) => self.give_quick_password(line, effects),
            PaletteState::Name { .. } => self.choose_name(line, rules, effects)?,
            PaletteState::LoginPassword { .. } => self.give_login_password(line, effects)?,
            PaletteState::Takeover(_) => self.decide_takeover(line, effects)?,
            PaletteState::Password { .. } => self.give_room_password(line, effects),
            PaletteState::Account { .. } => self.give_account_password(line, effects)?,
            PaletteState::Palette | PaletteState::ChatView | PaletteState::Paste { .. } | PaletteState::Leaving => {}
        }
        Ok(())
    }

    /// A command typed at the question for a room's password is run as if it had been typed before the question.
    fn leave_password_question(&mut self, effects: &mut Vec<Effect>) {
        if let PaletteState::Password { from_view, .. } = &self.state {
            self.state = back_to(*from_view);
            effects.push(Effect::Screen(ScreenEffect::ShowInput));
        }
    }

    pub(super) fn is_in_view(&self) -> bool {
        self.state == PaletteState::ChatView
    }

    /// The current conversation, for commands that need one.
    pub(super) fn here(&self) -> Result<Conversation, Refusal> {
        self.current().cloned().ok_or(Refusal::NoRoom)
    }

    /// No group is inlined: all those frames together would be part of every idle user's stack.
    #[inline(never)]
    fn run_command(&mut self, command: Command<'_>, rules: &Rules, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let verb = command.spec.verb;
        // Available on every server, because it also says when a guest's name becomes free.
        let asks_for_name =
            verb == Verb::Account(AccountVerb::Ghost) && matches!(command.split_rest(), (name, "") if !name.is_empty());
        if !command.spec.exists(rules.accounts) && !asks_for_name {
            return Err(Refusal::NoAccounts);
        }
        #[cfg(feature = "json")]
        if self.is_program()
            && let Some(refusal) = Palette::not_for_programs(verb)
        {
            return Err(refusal);
        }
        // Only messages may have several lines; a line break in a reason or a description would begin a new row.
        let flat = (command.rest.contains('\n') && !verb.takes_text()).then(|| command.rest.replace('\n', " "));
        let command = Command { rest: flat.as_deref().unwrap_or(command.rest), ..command };
        let command = &command;
        if command.spec.arguments.is_empty() && !command.rest.is_empty() && !self.allows_rest(verb, command.rest) {
            return Err(Refusal::usage(command));
        }
        match verb {
            Verb::Talk(verb) => self.talk(verb, command, rules, effects)?,
            Verb::Place(verb) => self.go(verb, command, rules, effects)?,
            Verb::Operator(verb) => self.operate(verb, command, rules, effects)?,
            Verb::Server(ServerVerb::Quit) => self.quit(effects),
            Verb::Server(ServerVerb::Help) => effects.push(help(command, rules)?),
            Verb::Room(verb) => effects.push(self.about_room(verb, command, rules)?),
            Verb::Member(verb) => effects.push(self.about_member(verb, command, rules)?),
            Verb::Account(verb) => effects.push(about_account(verb, command, rules)?),
            Verb::User(verb) => effects.push(about_user(verb, command, rules)?),
            Verb::File(verb) => effects.push(Effect::File(about_file(verb, command, rules)?)),
            Verb::Screen(verb) => effects.push(about_screen(verb, command)?),
        }
        Ok(())
    }

    fn go(
        &mut self,
        verb: PlaceVerb,
        command: &Command<'_>,
        rules: &Rules,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match verb {
            PlaceVerb::Rooms => effects.push(Effect::Show(ShowEffect::Rooms)),
            PlaceVerb::Join => {
                let (room, password) = command.split_rest();
                if room.is_empty() {
                    return Err(Refusal::usage(command));
                }
                let room = RoomName::parse_in(room, rules.known_names)?;
                self.join_leads_into_view = self.is_in_view();
                let join = PlaceEffect::Join { room, password: Secret::new(password), quick: false };
                effects.push(Effect::Place(join));
            }
            PlaceVerb::Create => self.create(command, rules, effects)?,
            PlaceVerb::Group => self.create_group(command, rules, effects)?,
            PlaceVerb::Chat => {
                let here = self.here()?;
                self.state = PaletteState::ChatView;
                effects.push(Effect::Place(PlaceEffect::EnterView(here)));
            }
            PlaceVerb::Leave if self.is_in_view() => self.leave_view(effects),
            PlaceVerb::Leave => return Err(Refusal::NotInView),
            PlaceVerb::Close => {
                let here = self.here()?;
                if self.is_in_view() {
                    self.leave_view(effects);
                }
                self.open.pop();
                effects.push(Effect::Place(PlaceEffect::Close(here)));
            }
            PlaceVerb::List => effects.push(Effect::Show(ShowEffect::People(self.here()?))),
            PlaceVerb::ListAll => effects.push(Effect::Show(ShowEffect::Everybody)),
        }
        Ok(())
    }

    /// Whether a command that has no arguments is run although something follows it. `:chat general` is what it says where
    /// general is the current room. Commands that leave are run, since people say goodbye there; those that ask for
    /// passwords have a refusal of their own.
    fn allows_rest(&self, verb: Verb, rest: &str) -> bool {
        let is_here = || self.current().is_some_and(|here| here.shown().concat().eq_ignore_ascii_case(rest));
        match verb {
            Verb::Place(PlaceVerb::Chat | PlaceVerb::List) => is_here(),
            Verb::Server(ServerVerb::Quit) | Verb::Place(PlaceVerb::Leave) | Verb::Account(_) => true,
            Verb::Server(_)
            | Verb::Place(_)
            | Verb::Room(_)
            | Verb::Member(_)
            | Verb::Talk(_)
            | Verb::User(_)
            | Verb::File(_)
            | Verb::Operator(_)
            | Verb::Screen(_) => false,
        }
    }
}

fn about_user(verb: UserVerb, command: &Command<'_>, rules: &Rules) -> Result<Effect, Refusal> {
    let rest = command.rest;
    Ok(match verb {
        UserVerb::Nick if rest.is_empty() => return Err(Refusal::usage(command)),
        UserVerb::Nick => {
            let name = UserName::parse_in(rest, rules.username_min, rules.username_limit, rules.names)?;
            Effect::User(UserEffect::Rename(name))
        }
        UserVerb::WhoIs => Effect::Show(ShowEffect::WhoIs(target(rest, command, rules)?)),
        UserVerb::WhoAmI => Effect::Show(ShowEffect::WhoAmI),
        UserVerb::Away => {
            check_note(rest, rules)?;
            Effect::User(UserEffect::SetAway(Some(rest.to_owned())))
        }
        UserVerb::Back => Effect::User(UserEffect::SetAway(None)),
        UserVerb::Ignore if rest.is_empty() => Effect::Show(ShowEffect::Ignored),
        UserVerb::Ignore => Effect::User(UserEffect::Ignore(target(rest, command, rules)?)),
        UserVerb::Unignore => Effect::User(UserEffect::Unignore(target(rest, command, rules)?)),
    })
}

fn about_file(verb: FileVerb, command: &Command<'_>, rules: &Rules) -> Result<FileEffect, Refusal> {
    let number = || match command.rest.strip_prefix('#').unwrap_or(command.rest) {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_| Refusal::usage(command)),
    };
    Ok(match verb {
        FileVerb::Send => {
            let (to, name) = command.split_rest();
            if name.is_empty() {
                return Err(Refusal::usage(command));
            }
            let to = target(to, command, rules)?;
            FileEffect::Send(Box::new(FileOffer { to, name: name.to_owned(), mark: command.mark }))
        }
        FileVerb::Accept => FileEffect::Accept(number()?),
        FileVerb::Decline => FileEffect::Decline(number()?),
        FileVerb::List => FileEffect::List,
    })
}

fn about_screen(verb: ScreenVerb, command: &Command<'_>) -> Result<Effect, Refusal> {
    let usage = || Refusal::usage(command);
    let word = command.rest.to_ascii_lowercase();
    let on = || switch(command.rest).ok_or_else(usage);
    Ok(match verb {
        ScreenVerb::Bell => Effect::Screen(ScreenEffect::SetBell(match word.as_str() {
            "mentions" => Bell::Mentions,
            _ if on()? => Bell::On,
            _ => Bell::Off,
        })),
        ScreenVerb::Color => Effect::Screen(ScreenEffect::SetColor(on()?)),
        ScreenVerb::Timestamps => Effect::Screen(ScreenEffect::SetViewing(Viewing::Timestamps(on()?))),
        ScreenVerb::Ids => Effect::Screen(ScreenEffect::SetViewing(Viewing::Ids(on()?))),
        ScreenVerb::Quiet => Effect::Screen(ScreenEffect::SetViewing(Viewing::Quiet(on()?))),
        ScreenVerb::Mode => Effect::Screen(ScreenEffect::SetCharacterMode(match word.as_str() {
            "line" => false,
            "char" => true,
            _ => return Err(usage()),
        })),
        ScreenVerb::Charset if word.is_empty() => Effect::Show(ShowEffect::Charset),
        ScreenVerb::Charset => {
            let charset = Charset::named(command.rest.as_bytes()).ok_or_else(usage)?;
            Effect::Screen(ScreenEffect::SetCharset(charset))
        }
        ScreenVerb::Redraw => Effect::Screen(ScreenEffect::Redraw),
        ScreenVerb::TimeZone if word.is_empty() => Effect::Show(ShowEffect::TimeZone),
        ScreenVerb::TimeZone => Effect::Screen(ScreenEffect::SetTimeZone(command.rest.to_owned())),
        ScreenVerb::Time => Effect::Show(ShowEffect::Time),
        ScreenVerb::Echo if word.is_empty() => return Err(usage()),
        ScreenVerb::Echo => Effect::Tell(LineKind::News, command.rest.to_owned()),
        ScreenVerb::Quote => Effect::Show(ShowEffect::Quote),
    })
}

/// `:help [topic|command]`.
#[inline(never)]
fn help(command: &Command<'_>, rules: &Rules) -> Result<Effect, Refusal> {
    let mark = command.mark;
    let word = command::split_mark(command.rest).map_or(command.rest, |(_, word)| word);
    let page = match HelpPage::named(word) {
        Some(HelpPage::Command(spec)) if !spec.exists(rules.accounts) => return Err(Refusal::NoAccounts),
        Some(page) => page,
        None if word.is_empty() => HelpPage::First,
        None => {
            let hint = HelpPage::nearest(word, rules.accounts);
            return Err(Refusal::NoHelp { mark, word: echoed(word), hint });
        }
    };
    Ok(Effect::Show(ShowEffect::Help { page, mark }))
}
