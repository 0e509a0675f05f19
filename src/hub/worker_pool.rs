//! Worker threads for slow jobs (password hashing, search), so connection threads never block on them for long.
//!
//! Jobs wait in one queue per address. At most one job per address runs at a time, and the queues take turns: an
//! address that floods the server with passwords makes its own users wait, and everybody else waits for at most one of
//! its jobs.
//!
//! *Owns* the threads `worker:1` and `worker:2` and their queues.
//! *Knows nothing of* what the jobs do.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::access::address::network_key;

/// Most threads. One long job must not keep all others waiting, and more than two could take a whole small machine from users
/// who only chat.
const MOST_THREADS: usize = 2;

/// Most waiting jobs of one address, besides the running one. Each is a waiting user: at 50 ms a job, the last of 64
/// gets an answer within four seconds. It is better to refuse further ones.
const MOST_OF_AN_ADDRESS: usize = 64;

/// Most waiting jobs in total: far more than two threads can do while users are willing to wait. A waiting job takes a
/// few hundred bytes, and the waiting connections have their own bound.
const MOST_WAITING: usize = 1024;

/// Stack of a thread, in bytes: the default of Rust's threads. Patterns were seen to need less than 32 KiB in a debug build,
/// but their engine promises nothing, and only the pages that are touched are ever resident.
const STACK: usize = 2 * 1024 * 1024;

/// How long an idle thread waits for another job before it ends, so that a quiet server has none. Starting a thread
/// costs a fraction of a job, and a user who searches often searches again within seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The job was not done: too many are waiting, no thread could be started, the server is stopping, or the job panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyError;

impl fmt::Display for BusyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The server is too busy for that: try again in a moment.")
    }
}

impl std::error::Error for BusyError {}

/// How much longer a job may run. It reads the clock itself, since a job runs on a different thread than its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Deadline {
        Deadline(Instant::now() + limit)
    }

    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

/// One job. Dropped without being run, it tells the caller that there will be no result.
struct Job {
    run: Box<dyn FnOnce() + Send>,
    /// Tells the caller of a running job that there will be no result: the server stops.
    abandon: Box<dyn FnOnce() + Send>,
}

/// The jobs of one address. A queue exists only while one of its jobs waits or runs.
#[derive(Default)]
struct JobQueue {
    waiting: VecDeque<Job>,
    running: bool,
}

#[derive(Default)]
struct JobQueues {
    queues: HashMap<IpAddr, JobQueue>,
    /// Addresses with a waiting job and no running one, each once, in the order of their turns.
    turns: VecDeque<IpAddr>,
    /// Waiting jobs, over all queues.
    waiting: usize,
    /// Which threads there are, started or about to be.
    threads: [bool; MOST_THREADS],
    /// How to tell the callers of running jobs.
    abandon: [Option<Box<dyn FnOnce() + Send>>; MOST_THREADS],
    /// Threads that wait for a job.
    idle: usize,
    stopped: bool,
}

impl JobQueues {
    /// Appends a job to its queue. When all queues together are full, the newest job of the longest queue is dropped,
    /// unless the new job's queue would be just as long. Returns the job that has no place.
    fn push(&mut self, address: IpAddr, job: Job) -> Option<Job> {
        let own = self.queues.get(&address).map_or(0, |queue| queue.waiting.len());
        if own >= MOST_OF_AN_ADDRESS {
            return Some(job);
        }
        let mut displaced = None;
        if self.waiting >= MOST_WAITING {
            let longest = self.queues.iter_mut().max_by_key(|(_, queue)| queue.waiting.len());
            match longest.filter(|(_, queue)| queue.waiting.len() > own + 1) {
                Some((_, queue)) => displaced = queue.waiting.pop_back(),
                None => return Some(job),
            }
            self.waiting -= 1;
        }
        let queue = self.queues.entry(address).or_default();
        if queue.waiting.is_empty() && !queue.running {
            self.turns.push_back(address);
        }
        queue.waiting.push_back(job);
        self.waiting += 1;
        displaced
    }

    /// The next job, of the address whose turn it is.
    fn pop(&mut self) -> Option<(IpAddr, Job)> {
        let address = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&address)?;
        let job = queue.waiting.pop_front()?;
        queue.running = true;
        self.waiting -= 1;
        Some((address, job))
    }

    /// The running job of an address is done: its next one waits behind those of other addresses.
    fn done(&mut self, address: IpAddr) {
        let Some(queue) = self.queues.get_mut(&address) else { return };
        queue.running = false;
        if queue.waiting.is_empty() {
            self.queues.remove(&address);
        } else {
            self.turns.push_back(address);
        }
    }

    /// Takes all waiting jobs, to be dropped outside the lock.
    fn take_waiting(&mut self) -> Vec<Job> {
        self.turns.clear();
        self.waiting = 0;
        let jobs = self.queues.values_mut().flat_map(|queue| queue.waiting.drain(..)).collect();
        self.queues.retain(|_, queue| queue.running);
        jobs
    }
}

struct Pool {
    /// A leaf: nothing is done under it but keeping the queues. No job runs or is dropped under it.
    state: Mutex<JobQueues>,
    /// A job was queued, or the pool was stopped.
    queued: Condvar,
    keep_alive: Duration,
}

/// The worker threads. One per server; dropping it stops them.
pub struct WorkerPool {
    shared: Arc<Pool>,
}

impl Default for WorkerPool {
    fn default() -> WorkerPool {
        WorkerPool::with_keep_alive(KEEP_ALIVE)
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl WorkerPool {
    /// No thread is started before there is a job.
    pub fn new() -> WorkerPool {
        WorkerPool::default()
    }

    fn with_keep_alive(keep_alive: Duration) -> WorkerPool {
        let shared = Pool { state: Mutex::default(), queued: Condvar::new(), keep_alive };
        WorkerPool { shared: Arc::new(shared) }
    }

    /// Runs a job for a user at `address`, and waits for its result. Jobs of one address (IPv6: of one /56) run one after the
    /// other, in the order in which they came, and addresses take turns.
    ///
    /// A job must not call this itself: the job it would wait for may be waiting behind it.
    ///
    /// # Errors
    ///
    /// See [`BusyError`].
    pub fn run<R: Send + 'static>(
        &self,
        address: IpAddr,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, BusyError> {
        // Room for both senders, so that neither waits.
        let (sender, result) = mpsc::sync_channel(2);
        let abandon = sender.clone();
        let tell = |sender: SyncSender<Option<R>>, told| {
            // The caller is gone when the server stops.
            let _ = sender.send(told);
        };
        let job =
            Job { run: Box::new(move || tell(sender, Some(job()))), abandon: Box::new(move || tell(abandon, None)) };
        let mut state = self.shared.lock();
        if state.stopped {
            drop(state);
            return Err(BusyError);
        }
        let displaced = state.push(network_key(address), job);
        let vacant = if state.turns.len() > state.idle { state.threads.iter().position(|there| !there) } else { None };
        if let Some(number) = vacant {
            state.threads[number] = true;
        }
        drop(state);
        // It may be the new one itself.
        drop(displaced);
        self.shared.queued.notify_one();
        if let Some(number) = vacant {
            self.shared.start(number);
        }
        result.recv().ok().flatten().ok_or(BusyError)
    }

    /// All callers get [`BusyError`], those who wait now and all later ones. The threads end after their current jobs; nobody
    /// waits for that.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let dropped = state.take_waiting();
        let abandoned = std::mem::take(&mut state.abandon);
        drop(state);
        drop(dropped);
        abandoned.into_iter().flatten().for_each(|abandon| abandon());
        self.shared.queued.notify_all();
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, JobQueues> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread that is already marked as running. If that fails and there is no other, nobody would do the
    /// waiting jobs, so they are dropped.
    fn start(self: &Arc<Self>, number: usize) {
        let shared = Arc::clone(self);
        let builder = thread::Builder::new().name(format!("worker:{}", number + 1)).stack_size(STACK);
        let Err(error) = builder.spawn(move || shared.work(number)) else { return };
        let mut state = self.lock();
        state.threads[number] = false;
        let nobody = state.threads.iter().all(|there| !there);
        let dropped = if nobody { state.take_waiting() } else { Vec::new() };
        drop(state);
        drop(dropped);
        log::warn!("no worker thread could be started: {error}");
    }

    /// The loop of one thread, until it has been idle for long or the server stops.
    fn work(&self, number: usize) {
        let mut state = self.lock();
        loop {
            if let Some((address, Job { run, abandon })) = state.pop() {
                state.abandon[number] = Some(abandon);
                drop(state);
                // Nothing that the job leaves half done is used again: it is consumed, and its caller gets `BusyError`.
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    log::warn!("a job panicked on worker:{}", number + 1);
                }
                state = self.lock();
                // Dropped under the lock, because it is a sender and owns nothing of the job.
                state.abandon[number] = None;
                state.done(address);
                continue;
            }
            if state.stopped {
                break;
            }
            state.idle += 1;
            let nothing = |state: &mut JobQueues| state.turns.is_empty() && !state.stopped;
            let (next, waited) =
                self.queued.wait_timeout_while(state, self.keep_alive, nothing).unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.idle -= 1;
            if waited.timed_out() && state.turns.is_empty() {
                break;
            }
        }
        // Under the same lock as the last look at the queues: a job that arrives now starts another thread.
        state.threads[number] = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    fn address(last: usize) -> IpAddr {
        let [.., high, low] = last.to_be_bytes();
        [192, 0, high, low].into()
    }

    /// Waits until that many jobs are queued; every caller that queues one has taken the lock for it.
    fn wait_for_queue(work: &WorkerPool, wanted: usize) {
        let deadline = Instant::now() + DEADLINE;
        while work.shared.lock().waiting != wanted {
            assert!(Instant::now() < deadline, "{} of {wanted}", work.shared.lock().waiting);
            thread::yield_now();
        }
    }

    /// A caller from an address whose job runs until the gate opens.
    fn caller(
        work: &Arc<WorkerPool>,
        from: IpAddr,
        gate: &Arc<Count>,
        begun: &Arc<Count>,
    ) -> thread::JoinHandle<Result<(), BusyError>> {
        let (work, gate, begun) = (Arc::clone(work), Arc::clone(gate), Arc::clone(begun));
        let job = move || {
            begun.add();
            gate.wait_for(1);
        };
        thread::spawn(move || work.run(from, job))
    }

    /// Callers from that many addresses.
    fn callers(
        work: &Arc<WorkerPool>,
        count: usize,
        gate: &Arc<Count>,
        begun: &Arc<Count>,
    ) -> Vec<thread::JoinHandle<Result<(), BusyError>>> {
        (0..count).map(|number| caller(work, address(number), gate, begun)).collect()
    }

    /// Callers from one address, all with the same name for it in the log of what ran.
    fn logging_caller(
        work: &Arc<WorkerPool>,
        from: usize,
        log: &Arc<Mutex<Vec<usize>>>,
    ) -> thread::JoinHandle<Result<(), BusyError>> {
        let (work, log) = (Arc::clone(work), Arc::clone(log));
        thread::spawn(move || work.run(address(from), move || log.lock().expect("a lock").push(from)))
    }

    fn join<R>(callers: Vec<thread::JoinHandle<R>>) -> Vec<R> {
        callers.into_iter().map(|caller| caller.join().expect("joined")).collect()
    }

    #[test]
    fn results_come_back_from_threads_of_that_name() {
        let work = WorkerPool::new();
        assert_eq!(work.run(address(0), || 6 * 7), Ok(42));
        let name = work.run(address(0), || thread::current().name().map(str::to_owned)).expect("a result");
        assert!(name.is_some_and(|name| name == "worker:1" || name == "worker:2"));
    }

    #[test]
    fn two_jobs_run_at_once_and_never_three() {
        let work = Arc::new(WorkerPool::new());
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
            thread::spawn(move || work.run(address(number), job))
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
        let work = WorkerPool::new();
        for round in 0..6 {
            assert_eq!(work.run(address(0), || -> u8 { panic!("on purpose") }), Err(BusyError));
            assert_eq!(work.run(address(0), move || round), Ok(round));
        }
    }

    #[test]
    fn one_address_has_one_job_running_whatever_it_asks_for() {
        let work = Arc::new(WorkerPool::new());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let caller = |number: u16| {
            let (work, running, most) = (Arc::clone(&work), Arc::clone(&running), Arc::clone(&most));
            // One household: all of 2001:db8:0:100::/56.
            let from = Ipv6Addr::new(0x2001, 0xdb8, 0, 0x100 + number, 0, 0, 0, 1).into();
            let job = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            };
            thread::spawn(move || work.run(from, job))
        };
        let callers: Vec<_> = (0..40).map(caller).collect();
        assert!(join(callers).into_iter().all(|result| result == Ok(())));
        assert_eq!(most.load(Ordering::SeqCst), 1);
        // The last caller may have its answer before its queue is gone.
        let deadline = Instant::now() + DEADLINE;
        while !work.shared.lock().queues.is_empty() {
            assert!(Instant::now() < deadline, "a queue without a job");
            thread::yield_now();
        }
    }

    #[test]
    fn a_flood_from_one_address_makes_the_others_wait_for_one_of_its_jobs() {
        let work = Arc::new(WorkerPool::new());
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        // Both threads are taken, so that everything below is queued first.
        let running = callers(&work, MOST_THREADS, &gate, &begun);
        begun.wait_for(MOST_THREADS);
        let log = Arc::default();
        let mut waiting = Vec::new();
        for number in 0..60 {
            waiting.push(logging_caller(&work, 10, &log));
            wait_for_queue(&work, number + 1);
        }
        for (number, from) in [11, 12, 13].into_iter().enumerate() {
            waiting.push(logging_caller(&work, from, &log));
            wait_for_queue(&work, 61 + number);
        }
        gate.add();
        assert!(join(running).into_iter().chain(join(waiting)).all(|result| result == Ok(())));
        let log = log.lock().expect("a lock");
        let last_of_the_others = log.iter().rposition(|from| *from != 10).expect("they ran");
        // Two threads, so what is next to each other may change places.
        assert!(last_of_the_others <= 5, "{log:?}");
        assert_eq!(log.len(), 63);
    }

    #[test]
    fn an_address_with_too_many_jobs_is_busy_and_no_other() {
        let work = Arc::new(WorkerPool::new());
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        // Its first job runs before the others come, and waits in no queue.
        let mut callers = vec![caller(&work, address(1), &gate, &begun)];
        begun.wait_for(1);
        callers.extend((0..MOST_OF_AN_ADDRESS).map(|_| caller(&work, address(1), &gate, &begun)));
        wait_for_queue(&work, MOST_OF_AN_ADDRESS);
        assert_eq!(work.run(address(1), || ()), Err(BusyError));
        assert_eq!(work.run(address(2), || 7), Ok(7));
        gate.add();
        assert!(join(callers.split_off(0)).into_iter().all(|result| result == Ok(())));
        assert_eq!(work.run(address(1), || 1), Ok(1));
    }

    #[test]
    fn when_all_queues_are_full_the_longest_makes_room() {
        let job = || Job { run: Box::new(|| ()), abandon: Box::new(|| ()) };
        let mut state = JobQueues::default();
        for number in 0..MOST_WAITING {
            assert!(state.push(address(number / MOST_OF_AN_ADDRESS), job()).is_none());
        }
        let length = |state: &JobQueues, number: usize| {
            state.queues.get(&address(number)).map_or(0, |queue| queue.waiting.len())
        };
        // A single job displaces one of many, until all queues are equally long.
        for number in 0..MOST_WAITING {
            let displaced = state.push(address(1000 + number), job());
            assert!(displaced.is_some());
            assert_eq!(state.waiting, MOST_WAITING);
            assert_eq!(state.turns.len(), state.queues.len());
        }
        assert!((0..16).all(|number| length(&state, number) == 1), "the flood keeps its places");
        assert_eq!(length(&state, 1000 + MOST_WAITING - 1), 0);
        assert_eq!(state.take_waiting().len(), MOST_WAITING);
        assert!(state.queues.is_empty());
    }

    #[test]
    fn stopping_answers_those_whose_jobs_run_and_those_who_wait() {
        let work = Arc::new(WorkerPool::new());
        let (gate, begun) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let running = callers(&work, MOST_THREADS, &gate, &begun);
        begun.wait_for(MOST_THREADS);
        let waiting = callers(&work, 5, &gate, &begun);
        wait_for_queue(&work, 5);
        work.stop();
        assert!(join(running).into_iter().chain(join(waiting)).all(|result| result == Err(BusyError)));
        assert_eq!(work.run(address(0), || ()), Err(BusyError));
        gate.add();
    }

    #[test]
    fn a_job_that_comes_while_threads_end_is_done() {
        let work = WorkerPool::with_keep_alive(Duration::ZERO);
        for round in 0..500 {
            assert_eq!(work.run(address(0), move || round), Ok(round));
        }
    }
}
