//! The listener of `[metrics]`: one thread that answers one request at a time.
//!
//! It shares nothing with the chat's listeners: a monitoring system can still see why the server is full, and one that
//! hangs holds up only itself.
//!
//! *Owns* the thread, the socket and its deadlines. *Knows nothing of* what is counted.

mod exposition;
mod process;
mod request;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::error::StartError;
use super::{listen, server_thread};
use crate::config::MetricsConfig;
use crate::hub::Hub;
use exposition::Exposition;
use request::{MOST_BYTES, ScrapeRefusal};

/// How long a request may take, from its first byte to the last of its answer. Prometheus gives up after ten seconds, and
/// is in the same network.
const REQUEST: Duration = Duration::from_secs(2);

/// How often a blocked call checks whether the server has stopped.
const LOOK: Duration = Duration::from_millis(100);

/// How long to read on after the answer, so that closing is not a reset that destroys it.
const LINGER: Duration = Duration::from_millis(200);

/// How long to wait after `accept` has failed because no descriptor is left.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// The listener, bound and not yet answering.
pub(super) struct MetricsListener {
    socket: TcpListener,
    address: SocketAddr,
}

impl MetricsListener {
    /// Binds the address of the configuration, if there is one.
    pub(super) fn bind(config: &MetricsConfig) -> Result<Option<MetricsListener>, StartError> {
        let Some(address) = config.listen else { return Ok(None) };
        let failed = |error| StartError::Listen { address, name: "metrics", error };
        let socket = listen(address, false).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Some(MetricsListener { socket, address }))
    }

    /// The line printed at the start.
    pub(super) fn announcement(&self) -> String {
        format!("listening on {} (metrics)", self.address)
    }

    /// Starts the thread.
    pub(super) fn start(self, hub: &Arc<Hub>) -> Result<RunningMetrics, StartError> {
        let shared = Arc::new(SharedSocket { socket: self.socket, stopped: AtomicBool::new(false) });
        let (own, exposition) = (Arc::clone(&shared), Exposition::new(Arc::clone(hub)));
        let thread = server_thread("metrics".to_owned(), move || own.answer_all(&exposition))?;
        Ok(RunningMetrics { shared, thread })
    }
}

/// The running listener.
pub(super) struct RunningMetrics {
    shared: Arc<SharedSocket>,
    thread: thread::JoinHandle<()>,
}

impl RunningMetrics {
    /// Stops the listener, and the request being answered.
    pub(super) fn stop(self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread from `accept`. A listener that cannot be shut down ends with the process.
        let woken = SockRef::from(&self.shared.socket).shutdown(Shutdown::Both);
        if woken.is_ok() {
            // A panic has already been reported by the panic hook.
            let _ = self.thread.join();
        }
    }
}

struct SharedSocket {
    socket: TcpListener,
    stopped: AtomicBool,
}

impl SharedSocket {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn answer_all(&self, exposition: &Exposition) {
        while !self.is_stopped() {
            match self.socket.accept() {
                Ok((stream, peer)) => {
                    let answer = || self.answer(&stream, exposition);
                    match catch_unwind(AssertUnwindSafe(answer)) {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => log::debug!("metrics for {peer}: {error}"),
                        // The next request may succeed.
                        Err(_) => log::error!("metrics for {peer}: answering them panicked"),
                    }
                }
                Err(_) if self.is_stopped() => return,
                // The peer left before it was accepted, or a signal interrupted the call.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(error) => {
                    log::warn!("metrics: cannot accept: {error}");
                    // The system has no descriptor left, and does not tell when there is one again.
                    thread::sleep(EXHAUSTED_WAIT);
                }
            }
        }
    }

    /// Answers one request.
    fn answer(&self, stream: &TcpStream, exposition: &Exposition) -> io::Result<()> {
        let deadline = Instant::now() + REQUEST;
        let answer = match self.read_head(stream, deadline)? {
            Ok(head) => match request::read(&head) {
                Ok(scrape) => {
                    let metrics = exposition.write(scrape.form).map_err(|_| io::Error::from(ErrorKind::Other))?;
                    scrape.answer(&metrics)
                }
                Err(refusal) => refusal.answer(),
            },
            Err(refusal) => refusal.answer(),
        };
        // A peer that was too slow still gets a moment to read the refusal.
        self.write(stream, &answer, deadline.max(Instant::now() + LINGER))?;
        self.close(stream)
    }

    /// Reads the head of a request, or finds out why there is none. An error if the peer is gone.
    fn read_head(&self, mut stream: &TcpStream, deadline: Instant) -> io::Result<Result<Vec<u8>, ScrapeRefusal>> {
        let mut head = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match self.wait(deadline, |left| {
                stream.set_read_timeout(Some(left))?;
                stream.read(&mut buffer)
            }) {
                Ok(0) if head.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
                // It may still read.
                Ok(0) => return Ok(Err(ScrapeRefusal::BAD)),
                Ok(count) => head.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Err(ScrapeRefusal::TOO_SLOW)),
                Err(error) => return Err(error),
            }
            if request::is_complete(&head) {
                return Ok(Ok(head));
            }
            if head.len() > MOST_BYTES {
                return Ok(Err(ScrapeRefusal::TOO_LARGE));
            }
        }
    }

    fn write(&self, mut stream: &TcpStream, mut answer: &[u8], deadline: Instant) -> io::Result<()> {
        while !answer.is_empty() {
            let taken = self.wait(deadline, |left| {
                stream.set_write_timeout(Some(left))?;
                stream.write(answer)
            })?;
            answer = &answer[taken..];
        }
        Ok(())
    }

    /// Closes the writing side, and reads on for a moment.
    fn close(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + LINGER;
        let mut rest = [0; 512];
        while self.wait(deadline, |left| {
            stream.set_read_timeout(Some(left))?;
            stream.read(&mut rest)
        })? > 0
        {}
        Ok(())
    }

    /// Repeats a call with a short timeout until it has succeeded or the deadline has passed.
    fn wait<R>(&self, deadline: Instant, mut call: impl FnMut(Duration) -> io::Result<R>) -> io::Result<R> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_stopped() {
                return Err(ErrorKind::TimedOut.into());
            }
            match call(left.min(LOOK)) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                }
                done => return done,
            }
        }
    }
}
