//! Keys in the search view, and the jump to a message that was found.
//!
//! *Owns* when the search goes to the server, and when it ends. *Knows nothing of* patterns and the drawing of hits.

use super::{Jump, MOST_LOADS, Screen};
use crate::cli::connect::model::{ClientModel, Intent, Moment, Older};
use crate::cli::connect::screen::find::{Find, FindStage};
use crate::cli::connect::screen::keys::ScreenKey;
use crate::cli::connect::screen::viewport::Scroll;

impl Screen {
    /// Returns false if the key is yet to be handled.
    pub(super) fn key_in_search(&mut self, key: ScreenKey, bytes: &[u8], model: &mut ClientModel, now: Moment) -> bool {
        let Some(find) = &mut self.find else { return false };
        let is_server = matches!(find.stage, FindStage::Server { .. });
        match key {
            ScreenKey::Up | ScreenKey::Down if is_server => {
                let count = model.search().map_or(0, |search| search.hits.len());
                if let FindStage::Server { chosen } = &mut find.stage {
                    let last = count.saturating_sub(1);
                    *chosen = if key == ScreenKey::Down { (*chosen + 1).min(last) } else { chosen.saturating_sub(1) };
                }
            }
            ScreenKey::Up | ScreenKey::Down => {
                find.go(key == ScreenKey::Up);
                self.show_hit(model, now);
            }
            ScreenKey::Escape if is_server => {
                find.stage = FindStage::Loaded { has_moved: false };
                model.act(Intent::EndSearch, now);
            }
            ScreenKey::Escape => self.end_search(true, model, now),
            ScreenKey::Find => {
                find.go(true);
                self.show_hit(model, now);
            }
            ScreenKey::Edit => {
                let _ = self.edit(bytes, model, now);
            }
            ScreenKey::PageUp | ScreenKey::PageDown if is_server => {}
            ScreenKey::Break => {}
            ScreenKey::PageUp
            | ScreenKey::PageDown
            | ScreenKey::RoomBefore
            | ScreenKey::RoomAfter
            | ScreenKey::NextUnread
            | ScreenKey::Room(_)
            | ScreenKey::Rooms
            | ScreenKey::Help
            | ScreenKey::Suspend
            | ScreenKey::Quit
            | ScreenKey::Unknown => return false,
        }
        true
    }

    pub(super) fn follow_pattern(&mut self) {
        if let Some(find) = &mut self.find {
            find.follow_input();
        }
    }

    /// Continues the search in the loaded messages. Returns true if there is more to do.
    pub(crate) fn search_on(&mut self, model: &ClientModel, now: Moment) -> bool {
        let Some(find) = self.find.as_mut().filter(|find| find.is_at_work()) else { return false };
        let had = find.hit();
        find.step(model.current().items());
        self.is_dirty = true;
        if had.is_none() {
            self.show_hit(model, now);
        }
        self.find.as_ref().is_some_and(Find::is_at_work)
    }

    fn show_hit(&mut self, model: &ClientModel, now: Moment) {
        if let Some(key) = self.find.as_ref().and_then(Find::hit)
            && let Some(scroll) = self.with_viewport(model, now, |view, _| view.scroll_to(key, None))
        {
            self.leave_end(model, scroll);
        }
    }

    /// Scrolls away from the end.
    fn leave_end(&mut self, model: &ClientModel, to: Scroll) {
        if self.scroll == Scroll::End {
            self.seen = model.current().items().back().map_or(i64::MIN, |last| last.key);
        }
        self.scroll = to;
    }

    /// Handles Enter in the search view.
    pub(super) fn enter_search(&mut self, model: &mut ClientModel, now: Moment) {
        let Some(find) = &mut self.find else { return };
        // Keys may arrive faster than they are handled.
        find.follow_input();
        match find.stage {
            FindStage::Loaded { has_moved: true } => self.end_search(false, model, now),
            FindStage::Loaded { has_moved: false } => {
                if find.pattern().is_some() {
                    find.stage = FindStage::Server { chosen: 0 };
                    let everywhere = model.current().is_palette();
                    let pattern = find.input.line().to_owned();
                    model.act(Intent::Search { pattern, everywhere }, now);
                }
            }
            FindStage::Server { chosen } => self.jump_to(chosen, model, now),
        }
    }

    pub(super) fn end_search(&mut self, goes_back: bool, model: &mut ClientModel, now: Moment) {
        let Some(find) = self.find.take() else { return };
        if matches!(find.stage, FindStage::Server { .. }) {
            model.act(Intent::EndSearch, now);
        }
        if goes_back {
            self.scroll = find.before;
        }
    }

    /// Jumps to a message that the server has found.
    fn jump_to(&mut self, chosen: usize, model: &mut ClientModel, now: Moment) {
        let Some(hit) = model.search().and_then(|search| search.hits.get(chosen)) else { return };
        let place = model.channels().iter().find(|channel| channel.shown() == hit.place);
        let (channel, number) = (place.map(|channel| channel.key()), hit.message.number);
        let start = (hit.start, hit.message.text.chars().count());
        let (Some(channel), Some(number)) = (channel, number) else {
            self.hint = Some("That message is in no room that is open here.".to_owned());
            return;
        };
        self.end_search(false, model, now);
        model.act(Intent::Switch(channel), now);
        self.channel = channel;
        self.jump = Some(Jump { channel, number, start, loads: 0 });
    }

    /// Loads older messages until the one to jump to is loaded.
    pub(super) fn follow_jump(&mut self, model: &mut ClientModel, now: Moment) {
        let Some(jump) = self.jump.as_mut().filter(|jump| jump.channel == model.current().key()) else {
            self.jump = None;
            return;
        };
        if let Some(key) = model.current().find(jump.number) {
            let start = jump.start;
            self.jump = None;
            if let Some(scroll) = self.with_viewport(model, now, |view, _| view.scroll_to(key, Some(start))) {
                self.leave_end(model, scroll);
                self.is_dirty = true;
            }
            return;
        }
        match model.current().older() {
            Older::Loading => {}
            Older::Possible if jump.loads < MOST_LOADS => {
                jump.loads += 1;
                model.act(Intent::LoadOlder, now);
            }
            Older::Possible | Older::Nothing | Older::Full => {
                self.jump = None;
                self.hint = Some("That message cannot be loaded here.".to_owned());
            }
        }
    }
}
