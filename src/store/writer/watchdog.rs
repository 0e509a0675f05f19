//! The thread `store-watchdog`: reports a writer that hangs in its disk and cannot report it itself.
//!
//! A full disk answers; a network disk or a dying one may not, for minutes. Meanwhile the writer waits in the kernel, the
//! queue fills, and writes would be lost silently.
//!
//! *Owns* what is reported of that. *Knows nothing of* what the writer does.
//!
//! It sleeps until someone queues a write while the writer hangs.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::REPORT_LOSS_EVERY;
use crate::store::error::StoreError;
use crate::store::event::StoreEvent;
use crate::store::queue::WriteQueue;

/// Watches until the writer has exited.
pub(crate) fn watch(queue: &WriteQueue, on_event: &Arc<dyn Fn(StoreEvent) + Send + Sync>) {
    let mut loss_reported_at: Option<Instant> = None;
    let mut state = queue.lock();
    while !state.writer_exited {
        if !state.hang.is_noticed {
            loss_reported_at = None;
            state = queue.hang_noticed.wait(state).unwrap_or_else(PoisonError::into_inner);
        } else if !state.hang.is_reported {
            drop(state);
            on_event(StoreEvent::DiskFailed(StoreError::TimedOut));
            state = queue.lock();
            state.hang.is_reported = state.hang.is_noticed;
            if !state.hang.is_reported {
                // It was over before it was reported.
                drop(state);
                on_event(StoreEvent::DiskRecovered { lost: 0 });
                state = queue.lock();
            }
        } else if state.lost.count > 0 && loss_reported_at.is_none_or(|last| last.elapsed() >= REPORT_LOSS_EVERY) {
            let lost = mem::take(&mut state.lost);
            state.hang.lost += lost.count;
            drop(state);
            loss_reported_at = Some(Instant::now());
            on_event(StoreEvent::WritesLost {
                records: lost.count,
                reason: lost.reason.unwrap_or(StoreError::QueueFull),
            });
            state = queue.lock();
        } else {
            state = queue.hang_noticed.wait_timeout(state, REPORT_LOSS_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::{AccountId, MessageId};
    use crate::chat::names::RoomName;
    use crate::store::queue::message_ids::MessageIds;
    use crate::store::queue::queued_write::BackgroundWrite;
    use crate::store::queue::{CAPACITY, HANGS};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn record(queue: &WriteQueue) {
        let room = RoomName::parse("general").expect("a name");
        queue.record(BackgroundWrite::Visit(AccountId(1), room, MessageId(1)));
    }

    #[test]
    fn a_hanging_writer_is_reported_and_so_are_writes_lost_meanwhile() {
        let queue = WriteQueue::new(MessageIds::new(0, 0));
        let (sender, events) = mpsc::channel();
        let on_event: Arc<dyn Fn(StoreEvent) + Send + Sync> =
            Arc::new(move |event| sender.send(event).expect("a listener"));
        thread::scope(|scope| {
            scope.spawn(|| watch(&queue, &on_event));
            queue.lock().begin_step(Instant::now());
            record(&queue);
            assert!(events.try_recv().is_err(), "it has only begun");
            let long_ago = Instant::now().checked_sub(HANGS).expect("a machine that runs for a while");
            queue.lock().begin_step(long_ago);
            record(&queue);
            assert_eq!(events.recv_timeout(PATIENCE), Ok(StoreEvent::DiskFailed(StoreError::TimedOut)));
            (0..CAPACITY / 128 + 5).for_each(|_| record(&queue));
            let lost = events.recv_timeout(PATIENCE).expect("an event");
            assert!(matches!(lost, StoreEvent::WritesLost { reason: StoreError::QueueFull, .. }), "{lost:?}");
            let mut state = queue.lock();
            assert!(state.end_step().is_some_and(|lost| lost > 0));
            assert_eq!(state.end_step(), None);
            state.writer_exited = true;
            drop(state);
            queue.hang_noticed.notify_all();
        });
    }
}
