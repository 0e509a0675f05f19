//! The thread `store-watch`: says so when the writer hangs in its disk and cannot say it itself.
//!
//! A full disk answers; a network's or a dying one may not, for minutes. The writer waits in the system then, records pile
//! up, and what finds no place any more would be lost in silence.
//!
//! *Owns* what is told of that. *Knows nothing of* what the writer does.
//! *Called by* `opening`, which starts it. It sleeps until somebody records something while the writer hangs.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::SAY_LOST;
use crate::store::error::StoreFailure;
use crate::store::event::StoreEvent;
use crate::store::queue::WriteQueue;

/// Watches until the writer has ended.
pub fn watch(shared: &WriteQueue, news: &Arc<dyn Fn(StoreEvent) + Send + Sync>) {
    let mut said_lost: Option<Instant> = None;
    let mut state = shared.lock();
    while !state.ended {
        if !state.hang.is_noticed {
            said_lost = None;
            state = shared.noticed.wait(state).unwrap_or_else(PoisonError::into_inner);
        } else if !state.hang.is_told {
            drop(state);
            news(StoreEvent::DiskFailed(StoreFailure::TimedOut));
            state = shared.lock();
            state.hang.is_told = state.hang.is_noticed;
            if !state.hang.is_told {
                // It was over before that was told.
                drop(state);
                news(StoreEvent::DiskRecovered { lost: 0 });
                state = shared.lock();
            }
        } else if state.lost.records > 0 && said_lost.is_none_or(|last| last.elapsed() >= SAY_LOST) {
            let lost = mem::take(&mut state.lost);
            state.hang.lost += lost.records;
            drop(state);
            said_lost = Some(Instant::now());
            news(StoreEvent::WritesLost {
                records: lost.records,
                reason: lost.reason.unwrap_or(StoreFailure::QueueFull),
            });
            state = shared.lock();
        } else {
            state = shared.noticed.wait_timeout(state, SAY_LOST).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::identity::AccountId;
    use crate::chat::message::MessageId;
    use crate::chat::names::RoomName;
    use crate::store::queue::message_ids::MessageIds;
    use crate::store::queue::queued_write::BackgroundWrite;
    use crate::store::queue::{CAPACITY, HANGS};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn record(shared: &WriteQueue) {
        let room = RoomName::parse("general").expect("a name");
        shared.record(BackgroundWrite::Visited(AccountId(1), room, MessageId(1)));
    }

    #[test]
    fn a_writer_that_hangs_is_told_of_and_what_is_lost_meanwhile_too() {
        let shared = WriteQueue::new(MessageIds::new(0, 0));
        let (sender, told) = mpsc::channel();
        let news: Arc<dyn Fn(StoreEvent) + Send + Sync> =
            Arc::new(move |news| sender.send(news).expect("somebody listens"));
        thread::scope(|scope| {
            scope.spawn(|| watch(&shared, &news));
            shared.lock().begin_step(Instant::now());
            record(&shared);
            assert!(told.try_recv().is_err(), "it has only begun");
            let long_ago = Instant::now().checked_sub(HANGS).expect("a machine that runs for a while");
            shared.lock().begin_step(long_ago);
            record(&shared);
            assert_eq!(told.recv_timeout(PATIENCE), Ok(StoreEvent::DiskFailed(StoreFailure::TimedOut)));
            (0..CAPACITY / 128 + 5).for_each(|_| record(&shared));
            let lost = told.recv_timeout(PATIENCE).expect("news");
            assert!(matches!(lost, StoreEvent::WritesLost { reason: StoreFailure::QueueFull, .. }), "{lost:?}");
            let mut state = shared.lock();
            assert!(state.end_step().is_some_and(|lost| lost > 0));
            assert_eq!(state.end_step(), None);
            state.ended = true;
            drop(state);
            shared.noticed.notify_all();
        });
    }
}
