//! Keys while the list of rooms or the list of keys is open.
//!
//! *Owns* their effects there. *Knows nothing of* the drawing of a list.

use super::{Screen, ScreenOverlay};
use crate::cli::connect::model::{ClientModel, Intent, Moment};
use crate::cli::connect::screen::keys::ScreenKey;

impl Screen {
    /// Returns false if the overlay was closed and the key is yet to be handled.
    pub(super) fn key_in_overlay(
        &mut self,
        key: ScreenKey,
        bytes: &[u8],
        model: &mut ClientModel,
        now: Moment,
    ) -> bool {
        let page = self.height.saturating_sub(3).max(1);
        match (self.overlay.take(), key) {
            (Some(ScreenOverlay::Keys(top)), ScreenKey::Up) => {
                self.overlay = Some(ScreenOverlay::Keys(top.saturating_sub(1)))
            }
            (Some(ScreenOverlay::Keys(top)), ScreenKey::Down) => self.overlay = Some(ScreenOverlay::Keys(top + 1)),
            (Some(ScreenOverlay::Keys(top)), ScreenKey::PageUp) => {
                self.overlay = Some(ScreenOverlay::Keys(top.saturating_sub(page)))
            }
            (Some(ScreenOverlay::Keys(top)), ScreenKey::PageDown) => {
                self.overlay = Some(ScreenOverlay::Keys(top + page))
            }
            (
                Some(ScreenOverlay::Rooms(chosen)),
                ScreenKey::Up | ScreenKey::Down | ScreenKey::RoomBefore | ScreenKey::RoomAfter,
            ) => {
                let channels = model.channels();
                let at = channels.iter().position(|channel| channel.key() == chosen).unwrap_or(0);
                let back = matches!(key, ScreenKey::Up | ScreenKey::RoomBefore);
                let to = if back { at.saturating_sub(1) } else { at + 1 };
                self.overlay = channels.get(to).or(channels.get(at)).map(|channel| ScreenOverlay::Rooms(channel.key()));
            }
            (Some(ScreenOverlay::Rooms(chosen)), ScreenKey::Edit) if matches!(bytes, [b'\r' | b'\n', ..]) => {
                model.act(Intent::Switch(chosen), now);
            }
            (Some(ScreenOverlay::Keys(_)), ScreenKey::Edit) if matches!(bytes, [b'\r' | b'\n' | b'q' | b' ']) => {}
            (Some(_), ScreenKey::Escape | ScreenKey::Help | ScreenKey::Rooms) => {}
            (_, _) => return false,
        }
        true
    }
}
