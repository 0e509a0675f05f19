//! Stops threads at checkpoints that a test chooses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;

use chatsock::chat::identity::Target;
use chatsock::chat::names::RoomName;
use chatsock::hub::room::Room;
use chatsock::hub::{Checkpoint, Hub};
use chatsock::outbox::Outbox;

use crate::support::PATIENCE;

/// A room's name.
pub fn room_name(name: &str) -> RoomName {
    RoomName::parse(name).expect("a room's name")
}

/// The room of a name.
pub fn room(hub: &Hub, name: &str) -> Option<Arc<Room>> {
    hub.rooms.find(&room_name(name))
}

/// The outbox of a user who is online.
pub fn outbox(hub: &Hub, name: &str) -> Arc<Outbox> {
    let target = Target::parse(name).expect("a name");
    Arc::clone(&hub.roster.find(&target).expect("online").outbox)
}

/// Keeps a user's outbox locked: every thread that has output for them stops.
pub struct HeldOutbox {
    release: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl HeldOutbox {
    pub fn hold(hub: &Hub, name: &str) -> HeldOutbox {
        let outbox = outbox(hub, name);
        let ((held, is_held), (release, released)) = (mpsc::channel(), mpsc::channel());
        let thread = std::thread::spawn(move || {
            outbox.with_display(|_, _| {
                held.send(()).expect("the test waits");
                // The test may have failed.
                let _ = released.recv();
            });
        });
        is_held.recv_timeout(PATIENCE).expect("held");
        HeldOutbox { release, thread }
    }

    pub fn release(self) {
        self.release.send(()).expect("it waits");
        self.thread.join().expect("released");
    }
}

/// A gate at a checkpoint: a number of threads stop there, later ones pass.
pub struct Gate {
    shared: Arc<(Mutex<(usize, bool)>, Condvar)>,
}

impl Gate {
    /// Closed for the next `most` threads that reach the checkpoint.
    pub fn at(hub: &Hub, place: Checkpoint, most: usize) -> Gate {
        let shared = Arc::new((Mutex::new((0, false)), Condvar::new()));
        let (own, left) = (Arc::clone(&shared), AtomicUsize::new(most));
        hub.checkpoints.set(place, move || {
            if left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_err() {
                return;
            }
            let (state, changed) = &*own;
            let mut state = state.lock().expect("the state");
            state.0 += 1;
            changed.notify_all();
            // A failing test must not hold threads forever.
            let waited = changed.wait_timeout_while(state, 4 * PATIENCE, |(_, open)| !*open);
            drop(waited);
        });
        Gate { shared }
    }

    /// Waits until this many threads have stopped there.
    pub fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.shared;
        let state = state.lock().expect("the state");
        let waited = changed.wait_timeout_while(state, PATIENCE, |(here, _)| *here < count).expect("the state");
        assert!(!waited.1.timed_out(), "{} of {count} came", waited.0.0);
    }

    /// Lets the stopped threads continue.
    pub fn open(&self) {
        let (state, changed) = &*self.shared;
        state.lock().expect("the state").1 = true;
        changed.notify_all();
    }
}
