//! Work that must wait for the other servers but belongs to no user. It has its own thread, because the timer must not
//! wait.
//!
//! *Owns* that thread, which server handles a room, and retries.
//! *Knows nothing of* when something is due: the timer does.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{AccountNote, Nodes};
use crate::chat::message::{AccountId, ClientId};
use crate::chat::room::Occurrence;
use crate::cluster::{AccountChange, Cluster};
use crate::hub::Hub;
use crate::hub::room::Room;
use crate::hub::timer::Task;

/// How often to retry what could not be shared.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the others are told who has been typing.
const IDLE_EVERY: Duration = Duration::from_secs(10);

/// How long each server leaves a room to the one before it in order.
const TURN: Duration = Duration::from_secs(1);

/// Stack of the thread: it decides, waits and delivers.
const STACK: usize = 512 * 1024;

/// A job for the thread.
pub(super) enum BackgroundTask {
    /// A room's deadline has come.
    Task(Task),
    /// A local user has lost their name.
    NewName(ClientId),
    /// Record something for an account.
    Note(AccountNote),
    /// This connection changed an account.
    Account(AccountChange, AccountId, ClientId),
    /// The server stops.
    End,
}

impl Nodes {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start_background_thread(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let (sender, tasks) = mpsc::channel();
        // Once, at the start.
        let _ = self.background.set(sender);
        let nodes = Arc::clone(self);
        thread::Builder::new()
            .name("nodes".to_owned())
            .stack_size(STACK)
            .spawn(move || nodes.run_background_tasks(&tasks))
    }

    /// Ends the thread.
    pub(crate) fn end_background_thread(&self) {
        self.add_background_task(BackgroundTask::End);
    }

    pub(super) fn add_background_task(&self, task: BackgroundTask) {
        if let Some(tasks) = self.background.get() {
            // If the thread has ended, the server is ending too.
            let _ = tasks.send(task);
        }
    }

    /// Takes over a task that must wait for the other servers. Returns any other task.
    pub(crate) fn take_task(&self, task: Task) -> Option<Task> {
        match task {
            task @ (Task::Expire(..) | Task::NameHeir(_) | Task::CloseIfEmpty(_) | Task::Late(_)) => {
                self.add_background_task(BackgroundTask::Task(task));
                None
            }
            task @ (Task::FlushNews(_)
            | Task::ExpireDirect { .. }
            | Task::Redraw(_)
            | Task::RedrawDirect(_)
            | Task::ForgetOld
            | Task::EndTransfer(_)
            | Task::Close(_)) => Some(task),
        }
    }

    fn run_background_tasks(&self, tasks: &Receiver<BackgroundTask>) {
        let mut looked = Instant::now();
        let mut told = looked;
        // Users without a name of their own, while the others cannot be asked for one.
        let mut nameless = Vec::new();
        loop {
            let task = tasks.recv_timeout(AGAIN);
            let Some(hub) = self.hub.upgrade() else { return };
            let now = Instant::now();
            match task {
                Ok(BackgroundTask::Task(Task::Late(task))) => self.see_to(&hub, *task, true, now),
                Ok(BackgroundTask::Task(task)) => self.see_to(&hub, task, false, now),
                Ok(BackgroundTask::NewName(client)) => {
                    if !self.give_other_name(&hub, client, now) {
                        nameless.push(client);
                    }
                }
                Ok(BackgroundTask::Note(note)) => self.record(note),
                Ok(BackgroundTask::Account(change, account, by)) => self.review_account(&hub, change, account, by, now),
                Ok(BackgroundTask::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if now.saturating_duration_since(looked) >= AGAIN {
                looked = now;
                self.finish(now);
                nameless.retain(|client| !self.give_other_name(&hub, *client, now));
                self.tell_outcomes();
                self.record_unsaved();
                self.node().into_iter().for_each(Cluster::look);
            }
            if now.saturating_duration_since(told) >= IDLE_EVERY {
                self.share_idle(&hub, told, now);
                self.tidy_kept();
                self.tidy_places(&hub);
                told = now;
            }
        }
    }

    /// Handles a room's deadline if it is this server's turn; otherwise checks again later whether another server has.
    fn see_to(&self, hub: &Hub, task: Task, late: bool, now: Instant) {
        let (Task::Expire(room, _) | Task::NameHeir(room) | Task::CloseIfEmpty(room)) = &task else { return };
        let Some(room) = room.upgrade() else { return };
        let turn = self.cluster.get().map_or(0, |cluster| room.turn_of(cluster.node(), self.place()));
        if turn > 0 && !late {
            let after = TURN.saturating_mul(u32::try_from(turn).unwrap_or(u32::MAX));
            return hub.timer.schedule(now + after, Task::Late(Box::new(task)));
        }
        if let Task::Expire(_, id) = task {
            if let Some(erased) = room.expire(id, now) {
                hub.arrange_redraw(&room, erased, now);
            }
        } else if let Task::NameHeir(_) = task {
            room.name_heir(now);
        } else {
            self.close_if_empty(hub, &room, now);
        }
    }

    fn close_if_empty(&self, hub: &Hub, room: &Arc<Room>, now: Instant) {
        let lingered = Occurrence::Lingered(hub.config().room_linger);
        room.forget_close_due(now);
        if room.would_respond(lingered, now) {
            if self.close_room(room, "", None).is_ok() {
                log::info!("room {} closed: it was empty", room.name());
            }
        } else {
            // Someone was in it in the meantime, or a reload extended the time.
            hub.let_linger(room);
        }
    }
}
