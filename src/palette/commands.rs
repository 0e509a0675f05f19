//! What each command means, in the palette and in the chat view.
//!
//! *Owns* reading a line in the view (said, command, mistaken command) and the arguments of each command.
//! *Knows nothing of* how effects are carried out.
//! *Called by* `palette` alone.

use super::{Effect, Palette, Refusal, Rules, State};
use crate::command::{self, TABLE, Typed, Verb};
use crate::names::RoomName;
use crate::screen::Tone;
use crate::text;

/// Longest piece of an unknown command that is repeated to the person who typed it, in columns.
const ECHOED_COLUMNS: usize = 24;

/// What a line in the chat view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InView<'a> {
    /// Nothing but blanks.
    Nothing,
    /// Text for the room.
    Said(&'a str),
    /// `/word …`.
    Command(Typed<'a>),
    /// `:q`.
    Back,
    /// `:word …` where the word is a command, or nearly one: it may carry a password.
    Mistaken(&'static str),
    /// `@name text`.
    Addressed,
}

/// Reads a line typed in the chat view. A leading blank says the rest as it is.
pub(super) fn read_in_view(line: &str) -> InView<'_> {
    if line.trim().is_empty() {
        return InView::Nothing;
    }
    if let Some(literal) = line.strip_prefix(' ') {
        return InView::Said(literal.trim_end());
    }
    let mut characters = line.chars();
    let (first, second) = (characters.next(), characters.next());
    let letter_follows = second.is_some_and(char::is_alphabetic);
    match first {
        Some('/') if letter_follows => match Typed::parse(line) {
            Some(typed) => InView::Command(typed),
            None => InView::Said(line.trim_end()),
        },
        Some(':') => {
            // The word may stand apart from its mark (`: join staff secret`): the password in it counts, not the blank.
            let word = line[1..].split_whitespace().next().unwrap_or("");
            match command::resembling(word) {
                Some(spec) if spec.verb == Verb::Back && line.trim_end().len() == 2 => InView::Back,
                Some(spec) => InView::Mistaken(spec.word),
                None => InView::Said(line.trim_end()),
            }
        }
        Some('@') if letter_follows && line.trim_end().contains(' ') => InView::Addressed,
        _ => InView::Said(line.trim_end()),
    }
}

/// A line up to where its password would begin, if it is, or was meant to be, a `:join`.
pub(super) fn without_password(line: &str) -> &str {
    let meant = Typed::parse(line).filter(|typed| {
        command::resembling(typed.word).is_some_and(|spec| spec.verb == Verb::Join) && !typed.split_rest().1.is_empty()
    });
    // The password is the rest of the line, blanks apart.
    meant.map_or(line, |typed| line.trim_end().strip_suffix(typed.split_rest().1).unwrap_or("").trim_end())
}

/// Whether a line at the login prompts means that the person wants out again. No name can start with a mark.
pub(super) fn leaves_before_login(line: &str) -> bool {
    Typed::parse(line)
        .and_then(|typed| command::find(typed.word))
        .is_some_and(|spec| matches!(spec.verb, Verb::Quit | Verb::Back))
}

impl Palette {
    pub(super) fn run_in_palette(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        if line.trim().is_empty() {
            return;
        }
        match Typed::parse(line) {
            Some(typed) if !typed.word.is_empty() => self.run(typed, rules, effects),
            _ => refuse(effects, Refusal::NotACommand),
        }
    }

    pub(super) fn run_in_view(&mut self, line: &str, rules: &Rules, effects: &mut Vec<Effect>) {
        match read_in_view(line) {
            InView::Nothing => {}
            InView::Said(text) => self.say(text, rules, false, effects),
            InView::Command(typed) => self.run(typed, rules, effects),
            InView::Back => self.leave_view(effects),
            InView::Mistaken(meant) => refuse(effects, Refusal::LooksLikeCommand { meant }),
            InView::Addressed => refuse(effects, Refusal::Addressed),
        }
    }

    fn run(&mut self, typed: Typed<'_>, rules: &Rules, effects: &mut Vec<Effect>) {
        let Some(spec) = command::find(typed.word) else {
            let word = text::truncate(typed.word, ECHOED_COLUMNS).to_owned();
            let hint = command::nearest(typed.word).map(|spec| spec.word);
            return refuse(effects, Refusal::NoCommand { mark: typed.mark, word, hint });
        };
        let usage = || Refusal::Usage {
            syntax: command::syntax(spec, typed.mark),
            example: format!("{}{}", typed.mark, &spec.example[1..]),
        };
        match spec.verb {
            Verb::Help => help(typed, effects),
            Verb::Rooms => effects.push(Effect::ListRooms),
            Verb::Join => {
                let (room, password) = typed.split_rest();
                if room.is_empty() {
                    return refuse(effects, usage());
                }
                match RoomName::parse(room) {
                    Ok(room) => {
                        self.join_leads_into_view = self.state == State::ChatView;
                        let password = Some(password).filter(|p| !p.is_empty()).map(str::to_owned);
                        effects.push(Effect::Join { room, password });
                    }
                    Err(error) => effects.push(Effect::Tell(Tone::Refusal, error.to_string())),
                }
            }
            Verb::Chat => self.with_room(effects, |palette, room, effects| {
                palette.state = State::ChatView;
                effects.push(Effect::EnterView(room));
            }),
            Verb::Back if self.state == State::ChatView => self.leave_view(effects),
            Verb::Back => refuse(effects, Refusal::NotInView),
            Verb::Close => self.with_room(effects, |palette, room, effects| {
                if palette.state == State::ChatView {
                    palette.leave_view(effects);
                }
                palette.rooms.pop();
                effects.push(Effect::Close(room));
            }),
            Verb::Quit => self.quit(effects),
            Verb::List => self.with_room(effects, |_, room, effects| effects.push(Effect::ListPeople(room))),
            Verb::ListAll => effects.push(Effect::ListEverybody),
            Verb::Say if typed.rest.is_empty() => refuse(effects, usage()),
            Verb::Say => self.say(typed.rest, rules, self.state != State::ChatView, effects),
            Verb::History => {
                let count = match typed.rest {
                    "" => None,
                    number => match number.parse::<usize>() {
                        Ok(count) if count > 0 => Some(count),
                        _ => return refuse(effects, usage()),
                    },
                };
                self.with_room(effects, |_, room, effects| effects.push(Effect::ShowHistory { room, count }));
            }
            Verb::Time => effects.push(Effect::TellTime),
            Verb::WhoAmI => effects.push(Effect::TellWhoAmI),
            Verb::Redraw => effects.push(Effect::Redraw),
            Verb::Mode => match typed.rest.to_ascii_lowercase().as_str() {
                "line" => effects.push(Effect::SetCharacterMode(false)),
                "char" => effects.push(Effect::SetCharacterMode(true)),
                _ => refuse(effects, usage()),
            },
            Verb::Color => match typed.rest.to_ascii_lowercase().as_str() {
                "on" => effects.push(Effect::SetColor(true)),
                "off" => effects.push(Effect::SetColor(false)),
                _ => refuse(effects, usage()),
            },
        }
    }

    fn with_room(&mut self, effects: &mut Vec<Effect>, run: impl FnOnce(&mut Palette, RoomName, &mut Vec<Effect>)) {
        match self.rooms.last().cloned() {
            Some(room) => run(self, room, effects),
            None => refuse(effects, Refusal::NoRoom),
        }
    }

    fn say(&mut self, said: &str, rules: &Rules, confirm: bool, effects: &mut Vec<Effect>) {
        if text::width(said) == 0 {
            // Nothing but invisible characters: an empty line under somebody's name.
            return;
        }
        let length = text::grapheme_count(said);
        if length > rules.message_limit {
            return refuse(effects, Refusal::TooLong { length, limit: rules.message_limit });
        }
        match self.rooms.last() {
            Some(room) => effects.push(Effect::Say { room: room.clone(), text: said.to_owned(), confirm }),
            None => refuse(effects, Refusal::NoRoom),
        }
    }
}

fn refuse(effects: &mut Vec<Effect>, refusal: Refusal) {
    effects.push(Effect::Tell(Tone::Refusal, refusal.to_string()));
}

fn help(typed: Typed<'_>, effects: &mut Vec<Effect>) {
    let mut tell = |line: String| effects.push(Effect::Tell(Tone::News, line));
    let mark = typed.mark;
    if typed.rest.is_empty() {
        let column = TABLE.iter().map(|spec| command::syntax(spec, mark).len()).max().unwrap_or(0) + 2;
        for spec in TABLE {
            tell(format!("{:column$}{}", command::syntax(spec, mark), spec.summary));
        }
        return tell(format!("{mark}help <command> tells more of one. In the chat view commands start with /."));
    }
    let word = typed.rest.trim_start_matches([':', '/']);
    let Some(spec) = command::find(word) else {
        let word = text::truncate(word, ECHOED_COLUMNS).to_owned();
        let hint = command::nearest(&word).map(|spec| spec.word);
        return refuse(effects, Refusal::NoCommand { mark, word, hint });
    };
    tell(command::syntax(spec, mark));
    tell(spec.summary.to_owned());
    if !spec.aliases.is_empty() {
        let aliases: Vec<_> = spec.aliases.iter().map(|alias| format!("{mark}{alias}")).collect();
        tell(format!("Also: {}", aliases.join(", ")));
    }
    tell(format!("Example: {mark}{}", &spec.example[1..]));
}
