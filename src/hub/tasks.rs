//! What the timer's tasks do, and which tasks a change requires.
//!
//! *Owns* the delays of redraws and of cleaning up. *Knows nothing of* the timer's queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Hub, RoomNews};
use crate::chat::message::{Addressee, ClientId, ErasureCause, Event, MessageId};
use crate::hub::direct::DirectChat;
use crate::hub::room::{Erased, Room};
use crate::hub::timer::Task;

/// Delay for redrawing views that could not be redrawn at once: views redrawn within the last second may be redrawn
/// again by then.
const REDRAW_AFTER: Duration = Duration::from_millis(1050);

/// Delay for trying again with views that had just been redrawn.
const REDRAW_AGAIN: Duration = Duration::from_millis(250);

/// How often rooms drop messages that are too old to be shown. Commands do not show them even before that; this frees
/// memory, and keeps them off redrawn screens.
const FORGET_EVERY: Duration = Duration::from_secs(60);

impl Hub {
    /// Carries out a task that has become due. Called by the timer.
    pub fn carry_out(&self, task: Task, now: Instant) {
        #[cfg(feature = "cluster")]
        let task = match self.nodes() {
            Some(nodes) => match nodes.take_task(task) {
                Some(task) => task,
                None => return,
            },
            None => task,
        };
        match task {
            Task::FlushNews(room) => {
                if let Some(room) = room.upgrade() {
                    room.flush_news();
                }
            }
            Task::Expire(room, id) => {
                if let Some(room) = room.upgrade()
                    && let Some(erased) = room.expire(id, now)
                {
                    self.arrange_redraw(&room, erased, now);
                    room.deliver_pending();
                }
            }
            Task::ExpireDirect { id, author, to } => self.expire_direct(id, author, &to, now),
            Task::Redraw(room) => {
                if room.upgrade().is_some_and(|room| room.redraw_views()) {
                    self.timer.schedule(now + REDRAW_AGAIN, Task::Redraw(room));
                }
            }
            Task::RedrawDirect(chat) => {
                if chat.upgrade().is_some_and(|chat| chat.redraw_views(&self.clock)) {
                    self.timer.schedule(now + REDRAW_AGAIN, Task::RedrawDirect(chat));
                }
            }
            Task::NameHeir(room) => {
                if let Some(room) = room.upgrade() {
                    room.name_heir(now);
                }
            }
            Task::CloseIfEmpty(room) => {
                let linger = self.config().room_linger;
                let Some(room) = room.upgrade() else { return };
                if self.rooms.close_if_empty(&room, linger, now) {
                    log::info!("room {} closed: it was empty", room.name());
                    if room.is_public() {
                        let news = format!("The room {} is closed", room.name());
                        self.tell_programs(&room, RoomNews::Gone, None, &news);
                    }
                } else {
                    // Someone was in it in the meantime, or a reload extended the time.
                    self.let_linger(&room);
                }
            }
            Task::ForgetOld => {
                self.rooms.all().iter().for_each(|room| room.forget_old(now));
                self.forget_old_later(now);
            }
            Task::EndTransfer(number) => self.end_transfer(number, now),
            Task::Close(stream) => drop(stream),
            // Only with other servers, and then not here.
            #[cfg(feature = "cluster")]
            Task::Late(_) => {}
        }
    }

    fn expire_direct(&self, id: MessageId, author: Addressee, to: &[ClientId], now: Instant) {
        let chats: Vec<_> = to.iter().filter_map(|to| self.directs.find(author.client, *to)).collect();
        let erased: Vec<_> = chats.iter().filter_map(|chat| chat.expire(id)).collect();
        if erased.is_empty() && !chats.is_empty() {
            // Deleted before.
            return;
        }
        let (news, requoted) = (format!("{id} expired").into(), erased.concat().into());
        let (from, people) = (author.client, [author].into());
        let event = Arc::new(Event::Erased { id, cause: ErasureCause::Expired, news, people, requoted, redraw: true });
        // Shown once on every screen that has the message, even if the author or a reader has left in the meantime.
        for outbox in to.iter().chain([&from]).filter_map(|client| self.roster.connection(*client)) {
            outbox.show_direct(&event, &mut self.clock.clone());
        }
        for chat in &chats {
            self.arrange_direct_redraw(chat, now);
        }
    }

    /// A message was erased or edited: schedules the redraw of views that could not be redrawn at once.
    pub(crate) fn arrange_redraw(&self, room: &Arc<Room>, erased: Erased, now: Instant) {
        if erased.redraw_due {
            self.redraw_later(room, now);
        }
    }

    /// Has the views of a room redrawn after a moment.
    pub(crate) fn redraw_later(&self, room: &Arc<Room>, now: Instant) {
        self.timer.schedule(now + REDRAW_AFTER, Task::Redraw(Arc::downgrade(room)));
    }

    /// The same for a direct chat.
    pub(crate) fn arrange_direct_redraw(&self, chat: &Arc<DirectChat>, now: Instant) {
        self.timer.schedule(now + REDRAW_AFTER, Task::RedrawDirect(Arc::downgrade(chat)));
    }

    /// If the room is user-made and empty, schedules its closing.
    pub(crate) fn let_linger(&self, room: &Arc<Room>) {
        if let Some(due) = room.close_due(self.config().room_linger) {
            self.timer.schedule(due, Task::CloseIfEmpty(Arc::downgrade(room)));
        }
    }

    pub(super) fn forget_old_later(&self, now: Instant) {
        self.timer.schedule(now + FORGET_EVERY, Task::ForgetOld);
    }
}
