//! Deadlines that belong to no connection: batched notices, expiring messages, lingering rooms, refused sockets.
//!
//! *Owns* the queue of deadlines and the loop of its thread. *Knows nothing of* how long anything should take, or of
//! how a task is carried out, which is up to `tasks`.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::access::address::network_key;
use crate::access::allowance::Share;
use crate::chat::message::{AccountId, Addressee, ClientId, MessageId};
use crate::hub::direct::DirectChat;
use crate::hub::room::Room;

/// Most refused sockets kept open so that their last line can arrive. Beyond that, the oldest one of the address with
/// most of them is closed at once: refusals must not use up the descriptors of a server under attack.
const MOST_CLOSING: usize = 256;

/// Whose temporary messages are counted together: those of an account, or of all guests at an address.
pub(crate) type Author = (IpAddr, Option<AccountId>);

/// What to do at a deadline.
pub enum Task {
    /// Show the room's batched joins and leaves.
    FlushNews(Weak<Room>),
    /// Erase a temporary message.
    Expire(Weak<Room>, MessageId),
    /// Erase a temporary message from all the direct chats it was sent to.
    ExpireDirect {
        /// The temporary message.
        id: MessageId,
        /// Its author. By number, like its readers: numbers never repeat, and references would keep the memory of old
        /// connections alive.
        author: Addressee,
        /// The connections it was sent to.
        to: Box<[ClientId]>,
    },
    /// Redraw views of a room.
    Redraw(Weak<Room>),
    /// Redraw views of a direct chat.
    RedrawDirect(Weak<DirectChat>),
    /// Name an heir, unless the admin who lost their connection is back.
    NameHeir(Weak<Room>),
    /// Close a user-made room if nobody is in it.
    CloseIfEmpty(Weak<Room>),
    /// Do what another server had the first turn to do, unless it has done so.
    #[cfg(feature = "cluster")]
    Late(Box<Task>),
    /// Forget messages that are too old to be shown, in every room.
    ForgetOld,
    /// End an offer or an accepted transfer of a file, unless it has been given more time, or is running.
    EndTransfer(u64),
    /// Close a refused socket that was sent a reason. Closing it earlier, with unread input, would be a reset that
    /// destroys that line.
    Close(TcpStream),
}

struct TimerEntry {
    due: Instant,
    /// Breaks ties in the order of scheduling.
    number: u64,
    task: Task,
    /// The share that a temporary message takes of its author's allowance.
    held: Option<Share<Author>>,
}

impl TimerEntry {
    /// Whether it erases that temporary message.
    fn ends(&self, message: MessageId) -> bool {
        match &self.task {
            Task::Expire(_, id) | Task::ExpireDirect { id, .. } => *id == message,
            Task::FlushNews(_)
            | Task::Redraw(_)
            | Task::RedrawDirect(_)
            | Task::NameHeir(_)
            | Task::CloseIfEmpty(_)
            | Task::ForgetOld
            | Task::EndTransfer(_)
            | Task::Close(_) => false,
            #[cfg(feature = "cluster")]
            Task::Late(task) => matches!(&**task, Task::Expire(_, id) if *id == message),
        }
    }
}

struct RefusedSocket {
    due: Instant,
    from: IpAddr,
    stream: TcpStream,
}

impl PartialEq for TimerEntry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for TimerEntry {}

impl PartialOrd for TimerEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TimerEntry {
    /// Reversed: the heap's greatest is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

/// Tasks by their deadlines. Pure: `now` is an argument.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<TimerEntry>,
    scheduled: u64,
    /// In the order of their deadlines, since all of them stay open equally long.
    closing: VecDeque<RefusedSocket>,
}

impl Queue {
    /// Adds a task. True if it is now the first one.
    fn push(&mut self, due: Instant, task: Task, held: Option<Share<Author>>) -> bool {
        self.scheduled += 1;
        let earlier = self.due().is_none_or(|first| due < first);
        self.heap.push(TimerEntry { due, number: self.scheduled, task, held });
        earlier
    }

    /// Adds a refused socket. Returns whether it is now the first task, and the socket that has to make room for it.
    fn push_closing(&mut self, closing: RefusedSocket) -> (bool, Option<RefusedSocket>) {
        let mut displaced = None;
        if self.closing.len() >= MOST_CLOSING {
            let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
            self.closing.iter().for_each(|known| *crowds.entry(network_key(known.from)).or_default() += 1);
            let most = crowds.values().copied().max().unwrap_or(0);
            let crowded = |known: &RefusedSocket| crowds.get(&network_key(known.from)) == Some(&most);
            displaced = self.closing.iter().position(crowded).and_then(|index| self.closing.remove(index));
        }
        let earlier = self.due().is_none_or(|first| closing.due < first);
        self.closing.push_back(closing);
        (earlier, displaced)
    }

    /// Removes the task that erases a temporary message.
    fn cancel(&mut self, id: MessageId) {
        self.heap.retain(|entry| !entry.ends(id));
    }

    /// When the first one is due.
    fn due(&self) -> Option<Instant> {
        let closing = self.closing.front().map(|closing| closing.due);
        self.heap.peek().map(|entry| entry.due).into_iter().chain(closing).min()
    }

    /// The first one, if it is due. The share it held is given back.
    fn pop(&mut self, now: Instant) -> Option<Task> {
        let due = self.due().filter(|due| *due <= now)?;
        if self.closing.front().is_some_and(|closing| closing.due == due) {
            return self.closing.pop_front().map(|closing| Task::Close(closing.stream));
        }
        let TimerEntry { task, held, .. } = self.heap.pop()?;
        drop(held);
        Some(task)
    }
}

#[derive(Default)]
struct TimerState {
    queue: Queue,
    stopped: bool,
}

/// The timer. One per server.
#[derive(Default)]
pub(crate) struct Timer {
    /// A leaf: nothing is done under it but keeping the queue.
    state: Mutex<TimerState>,
    changed: Condvar,
}

impl Timer {
    fn lock(&self) -> MutexGuard<'_, TimerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn schedule(&self, due: Instant, task: Task) {
        self.schedule_holding(due, task, None);
    }

    /// Schedules the end of a temporary message, which takes a share of its author's allowance until it expires.
    pub(crate) fn schedule_holding(&self, due: Instant, task: Task, held: Option<Share<Author>>) {
        if self.lock().queue.push(due, task, held) {
            self.changed.notify_all();
        }
    }

    /// Schedules the closing of a socket that was refused. All must stay equally long.
    pub(crate) fn close_later(&self, due: Instant, from: IpAddr, stream: TcpStream) {
        let (earlier, displaced) = self.lock().queue.push_closing(RefusedSocket { due, from, stream });
        // Closed outside the lock.
        drop(displaced);
        if earlier {
            self.changed.notify_all();
        }
    }

    /// A temporary message was deleted: it no longer expires. Scans the whole queue, which the allowances of the authors
    /// bound.
    pub(crate) fn cancel(&self, id: MessageId) {
        self.lock().queue.cancel(id);
    }

    /// Ends [`Timer::run`]; queued tasks are dropped.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The loop of the timer's thread.
    pub(crate) fn run(&self, carry_out: impl Fn(Task)) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            if let Some(task) = state.queue.pop(now) {
                drop(state);
                // A bug in one task must not end all the others.
                if catch_unwind(AssertUnwindSafe(|| carry_out(task))).is_err() {
                    log::error!("a timer task panicked");
                }
                state = self.lock();
                continue;
            }
            state = match state.queue.due() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn expire(id: u64) -> Task {
        Task::Expire(Weak::new(), MessageId(id))
    }

    fn socket() -> TcpStream {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        TcpStream::connect(listener.local_addr().expect("an address")).expect("connected")
    }

    #[test]
    fn refused_sockets_close_in_their_turn_and_a_flood_of_them_displaces_its_own() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let closing = |last: u8, milliseconds: u64| RefusedSocket {
            due: now + Duration::from_millis(1000 + milliseconds),
            from: [192, 0, 2, last].into(),
            stream: socket(),
        };
        assert!(queue.push_closing(closing(1, 0)).0);
        queue.push(now + Duration::from_millis(1001), expire(1), None);
        for number in 1..MOST_CLOSING as u64 {
            assert!(queue.push_closing(closing(2, number)).1.is_none());
        }
        for number in 0..10 {
            let (_, displaced) = queue.push_closing(closing(3, 1000 + number));
            assert_eq!(displaced.map(|closing| closing.from), Some([192, 0, 2, 2].into()));
        }
        assert_eq!(queue.closing.len(), MOST_CLOSING);
        assert!(matches!(queue.pop(now + Duration::from_secs(1)), Some(Task::Close(_))));
        assert!(queue.pop(now + Duration::from_secs(1)).is_none());
        let all = std::iter::from_fn(|| queue.pop(now + Duration::from_secs(9)));
        assert_eq!(all.filter(|task| matches!(task, Task::Close(_))).count(), MOST_CLOSING - 1);
    }

    #[test]
    fn what_a_temporary_message_holds_is_given_back_when_it_is_over_or_deleted() {
        let now = Instant::now();
        let allowance = crate::access::allowance::Allowance::new(1000, 1000);
        let author = (IpAddr::from([192, 0, 2, 1]), None);
        let mut queue = Queue::default();
        for id in 1..=3 {
            queue.push(now + Duration::from_secs(id), expire(id), allowance.take(author, 100));
        }
        queue.push(now, Task::FlushNews(Weak::new()), None);
        assert_eq!(allowance.held(), 300);
        queue.cancel(MessageId(2));
        assert_eq!(allowance.held(), 200);
        assert_eq!(due(&mut queue, now + Duration::from_secs(9)), [0, 1, 3]);
        assert_eq!(allowance.held(), 0);
    }

    fn due(queue: &mut Queue, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(now))
            .map(|task| match task {
                Task::Expire(_, id) => id.0,
                _ => 0,
            })
            .collect()
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_ties_keep_their_order() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for (after, id) in [(3, 1), (1, 2), (2, 3), (1, 4)] {
            queue.push(now + Duration::from_secs(after), expire(id), None);
        }
        assert_eq!(due(&mut queue, now + Duration::from_secs(9)), [2, 4, 3, 1]);
    }

    #[test]
    fn nothing_is_done_before_its_time_and_everything_at_it() {
        let now = Instant::now();
        let mut queue = Queue::default();
        assert!(queue.push(now + Duration::from_secs(86_400), expire(1), None));
        assert!(queue.push(now + Duration::from_secs(10), expire(2), None));
        assert!(!queue.push(now + Duration::from_secs(11), expire(3), None));
        assert_eq!(due(&mut queue, now + Duration::from_millis(9_999)), [0_u64; 0]);
        assert_eq!(due(&mut queue, now + Duration::from_secs(10)), [2]);
        assert_eq!(queue.due(), Some(now + Duration::from_secs(11)));
        assert_eq!(due(&mut queue, now + Duration::from_secs(86_400)), [3, 1]);
        assert_eq!(queue.due(), None);
    }
}
