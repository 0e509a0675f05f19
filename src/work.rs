//! Threads for what computes long, so that no thread that reads or delivers does.
//!
//! *Owns* the threads `work:1` and `work:2` and the queue before them.
//! *Knows nothing of* what is computed.
//! *Called by* `session`, from client threads, with no lock held.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads at most. One long job must not keep all others waiting; more than two could take the whole of a small machine
/// from those who only talk.
const MOST_THREADS: usize = 2;

/// Jobs that wait at most, besides those that run. Each is a person who waits: at 50 ms a job, the last of 64 gets his
/// answer within two seconds, and a later one had better be told to come back.
const MOST_WAITING: usize = 64;

/// Stack of a thread, in bytes: what Rust gives its threads. Patterns were seen to need less than 32 KiB in a debug build,
/// but their engine promises nothing, and only what is touched is ever resident.
const STACK: usize = 2 * 1024 * 1024;

/// How long a thread stays for another job, so that a quiet server has none of them. Starting one costs a small part of a
/// job, and somebody who searches tries again within seconds.
const STAYS: Duration = Duration::from_secs(10);

/// The job was not done: too many wait, there is no thread for it, the server stops, or it panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The server is too busy for that: try again in a moment.")
    }
}

impl std::error::Error for Busy {}

/// Sends its result to whoever waits for it. Dropped without, it says that there will be none.
type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Which threads there are, started or about to be.
    threads: [bool; MOST_THREADS],
    /// Threads that wait for a job.
    idle: usize,
    stopped: bool,
}

struct Shared {
    /// A leaf: nothing is done under it but keeping the queue. No job runs and none is dropped under it.
    state: Mutex<State>,
    /// A job came, or the end.
    queued: Condvar,
    /// A job was done or thrown away, or the end.
    answered: Condvar,
    stays: Duration,
}

/// The threads that compute. One per server; dropping it stops them.
pub struct Work {
    shared: Arc<Shared>,
}

impl Default for Work {
    fn default() -> Work {
        Work::staying(STAYS)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Work {
    /// No thread is started before there is a job.
    pub fn new() -> Work {
        Work::default()
    }

    fn staying(stays: Duration) -> Work {
        let shared = Shared { state: Mutex::default(), queued: Condvar::new(), answered: Condvar::new(), stays };
        Work { shared: Arc::new(shared) }
    }

    /// Has the job done and waits for its result. A job must not call this itself: the jobs it would wait for may be
    /// waiting behind it.
    pub fn run<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, Busy> {
        let (sender, result) = mpsc::channel();
        let job: Job = Box::new(move || {
            // Nobody waits any more if the server stops.
            let _ = sender.send(job());
        });
        let mut state = self.shared.lock();
        if state.stopped || state.waiting.len() >= MOST_WAITING {
            drop(state);
            return Err(Busy);
        }
        state.waiting.push_back(job);
        let vacant =
            if state.waiting.len() > state.idle { state.threads.iter().position(|there| !there) } else { None };
        if let Some(number) = vacant {
            state.threads[number] = true;
        }
        drop(state);
        self.shared.queued.notify_one();
        if let Some(number) = vacant {
            self.shared.start(number);
        }
        let mut state = self.shared.lock();
        loop {
            match result.try_recv() {
                Ok(answer) => return Ok(answer),
                Err(TryRecvError::Disconnected) => return Err(Busy),
                Err(TryRecvError::Empty) if state.stopped => return Err(Busy),
                Err(TryRecvError::Empty) => {
                    state = self.shared.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Whoever waits gets [`Busy`], and so does everybody from now on. The threads end when the jobs they are at are done;
    /// nobody waits for that.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let thrown_away = std::mem::take(&mut state.waiting);
        drop(state);
        drop(thrown_away);
        self.shared.queued.notify_all();
        self.shared.answered.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread whose place is taken already. If there is none at all then, nobody would do what waits: it is
    /// thrown away.
    fn start(self: &Arc<Self>, number: usize) {
        let shared = Arc::clone(self);
        let builder = thread::Builder::new().name(format!("work:{}", number + 1)).stack_size(STACK);
        let Err(error) = builder.spawn(move || shared.work(number)) else { return };
        let mut state = self.lock();
        state.threads[number] = false;
        let nobody = state.threads.iter().all(|there| !there);
        let thrown_away = if nobody { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
        drop(state);
        drop(thrown_away);
        self.answered.notify_all();
        log::warn!("no thread to compute on: {error}");
    }

    /// One thread, until it was idle for long or the server stops.
    fn work(&self, number: usize) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                // Nothing that the job leaves half done is looked at again: it is consumed, and its caller gets Busy.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    log::warn!("a job panicked on work:{}", number + 1);
                }
                // The caller looks for its result under the lock: taking it once means that he either waits or sees it.
                state = self.lock();
                self.answered.notify_all();
                continue;
            }
            if state.stopped {
                break;
            }
            state.idle += 1;
            let nothing = |state: &mut State| state.waiting.is_empty() && !state.stopped;
            let (next, waited) =
                self.queued.wait_timeout_while(state, self.stays, nothing).unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                break;
            }
        }
        // Under the same lock as the last look at the queue: a job that comes now starts another thread.
        state.threads[number] = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    const DEADLINE: Duration = Duration::from_secs(60);

    /// A number that can be waited for.
    #[derive(Default)]
    struct Count {
        value: Mutex<usize>,
        changed: Condvar,
    }

    impl Count {
        fn add(&self) {
            *self.value.lock().expect("a lock") += 1;
            self.changed.notify_all();
        }

        fn wait_for(&self, wanted: usize) {
            let value = self.value.lock().expect("a lock");
            let (value, _) = self.changed.wait_timeout_while(value, DEADLINE, |value| *value < wanted).expect("a lock");
            assert!(*value >= wanted, "{value} of {wanted}");
        }
    }

    /// Waits until so many jobs stand in the queue; every caller that queues one has taken the lock for it.
    fn wait_for_queue(work: &Work, wanted: usize) {
        let deadline = Instant::now() + DEADLINE;
        while work.shared.lock().waiting.len() != wanted {
            assert!(Instant::now() < deadline, "{} of {wanted}", work.shared.lock().waiting.len());
            thread::yield_now();
        }
    }

    /// Callers whose jobs run until the gate opens.
    fn callers(
        work: &Arc<Work>,
        count: usize,
        gate: &Arc<Count>,
        begun: &Arc<Count>,
    ) -> Vec<thread::JoinHandle<Result<(), Busy>>> {
        let caller = |_| {
            let (work, gate, begun) = (Arc::clone(work), Arc::clone(gate), Arc::clone(begun));
            let job = move || {
                begun.add();
                gate.wait_for(1);
            };
            thread::spawn(move || work.run(job))
        };
        (0..count).map(caller).collect()
    }

    fn join<R>(callers: Vec<thread::JoinHandle<R>>) -> Vec<R> {
        callers.into_iter().map(|caller| caller.join().expect("joined")).collect()
    }

    #[test]
    fn results_come_back_from_threads_of_that_name() {
        let work = Work::new();
        assert_eq!(work.run(|| 6 * 7), Ok(42));
        let name = work.run(|| thread::current().name().map(str::to_owned)).expect("a result");
        assert!(name.is_some_and(|name| name == "work:1" || name == "work:2"));
    }

    #[test]
    fn two_jobs_run_at_once_and_never_three() {
        let work = Arc::new(Work::new());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let caller = |number: usize| {
            let (work, running, most) = (Arc::clone(&work), Arc::clone(&running), Arc::clone(&most));
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            let job = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                begun.add();
                gate.wait_for(1);
                running.fetch_sub(1, Ordering::SeqCst);
                number
            };
            thread::spawn(move || work.run(job))
        };
        let callers: Vec<_> = (0..20).map(caller).collect();
        begun.wait_for(2);
        wait_for_queue(&work, 18);
        gate.add();
        assert_eq!(join(callers), (0..20).map(Ok).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_panicking_job_is_busy_and_the_next_one_works() {
        let work = Work::new();
        for round in 0..6 {
            assert_eq!(work.run(|| -> u8 { panic!("on purpose") }), Err(Busy));
            assert_eq!(work.run(move || round), Ok(round));
        }
    }

    #[test]
    fn a_full_queue_is_busy_and_the_waiting_ones_are_done() {
        let work = Arc::new(Work::new());
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let running = callers(&work, MOST_THREADS, &gate, &begun);
        begun.wait_for(MOST_THREADS);
        let waiting = callers(&work, MOST_WAITING, &gate, &begun);
        wait_for_queue(&work, MOST_WAITING);
        assert_eq!(work.run(|| ()), Err(Busy));
        gate.add();
        assert!(join(running).into_iter().chain(join(waiting)).all(|result| result == Ok(())));
        assert_eq!(work.run(|| 1), Ok(1));
    }

    #[test]
    fn stopping_answers_those_whose_jobs_run_and_those_who_wait() {
        let work = Arc::new(Work::new());
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let running = callers(&work, MOST_THREADS, &gate, &begun);
        begun.wait_for(MOST_THREADS);
        let waiting = callers(&work, 5, &gate, &begun);
        wait_for_queue(&work, 5);
        work.stop();
        assert!(join(running).into_iter().chain(join(waiting)).all(|result| result == Err(Busy)));
        assert_eq!(work.run(|| ()), Err(Busy));
        gate.add();
    }

    #[test]
    fn a_job_that_comes_while_threads_end_is_done() {
        let work = Work::staying(Duration::ZERO);
        for round in 0..500 {
            assert_eq!(work.run(move || round), Ok(round));
        }
    }
}
